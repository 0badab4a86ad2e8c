"""What `minigrad.distributed` has not of `torch.distributed`: names that raise when used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ..distributed.group import GroupMember
from ..distributed.store import Store
from .no_effect import not_here

__all__ = [
    "DTensor", "FileStore", "ZeroRedundancyOptimizer", "all_reduce_coalesced",
    "is_xccl_available", "record", "split_group",
]  # fmt: skip

F = TypeVar("F", bound=Callable[..., Any])


class DTensor:
    """The class of tensors that are spread over processes, of which there is none."""


class FileStore(Store):
    """Raises NotImplementedError when it is made."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(
            "torch.distributed.FileStore is not in minigrad: use TCPStore or HashStore"
        )


class ZeroRedundancyOptimizer:
    """Raises NotImplementedError when it is made: an optimizer whose state processes share."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(
            "torch.distributed.optim is not in minigrad: each rank has all of the optimizer's state"
        )


def is_xccl_available() -> bool:
    """False: messages go over MPI."""
    return False


def _rank_not_in_group(group: Any) -> bool:
    """Whether a group is what `new_group` returns to a rank that has no part in it."""
    return group is GroupMember.NON_GROUP_MEMBER


def record(fn: F) -> F:
    """The function itself: the traceback of a rank that fails is printed by that rank."""
    return fn


all_reduce_coalesced = not_here("torch.distributed.all_reduce_coalesced", "use all_reduce")
split_group = not_here("torch.distributed.split_group", "use new_group")
