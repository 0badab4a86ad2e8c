/* The instructions of a plan that are arithmetic, entry by entry, on a block of rows.
 *
 * An operand is a block of memory: the distance to its next row (0: one row for all) and to its
 * next column (1, or 0: one number for the whole row). One `switch` for each instruction and block;
 * behind it loops without calls.
 */
#ifndef MINIGRAD_PLAN_H
#define MINIGRAD_PLAN_H

#include "real.h"

typedef struct {
    const real *at;
    ptrdiff_t row, col;
} operand;

enum { OP_MATMUL, OP_ADD, OP_SUBTRACT, OP_MULTIPLY, OP_DIVIDE, OP_NEGATIVE, OP_COPY, OP_MAXIMUM,
       OP_MINIMUM, OP_LESS_EQUAL, OP_LESS, OP_GREATER_EQUAL, OP_GREATER, OP_EQUAL, OP_WHERE,
       OP_ABSOLUTE, OP_SQUARE, OP_EXP, OP_TANH, OP_SIGMOID, OP_SQRT, OP_LOG, OP_SUM,
       OP_HIGHEST, OP_MULTIPLY_ADD, OP_SIGMOID_GRADIENT, OP_TANH_GRADIENT, OPS };

#define ONE all_lanes(1)
#define ZERO all_lanes(0)
#define TAKE(o, p) ((o).col ? load(p + j) : all_lanes(*(p)))
#define TAKE_FIRST(o, p, n) ((o).col ? load_first(p + j, n) : all_lanes(*(p)))

#define EACH(EXPRESSION)                                                                       \
    for (ptrdiff_t r = 0; r < rows; r++) {                                                     \
        const real *const pa = a.at + r * a.row, *const pb = b.at + r * b.row,                 \
                          *const pc = c.at + r * c.row;                                        \
        real *const y = out + r * out_row;                                                     \
        ptrdiff_t j = 0;                                                                       \
        for (; j + LANES <= width; j += LANES) {                                               \
            const vec u = TAKE(a, pa), v = TAKE(b, pb), w = TAKE(c, pc);                       \
            (void)u, (void)v, (void)w;                                                         \
            store(y + j, EXPRESSION);                                                          \
        }                                                                                      \
        if (j < width) {                                                                       \
            const int n = (int)(width - j);                                                    \
            const vec u = TAKE_FIRST(a, pa, n), v = TAKE_FIRST(b, pb, n),                      \
                      w = TAKE_FIRST(c, pc, n);                                                \
            (void)u, (void)v, (void)w;                                                         \
            store_first(y + j, EXPRESSION, n);                                                 \
        }                                                                                      \
    }                                                                                          \
    break;

/* out = f(a, b, c); operands that an operation lacks are its first one. NaN is handed on by
 * maximum and minimum, and of equals the second is taken, as NumPy does. */
NEVER_INLINE void arithmetic(
    int op, ptrdiff_t rows, ptrdiff_t width, real *out, ptrdiff_t out_row, operand a, operand b,
    operand c) {
    switch (op) {
    case OP_ADD: EACH(u + v)
    case OP_SUBTRACT: EACH(u - v)
    case OP_MULTIPLY: EACH(u * v)
    case OP_DIVIDE: EACH(u / v)
    case OP_NEGATIVE: EACH(-u)
    case OP_COPY: EACH(u)
    case OP_MAXIMUM: EACH(where_at_most(u, u, where_less(v, u, u, v), u))
    case OP_MINIMUM: EACH(where_at_most(u, u, where_less(u, v, u, v), u))
    case OP_LESS_EQUAL: EACH(where_at_most(u, v, ONE, ZERO))
    case OP_LESS: EACH(where_less(u, v, ONE, ZERO))
    case OP_GREATER_EQUAL: EACH(where_at_most(v, u, ONE, ZERO))
    case OP_GREATER: EACH(where_less(v, u, ONE, ZERO))
    case OP_EQUAL: EACH(where_at_most(u, v, where_at_most(v, u, ONE, ZERO), ZERO))
    case OP_WHERE: EACH(where_less(ZERO, u, v, w))
    case OP_ABSOLUTE: EACH(magnitude(u))
    case OP_SQUARE: EACH(u * u)
    case OP_MULTIPLY_ADD: EACH(u * v + w)
    case OP_SIGMOID_GRADIENT: EACH((ONE - v) * v * u) /* of the gradient u and the sigmoid v */
    case OP_TANH_GRADIENT: EACH((ONE - v * v) * u)
    default: break;
    }
}

#endif
