"""Finding out what a model does, and what is wrong with it: loaded when it is first asked for.

- `summary`: the layers with their shapes, parameters, multiply-adds and bytes; `costs`, `axes` and
  `calls` are what it is made of: what is counted, what axes are called, how a run leaves no trace.
- `shapes`: `explain_shapes`, errors that name the operands.
- `finite`: `check_finite`, the first NaN or Inf.
- `watching`: `watch`, norms, dead units, saturated gates, and what they mean.
- `text`: tables, and words added to errors.
"""

from .finite import CheckFinite, NotFinite, check_finite
from .shapes import explain_shapes
from .summary import Row, Summary
from .watching import Record, Watch, watch

__all__ = [
    "CheckFinite", "NotFinite", "Record", "Row", "Summary", "Watch", "check_finite",
    "explain_shapes", "watch",
]  # fmt: skip
