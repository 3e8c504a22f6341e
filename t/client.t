#!/usr/bin/perl

# The p2pfs command against servers that lie, stall, refuse and break.
#
# Guards: nothing unverified ever reaches a file or standard output; every
# failure has its exit code; a record is on disk before the first byte is sent.
# The server here keeps what is uploaded and proves it by a Merkle tree of its
# own (RFC 9162 section 2.1), apart from core's; one word in its mode file makes
# it misbehave.

use strict;
use warnings;

use Cwd qw(abs_path getcwd);
use Digest::SHA qw(sha256 sha256_hex);
use File::Temp qw(tempdir);
use IO::Handle;
use IO::Socket::INET;
use JSON::PP;
use POSIX qw(:sys_wait_h);
use Test::More;
use Time::HiRes qw(time sleep);

my $p2pfs = abs_path(($ENV{P2PFS_BUILD} // 'build') . '/bin/p2pfs');
-x $p2pfs or BAIL_OUT('build/bin/p2pfs is missing: run make');
my $manual = abs_path('docs/cli.md');
my $dir = tempdir(CLEANUP => 1);
chdir $dir or die "chdir: $!";
my @servers;
delete @ENV{grep { /^P2PFS_|_proxy$/i } keys %ENV};
$ENV{XDG_STATE_HOME} = "$dir/state";

END {
    my $code = $?;
    for my $s (@servers) {
        kill 'KILL', $s->{pid};
        waitpid $s->{pid}, 0;
    }
    chdir '/';
    $? = $code;
}

# --- Merkle trees, written from RFC 9162

sub split_at { my $k = 1; $k *= 2 while $k * 2 < $_[0]; $k }

sub tree_root {
    my @e = @_;
    return sha256("\0" . $e[0]) if @e == 1;
    my $k = split_at(scalar @e);
    return sha256("\1" . tree_root(@e[0 .. $k - 1])
        . tree_root(@e[$k .. $#e]));
}

sub tree_proof {
    my ($m, @e) = @_;
    return () if @e == 1;
    my $k = split_at(scalar @e);
    return $m < $k
        ? (tree_proof($m, @e[0 .. $k - 1]), tree_root(@e[$k .. $#e]))
        : (tree_proof($m - $k, @e[$k .. $#e]), tree_root(@e[0 .. $k - 1]));
}

# --- the server

sub hex0x { '0x' . unpack 'H*', $_[0] }

sub slurp {
    my ($path) = @_;
    open my $fh, '<:raw', $path or return undef;
    local $/;
    return scalar <$fh> // '';
}

sub spew {
    my ($path, $data) = @_;
    open my $fh, '>:raw', $path or die "$path: $!";
    print {$fh} $data;
    close $fh or die "$path: $!";
}

sub problem {
    my ($status, $code, %more) = @_;
    return ($status, encode_json({ code => $code, status => $status, %more }),
        'application/problem+json');
}

my %refusal = (
    'set-exists' => [409, root => '0x' . 'ab' x 32],
    'file-conflict' => [409],
    'set-count-conflict' => [409],
    'set-incomplete' => [409, received => 3, setCount => 7],
    'store-full' => [507],
    'set-not-found' => [404],
    'version-not-found' => [404],
    'not-in-root' => [422],
    'internal' => [500],
    'store-unavailable' => [503],
    'outcome-unknown' => [503],
    'body-too-large' => [413],
);

sub store_file {
    my ($sets, $id, $index, $body) = @_;
    my $up = decode_json($body);
    my $content = pack 'H*', substr $up->{content}, 2;
    my $set = $sets->{$id} //= { n => $up->{setCount}, root => $up->{root} };
    my $new = !defined $set->{file}[$index];
    $set->{file}[$index] = $content;
    return ($new ? 201 : 200,
        encode_json({ success => JSON::PP::true,
            hash => sha256_hex($content) }));
}

sub file_reply {
    my ($set, $index, $mode) = @_;
    my $i = $mode =~ /^other-file/ ? ($index + 1) % $set->{n} : $index;
    my @entries = map { sha256($_) } @{ $set->{file} };
    my @proof = tree_proof($i, @entries);
    my $content = $set->{file}[$i];

    substr($content, -1) ^= "\1" if $mode eq 'content';
    $content .= "\0" if $mode eq 'longer';
    $proof[0] ^= "\1" . "\0" x 31 if $mode eq 'proof';
    push @proof, "\0" x 32 if $mode eq 'long-proof';
    pop @proof if $mode eq 'short-proof';
    @proof = reverse @proof if $mode eq 'reversed-proof';
    @proof = ("\0" x 32) x 40 if $mode eq 'endless-proof';
    my %reply = (
        file => hex0x($content),
        proof => { proof => [map { hex0x($_) } @proof],
            index => ($mode eq 'other-file' ? $i : $index) + 0 },
        root => hex0x(tree_root(@entries)),
        setCount => $mode eq 'set-count' ? 1 : $set->{n},
        hash => sha256_hex($content),
    );
    $reply{proof}{index} = "$index" if $mode eq 'index-string';
    $reply{proof}{index} = $index + 0.5 if $mode eq 'index-fraction';
    $reply{proof} = $reply{proof}{proof} if $mode eq 'proof-list';
    $reply{file} =~ s/^0x// if $mode eq 'no-0x';
    $reply{file} .= '0' if $mode eq 'odd-hex';
    $reply{file} = [$reply{file}] if $mode eq 'file-list';
    delete $reply{file} if $mode eq 'no-file';
    my $json = encode_json(\%reply);
    $json .= 'x' if $mode eq 'trailing';
    $json = substr $json, 0, length($json) - 9 if $mode eq 'cut-json';
    $json =~ s/\}\z/,"file":"0x00"}/ if $mode eq 'duplicate';
    $json = '<html>hello</html>' if $mode eq 'garbage';
    $json = '' if $mode eq 'empty';
    $json = '[' x 100000 if $mode eq 'deep';
    return (200, $json);
}

sub set_reply {
    my ($id, $set) = @_;
    my $have = grep { defined } @{ $set->{file} };
    my $full = $have == $set->{n};
    my %v = (root => $set->{root}, setCount => $set->{n}, received => $have,
        complete => $full ? JSON::PP::true : JSON::PP::false);
    return (200, encode_json({ %v, setId => $id, missing => [],
        versions => [\%v], candidates => [] }));
}

sub answer {
    my ($sets, $mode, $method, $uri, $body) = @_;
    my ($word) = $mode =~ /^(\S+)/;
    if ($mode =~ /^refuse (\S+)/) {
        my ($status, %more) = @{ $refusal{$1} };
        return problem($status, $1, %more);
    }
    return (302, '', 'text/html', "Location: file:///etc/passwd\r\n")
        if $word eq 'redirect';
    return (404, '<html>', 'text/html') if $word eq 'html-404';
    return (502, '<html>', 'text/html') if $word eq 'html-502';
    return problem(404, 'not-found') if $uri !~ m{^(?:/api|/x/y)/sets/([^/?]+)
        (?:/files/(\d+))?(?:\?root=(\S+))?$}x;
    my ($id, $index, $root) = ($1, $2, $3);
    if ($method eq 'POST') {
        return (201, '{"success":true,"hash":"' . '00' x 32 . '"}')
            if $word eq 'wrong-hash';
        return (201, 'stored, trust me') if $word eq 'garbage';
        return store_file($sets, $id, $index, $body);
    }
    my $set = $sets->{$id} or return problem(404, 'set-not-found');
    return set_reply($id, $set) if !defined $index;
    return problem(404, 'version-not-found') if ($root // '') ne $set->{root};
    return file_reply($set, $index, $word);
}

sub read_request {
    my ($c) = @_;
    my $head = '';
    while ($head !~ /\r\n\r\n/) {
        sysread($c, $head, 65536, length $head) or return;
    }
    my ($h, $body) = split /\r\n\r\n/, $head, 2;
    my ($method, $uri) = $h =~ m{^(\S+) (\S+) HTTP/1} or return;
    my ($len) = $h =~ /^content-length: *(\d+)/im;
    while (length $body < ($len // 0)) {
        sysread($c, $body, 1 << 20, length $body) or return;
    }
    return ($method, $uri, $body);
}

sub respond {
    my ($c, $word, $status, $body, $type, $extra) = @_;
    $type //= 'application/json';
    $extra //= '';
    my $len = length $body;
    $len += 100 if $word eq 'truncate';
    $len = 100_000_000 if $word eq 'huge';
    my $size = $word eq 'endless' ? '' : "Content-Length: $len\r\n";
    print {$c} "HTTP/1.1 $status X\r\nContent-Type: $type\r\n$size$extra"
        . "Connection: close\r\n\r\n";
    if ($word eq 'endless') {
        # until the client has had enough
        1 while print {$c} ' ' x 65536;
        return;
    }
    print {$c} $body;
}

sub serve {
    my ($listen, $name) = @_;
    my %sets;
    local $SIG{PIPE} = 'IGNORE';
    while (my $c = $listen->accept) {
        my ($method, $uri, $body) = read_request($c) or next;
        my $mode = slurp("$name.mode");
        open my $log, '>>', "$name.log" or die;
        print {$log} "$method $uri\n";
        close $log;
        my ($word, $arg) = split ' ', $mode;
        next if $word eq 'silent';
        if ($word eq 'hang' && $uri =~ m{/files/$arg\b}) {
            sleep 60;
        }
        if ($word eq 'once') {
            # 503 with a Retry-After of one second, then all is well
            spew("$name.mode", 'ok');
            respond($c, '', problem(503, 'store-unavailable'),
                "Retry-After: $arg\r\n");
            next;
        }
        if ($word eq 'late') {
            # the set arrives while the client waits
            spew("$name.mode", 'ok');
            $mode = "refuse $arg";
        }
        if ($word eq 'unless' && $uri !~ m{/files/$arg$}) {
            # only one file is refused
            ($mode, $word) = ('ok', 'ok');
        }
        $mode = 'refuse store-unavailable' if $word eq 'unless';
        respond($c, $word, answer(\%sets, $mode, $method, $uri, $body));
    }
}

sub start {
    my ($name) = @_;
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 16,
        ReuseAddr => 1) or die "listen: $!";
    my $s = { name => "$dir/$name",
        url => 'http://127.0.0.1:' . $listen->sockport };
    spew("$s->{name}.mode", 'ok');
    spew("$s->{name}.log", '');
    $s->{pid} = fork // die "fork: $!";
    if ($s->{pid} == 0) {
        @servers = ();
        serve($listen, $s->{name});
        POSIX::_exit(0);
    }
    push @servers, $s;
    return $s;
}

sub mode { my ($s, $mode) = @_; spew("$s->{name}.mode", $mode) }

sub requests {
    my ($s) = @_;
    my $text = slurp("$s->{name}.log");
    spew("$s->{name}.log", '');
    return split /\n/, $text;
}

# --- running the command

sub run {
    my @args = @_;
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        @servers = ();
        open STDOUT, '>', "$dir/out" or POSIX::_exit(99);
        open STDERR, '>', "$dir/err" or POSIX::_exit(99);
        exec $p2pfs, @args or POSIX::_exit(99);
    }
    waitpid $pid, 0;
    my $code = $? & 127 ? "signal $?" : $? >> 8;
    return ($code, slurp("$dir/out"), slurp("$dir/err"));
}

# The exit code is as wanted; what was said matches.
sub exits {
    my ($want, $pattern, $name, @args) = @_;
    my ($code, $out, $err) = run(@args);
    my $ok = $code eq $want && "$out$err" =~ $pattern;
    ok($ok, $name) or diag("exit $code, not $want\nstdout: $out\nstderr: $err");
    return ($out, $err);
}

sub leftovers {
    my ($in) = @_;
    opendir my $d, $in or die "$in: $!";
    return grep { /^\.p2pfs-/ } readdir $d;
}

# --- a set of seven files, among them empty and large ones

my $good = start('good');
my $bad = start('bad');
my @content = ('alpha', '', 'x', 'gamma' x 1000, "\0\xff" x 20000,
    'z' x 1048576, 'last');
my @path = map { "f$_" } 0 .. 6;
spew("f$_", $content[$_]) for 0 .. 6;
my $root = hex0x(tree_root(map { sha256($_) } @content));
my @common = ('--wait', 2);

my ($out, $err) = exits(0, qr/^id abc\n/, 'put', 'put', '--id', 'abc', @path,
    '-s', $good->{url});
is($out, "id abc\nroot $root\ncount 7\n",
    'put prints id, root and count; the root is that of RFC 9162');
my @seen = requests($good);
is_deeply(\@seen, [map { "POST /api/sets/abc/files/$_" } 0 .. 6],
    'every file was sent once, below /api');
exits(0, qr/^id abc\n/, 'the same put again', 'put', '--id', 'abc', @path,
    '-s', $good->{url});
requests($good);

# options anywhere, all forms of servers
exits(0, qr/^alpha$/, 'options before the verb', '-s', $good->{url}, 'get',
    '-o', '-', 'abc', '0');
exits(0, qr/^alpha$/, 'options in the middle', 'get', 'abc', '-o-', 0,
    '--server=' . $good->{url});
exits(0, qr/^alpha$/, 'a slash at the end is /api too', 'get', 'abc', 0,
    '-o', '-', '-s', "$good->{url}/");
requests($good);
exits(0, qr/^alpha$/, 'another prefix', 'get', 'abc', 0, '-o', '-', '-s',
    "$good->{url}/x/y/");
is((requests($good))[0], "GET /x/y/sets/abc/files/0?root=$root",
    'a read names the prefix and the root');
{
    local $ENV{P2PFS_SERVER} = "http://127.0.0.1:1, $good->{url}";
    exits(0, qr/alpha/, 'P2PFS_SERVER with two servers', 'get', 'abc', 0, '-o',
        '-', @common);
}

# reading back
for my $i (0 .. 6) {
    my ($code, $got) = run('get', 'abc', $i, '-o', '-', '-s', $good->{url});
    ok($code == 0 && $got eq $content[$i], "file $i on standard output");
}
exits(0, qr/^one\n$/, 'into a file', 'get', 'abc', 3, '-o', 'one', '-s',
    $good->{url});
is(slurp('one'), $content[3], 'the file has the bytes');
exits(0, qr/^abc\.000006\n$/, 'into a file of a made name', 'get', 'abc', 6,
    '-s', $good->{url});
exits(0, qr/^set\n$/, 'the whole set', 'get', 'abc', '-o', 'set', '-s',
    $good->{url});
is_deeply([map { slurp(sprintf 'set/%06d', $_) } 0 .. 6], \@content,
    'the directory has every file');
exits(2, qr/not empty/, 'a directory with files is left alone', 'get', 'abc',
    '-o', 'set', '-s', $good->{url});
exits(0, qr/^verified abc: 7 files/, 'verify', 'verify', 'abc', '-s',
    $good->{url});
exits(3, qr/files 0 to 6/, 'an index beyond the set', 'get', 'abc', 7, '-s',
    $good->{url});
exits(2, qr/not a decimal/, 'an index that is none', 'get', 'abc', '07', '-s',
    $good->{url});
exits(2, qr/is not a regular file/, 'a device is not replaced', 'get', 'abc',
    0, '-o', '/dev/null', '-s', $good->{url});
exits(2, qr/directory/, 'a set does not go to standard output', 'get', 'abc',
    '-o', '-', '-s', $good->{url});

# without a record
my @other = ('--store', "$dir/other.db");
exits(3, qr/--root HEX and --count N/, 'get without a record says how to go on',
    'get', 'abc', 0, '-s', $good->{url}, @other);
exits(3, qr/--root HEX and --count N/, 'so does verify', 'verify', 'abc', '-s',
    $good->{url}, @other);
ok(!-e "$dir/other.db", 'reading makes no file of records');
exits(0, qr/^alpha$/, 'with root and count', 'get', 'abc', 0, '-o', '-', '-s',
    $good->{url}, @other, '--root', $root, '--count', 7);
exits(2, qr/go together/, 'a root without its count', 'get', 'abc', 0, '-s',
    $good->{url}, @other, '--root', $root);
exits(2, qr/not 64 hex/, 'a root that is none', 'get', 'abc', 0, '--root',
    '0x12', '--count', 7);
exits(6, qr/NOT VERIFIED/, 'a wrong count is found out', 'verify', 'abc', '-s',
    $good->{url}, @other, '--root', $root, '--count', 8, @common);
exits(3, qr/not known|no such root/, 'a wrong root is unknown to servers',
    'get', 'abc', 0, '-s', $good->{url}, @other, '--root', 'ab' x 32,
    '--count', 7, @common);

# --- servers that lie

exits(0, qr/^id abc\n/, 'the set on the other server', 'put', '--id', 'abc',
    @path, '-s', $bad->{url});
requests($bad);

my @lies = qw(content longer proof other-file other-file-as-asked long-proof
    short-proof reversed-proof);
for my $lie (@lies) {
    mode($bad, $lie);
    spew('kept', 'old');
    my ($o, $e) = exits(6, qr/NOT VERIFIED.*Do not use/s, "refused: $lie",
        'get', 'abc', 3, '-o', 'kept', '-s', $bad->{url}, @common);
    is(slurp('kept'), 'old', "... and the file of before stands: $lie");
    is($o, '', "... and nothing is printed: $lie");
}
my ($o) = exits(6, qr/NOT VERIFIED/, 'refused on standard output too', 'get',
    'abc', 3, '-o', '-', '-s', $bad->{url});
is($o, '', '... of which nothing appears');
mode($bad, 'content');
exits(6, qr/NOT VERIFIED/, 'a whole set is refused', 'get', 'abc', '-o', 'none',
    '-s', $bad->{url});
ok(!-e 'none', '... and leaves no directory');
exits(6, qr/NOT VERIFIED/, 'verify refuses', 'verify', 'abc', '-s',
    $bad->{url});
mode($bad, 'set-count');
exits(0, qr/^verified/, "a server's setCount is not asked for its opinion",
    'verify', 'abc', '-s', $bad->{url});

my @nonsense = qw(garbage empty trailing cut-json duplicate no-0x odd-hex
    file-list no-file proof-list index-string index-fraction endless-proof
    deep);
for my $mode (@nonsense) {
    mode($bad, $mode);
    exits(1, qr/not a file and its proof/, "no sense: $mode", 'get', 'abc', 3,
        '-o', 'none', '-s', $bad->{url}, @common);
}
for my $mode (qw(huge endless)) {
    mode($bad, $mode);
    exits(1, qr/more than the \d+ bytes/, "limited: $mode", 'get', 'abc', 3,
        '-o', 'none', '-s', $bad->{url}, @common);
}
mode($bad, 'truncate');
exits(5, qr/no answer/, 'an answer that is cut short', 'get', 'abc', 3, '-o',
    'none', '-s', $bad->{url}, '--wait', 0);
mode($bad, 'silent');
exits(5, qr/no answer/, 'no answer at all', 'get', 'abc', 3, '-o', 'none', '-s',
    $bad->{url}, '--wait', 0);
mode($bad, 'redirect');
exits(1, qr/HTTP status 302/, 'a redirect is not followed', 'get', 'abc', 3,
    '-o', 'none', '-s', $bad->{url}, @common);
mode($bad, 'html-404');
exits(3, qr/path of the URL/, 'another web server', 'get', 'abc', 3, '-o',
    'none', '-s', $bad->{url}, @common);
mode($bad, 'html-502');
exits(5, qr/HTTP status 502/, 'a proxy without its server', 'get', 'abc', 3,
    '-o', 'none', '-s', $bad->{url}, '--wait', 0);
ok(!-e 'none', 'nothing was written by any of them');
mode($bad, 'wrong-hash');
exits(6, qr/NOT VERIFIED/, 'an upload acknowledged with another hash', 'put',
    'f0', '-s', $bad->{url});
mode($bad, 'garbage');
exits(1, qr/makes no sense/, 'an upload acknowledged with nonsense', 'put',
    'f0', '-s', $bad->{url});

# --- refusals have their exit codes

my @refusals = (
    ['put', 'set-exists', 4, qr/there its root is 0x(ab){32}.*another --id/],
    ['put', 'file-conflict', 4, qr/another --id/],
    ['put', 'set-count-conflict', 4, qr/another --id/],
    ['put', 'store-full', 7, qr/full/],
    ['put', 'not-in-root', 6, qr/proof/],
    ['put', 'body-too-large', 2, qr/larger/],
    ['put', 'internal', 1, qr/internal/],
    ['put', 'outcome-unknown', 5, qr/put the same files again with --id r/],
    ['get', 'set-incomplete', 5, qr/3 of 7 files/],
    ['get', 'set-not-found', 3, qr/not known/],
    ['get', 'version-not-found', 3, qr/no such root/],
    ['get', 'store-unavailable', 5, qr/cannot take/],
);
for my $r (@refusals) {
    my ($verb, $code, $exit, $pattern) = @$r;
    mode($bad, "refuse $code");
    my @args = $verb eq 'put' ? ('put', '--id', 'r', 'f0')
        : ('get', 'abc', 0, '-o', 'none');
    exits($exit, $pattern, "$verb: $code exits $exit", @args, '-s',
        $bad->{url}, '--wait', 0);
    my (undef, $json) = exits($exit, qr/"error"/, '... in JSON too', @args,
        '-s', $bad->{url}, '--wait', 0, '--json');
    my $said = eval { decode_json($json) };
    is_deeply([@{ $said // {} }{qw(error exit)}], [$code, $exit],
        '... with code and exit');
}

# --- trying again, and elsewhere

mode($bad, 'once 1');
my $t = time;
exits(0, qr/^verified/, '503, then well', 'verify', 'abc', '-s', $bad->{url},
    '--wait', 5);
cmp_ok(time - $t, '>=', 1, 'its Retry-After is honoured');
mode($bad, 'once 3600');
$t = time;
exits(5, qr/cannot take/, 'a Retry-After beyond what may be waited', 'verify',
    'abc', '-s', $bad->{url}, '--wait', 2);
cmp_ok(time - $t, '<', 2, '... is not waited for');

for my $code (qw(set-not-found version-not-found set-incomplete)) {
    mode($bad, "late $code");
    exits(0, qr/^verified/, "a set of ours that has not arrived: $code",
        'verify', 'abc', '-s', $bad->{url}, @common);
    mode($bad, "late $code");
    my ($exit) = run('verify', 'abc', '-s', $bad->{url}, @common, @other,
        '--root', $root, '--count', 7);
    cmp_ok($exit, '>', 0, '... one of others is not waited for');
}
for my $case (['content', 'NOT VERIFIED'], ['garbage', 'not a file'],
    ['refuse set-not-found', 'not known'], ['silent', 'no answer'],
    ['refuse store-unavailable', 'cannot take'], ['huge', 'more than']) {
    my ($mode, $words) = @$case;
    mode($bad, $mode);
    my (undef, $e) = exits(0, qr/^verified/, "another server helps: $mode",
        'verify', 'abc', '-s', $bad->{url}, '-s', $good->{url}, @common);
    like($e, qr/$words.*trying another/s, '... and it is said aloud');
}
mode($bad, 'refuse store-full');
exits(0, qr/^id full/, 'a full server, then one with room', 'put', '--id',
    'full', 'f0', 'f3', '-s', $bad->{url}, '-s', $good->{url}, @common);
mode($bad, 'content');
exits(6, qr/NOT VERIFIED/, 'a lie is told first, also when the rest is away',
    'get', 'abc', 0, '-o', 'none', '-s', $bad->{url}, '-s',
    'http://127.0.0.1:1', '--wait', 0);
requests($good);
exits(0, qr/^verified/, 'a dead server is asked once', 'verify', 'abc', '-s',
    'http://127.0.0.1:1', '-s', $good->{url}, '--wait', 0);
is(scalar(requests($good)), 7, '... and the one that answers is kept');

# --- records

mode($bad, 'unless 2');
exits(5, qr/--id cut/, 'an upload that is cut off', 'put', '--id', 'cut',
    @path, '-s', $bad->{url}, '--wait', 0);
exits(0, qr/^cut 0x\w{64} 7 uploading /m, '... has its record', 'ls');
mode($bad, 'refuse store-unavailable');
exits(5, qr/--id none/, 'so does one without a byte sent', 'put', '--id',
    'none', @path, '-s', $bad->{url}, '--wait', 0);
exits(0, qr/^none $root 7 uploading /m, '... with its root', 'ls');
mode($bad, 'ok');
exits(0, qr/^id cut\n/, 'the same files again', 'put', '--id', 'cut', @path,
    '-s', $bad->{url});
exits(0, qr/^cut $root 7 complete /m, '... complete it', 'ls');
requests($bad);
exits(4, qr/choose another id/, 'other files under an id with a record', 'put',
    '--id', 'cut', 'f0', '-s', $bad->{url});
is(scalar(requests($bad)), 0, '... of which nothing is sent');
my ($list) = exits(0, qr/./, 'ls as JSON', 'ls', '--json');
my %record = map { $_->{id} => $_ } map { decode_json($_) } split /\n/, $list;
is_deeply([@{ $record{abc} }{qw(root count state server)}],
    [$root, 7, 'complete', "$good->{url}/api"], '... has what was put');

# --- what is put

mkdir 'tree';
mkdir "tree/$_" for qw(b B);
my @names = qw(B/2 a b/1 b/10 b/9 b.txt c);
spew("tree/$_", "content of $_") for @names;
my $sorted = hex0x(tree_root(map { sha256("content of $_") }
    sort { "tree/$a" cmp "tree/$b" } @names));
my ($json) = exits(0, qr/./, 'a directory', 'put', 'tree', '--json', '-s',
    $good->{url});
my $put = decode_json($json);
is($put->{root}, $sorted, '... is its files sorted by path, bytewise');
is($put->{id}, 'set-' . substr($sorted, 2, 16), '... under an invented id');
is($put->{count}, 7, '... all of them');
my $reverse = hex0x(tree_root(map { sha256($content[$_]) } 6, 0));
exits(0, qr/^root $reverse$/m, 'files in the order given', 'put', 'f6', 'f0',
    '-s', $good->{url});
spew('big', 'b' x 1048577);
exits(2, qr/"big": it is above 1 MiB/, 'a file that is too large',
    'put', 'big', '-s', $good->{url});
mkdir 'empty';
exits(2, qr/at least one/, 'an empty directory', 'put', 'empty', '-s',
    $good->{url});
exits(1, qr/cannot read "nowhere"/, 'a file that is not there', 'put',
    'nowhere', '-s', $good->{url});
symlink '.', 'tree/loop';
exits(1, qr/leads back/, 'a circle of links', 'put', 'tree', '-s',
    $good->{url});
exits(2, qr/set id/, 'an id that is none', 'put', '--id', 'a/b', 'f0', '-s',
    $good->{url});

# --- status

exits(0, qr/^\Q$good->{url}\E\/api ok$/m, 'status of a server', 'status', '-s',
    $good->{url});
exits(0, qr{^\S+ complete 7/7 $root$}m, 'status of a set', 'status', 'abc',
    '-s', $good->{url});
exits(5, qr/ok\n.* network\n/s, 'status of one up and one away', 'status', '-s',
    $good->{url}, '-s', 'http://127.0.0.1:1');
exits(3, qr/version-not-found/, 'status of a version that is not there',
    'status', 'abc', '-s', $good->{url}, '--root', 'ab' x 32, '--count', 7);

# --- usage

exits(2, qr/^usage:/, 'no verb');
exits(0, qr/^usage:/, 'help', '--help');
my $text = slurp($manual);
my (undef, $help) = run('--help');
my @told = $help =~ /(--[a-z]+)/g;
cmp_ok(scalar(@told), '>=', 11, 'the help names the options');
is_deeply([grep { $text !~ /`$_[` ]/ } @told], [],
    '... docs/cli.md all of them');
is_deeply([grep { $text !~ /^\| `$_[` ]/m } $help =~ /^  ([a-z]+) /mg], [],
    '... and all verbs');
is_deeply([grep { $text !~ /^\| $_ \|/m } $help =~ /\b([0-7]) [a-z]/g], [],
    '... and all exit codes');
exits(0, qr/^p2pfs \d+\.\d+\.\d+$/, 'version', '--version');
exits(2, qr/no verb "frob"/, 'an unknown verb', 'frob');
exits(2, qr/--help/, 'an unknown option', '--frob');
exits(2, qr/usage: p2pfs get/, 'too few arguments', 'get');
exits(2, qr/usage: p2pfs ls/, 'too many arguments', 'ls', 'x');
exits(2, qr/--output is for get/, 'an option of another verb', 'ls', '-o', 'x');
exits(2, qr/P2PFS_SERVER/, 'no server', 'get', 'abc', 0);
exits(2, qr/http:\/\//, 'a server without a scheme', 'ls', '-s', 'host:80');
exits(2, qr/query/, 'a server with a query', 'ls', '-s', 'http://h/?x=1');
exits(2, qr/begin with http/, 'a server of another protocol', 'ls', '-s',
    'file:///etc/passwd');
spew('notadb', 'this is not a database, and never was one' x 100);
exits(1, qr/not a file of records/, 'a file of records that is none', 'ls',
    '--store', 'notadb');
SKIP: {
    skip 'no /dev/full', 1 if !-e '/dev/full';
    my $code = system("'$p2pfs' ls >/dev/full 2>/dev/null") >> 8;
    is($code, 7, 'a full disk behind standard output');
}

# --- interrupted

mode($bad, 'hang 4');
requests($bad);
my $pid = fork // die "fork: $!";
if ($pid == 0) {
    @servers = ();
    open STDERR, '>', '/dev/null';
    exec $p2pfs, 'get', 'abc', '-o', 'broken', '-s', $bad->{url}
        or POSIX::_exit(99);
}
my $until = time + 10;
sleep 0.02 while time < $until && slurp("$bad->{name}.log") !~ m{/files/4};
is(scalar(leftovers('.')), 1, 'a get under way works in a place of its own');
kill 'INT', $pid;
waitpid $pid, 0;
is($? >> 8, 1, 'an interrupt ends it');
ok(!-e 'broken', '... without a directory');
is(scalar(leftovers('.')), 0, '... and nothing temporary is left');

done_testing();
