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

This file knows tensors only as `TensorBase`, an array and a place in the graph, and operations only
by what an `Op` (see `primitive`) promises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np

from . import errors
from .grad_mode import mode
from .hooks import Hooks
from .indexing import Placed
from .saving import Packed, hooks, pack_saved
from .tensor_base import TensorBase, next_number, wrap
from .views import edge_of

if TYPE_CHECKING:
    from .primitive import Op

ndarray = np.ndarray

# ------------------------------------------------------------------------------------------------
# Recording
# ------------------------------------------------------------------------------------------------


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
        What the rules need; None once the graph has been freed. (Packed, if there are hooks on it.)
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
        self.number = next_number()
        self._hooks: Hooks | None = None
        self.trace = errors.call_site() if mode.anomaly else None

    def name(self, output: int = 0) -> str:
        """The name that PyTorch prints next to an output, such as ``MulBackward0``."""
        return self.op.printed(output)

    def values(self, as_tensors: bool) -> list[Any]:
        """The saved values, after checking that none was freed or changed in place since."""
        saved = self.saved
        if saved is None:
            raise errors.freed(self)
        if type(saved) is Packed:
            saved = saved.unpacked(self)
        values = []
        for value in saved:
            if value is not None and isinstance(value, TensorBase):  # None is told at once
                tensor = value
                if tensor.version.last > self.number:
                    raise RuntimeError(errors.modified_in_place(tensor, self))
                if not as_tensors:
                    value = tensor.array
                elif type(tensor) is Output:
                    value = tensor.restore(self)
            values.append(value)
        return values

    def free(self) -> None:
        """Let go of the saved tensors (a node that saved none can be walked again)."""
        saved, op = self.saved, self.op
        if saved is None or not op.saves_tensors:
            return
        if op.places is not None:
            for k in op.places:
                if saved[k] is not None:
                    break
            else:
                return
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


OUTPUT = object()
LENT = object()  # the same of a result that may be changed: the node borrows it, see `loans`


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
    edges, wanted = [], False
    for t in inputs:
        edge = edge_of(t) if t is not None and isinstance(t, TensorBase) else None
        wanted = wanted or edge is not None
        edges.append(edge)
    return edges if wanted else None


def attach(results: Sequence[Any], op: Op, edges: Sequence[Any], saved: list[Any]) -> None:
    """Make a node, and give the fresh tensors `results` their place in the graph behind it."""
    last = saved[-1] if saved else None
    if last is OUTPUT or last is LENT:
        saved[-1] = Output(results[0])
    node = Node(op, edges, saved, len(results))
    if last is LENT:
        version = results[0].version
        version.borrowers = [*(version.borrowers or ()), ref(node)]
    for k, result in enumerate(results):
        if result.array.dtype.kind == "f":
            result._requires_grad = True
            result.edge = (node, k)
    if hooks:
        pack_saved(node, results)


def attach_one(result: TensorBase, op: Op, edges: tuple[Any, ...], saved: list[Any]) -> None:
    """`attach` for one fresh tensor of floats and saved values that are complete."""
    result.edge = (Node(op, edges, saved), 0)
    result._requires_grad = True
    if hooks:
        pack_saved(result.edge[0], (result,))


# ------------------------------------------------------------------------------------------------
# Walking back
# ------------------------------------------------------------------------------------------------


class Slot:
    """What has come back so far for one node or leaf.

    Attributes
    ----------
    target : Node or leaf tensor
        For whom.
    grads : list
        The gradients of its outputs, None where nothing has come yet.
    owns : bool
        Whether that of the first output is the walk's own: nothing else refers to it, so that it
        can be added to in place.
    owned : set of int or None
        The other outputs of which the same is true.
    """

    __slots__ = ("grads", "owned", "owns", "target")

    def __init__(self, target: Any, outputs: int) -> None:
        self.target = target
        self.grads: list[Any] = [None] if outputs == 1 else [None] * outputs
        self.owns = False
        self.owned: set[int] | None = None

    def owns_output(self, k: int) -> bool:
        """Whether the gradient of output `k` is the walk's own."""
        return self.owns if k == 0 else self.owned is not None and k in self.owned

    def own(self, k: int, is_owned: bool) -> None:
        """Note whether the gradient of output `k` is the walk's own."""
        if k == 0:
            self.owns = is_owned
        elif is_owned:
            if self.owned is None:
                self.owned = set()
            self.owned.add(k)
        elif self.owned is not None:
            self.owned.discard(k)


class Pending:
    """The gradients on their way back.

    Attributes
    ----------
    nodes : dict of int to Slot
        What has come for nodes, by their numbers with a minus.
    leaves : dict
        What has come for leaves.
    heap : list of int
        The keys of `nodes`, the smallest, which is that of the youngest node, on top.
    """

    __slots__ = ("create_graph", "heap", "leaves", "nodes")

    def __init__(self, create_graph: bool) -> None:
        self.create_graph = create_graph
        self.nodes: dict[int, Slot] = {}
        self.leaves: dict[Any, Slot] = {}
        self.heap: list[int] = []

    def slot_of(self, target: Any) -> Slot:
        """What has come for a node or leaf, which is visited from now on."""
        if type(target) is Node:
            node = target
            key = -node.number
            slot = self.nodes.get(key)
            if slot is None:
                slot = self.nodes[key] = Slot(node, node.outputs)
                heappush(self.heap, key)
        else:
            slot = self.leaves.get(target)
            if slot is None:
                slot = self.leaves[target] = Slot(target, 1)
        return slot

    def send(self, edge: tuple[Any, int], g: Any, is_new: bool) -> None:
        """Add `g` to the gradient of `edge`; `is_new` if nothing else refers to it.

        None adds nothing, but its target is visited all the same, with all that hangs there.
        """
        slot, k = self.slot_of(edge[0]), edge[1]
        if g is None:
            return
        grads = slot.grads
        total = grads[k]
        if type(g) is not ndarray and isinstance(g, Placed):
            if total is None:
                grads[k] = g.dense()
            else:
                own = np.asarray(total) if slot.owns_output(k) else np.array(total)
                grads[k] = g.add_to(own)
            slot.own(k, True)
        elif total is None:
            grads[k] = g  # unless it is new, it may also be the gradient of something else
            if is_new:
                slot.own(k, True)
        elif slot.owns_output(k):
            grads[k] += g
        else:
            grads[k] = total + g
            slot.own(k, not self.create_graph)

    def take(self) -> Slot:
        """What came for the youngest node: all that used its outputs has been visited."""
        return self.nodes.pop(heappop(self.heap))

    def arrive(self, leaf: TensorBase) -> tuple[Any, Any, bool]:
        """A leaf, its gradient after the leaf's hooks, and whether nothing else refers to it."""
        slot = self.leaves.pop(leaf)
        g = slot.grads[0]
        if g is not None and leaf.array.shape != g.shape and leaf._requires_grad:  # (not frozen)
            raise RuntimeError(errors.shape_mismatch("the graph", leaf.array.shape, g.shape))
        if leaf._hooks is None:
            return leaf, g, slot.owns
        grads = [g]
        leaf._hooks.meet(leaf, grads, self.create_graph)
        return leaf, grads[0], False  # hooks may keep what they see


def walk(
    roots: Sequence[tuple[Any, int]],
    root_grads: Sequence[Any],
    targets: Sequence[tuple[Any, int] | None] | None,
    retain_graph: bool,
    create_graph: bool,
    deliver: Callable[[list[Any]], None] | None = None,
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
    deliver : callable, optional
        Is given leaves on which hooks wait, as they are returned without targets, as soon as their
        gradients are complete; the walk goes on after that. They are not returned any more.

    Returns
    -------
    list
        The gradients of `targets`, in order, None where no path leads. Without targets: a triple
        (leaf, gradient, is_new) for every leaf; nothing else refers to a gradient that is new.
    """
    waiting = None if deliver is None else _awaited(roots)
    useful = None if targets is None else _leading_to(targets, roots)
    pending = Pending(create_graph)
    captured: dict[tuple[Any, int], Any] = {}
    checks_nan = mode.anomaly and mode.check_nan
    for edge, g in zip(roots, root_grads):
        if useful is None or edge[0] in useful or len(roots) == 1:  # (PyTorch begins at a single
            pending.send(edge, g, False)  # one in any case, so that its hooks run)

    while pending.heap:
        slot = pending.take()
        node, grads = slot.target, slot.grads
        hung, edges = node._hooks, node.edges
        goes_on = True
        if useful is not None:
            edges = tuple([e if e is not None and e[0] in useful else None for e in edges])
            goes_on = any(edges)
            if goes_on:  # PyTorch captures it as it came, and only what ends here after hooks
                captured.update([((node, k), g) for k, g in enumerate(grads)])
        if hung is not None:
            hung.meet(node, grads, create_graph, node.op.outputs_apart)
        if not goes_on:
            captured.update([((node, k), g) for k, g in enumerate(grads)])
            continue
        if hung is None and _is_nothing(node, grads):
            input_grads: Sequence[Any] = [None] * len(edges)
        elif hung is None:
            grads = _for_vjp(node, edges, grads, create_graph, slot.owns and useful is None)
            input_grads = node.op.vjp(node, edges, grads, create_graph)
        else:
            input_grads = _through_hooks(hung, node, edges, grads, create_graph)
        if checks_nan:
            errors.check_nan(node, input_grads)
        is_new = node.op.gives_new and not create_graph and hung is None
        for k in range(len(edges)):
            edge = edges[k]
            if edge is not None:
                pending.send(edge, input_grads[k], is_new)
        if not retain_graph:
            node.free()
        if waiting is not None and deliver is not None and node in waiting:
            deliver([pending.arrive(leaf) for leaf in waiting.pop(node)])

    leaves = [pending.arrive(leaf) for leaf in list(pending.leaves)]
    if targets is None:
        return leaves
    captured.update([((leaf, 0), g) for leaf, g, _ in leaves])
    return [None if edge is None else captured.get(edge) for edge in targets]


def _awaited(roots: Sequence[tuple[Any, int]]) -> dict[Node, list[Any]]:
    """The leaves on which hooks wait, by the node that is visited last of those that use them."""
    last: dict[Any, Node] = {}
    seen: set[Node] = set()
    stack = [node for node, _ in roots if type(node) is Node]
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        for edge in node.edges:
            if edge is not None and type(edge[0]) is Node:
                stack.append(edge[0])
            elif edge is not None and edge[0]._accumulate_hooks:
                leaf = edge[0]
                if leaf not in last or node.number < last[leaf].number:
                    last[leaf] = node
    waiting: dict[Node, list[Any]] = {}
    for leaf, node in last.items():
        waiting.setdefault(node, []).append(leaf)
    return waiting


def _is_nothing(node: Node, grads: list[Any]) -> bool:
    """Whether no gradient came, so that none goes on."""
    return grads[0] is None and not node.op.sees_nothing and all([g is None for g in grads])


def _for_vjp(
    node: Node, edges: Sequence[Any], grads: list[Any], create_graph: bool, is_mine: bool
) -> list[Any]:
    """`grads`; for an operation that writes to them a copy, if anybody else may still read them."""
    if not node.op.writes_gradient or create_graph or edges[0] is None:
        return grads
    (g,) = grads
    if is_mine and type(g) is ndarray and g.flags.c_contiguous:
        return grads
    return [np.array(g, order="C")]


def _through_hooks(
    hung: Hooks, node: Node, edges: Sequence[Any], grads: list[Any], create_graph: bool
) -> Sequence[Any]:
    """The gradients of a node's inputs, where hooks hang on the node."""
    grads = hung.meet_before(grads, create_graph)
    if _is_nothing(node, grads):  # perhaps because a hook took it away
        input_grads: Sequence[Any] = [None] * len(edges)
    else:
        own = _for_vjp(node, edges, grads, create_graph, False)  # hooks may keep what they saw
        input_grads = node.op.vjp(node, edges, own, create_graph)
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
