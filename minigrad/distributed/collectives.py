r"""What all ranks of a group do together: `all_reduce`, `broadcast`, `all_gather` and their kin.

With tensors :math:`x_r` on the ranks :math:`r = 0 \dots R-1`, and an operation :math:`\oplus`:

    broadcast        every rank gets x_src
    all_reduce       every rank gets x_0 + x_1 + ... + x_(R-1)        (+ stands for the operation)
    reduce           rank dst gets it
    all_gather       every rank gets [x_0, x_1, ..., x_(R-1)]
    gather           rank dst gets it
    scatter          rank r gets list_src[r]
    reduce_scatter   rank r gets list_0[r] + list_1[r] + ... + list_(R-1)[r]
    all_to_all       rank r gets [list_0[r], list_1[r], ..., list_(R-1)[r]]

Every rank has to make the same calls in the same order, with tensors of the same shape and dtype.
Where one does not, all of them raise a RuntimeError that names it: see `checks`. What all these
have in common:

- ``group``: a `ProcessGroup` of `new_group`; default: all ranks. ``src`` and ``dst`` are numbers in
  the default group; ``group_src`` and ``group_dst`` those in `group`.
- ``async_op=True`` returns a `Work` at once, to `wait` for; otherwise they return None when the
  result is there. On ranks outside of the group they warn, and do nothing.
- Results are written into the tensors given, whatever their strides, and count as changes in place.
- ValueError: there is no process group, no such rank, or lists of the wrong length. TypeError: what
  has to be a tensor is none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .buffers import (
    check_list,
    check_tensor,
    described,
    row,
    same_dtype,
    same_shape,
    sendable,
    write,
)
from .group import ProcessGroup, get_group_rank, member
from .mpi import mpi
from .reduce_op import ReduceOp, reduction
from .work import Collective, Work

__all__ = [
    "all_gather", "all_gather_into_tensor", "all_gather_single", "all_reduce", "all_to_all",
    "all_to_all_single", "barrier", "broadcast", "gather", "monitored_barrier", "reduce",
    "reduce_scatter", "reduce_scatter_single", "reduce_scatter_tensor", "scatter",
]  # fmt: skip


def nothing() -> None:
    """What there is to do at the end, where there is nothing."""


def run(
    group: ProcessGroup, call: str, arguments: dict[str, str], async_op: bool,
    start: Callable[[], Any], finish: Callable[[], None] = nothing,
) -> Work | None:  # fmt: skip
    """Begin a collective call; wait for it, unless it is asynchronous."""
    work = Collective(group, call, arguments, start, finish)
    if async_op:
        return work
    work.wait()
    return None


def root(
    call: str, group: ProcessGroup, name: str, rank: Any, group_rank: Any, default: Any
) -> int:
    """The number in `group` of the rank that sends to all, or receives from all."""
    if rank is None and group_rank is None:
        rank = default
    if (rank is None) == (group_rank is None):
        given = "both" if rank is not None else "neither"
        raise ValueError(f"{call}: give {name} or group_{name}, not {given}")
    if group_rank is None:
        return get_group_rank(group, rank)
    if not 0 <= group_rank < group.size():
        raise ValueError(
            f"{call}: group_{name}={group_rank}, and the group has {group.size()} ranks"
        )
    return int(group_rank)


def barrier(
    group: Any = None, async_op: bool = False, device_ids: Any = None, timeout: Any = None
) -> Work | None:
    """Wait until all ranks have called this.

    See `minigrad.distributed.collectives` for what holds for all of these. `device_ids` has no
    effect.
    """
    among = member(group, "barrier")
    if among is None:
        return None
    work = Collective(among, "barrier", {}, list, nothing)
    if async_op:
        return work
    work.wait(timeout)
    return None


def monitored_barrier(group: Any = None, timeout: Any = None, wait_all_ranks: bool = False) -> None:
    """`barrier`: it too says which rank is missing, if it has left."""
    barrier(group, timeout=timeout)


def broadcast(
    tensor: Any, src: int | None = None, group: Any = None, async_op: bool = False,
    group_src: int | None = None,
) -> Work | None:  # fmt: skip
    """Overwrite `tensor` with that of rank `src`.

    See `minigrad.distributed.collectives` for what holds for all of these.

    Examples
    --------
    >>> import minigrad.distributed as dist
    >>> dist.broadcast(model.weight.data, src=0)  # doctest: +SKIP
    """
    array = check_tensor("broadcast", "tensor", tensor)
    among = member(group, "broadcast")
    if among is None:
        return None
    source = root("broadcast", among, "src", src, group_src, None)
    arguments = {"tensor": described(array), "src": str(among.ranks[source])}
    data = row(array)

    def start() -> Any:
        return among.data.Ibcast(sendable(data), source)

    def finish() -> None:
        if among.rank() != source:
            write(tensor, data)

    return run(among, "broadcast", arguments, async_op, start, finish)


def all_reduce(
    tensor: Any, op: Any = ReduceOp.SUM, group: Any = None, async_op: bool = False
) -> Work | None:
    """Overwrite `tensor` with the sum over all ranks, or what `op` says.

    All ranks get the same bits.
    See `minigrad.distributed.collectives` for what holds for all of these.

    Examples
    --------
    >>> import minigrad as mg, minigrad.distributed as dist
    >>> x = mg.tensor([1.0, 2.0]) * dist.get_rank()
    >>> dist.all_reduce(x, op=dist.ReduceOp.SUM)  # doctest: +SKIP
    >>> x  # on each of four ranks # doctest: +SKIP
    tensor([ 6., 12.])
    """
    array = check_tensor("all_reduce", "tensor", tensor)
    among = member(group, "all_reduce")
    if among is None:
        return None
    dtype, mpi_op, finished = reduction("all_reduce", op, array.dtype, among.size())
    data = row(array, dtype)

    def start() -> Any:
        return among.data.Iallreduce(mpi().IN_PLACE, data, mpi_op)

    def finish() -> None:
        write(tensor, finished(data))

    arguments = {"tensor": described(array), "op": op.name}
    return run(among, "all_reduce", arguments, async_op, start, finish)


def reduce(
    tensor: Any, dst: int | None = None, op: Any = ReduceOp.SUM, group: Any = None,
    async_op: bool = False, group_dst: int | None = None,
) -> Work | None:  # fmt: skip
    """Overwrite `tensor` of rank `dst` with the sum over all ranks, or what `op` says.

    See `minigrad.distributed.collectives` for what holds for all of these.
    """
    array = check_tensor("reduce", "tensor", tensor)
    among = member(group, "reduce")
    if among is None:
        return None
    target = root("reduce", among, "dst", dst, group_dst, None)
    dtype, mpi_op, finished = reduction("reduce", op, array.dtype, among.size())
    data, total = row(array, dtype), row(array, dtype)

    def start() -> Any:
        return among.data.Ireduce(data, total, mpi_op, target)

    def finish() -> None:
        if among.rank() == target:
            write(tensor, finished(total))

    arguments = {"tensor": described(array), "dst": str(among.ranks[target]), "op": op.name}
    return run(among, "reduce", arguments, async_op, start, finish)


def all_gather(
    tensor_list: list[Any], tensor: Any, group: Any = None, async_op: bool = False
) -> Work | None:
    """Overwrite the tensors of `tensor_list` with `tensor` of each rank.

    See `minigrad.distributed.collectives` for what holds for all of these.
    """
    array = check_tensor("all_gather", "tensor", tensor)
    check_list("all_gather", "tensor_list", tensor_list)
    among = member(group, "all_gather")
    if among is None:
        return None
    outputs = check_list("all_gather", "tensor_list", tensor_list, among.size())
    same_dtype("all_gather", array, tensor_list=outputs)
    same_shape("all_gather", array.shape, tensor_list=outputs)
    data, everything = row(array), np.empty((among.size(), array.size), array.dtype)

    def start() -> Any:
        return among.data.Iallgather(sendable(data), sendable(everything))

    def finish() -> None:
        for output, part in zip(tensor_list, everything):
            write(output, part)

    return run(among, "all_gather", {"tensor": described(array)}, async_op, start, finish)


def all_gather_into_tensor(
    output_tensor: Any, input_tensor: Any, group: Any = None, async_op: bool = False
) -> Work | None:
    """Overwrite `output_tensor` with `input_tensor` of all ranks, (R N, *) from (N, *) each.

    Or (R, N, *), stacked. See `minigrad.distributed.collectives` for what holds for all of these.
    """
    call = "all_gather_into_tensor"
    array = check_tensor(call, "input_tensor", input_tensor)
    output = check_tensor(call, "output_tensor", output_tensor)
    among = member(group, call)
    if among is None:
        return None
    same_dtype(call, array, output_tensor=[output])
    _check_size(call, "output_tensor", output, "input_tensor", array, among.size())
    data, everything = row(array), np.empty(output.size, output.dtype)

    def start() -> Any:
        return among.data.Iallgather(sendable(data), sendable(everything))

    def finish() -> None:
        write(output_tensor, everything)

    return run(among, call, {"input_tensor": described(array)}, async_op, start, finish)


all_gather_single = all_gather_into_tensor


def _check_size(
    call: str, long: str, output: np.ndarray, short: str, array: np.ndarray, ranks: int
) -> None:
    """Whether the one tensor has as many entries as all ranks have of the other."""
    if output.size != array.size * ranks:
        raise ValueError(
            f"{call}: {long} has shape {list(output.shape)}, {output.size} entries; it must have "
            f"{array.size * ranks}, those of {short} of shape {list(array.shape)} for each of "
            f"{ranks} ranks"
        )


def gather(
    tensor: Any, gather_list: list[Any] | None = None, dst: int | None = None, group: Any = None,
    async_op: bool = False, group_dst: int | None = None,
) -> Work | None:  # fmt: skip
    """Overwrite the tensors of `gather_list` of rank `dst` with `tensor` of each rank.

    Other ranks give no `gather_list`. Without `dst` it is rank 0.
    See `minigrad.distributed.collectives` for what holds for all of these.
    """
    array = check_tensor("gather", "tensor", tensor)
    among = member(group, "gather")
    if among is None:
        return None
    target = root("gather", among, "dst", dst, group_dst, 0)
    _check_only_at("gather", "gather_list", gather_list, "destination", among.rank() == target)
    everything = None
    if gather_list:
        outputs = check_list("gather", "gather_list", gather_list, among.size())
        same_dtype("gather", array, gather_list=outputs)
        same_shape("gather", array.shape, gather_list=outputs)
        everything = np.empty((among.size(), array.size), array.dtype)
    data = row(array)

    def start() -> Any:
        into = None if everything is None else sendable(everything)
        return among.data.Igather(sendable(data), into, target)

    def finish() -> None:
        if everything is not None:
            for output, part in zip(gather_list or (), everything):
                write(output, part)

    arguments = {"tensor": described(array), "dst": str(among.ranks[target])}
    return run(among, "gather", arguments, async_op, start, finish)


def _check_only_at(call: str, name: str, value: Any, end: str, is_here: bool) -> None:
    """Whether a list is given on one rank, and on no other."""
    if is_here and not value:
        raise ValueError(f"{call}: Argument ``{name}`` must be specified on {end} rank.")
    if value and not is_here:
        raise ValueError(f"{call}: Argument ``{name}`` must NOT be specified on non-{end} ranks.")


def scatter(
    tensor: Any, scatter_list: list[Any] | None = None, src: int | None = None, group: Any = None,
    async_op: bool = False, group_src: int | None = None,
) -> Work | None:  # fmt: skip
    """Overwrite `tensor` with the entry for this rank of `scatter_list` of rank `src`.

    Other ranks give no `scatter_list`. Without `src` it is rank 0.
    See `minigrad.distributed.collectives` for what holds for all of these.
    """
    array = check_tensor("scatter", "tensor", tensor)
    among = member(group, "scatter")
    if among is None:
        return None
    source = root("scatter", among, "src", src, group_src, 0)
    _check_only_at("scatter", "scatter_list", scatter_list, "source", among.rank() == source)
    everything = None
    if scatter_list:
        inputs = check_list("scatter", "scatter_list", scatter_list, among.size())
        same_dtype("scatter", array, scatter_list=inputs)
        same_shape("scatter", array.shape, scatter_list=inputs)
        everything = np.stack([row(entry) for entry in inputs])
    data = np.empty(array.size, array.dtype)

    def start() -> Any:
        parts = None if everything is None else sendable(everything)
        return among.data.Iscatter(parts, sendable(data), source)

    def finish() -> None:
        write(tensor, data)

    arguments = {"tensor": described(array), "src": str(among.ranks[source])}
    return run(among, "scatter", arguments, async_op, start, finish)


def _reduce_scatter(
    call: str, output: Any, everything: np.ndarray, op: Any, among: ProcessGroup, async_op: bool
) -> Work | None:
    """Add up `everything`, (R, N) on each rank, and write row r to `output` of rank r."""
    array = output.array
    dtype, mpi_op, finished = reduction(call, op, array.dtype, among.size())
    data = np.ascontiguousarray(everything, dtype)
    part = np.empty(array.size, dtype)

    def start() -> Any:
        return among.data.Ireduce_scatter_block(data, part, mpi_op)

    def finish() -> None:
        write(output, finished(part))

    arguments = {"output": described(array), "op": op.name}
    return run(among, call, arguments, async_op, start, finish)


def reduce_scatter(
    output: Any, input_list: list[Any], op: Any = ReduceOp.SUM, group: Any = None,
    async_op: bool = False,
) -> Work | None:  # fmt: skip
    """Overwrite `output` of rank r with the sum over all ranks of ``input_list[r]``.

    See `minigrad.distributed.collectives` for what holds for all of these.
    """
    array = check_tensor("reduce_scatter", "output", output)
    check_list("reduce_scatter", "input_list", input_list)
    among = member(group, "reduce_scatter")
    if among is None:
        return None
    inputs = check_list("reduce_scatter", "input_list", input_list, among.size())
    same_dtype("reduce_scatter", array, input_list=inputs)
    same_shape("reduce_scatter", array.shape, input_list=inputs)
    everything = np.stack([row(entry) for entry in inputs])
    return _reduce_scatter("reduce_scatter", output, everything, op, among, async_op)


def reduce_scatter_tensor(
    output: Any, input: Any, op: Any = ReduceOp.SUM, group: Any = None, async_op: bool = False
) -> Work | None:
    """Overwrite `output`, (N, *), of rank r with part r of the sum over ranks of `input`, (R N, *).

    See `minigrad.distributed.collectives` for what holds for all of these.
    """
    call = "reduce_scatter_tensor"
    array = check_tensor(call, "output", output)
    whole = check_tensor(call, "input", input)
    among = member(group, call)
    if among is None:
        return None
    same_dtype(call, array, input=[whole])
    _check_size(call, "input", whole, "output", array, among.size())
    everything = row(whole).reshape(among.size(), array.size)
    return _reduce_scatter(call, output, everything, op, among, async_op)


reduce_scatter_single = reduce_scatter_tensor


def all_to_all(
    output_tensor_list: list[Any], input_tensor_list: list[Any], group: Any = None,
    async_op: bool = False,
) -> Work | None:  # fmt: skip
    """Send ``input_tensor_list[r]`` to rank r; overwrite ``output_tensor_list[r]`` with its answer.

    Tensors for different ranks may have different shapes; what one rank sends has to be as long as
    what the other expects. See `minigrad.distributed.collectives` for what holds for all of these.
    """
    call = "all_to_all"
    among = member(group, call)
    if among is None:
        return None
    outputs = check_list(call, "output_tensor_list", output_tensor_list, among.size())
    inputs = check_list(call, "input_tensor_list", input_tensor_list, among.size())
    same_dtype(call, inputs[0], input_tensor_list=inputs, output_tensor_list=outputs)
    sent = np.concatenate([row(array) for array in inputs])
    counts = [array.size for array in inputs], [array.size for array in outputs]
    got = np.empty(sum(counts[1]), sent.dtype)

    def finish() -> None:
        start = 0
        for output, count in zip(output_tensor_list, counts[1]):
            write(output, got[start : start + count])
            start += count

    return _all_to_all(call, among, sent, got, counts, async_op, finish)


def all_to_all_single(
    output: Any, input: Any, output_split_sizes: list[int] | None = None,
    input_split_sizes: list[int] | None = None, group: Any = None, async_op: bool = False,
) -> Work | None:  # fmt: skip
    """Send parts of `input`, along its first axis, to all ranks; `output` gets theirs.

    Without split sizes all parts are equal.
    See `minigrad.distributed.collectives` for what holds for all of these.
    """
    call = "all_to_all_single"
    among = member(group, call)
    if among is None:
        return None
    target, array = check_tensor(call, "output", output), check_tensor(call, "input", input)
    same_dtype(call, array, output=[target])
    counts = (
        _split(call, "input", array, input_split_sizes, among.size()),
        _split(call, "output", target, output_split_sizes, among.size()),
    )
    got = np.empty(target.size, target.dtype)

    def finish() -> None:
        write(output, got)

    return _all_to_all(call, among, row(array), got, counts, async_op, finish)


def _split(call: str, name: str, array: np.ndarray, sizes: Any, ranks: int) -> list[int]:
    """How many entries each rank gets of a tensor that is split along its first axis."""
    length = array.shape[0] if array.ndim else 1
    if not sizes:
        if length % ranks:
            raise RuntimeError(
                f"{call}: {name} has {length} rows, which {ranks} ranks cannot share equally; give "
                f"{name}_split_sizes"
            )
        sizes = [length // ranks] * ranks
    if len(sizes) != ranks or sum(sizes) != length:
        raise RuntimeError(
            f"{call}: {name}_split_sizes={list(sizes)} must be {ranks} numbers, one for each rank, "
            f"whose sum is {length}, the length of {name}"
        )
    each = array.size // length if length else 0
    return [int(size) * each for size in sizes]


def _all_to_all(
    call: str, among: ProcessGroup, sent: np.ndarray, got: np.ndarray,
    counts: tuple[list[int], list[int]], async_op: bool, finish: Callable[[], None],
) -> Work | None:  # fmt: skip
    arguments = {"dtype": str(sent.dtype)}
    # Who sends how much to whom cannot be told from one rank's arguments alone.
    mine = np.array(counts, np.int64)  # (2, R): to send, and to get
    table = np.empty((among.size(), *mine.shape), np.int64)
    run(among, call, arguments, False, lambda: among.data.Iallgather(mine, table))
    for r, k in np.argwhere(table[:, 0] != table[:, 1].T):
        raise RuntimeError(
            f"{call}: rank {among.ranks[r]} sends {table[r, 0, k]} entries to rank "
            f"{among.ranks[k]}, which expects {table[k, 1, r]}"
        )
    size = sent.dtype.itemsize
    sizes = [[count * size for count in part] for part in counts]

    def start() -> Any:
        MPI = mpi()
        return among.data.Ialltoallv(
            [sendable(sent), sizes[0], MPI.BYTE], [sendable(got), sizes[1], MPI.BYTE]
        )

    return run(among, call, arguments, async_op, start, finish)
