package Bench::Load;

# The programs that measure, and what they print.

use strict;
use warnings;

use Exporter qw(import);

use Bench::Process;

our @EXPORT = qw(wrk paced read_all rawsql start_wrk end_wrk);

my %unit = (us => 1, ms => 1e3, s => 1e6, m => 6e7);

sub wrk_command {
    my (%o) = @_;
    return "$o{env} exec wrk -t1 -c$o{connections} -d$o{seconds}s --latency"
        . " -s $o{script} http://127.0.0.1:$o{port} 2>&1";
}

# rate: requests/s; requests; p50, p99 in microseconds
sub parse_wrk {
    my ($out) = @_;
    my ($rate) = $out =~ m{^Requests/sec:\s+([\d.]+)}m;
    my ($requests) = $out =~ m{^\s+(\d+) requests in}m;
    if (!$rate || $out =~ /Non-2xx|Socket errors/) {
        die "wrk failed: $out\n";
    }
    my %r = (rate => $rate, requests => $requests);
    for my $p (50, 99) {
        my ($v, $u) = $out =~ m{^\s+$p%\s+([\d.]+)(\w+)}m;
        $r{"p$p"} = $v * $unit{$u};
    }
    return \%r;
}

# One thread of wrk. nginx: also cpu (us of the worker for each request), busy
# (its part of a CPU), gap and own (longest stall, ms).
sub wrk {
    my (%o) = @_;
    my $n = $o{nginx};
    stall_reset($n);
    my $cpu = cpu_ns($n->{worker});
    my $command = wrk_command(%o, port => $n->{port});
    my $r = parse_wrk(scalar `$command`);
    $cpu = cpu_ns($n->{worker}) - $cpu;
    ($r->{gap}, $r->{own}) = stall_read($n);
    $r->{cpu} = $cpu / 1e3 / $r->{requests};
    $r->{busy} = $cpu / 1e9 / $o{seconds};
    return $r;
}

sub start_wrk {
    my (%o) = @_;
    my $command = wrk_command(%o, port => $o{nginx}{port});
    open my $f, '-|', $command or die "wrk: $!\n";
    return $f;
}

sub end_wrk {
    my ($f) = @_;
    local $/;
    my $out = readline $f;
    close $f;
    return parse_wrk($out);
}

sub words {
    my (@command) = @_;
    my $out = `@command`;
    die "failed: @command\n" if $? != 0;
    return split ' ', $out;
}

# o: bin, nginx, n, rate, seconds, seed; latencies in microseconds
sub paced {
    my (%o) = @_;
    stall_reset($o{nginx});
    my %r;
    @r{qw(sent done p50 p90 p99 p999 max)} = words("$o{bin}/paced",
        $o{nginx}{port}, '/api/sets/bench/files/', $o{n}, int $o{rate}, 64,
        $o{seconds}, $o{seed});
    ($r{gap}, $r{own}) = stall_read($o{nginx});
    return \%r;
}

# Every file once, in order.
sub read_all {
    my ($bin, $nginx, $n) = @_;
    my (undef, $done) = words("$bin/paced", $nginx->{port},
        '/api/sets/bench/files/', $n, 0, 64, 0, 0);
    die "read $done of $n files\n" if $done != $n;
}

# In a new database at $db.
sub rawsql {
    my ($bin, $db, $seconds, $group, $bytes) = @_;
    unlink $db, "$db-wal", "$db-shm";
    my %r;
    @r{qw(rate p50 p99)} = words("$bin/rawsql", $db, $seconds, $group, $bytes);
    unlink $db, "$db-wal", "$db-shm";
    return \%r;
}

1;
