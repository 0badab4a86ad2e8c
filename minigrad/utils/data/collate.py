"""From samples to a batch: tensors side by side, whatever containers they are in.

`default_collate` turns a list of samples into one sample whose tensors have a new first axis, N.
`default_convert` is what stands in for it when there are no batches: it only makes arrays tensors.
Both walk through tuples, lists and dicts in the same way (`_rebuilt_sequence`, `_rebuilt_mapping`).
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from ...arrays.dtypes import float64
from ...autograd.tensor_base import wrap
from ...autograd.views import edge_of
from ...ops.join import stack
from ...tensor import Tensor
from ...tensor.creation import as_tensor, tensor

NO_NUMBERS = "SaUO"
"""The kinds of NumPy arrays that no tensor can hold: texts and objects."""

NUMBERS = "biuf"
"""The kinds of NumPy scalars that become tensors: bools, integers, floats."""


def default_collate(batch: Sequence[Any]) -> Any:
    r"""Join samples into a batch.

    ============================  ==================================================
    samples                       batch
    ============================  ==================================================
    tensors, arrays of shape S    a tensor of shape (N, \*S)
    Python floats                 a float64 tensor of shape (N,)
    Python ints, bools            a tensor of shape (N,)
    str, bytes                    the list of them
    dicts                         a dict of batches, of the keys of the first sample
    named tuples                  a named tuple of batches
    tuples, lists                 a list of batches
    ============================  ==================================================

    Parameters
    ----------
    batch : sequence
        The N samples. What the first one is decides.

    Returns
    -------
    Tensor or container of Tensor

    Raises
    ------
    RuntimeError
        Tensors of different shapes, or tuples of different lengths.
    KeyError
        A sample lacks a key of the first one.
    TypeError
        Samples of a type that is not in the table.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.utils.data import default_collate
    >>> default_collate([(mg.tensor([1.0, 2.0]), 0), (mg.tensor([3.0, 4.0]), 1)])
    [tensor([[1., 2.],
            [3., 4.]]), tensor([0, 1])]
    >>> default_collate([{"word": "so"}, {"word": "it"}])
    {'word': ['so', 'it']}
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return _stacked(batch)
    if isinstance(first, np.ndarray):
        if first.dtype.kind in NO_NUMBERS:
            raise TypeError(_wrong_type(first.dtype))
        return _stacked([as_tensor(sample) for sample in batch])
    if isinstance(first, np.generic) and first.dtype.kind in NUMBERS:
        return as_tensor(batch)
    if isinstance(first, float):
        return tensor(batch, dtype=float64)
    if isinstance(first, int):
        return tensor(batch)
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, Mapping):
        return _rebuilt_mapping(
            first, {key: default_collate([sample[key] for sample in batch]) for key in first}
        )
    if isinstance(first, Sequence):
        columns = list(_columns(batch))
        if isinstance(first, tuple) and not hasattr(first, "_fields"):
            return [default_collate(column) for column in columns]
        return _rebuilt_sequence(first, [default_collate(column) for column in columns])
    raise TypeError(_wrong_type(type(first)))


def _stacked(samples: Sequence[Any]) -> Any:
    """`stack`, by NumPy alone where that is the same thing; most of the time of a batch is here."""
    if all([isinstance(sample, Tensor) for sample in samples]):
        arrays = [sample.array for sample in samples]
        same_type = len({array.dtype for array in arrays}) == 1
        if same_type and not any([edge_of(sample) for sample in samples]):
            with contextlib.suppress(ValueError):  # different shapes: `stack` says which
                return wrap(np.array(arrays))
    return stack(samples)


def _columns(batch: Sequence[Any]) -> Iterable[tuple[Any, ...]]:
    """The first entries of all samples, the second ones, and so on."""
    if any(len(sample) != len(batch[0]) for sample in batch):
        raise RuntimeError(
            "each element in list of batch should be of equal size, but the samples have lengths "
            f"{[len(sample) for sample in batch]}"
        )
    return zip(*batch)


def _wrong_type(kind: Any) -> str:
    return (
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
        f"found {kind}"
    )


def default_convert(data: Any) -> Any:
    """Make the arrays in `data` tensors (of the same memory); leave the rest as it is.

    Parameters
    ----------
    data : anything
        A sample. Named tuples, lists and dicts are walked through; other tuples become lists.

    Examples
    --------
    >>> import numpy as np
    >>> from minigrad.utils.data import default_convert
    >>> default_convert({"x": np.arange(3), "name": "counting"})
    {'x': tensor([0, 1, 2]), 'name': 'counting'}
    """
    if isinstance(data, Tensor):
        return data
    if isinstance(data, (np.ndarray, np.generic)):
        return data if data.dtype.kind in NO_NUMBERS else as_tensor(data)
    if isinstance(data, Mapping):
        return _rebuilt_mapping(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, tuple) and not hasattr(data, "_fields"):
        return [default_convert(entry) for entry in data]
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _rebuilt_sequence(data, [default_convert(entry) for entry in data])
    return data


# ------------------------------------------------------------------------------------------------
# Containers of the same kind with other contents
# ------------------------------------------------------------------------------------------------


def _rebuilt_mapping(like: Mapping[Any, Any], contents: dict[Any, Any]) -> Any:
    """A mapping such as `like` (a defaultdict, say, with its default) that holds `contents`."""
    if type(like) is dict:
        return contents

    def changed() -> Any:
        if isinstance(like, MutableMapping):
            twin = copy.copy(like)
            twin.update(contents)
            return twin
        return type(like)(contents)  # type: ignore[call-arg]

    return _or_plain(changed, contents)


def _rebuilt_sequence(like: Sequence[Any], contents: list[Any]) -> Any:
    """A sequence such as `like` (a named tuple, say) that holds `contents`."""
    if type(like) is list:
        return contents
    if isinstance(like, tuple):
        return type(like)(*contents)

    def changed() -> Any:
        if isinstance(like, MutableSequence):
            twin = copy.copy(like)
            for k, entry in enumerate(contents):
                twin[k] = entry
            return twin
        return type(like)(contents)  # type: ignore[call-arg]

    return _or_plain(changed, contents)


def _or_plain(changed: Callable[[], Any], contents: Any) -> Any:
    """`contents` in a plain dict or list if the class of the samples cannot be copied so."""
    try:
        return changed()
    except TypeError:
        return contents
