/* The register tile: the one loop that nearly all time of a recurrent network is spent in.
 *
 * A tile multiplies a few rows of a matrix with one panel of weights, `vecs` vectors wide:
 *
 *     c[:rows, :vecs * LANES] = a[:rows, :depth] @ panel[:depth, :] + add[:rows, :vecs * LANES]
 *
 * The sums live in named registers from the first to the last step of the loop: per step it reads
 * `vecs` vectors of weights and, for each row, one scalar of `a`, which multiplies all of them.
 * That is rows * vecs multiply-adds for rows + vecs loads, and no store.
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

/* The most rows whose sums, with the weights of one step, fit the register file. */
#define TILE_ROWS(vecs) (VEC_REGISTERS == 32 || (vecs) <= 2 ? 6 : 3)

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

/* Row r of the tile, in the three places where it occurs. */
#define ROW_BEGIN(r)                                                                           \
    const real *a##r = a + (rows > r ? r * a_row : 0);                                         \
    vec c##r##0 = {0}, c##r##1 = {0}, c##r##2 = {0}, c##r##3 = {0};

#define ROW_STEP(r)                                                                            \
    if (rows > r) {                                                                            \
        const real x = *a##r;                                                                  \
        c##r##0 += x * b0;                                                                     \
        if (vecs > 1) c##r##1 += x * b1;                                                       \
        if (vecs > 2) c##r##2 += x * b2;                                                       \
        if (vecs > 3) c##r##3 += x * b3;                                                       \
        a##r += a_col;                                                                         \
    }

#define VEC_END(r, v)                                                                          \
    if (vecs > v)                                                                              \
        finish(c + r * c_row + v * LANES, add ? add + r * add_row + v * LANES : NULL,          \
               c##r##v, v == vecs - 1 ? last : LANES);

#define ROW_END(r)                                                                             \
    if (rows > r) { VEC_END(r, 0) VEC_END(r, 1) VEC_END(r, 2) VEC_END(r, 3) }

#define EACH_ROW(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5)

ALWAYS_INLINE void tile(const int rows, const int vecs, TILE_PARAMETERS) {
    EACH_ROW(ROW_BEGIN)
    for (ptrdiff_t k = 0; k < depth; k++) {
        const vec b0 = load(panel);
        const vec b1 = vecs > 1 ? load(panel + LANES) : b0;
        const vec b2 = vecs > 2 ? load(panel + 2 * LANES) : b0;
        const vec b3 = vecs > 3 ? load(panel + 3 * LANES) : b0;
        EACH_ROW(ROW_STEP)
        panel += panel_row;
    }
    EACH_ROW(ROW_END)
}

/* The instances: tile_6x4 has six rows and four vectors. */
#define TILE(R, V)                                                                             \
    NEVER_INLINE void tile_##R##x##V(TILE_PARAMETERS) { tile(R, V, TILE_ARGUMENTS); }
#define NARROW_TILES(R) TILE(R, 1) TILE(R, 2)
#define WIDE_TILES(R) TILE(R, 3) TILE(R, 4)
#define NARROW_ENTRIES(R) {tile_##R##x1, tile_##R##x2, NULL, NULL}
#define ALL_ENTRIES(R) {tile_##R##x1, tile_##R##x2, tile_##R##x3, tile_##R##x4}

NARROW_TILES(1) NARROW_TILES(2) NARROW_TILES(3) NARROW_TILES(4) NARROW_TILES(5) NARROW_TILES(6)
WIDE_TILES(1) WIDE_TILES(2) WIDE_TILES(3)
#if VEC_REGISTERS == 32
WIDE_TILES(4) WIDE_TILES(5) WIDE_TILES(6)
#define TALL_ENTRIES(R) ALL_ENTRIES(R)
#else
#define TALL_ENTRIES(R) NARROW_ENTRIES(R)
#endif

/* tiles[rows - 1][vecs - 1], for rows <= TILE_ROWS(vecs). */
typedef void (*tile_function)(TILE_PARAMETERS);
static const tile_function tiles[6][PANEL_VECS] = {
    ALL_ENTRIES(1),  ALL_ENTRIES(2),  ALL_ENTRIES(3),
    TALL_ENTRIES(4), TALL_ENTRIES(5), TALL_ENTRIES(6),
};

#endif
