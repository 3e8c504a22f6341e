package P2pfsVerify;

# RFC 9162, sections 2.1.1 and 2.1.3, written for the tests and apart from the
# C code that they test: roots and proofs by the recursive definitions, the
# verification by the RFC's own steps. Hashes are strings of 32 bytes.

use strict;
use warnings;
use Digest::SHA qw(sha256);
use Exporter qw(import);

our @EXPORT_OK = qw(entry leaf node root proof verify);

# An entry of a set: the hash of the file's content.
sub entry { return sha256($_[0]) }

sub leaf { return sha256("\x00" . $_[0]) }

sub node { return sha256("\x01" . $_[0] . $_[1]) }

# The largest power of two below n; n > 1.
sub split_at {
    my ($n) = @_;
    my $k = 1;
    $k *= 2 while $k * 2 < $n;
    return $k;
}

# A tree over entries. Inner nodes are kept, so that all proofs of a large tree
# cost its nodes once.
sub new {
    my ($class, @entries) = @_;
    die 'a tree has at least one entry' unless @entries;
    return bless { entries => \@entries, nodes => {} }, $class;
}

# MTH(D[from:to])
sub subtree {
    my ($self, $from, $to) = @_;
    return $self->{nodes}{"$from:$to"} //= do {
        my $n = $to - $from;
        if ($n == 1) {
            leaf($self->{entries}[$from]);
        } else {
            my $k = split_at($n);
            node($self->subtree($from, $from + $k),
                $self->subtree($from + $k, $to));
        }
    };
}

# PATH(m, D[from:to]), the siblings bottom-up.
sub path {
    my ($self, $m, $from, $to) = @_;
    my $n = $to - $from;
    return () if $n == 1;
    my $k = split_at($n);
    return ($self->path($m, $from, $from + $k),
        $self->subtree($from + $k, $to))
        if $m < $k;
    return ($self->path($m - $k, $from + $k, $to),
        $self->subtree($from, $from + $k));
}

sub count { return scalar @{ $_[0]{entries} } }

sub tree_root {
    my ($self) = @_;
    return $self->subtree(0, $self->count);
}

sub tree_proof {
    my ($self, $index) = @_;
    die 'no such index' if $index < 0 || $index >= $self->count;
    return $self->path($index, 0, $self->count);
}

sub root { return __PACKAGE__->new(@_)->tree_root }

sub proof {
    my ($index, @entries) = @_;
    return __PACKAGE__->new(@entries)->tree_proof($index);
}

# Section 2.1.3.2. True if `entry` stands at `index` of the tree of n entries
# with this root.
sub verify {
    my ($root, $n, $index, $entry, @proof) = @_;
    return 0 if $index >= $n;
    my ($fn, $sn) = ($index, $n - 1);
    my $r = leaf($entry);
    for my $p (@proof) {
        return 0 if $sn == 0 || length $p != 32;
        if ($fn % 2 == 1 || $fn == $sn) {
            $r = node($p, $r);
            until ($fn % 2 == 1 || $fn == 0) {
                $fn >>= 1;
                $sn >>= 1;
            }
        } else {
            $r = node($r, $p);
        }
        $fn >>= 1;
        $sn >>= 1;
    }
    return $sn == 0 && $r eq $root;
}

1;
