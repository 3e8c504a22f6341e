/*
 * t/unit/broken_digest.h: an OpenSSL that fails on request. The program's own
 * EVP_DigestUpdate() stands before the one of libcrypto.
 */

#ifndef P2PFS_T_BROKEN_DIGEST_H
#define P2PFS_T_BROKEN_DIGEST_H

#include <dlfcn.h>

#include <openssl/evp.h>

static int digest_broken;

int
EVP_DigestUpdate(EVP_MD_CTX *ctx, const void *data, size_t len)
{
    int (*real)(EVP_MD_CTX *, const void *, size_t);

    *(void **)&real = dlsym(RTLD_NEXT, "EVP_DigestUpdate");

    return digest_broken ? 0 : real(ctx, data, len);
}

#endif
