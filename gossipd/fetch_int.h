/*
 * gossipd/fetch_int.h: what the files of fetch share.
 *
 * fetch.c         events in, actions out, peers, timers
 * fetch_want.c    the table of wants: who offers, who waits, how one ends
 * fetch_pull.c    the bytes of a want: who is asked, ranges, assembly
 * fetch_stored.c  what the store's answer means for a want
 * fetch_log.c     reading a peer's log
 *
 * A want is made by an offer or by rows of pages; rows of several peers may
 * wait for one want. It ends stored, refused or dropped, and only then do its
 * rows learn of it. Whatever an action may point to (wants, pages, peers) is
 * buried first and freed with the next step.
 */

#ifndef P2PFS_GOSSIPD_FETCH_INT_H
#define P2PFS_GOSSIPD_FETCH_INT_H

#include "core/hash.h"
#include "gossipd/fetch.h"
#include "gossipd/rng.h"

#define NEVER UINT64_MAX
#define PROVIDERS_MAX 8
#define PAGES_AHEAD_MAX 2 /* pages of a peer being fetched */
#define PAGES_HELD_MAX 32 /* pages that were read past a missing record */
#define PASS_ROUNDS 4     /* then the reading goes on behind the record */
#define DROP_ROUNDS 6     /* then a want that no page waits for is dropped */
#define BUSY_MAX 16       /* busy answers in one attempt */

struct peer;
struct want;

struct grave {
    struct grave *next;
};

enum row_state {
    ROW_ASKED,   /* is it missing? The caller was asked */
    ROW_MISSING, /* no want yet */
    ROW_WAITING, /* for row->want */
    ROW_SETTLED  /* stored, known or refused */
};

struct row {
    struct fetch_row r;
    enum row_state state;
    struct peer *peer;
    struct want *want;
    struct row *next; /* that waits for the same want */
};

struct page {
    struct grave grave;
    struct page *next; /* with higher numbers */
    uint64_t after;
    int passed;            /* every row is settled or its want passed */
    int versions_held;     /* version rows wait for the files before them */
    uint64_t check_until;  /* NEVER: no check outstanding */
    struct fetch_row *ask; /* rows of that check; room for all */
    size_t n_ask;
    size_t n;
    struct row row[];
};

struct peer {
    struct grave grave;
    uint64_t number;
    uint8_t node_id[32];

    uint8_t epoch[STORE_EPOCH_BYTES];
    int has_epoch;
    uint64_t saved;     /* the cursor, as the caller last heard it */
    uint64_t read;      /* pages up to here are in `pages` or done */
    uint64_t told;      /* head, by the last Ping */
    struct page *pages; /* in order, those with rows that are not settled */
    int asked;          /* LogGet outstanding */
    uint64_t asked_until;
    uint64_t next_at; /* when to ask for the next page; NEVER */
    unsigned log_fails;
    int dirty;   /* a row changed */
    int starved; /* a row found no room in the table of wants */

    unsigned requests;    /* outstanding */
    size_t bytes;         /* outstanding */
    uint64_t heard_at;    /* last Data */
    uint64_t pause_until; /* it said busy */
    int blocked;          /* in one scheduling pass: nobody overtakes */
    size_t offers;        /* wants that came by its offers */
};

enum want_state {
    WANT_READY, /* to be started */
    WANT_FETCHING,
    WANT_STORING, /* until FETCH_STORED */
    WANT_RESTING  /* until due */
};

enum range_state { RANGE_FREE, RANGE_ASKED, RANGE_AGAIN };

struct range {
    enum range_state state;
    uint64_t request;
    uint64_t offset;
    uint32_t length;
    uint64_t sent_at;
};

/* Each has its own size: only one can be true, but not the first heard. */
struct provider {
    struct peer *peer;
    uint64_t size;
    int tried; /* in this round */
};

struct want {
    struct grave grave;
    struct p2pfs_hash id;
    struct p2pfs_record record;
    size_t slot;
    enum want_state state;
    struct provider from[PROVIDERS_MAX];
    unsigned n_from;
    struct peer *offered_by; /* counted in its offers; NULL */
    struct row *rows;        /* that wait */
    unsigned rounds;         /* all providers tried, in vain */
    int passed;
    uint64_t due; /* RESTING */
    uint64_t tag; /* STORING */

    struct peer *peer; /* FETCHING from, STORING what came from; NULL
                                where it left */
    uint64_t size;
    uint64_t next; /* first offset not asked for */
    uint64_t got;  /* bytes */
    unsigned busies;
    struct range range[FETCH_WINDOW];
    uint8_t *data;
    struct p2pfs_proof proof;

    struct want *chain; /* same bucket */
    int queued;         /* in todo */
    struct want *prev;
    struct want *after;
};

struct fetch {
    struct fetch_params params;
    struct p2pfs_hasher *hasher;
    struct rng rng;
    uint64_t salt; /* of the bucket of an id */

    struct fetch_action *action;
    size_t n_actions;
    size_t actions_room;
    struct grave *graves;

    struct peer **peer;
    size_t n_peers;

    struct want **slot; /* wants_max of them; NULL: free */
    struct want **bucket;
    size_t n_buckets; /* power of two */
    size_t n_wants;
    size_t next_slot; /* where to look for a free one */
    size_t n_passed;
    size_t n_running;  /* FETCHING and STORING */
    struct want *todo; /* READY, and FETCHING with ranges to ask for */
    struct want *todo_last;
    size_t bytes;
    uint64_t serial;

    int full;
    uint64_t full_until;
    unsigned full_tries;

    uint64_t deadline;
    struct fetch_stats stats;
};

/* fetch.c. act: NULL where memory ran out; then nothing has happened. */
struct fetch_action *fetch_act(struct fetch *f, enum fetch_action_kind kind,
    struct peer *p);
void fetch_blame(struct fetch *f, struct peer *p, const char *reason);
void fetch_bury(struct fetch *f, struct grave *g);
uint64_t fetch_backoff(struct fetch *f, unsigned tries);
uint64_t fetch_number(struct fetch *f, size_t slot);

/* fetch_want.c */
struct want *want_of_number(struct fetch *f, uint64_t number);

/* Finds or makes it and adds the provider; NULL: no room. */
struct want *want_add(struct fetch *f, const struct p2pfs_record *r,
    struct peer *p, uint64_t size);
void want_offer(struct fetch *f, struct peer *p, const struct p2pfs_record *r,
    uint64_t size);
int want_within_limits(const struct fetch *f, const struct p2pfs_record *r,
    uint64_t size);
void want_queue(struct fetch *f, struct want *w);
void want_unqueue(struct fetch *f, struct want *w);
void want_attach(struct want *w, struct row *row);
void want_detach(struct row *row);

/* Ends: rows are settled. Drop: rows are missing again. */
void want_end(struct fetch *f, struct want *w);
void want_drop(struct fetch *f, struct want *w);

/* Is there a provider left in this round, other than `but`? */
int want_untried(const struct want *w, const struct peer *but);

/*
 * next: the provider did not deliver; another one, or the round is over.
 * round: it is over; a rest that grows with the rounds, or the end.
 * rest: for ms, then with all providers again. Without any: dropped.
 */
void want_next(struct fetch *f, struct want *w, uint64_t now);
void want_round(struct fetch *f, struct want *w, uint64_t now);
void want_rest(struct fetch *f, struct want *w, uint64_t ms, uint64_t now);
void want_lose_peer(struct fetch *f, struct want *w, struct peer *p,
    uint64_t now);

/* fetch_pull.c */
void pull_data(struct fetch *f, struct peer *p, const struct fetch_event *e,
    uint64_t now);

/* Forgets what was asked and what came; the want is READY, not queued. */
void pull_stop(struct fetch *f, struct want *w);
void pull_run(struct fetch *f, uint64_t now); /* asks for what may be */
void pull_expire(struct fetch *f, struct want *w, uint64_t now);
uint64_t pull_deadline(const struct fetch *f, const struct want *w);

/* fetch_stored.c */
void stored_answer(struct fetch *f, const struct fetch_event *e, uint64_t now);

/* fetch_log.c */
void log_head_told(struct fetch *f, struct peer *p, const struct fetch_event *e,
    uint64_t now);
void log_page(struct fetch *f, struct peer *p, const struct fetch_event *e,
    uint64_t now);
void log_checked(struct fetch *f, struct peer *p, const struct fetch_event *e);

/* Lets go of all pages; wants stay, as offers. */
void log_forget(struct fetch *f, struct peer *p);
void log_run(struct fetch *f, struct peer *p, uint64_t now);
void log_expire(struct fetch *f, struct peer *p, uint64_t now);
uint64_t log_deadline(const struct peer *p, uint64_t now);
int log_caught_up(const struct peer *p);

#endif
