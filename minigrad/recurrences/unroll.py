"""Running a step over sequences: the loop over time, written in tensor operations.

This is what runs where there is no kernel, and what second derivatives are made from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..ops.join import cat, split, stack, unbind


def unroll(
    step: Callable[..., tuple[Any, ...]],
    x: Any,
    states: Sequence[Any],
    parameters: Sequence[Any],
    batch_sizes: Any = None,
    reverse: bool = False,
) -> tuple[Any, ...]:
    """Run a step over sequences, of one length or of several.

    Parameters
    ----------
    step : callable
        ``step(x_t, *states, *parameters)`` gives the next states, of which the first is the
        output, too; or the output and behind it the next states.
    x : (T, N, I), or with `batch_sizes` (R, I)
        R rows are those of all steps one after the other, the longest sequence first in each.
    states : sequence of (N, H)
        The initial ones.
    parameters : sequence
    batch_sizes : sequence of int, optional
        How many of the N sequences have a step t: these are the first ones, as none is longer
        than its predecessor.
    reverse : bool
        Run from each sequence's end to its beginning.

    Returns
    -------
    output : (T, N, H) or (R, H)
        That of each step, in the order of x.
    *states : (N, H)
        The states of each sequence after its last step.
    """
    steps = unbind(x) if batch_sizes is None else split(x, list(batch_sizes))
    outputs: list[Any] = [None] * len(steps)
    count = len(states)
    for t in reversed(range(len(steps))) if reverse else range(len(steps)):
        running = steps[t].shape[0]
        if running == states[0].shape[0]:
            after = step(steps[t], *states, *parameters)
            states = after[-count:]
        else:  # some sequences have ended, or, running in reverse, not yet begun: their states wait
            after = step(steps[t], *[s[:running] for s in states], *parameters)
            states = [cat([a, s[running:]]) for a, s in zip(after[-count:], states)]
        outputs[t] = after[0]
    if not outputs:  # all sequences are empty: no rows, and still a function of everything
        rows = x.reshape(0, x.shape[-1])
        output = step(rows, *[s[:0] for s in states], *parameters)[0]
        return output.reshape(*x.shape[:-1], output.shape[-1]), *states
    return (stack if batch_sizes is None else cat)(outputs), *states
