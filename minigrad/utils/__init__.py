"""What is neither a network nor its training: `data` feeds both, `ctc` reads labels out.

`dlpack` shares memory with other libraries. `checkpoint` saves memory by computing twice;
`progress_bar` has `progress`, which shows how far a loop is; `tensorboard` writes curves for
TensorBoard. `training_checkpoint` has `TrainingCheckpoint`, from which a training that was killed
goes on; `training_parts` knows what it saves, and `random_streams` all that is chance. These are
imported when they are first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import ctc, data, dlpack

if TYPE_CHECKING:
    from . import checkpoint as checkpoint
    from . import tensorboard as tensorboard
    from .progress_bar import progress as progress
    from .training_checkpoint import TrainingCheckpoint as TrainingCheckpoint

__all__ = ["ctc", "data", "dlpack"]


def __getattr__(name: str) -> Any:
    if name == "progress":
        return import_module(f"{__name__}.progress_bar").progress
    if name == "TrainingCheckpoint":
        return import_module(f"{__name__}.training_checkpoint").TrainingCheckpoint
    if name in ("checkpoint", "tensorboard"):
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
