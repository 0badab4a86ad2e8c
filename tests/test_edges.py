"""Operations at the edges, as in PyTorch: zeros, infinities, NaN, ties, kinks, nothing at all."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import minigrad as mg

GOLDEN = Path(__file__).parent / "golden"
made = SimpleNamespace(**runpy.run_path(str(GOLDEN / "make_edges.py")))
with np.load(GOLDEN / "edges.npz") as file:
    STORED = dict(file)

# ------------------------------------------------------------------------------------------------
# Equal to PyTorch
# ------------------------------------------------------------------------------------------------

# Where a run differs on purpose: the pieces that do, and why.
OF_ANY_GRADIENT = {"d", "dd", "d of inf", "d of nan"}
OF_SPECIAL_GRADIENTS = {"d of inf", "d of nan"}
ON_PURPOSE = {
    # PyTorch multiplies an infinite gradient by 0 for the entries that are not the extreme one
    **{
        f"several {name}{p}{dim}": OF_SPECIAL_GRADIENTS
        for name, p in (
            ("amax", ""), ("amin", ""), ("norm-", "inf"), ("norm-", "-inf"), ("dist-", "inf"),
            ("dist-", "-inf"), ("vector_norm-", "inf"), ("vector_norm-", "-inf"),
        )
        for dim in ("", "-dim")
    },
    # PyTorch divides by the entries, or takes out the zeros; here no product contains the entry
    **dict.fromkeys(["several prod", "several prod-dim", "several cumprod"], OF_ANY_GRADIENT),
    # what is ignored has the gradient 0, also if it is NaN
    **{f"several cross_entropy-ignored-{r}": OF_ANY_GRADIENT for r in ("none", "mean", "sum")},
    # PyTorch has a longer formula, with which inf becomes NaN
    "several cosine_similarity": OF_SPECIAL_GRADIENTS,
    # the mean of inf and numbers is inf
    "several std_mean": {"y"},
    "several var_mean": {"y"},
    # PyTorch's second derivative comes of a formula with the constant 1e-12 in it
    "entrywise binary_cross_entropy": {"daa"},
    "several binary_cross_entropy": {"dd"},
    # See test_second_derivatives_of_powers
    "entrywise pow": {"daa", "dab", "dba", "dbb"},
}  # fmt: skip


@pytest.mark.parametrize("name", made.RUNS)
def test_values_and_derivatives_equal_pytorchs(name):
    stored, place, value = STORED[name], 0, None
    for part, got in made.pieces(mg, name):
        expected = stored[place : place + got.size].reshape(got.shape)
        place += got.size
        if part == "y":
            value = got
        if part in ON_PURPOSE.get(name, ()):
            continue
        if part in ("dd", "daa", "dab", "dba", "dbb"):  # of a value that is NaN they say nothing
            defined = ~np.isnan(value) if value.shape == got.shape else not np.isnan(value).any()
            got, expected = got[defined], expected[defined]
        np.testing.assert_allclose(got, expected, 1e-6, 1e-9, err_msg=part)
    assert place == stored.size


def test_the_golden_file_is_complete():
    assert set(STORED) == set(made.RUNS)


LOG3 = np.log(3)


@pytest.mark.parametrize(("a", "b", "expected"), [
    (3.0, 0.0, [[0, 1 / 3], [1 / 3, LOG3**2]]),
    (3.0, 1.0, [[0, LOG3 + 1], [LOG3 + 1, 3 * LOG3**2]]),
    (-2.0, 0.0, [[0, np.nan], [-0.5, np.nan]]), (0.0, 0.0, [[0, np.nan], [0, 0]]),
    (0.0, 2.0, [[2, 0], [0, 0]]), (np.inf, 0.0, [[0, np.nan], [0, np.inf]]),
])  # fmt: skip
def test_second_derivatives_of_powers(a, b, expected):
    """a^0 is 1 for every a, 0^b is 0 for every b > 0; the slope of b a^(b-1) at b = 0 is 1 / a."""
    x, y = [mg.tensor(v, dtype=mg.float64, requires_grad=True) for v in (a, b)]
    first = mg.autograd.grad(x**y, (x, y), create_graph=True)
    second = [mg.autograd.grad(d, (x, y), retain_graph=True) for d in first]
    np.testing.assert_allclose([[d.item() for d in row] for row in second], expected, 1e-12)
