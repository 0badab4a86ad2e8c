"""What is in arguments and results, and how arrays lie in memory, for `writer` and `flat`."""

from __future__ import annotations

from typing import Any

import numpy as np

from .noted import Whole

ndarray = np.ndarray


def flattened(parts: Any, call: Any) -> tuple[list[int], Any]:
    """The slots in arguments, and `call` as a function of what is in these."""
    flat = [slot for part in parts for slot in slots_in(part)]
    if all([type(p) is int or p is None for p in parts]):
        return flat, call

    deep = [p for p in parts if p is not None and type(p) is not int]
    if all([kind in (list, tuple) and all([type(s) is int for s in own]) for kind, own in deep]):
        ends: list[Any] = []  # of each argument: its kind, and where its things begin and end
        for p in parts:
            if p is not None:
                first = ends[-1][2] if ends else 0
                ends.append((None, first, first + 1) if type(p) is int
                            else (p[0], first, first + len(p[1])))  # fmt: skip

        def shallow(*given: Any) -> Any:
            ahead = len(given) - len(flat)
            own = given[ahead:] if ahead else given
            return call(*given[:ahead], *[
                own[a] if kind is None else own[a:b] if kind is tuple else list(own[a:b])
                for kind, a, b in ends
            ])  # fmt: skip

        return flat, shallow

    def rebuilt(*given: Any) -> Any:
        ahead = len(given) - len(flat)
        values = iter(given[ahead:])
        return call(*given[:ahead], *[_in_order(p, values) for p in parts if p is not None])

    return flat, rebuilt


def _in_order(part: Any, values: Any) -> Any:
    """`player.built` of values that come in the order of `slots_in`."""
    if type(part) is int:
        return next(values)
    kind, parts = part
    things = [_in_order(p, values) for p in parts]
    return things if kind is list else tuple(things) if kind is tuple else kind(*things)


def slots_in(part: Any) -> list[int]:
    if type(part) is int:
        return [part]
    return [] if part is None else [slot for p in part[1] for slot in slots_in(p)]


def listed(results: Any) -> list[Any]:
    return list(results) if isinstance(results, (tuple, list)) else [results]


def root_of(array: Any) -> Any:
    """The array whose memory another one shows."""
    return array if array.base is None else array.base


def arrays_in(thing: Any) -> list[Any]:
    """All arrays in a tuple or list, and in those in it; not what shows them."""
    if type(thing) is ndarray:
        return [root_of(thing)] if thing.size else []
    return [a for t in thing for a in arrays_in(t)] if type(thing) in (tuple, list) else []


def address_of(array: Any) -> int:
    return int(array.__array_interface__["data"][0])


def same_array(a: Any, b: Any) -> bool:
    return (
        a.shape == b.shape and a.dtype == b.dtype and a.strides == b.strides
        and a.tobytes() == b.tobytes()
    )  # fmt: skip


def distances(a: Any) -> tuple[int, int]:
    """Of a matrix, or the vector that is added to its rows: in numbers (see `product.pyx`)."""
    steps = [1 if n == 1 else s // a.itemsize for n, s in zip(a.shape, a.strides)]
    return (steps[0], steps[1]) if len(steps) == 2 else (1, 1)


def rows_of(arrays: list[Any]) -> tuple[int, int, list[tuple[int, int]]]:
    """How many rows of how many numbers, and the distances of each array; else `Whole`."""
    shape = arrays[-1].shape
    wide = [np.broadcast_to(a, shape) for a in arrays]
    axes: list[tuple[int, list[int]]] = []  # from the last one: lengths and distances
    for k in reversed(range(len(shape))):
        n, steps = shape[k], [a.strides[k] for a in wide]
        if n == 1:
            continue
        if axes and all([s == t * axes[-1][0] for s, t in zip(steps, axes[-1][1])]):
            axes[-1] = axes[-1][0] * n, axes[-1][1]
        else:
            axes.append((n, steps))
    if len(axes) > 2:
        raise Whole("more than two axes")
    axes += [(1, [0] * len(arrays))] * (2 - len(axes))
    (n, steps), (rows, distances) = axes
    return rows, n, list(zip(distances, steps))
