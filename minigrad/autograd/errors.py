"""What the engine says when something is wrong, and the anomaly mode's search for NaN."""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from typing import Any

import numpy as np

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep

FREED = (
    "Trying to backward through the graph a second time (or directly access saved tensors after "
    "they have already been freed). Saved intermediate values of the graph are freed when you call "
    ".backward() or autograd.grad(). Specify retain_graph=True if you need to backward through the "
    "graph a second time or if you need to access saved tensors after calling backward. If a "
    "recurrent net carries its hidden state from batch to batch, detach the state between batches: "
    "hidden = hidden.detach()."
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

ONLY_FLOATS = "only Tensors of floating point dtype can require gradients"


def modified_in_place(tensor: Any, node: Any) -> str:
    """A saved value was written to between forward and backward."""
    kind = {"float64": "torch.DoubleTensor", "float32": "torch.FloatTensor"}.get(
        str(tensor.array.dtype), f"torch.{tensor.array.dtype}"
    )
    return (
        "one of the variables needed for gradient computation has been modified by an inplace "
        f"operation: [{kind} {list(tensor.array.shape)}], which {node.name()} saved, is at version "
        f"{tensor.version[0]}; expected the version that it had when it was saved instead. Write "
        "y = f(y) instead of changing y in place, or change a clone. Hint: enable anomaly "
        "detection to find the operation that failed to compute its gradient, with "
        "torch.autograd.set_detect_anomaly(True)."
    )


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
