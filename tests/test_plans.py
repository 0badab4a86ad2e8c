"""Plans: steps that are recorded once equal themselves through the graph, or are not plans."""

import random
import tracemalloc
import warnings

import numpy as np
import pytest

import minigrad as mg
from minigrad import _kernels, nn
from minigrad.nn import functional as F
from minigrad.plans import machine, planned

# ------------------------------------------------------------------------------------------------
# Random cells
# ------------------------------------------------------------------------------------------------


class Random(nn.Module):
    """A cell made of operations drawn from a seed."""

    def __init__(self, input_size, hidden_size, seed, states):
        super().__init__()
        self.states = dict.fromkeys([f"s{k}" for k in range(states)], hidden_size)
        self.seed, self.size = seed, hidden_size
        self.from_x = nn.Linear(input_size, hidden_size)
        self.wide = nn.Linear(hidden_size, 3 * hidden_size, bias=False)
        self.both = nn.Linear(input_size + hidden_size, hidden_size)
        self.square = nn.Parameter(mg.randn(hidden_size, hidden_size) / hidden_size**0.5)
        self.vector = nn.Parameter(mg.randn(hidden_size))
        self.scalar = nn.Parameter(mg.tensor(0.3))
        self.memory = nn.Parameter(mg.randn(3, hidden_size))
        self.register_buffer("fixed", mg.randn(hidden_size))

    def forward(self, x, state):
        state = state if isinstance(state, tuple) else (state,)
        draw = random.Random(self.seed)
        pool = [*state, self.from_x(x), self.both(mg.cat([x, state[0]], 1))]

        def pick():
            return draw.choice(pool)

        actions = [
            lambda: pick() + pick(), lambda: pick() * pick(), lambda: pick() - pick(),
            lambda: -pick(), lambda: 1 - pick(), lambda: pick() * 0.5,
            lambda: 2 / (3 + pick().tanh() * pick().tanh()),
            lambda: pick().tanh(), lambda: pick().sigmoid(), lambda: pick().relu(),
            lambda: pick().tanh().exp(), lambda: pick() @ self.square,
            lambda: pick() @ self.square.T,
            lambda: pick() * self.vector, lambda: pick() + self.fixed, lambda: pick().abs(),
            lambda: mg.where(pick() > pick(), pick(), pick()),
            lambda: mg.where(pick() <= 0, pick(), pick() * 0.1),
            lambda: pick().sum(1, keepdim=True) * 0.1 + pick(),
            lambda: pick() * pick().mean(1, keepdim=True),
            lambda: draw.choice(self.wide(pick()).chunk(3, 1)),
            lambda: mg.cat([pick()[:, 1:], pick()[:, :1]], 1),
            lambda: mg.cat([pick(), pick()], 1)[:, 1 : 1 + self.size],
            lambda: mg.maximum(pick(), pick()), lambda: pick().clamp(-0.5, 0.7),
            lambda: nn.functional.softmax(pick(), 1), lambda: nn.functional.leaky_relu(pick()),
            lambda: nn.functional.layer_norm(pick(), (self.size,)),
            lambda: pick() * self.scalar.sigmoid(), lambda: pick() * mg.exp(-self.vector.relu()),
            lambda: pick() ** 3, lambda: nn.functional.softplus(pick()), lambda: pick().sin(),
            lambda: nn.functional.elu(pick()), lambda: pick().flip(1),
            lambda: pick().masked_fill((pick() > 0) & ~(pick() < 1), 0.3),
            lambda: mg.stack([pick(), pick()], 2).sum(2),
            lambda: pick()[:, 0].unsqueeze(1) * pick(),
            lambda: (pick().unsqueeze(2) * pick().unsqueeze(1) @ pick().unsqueeze(2)).squeeze(2),
            lambda: mg.einsum("ni,ij->nj", pick(), self.square - self.square.T),
            lambda: nn.functional.softmax(pick() @ self.memory.T, 1) @ self.memory,
            lambda: pick().reshape(-1, 1, self.size).transpose(1, 2).flatten(1),
            lambda: pick() * (pick() @ self.vector).unsqueeze(1),
            lambda: written_to(pick() * 1, pick()),
            lambda: (pick() * 0.5).mul_(pick()).add_(1),
            lambda: pick() - pick().amax(1, keepdim=True),
            lambda: (self.square @ pick().T).T, lambda: pick().sort(1)[0],
            lambda: pick() - pick().max(1, keepdim=True)[0], lambda: pick().cumsum(1),
            lambda: pick() * pick().tanh().prod(1, keepdim=True), lambda: pick().erf(),
            lambda: pick().gather(1, (pick() > 0).long().cumsum(1) % self.size),
            lambda: F.embedding((pick()[:, 0] > 0).long(), self.memory) * pick(),
            lambda: mg.stack([pick(), pick()]).sum(0), lambda: F.pad(pick(), (1, 0))[:, :-1],
            lambda: pick() * F.one_hot(pick().argmax(1), self.size),
            lambda: masked(pick() + 0, pick()), lambda: F.normalize(pick(), dim=1),
            lambda: pick().unsqueeze(1).repeat(1, 2, 1).reshape(-1, self.size, 2).amax(2),
            lambda: pick().scatter_add(1, (pick() > 0).long() * (self.size - 1), pick()),
            lambda: (pick().reshape(1, -1, self.size) * self.memory.unsqueeze(1)).mean(0),
        ]  # fmt: skip
        for _ in range(draw.randint(4, 12)):
            pool.append(draw.choice(actions)())
        new = [pool[-1 - k].tanh() if draw.random() < 0.8 else pool[-1 - k].sigmoid()
               for k in range(len(state))]  # fmt: skip
        output = pool[-1] if draw.random() < 0.3 else new[0]
        return output, tuple(new) if len(new) > 1 else new[0]


def written_to(z, y):
    """In place, through views of which one was taken before."""
    first, rest = z[:, :1], z[:, 1:]
    rest += y[:, 1:]
    first[...] = y[:, -1:]
    z[:, 0] *= 2
    return z + first * 0.5


def results_of(layer, x, states, lengths, seed):
    """Outputs, and gradients of everything for given gradients of the outputs."""
    output, last = layer(x, states if len(states) > 1 else states[0], lengths=lengths)
    outputs = [output, *(last if isinstance(last, tuple) else (last,))]
    mg.manual_seed(seed)
    above = [mg.randn(y.shape, dtype=y.dtype) for y in outputs]
    leaves = [x, *states, *layer.parameters()]
    grads = mg.autograd.grad(outputs, leaves, above, allow_unused=True)
    grads = [mg.zeros_like(v) if g is None else g for v, g in zip(leaves, grads)]
    return [v.detach().numpy() for v in (*outputs, *grads)]


LEVELS = [*_kernels.available_levels(), "reference"]


@pytest.mark.parametrize("start", range(0, 500, 20))
def test_random_cells_equal_themselves_through_the_graph(start):
    """Sequences of one length and of several, in both directions; each level has some of them."""
    planned_cells, before = 0, _kernels.level
    _kernels.set_level(before if before == "reference" else LEVELS[start // 20 % len(LEVELS)])
    try:
        planned_cells = sum([check_random_cell(seed) for seed in range(start, start + 20)])
    finally:
        _kernels.set_level(before)
    assert planned_cells >= 15, "hardly a cell is a plan"


def check_random_cell(seed):
    """Whether it is a plan."""
    draw = random.Random(seed)
    count, batch = draw.randint(1, 2), draw.choice([1, 2, 3, 5])
    inputs, hidden, steps = draw.randint(1, 5), draw.choice([1, 2, 3, 4, 8, 17]), 3
    mg.manual_seed(seed)
    layer = nn.Recurrent(
        Random, inputs, hidden, seed=seed, states=count, bidirectional=draw.random() < 0.5
    ).double()
    x = mg.randn(steps, batch, inputs, dtype=mg.float64, requires_grad=True)
    states = tuple([
        mg.randn(layer._directions, batch, hidden, dtype=mg.float64, requires_grad=True)
        for _ in range(count)
    ])  # fmt: skip
    lengths = None if draw.random() < 0.5 else [draw.randint(0, steps) for _ in range(batch)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that some are no plans
        got = results_of(layer, x, states, lengths, seed)
        with mg.no_grad(), pytest.MonkeyPatch.context() as patch:
            patch.setattr(machine, "LEAST_PART", draw.choice([1, 1000]))
            unkept = layer(x, states if count > 1 else states[0], lengths=lengths)[0]
    is_plan = any(planned._plans[layer.l0].values())
    with planned.switched_off():
        wanted = results_of(layer, x, states, lengths, seed)
    got, wanted = [*got, unkept.numpy()], [*wanted, wanted[0]]
    for k, (a, b) in enumerate(zip(got, wanted, strict=True)):
        np.testing.assert_allclose(
            a, b, 1e-9, 1e-9 * max(1, abs(b).max(initial=0)), err_msg=f"seed {seed}, {k}"
        )
    return is_plan


class Powers(nn.Module):
    """What the gradient reads are products of products: some are kept, others made again."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.scale = nn.Parameter(mg.ones(hidden_size))

    def forward(self, x, h):
        first = x * h
        second = first * h - self.scale
        third = second * first
        return third * third * second


def test_what_is_made_again_is_made_in_order():
    layer = nn.Recurrent(Powers, 4, 4).double()
    x = mg.randn(3, 2, 4, dtype=mg.float64, requires_grad=True)
    states = (mg.randn(1, 2, 4, dtype=mg.float64, requires_grad=True),)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it is a plan
        got = results_of(layer, x, states, None, 0)
    with planned.switched_off():
        wanted = results_of(layer, x, states, None, 0)
    for a, b in zip(got, wanted, strict=True):
        np.testing.assert_allclose(a, b, 1e-9)


class GatedUnit(nn.Module):
    """A GRU."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.from_x = nn.Linear(input_size, 3 * hidden_size)
        self.from_h = nn.Linear(hidden_size, 3 * hidden_size)

    def forward(self, x, h):
        x_r, x_z, x_n = self.from_x(x).chunk(3, -1)
        h_r, h_z, h_n = self.from_h(h).chunk(3, -1)
        z = (x_z + h_z).sigmoid()
        return (1 - z) * (x_n + (x_r + h_r).sigmoid() * h_n).tanh() + z * h


@pytest.mark.parametrize("training", [True, False])
def test_a_plan_needs_at_most_twice_the_memory_of_a_layer_of_ours(training):
    """At its peak, beside the parameters."""
    if _kernels.level == "reference":
        pytest.skip("there, neither is made to save memory")
    x, peaks = mg.randn(100, 32, 16), []
    for layer in (nn.GRU(16, 64), nn.Recurrent(GatedUnit, 16, 64)):

        def run(layer=layer):
            with mg.set_grad_enabled(training):
                output, _ = layer(x)
                if training:
                    layer.zero_grad()
                    output.sum().backward()

        run()
        tracemalloc.start()
        run()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 2 * peaks[0]


# ------------------------------------------------------------------------------------------------
# Cells that must be replayed right, or be noticed
# ------------------------------------------------------------------------------------------------

OUTSIDE = mg.ones(4, dtype=mg.float64)
SCALE = 0.5
COUNT = 0


class Odd(nn.Module):
    """A cell of which one part is odd."""

    def __init__(self, input_size, hidden_size, part):
        super().__init__()
        self.inner = nn.Linear(input_size, hidden_size)
        self.weight = nn.Parameter(mg.randn(hidden_size, hidden_size) * 0.3)
        self.register_buffer("buffer", mg.ones(hidden_size))
        self.frozen = nn.Parameter(mg.ones(hidden_size), requires_grad=False)
        self.part, self.number, self.seen, self.options = part, 0.5, [], {"scale": 1.0}

    def forward(self, x, h):
        return self.part(self, self.inner(x) + h @ self.weight, h).tanh()


def counted(cell, z, h):
    cell.number += 1
    return z * cell.number


def counted_globally(cell, z, h):
    global COUNT
    COUNT += 1
    return z * COUNT


def written(cell, z, h):
    z = z + 0
    z[:, 0] = h[:, 1]
    return z


def seen_twice(z):
    turned = mg.from_numpy(np.flip(z.detach().numpy(), 1))
    z.add_(1)
    return z + turned


def counted_in_place(cell, z, h):
    z = z.clone()
    for k in range(4):
        z[:, k] += k * z[:, k - 1]
    return z


def remembered(cell, z, h):
    cell.seen.append(h)
    return z


class Tripled(mg.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return mg.from_numpy(x.detach().numpy() * 3)

    @staticmethod
    def backward(ctx, g):
        return 3 * g


NOTICED = {
    "dropout": lambda cell, z, h: nn.functional.dropout(z, 0.5),
    "noise": lambda cell, z, h: z + 0.1 * mg.randn(z.shape, dtype=z.dtype),
    "noise of the shape": lambda cell, z, h: z + 0.1 * mg.rand_like(z),
    "branch": lambda cell, z, h: z if h.sum() > 0 else -z,
    "item": lambda cell, z, h: z * h[0, 0].item(),
    "array": lambda cell, z, h: z + mg.tensor(h.tolist(), dtype=h.dtype),
    "outside": lambda cell, z, h: z * OUTSIDE,
    "random": lambda cell, z, h: z * random.random(),
    "batch": lambda cell, z, h: z / len(z),
    "mean over the batch": lambda cell, z, h: z - z.mean(0),
    "sorted over the batch": lambda cell, z, h: z.sort(0)[0],
    "largest of the batch": lambda cell, z, h: z - z.max(0)[0],
    "gathered from others": lambda cell, z, h: z.gather(0, (h > 9).long()),
    "chosen columns": lambda cell, z, h: z + z[:, cell.buffer > 0].sum(1, keepdim=True),
    "written into a parameter": lambda cell, z, h: z * cell.frozen.data.mul_(0.9),
    "chosen rows": lambda cell, z, h: mg.cat([z[z[:, 0] > 0], z[z[:, 0] <= 0]]),
    "written beside a view": lambda cell, z, h: seen_twice(z + 0),
    "turned round": lambda cell, z, h: z.flip(0),
    "of two sequences": lambda cell, z, h: (z.T @ z @ z.T).T,
    "running sum over the batch": lambda cell, z, h: z.cumsum(0),
    "counted": counted,
    "counted globally": counted_globally,
    "remembered": remembered,
}
REPLAYED = {
    "written": written,
    "written column by column": counted_in_place,
    "written where": lambda cell, z, h: z.clone().masked_fill_(z > h, 0.5),
    "absolute": lambda cell, z, h: z.abs() * h,
    "masks added": lambda cell, z, h: z * ((z > 0) + (h > -1)),
    "logic of numbers": lambda cell, z, h: z * mg.logical_or(-z.relu(), -h.relu()),
    "whole numbers": lambda cell, z, h: z * ((z * 10).long() // 3),
    "outer": lambda cell, z, h: (z.unsqueeze(2) * h.unsqueeze(1)).sum(1),
    "largest of three, turned": lambda cell, z, h: (
        z + (z.unsqueeze(1) @ mg.stack([z, h, z * h], 1).amax(1).unsqueeze(2)).squeeze(2)
    ),
    "heads": lambda cell, z, h: nn.functional.softmax(z.reshape(-1, 2, 2), -1).flatten(1),
    "places": lambda cell, z, h: z[:, [2, 0, 0, 1]],
    "weights": lambda cell, z, h: h @ (cell.weight - cell.weight.T).triu() + z,
    "numpy": lambda cell, z, h: z + mg.from_numpy(np.tanh(h.detach().numpy())),
    "function": lambda cell, z, h: Tripled.apply(z),
    "number": lambda cell, z, h: z * cell.number,
    "option": lambda cell, z, h: z * cell.options["scale"],
    "global": lambda cell, z, h: z * SCALE,
    "buffer": lambda cell, z, h: z * cell.buffer,
    "frozen": lambda cell, z, h: z * cell.frozen,
    "training": lambda cell, z, h: z if cell.training else 0.5 * z,
    "width": lambda cell, z, h: z / z.shape[1],
    "tied": lambda cell, z, h: z + h @ cell.weight.T @ cell.weight,
    "detached": lambda cell, z, h: z + h.detach(),
    "chosen by type": lambda cell, z, h: z.relu() if isinstance(z, mg.Tensor) else z,
    "zeros": lambda cell, z, h: z + mg.zeros(4, dtype=z.dtype) + mg.ones_like(z),
    "cast": lambda cell, z, h: z * (h > 0).to(z.dtype),
    "written into zeros": lambda cell, z, h: written(cell, mg.zeros_like(z), z),
    "looked up": lambda cell, z, h: z + cell.weight[(h[:, 0] > 0).long()],
    "turned": lambda cell, z, h: z + (cell.weight @ h.T).T,
    "stacked first": lambda cell, z, h: mg.stack([z, h, z * h]).sum(0),
}
WHOLE = {  # has no instruction of the kernel's, and runs as NumPy does it
    "embedding": lambda cell, z, h: z + F.embedding((h > 0).long().sum(1) % 4, cell.weight),
    "embedding without a row": lambda cell, z, h: z + F.embedding(
        (h[:, :2] > 0).long(), cell.weight, padding_idx=1).sum(1),
    "gather": lambda cell, z, h: z.gather(1, (h > 0).long()),
    "take_along_dim": lambda cell, z, h: mg.take_along_dim(z, -(h > 0).long(), 1),
    "index_select": lambda cell, z, h: z.index_select(1, (cell.buffer.cumsum(0) * 2).long() % 4),
    "index_select of weights": lambda cell, z, h: z + cell.weight.index_select(0, z.argmax(1)),
    "rows of weights": lambda cell, z, h: z @ cell.weight[[2, 0, 0, 1]],
    "max": lambda cell, z, h: z - z.max(1, keepdim=True)[0] + z.max(1)[1].unsqueeze(1),
    "min": lambda cell, z, h: z - z.min(1)[0].unsqueeze(1),
    "max of weights": lambda cell, z, h: z * cell.weight.max(1)[0] + cell.weight.amin(),
    "sort": lambda cell, z, h: z.sort(1, descending=True)[0] + h.argsort(1),
    "topk": lambda cell, z, h: z * (z >= z.topk(2, 1)[0][:, 1:]) + h.topk(1, 1)[0],
    "median": lambda cell, z, h: z - z.median(1, keepdim=True)[0],
    "std": lambda cell, z, h: z / (1 + z.std(1, keepdim=True)) + z.std(1)[:, None],
    "std of matrices": lambda cell, z, h: z * z.reshape(-1, 2, 2).std((1, 2))[:, None],
    "max_pool1d": lambda cell, z, h: F.max_pool1d(z.unsqueeze(1), 3, 1, 1).squeeze(1),
    "avg_pool1d": lambda cell, z, h: z * F.avg_pool1d(z.unsqueeze(1), 2).mean((1, 2))[:, None],
    "cumsum": lambda cell, z, h: z.cumsum(1) @ cell.weight.cumsum(0),
    "cumprod": lambda cell, z, h: z.cumprod(1) + z.tanh() * h.relu().cumprod(1),
    "prod": lambda cell, z, h: z * z.prod(1, keepdim=True) + h.relu().prod(1).unsqueeze(1),
    "erf": lambda cell, z, h: z.erf() + F.gelu(h) + F.gelu(z, approximate="tanh"),
    "logsumexp": lambda cell, z, h: z - z.logsumexp(1, keepdim=True),
    "one_hot": lambda cell, z, h: z * F.one_hot(h.argmax(1), 4),
    "pad": lambda cell, z, h: F.pad(z, (1, 0))[:, :-1] + F.pad(h, (0, 1), value=0.5)[:, 1:],
    "pad, mirrored": lambda cell, z, h: F.pad(z.unsqueeze(1), (1, 1), "reflect")[:, 0, 2:],
    "repeat": lambda cell, z, h: z.repeat(1, 2)[:, 2:6] + h.unsqueeze(1).repeat(1, 3, 1).mean(1),
    "repeat_interleave": lambda cell, z, h: z.repeat_interleave(2, 1)[:, 2:6],
    "bilinear": lambda cell, z, h: z + mg.einsum("ni,ij,nj->n", z, cell.weight, h).unsqueeze(1),
    "var, std, norm": lambda cell, z, h: (z / (z.var(1, keepdim=True) + 1) + F.normalize(h)
                                          + z.std(1, keepdim=True) + h.norm(dim=1, keepdim=True)),
    "mask": lambda cell, z, h: masked(z.clone(), h),
    "mask of columns": lambda cell, z, h: masked_columns(z.clone(), cell.buffer > 0),
    "at places": lambda cell, z, h: at_places(z.clone(), h),
    "into empty memory": lambda cell, z, h: into_empty(z, h),
    "scatter": lambda cell, z, h: z * mg.zeros_like(z).scatter(1, h.argmax(1, keepdim=True), 1.0),
    "scatter_add": lambda cell, z, h: h.scatter_add(1, (h > 0).long(), z).index_add(
        1, mg.tensor([0, 0, 3, 1]), z),
    "scatter in place": lambda cell, z, h: z * mg.zeros_like(z).scatter_(1, z.topk(2, 1)[1], 1.0),
    "index_copy": lambda cell, z, h: z.index_copy(1, mg.tensor([1, 3]), h[:, :2]),
    "any, all": lambda cell, z, h: z * (h > 0).any(1, keepdim=True) + (h > -1).all(1).unsqueeze(1),
    "count": lambda cell, z, h: z + mg.count_nonzero(h > 0, dim=1).unsqueeze(1),
    "remainder": lambda cell, z, h: z % 0.7 + h // 0.3,
    "in another type": lambda cell, z, h: z * (h * 3).float().round(),
    "steps": lambda cell, z, h: z.round() + h.trunc() + z.sign() + h.ceil(),
    "diagonal": lambda cell, z, h: z @ mg.diag(cell.weight[0]) + cell.weight.diagonal(),
    "logits": lambda cell, z, h: F.log_softmax(z.masked_fill(h > 0.3, -9.0), 1),
    "largest pairs": lambda cell, z, h: mg.cat([z, h], 1).view(-1, 4, 2).max(2)[0],
    "sparsemax": lambda cell, z, h: (z - ((z.sort(1, descending=True)[0].cumsum(1) - 1)
        / mg.arange(1, 5, dtype=z.dtype)).amax(1, keepdim=True)).relu(),
}  # fmt: skip


def masked(z, h):
    z[h > 0.1] = 0
    z[h[:, 0] > 0] = 0.5
    return z


def masked_columns(z, mask):
    z[:, mask] = 0.25
    return z


def at_places(z, h):
    z[:, [0, 2]] = h[:, [3, 1]]
    z[:, [1]] += 1
    return z


def into_empty(z, h):
    both = mg.empty(len(z), 4, dtype=z.dtype)
    both[:, :2] = z[:, 2:]
    both[:, 2:] = h[:, :2]
    return both + z.new_zeros(4)


def odd(name, part):
    mg.manual_seed(1)
    layer = nn.Recurrent(Odd, 3, 4, part=part).double()
    return layer, mg.randn(5, 2, 3, dtype=mg.float64, requires_grad=True)


def both(layer, x):
    """What a layer gives as a plan, and as it is written; whether it was a plan."""
    results = []
    for off in (False, True):
        with planned.switched_off() if off else warnings.catch_warnings():
            warnings.simplefilter("ignore")
            mg.manual_seed(3)
            random.seed(3)
            output, _ = layer(x)
        leaves = [x, *[p for p in layer.parameters() if p.requires_grad]]
        grads = mg.autograd.grad((output * output).sum(), leaves)
        results.append([v.detach().numpy() for v in (output, *grads)])
        if not off:
            name = output.grad_fn.name()
    for a, b in zip(*results):
        np.testing.assert_allclose(a, b, 1e-9, 1e-12)
    return name == "RecurrentBackward0"


@pytest.mark.parametrize("name", NOTICED)
def test_what_cannot_be_replayed_is_noticed(name):
    global COUNT
    COUNT = 0
    layer, x = odd(name, NOTICED[name])
    with pytest.warns(UserWarning, match="Odd runs step by step, which is slow: "):
        layer(x)
    if "counted" not in name and "parameter" not in name:
        assert not both(layer, x)
    before = layer.l0.number
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it is said once
        layer(x)
    assert layer.l0.number == before + 5 * (name == "counted")


@pytest.mark.parametrize("name", REPLAYED)
def test_what_can_be_replayed_follows_all_changes(name, monkeypatch, level):
    layer, x = odd(name, REPLAYED[name])
    assert both(layer, x)
    cell = layer.l0
    cell.number, cell.options["scale"] = 0.25, 3.0
    monkeypatch.setitem(globals(), "SCALE", 0.1)
    assert both(layer, x)
    layer.eval()
    with mg.no_grad():
        cell.buffer.mul_(2)
        cell.frozen.fill_(3)
        cell.weight.mul_(0.5)
    cell.inner.weight.data = mg.randn(4, 3, dtype=mg.float64)
    assert both(layer, x)
    cell.inner.bias = nn.Parameter(mg.randn(4, dtype=mg.float64))
    assert both(layer, x)
    if name == "frozen":
        cell.frozen.requires_grad_(True)
        assert both(layer, x)


@pytest.mark.parametrize("name", WHOLE)
def test_what_has_no_instruction_runs_through_numpy(name):
    layer, x = odd(name, WHOLE[name])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        layer(x, lengths=[5, 2])
        layer(x.detach())
    assert both(layer, x)


def test_what_hangs_on_a_parameter_is_seen():
    class Scaled(nn.Module):
        def __init__(self, input_size, hidden_size):
            super().__init__()
            self.inner = nn.Linear(input_size, hidden_size)

        def forward(self, x, h):
            return self.inner(x) * self.inner.weight.scale + h

    layer, x = nn.Recurrent(Scaled, 3, 4), mg.randn(5, 2, 3)
    for scale in (1.0, 2.0):
        layer.l0.inner.weight.scale = scale
        with planned.switched_off():
            wanted = layer(x)[0]
        np.testing.assert_allclose(layer(x)[0].detach(), wanted.detach(), 1e-6, 1e-6)


def test_a_single_sequence_may_need_no_copy_for_another_shape():
    class Sliced(nn.Module):
        def __init__(self, input_size, hidden_size):
            super().__init__()
            self.inner, self.size = nn.Linear(input_size, 4 * hidden_size), hidden_size

        def forward(self, x, h):
            return self.inner(x)[:, self.size :].view(-1, 3, self.size).sum(1).tanh() + h

    layer = nn.Recurrent(Sliced, 3, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        output = layer(mg.randn(5, 1, 3))[0]
    assert output.shape == (5, 1, 4)


def test_places_are_checked_each_time():
    """As while recording, they may name a row that is not there."""
    layer, x = odd("looked up", lambda cell, z, h: z + F.embedding(
        (cell.number * cell.frozen[0]).long().reshape(1), cell.weight))  # fmt: skip
    layer(x)
    with mg.no_grad():
        layer.l0.frozen[0] = 9
    with pytest.raises(IndexError, match="out of range"):
        layer(x)


def test_second_derivatives_go_through_the_graph():
    layer, x = odd("plain", REPLAYED["number"])
    assert mg.autograd.gradgradcheck(lambda x: layer(x)[0], (x,))


def test_changes_between_forward_and_backward_are_noticed():
    layer, x = odd("plain", REPLAYED["number"])
    output, _ = layer(x)
    with mg.no_grad():
        layer.l0.weight.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        output.sum().backward()


def test_a_captured_tensor_gets_its_gradient():
    memory = mg.ones(4, dtype=mg.float64, requires_grad=True)
    layer, x = odd("captured", lambda cell, z, h: z * memory)
    with pytest.warns(UserWarning, match="outside|no parameter"):
        layer(x)[0].sum().backward()
    assert memory.grad is not None


# ------------------------------------------------------------------------------------------------
# The kernel
# ------------------------------------------------------------------------------------------------


def broken_programs():
    """Programs that would leave their memory, or are no programs."""
    a, b = np.zeros((4, 3)), np.zeros((1, 3))
    good = {
        "arrays": [a, b], "registers": np.array([(0, 0, 3), (2, 0, 3)]),
        "code": np.array([(1, 0, 0, 1, 0)]), "weights": [], "moves": [],
        "sizes": np.array([4, 2]), "batch": 4, "reverse": False,
    }  # fmt: skip
    w = [np.zeros((3, 3))]
    broken = {
        "columns": {"registers": [(0, 1, 3), (2, 0, 3)]},
        "negative": {"registers": [(0, -1, 3), (2, 0, 3)]},
        "rows": {"registers": [(0, 0, 3), (0, 0, 3)]},
        "rows of all steps": {"registers": [(1, 0, 3), (2, 0, 3)]},
        "kind": {"registers": [(7, 0, 3), (2, 0, 3)]},
        "type": {"arrays": [a.astype("f2"), b]},
        "layout": {"arrays": [np.asfortranarray(a), b]},
        "operation": {"code": [(99, 0, 0, 1, 0)]},
        "register": {"code": [(1, 0, 2, 1, 0)]},
        "result": {"code": [(1, 1, 0, 0, 0)]},
        "width": {"registers": [(0, 0, 2), (2, 0, 3)]},
        "weights": {"code": [(0, 0, 0, 0, -1)]},
        "depth": {"code": [(0, 0, 0, 0, -1)], "weights": [np.zeros((2, 3))]},
        "added": {"code": [(0, 0, 0, 0, 5)], "weights": w},
        "move": {"moves": [(0, 3)]},
        "move to what is fixed": {"moves": [(1, 0)]},
        "sizes": {"sizes": np.array([4, 5])},
        "type of sizes": {"sizes": np.array([4.0, 2.0])},
        "beyond all columns": {"registers": [(0, 2**62, 3), (2, 0, 3)]},
        "beyond all widths": {"registers": [(0, 0, 2**62), (2, 0, 3)]},
        "beyond all registers": {"code": [(1, 0, 0, 2**32, 0)]},
        "too few registers": {"registers": [(0, 0, 3)]},
        "type of registers": {"registers": np.zeros((2, 3))},
        "type of code": {"code": np.zeros((1, 5), np.int32)},
        "columns of code": {"code": np.zeros((5, 1), np.int64)},
        "no code": {"code": None},
    }
    for change in broken.values():
        for name in change.keys() & {"registers", "code"}:
            change[name] = None if change[name] is None else np.array(change[name])
    return good, broken


@pytest.mark.parametrize("name", broken_programs()[1])
def test_the_kernel_checks_programs(name, level):
    kernels = _kernels.kernels_for(np.dtype("float64"))
    if kernels is None:
        pytest.skip("there are no kernels")
    good, broken = broken_programs()
    kernels.plan.run(*good.values())
    with pytest.raises(ValueError, match=r"register|code|instruction|weights|move|sizes"):
        kernels.plan.run(*(good | broken[name]).values())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_instructions_are_numpys(dtype, level):
    """At sizes that fill no vector, with NaN and infinities."""
    kernels = _kernels.kernels_for(np.dtype(dtype))
    if kernels is None:
        pytest.skip("there are no kernels")
    numbers = np.random.default_rng(0)
    special = [0, -0.0, 1, -1, np.inf, -np.inf, np.nan, 1e-30, 30, -30, 88.6, 1e30]
    for name, code in kernels.plan.OPERATIONS.items():
        if name == "matmul":
            continue
        for rows, width in ((1, 1), (3, 5), (5, 12), (2, 37), (300, 7)):
            a, b, c = numbers.standard_normal((3, rows, width)).astype(dtype)
            for k, values in enumerate((a, b, c)):
                values.reshape(-1)[k :: 3 + k].flat[: len(special)] = special[
                    : len(values.reshape(-1)[k :: 3 + k])
                ]
            a = (a > 0).astype(dtype) if name == "where" or name.startswith("logical") else a
            b = (b > 0).astype(dtype) if name.startswith("logical") else b
            if name == "multiply_add":  # (nothing cancels: it may round once, or twice)
                c = np.copysign(c, a * b)
            b = 0.9 * np.tanh(b) if name.endswith("_gradient") else b
            reduces = name.endswith("reduce")
            out = np.zeros((rows, 1 if reduces else width), dtype)
            arrays = [out, a, b, c]
            registers = np.array([(0, 0, v.shape[1]) for v in arrays])
            instruction = (code, 0, 1, 1 if reduces else 2, 1 if reduces else 3)
            kernels.plan.run(
                arrays, registers, np.array([instruction]), [], [], np.array([rows]), rows, False
            )
            with np.errstate(all="ignore"):
                wanted = expected_of(name, a, b, c)
            eps = np.finfo(dtype).eps
            tiny = np.finfo(dtype).tiny
            np.testing.assert_allclose(out, wanted, 8 * eps, 4 * tiny if not reduces else 1e-3,
                                       err_msg=f"{name} {rows} {width}")  # fmt: skip


def expected_of(name, a, b, c):
    if name == "copy":
        return a
    if name == "sigmoid":
        return 1 / (1 + np.exp(-a))
    if name == "multiply_add":
        return a * b + c
    if name == "sigmoid_gradient":
        return (1 - b) * b * a
    if name == "tanh_gradient":
        return (1 - b * b) * a
    if name.endswith("reduce"):
        return getattr(np, name.split(".")[0]).reduce(a, 1, keepdims=True)
    function = getattr(np, name)
    return function(*(a, b, c)[: function.nin if isinstance(function, np.ufunc) else 3])
