"""Line search: how far to go along a direction so that both the loss and its slope have fallen.

Along the line the loss is a function of one number, :math:`\\phi(t) = f(x + t d)`, with the slope
:math:`\\phi'(t) = d \\cdot \\nabla f(x + t d)`. `strong_wolfe` looks for a t at which

    phi(t) <= phi(0) + c1 t phi'(0)     the loss fell enough for so long a step, and
    |phi'(t)| <= c2 |phi'(0)|           the line has become flat.

The method is that of J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006,
algorithms 3.5 (find an interval that holds such a t) and 3.6 (make it smaller), with cubic
interpolation (equation 3.59).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Point(NamedTuple):
    """A place on the line, with what is known there."""

    t: float
    loss: float
    grad: np.ndarray
    slope: float


@np.errstate(all="ignore")  # a step to infinity is silent
def cubic_minimum(a: Point, b: Point, bounds: tuple[float, float]) -> float:
    """The t that minimizes the cubic through two points with their slopes, kept within `bounds`.

    If the cubic has no minimum, it is the middle of the bounds.
    """
    lower, upper = bounds
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = d1**2 - a.slope * b.slope
    if not square >= 0:
        return (lower + upper) / 2
    d2 = np.sqrt(square)
    left, right = (a, b) if a.t <= b.t else (b, a)
    part = (right.slope + d2 - d1) / (right.slope - left.slope + 2 * d2)
    return min(max(right.t - (right.t - left.t) * part, lower), upper)


def strong_wolfe(
    evaluate: Callable[[float], Point],
    start: Point,
    t: float,
    length: float,
    c1: float = 1e-4,
    c2: float = 0.9,
    tolerance_change: float = 1e-9,
    max_iterations: int = 25,
) -> tuple[Point, int]:
    """A point on the line that fulfils both conditions, or the lowest one found.

    Parameters
    ----------
    evaluate : callable
        Gives the `Point` at a t.
    start : Point
        The point at t = 0.
    t : float
        Where to look first.
    length : float
        The largest entry of the direction: an interval's width times this is how far apart the
        parameters at its ends are.
    c1, c2 : float
        See the top of this file.
    tolerance_change : float
        Stop when the ends of the interval are closer than that.
    max_iterations : int
        Stop after so many points, the first not counted.

    Returns
    -------
    Point, int
        And how often `evaluate` was called.
    """

    def too_high(point: Point) -> bool:
        return point.loss > start.loss + c1 * point.t * start.slope

    def flat(point: Point) -> bool:
        return abs(point.slope) <= -c2 * start.slope

    # Go on, by larger and larger steps, until a minimum must lie between the last two points.
    previous, new = start, evaluate(t)
    evaluations, iteration = 1, 0
    while iteration < max_iterations:
        if too_high(new) or (iteration > 1 and new.loss >= previous.loss):
            break
        if flat(new):
            return new, evaluations
        if new.slope >= 0:
            break
        t = cubic_minimum(previous, new, (new.t + 0.01 * (new.t - previous.t), new.t * 10))
        previous, new = new, evaluate(t)
        evaluations += 1
        iteration += 1
    else:
        previous = start
    ends = [previous, new]
    low = 0 if ends[0].loss <= ends[1].loss else 1

    # Replace one of the two ends by a point between them, again and again.
    stalled = False
    while iteration < max_iterations:
        left, right = sorted(end.t for end in ends)
        if (right - left) * length < tolerance_change:
            break
        t = cubic_minimum(ends[0], ends[1], (left, right))
        # Too close to an end, twice in a row or once on it, little is learnt: keep a distance.
        margin = 0.1 * (right - left)
        near = min(right - t, t - left) < margin
        if near and (stalled or t >= right or t <= left):
            t = right - margin if abs(t - right) < abs(t - left) else left + margin
            stalled = False
        else:
            stalled = near
        new = evaluate(t)
        evaluations += 1
        iteration += 1
        high = 1 - low
        if too_high(new) or new.loss >= ends[low].loss:
            ends[high] = new
            low = 0 if ends[0].loss <= ends[1].loss else 1
            continue
        if flat(new):
            return new, evaluations
        if new.slope * (ends[high].t - ends[low].t) >= 0:
            ends[high] = ends[low]
        ends[low] = new
    return ends[low], evaluations
