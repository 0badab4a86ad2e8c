"""Special functions: their digits, against values of mpmath with fifty of them, and identities.

What they are at zeros and infinities, their gradients, types and layouts are in the tables of all
operations.
"""

import math

import numpy as np
import pytest

import minigrad as mg
from minigrad import special

pytestmark = pytest.mark.once  # no kernel computes them

EXACT = {
    "lgamma": {-2.5: -0.056243716497674051, 1e-08: 18.420680738180209, 0.5: 0.57236494292470009,
               1.5: -0.12078223763524522, 3.7: 1.4280723266653881, 40.25: 107.55163153760463,
               1e6: 12815504.569147612},
    "digamma": {-7.3: 4.3373073055100501, -0.5: 0.036489973978576521, 1e-08: -100000000.57721565,
                0.5: -1.9635100260214235, 3.7: 1.1671535393615114, 9.9: 2.2411803166063814,
                40.25: 3.6826362084455624, 1e6: 13.815510057964191},
    "erfc": {-2.5: 1.999593047982555, 0.3: 0.67137324054087258, 5.0: 1.5374597944280349e-12,
             25.0: 8.3001725711965228e-274},
    "erfinv": {-0.9999999: -3.7665625816384709, -0.3: -0.27246271472675435,
               1e-300: 8.8622692545275804e-301, 1e-10: 8.8622692545275805e-11,
               0.5: 0.47693627620446987, 0.9: 1.1630871536766742, 1 - 2**-53: 5.8635847487551679},
    "erfcx": {-26.0: 7.6577249314905684e+293, -3.3: 107274.43593281436, 0.5: 0.61569034419292587,
              3.9: 0.14031418160068974, 4.1: 0.13383411641865199, 27.0: 0.020881607990420941,
              1e4: 5.6418958072680841e-5},
    "ndtri": {1e-20: -9.2623400897984076, 1e-05: -4.2648907939228246, 0.1: -1.2815515655446004,
              0.4: -0.25334710313579974, 0.999: 3.0902323061678133},
    "log_ndtr": {-40.0: -804.60844201375379, -9.0: -43.628149113332115, -1.0: -1.8410216450092635,
                 0.5: -0.36894641528865639, 6.0: -9.8658764552437573e-10},
}  # fmt: skip
POLYGAMMA = [  # n, x, value
    (1, -2.5, 9.5392466449891238), (1, 0.3, 12.245364546107731), (1, 9.9, 0.10628304162874059),
    (1, 30.0, 0.033895060357739944), (2, -2.5, -0.1082040516417274), (2, 1.0, -2.4041138063191886),
    (2, 30.0, -0.0011487652035285998), (3, 0.3, 743.14176465504978),
    (3, 9.9, 0.0023944512637461599),
    (5, -2.5, 15382.140048026304), (5, 0.3, 164634.84609922304), (5, 30.0, 1.0726994936161624e-6),
]  # fmt: skip
GAMMAINC = [  # a, x, P, 1 - P
    (0.001, 1e-6, 0.98684813369407667, 0.013151866305923335),
    (0.5, 2.0, 0.95449973610364159, 0.045500263896358414),
    (2.0, 0.01, 4.9667913340265892e-5, 0.99995033208665973),
    (7.3, 31.0, 0.99999991629518799, 8.3704812008947682e-8),
    (100.0, 99.0, 0.47330433039946099, 0.52669566960053901),
    (1e4, 9900.0, 0.15865119219356466, 0.84134880780643534),
]


@pytest.mark.parametrize("name", EXACT)
def test_digits(name):
    function = getattr(special, name, None) or getattr(mg, name)
    x, expected = map(np.array, zip(*EXACT[name].items(), strict=True))
    np.testing.assert_allclose(function(mg.tensor(x)).numpy(), expected, 5e-14)
    x = x.astype(np.float32)  # other numbers, some of them
    with np.errstate(over="ignore"):
        wide = function(mg.tensor(x).double()).numpy().astype(np.float32)
    single = function(mg.tensor(x))
    assert single.dtype == mg.float32
    np.testing.assert_array_equal(single.numpy(), wide)


@pytest.mark.parametrize(("n", "x", "expected"), POLYGAMMA)
def test_digits_of_polygamma(n, x, expected):
    x = mg.tensor(x, dtype=mg.float64)
    assert mg.polygamma(n, x).item() == pytest.approx(expected, rel=1e-11)
    assert x.polygamma(n).equal(mg.polygamma(n, x))


@pytest.mark.parametrize(("a", "x", "lower", "upper"), GAMMAINC)
def test_digits_of_the_incomplete_gamma_function(a, x, lower, upper):
    a, x = mg.tensor([a, x], dtype=mg.float64)
    assert special.gammainc(a, x).item() == pytest.approx(lower, rel=1e-11)
    assert special.gammaincc(a, x).item() == pytest.approx(upper, rel=1e-11)


def test_the_incomplete_gamma_function_at_its_ends():
    inf, nan = math.inf, math.nan
    a = mg.tensor([0.0, 1.0, 1.0, inf, 0.0, -1.0, 1.0, nan])
    x = mg.tensor([1.0, 0.0, inf, 1.0, 0.0, 1.0, -1.0, 1.0])
    np.testing.assert_array_equal(special.gammainc(a, x), [1, 0, 1, 0, nan, nan, nan, nan])
    np.testing.assert_array_equal(special.gammaincc(a, x), [0, 1, 0, 1, nan, nan, nan, nan])
    assert special.gammainc(mg.ones(2, 1), mg.ones(3)).shape == (2, 3)
    assert special.gammainc(mg.tensor([1]), mg.tensor([2])).dtype == mg.float32


def test_multigammaln():
    a = mg.tensor([2.0, 3.5], dtype=mg.float64)
    expected = sum(mg.lgamma(a - k / 2) for k in range(3)) + 1.5 * math.log(math.pi)
    assert special.multigammaln(a, 3).allclose(expected)
    assert special.multigammaln(mg.tensor([3]), 2).dtype == mg.float32
    with pytest.raises(RuntimeError, match="p has to be greater than or equal to 1"):
        special.multigammaln(a, 0)


def test_other_names():
    x = mg.tensor([0.2, 0.7])
    for name, same in (("expit", "sigmoid"), ("gammaln", "lgamma"), ("psi", "digamma")):
        assert getattr(special, name)(x).equal(getattr(mg, same)(x))
    assert set(special.__all__) <= set(dir(special))


def test_what_is_refused():
    with pytest.raises(RuntimeError, match="negative n"):
        mg.polygamma(-1, mg.ones(2))
    with pytest.raises(TypeError, match=r"polygamma\(\): argument 'n' must be int, not float"):
        mg.polygamma(1.5, mg.ones(2))
    with pytest.raises(TypeError, match=r"special_entr\(\): argument 'input' \(position 1\)"):
        special.entr(np.ones(2))
    with pytest.raises(TypeError, match=r"gammainc\(\): argument 'other' \(position 2\)"):
        special.gammainc(mg.ones(2), [1.0])
    with pytest.raises(TypeError, match=r"logit\(\): argument 'eps'"):
        mg.logit(mg.ones(2), "a")
