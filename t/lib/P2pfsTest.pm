package P2pfsTest;

# What the tests of the module share: a directory for the sockets and the
# database, a store with known sets, a fake gossipd, and two ways to run nginx.
#
#     use P2pfsTest;                         sets the environment, first of all
#     use Test::Nginx::Socket 'no_plan';     one server for each block of data
#     add_block_preprocessor(\&P2pfsTest::block_defaults);
#
# or, where signals, several workers or odd bytes on the wire are the point,
#
#     my $nginx = P2pfsTest::Nginx->new(location => '..');
#     my @answers = $nginx->talk($bytes, ..);
#
# Every block and every such server fails on [alert], [emerg] or a sanitizer's
# report in its error log.

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter 'import';
use File::Basename qw(basename);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use Test::More ();
use Time::HiRes qw(time sleep);

use FakeGossipd;

our @EXPORT = qw(api gossipd store mkstore post_body post_raw wait_for
    bad_log_lines);

our $build = abs_path($ENV{P2PFS_BUILD} // 'build');
our $module = $ENV{TEST_NGINX_LOAD_MODULES}
    || "$build/ngx_http_p2pfs_module.so";
# With its path: an upgrade executes argv[0].
our ($binary) = grep { -x } map { "$_$ENV{TEST_NGINX_BINARY}" }
    $ENV{TEST_NGINX_BINARY} =~ m{/} ? '' : map { "$_/" } split /:/, $ENV{PATH};

# Short, for a socket's path ends at 107 bytes; open, for workers may be nobody.
our $dir = tempdir('p2pfs-XXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0755, $dir;

our $bad_log = qr/\[alert\]|\[emerg\]|Sanitizer|runtime error:/;

sub free_port {
    my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0,
        Proto => 'tcp') or die "cannot bind: $@";
    return $s->sockport;
}

BEGIN {
    my $name = basename($0, '.t');
    my $build = $ENV{P2PFS_BUILD} // 'build';
    mkdir $build;
    $ENV{TEST_NGINX_BINARY} ||= 'nginx';
    $ENV{TEST_NGINX_LOAD_MODULES}
        ||= abs_path($build) . '/ngx_http_p2pfs_module.so';
    $ENV{TEST_NGINX_SERVROOT} = abs_path($build) . "/servroot-$name";
    $ENV{TEST_NGINX_PORT} = $ENV{TEST_NGINX_SERVER_PORT} = free_port();
}
$ENV{TEST_NGINX_P2PFS_DIR} = $dir;

# The location that most blocks use, with what they add to it.
sub api {
    my ($more) = @_;
    $more //= '';
    my $timeout = $more =~ /p2pfs_timeout/ ? '' : 'p2pfs_timeout 500ms;';
    return <<"EOC";
location /api/ {
    p2pfs on;
    p2pfs_db $dir/store.db;
    p2pfs_gossipd unix:$dir/gossipd.sock;
    $timeout
    $more
}
EOC
}

# For Test::Nginx: the location and the error log's rule, where a block has
# none of its own.
sub block_defaults {
    my ($block) = @_;
    $block->set_value('config', api()) unless defined $block->config;
    return if defined $block->must_die;
    my @rule = ('[alert]', '[emerg]', 'Sanitizer', 'runtime error:');
    my $have = $block->no_error_log;
    push @rule, split /\n/, $have if defined $have;
    $block->set_value('no_error_log', \@rule);
}

sub gossipd {
    my (%o) = @_;
    unlink "$dir/gossipd.log";
    return FakeGossipd->new(path => "$dir/gossipd.sock",
        log => "$dir/gossipd.log", %o);
}

# Lines of t/lib/mkstore.c into a database; returns their roots.
sub mkstore {
    my ($path, @lines) = @_;
    my $in = "$path.lines";
    open my $f, '>', $in or die "cannot open $in: $!";
    print $f "$_\n" for @lines;
    close $f;
    my @roots = qx('$build/t/mkstore' '$path' <'$in');
    die "mkstore failed" if $?;
    chomp @roots;
    chmod 0644, glob "$path*";
    return @roots;
}

# The sets that the reading tests know. Returns their roots by name.
sub store {
    my @sets = (
        'done 5 file root local all',
        'plain 3 file plain local all',
        'one 1 empty root local all',
        'part 4 file plain local 0 2',
        'tiles 300 file root local all',
        'big 2 x1048576 root local all',
        'race 2 file root local all',
        'race 2 other root gossip all',
        'cand 2 file plain local all',
        'cand 2 late plain gossip 1',
    );
    my @roots = mkstore("$dir/store.db", @sets);
    my %root;
    for (@sets) {
        my ($id, $n, $content) = split ' ';
        $root{"$id/$content"} = shift @roots;
    }
    return %root;
}

sub post_body {
    my ($content, $n, $more) = @_;
    return sprintf '{"content":"0x%s","setCount":%s%s}', unpack('H*', $content),
        $n, $more // '';
}

sub post_raw {
    my ($path, $body, @headers) = @_;
    return join "\r\n", "POST $path HTTP/1.1", 'Host: t',
        'Content-Type: application/json', 'Content-Length: ' . length $body,
        @headers, '', $body;
}

# Polls until the code returns true; its value, or nothing after $seconds.
sub wait_for {
    my ($seconds, $code) = @_;
    my $deadline = time + $seconds;
    do {
        my $value = $code->();
        return $value if $value;
        sleep 0.01;
    } while (time < $deadline);
    return;
}

# A zombie is not: whoever has to collect it may take its time.
sub alive {
    my ($pid) = @_;
    open my $f, '<', "/proc/$pid/stat" or return 0;
    return (<$f> // '') !~ /\) Z /;
}

sub bad_log_lines {
    my ($path) = @_;
    open my $f, '<', $path or return "cannot open $path: $!";
    return join '', grep { $_ =~ $bad_log } <$f>;
}


package P2pfsTest::Nginx;

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use Socket ();
use Time::HiRes qw(time sleep);

my $servers = 0; # started so far

# location: the text inside "server" (api() by default); main, events, http,
# listen: more words there. workers => 0 is "master_process off".
sub new {
    my ($class, %o) = @_;
    my $self = bless {
        dir => "$P2pfsTest::dir/nginx-" . ++$servers,
        port => P2pfsTest::free_port(), location => P2pfsTest::api(),
        main => '', events => '', http => '', listen => '', workers => 1,
        owner => $$, %o
    }, $class;
    mkdir $self->{dir};
    chmod 0755, $self->{dir};
    mkdir "$self->{dir}/tmp";
    $self->write_conf;
    return $self;
}

sub write_conf {
    my ($self, %o) = @_;
    @$self{keys %o} = values %o;
    my $user = $> == 0 ? 'user root;' : '';
    my $process = $self->{workers} ? "worker_processes $self->{workers};"
        : 'master_process off;';
    my $temp = join "\n    ", map { "${_}_temp_path $self->{dir}/tmp/$_;" }
        qw(client_body proxy fastcgi uwsgi scgi);
    open my $f, '>', "$self->{dir}/nginx.conf" or die $!;
    print $f <<"EOC";
load_module $P2pfsTest::module;
$user
$process
daemon on;
pid $self->{dir}/nginx.pid;
error_log $self->{dir}/error.log info;
env LD_PRELOAD; env ASAN_OPTIONS; env UBSAN_OPTIONS;
$self->{main}
events { worker_connections 256; $self->{events} }
http {
    access_log $self->{dir}/access.log;
    $temp
    $self->{http}
    server {
        listen 127.0.0.1:$self->{port} $self->{listen};
        client_max_body_size 3m;
        $self->{location}
    }
}
EOC
}

sub command {
    my ($self, @args) = @_;
    my $preload = $ENV{TEST_NGINX_LD_PRELOAD};
    local $ENV{LD_PRELOAD} = $preload if defined $preload;
    my $out = qx('$P2pfsTest::binary' -e '$self->{dir}/error.log' -p '$self->{dir}/' -c '$self->{dir}/nginx.conf' @args 2>&1);
    return ($? >> 8, $out);
}

sub start {
    my $self = shift;
    my ($rc, $out) = $self->command;
    die "nginx did not start: $out" if $rc;
    P2pfsTest::wait_for(5, sub { # a cache brings processes of its own
        return $self->pid && $self->workers >= $self->{workers}
            && $self->connect;
    }) or die 'nginx does not listen';
    return $self;
}

sub pid {
    my $self = shift;
    open my $f, '<', "$self->{dir}/nginx.pid" or return;
    my $pid = <$f>;
    return unless defined $pid && $pid =~ /^(\d+)$/;
    return $1;
}

sub workers {
    my ($self, $master) = @_;
    $master //= $self->pid;
    my @found;
    for my $status (glob '/proc/[0-9]*/stat') {
        open my $f, '<', $status or next;
        my $line = <$f> // next;
        push @found, $1 if $line =~ /^(\d+) \(.*\) [^Z] $master /;
    }
    @found = sort { $a <=> $b } @found;
    return @found;
}

sub log_text {
    my $self = shift;
    open my $f, '<', "$self->{dir}/error.log" or return '';
    local $/;
    return scalar <$f>;
}

sub signal {
    my ($self, $signal) = @_;
    kill $signal, $self->pid;
}

# Returns what the error log must not have.
sub stop {
    my ($self, $signal) = @_;
    my $pid = $self->pid or return '';
    kill $signal // 'QUIT', $pid;
    my $gone = P2pfsTest::wait_for(10, sub { !P2pfsTest::alive($pid) });
    kill 'KILL', $pid unless $gone;
    return ($gone ? '' : "nginx did not stop\n")
        . P2pfsTest::bad_log_lines("$self->{dir}/error.log");
}

sub DESTROY {
    my $self = shift;
    local ($?, $@, $!);
    return unless $self->{owner} == $$;
    my $pid = $self->pid or return;
    kill 'TERM', $pid if P2pfsTest::alive($pid);
}

sub connect {
    my $self = shift;
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $self->{port}, Proto => 'tcp');
}

# Sends the pieces, each in a packet of its own, and reads $want answers (or
# until nginx closes). An answer: { status, head, body }, status 0 at the end.
sub talk {
    my ($self, $want, @pieces) = @_;
    my $s = $self->connect or die "connect: $@";
    setsockopt $s, Socket::IPPROTO_TCP(), Socket::TCP_NODELAY(), 1;
    for my $piece (@pieces) {
        my $n = syswrite $s, $piece;
        while (defined $n && $n < length $piece) {
            $piece = substr $piece, $n;
            $n = syswrite $s, $piece;
        }
        last unless defined $n;
        sleep 0.001 if @pieces > 1;
    }
    return answers($s, $want);
}

sub answers {
    my ($s, $want) = @_;
    my ($buf, @answers) = ('');
    my $select = IO::Select->new($s);
    while (@answers < $want) {
        if (my $answer = take(\$buf)) {
            push @answers, $answer if $answer->{status} != 100;
            next;
        }
        last unless $select->can_read(8);
        last unless sysread $s, $buf, 65536, length $buf;
    }
    return @answers;
}

sub take {
    my ($buf) = @_;
    return unless $$buf =~ /\A(HTTP\/1\.[01] (\d+).*?\r\n\r\n)/s;
    my ($head, $status) = ($1, $2);
    my $len = $head =~ /^Content-Length: (\d+)/mi ? $1 : 0;
    return if length $$buf < length($head) + $len;
    my $body = substr $$buf, length $head, $len;
    $$buf = substr $$buf, length($head) + $len;
    return { status => $status, head => $head, body => $body };
}

sub get {
    my ($self, $path, @headers) = @_;
    my ($a) = $self->talk(1, join "\r\n", "GET $path HTTP/1.1", 'Host: t',
        'Connection: close', @headers, '', '');
    return $a // { status => 0, head => '', body => '' };
}

sub post {
    my ($self, $path, $body, @headers) = @_;
    my ($a) = $self->talk(1,
        P2pfsTest::post_raw($path, $body, 'Connection: close', @headers));
    return $a // { status => 0, head => '', body => '' };
}

sub code {
    my ($answer) = @_;
    return "$answer->{status} "
        . ($answer->{body} =~ /"code":"([a-z-]+)"/ ? $1 : 'ok');
}

1;
