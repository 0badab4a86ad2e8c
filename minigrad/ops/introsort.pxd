"""What of introsort.py is C when it runs translated. (An edit of introsort.py runs without it.)"""

cimport cython

ctypedef long long int64


cpdef sort(int64[::1] order, int64[::1] rank, Py_ssize_t n)


@cython.locals(first=Py_ssize_t, last=Py_ssize_t, divisions=Py_ssize_t, cut=Py_ssize_t)
cpdef select(int64[::1] order, int64[::1] rank, Py_ssize_t k, Py_ssize_t n)


cpdef sort_smallest(int64[::1] order, int64[::1] rank, Py_ssize_t k, Py_ssize_t n)


@cython.locals(count=Py_ssize_t)
cdef Py_ssize_t _divisions(Py_ssize_t n)


@cython.locals(cut=Py_ssize_t)
cdef _divide(
    int64[::1] order, int64[::1] rank, Py_ssize_t first, Py_ssize_t last, Py_ssize_t divisions
)


@cython.locals(pivot=Py_ssize_t, low=Py_ssize_t, high=Py_ssize_t, value=int64)
cdef Py_ssize_t _partition(
    int64[::1] order, int64[::1] rank, Py_ssize_t first, Py_ssize_t last
)


@cython.locals(x=int64, y=int64, z=int64)
cdef Py_ssize_t _median_of_three(
    int64[::1] order, int64[::1] rank, Py_ssize_t a, Py_ssize_t b, Py_ssize_t c
)


@cython.locals(i=Py_ssize_t, j=Py_ssize_t, index=int64, value=int64)
cdef _insert_all(int64[::1] order, int64[::1] rank, Py_ssize_t first, Py_ssize_t last)


@cython.locals(n=Py_ssize_t, k=Py_ssize_t, i=Py_ssize_t, index=int64)
cdef _keep_smallest(
    int64[::1] order, int64[::1] rank, Py_ssize_t first, Py_ssize_t middle, Py_ssize_t last
)


@cython.locals(index=int64)
cdef _sort_heap(int64[::1] order, int64[::1] rank, Py_ssize_t first, Py_ssize_t last)


@cython.locals(top=Py_ssize_t, child=Py_ssize_t, value=int64)
cdef _sift(
    int64[::1] order, int64[::1] rank, Py_ssize_t first, Py_ssize_t hole, Py_ssize_t n,
    int64 index,
)
