"""A step of training leaves nothing that only the garbage collector could free.

Objects that hold each other stay in memory until the collector comes by, and with them all tensors
that they reach. So none of minigrad's own may: every kind of thing is made, used and dropped here
while the collector is off, and then it is asked what it finds.
"""

import contextlib
import gc
import io
import warnings

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.utils.data import DataLoader, TensorDataset

schedulers = optim.lr_scheduler
functional = nn.functional


@pytest.fixture(scope="module", autouse=True)
def everything_older_is_left_alone():
    gc.collect()
    gc.freeze()  # makes each collection below quick
    yield
    gc.unfreeze()


def garbage_of(work):
    """The objects of minigrad that `work` leaves to the collector."""
    work()  # once for what is made once
    gc.collect()
    gc.disable()
    try:
        work()
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        return [
            x for x in gc.garbage
            if type(x).__module__.startswith("minigrad") or isinstance(x, np.ndarray)
        ]  # fmt: skip
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def ones(*shape):
    return mg.ones(*shape, requires_grad=True)


def first(output):
    return output[0] if isinstance(output, tuple) else output


KINDS = {}


def kind(work):
    KINDS[work.__name__] = work
    return work


def layer(cls, *args, input=None, **options):
    """A step of a layer."""

    def work():
        module = cls(*args, **options)
        y = first(module(ones(5, 3) if input is None else input))
        if y.requires_grad:
            y.sum().backward()
        module.load_state_dict(module.state_dict())

    KINDS[f"{cls.__name__} {args} {options}"] = work


for name in vars(nn):
    cls = getattr(nn, name)
    if isinstance(cls, type) and issubclass(cls, nn.Module):
        for args, input in [((3, 4), ones(5, 3)), ((3,), ones(5, 3)), ((), ones(5, 3)),
                            ((3, 4), ones(5, 2, 3)), ((9, 3), mg.tensor([1, 2]))]:  # fmt: skip
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    cls(*args)(input)
            except Exception:
                continue
            layer(cls, *args, input=input)
            break

for cls in (nn.RNN, nn.LSTM, nn.GRU):
    layer(cls, 3, 4, 2, input=ones(5, 2, 3), bidirectional=True, batch_first=True, dropout=0.5)

for name in vars(optim):
    cls = getattr(optim, name)
    if isinstance(cls, type) and issubclass(cls, optim.Optimizer) and cls is not optim.Optimizer:

        def optimize(cls=cls):
            module = nn.Linear(3, 2)
            optimizer = cls(module.parameters(), lr=0.1)

            def closure():
                optimizer.zero_grad()
                loss = module(mg.ones(1, 3)).square().sum()
                loss.backward()
                return loss

            optimizer.step(closure)
            optimizer.step(closure)
            optimizer.load_state_dict(optimizer.state_dict())

        KINDS[name] = optimize

for name, options in {
    "LambdaLR": {"lr_lambda": lambda epoch: 1.0}, "MultiplicativeLR": {"lr_lambda": lambda e: 1.0},
    "StepLR": {"step_size": 2}, "MultiStepLR": {"milestones": [1]}, "ConstantLR": {},
    "LinearLR": {}, "ExponentialLR": {"gamma": 0.9}, "CosineAnnealingLR": {"T_max": 3},
    "CosineAnnealingWarmRestarts": {"T_0": 3}, "CyclicLR": {"base_lr": 0.1, "max_lr": 1.0},
    "OneCycleLR": {"max_lr": 1.0, "total_steps": 9}, "PolynomialLR": {}, "ReduceLROnPlateau": {},
}.items():  # fmt: skip

    def schedule(cls=getattr(schedulers, name), options=options):
        optimizer = optim.SGD(nn.Linear(2, 2).parameters(), lr=0.1, momentum=0.9)
        scheduler = cls(optimizer, **options)
        optimizer.step()
        scheduler.step(*[1.0][: cls.__name__ == "ReduceLROnPlateau"])
        scheduler.load_state_dict(scheduler.state_dict())

    KINDS[name] = schedule


@kind
def schedulers_of_schedulers():
    optimizer = optim.SGD(nn.Linear(2, 2).parameters(), lr=0.1)
    parts = [schedulers.ConstantLR(optimizer), schedulers.ExponentialLR(optimizer, 0.9)]
    both = [schedulers.ChainedScheduler(parts), schedulers.SequentialLR(optimizer, parts, [1])]
    optimizer.step()
    for scheduler in both:
        scheduler.step()


def nothing(*args):
    """A hook."""


traced = (nn.LSTM(3, 4), nn.GRU(3, 4, zoneout=0.1), nn.Recurrent(nn.GRUCell, 3, 4))


@kind
def traces_of_layers():
    for module in traced:
        output, _, trace = module.trace(ones(5, 2, 3), lengths=[5, 3])
        (output.sum() + trace.hidden.sum()).backward()
        assert trace.hidden.grad is not None


@kind
def hooks_of_modules():
    module = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    module.register_forward_hook(nothing)
    module.register_forward_pre_hook(nothing)
    module[0].register_full_backward_hook(nothing)
    module[0].register_full_backward_pre_hook(nothing)
    module[1].register_backward_hook(nothing)
    module.register_state_dict_pre_hook(nothing)
    module.register_state_dict_post_hook(nothing)
    module.register_load_state_dict_pre_hook(nothing)
    module.register_load_state_dict_post_hook(nothing)
    optimizer = optim.SGD(module.parameters(), lr=0.1)
    optimizer.register_step_pre_hook(nothing)
    optimizer.register_step_post_hook(nothing)
    module(ones(1, 2)).sum().backward()
    optimizer.step()
    module.load_state_dict(module.state_dict())


@kind
def hooks_of_tensors_and_nodes():
    x = ones(3)
    x.register_hook(nothing)
    x.register_post_accumulate_grad_hook(nothing)
    h = x * 2
    h.retain_grad()
    h.register_hook(lambda g: g * 2)
    h.mul_(2)
    h.grad_fn.register_hook(nothing)
    h.grad_fn.register_prehook(nothing)
    h.grad_fn.metadata["node"] = h.grad_fn.next_functions
    h.sum().backward()


@kind
def writes_through_views():
    x = ones(3, 3)
    base = x * 1
    view = base[0]
    view.mul_(2)
    part = view[1:]
    part.add_(1)
    base[0] = part.sum()
    base.masked_fill_(base > 3, 0.0)
    pieces = base.split([1, 2])
    (base.sum() + view.sum() + part.sum() + pieces[0].sum()).backward()


@kind
def second_derivatives():
    module, x = nn.LSTM(2, 3), ones(4, 1, 2)
    (g,) = mg.autograd.grad(module(x)[0].sum(), x, create_graph=True)
    (g * g).sum().backward()


class Scale(mg.autograd.Function):
    """A Function that saves in every way."""

    @staticmethod
    def forward(ctx, x, factor):
        y = x * factor
        ctx.x, ctx.factor, ctx.copy = x, factor, y.clone()
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx, g):
        ctx.saved = ctx.saved_tensors[0]
        return g * ctx.factor, None


@kind
def functions():
    x = ones(3)
    Scale.apply(x, 2).sum().backward()
    mg.autograd.grad(Scale.apply(x * 1, 3).sum(), x, create_graph=True)
    Scale.apply(mg.ones(1), 4)
    Scale.apply(x, 5)


@kind
def errors():
    x = ones(3)
    y = (x * x).sum()
    y.backward()
    for wrong in (lambda: x + mg.ones(4), lambda: x.view(5), lambda: x[7], lambda: x.add_(1),
                  lambda: nn.Linear(2, 2)(x), lambda: nn.LSTM(2, 2)(x), y.backward):  # fmt: skip
        with pytest.raises((RuntimeError, IndexError, ValueError)):
            wrong()


@kind
def an_error_in_a_nest_of_backward_passes():
    def hook(g, depth):
        if depth == 50:
            raise ValueError("deep down")
        with mg.enable_grad():
            h = ones(1) * 2
            h.register_hook(lambda g: hook(g, depth + 1))
            h.sum().backward()

    with contextlib.suppress(ValueError):
        hook(None, 0)
    hook = None  # the test's own cycle: a function that names itself


@kind
def packed_sequences():
    packed = nn.utils.rnn.pack_sequence([ones(4, 3), ones(2, 3)])
    output, _ = nn.GRU(3, 4)(packed)
    nn.utils.rnn.pad_packed_sequence(output)[0].sum().backward()


@kind
def reparametrized_weights():
    for wrap in (nn.utils.weight_norm, nn.utils.spectral_norm):
        module = wrap(nn.Linear(3, 3))
        module(mg.ones(1, 3)).sum().backward()
        nn.utils.clip_grad_norm_(module.parameters(), 1.0)


@kind
def files_and_data():
    stream, module = io.BytesIO(), nn.LSTM(2, 2)
    mg.save(module.state_dict(), stream)
    stream.seek(0)
    module.load_state_dict(mg.load(stream))
    for _ in DataLoader(TensorDataset(mg.ones(6, 2)), 2, shuffle=True):
        pass


@kind
def losses():
    x, label = mg.rand(3, 4, requires_grad=True), mg.tensor([1, 2, 0])
    for loss in (
        functional.cross_entropy(x, label), functional.mse_loss(x, mg.ones(3, 4)),
        functional.binary_cross_entropy_with_logits(x, mg.ones(3, 4)),
        functional.kl_div(x, mg.ones(3, 4)), functional.smooth_l1_loss(x, mg.ones(3, 4)),
    ):  # fmt: skip
        loss.backward()


@kind
def gradient_checks():
    x = mg.ones(2, dtype=mg.float64, requires_grad=True)
    mg.autograd.gradcheck(lambda x: x * x, x)
    mg.autograd.gradgradcheck(lambda x: x * x, x)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", KINDS)
def test_nothing_is_left_to_the_collector(name):
    assert garbage_of(KINDS[name]) == []


def test_a_cycle_would_be_found():
    def work():
        x = ones(1)
        (x * x).sum().backward(create_graph=True)  # x.grad has a graph, which ends at x

    assert any(isinstance(x, mg.Tensor) for x in garbage_of(work))
