"""`torch.__config__`: how PyTorch was built. Here: how minigrad was."""

from __future__ import annotations

import io
from contextlib import redirect_stdout

from ..runtime.config import show_config

__all__ = ["parallel_info", "show"]


def show() -> str:
    """What `minigrad.show_config` prints."""
    text = io.StringIO()
    with redirect_stdout(text):
        show_config()
    return text.getvalue()


def parallel_info() -> str:
    """What `minigrad.show_config` prints: threads are among it."""
    return show()
