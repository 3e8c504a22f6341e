# Clients that are slow, leave by a reset, or send what nobody reads, each
# beside one that behaves: the others are served at once, the worker is the same
# one afterwards, its descriptors are back where they were.

use strict;
use warnings;

use P2pfsTest;
use Socket qw(SOL_SOCKET SO_LINGER SO_RCVBUF);
use Test::More;
use Time::HiRes qw(time sleep);

my %root = store();
my $ok = post_body('hello', 1);
my $json = "Content-Type: application/json\r\n";
my $rounds = $ENV{P2PFS_LONG} ? 4000 : 150;
$SIG{PIPE} = 'IGNORE';
my $gossipd = gossipd(requests_max => 16);

sub code { P2pfsTest::Nginx::code($_[0] // { status => 0, body => '' }) }

sub descriptors { my @fd = glob "/proc/$_[0]/fd/*"; return scalar @fd }

sub reset_now {
    my ($s) = @_;
    setsockopt $s, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    close $s;
}

# An upload and a read beside, each in time.
sub healthy {
    my ($nginx, $name) = @_;
    my $start = time;
    my $read = $nginx->get('/api/sets/done/files/1');
    my $wrote = $nginx->post('/api/sets/healthy/files/0', $ok);
    my $took = time - $start;
    return $read->{status} == 200 && $wrote->{status} =~ /^20[01]$/
        && $took < 2;
}

# a reset in every phase of a request
{
    my $nginx = P2pfsTest::Nginx->new->start;
    my ($worker) = $nginx->workers;
    my $head = "POST /api/sets/%s/files/0 HTTP/1.1\r\nHost: t\r\n$json";
    my $length = 'Content-Length: ' . length($ok) . "\r\n";
    my $big = post_body('x' x 300_000, 1);
    my %phase = (
        'before a byte'   => [sub { '' }],
        'in the header'   => [sub { substr $head, 0, 40 }],
        'before the body' => [sub { sprintf "$head$length\r\n", 'cut' }],
        'before the body, expecting to continue' => [sub {
            sprintf "$head${length}Expect: 100-continue\r\n\r\n", 'cut' }],
        'inside the body' => [sub {
            sprintf("$head$length\r\n", 'cut') . substr $ok, 0, 9 }],
        'inside a body in a file' => [sub { sprintf($head, 'cut')
            . 'Content-Length: ' . length($big) . "\r\n\r\n"
            . substr $big, 0, 200_000 }],
        'inside a chunk' => [sub {
            sprintf("${head}Transfer-Encoding: chunked\r\n\r\n", 'cut')
            . sprintf("%x\r\n", length $ok) . substr $ok, 0, 9 }],
        'while gossipd has it' => [sub {
            post_raw("/api/sets/late-20-$_[0]/files/0", $ok) }, 0.005],
        'while gossipd is silent' => [sub {
            post_raw("/api/sets/silent-$_[0]/files/0", $ok) }, 0.001],
        'while the answer is sent' => [sub {
            "GET /api/sets/big/files/1 HTTP/1.1\r\nHost: t\r\n\r\n" }, 0.002],
        'between pipelined ones' => [sub {
            "GET /api/sets/big/files/0 HTTP/1.1\r\nHost: t\r\n\r\n" x 3
            . post_raw("/api/sets/late-20-p$_[0]/files/0", $ok) x 2 }, 0.002],
    );
    ok(healthy($nginx), 'before the resets');
    my $before = descriptors($worker);
    for my $name (sort keys %phase) {
        my ($raw, $pause) = @{ $phase{$name} };
        for my $round (1 .. $rounds / 10) {
            my $s = $nginx->connect or die "connect: $@";
            $s->blocking(0);
            syswrite $s, $raw->($round);
            sleep $pause if $pause;
            reset_now($s);
        }
        ok(wait_for(5, sub { healthy($nginx) }), "reset $name: others go on");
        ok(wait_for(5, sub { descriptors($worker) <= $before }),
            "reset $name: no descriptor stays");
    }
    # of these nginx itself keeps some for a while, in any location
    for my $round (1 .. $rounds / 10) {
        my $s = $nginx->connect or die "connect: $@";
        $s->blocking(0);
        syswrite $s, "PUT /api/sets/cut/files/0 HTTP/1.1\r\nHost: t\r\n"
            . "Content-Length: 100000\r\n\r\n" . 'x' x 50_000;
        reset_now($s);
    }
    ok(healthy($nginx), 'reset inside a body that is discarded');
    is(scalar(grep { / id=cut / } $gossipd->lines), 0,
        'nothing cut short is handed over');
    is(($nginx->workers)[0], $worker, 'the same worker');
    is($nginx->stop, '', 'resets: the log is clean');
}

# bodies cut short and reset while they are read, many: the request's count
{
    my $nginx = P2pfsTest::Nginx->new(
        location => api('client_body_buffer_size 16;'))->start;
    my ($worker) = $nginx->workers;
    for my $round (1 .. $rounds) {
        my $s = $nginx->connect or die "connect: $@";
        my $expect = $round % 2 ? "Expect: 100-continue\r\n" : '';
        my $framing = $round % 3 ? 'Content-Length: 999' : 'Transfer-Encoding: '
            . 'chunked';
        syswrite $s, "POST /api/sets/c/files/0 HTTP/1.1\r\nHost: t\r\n$json"
            . "$expect$framing\r\n\r\n";
        if ($expect && $round % 5) {
            sysread $s, my $buf, 100;
            $buf =~ /^HTTP\/1.1 100 / or fail("round $round: $buf");
        }
        syswrite $s, $round % 3 ? '{"content":"0x' : "9\r\n{\"con"
            if $round % 4;
        reset_now($s);
    }
    ok(healthy($nginx), "after $rounds cut short");
    is(($nginx->workers)[0], $worker, 'the same worker');
    is($nginx->stop, '', 'cut short: the log is clean');
}

# slow ones: header, body and reader
{
    my $nginx = P2pfsTest::Nginx->new(http => 'client_header_timeout 2s;',
        location => api('client_body_timeout 2s; send_timeout 6s;'))->start;
    my @drip;
    for my $raw (post_raw('/api/sets/slow/files/0', $ok),
        "GET /api/sets/done HTTP/1.1\r\nHost: t\r\n\r\n") {
        push @drip, [$nginx->connect, $raw, 0] for 1 .. 4;
    }
    # as many bytes behind the header at once, then one by one
    $drip[$_][2] = index($drip[$_][1], "\r\n\r\n") + 4 for 2, 3;
    syswrite $_->[0], substr $_->[1], 0, $_->[2] for @drip;
    my @reader = map {
        my $s = $nginx->connect;
        setsockopt $s, SOL_SOCKET, SO_RCVBUF, 32768;
        syswrite $s, "GET /api/sets/big/files/$_ HTTP/1.1\r\nHost: t\r\n"
            . "Connection: close\r\n\r\n";
        [$s, ''];
    } 0, 1;
    my $bad = 0;
    for my $round (1 .. 6) {
        for (@drip) { syswrite $_->[0], substr $_->[1], $_->[2]++, 1 }
        sysread $_->[0], $_->[1], 8000, length $_->[1] for @reader;
        healthy($nginx) or $bad++;
        sleep 0.5;
    }
    is($bad, 0, 'a healthy client beside slow ones');
    syswrite $_->[0], substr $_->[1], $_->[2] for @drip[2, 3];
    is_deeply([sort map { code((P2pfsTest::Nginx::answers($_->[0], 1))[0]) }
        @drip[2, 3]], ['200 ok', '201 ok'], 'a slow body is stored in the end');
    # a header is bounded as a whole, a body between two reads
    is_deeply([map { code((P2pfsTest::Nginx::answers($_->[0], 1))[0]) }
        @drip[0, 1, 4 .. 7]], [('0 ok') x 6], 'a slow header is cut off');
    for (@reader) {
        my ($s, $buf) = @$_;
        setsockopt $s, SOL_SOCKET, SO_RCVBUF, 1 << 20;
        1 while sysread $s, $buf, 65536, length $buf;
        is(length((P2pfsTest::Nginx::take(\$buf) // { body => '' })->{body}),
            length $nginx->get('/api/sets/big/files/0')->{body},
            'a slow reader gets all of it');
    }
    my $s = $nginx->connect;
    syswrite $s, substr post_raw('/api/sets/stopped/files/0', $ok), 0, -5;
    is(code((P2pfsTest::Nginx::answers($s, 1))[0]), '0 ok',
        'a body that stands still is cut off');
    like($nginx->log_text, qr/client timed out/, 'by its timeout');
    is(scalar(grep { / id=stopped / } $gossipd->lines), 0, 'and not stored');
    is($nginx->stop, '', 'slow ones: the log is clean');
}

# an answer that nobody reads pins nothing: the database is read on
{
    my $nginx = P2pfsTest::Nginx->new(location => api('send_timeout 1s;'))
        ->start;
    my @idle = map {
        my $s = $nginx->connect;
        setsockopt $s, SOL_SOCKET, SO_RCVBUF, 4096;
        syswrite $s,
            "GET /api/sets/big/files/1 HTTP/1.1\r\nHost: t\r\n\r\n" x 3;
        $s;
    } 1 .. 10;
    ok(healthy($nginx), 'beside ten that read nothing');
    my $db = "$P2pfsTest::dir/store.db";
    is(qx(sqlite3 '$db' 'PRAGMA wal_checkpoint(TRUNCATE)'), "0|0|0\n",
        'no reader holds the log of the database');
    ok(wait_for(10, sub { $nginx->log_text =~ /client timed out/ }),
        'they are cut off');
    is($nginx->stop, '', 'readers: the log is clean');
}

# early errors with a body that nobody reads, in both framings, asked for or not
{
    my $nginx = P2pfsTest::Nginx->new(
        location => api('lingering_time 2s; lingering_timeout 500ms;'))->start;
    my @early = (
        ['404 not-found', 'POST /api/nothing'],
        ['405 method-not-allowed', 'PUT /api/sets/a/files/0'],
        ['405 method-not-allowed', 'POST /api/sets/a'],
        ['400 bad-set-id', 'POST /api/sets/%20/files/0'],
        ['400 bad-index', 'POST /api/sets/a/files/x'],
        ['400 bad-root', 'GET /api/sets/a/files/0?root=x'],
        ['400 bad-hash', 'GET /api/sets/a/files/0?hash=x'],
        ['404 set-not-found', 'GET /api/sets/nope'],
        ['404 version-not-found',
            'GET /api/sets/done/files/0?root=' . '0' x 64],
        ['404 file-not-found', 'GET /api/sets/done/files/7'],
        ['409 set-incomplete', 'GET /api/sets/part/files/0'],
        ['415 unsupported-media-type', 'POST /api/sets/a/files/0', 'X: 1'],
        ['200 ok', 'GET /api/sets/done/files/0'],
        ['304 ok', 'GET /api/sets/done/files/0', 'If-None-Match: *'],
        ['412 ok', 'GET /api/sets/done/files/0', 'If-Match: "x"'],
    );
    my $probe = "GET /api/sets/plain HTTP/1.1\r\nHost: t\r\n\r\n";
    my $size = 50_000;
    for my $case (@early) {
        my ($want, $line, $header) = @$case;
        my $head = "$line HTTP/1.1\r\nHost: t\r\n"
            . ($header ? "$header\r\n" : '');
        my %framing = (
            'length' => ["Content-Length: $size\r\n", 'x' x $size],
            'chunks' => ["Transfer-Encoding: chunked\r\n",
                sprintf("%x\r\n%s\r\n", 1000, 'x' x 1000) x ($size / 1000)
                . "0\r\n\r\n"],
        );
        for my $how (sort keys %framing) {
            my ($field, $body) = @{ $framing{$how} };
            my @a = $nginx->talk(2, "$head$field\r\n", $body, $probe);
            # nginx itself closes the connection behind its 412
            is(join(', ', map { code($_) } @a),
                $want =~ /^412/ ? $want : "$want, 200 ok",
                "$line, $how: answered, and the next one too");
            my $s = $nginx->connect;
            syswrite $s, "$head${field}Expect: 100-continue\r\n\r\n";
            sysread $s, my $buf, 65536;
            like($buf, qr/\AHTTP\/1\.1 (?!100)/, "$line, $how: no continue");
            my ($a) = P2pfsTest::Nginx::take(\$buf);
            is(code($a), $want, "$line, $how: the answer instead");
        }
    }

    # one that never ends is not read for ever
    my $s = $nginx->connect;
    syswrite $s, "GET /api/sets/nope HTTP/1.1\r\nHost: t\r\n"
        . "Transfer-Encoding: chunked\r\n\r\n";
    my ($a) = P2pfsTest::Nginx::answers($s, 1);
    is(code($a), '404 set-not-found', 'an endless body: answered at once');
    my ($start, $sent) = (time, 0);
    while (time - $start < 8) {
        my $n = syswrite $s, sprintf("%x\r\n%s\r\n", 4096, 'x' x 4096);
        last unless defined $n;
        $sent += $n;
        sleep 0.01;
    }
    cmp_ok(time - $start, '<', 7, "then cut off, $sent bytes");
    is(scalar(grep { /^put/ } $gossipd->lines(qr/put/)),
        scalar(grep { / id=(healthy|late|silent|slow)/ } $gossipd->lines),
        'gossipd saw none of it');
    is($nginx->stop, '', 'early errors: the log is clean');
}

# the request behind each answer that depends on gossipd
{
    my $nginx = P2pfsTest::Nginx->new(location => api('p2pfs_timeout 300ms;'))
        ->start;
    my $probe = "GET /api/sets/plain HTTP/1.1\r\nHost: t\r\n\r\n";
    my %want = ('err-file-conflict' => '409 file-conflict',
        'err-set-exists' => '409 set-exists',
        'err-set-count-conflict' => '409 set-count-conflict',
        'err-not-in-root' => '422 not-in-root',
        'err-store-full' => '507 store-full',
        'err-store-unavailable' => '503 store-unavailable',
        'silent-behind' => '503 outcome-unknown',
        'close-behind' => '503 outcome-unknown');
    for my $id (sort keys %want) {
        my @a = $nginx->talk(3, post_raw("/api/sets/$id/files/0", $ok)
            . $probe . post_raw('/api/sets/behind/files/0', $ok));
        like(join(', ', map { code($_) } @a),
            qr/^$want{$id}, 200 ok, 20[01] ok$/, "behind $want{$id}");
    }
    $gossipd->stop;
    my @a = $nginx->talk(3, post_raw('/api/sets/a/files/0', $ok) . $probe
        . post_raw('/api/sets/b/files/0', $ok));
    is(join(', ', map { code($_) } @a), '503 store-unavailable, 200 ok, '
        . '503 store-unavailable', 'behind 503, nobody there');
    is($nginx->stop, '', 'pipelines: the log is clean');
}

done_testing();
