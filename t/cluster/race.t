#!/usr/bin/perl
# Guards agreement: two uploaders fill one set id with different files at two
# nodes at once. Whoever wins, in the end all nodes give the same answers, and
# what was acknowledged is there: as the version, or as a candidate by hash.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use P2pfsCluster;
use P2pfsSets;
use P2pfsVerify qw(entry verify);

random_seed();
my $c = P2pfsCluster->new(nodes => 3);

# What a node says of a set, without what may differ in order.
sub view {
    my ($node, $id) = @_;
    my $j = $c->get_set($node, $id)->{json} or return '';
    return '' if !$j->{complete};
    my @versions = sort map { "$_->{root}/$_->{setCount}/$_->{received}" }
        @{ $j->{versions} // [] };
    my @candidates = sort map { "$_->{index}/$_->{setCount}/$_->{hash}" }
        @{ $j->{candidates} // [] };
    return join ' ', $j->{root}, $j->{setCount}, @versions, '|', @candidates;
}

# All nodes say the same, and say it again a moment later.
sub agree {
    my ($id) = @_;
    my $last = '';
    wait_for {
        my @view = map { view($_, $id) } 1 .. 3;
        my $same = $view[0] ne '' && !grep { $_ ne $view[0] } @view;
        my $stable = $same && $view[0] eq $last;
        $last = $same ? $view[0] : '';
        select undef, undef, undef, 0.5 if $same && !$stable;
        $stable;
    } 30, "all nodes agree on $id";
    pass("all nodes agree on $id");
}

# Whatever a client was told is stored can be read on every node.
sub readable {
    my ($r, %by_node) = @_;
    my $lost = 0;
    for my $ack (@{ $r->{ok} }) {
        my ($id, $index, $from) = @$ack;
        my $bytes = $by_node{$from}{files}[$index];
        for my $node (1 .. 3) {
            my $got = $c->get($node, $id, $index, hash => entry($bytes));
            $lost++ if !file_is($got, $bytes);
        }
    }
    is($lost, 0, scalar @{ $r->{ok} }
            . ' acknowledged files are readable by hash on every node');
}

# Both at once; a conflict is an answer, not a failure.
sub race {
    my ($n, $rooted, $id) = @_;
    my @set = map {
        my $who = $_;
        set_of($id, [map { "$who: file $_" } 0 .. $n - 1], rooted => $rooted)
    } 'one', 'two';
    my @u = (upload_start($c, [1], $set[0]), upload_start($c, [2], $set[1]));
    my @r = map { upload_wait($_) } @u;
    my @bad = grep { !/ 409 / } map { @{ $_->{failed} } } @r;
    is(scalar @bad, 0, "$id: each file is stored or a conflict")
        or diag(join "\n", @bad);
    my $acks = { ok => [map { @{ $_->{ok} } } @r] };
    return ($acks, 1 => $set[0], 2 => $set[1]);
}

for my $round (1 .. 3) {
    my ($acks, %set) = race(20, 0, "race-$round");
    if (@{ $acks->{ok} } >= 20) {
        agree("race-$round");
    } else {
        diag('fewer files than a set');
    }
    readable($acks, %set);

    ($acks, %set) = race(20, 1, "race-rooted-$round");
    agree("race-rooted-$round");
    readable($acks, %set);
}

# One uploader with, one without a root.
my $with = set_of('mixed', [map { "with $_" } 0 .. 9], rooted => 1);
my $without = set_of('mixed', [map { "without $_" } 0 .. 9]);
my @u = (upload_start($c, [1], $with), upload_start($c, [3], $without));
my @acks = map { upload_wait($_) } @u;
agree('mixed');
readable({ ok => [map { @{ $_->{ok} } } @acks] }, 1 => $with, 3 => $without);

# A GET by label gives the same file everywhere, and its proof holds.
for my $id (map { ("race-$_", "race-rooted-$_") } 1 .. 3) {
    my ($differ, $unproved) = (0, 0);
    for my $index (0 .. 19) {
        my @r = map { $c->get($_, $id, $index) } 1 .. 3;
        $differ++ if grep { $_->{content} ne $r[0]{content} } @r;
        my $j = $r[0]{json};
        $unproved++ unless $j && $j->{root} && verify(unhex0x($j->{root}), 20,
            $index, entry(unhex0x($j->{file})),
            map { unhex0x($_) } @{ $j->{proof}{proof} });
    }
    is("$differ $unproved", '0 0', "$id: the same answers, proved");
}

$c->finish;
done_testing;
