#!/usr/bin/perl

# What reading and writing costs beside what nginx and SQLite alone cost; the
# method is in docs/performance.md. Started by make bench.
#
#   t/bench/bench.pl [--quick] [--large] [ROW ..]
#
# --quick: small sets, short rounds: to see that it works. --large: 10^7 files.
# ROW: only these of get, post, latency, tree, memory, large.

use strict;
use warnings;

use Cwd qw(abs_path);
use Digest::MD5 qw(md5_hex);
use FindBin qw($Bin);
use Getopt::Long;
use IO::Socket::INET;
use List::Util qw(max);
use POSIX qw(uname);
use Time::HiRes qw(sleep time);

use lib "$Bin/lib";
use Bench::Load;
use Bench::Process;
use Bench::Table;

my %o = (build => "$Bin/../../build", nginx => 'nginx');
GetOptions(\%o, 'build=s', 'nginx=s', 'quick', 'large')
    or die "usage: bench.pl [--quick] [--large] [ROW ..]\n";
my %only = map { $_ => 1 } @ARGV;

my $build = abs_path($o{build}) // die "no directory $o{build}\n";
my $bin = "$build/bench";
my $data = "$build/bench-data";
my $run = "$data/run";
my $rounds = $o{quick} ? 3 : 5;
my $seconds = $o{quick} ? 1 : 4;
my $many = $o{quick} ? 10_000 : 1_000_000;
my $some = $o{quick} ? 10_000 : 100_000;
# The static side cannot keep more files open than this. For larger sets it is
# measured a second time with so many of them, all of which are open.
my ($file_limit) = slurp("/proc/self/limits")
    =~ /^Max open files\s+\S+\s+(\d+)/m;
$file_limit //= 1_040_000;
my $open_files = $file_limit - 1100;
my $table = Bench::Table->new;
my (@stall, @stall_gap, @stall_static);

$| = 1;

sub wanted { return !%only || $only{ $_[0] } }

sub power { return '10^' . int(log($_[0]) / log(10) + 0.5) }


# Data, made once and kept

# Made anew where the code that decides on their bytes is another.
sub stamp { return join "", map { md5_hex(slurp("$Bin/../../$_")) } @_ }

sub is_made {
    my ($path, $stamp) = @_;
    return -e $path && slurp($path) eq $stamp;
}

sub set_name { my ($n, $bytes) = @_; return "$data/$n-$bytes" }

sub make_db {
    my ($n, $bytes, @open) = @_;
    my $path = set_name($n, $bytes) . (@open ? '-open' : '') . '.db';
    my $stamp = stamp(qw(core/schema.c t/bench/mkset.c t/bench/content.h));
    if (!is_made("$path.done", $stamp)) {
        print "making $path\n";
        unlink $path, "$path-wal", "$path-shm";
        run("$bin/mkset", 'db', $path, 'bench', $n, $bytes, @open);
        spew("$path.done", $stamp);
    }
    return $path;
}

sub make_files {
    my ($n, $bytes) = @_;
    my $root = set_name($n, $bytes) . '-files';
    my $dir = "$root/api/sets/bench/files";
    my $stamp = stamp(qw(core/reply.c core/schema.c t/bench/mkset.c));
    if (!is_made("$root/done", $stamp)) {
        print "making $root\n";
        run('rm', '-rf', $root);
        run('mkdir', '-p', $dir);
        run("$bin/mkset", 'files', make_db($n, $bytes), 'bench', $n, $dir);
        spew("$root/done", $stamp);
    }
    return $root;
}


# Servers

sub fresh {
    my ($name) = @_;
    run('rm', '-rf', "$run/$name");
    run('mkdir', '-p', "$run/$name");
    return "$run/$name";
}

sub p2pfs_nginx {
    my ($dir, $db, $socket) = @_;
    $socket //= "$dir/nobody.sock";
    return start_nginx(
        dir => $dir,
        nginx => $o{nginx},
        file_limit => $file_limit,
        modules => ["$build/ngx_http_p2pfs_module.so",
            "$bin/ngx_bench_stall_module.so"],
        server => "location /api/ { p2pfs on; p2pfs_db \"$db\";"
            . " p2pfs_gossipd \"unix:$socket\";"
            . ' client_max_body_size 3m; client_body_buffer_size 64k; }');
}

sub static_nginx {
    my ($dir, $root) = @_;
    return start_nginx(
        dir => $dir,
        nginx => $o{nginx},
        file_limit => $file_limit,
        modules => ["$bin/ngx_bench_stall_module.so"],
        server => "root \"$root\"; sendfile on; tcp_nopush on;"
            . ' open_file_cache max='
            . "$open_files inactive=1h;"
            . ' open_file_cache_valid 1h; open_file_cache_min_uses 1;');
}

# A node without peers; db: what to start from.
sub start_node {
    my ($name, $db) = @_;
    my $dir = fresh($name);
    run('cp', $db, "$dir/store.db") if defined $db;
    run('sync', "$dir/store.db") if defined $db;
    my $gossipd = start_gossipd(dir => $dir, gossipd => "$build/bin/gossipd");
    my $nginx = p2pfs_nginx("$dir/nginx", "$dir/store.db",
        "$dir/gossipd.sock");
    return ($gossipd, $nginx);
}

sub note_stall {
    my (@r) = @_;
    push @stall, max(map { $_->{own} } @r);
    push @stall_gap, max(map { $_->{gap} } @r);
}


# One request on a connection of its own; (status, body)

sub ask {
    my ($port, $request) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port,
        Proto => 'tcp') or die "cannot connect: $!\n";
    print {$s} $request;
    $s->flush;
    local $/;
    my $answer = readline $s;
    my ($head, $body) = split /\r\n\r\n/, $answer, 2;
    return ((split ' ', $head)[1], $body);
}

sub ask_file {
    my ($port, $i) = @_;
    return ask($port, "GET /api/sets/bench/files/$i HTTP/1.1\r\n"
        . "Host: x\r\nConnection: close\r\n\r\n");
}

sub check_same {
    my ($ours, $static, $n) = @_;
    for my $i (0, $n - 1, map { int rand $n } 1 .. 20) {
        my ($status, $body) = ask_file($ours->{port}, $i);
        my (undef, $other) = ask_file($static->{port}, $i);
        die "file $i: status $status\n" if $status != 200;
        die "file $i: the two sides differ\n" if $body ne $other;
    }
}


# Rows

sub get_round {
    my ($nginx, $n, $round) = @_;
    return wrk(nginx => $nginx, connections => 64, seconds => $seconds,
        script => "$Bin/get.lua", env => "N=$n SEED=$round");
}

sub column { my ($name, @r) = @_; return [map { $_->{$name} } @r] }

# A row of ratios to one of the ways in which the files can be served.
sub add_get {
    my ($name, $ours, $static) = @_;
    $table->add(name => $name, target => 0.80, floor => 0.60, plot => 'get',
        values => [Bench::Table::ratios(column('rate', @$ours),
            column('rate', @$static))],
        detail => {
            'by worker CPU' => [Bench::Table::ratios(column('cpu', @$static),
                column('cpu', @$ours))],
            'GET/s' => column('rate', @$ours),
            'static/s' => column('rate', @$static),
            'worker us/GET' => column('cpu', @$ours),
            'worker us/static' => column('cpu', @$static),
            'worker busy' => column('busy', @$ours),
            'static worker busy' => column('busy', @$static),
        });
}

sub measure_get {
    my ($n, $bytes, $what) = @_;
    my $root = make_files($n, $bytes);
    my $ours = p2pfs_nginx(fresh('ours'), make_db($n, $bytes));
    my $static = static_nginx(fresh('static'), $root);
    check_same($ours, $static, $n);
    my (@a, @b, @open);
    read_all($bin, $ours, $n);
    my $memory = memory($ours->{worker});
    read_all($bin, $static, $n);
    for my $round (1 .. $rounds) {
        push @a, get_round($ours, $n, $round);
        push @b, get_round($static, $n, $round);
        push @open, get_round($static, $open_files, $round)
            if $n > $open_files;
        note_stall($a[-1]);
        push @stall_static, $b[-1]{own};
    }
    my $name = "GET $what / static, n = " . power($n);
    add_get($name, \@a, \@b);
    add_get("$name, $open_files files open", \@a, \@open) if @open;
    stop($_) for $ours, $static;
    return (column('cpu', @a), $memory);
}


sub add_bytes {
    my ($n, $bytes) = @_;
    my $size = -s make_db($n, $bytes);
    if ($bytes == 1024) {
        $table->add(name => 'database / content, 1 KiB files', plot => 'bytes',
            values => [$size / $n / $bytes], target => 1.25, floor => 1.35,
            less => 1);
    } else {
        $table->add(name => 'database bytes per 64 B file', plot => 'bytes',
            values => [$size / $n], target => 200, floor => 300, less => 1);
    }
}

sub measure_gets {
    my ($cpu_small, $cpu_many, $memory);
    measure_get($some, 1024, '1 KiB');
    ($cpu_many, $memory) = measure_get($many, 1024, '1 KiB');
    ($cpu_small) = measure_get(100, 1024, '1 KiB');
    measure_get($some, 16384, '16 KiB');
    measure_get($some, 64, '64 B');
    $table->add(
        name => 'worker CPU per GET, n = ' . power($many) . ' / n = 10^2',
        values => [Bench::Table::ratios($cpu_many, $cpu_small)],
        target => 1.5, floor => 2, less => 1, plot => 'get');
    $table->note('the row for 10^7 files: make bench-large') if !$o{large};
    $table->add(name => 'RSS of a worker, all of ' . power($many)
            . ' files read, MiB', plot => 'memory',
        values => [$memory->{VmRSS}], target => 32, floor => 64, less => 1,
        detail => {
            'anonymous' => [$memory->{RssAnon}],
            'files mapped' => [$memory->{RssFile}],
            'shared (SQLite\'s -shm, nginx)' => [$memory->{RssShmem}],
        });
    add_bytes($some, $_) for 1024, 64;
}

sub post_wrk {
    my ($nginx, $connections, $time, $set) = @_;
    return (nginx => $nginx, connections => $connections, seconds => $time,
        script => "$Bin/upload.lua", env => "RUN=$set");
}

sub measure_posts {
    my (@many, @raw_many, @one, @raw_one, @idle, @after, @peak);
    for my $round (1 .. $rounds) {
        push @raw_many, rawsql($bin, "$run/raw.db", $seconds, 64, 1024);
        my ($gossipd, $nginx) = start_node('post');
        sleep 0.5;
        push @idle, memory($gossipd->{pid})->{VmRSS};
        my $cpu = cpu_ns($gossipd->{pid});
        push @many, wrk(post_wrk($nginx, 64, $seconds, "many$round"));
        $many[-1]{gossipd} = (cpu_ns($gossipd->{pid}) - $cpu) / 1e3
            / $many[-1]{requests};
        push @raw_one, rawsql($bin, "$run/raw.db", $seconds, 1, 1024);
        push @one, wrk(post_wrk($nginx, 1, $seconds, "one$round"));
        note_stall($many[-1], $one[-1]);
        my $m = memory($gossipd->{pid});
        push @after, $m->{VmRSS};
        push @peak, $m->{VmHWM};
        stop($_) for $nginx, $gossipd;
    }
    $table->add(name => 'POST 1 KiB, 64 clients / raw groups of 64',
        values => [Bench::Table::ratios(column('rate', @many),
            column('rate', @raw_many))],
        target => 0.4, floor => 0.2, plot => 'post',
        detail => { 'POST/s' => column('rate', @many),
            'worker us/POST' => column('cpu', @many),
            'gossipd us/POST' => column('gossipd', @many),
            'raw files/s' => column('rate', @raw_many),
            'p99, ms' => [map { $_->{p99} / 1000 } @many] });
    $table->add(name => 'POST alone, p50 / raw commit of one, p50',
        values => [Bench::Table::ratios(column('p50', @one),
            column('p50', @raw_one))],
        target => 1.5, floor => 2.5, less => 1, plot => 'post',
        detail => { 'POST p50, us' => column('p50', @one),
            'raw p50, us' => column('p50', @raw_one) });
    $table->add(name => 'RSS of gossipd idle, MiB', values => \@idle,
        target => 30, floor => 48, less => 1, plot => 'memory');
    $table->add(name => 'RSS of gossipd after all writes, MiB',
        values => \@after, target => 96, floor => 128, less => 1,
        plot => 'memory', detail => { 'highest' => \@peak });
}

sub measure_latency {
    my ($gossipd, $nginx) = start_node('latency', make_db($some, 1024));
    read_all($bin, $nginx, $some);
    my $max = get_round($nginx, $some, 0);
    my (@with, @without, @written);
    for my $round (1 .. $rounds) {
        my %paced = (bin => $bin, nginx => $nginx, n => $some,
            rate => $max->{rate} / 2, seconds => $seconds, seed => $round);
        push @without, paced(%paced);
        my $writers = start_wrk(post_wrk($nginx, 64, $seconds + 1,
            "latency$round"));
        sleep 0.5;
        push @with, paced(%paced);
        push @written, end_wrk($writers)->{rate};
        note_stall($with[-1], $without[-1]);
    }
    $table->add(name => 'GET p99 at half load, 64 writers / none',
        values => [Bench::Table::ratios(column('p99', @with),
            column('p99', @without))],
        target => 2, floor => 4, less => 1, plot => 'latency',
        detail => { 'GET/s' => [$max->{rate} / 2],
            'p50 without, us' => column('p50', @without),
            'p99 without, us' => column('p99', @without),
            'p50 with, us' => column('p50', @with),
            'p99 with, us' => column('p99', @with),
            'POST/s meanwhile' => \@written });
    stop($_) for $nginx, $gossipd;
}

sub post_last {
    my ($port, $n) = @_;
    my $body = sprintf '{"content":"0x%s","setCount":%d}', 'ab' x 1024, $n;
    my ($status) = ask($port, 'POST /api/sets/bench/files/' . ($n - 1)
        . " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        . "Content-Type: application/json\r\nContent-Length: "
        . length($body) . "\r\n\r\n$body");
    die "the last upload gives $status\n" if $status != 201;
}

sub measure_tree {
    my $db = make_db($many, 1024, 'open');
    my (@built, @seen);
    for my $round (1 .. $rounds) {
        my ($gossipd, $nginx) = start_node('tree', $db);
        my ($status) = ask_file($nginx->{port}, 1);
        die "an open set gives $status\n" if $status != 409;
        stall_reset($nginx);
        my $begin = time;
        post_last($nginx->{port}, $many);
        push @built, time - $begin;
        until ((ask_file($nginx->{port}, int rand $many))[0] == 200) {
            die "never complete\n" if time - $begin > 60;
        }
        push @seen, time - $begin;
        my ($gap, $own) = stall_read($nginx);
        note_stall({ gap => $gap, own => $own });
        stop($_) for $nginx, $gossipd;
    }
    $table->add(name => 'last upload of ' . power($many)
            . ' files until a GET sees it, s',
        values => \@seen, target => 0.5, floor => 2, less => 1,
        plot => 'tree', detail => { 'until it is answered' => \@built });
}

sub measure_large {
    my $n = 10_000_000;
    my $large = p2pfs_nginx(fresh('large'), make_db($n, 1024));
    my $small = p2pfs_nginx(fresh('small'), make_db(100, 1024));
    read_all($bin, $large, $n);
    my $memory = memory($large->{worker});
    my (@a, @b);
    for my $round (1 .. $rounds) {
        push @a, get_round($large, $n, $round);
        push @b, get_round($small, 100, $round);
        note_stall($a[-1]);
    }
    $table->add(name => 'worker CPU per GET, n = 10^7 / n = 10^2',
        values => [Bench::Table::ratios(column('cpu', @a),
            column('cpu', @b))],
        target => 1.5, floor => 2, less => 1, plot => 'get',
        detail => { 'GET/s at 10^7' => column('rate', @a),
            'GET/s at 10^2' => column('rate', @b),
            'RSS of the worker, MiB' => [$memory->{VmRSS}] });
    stop($_) for $large, $small;
}

sub machine {
    my ($cpu) = slurp('/proc/cpuinfo') =~ /^model name\s*:\s*(.*)/m;
    my $cpus = () = slurp('/proc/cpuinfo') =~ /^processor/mg;
    my ($memory) = slurp('/proc/meminfo') =~ /^MemTotal:\s+(\d+)/;
    my $sqlite = `sqlite3 --version 2>/dev/null` =~ /^(\S+)/ ? $1 : '?';
    my $nginx = `$o{nginx} -v 2>&1` =~ m{/(\S+)} ? $1 : '?';
    return sprintf '%d CPUs (%s), %d MiB, Linux %s, nginx %s, SQLite %s',
        $cpus, $cpu // '?', $memory / 1024, (uname)[2], $nginx, $sqlite;
}

run('mkdir', '-p', $data);
my ($load) = slurp("/proc/loadavg") =~ /^(\S+)/;
my $begin = time;
print machine(), "\n";
$table->note("quick: $rounds rounds of $seconds s, small sets; the figures"
    . ' say little') if $o{quick};
$table->note("the machine was busy before the run: load average $load")
    if $load > 0.5;
Bench::Table::print_head();
measure_gets() if wanted('get');
measure_large() if $o{large} && wanted('large');
measure_posts() if wanted('post');
measure_latency() if wanted('latency');
measure_tree() if wanted('tree');
$table->add(name => 'longest stall of an event loop, ms', plot => 'stall',
    values => [max(@stall)], target => 2, floor => 10, less => 1,
    detail => {
        'of each round' => \@stall,
        'with the time it waited for a CPU' => [max(@stall_gap)],
        @stall_static ? ('static side' => [max(@stall_static)]) : (),
    }) if @stall;
$table->write_json("$build/bench.json", machine => machine(),
    date => scalar(gmtime), rounds => $rounds, seconds => $seconds);
run('rm', '-rf', $run);
printf "%d s; figures are in %s\n", time - $begin, "$build/bench.json";
printf "MISSED: %s\n", $_->{name} for $table->missed;
