#!/usr/bin/perl
# Guards the edges of a file: none, one byte, the last size that is pushed and
# the first that is pulled, the largest; and that equal bytes in several places
# are several files.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use P2pfsCluster;
use P2pfsSets;

my $c = P2pfsCluster->new(nodes => 3);

my @size = (0, 1, 32768, 32769, 1048576);
my $sizes = set_of('sizes', [map { bytes_of("size $_", $_) } @size]);
my $rooted = set_of('sizes-rooted', $sizes->{files}, rooted => 1);
upload($c, [1], $sizes);
upload($c, [2], $rooted);
for my $node (1 .. 3) {
    read_whole($c, $node, $sizes);
    read_whole($c, $node, $rooted, by_root => 1);
}

my $same = set_of('same', ['twice', 'other', 'twice', '', '']);
my $again = set_of('same-again', ['twice', 'twice'], rooted => 1);
upload($c, [1, 2, 3], $same, $again);
for my $node (1 .. 3) {
    read_whole($c, $node, $same);
    read_whole($c, $node, $again);
}

is($c->post(1, 'too-large', 0, 1, bytes_of('x', 1048577))->{status}, 413,
    'one byte more than the largest file');
is($c->get_set($_, 'too-large')->{status}, 404, "node $_: nothing of it")
    for 1 .. 3;

$c->finish;
done_testing;
