"""Groups of ranks: `init_process_group`, and what can be asked of a group; how ranks leave.

A rank is a process with a number. MPI starts the ranks, ``python -m minigrad launch -n 4`` calls
it; here they find each other. A `ProcessGroup` has two communicators of its own: one for data, and
one for what ranks tell each other about it (see `checks`).
"""

from __future__ import annotations

import os
import sys
import warnings
from collections import deque
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from . import endings
from .checks import LEFT, Check
from .mpi import mpi, wait, world

__all__ = [
    "Backend", "GroupMember", "ProcessGroup", "destroy_process_group", "get_backend",
    "get_default_backend_for_device", "get_global_rank", "get_group_rank", "get_node_local_rank",
    "get_process_group_ranks", "get_rank", "get_world_size", "group", "init_process_group",
    "is_backend_available", "is_gloo_available", "is_initialized", "is_nccl_available",
    "is_torchelastic_launched", "new_group",
]  # fmt: skip

LEFT_TAG = 0  # on the control communicator; other tags there are numbers of disagreements
BACKENDS = ("mpi", "gloo", "nccl", "ucc", "xccl", "undefined")
TIMEOUT = timedelta(minutes=30)


class Backend(str):
    """The name of what carries messages: whatever a script calls it, here MPI does."""

    __slots__ = ()
    GLOO, NCCL, MPI, UCC, UNDEFINED = "gloo", "nccl", "mpi", "ucc", "undefined"


class ProcessGroup:
    """Some ranks, and what they talk over. `init_process_group` and `new_group` make them.

    Attributes
    ----------
    ranks : list of int
        Their numbers in the default group; the place in this list is the number in this group.
    timeout : float
        How many seconds a call waits for other ranks.
    calls : int
        How many collective calls this rank has made in this group.
    """

    def __init__(self, communicator: Any, ranks: Sequence[int], timeout: float, name: str) -> None:
        self.data, self.control = communicator, communicator.Dup()
        self.ranks, self.timeout, self.name = list(ranks), timeout, name
        self.calls = self.disagreements = 0
        self.queue: deque[Any] = deque()  # collective calls whose data were not sent yet
        self.receives: list[Any] = []  # what is to be received, in the order in which it was asked
        self.running: list[Any] = []  # all work that is not done, to be kept until it is
        self.more: list[Any] = []  # communicators that others have made for this group
        self.has_ended = False

    def rank(self) -> int:
        """The number of this rank in this group."""
        return int(self.data.rank)

    def size(self) -> int:
        """The number of ranks."""
        return int(self.data.size)

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"<minigrad.distributed.ProcessGroup: rank {self.rank()} of {self.size()}>"

    def agree(self, call: str, arguments: dict[str, str]) -> None:
        """Wait until all ranks have called this, with the same arguments.

        Raises
        ------
        RuntimeError
            They do something else; it is raised on every rank.
        """
        Check(self, call, arguments).verify()

    def has_left(self, rank: int) -> bool:
        """Whether the rank with this number in the group makes no more calls."""
        return bool(self.control.Iprobe(rank, LEFT_TAG))

    def receive(self, rank: int, tag: int, what: Callable[[], str]) -> bytearray:
        """The next message of a rank on the control communicator, with this tag."""
        status, found = mpi().Status(), []

        def is_there() -> bool:
            message = self.control.Improbe(rank, tag, status)
            if message is not None:
                found.append(message)
            return bool(found)

        wait(is_there, self.timeout, what)
        data = bytearray(status.Get_count(mpi().BYTE))
        found[0].Recv([data, mpi().BYTE])
        return data

    def keep(self, work: Any) -> None:
        """Hold on to work that is under way, as its user may not."""
        self.running = [w for w in self.running if not w.is_completed()]
        self.running.append(work)


_default: ProcessGroup | None = None
_others: list[ProcessGroup] = []
_said: set[str] = set()  # which names of backends the user was told about
NON_GROUP_MEMBER = object()


class _Members(type):
    @property
    def WORLD(cls) -> ProcessGroup | None:
        return _default


class GroupMember(metaclass=_Members):
    """``GroupMember.WORLD`` is the default group, None where there is none."""

    NON_GROUP_MEMBER = NON_GROUP_MEMBER


class group(metaclass=_Members):
    """``group.WORLD`` is the default group, None where there is none."""


# ------------------------------------------------------------------------------------------------
# Questions
# ------------------------------------------------------------------------------------------------


def is_initialized() -> bool:
    """Whether there is a default group."""
    return _default is not None


def default_group() -> ProcessGroup:
    """The group of all ranks.

    Raises
    ------
    ValueError
        There is none.
    """
    if _default is None:
        raise ValueError(
            "Default process group has not been initialized, please make sure to call "
            "init_process_group."
        )
    return _default


def resolve(chosen: Any) -> ProcessGroup | None:
    """The group that an argument means; None where this rank is no member of it."""
    if chosen is None:
        return default_group()
    if chosen is NON_GROUP_MEMBER:
        return None
    if not isinstance(chosen, ProcessGroup):
        raise TypeError(f"group must be a ProcessGroup, not {type(chosen).__name__}")
    if chosen.has_ended:
        raise ValueError(f"Invalid process group specified: {chosen} was destroyed")
    return chosen


def member(chosen: Any, call: str) -> ProcessGroup | None:
    """The group that a call is made in; where this rank is not in it, a warning, and None."""
    found = resolve(chosen)
    if found is None:
        warnings.warn(
            f"Running {call} on global rank {get_rank()} which does not belong to the given group.",
            UserWarning,
            stacklevel=3,
        )
    return found


def get_rank(group: Any = None) -> int:
    """The number of this rank in the group: 0 to `get_world_size` - 1; -1 if it is not in it.

    Without a process group there is one rank, and this is 0 (PyTorch raises).
    """
    if group is None and _default is None:
        return 0
    found = resolve(group)
    return -1 if found is None else found.rank()


def get_world_size(group: Any = None) -> int:
    """How many ranks the group has; -1 if this rank is not in it.

    Without a process group that is 1 (PyTorch raises).
    """
    if group is None and _default is None:
        return 1
    found = resolve(group)
    return -1 if found is None else found.size()


def get_backend(group: Any = None) -> str:
    """``"mpi"``, whatever `init_process_group` was told."""
    resolve(group)
    return Backend("mpi")


def get_default_backend_for_device(device: Any) -> str:
    """``"mpi"``, for any device."""
    return Backend("mpi")


def get_process_group_ranks(group: Any = None) -> list[int]:
    """The ranks of a group, as they are numbered in the default group."""
    found = resolve(group)
    return [] if found is None else list(found.ranks)


def get_group_rank(group: ProcessGroup, global_rank: int) -> int:
    """The number in `group` of a rank of the default group.

    Raises
    ------
    ValueError
        It is not in the group.
    """
    found = resolve(group)
    if found is None or global_rank not in found.ranks:
        ranks = "a group without this rank" if found is None else f"{found}, ranks {found.ranks}"
        raise ValueError(f"Global rank {global_rank} is not part of group {ranks}")
    return found.ranks.index(global_rank)


def get_global_rank(group: ProcessGroup, group_rank: int) -> int:
    """The number in the default group of a rank of `group`.

    Raises
    ------
    ValueError
        There is no such rank.
    """
    ranks = get_process_group_ranks(group)
    if not 0 <= group_rank < len(ranks):
        raise ValueError(f"Group rank {group_rank} is not part of group, which has {len(ranks)}")
    return ranks[group_rank]


def get_node_local_rank(fallback_rank: int | None = None) -> int:
    """The number of this rank on its machine, which ``python -m minigrad launch`` sets.

    Raises
    ------
    RuntimeError
        ``LOCAL_RANK`` is not set, and there is no `fallback_rank`.
    """
    if "LOCAL_RANK" in os.environ:
        return int(os.environ["LOCAL_RANK"])
    if fallback_rank is None:
        raise RuntimeError(
            "LOCAL_RANK is not in the environment: start the script with python -m minigrad "
            "launch, or give fallback_rank="
        )
    return int(fallback_rank)


def is_gloo_available() -> bool:
    """False: messages go over MPI."""
    return False


is_nccl_available = is_gloo_available


def is_backend_available(backend: str) -> bool:
    """Whether this is ``"mpi"``."""
    return backend.lower() == "mpi"


def is_torchelastic_launched() -> bool:
    """False: nobody starts ranks anew that have failed."""
    return False


# ------------------------------------------------------------------------------------------------
# The beginning
# ------------------------------------------------------------------------------------------------


def init_process_group(
    backend: str | None = None,
    init_method: str | None = None,
    timeout: timedelta | None = None,
    world_size: int = -1,
    rank: int = -1,
    store: Any = None,
    group_name: str = "",
    pg_options: Any = None,
    device_id: Any = None,
) -> None:
    """Let the ranks that MPI has started find each other.

    Parameters
    ----------
    backend : str, optional
        ``"mpi"``. Scripts say ``"gloo"``, ``"nccl"``, ``"cpu:gloo,cuda:nccl"``: that means MPI too,
        and the first rank says so.
    init_method, store, group_name, pg_options, device_id : optional
        Without effect: MPI knows its ranks.
    timeout : timedelta, optional
        How long a call waits for other ranks. Default: 30 minutes.
    world_size, rank : int
        Checked against MPI's, if they are given.

    Raises
    ------
    ImportError
        There is no mpi4py, or no MPI.
    RuntimeError
        MPI has started another number of ranks, or this is another one.
    ValueError
        There is a default group already, or no such backend.
    TypeError
        `timeout` is no timedelta.

    References
    ----------
    https://docs.pytorch.org/docs/stable/distributed.html#torch.distributed.init_process_group

    Examples
    --------
    >>> import minigrad.distributed as dist
    >>> dist.init_process_group("mpi")  # doctest: +SKIP
    >>> dist.get_rank(), dist.get_world_size()  # doctest: +SKIP
    (0, 4)
    """
    global _default
    if _default is not None:
        raise ValueError("trying to initialize the default process group twice!")
    _check_backend(backend)
    seconds = _seconds(timeout, TIMEOUT.total_seconds())
    communicator = world()
    _check_numbers(communicator, init_method, world_size, rank)
    endings.install()
    _leave_at_exit()
    size = communicator.size
    _default = ProcessGroup(communicator.Dup(), range(size), seconds, "the default group")
    if communicator.rank == 0 and backend is not None and backend not in ("mpi", *_said):
        _said.add(backend)
        print(f"minigrad.distributed: backend {backend!r} is MPI here", file=sys.stderr)


def _check_backend(backend: Any) -> None:
    for part in [] if backend is None else str(backend).lower().split(","):
        name = part.rpartition(":")[2].strip()
        if name not in BACKENDS:
            raise ValueError(
                f"Invalid backend: {backend!r}: minigrad.distributed knows {', '.join(BACKENDS)}, "
                "and all of them are MPI"
            )


def _seconds(timeout: Any, default: float) -> float:
    if timeout is None:
        return default
    if not isinstance(timeout, timedelta):
        raise TypeError(
            "Expected timeout argument to be of type datetime.timedelta, got "
            f"{type(timeout).__name__}: {timeout!r}"
        )
    return timeout.total_seconds()


def _check_numbers(communicator: Any, init_method: Any, world_size: int, rank: int) -> None:
    """Whether what the script says, or its environment, is what MPI says."""
    environment = os.environ if init_method in (None, "env://") else {}
    for name, given, variable, is_so in (
        ("world_size", world_size, "WORLD_SIZE", communicator.size),
        ("rank", rank, "RANK", communicator.rank),
    ):
        where = f"{name}={given}"
        if given in (-1, None):
            if communicator is not mpi().COMM_WORLD or not environment.get(variable, "").isdigit():
                continue
            given = int(environment[variable])
            where = f"the environment has {variable}={given}"
        if given != is_so:
            has = f"has started {is_so} rank{'s' * (is_so != 1)}"
            raise RuntimeError(
                f"init_process_group: {where}, but MPI "
                f"{has if name == 'world_size' else f'calls this rank {is_so}'}. Start ranks with "
                f"python -m minigrad launch -n {world_size if world_size > 0 else 4} SCRIPT"
            )


def new_group(
    ranks: Sequence[int] | None = None, timeout: timedelta | None = None,
    backend: str | None = None, pg_options: Any = None, use_local_synchronization: bool = False,
    group_desc: str | None = None, device_id: Any = None, sort_ranks: bool = True,
) -> Any:  # fmt: skip
    """Make a group of some ranks. All ranks of the default group have to call this.

    Parameters
    ----------
    ranks : sequence of int, optional
        Their numbers. Default: all.
    timeout : timedelta, optional
        Default: that of the default group.
    backend : str, optional
        As for `init_process_group`.
    pg_options, use_local_synchronization, group_desc, device_id : optional
        Without effect.
    sort_ranks : bool
        Number the ranks of the group in ascending order, not as they are given. Default: True.

    Returns
    -------
    ProcessGroup
        Or ``GroupMember.NON_GROUP_MEMBER``, on ranks that are not in it.

    Raises
    ------
    ValueError
        There is no such rank, or one comes twice; no default group.
    RuntimeError
        The ranks do not agree.
    """
    everybody = default_group()
    _check_backend(backend)
    chosen = list(everybody.ranks if ranks is None else ranks)
    if sort_ranks:
        chosen.sort()
    for rank in chosen:
        if rank not in everybody.ranks:
            raise ValueError(
                f"new_group: ranks has {rank}, and the default group the ranks 0 to "
                f"{everybody.size() - 1}"
            )
    if len(set(chosen)) < len(chosen) or not chosen:
        raise ValueError(f"new_group: ranks must name some ranks, each of them once, not {ranks}")
    everybody.agree("new_group", {"ranks": str(chosen)})
    if everybody.rank() not in chosen:
        return NON_GROUP_MEMBER
    members = everybody.data.Get_group().Incl(chosen)
    made = ProcessGroup(
        everybody.data.Create_group(members), chosen, _seconds(timeout, everybody.timeout),
        f"the group of ranks {chosen}",
    )  # fmt: skip
    _others.append(made)
    return made


# ------------------------------------------------------------------------------------------------
# The end
# ------------------------------------------------------------------------------------------------


def destroy_process_group(group: Any = None) -> None:
    """Leave a group; without one, all groups. Waits until all its ranks do.

    Where a program ends without having called this, it is done then.

    Raises
    ------
    RuntimeError
        Others go on, so that this rank makes fewer calls than they.
    ValueError
        There is no such group.
    """
    global _default
    found = resolve(group)
    if found is None:
        return
    if found is _default:
        leaving, _default = [found, *_others], None
        _others.clear()
    else:
        leaving = [found]
        _others.remove(found)
    _leave(leaving)


def _leave(groups: list[ProcessGroup]) -> None:
    """Tell all ranks of all these groups, and wait until they leave, too."""
    for one in groups:
        one.has_ended = True
    checks = [Check(one, LEFT, {}) for one in groups]
    notes = [
        one.control.Isend(b"", rank, LEFT_TAG)
        for one in groups
        for rank in range(one.size())
        if rank != one.rank()
    ]

    def is_done() -> bool:
        for one in groups:
            one.running = [work for work in one.running if not work.is_completed()]
        calls = [work for one in groups for work in one.running if work.is_collective]
        answered = [check for check in checks if check.is_done()]
        for check in answered:
            check.verify()  # (the ranks of one group may go on, and never answer in another)
        return len(answered) == len(checks) and not calls

    wait(is_done, max([one.timeout for one in groups]), lambda: "destroy_process_group")
    for one in groups:
        for rank in range(one.size()):
            if rank != one.rank():
                one.receive(rank, LEFT_TAG, lambda: "destroy_process_group")
    mpi().Request.Waitall(notes)
    for one in groups:
        for communicator in (*one.more, one.control, one.data):
            communicator.Free()


_leaves_at_exit = False


def _leave_at_exit() -> None:
    global _leaves_at_exit
    if not _leaves_at_exit:
        _leaves_at_exit = True
        endings.on_exit(lambda: destroy_process_group() if _default is not None else None)
