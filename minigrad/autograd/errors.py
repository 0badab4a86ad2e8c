"""What the engine says when something is wrong, and the anomaly mode's search for NaN."""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep

FREED = (
    "Trying to backward through the graph a second time (or directly access saved tensors after "
    "they have already been freed). Saved intermediate values of the graph are freed when you call "
    ".backward() or autograd.grad(). Specify retain_graph=True if you need to backward through the "
    "graph a second time or if you need to access saved tensors after calling backward."
)
CARRIED = (
    " Here a recurrent layer was given a hidden state whose own graph, at {}, an earlier backward "
    "had freed: the state is carried from batch to batch without detach(). Detach it between "
    "batches: hidden = hidden.detach(), for an LSTM hidden = tuple(s.detach() for s in hidden)."
)
REACHED = (
    " Here what backward began with is new, but it leads into an older graph, at {}: a tensor "
    "from before the last backward is used again. If that is the hidden state, which a recurrent "
    "net carries from batch to batch, detach it between batches: hidden = hidden.detach()."
)

NOT_SCALAR = "grad can be implicitly created only for scalar outputs"

NO_GRAPH = "element {} of tensors does not require grad and does not have a grad_fn"

UNUSED = (
    "One of the differentiated Tensors appears to not have been used in the graph. Set "
    "allow_unused=True if this is the desired behavior."
)

ONE_OF_SEVERAL_VIEWS = (
    "This view is the output of a function that returns multiple views. Such functions do not "
    "allow the output views to be modified inplace. You should replace the inplace operation by an "
    "out-of-place one."
)

VIEW_OF_A_FUNCTION = (
    "This view was created inside a custom Function (or because an input was returned as-is) and "
    "the autograd logic to handle view+inplace would override the custom backward associated with "
    "the custom Function, leading to incorrect gradients. This behavior is forbidden. You can fix "
    "this by cloning the output of the custom Function."
)

PACKING_WRITES = (
    "A saved tensor pack hook is modifying its input in place. Tensors provided as input to pack "
    "hook cannot be modified by in-place operations as this can lead to unexpected side-effects."
)

ONLY_FLOATS = "only Tensors of floating point dtype can require gradients"


def modified_in_place(tensor: Any, node: Any) -> str:
    """A saved value was written to between forward and backward."""
    kind = {"float64": "torch.DoubleTensor", "float32": "torch.FloatTensor"}.get(
        str(tensor.array.dtype), f"torch.{tensor.array.dtype}"
    )
    return (
        "one of the variables needed for gradient computation has been modified by an inplace "
        f"operation: [{kind} {list(tensor.array.shape)}], which {node.name()} saved, is at version "
        f"{tensor.version.count}; expected the version that it had when it was saved instead. "
        "Write y = f(y) instead of changing y in place, or change a clone. Hint: enable anomaly "
        "detection to find the operation that failed to compute its gradient, with "
        "torch.autograd.set_detect_anomaly(True)."
    )


def freed(node: Any) -> RuntimeError:
    """The error of a node whose saved values are gone; `say_how_reached` will want the node."""
    error = RuntimeError(FREED)
    error.node = node  # type: ignore[attr-defined]
    return error


def say_how_reached(error: RuntimeError, roots: Iterable[Any]) -> None:
    """Add to the error of a freed graph how backward, which began at `roots`, came there.

    From the same place a second time: then there is nothing to add. Or by way of operations that
    are newer than the last backward: then something was kept that should have been detached, in a
    recurrent net the hidden state.
    """
    node = error.__dict__.pop("node", None)
    if node is None:
        return
    newer = [n for n in _between(roots, node) if _saves(n)]
    if not newer:
        return
    carried = _is_recurrent(node) and any([_is_recurrent(n) for n in newer])
    error.args = (FREED + (CARRIED if carried else REACHED).format(node.name()),)


def _between(roots: Iterable[Any], node: Any) -> list[Any]:
    """The nodes on the ways from `roots` to a node."""
    users: dict[int, list[Any]] = {}
    seen = {}
    waiting = [edge[0] for edge in roots]
    while waiting:
        user = waiting.pop()
        if id(user) in seen or getattr(user, "number", -1) <= node.number:
            continue
        seen[id(user)] = user
        for edge in user.edges:
            if edge is not None:
                users.setdefault(id(edge[0]), []).append(user)
                waiting.append(edge[0])
    found: dict[int, Any] = {}
    waiting = users.get(id(node), [])
    while waiting:
        user = waiting.pop()
        if id(user) not in found:
            found[id(user)] = user
            waiting = waiting + users.get(id(user), [])
    return list(found.values())


def _saves(node: Any) -> bool:
    """Whether a node that backward has passed had saved something."""
    saved = node.saved
    return saved is None or any([getattr(value, "array", None) is not None for value in saved])


def _is_recurrent(node: Any) -> bool:
    """Whether it is a step of a recurrence, or a whole sequence of them."""
    name = node.op.name
    return bool(name.startswith(("sequence", "recurrent")) or name.endswith("_step"))


def shape_mismatch(node_name: str, expected: tuple[int, ...], got: tuple[int, ...]) -> str:
    """A gradient has not the shape of the value that it belongs to."""
    return (
        f"Mismatch in shape: {node_name} returned an invalid gradient: got {list(got)} but "
        f"expected shape compatible with {list(expected)}"
    )


def stacklevel() -> int:
    """What a function gives `warnings.warn` to name the line outside minigrad that led to it.

    Counting is needed because functions of translated modules have no frames.
    """
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    return level


def user_line() -> str:
    """The line of the user's code that is running, as "train.py:12"; "" if there is none."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__") or "numpy"  # (see `quiet` for those without)
        if module.partition(".")[0] not in ("minigrad", "numpy"):
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back
    return ""


def call_site() -> list[str]:
    """The present stack, innermost last, without minigrad's own frames at its end."""
    frames = traceback.extract_stack()
    while frames and frames[-1].filename.startswith(_PACKAGE):
        frames.pop()
    return traceback.format_list(frames)


def check_nan(node: Any, grads: Any) -> None:
    """Raise if an entry of `grads`, which `node` has just computed, holds a NaN."""
    for k, g in enumerate(grads):
        array = getattr(g, "array", g)
        if array is not None and np.isnan(array).any():
            where = "".join(node.trace or ["(recorded before anomaly detection was switched on)"])
            warnings.warn(
                f"Error detected in {node.name()}. Traceback of forward call that caused the "
                f"error:\n{where}",
                stacklevel=2,
            )
            raise RuntimeError(f"Function '{node.name()}' returned nan values in its {k}th output.")
