"""`torch.storage`: the memory of tensors, as `Tensor.storage` gives it."""

from __future__ import annotations

import io
from typing import Any

from ..arrays.size import Storage
from ..serialization import load

__all__ = ["Storage", "TypedStorage", "UntypedStorage"]

TypedStorage = UntypedStorage = Storage


def _load_from_bytes(b: bytes) -> Any:
    """What `torch.load` finds in these bytes: some libraries put this function into pickles."""
    return load(io.BytesIO(b), weights_only=False)
