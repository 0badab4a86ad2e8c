"""`torch.utils._pytree`: tuples, lists and dictionaries as trees, tensors as their leaves.

Examples
--------
>>> from minigrad.compat.pytree import tree_flatten, tree_map, tree_unflatten
>>> tree_map(lambda n: 2 * n, {"a": 1, "b": (2, [3])})
{'a': 2, 'b': (4, [6])}
>>> leaves, spec = tree_flatten([1, (2, 3)])
>>> leaves, tree_unflatten("abc", spec)
([1, 2, 3], ['a', ('b', 'c')])
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

__all__ = [
    "PyTree", "TreeSpec", "tree_all", "tree_any", "tree_flatten", "tree_iter", "tree_leaves",
    "tree_map", "tree_map_", "tree_map_only", "tree_structure", "tree_unflatten",
]  # fmt: skip

PyTree = Any


class TreeSpec(NamedTuple):
    """The form of a tree: the class of its root, what is known of it, the forms of its branches."""

    type: Any
    context: Any
    children_specs: tuple[TreeSpec, ...]

    @property
    def num_leaves(self) -> int:
        """How many leaves there are."""
        return 1 if self.type is None else sum(spec.num_leaves for spec in self.children_specs)


LeafSpec = TreeSpec(None, None, ())


def _branches(tree: Any, is_leaf: Any) -> tuple[list[Any], Any] | None:
    """The branches, and what besides them makes the tree; None for a leaf."""
    if is_leaf is not None and is_leaf(tree):
        return None
    if type(tree) in (dict, OrderedDict):
        return list(tree.values()), list(tree)
    if type(tree) is defaultdict:
        return list(tree.values()), (tree.default_factory, list(tree))
    if type(tree) is deque:
        return list(tree), tree.maxlen
    if type(tree) in (list, tuple) or (isinstance(tree, tuple) and hasattr(tree, "_fields")):
        return list(tree), None
    return None


def tree_flatten(tree: PyTree, is_leaf: Any = None) -> tuple[list[Any], TreeSpec]:
    """The leaves, and the form of the tree."""
    found = _branches(tree, is_leaf)
    if found is None:
        return [tree], LeafSpec
    leaves: list[Any] = []
    specs = []
    for branch in found[0]:
        more, spec = tree_flatten(branch, is_leaf)
        leaves += more
        specs.append(spec)
    return leaves, TreeSpec(type(tree), found[1], tuple(specs))


def tree_unflatten(leaves: Iterable[Any], treespec: TreeSpec) -> PyTree:
    """The tree of that form with these leaves.

    Raises
    ------
    ValueError
        There are too few, or too many.
    """
    given = list(leaves)
    if len(given) != treespec.num_leaves:
        raise ValueError(
            f"tree_unflatten(leaves, treespec): `leaves` has length {len(given)} but the spec "
            f"refers to a pytree that holds {treespec.num_leaves} items"
        )
    return _grown(iter(given), treespec)


def _grown(leaves: Iterator[Any], spec: TreeSpec) -> PyTree:
    if spec.type is None:
        return next(leaves)
    branches = [_grown(leaves, child) for child in spec.children_specs]
    if spec.type in (dict, OrderedDict):
        return spec.type(zip(spec.context, branches))
    if spec.type is defaultdict:
        return defaultdict(spec.context[0], zip(spec.context[1], branches))
    if spec.type is deque:
        return deque(branches, maxlen=spec.context)
    return spec.type(*branches) if hasattr(spec.type, "_fields") else spec.type(branches)


def tree_leaves(tree: PyTree, is_leaf: Any = None) -> list[Any]:
    """The leaves."""
    return tree_flatten(tree, is_leaf)[0]


def tree_iter(tree: PyTree, is_leaf: Any = None) -> Iterator[Any]:
    """The leaves, one by one."""
    return iter(tree_leaves(tree, is_leaf))


def tree_structure(tree: PyTree, is_leaf: Any = None) -> TreeSpec:
    """The form."""
    return tree_flatten(tree, is_leaf)[1]


def tree_map(func: Callable[..., Any], tree: PyTree, *rests: PyTree, is_leaf: Any = None) -> PyTree:
    """The tree of what `func` makes of each leaf, and of those at its place in `rests`."""
    leaves, spec = tree_flatten(tree, is_leaf)
    others = [tree_leaves(rest, is_leaf) for rest in rests]
    return tree_unflatten(map(func, leaves, *others), spec)


def tree_map_(
    func: Callable[..., Any], tree: PyTree, *rests: PyTree, is_leaf: Any = None
) -> PyTree:
    """Call `func` with each leaf; the tree itself."""
    tree_map(func, tree, *rests, is_leaf=is_leaf)
    return tree


def tree_map_only(
    kind: Any, func: Callable[[Any], Any], tree: PyTree, is_leaf: Any = None
) -> PyTree:
    """As `tree_map`, for leaves of a class; others stay."""
    return tree_map(
        lambda leaf: func(leaf) if isinstance(leaf, kind) else leaf, tree, is_leaf=is_leaf
    )


def tree_all(pred: Callable[[Any], bool], tree: PyTree, is_leaf: Any = None) -> bool:
    """Whether `pred` holds for all leaves."""
    return all(map(pred, tree_leaves(tree, is_leaf)))


def tree_any(pred: Callable[[Any], bool], tree: PyTree, is_leaf: Any = None) -> bool:
    """Whether `pred` holds for one of the leaves."""
    return any(map(pred, tree_leaves(tree, is_leaf)))
