"""Calling a model to look at it: in evaluation mode, with time and batch found in what it returns.

L steps of the input, T of the output, N sequences, I input and O output features
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from ..debug.calls import kept
from ..nn import Module
from ..recurrences.packed import PackedSequence
from ..tensor import Tensor

__all__ = ["Layout", "arguments_of", "called", "evaluating", "first_tensor", "layout_of"]


class Layout(NamedTuple):
    """Where the steps of an input are, and its sequences."""

    steps: int
    batch: int | None  # None: there is one sequence, without an axis of its own
    batch_first: bool

    def time_first(self, x: Any) -> Any:
        """(N, L, ...) with `batch_first`, (L, N, ...) or (L, ...) to (L, N, ...)."""
        if self.batch is None:
            return x[:, None]
        return x.swapaxes(0, 1) if self.batch_first else x

    def by_step(self, y: Any) -> Any:
        """What a model returned, as (T, N, O).

        There may be an output for each step, with or without features, laid out as the input or
        with both axes in one, (L N, O); or one for the whole sequence, (N, O) or (N,): T is 1 then.

        Raises
        ------
        ValueError
            It is none of these.
        """
        lead = (self.batch or 1, self.steps) if self.batch_first else (self.steps, self.batch or 1)
        batch = lead[not self.batch_first]
        shape = tuple(y.shape)
        if self.batch is None and not (len(shape) >= 3 and shape[not self.batch_first] == 1):
            if len(shape) >= 2:
                return y.reshape(shape[0], 1, -1)
            return y.reshape(*((self.steps, 1, 1) if shape == (self.steps,) else (1, 1, -1)))
        if len(shape) >= 3 and shape[not self.batch_first] == batch:
            y = y.reshape(*shape[:2], -1)
        elif shape == lead or (len(shape) in (1, 2) and shape[0] == lead[0] * lead[1]):
            y = y.reshape(*lead, -1)
        elif shape[:1] == (batch,) or (batch == 1 and not shape):
            return y.reshape(1, batch, -1)
        else:
            raise ValueError(
                f"the output has shape {list(shape)}, where no axes fit those of the input: "
                f"L={self.steps}, N={batch}, batch_first={self.batch_first}"
            )
        return y.swapaxes(0, 1) if self.batch_first else y


def arguments_of(input: Any) -> tuple[Any, ...]:
    """The arguments for the model: the sequence, and what a tuple has besides.

    Raises
    ------
    TypeError
        The first is no tensor.
    """
    if isinstance(input, PackedSequence):
        raise TypeError("input must be a padded Tensor, not a PackedSequence: unpack it")
    arguments = tuple(input) if isinstance(input, (tuple, list)) else (input,)
    if not arguments or not isinstance(arguments[0], Tensor):
        got = type(arguments[0] if arguments else input).__name__
        raise TypeError(f"input must be a Tensor, or a tuple that begins with one, not {got}")
    return arguments


def layout_of(model: Any, x: Any, batch_first: bool | None) -> Layout:
    """The layout of a model's input: numbers (L, N, I), (L, I), (L,), or integers (L, N), (L,).

    `batch_first` None: as the first layer below the model has it that has such an attribute.

    Raises
    ------
    ValueError
        The input has another number of axes.
    """
    if batch_first is None:
        below = model.modules() if isinstance(model, Module) else ()
        found = (vars(m).get("batch_first") for m in below)
        batch_first = next((bool(b) for b in found if b is not None), False)
    shape = tuple(x.shape)
    batched = len(shape) == (3 if x.is_floating_point() else 2)
    if not (batched or len(shape) in (1, 2)) or 0 in shape:
        raise ValueError(
            f"input has shape {list(shape)}; it should be (L, N, I), (N, L, I) with batch_first, "
            "or (L, I); for integers (L, N), (N, L) or (L,); and not empty"
        )
    if not batched:
        return Layout(shape[0], None, batch_first)
    return Layout(shape[batch_first], shape[not batch_first], batch_first)


def first_tensor(result: Any) -> Any:
    """The output among what a model returns: it, or the first of a tuple.

    Raises
    ------
    TypeError
        There is none.
    """
    output = result
    while isinstance(output, (tuple, list)) and output:
        output = output[0]
    if not isinstance(output, Tensor):
        raise TypeError(
            f"the model must return a Tensor, or a tuple that begins with one, but returned "
            f"{type(result).__name__}"
        )
    return output


def called(model: Any) -> str:
    """What to call a model, or a function."""
    if isinstance(model, Module):
        return type(model).__name__
    return getattr(model, "__name__", type(model).__name__)


@contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """With a module in evaluation mode; afterwards it is as it was (see `kept`)."""
    with ExitStack() as stack:
        if isinstance(model, Module):
            stack.enter_context(kept(model))
            for module in model.modules():
                module.__dict__["training"] = False
        yield
