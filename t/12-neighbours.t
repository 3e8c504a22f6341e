# The module among nginx's other ones: subrequests of every kind into a location
# of ours, error pages into it and out of it, access and rate modules before it,
# a cache and a proxy in front, HTTP/2 and TLS below. Each of them runs our
# handler in a way in which a plain request does not.

use strict;
use warnings;

use H2Client;
use P2pfsTest;
use Test::More;
use Time::HiRes qw(time sleep);

my %root = store();
my $gossipd = gossipd();
my $ok = post_body('hello', 1);
my $file = '/api/sets/done/files/1';
my $dir = $P2pfsTest::dir;

sub code { P2pfsTest::Nginx::code($_[0] // { status => 0, body => '' }) }

sub nginx { P2pfsTest::Nginx->new(@_)->start }

sub write_file {
    my ($path, $text) = @_;
    open my $f, '>', $path or die "$path: $!";
    print $f $text;
    close $f;
}

sub puts { my ($id) = @_; return scalar grep { / id=$id / } $gossipd->lines }

# subrequests: SSI (several at once, and one that waits), addition, auth, mirror
{
    write_file("$dir/many.html", join '', '[', (map {
        "<!--#include virtual=\"/api/sets/done/files/$_\" -->" } 0 .. 4),
        '<!--#include virtual="/api/sets/nope" -->',
        '<!--#include virtual="/api/sets/done/files/2" wait="yes" -->]');
    write_file("$dir/plain.txt", "-middle-\n");
    my $port = P2pfsTest::free_port();
    # not every build has it, and a sanitizer's is one of those
    my $added = qx($P2pfsTest::binary -V 2>&1) =~ /http_addition_module/
        && "location /added { addition_types *; alias $dir/plain.txt;"
        . "add_before_body $file; add_after_body /api/sets/done/files/2; }";
    my $nginx = nginx(port => $port, location => api() . ($added || '')
        . <<"EOC");
location /ssi { ssi on; ssi_types *; alias $dir/many.html; }
location /auth/ { auth_request /api/sets/done;
    proxy_pass http://127.0.0.1:$port/api/; }
location /denied/ { auth_request /api/sets/nope;
    proxy_pass http://127.0.0.1:$port/api/; }
location /mirrored/ { mirror /copy; proxy_request_buffering on;
    proxy_pass http://127.0.0.1:$port/api/; }
location = /copy { internal; rewrite ^ $file break;
    proxy_pass http://127.0.0.1:$port; }
location /direct { mirror $file; return 204; }
EOC
    my @body = map { $nginx->get("/api/sets/done/files/$_")->{body} } 0 .. 4;
    # the page's length is not known before: until the connection ends
    my $page = sub {
        my $s = $nginx->connect;
        syswrite $s, "GET $_[0] HTTP/1.0\r\nHost: t\r\n\r\n";
        local $/;
        return (split /\r\n\r\n/, scalar <$s>, 2)[1];
    };
    my $got = $page->('/ssi');
    my $want = join '', @body;
    my $none = qr/\{[^{}]*"code":"set-not-found"[^{}]*\}/;
    like($got, qr/^\[\Q$want\E$none\Q$body[2]\E\]$/,
        'SSI: seven includes, in their order');
    SKIP: {
        skip 'nginx without ngx_http_addition_module', 1 unless $added;
        is($page->('/added'), "$body[1]-middle-\n$body[2]", 'addition');
    }
    is(code($nginx->get('/auth/sets/plain')), '200 ok', 'auth_request: yes');
    is($nginx->get('/denied/sets/plain')->{status}, 500,
        'auth_request: another status is an error of the configuration');
    is(code($nginx->post('/auth/sets/authed/files/0', $ok)), '201 ok',
        'an upload behind auth_request');
    is(code($nginx->get('/mirrored/sets/done')), '200 ok', 'mirror: GET');
    is(code($nginx->post('/mirrored/sets/mirrored/files/0', $ok)), '201 ok',
        'mirror: POST');
    is(puts('mirrored'), 1, 'is handed over once');
    is($nginx->get('/direct')->{status}, 204, 'a mirror that is our location');
    is($nginx->stop, '', 'subrequests: the log is clean');
}

# error pages: out of our location, into it, and round in a circle
{
    my $nginx = nginx(location => <<"EOC");
p2pfs_db $dir/store.db; p2pfs_gossipd unix:$dir/gossipd.sock;
location /own/ { p2pfs on; client_max_body_size 10;
    error_page 413 500 503 /sorry; error_page 404 =200 /sorry; }
location /sorry { return 418; }
location /named/ { p2pfs on; client_max_body_size 10;
    error_page 413 = \@named; }
location \@named { return 419 "named"; }
location /circle/ { p2pfs on; client_max_body_size 10;
    error_page 413 /circle/sets/done; }
location /api/ { p2pfs on; }
location /missing { root $dir/none; error_page 404 = $file; }
location /shown { root $dir/none; error_page 404 $file; }
location /down { error_page 503 $file; return 503; }
location /down-as-200 { error_page 503 = $file; return 503; }
location /bad { error_page 400 /api/sets/nope; return 400; }
EOC
    is($nginx->post('/own/sets/a/files/0', $ok)->{status}, 418, 'out of it');
    is(code($nginx->get('/own/sets/nope')), '404 set-not-found',
        'what we say ourselves is not replaced');
    is($nginx->post('/named/sets/a/files/0', $ok)->{status}, 419, 'named');
    is($nginx->post('/circle/sets/a/files/0', $ok)->{status}, 413, 'a circle');
    my $body = $nginx->get($file)->{body};
    for my $case (['/missing', 200], ['/shown', 404], ['/down', 503],
        ['/down-as-200', 200]) {
        my $a = $nginx->get($case->[0]);
        is($a->{status}, $case->[1], "into it: $case->[0]");
        is($a->{body}, $body, "into it: $case->[0]: the file");
    }
    my @a = $nginx->talk(2, "GET /missing HTTP/1.1\r\nHost: t\r\n\r\n" x 2);
    is_deeply([map { $_->{body} } @a], [$body, $body], 'into it, kept alive');
    my $a = $nginx->get('/bad');
    is("$a->{status} " . ($a->{body} =~ /"code":"(.*?)"/)[0],
        '400 set-not-found', 'into it: an error of ours');
    my ($raw) = $nginx->talk(1, post_raw('/missing', 'x' x 5000));
    is($raw->{status}, 200, 'into it: with a body that nobody reads')
        or diag($raw->{head});
    is($nginx->stop, '', 'error pages: the log is clean');
}

# access, rate and connection limits, in our words where nginx says 503
{
    my $nginx = nginx(http => 'limit_req_zone $server_port zone=r:1m '
        . 'rate=1r/m; limit_conn_zone $server_port zone=c:1m;',
        location => <<"EOC");
p2pfs_db $dir/store.db; p2pfs_gossipd unix:$dir/gossipd.sock;
location /rate/ { p2pfs on; limit_req zone=r burst=1 nodelay; }
location /conn/ { p2pfs on; limit_conn c 1; p2pfs_timeout 9s; }
location /429/ { p2pfs on; limit_req zone=r; limit_req_status 429; }
location /deny/ { p2pfs on; limit_except GET { deny all; } }
location /slow/ { p2pfs on; limit_rate 1m; }
EOC
    is(join(' ', map { code($_) } $nginx->talk(3,
        post_raw('/rate/sets/r1/files/0', $ok)
        . post_raw('/rate/sets/r2/files/0', $ok)
        . post_raw('/rate/sets/r3/files/0', $ok))),
        '201 ok 201 ok 503 store-unavailable', 'limit_req, kept alive');
    is($nginx->get('/429/sets/done')->{status}, 429, 'limit_req_status');
    my $s = $nginx->connect;
    syswrite $s, post_raw('/conn/sets/late-300-conn/files/0', $ok);
    $gossipd->lines(qr/ id=late-300-conn /);
    is(code($nginx->get('/conn/sets/done')), '503 store-unavailable',
        'limit_conn while an upload waits');
    is(code((P2pfsTest::Nginx::answers($s, 1))[0]), '201 ok', 'which it does');
    is(code(wait_for(5, sub {
        my $a = $nginx->get('/conn/sets/done');
        return $a->{status} == 200 && $a;
    })), '200 ok', 'and then there is room');
    is($nginx->post('/deny/sets/x/files/0', $ok)->{status}, 403,
        'limit_except');
    is(code($nginx->get('/deny/sets/done')), '200 ok', 'and what it lets pass');
    is(code($nginx->get('/slow/sets/big/files/0')), '200 ok', 'limit_rate');
    is($nginx->stop, '', 'limits: the log is clean');
}

# a cache in front: what names its root is kept, a label is asked for each time
{
    my $port = P2pfsTest::free_port();
    my $nginx = nginx(port => $port,
        http => "proxy_cache_path $dir/cache keys_zone=k:1m;",
        location => api() . <<"EOC");
location /cached/ { proxy_cache k; proxy_http_version 1.1;
    proxy_set_header Connection "";
    add_header X-Cache \$upstream_cache_status always;
    proxy_cache_revalidate on; proxy_cache_lock on;
    proxy_pass http://127.0.0.1:$port/api/; }
EOC
    my $cache = sub {
        my ($path, @headers) = @_;
        my $a = $nginx->get("/cached/$path", @headers);
        return "$a->{status} " . ($a->{head} =~ /^X-Cache: (\w+)/m ? $1 : '');
    };
    my $rooted = "sets/done/files/1?root=$root{'done/file'}";
    is($cache->($rooted), '200 MISS', 'by root');
    is($cache->($rooted), '200 HIT', 'by root, again');
    is($nginx->get("/cached/$rooted")->{body},
        $nginx->get("/api/$rooted")->{body}, 'the same bytes');
    is($cache->($rooted, 'If-None-Match: *'), '304 HIT', 'its tag');
    for my $path ('sets/done/files/1', 'sets/done', 'sets/nope',
        'sets/part/files/0', "sets/done/files/9?root=$root{'done/file'}") {
        my @got = map { $cache->($path) } 1, 2;
        unlike("@got", qr/HIT/, "not kept: $path");
    }
    is(code($nginx->post('/cached/sets/via/files/0', $ok)), '201 ok',
        'an upload through it');
    is($nginx->stop, '', 'cache: the log is clean');
}

# TLS, with both versions of HTTP
{
    system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=t "
        . "-keyout '$dir/key.pem' -out '$dir/cert.pem' 2>/dev/null") == 0
        or die 'openssl failed';
    my $nginx = nginx(listen => 'ssl http2', location => <<"EOC" . api());
ssl_certificate $dir/cert.pem; ssl_certificate_key $dir/key.pem;
EOC
    write_file("$dir/upload.json", post_body('t' x 300_000, 1));
    my $base = "https://127.0.0.1:$nginx->{port}/api/sets";
    for my $v ('--http1.1', '--http2') {
        my $curl = "curl -sk $v -m 20 -w ' %{http_code} %{http_version}'";
        (my $id = "tls$v") =~ tr/-.//d;
        like(qx($curl '$base/done/files/[0-4]'),
            qr/(?:"index":\d\}[^ ]* 200 .*){5}/,
            "TLS $v: five reads on a connection");
        like(qx($curl '$base/big/files/1' | tail -c 20), qr/"\} 200 /,
            "TLS $v: a large one");
        my $json = "-H 'Content-Type: application/json'";
        like(qx($curl $json -d \@'$dir/upload.json' '$base/$id/files/0'),
            qr/"success":true.* 201 /, "TLS $v: an upload");
        $json .= " -H 'Expect: 100-continue'";
        like(qx($curl $json -d \@'$dir/upload.json' '$base/$id/files/0'),
            qr/"success":true.* 200 /, "TLS $v: the same again");
        like(qx($curl -X PUT -d \@'$dir/upload.json' '$base/$id/files/0'),
            qr/method-not-allowed.* 405 /, "TLS $v: a body that nobody reads");
    }
    is($nginx->stop, '', 'TLS: the log is clean');
}

# HTTP/2: many streams at once, streams reset while gossipd has their upload
{
    my $nginx = nginx(listen => 'http2', location => api('p2pfs_timeout 2s;'));
    my ($worker) = $nginx->workers;
    my $url = "http://127.0.0.1:$nginx->{port}$file";
    my $out = qx(h2load -n 2000 -c 4 -m 50 '$url' 2>&1);
    like($out, qr/ 2000 succeeded, 0 failed, 0 errored/, 'HTTP/2: 2000 reads');
    for my $round (1 .. ($ENV{P2PFS_LONG} ? 200 : 20)) {
        my $h2 = H2Client->new($nginx->connect);
        my $word = $round % 2 ? 'late-20' : 'silent';
        my @streams = map {
            $h2->post("/api/sets/$word-$round-$_/files/0", $ok) } 1 .. 50;
        sleep 0.005 if $round % 3;
        $h2->reset($_) for @streams;
        $round % 4 ? $h2->goaway : sleep 0.002;
        $h2->close;
    }
    is(code($nginx->get($file)), '0 ok', 'HTTP/1 is not spoken here');
    my $h2 = H2Client->new($nginx->connect);
    my $stream = wait_for(10, sub { # until gossipd takes uploads again
        my $n = $h2->post('/api/sets/after-resets/files/0', $ok);
        return $h2->status($n) =~ /^20[01]$/ && $n;
    });
    ok($stream, 'HTTP/2: an upload after the resets');
    my $cut = $h2->post('/api/sets/h2-cut/files/0', $ok, length($ok) - 3);
    $h2->reset($cut);
    is($h2->status($h2->get($file)), 200, 'HTTP/2: after half a body');
    is(puts('h2-cut'), 0, 'which is not handed over');
    $h2->close;
    is(($nginx->workers)[0], $worker, 'HTTP/2: the same worker');
    is($nginx->stop, '', 'HTTP/2: the log is clean');
}

done_testing();
