"""What minigrad adds to PyTorch's initial values: forget bias, chrono, those of IndRNN; and the
digits of JANET's gates."""

import math

import numpy as np
import pytest
import recurrences as family

import minigrad as mg
from minigrad import nn

leaf = family.leaf


def arrays(tensors):
    return [t.detach().numpy().copy() for t in tensors]


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

FORGETFUL = (  # with the number of gates, and which is the forget gate
    (nn.LSTM, {"num_layers": 3, "bidirectional": True}, 4, 1),
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
