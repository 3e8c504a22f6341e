#!/usr/bin/perl
# Guards an acknowledgement: gossipd is killed -9 again and again in the middle
# of uploads, and every file that any node had said yes to is on all nodes in
# the end. Also a node that stands still: it costs the others nothing.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use lib 't/lib';
use P2pfsCluster;
use P2pfsSets;

random_seed();
my $c = P2pfsCluster->new(nodes => 3);

# Uploaders try again as clients do, so that the sets are complete in the end;
# what was acknowledged before a kill is not sent again.
my @sets = (make_set('crash', 400), make_set('crash-rooted', 300, rooted => 1),
    make_set('crash-large', 8, bytes => 500000));
my $u = upload_start($c, [1, 2], @sets);
for my $victim (2, 3, 2, 3) {
    sleep 0.3 + rand 0.4;
    $c->kill_hard($victim, 'gossipd');
    sleep rand 0.3;
    $c->start($victim, 'gossipd');
}
my $r = upload_wait($u);
is(scalar @{ $r->{ok} }, $r->{total}, 'all acknowledged in the end')
    or diag(join "\n", @{ $r->{failed} });
for my $set (@sets) {
    read_whole($c, $_, $set) for 1 .. 3;
}

# Half a set: what was acknowledged by a node that then died is there.
my $half = make_set('half', 60);
my %sent;
for my $index (0 .. 29) {
    my $got = $c->post(2, 'half', $index, 60, $half->{files}[$index]);
    $sent{$index} = 1 if $got->{status} == 201;
}
$c->kill_hard(2);
is(scalar keys %sent, 30, 'thirty acknowledged');
$c->start(2);
$c->wait_linked;
for my $node (1 .. 3) {
    wait_for {
        my $j = $c->get_set($node, 'half')->{json};
        $j && ($j->{received} // 0) == 30;
    } 20, "node $node has the thirty";
}
pass('a killed node keeps and passes on what it acknowledged');
upload($c, [1, 3], $half);
read_whole($c, $_, $half) for 1 .. 3;

# A node that stands still.
$c->pause(3);
my $begin = time;
my $still = make_set('while-3-stands-still', 200);
upload($c, [1, 2], $still);
read_whole($c, $_, $still) for 1 .. 2;
cmp_ok(time - $begin, '<', 15, 'the others go on');
$c->resume(3);
read_whole($c, 3, $still, what => 'after it stood still');

$c->finish;
done_testing;
