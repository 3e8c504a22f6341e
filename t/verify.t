#!/usr/bin/perl
# Guards the tests' own verifier: if it accepted everything, all that stands on
# it would pass. Roots: the well-known eight inputs of Certificate Transparency.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use P2pfsVerify qw(entry root proof verify);

my @input = map { pack 'H*', $_ } '', '00', '10', '2021', '3031', '40414243',
    '5051525354555657', '606162636465666768696a6b6c6d6e6f';
my @known = qw(
    6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d
    fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125
    aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77
    d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7
    4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4
    76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef
    ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c
    5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328
);

for my $n (1 .. 8) {
    is(unpack('H*', root(@input[0 .. $n - 1])), $known[$n - 1],
        "known root of $n");
}

my ($accepted, $refused, $expected) = (0, 0, 0);
for my $n (1 .. 40, 63 .. 65, 127 .. 129) {
    my @entries = map { entry("file $_ of $n") } 0 .. $n - 1;
    my $tree = P2pfsVerify->new(@entries);
    my $root = $tree->tree_root;
    for my $i (0 .. $n - 1) {
        my @proof = $tree->tree_proof($i);
        $expected++;
        $accepted += verify($root, $n, $i, $entries[$i], @proof) ? 1 : 0;
        my @wrong = (
            [$root, $n, $i, entry('another'), @proof],
            [$root, $n, $i, $entries[$i], @proof, $root],
            [$root ^ ("\0" x 31 . "\1"), $n, $i, $entries[$i], @proof],
            [$root, $n, $n, $entries[$i], @proof],
        );
        push @wrong, [$root, $n, ($i + 1) % $n, $entries[$i], @proof],
            [$root, $n, $i, $entries[$i], @proof[0 .. $#proof - 1]],
            [$root, $n, $i, $entries[$i], reverse @proof[0 .. $#proof - 1],
            $proof[-1] ^ ("\1" . "\0" x 31)]
            if $n > 1;
        $refused += @wrong - grep { verify(@$_) } @wrong;
        $expected += @wrong;
    }
}
is($accepted + $refused, $expected, "$accepted proofs verify, $refused do not");

done_testing();
