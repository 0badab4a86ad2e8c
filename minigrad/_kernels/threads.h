/* Work in parts, done by several threads.
 *
 * Workers are made when they are first needed, and kept. Parts lie in a queue; whoever is free takes
 * the next one, the caller too. So the caller never waits for a worker to wake up: if all processors
 * are busy with something else, it has done all parts itself before anybody comes. The same where
 * there are no POSIX threads, or none to be had. Which thread does a part never matters for its
 * result, and parts share only what they read.
 *
 * Waking a sleeping processor takes longer (50 to 300 us were seen) than many a layer has to do. So
 * who waits, looks around for a moment before he goes to sleep: the next call of a training loop
 * usually comes at once. Meanwhile he offers the processor to any other thread, such as those of
 * NumPy's BLAS.
 *
 * Several threads of Python may call at the same time: their parts are in one queue. After a fork
 * the child has no workers, and makes its own. A signal reaches the workers through the watch of
 * their call (interrupt.h).
 */
#ifndef MINIGRAD_THREADS_H
#define MINIGRAD_THREADS_H

#include <stddef.h>

#include "interrupt.h"

#define MOST_PARTS 256

typedef void (*part_function)(void *job, ptrdiff_t part);

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>

#define LOOK_AROUND_NS 200000

/* One call. It lives on the caller's stack: nobody touches it after its last part is finished. */
typedef struct shared_work {
    part_function run;
    void *job;
    watch *watch;
    ptrdiff_t next, parts;
    unsigned unfinished;
    struct shared_work *after; /* in the queue */
} shared_work;

/* All of it, and all calls in the queue, are read and written with the lock held. Only `posted` and
 * `unfinished` are also looked at without. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t work_came, part_done;
    shared_work *queue; /* calls with parts that nobody has taken */
    unsigned posted;    /* how many calls there were */
    ptrdiff_t workers;
    int knows_forks;
} pool = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER,
          NULL, 0, 0, 0};

static void after_fork_in_child(void) {
    const pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    const pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
    pool.lock = lock;
    pool.work_came = pool.part_done = cond;
    pool.queue = NULL;
    pool.workers = 0;
}

/* Wait, with the lock held before and after, until *value is not `seen` any more; with a watch, at
 * most until it may be time to ask for signals. */
static void wait_for_change(
    const unsigned *value, unsigned seen, pthread_cond_t *cond, const watch *watch) {
    struct timespec start, now;
    pthread_mutex_unlock(&pool.lock);
    clock_gettime(CLOCK_MONOTONIC, &start);
    do {
        int i;
        for (i = 0; i < 100 && __atomic_load_n(value, __ATOMIC_ACQUIRE) == seen; i++) {
#if defined(__x86_64__) || defined(__i386__)
            __builtin_ia32_pause();
#endif
        }
        if (i < 100) break;
        sched_yield();
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((now.tv_sec - start.tv_sec) * 1000000000L + now.tv_nsec - start.tv_nsec
             < LOOK_AROUND_NS);
    pthread_mutex_lock(&pool.lock);
    if (watch != NULL && *value == seen) {
        timespec_get(&now, TIME_UTC);
        now.tv_nsec += LOOK_NS;
        if (now.tv_nsec >= 1000000000L) {
            now.tv_nsec -= 1000000000L;
            now.tv_sec++;
        }
        pthread_cond_timedwait(cond, &pool.lock, &now);
    } else {
        while (*value == seen) pthread_cond_wait(cond, &pool.lock);
    }
}

/* Take the next part of a call and do it; with the lock held before and after. */
static void do_part(shared_work *w) {
    const ptrdiff_t part = w->next++;
    if (w->next == w->parts) { /* nothing left to take */
        shared_work **place = &pool.queue;
        while (*place != w) place = &(*place)->after;
        *place = w->after;
    }
    pthread_mutex_unlock(&pool.lock);
    join_watch(w->watch);
    w->run(w->job, part);
    leave_watch(w->watch);
    pthread_mutex_lock(&pool.lock);
    __atomic_store_n(&w->unfinished, w->unfinished - 1, __ATOMIC_RELEASE);
    pthread_cond_broadcast(&pool.part_done);
}

static void *work_forever(void *unused) {
    (void)unused;
    flush_denormals();
    pthread_mutex_lock(&pool.lock);
    for (;;) {
        if (pool.queue != NULL)
            do_part(pool.queue);
        else
            wait_for_change(&pool.posted, pool.posted, &pool.work_came, NULL);
    }
    return NULL;
}

/* Signals are for the threads of Python. */
static void make_worker(void) {
    sigset_t all, before;
    pthread_t thread;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&thread, NULL, work_forever, NULL) == 0) {
        pthread_detach(thread);
        pool.workers++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* run(job, part) for all parts; returns when all are done, or have stopped as the watch says. */
static inline void run_parts(part_function run, void *job, ptrdiff_t parts, watch *watch) {
    shared_work w = {run, job, watch, 0, parts, (unsigned)parts, NULL};
    shared_work **place = &pool.queue;
    if (parts <= 1) {
        if (parts == 1) run(job, 0);
        return;
    }
    pthread_mutex_lock(&pool.lock);
    if (!pool.knows_forks) {
        pthread_atfork(NULL, NULL, after_fork_in_child);
        pool.knows_forks = 1;
    }
    while (*place != NULL) place = &(*place)->after;
    *place = &w;
    __atomic_store_n(&pool.posted, pool.posted + 1, __ATOMIC_RELEASE);
    pthread_cond_broadcast(&pool.work_came);
    while (pool.workers < parts - 1) {
        const ptrdiff_t workers = pool.workers;
        make_worker();
        if (pool.workers == workers) break; /* there are no more to be had */
    }
    while (w.next < w.parts) do_part(&w);
    while (w.unfinished > 0) {
        wait_for_change(&w.unfinished, w.unfinished, &pool.part_done, watch);
        if (w.unfinished > 0) { /* a handler may call a kernel itself, so without the lock */
            pthread_mutex_unlock(&pool.lock);
            ask_for_signals(watch);
            pthread_mutex_lock(&pool.lock);
        }
    }
    pthread_mutex_unlock(&pool.lock);
}
#else
static inline void run_parts(part_function run, void *job, ptrdiff_t parts, watch *watch) {
    ptrdiff_t part;
    (void)watch;
    for (part = 0; part < parts; part++) run(job, part);
}
#endif

#endif
