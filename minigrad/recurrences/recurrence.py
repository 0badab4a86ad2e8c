"""`Recurrence`: what a recurrence is made of, and the list of all of them.

A recurrence is its gates, its states and one step, written in tensor operations: a pure function,
with nothing hidden in it and no branching on values. The step takes the input of one time step, the
states and the parameters, and returns the next states, as a tuple; the first of them is the output.
Each recurrence has a page beside this file, with its step, its layer and its cell. A kernel of the
same name, if there is one, computes the same over a whole sequence and is tested against the step;
a recurrence without a kernel runs as it is written, and with ``MINIGRAD_KERNELS=reference`` all of
them do; derivatives of second and higher order are those of the step.

    N batch, I input size, H hidden size, G number of gates
    x (N, I), h (N, H), w_ih (G H, I), w_hh (G H, H), b_ih and b_hh (G H,) or None

`of_x` and `of_h`, which a step may take besides, are what multiplies x and h: `product`, unless an
option of the layer needs another, as `normed` is (see `minigrad.recurrences.options`). `seen` is
told the values of the gates, in their order: it is how `trace` gets to see them.

The rows of w_ih, w_hh and of the biases are those of the first gate, then those of the second, ...,
in the order in which the recurrence names its gates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..ops.matmul import linear


def product(v: Any, w: Any, b: Any = None, rows: tuple[int, int] | None = None) -> Any:
    """W v + b for each row of v; or `rows`, from one to another, of W and b alone."""
    if rows is None:
        return linear(v, w, b)
    cut = slice(*rows)
    return linear(v, w[cut], None if b is None else b[cut])


def times(h: Any, u: Any, b: Any = None, rows: Any = None) -> Any:
    """The same for a diagonal matrix, given as a vector (H,)."""
    return u * h


def same(v: Any) -> Any:
    """Nothing done: where no option normalises."""
    return v


def unseen(*gates: Any) -> None:
    """Nothing done: where nobody looks at the gates."""


class Recurrence(NamedTuple):
    """A recurrence: what cells and layers are built from.

    Attributes
    ----------
    name : str
        Its own, and that of its kernel, if it has one.
    gates : tuple of str
        In the order of their rows in the parameters.
    step : callable
        ``step(x, *states, *parameters)`` returns the next states.
    states : tuple of str
        The first is the output.
    parameters : tuple of str
        Some of weight_ih, weight_hh, bias_ih, bias_hh, weight_hr, weight_peephole, in this order.
    diagonal : bool
        weight_hh is a vector (H,): one recurrent weight a unit.
    saves : tuple of str
        What the step's gates save for backward, besides the factors of its products, and what
        therefore must not be changed in place before: "h", the hidden state before the step;
        "output", that after it. With "copy of h" the kernel is given a copy where h might change;
        with "everything" PyTorch runs a whole layer as one operation, which saves all that it has
        (in float32, without a projection).
    norms : tuple of (str, tuple of int)
        What the option layer_norm normalises: "ih", products with x; "hh", products with h; "sum",
        the sum of both; "cell", the cell state on its way to the output. With each, how many gates
        are normalised together: (2, 1), the first two as one vector, the third by itself.
    keeps : tuple of str
        What its kernel keeps for backward, in this order: a gate by its name, "old cell", the cell
        state before the step, "" for what people need not see.
    kernel : bool
        False: there will be none, so layers let the step run recorded, as that of a user's cell.
    """

    name: str
    gates: tuple[str, ...]
    step: Callable[..., tuple[Any, ...]]
    states: tuple[str, ...] = ("hidden",)
    parameters: tuple[str, ...] = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    diagonal: bool = False
    saves: tuple[str, ...] = ()
    norms: tuple[tuple[str, tuple[int, ...]], ...] = ()
    keeps: tuple[str, ...] = ()
    kernel: bool = True


# All that have a page, by what `RNNBase` calls them: "LSTM", "RNN_TANH"; and by their names.
RECURRENCES: dict[str, Recurrence] = {}
BY_NAME: dict[str, Recurrence] = {}


def define(name: str, gates: tuple[str, ...], step: Callable[..., Any], **more: Any) -> Recurrence:
    """Make a `Recurrence`, and put it on the list.

    Raises
    ------
    ValueError
        The list has another one of this name.
    """
    if name.upper() in RECURRENCES:
        raise ValueError(f"there is a recurrence named {name!r} already")
    recurrence = Recurrence(name, gates, step, **more)
    RECURRENCES[name.upper()] = BY_NAME[name] = recurrence
    return recurrence
