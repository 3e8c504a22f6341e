#!/usr/bin/perl

# How long after an upload is acknowledged by one node it can be read from the
# other two, and how many durable uploads a node takes. Starts three nodes of its
# own on free ports of 127.0.0.1 and stops them.
#
#   t/bench/replication.pl [ROUNDS]

use strict;
use warnings;

use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use FindBin qw($Bin);
use IO::Socket::INET;
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(time usleep);

my $rounds = shift // 200;
my $root = dirname(dirname($Bin));
my $dir = tempdir("$root/build/bench-XXXXXX", CLEANUP => 1);
my $base = 20000 + $$ % 20000;
my @socket;

sub connect_to {
    my ($k) = @_;
    my $s = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $base + $k, Proto => 'tcp')
        or die "cannot connect to node " . ($k + 1) . ": $!";
    setsockopt($s, IPPROTO_TCP, TCP_NODELAY, 1);
    return $s;
}

# One request on a kept connection; returns its status.
sub ask {
    my ($k, $request) = @_;
    my $s = $socket[$k] //= connect_to($k);
    my $reply = '';
    syswrite($s, $request) == length $request or die "cannot send: $!";
    while ($reply !~ /\r\n\r\n/) {
        sysread($s, $reply, 65536, length $reply) or die "connection lost";
    }
    my ($status) = $reply =~ m{^HTTP/1\.1 (\d+)};
    my ($length) = $reply =~ /^Content-Length: (\d+)/mi;
    my $have = length($reply) - index($reply, "\r\n\r\n") - 4;
    while ($have < $length) {
        $have += sysread($s, my $more, 65536) || die "connection lost";
    }
    return $status;
}

sub post {
    my ($k, $set, $content) = @_;
    my $body = sprintf '{"content":"0x%s","setCount":1}', unpack 'H*', $content;
    return ask($k, "POST /api/sets/$set/files/0 HTTP/1.1\r\nHost: x\r\n"
        . "Content-Type: application/json\r\nContent-Length: "
        . length($body) . "\r\n\r\n$body");
}

sub percentile {
    my ($p, @sorted) = @_;
    return $sorted[int($p / 100 * $#sorted + 0.5)];
}

sub measure_visibility {
    my (@ms, @ack);
    for my $i (1 .. $rounds) {
        my $set = "round-$$-$i";
        my $sent = time;
        my $status = post(0, $set, "x" x 1000 . $i);
        my $acknowledged = time;
        die "upload gives $status" if $status != 201;
        push @ack, 1000 * ($acknowledged - $sent);
        my $get = "GET /api/sets/$set/files/0 HTTP/1.1\r\nHost: x\r\n\r\n";
        for my $k (1, 2) {
            until (ask($k, $get) == 200) {
                die "not on node " . ($k + 1) . " after 10 s"
                    if time - $acknowledged > 10;
                usleep(200);
            }
        }
        push @ms, 1000 * (time - $acknowledged);
    }
    @ms = sort { $a <=> $b } @ms;
    @ack = sort { $a <=> $b } @ack;
    printf "upload alone, ms               p50 %.2f  p99 %.2f  max %.2f\n",
        percentile(50, @ack), percentile(99, @ack), $ack[-1];
    printf "acknowledged to readable on both others, ms, %d rounds\n",
        $rounds;
    printf "                               p50 %.2f  p99 %.2f  max %.2f\n",
        percentile(50, @ms), percentile(99, @ms), $ms[-1];
}

sub measure_uploads {
    my $out = `RUN=$$ wrk -t1 -c64 -d5s --latency -s $root/t/bench/upload.lua http://127.0.0.1:$base 2>&1`;
    my ($rate) = $out =~ m{Requests/sec:\s+([\d.]+)};
    my ($p99) = $out =~ m{99%\s+(\S+)};
    die "wrk failed: $out" unless defined $rate;
    die "uploads failed: $out" if $out =~ /Non-2xx/;
    printf "durable uploads of 1 KiB, 64 connections: %.0f/s, p99 %s\n",
        $rate, $p99;
}

# What it prints to try is not for this script.
sub cluster {
    return system("'$root/tools/cluster' @_ >/dev/null");
}

my $pid = $$;
END { cluster("wipe '$dir'") if defined $pid && $$ == $pid; }
cluster("up '$dir' 3 $base 1") == 0 or die "the nodes did not start";
measure_visibility();
@socket = ();
measure_uploads();
