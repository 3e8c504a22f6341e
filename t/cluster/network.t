#!/usr/bin/perl
# Guards the border: a node with another network key dials in and is dialled,
# never links, gets nothing and gives nothing.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use lib 't/lib';
use P2pfsCluster;
use P2pfsSets;

my $c = P2pfsCluster->new(nodes => 4, network => { 3 => 'other', 4 => 'other' });

my $ours = make_set('ours', 5);
my $theirs = make_set('theirs', 5, rooted => 1);
upload($c, [1], $ours);
upload($c, [3], $theirs);
read_whole($c, 2, $ours);
read_whole($c, 4, $theirs);

# Long enough for redials and several heartbeats.
my $end = time + 3;
my $links = 0;
while (time < $end) {
    for my $node (1 .. 4) {
        my $n = $c->status($node)->{links} // 0;
        $links = $n if $n > $links;
    }
    sleep 0.1;
}
is($links, 1, 'nobody ever has more than the one link of its own network');
is($c->get_set($_, 'ours')->{status}, 404, "node $_: nothing of ours")
    for 3, 4;
is($c->get_set($_, 'theirs')->{status}, 404, "node $_: nothing of theirs")
    for 1, 2;

$c->finish;
done_testing;
