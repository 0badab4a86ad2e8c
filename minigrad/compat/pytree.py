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

from ..func.trees import LEAF, flatten, parts_of, unflatten
from ..func.trees import Structure as TreeSpec

__all__ = [
    "SUPPORTED_NODES", "LeafSpec", "NodeDef", "PyTree", "TreeSpec", "_get_node_type", "tree_all",
    "tree_any", "tree_flatten", "tree_iter", "tree_leaves", "tree_map", "tree_map_",
    "tree_map_only", "tree_structure", "tree_unflatten",
]  # fmt: skip

PyTree = Any


def _parts_of(tree: Any) -> tuple[Any, list[Any]] | None:
    """As in `minigrad.func`, and of two more classes."""
    if type(tree) is defaultdict:
        return (tree.default_factory, list(tree)), list(tree.values())
    if type(tree) is deque:
        return tree.maxlen, list(tree)
    return parts_of(tree)


def LeafSpec() -> TreeSpec:
    """The form of a tree that is a leaf."""
    return LEAF


class NodeDef(NamedTuple):
    """How containers of a class are taken apart and put together."""

    type: type
    flatten_fn: Callable[[Any], tuple[list[Any], Any]]
    unflatten_fn: Callable[[Iterable[Any], Any], Any]


class _Nodes(dict[type, NodeDef]):
    """A `NodeDef` for the class of every container; named tuples have classes of their own."""

    def __contains__(self, kind: object) -> bool:
        return super().__contains__(kind) or hasattr(kind, "_fields")

    def __missing__(self, kind: type) -> NodeDef:
        if kind not in self:
            raise KeyError(kind)
        return _node(kind)


def _node(kind: type) -> NodeDef:
    def take_apart(tree: Any) -> tuple[list[Any], Any]:
        context, parts = _parts_of(tree)  # type: ignore[misc]
        return parts, context

    def put_together(parts: Iterable[Any], context: Any) -> Any:
        given = list(parts)
        return unflatten(given, TreeSpec(kind, context, (LEAF,) * len(given)))

    return NodeDef(kind, take_apart, put_together)


SUPPORTED_NODES = _Nodes(
    {kind: _node(kind) for kind in (dict, OrderedDict, tuple, list, defaultdict, deque)}
)


def _get_node_type(tree: Any) -> type:
    """The class under which `SUPPORTED_NODES` knows a tree."""
    return type(tree)


def tree_flatten(tree: PyTree, is_leaf: Any = None) -> tuple[list[Any], TreeSpec]:
    """The leaves, and the form of the tree."""
    if is_leaf is None:
        return flatten(tree, _parts_of)
    return flatten(tree, lambda tree: None if is_leaf(tree) else _parts_of(tree))


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
    return unflatten(given, treespec)


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
