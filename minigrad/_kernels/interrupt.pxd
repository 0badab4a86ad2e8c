"""What surrounds a call of a kernel (interrupt.h): Ctrl-C out of it, and its mode of floats.

    begin_watch(&w)
    with nogil:
        ...                     # asks `interrupted(products)`, every `products` multiply-adds
    end_watch(&w)               # raises what a signal handler raised meanwhile
"""

cdef extern from "interrupt.h":
    ctypedef unsigned long float_mode
    ctypedef struct watch:
        float_mode mode         # of the caller
    void begin_watch(watch* w) noexcept
    int end_watch(watch* w) except -1
    bint interrupted(double products) nogil
    void set_mode_of_floats(float_mode mode) noexcept nogil
