/* Work in parts, done by several threads.
 *
 * Workers are made when they are first needed, and kept. Parts lie in a queue; whoever is free takes
 * the next one, the caller too. So the caller never waits for a worker to wake up: if all processors
 * are busy with something else, it has done all parts itself before anybody comes. The same where
 * there are no threads to be had, neither POSIX's nor those of Windows. Which thread does a part
 * never matters for its result, and parts share only what they read.
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

/* Spelled in two ways: a lock, a condition to wait for with the lock held, and little more. */
#if defined(_WIN32)
#define HAS_THREADS
#include <process.h>

typedef SRWLOCK lock_type;
typedef CONDITION_VARIABLE condition;
#define NEW_LOCK SRWLOCK_INIT
#define NEW_CONDITION CONDITION_VARIABLE_INIT
#define lock_it AcquireSRWLockExclusive
#define unlock_it ReleaseSRWLockExclusive
#define wake_all WakeAllConditionVariable
#define give_way SwitchToThread
static void wait_for(condition *c, lock_type *lock) {
    SleepConditionVariableSRW(c, lock, INFINITE, 0);
}
static void wait_a_while(condition *c, lock_type *lock) {
    SleepConditionVariableSRW(c, lock, LOOK_NS / 1000000, 0);
}

#elif defined(__unix__) || defined(__APPLE__)
#define HAS_THREADS
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>

typedef pthread_mutex_t lock_type;
typedef pthread_cond_t condition;
#define NEW_LOCK PTHREAD_MUTEX_INITIALIZER
#define NEW_CONDITION PTHREAD_COND_INITIALIZER
#define lock_it pthread_mutex_lock
#define unlock_it pthread_mutex_unlock
#define wake_all pthread_cond_broadcast
#define give_way sched_yield
#define wait_for pthread_cond_wait
static void wait_a_while(condition *c, lock_type *lock) {
    struct timespec end;
    timespec_get(&end, TIME_UTC);
    end.tv_nsec += LOOK_NS;
    if (end.tv_nsec >= 1000000000L) {
        end.tv_nsec -= 1000000000L;
        end.tv_sec++;
    }
    pthread_cond_timedwait(c, lock, &end);
}
#endif

/* A number that others may be changing, without the lock. */
#if defined(_MSC_VER)
#define load_count(place) (*(volatile const unsigned *)(place))
#define store_count(place, value) (*(volatile unsigned *)(place) = (value))
#else
#define load_count(place) __atomic_load_n(place, __ATOMIC_ACQUIRE)
#define store_count(place, value) __atomic_store_n(place, value, __ATOMIC_RELEASE)
#endif

#if defined(HAS_THREADS)
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
    lock_type lock;
    condition work_came, part_done;
    shared_work *queue; /* calls with parts that nobody has taken */
    unsigned posted;    /* how many calls there were */
    ptrdiff_t workers;
    int knows_forks;
} pool = {NEW_LOCK, NEW_CONDITION, NEW_CONDITION, NULL, 0, 0, 0};

#if !defined(_WIN32)
static void after_fork_in_child(void) {
    const lock_type lock = NEW_LOCK;
    const condition none = NEW_CONDITION;
    pool.lock = lock;
    pool.work_came = pool.part_done = none;
    pool.queue = NULL;
    pool.workers = 0;
}
#endif

/* Wait, with the lock held before and after, until *value is not `seen` any more; with a watch, at
 * most until it may be time to ask for signals. */
static void wait_for_change(
    const unsigned *value, unsigned seen, condition *changed, const watch *watch) {
    int64_t start;
    unlock_it(&pool.lock);
    start = nanoseconds();
    do {
        int i;
        for (i = 0; i < 100 && load_count(value) == seen; i++) {
#if defined(_M_X64) || defined(_M_IX86)
            _mm_pause();
#elif defined(__x86_64__) || defined(__i386__)
            __builtin_ia32_pause();
#endif
        }
        if (i < 100) break;
        give_way();
    } while (nanoseconds() - start < LOOK_AROUND_NS);
    lock_it(&pool.lock);
    if (watch != NULL && *value == seen) {
        wait_a_while(changed, &pool.lock);
    } else {
        while (*value == seen) wait_for(changed, &pool.lock);
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
    unlock_it(&pool.lock);
    join_watch(w->watch);
    w->run(w->job, part);
    leave_watch(w->watch);
    lock_it(&pool.lock);
    store_count(&w->unfinished, w->unfinished - 1);
    wake_all(&pool.part_done);
}

static void work_forever(void) {
    flush_denormals();
    lock_it(&pool.lock);
    for (;;) {
        if (pool.queue != NULL)
            do_part(pool.queue);
        else
            wait_for_change(&pool.posted, pool.posted, &pool.work_came, NULL);
    }
}

#if defined(_WIN32)
static unsigned __stdcall worker(void *unused) {
    (void)unused;
    work_forever();
    return 0;
}
static void make_worker(void) {
    const uintptr_t thread = _beginthreadex(NULL, 0, worker, NULL, 0, NULL);
    if (thread != 0) {
        CloseHandle((HANDLE)thread);
        pool.workers++;
    }
}
#else
static void *worker(void *unused) {
    work_forever();
    return unused;
}
/* Signals are for the threads of Python. */
static void make_worker(void) {
    sigset_t all, before;
    pthread_t thread;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&thread, NULL, worker, NULL) == 0) {
        pthread_detach(thread);
        pool.workers++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}
#endif

/* run(job, part) for all parts; returns when all are done, or have stopped as the watch says. */
static inline void run_parts(part_function run, void *job, ptrdiff_t parts, watch *watch) {
    shared_work w = {run, job, watch, 0, parts, (unsigned)parts, NULL};
    shared_work **place = &pool.queue;
    if (parts <= 1) {
        if (parts == 1) run(job, 0);
        return;
    }
    lock_it(&pool.lock);
#if !defined(_WIN32)
    if (!pool.knows_forks) {
        pthread_atfork(NULL, NULL, after_fork_in_child);
        pool.knows_forks = 1;
    }
#endif
    while (*place != NULL) place = &(*place)->after;
    *place = &w;
    store_count(&pool.posted, pool.posted + 1);
    wake_all(&pool.work_came);
    while (pool.workers < parts - 1) {
        const ptrdiff_t workers = pool.workers;
        make_worker();
        if (pool.workers == workers) break; /* there are no more to be had */
    }
    while (w.next < w.parts) do_part(&w);
    while (w.unfinished > 0) {
        wait_for_change(&w.unfinished, w.unfinished, &pool.part_done, watch);
        if (w.unfinished > 0) { /* a handler may call a kernel itself, so without the lock */
            unlock_it(&pool.lock);
            ask_for_signals(watch);
            lock_it(&pool.lock);
        }
    }
    unlock_it(&pool.lock);
}
#else
static inline void run_parts(part_function run, void *job, ptrdiff_t parts, watch *watch) {
    ptrdiff_t part;
    (void)watch;
    for (part = 0; part < parts; part++) run(job, part);
}
#endif

#endif
