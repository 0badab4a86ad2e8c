"""Nested arguments and results: tuples, lists and dictionaries of tensors, taken apart and put
together again.

A structure says how something is nested, without its leaves, which may be anything.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

Parts = Callable[[Any], "tuple[Any, list[Any]] | None"]


class Structure(NamedTuple):
    """The class of a container, what else is known of it (its keys), the structures of its parts.

    That of a leaf is `LEAF`. The names are those of PyTorch's ``TreeSpec``.
    """

    type: Any
    context: Any
    children_specs: tuple[Structure, ...]

    @property
    def num_leaves(self) -> int:
        """How many leaves there are."""
        return 1 if self.type is None else sum([below.num_leaves for below in self.children_specs])


LEAF = Structure(None, None, ())


def parts_of(tree: Any) -> tuple[Any, list[Any]] | None:
    """The keys and parts of a container; None of anything else."""
    if type(tree) in (dict, OrderedDict):
        return tuple(tree), list(tree.values())
    if type(tree) in (tuple, list) or (isinstance(tree, tuple) and hasattr(tree, "_fields")):
        return None, list(tree)
    return None


def flatten(tree: Any, parts_of: Parts = parts_of) -> tuple[list[Any], Structure]:
    """The leaves of something nested, in order, and its structure.

    `parts_of` says what is a container, and what is in it.

    Examples
    --------
    >>> leaves, structure = flatten((1, {"a": [2, 3]}))
    >>> leaves
    [1, 2, 3]
    >>> unflatten([10, 20, 30], structure)
    (10, {'a': [20, 30]})
    """
    found = parts_of(tree)
    if found is None:
        return [tree], LEAF
    keys, parts = found
    leaves, structures = [], []
    for part in parts:
        below, structure = flatten(part, parts_of)
        leaves += below
        structures.append(structure)
    return leaves, Structure(type(tree), keys, tuple(structures))


def unflatten(leaves: Any, structure: Structure) -> Any:
    """Leaves in a structure."""
    return _built(iter(leaves), structure)


def _built(leaves: Iterator[Any], structure: Structure) -> Any:
    if structure.type is None:
        return next(leaves)
    kind, keys, structures = structure
    parts = [_built(leaves, below) for below in structures]
    if kind is defaultdict:
        return defaultdict(keys[0], zip(keys[1], parts))
    if kind is deque:
        return deque(parts, maxlen=keys)
    if keys is not None:
        return kind(zip(keys, parts))
    return kind(*parts) if hasattr(kind, "_fields") else kind(parts)


def mapped(function: Callable[[Any], Any], tree: Any) -> Any:
    """Something nested with the results of a function in the place of its leaves."""
    leaves, structure = flatten(tree)
    return unflatten([function(leaf) for leaf in leaves], structure)


def spread(prefix: Any, structure: Structure) -> list[Any] | None:
    """A value for every leaf of a structure, from something that is nested less deeply.

    Examples
    --------
    >>> _, structure = flatten((1, {"a": [2, 3]}))
    >>> spread((0, {"a": 5}), structure)
    [0, 5, 5]
    >>> spread((0, 0, 0), structure) is None
    True
    """
    found = parts_of(prefix)
    if structure.type is None:
        return [prefix] if found is None else None
    if found is None:
        return [prefix] * structure.num_leaves
    kind, keys, structures = structure
    if type(prefix) is not kind or found[0] != keys or len(found[1]) != len(structures):
        return None
    values = []
    for part, below in zip(found[1], structures):
        more = spread(part, below)
        if more is None:
            return None
        values += more
    return values


def text(structure: Structure) -> str:
    """A structure as messages show it: ``(*, {'a': *})``."""
    if structure.type is None:
        return "*"
    kind, keys, structures = structure
    parts = [text(below) for below in structures]
    if keys is not None:
        return "{" + ", ".join([f"{key!r}: {part}" for key, part in zip(keys, parts)]) + "}"
    inside = ", ".join(parts)
    if kind is list:
        return f"[{inside}]"
    return f"({inside},)" if len(parts) == 1 else f"({inside})"
