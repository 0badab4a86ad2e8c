"""Sums of products in Einstein's notation, made of products of matrices.

An equation such as ``bij,bjk->bik`` names the axes of the operands by letters. All operands are
brought to one order of axes, first those of the result, then those to be summed over (`_aligned`);
then they are multiplied two at a time (`_contracted`), as stacks of matrices: the axes that both
have and the result keeps make the stack, those that are summed are the inner axis of the product.
There is no gradient rule here: everything is made of operations that have one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from ..autograd.tensor_base import array_of
from .elementwise import mul
from .index import basic_index, diagonal
from .matmul import bmm
from .reduce import sum as sum_along
from .shape import fresh_view, movedim, permute, reshape

DOTS = "..."


def einsum(equation: Any, *operands: Any) -> Any:
    """Sums of products in Einstein's notation: ``einsum("bij,bjk->bik", a, b)``.

    Parameters
    ----------
    equation : str
        A term for each operand with a letter for each of its axes, and behind ``->`` the letters of
        the result. Letters that are missing there are summed over; a letter twice in one term takes
        the diagonal. ``...`` stands for the axes that no letter names, which are broadcast. Without
        an arrow the result has the axes of ``...`` and the letters that occur once, in
        alphabetical order.
    *operands : Tensor
        Instead of an equation, each may be followed by a list of numbers from 0 to 51 for letters.

    Raises
    ------
    RuntimeError
        Equation and operands do not go together.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.einsum("ii->i", mg.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    if not isinstance(equation, str):
        equation, operands = _spelled(equation, *operands)
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    shapes = [array_of(x).shape for x in operands]
    names, order, count = _understood(equation, tuple(map(len, shapes)))
    aligned = [_aligned(x, names[k], order, k) for k, x in enumerate(operands)]
    _check_sizes(aligned, order)
    result = _contracted(aligned, count)
    return permute(result, tuple(range(count))) if result is operands[0] else result


@lru_cache(maxsize=64)
def _understood(
    equation: str, ranks: tuple[int, ...]
) -> tuple[list[list[str]], tuple[str, ...], int]:
    """The names of the axes of each operand; all names, those of the result first; their number."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = [_letters(term, f"operand {k}") for k, term in enumerate(left.split(","))]
    if len(terms) != len(ranks):
        many = "more" if len(ranks) > len(terms) else "fewer"
        raise RuntimeError(
            f"einsum(): {many} operands were provided than specified in the equation {equation!r}"
        )
    hidden = 0  # how many axes an ellipsis stands for, at most
    for k, (term, rank) in enumerate(zip(terms, ranks)):
        rest = rank - len([c for c in term if c != DOTS])
        if rest < 0 or (rest and DOTS not in term):
            raise RuntimeError(
                f"einsum(): the number of subscripts in the equation ({len(term)}) does not match "
                f"the number of dimensions ({rank}) for operand {k}"
                f"{'' if DOTS in term else ' and no ellipsis was given'}"
            )
        hidden = max(hidden, rest if DOTS in term else 0)
    used = [c for term in terms for c in term if c != DOTS]
    if arrow:
        kept = _letters(right, "the output")
        _check_output(kept, used)
    else:
        kept = [DOTS, *sorted([c for c in set(used) if used.count(c) == 1])]
    dots = [f"{DOTS}{k}" for k in range(hidden)]  # the hidden axes get names, too
    order = [name for c in kept for name in (dots if c == DOTS else [c])]
    count = len(order)
    order += ([] if DOTS in kept else dots) + sorted(set(used) - set(kept))
    names = []
    for term, rank in zip(terms, ranks):
        shown = dots[hidden - (rank - len(term) + 1) :] if DOTS in term else []
        names.append([name for c in term for name in (shown if c == DOTS else [c])])
    return names, tuple(order), count


def _spelled(*arguments: Any) -> tuple[str, tuple[Any, ...]]:
    """The equation for operands that are each followed by a list of numbers."""

    def term(numbers: Sequence[Any]) -> str:
        names = [DOTS if n is Ellipsis else chr(n + (65 if n < 26 else 71)) for n in numbers]
        return "".join(names)

    operands, lists = arguments[::2], list(arguments[1::2])
    arrow = ""
    if len(arguments) % 2:
        operands, arrow = operands[:-1], "->" + term(arguments[-1])
    return ",".join(map(term, lists)) + arrow, operands


def _letters(term: str, where: str) -> list[str]:
    """The letters of a term, with ``...`` as one of them."""
    before, dots, after = term.partition(DOTS)
    names = [*before, *([DOTS] if dots else []), *after]
    for name in names:
        if name == ".":
            what = "for which an ellipsis was already found" if dots else (
                "that is not part of any ellipsis (...)")  # fmt: skip
            raise RuntimeError(f"einsum(): found '.' for {where} {what}")
        if name != DOTS and not (name.isascii() and name.isalpha()):
            raise RuntimeError(
                f"einsum(): invalid subscript given in the equation, {name!r} of {where}: "
                "subscripts must be in [a-zA-Z]"
            )
    return names


def _check_output(kept: list[str], used: list[str]) -> None:
    for name in kept:
        if kept.count(name) > 1:
            raise RuntimeError(
                f"einsum(): output subscript {name} appears more than once in the output"
            )
        if name not in used and name != DOTS:
            raise RuntimeError(
                f"einsum(): output subscript {name} does not appear in the equation for any input "
                "operand"
            )


def _aligned(x: Any, names: list[str], order: tuple[str, ...], number: int) -> Any:
    """An operand with the axes of `order`, of size 1 where it has none; repeated letters once."""
    if len(set(names)) < len(names):
        names = list(names)
        for name in dict.fromkeys(names):
            while names.count(name) > 1:
                first = names.index(name)
                second = names.index(name, first + 1)
                sizes = array_of(x).shape
                if sizes[first] != sizes[second]:
                    raise RuntimeError(
                        f"einsum(): subscript {name} is repeated for operand {number} but the "
                        f"sizes don't match, {sizes[second]} != {sizes[first]}"
                    )
                x = movedim(diagonal(x, 0, first, second), -1, first)
                del names[second]
    x = _permuted(x, [names.index(name) for name in order if name in names])
    if len(names) < len(order):
        x = basic_index(x, tuple([slice(None) if name in names else None for name in order]))
    return x


def _permuted(x: Any, axes: list[int]) -> Any:
    return permute(x, tuple(axes)) if axes != sorted(axes) else x


def _reshaped(x: Any, *shape: int) -> Any:
    return x if array_of(x).shape == shape else reshape(x, shape)


def _check_sizes(operands: list[Any], order: tuple[str, ...]) -> None:
    for axis, name in enumerate(order):
        seen = 1
        for k, x in enumerate(operands):
            size = array_of(x).shape[axis]
            if size != 1 and seen not in (1, size):
                raise RuntimeError(
                    f"einsum(): subscript {name} has size {size} for operand {k} which does not "
                    f"broadcast with previously seen size {seen}: the operands have the shapes "
                    f"{[list(array_of(x).shape) for x in operands]} in the order {''.join(order)}"
                )
            seen = size if size != 1 else seen


def _contracted(operands: list[Any], count: int) -> Any:
    """The product of aligned operands, summed over all axes but the first `count`."""
    result = operands[0]
    rank = array_of(result).ndim
    for k in range(1, len(operands)):
        later = operands[k + 1 :]
        sizes = [array_of(x).shape for x in later]
        # an axis that no later operand has can be summed now
        axes = [axis for axis in range(count, rank) if all([s[axis] == 1 for s in sizes])]
        result = _product(result, operands[k], axes)
    if rank == count:
        return result
    if len(operands) > 1:
        return reshape(result, array_of(result).shape[:count])
    return sum_along(result, tuple(range(count, rank)))


def _product(a: Any, b: Any, axes: list[int]) -> Any:
    """``(a * b).sum(axes, keepdim=True)``, by a product of stacks of matrices."""
    sizes = list(zip(array_of(a).shape, array_of(b).shape))
    in_a = [k for k in axes if sizes[k][0] != 1 and sizes[k][1] == 1]
    in_b = [k for k in axes if sizes[k][1] != 1 and sizes[k][0] == 1]
    a = sum_along(a, tuple(in_a), True) if in_a else a
    b = sum_along(b, tuple(in_b), True) if in_b else b
    inner = [k for k in axes if sizes[k][0] != 1 and sizes[k][1] != 1]
    if not inner:
        return mul(a, b)
    others = [k for k in range(len(sizes)) if k not in axes]
    stack = [k for k in others if sizes[k][0] != 1 and sizes[k][1] != 1]
    rows = [k for k in others if sizes[k][0] != 1 and sizes[k][1] == 1]
    columns = [k for k in others if sizes[k][0] == 1]
    if rows and columns and columns[-1] < rows[0]:  # the result then lies in memory in its order
        a, b, rows, columns = b, a, columns, rows
    x, y = array_of(a).shape, array_of(b).shape
    lost = [k for k in axes if k not in inner]
    depth = math.prod([x[k] for k in inner])

    def joined(shape: Sequence[int], names: list[int]) -> int:
        return math.prod([shape[k] for k in names])

    left = _permuted(a, [*stack, *rows, *inner, *lost, *columns])
    right = _permuted(b, [*stack, *inner, *columns, *lost, *rows])
    product = bmm(
        _reshaped(left, joined(x, stack), joined(x, rows), depth),
        _reshaped(right, joined(x, stack), depth, joined(y, columns)),
    )
    shape = [x[k] for k in (*stack, *rows)] + [1] * len(axes) + [y[k] for k in columns]
    order = [*stack, *rows, *axes, *columns]
    return _permuted(fresh_view(product, tuple(shape)), [order.index(k) for k in range(len(order))])
