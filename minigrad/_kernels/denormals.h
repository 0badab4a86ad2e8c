/* Denormal numbers: those below the least normal one, 1.2e-38 in float32 and 2.2e-308 in float64.
 *
 * Gradients that die out on their way back through a long sequence end there, and processors work on
 * them a hundred times as slowly as on others. So kernels of recurrences take them for zero and make
 * none, while they run: both bits below in the control register of the thread. Whoever calls finds
 * his own mode again.
 */
#ifndef MINIGRAD_DENORMALS_H
#define MINIGRAD_DENORMALS_H

#include <stdint.h>

#if defined(__x86_64__) || defined(_M_X64) || defined(__SSE2__)
#include <xmmintrin.h>
#define HAS_FLUSH 1
#define FLUSHING 0x8040u /* MXCSR: flush results to zero, take denormal operands for zero */
typedef uint32_t float_mode;
static inline float_mode mode_of_floats(void) { return _mm_getcsr(); }
static inline void set_mode_of_floats(float_mode mode) { _mm_setcsr(mode); }

#elif defined(__aarch64__) && (defined(__GNUC__) || defined(__clang__))
#define HAS_FLUSH 1
#define FLUSHING (UINT64_C(1) << 24) /* FPCR.FZ: both */
typedef uint64_t float_mode;
static inline float_mode mode_of_floats(void) {
    float_mode mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    return mode;
}
static inline void set_mode_of_floats(float_mode mode) {
    __asm__ volatile("msr fpcr, %0" : : "r"(mode) : "memory");
}

#else
#define HAS_FLUSH 0
#define FLUSHING 0u
typedef uint32_t float_mode;
static inline float_mode mode_of_floats(void) { return 0; }
static inline void set_mode_of_floats(float_mode mode) { (void)mode; }
#endif

/* From here on in this thread denormal numbers are zero; returns the mode before. */
static inline float_mode flush_denormals(void) {
    const float_mode before = mode_of_floats();
    set_mode_of_floats(before | FLUSHING);
    return before;
}

#endif
