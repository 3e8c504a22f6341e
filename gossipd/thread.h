/*
 * gossipd/thread.h: threads that no signal is delivered to, and waiting with a
 * deadline of the monotonic clock.
 */

#ifndef P2PFS_GOSSIPD_THREAD_H
#define P2PFS_GOSSIPD_THREAD_H

#include <stdint.h>

#include <pthread.h>

/* 0, or an errno value. Signals stay with the threads that there were. */
int thread_start(pthread_t *thread, void *(*run)(void *), void *arg);

/* A condition variable for thread_wait_until. 0, or an errno value. */
int thread_cond_init(pthread_cond_t *cond);

/* Microseconds of the monotonic clock. */
uint64_t thread_now_us(void);

/* Waits until signalled or until that time: 0, or ETIMEDOUT. */
int thread_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex,
    uint64_t deadline_us);

#endif
