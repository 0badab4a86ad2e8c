"""Saving and loading, in PyTorch's file format: what the one writes, the other opens.

A checkpoint is a zip archive with one pickle, the *structure* of what was saved, and the memory of
its tensors in a file each. The reading order is the way through a checkpoint:

- `checkpoint`: `save` and `load`, the two ends; `files`: opening and replacing files on disk.
- `archive`: the zip archive; `storages`: which memory a tensor is part of, there and back.
- `names`: what PyTorch calls the things that a pickle mentions, and how each is made.
- `pickler`: writes the pickle, under PyTorch's names.
- `machine`: reads it, and can do nothing but build data; `arrays`: NumPy's part of that;
  `allowed`: what the user lets in besides, with `safe_globals`.
- `safetensors`: the other format, for state dicts only.
"""

from .allowed import add_safe_globals, clear_safe_globals, get_safe_globals, safe_globals
from .checkpoint import load, save
from .safetensors import load_safetensors, save_safetensors

__all__ = [
    "add_safe_globals",
    "clear_safe_globals",
    "get_safe_globals",
    "load",
    "load_safetensors",
    "safe_globals",
    "save",
    "save_safetensors",
]
