package Bench::Table;

# The rows of the table: numbers of rounds, their median and spread, what they
# are held against; as text while it runs, as JSON at the end.

use strict;
use warnings;

use JSON::PP;

sub new {
    my ($class) = @_;
    return bless { rows => [], notes => [] }, $class;
}

sub median {
    my @v = sort { $a <=> $b } @_;
    return @v % 2 ? $v[@v / 2] : ($v[@v / 2 - 1] + $v[@v / 2]) / 2;
}

sub summary {
    my @v = sort { $a <=> $b } @_;
    return { median => median(@v), min => $v[0], max => $v[-1] };
}

# Ratios of rounds that ran one after the other.
sub ratios {
    my ($ours, $peer) = @_;
    return map { $ours->[$_] / $peer->[$_] } 0 .. $#$ours;
}

# o: name, unit, values (of the rounds), target and floor (a larger value is
# better, or less => 1), detail (hash of lists), plot (group of rows)
sub add {
    my ($self, %o) = @_;
    my $s = summary(@{ $o{values} });
    my $verdict = '';
    if (defined $o{target}) {
        my $sign = $o{less} ? -1 : 1;
        $verdict = $sign * ($s->{median} - $o{target}) >= 0 ? 'target'
            : $sign * ($s->{median} - $o{floor}) >= 0 ? 'held' : 'MISSED';
    }
    my %detail = map { $_ => summary(@{ $o{detail}{$_} }) }
        keys %{ $o{detail} // {} };
    my $row = { %o, %$s, detail => \%detail, verdict => $verdict };
    push @{ $self->{rows} }, $row;
    print_row($row);
}

sub note {
    my ($self, $text) = @_;
    push @{ $self->{notes} }, $text;
    print "note: $text\n";
}

sub number {
    my ($v) = @_;
    return '-' unless defined $v;
    return sprintf $v >= 1000 ? '%.0f' : $v >= 10 ? '%.1f' : '%.2f', $v;
}

sub print_head {
    printf "%-46s %8s %17s %7s %7s  %s\n", 'figure', 'median', 'min - max',
        'target', 'hold', '';
    print '-' x 96, "\n";
}

sub print_row {
    my ($r) = @_;
    printf "%-46s %8s %17s %7s %7s  %s\n", $r->{name}, number($r->{median}),
        number($r->{min}) . ' - ' . number($r->{max}), number($r->{target}),
        number($r->{floor}), $r->{verdict};
    for my $name (sort keys %{ $r->{detail} }) {
        my $d = $r->{detail}{$name};
        printf "    %-42s %8s %17s\n", $name, number($d->{median}),
            number($d->{min}) . ' - ' . number($d->{max});
    }
}

sub write_json {
    my ($self, $path, %more) = @_;
    my $json = JSON::PP->new->canonical->pretty;
    open my $f, '>', $path or die "cannot write $path: $!\n";
    print {$f} $json->encode({ %more, rows => $self->{rows},
        notes => $self->{notes} });
    close $f or die "cannot write $path: $!\n";
}

sub missed {
    my ($self) = @_;
    return grep { $_->{verdict} eq 'MISSED' } @{ $self->{rows} };
}

1;
