#!/usr/bin/perl
# Guards a disk that fills up, on a tmpfs of its own: uploads get 507 while
# there is still room for the node's own work, reads go on; where others take
# even that, the ballast lets the WAL move into the database; freed space is
# enough to go on, without a restart. And the store's own limit, WAL included.
use strict;
use warnings;
use Digest::SHA;
use Test::More;
use Time::HiRes qw(sleep time);
use lib 't/lib';
use P2pfsCluster;
use P2pfsSets;

my $gossipd = ($ENV{P2PFS_BUILD} // 'build') . '/bin/gossipd';
my $MIB = 1 << 20;
my $c = P2pfsCluster->new(nodes => 1, start => 0,
    gossipd => ['free_min 4m', 'ballast 6m']);
my ($dir, $db) = ($c->dir(1), $c->dir(1) . '/store.db');
my $owner = $$;
my $mounted = system('mount', '-t', 'tmpfs', '-o', 'size=28m', 'tmpfs', $dir)
    == 0;
END {
    if ($mounted && $$ == $owner) {
        local $?;
        $c->stop_all;
        system('umount', '-l', $dir);
    }
}
plan skip_all => 'a tmpfs cannot be mounted here' if !$mounted;
$c->make(1);
$c->start(1);
$c->wait_linked;
random_seed();

sub free_bytes {
    my ($line) = (split /\n/, `df --output=avail -B1 '$dir'`)[1];
    return $line + 0;
}

# Other programs' files: so many bytes, or all that the disk takes.
sub fill {
    my ($name, $bytes) = @_;
    my $count = $bytes ? "head -c $bytes /dev/zero" : 'cat /dev/zero';
    system("$count >'$dir/$name' 2>/dev/null");
}

my ($n, %here) = (0);
sub put {
    my ($bytes) = @_;
    my $body = pack('N', $n) x ($bytes / 4);
    my $r = $c->post(1, 'full', $n, 100000, $body);
    $here{ $n++ } = $body if $r->{status} == 201;
    return $r;
}

sub until_507 {
    my ($bytes, $what) = @_;
    my $r;
    for (1 .. 1000) {
        $r = put($bytes);
        last if $r->{status} != 201;
    }
    is($r->{status}, 507, "$what: 507 at last");
    is($r->{json}{code}, 'store-full', "$what: its code");
}

my $set = make_set('small', 100);
upload($c, [1], $set);
my $pid = $c->pid(1, 'gossipd');
ok(-s "$db-ballast" == 6 * $MIB, 'the ballast is laid down');

# Filled by uploads, with another program's file beside.
fill('other', 4 * $MIB);
until_507(512 * 1024, 'filled');
cmp_ok(free_bytes(), '>', 2 * $MIB, 'room is left for the node itself');
read_whole($c, 1, $set, what => 'on a full disk');
my ($some) = keys %here;
is($c->post(1, 'full', $some, 100000, $here{$some})->{status}, 200,
    'what is here is still acknowledged');
unlink "$dir/other" or die "unlink: $!";
wait_for { put(128 * 1024)->{status} == 201 } 5, 'room again: 201';

# Others take all there is.
fill('all');
is(free_bytes(), 0, 'the disk is full to the last byte');
is(put(1000)->{status}, 507, 'full: 507');
read_whole($c, 1, $set, what => 'on a disk without a byte');
unlink "$dir/all" or die "unlink: $!";

# The same with commits that are in the WAL alone.
$c->{options}{gossipd} = ['free_min 1m', 'ballast 6m'];
$c->make(1);
$c->stop(1, 'gossipd');
$c->start(1, 'gossipd');
wait_for { put(4)->{status} == 201 } 10, 'with another mark';
put(128 * 1024) for 1 .. 8;
$c->pause(1, 'gossipd');
my $wal = -s "$db-wal";
fill('all');
cmp_ok($wal, '>', $MIB / 2, 'the WAL holds commits');
is(free_bytes(), 0, 'and the disk is full to the last byte');
$c->resume(1);
wait_for { ($c->status(1)->{ballast_used} // 0) > 0 || !-e "$db-ballast" } 10,
    'the ballast is given up';
wait_for { -s "$db-wal" == 0 } 10, 'and the WAL is empty';
is(put(1000)->{status}, 507, 'then too: 507');
read_whole($c, 1, $set, what => 'after the ballast');
unlink "$dir/all" or die "unlink: $!";
wait_for { put(1000)->{status} == 201 } 5, 'room again: 201';
ok(-s "$db-ballast" == 6 * $MIB, 'and the ballast is there again');

my $wrong = grep {
    my $r = $c->get(1, 'full', $_, hash => Digest::SHA::sha256($here{$_}));
    $r->{status} != 200
        || index($r->{content}, '"file":"' . hex0x($here{$_}) . '"') < 0
} keys %here;
is($wrong, 0, scalar(keys %here) . ' acknowledged files are whole');
is(system("$gossipd -c '$dir/gossipd.conf' --check-store >/dev/null 2>&1"), 0,
    'the store is sound');

# Its own limit.
my $used = (-s $db) + (-s "$db-wal");
$c->stop(1, 'gossipd');
$c->{options}{gossipd} = ['free_min 0', 'ballast 0',
    'store_max ' . ($used + 2 * $MIB)];
$c->make(1);
$c->start(1, 'gossipd');
wait_for { put(4)->{status} == 201 } 10, 'with a limit of its own';
until_507(32 * 1024, 'store_max');
cmp_ok((-s $db) + (-s "$db-wal"), '<=', $used + 2 * $MIB,
    'database and WAL stay within store_max');
# nginx cannot write its access log either, and says so
$c->finish(allow => qr{\[alert\].* write\(\) to "|No space left on device});
done_testing();
