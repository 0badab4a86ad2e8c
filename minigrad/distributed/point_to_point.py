"""From one rank to another: `send`, `recv`, and their asynchronous forms."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np

from .buffers import check_tensor, described, row, sendable, write
from .collectives import root
from .group import ProcessGroup, default_group, get_rank, member
from .mpi import mpi
from .work import Work

__all__ = ["P2POp", "batch_isend_irecv", "irecv", "isend", "recv", "send"]

_HEADER = 256  # bytes before the data of a message: the dtype and the shape


class Sending(Work):
    """A message that is on its way."""

    def __init__(self, group: ProcessGroup, array: np.ndarray, target: int, tag: int) -> None:
        super().__init__(group, lambda: f"send to rank {group.ranks[target]}")
        self._target = target
        header = pickle.dumps(described(array))[:_HEADER].ljust(_HEADER)
        self._data = np.concatenate([np.frombuffer(header, np.uint8), sendable(row(array))])
        self._request = group.data.Isend(self._data, target, tag)
        group.keep(self)

    def _advance(self) -> bool:
        if self._request.Test():
            return True
        if self.group.has_left(self._target):
            raise RuntimeError(f"{self._what()}, which has left without receiving it")
        return False


class Receiving(Work):
    """A message that is awaited."""

    def __init__(self, group: ProcessGroup, tensor: Any, source: int | None, tag: int) -> None:
        name = "any rank" if source is None else f"rank {group.ranks[source]}"
        super().__init__(group, lambda: f"recv from {name}")
        self.tensor, self.tag, self.source = tensor, tag, source
        self._has_come = False
        group.receives.append(self)

    def _fetch(self) -> None:
        """Take the message, if it is there."""
        MPI, group = mpi(), self.group
        status = MPI.Status()
        left = self.source is not None and group.has_left(self.source)  # before we look
        source = MPI.ANY_SOURCE if self.source is None else self.source
        message = group.data.Improbe(source, self.tag, status)
        if message is None:
            if left:
                raise RuntimeError(f"{self._what()}, which has left without sending")
            return
        self._has_come, self.source = True, status.source
        data = np.empty(status.Get_count(MPI.BYTE), np.uint8)
        message.Recv([data, MPI.BYTE])
        sent, expected = pickle.loads(data[:_HEADER].tobytes()), described(self.tensor.array)
        if sent != expected:
            raise RuntimeError(
                f"recv: tensor is {expected}, but rank {group.ranks[self.source]} sent a tensor "
                f"{sent} to rank {group.ranks[group.rank()]}"
            )
        write(self.tensor, data[_HEADER:].view(self.tensor.array.dtype))

    def _competes_with(self, other: Receiving) -> bool:
        """Whether a message could be for either."""
        sources = (self.source, other.source)
        return self.tag == other.tag and (None in sources or self.source == other.source)

    def _advance(self) -> bool:
        passed: list[Receiving] = []  # those that were asked for first get the first messages
        for one in list(self.group.receives):
            if not any([one._competes_with(earlier) for earlier in passed]):
                try:
                    one._fetch()
                except RuntimeError as error:
                    one._error = error
            if one._has_come or one._error is not None:
                self.group.receives.remove(one)
            else:
                passed.append(one)
            if one is self:
                break
        if self._error is not None:
            raise self._error
        return self._has_come

    def _source_rank(self) -> int:
        return -1 if self.source is None else self.source


def isend(
    tensor: Any, dst: int | None = None, group: Any = None, tag: int = 0,
    group_dst: int | None = None,
) -> Work | None:  # fmt: skip
    """Begin to send a tensor to rank `dst`: a copy of what it is now.

    Returns
    -------
    Work
        To `wait` for; None on ranks outside of the group.
    """
    array = check_tensor("isend", "tensor", tensor)
    among = member(group, "isend")
    if among is None:
        return None
    return Sending(among, array, root("isend", among, "dst", dst, group_dst, None), tag)


def irecv(
    tensor: Any, src: int | None = None, group: Any = None, tag: int = 0,
    group_src: int | None = None,
) -> Work | None:  # fmt: skip
    """Begin to wait for a tensor from rank `src`, or from any rank, that overwrites `tensor`.

    Returns
    -------
    Work
        To `wait` for; None on ranks outside of the group.
    """
    check_tensor("irecv", "tensor", tensor)
    among = member(group, "irecv")
    if among is None:
        return None
    source = None
    if src is not None or group_src is not None:
        source = root("irecv", among, "src", src, group_src, None)
    return Receiving(among, tensor, source, tag)


def send(
    tensor: Any, dst: int | None = None, group: Any = None, tag: int = 0,
    group_dst: int | None = None,
) -> None:  # fmt: skip
    """Send a tensor to rank `dst` (`group_dst` in `group`), which has to call `recv`.

    Raises
    ------
    ValueError
        `dst` is this rank, or no rank.
    RuntimeError
        That rank has left.

    Examples
    --------
    >>> import minigrad as mg, minigrad.distributed as dist
    >>> x = mg.zeros(3)
    >>> if dist.get_rank() == 0:  # doctest: +SKIP
    ...     dist.send(x + 1, dst=1)
    ... elif dist.get_rank() == 1:
    ...     dist.recv(x, src=0)
    """
    _check_other("destination", dst, group, group_dst)
    work = isend(tensor, dst, group, tag, group_dst)
    if work is not None:
        work.wait()


def recv(
    tensor: Any, src: int | None = None, group: Any = None, tag: int = 0,
    group_src: int | None = None,
) -> int:  # fmt: skip
    """Overwrite `tensor` with what rank `src` sends, or any rank, if there is none given.

    Returns
    -------
    int
        The rank that has sent it; -1 on ranks outside of the group.

    Raises
    ------
    ValueError
        `src` is this rank, or no rank.
    RuntimeError
        That rank has left, or has sent a tensor of another shape or dtype.
    """
    _check_other("source", src, group, group_src)
    work = irecv(tensor, src, group, tag, group_src)
    if not isinstance(work, Receiving):
        return -1
    work.wait()
    return int(work.group.ranks[work._source_rank()])


def _check_other(end: str, rank: Any, group: Any, group_rank: Any) -> None:
    default_group()
    if (rank is not None and rank == get_rank()) or (
        group_rank is not None and group_rank == get_rank(group)
    ):
        raise ValueError(
            f"Invalid {end} rank: {end} rank should not be the same as the rank of the current "
            "process."
        )


class P2POp:
    """A call of `isend` or `irecv` for `batch_isend_irecv`.

    Raises
    ------
    ValueError
        `op` is neither of them.
    """

    def __init__(
        self, op: Any, tensor: Any, peer: int | None = None, group: Any = None, tag: int = 0,
        group_peer: int | None = None,
    ) -> None:  # fmt: skip
        if op is not isend and op is not irecv:
            raise ValueError(
                "Invalid ``op``. Expected ``op`` to be of type ``torch.distributed.isend`` or "
                "``torch.distributed.irecv``."
            )
        self.op, self.tensor, self.peer, self.group = op, tensor, peer, group
        self.tag, self.group_peer = tag, group_peer


def batch_isend_irecv(p2p_op_list: list[P2POp]) -> list[Work]:
    """Begin all of them; return what to `wait` for."""
    if not isinstance(p2p_op_list, list) or not all([isinstance(p, P2POp) for p in p2p_op_list]):
        raise ValueError(
            "Invalid ``p2p_op_list``. Each op is expected to be of type "
            "``torch.distributed.P2POp``."
        )
    begun = [p.op(p.tensor, p.peer, p.group, p.tag, p.group_peer) for p in p2p_op_list]
    return [work for work in begun if work is not None]
