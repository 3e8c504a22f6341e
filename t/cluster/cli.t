#!/usr/bin/perl
# Guards the tool in a user's hands against real nodes: what was put at one node
# is got from another and verified; somebody else needs the root and the count;
# whoever changes one byte on the way is refused and nothing is written.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Path qw(make_path);
use IO::Socket::INET;
use Test::More;
use lib 't/lib';
use P2pfsCluster;
use P2pfsSets;

my $cli = abs_path(($ENV{P2PFS_BUILD} // 'build') . '/bin/p2pfs');
my $c = P2pfsCluster->new(nodes => 3);
my $dir = "$c->{dir}/client";
make_path("$dir/in/sub");
delete @ENV{grep { /^P2PFS_S|_proxy$/i } keys %ENV};
$ENV{P2PFS_STORE} = "$dir/records.db";

sub write_file {
    my ($path, $bytes) = @_;
    open my $f, '>:raw', $path or die "open $path: $!";
    print $f $bytes;
    close $f or die "close $path: $!";
}

# Exit code, stdout, stderr.
sub cli {
    my (@arg) = @_;
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        open STDOUT, '>', "$dir/stdout" or die;
        open STDERR, '>', "$dir/stderr" or die;
        exec $cli, @arg or die "exec $cli: $!";
    }
    waitpid $pid, 0;
    my $code = $? & 127 ? "signal $?" : $? >> 8;
    return ($code, P2pfsCluster::slurp("$dir/stdout"),
        P2pfsCluster::slurp("$dir/stderr"));
}

sub cli_is {
    my ($expected, $what, @arg) = @_;
    my ($code, $out, $err) = cli(@arg);
    is($code, $expected, $what) or diag("@arg\n$out$err");
    return ($out, $err);
}

my %file = (a => 'first', b => '', c => bytes_of('c', 100000),
    'sub/d' => bytes_of('d', 1048576));
write_file("$dir/in/$_", $file{$_}) for keys %file;
my @files = map { $file{$_} } sort keys %file;
my $set = set_of('holiday', \@files, rooted => 1);
my ($one, $two, $three) = map { $c->url($_) } 1 .. 3;

cli_is(0, 'put at node 1', '-s', $one, 'put', '--id', 'holiday', "$dir/in");
read_whole($c, $_, $set, by_root => 1, what => 'as put by the tool') for 1 .. 3;

cli_is(0, 'get from node 3', '-s', $three, 'get', 'holiday', '-o', "$dir/out");
my @out = map { P2pfsCluster::slurp($_) } sort glob "$dir/out/*";
is_deeply([map { length } @out], [map { length } @files],
    'as many files of these sizes');
ok(!(grep { $out[$_] ne $files[$_] } 0 .. $#files), 'of these bytes');

my ($out) = cli_is(0, 'one file to stdout', '-s', $two, 'get', 'holiday', 2,
    '-o', '-');
ok($out eq $files[2], 'its bytes and nothing else');
cli_is(0, 'verify at node 2', '-s', $two, 'verify', 'holiday');
cli_is(0, 'put again: nothing changes', '-s', $two, 'put', '--id', 'holiday',
    "$dir/in");
($out) = cli_is(0, 'ls', 'ls');
like($out, qr/holiday/, 'it lists the set');

# The first server is not there.
my ($dead) = P2pfsCluster::free_ports(1);
cli_is(0, 'another server where one is away', '-s', "http://127.0.0.1:$dead",
    '-s', $two, 'get', 'holiday', 0, '-o', '-');

# Somebody else, without the record.
$ENV{P2PFS_STORE} = "$dir/stranger.db";
my (undef, $err) = cli_is(3, 'get without a record', '-s', $two, 'get',
    'holiday', '-o', "$dir/stranger");
like($err, qr/--root/, 'it says how to go on');
my @trust = ('--root', unpack('H*', $set->{root}), '--count', scalar @files);
cli_is(0, 'get with root and count', '-s', $two, 'get', 'holiday', @trust, '-o',
    "$dir/stranger");
ok(-d "$dir/stranger", 'written');
# Passes everything on, but changes one bit of a file's first byte.
sub tamper {
    my ($client, $target) = @_;
    my $request = '';
    while ($request !~ /\r\n\r\n/) {
        sysread $client, $request, 65536, length $request or return;
    }
    $request =~ s/\r\n(?:Connection|Accept-Encoding):[^\r]*//gi;
    $request =~ s/\r\n\r\n/\r\nConnection: close\r\n\r\n/;
    my $server = IO::Socket::INET->new(PeerAddr => $target) or return;
    print $server $request;
    local $/;
    my $answer = <$server>;
    $answer =~ s/("file":"0x[0-9a-f])([0-9a-f])/$1 . sprintf '%x', hex($2) ^ 1/e;
    print $client $answer;
}

my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0,
    Listen => 16, ReuseAddr => 1) or die "listen: $@";
my $target = $two =~ s{^http://}{}r;
my $proxy = fork // die "fork: $!";
if ($proxy == 0) {
    while (my $client = $listen->accept) {
        tamper($client, $target);
        close $client;
    }
    require POSIX;
    POSIX::_exit(0);
}
my $liar = 'http://127.0.0.1:' . $listen->sockport;
close $listen;

$ENV{P2PFS_STORE} = "$dir/records.db";
(undef, $err) = cli_is(6, 'a byte changed on the way', '-s', $liar, 'get',
    'holiday', 0, '-o', "$dir/tampered");
like($err, qr/not.verif/i, 'it says that it did not verify');
ok(!-e "$dir/tampered", 'nothing was written');
($out) = cli_is(6, 'nor to stdout', '-s', $liar, 'get', 'holiday', 0, '-o', '-');
is($out, '', 'not one byte of it');
cli_is(6, 'verify says so too', '-s', $liar, 'verify', 'holiday');
cli_is(0, 'an honest server behind the liar', '-s', $liar, '-s', $one, 'get',
    'holiday', 0, '-o', "$dir/honest");
is(P2pfsCluster::slurp("$dir/honest"), 'first', 'its bytes');
kill 'TERM', $proxy;
waitpid $proxy, 0;

# Not found, conflict, not complete.
cli_is(3, 'an unknown set', '-s', $one, 'get', 'no-such-set', @trust);
write_file("$dir/in/a", 'changed');
my ($changed) = cli('-s', $one, 'put', '--id', 'holiday', "$dir/in");
is($changed, 4, 'other files under the same id');
read_whole($c, $_, $set, what => 'after the conflict') for 1 .. 3;

$c->finish;
done_testing;
