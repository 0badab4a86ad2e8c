"""`Writer`: from the lists of several recordings to the nodes of one ONNX graph.

The recordings differ in the sizes of the free axes. The writer walks through all of them side by
side: an operand or an option is written as it is where all agree, and as an expression of sizes,
which the graph computes from the shapes of its inputs, where they do not (see `sizes`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..plans.traced import Instruction, Refused, Value
from .extras import needed
from .sizes import Scaled, Size, fit, fit_float, is_whole

__all__ = ["Operand", "Writer"]

ndarray = np.ndarray


class Operand:
    """A value of the graph.

    Attributes
    ----------
    name : str
    shape : tuple of int or Size
    dtype : numpy.dtype
    array : ndarray, optional
        Of a constant or a parameter.
    """

    def __init__(self, name: str, shape: Any, dtype: Any, array: Any = None) -> None:
        self.name, self.shape, self.dtype, self.array = name, tuple(shape), np.dtype(dtype), array

    @property
    def rank(self) -> int:
        """How many axes it has."""
        return len(self.shape)


class Writer:
    """Writes nodes.

    Parameters
    ----------
    settings : list of dict of str to int
        The size of each free axis in each recording.
    places : dict of str to (str, int)
        For each free axis the input and the axis where its size is found.
    opset : int
    """

    def __init__(
        self, settings: Sequence[dict[str, int]], places: dict[str, tuple[str, int]], opset: int
    ) -> None:
        self.settings, self.places, self.opset = settings, places, opset
        self.nodes: list[Any] = []
        self.of_sizes: list[Any] = []  # nodes that compute sizes, before all others
        self.initializers: dict[str, ndarray] = {}
        self.operands: dict[int, Operand] = {}  # by the id of the first recording's value
        self.partners: dict[int, tuple[int, ...]] = {}  # the ids of all recordings' values
        self.known: dict[Any, Operand] = {}
        self.used: set[str] = set()
        self.line = ""
        self.helper = needed("onnx.helper")

    # -- names, nodes, constants -----------------------------------------------------------------

    def fresh_name(self, name: str) -> str:
        """A name that no other value has."""
        found, k = name, 0
        while found in self.used:
            k += 1
            found = f"{name}_{k}"
        self.used.add(found)
        return found

    def node(self, op: str, inputs: Sequence[Any], outputs: int = 1, **attributes: Any) -> Any:
        """Write a node; the name of its output, or those of several."""
        names = [self.fresh_name(f"{op.lower()}_{k}" if k else op.lower()) for k in range(outputs)]
        given = [i.name if isinstance(i, Operand) else i for i in inputs]
        label = self.fresh_name(f"/{op}")
        self.nodes.append(self.helper.make_node(op, given, names, name=label, **attributes))
        return names[0] if outputs == 1 else names

    def info(self, operand: Operand, shape: Sequence[Any]) -> Any:
        """The type of an operand, with its shape as a reader of the file shall see it."""
        kind = self.helper.np_dtype_to_tensor_dtype(operand.dtype)
        return self.helper.make_tensor_value_info(operand.name, kind, shape)

    def constant(self, array: Any, name: str = "constant") -> Operand:
        """A constant, written once for all that use the same."""
        array = np.asarray(array)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self.known:
            label = self.fresh_name(name)
            self.initializers[label] = np.ascontiguousarray(array).reshape(array.shape)
            self.known[key] = Operand(label, array.shape, array.dtype, array)
        return self.known[key]

    def numbers(self, values: Sequence[int]) -> Operand:
        """A constant vector of whole numbers."""
        return self.constant(np.array(values, np.int64).reshape(len(values)))

    def refuse(self, why: str) -> Any:
        """Raise: this cannot be written."""
        raise Refused(f"{why}{f' ({self.line})' if self.line else ''}")

    # -- sizes -----------------------------------------------------------------------------------

    def fitted(self, values: Sequence[Any]) -> Any:
        """An option of all recordings: as it is, with sizes where whole numbers differ."""
        first = values[0]
        if isinstance(first, (tuple, list)) and not hasattr(first, "_fields"):
            if len({len(v) for v in values}) != 1:
                self.refuse("an option has another length for another size of the input")
            return tuple([self.fitted(v) for v in zip(*values)])
        if all([is_whole(v) for v in values]):
            found = fit(values, self.settings)
            if found is None:
                self.refuse(self._depends(values))
            return found
        if any([type(v) is not type(first) or v != first for v in values]):
            self.refuse(f"an option changes with the size of the input: {first!r}, {values[1]!r}")
        return first

    def _depends(self, values: Sequence[Any]) -> str:
        sizes = ", ".join([str(s) for s in self.settings])
        return (
            f"a number depends on sizes of free axes in a way that cannot be written: "
            f"{list(values)} for {sizes}"
        )

    def size(self, size: int | Size) -> Operand:
        """A size as a vector of one number."""
        if not isinstance(size, Size):
            return self.numbers([size])
        if size not in self.known:
            main, self.nodes = self.nodes, self.of_sizes
            try:
                name: Any = None
                for axis in size.axes:
                    inner = isinstance(axis, Size)
                    one = self.size(axis).name if inner else self._size_of_axis(axis)
                    op = "Add" if size.is_sum else "Mul"
                    name = one if name is None else self.node(op, [name, one])
                for op, number, nothing in (
                    ("Mul", size.factor, 1), ("Add", size.shift, 0), ("Div", size.divisor, 1),
                    ("Add", size.offset, 0),
                ):  # fmt: skip
                    if number != nothing:
                        name = self.node(op, [name, self.numbers([number])])
            finally:
                self.nodes = main
            self.known[size] = Operand(name, (1,), np.int64)
        return self.known[size]

    def _size_of_axis(self, axis: str) -> str:
        key = ("axis", axis)
        if key not in self.known:
            name, place = self.places[axis]
            shape = self.node("Shape", [name])
            found = self.node("Gather", [shape, self.numbers([place])], axis=0)
            self.known[key] = Operand(found, (1,), np.int64)
        return self.known[key].name

    def vector(self, sizes: Sequence[Any]) -> Operand:
        """Several sizes as a vector."""
        if not any([isinstance(s, Size) for s in sizes]):
            return self.numbers(sizes)
        name = self.node("Concat", [self.size(s) for s in sizes], axis=0)
        return Operand(name, (len(sizes),), np.int64)

    # -- operands --------------------------------------------------------------------------------

    def take(self, values: Sequence[Value]) -> Operand:
        """What stands for a value, one of each recording."""
        known = self.operands.get(id(values[0]))
        if known is not None:
            if self.partners[id(values[0])] != tuple([id(v) for v in values]):
                self.refuse("another size of the input takes another way")
            return known
        if any([v.constant is None for v in values]):
            self.refuse("another size of the input takes another way")
        return self.varying([np.asarray(v.constant) for v in values])

    def give(self, values: Sequence[Value], operand: Operand) -> None:
        """Say what stands for a value from now on."""
        self.operands[id(values[0])] = operand
        self.partners[id(values[0])] = tuple([id(v) for v in values])

    def shape_of(self, values: Sequence[Value]) -> tuple[Any, ...]:
        """A shape, with sizes."""
        return self.fitted([tuple(v.shape) for v in values])

    def varying(self, arrays: Sequence[ndarray]) -> Operand:
        """A constant, if it is one, or what gives the arrays for the sizes of the recordings."""
        first = arrays[0]
        if any([a.dtype != first.dtype or a.ndim != first.ndim for a in arrays]):
            self.refuse("a constant changes its type or its axes")
        if all([a.shape == first.shape and _same(a, first) for a in arrays]):
            return self.constant(first)
        shape = self.fitted([a.shape for a in arrays])
        if first.ndim:
            arrays = [_narrowed(a) for a in arrays]
            if len({tuple([n == 1 for n in a.shape]) for a in arrays}) != 1:
                self.refuse("a tensor made in forward depends on sizes in an unknown way")
        core = self.fitted([a.shape for a in arrays])
        free = [k for k, n in enumerate(core) if isinstance(n, Size)]
        if all([a.size == 1 for a in arrays]):
            operand = self.number([a.reshape(()).item() for a in arrays], first.dtype)
        elif all([a.shape == arrays[0].shape and _same(a, arrays[0]) for a in arrays]):
            operand = self.constant(arrays[0])
        elif len(free) == 1 and max(arrays[0].shape) == arrays[0].size:
            operand = self._steps(arrays, core, free[0])
        elif len(free) == 2 and sorted(free) == free and _is_flat(arrays[0], free):
            operand = self._triangle(arrays, core, free)
        else:
            self.refuse(
                "a tensor that is made in forward, or comes from outside of the model, depends on "
                "the size or on the values of the input; register it as a buffer, or make it from "
                "the input by operations"
            )
        if operand.shape != shape:
            operand = self.expanded(operand, shape)
        return operand

    def number(self, values: Sequence[Any], dtype: Any) -> Operand:
        """A number that depends on sizes."""
        if np.dtype(dtype).kind in "iu":
            found = fit(values, self.settings)
            if found is None:
                return self.refuse(self._depends(values))
            return self.cast(self.scalar(self.size(found)), dtype)
        scaled = fit_float(values, self.settings)
        if scaled is None:
            self.refuse(self._depends(values))
        if not isinstance(scaled, Scaled):
            return self.constant(np.asarray(scaled, dtype))
        x = self.cast(self.scalar(self.size(scaled.size)), dtype)
        if abs(scaled.power) == 0.5:
            x = Operand(self.node("Sqrt", [x]), (), dtype)
        factor = self.constant(np.asarray(scaled.factor, dtype))
        name = self.node(*(("Div", [factor, x]) if scaled.power < 0 else ("Mul", [x, factor])))
        return Operand(name, (), dtype)

    def scalar(self, vector: Operand) -> Operand:
        """A vector of one number as a number."""
        if vector.array is not None:
            return self.constant(vector.array.reshape(()))
        return Operand(self.node("Squeeze", [vector, self.numbers([0])]), (), vector.dtype)

    def arange(self, size: Any) -> Operand:
        """The whole numbers below a size."""
        if not isinstance(size, Size):
            return self.constant(np.arange(size))
        zero, one = self.constant(np.asarray(0)), self.constant(np.asarray(1))
        stop = self.scalar(self.size(size))
        return Operand(self.node("Range", [zero, stop, one]), (size,), np.int64)

    def _steps(self, arrays: Sequence[ndarray], shape: Any, axis: int) -> Operand:
        """``start + step k`` along an axis."""
        lines = [a.reshape(-1) for a in arrays]
        dtype, line = lines[0].dtype, max(lines, key=len)
        numbers = line.astype(float)
        step = numbers[1] - numbers[0]
        for own in lines:
            wanted = numbers[0] + step * np.arange(len(own))
            if dtype.kind == "b" or not np.allclose(own, wanted, rtol=1e-6, atol=1e-7):
                self.refuse("a tensor made in forward depends on a size in an unknown way")
        x = self.cast(self.arange(shape[axis]), dtype)
        for op, number, nothing in (("Mul", step, 1), ("Add", numbers[0], 0)):
            if number != nothing:
                name = self.node(op, [x, self.constant(np.asarray(number, dtype))])
                x = Operand(name, x.shape, dtype)
        return self.reshaped(x, shape)

    def _triangle(self, arrays: Sequence[ndarray], shape: Any, axes: Sequence[int]) -> Operand:
        """One number where column - row >= k, another elsewhere; or the same of a diagonal."""
        squares = [a.reshape(a.shape[axes[0]], a.shape[axes[1]]) for a in arrays]
        seen = np.unique(squares[0])
        if len(seen) == 2:
            low = squares[0][-1, 0]
            high = seen[1] if _same(np.asarray(seen[0]), np.asarray(low)) else seen[0]
            i, j = self.arange(shape[axes[0]]), self.arange(shape[axes[1]])
            column = self.reshaped(i, (shape[axes[0]], 1))
            gap = self.node("Sub", [j, column])
            for op, test in (("GreaterOrEqual", np.greater_equal), ("Equal", np.equal)):
                for k in range(-3, 4):
                    if all([_same(np.where(test(_gaps(s), k), high, low), s) for s in squares]):
                        mask = self.node(op, [gap, self.constant(np.asarray(k))])
                        dtype = squares[0].dtype
                        two = (shape[axes[0]], shape[axes[1]])
                        if dtype.kind == "b":
                            name = mask if high else self.node("Not", [mask])
                        else:
                            ends = [self.constant(np.asarray(v, dtype)) for v in (high, low)]
                            name = self.node("Where", [mask, *ends])
                        return self.reshaped(Operand(name, two, dtype), shape)
        return self.refuse("a tensor made in forward depends on sizes in an unknown way")

    # -- what many entries need ------------------------------------------------------------------

    def cast(self, x: Operand, dtype: Any) -> Operand:
        """In another type."""
        dtype = np.dtype(dtype)
        if x.dtype == dtype:
            return x
        if x.array is not None and x.array.size <= 16:
            return self.constant(x.array.astype(dtype))
        to = self.helper.np_dtype_to_tensor_dtype(dtype)
        return Operand(self.node("Cast", [x], to=to), x.shape, dtype)

    def reshaped(self, x: Operand, shape: Any) -> Operand:
        """In another shape."""
        shape = tuple(shape)
        if x.shape == shape:
            return x
        form: list[Any] = [
            0 if k < x.rank and isinstance(n, Size) and x.shape[k] == n else n
            for k, n in enumerate(shape)
        ]
        open_ = [k for k, n in enumerate(form) if isinstance(n, Size)]
        if len(open_) == 1 and 0 not in shape:
            form[open_[0]] = -1
        return Operand(self.node("Reshape", [x, self.vector(form)]), shape, x.dtype)

    def expanded(self, x: Operand, shape: Any) -> Operand:
        """Repeated along axes of size 1."""
        if x.shape == tuple(shape):
            return x
        return Operand(self.node("Expand", [x, self.vector(shape)]), shape, x.dtype)

    def transposed(self, x: Operand, order: Sequence[int]) -> Operand:
        """With its axes in another order."""
        if list(order) == list(range(x.rank)):
            return x
        name = self.node("Transpose", [x], perm=list(order))
        return Operand(name, [x.shape[k] for k in order], x.dtype)

    def reduced(self, op: str, x: Operand, axes: Sequence[int], keepdims: bool) -> str:
        """The name of what a reduction gives."""
        if op == "ReduceSum" or self.opset >= 18:
            return self.node(op, [x, self.numbers(axes)], keepdims=int(keepdims))
        return self.node(op, [x], axes=list(axes), keepdims=int(keepdims))

    # -- a whole list ----------------------------------------------------------------------------

    def write(self, lists: Sequence[Sequence[Instruction]], table: dict[str, Any]) -> Any:
        """Write the nodes of a list, one of each recording."""
        if len({len(own) for own in lists}) != 1:
            self.refuse(
                "the number of operations depends on the size of the input: is there a loop over "
                "a free axis? A layer of minigrad.nn, or nn.Recurrent with a cell of your own, "
                "runs over time as one operation"
            )
        for entries in zip(*lists):
            first = entries[0]
            self.line = first.line
            if any([e.op != first.op or len(e.inputs) != len(first.inputs) for e in entries]):
                self.refuse("another size of the input takes another way")
            write = table.get(first.op)
            if write is None:
                return self.refuse(f"there is no form in ONNX for {first.op.removeprefix('np.')}")
            write(self, entries)
        self.line = ""
        return None


def _same(a: ndarray, b: ndarray) -> bool:
    return np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def _narrowed(array: ndarray) -> ndarray:
    """Without repetitions: 1 for each axis along which all entries are the same."""
    for axis in range(array.ndim):
        one = array.take([0], axis) if array.shape[axis] else array
        if array.shape[axis] > 1 and _same(np.broadcast_to(one, array.shape), array):
            array = one
    return array


def _is_flat(array: ndarray, axes: Sequence[int]) -> bool:
    return array.size == array.shape[axes[0]] * array.shape[axes[1]]


def _gaps(square: ndarray) -> ndarray:
    rows, columns = square.shape
    return np.arange(columns) - np.arange(rows)[:, None]
