# Reloads, new binaries and killed workers under load: a request that meets one
# of them is answered all the same, with what was asked for or with one of the
# two documented 503; none is cut off, but those that a killed worker had. With
# P2PFS_LONG=1: 200 reloads and 20 upgrades.

use strict;
use warnings;

use P2pfsLoad;
use P2pfsTest;
use RealGossipd;
use Test::More;
use Time::HiRes qw(time sleep);

my ($reloads, $upgrades, $kills) = $ENV{P2PFS_LONG} ? (200, 20, 100)
    : (15, 3, 6);
my $again = 'store-unavailable|outcome-unknown';

my $gossipd = RealGossipd->new(dir => "$P2pfsTest::dir/node");
(my $location = api('p2pfs_timeout 9s;')) =~ s{unix:\S+;}{'unix:'
    . $gossipd->socket . ';'}e;
my $db = $gossipd->db;
$location =~ s{p2pfs_db \S+;}{p2pfs_db $db;};

sub nginx {
    my $nginx = P2pfsTest::Nginx->new(workers => 2, location => $location,
        http => 'keepalive_requests 50;')->start;
    my $answer = $nginx->post('/api/sets/known/files/0', post_body('known', 1));
    like($answer->{status}, qr/^20[01]$/, 'a file to read');
    return $nginx;
}

sub load {
    my ($nginx) = @_;
    my $path = '/api/sets/known/files/0';
    return P2pfsLoad->new(nginx => $nginx, clients => 3, get => [$path],
        expect => { $path => $nginx->get($path)->{body} });
}

# Whatever was asked, was answered. A killed worker takes its requests along.
sub judge {
    my ($sum, $name, $cut_off) = @_;
    my @failed = grep { !$cut_off || $_ !~ /$cut_off/ } @{ $sum->{failed} };
    is_deeply([@failed[0 .. ($#failed < 4 ? $#failed : 4)]], [],
        "$name: no request failed");
    my @other = grep { !/^(total|retried|failed)$/ && !/^20[01] ok$/
        && !/^503 ($again)$/ } keys %$sum;
    is_deeply(\@other, [], "$name: no answer but the documented ones");
    cmp_ok($sum->{'200 ok'} // 0, '>', 5, "$name: reads");
    cmp_ok($sum->{'201 ok'} // 0, '>', 5, "$name: uploads");
    diag("$name: " . join ', ', map { "$_: " . (ref $sum->{$_}
        ? @{ $sum->{$_} } : $sum->{$_}) } sort keys %$sum);
}

# The generation that serves: its number is in a header of each answer.
sub turn {
    my ($nginx, $round) = @_;
    $nginx->write_conf(
        location => $location =~ s/(\}\s*)\z/add_header X-Round $round; $1/r);
    $nginx->signal('HUP');
    return wait_for(10, sub {
        $nginx->get('/api/sets/known')->{head} =~ /^X-Round: $round\r/m;
    });
}

# reloads
{
    my $nginx = nginx();
    my $load = load($nginx);
    my $late = 0;
    for my $round (1 .. $reloads) {
        turn($nginx, $round) or $late++;
    }
    my $sum = $load->stop;
    is($late, 0, "$reloads reloads");
    judge($sum, 'reloads');
    is($sum->{"503 store-unavailable"} // 0, 0, 'and none is refused for it');
    ok(wait_for(10, sub { $nginx->workers == 2 }), 'no old worker stays');
    is($nginx->stop, '', 'reloads: the log is clean');
}

# a new binary in place of the old one
{
    my $nginx = nginx();
    my $load = load($nginx);
    my $late = 0;
    for my $round (1 .. $upgrades) {
        my $old = $nginx->pid;
        $nginx->signal('USR2');
        wait_for(10, sub {
            my $pid = $nginx->pid;
            return $pid && $pid != $old && $nginx->workers($pid) == 2;
        }) or $late++;
        kill 'QUIT', $old;
        wait_for(20, sub { !P2pfsTest::alive($old) }) or $late++;
    }
    my $sum = $load->stop;
    is($late, 0, "$upgrades upgrades");
    judge($sum, 'upgrades');
    is($nginx->stop, '', 'upgrades: the log is clean');
}

# a new binary that is taken back: the old one serves again
{
    my $nginx = nginx();
    my $load = load($nginx);
    my $old = $nginx->pid;
    $nginx->signal('USR2');
    my $new = wait_for(10, sub {
        my $pid = $nginx->pid;
        return $pid && $pid != $old && $nginx->workers($pid) == 2 && $pid;
    });
    my $of_old = sub { scalar grep { $_ != $new } $nginx->workers($old) };
    kill 'WINCH', $old;
    ok(wait_for(10, sub { $of_old->() == 0 }), 'the old one rests');
    kill 'HUP', $old;
    ok(wait_for(10, sub { $of_old->() == 2 }), 'and works again');
    kill 'QUIT', $new;
    ok(wait_for(10, sub { !P2pfsTest::alive($new) }), 'the new one goes');
    judge($load->stop, 'taken back');
    is($nginx->stop, '', 'taken back: the log is clean');
}

# killed workers: what they had is cut off; the others' and the next are not
{
    my $nginx = nginx();
    my $load = load($nginx);
    my $late = 0;
    for (1 .. $kills) {
        my @workers = $nginx->workers;
        my $victim = $workers[rand @workers];
        sleep 0.05 + rand 0.1;
        kill 'KILL', $victim;
        wait_for(10, sub {
            my @now = $nginx->workers;
            return @now == 2 && !grep { $_ == $victim } @now;
        }) or $late++;
    }
    my $sum = $load->stop;
    is($late, 0, "$kills workers killed, each replaced");
    judge($sum, 'killed', qr/closed|reset/);
    cmp_ok(scalar @{ $sum->{failed} }, '<=', 3 * $kills,
        'at most one request of each client for each of them');
    my @bad = grep { !/exited on signal 9/ } split /\n/, $nginx->stop;
    is_deeply(\@bad, [], 'killed: the log has only that');
}

is($gossipd->stop, '', 'gossipd saw nothing wrong');
is(qx(sqlite3 '$db' 'PRAGMA integrity_check'), "ok\n", 'the database is sound');

done_testing();
