"""Draws from mt19937: words, and the numbers that `minigrad.random` makes of them.

    state       the 624 words of the engine; the place of the next one among them (624: all are used
                up; more: they are still to be made from the seed, which is the first one); whether
                a normal number is kept for the next draw, and that number, in the last two words
    unit        a word's low 24 bits / 2**24, or in double two words' low 53 bits / 2**53
    values      the array to be filled, or a shape: then it is a new array. It is what is returned

Each draw gives the bits that the NumPy text in `minigrad.random` gives. So this file is compiled
without fused multiply-adds (see setup.py), and logarithms, sines and cosines are NumPy's own loops,
whatever the level: a vector of ours would differ from them in the last bit.

Threads may share a state: a draw keeps the interpreter's lock, and lets others have it now and then
if it is long, when the state is in order (`let_others`).
"""

from libc.math cimport INFINITY, cos, log1p, sin, sqrt
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

cimport numpy as cnp

import numpy as np

from .arrays cimport (
    PyArray_ISCARRAY,
    PyArray_ISCARRAY_RO,
    REAL_TYPENUM,
    check_ndim,
    data,
    empty_1d,
    ordered,
)
from .real cimport real, real_sqrt

cnp.import_array()

cdef enum:
    WORDS = 624
    NEXT = 624          # where the place of the next word is,
    IS_KEPT = 625       # whether a normal number is kept,
    KEPT = 626          # and that number
    STATE = 628
    FAR = 397           # a word is renewed with the one so far after it
    BLOCK = 16          # normal numbers: eight radii,
    HALF = 8            # eight angles
    PIECE = 1024        # made at a time, in the first-level cache; a multiple of BLOCK
    PAIRS = 512         # in a piece

cdef extern from *:
    """
    #define UPPER_BIT 0x80000000u
    #define LOWER_BITS 0x7fffffffu
    #define TWIST 0x9908b0dfu
    #define TEMPER_7 0x9d2c5680u
    #define TEMPER_15 0xefc60000u
    #define KNUTH 1812433253u
    #define BITS_32 0xffffffffu
    #define BITS_24 0xffffffu
    #define BITS_21 0x1fffffu           /* of the high one of two words: 21 + 32 = 53 */
    #define STEP_24 (1.0 / 16777216.0)
    #define STEP_53 (1.0 / 9007199254740992.0)
    #define TWO_32 4294967296.0
    #define TWO_PI 6.283185307179586
    """
    const uint32_t UPPER_BIT, LOWER_BITS, TWIST, TEMPER_7, TEMPER_15, KNUTH
    const uint32_t BITS_32, BITS_24, BITS_21
    const double STEP_24, STEP_53, TWO_32, TWO_PI


# -- words ----------------------------------------------------------------------------------------

cdef void make_words(uint32_t* state) noexcept nogil:
    """The first 624 words, from the seed in state[0]."""
    cdef Py_ssize_t k
    for k in range(1, WORDS):
        # state[k] = 1812433253 * (state[k - 1] ^ (state[k - 1] >> 30)) + k
        state[k] = KNUTH * (state[k - 1] ^ (state[k - 1] >> 30)) + <uint32_t>k
    state[NEXT] = WORDS


cdef inline uint32_t twisted(uint32_t here, uint32_t after, uint32_t far) noexcept nogil:
    # mixed = (here & UPPER_BIT) | (after & LOWER_BITS)
    # far ^ (mixed >> 1) ^ np.where(mixed & 1, TWIST, 0)
    cdef uint32_t mixed = (here & UPPER_BIT) | (after & LOWER_BITS)
    return far ^ (mixed >> 1) ^ ((~(mixed & 1) + 1) & TWIST)


cdef void twist(uint32_t* state) noexcept nogil:
    """The next 624 words: each renewed with the one after it, and the one 397 after it."""
    cdef Py_ssize_t k
    for k in range(WORDS - FAR):
        state[k] = twisted(state[k], state[k + 1], state[k + FAR])
    for k in range(WORDS - FAR, WORDS - 1):
        state[k] = twisted(state[k], state[k + 1], state[k + FAR - WORDS])
    state[WORDS - 1] = twisted(state[WORDS - 1], state[0], state[FAR - 1])


cdef void temper(uint32_t* words, const uint32_t* state, Py_ssize_t n) noexcept nogil:
    """What is given out of n words of the state."""
    cdef Py_ssize_t i
    cdef uint32_t word
    for i in range(n):
        word = state[i]
        word ^= word >> 11
        word ^= (word << 7) & TEMPER_7
        word ^= (word << 15) & TEMPER_15
        words[i] = word ^ (word >> 18)


cdef void draw(uint32_t* state, uint32_t* words, Py_ssize_t n) noexcept nogil:
    """The next n words."""
    cdef Py_ssize_t i = 0, count, next = state[NEXT]
    if next > WORDS:
        make_words(state)
        next = WORDS
    while i < n:
        if next == WORDS:
            twist(state)
            next = 0
        count = min(n - i, WORDS - next)
        temper(words + i, state + next, count)
        i += count
        next += count
    state[NEXT] = <uint32_t>next


cdef uint32_t* words_of(cnp.ndarray state) except NULL:
    if (
        cnp.PyArray_TYPE(state) != cnp.NPY_UINT32 or cnp.PyArray_NDIM(state) != 1
        or not PyArray_ISCARRAY(state) or state.shape[0] != STATE
    ):
        raise ValueError(f"state: expected {STATE} words of uint32 that can be written to")
    return <uint32_t*>cnp.PyArray_DATA(state)


cdef cnp.ndarray array_of(object values, int typenum, bint written=True):
    """`values` itself, if it is an array of this type without gaps; of a shape, a new array."""
    cdef cnp.npy_intp[8] shape
    cdef Py_ssize_t k
    if isinstance(values, cnp.ndarray):
        if cnp.PyArray_TYPE(values) != typenum or not (
            PyArray_ISCARRAY(values) if written else PyArray_ISCARRAY_RO(values)
        ):
            raise ValueError(
                f"values: expected {np.dtype(cnp.PyArray_DescrFromType(typenum))} without gaps, "
                f"that can be written to, not {values.dtype} of strides {values.strides}"
            )
        return values
    if isinstance(values, tuple) and len(<tuple>values) <= 8:
        for k in range(len(<tuple>values)):
            shape[k] = (<tuple>values)[k]
        return cnp.PyArray_EMPTY(<int>len(<tuple>values), shape, typenum, 0)
    return np.empty(values, cnp.PyArray_DescrFromType(typenum))


cdef inline void let_others(Py_ssize_t done) noexcept:
    """Now and then, let other threads have the interpreter's lock."""
    if done % (64 * PIECE) == 0 and done > 0:
        with nogil:
            pass


# -- uniform numbers ------------------------------------------------------------------------------

cdef inline double unit_of(const uint32_t* pair) noexcept nogil:
    # ((pair[0] << 32 | pair[1]) & (2**53 - 1)) * 2**-53
    return (<double><int32_t>(pair[0] & BITS_21) * TWO_32 + <double>pair[1]) * STEP_53


cdef void fill_uniform(
    uint32_t* state, real* x, Py_ssize_t n, double start, double width
) noexcept nogil:
    """x = unit * width + start, for at most a PIECE."""
    cdef uint32_t words[2 * PIECE]
    cdef Py_ssize_t i
    cdef double step = width * STEP_24
    if sizeof(real) == 8:
        draw(state, words, 2 * n)
        for i in range(n):
            x[i] = <real>unit_of(words + 2 * i)
        if width != 1:
            for i in range(n):
                x[i] = x[i] * <real>width
        if start != 0:
            for i in range(n):
                x[i] = x[i] + <real>start
        return
    draw(state, words, n)
    if start == 0 and width == 1:       # a float holds 24 bits
        for i in range(n):
            x[i] = <real><int32_t>(words[i] & BITS_24) * <real>STEP_24
    elif start == 0:
        for i in range(n):
            x[i] = <real>(<double><int32_t>(words[i] & BITS_24) * step)
    else:
        for i in range(n):
            x[i] = <real>(<double><int32_t>(words[i] & BITS_24) * step + start)


def uniform(
    cnp.ndarray state not None,     # IN OUT
    values not None,                # OUT
    double low=0, double high=1,
):
    """values = unit * (high - low) + low; one word each, in double two."""
    cdef uint32_t* s = words_of(state)
    cdef cnp.ndarray result = array_of(values, REAL_TYPENUM)
    cdef real* x = data(result)
    cdef Py_ssize_t i, count, first = 0, n = cnp.PyArray_SIZE(result)
    cdef real start = <real>low, top = <real>high, width = top - start
    while first < n:
        let_others(first)
        count = min(n - first, <Py_ssize_t>PIECE)
        fill_uniform(s, x + first, count, start, width)
        if low != 0 and low != -high:       # then a sum may have been rounded up to high itself
            for i in range(first, first + count):
                x[i] = start if x[i] == top else x[i]
        first += count
    return result


def bernoulli(
    cnp.ndarray state not None,     # IN OUT
    values not None,                # OUT
    double p,
):
    """values = unit < p; two words each, whatever the type."""
    cdef uint32_t* s = words_of(state)
    cdef cnp.ndarray result = array_of(values, REAL_TYPENUM)
    cdef real* x = data(result)
    cdef uint32_t words[2 * PIECE]
    cdef Py_ssize_t i, count, first = 0, n = cnp.PyArray_SIZE(result)
    while first < n:
        let_others(first)
        count = min(n - first, <Py_ssize_t>PIECE)
        draw(s, words, 2 * count)
        for i in range(count):
            x[first + i] = <real>(unit_of(words + 2 * i) < p)
        first += count
    return result


def bernoulli_each(
    cnp.ndarray state not None,     # IN OUT
    cnp.ndarray p not None,         # IN
):
    """unit < p, as numbers; None, and no draw, if some p is not between 0 and 1."""
    cdef uint32_t* s = words_of(state)
    cdef cnp.ndarray chance = array_of(ordered(p), REAL_TYPENUM, False)
    cdef const real* chances = data(chance)
    cdef Py_ssize_t i, count, first = 0, n = cnp.PyArray_SIZE(chance)
    for i in range(n):
        if not (chances[i] >= 0 and chances[i] <= 1):
            return None
    cdef cnp.ndarray result = cnp.PyArray_EMPTY(
        cnp.PyArray_NDIM(chance), cnp.PyArray_DIMS(chance), REAL_TYPENUM, 0
    )
    cdef real* x = data(result)
    while first < n:
        let_others(first)
        count = min(n - first, <Py_ssize_t>PIECE)
        fill_uniform(s, x + first, count, 0, 1)
        for i in range(first, first + count):
            x[i] = <real>(x[i] < chances[i])
        first += count
    return result


# -- logarithms and turns: NumPy's loops ----------------------------------------------------------

ctypedef void (*loop_function)(char**, cnp.npy_intp*, cnp.npy_intp*, void*) noexcept nogil

cdef struct Loop:       # of a NumPy function, for one type
    loop_function function
    void* data


cdef Loop loop_of(cnp.ufunc function, int typenum) except *:
    cdef Loop found
    cdef int k
    for k in range(function.ntypes):
        if function.types[2 * k] == typenum and function.types[2 * k + 1] == typenum:
            found.function = <loop_function><void*>function.functions[k]
            found.data = function.data[k]
            return found
    raise ImportError(f"NumPy has no {function.__name__} for this type")


cdef void apply(Loop loop, void* y, void* x, Py_ssize_t n, Py_ssize_t size) noexcept nogil:
    """y = loop(x), both without gaps, of entries of `size` bytes."""
    cdef char* arrays[2]
    cdef cnp.npy_intp count = n
    cdef cnp.npy_intp[2] strides
    arrays[0], arrays[1] = <char*>x, <char*>y
    strides[0], strides[1] = size, size
    loop.function(arrays, &count, strides, loop.data)


cdef Loop log_loop = loop_of(np.log, REAL_TYPENUM)
cdef Loop cos_loop = loop_of(np.cos, REAL_TYPENUM)
cdef Loop sin_loop = loop_of(np.sin, REAL_TYPENUM)
cdef Loop double_log1p_loop = loop_of(np.log1p, cnp.NPY_FLOAT64)
cdef Loop double_cos_loop = loop_of(np.cos, cnp.NPY_FLOAT64)
cdef Loop double_sin_loop = loop_of(np.sin, cnp.NPY_FLOAT64)


def exponential(
    cnp.ndarray state not None,     # IN OUT
    values not None,                # OUT
    double factor,
):
    """values = np.log1p(-unit) * factor, in double; two words each, whatever the type."""
    cdef uint32_t* s = words_of(state)
    cdef cnp.ndarray result = array_of(values, REAL_TYPENUM)
    cdef real* x = data(result)
    cdef uint32_t words[2 * PIECE]
    cdef double[PIECE] minus_unit, logarithm
    cdef Py_ssize_t i, count, first = 0, n = cnp.PyArray_SIZE(result)
    while first < n:
        let_others(first)
        count = min(n - first, <Py_ssize_t>PIECE)
        draw(s, words, 2 * count)
        for i in range(count):
            minus_unit[i] = -unit_of(words + 2 * i)
        apply(double_log1p_loop, logarithm, minus_unit, count, sizeof(double))
        for i in range(count):
            x[first + i] = <real>(logarithm[i] * factor)
        first += count
    return result


cdef bint are_weights(const real* p, Py_ssize_t n) noexcept nogil:
    # ((p >= 0) & (p < np.inf)).all() and p.sum() > 0
    cdef Py_ssize_t i
    cdef bint some = False
    for i in range(n):
        if not (p[i] >= 0 and p[i] < INFINITY):
            return False
        some |= p[i] > 0
    return some


cdef (Py_ssize_t, Py_ssize_t) rows_of(cnp.ndarray weights) except *:
    """(N, C), if all N rows are weights of which one may draw; or else (-1, 0)."""
    check_ndim("weights", weights, 2, "(N, C)")
    cdef Py_ssize_t row, N = weights.shape[0], C = weights.shape[1]
    for row in range(N):
        if not are_weights(data(weights) + row * C, C):
            return -1, 0
    return N, C


def race(
    cnp.ndarray state not None,     # IN OUT
    cnp.ndarray weights not None,   # IN  (N, C)
):
    """(weights / exponential((N, C))).argmax(axis=1); None, and no draw, if some are no weights."""
    cdef Py_ssize_t row, c, best, N, C
    N, C = rows_of(weights)
    if N < 0:
        return None
    cdef cnp.ndarray waits = exponential(state, (N, C), -1)
    cdef cnp.npy_intp size = N
    cdef cnp.ndarray winners = cnp.PyArray_EMPTY(1, &size, cnp.NPY_INT64, 0)
    cdef int64_t* winner = <int64_t*>cnp.PyArray_DATA(winners)
    cdef const real* p = data(weights)
    cdef real* q = data(waits)
    for row in range(N):
        best = 0
        for c in range(C):
            q[c] = p[c] / q[c]
            if not q[c] <= q[best] and q[best] == q[best]:      # as for NumPy, NaN is the largest
                best = c
        winner[row] = best
        p += C
        q += C
    return winners


def lookup(
    cnp.ndarray state not None,     # IN OUT
    cnp.ndarray weights not None,   # IN  (N, C)
    Py_ssize_t S,
):
    """np.searchsorted(sums, unit) for the S units of each row, in double; or None, as above."""
    # sums = np.cumsum(weights) / weights.sum(), the last one 1
    cdef Py_ssize_t _row, i, c, low, high, N, C
    N, C = rows_of(weights)
    if N < 0:
        return None
    cdef uint32_t* s = words_of(state)
    cdef uint32_t words[2]
    cdef cnp.npy_intp[2] shape
    shape[0], shape[1] = N, S
    cdef cnp.ndarray samples = cnp.PyArray_EMPTY(2, shape, cnp.NPY_INT64, 0)
    cdef cnp.ndarray cumulative = empty_1d(C)
    cdef int64_t* sample = <int64_t*>cnp.PyArray_DATA(samples)
    cdef const real* p = data(weights)
    cdef real* sums = data(cumulative)
    cdef double unit
    for _row in range(N):
        sums[0] = p[0]
        for c in range(1, C):
            sums[c] = sums[c - 1] + p[c]
        for c in range(C - 1):
            sums[c] = sums[c] / sums[C - 1]
        sums[C - 1] = 1
        for i in range(S):
            draw(s, words, 2)
            unit = unit_of(words)
            low, high = 0, C - 1        # the first whose sum is not below it is between these two
            while low < high:
                c = (low + high) // 2
                if sums[c] < unit:
                    low = c + 1
                else:
                    high = c
            sample[i] = low
        p += C
        sample += S
    return samples


# -- normal numbers -------------------------------------------------------------------------------

cdef void box_muller(real* x, Py_ssize_t n) noexcept nogil:
    """Uniform to normal numbers, in place, for a whole number of blocks and at most a PIECE."""
    # blocks = x.reshape(-1, 2, 8)
    # radius, angle = np.sqrt(-2 * np.log(1 - blocks[:, 0])), 2 * np.pi * blocks[:, 1]
    # blocks[:, 0], blocks[:, 1] = radius * np.cos(angle), radius * np.sin(angle)
    cdef real[PAIRS] radius, angle, turn
    cdef Py_ssize_t b, i, j, blocks = n // BLOCK, half = blocks * HALF
    for b in range(blocks):
        i = b * HALF
        for j in range(HALF):
            turn[i + j] = <real>1 - x[2 * i + j]
            angle[i + j] = <real>TWO_PI * x[2 * i + HALF + j]
    apply(log_loop, radius, turn, half, sizeof(real))
    for i in range(half):
        radius[i] = real_sqrt(<real>-2 * radius[i])
    apply(cos_loop, turn, angle, half, sizeof(real))
    multiply_into(x, radius, turn, blocks)
    apply(sin_loop, turn, angle, half, sizeof(real))
    multiply_into(x + HALF, radius, turn, blocks)


cdef inline void multiply_into(
    real* x, const real* radius, const real* turn, Py_ssize_t blocks
) noexcept nogil:
    # x.reshape(-1, 2, 8)[:, 0] = radius * turn
    cdef Py_ssize_t b, j
    for b in range(blocks):
        for j in range(HALF):
            x[b * BLOCK + j] = radius[b * HALF + j] * turn[b * HALF + j]


cdef void scale(real* x, Py_ssize_t n, real mean, real std) noexcept nogil:
    # x * std + mean
    cdef Py_ssize_t i
    if std != 1:
        for i in range(n):
            x[i] = x[i] * std
    if mean != 0:
        for i in range(n):
            x[i] = x[i] + mean


cdef inline double scaled(double z, double mean, double std) noexcept nogil:
    if std != 1:
        z = z * std
    return z + mean if mean != 0 else z


cdef void fill_pairs(
    uint32_t* state, real* x, Py_ssize_t pairs, double mean, double std
) noexcept nogil:
    """Pairs of normal numbers, computed in double; at most PAIRS of them."""
    # unit = uniform((pairs, 2))
    # radius, angle = np.sqrt(-2 * np.log1p(-unit[:, 1])), 2 * np.pi * unit[:, 0]
    # x[0::2], x[1::2] = radius * np.cos(angle), radius * np.sin(angle)
    cdef uint32_t words[2 * PIECE]
    cdef double[PAIRS] radius, angle, turn
    cdef Py_ssize_t i
    draw(state, words, 4 * pairs)
    for i in range(pairs):
        angle[i] = TWO_PI * unit_of(words + 4 * i)
        turn[i] = -unit_of(words + 4 * i + 2)
    apply(double_log1p_loop, radius, turn, pairs, sizeof(double))
    for i in range(pairs):
        radius[i] = sqrt(-2.0 * radius[i])
    apply(double_cos_loop, turn, angle, pairs, sizeof(double))
    for i in range(pairs):
        x[2 * i] = <real>scaled(radius[i] * turn[i], mean, std)
    apply(double_sin_loop, turn, angle, pairs, sizeof(double))
    for i in range(pairs):
        x[2 * i + 1] = <real>scaled(radius[i] * turn[i], mean, std)


cdef void fill_odd(uint32_t* state, real* x, double mean, double std) noexcept nogil:
    """One normal number; the second one of its pair is kept."""
    # with the C library's functions, as in PyTorch: what is kept is part of the state
    cdef uint32_t words[4]
    draw(state, words, 4)
    cdef double angle = TWO_PI * unit_of(words), radius = sqrt(-2.0 * log1p(-unit_of(words + 2)))
    cdef double kept = radius * sin(angle)
    x[0] = <real>scaled(radius * cos(angle), mean, std)
    memcpy(state + KEPT, &kept, sizeof(double))
    state[IS_KEPT] = 1


cdef void fill_kept(uint32_t* state, real* x, double mean, double std) noexcept nogil:
    cdef double kept
    memcpy(&kept, state + KEPT, sizeof(double))
    x[0] = <real>scaled(kept, mean, std)
    state[IS_KEPT] = 0


def normal(
    cnp.ndarray state not None,     # IN OUT
    values not None,                # OUT
    double mean=0, double std=1,
    bint blocks=True,               # as for `Generator.normal`
):
    """Normal numbers: a block of 16 at a time or, if there are less, in pairs."""
    cdef uint32_t* s = words_of(state)
    cdef cnp.ndarray result = array_of(values, REAL_TYPENUM)
    cdef real* x = data(result)
    cdef Py_ssize_t count, first = 0, n = cnp.PyArray_SIZE(result), rest = n % BLOCK
    if n >= BLOCK and blocks:
        while first < n - rest:
            let_others(first)
            count = min(n - rest - first, <Py_ssize_t>PIECE)
            fill_uniform(s, x + first, count, 0, 1)
            box_muller(x + first, count)
            scale(x + first, count, <real>mean, <real>std)
            first += count
        if rest:
            fill_uniform(s, x + n - rest, rest, 0, 1)   # PyTorch draws these, and writes over them
            fill_uniform(s, x + n - BLOCK, BLOCK, 0, 1)
            box_muller(x + n - BLOCK, BLOCK)
            scale(x + n - BLOCK, BLOCK, <real>mean, <real>std)
        return result
    if n and s[IS_KEPT]:
        fill_kept(s, x, mean, std)
        x += 1
        n -= 1
    while n - first > 1:
        let_others(first)
        count = min((n - first) // 2, <Py_ssize_t>PAIRS)
        fill_pairs(s, x + first, count, mean, std)
        first += 2 * count
    if first < n:
        fill_odd(s, x + first, mean, std)
    return result


# -- integers -------------------------------------------------------------------------------------

def integers(
    cnp.ndarray state not None,     # IN OUT
    values not None,                # OUT int64
    uint64_t low,                   # of a negative number, as it is in int64
    uint64_t count,                 # 0: all that 64 bits can hold, the word itself
    bint wide,
):
    """values = word % count + low; one word each or, of 64 bits, two."""
    cdef uint32_t* s = words_of(state)
    cdef cnp.ndarray result = array_of(values, cnp.NPY_INT64)
    cdef int64_t* x = <int64_t*>cnp.PyArray_DATA(result)
    cdef uint32_t words[2 * PIECE]
    cdef Py_ssize_t i, part, first = 0, n = cnp.PyArray_SIZE(result)
    cdef uint64_t word
    cdef uint32_t narrow = <uint32_t>count
    if not wide and (count == 0 or count > BITS_32):
        raise ValueError(f"count: there are not {count} values in a word")
    while first < n:
        let_others(first)
        part = min(n - first, <Py_ssize_t>PIECE)
        if wide:
            draw(s, words, 2 * part)
            for i in range(part):
                word = (<uint64_t>words[2 * i] << 32) | words[2 * i + 1]
                x[first + i] = <int64_t>(word % count + low if count else word)
        else:
            draw(s, words, part)
            for i in range(part):
                x[first + i] = <int64_t>(words[i] % narrow + low)
        first += part
    return result


cdef inline Py_ssize_t below(uint32_t word, Py_ssize_t n) noexcept nogil:
    # word % n (a division of 32 bits takes half the time of one of 64)
    return word if n > BITS_32 else word % <uint32_t>n


def permutation(
    cnp.ndarray state not None,     # IN OUT
    Py_ssize_t n,
):
    """0 to n - 1; then the i-th changes places with the one word % (n - i) after it."""
    cdef uint32_t* s = words_of(state)
    cdef cnp.npy_intp size = n
    cdef cnp.ndarray order = cnp.PyArray_EMPTY(1, &size, cnp.NPY_INT64, 0)
    cdef int64_t* x = <int64_t*>cnp.PyArray_DATA(order)
    cdef uint32_t words[PIECE]
    cdef Py_ssize_t i, j, part, first = 0
    cdef int64_t here
    for i in range(n):
        x[i] = i
    while first < n - 1:
        let_others(first)
        part = min(n - 1 - first, <Py_ssize_t>PIECE)
        draw(s, words, part)
        for i in range(first, first + part):
            j = i + below(words[i - first], n - i)
            here = x[i]
            x[i] = x[j]
            x[j] = here
        first += part
    return order
