"""What of join.py is C when it runs translated: see autograd/tensor_base.pxd."""

from ..autograd.listening cimport heard, is_listening
from ..autograd.engine cimport Node, attach, edges_of, record
from ..autograd.tensor_base cimport TensorBase, array_of, wrap
from ..autograd.views cimport View
from .arguments cimport as_shape, checked_axis
