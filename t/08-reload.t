# Signals while uploads wait: reload, graceful stop, fast stop, a new binary,
# several workers, a worker killed, no master at all. No upload hangs, none gets
# a second answer, no worker stays behind.

use strict;
use warnings;

use P2pfsTest;
use Test::More;
use Time::HiRes qw(time sleep);

store();
my $ok = post_body('hello', 1);
my $gossipd = gossipd();

sub code { P2pfsTest::Nginx::code($_[0] // { status => 0, body => '' }) }

# An upload on a connection of its own that gossipd has got.
sub begin {
    my ($nginx, $id) = @_;
    my $s = $nginx->connect or die "connect: $@";
    syswrite $s, post_raw("/api/sets/$id/files/0", $ok, 'Connection: close');
    $gossipd->lines(qr/ id=\Q$id\E /) or die "gossipd did not get $id";
    return $s;
}

sub end {
    my ($s) = @_;
    my ($answer) = P2pfsTest::Nginx::answers($s, 1);
    close $s;
    return code($answer);
}

sub connections { scalar grep { /^connected/ } $gossipd->lines }

# reload: the old worker stays for its upload, the new one has its own channel
{
    my $nginx = P2pfsTest::Nginx->new->start;
    my ($old) = $nginx->workers;
    is($nginx->post('/api/sets/a1/files/0', $ok)->{status}, 201, 'before');
    my $s = begin($nginx, 'late-400-reload');
    my $silent = begin($nginx, 'silent-reload');
    $nginx->write_conf(location => api('add_header X-New yes;'));
    $nginx->signal('HUP');
    ok(wait_for(5, sub { $nginx->get('/api/sets/done')->{head} =~ /X-New/ }),
        'the new configuration serves');
    is($nginx->post('/api/sets/a2/files/0', $ok)->{status}, 201, 'uploads too');
    ok(P2pfsTest::alive($old), 'the old worker waits');
    is(end($s), '201 ok', 'its upload is answered');
    is(end($silent), '503 outcome-unknown', 'or times out');
    ok(wait_for(5, sub { !P2pfsTest::alive($old) }), 'then it goes');
    is($nginx->stop, '', 'reload: the log is clean');
}

# reload x 20 under load
{
    my $nginx = P2pfsTest::Nginx->new(workers => 2)->start;
    my %codes;
    for my $round (1 .. 20) {
        my @s = map { $nginx->connect } 1 .. 5;
        my $n = 0;
        for my $s (@s) {
            syswrite $s, ++$n % 2
                ? post_raw("/api/sets/load-$round-$n/files/0", $ok,
                    'Connection: close')
                : "GET /api/sets/done/files/1 HTTP/1.1\r\nHost: t\r\n"
                    . "Connection: close\r\n\r\n";
        }
        $nginx->signal('HUP');
        $codes{end($_)}++ for @s;
    }
    is_deeply(\%codes, { '200 ok' => 40, '201 ok' => 60 }, 'reloads under load');
    ok(wait_for(10, sub { $nginx->workers == 2 }), 'two workers in the end');
    is($nginx->stop, '', 'reloads: the log is clean');
}

# a worker that stops is not kept by an idle channel, nor by one that is silent
{
    my $nginx = P2pfsTest::Nginx->new->start;
    is($nginx->post('/api/sets/idle/files/0', $ok)->{status}, 201, 'a channel');
    my $start = time;
    is($nginx->stop('QUIT'), '', 'a graceful stop');
    cmp_ok(time - $start, '<', 2, 'at once');
}
{
    my $quiet = FakeGossipd->new(path => "$P2pfsTest::dir/quiet.sock",
        log => "$P2pfsTest::dir/quiet.log", welcome => 'silent');
    (my $location = api('p2pfs_timeout 300ms;')) =~ s/gossipd\.sock/quiet.sock/;
    my $nginx = P2pfsTest::Nginx->new(location => $location)->start;
    is(code($nginx->post('/api/sets/x/files/0', $ok)), '503 store-unavailable',
        'no welcome');
    my $start = time;
    is($nginx->stop('QUIT'), '', 'a graceful stop without a welcome');
    cmp_ok(time - $start, '<', 1.5, 'does not wait for it');
}

# graceful stop with uploads that wait: answered first
{
    my $nginx = P2pfsTest::Nginx->new->start;
    my $s = begin($nginx, 'late-300-quit');
    my $silent = begin($nginx, 'silent-quit');
    $nginx->signal('QUIT');
    is(end($s), '201 ok', 'graceful: the answer');
    is(end($silent), '503 outcome-unknown', 'graceful: the timeout');
    is($nginx->stop, '', 'graceful: the log is clean');
}

# fast stop: the connection ends, nothing is answered twice or complained of
{
    my $nginx = P2pfsTest::Nginx->new->start;
    my $s = begin($nginx, 'silent-term');
    is($nginx->stop('TERM'), '', 'fast stop: the log is clean');
    is(end($s), '0 ok', 'fast stop: no answer');
}

# gossipd restarts while uploads wait
{
    my $nginx = P2pfsTest::Nginx->new(location => api('p2pfs_timeout 9s;'))
        ->start;
    my @s = map { begin($nginx, "silent-restart-$_") } 1 .. 5;
    $gossipd->stop;
    $gossipd = gossipd();
    is_deeply([map { end($_) } @s], [('503 outcome-unknown') x 5],
        'gossipd restarts');
    is($nginx->post('/api/sets/restarted/files/0', $ok)->{status}, 201, 'after');
    is($nginx->stop, '', 'restart: the log is clean');
}

# a worker is killed: another takes its place, with a channel of its own
{
    my $nginx = P2pfsTest::Nginx->new->start;
    my ($worker) = $nginx->workers;
    my $s = begin($nginx, 'silent-kill');
    kill 'KILL', $worker;
    is(end($s), '0 ok', 'a killed worker does not answer');
    ok(wait_for(5, sub { ($nginx->workers)[0] // $worker != $worker }),
        'another takes its place');
    my $code = wait_for(5, sub {
        my $a = $nginx->post('/api/sets/killed/files/0', $ok);
        return $a->{status} == 201 && 201;
    });
    is($code, 201, 'and serves');
    # nginx reports the death of the worker as an alert, and nothing else
    my @bad = grep { !/exited on signal 9/ } split /\n/, $nginx->stop;
    is_deeply(\@bad, [], 'killed: the log has only that');
}

# several workers: a channel each, as soon as each has an upload
{
    my $before = connections();
    my $nginx = P2pfsTest::Nginx->new(workers => 3)->start;
    my @s = map { begin($nginx, "late-50-workers-$_") } 1 .. 30;
    is_deeply([map { end($_) } @s], [('201 ok') x 30], 'three workers');
    my $made = connections() - $before;
    ok($made >= 1 && $made <= 3, "$made channels for three workers");
    is($nginx->stop, '', 'three workers: the log is clean');
}

# a new binary beside the old one, then in its place
{
    my $nginx = P2pfsTest::Nginx->new->start;
    my $old = $nginx->pid;
    my $s = begin($nginx, 'late-400-upgrade');
    $nginx->signal('USR2');
    my $new = wait_for(5, sub {
        my $pid = $nginx->pid;
        return defined $pid && $pid != $old && $nginx->workers($pid) && $pid;
    });
    ok($new, 'a second master');
    is($nginx->post('/api/sets/both/files/0', $ok)->{status}, 201, 'both serve');
    kill 'QUIT', $old;
    is(end($s), '201 ok', 'the old one answers what it has');
    ok(wait_for(5, sub { !P2pfsTest::alive($old) }), 'and goes');
    is($nginx->post('/api/sets/new/files/0', $ok)->{status}, 201,
        'the new one serves');
    is($nginx->get('/api/sets/done/files/0')->{status}, 200, 'and reads');
    is($nginx->stop, '', 'upgrade: the log is clean');
}

# no master
{
    my $nginx = P2pfsTest::Nginx->new(workers => 0)->start;
    is($nginx->post('/api/sets/single/files/0', $ok)->{status}, 201,
        'master_process off');
    is($nginx->get('/api/sets/done/files/0')->{status}, 200, 'reads');
    is($nginx->stop, '', 'master_process off: the log is clean');
}

done_testing();
