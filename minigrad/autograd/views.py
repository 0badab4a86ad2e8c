"""Views: tensors that share the memory of another one, and what a write to it means for them.

A view has a place in the graph of its own, behind the operation that took it from its parent. When
the memory is written to, the place of the tensor at the root of all views moves on, and those of
the views are out of date. `edge_of`, through which everybody asks for a tensor's place, notices and
takes the view once more (`refresh_view`). How writes are recorded is in `minigrad.ops.inplace`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import hooks
from .grad_mode import mode
from .tensor_base import TensorBase, wrap


class View:
    """How a view came from its parent: an op, and its arguments after the parent.

    `root` is the tensor at the beginning, which is no view, and `start` the edge that it had then;
    if it has another one now, the view's place in the graph is out of date. `shown` is the array
    that the parent had then; if it has another one now, it was given another shape in place, and
    what the view shows is a part of its former self. `of_itself` says that the view is what became
    of its parent in this way. `written` is the edge of the root after the last write by way of the
    view, or None. `version` is how often the memory had been written to when the view was taken
    of a root that required no gradient; -1 if it did.
    """

    __slots__ = (
        "arguments", "of_itself", "op", "parent", "root", "shown", "start", "version", "written",
    )  # fmt: skip

    def __init__(
        self, parent: TensorBase, op: Callable[..., Any], arguments: tuple[Any, ...]
    ) -> None:
        self.parent = parent
        self.op = op
        self.arguments = arguments
        self.root = root_of(parent)
        self.start = self.root.edge
        self.shown = parent.array
        self.of_itself = False
        self.version = -1 if self.root._requires_grad else parent.version.count
        self.written = None


def edge_of(tensor: TensorBase) -> tuple[Any, int] | None:
    """Where the gradient of `tensor` goes, or None if it requires none."""
    if tensor.view_of is not None:
        refresh_view(tensor)
    if not tensor._requires_grad:
        return None
    edge = tensor.edge
    return (tensor, 0) if edge is None else edge


def root_of(tensor: TensorBase) -> TensorBase:
    """The tensor whose memory `tensor` shares (itself, if it is not a view)."""
    view = tensor.view_of
    while view is not None:  # more than once only if a root has become a view of its former self
        tensor = view.root
        view = tensor.view_of
    return tensor


def parent_of(tensor: TensorBase) -> TensorBase | None:
    """What the view `tensor` is a view of; None if it is none, or that shows other memory by now.

    A tensor that was given another shape in place is a view of its former self (see
    `minigrad.ops.inplace.reshaping`). Views that are older than that are views of the former self.
    """
    view: Any = tensor.view_of
    if view is None:
        return None
    parent = view.parent
    while parent.array is not view.shown:
        if parent.view_of is None:
            return None
        parent = parent.view_of.parent
    view.parent = parent
    return parent


def is_view(tensor: TensorBase) -> bool:
    """Whether `tensor` is a view of another tensor."""
    view: Any = tensor.view_of
    while view is not None and view.of_itself:
        view = view.parent.view_of
    return view is not None


def move(tensor: TensorBase, edge: tuple[Any, int]) -> None:
    """Give `tensor` another place in the graph, because its value has changed in place.

    Hooks belong to the old value and stay behind; `retain_grad` belongs to the tensor.
    """
    tensor.edge = edge
    tensor._requires_grad = True
    if tensor._retains_grad:
        hooks.retain(tensor)


def refresh_view(tensor: TensorBase) -> None:
    """Renew the place in the graph of a view whose base was written to since it was made.

    The views between it and the root come first, from the root on. A root that has no place any
    more was detached: a view keeps the place that it had then, unless the memory was written to
    since, for then it shows what nobody has recorded.
    """
    root = root_of(tensor)
    place = root.edge
    view: Any = tensor.view_of
    is_cut = place is None
    if is_cut:  # (or it is a leaf, and always was)
        place = view.written or view.start
    if view.start is place:
        if is_cut and place is not None and _is_stale(tensor):
            tensor.edge, tensor._requires_grad = None, False
        elif (
            tensor.edge is None
            and root._requires_grad
            and not view.of_itself
            and 0 <= view.version != tensor.version.count
        ):
            _join(tensor)
        return
    outdated = []
    current: TensorBase | None = tensor
    while current is not None and current.view_of is not None:
        view = current.view_of
        if view.start is place:
            break
        outdated.append(current)
        current = parent_of(current)
    if current is None and not _is_stale(tensor):
        return  # a parent shows other memory by now, and nobody wrote to what it showed before
    previous, mode.enabled = mode.enabled, True
    try:
        for current in reversed(outdated):
            view = current.view_of
            parent = view.parent
            if parent.array is not view.shown or parent.edge is None:
                parent = _former_self(parent, view.shown, place)
            again = view.op(parent, *view.arguments)
            view.start = place
            move(current, again.edge)
    finally:
        mode.enabled = previous


def _join(tensor: TensorBase) -> None:
    """Give `tensor` a place behind its root, a leaf that has required a gradient for a while only.

    What was taken from it before has no place. PyTorch gives it one after the memory was written
    to: what the view shows then is seen as a part of the leaf.
    """
    outside = []
    current: Any = tensor
    while current.view_of is not None and current.edge is None and not current.view_of.of_itself:
        if current.view_of.parent.array is not current.view_of.shown:
            return  # a parent shows other memory by now
        outside.append(current)
        current = current.view_of.parent
    previous, mode.enabled = mode.enabled, True
    try:
        for current in reversed(outside):
            view = current.view_of
            again = view.op(view.parent, *view.arguments)
            move(current, again.edge)
            view.version = current.version.count
    finally:
        mode.enabled = previous


def _is_stale(tensor: TensorBase) -> bool:
    """Whether the memory of `tensor` was written to since its place in the graph was made."""
    return tensor.edge is not None and tensor.edge[0].number < tensor.version.last


def _former_self(tensor: TensorBase, shown: Any, place: Any) -> TensorBase:
    """`tensor` as it was before it was detached or was given other memory than `shown`."""
    former = wrap(shown)
    former.edge, former._requires_grad = edge_of(tensor) if tensor.edge else place, True
    return former


def fixed_view(tensor: TensorBase, op: Any) -> Any:
    """A view of all of `tensor` (itself, if it is a view) that may not change in place.

    `op`, which says in `gives_views` why, will be the operation that made it.
    """

    def renew(*_: Any) -> Any:
        raise RuntimeError(
            f"Output of {op.printed()} is a view and its base or another view of its base has been "
            f"modified inplace. {op.gives_views}"
        )

    parent, view = parent_of(tensor), tensor
    if parent is None:
        parent, view = tensor, wrap(tensor.array)
        view.version = tensor.version
    view.view_of = View(parent, renew, ())
    return view
