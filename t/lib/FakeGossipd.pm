package FakeGossipd;

# The other end of a worker's channel, for the tests of the module: it speaks
# core/frame.h from a description of its own, and misbehaves on request. What it
# does with an upload is told by the set id:
#
#     err-NAME     RESULT with the error of that name in core/error.h
#     num-N        RESULT with error number N
#     silent       no answer
#     late-MS      stored, answered MS milliseconds later
#     twice        stored, answered twice
#     close        the connection is closed
#     half         half a RESULT, then closed
#     stranger     a RESULT for a request that was never made
#     badframe     a frame of impossible length
#     badtype      a WELCOME in place of a RESULT
#     longframe    the head of a frame that is longer than any for a worker
#     others       stored: 201, the same bytes again 200, others 409
#
# new(path => .., log => ..) and, where they differ from a well-behaved one:
#     welcome => none, close, version, magic, garbage, result, silent
#     file_max, count_max, requests_max, bytes_max
#     backlog => N, accept => 0      listens, but takes nobody

use strict;
use warnings;

use Digest::SHA qw(sha256 sha256_hex);
use IO::Select;
use IO::Socket::UNIX;
use Time::HiRes qw(time sleep);

use constant {
    MAGIC   => 0x70326673,
    VERSION => 1,
    HELLO   => 1,
    WELCOME => 2,
    PUT     => 3,
    RESULT  => 4,
};

# The numbers of core/error.h, by name and by code (the first row that has it).
sub errors {
    open(my $f, '<', 'core/error.h') or die "cannot open core/error.h: $!";
    local $/;
    my ($n, %number) = (0);
    my $text = <$f>;
    while ($text =~ /^\s+X\((\w+),\s*"([a-z-]+)",/mg) {
        $number{$1} = $n;
        $number{$2} //= $n;
        $n++;
    }
    return \%number;
}

sub new {
    my ($class, %o) = @_;
    my $self = bless {
        file_max => 1048576, count_max => 1 << 20, requests_max => 1024,
        bytes_max => 32 << 20, backlog => 64, accept => 1, welcome => 'good',
        errors => errors(), %o
    }, $class;

    unlink $self->{path};
    $self->{listen} = IO::Socket::UNIX->new(
        Local => $self->{path}, Listen => 1)
        or die "cannot listen on $self->{path}: $!";
    listen $self->{listen}, $self->{backlog};
    chmod 0666, $self->{path};

    $self->{pid} = fork() // die "fork: $!";
    if ($self->{pid} == 0) {
        $SIG{TERM} = sub { exit 0 };
        eval { $self->serve };
        print STDERR "FakeGossipd: $@" if $@;
        require POSIX;
        POSIX::_exit($@ ? 1 : 0);
    }
    close delete $self->{listen};
    $self->{owner} = $$;
    return $self;
}

sub signal { kill $_[1], $_[0]{pid} }

sub stop {
    my $self = shift;
    return unless $self->{pid} && $self->{owner} == $$;
    kill 'CONT', $self->{pid};
    kill 'TERM', $self->{pid};
    waitpid $self->{pid}, 0;
    unlink $self->{path};
    $self->{pid} = 0;
}

sub DESTROY {
    my $self = shift;
    local ($?, $@, $!);
    $self->stop if $self->{owner};
}

# Lines of what it saw, waits at most 5 s for one that matches.
sub lines {
    my ($self, $want) = @_;
    my $deadline = time + 5;
    my @lines;
    do {
        if (open my $f, '<', $self->{log}) {
            @lines = grep { !defined $want || $_ =~ $want } <$f>;
        }
        return @lines if @lines || !defined $want;
        sleep 0.01;
    } while (time < $deadline);
    return;
}

sub note {
    my ($self, $line) = @_;
    return unless $self->{log};
    open my $f, '>>', $self->{log} or die "cannot open $self->{log}: $!";
    print $f "$line\n";
}

sub frame { pack('N C', 1 + length $_[1], $_[0]) . $_[1] }

sub serve {
    my $self = shift;
    my $listen = $self->{listen};
    my (%in, @late);
    my $select = IO::Select->new($self->{accept} ? $listen : ());

    while (1) {
        my $wait = 1;
        for (@late) { $wait = $_->[0] - time if $_->[0] - time < $wait }
        $wait = 0 if $wait < 0;
        for my $s ($select->can_read($wait)) {
            if ($s == $listen) {
                my $c = $listen->accept or next;
                $in{$c} = '';
                $select->add($c);
                $self->note('connected');
                if ($self->{welcome} eq 'close') {
                    $select->remove($c);
                    close $c;
                }
                next;
            }
            my $n = sysread($s, $in{$s}, 1 << 20, length $in{$s});
            my $open = $n;
            while ($open && length $in{$s} >= 5) {
                my ($len, $type) = unpack 'N C', $in{$s};
                last if length $in{$s} < 4 + $len;
                my $body = substr $in{$s}, 5, $len - 1;
                substr($in{$s}, 0, 4 + $len) = '';
                $open = $self->got($s, $type, $body, \@late);
            }
            if (!$open) {
                $self->note('disconnected, ' . length($in{$s}) . ' left');
                delete $in{$s};
                $select->remove($s);
                close $s;
            }
        }
        my @due = grep { $_->[0] <= time } @late;
        @late = grep { $_->[0] > time } @late;
        syswrite $_->[1], $_->[2] for @due;
    }
}

sub got {
    my ($self, $s, $type, $body, $late) = @_;
    return $self->got_put($s, $body, $late) if $type == PUT;

    my ($magic, $version) = unpack 'N n', $body;
    $self->note(sprintf 'hello magic=%x version=%d', $magic, $version);
    my $welcome = pack 'N n N4', MAGIC, VERSION,
        @$self{qw(file_max count_max requests_max bytes_max)};
    my $how = $self->{welcome};
    return 1 if $how eq 'silent';
    return 0 if $how eq 'none';
    syswrite $s,
        $how eq 'magic'     ? frame(WELCOME, pack('N', 7) . substr $welcome, 4)
        : $how eq 'version' ? frame(WELCOME,
            substr($welcome, 0, 4) . pack('n', 9) . substr $welcome, 6)
        : $how eq 'garbage' ? "HTTP/1.1 400 Bad Request\r\n\r\n"
        : $how eq 'result'  ? frame(RESULT, "\0" x 91)
        :                     frame(WELCOME, $welcome);
    return 1;
}

sub parse_put {
    my ($body) = @_;
    my %p;
    (@p{qw(request id n index has_root)}, my $rest)
        = unpack 'Q> C/a Q> Q> C a*', $body;
    ($p{root}, $p{proof}) = ('', 0);
    if ($p{has_root}) {
        (my $root, $p{proof}) = unpack 'a32 C', $rest;
        $p{root} = unpack 'H*', $root;
        $p{siblings} = substr $rest, 33, 32 * $p{proof};
        $rest = substr $rest, 33 + 32 * $p{proof};
    }
    ($p{len}, $p{content}) = unpack 'N a*', $rest;
    die "bad PUT" if $p{len} != length $p{content};
    return \%p;
}

sub result {
    my ($p, $err, $created, $entry, $root, $received, $count) = @_;
    return frame(RESULT, pack 'Q> n C a32 a32 Q> Q>', $p->{request}, $err,
        $created, $entry, $root, $received, $count);
}

sub got_put {
    my ($self, $s, $body, $late) = @_;
    my $p = parse_put($body);
    my $entry = sha256($p->{content});
    my $zero = "\0" x 32;
    my $id = $p->{id};

    $self->note(sprintf 'put id=%s n=%s index=%s root=%s proof=%d len=%d '
        . 'sha=%s', @$p{qw(id n index root proof len)}, unpack 'H*', $entry);

    my $stored = result($p, 0, 1, $entry, $zero, 1, $p->{n});
    return 1 if $id =~ /^silent/;
    return 0 if $id =~ /^close/;
    if ($id =~ /^half/) {
        syswrite $s, substr $stored, 0, 40;
        return 0;
    }
    if ($id =~ /^late-(\d+)/) {
        push @$late, [time + $1 / 1000, $s, $stored];
        return 1;
    }
    my $answer
        = $id =~ /^err-([A-Za-z_-]+)/ ? result($p, $self->{errors}{$1}
            // die("no error $1"), 0, sha256('stored'), "\x11" x 32, 3, 7)
        : $id =~ /^num-(\d+)/ ? result($p, $1, 0, $zero, $zero, 0, 0)
        : $id =~ /^twice/     ? $stored x 2
        : $id =~ /^stranger/
            ? result({ request => $p->{request} + 1000 }, 0, 1, $entry, $zero,
                1, 1)
        : $id =~ /^badframe/  ? "\xff" x 8
        : $id =~ /^badtype/   ? frame(WELCOME, "\0" x 22)
        : $id =~ /^longframe/ ? pack('N C', 8000, RESULT) . "\0" x 7999
        :                       $self->store($p, $entry, $zero);
    syswrite $s, $answer;
    return 1;
}

sub store {
    my ($self, $p, $entry, $zero) = @_;
    my $have = \$self->{stored}{"$p->{id}/$p->{n}/$p->{index}"};
    my $err = defined $$have && $$have ne $entry
        ? $self->{errors}{FILE_CONFLICT} : 0;
    my $created = defined $$have ? 0 : 1;
    $$have //= $entry;
    return result($p, $err, $created, $$have, $zero, 1, $p->{n});
}

1;
