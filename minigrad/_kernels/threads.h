/* Work in parts, done by several threads.
 *
 * Threads are made for one call and end with it. That costs some 20 us a thread, which
 * `number_of_parts` keeps small beside the work, and buys that there is nothing to take care of: no
 * pool that a fork would leave without its threads, no queue for several Python threads to wait at,
 * nobody spinning while NumPy's BLAS wants the processor. Parts share only what they read.
 *
 * Whoever is free takes the next part, the caller too. Where all processors are busy with something
 * else, a new thread may not run before the work is done; then the caller has done it all, and does
 * not wait for that thread: it comes, finds nothing left, and goes. So does the caller do it all
 * where there are no POSIX threads, or none to be had. Which thread does a part never matters for
 * its result.
 */
#ifndef MINIGRAD_THREADS_H
#define MINIGRAD_THREADS_H

#include <stddef.h>
#include <stdlib.h>

#define MOST_PARTS 256

typedef void (*part_function)(void *job, ptrdiff_t part);

static inline void run_one_after_the_other(part_function run, void *job, ptrdiff_t parts) {
    ptrdiff_t i;
    for (i = 0; i < parts; i++) run(job, i);
}

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>

/* Lives until the last of its threads has gone, which may be after the call: all that is below the
 * lock is read and written with the lock held. */
typedef struct {
    part_function run;
    void *job;
    pthread_mutex_t lock;
    pthread_cond_t all_done;
    ptrdiff_t next, parts, unfinished, users;
} shared_work;

static void take_parts(shared_work *w) {
    ptrdiff_t part;
    pthread_mutex_lock(&w->lock);
    while (w->next < w->parts) {
        part = w->next++;
        pthread_mutex_unlock(&w->lock);
        w->run(w->job, part);
        pthread_mutex_lock(&w->lock);
        if (--w->unfinished == 0) pthread_cond_signal(&w->all_done);
    }
    pthread_mutex_unlock(&w->lock);
}

static void leave(shared_work *w) {
    ptrdiff_t users;
    pthread_mutex_lock(&w->lock);
    users = --w->users;
    pthread_mutex_unlock(&w->lock);
    if (users > 0) return;
    pthread_cond_destroy(&w->all_done);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

static void *work_in_thread(void *argument) {
    shared_work *w = (shared_work *)argument;
    take_parts(w);
    leave(w);
    return NULL;
}

/* run(job, part) for all parts; returns when all are done. */
static inline void run_parts(part_function run, void *job, ptrdiff_t parts) {
    shared_work *w = parts > 1 ? (shared_work *)malloc(sizeof *w) : NULL;
    pthread_t thread;
    ptrdiff_t i;
    if (w == NULL) {
        run_one_after_the_other(run, job, parts);
        return;
    }
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->all_done, NULL);
    w->run = run;
    w->job = job;
    w->next = 0;
    w->parts = w->unfinished = w->users = parts;
    for (i = 1; i < parts; i++) {
        if (pthread_create(&thread, NULL, work_in_thread, w) == 0)
            pthread_detach(thread);
        else
            leave(w); /* in its place */
    }
    take_parts(w);
    pthread_mutex_lock(&w->lock);
    while (w->unfinished > 0) pthread_cond_wait(&w->all_done, &w->lock);
    pthread_mutex_unlock(&w->lock);
    leave(w);
}
#else
#define run_parts run_one_after_the_other
#endif

#endif
