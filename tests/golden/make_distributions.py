"""Regenerate ``distributions.npz`` and ``distributions.json``: distributions in PyTorch 2.13.

    python tests/golden/make_distributions.py

needs torch. The functions take the library (PyTorch here, minigrad in
`tests/test_distributions.py`) as `t`.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

TARGET = Path(__file__).with_name("distributions.npz")
WORDS = TARGET.with_suffix(".json")
Make = Callable[..., Any]

# By name: the parameters, how to make the distribution of tensors of them, values for `log_prob`.
# The parameters are a tensor each, of the shapes that broadcasting leaves them.
ONES: dict[str, tuple[tuple[Any, ...], Make, Any]] = {}


def one(name: str, parameters: tuple[Any, ...], make: Make, values: Any) -> None:
    assert name not in ONES, name
    ONES[name] = (parameters, make, values)


LOC, SCALE = [[-1.0, 0.5], [2.0, 0.0]], [0.5, 2.0]
REAL, POSITIVE = [[[-3.0, 0.1]], [[1.5, 4.0]]], [[[0.2, 0.7]], [[1.5, 4.0]]]
WEIGHTS = [[0.1, 0.2, 0.7], [0.5, 0.25, 0.25]]
LOGITS = [[0.3, -1.0, 2.0], [0.0, 0.5, -0.5]]
SHARES = [[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]]
COVARIANCE = [[2.0, 0.5, 0.1], [0.5, 1.0, -0.3], [0.1, -0.3, 1.5]]
FACTOR = [[1.5, 0.0, 0.0], [0.5, 1.0, 0.0], [-0.3, 0.2, 0.8]]

for _name in ("Normal", "Laplace", "Cauchy", "Gumbel"):
    one(_name, (LOC, SCALE), lambda D, a, b, n=_name: getattr(D, n)(a, b), REAL)
one("LogNormal", (LOC, SCALE), lambda D, a, b: D.LogNormal(a, b), POSITIVE)
one("HalfNormal", (SCALE,), lambda D, a: D.HalfNormal(a), POSITIVE)
one("HalfCauchy", (SCALE,), lambda D, a: D.HalfCauchy(a), POSITIVE)
one("LogisticNormal", (LOC, SCALE), lambda D, a, b: D.LogisticNormal(a, b), SHARES)
one("Weibull", (SCALE, [[1.5, 4.0]]), lambda D, a, b: D.Weibull(a, b), POSITIVE)
one("Pareto", ([0.1, 0.3], [[0.7, 1.5], [2.5, 5.0]]), lambda D, a, b: D.Pareto(a, b), [0.4, 2.0])
one("InverseGamma", ([[0.4, 1.5], [3.0, 30.0]], SCALE), lambda D, a, b: D.InverseGamma(a, b),
    POSITIVE)  # fmt: skip
one("Uniform", ([0.0, -1.0], [5.0, 4.5]), lambda D, a, b: D.Uniform(a, b), POSITIVE)
one("Exponential", (SCALE,), lambda D, a: D.Exponential(a), POSITIVE)
one("Gamma", ([[0.4, 1.0], [3.0, 30.0]], SCALE), lambda D, a, b: D.Gamma(a, b), POSITIVE)
one("Chi2", ([0.7, 5.0],), lambda D, a: D.Chi2(a), POSITIVE)
one("StudentT", ([[0.7], [1.5], [5.0]], LOC[0], SCALE), lambda D, a, b, c: D.StudentT(a, b, c),
    REAL[0])  # fmt: skip
one("Beta", ([[0.4, 1.0], [3.0, 30.0]], SCALE), lambda D, a, b: D.Beta(a, b), [0.2, 0.7])
one("Dirichlet", ([[0.5, 2.0, 3.0], [0.9, 0.2, 0.5]],), lambda D, a: D.Dirichlet(a), SHARES)
one("Bernoulli-probs", ([0.0, 0.2, 0.5, 0.7, 1.0],), lambda D, a: D.Bernoulli(a),
    [[0.0], [1.0]])  # fmt: skip
one("Bernoulli-logits", (LOC,), lambda D, a: D.Bernoulli(logits=a), [[[0.0]], [[1.0]]])
one("ContinuousBernoulli-probs", ([[0.05, 0.3], [0.5, 0.9]],),
    lambda D, a: D.ContinuousBernoulli(a), [0.2, 0.7])  # fmt: skip
one("ContinuousBernoulli-logits", ([[-7.0, -0.001], [0.003, 2.0]],),
    lambda D, a: D.ContinuousBernoulli(logits=a), [[[0.0]], [[0.3]], [[1.0]]])  # fmt: skip
one("Geometric-probs", ([0.1, 0.5, 0.9],), lambda D, a: D.Geometric(a), [[0.0], [3.0]])
one("Geometric-logits", (LOC,), lambda D, a: D.Geometric(logits=a), 2.0)
one("Binomial-probs", ([0.2, 0.5, 0.7],), lambda D, a: D.Binomial(5, a), [[0.0], [3.0], [5.0]])
one("Binomial-logits", (LOC,), lambda D, a: D.Binomial(40, logits=a), [[[7.0]], [[30.0]]])
one("NegativeBinomial-probs", ([0.5, 2.5, 4.0], [0.2, 0.5, 0.7]),
    lambda D, a, b: D.NegativeBinomial(a, b), [[0.0], [3.0]])  # fmt: skip
one("NegativeBinomial-logits", (SCALE, LOC),
    lambda D, a, b: D.NegativeBinomial(a, logits=b), [3.0, 0.0])  # fmt: skip
one("Poisson", ([0.3, 4.0, 25.0],), lambda D, a: D.Poisson(a), [[0.0], [4.0]])
one("Categorical-probs", (WEIGHTS,), lambda D, a: D.Categorical(a * 3), [[0], [2]])
one("Categorical-logits", (LOGITS,), lambda D, a: D.Categorical(logits=a), [[0], [2]])
one("Categorical-vector", (LOGITS[0],), lambda D, a: D.Categorical(logits=a), [0, 2])
one("OneHotCategorical", (WEIGHTS,), lambda D, a: D.OneHotCategorical(a), [0.0, 0.0, 1.0])
one("OneHotCategoricalStraightThrough", (LOGITS,),
    lambda D, a: D.OneHotCategoricalStraightThrough(logits=a), [1.0, 0.0, 0.0])  # fmt: skip
one("Multinomial", (WEIGHTS,), lambda D, a: D.Multinomial(6, a), [1.0, 2.0, 3.0])
one("RelaxedBernoulli", ([0.7], LOC), lambda D, a, b: D.RelaxedBernoulli(a, logits=b), [0.2, 0.7])
one("LogitRelaxedBernoulli", ([0.7], [0.2, 0.6]),
    lambda D, a, b: D.RelaxedBernoulli(a, b).base_dist, [-0.2, 0.7])  # fmt: skip
one("RelaxedOneHotCategorical", (0.7, LOGITS),
    lambda D, a, b: D.RelaxedOneHotCategorical(a, logits=b), SHARES)  # fmt: skip
one("MultivariateNormal-covariance", (LOGITS, COVARIANCE),
    lambda D, a, b: D.MultivariateNormal(a, b), SHARES)  # fmt: skip
one("MultivariateNormal-precision", (LOGITS, COVARIANCE),
    lambda D, a, b: D.MultivariateNormal(a, precision_matrix=b), SHARES)  # fmt: skip
one("MultivariateNormal-scale_tril", (LOGITS, [FACTOR, COVARIANCE]),
    lambda D, a, b: D.MultivariateNormal(a, scale_tril=b.tril()), SHARES)  # fmt: skip
one("LowRankMultivariateNormal", (LOGITS, [[1.0], [-0.5], [2.0]], [0.3, 1.0, 2.0]),
    lambda D, a, b, c: D.LowRankMultivariateNormal(a, b, c), SHARES)  # fmt: skip
one("Independent", (LOC, SCALE), lambda D, a, b: D.Independent(D.Normal(a, b), 1), [0.3, 0.1])
one("MixtureSameFamily", (WEIGHTS, LOGITS, 0.5),
    lambda D, w, a, b: D.MixtureSameFamily(D.Categorical(w), D.Normal(a, b)), [0.3, 1.0])  # fmt: skip
one("MixtureSameFamily-vectors", ([0.3, 0.7], LOC, SCALE),
    lambda D, w, a, b: D.MixtureSameFamily(
        D.Categorical(w), D.Independent(D.Normal(a, b), 1)), [0.3, 1.0])  # fmt: skip
one("logistic", (LOC, SCALE), lambda D, a, b: D.TransformedDistribution(
    D.Uniform(a * 0, a * 0 + 1),
    [D.SigmoidTransform().inv, D.AffineTransform(loc=a, scale=-b)]), REAL)  # fmt: skip
one("squashed", (LOC, SCALE), lambda D, a, b: D.TransformedDistribution(
    D.Normal(a, b), D.TanhTransform(cache_size=1)), [[0.3, -0.7]])  # fmt: skip
one("simplex", (LOGITS, 0.5), lambda D, a, b: D.TransformedDistribution(
    D.Normal(a, b), D.StickBreakingTransform()), [0.1, 0.2, 0.3, 0.4])  # fmt: skip
one("reshaped", (LOGITS, 0.5), lambda D, a, b: D.TransformedDistribution(
    D.Independent(D.Normal(a, b), 1), D.ReshapeTransform((3,), (3, 1))),
    [[0.1], [0.2], [0.3]])  # fmt: skip

SHARE = [[0.1], [0.6]]  # for `icdf`
MOMENTS = ("mean", "mode", "variance", "stddev")
NO_PATH = {"LogitRelaxedBernoulli"}  # for PyTorch it has no `rsample`, but it does


def tensors(t: Any, parameters: tuple[Any, ...], dtype: str) -> list[Any]:
    return [t.tensor(p, dtype=getattr(t, dtype), requires_grad=True) for p in parameters]


def describe(t: Any, name: str, dtype: str) -> dict[str, Any]:
    """All that a distribution says of itself: by what was asked, a tensor."""
    parameters, make, values = ONES[name]
    inputs = tensors(t, parameters, dtype)
    d = make(t.distributions, *inputs)
    value = t.tensor(values, dtype=t.int64 if name.startswith("Cat") else getattr(t, dtype))
    calls: dict[str, Callable[[], Any]] = {m: lambda m=m: getattr(d, m) for m in MOMENTS}
    calls |= {
        "entropy": d.entropy, "log_prob": lambda: d.log_prob(value), "cdf": lambda: d.cdf(value),
        "icdf": lambda: d.icdf(t.tensor(SHARE, dtype=getattr(t, dtype))),
        "enumerate": d.enumerate_support, "enumerate-short": lambda: d.enumerate_support(False),
        "perplexity": d.perplexity,
        "expanded": lambda: d.expand((1, *d.batch_shape)).log_prob(value),
    }  # fmt: skip
    found = {}
    for what, call in calls.items():
        try:
            found[what] = call()
        except (NotImplementedError, AttributeError, ValueError):
            continue  # there is no such thing
        if what in ("log_prob", "entropy"):
            total = found[what][t.isfinite(found[what])].sum()
            gradients = t.autograd.grad(total, inputs, retain_graph=True, allow_unused=True)
            found |= {f"{what}-d{k}": g for k, g in enumerate(gradients) if g is not None}
    return found


def draw(t: Any, name: str, dtype: str) -> dict[str, Any]:
    """Samples of a seed, and gradients of such samples."""
    parameters, make, _ = ONES[name]
    inputs = tensors(t, parameters, dtype)
    d = make(t.distributions, *inputs)
    t.manual_seed(7)
    found = {"sample": d.sample(), "samples": d.sample((2, 3))}
    if d.has_rsample and name not in NO_PATH:
        found["rsample"] = y = d.rsample((2,))
        weights = t.arange(1, 1 + y.numel(), dtype=y.dtype).reshape(y.shape)
        gradients = t.autograd.grad((y * weights).sum(), inputs, allow_unused=True)
        found |= {f"path-d{k}": g for k, g in enumerate(gradients) if g is not None}
    found["after"] = t.rand(2)
    return found


# ------------------------------------------------------------------------------------------------
# Divergences
# ------------------------------------------------------------------------------------------------

KL: dict[str, Callable[[Any, Any, Any], Any]] = {  # by name: of D and two positive tensors
    "Bernoulli": lambda D, a, b: D.Bernoulli(a / (a + b)),
    "Beta": lambda D, a, b: D.Beta(a, b),
    "Binomial": lambda D, a, b: D.Binomial(5, a / (a + b)),
    "Categorical": lambda D, a, b: D.Categorical(logits=a - b),
    "Cauchy": lambda D, a, b: D.Cauchy(a - 1, b),
    "ContinuousBernoulli": lambda D, a, b: D.ContinuousBernoulli(a / (a + b)),
    "Dirichlet": lambda D, a, b: D.Dirichlet(a + b),
    "Exponential": lambda D, a, b: D.Exponential(a * b),
    "Gamma": lambda D, a, b: D.Gamma(a, b),
    "Chi2": lambda D, a, b: D.Chi2(a + b),
    "Geometric": lambda D, a, b: D.Geometric(a / (a + b)),
    "Gumbel": lambda D, a, b: D.Gumbel(a - 1, b),
    "HalfNormal": lambda D, a, b: D.HalfNormal(a * b),
    "Laplace": lambda D, a, b: D.Laplace(a - 1, b),
    "LogNormal": lambda D, a, b: D.LogNormal(a - 1, b),
    "Normal": lambda D, a, b: D.Normal(a - 1, b),
    "Independent": lambda D, a, b: D.Independent(D.Normal(a, b), 1),
    "MultivariateNormal": lambda D, a, b: D.MultivariateNormal(
        a, scale_tril=(b.unsqueeze(-1) * a.unsqueeze(-2)).tril()),
    "LowRankMultivariateNormal": lambda D, a, b: D.LowRankMultivariateNormal(
        a, b.unsqueeze(-1) - 1, a + b),
    "OneHotCategorical": lambda D, a, b: D.OneHotCategorical(a),
    "Pareto": lambda D, a, b: D.Pareto(a, b),
    "Poisson": lambda D, a, b: D.Poisson(a),
    "Uniform": lambda D, a, b: D.Uniform(a / 10, a / 10 + b / 10),
    "Uniform-wide": lambda D, a, b: D.Uniform(-a, a + b),
    "StudentT": lambda D, a, b: D.StudentT(a, a, b),
}  # fmt: skip
KL_P = ([[0.5, 1.5, 2.0], [1.0, 0.7, 3.0]], [[1.5, 0.4, 1.0], [2.0, 3.0, 0.6]])
KL_Q = ([[0.7, 1.2, 1.1], [2.0, 0.5, 2.5]], [[1.0, 0.9, 2.0], [0.5, 3.5, 1.5]])


def divergence(t: Any, name_p: str, name_q: str) -> dict[str, Any] | None:
    """KL(p || q) with its gradients; None if there is no formula."""
    inputs = [t.tensor(v, dtype=t.float64, requires_grad=True) for v in (*KL_P, *KL_Q)]
    p, q = KL[name_p](t.distributions, *inputs[:2]), KL[name_q](t.distributions, *inputs[2:])
    try:
        value = t.distributions.kl_divergence(p, q)
    except NotImplementedError:
        return None
    found = {"": value}
    finite = value[t.isfinite(value)]
    if finite.requires_grad and finite.numel():
        gradients = t.autograd.grad(finite.sum(), inputs, allow_unused=True)
        found |= {f"-d{k}": g for k, g in enumerate(gradients) if g is not None}
    return found


RUNS: dict[str, Callable[[Any], dict[str, Any] | None]] = {
    **{f"{part.__name__} {name} {dtype}": lambda t, p=part, n=name, d=dtype: p(t, n, d)
       for part in (describe, draw) for name in ONES for dtype in ("float32", "float64")},
    **{f"kl {p} {q}": lambda t, p=p, q=q: divergence(t, p, q) for p in KL for q in KL},
}  # fmt: skip

# ------------------------------------------------------------------------------------------------
# Words: printed forms, shapes, errors
# ------------------------------------------------------------------------------------------------

ERRORS = """
D.Normal(t.tensor([0., 1.]), t.tensor([1., -1.]))
D.Normal(0., 0.)
D.Normal('a', 1.)
D.Normal(0., 1.).log_prob(t.tensor(float('nan')))
D.Normal(0., 1.).log_prob(2.)
D.Normal(t.zeros(3), 1.).log_prob(t.zeros(2))
D.MultivariateNormal(t.zeros(3), t.eye(3)).log_prob(t.zeros(2))
D.MultivariateNormal(t.zeros(2), t.tensor([[1., 2.], [2., 1.]]))
D.MultivariateNormal(t.zeros(2), t.eye(2), scale_tril=t.eye(2))
D.MultivariateNormal(t.zeros(2))
D.MultivariateNormal(t.tensor(0.), t.eye(2))
D.MultivariateNormal(t.zeros(2), t.ones(2))
D.LowRankMultivariateNormal(t.tensor(0.), t.ones(2, 1), t.ones(2))
D.LowRankMultivariateNormal(t.zeros(2), t.ones(2), t.ones(2))
D.LowRankMultivariateNormal(t.zeros(2), t.ones(3, 1), t.ones(2))
D.LowRankMultivariateNormal(t.zeros(2), t.ones(2, 1), t.ones(3))
D.LowRankMultivariateNormal(t.zeros(3, 2), t.ones(4, 2, 1), t.ones(2))
D.Uniform(1., 0.)
D.Uniform(0., 1.).log_prob(t.tensor([0.5, 1.5]))
D.Exponential(-1.)
D.Exponential(1.).log_prob(t.tensor(-1.))
D.Gamma(t.tensor([1., 0.]), 1.)
D.Beta(1., -1.)
D.Dirichlet(t.tensor(1.))
D.Dirichlet(t.ones(3)).log_prob(t.ones(3))
D.Bernoulli()
D.Bernoulli(0.5, 0.5)
D.Bernoulli(1.5)
D.Bernoulli(0.5).log_prob(t.tensor(0.3))
D.Binomial(3, t.tensor([0.5])).log_prob(t.tensor([4.]))
D.Binomial(t.tensor([3., 4.]), t.tensor([0.5, 0.5])).entropy()
D.Geometric(0.)
D.Poisson(-1.)
D.Categorical()
D.Categorical(t.tensor(0.5))
D.Categorical(t.tensor([0.5, -0.5]))
D.Categorical(logits=t.tensor([0.5, float('nan')]))
D.Categorical(t.ones(3)).log_prob(t.tensor(3))
D.OneHotCategorical(t.ones(3)).log_prob(t.tensor([1., 1., 0.]))
D.Multinomial(t.tensor(3), t.ones(3))
D.Multinomial(3, t.ones(3)).log_prob(t.tensor([2., 2., 0.]))
D.Independent(D.Normal(0., 1.), 1)
D.Independent(D.Categorical(t.ones(2, 3)), 1).enumerate_support()
D.MixtureSameFamily(D.Normal(0., 1.), D.Normal(0., 1.))
D.MixtureSameFamily(D.Categorical(t.ones(3)), 3)
D.MixtureSameFamily(D.Categorical(t.ones(3)), D.Normal(t.zeros(2), 1.))
D.MixtureSameFamily(D.Categorical(t.ones(4, 3)), D.Normal(t.zeros(2, 3), 1.))
D.TransformedDistribution(D.Normal(0., 1.), 3)
D.TransformedDistribution(D.Normal(0., 1.), [3])
D.TransformedDistribution(D.Normal(0., 1.), D.StickBreakingTransform())
D.ReshapeTransform((2, 3), (4,))
D.ExpTransform(cache_size=2)
D.Poisson(1.).rsample()
D.Normal(0., 1.).enumerate_support()
D.Cauchy(0., 1.).mean.item().foo
D.Dirichlet(t.ones(2)).cdf(t.ones(2))
D.kl_divergence(D.Normal(0., 1.), D.Poisson(1.))
D.kl_divergence(D.Binomial(2, t.tensor(0.5)), D.Binomial(3, t.tensor(0.5)))
D.kl_divergence(D.MultivariateNormal(t.zeros(3), t.eye(3)), D.MultivariateNormal(t.zeros(2), t.eye(2)))
D.register_kl(int, D.Normal)
D.Normal.set_default_validate_args(3)
D.constraints.dependent.check(t.ones(2))
D.constraints.dependent.event_dim
""".strip().splitlines()


def words(t: Any) -> dict[str, Any]:
    """Printed forms and shapes of all distributions, and the classes and messages of errors."""
    said: dict[str, Any] = {}
    for name, (parameters, make, _) in ONES.items():
        d = make(t.distributions, *[t.tensor(p) for p in parameters])
        wider = d.expand((5, *d.batch_shape))
        said[name] = [
            repr(d), list(d.batch_shape), list(d.event_shape), repr(d.support),
            bool(d.has_rsample), bool(d.has_enumerate_support), list(wider.batch_shape),
            list(wider.event_shape), list(wider.sample((2,)).shape),
        ]  # fmt: skip
    for expression in ERRORS:
        try:
            eval(expression, {"t": t, "D": t.distributions})
        except Exception as error:
            said[expression] = [type(error).__name__, str(error)]
        else:
            said[expression] = None
    return said


if __name__ == "__main__":
    import torch
    import torch.distributions

    warnings.simplefilter("ignore")
    stored, pieces = {}, {}
    for key, answers in RUNS.items():
        found = answers(torch)
        if found is not None:
            kept = {what: value.detach().numpy() for what, value in found.items()}
            stored[key] = np.concatenate([np.ravel(v).astype(float) for v in kept.values()])
            pieces[key] = [[what, v.dtype.str, v.shape] for what, v in kept.items()]
    np.savez_compressed(TARGET, **stored)
    WORDS.write_text(json.dumps({"pieces": pieces, "words": words(torch)}) + "\n", encoding="utf-8")
    count = sum(len(p) for p in pieces.values())
    print(count, "answers,", TARGET.stat().st_size, WORDS.stat().st_size, "bytes")
