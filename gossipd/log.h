/*
 * gossipd/log.h: log lines with levels, to stderr or a file.
 *
 *     2026-01-31T12:00:00.123Z info link: peer=3f2a.. up dir=out
 *
 * One line per call, written by one write(2), so threads may share a log. Text
 * is lower case, the failing act first, the subject quoted, no full stop.
 * Bytes from outside go through log_escape first. Keys are never logged.
 */

#ifndef P2PFS_GOSSIPD_LOG_H
#define P2PFS_GOSSIPD_LOG_H

#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

struct log; /* may be used by several threads */

/* path NULL: stderr. -1 with errno where the file cannot be opened. */
int log_open(struct log **out, const char *path, enum log_level level);
void log_close(struct log *l); /* takes NULL */
void log_set_level(struct log *l, enum log_level level);
int log_enabled(const struct log *l, enum log_level level);
int log_reopen(struct log *l); /* the same path again (SIGUSR1); 0 or -1 */

/* l NULL: nothing happens (tests). */
void log_write(struct log *l, enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define log_error(l, ...) log_write(l, LOG_ERROR, __VA_ARGS__)
#define log_warn(l, ...) log_write(l, LOG_WARN, __VA_ARGS__)
#define log_info(l, ...) log_write(l, LOG_INFO, __VA_ARGS__)
#define log_debug(l, ...)                                                      \
    do {                                                                       \
        if (log_enabled(l, LOG_DEBUG)) {                                       \
            log_write(l, LOG_DEBUG, __VA_ARGS__);                              \
        }                                                                      \
    } while (0)

/*
 * For lines that others can cause: `burst` of them at once, then one for each
 * every_ms. Time is the caller's; all zero but these two it is ready.
 */
struct log_rate {
    unsigned burst;
    unsigned every_ms;
    unsigned used;
    uint64_t since_ms; /* up to here `used` has been lowered */
    unsigned held_back;
};

/* 1: log it; *held_back lines were not, since the last that was. */
int log_rate_take(struct log_rate *r, uint64_t now_ms, unsigned *held_back);

/* Printable ASCII as it is, the rest as \xNN; always NUL-terminated. */
const char *log_escape(char *out, size_t room, const void *data, size_t len);

#endif
