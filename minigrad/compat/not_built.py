"""Layers and functions for pictures and volumes: they can be named, and raise when they are used.

Libraries ask of a layer whether it is an ``nn.Conv2d``, and import ``conv2d`` for a metric that a
script about sequences never calls. So the names are there. A class can be subclassed, too: a script
with a choice of models may define them all, and train the recurrent one.
"""

from __future__ import annotations

from typing import Any

from ..arrays.absent import ABSENT, absent
from ..nn.module import Module
from .no_effect import not_here

_LAYERS = (
    "AdaptiveAvgPool2d", "AdaptiveAvgPool3d", "AdaptiveMaxPool2d", "AdaptiveMaxPool3d", "AvgPool2d",
    "AvgPool3d", "BatchNorm3d", "ChannelShuffle", "CircularPad2d", "CircularPad3d", "ConstantPad2d",
    "ConstantPad3d", "Conv2d", "Conv3d", "ConvTranspose2d", "ConvTranspose3d", "CrossMapLRN2d",
    "Dropout3d", "Fold", "FractionalMaxPool2d", "FractionalMaxPool3d", "InstanceNorm2d",
    "InstanceNorm3d", "LPPool2d", "LPPool3d", "LazyBatchNorm2d", "LazyBatchNorm3d", "LazyConv2d",
    "LazyConv3d", "LazyConvTranspose2d", "LazyConvTranspose3d", "LazyInstanceNorm2d",
    "LazyInstanceNorm3d", "MaxPool2d", "MaxPool3d", "MaxUnpool2d",
    "MaxUnpool3d", "PixelShuffle", "PixelUnshuffle", "ReflectionPad2d", "ReflectionPad3d",
    "ReplicationPad2d", "ReplicationPad3d", "SyncBatchNorm", "Unfold", "Upsample",
    "UpsamplingBilinear2d", "UpsamplingNearest2d", "ZeroPad2d", "ZeroPad3d", "BatchNorm2d",
)  # fmt: skip
_FUNCTIONS = (
    "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool2d", "adaptive_max_pool3d",
    "affine_grid", "avg_pool2d", "avg_pool3d", "channel_shuffle", "conv2d", "conv3d",
    "conv_transpose2d", "conv_transpose3d", "dropout3d", "fold", "fractional_max_pool2d",
    "fractional_max_pool3d", "grid_sample", "interpolate", "lp_pool2d",
    "lp_pool3d", "max_pool2d", "max_pool3d", "max_unpool2d", "max_unpool3d", "pixel_shuffle",
    "pixel_unshuffle", "unfold", "upsample", "upsample_bilinear", "upsample_nearest",
)  # fmt: skip

__all__ = ["NotBuilt", *_FUNCTIONS, *_LAYERS]

_PICTURES = "layers for pictures"


class NotBuilt(Module):
    """A class that can be subclassed and named, but not built."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        named = next(cls for cls in type(self).__mro__ if cls.__module__ == __name__)
        words = f"nn.{named.__name__} is not in minigrad: {ABSENT[_PICTURES]}"
        raise absent(_PICTURES, NotImplementedError, words)


def _not_built(name: str) -> type[NotBuilt]:
    made = {"__module__": __name__, "__doc__": "Raises NotImplementedError when it is built."}
    return type(name, (NotBuilt,), made)


globals().update({name: _not_built(name) for name in _LAYERS})
globals().update({
    name: not_here(f"torch.nn.functional.{name}", ABSENT[_PICTURES], _PICTURES)
    for name in _FUNCTIONS
})  # fmt: skip
