# Reading: every answer of a GET that comes out of the database, its headers,
# conditional requests, and a database that is not there, not ours or busy.
# The proofs are checked by a verifier that shares no code with core.

use strict;
use warnings;

use Digest::SHA qw(sha256 sha256_hex);
use JSON::PP;
use P2pfsTest;
use Test::Nginx::Socket 'no_plan';

our %root = store();
our $root = $root{'done/file'};

# RFC 9162 section 2.1.3.2
sub verify {
    my ($json, $root_hex) = @_;
    my $d = eval { decode_json($json) } or return 'not JSON';
    my ($n, $i) = ($d->{setCount}, $d->{proof}{index});
    my $content = pack 'H*', substr $d->{file}, 2;
    return 'hash' if sha256_hex($content) ne $d->{hash};
    my $hash = sha256("\0" . sha256($content));
    my ($fn, $sn) = ($i, $n - 1);
    for my $sibling (map { pack 'H*', substr $_, 2 } @{ $d->{proof}{proof} }) {
        return 'too long' if $sn == 0;
        if ($fn % 2 || $fn == $sn) {
            $hash = sha256("\1$sibling$hash");
            until ($fn % 2 || $fn == 0) { $fn >>= 1; $sn >>= 1 }
        } else {
            $hash = sha256("\1$hash$sibling");
        }
        $fn >>= 1;
        $sn >>= 1;
    }
    return 'too short' if $sn != 0;
    return 'root' if unpack('H*', $hash) ne $root_hex
        || $d->{root} ne "0x$root_hex";
    return "ok $i of $n " . length $content;
}

sub verified { my ($name) = @_; return sub { verify($_[0], $root{$name}) } }

add_block_preprocessor(\&P2pfsTest::block_defaults);
no_long_string();
no_shuffle();
run_tests();

__DATA__

=== TEST 1: every file of a set, with its proof
--- request eval
[map { "GET /api/sets/done/files/$_" } 0 .. 4]
--- response_body_filters eval
[main::verified('done/file')]
--- response_body eval
[map { "ok $_ of 5 6" } 0 .. 4]



=== TEST 2: a set without a root at upload, and one of more than two tiles
--- request eval
["GET /api/sets/tiles/files/0", "GET /api/sets/tiles/files/127",
 "GET /api/sets/tiles/files/128", "GET /api/sets/tiles/files/299"]
--- response_body_filters eval
[main::verified('tiles/file')]
--- response_body eval
["ok 0 of 300 6", "ok 127 of 300 8", "ok 128 of 300 8", "ok 299 of 300 8"]



=== TEST 3: a set uploaded without a root
--- request
GET /api/sets/plain/files/2
--- response_body_filters eval
[main::verified('plain/file')]
--- response_body chomp
ok 2 of 3 6



=== TEST 4: one empty file
--- request
GET /api/sets/one/files/0
--- response_body eval
'{"file":"0x","proof":{"proof":[],"index":0},"root":"0x'
. $main::root{'one/empty'} . '","setCount":1,"hash":"'
. Digest::SHA::sha256_hex('') . '"}'



=== TEST 5: the largest file
--- request
GET /api/sets/big/files/1
--- response_body_filters eval
[main::verified('big/x1048576')]
--- response_body chomp
ok 1 of 2 1048576



=== TEST 6: headers by label
--- request
GET /api/sets/done/files/3
--- response_headers eval
"Content-Type: application/json
Cache-Control: no-cache
ETag: \"" . Digest::SHA::sha256_hex("file 3") . "-"
. substr($main::root, 0, 16) . ".json\""



=== TEST 7: headers by root
--- request eval
"GET /api/sets/done/files/3?root=$main::root"
--- response_headers
Content-Type: application/json
Cache-Control: public, max-age=31536000, immutable
--- response_body_filters eval
[main::verified('done/file')]
--- response_body chomp
ok 3 of 5 6



=== TEST 8: HEAD has the headers of GET
--- request
HEAD /api/sets/done/files/3
--- response_headers
Content-Type: application/json
Content-Length: 425
Cache-Control: no-cache
--- response_body:



=== TEST 9: If-None-Match
--- request eval
[("GET /api/sets/done/files/3") x 5]
--- more_headers eval
my $tag = '"' . Digest::SHA::sha256_hex("file 3") . "-"
    . substr($main::root, 0, 16) . '.json"';
["If-None-Match: $tag", "If-None-Match: W/$tag", "If-None-Match: \"x\", $tag",
 "If-None-Match: *", 'If-None-Match: "x"']
--- error_code eval
[304, 304, 304, 304, 200]



=== TEST 10: If-Match that fails
--- request
GET /api/sets/done/files/3
--- more_headers
If-Match: "x"
--- error_code: 412



=== TEST 11: errors
--- request eval
["GET /api/sets/nope/files/0", "GET /api/sets/nope/files/0?root=$main::root",
 "GET /api/sets/done/files/0?root=" . "0" x 64,
 "GET /api/sets/done/files/5", "GET /api/sets/part/files/9",
 "GET /api/sets/nope"]
--- error_code eval
[404, 404, 404, 404, 404, 404]
--- response_body_like eval
['"code":"set-not-found"', '"code":"set-not-found"',
 '"code":"version-not-found"', '"code":"file-not-found"',
 '"code":"file-not-found"', '"code":"set-not-found"']
--- response_headers eval
[map { "Cache-Control: no-store" } 1 .. 6]



=== TEST 12: a set that is not complete
--- request eval
["GET /api/sets/part/files/0", "GET /api/sets/part/files/1"]
--- error_code eval
[409, 409]
--- response_headers eval
["Retry-After: 1", "Retry-After: 1"]
--- response_body eval
my $b = '{"type":"urn:p2pfs:error:set-incomplete",'
    . '"title":"the set is not complete yet","status":409,'
    . '"code":"set-incomplete","received":2,"setCount":4}';
[$b, $b]



=== TEST 13: of two versions the smaller root is served, each by its root
--- request eval
["GET /api/sets/race/files/0",
 "GET /api/sets/race/files/0?root=$main::root{'race/file'}",
 "GET /api/sets/race/files/0?root=$main::root{'race/other'}"]
--- response_body_like eval
my ($small) = sort @main::root{'race/file', 'race/other'};
["\"root\":\"0x$small\"", "\"root\":\"0x$main::root{'race/file'}\"",
 "\"root\":\"0x$main::root{'race/other'}\""]



=== TEST 14: a candidate, by its hash
--- request eval
"GET /api/sets/cand/files/1?hash=" . Digest::SHA::sha256_hex("late 1")
--- response_body eval
'{"file":"0x' . unpack('H*', 'late 1') . '","index":1,"setCount":2,"hash":"'
. Digest::SHA::sha256_hex("late 1") . '"}'
--- response_headers
Cache-Control: no-cache



=== TEST 15: a hash that is not at this index
--- request eval
"GET /api/sets/cand/files/0?hash=" . Digest::SHA::sha256_hex("late 1")
--- error_code: 404
--- response_body_like: "code":"version-not-found"



=== TEST 16: a complete set
--- request
GET /api/sets/done
--- response_headers
Content-Type: application/json
Cache-Control: no-cache
--- response_body eval
my $v = "\"root\":\"0x$main::root\",\"setCount\":5,\"received\":5,"
    . '"complete":true';
'{"setId":"done","setCount":5,"received":5,"complete":true,'
. "\"root\":\"0x$main::root\",\"missing\":[],\"versions\":[{$v}],"
. '"candidates":[]}'



=== TEST 17: an incomplete one
--- request
GET /api/sets/part
--- response_body chomp
{"setId":"part","setCount":4,"received":2,"complete":false,"root":null,"missing":[[1,1],[3,3]],"versions":[{"root":null,"setCount":4,"received":2,"complete":false}],"candidates":[]}



=== TEST 18: two versions, and a candidate
--- request eval
["GET /api/sets/race", "GET /api/sets/cand"]
--- response_body_like eval
['"versions":\[\{.*\},\{.*\}\],"candidates":\[\]\}$',
 '"candidates":\[\{"index":1,"setCount":2,"hash":"'
 . Digest::SHA::sha256_hex("late 1") . '"\}\]\}$']



=== TEST 19: the tag of a set
--- request
HEAD /api/sets/done
--- response_headers_like
ETag: "[0-9a-f]{40}\.json"



=== TEST 20: no database yet
--- config eval
(my $c = P2pfsTest::api()) =~ s/store\.db/none.db/;
$c
--- request eval
["GET /api/sets/done/files/0", "GET /api/sets/done"]
--- error_code eval
[503, 503]
--- response_body_like eval
['"code":"store-unavailable"', '"code":"store-unavailable"']
--- response_headers eval
["Retry-After: 1", "Retry-After: 1"]



=== TEST 21: somebody else's file: the client sees none of SQLite's words
--- init
open my $f, '>', "$P2pfsTest::dir/other.db" or die $!;
print $f "not a database, but long enough to be read as one " x 100;
--- config eval
(my $c = P2pfsTest::api()) =~ s/store\.db/other.db/;
$c
--- request
GET /api/sets/done/files/0
--- error_code: 500
--- response_body_like: ^\{"type":"urn:p2pfs:error:store-[a-z]+","title":"[a-z0-9 ,]+","status":500,"code":"store-[a-z]+"\}$
--- error_log
cannot read



=== TEST 22: a directory in place of the database
--- config eval
(my $c = P2pfsTest::api()) =~ s/store\.db//;
$c
--- request
GET /api/sets/done/files/0
--- error_code_like: ^50[03]$



=== TEST 23: a body on a GET is discarded, and the next request is in step
--- pipelined_requests eval
["GET /api/sets/done/files/0\nhello", "GET /api/sets/done/files/1"]
--- response_body_like eval
['"index":0', '"index":1']



=== TEST 24: as a subrequest
--- config eval
P2pfsTest::api() . '
location /page { ssi on; ssi_types *; default_type text/html;
    alias ' . $P2pfsTest::dir . '/page.html; }'
--- init
open my $f, '>', "$P2pfsTest::dir/page.html" or die $!;
print $f '[<!--#include virtual="/api/sets/one/files/0" -->]';
--- request
GET /page
--- response_body_like: ^\[\{"file":"0x".*\}\]$



=== TEST 25: auth_request
--- config eval
P2pfsTest::api() . '
location /yes { auth_request /api/sets/done; try_files x =204; }
location /no { auth_request /api/sets/nope; try_files x =204; }'
--- request eval
["GET /yes", "GET /no"]
--- error_code eval
[204, 500]



=== TEST 26: gzip weakens the tag, ranges are not offered
--- config eval
P2pfsTest::api('gzip on; gzip_types application/json; gzip_min_length 1;')
--- request
GET /api/sets/done/files/0
--- more_headers
Accept-Encoding: gzip
Range: bytes=0-1
--- error_code: 200
--- response_headers_like
ETag: W/".*"
Content-Encoding: gzip



=== TEST 27: "expires" and "add_header" have the last word on a label
--- config eval
P2pfsTest::api('expires 1h;')
--- request
GET /api/sets/done/files/0
--- response_headers
Cache-Control: max-age=3600
