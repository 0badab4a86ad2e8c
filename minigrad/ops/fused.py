"""`Fused`: an operation of which forward and first derivative are kernels, the text a reference.

A kernel does in one call what the reference says in a few lines of tensor operations. The first
derivative is a kernel as well. For every higher derivative the reference is run again, recorded,
and differentiated like any other expression: so no second formula is written anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..autograd import errors
from ..autograd.backward import grad
from ..autograd.engine import Node, record_with
from ..autograd.primitive import Op, in_graph, primitive
from ..autograd.tensor_base import TensorBase, wrap

# the tensor itself as the result of an operation, so that it can be told from its own history
_same = primitive("alias", lambda x: x.view(), x=lambda g: g)


def _as_it_was(
    tensor: TensorBase, array: Any, node: Node, position: int, is_copy: bool
) -> TensorBase:
    """The input at `position` of `node`, in the place in the graph that it had then.

    The reference computes everything again, so it needs all inputs as they were.
    """
    if not is_copy and tensor.version.last > node.number:
        raise RuntimeError(errors.modified_in_place(tensor, node))
    before = wrap(array)
    edge = node.edges[position]
    if edge is not None:
        before.edge, before._requires_grad = edge, True
    return before


class Fused(Op):
    """An operation made of kernels.

    Parameters
    ----------
    name : str
        As for `Op`.
    vjp : callable
        ``vjp(grads, needs, arrays, options, kept)`` takes the gradients of the outputs (ndarrays,
        None for outputs that were not used), a bool for each input that says whether its gradient
        is wanted, and what `call` was given; returns the gradients of the inputs, in arrays that
        are new.
    reference : callable
        The same function as the kernel's forward in tensor operations: ``reference(*inputs,
        *options)``.
    reads_output : bool
        `vjp` finds the first result as one more value of `kept`: `OUTPUT` is always guarded.
    """

    gives_new = True
    outputs_apart = True

    def __init__(
        self, name: str, vjp: Callable[..., Sequence[Any]], reference: Callable[..., Any],
        reads_output: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(name)
        self.kernel_vjp = vjp
        self.reference = reference
        self.reads_output = reads_output

    def call(
        self, edges: Any, inputs: tuple[Any, ...], options: tuple[Any, ...], kept: Any,
        results: Any, arrays: list[Any], guarded: Sequence[Any], copied: tuple[int, ...] = (),
    ) -> Any:  # fmt: skip
        """Record a call.

        Parameters
        ----------
        edges : list or None
            What `edges_if_recording` said of the inputs: None if nothing is to be recorded, and
            then nothing need be kept.
        inputs : tuple of Tensor or None
        options : tuple
            The other arguments.
        kept : object
            Whatever the kernel's gradient needs besides.
        results : ndarray or tuple of ndarray
        arrays : list of ndarray or None
            The inputs as the kernel got them.
        guarded : sequence of Tensor or None
            What must not change before the first derivative, since `kernel_vjp` reads it: some of
            the inputs, and perhaps `OUTPUT`, in the last place. All else may be written to.
        copied : tuple of int
            Which of the `arrays` are no memory of the inputs.

        Returns
        -------
        Tensor or tuple of Tensor
            The results.
        """
        if edges is None:
            return record_with(None, self, [], results)
        return record_with(
            edges, self, [(inputs, arrays, copied, options, kept), *guarded], results
        )

    def vjp(self, node: Node, edges: Any, grads: list[Any], create_graph: bool) -> Any:
        values = node.values(False)
        inputs, arrays, copied, options, kept = values[0]
        if not create_graph:
            if self.reads_output:
                kept = (*kept, values[-1])
            return self.kernel_vjp(grads, [e is not None for e in edges], arrays, options, kept)
        # The inputs may depend on each other through their histories; the partial derivatives
        # wanted here are those of the reference alone, so it is run on aliases without a history of
        # their own.
        aliases = [
            _same(_as_it_was(v, array, node, k, k in copied)) if isinstance(v, TensorBase) else v
            for k, (v, array) in enumerate(zip(inputs, arrays))
        ]
        outputs = self.reference(*aliases, *options)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        used = [(y, g) for y, g in zip(outputs, grads) if g is not None and y._requires_grad]
        if not used:  # what was wanted depends on none of the inputs
            return [None] * len(edges)
        wanted = [a for a, e in zip(aliases, edges) if e is not None]
        found = grad(
            [y for y, _ in used],
            wanted,
            [g for _, g in used],
            create_graph=True,
            allow_unused=True,
        )
        in_order = iter([None if d is None else in_graph(d, wanted) for d in found])
        return [None if e is None else next(in_order) for e in edges]
