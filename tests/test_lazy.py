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
