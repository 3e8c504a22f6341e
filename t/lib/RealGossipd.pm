package RealGossipd;

# The daemon itself behind the module, on a directory of its own: where a test
# is about what both do together, or about how much they need.
#
#     my $g = RealGossipd->new(dir => "$P2pfsTest::dir/node");
#     $g->db, $g->socket, $g->pid; $g->stop returns what its log must not have

use strict;
use warnings;

use Cwd qw(abs_path);
use IO::Socket::INET;
use IO::Socket::UNIX;
use Time::HiRes qw(time sleep);

my $build = abs_path($ENV{P2PFS_BUILD} // 'build');

sub new {
    my ($class, %o) = @_;
    my $self = bless { owner => $$, options => [], %o }, $class;
    my $dir = $self->{dir};
    mkdir $dir;
    chmod 02750, $dir;
    my $key = "$dir/network.key";
    -e $key || system("$build/bin/gossipd", '--make-network-key', $key) == 0
        or die 'no network key';
    return $self->start;
}

sub db { return "$_[0]{dir}/store.db" }
sub socket { return "$_[0]{dir}/gossipd.sock" }
sub pid { return $_[0]{pid} }

sub start {
    my $self = shift;
    my $dir = $self->{dir};
    my $port = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0,
        Proto => 'tcp')->sockport;
    $self->{pid} = fork() // die "fork: $!";
    if ($self->{pid} == 0) {
        exec "$build/bin/gossipd", '--dir', $dir, '--log', "$dir/gossipd.log",
            '--listen', "127.0.0.1:$port", @{ $self->{options} };
        die "exec: $!";
    }
    my $deadline = time + 10;
    until (IO::Socket::UNIX->new(Peer => $self->socket)) {
        die 'gossipd does not listen' if time > $deadline;
        sleep 0.01;
    }
    return $self;
}

sub stop {
    my ($self, $signal) = @_;
    my $pid = delete $self->{pid} or return '';
    kill $signal // 'TERM', $pid;
    waitpid $pid, 0;
    my $bad = $? && !$signal ? "gossipd ended with $?\n" : '';
    open my $f, '<', "$self->{dir}/gossipd.log" or return $bad;
    return $bad . join '', grep { / error: |Sanitizer|runtime error:/ } <$f>;
}

sub DESTROY {
    my $self = shift;
    local ($?, $@, $!);
    $self->stop if $self->{pid} && $self->{owner} == $$;
}

1;
