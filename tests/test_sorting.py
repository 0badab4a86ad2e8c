"""Equal entries come out of sort, argsort and topk in PyTorch's order.

The expected numbers are checksums of the indices that PyTorch 2.13 gives for the same entries.
"""

import zlib

import numpy as np
import pytest

import minigrad as mg
from minigrad.ops import introsort


def mixed(n, values, dtype=mg.float32):
    """`n` entries that take only a few values, without random numbers."""
    return mg.tensor([(k * k * 3 + k * 7) % values for k in range(n)]).to(dtype)


def killer(n, equal=1):
    """A row that is divided as badly as can be, so that heap sort takes over."""
    half = n // 2
    x = [0] * n
    for k in range(1, half + 1):
        if k % 2:
            x[k - 1], x[k] = k, half + k
        x[half + k - 1] = 2 * k
    return mg.tensor([v // equal for v in x], dtype=mg.float32)


def with_nan():
    x = mixed(40, 5)
    x[3] = x[9] = x[33] = np.nan
    return x


CASES = {
    "16 entries": lambda: mixed(16, 3).sort(),
    "17 entries": lambda: mixed(17, 3).sort(),
    "200 entries": lambda: mixed(200, 7).sort(),
    "200 entries, falling": lambda: mixed(200, 7).sort(descending=True),
    "integers": lambda: mixed(200, 7, mg.int64).sort(),
    "bools": lambda: (mixed(200, 7) > 2).sort(),
    "many integers": lambda: mixed(33000, 7, mg.int64).sort(),
    "many integers, falling": lambda: mixed(33000, 7, mg.int64).sort(descending=True),
    "all equal": lambda: mg.ones(50).sort(),
    "all one entry": lambda: mg.ones(1).expand(50).sort(),
    "columns": lambda: mixed(200, 7).reshape(50, 4).sort(0),
    "transposed": lambda: mixed(200, 7).reshape(4, 50).t().sort(0, descending=True),
    "nan": lambda: with_nan().sort(),
    "nan, falling": lambda: with_nan().sort(descending=True),
    "heap sort": lambda: killer(1000, 3).sort(),
    "stable": lambda: mg.sort(mixed(200, 7), stable=True),
    "topk of few": lambda: mixed(200, 7).topk(2),
    "topk of many": lambda: mixed(200, 7).topk(50),
    "topk, smallest": lambda: mixed(200, 7).topk(50, largest=False),
    "topk, not sorted": lambda: mixed(200, 100).topk(50, sorted=False),
    "topk of all": lambda: mixed(30, 7).topk(30),
    "topk of 5": lambda: mixed(5, 2).topk(3),
    "topk of rows": lambda: mixed(200, 7).reshape(4, 50).topk(5, 1),
    "topk, nan": lambda: with_nan().topk(7),
    "topk, badly divided": lambda: killer(1000, 3).topk(400),
}  # fmt: skip

EXPECTED = {
    "16 entries": 746059976,
    "17 entries": 218341363,
    "200 entries": 2375502769,
    "200 entries, falling": 3634098942,
    "integers": 2375502769,
    "bools": 2166509117,
    "many integers": 4074564730,
    "many integers, falling": 555284638,
    "all equal": 4274102099,
    "all one entry": 1691407018,
    "columns": 3869352534,
    "transposed": 2943861963,
    "nan": 1412378675,
    "nan, falling": 1492833139,
    "heap sort": 3319191,
    "stable": 2972348619,
    "topk of few": 3053781041,
    "topk of many": 2484712549,
    "topk, smallest": 3833079519,
    "topk, not sorted": 2393303169,
    "topk of all": 2509237297,
    "topk of 5": 541347147,
    "topk of rows": 197163517,
    "topk, nan": 3154873915,
    "topk, badly divided": 3983860987,
}


@pytest.mark.parametrize("name", CASES)
def test_the_order_is_pytorchs(level, name):
    indices = CASES[name]().indices
    assert zlib.crc32(indices.contiguous().numpy().astype("<i8").tobytes()) == EXPECTED[name]


def test_argsort_is_the_order_of_sort():
    x = mixed(200, 7)
    assert mg.equal(x.argsort(), x.sort().indices)
    assert not mg.equal(x.argsort(), x.argsort(stable=True))


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 17, 100, 1000])
@pytest.mark.parametrize("k", [1, 2, 10, 60])
def test_introsort(n, k):
    """What each step promises, with whatever equal entries."""
    rank = np.random.default_rng(n).integers(0, max(n // 4, 1), n)
    k = min(k, n)

    def after(step, *sizes):
        order = np.arange(n)
        step(memoryview(order), memoryview(rank), *sizes)
        assert np.array_equal(np.sort(order), np.arange(n))
        return rank[order]

    assert np.array_equal(after(introsort.sort, n), np.sort(rank))
    if k:
        assert np.array_equal(after(introsort.sort_smallest, k, n)[:k], np.sort(rank)[:k])
        selected = after(introsort.select, k - 1, n)
        assert np.array_equal(np.sort(selected[:k]), np.sort(rank)[:k])
        assert selected[k - 1] == np.sort(rank)[k - 1]
