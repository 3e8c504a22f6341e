#!/usr/bin/perl
# Guards who owns what: nginx's workers run as a user that can write nothing of
# the store, and a clean stop, a read without the daemon, a start and a write
# leave every file the daemon's.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use P2pfsCluster;
use P2pfsSets;

plan skip_all => 'only root can start nginx with another user' if $> != 0;

random_seed();
my $c = P2pfsCluster->new(nodes => 1, workers => 2);
my $dir = $c->dir(1);

sub user_of {
    my ($pid) = @_;
    return (P2pfsCluster::slurp("/proc/$pid/status") // '') =~ /^Uid:\s+(\d+)/m
        ? $1 : 'none';
}

my ($master) = $c->pid(1, 'nginx');
my @worker = split ' ',
    P2pfsCluster::slurp("/proc/$master/task/$master/children");
is(user_of($c->pid(1, 'gossipd')), 0, 'the daemon runs as root here');
my $worker = user_of($worker[0]);
plan skip_all => 'no user but root can reach the test directory'
    if $worker eq '0';

# owner and mode of the three files, as one text
sub files {
    return join ' ', map {
        my @s = stat "$dir/store.db$_";
        sprintf '%s:%d:%o', $_, $s[4] // -1, ($s[2] // 0) & 07777
    } '', '-wal', '-shm';
}
my $want = join ' ', map { "$_:0:640" } '', '-wal', '-shm';

sub can_write {
    my ($path) = @_;
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        my $group = (stat $dir)[5];
        $( = $group;
        $) = "$group $group";
        $> = $worker;
        require POSIX;
        POSIX::_exit(open(my $f, '+<', $path) ? 0 : 1);
    }
    waitpid $pid, 0;
    return $? == 0;
}

my $set = make_set('mine', 50);
upload($c, [1], $set);
is(files(), $want, 'files while both run');
ok(!can_write("$dir/store.db$_"), "a worker cannot write store.db$_")
    for '', '-wal', '-shm';

for my $round (1, 2) {
    $c->stop(1, 'gossipd');
    is(files(), $want, "round $round: files after a clean stop");
    read_whole($c, 1, $set, what => 'without the daemon');
    is(files(), $want, "round $round: and after reads");
    # workers that were never there before
    $c->stop(1, 'nginx');
    $c->start(1, 'nginx');
    read_whole($c, 1, $set, what => 'by new workers, without the daemon');
    is(files(), $want, "round $round: and after reads of new workers");
    $c->start(1, 'gossipd');
    wait_for {
        $c->post(1, "round-$round", 0, 1, 'bytes')->{status} == 201
    } 10, "round $round: a start, and a write";
    is($c->get(1, "round-$round", 0)->{status}, 200, "round $round: read");
    is(files(), $want, "round $round: files at the end");
}
$c->finish;
done_testing();
