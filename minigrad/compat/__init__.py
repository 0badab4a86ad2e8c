"""What exists only for old or foreign scripts, and what runs them. The core does not know this.

- `legacy`: ways to make tensors that PyTorch has left behind, `Variable` and `FloatTensor`;
  `variable`: the former under its module's name.
- `accelerator`, `cuda`, `backends`: the answers to questions about devices: there is only the CPU.
- `attention`, `parallel`, `clip_grad`, `onnx`, `multiprocessing`, `random`, `version`: names that
  scripts mention, and mostly do not use.
- `rooms`: which of PyTorch's modules is which of minigrad's; `finder`: makes ``import torch`` mean
  minigrad; `run`: runs a script like that.

``minigrad.cuda``, ``minigrad.LongTensor`` and the like are found here: `minigrad` looks a name up
in this package only when it has none of its own.
"""

from . import accelerator, backends, cuda, multiprocessing, onnx
from .legacy import (
    BoolTensor,
    ByteTensor,
    CharTensor,
    DoubleTensor,
    FloatTensor,
    IntTensor,
    LongTensor,
    ShortTensor,
)  # fmt: skip

__all__ = [
    "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "IntTensor",
    "LongTensor", "ShortTensor", "accelerator", "backends", "cuda", "multiprocessing", "onnx",
]  # fmt: skip
