#!/usr/bin/perl
# Guards bytes that rot on disk: never served, found by a read and by the scrub,
# marked for repair, counted, told by --check-store, and no longer marked when
# they are sound again; and the copy that --backup makes under uploads.
use strict;
use warnings;
use File::Copy qw(copy);
use Test::More;
use lib 't/lib';
use P2pfsCluster;
use P2pfsSets;

plan skip_all => 'sqlite3 is not installed'
    if system('sqlite3 --version >/dev/null 2>&1') != 0;

my $gossipd = ($ENV{P2PFS_BUILD} // 'build') . '/bin/gossipd';
random_seed();
my $c = P2pfsCluster->new(nodes => 1,
    gossipd => ['scrub_bytes_per_second 0']);
my $set = make_set('rot', 300, bytes => 1000, rooted => 1);
upload($c, [1], $set);

my ($dir, $db) = ($c->dir(1), $c->dir(1) . '/store.db');

sub sql {
    my ($text, $file) = @_;
    my $out = `sqlite3 -cmd '.timeout 5000' '${\ ($file // $db)}' "$text"`;
    die "sqlite3 failed: $text" if $?;
    chomp $out;
    return $out;
}

sub check_store {
    my ($file) = @_;
    my @db = $file ? ('--db', $file) : ();
    my $out = `$gossipd -c '$dir/gossipd.conf' @db --check-store 2>/dev/null`;
    my %fact = $out =~ /^(\w+) (\S+)$/mg;
    return { code => $? >> 8, text => $out, %fact };
}

# Changes a file behind the daemon's back, and lets all see it.
sub rot {
    my ($what) = @_;
    $c->stop(1, 'gossipd');
    sql($what);
    $c->start(1, 'gossipd');
}

my $r = check_store();
is($r->{code}, 0, 'check-store beside the daemon') or diag($r->{text});
is($r->{result}, 'sound', 'its result');
is("$r->{files} $r->{tiles} $r->{versions} $r->{records}", '300 4 1 301',
    'what it counted');

rot('UPDATE content SET body = zeroblob(length(body)) WHERE k & 1023 = 7');
$r = $c->get(1, 'rot', 7);
is($r->{status}, 503, 'a rotten file is not served');
is($r->{json}{code}, 'file-damaged', 'its code');
is($c->get(1, 'rot', 6)->{status}, 200, 'its neighbour is');
wait_for {
    $c->get(1, 'rot', 7); # the first report may find no daemon yet
    sql('SELECT kind, key & 1023 FROM damaged') eq '1|7';
} 10, 'the read marked it';
wait_for { ($c->status(1)->{damaged} // 0) == 1 } 10, 'the status counts it';
$c->get(1, 'rot', 7) for 1 .. 300;
is($c->get(1, 'rot', 7)->{status}, 503, 'many reads of it: still refused');
is(sql('SELECT count(*) FROM damaged'), 1, 'and marked once');
$r = check_store();
is($r->{code}, 1, 'check-store finds it');
is("$r->{damaged} $r->{marked} $r->{result}", '1 1 damaged', 'its summary');
like($r->{text}, qr/^damaged: file 7 of set "rot" of 300: /m, 'its words');

# The scrub: reads what nobody asks for.
rot('UPDATE tile SET h = zeroblob(length(h)) WHERE tk & 127 = 1');
$c->stop(1, 'gossipd');
$c->{options}{gossipd} = ['scrub_bytes_per_second 64m'];
$c->make(1);
$c->start(1, 'gossipd');
wait_for { sql('SELECT group_concat(kind) FROM damaged') eq '1,3' } 10,
    'the scrub marked a tile';
is($c->get(1, 'rot', 130)->{status}, 503, 'nothing under it is served');
ok((grep { /error scrub: file 128 of set "rot"/ }
    split /\n/, P2pfsCluster::slurp("$dir/gossipd.log")), 'it is logged');

# Sound again: from a backup.
sub bytes_in_sql { return unpack 'H*', $set->{files}[$_[0]] }
rot("UPDATE content SET body = x'" . bytes_in_sql(7) . "' WHERE k & 1023 = 7");
wait_for { sql('SELECT group_concat(kind) FROM damaged') eq '3' } 10,
    'a repaired file loses its mark';
is($c->get(1, 'rot', 7)->{status}, 200, 'and is served');

# A copy while uploads go on; not over anything; restored it is the store.
$c->stop(1);
unlink glob "$db*";
$c->start(1);
$set = make_set('kept', 200, bytes => 1000);
upload($c, [1], $set);
my $more = make_set('meanwhile', 800, bytes => 1000);
my $upload = upload_start($c, [1], $more);
my $copy = "$c->{dir}/copy.db";
is(system("$gossipd -c '$dir/gossipd.conf' --backup '$copy' >/dev/null 2>&1"),
    0, 'backup under uploads');
is(scalar @{ upload_wait($upload)->{ok} }, 800, 'which all succeed');
isnt(system("$gossipd -c '$dir/gossipd.conf' --backup '$copy' >/dev/null 2>&1"),
    0, 'a backup never replaces a file');
ok(!-e "$copy.partial", 'nothing half is left');
$r = check_store($copy);
is($r->{code}, 0, 'the copy is sound') or diag($r->{text});
cmp_ok($r->{files}, '>=', 200, 'with all that was there before');
$c->stop(1);
unlink glob "$db*";
copy($copy, $db) or die "copy: $!";
chmod 0640, $db;
chown -1, (stat $dir)[5], $db;
$c->start(1);
wait_for { $c->get_set(1, 'kept')->{status} == 200 } 10, 'restored';
read_whole($c, 1, $set, what => 'out of the backup');
$c->finish;
done_testing();
