"""Objects of Python, pickled and sent: `broadcast_object_list`, `all_gather_object` and their kin.

As everything that is unpickled, they may do whatever they like: the ranks trust each other.
"""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np

from .collectives import root, run
from .group import ProcessGroup, member

__all__ = [
    "all_gather_object", "broadcast_object_list", "gather_object", "scatter_object_list",
]  # fmt: skip


def exchange(group: ProcessGroup, call: str, arguments: dict[str, str], mine: Any) -> list[Any]:
    """The objects of all ranks."""
    data = np.frombuffer(pickle.dumps(mine), np.uint8)
    lengths = np.empty(group.size(), np.int64)

    def share_lengths() -> Any:
        return group.data.Iallgather(np.array([data.size], np.int64), lengths)

    run(group, call, arguments, False, share_lengths)
    everything = np.empty(int(lengths.sum()), np.uint8)
    ends = np.cumsum(lengths)
    places = lengths.tolist(), (ends - lengths).tolist()

    def share_data() -> Any:
        return group.data.Iallgatherv(data, [everything, places])

    run(group, call, arguments, False, share_data)
    return [pickle.loads(part.tobytes()) for part in np.split(everything, ends[:-1])]


def all_gather_object(object_list: list[Any], obj: Any, group: Any = None) -> None:
    """Overwrite the entries of `object_list` with `obj` of each rank.

    See `minigrad.distributed.collectives` for what holds for all of these.
    """
    among = member(group, "all_gather_object")
    if among is not None:
        _check_length("all_gather_object", "object_list", object_list, among)
        object_list[:] = exchange(among, "all_gather_object", {}, obj)


def gather_object(
    obj: Any, object_gather_list: list[Any] | None = None, dst: int | None = None,
    group: Any = None, group_dst: int | None = None,
) -> None:  # fmt: skip
    """Overwrite the entries of `object_gather_list` of rank `dst` with `obj` of each rank.

    Without `dst` it is rank 0.
    See `minigrad.distributed.collectives` for what holds for all of these.
    """
    among = member(group, "gather_object")
    if among is None:
        return
    target = root("gather_object", among, "dst", dst, group_dst, 0)
    if among.rank() == target:
        if object_gather_list is None:
            raise ValueError(
                "gather_object: Argument ``object_gather_list`` must be specified on destination "
                "rank."
            )
        _check_length("gather_object", "object_gather_list", object_gather_list, among)
    elif object_gather_list:
        raise ValueError(
            "gather_object: Argument ``object_gather_list`` must NOT be specified on "
            "non-destination ranks."
        )
    found = exchange(among, "gather_object", {"dst": str(among.ranks[target])}, obj)
    if object_gather_list is not None and among.rank() == target:
        object_gather_list[:] = found


def broadcast_object_list(
    object_list: list[Any], src: int | None = None, group: Any = None, device: Any = None,
    group_src: int | None = None,
) -> None:  # fmt: skip
    """Overwrite the entries of `object_list` with those of rank `src`, by default rank 0.

    See `minigrad.distributed.collectives` for what holds for all of these.
    """
    among = member(group, "broadcast_object_list")
    if among is None:
        return
    source = root("broadcast_object_list", among, "src", src, group_src, 0)
    arguments = {"src": str(among.ranks[source]), "length of object_list": str(len(object_list))}
    mine = list(object_list) if among.rank() == source else None
    found = exchange(among, "broadcast_object_list", arguments, mine)[source]
    if among.rank() != source:
        object_list[:] = found


def scatter_object_list(
    scatter_object_output_list: list[Any], scatter_object_input_list: list[Any] | None = None,
    src: int | None = None, group: Any = None, group_src: int | None = None,
) -> None:  # fmt: skip
    """Put the entry for this rank of `scatter_object_input_list` of rank `src` into a list.

    Without `src` it is rank 0.
    See `minigrad.distributed.collectives` for what holds for all of these.
    """
    call = "scatter_object_list"
    among = member(group, call)
    if among is None:
        return
    if not isinstance(scatter_object_output_list, list) or not scatter_object_output_list:
        raise ValueError(
            f"{call}: Expected argument scatter_object_output_list to be a list of size at least 1."
        )
    source = root(call, among, "src", src, group_src, 0)
    mine = None
    if among.rank() == source:
        mine = scatter_object_input_list
        if mine is None:
            raise ValueError(f"{call}: source rank must provide non-None scatter_object_input_list")
        _check_length(call, "scatter_object_input_list", mine, among)
    found = exchange(among, call, {"src": str(among.ranks[source])}, mine)[source]
    scatter_object_output_list[0] = found[among.rank()]


def _check_length(call: str, name: str, objects: list[Any], among: ProcessGroup) -> None:
    if len(objects) != among.size():
        raise ValueError(
            f"{call}: {name} has {len(objects)} entries, and the group {among.size()} ranks: one "
            "each"
        )
