"""What of inplace.py is C when it runs translated: see autograd/tensor_base.pxd."""

from ..autograd.listening cimport heard, is_listening
from ..autograd.engine cimport Node, record
from ..autograd.tensor_base cimport TensorBase, array_of, bump_version, wrap
from ..autograd.views cimport edge_of, move, parent_of, refresh_view
