#!/usr/bin/perl
# Guards forwarding: five nodes of which each dials only its neighbours, so that
# everything reaches the far end through others, small files by push and large
# ones by pull; and a cut in the middle that heals.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use P2pfsCluster;
use P2pfsSets;

random_seed();
my $c = P2pfsCluster->new(nodes => 5, dials => 'line');

my @sets = (
    make_set('from-the-left', 40),
    make_set('from-the-right', 40, rooted => 1),
    make_set('from-the-middle', 12, bytes => 40000),
    make_set('large', 3, bytes => 700000, rooted => 1),
);
upload($c, [1], $sets[0]);
upload($c, [5], $sets[1]);
upload($c, [3], $sets[2]);
upload($c, [1, 5], $sets[3]);
for my $set (@sets) {
    read_whole($c, $_, $set) for 1 .. 5;
}

# Without node 3 the ends know nothing of each other; what was uploaded
# meanwhile crosses when it is back.
$c->stop(3);
my @apart = (make_set('left-of-the-cut', 30), make_set('right-of-the-cut', 30),
    make_set('on-both-sides', 30));
upload($c, [1], $apart[0]);
upload($c, [5], $apart[1]);
upload($c, [1, 2, 4, 5], $apart[2]);
read_whole($c, 2, $apart[0]);
is($c->get(5, 'left-of-the-cut', 0)->{status}, 404,
    'nothing crosses where nobody is');
is($c->get(1, 'on-both-sides', 0)->{status}, 409,
    'half a set is not complete');
$c->start(3);
for my $set (@apart) {
    read_whole($c, $_, $set) for 1 .. 5;
}

$c->finish;
done_testing;
