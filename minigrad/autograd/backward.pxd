"""What of backward.py is C when it runs translated: see tensor_base.pxd."""

from .listening cimport heard, is_listening
from .engine cimport walk
from .tensor_base cimport TensorBase, bump_version, wrap
from .views cimport edge_of


cpdef own_tensor(g, bint is_new=*)
cpdef add_to_grad(TensorBase leaf, g, bint is_new, bint create_graph)
cpdef bint add_unwatched(TensorBase leaf, g, bint is_new, bint create_graph) except -1
