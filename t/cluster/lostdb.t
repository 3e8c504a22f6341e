#!/usr/bin/perl
# Guards a database that is moved, deleted or replaced under a running node:
# noticed within 5 seconds by daemon and workers, reads and writes answered 503,
# said in the log, never a new database in its place, and all is well again when
# it is back, without a restart. And a worker user that is not the daemon's.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use lib 't/lib';
use P2pfsCluster;
use P2pfsSets;

my $gossipd = ($ENV{P2PFS_BUILD} // 'build') . '/bin/gossipd';
my $SECONDS = 5;
random_seed();
my $c = P2pfsCluster->new(nodes => 1);
my ($dir, $db) = ($c->dir(1), $c->dir(1) . '/store.db');
my $set = make_set('here', 200);
upload($c, [1], $set);
my $copy = "$c->{dir}/copy.db";
is(system("$gossipd -c '$dir/gossipd.conf' --backup '$copy' >/dev/null"), 0,
    'a backup');
my $later = make_set('later', 100);
upload($c, [1], $later);

my $posts = 0;
sub post_status {
    return $c->post(1, 'probe', $posts++, 1000, 'x')->{status};
}

sub log_has { return (P2pfsCluster::slurp("$dir/gossipd.log") // '') =~ $_[0] }

sub lost {
    my ($how) = @_;
    my $seconds = wait_for {
        post_status() == 503 && $c->get(1, 'here', 1)->{status} == 503
    } $SECONDS, "$how: 503 for reads and writes";
    pass(sprintf '%s: noticed after %.2f s', $how, $seconds);
    wait_for {
        log_has(qr/error store: database "\Q$db\E\S*" (is gone|was replaced)/)
            && log_has(qr/warn node: waits for the database/)
    } $SECONDS, "$how: the log says so";
    ok(!-e $db || $how =~ /replaced/, "$how: no new database is made");
    truncate "$dir/gossipd.log", 0 or die "truncate: $!";
}

sub found {
    my ($how) = @_;
    wait_for {
        my $status = post_status();
        ($status == 201) && $c->get(1, 'here', 1)->{status} == 200
    } $SECONDS + 5, "$how: reads and writes again";
    read_whole($c, 1, $set, what => $how);
}

my $pid = $c->pid(1, 'gossipd');
rename $db, "$dir/moved.db" or die "rename: $!";
lost('moved');
rename "$dir/moved.db", $db or die "rename: $!";
found('moved back');
read_whole($c, 1, $later, what => 'moved back');

# A whole store put in its place, as a restore does it: rename, at once.
chmod 0640, $copy or die "chmod: $!";
chown -1, (stat $dir)[5], $copy;
rename $copy, $db or die "rename: $!";
wait_for {
    log_has(qr/error store: database "\Q$db\E\S*" was replaced/)
} $SECONDS, 'replaced: the log says so';
found('replaced by its backup');
is($c->get_set(1, 'later')->{status}, 404,
    'what is younger than the backup is not there');
upload($c, [1], $later);
read_whole($c, 1, $later, what => 'uploaded again');
is($c->pid(1, 'gossipd'), $pid, 'one daemon all the time');

# -wal deleted: a reader that comes now would see an old state.
truncate "$dir/gossipd.log", 0 or die "truncate: $!";
unlink "$db-wal" or die "unlink: $!";
wait_for {
    log_has(qr/node: started/)
} $SECONDS, 'a WAL that is deleted: opened anew';
found('WAL deleted');
read_whole($c, 1, $later, what => 'WAL deleted');

unlink $db or die "unlink: $!";
lost('deleted');
is($c->post(1, 'probe', 999, 1000, 'x')->{status}, 503, 'it stays lost');
$c->stop(1, 'gossipd');
ok(!-e $db, 'also when the daemon is told to stop');
$c->start(1);
wait_for { post_status() == 201 } 10, 'a start makes a new one';
$c->finish;
done_testing();
