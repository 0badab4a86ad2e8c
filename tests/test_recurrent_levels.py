"""Every level of the kernels computes what the reference computes, in values and all gradients, for
all recurrences, sizes and options, dense and ragged."""

import numpy as np
import pytest
import recurrences as family
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad import _kernels

pytestmark = pytest.mark.once  # goes over the levels itself

LEVELS = _kernels.available_levels()
RELATIVE = {"float32": 2e-5, "float64": 1e-12}  # to each array's largest value


def everything(level, dtype, layer, steps, batch, uses=(), hx=True, **options):
    """All that a layer computes at a level in a dtype: outputs, and gradients of everything.

    The parameters are those of `layer`, a float64 one. `uses` are the numbers of the outputs that
    the gradients are those of; none: all.
    """
    before = _kernels.level
    _kernels.set_level(level)
    try:
        kind = getattr(mg, dtype)
        parameters = {
            name: p.detach().to(kind).requires_grad_() for name, p in layer.named_parameters()
        }
        shape = (batch, steps) if layer.batch_first else (steps, batch)
        x = family.leaf(1, *shape, layer.input_size, dtype=dtype)
        states = family.start(layer, batch, dtype=dtype) if hx else []
        inputs = (x, family.given(states)) if hx else (x,)
        outputs = family.flat(functional_call(layer, parameters, inputs, options))
        used = [outputs[k % len(outputs)] for k in uses] or outputs
        grads = family.gradients_of(used, [x, *states, *parameters.values()])
        return [y.detach().numpy() for y in outputs] + grads
    finally:
        _kernels.set_level(before)


def functional_call(layer, parameters, inputs, options):
    """Call a layer with other parameters than its own."""
    own = dict(layer._parameters)
    layer._parameters.update(parameters)
    try:
        return layer(*inputs, **options)
    finally:
        layer._parameters.update(own)


def agree(got, expected, dtype, label):
    for k, (a, b) in enumerate(zip(got, expected, strict=True)):
        assert a.dtype == dtype
        bound = RELATIVE[dtype] * np.abs(b).max(initial=0.0)
        np.testing.assert_allclose(a, b, 0, bound, err_msg=f"array {k} of {label}")


@pytest.mark.parametrize("kind", family.LAYERS)
def test_levels_agree_at_sizes_that_fill_no_tile(kind):
    for steps, batch, columns, units in (
        (7, 3, 5, 17), (4, 1, 19, 33), (3, 33, 2, 8), (6, 5, 31, 64), (3, 2, 16, 1), (2, 70, 1, 3),
    ):  # fmt: skip
        layer = family.layer(kind, columns, units + 2, 2, bidirectional=True)
        lengths = (np.arange(batch) * 5 + 2) % (steps + 1)
        for options in ({}, {"lengths": lengths}):
            expected = everything("reference", "float64", layer, steps, batch, **options)
            for level in (*LEVELS, "reference"):
                for dtype in ("float32", "float64"):
                    got = everything(level, dtype, layer, steps, batch, **options)
                    label = f"{level}, {dtype}, {(steps, batch, columns, units)}, {options}"
                    agree(got, expected, dtype, label)


@pytest.mark.parametrize("kind", family.LAYERS)
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_levels_agree_whatever_the_sizes_and_options(kind, data):
    steps, batch = data.draw(st.integers(1, 6), "T"), data.draw(st.integers(0, 9), "N")
    columns, units = data.draw(st.integers(1, 20), "I"), data.draw(st.integers(3, 40), "H")
    layer = family.layer(
        kind, columns, units, data.draw(st.integers(1, 2), "num_layers"),
        bias=data.draw(st.booleans(), "bias"),
        batch_first=data.draw(st.booleans(), "batch_first"),
        bidirectional=data.draw(st.booleans(), "bidirectional"),
    )  # fmt: skip
    each = st.lists(st.integers(0, steps), min_size=batch, max_size=batch)
    options = {
        "lengths": data.draw(st.none() | each, "lengths"),
        "uses": data.draw(st.sampled_from([(), (0,), (1,), (-1,)]), "uses"),
        "hx": data.draw(st.booleans(), "hx"),
    }
    expected = everything("reference", "float64", layer, steps, batch, **options)
    for level in LEVELS:
        for dtype in ("float32", "float64"):
            agree(everything(level, dtype, layer, steps, batch, **options), expected, dtype, level)
