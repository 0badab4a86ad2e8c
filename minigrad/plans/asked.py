"""What is asked of NumPy beside functions of numbers: as instructions, for `traced`."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from .traced import ARRAY_FUNCTIONS, Traced, all_plain, plain, tape_now

ndarray = np.ndarray


def _concatenate(arrays: Any, axis: int = 0, out: Any = None, **options: Any) -> Any:
    if out is not None or options:
        tape_now().refuse("concatenate with options")
    arrays = list(arrays)
    result = np.concatenate([plain(a) for a in arrays], axis)
    return tape_now().note("concatenate", arrays, result, axis % result.ndim)


def _where(condition: Any, *values: Any) -> Any:
    if len(values) != 2:
        tape_now().refuse("where without values")
    result = np.where(plain(condition), *[plain(v) for v in values])
    return tape_now().note("where", [condition, *values], result)


def _broadcast_to(x: Any, shape: Any, **options: Any) -> Any:
    result = np.broadcast_to(plain(x), shape)
    return tape_now().note("broadcast", [x], result, result.shape)


def _zeros_like(x: Any, dtype: Any = None, **options: Any) -> Any:
    return np.zeros(options.get("shape") or x.shape, dtype or x.dtype)


def _clip(x: Any, low: Any, high: Any, **options: Any) -> Any:
    return np.minimum(np.maximum(x, low), high)


def _of_keywords(function: Any) -> Any:
    """A function of arrays and of plain options, such as an axis."""
    signature = inspect.signature(function)

    def known(*args: Any, **options: Any) -> Any:
        given = signature.bind(*args, **options).arguments
        given = {n: v for n, v in given.items() if v is not signature.parameters[n].default}
        given.setdefault("axis", -1) if function in (np.sort, np.argsort) else None
        arrays = {name: v for name, v in given.items() if isinstance(v, ndarray)}
        rest = {name: v for name, v in given.items() if name not in arrays}
        for name, value in rest.items():
            if isinstance(value, list):
                rest[name] = tuple(value)
            elif not isinstance(value, (int, float, str, tuple, type(None))):
                tape_now().refuse(f"{function.__name__} with {name}")
        result = function(**{name: plain(v) for name, v in arrays.items()}, **rest)
        form = tuple(arrays), tuple(rest.items())
        return tape_now().note(f"np.{function.__name__}", list(arrays.values()), result, *form)

    return known


def _copyto(target: Any, value: Any, casting: Any = "same_kind", where: Any = True) -> None:
    if type(target) is not Traced:
        tape_now().refuse("a write to memory from outside of the step")
    target[...] = value if where is True else np.where(where, value, target)


def _round(x: Any, decimals: int = 0, **options: Any) -> Any:
    return np.rint(x) if decimals == 0 and x.dtype.kind == "f" and not options else (
        _of_keywords(np.round)(x, decimals, **options)
    )  # fmt: skip


def _truth(function: Any) -> Any:
    return lambda x, axis=None, keepdims=False, **options: function(x, axis, None, None, keepdims)


def _count_nonzero(x: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return np.add.reduce(x != 0, axis, keepdims=keepdims)  # type: ignore[call-overload]


def _moveaxis(x: Any, source: Any, destination: Any) -> Any:
    return x.transpose(np.moveaxis(np.empty(range(x.ndim)), source, destination).shape)


ALONG_AXES = (np.flip, np.roll, np.sort, np.argsort, np.argmax, np.argmin, np.take_along_axis)
OF_WEIGHTS = (np.triu, np.tril, np.diag, np.diagonal, np.trace)
ARRAY_FUNCTIONS.update({f: _of_keywords(f) for f in (*ALONG_AXES, *OF_WEIGHTS, np.tile)})
ARRAY_FUNCTIONS |= {
    np.copyto: _copyto,
    np.moveaxis: _moveaxis,
    np.result_type: lambda *values: np.result_type(*all_plain(values)),
    np.full_like: lambda x, value, **o: np.broadcast_to(
        np.asarray(value, o.get("dtype") or x.dtype), o.get("shape") or x.shape
    ),
    np.concatenate: _concatenate,
    np.where: _where,
    np.broadcast_to: _broadcast_to,
    np.zeros_like: _zeros_like,
    np.ones_like: lambda x, *rest, **options: _zeros_like(x, *rest, **options) + 1,
    np.clip: _clip,
    np.round: _round,
    np.any: _truth(np.logical_or.reduce),
    np.all: _truth(np.logical_and.reduce),
    np.count_nonzero: _count_nonzero,
    np.shape: lambda x: x.shape,
    np.ndim: lambda x: x.ndim,
    np.size: lambda x: x.size,
    np.may_share_memory: lambda a, b, *rest: np.may_share_memory(plain(a), plain(b), *rest),
    np.transpose: lambda x, axes=None: x.transpose() if axes is None else x.transpose(axes),
    np.reshape: lambda x, shape, **o: x.reshape(shape),
    np.squeeze: lambda x, axis=None: x.squeeze(axis),
    np.copy: lambda x, **o: x.copy(),
}
