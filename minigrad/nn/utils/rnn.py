"""Packed sequences: batches of sequences of different lengths, without the padding in between.

What belongs here is what people call to make such batches and to take them apart again. The places
of rows are found in `minigrad.nn.ragged`, `minigrad.ops.rows` moves them; no function here loops
over steps.

    T steps, N sequences, * any further axes of a step, R the sum of all lengths
"""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any

import numpy as np

from ...autograd.listening import heard, is_listening
from ...autograd.primitive import primitive
from ...autograd.tensor_base import TensorBase, array_of, wrap
from ...ops.cast import cast
from ...ops.rows import gather_rows, put_pieces, put_rows, scatter_rows, take_pieces, take_rows
from ...ops.shape import transpose
from ...recurrences.packed import PackedSequence, invert_permutation, places_of
from ...recurrences.ragged import checked_lengths, longest_first, placed
from ...tensor import Tensor

__all__ = [
    "PackedSequence", "invert_permutation", "pack_padded_sequence", "pack_sequence",
    "pad_packed_sequence", "pad_sequence", "unpack_sequence", "unpad_sequence",
]  # fmt: skip

ndarray = np.ndarray


# ------------------------------------------------------------------------------------------------
# From padded to packed and back
# ------------------------------------------------------------------------------------------------

_pack = primitive("pack_padded_sequence", take_rows,
                  x=lambda g, x_shape, index, axes:
                    scatter_rows(g, index, x_shape[:axes]))  # fmt: skip


_pad, _pad_batch_first, _pad_unsorted = [
    primitive(name, put_rows,
              x=lambda g, index, rows: gather_rows(g, index, len(rows)))
    for name in ("pad_packed_sequence", "pad_packed_sequence.batch_first",
                 "pad_packed_sequence.unsorted")
]  # fmt: skip


def pack_padded_sequence(
    input: Any, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    r"""Pack a padded batch: leave the padding out.

    With the sequences sorted, the longest first,

    .. math:: \mathrm{data} = (x_{0,0}, x_{0,1}, \ldots, x_{1,0}, x_{1,1}, \ldots),

    where step t has the entries of those sequences that are longer than t.

    Parameters
    ----------
    input : Tensor, shape (T, N, *), or (N, T, *) if `batch_first`
        The batch, of any dtype.
    lengths : list, tuple, ndarray or Tensor of integers, shape (N,)
        The length of each sequence, 1 to T. Whole numbers of floating point type will also do.
    batch_first : bool
        Which layout `input` has.
    enforce_sorted : bool
        Require that lengths never increase. If false, the sequences are sorted here, and the packed
        sequence remembers how.

    Returns
    -------
    PackedSequence
        Its data have shape (R, *) and are copies; gradients flow through them.

    Raises
    ------
    RuntimeError
        `lengths` has not one axis, not N entries, an entry below 1 or above T, or is not sorted and
        should be; `input` is empty.
    IndexError
        `input` has fewer than two axes.
    TypeError
        `input` is no tensor, or `lengths` are not numbers, or bools.

    Notes
    -----
    PyTorch takes lengths above T, and bools, and cuts fractions off; what comes out is hardly what
    was meant, so here they are errors.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
    >>> x = mg.tensor([[1, 2, 0], [3, 4, 5], [6, 0, 0]])
    >>> packed = pack_padded_sequence(x, [2, 3, 1], batch_first=True, enforce_sorted=False)
    >>> packed.data, packed.batch_sizes
    (tensor([3, 1, 6, 4, 2, 5]), tensor([3, 2, 1]))
    >>> pad_packed_sequence(packed, batch_first=True)
    (tensor([[1, 2, 0],
            [3, 4, 5],
            [6, 0, 0]]), tensor([2, 3, 1]))
    """
    if is_listening():
        return heard(pack_padded_sequence, (input, lengths, batch_first, enforce_sorted), {})
    if not isinstance(input, TensorBase):
        raise TypeError(
            "_pack_padded_sequence(): argument 'input' (position 1) must be Tensor, not "
            f"{_type_name(input)}"
        )
    shape = _checked_shape(input, "input")
    if not input.array.size:
        raise RuntimeError(f"Cannot pack empty tensors. input has shape {list(shape)}")
    batch, steps = shape[:2] if batch_first else (shape[1], shape[0])
    layout = f"input has shape {list(shape)}, batch_first={bool(batch_first)}"
    sizes = checked_lengths(_whole(lengths), steps, batch, zero=False, layout=layout)
    if enforce_sorted:
        _check_sorted(sizes)
        order = inverse = np.arange(batch)
    else:
        order = longest_first(sizes)
        inverse = order.argsort()
    places = placed(sizes, order, inverse)
    time_first = transpose(input, 0, 1) if batch_first else input  # (T, N, *)
    data = _pack(time_first, places.rows, 2)
    indices = (None, None) if enforce_sorted else (wrap(order), wrap(inverse))
    return PackedSequence(data, wrap(places.batch_sizes), *indices)


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Pad a packed sequence: the inverse of `pack_padded_sequence`.

    Parameters
    ----------
    sequence : PackedSequence
    batch_first : bool
        Return (N, T, *) instead of (T, N, *).
    padding_value : float
        What stands after the end of a sequence.
    total_length : int, optional
        T of the result. Default: the longest length.

    Returns
    -------
    padded : Tensor, shape (T, N, *) or (N, T, *)
        A copy, the sequences in their original order.
    lengths : Tensor of int64, shape (N,)

    Raises
    ------
    ValueError
        `total_length` is smaller than the longest length.
    RuntimeError
        The parts of `sequence` do not fit together, or the type of its data cannot hold
        `padding_value`.
    AttributeError
        `sequence` is no PackedSequence.
    TypeError
        `padding_value` or `total_length` is no number.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.nn.utils.rnn import pack_sequence, pad_packed_sequence
    >>> packed = pack_sequence([mg.tensor([1.0, 2.0]), mg.tensor([3.0])])
    >>> pad_packed_sequence(packed, padding_value=-1.0)
    (tensor([[ 1.,  3.],
            [ 2., -1.]]), tensor([2, 1]))
    """
    if is_listening():
        options = (batch_first, padding_value, total_length)
        return heard(pad_packed_sequence, (sequence, *options), {})
    places = places_of(sequence)
    steps = len(places.batch_sizes)
    fill = _fill(padding_value, sequence.data, "_pad_packed_sequence", 4)
    if total_length is not None:
        try:
            total = operator.index(total_length)
        except TypeError:
            raise TypeError(
                "_pad_packed_sequence(): argument 'total_length' (position 5) must be int, not "
                f"{type(total_length).__name__}"
            ) from None
        if total < steps:
            raise ValueError(
                "Expected total_length to be at least the length of the longest sequence in input, "
                f"but got total_length={total} and max sequence length being {steps}"
            )
        steps = total
    batch = len(places.order)
    sheet, index = (steps, batch), places.rows
    if batch_first:
        t, n = np.divmod(index, batch)
        sheet, index = (batch, steps), n * steps + t
    sort = sequence.unsorted_indices is not None
    pad = _pad_unsorted if sort else _pad_batch_first if batch_first else _pad
    return pad(sequence.data, index, sheet, fill), wrap(places.lengths)


# ------------------------------------------------------------------------------------------------
# Lists of sequences
# ------------------------------------------------------------------------------------------------


def pad_sequence(
    sequences: Any,
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Put sequences of different lengths side by side, padded to the longest.

    Parameters
    ----------
    sequences : iterable of N Tensors, shapes (L_n, *), or a Tensor of shape (N, T, *)
        All alike but for the first axis.
    batch_first : bool
        Return (N, T, *) instead of (T, N, *), where T is the longest length.
    padding_value : float
        What stands in the remaining places.
    padding_side : "right" or "left"
        Whether the padding comes after the sequences or before.

    Returns
    -------
    Tensor, shape (T, N, *) or (N, T, *)
        In the type of the first sequence.

    Raises
    ------
    RuntimeError
        `sequences` cannot be iterated over, or is empty; shapes do not go together; another
        `padding_side`; the type cannot hold `padding_value`.
    TypeError
        One of `sequences` is no tensor; `padding_value` is no number.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.nn.utils.rnn import pad_sequence
    >>> pad_sequence([mg.tensor([1, 2, 3]), mg.tensor([4])], batch_first=True, padding_side="left")
    tensor([[1, 2, 3],
            [0, 0, 4]])
    """
    if not isinstance(sequences, Iterable):
        raise RuntimeError(
            "pad_sequence: Expected iterable for input sequences, but got arg of type: "
            f"{type(sequences)}"
        )
    if not isinstance(padding_side, str):
        raise TypeError(
            "pad_sequence(): argument 'padding_side' (position 4) must be str, not "
            f"{type(padding_side).__name__}"
        )
    if padding_side not in ("left", "right"):
        raise RuntimeError(
            f"Expected padding_side to be one of left or right, but got {padding_side}."
        )
    pieces: list[Any] = [sequences] if isinstance(sequences, ndarray) else list(sequences)
    if not pieces:
        raise RuntimeError("received an empty list of sequences")
    for k, piece in enumerate(pieces):
        _check_piece(piece, k, pieces[0])
    dtype, step = pieces[0].array.dtype, pieces[0].array.shape[1:]
    pieces = [p if p.array.dtype == dtype else cast(p, dtype) for p in pieces]
    fill = _fill(padding_value, pieces[0], "pad_sequence", 3, kind="float")
    lengths = [len(p.array) for p in pieces]
    longest = max(lengths)
    starts = [longest - n if padding_side == "left" else 0 for n in lengths]
    places = _places(starts, lengths, batch_first)
    sheet = (len(pieces), longest) if batch_first else (longest, len(pieces))
    return put_pieces(pieces, places, (*sheet, *step), fill, dtype)


def unpad_sequence(padded_sequences: Any, lengths: Any, batch_first: bool = False) -> list[Any]:
    """Take a padded batch apart: the inverse of `pad_sequence`.

    Parameters
    ----------
    padded_sequences : Tensor, shape (T, N, *), or (N, T, *) if `batch_first`
        It is left as it is (PyTorch transposes it in place).
    lengths : list, tuple, ndarray or Tensor of integers, shape (N,)
        The length of each sequence, 0 to T.
    batch_first : bool
        Which layout the batch has.

    Returns
    -------
    list of Tensor, shapes (L_n, *)
        Copies.

    Raises
    ------
    ValueError
        `lengths` has not N entries.
    RuntimeError
        `lengths` has not one axis, or an entry below 0 or above T.
    IndexError
        `padded_sequences` has fewer than two axes.
    AttributeError
        `padded_sequences` is no tensor.
    TypeError
        `lengths` are not numbers, or bools.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.nn.utils.rnn import unpad_sequence
    >>> unpad_sequence(mg.tensor([[1, 2, 0], [3, 4, 5]]), [2, 3], batch_first=True)
    [tensor([1, 2]), tensor([3, 4, 5])]
    """
    if not isinstance(padded_sequences, TensorBase):
        raise AttributeError(
            f"'{type(padded_sequences).__name__}' object has no attribute 'transpose_': "
            "padded_sequences must be a Tensor"
        )
    shape = _checked_shape(padded_sequences, "padded_sequences")
    batch, steps = shape[:2] if batch_first else (shape[1], shape[0])
    layout = f"padded_sequences has shape {list(shape)}, batch_first={bool(batch_first)}"
    numbers = _whole(lengths)
    if np.ndim(array_of(numbers)) == 1 and len(numbers) != batch:
        raise ValueError(
            f"lengths should have one entry for each of {batch} sequences, but has {len(numbers)} "
            f"({layout})"
        )
    sizes = checked_lengths(numbers, steps, batch, layout=layout)
    places = _places([0] * batch, sizes.tolist(), batch_first)
    return list(take_pieces(padded_sequences, places))


def pack_sequence(sequences: Any, enforce_sorted: bool = True) -> PackedSequence:
    """Pack a list of sequences.

    Parameters
    ----------
    sequences : iterable of N Tensors, shapes (L_n, *)
        All alike but for the first axis, which must not be empty.
    enforce_sorted : bool
        Require that they come the longest first. If false, they are sorted here.

    Returns
    -------
    PackedSequence

    Raises
    ------
    RuntimeError, IndexError
        As `pad_sequence` and `pack_padded_sequence`.
    AttributeError
        One of `sequences` is no tensor.
    TypeError
        `sequences` cannot be iterated over.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.nn.utils.rnn import pack_sequence
    >>> pack_sequence([mg.tensor([1, 2, 3]), mg.tensor([4, 5])]).data
    tensor([1, 4, 2, 5, 3])
    """
    pieces = list(sequences)
    for k, piece in enumerate(pieces):
        if not isinstance(piece, TensorBase):
            raise AttributeError(
                f"'{type(piece).__name__}' object has no attribute 'size': sequences[{k}] must be "
                "a Tensor"
            )
        if not piece.array.ndim:
            raise IndexError(
                f"Dimension specified as 0 but tensor has no dimensions: sequences[{k}] is one "
                "number, it needs an axis of steps"
            )
    lengths = [len(piece.array) for piece in pieces]
    return pack_padded_sequence(pad_sequence(pieces), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Any]:
    """Take a packed sequence apart: the inverse of `pack_sequence`.

    Parameters
    ----------
    packed_sequences : PackedSequence

    Returns
    -------
    list of N Tensors, shapes (L_n, *)
        Copies, in the original order.

    Raises
    ------
    AttributeError, RuntimeError
        As `pad_packed_sequence`.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.nn.utils.rnn import pack_sequence, unpack_sequence
    >>> unpack_sequence(pack_sequence([mg.tensor([1, 2, 3]), mg.tensor([4, 5])]))
    [tensor([1, 2, 3]), tensor([4, 5])]
    """
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)


# ------------------------------------------------------------------------------------------------
# Arguments
# ------------------------------------------------------------------------------------------------

_FLOATS = frozenset({float, np.float16, np.float32, np.float64})


def _type_name(value: Any) -> str:
    return "numpy.ndarray" if isinstance(value, ndarray) else type(value).__name__


def _checked_shape(batch: TensorBase, name: str) -> tuple[int, ...]:
    shape = batch.array.shape
    if not shape:
        raise IndexError(f"Dimension specified as 1 but tensor has no dimensions: {name} is 0-d")
    if len(shape) == 1:
        raise IndexError(
            "Dimension out of range (expected to be in range of [-1, 0], but got 1): "
            f"{name} has shape {list(shape)}, it needs an axis of steps and one of sequences"
        )
    return shape


def _whole(lengths: Any) -> Any:
    """`lengths`, with whole numbers of floating point type made integers; a lone number an array.

    Raises
    ------
    TypeError
        A number is not whole.
    """
    values = array_of(lengths)
    if isinstance(values, (int, float, np.number)):
        values = np.asarray(values)  # refused for its axes
    elif isinstance(values, (list, tuple)):
        if _FLOATS.isdisjoint(map(type, values)):
            return values
        values = np.asarray([array_of(v) for v in values])
    if isinstance(values, ndarray) and values.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            integers = values.astype(np.int64)
        for k in np.flatnonzero(integers != values)[:1]:
            raise TypeError(
                f"'lengths' argument should hold integers, but lengths[{k}] = {values.flat[k]}"
            )
        return integers
    return values


def _check_sorted(lengths: ndarray) -> None:
    for k in np.flatnonzero(lengths[1:] > lengths[:-1])[:1]:
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You "
            "can pass `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence, which "
            f"then sort: lengths[{k + 1}] = {lengths[k + 1]} is above lengths[{k}] = {lengths[k]}"
        )


def _check_piece(piece: Any, k: int, first: Any) -> None:
    """Check entry `k` of a list of sequences."""
    if not isinstance(piece, TensorBase):
        raise TypeError(
            f"expected Tensor as element {k} in argument 0, but got {_type_name(piece)}"
        )
    shape, expected = piece.array.shape, first.array.shape
    if not shape:
        raise RuntimeError(
            f"cannot pad a 0-d tensor: sequences[{k}] is one number, it needs an axis of steps"
        )
    if shape[1:] != expected[1:]:
        shapes = f"sequences[0] has shape {list(expected)}, sequences[{k}] has {list(shape)}"
        for axis, (m, n) in enumerate(zip(expected[1:], shape[1:]), 1):
            if m != n:
                raise RuntimeError(
                    f"The size of tensor a ({m}) must match the size of tensor b ({n}) at "
                    f"non-singleton dimension {axis}: {shapes}"
                )
        raise RuntimeError(
            f"The size of tensors must match in all dimensions but the first: {shapes}"
        )


def _places(starts: list[int], lengths: list[int], batch_first: bool) -> list[Any]:
    """Where each sequence lies in a padded batch, as an index of it."""
    steps = [slice(start, start + n) for start, n in zip(starts, lengths)]
    if batch_first:
        return list(enumerate(steps))
    return [(step, n) for n, step in enumerate(steps)]


def _fill(value: Any, data: Any, function: str, position: int, kind: str = "Number") -> Any:
    """The padding value as a Python number of the type of `data`."""
    number = array_of(value)
    if isinstance(number, (ndarray, np.generic)) and number.size == 1:
        number = number.item()
    if not isinstance(number, (int, float)):
        raise TypeError(
            f"{function}(): argument 'padding_value' (position {position}) must be {kind}, not "
            f"{_type_name(value)}"
        )
    dtype = data.array.dtype
    if dtype.kind == "f":
        return number
    if dtype.kind == "b":
        return bool(number)
    limits = np.iinfo(dtype)
    if not limits.min <= number <= limits.max:  # so it is for nan
        raise RuntimeError(
            f"value cannot be converted to type {dtype.name}_t without overflow: padding_value is "
            f"{number}"
        )
    return int(number)
