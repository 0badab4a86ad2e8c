"""What of listening.py is C when it runs translated: see tensor_base.pxd."""

cpdef bint is_listening() noexcept
cpdef listen(listener)
cpdef heard(call, tuple args, dict kwargs)
