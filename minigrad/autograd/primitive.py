"""Operations: `Op`, and `primitive`, which makes most of them: a forward and its gradients.

An operation is a function of arrays, and a rule for each argument that can have a gradient. Rules
are called vjp, vector-Jacobian product: from g, the gradient of the loss with respect to the
output, a rule computes that with respect to an argument, g^T (d output / d argument), without ever
making the matrix of all derivatives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .engine import OUTPUT, Node, attach, edges_of, record
from .grad_mode import mode
from .indexing import Index
from .listening import heard, is_listening
from .names import printed
from .quiet import quiet
from .tensor_base import TensorBase, array_of, shape_of, wrap
from .views import View

ndarray = np.ndarray


def shares_memory(result: ndarray, array: ndarray) -> bool:
    """Whether what was reshaped is a view. (Without entries it is, but has no memory to see it.)"""
    owner = result.base
    if owner is not None and (owner is array or owner is array.base):
        return True  # (soon seen)
    return np.may_share_memory(result, array) or not result.size


class Op:
    """An operation: a name, and a rule that turns output gradients into input gradients.

    `saves_tensors` says whether its nodes keep values alive that `backward` frees, `places` where
    they are among what a node saved (None: it does keep some), `gives_new`
    whether the gradients that its rules return as arrays are new ones, which nothing else refers
    to, `writes_gradient` whether `vjp` may write to the gradient of the output (it is handed one of
    its own then, in row-major order, if the first argument wants a gradient), `outputs_apart`
    whether PyTorch makes each output by a node of its own, `sees_nothing` whether `vjp` is called
    even if all gradients are None. `gives_views` is empty, or says why its
    outputs, which are views, must not be written to. What ``grad_fn`` shows follows from the name:
    see `names`.
    """

    saves_tensors = True
    places: tuple[int, ...] | None = None
    gives_views = ""
    gives_new = False
    writes_gradient = False
    outputs_apart = False
    sees_nothing = False

    def __init__(self, name: str) -> None:
        self.name = name

    def printed(self, output: int = 0) -> str:
        """The name that PyTorch prints next to an output, such as ``MulBackward0``."""
        return printed(self.name, output)

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
        keeps: str | None = None,
    ) -> None:
        super().__init__(name)
        self.differentiable = tuple(a for a in arguments if a in rules)
        needs: list[str] = []  # everything that some rule names, once
        calls = []  # for each differentiable argument: what its rule names
        for argument in self.differentiable:
            rule = rules[argument]
            code = getattr(rule, "__wrapped__", rule).__code__
            names = code.co_varnames[1 : code.co_argcount]
            needs += [n for n in names if n not in needs]
            calls.append((argument, names))
        if "y" in needs:  # to the last place, where `record` looks for it
            needs.append(needs.pop(needs.index("y")))
        self.arguments = tuple(arguments)
        self.calls = tuple([(rules[a], tuple(map(needs.index, names))) for a, names in calls])
        self.sources = tuple([self._source(n, list(arguments)) for n in needs])
        self._needed: dict[tuple[bool, ...], tuple[tuple[str, int], ...]] = {}
        self.kept = None if keeps is None else needs.index(keeps)  # its place among `sources`
        self.places = tuple([
            place
            for place, (kind, k) in enumerate(self.sources)
            if kind == "output"
            or (kind == "argument" and k < len(self.differentiable))
            or place == self.kept
        ])  # fmt: skip
        self.saves_tensors = bool(self.places)

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
            None if edge is None else _applied(rule, g, values, picks)
            for edge, (rule, picks) in zip(edges, self.calls)
        ]
        if create_graph:
            return [
                None if d is None else in_graph(d, [values[k] for k in picks])
                for d, (_, picks) in zip(input_grads, self.calls)
            ]
        return input_grads


def _applied(rule: Any, g: Any, values: list[Any], picks: tuple[int, ...]) -> Any:
    """``rule(g, *[values[k] for k in picks])``, without a list where few are picked."""
    count = len(picks)
    if count == 0:
        return rule(g)
    if count == 1:
        return rule(g, values[picks[0]])
    if count == 2:
        return rule(g, values[picks[0]], values[picks[1]])
    return rule(g, *[values[k] for k in picks])


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


def _has_tensor(args: tuple[Any, ...], count: int) -> bool:
    """Whether one of the first `count` arguments is a tensor."""
    for k, a in enumerate(args):
        if k == count:
            return False
        if isinstance(a, TensorBase):
            return True
    return False


def _arrays_of(args: tuple[Any, ...]) -> list[Any]:
    """The arguments with arrays for tensors."""
    return [array_of(a) for a in args]


def _lay_out(tensor: TensorBase, layout: Callable[..., ndarray], arrays: list[Any]) -> None:
    """Let the entries of a new tensor, made from `arrays`, lie in memory as `layout` says."""
    array = tensor.array
    if array.ndim > 1:
        tensor.array = layout(array, arrays)


def _show_parent(
    tensor: TensorBase, parent: TensorBase, op: Callable[..., Any], arguments: tuple[Any, ...]
) -> None:
    """Make a new tensor a view of `parent`, which came from it by ``op(parent, *arguments)``."""
    tensor.version = parent.version
    tensor.view_of = View(parent, op, arguments)


def primitive(
    name: str,
    forward: Callable[..., Any],
    *,
    view: bool | str = False,
    layout: Callable[[ndarray, Sequence[Any]], ndarray] | None = None,
    keeps: str | None = None,
    **rules: Callable[..., Any],
) -> Callable[..., Any]:
    """Make a differentiable function of tensors from a function of arrays.

    Parameters
    ----------
    name : str
        Its name, and behind a dot, if there are several, which of its forms this is. ``grad_fn``
        shows it as ``NameBackward0``, or as `minigrad.autograd.names` says.
    forward : callable
        Takes ndarrays (the differentiable arguments come first) and plain Python values.
    view : bool or "always"
        The result may share (or always shares) memory with the first argument, and then its
        version.
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
    >>> from minigrad.autograd.primitive import primitive
    >>> cube = primitive("cube", lambda x: x**3, x=lambda g, x: g * 3 * x**2)
    >>> x = mg.tensor(2.0, requires_grad=True)
    >>> cube(x).backward()
    >>> x.grad
    tensor(12.)
    """
    code = getattr(forward, "__wrapped__", forward).__code__  # (decorators have other names)
    arguments = code.co_varnames[: code.co_argcount]
    op = Primitive(name, arguments, rules, keeps)
    differentiable = len(op.differentiable)
    compute = forward if view else quiet(forward)  # (a view computes nothing)

    def call(*args: Any) -> Any:
        if is_listening():
            return heard(call, (*args,), {})
        arrays = _arrays_of(args)
        if not _has_tensor(args, differentiable):
            return forward(*arrays)
        tensor = wrap(compute(*arrays))
        if layout is not None:
            _lay_out(tensor, layout, arrays)
        if mode.enabled:
            edges = edges_of(args[:differentiable])
            if edges is not None:
                attach((tensor,), op, edges, op.to_save(args, edges))
        if view and (view == "always" or shares_memory(array_of(tensor), arrays[0])):
            _show_parent(tensor, args[0], call, args[1:])
        return tensor

    def on_arrays(*arrays: Any) -> Any:
        result = forward(*arrays)
        if not isinstance(result, ndarray):
            result = np.asarray(result)
        return result if layout is None or result.ndim < 2 else layout(result, arrays)

    call.__name__ = call.__qualname__ = name.partition(".")[0]
    call.__doc__ = forward.__doc__
    call.on_arrays = on_arrays  # type: ignore[attr-defined]
    call.op = op  # type: ignore[attr-defined]
    call.writes = getattr(forward, "writes", None)  # type: ignore[attr-defined]
    return call
