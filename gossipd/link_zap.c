/*
 * gossipd/link_zap.c: the ZAP thread.
 */

#include "gossipd/link_zap.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "core/hex.h"
#include "gossipd/link_sock.h"

#define ADDRESS "inproc://zeromq.zap.01"
#define REQUEST_FRAMES 7 /* of a CURVE request */
#define REQUEST_ID_MAX 255

enum { F_VERSION, F_ID, F_DOMAIN, F_ADDRESS, F_ROUTING_ID, F_MECHANISM, F_KEY };

struct ban {
    uint8_t key[KEY_BYTES];
    uint64_t until;
};

struct link_zap {
    void *sock;
    pthread_t thread;
    uint8_t deny[KEY_BYTES];
    uint8_t (*allow)[KEY_BYTES];
    size_t n_allow;
    int restricted;
    pthread_mutex_t lock; /* of the bans */
    struct ban bans[ZAP_BANS_MAX];
};

struct request {
    zmq_msg_t frame[REQUEST_FRAMES];
    size_t n; /* frames there were, also above REQUEST_FRAMES */
};

/* -1: the context ends. Frames beyond the last known one are dropped. */
static int
receive(void *sock, struct request *r)
{
    zmq_msg_t extra; /* frames too many end up here, one after the other */
    int more = 1;
    size_t i;

    for (i = 0; i < REQUEST_FRAMES; i++) {
        zmq_msg_init(&r->frame[i]);
    }
    zmq_msg_init(&extra);
    for (r->n = 0; more; r->n++) {
        zmq_msg_t *m = r->n < REQUEST_FRAMES ? &r->frame[r->n] : &extra;
        int rc;

        do {
            rc = zmq_msg_recv(m, sock, 0);
        } while (rc < 0 && errno == EINTR); /* stopped and continued */
        if (rc < 0) {
            break;
        }
        more = zmq_msg_more(m);
    }
    zmq_msg_close(&extra);
    return more ? -1 : 0;
}

static int
frame_is(struct request *r, size_t i, const char *text)
{
    size_t len = strlen(text);

    return zmq_msg_size(&r->frame[i]) == len
        && memcmp(zmq_msg_data(&r->frame[i]), text, len) == 0;
}

static int
allowed(struct link_zap *z, const uint8_t *key)
{
    size_t i;

    if (memcmp(key, z->deny, KEY_BYTES) == 0
        || link_zap_banned(z, key, link_clock_ms())) {
        return 0;
    }
    for (i = 0; i < z->n_allow; i++) {
        if (memcmp(key, z->allow[i], KEY_BYTES) == 0) {
            return 1;
        }
    }
    return !z->restricted;
}

static void
answer(struct link_zap *z, struct request *r)
{
    const uint8_t *key = zmq_msg_data(&r->frame[F_KEY]);
    char user[2 * KEY_BYTES];
    int ok;

    ok = r->n == REQUEST_FRAMES && frame_is(r, F_VERSION, "1.0")
        && frame_is(r, F_DOMAIN, ZAP_DOMAIN)
        && frame_is(r, F_MECHANISM, "CURVE")
        && zmq_msg_size(&r->frame[F_KEY]) == KEY_BYTES && allowed(z, key);
    if (ok) {
        p2pfs_hex_encode(user, key, KEY_BYTES);
    }
    /* a failing send means that the context ends, which receive() will see */
    zmq_send(z->sock, "1.0", 3, ZMQ_SNDMORE);
    zmq_send(z->sock, zmq_msg_data(&r->frame[F_ID]),
        zmq_msg_size(&r->frame[F_ID]), ZMQ_SNDMORE);
    zmq_send(z->sock, ok ? "200" : "400", 3, ZMQ_SNDMORE);
    zmq_send(z->sock, ok ? "OK" : "refused", ok ? 2 : 7, ZMQ_SNDMORE);
    zmq_send(z->sock, user, ok ? sizeof(user) : 0, ZMQ_SNDMORE);
    zmq_send(z->sock, "", 0, 0);
}

static void *
run(void *ctx)
{
    struct link_zap *z = ctx;
    struct request r;
    int rc;

    do {
        size_t i;

        rc = receive(z->sock, &r);
        if (rc == 0) {
            answer(z, &r);
        }
        for (i = 0; i < REQUEST_FRAMES; i++) {
            zmq_msg_close(&r.frame[i]);
        }
    } while (rc == 0);
    zmq_close(z->sock);
    return NULL;
}

static int
copy_allow(struct link_zap *z, const uint8_t (*allow)[KEY_BYTES], size_t n)
{
    if (allow == NULL) {
        return 0;
    }
    z->restricted = 1;
    z->allow = calloc(n + 1, KEY_BYTES);
    if (z->allow == NULL) {
        return -1;
    }
    memcpy(z->allow, allow, n * KEY_BYTES);
    z->n_allow = n;
    return 0;
}

struct link_zap *
link_zap_start(void *context, const uint8_t (*allow)[KEY_BYTES], size_t n_allow,
    const uint8_t deny[KEY_BYTES])
{
    struct link_zap *z = calloc(1, sizeof(*z));
    int linger = 0;

    if (z == NULL) {
        return NULL;
    }
    pthread_mutex_init(&z->lock, NULL);
    memcpy(z->deny, deny, KEY_BYTES);
    if (copy_allow(z, allow, n_allow) != 0) {
        goto fail;
    }
    z->sock = zmq_socket(context, ZMQ_REP);
    if (z->sock == NULL) {
        goto fail;
    }
    zmq_setsockopt(z->sock, ZMQ_LINGER, &linger, sizeof(linger));
    if (zmq_bind(z->sock, ADDRESS) != 0
        || link_thread_start(&z->thread, run, z) != 0) {
        zmq_close(z->sock);
        goto fail;
    }
    return z;

fail:
    pthread_mutex_destroy(&z->lock);
    free(z->allow);
    free(z);
    return NULL;
}

void
link_zap_stop(struct link_zap *z)
{
    if (z == NULL) {
        return;
    }
    pthread_join(z->thread, NULL);
    pthread_mutex_destroy(&z->lock);
    free(z->allow);
    free(z);
}

void
link_zap_ban(struct link_zap *z, const uint8_t key[KEY_BYTES],
    uint64_t until_ms)
{
    struct ban *slot = &z->bans[0];
    size_t i;

    pthread_mutex_lock(&z->lock);
    for (i = 0; i < ZAP_BANS_MAX; i++) {
        if (memcmp(z->bans[i].key, key, KEY_BYTES) == 0) {
            slot = &z->bans[i];
            break;
        }
        if (z->bans[i].until < slot->until) {
            slot = &z->bans[i];
        }
    }
    memcpy(slot->key, key, KEY_BYTES);
    slot->until = until_ms;
    pthread_mutex_unlock(&z->lock);
}

int
link_zap_banned(struct link_zap *z, const uint8_t key[KEY_BYTES],
    uint64_t now_ms)
{
    int banned = 0;
    size_t i;

    pthread_mutex_lock(&z->lock);
    for (i = 0; i < ZAP_BANS_MAX && !banned; i++) {
        banned = z->bans[i].until > now_ms
            && memcmp(z->bans[i].key, key, KEY_BYTES) == 0;
    }
    pthread_mutex_unlock(&z->lock);
    return banned;
}
