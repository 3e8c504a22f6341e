/*
 * gossipd/config_int.h: between config.c (where values come from) and
 * config_value.c (what names and values there are).
 */

#ifndef P2PFS_GOSSIPD_CONFIG_INT_H
#define P2PFS_GOSSIPD_CONFIG_INT_H

#include "gossipd/config.h"

#define CONFIG_NAMES_MAX 64 /* room for all names; config_find: not found */

/* Index of a name, or CONFIG_NAMES_MAX; - and _ are the same in it. */
size_t config_find(const char *name, size_t len);

/* May the name be repeated? */
int config_is_list(size_t i);
void config_clear_list(struct config *c, size_t i);

/* USAGE: not a value of this name. LIMIT: one too many. NO_MEMORY. */
enum p2pfs_err config_set(struct config *c, size_t i, const char *text)
    P2PFS_MUST_CHECK;

/* Numbers before any source, and paths after all of them. */
void config_numbers(struct config *c);
enum p2pfs_err config_fill(struct config *c) P2PFS_MUST_CHECK;

#endif
