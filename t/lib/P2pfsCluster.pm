package P2pfsCluster;

# Real nodes for a test: nginx and gossipd as processes in a directory of their
# own, on ports that the kernel gave. Whatever happens, they are stopped and,
# where the test failed, their files are kept and named.
#
#     my $c = P2pfsCluster->new(nodes => 3);       starts, waits for the links
#     my $c = P2pfsCluster->new(nodes => 5, dials => 'line');
#     $c->post(1, 'set', 0, 3, 'bytes');           node, set, index, count
#     wait_for { $c->get(3, 'set', 0)->{status} == 200 } 5, 'file on node 3';
#     $c->kill_hard(2, 'gossipd'); $c->start(2);
#     $c->finish;                                  no [alert], no sanitizer
#
# Nodes are numbered from 1. A reply is HTTP::Tiny's, plus {json}.

use strict;
use warnings;
use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Path qw(remove_tree);
use File::Temp qw(tempdir);
use HTTP::Tiny;
use IO::Socket::INET;
use JSON::PP;
use Scalar::Util qw(weaken);
use Test::More;
use Time::HiRes qw(sleep time);

my @clusters; # that live
our @EXPORT = qw(wait_for hex0x unhex0x);

my $root = abs_path(dirname(__FILE__) . '/../..');
my $build = abs_path($ENV{P2PFS_BUILD} // "$root/build");
$ENV{BUILD} = $build; # what tools/node starts
my $LINK_SECONDS = $ENV{P2PFS_LINK_SECONDS} // 30;

sub hex0x { return '0x' . unpack 'H*', $_[0] }

sub unhex0x {
    my ($text) = @_;
    die "not 0x and hex: $text" unless $text =~ /^0x((?:[0-9a-f]{2})*)$/;
    return pack 'H*', $1;
}

# Runs the block again and again until it is true; returns the seconds that it
# took. Fails the test, and ends it, when the time is over.
sub wait_for(&$;$) {
    my ($block, $seconds, $what) = @_;
    my $begin = time;
    until ($block->()) {
        if (time - $begin > $seconds) {
            fail('in time: ' . ($what // 'a state'));
            die sprintf "after %d s still not: %s\n", $seconds, $what // '?';
        }
        sleep 0.02;
    }
    return time - $begin;
}

# All at once, so that no port is given twice. Below the range from which the
# kernel takes ports for connections: a test makes thousands of those, and one
# of them on the port of a node that is down just now keeps it from starting.
sub free_ports {
    my ($n) = @_;
    my ($end) = (slurp('/proc/sys/net/ipv4/ip_local_port_range') // '')
        =~ /^(\d+)/;
    $end = 32768 if !$end || $end < 20000;
    my @socket;
    my $port = 10240 + ($$ * 7919 + int(time * 1000)) % ($end - 10240);
    for (1 .. 20000) {
        last if @socket == $n;
        $port = 10240 if ++$port >= $end;
        my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
            LocalPort => $port, Proto => 'tcp');
        push @socket, $socket if $socket;
    }
    die "no $n free ports" if @socket < $n;
    return map { $_->sockport } @socket;
}

sub run {
    my (@command) = @_;
    system(@command) == 0 or die "failed: @command\n";
}

# nodes: how many. dials: all (each every other one), line (each its
# neighbours), none, or { node => [nodes], .. }. workers. gossipd: lines of
# gossipd.conf. api_conf, http_conf: directives. start => 0: files only.
# network: { node => name }: nodes of another network key.
sub new {
    my ($class, %o) = @_;
    my $n = $o{nodes} // 3;
    my $dir = tempdir('p2pfs-cluster-XXXXXX', TMPDIR => 1);
    chmod 0755, $dir or die "chmod $dir: $!";
    my $self = bless {
        dir => $dir, n => $n, pid => $$, options => \%o, paused => {},
        http => HTTP::Tiny->new(timeout => 20, keep_alive => 0),
    }, $class;
    push @clusters, $self;
    weaken($clusters[-1]);
    my @port = free_ports(2 * $n);
    $self->{http_port} = [undef, @port[0 .. $n - 1]];
    $self->{gossip_port} = [undef, @port[$n .. 2 * $n - 1]];
    $self->make($_) for 1 .. $n;
    if ($o{start} // 1) {
        $self->start($_) for 1 .. $n;
        $self->wait_linked;
    }
    return $self;
}

# The nodes that node k dials.
sub dials {
    my ($self, $k) = @_;
    my $how = $self->{options}{dials} // 'all';
    return @{ $how->{$k} // [] } if ref $how;
    return () if $how eq 'none';
    return grep { $_ >= 1 && $_ <= $self->{n} } $k - 1, $k + 1
        if $how eq 'line';
    return grep { $_ != $k } 1 .. $self->{n};
}

sub network_key {
    my ($self, $k) = @_;
    my $name = $self->{options}{network}{$k} // 'network';
    my $path = "$self->{dir}/$name.key";
    run("$build/bin/gossipd", '--make-network-key', $path) unless -e $path;
    return $path;
}

# Writes the node's files; also after a change of $c->{options}.
sub make {
    my ($self, $k) = @_;
    my $o = $self->{options};
    run("$root/tools/node", 'make', $self->dir($k),
        'key=' . $self->network_key($k),
        'workers=' . ($o->{workers} // 1),
        "http=127.0.0.1:$self->{http_port}[$k]",
        "gossip=127.0.0.1:$self->{gossip_port}[$k]",
        (map { "peer=127.0.0.1:$self->{gossip_port}[$_]" } $self->dials($k)),
        (map { "gossipd=$_" } @{ $o->{gossipd} // [] }),
        (map { "http_conf=$_" } @{ $o->{http_conf} // [] }),
        (map { "api_conf=$_" } @{ $o->{api_conf} // [] }));
}

sub dir { my ($self, $k) = @_; return "$self->{dir}/node$k" }

sub url {
    my ($self, $k) = @_;
    return "http://127.0.0.1:$self->{http_port}[$k]";
}

# what: gossipd, nginx, or nothing for both.
sub start {
    my ($self, $k, @what) = @_;
    run("$root/tools/node", 'start', $self->dir($k), @what);
    $self->{runs}{$k}{$_} = 1 for @what ? @what : qw(gossipd nginx);
}

sub stop {
    my ($self, $k, @what) = @_;
    delete $self->{runs}{$k}{$_} for @what ? @what : qw(gossipd nginx);
    $self->resume($k, @what);
    run("$root/tools/node", 'stop', $self->dir($k), @what);
}

# The process id, or undef where it does not run.
sub pid {
    my ($self, $k, $what) = @_;
    my $dir = $self->dir($k);
    my $pid = slurp("$dir/$what.pid") // return undef;
    $pid =~ /^(\d+)$/ or return undef;
    $pid = $1;
    my $status = slurp("/proc/$pid/status") // return undef;
    return undef if $status =~ /^State:\s*[ZX]/m;
    my $line = slurp("/proc/$pid/cmdline") // return undef;
    return index($line, "$dir/$what.conf") >= 0 ? $pid : undef;
}

# Processes of a node: gossipd, nginx's master, its workers.
sub pids {
    my ($self, $k, @what) = @_;
    my @pid = grep { defined } map { $self->pid($k, $_) }
        @what ? @what : qw(gossipd nginx);
    my @worker = map {
        split ' ', slurp("/proc/$_/task/$_/children") // ''
    } @pid;
    return (@pid, @worker);
}

# kill -9, with nginx's workers.
sub kill_hard {
    my ($self, $k, @what) = @_;
    my @pid = $self->pids($k, @what) or die "nothing to kill in node $k";
    delete $self->{runs}{$k}{$_} for @what ? @what : qw(gossipd nginx);
    kill 'KILL', @pid;
    wait_for { !grep { alive($_) } @pid } 10, "node $k killed";
    delete $self->{paused}{$k};
}

sub pause {
    my ($self, $k, @what) = @_;
    my @pid = $self->pids($k, @what);
    kill 'STOP', @pid;
    push @{ $self->{paused}{$k} }, @pid;
}

sub resume {
    my ($self, $k) = @_;
    kill 'CONT', @{ delete $self->{paused}{$k} // [] };
}

sub alive {
    my ($pid) = @_;
    my $status = slurp("/proc/$pid/status") // return 0;
    return $status !~ /^State:\s*[ZX]/m;
}

# gossipd.status as a hash; {} where there is none. A name that stands there
# several times (peer) gives a list.
sub status {
    my ($self, $k) = @_;
    my (%status, %list);
    for (split /\n/, slurp($self->dir($k) . '/gossipd.status') // '') {
        my ($name, $value) = split ' ', $_, 2;
        $status{$name} = $value;
        push @{ $list{$name} }, $value;
    }
    $status{peers} = $list{peer} // [];
    return \%status;
}

# The links that node k has when all are up: dialled by it or to it, within its
# network.
sub expected_links {
    my ($self, $k) = @_;
    my %with = map { $_ => 1 } $self->dials($k),
        grep { my $j = $_; grep { $_ == $k } $self->dials($j) } 1 .. $self->{n};
    my $net = $self->{options}{network} // {};
    return scalar grep { ($net->{$_} // '') eq ($net->{$k} // '') } keys %with;
}

sub wait_linked {
    my ($self, @node) = @_;
    for my $k (@node ? @node : 1 .. $self->{n}) {
        my $want = $self->expected_links($k);
        wait_for {
            ($self->status($k)->{links} // -1) >= $want
        } $LINK_SECONDS, "node $k has $want links";
        wait_for {
            $self->request($k, 'GET', '/api/sets/ready')->{status} == 404
        } 10, "node $k answers";
    }
}

sub request {
    my ($self, $k, $method, $path, $options) = @_;
    my $r = $self->{http}->request($method, $self->url($k) . $path,
        $options // {});
    $r->{json} = eval { decode_json($r->{content}) };
    return $r;
}

# more: root => 32 bytes, proof => [32 bytes, ..]
sub post {
    my ($self, $k, $set, $index, $count, $bytes, %more) = @_;
    my $body = { content => hex0x($bytes), setCount => $count + 0 };
    $body->{root} = hex0x($more{root}) if defined $more{root};
    $body->{proof} = [map { hex0x($_) } @{ $more{proof} }] if $more{proof};
    return $self->request($k, 'POST', "/api/sets/$set/files/$index",
        { headers => { 'Content-Type' => 'application/json' },
            content => encode_json($body) });
}

# query: root => 32 bytes or hash => 32 bytes
sub get {
    my ($self, $k, $set, $index, %query) = @_;
    my $path = "/api/sets/$set/files/$index";
    for (sort keys %query) {
        $path .= ($path =~ /\?/ ? '&' : '?') . "$_=" . unpack 'H*', $query{$_};
    }
    return $self->request($k, 'GET', $path);
}

sub get_set {
    my ($self, $k, $set) = @_;
    return $self->request($k, 'GET', "/api/sets/$set");
}

sub slurp {
    my ($path) = @_;
    open my $f, '<:raw', $path or return undef;
    local $/;
    return scalar readline $f;
}

# Processes that ended by themselves.
sub dead {
    my ($self) = @_;
    my @dead;
    for my $k (sort keys %{ $self->{runs} }) {
        push @dead, map { "node$k: $_ is not running any more" }
            grep { !defined $self->pid($k, $_) }
            sort keys %{ $self->{runs}{$k} };
    }
    return @dead;
}

# The lines of a node's logs that no test may leave behind.
my $BAD_LINE = qr/\[alert\]|\[emerg\]|Sanitizer|runtime error:
    |Assertion|disk\ image\ is\ malformed/x;

sub bad_lines {
    my ($self, $k) = @_;
    my @bad;
    for my $log (qw(error.log gossipd.log)) {
        my $text = slurp($self->dir($k) . "/$log") // '';
        push @bad, map { "node$k/$log: $_" }
            grep { /$BAD_LINE/ }
            split /\n/, $text;
    }
    return @bad;
}

# Stops all and checks that all ran to here and the logs: one test. allow:
# expected lines.
sub finish {
    my ($self, %o) = @_;
    my @bad = $self->dead;
    $self->stop_all;
    push @bad, map { $self->bad_lines($_) } 1 .. $self->{n};
    @bad = grep { $_ !~ $o{allow} } @bad if $o{allow};
    ok(!@bad, 'all ran to the end, nothing bad in the logs')
        or diag(join "\n", @bad);
}

sub stop_all {
    my ($self) = @_;
    $self->resume($_) for 1 .. $self->{n};
    my @child;
    for my $k (grep { -d $self->dir($_) } 1 .. $self->{n}) {
        my $pid = fork // die "fork: $!";
        if ($pid == 0) {
            exec "$root/tools/node", 'stop', $self->dir($k) or exit 1;
        }
        push @child, $pid;
    }
    waitpid $_, 0 for @child;
}

# Once, and before the end of the program takes Test::More apart.
sub clean_up {
    my ($self) = @_;
    return if $$ != $self->{pid} || $self->{cleaned}++;
    local ($?, $@);
    $self->stop_all;
    if (Test::More->builder->is_passing) {
        remove_tree($self->{dir});
        return;
    }
    diag("files of the nodes are in $self->{dir}");
    for my $k (1 .. $self->{n}) {
        my @line = split /\n/, slurp($self->dir($k) . '/gossipd.log') // '';
        splice @line, 0, -8 if @line > 8;
        diag("node$k/gossipd.log: $_") for @line;
    }
}

sub DESTROY {
    my ($self) = @_;
    $self->clean_up if ${^GLOBAL_PHASE} ne 'DESTRUCT';
}

END { $_->clean_up for grep { defined } @clusters }

1;
