"""`Flat`: an `ArrayTape` as instructions for the machine of `_kernels/tape.pyx`.

The first replay is run here once more as Python does it, and what it asks for is written down piece
by piece: functions of NumPy's as its own loops, functions of `entrywise` and products of matrices
as the kernels that they are, results in memory that is kept for the next run. What only shows
something in another shape costs nothing any more. Whatever has no such form, a layer, a loss, an
optimizer's step, stays the call of Python that it was, with the same arguments. So the numbers are
the same, to the last bit.

An operation, or the rule of a gradient, is taken apart by running it on arrays that note what is
asked of them (`Noted`). If it asks for anything else, or what was noted does not give the very same
numbers, it stays whole.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from .. import _kernels
from ..autograd.backward import accumulate
from ..autograd.engine import Node
from ..autograd.grad_mode import mode
from ..autograd.primitive import Primitive
from ..autograd.quiet import restore, silence
from ..ops.join import _Cut, _Join, cat, stack
from ..ops.loss import cross_entropy
from ..ops.makers import _Broadcast
from ..ops.shape import sum_to
from ..recurrences.operation import recur, recur_once
from .arrays import (
    ASK,
    BACKWARD,
    BY_TENSORS,
    FORWARD,
    IN_PARTS,
    SPREAD,
    ArrayTape,
    of_graph,
    wrapped,
)
from .player import built

ndarray = np.ndarray
MOST_BYTES = 1 << 24  # of memory that is kept: more than a cache has is not worth it
REPEATED = (recur.in_parts, recur_once.in_parts, cross_entropy.in_parts)  # type: ignore[attr-defined]
SMALL_PRODUCT = 1_000_000  # multiply-adds, from which on threads may share them
# NumPy's functions that give the same bits whichever way a loop goes over the numbers.
EXACT = frozenset([
    np.add, np.subtract, np.multiply, np.divide, np.negative, np.positive, np.absolute, np.square,
    np.sqrt, np.maximum, np.minimum, np.sign, np.less, np.less_equal, np.greater,
    np.greater_equal, np.equal, np.not_equal, np.logical_and, np.logical_or, np.logical_not,
    np.floor, np.ceil, np.trunc, np.rint, np.isnan, np.isfinite,
])  # fmt: skip


_MOVING: Any = object()  # what is another thing in each run


class _Whole(Exception):
    """A function cannot be taken apart."""


class _Repeated:
    """A kernel whose calls are only prepared, to be made again and again by the machine."""

    def __init__(self, kernel: Any) -> None:
        self.kernel, self.call = kernel, None

    def forward(self, *arguments: Any) -> Any:
        """Of a recurrence; without `batch_sizes`."""
        *arrays, batch_sizes, reverse, keep, ends = arguments
        if batch_sizes is not None:
            raise _Whole("ragged")
        self.call, results = self.kernel.forward_again(*arrays, reverse, keep, ends)
        return results

    def backward(self, *arguments: Any) -> Any:
        """The same."""
        arrays, (batch_sizes, reverse, *needs) = arguments[:13], arguments[13:]
        if batch_sizes is not None:
            raise _Whole("ragged")
        self.call, results = self.kernel.backward_again(*arrays, reverse, tuple(needs))
        return results

    def cross_entropy_forward(self, *arguments: Any) -> Any:
        """A loss."""
        self.call, results = self.kernel.cross_entropy_forward_again(*arguments)
        return results

    def cross_entropy_backward(self, *arguments: Any) -> Any:
        """Its gradient."""
        self.call, results = self.kernel.cross_entropy_backward_again(*arguments)
        return results


class Place:
    """Where an array is: some numbers of a buffer, and the slot of the object.

    Attributes
    ----------
    array : ndarray
        As it is while the list is written; if it is `fixed`, that is it in all runs.
    """

    __slots__ = ("array", "buffer", "fixed", "is_new", "offset", "slot")

    def __init__(self, array: Any, buffer: int, offset: int, slot: int, fixed: bool) -> None:
        self.array, self.buffer, self.offset = array, buffer, offset
        self.slot, self.fixed = slot, fixed
        self.is_new = False  # whether each run makes it anew, and nothing else refers to it


def _opaque(name: str) -> Any:
    def method(self: Any, *args: Any, **options: Any) -> Any:
        raise _Whole(name)

    return method


class Noted(ndarray):
    """An array that notes what is asked of it, as instructions of `writer`."""

    writes_down = True  # (see `arrays.recording`)
    place: Any = None
    writer: Any = None

    def __array_finalize__(self, other: Any) -> None:
        self.place = None

    def __array_ufunc__(  # type: ignore[override]
        self, function: Any, method: Any, *inputs: Any, out: Any = None, **options: Any
    ) -> Any:
        """A function of numbers."""
        if method != "__call__" or out is not None or options or function.nout != 1:
            raise _Whole(function.__name__)
        return _writer_of(inputs).loop(function, inputs)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        raise _Whole(function.__name__)

    def note_kernel(self, name: str, call: Any, arguments: tuple[Any, ...]) -> Any:
        """A kernel, which stands in for a formula."""
        return _writer_of(arguments).kernel(name, call, arguments)

    def written_as_one(self, call: Any, arguments: tuple[Any, ...]) -> Any:
        """A function that fills arrays unseen."""
        raise _Whole("as_one")

    def _shown(self, result: Any) -> Any:
        return self.writer.noted(self.writer.place_of(result, [self.place]))

    def reshape(self, *shape: Any, **options: Any) -> Any:
        """Another shape, if that shows the same memory."""
        return self._shown(_plain(self).reshape(*shape, **options))

    def transpose(self, *axes: Any) -> Any:
        """Other axes."""
        return self._shown(_plain(self).transpose(*axes))

    def swapaxes(self, a: Any, b: Any) -> Any:
        """Two axes exchanged."""
        return self._shown(_plain(self).swapaxes(a, b))

    @property
    def T(self) -> Any:
        """The axes in reverse order."""
        return self._shown(_plain(self).T)

    def squeeze(self, *axis: Any) -> Any:
        """Without axes of size 1."""
        return self._shown(_plain(self).squeeze(*axis))

    def __getitem__(self, index: Any) -> Any:
        items = index if isinstance(index, tuple) else (index,)
        if not all([i is None or i is Ellipsis or isinstance(i, (int, slice)) for i in items]):
            raise _Whole("index")
        return self._shown(_plain(self)[index])


_ANSWERED = {
    "__array_finalize__", "__array_ufunc__", "__array_function__", "__class__", "__new__",
    "__init__", "__getattribute__", "__setattr__", "__delattr__", "__dir__", "__doc__", "__hash__",
    "__init_subclass__", "__subclasshook__", "__len__", "__sizeof__", "__class_getitem__",
} | {
    f"__{side}{name}__" for name in ("add", "sub", "mul", "truediv", "pow") for side in ("", "r")
} | {f"__{name}__" for name in ("lt", "le", "eq", "ne", "gt", "ge", "neg", "pos", "abs", "and",
                                "or", "invert")}  # fmt: skip
for _name in dir(ndarray):  # all else would compute unseen, or leave for Python
    if _name not in vars(Noted) and _name not in _ANSWERED and callable(getattr(ndarray, _name)):
        setattr(Noted, _name, _opaque(_name))


def _plain(array: Any) -> Any:
    return ndarray.view(array, ndarray) if type(array) is Noted else array


def _writer_of(things: Any) -> Any:
    return next(t.writer for t in things if type(t) is Noted)


class Flat:
    """The list; `ready` says whether it is complete, and worth it.

    Parameters
    ----------
    tape : ArrayTape
        What it shall do.
    kernels : Kernels
        Where the machine is.
    """

    def __init__(self, tape: ArrayTape, kernels: Any) -> None:
        self.tape, self.kernels = tape, kernels
        self.machine = kernels.tape.Flat()
        self.objects: list[Any] = self.machine.objects
        self.places: dict[int, Place] = {}  # by the slots of the tape
        self.others: dict[int, int] = {}  # objects that are no arrays, by the slots of the tape
        self.roots: dict[int, Any] = {}  # fixed memory, by buffer
        self.moved: dict[int, Place] = {}  # moving arrays, by buffer
        self.captured: list[Any] = []
        self.bases: dict[int, list[Place]] = {}  # of kernels' calls, by where their rests are
        self.bytes, self.ready, self.lock = 0, False, threading.Lock()
        self.outside: Any = None  # how loud NumPy is outside of this
        self.shows: list[Any] = []  # what is shown of moving arrays: slot, that of the base, how
        self.replaces = False  # whether a step gives tensors other arrays
        self.tensors = self.object(None)  # the slot of the list of tensors
        self.returned: list[Any] = []

    # -- running -------------------------------------------------------------------------------

    def play(self, tensors: list[Any]) -> list[Any] | None:
        """Run it; None if it runs already, around this call or in another thread."""
        if not self.lock.acquire(blocking=False):
            return None
        machine, objects = self.machine, self.objects
        self.outside, enabled = silence(), mode.enabled
        mode.enabled = False
        try:
            machine.take(tensors, self.captured)
            objects[self.tensors] = tensors
            machine.run()
            arrays = [(slot, op, objects[own].copy("K")) for slot, own, op in self.returned]
        finally:
            mode.enabled = enabled
            restore(self.outside)
            objects[self.tensors] = None
            for own, *_ in self.captured:
                objects[own] = None
            self.lock.release()
        for slot, op, array in arrays:
            tensors[slot] = of_graph(array, op)
        return tensors

    # -- places --------------------------------------------------------------------------------

    def object(self, thing: Any) -> int:
        """A slot for an object."""
        self.objects.append(thing)
        return len(self.objects) - 1

    def fixed(self, like: Any) -> Place:
        """Memory that is kept, with the numbers and the layout of an array."""
        array = np.empty_like(like)
        if array.strides != like.strides or not like.size:
            raise _Whole("gaps")
        array[...] = like
        return self.adopted(array)

    def adopted(self, array: Any) -> Place:
        """An array that nobody else has, as such memory."""
        self.bytes += array.nbytes
        buffer = self.machine.buffer(array)
        self.roots[buffer] = array
        return Place(array, buffer, 0, self.object(array), True)

    def moving(self, array: Any) -> Place:
        """An array that is another one in each run."""
        place = Place(array, self.machine.buffer(), 0, self.object(array), False)
        self.moved[place.buffer] = place
        self.machine.point(place.buffer, array)
        return place

    def place_of(self, array: Any, bases: list[Place]) -> Place:
        """Of an array that shows the memory of a base; else `_Whole`.

        (Two arguments may show the same memory now, and other memory in another run.)
        """
        found = [b for b in bases if array.size and np.may_share_memory(array, b.array)]
        if len({b.buffer for b in found}) != 1:
            raise _Whole("a copy")
        return self.shown(array, found[0])

    def shown(self, array: Any, base: Place) -> Place:
        offset = base.offset + _address(array) - _address(base.array)
        slot, is_fixed = -1, False
        root = self.roots.get(base.buffer)
        if root is not None:
            again = self.machine.shown(root, offset, array)
            array, slot, is_fixed = again, self.object(again), True
        return Place(array, base.buffer, offset, slot, is_fixed)

    # -- instructions --------------------------------------------------------------------------

    def noted(self, place: Place) -> Any:
        """The array of a place, noting."""
        array: Any = place.array.view(Noted)
        array.place, array.writer = place, self
        return array

    def operand(self, thing: Any, like: Any) -> Place:
        if type(thing) is Noted:
            if thing.place is None:
                raise _Whole("unseen")
            return thing.place
        if type(thing) not in (int, float):
            raise _Whole("an array from elsewhere")
        return self.fixed(np.asarray(thing, like))

    def loop(self, function: Any, inputs: tuple[Any, ...]) -> Any:
        """A function of NumPy's, as its loop."""
        result = np.asarray(function(*[_plain(v) for v in inputs]))
        kinds = {v.dtype for v in inputs if type(v) is Noted}
        if len(kinds) != 1:
            raise _Whole(function.__name__)
        kind = next(iter(kinds))
        operands = [self.operand(v, kind) for v in inputs]
        out = self.fixed(result)
        self.add_loop(function, [*operands, out])
        return self.noted(out)

    def add_loop(self, function: Any, places: list[Place]) -> None:
        rows, n, steps = _rows_of([p.array for p in places])
        dense = all([s == p.array.itemsize for p, (_, s) in zip(places, steps)])
        if not dense and function not in EXACT:
            raise _Whole(function.__name__)
        types = "".join([p.array.dtype.char for p in places])
        operands = tuple([(p.buffer, p.offset, *s) for p, s in zip(places, steps)])
        numbers = bytes([np.dtype(t).num for t in types])
        if not self.machine.loop(function, numbers, operands, rows, n):
            raise _Whole(function.__name__)

    def kernel(self, name: str, call: Any, arguments: tuple[Any, ...]) -> Any:
        """A kernel of minigrad's: a product, or a function of `entrywise`."""
        arrays: list[Any] = [a for a in arguments if isinstance(a, ndarray)]
        if not all([type(a) is Noted and a.place is not None for a in arrays]):
            raise _Whole(name)
        result = call(*[_plain(a) for a in arguments])
        if type(result) is not ndarray or len({a.dtype for a in (*arrays, result)}) != 1:
            raise _Whole(name)
        kernels = _kernels.kernels_for(result.dtype)
        places = [a.place for a in arrays]
        if name in ("matmul", "linear"):
            return self.product(name, kernels, places, result)
        found = kernels.entrywise.address(name)  # type: ignore[union-attr]
        numbers = [a for a in arguments if not isinstance(a, ndarray)]
        if (
            found is None or found[2] != len(arrays) or len(numbers) > 2
            or not all([type(v) in (int, float) and v == v for v in numbers])
            or not all([a.flags.c_contiguous and a.shape == result.shape for a in arrays])
            or not result.flags.c_contiguous
        ):  # fmt: skip
            raise _Whole(name)
        out = self.fixed(result)
        operands = tuple([(p.buffer, p.offset, 0, 0) for p in (*places, out)])
        p, q = [float(v) for v in (*numbers, 0, 0)[:2]]
        self.machine.entry(found[0], found[1], operands, result.size, p, q)
        return self.noted(out)

    def product(self, name: str, kernels: Any, places: list[Place], result: Any) -> Any:
        a, b, *added = places
        if name == "linear":
            b = self.shown(b.array.T, b)
        x, y = a.array, b.array
        by_kernel = kernels.product.matmul(x, y)
        if (
            x.ndim != 2 or y.ndim != 2 or by_kernel is None or not result.flags.c_contiguous
            or x.shape[0] * x.shape[1] * y.shape[1] >= SMALL_PRODUCT
            or not all([p.array.flags.c_contiguous for p in added])
        ):  # fmt: skip
            raise _Whole(name)
        out = self.fixed(result)
        operands = [(p.buffer, p.offset, *_distances(p.array)) for p in (a, b, *added, out)]
        (rows, depth), cols = x.shape, y.shape[1]
        self.machine.product(kernels.product.address(), tuple(operands), rows, depth, cols)
        return self.noted(out)

    def call(self, function: Any, things: list[Any], result: Any, spread: bool = False) -> Any:
        """A call of Python's, of places and slots of objects; the places of its results."""
        slots = []
        is_fixed = True
        for thing in things:
            if isinstance(thing, Place):
                is_fixed = is_fixed and thing.fixed
                slots.append(self.slot_of(thing))
            else:
                is_fixed = False
                slots.append(thing)
        if not spread:
            place, out = self._out(result)
            self.machine.call(function, tuple(slots), is_fixed, out)
            return place
        places, outs = zip(*[self._out(r) for r in result])
        self.machine.call(function, tuple(slots), is_fixed, list(outs))
        return list(places)

    def _out(self, result: Any) -> tuple[Any, Any]:
        if result is None:
            return None, None
        if type(result) is ndarray and result.size:
            place = self.moving(result)
            self.bytes += result.nbytes  # (which stays, to compare others with)
            return place, (place.slot, place.buffer, result)
        slot = self.object(None)
        return slot, (slot, -1, None)

    def slot_of(self, place: Place) -> int:
        """The slot of a place as an object; of what shows a moving array it is made in each run."""
        if place.slot < 0:
            base = self.moved[place.buffer]
            place.slot = self.object(place.array)
            show, way = self.machine.shown, (place.offset - base.offset, place.array)
            out = place.slot, -1, None
            self.shows.append((place.slot, base.slot, way))
            self.machine.call(lambda array: show(array, *way), (base.slot,), False, out)
        return place.slot

    # -- taking operations apart ---------------------------------------------------------------

    def apart(self, function: Any, things: list[Any], result: Any) -> Place | None:
        """The place of what a function gives, taken apart; None if it stays whole.

        `things` are places and objects; `result` is what it gave.
        """
        if type(result) is not ndarray or not result.size:
            return None
        mark = self.machine.mark()
        try:
            noted = function(*[self.noted(t) if isinstance(t, Place) else t for t in things])
        except _Whole:
            noted = None
        except Exception:
            noted = None
        place = noted.place if type(noted) is Noted else None
        return self.proved(mark, place, result)

    def proved(self, mark: Any, place: Any, result: Any) -> Place | None:
        """A place, if what was written down for it since `mark` gives the same bits; or None."""
        if place is not None:
            self.machine.run(mark[0])
            if _same_array(place.array, result):
                return place
        self.machine.forget(mark)
        return None

    def joined(self, function: Any, places: list[Any], result: Any) -> Place | None:
        """The place of arrays that are put side by side, as copies; None if it is more than that.

        What goes where is seen from what the function makes of numbers that are all different.
        """
        mark = self.machine.mark()
        try:
            out = self.fixed(result)
            first = 1
            numbered = []
            for p in places:
                count = p.array.size
                numbered.append(np.arange(first, first + count).reshape(p.array.shape))
                first += count
            seen = np.asarray(function(numbered))
            if seen.shape != result.shape:
                raise _Whole("another shape")
            for p, own in zip(places, numbered):
                found = np.nonzero((seen >= own.flat[0]) & (seen <= own.flat[-1]))
                box = tuple([slice(k.min(), k.max() + 1) for k in found])
                part = out.array[box].reshape(own.shape)
                if not np.array_equal(seen[box].reshape(own.shape), own):
                    raise _Whole("not side by side")
                self.add_loop(np.positive, [p, self.place_of(part, [out])])
        except Exception:  # it stays whole
            self.machine.forget(mark)
            return None
        return self.proved(mark, out, result)

    # -- kernels that are called whole -----------------------------------------------------------

    def repeat(self, call: Any, bases: list[Place]) -> set[int]:
        """Write down a call of a kernel that was prepared, of arrays that show the bases.

        Returns the buffers of all its arrays.
        """
        runner, job, arrays = call
        operands = []
        for array, where in arrays:
            if array is not None:
                place = self.place_of(array, bases)
                operands.append((where, place.buffer, place.offset))
        self.machine.job(runner, job, tuple(operands))
        return {buffer for _, buffer, _ in operands}

    def repeated(self, form: Any, keeps: bool, given: list[Any], parts: Any) -> Any:
        """What `form` gives as a call of a kernel that is made again, and the places of all arrays.

        None if there is no such call.
        """
        if form not in REPEATED:
            return None
        mark = self.machine.mark()
        try:
            wanted, *_, (kernel, *_) = form(keeps, *given)
            repeats = _Repeated(kernel)
            bases, moving = [], []
            for slot in {s for p in parts for s in _slots(p)}:
                value = self.values[slot]
                if slot in self.places:
                    moving.append(self.places[slot])
                elif type(value) is ndarray and value.size and slot not in self.others:
                    bases.append(self.adopted(value))  # a constant
            results, arrays, options, (_, *own) = form(keeps, *given, kernel=repeats)
            bases += moving
            read = self.repeat(repeats.call, bases)
            if not read.issuperset([p.buffer for p in moving]):  # it was asked for its value
                raise _Whole("a number from an array")
            new = _arrays_in((results, own))
            bases += [self.adopted(a) for a in {id(a): a for a in new}.values()]
            self.machine.run(mark[0])
        except (_Whole, ValueError, TypeError):
            self.machine.forget(mark)
            return None
        pairs = zip(_listed(results), _listed(wanted), strict=True)
        if not all([_same_array(a, b) for a, b in pairs]):
            self.machine.forget(mark)
            return None
        return _listed(results), (arrays, options, (kernel, *own)), bases

    def repeated_back(self, op: Any, wanted: Any, kept: int, grads: list[Any]) -> Any:
        """The same of the gradients of such a call."""
        arrays, options, (kernel, *own) = self.values[kept]
        given = [None if g is None else self.dense(g) for g in grads]
        mark = self.machine.mark()
        try:
            repeats = _Repeated(kernel)
            found = op.kernel_vjp(
                [None if g is None else g.array for g in given], wanted, arrays, options,
                (repeats, *own),
            )  # fmt: skip
            bases = [*self.bases[kept], *[g for g in given if g is not None]]
            self.repeat(repeats.call, bases)
            new = {id(a): self.adopted(a) for a in _arrays_in(found)}
            places = [None if g is None else self.shown(g, new[id(_root(g))]) for g in found]
            self.machine.run(mark[0])
        except (_Whole, ValueError, TypeError):
            self.machine.forget(mark)
            return None
        return places

    # -- recording -----------------------------------------------------------------------------

    def record(self, tensors: list[Any]) -> list[Any]:
        """Run the tape as `ArrayTape.play` does, and write down what that asks for."""
        tape = self.tape
        self.values: list[Any] = tensors[:]
        for k in tape.captured:
            array = self.values[k] = tensors[k].array
            place = self.places[k] = self.moving(array)
            self.captured.append((place.slot, k, place.buffer, array))
        self.outside, enabled = silence(), mode.enabled
        mode.enabled = False
        self.objects[self.tensors] = tensors
        try:
            for kind, call, slots, parts, out, extra in tape.code:
                if kind == ASK:
                    self.ask(tensors, call, slots, parts, out, extra)
                elif kind == BACKWARD:
                    self.walk_back(tensors, *call)
                else:
                    self.forward(kind, call, slots, parts, out, extra)
            arrays = []
            for slot, op in tape.returned:
                self.returned.append((slot, self.slot_of(self.places[slot]), op))
                arrays.append((slot, op, self.places[slot].array.copy("K")))
        finally:
            restore(self.outside)
            mode.enabled = enabled
            self.objects[self.tensors] = None
            for own, *_ in self.captured:
                self.objects[own] = None
        for slot, op, array in arrays:
            tensors[slot] = of_graph(array, op)
        length, calls = self.machine.mark()
        # (who only calls does so faster in `ArrayTape`, which is compiled)
        is_worth_it = self.bytes <= MOST_BYTES and length > 2 * calls
        self.ready = is_worth_it and not self.replaces
        del self.values
        return tensors

    def ask(
        self, tensors: list[Any], call: Any, enabled: Any, parts: Any, out: Any, extra: Any
    ) -> None:
        """An optimizer's step and the like, on real tensors."""

        def asked(tensors: list[Any]) -> None:
            restore(self.outside)
            mode.enabled = enabled
            try:
                result = call(
                    *[built(p, tensors) for p in parts], **{n: built(p, tensors) for n, p in extra}
                )
            finally:
                mode.enabled = False
                self.outside = silence()
            if out is not None:
                tensors[out] = result
            if any([tensors[k].array is not self.objects[own] for own, k, *_ in self.captured]):
                self.take_again(tensors)

        asked(tensors)
        self.machine.call(asked, (self.tensors,), False, None)

    def take_again(self, tensors: list[Any]) -> None:
        """Take the arrays of tensors that have got others meanwhile, as by ``p.data = ...``."""
        self.replaces = True  # (who always does so is not worth a list)
        if not self.ready:
            for own, k, buffer, _ in self.captured:
                array = self.objects[own] = self.values[k] = self.places[k].array = tensors[k].array
                self.machine.point(buffer, array)
            return
        self.machine.take(tensors, self.captured)
        moved = {own for own, *_ in self.captured}
        for slot, base, way in self.shows:
            if base in moved:
                self.objects[slot] = self.machine.shown(self.objects[base], *way)

    def forward(self, kind: int, call: Any, slots: Any, parts: Any, out: Any, extra: Any) -> None:
        """An operation on arrays."""
        values = self.values
        parts = slots if parts is None else parts
        given = [built(p, values) for p in parts]
        outs = out if type(out) is tuple else (out,)
        if kind == FORWARD:
            result = call(*given)
            if type(result) is ndarray:
                things = [self.thing(p) for p in parts]
                place = None
                if _MOVING not in things:
                    place = self.apart(call, things, result)
                elif call in (cat, stack) and self.thing(parts[1]) is not _MOVING:
                    own = [self.places.get(k) for k in _slots(parts[0])]
                    if None not in own:
                        place = self.joined(lambda arrays: call(arrays, given[1]), own, result)
                if place is None:
                    place = self.view_of(result, parts)
                if place is not None:
                    return self.put(out, place)
            results = [result]
        elif kind == SPREAD:
            results = list(call(*given))
            shown = [self.view_of(r, parts) for r in results]
            if None not in shown:
                for k, place in zip(out, shown):
                    self.put(k, place)
                return None
        elif kind == BY_TENSORS:
            names, count, function = [n for n, _ in extra[1]], len(parts), call
            parts = (*parts, *[p for _, p in extra[1]])
            given = [built(p, values) for p in parts]

            def call(*args: Any) -> Any:
                named = dict(zip(names, args[count:]))
                result = function(*[wrapped(a) for a in args[:count]], **named)
                is_one = not isinstance(result, (tuple, list))
                return result.array if is_one else [r.array for r in result]

            found = call(*given)
            results = list(found) if type(out) is tuple else [found]
        else:
            keeps, kept = extra
            known = self.repeated(call, keeps, given, parts)
            if known is not None:
                results, self.values[kept], self.bases[kept] = known
                for k, result in zip(outs, results):
                    self.put(k, self.place_of(result, self.bases[kept]))
                return None
            found, *rest = call(keeps, *given)
            results = [*(found if type(out) is tuple else [found]), tuple(rest)]
            outs = (*outs, kept)
            whole = call

            def call(*args: Any) -> Any:
                found, *rest = whole(keeps, *args)
                return (*(found if type(out) is tuple else [found]), tuple(rest))

        flat, rebuilt = _flattened(parts, call)
        spread = kind != FORWARD and (type(out) is tuple or kind == IN_PARTS)
        places = self.call(
            rebuilt, [self.thing_or_slot(p) for p in flat], results if spread else results[0],
            spread,
        )  # fmt: skip
        for k, place, result in zip(outs, places if spread else [places], results):
            if isinstance(place, Place):
                self.put(k, place)
            else:
                self.others[k], values[k] = place, result
        return None

    def put(self, slot: int, place: Any) -> None:
        self.places[slot], self.values[slot] = place, place.array

    def thing(self, part: Any) -> Any:
        """For `apart`: the place of an array, or a constant; else `_MOVING`."""
        if type(part) is not int:
            things = [self.thing(p) for p in part[1]]
            is_fixed = not any([t is _MOVING or isinstance(t, Place) for t in things])
            return built(part, self.values) if is_fixed else _MOVING
        place = self.places.get(part)
        if place is not None:
            return place
        value = self.values[part]
        return _MOVING if part in self.others or isinstance(value, ndarray) else value

    def thing_or_slot(self, slot: int) -> Any:
        """For `call`: the place of an array, or the slot of an object."""
        place = self.places.get(slot)
        if place is not None:
            return place
        if slot not in self.others:
            self.others[slot] = self.object(self.values[slot])
        return self.others[slot]

    def view_of(self, result: Any, parts: Any) -> Place | None:
        """The place of what shows an argument (if which of its numbers is up to no other one)."""
        bases = [self.places[p] for p in parts if type(p) is int and p in self.places]
        moving = {s for p in parts for s in _slots(p) if s in self.places or s in self.others}
        if len(moving) > 1:
            return None
        try:
            return self.place_of(result, bases) if type(result) is ndarray else None
        except _Whole:
            return None

    # -- backward ------------------------------------------------------------------------------

    def walk_back(self, tensors: list[Any], count: int, root: Any, steps: Any, leaves: Any) -> None:
        """What `arrays._walk_back` does, on places."""
        total: list[Any] = [None] * count
        start, loss = root
        total[start] = self.fixed(np.ones_like(self.values[loss]))
        for op, of_outputs, wanted, saved, kept, places in steps:
            grads = [total[k] for k in of_outputs]
            if all([g is None for g in grads]):
                continue
            if kept >= 0:
                found = self.fused(op, wanted, kept, grads)
            elif type(op) in (Primitive, _Broadcast) and len(grads) == 1:
                found = self.rules(op, wanted, saved, grads[0])
            else:
                found = self.whole_rule(op, wanted, saved, grads)
            for k in of_outputs:
                total[k] = None
            for k, g in zip(places, found):
                if k >= 0 and g is not None:
                    total[k] = self.sum(total[k], g)
        known = [(total[k], slot) for k, slot in leaves if total[k] is not None]
        slots = [self.dense(g) for g, _ in known]
        ways = [  # (a sum hands the same gradient to several)
            (slot, place.is_new and sum([other is place for other in slots]) == 1)
            for (_, slot), place in zip(known, slots)
        ]

        def collect(tensors: list[Any], *arrays: Any) -> None:
            accumulate([
                (tensors[slot], g if is_new else np.array(g), True)
                for g, (slot, is_new) in zip(arrays, ways)
            ], False)  # fmt: skip

        collect(tensors, *[p.array for p in slots])
        self.machine.call(collect, (self.tensors, *[self.slot_of(p) for p in slots]), False, None)

    def sum(self, a: Any, b: Any) -> Any:
        """The sum of two gradients."""
        if a is None:
            return b
        if _is_number(a) or _is_number(b):
            values = [v.piece if isinstance(v, _Piece) else v.array for v in (a, b)]
            things = [v.slot if isinstance(v, _Piece) else v for v in (a, b)]
            return self.of_rule(lambda p, q: p + q, things, values[0] + values[1])
        if isinstance(b, _Piece):
            base = self.dense(a)
            added = lambda total, piece: piece.add_to(np.array(total))  # noqa: E731
            return self.call(added, [base, b.slot], added(base.array, b.piece))
        a = self.dense(a)
        result = a.array + b.array
        if isinstance(result, np.generic):
            return self.of_rule(lambda p, q: p + q, [a, b], result)
        try:
            out = self.fixed(result)
            self.add_loop(np.add, [a, b, out])
        except _Whole:
            return self.call(np.add, [a, b], result)
        return out

    def dense(self, g: Any) -> Place:
        """A gradient as an array: also of what is a piece, see `autograd.indexing.Placed`."""
        if _is_number(g):
            return self.call(np.asarray, [g.slot], np.asarray(g.piece))
        if not isinstance(g, _Piece):
            return g
        return self.call(lambda piece: piece.dense(), [g.slot], g.piece.dense())

    def rules(self, op: Any, wanted: Any, saved: Any, g: Any) -> list[Any]:
        """The gradients by the rules of an operation, each taken apart if that can be."""
        is_number = _is_number(g)  # (to which NumPy's functions, but no kernels, are applied)
        if not is_number:
            g = self.dense(g)
        own = g.piece if is_number else g.array
        shapes = built(saved[-1], self.values) if type(op) is _Broadcast else None
        found: list[Any] = []
        for k, (want, (rule, picks)) in enumerate(zip(wanted, op.calls)):
            if want is None:
                found.append(None)
                continue
            parts = [saved[j] for j in picks]
            result = rule(own, *[built(p, self.values) for p in parts])
            things = [self.thing(p) for p in parts]
            place: Any = None
            if _MOVING not in things and not is_number:
                place = self.apart(rule, [g, *things], result)
            if place is None and result is own:
                place = g
            if place is None:
                flat, rebuilt = _flattened((None, *parts), rule)
                given = [g.slot if is_number else g, *[self.thing_or_slot(p) for p in flat]]
                place = self.of_rule(rebuilt, given, result)
            if shapes is not None and type(result) is ndarray and result.shape != shapes[k]:
                shape = shapes[k]
                summed = sum_to(result, shape)
                place = self.of_rule(
                    lambda d, shape=shape: sum_to(d, shape), [self.dense(place)], summed
                )
            found.append(place)
        return found

    def of_rule(self, function: Any, given: list[Any], result: Any) -> Any:
        place = self.call(function, given, result)
        return place if isinstance(place, Place) or result is None else _Piece(place, result)

    def whole_rule(self, op: Any, wanted: Any, saved: Any, grads: list[Any]) -> list[Any]:
        """The gradients of an operation that has no rule for each argument."""
        flat, rebuilt = _flattened(saved, lambda *values: list(values))
        there = [k for k, g in enumerate(grads) if g is not None]
        count, outputs = len(flat), len(grads)

        def back(*given: Any) -> Any:
            own: list[Any] = [None] * outputs
            for k, g in zip(there, given[count:]):
                own[k] = np.array(g, order="C") if op.writes_gradient else g
            return op.vjp(Node(op, wanted, rebuilt(*given[:count])), wanted, own, False)

        things = [self.thing_or_slot(p) for p in flat]
        arrays = [t.array if isinstance(t, Place) else self.objects[t] for t in things]
        totals = [self.dense(grads[k]) for k in there]
        results = list(back(*arrays, *[p.array for p in totals]))
        if isinstance(op, _Cut):  # which puts gradients side by side
            place = self.joined(lambda pieces: back(*arrays, *pieces)[0], totals, results[0])
            if place is not None:
                return [place]
        if isinstance(op, _Join):  # and the other way round
            try:
                return [None if r is None else self.place_of(r, totals) for r in results]
            except _Whole:
                pass
        return self.gradients(op, back, [*things, *totals], results)

    def fused(self, op: Any, wanted: Any, kept: int, grads: list[Any]) -> list[Any]:
        """The gradients of a kernel."""
        there = [k for k, g in enumerate(grads) if g is not None]
        outputs = len(grads)

        def back(kept: Any, *given: Any) -> Any:
            own: list[Any] = [None] * outputs
            for k, g in zip(there, given):
                own[k] = g
            arrays, options, rest = kept
            return op.kernel_vjp(own, wanted, arrays, options, rest)

        if kept in self.bases:
            places = self.repeated_back(op, wanted, kept, grads)
            if places is not None:
                return places
            arrays, options, own = self.values[kept]
            inputs = [None if a is None else self.place_of(a, self.bases[kept]) for a in arrays]
            given = [p for p in inputs if p is not None]

            def joined(*given: Any) -> Any:
                rest = iter(given)
                return [None if p is None else next(rest) for p in inputs], options, own

            self.others[kept] = self.call(joined, given, (arrays, options, own))
        totals = [self.dense(grads[k]) for k in there]
        results = list(back(self.values[kept], *[p.array for p in totals]))
        return self.gradients(op, back, [self.others[kept], *totals], results)

    def gradients(self, op: Any, function: Any, given: list[Any], results: list[Any]) -> list[Any]:
        places = self.call(function, given, results, True)
        for p, r in zip(places, results):
            if isinstance(p, Place) and op.gives_new:
                p.is_new = sum([other is r for other in results]) == 1 and r.base is None
        return [
            None if r is None else p if isinstance(p, Place) else _Piece(p, r)
            for p, r in zip(places, results)
        ]


class _Piece:
    """A gradient in a slot that is no array, but a `Placed`, or a number of NumPy's."""

    def __init__(self, slot: int, piece: Any) -> None:
        self.slot, self.piece = slot, piece


def _is_number(g: Any) -> bool:
    return isinstance(g, _Piece) and isinstance(g.piece, np.generic)


def _flattened(parts: Any, call: Any) -> tuple[list[int], Any]:
    """The slots in arguments, and `call` as a function of what is in these."""
    flat = [slot for part in parts for slot in _slots(part)]
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
    """`player.built` of values that come in the order of `_slots`."""
    if type(part) is int:
        return next(values)
    kind, parts = part
    things = [_in_order(p, values) for p in parts]
    return things if kind is list else tuple(things) if kind is tuple else kind(*things)


def _slots(part: Any) -> list[int]:
    if type(part) is int:
        return [part]
    return [] if part is None else [slot for p in part[1] for slot in _slots(p)]


def _listed(results: Any) -> list[Any]:
    return list(results) if isinstance(results, (tuple, list)) else [results]


def _root(array: Any) -> Any:
    """The array whose memory another one shows."""
    return array if array.base is None else array.base


def _arrays_in(thing: Any) -> list[Any]:
    """All arrays in a tuple or list, and in those in it; not what shows them."""
    if type(thing) is ndarray:
        return [_root(thing)] if thing.size else []
    return [a for t in thing for a in _arrays_in(t)] if type(thing) in (tuple, list) else []


def _address(array: Any) -> int:
    return int(array.__array_interface__["data"][0])


def _same_array(a: Any, b: Any) -> bool:
    return (
        a.shape == b.shape and a.dtype == b.dtype and a.strides == b.strides
        and a.tobytes() == b.tobytes()
    )  # fmt: skip


def _distances(a: Any) -> tuple[int, int]:
    """Of a matrix, or the vector that is added to its rows: in numbers (see `product.pyx`)."""
    steps = [1 if n == 1 else s // a.itemsize for n, s in zip(a.shape, a.strides)]
    return (steps[0], steps[1]) if len(steps) == 2 else (1, 1)


def _rows_of(arrays: list[Any]) -> tuple[int, int, list[tuple[int, int]]]:
    """How many rows of how many numbers, and the distances of each array; else `_Whole`."""
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
        raise _Whole("more than two axes")
    axes += [(1, [0] * len(arrays))] * (2 - len(axes))
    (n, steps), (rows, distances) = axes
    return rows, n, list(zip(distances, steps))
