/*
 * core/version.h: the version of all parts, which are built and released
 * together.
 */

#ifndef P2PFS_CORE_VERSION_H
#define P2PFS_CORE_VERSION_H

#define P2PFS_VERSION "0.1.0"

#endif
