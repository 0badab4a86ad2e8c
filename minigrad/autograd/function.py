"""`Function`: operations that users write themselves, with a forward and a backward of their own.

A subclass has two static methods. `forward` computes with tensors and is not recorded; `backward`
gets the gradients of the outputs and returns those of the inputs. Between the two a
`FunctionCtx` carries what must be remembered. `Function.apply` runs the forward, and leaves one
node behind, whose gradient rule is the user's `backward`; with ``create_graph=True`` that rule is
recorded in its turn, so that what is written with tensor operations can be differentiated again.
"""

from __future__ import annotations

import functools
import warnings
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import errors
from .engine import Node, Output, attach, edges_of
from .grad_mode import mode, no_grad
from .listening import heard, is_listening
from .loans import before_write
from .primitive import Op
from .saving import Packed, hooks, pack_saved
from .tensor_base import TensorBase, bump_version, wrap
from .views import edge_of, fixed_view


class FunctionCtx:
    """What `forward` leaves for `backward`. Other attributes may be set freely.

    The node of the call holds the context, and the context knows the node by a weak reference only:
    so both are freed at once when the graph is. (An *output* set as an attribute, and not given to
    `save_for_backward`, holds the node and is held by it, until the garbage collector comes by.)

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
        self._node: weakref.ref[Node] | None = None

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

    @staticmethod
    def _check(name: str, tensors: tuple[Any, ...]) -> None:
        for k, tensor in enumerate(tensors):
            if not isinstance(tensor, TensorBase):
                raise RuntimeError(
                    f"{name} can only accept variables, but argument {k} is of type "
                    f"{type(tensor).__name__}"
                )

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """The tensors given to `save_for_backward`."""
        if self._node is None:  # not yet recorded
            return ()
        node = self._node()
        if node is None or node.saved is None:
            raise RuntimeError(errors.FREED)
        if type(node.saved) is Packed:
            return tuple(node.saved.unpacked(node))
        for value in node.saved:
            if value is not None and value.version.last > node.number:
                raise RuntimeError(errors.modified_in_place(value, node))
        return tuple([v.restore(node) if isinstance(v, Output) else v for v in node.saved])

    def mark_dirty(self, *tensors: Any) -> None:
        """Say which inputs `forward` has changed in place; they must be among its outputs."""
        self._check("mark_dirty", tensors)
        self.dirty = tensors

    def mark_non_differentiable(self, *tensors: Any) -> None:
        """Say which outputs have no gradient."""
        self._check("mark_non_differentiable", tensors)
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

    sees_nothing = True

    def __init__(self, function: type[Function], context: FunctionCtx) -> None:
        super().__init__(function.__name__)
        self.function = function
        self.context = context
        self.inputs: list[Any] = []  # of each argument its shape and type; None: is no tensor
        self.outputs: list[Any] = []  # of each output, likewise
        self.saves_tensors = bool(context.to_save)

    def printed(self, output: int = 0) -> str:
        """The name of the user's class."""
        return f"{self.name}Backward"

    def vjp(
        self, node: Node, edges: Sequence[Any], grads: list[Any], create_graph: bool
    ) -> Sequence[Any]:
        given = [
            g if isinstance(g, TensorBase)
            else wrap(g) if g is not None
            else wrap(np.zeros(*kind)) if kind is not None and self.context.materialize_grads
            else None
            for g, kind in zip(grads, self.outputs)
        ]  # fmt: skip
        previous, mode.enabled = mode.enabled, create_graph
        try:
            results = self.function._rule()(self.context, *given)
            results = results if isinstance(results, tuple) else (results,)
            checked = [
                self._checked(k, g, edges[k] is not None)
                for k, g in enumerate(self._counted(results))
            ]
        finally:
            mode.enabled = previous
        if create_graph:
            return checked
        return [None if g is None else g.array for g in checked]

    def _counted(self, results: tuple[Any, ...]) -> tuple[Any, ...]:
        """As many gradients as there were arguments; surplus ones must be None."""
        count = len(self.inputs)
        if len(results) < count or any([g is not None for g in results[count:]]):
            raise RuntimeError(
                f"function {self.printed()} returned an incorrect number of gradients (expected "
                f"{count}, got {len(results)})"
            )
        return results[:count]

    def _checked(self, k: int, g: Any, wanted: bool) -> Any:
        """The gradient of argument k in its shape and type; what was broadcast is summed."""
        if g is None:
            return None
        if self.inputs[k] is None:
            raise RuntimeError(
                f"function {self.printed()} returned a gradient different than None at position "
                f"{k + 1}, but the corresponding forward input was not a Variable"
            )
        if not isinstance(g, TensorBase):
            raise RuntimeError(f"expected Variable or None (got {type(g).__name__})")
        if not wanted:
            return None
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
                f"Function {self.printed()} returned an invalid gradient at index {k} - got "
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

    @staticmethod
    def vjp(ctx: Any, *grad_outputs: Any) -> Any:
        """Another name for `backward`."""
        raise NotImplementedError("see backward")

    @classmethod
    def _rule(cls) -> Callable[..., Any]:
        if cls.vjp is Function.vjp:
            return cls.backward
        if cls.backward is not Function.backward:
            raise RuntimeError(
                "Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You "
                "should only implement one of them."
            )
        return cls.vjp

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run `forward` on `args`, and record it if one of them requires a gradient."""
        if is_listening():
            return heard(_apply, (cls, *args), kwargs)
        takes_context = cls.setup_context is Function.setup_context
        args = _by_position(cls.forward, args, kwargs, takes_context)
        edges = [edge_of(a) if isinstance(a, TensorBase) else None for a in args]
        context = FunctionCtx(tuple([e is not None for e in edges]))
        for tensor in args:  # which `forward` may write to: that it did is heard of afterwards
            if isinstance(tensor, TensorBase):
                before_write(tensor)
        with no_grad():
            if takes_context:
                results = cls.forward(context, *args)
            else:
                results = cls.forward(*args)
                cls.setup_context(context, args, results)
        outputs = results if isinstance(results, tuple) else (results,)
        _check_dirty(context, args, outputs)
        for tensor in context.dirty:
            bump_version(tensor)
        if mode.enabled and any(edges):
            outputs = cls._recorded(context, args, edges, outputs)
        else:
            outputs = tuple([_constant(y, context, args) for y in outputs])
        return outputs if isinstance(results, tuple) else outputs[0]

    @classmethod
    def _recorded(
        cls, context: FunctionCtx, args: tuple[Any, ...], edges: list[Any], outputs: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        """The outputs with their place in the graph behind a new node."""
        op = _Custom(cls, context)
        op.inputs, op.outputs = [_kind(a) for a in args], [_kind(y) for y in outputs]
        if len(outputs) > 1 and any([y.view_of is not None for y in context.dirty]):
            raise RuntimeError(
                "If your Function modifies inplace an input that is a view of another Tensor, your "
                "Function cannot return more than one Tensor. Change a clone of the input, or "
                "make it two Functions."
            )
        edges = [
            a._edge_past_hooks(edge) if edge is not None and _is_among(a, context.dirty) else edge
            for a, edge in zip(args, edges)
        ]
        renewed, positions = [], {}
        for k, y in enumerate(outputs):
            if _wants_node(y, context):
                if not _is_among(y, context.dirty) and _shares(y, args):
                    if _is_among(y, args):  # which goes on as what it is
                        y = y[...]
                    y = _fixed_view(y, op, len(outputs))
                positions[id(y)] = k
            else:
                y = _constant(y, context, args)
            renewed.append(y)
        saved = [
            _SavedOutput(v, positions[id(v)]) if id(v) in positions else v for v in context.to_save
        ]
        context.to_save = ()  # the node has them from now on
        node = Node(op, edges, saved, len(outputs))
        context._node = weakref.ref(node)
        for k, y in enumerate(renewed):
            if positions.get(id(y)) != k:
                continue  # has no gradient, or is named again by a later output
            if _is_among(y, context.dirty):
                result = wrap(y.array)
                result.edge, result._requires_grad = (node, k), True
                y._rebase(result)
            else:
                y.edge, y._requires_grad = (node, k), True
        if hooks:
            pack_saved(node, renewed)
        return tuple(renewed)


def _apply(cls: type[Function], *args: Any, **kwargs: Any) -> Any:
    """`Function.apply`, such that it can be asked for again (see `listening`)."""
    return cls.apply(*args, **kwargs)


def _by_position(
    forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], takes_context: bool
) -> tuple[Any, ...]:
    """The arguments of `forward` as a tuple; without a context, its defaults are among them."""
    code = getattr(forward, "__code__", None)
    if not kwargs and (
        takes_context
        or (code is not None and code.co_argcount == len(args) and not code.co_kwonlyargcount)
    ):
        return args
    import inspect  # slow to import

    lead = (None,) if takes_context else ()
    bound = inspect.signature(forward).bind(*lead, *args, **kwargs)
    if not takes_context:
        bound.apply_defaults()
    for name in bound.kwargs:
        raise TypeError(
            f"forward() got an unexpected keyword argument {name!r}: what Function.apply takes "
            "by name must have a position, too"
        )
    return bound.args[len(lead) :]


def _is_among(y: Any, values: tuple[Any, ...]) -> bool:
    return any([y is v for v in values])


def _kind(value: Any) -> tuple[tuple[int, ...], np.dtype] | None:
    """The shape and type of a tensor; None of anything else."""
    return (value.array.shape, value.array.dtype) if isinstance(value, TensorBase) else None


def _check_dirty(context: FunctionCtx, args: tuple[Any, ...], outputs: tuple[Any, ...]) -> None:
    for tensor in context.dirty:
        if not _is_among(tensor, outputs):
            raise RuntimeError(
                "Some elements marked as dirty during the forward method were not returned as "
                "output. The inputs that are modified inplace must all be outputs of the Function."
            )
        if not _is_among(tensor, args):
            warnings.warn(
                "ctx.mark_dirty() received a tensor that was not an input. Only input Tensors "
                "should be given to it.",
                stacklevel=3,
            )
        if mode.enabled and edge_of(tensor) == (tensor, 0):
            raise RuntimeError(
                "a leaf Variable that requires grad has been used in an in-place operation."
            )


def _wants_node(y: Any, context: FunctionCtx) -> bool:
    """Whether an output has a gradient."""
    return (
        isinstance(y, TensorBase)
        and y.array.dtype.kind == "f"
        and not _is_among(y, context.non_differentiable)
    )


def _shares(y: Any, args: tuple[Any, ...]) -> bool:
    """Whether an output shows the memory of another tensor."""
    return y.view_of is not None or _is_among(y, args)


def _constant(y: Any, context: FunctionCtx, args: tuple[Any, ...]) -> Any:
    """An output outside the graph. An input must stay what it is, so a view of it is returned."""
    if not isinstance(y, TensorBase) or not _is_among(y, args):
        return y
    if _is_among(y, context.dirty) and not y._requires_grad:
        return y
    return y.detach()  # type: ignore[attr-defined]


def _fixed_view(y: TensorBase, op: Op, outputs: int) -> Any:
    """A view of an input, or of something else, that is an output of `op`.

    It must not be written to: how the gradient goes from here to there only the user's backward
    knows, which cannot be split into the part that is overwritten and the rest.
    """
    op.gives_views = errors.ONE_OF_SEVERAL_VIEWS if outputs > 1 else errors.VIEW_OF_A_FUNCTION
    return fixed_view(y, op)


class _Once(Op):
    """The end of the graph behind a backward that may not be differentiated."""

    saves_tensors = False

    def vjp(self, node: Any, edges: Any, grads: Any, create_graph: bool) -> Any:
        raise RuntimeError(
            "trying to differentiate twice a function that was marked with @once_differentiable"
        )


_ONCE = _Once("once_differentiable")


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
