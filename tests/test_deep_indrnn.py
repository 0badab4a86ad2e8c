"""Residual and dense networks of IndRNNs: equal to a plain transcription, right in every
derivative, trainable at depth; and `clip_recurrent_weights_`, which reaches all their weights u."""

import copy
import pickle

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.autograd.gradcheck import gradcheck, gradgradcheck


def residual(**options):
    """H_in = 3, width 4, two blocks."""
    options = {"num_blocks": 2, "dtype": mg.float64, **options}
    return nn.ResidualIndRNN(3, 4, **options)


def dense(**options):
    """H_in = 3, two blocks of two and of one layer, growing by 2."""
    options = {"growth": 2, "blocks": (2, 1), "first_size": 5, "bottleneck": 3,
               "dtype": mg.float64, **options}  # fmt: skip
    return nn.DenseIndRNN(3, **options)


NETWORKS = [residual, dense]


def stirred(make, seed=0, **options):
    """A network in which no parameter and no average has the value that it starts with."""
    mg.manual_seed(seed)
    net = make(**options)
    random = np.random.RandomState(seed)
    for name, value in net.state_dict().items():
        if name.endswith(("norm.weight", "running_var")):
            fresh = random.uniform(0.5, 1.5, value.shape)
        elif value.ndim:
            fresh = random.uniform(-0.9, 0.9, value.shape)
        else:  # the number of batches
            continue
        value.copy_(mg.from_numpy(fresh))
    return net


def numbers(seed, *shape):
    return np.random.RandomState(seed).uniform(-1, 1, shape)


def tensor(seed, *shape):
    return mg.tensor(numbers(seed, *shape), requires_grad=True)


# ------------------------------------------------------------------------------------------------
# The papers' formulas once more, in plain NumPy
# ------------------------------------------------------------------------------------------------


class Transcription:
    """A forward pass in loops over time, from a state dict alone."""

    def __init__(self, net, states):
        self.weights = {name: value.numpy() for name, value in net.state_dict().items()}
        self.training = net.training
        self.states = list(states)
        self.ends = []

    def linear(self, name, x):
        return x @ self.weights[f"{name}.weight"].T

    def recurrent(self, name, x):
        w = {
            key.removeprefix(f"{name}."): value
            for key, value in self.weights.items()
            if key.startswith(f"{name}.")
        }
        if self.training:
            mean, var = x.mean(axis=(0, 1)), x.var(axis=(0, 1))
        else:
            mean, var = w["norm.running_mean"], w["norm.running_var"]
        x = (x - mean) / np.sqrt(var + 1e-5) * w["norm.weight"] + w["norm.bias"]
        h, outputs = self.states.pop(0), []
        for x_t in x:
            h = np.maximum(0, x_t + w["weight_hh"] * h)
            outputs.append(h)
        self.ends.append(h)
        return np.stack(outputs)

    def residual(self, x):
        x = self.linear("first", x)
        for b in range(2):
            y = self.recurrent(f"blocks.{b}.recurrent_1", x)
            y = self.recurrent(f"blocks.{b}.recurrent_2", self.linear(f"blocks.{b}.linear_1", y))
            x = x + self.linear(f"blocks.{b}.linear_2", y)
        return self.recurrent("last", x)

    def stage(self, name, x):
        return self.recurrent(f"{name}.recurrent", self.linear(f"{name}.linear", x))

    def dense(self, x):
        x = self.stage("first", x)
        for b, layers in enumerate((2, 1)):
            for k in range(layers):
                y = self.stage(f"blocks.{b}.{k}.narrow", x)
                x = np.concatenate([x, self.stage(f"blocks.{b}.{k}.grow", y)], axis=2)
            x = self.stage(f"transitions.{b}", x)
        return x


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("make", NETWORKS)
def test_equals_a_plain_transcription(make, training, level):
    net = stirred(make).train(training)
    x = numbers(1, 7, 3, 3)
    starts = [np.abs(numbers(2 + k, 3, size)) for k, size in enumerate(net.state_sizes)]
    plain = Transcription(net, starts)
    expected = getattr(plain, make.__name__)(x)
    output, ends = net(mg.tensor(x), [mg.tensor(h) for h in starts])
    np.testing.assert_allclose(output.detach().numpy(), expected, 0, 1e-12)
    assert np.count_nonzero(expected) > expected.size / 10
    assert isinstance(ends, tuple)
    assert len(ends) == len(starts) == len(plain.ends)
    for end, plain_end in zip(ends, plain.ends, strict=True):
        np.testing.assert_allclose(end.detach().numpy(), plain_end, 0, 1e-12)


@pytest.mark.parametrize("make", NETWORKS)
def test_without_states_it_starts_from_zeros(make, level):
    net = stirred(make)
    x = tensor(1, 4, 2, 3)
    zeros = [mg.zeros(2, size, dtype=mg.float64) for size in net.state_sizes]
    assert mg.equal(net(x)[0], net(x, zeros)[0])


# ------------------------------------------------------------------------------------------------
# Derivatives
# ------------------------------------------------------------------------------------------------

SMALL = {residual: {"num_blocks": 1}, dense: {"blocks": (1,), "first_size": 3, "bottleneck": 2}}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("make", NETWORKS)
def test_gradients(make, training, level):
    net = stirred(make).train(training)
    starts = [tensor(3 + k, 2, size) for k, size in enumerate(net.state_sizes)]
    parameters = list(net.parameters())

    def run(x, *others):
        output, ends = net(x, others[: len(starts)])
        return output, *ends

    written = level == "reference"  # the step itself, made of operations that are checked elsewhere
    assert gradcheck(run, (tensor(2, 4, 2, 3), *starts, *parameters), fast_mode=written)


# At every level these are the derivatives of the reference, so one level is enough.
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("make", NETWORKS)
def test_second_derivatives(make, training):
    net = stirred(make, **SMALL[make]).train(training)
    starts = [tensor(3 + k, 2, size) for k, size in enumerate(net.state_sizes)]
    parameters = [p for name, p in net.named_parameters() if "norm" not in name]

    def run(x, *others):
        output, ends = net(x, others[: len(starts)])
        return output, ends[0]

    assert gradgradcheck(run, (tensor(2, 3, 2, 3), *starts, *parameters))


@pytest.mark.parametrize("make", NETWORKS)
def test_every_parameter_gets_a_gradient(make):
    net = stirred(make)
    net(tensor(1, 6, 3, 3))[0].square().sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


# ------------------------------------------------------------------------------------------------
# Depth
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [lambda **o: nn.ResidualIndRNN(4, 16, num_blocks=10, **o),
     lambda **o: nn.DenseIndRNN(4, growth=4, blocks=(6, 3), **o)],
    ids=["residual", "dense"],
)  # fmt: skip
def test_twenty_recurrent_layers_learn_to_remember(make):
    """The first of 20 steps has one of four symbols, the others have noise: which one was it?"""
    mg.manual_seed(0)
    net = make(steps=20, last_step_only=True)
    assert len(net.state_sizes) >= 20
    to_logits = nn.Linear(net.output_size, 4)
    optimizer = optim.Adam([*net.parameters(), *to_logits.parameters()], lr=0.003)
    losses = []
    for _ in range(60):
        symbol = mg.randint(0, 4, (32,))
        x = 0.3 * mg.randn(20, 32, 4)
        x[0] = nn.functional.one_hot(symbol, 4).float()
        net.clip_recurrent_weights_()
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(to_logits(net(x)[0][-1]), symbol)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[:5]) > 1.2  # log 4 = 1.39 is guessing
    assert np.mean(losses[-5:]) < 0.4


# ------------------------------------------------------------------------------------------------
# Layouts, states
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", NETWORKS)
def test_batch_first_is_another_layout(make):
    x = numbers(1, 5, 2, 3)
    output, ends = stirred(make)(mg.tensor(x))
    other, other_ends = stirred(make, batch_first=True)(mg.tensor(x).transpose(0, 1))
    assert mg.equal(output.transpose(0, 1), other)
    assert all(mg.equal(a, b) for a, b in zip(ends, other_ends, strict=True))


@pytest.mark.parametrize("make", NETWORKS)
@pytest.mark.parametrize("batch_first", [False, True])
def test_one_sequence_needs_no_batch_axis(make, batch_first):
    net = stirred(make, batch_first=batch_first)
    x = tensor(1, 5, 3)
    starts = [tensor(2, size) for size in net.state_sizes]
    axis = 0 if batch_first else 1
    output, ends = net(x, starts)
    batched, batched_ends = net(x.unsqueeze(axis), [h.unsqueeze(0) for h in starts])
    assert mg.equal(output, batched.squeeze(axis))
    assert [tuple(h.shape) for h in ends] == [(size,) for size in net.state_sizes]
    assert all(mg.equal(a, b[0]) for a, b in zip(ends, batched_ends, strict=True))


@pytest.mark.parametrize("make", NETWORKS)
def test_a_stream_in_two_parts_is_the_stream(make, level):
    net = stirred(make).eval()
    x = tensor(1, 9, 2, 3)
    output, ends = net(x)
    first, states = net(x[:4])
    second, last = net(x[4:], states)
    np.testing.assert_allclose(
        mg.cat([first, second]).detach().numpy(), output.detach().numpy(), 0, 1e-14
    )
    for a, b in zip(ends, last, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), 0, 1e-14)


def test_states_stand_in_the_order_of_running():
    assert residual().state_sizes == (4,) * 5
    net = dense()
    # first; (narrow, grow) twice; transition 9 -> 4; (narrow, grow); transition 6 -> 3
    assert net.state_sizes == (5, 6, 2, 6, 2, 4, 6, 2, 3)
    assert [h.shape[1] for h in net(tensor(1, 4, 2, 3))[1]] == list(net.state_sizes)
    assert (residual().output_size, net.output_size) == (4, 3)


# ------------------------------------------------------------------------------------------------
# Sequences of different lengths
# ------------------------------------------------------------------------------------------------

LENGTHS = [3, 0, 5, 1, 3]


def batch_of(net, seed=1, steps=6):
    """A padded batch, and initial states."""
    states = [
        tensor(seed + 1 + k, len(LENGTHS), size).abs().detach().requires_grad_()
        for k, size in enumerate(net.state_sizes)
    ]
    return tensor(seed, steps, len(LENGTHS), 3), states


@pytest.mark.parametrize("make", NETWORKS)
def test_each_sequence_runs_as_if_it_were_alone(make, level):
    net = stirred(make).eval()
    x, states = batch_of(net)
    output, ends = net(x, states, lengths=LENGTHS)
    assert output.shape == (6, 5, net.output_size)
    for n, length in enumerate(LENGTHS):
        assert not output[length:, n].any()
        own = [h[n] for h in states]
        if length:
            alone, own = net(x[:length, n], own)
            np.testing.assert_allclose(output[:length, n].detach(), alone.detach(), 0, 1e-13)
        for end, other in zip(ends, own, strict=True):
            np.testing.assert_allclose(end[n].detach(), other.detach(), 0, 1e-13)


@pytest.mark.parametrize("make", NETWORKS)
def test_padding_is_no_sample(make):
    """The averages are over the steps that there are: as over one sequence of all of them."""
    net = stirred(make)
    x, _ = batch_of(net)
    real = [x[:length, n] for n, length in enumerate(LENGTHS)]
    first = next(part for part in net.modules() if isinstance(part, nn.BatchNorm1d))
    before = first.running_mean.clone()
    net(x, lengths=LENGTHS)
    inputs = net.first.weight if make is residual else net.first.linear.weight
    mean = (mg.cat(real) @ inputs.T).mean(0)
    np.testing.assert_allclose(first.running_mean, (0.9 * before + 0.1 * mean).detach(), 0, 1e-13)
    garbage = x.detach().clone()
    for n, length in enumerate(LENGTHS):
        garbage[length:, n] = float("nan")
    for a, b in zip(net(x, lengths=LENGTHS)[1], net(garbage, lengths=LENGTHS)[1], strict=True):
        assert mg.equal(a, b)


@pytest.mark.parametrize("options", [{}, {"batch_first": True}, {"dropout": 0.5}])
@pytest.mark.parametrize("make", NETWORKS)
def test_full_lengths_are_none(make, options, level):
    results = []
    for lengths in (None, [6] * 5):
        net = stirred(make, **options)
        x, states = batch_of(net)
        mg.manual_seed(3)
        given = x.transpose(0, 1) if options.get("batch_first") else x
        output, ends = net(given, states, lengths=lengths)
        grads = mg.autograd.grad(output.square().sum(), [x, *states, *net.parameters()])
        results.append([output, *ends, *grads])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a.detach(), b.detach(), 0, 1e-12)


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("make", NETWORKS)
def test_packed_sequences(make, batch_first):
    net = stirred(make, batch_first=batch_first)
    x, states = batch_of(net)
    lengths = [3, 2, 5, 1, 3]
    x = x[:5].transpose(0, 1) if batch_first else x[:5]
    expected, ends = net(x, states, lengths=lengths)
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first, enforce_sorted=False)
    output, others = net(packed, states)
    assert type(output) is nn.utils.rnn.PackedSequence
    padded, _ = nn.utils.rnn.pad_packed_sequence(output, batch_first)
    np.testing.assert_allclose(padded.detach(), expected.detach(), 0, 1e-13)
    for a, b in zip(ends, others, strict=True):
        np.testing.assert_allclose(a.detach(), b.detach(), 0, 1e-13)
    sorted_ = nn.utils.rnn.pack_sequence([x[0], x[1]] if batch_first else [x[:, 0], x[:, 1]])
    assert net(sorted_)[0].sorted_indices is None
    with pytest.raises(ValueError, match="its own lengths"):
        net(packed, lengths=lengths)


@pytest.mark.parametrize("make", NETWORKS)
def test_dropout_masks_are_one_for_each_sequence(make):
    net = make(dropout=0.5)
    mg.manual_seed(0)
    ones = mg.ones(6, 40, 3, dtype=mg.float64)
    lengths = [6, 3] * 20
    output, _ = net(ones * mg.rand(6, 40, 3, dtype=mg.float64), lengths=lengths)
    for n, length in enumerate(lengths):
        kept = output[:length, n] > 0  # (L, C): 0 also where the unit itself is
        assert bool((kept.any(0) | (output[:length, n] == 0).all(0)).all())
    never = (output == 0).all(0)[::2].float().mean()
    assert 0.3 < never < 0.8
    assert not make(dropout=1.0)(ones, lengths=lengths)[0].any()


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("make", NETWORKS)
def test_derivatives_with_lengths(make, training):
    net = stirred(make, **SMALL[make]).train(training)
    lengths = [2, 0, 3]
    starts = [tensor(3 + k, 3, size) for k, size in enumerate(net.state_sizes)]

    def run(x, *others):
        output, ends = net(x, others[: len(starts)], lengths=lengths)
        return output, *ends

    inputs = (tensor(2, 3, 3, 3), *starts)
    assert gradcheck(run, (*inputs, *net.parameters()))
    parameters = [p for name, p in net.named_parameters() if "norm" not in name]
    assert gradgradcheck(lambda *given: run(*given)[:2], (*inputs, *parameters), fast_mode=True)


@pytest.mark.parametrize("make", NETWORKS)
def test_odd_lengths(make):
    net = stirred(make).eval()
    x, states = batch_of(net)
    output, ends = net(x, states, lengths=[0] * 5)
    assert not output.any()
    assert all(mg.equal(a, b) for a, b in zip(ends, states, strict=True))
    assert not any(h.any() for h in net(x, lengths=[0] * 5)[1])
    assert mg.equal(net(x[:, 0], lengths=[2])[0][:2], net(x[:2, 0])[0])
    assert mg.equal(net(x, lengths=mg.tensor(LENGTHS))[0], net(x, lengths=LENGTHS)[0])
    with pytest.raises(RuntimeError, match=r"lengths\[1\] = 7.*6 steps.*input has shape"):
        net(x, lengths=[1, 7, 1, 1, 1])
    with pytest.raises(RuntimeError, match=r"got 2 \(batch_size=5\)"):
        net(x, lengths=[1, 1])
    with pytest.raises(TypeError, match="should hold integers"):
        net(x, lengths=[1.0] * 5)
    with pytest.raises(ValueError, match="more than 1 value per channel when training"):
        net.train()(x, lengths=[0, 0, 1, 0, 0])


@pytest.mark.parametrize("make", NETWORKS)
def test_wrong_states_are_named(make):
    net = make()
    x = tensor(1, 4, 2, 3)
    good = [mg.zeros(2, size, dtype=mg.float64) for size in net.state_sizes]
    with pytest.raises(TypeError, match=r"states must be a tuple of \d tensors.*not Tensor"):
        net(x, good[0])
    with pytest.raises(RuntimeError, match=rf"Expected {len(good)} states.*got {len(good) - 1}"):
        net(x, good[1:])
    with pytest.raises(TypeError, match=r"states\[1\] must be a Tensor, not list"):
        net(x, [good[0], [0.0], *good[2:]])
    with pytest.raises(RuntimeError, match=r"states\[0\] size \(2, .\), got \[3, .\].*\[4, 2, 3\]"):
        net(x, [mg.zeros(3, net.state_sizes[0], dtype=mg.float64), *good[1:]])
    with pytest.raises(RuntimeError, match=r"same dtype.*states\[0\]"):
        net(x, [good[0].float(), *good[1:]])


@pytest.mark.parametrize("make", NETWORKS)
def test_wrong_inputs_are_refused(make):
    net = make()
    with pytest.raises(RuntimeError, match=r"Expected 3, got 5.*L=4, N=2, H_in=5"):
        net(tensor(1, 4, 2, 5))
    with pytest.raises(ValueError, match="Expected input to be 2D or 3D, got 1D"):
        net(tensor(1, 3))
    with pytest.raises(ValueError, match="dtype"):
        net(tensor(1, 4, 2, 3).float())
    with pytest.raises(ValueError, match="more than 1 value per channel when training"):
        net(tensor(1, 1, 1, 3))
    assert net.eval()(tensor(1, 1, 1, 3))[0].shape == (1, 1, net.output_size)


# ------------------------------------------------------------------------------------------------
# Options
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", NETWORKS)
def test_dropout_masks_are_shared_over_time(make):
    mg.manual_seed(0)
    net = make(dropout=0.5)
    ones = mg.ones(6, 40, 3, dtype=mg.float64)
    masks = []
    for part in net.modules():
        if isinstance(part, nn.LockedDropout):
            part.register_forward_hook(
                lambda _, given, got: masks.append(np.where(given[0] > 0, got > 0, True))
            )
    net(ones * mg.rand(6, 40, 3, dtype=mg.float64))
    assert len(masks) == len(net.state_sizes)
    for mask in masks:
        dropped = ~mask.all(axis=0)  # (N, C): where anything was dropped
        assert 0.2 < dropped.mean() < 0.6
        assert (~mask | ~dropped).all(axis=0).any()
    x = tensor(1, 6, 2, 3)
    plain = make()
    plain.load_state_dict(net.state_dict())
    assert mg.equal(net.eval()(x)[0], plain.eval()(x)[0])


@pytest.mark.parametrize("make", NETWORKS)
def test_everything_is_dropped_by_probability_one(make):
    assert not make(dropout=1.0)(tensor(1, 5, 2, 3))[0].any()


def recurrent_weights(net):
    return {name: p.detach().numpy() for name, p in net.named_parameters() if "weight_hh" in name}


@pytest.mark.parametrize(
    ("make", "last"),
    [(lambda **o: nn.ResidualIndRNN(3, 100, 2, **o), "last.weight_hh"),
     (lambda **o: nn.DenseIndRNN(3, 20, (2, 2), **o), "transitions.1.recurrent.weight_hh")],
    ids=["residual", "dense"],
)  # fmt: skip
def test_initial_values(make, last):
    mg.manual_seed(0)
    bound = 2 ** (1 / 10)
    net = make(steps=10, last_step_only=True)
    weights = recurrent_weights(net)
    for name, u in weights.items():
        low = 1 / bound if name == last else 0.0
        assert u.min() >= low
        assert u.max() <= bound
        assert u.max() - u.min() > 0.7 * (bound - low)
    assert recurrent_weights(make(steps=10))[last].min() < 0.5
    assert 0.9 < recurrent_weights(make(steps=None))[last].max() <= 1
    assert 2.5 < recurrent_weights(make(steps=1, magnitude=3.0))[last].max() <= 3
    for name, p in net.named_parameters():
        if "linear" in name or name == "first.weight":
            limit = np.sqrt(6 / 65 / p.shape[1])  # kaiming_uniform_(a=8)
            assert 0.9 * limit < p.abs().max() <= limit
        assert not name.endswith("bias") or "norm" in name
        if "norm" in name:
            assert bool((p == (1 if name.endswith("weight") else 0)).all())
    before = copy.deepcopy(net.state_dict())
    mg.manual_seed(1)
    net.reset_parameters()
    after = net.state_dict()
    drawn = [n for n in after if "linear" in n or n.endswith("weight_hh")]
    assert drawn
    assert not any(mg.equal(before[name], after[name]) for name in drawn)


@pytest.mark.parametrize(
    ("scene", "error", "words"),
    [(lambda: nn.ResidualIndRNN(0, 4, 2), ValueError, "input_size must be greater than zero"),
     (lambda: nn.ResidualIndRNN(3, 4.0, 2), TypeError, "hidden_size should be of type int"),
     (lambda: nn.ResidualIndRNN(3, 4, 0), ValueError, "num_blocks must be greater than zero"),
     (lambda: nn.ResidualIndRNN(3, 4, 2, steps=0), ValueError, "steps must be positive"),
     (lambda: nn.ResidualIndRNN(3, 4, 2, magnitude=0), ValueError, "magnitude must be positive"),
     (lambda: nn.ResidualIndRNN(3, 4, 2, dropout=2), ValueError, "dropout probability"),
     (lambda: nn.DenseIndRNN(3, blocks=()), ValueError, "at least one block"),
     (lambda: nn.DenseIndRNN(3, blocks=(2, 0)), ValueError, r"blocks\[1\] must be greater"),
     (lambda: nn.DenseIndRNN(3, growth=-1), ValueError, "growth must be greater than zero"),
     (lambda: nn.DenseIndRNN(3, bottleneck="4"), TypeError, "bottleneck should be of type int")],
)  # fmt: skip
def test_wrong_options_are_refused(scene, error, words):
    with pytest.raises(error, match=words):
        scene()


@pytest.mark.parametrize("make", NETWORKS)
def test_copies_and_pickles_are_equal(make):
    net = stirred(make).eval()
    x = tensor(1, 5, 2, 3)
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert mg.equal(other(x)[0], net(x)[0])
        assert other.state_sizes == net.state_sizes


def test_types():
    net = nn.ResidualIndRNN(3, 4, 1)
    assert net(mg.randn(5, 2, 3))[0].dtype == mg.float32
    assert net.double()(mg.randn(5, 2, 3, dtype=mg.float64))[0].dtype == mg.float64


# ------------------------------------------------------------------------------------------------
# clip_recurrent_weights_
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", NETWORKS)
def test_a_network_clips_all_of_its_recurrent_weights(make):
    net = make(steps=10)
    for weight in net.parameters():
        weight.detach().mul_(0).add_(-7)
    net.clip_recurrent_weights_()
    bound = 2 ** (1 / 10)
    weights = recurrent_weights(net)
    assert len(weights) == len(net.state_sizes)
    assert all((u == -bound).all() for u in weights.values())
    others = [p for name, p in net.named_parameters() if name not in weights]
    assert all(bool((p == -7).all()) for p in others)
    net.clip_recurrent_weights_(0.5)
    assert all((u == -0.5).all() for u in recurrent_weights(net).values())


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(
            [nn.IndRNN(3, 4, num_layers=2, bidirectional=True, steps=3), nn.LSTM(8, 4)]
        )
        self.parts = nn.ModuleDict({"cell": nn.IndRNNCell(4, 4, steps=5), "deep": residual()})


def test_a_model_is_searched_for_indrnns():
    model = Model()
    for weight in model.parameters():
        weight.detach().mul_(0).add_(5)
    weights = recurrent_weights(model)
    lstm = weights.pop("layers.1.weight_hh_l0")
    assert len(weights) == 4 + 1 + 5
    assert nn.utils.clip_recurrent_weights_(model) is None
    for name, u in weights.items():
        limit = 2 ** (1 / 3) if "layers.0" in name else 2 ** (1 / 5) if "cell" in name else 1.0
        np.testing.assert_array_equal(u, np.asarray(limit, u.dtype), err_msg=name)
    assert (lstm == 5).all()
    nn.utils.clip_recurrent_weights_(model, 0.25)
    assert all((u == 0.25).all() for u in weights.values())
    nn.utils.clip_recurrent_weights_(model, 0)
    assert not any(u.any() for u in weights.values())
    nn.utils.clip_recurrent_weights_(nn.IndRNNCell(2, 2))  # a module that is itself one


def test_clipping_is_not_recorded():
    layer = nn.IndRNN(3, 4)
    nn.utils.clip_recurrent_weights_(layer, 0.1)
    assert layer.weight_hh_l0.is_leaf
    assert layer.weight_hh_l0.requires_grad
    layer(mg.randn(5, 2, 3))[0].sum().backward()
    assert layer.weight_hh_l0.grad is not None


@pytest.mark.parametrize("bound", [-0.1, float("nan")])
def test_a_bound_is_not_negative(bound):
    with pytest.raises(ValueError, match="bound must be at least 0, got"):
        nn.utils.clip_recurrent_weights_(nn.IndRNN(3, 4), bound)


@pytest.mark.parametrize("form", ["dense", "lengths", "packed", "batch_first", "alone"])
@pytest.mark.parametrize("make", [
    lambda **o: nn.ResidualIndRNN(3, 5, 2, dtype=mg.float64, **o),
    lambda **o: nn.DenseIndRNN(3, 2, (2, 1), dtype=mg.float64, **o),
])  # fmt: skip
def test_a_trace_has_the_states_of_all_recurrences(make, form):
    mg.manual_seed(0)
    net = make(batch_first=form == "batch_first")
    shape = {"alone": (4, 3), "batch_first": (2, 4, 3)}.get(form, (4, 2, 3))
    x = mg.randn(shape, dtype=mg.float64)
    options = {"lengths": [2, 4]} if form == "lengths" else {}
    if form == "packed":
        x = nn.utils.rnn.pack_padded_sequence(x, [2, 4], enforce_sorted=False)
    found = []

    def keep(module, args, output):
        output.retain_grad()
        found.append(output)

    handles = [part.register_forward_hook(keep) for part in net._recurrents()]
    expected, expected_ends = net(x, **options)
    for handle in handles:
        handle.remove()
    output, ends, trace = net.trace(x, **options)
    assert len(trace) == len(ends) == len(found)
    for a, b in zip((expected, *expected_ends), (output, *ends)):
        a, b = [getattr(y, "data", y) if form == "packed" else y for y in (a, b)]
        np.testing.assert_allclose(b.detach().numpy(), a.detach().numpy(), 1e-12)
    for y in (expected, output):
        (y.data if form == "packed" else y).square().sum().backward()
    for part, layer, h in zip(net._recurrents(), trace, found):
        if form in ("lengths", "packed"):  # rows to (L, N, C), as the trace has them
            sizes = mg.tensor([2, 2, 1, 1])
            order, back = mg.tensor([1, 0]), mg.tensor([1, 0])
            unpacked = [
                nn.utils.rnn.pad_packed_sequence(
                    nn.utils.rnn.PackedSequence(y, sizes, order, back)
                )[0].numpy()
                for y in (h.detach(), h.grad)
            ]
        else:
            unpacked = [h.detach().numpy(), h.grad.numpy()]
        states, total = unpacked[0], unpacked[1].copy()
        for t in reversed(range(3)):  # what reaches a state through the next one
            total[t] += part.weight_hh.detach().numpy() * (states[t + 1] > 0) * total[t + 1]
        seen = layer.hidden
        if form == "batch_first":
            states, total = states.swapaxes(0, 1), total.swapaxes(0, 1)
        elif form == "alone":
            states, total = states[:, 0], total[:, 0]
        np.testing.assert_allclose(seen.detach().numpy(), states, 1e-12)
        np.testing.assert_allclose(seen.grad.numpy(), total, 1e-9, 1e-14)
