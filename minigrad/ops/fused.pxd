"""What of fused.py is C when it runs translated: see autograd/tensor_base.pxd."""

from ..autograd.engine cimport Node, record_with
from ..autograd.tensor_base cimport TensorBase, wrap
