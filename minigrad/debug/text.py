"""Tables in plain text, and words added to an error."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["extend", "table"]


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Columns side by side, the first `left` of them aligned to the left.

    Examples
    --------
    >>> print(table(["layer", "size"], [["a", "10"], ["long", "5"]]))
    layer  size
    a        10
    long      5
    """
    lines = [heads, *rows]
    widths = [max([len(line[k]) for line in lines]) for k in range(len(heads))]
    return "\n".join([
        "  ".join([
            cell.ljust(width) if k < left else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(line, widths))
        ]).rstrip()
        for line in lines
    ])  # fmt: skip


def extend(error: BaseException, text: str) -> None:
    """Add lines to an error's message; its class and the words that it has stay."""
    first = str(error.args[0]) if error.args else ""
    error.args = (f"{first}\n{text}".lstrip("\n"), *error.args[1:])
