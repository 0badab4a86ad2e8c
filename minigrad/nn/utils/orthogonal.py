r"""Orthogonal weights: maps from all matrices to those with orthonormal columns (or rows).

A step of an optimizer leads away from the orthogonal matrices. So the weight is :math:`Q = B\,
f(X)`: X is trained, every X gives an orthogonal :math:`f(X)`, and the fixed orthogonal matrix B is
the weight at the beginning, when :math:`f(X) = I`. With the skew-symmetric
:math:`A = \mathrm{tril}(X) - \mathrm{tril}(X)^T` the maps are

- ``matrix_exp``: :math:`\exp(A)`;
- ``cayley``: :math:`(I - A/2)^{-1} (I + A/2)`;
- ``householder``: the product of the reflections :math:`I - 2 v v^T / v^T v`, where the v are the
  columns of X below the diagonal, with a 1 on it.

Rows are made orthonormal by transposing before and after; everything works on batches (..., n, k).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd.grad_mode import no_grad
from ...ops.decompositions import qr
from ...ops.elementwise import allclose
from ...ops.index import diagonal
from ...ops.join import cat
from ...ops.linalg import matrix_exp
from ...ops.shape import transpose, tril, triu
from ...ops.solving import solve, solve_triangular
from ...tensor import Tensor, from_array
from ...tensor.creation import eye, randn, zeros_like
from ..module import Module
from . import parametrize

__all__ = ["orthogonal"]

MAPS = ("matrix_exp", "cayley", "householder")


def _identity(rows: int, columns: int, like: Any) -> Any:
    return eye(rows, columns, dtype=like.dtype)


def cayley(A: Any) -> Any:
    """The Cayley map of matrices without the eigenvalue 2."""
    unit = _identity(A.size(-1), A.size(-1), A)
    return solve(unit - A * 0.5, unit + A * 0.5)


def householder(X: Any) -> Any:
    r"""The first k columns of the product of k reflections, given as the columns of X.

    The product is :math:`I - V T V^T` with an upper triangular T, whose inverse has
    :math:`v_i^T v_j` above the diagonal and half of that on it.
    """
    n, k = X.size(-2), X.size(-1)
    unit = _identity(n, k, X)
    V = tril(X, -1) + unit
    products = transpose(V, -2, -1) @ V
    inverse = triu(products) - products * (_identity(k, k, X) * 0.5)
    return unit - V @ solve_triangular(inverse, transpose(V[..., :k, :], -2, -1), upper=True)


def nearest(A: Any) -> Any:
    """The orthogonal factor Q of A = QR with a positive diagonal of R."""
    q, r = qr(A)
    return q * diagonal(r, 0, -2, -1).sign().unsqueeze(-2)


def _is_orthogonal(Q: Any) -> bool:
    precision = 10.0 * Q.size(-2) * float(np.finfo(Q.array.dtype).eps)
    product = transpose(Q, -2, -1) @ Q
    return bool(allclose(product, _identity(Q.size(-1), Q.size(-1), Q), atol=precision))


class _Orthogonal(Module):
    """The parametrisation; `base` is B, or None as long as there was nothing to begin with."""

    def __init__(self, weight: Any, orthogonal_map: str, use_trivialization: bool) -> None:
        super().__init__()
        self.shape = weight.shape
        self.orthogonal_map = orthogonal_map
        self.use_trivialization = use_trivialization
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, X: Any) -> Any:
        """Q."""
        wide = X.size(-2) < X.size(-1)
        if wide:
            X = transpose(X, -2, -1)
        n, k = X.size(-2), X.size(-1)
        if self.orthogonal_map == "householder":
            signs = diagonal(X, 0, -2, -1).detach().int().unsqueeze(-2)  # (which are not trained)
            Q = householder(X) * signs
        else:
            X = tril(X)
            if n != k:
                X = cat([X, X.new_zeros((*X.shape[:-1], n - k))], -1)
            A = X - transpose(X, -2, -1)
            Q = (matrix_exp if self.orthogonal_map == "matrix_exp" else cayley)(A)[..., :k]
        if self.use_trivialization and self.base is not None:
            Q = self.base @ Q
        return transpose(Q, -2, -1) if wide else Q

    def right_inverse(self, Q: Any) -> Any:
        """An X for which the weight is `Q`, or the orthogonal matrix that a QR makes of it."""
        if Q.shape != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. "
                f"Got a tensor of shape {Q.shape}."
            )
        if not self.use_trivialization and self.orthogonal_map != "householder":
            raise NotImplementedError(
                "It is not possible to assign to the matrix exponential "
                "or the Cayley parametrizations when use_trivialization=False."
            )
        with no_grad():
            wide = Q.size(-2) < Q.size(-1)
            tall = transpose(Q, -2, -1) if wide else Q
            if not self.use_trivialization:
                X = _reflections(tall)
                return transpose(X, -2, -1) if wide else X
            n, k = tall.size(-2), tall.size(-1)
            if n != k:
                more = randn((*tall.shape[:-1], n - k), dtype=tall.dtype)
                tall = nearest(cat([tall, more], -1))
            elif not _is_orthogonal(tall):
                tall = nearest(tall)
            self.base = tall.clone()
            X = zeros_like(Q)
            diagonal(X, 0, -2, -1).fill_(-1.0)  # the reflections of zeros are -I
            return X


def _reflections(Q: Any) -> Any:
    """X with the reflections whose product is the Q of a QR below its diagonal, and signs on it."""
    factors, scales = np.linalg.qr(Q.array, "raw")
    X = np.swapaxes(factors, -2, -1).copy()
    n = scales.shape[-1]
    signs = np.sign(X[..., range(n), range(n)])
    X[..., range(n), range(n)] = np.where(scales == 0, -signs, signs)
    return from_array(X)


def orthogonal(
    module: Module,
    name: str = "weight",
    orthogonal_map: str | None = None,
    *,
    use_trivialization: bool = True,
) -> Module:
    r"""Keep a weight orthogonal: :math:`Q^T Q = I`, or :math:`Q Q^T = I` if it has more columns.

    The recurrent weights of an RNN that are orthogonal neither let gradients explode nor vanish.

    Parameters
    ----------
    module : Module
    name : str
        Of the parameter, of shape (..., m, n): ``"weight_hh_l0"`` for the recurrent weights of an
        `RNN`. Default: "weight".
    orthogonal_map : "matrix_exp", "cayley" or "householder", optional
        See `minigrad.nn.utils.orthogonal`. The first two invert matrices with the longer side of
        the weight, the last with the shorter. Default: "matrix_exp" for square matrices,
        "householder" for others.
    use_trivialization : bool
        Whether the weight is :math:`B f(X)`, with a fixed B that makes it what it was at the
        beginning, instead of :math:`f(X)`. Default: True.

    Returns
    -------
    Module
        `module` itself. Its weight is what it was if that was orthogonal, else the Q of its QR
        decomposition; without `use_trivialization`, ``householder`` alone begins there. X is
        ``parametrizations.weight.original``, B the buffer ``parametrizations.weight.0.base``.

    Raises
    ------
    ValueError
        There is no such parameter, it has fewer than two axes, or there is no such map.

    References
    ----------
    M. Lezcano-Casado, "Trivializations for gradient-based optimization on manifolds", NeurIPS 2019.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.nn.utils.parametrizations import orthogonal
    >>> rnn = orthogonal(mg.nn.RNN(2, 3), "weight_hh_l0")
    >>> w = rnn.weight_hh_l0
    >>> mg.allclose(w.T @ w, mg.eye(3), atol=1e-6)
    True
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if weight.ndim < 2:
        raise ValueError(
            f"Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions."
        )
    if orthogonal_map is None:
        orthogonal_map = "matrix_exp" if weight.size(-2) == weight.size(-1) else "householder"
    if orthogonal_map not in MAPS:
        raise ValueError(
            'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". '
            f"Got: {orthogonal_map}"
        )
    parametrization = _Orthogonal(weight, orthogonal_map, use_trivialization)
    return parametrize.register_parametrization(module, name, parametrization, unsafe=True)
