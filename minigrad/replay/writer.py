"""`Writer`: instructions for the machine of `_kernels/tape.pyx`, and the memory that they work on.

An operation, or the rule of a gradient, is taken apart by running it on arrays that note what is
asked of them (`Noted`). If it asks for anything else, or what was noted does not give the very same
numbers, it stays whole. Kernels of recurrences and losses are prepared once, and called again.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from .. import _kernels
from .arrays import ArrayTape
from .laid_out import address_of, distances, rows_of, same_array
from .noted import Noted, Place, Whole, bare

ndarray = np.ndarray
SMALL_PRODUCT = 1_000_000  # multiply-adds, from which on threads may share them
# NumPy's functions that give the same bits whichever way a loop goes over the numbers.
EXACT = frozenset([
    np.add, np.subtract, np.multiply, np.divide, np.negative, np.positive, np.absolute, np.square,
    np.sqrt, np.maximum, np.minimum, np.sign, np.less, np.less_equal, np.greater,
    np.greater_equal, np.equal, np.not_equal, np.logical_and, np.logical_or, np.logical_not,
    np.floor, np.ceil, np.trunc, np.rint, np.isnan, np.isfinite,
])  # fmt: skip


class Repeated:
    """A kernel whose calls are only prepared, to be made again and again by the machine."""

    def __init__(self, kernel: Any) -> None:
        self.kernel, self.call = kernel, None

    def forward(self, *arguments: Any) -> Any:
        """Of a recurrence; without `batch_sizes`."""
        *arrays, batch_sizes, reverse, keep, ends = arguments
        if batch_sizes is not None:
            raise Whole("ragged")
        self.call, results = self.kernel.forward_again(*arrays, reverse, keep, ends)
        return results

    def backward(self, *arguments: Any) -> Any:
        """The same."""
        arrays, (batch_sizes, reverse, *needs) = arguments[:13], arguments[13:]
        if batch_sizes is not None:
            raise Whole("ragged")
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


class Writer:
    """The list, and the memory that its instructions work on.

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

    # -- places --------------------------------------------------------------------------------

    def object(self, thing: Any) -> int:
        """A slot for an object."""
        self.objects.append(thing)
        return len(self.objects) - 1

    def fixed(self, like: Any) -> Place:
        """Memory that is kept, with the numbers and the layout of an array."""
        array = np.empty_like(like)
        if array.strides != like.strides or not like.size:
            raise Whole("gaps")
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
        """Of an array that shows the memory of a base; else `Whole`.

        (Two arguments may show the same memory now, and other memory in another run.)
        """
        found = [b for b in bases if array.size and np.may_share_memory(array, b.array)]
        if len({b.buffer for b in found}) != 1:
            raise Whole("a copy")
        return self.shown(array, found[0])

    def shown(self, array: Any, base: Place) -> Place:
        offset = base.offset + address_of(array) - address_of(base.array)
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
                raise Whole("unseen")
            return thing.place
        if type(thing) not in (int, float):
            raise Whole("an array from elsewhere")
        return self.fixed(np.asarray(thing, like))

    def loop(self, function: Any, inputs: tuple[Any, ...]) -> Any:
        """A function of NumPy's, as its loop."""
        result = np.asarray(function(*[bare(v) for v in inputs]))
        kinds = {v.dtype for v in inputs if type(v) is Noted}
        if len(kinds) != 1:
            raise Whole(function.__name__)
        kind = next(iter(kinds))
        operands = [self.operand(v, kind) for v in inputs]
        out = self.fixed(result)
        self.add_loop(function, [*operands, out])
        return self.noted(out)

    def add_loop(self, function: Any, places: list[Place]) -> None:
        rows, n, steps = rows_of([p.array for p in places])
        dense = all([s == p.array.itemsize for p, (_, s) in zip(places, steps)])
        if not dense and function not in EXACT:
            raise Whole(function.__name__)
        types = "".join([p.array.dtype.char for p in places])
        operands = tuple([(p.buffer, p.offset, *s) for p, s in zip(places, steps)])
        numbers = bytes([np.dtype(t).num for t in types])
        if not self.machine.loop(function, numbers, operands, rows, n):
            raise Whole(function.__name__)

    def kernel(self, name: str, call: Any, arguments: tuple[Any, ...]) -> Any:
        """A kernel of minigrad's: a product, or a function of `entrywise`."""
        arrays: list[Any] = [a for a in arguments if isinstance(a, ndarray)]
        if not all([type(a) is Noted and a.place is not None for a in arrays]):
            raise Whole(name)
        result = call(*[bare(a) for a in arguments])
        if type(result) is not ndarray or len({a.dtype for a in (*arrays, result)}) != 1:
            raise Whole(name)
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
            raise Whole(name)
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
            raise Whole(name)
        out = self.fixed(result)
        operands = [(p.buffer, p.offset, *distances(p.array)) for p in (a, b, *added, out)]
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
        except Whole:
            noted = None
        except Exception:
            noted = None
        place = noted.place if type(noted) is Noted else None
        return self.proved(mark, place, result)

    def proved(self, mark: Any, place: Any, result: Any) -> Place | None:
        """A place, if what was written down for it since `mark` gives the same bits; or None."""
        if place is not None:
            self.machine.run(mark[0])
            if same_array(place.array, result):
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
                raise Whole("another shape")
            for p, own in zip(places, numbered):
                found = np.nonzero((seen >= own.flat[0]) & (seen <= own.flat[-1]))
                box = tuple([slice(k.min(), k.max() + 1) for k in found])
                part = out.array[box].reshape(own.shape)
                if not np.array_equal(seen[box].reshape(own.shape), own):
                    raise Whole("not side by side")
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
