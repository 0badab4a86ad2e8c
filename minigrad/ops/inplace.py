"""In-place operations: ``x += y``, ``x.mul_(y)``, ``x[i] = y``, also through views.

Each one is the ordinary operation followed by `assign`, which writes the result into the memory of
`x` and moves `x` to the result's place in the graph. If `x` is a view, it is the base that gets a
new place: the base is now "its former self, with the part that the view shows replaced". Views that
were taken earlier notice that their base has moved and renew their own place when they are next
used (`minigrad.autograd.views.refresh_view`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import dtypes
from ..arrays.recording import as_one, made, records
from ..arrays.sums import add_at
from ..autograd.engine import Node, record
from ..autograd.grad_mode import mode
from ..autograd.indexing import index_of
from ..autograd.listening import heard, is_listening
from ..autograd.loans import before_write
from ..autograd.primitive import Op, primitive
from ..autograd.tensor_base import TensorBase, array_of, bump_version, wrap
from ..autograd.views import edge_of, move, parent_of, refresh_view
from .arguments import checked_axis
from .cast import cast
from .index import (
    add_along,
    all_within,
    check_array,
    checked_gather_index,
    gathered,
    masked_fill,
    placed,
    put_along,
    rows_of_index,
    split_index,
    spread,
    where,
)
from .index import getitem as getitem_
from .layout import check_memory, copied, rows
from .makers import no_slope
from .shape import clone, expand_error, expands_to, reshape, sum_to
from .values import EITHER, MOST_FLOAT32, filling, is_number, number, type_name

if TYPE_CHECKING:
    from ..autograd.typing import Operation
    from ..tensor import Tensor

ndarray = np.ndarray
MANY = 10_000  # entries
_PLAIN = (float, int, type(None))


def check_writable(target: Any) -> Any:
    """The edge of `target`, while operations are recorded, or None.

    Raises PyTorch's error if `target` is a leaf that requires a gradient, or a view of one. Such a
    leaf is where gradients end; after a change in place it could not be that any more. The pieces
    of one cut (`split`, `unbind`) are refused, too, and views that the graph does not know of.
    """
    if not mode.enabled:
        return None
    edge = edge_of(target)
    if edge is None:
        if target.view_of is not None:
            _check_base_is_unrecorded(target)
        return None
    if edge[0] is target:
        raise RuntimeError(
            "a leaf Variable that requires grad is being used in an in-place operation. Change it "
            "inside `with no_grad():`, or change a clone."
        )
    root: Any = target
    while root.view_of is not None:
        node, k = root.edge or (target, 0)
        if isinstance(node, Node) and node.op.gives_views:
            raise RuntimeError(
                f"Output {k} of {node.op.printed().rpartition('Backward')[0]} is a view and is "
                f"being modified inplace. {node.op.gives_views}"
            )
        root = parent_of(root)
        if root is None:
            return edge
        if root._requires_grad and root.edge is None:  # also one that is itself a view
            raise RuntimeError(
                "a view of a leaf Variable that requires grad is being used in an in-place "
                "operation. Change it inside `with no_grad():`, or change a clone of the leaf."
            )
    return edge


def _check_base_is_unrecorded(view: Any) -> None:
    """A recorded write through a view without a place in the graph would pass by its base's."""
    root = view
    while root is not None and root.view_of is not None:
        root = parent_of(root)
    if root is not None and root._requires_grad:
        raise RuntimeError(
            "A view was created in no_grad mode (or before its base required a gradient) and is "
            "being modified inplace with grad mode enabled: the gradient of its base would miss "
            "the change. Move both the view and the change either inside `with no_grad():` or out "
            "of it."
        )


def assign(target: Any, result: Any, is_written: bool = False) -> Any:
    """Write `result` into the memory of `target`, and give `target` its place in the graph.

    If `is_written`, the memory has changed already.
    """
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
    if not is_written:
        if target.version.borrowers is not None:
            before_write(target)
        old[...] = new
    bump_version(target)
    if mode.enabled and result._requires_grad:
        if new.dtype != old.dtype:
            result = cast(result, old.dtype)
        _take_place(target, result)
    return target


def _take_place(target: Any, result: Any) -> None:
    if target.view_of is None:
        move(target, result.edge or (result, 0))
    else:
        _replace_in_base(target, result)


def rebase(target: Any, result: Any) -> None:
    """Give `target` the place of `result` in the graph: its memory was changed to that already.

    Raises
    ------
    RuntimeError
        It should not have been changed in place.
    """
    check_memory(target.array)
    check_writable(target)
    _take_place(target, result)


class Itself(ndarray):
    """The memory that a write goes to, where an operation would else write to a copy of it."""

    is_written = False


def to_write(base: ndarray) -> ndarray:
    """A copy of `base` to write to, or, in place, its own memory."""
    if type(base) is Itself:
        base.is_written = True
        return base.view(ndarray)
    return made(copied(base))


def inplace(
    op: Callable[..., Any], name: str | None = None, *, one_value: bool = False,
    partly: bool = False, plain: Any = None, value: Any = None,
) -> Operation:  # fmt: skip
    """The in-place method of `op`: computes ``op(x, ...)`` and stores it in x.

    `plain` is the elementwise operation that `op` is without keywords, if it is not `op` itself.
    What an operation says of itself as `writes` is a function that computes it of an array and the
    other arguments, over that array, or returns False where it cannot.
    With `one_value` all entries become equal, and may share their memory; `value` is that value,
    if it is always the same. With `partly`, `op` changes some of them only, in what `to_write`
    gives it: so what is written costs what is written, however large x is.
    """
    saves = getattr(getattr(op, "op", None), "sources", True)  # an op that saves nothing, as add
    writes_named = getattr(op, "writes", None)
    writes_plainly = getattr(plain, "writes", writes_named)

    def call(input: Any, *args: Any, **kwargs: Any) -> Any:
        if is_listening():
            return heard(call, (input, *args), kwargs)
        before = input
        if not one_value:
            check_memory(input.array)
        edge = check_writable(input)
        given = (*args, *kwargs.values()) if kwargs else args
        if edge is not None or (
            mode.enabled and any([isinstance(a, TensorBase) and a._requires_grad for a in given])
        ):
            # the graph goes on from what `input` was, so that must stay as it was
            before = wrap(input.array.copy() if saves and not partly else input.array)
            if edge is not None:
                before.edge, before._requires_grad = past_hooks_of_views(input, edge), True
        elif value is not None and not given and type(input.array) is ndarray:
            return _filled_in_place(input, value)
        else:
            writes = writes_named if kwargs else writes_plainly
            if writes is not None and _computed_in_place(writes, input, args, kwargs):
                return input
        if partly and not records(input.array):
            before_write(input)
            before = before if before is not input else wrap(input.array)
            before.array = memory = input.array.view(Itself)
            return assign(input, op(before, *args, **kwargs), memory.is_written)
        result = op(before, *args, **kwargs)
        return result if result is NotImplemented else assign(input, result)

    call.__name__ = call.__qualname__ = name or op.__name__ + "_"
    call.__doc__ = f"In-place form of `{op.__name__}`: changes the tensor and returns it."
    call.form_of = call.__wrapped__ = op  # type: ignore[attr-defined]
    return call  # type: ignore[return-value]


def _computed_in_place(writes: Any, target: Any, others: Any, named: dict[str, Any]) -> bool:
    """Write to the memory of `target` at once, if `writes` can: nothing of the graph goes here."""
    array: Any = target.array
    if type(array) is not ndarray or array.dtype.kind != "f":
        return False
    given = [array]
    for value in others:
        if isinstance(value, TensorBase):
            value = array_of(value)
            if type(value) is not ndarray:  # one that writes down
                return False
        elif isinstance(value, ndarray):
            return False
        given.append(value)
    if target.version.borrowers is not None:
        before_write(target)
    try:
        if named:
            for value in named.values():
                if type(value) not in _PLAIN:
                    return False
            if not writes(*given, **named):
                return False
        elif not writes(*given):
            return False
    except TypeError:  # of arguments that do not go together, the operation knows what to say
        return False
    bump_version(target)
    return True


def _filled_in_place(target: Any, value: Any) -> Any:
    """The same for one number everywhere."""
    before_write(target)
    array = target.array
    if not value and array.size > MANY and array.flags.c_contiguous:
        array = array.view(np.uint8)  # bytes of 0 are filled in faster than numbers
    array.fill(value)
    bump_version(target)
    return target


# ------------------------------------------------------------------------------------------------
# Through views
# ------------------------------------------------------------------------------------------------


def _look(base: Any, path: list[Any]) -> Any:
    """What a view shows of `base`."""
    for op, arguments in path:
        base = op(base, *arguments)
    return base


def past_hooks_of_views(tensor: Any, edge: Any) -> Any:
    """Where the gradient of what a write through the view `tensor` overwrites goes.

    It is the base that changes, so it is the base that the gradient goes to: not by way of the view
    and of what that was taken from, whose hooks would take it for a gradient of their own.
    """
    path, base, hooked = [], tensor, False
    while base.view_of is not None and not base.view_of.of_itself:
        parent = parent_of(base)
        if parent is None:
            break
        path.append((base.view_of.op, base.view_of.arguments))
        hooked = hooked or (base.edge is not None and base.edge[0]._hooks is not None)
        base = parent
    return edge_of(_look(base, path[::-1])) if hooked else edge


class _CopySlices(Op):
    """base, with what a view shows of it replaced by value."""

    saves_tensors = False
    gives_new = writes_gradient = True

    def vjp(self, node: Node, edges: Any, grads: list[Any], create_graph: bool) -> Any:
        ((path, shape),) = node.values(create_graph)
        (g,) = grads
        if create_graph:
            kept = np.ones(shape, bool)
            _look(kept, path)[...] = False
            return [where(kept, g, 0), _look(g, path)]
        if edges[0] is None:
            return [None, _look(np.asarray(g, order="C"), path).copy()]
        part = _look(g, path)
        of_value = part.copy()
        part[...] = 0
        return [g, of_value]


_COPY_SLICES = _CopySlices("copy_slices")


def _path(view: Any) -> tuple[Any, list[Any]]:
    """The root of all views, and how `view` comes from it."""
    path: list[Any] = []
    while view.view_of is not None:
        path.append((view.view_of.op, view.view_of.arguments))
        parent = parent_of(view)
        if parent is None:  # its base shows other memory by now, and the view stands for itself
            view.view_of = None
            return view, path[-2::-1]
        view = parent
    return view, path[::-1]


def _replace_in_base(view: Any, value: Any) -> None:
    base, path = _path(view)
    written = record(_COPY_SLICES, (base, value), [(path, base.array.shape)], base.array)
    move(base, written.edge)
    if view.view_of is not None:
        view.view_of.written = written.edge  # (the base may be detached before anybody asks)
        if view._retains_grad:  # of its new value
            refresh_view(view)


# ------------------------------------------------------------------------------------------------
# x[index] = value, and other ways to overwrite
# ------------------------------------------------------------------------------------------------

_copied = primitive("copy", lambda a, b: np.broadcast_to(b, a.shape),
                    a=no_slope,
                    b=lambda g, b_shape: sum_to(g, b_shape))  # fmt: skip
_zeroed = primitive("zero", lambda x: np.zeros_like(x), x=no_slope)
_filled = primitive("fill.number", lambda x, value: np.full_like(x, value),
                    x=no_slope)  # fmt: skip
_filled_with = primitive("fill.tensor", lambda x, value: np.full_like(x, value),
                         x=no_slope,
                         value=lambda g: sum_to(g, ()))  # fmt: skip


def _written(base: ndarray, value: Any, index: Any) -> ndarray:
    out = to_write(base)
    out[index] = value
    return out


def _overwriting(name: str, layout: Any = None) -> Any:
    return primitive(name, _written, keeps="index", layout=layout,
                     base=lambda g, index: _index_put(g, 0, index),
                     value=lambda g, value_shape, index: sum_to(getitem_(g, index), value_shape)
    )  # fmt: skip


def _overwriting_with_number(name: str, layout: Any = None) -> Any:
    return primitive(name, _written, keeps="index", layout=layout,
                     base=lambda g, index: _index_put(g, 0, index))  # fmt: skip


def _added_at(base: ndarray, value: Any, index: Any) -> ndarray:
    out = to_write(base)
    if records(out):
        shape = np.asarray(out)[index].shape
        wide = spread(value, shape)
        wide = wide if records(wide) else made(np.array(wide))
        return out + placed(wide, out.shape, index).dense()
    of_rows = rows_of_index(index)
    if of_rows is not None:
        rows_, axis = of_rows
        shape = (*out.shape[:axis], *rows_.shape, *out.shape[axis + 1 :])
        return placed(spread(value, shape), out.shape, index).add_to(out)
    add_at(out, index, value)
    return out


def _adding(name: str, layout: Any = None) -> Any:
    return primitive(name, _added_at, keeps="index", layout=layout,
                     base=lambda g: g,
                     value=lambda g, value_shape, index: sum_to(getitem_(g, index), value_shape)
    )  # fmt: skip


_index_put, _index_copy = _overwriting("index_put"), _overwriting("index_copy", layout=rows)
_index_fill_number = _overwriting_with_number("index_fill")
_index_fill = _overwriting("index_fill.tensor")
_index_add = _adding("index_add", rows)
_index_put_add = _adding("index_put")


def _copies(out: ndarray, source: Any) -> bool:
    if not _is_source(out, source, out.shape):
        return False
    np.copyto(out, source)
    return True


def _copy(input: Any, src: Any) -> Any:
    source = src
    if not isinstance(src, TensorBase):
        if isinstance(src, ndarray):
            raise TypeError("copy_(): argument 'other' must be Tensor, not numpy.ndarray")
        source = wrap(filling(src, input.array.dtype, "copy_", "other", EITHER))
    if source.array.dtype != input.array.dtype:
        source = cast(source, input.array.dtype)
    try:
        return _copied(input, source)
    except ValueError:
        raise RuntimeError(
            f"The size of tensor a {list(input.array.shape)} must match the size of tensor b "
            f"{list(source.array.shape)}: it cannot be broadcast to it"
        ) from None


def overwritten(target: Any, edge: Any) -> None:
    """Note that `target`, whose place was `edge`, now holds numbers that depend on nothing."""
    before = wrap(target.array)
    before.edge, before._requires_grad = edge, True
    _take_place(target, _zeroed(before))


def copy_(input: Any, src: Any, non_blocking: bool = False) -> Tensor:
    """Overwrite the tensor with `src`, broadcast to its shape and cast to its type."""
    return _overwrite(input, src)


_copy.writes = _copies  # type: ignore[attr-defined]
_overwrite = inplace(_copy, "copy_")


def setitem(input: Any, index: Any, value: Any) -> None:
    """``input[index] = value``, recorded if `input` or `value` requires a gradient."""
    if is_listening():
        return heard(setitem, (input, index, value), {})
    if _set_plainly(input, index, value):
        return None
    basic, advanced = split_index(index, input.array.shape)
    part = input if basic is None else getitem_(input, basic)
    kind = input.array.dtype
    if not isinstance(value, TensorBase):
        value = _assignable(value, kind)
    elif value.array.dtype != kind:
        if advanced is not None and not value.array.ndim:
            filling(value, kind, "__setitem__", "value", EITHER)  # fits
        if advanced is not None and not (value.array.size == 1 and _is_one_mask(advanced)):
            _checked_values(input, value)
        value = cast(value, kind)
    if advanced is not None and value.array.size == 1:
        _check_mask(index)
    shape = part.array.shape if advanced is None else np.asarray(part.array)[advanced].shape
    extra = value.array.ndim - len(shape)
    if extra > 0 and value.array.shape[:extra] == (1,) * extra:
        value = value.reshape(value.array.shape[extra:])
    if not expands_to(value.array.shape, shape):
        if advanced is None:
            raise RuntimeError(expand_error(value.array.shape, shape))
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(value.array.shape)} cannot be broadcast "
            f"to indexing result of shape {list(shape)}"
        )
    if advanced is None:
        _overwrite(part, value)
    else:
        _put(part, value, advanced)


def _is_index(array: Any) -> bool:
    return type(array) is ndarray and array.dtype.kind in "ib" and array.ndim > 0


def _set_plainly(target: Any, index: Any, value: Any) -> bool:
    """`setitem` where NumPy's rules are PyTorch's, and nothing is recorded; False: they may not be.

    That is: ints or tensors of them, masks, slices without a step, ``...``; a number, or a tensor
    of the same type.
    """
    array: Any = target.array
    if mode.enabled and (target.edge is not None or target.view_of or target._requires_grad):
        return False
    if type(array) is not ndarray or array.dtype.kind != "f":
        return False
    if not array.flags.c_contiguous or not array.flags.writeable:
        return False
    items = index if type(index) is tuple else (index,)
    leaves_axes, has_arrays, has_ints = len(items) < array.ndim, False, False
    for item in items:
        if item is Ellipsis or (type(item) is slice and item.step is None):
            leaves_axes = True
        elif type(item) is int:
            has_ints = True
        elif isinstance(item, TensorBase) and _is_index(item.array):
            leaves_axes = has_arrays = True
        else:
            return False
    given: Any = value
    if isinstance(value, TensorBase):
        given = value.array
        if type(given) is not ndarray or given.dtype is not array.dtype:
            return False
        if (mode.enabled and value._requires_grad) or (given.ndim and not leaves_axes):
            return False
    elif not _surely_fits(value, array):
        return False
    if has_arrays:
        if has_ints:  # which NumPy would broadcast with the arrays
            return False
        index = tuple([array_of(i) for i in items])
    before_write(target)
    try:
        if not (has_arrays and len(items) == 1 and _fills_where(array, index[0], given)):
            array[index] = given
    except (IndexError, ValueError):  # in PyTorch's words
        return False
    bump_version(target)
    return True


def _check_mask(index: Any) -> None:
    """Check that a mask through which one number is written does not consist of bytes."""
    items = index if isinstance(index, tuple) else (index,)
    tensors = [i for i in items if isinstance(i, TensorBase)]
    if len(tensors) == 1 and tensors[0].array.dtype == np.uint8 and tensors[0].array.ndim:
        raise RuntimeError(
            "masked_fill_ only supports boolean masks, but got mask with dtype unsigned char; "
            "write mask.bool() for a mask, mask.long() if it holds positions"
        )


def _is_one_mask(index: tuple[Any, ...]) -> bool:
    arrays = [i for i in index if isinstance(i, ndarray)]
    return len(arrays) == 1 and arrays[0].dtype.kind == "b"


def _assignable(value: Any, kind: np.dtype) -> Any:
    """A number as a tensor of type `kind`."""
    if not is_number(value):
        raise TypeError(
            f"can't assign a {type_name(value)} to a torch.{dtypes.legacy_name(kind)}Tensor"
        )
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError(f"Overflow when unpacking long long: {value} has more than 64 bits")
    return wrap(filling(value, kind, "__setitem__"))


_put = inplace(_index_put, "index_put_", partly=True)


def fill_(input: Any, value: Any) -> Tensor:
    """Set every entry to `value` (a number or a 0-d tensor)."""
    if is_listening():
        return heard(fill_, (input, value), {})
    if not isinstance(value, TensorBase):
        value = filling(value, input.array.dtype, "fill_", "value", EITHER)
        if check_writable(input) is not None:
            return _fill_number(input, value)
        before_write(input)
        input.array[...] = value  # nothing is recorded, and no other array needed
        bump_version(input)
        return input
    if value.array.ndim:
        raise RuntimeError(
            "fill_ only supports 0-dimension value tensor but got tensor with "
            f"{value.array.ndim} dimensions."
        )
    kind = input.array.dtype
    return _fill_tensor(input, value if value.array.dtype == kind else cast(value, kind))


_fill_number = inplace(_filled, one_value=True)
_fill_tensor = inplace(_filled_with, one_value=True)
zero_ = inplace(_zeroed, "zero_", one_value=True, value=0)
zero_.__doc__ = _zeroed.__doc__ = "Set every entry to 0."


def fill_diagonal_(input: Any, fill_value: float, wrap: bool = False) -> Tensor:
    """Set the entries ``[i, i]`` to `fill_value`.

    With `wrap`, the diagonal of a tall matrix starts anew, one row further down, wherever it has
    left the matrix on the right.
    """
    shape = input.array.shape
    if len(shape) < 2:
        raise RuntimeError(
            f"fill_diagonal_: dimensions must larger than 1, got shape {list(shape)}"
        )
    if len(shape) > 2 and len(set(shape)) > 1:
        raise RuntimeError(
            f"fill_diagonal_: all dimensions of input must be of equal length, got {list(shape)}"
        )
    index = (np.arange(min(shape)),) * len(shape)
    if wrap and len(shape) == 2:
        # counted row by row, two neighbours on a diagonal lie a row and an entry apart
        index = np.unravel_index(np.arange(0, input.array.size, shape[1] + 1), shape)
    setitem(input, index, number(fill_value, "fill_diagonal_", "fill_value"))
    return input


def masked_fill_(input: Any, mask: Any, value: Any) -> Tensor:
    """Set the entries where the bool `mask` is true to `value`."""
    return _masked_fill_(input, mask, value)


def _surely_fits(value: Any, array: ndarray) -> bool:
    """Whether `value` is a Python number that fits an array of floats, without much ado."""
    if type(value) is int:
        return array.itemsize > 2 and -(2**62) < value < 2**62
    return type(value) is float and array.itemsize > 2 and not (
        MOST_FLOAT32 < abs(value) < math.inf)  # fmt: skip


def _fills_where(out: ndarray, mask: Any, value: Any) -> bool:
    if type(mask) is not ndarray or mask.dtype.kind != "b" or mask.shape != out.shape:
        return False
    if not _surely_fits(value, out):
        return False
    np.putmask(out, mask, value)
    return True


masked_fill.writes = _fills_where  # type: ignore[attr-defined]
_masked_fill_ = inplace(masked_fill)


def _like(value: Any, input: Any, function: str) -> Any:
    """`value` as a tensor or a number of the type of `input`."""
    kind = array_of(input).dtype
    if not isinstance(value, TensorBase):
        return filling(value, kind, function, "value", EITHER)
    return value if value.array.dtype == kind else cast(value, kind)


@as_one(along=lambda base, value, index, axis: (axis,))
def _scattered(base: ndarray, value: Any, index: ndarray, axis: int) -> ndarray:
    return put_along(to_write(base), value, index, axis)


@as_one(along=lambda base, value, index, axis: (axis,))
def _scatter_added(base: ndarray, value: Any, index: ndarray, axis: int) -> ndarray:
    return add_along(to_write(base), spread(value, index.shape), index, axis)


_scatter = primitive("scatter", _scattered, keeps="index", layout=rows,
                     base=lambda g, index, axis: _scatter_number(g, 0, index, axis),
                     value=lambda g, value_shape, index, axis: sum_to(
                         gathered(g, index, axis), value_shape))  # fmt: skip
_scatter_number = primitive("scatter.number", _scattered, keeps="index", layout=rows,
                            base=lambda g, index, axis: _scatter_number(g, 0, index, axis)
)  # fmt: skip
_scatter_add = primitive("scatter_add", _scatter_added, keeps="index", layout=rows,
                         base=lambda g: g,
                         value=lambda g, value_shape, index, axis: sum_to(
                             gathered(g, index, axis), value_shape))  # fmt: skip


def _checked_index(input: Any, dim: int, index: Any, name: str) -> tuple[Any, int]:
    """The index, with as many axes as `input` (a number counts as one), and the axis."""
    positions, axis = checked_gather_index(input, dim, index, name)
    if positions.size and positions.ndim != array_of(input).ndim:
        index = reshape(index, (1,) * array_of(input).ndim)
    return index, axis


def _first_entries(name: str, input: Any, src: Any, index: Any) -> Any:
    """The part of `src` that `index` covers, in the shape of what is written to."""
    sizes, needed = array_of(src).shape, array_of(index).shape
    if sizes == needed and sizes:
        return src if array_of(input).ndim else reshape(src, ())
    if len(sizes or (1,)) != len(needed or (1,)) or any(
        [n < m for n, m in zip(sizes or (1,), needed)]
    ):
        raise RuntimeError(
            f"{name}: Expected index {list(needed)} to be no larger size than src {list(sizes)}"
        )
    if sizes and needed:
        src = getitem_(src, tuple([slice(n) for n in needed]))
    else:
        src = getitem_(reshape(src, (-1,)), slice(1))
    return src if array_of(input).ndim else reshape(src, ())


def _checked_source(name: str, input: Any, src: Any) -> Any:
    if array_of(src).dtype != input.array.dtype:
        raise RuntimeError(
            f"{name}(): Expected self.dtype to be equal to src.dtype, but got "
            f"{dtypes.of_numpy(input.array.dtype)} and {dtypes.of_numpy(array_of(src).dtype)}"
        )
    return src


def _of_nothing(input: Any, src: Any) -> Any:
    """A copy of `input` to which nothing of `src` came, which has the gradient 0 nonetheless."""
    if not isinstance(src, TensorBase):
        return clone(input)
    none = getitem_(reshape(src, (-1,)), slice(0))
    copy = _scatter_add(reshape(input, (-1,)), none, wrap(np.zeros(0, np.int64)), 0)
    return reshape(copy, input.array.shape)


def scatter(
    input: Any, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: Any = None
) -> Tensor:
    """A copy of `input` in which ``[index[i][j]][j] = src[i][j]`` for ``dim=0``.

    Parameters
    ----------
    index : Tensor
        int64, with as many axes as `input`.
    src : Tensor or number
        A number may also be given as `value`.
    reduce : "add", optional
        Add instead of overwriting.
    """
    index, axis = _checked_index(input, dim, index, "scatter")
    if not array_of(index).size:
        return _of_nothing(input, src)
    if src is None:
        src = filling(value, array_of(input).dtype, "scatter", "value")
    if reduce is not None:
        if reduce != "add":
            raise RuntimeError(f"scatter: reduce={reduce!r} is not supported; use 'add'")
        if isinstance(src, TensorBase):
            return _scatter_add(input, _first_entries("scatter", input, src, index), index, axis)
        return _scatter_add(input, _like(src, input, "scatter"), index, axis)
    if not isinstance(src, TensorBase):
        return _scatter_number(input, _like(src, input, "scatter"), index, axis)
    source = _first_entries("scatter", input, _checked_source("scatter", input, src), index)
    return _scatter(input, source, index, axis)


def scatter_add(input: Any, dim: int, index: Any, src: Any) -> Tensor:
    """`input` with ``src[i][j]`` added at ``[index[i][j]][j]`` (``dim=0``)."""
    index, axis = _checked_index(input, dim, index, "scatter_add")
    if not array_of(index).size:
        return _of_nothing(input, src)
    source = _first_entries("scatter_add", input, _checked_source("scatter_add", input, src), index)
    return _scatter_add(input, source, index, axis)


def _rows(name: str, input: Any, dim: int, index: Any, kinds: str = "int64") -> tuple[Any, ...]:
    """``index`` along `dim`, as an index of the whole tensor.

    `kinds` are the types that the index may have, for PyTorch allows them to differ.
    """
    positions, shape = array_of(index), array_of(input).shape
    if positions.ndim > 1:
        raise IndexError(
            f"{name}(): Index is supposed to be a vector, but got shape {list(positions.shape)}"
        )
    if positions.dtype != np.int64 and positions.dtype.name not in kinds:
        kind = RuntimeError if name == "index_copy" else IndexError
        raise kind(
            f"{name}(): Expected dtype {kinds} for index (a long tensor), but got "
            f"{dtypes.of_numpy(positions.dtype)}"
        )
    if name != "index_fill":
        positions = _not_negative(positions, name)
    axis = checked_axis(dim, len(shape))
    if not shape:  # a number counts as one axis, of size 1
        if positions.any() and not (name == "index_fill" and set(positions.flat) <= {0, -1}):
            raise IndexError(f"{name}(): index out of range for dimension 0 with size 1")
        return index_of((), (index,))
    rows = (*(slice(None),) * axis, positions.reshape(-1))
    check_array(rows[-1], axis, shape)
    if name == "index_fill" and positions.size:  # a row that is named twice takes the value once
        rows = (*rows[:-1], np.unique(positions % shape[axis]))
    return index_of(rows, (index,))


@as_one(along=lambda positions, name: ())
def _not_negative(positions: ndarray, name: str) -> ndarray:
    if not all_within(positions, 0, 2**62):
        raise IndexError(f"{name}(): index {positions.min()} is out of bounds: it is negative")
    return positions


def _rows_of_source(name: str, input: Any, dim: int, index: Any, source: Any) -> Any:
    """`source` after a check that it has a row for each index and otherwise the shape of `input`.

    Where `input` and `index` have one axis or none, a number does for a row.
    """
    shape, given = array_of(input).shape, array_of(source).shape
    axis, count = checked_axis(dim, len(shape)), array_of(index).size
    needed = (*shape[:axis], count, *shape[axis + 1 :])
    if given == needed and shape:
        return source
    if len(shape) > 1 or len(given) > 1 or count != 1 or given not in ((), (1,)):
        kind = IndexError if name == "index_copy" else RuntimeError
        raise kind(
            f"{name}_(): source tensor shape must match self tensor shape, excluding the specified "
            f"dimension, and the Number of indices ({count}) should be equal to "
            f"source.size(dim): self has shape {list(shape)}, source {list(given)}, dim is {dim}"
        )
    return reshape(source, needed if shape else ())


def index_add(input: Any, dim: int, index: Any, source: Any, *, alpha: float = 1) -> Tensor:
    """`input` with ``alpha * source[i]`` added at ``[index[i]]`` along `dim`."""
    rows = _rows("index_add", input, dim, index, "int32/int64")
    source = _checked_source("index_add", input, source)
    source = _rows_of_source("index_add", input, dim, index, source)
    return _index_add(input, source if alpha == 1 else source * alpha, rows)


def index_copy(input: Any, dim: int, index: Any, source: Any) -> Tensor:
    """A copy of `input` with ``[index[i]] = source[i]`` along `dim`."""
    rows = _rows("index_copy", input, dim, index)
    source = _checked_source("index_copy", input, source)
    return _index_copy(input, _rows_of_source("index_copy", input, dim, index, source), rows)


def index_fill(input: Any, dim: int, index: Any, value: Any) -> Tensor:
    """A copy of `input` with ``[index[i]] = value`` along `dim`."""
    op = _index_fill if isinstance(value, TensorBase) else _index_fill_number
    if op is _index_fill:
        if value.array.ndim:
            raise RuntimeError(
                "index_fill_ only supports a 0-dimensional value tensor, but got tensor with "
                f"{value.array.ndim} dimension(s)."
            )
        filling(value, array_of(input).dtype, "index_fill", "value", EITHER)  # fits
    if not array_of(index).size and not array_of(input).ndim:
        return clone(input)
    rows = _rows("index_fill", input, dim, index)
    return op(input, _like(value, input, "index_fill"), rows)


def index_put(input: Any, indices: Any, values: Any, accumulate: bool = False) -> Tensor:
    """A copy of `input` after ``[indices] = values``, or ``+=``; entries named twice add up."""
    arrays = _index_arrays(input, indices)
    values = _checked_values(input, values)
    _check_rank(input, values, arrays)
    try:
        return (_index_put_add if accumulate else _index_put)(input, values, arrays)
    except ValueError as error:
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(values.array.shape)} cannot be broadcast "
            f"to indexing result: {error}"
        ) from None


def _index_arrays(input: Any, indices: Any) -> tuple[Any, ...]:
    """The tensors `indices` as an index of arrays; a mask of bytes counts as one of bools."""
    if not isinstance(indices, (tuple, list)):
        raise TypeError(
            "index_put(): argument 'indices' (position 2) must be tuple of Tensors, not "
            f"{type_name(indices)}"
        )
    for k, index in enumerate(indices):
        if not isinstance(index, TensorBase):
            raise TypeError(
                f"expected Tensor as element {k} in argument 'indices', but got {type_name(index)}"
            )
        if index.array.dtype.kind == "u":
            raise RuntimeError(
                "index_put() only supports boolean masks, but got mask with dtype torch.uint8: use "
                "mask.bool(), or mask.long() if these are indices"
            )
    split_index(tuple(indices), input.array.shape)  # checks types and range
    return index_of([index.array for index in indices], indices)


def _check_rank(input: Any, values: Any, arrays: tuple[Any, ...]) -> None:
    """NumPy would leave out axes of `values` of which there are too many; PyTorch does not."""
    masks = [a.ndim for a in arrays if a.dtype.kind == "b"]
    places = max([a.ndim if a.dtype.kind != "b" else 1 for a in arrays])
    rank = places + input.array.ndim - (len(arrays) - len(masks)) - sum(masks)
    if values.array.ndim > rank:
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(values.array.shape)} cannot be broadcast "
            f"to indexing result, which has {rank} axes"
        )


def _checked_values(input: Any, values: Any) -> Any:
    if not isinstance(values, TensorBase):
        raise TypeError(
            "index_put(): argument 'values' (position 3) must be Tensor, not "
            f"{type_name(values)}: use input[index] = number"
        )
    if values.array.dtype != input.array.dtype:
        raise RuntimeError(
            "Index put requires the source and destination dtypes match, got "
            f"{dtypes.legacy_name(input.array.dtype)} for the destination and "
            f"{dtypes.legacy_name(values.array.dtype)} for the source."
        )
    return values


def _are_rows(out: ndarray, dim: Any, index: Any) -> bool:
    """Whether `index` is an array of numbers of rows along the axis `dim`, counted from 0."""
    return (
        type(dim) is int
        and 0 <= dim < out.ndim
        and type(index) is ndarray
        and index.dtype == np.int64
        and index.ndim == 1
        and all_within(index, 0, out.shape[dim])
    )


def _is_source(out: ndarray, source: Any, shape: tuple[int, ...]) -> bool:
    return type(source) is ndarray and source.dtype is out.dtype and source.shape == shape


def _along(dim: int, index: ndarray) -> tuple[Any, ...]:
    return (*(slice(None),) * dim, index)


def _fills_rows(out: ndarray, dim: Any, index: Any, value: Any) -> bool:
    if not _are_rows(out, dim, index) or not _surely_fits(value, out):
        return False
    out[_along(dim, index)] = value
    return True


def _copies_rows(out: ndarray, dim: Any, index: Any, source: Any) -> bool:
    if not _are_rows(out, dim, index):
        return False
    if not _is_source(out, source, (*out.shape[:dim], index.size, *out.shape[dim + 1 :])):
        return False
    out[_along(dim, index)] = source
    return True


def _adds_rows(out: ndarray, dim: Any, index: Any, source: Any, *, alpha: Any = 1) -> bool:
    if not _are_rows(out, dim, index) or alpha != 1:
        return False
    if not _is_source(out, source, (*out.shape[:dim], index.size, *out.shape[dim + 1 :])):
        return False
    placed(source, out.shape, _along(dim, index)).add_to(out)
    return True


def _scatters(out: ndarray, dim: Any, index: Any, source: Any) -> bool:
    if not _is_scattered(out, dim, index):
        return False
    if not _is_source(out, source, index.shape):
        if not _surely_fits(source, out):
            return False
        source = out.dtype.type(source)
    put_along(out, source, index, dim)
    return True


def _scatters_sums(out: ndarray, dim: Any, index: Any, source: Any) -> bool:
    if not _is_scattered(out, dim, index) or not _is_source(out, source, index.shape):
        return False
    add_along(out, source, index, dim)
    return True


def _is_scattered(out: ndarray, dim: Any, index: Any) -> bool:
    if type(dim) is not int or not 0 <= dim < out.ndim or type(index) is not ndarray:
        return False
    if index.dtype != np.int64 or index.ndim != out.ndim or not index.size:
        return False
    return all([n <= m for k, (n, m) in enumerate(zip(index.shape, out.shape)) if k != dim])


_WRITES: tuple[tuple[Any, Any], ...] = (
    (index_fill, _fills_rows), (index_copy, _copies_rows), (index_add, _adds_rows),
    (scatter, _scatters), (scatter_add, _scatters_sums),
)  # fmt: skip
for _op, _writes in _WRITES:
    _op.writes = _writes
scatter_, scatter_add_, index_add_, index_copy_, index_fill_, index_put_ = [
    inplace(op, partly=True)
    for op in (scatter, scatter_add, index_add, index_copy, index_fill, index_put)
]


# ------------------------------------------------------------------------------------------------
# Another shape, in place
# ------------------------------------------------------------------------------------------------


def reshaping(op: Callable[..., Any]) -> Operation:
    """The in-place method of a view operation: the tensor becomes a view of its former self.

    Its memory stays what it was, so older views are from now on views of that former self, too
    (`minigrad.autograd.views.parent_of`).
    """

    def call(input: Any, *args: Any) -> Any:
        if is_listening():
            return heard(call, (input, *args), {})
        check_writable(input)
        before_write(input)  # of other shape, the memory is as good as another
        before = wrap(input.array)
        before.version = input.version
        before.edge, before._requires_grad = input.edge, input._requires_grad
        before.view_of = input.view_of
        previous, mode.enabled = mode.enabled, mode.enabled or input.edge is not None
        try:  # (its gradient will have the new shape, whether this is recorded or not)
            after = op(before, *args)
        finally:
            mode.enabled = previous
        bump_version(input)
        input.array, input.view_of = after.array, after.view_of
        input.view_of.of_itself = True
        if after.edge is not None:
            move(input, after.edge)
        return input

    call.__name__ = call.__qualname__ = op.__name__ + "_"
    call.__doc__ = f"In-place form of `{op.__name__}`: the tensor itself gets the new shape."
    call.__wrapped__ = op  # type: ignore[attr-defined]
    return call  # type: ignore[return-value]
