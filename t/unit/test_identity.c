/*
 * Guards gossipd/identity.h: that a key file is never lost, replaced or read
 * by others without a word, and that derived keys are the ones of docs/wire.md.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "core/hex.h"
#include "gossipd/identity.h"

#define MAKERS 8

struct dir {
    char path[64];
    char key[96];
};

static void
dir_make(struct dir *d)
{
    snprintf(d->path, sizeof(d->path), "/tmp/p2pfs-identity-XXXXXX");
    assert_non_null(mkdtemp(d->path));
    snprintf(d->key, sizeof(d->key), "%s/node.key", d->path);
}

static void
dir_remove(struct dir *d)
{
    unlink(d->key);
    assert_int_equal(rmdir(d->path), 0);
}

static void
put(const char *path, const char *text, mode_t mode)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void
refused(const char *path, const char *words)
{
    struct identity id;
    char detail[256] = "";

    assert_int_equal(identity_load(&id, path, KEY_CREATE, detail,
                         sizeof(detail)),
        P2PFS_IO);
    if (strstr(detail, words) == NULL || strstr(detail, path) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", detail, words);
    }
}

static void
test_made_once_then_the_same(void **state)
{
    struct identity a, b;
    char detail[256];
    struct stat st;
    struct dir d;

    (void)state;
    dir_make(&d);
    assert_int_equal(identity_load(&a, d.key, KEY_REFUSE, detail,
                         sizeof(detail)),
        P2PFS_IO);
    assert_int_equal(identity_load(&a, d.key, KEY_CREATE, detail,
                         sizeof(detail)),
        P2PFS_OK);
    assert_int_equal(stat(d.key, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_size, 65);
    assert_int_equal(identity_load(&b, d.key, KEY_CREATE, detail,
                         sizeof(detail)),
        P2PFS_OK);
    assert_memory_equal(&a, &b, sizeof(a));
    identity_wipe(&b);
    assert_true(sodium_is_zero(b.secret, sizeof(b.secret)));
    dir_remove(&d);
}

/* Containers that share a volume start together: whoever came second once took
 * a key that was half written, or found it in its way. */
static void
make_by_many(struct dir *d)
{
    uint8_t mine[MAKERS], key[KEY_BYTES];
    char detail[256] = "";
    int go[2], i, status;
    char byte;

    assert_int_equal(pipe(go), 0);
    for (i = 0; i < MAKERS; i++) {
        if (fork() == 0) {
            close(go[1]);
            (void)!read(go[0], &byte, 1); /* until the parent closes it */
            _exit(network_key_load(key, d->key, KEY_CREATE, detail,
                      sizeof(detail))
                        == P2PFS_OK
                    ? key[0] & 0x3f
                    : 99);
        }
    }
    close(go[0]);
    close(go[1]);
    for (i = 0; i < MAKERS; i++) {
        assert_true(wait(&status) > 0);
        assert_true(WIFEXITED(status));
        mine[i] = (uint8_t)WEXITSTATUS(status);
    }
    assert_int_equal(network_key_load(key, d->key, KEY_REFUSE, detail,
                         sizeof(detail)),
        P2PFS_OK);
    for (i = 0; i < MAKERS; i++) {
        assert_int_equal(mine[i], key[0] & 0x3f);
    }
}

static void
test_made_by_many_at_once(void **state)
{
    struct dir d;
    int round;

    (void)state;
    for (round = 0; round < 20; round++) {
        dir_make(&d);
        make_by_many(&d);
        dir_remove(&d); /* and nothing is left behind */
    }
}

static void
test_bad_files_are_refused_and_kept(void **state)
{
    static const char digits[] =
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    char text[128], link[128], back[128] = "";
    struct dir d;
    FILE *f;

    (void)state;
    dir_make(&d);
    snprintf(text, sizeof(text), "%s\n", digits);
    put(d.key, text, 0640);
    refused(d.key, "chmod");
    put(d.key, text, 0604);
    refused(d.key, "chmod");
    put(d.key, "", 0600);
    refused(d.key, "backup");
    put(d.key, digits, 0600);
    refused(d.key, "backup");
    text[5] = 'x';
    put(d.key, text, 0600);
    refused(d.key, "backup");
    f = fopen(d.key, "r");
    assert_non_null(f);
    assert_non_null(fgets(back, sizeof(back), f));
    fclose(f);
    assert_string_equal(back, text);

    snprintf(link, sizeof(link), "%s/link", d.path);
    assert_int_equal(symlink(d.key, link), 0);
    refused(link, "symbolic link");
    unlink(link);
    assert_int_equal(mkdir(link, 0700), 0);
    refused(link, "not a regular file");
    rmdir(link);
    snprintf(link, sizeof(link), "%s/no/such", d.path);
    refused(link, "No such file");
    dir_remove(&d);
}

static void
test_other_owner_is_refused(void **state)
{
    char text[80];
    struct dir d;

    (void)state;
    if (geteuid() != 0) {
        skip(); /* only root can give a file away */
    }
    dir_make(&d);
    memset(text, 'a', 64);
    memcpy(text + 64, "\n", 2);
    put(d.key, text, 0600);
    assert_int_equal(chown(d.key, 65534, 65534), 0);
    refused(d.key, "another user");
    dir_remove(&d);
}

static void
unhex(uint8_t *out, const char *hex)
{
    assert_int_equal(p2pfs_hex_decode(out, hex, strlen(hex)), P2PFS_OK);
}

/* RFC 5869, A.3 (no salt, no info): the first 32 bytes of its OKM. */
static void
test_derive_is_hkdf(void **state)
{
    uint8_t secret[22], out[KEY_BYTES], want[KEY_BYTES];

    (void)state;
    memset(secret, 0x0b, sizeof(secret));
    unhex(want,
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
    key_derive(out, secret, sizeof(secret), "", 0);
    assert_memory_equal(out, want, sizeof(want));
}

static void
test_networks_differ_in_key_and_constants(void **state)
{
    uint8_t a[KEY_BYTES] = {1}, b[KEY_BYTES] = {2}, id[4][KEY_BYTES];
    char long_constants[600];
    size_t i, j;

    (void)state;
    memset(long_constants, 'x', sizeof(long_constants));
    network_id(id[0], a, "x", 1);
    network_id(id[1], b, "x", 1);
    network_id(id[2], a, "y", 1);
    network_id(id[3], a, long_constants, sizeof(long_constants));
    for (i = 0; i < 4; i++) {
        for (j = 0; j < i; j++) {
            assert_memory_not_equal(id[i], id[j], KEY_BYTES);
        }
    }
    network_key_open(a, "public");
    network_key_open(b, "public");
    assert_memory_equal(a, b, KEY_BYTES);
    network_key_open(b, "other");
    assert_memory_not_equal(a, b, KEY_BYTES);
}

/* Both halves of a mapped key belong together, and a node id maps alone. */
static void
test_curve_keys_belong_together(void **state)
{
    uint8_t seed[KEY_BYTES] = {3}, pub[KEY_BYTES], sec[KEY_BYTES];
    uint8_t again[KEY_BYTES], zero[KEY_BYTES] = {0};
    struct identity id;

    (void)state;
    identity_from_seed(&id, seed);
    assert_int_equal(node_curve(pub, sec, id.secret), 0);
    crypto_scalarmult_base(again, sec);
    assert_memory_equal(pub, again, KEY_BYTES);
    assert_int_equal(node_curve_public(again, id.node_id), 0);
    assert_memory_equal(pub, again, KEY_BYTES);
    assert_int_equal(node_curve_public(again, zero), -1);
    network_curve(pub, sec, seed);
    crypto_scalarmult_base(again, sec);
    assert_memory_equal(pub, again, KEY_BYTES);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made_once_then_the_same),
        cmocka_unit_test(test_made_by_many_at_once),
        cmocka_unit_test(test_bad_files_are_refused_and_kept),
        cmocka_unit_test(test_other_owner_is_refused),
        cmocka_unit_test(test_derive_is_hkdf),
        cmocka_unit_test(test_networks_differ_in_key_and_constants),
        cmocka_unit_test(test_curve_keys_belong_together),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
