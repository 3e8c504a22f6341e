/*
 * client/examples/roundtrip.c: the library in use. Uploads a set of files to
 * one node, downloads it from another, verifies it, then shows that an answer
 * which was tampered with is refused. It tells what happens in plain words; the
 * exit code is 0 only where all of it went as it should.
 *
 *     p2pfs-roundtrip [UPLOAD_URL DOWNLOAD_URL [FILE...]]
 *
 * Without arguments the URLs come from P2PFS_SERVER (the first and the last of
 * the list); without files it makes some. It waits for nodes that are not up
 * yet, and for the set to reach the second one, up to a minute each.
 *
 * Includes nothing of p2pfs but its public header.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/p2pfs.h"

#define FILES_MAX 64
#define WAIT_LIMIT_S 60
#define POLL_MS 200
#define URLS_MAX_CHARS 4096
#define PATH_MAX_CHARS 1024

struct file {
    const char *name;
    uint8_t *content;
    size_t len;
};

struct roundtrip {
    const char *upload_url;
    const char *download_url;
    struct file file[FILES_MAX];
    size_t n;
    struct p2pfs_client *uploader;
    struct p2pfs_client *downloader;
    struct p2pfs_client_record set;
};

static void
print_hex(const uint8_t *data, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        (void)printf("%02x", data[i]);
    }
}

static int
complain(const struct p2pfs_client *c, const char *act)
{
    (void)printf("FAILED: %s: %s\n", act, p2pfs_client_errmsg(c));
    return 0;
}

/* --- the files --------------------------------------------------------- */

static int
load(struct file *f, const char *path)
{
    FILE *in = fopen(path, "rb");

    f->name = path;
    f->content = malloc(P2PFS_CLIENT_FILE_MAX + 1);
    if (in == NULL || f->content == NULL) {
        (void)printf("FAILED: cannot read \"%s\"\n", path);
        if (in != NULL) {
            (void)fclose(in);
        }
        return 0;
    }
    f->len = fread(f->content, 1, P2PFS_CLIENT_FILE_MAX + 1, in);
    if (ferror(in)) {
        (void)printf("FAILED: cannot read \"%s\"\n", path);
        (void)fclose(in);
        return 0;
    }
    (void)fclose(in);
    return 1;
}

/* Files of the sizes where things go wrong first; the time makes each run a
 * set of its own. */
static int
make_files(struct roundtrip *rt)
{
    static const struct {
        const char *name;
        size_t len;
    } made[] = {
        {"greeting.txt", 90},
        {"empty", 0},
        {"one-byte", 1},
        {"photo.bin", 32769},
        {"largest", P2PFS_CLIENT_FILE_MAX},
    };
    struct timespec now;
    size_t i, k;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    for (i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
        struct file *f = &rt->file[i];
        uint32_t x = (uint32_t)now.tv_nsec ^ (uint32_t)now.tv_sec;

        f->name = made[i].name;
        f->len = made[i].len;
        f->content = malloc(f->len + 1);
        if (f->content == NULL) {
            (void)printf("FAILED: out of memory\n");
            return 0;
        }
        for (k = 0; k < f->len; k++) {
            x = x * 1664525u + 1013904223u;
            f->content[k] = (uint8_t)(x >> 24);
        }
        rt->n = i + 1;
    }
    (void)snprintf((char *)rt->file[0].content, rt->file[0].len,
        "hello from p2pfs, at %lld.%09ld\n", (long long)now.tv_sec,
        now.tv_nsec);
    return 1;
}

static int
read_file(void *ctx, uint64_t index, uint8_t *buf, size_t cap, size_t *len)
{
    const struct roundtrip *rt = ctx;
    const struct file *f = &rt->file[index];

    *len = f->len < cap ? f->len : cap;
    memcpy(buf, f->content, *len);
    return 0;
}

/* --- waiting ----------------------------------------------------------- */

static int
pause_until(time_t deadline)
{
    struct timespec t = {0, POLL_MS * 1000000L};

    if (time(NULL) >= deadline) {
        return 0;
    }
    (void)nanosleep(&t, NULL);
    return 1;
}

static int
wait_for_node(struct p2pfs_client *c)
{
    time_t deadline = time(NULL) + WAIT_LIMIT_S;
    struct p2pfs_client_status s;

    while (p2pfs_client_status(c, 0, NULL, NULL, &s) != P2PFS_OUTCOME_OK) {
        if (!pause_until(deadline)) {
            return complain(c, "waiting for a node to answer");
        }
    }
    (void)printf("   %s answers\n", p2pfs_client_server(c, 0));
    return 1;
}

static int
wait_for_set(struct roundtrip *rt, const struct p2pfs_client_trust *trust)
{
    time_t deadline = time(NULL) + WAIT_LIMIT_S;
    struct p2pfs_client *c = rt->downloader;
    struct p2pfs_client_status s;

    while (p2pfs_client_status(c, 0, rt->set.id, trust, &s) != P2PFS_OUTCOME_OK
        || !s.complete) {
        if (!pause_until(deadline)) {
            (void)printf("FAILED: the set did not reach %s\n",
                p2pfs_client_server(c, 0));
            return 0;
        }
    }
    return 1;
}

/* --- the story --------------------------------------------------------- */

static int
upload(struct roundtrip *rt)
{
    struct p2pfs_client_source src = {rt->n, rt, read_file};

    (void)printf("2. Uploading %zu files to %s\n", rt->n,
        p2pfs_client_server(rt->uploader, 0));
    if (p2pfs_client_put(rt->uploader, NULL, &src, &rt->set)
        != P2PFS_OUTCOME_OK) {
        return complain(rt->uploader, "the upload");
    }
    (void)printf("   set id %s\n   root   ", rt->set.id);
    print_hex(rt->set.root, sizeof(rt->set.root));
    (void)printf(" (computed here, from the files)\n");
    return 1;
}

static int
compare(void *ctx, const struct p2pfs_client_file *f)
{
    const struct roundtrip *rt = ctx;
    const struct file *own = &rt->file[f->index];

    if (f->len != own->len || memcmp(f->content, own->content, f->len) != 0) {
        (void)printf("FAILED: \"%s\" is not what was uploaded\n", own->name);
        return 1;
    }
    (void)printf("   file %llu \"%s\": %zu bytes, %zu hashes of proof, verified"
                 " and equal\n",
        (unsigned long long)f->index, own->name, f->len, f->proof_len);
    return 0;
}

static int
download(struct roundtrip *rt, const struct p2pfs_client_trust *trust)
{
    (void)printf("3. Downloading the set from %s\n",
        p2pfs_client_server(rt->downloader, 0));
    if (!wait_for_set(rt, trust)) {
        return 0;
    }
    if (p2pfs_client_get_all(rt->downloader, rt->set.id, trust, compare, rt)
        != P2PFS_OUTCOME_OK) {
        return complain(rt->downloader, "the download");
    }
    return 1;
}

static int
check(const char *what, enum p2pfs_outcome outcome, enum p2pfs_outcome wanted)
{
    int right = outcome == wanted;

    (void)printf("   %s: %s%s\n", what,
        outcome == P2PFS_OUTCOME_OK ? "accepted" : "refused",
        right ? "" : " -- and that is WRONG");
    return right;
}

/* What a node that lies would have to get past. */
static int
tamper(struct roundtrip *rt, const struct p2pfs_client_trust *trust)
{
    struct p2pfs_client_file f;
    uint8_t root[P2PFS_CLIENT_HASH_BYTES];
    uint8_t *bytes;
    int ok = 1;

    (void)printf("4. Tampering with what came back for file 0\n");
    if (p2pfs_client_get(rt->downloader, rt->set.id, 0, trust, &f)
        != P2PFS_OUTCOME_OK) {
        return complain(rt->downloader, "the download");
    }
    bytes = malloc(f.len + 1);
    if (bytes == NULL) {
        (void)printf("FAILED: out of memory\n");
        return 0;
    }
    memcpy(bytes, f.content, f.len);
    memcpy(root, f.root, sizeof(root));

    ok &= check("as it came",
        p2pfs_verify(root, f.count, 0, bytes, f.len, f.proof, f.proof_len),
        P2PFS_OUTCOME_OK);
    /* an empty file has no bit to flip: one byte more is as false */
    bytes[0] = f.len > 0 ? bytes[0] ^ 1 : 0;
    ok &= check("with one bit flipped",
        p2pfs_verify(root, f.count, 0, bytes, f.len > 0 ? f.len : 1, f.proof,
            f.proof_len),
        P2PFS_OUTCOME_NOT_VERIFIED);
    root[0] ^= 1;
    ok &= check("against another root",
        p2pfs_verify(root, f.count, 0, f.content, f.len, f.proof, f.proof_len),
        P2PFS_OUTCOME_NOT_VERIFIED);
    free(bytes);
    return ok;
}

static struct p2pfs_client *
open_client(const char *url, const char *store)
{
    struct p2pfs_client_options o;
    struct p2pfs_client *c;
    char why[512];

    p2pfs_client_options_init(&o);
    o.servers = &url;
    o.n_servers = 1;
    o.store = store;
    if (p2pfs_client_open(&c, &o, why, sizeof(why)) != P2PFS_OUTCOME_OK) {
        (void)printf("FAILED: %s\n", why);
    }
    return c;
}

static int
tell(struct roundtrip *rt)
{
    struct p2pfs_client_trust trust;

    (void)printf("1. Waiting for the nodes\n");
    if (!wait_for_node(rt->uploader) || !wait_for_node(rt->downloader)
        || !upload(rt)) {
        return 0;
    }
    /* What the downloader trusts comes from the uploader, not from a node. */
    memcpy(trust.root, rt->set.root, sizeof(trust.root));
    trust.count = rt->set.count;
    if (!download(rt, &trust) || !tamper(rt, &trust)) {
        return 0;
    }
    (void)printf("All went well: what the nodes served is what was uploaded,"
                 " and lies are found out.\n");
    return 1;
}

static int
run(struct roundtrip *rt)
{
    const char *tmp = getenv("TMPDIR");
    char dir[PATH_MAX_CHARS];
    char store[PATH_MAX_CHARS + 16];
    int ok = 0;

    /* An example leaves nothing behind; a real program keeps its records. */
    (void)snprintf(dir, sizeof(dir), "%s/p2pfs-roundtrip-XXXXXX",
        tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(dir) == NULL) {
        perror("FAILED: cannot make a temporary directory (see TMPDIR)");
        return 0;
    }
    (void)snprintf(store, sizeof(store), "%s/records.db", dir);
    rt->uploader = open_client(rt->upload_url, store);
    rt->downloader = open_client(rt->download_url, NULL);
    if (rt->uploader != NULL && rt->downloader != NULL) {
        ok = tell(rt);
    }
    p2pfs_client_close(rt->uploader);
    p2pfs_client_close(rt->downloader);
    (void)unlink(store);
    (void)rmdir(dir);
    return ok;
}

/* The first and the last URL of P2PFS_SERVER. */
static int
urls_from_environment(struct roundtrip *rt, char buf[URLS_MAX_CHARS])
{
    static const char separators[] = ", \t\n";
    const char *env = getenv("P2PFS_SERVER");
    char *p;

    if (env == NULL || strlen(env) >= URLS_MAX_CHARS) {
        return 0;
    }
    memcpy(buf, env, strlen(env) + 1);
    for (p = buf + strspn(buf, separators); *p != '\0';
         p += strspn(p, separators)) {
        if (rt->upload_url == NULL) {
            rt->upload_url = p;
        }
        rt->download_url = p;
        p += strcspn(p, separators);
        if (*p != '\0') {
            *p++ = '\0';
        }
    }
    return rt->upload_url != NULL;
}

int
main(int argc, char **argv)
{
    char urls[URLS_MAX_CHARS];
    struct roundtrip rt;
    int ok = 1;
    int i;

    memset(&rt, 0, sizeof(rt));
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc >= 3) {
        rt.upload_url = argv[1];
        rt.download_url = argv[2];
    } else if (argc == 2 || !urls_from_environment(&rt, urls)) {
        (void)fprintf(stderr,
            "usage: p2pfs-roundtrip UPLOAD_URL DOWNLOAD_URL"
            " [FILE...]\n       (or the URLs in P2PFS_SERVER)\n");
        return P2PFS_OUTCOME_USAGE;
    }
    if (argc - 3 > FILES_MAX) {
        (void)fprintf(stderr, "at most %d files\n", FILES_MAX);
        return P2PFS_OUTCOME_USAGE;
    }
    for (i = 3; ok && i < argc; i++) {
        rt.n++;
        ok = load(&rt.file[i - 3], argv[i]);
    }
    if (ok && rt.n == 0) {
        ok = make_files(&rt);
    }
    ok = ok && run(&rt);
    while (rt.n > 0) {
        free(rt.file[--rt.n].content);
    }
    return ok ? P2PFS_OUTCOME_OK : P2PFS_OUTCOME_OTHER;
}
