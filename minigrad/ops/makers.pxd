"""What of makers.py is C when it runs translated: see autograd/tensor_base.pxd."""

from ..autograd.listening cimport heard, is_listening
from ..autograd.engine cimport Node, Output, attach_one
from ..autograd.tensor_base cimport TensorBase, array_of, wrap
from ..autograd.views cimport edge_of
