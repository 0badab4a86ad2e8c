"""LazyLinear, beyond what ``tests/scripts/lazy_linear.py`` compares with PyTorch."""

import io

import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn.lazy import UninitializedParameter


def test_a_half_loaded_layer_says_so():
    layer = nn.LazyLinear(3)
    layer.load_state_dict({"weight": mg.ones(3, 4)}, strict=False)
    with pytest.raises(RuntimeError, match="only one of weight and bias was loaded"):
        layer(mg.ones(1, 4))
    assert type(layer) is nn.LazyLinear


def test_the_error_of_another_size_names_both():
    layer = nn.LazyLinear(3)
    layer.load_state_dict(nn.Linear(4, 3).state_dict())
    with pytest.raises(AssertionError, match=r"input: 5 is not equal to .* self.weight: 4"):
        layer(mg.ones(1, 5))


@pytest.mark.parametrize("bias", [True, False])
def test_frozen_before_the_first_call_is_frozen_after(bias):
    layer = nn.LazyLinear(3, bias=bias).requires_grad_(False)
    y = layer(mg.ones(1, 2))
    assert not y.requires_grad
    assert not any(p.requires_grad for p in layer.parameters())
    assert len(list(layer.parameters())) == 1 + bias


@pytest.mark.parametrize("change", [nn.Module.double, lambda m: m.to(mg.float64)])
def test_dtype_can_change_before_the_first_call(change):
    layer = change(nn.LazyLinear(3))
    assert isinstance(layer.weight, UninitializedParameter)
    assert layer.weight.dtype is layer.bias.dtype is mg.float64
    assert layer(mg.ones(1, 2, dtype=mg.float64)).dtype is mg.float64
    assert layer.float().weight.dtype is mg.float32


def test_it_becomes_a_linear_with_linears_numbers():
    mg.manual_seed(0)
    linear = nn.Linear(5, 3)
    mg.manual_seed(0)
    lazy = nn.LazyLinear(3)
    x = mg.randn(2, 5, generator=mg.Generator().manual_seed(1))
    assert mg.equal(lazy(x), linear(x))
    assert mg.equal(lazy.weight, linear.weight)
    assert mg.equal(lazy.bias, linear.bias)


def test_a_state_dict_without_values_survives_a_file():
    file = io.BytesIO()
    mg.save(nn.LazyLinear(3).double().state_dict(), file)
    file.seek(0)
    with mg.serialization.safe_globals([UninitializedParameter]):
        loaded = mg.load(file)
    assert [type(value) for value in loaded.values()] == [UninitializedParameter] * 2
    assert loaded["weight"].dtype is mg.float64


def test_subclasses_become_what_they_say():
    class Bounded(nn.Linear):
        def forward(self, input):
            return super().forward(input).clamp(-1, 1)

    class LazyBounded(nn.LazyLinear):
        cls_to_become = Bounded

    layer = LazyBounded(3)
    assert layer(100 * mg.ones(1, 2)).abs().max() <= 1
    assert type(layer) is Bounded


@pytest.mark.parametrize("kind", [nn.LazyConv1d, nn.LazyConvTranspose1d])
def test_convolutions_get_the_numbers_of_those_that_they_become(kind):
    mg.manual_seed(0)
    plain = kind.cls_to_become(6, 4, 3, stride=2, groups=2)
    mg.manual_seed(0)
    lazy = kind(4, 3, stride=2, groups=2)
    x = mg.randn(2, 6, 5, generator=mg.Generator().manual_seed(1))
    assert mg.equal(lazy(x), plain(x))
    assert mg.equal(lazy.weight, plain.weight)
    assert type(lazy) is kind.cls_to_become
    assert lazy.in_channels == 6


@pytest.mark.parametrize("kind", [nn.LazyConv1d, nn.LazyConvTranspose1d])
def test_convolutions_that_were_loaded_keep_what_they_have(kind):
    given = kind.cls_to_become(6, 4, 3, groups=2).state_dict()
    lazy = kind(4, 3, groups=2)
    lazy.load_state_dict(given)
    with pytest.raises(AssertionError, match=r"input: 8 is not equal to .* self.weight: 6"):
        lazy(mg.ones(1, 8, 5))
    lazy(mg.ones(1, 6, 5))
    assert mg.equal(lazy.weight, given["weight"])
    assert lazy.in_channels == 6


def test_convolutions_refuse_what_does_not_fit():
    with pytest.raises(RuntimeError, match=r"2D .* or 3D .* to LazyConv1d, .* size: \[3\]"):
        nn.LazyConv1d(4, 3)(mg.ones(3))
    with pytest.raises(ValueError, match=r"divisible by groups: 5 by 2"):
        nn.LazyConv1d(4, 3, groups=2)(mg.ones(5, 7))
