#!/usr/bin/perl
# Guards a disk that fails: while fdatasync or pwrite64 of the daemon return EIO
# nothing is acknowledged and reads go on; when the disk works again so does the
# node, by itself, and everything that was ever acknowledged is there. An fsync
# that failed once must not be tried again and believed.
# P2PFS_IOERROR_ROUNDS: how often each call fails.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);
use lib 't/lib';
use P2pfsCluster;
use P2pfsSets;

my $ROUNDS = $ENV{P2PFS_IOERROR_ROUNDS} // 1;

plan skip_all => 'strace is not installed'
    if system('strace -V >/dev/null 2>&1') != 0;

my $gossipd = ($ENV{P2PFS_BUILD} // 'build') . '/bin/gossipd';
random_seed();
my $c = P2pfsCluster->new(nodes => 1);
my $dir = $c->dir(1);
my $strace;
END { local $?; kill 'TERM', $strace if $strace }

# Every such call of the daemon fails from now on, or from the Nth on.
sub inject {
    my ($call, $first) = @_;
    my $pid = $c->pid(1, 'gossipd');
    my $out = "$c->{dir}/strace.err";
    unlink $out;
    $strace = fork // die "fork: $!";
    if ($strace == 0) {
        open STDERR, '>', $out or die;
        exec 'strace', '-f', '-p', $pid, '-o', '/dev/null', '-e',
            "trace=$call", '-e', "inject=$call:error=EIO:when=$first+"
            or exit 1;
    }
    wait_for {
        my $text = P2pfsCluster::slurp($out) // '';
        $text =~ /attached/ || $text =~ /not permitted|failed/i
            || waitpid($strace, 1) > 0
    } 10, 'strace is attached';
    return (P2pfsCluster::slurp($out) // '') =~ /attached/;
}

sub heal {
    kill 'TERM', $strace;
    waitpid $strace, 0;
    undef $strace;
}

my %promised;
sub put {
    my ($n) = @_;
    my $status = $c->post(1, 'disk', $n, 100000, "file $n")->{status};
    $promised{$n} = 1 if $status == 201 || $status == 200;
    return $status;
}

my $may_trace = inject('fdatasync', 1);
heal();
plan skip_all => 'strace may not attach to the daemon here' if !$may_trace;

my $set = make_set('before', 50);
upload($c, [1], $set);
my $n = 0;
put($n++) for 1 .. 20;

for my $round (1 .. $ROUNDS) {
    for my $case (['fdatasync', 1], ['pwrite64', 1], ['pwrite64', 4],
        ['fdatasync', 2]) {
        my ($call, $first) = @$case;
        my $what = "round $round: $call fails from call $first on";
        my $before = keys %promised;
        inject($call, $first);
        my $begin = time;
        my %seen;
        until ($seen{503} || time - $begin > 10) {
            $seen{ put($n++) }++;
        }
        ok($seen{503}, "$what: 503");
        %seen = ();
        $seen{ put($n++) }++ for 1 .. 10;
        is_deeply([keys %seen], [503], "$what: nothing is acknowledged");
        is($c->get(1, 'before', 1)->{status}, 200, "$what: a read");
        like(P2pfsCluster::slurp("$dir/gossipd.log"),
            qr/error store: .*(disk I\/O error)/, "$what: the log says so");
        heal();
        wait_for { put($n++) == 201 } 15, "$what: written again";
    }
}

# What was acknowledged is in the database, whatever happened to the rest.
$c->kill_hard(1, 'gossipd');
$c->start(1, 'gossipd');
wait_for { put($n++) == 201 } 10, 'after kill -9 too';
my $r = $c->get_set(1, 'disk')->{json};
my %missing;
for my $range (@{ $r->{missing} }) {
    $missing{$_} = 1 for grep { $_ < $n } $range->[0] .. ($range->[1] < $n
        ? $range->[1] : $n);
}
my @lost = grep { $missing{$_} } sort { $a <=> $b } keys %promised;
is("@lost", '', scalar(keys %promised) . ' acknowledged files are there');
read_whole($c, 1, $set, what => 'from before');
is(system("$gossipd -c '$dir/gossipd.conf' --check-store >/dev/null 2>&1"), 0,
    'the store is sound');
$c->finish;
done_testing();
