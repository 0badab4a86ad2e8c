"""Each collective call, with every dtype, against what NumPy makes of all ranks' tensors."""

import sys

import minigrad as mg
import minigrad.distributed as dist
import numpy as np
from minigrad.distributed import ReduceOp

dist.init_process_group("mpi")
RANK, SIZE = dist.get_rank(), dist.get_world_size()
LAST = SIZE - 1
WHOLE = (mg.uint8, mg.int8, mg.int16, mg.int32, mg.int64)
FLOATS = (mg.float16, mg.float32, mg.float64)


def tensor_of(rank, dtype):
    """(2, 3), another one on every rank."""
    values = (mg.arange(6).reshape(2, 3) * 5 + rank * 3) % 7
    return values % 2 == 0 if dtype is mg.bool else values.to(dtype)


def with_gaps(tensor):
    """The same values, not contiguous."""
    wide = mg.empty(*tensor.shape[:-1], 2 * tensor.shape[-1], dtype=tensor.dtype)[..., ::2]
    wide.copy_(tensor)
    assert not wide.is_contiguous()
    return wide


def stacked(dtype):
    """The tensors of all ranks."""
    return np.stack([tensor_of(r, dtype).numpy() for r in range(SIZE)])


def check(tensor, expected):
    assert tensor.numpy().dtype == expected.dtype
    np.testing.assert_array_equal(tensor.numpy(), expected)


def reduced(x, op):
    """What NumPy makes of (ranks, ...)."""
    if op is ReduceOp.AVG:
        return (x.sum(0, dtype=np.float64) / len(x)).astype(x.dtype)
    if x.dtype == bool:
        names = {"SUM": "or", "MAX": "or", "BOR": "or", "BXOR": "xor"}
        return getattr(np, f"logical_{names.get(op.name, 'and')}").reduce(x)
    names = {"SUM": "add", "PRODUCT": "multiply", "MIN": "minimum", "MAX": "maximum",
             "BAND": "bitwise_and", "BOR": "bitwise_or", "BXOR": "bitwise_xor"}  # fmt: skip
    return getattr(np, names[op.name]).reduce(x, dtype=x.dtype)


def fails(error, words, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except error as raised:
        for word in words:
            assert word in str(raised), f"{word!r} is not in: {raised}"
    else:
        raise AssertionError(f"{call.__name__} did not raise {error.__name__}")


def reductions():
    for dtype in (mg.bool, *WHOLE, *FLOATS):
        everything = stacked(dtype)
        for op in ReduceOp:
            x = with_gaps(tensor_of(RANK, dtype))
            if (dtype in FLOATS and op.name[0] == "B") or (dtype, op) == (mg.bool, ReduceOp.AVG):
                fails(RuntimeError, [f"ReduceOp.{op.name}"], dist.all_reduce, x, op)
                continue
            version, expected = x._version, reduced(everything, op)
            assert dist.all_reduce(x, op) is None
            check(x, expected)
            assert x._version == version + 1
            x = tensor_of(RANK, dtype)
            dist.reduce(x, LAST, op)
            check(x, expected if RANK == LAST else tensor_of(RANK, dtype).numpy())
    parts = [with_gaps(tensor_of(RANK + r, mg.float32)) for r in range(SIZE)]
    out = with_gaps(mg.zeros(2, 3))
    dist.reduce_scatter(out, parts)
    check(out, sum(tensor_of(RANK + r, mg.float32).numpy() for r in range(SIZE)))
    out.zero_()
    dist.reduce_scatter_tensor(out, mg.cat(parts), ReduceOp.AVG)
    check(out, sum(tensor_of(RANK + r, mg.float32).numpy() for r in range(SIZE)) / np.float32(SIZE))
    number = mg.tensor(float(RANK))
    dist.all_reduce(number)
    assert number.item() == SIZE * (SIZE - 1) / 2
    dist.all_reduce(mg.empty(0, 3))
    layer = mg.nn.Linear(2, 2)
    dist.broadcast(layer.weight, 0)  # a leaf that requires a gradient
    assert layer.weight.is_leaf


def movements():
    for dtype in (mg.bool, mg.uint8, mg.int64, *FLOATS):
        mine, everything = tensor_of(RANK, dtype), stacked(dtype)
        x = with_gaps(mine)
        dist.broadcast(x, src=LAST)
        check(x, everything[LAST])
        out = [with_gaps(mg.zeros_like(mine)) for _ in range(SIZE)]
        dist.all_gather(out, with_gaps(mine))
        check(mg.stack(out), everything)
        whole = mg.zeros(2 * SIZE, 3, dtype=dtype)
        dist.all_gather_into_tensor(whole, mine.t().contiguous().t())
        check(whole, everything.reshape(-1, 3))
        out = [mg.zeros_like(mine) for _ in range(SIZE)] if RANK == LAST else None
        dist.gather(mine, out, dst=LAST)
        if out is not None:
            check(mg.stack(out), everything)
        x = mg.zeros_like(mine)
        dist.scatter(x, [tensor_of(r, dtype) for r in range(SIZE)] if RANK == 0 else None, src=0)
        check(x, everything[RANK])
        out = [with_gaps(mg.zeros_like(mine)) for _ in range(SIZE)]
        dist.all_to_all(out, [tensor_of(RANK + 2 * r, dtype) for r in range(SIZE)])
        check(mg.stack(out), np.stack([tensor_of(r + 2 * RANK, dtype) for r in range(SIZE)]))
    # To rank r go r + 1 rows.
    x = mg.arange(SIZE * (SIZE + 1) // 2).reshape(-1, 1) + 100 * RANK
    out = mg.zeros(SIZE * (RANK + 1), 1, dtype=mg.int64)
    sizes = [r + 1 for r in range(SIZE)]
    dist.all_to_all_single(out, x, [RANK + 1] * SIZE, sizes)
    begin = RANK * (RANK + 1) // 2
    expected = [100 * r + begin + k for r in range(SIZE) for k in range(RANK + 1)]
    assert out.flatten().tolist() == expected
    dist.all_to_all_single(out := mg.zeros(SIZE), mg.arange(float(SIZE)) + RANK * 10)
    assert out.tolist() == [r * 10 + RANK for r in range(SIZE)]


def objects():
    mine = {"rank": RANK, "long": "x" * 1000 * RANK}
    everything = [{"rank": r, "long": "x" * 1000 * r} for r in range(SIZE)]
    out = [None] * SIZE
    dist.all_gather_object(out, mine)
    assert out == everything
    out = [None] * SIZE if RANK == LAST else None
    dist.gather_object(mine, out, dst=LAST)
    assert out == (everything if RANK == LAST else None)
    out = [mine, RANK]
    dist.broadcast_object_list(out, src=LAST)
    assert out == [everything[LAST], LAST]
    out = [None]
    dist.scatter_object_list(out, everything if RANK == 0 else None, src=0)
    assert out == [mine]


def asynchronous():
    """Several calls at once, waited for in another order on every second rank."""
    tensors = [mg.full((3,), float(k + RANK)) for k in range(6)]
    works = [dist.all_reduce(x, async_op=True) for x in tensors]
    works.append(dist.barrier(async_op=True))
    for work in works[::-1] if RANK % 2 else works:
        assert work.wait()
        assert work.is_completed()
        assert work.is_success()
    assert [x[0].item() for x in tensors] == [sum(k + r for r in range(SIZE)) for k in range(6)]
    work = dist.all_reduce(x := mg.ones(2), async_op=True)
    dist.all_reduce(y := mg.ones(2))  # another one, before the first was waited for
    del work
    dist.barrier()
    assert x.tolist() == y.tolist() == [SIZE, SIZE]


def groups():
    ends = sorted({0, LAST})
    group, alone = dist.new_group(ends[::-1]), dist.new_group([LAST])
    x = mg.tensor([1.0])
    if RANK in ends:
        assert dist.get_process_group_ranks(group) == ends
        assert dist.get_rank(group) == ends.index(RANK) == dist.get_group_rank(group, RANK)
        assert dist.get_global_rank(group, len(ends) - 1) == LAST
        dist.all_reduce(x, group=group)
        assert x.item() == len(ends) == dist.get_world_size(group)
        dist.broadcast(y := mg.tensor([RANK]), src=LAST, group=group)
        assert y.item() == LAST
        dist.broadcast(y := mg.tensor([RANK]), group_src=0, group=group)
        assert y.item() == 0
        dist.destroy_process_group(group)
        fails(ValueError, ["destroyed"], dist.barrier, group)
    else:
        assert group is dist.GroupMember.NON_GROUP_MEMBER
        assert dist.get_rank(group) == -1
        import warnings

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert dist.all_reduce(x, group=group) is None
        assert "does not belong to the given group" in str(caught[0].message)
    if SIZE > 1 and RANK == LAST:
        fails(ValueError, ["Global rank 0 is not part of"], dist.broadcast, x, 0, alone)
    fails(ValueError, [f"{SIZE}", "ranks"], dist.new_group, [0, SIZE])
    fails(ValueError, ["once"], dist.new_group, [0, 0])
    assert dist.group.WORLD is dist.GroupMember.WORLD
    assert dist.get_world_size(dist.group.WORLD) == SIZE


def messages():
    if SIZE == 1:
        return
    following, before = (RANK + 1) % SIZE, (RANK - 1) % SIZE
    for dtype in (mg.bool, mg.int64, mg.float16, mg.float64):
        mine, x = tensor_of(RANK, dtype), with_gaps(tensor_of(0, dtype))
        works = [dist.isend(with_gaps(mine), following, tag=3), dist.irecv(x, before, tag=3)]
        for work in works:
            work.wait()
        check(x, tensor_of(before, dtype).numpy())
    first, second = mg.zeros(1), mg.zeros(1)
    works = dist.batch_isend_irecv([
        dist.P2POp(dist.isend, mg.tensor([1.0]), following),
        dist.P2POp(dist.isend, mg.tensor([2.0]), following),
        dist.P2POp(dist.irecv, first, before), dist.P2POp(dist.irecv, second, before),
    ])  # fmt: skip
    for work in works[::-1]:
        work.wait()
    assert (first.item(), second.item()) == (1.0, 2.0)
    if RANK == 0:
        dist.send(mg.ones(3), 1)
        dist.send(mg.ones(3), 1)
        fails(ValueError, ["destination rank"], dist.send, mg.ones(3), 0)
    if RANK == 1:
        assert dist.recv(x := mg.zeros(3)) == 0
        assert x.tolist() == [1, 1, 1]
        words = ["float64 of shape [4]", "rank 0 sent", "float32 of shape [3]", "rank 1"]
        fails(RuntimeError, words, dist.recv, mg.zeros(4, dtype=mg.float64), 0)


def wrong_arguments():
    """What one rank can tell by itself, it raises before it talks to others."""
    fails(ValueError, ["twice"], dist.init_process_group)
    fails(TypeError, ["tensor", "torch.Tensor"], dist.all_reduce, [1.0])
    fails(TypeError, ["op must be a ReduceOp"], dist.all_reduce, mg.ones(1), "sum")
    fails(TypeError, ["tensor_list"], dist.all_gather, (), mg.ones(1))
    fails(TypeError, ["ProcessGroup"], dist.barrier, 3)
    lists = [mg.ones(1)] * (SIZE + 1)
    fails(ValueError, [f"{SIZE + 1} tensors", f"{SIZE} ranks"], dist.all_gather, lists, mg.ones(1))
    lists = [mg.ones(2)] * SIZE
    fails(ValueError, ["tensor_list[0]", "[2]", "[1]"], dist.all_gather, lists, mg.ones(1))
    wide = mg.ones(1, dtype=mg.float64)
    fails(ValueError, ["different dtypes"], dist.all_gather, lists, wide)
    fails(ValueError, ["output_tensor"], dist.all_gather_into_tensor, mg.ones(1), mg.ones(5))
    fails(ValueError, ["neither"], dist.broadcast, mg.ones(1))
    fails(ValueError, ["Global rank 9"], dist.broadcast, mg.ones(1), 9)
    fails(ValueError, ["both"], dist.broadcast, mg.ones(1), 0, group_src=0)
    far = (RANK + 1) % SIZE
    if SIZE > 1:
        fails(ValueError, ["NOT be specified"], dist.gather, mg.ones(1), lists, far)
    fails(ValueError, ["must be specified"], dist.gather, mg.ones(1), None, RANK)
    fails(ValueError, ["must be specified"], dist.scatter, mg.ones(1), None, RANK)
    if SIZE == 2:
        fails(RuntimeError, ["3 rows"], dist.all_to_all_single, mg.ones(3), mg.ones(3))
        fails(RuntimeError, ["input_split_sizes=[1, 1]", "3"],
              dist.all_to_all_single, mg.ones(2), mg.ones(3), None, [1, 1])  # fmt: skip
    fails(ValueError, ["object_list", "entries"], dist.all_gather_object, [None] * 9, 1)


def disagreements():
    """Ranks that do not do the same: all of them say who, and in what; and can go on."""
    if SIZE == 1:
        return
    is_last = RANK == LAST
    me = f"rank {LAST}"
    calls = [
        (dist.all_reduce, (mg.ones(2 + is_last),), ["tensor is", me, "[3]", "rank 0", "[2]"]),
        (dist.all_reduce, (mg.ones(2).to(mg.float64 if is_last else mg.float32),),
         ["tensor is float64", me, "float32", "rank 0"]),
        (dist.all_reduce, (mg.ones(2), ReduceOp.MAX if is_last else ReduceOp.SUM),
         ["op is MAX on", me, "SUM on rank 0"]),
        (dist.broadcast, (mg.ones(2), RANK % 2), ["src is 1 on rank 1, 0 on rank 0"]),
        (dist.gather, (mg.ones(2), [mg.ones(2)] * SIZE if RANK < 2 else None, min(RANK, 1)),
         ["dst is 1 on rank 1, 0 on rank 0"]),
        (dist.all_gather, ([mg.ones(2 + is_last)] * SIZE, mg.ones(2 + is_last)), ["tensor is", me]),
        (dist.reduce_scatter, (mg.ones(2 + is_last), [mg.ones(2 + is_last)] * SIZE),
         ["output is", me]),
        (dist.new_group, ([0, 1] if is_last else [0],), ["ranks is [0, 1] on", me]),
        (dist.broadcast_object_list, ([1] * (1 + is_last), 0), ["length of object_list is 2", me]),
    ]  # fmt: skip
    for call, arguments, words in calls:
        fails(RuntimeError, [call.__name__, "do not agree", *words], call, *arguments)
    call = dist.barrier if is_last else lambda: dist.all_reduce(mg.ones(1))
    fails(RuntimeError, [f"{me} calls barrier()", "rank 0 all_reduce(tensor="], call)
    sizes = [2 if r == 0 and is_last else 1 for r in range(SIZE)]
    x = mg.ones(sum(sizes))
    fails(RuntimeError, [f"{me} sends 2 entries to rank 0, which expects 1"],
          dist.all_to_all_single, mg.ones(SIZE), x, [1] * SIZE, sizes)  # fmt: skip
    # The first of two calls that are under way is wrong, and then the second is right.
    works = [dist.all_reduce(mg.ones(2 + is_last), async_op=True)]
    works.append(dist.all_reduce(x := mg.ones(2), async_op=True))
    assert works[1].wait()
    assert x.tolist() == [SIZE, SIZE]
    fails(RuntimeError, ["tensor is", me], works[0].wait)
    assert not works[0].is_success()
    dist.barrier()


for part in (
    reductions, movements, objects, asynchronous, groups, messages, wrong_arguments, disagreements,
):  # fmt: skip
    part()
    dist.barrier()
assert dist.is_initialized()
assert dist.get_backend() == "mpi"
dist.destroy_process_group()
assert not dist.is_initialized()
dist.init_process_group()  # and once more
dist.all_reduce(x := mg.ones(1))
assert x.item() == SIZE
print(f"rank {RANK} is done")
sys.stdout.flush()
