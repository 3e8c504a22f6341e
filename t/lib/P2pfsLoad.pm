package P2pfsLoad;

# Clients that go on while a test does something to the server: each is a
# process that reads and uploads without a pause, one request at a time, on a
# new connection or on one that it keeps, and counts what it got.
#
#     my $load = P2pfsLoad->new(nginx => $nginx, clients => 4, get => [PATHS],
#         expect => { PATH => BODY });
#     my $sum = $load->stop;   { '200 ok' => .., retried => .., failed => [..] }
#
# A server may close a kept connection at any moment before it has answered with
# a byte, so that a client tries again, once, on a new one: that is "retried".
# Anything else without an answer is a failure, and so are bytes that differ.

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use P2pfsTest ();
use Socket qw(MSG_NOSIGNAL);
use Time::HiRes qw(time sleep);

my $loads = 0;

sub new {
    my ($class, %o) = @_;
    my $self = bless { clients => 4, get => [], expect => {}, post => 1,
        id => ++$loads, prefix => '/api', owner => $$, %o }, $class;
    for my $k (1 .. $self->{clients}) {
        my $pid = fork() // die "fork: $!";
        if ($pid == 0) {
            my $sum = eval { $self->client($k) }
                // { failed => ["client $k: $@"] };
            open my $f, '>', $self->file($k) or die $!;
            print $f encode_json($sum);
            close $f;
            require POSIX;
            POSIX::_exit(0);
        }
        push @{ $self->{pids} }, $pid;
    }
    return $self;
}

sub file { return "$P2pfsTest::dir/load-$_[0]{id}-$_[1].json" }

sub client {
    my ($self, $k) = @_;
    my $stop = 0;
    local $SIG{TERM} = sub { $stop = 1 };
    my ($n, $kept, %sum) = (0);
    $sum{failed} = [];
    until ($stop) {
        $n++;
        my $keep = $n % 4 < 2;
        my ($path, $raw) = $self->request($k, $n, $keep);
        my $a = $keep ? exchange($kept //= $self->open, $raw)
            : exchange($self->open, $raw);
        if ($keep && $a->{none}) { # closed while it was idle
            $sum{retried}++;
            $a = exchange($kept = $self->open, $raw);
        }
        undef $kept if $keep && $a->{close};
        if ($a->{status} == 0) {
            push @{ $sum{failed} }, "$path: $a->{why}";
            undef $kept;
            next;
        }
        my $want = $self->{expect}{$path};
        push @{ $sum{failed} }, "$path: other bytes"
            if defined $want && $a->{status} == 200 && $a->{body} ne $want;
        $sum{P2pfsTest::Nginx::code($a)}++;
        $sum{total}++;
    }
    return \%sum;
}

sub request {
    my ($self, $k, $n, $keep) = @_;
    my @headers = $keep ? () : ('Connection: close');
    if ($self->{post} && $n % 2) {
        my $path = "$self->{prefix}/sets/load-$self->{id}-$k-$n/files/0";
        my $body = P2pfsTest::post_body("$n", 1);
        return ($path, P2pfsTest::post_raw($path, $body, @headers));
    }
    my $path = $self->{get}[$n / 2 % @{ $self->{get} }];
    return ($path, join "\r\n", "GET $path HTTP/1.1", 'Host: t', @headers,
        '', '');
}

sub open {
    my $self = shift;
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1', Proto => 'tcp',
        PeerPort => $self->{nginx}{port}, Timeout => 10);
}

sub exchange {
    my ($s, $raw) = @_;
    my $buf = '';
    my $fail = sub {
        return { status => 0, none => $buf eq '', why => $_[0] . ', after '
            . length($buf) . ' bytes' };
    };
    return $fail->("connect: $!") unless $s;
    send $s, $raw, MSG_NOSIGNAL; # where that fails, so does reading
    my $select = IO::Select->new($s);
    my $deadline = time + 20;
    while (1) {
        if (my $a = P2pfsTest::Nginx::take(\$buf)) {
            $a->{close} = $a->{head} =~ /^Connection: close/mi;
            return $a;
        }
        if (!$select->can_read(1)) { # also by the signal that ends the load
            return $fail->('no answer in 20 s') if time > $deadline;
            next;
        }
        my $n = sysread $s, $buf, 65536, length $buf;
        return $fail->($! . '') unless defined $n;
        return $fail->('closed') unless $n;
    }
}

sub stop {
    my $self = shift;
    my %sum = (failed => [], total => 0, retried => 0);
    my @pids = @{ $self->{pids} };
    $self->{pids} = [];
    kill 'TERM', @pids;
    waitpid $_, 0 for @pids;
    for my $k (1 .. $self->{clients}) {
        CORE::open(my $f, '<', $self->file($k)) or die "client $k: $!";
        my $part = decode_json(join '', <$f>);
        push @{ $sum{failed} }, @{ delete $part->{failed} };
        $sum{$_} += $part->{$_} for keys %$part;
    }
    return \%sum;
}

sub DESTROY {
    my $self = shift;
    local ($?, $@, $!);
    return unless $self->{owner} == $$;
    kill 'KILL', @{ $self->{pids} };
    waitpid $_, 0 for @{ $self->{pids} };
}

1;
