# What nobody sends by accident: requests pipelined behind each error, injected
# lines, bombs of JSON, bodies cut short and reset, noise. Each is a clear error
# or a closed connection; the worker is the same one afterwards, the next
# request of the connection is understood, and nothing of it reaches gossipd.

use strict;
use warnings;

use P2pfsTest;
use Socket qw(SOL_SOCKET SO_LINGER);
use Test::More;
use Time::HiRes qw(time sleep);

my $seed = $ENV{SEED} // time ^ $$;
diag("SEED=$seed");
srand $seed;

my %root = store();
my $gossipd = gossipd();
my $nginx = P2pfsTest::Nginx->new->start;
my ($worker) = $nginx->workers;
my $ok = post_body('hello', 1);

sub code { P2pfsTest::Nginx::code($_[0] // { status => 0, body => '' }) }

sub request {
    my ($method, $path, $body, @headers) = @_;
    return join "\r\n", "$method $path HTTP/1.1", 'Host: t',
        (defined $body ? 'Content-Length: ' . length $body : ()), @headers, '',
        $body // '';
}

sub puts { scalar grep { /^put/ } $gossipd->lines }

# the second request of the connection, behind every kind of answer
{
    my $json = 'Content-Type: application/json';
    my $probe = request('GET', '/api/sets/done/files/1');
    my @cases = (
        ['404 not-found', request('POST', '/api/x', $ok, $json)],
        ['405 method-not-allowed', request('PUT', '/api/sets/a/files/0', $ok)],
        ['405 method-not-allowed', request('POST', '/api/sets/a', $ok, $json)],
        ['400 bad-set-id', request('POST', '/api/sets/a%2Fb/files/0', $ok)],
        ['400 bad-index', request('POST', '/api/sets/a/files/01', $ok, $json)],
        ['400 bad-root', request('GET', '/api/sets/a/files/0?root=1', 'x' x 99)],
        ['415 unsupported-media-type', request('POST', '/api/sets/a/files/0',
            $ok)],
        ['413 body-too-large', request('POST', '/api/sets/a/files/0',
            'x' x 2_200_000, $json)],
        ['413 body-too-large', request('POST', '/api/sets/a/files/0',
            post_body('x' x 1_048_577, 1), $json)],
        ['400 bad-json', request('POST', '/api/sets/a/files/0', 'x' x 999, $json)],
        ['400 bad-json', request('POST', '/api/sets/a/files/0', '', $json)],
        ['400 bad-field', request('POST', '/api/sets/a/files/0', '{}', $json)],
        ['400 bad-hex', request('POST', '/api/sets/a/files/0',
            '{"content":"0x1","setCount":1}', $json)],
        ['422 bad-set-count', request('POST', '/api/sets/a/files/0',
            '{"content":"0x","setCount":0}', $json)],
        ['404 set-not-found', request('GET', '/api/sets/a/files/0', $ok)],
        ['409 set-incomplete', request('GET', '/api/sets/part/files/0', $ok)],
        ['405 method-not-allowed', join "\r\n", 'PUT /api/sets/a/files/0 '
            . 'HTTP/1.1', 'Host: t', 'Transfer-Encoding: chunked', '',
            '5', 'hello', '0', '', ''],
        ['404 set-not-found', join "\r\n", 'GET /api/sets/a HTTP/1.1',
            'Host: t', 'Transfer-Encoding: chunked', '',
            '5', 'hello', '0', '', ''],
    );
    for my $case (@cases) {
        my @a = $nginx->talk(2, "$case->[1]$probe");
        is(code($a[0]), $case->[0], "pipelined: $case->[0]");
        like($a[1]{body} // '', qr/"proof":.*"index":1\}/,
            "and the request behind it");
    }
    is(puts(), 0, 'gossipd saw none of it');
}

# injected lines and quotes come back escaped, or not at all
{
    for my $path ('/api/sets/%0d%0aX-Evil:%201', '/api/sets/%22%7d/files/0',
        '/api/sets/a/files/%0d%0aX-Evil:%201', '/api/%0d%0aX-Evil:%201',
        '/api/sets/a/files/0?root=%0d%0aX-Evil:%201', '/api/sets/%3cscript%3e') {
        my $a = $nginx->get($path);
        like(code($a), qr/^40[04] [a-z-]+$/, "$path");
        unlike($a->{head} . $a->{body}, qr/X-Evil|script|"\}\}/, 'not reflected');
    }
    # nginx itself refuses these, or closes
    for my $line ("GET /api/sets/a%00b HTTP/1.1", "GET /api/sets/a\0b HTTP/1.1",
        "GET /api/sets/%zz HTTP/1.1", "GET /api/sets/%4 HTTP/1.1") {
        my ($a) = $nginx->talk(1, "$line\r\nHost: t\r\nConnection: close\r\n\r\n");
        is($a->{status} // 0, 400, 'nginx: bad request line');
    }
    for my $path ("/api/sets/\xff\xfe", "/api/sets/\xc3\xa4/files/0",
        '/api/sets/' . 'a' x 129) {
        is(code($nginx->get($path)), '400 bad-set-id', 'raw bytes, long ids');
    }
    my ($a) = $nginx->talk(1, 'GET /api/sets/' . 'a' x 9000
        . " HTTP/1.1\r\nHost: t\r\n\r\n");
    is($a->{status}, 414, 'a URI above nginx\'s limit');
    ($a) = $nginx->talk(1, "GET /api/sets/done HTTP/1.1\r\nHost: t\r\nX: "
        . 'a' x 9000 . "\r\n\r\n");
    is($a->{status}, 400, 'a header above it');
}

# JSON that wants memory or depth
{
    sub rss {
        open my $f, '<', "/proc/$worker/status" or die "worker gone: $!";
        return (map { /^VmHWM:\s+(\d+)/ } <$f>)[0];
    }
    my $refused = qr/^(400\ bad-(json|field|hex)|413\ body-too-large
        |422\ (bad-set-count|not-in-root))$/x;
    my $before = rss();
    my $room = 2_000_000;
    my %bomb = (
        'open brackets'   => '[' x $room,
        'deep objects'    => '{"a":' x ($room / 5),
        'deep in a member' => '{"content":"0x","setCount":1,"x":'
            . '[' x 9 . ']' x 9 . '}',
        'many elements'   => '{"x":[' . '1,' x ($room / 2 - 10) . '1]}',
        'many members'    => '{' . join(',', map { "\"$_\":1" } 1 .. 2000) . '}',
        'many duplicates' => '{' . '"content":"0x",' x 100_000 . '"setCount":1}',
        'a long string'   => '{"content":"' . 'a' x $room . '"}',
        'many escapes'    => '{"content":"' . '\u0041' x ($room / 6) . '"}',
        'a long number'   => '{"content":"0x","setCount":' . '1' x $room . '}',
        'exponents'       => '{"content":"0x","setCount":1e400}',
        'a long name'     => '{"' . 'n' x $room . '":1}',
        'a long proof'    => '{"content":"0x","setCount":2,"root":"0x'
            . '00' x 32 . '","proof":[' . join(',', ('"0x' . '00' x 32 . '"')
            x 20_000) . ']}',
    );
    for my $name (sort keys %bomb) {
        my $start = time;
        my $a = $nginx->post('/api/sets/bomb/files/0', $bomb{$name});
        like(code($a), $refused, "bomb: $name: " . code($a));
        cmp_ok(time - $start, '<', $ENV{TEST_NGINX_LD_PRELOAD} ? 20 : 2,
            "bomb: $name: in time");
    }
    my $growth = rss() - $before;
    SKIP: {
        skip 'a sanitizer\'s allocator keeps what is freed', 1
            if qx(nm -D '$P2pfsTest::module') =~ /__asan_/;
        cmp_ok($growth, '<', 24 * 1024, "memory grew by $growth KiB");
    }
    is(puts(), 0, 'gossipd saw none of it');
}

# lengths that contradict each other
{
    my $head = "POST /api/sets/a/files/0 HTTP/1.1\r\nHost: t\r\n"
        . "Content-Type: application/json\r\n";
    for my $lengths ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n", "Content-Length: -1\r\n",
        "Content-Length: 99999999999999999999\r\n", "Content-Length: 1x\r\n",
        "Transfer-Encoding: gzip\r\n") {
        my ($a) = $nginx->talk(1, "$head${lengths}Connection: close\r\n\r\n"
            . "0\r\n\r\n");
        like($a->{status} // 0, qr/^(400|501)$/, 'nginx refuses');
    }
    # what stands behind the body is the next request, however it looks
    my @a = $nginx->talk(2, post_raw('/api/sets/b/files/0', $ok)
        . "POST /api/sets/c%2Fc/files/0 HTTP/1.1\r\nHost: t\r\n"
        . "Content-Length: 0\r\n\r\n");
    is(join(',', map { code($_) } @a), '201 ok,400 bad-set-id', 'smuggled');
}

# resets, at every point of a request and while it waits
{
    my @raw = (post_raw('/api/sets/late-50/files/0', $ok),
        post_raw('/api/sets/r/files/0', post_body('x' x 200_000, 1)),
        request('GET', '/api/sets/big/files/0'),
        request('PUT', '/api/sets/a/files/0', 'x' x 200_000));
    for my $round (1 .. 200) {
        my $s = $nginx->connect or die "connect: $@";
        setsockopt $s, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
        my $raw = $raw[rand @raw];
        my $part = substr $raw, 0, 1 + rand length $raw;
        $part = $raw if rand() < 0.4;
        $s->blocking(0);
        syswrite $s, $part;
        sleep rand 0.004;
        close $s;
    }
    is($nginx->get('/api/sets/done')->{status}, 200, 'after 200 resets');
    is($nginx->post('/api/sets/after/files/0', $ok)->{status}, 201,
        'and for uploads');
}

# noise: valid requests with bytes changed
{
    my @raw = (post_raw('/api/sets/noise/files/0', post_body('noise', 3,
            ',"root":"0x' . '00' x 32 . '","proof":["0x' . '11' x 32 . '"]'),
            'Connection: close'),
        request('GET', "/api/sets/done/files/3?root=$root{'done/file'}",
            undef, 'Connection: close', 'If-None-Match: "x"'));
    my %seen;
    for my $round (1 .. 600) {
        my $raw = $raw[$round % @raw];
        for (0 .. rand 4) {
            substr($raw, rand length $raw, int rand 3) = chr rand 256;
        }
        my $s = $nginx->connect or die "connect: $@";
        syswrite $s, $raw;
        shutdown $s, 1;
        my ($a) = P2pfsTest::Nginx::answers($s, 1);
        next unless $a;
        $seen{$a->{status}}++;
        if ($a->{head} =~ /problem\+json/) {
            like($a->{body}, qr/^\{"type":"urn:p2pfs:error:[a-z-]+",.*\}$/s,
                'a problem in full') if $a->{status} >= 500;
        }
        fail("round $round: $raw") if $a->{status} == 500;
    }
    diag(join ' ', map { "$_:$seen{$_}" } sort keys %seen);
    ok($seen{400}, 'most of it is refused');
}

is(($nginx->workers)[0], $worker, 'it was one worker all along');
is($nginx->stop, '', 'the log is clean');

done_testing();
