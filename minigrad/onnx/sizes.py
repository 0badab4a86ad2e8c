"""Which numbers of a recording depend on sizes of its inputs, and how.

A recording has plain numbers: a shape of (5, 32), a slice that ends at 4, a factor of 0.2. Several
recordings of the same model, with other sizes along the axes that shall stay free, tell which of
them are what they are because of a size: in each place there is then one number a recording, and
`fit` looks for the expression that gives all of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations, combinations_with_replacement
from typing import Any, NamedTuple

__all__ = ["Scaled", "Size", "fit", "fit_float"]

Setting = dict[str, int]  # a size for each free axis


class Size(NamedTuple):
    """A whole number that depends on free axes: (factor * product + shift) // divisor + offset.

    Attributes
    ----------
    axes : tuple of str or Size
        Whose sizes are multiplied; with `is_sum`, those whose sizes are added.
    """

    axes: tuple[Any, ...]
    factor: int = 1
    shift: int = 0
    divisor: int = 1
    offset: int = 0
    is_sum: bool = False

    def value(self, setting: Setting) -> int:
        """The number, for these sizes.

        Examples
        --------
        >>> Size(("time",), 2, offset=-1).value({"time": 5})
        9
        """
        sizes = [a.value(setting) if isinstance(a, Size) else setting[a] for a in self.axes]
        whole = sum(sizes) if self.is_sum else math.prod(sizes)
        return (self.factor * whole + self.shift) // self.divisor + self.offset


class Scaled(NamedTuple):
    """A number that depends on free axes: factor * size ** power."""

    size: Size
    power: float
    factor: float


def fit(numbers: Sequence[int], settings: Sequence[Setting]) -> int | Size | None:
    """The number in all recordings, or what gives it for the sizes of each; None if nothing does.

    Examples
    --------
    >>> settings = [{"batch": 3, "time": 7}, {"batch": 4, "time": 9}, {"batch": 6, "time": 14}]
    >>> fit([5, 5, 5], settings)
    5
    >>> fit([21, 36, 84], settings)
    Size(axes=('batch', 'time'), factor=1, shift=0, divisor=1, offset=0, is_sum=False)
    >>> fit([6, 8, 13], settings).offset
    -1
    >>> fit([9, 16, 42], settings)  # doctest: +ELLIPSIS
    Size(axes=('batch', Size(axes=('time',), ...divisor=2, ...)), ...)
    >>> fit([1, 9, 2], settings) is None
    True
    """
    if len(set(numbers)) == 1:
        return numbers[0]
    axes = sorted(settings[0])
    bases = [Size(c) for n in (1, 2, 3) for c in combinations_with_replacement(axes, n)]
    bases += [Size(c, is_sum=True) for n in (2, 3) for c in combinations(axes, n)]
    for base in bases:
        found = _line(base, numbers, settings)
        if found is not None:
            return found
    for axis in axes:  # times what is no multiple itself, as a batch of windows
        quotients = [divmod(n, s[axis]) for n, s in zip(numbers, settings)]
        if len(axes) > 1 and not any([rest for _, rest in quotients]):
            inner = fit([n for n, _ in quotients], settings)
            if isinstance(inner, Size):
                return Size((axis, inner))
    return None


def _line(base: Size, numbers: Sequence[int], settings: Sequence[Setting]) -> Size | None:
    """``base`` scaled and shifted such that it gives the numbers."""
    sizes = [base.value(s) for s in settings]
    pairs = sorted(set(zip(sizes, numbers)))
    if len(pairs) < 2 or pairs[0][0] == pairs[1][0]:
        return None
    slope = Fraction(pairs[1][1] - pairs[0][1], pairs[1][0] - pairs[0][0])
    candidates = []
    if slope.denominator == 1:
        factor = int(slope)
        candidates = [base._replace(factor=factor, offset=pairs[0][1] - factor * pairs[0][0])]
    for divisor in range(2, 9):  # windows and parts, rounded down or up
        for factor in range(1, divisor):
            for shift in range(divisor):
                found = base._replace(factor=factor, shift=shift, divisor=divisor)
                first = (factor * pairs[0][0] + shift) // divisor
                candidates.append(found._replace(offset=pairs[0][1] - first))
    for candidate in candidates:
        if [candidate.value(s) for s in settings] == list(numbers):
            return candidate
    return None


def fit_float(numbers: Sequence[float], settings: Sequence[Setting]) -> float | Scaled | None:
    """The same for a number that is not whole: a multiple of a size, its root, or one over these.

    Examples
    --------
    >>> settings = [{"time": 5}, {"time": 8}, {"time": 10}]
    >>> scaled = fit_float([0.2, 0.125, 0.1], settings)
    >>> scaled.power, scaled.factor, scaled.size.axes
    (-1, 1.0, ('time',))
    """
    if len(set(numbers)) == 1:
        return numbers[0]
    axes = sorted(settings[0])
    for n in (1, 2, 3):
        for chosen in combinations_with_replacement(axes, n):
            for offset in (0, -1):  # (as in an unbiased variance)
                size = Size(chosen, offset=offset)
                sizes = [size.value(s) for s in settings]
                if min(sizes) <= 0:
                    continue
                for power in (1, -1, 0.5, -0.5):
                    factors = [v / s**power for v, s in zip(numbers, sizes)]
                    if all([math.isclose(f, factors[0], rel_tol=1e-6) for f in factors]):
                        factor = round(factors[0], 6)
                        near = math.isclose(factor, factors[0], rel_tol=1e-6)
                        return Scaled(size, power, factor if near else factors[0])
    return None


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number, and no truth value.

    Examples
    --------
    >>> is_whole(3), is_whole(True)
    (True, False)
    """
    return isinstance(value, int) and not isinstance(value, bool)
