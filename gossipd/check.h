/*
 * gossipd/check.h: `gossipd --check-store` and `gossipd --backup PATH`, both
 * beside a running daemon or without one. They print: findings and a summary on
 * stdout, progress and errors on stderr.
 */

#ifndef P2PFS_GOSSIPD_CHECK_H
#define P2PFS_GOSSIPD_CHECK_H

/*
 * SQLite's own integrity check, then everything that gossipd/audit.h looks at.
 * Returns the exit code: 0 sound, 1 not, or it cannot be read.
 */
int check_store(const char *db_path);

/*
 * A copy of the database as of the moment in which it begins, one file without
 * -wal and -shm, checked as above before it gets its name. An existing path is
 * an error. Returns the exit code: 0 or 1.
 *
 * It holds one read transaction, so what is written meanwhile stays in the WAL.
 */
int backup_store(const char *db_path, const char *to);

#endif
