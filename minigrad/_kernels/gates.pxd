"""The functions that gates are made of: exp of a scalar; tanh, sigmoid, relu of a whole vector.

They have no branches and call nothing. Infinities are clamped to a number where the result is
already exact, and NaN stays NaN, which takes care: a comparison with NaN is false.

exp and tanh share one idea. Split z = n ln2 + r with n an integer and |r| <= ln2 / 2. Then

    exp(z)  = 2**n exp(r)        expm1(z) = exp(z) - 1 = 2**n expm1(r) + (2**n - 1)

and expm1(r) = r + r**2/2! + r**3/3! + ... needs few terms: 7 for float32, 13 for float64. As
expm1 keeps its relative precision around zero, so does

    tanh(x) = expm1(2x) / (expm1(2x) + 2).

(A quotient of two polynomials in x is a common way to tanh, too, and a shorter one; but with ten
fitted coefficients its float32 rounding errors came to five or six units in the last place.)
"""

from .real cimport (
    ROUND_TO_INTEGER,
    all_lanes,
    at_least,
    at_most,
    divide,
    magnitude,
    power_of_two,
    powers_of_two,
    real,
    reciprocal,
    vec,
    where_less,
    with_sign,
)

cdef extern from *:
    """
    #define LOG2_E ((real)1.4426950408889634)
    /* ln2 in two parts. The first has so few bits that n * LN2_HIGH is exact. */
    #if defined(MINIGRAD_FLOAT32)
    #define LN2_HIGH 0.693359375f
    #define LN2_LOW -2.12194440e-4f
    #define EXP_LOWEST -87.0f       /* exp(-87) is about the least normal number */
    #define EXP_HIGHEST 88.0f
    #define EXP_BEYOND 89.0f        /* exp(89) is more than the greatest number */
    #define TANH_ONE 10.0f          /* tanh(10) rounds to 1 */
    #define LOG1P_TERMS 8           /* (1 / 9)**8 / 17 is below half a unit in the last place */
    #else
    #define LN2_HIGH 0.693145751953125
    #define LN2_LOW 1.42860682030941723212e-6
    #define EXP_LOWEST -708.0
    #define EXP_HIGHEST 709.0
    #define EXP_BEYOND 710.0
    #define TANH_ONE 20.0
    #define LOG1P_TERMS 17
    #endif

    /* expm1(r) for |r| <= ln2 / 2: the Taylor series, in Horner's order. */
    #if defined(MINIGRAD_FLOAT32)
    #define FIRST_TERMS(s, r, type) s = (real)(1. / 5040) - (type){0};
    #else
    #define FIRST_TERMS(s, r, type)              \
        s = (real)(1. / 6227020800) * r    \
          + (real)(1. / 479001600);        \
        s = s * r + (real)(1. / 39916800); \
        s = s * r + (real)(1. / 3628800);  \
        s = s * r + (real)(1. / 362880);   \
        s = s * r + (real)(1. / 40320);    \
        s = s * r + (real)(1. / 5040);
    #endif
    #define DEFINE_SERIES(name, type)      \
    ALWAYS_INLINE type name(type r) {      \
        type s;                            \
        FIRST_TERMS(s, r, type)            \
        s = s * r + (real)(1. / 720);      \
        s = s * r + (real)(1. / 120);      \
        s = s * r + (real)(1. / 24);       \
        s = s * r + (real)(1. / 6);        \
        s = s * r + (real)(1. / 2);        \
        return r + r * r * s;              \
    }
    DEFINE_SERIES(expm1_series, real)
    DEFINE_SERIES(expm1_series_of_lanes, vec)
    """
    const real LOG2_E, LN2_HIGH, LN2_LOW, EXP_LOWEST, EXP_HIGHEST, EXP_BEYOND, TANH_ONE
    const int LOG1P_TERMS
    real expm1_series(real r) nogil
    vec expm1_series_of_lanes(vec r) nogil


cdef inline real exp(real x) noexcept nogil:
    # np.exp(x) for x <= EXP_HIGHEST; 0 below EXP_LOWEST
    cdef real z = EXP_LOWEST if x < EXP_LOWEST else x
    cdef real rounded = z * LOG2_E + ROUND_TO_INTEGER
    cdef real n = rounded - ROUND_TO_INTEGER
    cdef real r = (z - n * LN2_HIGH) - n * LN2_LOW
    cdef real scale = power_of_two(rounded)
    cdef real y = scale * expm1_series(r) + scale
    return 0 if x < EXP_LOWEST else y


cdef inline vec scaled_expm1(vec z, vec* scale) noexcept nogil:
    # scale * np.expm1(r) and scale, 2**n; for EXP_LOWEST <= z <= EXP_HIGHEST
    cdef vec rounded = z * LOG2_E + ROUND_TO_INTEGER
    cdef vec n = rounded - ROUND_TO_INTEGER
    cdef vec r = (z - n * LN2_HIGH) - n * LN2_LOW
    scale[0] = powers_of_two(rounded)
    return scale[0] * expm1_series_of_lanes(r)


cdef inline vec exp_of_lanes(vec x) noexcept nogil:
    # np.exp(x) for x <= EXP_HIGHEST; 0 below EXP_LOWEST
    cdef vec scale
    cdef vec expm1_r = scaled_expm1(at_least(x, EXP_LOWEST), &scale)
    return where_less(x, all_lanes(EXP_LOWEST), all_lanes(0), expm1_r + scale)


cdef inline vec expm1_of_lanes(vec z) noexcept nogil:
    # np.expm1(z) for EXP_LOWEST <= z <= EXP_HIGHEST
    cdef vec scale
    cdef vec expm1_r = scaled_expm1(z, &scale)
    return expm1_r + (scale - <real>1)


cdef inline vec tanh(vec x) noexcept nogil:
    # np.tanh(x)
    cdef vec expm1_z = expm1_of_lanes(<real>2 * at_most(magnitude(x), TANH_ONE))
    return with_sign(divide(expm1_z, expm1_z + <real>2), x)


cdef inline vec sigmoid(vec x) noexcept nogil:
    # 1 / (1 + np.exp(-x)); small values have their full relative precision, and where exp(-x)
    # overflows the gate is closed: exactly 0. As 2**n alone overflows earlier than exp does, it is
    # exp(-x) / 2 = 2**(n - 1) exp(r) that is made first.
    cdef vec z = at_least(at_most(-x, EXP_BEYOND), EXP_LOWEST)
    cdef vec rounded = z * LOG2_E + (ROUND_TO_INTEGER - <real>1)
    cdef vec n = rounded - (ROUND_TO_INTEGER - <real>1)
    cdef vec r = (z - n * LN2_HIGH) - n * LN2_LOW
    cdef vec half_scale = powers_of_two(rounded)
    cdef vec half_exp = half_scale * expm1_series_of_lanes(r) + half_scale
    return reciprocal(half_exp * <real>2 + <real>1)


cdef inline vec relu(vec x) noexcept nogil:
    # np.maximum(x, 0)
    return at_least(x, 0)


cdef inline vec log1p_up_to_1(vec e) noexcept nogil:
    # np.log1p(e) for 0 <= e <= 1: 2 artanh(s), a series in s = e / (2 + e) <= 1 / 3
    cdef vec s = divide(e, e + <real>2)
    cdef vec square = s * s
    cdef vec series = all_lanes(<real>1 / <real>(2 * LOG1P_TERMS + 1))
    cdef int k
    for k in range(LOG1P_TERMS - 1, 0, -1):
        series = series * square + all_lanes(<real>1 / <real>(2 * k + 1))
    return <real>2 * (s + s * (square * series))
