"""In-place operations: ``x += y``, ``x.mul_(y)``, ``x[i] = y``, also through views.

Each one is the ordinary operation followed by `assign`, which writes the result into the memory of
`x` and moves `x` to the result's place in the graph. If `x` is a view, it is the base that gets a
new place: the base is now "its former self, with the part that the view shows replaced". Views that
were taken earlier notice that their base has moved and renew their own place when they are next
used (`minigrad.autograd.engine.refresh_view`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import dtypes
from ..autograd.engine import (
    Node,
    Op,
    TensorBase,
    array_of,
    bump_version,
    edge_of,
    mode,
    primitive,
    record,
    wrap,
)
from .cast import cast
from .index import getitem as getitem_
from .index import split_index, where
from .shape import broadcast_to, sum_to

ndarray = np.ndarray


def check_writable(target: Any) -> None:
    """Raise PyTorch's error if `target` is a leaf that requires a gradient, or a view of one.

    Such a leaf is where gradients end; after a change in place it could not be that any more.
    """
    if not mode.enabled:
        return
    edge = edge_of(target)
    if edge is None:
        return
    if edge[0] is target:
        raise RuntimeError(
            "a leaf Variable that requires grad is being used in an in-place operation. Change it "
            "inside `with no_grad():`, or change a clone."
        )
    root = target
    while root.view_of is not None:
        root = root.view_of.parent
    if root._requires_grad and root.edge is None:
        raise RuntimeError(
            "a view of a leaf Variable that requires grad is being used in an in-place operation. "
            "Change it inside `with no_grad():`, or change a clone of the leaf."
        )


def assign(target: Any, result: Any) -> Any:
    """Write `result` into the memory of `target`, and give `target` its place in the graph."""
    new, old = result.array, target.array
    if new.shape != old.shape:
        raise RuntimeError(
            f"output with shape {list(old.shape)} doesn't match the broadcast shape "
            f"{list(new.shape)}"
        )
    if new.dtype != old.dtype and not dtypes.can_cast(new.dtype, old.dtype):
        raise RuntimeError(
            f"result type {dtypes.legacy_name(new.dtype)} can't be cast to the desired output type "
            f"{dtypes.legacy_name(old.dtype)}"
        )
    if not old.flags.writeable:
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a "
            "single memory location (an expanded tensor), or its memory is read-only. Please "
            "clone() the tensor before performing the operation."
        )
    old[...] = new
    bump_version(target)
    if mode.enabled and result._requires_grad:
        if new.dtype != old.dtype:
            result = cast(result, old.dtype)
        if target.view_of is None:
            target.edge, target._requires_grad = result.edge or (result, 0), True
        else:
            _replace_in_base(target, result)
    return target


def inplace(op: Callable[..., Any], name: str | None = None) -> Callable[..., Any]:
    """The in-place method of `op`: computes ``op(x, ...)`` and stores it in x."""
    saves = getattr(getattr(op, "op", None), "sources", True)  # an op that saves nothing, as add

    def call(input: Any, *args: Any, **kwargs: Any) -> Any:
        before = input
        if mode.enabled:
            check_writable(input)
            edge = edge_of(input)
            if edge is not None or any(
                [isinstance(a, TensorBase) and a._requires_grad for a in args]
            ):
                # the graph goes on from what `input` was, so that must stay as it was
                before = wrap(input.array.copy() if saves else input.array)
                before.edge, before._requires_grad = edge, edge is not None
        return assign(input, op(before, *args, **kwargs))

    call.__name__ = call.__qualname__ = name or op.__name__ + "_"
    call.__doc__ = f"In-place form of `{op.__name__}`: changes the tensor and returns it."
    return call


# ------------------------------------------------------------------------------------------------
# Through views
# ------------------------------------------------------------------------------------------------


def _look(base: Any, path: list[Any]) -> Any:
    """What a view shows of `base`."""
    for op, arguments in path:
        base = op(base, *arguments)
    return base


class _CopySlices(Op):
    """base, with what a view shows of it replaced by value."""

    saves_tensors = False

    def vjp(self, node: Node, edges: Any, grads: list[Any], create_graph: bool) -> Any:
        ((path, shape),) = node.values(create_graph)
        g = grads[0] if create_graph else np.asarray(grads[0], order="C")
        kept = np.ones(shape, bool)
        _look(kept, path)[...] = False
        return [where(kept, g, 0), _look(g, path)]


_COPY_SLICES = _CopySlices("copy_slices")


def _replace_in_base(view: Any, value: Any) -> None:
    path: list[Any] = []
    base = view
    while base.view_of is not None:
        path.insert(0, (base.view_of.op, base.view_of.arguments))
        base = base.view_of.parent
    written = record(_COPY_SLICES, (base, value), ((path, base.array.shape),), base.array)
    base.edge, base._requires_grad = written.edge, True


# ------------------------------------------------------------------------------------------------
# x[index] = value, and other ways to overwrite
# ------------------------------------------------------------------------------------------------

_copied = primitive("copy", lambda a, b: np.broadcast_to(b, a.shape),
                    a=lambda g: g * 0,
                    b=lambda g, b_shape: sum_to(g, b_shape))  # fmt: skip


def _written(base: ndarray, value: Any, index: Any) -> ndarray:
    out = np.array(base)  # of a 0-d array too, where NumPy's operators give scalars without memory
    out[index] = value
    return out


_index_put = primitive("index_put", _written,
                       base=lambda g, index: _index_put(g, 0, index),
                       value=lambda g, value_shape, index: sum_to(getitem_(g, index), value_shape)
)  # fmt: skip


def _copy(input: Any, src: Any) -> Any:
    source = src if isinstance(src, TensorBase) else wrap(np.asarray(src))
    if source.array.dtype != input.array.dtype:
        source = cast(source, input.array.dtype)
    try:
        return _copied(input, source)
    except ValueError:
        raise RuntimeError(
            f"The size of tensor a {list(input.array.shape)} must match the size of tensor b "
            f"{list(source.array.shape)}: it cannot be broadcast to it"
        ) from None


def copy_(input: Any, src: Any, non_blocking: bool = False) -> Any:
    """Overwrite the tensor with `src`, broadcast to its shape and cast to its type."""
    return _overwrite(input, src)


_overwrite = inplace(_copy, "copy_")


def setitem(input: Any, index: Any, value: Any) -> None:
    """``input[index] = value``, recorded if `input` or `value` requires a gradient."""
    basic, advanced = split_index(index, input.array.shape)
    part = input if basic is None else getitem_(input, basic)
    value = value if isinstance(value, TensorBase) else wrap(np.asarray(value))
    if value.array.dtype != input.array.dtype:
        value = cast(value, input.array.dtype)
    shape = part.array.shape if advanced is None else part.array[advanced].shape
    extra = value.array.ndim - len(shape)
    if extra > 0 and value.array.shape[:extra] == (1,) * extra:
        value = value.reshape(value.array.shape[extra:])
    try:
        np.broadcast_to(value.array, shape)
    except ValueError:
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(value.array.shape)} cannot be broadcast "
            f"to indexing result of shape {list(shape)}"
        ) from None
    if advanced is None:
        _overwrite(part, value)
    else:
        _put(part, value, advanced)


_put = inplace(_index_put, "index_put_")


def fill_(input: Any, value: Any) -> Any:
    """Set every entry to `value` (a number or a 0-d tensor)."""
    if array_of(value) is not value and array_of(value).ndim:
        raise RuntimeError(
            "fill_ only supports 0-dimension value tensor but got tensor with "
            f"{array_of(value).ndim} dimensions."
        )
    return _overwrite(input, value)


def zero_(input: Any) -> Any:
    """Set every entry to 0."""
    return _overwrite(input, 0)


def fill_diagonal_(input: Any, fill_value: float, wrap: bool = False) -> Any:
    """Set the entries ``[i, i]`` to `fill_value`."""
    k = np.arange(min(input.array.shape))
    setitem(input, (k,) * input.array.ndim, fill_value)
    return input


def masked_fill_(input: Any, mask: Any, value: Any) -> Any:
    """Set the entries where the bool `mask` is true to `value`."""
    from .index import masked_fill

    return inplace(masked_fill)(input, mask, value)


def _scatter_index(input: Any, dim: int, index: Any, name: str) -> tuple[Any, ...]:
    from .index import _along_axis, checked_gather_index

    positions, axis = checked_gather_index(input, dim, index, name)
    return _along_axis(positions, axis)


def _first_entries(src: Any, index: Any) -> Any:
    """The part of `src` that `index` covers."""
    if not isinstance(src, TensorBase):
        return src
    return getitem_(src, tuple([slice(n) for n in array_of(index).shape]))


def scatter_(input: Any, dim: int, index: Any, src: Any = None, *, value: Any = None) -> Any:
    """``input[index[i][j]][j] = src[i][j]`` for ``dim=0``; `src` may be a number."""
    where_ = _scatter_index(input, dim, index, "scatter")
    setitem(input, where_, _first_entries(value if src is None else src, index))
    return input


def scatter(input: Any, dim: int, index: Any, src: Any = None, *, value: Any = None) -> Any:
    """A copy of `input` after `scatter_`."""
    return scatter_(input.clone(), dim, index, src, value=value)


def _scatter_added(input: Any, dim: int, index: Any, src: Any) -> Any:
    from .index import checked_gather_index, scatter_sum

    positions, axis = checked_gather_index(input, dim, index, "scatter_add")
    return input + scatter_sum(_first_entries(src, index), positions, axis, input.array.shape)


def scatter_add(input: Any, dim: int, index: Any, src: Any) -> Any:
    """`input` with ``src[i][j]`` added at ``[index[i][j]][j]`` (``dim=0``)."""
    return _scatter_added(input, dim, index, src)


scatter_add_ = inplace(_scatter_added, "scatter_add_")


def _rows(input: Any, dim: int, index: Any) -> tuple[Any, ...]:
    from .arguments import checked_axis

    axis = checked_axis(dim, len(input.shape))
    return (*(slice(None),) * axis, array_of(index).reshape(-1))


def _index_added(input: Any, dim: int, index: Any, source: Any, *, alpha: float = 1) -> Any:
    from .index import place

    split_index(_rows(input, dim, index), input.array.shape)  # checks the range
    source = source if alpha == 1 else source * alpha
    return input + place(source, input.array.shape, _rows(input, dim, index))


index_add_ = inplace(_index_added, "index_add_")


def index_copy_(input: Any, dim: int, index: Any, source: Any) -> Any:
    """``input[index[i]] = source[i]`` along `dim`."""
    setitem(input, _rows(input, dim, index), source)
    return input


def index_fill_(input: Any, dim: int, index: Any, value: Any) -> Any:
    """``input[index[i]] = value`` along `dim`."""
    setitem(input, _rows(input, dim, index), value)
    return input


def index_put_(input: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
    """``input[indices] = values``, or ``+=`` with entries named twice adding up."""
    if not accumulate:
        setitem(input, tuple(indices), values)
        return input
    from .index import place

    arrays = tuple([array_of(i) for i in indices])
    spread = broadcast_to(values, input.array[arrays].shape)
    return inplace(lambda x: x + place(spread, x.array.shape, arrays), "index_put_")(input)
