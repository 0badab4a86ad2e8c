"""Noting what a graph forgets: shapes, values and gradients on the way, and which module made what.

A graph keeps what its gradient rules need, and no more. `recording` hears each operation (see
`minigrad.autograd.listening`) and the calls of modules, and leaves a `Note` at each node; it goes
when the graph goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from ..autograd.hooks import Hooks, add_hook, hung_on
from ..autograd.listening import is_listening, listen
from ..autograd.tensor_base import TensorBase, next_number
from ..nn.hooks import (
    Hookable,
    everywhere,
    register_module_forward_hook,
    register_module_forward_pre_hook,
)
from ..nn.module import Module

__all__ = ["Call", "Note", "Numbers", "note_of", "recording"]

FEW = 4  # so many numbers are written out
_TABLES = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")
_KEY = "minigrad.viz"  # under which a node's metadata have its note


class Numbers:
    """What is shown of an array: its shape, and its numbers, or how large they are.

    Examples
    --------
    >>> Numbers(np.array([0.5, -2.0])).text, Numbers(np.arange(10.0)).text
    ('0.5, -2', '0 to 9')
    >>> Numbers(np.array([3.0, 4.0])).size
    '5'
    """

    def __init__(self, array: np.ndarray) -> None:
        self.shape = array.shape
        finite = array[np.isfinite(array)] if array.dtype.kind == "f" else array
        strange = "" if finite.size == array.size else ", with nan or inf"
        if array.size <= FEW:
            self.text = ", ".join([f"{v:.4g}" for v in array.ravel().tolist()])
        elif finite.size:
            self.text = f"{finite.min().item():.4g} to {finite.max().item():.4g}{strange}"
        else:
            self.text = "nothing finite"
        norm = np.sqrt((finite.astype(float) ** 2).sum())
        self.size = f"{norm:.4g}{strange}"  # the Euclidean norm


class Call:
    """A call of a module, and the numbers of the nodes that were made meanwhile: from, to."""

    def __init__(self, module: Module, outer: Call | None) -> None:
        self.module, self.outer = module, outer
        self.first = self.last = next_number()

    def within(self) -> list[Call]:
        """The calls that this one is in, the outermost first, and itself."""
        return [*(self.outer.within() if self.outer is not None else ()), self]

    def name(self) -> str:
        """Its module's class, and, inside another module, its name there."""
        kind, outermost = type(self.module).__name__, self.within()[0].module
        for path, module in outermost.named_modules():
            if module is self.module and path:
                return f"{path}: {kind}"
        return kind


class Note:
    """What was seen of a node: its outputs, the gradients that came, the calls meanwhile."""

    def __init__(self, calls: list[Call]) -> None:
        self.calls = calls  # all of the recording
        self.outputs: dict[int, Numbers] = {}
        self.gradients: dict[int, Numbers] = {}

    def seeing(self, output: int) -> Callable[[Any], None]:
        """A hook that keeps the gradient of an output: that of the last `backward`."""

        def see(gradient: Any) -> None:
            if gradient is not None:
                self.gradients[output] = Numbers(gradient.array)

        return see


def note_of(node: Any) -> Note | None:
    """What a recording has noted at a node."""
    hooks: Hooks | None = node._hooks
    return None if hooks is None else hooks.metadata.get(_KEY)


class _Listener:
    """Hears what operations give."""

    def __init__(self, calls: list[Call]) -> None:
        self.calls = calls

    def __call__(self, call: Any, args: Any, kwargs: Any, result: Any) -> None:
        for tensor in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(tensor, TensorBase) and tensor.edge is not None:
                node, output = tensor.edge
                hung = hung_on(node)
                note = hung.metadata.get(_KEY)
                if note is None:
                    note = hung.metadata[_KEY] = Note(self.calls)
                if output not in note.outputs:
                    add_hook(hung.of_tensors.setdefault(output, {}), note.seeing(output))
                note.outputs[output] = Numbers(tensor.array)

    def refuse(self, reason: str) -> None:
        """Nothing is replayed here, so nothing need be refused."""


@contextmanager
def recording() -> Iterator[None]:
    """Note what `graph` shows of operations and of modules that run in the block.

    Meanwhile every operation takes longer. Numbers do not change. A function of `minigrad.compile`
    listens itself: what comes after its call is not noted.

    Raises
    ------
    RuntimeError
        Something records already: another `recording`, or `minigrad.compile`.

    Examples
    --------
    >>> import minigrad as mg
    >>> linear, x = mg.nn.Linear(3, 2), mg.ones(4, 3)
    >>> with mg.viz.recording():
    ...     loss = linear(x).square().mean()
    >>> mg.viz.graph(loss).picture.boxes[0].lines[2:]
    ['weight (2, 3), no grad yet', 'bias (2,), no grad yet']
    """
    if is_listening():
        raise RuntimeError("recording: operations are recorded already, there can be one at a time")
    calls: list[Call] = []
    running: list[Call] = []

    def enter(module: Any, args: Any) -> None:
        running.append(Call(module, running[-1] if running else None))
        calls.append(running[-1])

    def leave(module: Any, args: Any, output: Any) -> None:
        running.pop().last = next_number()

    hooked = Hookable._hooked
    try:
        with ExitStack() as hooks:
            hooks.enter_context(register_module_forward_pre_hook(enter))
            hooks.enter_context(register_module_forward_hook(leave, always_call=True))
            listen(_Listener(calls))
            hooks.callback(listen, None)
            yield
    finally:
        if not any([getattr(everywhere, table) for table in _TABLES]):
            Hookable._hooked = hooked  # calls are as quick as they were
