"""The engine: how operations are recorded, and how `backward` walks the record.

An operation on tensors that require a gradient leaves a `Node` behind. The node knows its operation
(an `Op`, which has the gradient rules), the values those rules need (``saved``) and, for every
input, where that input's gradient goes next (``edges``). Nodes are numbered in the order in which
they are made, and an operation can only use what exists already: so if `walk` visits the nodes that
lead to the output from the highest number to the lowest, each one is met after everything that used
it, and its gradient is complete when its turn comes. There is no recursion anywhere.

A gradient rule is written once and serves every order. `walk` hands it plain ndarrays when a first
derivative is wanted (fast, nothing is recorded), and Tensors with recording on when the derivative
will be differentiated again (``create_graph=True``); the operators in the rule do the rest.

This file knows tensors only as `TensorBase`: an array and a place in the graph. What people call on
a tensor is in `minigrad.tensor`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import heappop, heappush
from typing import Any
from weakref import ref

import numpy as np

from ..arrays.sums import add_at
from . import errors, hooks
from .grad_mode import mode
from .quiet import quiet

ndarray = np.ndarray


class TensorBase:
    """An array and its place in the graph.

    Attributes
    ----------
    array : numpy.ndarray
        The data; views share its memory.
    edge : tuple (Node, int) or None
        The node that made this tensor and which of its outputs this is; None for a leaf.
    version : list of two ints
        How often the memory was changed in place, and when last (a number of the same count as
        `Node.number`). Tensors that share memory share the list. (Behind them may stand nodes that
        borrowed the memory, see `loans`.)
    view_of : View or None
        For a view, where it came from (see `minigrad.ops.inplace`).
    _hooks : Hooks or None
        What hangs on a leaf; what hangs on another tensor, its node has.
    """

    array: ndarray
    version: list[int]
    _requires_grad: bool
    edge: tuple[Any, int] | None
    view_of: View | None
    _grad: TensorBase | None
    _hooks: hooks.Hooks | None
    _accumulate_hooks: hooks.HooksInTurn | None
    _retains_grad: bool


# What a fresh tensor has. (Compiled, these are fields of a C structure, which begin so anyway.)
if not hasattr(TensorBase, "edge"):
    TensorBase._requires_grad = TensorBase._retains_grad = False
    for _name in ("edge", "view_of", "_grad", "_hooks", "_accumulate_hooks"):
        setattr(TensorBase, _name, None)


class View:
    """How a view came from its parent: an op, and its arguments after the parent.

    `root` is the tensor at the beginning, which is no view, and `start` the edge that it had then;
    if it has another one now, the view's place in the graph is out of date. `shown` is the array
    that the parent had then; if it has another one now, it was given another shape in place, and
    what the view shows is a part of its former self. `of_itself` says that the view is what became
    of its parent in this way.
    """

    __slots__ = ("arguments", "of_itself", "op", "parent", "root", "shown", "start")

    def __init__(
        self, parent: TensorBase, op: Callable[..., Any], arguments: tuple[Any, ...]
    ) -> None:
        self.parent = parent
        self.op = op
        self.arguments = arguments
        self.root = root_of(parent)
        self.start = self.root.edge
        self.shown = parent.array
        self.of_itself = False


_tensor_class: type[TensorBase] = TensorBase
_new = TensorBase.__new__


def set_tensor_class(cls: type[TensorBase]) -> None:
    """Tell the engine which class its results have (`minigrad.tensor` does, once)."""
    global _tensor_class
    _tensor_class = cls


def wrap(array: Any) -> Any:
    """A new tensor around `array`, without a copy, outside any graph."""
    tensor = _new(_tensor_class)
    tensor.array = array if type(array) is ndarray else np.asarray(array)
    tensor.version = [0, -1]
    return tensor


def bump_version(tensor: TensorBase) -> None:
    """Note that the memory of `tensor` was changed in place."""
    version = tensor.version
    version[0] += 1
    version[1] = _next_number()


# ------------------------------------------------------------------------------------------------
# Recording
# ------------------------------------------------------------------------------------------------

_next_number = itertools.count().__next__


class Node:
    """One recorded operation.

    Nodes and in-place changes are numbered in one count. So a value that a node saved is still what
    it was if its memory was last changed before the node was made: no version need be copied.

    Attributes
    ----------
    op : Op
        The operation, with its gradient rules.
    edges : tuple of ((Node or leaf tensor, int) or None)
        For every input, where its gradient goes: output number ``int`` of the node that made it, or
        the leaf itself; None where no gradient is wanted.
    saved : list or None
        What the rules need; None once the graph has been freed.
    outputs : int
        How many outputs the operation has.
    _hooks : Hooks or None
        What users have hung on it.
    """

    __slots__ = (
        "__weakref__", "_hooks", "edges", "number", "op", "outputs", "saved", "trace",
    )  # fmt: skip

    def __init__(
        self, op: Op, edges: Sequence[Any], saved: Sequence[Any], outputs: int = 1
    ) -> None:
        self.op = op
        self.edges = edges
        self.saved: Sequence[Any] | None = saved
        self.outputs = outputs
        self.number = _next_number()
        self._hooks: hooks.Hooks | None = None
        self.trace = errors.call_site() if mode.anomaly else None

    def name(self, output: int = 0) -> str:
        """The name that PyTorch prints next to an output, such as ``MulBackward0``."""
        return self.op.output_names.get(output, self.op.node_name)

    def values(self, as_tensors: bool) -> Sequence[Any]:
        """The saved values, after checking that none was freed or changed in place since."""
        saved = self.saved
        if saved is None:
            raise RuntimeError(errors.FREED)
        values = []
        for value in saved:
            if value is not None and isinstance(value, TensorBase):  # None is told at once
                tensor = value
                if tensor.version[1] > self.number:
                    raise RuntimeError(errors.modified_in_place(tensor, self))
                if not as_tensors:
                    value = tensor.array
                elif type(tensor) is Output:
                    value = tensor.restore(self)
            values.append(value)
        return values

    def free(self) -> None:
        """Let go of the saved tensors (a node that saved none can be walked again)."""
        if self.op.saves_tensors:
            self.saved = None

    def __repr__(self) -> str:
        return f"<{self.name()} object at {id(self):#x}>"


class Output(TensorBase):
    """An operation's own output, saved by its node without a reference back to the node.

    If the node held the output tensor itself, the two would keep each other alive until the cycle
    collector came by. The array and the version are enough; `restore` puts the graph back.
    """

    def __init__(self, tensor: TensorBase) -> None:
        self.array = tensor.array
        self.version = tensor.version

    def restore(self, node: Node) -> TensorBase:
        """The output as a tensor of the graph again."""
        tensor = wrap(self.array)
        tensor.version = self.version
        tensor._requires_grad = True
        tensor.edge = (node, 0)
        return tensor


def edge_of(tensor: TensorBase) -> tuple[Any, int] | None:
    """Where the gradient of `tensor` goes, or None if it requires none."""
    if tensor.view_of is not None:
        refresh_view(tensor)
    if not tensor._requires_grad:
        return None
    edge = tensor.edge
    return (tensor, 0) if edge is None else edge


def root_of(tensor: TensorBase) -> TensorBase:
    """The tensor whose memory `tensor` shares (itself, if it is not a view)."""
    view = tensor.view_of
    while view is not None:  # more than once only if a root has become a view of its former self
        tensor = view.root
        view = tensor.view_of
    return tensor


def parent_of(tensor: TensorBase) -> TensorBase | None:
    """What the view `tensor` is a view of; None if it is none, or that shows other memory by now.

    A tensor that was given another shape in place is a view of its former self (see
    `minigrad.ops.inplace.reshaping`). Views that are older than that are views of the former self.
    """
    view: Any = tensor.view_of
    if view is None:
        return None
    parent = view.parent
    while parent.array is not view.shown:
        if parent.view_of is None:
            return None
        parent = parent.view_of.parent
    view.parent = parent
    return parent


def is_view(tensor: TensorBase) -> bool:
    """Whether `tensor` is a view of another tensor."""
    view: Any = tensor.view_of
    while view is not None and view.of_itself:
        view = view.parent.view_of
    return view is not None


def move(tensor: TensorBase, edge: tuple[Any, int]) -> None:
    """Give `tensor` another place in the graph, because its value has changed in place.

    Hooks belong to the old value and stay behind; `retain_grad` belongs to the tensor.
    """
    tensor.edge = edge
    tensor._requires_grad = True
    if tensor._retains_grad:
        hooks.retain(tensor)


def refresh_view(tensor: TensorBase) -> None:
    """Renew the place in the graph of a view whose base was written to since it was made.

    The views between it and the root come first, from the root on. (A root that has no place any
    more was detached, which is no business of its views.)
    """
    place = root_of(tensor).edge
    view: Any = tensor.view_of
    if view.start is place or place is None:
        return
    outdated = []
    current: TensorBase | None = tensor
    while current is not None and current.view_of is not None:
        view = current.view_of
        if view.start is place:
            break
        outdated.append(current)
        current = parent_of(current)
    if current is None:  # the root's memory was exchanged, with which the view has no more to do
        return
    previous, mode.enabled = mode.enabled, True
    try:
        for current in reversed(outdated):
            view = current.view_of
            again = view.op(view.parent, *view.arguments)
            view.start = place
            move(current, again.edge)
    finally:
        mode.enabled = previous


def fixed_view(tensor: TensorBase, op: Op) -> Any:
    """A view of all of `tensor` (itself, if it is a view) that may not change in place.

    `op`, which says in `gives_views` why, will be the operation that made it.
    """

    def renew(*_: Any) -> Any:
        raise RuntimeError(
            f"Output of {op.node_name} is a view and its base or another view of its base has been "
            f"modified inplace. {op.gives_views}"
        )

    parent, view = parent_of(tensor), tensor
    if parent is None:
        parent, view = tensor, wrap(tensor.array)
        view.version = tensor.version
    view.view_of = View(parent, renew, ())
    return view


def record(op: Op, inputs: Iterable[Any], saved: list[Any], arrays: Any) -> Any:
    """Wrap the result of an operation; leave a node behind if one of `inputs` requires a gradient.

    Parameters
    ----------
    op : Op
        The operation.
    inputs : iterable
        Its arguments; those that are tensors can receive gradients.
    saved : list
        What `op` will find in ``node.saved``; the marker `OUTPUT` (or `LENT`), in the last place,
        stands for the result, which does not exist yet.
    arrays : numpy.ndarray or tuple of numpy.ndarray
        The result, or several.
    """
    return record_with(edges_if_recording(inputs), op, saved, arrays)


def record_with(edges: list[Any] | None, op: Op, saved: list[Any], arrays: Any) -> Any:
    """`record`, for who has found the edges of the inputs already."""
    results = tuple([wrap(a) for a in arrays]) if type(arrays) is tuple else (wrap(arrays),)
    if edges is not None:
        attach(results, op, edges, saved)
    return results if type(arrays) is tuple else results[0]


def edges_if_recording(inputs: Iterable[Any]) -> list[Any] | None:
    """`edges_of` while operations are recorded, else None."""
    return edges_of(inputs) if mode.enabled else None


def edges_of(inputs: Iterable[Any]) -> list[Any] | None:
    """For every input of an operation where its gradient goes; None if none is wanted at all."""
    edges = [edge_of(t) if t is not None and isinstance(t, TensorBase) else None for t in inputs]
    return edges if any(edges) else None


def attach(results: Sequence[Any], op: Op, edges: Sequence[Any], saved: list[Any]) -> None:
    """Make a node, and give the fresh tensors `results` their place in the graph behind it."""
    last = saved[-1] if saved else None
    if last is OUTPUT or last is LENT:
        saved[-1] = Output(results[0])
    node = Node(op, edges, saved, len(results))
    if last is LENT:
        results[0].version.append(ref(node))
    for k, result in enumerate(results):
        if result.array.dtype.kind == "f":
            result._requires_grad = True
            result.edge = (node, k)


OUTPUT = object()
LENT = object()  # the same of a result that may be changed: the node borrows it, see `loans`


# ------------------------------------------------------------------------------------------------
# Operations
# ------------------------------------------------------------------------------------------------


class Op:
    """An operation: a name, and a rule that turns output gradients into input gradients.

    `saves_tensors` says whether its nodes keep values alive that `backward` frees, `gives_new`
    whether the gradients that its rules return as arrays are new ones, which nothing else refers
    to, `outputs_apart` whether PyTorch makes each output by a node of its own. `gives_views` is
    empty, or says why its outputs, which are views, must not be written to. PyTorch numbers the
    forms of an operation that differ in their arguments; `overload` is that number, which
    ``grad_fn`` shows.
    """

    saves_tensors = True
    gives_views = ""
    gives_new = False
    outputs_apart = False
    output_names: Mapping[int, str] = {}  # of outputs with names of their own

    def __init__(self, name: str, overload: int = 0) -> None:
        self.name = name
        self.node_name = f"{name.title().replace('_', '')}Backward{overload}"

    def vjp(
        self, node: Node, edges: Sequence[Any], grads: list[Any], create_graph: bool
    ) -> Sequence[Any]:
        """Gradients of the inputs, given those of the outputs.

        Parameters
        ----------
        node : Node
            The recorded call; ``node.values(create_graph)`` gives what it saved.
        edges : sequence
            None for each input whose gradient is not wanted.
        grads : list
            An entry is None if nothing flowed into that output.
        create_graph : bool
            If true, everything is a Tensor and recording is on; if not, an ndarray.
        """
        raise NotImplementedError


class Primitive(Op):
    """An operation of one output with one rule for each differentiable argument.

    A rule is a function whose parameter names say what it needs: ``g`` (the output's gradient,
    first), ``y`` (the output), any argument of the forward function, or ``x_shape`` for only the
    shape of argument ``x``. What no rule names is not kept alive.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        rules: dict[str, Callable[..., Any]],
        overload: int = 0,
        keeps: str | None = None,
    ) -> None:
        super().__init__(name, overload)
        self.differentiable = tuple(a for a in arguments if a in rules)
        needs: list[str] = []  # everything that some rule names, once
        calls = []  # for each differentiable argument: what its rule names
        for argument in self.differentiable:
            rule = rules[argument]
            code = rule.__code__
            names = code.co_varnames[1 : code.co_argcount]
            needs += [n for n in names if n not in needs]
            calls.append((argument, names))
        if "y" in needs:  # to the last place, where `record` looks for it
            needs.append(needs.pop(needs.index("y")))
        self.arguments = tuple(arguments)
        self.calls = tuple([(rules[a], [needs.index(n) for n in names]) for a, names in calls])
        self.sources = tuple([self._source(n, list(arguments)) for n in needs])
        self._needed: dict[tuple[bool, ...], tuple[tuple[str, int], ...]] = {}
        self.kept = None if keeps is None else needs.index(keeps)  # its place among `sources`
        self.saves_tensors = keeps is not None or any(
            kind == "output" or (kind == "argument" and k < len(self.differentiable))
            for kind, k in self.sources
        )

    @staticmethod
    def _source(need: str, arguments: list[str]) -> tuple[str, int]:
        """Where a needed value comes from: (kind, position of the argument)."""
        if need == "y":
            return ("output", 0)
        if need in arguments:
            return ("argument", arguments.index(need))
        return ("shape", arguments.index(need.removesuffix("_shape")))

    def needed(self, edges: Sequence[Any]) -> tuple[tuple[str, int], ...]:
        """`sources`, with ("nothing", 0) for what only rules of arguments without an edge name.

        ``x / 2`` must not keep its result, which is for the gradient of the divisor; and the first
        layer of a network, whose input wants no gradient, must not keep its weights.
        """
        wanted = tuple([edge is not None for edge in edges])
        found = self._needed.get(wanted)
        if found is None:
            used = {k for want, (_, picks) in zip(wanted, self.calls) if want for k in picks}
            found = self._needed[wanted] = tuple(
                [s if k in used else ("nothing", 0) for k, s in enumerate(self.sources)]
            )
        return found

    def to_save(self, args: Sequence[Any], edges: Sequence[Any]) -> list[Any]:
        """What the rules of the arguments that have an edge need, picked from those of a call.

        Behind it stand the tensors of an index, which no rule reads, but which must not change.
        """
        saved: list[Any] = [
            args[k] if kind == "argument"
            else OUTPUT if kind == "output"
            else None if kind == "nothing"
            else shape_of(args[k])
            for kind, k in (self.needed(edges) if None in edges else self.sources)
        ]  # fmt: skip
        if self.kept is not None and type(saved[self.kept]) is Index:
            saved += saved[self.kept].tensors
        return saved

    def vjp(
        self, node: Node, edges: Sequence[Any], grads: list[Any], create_graph: bool
    ) -> Sequence[Any]:
        g = grads[0]
        values = node.values(create_graph)
        input_grads = [
            None if edge is None else rule(g, *[values[k] for k in picks])
            for edge, (rule, picks) in zip(edges, self.calls)
        ]
        if create_graph:
            return [
                None if d is None else in_graph(d, [values[k] for k in picks])
                for d, (_, picks) in zip(input_grads, self.calls)
            ]
        return input_grads


class _Constant(Op):
    """A value that depends on tensors, but with the derivative 0."""

    saves_tensors = False

    def vjp(
        self, node: Node, edges: Sequence[Any], grads: list[Any], create_graph: bool
    ) -> Sequence[Any]:
        zeros = [np.zeros(*kind) for kind in node.values(create_graph)]
        return [wrap(z) for z in zeros] if create_graph else zeros


_CONSTANT = _Constant("constant")


def in_graph(d: Any, values: Sequence[Any]) -> Any:
    """`d`, a gradient made of saved `values`, as a tensor of the graph if one of those is.

    That of ``relu(x).sum()`` is a function of x, if one that is constant almost everywhere: who
    differentiates it again, as in a gradient penalty, means the derivative 0.
    """
    of = [v for v in values if isinstance(v, TensorBase) and v._requires_grad]
    if not of or d._requires_grad:
        return d
    return record(_CONSTANT, of, [(v.array.shape, v.array.dtype) for v in of], d.array)


def array_of(value: Any) -> Any:
    """The ndarray inside a tensor; anything else as it is."""
    return value.array if isinstance(value, TensorBase) else value


def shape_of(value: Any) -> tuple[int, ...]:
    """The shape of a tensor or array; () for a number."""
    array = array_of(value)
    return array.shape if isinstance(array, ndarray) else np.shape(array)


class Index(tuple[Any, ...]):
    """An index made of slices and arrays, which knows the `tensors` that the arrays belong to."""

    tensors: list[TensorBase]


def index_of(items: Iterable[Any], sources: Iterable[Any]) -> tuple[Any, ...]:
    """The index `items`, made of `sources`, of which those are noted that are tensors."""
    tensors = [t for t in sources if isinstance(t, TensorBase)]
    if not tensors:
        return tuple(items)
    index = Index(items)
    index.tensors = tensors
    return index


class Placed:
    """The gradient of ``x[index]``: `g` at `index`, else zero. `walk` adds it without the zeros."""

    __slots__ = ("g", "index", "shape")

    def __init__(self, g: Any, shape: tuple[int, ...], index: Any) -> None:
        self.g, self.shape, self.index = g, shape, index

    def add_to(self, total: ndarray) -> ndarray:
        """Add to `total` in place; an entry that `index` names twice gets both."""
        index = self.index
        parts = index if isinstance(index, tuple) else (index,)
        if any([isinstance(i, ndarray) and i.dtype.kind != "b" for i in parts]):
            add_at(total, index, self.g)
        else:
            total[index] += self.g
        return total

    def dense(self) -> ndarray:
        """The whole array."""
        return self.add_to(np.zeros(self.shape, self.g.dtype))


def primitive(
    name: str,
    forward: Callable[..., Any],
    *,
    view: bool | str = False,
    overload: int = 0,
    layout: Callable[[ndarray, Sequence[Any]], ndarray] | None = None,
    keeps: str | None = None,
    **rules: Callable[..., Any],
) -> Callable[..., Any]:
    """Make a differentiable function of tensors from a function of arrays.

    Parameters
    ----------
    name : str
        Its name; ``grad_fn`` shows it as ``NameBackward0``.
    forward : callable
        Takes ndarrays (the differentiable arguments come first) and plain Python values.
    view : bool or "always"
        The result may share (or always shares) memory with the first argument, and then its
        version.
    overload : int
        The number behind ``NameBackward``: see `Op`.
    layout : callable, optional
        How the result lies in memory: a rule of `minigrad.ops.layout`, which is given the result
        and the arguments. None: as `forward` leaves it.
    keeps : str, optional
        An argument of `forward` that is an index or a mask, which rules name: a tensor, or an
        `Index`. As with all that is kept, it must not change before the gradient is computed.
    **rules
        For each differentiable argument, by its name in `forward`, the rule of its gradient: see
        `Primitive`. Rules use operators and other primitives only.

    Returns
    -------
    callable
        Takes tensors where `forward` takes arrays. Called without any tensor it is `forward`
        itself; that is how rules run on arrays.

    Examples
    --------
    >>> import numpy as np
    >>> import minigrad as mg
    >>> from minigrad.autograd.engine import primitive
    >>> cube = primitive("cube", lambda x: x**3, x=lambda g, x: g * 3 * x**2)
    >>> x = mg.tensor(2.0, requires_grad=True)
    >>> cube(x).backward()
    >>> x.grad
    tensor(12.)
    """
    code = getattr(forward, "__wrapped__", forward).__code__  # (decorators have other names)
    arguments = code.co_varnames[: code.co_argcount]
    op = Primitive(name, arguments, rules, overload, keeps)
    differentiable = len(op.differentiable)
    compute = forward if view else quiet(forward)  # (a view computes nothing)

    def call(*args: Any) -> Any:
        inputs = args[:differentiable]
        for a in inputs:
            if isinstance(a, TensorBase):
                break
        else:
            return forward(*[array_of(a) for a in args])
        arrays = [a.array if isinstance(a, TensorBase) else a for a in args]
        tensor = wrap(compute(*arrays))
        if layout is not None and tensor.array.ndim > 1:
            tensor.array = layout(tensor.array, arrays)
        if mode.enabled:
            edges = edges_of(inputs)
            if edges is not None:
                attach((tensor,), op, edges, op.to_save(args, edges))
        if view and (view == "always" or np.may_share_memory(tensor.array, args[0].array)):
            parent = args[0]
            tensor.version = parent.version
            tensor.view_of = View(parent, call, args[1:])
        return tensor

    call.__name__ = call.__qualname__ = name
    call.__doc__ = forward.__doc__
    call.op = op  # type: ignore[attr-defined]
    return call


# ------------------------------------------------------------------------------------------------
# Walking back
# ------------------------------------------------------------------------------------------------


class Pending:
    """The gradients on their way back.

    Attributes
    ----------
    slots : dict
        For each node or leaf the gradients of its outputs so far, None where nothing has come yet.
    owned : dict
        For each node or leaf the outputs whose gradient is the walk's own: nothing else refers to
        it, so that it can be added to in place.
    heap : list of (int, Node)
        The nodes among `slots`, the youngest on top.
    """

    __slots__ = ("create_graph", "heap", "owned", "slots")

    def __init__(self, create_graph: bool) -> None:
        self.create_graph = create_graph
        self.slots: dict[Any, list[Any]] = {}
        self.owned: dict[Any, list[bool]] = {}
        self.heap: list[tuple[int, Node]] = []

    def send(self, edge: tuple[Any, int], g: Any, is_new: bool) -> None:
        """Add `g` to the gradient of `edge`; `is_new` if nothing else refers to it."""
        target, k = edge
        slots = self.slots.get(target)
        if slots is None:
            slots, owned = [None], [False]
            if type(target) is Node:
                slots, owned = slots * target.outputs, owned * target.outputs
                heappush(self.heap, (-target.number, target))
            self.slots[target], self.owned[target] = slots, owned
        else:
            owned = self.owned[target]
        total = slots[k]
        if type(g) is not ndarray and isinstance(g, Placed):
            if total is None:
                slots[k] = g.dense()
            else:
                slots[k] = g.add_to(np.asarray(total) if owned[k] else np.array(total))
            owned[k] = True
        elif total is None:
            slots[k] = g  # unless it is new, it may also be the gradient of something else
            owned[k] = is_new
        elif owned[k]:
            slots[k] += g
        else:
            slots[k] = total + g
            owned[k] = not self.create_graph

    def take(self) -> tuple[Node, list[Any]]:
        """The youngest node and its gradients: all that used its outputs has been visited."""
        node = heappop(self.heap)[1]
        del self.owned[node]
        return node, self.slots.pop(node)


def walk(
    roots: Sequence[tuple[Any, int]],
    root_grads: Sequence[Any],
    targets: Sequence[tuple[Any, int] | None] | None,
    retain_graph: bool,
    create_graph: bool,
) -> list[Any]:
    """Send gradients from `roots` back through the graph.

    Parameters
    ----------
    roots, root_grads : sequences
        Edges where to begin, and with which gradients (ndarrays; Tensors if `create_graph`).
    targets : sequence of edges or None
        Whose gradients to return; only what leads to them is computed. None: every leaf.
    retain_graph, create_graph : bool
        As in `minigrad.autograd.backward`.

    Returns
    -------
    list
        The gradients of `targets`, in order, None where no path leads. Without targets: a triple
        (leaf, gradient, is_new) for every leaf; nothing else refers to a gradient that is new.
    """
    useful = None if targets is None else _leading_to(targets, roots)
    pending = Pending(create_graph)
    captured: dict[tuple[Any, int], Any] = {}
    checks_nan = mode.anomaly and mode.check_nan
    for edge, g in zip(roots, root_grads):
        pending.send(edge, g, False)

    while pending.heap:
        node, grads = pending.take()
        hung = node._hooks
        if hung is not None:
            hung.meet(node, grads, create_graph, node.op.outputs_apart)
        edges = node.edges
        if useful is not None:
            captured.update([((node, k), g) for k, g in enumerate(grads)])
            edges = tuple([e if e is not None and e[0] in useful else None for e in edges])
            if not any(edges):
                continue
        if hung is None:
            input_grads = node.op.vjp(node, edges, grads, create_graph)
        else:
            input_grads = _through_hooks(hung, node, edges, grads, create_graph)
        if checks_nan:
            errors.check_nan(node, input_grads)
        is_new = node.op.gives_new and not create_graph and hung is None
        for edge, g in zip(edges, input_grads):
            if edge is not None and g is not None:
                pending.send(edge, g, is_new)
        if not retain_graph:
            node.free()

    leaves = []
    for leaf, (g,) in pending.slots.items():
        if leaf.array.shape != g.shape:
            raise RuntimeError(errors.shape_mismatch("the graph", leaf.array.shape, g.shape))
        if leaf._hooks is not None:  # which may keep what they see
            grads = [g]
            leaf._hooks.meet(leaf, grads, create_graph)
            leaves.append((leaf, grads[0], False))
        else:
            leaves.append((leaf, g, pending.owned[leaf][0]))
    if targets is None:
        return leaves
    captured.update([((leaf, 0), g) for leaf, g, _ in leaves])
    return [None if edge is None else captured.get(edge) for edge in targets]


def own_tensor(g: Any, is_new: bool = False) -> Any:
    """A gradient as a tensor whose memory is in row-major order and belongs to nothing else."""
    if g is None or isinstance(g, TensorBase):
        return g
    return wrap(g if is_new and g.flags.c_contiguous else g.copy())


def add_to_grad(leaf: TensorBase, g: Any, is_new: bool, create_graph: bool) -> None:
    """Add `g` to the gradient of `leaf`."""
    if leaf._grad is None:
        leaf._grad = own_tensor(g, is_new)
    elif create_graph:
        leaf._grad = leaf._grad + g
    else:
        total = leaf._grad.array
        total += g
        bump_version(leaf._grad)


def add_unwatched(leaf: TensorBase, g: Any, is_new: bool, create_graph: bool) -> bool:
    """Add `g` to the gradient of `leaf`, if it is a leaf still and nobody watches; whether it is.

    (One that was frozen after the forward pass gets nothing.)
    """
    if not (leaf.edge is None and leaf._hooks is None and leaf._accumulate_hooks is None):
        return False
    if leaf._requires_grad:
        add_to_grad(leaf, g, is_new, create_graph)
    return True


def _through_hooks(
    hung: hooks.Hooks, node: Node, edges: Sequence[Any], grads: list[Any], create_graph: bool
) -> Sequence[Any]:
    """The gradients of a node's inputs, where hooks hang on the node."""
    grads = hung.meet_before(grads, create_graph)
    if all([g is None for g in grads]):  # a hook took them away
        input_grads: Sequence[Any] = [None] * len(edges)
    else:
        input_grads = node.op.vjp(node, edges, grads, create_graph)
    return hung.meet_after(input_grads, grads, create_graph)


def _leading_to(targets: Sequence[tuple[Any, int] | None], roots: Sequence[Any]) -> set[Any]:
    """The nodes and leaves on some path from `roots` to one of `targets`, ends included."""
    useful = {edge[0] for edge in targets if edge is not None}
    reachable: set[Node] = set()
    stack = [node for node, _ in roots if type(node) is Node]
    while stack:
        node = stack.pop()
        if node not in reachable:
            reachable.add(node)
            stack += [e[0] for e in node.edges if e is not None and type(e[0]) is Node]
    for node in sorted(reachable, key=lambda n: n.number):  # inputs come before their users
        if any(e is not None and e[0] in useful for e in node.edges):
            useful.add(node)
    return useful
