#!/usr/bin/perl
# Guards the network's limits through HTTP, at the first upload of a set: the
# largest of each is taken, one more is refused and the limit named.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use P2pfsCluster;

my $COUNT_MAX = 4294967295;
my $BYTES_MAX = 1048576;
my $c = P2pfsCluster->new(nodes => 1);

my $r = $c->post(1, 'many', $COUNT_MAX - 1, $COUNT_MAX, 'last');
is($r->{status}, 201, 'the last file of the largest set');
is($c->get_set(1, 'many')->{json}{setCount}, $COUNT_MAX, 'its setCount');
is_deeply($c->get_set(1, 'many')->{json}{missing}, [[0, $COUNT_MAX - 2]],
    'all others are missing');
$r = $c->post(1, 'many', $COUNT_MAX, $COUNT_MAX, 'beyond');
is("$r->{status} $r->{json}{code}", '422 index-out-of-range', 'one beyond');
$r = $c->post(1, 'more', 0, $COUNT_MAX + 1, 'too many');
is("$r->{status} $r->{json}{code}", '422 bad-set-count', 'one file more');
like($r->{json}{detail}, qr/\b$COUNT_MAX\b/, 'the limit is named');
is($c->get_set(1, 'more')->{status}, 404, 'and nothing was begun');

my $bytes = 'b' x $BYTES_MAX;
is($c->post(1, 'large', 0, 1, $bytes)->{status}, 201, 'the largest file');
$r = $c->get(1, 'large', 0);
ok($r->{json}{file} eq hex0x($bytes), 'comes back whole');
$r = $c->post(1, 'larger', 0, 1, $bytes . 'b');
is("$r->{status} $r->{json}{code}", '413 body-too-large', 'one byte more');
like($r->{json}{detail}, qr/\b$BYTES_MAX\b/, 'the limit is named');
is($c->get_set(1, 'larger')->{status}, 404, 'and nothing was begun');
$c->finish;
done_testing();
