#!/usr/bin/perl
# Guards the promise itself: a set's files, uploaded in any order through any
# nodes, with a root or without, are served by every node with proofs that
# somebody else's verifier accepts. The sizes stand on both sides of where trees
# and tiles change their shape.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use P2pfsCluster;
use P2pfsSets;

random_seed();
my $c = P2pfsCluster->new(nodes => 3);

my @sets = map { make_set("set-$_", $_, rooted => $_ % 2) }
    1, 2, 3, 7, 8, 127, 128, 129, 257, 1000;
push @sets, map { make_set("other-$_", $_, rooted => ($_ + 1) % 2) } 1, 2, 129;

upload($c, [1, 2, 3], @sets);
for my $set (@sets) {
    for my $node (1 .. 3) {
        read_whole($c, $node, $set, by_root => $node == 2);
    }
}

for my $node (1 .. 3) {
    my $j = $c->get_set($node, 'set-129')->{json};
    is_deeply([@$j{qw(setId setCount received)}, $j->{complete} ? 1 : 0,
            $j->{root}, $j->{missing}],
        ['set-129', 129, 129, 1, hex0x($sets[7]{root}), []],
        "node $node: GET sets/set-129");
}

$c->finish;
done_testing;
