# Uploading: what gossipd is given, every answer that it can give, and every
# body that it never sees.

use strict;
use warnings;

use P2pfsTest;
use Test::Nginx::Socket 'no_plan';

store();
our $gossipd = gossipd();
our $hex = 'ab' x 32;

add_block_preprocessor(sub {
    my ($block) = @_;
    P2pfsTest::block_defaults($block);
    $block->set_value('more_headers', 'Content-Type: application/json')
        unless defined $block->more_headers;
});
no_long_string();
no_shuffle();
run_tests();

__DATA__

=== TEST 1: stored, sent again, and other bytes
--- request eval
["POST /api/sets/a/files/0\n" . '{"content":"0x00ff","setCount":3}',
 "POST /api/sets/a/files/0\n" . ' {"setCount":3.0e0,"content":"0x00FF"} ',
 "POST /api/sets/a/files/0\n" . '{"content":"0x00fe","setCount":3}']
--- error_code eval
[201, 200, 409]
--- response_body eval
my $hash = Digest::SHA::sha256_hex("\x00\xff");
my $stored = "{\"success\":true,\"hash\":\"$hash\",\"index\":0,\"setCount\":3}";
[$stored, $stored, '{"type":"urn:p2pfs:error:file-conflict","title":'
. '"other bytes are stored at this index","status":409,'
. "\"code\":\"file-conflict\",\"hash\":\"$hash\"}"]
--- response_headers eval
[("Content-Type: application/json") x 2,
 "Content-Type: application/problem+json"]



=== TEST 2: gossipd's errors, each with its status and code
--- request eval
[map { "POST /api/sets/err-$_/files/0\n" . '{"content":"0x","setCount":1}' }
    qw(bad-set-id bad-index bad-field bad-set-count index-out-of-range
    not-in-root file-conflict set-count-conflict set-exists body-too-large
    internal store-unavailable STORE_BUSY store-full store-error no-memory)]
--- error_code eval
[400, 400, 400, 422, 422, 422, 409, 409, 409, 413, 500, 503, 503, 507, 500, 500]
--- response_body_like eval
[map { "\"code\":\"$_\"" } qw(bad-set-id bad-index bad-field bad-set-count
    index-out-of-range not-in-root file-conflict set-count-conflict set-exists
    body-too-large internal store-unavailable store-unavailable store-full
    store-error no-memory)]
--- response_headers eval
[map { "Content-Type: application/problem+json\nCache-Control: no-store"
    . ($_ == 11 || $_ == 12 ? "\nRetry-After: 1" : '') } 0 .. 15]



=== TEST 3: the status lines that nginx does not know
--- raw_request eval
P2pfsTest::post_raw('/api/sets/err-not-in-root/files/0',
    '{"content":"0x","setCount":1}', 'Connection: close')
--- raw_response_headers_like: ^HTTP/1\.1 422 Unprocessable Content\r\n
--- error_code: 422



=== TEST 4: members of the conflicts
--- request eval
[map { "POST /api/sets/err-$_/files/0\n" . '{"content":"0x","setCount":1}' }
    qw(file-conflict set-exists set-count-conflict)]
--- error_code eval
[409, 409, 409]
--- response_body_like eval
my $root = '"root":"0x' . '11' x 32 . '"';
["$root.*\"hash\":\"" . Digest::SHA::sha256_hex('stored') . '"',
 "$root", '"received":3,"setCount":7']



=== TEST 5: errors that are not for clients; a number of no error is malformed
--- request eval
[map { "POST /api/sets/$_/files/0\n" . '{"content":"0x","setCount":1}' }
    qw(err-limit err-usage num-999 num-65535)]
--- error_code eval
[500, 500, 503, 503]
--- response_body_like eval
[(map { '"status":500,"code":"internal"' } 1, 2),
 (map { '"code":"outcome-unknown"' } 1, 2)]



=== TEST 6: media types that are JSON
--- request eval
[("POST /api/sets/m/files/0\n" . '{"content":"0x","setCount":1}') x 5]
--- more_headers eval
["Content-Type: application/json", "Content-Type: Application/JSON",
 "Content-Type: application/json; charset=utf-8",
 "Content-Type: application/json;charset=latin-1",
 "Content-Type: application/json ; x"]
--- error_code eval
[201, 200, 200, 200, 200]



=== TEST 7: and those that are not
--- request eval
[("POST /api/sets/m/files/0\n" . '{"content":"0x","setCount":1}') x 6]
--- more_headers eval
["X: y", "Content-Type:", "Content-Type: text/plain",
 "Content-Type: application/jsonx", "Content-Type: application/x-www-form-urlencoded",
 "Content-Type: application/octet-stream"]
--- error_code eval
[415, 415, 415, 415, 415, 415]
--- response_body_like eval
[map { '"code":"unsupported-media-type"' } 1 .. 6]



=== TEST 8: the order of the checks
--- request eval
my $bad = "\n" . 'x' x 100;
["PUT /api/sets/a%2f/files/-$bad", "POST /api/sets/a%2f/files/-$bad",
 "POST /api/sets/a/files/-$bad", "POST /api/sets/a/files/0$bad",
 "POST /api/sets/a/files/0$bad"]
--- more_headers eval
[("Content-Type: text/plain") x 4, "Content-Type: application/json"]
--- error_code eval
[405, 400, 400, 415, 400]
--- response_body_like eval
[map { "\"code\":\"$_\"" } qw(method-not-allowed bad-set-id bad-index
    unsupported-media-type bad-json)]



=== TEST 9: bodies that are not one JSON object
--- request eval
[map { "POST /api/sets/j/files/0\n$_" } '[]', 'null', '"x"', '1', '{', '{}x',
    '{"content":"0x","setCount":1}{}', '{"content":"0x","setCount":1},',
    "\xef\xbb\xbf" . '{"content":"0x","setCount":1}',
    '{"content":"0x","setCount":1}' . "\0", "\0",
    '{"content":"0x","setCount":01}', '{"content":"0x","setCount":1.}',
    "{'content':'0x','setCount':1}", '{"content":"0x' . "\n" . '","setCount":1}',
    '{"content":"0x","setCount":1,}', '{"content":"0x","setCount":NaN}',
    '{"content":"0x","x":"' . "\xff" . '","setCount":1}',
    '{"content":"0x\u0000","setCount":1}', '{"\u0000":1,"content":"0x"}']
--- error_code eval
[map { 400 } 1 .. 20]
--- response_body_like eval
[map { '"code":"bad-json"' } 1 .. 20]



=== TEST 10: no body at all
--- request eval
["POST /api/sets/j/files/0", "POST /api/sets/j/files/0\n"]
--- error_code eval
[400, 400]
--- response_body_like eval
['"code":"bad-json"', '"code":"bad-json"']



=== TEST 11: members that are missing, twice, or of another type
--- request eval
[map { "POST /api/sets/f/files/0\n$_" } '{}', '{"content":"0x"}',
    '{"setCount":1}', '{"Content":"0x","setCount":1}',
    '{"content":"0x","setcount":1}', '{"content":null,"setCount":1}',
    '{"content":1,"setCount":1}', '{"content":"0x","setCount":"1"}',
    '{"content":"0x","setCount":1.5}', '{"content":"0x","setCount":true}',
    '{"content":"0x","content":"0x","setCount":1}',
    '{"content":"0x","setCount":1,"setCount":1}',
    '{"content":"0x","setCount":1,"root":1}',
    '{"content":"0x","setCount":2,"root":"0x' . $main::hex . '"}',
    '{"content":"0x","setCount":2,"proof":[]}',
    '{"content":"0x","setCount":2,"root":"0x' . $main::hex . '","proof":{}}',
    '{"content":"0x","setCount":2,"root":"0x' . $main::hex . '","proof":[1]}']
--- error_code eval
[map { 400 } 1 .. 17]
--- response_body_like eval
[map { '"code":"bad-field"' } 1 .. 17]



=== TEST 12: hex that is none
--- request eval
[map { "POST /api/sets/h/files/0\n" . '{"content":"' . $_ . '","setCount":1}' }
    '', '0', '00', '0X00', '0x0', '0x0g', '0x 00', '0x00 ', 'x00', '0x00\u0020',
    '0x\u00e9\u00e9', '0x000']
--- error_code eval
[map { 400 } 1 .. 12]
--- response_body_like eval
[map { '"code":"bad-hex"' } 1 .. 12]



=== TEST 13: counts that are no counts
--- request eval
[map { "POST /api/sets/c/files/0\n" . "{\"content\":\"0x\",\"setCount\":$_}" }
    qw(0 -1 -9007199254740992)]
--- error_code eval
[422, 422, 422]
--- response_body_like eval
[map { '"code":"bad-set-count"' } 1 .. 3]



=== TEST 14: the largest file, and one byte more
--- timeout: 15
--- request eval
["POST /api/sets/size/files/0\n" . P2pfsTest::post_body('x' x 1048576, 1),
 "POST /api/sets/size/files/0\n" . P2pfsTest::post_body('x' x 1048577, 1)]
--- error_code eval
[201, 413]
--- response_body_like eval
['"success":true', '"code":"body-too-large"']



=== TEST 15: p2pfs_max_file_size
--- config eval
P2pfsTest::api('p2pfs_max_file_size 10;')
--- request eval
[map { "POST /api/sets/small/files/0\n" . P2pfsTest::post_body('x' x $_, 1) }
    10, 11, 5000]
--- error_code eval
[201, 413, 413]



=== TEST 16: a body above client_max_body_size is refused in our own words
--- config eval
P2pfsTest::api('client_max_body_size 1k;')
--- request eval
"POST /api/sets/small/files/0\n" . P2pfsTest::post_body('x' x 5000, 1)
--- error_code: 413
--- response_body_like: "code":"body-too-large"
--- response_headers
Content-Type: application/problem+json
Cache-Control: no-store



=== TEST 17: unless error_page is set by hand
--- config eval
P2pfsTest::api('client_max_body_size 1k; error_page 413 /too-large;')
. 'location /too-large { internal; return 418; }'
--- request eval
"POST /api/sets/small/files/0\n" . P2pfsTest::post_body('x' x 5000, 1)
--- error_code: 418



=== TEST 18: limit_req's 503 is ours too
--- http_config
limit_req_zone $server_name zone=z:1m rate=1r/m;
--- config eval
P2pfsTest::api('limit_req zone=z;')
--- request eval
["GET /api/sets/done", "GET /api/sets/done"]
--- error_code eval
[200, 503]
--- response_body_like eval
['"setId"', '"code":"store-unavailable"']



=== TEST 19: an upload as a subrequest is refused
--- config eval
P2pfsTest::api() . '
location /mirrored { mirror /api/sets/mirror/files/0; return 204; }
location /copy { mirror /api/sets/mirror/files/0; proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/api/sets/direct/files/0; }'
--- request
POST /copy
{"content":"0x","setCount":1}
--- error_code: 201
--- grep_error_log eval: qr/client error: method-not-allowed.*subrequest: "\/api\/sets\/mirror\/files\/0"/
--- grep_error_log_out eval
qr/method-not-allowed/
