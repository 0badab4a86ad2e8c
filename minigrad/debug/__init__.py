"""Finding out what a model does, and what is wrong with it: loaded when it is first asked for.

- `summary`: the layers with their shapes, parameters, multiply-adds and bytes; `costs`, `axes` and
  `calls` are what it is made of: what is counted, what axes are called, how a run leaves no trace.
- `text`: tables, and words added to errors.
"""

from .summary import Row, Summary

__all__ = ["Row", "Summary"]
