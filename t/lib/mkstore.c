/*
 * t/lib/mkstore.c: fills a store.db for the tests of the module.
 *
 *     mkstore DB <lines
 *
 * A line is: SET_ID N CONTENT root|plain local|gossip INDEX.. ("all" for every
 * one). File i is "CONTENT i", or nothing where CONTENT is "empty", or that
 * many "x" where CONTENT is "x" and a number. For each line the root of all n
 * files is printed. What the store refuses ends the program.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/merkle.h"
#include "gossipd/store.h"

#define FILES_MAX 4096

struct line {
    char id[P2PFS_SET_ID_MAX + 1];
    unsigned n;
    char content[32];
    int rooted;
    enum store_origin origin;
    const char *indices;
};

static void
fail(const char *what, const char *detail)
{
    fprintf(stderr, "mkstore: %s: %s\n", what, detail);
    exit(1);
}

static void
must(enum p2pfs_err err, const char *what)
{
    if (err != P2PFS_OK) {
        fail(what, p2pfs_err_row(err)->text);
    }
}

/* Malloc'ed. */
static uint8_t *
file_bytes(const struct line *l, unsigned i, size_t *len)
{
    int one = strcmp(l->content, "empty");
    size_t room = 64;
    char *p;

    if (l->content[0] == 'x') {
        room += strtoul(l->content + 1, NULL, 10);
    }

    p = calloc(1, room);
    if (p == NULL) {
        fail("file", "out of memory");
    }

    if (l->content[0] == 'x') {
        *len = room - 64;
        memset(p, 'x', *len);
    } else if (one) {
        *len = (size_t)snprintf(p, room, "%s %u", l->content, i);
    } else {
        *len = 0;
    }

    return (uint8_t *)p;
}

static struct p2pfs_tree *
make_tree(struct p2pfs_hasher *h, const struct line *l)
{
    static struct p2pfs_hash entries[FILES_MAX];
    struct p2pfs_tree *tree;
    unsigned i;

    for (i = 0; i < l->n; i++) {
        size_t len;
        uint8_t *data = file_bytes(l, i, &len);

        p2pfs_hash_data(h, data, len, &entries[i]);
        free(data);
    }

    must(p2pfs_tree_new(&tree, h, entries, l->n), "tree");

    return tree;
}

static void
put_file(struct store *s, const struct line *l, struct p2pfs_tree *tree,
    const struct p2pfs_hash *root, unsigned i)
{
    struct p2pfs_proof proof;
    struct store_result result;
    struct store_file f = {
        .id = l->id,
        .id_len = strlen(l->id),
        .n = l->n,
        .index = i,
        .origin = l->origin,
    };
    uint8_t *data = file_bytes(l, i, &f.len);

    f.content = data;
    if (l->rooted) {
        must(p2pfs_tree_proof(tree, i, &proof), "proof");
        f.root = root;
        f.proof = &proof;
    }

    must(store_put_file(s, &f, &result), store_detail(s));
    must(result.err, l->id);
    free(data);
}

static void
put_line(struct store *s, struct p2pfs_hasher *h, const struct line *l)
{
    struct p2pfs_tree *tree = make_tree(h, l);
    struct p2pfs_hash root;
    const char *p = l->indices;
    char *end;
    unsigned i;

    p2pfs_tree_root(tree, &root);
    must(store_begin(s), "begin");

    if (strstr(p, "all") != NULL) {
        for (i = 0; i < l->n; i++) {
            put_file(s, l, tree, &root, i);
        }
    } else {
        for (i = (unsigned)strtoul(p, &end, 10); end != p;
             i = (unsigned)strtoul(p, &end, 10)) {
            put_file(s, l, tree, &root, i);
            p = end;
        }
    }

    must(store_commit(s), store_detail(s));
    p2pfs_tree_free(tree);

    for (i = 0; i < P2PFS_HASH_BYTES; i++) {
        printf("%02x", root.b[i]);
    }
    putchar('\n');
}

static int
parse_line(struct line *l, const char *text)
{
    char kind[8], origin[8];
    int used;

    if (sscanf(text, "%128s %u %31s %7s %7s %n", l->id, &l->n, l->content, kind,
            origin, &used)
            != 5
        || l->n == 0 || l->n > FILES_MAX) {
        return -1;
    }

    l->rooted = strcmp(kind, "root") == 0;
    l->origin = strcmp(origin, "gossip") == 0 ? STORE_GOSSIP : STORE_LOCAL;
    l->indices = text + used;

    return 0;
}

int
main(int argc, char **argv)
{
    struct store_config config = {
        .path = argc == 2 ? argv[1] : NULL,
        .file_max = 1 << 20,
        .count_max = 1 << 20,
    };
    struct p2pfs_hasher *h;
    struct store *s;
    struct line line;
    char detail[256], text[65536];

    if (config.path == NULL) {
        fail("usage", "mkstore DB <lines");
    }

    must(p2pfs_hasher_new(&h), "hasher");
    if (store_open(&s, &config, detail, sizeof(detail)) != P2PFS_OK) {
        fail("store", detail);
    }

    while (fgets(text, sizeof(text), stdin) != NULL) {
        if (parse_line(&line, text) != 0) {
            fail("bad line", text);
        }
        put_line(s, h, &line);
    }

    store_close(s);
    p2pfs_hasher_free(h);

    return 0;
}
