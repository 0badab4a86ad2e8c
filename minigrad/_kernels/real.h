/* The scalar and the SIMD vector of one build, and the few things C can say about them but Cython
 * cannot.
 *
 * Every kernel is compiled once for each dtype and each SIMD level. The build passes
 * MINIGRAD_FLOAT32 or MINIGRAD_FLOAT64 and the level's flags: -march, or MINIGRAD_NEON. From these
 * follow
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

#if (defined(__GNUC__) || defined(__clang__)) && !defined(MINIGRAD_SCALAR)
#define HAS_VECTORS
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
#elif defined(__aarch64__) && defined(MINIGRAD_NEON)
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

/* a / b and 1 / b lane by lane (of `a / b` Cython would first convert a to a scalar). */
ALWAYS_INLINE vec divide(vec a, vec b) { return a / b; }
ALWAYS_INLINE vec reciprocal(vec b) { return (real)1 / b; }

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
#elif VEC_BYTES == 16
/* Lane by lane: a call of memcpy would send all vectors that the caller has at hand to the stack. */
ALWAYS_INLINE vec load_first(const real *x, int n) {
    vec v = {0};
    int i;
#pragma GCC unroll 4
    for (i = 0; i < LANES; i++)
        if (i < n) v[i] = x[i];
    return v;
}
ALWAYS_INLINE void store_first(real *x, vec v, int n) {
    int i;
#pragma GCC unroll 4
    for (i = 0; i < LANES; i++)
        if (i < n) x[i] = v[i];
}
#else
ALWAYS_INLINE vec load_first(const real *x, int n) { return n > 0 ? *x : 0; }
ALWAYS_INLINE void store_first(real *x, vec v, int n) {
    if (n > 0) *x = v;
}
#endif

/* The same for n that may be LANES itself, which is the usual case and the fast one. */
ALWAYS_INLINE vec load_part(const real *x, ptrdiff_t n) {
    return n >= LANES ? load(x) : load_first(x, (int)n);
}
ALWAYS_INLINE void store_part(real *x, vec v, ptrdiff_t n) {
    if (n >= LANES)
        store(x, v);
    else
        store_first(x, v, (int)n);
}

/* r[i][j] <-> r[j][i], for LANES vectors of LANES lanes.
 * As with a pack of cards: cut it in two halves and riffle them, one card of this, one of that.
 * Do so to the rows, lane by lane, and after log2(LANES) rounds rows and lanes are exchanged. */
#if defined(__has_builtin) && defined(HAS_VECTORS)
#if __has_builtin(__builtin_shufflevector)
#define HAS_RIFFLE
#endif
#endif
#if defined(HAS_RIFFLE)
#if VEC_BYTES == 64 && defined(MINIGRAD_FLOAT32)
#define RIFFLE_LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define RIFFLE_HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif VEC_BYTES == 64 || (VEC_BYTES == 32 && defined(MINIGRAD_FLOAT32))
#define RIFFLE_LOW 0, 8, 1, 9, 2, 10, 3, 11
#define RIFFLE_HIGH 4, 12, 5, 13, 6, 14, 7, 15
#elif VEC_BYTES == 32 || defined(MINIGRAD_FLOAT32)
#define RIFFLE_LOW 0, 4, 1, 5
#define RIFFLE_HIGH 2, 6, 3, 7
#else
#define RIFFLE_LOW 0, 2
#define RIFFLE_HIGH 1, 3
#endif
ALWAYS_INLINE void transpose(vec *r) {
    vec riffled[LANES];
    int width, i;
#pragma GCC unroll 4
    for (width = 1; width < LANES; width *= 2) {
#pragma GCC unroll 8
        for (i = 0; i < LANES / 2; i++) {
            riffled[2 * i] = __builtin_shufflevector(r[i], r[i + LANES / 2], RIFFLE_LOW);
            riffled[2 * i + 1] = __builtin_shufflevector(r[i], r[i + LANES / 2], RIFFLE_HIGH);
        }
#pragma GCC unroll 16
        for (i = 0; i < LANES; i++) r[i] = riffled[i];
    }
}
#else
ALWAYS_INLINE void transpose(vec *r) {
    real from[LANES][LANES], to[LANES][LANES];
    int i, j;
    memcpy(from, r, sizeof from);
    for (i = 0; i < LANES; i++)
        for (j = 0; j < LANES; j++) to[i][j] = from[j][i];
    memcpy(r, to, sizeof to);
}
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

/* For gates, lane by lane: 2**n as above; min(x, limit) and max(x, limit), NaN where x is NaN (the
 * instructions return their second operand if one is NaN); |x|; y >= 0 with the sign of x. */
#if defined(HAS_VECTORS)
typedef real_bits vec_bits __attribute__((vector_size(VEC_BYTES)));
#define SIGN_BIT ((real_bits)1 << (8 * sizeof(real) - 1))
ALWAYS_INLINE vec powers_of_two(vec rounded) {
    return (vec)(((vec_bits)rounded + EXPONENT_BIAS) << MANTISSA_BITS);
}
ALWAYS_INLINE vec magnitude(vec x) { return (vec)((vec_bits)x & ~SIGN_BIT); }
ALWAYS_INLINE vec with_sign(vec y, vec x) {
    return (vec)((vec_bits)y | ((vec_bits)x & SIGN_BIT));
}
#if defined(__SSE2__)
#include <immintrin.h>
#if VEC_BYTES == 64 && defined(MINIGRAD_FLOAT32)
#define VEC_INTRINSIC(name) _mm512_##name##_ps
#elif VEC_BYTES == 64
#define VEC_INTRINSIC(name) _mm512_##name##_pd
#elif VEC_BYTES == 32 && defined(MINIGRAD_FLOAT32)
#define VEC_INTRINSIC(name) _mm256_##name##_ps
#elif VEC_BYTES == 32
#define VEC_INTRINSIC(name) _mm256_##name##_pd
#elif defined(MINIGRAD_FLOAT32)
#define VEC_INTRINSIC(name) _mm_##name##_ps
#else
#define VEC_INTRINSIC(name) _mm_##name##_pd
#endif
ALWAYS_INLINE vec at_most(vec x, real limit) {
    return (vec)VEC_INTRINSIC(min)(limit - (vec){0}, x);
}
ALWAYS_INLINE vec at_least(vec x, real limit) {
    return (vec)VEC_INTRINSIC(max)(limit - (vec){0}, x);
}
#else
ALWAYS_INLINE vec at_most(vec x, real limit) {
    const vec_bits beyond = (vec_bits)(x > limit);
    return (vec)((beyond & (vec_bits)(limit - (vec){0})) | (~beyond & (vec_bits)x));
}
ALWAYS_INLINE vec at_least(vec x, real limit) {
    const vec_bits beyond = (vec_bits)(x < limit);
    return (vec)((beyond & (vec_bits)(limit - (vec){0})) | (~beyond & (vec_bits)x));
}
#endif
#else
#define powers_of_two power_of_two
ALWAYS_INLINE vec magnitude(vec x) { return x > 0 ? x : -x; }
ALWAYS_INLINE vec with_sign(vec y, vec x) {
    return sizeof(real) == 4 ? (vec)copysignf((float)y, (float)x) : (vec)copysign(y, x);
}
ALWAYS_INLINE vec at_most(vec x, real limit) { return x > limit ? limit : x; }
ALWAYS_INLINE vec at_least(vec x, real limit) { return x < limit ? limit : x; }
#endif

/* The same number in all lanes; lane by lane a < b ? yes : no, and a <= b ? yes : no (of NaN, no). */
#if defined(HAS_VECTORS)
ALWAYS_INLINE vec all_lanes(real x) { return x - (vec){0}; }
ALWAYS_INLINE vec where_less(vec a, vec b, vec yes, vec no) {
    const vec_bits chosen = (vec_bits)(a < b);
    return (vec)((chosen & (vec_bits)yes) | (~chosen & (vec_bits)no));
}
ALWAYS_INLINE vec where_at_most(vec a, vec b, vec yes, vec no) {
    const vec_bits chosen = (vec_bits)(a <= b);
    return (vec)((chosen & (vec_bits)yes) | (~chosen & (vec_bits)no));
}
#else
ALWAYS_INLINE vec all_lanes(real x) { return x; }
ALWAYS_INLINE vec where_less(vec a, vec b, vec yes, vec no) { return a < b ? yes : no; }
ALWAYS_INLINE vec where_at_most(vec a, vec b, vec yes, vec no) { return a <= b ? yes : no; }
#endif

/* sqrt, log and log1p of this build's scalar. */
#if defined(MINIGRAD_FLOAT32)
#define real_sqrt sqrtf
#define real_log logf
#define real_log1p log1pf
#else
#define real_sqrt sqrt
#define real_log log
#define real_log1p log1p
#endif

/* Scratch memory on a cache line: n reals, zero of them allowed. NULL when memory is out.
 *
 * The block that was freed last is kept for the next call, if it is not too large. Given back to
 * the system, its memory would come back page by page, and the system's work for each page took, as
 * measured, two thirds of the time of a step of 128 units. Any thread may ask at any time: the
 * exchange is atomic. (Not under AddressSanitizer, which shall see the true end of each block.) */
#define SPARE_BYTES ((size_t)16 << 20)
typedef struct {
    void *block; /* from malloc */
    size_t bytes;
} scratch_header;

#if (defined(__GNUC__) || defined(__clang__)) && !defined(__SANITIZE_ADDRESS__)
static real *spare_scratch = NULL;
ALWAYS_INLINE real *exchange_spare(real *start) {
    return __atomic_exchange_n(&spare_scratch, start, __ATOMIC_ACQ_REL);
}
#else
ALWAYS_INLINE real *exchange_spare(real *start) { return start; }
#endif

static inline void scratch_release(real *start) {
    if (start != NULL) free(((scratch_header *)start)[-1].block);
}
static inline real *scratch(size_t n) {
    const size_t bytes = n * sizeof(real);
    real *start = exchange_spare(NULL);
    char *block;
    if (start != NULL && ((scratch_header *)start)[-1].bytes >= bytes) return start;
    scratch_release(start);
    block = (char *)malloc(bytes + 64 + sizeof(scratch_header));
    if (block == NULL) return NULL;
    start = (real *)(((uintptr_t)block + sizeof(scratch_header) + 63) & ~(uintptr_t)63);
    ((scratch_header *)start)[-1].block = block;
    ((scratch_header *)start)[-1].bytes = bytes;
    return start;
}
static inline void scratch_free(real *start) {
    if (start != NULL && ((scratch_header *)start)[-1].bytes <= SPARE_BYTES)
        start = exchange_spare(start);
    scratch_release(start);
}

#endif
