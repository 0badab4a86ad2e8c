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
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import get_ident
from typing import Any, cast

import numpy as np

from ..arrays.recording import watch
from ..autograd.errors import user_line

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
    is_own : bool
        Whether it is a constant that the step has made, to whose memory it may write.
    """

    shape: tuple[int, ...]
    dtype: Any
    name: str = ""
    constant: Any = None
    by: Any = None
    is_own: bool = False


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
    backwards: bool = False  # whether it is the derivative that is written now

    def value_of(self, operand: Any) -> Value:
        """The value that stands for an array or number; what is not traced is a constant."""
        if type(operand) is Traced:
            return operand.current()
        known = self.constants.get(id(operand))
        if known is not None:
            return known[1]
        array = np.asarray(operand)
        value = Value(array.shape, array.dtype, constant=operand)
        self.constants[id(operand)] = (operand, value)  # (kept, so that no other has its number)
        return value

    def note(self, op: str, inputs: Sequence[Any], result: Any, *options: Any) -> Any:
        """Write an instruction down; its result, traced."""
        traced = np.asarray(result).view(Traced)
        values = tuple([self.value_of(v) for v in inputs])
        traced.value = self.made(op, values, options, traced.shape, traced.dtype)
        if op in VIEWS and np.may_share_memory(traced, plain(inputs[0])):
            traced.base, traced.seen_as, traced.view_of = inputs[0], (op, options), values[0]
        else:  # a function that gives a view, of which nobody else knows
            for v in inputs:
                if type(v) is Traced and np.may_share_memory(traced, plain(v)):
                    traced.shared = v.root().shared = True
        return traced

    def made(
        self, op: str, values: tuple[Value, ...], options: Any, shape: Any, dtype: Any
    ) -> Value:
        """Write an instruction down; its result."""
        value = Value(shape, dtype)
        value.by = Instruction(op, values, options, value, "" if self.backwards else user_line())
        self.instructions.append(value.by)
        return value

    def refuse(self, why: str) -> Any:
        """Raise, and remember, as the step may swallow the exception."""
        line = "in its derivative" if self.backwards else user_line()
        self.refusal = self.refusal or f"{why}{' (' + line + ')' if line else ''}"
        raise Refused(self.refusal)


tape: Tape | None = None  # the one that is written at present


def begin(follows: bool) -> Tape:
    """Write a new list: what this thread does; if it `follows`, with the arrays that it makes."""
    global tape
    tape = Tape(thread=get_ident())
    watch.follow = fresh if follows else None
    return tape


def end() -> None:
    """Write no longer."""
    global tape
    tape = watch.follow = None


def fresh(array: ndarray) -> Any:
    """An array that the step has made from nothing, traced: a constant, until it writes to it."""
    if _unseen() or type(array) is not ndarray:
        return array
    traced = array.view(Traced)
    traced.value = Value(array.shape, array.dtype, constant=array.copy(), is_own=True)
    return traced


def is_recording() -> bool:
    """Whether a list is being written."""
    return tape is not None


def input_value(array: ndarray, name: str) -> Any:
    """`array`, traced, as an input of the list."""
    traced = array.view(Traced)
    traced.value = Value(array.shape, array.dtype, name)
    return traced


def plain(array: Any) -> Any:
    """The array without its trace."""
    return ndarray.view(array, ndarray) if type(array) is Traced else array


def tape_now() -> Tape:
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
    # of a view: the array that it shows, how, and the value of that when it was derived
    base: Any = None
    seen_as: Any = None
    view_of: Value | None = None
    shared = False  # whether what is written to it would be seen where nobody notes it

    def __array_finalize__(self, other: Any) -> None:
        self.value = None

    def current(self) -> Value:
        """Its value, after what was written to the memory that it shares with others."""
        if self.value is None:
            tape_now().refuse("an array that no instruction made")
        if self.base is not None:
            now = self.base.current()
            if now is not self.view_of:
                op, options = self.seen_as
                self.value = tape_now().made(op, (now,), options, self.shape, self.dtype)
                self.view_of = now
        return cast("Value", self.value)

    def check_own(self) -> None:
        """Refuse a write to memory that no instruction made: before it happens."""
        value = self.root().current()
        if value.by is None and not value.is_own:
            tape_now().refuse("a write to memory from outside of the step")
        if self.root().shared:
            tape_now().refuse("a write to memory that others share")

    def root(self) -> Any:
        """The array whose memory it shows: itself, unless it is a view."""
        return self if self.base is None else self.base.root()

    def becomes(self, value: Value) -> None:
        """Note that its memory, and so that of others, has this value now."""
        t = tape_now()
        if self.base is None:
            self.value = value
            return
        op, options = self.seen_as
        base, whole = self.base, cast("tuple[Any, ...]", ())
        if op == "slice":
            whole = ("put", (base.current(), value), options)
        elif op == "reshape":
            whole = ("reshape", (value,), (base.shape,))
        elif op == "transpose":
            back = tuple(sorted(range(base.ndim), key=options[0].__getitem__))
            whole = ("transpose", (value,), (back,))
        else:
            t.refuse("a write to a view")
        name, values, form = whole
        base.becomes(t.made(name, values, form, base.shape, base.dtype))

    def __array_ufunc__(
        self, ufunc: Any, method: Any, *inputs: Any, out: Any = None, **options: Any
    ) -> Any:
        """A function of numbers: called, or ``reduce``."""
        function = ufunc
        if _unseen():
            if out is not None:
                options["out"] = tuple([plain(v) for v in out])
            return getattr(function, method)(*[plain(v) for v in inputs], **options)
        t = tape_now()
        name = function.__name__
        if name == "vecdot" and method == "__call__" and not options and out is None:
            return np.add.reduce(np.multiply(*inputs), -1)
        if name in OF_MASKS and all([_is_mask(v) for v in inputs]):
            name = OF_MASKS[name]
            function = cast("np.ufunc", getattr(np, name))
        if getattr(np, name, None) is not function or cast("Any", function).nout != 1:
            t.refuse(f"there is no instruction for {name}")
        if method == "reduce":
            x, axis, keepdims = _reduction(name, *inputs, **options)
            if out is not None and out[0] is not None:
                t.refuse(f"{name}.reduce with out=")
            result = function.reduce(plain(x), axis, None, None, keepdims)
            axes = tuple(range(x.ndim)) if axis is None else axis
            axes = (axes,) if isinstance(axes, int) else tuple(axes)
            axes = tuple([k % x.ndim for k in axes])
            return t.note(f"{name}.reduce", [x], result, axes, keepdims)
        if method == "accumulate" and out is None and len(inputs) <= 2:
            x, axis = inputs[0], options.pop("axis", inputs[-1] if len(inputs) == 2 else 0)
            if not options:
                result = function.accumulate(plain(x), axis)
                return t.note(f"{name}.accumulate", [x], result, axis % x.ndim)
        if method != "__call__":
            t.refuse(f"there is no instruction for {name}.{method}")
        result = function(*[plain(v) for v in inputs])
        if options.pop("dtype", None) not in (None, result.dtype) or options:
            t.refuse(f"{name} with {', '.join(options) or 'dtype'}")
        if out is None:
            return t.note(name, inputs, result)
        (target,) = out
        if type(target) is not Traced:
            t.refuse("a write to memory from outside of the step")
        target[...] = t.note(name, inputs, result)
        return target

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        """Another function of NumPy's."""
        if _unseen():
            return function(*all_plain(args), **all_plain(options))
        known = ARRAY_FUNCTIONS.get(function)
        if known is not None:
            return known(*args, **options)
        return tape_now().refuse(f"there is no instruction for {function.__name__}")

    # -- views and copies ----------------------------------------------------------------------

    @_if_seen("__getitem__")
    def __getitem__(self, index: Any) -> Any:
        arrays, form = _taken_apart(index, self.shape)
        if arrays:
            result = plain(self)[all_plain(index)]
            return tape_now().note("index", [self, *arrays], result, *form)
        return tape_now().note("slice", [self], plain(self)[index], *form)

    @_if_seen("__setitem__")
    def __setitem__(self, index: Any, value: Any) -> None:
        t = tape_now()
        mask = _mask_of(index, self.ndim)
        if mask is not None and np.size(value) == 1:
            value, index = np.where(mask, np.reshape(value, ()), self), ...
        target = self if index is Ellipsis else self[index]
        if target.base is not self and target is not self:  # an index with arrays gives a copy
            self.check_own()
            arrays, form = _taken_apart(index, self.shape)
            changed = plain(self).copy()
            changed[all_plain(index)] = plain(value)
            self[...] = t.note("put_at", [self, value, *arrays], changed, form)
            return
        target.check_own()
        plain(target)[...] = plain(value)  # (raises what NumPy raises)
        new = value if type(value) is Traced else np.array(value, self.dtype)
        if plain(new).dtype != self.dtype:
            t.refuse("a write in place, into another type")
        if new.shape != target.shape:
            shape = target.shape
            new = new.reshape(new.shape[max(0, new.ndim - len(shape)) :])
            new = t.note("broadcast", [new], np.broadcast_to(plain(new), shape), shape)
        target.becomes(t.value_of(new))

    @_if_seen("reshape")
    def reshape(self, *shape: Any, **options: Any) -> Any:
        """Another shape."""
        result = plain(self).reshape(*shape, **options)
        return tape_now().note("reshape", [self], result, result.shape)

    @_if_seen("transpose")
    def transpose(self, *axes: Any) -> Any:
        """Other axes."""
        result = plain(self).transpose(*axes)
        given = axes[0] if len(axes) == 1 else axes
        order = tuple(range(self.ndim))[::-1] if not given else tuple(given)
        return tape_now().note("transpose", [self], result, tuple([k % self.ndim for k in order]))

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
        return tape_now().note("copy", [self], plain(self).copy(order))

    @_if_seen("view")
    def view(self, *args: Any) -> Any:
        """The same memory: of another class, or in the same type."""
        if args and args[0] is not self.dtype:
            if args[0] is ndarray:
                return ndarray.view(self, ndarray)
            tape_now().refuse("a view in another type")
        whole = ((None, None, None),) * self.ndim
        return tape_now().note("slice", [self], plain(self)[...], *whole)

    @_if_seen("astype")
    def astype(self, dtype: Any, *args: Any, **options: Any) -> Any:
        """In another type: only the same one is known."""
        if np.dtype(dtype) != self.dtype:
            return tape_now().note("cast", [self], plain(self).astype(dtype), np.dtype(dtype))
        return self.copy() if options.get("copy", True) else self

    def placed(self, shape: tuple[int, ...], index: Any) -> Any:
        """Zeros of a shape, to which this is added at an index: the gradient of what it takes."""
        arrays, form = _taken_apart(index, shape)
        result = np.zeros(shape, self.dtype)
        np.add.at(result, all_plain(index), plain(self))
        if arrays:
            return tape_now().note("add_at", [self, *arrays], result, shape, form)
        return tape_now().note("place", [self], result, shape, form)

    def written_as_one(self, call: Any, arguments: tuple[Any, ...]) -> Any:
        """What a function gives that is one instruction (see `arrays.recording`)."""
        if _unseen():
            return call.function(*all_plain(arguments))
        arrays = [a for a in arguments if isinstance(a, ndarray)]
        numbers = iter(range(len(arrays)))
        template = tuple([
            Numbered(next(numbers)) if isinstance(a, ndarray) else _fixed(a) for a in arguments
        ])  # fmt: skip
        follow, watch.follow = watch.follow, None
        try:
            result = call.function(*all_plain(arguments))
        finally:
            watch.follow = follow
        return tape_now().note("call", arrays, result, call, template)

    def fresh(self, array: ndarray) -> Any:
        """An array that is made from nothing, to be written to."""
        return fresh(array)

    def diagonal(self, *args: Any) -> Any:
        """The entries on the diagonal of two axes."""
        return np.diagonal(self, *args)

    def setflags(self, *args: Any, **options: Any) -> None:
        """Nothing: it says only that nobody should write."""


def _fixed(value: Any) -> Any:
    """An argument that is no array, such that two can be compared."""
    if isinstance(value, (list, tuple)):
        return tuple([_fixed(v) for v in value])
    if not isinstance(value, (int, float, str, type(None), np.dtype, np.generic)):
        tape_now().refuse(f"an argument is a {type(value).__name__}")
    return value


def filled(template: Sequence[Any], things: Sequence[Any]) -> list[Any]:
    """The arguments of a call, with these things for the arrays."""
    return [things[a.number] if isinstance(a, Numbered) else a for a in template]


def _mask_of(index: Any, rank: int) -> Any:
    """The mask that an index is, of all axes, if there is nothing else in it; else None."""
    items = index if isinstance(index, tuple) else (index,)
    *before, mask = items
    if not (isinstance(mask, ndarray) and mask.dtype.kind == "b") or any(
        [type(i) is not slice or i != slice(None) for i in before]
    ):  # fmt: skip
        return None
    return mask.reshape(*mask.shape, *(1,) * (rank - len(before) - mask.ndim))


def _taken_apart(index: Any, shape: tuple[int, ...]) -> tuple[list[Any], tuple[Any, ...]]:
    """The arrays of an index, and the index with their numbers, ("array", k), in their places."""
    items = index if isinstance(index, tuple) else (index,)
    arrays: list[Any] = []
    form = []
    for item in items:
        if isinstance(item, ndarray):
            if item.dtype.kind not in "iu" or not item.ndim:
                tape_now().refuse("there is no instruction for an index that is a mask")
            arrays.append(item)
            item = Numbered(len(arrays) - 1)
        elif not (item is None or item is Ellipsis or isinstance(item, (slice, int))):
            tape_now().refuse(f"there is no instruction for an index such as {item!r}")
        form.append(item)
    return arrays, complete(tuple(form), shape)


@dataclass(frozen=True)
class Numbered:
    """The place of an array among others."""

    number: int


def all_plain(thing: Any) -> Any:
    """The arrays in arguments without their traces."""
    if isinstance(thing, dict):
        return {key: all_plain(value) for key, value in thing.items()}
    if isinstance(thing, (list, tuple)):
        return type(thing)([all_plain(value) for value in thing])
    return plain(thing)


def complete(items: tuple[Any, ...], shape: tuple[int, ...]) -> tuple[Any, ...]:
    """An index with all axes and no ellipsis; slices as triples, which can be compared."""
    used = sum([item is not None and item is not Ellipsis for item in items])
    fill = (slice(None),) * (len(shape) - used)
    k = next((k for k, item in enumerate(items) if item is Ellipsis), len(items))
    done: list[Any] = []
    sizes = iter(shape)
    for item in (*items[:k], *fill, *items[k + 1 :]):
        n = 0 if item is None else next(sizes)
        if isinstance(item, slice):
            is_whole = item.indices(n) == (0, n, 1)
            item = (None, None, None) if is_whole else (item.start, item.stop, item.step)
        done.append(item)
    return tuple(done)


def index_from(completed: tuple[Any, ...]) -> tuple[Any, ...]:
    """The index that `complete` was given."""
    return tuple([slice(*i) if isinstance(i, tuple) else i for i in completed])


def with_arrays(index: tuple[Any, ...], arrays: Sequence[Any]) -> tuple[Any, ...]:
    """An index with arrays in their places again."""
    return tuple([arrays[i.number] if isinstance(i, Numbered) else i for i in index])


def _is_mask(x: Any) -> bool:
    return bool(np.asarray(plain(x)).dtype.kind == "b")


def _reduction(
    name: str, x: Any, axis: Any = 0, dtype: Any = None, out: Any = None, keepdims: bool = False,
    initial: Any = None, where: Any = True,
) -> Any:  # fmt: skip
    changes = initial is not None and not (name == "maximum" and initial == -np.inf)
    if out is not None or changes or where is not True or (dtype is not None and dtype != x.dtype):
        tape_now().refuse("a reduction with options")
    return x, axis, bool(keepdims)


VIEWS = ("slice", "reshape", "transpose", "broadcast")
OF_MASKS = {"bitwise_and": "logical_and", "bitwise_or": "logical_or", "invert": "logical_not"}
ARRAY_FUNCTIONS: dict[Any, Any] = {}  # see `asked`


def _leaving(name: str) -> Any:
    def method(self: Any, *args: Any, **options: Any) -> Any:
        if _unseen():
            return getattr(plain(self), name)(*args, **options)
        return tape_now().refuse(f"the values leave the tensors ({name.strip('_')}), or branch")

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
