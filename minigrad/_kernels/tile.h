/* The register tile: the one loop that nearly all time of a recurrent network is spent in.
 *
 * A tile multiplies a few rows of a matrix with one panel of weights, `vecs` vectors wide:
 *
 *     c[:rows, :vecs * LANES] = a[:rows, :depth] @ panel[:depth, :] + add[:rows, :vecs * LANES]
 *
 * The sums live in named registers from the first to the last step of the loop: per step it reads
 * `vecs` vectors of weights and, for each row, one scalar of `a`, which multiplies all of them.
 * That is rows * vecs multiply-adds for rows + vecs loads, and no store. What a step reads must fit
 * beside the sums: sixteen registers hold twelve sums, and then either all vectors of the step and
 * one scalar after the other, or all its scalars and one vector after the other.
 *
 * The sums are separate variables, not an array: gcc keeps an array of vectors in memory. `rows`
 * and `vecs` are constants wherever this is inlined, so every `if` on them is decided by the
 * compiler. Each instance is a function of its own that is never inlined: next to the constants of
 * a tanh, say, the compiler would run out of registers and move the sums to the stack.
 */
#ifndef MINIGRAD_TILE_H
#define MINIGRAD_TILE_H

#include "real.h"

#define PANEL_VECS 4 /* the widest panel */

/* Whether a multiply-add is one instruction. Where it is two, each product takes a register. */
#if defined(__FMA__) || VEC_REGISTERS == 32
#define FUSED 1
#else
#define FUSED 0
#endif

/* The most rows whose sums, with what a step reads, fit the register file. AVX-512 multiplies by a
 * scalar in memory. NEON multiplies by one lane of a register, and compilers fetch the scalars of
 * all rows before they use the first: with six rows of four vectors that makes 34 registers. */
#if defined(MINIGRAD_NEON)
#define TILE_ROWS(vecs) ((vecs) <= 3 ? 6 : 5)
#elif VEC_REGISTERS == 32
#define TILE_ROWS(vecs) 6
#else
#define TILE_ROWS(vecs) ((vecs) <= 2 ? 6 : (vecs) == 3 && FUSED ? 4 : 3)
#endif

/* name_row and name_col are the distances, in elements, to the next row and column. (panel_row is
 * vecs * LANES for packed weights; for a matrix as it lies in memory, the length of its rows.)
 * add    NULL stands for zero; add_row = 0 adds one row (a bias) to all rows; it may be c itself
 * last   how many lanes of the last vector are columns of c; the others pad the panel */
#define TILE_PARAMETERS                                                                        \
    ptrdiff_t depth, const real *a, ptrdiff_t a_row, ptrdiff_t a_col, const real *panel,       \
        ptrdiff_t panel_row, real *c, ptrdiff_t c_row, const real *add, ptrdiff_t add_row,     \
        int last
#define TILE_ARGUMENTS                                                                         \
    depth, a, a_row, a_col, panel, panel_row, c, c_row, add, add_row, last

/* c[0:n] of one row: n == LANES except at the right edge of the matrix. */
ALWAYS_INLINE void finish(real *c, const real *add, vec sum, int n) {
    if (n == LANES) {
        if (add != NULL) sum += load(add);
        store(c, sum);
    } else {
        if (add != NULL) sum += load_first(add, n);
        store_first(c, sum, n);
    }
}

/* Row r of the tile, in the places where it occurs. */
#define ROW_BEGIN(r)                                                                           \
    const real *a##r = a + (rows > r ? r * a_row : 0);                                         \
    vec c##r##0 = {0}, c##r##1 = {0}, c##r##2 = {0}, c##r##3 = {0};

#define ROW_STEP(r)                                                                            \
    if (rows > r) {                                                                            \
        const real x = a##r[k * a_step];                                                       \
        c##r##0 += x * b0;                                                                     \
        if (vecs > 1) c##r##1 += x * b1;                                                       \
        if (vecs > 2) c##r##2 += x * b2;                                                       \
        if (vecs > 3) c##r##3 += x * b3;                                                       \
    }

/* Vector v of three rows. */
#define VEC_STEP(v)                                                                            \
    if (vecs > v) {                                                                            \
        const vec b = load(panel + k * panel_step + v * LANES);                                \
        c0##v += x0 * b;                                                                       \
        if (rows > 1) c1##v += x1 * b;                                                         \
        if (rows > 2) c2##v += x2 * b;                                                         \
    }

#define VEC_END(r, v)                                                                          \
    if (vecs > v)                                                                              \
        finish(c + r * c_row + v * LANES, add ? add + r * add_row + v * LANES : NULL,          \
               c##r##v, v == vecs - 1 ? last : LANES);

#define ROW_END(r)                                                                             \
    if (rows > r) { VEC_END(r, 0) VEC_END(r, 1) VEC_END(r, 2) VEC_END(r, 3) }

#define EACH_ROW(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5)

/* Step k. */
#define STEP                                                                                   \
    if (FUSED && rows <= 3 && vecs > rows) {                                                   \
        const vec x0 = all_lanes(a0[k * a_step]);                                              \
        const vec x1 = rows > 1 ? all_lanes(a1[k * a_step]) : x0;                              \
        const vec x2 = rows > 2 ? all_lanes(a2[k * a_step]) : x0;                              \
        VEC_STEP(0) VEC_STEP(1) VEC_STEP(2) VEC_STEP(3)                                        \
    } else {                                                                                   \
        const real *const b = panel + k * panel_step;                                          \
        const vec b0 = load(b);                                                                \
        const vec b1 = vecs > 1 ? load(b + LANES) : b0;                                        \
        const vec b2 = vecs > 2 ? load(b + 2 * LANES) : b0;                                    \
        const vec b3 = vecs > 3 ? load(b + 3 * LANES) : b0;                                    \
        EACH_ROW(ROW_STEP)                                                                     \
    }

/* The steps are the same in both loops. Nearly all time is spent in the first, where the distances
 * are constants and four steps are made at a time. (Where products take registers, too, that is no
 * gain.) */
ALWAYS_INLINE void tile(const int rows, const int vecs, TILE_PARAMETERS) {
    ptrdiff_t k;
    EACH_ROW(ROW_BEGIN)
    if (FUSED && a_col == 1 && panel_row == vecs * LANES) {
        const ptrdiff_t a_step = 1, panel_step = vecs * LANES;
#pragma GCC unroll 4
        for (k = 0; k < depth; k++) {
            STEP
        }
    } else {
        const ptrdiff_t a_step = a_col, panel_step = panel_row;
        for (k = 0; k < depth; k++) {
            STEP
        }
    }
    EACH_ROW(ROW_END)
}

/* The instances: tile_6x4 has six rows and four vectors. */
#define TILE(R, V)                                                                             \
    NEVER_INLINE void tile_##R##x##V(TILE_PARAMETERS) { tile(R, V, TILE_ARGUMENTS); }
#define TILES(R) TILE(R, 1) TILE(R, 2) TILE(R, 3) TILE(R, 4)
#define ENTRIES(R) {tile_##R##x1, tile_##R##x2, tile_##R##x3, tile_##R##x4}

TILES(1) TILES(2) TILES(3)
#if defined(MINIGRAD_NEON)
TILES(4) TILES(5) TILE(6, 1) TILE(6, 2) TILE(6, 3)
#elif VEC_REGISTERS == 32
TILES(4) TILES(5) TILES(6)
#else
TILE(4, 1) TILE(4, 2) TILE(4, 3)
TILE(5, 1) TILE(5, 2)
TILE(6, 1) TILE(6, 2)
#endif

/* tiles[rows - 1][vecs - 1], for rows <= TILE_ROWS(vecs). */
typedef void (*tile_function)(TILE_PARAMETERS);
static const tile_function tiles[6][PANEL_VECS] = {
    ENTRIES(1), ENTRIES(2), ENTRIES(3),
#if defined(MINIGRAD_NEON)
    ENTRIES(4), ENTRIES(5), {tile_6x1, tile_6x2, tile_6x3, NULL},
#elif VEC_REGISTERS == 32
    ENTRIES(4), ENTRIES(5), ENTRIES(6),
#else
    {tile_4x1, tile_4x2, tile_4x3, NULL},
    {tile_5x1, tile_5x2, NULL, NULL},
    {tile_6x1, tile_6x2, NULL, NULL},
#endif
};

#endif
