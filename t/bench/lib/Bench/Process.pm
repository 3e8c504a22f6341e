package Bench::Process;

# Processes of the benchmark, in directories of their own on free ports of
# 127.0.0.1: nginx with one worker for either side, gossipd. All of them are
# stopped when the program ends, however it ends.

use strict;
use warnings;

use Exporter qw(import);
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(sleep time);

our @EXPORT = qw(start_nginx start_gossipd stop run worker cpu_ns memory
    stall_reset stall_read slurp spew);

my %running;
my $main = $$;

END {
    if ($$ == $main) {
        my $rc = $?;
        stop($_) for values %running;
        $? = $rc;
    }
}
$SIG{$_} = sub { exit 1 } for qw(INT TERM HUP);

sub slurp {
    my ($path) = @_;
    open my $f, '<:raw', $path or die "cannot open $path: $!\n";
    local $/;
    return scalar readline $f;
}

sub spew {
    my ($path, $text) = @_;
    open my $f, '>:raw', $path or die "cannot write $path: $!\n";
    print {$f} $text;
    close $f or die "cannot write $path: $!\n";
}

sub run {
    my (@command) = @_;
    system(@command) == 0 or die "failed: @command\n";
}

sub free_port {
    my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0,
        Proto => 'tcp') or die "no free port: $@\n";
    return $s->sockport;
}

sub spawn {
    my ($p, @command) = @_;
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        open STDOUT, '>>', "$p->{dir}/out" or POSIX::_exit(126);
        open STDERR, '>&', \*STDOUT or POSIX::_exit(126);
        exec @command or POSIX::_exit(127);
    }
    $p->{pid} = $pid;
    $running{$pid} = $p;
}

sub wait_until {
    my ($p, $what, $test) = @_;
    my $deadline = time + 20;
    until ($test->()) {
        if (time > $deadline || waitpid($p->{pid}, POSIX::WNOHANG())) {
            die "$what in $p->{dir}, see its logs\n";
        }
        sleep 0.01;
    }
}

sub stop {
    my ($p) = @_;
    return unless defined $p->{pid};
    kill 'TERM', $p->{pid};
    waitpid $p->{pid}, 0;
    delete $running{delete $p->{pid}};
}

# o: dir, nginx (program), modules, server (directives of one server),
# file_limit.
sub start_nginx {
    my (%o) = @_;
    my $p = { dir => $o{dir}, port => free_port() };
    run('mkdir', '-p', "$o{dir}/tmp");
    spew("$o{dir}/stall", "\0" x 32);
    my $load = join '', map {"load_module \"$_\";\n"} @{ $o{modules} };
    my $user = $> == 0 ? 'user root root;' : '';
    my $temp = join '', map {"    ${_}_temp_path \"$o{dir}/tmp/$_\";\n"}
        qw(client_body proxy fastcgi uwsgi scgi);
    spew("$o{dir}/nginx.conf", <<"EOC");
$load
$user
daemon off;
worker_processes 1;
worker_rlimit_nofile $o{file_limit};
pid "$o{dir}/nginx.pid";
error_log "$o{dir}/error.log" error;
bench_stall "$o{dir}/stall";
events {
    worker_connections 1024;
}
http {
    access_log off;
    keepalive_timeout 1h;
    keepalive_requests 1000000000;
    default_type application/json;
$temp
    server {
        listen 127.0.0.1:$p->{port};
$o{server}
    }
}
EOC
    spawn($p, $o{nginx}, '-p', "$o{dir}/", '-c', "$o{dir}/nginx.conf", '-e',
        "$o{dir}/error.log");
    wait_until($p, 'nginx did not start', sub {
        return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
            PeerPort => $p->{port}, Proto => 'tcp');
    });
    $p->{worker} = worker($p);
    return $p;
}

sub worker {
    my ($p) = @_;
    my $children;
    wait_until($p, 'no nginx worker', sub {
        $children = slurp("/proc/$p->{pid}/task/$p->{pid}/children");
        return $children =~ /^\d+ $/;
    });
    return int $children;
}

# o: dir (with store.db or nothing), gossipd (program)
sub start_gossipd {
    my (%o) = @_;
    my $p = { dir => $o{dir} };
    run('mkdir', '-p', $o{dir});
    my $port = free_port();
    my $key = "$o{dir}/network.key";
    run("$o{gossipd} --make-network-key $key >/dev/null") unless -e $key;
    spew("$o{dir}/gossipd.conf", "dir \"$o{dir}\";\nlisten 127.0.0.1:$port;\n"
        . "log \"$o{dir}/gossipd.log\";\nlog_level warn;\n");
    spawn($p, $o{gossipd}, '-c', "$o{dir}/gossipd.conf");
    wait_until($p, 'gossipd did not start',
        sub { -e "$o{dir}/gossipd.status" && -S "$o{dir}/gossipd.sock" });
    return $p;
}

# Time on a CPU of all threads, nanoseconds.
sub cpu_ns {
    my ($pid) = @_;
    my $sum = 0;
    for my $task (glob "/proc/$pid/task/*") {
        $sum += (split ' ', slurp("$task/schedstat"))[0];
    }
    return $sum;
}

# MiB
sub memory {
    my ($pid) = @_;
    my $status = slurp("/proc/$pid/status");
    my %m;
    for (qw(VmRSS VmHWM RssAnon RssFile RssShmem)) {
        ($m{$_}) = $status =~ /^$_:\s+(\d+) kB/m;
        $m{$_} /= 1024;
    }
    return \%m;
}

sub stall_reset {
    my ($p) = @_;
    open my $f, '+<:raw', "$p->{dir}/stall" or die "$p->{dir}/stall: $!\n";
    syswrite $f, "\0" x 32;
}

# Milliseconds: the longest gap, the same without waiting for a CPU.
sub stall_read {
    my ($p) = @_;
    my ($ticks, $gap, $own) = unpack 'Q4', slurp("$p->{dir}/stall");
    die "the stall timer does not run in $p->{dir}\n" if $ticks == 0;
    return ($gap / 1e6, $own / 1e6);
}

1;
