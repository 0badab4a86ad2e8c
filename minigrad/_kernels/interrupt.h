/* What surrounds a call of a kernel: Ctrl-C out of it, if it takes long, and its mode of floats
 * (denormals.h), which is not that of the handlers of signals.
 *
 * Python only notes a signal when it comes; the handler, which raises KeyboardInterrupt, runs when
 * the main thread next asks. So a kernel asks, every LOOK_NS or so: it says how much work it does,
 * `interrupted(products)`, and this is true once a handler has raised. Then all threads of the call
 * return as fast as they can, and the call raises what the handler raised. What it was computing is
 * lost, and was nobody's yet: only kernels that write to memory of their own may ask.
 *
 * The thread that called is the one that asks, if it is the main thread; workers have no business
 * with Python, and only see the flag. Asking takes the interpreter's lock, which another thread may
 * hold for some milliseconds, so no call that is shorter than LOOK_NS asks at all.
 */
#ifndef MINIGRAD_INTERRUPT_H
#define MINIGRAD_INTERRUPT_H

#include <Python.h>
#include <stdint.h>

#include "denormals.h"

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#define NOMINMAX
#include <windows.h>
#undef near /* words for pointers, once */
#undef far
#else
#include <time.h>
#endif
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__APPLE__)
#include <pthread.h>
#endif

#if defined(_MSC_VER)
#define THREAD_LOCAL __declspec(thread)
#define load_flag(flag) (*(volatile int *)&(flag))
#define raise_flag(flag) (*(volatile int *)&(flag) = 1)
#else
#define THREAD_LOCAL __thread
#define load_flag(flag) __atomic_load_n(&(flag), __ATOMIC_RELAXED)
#define raise_flag(flag) __atomic_store_n(&(flag), 1, __ATOMIC_RELAXED)
#endif

#define LOOK_NS 50000000
/* Look at the clock after so many multiply-adds: 0.1 to 10 ms, depending on the machine. */
#define PRODUCTS_A_LOOK 1e7
#define PRODUCTS_A_QUESTION 10 /* the least that is done between two questions */

/* One call. It lives on the caller's stack. */
typedef struct watch {
    int stop;                /* a signal handler has raised */
    const void *caller;      /* which thread made the call */
    int64_t next;            /* when to ask; 0 before the first look at the clock */
    float_mode mode;         /* of the caller */
    struct watch *outer;     /* of the call that was interrupted by the handler that made this one */
    double outer_products;
} watch;

/* What the thread that is running works on, and how many products it did since its last look. The
 * address of `watched` is another one in each thread, and tells them apart. */
static THREAD_LOCAL watch *watched = NULL;
static THREAD_LOCAL double products_done = 0;

static inline void begin_watch(watch *w) {
    w->stop = 0;
    w->caller = &watched;
    w->next = 0;
    w->outer = watched;
    w->outer_products = products_done;
    watched = w;
    products_done = 0;
    w->mode = flush_denormals();
}

/* 0, or -1 with the exception set that a handler has raised. */
static inline int end_watch(watch *w) {
    set_mode_of_floats(w->mode);
    watched = w->outer;
    products_done = w->outer_products;
    return w->stop ? -1 : 0;
}

/* A worker begins, and ends, a part of the call; for the caller itself nothing changes. */
static inline void join_watch(watch *w) {
    if (w->caller != (const void *)&watched) {
        watched = w;
        products_done = 0;
    }
}
static inline void leave_watch(watch *w) {
    if (w->caller != (const void *)&watched) watched = NULL;
}

/* A clock that is never set. */
static inline int64_t nanoseconds(void) {
#if defined(_WIN32)
    LARGE_INTEGER count, per_second;
    QueryPerformanceCounter(&count);
    QueryPerformanceFrequency(&per_second);
    return (int64_t)((double)count.QuadPart * 1e9 / (double)per_second.QuadPart);
#else
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
#endif
}

/* Where this cannot be told, asking in the wrong thread does nothing. */
static inline int is_main_thread(void) {
#if defined(__linux__)
    return syscall(SYS_gettid) == getpid();
#elif defined(__APPLE__)
    return pthread_main_np();
#else
    return 1;
#endif
}

/* Run the handlers of signals that came, if it is time. Without the lock of the interpreter. */
static void ask_for_signals(watch *w) {
    const int64_t now = nanoseconds();
    if (w->next == 0) w->next = now + LOOK_NS;
    if (now < w->next || load_flag(w->stop)) return;
    w->next = now + LOOK_NS;
    if (is_main_thread()) {
        /* The exception stays with the thread of Python until the call returns there. */
        const PyGILState_STATE state = PyGILState_Ensure();
        const float_mode mode = mode_of_floats();
        set_mode_of_floats(w->mode);
        if (PyErr_CheckSignals() != 0) raise_flag(w->stop);
        set_mode_of_floats(mode);
        PyGILState_Release(state);
    }
}

/* Whether to return at once; `products` is about as many as were done since the last question. */
static inline int interrupted(double products) {
    watch *const w = watched;
    if (w == NULL) return 0;
    products_done += products + PRODUCTS_A_QUESTION;
    if (products_done >= PRODUCTS_A_LOOK) {
        products_done = 0;
        if (w->caller == (const void *)&watched) ask_for_signals(w);
    }
    return load_flag(w->stop);
}

#endif
