"""Which operations treat each row alike: what may run on the rows of all sequences at once.

A row is a sequence of the batch. What has rows has them along its first axis: N of them, or k N,
k for each sequence one after the other (as after a reshape). Only as the operand of a product over
the batch, which sums over rows, they may lie along the second axis of a matrix.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .simplified import Expression, columns

Rows = dict[int, bool]  # whether an expression has rows, by its id

SPECIAL = {"where", "sigmoid", "sigmoid_gradient", "tanh_gradient"}  # entrywise, and no ufuncs
LINEAR = {
    "add", "subtract", "negative", "transpose", "reshape", "slice", "place", "concatenate", "put",
    "add.reduce", "broadcast", "index", "add_at", "np.flip", "np.roll", "np.triu", "np.tril",
    "np.diag", "np.diagonal", "np.trace", "copy", "add.accumulate",
}  # fmt: skip


def is_entrywise(op: str) -> bool:
    """Whether each entry of the result depends on those beside it only."""
    function = getattr(np, op, None)
    return op in SPECIAL or (isinstance(function, np.ufunc) and function.signature is None)


def has_rows(e: Expression, batch: int) -> bool:
    """Whether an expression has rows."""
    return e.op != "constant" and any([n and n % batch == 0 for n in e.shape])


def is_rowwise(e: Expression, rows: Rows, batch: int) -> bool:
    """Whether an expression with rows treats each of them alike."""
    shape, inputs = e.shape, e.inputs
    if not shape or shape[0] % batch or any([n and n % batch == 0 for n in shape[1:]]):
        return e.op == "transpose" and len(shape) == 2 and e.options[0] == (1, 0) and (
            has_rows_first(inputs[0], batch)
        )  # fmt: skip
    if is_entrywise(e.op) or e.op in ("broadcast", "cast", "copy"):
        return all([_stands_beside(i, e, rows) for i in inputs])
    x = inputs[0]
    along = [_has_rows_of(i, e, rows) for i in inputs]
    if not all([has_rows_first(i, batch) for i, a in zip(inputs, along) if a]):
        return False
    if e.op in ("matmul", "affine"):
        return _is_product_of_rows(e, along)
    if e.op in ("concatenate", "put"):
        is_along = e.options[0] != 0 if e.op == "concatenate" else _is_whole(e.options[0])
        return is_along and all(along) and all([i.shape[0] == shape[0] for i in inputs])
    if e.op == "np.take_along_axis":
        return all(along) and _axes_of(e).isdisjoint({0, None})
    if not along[0] or any(along[1:]):
        return False
    if e.op == "reshape":
        return True
    if x.shape[0] != shape[0]:
        return False
    if e.op == "transpose":
        return bool(e.options[0][0] == 0)
    if e.op in ("slice", "index"):
        return _is_whole(e.options[0])
    if e.op in ("place", "add_at"):
        return _is_whole(e.options[1][0])
    if e.op.endswith(".reduce"):
        return 0 not in e.options[0]
    if e.op.endswith(".accumulate"):
        return bool(e.options[0] != 0)
    if e.op == "np.tile":
        times = dict(e.options[1])["reps"]
        return isinstance(times, tuple) and len(times) == len(shape) and times[0] == 1
    return e.op == "np.round" or _axes_of(e).isdisjoint({0, None})


def _axes_of(e: Expression) -> set[Any]:
    """The axes along which a function of NumPy's works; None: unknown, or all."""
    axis = dict(e.options[1]).get("axis") if e.op.startswith("np.") else None
    axes = axis if isinstance(axis, tuple) else (axis,)
    rank = len(e.inputs[0].shape)
    return {k % rank if isinstance(k, int) else None for k in axes}


def _has_rows_of(i: Expression, e: Expression, rows: Rows) -> bool:
    """Whether an operand has rows; so has a constant that is one for each of them."""
    return rows[id(i)] or (i.op == "constant" and i.shape[:1] == e.shape[:1])


def has_rows_first(e: Expression, batch: int) -> bool:
    """Whether the rows lie along the first axis."""
    return bool(e.shape and e.shape[0] and e.shape[0] % batch == 0)


def _is_whole(item: Any) -> bool:
    return item in ((None, None, None), (0, None, None), (None, None, 1), (0, None, 1))


def _stands_beside(i: Expression, e: Expression, rows: Rows) -> bool:
    """Whether an operand is broadcast so that each row of it meets the same row of the result."""
    if rows[id(i)] or (i.op == "constant" and i.shape[:1] == e.shape[:1] != (1,)):
        return len(i.shape) == len(e.shape) and i.shape[0] == e.shape[0]
    return len(i.shape) < len(e.shape) or i.shape[0] == 1


def _is_product_of_rows(e: Expression, along: list[bool]) -> bool:
    a, b = e.inputs[:2]
    if e.op == "affine" or (along[0] and not along[1] and len(a.shape) == 2):
        return along[0] and not any(along[1:]) and len(b.shape) <= 2
    # stacks of matrices, a matrix for each row; what is fixed is one matrix for all
    return len(e.shape) > 2 and all([
        len(i.shape) == len(e.shape) if has else len(i.shape) < len(e.shape) or i.shape[0] == 1
        for i, has in zip((a, b), along)
    ])  # fmt: skip


def is_sum_over_batch(e: Expression, rows: Rows, batch: int) -> bool:
    """Whether it adds rows up: so that it can do so over all steps at once."""
    if e.op == "add.reduce":
        (x,) = e.inputs
        return rows[id(x)] and has_rows_first(x, batch) and 0 in e.options[0]
    if e.op == "matmul":
        a, b = e.inputs
        return (
            len(a.shape) == 2 and a.shape[1] % batch == 0 and a.op in ("transpose", "constant")
            and rows[id(b)] and len(b.shape) <= 2 and b.shape[0] == a.shape[1]
        )  # fmt: skip
    return False


def is_linear(e: Expression, over_batch: Rows) -> bool:
    """Whether it is linear in those of its operands that are sums over the batch."""
    sums = [over_batch[id(i)] for i in e.inputs]
    if e.op in ("multiply", "matmul", "divide", "sigmoid_gradient", "tanh_gradient"):
        return sum(sums) == 1 and (sums[0] or e.op in ("multiply", "matmul"))
    zeros = [s or is_zero(i) for s, i in zip(sums, e.inputs)]
    if e.op == "where":  # the choice must be the same for all
        return not sums[0] and all(zeros[1:])
    if e.op in ("index", "add_at"):
        return sums[0] and not any(sums[1:])
    return e.op in LINEAR and all(zeros)


def is_zero(e: Expression) -> bool:
    """Whether all its entries are the constant zero."""
    return e.op == "constant" and e.value.ndim == 0 and bool(e.value == 0)


# ------------------------------------------------------------------------------------------------
# What the kernel can run
# ------------------------------------------------------------------------------------------------


OF_MASKS = {  # operations that give masks, or may
    "less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "isnan", "isfinite",
    "slice", "concatenate", "broadcast", "where", "maximum.reduce", "minimum.reduce", "input",
}  # fmt: skip


def _has_types_of_kernel(e: Expression) -> bool:
    """Whether an operation can be done with masks as numbers, which are 0 and 1."""
    masks = [i.dtype.kind == "b" for i in e.inputs]
    if e.dtype.kind not in "fb" or any([
        i.dtype.kind not in "fb" and not (i.op == "constant" and not i.value.ndim) for i in e.inputs
    ]):  # fmt: skip
        return False
    if e.op in ("logical_and", "logical_or", "logical_not"):
        return all(masks)
    if e.op == "where" and not masks[0]:
        return False
    return e.dtype.kind == "f" or e.op in OF_MASKS


def suits_kernel(e: Expression, rows: Rows, batch: int) -> bool:
    """Whether an expression with rows is one of matrices, as the kernel has them."""
    if len(e.shape) != 2 or e.shape[0] != batch or not _has_types_of_kernel(e):
        return False
    if e.op == "input":
        return True
    if e.op == "cast":
        return bool(e.inputs[0].dtype.kind == "b" and e.dtype.kind == "f")
    if is_entrywise(e.op) or e.op == "broadcast":
        return all([_is_column_or_row(i, e.shape, rows[id(i)], batch) for i in e.inputs])
    if e.op == "matmul":
        return rows[id(e.inputs[0])] and len(e.inputs[1].shape) == 2
    if e.op == "slice":
        return columns(e) is not None
    if e.op in ("place", "put"):
        index = e.options[1] if e.op == "place" else e.options
        columns_ = isinstance(index[1], tuple) and index[1][2] in (None, 1)
        return len(index) == 2 and columns_ and all([len(i.shape) == 2 for i in e.inputs])
    if e.op in ("add.reduce", "maximum.reduce", "minimum.reduce"):
        return bool(e.options == ((1,), True))
    return e.op == "concatenate" and all([len(i.shape) == 2 for i in e.inputs])


def _is_column_or_row(i: Expression, shape: tuple[int, ...], has_rows: bool, batch: int) -> bool:
    """Whether an operand can be read row by row beside a result of this shape."""
    if i.op == "constant" and i.value.ndim == 0:
        return True
    if has_rows or (i.shape and i.shape[0] == batch):
        return len(i.shape) == 2 and i.shape[0] == batch and i.shape[1] in (1, shape[1])
    flat = i.shape[1:] if len(i.shape) == 2 and i.shape[0] == 1 else i.shape
    return len(flat) <= 1 and (not flat or flat[0] in (1, shape[1]))
