# Directives: contexts, inheritance, duplicates, bad values, and that nginx -t
# only looks at words.

use strict;
use warnings;

use P2pfsTest;
use Test::More;
use Time::HiRes qw(time);

store();
my $gossipd = gossipd();
my $db = "$P2pfsTest::dir/store.db";
my $sock = "unix:$P2pfsTest::dir/gossipd.sock";
my $both = "p2pfs_db $db; p2pfs_gossipd $sock;";

# nginx -t: exit status and words
sub check {
    my (%o) = @_;
    my $nginx = P2pfsTest::Nginx->new(location => '', %o);
    return ($nginx->command('-t'), $nginx);
}

sub good {
    my ($name, %o) = @_;
    my ($rc, $out) = check(%o);
    is($rc, 0, $name) or diag($out);
    unlike($out, qr/\[(emerg|alert|error|warn)\]/, "$name: no complaint");
}

sub bad {
    my ($name, $words, %o) = @_;
    my ($rc, $out) = check(%o);
    isnt($rc, 0, $name);
    like($out, qr/\[emerg\] .*$words/, "$name: the words");
}

my $on = 'location /api/ { p2pfs on; }';

good('all in the location', location => "location /api/ { p2pfs on; $both }");
good('all in the server', location => "$both p2pfs_timeout 1m;"
    . "p2pfs_max_file_size 64k; $on");
good('all in http', http => "$both p2pfs_timeout 500ms;"
    . 'p2pfs_max_file_size 1;', location => $on);
good('not used', http => '', location => '');
good('off needs nothing', location => 'location /api/ { p2pfs off; }');
good('one inherited, one not', http => "p2pfs_db $db;",
    location => "location /api/ { p2pfs on; p2pfs_gossipd $sock; }");
good('a relative path', location =>
    'location /api/ { p2pfs on; p2pfs_db x/y.db; p2pfs_gossipd unix:x.sock; }');
good('the same words twice in two locations', location =>
    "location /a/ { p2pfs on; $both } location /b/ { p2pfs on; $both }");
good('the largest size', http => $both . 'p2pfs_max_file_size 1m;',
    location => $on);

bad('no database', '"p2pfs on" in location "/api/" requires "p2pfs_db"',
    location => "p2pfs_gossipd $sock; $on");
bad('no gossipd', '"p2pfs on" in location "/api/" requires "p2pfs_gossipd"',
    location => "p2pfs_db $db; $on");
bad('p2pfs in the server', '"p2pfs" directive is not allowed here',
    location => 'p2pfs on;');
bad('p2pfs with another word', 'invalid value "yes" in "p2pfs" directive',
    location => 'location /api/ { p2pfs yes; }');
bad('no word', 'invalid number of arguments in "p2pfs"',
    location => 'location /api/ { p2pfs; }');
bad('in main', '"p2pfs_db" directive is not allowed here', main => $both);
bad('a location by a pattern', '"p2pfs" directive needs a location with a '
    . 'prefix', location => "location ~ ^/api/ { p2pfs on; $both }");
bad('a named location', '"p2pfs" directive needs a location with a prefix',
    location => "location \@api { p2pfs on; $both }");

for my $d ("p2pfs_db $db;", "p2pfs_gossipd $sock;", 'p2pfs_timeout 1s;',
    'p2pfs_max_file_size 1k;') {
    my ($name) = $d =~ /(\w+)/;
    bad("$name twice in http", "\"$name\" directive is duplicate",
        http => $d . $d);
    bad("$name twice in a location", "\"$name\" directive is duplicate",
        location => "location /x { $d $d }");
    bad("$name with two words", "invalid number of arguments in \"$name\"",
        http => "$name a b;");
    good("$name in two levels", http => $d, location => $d);
}
bad('p2pfs twice', '"p2pfs" directive is duplicate',
    location => 'location /x { p2pfs off; p2pfs on; }');

bad('an empty path', 'invalid value ""', http => 'p2pfs_db "";');
for my $value ('unix:', '/run/x.sock', '127.0.0.1:80', 'UNIX:/x', '""') {
    (my $shown = $value) =~ s/"//g;
    bad("p2pfs_gossipd $value", "invalid value \"$shown\", \"unix:PATH\" is "
        . 'expected', http => "p2pfs_gossipd $value;");
}
good('a path of 107 bytes', http => 'p2pfs_gossipd unix:/' . 'a' x 106 . ';');
bad('one of 108', 'too long path ".*" in "p2pfs_gossipd", it has 108 bytes of '
    . 'at most 107', http => 'p2pfs_gossipd unix:/' . 'a' x 107 . ';');
bad('a bad time', '"p2pfs_timeout" directive invalid value',
    http => 'p2pfs_timeout soon;');
bad('a bad size', '"p2pfs_max_file_size" directive invalid value',
    http => 'p2pfs_max_file_size much;');
bad('no size', 'invalid value 0, it must be between 1 and 1048576',
    http => 'p2pfs_max_file_size 0;');
bad('a size above what a frame takes', 'invalid value 1048577, it must be',
    http => 'p2pfs_max_file_size 1048577;');

# a limit of nginx that makes ours a lie
{
    my ($rc, $out) = check(location =>
        "$both client_body_timeout 9s; location /api/ { p2pfs on;"
        . 'client_max_body_size 1m; }');
    is($rc, 0, 'client_max_body_size below the need');
    like($out, qr/\[warn\] "client_max_body_size" in location "\/api\/"/,
        'is a warning');
    good('or none at all', location =>
        "$both location /api/ { p2pfs on; client_max_body_size 0; }");
    good('or with a smaller p2pfs_max_file_size', location => "$both"
        . 'location /api/ { p2pfs on; client_max_body_size 1m;'
        . 'p2pfs_max_file_size 500k; }');
}

# nginx -t creates nothing, opens nothing, asks nobody
{
    my $dir = "$P2pfsTest::dir/empty";
    mkdir $dir;
    my ($rc, $out, $nginx) = check(location =>
        "location /api/ { p2pfs on; p2pfs_db $dir/store.db;"
        . "p2pfs_gossipd unix:$dir/g.sock; }");
    is($rc, 0, 'nginx -t with neither database nor gossipd');
    is_deeply([glob "$dir/*"], [], 'creates nothing');

    my @before = map { join ' ', $_, (stat $_)[8, 9, 10] } glob "$db*";
    ($rc, $out) = check(location => "location /api/ { p2pfs on; $both }");
    my @after = map { join ' ', $_, (stat $_)[8, 9, 10] } glob "$db*";
    is_deeply(\@after, \@before, 'touches nothing');
    is(scalar $gossipd->lines, 0, 'connects to nobody');
}

# what is inherited works, and the nearest word wins
{
    mkstore("$P2pfsTest::dir/second.db", 'second 1 file root local all');
    my $nginx = P2pfsTest::Nginx->new(http => "$both p2pfs_timeout 300ms;",
        location => "p2pfs_max_file_size 4;"
        . 'location /a/ { p2pfs on; }'
        . "location /b/ { p2pfs on; p2pfs_db $P2pfsTest::dir/second.db;"
        . ' p2pfs_max_file_size 5; }')->start;
    my $five = post_body('12345', 1);
    is($nginx->get('/a/sets/done')->{status}, 200, 'the database of http');
    is($nginx->get('/a/sets/second')->{status}, 404, 'and not the other');
    is($nginx->get('/b/sets/second')->{status}, 200, 'that of the location');
    is($nginx->post('/a/sets/x/files/0', $five)->{status}, 413,
        'the size of the server');
    is($nginx->post('/b/sets/x/files/0', $five)->{status}, 201,
        'the size of the location');
    is($nginx->post('/b/sets/silent/files/0', $five)->{status}, 503,
        'the timeout of http');
    is($nginx->stop, '', 'the log is clean');
}

# every directive at every level, and what each level below makes of it: set in
# http, server, location, nested location; the nearest one counts
{
    my %made = (1 => 'one', 2 => 'two', 3 => 'three', 4 => 'four');
    mkstore("$P2pfsTest::dir/level-$_.db", "$made{$_} 1 file root local all")
        for keys %made;
    my @g = map { FakeGossipd->new(path => "$P2pfsTest::dir/level-$_.sock",
        log => "$P2pfsTest::dir/level-$_.log") } 1 .. 4;
    my $at = sub {
        my ($level, $which) = @_;
        my %word = (
            p2pfs_db => "p2pfs_db $P2pfsTest::dir/level-$level.db;",
            p2pfs_gossipd =>
                "p2pfs_gossipd unix:$P2pfsTest::dir/level-$level.sock;",
            p2pfs_timeout => 'p2pfs_timeout ' . $level * 200 . 'ms;',
            p2pfs_max_file_size => 'p2pfs_max_file_size ' . $level * 10 . ';',
        );
        return join ' ', map { $word{$_} } grep { $which->($_) }
            sort keys %word;
    };
    # what a location is found to have, by what it does
    my $seen = sub {
        my ($nginx, $prefix, $tag) = @_;
        my ($db) = grep { $nginx->get("$prefix/sets/$made{$_}")->{status} == 200
            } 1 .. 4;
        my ($size) = grep { $nginx->post("$prefix/sets/s-$tag/files/0",
            post_body('x' x ($_ * 10 + 1), 1))->{status} == 413 } 1 .. 4;
        my $start = time;
        $nginx->post("$prefix/sets/silent-$tag/files/0", post_body('x', 1));
        my $timeout = int((time - $start) / 0.2 + 0.3);
        my ($sock) = grep { scalar grep { / id=silent-$tag / } $g[$_ - 1]->lines
            } 1 .. 4;
        return join ' ', map { $_ // '-' } $db, $sock, $timeout, $size;
    };
    my @names = qw(p2pfs_db p2pfs_gossipd p2pfs_timeout p2pfs_max_file_size);
    my $all = sub { 1 };
    for my $i (0 .. $#names) {
        # this one is set at every level, the others at the first only
        my $one = sub { $_[0] eq $names[$i] };
        my $nginx = P2pfsTest::Nginx->new(http => $at->(1, $all),
            location => 'location /h/ { p2pfs on; }'
            . 'location /l/ { p2pfs on; ' . $at->(3, $one)
            . '} location /p/ { p2pfs on; ' . $at->(3, $one)
            . 'location /p/sets/ { ' . $at->(4, $one) . ' } }'
            . 'location /i/ { p2pfs on; ' . $at->(3, $one)
            . 'location ~ ^/i/sets/ { } }'
            . 'location /off/ { p2pfs on; location /off/sets/ { p2pfs off; } }'
            )->start;
        # /p/: a location inside has its own word; /i/: it has none
        my %want = ('/h' => 1, '/l' => 3, '/p' => 4, '/i' => 3);
        for my $prefix (sort keys %want) {
            my @want = (1) x 4;
            $want[$i] = $want{$prefix};
            (my $tag = "$i$prefix") =~ tr{/}{-};
            is($seen->($nginx, $prefix, $tag), join(' ', @want),
                "$names[$i] at $prefix");
        }
        is($nginx->get('/off/none')->{head} =~ /problem\+json/ ? 1 : 0, 1,
            'p2pfs on');
        is($nginx->get('/off/sets/one')->{head} =~ /text\/html/ ? 1 : 0, 1,
            'p2pfs off inside it');
        is($nginx->stop, '', "$names[$i] at its levels: the log is clean");

        $nginx = P2pfsTest::Nginx->new(http => $at->(1, $all),
            location => $at->(2, $one) . 'location /s/ { p2pfs on; }')->start;
        my @want = (1) x 4;
        $want[$i] = 2;
        is($seen->($nginx, '/s', "$i-server"), join(' ', @want),
            "$names[$i] in the server");
        is($nginx->stop, '', "$names[$i] in the server: the log is clean");
    }
}

# core stays inside: nginx loads modules with RTLD_GLOBAL
is(join(' ', sort map { /(\S+)$/ } qx(nm -D --defined-only '$P2pfsTest::module')),
    'ngx_http_p2pfs_module ngx_module_names ngx_module_order ngx_modules',
    'the names that the module exports');

done_testing();
