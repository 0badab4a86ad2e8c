"""DistributedDataParallel on some ranks, against the same model in one process."""

import contextlib
import shutil
import tempfile

import minigrad as mg
import minigrad.distributed as dist
import numpy as np
from minigrad import nn
from minigrad.nn.parallel import DistributedDataParallel as DDP
from minigrad.utils import TrainingCheckpoint
from minigrad.utils.data import DataLoader, DistributedSampler, TensorDataset

dist.init_process_group("mpi")
RANK, SIZE = dist.get_rank(), dist.get_world_size()
LAST = SIZE - 1


class Net(nn.Module):
    """An LSTM, and a branch that not every pass uses."""

    def __init__(self, norm=False):
        super().__init__()
        self.lstm = nn.LSTM(3, 6, num_layers=2, bidirectional=True)
        self.norm = nn.BatchNorm1d(12) if norm else nn.Identity()
        self.fc = nn.Linear(12, 2)
        self.branch = nn.Linear(2, 2)

    def forward(self, x, branch=True):
        y = self.fc(self.norm(self.lstm(x)[0][-1]))
        return {"y": self.branch(y) if branch else y}


def fails(error, words, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except error as raised:
        for word in words:
            assert word in str(raised), f"{word!r} is not in: {raised}"
    else:
        raise AssertionError(f"no {error.__name__}")


def same_bits(tensors):
    """Whether all ranks have the same."""
    everybody = [None] * SIZE
    dist.all_gather_object(everybody, [x.numpy(force=True).tobytes() for x in tensors])
    return all(mine == everybody[0] for mine in everybody)


def close(mine, theirs):
    for (name, p), q in zip(mine.named_parameters(), theirs.parameters()):
        assert (p.grad is None) == (q.grad is None), name
        if p.grad is not None:
            np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), 1e-9, 1e-13, err_msg=name)


def share(x, axis=0):
    """The part of a batch that this rank has."""
    return x.chunk(SIZE, axis)[RANK]


mg.manual_seed(1)
X, Y = mg.randn(3, 8, 3, dtype=mg.float64), mg.randn(8, 2, dtype=mg.float64)


def steps(**options):
    """Some steps of training with clipped gradients; the branch is used in every second one."""
    mg.manual_seed(RANK)
    net = Net().double()
    version = net.fc.weight._version
    model = DDP(net, broadcast_buffers=False, **options)
    assert (net.fc.weight._version > version) == (RANK > 0)
    mg.manual_seed(0)
    single = Net().double()
    assert all(mg.equal(p, q) for p, q in zip(net.parameters(), single.parameters()))
    adam, adam_single = [mg.optim.Adam(m.parameters(), lr=0.02) for m in (model, single)]
    for step in range(4):
        branch = step % 2 == 1 or not (model.find_unused_parameters or model.static_graph)
        adam.zero_grad()
        adam_single.zero_grad()
        nn.functional.mse_loss(model(share(X, 1), branch)["y"], share(Y)).backward()
        nn.functional.mse_loss(single(X, branch)["y"], Y).backward()
        close(net, single)
        assert same_bits([p.grad for p in net.parameters() if p.grad is not None])
        nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        nn.utils.clip_grad_norm_(single.parameters(), 0.1)
        adam.step()
        adam_single.step()
    assert same_bits(net.parameters())
    for p, q in zip(net.parameters(), single.parameters()):
        np.testing.assert_allclose(p.numpy(force=True), q.numpy(force=True), 1e-7, 1e-9)
    return model


def plain():
    model = steps()
    assert len(model._reducer.buckets) == 1
    assert set(model.state_dict()) == {f"module.{name}" for name in model.module.state_dict()}
    fresh = DDP(Net().double())
    fresh.load_state_dict(model.state_dict())
    assert mg.equal(fresh.module.fc.bias, model.module.fc.bias)


def small_buckets():
    """Sums begin while backward runs: before the gradients of the first layer have come."""
    model = steps(bucket_cap_mb=0.0005, device_ids=[0], gradient_as_bucket_view=True)
    reducer = model._reducer
    assert len(reducer.buckets) > 8
    begun = []
    model.module.lstm.weight_ih_l0.register_post_accumulate_grad_hook(
        lambda p: begun.append(reducer.begun)
    )
    model(share(X, 1))["y"].sum().backward()
    assert 0 < begun[0] < len(reducer.buckets)
    assert reducer.begun == 0  # all done


def unused():
    steps(find_unused_parameters=True)
    steps(static_graph=True)
    model = DDP(Net(), find_unused_parameters=True)
    x = X.float()
    model(x, RANK == 0)["y"].sum().backward()  # only the first rank uses it
    grads = [None] * SIZE
    dist.all_gather_object(grads, model.module.branch.bias.grad)
    assert all(mg.equal(g, mg.full((2,), 8 / SIZE)) for g in grads)

    model = DDP(Net())
    model(x, False)["y"].sum().backward()
    words = ["finished reduction in the prior iteration", f"rank {RANK}", "branch.weight",
             "branch.bias", "find_unused_parameters=True"]  # fmt: skip
    fails(RuntimeError, words, model, x)
    model.zero_grad()
    model(x)["y"].sum().backward()  # and goes on
    if SIZE > 1:
        model = DDP(Net())
        words = [f"rank {LAST}", "without gradient", "[branch.weight, branch.bias]"]
        loss = model(x, RANK != LAST)["y"].sum()
        fails(RuntimeError, words, loss.backward)
    dist.barrier()


def accumulated():
    """`no_sync`: gradients add up on the rank, and are averaged once."""
    mg.manual_seed(3)
    net = Net().double()
    model, single = DDP(net), Net().double()
    single.load_state_dict(net.state_dict())
    loss = nn.functional.mse_loss
    first = model.no_sync() if SIZE > 1 else contextlib.nullcontext()
    with first:
        loss(model(share(X, 1))["y"], share(Y)).backward()
    if SIZE > 1:
        assert not same_bits([net.fc.bias.grad])
    loss(model(share(X, 1) * 2)["y"], share(Y)).backward()
    loss(single(X)["y"], Y).backward()
    loss(single(X * 2)["y"], Y).backward()
    close(net, single)
    assert same_bits([p.grad for p in net.parameters()])
    with mg.no_grad():
        model(X)
    # Two forward passes, one backward.
    net.zero_grad()
    single.zero_grad()
    (loss(model(share(X, 1))["y"], share(Y)) + loss(model(-share(X, 1))["y"], share(Y))).backward()
    (loss(single(X)["y"], Y) + loss(single(-X)["y"], Y)).backward()
    close(net, single)


def buffers():
    """Those of the first rank, before each forward pass in training."""
    model = DDP(Net(norm=True))
    for _ in range(2):
        model(mg.randn(3, 4, 3) + RANK)["y"].sum().backward()
    mean = model.module.norm.running_mean.clone()
    assert same_bits([mean]) == (SIZE == 1)
    model(mg.randn(3, 4, 3) + RANK)["y"].sum().backward()
    model.module.norm.momentum = 0.0  # what is there stays
    model(mg.randn(3, 4, 3))["y"].sum().backward()
    assert same_bits([model.module.norm.running_mean, model.module.norm.num_batches_tracked])
    own = DDP(Net(norm=True), broadcast_buffers=False)
    for _ in range(2):
        own(mg.randn(3, 4, 3) + RANK)["y"].sum().backward()
    assert same_bits([own.module.norm.running_mean]) == (SIZE == 1)


def half():
    """Parameters of several dtypes; float16 is averaged in float32."""
    model = nn.ParameterList([
        nn.Parameter(mg.full((2,), 1.5, dtype=dtype))
        for dtype in (mg.float16, mg.float32, mg.float64, mg.float32)
    ])  # fmt: skip

    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            self.p = model

        def forward(self, x):
            return sum((p.double() * x).sum() for p in self.p)

    ddp = DDP(Sum())
    ddp(mg.tensor(float(RANK + 1))).backward()
    for p in model:
        assert p.grad.dtype == p.dtype
        assert p.grad.tolist() == [(SIZE + 1) / 2] * 2


def refused():
    linear = nn.Linear(2, 2)
    fails(RuntimeError, ["requires a gradient"], DDP, nn.ReLU())
    fails(RuntimeError, ["uninitialized", "weight"], DDP, nn.LazyLinear(3))
    fails(ValueError, ["device_ids"], DDP, linear, device_ids=[0, 1])
    fails(ValueError, ["bucket_cap_mb"], DDP, linear, bucket_cap_mb=0)
    fails(NotImplementedError, ["mixed_precision"], DDP, linear, mixed_precision=1)
    model = DDP(linear)
    fails(NotImplementedError, ["same number of batches"], model.join)
    fails(NotImplementedError, ["averaged"], model.register_comm_hook, None, None)
    loss = model(mg.ones(1, 2)).sum()
    if SIZE > 1:
        me = f"on rank {LAST}"
        words = ["weight is", f"[3, 2], trained {me}", "[2, 2], trained on rank 0"]
        fails(RuntimeError, words, DDP, nn.Linear(2, 2 + (RANK == LAST)))
        words = [f"bias is not there {me}"]
        fails(RuntimeError, words, DDP, nn.Linear(2, 2, bias=RANK != LAST))
        words = [f"bucket_cap_mb is {25.0 + LAST} {me}, 25.0 on rank 0"]
        fails(RuntimeError, words, DDP, nn.Linear(2, 2), bucket_cap_mb=25 + RANK)
        if RANK == LAST:  # while the others are in backward
            fails(RuntimeError, ["rank 0 backward of Dist"], dist.barrier)
        else:
            fails(RuntimeError, [f"rank {LAST} calls barrier"], loss.backward)
        group = dist.new_group([0])
        if RANK == LAST:
            fails(ValueError, ["process_group"], DDP, linear, process_group=group)
        else:
            group is dist.GroupMember.NON_GROUP_MEMBER or DDP(linear, process_group=group)
    dist.barrier()


def shares():
    """Sampler and loader: an epoch is every example once, in another order each time."""
    sampler = DistributedSampler(range(16), seed=5)
    assert (sampler.rank, sampler.num_replicas) == (RANK, SIZE)
    loader = DataLoader(TensorDataset(mg.arange(16)), batch_size=2, sampler=sampler)
    orders = []
    for epoch in range(2):
        sampler.set_epoch(epoch)
        mine = [None] * SIZE
        dist.all_gather_object(mine, [k for (batch,) in loader for k in batch.tolist()])
        assert sorted(k for part in mine for k in part) == list(range(16))
        orders.append(mine)
    assert orders[0] != orders[1]
    mg.manual_seed(RANK)  # each rank has numbers of its own
    x = mg.rand(1)
    everybody = [mg.zeros(1) for _ in range(SIZE)]
    dist.all_gather(everybody, x)
    assert len({y.item() for y in everybody}) == SIZE


def resumed():
    """A checkpoint in the midst of an epoch: one file, with the streams and places of all ranks."""
    folder = [tempfile.mkdtemp() if RANK == 0 else None]
    dist.broadcast_object_list(folder)
    steps = []

    def train(name, stop):
        mg.manual_seed(RANK)
        model = DDP(nn.Linear(1, 1))
        sgd = mg.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        loader = DataLoader(mg.arange(16.0).view(16, 1), 2, sampler=DistributedSampler(range(16)))
        run = TrainingCheckpoint(f"{folder[0]}/{name}", model=model, optimizer=sgd, loader=loader,
                                 seconds=0)  # fmt: skip
        for epoch in run.epochs(2):
            loader.sampler.set_epoch(epoch)
            for x in run.batches():
                if run.step == stop:
                    return None
                steps.append((run.step, x.tolist(), mg.rand(1).item()))
                sgd.zero_grad()
                model(x / 16 + 0.1 * mg.rand(1)).pow(2).mean().backward()
                sgd.step()
        return list(model.parameters())

    whole, expected = train("whole", None), steps.copy()
    steps.clear()
    train("part", stop=(stop := len(expected) * 3 // 4))
    assert steps == expected[:stop]
    assert all(mg.equal(p, q) for p, q in zip(train("part", None), whole))
    assert steps == expected
    if SIZE > 1 and RANK == 0:
        about = mg.load(f"{folder[0]}/part")["about"]
        assert len(about["ranks"]) == SIZE
    dist.barrier()
    if RANK == 0:
        shutil.rmtree(folder[0])


for part in (plain, small_buckets, unused, accumulated, buffers, half, refused, shares, resumed):
    part()
    dist.barrier()
print(f"rank {RANK} is done", flush=True)
