"""The random streams against values that PyTorch drew, and against what the distributions are.

``golden/random.json`` holds PyTorch's values and the hash of its state after each draw;
``golden/make_random.py`` writes it. Equal hashes mean that the state is equal: the same number of
words was taken, and both keep a normal value for later or both do not. The kept value itself is
compared to a rounding of float64.
"""

from __future__ import annotations

import base64
import copy
import functools
import hashlib
import json
import math
import pickle
import threading
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import _kernels
from minigrad import random as streams
from minigrad.random import Generator

GOLDEN = json.loads(Path(__file__).with_name("golden").joinpath("random.json").read_text())


def draw(g: Generator, call: str, args: dict[str, Any]) -> np.ndarray:
    args = dict(args)
    if isinstance(args.get("shape"), list):
        args["shape"] = tuple(args["shape"])
    for name in ("probs", "p"):
        if isinstance(args.get(name), list):
            args[name] = np.array(args[name], dtype=args.pop("dtype"))
    return getattr(g, call)(**args)


def assert_same_values(step: dict[str, Any], values: np.ndarray) -> None:
    assert list(values.shape) == step["shape"]
    flat = values.ravel()
    flat = flat if flat.size <= 40 else np.concatenate((flat[:4], flat[-20:]))
    expected = np.array(step["values"], dtype=values.dtype)
    call, args = step["call"], step["args"]
    continuous = call in ("uniform", "normal", "exponential", "log_normal", "cauchy")
    exact = not continuous or (call == "uniform" and values.dtype == np.float32)
    if exact:
        np.testing.assert_array_equal(flat, expected)
        return
    eps = np.finfo(values.dtype).eps
    # A sum with the mean (or with `low`) may cancel; its error is that of the terms.
    size = 1 + abs(args.get("mean", 0)) + 4 * args.get("std", 1) if call == "normal" else 1
    np.testing.assert_allclose(flat, expected, rtol=8 * eps, atol=2 * eps * size)


def assert_same_state(step: dict[str, Any], g: Generator) -> None:
    state = g.state_bytes()
    if step["kept"] is not None:
        np.testing.assert_allclose(state[5024:5032].view("<f8")[0], step["kept"], rtol=1e-15)
    state[5024:5032] = 0
    assert hashlib.sha256(state.tobytes()).hexdigest() == step["state"], step["call"]


@pytest.mark.filterwarnings("ignore:.*out of bounds:UserWarning")
@pytest.mark.parametrize("name", GOLDEN["streams"])
def test_stream_is_pytorchs(name: str) -> None:
    stream = GOLDEN["streams"][name]
    g = Generator().manual_seed(stream["seed"])
    for step in stream["steps"]:
        values = draw(g, step["call"], step["args"])
        if step["call"] in ("multinomial", "permutation"):
            assert values.dtype == np.int64
        else:
            assert values.dtype == np.dtype(step["args"].get("dtype", "float32"))
        assert_same_values(step, values)
        assert_same_state(step, g)


def test_the_golden_file_covers_every_draw() -> None:
    calls = {s["call"] for stream in GOLDEN["streams"].values() for s in stream["steps"]}
    assert calls == {
        *("uniform", "normal", "integers", "any_integers", "permutation", "bernoulli"),
        *("exponential", "log_normal", "cauchy", "geometric", "multinomial"),
    }


# ---------------------------------------------------------------------- seeds


def test_new_generator_has_the_documented_seed() -> None:
    g = Generator()
    assert g.initial_seed() == 67280421310721
    assert g.device == "cpu"
    assert Generator("somewhere").device == "somewhere"
    np.testing.assert_array_equal(g.uniform(3), Generator().manual_seed(67280421310721).uniform(3))


def test_manual_seed_returns_self_and_forgets_the_kept_normal() -> None:
    g = Generator()
    assert g.manual_seed(3) is g
    first = g.normal(1)
    np.testing.assert_array_equal(g.manual_seed(3).normal(1), first)
    assert Generator().manual_seed(np.int64(-2)).initial_seed() == 2**64 - 2


@pytest.mark.parametrize("seed", [2**64, -(2**63) - 1])
def test_seed_beyond_64_bits(seed: int) -> None:
    with pytest.raises(ValueError, match="Overflow when unpacking long"):
        Generator().manual_seed(seed)


@pytest.mark.parametrize(("seed", "kind"), [(3.7, "float"), (True, "bool"), ("a", "str")])
def test_seed_that_is_no_integer(seed: Any, kind: str) -> None:
    with pytest.raises(RuntimeError, match=f"manual_seed expected a long, but got {kind}"):
        Generator().manual_seed(seed)


def test_seed_differs_from_call_to_call() -> None:
    g = Generator()
    seeds = {g.seed() for _ in range(4)}
    assert len(seeds) == 4
    assert g.initial_seed() in seeds
    np.testing.assert_array_equal(
        g.uniform(4), Generator().manual_seed(g.initial_seed()).uniform(4)
    )


def test_default_generator() -> None:
    before = streams.default_generator.state_bytes()
    try:
        assert streams.manual_seed(5) is streams.default_generator
        assert streams.initial_seed() == 5
        np.testing.assert_array_equal(
            streams.default_generator.uniform(3), Generator().manual_seed(5).uniform(3)
        )
        assert streams.manual_seed(3.7).initial_seed() == 3  # type: ignore[arg-type]
        assert streams.seed() == streams.initial_seed() != 3
    finally:
        streams.default_generator.load_state_bytes(before)


# ---------------------------------------------------------------------- state


@pytest.mark.parametrize("case", GOLDEN["saved_states"], ids=["fresh", "in the middle"])
def test_state_saved_by_pytorch_goes_on_here(case: dict[str, Any]) -> None:
    saved = np.frombuffer(zlib.decompress(base64.b64decode(case["bytes"])), np.uint8)
    g = Generator()
    g.load_state_bytes(saved)
    np.testing.assert_array_equal(g.state_bytes(), saved)
    assert g.initial_seed() == case["initial_seed"]
    np.testing.assert_allclose(g.normal(5), np.float32(case["normal"]), rtol=1e-6)


@pytest.mark.parametrize("words", [0, 1, 623, 624, 625, 1248])
@pytest.mark.parametrize("kept", [False, True])
def test_restored_state_repeats_the_draws(words: int, kept: bool) -> None:
    g = Generator().manual_seed(9)
    if kept:
        g.normal(1)
    g.words32(words)
    state = g.state_bytes()
    assert state.shape == (5056,)
    assert state.dtype == np.uint8
    first = [g.normal(3), g.uniform(700), g.normal(20)]
    g.load_state_bytes(state)
    for again, once in zip([g.normal(3), g.uniform(700), g.normal(20)], first, strict=True):
        np.testing.assert_array_equal(again, once)


def test_kept_float_normal_of_a_foreign_state_survives() -> None:
    state = Generator().manual_seed(1).state_bytes()
    state[5048:5052] = np.frombuffer(np.float32(0.25).tobytes(), np.uint8)
    state[5052] = 1
    g = Generator()
    g.load_state_bytes(state)
    np.testing.assert_array_equal(g.state_bytes(), state)


def test_state_errors() -> None:
    g = Generator().manual_seed(2)
    good = g.state_bytes()
    with pytest.raises(TypeError, match=r"RNG state must be a torch\.ByteTensor"):
        g.load_state_bytes(good.astype(np.float32))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"RNG state must be a torch\.ByteTensor"):
        g.load_state_bytes(good.tolist())  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match=r"ImplState of size 5056 .* size to be 3"):
        g.load_state_bytes(good[:3])
    with pytest.raises(RuntimeError, match="Invalid mt19937 state"):
        g.load_state_bytes(np.zeros(5056, np.uint8))
    out_of_step = good.copy()
    out_of_step[16] = 5  # "next" no longer goes with "left"
    with pytest.raises(RuntimeError, match="Invalid mt19937 state"):
        g.load_state_bytes(out_of_step)
    np.testing.assert_array_equal(g.state_bytes(), good)


@pytest.mark.parametrize(
    "duplicate",
    [Generator.clone_state, copy.copy, copy.deepcopy, lambda g: pickle.loads(pickle.dumps(g))],
    ids=["clone_state", "copy", "deepcopy", "pickle"],
)
def test_duplicates_go_their_own_way(duplicate: Any) -> None:
    g = Generator("here").manual_seed(4)
    g.normal(1)
    twin = duplicate(g)
    assert (twin.device, twin.initial_seed()) == ("here", 4)
    expected = g.normal(21), g.normal(2)
    np.testing.assert_array_equal(twin.normal(21), expected[0])
    np.testing.assert_array_equal(twin.normal(2), expected[1])


def test_subclass_survives_duplication() -> None:
    twin = copy.deepcopy(_Named())
    assert type(twin) is _Named
    assert twin.name == "mine"


class _Named(Generator):
    name = "mine"


@pytest.mark.parametrize(
    ("draw", "count"),
    [
        (lambda g: g.uniform(10, dtype=np.float64), 200),
        (lambda g: g.uniform(300_000), 3),  # long enough for others to come in between
        (lambda g: g.normal(1), 200),  # half of them are kept numbers
    ],
)
def test_threads_share_one_stream_without_losing_words(draw: Any, count: int) -> None:
    g = Generator().manual_seed(5)
    together: list[np.ndarray] = []

    def work() -> None:
        for _ in range(count):
            together.append(draw(g))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alone = Generator().manual_seed(5)
    expected = np.concatenate([draw(alone) for _ in range(4 * count)])
    np.testing.assert_array_equal(np.sort(np.concatenate(together)), np.sort(expected))
    np.testing.assert_array_equal(g.state_bytes(), alone.state_bytes())


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1, 2**32 + 5])
def test_words_are_those_of_mt19937(seed: int) -> None:
    engine = np.random.MT19937(0)
    np.random.RandomState(engine).seed(seed % 2**32)
    g = Generator().manual_seed(seed)
    for count in (0, 1, 226, 2, 395, 3, 624, 1249):  # to each border within the state, and over it
        np.testing.assert_array_equal(g.words32(count), engine.random_raw(count))


# ---------------------------------------------------------------------- kernels

SINGLE, DOUBLE = np.float32, np.float64
DRAWS = [
    (call, {**args, "dtype": dtype})
    for dtype in (SINGLE, DOUBLE)
    for call, args in [
        ("uniform", {}),
        ("uniform", {"low": 0, "high": 0.1}),
        ("uniform", {"low": -0.3, "high": 0.7}),
        ("uniform", {"low": 1000, "high": 1000 + 2.0**-12}),
        ("normal", {}),
        ("normal", {"mean": -1, "std": 0.02}),
        ("normal", {"mean": 0.1, "std": 3, "blocks": False}),
        ("bernoulli", {"p": 0.3}),
        ("exponential", {"lambd": 0.7}),
    ]
] + [
    ("bernoulli", {"p": 0.5, "dtype": np.int16}),
    ("exponential", {"dtype": np.float16}),
    ("integers", {"low": -3, "high": 1000}),
    ("integers", {"low": -(2**62), "high": 2**62 + 1}),
    ("integers", {"low": -(2**63)}),
    ("integers", {"low": 3, "high": 200, "dtype": np.uint8}),
    ("any_integers", {}),
    ("any_integers", {"dtype": np.float32}),
]


@functools.cache
def drawn(level: str, words: int, size: int) -> list[bytes]:
    """What all draws of this size give at a level, and their states, after so many words."""
    before = _kernels.level
    _kernels.set_level(level)
    results = []
    for kept in (False, True):
        for call, args in DRAWS:
            g = Generator().manual_seed(size)
            if kept:
                g.normal(1)
            g.words32(words)
            results += [getattr(g, call)(shape=size, **args).tobytes(), g.state_bytes().tobytes()]
    g = Generator().manual_seed(size)
    g.words32(words)
    results += [g.permutation(size).tobytes(), g.state_bytes().tobytes()]
    for dtype in (SINGLE, DOUBLE):
        chances = np.linspace(0, 1, 2 * size, dtype=dtype)[::2]
        results += [g.bernoulli(chances).tobytes(), g.state_bytes().tobytes()]
        if size % 3 == 1:  # so many weights, or rows of three of them
            for weights in (np.arange(size, dtype=dtype) % 5 + 0.1, chances[1:].reshape(-1, 3) + 1):
                for replacement in (False, True):
                    for samples in (1, 2):
                        if weights.shape[-1] < samples:
                            continue
                        results.append(g.multinomial(weights, samples, replacement).tobytes())
        results.append(g.state_bytes().tobytes())
    _kernels.set_level(before)
    return results


@pytest.mark.parametrize("size", [0, 1, 2, 3, 15, 16, 17, 31, 624, 1023, 1025, 1039, 2063])
@pytest.mark.parametrize("words", [0, 1, 312, 622, 623, 624])
def test_kernels_give_the_bits_of_the_text(kernel_level: str, words: int, size: int) -> None:
    assert drawn(kernel_level, words, size) == drawn("reference", words, size)


@pytest.mark.parametrize("dtype", [SINGLE, DOUBLE])
def test_kernels_fill_an_array_or_a_shape(kernel_level: str, dtype: type) -> None:
    kernels = _kernels.kernels_for(np.dtype(dtype)).random
    g = Generator()
    for shape in ((), (0,), (5, 7), (2, 3, 1, 1, 1, 1, 1, 1, 1, 4), 6):
        for draw, arguments in [
            (kernels.uniform, ()), (kernels.normal, ()), (kernels.bernoulli, (0.5,)),
            (kernels.exponential, (1.0,)),
        ]:  # fmt: skip
            fresh = draw(g.manual_seed(1)._state, shape, *arguments)
            filled = np.empty(shape, dtype)
            assert draw(g.manual_seed(1)._state, filled, *arguments) is filled
            np.testing.assert_array_equal(fresh, filled)


def test_kernels_check_what_they_are_given(kernel_level: str) -> None:
    kernels = _kernels.kernels_for(np.dtype(SINGLE)).random
    state = Generator().manual_seed(1)._state
    frozen = state.copy()
    frozen.flags.writeable = False
    for wrong in (state[:-1], state.astype(np.int32), frozen, np.zeros((628, 1), np.uint32)):
        with pytest.raises(ValueError, match="state: expected 628 words"):
            kernels.uniform(wrong, 3)
    gaps, integers = np.zeros(8, SINGLE)[::2], np.zeros(4, np.int64)
    for values in (gaps, integers, gaps.astype(DOUBLE)):
        with pytest.raises(ValueError, match="values: expected float32 without gaps"):
            kernels.normal(state, values)
    with pytest.raises(ValueError, match="negative dimensions"):
        kernels.normal(state, (2, -1))
    with pytest.raises(ValueError, match="not 4294967296 values in a word"):
        kernels.integers(state, 3, 0, 2**32, False)
    state[624] = 2**32 - 1  # no place of a word: as if from a seed
    assert kernels.uniform(state, 3).tolist() == Generator().manual_seed(1).uniform(3).tolist()


# ---------------------------------------------------------------------- errors

NAN, INF = math.nan, math.inf
ERRORS = [
    ("uniform", {"low": 2, "high": 1}, RuntimeError, r"\[from, to\) range, .* from=2 > to=1"),
    ("uniform", {"high": INF}, RuntimeError, "to is out of bounds for float"),
    ("uniform", {"high": 4e38}, RuntimeError, "to is out of bounds for float"),
    ("uniform", {"low": NAN}, RuntimeError, "from is out of bounds for float"),
    ("uniform", {"low": -3e38, "high": 3e38}, RuntimeError, "to-from to exceed the limit"),
    ("uniform", {"dtype": np.int64}, NotImplementedError, "not implemented for 'Long'"),
    ("normal", {"std": -1}, RuntimeError, r"normal expects std >= 0.0, but found std -1"),
    ("normal", {"std": NAN}, RuntimeError, r"normal expects std >= 0.0, but found std nan"),
    ("normal", {"dtype": np.int32}, NotImplementedError, "normal_kernel_cpu.*for 'Int'"),
    ("integers", {"low": 5, "high": 3}, RuntimeError, "'from' .* from=5 >= to=3"),
    ("integers", {"low": 5, "high": 5}, RuntimeError, "'from' .* from=5 >= to=5"),
    ("integers", {"high": 2**63}, ValueError, "Overflow when unpacking long long"),
    ("integers", {"high": 300, "dtype": np.uint8}, RuntimeError, "to - 1 .* unsigned char"),
    ("integers", {"high": 300, "dtype": np.int8}, RuntimeError, "to - 1 .* signed char"),
    ("integers", {"low": -1, "high": 3, "dtype": np.uint8}, RuntimeError, "from is out of bounds"),
    ("integers", {"high": 3, "dtype": bool}, RuntimeError, "to - 1 is out of bounds for bool"),
    ("bernoulli", {"p": 1.5}, RuntimeError, r"p to be in \[0, 1\], but got p=1.5"),
    ("bernoulli", {"p": NAN}, RuntimeError, "but got p=nan"),
    ("bernoulli", {"p": np.array([0.5, -0.1])}, RuntimeError, "Expected p_in >= 0 && p_in <= 1"),
    ("exponential", {"lambd": 0}, RuntimeError, "lambda > 0.0, but found lambda=0"),
    ("exponential", {"dtype": np.int64}, RuntimeError, "continuous .* specified Long"),
    ("cauchy", {"sigma": -1}, RuntimeError, "sigma > 0.0, but found sigma=-1"),
    ("cauchy", {"dtype": np.int64}, RuntimeError, "continuous"),
    ("log_normal", {"std": 0}, RuntimeError, "std > 0.0, but found std=0"),
    ("log_normal", {"dtype": np.int64}, NotImplementedError, "log_normal_cpu"),
    ("geometric", {"p": 1}, RuntimeError, r"p to be in \(0, 1\), but got p=1"),
    ("geometric", {"p": 0}, RuntimeError, r"p to be in \(0, 1\), but got p=0"),
]


@pytest.mark.parametrize("size", [0, 3])
@pytest.mark.parametrize(("call", "args", "error", "words"), ERRORS)
def test_bad_arguments_draw_nothing(
    call: str, args: dict[str, Any], error: type[Exception], words: str, size: int
) -> None:
    g = Generator().manual_seed(1)
    before = g.state_bytes()
    with pytest.raises(error, match=words):
        getattr(g, call)(shape=size, **args)
    np.testing.assert_array_equal(g.state_bytes(), before)


@pytest.mark.parametrize(
    ("args", "options", "expected"),
    [
        ((3, (5,)), {}, [2, 0, 2, 0, 1]),
        ((3,), {"size": (5,)}, [2, 0, 2, 0, 1]),
        ((), {"high": 3, "size": [5]}, [2, 0, 2, 0, 1]),
        ((-2, 3, (5,)), {}, [2, 2, 1, -2, 1]),
        ((-2, 3), {"size": (5,)}, [2, 2, 1, -2, 1]),
        ((-2,), {"high": 3, "size": (5,)}, [2, 2, 1, -2, 1]),
        ((), {"low": -2, "high": 3, "size": (5,)}, [2, 2, 1, -2, 1]),
    ],
)
def test_all_ways_to_call_randint(args: Any, options: Any, expected: list[int]) -> None:
    """The numbers are PyTorch's."""
    mg.manual_seed(0)
    assert mg.randint(*args, **options).tolist() == expected


@pytest.mark.parametrize("args", [(3,), (), (0, 3)])
def test_randint_without_a_size(args: Any) -> None:
    with pytest.raises(TypeError, match="randint"):
        mg.randint(*args)


def test_negative_permutation() -> None:
    with pytest.raises(RuntimeError, match="negative dimension -1"):
        Generator().permutation(-1)


def test_integers_warn_where_a_float_has_gaps() -> None:
    with pytest.warns(UserWarning, match="to - 1 is out of bounds"):
        Generator().integers(3, 0, 2**24 + 2, np.float32)
    with pytest.warns(UserWarning, match="from is out of bounds"):
        Generator().integers(3, -(2**24) - 1, 3, np.float32)


@pytest.mark.parametrize(
    ("probs", "samples", "replacement", "words"),
    [
        ([1.0, -1.0], 1, False, "either `inf`, `nan` or element < 0"),
        ([1.0, INF], 1, True, "either `inf`, `nan` or element < 0"),
        ([1.0, NAN], 2, False, "either `inf`, `nan` or element < 0"),
        ([1.0, -1.0], 3, True, "probability entry < 0"),
        ([1.0, INF], 3, True, "probability entry = infinity or NaN"),
        ([0.0, 0.0], 1, False, "sum of probabilities <= 0"),
        ([[1.0, 0.0], [0.0, 0.0]], 3, True, "sum of probabilities <= 0"),
        ([0.0, 1.0], 3, False, r"cannot sample n_sample > prob_dist.size\(-1\)"),
        ([0.0, 1.0], 0, False, "cannot sample n_sample <= 0 samples"),
        ([0.0, 1.0], -1, True, "cannot sample n_sample <= 0 samples"),
        ([[[0.0, 1.0]]], 1, False, "prob_dist must be 1 or 2 dim"),
        (1.0, 1, False, "prob_dist must be 1 or 2 dim"),
        ([0, 1], 1, False, "only supports floating-point dtypes for input, got: Long"),
    ],
)
def test_multinomial_errors(probs: Any, samples: int, replacement: bool, words: str) -> None:
    with pytest.raises(RuntimeError, match=words):
        Generator().multinomial(np.array(probs), samples, replacement)


def test_multinomial_of_no_rows() -> None:
    for count, replacement in ((1, False), (3, True)):
        samples = Generator().multinomial(np.zeros((0, 3)), count, replacement)
        assert samples.shape == (0, count)
        assert samples.dtype == np.int64


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_few_samples_are_the_first_of_many(dtype: type) -> None:
    weights = np.arange(7 * 64, dtype=dtype).reshape(7, 64) % 3  # of few categories, and many zeros
    weights[0, 2:] = 0
    few, many = (Generator().manual_seed(5).multinomial(weights, k) for k in (4, 64))
    np.testing.assert_array_equal(few, many[:, :4])


def test_multinomial_takes_categories_of_weight_zero_last() -> None:
    for seed in range(20):
        g = Generator().manual_seed(seed)
        order = g.multinomial(np.array([0.0, 1.0, 0.0, 2.0]), 4)
        assert set(order[:2].tolist()) == {1, 3}
        assert set(order[2:].tolist()) == {0, 2}
        assert set(g.multinomial(np.array([0.0, 1.0, 0.0]), 9, True).tolist()) == {1}


# ---------------------------------------------------------------------- what the distributions are


def cdf_distance(values: np.ndarray, cdf: Any) -> float:
    """Kolmogorov's distance between the values and a distribution function, times sqrt(n)."""
    values = np.sort(values.astype(np.float64))
    n = values.size
    c = cdf(values)
    above = np.arange(1, n + 1) / n - c
    below = c - np.arange(n) / n
    return float(max(above.max(), below.max()) * math.sqrt(n))


def normal_cdf(x: np.ndarray) -> np.ndarray:
    return np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in x])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("call", "args", "cdf"),
    [
        ("uniform", {"low": -1, "high": 3}, lambda x: (x + 1) / 4),
        ("normal", {"mean": 2, "std": 3}, lambda x: normal_cdf((x - 2) / 3)),
        ("normal", {"blocks": False}, normal_cdf),
        ("exponential", {"lambd": 2}, lambda x: 1 - np.exp(-2 * x)),
        ("cauchy", {"median": 1, "sigma": 2}, lambda x: np.arctan((x - 1) / 2) / np.pi + 0.5),
        ("log_normal", {}, lambda x: normal_cdf((np.log(x) - 1) / 2)),
    ],
)
def test_distribution_function(call: str, args: dict[str, Any], cdf: Any, dtype: Any) -> None:
    g = Generator().manual_seed(123)
    values = getattr(g, call)(shape=(100, 201), dtype=dtype, **args)
    assert cdf_distance(values.ravel(), cdf) < 1.63  # exceeded by chance once in a hundred seeds


def test_uniform_never_reaches_one_and_uses_equal_steps() -> None:
    values = Generator().manual_seed(1).uniform(100_000)
    assert values.min() >= 0
    assert values.max() < 1
    np.testing.assert_array_equal(values * 2**24 % 1, 0)


@pytest.mark.parametrize(("dtype", "ulp"), [(np.float32, 2.0**-14), (np.float64, 2.0**-43)])
def test_uniform_excludes_its_upper_bound_where_floats_are_sparse(dtype: Any, ulp: float) -> None:
    values = Generator().manual_seed(1).uniform(4000, 1000, 1000 + 4 * ulp, dtype)
    found = np.unique((values.astype(np.float64) - 1000) / ulp)
    np.testing.assert_array_equal(found, [0, 1, 2, 3])


def test_neighbouring_normals_are_independent() -> None:
    values = Generator().manual_seed(2).normal(32_000, dtype=np.float64)
    for lag in (1, 7, 8, 9, 16):
        assert abs(np.mean(values[lag:] * values[:-lag])) < 4 / math.sqrt(32_000)


def test_geometric_and_bernoulli_means() -> None:
    g = Generator().manual_seed(3)
    trials = g.geometric(40_000, 0.25, np.int64)
    assert trials.dtype == np.int64
    assert trials.min() == 1
    assert abs(trials.mean() - 4) < 4 * math.sqrt(12 / 40_000)
    p = np.array([[0.0], [0.3], [1.0]])
    flips = g.bernoulli(p, (3, 40_000), bool)
    assert flips.dtype == bool
    np.testing.assert_allclose(flips.mean(axis=1), [0, 0.3, 1], atol=4 * math.sqrt(0.21 / 40_000))
    assert flips[0].sum() == 0
    assert flips[2].all()


@pytest.mark.parametrize("replacement", [False, True])
def test_multinomial_frequencies(replacement: bool) -> None:
    weights = np.array([1.0, 2.0, 0.0, 5.0])
    rows = np.tile(weights, (20_000, 1))
    first = Generator().manual_seed(4).multinomial(rows, 2, replacement)[:, 0]
    share = np.bincount(first, minlength=4) / len(rows)
    np.testing.assert_allclose(share, weights / 8, atol=4 * 0.5 / math.sqrt(len(rows)))


def test_every_permutation_of_three_is_as_likely() -> None:
    g = Generator().manual_seed(5)
    counts: dict[tuple[int, ...], int] = {}
    for _ in range(6000):
        key = tuple(g.permutation(3).tolist())
        counts[key] = counts.get(key, 0) + 1
    assert len(counts) == 6
    chi_square = sum((c - 1000) ** 2 / 1000 for c in counts.values())
    assert chi_square < 20.5  # 5 degrees of freedom, once in a thousand


def test_large_permutation_holds_every_number_once() -> None:
    n = 200_000
    order = Generator().manual_seed(6).permutation(n)
    np.testing.assert_array_equal(np.sort(order), np.arange(n))


def test_integers_cover_their_range_evenly() -> None:
    values = Generator().manual_seed(7).integers((70, 1000), -3, 4)
    counts = np.bincount((values + 3).ravel())
    assert counts.size == 7
    assert np.sum((counts - 10_000) ** 2 / 10_000) < 22.5  # 6 degrees of freedom


@pytest.mark.parametrize(
    "draw",
    [
        lambda p: p.bernoulli(),
        lambda p: p.bernoulli(0.5),
        lambda p: mg.bernoulli(p),
        lambda p: mg.normal(p, 1.0),
        lambda p: mg.normal(0.0, p),
        lambda p: mg.normal(p, p),
    ],
)
def test_what_is_drawn_has_the_gradient_zero(draw):
    p = mg.full((3,), 0.5, requires_grad=True)
    drawn = draw(p)
    assert not drawn.is_leaf
    (drawn * mg.tensor([1.0, np.inf, np.nan])).sum().backward()
    assert p.grad.tolist() == [0.0, 0.0, 0.0]


def test_half_precision_rounds_what_is_drawn_in_double_precision():
    mg.manual_seed(0)
    drawn = mg.empty(5, dtype=mg.float16).exponential_()
    assert drawn.tolist() == [3.5078125, 1.23046875, 0.615234375, 2.53515625, 1.0361328125]
    mg.manual_seed(0)
    soft = mg.nn.functional.gumbel_softmax(mg.ones(4).half())
    assert soft.dtype == mg.float16
    np.testing.assert_allclose(soft.numpy(), [0.0914, 0.2605, 0.5215, 0.1265], atol=1e-4)
