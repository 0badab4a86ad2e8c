"""Distributions against PyTorch's answers, their gradients, samples, and what they refuse.

``golden/make_distributions.py`` has the tables and writes the answers.
"""

import json
import math
import pickle
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import minigrad as mg
from minigrad.autograd import gradcheck, gradgradcheck
from minigrad.distributions import constraints
from minigrad.ops.gamma import dirichlet_slope, gammainc, standard_gamma_slope

GOLDEN = Path(__file__).parent / "golden"
made = SimpleNamespace(**runpy.run_path(str(GOLDEN / "make_distributions.py")))
with np.load(made.TARGET) as file:
    STORED = dict(file)
SAID = json.loads(made.WORDS.read_text(encoding="utf-8"))
D = mg.distributions

pytestmark = [
    pytest.mark.once,  # what depends on kernels has tests of its own
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
]


def tolerance(run, what):
    """Of the relative error: PyTorch's trigamma has nine digits, its gamma samples' slopes four."""
    if what.startswith("path"):
        return 2e-3
    return 3e-5 if run.endswith("float32") else 1e-7


def expected_pieces(run):
    place = 0
    for what, dtype, shape in SAID["pieces"][run]:
        size = math.prod(shape)
        yield what, np.dtype(dtype), STORED[run][place : place + size].reshape(shape)
        place += size
    assert place == STORED[run].size


@pytest.mark.parametrize("run", SAID["pieces"])
def test_answers_are_pytorchs(run):
    found = made.RUNS[run](mg)
    for what, dtype, expected in expected_pieces(run):
        got = found[what].detach().numpy()
        assert (got.dtype, got.shape) == (dtype, expected.shape), what
        if run.startswith("kl Pareto") and what:  # PyTorch's is NaN where alpha is just 1 or 2
            got = np.where(np.isnan(expected), np.nan, got)
        scale = tolerance(run, what)
        np.testing.assert_allclose(got, expected, scale, scale, err_msg=what)


def test_the_golden_file_is_complete():
    for run in set(made.RUNS) - set(SAID["pieces"]):
        assert run.startswith("kl ")
        assert made.RUNS[run](mg) is None, run  # as in PyTorch, there is no formula


# What is said otherwise, on purpose: more, or for the first time.
SAYS_MORE = {"LogitRelaxedBernoulli", "D.register_kl(int, D.Normal)"}
KEYWORDS = {
    "D.kl_divergence(D.Normal(0., 1.), D.Poisson(1.))": r"No KL\(p \|\| q\) is implemented",
    "D.MixtureSameFamily(D.Normal(0., 1.), D.Normal(0., 1.))": "Mixture distribution needs to be",
}


@pytest.mark.parametrize("name", made.ONES)
def test_printed_forms_and_shapes_are_pytorchs(name):
    got, expected = made.words(mg)[name], SAID["words"][name]
    if name in SAYS_MORE:
        assert got[4]  # it has rsample
        got[4] = expected[4]
    assert got == expected


@pytest.mark.parametrize("expression", made.ERRORS)
def test_errors_have_pytorchs_class_and_words(expression):
    if expression in SAYS_MORE:
        kind, text = "TypeError", "Expected type_p to be a Distribution subclass but got"
    else:
        kind, text = SAID["words"][expression]
    with pytest.raises(Exception, match=KEYWORDS.get(expression)) as raised:
        eval(expression, {"t": mg, "D": D})
    assert type(raised.value).__name__ == kind
    if expression not in KEYWORDS and "event shapes" not in text:
        assert str(raised.value).startswith(text.removesuffix("."))


# ------------------------------------------------------------------------------------------------
# Gradients
# ------------------------------------------------------------------------------------------------

BOUNDARY = {"Bernoulli-probs"}  # 0, 0.5 and 1 are among its parameters
CONSTRAINED = {"MultivariateNormal-covariance", "MultivariateNormal-precision"}


def inputs_of(name):
    return [x.detach().requires_grad_() for x in made.tensors(mg, made.ONES[name][0], "float64")]


def symmetric(name, parameters):
    """A finite difference moves single entries of a matrix, which then is no covariance."""
    if name in CONSTRAINED:
        return [parameters[0], (parameters[1] + parameters[1].mT) / 2]
    return parameters


@pytest.mark.parametrize("name", [n for n in made.ONES if n not in BOUNDARY])
def test_derivatives_of_log_prob_and_entropy(name):
    _, make, values = made.ONES[name]
    value = mg.tensor(values, dtype=mg.int64 if name.startswith("Cat") else mg.float64)

    def log_prob(*parameters):
        return make(D, *symmetric(name, parameters)).log_prob(value)

    def entropy(*parameters):
        return make(D, *symmetric(name, parameters)).entropy()

    inputs = inputs_of(name)
    for function in (log_prob, entropy):
        try:
            function(*inputs)
        except NotImplementedError:
            continue
        assert gradcheck(function, inputs)
        assert gradgradcheck(function, inputs)


@pytest.mark.parametrize("name", ["Normal", "Beta", "Exponential", "Uniform", "LogNormal"])
def test_derivatives_by_the_value(name):
    _, make, values = made.ONES[name]
    d = make(D, *[x.detach() for x in inputs_of(name)])
    value = mg.tensor(values, dtype=mg.float64, requires_grad=True)
    assert gradcheck(d.log_prob, value)
    assert gradgradcheck(d.log_prob, value)
    if name != "Beta":
        assert gradcheck(d.cdf, value)


@pytest.mark.parametrize("run", [r for r in SAID["pieces"] if r.startswith("kl ")])
def test_derivatives_of_divergences(run):
    _, name_p, name_q = run.split()
    inputs = [mg.tensor(v, dtype=mg.float64, requires_grad=True) for v in (*made.KL_P, *made.KL_Q)]

    def divergence(*inputs):
        p, q = made.KL[name_p](D, *inputs[:2]), made.KL[name_q](D, *inputs[2:])
        return D.kl_divergence(p, q)[finite]

    finite = mg.tensor(True)
    finite = mg.isfinite(divergence(*inputs)[0])
    if divergence(*inputs).requires_grad:
        assert gradcheck(divergence, inputs)
        if name_p == name_q:
            assert gradgradcheck(divergence, inputs)


REPARAMETERISED = [n for n in made.ONES if n not in BOUNDARY and made.ONES[n][1](
    D, *inputs_of(n)).has_rsample]  # fmt: skip
BY_REJECTION = {"Gamma", "Chi2", "InverseGamma", "StudentT", "Beta", "Dirichlet"}


@pytest.mark.parametrize("name", [n for n in REPARAMETERISED if n not in BY_REJECTION])
def test_derivatives_of_samples(name):
    def sample(*parameters):
        mg.manual_seed(3)
        return made.ONES[name][1](D, *symmetric(name, parameters)).rsample((2,))

    if name != "OneHotCategoricalStraightThrough":  # whose gradient is another's
        assert gradcheck(sample, inputs_of(name))
        assert gradgradcheck(sample, inputs_of(name))


@pytest.mark.parametrize("a", [0.05, 0.3, 1.0, 4.0, 50.0, 3e3])
def test_gamma_samples_move_so_that_their_share_stays(a):
    rng = np.random.default_rng(0)
    z, h = rng.gamma(a, size=20), 1e-4 * a
    slope = standard_gamma_slope(z, np.full(20, a))
    above = gammainc(np.full(20, a + h), z + h * slope)
    below = gammainc(np.full(20, a - h), z - h * slope)
    np.testing.assert_allclose(above, below, atol=1e-7)
    assert slope.dtype == np.float64
    single = standard_gamma_slope(z.astype(np.float32), np.full(20, a, np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, slope, 1e-4)


@pytest.mark.parametrize(("a", "b"), [(1.0, 1.0), (1.0, 2.5), (0.5, 1.0), (7.0, 1.0)])
def test_beta_samples_move_so_that_their_share_stays(a, b):
    """For b = 1 the share below x is x^a, for a = 1 that above it is (1 - x)^b."""
    x = np.random.default_rng(0).beta(a, b, size=20)
    slope = (1 - x) * dirichlet_slope(x, np.full(20, a), np.full(20, a + b))
    if b == 1:
        np.testing.assert_allclose(slope, -x * np.log(x) / a, 1e-9)
    else:  # the same from the other side: what b does to 1 - x
        other = x * dirichlet_slope(1 - x, np.full(20, b), np.full(20, a + b))
        np.testing.assert_allclose(other, -(1 - x) * np.log1p(-x) / b, 1e-9)


def test_samples_by_rejection_have_no_second_derivative():
    for d, x in [(D.Gamma, mg.tensor([1.5])), (lambda a, b: D.Dirichlet(a), mg.tensor([1.0, 2.0]))]:
        x.requires_grad_()
        (g,) = mg.autograd.grad(d(x, 1.0).rsample().pow(2).sum(), x, create_graph=True)
        with pytest.raises(NotImplementedError, match="first derivatives only"):
            g.sum().backward()


def test_reinforce_and_the_path_agree():
    """Two estimates of the same gradient: d/dm E[(x - 3)^2] for x normal around m = 1."""
    mg.manual_seed(0)
    m = mg.tensor(1.0, dtype=mg.float64, requires_grad=True)
    d = D.Normal(m, mg.tensor(0.5, dtype=mg.float64))
    (path,) = mg.autograd.grad(((d.rsample((20000,)) - 3) ** 2).mean(), m)
    x = d.sample((200000,))
    (score,) = mg.autograd.grad((d.log_prob(x) * (x - 3) ** 2).mean(), m)
    assert path.item() == pytest.approx(-4, abs=0.02)
    assert score.item() == pytest.approx(-4, abs=0.1)


# ------------------------------------------------------------------------------------------------
# Samples
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", made.ONES)
def test_samples_are_from_the_support(name, dtype):
    parameters, make, _ = made.ONES[name]
    d = make(D, *made.tensors(mg, parameters, dtype))
    drawn = d.sample((2, 3))
    assert drawn.shape == (2, 3, *d.batch_shape, *d.event_shape)
    assert not drawn.requires_grad
    assert d.support.check(drawn).all()
    assert d.log_prob(drawn).shape == (2, 3, *d.batch_shape)


HEAVY = {"StudentT", "Cauchy", "HalfCauchy", "Pareto", "InverseGamma", "Categorical-vector"}
MEANS = [n for n in made.ONES if n not in HEAVY
         and not n.startswith("Categorical") and "mean" in {
             w for w, *_ in SAID["pieces"][f"describe {n} float64"]}]  # fmt: skip


@pytest.mark.parametrize("name", MEANS)
def test_samples_have_the_mean_and_the_variance(name):
    parameters, make, _ = made.ONES[name]
    d = make(D, *[x.detach() for x in made.tensors(mg, parameters, "float64")])
    mg.manual_seed(1)
    size = 4000
    drawn = d.sample((size,))
    error = (drawn.mean(0) - d.mean).abs() / (d.variance / size).sqrt().clamp(min=1e-9)
    assert error.max() < 4.5
    if name not in ("LogNormal", "Gumbel", "Gamma"):  # whose fourth moments are large
        assert ((drawn.var(0) - d.variance).abs() <= 0.3 * d.variance + 1e-9).all()


def test_draws_that_are_refused():
    with pytest.raises(RuntimeError, match="expected rate to be non-negative"):
        mg.poisson(mg.tensor([1.0, -1.0]))
    with pytest.raises(NotImplementedError, match="not implemented for 'Long'"):
        mg.poisson(mg.tensor([1]))
    with pytest.raises(RuntimeError, match=r"torch.float64 but expected torch.float32"):
        mg.binomial(mg.tensor([1.0]), mg.tensor([0.5]).double())
    with pytest.raises(RuntimeError, match=r"size of tensor a \(2\) must match .* b \(3\)"):
        mg.binomial(mg.ones(2), mg.ones(3) / 2)
    with pytest.raises(TypeError, match=r"binomial\(\): argument 'prob' \(position 2\)"):
        mg.binomial(mg.tensor([1.0]), 0.5)


def test_draws_by_rejection_take_the_words_that_they_use():
    """However many are drawn in advance: one after the other is the same as all at once."""
    rates = mg.tensor([0.5, 3.0, 30.0, 200.0, 0.0, 7.0])
    counts, chances = mg.tensor([100.0, 5.0, 0.0]), mg.tensor([0.4, 0.9, 0.5])
    shapes = mg.tensor([0.1, 1.0, 2.5, 40.0])
    mg.manual_seed(5)
    mg.randn(1)  # of which the second of a pair is kept
    at_once = [mg.poisson(rates), mg.binomial(counts, chances), D.Gamma(shapes, 1.0).sample()]
    after = mg.randn(3)
    mg.manual_seed(5)
    mg.randn(1)
    singly = [
        mg.cat([mg.poisson(r) for r in rates.split(1)]),
        mg.cat([mg.binomial(n, p) for n, p in zip(counts.split(1), chances.split(1))]),
        mg.cat([D.Gamma(a, 1.0).sample() for a in shapes.split(1)]),
    ]
    assert [a.equal(b) for a, b in zip(at_once, singly, strict=True)] == [True] * 3
    assert mg.randn(3).equal(after)
    x = mg.tensor([2.0], requires_grad=True)
    mg.poisson(x).sum().backward()
    assert x.grad.tolist() == [0.0]


def test_lazy_parameters_have_gradients_wherever_they_are_first_asked_for():
    logits = mg.zeros(3, requires_grad=True)
    d = D.Categorical(logits=logits)
    with mg.no_grad():
        d.sample()
        assert d.probs.requires_grad
    assert d.probs is d.probs


NUMBERS = {"Binomial": (5, 0.3), "NegativeBinomial": (5.0, 0.3)} | {
    name: (2.0, 3.0)[: len(made.ONES[name][0])]
    for name in ("Normal", "Laplace", "Cauchy", "Gumbel", "LogNormal", "HalfNormal", "HalfCauchy",
                 "Weibull", "Pareto", "InverseGamma", "Uniform", "Exponential", "Gamma", "Chi2",
                 "StudentT", "Beta", "Poisson")
}  # fmt: skip


@pytest.mark.parametrize("name", NUMBERS)
def test_parameters_may_be_numbers(name):
    numbers = [mg.tensor(v) if "inomial" in name else v for v in NUMBERS[name]]
    d = getattr(D, name)(*numbers)
    assert d.batch_shape == d.mean.shape == d.sample().shape == d.log_prob(d.sample()).shape == ()
    assert d.sample((3,)).shape == (3,)
    assert d.sample().dtype == mg.float32


def test_nothing_succeeds_before_no_failure():
    d = D.NegativeBinomial(mg.tensor(0.0), mg.tensor(0.3))
    assert d.log_prob(mg.tensor([0.0, 1.0])).tolist() == [0.0, -math.inf]
    assert d.sample((3,)).tolist() == [0.0] * 3


def test_gradients_flow_to_expanded_parameters():
    loc = mg.zeros(2, requires_grad=True)
    D.Normal(loc, 1.0).expand((3, 2)).log_prob(mg.ones(3, 2)).sum().backward()
    assert loc.grad.tolist() == [3.0, 3.0]


# ------------------------------------------------------------------------------------------------
# Checks, subclasses, divergences by registration
# ------------------------------------------------------------------------------------------------


def test_checks_can_be_turned_off():
    assert mg.isnan(D.Normal(0.0, -1.0, validate_args=False).log_prob(mg.tensor(0.0)))
    d = D.Uniform(0.0, 1.0, validate_args=False)
    assert d.log_prob(mg.tensor(2.0)) == -math.inf
    assert d.expand((2,)).log_prob(mg.tensor(2.0)).tolist() == [-math.inf] * 2
    D.Distribution.set_default_validate_args(False)
    try:
        D.Normal(0.0, -1.0)
    finally:
        D.Distribution.set_default_validate_args(True)
    with pytest.raises(ValueError, match="scale"):
        D.Normal(0.0, -1.0)


class Shifted(D.Normal):
    """A subclass with an ``__init__`` and an ``expand`` of its own, as PyTorch's pages show it."""

    def __init__(self, base, by, validate_args=None):
        self.base, self.by = base, by
        super().__init__(base + by, 1.0, validate_args)

    def expand(self, batch_shape, _instance=None):
        new = self._get_checked_instance(Shifted, _instance)
        new.base, new.by = self.base.expand(batch_shape), self.by
        return super().expand(batch_shape, new)


class Careless(D.Normal):
    def __init__(self, loc):
        super().__init__(loc, 1.0)


class Bare(D.Distribution):
    pass


def test_subclasses():
    d = Shifted(mg.zeros(2), 3.0).expand((4, 2))
    assert (d.batch_shape, d.base.shape, d.loc.tolist()[0]) == ((4, 2), (4, 2), [3.0, 3.0])
    with pytest.raises(NotImplementedError, match=r"Subclass Careless of Normal .* custom .expand"):
        Careless(mg.zeros(2)).expand((4, 2))
    with pytest.warns(UserWarning, match="does not define `arg_constraints`"):
        bare = Bare()
    for call in (bare.sample, bare.entropy, lambda: bare.mean, lambda: bare.log_prob(mg.ones(1))):
        with pytest.raises(NotImplementedError):
            call()
    with pytest.warns(UserWarning, match="does not define `support`"):
        bare._validate_sample(mg.ones(2))


def test_the_nearest_registered_divergence_is_taken():
    class Left(D.Normal):
        pass

    class Right(D.Normal):
        pass

    first = D.register_kl(Left, D.Normal)(lambda p, q: "left")
    assert D.kl_divergence(Left(0.0, 1.0), Right(0.0, 1.0)) == "left"
    D.register_kl(D.Normal, Right)(lambda p, q: "right")
    with pytest.warns(RuntimeWarning, match=r"Ambiguous .*register_kl\(Left, Right\)"):
        D.kl_divergence(Left(0.0, 1.0), Right(0.0, 1.0))
    D.register_kl(Left, Right)(first)
    assert D.kl_divergence(Left(0.0, 1.0), Right(0.0, 1.0)) == "left"
    assert D.kl_divergence(D.Normal(0.0, 1.0), Right(0.0, 1.0)) == "right"


def test_distributions_can_be_pickled():
    for name in ("Normal", "Categorical-logits", "logistic", "MixtureSameFamily", "Beta"):
        parameters, make, values = made.ONES[name]
        d = make(D, *[mg.tensor(p) for p in parameters])
        value = mg.tensor(values)
        assert pickle.loads(pickle.dumps(d)).log_prob(value).equal(d.log_prob(value))


# ------------------------------------------------------------------------------------------------
# Transforms and constraints
# ------------------------------------------------------------------------------------------------

TRANSFORMS = {
    "exp": lambda: D.ExpTransform(), "sigmoid": lambda: D.SigmoidTransform(),
    "tanh": lambda: D.TanhTransform(), "softplus": lambda: D.SoftplusTransform(),
    "affine": lambda: D.AffineTransform(mg.tensor(1.0).double(), -2.0),
    "compose": lambda: D.ComposeTransform([D.AffineTransform(0.0, 2.0), D.ExpTransform()]),
    "inverse": lambda: D.ComposeTransform([D.ExpTransform(), D.PowerTransform(3.0)]),
    "normal": lambda: D.CumulativeDistributionTransform(D.Normal(0.5, 2.0)),
    "stick": lambda: D.StickBreakingTransform(), "softmax": lambda: D.SoftmaxTransform(),
    "independent": lambda: D.IndependentTransform(D.ExpTransform(), 1),
    "reshape": lambda: D.ReshapeTransform((4,), (2, 2)),
}  # fmt: skip
X = [[0.3, -1.0, 0.7, 1.2], [-0.4, 0.1, 2.0, -0.2]]


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms(name):
    f, x = TRANSFORMS[name](), mg.tensor(X, dtype=mg.float64)
    y = f(x)
    assert f.domain.check(x).all()
    assert f.codomain.check(y).all()
    assert y.shape == f.forward_shape(x.shape)
    assert x.shape == f.inverse_shape(y.shape)
    assert f.inv.inv is f
    assert f == f
    assert f != D.AbsTransform()
    assert f(f.inv(y)).allclose(y)
    if not f.bijective:
        return
    assert f.inv(y).allclose(x)
    stretch = f.log_abs_det_jacobian(x, y)
    assert f.inv.log_abs_det_jacobian(y, x).allclose(-stretch)
    assert stretch.shape == x.shape[: x.dim() - f.domain.event_dim]
    for row, total in zip(x, stretch.reshape(2, -1).sum(1), strict=True):
        jacobian = np.array([
            mg.autograd.grad(f(r)[..., :-1].flatten()[k] if name == "stick" else f(r).flatten()[k],
                             r)[0].tolist()
            for k in range(4) for r in [row.detach().requires_grad_()]
        ])  # fmt: skip
        assert np.linalg.slogdet(jacobian)[1] == pytest.approx(total.item())


def test_a_cached_inverse_is_exact():
    for f in (D.TanhTransform(cache_size=1), D.TanhTransform().with_cache()):
        x = mg.tensor([20.0, -30.0])
        assert f.inv(f(x)) is x
        assert D.TanhTransform().inv(f(x)).tolist() == [math.inf, -math.inf]
    whole = D.ComposeTransform([D.TanhTransform(), D.AffineTransform(0.0, 2.0)], cache_size=1)
    assert whole.inv(whole(x)) is x
    assert D.AffineTransform(0.0, 2.0) == D.AffineTransform(0.0, mg.tensor(2.0))
    assert D.AffineTransform(0.0, 2.0) != D.AffineTransform(1.0, 2.0)
    assert repr(whole) == "ComposeTransform(\n    TanhTransform(),\n    AffineTransform()\n)"


CONSTRAINTS = [
    (constraints.boolean, [0.0, 0.5, 1.0], [1, 0, 1]),
    (constraints.nonnegative_integer, [0.0, 0.5, -1.0], [1, 0, 0]),
    (constraints.integer_interval(1, 3), [0.0, 1.0, 3.0, 2.5], [0, 1, 1, 0]),
    (constraints.half_open_interval(0, 1), [0.0, 0.5, 1.0], [1, 1, 0]),
    (constraints.greater_than_eq(1), [0.0, 1.0], [0, 1]),
    (constraints.less_than(1), [0.0, 1.0], [1, 0]),
    (constraints.real, [math.inf, math.nan], [1, 0]),
    (constraints.one_hot, [[0.0, 1.0], [1.0, 1.0]], [1, 0]),
    (constraints.lower_triangular, [[[1.0, 0.0], [2.0, 0.0]], [[1.0, 2.0], [0.0, 1.0]]], [1, 0]),
    (constraints.lower_cholesky, [[[1.0, 0.0], [2.0, 0.0]], [[1.0, 0.0], [2.0, 1.0]]], [0, 1]),
    (constraints.corr_cholesky, [[[1.0, 0.0], [0.6, 0.8]], [[1.0, 0.0], [0.6, 0.9]]], [1, 0]),
    (constraints.positive_definite, [[[2.0, 1.0], [1.0, 2.0]], [[1.0, 2.0], [2.0, 1.0]]], [1, 0]),
    (constraints.positive_semidefinite, [[[2.0, 0.0], [0.0, 0.0]], [[1.0, 2.0], [2.0, 1.0]]],
     [1, 0]),
    (constraints.symmetric, [[[2.0, 1.0], [1.0, 2.0]]], [1]),
    (constraints.symmetric, [[[2.0, 1.0]]], [0]),
    (constraints.cat([constraints.positive, constraints.boolean], -1, [1, 2]),
     [[0.5, 0.5, 1.0]], [[1, 0, 1]]),
    (constraints.stack([constraints.positive, constraints.boolean], -1), [[0.5, 0.5]], [[1, 0]]),
]  # fmt: skip


@pytest.mark.parametrize(("constraint", "values", "expected"), CONSTRAINTS)
def test_constraints(constraint, values, expected):
    assert constraint.check(mg.tensor(values)).int().tolist() == expected


def test_constraints_of_classes_and_of_objects():
    assert constraints.is_dependent(D.Uniform.support)
    assert D.Uniform.support.event_dim == 0
    assert D.Uniform(0.0, 2.0).support.check(mg.tensor([1.0, 3.0])).tolist() == [True, False]
    assert constraints.dependent(is_discrete=True, event_dim=1).event_dim == 1
