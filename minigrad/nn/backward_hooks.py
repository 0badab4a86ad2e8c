"""What a module's backward hooks hang on: two places in the graph, around one call of ``forward``.

Gradients of the outputs pass through one boundary before they enter the module's own operations,
and gradients of the inputs pass through another when they leave. `minigrad.nn.hooks` puts a
`BackwardHooks` around a call if the module has such hooks.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..autograd import errors
from ..autograd.engine import Node, attach
from ..autograd.grad_mode import is_grad_enabled
from ..autograd.primitive import Op
from ..autograd.tensor_base import wrap
from ..autograd.views import edge_of, fixed_view
from ..tensor import Tensor

Hook = Callable[..., Any]


class _Boundary(Op):
    """The identity on several tensors; their gradients pass through a function on the way back.

    What comes out are views, and must not be written to: the tensors outside would not know.
    """

    gives_views = errors.VIEW_OF_A_FUNCTION
    sees_nothing = True

    def __init__(self) -> None:
        super().__init__("backward_hook_function")

    def vjp(
        self, node: Node, edges: Sequence[Any], grads: list[Any], create_graph: bool
    ) -> Sequence[Any]:
        (passing,) = node.saved or ()
        tensors = [g if g is None or isinstance(g, Tensor) else wrap(g) for g in grads]
        replaced = passing(tensors)
        return replaced if create_graph else [None if g is None else g.array for g in replaced]


_boundary = _Boundary()


def _requiring_grad(values: Sequence[Any]) -> list[int]:
    """Positions of the tensors whose gradient is going to be computed."""
    if not is_grad_enabled():
        return []
    return [k for k, v in enumerate(values) if isinstance(v, Tensor) and v.requires_grad]


def _put_boundary(values: Sequence[Any], passing: Callable[[list[Any]], Any]) -> list[Any]:
    """`values` with the tensors among them that require a gradient sent through a boundary."""
    watched = _requiring_grad(values)
    inside = list(values)
    if watched:
        tensors = [values[k] for k in watched]
        views = [fixed_view(t.view_as(t), _boundary) for t in tensors]
        attach(views, _boundary, [edge_of(t) for t in tensors], [passing])
        for k, view in zip(watched, views, strict=True):
            inside[k] = view
    return inside


def _rebuilt(original: tuple[Any, ...], values: Sequence[Any]) -> tuple[Any, ...]:
    """`values` as a tuple of the kind of `original`, which may be a namedtuple."""
    kind = type(original)
    return kind(values) if kind is tuple else kind(*values)


def _expand(length: int, positions: Sequence[int], values: Sequence[Any]) -> tuple[Any, ...]:
    """A tuple of `length`, None but for `values` at `positions`."""
    full: list[Any] = [None] * length
    for k, value in zip(positions, values, strict=True):
        full[k] = value
    return tuple(full)


class BackwardHooks:
    """The backward hooks of one call: gradients meet them at the outputs, then at the inputs."""

    def __init__(self, module: Any, pre_hooks: Sequence[Hook], hooks: Sequence[Hook]) -> None:
        self.module = module
        self.pre_hooks = pre_hooks
        self.hooks = hooks
        self.number_of_inputs = 0
        self.inputs_watched = False
        self.grad_output: tuple[Any, ...] | None = None

    def watch_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return `args` so that their gradients will go through the backward hooks."""
        self.number_of_inputs = len(args)
        positions = _requiring_grad(args)
        self.inputs_watched = bool(positions)

        def passing(grads: list[Any]) -> list[Any]:
            # An input that the output does not depend on has the gradient zero.
            known = [
                wrap(np.zeros_like(args[k].array)) if g is None else g
                for k, g in zip(positions, grads, strict=True)
            ]
            if self.grad_output is None:  # no gradient came through the outputs: this is the
                return known  # second half of a second derivative, and not the module's gradient
            grad_input = self.run_hooks(_expand(len(args), positions, known))
            self.grad_output = None
            return [grad_input[k] for k in positions]

        return tuple(_put_boundary(args, passing))

    def watch_outputs(self, output: Any) -> Any:
        """Return `output` so that its gradients will go through the backward pre-hooks."""
        outputs = output if isinstance(output, tuple) else (output,)
        if not isinstance(output, (Tensor, tuple)):
            warnings.warn(
                "For backward hooks to be called, module output should be a Tensor or a tuple of "
                f"Tensors but received {type(output)}",
                stacklevel=4,
            )
            return output
        positions = _requiring_grad(outputs)

        def passing(grads: list[Any]) -> list[Any]:
            grad_output = self.run_pre_hooks(_expand(len(outputs), positions, grads))
            self.grad_output = grad_output
            if not self.inputs_watched:
                self.run_without_inputs()
            return [grad_output[k] for k in positions]

        watched = _put_boundary(outputs, passing)
        return _rebuilt(output, watched) if isinstance(output, tuple) else watched[0]

    def run_pre_hooks(self, grad_output: tuple[Any, ...]) -> tuple[Any, ...]:
        """Pass `grad_output` through the backward pre-hooks."""
        for hook in self.pre_hooks:
            result = hook(self.module, grad_output)
            if result is not None:
                grad_output = self.replaced(result, "grad_output", len(grad_output))
        return grad_output

    def run_hooks(self, grad_input: tuple[Any, ...]) -> tuple[Any, ...]:
        """Pass `grad_input` through the backward hooks."""
        for hook in self.hooks:
            result = hook(self.module, grad_input, self.grad_output)
            if result is not None:
                grad_input = self.replaced(result, "grad_input", len(grad_input))
        return grad_input

    def run_without_inputs(self) -> None:
        """Call the backward hooks at the outputs, because no gradient will reach an input."""
        if self.hooks:
            warnings.warn(
                "Full backward hook is firing when gradients are computed with respect to module "
                "outputs since no inputs require gradients.",
                stacklevel=2,
            )
        no_grads = (None,) * self.number_of_inputs
        for hook in self.hooks:
            result = hook(self.module, no_grads, self.grad_output)
            if result is not None and any(g is not None for g in _as_tuple(result)):
                raise RuntimeError(
                    "Backward hook for Modules where no input requires gradient should always "
                    "return None or None for all gradients."
                )

    @staticmethod
    def replaced(result: Any, name: str, expected: int) -> tuple[Any, ...]:
        """Check what a backward hook returned in place of the gradients it was given."""
        gradients = _as_tuple(result)
        if len(gradients) != expected:
            raise RuntimeError(
                f"Backward hook returned an invalid number of {name}, got {len(gradients)}, "
                f"but expected {expected}"
            )
        for g in gradients:
            if g is not None and not isinstance(g, Tensor):
                raise TypeError(
                    f"Backward hook: {name} must hold Tensors or None, but got {type(g).__name__}"
                )
        return gradients


def hang_on_last_operation(module: Any, hooks: Sequence[Hook], output: Any) -> None:
    """Hang old-style backward hooks on the operation that made `output`, or the first tensor in it.

    They see the gradients of that operation's inputs, which need not be the module's inputs.
    """
    tensor = _first_tensor(output)
    if tensor is None:
        warnings.warn(
            "For backward hooks to be called, module output should be a Tensor, or a dict, list or "
            f"tuple that holds one, but received {type(output)}",
            stacklevel=4,
        )
    elif tensor.grad_fn is not None:
        for hook in hooks:
            tensor.grad_fn.register_hook(functools.partial(hook, module))


def _first_tensor(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value
    if isinstance(value, dict):
        value = list(value.values())
    for entry in value if isinstance(value, (list, tuple)) else ():
        found = _first_tensor(entry)
        if found is not None:
            return found
    return None


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)
