"""Functions that users hang on tensors and nodes to see, or to replace, gradients as they pass.

`Hooks` holds all that hangs on one place of the graph. `minigrad.autograd.engine.walk` asks for it
where it passes, and has nothing to do where nothing hangs.
"""

from __future__ import annotations

import itertools
import os
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from .indexing import Placed
from .tensor_base import TensorBase, wrap

Hook = Callable[..., Any]
_next_id = itertools.count().__next__

# Held while a gradient is added to ``.grad``: two threads may run `backward` into the same tensor.
# (No thread holds it while the process forks; the child would wait for that thread forever.)
adding = threading.RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=adding.acquire, after_in_parent=adding.release, after_in_child=adding.release
    )


class RemovableHandle:
    """What registering a hook returns; `remove` takes the hook off again.

    It is also a context manager that removes the hook at the end of its block.
    """

    def __init__(self, hooks: dict[int, Hook]) -> None:
        self._hooks: dict[int, Hook] | None = hooks
        self.id = _next_id()

    def remove(self) -> None:
        """Take the hook off. A second call does nothing."""
        if self._hooks is not None:
            self._hooks.pop(self.id, None)
            self._hooks = None

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.remove()


def add_hook(hooks: dict[int, Hook], hook: Hook, prepend: bool = False) -> RemovableHandle:
    """Put `hook` at the end of `hooks`, or at the beginning of them, if they are an OrderedDict."""
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    if prepend:
        hooks.move_to_end(handle.id, last=False)  # type: ignore[attr-defined]
    return handle


class Hooks:
    """What hangs on a node, or on a leaf, which is where gradients end.

    Gradients meet it in the order of the attributes: `of_tensors`, `retained`, `before`; then the
    rules of the node run (a leaf adds to its ``.grad``), and `after` sees what came of it.

    Attributes
    ----------
    of_tensors : dict
        For each output the hooks of the tensor that it was when they were registered.
    retained : dict
        For each output a weak reference to the tensor that wants its gradient kept. (It may have
        moved on to another place in the graph since it said so.)
    before, after : dict
        The hooks of the node itself, see `minigrad.autograd.graph.GradFn`.
    metadata : dict
        What users like to note here.
    """

    __slots__ = ("after", "before", "metadata", "of_tensors", "retained")

    def __init__(self) -> None:
        self.of_tensors: dict[int, dict[int, Hook]] = {}
        self.retained: dict[int, weakref.ref[Any]] = {}
        self.before: dict[int, Hook] = {}
        self.after: dict[int, Hook] = {}
        self.metadata: dict[Any, Any] = {}

    def meet(
        self, place: Any, grads: list[Any], create_graph: bool, outputs_apart: bool = False
    ) -> None:
        """Pass the gradients of the outputs of `place`, where all this hangs, through the hooks of
        tensors, and keep them where they are to be kept. With `outputs_apart` the hooks of unused
        outputs are not called."""
        for k, hooks in list(self.of_tensors.items()):
            if grads[k] is not None or not outputs_apart:
                tensor = _as_tensor(grads[k])
                for hook in list(hooks.values()):
                    result = hook(tensor)
                    if result is not None:
                        tensor = _replaced(hook, tensor, result)
                (grads[k],) = _as_walked([tensor], create_graph)
        for k, reference in list(self.retained.items()):
            kept = reference()
            if grads[k] is not None and kept is not None and kept.edge == (place, k):
                g = _as_tensor(grads[k])
                with adding:
                    old = kept._grad  # (its tensor may have got another shape in place)
                    is_first = old is None or old.array.shape != g.array.shape
                    kept._grad = g.clone() if is_first else old + g

    def meet_before(self, grads: list[Any], create_graph: bool) -> list[Any]:
        """The gradients of the outputs after the pre-hooks of the node."""
        if not self.before:
            return grads
        tensors = tuple([_as_tensor(g) for g in grads])
        for hook in list(self.before.values()):
            tensors = _replaced_all(hook, tensors, hook(tensors))
        return _as_walked(tensors, create_graph)

    def meet_after(
        self, input_grads: Sequence[Any], grads: Sequence[Any], create_graph: bool
    ) -> Sequence[Any]:
        """The gradients of the inputs after the post-hooks of the node; `grads` came in."""
        if not self.after:
            return input_grads
        given = tuple([_as_tensor(g) for g in grads])
        tensors = tuple([_as_tensor(g) for g in input_grads])
        for hook in list(self.after.values()):
            tensors = _replaced_all(hook, tensors, hook(tensors, given))
        return _as_walked(tensors, create_graph)


class HooksInTurn(dict[int, Hook]):
    """Hooks on leaves, that only one thread runs at a time: the one that holds `lock`.

    As long as there are any (`count`), `backward` looks which leaves of its graph have some, to
    call them as soon as the gradient is complete.
    """

    count = 0

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.RLock()
        HooksInTurn.count += 1

    def __del__(self) -> None:
        HooksInTurn.count -= 1


def hung_on(place: Any) -> Hooks:
    """The `Hooks` of a node or a leaf."""
    if place._hooks is None:
        place._hooks = Hooks()
    hooks: Hooks = place._hooks
    return hooks


def add_tensor_hook(tensor: Any, hook: Hook) -> RemovableHandle:
    """Call `hook` with the gradient of `tensor` whenever one is computed."""
    place, k = tensor.edge or (tensor, 0)
    return add_hook(hung_on(place).of_tensors.setdefault(k, {}), hook)


def retain(tensor: Any) -> None:
    """Keep the gradient of `tensor` where it stands in the graph now."""
    place, k = tensor.edge
    hung_on(place).retained[k] = weakref.ref(tensor)


def _as_tensor(g: Any) -> Any:
    """A gradient on its way through the graph, in whatever form, as hooks see it."""
    if g is None or isinstance(g, TensorBase):
        return g
    return wrap(g.dense() if isinstance(g, Placed) else g)


def _as_walked(tensors: Sequence[Any], create_graph: bool) -> list[Any]:
    """Gradients in the form in which they go on: ndarrays, Tensors with `create_graph`."""
    return [t if create_graph or t is None else t.array for t in tensors]


def _replaced_all(hook: Hook, old: tuple[Any, ...], new: Any) -> tuple[Any, ...]:
    """The gradients `new` that a hook of a node returned in the place of `old`; None: as before."""
    if new is None:
        return old
    if not isinstance(new, tuple):
        raise TypeError(f"expected tuple, but hook returned '{type(new).__name__}'")
    if len(new) != len(old):
        raise RuntimeError(
            f"hook '{_name(hook)}' has returned an incorrect number of values (got {len(new)}, "
            f"but expected {len(old)})"
        )
    return tuple([n if n is None else _replaced(hook, o, n) for o, n in zip(old, new)])


def _replaced(hook: Hook, old: Any, new: Any) -> Any:
    """The gradient `new` that a hook returned in the place of `old`, after a check that it fits."""
    if not isinstance(new, TensorBase):
        raise TypeError(f"expected Variable, but hook returned '{type(new).__name__}'")
    if old is None:
        raise RuntimeError(
            f"hook '{_name(hook)}': can't replace a None gradient with a non-None value"
        )
    if new.array.shape != old.array.shape:
        raise RuntimeError(
            f"hook '{_name(hook)}' has changed the size of value: from "
            f"{list(old.array.shape)} to {list(new.array.shape)}"
        )
    if new.array.dtype != old.array.dtype:
        raise RuntimeError(
            f"hook '{_name(hook)}' has changed the type of value (was {old.dtype} got {new.dtype})"  # type: ignore[attr-defined]
        )
    return new


def _name(hook: Hook) -> Any:
    return getattr(hook, "__name__", hook)
