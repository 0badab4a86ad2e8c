"""What of index.py is C when it runs translated: see autograd/tensor_base.pxd."""

from ..autograd.listening cimport heard, is_listening
from ..autograd.tensor_base cimport TensorBase, array_of, wrap
