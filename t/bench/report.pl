#!/usr/bin/perl

# Plots and a table out of what make bench wrote.
#
#   t/bench/report.pl BENCH.json DIR
#
# DIR/results.md has all rows; DIR/<group>.svg shows each row of a group as a
# bar (median) with its spread, and where target and floor are.

use strict;
use warnings;

use FindBin qw($Bin);
use JSON::PP;
use List::Util qw(max);

use lib "$Bin/lib";
use Bench::Table;

my %title = (
    get => 'Reading, beside static files of the same bytes',
    post => 'Writing, beside SQLite alone',
    latency => 'Reading while others write',
    tree => 'Completing a set (seconds)',
    stall => 'Longest stall of an event loop (ms)',
    bytes => 'Size of the database',
    memory => 'Memory (MiB)',
);
my ($WIDTH, $LEFT, $RIGHT, $ROW) = (860, 330, 90, 34);
my ($OURS, $SPREAD) = ('#4477aa', '#222222');
my ($TARGET, $FLOOR) = ('#228833', '#cc3311');

die "usage: report.pl BENCH.json DIR\n" if @ARGV != 2;
my ($json, $dir) = @ARGV;

sub read_results {
    open my $f, '<', $json or die "cannot open $json: $!; make bench first\n";
    local $/;
    return decode_json(readline $f);
}

sub write_file {
    my ($name, $text) = @_;
    mkdir $dir;
    open my $f, '>', "$dir/$name" or die "cannot write $dir/$name: $!\n";
    print {$f} $text;
    close $f or die "cannot write $dir/$name: $!\n";
    print "$dir/$name\n";
}

sub escape {
    my ($s) = @_;
    my %c = ('&' => '&amp;', '<' => '&lt;', '>' => '&gt;', '"' => '&quot;');
    $s =~ s/([&<>"])/$c{$1}/g;
    return $s;
}

sub text {
    my ($x, $y, $s, $more) = @_;
    return sprintf qq{<text x="%.1f" y="%.1f" %s>%s</text>\n}, $x, $y,
        $more // '', escape($s);
}

sub line {
    my ($x1, $y1, $x2, $y2, $color, $width) = @_;
    return sprintf qq{<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"}
        . qq{ stroke="%s" stroke-width="%s"/>\n}, $x1, $y1, $x2, $y2, $color,
        $width;
}

# One row, on a scale of its own where the rows have different units.
sub bar {
    my ($r, $y, $scale) = @_;
    my $at = sub { return $LEFT + $_[0] * $scale };
    my $out = text($LEFT - 8, $y + 19, $r->{name}, 'text-anchor="end"');
    $out .= sprintf qq{<rect x="%.1f" y="%.1f" width="%.1f" height="16"}
        . qq{ fill="%s"/>\n}, $LEFT, $y + 6, $r->{median} * $scale, $OURS;
    $out .= line($at->($r->{min}), $y + 14, $at->($r->{max}), $y + 14,
        $SPREAD, 1.5);
    for ([target => $TARGET], [floor => $FLOOR]) {
        my ($name, $color) = @$_;
        $out .= line($at->($r->{$name}), $y + 2, $at->($r->{$name}), $y + 26,
            $color, 2) if defined $r->{$name};
    }
    return $out . text($at->(max(grep { defined }
        @$r{qw(median max target floor)})) + 6, $y + 19,
        Bench::Table::number($r->{median}));
}

sub extent { my ($r) = @_; return max(grep { defined }
    @$r{qw(median max target floor)}) }

sub plot {
    my ($group, @rows) = @_;
    my $height = 64 + $ROW * @rows;
    my $out = qq{<svg xmlns="http://www.w3.org/2000/svg" width="$WIDTH"}
        . qq{ height="$height" font-family="sans-serif" font-size="12">\n}
        . qq{<rect width="$WIDTH" height="$height" fill="white"/>\n}
        . text(12, 22, $title{$group}, 'font-size="15"')
        . text(12, $height - 10, 'bar: median; thin line: min to max; green: '
            . 'target; red: hold at least', 'fill="#555555"');
    my $same = $group eq 'get' || $group eq 'memory';
    my $all = max(map { extent($_) } @rows);
    my $y = 34;
    for my $r (@rows) {
        my $scale = ($WIDTH - $LEFT - $RIGHT) / ($same ? $all : extent($r));
        $out .= bar($r, $y, $scale);
        $y += $ROW;
    }
    return "$out</svg>\n";
}

sub row_text {
    my ($r) = @_;
    my %word = (target => 'reached', held => 'held', MISSED => 'missed');
    my $detail = join '; ', map {
        "$_ " . Bench::Table::number($r->{detail}{$_}{median})
    } sort keys %{ $r->{detail} };
    my $range = $r->{min} == $r->{max} ? ''
        : ' (' . Bench::Table::number($r->{min}) . '-'
        . Bench::Table::number($r->{max}) . ')';
    return sprintf "| %s | %s%s | %s | %s | %s | %s |\n", $r->{name},
        Bench::Table::number($r->{median}), $range,
        (map { Bench::Table::number($r->{$_}) } qw(target floor)),
        $word{ $r->{verdict} } // '', $detail;
}

my $results = read_results();
my %group;
push @{ $group{ $_->{plot} } }, $_ for @{ $results->{rows} };
write_file("$_.svg", plot($_, @{ $group{$_} })) for sort keys %group;
write_file('results.md', "# Results of one run\n\n"
    . "$results->{machine}; $results->{date} UTC; $results->{rounds} rounds of"
    . " $results->{seconds} s. Written by `make bench-report`; the method is"
    . " in [performance.md](../performance.md).\n\n"
    . "| figure | median (min-max) | target | hold at least | | medians |\n"
    . "|---|---|---|---|---|---|\n"
    . join('', map { row_text($_) } @{ $results->{rows} })
    . (@{ $results->{notes} } ? "\n" : '')
    . join('', map { "- $_\n" } @{ $results->{notes} })
    . join('', map { "\n![$title{$_}]($_.svg)\n" } sort keys %group));
