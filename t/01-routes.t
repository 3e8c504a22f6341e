# Routes, methods, the grammar of set ids, indices and queries: what is answered
# before anything is read from the store. Without it a new route, or a change of
# the order of checks, would go unseen.

use strict;
use warnings;

use P2pfsTest;
use Test::Nginx::Socket 'no_plan';

our %root = store();
our $gossipd = gossipd();
our $long = 'a' x 128;
our $root = $root{'done/file'};

add_block_preprocessor(\&P2pfsTest::block_defaults);
no_shuffle();
run_tests();

__DATA__

=== TEST 1: the three routes
--- request eval
["GET /api/sets/done/files/0", "HEAD /api/sets/done/files/0",
 "GET /api/sets/done", "HEAD /api/sets/done"]
--- error_code eval
[200, 200, 200, 200]



=== TEST 2: no such route
--- request eval
[map { "GET $_" } qw(/api/ /api/sets /api/sets/ /api/sets/done/
    /api/sets/done/files /api/sets/done/files/ /api/sets/done/files/0/
    /api/sets/done/files/0/x /api/set/done /api/Sets/done
    /api/sets/done/file/0 /api//sets/done /api/x/../sets/done)]
--- error_code eval
[map { 404 } 1 .. 13]
--- response_body_like eval
[map { '"code":"not-found"' } 1 .. 13]



=== TEST 3: a route that does not exist wins over its method
--- request
DELETE /api/nothing
--- error_code: 404
--- response_body_like: "status":404,"code":"not-found"
--- response_headers
Content-Type: application/problem+json
Cache-Control: no-store



=== TEST 4: methods of a file
--- request eval
["DELETE /api/sets/done/files/0", "PUT /api/sets/done/files/0",
 "OPTIONS /api/sets/done/files/0", "PATCH /api/sets/a%2Fb/files/zz"]
--- error_code eval
[405, 405, 405, 405]
--- response_body_like eval
[map { '"code":"method-not-allowed"' } 1 .. 4]
--- response_headers eval
[map { "Allow: GET, HEAD, POST" } 1 .. 4]



=== TEST 5: methods of a set
--- request eval
["POST /api/sets/done", "DELETE /api/sets/done"]
--- error_code eval
[405, 405]
--- response_headers eval
["Allow: GET, HEAD", "Allow: GET, HEAD"]



=== TEST 6: a method that nginx does not know
--- raw_request eval
"FOO /api/sets/done HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"
--- error_code: 405
--- response_body_like: method-not-allowed



=== TEST 7: set ids that are none
--- request eval
[map { "GET /api/sets/$_/files/0" } '', qw(. .. a%2Fb a%00b%2e a%20b
    a%25 a;b a:b a@b a*b a+b %C3%A4 %0d%0aX a%5Cb), "${main::long}a"]
--- error_code eval
[map { 400 } 1 .. 16]



=== TEST 8: the answer to a bad set id
--- request eval
["GET /api/sets/a%2Fb", "GET /api/sets/%2e%2e", "GET /api/sets/%0d%0aX"]
--- error_code eval
[400, 400, 400]
--- response_body_like eval
[map { '"code":"bad-set-id"' } 1 .. 3]



=== TEST 9: set ids that are fine, and unknown
--- request eval
[map { "GET /api/sets/$_" } $main::long, qw(... .a a.b ~ - _ %41 0 A%7eb)]
--- error_code eval
[map { 404 } 1 .. 10]
--- response_body_like eval
[map { '"code":"set-not-found"' } 1 .. 10]



=== TEST 10: a set id is decoded once
--- request eval
["GET /api/sets/%64one", "GET /api/sets/%2564one"]
--- error_code eval
[200, 400]



=== TEST 11: indices that are none
--- request eval
[map { "GET /api/sets/done/files/$_" } qw(-0 -1 +1 00 01 1e3 0x1 1.0 1%20 a
    %2D1 1;2), '9' x 129]
--- error_code eval
[map { 400 } 1 .. 13]
--- response_body_like eval
[map { '"code":"bad-index"' } 1 .. 13]



=== TEST 12: indices that are beyond every set
--- request eval
[map { "GET /api/sets/done/files/$_" } qw(5 2147483648 4294967295 4294967296
    9007199254740992 9223372036854775808 18446744073709551615
    18446744073709551616 99999999999999999999), '9' x 128]
--- error_code eval
[map { 404 } 1 .. 10]
--- response_body_like eval
[map { '"code":"file-not-found"' } 1 .. 10]



=== TEST 13: an index is decoded once
--- request
GET /api/sets/done/files/%34
--- response_body_like: "index":4



=== TEST 14: roots that are none
--- request eval
[map { "GET /api/sets/done/files/0?$_" } 'root', 'root=', 'root=0x',
    "root=${main::root}0", 'root=' . substr($main::root, 1),
    'root=g' . substr($main::root, 1), "root=0X$main::root",
    "root=$main::root&root=$main::root", "root=%30$main::root"]
--- error_code eval
[map { 400 } 1 .. 9]
--- response_body_like eval
[map { '"code":"bad-root"' } 1 .. 9]



=== TEST 15: hashes that are none
--- request eval
["GET /api/sets/done/files/0?hash=1",
 "GET /api/sets/done/files/0?x=1&hash=$main::root&hash=$main::root"]
--- error_code eval
[400, 400]
--- response_body_like eval
['"code":"bad-hash"', '"code":"bad-hash"']



=== TEST 16: root and hash exclude each other
--- request eval
"GET /api/sets/done/files/0?root=$main::root&hash=$main::root"
--- error_code: 400
--- response_body_like: "code":"bad-request"



=== TEST 17: other names in the query are left alone
--- request eval
["GET /api/sets/done/files/0?a=b&rootx=1&=&&hashes=2&Root=3",
 "GET /api/sets/done/files/0?",
 "GET /api/sets/done?root=nonsense"]
--- error_code eval
[200, 200, 200]



=== TEST 18: roots with and without 0x, in either case
--- request eval
[map { "GET /api/sets/done/files/0?root=$_" } $main::root, uc $main::root,
    "0x$main::root"]
--- error_code eval
[200, 200, 200]



=== TEST 19: an absolute URI
--- raw_request eval
"GET http://t/api/sets/done HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"
--- response_body_like: "setId":"done"



=== TEST 20: a location without a slash, one at the root, and one in another
--- config eval
my $words = "p2pfs_db $P2pfsTest::dir/store.db;"
    . "p2pfs_gossipd unix:$P2pfsTest::dir/gossipd.sock;";
"$words
location /v1 { p2pfs on;
    location /v1/sets/done { add_header X-Nested yes; }
    location /v1/sets/plain { p2pfs off; return 204; } }
location /root/deep/ { p2pfs on; }"
--- request eval
["GET /v1/sets/part", "GET /v1/sets/done", "GET /v1/sets/plain",
 "GET /v1x/sets/done", "GET /root/deep/sets/done", "GET /v1/v1/sets/done"]
--- error_code eval
[200, 200, 204, 404, 200, 404]



=== TEST 21: after a rewrite the new URI counts
--- config eval
P2pfsTest::api() . 'location /files/ { rewrite ^/files/(.*)$ /api/sets/$1 last;
}'
--- request eval
["GET /files/done/files/1", "GET /files/done", "GET /files/a%2Fb"]
--- error_code eval
[200, 200, 404]



=== TEST 22: slashes are not merged, whatever nginx does
--- config eval
"merge_slashes off;" . P2pfsTest::api()
--- request eval
["GET /api/sets//files/0", "GET /api//sets/done", "GET /api/sets/done//files/0"]
--- error_code eval
[400, 404, 404]



=== TEST 23: in a named location, or one by a pattern, there is no prefix
--- config eval
(my $c = P2pfsTest::api()) =~ s{location /api/}{location ~ ^/a/};
$c
--- must_die
--- error_log
"p2pfs" directive needs a location with a prefix



=== TEST 24: with "if" and "limit_except"
--- config eval
P2pfsTest::api('if ($arg_x) { set $y 1; } limit_except GET { deny all; }')
--- request eval
["GET /api/sets/done?x=1", "POST /api/sets/done/files/0", "GET /api/sets/done"]
--- error_code eval
[200, 403, 200]
