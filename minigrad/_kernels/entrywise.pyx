"""Functions of each entry on its own, their slopes, arithmetic, and softmax along the last axis.

Each is a function of vectors of LANES entries, with its NumPy line as a comment; a loop goes over
the array. The slope of f gives the gradient of x: g f'(x), from g, that of y = f(x), and x or y,
whichever f' is simpler in. They are called through a table, by name, in one loop for all; only
those of a few instructions, for which a call is much, have loops of their own (`over_all`). What an
operation does without them stands beside it, as a formula, in `ops/elementwise.py` and
`nn/functional/activations.py`.
"""

cimport numpy as cnp

from .arrays cimport (
    REAL_TYPENUM,
    PyArray_ISCARRAY,
    PyArray_ISCARRAY_RO,
    data,
    empty_like,
    ordered,
    same_shape,
)
from .gates cimport (
    EXP_BEYOND,
    EXP_LOWEST,
    LN2_HIGH,
    LN2_LOW,
    LOG2_E,
    exp_of_lanes,
    expm1_of_lanes,
    expm1_series_of_lanes,
    log1p_up_to_1,
    relu,
    sigmoid,
    tanh,
)
from .real cimport (
    LANES,
    REAL_NAME,
    ROUND_TO_INTEGER,
    all_lanes,
    at_least,
    at_most,
    divide,
    load,
    load_first,
    load_part,
    magnitude,
    powers_of_two,
    real,
    store,
    store_first,
    store_part,
    sum_lanes,
    vec,
    where_at_most,
    where_less,
    with_sign,
)
from .row cimport exp_below, highest, log_softmax_row, total

cnp.import_array()

cdef enum:
    MANY = 10       # multiply-adds that do not wait for each other,
    ROUNDS = 20000  # so many times
    MOST_AXES = 64
    MOST_INT = 1 << 24      # integers below are what they are in both types

ctypedef vec (*entry_function)(vec a, vec b, real p, real q) noexcept nogil
ctypedef vec (*third_function)(vec a, vec b, vec c, real p) noexcept nogil
ctypedef void (*row_function)(real* y, const real* a, const real* b, Py_ssize_t n) noexcept nogil


# -- functions of x: the first argument; p and q are numbers --------------------------------------

cdef vec sigmoid_of(vec x, vec _, real p, real q) noexcept nogil:
    # 1 / (1 + np.exp(-x))
    return sigmoid(x)


cdef vec relu_of(vec x, vec _, real p, real q) noexcept nogil:
    # np.maximum(0, x)
    return relu(x)


cdef vec exp_of(vec x, vec _, real p, real q) noexcept nogil:
    # np.exp(x): 2**n exp(r), where 2**n is made of two halves, as 2**128 and 2**-149 are no numbers
    cdef vec z = at_least(at_most(x, EXP_BEYOND), <real>EXP_OF_NOTHING)
    cdef vec n = (z * LOG2_E + ROUND_TO_INTEGER) - ROUND_TO_INTEGER
    cdef vec r = (z - n * LN2_HIGH) - n * LN2_LOW
    cdef vec half = n * <real>0.5 + ROUND_TO_INTEGER
    cdef vec first = powers_of_two(half)
    cdef vec second = powers_of_two((n - (half - ROUND_TO_INTEGER)) + ROUND_TO_INTEGER)
    return (first * expm1_series_of_lanes(r) + first) * second


cdef inline vec log_of(vec x, vec _, real p, real q) noexcept nogil:
    # np.log(x): x = 2**n (1 + f), log(1 + f) = 2 artanh(s) with s = f / (2 + f), |s| < 0.18, as
    # f - f**2 / 2 + s (f**2 / 2 + series), where what is rounded is small beside f
    cdef vec small = where_less(x, all_lanes(LEAST_NORMAL), all_lanes(<real>1), all_lanes(0))
    cdef vec bits = x * (small * <real>(DENORMAL_SCALE - 1) + <real>1)
    cdef vec n = exponent_above_root_half(bits) - small * <real>DENORMAL_BITS
    cdef vec f = fraction_above_root_half(bits) - <real>1
    cdef vec s = divide(f, f + <real>2)
    cdef vec square = s * s
    cdef vec series = all_lanes(<real>LOG_SERIES[LOG_TERMS - 1])
    cdef vec half_square = <real>0.5 * f * f
    cdef vec y
    cdef int k
    for k in range(LOG_TERMS - 2, -1, -1):
        series = series * square + <real>LOG_SERIES[k]
    y = s * (half_square + square * series) + n * <real>LOG_2_REST
    y = n * <real>LOG_2_FIRST - ((half_square - y) - f)
    y = where_at_most(x, all_lanes(LARGEST), y, x)          # inf, NaN
    y = where_at_most(x, all_lanes(0), all_lanes(MINUS_INFINITE), y)
    return where_less(x, all_lanes(0), all_lanes(NOT_A_NUMBER), y)


cdef vec clamp_of(vec x, vec _, real low, real high) noexcept nogil:
    # np.minimum(high, np.maximum(low, x))
    return at_most(at_least(x, low), high)


cdef vec logsigmoid_of(vec x, vec _, real p, real q) noexcept nogil:
    # np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x)))
    return at_most(x, 0) - log1p_up_to_1(exp_of_lanes(-magnitude(x)))


cdef vec silu_of(vec x, vec _, real p, real q) noexcept nogil:
    # x * sigmoid(x)
    return x * sigmoid(x)


cdef vec mish_of(vec x, vec _, real p, real q) noexcept nogil:
    # x * np.tanh(np.log1p(np.exp(x)))
    return x * tanh_of_softplus(x)


cdef inline vec tanh_of_softplus(vec x) noexcept nogil:
    # ((1 + e)**2 - 1) / ((1 + e)**2 + 1) with e = np.exp(x); from 30 on that is 1
    cdef vec e = exp_of(at_most(x, <real>30), x, 0, 0)
    cdef vec above = e * (e + <real>2)
    return divide(above, above + <real>2)


cdef vec sign_of(vec x, vec _, real p, real q) noexcept nogil:
    # np.sign(x), and 0 where x is NaN
    cdef vec positive = where_less(all_lanes(0), x, all_lanes(<real>1), all_lanes(0))
    return where_less(x, all_lanes(0), all_lanes(<real>-1), positive)


cdef vec erf_of(vec x, vec _, real p, real q) noexcept nogil:
    return erf(x)


cdef vec threshold_of(vec x, vec _, real limit, real value) noexcept nogil:
    # np.where(x <= limit, value, x)
    return where_at_most(x, all_lanes(limit), all_lanes(value), x)


cdef vec hardsigmoid_of(vec x, vec _, real p, real q) noexcept nogil:
    # np.clip(x + 3, 0, 6) / 6
    return divide(at_most(at_least(x + <real>3, 0), <real>6), all_lanes(<real>6))


cdef vec hardswish_of(vec x, vec _, real p, real q) noexcept nogil:
    # x * np.clip(x + 3, 0, 6) / 6
    return divide(x * at_most(at_least(x + <real>3, 0), <real>6), all_lanes(<real>6))


cdef vec hardshrink_of(vec x, vec _, real limit, real q) noexcept nogil:
    # np.where((x >= -limit) & (x <= limit), 0, x)
    cdef vec below = where_at_most(all_lanes(-limit), x, all_lanes(0), x)
    return where_at_most(x, all_lanes(limit), below, x)


cdef vec softshrink_of(vec x, vec _, real limit, real q) noexcept nogil:
    # np.where(x > limit, x - limit, np.where(x < -limit, x + limit, x * 0))
    cdef vec below = where_less(x, all_lanes(-limit), x + limit, x * <real>0)
    return where_less(all_lanes(limit), x, x - limit, below)


cdef vec leaky_relu_of(vec x, vec _, real slope, real q) noexcept nogil:
    # np.where(x > 0, x, x * slope)
    return where_less(all_lanes(0), x, x, x * slope)


cdef vec elu_of(vec x, vec _, real alpha, real q) noexcept nogil:
    # np.where(x > 0, x, alpha * np.expm1(x)), with the sign of -0
    cdef vec below = expm1_of_lanes(at_least(at_most(x, 0), EXP_LOWEST))
    below = with_sign(magnitude(below), x) * alpha
    return where_less(all_lanes(0), x, x, below)


cdef vec celu_of(vec x, vec _, real alpha, real q) noexcept nogil:
    # np.where(x > 0, x, alpha * np.expm1(x / alpha)), with the sign of -0
    cdef vec z = divide(x, all_lanes(alpha))
    cdef vec below = expm1_of_lanes(at_least(at_most(z, 0), EXP_LOWEST))
    below = with_sign(magnitude(below), z) * alpha
    return where_less(all_lanes(0), x, x, below)


cdef vec selu_of(vec x, vec _, real alpha, real scale) noexcept nogil:
    # np.where(x > 0, x * scale, alpha * scale * np.expm1(x)), with the sign of -0
    return elu_of(x, x, alpha, 0) * scale


cdef vec softplus_of(vec x, vec _, real beta, real limit) noexcept nogil:
    # np.where(x * beta > limit, x, np.log1p(np.exp(x * beta)) / beta)
    cdef vec z = x * beta
    cdef vec y = (at_least(z, 0) + log1p_up_to_1(exp_of_lanes(-magnitude(z)))) * (<real>1 / beta)
    return where_less(all_lanes(limit), z, x, y)


cdef vec gelu_of(vec x, vec _, real p, real q) noexcept nogil:
    # 0.5 * x * (1 + erf(x * np.sqrt(0.5)))
    return <real>0.5 * x * (erf(x * <real>ROOT_HALF) + <real>1)


cdef vec gelu_tanh_of(vec x, vec _, real p, real q) noexcept nogil:
    # 0.5 * x * (1 + np.tanh(TANH_SCALE * x * (1 + TANH_CUBIC * x * x)))
    cdef vec inner = <real>TANH_SCALE * x * (x * x * <real>TANH_CUBIC + <real>1)
    return <real>0.5 * x * (tanh(inner) + <real>1)


cdef inline vec erf(vec x) noexcept nogil:
    # for float32, as in ops/erf.py: an odd rational function, from where it is 1 on constant
    cdef vec z = at_least(at_most(x, <real>3.95), <real>-3.95)
    cdef vec square = z * z
    cdef vec above = square * <real>2.0260549e-6 + <real>2.84678826e-4
    cdef vec below = square * <real>3.78328777e-5 + <real>1.17059690e-3
    above = above * square + <real>3.80759840e-3
    above = above * square + <real>0.0528736961
    above = above * square + <real>0.19153661
    above = above * square + <real>1.12837914
    below = below * square + <real>1.50539499e-2
    below = below * square + <real>0.114554017
    below = below * square + <real>0.503077578
    below = below * square + <real>1
    return at_least(at_most(z * divide(above, below), <real>1), <real>-1)


# -- their slopes: g is the first argument, x or y the second -------------------------------------

cdef vec sigmoid_slope(vec g, vec y, real p, real q) noexcept nogil:
    # g * (y * (1 - y))
    return g * (y * (<real>1 - y))


cdef vec tanh_slope(vec g, vec y, real p, real q) noexcept nogil:
    # g * (1 - y * y)
    return g * (<real>1 - y * y)


cdef vec abs_slope(vec g, vec x, real p, real q) noexcept nogil:
    # g * np.sign(x), and g * 0 where x is NaN
    cdef vec sign = where_less(all_lanes(0), x, all_lanes(<real>1), all_lanes(0))
    return g * where_less(x, all_lanes(0), all_lanes(<real>-1), sign)


cdef vec relu_slope(vec g, vec y, real p, real q) noexcept nogil:
    # np.where(y <= 0, 0, g)
    return where_at_most(y, all_lanes(0), all_lanes(0), g)


cdef vec clamp_slope(vec g, vec x, real low, real high) noexcept nogil:
    # np.where((x >= low) & (x <= high), g, 0)
    cdef vec above = where_at_most(x, all_lanes(high), g, all_lanes(0))
    return where_at_most(all_lanes(low), x, above, all_lanes(0))


cdef vec logsigmoid_slope(vec g, vec x, real p, real q) noexcept nogil:
    # g * sigmoid(-x)
    return g * sigmoid(-x)


cdef vec silu_slope(vec g, vec x, real p, real q) noexcept nogil:
    # g * s * (1 + x * (1 - s)), s = sigmoid(x)
    cdef vec s = sigmoid(x)
    return g * (s * (x * (<real>1 - s) + <real>1))


cdef vec mish_slope(vec g, vec x, real p, real q) noexcept nogil:
    # g * (t + x * sigmoid(x) * (1 - t * t)), t = tanh(softplus(x))
    cdef vec t = tanh_of_softplus(x)
    return g * (x * sigmoid(x) * (<real>1 - t * t) + t)


cdef vec threshold_slope(vec g, vec x, real limit, real q) noexcept nogil:
    # np.where(x <= limit, 0, g)
    return where_at_most(x, all_lanes(limit), all_lanes(0), g)


cdef vec hardtanh_slope(vec g, vec x, real low, real high) noexcept nogil:
    # np.where((x <= low) | (x >= high), 0, g)
    cdef vec above = where_at_most(all_lanes(high), x, all_lanes(0), g)
    return where_at_most(x, all_lanes(low), all_lanes(0), above)


cdef vec hardsigmoid_slope(vec g, vec x, real p, real q) noexcept nogil:
    # np.where((x > -3) & (x < 3), g / 6, 0)
    cdef vec above = where_less(
        x, all_lanes(<real>3), divide(g, all_lanes(<real>6)), all_lanes(0)
    )
    return where_less(all_lanes(<real>-3), x, above, all_lanes(0))


cdef vec hardswish_slope(vec g, vec x, real p, real q) noexcept nogil:
    # np.where(x <= -3, 0, np.where(x < 3, g * (x / 3 + 0.5), g))
    cdef vec middle = g * (divide(x, all_lanes(<real>3)) + <real>0.5)
    cdef vec above = where_less(x, all_lanes(<real>3), middle, g)
    return where_at_most(x, all_lanes(<real>-3), all_lanes(0), above)


cdef vec shrink_slope(vec g, vec x, real limit, real q) noexcept nogil:
    # np.where((x >= -limit) & (x <= limit), 0, g)
    cdef vec below = where_at_most(all_lanes(-limit), x, all_lanes(0), g)
    return where_at_most(x, all_lanes(limit), below, g)


cdef vec celu_slope(vec g, vec x, real alpha, real q) noexcept nogil:
    # np.where(x <= 0, g * np.exp(x / alpha), g)
    cdef vec z = divide(at_most(x, 0), all_lanes(alpha))
    return where_at_most(x, all_lanes(0), g * exp_of(z, z, 0, 0), g)


cdef vec selu_slope(vec g, vec x, real alpha, real scale) noexcept nogil:
    # np.where(x <= 0, g * scale * alpha * np.exp(x), g * scale)
    return elu_slope(g, x, alpha, 0) * scale


cdef vec leaky_relu_slope(vec g, vec x, real slope, real q) noexcept nogil:
    # np.where(x > 0, g, g * slope)
    return where_less(all_lanes(0), x, g, g * slope)


cdef vec elu_slope(vec g, vec x, real alpha, real q) noexcept nogil:
    # np.where(x <= 0, g * alpha * np.exp(x), g)
    return where_at_most(x, all_lanes(0), g * (exp_of_lanes(at_most(x, 0)) * alpha), g)


cdef vec softplus_slope(vec g, vec x, real beta, real limit) noexcept nogil:
    # np.where(x * beta > limit, g, g * sigmoid(x * beta))
    cdef vec z = x * beta
    return where_less(all_lanes(limit), z, g, g * sigmoid(z))


cdef vec gelu_slope(vec g, vec x, real p, real q) noexcept nogil:
    # g * (0.5 * (1 + erf(x * np.sqrt(0.5))) + x * DENSITY_AT_0 * np.exp(-0.5 * x * x))
    cdef vec density = exp_of_lanes(x * x * <real>-0.5) * <real>DENSITY_AT_0
    return g * (<real>0.5 * (erf(x * <real>ROOT_HALF) + <real>1) + x * density)


cdef vec gelu_tanh_slope(vec g, vec x, real p, real q) noexcept nogil:
    # g * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * inner_slope), t as in the function
    cdef vec square = x * x
    cdef vec t = tanh(<real>TANH_SCALE * x * (square * <real>TANH_CUBIC + <real>1))
    cdef real cubic = <real>(3 * TANH_SCALE * TANH_CUBIC)
    cdef vec inner_slope = square * cubic + <real>TANH_SCALE
    return g * (<real>0.5 * (t + <real>1) + <real>0.5 * x * (<real>1 - t * t) * inner_slope)


# -- arithmetic -----------------------------------------------------------------------------------

cdef vec sum_of(vec a, vec b, real p, real q) noexcept nogil:
    # a + b
    return a + b


cdef vec difference_of(vec a, vec b, real p, real q) noexcept nogil:
    # a - b
    return a - b


cdef vec product_of(vec a, vec b, real p, real q) noexcept nogil:
    # a * b
    return a * b


cdef vec quotient_of(vec a, vec b, real p, real q) noexcept nogil:
    # a / b
    return divide(a, b)


cdef vec scaled_sum_of(vec a, vec b, real alpha, real q) noexcept nogil:
    # a + alpha * b
    return a + b * alpha


cdef vec logaddexp_of(vec a, vec b, real p, real q) noexcept nogil:
    # np.logaddexp(a, b): the larger one, plus log(1 + exp(-d)), where d is 0 if both are infinite
    cdef vec larger = where_less(a, b, b, a), d = magnitude(a - b)
    d = where_at_most(a, b, where_at_most(b, a, all_lanes(0), d), d)
    return larger + log1p_up_to_1(exp_of_lanes(-d))


# -- of three arrays ------------------------------------------------------------------------------

cdef vec lerp_of(vec a, vec b, vec weight, real _) noexcept nogil:
    # np.where(np.abs(weight) < 0.5, a + weight * (b - a), b - (1 - weight) * (b - a))
    cdef vec step = b - a
    cdef vec late = b - (<real>1 - weight) * step
    return where_less(magnitude(weight), all_lanes(<real>0.5), a + weight * step, late)


cdef vec addcmul_of(vec x, vec a, vec b, real value) noexcept nogil:
    # x + value * a * b
    return x + a * value * b


cdef vec addcdiv_of(vec x, vec a, vec b, real value) noexcept nogil:
    # x + value * a / b
    return x + divide(a * value, b)


# -- rows -----------------------------------------------------------------------------------------

cdef void softmax_row(real* y, const real* x, const real* _, Py_ssize_t n) noexcept nogil:
    # np.exp(x - x.max()) / np.exp(x - x.max()).sum()
    cdef Py_ssize_t i
    cdef real top = highest(x, n)
    exp_below(y, x, top, n)
    cdef real scale = <real>1 / total(y, n)
    for i in range(n):
        y[i] = y[i] * scale


cdef void log_softmax_of(real* y, const real* x, const real* _, Py_ssize_t n) noexcept nogil:
    # x - x.max() - np.log(np.exp(x - x.max()).sum())
    log_softmax_row(y, x, n)


cdef void softmax_slope_row(real* d, const real* g, const real* y, Py_ssize_t n) noexcept nogil:
    # y * (g - (g * y).sum())
    cdef Py_ssize_t i
    cdef real dot
    for i in range(n):
        d[i] = g[i] * y[i]
    dot = total(d, n)
    for i in range(n):
        d[i] = y[i] * (g[i] - dot)


cdef void log_softmax_slope_row(
    real* d, const real* g, const real* y, Py_ssize_t n
) noexcept nogil:
    # g - np.exp(y) * g.sum()
    cdef Py_ssize_t i = 0
    cdef vec sum = all_lanes(total(g, n))
    while i < n:
        store_part(
            d + i, load_part(g + i, n - i) - exp_of_lanes(load_part(y + i, n - i)) * sum, n - i
        )
        i += LANES


# -- the tables -----------------------------------------------------------------------------------

cdef extern from *:
    """
    #define ROOT_HALF 0.70710678118654752440
    #define DENSITY_AT_0 0.39894228040143267794     /* 1 / sqrt(2 pi) */
    #define TANH_SCALE 0.79788456080286535588       /* sqrt(2 / pi) */
    #define TANH_CUBIC 0.044715
    /* exp of it is less than half the least subnormal number */
    #if defined(MINIGRAD_FLOAT32)
    #define EXP_OF_NOTHING -104.0
    #else
    #define EXP_OF_NOTHING -746.0
    #endif
    """
    const double ROOT_HALF, DENSITY_AT_0, TANH_SCALE, TANH_CUBIC, EXP_OF_NOTHING

cdef extern from *:
    """
    #include <float.h>
    #include <math.h>
    #define NOT_A_NUMBER ((real)NAN)
    #define MINUS_INFINITE ((real)-INFINITY)
    /* log(2) as a number of few digits, whose multiples are exact, and what is missing; the series
     * of (2 artanh(s) - 2 s) / s**3 in s**2, so that the largest error is least (as in fdlibm). */
    #if defined(MINIGRAD_FLOAT32)
    #define LEAST_NORMAL FLT_MIN
    #define LARGEST FLT_MAX
    #define DENORMAL_BITS 25
    #define LOG_2_FIRST 6.9313812256e-01
    #define LOG_2_REST 9.0580006145e-06
    #define LOG_TERMS 4
    static const double LOG_SERIES[LOG_TERMS] = {
        0.66666662693023682, 0.40000972151756287, 0.28498786687850952, 0.24279078841209412};
    #else
    #define LEAST_NORMAL DBL_MIN
    #define LARGEST DBL_MAX
    #define DENORMAL_BITS 54
    #define LOG_2_FIRST 6.93147180369123816490e-01
    #define LOG_2_REST 1.90821492927058770002e-10
    #define LOG_TERMS 7
    static const double LOG_SERIES[LOG_TERMS] = {
        6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01,
        2.222219843214978396e-01, 1.818357216161805012e-01, 1.531383769920937332e-01,
        1.479819860511658591e-01};
    #endif
    #define DENORMAL_SCALE ((double)((uint64_t)1 << DENORMAL_BITS))

    /* x = 2**n m with sqrt(1/2) <= m < sqrt(2), x > 0 and normal: n, and m. The exponent grows by
     * one where the bits reach those of sqrt(2). */
    #if defined(HAS_VECTORS)
    #define BITS_OF(x) ((vec_bits)(x))
    #define FROM_BITS(bits) ((vec)(bits))
    typedef vec_bits log_bits;
    #else
    ALWAYS_INLINE real_bits BITS_OF(real x) {
        real_bits bits;
        memcpy(&bits, &x, sizeof bits);
        return bits;
    }
    ALWAYS_INLINE real FROM_BITS(real_bits bits) {
        real x;
        memcpy(&x, &bits, sizeof x);
        return x;
    }
    typedef real_bits log_bits;
    #endif
    #if defined(MINIGRAD_FLOAT32)
    #define BITS_OF_ROOT_HALF 0x3f3504f3u
    #else
    #define BITS_OF_ROOT_HALF 0x3fe6a09e667f3bcdull
    #endif
    #define BITS_OF_ONE ((real_bits)EXPONENT_BIAS << MANTISSA_BITS)
    #define SPLIT_AT (BITS_OF_ONE - BITS_OF_ROOT_HALF)
    #define MANTISSA_MASK (((real_bits)1 << MANTISSA_BITS) - 1)
    /* a number whose last bits count ones: an integer in them is added to it */
    #define ONES ((real)((uint64_t)1 << MANTISSA_BITS))
    #define BITS_OF_ONES ((real_bits)(EXPONENT_BIAS + MANTISSA_BITS) << MANTISSA_BITS)
    ALWAYS_INLINE vec exponent_above_root_half(vec x) {
        const log_bits n = (BITS_OF(x) + SPLIT_AT) >> MANTISSA_BITS;
        return FROM_BITS(n | BITS_OF_ONES) - (real)(ONES + EXPONENT_BIAS);
    }
    ALWAYS_INLINE vec fraction_above_root_half(vec x) {
        return FROM_BITS(((BITS_OF(x) + SPLIT_AT) & MANTISSA_MASK) + BITS_OF_ROOT_HALF);
    }
    """
    const real NOT_A_NUMBER, MINUS_INFINITE, LEAST_NORMAL, LARGEST
    const double LOG_2_FIRST, LOG_2_REST, DENORMAL_SCALE
    const double* LOG_SERIES
    const int LOG_TERMS, DENORMAL_BITS
    vec exponent_above_root_half(vec x) nogil
    vec fraction_above_root_half(vec x) nogil

cdef entry_function[64] entry_functions
cdef row_function[8] row_functions
cdef dict entry_index = {}, row_index = {}      # name: (place, number of arrays)


cdef entry(str name, int arrays, entry_function function):
    entry_functions[len(entry_index)] = function
    entry_index[name] = (len(entry_index), arrays)


cdef row(str name, int arrays, row_function function):
    row_functions[len(row_index)] = function
    row_index[name] = (len(row_index), arrays)


entry("sigmoid", 1, sigmoid_of)
entry("exp", 1, exp_of)
entry("relu", 1, relu_of)
entry("clamp", 1, clamp_of)
entry("logsigmoid", 1, logsigmoid_of)
entry("silu", 1, silu_of)
entry("leaky_relu", 1, leaky_relu_of)
entry("elu", 1, elu_of)
entry("softplus", 1, softplus_of)
entry("gelu_tanh", 1, gelu_tanh_of)
entry("celu", 1, celu_of)
entry("selu", 1, selu_of)
entry("mish", 1, mish_of)
entry("sign", 1, sign_of)
entry("threshold", 1, threshold_of)
entry("hardsigmoid", 1, hardsigmoid_of)
entry("hardswish", 1, hardswish_of)
entry("hardshrink", 1, hardshrink_of)
entry("softshrink", 1, softshrink_of)
entry("logaddexp", 2, logaddexp_of)
entry("scaled_sum", 2, scaled_sum_of)
entry("sigmoid_slope", 2, sigmoid_slope)
entry("tanh_slope", 2, tanh_slope)
entry("abs_slope", 2, abs_slope)
entry("relu_slope", 2, relu_slope)
entry("clamp_slope", 2, clamp_slope)
entry("logsigmoid_slope", 2, logsigmoid_slope)
entry("silu_slope", 2, silu_slope)
entry("leaky_relu_slope", 2, leaky_relu_slope)
entry("elu_slope", 2, elu_slope)
entry("softplus_slope", 2, softplus_slope)
entry("gelu_tanh_slope", 2, gelu_tanh_slope)
entry("celu_slope", 2, celu_slope)
entry("selu_slope", 2, selu_slope)
entry("mish_slope", 2, mish_slope)
entry("threshold_slope", 2, threshold_slope)
entry("hardtanh_slope", 2, hardtanh_slope)
entry("hardsigmoid_slope", 2, hardsigmoid_slope)
entry("hardswish_slope", 2, hardswish_slope)
entry("shrink_slope", 2, shrink_slope)
if LANES * sizeof(real) < 64:   # (for AVX-512 NumPy has its own, which is faster)
    entry("log", 1, log_of)
if REAL_NAME == b"float32":     # the erf above has no more digits
    entry("erf", 1, erf_of)
    entry("gelu", 1, gelu_of)
    entry("gelu_slope", 2, gelu_slope)

row("softmax", 1, softmax_row)
row("log_softmax", 1, log_softmax_of)
row("softmax_slope", 2, softmax_slope_row)
row("log_softmax_slope", 2, log_softmax_slope_row)


cdef bint fits(tuple arrays, Py_ssize_t count) noexcept:
    """Whether all are arrays of this type, of one shape, and the last lies in row-major order."""
    cdef cnp.ndarray first, last
    if len(arrays) < count or not cnp.PyArray_CheckExact(arrays[count - 1]):
        return False
    last = <cnp.ndarray>arrays[count - 1]
    if cnp.PyArray_TYPE(last) != REAL_TYPENUM or not PyArray_ISCARRAY_RO(last):
        return False
    if count == 1:
        return True
    if not cnp.PyArray_CheckExact(arrays[0]):
        return False
    first = <cnp.ndarray>arrays[0]
    return cnp.PyArray_TYPE(first) == REAL_TYPENUM and same_shape(first, last)


cdef tuple suited(dict index, str name, tuple arguments):
    """(place in the table, first array, last array, the rest of `arguments`), or None."""
    cdef object found = index.get(name)
    cdef Py_ssize_t count
    if found is None:
        return None
    count = found[1]
    if not fits(arguments, count):
        return None
    return found[0], ordered(arguments[0]), arguments[count - 1], arguments[count:]


cdef bint is_alike(cnp.ndarray out, cnp.ndarray x) noexcept:
    """Whether `out`, if given, can be written to in the place of a new array like `x`."""
    return out is None or (
        cnp.PyArray_TYPE(out) == REAL_TYPENUM and PyArray_ISCARRAY(out) and same_shape(out, x)
    )


cdef bint is_apart(cnp.ndarray out, cnp.ndarray x) noexcept:
    """Whether a row of `out` can be written when the same row of `x` was read, and no other."""
    if out is None or x is None:
        return True
    cdef char* start = <char*>data(out)
    cdef char* other = <char*>data(x)
    if start == other:
        return same_shape(out, x)
    return (
        start + cnp.PyArray_SIZE(out) * sizeof(real) <= other
        or other + cnp.PyArray_SIZE(x) * sizeof(real) <= start
    )


def entrywise(str name not None, tuple arguments not None, cnp.ndarray out=None):
    """The function `name` of arrays and numbers, as a new array; None if they do not suit it.

    With `out`, which may be one of the arrays, it is written there.
    """
    cdef tuple given = suited(entry_index, name, arguments)
    cdef tuple numbers
    if given is None:
        return None
    numbers = given[3]
    for number in numbers:
        if not isinstance(number, (int, float)) or number != number:
            return None
    cdef double first_number = 0, second_number = 0     # (Cython would take a real for a float)
    if len(numbers) > 0:
        first_number = numbers[0]
    if len(numbers) > 1:
        second_number = numbers[1]
    cdef real p = <real>first_number, q = <real>second_number
    cdef entry_function f = entry_functions[<int>given[0]]
    cdef cnp.ndarray first = given[1], last = given[2]
    if not (is_alike(out, last) and is_apart(out, first) and is_apart(out, last)):
        return None
    cdef cnp.ndarray result = empty_like(last) if out is None else out
    cdef const real* a = data(first)
    cdef const real* b = data(last)
    cdef real* y = data(result)
    with nogil:
        over_all(f, y, a, b, cnp.PyArray_SIZE(last), p, q)
    return result


cdef void over_all(
    entry_function f, real* y, const real* a, const real* b, Py_ssize_t n, real p, real q
) noexcept nogil:
    """y = f(a, b, p, q), for n entries."""
    if f == relu_of:
        over(relu_of, y, a, b, n, p, q)
    elif f == relu_slope:
        over(relu_slope, y, a, b, n, p, q)
    elif f == clamp_of:
        over(clamp_of, y, a, b, n, p, q)
    elif f == clamp_slope:
        over(clamp_slope, y, a, b, n, p, q)
    elif f == log_of:
        over(log_of, y, a, b, n, p, q)
    elif f == abs_slope:
        over(abs_slope, y, a, b, n, p, q)
    elif f == leaky_relu_of:
        over(leaky_relu_of, y, a, b, n, p, q)
    elif f == leaky_relu_slope:
        over(leaky_relu_slope, y, a, b, n, p, q)
    elif f == sigmoid_slope:
        over(sigmoid_slope, y, a, b, n, p, q)
    elif f == tanh_slope:
        over(tanh_slope, y, a, b, n, p, q)
    elif f == scaled_sum_of:
        over(scaled_sum_of, y, a, b, n, p, q)
    elif f == sign_of:
        over(sign_of, y, a, b, n, p, q)
    elif f == threshold_of:
        over(threshold_of, y, a, b, n, p, q)
    elif f == threshold_slope:
        over(threshold_slope, y, a, b, n, p, q)
    elif f == hardtanh_slope:
        over(hardtanh_slope, y, a, b, n, p, q)
    elif f == hardshrink_of:
        over(hardshrink_of, y, a, b, n, p, q)
    elif f == softshrink_of:
        over(softshrink_of, y, a, b, n, p, q)
    elif f == shrink_slope:
        over(shrink_slope, y, a, b, n, p, q)
    else:
        over(f, y, a, b, n, p, q)


cdef inline void over(
    entry_function f, real* y, const real* a, const real* b, Py_ssize_t n, real p, real q
) noexcept nogil:
    # Inlined into a call that names f, which is then inlined, too.
    cdef Py_ssize_t i = 0
    cdef int rest
    while i + LANES <= n:
        store(y + i, f(load(a + i), load(b + i), p, q))
        i += LANES
    if i < n:
        rest = <int>(n - i)
        store_first(y + i, f(load_first(a + i, rest), load_first(b + i, rest), p, q), rest)


cdef enum Operator:
    PLUS, MINUS, TIMES, BY

cdef dict operators = {"add": PLUS, "sub": MINUS, "mul": TIMES, "div": BY}


cdef enum Spread:
    EVERYWHERE, IN_ROWS, IN_COLUMNS, A_NUMBER      # what there is for each entry, row by row


cdef Spread spread_of(cnp.ndarray x, cnp.npy_intp* shape, int ndim) noexcept:
    """How `x` lies in a shape to which it can be broadcast; A_NUMBER if in none of these ways."""
    cdef int k, rank = cnp.PyArray_NDIM(x), lead = ndim - rank
    cdef bint whole = lead == 0, row = rank > 0, column = lead == 0 and rank > 0
    for k in range(rank):
        if x.shape[k] != shape[lead + k]:
            whole = False
            if k == rank - 1:
                row = False
            else:
                column = False
        if k < rank - 1 and x.shape[k] != 1:
            row = False
    if whole:
        return EVERYWHERE
    return IN_ROWS if row else IN_COLUMNS if column and x.shape[rank - 1] == 1 else A_NUMBER


def arithmetic(str name not None, object a, object b, cnp.ndarray out=None):
    """``a + b``, or `name`, of an array and another one, or a number; each whole, a row, a column.

    None if they do not suit: another type, another layout, another kind of broadcasting. With
    `out`, which may be `a`, it is written there.
    """
    cdef cnp.ndarray x, z = None
    cdef double number = 0
    cdef cnp.npy_intp[MOST_AXES] shape
    if not cnp.PyArray_CheckExact(a):
        return None
    x = <cnp.ndarray>a
    if cnp.PyArray_TYPE(x) != REAL_TYPENUM or not PyArray_ISCARRAY_RO(x):
        return None
    cdef Py_ssize_t n = cnp.PyArray_SIZE(x), rows = 1, k, _
    cdef int ndim = cnp.PyArray_NDIM(x), rank
    cdef Spread of_x = EVERYWHERE, of_z = A_NUMBER
    found = operators.get(name)
    if found is None:
        return None
    cdef Operator op = found
    cdef cnp.ndarray result = out
    if cnp.PyArray_CheckExact(b):
        z = <cnp.ndarray>b
        if cnp.PyArray_TYPE(z) != REAL_TYPENUM or not PyArray_ISCARRAY_RO(z):
            return None
        of_z = EVERYWHERE
        if not same_shape(x, z):
            rank = cnp.PyArray_NDIM(z)
            if rank == 0 or ndim == 0 or ndim > MOST_AXES or rank > MOST_AXES:
                return None
            rows = 1
            for k in range(max(ndim, rank)):   # from the last axis on
                n = x.shape[ndim - 1 - k] if k < ndim else 1
                if k < rank and z.shape[rank - 1 - k] != n:
                    if n != 1 and z.shape[rank - 1 - k] != 1:
                        return None
                    n = n if z.shape[rank - 1 - k] == 1 else z.shape[rank - 1 - k]
                shape[max(ndim, rank) - 1 - k] = n
                rows *= n
            ndim = max(ndim, rank)
            n = shape[ndim - 1]
            if rows == 0:
                return None
            rows //= n
            of_x, of_z = spread_of(x, shape, ndim), spread_of(z, shape, ndim)
            if of_x == A_NUMBER or of_z == A_NUMBER:
                return None
            if out is not None and of_x != EVERYWHERE:
                return None
            if out is None:
                result = cnp.PyArray_EMPTY(ndim, shape, REAL_TYPENUM, 0)
    elif type(b) is float or (type(b) is int and -MOST_INT < b < MOST_INT):
        number = b
    else:
        return None
    if out is not None and not (is_alike(out, x) and is_apart(out, z)):
        return None
    if result is None:
        result = empty_like(x)
    cdef const real* first = data(x)
    cdef const real* second = data(z)
    cdef real* y = data(result)
    cdef Py_ssize_t step_x = n if of_x == EVERYWHERE else 1 if of_x == IN_COLUMNS else 0
    cdef Py_ssize_t step_z = n if of_z == EVERYWHERE else 1 if of_z == IN_COLUMNS else 0
    with nogil:
        for _ in range(rows):
            if op == PLUS:        # (a loop for each)
                combine(sum_of, y, first, second, of_x, of_z, <real>number, n)
            elif op == MINUS:
                combine(difference_of, y, first, second, of_x, of_z, <real>number, n)
            elif op == TIMES:
                combine(product_of, y, first, second, of_x, of_z, <real>number, n)
            else:
                combine(quotient_of, y, first, second, of_x, of_z, <real>number, n)
            y += n
            first += step_x
            second += step_z
    return result


cdef inline void combine(
    entry_function f, real* y, const real* a, const real* b, Spread of_a, Spread of_b,
    real number, Py_ssize_t n
) noexcept nogil:
    # Inlined, as `over` is.
    if of_a == IN_COLUMNS:
        over_first(f, y, all_lanes(a[0]), b, n)
    elif of_b == IN_COLUMNS or of_b == A_NUMBER:
        over_second(f, y, a, all_lanes(b[0] if of_b == IN_COLUMNS else number), n)
    else:
        over(f, y, a, b, n, 0, 0)


cdef inline void over_second(
    entry_function f, real* y, const real* a, vec same, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t i = 0
    cdef int rest
    while i + LANES <= n:
        store(y + i, f(load(a + i), same, 0, 0))
        i += LANES
    if i < n:
        rest = <int>(n - i)
        store_first(y + i, f(load_first(a + i, rest), same, 0, 0), rest)


cdef inline void over_first(
    entry_function f, real* y, vec same, const real* b, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t i = 0
    cdef int rest
    while i + LANES <= n:
        store(y + i, f(same, load(b + i), 0, 0))
        i += LANES
    if i < n:
        rest = <int>(n - i)
        store_first(y + i, f(same, load_first(b + i, rest), 0, 0), rest)


cdef dict third_index = {"lerp": 0, "addcmul": 1, "addcdiv": 2}


def of_three(
    str name not None, object a, object b, object c, object value=1.0, cnp.ndarray out=None
):
    """The function `name` of three arrays of one shape, and of a number; None if they do not suit.

    For "lerp", `c` may be a number. With `out`, which may be `a`, it is written there.
    """
    cdef cnp.ndarray x, z, w = None
    cdef double number = 1, weight = 0
    which = third_index.get(name)
    if which is None or not (cnp.PyArray_CheckExact(a) and fits((a, b), 2)):
        return None
    x, z = a, b
    if not PyArray_ISCARRAY_RO(x):
        return None
    if cnp.PyArray_CheckExact(c):
        w = <cnp.ndarray>c
        if not fits((a, c), 2):
            return None
    elif name == "lerp" and type(c) is float and c == c:
        weight = c
    else:
        return None
    if type(value) is float or (type(value) is int and -MOST_INT < value < MOST_INT):
        number = value
    else:
        return None
    if not (is_alike(out, x) and is_apart(out, z) and is_apart(out, w)):
        return None
    cdef cnp.ndarray result = empty_like(x) if out is None else out
    cdef Py_ssize_t n = cnp.PyArray_SIZE(x)
    cdef int kind = which
    cdef real* y = data(result)
    cdef const real* first = data(x)
    cdef const real* second = data(z)
    cdef const real* third = data(w)
    with nogil:
        if kind == 0:
            over_three(lerp_of, y, first, second, third, <real>weight, n, 0)
        elif kind == 1:
            over_three(addcmul_of, y, first, second, third, 0, n, <real>number)
        else:
            over_three(addcdiv_of, y, first, second, third, 0, n, <real>number)
    return result


cdef inline void over_three(
    third_function f, real* y, const real* a, const real* b, const real* c, real same,
    Py_ssize_t n, real p
) noexcept nogil:
    # Inlined, as `over` is; of a NULL for c, with `same` in its place.
    cdef Py_ssize_t i = 0
    cdef vec third = all_lanes(same)
    while i < n:
        if c is not NULL:
            third = load_part(c + i, n - i)
        store_part(
            y + i, f(load_part(a + i, n - i), load_part(b + i, n - i), third, p), n - i
        )
        i += LANES


def full(tuple shape not None, double value):
    # np.full(shape, value)
    cdef cnp.npy_intp[MOST_AXES] sizes
    cdef int k, ndim = <int>len(shape)
    if ndim > MOST_AXES:
        return None
    for k in range(ndim):
        sizes[k] = shape[k]
    cdef cnp.ndarray result = cnp.PyArray_EMPTY(ndim, sizes, REAL_TYPENUM, 0)
    cdef real* y = data(result)
    cdef Py_ssize_t i = 0, n = cnp.PyArray_SIZE(result)
    cdef vec same = all_lanes(<real>value)
    with nogil:
        while i < n:
            store_part(y + i, same, n - i)
            i += LANES
    return result


cdef void run_entry(
    int which, void* y, const void* a, const void* b, Py_ssize_t n, double p, double q
) noexcept nogil:
    over_all(
        entry_functions[which], <real*>y, <const real*>a, <const real*>b, n, <real>p, <real>q
    )


def address(str name not None):
    """For `tape`: the address of what runs the function `name`, its number, how many arrays it has.

    None if there is no such function.
    """
    found = entry_index.get(name)
    return None if found is None else (<size_t>&run_entry, *found)


def rowwise(str name not None, tuple arrays not None):
    """The same for a function of rows: of the last axis."""
    cdef tuple given = suited(row_index, name, arrays)
    if given is None:
        return None
    cdef row_function f = row_functions[<int>given[0]]
    cdef cnp.ndarray first = given[1], last = given[2]
    cdef int ndim = cnp.PyArray_NDIM(last)
    if ndim == 0 or cnp.PyArray_SIZE(last) == 0:
        return None
    cdef cnp.ndarray result = empty_like(last)
    cdef const real* a = data(first)
    cdef const real* b = data(last)
    cdef real* y = data(result)
    cdef Py_ssize_t n = last.shape[ndim - 1], rows = cnp.PyArray_SIZE(last) // n, k
    with nogil:
        for k in range(rows):
            f(y + k * n, a + k * n, b + k * n, n)
    return result


def multiply_adds():
    """Multiply and add on registers, and return how many numbers that were.

    Timed, it says what the processor can do at the most: there is no memory, and nobody waits.
    """
    cdef vec[MANY] sums
    cdef Py_ssize_t _
    cdef int j
    cdef vec shrink = all_lanes(<real>0.75), grow = all_lanes(<real>0.25)
    cdef real result = 0
    with nogil:
        for j in range(MANY):
            sums[j] = all_lanes(<real>j)
        for _ in range(ROUNDS):
            for j in range(MANY):
                sums[j] = sums[j] * shrink + grow
        for j in range(MANY):
            result += sum_lanes(sums[j])
    return ROUNDS * MANY * LANES if result == result else 0
