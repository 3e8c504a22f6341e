# Nothing grows with the number of requests: memory, descriptors and connections
# of a worker and of gossipd, over reads, uploads, errors, clients that leave.
# What is measured is the slope behind a warm-up: caches have a cap, leaks have
# none. P2PFS_LONG=1: 10^5 requests in place of 2 * 10^4.

use strict;
use warnings;

use P2pfsTest;
use RealGossipd;
use Socket qw(SOL_SOCKET SO_LINGER MSG_NOSIGNAL);
use Test::More;
use Time::HiRes qw(time sleep);

my $requests = $ENV{P2PFS_LONG} ? 100_000 : 20_000;
my $rounds = 10;
my $clients = 16;
# KiB over the second half of the rounds: of the long form 26 bytes for each
# request, where a pool would be 4096
my $slack = 640;

my $gossipd = RealGossipd->new(dir => "$P2pfsTest::dir/node");
my ($db, $socket) = ($gossipd->db, $gossipd->socket);
my $nginx = P2pfsTest::Nginx->new(http => 'keepalive_requests 10000000;'
    . 'access_log off;', location => 'access_log off;'
    . 'location /api/ { p2pfs on;'
    . "p2pfs_db $db; p2pfs_gossipd unix:$socket; }")->start;
my ($worker) = $nginx->workers;
my %pid = (worker => $worker, gossipd => $gossipd->pid);

sub kib {
    my ($pid) = @_;
    open my $f, '<', "/proc/$pid/status" or die "process $pid is gone";
    return (map { /^RssAnon:\s+(\d+)/ } <$f>)[0];
}

sub descriptors { my @fd = glob "/proc/$_[0]/fd/*"; return scalar @fd }

my $ok = post_body('grows?', 1);
my $known = '/api/sets/known/files/0';
my @kinds = (
    sub { "GET $known HTTP/1.1\r\nHost: t\r\n\r\n" },
    sub { post_raw($known, $ok) },
    sub { "GET /api/sets/known HTTP/1.1\r\nHost: t\r\n\r\n" },
    sub { "GET /api/sets/none-$_[0] HTTP/1.1\r\nHost: t\r\n\r\n" },
    sub { post_raw('/api/sets/bad/files/0', '{"content":"0x1"}') },
    sub { post_raw($known, post_body('other bytes', 1)) },
    sub { "PUT $known HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello" },
    sub { post_raw($known, ' ' x 20_000 . $ok) },
);
# gossipd remembers what is new, up to the caps of its caches: not measured here
my @new = sub { post_raw("/api/sets/new-$_[0]/files/0", $ok) };
my $n = 0;

# One request of each client in flight, so that uploads share a commit.
sub exchange {
    my ($count, $kinds, @s) = @_;
    my %codes;
    while ($count > 0) {
        send $_, $kinds->[$n++ % @$kinds]->($n), MSG_NOSIGNAL for @s;
        for my $s (@s) {
            my ($a) = P2pfsTest::Nginx::answers($s, 1);
            $codes{$a ? $a->{status} : 0}++;
        }
        $count -= @s;
    }
    return \%codes;
}

sub leave {
    for my $k (1 .. 20) {
        my $s = $nginx->connect or die "connect: $@";
        my $raw = $kinds[$k % @kinds]->($k);
        send $s, substr($raw, 0, $k % 3 ? length $raw : 60), MSG_NOSIGNAL;
        setsockopt $s, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0 if $k % 2;
        close $s;
    }
}

is($nginx->post($known, $ok)->{status}, 201, 'a file to read');
my @s = map { $nginx->connect } 1 .. $clients;
my %open;
for my $mix (['known', \@kinds, qw(gossipd worker)],
    ['new', [@kinds, @new], 'worker']) {
    my ($name, $kinds, @who) = @$mix;
    my (%memory, %codes);
    exchange($requests / 20, $kinds, @s); # warm
    leave();
    for my $round (1 .. $rounds) {
        my $part = exchange($requests / 2 / $rounds, $kinds, @s);
        $codes{$_} += $part->{$_} for keys %$part;
        leave();
        for my $who (@who) {
            push @{ $memory{$who} }, kib($pid{$who});
            push @{ $open{$who} }, descriptors($pid{$who});
        }
    }
    diag("$name: " . join ' ', map { "$_:$codes{$_}" } sort keys %codes);
    is_deeply([sort keys %codes], [200, ($name eq 'new' ? 201 : ()), 400, 404,
        405, 409], "$name: the answers");
    for my $who (@who) {
        my @m = @{ $memory{$who} };
        diag("$name: $who: KiB @m; descriptors @{ $open{$who} }");
        SKIP: {
            skip 'a sanitizer keeps what is freed', 1
                if qx(nm -D '$P2pfsTest::module') =~ /__asan_/;
            cmp_ok($m[-1] - $m[$rounds / 2 - 1], '<', $slack,
                "$name: $who: memory stands still");
        }
    }
}
close $_ for @s;
for my $who (sort keys %pid) {
    my $first = $open{$who}[0] - ($who eq 'worker' ? $clients : 0);
    ok(wait_for(5, sub { descriptors($pid{$who}) <= $first }),
        "$who: no descriptor stays");
}
is(($nginx->workers)[0], $worker, 'the same worker');
is($nginx->stop, '', 'the log is clean');
is($gossipd->stop, '', 'gossipd saw nothing wrong');

done_testing();
