/*
 * gossipd/identity.c: key files, and the keys derived from them.
 */

#include "gossipd/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/hex.h"

#define FILE_BYTES (2 * KEY_BYTES + 1)

static const char net_info[] = "p2pfs net 1";
static const char server_info[] = "p2pfs server 1";
static const char open_info[] = "p2pfs open network 1";

static enum p2pfs_err
fail(char *detail, size_t room, const char *act, const char *path,
    const char *why)
{
    snprintf(detail, room, "%s \"%s\": %s", act, path, why);
    return P2PFS_IO;
}

/* NULL, or what is wrong with the file behind the descriptor. */
static const char *
check_file(int fd)
{
    struct stat st;

    if (fstat(fd, &st) != 0) {
        return strerror(errno);
    }
    if (!S_ISREG(st.st_mode)) {
        return "not a regular file";
    }
    if (st.st_uid != geteuid()) {
        return "it belongs to another user; chown it to the one that runs"
               " gossipd";
    }
    if ((st.st_mode & 07177) != 0) {
        return "others may read or change it; chmod it to 0600";
    }
    if (st.st_size != FILE_BYTES) {
        return "not 64 hex digits and a newline; restore it from a backup";
    }
    return NULL;
}

static enum p2pfs_err
read_key(int fd, uint8_t out[KEY_BYTES], const char *path, char *detail,
    size_t room)
{
    char text[FILE_BYTES];
    const char *why = check_file(fd);
    enum p2pfs_err err = P2PFS_OK;

    if (why != NULL) {
        return fail(detail, room, "using key", path, why);
    }
    if (read(fd, text, sizeof(text)) != (ssize_t)sizeof(text)) {
        err = fail(detail, room, "reading key", path, "short read");
    } else if (text[FILE_BYTES - 1] != '\n'
        || p2pfs_hex_decode(out, text, 2 * KEY_BYTES) != P2PFS_OK) {
        err = fail(detail, room, "reading key", path,
            "not 64 hex digits and a newline; restore it from a backup");
    }
    sodium_memzero(text, sizeof(text));
    return err;
}

/* The new name is on disk only when its directory is. */
static int
sync_directory(const char *path)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path);
    int fd, rc;

    if (len >= sizeof(dir)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (slash == NULL) {
        dir[0] = '.';
        len = 1;
    } else if (len == 0) {
        dir[0] = '/';
        len = 1;
    } else {
        memcpy(dir, path, len);
    }
    dir[len] = '\0';
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    rc = fsync(fd);
    close(fd);
    return rc;
}

/* A new key into the file that is open, and to the disk. */
static int
write_key(int fd)
{
    uint8_t key[KEY_BYTES];
    char text[FILE_BYTES];
    int rc;

    randombytes_buf(key, sizeof(key));
    p2pfs_hex_encode(text, key, sizeof(key));
    text[FILE_BYTES - 1] = '\n';
    rc =
        write(fd, text, sizeof(text)) == (ssize_t)sizeof(text) ? fsync(fd) : -1;
    sodium_memzero(key, sizeof(key));
    sodium_memzero(text, sizeof(text));
    return rc;
}

/*
 * The file gets its name when it is whole and on disk: what a crash leaves is
 * never half a key, which nothing would replace. link() decides who makes it
 * where two start at once; the other takes what the first one made.
 */
static enum p2pfs_err
create_key(const char *path, char *detail, size_t room)
{
    char partial[PATH_MAX];
    enum p2pfs_err err = P2PFS_OK;
    int fd;

    if (snprintf(partial, sizeof(partial), "%s.XXXXXX", path)
        >= (int)sizeof(partial)) {
        return fail(detail, room, "creating key", path, "the path is too long");
    }
    fd = mkostemp(partial, O_CLOEXEC); /* mode 0600 */
    if (fd < 0) {
        return fail(detail, room, "creating key", path, strerror(errno));
    }
    if (write_key(fd) != 0 || (link(partial, path) != 0 && errno != EEXIST)
        || sync_directory(path) != 0) {
        err = fail(detail, room, "writing key", path, strerror(errno));
    }
    (void)unlink(partial);
    close(fd);
    return err;
}

static int
open_key(const char *path)
{
    return open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

enum p2pfs_err
network_key_load(uint8_t out[KEY_BYTES], const char *path,
    enum key_missing missing, char *detail, size_t detail_room)
{
    enum p2pfs_err err;
    int fd;

    if (sodium_init() < 0) {
        return fail(detail, detail_room, "using key", path, "no randomness");
    }
    fd = open_key(path);
    if (fd < 0 && errno == ENOENT && missing == KEY_CREATE) {
        err = create_key(path, detail, detail_room);
        if (err != P2PFS_OK) {
            return err;
        }
        fd = open_key(path);
    }
    if (fd < 0) {
        return fail(detail, detail_room, "opening key", path,
            errno == ELOOP ? "it is a symbolic link" : strerror(errno));
    }
    err = read_key(fd, out, path, detail, detail_room);
    close(fd);
    return err;
}

enum p2pfs_err
identity_load(struct identity *out, const char *path, enum key_missing missing,
    char *detail, size_t detail_room)
{
    uint8_t seed[KEY_BYTES];
    enum p2pfs_err err;

    err = network_key_load(seed, path, missing, detail, detail_room);
    if (err == P2PFS_OK) {
        identity_from_seed(out, seed);
    }
    sodium_memzero(seed, sizeof(seed));
    return err;
}

void
identity_from_seed(struct identity *out, const uint8_t seed[KEY_BYTES])
{
    crypto_sign_seed_keypair(out->node_id, out->secret, seed);
}

void
identity_wipe(struct identity *id)
{
    sodium_memzero(id->secret, sizeof(id->secret));
}

/* info in two pieces */
static void
derive(uint8_t out[KEY_BYTES], const void *secret, size_t secret_len,
    const void *info, size_t info_len, const void *more, size_t more_len)
{
    static const uint8_t no_salt[KEY_BYTES];
    static const uint8_t first_block = 1;
    crypto_auth_hmacsha256_state st;
    uint8_t prk[crypto_auth_hmacsha256_BYTES];

    crypto_auth_hmacsha256_init(&st, no_salt, sizeof(no_salt));
    crypto_auth_hmacsha256_update(&st, secret, secret_len);
    crypto_auth_hmacsha256_final(&st, prk);
    crypto_auth_hmacsha256_init(&st, prk, sizeof(prk));
    crypto_auth_hmacsha256_update(&st, info, info_len);
    crypto_auth_hmacsha256_update(&st, more, more_len);
    crypto_auth_hmacsha256_update(&st, &first_block, 1);
    crypto_auth_hmacsha256_final(&st, out);
    sodium_memzero(&st, sizeof(st));
    sodium_memzero(prk, sizeof(prk));
}

void
key_derive(uint8_t out[KEY_BYTES], const void *secret, size_t secret_len,
    const void *info, size_t info_len)
{
    derive(out, secret, secret_len, info, info_len, NULL, 0);
}

void
network_key_open(uint8_t out[KEY_BYTES], const char *name)
{
    key_derive(out, name, strlen(name), open_info, sizeof(open_info) - 1);
}

void
network_id(uint8_t out[KEY_BYTES], const uint8_t network_key[KEY_BYTES],
    const void *constants, size_t constants_len)
{
    derive(out, network_key, KEY_BYTES, net_info, sizeof(net_info) - 1,
        constants, constants_len);
}

void
network_curve(uint8_t pub[KEY_BYTES], uint8_t secret[KEY_BYTES],
    const uint8_t network_key[KEY_BYTES])
{
    key_derive(secret, network_key, KEY_BYTES, server_info,
        sizeof(server_info) - 1);
    crypto_scalarmult_base(pub, secret);
}

int
node_curve(uint8_t pub[KEY_BYTES], uint8_t secret[KEY_BYTES],
    const uint8_t node_secret[NODE_SECRET_BYTES])
{
    crypto_sign_ed25519_sk_to_curve25519(secret, node_secret);
    return node_curve_public(pub, node_secret + KEY_BYTES);
}

int
node_curve_public(uint8_t pub[KEY_BYTES], const uint8_t node_id[KEY_BYTES])
{
    return crypto_sign_ed25519_pk_to_curve25519(pub, node_id) == 0 ? 0 : -1;
}
