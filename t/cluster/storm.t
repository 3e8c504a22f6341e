#!/usr/bin/perl
# Guards what a node promises through whatever happens to its processes: while
# files are uploaded, gossipd and nginx of random nodes are killed, stopped,
# reloaded and frozen. In the end every acknowledged file is on every node, the
# databases are sound and tell the same story. P2PFS_LONG=1: many rounds.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use lib 't/lib';
use P2pfsCluster;
use P2pfsSets;

plan skip_all => 'sqlite3 is not installed'
    if system('sqlite3 --version >/dev/null 2>&1') != 0;

my $seed = random_seed();
my $rounds = $ENV{P2PFS_LONG} ? 20 : 1;
my $c = P2pfsCluster->new(nodes => 3, workers => 2);

# What can happen to a node; each leaves it running.
my @blow = (
    ['kill gossipd', sub { $c->kill_hard($_[0], 'gossipd') }],
    ['kill both', sub { $c->kill_hard($_[0]) }],
    ['stop gossipd', sub { $c->stop($_[0], 'gossipd') }],
    ['stop both', sub { $c->stop($_[0]) }],
    ['freeze gossipd', sub {
        $c->pause($_[0], 'gossipd');
        sleep 0.2 + rand 0.8;
        $c->resume($_[0]);
    }],
    ['hang up', sub { kill 'HUP', $c->pid($_[0], 'gossipd') }],
    ['reload nginx', sub { kill 'HUP', $c->pid($_[0], 'nginx') }],
);

sub strike {
    my ($seconds) = @_;
    my $end = time + $seconds;
    while (time < $end) {
        my ($node, $blow) = (1 + int rand 3, $blow[rand @blow]);
        note "$blow->[0] on node $node";
        $blow->[1]->($node);
        sleep rand 0.2;
        $c->start($node);
        sleep 0.1 + rand 0.4;
    }
}

sub sqlite {
    my ($node, $query) = @_;
    my $db = $c->dir($node) . '/store.db';
    open my $out, '-|', 'sqlite3', '-readonly', $db, $query or die "sqlite3: $!";
    local $/;
    return <$out> =~ s/\s+\z//r;
}

for my $round (1 .. $rounds) {
    my @set = (make_set("plain-$seed-$round", 500),
        make_set("rooted-$seed-$round", 400, rooted => 1),
        make_set("large-$seed-$round", 12, rooted => 1, bytes => 200000));
    my $u = upload_start($c, [1, 2, 3], @set);
    strike(5);
    my $r = upload_wait($u);
    is(scalar @{ $r->{ok} }, $r->{total}, 'all acknowledged in the end')
        or diag(join "\n", @{ $r->{failed} });
    $c->wait_linked;
    for my $set (@set) {
        read_whole($c, $_, $set) for 1 .. 3;
    }
}

my $story = 'SELECT max(seq) FROM log;'
    . ' SELECT count(*), sum(length(body)) FROM content; SELECT count(*) FROM alt;'
    . ' SELECT l.set_id, g.n, hex(v.root), v.state, v.have FROM label l'
    . ' JOIN grp g USING (sk) JOIN version v USING (gk) ORDER BY 1, 2, 3';
wait_for {
    sqlite(1, $story) eq sqlite(2, $story)
        && sqlite(1, $story) eq sqlite(3, $story)
} 20, 'the three databases tell the same';
pass('the three databases tell the same');
for my $node (1 .. 3) {
    is(sqlite($node, 'PRAGMA integrity_check'), 'ok', "node $node is sound");
}
$c->finish;
for my $node (1 .. 3) {
    is(sqlite($node, 'PRAGMA integrity_check'), 'ok', 'and when it is stopped');
}
done_testing;
