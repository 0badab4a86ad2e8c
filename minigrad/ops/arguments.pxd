"""What of arguments.py is C when it runs translated: see autograd/tensor_base.pxd."""


cpdef tuple as_shape(sizes, str argument=*)
cpdef tuple new_shape(sizes, keyword=*)
cpdef as_int(value, str function, str argument)
cpdef checked_axis(dim, Py_ssize_t rank)
cpdef tuple checked_axes(dim, Py_ssize_t rank)
