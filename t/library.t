#!/usr/bin/perl

# The libraries show what client/p2pfs.h declares and nothing else: a name of
# core that leaks would collide with the program that links it.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Temp qw(tempdir);
use Test::More;

my $lib = abs_path($ENV{P2PFS_BUILD} // 'build') . '/lib';
my $cc = $ENV{CC} // 'cc';
my $dir = tempdir(CLEANUP => 1);

sub slurp {
    my ($path) = @_;
    open my $fh, '<', $path or die "$path: $!";
    local $/;
    return scalar <$fh>;
}

sub names {
    my @args = @_;
    open my $nm, '-|', 'nm', '--defined-only', @args or die "nm: $!";
    my %seen = map { / [TDBRVW] (\w+)/ ? ($1 => 1) : () } <$nm>;
    close $nm or die 'nm failed';
    return sort keys %seen;
}

# declarations only: comments speak of functions too
my $header = slurp('client/p2pfs.h');
$header =~ s{/\*.*?\*/}{}gs;
my @declared = sort $header =~ /\b(p2pfs_\w+)\(/g;
cmp_ok(scalar(@declared), '>', 10, 'the header declares functions');
is_deeply([names('-D', "$lib/libp2pfs.so.0.1.0")], \@declared,
    'libp2pfs.so exports them');
my $sanitized = `nm -u '$lib/libp2pfs.a'` =~ /__(?:asan|ubsan)_/;
SKIP: {
    skip 'the sanitizers add names of their own', 1 if $sanitized;
    is_deeply([names('-g', "$lib/libp2pfs.a")], \@declared,
        'libp2pfs.a shows them');
}
like(`readelf -d '$lib/libp2pfs.so'`, qr/SONAME.*\[libp2pfs\.so\.0\]/,
    'the shared library has its soname');
is(readlink "$lib/libp2pfs.so.0", 'libp2pfs.so.0.1.0', '... and its links');

# a program of somebody else, in C99 and in C++
my $program = <<'END';
#include <p2pfs.h>
#include <stdio.h>

int
main(void)
{
    struct p2pfs_client_options o;

    p2pfs_client_options_init(&o);
    printf("%s %d\n", p2pfs_client_version(), (int)o.n_servers);
    return p2pfs_verify((const uint8_t *)"12345678901234567890123456789012", 1,
        0, "", 0, NULL, 0);
}
END
for my $case (['c', '-std=c99'], ['c++', '-std=c++11']) {
    my ($language, $std) = @$case;
    SKIP: {
        skip 'the program would need the sanitizers too', 1 if $sanitized;
        open my $out, '>', "$dir/p" or die;
        print {$out} $program;
        close $out or die;
        my $failed = system $cc, '-x', $language, $std, '-pedantic', '-Wall',
            '-Wextra', '-Werror', '-Iclient', "$dir/p", '-x', 'none', '-o',
            "$dir/out", "$lib/libp2pfs.so";
        my $said = $failed ? '' : `LD_LIBRARY_PATH='$lib' $dir/out`;
        is("$said/" . ($? >> 8), "0.1.0 0\n/6", "a program in $language");
    }
}

done_testing();
