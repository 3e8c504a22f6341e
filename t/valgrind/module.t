# The module under valgrind, in one process of nginx: every route, the shapes of
# a body, a gossipd that misbehaves, clients that leave, a stop. An error is a
# read or a write of what is not ours, a branch on what nobody set, or memory of
# ours that nothing points to at the end. nginx's own are in nginx.supp. Not
# part of make check: make valgrind.

use strict;
use warnings;

use P2pfsTest;
use Test::More;
use Time::HiRes qw(time sleep);

qx(valgrind --version) or die 'valgrind is missing (Debian: valgrind)';
my %root = store();
my $gossipd = gossipd();
my $ok = post_body('hello', 1);
my $dir = $P2pfsTest::dir;

my $nginx = P2pfsTest::Nginx->new(workers => 0, main => 'daemon off;',
    location => api('client_body_buffer_size 1k;'));
# daemon on is the harness' own
my $conf = "$nginx->{dir}/nginx.conf";
open my $f, '<', $conf or die $!;
my $text = join '', grep { !/^daemon on;/ } <$f>;
close $f;
open $f, '>', $conf or die $!;
print $f $text;
close $f;

my $pid = fork() // die "fork: $!";
if ($pid == 0) {
    exec 'valgrind', '--tool=memcheck', '--leak-check=full',
        '--show-leak-kinds=definite', '--errors-for-leak-kinds=definite',
        '--error-exitcode=99', '--num-callers=30',
        '--suppressions=t/valgrind/nginx.supp', "--log-file=$dir/valgrind.log",
        $P2pfsTest::binary, '-p', "$nginx->{dir}/", '-c', $conf;
    die "exec: $!";
}
wait_for(60, sub { $nginx->connect }) or die 'nginx does not listen';

sub code { P2pfsTest::Nginx::code($_[0] // { status => 0, body => '' }) }

my $rooted = "?root=$root{'tiles/file'}";
for my $case (['sets/done/files/1', '200 ok'], ['sets/done', '200 ok'],
    ["sets/tiles/files/299$rooted", '200 ok'], ['sets/big/files/1', '200 ok'],
    ['sets/part', '200 ok'], ['sets/race', '200 ok'], ['sets/cand', '200 ok'],
    ['sets/part/files/1', '409 set-incomplete'],
    ['sets/nope/files/1', '404 set-not-found'],
    ['sets/a%2Fb', '400 bad-set-id'],
    ['sets/d%6fne/files/%31', '200 ok'], ['x', '404 not-found'],
    ['sets/done/files/0?root=1', '400 bad-root']) {
    is(code($nginx->get("/api/$case->[0]")), $case->[1], $case->[0]);
}
for my $size (0, 10, 3000, 300_000, 1_048_576) {
    is(code($nginx->post("/api/sets/s-$size/files/0",
        post_body('x' x $size, 1))), '201 ok', "$size bytes");
}
my @word = qw(silent close half stranger badframe badtype longframe twice
    late-700 err-file-conflict err-store-full ok);
my @code = map { code($nginx->post("/api/sets/$_/files/0", $ok)) } @word;
is_deeply(\@code, ['503 outcome-unknown', ('503 outcome-unknown') x 6, '201 ok',
    '503 outcome-unknown', '409 file-conflict', '507 store-full', '201 ok'],
    'a gossipd that misbehaves');
for my $body ('', '{', '{"content":"0x0","setCount":1}', '[' x 9000,
    '{"content":"0x","setCount":2,"root":"0x' . '00' x 32 . '","proof":["0x'
    . '11' x 32 . '"]}', '{"content":"0x","content":"0x","setCount":1}') {
    like(code($nginx->post('/api/sets/json/files/0', $body)), qr/^(400|201) /,
        'JSON: ' . substr $body, 0, 20);
}
for my $id ('late-300-gone', 'silent-gone') {
    my $s = $nginx->connect;
    syswrite $s, post_raw("/api/sets/$id/files/0", $ok);
    $gossipd->lines(qr/ id=$id /);
    close $s;
}
my $s = $nginx->connect;
syswrite $s, substr post_raw('/api/sets/cut/files/0', 'x' x 3000), 0, 2000;
close $s;
is(join(' ', map { code($_) } $nginx->talk(3,
    "PUT /api/x HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc"
    . post_raw('/api/sets/pipe/files/0', $ok)
    . "GET /api/sets/done HTTP/1.1\r\nHost: t\r\n\r\n")),
    '404 not-found 201 ok 200 ok', 'pipelined');

# stopped with an upload in flight
$s = $nginx->connect;
syswrite $s, post_raw('/api/sets/silent-stop/files/0', $ok);
$gossipd->lines(qr/ id=silent-stop /);
kill 'QUIT', $pid;
waitpid $pid, 0;
is($?, 0, 'no error') or diag(do {
    local $/;
    open my $log, '<', "$dir/valgrind.log" or die $!;
    <$log>;
});
is(P2pfsTest::bad_log_lines("$nginx->{dir}/error.log"), '', 'the log is clean');

done_testing();
