/* The scalar and the SIMD vector of one build, and the few things C can say about them but Cython
 * cannot.
 *
 * Every kernel is compiled once for each dtype and each SIMD level. The build passes
 * MINIGRAD_FLOAT32 or MINIGRAD_FLOAT64 and the level's -march flag; from these follow
 *
 *     real            the scalar: float or double
 *     vec             LANES scalars in one register of this level's width
 *     LANES           16, 8 or 4 for float, half of that for double
 *     VEC_REGISTERS   how many such registers the machine has
 *
 * `vec` is a GNU vector type, so + - * / work on it as on a scalar and the compiler picks the
 * instructions. Without GNU vectors (or with -DMINIGRAD_SCALAR, to try that) `vec` is simply one
 * scalar: the same source, only slower.
 */
#ifndef MINIGRAD_REAL_H
#define MINIGRAD_REAL_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(MINIGRAD_FLOAT32)
typedef float real;
typedef uint32_t real_bits;
#define REAL_NAME "float32"
#define MANTISSA_BITS 23
#define EXPONENT_BIAS 127
#elif defined(MINIGRAD_FLOAT64)
typedef double real;
typedef uint64_t real_bits;
#define REAL_NAME "float64"
#define MANTISSA_BITS 52
#define EXPONENT_BIAS 1023
#else
#error "define MINIGRAD_FLOAT32 or MINIGRAD_FLOAT64"
#endif

#if defined(__GNUC__) && !defined(MINIGRAD_SCALAR)
#define ALWAYS_INLINE static inline __attribute__((always_inline, unused))
#define NEVER_INLINE static __attribute__((noinline, unused))
#if defined(__AVX512F__)
#include <immintrin.h>
#define VEC_BYTES 64
#define VEC_REGISTERS 32
#elif defined(__AVX__)
#include <immintrin.h>
#define VEC_BYTES 32
#define VEC_REGISTERS 16
#elif defined(__aarch64__)
#define VEC_BYTES 16
#define VEC_REGISTERS 32
#else
#define VEC_BYTES 16
#define VEC_REGISTERS 16
#endif
typedef real vec __attribute__((vector_size(VEC_BYTES)));
/* The same vector at an address that need only suit a scalar. */
typedef real loose_vec __attribute__((vector_size(VEC_BYTES), aligned(sizeof(real)), may_alias));
#define LANES ((int)(VEC_BYTES / sizeof(real)))
#else
#define ALWAYS_INLINE static __inline
#define NEVER_INLINE static
#define VEC_REGISTERS 16
typedef real vec;
typedef real loose_vec;
#define LANES 1
#endif

/* MINIGRAD_DEBUG=1 at build time: stop at the first index outside its range. */
#if defined(MINIGRAD_DEBUG)
#define check_index(i, n)                                                                      \
    do {                                                                                       \
        if ((i) < 0 || (i) >= (n)) {                                                           \
            fprintf(stderr, "%s:%d: index %s = %ld is outside [0, %s = %ld)\n", __FILE__,      \
                    __LINE__, #i, (long)(i), #n, (long)(n));                                   \
            abort();                                                                           \
        }                                                                                      \
    } while (0)
#else
#define check_index(i, n) ((void)0)
#endif

/* x[0:LANES], at any address. */
ALWAYS_INLINE vec load(const real *x) { return *(const loose_vec *)x; }
ALWAYS_INLINE void store(real *x, vec v) { *(loose_vec *)x = v; }

/* x[0:n] for n <= LANES, without touching a byte beyond it; the other lanes load as zero.
 * Rows of any length end in such a piece. AVX has instructions for it. */
#if VEC_BYTES == 64 && defined(MINIGRAD_FLOAT32)
ALWAYS_INLINE vec load_first(const real *x, int n) {
    return (vec)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), x);
}
ALWAYS_INLINE void store_first(real *x, vec v, int n) {
    _mm512_mask_storeu_ps(x, (__mmask16)((1u << n) - 1), (__m512)v);
}
#elif VEC_BYTES == 64
ALWAYS_INLINE vec load_first(const real *x, int n) {
    return (vec)_mm512_maskz_loadu_pd((__mmask8)((1u << n) - 1), x);
}
ALWAYS_INLINE void store_first(real *x, vec v, int n) {
    _mm512_mask_storeu_pd(x, (__mmask8)((1u << n) - 1), (__m512d)v);
}
#elif VEC_BYTES == 32
/* LANES words of all ones, then LANES of zeros: read from LANES - n on, n ones come first. */
static const real_bits lane_mask[2 * VEC_BYTES / sizeof(real)] = {
#if defined(MINIGRAD_FLOAT32)
    ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u
#else
    ~0ull, ~0ull, ~0ull, ~0ull
#endif
};
#define LANE_MASK(n) _mm256_loadu_si256((const __m256i *)(lane_mask + LANES - (n)))
#if defined(MINIGRAD_FLOAT32)
ALWAYS_INLINE vec load_first(const real *x, int n) {
    return (vec)_mm256_maskload_ps(x, LANE_MASK(n));
}
ALWAYS_INLINE void store_first(real *x, vec v, int n) {
    _mm256_maskstore_ps(x, LANE_MASK(n), (__m256)v);
}
#else
ALWAYS_INLINE vec load_first(const real *x, int n) {
    return (vec)_mm256_maskload_pd(x, LANE_MASK(n));
}
ALWAYS_INLINE void store_first(real *x, vec v, int n) {
    _mm256_maskstore_pd(x, LANE_MASK(n), (__m256d)v);
}
#endif
#else
ALWAYS_INLINE vec load_first(const real *x, int n) {
    vec v = {0};
    memcpy(&v, x, (size_t)n * sizeof(real));
    return v;
}
ALWAYS_INLINE void store_first(real *x, vec v, int n) { memcpy(x, &v, (size_t)n * sizeof(real)); }
#endif

/* v.sum(): add the upper half to the lower half until one lane is left. */
ALWAYS_INLINE real sum_lanes(vec v) {
    real lane[LANES];
    int width, i;
    store(lane, v);
    for (width = LANES / 2; width > 0; width /= 2)
        for (i = 0; i < width; i++) lane[i] += lane[i + width];
    return lane[0];
}

/* ROUND_TO_INTEGER is so large that the last mantissa bit of (x + ROUND_TO_INTEGER) counts whole
 * ones. Adding it rounds x to the nearest integer n, and n stands in the low bits of the sum: put
 * into the exponent field, they make 2**n. (Valid while 2**n is a normal number.) */
#define ROUND_TO_INTEGER ((real)(1.5 * (double)((uint64_t)1 << MANTISSA_BITS)))
ALWAYS_INLINE real power_of_two(real rounded) {
    real_bits bits;
    real scale;
    memcpy(&bits, &rounded, sizeof bits);
    bits = (bits + EXPONENT_BIAS) << MANTISSA_BITS;
    memcpy(&scale, &bits, sizeof scale);
    return scale;
}

/* sqrt and copysign of this build's scalar (the compiler makes them single instructions). */
#if defined(MINIGRAD_FLOAT32)
#define real_sqrt sqrtf
#define real_log logf
#define real_copysign copysignf
#else
#define real_sqrt sqrt
#define real_log log
#define real_copysign copysign
#endif

/* Scratch memory on a cache line: n reals, zero of them allowed. NULL when memory is out. */
static inline real *scratch(size_t n) {
    char *block = (char *)malloc(n * sizeof(real) + 64 + sizeof(void *));
    char *start;
    if (block == NULL) return NULL;
    start = (char *)(((uintptr_t)block + sizeof(void *) + 63) & ~(uintptr_t)63);
    ((void **)start)[-1] = block;
    return (real *)start;
}
static inline void scratch_free(real *start) {
    if (start != NULL) free(((void **)start)[-1]);
}

#endif
