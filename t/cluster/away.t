#!/usr/bin/perl
# Guards catch-up and independence: a peer that was away gets all it missed; a
# new one gets everything; nginx reads on without gossipd, refuses writes with a
# status that says so, and works on when it is back.
# P2PFS_AWAY_SECONDS: how long the peer is away at least.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use lib 't/lib';
use P2pfsCluster;
use P2pfsSets;

my $AWAY_SECONDS = $ENV{P2PFS_AWAY_SECONDS} // 5;

random_seed();
my $c = P2pfsCluster->new(nodes => 3);

my $before = make_set('before', 20);
upload($c, [1], $before);
read_whole($c, 3, $before);

$c->stop(3);
my $begin = time;
my @meanwhile = (make_set('meanwhile', 600),
    make_set('meanwhile-rooted', 400, rooted => 1),
    make_set('meanwhile-large', 4, bytes => 400000));
upload($c, [1, 2], @meanwhile);
sleep 0.1 while time - $begin < $AWAY_SECONDS;
$c->start(3);
$begin = time;
wait_for {
    my $r = $c->get_set(3, 'meanwhile')->{json};
    $r && $r->{complete};
} 30, 'node 3 has what it missed';
note sprintf 'caught up with 600 files after %.2f s', time - $begin;
read_whole($c, 3, $_, what => 'missed while away') for @meanwhile;

# gossipd stopped cleanly: reads, refused writes, and back.
$c->stop(2, 'gossipd');
read_whole($c, 2, $before, what => 'without gossipd');
my $r = $c->post(2, 'later', 0, 1, 'bytes');
is($r->{status}, 503, 'a write without gossipd');
is(($r->{json} // {})->{code}, 'store-unavailable', 'its code');
ok($r->{headers}{'retry-after'}, 'its Retry-After');
is($c->get(2, 'later', 0)->{status}, 404, 'nothing of it');
$c->start(2, 'gossipd');
is($c->get(2, 'before', 3)->{status}, 200, 'a read first, then');
wait_for {
    $c->post(2, 'later', 0, 1, 'bytes')->{status} == 201;
} 10, 'a write when gossipd is back';
my $later = set_of('later', ['bytes']);
read_whole($c, $_, $later) for 1 .. 3;

# gossipd gone without a word.
$c->kill_hard(2, 'gossipd');
is($c->post(2, 'killed', 0, 1, 'bytes')->{status}, 503,
    'a write after kill -9');
is($c->get(2, 'later', 0)->{status}, 200, 'a read after kill -9');
$c->start(2, 'gossipd');
wait_for {
    $c->post(2, 'killed', 0, 1, 'bytes')->{status} == 201;
} 10, 'a write when it is back after kill -9';
read_whole($c, $_, set_of('killed', ['bytes'])) for 1 .. 3;

$c->finish;
done_testing;
