package P2pfsSets;

# Sets of files for cluster tests: made, uploaded through several nodes at once
# in shuffled order, and read back on a node with every proof verified by
# P2pfsVerify.
#
#     my $set = make_set('name', 129, rooted => 1);
#     my $r = upload($c, [1, 2, 3], $set, ..);
#     is($r->{failed}, 0);
#     read_whole($c, $_, $set) for 1 .. 3;      a test for each
#
# A set is { id, files => [bytes], tree, root, rooted }.

use strict;
use warnings;
use Exporter qw(import);
use HTTP::Tiny;
use List::Util qw(shuffle);
use Test::More;
use Time::HiRes qw(sleep time);

use P2pfsCluster;
use P2pfsVerify qw(entry verify);

our @EXPORT = qw(make_set set_of upload upload_start upload_wait read_whole
    read_file file_is bytes_of random_seed);

# Prints the seed, and takes one from outside.
sub random_seed {
    my $seed = $ENV{P2PFS_SEED} // int(rand(1 << 30));
    note "P2PFS_SEED=$seed";
    srand $seed;
    return $seed;
}

# So many bytes that look random, the same for the same name.
sub bytes_of {
    my ($name, $len) = @_;
    return '' if $len == 0;
    my $block = join '', map { entry("$name $_") } 0 .. 31;
    return substr $block x (int($len / length $block) + 1), 0, $len;
}

sub set_of {
    my ($id, $files, %o) = @_;
    my $tree = P2pfsVerify->new(map { entry($_) } @$files);
    return { id => $id, files => $files, tree => $tree,
        root => $tree->tree_root, rooted => $o{rooted} // 0 };
}

# bytes: of each file; else from 1 to a few hundred.
sub make_set {
    my ($id, $n, %o) = @_;
    my @files = map {
        "file $_ of $id " . bytes_of("$id/$_", $o{bytes} // $_ * 37 % 300)
    } 0 .. $n - 1;
    return set_of($id, \@files, %o);
}

# An HTTP connection that stays open, for this process alone.
sub keep_alive {
    my ($c) = @_;
    $c->{http} = HTTP::Tiny->new(timeout => 20, keep_alive => 0);
}

sub post_file {
    my ($c, $node, $set, $index) = @_;
    my @more = $set->{rooted}
        ? (root => $set->{root}, proof => [$set->{tree}->tree_proof($index)])
        : ();
    return $c->post($node, $set->{id}, $index, scalar @{ $set->{files} },
        $set->{files}[$index], @more);
}

# One uploader: tries each file until it is acknowledged, or the time is over.
# Writes "set index node" for each acknowledgement, so that a test knows exactly
# what the network promised.
sub uploader {
    my ($c, $node, $jobs, $seconds, $log) = @_;
    my $end = time + $seconds;
    my $failed = 0;
    keep_alive($c);
    for my $job (@$jobs) {
        my ($set, $index) = @$job;
        my $r;
        while (1) {
            $r = post_file($c, $node, $set, $index);
            last if $r->{status} == 201 || $r->{status} == 200;
            last if $r->{status} != 503 && $r->{status} != 599;
            last if time > $end;
            sleep 0.05;
        }
        if ($r->{status} == 201 || $r->{status} == 200) {
            syswrite $log, "ok $set->{id} $index $node\n";
        } else {
            my $text = substr $r->{content}, 0, 200;
            $text =~ s/\s+/ /g;
            syswrite $log, "failed $set->{id} $index $node $r->{status} $text\n";
            $failed = 1;
        }
    }
    return $failed;
}

# Every file of the sets to one of the nodes, in shuffled order, with one
# process for each node. Returns at once.
sub upload_start {
    my ($c, $nodes, @sets) = @_;
    my (%jobs, @child);
    my @all = shuffle map {
        my $set = $_;
        map { [$set, $_] } 0 .. $#{ $set->{files} }
    } @sets;
    push @{ $jobs{ $nodes->[rand @$nodes] } }, $_ for @all;
    my $path = "$c->{dir}/upload." . ++$c->{uploads};
    open my $log, '>>', $path or die "open $path: $!";
    for my $node (sort keys %jobs) {
        my $pid = fork // die "fork: $!";
        if ($pid == 0) {
            my $failed = eval { uploader($c, $node, $jobs{$node}, 60, $log) };
            syswrite $log, "failed - - $node $@" if $@;
            require POSIX;
            POSIX::_exit($failed // 1);
        }
        push @child, $pid;
    }
    return { path => $path, child => \@child, total => scalar @all };
}

# { ok => [[set, index, node], ..], failed => [lines] }
sub acknowledged {
    my ($u) = @_;
    my (@ok, @failed);
    for (split /\n/, P2pfsCluster::slurp($u->{path}) // '') {
        if (/^ok (\S+) (\d+) (\d+)$/) {
            push @ok, [$1, $2, $3];
        } else {
            push @failed, $_;
        }
    }
    return { ok => \@ok, failed => \@failed, total => $u->{total} };
}

sub upload_wait {
    my ($u) = @_;
    waitpid $_, 0 for @{ $u->{child} };
    return acknowledged($u);
}

# Uploads and tests that every file was acknowledged.
sub upload {
    my ($c, $nodes, @sets) = @_;
    my $r = upload_wait(upload_start($c, $nodes, @sets));
    is(scalar @{ $r->{ok} }, $r->{total},
        'all files of ' . join(', ', map { $_->{id} } @sets) . ' acknowledged')
        or diag(join "\n", @{ $r->{failed} }[0 .. 4]);
    return $r;
}

# The bytes of an answer, without JSON::PP, which is slow for long strings.
sub file_is {
    my ($r, $bytes) = @_;
    return $r->{status} == 200
        && $r->{content} =~ /"file":"0x([0-9a-f]*)"/
        && $1 eq unpack('H*', $bytes);
}

# '' where file `index` of the set stands on the node with its proof, or what is
# wrong. by_root: asks for the version by its root.
sub read_file {
    my ($c, $node, $set, $index, $by_root) = @_;
    my $r = $c->get($node, $set->{id}, $index,
        $by_root ? (root => $set->{root}) : ());
    return "status $r->{status}" if $r->{status} != 200;
    return 'other bytes' if !file_is($r, $set->{files}[$index]);
    my $j = $r->{json};
    return 'no JSON' if !$j;
    return 'another index' if $j->{proof}{index} != $index;
    return 'another setCount' if $j->{setCount} != @{ $set->{files} };
    return 'another root' if unhex0x($j->{root}) ne $set->{root};
    return 'another hash'
        if $j->{hash} ne unpack 'H*', entry($set->{files}[$index]);
    return '' if verify($set->{root}, scalar @{ $set->{files} }, $index,
        entry($set->{files}[$index]),
        map { unhex0x($_) } @{ $j->{proof}{proof} });
    return 'the proof does not verify';
}

# One test: every file of the set is there, verified, in time.
sub read_whole {
    my ($c, $node, $set, %o) = @_;
    my $end = time + ($o{seconds} // 30);
    my $http = $c->{http};
    my $n = @{ $set->{files} };
    my ($wrong, $last) = (0, '');
    keep_alive($c);
    for my $index (0 .. $n - 1) {
        my $why;
        while (($why = read_file($c, $node, $set, $index, $o{by_root})) ne ''
            && time < $end) {
            sleep 0.03;
        }
        if ($why ne '') {
            $wrong++;
            $last = "index $index: $why";
        }
    }
    $c->{http} = $http;
    is($wrong, 0, "node $node: $n files of $set->{id} verified"
            . ($o{what} ? ", $o{what}" : ''))
        or diag($last);
}

1;
