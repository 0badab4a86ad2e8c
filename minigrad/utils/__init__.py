"""What is neither a network nor its training; so far `data`, which feeds both."""

from . import data

__all__ = ["data"]
