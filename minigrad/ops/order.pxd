"""What of order.py is C when it runs translated: see autograd/tensor_base.pxd."""

from ..autograd.listening cimport heard, is_listening
