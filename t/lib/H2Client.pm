package H2Client;

# As much of HTTP/2 (RFC 9113) as it takes to do what curl and nghttp do not:
# reset streams at a chosen moment. Header fields are literals that nobody
# indexes (RFC 7541, 6.2.2), so there is no table to keep.

use strict;
use warnings;

use IO::Select;
use Socket qw(MSG_NOSIGNAL);
use Time::HiRes qw(time);

use constant { DATA => 0, HEADERS => 1, RST_STREAM => 3, SETTINGS => 4,
    PING => 6, GOAWAY => 7 };
use constant { END_STREAM => 1, ACK => 1, END_HEADERS => 4 };

sub new {
    my ($class, $socket) = @_;
    my $self = bless { s => $socket, next => 1, in => '', status => {} },
        $class;
    $self->put("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . frame(SETTINGS, 0, 0, ''));
    return $self;
}

sub frame {
    my ($type, $flags, $stream, $payload) = @_;
    return pack('C n C C N', length($payload) >> 16, length($payload) & 0xffff,
        $type, $flags, $stream) . $payload;
}

sub put { send $_[0]{s}, $_[1], MSG_NOSIGNAL }

sub fields {
    my @pairs = @_;
    my $block = '';
    while (my ($name, $value) = splice @pairs, 0, 2) {
        $block .= pack 'C C/a* C/a*', 0, $name, $value; # below 127 bytes
    }
    return $block;
}

sub open_stream {
    my ($self, $method, $path, $flags, @more) = @_;
    my $n = $self->{next};
    $self->{next} += 2;
    $self->put(frame(HEADERS, END_HEADERS | $flags, $n,
        fields(':method', $method, ':scheme', 'http', ':path', $path,
            ':authority', 't', @more)));
    return $n;
}

sub get { return $_[0]->open_stream('GET', $_[1], END_STREAM) }

# $len: only so many bytes of the body, and no end
sub post {
    my ($self, $path, $body, $len) = @_;
    my $n = $self->open_stream('POST', $path, 0,
        'content-type', 'application/json');
    $self->put(frame(DATA, defined $len ? 0 : END_STREAM, $n,
        substr $body, 0, $len // length $body));
    return $n;
}

sub reset { $_[0]->put(frame(RST_STREAM, 0, $_[1], pack 'N', 8)) }

sub goaway { $_[0]->put(frame(GOAWAY, 0, 0, pack 'N N', 0, 0)) }

sub close { close $_[0]{s} }

# The status of a stream's answer, 0 where none comes in 5 s. nginx begins its
# header block with it: an index of the static table, or a literal.
sub status {
    my ($self, $want) = @_;
    my %index = (8 => 200, 9 => 204, 10 => 206, 11 => 304, 12 => 400,
        13 => 404, 14 => 500);
    my $deadline = time + 5;
    until (defined $self->{status}{$want}) {
        return 0 if time > $deadline
            || !IO::Select->new($self->{s})->can_read(5)
            || !sysread $self->{s}, $self->{in}, 65536, length $self->{in};
        while (length $self->{in} >= 9) {
            my ($high, $low, $type, $flags, $n) = unpack 'C n C C N',
                $self->{in};
            my $len = $high << 16 | $low;
            last if length $self->{in} < 9 + $len;
            my $payload = substr $self->{in}, 9, $len;
            substr($self->{in}, 0, 9 + $len) = '';
            if ($type == HEADERS) {
                # a table size update may come first (6.3)
                $payload =~ s/\A[\x20-\x3f]+//;
                my $first = unpack 'C', $payload;
                $self->{status}{$n} = $first & 0x80
                    ? $index{$first & 0x7f} // 0
                    : unpack 'x C/a', $payload;
            }
            $self->put(frame(SETTINGS, ACK, 0, ''))
                if $type == SETTINGS && !($flags & ACK);
            $self->put(frame(PING, ACK, 0, $payload))
                if $type == PING && !($flags & ACK);
        }
    }
    return $self->{status}{$want};
}

1;
