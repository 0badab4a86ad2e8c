"""`torch.onnx`: so that scripts that could export their model can be imported."""

from __future__ import annotations

from typing import Any, NoReturn

__all__ = ["export"]


def export(*args: Any, **kwargs: Any) -> NoReturn:
    """Raise NotImplementedError: minigrad writes no ONNX files."""
    raise NotImplementedError(
        "torch.onnx.export: minigrad cannot export to ONNX. Save model.state_dict() with "
        "torch.save, load it in PyTorch, and export from there"
    )
