"""`Fused`: an operation of which forward and first derivative are kernels, the text a reference.

A kernel does in one call what the reference says in a few lines of tensor operations. The first
derivative is a kernel as well. For every higher derivative the reference is run again, recorded,
and differentiated like any other expression: so no second formula is written anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..autograd.backward import grad
from ..autograd.engine import OUTPUT, Node, Op, TensorBase, primitive, record_with

# the tensor itself as the result of an operation, so that it can be told from its own history
_same = primitive("alias", lambda x: x.view(), x=lambda g: g)


class Fused(Op):
    """An operation made of kernels.

    Parameters
    ----------
    name : str
        As for `Op`.
    vjp : callable
        ``vjp(grads, needs, inputs, options, kept)`` takes the gradients of the outputs (ndarrays,
        None for outputs that were not used), a bool for each input that says whether its gradient
        is wanted, and what `call` was given; returns the gradients of the inputs, in arrays that
        are new.
    reference : callable
        The same function as the kernel's forward in tensor operations: ``reference(*inputs,
        *options)``.
    """

    gives_new = True

    def __init__(
        self, name: str, vjp: Callable[..., Sequence[Any]], reference: Callable[..., Any]
    ) -> None:
        super().__init__(name)
        self.kernel_vjp = vjp
        self.reference = reference

    def call(
        self, edges: Any, inputs: tuple[Any, ...], options: tuple[Any, ...], kept: Any, results: Any
    ) -> Any:
        """Record a call: `results` (ndarrays) of `inputs` (tensors or None) and other `options`.

        `edges` is what `edges_if_recording` said of the inputs: None if nothing is to be recorded,
        and then nothing need be kept. `kept` is whatever the kernel's gradient needs besides.
        Returns the results as tensors.
        """
        saved = [] if edges is None else [*inputs, (options, kept), OUTPUT]
        return record_with(edges, self, saved, results)

    def vjp(self, node: Node, edges: Any, grads: list[Any], create_graph: bool) -> Any:
        *inputs, (options, kept), _ = node.values(create_graph)
        if not create_graph:
            return self.kernel_vjp(grads, [e is not None for e in edges], inputs, options, kept)
        # The inputs may depend on each other through their histories; the partial derivatives
        # wanted here are those of the reference alone, so it is run on aliases without a history of
        # their own.
        aliases = [
            _same(v) if isinstance(v, TensorBase) and v._requires_grad else v for v in inputs
        ]
        outputs = self.reference(*aliases, *options)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        used = [(y, g) for y, g in zip(outputs, grads) if g is not None]
        wanted = [a for a, e in zip(aliases, edges) if e is not None]
        found = iter(
            grad(
                [y for y, _ in used],
                wanted,
                [g for _, g in used],
                create_graph=True,
                allow_unused=True,
            )
        )
        return [None if e is None else next(found) for e in edges]
