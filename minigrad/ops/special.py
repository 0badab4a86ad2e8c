r"""Special functions: `minigrad.special`, PyTorch's ``torch.special``.

Those that are functions of `minigrad` itself as well (``lgamma``, ``erf``, ...) are in
`elementwise`; here are the others, and the other names of the first. Around the normal
distribution,

.. math::
    \Phi(x) = \mathrm{ndtr}(x) = \frac{1}{\sqrt{2 \pi}} \int_{-\infty}^x e^{-t^2/2} dt
    = \tfrac12 \mathrm{erfc}(-x / \sqrt 2), \qquad
    \mathrm{erfcx}(x) = e^{x^2} \mathrm{erfc}(x)

around the gamma function, with the functions of `gamma`,

.. math::
    \log \Gamma_p(a) = \tfrac{p (p - 1)}{4} \log \pi
    + \sum_{i=1}^{p} \log \Gamma(a + \tfrac{1 - i}{2})

and around the logarithm ``entr``, :math:`-x \log x`. Source:
https://docs.pytorch.org/docs/stable/special.html, of which Bessel's functions, Airy's, the zeta
function and orthogonal polynomials are not here.

Examples
--------
>>> import minigrad as mg
>>> mg.special.log_ndtr(mg.tensor([-9.0, 0.0]))
tensor([-43.6282,  -0.6931])
>>> x = mg.tensor(0.5, requires_grad=True)
>>> mg.special.entr(x).backward()
>>> x.grad
tensor(-0.3069)
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import dtypes
from ..autograd.primitive import primitive
from ..autograd.tensor_base import array_of
from . import elementwise as ew
from .arguments import as_int
from .cast import cast, common_type
from .checked import checked_methods, publish
from .elementwise import (
    digamma,
    erf,
    erfc,
    erfinv,
    exp2,
    expm1,
    lgamma,
    log1p,
    logit,
    polygamma,
    round,
    sigmoid,
    xlogy,
)  # fmt: skip
from .erf import erfc as erfc_of
from .erf import erfcx as erfcx_of
from .erf import in_float64
from .erf import ndtri as ndtri_of
from .gamma import gammainc as gammainc_of
from .gamma import gammaincc as gammaincc_of
from .index import where
from .inplace import inplace
from .layout import entrywise
from .makers import binary, unary
from .reduce import log_softmax, logsumexp, softmax
from .reduce import sum as sum_
from .shape import unbroadcast, unsqueeze

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = [
    "digamma", "entr", "erf", "erfc", "erfcx", "erfinv", "exp2", "expit", "expm1", "gammainc",
    "gammaincc", "gammaln", "log1p", "log_ndtr", "log_softmax", "logit", "logsumexp",
    "multigammaln", "ndtr", "ndtri", "polygamma", "psi", "round", "softmax", "xlog1py", "xlogy",
]  # fmt: skip

ROOT_HALF = math.sqrt(0.5)

expit, gammaln, psi = sigmoid, lgamma, digamma


def _entropy(x: np.ndarray) -> np.ndarray:
    """-x log x; 0 at 0 and -inf below, where x is no probability."""
    return np.where(x == 0, 0, np.where(x < 0, -np.inf, -x * np.log(x)))


@in_float64
def _log_ndtr(x: np.ndarray) -> np.ndarray:
    """log(ndtr(x)), from the scaled function where the other one vanishes."""
    low = np.minimum(x, -1)
    return np.where(
        x < -1,
        np.log(erfcx_of(-low * ROOT_HALF) / 2) - low * low / 2,
        np.log1p(-erfc_of(np.maximum(x, -1) * ROOT_HALF) / 2),
    )


def _density_over_ndtr(x: Any) -> Any:
    """The derivative of log_ndtr, in two forms, neither of which overflows where it is used."""
    low, high = where(x < 1, x, 1), where(x < 1, 1, x)
    left = 1 / _erfcx(low * -ROOT_HALF)
    right = ew.exp(high * high * -0.5) / ew.erfc(high * -ROOT_HALF)
    return where(x < 1, left, right) * math.sqrt(2 / math.pi)


def _x_log1p_y(a: Any, b: Any) -> Any:
    return np.where((np.asarray(a) == 0) & ~np.isnan(b), 0, a * _log1p_of(b))


def _log1p_of(b: Any) -> Any:
    return float(np.log1p(b)) if isinstance(b, (float, int)) else ew.log1p(b)


# fmt: off
entr = unary("special_entr", "``-input * log(input)``, the terms of an entropy; 0 at 0.",
             _entropy, lambda g, x: g * (-1 - ew.log(x)))
_erfcx = unary("special_erfcx",
              "``exp(input**2) * erfc(input)``, which does not vanish where `erfc` does.",
              erfcx_of, lambda g, y, x: g * (2 * x * y - 2 / math.sqrt(math.pi)))
log_ndtr = unary("special_log_ndtr", "The logarithm of `ndtr`, exact also where that vanishes.",
                 _log_ndtr, lambda g, x: g * _density_over_ndtr(x))
ndtri = unary("special_ndtri",
              "The inverse of `ndtr`: below it a standard normal number has probability ``input``.",
              ndtri_of, lambda g, y: g * (math.sqrt(2 * math.pi) * ew.exp(y * y / 2)))
_xlog1py = binary("special_xlog1py",
                 "``input * log(1 + other)``, and 0 where ``input`` is 0, whatever its logarithm.",
                 _x_log1p_y,
                 floats=True,
                 a=lambda g, a, b: where((a == 0) & (b <= -1), 0, _xlog1py(g, b)),
                 b=lambda g, a, b: g * (a / (1 + b)))
# fmt: on
erfcx, xlog1py = _erfcx, _xlog1py  # (rules use the forms for arrays, too)


def ndtr(input: Any) -> Tensor:
    """The probability that a standard normal number is less than `input`."""
    return ew.erfc(input * -ROOT_HALF) / 2


def multigammaln(input: Any, p: int) -> Tensor:
    """The logarithm of the multivariate gamma function of dimension `p`, for each entry.

    Raises
    ------
    RuntimeError
        `p` is less than 1.
    """
    p = as_int(p, "multigammaln", "p")
    if p < 1:
        raise RuntimeError(f"p has to be greater than or equal to 1, but got p={p}")
    a = _as_floats(input)
    halves = np.arange(p, dtype=array_of(a).dtype) / 2
    return sum_(ew.lgamma(unsqueeze(a, -1) - halves), -1) + p * (p - 1) / 4 * math.log(math.pi)


def _as_floats(x: Any) -> Any:
    return x if array_of(x).dtype.kind == "f" else cast(x, dtypes.default())


# ------------------------------------------------------------------------------------------------
# Incomplete gamma functions
# ------------------------------------------------------------------------------------------------


def _unknown_slope(g: Any) -> Any:
    raise NotImplementedError(
        "the derivative for 'igamma: input' is not implemented: gammainc(input, other) and "
        "gammaincc(input, other) have a gradient with respect to other only"
    )


def _density(a: Any, x: Any) -> Any:
    """The derivative of gammainc(a, x) by x."""
    return ew.exp(ew.xlogy(a - 1, x) - x - ew.lgamma(a))


_lower = primitive("igamma", lambda a, x: gammainc_of(a, x), layout=entrywise,
                   a=_unknown_slope,
                   x=lambda g, a, x, x_shape: unbroadcast(
                       g * _density(a, x), x_shape))  # fmt: skip
_upper = primitive("igammac", lambda a, x: gammaincc_of(a, x), layout=entrywise,
                   a=_unknown_slope,
                   x=lambda g, a, x, x_shape: unbroadcast(
                       -g * _density(a, x), x_shape))  # fmt: skip


def gammainc(input: Any, other: Any) -> Tensor:
    r"""The share of the gamma function's integral that lies below `other`.

    .. math:: P(a, x) = \frac{1}{\Gamma(a)} \int_0^x t^{a-1} e^{-t} dt

    Parameters
    ----------
    input, other : Tensor
        a and x, not negative. Only x has a gradient, as in PyTorch.
    """
    return _lower(*common_type((_as_floats(input), _as_floats(other))))


def gammaincc(input: Any, other: Any) -> Tensor:
    """``1 - gammainc(input, other)``, exact also where it is small."""
    return _upper(*common_type((_as_floats(input), _as_floats(other))))


@checked_methods
class Methods:
    """What of this page is a method of tensors, under other names than in `special`."""

    __slots__ = ()

    igamma, igammac, mvlgamma = gammainc, gammaincc, multigammaln
    igamma_, igammac_ = inplace(gammainc, "igamma_"), inplace(gammaincc, "igammac_")
    mvlgamma_ = inplace(multigammaln, "mvlgamma_")


publish(globals(), __all__)
