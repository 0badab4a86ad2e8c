"""What is neither a network nor its training: `data` feeds both, `ctc` reads labels out."""

from . import ctc, data

__all__ = ["ctc", "data"]
