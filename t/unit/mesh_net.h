/*
 * t/unit/mesh_net.h: many meshes joined by modelled links, in virtual time.
 *
 * A link has a delay and two ordered ways, control and data, like the two
 * connections between daemons. Control is never lost while a link is up; a push
 * is lost with probability push_loss in 1000 (a full queue, a deadline), an
 * answer to IWANT with answer_loss. A link that breaks takes everything on it
 * along. Every link has a number of its own, as gossipd/link.h promises.
 *
 * A node answers each MESH_VALIDATE after a moment and then reports the message
 * as published too, as the daemon does from its log.
 */

#ifndef P2PFS_T_UNIT_MESH_NET_H
#define P2PFS_T_UNIT_MESH_NET_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gossipd/mesh.h"
#include "gossipd/rng.h"

#define NET_NODES_MAX 64
#define NET_LINKS_MAX 2048
#define NET_MESSAGES_MAX 512
#define NET_TOPIC "files"

struct net_link {
    int end[2]; /* [0] dialled */
    int up;
    unsigned delay_ms;
    uint64_t last[2][2]; /* arrival of the last frame: to end i, on way j */
    uint8_t pushed[2][NET_MESSAGES_MAX]; /* from end i */
};

/* Something that happens to a node at a time. */
struct net_item {
    uint64_t at;
    uint64_t order;
    int node;
    uint64_t boot; /* of the node: what was meant for an earlier run is lost */
    struct mesh_event e;
    struct p2pfs_hash ids[]; /* e.n_ids */
};

struct net_node {
    struct mesh *m; /* NULL: not running */
    uint64_t boot;
    uint64_t came[NET_MESSAGES_MAX]; /* 0: not here */
    unsigned copies;                 /* messages that arrived */
};

struct net {
    struct mesh_params p;
    uint64_t now;
    uint64_t trace; /* hash of every action of every node, in order */
    struct rng rng;
    unsigned push_loss, answer_loss;
    struct net_node node[NET_NODES_MAX];
    int n_nodes;
    struct net_link link[NET_LINKS_MAX]; /* [0] is not used */
    uint64_t n_links;
    uint64_t published[NET_MESSAGES_MAX];
    unsigned n_messages;
    uint64_t order;
    struct net_item **heap;
    size_t n_heap, heap_room;
    unsigned blamed[MESH_FAULT_FLOOD + 1];
    unsigned double_pushes; /* an id pushed unasked twice over a link */
};

static void net_act(struct net *s, int node, const struct mesh_event *e);

static struct p2pfs_hash
net_id(unsigned k)
{
    struct p2pfs_hash id = {{0}};

    memcpy(id.b, &k, sizeof(k));
    return id;
}

static unsigned
net_message(const struct p2pfs_hash *id)
{
    unsigned k;

    memcpy(&k, id->b, sizeof(k));
    assert_true(k < NET_MESSAGES_MAX);
    return k;
}

static int
net_before(const struct net_item *a, const struct net_item *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void
net_heap_up(struct net *s, size_t i)
{
    while (i > 0 && net_before(s->heap[i], s->heap[(i - 1) / 2])) {
        struct net_item *t = s->heap[i];

        s->heap[i] = s->heap[(i - 1) / 2];
        i = (i - 1) / 2;
        s->heap[i] = t;
    }
}

static struct net_item *
net_heap_pop(struct net *s)
{
    struct net_item *top = s->heap[0], *t = s->heap[--s->n_heap];
    size_t i = 0, c;

    for (;; i = c) {
        c = 2 * i + 1;
        if (c + 1 < s->n_heap && net_before(s->heap[c + 1], s->heap[c])) {
            c++;
        }
        if (c >= s->n_heap || !net_before(s->heap[c], t)) {
            break;
        }
        s->heap[i] = s->heap[c];
    }
    s->heap[i] = t;
    return top;
}

/* e and its ids are copied. */
static void
net_later(struct net *s, uint64_t at, int node, const struct mesh_event *e)
{
    struct net_item *it;

    it = malloc(sizeof(*it) + e->n_ids * sizeof(it->ids[0]));
    assert_non_null(it);
    it->at = at;
    it->order = s->order++;
    it->node = node;
    it->boot = s->node[node].boot;
    it->e = *e;
    if (e->n_ids > 0) {
        memcpy(it->ids, e->ids, e->n_ids * sizeof(it->ids[0]));
    }
    it->e.ids = it->ids;
    if (s->n_heap == s->heap_room) {
        s->heap_room = s->heap_room == 0 ? 1024 : 2 * s->heap_room;
        s->heap = realloc(s->heap, s->heap_room * sizeof(s->heap[0]));
        assert_non_null(s->heap);
    }
    s->heap[s->n_heap++] = it;
    net_heap_up(s, s->n_heap - 1);
}

static struct net *
net_new(int n_nodes, const struct mesh_params *p, uint64_t seed)
{
    struct net *s = calloc(1, sizeof(*s));

    assert_non_null(s);
    assert_true(n_nodes <= NET_NODES_MAX);
    assert_null(mesh_params_check(p));
    s->p = *p;
    s->n_nodes = n_nodes;
    s->now = 1000;
    rng_init(&s->rng, seed);
    return s;
}

static void
net_free(struct net *s)
{
    for (int i = 0; i < s->n_nodes; i++) {
        mesh_free(s->node[i].m);
    }
    while (s->n_heap > 0) {
        free(s->heap[--s->n_heap]);
    }
    free(s->heap);
    free(s);
}

static void
net_start(struct net *s, int node)
{
    struct net_node *n = &s->node[node];

    assert_null(n->m);
    n->boot++;
    assert_int_equal(mesh_new(&n->m, &s->p, rng_next(&s->rng)), P2PFS_OK);
    net_act(s, node,
        &(struct mesh_event){.kind = MESH_JOIN, .topic = NET_TOPIC});
}

/* Both ends notice after the delay of the link. */
static uint64_t
net_connect(struct net *s, int a, int b, unsigned delay_ms)
{
    uint64_t number = ++s->n_links;
    struct net_link *l = &s->link[number];

    assert_true(number < NET_LINKS_MAX);
    *l = (struct net_link){.end = {a, b}, .up = 1, .delay_ms = delay_ms};
    for (int i = 0; i < 2; i++) {
        net_act(s, l->end[i],
            &(struct mesh_event){.kind = MESH_PEER_UP,
                .peer = number,
                .outbound = i == 0});
    }
    return number;
}

static void
net_break(struct net *s, uint64_t number)
{
    struct net_link *l = &s->link[number];

    l->up = 0;
    for (int i = 0; i < 2; i++) {
        if (s->node[l->end[i]].m != NULL) {
            net_act(s, l->end[i],
                &(struct mesh_event){.kind = MESH_PEER_DOWN, .peer = number});
        }
    }
}

/* As after kill -9; what it had stored stays. */
static void
net_stop(struct net *s, int node)
{
    mesh_free(s->node[node].m);
    s->node[node].m = NULL;
    for (uint64_t i = 1; i <= s->n_links; i++) {
        if (s->link[i].up
            && (s->link[i].end[0] == node || s->link[i].end[1] == node)) {
            net_break(s, i);
        }
    }
}

/* The link that is up between two nodes, or 0. */
static uint64_t
net_between(const struct net *s, int a, int b)
{
    for (uint64_t i = 1; i <= s->n_links; i++) {
        const struct net_link *l = &s->link[i];

        if (l->up
            && ((l->end[0] == a && l->end[1] == b)
                || (l->end[0] == b && l->end[1] == a))) {
            return i;
        }
    }
    return 0;
}

/* Puts a frame on a link: in order on its way, or lost. */
static void
net_send(struct net *s, int from, const struct mesh_action *a,
    enum mesh_event_kind kind, int asked)
{
    struct net_link *l = &s->link[a->peer];
    int way = kind == MESH_RECEIVED, to = l->end[0] == from;
    unsigned loss = asked ? s->answer_loss : s->push_loss;
    struct mesh_event e = {.kind = kind,
        .peer = a->peer,
        .topic = NET_TOPIC,
        .backoff_ms = a->backoff_ms,
        .ids = a->ids,
        .n_ids = a->n_ids};
    uint64_t at = s->now + l->delay_ms + rng_below(&s->rng, 3);

    assert_true(a->n_ids <= MESH_IDS_MAX);
    assert_true(l->up);
    if (way && !asked) {
        s->double_pushes += l->pushed[!to][net_message(a->ids)]++;
    }
    if (way && rng_below(&s->rng, 1000) < loss) {
        return;
    }
    at = at < l->last[to][way] ? l->last[to][way] : at;
    l->last[to][way] = at;
    net_later(s, at, l->end[to], &e);
}

static void
net_trace(struct net *s, int node, const struct mesh_action *a)
{
    uint64_t words[4] = {(uint64_t)node << 32 | a->kind, a->peer, s->now,
        a->n_ids == 0 ? 0 : net_message(&a->ids[a->n_ids - 1])};

    for (int i = 0; i < 4; i++) {
        s->trace = (s->trace ^ words[i]) * 0x100000001b3u + a->n_ids;
    }
}

static void
net_validate(struct net *s, int node, const struct mesh_action *a)
{
    struct mesh_event e = {.kind = MESH_VERDICT, .ids = a->ids, .n_ids = 1};

    e.verdict = s->node[node].came[net_message(a->ids)] != 0 ? MESH_DUPLICATE
                                                             : MESH_ACCEPT;
    net_later(s, s->now + 1 + rng_below(&s->rng, 3), node, &e);
}

static void
net_do(struct net *s, int node, const struct mesh_action *a, int asked)
{
    net_trace(s, node, a);
    switch (a->kind) {
    case MESH_SEND_SUBSCRIBE: net_send(s, node, a, MESH_SUBSCRIBED, 0); break;
    case MESH_SEND_UNSUBSCRIBE:
        net_send(s, node, a, MESH_UNSUBSCRIBED, 0);
        break;
    case MESH_SEND_GRAFT: net_send(s, node, a, MESH_GRAFT, 0); break;
    case MESH_SEND_PRUNE: net_send(s, node, a, MESH_PRUNE, 0); break;
    case MESH_SEND_IHAVE: net_send(s, node, a, MESH_IHAVE, 0); break;
    case MESH_SEND_IWANT: net_send(s, node, a, MESH_IWANT, 0); break;
    case MESH_PUSH: net_send(s, node, a, MESH_RECEIVED, asked); break;
    case MESH_VALIDATE: net_validate(s, node, a); break;
    case MESH_BLAME: s->blamed[a->fault]++; break;
    }
}

/* A message is stored: from now on others may hear of it. */
static void
net_store(struct net *s, int node, const struct p2pfs_hash *id)
{
    struct mesh_event e = {.kind = MESH_PUBLISH,
        .topic = NET_TOPIC,
        .ids = id,
        .n_ids = 1};

    s->node[node].came[net_message(id)] = s->now;
    net_later(s, s->now + 1, node, &e);
}

static void
net_act(struct net *s, int node, const struct mesh_event *e)
{
    struct net_node *n = &s->node[node];
    const struct mesh_action *a;
    size_t n_actions;

    if (e->kind == MESH_RECEIVED) {
        n->copies++;
    }
    a = mesh_step(n->m, e, s->now, &n_actions);
    for (size_t i = 0; i < n_actions; i++) {
        net_do(s, node, &a[i], e->kind == MESH_IWANT);
    }
    if (e->kind == MESH_VERDICT && e->verdict == MESH_ACCEPT) {
        net_store(s, node, e->ids);
    }
}

/* The time of the next thing to do; *node is set where it is a tick. */
static uint64_t
net_next(const struct net *s, int *node)
{
    uint64_t at = s->n_heap == 0 ? UINT64_MAX : s->heap[0]->at, due;

    *node = -1;
    for (int i = 0; i < s->n_nodes; i++) {
        if (s->node[i].m == NULL) {
            continue;
        }
        due = mesh_deadline(s->node[i].m);
        if (due < at) {
            at = due;
            *node = i;
        }
    }
    return at;
}

static void
net_run(struct net *s, uint64_t ms)
{
    uint64_t end = s->now + ms, at;
    struct net_item *it;
    int node;

    while ((at = net_next(s, &node)) <= end) {
        s->now = at > s->now ? at : s->now;
        if (node >= 0) {
            net_act(s, node, &(struct mesh_event){.kind = MESH_TICK});
            continue;
        }
        it = net_heap_pop(s);
        if (s->node[it->node].m != NULL && s->node[it->node].boot == it->boot) {
            net_act(s, it->node, &it->e);
        }
        free(it);
    }
    s->now = end;
}

static unsigned
net_publish(struct net *s, int node)
{
    unsigned k = s->n_messages++;
    struct p2pfs_hash id = net_id(k);

    assert_true(k < NET_MESSAGES_MAX);
    s->published[k] = s->now;
    net_store(s, node, &id);
    return k;
}

static unsigned
net_neighbours(const struct net *s, int node)
{
    unsigned n = 0;

    for (uint64_t i = 1; i <= s->n_links; i++) {
        n += s->link[i].up
            && (s->link[i].end[0] == node || s->link[i].end[1] == node);
    }
    return n;
}

/* Pairs of a running node and a message from `first` on that it lacks. */
static unsigned
net_missing(const struct net *s, unsigned first)
{
    unsigned n = 0;

    for (int i = 0; i < s->n_nodes; i++) {
        for (unsigned k = first; k < s->n_messages; k++) {
            n += s->node[i].m != NULL && s->node[i].came[k] == 0;
        }
    }
    return n;
}

/* Links whose ends do not agree whether they are in each other's mesh. */
static unsigned
net_asymmetric(const struct net *s)
{
    unsigned n = 0;

    for (uint64_t i = 1; i <= s->n_links; i++) {
        const struct net_link *l = &s->link[i];

        n += l->up
            && mesh_has(s->node[l->end[0]].m, NET_TOPIC, i)
                != mesh_has(s->node[l->end[1]].m, NET_TOPIC, i);
    }
    return n;
}

/* The longest time that a message needed to a node, from `first` on. */
static uint64_t
net_slowest(const struct net *s, unsigned first)
{
    uint64_t max = 0, ms;

    for (int i = 0; i < s->n_nodes; i++) {
        for (unsigned k = first; k < s->n_messages; k++) {
            ms = s->node[i].came[k] - s->published[k];
            max = s->node[i].came[k] != 0 && ms > max ? ms : max;
        }
    }
    return max;
}

#endif
