"""The graph as those see it who walk through it: ``tensor.grad_fn`` and its neighbours.

The engine's own record is made of `Node` objects, tensors and tuples. PyTorch shows its graph as
objects whose class has the operation's name, linked by ``next_functions`` and ending in an
``AccumulateGrad`` for every leaf. Programs that draw or search graphs expect those, so they are
made here, on demand, one for each place that somebody looks at. Whoever does not look pays nothing.
"""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .engine import Node as EngineNode
from .hooks import Hook, RemovableHandle, add_hook, hung_on
from .primitive import Primitive
from .saving import hooks, hooks_of_thread


class GradFn:
    """A recorded operation, where gradients come through on their way back.

    ``type(grad_fn).__name__`` and ``grad_fn.name()`` are PyTorch's name for the operation.
    What a `Function` has left in its context can be read as attributes.

    Examples
    --------
    >>> import minigrad as mg
    >>> x = mg.ones(2, requires_grad=True)
    >>> y = (x * 3).sum()
    >>> def walk(fn, depth=0):
    ...     print("  " * depth + type(fn).__name__)
    ...     for following, _ in fn.next_functions:
    ...         if following is not None:
    ...             walk(following, depth + 1)
    >>> walk(y.grad_fn)
    SumBackward0
      MulBackward0
        AccumulateGrad
    """

    __slots__ = ("__weakref__", "_place")

    def __init__(self, place: Any) -> None:
        self._place = place  # a node of the engine, or a leaf

    def name(self) -> str:
        """The name of the operation."""
        return type(self).__name__

    @property
    def next_functions(self) -> tuple[tuple[GradFn | None, int], ...]:
        """For every input, what its gradient meets next, and which output of that the input was."""
        return tuple([(None, 0) if e is None else (grad_fn_at(e), e[1]) for e in self._place.edges])

    @property
    def metadata(self) -> dict[Any, Any]:
        """A dictionary to write notes in; it lasts as long as the graph."""
        return hung_on(self._place).metadata

    requires_grad = property(lambda self: True, doc="True: else there would be no node.")

    def register_hook(self, hook: Hook) -> RemovableHandle:
        """Call ``hook(grad_inputs, grad_outputs)`` after the operation's gradients were computed.

        Both are tuples of tensors and None. The hook may return another tuple in the place of
        `grad_inputs`.
        """
        return add_hook(hung_on(self._place).after, hook)

    def register_prehook(self, hook: Hook) -> RemovableHandle:
        """Call ``hook(grad_outputs)`` before; it may return another tuple in the place of them."""
        return add_hook(hung_on(self._place).before, hook)

    def _sequence_nr(self) -> int:
        return int(self._place.number)

    def _saved(self) -> dict[str, Any]:
        """The values that the rules of a `Primitive` named, under PyTorch's names."""
        op = self._place.op
        if not isinstance(op, Primitive):
            return {}
        arguments = op.arguments
        known = {0: "self", 1: "other"} if len(op.differentiable) < 3 else {}
        names = [
            "result" if kind == "output"
            else known.get(k, arguments[k]) if kind == "argument"
            else f"{known.get(k, arguments[k])}_sizes"
            for kind, k in op.sources
        ]  # fmt: skip
        return {f"_saved_{name}": k for k, name in enumerate(names)}

    def __getattr__(self, name: str) -> Any:
        context = getattr(self._place.op, "context", None)
        if name.startswith("_saved_") and name in self._saved():
            return self._place.values(True)[self._saved()[name]]
        if context is None or name.startswith("__"):
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
        return getattr(context, name)

    def __dir__(self) -> list[str]:
        context = getattr(self._place.op, "context", None)
        return [*super().__dir__(), *self._saved(), *getattr(context, "__dict__", ())]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} object at {id(self):#x}>"


Node = GradFn  # PyTorch's name for it


class AccumulateGrad(GradFn):
    """Where the gradient of a leaf arrives, and is added to its ``.grad``."""

    __slots__ = ()

    variable = property(lambda self: self._place, doc="The leaf.")
    next_functions = property(lambda self: (), doc="Nothing: here gradients end.")

    def name(self) -> str:
        """The name, with PyTorch's namespaces."""
        return "torch::autograd::AccumulateGrad"

    def _sequence_nr(self) -> int:
        return 2**64 - 1  # as in PyTorch: before all others

    def _saved(self) -> dict[str, Any]:
        return {}

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"'AccumulateGrad' object has no attribute '{name}'")

    def __dir__(self) -> list[str]:
        return list(object.__dir__(self))


@functools.cache
def _class_named(name: str) -> Callable[[Any], GradFn]:
    return type(name, (GradFn,), {"__slots__": ()})


# As long as somebody holds a GradFn (and by it the place) the same one is given out again.
_known: weakref.WeakValueDictionary[tuple[int, str], GradFn] = weakref.WeakValueDictionary()


def grad_fn_at(edge: tuple[Any, int]) -> GradFn:
    """What stands at an edge of the engine's graph: see `minigrad.autograd.engine.Node.edges`."""
    place, output = edge
    if type(place) is EngineNode:
        name = place.name(output)
        make = _class_named(name)
    else:
        name, make = "AccumulateGrad", AccumulateGrad
    known = _known.get((id(place), name))
    if known is None:
        known = _known[id(place), name] = make(place)
    return known


class saved_tensors_hooks:
    """A ``with`` block in which a hook decides how what the graph saves is kept.

    An operation saves tensors that its gradient needs. Within the block each of them is given to
    `pack_hook`, and what that returns, any object, is kept instead: the tensor on disk, in fewer
    bits, or what it takes to compute it again. When the gradient is computed, `unpack_hook` is
    given that object and returns the tensor. Hooks move entries: the tensor's place in the graph is
    kept, so that second derivatives are right. See PyTorch's page
    https://docs.pytorch.org/docs/stable/autograd.html.

    Blocks may be nested: the innermost counts. They are for the thread that enters them.

    Parameters
    ----------
    pack_hook : callable
        ``pack_hook(tensor) -> object``. Called without recording; it must not write to the tensor.
    unpack_hook : callable
        ``unpack_hook(object) -> Tensor`` of the same shape. It may be called several times if the
        graph is retained.

    Raises
    ------
    TypeError
        A hook is not callable; in `backward`: `unpack_hook` did not return a tensor.
    RuntimeError
        `pack_hook` wrote to its tensor; hooks are disabled (see `disable_saved_tensors_hooks`); in
        `backward`: the unpacked tensor has another shape.

    Notes
    -----
    Which tensors an operation saves is its own matter, and not always the same ones as in PyTorch.
    A layer shows what its kernel keeps, inputs, weights, output and gates, each as one tensor. The
    tape of a step of one's own (`minigrad.nn.Recurrent`) is not shown. Functions of
    `minigrad.compile` run as they are written in such a block. That an input was written to after
    the call is not noticed if it was packed: keep a copy, or do not write to it.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.autograd.graph import saved_tensors_hooks
    >>> def pack(x):
    ...     print("pack", [round(v, 4) for v in x.tolist()])
    ...     return x.numpy().astype("float16")
    >>> def unpack(kept):
    ...     print("unpack", kept.tolist())
    ...     return mg.from_numpy(kept.astype("float32"))
    >>> x = mg.tensor([1.0, 2.0], requires_grad=True)
    >>> with saved_tensors_hooks(pack, unpack):
    ...     y = x.exp().sum()
    pack [2.7183, 7.3891]
    >>> y.backward()
    unpack [2.71875, 7.390625]
    >>> x.grad
    tensor([2.7188, 7.3906])
    """

    def __init__(self, pack_hook: Callable[[Any], Any], unpack_hook: Callable[[Any], Any]) -> None:
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook

    def __enter__(self) -> None:
        me = threading.get_ident()
        if me in _disabled:
            raise RuntimeError(_disabled[me][-1])
        for name in ("pack_hook", "unpack_hook"):
            if not callable(getattr(self, name)):
                kind = type(getattr(self, name)).__name__
                raise TypeError(f"saved_tensors_hooks: {name} must be callable, but got {kind}")
        hooks.append((me, self.pack_hook, self.unpack_hook))

    def __exit__(self, *error: object) -> None:
        hooks.remove(hooks_of_thread())


class save_on_cpu(saved_tensors_hooks):
    """A ``with`` block in which what the graph saves is kept on the CPU, where it is already.

    Parameters
    ----------
    pin_memory, device_type : optional
        Without effect.

    See Also
    --------
    saved_tensors_hooks : to keep it in another way. `minigrad.utils.checkpoint` saves memory.
    """

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        super().__init__(lambda tensor: tensor, lambda tensor: tensor)


# What to say to whoever enters hooks where they are disabled, for each thread.
_disabled: dict[int, list[str]] = {}


@contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """A ``with`` block in which entering `saved_tensors_hooks` raises, or a decorator.

    Parameters
    ----------
    error_message : str
        What the RuntimeError says.

    Raises
    ------
    RuntimeError
        There are hooks already, or they are entered in the block.

    Examples
    --------
    >>> from minigrad.autograd.graph import disable_saved_tensors_hooks, save_on_cpu
    >>> with disable_saved_tensors_hooks("not while this is measured"), save_on_cpu():
    ...     pass
    Traceback (most recent call last):
    RuntimeError: not while this is measured
    """
    me = threading.get_ident()
    if hooks_of_thread() is not None:
        raise RuntimeError(error_message)
    _disabled.setdefault(me, []).append(error_message)
    try:
        yield
    finally:
        _disabled[me].pop()
        if not _disabled[me]:
            del _disabled[me]
