"""A number between 0 and 1 whose density is that of one trial, made continuous."""

from __future__ import annotations

import math
from typing import Any

from ..autograd.grad_mode import no_grad
from ..nn.functional import softplus
from ..ops.draws import uniform_
from ..ops.index import where
from ..tensor import Tensor
from ..tensor.creation import empty
from . import constraints
from .bernoulli import _OfTrials
from .utils import broadcast_all, clamp_probs, lazy_property, logits_to_probs, probs_to_logits

__all__ = ["ContinuousBernoulli"]


class ContinuousBernoulli(_OfTrials):
    r"""The continuous Bernoulli distribution, of numbers between 0 and 1.

    .. math:: p(x) = C \lambda^x (1 - \lambda)^{1-x} = e^{l x - A(l)}, \quad
        C = \frac{l}{\tanh(l / 2)}, \quad A(l) = \log\frac{e^l - 1}{l}

    where :math:`\lambda = \sigma(l)`. So the density is exponential, cut at 0 and 1; its mean is
    :math:`A'(l)`, not :math:`\lambda`. It makes a decoder's cross entropy with grey pixels, or
    other shares, a likelihood.

    Parameters
    ----------
    probs : Tensor or float, optional
        :math:`\lambda`, between 0 and 1.
    logits : Tensor or float, optional
        The log-odds l, instead.
    lims : tuple of float, default (0.499, 0.501)
        Where :math:`\lambda` is between these, power series stand for differences that cancel.
    validate_args : bool, optional

    References
    ----------
    G. Loaiza-Ganem, J. P. Cunningham, The continuous Bernoulli: fixing a pervasive error in
    variational autoencoders (2019), https://arxiv.org/abs/1907.06845

    Examples
    --------
    >>> import minigrad as mg
    >>> d = mg.distributions.ContinuousBernoulli(mg.tensor([0.5, 0.9]))
    >>> d.mean
    tensor([0.5000, 0.6699])
    >>> d.log_prob(mg.tensor(0.25))
    tensor([ 0.0000, -0.7429])
    """

    support = constraints.unit_interval
    has_rsample = True

    def __init__(
        self,
        probs: Any = None,
        logits: Any = None,
        lims: tuple[float, float] = (0.499, 0.501),
        validate_args: bool | None = None,
    ) -> None:
        self._lims = lims
        super().__init__(probs, logits, validate_args)
        if probs is not None:
            self.probs = clamp_probs(self.probs)

    @lazy_property
    def logits(self) -> Tensor:
        """The log-odds, ``log(probs / (1 - probs))``."""
        return probs_to_logits(self.probs, is_binary=True)

    @lazy_property
    def probs(self) -> Tensor:
        r""":math:`\lambda`, which is not the mean; kept away from 0 and 1."""
        return clamp_probs(logits_to_probs(self.logits, is_binary=True))

    @lazy_property
    def _is_flat(self) -> Tensor:
        """Where the density is so flat that series are used."""
        return (self.probs > self._lims[0]) & (self.probs <= self._lims[1])

    @lazy_property
    def _steep(self) -> Tensor:
        """The log-odds of `probs`, and 1 where series are used."""
        return where(self._is_flat, 1, probs_to_logits(self.probs, is_binary=True))

    @property
    def _log_scale(self) -> Tensor:
        """The logarithm of C."""
        steep, square = self._steep, self.logits**2
        series = math.log(2) + square / 12 - 7 / 1440 * square**2
        return where(self._is_flat, series, (steep / (steep / 2).tanh()).log())

    @property
    def mean(self) -> Tensor:
        steep, l = self._steep, self.logits  # noqa: E741
        series = 0.5 + l / 12 - l**3 / 720
        return where(self._is_flat, series, -1 / (-steep).expm1() - 1 / steep)

    @property
    def variance(self) -> Tensor:
        steep, square = self._steep, self.logits**2
        series = 1 / 12 - square / 240 + square**2 / 6048
        spread = 1 / steep**2 - 1 / (2 * (steep / 2).sinh()) ** 2
        return where(self._is_flat, series, spread)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            u = uniform_(empty(self._extended_shape(sample_shape), dtype=self._param.dtype))
        return self.icdf(u)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        return value * logits - softplus(logits) + self._log_scale

    def cdf(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        share = (self._steep * value).expm1() / self._steep.expm1()
        return where(self._is_flat, value, share)

    def icdf(self, value: Tensor) -> Tensor:
        inside = (value * self._steep.expm1()).log1p() / self._steep
        return where(self._is_flat, value, inside)

    def entropy(self) -> Tensor:
        logits = probs_to_logits(self.probs, is_binary=True)
        return softplus(logits) - self._log_scale - self.mean * logits
