"""`pad`: more entries before and after, along the last axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...arrays.recording import records
from ...autograd.primitive import primitive
from ...ops.index import advanced_index, getitem, narrow
from ...ops.values import filling
from .arguments import check_tensor

if TYPE_CHECKING:
    from ...tensor import Tensor

Before = tuple[int, ...]


def _framed(x: np.ndarray, shape: tuple[int, ...], inside: tuple[slice, ...], value: Any) -> Any:
    out: Any = np.full(shape, value, x.dtype)
    if records(x):
        out = x.fresh(out)  # type: ignore[attr-defined]
    out[inside] = x
    return out


_constant_pad = primitive("constant_pad_nd", _framed,
                          x=lambda g, shape, inside: getitem(g, inside))  # fmt: skip


def pad(
    input: Any, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> Tensor:
    """`input` with more entries before and after, along its last axes.

    Parameters
    ----------
    input : Tensor, any shape
    pad : sequence of int
        Two numbers an axis, beginning with the last one: how many entries come before it and how
        many after it. Negative numbers take entries away.
    mode : "constant", "reflect", "replicate" or "circular"
        What the new entries are: `value`; the entries next to the border mirrored in it, without
        repeating the border itself; the border repeated; the entries from the other end. All but
        the first pad 1 to 3 axes, of a tensor that has one or two more.
    value : float, optional
        For "constant". Default: 0.

    Raises
    ------
    RuntimeError
        `pad` is of odd length or too long, or takes or mirrors more entries than there are.
    NotImplementedError
        An unknown `mode`, or one that does not exist for this number of axes.

    Examples
    --------
    >>> import minigrad as mg
    >>> pad(mg.tensor([[1.0, 2.0]]), (1, 2))
    tensor([[0., 1., 2., 0., 0.]])
    >>> pad(mg.tensor([[1.0, 2.0, 3.0]]), (2, 1), mode="reflect")
    tensor([[3., 2., 1., 2., 3., 2.]])
    """
    check_tensor("pad", input)
    shape = input.array.shape
    if len(pad) % 2:
        raise RuntimeError(f"pad: Padding length must be divisible by 2, but got {len(pad)}")
    if len(pad) > 2 * len(shape):
        raise RuntimeError(
            "pad: Padding length should be less than or equal to two times the input dimension but "
            f"got padding length {len(pad)} and input of dimension {len(shape)}"
        )
    pairs = list(zip(pad[::2], pad[1::2]))[::-1]  # in the order of the axes
    if mode == "constant":
        kind = input.array.dtype
        filler = filling(0 if value is None else value, kind, "pad", "value")
        return _constant(input, pairs, filler.item())
    if mode not in _SOURCES:
        raise NotImplementedError(f"pad: Unrecognised padding mode {mode}")
    if value is not None:
        raise RuntimeError(f'pad: Padding mode "{mode}" doesn\'t take in value argument')
    if not 1 <= len(pairs) <= 3 or len(shape) - len(pairs) not in (1, 2):
        raise NotImplementedError(
            f"pad: Padding size {len(pad)} is not supported for {len(shape)}D input tensor. Other "
            "modes than constant pad the last axis of 2-D or 3-D input, the last 2 of 3-D or 4-D "
            "input, the last 3 of 4-D or 5-D input"
        )
    for axis, (before, after) in enumerate(pairs, len(shape) - len(pairs)):
        left = before + shape[axis] + after
        if (before < 0 or after < 0) and (left < 0 or (left == 0 and mode != "circular")):
            raise RuntimeError(
                f"pad: input is too small: padding ({before}, {after}) takes all entries from axis "
                f"{axis}, which has {shape[axis]}"
            )
        places = _SOURCES[mode](shape[axis], before, after, shape, axis)
        input = advanced_index(input, (slice(None),) * axis + (places,))
    return input


def _constant(input: Any, pairs: list[tuple[int, int]], value: float) -> Any:
    first = input.array.ndim - len(pairs)
    for axis, (before, after) in enumerate(pairs, first):
        if before < 0 or after < 0:
            start, gone = max(-before, 0), max(-before, 0) + max(-after, 0)
            if gone > input.array.shape[axis]:
                raise RuntimeError(
                    f"pad: padding ({before}, {after}) takes {gone} entries from axis {axis}, "
                    f"which has {input.array.shape[axis]}: length must be non-negative"
                )
            input = narrow(input, axis, start, input.array.shape[axis] - gone)
    shape = input.array.shape
    frame = [(max(b, 0), max(a, 0)) for b, a in [(0, 0)] * first + pairs]
    inside = tuple([slice(before, before + n) for (before, _), n in zip(frame, shape)])
    wide = tuple([before + n + after for (before, after), n in zip(frame, shape)])
    return _constant_pad(input, wide, inside, value)


# ------------------------------------------------------------------------------------------------
# Where the entries of a padded axis of size n come from
# ------------------------------------------------------------------------------------------------


def _mirrored(n: int, before: int, after: int, shape: Any, axis: int) -> np.ndarray:
    if max(before, after) >= n:
        raise RuntimeError(
            "pad: Padding size should be less than the corresponding input dimension, but got: "
            f"padding ({before}, {after}) at dimension {axis} of input {list(shape)}"
        )
    places = np.abs(np.arange(-before, n + after))
    return np.where(places < n, places, 2 * (n - 1) - places)


def _repeated(n: int, before: int, after: int, shape: Any, axis: int) -> np.ndarray:
    if not n:
        raise RuntimeError(
            f"pad: Expected tensor with non-zero dimensions to pad, but got input {list(shape)}, "
            f"whose axis {axis} is empty"
        )
    return np.clip(np.arange(-before, n + after), 0, n - 1)


def _wrapped(n: int, before: int, after: int, shape: Any, axis: int) -> np.ndarray:
    if max(before, after) > n:
        raise RuntimeError(
            "pad: Padding value causes wrapping around more than once: got padding "
            f"({before}, {after}) at dimension {axis} of input {list(shape)}"
        )
    start, stop = max(-before, 0), n - max(-after, 0)  # what is taken away is not wrapped around
    return start + np.arange(-max(before, 0), stop - start + max(after, 0)) % max(stop - start, 1)


_SOURCES = {"reflect": _mirrored, "replicate": _repeated, "circular": _wrapped}
