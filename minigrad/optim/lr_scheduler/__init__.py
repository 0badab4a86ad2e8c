"""Learning rate schedulers: `base` has what they share, then one kind of schedule a file.

A scheduler is made with an optimizer and changes the option ``"lr"`` of its parameter groups each
time that its ``step`` is called: once for each epoch, after the optimizer's steps.
"""

from .base import LRScheduler
from .compose import ChainedScheduler, SequentialLR
from .cosine import CosineAnnealingLR, CosineAnnealingWarmRestarts
from .custom import LambdaLR, MultiplicativeLR
from .cycle import CyclicLR, OneCycleLR
from .decay import ExponentialLR, MultiStepLR, StepLR
from .plateau import ReduceLROnPlateau
from .ramp import ConstantLR, LinearLR, PolynomialLR

_LRScheduler = LRScheduler  # the name it had before; some scripts subclass it

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]
