#!/usr/bin/perl
# Guards a node whose log has a row that points to nothing: once such a row
# kept everything behind it from the other nodes, and the node read it again
# without a pause, a full processor and a line in the log each time.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use lib 't/lib';
use P2pfsCluster;
use P2pfsSets;

plan skip_all => 'sqlite3 is not installed'
    if system('sqlite3 --version >/dev/null 2>&1') != 0;

my $c = P2pfsCluster->new(nodes => 2);
my @set = (make_set('before', 20), make_set('behind', 20));

$c->stop(2);
upload($c, [1], $_) for @set;
$c->stop(1, 'gossipd');
# the first file of the first set, and that it was published
my $db = $c->dir(1) . '/store.db';
is(system('sqlite3', $db, 'PRAGMA wal_checkpoint(TRUNCATE);'
    . 'UPDATE log SET a = a + (9 << 32) WHERE seq = 1;'
    . "DELETE FROM meta WHERE name = 'published'"), 0, 'a row is damaged');
$c->start($_) for 1, 2;
$c->wait_linked;

read_whole($c, 2, $set[1], what => 'what stands behind the damage');
wait_for {
    my $s = $c->status(1);
    ($s->{published} // 0) == ($s->{log_head} // -1)
} 10, 'all that can be published is';

my $cpu = sub {
    my @field = split ' ', P2pfsCluster::slurp(
        '/proc/' . $c->pid(1, 'gossipd') . '/stat') =~ s/^.*\) //r;
    return $field[11] + $field[12];
};
my $begin = $cpu->();
sleep 2;
cmp_ok($cpu->() - $begin, '<', 60, 'the node is idle');
my @line = grep { /damaged/ }
    split /\n/, P2pfsCluster::slurp($c->dir(1) . '/gossipd.log');
cmp_ok(scalar @line, '>=', 1, 'the log tells of it');
cmp_ok(scalar @line, '<=', 3, 'and is not flooded');
$c->finish;
done_testing;
