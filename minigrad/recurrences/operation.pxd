"""What of recurrent.py is C when it runs translated: see autograd/tensor_base.pxd."""

from ..autograd.listening cimport heard, is_listening
from ..autograd.engine cimport edges_if_recording
from ..autograd.tensor_base cimport wrap
