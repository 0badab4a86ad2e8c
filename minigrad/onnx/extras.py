"""The packages ``onnx`` and ``onnxruntime``, imported when they are needed."""

from __future__ import annotations

from functools import partial

from ..runtime import extras

__all__ = ["needed"]

needed = partial(extras.needed, extra="onnx")
