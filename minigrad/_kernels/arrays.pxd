"""Checks and allocation of array arguments.

A kernel works on raw pointers. No pointer is taken before the array behind it has passed one of
the checks here, which compare dtype, memory layout and shape with what the kernel expects and
raise a ValueError that names the argument and both shapes.
"""

cimport numpy as cnp

from .real cimport REAL_NAME, real

cdef extern from *:
    """
    #if defined(MINIGRAD_FLOAT32)
    #define REAL_TYPENUM NPY_FLOAT32
    #else
    #define REAL_TYPENUM NPY_FLOAT64
    #endif
    """
    const int REAL_TYPENUM

cdef extern from "numpy/arrayobject.h":
    # C-contiguous, aligned, native byte order: to be read (_RO), or to be written as well.
    bint PyArray_ISCARRAY(cnp.ndarray a) noexcept
    bint PyArray_ISCARRAY_RO(cnp.ndarray a) noexcept
    bint PyArray_ISBEHAVED_RO(cnp.ndarray a) noexcept      # aligned, native byte order
    object PyArray_FromArray(cnp.ndarray a, void* dtype, int requirements)  # takes over dtype
    void* PyArray_DescrFromType(int typenum)  # in native byte order
    const int NPY_ARRAY_CARRAY_RO, NPY_ARRAY_ENSURECOPY


cdef inline tuple shape_of(cnp.ndarray a):
    return tuple([a.shape[i] for i in range(cnp.PyArray_NDIM(a))])


cdef inline int complain(str name, cnp.ndarray a, str expected, bint written=False) except -1:
    """Raise the ValueError that says what is wrong with the argument `name`."""
    if cnp.PyArray_TYPE(a) != REAL_TYPENUM:
        kernel = REAL_NAME.decode()
        raise ValueError(f"{name}: dtype is {a.dtype}, this kernel takes {kernel}")
    if not (PyArray_ISCARRAY(a) if written else PyArray_ISCARRAY_RO(a)):
        raise ValueError(
            f"{name}: the array of shape {shape_of(a)} must be C-contiguous, aligned, in native "
            f"byte order{' and writeable' if written else ''}; np.ascontiguousarray makes it so "
            f"(expected shape: {expected})"
        )
    raise ValueError(f"{name}: shape is {shape_of(a)}, expected {expected}")


cdef inline bint is_known(cnp.ndarray a) noexcept:
    return cnp.PyArray_TYPE(a) == REAL_TYPENUM or cnp.PyArray_TYPE(a) == cnp.NPY_INT64


cdef inline cnp.ndarray ordered(cnp.ndarray a):
    """`a` in the memory layout that the loops need: itself, or a copy; None stays None.

    An array of a type that no kernel takes comes back as it is, for the checks to complain of.
    """
    if a is None or PyArray_ISCARRAY_RO(a) or not is_known(a):
        return a
    return PyArray_FromArray(a, PyArray_DescrFromType(cnp.PyArray_TYPE(a)), NPY_ARRAY_CARRAY_RO)


cdef inline int check_dense(tuple arrays) except -1:
    """Raise if the loops need a copy of one of these arrays, or Nones."""
    for array in arrays:
        if array is not None and ordered(array) is not array:
            raise ValueError("an array is not dense")
    return 0


cdef inline cnp.ndarray private_copy(cnp.ndarray a):
    """A copy of `a` that nobody else can change while it is in use; None stays None.

    For arrays that say where in memory something is.
    """
    if a is None or not is_known(a):
        return a
    return PyArray_FromArray(
        a, PyArray_DescrFromType(cnp.PyArray_TYPE(a)), NPY_ARRAY_CARRAY_RO | NPY_ARRAY_ENSURECOPY
    )


cdef inline bint is_plain(cnp.ndarray a, int ndim) noexcept:
    return (
        cnp.PyArray_TYPE(a) == REAL_TYPENUM
        and cnp.PyArray_NDIM(a) == ndim
        and PyArray_ISCARRAY_RO(a)
    )


cdef inline int check_ndim(str name, cnp.ndarray a, int ndim, str axes) except -1:
    if not is_plain(a, ndim):
        complain(name, a, axes)
    return 0


cdef inline int check_1d(str name, cnp.ndarray a, Py_ssize_t n0) except -1:
    if not (is_plain(a, 1) and a.shape[0] == n0):
        complain(name, a, f"({n0},)")
    return 0


cdef inline int check_2d(str name, cnp.ndarray a, Py_ssize_t n0, Py_ssize_t n1) except -1:
    if not (is_plain(a, 2) and a.shape[0] == n0 and a.shape[1] == n1):
        complain(name, a, f"({n0}, {n1})")
    return 0


cdef inline int check_3d(
    str name, cnp.ndarray a, Py_ssize_t n0, Py_ssize_t n1, Py_ssize_t n2
) except -1:
    if not (
        is_plain(a, 3) and a.shape[0] == n0 and a.shape[1] == n1 and a.shape[2] == n2
    ):
        complain(name, a, f"({n0}, {n1}, {n2})")
    return 0


cdef inline real* data(cnp.ndarray a) noexcept:
    """The first element of a checked array; NULL for None, an argument left out."""
    return NULL if a is None else <real*>cnp.PyArray_DATA(a)


cdef inline bint same_shape(cnp.ndarray a, cnp.ndarray b) noexcept:
    cdef int k
    if cnp.PyArray_NDIM(a) != cnp.PyArray_NDIM(b):
        return False
    for k in range(cnp.PyArray_NDIM(a)):
        if a.shape[k] != b.shape[k]:
            return False
    return True


cdef inline bint has_whole_steps(cnp.ndarray a) noexcept:
    """Whether it is of this type and can be read as it lies: entries are whole elements apart."""
    cdef int k
    if cnp.PyArray_TYPE(a) != REAL_TYPENUM or not PyArray_ISBEHAVED_RO(a):
        return False
    for k in range(cnp.PyArray_NDIM(a)):
        if a.strides[k] % <Py_ssize_t>sizeof(real) != 0:
            return False
    return True


cdef inline cnp.ndarray empty_like(cnp.ndarray a):
    return cnp.PyArray_EMPTY(cnp.PyArray_NDIM(a), cnp.PyArray_DIMS(a), REAL_TYPENUM, 0)


cdef inline cnp.ndarray empty_1d(Py_ssize_t n0):
    cdef cnp.npy_intp shape[1]
    shape[0] = n0
    return cnp.PyArray_EMPTY(1, shape, REAL_TYPENUM, 0)


cdef inline cnp.ndarray empty_2d(Py_ssize_t n0, Py_ssize_t n1):
    cdef cnp.npy_intp shape[2]
    shape[0], shape[1] = n0, n1
    return cnp.PyArray_EMPTY(2, shape, REAL_TYPENUM, 0)


cdef inline cnp.ndarray empty_3d(Py_ssize_t n0, Py_ssize_t n1, Py_ssize_t n2):
    cdef cnp.npy_intp shape[3]
    shape[0], shape[1], shape[2] = n0, n1, n2
    return cnp.PyArray_EMPTY(3, shape, REAL_TYPENUM, 0)
