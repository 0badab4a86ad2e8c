"""`ReduceOp`: how numbers of several ranks become one, and what MPI has for it."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

import numpy as np

from .mpi import mpi

__all__ = ["ReduceOp"]


class ReduceOp(Enum):
    r"""How entries :math:`x_r` of ranks :math:`r = 0 \dots R-1` are put together.

    ``SUM``, ``PRODUCT``, ``MIN``, ``MAX``; ``AVG``, the sum divided by R (whole numbers are rounded
    towards 0); ``BAND``, ``BOR``, ``BXOR``, bit by bit, of whole numbers and bools. Of bools the
    sum is "or", the product "and". float16 is added up in float32, and rounded once.

    Examples
    --------
    >>> import minigrad.distributed as dist
    >>> dist.ReduceOp.SUM
    <RedOpType.SUM: 0>

    References
    ----------
    https://docs.pytorch.org/docs/stable/distributed.html#torch.distributed.ReduceOp
    """

    SUM = 0
    AVG = 1
    PRODUCT = 2
    MIN = 3
    MAX = 4
    BAND = 5
    BOR = 6
    BXOR = 7

    def __repr__(self) -> str:
        return f"<RedOpType.{self.name}: {self.value}>"


_MPI_NAMES = {
    "SUM": "SUM", "AVG": "SUM", "PRODUCT": "PROD", "MIN": "MIN", "MAX": "MAX", "BAND": "BAND",
    "BOR": "BOR", "BXOR": "BXOR",
}  # fmt: skip
_BOOL_NAMES = {**_MPI_NAMES, "SUM": "MAX", "PRODUCT": "MIN"}


def reduction(
    name: str, op: Any, dtype: np.dtype[Any], ranks: int
) -> tuple[np.dtype[Any], Any, Callable[[np.ndarray], np.ndarray]]:
    """The dtype to reduce in, MPI's operation, and what makes its result one of `dtype`.

    Raises
    ------
    TypeError
        `op` is no `ReduceOp`.
    RuntimeError
        The operation is not defined for the dtype.
    """
    if not isinstance(op, ReduceOp):
        raise TypeError(f"{name}: op must be a ReduceOp, not {type(op).__name__} ({op!r})")
    if op.name in ("BAND", "BOR", "BXOR") and dtype.kind == "f":
        raise RuntimeError(f"{name}: Cannot use ReduceOp.{op.name} with non-integral dtype {dtype}")
    if op is ReduceOp.AVG and dtype.kind == "b":
        raise RuntimeError(f"{name}: Cannot use ReduceOp.AVG with dtype bool")
    names = _BOOL_NAMES if dtype.kind == "b" else _MPI_NAMES
    inner: np.dtype[Any] = dtype
    if dtype.name in ("bool", "float16"):  # which MPI does not have
        inner = np.dtype(np.uint8 if dtype.kind == "b" else np.float32)

    def finish(total: np.ndarray) -> np.ndarray:
        if op is ReduceOp.AVG:
            if dtype.kind == "f":
                total = total / total.dtype.type(ranks)
            else:
                total = np.sign(total) * (np.abs(total) // total.dtype.type(ranks))
        with np.errstate(over="ignore"):
            return total.astype(dtype, copy=False)

    return inner, getattr(mpi(), names[op.name]), finish
