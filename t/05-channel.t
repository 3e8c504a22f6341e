# The channel to gossipd when things go wrong: nobody there, a full backlog,
# silence, an end in the middle, malformed frames, limits, partial writes,
# clients that leave. Each upload gets exactly one answer, and the next one
# works again.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use P2pfsTest;
use Test::More;
use Time::HiRes qw(time sleep);

store();
my $ok = post_body('hello', 1);
my $unavailable = '503 store-unavailable';
my $unknown = '503 outcome-unknown';
my $n = 0;

sub code { P2pfsTest::Nginx::code($_[0]) }

sub nginx { P2pfsTest::Nginx->new(@_)->start }

sub clean { is($_[0]->stop, '', "$_[1]: the log is clean") }

# Many uploads at once, each on a connection of its own; their codes, sorted.
sub at_once {
    my ($nginx, @ids) = @_;
    my @s;
    for my $id (@ids) {
        my $s = $nginx->connect or die "connect: $@";
        syswrite $s, post_raw("/api/sets/$id/files/0", $ok,
            'Connection: close');
        push @s, $s;
    }
    return map { code((P2pfsTest::Nginx::answers($_, 1))[0]
        // { status => 0, body => '' }) } @s;
}

# nobody listens: writes get 503, reads go on; then gossipd comes
{
    my $nginx = nginx();
    my $a = $nginx->post('/api/sets/x/files/0', $ok);
    is(code($a), $unavailable, 'no socket');
    like($a->{head}, qr/\r\nRetry-After: 1\r\n/, 'Retry-After');
    like($a->{head}, qr/\r\nCache-Control: no-store\r\n/, 'no-store');
    is($nginx->get('/api/sets/done/files/0')->{status}, 200, 'reads go on');

    open my $f, '>', "$P2pfsTest::dir/gossipd.sock" or die $!;
    close $f;
    is(code($nginx->post('/api/sets/x/files/0', $ok)), $unavailable,
        'a file that is no socket');

    my $g = gossipd();
    is($nginx->post('/api/sets/x/files/0', $ok)->{status}, 201,
        'gossipd is there now');
    is($nginx->post('/api/sets/x/files/0', $ok)->{status}, 200, 'and again');
    is(scalar(grep { /^connected/ } $g->lines), 1, 'over one connection');

    # restarted: the worker notices by itself, or with the next upload
    $g->stop;
    wait_for(5, sub { $nginx->log_text =~ /closed the channel/ });
    is(code($nginx->post('/api/sets/x/files/0', $ok)), $unavailable, 'gone');
    $g = gossipd();
    is($nginx->post('/api/sets/x/files/0', $ok)->{status}, 201, 'back');

    # killed with the channel open, and at once another in its place
    $g->signal('KILL');
    waitpid $g->{pid}, 0;
    $g->{pid} = 0;
    my $g2 = gossipd();
    my $code = wait_for(5, sub {
        my $c = $nginx->post('/api/sets/x/files/0', $ok)->{status};
        return $c == 201 && $c;
    });
    is($code, 201, 'killed and replaced');
    clean($nginx, 'comes and goes');
}

# a backlog that is full: at once, not after a while
{
    my $g = gossipd(backlog => 0, accept => 0);
    my @hold = map { IO::Socket::UNIX->new(Peer => "$P2pfsTest::dir/gossipd.sock",
        Timeout => 1) } 1;
    my $nginx = nginx();
    my $start = time;
    is(code($nginx->post('/api/sets/x/files/0', $ok)), $unavailable,
        'full backlog');
    cmp_ok(time - $start, '<', 0.4, 'at once');
    clean($nginx, 'backlog');
}

# HELLO without a WELCOME
for my $how (qw(close none version magic garbage result)) {
    my $g = gossipd(welcome => $how);
    my $nginx = nginx();
    is(code($nginx->post('/api/sets/x/files/0', $ok)), $unavailable,
        "welcome: $how");
    is(code($nginx->post('/api/sets/x/files/0', $ok)), $unavailable,
        "welcome: $how, again");
    is(scalar(grep { /^put/ } $g->lines), 0, 'nothing is handed over');
    clean($nginx, "welcome $how");
}
{
    my $g = gossipd(welcome => 'silent');
    my $nginx = nginx();
    my $start = time;
    is(code($nginx->post('/api/sets/x/files/0', $ok)), $unavailable,
        'welcome: silence, p2pfs_timeout');
    cmp_ok(time - $start, '>', 0.4, 'after p2pfs_timeout');
    ok(wait_for(5, sub { $nginx->log_text =~ /no welcome from gossipd/ }),
        'then the connection is closed');
    $g->stop;
    $g = gossipd();
    is($nginx->post('/api/sets/x/files/0', $ok)->{status}, 201, 'and a new one');
    clean($nginx, 'silent welcome');
}

# handed over, and no answer, a broken one, or too many
{
    my $g = gossipd();
    my $nginx = nginx();
    my $start = time;
    is(code($nginx->post('/api/sets/silent/files/0', $ok)), $unknown, 'silence');
    cmp_ok(time - $start, '>', 0.4, 'after p2pfs_timeout');
    for my $id (qw(close half stranger badframe badtype longframe num-60000)) {
        my $a = $nginx->post("/api/sets/$id/files/0", $ok);
        is(code($a), $unknown, $id);
        like($a->{head}, qr/\r\nRetry-After: 1\r\n/, "$id: Retry-After");
        is($nginx->post("/api/sets/after-$id/files/0", $ok)->{status}, 201,
            "$id: the next one");
    }
    is($nginx->post('/api/sets/twice/files/0', $ok)->{status}, 201, 'twice');
    is($nginx->post('/api/sets/x/files/0', $ok)->{status}, 201, 'after twice');

    # answered after the timeout: nobody is told twice
    is(code($nginx->post('/api/sets/late-700/files/0', $ok)), $unknown, 'late');
    ok(wait_for(5, sub { $nginx->log_text =~ /answered after the timeout/ }),
        'a late answer is seen and dropped');
    is($nginx->post('/api/sets/y/files/0', $ok)->{status}, 201, 'after late');

    # out of order: the slow one keeps nobody
    my @codes = at_once($nginx, 'late-300', map { "quick-$_" } 1 .. 20);
    is_deeply(\@codes, [('201 ok') x 21], 'many at once');

    # one end for all that wait
    @codes = at_once($nginx, (map { "silent-$_" } 1 .. 10), 'close-now');
    is_deeply(\@codes, [($unknown) x 11], 'the connection ends for many');
    is($nginx->post('/api/sets/z/files/0', $ok)->{status}, 201, 'after that');
    clean($nginx, 'answers');
}

# keep-alive: the connection is in step after each of those
{
    my $g = gossipd();
    my $nginx = nginx();
    my @ids = qw(k1 silent k2 close k3 half k4 err-not-in-root k5);
    my @a = $nginx->talk(scalar @ids,
        map { post_raw("/api/sets/$_/files/0", $ok) } @ids);
    is_deeply([map { code($_) } @a], ['201 ok', $unknown, '201 ok', $unknown,
        '201 ok', $unknown, '201 ok', '422 not-in-root', '201 ok'],
        'pipelined behind each other');
    clean($nginx, 'keep-alive');
}

# clients that leave: what was handed over is stored, the worker lives
{
    my $g = gossipd();
    my $nginx = nginx();
    for my $id (qw(late-100 late-300 silent-a silent-b), map { "gone-$_" } 1 .. 30) {
        my $s = $nginx->connect;
        syswrite $s, post_raw("/api/sets/$id/files/0", $ok);
        $g->lines(qr/ id=$id /) if $id =~ /^[ls]/;
        close $s;
    }
    ok(wait_for(5, sub { $nginx->log_text =~ /client prematurely closed/ }),
        'they leave');
    is($nginx->post('/api/sets/x/files/0', $ok)->{status}, 201, 'others stay');
    ok($g->lines(qr/ id=gone-1 /), 'and theirs is stored');

    # half a request
    my $raw = post_raw('/api/sets/cut/files/0', $ok);
    for my $len (length($raw) - 1, length($raw) - 20, 30) {
        my $s = $nginx->connect;
        syswrite $s, substr $raw, 0, $len;
        sleep 0.02;
        close $s;
    }
    is($nginx->post('/api/sets/x/files/0', $ok)->{status}, 200, 'half requests');
    is(scalar(grep { / id=cut / } $g->lines), 0, 'are not handed over');
    clean($nginx, 'clients that leave');
}

# limits out of the WELCOME
{
    my $g = gossipd(file_max => 100, requests_max => 3);
    my $nginx = nginx();
    is($nginx->post('/api/sets/l/files/0', post_body('x' x 100, 1))->{status},
        201, 'the largest file of this gossipd');
    is(code($nginx->post('/api/sets/l/files/1', post_body('x' x 101, 2))),
        '413 body-too-large', 'and one byte more');
    my @codes = sort(at_once($nginx, map { "silent-$_" } 1 .. 6));
    is_deeply(\@codes, [($unknown) x 3, ($unavailable) x 3],
        'requests in flight');
    is($nginx->post('/api/sets/m/files/0', $ok)->{status}, 201, 'room again');
    clean($nginx, 'limits');
}
{
    my $g = gossipd(bytes_max => 10000);
    my $nginx = nginx();
    is($nginx->post('/api/sets/l/files/0', post_body('x' x 8000, 1))->{status},
        201, 'bytes in flight: it fits');
    is(code($nginx->post('/api/sets/l/files/0', post_body('x' x 9990, 1))),
        $unavailable, 'and does not');
    clean($nginx, 'bytes');
}

# gossipd stops reading: partial writes, then all of it arrives
{
    my $g = gossipd();
    my $nginx = nginx(location => api('p2pfs_timeout 20s;'));
    is($nginx->post('/api/sets/warm/files/0', $ok)->{status}, 201, 'warm');
    $g->signal('STOP');
    my @content = map { chr(64 + $_) x 1000000 } 1 .. 8;
    my @s;
    for my $i (0 .. $#content) {
        my $s = $nginx->connect;
        my $raw = post_raw("/api/sets/p-$i/files/0",
            post_body($content[$i], 1), 'Connection: close');
        while (length $raw) {
            my $w = syswrite $s, $raw;
            substr($raw, 0, $w) = '';
        }
        push @s, $s;
    }
    sleep 0.3;
    is($nginx->get('/api/sets/done/files/0')->{status}, 200,
        'gossipd is stopped: reads go on');
    $g->signal('CONT');
    for my $i (0 .. $#content) {
        my ($a) = P2pfsTest::Nginx::answers($s[$i], 1);
        my $hash = sha256_hex($content[$i]);
        like($a->{body}, qr/"hash":"$hash"/, "partial writes, $i");
    }
    close $_ for @s;
    clean($nginx, 'partial writes');
}

# gossipd stopped: the first is handed over in part, the others are not
{
    my $g = gossipd();
    my $nginx = nginx(location => api('p2pfs_timeout 1s;'));
    is($nginx->post('/api/sets/warm/files/0', $ok)->{status}, 201, 'warm');
    $g->signal('STOP');
    my $big = post_body('y' x 1000000, 1);
    my @s;
    for my $i (0 .. 3) {
        my $s = $nginx->connect;
        my $raw = post_raw("/api/sets/q-$i/files/0", $big, 'Connection: close');
        while (length $raw) {
            my $w = syswrite $s, $raw;
            substr($raw, 0, $w) = '';
        }
        push @s, $s;
        sleep 0.05;
    }
    my @codes = map { code((P2pfsTest::Nginx::answers($_, 1))[0]) } @s;
    close $_ for @s;
    is_deeply(\@codes, [$unknown, ($unavailable) x 3],
        'gossipd is stopped until the timeout');
    $g->signal('CONT');
    is($nginx->post('/api/sets/r/files/0', $ok)->{status}, 201,
        'the half frame was ended, the channel is in step');
    ok($g->lines(qr/ id=q-0 .* len=1000000 /), 'and stored');
    is(scalar(grep { / id=q-[123] / } $g->lines), 0,
        'what was never handed over is not');
    is(scalar(grep { /^connected/ } $g->lines), 1, 'over the one connection');
    clean($nginx, 'stopped');
}

# two sockets, two databases; several locations of one socket share a channel
{
    my $g = gossipd();
    my $g2 = FakeGossipd->new(path => "$P2pfsTest::dir/second.sock",
        log => "$P2pfsTest::dir/second.log");
    mkstore("$P2pfsTest::dir/second.db", 'only 1 file root local all');
    (my $other = api()) =~ s/gossipd\.sock/second.sock/;
    $other =~ s/store\.db/second.db/;
    $other =~ s{/api/}{/two/};
    (my $same = api()) =~ s{/api/}{/same/};
    my $nginx = nginx(location => api() . $other . $same);
    is($nginx->post("/$_/sets/$_/files/0", $ok)->{status}, 201, "POST $_")
        for qw(api same two);
    is(scalar(grep { /^connected/ } $g->lines), 1, 'one connection for two');
    is(scalar(grep { / id=two / } $g2->lines(qr/put/)), 1, 'the other one');
    is($nginx->get("/two/sets/only")->{status}, 200, 'the other database');
    is($nginx->get("/api/sets/only")->{status}, 404, 'not mixed up');
    clean($nginx, 'two sockets');
}

done_testing();
