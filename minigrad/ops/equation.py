"""Reading the equations of `einsum`: which axis of which operand has which name."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

DOTS = "..."


@lru_cache(maxsize=64)
def understood(
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


def spelled(*arguments: Any) -> tuple[str, tuple[Any, ...]]:
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
