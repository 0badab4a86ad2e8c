"""What real.h offers, as Cython sees it.

There are no fused types in the kernels. A fused function picks its dtype at every call, which
costs microseconds (as much as a whole RNN step at toy size), and it cannot say that `vec` is the
vector of *this* scalar. Here the dtype is a property of the build: `real` is float in the modules
that end in _float32 and double in those that end in _float64.

Literals are written <real>2 in arithmetic: for C a plain 2.0 is a double, and one double makes
the whole loop compute in double.
"""

cdef extern from "real.h" nogil:
    ctypedef float real         # float or double: real.h knows, Cython need not
    ctypedef real vec           # LANES of them in one register; + - * / work lane by lane
    const char* REAL_NAME
    const int LANES

    void check_index(Py_ssize_t i, Py_ssize_t n)        # nothing, except in a debug build

    vec load(const real* x)                             # x[0:LANES]
    void store(real* x, vec v)
    vec divide(vec a, vec b)                            # a / b: Cython's `/` is for scalars
    vec reciprocal(vec b)                               # 1 / b
    vec load_first(const real* x, int n)                # x[0:n], n <= LANES, other lanes zero
    void store_first(real* x, vec v, int n)
    vec load_part(const real* x, Py_ssize_t n)          # x[0:min(n, LANES)]
    void store_part(real* x, vec v, Py_ssize_t n)
    void transpose(vec* r)                              # of LANES vectors
    real sum_lanes(vec v)

    const real ROUND_TO_INTEGER
    real power_of_two(real rounded)
    vec powers_of_two(vec rounded)
    vec magnitude(vec x)
    vec with_sign(vec y, vec x)                         # y >= 0 with the sign of x
    vec at_most(vec x, real limit)                      # NaN stays NaN
    vec at_least(vec x, real limit)
    vec all_lanes(real x)                               # x in all of them
    vec where_less(vec a, vec b, vec yes, vec no)       # a < b ? yes : no
    vec where_at_most(vec a, vec b, vec yes, vec no)    # a <= b ? yes : no
    real real_sqrt(real x)
    real real_log(real x)
    real real_log1p(real x)

    real* scratch(size_t n)
    void scratch_free(real* start)
