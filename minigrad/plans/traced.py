"""Arrays that write down what is done with them.

All that minigrad computes, it asks NumPy for, and NumPy lets a subclass of its array answer for
itself: `__array_ufunc__` gets every function of numbers, `__array_function__` the others. So
nothing need listen in the engine. `Traced` computes what was asked, and notes an `Instruction`.
While one records, kernels are left out (`_kernels.without`): everything runs as its formula says.

Whatever is not known here raises `Refused`; whatever slips through NumPy unseen becomes a constant,
and `recorded` finds that it is none.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import get_ident
from typing import Any, cast

import numpy as np

ndarray = np.ndarray


class Refused(Exception):
    """A step cannot be a plan; the message says why, and in which line."""


@dataclass(eq=False)
class Value:
    """A value of a list: an input, a constant, or the result of an instruction.

    Attributes
    ----------
    shape, dtype
        As they were while recording.
    name : str
        Of an input: "x", "state 0", ...; "" of all others.
    constant : ndarray or number, optional
        Of a constant.
    by : Instruction, optional
        What made it.
    """

    shape: tuple[int, ...]
    dtype: Any
    name: str = ""
    constant: Any = None
    by: Any = None


@dataclass(eq=False)
class Instruction:
    """One operation: what NumPy was asked to do."""

    op: str
    inputs: tuple[Value, ...]
    options: tuple[Any, ...]
    output: Value
    line: str = ""


@dataclass
class Tape:
    """The list that is being written."""

    instructions: list[Instruction] = field(default_factory=list)
    constants: dict[int, tuple[Any, Value]] = field(default_factory=dict)
    refusal: str = ""
    thread: int = 0

    def value_of(self, operand: Any) -> Value:
        """The value that stands for an array or number; what is not traced is a constant."""
        if type(operand) is Traced:
            if operand.value is None:
                self.refuse("an array that no instruction made")
            return cast("Value", operand.value)
        known = self.constants.get(id(operand))
        if known is not None:
            return known[1]
        array = np.asarray(operand)
        value = Value(array.shape, array.dtype, constant=operand)
        self.constants[id(operand)] = (operand, value)  # (kept, so that no other has its number)
        return value

    def note(self, op: str, inputs: Sequence[Any], result: Any, *options: Any) -> Any:
        """Write an instruction down; its result, traced."""
        if op in VIEWS:
            inputs[0].viewed = True
        traced = np.asarray(result).view(Traced)
        value = Value(traced.shape, traced.dtype)
        value.by = Instruction(
            op, tuple([self.value_of(v) for v in inputs]), options, value, where_()
        )
        self.instructions.append(value.by)
        traced.value = value
        return traced

    def refuse(self, why: str) -> Any:
        """Raise, and remember, as the step may swallow the exception."""
        line = where_()
        self.refusal = self.refusal or f"{why}{' (' + line + ')' if line else ''}"
        raise Refused(self.refusal)


tape: Tape | None = None  # the one that is written at present


def begin() -> Tape:
    """Write a new list: what this thread does."""
    global tape
    tape = Tape(thread=get_ident())
    return tape


def end() -> None:
    """Write no longer."""
    global tape
    tape = None


def is_recording() -> bool:
    """Whether a list is being written."""
    return tape is not None


def where_() -> str:
    """The line of the user's code that is running: "cell.py:12"."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__") or "numpy"
        if module.partition(".")[0] not in ("minigrad", "numpy"):
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back
    return ""


def input_value(array: ndarray, name: str) -> Any:
    """`array`, traced, as an input of the list."""
    traced = array.view(Traced)
    traced.value = Value(array.shape, array.dtype, name)
    return traced


def plain(array: Any) -> Any:
    """The array without its trace."""
    return array.view(ndarray) if type(array) is Traced else array


def _tape() -> Tape:
    assert tape is not None
    return tape


def _unseen() -> bool:
    """Whether nothing is written: after a recording, and in other threads during one."""
    return tape is None or tape.thread != get_ident()


def _if_seen(name: str) -> Any:
    """Decorate a method that writes down: where nothing is written, it is that of arrays."""

    def decorate(method: Any) -> Any:
        @functools.wraps(method)
        def call(self: Any, *args: Any, **options: Any) -> Any:
            if _unseen():
                return getattr(plain(self), name)(*args, **options)
            return method(self, *args, **options)

        return call

    return decorate


class Traced(ndarray):
    """An array that writes down what is done with it."""

    writes_down = True
    value: Value | None = None
    viewed = False  # whether other arrays may share its memory

    def __array_finalize__(self, other: Any) -> None:
        self.value = None

    def __array_ufunc__(
        self, ufunc: Any, method: Any, *inputs: Any, out: Any = None, **options: Any
    ) -> Any:
        """A function of numbers: called, or ``reduce``."""
        function = ufunc
        if _unseen():
            if out is not None:
                options["out"] = tuple([plain(v) for v in out])
            return getattr(function, method)(*[plain(v) for v in inputs], **options)
        t = _tape()
        name = function.__name__
        if name == "vecdot" and method == "__call__" and not options and out is None:
            return np.add.reduce(np.multiply(*inputs), -1)
        if name == "bitwise_and" and all([_is_mask(v) for v in inputs]):
            function, name = np.logical_and, "logical_and"
        if method == "reduce" and name in REDUCTIONS:
            x, axis, keepdims = _reduction(*inputs, **options)
            if out is not None and out[0] is not None:
                t.refuse(f"{name}.reduce with out=")
            result = function.reduce(plain(x), axis, None, None, keepdims)
            axes = tuple(range(x.ndim)) if axis is None else axis
            axes = (axes,) if isinstance(axes, int) else tuple(axes)
            axes = tuple([k % x.ndim for k in axes])
            return t.note(f"{name}.reduce", [x], result, axes, keepdims)
        if method != "__call__" or name not in FUNCTIONS:
            t.refuse(f"there is no instruction for {name}.{method}")
        if options:
            t.refuse(f"{name} with {', '.join(options)}")
        result = function(*[plain(v) for v in inputs])
        if out is None:
            return t.note(name, inputs, result)
        (target,) = out
        if type(target) is not Traced or target.value is None or target.value.by is None:
            t.refuse("a write to memory from outside of the step")
        if target.value.by.op in VIEWS or target.shape != result.shape or target.viewed:
            t.refuse("a write to a view")
        plain(target)[...] = result
        target.value = t.note(name, inputs, result).value
        return target

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        """Another function of NumPy's."""
        if _unseen():
            return function(*_all_plain(args), **_all_plain(options))
        known = ARRAY_FUNCTIONS.get(function)
        if known is not None:
            return known(*args, **options)
        return _tape().refuse(f"there is no instruction for {function.__name__}")

    # -- views and copies ----------------------------------------------------------------------

    @_if_seen("__getitem__")
    def __getitem__(self, index: Any) -> Any:
        items = index if isinstance(index, tuple) else (index,)
        for item in items:
            if not (item is None or item is Ellipsis or isinstance(item, (slice, int))):
                _tape().refuse("there is no instruction for an index that is an array")
        result = plain(self)[index]
        return _tape().note("slice", [self], result, *complete(items, self.ndim))

    @_if_seen("__setitem__")
    def __setitem__(self, index: Any, value: Any) -> None:
        _tape().refuse("a write in place, x[...] = value")

    @_if_seen("reshape")
    def reshape(self, *shape: Any, **options: Any) -> Any:
        """Another shape."""
        result = plain(self).reshape(*shape, **options)
        return _tape().note("reshape", [self], result, result.shape)

    @_if_seen("transpose")
    def transpose(self, *axes: Any) -> Any:
        """Other axes."""
        result = plain(self).transpose(*axes)
        given = axes[0] if len(axes) == 1 else axes
        order = tuple(range(self.ndim))[::-1] if not given else tuple(given)
        return _tape().note("transpose", [self], result, tuple([k % self.ndim for k in order]))

    @property
    def T(self) -> Any:
        """The axes in reverse order."""
        return self.transpose()

    @_if_seen("swapaxes")
    def swapaxes(self, a: int, b: int) -> Any:
        """Two axes exchanged."""
        order = list(range(self.ndim))
        order[a], order[b] = order[b], order[a]
        return self.transpose(order)

    @_if_seen("squeeze")
    def squeeze(self, axis: Any = None) -> Any:
        """Without axes of size 1."""
        return self.reshape(plain(self).squeeze(axis).shape)

    @_if_seen("copy")
    def copy(self, order: Any = "C") -> Any:
        """The same values in other memory."""
        return _tape().note("copy", [self], plain(self).copy(order))

    @_if_seen("view")
    def view(self, *args: Any) -> Any:
        """The same memory: of another class, or in the same type."""
        if args and args[0] is not self.dtype:
            if isinstance(args[0], type) and issubclass(args[0], ndarray):
                return ndarray.view(self, *args)
            _tape().refuse("a view in another type")
        return _tape().note("slice", [self], plain(self)[...], *complete((Ellipsis,), self.ndim))

    @_if_seen("astype")
    def astype(self, dtype: Any, *args: Any, **options: Any) -> Any:
        """In another type: only the same one is known."""
        if np.dtype(dtype) != self.dtype:
            return _tape().note("cast", [self], plain(self).astype(dtype), np.dtype(dtype))
        return self.copy() if options.get("copy", True) else self

    def placed(self, shape: tuple[int, ...], index: Any) -> Any:
        """Zeros of a shape, and this at an index: the gradient of a slice."""
        items = index if isinstance(index, tuple) else (index,)
        for item in items:
            if not (item is None or item is Ellipsis or isinstance(item, (slice, int))):
                _tape().refuse("there is no instruction for an index that is an array")
        result = np.zeros(shape, self.dtype)
        result[index] = plain(self)
        return _tape().note("place", [self], result, shape, complete(items, len(shape)))


def _all_plain(thing: Any) -> Any:
    """The arrays in arguments without their traces."""
    if isinstance(thing, dict):
        return {key: _all_plain(value) for key, value in thing.items()}
    if isinstance(thing, (list, tuple)):
        return type(thing)([_all_plain(value) for value in thing])
    return plain(thing)


def complete(items: tuple[Any, ...], rank: int) -> tuple[Any, ...]:
    """An index with all axes and no ellipsis; slices as triples, which can be compared."""
    used = sum([item is not None and item is not Ellipsis for item in items])
    fill = (slice(None),) * (rank - used)
    k = next((k for k, item in enumerate(items) if item is Ellipsis), len(items))
    whole = (*items[:k], *fill, *items[k + 1 :])
    return tuple([(i.start, i.stop, i.step) if isinstance(i, slice) else i for i in whole])


def index_from(completed: tuple[Any, ...]) -> tuple[Any, ...]:
    """The index that `complete` was given."""
    return tuple([slice(*i) if isinstance(i, tuple) else i for i in completed])


def _is_mask(x: Any) -> bool:
    return bool(np.asarray(plain(x)).dtype.kind == "b")


def _reduction(
    x: Any, axis: Any = 0, dtype: Any = None, out: Any = None, keepdims: bool = False,
    initial: Any = None, where: Any = True,
) -> Any:  # fmt: skip
    if out is not None or where is not True or (dtype is not None and dtype != x.dtype):
        _tape().refuse("a reduction with options")
    return x, axis, bool(keepdims)


def _concatenate(arrays: Any, axis: int = 0, out: Any = None, **options: Any) -> Any:
    if out is not None or options:
        _tape().refuse("concatenate with options")
    arrays = list(arrays)
    result = np.concatenate([plain(a) for a in arrays], axis)
    return _tape().note("concatenate", arrays, result, axis % result.ndim)


def _where(condition: Any, *values: Any) -> Any:
    if len(values) != 2:
        _tape().refuse("where without values")
    result = np.where(plain(condition), *[plain(v) for v in values])
    return _tape().note("where", [condition, *values], result)


def _broadcast_to(x: Any, shape: Any, **options: Any) -> Any:
    result = np.broadcast_to(plain(x), shape)
    return _tape().note("broadcast", [x], result, result.shape)


def _zeros_like(x: Any, dtype: Any = None, **options: Any) -> Any:
    return np.zeros(options.get("shape") or x.shape, dtype or x.dtype)


def _clip(x: Any, low: Any, high: Any, **options: Any) -> Any:
    return np.minimum(np.maximum(x, low), high)


VIEWS = ("slice", "reshape", "transpose", "broadcast")
REDUCTIONS = ("add", "maximum")
FUNCTIONS = (
    "add", "subtract", "multiply", "divide", "negative", "exp", "tanh", "maximum", "minimum",
    "less_equal", "less", "greater", "greater_equal", "matmul", "sqrt", "log", "absolute", "log1p",
    "square", "sin", "cos", "logical_and", "logical_not", "equal",
)  # fmt: skip
ARRAY_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.concatenate: _concatenate,
    np.where: _where,
    np.broadcast_to: _broadcast_to,
    np.zeros_like: _zeros_like,
    np.ones_like: lambda x, *rest, **options: _zeros_like(x, *rest, **options) + 1,
    np.clip: _clip,
    np.shape: lambda x: x.shape,
    np.ndim: lambda x: x.ndim,
    np.size: lambda x: x.size,
    np.may_share_memory: lambda a, b, *rest: np.may_share_memory(plain(a), plain(b), *rest),
    np.transpose: lambda x, axes=None: x.transpose() if axes is None else x.transpose(axes),
    np.reshape: lambda x, shape, **o: x.reshape(shape),
    np.squeeze: lambda x, axis=None: x.squeeze(axis),
    np.copy: lambda x, **o: x.copy(),
}


def _leaving(name: str) -> Any:
    def method(self: Any, *args: Any, **options: Any) -> Any:
        if _unseen():
            return getattr(plain(self), name)(*args, **options)
        return _tape().refuse(f"the values leave the tensors ({name.strip('_')}), or branch")

    return method


# All methods of arrays that are not answered above: they would compute unseen, or leave for Python.
_UNSEEN = {
    "__array_finalize__", "__array_ufunc__", "__array_function__", "__class__", "__new__",
    "__init__", "__getattribute__", "__setattr__", "__delattr__", "__dir__", "__doc__", "__hash__",
    "__init_subclass__", "__subclasshook__", "__len__", "__sizeof__", "__class_getitem__",
    "__array_wrap__", "__array_prepare__", "__array_priority__", "__format__", "__str__",
    "__getstate__", "__setstate__", "__reduce__", "__reduce_ex__", "__array__", "sum", "max",
    "min", "mean", "clip", "__buffer__", "__dlpack__", "__dlpack_device__", "__array_interface__",
    "__array_struct__", "__array_namespace__",
}  # fmt: skip
_OPERATORS = {
    f"__{side}{name}__"
    for name in (
        "add",
        "sub",
        "mul",
        "truediv",
        "matmul",
        "pow",
        "floordiv",
        "mod",
        "and",
        "or",
        "xor",
        "lshift",
        "rshift",
        "divmod",
    )
    for side in ("", "r", "i")
} | {f"__{name}__" for name in ("lt", "le", "eq", "ne", "gt", "ge", "neg", "pos", "abs", "invert")}
for _name in dir(ndarray):
    if (
        _name not in vars(Traced)
        and _name not in _UNSEEN | _OPERATORS
        and callable(getattr(ndarray, _name))
    ):
        setattr(Traced, _name, _leaving(_name))
