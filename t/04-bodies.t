# Bodies in every shape in which nginx hands them over: in the header's buffer,
# in one or several others, in a file, chunked, a byte at a time, over HTTP/2,
# and none. A body read wrongly stores bytes that nobody sent.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use P2pfsTest;
use Test::More;

store();
my $gossipd = gossipd();

sub chunked {
    my ($path, $body, $size, %o) = @_;
    my @chunks;
    for (my $i = 0; $i < length $body; $i += $size) {
        my $c = substr $body, $i, $size;
        push @chunks, sprintf("%x%s\r\n", length $c, $o{extension} // '')
            . "$c\r\n";
    }
    return join("\r\n", "POST $path HTTP/1.1", 'Host: t',
        'Content-Type: application/json', 'Transfer-Encoding: chunked',
        'Connection: close', '', ''), @chunks,
        "0\r\n" . ($o{trailer} // '') . "\r\n";
}

# Both sides agree with us about the bytes.
sub stored_as {
    my ($answer, $id, $content, $name) = @_;
    my $hash = sha256_hex($content);
    is("$answer->{status} " . ($answer->{body} =~ /"hash":"$hash"/ ? 1 : 0),
        '201 1', "$name: the answer");
    my ($line) = $gossipd->lines(qr/ id=\Q$id\E /);
    my $len = length $content;
    like($line // '', qr/ len=$len sha=$hash$/, "$name: what gossipd got");
}

my $bytes = join '', map { chr($_ * 7 % 256) } 1 .. 256;
my @sizes = (0, 1, 400, 8190, 70000, 1048576);
my %variant = (
    'memory'        => 'client_body_buffer_size 3m;',
    'small buffer'  => 'client_body_buffer_size 1k;',
    'default'       => '',
    'file only'     => 'client_body_in_file_only clean;',
    'single buffer' => 'client_body_in_single_buffer on;'
        . 'client_body_buffer_size 64k;',
);

for my $name (sort keys %variant) {
    my $nginx = P2pfsTest::Nginx->new(location => api($variant{$name}))->start;
    (my $word = $name) =~ tr/ /-/;
    for my $size (@sizes) {
        my $content = substr $bytes x ($size / 256 + 1), 0, $size;
        my $body = post_body($content, 1);
        my $id = "$word-$size";
        stored_as($nginx->post("/api/sets/$id/files/0", $body), $id, $content,
            "$name, $size bytes");
        my ($a) = $nginx->talk(1,
            join '', chunked("/api/sets/$id-c/files/0", $body, 4000));
        stored_as($a, "$id-c", $content, "$name, $size bytes, chunked");
    }
    is($nginx->stop, '', "$name: the log is clean");
}

my $nginx = P2pfsTest::Nginx->new(
    location => api('client_body_buffer_size 64;'))->start;

# in packets
my $content = 'packets!' x 20;
my $body = post_body($content, 2);
for my $step (1, 7, 100) {
    my $id = "packets-$step";
    my $raw = post_raw("/api/sets/$id/files/1", $body, 'Connection: close');
    my ($a) = $nginx->talk(1, $raw =~ /(.{1,$step})/gs);
    stored_as($a, $id, $content, "packets of $step");
}
{
    my ($a) = $nginx->talk(1, join('', chunked('/api/sets/one-c/files/1',
        $body, 1)) =~ /(.)/gs);
    stored_as($a, 'one-c', $content, 'chunks of one byte, in packets of one');
}
{
    my ($a) = $nginx->talk(1, chunked('/api/sets/ext/files/1', $body, 50,
        extension => ';a=b;c="d"', trailer => "X-T: 1\r\n"));
    stored_as($a, 'ext', $content, 'chunk extensions and a trailer');
}

# a body that begins with white space, and much of it behind
{
    my $a = $nginx->post('/api/sets/space/files/1', " \r\n\t$body" . ' ' x 5000);
    stored_as($a, 'space', $content, 'white space around');
}

# empty ones
for my $raw (
    ['Content-Length: 0', join "\r\n", 'POST /api/sets/e/files/0 HTTP/1.1',
        'Host: t', 'Content-Type: application/json', 'Content-Length: 0',
        'Connection: close', '', ''],
    ['no length at all', join "\r\n", 'POST /api/sets/e/files/0 HTTP/1.1',
        'Host: t', 'Content-Type: application/json', 'Connection: close', '',
        ''],
    ['an empty chunked one', join '', chunked('/api/sets/e/files/0', '', 1)],
    ['HTTP/1.0', join "\r\n", 'POST /api/sets/e/files/0 HTTP/1.0',
        'Content-Type: application/json', '', ''],
) {
    my ($a) = $nginx->talk(1, $raw->[1]);
    is(P2pfsTest::Nginx::code($a), '400 bad-json', $raw->[0]);
}

# chunked nonsense, and a chunked body above the limit
{
    my @c = chunked('/api/sets/bad/files/0', '', 1);
    my ($a) = $nginx->talk(1, "$c[0]zz\r\nhello\r\n");
    is(P2pfsTest::Nginx::code($a), '400 bad-request', 'a chunk of no length');

    ($a) = $nginx->talk(1, join '',
        chunked('/api/sets/bad/files/0', ' ' x 3_200_000, 100_000));
    is(P2pfsTest::Nginx::code($a), '413 body-too-large',
        'chunks above client_max_body_size');

    ($a) = $nginx->talk(1, join '',
        chunked('/api/sets/bad/files/0', ' ' x 2_200_000, 100_000));
    is(P2pfsTest::Nginx::code($a), '413 body-too-large',
        'chunks above what p2pfs_max_file_size needs');
}

# "100 Continue" only where the body is wanted
{
    my $s = $nginx->connect;
    my $raw = post_raw('/api/sets/expect/files/1', $body,
        'Expect: 100-continue', 'Connection: close');
    my ($head, $rest) = $raw =~ /\A(.*?\r\n\r\n)(.*)\z/s;
    syswrite $s, $head;
    sysread $s, my $buf, 4096;
    like($buf, qr/\AHTTP\/1\.1 100 /, 'continue');
    syswrite $s, $rest;
    my ($a) = P2pfsTest::Nginx::answers($s, 1);
    stored_as($a, 'expect', $content, 'after "100 Continue"');

    for my $case (['a%2Fb/files/1', 'application/json', '400 bad-set-id'],
        ['a/files/1', 'text/plain', '415 unsupported-media-type']) {
        $s = $nginx->connect;
        syswrite $s, "POST /api/sets/$case->[0] HTTP/1.1\r\nHost: t\r\n"
            . "Content-Type: $case->[1]\r\nContent-Length: 100\r\n"
            . "Expect: 100-continue\r\n\r\n";
        sysread $s, $buf, 4096;
        my $a = P2pfsTest::Nginx::take(\$buf);
        is(P2pfsTest::Nginx::code($a // { status => 0, body => '' }), $case->[2],
            "no continue: $case->[2]");
    }
}
is($nginx->stop, '', 'the log is clean');

# HTTP/2, by nghttp: with and without a length, empty, in a file
{
    qx(nghttp --version) or die 'nghttp is missing (Debian: nghttp2-client)';
    for my $name ('memory', 'small buffer', 'file only') {
        my $h2 = P2pfsTest::Nginx->new(listen => 'http2',
            location => api($variant{$name}))->start;
        for my $size (0, 1, 5000, 300000) {
            for my $length ('', '--no-content-length') {
                my $file = "$P2pfsTest::dir/h2-body";
                my $data = substr $bytes x ($size / 256 + 1), 0, $size;
                open my $f, '>', $file or die $!;
                print $f post_body($data, 1);
                close $f;
                (my $id = "h2-$name-$size$length") =~ tr/ /-/;
                my $out = qx(nghttp -H':method: POST' -H'content-type: application/json' $length -d '$file' http://127.0.0.1:$h2->{port}/api/sets/$id/files/0 2>&1);
                my $hash = sha256_hex($data);
                like($out, qr/"hash":"$hash"/, "HTTP/2, $name, $size $length");
            }
        }
        open my $f, '>', "$P2pfsTest::dir/h2-empty" or die $!;
        close $f;
        for my $args ('', "-d '$P2pfsTest::dir/h2-empty'",
            "--no-content-length -d '$P2pfsTest::dir/h2-empty'") {
            my $out = qx(nghttp -H':method: POST' -H'content-type: application/json' $args http://127.0.0.1:$h2->{port}/api/sets/h2e/files/0 2>&1);
            like($out, qr/"code":"bad-json"/, "HTTP/2, $name, no body $args");
        }
        my $out = qx(nghttp http://127.0.0.1:$h2->{port}/api/sets/done/files/2 2>&1);
        like($out, qr/"index":2/, "HTTP/2, $name, GET");
        is($h2->stop, '', "HTTP/2, $name: the log is clean");
    }
}

done_testing();
