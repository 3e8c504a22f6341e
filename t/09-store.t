# A database that is busy, comes later, is replaced, or is damaged: a reader
# waits a moment without holding up anybody else, says 503 or 500 in our words,
# and reads again as soon as it can.

use strict;
use warnings;

use P2pfsTest;
use Test::More;
use Time::HiRes qw(time sleep);

my $db = "$P2pfsTest::dir/store.db";
my @files = ($db, "$db-wal", "$db-shm");
store();

sub code { P2pfsTest::Nginx::code($_[0] // { status => 0, body => '' }) }

# Another process that holds the whole database, until its pipe is closed.
sub hold {
    unlink "$P2pfsTest::dir/held";
    open my $pipe, '|-', "sqlite3 '$db' >'$P2pfsTest::dir/held'" or die $!;
    $pipe->autoflush(1);
    print $pipe "PRAGMA locking_mode=EXCLUSIVE;\nBEGIN EXCLUSIVE;\n"
        . "SELECT 'held';\n";
    wait_for(5, sub {
        open my $f, '<', "$P2pfsTest::dir/held" or return;
        return grep { /held/ } <$f>;
    }) or die 'sqlite3 cannot hold the database';
    return $pipe;
}

sub release { my ($pipe) = @_; print $pipe "ROLLBACK;\n.quit\n"; close $pipe }

# busy for too long, and for a moment; an open reader has a lock of its own, so
# it is a new one that has to wait
{
    my $nginx = P2pfsTest::Nginx->new->start;
    my $pipe = hold();
    my $start = time;
    my $a = $nginx->get('/api/sets/done/files/0');
    my $took = time - $start;
    is(code($a), '503 store-unavailable', 'busy too long');
    like($a->{head}, qr/\r\nRetry-After: 1\r\n/, 'Retry-After');
    cmp_ok($took, '>', 0.09, 'it was tried for a while');
    cmp_ok($took, '<', 2, 'and not for ever');

    # both routes wait, others are served meanwhile; one client leaves
    my @s = map { $nginx->connect } 1 .. 4;
    syswrite $s[$_], "GET /api/sets/done" . ($_ % 2 ? '' : '/files/1')
        . " HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n" for 0 .. 3;
    close pop @s;
    is(code($nginx->get('/api/none')), '404 not-found', 'others go on');
    release($pipe);
    is_deeply([map { code((P2pfsTest::Nginx::answers($_, 1))[0]) } @s],
        [('200 ok') x 3], 'busy for a moment');
    is(code($nginx->get('/api/sets/done/files/0')), '200 ok', 'after');
    is($nginx->stop, '', 'busy: the log is clean');
}

# all its clients leave while it waits, and the worker is told to stop
{
    my $nginx = P2pfsTest::Nginx->new->start;
    my $pipe = hold();
    my @s = map { $nginx->connect } 1 .. 20;
    syswrite $_, "GET /api/sets/done HTTP/1.1\r\nHost: t\r\n\r\n" for @s;
    sleep 0.03;
    close $_ for @s;
    my $s = $nginx->connect;
    syswrite $s, "GET /api/sets/done/files/2 HTTP/1.1\r\nHost: t\r\n\r\n";
    sleep 0.02;
    $nginx->signal('QUIT');
    release($pipe);
    is(code((P2pfsTest::Nginx::answers($s, 1))[0]), '200 ok',
        'a worker that stops ends its reads');
    is($nginx->stop, '', 'waiting clients leave: the log is clean');
}

# as a subrequest, and behind a body that has to be discarded
{
    my $nginx = P2pfsTest::Nginx->new(location => api()
        . 'location /yes { auth_request /api/sets/done; try_files x =204; }')
        ->start;
    my $pipe = hold();
    my @s = map { $nginx->connect } 1 .. 2;
    syswrite $s[0], "GET /yes HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n";
    syswrite $s[1], "GET /api/sets/done HTTP/1.1\r\nHost: t\r\n"
        . "Content-Length: 10\r\n\r\nhello";
    sleep 0.02;
    syswrite $s[1], "helloGET /api/sets/plain HTTP/1.1\r\nHost: t\r\n\r\n";
    release($pipe);
    is(code((P2pfsTest::Nginx::answers($s[0], 1))[0]), '204 ok',
        'auth_request waits too');
    is(join(' ', map { code($_) } P2pfsTest::Nginx::answers($s[1], 2)),
        '200 ok 200 ok', 'a body in two parts, and the request behind it');
    is($nginx->stop, '', 'subrequests: the log is clean');
}

# none yet, then there, then another one in its place
{
    my $nginx = P2pfsTest::Nginx->new;
    rename $_, "$_.away" for @files;
    $nginx->start;
    is(code($nginx->get('/api/sets/done')), '503 store-unavailable', 'none yet');
    is_deeply([grep { -e } @files], [], 'a reader creates none');
    rename "$_.away", $_ for @files;
    is(code($nginx->get('/api/sets/done')), '200 ok', 'it came');

    rename $_, "$_.away" for @files;
    mkstore($db, 'fresh 1 file root local all');
    is(code(wait_for(5, sub {
        my $a = $nginx->get('/api/sets/fresh');
        return $a->{status} == 200 && $a;
    })), '200 ok', 'another in its place');
    is(code($nginx->get('/api/sets/done')), '404 set-not-found',
        'and the old one is gone');
    is($nginx->stop, '', 'replaced: the log is clean');
    unlink @files;
    rename "$_.away", $_ for @files;
}

# bytes that are not what their hash says are never served
{
    my $damaged = "$P2pfsTest::dir/damaged.db";
    mkstore($damaged, 'd 3 file root local all');
    system('sqlite3', $damaged, "UPDATE content SET body = x'00' WHERE "
        . "entry = (SELECT entry FROM content ORDER BY k LIMIT 1)") == 0
        or die 'sqlite3 failed';
    (my $location = api()) =~ s/store\.db/damaged.db/;
    my $nginx = P2pfsTest::Nginx->new(location => $location)->start;
    is(code($nginx->get('/api/sets/d/files/0')), '503 file-damaged', 'damaged');
    is(code($nginx->get('/api/sets/d/files/1')), '200 ok', 'the others are not');
    is($nginx->stop, '', 'damaged: the log is clean');
}

# not a database, one of another program, one of a newer version
{
    my @made = (
        ['not a database', sub {
            open my $f, '>', $_[0] or die $!;
            print $f 'no database at all ' x 1000;
        }],
        ['another program\'s', sub {
            system('sqlite3', $_[0], 'CREATE TABLE t(x)') == 0 or die;
        }],
        ['a newer one', sub {
            mkstore($_[0], 'd 1 file root local all');
            system('sqlite3', $_[0], 'PRAGMA user_version=999') == 0 or die;
        }],
        ['an empty file', sub { open my $f, '>', $_[0] or die $! }],
    );
    for my $i (0 .. $#made) {
        my ($name, $make) = @{ $made[$i] };
        my $path = "$P2pfsTest::dir/bad-$i.db";
        $make->($path);
        chmod 0644, $path;
        (my $location = api()) =~ s/store\.db/bad-$i.db/;
        my $nginx = P2pfsTest::Nginx->new(location => $location)->start;
        for (1, 2) {
            my $a = $nginx->get('/api/sets/d/files/0');
            like(code($a), qr/^50[03] store-(schema|error|unavailable)$/,
                "$name: " . code($a));
            unlike($a->{body}, qr/sqlite|malformed|file is not|\.db|SELECT/i,
                "$name: none of SQLite's words");
        }
        like($nginx->log_text, qr/\[error\].*cannot read "\Q$path\E"/,
            "$name: the log names the file");
        is($nginx->stop, '', "$name: the log is clean");
    }
}

# the master holds no descriptor of it
{
    my $nginx = P2pfsTest::Nginx->new->start;
    $nginx->get('/api/sets/done');
    my %open;
    for my $pid ($nginx->pid, $nginx->workers) {
        $open{$pid} = grep { (readlink // '') =~ /\Q$db\E/ }
            glob "/proc/$pid/fd/*";
    }
    is($open{ $nginx->pid }, 0, 'not open in the master');
    cmp_ok($open{ ($nginx->workers)[0] }, '>', 0, 'open in the worker');
    is($nginx->stop, '', 'descriptors: the log is clean');
}

done_testing();
