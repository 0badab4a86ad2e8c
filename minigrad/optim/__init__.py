"""Optimizers: one update rule a file, and `lr_scheduler`.

- `optimizer`: what all have in common; `options`: what their options mean and may be.
- `per_parameter`: what those share that treat each parameter alone; `averages`: running means.
- `loops`: the same around a kernel; `line_search`: how far `lbfgs` goes.
- `swa_utils`: averages of weights over training; imported when it is first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import lr_scheduler
from .adadelta import Adadelta
from .adafactor import Adafactor
from .adagrad import Adagrad
from .adam import Adam, AdamW
from .adamax import Adamax
from .asgd import ASGD
from .lbfgs import LBFGS
from .nadam import NAdam
from .optimizer import Optimizer
from .radam import RAdam
from .rmsprop import RMSprop
from .rprop import Rprop
from .sgd import SGD

if TYPE_CHECKING:
    from . import swa_utils as swa_utils

__all__ = [
    "ASGD",
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "lr_scheduler",
]


def __getattr__(name: str) -> Any:
    if name == "swa_utils":
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
