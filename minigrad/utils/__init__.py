"""What is neither a network nor its training: `data` feeds both, `ctc` reads labels out.

`dlpack` shares memory with other libraries.
"""

from . import ctc, data, dlpack

__all__ = ["ctc", "data", "dlpack"]
