"""`torch.hub`: models from the network. minigrad has none to fetch."""

from __future__ import annotations

import os

from .no_effect import not_here

__all__ = [
    "download_url_to_file", "get_dir", "help", "list", "load", "load_state_dict_from_url",
    "set_dir",
]  # fmt: skip

_WHY = "it fetches nothing from the network. Put the file beside the script, and torch.load it"
_folder: str | None = None


def get_dir() -> str:
    """The folder in which PyTorch keeps what it has fetched."""
    home = os.environ.get("TORCH_HOME") or os.path.join(
        os.environ.get("XDG_CACHE_HOME", "~/.cache"), "torch"
    )
    return _folder or os.path.join(os.path.expanduser(home), "hub")


def set_dir(d: str | os.PathLike[str]) -> None:
    """Choose what `get_dir` answers."""
    global _folder
    _folder = os.path.expanduser(d)


load = not_here("torch.hub.load", _WHY, "downloads")
load_state_dict_from_url = not_here("torch.hub.load_state_dict_from_url", _WHY, "downloads")
download_url_to_file = not_here("torch.hub.download_url_to_file", _WHY, "downloads")
list = not_here("torch.hub.list", _WHY, "downloads")
help = not_here("torch.hub.help", _WHY, "downloads")
