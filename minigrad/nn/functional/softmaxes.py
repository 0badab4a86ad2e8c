"""Softmax and its relations: functions of all entries along an axis."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import random
from ...autograd.tensor_base import wrap
from ...ops import reduce as reductions
from ...ops.arguments import checked_axis
from .arguments import check_tensor

if TYPE_CHECKING:
    from ...tensor import Tensor


def _softmax_axis(name: str, input: Any, dim: int | None) -> int:
    """`dim`; if it is not given, the axis that old scripts expect, with a warning to their line."""
    if dim is None:
        warnings.warn(
            f"Implicit dimension choice for {name} has been deprecated. Change the call to include "
            "dim=X as an argument.",
            stacklevel=4,
        )
        return 0 if len(input.shape) in (0, 1, 3) else 1
    return dim


def _over_axis(op: Any, name: str, input: Any, dim: int | None, dtype: Any) -> Any:
    check_tensor(name, input)
    return op(input, _softmax_axis(name, input, dim), dtype)


def softmax(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """``exp(x_i) / sum_j exp(x_j)`` along `dim`."""
    return _over_axis(reductions.softmax, "softmax", input, dim, dtype)


def softmin(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """`softmax` of ``-input``."""
    check_tensor("softmin", input)
    return _over_axis(reductions.softmax, "softmin", -input, dim, dtype)


def log_softmax(
    input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """The logarithm of `softmax`, without overflow."""
    return _over_axis(reductions.log_softmax, "log_softmax", input, dim, dtype)


def gumbel_softmax(
    logits: Any, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Tensor:
    r"""A differentiable sample of the categorical distribution with these logits.

    .. math:: y = softmax((x + G) / \tau), \quad G_i = -\log E_i, \quad E_i \sim Exp(1)

    The largest entry of ``x + G`` is at i with the probability ``softmax(x)_i``.

    Parameters
    ----------
    logits : Tensor, any shape
        Unnormalised log-probabilities along `dim`.
    tau : float
        The temperature: small values bring the result near to one-hot.
    hard : bool
        Give back one-hot vectors, with the gradient of the soft sample ("straight through").
    eps : float
        Accepted, without effect.
    dim : int

    References
    ----------
    E. Jang, S. Gu, B. Poole, "Categorical reparameterization with Gumbel-softmax", 2017.

    Examples
    --------
    >>> import minigrad as mg
    >>> sample = gumbel_softmax(mg.zeros(2, 3), hard=True)
    >>> sample.sum(-1)
    tensor([1., 1.])
    """
    check_tensor("gumbel_softmax", logits, "logits")
    if eps != 1e-10:
        warnings.warn(
            "gumbel_softmax: `eps` parameter is deprecated, it has no effect", stacklevel=2
        )
    x = logits.array
    noise = -np.log(random.default_generator.exponential(x.shape, 1.0, x.dtype))
    soft = reductions.softmax((logits + wrap(noise)) / tau, dim)
    if not hard:
        return soft
    axis = checked_axis(dim, x.ndim)
    y = soft.array
    if not y.ndim:
        return soft * 0 + 1
    one_hot = np.zeros_like(y)
    np.put_along_axis(one_hot, y.argmax(axis, keepdims=True), 1, axis)
    return wrap(one_hot) - soft.detach() + soft
