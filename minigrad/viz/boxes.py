"""The graph of a tensor as boxes: operations, leaves, calls of modules, loops.

`boxes_of` gathers the nodes behind a tensor, oldest first; joins those of a module's call into one
box, where `recording` has noted which they are; finds loops (see `folding`) and keeps their last
step; and says in words what is known of each box. Nothing is computed, and nothing is changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..autograd.engine import Node, Output
from ..autograd.primitive import Primitive
from ..autograd.tensor_base import TensorBase
from ..nn.module import Module
from ..nn.parameter import Parameter
from ..ops.fused import Fused
from ..ops.makers import _Broadcast
from ..recurrences.recurrence import Recurrence
from .folding import PARAMETER, Run, Source, runs
from .recordings import Call, Numbers, note_of

__all__ = ["Arrow", "Box", "Picture", "boxes_of"]

MOST = 20_000  # operations that are looked at
OUTPUTS, PARAMETERS = 4, 12  # that are listed in a box
# Whose input has the shape of the output, as far as they keep nothing that says so.
ENTRYWISE = (
    "abs", "clone", "cos", "dropout", "exp", "gelu", "leaky_relu", "log", "log_softmax", "neg",
    "relu", "sigmoid", "silu", "sin", "softmax", "softplus", "sqrt", "square", "tanh",
)  # fmt: skip
Edge = tuple[Any, int]  # of the engine: a node and the number of its output, or a leaf and 0


@dataclass
class Box:
    """What is drawn as one: `kind` is "operation", "module", "leaf" or "more"."""

    kind: str
    title: str
    lines: list[str] = field(default_factory=list)
    loop: int | None = None  # which of the picture's loops it is in
    is_result: bool = False


@dataclass
class Arrow:
    """From one box to another, by their numbers."""

    source: int
    target: int
    label: str = ""
    back: bool = False  # from a step of a loop to the next


@dataclass
class Picture:
    """Boxes in the order in which they were computed, arrows between them, and loops."""

    boxes: list[Box]
    arrows: list[Arrow]
    loops: list[str]
    caption: str


def boxes_of(tensor: Any, names: Any, depth: int, fold: bool, limit: int) -> Picture:
    """See `minigrad.viz.graph`, which checks the arguments."""
    known = _Known(tensor, names)
    units = _units(known.nodes, list(known.calls), depth)
    hidden = max(0, len(units) - MOST)
    units = units[hidden:]
    return _Drawing(known, units, fold).picture(limit, hidden)


# ------------------------------------------------------------------------------------------------
# What is known of the nodes
# ------------------------------------------------------------------------------------------------


def _behind(tensor: Any) -> list[Any]:
    """The nodes that led to a tensor, the oldest first."""
    found: dict[Any, None] = {tensor.edge[0]: None}
    ahead = list(found)
    while ahead:
        for edge in ahead.pop().edges:
            if edge is not None and type(edge[0]) is Node and edge[0] not in found:
                found[edge[0]] = None
                ahead.append(edge[0])
    return sorted(found, key=lambda node: node.number)


class _Known:
    """All that can be found out about the nodes behind a tensor.

    Attributes
    ----------
    nodes : list of Node
    numbers : dict
        For an edge its `Numbers`: from the tensor itself, those that are named, and what was noted
        while it was computed.
    arrays : dict
        For an edge what nodes have saved, unless it was changed since.
    shapes : dict
        For an edge its shape, if only that is known.
    gradients : dict
        For an edge the `Numbers` of its gradient.
    names : dict
        For an edge its name.
    """

    def __init__(self, tensor: Any, names: Any) -> None:
        self.root: Edge = tensor.edge
        self.nodes = _behind(tensor)
        self.numbers: dict[Edge, Numbers] = {}
        self.arrays: dict[Edge, Any] = {}
        self.shapes: dict[Edge, tuple[int, ...]] = {}
        self.gradients: dict[Edge, Numbers] = {}
        self.names = {edge: name for name, edge in _named(names)}
        self.calls: dict[Call, None] = {}
        self.shapes[self.root] = tensor.array.shape
        for node in self.nodes:
            self._saved(node)
            self._noted(node)
        for node in reversed(self.nodes):
            self._broadcast(node)
        for named in [tensor, *[t for _, t in _tensors(names)]]:
            if named.edge is not None:
                self.numbers[named.edge] = Numbers(named.array)
                if named._retains_grad and named._grad is not None:
                    self.gradients[named.edge] = Numbers(named._grad.array)
        for call in self.calls:
            if call.outer is None:
                for name, parameter in call.module.named_parameters():
                    self.names.setdefault((parameter, 0), name)

    def _saved(self, node: Any) -> None:
        """What a node keeps for its gradient rules: arguments, outputs, shapes."""
        op, saved = node.op, node.saved
        if saved is None:
            return
        if isinstance(op, Primitive):
            for value, (kind, k) in zip(saved, op.sources):
                edge = (node, 0) if kind == "output" else self._edge(node, k)
                if edge is not None and kind == "shape" and isinstance(value, tuple):
                    self.shapes[edge] = value
                elif edge is not None and isinstance(value, TensorBase):
                    self._keep(edge, node, value, value.array)
        elif isinstance(op, Fused) and saved:
            inputs, arrays = saved[0][:2]
            for k, (value, array) in enumerate(zip(inputs, arrays)):
                edge = self._edge(node, k)
                if edge is not None and isinstance(value, TensorBase):
                    self._keep(edge, node, value, array)
            if type(saved[-1]) is Output:
                self._keep((node, 0), node, saved[-1], saved[-1].array)

    @staticmethod
    def _edge(node: Any, k: int) -> Edge | None:
        edge: Edge | None = node.edges[k] if k < len(node.edges) else None
        return edge if edge is not None and type(edge[0]) is Node else None

    def _keep(self, edge: Edge, node: Any, value: Any, array: Any) -> None:
        self.shapes[edge] = array.shape
        if value.version.last <= node.number:
            self.arrays[edge] = array

    def _broadcast(self, node: Any) -> None:
        """The shapes of what was broadcast, or was not: then it has the shape of the output."""
        if node.op.name in ENTRYWISE:
            edge = self._edge(node, 0)
            if edge is not None and (node, 0) in self.shapes:
                self.shapes.setdefault(edge, self.shapes[node, 0])
        elif isinstance(node.op, _Broadcast) and node.saved is not None:
            shapes = node.saved[-1] or [self.shapes.get((node, 0))] * len(node.edges)
            for k, shape in enumerate(shapes):
                edge = self._edge(node, k)
                if edge is not None and shape is not None:
                    self.shapes.setdefault(edge, tuple(shape))

    def _noted(self, node: Any) -> None:
        """What a recording has noted, and what a tensor further on has retained."""
        note = note_of(node)
        if note is not None:
            self.calls.update(dict.fromkeys(note.calls))
            for output, numbers in note.outputs.items():
                self.numbers[node, output] = numbers
            for output, numbers in note.gradients.items():
                self.gradients[node, output] = numbers
        if node._hooks is not None:
            for output, reference in node._hooks.retained.items():
                kept = reference()
                if kept is not None and kept.edge == (node, output) and kept._grad is not None:
                    self.gradients[node, output] = Numbers(kept._grad.array)

    def lines(self, edge: Edge) -> list[str]:
        """What is said of an output: its shape, its numbers, its gradient."""
        numbers, shape = self.numbers.get(edge), self.shapes.get(edge)
        if numbers is None and edge in self.arrays:
            numbers = Numbers(self.arrays[edge])
        said = []
        if numbers is not None:
            said = [_shape(numbers.shape), numbers.text]
        elif shape is not None:
            said = [_shape(shape)]
        known = self.gradients.get(edge)
        if known is not None:
            said.append(_gradient(known))
        return [line for line in said if line]

    def caption(self) -> str:
        """Whether `backward` has been here, as far as one can see."""
        leaves = {e[0] for node in self.nodes for e in node.edges if e and type(e[0]) is not Node}
        filled = sum([leaf._grad is not None for leaf in leaves])
        freed = any([node.saved is None for node in self.nodes])
        note = note_of(self.root[0])
        ran = freed or bool(note is not None and note.gradients)
        if not ran and not filled:
            return "before backward(): gradients are not there yet"
        if not ran and note is not None:
            return "before backward(): the gradients of leaves are those of an earlier one"
        if not ran:
            return (
                "nothing was freed: gradients are earlier ones, or of backward(retain_graph=True)"
            )
        said = "after backward()" + (", which has freed what operations had saved" if freed else "")
        if not filled:
            return said + "; no leaf has a .grad"
        return said + (
            f"; {filled} of {len(leaves)} leaves have a .grad" if filled < len(leaves) else ""
        )


def _tensors(names: Any) -> Iterator[tuple[str, Any]]:
    """Tensors by name, from a module, or from a mapping of names to tensors and modules."""
    if isinstance(names, Module):
        yield from names.named_parameters()
    elif isinstance(names, Mapping):
        for name, value in names.items():
            if isinstance(value, Module):
                for path, parameter in value.named_parameters():
                    yield f"{name}.{path}", parameter
            else:
                yield name, value


def _named(names: Any) -> Iterator[tuple[str, Edge]]:
    """The edges of those."""
    for name, tensor in _tensors(names):
        yield name, tensor.edge or (tensor, 0)


def _shape(shape: tuple[int, ...]) -> str:
    return f"shape {tuple(shape)}" if shape else ""


def _gradient(numbers: Numbers) -> str:
    one = numbers.shape in ((), (1,))
    return f"grad {numbers.text}" if one else f"norm of grad {numbers.size}"


def title_of(node: Any) -> str:
    """The name of an operation, as people know it."""
    name = node.op.name
    if name.startswith("sequence"):
        options = node.saved[0][3] if node.saved else ()
        known = [o.name for o in options if isinstance(o, Recurrence)] or [
            name.removeprefix("sequence.") if name == "sequence.lstm" else "recurrence"
        ]
        return f"{known[0]} over a sequence"
    return str(name.partition(".")[0])


# ------------------------------------------------------------------------------------------------
# Units: single operations, and calls of modules
# ------------------------------------------------------------------------------------------------


class _Unit:
    """What becomes one box: a node, or all nodes of a module's call."""

    def __init__(self, call: Call | None) -> None:
        self.call = call
        self.nodes: list[Any] = []

    def parameters(self) -> dict[str, Any]:
        """Those of the module, by their names in it, which are listed in its box."""
        return {} if self.call is None else dict(self.call.module.named_parameters())


def _units(nodes: list[Any], calls: list[Call], depth: int) -> list[_Unit]:
    """The nodes, oldest first, those of a call that is `depth` calls deep joined."""
    units: list[_Unit] = []
    ahead = sorted(calls, key=lambda call: -call.first)
    running: list[Call] = []  # while the node was made
    for node in nodes:
        while ahead and ahead[-1].first < node.number:
            running.append(ahead.pop())
        running = [call for call in running if node.number < call.last]
        call = running[depth - 1] if 0 < depth <= len(running) else None
        if call is None or not units or units[-1].call is not call:
            units.append(_Unit(call))
        units[-1].nodes.append(node)
    return units


# ------------------------------------------------------------------------------------------------
# Boxes
# ------------------------------------------------------------------------------------------------


class _Drawing:
    """Units, the loops among them, and what becomes of both."""

    def __init__(self, known: _Known, units: list[_Unit], fold: bool) -> None:
        self.known, self.units = known, units
        self.place = {node: k for k, unit in enumerate(units) for node in unit.nodes}
        self.inputs: list[list[Edge | None]] = []
        for number, unit in enumerate(units):
            own = {id(p) for p in unit.parameters().values()}
            self.inputs.append([
                edge
                for node in unit.nodes
                for edge in node.edges
                if edge is None or not (id(edge[0]) in own or self.place.get(edge[0]) == number)
            ])  # fmt: skip
        self.leaving: dict[int, set[Edge]] = {}  # of each unit the outputs that others use
        for edge in [known.root, *[e for inputs in self.inputs for e in inputs if e is not None]]:
            if edge[0] in self.place:
                self.leaving.setdefault(self.place[edge[0]], set()).add(edge)
        self.loops = self._loops() if fold else []
        self.loop_of = {
            k: number for number, run in enumerate(self.loops) for k in range(run.start, run.stop)
        }
        self.groups = self._groups()
        self.said: dict[tuple[int, int], str] = {}
        self.used: dict[tuple[int, int], set[int]] = {}

    def _loops(self) -> list[Run]:
        kinds = []
        for unit, inputs in zip(self.units, self.inputs):
            module = None if unit.call is None else id(unit.call.module)
            kinds.append((tuple([node.op.name for node in unit.nodes]), module, len(inputs)))
        sources: list[list[Source | None]] = [
            [self._source(edge) for edge in inputs] for inputs in self.inputs
        ]
        return runs(kinds, sources)

    def _source(self, edge: Edge | None) -> Source | None:
        if edge is None:
            return None
        if type(edge[0]) is not Node:
            return Source(-1, PARAMETER if isinstance(edge[0], Parameter) else 0, id(edge[0]))
        place = self.place.get(edge[0], -1)  # (-1: further back than is looked at)
        unit = self.units[place] if place >= 0 else None
        output = (edge[1], unit.nodes.index(edge[0]) if unit is not None else 0)
        return Source(place, output, None if place >= 0 else id(edge[0]))

    def _groups(self) -> dict[Any, tuple[int, int, int]]:
        """For leaves that come into a loop, another one at each step, what they are drawn as."""
        groups: dict[Any, tuple[int, int, int]] = {}
        for number, run in enumerate(self.loops):
            for k in range(run.start, run.start + run.period):
                for position in range(len(self.inputs[k])):
                    steps = range(k, run.stop, run.period)
                    edges = [self.inputs[step][position] for step in steps]
                    leaves = [e[0] for e in edges[1:] if e is not None and type(e[0]) is not Node]
                    if len({id(leaf) for leaf in leaves}) > 1:
                        first = edges[0]
                        if first is not None and type(first[0]) is not Node:
                            leaves.insert(0, first[0])
                        for leaf in leaves:
                            groups.setdefault(leaf, (number, k, position))
        return groups

    def shown(self, k: int) -> int:
        """The unit that is drawn for unit `k`: in a loop, that of the last step."""
        if k not in self.loop_of:
            return k
        run = self.loops[self.loop_of[k]]
        return run.stop - run.period + (k - run.start) % run.period

    def step(self, k: int) -> int:
        """Which step of its loop a unit belongs to."""
        run = self.loops[self.loop_of[k]]
        return (k - run.start) // run.period

    def picture(self, limit: int, hidden: int) -> Picture:
        """All boxes and arrows; of more than `limit` the last ones."""
        places = sorted({self.shown(k) for k in range(len(self.units))})
        hidden += max(0, len(places) - limit)
        places = places[-limit:]
        drawn: dict[Any, int] = {}  # by unit, or by leaf, or group of leaves: the number of its box
        boxes: list[Box] = []
        if hidden:
            drawn["more"] = 0
            more = f"{hidden} earlier operations" if hidden > 1 else "1 earlier operation"
            boxes.append(Box("more", f"{more} (limit={limit})"))
        arrows: dict[tuple[int, int], list[tuple[str, bool]]] = {}
        visible = set(places)
        targets = [k for k in range(len(self.units)) if self.shown(k) in visible]
        order = sorted(targets, key=lambda k: (self.shown(k), k))
        for k in order:  # leaves stand before what uses them first
            for edge in self.inputs[k]:
                if edge is not None and type(edge[0]) is not Node:
                    key = self.groups.get(edge[0], edge[0])
                    if key not in drawn:
                        drawn[key] = len(boxes)
                        boxes.append(self._leaf(edge[0], key))
            if self.shown(k) not in drawn:
                drawn[self.shown(k)] = len(boxes)
                boxes.append(self._unit(self.shown(k)))
        for k in order:
            target = drawn[self.shown(k)]
            for position, edge in enumerate(self.inputs[k]):
                if edge is None:
                    continue
                label, back = "", False
                place = self.place.get(edge[0], -1)
                if type(edge[0]) is not Node:
                    source = drawn[self.groups.get(edge[0], edge[0])]
                    label = self._into(k, position)
                elif place < 0 or self.shown(place) not in drawn:
                    source = drawn["more"]
                else:
                    source = drawn[self.shown(place)]
                    label, back = self._between(place, k, position)
                seen = arrows.setdefault((source, target), [])
                if (label, back) not in seen:
                    seen.append((label, back))
        found = [
            Arrow(source, target, _joined([text for text, b in said if b == back]), back)
            for (source, target), said in arrows.items()
            for back in sorted({b for _, b in said})
        ]
        loops = [f"{run.times} times, the last one shown" for run in self.loops]
        return Picture(boxes, found, loops, self.known.caption())

    def _into(self, k: int, position: int) -> str:
        """What is said at an arrow into a loop from outside, to an input of unit `k`."""
        if k not in self.loop_of:
            return ""
        run = self.loops[self.loop_of[k]]
        first = run.start + (k - run.start) % run.period
        if (first, position) not in self.said:
            edges = [self.inputs[step][position] for step in range(first, run.stop, run.period)]
            outside = [e for e in edges if e is not None and self._is_outside(e, run)]
            same = len({(id(e[0]), e[1]) for e in outside}) == 1
            said = "one a step" if len(outside) > 1 and not same else ""
            self.said[first, position] = said if len(outside) > 1 else "first step"
        return self.said[first, position]

    def _is_outside(self, edge: Edge, run: Run) -> bool:
        return not run.start <= self.place.get(edge[0], -1) < run.stop

    def _between(self, place: int, k: int, position: int) -> tuple[str, bool]:
        """What is said at an arrow between two operations, and whether it goes to a later step."""
        loop, other = self.loop_of.get(place), self.loop_of.get(k)
        if loop is None or other not in (None, loop):
            return self._into(k, position), False
        if other == loop:
            apart = self.step(k) - self.step(place)
            if not apart:
                return "", False
            return (f"{apart} steps later" if apart > 1 else "next step"), True
        if (loop, k) not in self.used:
            places = [self.place.get(e[0], -1) for e in self.inputs[k] if e is not None]
            self.used[loop, k] = {self.step(p) for p in places if self.loop_of.get(p) == loop}
        count = self.loops[loop].times
        if len(self.used[loop, k]) == count:
            return "every step", False
        return ("" if self.used[loop, k] == {count - 1} else "some steps"), False

    def _unit(self, k: int) -> Box:
        unit, loop = self.units[k], self.loop_of.get(k)
        if unit.call is None:
            box = Box("operation", title_of(unit.nodes[0]), [], loop)
        else:
            box = Box("module", unit.call.name(), [], loop)
        box.is_result = self.known.root[0] in unit.nodes
        outputs = sorted(self.leaving.get(k, ()), key=lambda e: (e[0].number, e[1]))
        for edge in outputs[:OUTPUTS]:
            name = self.known.names.get(edge)
            box.lines += [] if name is None else [f"= {name}"]
            box.lines += self.known.lines(edge)
        box.lines += _more(outputs, OUTPUTS, "outputs")
        used = {id(e[0]) for node in unit.nodes for e in node.edges if e is not None}
        own = [(name, p) for name, p in unit.parameters().items() if id(p) in used]
        for name, parameter in own[:PARAMETERS]:
            grad = parameter._grad
            said = "no grad yet" if grad is None else _gradient(Numbers(grad.array))
            box.lines.append(f"{name} {tuple(parameter.array.shape)}, {said}")
        box.lines += _more(own, PARAMETERS, "parameters")
        return box

    def _leaf(self, leaf: Any, key: Any) -> Box:
        name = self.known.names.get((leaf, 0))
        if key is not leaf:
            leaves = [each for each, group in self.groups.items() if group == key]
            there = sum([each._grad is not None for each in leaves])
            names = [self.known.names.get((each, 0)) for each in leaves]
            title = f"{len(leaves)} tensors"
            if names[0] is not None and names[-1] is not None:
                title = f"{names[0]} ... {names[-1]}"
            grads = f"{there} have a grad" if there else "no grad yet"
            return Box("leaf", title, [_shape(leaf.array.shape), grads])
        numbers = Numbers(leaf.array)
        grad = "no grad yet" if leaf._grad is None else _gradient(Numbers(leaf._grad.array))
        title = name or ("parameter" if isinstance(leaf, Parameter) else "tensor")
        lines = [_shape(numbers.shape), numbers.text, grad]
        return Box("leaf", title, [line for line in lines if line])


def _more(things: list[Any], most: int, what: str) -> list[str]:
    """The line that stands for those that are not listed."""
    left = len(things) - most
    return [f"{left} more {what if left > 1 else what[:-1]}"] if left > 0 else []


def _joined(labels: list[str]) -> str:
    """Several labels of what is drawn as one arrow."""
    return "" if "" in labels else ", ".join(labels)
