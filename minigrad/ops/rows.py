"""Rows: taking some rows out of a batch, putting rows into a larger one, and changing their order.

This is what batches of sequences of different lengths are made with. A padded batch is a sheet of
rows, one for each step of each sequence, of which only some are in use; packing takes those out,
padding puts them back. No row is ever named twice, and that makes things simple: `gather_rows` and
`scatter_rows` are each other's gradient, plain copies both, where indexing in general has to add.
So are `put_pieces` and `take_pieces`, which do the same for a list of sequences.

Indices are NumPy arrays or slices, not tensors: they say where, and have no gradient.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd.engine import Node, record
from ..autograd.primitive import Op, primitive
from ..autograd.tensor_base import array_of

ndarray = np.ndarray


def take_rows(x: ndarray, index: ndarray, axes: int) -> ndarray:
    """`gather_rows` of an array (the forward of operations with other names, too)."""
    rows, row = x.shape[:axes], x.shape[axes:]
    if axes == 2 and not x.flags.c_contiguous and x.swapaxes(0, 1).flags.c_contiguous:
        # a batch laid out (N, T, ...) and seen as (T, N, ...): look its rows up where they lie
        # instead of copying all of it first
        step, n = np.divmod(index, rows[1])
        return x.swapaxes(0, 1).reshape(math.prod(rows), *row).take(n * rows[0] + step, 0)
    return x.reshape(math.prod(rows), *row).take(index, 0)


def put_rows(x: ndarray, index: ndarray, rows: tuple[int, ...], fill: float) -> ndarray:
    """`scatter_rows` of an array (the forward of operations with other names, too)."""
    n, row = math.prod(rows), x.shape[1:]
    result = np.full((n, *row), fill, x.dtype) if fill else np.zeros((n, *row), x.dtype)
    if row and x.size and x.flags.c_contiguous:
        # as one value of many bytes each, rows are copied twice as fast as by result[index] = x
        whole = np.dtype((np.void, x.itemsize * math.prod(row)))
        result.reshape(n, -1).view(whole).put(index, x.reshape(len(x), -1).view(whole))
    else:
        result[index] = x
    return result.reshape(*rows, *row)


_gather = primitive("gather_rows", take_rows,
                    x=lambda g, x_shape, index, axes:
                        _scatter(g, index, x_shape[:axes], 0))  # fmt: skip
_scatter = primitive("scatter_rows", put_rows,
                     x=lambda g, index, rows: _gather(g, index, len(rows)))  # fmt: skip
_reorder = primitive("reorder", lambda x, order, inverse, axis: x.take(order, axis),
                     x=lambda g, order, inverse, axis:
                        _reorder(g, inverse, order, axis))  # fmt: skip


def gather_rows(x: Any, index: ndarray, axes: int = 1) -> Any:
    r"""Some rows of `x`, one below the other.

    .. math:: y_r = x_{\mathrm{index}_r}

    Parameters
    ----------
    x : Tensor or ndarray, shape (R, ...) or, with ``axes=2``, (T, N, ...)
        The rows may be of any shape, also single numbers.
    index : ndarray of int64, shape (K,)
        Which rows, no row twice.
    axes : int
        How many leading axes count the rows: with two, row ``t * N + n`` is ``x[t, n]``.

    Returns
    -------
    Tensor or ndarray, shape (K, ...)
        A copy. Its gradient is `scatter_rows` of zeros.

    Examples
    --------
    >>> import numpy as np
    >>> import minigrad as mg
    >>> from minigrad.ops.rows import gather_rows
    >>> x = mg.arange(8.0).reshape(4, 2)
    >>> gather_rows(x, np.array([3, 0]))
    tensor([[6., 7.],
            [0., 1.]])
    """
    return _gather(x, index, axes)


def scatter_rows(x: Any, index: ndarray, rows: int | tuple[int, ...], fill: float = 0.0) -> Any:
    r"""The rows of `x` at given places of a larger tensor.

    .. math:: y_{\mathrm{index}_r} = x_r, \quad \text{elsewhere } y = \mathrm{fill}

    Parameters
    ----------
    x : Tensor or ndarray, shape (K, ...)
        The rows may be of any shape, also single numbers.
    index : ndarray of int64, shape (K,)
        Where each row goes, no place twice.
    rows : int or tuple of int
        How many rows the result has; as a tuple (T, N), the result has these axes instead of one,
        and place ``t * N + n`` is ``y[t, n]``.
    fill : float
        What the other places hold.

    Returns
    -------
    Tensor or ndarray, shape (rows, ...) or (T, N, ...)
        In the type of `x`. Its gradient is `gather_rows`.

    Examples
    --------
    >>> import numpy as np
    >>> import minigrad as mg
    >>> from minigrad.ops.rows import scatter_rows
    >>> scatter_rows(mg.tensor([1.0, 2.0]), np.array([3, 0]), rows=4, fill=-1.0)
    tensor([ 2., -1., -1.,  1.])
    """
    return _scatter(x, index, (rows,) if isinstance(rows, int) else rows, fill)


def reorder(x: Any, order: ndarray, inverse: ndarray, axis: int) -> Any:
    """The slices of `x` along `axis` in another order.

    Parameters
    ----------
    x : Tensor or ndarray
    order : ndarray of int64, shape (n,)
        A permutation of 0, ..., n - 1, where n is the size of `axis`: slice k of the result is
        slice ``order[k]`` of `x`.
    inverse : ndarray of int64, shape (n,)
        Its inverse, ``order[inverse] == arange(n)``, which the gradient is taken with.
    axis : int

    Returns
    -------
    Tensor or ndarray, shaped as `x`
        A copy.

    Examples
    --------
    >>> import numpy as np
    >>> import minigrad as mg
    >>> from minigrad.ops.rows import reorder
    >>> reorder(mg.tensor([[1.0, 2.0, 3.0]]), np.array([2, 0, 1]), np.array([1, 2, 0]), 1)
    tensor([[3., 1., 2.]])
    """
    return _reorder(x, order, inverse, axis)


# ------------------------------------------------------------------------------------------------
# Several pieces of one tensor
# ------------------------------------------------------------------------------------------------


class _PutPieces(Op):
    """Many inputs, one output: each input's gradient is the piece at its place."""

    saves_tensors = False

    def vjp(self, node: Node, edges: Any, grads: list[Any], create_graph: bool) -> Any:
        (places,) = node.values(create_graph)
        return take_pieces(grads[0], places)


class _TakePieces(Op):
    """One input, many outputs: zeros with every piece's gradient at its place."""

    saves_tensors = False

    def vjp(self, node: Node, edges: Any, grads: list[Any], create_graph: bool) -> Any:
        places, shape, dtype = node.values(create_graph)
        known = [(g, place) for g, place in zip(grads, places) if g is not None]
        return [put_pieces([g for g, _ in known], [place for _, place in known], shape, 0, dtype)]


_PUT, _TAKE = _PutPieces("put_pieces"), _TakePieces("take_pieces")


def put_pieces(
    pieces: Sequence[Any], places: Sequence[Any], shape: tuple[int, ...], fill: float, dtype: Any
) -> Any:
    """A tensor of `fill`, but for the `pieces`, each at its place.

    Parameters
    ----------
    pieces : sequence of Tensor or ndarray
    places : sequence of indices
        Made of ints and slices, ``result[places[k]]`` has the shape of ``pieces[k]``; no two
        overlap.
    shape, fill, dtype
        Of the result, a NumPy dtype.

    Returns
    -------
    Tensor or ndarray
        Its gradients are `take_pieces`.
    """
    result = np.full(shape, fill, dtype) if fill else np.zeros(shape, dtype)
    for piece, place in zip(pieces, places):
        result[place] = array_of(piece)
    if all([isinstance(piece, np.ndarray) for piece in pieces]):
        return result
    return record(_PUT, pieces, [places], result)


def take_pieces(x: Any, places: Sequence[Any]) -> tuple[Any, ...]:
    """Copies of several pieces of `x`, each ``x[place]``, recorded as one operation.

    Parameters
    ----------
    x : Tensor or ndarray
    places : sequence of indices
        Made of ints and slices; no two overlap.

    Returns
    -------
    tuple of Tensor or ndarray
        Their gradient is `put_pieces`, into zeros.
    """
    array = array_of(x)
    pieces = tuple([array[place].copy() for place in places])
    if isinstance(x, np.ndarray):
        return pieces
    results: tuple[Any, ...] = record(_TAKE, (x,), [places, array.shape, array.dtype], pieces)
    return results
