/* The instructions of a plan that are arithmetic, entry by entry, on a block of rows.
 *
 * An operand is a block of memory: the distance to its next row (0: one row for all) and to its
 * next column (1, or 0: one number for the whole row). One `switch` for each instruction and block;
 * behind it loops without calls.
 */
#ifndef MINIGRAD_PLAN_H
#define MINIGRAD_PLAN_H

#include <float.h>
#include <math.h>

#include "real.h"

typedef struct {
    const real *at;
    ptrdiff_t row, col;
} operand;

enum { OP_MATMUL, OP_ADD, OP_SUBTRACT, OP_MULTIPLY, OP_DIVIDE, OP_NEGATIVE, OP_COPY, OP_MAXIMUM,
       OP_MINIMUM, OP_LESS_EQUAL, OP_LESS, OP_GREATER_EQUAL, OP_GREATER, OP_EQUAL, OP_WHERE,
       OP_ABSOLUTE, OP_SQUARE, OP_EXP, OP_TANH, OP_SIGMOID, OP_SQRT, OP_LOG, OP_SUM,
       OP_HIGHEST, OP_LOWEST, OP_MULTIPLY_ADD, OP_SIGMOID_GRADIENT, OP_TANH_GRADIENT,
       OP_NOT_EQUAL, OP_NOT, OP_SIGN, OP_IS_NAN, OP_IS_FINITE, OP_LOG1P, OP_EXPM1, OP_SIN, OP_COS,
       OP_FLOOR, OP_POWER, OP_LOGADDEXP, OPS };

#define LARGEST (sizeof(real) == sizeof(float) ? (real)FLT_MAX : (real)DBL_MAX)
#define OF(NAME, ...) (sizeof(real) == sizeof(float) ? (real)NAME##f(__VA_ARGS__) : (real)NAME(__VA_ARGS__))

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
    case OP_NOT_EQUAL: EACH(where_at_most(u, v, where_at_most(v, u, ZERO, ONE), ONE))
    case OP_NOT: EACH(ONE - u)                                                   /* of a mask */
    case OP_SIGN: EACH(where_less(u, ZERO, -ONE, where_less(ZERO, u, ONE, u)))
    case OP_IS_NAN: EACH(where_at_most(u, u, ZERO, ONE))
    case OP_IS_FINITE: EACH(where_at_most(magnitude(u), all_lanes(LARGEST), ONE, ZERO))
    default: break;
    }
}

/* np.logaddexp: log(exp(x) + exp(y)) */
static real log_of_sum(real x, real y) {
    if (x == y)
        return x + (real)0.693147180559945309417;
    const real far = x - y;
    return far > 0 ? x + real_log1p(OF(exp, -far)) : far <= 0 ? y + real_log1p(OF(exp, far)) : far;
}

#define ONE_BY_ONE(EXPRESSION)                                                                 \
    for (ptrdiff_t r = 0; r < rows; r++)                                                       \
        for (ptrdiff_t j = 0; j < width; j++) {                                                \
            const real x = a.at[r * a.row + j * a.col], y = b.at[r * b.row + j * b.col];       \
            (void)y;                                                                           \
            out[r * out_row + j] = (EXPRESSION);                                               \
        }                                                                                      \
    break;

/* out = f(a, b), by functions of the C library */
NEVER_INLINE void library_functions(
    int op, ptrdiff_t rows, ptrdiff_t width, real *out, ptrdiff_t out_row, operand a, operand b) {
    switch (op) {
    case OP_SQRT: ONE_BY_ONE(real_sqrt(x))
    case OP_LOG: ONE_BY_ONE(real_log(x))
    case OP_LOG1P: ONE_BY_ONE(real_log1p(x))
    case OP_EXPM1: ONE_BY_ONE(OF(expm1, x))
    case OP_SIN: ONE_BY_ONE(OF(sin, x))
    case OP_COS: ONE_BY_ONE(OF(cos, x))
    case OP_FLOOR: ONE_BY_ONE(OF(floor, x))
    case OP_POWER: ONE_BY_ONE(OF(pow, x, y))
    case OP_LOGADDEXP: ONE_BY_ONE(log_of_sum(x, y))
    default: break;
    }
}

#endif
