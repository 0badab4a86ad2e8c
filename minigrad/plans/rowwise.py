"""Which operations treat each row alike: what may run on the rows of all sequences at once.

A row is a sequence of the batch. What has rows has them along one of its axes: N of them, or k N,
k for each sequence one after the other (as after a reshape). An operation is rowwise if it keeps
them apart, whichever axis of its result they end up on. What leaves the loop over time, or is kept
for the way back, must have them along the first axis (`scheduled` turns it round).
"""

from __future__ import annotations

import math
from typing import Any

from .simplified import Expression, columns, is_entrywise
from .traced import Numbered, filled

Rows = dict[int, bool]  # whether an expression has rows, by its id
Axis = int | None  # along which something has rows; None: it has none

LINEAR = {
    "add", "subtract", "negative", "transpose", "reshape", "slice", "place", "concatenate", "put",
    "add.reduce", "broadcast", "index", "add_at", "np.flip", "np.roll", "np.triu", "np.tril",
    "np.diag", "np.diagonal", "np.trace", "copy", "add.accumulate", "cast", "np.tile",
}  # fmt: skip
WHOLE = (None, None, None)


class _Mixed(Exception):
    """Two axes have a size that is that of the batch: nobody knows which one has the rows."""


def has_rows(e: Expression, batch: int) -> bool:
    """Whether an expression has rows."""
    return e.op != "constant" and any([n and n % batch == 0 for n in e.shape])


def row_axis(e: Expression, batch: int) -> Axis:
    """Along which axis there is an entry for each row; that of a constant has equal ones."""
    axes = [k for k, n in enumerate(e.shape) if n and n % batch == 0]
    if len(axes) > 1:
        raise _Mixed
    return axes[0] if axes else None


def is_rowwise(e: Expression, batch: int) -> bool:
    """Whether an expression with rows treats each of them alike."""
    try:
        axis = row_axis(e, batch)
        return axis is not None and _keeps_apart(e, axis, [row_axis(i, batch) for i in e.inputs])
    except _Mixed:
        return False


def is_turned(e: Expression, batch: int) -> bool:
    """Whether it shows something, with its rows along another axis than the first."""
    return e.op == "transpose" and has_rows(e, batch) and not has_rows_first(e, batch)


def has_rows_first(e: Expression, batch: int) -> bool:
    """Whether the rows lie along the first axis."""
    return bool(e.shape and e.shape[0] and e.shape[0] % batch == 0)


def _keeps_apart(e: Expression, axis: int, given: list[Axis]) -> bool:
    """Whether rows along these axes of the operands become those along `axis` of the result."""
    if is_entrywise(e.op) or e.op in ("broadcast", "cast", "copy"):
        return all([_stands_beside(i, k, e, axis) for i, k in zip(e.inputs, given)])
    if e.op in ("matmul", "affine"):
        return _is_product_of_rows(e, axis, given)
    x, first = e.inputs[0], given[0]
    if e.op == "index":
        return _looks_up_rows(e.options, e, axis, given)
    if e.op == "add_at":
        _, index = e.options
        return _puts_rows_back(index, axis, e, given)
    if e.op == "put_at":
        return given[1] in (None, 0) and _overwrites_rows(e, axis, given)
    if first is None or not all([k is None or i.shape[k] == x.shape[first] or e.op == "reshape"
                                 for i, k in zip(e.inputs, given)]):  # fmt: skip
        return False
    if e.op == "reshape":  # what is before the rows must stay before them
        return math.prod(x.shape[:first]) == math.prod(e.shape[:axis])
    if e.op == "transpose":
        return bool(e.options[0][axis] == first)
    if e.op == "slice":
        return e.options[_item_of(e.options, first)] == WHOLE and (
            _axis_after(e.options, first) == axis)  # fmt: skip
    if e.op == "place":
        index = e.options[1]
        return index[_item_of(index, axis)] == WHOLE and _axis_after(index, axis) == first
    if e.op == "put":
        return first == axis and e.options[_item_of(e.options, axis)] == WHOLE and (
            given[1] == _axis_after(e.options, axis))  # fmt: skip
    if e.op == "concatenate":
        return e.options[0] != axis and all([k == axis for k in given])
    if e.op.endswith(".reduce"):
        axes, keepdims = e.options
        gone = 0 if keepdims else sum([k < first for k in axes])
        return first not in axes and first - gone == axis
    if e.op == "np.tile":
        times = dict(e.options[1])["reps"]
        times = times if isinstance(times, tuple) else (times,)
        before = len(e.shape) - len(times)
        return first + len(e.shape) - len(x.shape) == axis and (
            axis < before or times[axis - before] == 1)  # fmt: skip
    if e.op == "np.take_along_axis" and given != [first, first]:
        return False
    if e.op == "call":
        works_along = e.options[0].along(*filled(e.options[1], e.inputs))
        return first == axis and axis not in works_along and all([k == axis for k in given])
    if e.op.endswith(".accumulate"):
        return first == axis != e.options[0]
    return first == axis and (e.op == "np.round" or _axes_of(e).isdisjoint({axis, None}))


def _axes_of(e: Expression) -> set[Any]:
    """The axes along which a function of NumPy's works; None: unknown, or all."""
    axis = dict(e.options[1]).get("axis") if e.op.startswith("np.") else None
    axes = axis if isinstance(axis, tuple) else (axis,)
    rank = len(e.inputs[0].shape)
    return {k % rank if isinstance(k, int) else None for k in axes}


def _stands_beside(i: Expression, k: Axis, e: Expression, axis: int) -> bool:
    """Whether an operand is broadcast so that each row of it meets the same row of the result."""
    beside = axis - (len(e.shape) - len(i.shape))  # the axis of it that meets them
    if k is not None:
        return beside == k and i.shape[k] == e.shape[axis]
    return beside < 0 or i.shape[beside] == 1


def _is_product_of_rows(e: Expression, axis: int, given: list[Axis]) -> bool:
    """Of matrices in stacks: not along the axis that is summed over, and each with its own."""
    (a, b), (of_a, of_b) = e.inputs[:2], given[:2]
    if any([k is not None for k in given[2:]]):  # of "affine", what is added
        return False
    summed_a, summed_b = len(a.shape) - 1, max(len(b.shape) - 2, 0)
    if (of_a is not None and of_a == summed_a) or (of_b is not None and of_b == summed_b):
        return False
    # the axes counted from the end, as in a result that has both of its own
    rank = len(e.shape)
    of_e = axis - rank - (len(b.shape) == 1) - (len(a.shape) == 1 and axis < rank - 1)
    if of_a is not None and of_b is None:
        return of_a - len(a.shape) == of_e and (
            of_e == -2 or len(b.shape) < -of_e or b.shape[of_e] == 1)  # fmt: skip
    if of_b is not None and of_a is None:
        return of_b - len(b.shape) == of_e and (
            of_e == -1 or len(a.shape) < -of_e or a.shape[of_e] == 1)  # fmt: skip
    return (
        of_a is not None and of_b is not None and of_e < -2
        and of_a - len(a.shape) == of_b - len(b.shape) == of_e
    )  # fmt: skip


# -- Indices ---------------------------------------------------------------------------------------


def _item_of(index: tuple[Any, ...], axis: int) -> int:
    """The place of the item of a complete index that is for an axis."""
    uses = [k for k, item in enumerate(index) if item is not None]
    return uses[axis]


def _axis_after(index: tuple[Any, ...], axis: int) -> int:
    """Where an axis is, after an index of slices, numbers and None."""
    k = _item_of(index, axis)
    return sum([not isinstance(item, int) for item in index[:k]])


def _arrays_in(index: tuple[Any, ...]) -> list[int]:
    """The places of arrays in an index, if they stand side by side; else none."""
    places = [k for k, item in enumerate(index) if isinstance(item, Numbered)]
    side_by_side = places and places[-1] - places[0] == len(places) - 1
    return places if side_by_side and all(
        [isinstance(item, (tuple, Numbered)) for item in index]
    ) else []  # fmt: skip


def _looks_up_rows(index: Any, e: Expression, axis: int, given: list[Axis]) -> bool:
    """``x[index]``: rows of x at fixed places, or places for each row, in what has none."""
    places = _arrays_in(index)
    if not places:
        return False
    arrays, rank = e.inputs[1:], max([len(i.shape) for i in e.inputs[1:]])
    first = given[0]
    if first is not None:
        if any([k is not None for k in given[1:]]) or index[first] != WHOLE:
            return False
        return axis == (first if first < places[0] else first - len(places) + rank)
    if not all([len(i.shape) == rank or k is None for i, k in zip(arrays, given[1:])]):
        return False
    return all([k is None or places[0] + k == axis for k in given[1:]]) and all(
        [k is not None or len(i.shape) <= rank - 1 - (axis - places[0])
         or i.shape[axis - places[0] - (rank - len(i.shape))] == 1
         for i, k in zip(arrays, given[1:])]
    )  # fmt: skip


def _puts_rows_back(index: Any, axis: int, e: Expression, given: list[Axis]) -> bool:
    """The transpose of ``x[index]``, of an x with rows."""
    places = _arrays_in(index)
    if not places or any([k is not None for k in given[1:]]) or index[axis] != WHOLE:
        return False
    rank = max([len(i.shape) for i in e.inputs[1:]])
    return given[0] == (axis if axis < places[0] else axis - len(places) + rank)


def _overwrites_rows(e: Expression, axis: int, given: list[Axis]) -> bool:
    """``x[index] = value`` at fixed places of each row."""
    x, value = e.inputs[:2]
    index, places = e.options[0], _arrays_in(e.options[0])
    if not places or given[0] != axis or index[axis] != WHOLE or any(
        [k is not None for k in given[2:]]
    ):  # fmt: skip
        return False
    rank = max([len(i.shape) for i in e.inputs[2:]])
    whole = len(x.shape) - len(places) + rank
    where_ = (axis if axis < places[0] else axis - len(places) + rank) - (whole - len(value.shape))
    if given[1] is None:
        return where_ < 0 or value.shape[where_] == 1
    return given[1] == where_


# -- Sums over the batch ---------------------------------------------------------------------------


def is_sum_over_batch(e: Expression, batch: int) -> bool:
    """Whether it adds rows up: so that it can do so over all steps at once."""
    try:
        given = [row_axis(i, batch) for i in e.inputs]
    except _Mixed:
        return False
    if e.op == "add.reduce":
        return given[0] in e.options[0]
    if e.op == "matmul":
        a, b = e.inputs
        return given == [len(a.shape) - 1, max(len(b.shape) - 2, 0)]
    if e.op == "add_at":  # the gradient of what was looked up
        places = _arrays_in(e.options[1])
        if not places or given[0] is None:
            return False
        rank = max([len(i.shape) for i in e.inputs[1:]])
        return all([
            k == given[0] - places[0] if k is not None
            else len(i.shape) < rank or i.shape[given[0] - places[0]] == 1
            for i, k in zip(e.inputs[1:], given[1:])
        ]) and any([k is not None for k in given[1:]])  # fmt: skip
    return False


def is_linear(e: Expression, over_batch: Rows) -> bool:
    """Whether it is linear in those of its operands that are sums over the batch."""
    sums = [over_batch[id(i)] for i in e.inputs]
    if e.op in ("multiply", "matmul", "divide", "sigmoid_gradient", "tanh_gradient"):
        return sum(sums) == 1 and (sums[0] or e.op in ("multiply", "matmul"))
    zeros = [s or is_zero(i) for s, i in zip(sums, e.inputs)]
    if e.op == "where":  # the choice must be the same for all
        return not sums[0] and all([z or _is_nan(i) for z, i in zip(zeros[1:], e.inputs[1:])])
    if e.op in ("index", "add_at", "put_at"):
        count = 2 if e.op == "put_at" else 1  # of arrays that are no places
        return all(zeros[:count]) and not any(sums[count:])
    if e.op == "call":
        return bool(e.options[0].linear and sums[0] and not any(sums[1:]))
    return e.op in LINEAR and all(zeros)


def _is_nan(e: Expression) -> bool:
    """Whether all its entries are NaN, of which the sum is NaN."""
    return e.op == "constant" and e.value.ndim == 0 and bool(e.value != e.value)


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
