"""JANET and IndRNN against a transcription of their papers into NumPy, backward pass included; and
the initial values that minigrad adds to PyTorch's: forget bias, chrono, those of IndRNN."""

import math

import numpy as np
import pytest
import recurrences as family

import minigrad as mg
from minigrad import nn

leaf = family.leaf

OWN = ("janet", "indrnn_relu", "indrnn_tanh")

# ------------------------------------------------------------------------------------------------
# The papers' equations, and their derivatives, by hand
# ------------------------------------------------------------------------------------------------


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def janet_by_hand(x, h_0, w, u, b_x, b_h):
    """arXiv 1804.04849: x (T, N, I) to all states, and a function from their gradient to others.

    s = W_s x + U_s h + b_s;  c = sigmoid(s) c + (1 - sigmoid(s - 1)) tanh(W_c x + U_c h + b_c)
    """
    units = h_0.shape[1]
    states, kept = [h_0], []
    for x_t in x:
        h = states[-1]
        pre = x_t @ w.T + b_x + h @ u.T + b_h
        s, candidate = pre[:, :units], np.tanh(pre[:, units:])
        forget, ignored = sigmoid(s), sigmoid(s - 1)
        states.append(forget * h + (1 - ignored) * candidate)
        kept.append((forget, ignored, candidate))

    def backward(d_output):
        d_x, d_w, d_u, d_b = (
            np.zeros_like(x),
            np.zeros_like(w),
            np.zeros_like(u),
            np.zeros_like(b_x),
        )
        d_h = np.zeros_like(h_0)
        for t in reversed(range(len(x))):
            (forget, ignored, candidate), h = kept[t], states[t]
            d_h = d_h + d_output[t]
            d_s = d_h * (h * forget * (1 - forget) - candidate * ignored * (1 - ignored))
            d_candidate = d_h * (1 - ignored) * (1 - candidate**2)
            d_pre = np.concatenate([d_s, d_candidate], 1)
            d_h = d_h * forget + d_pre @ u
            d_x[t] = d_pre @ w
            d_w += d_pre.T @ x[t]
            d_u += d_pre.T @ h
            d_b += d_pre.sum(0)
        return d_x, d_h, [d_w, d_u, d_b, d_b]

    return np.array(states[1:]), backward


def indrnn_by_hand(act, slope):
    """arXiv 1803.04831: h = act(W x + u * h + b), slope(h) = act' where act gave h."""

    def run(x, h_0, w, u, b):
        states = [h_0]
        for x_t in x:
            states.append(act(x_t @ w.T + u * states[-1] + b))

        def backward(d_output):
            d_x, d_w, d_u, d_b = (
                np.zeros_like(x),
                np.zeros_like(w),
                np.zeros_like(u),
                np.zeros_like(b),
            )
            d_h = np.zeros_like(h_0)
            for t in reversed(range(len(x))):
                d_pre = (d_h + d_output[t]) * slope(states[t + 1])
                d_x[t], d_h = d_pre @ w, d_pre * u
                d_w += d_pre.T @ x[t]
                d_u += (d_pre * states[t]).sum(0)
                d_b += d_pre.sum(0)
            return d_x, d_h, [d_w, d_u, d_b]

        return np.array(states[1:]), backward

    return run


BY_HAND = {
    "janet": janet_by_hand,
    "indrnn_relu": indrnn_by_hand(lambda a: np.maximum(a, 0), lambda h: (h > 0) * 1.0),
    "indrnn_tanh": indrnn_by_hand(np.tanh, lambda h: 1 - h * h),
}


def stack_by_hand(kind, x, h_0, weights, directions, d_output, d_h_n):
    """Layers of one or two directions: output, h_n, the gradients of x, h_0 and each weight."""
    run, backwards, ends = BY_HAND[kind], [], []
    for k, own in enumerate(weights):
        turn = slice(None, None, -1 if k % directions else 1)
        if k % directions == 0:
            source, outputs = x, []
        states, backward = run(source[turn], h_0[k], *own)
        outputs.append(states[turn])
        ends.append(states[-1])
        backwards.append((turn, backward))
        if k % directions == directions - 1:
            x = np.concatenate(outputs, 2)
    units = h_0.shape[2]
    above, d_h_0, d_weights, d_x = d_output, [], [], 0
    for k in reversed(range(len(weights))):
        turn, backward = backwards[k]
        place = k % directions
        d_states = above[:, :, place * units : (place + 1) * units][turn].copy()
        d_states[-1] += d_h_n[k]  # the state after the last step that ran
        d_source, d_first, d_own = backward(d_states)
        d_x = d_x + d_source[turn]
        d_h_0.insert(0, d_first)
        d_weights[:0] = d_own
        if place == 0:
            above, d_x = d_x, 0
    return [x, np.array(ends), above, np.array(d_h_0), *d_weights]


def arrays(tensors):
    return [t.detach().numpy().copy() for t in tensors]


@pytest.mark.parametrize("kind", OWN)
def test_layers_equal_the_papers_equations(kind, level):
    """Values and gradients, in one layer and in two, in one direction and in two."""
    for layers, both_ways in ((1, False), (1, True), (2, False), (2, True)):
        layer = family.layer(kind, 3, 5, num_layers=layers, bidirectional=both_ways)
        x, (h_0,) = leaf(1, 6, 2, 3), family.start(layer, 2)
        output, h_n = layer(x, h_0)
        d_output, d_h_n = [
            family.facts.numbers(8 + k, *y.shape) for k, y in enumerate((output, h_n))
        ]
        mg.autograd.backward([output, h_n], [mg.tensor(d_output), mg.tensor(d_h_n)])
        got = [*arrays([output, h_n]), *arrays([v.grad for v in (x, h_0, *layer.parameters())])]
        weights = [arrays(own) for own in layer.all_weights]
        expected = stack_by_hand(
            kind, *arrays([x, h_0]), weights, 1 + both_ways, d_output, d_h_n
        )  # fmt: skip
        for k, (a, b) in enumerate(zip(got, expected, strict=True)):
            np.testing.assert_allclose(a, b, 1e-9, 1e-11, err_msg=f"{k}: {layers}, {both_ways}")


@pytest.mark.parametrize("kind", OWN)
def test_cells_equal_the_papers_equations(kind, level):
    for rows in ((2,), ()):
        cell = family.cell(kind, 3, 5)
        x, (h_0,) = leaf(1, *rows, 3), family.start(cell, *rows)
        h = cell(x, h_0)
        d_h = family.facts.numbers(8, *h.shape)
        h.backward(mg.tensor(d_h))
        states, backward = BY_HAND[kind](
            x.detach().numpy().reshape(1, -1, 3), h_0.detach().numpy().reshape(-1, 5),
            *arrays(cell.parameters()),
        )  # fmt: skip
        np.testing.assert_allclose(h.detach().numpy(), states[0].reshape(h.shape), 1e-12)
        d_x, d_h_0, d_weights = backward(d_h.reshape(1, -1, 5))
        np.testing.assert_allclose(x.grad.numpy(), d_x.reshape(x.shape), 1e-10, 1e-13)
        np.testing.assert_allclose(h_0.grad.numpy(), d_h_0.reshape(h_0.shape), 1e-10, 1e-13)
        for p, g in zip(cell.parameters(), d_weights, strict=True):
            np.testing.assert_allclose(p.grad.numpy(), g, 1e-10, 1e-13)


@pytest.mark.parametrize("kind", OWN)
def test_without_a_bias_it_is_zero(kind, level):
    layer = family.layer(kind, 3, 5, bias=False)
    x = leaf(1, 6, 2, 3)
    weights = arrays(layer.parameters())
    zeros = [np.zeros(len(weights[0]))] * (2 if kind == "janet" else 1)
    expected, _ = BY_HAND[kind](x.detach().numpy(), np.zeros((2, 5)), *weights, *zeros)
    np.testing.assert_allclose(layer(x)[0].detach().numpy(), expected, 1e-12, 1e-14)


def test_kernels_of_janet_keep_the_digits_of_a_shut_gate(level):
    """With s = 60, 1 - sigmoid(s - 1) is 2e-26; by subtraction it would be 0.

    The reference's sigmoid is one of tanh and good to 1e-16 of 1, not of its own size.
    """
    layer = nn.JANET(1, 1, dtype=mg.float64)
    values = ([[0.0], [1.0]], [[0.0], [0.0]], [60.0, 0.0], [0.0, 0.0])
    with mg.no_grad():
        for p, value in zip(layer.parameters(), values, strict=True):
            p.copy_(mg.tensor(value))
    got = layer(mg.full((1, 1, 1), 30.0, dtype=mg.float64))[0].item()
    if level == "reference":
        assert 0 <= got < 1e-16
    else:
        np.testing.assert_allclose(got, math.exp(-59.0), 1e-10)


# ------------------------------------------------------------------------------------------------
# Initial values: the bias of the forget gate
# ------------------------------------------------------------------------------------------------

FORGETFUL = (
    (
        nn.LSTM,
        {"num_layers": 3, "bidirectional": True},
        4,
        1,
    ),  # gates, and which is the forget gate
    (nn.LSTM, {"num_layers": 2, "proj_size": 2}, 4, 1),
    (nn.JANET, {"num_layers": 3, "bidirectional": True}, 2, 0),
    (nn.LSTMCell, {}, 4, 1),
    (nn.JANETCell, {}, 2, 0),
)
H = 200


def biases_of(module, gates):
    """For each layer and direction b_ih and b_hh, (gates, H) each."""
    named = {name: p.detach().numpy().reshape(gates, -1) for name, p in module.named_parameters()
             if name.startswith("bias")}  # fmt: skip
    return [(b, named[n.replace("_ih", "_hh")]) for n, b in named.items() if "_ih" in n]


@pytest.mark.parametrize(("cls", "options", "gates", "forget"), FORGETFUL)
def test_forget_bias_reaches_every_layer_and_direction(cls, options, gates, forget):
    for value in (0.0, 1.5, -2):
        mg.manual_seed(1)
        module = cls(3, H, forget_bias=value, **options)
        biases = biases_of(module, gates)
        assert len(biases) == options.get("num_layers", 1) * (1 + options.get("bidirectional", 0))
        for b_ih, b_hh in biases:
            assert np.all(b_ih[forget] == value)
            assert np.all(b_hh[forget] == 0)
        mg.manual_seed(1)
        plain = cls(3, H, **options)
        for (a, a_h), (b, b_h) in zip(biases, biases_of(plain, gates), strict=True):
            rest = [k for k in range(gates) if k != forget]
            np.testing.assert_array_equal(a[rest], b[rest])  # nothing else is touched
            np.testing.assert_array_equal(a_h[rest], b_h[rest])
        for name, p in plain.named_parameters():
            if name.startswith("weight"):
                np.testing.assert_array_equal(
                    p.detach(), dict(module.named_parameters())[name].detach()
                )


@pytest.mark.parametrize(("cls", "options", "gates", "forget"), FORGETFUL)
def test_chrono_reaches_every_layer_and_direction(cls, options, gates, forget):
    for longest in (2, 30.5, 784):
        mg.manual_seed(1)
        module = cls(3, H, chrono_t_max=longest, **options)
        draws = []
        for b_ih, b_hh in biases_of(module, gates):
            assert np.all(b_hh[forget] == 0)
            if gates == 4:
                np.testing.assert_array_equal(b_ih[0], -b_ih[1])
                assert np.all(b_hh[0] == 0)
                assert np.all(np.abs(b_ih[2:]) <= 1 / math.sqrt(H))
                assert b_ih[2:].std() > 0.5 / math.sqrt(H)
            else:
                assert not b_ih[1].any()
                assert not b_hh.any()
            draws.append(b_ih[forget])
        steps = np.exp(np.stack(draws).astype(float))  # U[1, T_max - 1]
        low, high = 1.0, longest - 1.0
        assert steps.min() >= low - 1e-5
        assert steps.max() <= high * (1 + 1e-5)
        if longest > 2:
            assert steps.min() < low + 0.1 * (high - low)
            assert steps.max() > high - 0.1 * (high - low)
            assert abs(steps.mean() - (low + high) / 2) < 0.1 * (high - low)
            assert len(np.unique(np.stack(draws))) > 0.9 * steps.size  # drawn for each place anew
        else:
            assert np.all(steps == 1.0)


def test_janet_starts_with_a_forget_bias_of_one():
    for cls, options in ((nn.JANET, {"num_layers": 2, "bidirectional": True}), (nn.JANETCell, {})):
        for b_ih, b_hh in biases_of(cls(3, 5, **options), 2):
            assert np.all(b_ih == [[1.0], [0.0]])
            assert not b_hh.any()
    module = nn.JANET(3, 64)
    for w in (module.weight_ih_l0, module.weight_hh_l0):
        assert 0.115 < w.abs().max().item() <= 1 / 8


def test_lstm_starts_as_pytorchs_if_nothing_is_asked_for():
    """What it draws then is compared with PyTorch in test_recurrent.py."""
    mg.manual_seed(1)
    ((b_ih, b_hh),) = biases_of(nn.LSTM(3, H), 4)
    for b in (b_ih, b_hh):
        assert 0.9 / math.sqrt(H) < np.abs(b).max(1).min() <= np.abs(b).max() <= 1 / math.sqrt(H)


@pytest.mark.parametrize("cls", [nn.LSTM, nn.JANET, nn.LSTMCell, nn.JANETCell])
def test_wrong_forget_biases(cls):
    for option in ({"forget_bias": 1.0}, {"chrono_t_max": 10}):
        with pytest.raises(ValueError, match="set a bias, which bias=False leaves out"):
            cls(3, 4, bias=False, **option)
    with pytest.raises(ValueError, match=r"give one, got forget_bias=1\.0 and chrono_t_max=10"):
        cls(3, 4, forget_bias=1.0, chrono_t_max=10)
    for wrong in (1.9, 1, 0, -5, math.nan):
        with pytest.raises(ValueError, match=r"chrono_t_max .* must be at least 2, got"):
            cls(3, 4, chrono_t_max=wrong)
    cls(3, 4, bias=False)


@pytest.mark.parametrize("cls", [nn.GRU, nn.RNN, nn.IndRNN, nn.GRUCell, nn.RNNCell])
def test_no_forget_gate_no_forget_bias(cls):
    for option in ({"forget_bias": 1.0}, {"chrono_t_max": 10}):
        with pytest.raises(TypeError, match=next(iter(option))):
            cls(3, 4, **option)


# ------------------------------------------------------------------------------------------------
# Initial values: IndRNN
# ------------------------------------------------------------------------------------------------


def test_indrnn_starts_as_its_paper_says():
    for steps, magnitude, bound in (
        (None, 2.0, 1.0),
        (1, 2.0, 2.0),
        (20, 2.0, 2 ** (1 / 20)),
        (5, 3.0, 3**0.2),
    ):
        options = {"steps": steps, "magnitude": magnitude}
        mg.manual_seed(1)
        layer = nn.IndRNN(50, H, 2, bidirectional=True, **options)
        cell = nn.IndRNNCell(50, H, **options)
        assert layer.recurrent_bound == cell.recurrent_bound == pytest.approx(bound, rel=1e-15)
        for module in (layer, cell):
            for name, p in module.named_parameters():
                values = p.detach().numpy()
                if name.startswith("weight_hh"):
                    assert 0 <= values.min() < 0.05 * bound
                    assert 0.95 * bound < values.max() <= bound
                    assert abs(values.mean() - bound / 2) < 0.1 * bound
                elif name.startswith("weight_ih"):
                    k = 1 / math.sqrt(values.shape[1])
                    assert 0.99 * k < np.abs(values).max() <= k
                    assert abs(values.mean()) < 0.02 * k
                else:
                    assert not values.any()


def test_last_step_only_concerns_the_last_layer():
    mg.manual_seed(1)
    layer = nn.IndRNN(3, H, 3, bidirectional=True, steps=10, last_step_only=True)
    bound = 2**0.1
    for name, p in layer.named_parameters():
        if name.startswith("weight_hh"):
            u = p.detach().numpy()
            low = 1 / bound if "_l2" in name else 0.0
            assert low <= u.min() < low + 0.1 * (bound - low)
            assert bound - 0.1 * (bound - low) < u.max() <= bound


def test_wrong_bounds():
    for cls in (nn.IndRNN, nn.IndRNNCell):
        for wrong in (0, -1.0, math.nan):
            with pytest.raises(ValueError, match="magnitude must be positive"):
                cls(3, 4, magnitude=wrong)
        for wrong in (0, -3):
            with pytest.raises(ValueError, match="steps must be positive"):
                cls(3, 4, steps=wrong)


def test_clipping_the_recurrent_weights():
    for cls, options in (
        (nn.IndRNN, {"num_layers": 2, "bidirectional": True}), (nn.IndRNNCell, {}),
    ):  # fmt: skip
        module = cls(3, 6, steps=4, magnitude=2.0, **options)
        own = {n: p for n, p in module.named_parameters() if n.startswith("weight_hh")}
        others = {
            n: p.detach().numpy().copy() for n, p in module.named_parameters() if n not in own
        }
        values = np.array([-3.0, -1.1, -0.2, 0.3, 1.15, 7.0], np.float32)
        for bound, given in ((2**0.25, ()), (0.5, (0.5,))):
            for p in own.values():
                p.data = mg.tensor(values)
            assert module.clip_recurrent_weights_(*given) is None
            for p in own.values():
                assert p.requires_grad
                assert p.is_leaf
                assert p.grad_fn is None
                np.testing.assert_allclose(p.detach(), np.clip(values, -bound, bound), 1e-7)
        for name, before in others.items():
            np.testing.assert_array_equal(dict(module.named_parameters())[name].detach(), before)
        x = leaf(1, 2, 2, 3, dtype="float32")
        family.run(module, x if cls is nn.IndRNN else x[0])[0].sum().backward()
        assert all(p.grad is not None for p in own.values())
        module.clip_recurrent_weights_()  # gradients stay
        assert all(p.grad is not None for p in own.values())


def test_clipping_between_forward_and_backward_raises(level):
    """It changes what the gradient needs, and says so."""
    for module, x in ((nn.IndRNN(3, 4), (5, 2, 3)), (nn.IndRNNCell(3, 4), (2, 3))):
        states = family.start(module, 2, dtype="float32")
        output = family.run(module, leaf(1, *x, dtype="float32"), states)[0]
        module.clip_recurrent_weights_()
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            output.sum().backward()


def test_reset_parameters_repeats_it_all():
    for make in (
        lambda: nn.LSTM(3, 4, 2, bidirectional=True),
        lambda: nn.LSTM(3, 4, 2, proj_size=2, forget_bias=1.0),
        lambda: nn.LSTM(3, 4, chrono_t_max=20),
        lambda: nn.GRU(3, 4, bias=False),
        lambda: nn.JANET(3, 4, 2),
        lambda: nn.JANET(3, 4, chrono_t_max=20),
        lambda: nn.IndRNN(3, 4, 2, bidirectional=True, steps=7, last_step_only=True),
        lambda: nn.IndRNN(3, 4, bias=False),
        lambda: nn.LSTMCell(3, 4, chrono_t_max=20),
        lambda: nn.LSTMCell(3, 4, bias=False),
        lambda: nn.JANETCell(3, 4, forget_bias=2.0),
        lambda: nn.IndRNNCell(3, 4, steps=3),
        lambda: nn.IndRNNCell(3, 4, bias=False),
        lambda: nn.RNNCell(3, 4),
        lambda: nn.GRUCell(3, 4),
    ):
        mg.manual_seed(7)
        module = make()
        fresh = arrays(module.parameters())
        after = mg.rand(2).numpy()
        with mg.no_grad():
            for p in module.parameters():
                p.fill_(0.123)
        mg.manual_seed(7)
        module.reset_parameters()
        for p, values in zip(module.parameters(), fresh, strict=True):
            np.testing.assert_array_equal(p.detach().numpy(), values)
            assert p.requires_grad
        np.testing.assert_array_equal(mg.rand(2).numpy(), after)
