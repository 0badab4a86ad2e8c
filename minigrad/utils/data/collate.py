"""From samples to a batch: tensors side by side, whatever containers they are in.

`default_collate` turns a list of samples into one sample whose tensors have a new first axis, N;
`collate` does so by a table of types that can be changed.
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

default_collate_err_msg_format = (
    "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}"
)


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
    return collate(batch, collate_fn_map=default_collate_fn_map)


def collate(
    batch: Sequence[Any],
    *,
    collate_fn_map: Mapping[Any, Callable[..., Any]] | None = None,
) -> Any:
    """Join samples into a batch, as `default_collate` does, but by a table of your own.

    Parameters
    ----------
    batch : sequence
        The N samples. What the first one is decides.
    collate_fn_map : mapping, optional
        From types, or tuples of types, to functions that are called with a list of samples, and the
        table as ``collate_fn_map``. The first sample's own type is looked for before those that it
        is an instance of. Containers that are not in the table are walked through. Default: an
        empty table. `default_collate` has `default_collate_fn_map`, which may be changed in place.

    Raises
    ------
    TypeError
        Samples that are no containers, and not in the table.

    Examples
    --------
    Sequences of different lengths are padded, all else is joined as ever:

    >>> import minigrad as mg
    >>> from minigrad.nn.utils.rnn import pad_sequence
    >>> from minigrad.utils.data.collate import collate, default_collate_fn_map
    >>> def padded(batch, *, collate_fn_map):
    ...     return pad_sequence(batch, batch_first=True)
    >>> table = {**default_collate_fn_map, mg.Tensor: padded}
    >>> collate([(mg.ones(2), 0), (mg.ones(3), 1)], collate_fn_map=table)
    [tensor([[1., 1., 0.],
            [1., 1., 1.]]), tensor([0, 1])]
    """
    first = batch[0]
    if collate_fn_map is not None:
        join = collate_fn_map.get(type(first))
        if join is None:
            of_type = (f for kind, f in collate_fn_map.items() if isinstance(first, kind))
            join = next(of_type, None)
        if join is not None:
            return join(batch, collate_fn_map=collate_fn_map)
    if isinstance(first, Mapping):
        entries = {key: [sample[key] for sample in batch] for key in first}
        return _rebuilt_mapping(
            first,
            {key: collate(e, collate_fn_map=collate_fn_map) for key, e in entries.items()},
        )
    if isinstance(first, Sequence):
        joined = [collate(column, collate_fn_map=collate_fn_map) for column in _columns(batch)]
        if isinstance(first, tuple) and not hasattr(first, "_fields"):
            return joined
        return _rebuilt_sequence(first, joined)
    raise TypeError(default_collate_err_msg_format.format(type(first)))


def collate_tensor_fn(samples: Sequence[Any], *, collate_fn_map: Any = None) -> Any:
    """`stack`, by NumPy alone where that is the same thing; most of the time of a batch is here."""
    if all([isinstance(sample, Tensor) for sample in samples]):
        arrays = [sample.array for sample in samples]
        same_type = len({array.dtype for array in arrays}) == 1
        if same_type and not any([edge_of(sample) for sample in samples]):
            with contextlib.suppress(ValueError):  # different shapes: `stack` says which
                return wrap(np.array(arrays))
    return stack(samples)


def collate_numpy_array_fn(samples: Sequence[Any], *, collate_fn_map: Any = None) -> Any:
    """Arrays become tensors, unless they hold texts or objects."""
    if samples[0].dtype.kind in NO_NUMBERS:
        raise TypeError(default_collate_err_msg_format.format(samples[0].dtype))
    return collate([as_tensor(sample) for sample in samples], collate_fn_map=collate_fn_map)


def collate_numpy_scalar_fn(samples: Sequence[Any], *, collate_fn_map: Any = None) -> Any:
    """NumPy's scalars become a tensor of their dtype."""
    return as_tensor(samples)


def collate_float_fn(samples: Sequence[Any], *, collate_fn_map: Any = None) -> Any:
    """Python floats become a float64 tensor."""
    return tensor(samples, dtype=float64)


def collate_int_fn(samples: Sequence[Any], *, collate_fn_map: Any = None) -> Any:
    """Python ints and bools become a tensor."""
    return tensor(samples)


def collate_str_fn(samples: Sequence[Any], *, collate_fn_map: Any = None) -> Any:
    """Texts stay a list."""
    return samples


default_collate_fn_map: dict[Any, Callable[..., Any]] = {
    Tensor: collate_tensor_fn,
    np.ndarray: collate_numpy_array_fn,
    (np.bool_, np.number): collate_numpy_scalar_fn,
    float: collate_float_fn,
    int: collate_int_fn,
    str: collate_str_fn,
    bytes: collate_str_fn,
}
"""The table of `default_collate`."""


def _columns(batch: Sequence[Any]) -> Iterable[tuple[Any, ...]]:
    """The first entries of all samples, the second ones, and so on."""
    if any(len(sample) != len(batch[0]) for sample in batch):
        raise RuntimeError(
            "each element in list of batch should be of equal size, but the samples have lengths "
            f"{[len(sample) for sample in batch]}"
        )
    return zip(*batch)


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
