"""Joining tensors into one (cat, stack) and cutting one into several (split, unbind, chunk).

A list of inputs on one side, a list of outputs on the other; each pair is the other's gradient. The
pieces of a cut are views, recorded as one operation: the gradient of a loop over ``x.unbind()``
costs one pass over x.
"""

from __future__ import annotations

import builtins
import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..autograd.engine import Node, attach, edges_of, record
from ..autograd.errors import ONE_OF_SEVERAL_VIEWS
from ..autograd.grad_mode import mode
from ..autograd.listening import heard, is_listening
from ..autograd.primitive import Op
from ..autograd.tensor_base import TensorBase, array_of, wrap
from ..autograd.views import View
from .arguments import as_int, as_shape, checked_axis
from .cast import common_type
from .index import basic_index
from .kernels import movement_of
from .layout import rows
from .shape import clone, reshape

if TYPE_CHECKING:
    from ..tensor import Tensor

ndarray = np.ndarray


class _Join(Op):
    """Joins tensors: the gradient is cut where the inputs were joined."""

    saves_tensors = False


class _Cat(_Join):
    """cat: the gradient is split."""

    def vjp(self, node: Node, edges: Any, grads: list[Any], create_graph: bool) -> Any:
        shapes, axis = node.values(create_graph)
        g = grads[0]
        fits = [len(shape) == g.ndim for shape in shapes]  # not those of (0,), passed over
        sizes = [shape[axis] if fit else 0 for shape, fit in zip(shapes, fits)]
        pieces = split(g, sizes, axis)
        return [p if fit else reshape(p, (0,)) for p, fit in zip(pieces, fits)]


class _Stack(_Join):
    """stack: each input gets its slice of the gradient."""

    def vjp(self, node: Node, edges: Any, grads: list[Any], create_graph: bool) -> Any:
        (axis,) = node.values(create_graph)
        return unbind(grads[0], axis)


class _Cut(Op):
    """split and unbind: the gradient is joined again, with zeros where none flowed back."""

    saves_tensors = False
    gives_views = ONE_OF_SEVERAL_VIEWS

    def __init__(self, name: str, join: Callable[[list[Any], int], Any]) -> None:
        super().__init__(name)
        self.join = join

    def vjp(self, node: Node, edges: Any, grads: list[Any], create_graph: bool) -> Any:
        axis, shapes, kind = node.values(create_graph)
        pieces = [
            np.zeros(s, kind) if g is None else g if isinstance(g, TensorBase) else np.asarray(g)
            for g, s in zip(grads, shapes)
        ]
        return [self.join(pieces, axis)]


_CAT, _STACK, _STACK_ROWS = _Cat("cat"), _Stack("stack"), _Cat("stack")


def _joined(arrays: list[Any], axis: int, along_a_new_one: bool) -> ndarray | None:
    """The arrays joined by a kernel; None without one, or if they do not go together."""
    first = arrays[0] if arrays else None
    kernels = movement_of(first.dtype) if type(first) is ndarray else None
    if kernels is None or type(axis) is not int:
        return None
    return kernels.join(arrays, axis, along_a_new_one)


def _recorded_join(op: Op, tensors: Sequence[Any], result: ndarray, saved: list[Any]) -> Any:
    """`result`, of arrays; joined from tensors it is one, too."""
    for x in tensors:
        if isinstance(x, TensorBase):
            return record(op, tensors, saved, result)
    return result


def cat(tensors: Sequence[Any], dim: int = 0, *, axis: int | None = None) -> Tensor:
    """Join tensors along an existing axis.

    Parameters
    ----------
    tensors : sequence of Tensor
        Of equal shapes, except along `dim`; a tensor of shape (0,) is passed over.
    dim : int
        The axis.

    Raises
    ------
    ValueError
        An empty list.
    RuntimeError
        Shapes that differ elsewhere, or a tensor without axes.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.cat([mg.zeros(2), mg.ones(1)])
    tensor([0., 0., 1.])
    """
    if is_listening():
        return heard(cat, (tensors, dim if axis is None else axis), {})
    dim = dim if axis is None else axis
    arrays = _arrays_of(tensors)
    result = _joined(arrays, dim, False)
    if result is not None:
        where = checked_axis(dim, result.ndim)
    else:
        tensors = _common_type(tensors, "cat")
        arrays = _arrays_of(tensors)
        full = [a for a in arrays if a.shape != (0,)]
        if not full:
            return clone(tensors[0])
        where = checked_axis(dim, full[0].ndim)
        for k, a in enumerate(full):
            _check_joinable(k, a.shape, full[0].shape, where)
        result = rows(np.concatenate(full, where))
    return _recorded_join(_CAT, tensors, result, [[a.shape for a in arrays], where])


def _arrays_of(tensors: Any) -> list[Any]:
    """The arrays of a list of tensors; none of what is no list."""
    if type(tensors) is not list and type(tensors) is not tuple:
        return []
    return [array_of(x) for x in tensors]


def _check_joinable(
    position: int, shape: tuple[int, ...], first: tuple[int, ...], axis: int
) -> None:
    """Raise if an array of `shape` cannot be joined along `axis` to one of the shape `first`."""
    if not shape:
        raise RuntimeError(
            f"zero-dimensional tensor (at position {position}) cannot be concatenated"
        )
    if len(shape) != len(first):
        raise RuntimeError(
            f"Tensors must have same number of dimensions: got {len(first)} and {len(shape)}"
        )
    for k, (m, n) in enumerate(zip(first, shape)):
        if k != axis and m != n:
            raise RuntimeError(
                f"Sizes of tensors must match except in dimension {axis}. Expected size {m} "
                f"but got size {n} for tensor number {position} in the list."
            )


def stack(tensors: Sequence[Any], dim: int = 0) -> Tensor:
    """Join tensors of one shape along a new axis `dim`."""
    if is_listening():
        return heard(stack, (tensors, dim), {})
    result = _joined(_arrays_of(tensors), dim, True)
    if result is None:
        tensors = _common_type(tensors, "stack")
        arrays = [array_of(x) for x in tensors]
        for k, a in enumerate(arrays):
            if a.shape != arrays[0].shape:
                raise RuntimeError(
                    f"stack expects each tensor to be equal size, but got {list(arrays[0].shape)} "
                    f"at entry 0 and {list(a.shape)} at entry {k}"
                )
        look = (slice(None),) * checked_axis(dim, arrays[0].ndim + 1) + (None,)
        result = rows(np.concatenate([a[look] for a in arrays], dim))  # np.stack, but at once
    return _recorded_join(_STACK, tensors, result, [checked_axis(dim, result.ndim)])


def stack_rows(tensors: Sequence[Any]) -> Any:
    """Join tensors of shape (1, ...) along axis 0. They are known to fit: nothing is checked."""
    if is_listening():
        return heard(stack_rows, (tensors,), {})
    arrays = [x.array for x in tensors]
    return record(_STACK_ROWS, tensors, [[a.shape for a in arrays], 0], np.concatenate(arrays))


stack_rows.on_arrays = np.concatenate  # type: ignore[attr-defined]


def split(tensor: Any, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Cut a tensor along `dim` into pieces of one size (the last: what is left), or given sizes."""
    if is_listening():
        return heard(split, (tensor, split_size_or_sections, dim), {})
    array = array_of(tensor)
    axis = checked_axis(dim, array.ndim)
    if not array.ndim:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    total = array.shape[axis]
    op = _SPLIT_WITH_SIZES if isinstance(split_size_or_sections, (tuple, list)) else _SPLIT
    if op is _SPLIT:
        size = as_int(split_size_or_sections, "split", "split_size")
        if size < 0 or (size == 0 and total):
            raise RuntimeError(
                f"split expects split_size be non-negative, but got split_size={size}"
            )
        ends = [*range(size, total, size), total] if total else [0]
    else:
        sizes = as_shape((split_size_or_sections,), "split_sizes")
        ends = list(itertools.accumulate(sizes))
        if (ends[-1] if ends else 0) != total or builtins.min(sizes, default=0) < 0:
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {total} (input tensor's "
                f"size at dimension {axis}), but got split_sizes={list(sizes)}"
            )
    lead = (slice(None),) * axis
    begin, places = 0, []
    for end in ends:
        places.append((*lead, slice(begin, end)))
        begin = end
    pieces = tuple([array[place] for place in places])
    return _recorded_cut(op, tensor, places, pieces, axis)


def unbind(input: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """The slices of a tensor along `dim`, which disappears."""
    if is_listening():
        return heard(unbind, (input, dim), {})
    array = array_of(input)
    axis = checked_axis(dim, array.ndim)
    lead = (slice(None),) * axis
    looks = [(*lead, k, ...) for k in range(array.shape[axis])]  # (...: no numbers, but views)
    pieces = tuple([array[look] for look in looks])
    places = [look[:-1] for look in looks]
    return _recorded_cut(_UNBIND, input, places, pieces, axis)


def chunk(input: Any, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Cut a tensor along `dim` into `chunks` pieces of one size; the last may be smaller."""
    chunks = as_int(chunks, "chunk", "chunks")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    axis = checked_axis(dim, array_of(input).ndim)
    if not array_of(input).ndim:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    total = array_of(input).shape[axis]
    if not total:
        return split(input, [0] * chunks, dim)
    return split(input, builtins.max(-(-total // chunks), 1), dim)


def _recorded_cut(
    op: Op, tensor: Any, places: list[Any], pieces: tuple[ndarray, ...], axis: int
) -> tuple[Any, ...]:
    """The `pieces` of `tensor` at the indices `places` as its views, recorded as one operation."""
    if not isinstance(tensor, TensorBase) or not pieces:
        return pieces
    views, parent = [], tensor
    for piece, place in zip(pieces, places):
        view = wrap(piece)
        view.version = parent.version
        view.view_of = View(parent, basic_index, (place,))
        views.append(view)
    if mode.enabled:
        edges = edges_of((parent,))
        if edges is not None:
            shapes = [piece.shape for piece in pieces]
            attach(views, op, edges, [axis, shapes, pieces[0].dtype])
    return tuple(views)


_SPLIT, _SPLIT_WITH_SIZES = _Cut("split", cat), _Cut("split_with_sizes", cat)
_UNBIND = _Cut("unbind", stack)


def _common_type(tensors: Sequence[Any], name: str) -> Sequence[Any]:
    """The list, checked, with all tensors cast to their common type."""
    if isinstance(tensors, TensorBase):
        raise TypeError(f"{name}(): argument 'tensors' must be tuple of Tensors, not Tensor")
    tensors = list(tensors)
    if not tensors:
        if name == "stack":
            raise RuntimeError("stack expects a non-empty TensorList")
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    kinds = []
    for k, x in enumerate(tensors):
        array = array_of(x)
        if not isinstance(array, ndarray):
            raise TypeError(
                f"expected Tensor as element {k} in argument 0, but got {type(x).__name__}"
            )
        kinds.append(array.dtype)
    same = all([kind is kinds[0] for kind in kinds])
    return tensors if same else common_type(tensors)


def hstack(tensors: Sequence[Any]) -> Tensor:
    """Join side by side: along axis 1, or axis 0 if the tensors have only that."""
    if not tensors:
        raise RuntimeError("hstack expects a non-empty TensorList")
    tensors = [x if len(x.shape) else x.reshape(1) for x in tensors]
    return cat(tensors, 0 if len(tensors[0].shape) == 1 else 1)


def vstack(tensors: Sequence[Any]) -> Tensor:
    """Join as rows: along axis 0, where a tensor of one axis counts as one row."""
    if not tensors:
        raise RuntimeError("vstack expects a non-empty TensorList")
    return cat([x if len(x.shape) > 1 else x.reshape(1, -1) for x in tensors], 0)
