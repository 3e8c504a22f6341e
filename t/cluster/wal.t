#!/usr/bin/perl
# Guards the size of the WAL: below 64 MiB while uploads never pause, with
# readers that never pause either, and while an old worker of a reload lives on
# because its client takes its time. The daemon's own numbers say the same.
# P2PFS_WAL_SECONDS: how long each part lasts.
use strict;
use warnings;
use IO::Socket::INET;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);
use lib 't/lib';
use P2pfsCluster;
use P2pfsSets;

my $SECONDS = $ENV{P2PFS_WAL_SECONDS} // 5;
my $LIMIT = 64 << 20;

random_seed();
# one client is slow on purpose: nginx must not give it up
my $c = P2pfsCluster->new(nodes => 1, workers => 2,
    api_conf => ['send_timeout 1h;', 'postpone_output 0;']);
my $dir = $c->dir(1);
my $set = make_set('large', 2, bytes => 1_000_000);
upload($c, [1], $set);
my $small = make_set('small', 200);
upload($c, [1], $small);

# A process that calls the function until it is killed.
my @child;
sub forever {
    my ($do) = @_;
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        eval { $do->() while 1 };
        POSIX::_exit(1);
    }
    push @child, $pid;
}
END { local $?; kill 'KILL', @child if @child }

my $n = 0;
for my $writer (1 .. 2) {
    my $at = 0;
    my $body = 'w' x 65536;
    forever(sub {
        $c->post(1, "write-$writer", $at++ % 1000000, 1000000, "$at $body");
    });
}
forever(sub { $c->get(1, 'small', int rand 200) }) for 1 .. 2;

sub wal_bytes { return -s "$dir/store.db-wal" // 0 }

sub watch {
    my ($what) = @_;
    my ($largest, $begin) = (0, time);
    my $size = (-s "$dir/store.db") // 0;
    while (time - $begin < $SECONDS) {
        my $bytes = wal_bytes();
        $largest = $bytes if $bytes > $largest;
        sleep 0.01;
    }
    my $written = (-s "$dir/store.db") - $size;
    cmp_ok($largest, '<', $LIMIT, sprintf
        '%s: the WAL stays small (%.1f MiB, %.0f MiB were stored)', $what,
        $largest / (1 << 20), $written / (1 << 20));
    cmp_ok($written, '>', 2 << 20, "$what: and much was stored");
}

watch('writers and readers');

# A client that asks for 40 MB, more than sockets hold, and reads nothing.
my $slow = IO::Socket::INET->new(PeerAddr => $c->url(1) =~ s{^http://}{}r,
    Proto => 'tcp') or die "connect: $@";
setsockopt $slow, SOL_SOCKET, SO_RCVBUF, pack('i', 4096);
print $slow "GET /api/sets/large/files/0 HTTP/1.1\r\nHost: x\r\n\r\n" x 20;
sleep 0.3;
my $master = $c->pid(1, 'nginx');
my @old = split ' ', P2pfsCluster::slurp("/proc/$master/task/$master/children");
kill 'HUP', $master;
wait_for {
    my @now = split ' ',
        P2pfsCluster::slurp("/proc/$master/task/$master/children");
    grep { my $pid = $_; !grep { $_ == $pid } @old } @now
} 10, 'new workers';
sleep 0.5;
my @alive = grep { P2pfsCluster::alive($_) } @old;
ok(@alive >= 1, 'an old worker lives on for its client');
watch('beside an old worker');
@alive = grep { P2pfsCluster::alive($_) } @old;
ok(@alive >= 1, 'which is there to the end');
close $slow;
wait_for { !grep { P2pfsCluster::alive($_) } @old } 10, 'then it exits';

kill 'KILL', @child;
waitpid $_, 0 for @child;
@child = ();
my $status = $c->status(1);
wait_for { wal_bytes() == 0 } 10, 'nothing to write: an empty WAL';
cmp_ok($status->{wal_max_bytes}, '<', $LIMIT, 'the daemon says so too');
cmp_ok($status->{checkpoints}, '>', 0, 'it counts checkpoints');
note join ', ', map { "$_ $status->{$_}" }
    grep { /^checkpoint|^wal/ } sort keys %$status;
$c->finish;
done_testing();
