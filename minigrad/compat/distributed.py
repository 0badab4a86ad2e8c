"""`torch.distributed`: many processes that train one model. Here there is one, and no group.

A script asks `is_available` first, as it must where PyTorch was built without this; then whether a
group `is_initialized`. Whatever would make a group, or needs one, raises.
"""

from __future__ import annotations

from typing import Any

from .no_effect import not_here

_NEED_A_GROUP = (
    "all_gather", "all_gather_into_tensor", "all_gather_object", "all_reduce", "all_to_all",
    "barrier", "broadcast", "broadcast_object_list", "destroy_process_group", "gather",
    "gather_object", "get_backend", "init_process_group", "irecv", "isend", "monitored_barrier",
    "new_group", "recv", "reduce", "reduce_scatter", "reduce_scatter_tensor", "scatter",
    "scatter_object_list", "send",
)  # fmt: skip

__all__ = [
    "Backend", "DTensor", "FileStore", "GroupMember", "ProcessGroup", "ReduceOp", "Store",
    "TCPStore",
    "ZeroRedundancyOptimizer", "get_rank", "get_world_size", "group", "is_available",
    "is_gloo_available", "is_initialized", "is_mpi_available", "is_nccl_available",
    "is_torchelastic_launched", *_NEED_A_GROUP,
]  # fmt: skip

_WHY = "it trains in one process. Ask torch.distributed.is_available() first"


class ReduceOp:
    """How numbers of several processes are put together: names only."""

    SUM, PRODUCT, MIN, MAX, AVG, BAND, BOR, BXOR = (
        "SUM", "PRODUCT", "MIN", "MAX", "AVG", "BAND", "BOR", "BXOR",
    )  # fmt: skip


class Backend(str):
    """The name of what would carry messages."""

    GLOO, NCCL, MPI, UNDEFINED = "gloo", "nccl", "mpi", "undefined"


class DTensor:
    """The class of tensors that are spread over processes, of which there is none."""


class ProcessGroup:
    """The class of groups, of which there is none."""


class Store:
    """The class of what processes leave messages in, for each other."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(
            f"torch.distributed.{type(self).__name__} is not in minigrad: {_WHY}"
        )


class TCPStore(Store):
    """Raises NotImplementedError when it is made."""


class FileStore(Store):
    """Raises NotImplementedError when it is made."""


class ZeroRedundancyOptimizer:
    """Raises NotImplementedError when it is made: an optimizer whose state processes share."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(f"torch.distributed.optim is not in minigrad: {_WHY}")


class GroupMember:
    """What functions take where no group is meant."""

    WORLD = None
    NON_GROUP_MEMBER = object()


class group:
    """The group of all processes: none."""

    WORLD = None


def is_available() -> bool:
    """False: minigrad trains in one process."""
    return False


def is_initialized() -> bool:
    """False: there is no group."""
    return False


is_gloo_available = is_mpi_available = is_nccl_available = is_available
is_torchelastic_launched = is_initialized


def get_rank(group: Any = None) -> int:
    """0: this process is the only one."""
    return 0


def get_world_size(group: Any = None) -> int:
    """1: this process is the only one."""
    return 1


globals().update({name: not_here(f"torch.distributed.{name}", _WHY) for name in _NEED_A_GROUP})
