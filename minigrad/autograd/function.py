"""`Function`: operations that users write themselves, with a forward and a backward of their own.

A subclass has two static methods. `forward` computes with tensors and is not recorded; `backward`
gets the gradients of the outputs and returns those of the inputs. Between the two a
`FunctionCtx` carries what must be remembered. `Function.apply` runs the forward, and leaves one
node behind, whose gradient rule is the user's `backward`; with ``create_graph=True`` that rule is
recorded in its turn, so that what is written with tensor operations can be differentiated again.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import errors
from .engine import (
    Node,
    Op,
    Output,
    TensorBase,
    attach,
    bump_version,
    edge_of,
    edges_of,
    mode,
    wrap,
)
from .grad_mode import no_grad
from .loans import before_write


class FunctionCtx:
    """What `forward` leaves for `backward`. Other attributes may be set freely.

    Attributes
    ----------
    needs_input_grad : tuple of bool
        For each argument of `apply`, whether its gradient is wanted.
    """

    def __init__(self, needs_input_grad: tuple[bool, ...] = ()) -> None:
        self.needs_input_grad = needs_input_grad
        self.to_save: tuple[Any, ...] = ()
        self.dirty: tuple[Any, ...] = ()
        self.non_differentiable: tuple[Any, ...] = ()
        self.materialize_grads = True
        self._unpack: Callable[[], tuple[Any, ...]] = lambda: self.to_save

    def save_for_backward(self, *tensors: Any) -> None:
        """Remember tensors (or None) for `backward`, where `saved_tensors` gives them back.

        Inputs and outputs should be saved this way and not as attributes: it is noticed if they are
        changed in place before `backward` needs them, and `backward` frees them.
        """
        for k, tensor in enumerate(tensors):
            if tensor is not None and not isinstance(tensor, TensorBase):
                raise TypeError(
                    "save_for_backward can only save variables, but argument "
                    f"{k} is of type {type(tensor).__name__}"
                )
        self.to_save = tensors

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """The tensors given to `save_for_backward`."""
        return self._unpack()

    def mark_dirty(self, *tensors: Any) -> None:
        """Say which inputs `forward` has changed in place; they must be among its outputs."""
        self.dirty = tensors

    def mark_non_differentiable(self, *tensors: Any) -> None:
        """Say which outputs have no gradient."""
        self.non_differentiable = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """False: `backward` is handed None, not zeros, for an output that was not used."""
        self.materialize_grads = value


class _SavedOutput(Output):
    """An output that its own function saved (see `Output`); there may be several outputs."""

    def __init__(self, tensor: TensorBase, k: int) -> None:
        super().__init__(tensor)
        self.k = k

    def restore(self, node: Node) -> TensorBase:
        """The output as a tensor of the graph again."""
        tensor = super().restore(node)
        tensor.edge = (node, self.k)
        return tensor


class _Custom(Op):
    """The operation behind one call of `Function.apply`."""

    def __init__(self, function: type[Function], context: FunctionCtx) -> None:
        super().__init__(function.__name__)
        self.node_name = f"{function.__name__}Backward"
        self.function = function
        self.context = context
        self.inputs: list[Any] = []  # of each argument its shape and type; None: is no tensor
        self.outputs: list[tuple[tuple[int, ...], np.dtype]] = []
        self.saves_tensors = bool(context.to_save)

    def vjp(
        self, node: Node, edges: Sequence[Any], grads: list[Any], create_graph: bool
    ) -> Sequence[Any]:
        given = [
            g if isinstance(g, TensorBase)
            else wrap(g) if g is not None
            else wrap(np.zeros(*self.outputs[k])) if self.context.materialize_grads
            else None
            for k, g in enumerate(grads)
        ]  # fmt: skip
        self.context._unpack = lambda: self._saved(node)
        previous, mode.enabled = mode.enabled, create_graph
        try:
            results = self.function.backward(self.context, *given)
            results = results if isinstance(results, tuple) else (results,)
            checked = [self._checked(k, g) for k, g in enumerate(self._counted(results))]
        finally:
            mode.enabled = previous
        if create_graph:
            return checked
        return [None if g is None else g.array for g in checked]

    def _saved(self, node: Node) -> tuple[Any, ...]:
        if node.saved is None:
            raise RuntimeError(errors.FREED)
        for value in node.saved:
            if value is not None and value.version[1] > node.number:
                raise RuntimeError(errors.modified_in_place(value, node))
        return tuple([v.restore(node) if isinstance(v, Output) else v for v in node.saved])

    def _counted(self, results: tuple[Any, ...]) -> tuple[Any, ...]:
        """As many gradients as there were arguments; surplus ones must be None."""
        count = len(self.inputs)
        if len(results) < count or any([g is not None for g in results[count:]]):
            raise RuntimeError(
                f"function {self.node_name} returned an incorrect number of gradients (expected "
                f"{count}, got {len(results)})"
            )
        return results[:count]

    def _checked(self, k: int, g: Any) -> Any:
        """The gradient of argument k in its shape and type; what was broadcast is summed."""
        if g is None:
            return None
        if self.inputs[k] is None:
            raise RuntimeError(
                f"function {self.node_name} returned a gradient different than None at position "
                f"{k + 1}, but the corresponding forward input was not a Variable"
            )
        if not isinstance(g, TensorBase):
            raise RuntimeError(f"expected Variable or None (got {type(g).__name__})")
        shape, kind = self.inputs[k]
        if g.array.dtype != kind:
            g = g.to(kind)  # type: ignore[attr-defined]
        if g.array.shape == shape:
            return g
        lead = g.array.ndim - len(shape)
        axes = [a for a, n in enumerate((1,) * lead + shape) if n == 1] if lead >= 0 else []
        summed = g.sum(tuple(axes), keepdim=True) if axes else g
        if lead < 0 or summed.array.shape[lead:] != shape:
            raise RuntimeError(
                f"Function {self.node_name} returned an invalid gradient at index {k} - got "
                f"{list(g.array.shape)} but expected shape compatible with {list(shape)}"
            )
        return summed.reshape(shape)


class Function:
    """Base class of operations with a gradient rule written by hand.

    Subclasses define the static methods ``forward(ctx, *args)`` and ``backward(ctx, *grads)``, and
    are used through `apply`. Alternatively ``forward(*args)`` goes without the context, and
    ``setup_context(ctx, inputs, output)`` saves what `backward` needs.

    Examples
    --------
    >>> import minigrad as mg
    >>> class Exp(mg.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         y = x.exp()
    ...         ctx.save_for_backward(y)
    ...         return y
    ...
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         (y,) = ctx.saved_tensors
    ...         return g * y
    >>> x = mg.tensor(0.0, requires_grad=True)
    >>> y = Exp.apply(x)
    >>> y
    tensor(1., grad_fn=<ExpBackward>)
    >>> y.backward()
    >>> x.grad
    tensor(1.)
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(
            "Legacy autograd function with non-static forward method is deprecated. Please use a "
            f"static forward method, and call {type(self).__name__}.apply(...)"
        )

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the outputs: a tensor or a tuple. The first argument is a `FunctionCtx`."""
        raise NotImplementedError(
            "You must implement the forward function for custom autograd.Function."
        )

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """Save for `backward`, if `forward` does not take the context."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """The gradients of the arguments of `forward`, from those of its outputs, or None."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom "
            "autograd.Function to use it with backward mode AD."
        )

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Run `forward` on `args`, and record it if one of them requires a gradient."""
        edges = [edge_of(a) if isinstance(a, TensorBase) else None for a in args]
        context = FunctionCtx(tuple([e is not None for e in edges]))
        for tensor in args:  # which `forward` may write to: that it did is heard of afterwards
            if isinstance(tensor, TensorBase):
                before_write(tensor)
        with no_grad():
            if cls.setup_context is Function.setup_context:
                results = cls.forward(context, *args)
            else:
                results = cls.forward(*args)
                cls.setup_context(context, args, results)
        outputs = results if isinstance(results, tuple) else (results,)
        for tensor in context.dirty:
            if mode.enabled and edge_of(tensor) == (tensor, 0):
                raise RuntimeError(
                    "a leaf Variable that requires grad has been used in an in-place operation."
                )
            bump_version(tensor)
        if mode.enabled and any(edges):
            outputs = cls._recorded(context, args, edges, outputs)
        return outputs if isinstance(results, tuple) else outputs[0]

    @classmethod
    def _recorded(
        cls, context: FunctionCtx, args: tuple[Any, ...], edges: list[Any], outputs: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        """The outputs with their place in the graph behind a new node."""
        op = _Custom(cls, context)
        op.inputs = [
            (a.array.shape, a.array.dtype) if isinstance(a, TensorBase) else None for a in args
        ]
        fixed = (*context.dirty, *context.non_differentiable)
        renewed = []  # an input that is handed on unchanged must stay what it was
        for y in outputs:
            if any([y is a for a in args]) and not any([y is f for f in fixed]):
                y = wrap(y.array)
            renewed.append(y)
        tensors = [y for y in renewed if isinstance(y, TensorBase)]
        op.outputs = [(y.array.shape, y.array.dtype) for y in tensors]
        positions = {id(y): k for k, y in enumerate(tensors)}
        saved = [
            _SavedOutput(v, positions[id(v)]) if id(v) in positions else v for v in context.to_save
        ]
        context.to_save = ()  # the node has them from now on
        attach(tensors, op, edges, saved)
        for y in context.non_differentiable:
            y.edge, y._requires_grad = None, False
        return tuple(renewed)


class _Once(Op):
    """The end of the graph behind a backward that may not be differentiated."""

    saves_tensors = False

    def vjp(self, node: Any, edges: Any, grads: Any, create_graph: bool) -> Any:
        raise RuntimeError(
            "trying to differentiate twice a function that was marked with @once_differentiable"
        )


_ONCE = _Once("once_differentiable")
_ONCE.node_name = "DelayedError"


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a `Function.backward` whose result must not be differentiated again.

    Its body may then compute in ways that are not recorded, on ndarrays for instance. A second
    derivative through it raises RuntimeError.
    """

    @functools.wraps(backward)
    def wrapper(ctx: Any, *grads: Any) -> Any:
        with no_grad():
            results = backward(ctx, *grads)
        edges = edges_of(grads) if mode.enabled else None
        if edges is None:
            return results
        several = results if isinstance(results, tuple) else (results,)
        fresh = [wrap(g.array) if isinstance(g, TensorBase) else g for g in several]
        attach([g for g in fresh if g is not None], _ONCE, edges, [])
        return tuple(fresh) if isinstance(results, tuple) else fresh[0]

    return wrapper
