"""The normal distribution of vectors, with any covariance, or one of low rank and a diagonal."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from ..ops.arrange import diag_embed
from ..ops.shape import flip
from ..ops.solving import cholesky, cholesky_inverse, solve_triangular
from ..tensor import Tensor
from ..tensor.creation import eye
from ..tensor.questions import broadcast_shapes
from . import constraints
from .distribution import Distribution
from .utils import lazy_property, standard_normal

__all__ = ["LowRankMultivariateNormal", "MultivariateNormal"]


class MultivariateNormal(Distribution):
    r"""The normal distribution of vectors with n entries.

    .. math:: p(x) = \frac{1}{\sqrt{(2 \pi)^n \det \Sigma}}
              \exp\left(-\tfrac12 (x - \mu)^T \Sigma^{-1} (x - \mu)\right), \quad \Sigma = L L^T

    Parameters
    ----------
    loc : Tensor, shape (..., n)
        The mean, :math:`\mu`.
    covariance_matrix : Tensor, shape (..., n, n), optional
        :math:`\Sigma`, symmetric and positive definite.
    precision_matrix : Tensor, shape (..., n, n), optional
        Its inverse, instead.
    scale_tril : Tensor, shape (..., n, n), optional
        Its Cholesky factor L, instead: lower triangular, with a positive diagonal. Everything is
        computed with it, so this is the cheapest to give.
    validate_args : bool, optional

    Raises
    ------
    ValueError
        Not exactly one of the three is given, or something has too few axes.

    Examples
    --------
    >>> import minigrad as mg
    >>> covariance = mg.tensor([[2.0, 1.0], [1.0, 1.0]])
    >>> mvn = mg.distributions.MultivariateNormal(mg.zeros(2), covariance)
    >>> mvn.log_prob(mg.tensor([1.0, 0.0]))
    tensor(-2.3379)
    """

    arg_constraints: ClassVar = {
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    support = constraints.real_vector
    has_rsample = True

    def __init__(
        self,
        loc: Tensor,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        matrices = {
            "covariance_matrix": covariance_matrix,
            "precision_matrix": precision_matrix,
            "scale_tril": scale_tril,
        }
        given = [(name, matrix) for name, matrix in matrices.items() if matrix is not None]
        if len(given) != 1:
            raise ValueError(
                "Exactly one of covariance_matrix or precision_matrix or scale_tril may be "
                "specified."
            )
        ((name, matrix),) = given
        if matrix.dim() < 2:
            raise ValueError(
                f"{name} must be at least two-dimensional, with optional leading batch dimensions"
            )
        batch_shape = broadcast_shapes(matrix.shape[:-2], loc.shape[:-1])
        self.loc = loc.expand(*batch_shape, -1)
        setattr(self, name, matrix.expand(*batch_shape, -1, -1))
        super().__init__(batch_shape, self.loc.shape[-1:], validate_args=validate_args)
        if covariance_matrix is not None:
            self._factor = cholesky(matrix)
        else:
            self._factor = matrix if precision_matrix is None else _factor_of_inverse(matrix)

    def _matrices(self, matrix: Tensor) -> Tensor:
        return matrix.expand(self._batch_shape + self._event_shape * 2)

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The Cholesky factor L of the covariance."""
        return self._matrices(self._factor)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """The covariance."""
        return self._matrices(self._factor @ self._factor.mT)

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The inverse of the covariance."""
        return self._matrices(cholesky_inverse(self._factor))

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return (self._factor**2).sum(-1).expand(self.loc.shape)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        noise = standard_normal(self._extended_shape(sample_shape), self.loc.dtype)
        return self.loc + (self._factor @ noise.unsqueeze(-1)).squeeze(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        square = mahalanobis(self._factor, value - self.loc)
        size = self._event_shape[0]
        return -0.5 * (size * math.log(2 * math.pi) + square) - log_diagonal(self._factor)

    def entropy(self) -> Tensor:
        size = self._event_shape[0]
        nats = 0.5 * size * (1 + math.log(2 * math.pi)) + log_diagonal(self._factor)
        return nats.expand(self._batch_shape)


class LowRankMultivariateNormal(Distribution):
    r"""The normal distribution of vectors with n entries that m < n numbers move together.

    .. math:: \Sigma = W W^T + D, \quad C = I + W^T D^{-1} W, \quad
              \Sigma^{-1} = D^{-1} - D^{-1} W C^{-1} W^T D^{-1}, \quad \det \Sigma = \det C \det D

    with a diagonal D: densities take a Cholesky factor of the m by m matrix C only.

    Parameters
    ----------
    loc : Tensor, shape (..., n)
        The mean.
    cov_factor : Tensor, shape (..., n, m)
        W.
    cov_diag : Tensor, shape (..., n)
        The diagonal of D, positive.
    validate_args : bool, optional

    Raises
    ------
    ValueError
        The shapes do not go together.
    LinAlgError
        C is not positive definite, as `cov_diag` is not positive.

    Examples
    --------
    >>> import minigrad as mg
    >>> W = mg.tensor([[1.0], [2.0]])
    >>> d = mg.distributions.LowRankMultivariateNormal(mg.zeros(2), W, mg.ones(2))
    >>> d.covariance_matrix
    tensor([[2., 2.],
            [2., 5.]])
    >>> d.log_prob(mg.tensor([1.0, 0.0]))
    tensor(-3.1504)
    """

    arg_constraints: ClassVar = {
        "loc": constraints.real_vector,
        "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1),
    }
    support = constraints.real_vector
    has_rsample = True

    def __init__(
        self,
        loc: Tensor,
        cov_factor: Tensor,
        cov_diag: Tensor,
        validate_args: bool | None = None,
    ) -> None:
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        size = loc.shape[-1]
        if cov_factor.dim() < 2:
            raise ValueError(
                "cov_factor must be at least two-dimensional, with optional leading batch "
                "dimensions"
            )
        if cov_factor.shape[-2] != size:
            raise ValueError(
                f"cov_factor must be a batch of matrices with shape {size} x m, but has shape "
                f"{list(cov_factor.shape)}"
            )
        if cov_diag.shape[-1:] != loc.shape[-1:]:
            raise ValueError(
                f"cov_diag must be a batch of vectors with shape {loc.shape[-1:]}, but has shape "
                f"{list(cov_diag.shape)}"
            )
        try:
            batch_shape = broadcast_shapes(
                loc.shape[:-1], cov_factor.shape[:-2], cov_diag.shape[:-1]
            )
        except RuntimeError:
            raise ValueError(
                f"Incompatible batch shapes: loc {loc.shape}, cov_factor {cov_factor.shape}, "
                f"cov_diag {cov_diag.shape}"
            ) from None
        self.loc = loc.expand(*batch_shape, -1)
        self.cov_factor = cov_factor.expand(*batch_shape, -1, -1)
        self.cov_diag = cov_diag.expand(*batch_shape, -1)
        self._scaled = cov_factor.mT / cov_diag.unsqueeze(-2)  # W^T D^-1
        inner = self._scaled @ cov_factor
        self._inner_factor = cholesky(inner + eye(inner.size(-1), dtype=inner.dtype))
        super().__init__(batch_shape, self.loc.shape[-1:], validate_args=validate_args)

    @property
    def _factor(self) -> Tensor:
        return self.scale_tril

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The Cholesky factor of the covariance: that of ``I + D^-1/2 W W^T D^-1/2``, scaled."""
        root = self.cov_diag.sqrt().unsqueeze(-1)
        scaled = self.cov_factor / root
        one = eye(self._event_shape[0], dtype=scaled.dtype)
        return root * cholesky(scaled @ scaled.mT + one)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """The covariance."""
        return self.cov_factor @ self.cov_factor.mT + diag_embed(self.cov_diag)

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The inverse of the covariance."""
        solved = solve_triangular(self._inner_factor, self._scaled, upper=False)
        return diag_embed(1 / self.cov_diag) - solved.mT @ solved

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return (self.cov_factor**2).sum(-1) + self.cov_diag

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        common = standard_normal((*shape[:-1], self.cov_factor.size(-1)), self.loc.dtype)
        own = standard_normal(shape, self.loc.dtype)
        moved = (self.cov_factor @ common.unsqueeze(-1)).squeeze(-1)
        return self.loc + moved + self.cov_diag.sqrt() * own

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        difference = value - self.loc
        projected = (self._scaled @ difference.unsqueeze(-1)).squeeze(-1)
        square = (difference**2 / self.cov_diag).sum(-1)
        square = square - mahalanobis(self._inner_factor, projected)
        size = self._event_shape[0]
        return -0.5 * (size * math.log(2 * math.pi) + square + self._log_det())

    def entropy(self) -> Tensor:
        nats = 0.5 * (self._event_shape[0] * (1 + math.log(2 * math.pi)) + self._log_det())
        return nats.expand(self._batch_shape)

    def _log_det(self) -> Tensor:
        """The logarithm of the determinant of the covariance."""
        return 2 * log_diagonal(self._inner_factor) + self.cov_diag.log().sum(-1)


def mahalanobis(factor: Tensor, difference: Tensor) -> Tensor:
    """The squared length of the vectors ``L^-1 x``, that is ``x^T Sigma^-1 x``."""
    size = difference.size(-1)
    batch = broadcast_shapes(factor.shape[:-2], difference.shape[:-1])
    solved = solve_triangular(
        factor.expand(*batch, size, size),
        difference.expand(*batch, size).unsqueeze(-1),
        upper=False,
    )
    return (solved**2).sum((-2, -1))


def log_diagonal(factor: Tensor) -> Tensor:
    """The logarithm of the determinant of a triangular matrix."""
    return factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def _factor_of_inverse(precision: Tensor) -> Tensor:
    """The Cholesky factor of the inverse.

    With rows and columns in reverse order, the factor of the precision becomes an upper triangular
    one of it, ``P = U U^T``; so the inverse is ``U^-T U^-1``, whose first factor is lower
    triangular.
    """
    reversed_factor = cholesky(flip(precision, (-2, -1)))
    upper_transposed = flip(reversed_factor, (-2, -1)).mT
    identity = eye(precision.size(-1), dtype=precision.dtype).expand(precision.shape)
    return solve_triangular(upper_transposed, identity, upper=False)
