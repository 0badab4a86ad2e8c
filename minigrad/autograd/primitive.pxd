"""What of primitive.py is C when it runs translated: see tensor_base.pxd."""

from .listening cimport heard, is_listening
from .engine cimport attach, edges_of, record
from .tensor_base cimport TensorBase, array_of, shape_of, wrap
from .views cimport View
