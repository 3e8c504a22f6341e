#!/usr/bin/perl

# Tables of docs/ against the code: a name that is documented but gone, or there
# but not documented, misleads whoever reads the page.

use strict;
use warnings;

use Test::More;

sub slurp {
    my ($path) = @_;
    open(my $f, '<', $path) or die "cannot open $path: $!";
    local $/;
    return scalar <$f>;
}

sub table_names {
    my ($text, $pattern) = @_;
    my %names;
    for my $line (split /\n/, $text) {
        next unless $line =~ /^\|/;
        $names{$1}++ while $line =~ /$pattern/g;
    }
    return sort keys %names;
}

my $build = $ENV{BUILD} // 'build';

# error codes: every row with an HTTP status in docs/api.md, and no others

my (%code, %status);
my $errors = slurp('core/error.h');
while ($errors =~ /X\((\w+),\s*"([a-z-]+)",\s*(\d+),\s*(\d+),/g) {
    next if $1 eq 'OK' || $3 == 0;
    $code{$2} = $3;
}
my $api = slurp('docs/api.md');
my %documented;
for my $line (split /\n/, $api) {
    next unless $line =~ /^\| (\d{3}) \| (.*?) \|/;
    my ($http, $codes) = ($1, $2);
    $documented{$_} = $http for $codes =~ /`([a-z-]+)`/g;
}
is_deeply(\%documented, \%code, 'docs/api.md has every error code');

# gossipd's options

my $configuration = slurp('docs/configuration.md');
my ($gossipd, $nginx) = split /^## nginx$/m, $configuration;
my ($options) = split /^The status file/m, $gossipd;
my @help = grep { /^  [a-z]/ } split /\n/, `$build/bin/gossipd --help`;
is_deeply(
    [ table_names($options, qr/^\| `(\w+)`/) ],
    [ sort map { /^  (\w+)/ } @help ],
    'docs/configuration.md has every option of gossipd');

for my $line (@help) {
    my ($name, $value, $help) = $line =~ /^  (\w+)\s+(\S+)\s+(.*)$/;
    like($gossipd, qr/^\| `$name` \| \Q$value\E \| \Q$help\E \|$/m,
        "$name is described as in --help");
}

# nginx's directives

my $module = slurp('ngx_p2pfs_module/ngx_http_p2pfs_module.c');
is_deeply(
    [ table_names($nginx, qr{^\| `(p2pfs\w*)}) ],
    [ sort $module =~ /\{\s*ngx_string\("(p2pfs\w*)"\),/g ],
    'docs/configuration.md has every directive');

# tests: each that docs/testing.md names is there

for my $line (split /\n/, slurp('docs/testing.md')) {
    my (undef, $hazard, $files, $names) = split /\s*\|\s*/, $line;
    next unless defined $names && $files =~ /^`t\//;
    my $text = join ' ', map { slurp($_) } $files =~ /`(.*?)`/g;
    $text =~ s/\s+(?:#\s+|. '|\* )?/ /g; # a name may go over the end of a line
    for my $name ($names =~ /`(.*?)`/g) {
        ok(index($text, $name) >= 0, "$files: $name");
    }
}

done_testing();
