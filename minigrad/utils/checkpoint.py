"""Checkpoints: parts of a model whose intermediate results are computed twice instead of kept.

A graph keeps what the gradients need, for every operation: over a long sequence that is most of a
program's memory. `checkpoint` runs a function, looks at where its graph begins (arguments,
parameters), and throws the graph away. One node takes its place, from there to the outputs; when
gradients come back to it, it runs the function again, and sends them through the new graph.

So that the second graph ends where the first one began, and nothing is counted twice, each edge
that leads out of it is led through a gate, at which the inner walk stops.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from ..autograd.engine import Node, attach, walk
from ..autograd.errors import stacklevel
from ..autograd.grad_mode import enable_grad, is_grad_enabled, no_grad
from ..autograd.primitive import Op
from ..autograd.saving import without_hooks
from ..autograd.tensor_base import next_number, wrap
from ..autograd.views import edge_of
from ..func.trees import flatten, unflatten
from ..tensor import Tensor
from ..tensor.creation import get_rng_state, set_rng_state

__all__ = ["CheckpointError", "checkpoint", "checkpoint_sequential", "noop_context_fn"]

Contexts = tuple[AbstractContextManager[Any], AbstractContextManager[Any]]


class CheckpointError(RuntimeError):
    """A function did something else when it ran for the second time."""


def noop_context_fn() -> Contexts:
    """Contexts that do nothing: what `checkpoint` takes for ``context_fn=``."""
    return nullcontext(), nullcontext()


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable[[], Contexts] = noop_context_fn,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    **kwargs: Any,
) -> Any:
    """Call a function without keeping what its gradient needs: that is computed again.

    Parameters
    ----------
    function : callable
        A module, or a function of tensors. It runs twice and must do the same both times.
    *args, **kwargs
        Its arguments. ``preserve_rng_state=False`` is not one of them: it lets the second run draw
        other random numbers (as in dropout) than the first.
    use_reentrant : bool
        PyTorch has two implementations; this is the newer one, for both. True, and leaving it out,
        keep the old one's manners: keywords are refused, and without an argument that requires a
        gradient there is none, and a warning.
    context_fn : callable
        Returns two context managers, around the first and the second run.
    determinism_check : "default" or "none"
        Whether the second graph must begin where the first one did. Default: "default".
    debug, early_stop
        Without effect.

    Returns
    -------
    any
        What `function` returns.

    Raises
    ------
    ValueError
        An option that does not go with `use_reentrant`, or that there is not.
    CheckpointError
        In the backward pass: the second run did something else.

    Examples
    --------
    An LSTM whose gates are kept for 10 steps of 100 at a time:

    >>> import minigrad as mg
    >>> from minigrad.utils.checkpoint import checkpoint
    >>> lstm = mg.nn.LSTM(3, 4)
    >>> state = (mg.zeros(1, 2, 4), mg.zeros(1, 2, 4))
    >>> for part in mg.randn(100, 2, 3).split(10):
    ...     output, state = checkpoint(lstm, part, state, use_reentrant=False)
    >>> output.sum().backward()
    >>> lstm.weight_hh_l0.grad.shape
    torch.Size([16, 4])
    """
    preserve = kwargs.pop("preserve_rng_state", True)
    if use_reentrant is None:
        _warn_of_choice("")
        use_reentrant = True
    if use_reentrant:
        if kwargs:
            raise ValueError(f"Unexpected keyword arguments: {','.join(kwargs)}")
        if context_fn is not noop_context_fn or debug:
            raise ValueError(
                "Passing `context_fn` or `debug` is only supported when use_reentrant=False."
            )
        if is_grad_enabled() and not any(isinstance(a, Tensor) and a.requires_grad for a in args):
            warnings.warn(
                "None of the inputs have requires_grad=True. Gradients will be None",
                stacklevel=stacklevel(),
            )
            with no_grad():
                return function(*args)
    if determinism_check not in ("default", "none"):
        raise ValueError(
            f"determinism_check should be one of ['default', 'none'], but got {determinism_check}"
        )
    first, second = context_fn()
    if not is_grad_enabled():
        with first:
            return function(*args, **kwargs)
    run = _Run(function, args, kwargs, preserve)
    return run.recorded(first, second, determinism_check == "default", use_reentrant)


def _warn_of_choice(name: str) -> None:
    warnings.warn(
        f"torch.utils.checkpoint{name}: the use_reentrant parameter should be passed explicitly, "
        "and False is what is recommended",
        stacklevel=stacklevel(),
    )


class _Run:
    """A call that can be repeated."""

    def __init__(
        self, function: Callable[..., Any], args: Any, kwargs: Any, preserve: bool
    ) -> None:
        self.function, self.args, self.kwargs = function, args, kwargs
        self.state = get_rng_state() if preserve else None

    def __call__(self) -> Any:
        return self.function(*self.args, **self.kwargs)

    def tensors(self) -> list[Any]:
        """The arguments, which must not change in between."""
        leaves, _ = flatten((tuple(self.args), dict(self.kwargs)))
        return [leaf for leaf in leaves if isinstance(leaf, Tensor)]

    def recorded(self, first: Any, second: Any, is_strict: bool, is_reentrant: bool) -> Any:
        """The result, behind one node instead of its graph."""
        begin = next_number()
        with first, without_hooks():
            result = self()
        leaves, structure = flatten(result)
        places = [
            k for k, leaf in enumerate(leaves)
            if isinstance(leaf, Tensor) and _is_inside(edge_of(leaf), begin)
        ]  # fmt: skip
        roots: list[Any] = [edge_of(leaves[k]) for k in places]
        _, ends = _explored(roots, begin)
        if not ends:
            return result
        names = [
            "CheckpointFunctionBackward" if is_reentrant else place.name(output)
            for place, output in roots
        ]
        op = _Checkpoint(self, second, places, ends, names, is_strict)
        for k in places:
            fresh = wrap(leaves[k].array)
            fresh.version = leaves[k].version  # whose memory it shares
            leaves[k] = fresh
        attach([leaves[k] for k in places], op, ends, self.tensors())
        return unflatten(leaves, structure)

    @contextmanager
    def again(self) -> Iterator[None]:
        """With recording on, and the random numbers of the first time."""
        now = None if self.state is None else get_rng_state()
        try:
            if self.state is not None:
                set_rng_state(self.state)
            with enable_grad():
                yield
        finally:
            if now is not None:
                set_rng_state(now)


def _is_inside(edge: Any, begin: int) -> bool:
    """Whether an edge leads to a node that was made after `begin`."""
    return edge is not None and type(edge[0]) is Node and edge[0].number > begin


def _explored(roots: Sequence[Any], begin: int) -> tuple[list[Node], list[Any]]:
    """The nodes behind `roots` that were made after `begin`, and the edges out of these."""
    nodes: dict[int, Node] = {}
    ends: dict[tuple[int, int], Any] = {}
    left = list(reversed(roots))
    while left:
        edge = left.pop()
        if edge is None:
            continue
        place, k = edge
        if not _is_inside(edge, begin):
            ends[id(place), k] = edge
        elif id(place) not in nodes:
            nodes[id(place)] = place
            left += reversed(place.edges)
    return list(nodes.values()), list(ends.values())


class _Gate(Op):
    """The way out of a second graph: the gradient goes on as it is."""

    saves_tensors = False

    def vjp(self, node: Any, edges: Any, grads: Any, create_graph: bool) -> Any:
        return grads


_GATE = _Gate("gate")


class _Checkpoint(Op):
    """The operation that stands for a call."""

    def __init__(
        self, run: _Run, context: Any, places: list[int], ends: list[Any], names: list[str],
        is_strict: bool,
    ) -> None:  # fmt: skip
        super().__init__("checkpoint")
        self.run, self.context, self.returned, self.names = run, context, places, names
        self.ends = ends  # (the node's edges may be led through gates of a checkpoint around it)
        self.is_strict = is_strict

    def printed(self, output: int = 0) -> str:
        """The name of the last operation in the graph that is gone."""
        return self.names[output]

    def vjp(
        self, node: Node, edges: Sequence[Any], grads: list[Any], create_graph: bool
    ) -> Sequence[Any]:
        node.values(create_graph)  # an error, if the graph was freed or an argument changed
        # Gates are older than the second graph, so that they are met last.
        gates = [Node(_GATE, (edge,) if create_graph else (), []) for edge in node.edges]
        begin = next_number()
        with self.run.again(), self.context:
            leaves, _ = flatten(self.run())
        roots = self._roots(leaves)
        nodes, ends = _explored(roots, begin)
        if self.is_strict:
            self._check(self.ends, ends)
        way_out = {(id(place), k): (gate, 0) for (place, k), gate in zip(self.ends, gates)}
        for inner in nodes:
            inner.edges = tuple([
                edge if edge is None or _is_inside(edge, begin)
                else way_out.get((id(edge[0]), edge[1]))
                for edge in inner.edges
            ])  # fmt: skip
        pairs = [(root, g) for root, g in zip(roots, grads) if root is not None and g is not None]
        targets = [None if edge is None else (gate, 0) for edge, gate in zip(edges, gates)]
        starts, given = zip(*pairs)
        return walk(starts, given, targets, create_graph, create_graph)

    def _roots(self, leaves: list[Any]) -> list[Any]:
        if len(leaves) <= max(self.returned):
            raise CheckpointError(
                f"torch.utils.checkpoint: the function returned {len(leaves)} values in the "
                "recomputation, which are fewer than in the original forward"
            )
        return [edge_of(leaves[k]) for k in self.returned]

    @staticmethod
    def _check(before: Iterable[Any], now: Iterable[Any]) -> None:
        first, second = [{(id(place), k) for place, k in ends} for ends in (before, now)]
        if first != second:
            raise CheckpointError(
                "torch.utils.checkpoint: the graphs of the original forward and recomputation do "
                f"not begin at the same tensors: {len(first - second)} of the former's "
                f"{len(first)} are not in the latter, which has {len(second)}. Does the function "
                "do the same each time?"
            )


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """Run modules one after the other, keeping only what is between segments of them.

    Parameters
    ----------
    functions : Sequential, or iterable of callable
        Each takes what the one before returned.
    segments : int
        How many; the last one is not checkpointed, as its gradient comes first.
    input : Tensor
        For the first of `functions`.
    use_reentrant : bool
        As in `checkpoint`.
    preserve_rng_state : bool
        As in `checkpoint`. Default: True.

    Returns
    -------
    any
        What the last of `functions` returns.

    Raises
    ------
    ValueError
        There are more segments than functions; an unknown keyword.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.utils.checkpoint import checkpoint_sequential
    >>> layers = [mg.nn.Linear(3, 3) for _ in range(6)]
    >>> x = mg.ones(2, 3, requires_grad=True)
    >>> checkpoint_sequential(layers, 3, x, use_reentrant=False).sum().backward()
    >>> x.grad.shape
    torch.Size([2, 3])
    """
    if use_reentrant is None:
        _warn_of_choice(".checkpoint_sequential")
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError(f"Unexpected keyword arguments: {','.join(kwargs)}")
    steps = list(functions.children() if hasattr(functions, "children") else functions)
    size = len(steps) // segments
    if size == 0:
        raise ValueError(
            f"checkpoint_sequential: segments={segments} must not be more than the {len(steps)} "
            "functions"
        )

    def part(begin: int, end: int) -> Callable[[Any], Any]:
        def run(value: Any) -> Any:
            for step in steps[begin:end]:
                value = step(value)
            return value

        return run

    last = size * (segments - 1)
    for begin in range(0, last, size):
        input = checkpoint(
            part(begin, begin + size), input, use_reentrant=use_reentrant,
            preserve_rng_state=preserve,
        )  # fmt: skip
    return part(last, len(steps))(input)
