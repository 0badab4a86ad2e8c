r"""Clipping: keeping gradients from exploding, between ``backward`` and ``optimizer.step``.

Over a long sequence the gradient of a recurrent network is a product of many Jacobians, and may
become very large. `clip_grad_norm_` shortens the vector of *all* gradients together to a length,
which keeps its direction; `clip_grad_value_` cuts off every entry by itself.

Nothing here is recorded in the graph.
"""

from __future__ import annotations

import math
import types
import warnings
from collections.abc import Iterable

import numpy as np

from ...arrays.dtypes import legacy_name
from ...autograd.listening import heard, is_listening
from ...autograd.tensor_base import bump_version
from ...ops.inplace import check_memory
from ...tensor import Tensor, from_array

BLOCK = 2**14
"""Squares summed in the gradients' own type; the sums of blocks are added in float64."""


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    r"""Scale all gradients by one factor, so that their total norm is at most `max_norm`.

    .. math:: g \leftarrow g \cdot \min\left(1, \frac{c}{\|g\| + 10^{-6}}\right)

    where g is all gradients as one vector, and c is `max_norm`.

    Parameters
    ----------
    parameters : iterable of Tensor, or Tensor
        Whose ``.grad`` to change, in place; those without one are passed over.
    max_norm : float
        c. `inf` scales nothing, and the norm is still returned.
    norm_type : float
        p of the norm; `inf` for the largest absolute value. Default: 2.
    error_if_nonfinite : bool
        Raise an error if the norm is inf or nan, instead of scaling by it. Default: False.
    foreach : bool, optional
        Accepted.

    Returns
    -------
    Tensor
        The total norm before the scaling, 0-d.

    Raises
    ------
    RuntimeError
        See `error_if_nonfinite`.

    Warns
    -----
    UserWarning
        `parameters` is a generator with nothing (more) in it.

    References
    ----------
    R. Pascanu, T. Mikolov, Y. Bengio, "On the difficulty of training recurrent neural networks",
    ICML 2013.

    Examples
    --------
    >>> import minigrad as mg
    >>> w = mg.tensor([1.0, 2.0], requires_grad=True)
    >>> w.grad = mg.tensor([3.0, -4.0])
    >>> mg.nn.utils.clip_grad_norm_([w], max_norm=1.0)
    tensor(5.)
    >>> w.grad
    tensor([ 0.6000, -0.8000])
    """
    if is_listening():
        return heard(
            clip_grad_norm_,
            (_as_list(parameters), max_norm, norm_type, error_if_nonfinite, foreach),
            {},
        )
    grads = _gradients(parameters)
    total = get_total_norm(grads, norm_type, error_if_nonfinite)
    _scale(grads, max_norm, total)
    return total


def get_total_norm(
    tensors: Tensor | Iterable[Tensor],
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The norm of several tensors taken as one vector.

    Parameters
    ----------
    tensors : iterable of Tensor, or Tensor
    norm_type, error_if_nonfinite, foreach
        As for `clip_grad_norm_`.

    Returns
    -------
    Tensor
        0-d, outside any graph; 0 if there are no tensors.

    Raises
    ------
    RuntimeError
        A tensor that is not floating point; an empty one if `norm_type` is inf or negative; see
        `error_if_nonfinite`.

    Notes
    -----
    Long sums are made in parts, and these added in float64. For a million float32 values that is
    at least 100 times closer to the exact norm than PyTorch's, which differs from it in the
    fourth or fifth digit.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.nn.utils.get_total_norm([mg.tensor([3.0]), mg.tensor([4.0])])
    tensor(5.)
    """
    p = float(norm_type)
    arrays = [tensor.array for tensor in _as_list(tensors)]
    if not arrays:
        return from_array(np.zeros((), np.float32))
    with np.errstate(all="ignore"):  # PyTorch computes inf and nan in silence
        norms = [_norm(array, p) for array in arrays]
        total = norms[0] if len(norms) == 1 and p != 0 else _norm(np.array(norms), p)
        result = np.asarray(total, np.result_type(*arrays))
    if error_if_nonfinite and not np.isfinite(result):
        raise RuntimeError(
            f"The total norm of order {p} for gradients from `parameters` is non-finite, so it "
            "cannot be clipped. To disable this error and scale the gradients by the non-finite "
            "norm anyway, set `error_if_nonfinite=False`"
        )
    return from_array(result)


def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    total_norm: Tensor,
    foreach: bool | None = None,
) -> None:
    """The second half of `clip_grad_norm_`: scale by a norm that is known already.

    Parameters
    ----------
    parameters, max_norm, foreach
        As for `clip_grad_norm_`.
    total_norm : Tensor
        What `get_total_norm` gave, for these gradients or others.

    Examples
    --------
    >>> import minigrad as mg
    >>> w = mg.tensor([1.0], requires_grad=True)
    >>> w.grad = mg.tensor([6.0])
    >>> mg.nn.utils.clip_grads_with_norm_([w], 1.0, mg.tensor(3.0))
    >>> w.grad
    tensor([2.0000])
    """
    if not isinstance(total_norm, Tensor):
        raise TypeError(f"total_norm must be a Tensor, not {type(total_norm).__name__}")
    _scale(_gradients(parameters), max_norm, total_norm)


def clip_grad_value_(
    parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None
) -> None:
    r"""Cut off every entry of every gradient at :math:`\pm` `clip_value`.

    Parameters
    ----------
    parameters : iterable of Tensor, or Tensor
        Whose ``.grad`` to change, in place; those without one are passed over.
    clip_value : float
        Not negative.
    foreach : bool, optional
        Accepted.

    Examples
    --------
    >>> import minigrad as mg
    >>> w = mg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> w.grad = mg.tensor([0.5, -7.0, 7.0])
    >>> mg.nn.utils.clip_grad_value_(w, 1.0)
    >>> w.grad
    tensor([ 0.5000, -1.0000,  1.0000])
    """
    if is_listening():
        return heard(clip_grad_value_, (_as_list(parameters), clip_value, foreach), {})
    bound = float(clip_value)
    for grad in _gradients(parameters):
        array = grad.array
        check_memory(array)
        np.clip(array, -bound, bound, out=array)
        bump_version(grad)


# ------------------------------------------------------------------------------------------------
# The parts
# ------------------------------------------------------------------------------------------------


def _as_list(tensors: Tensor | Iterable[Tensor]) -> list[Tensor]:
    if isinstance(tensors, Tensor):
        return [tensors]
    if hasattr(tensors, "named_parameters"):
        raise TypeError(
            f"'{type(tensors).__name__}' object is not iterable over parameters: pass "
            "model.parameters()"
        )
    return list(tensors)


def _gradients(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    listed = _as_list(parameters)
    if not listed and isinstance(parameters, types.GeneratorType):
        warnings.warn(
            "`parameters` is an empty generator, no gradient clipping will occur. (Was it used up "
            "before? Then pass model.parameters() itself.)",
            stacklevel=3,
        )
    return [grad for grad in [p.grad for p in listed] if grad is not None]


def _norm(x: np.ndarray, p: float) -> float:
    r""":math:`(\sum |x|^p)^{1/p}`, and its limits for p = inf, -inf; for p = 0 what is not 0."""
    if x.dtype.kind != "f":
        raise RuntimeError(
            "linalg.vector_norm: Expected a floating point or complex tensor as input. "
            f"Got {legacy_name(x.dtype)}"
        )
    if not x.size and (p < 0 or p == math.inf):
        raise RuntimeError(
            f"linalg.vector_norm cannot compute the {p} norm on an empty tensor because the "
            "operation does not have an identity"
        )
    if x.dtype == np.float16:
        x = x.astype(np.float32)
    x = x.ravel()
    if p == 2:
        starts = range(0, x.size, BLOCK)
        return math.sqrt(sum([float(x[k : k + BLOCK].dot(x[k : k + BLOCK])) for k in starts]))
    if p == math.inf:
        return float(np.abs(x).max())
    if p == -math.inf:
        return float(np.abs(x).min())
    if p == 0:
        return float(np.count_nonzero(x))
    powers = np.abs(x) if p == 1 else np.abs(x) ** p
    return float(powers.sum(dtype=np.float64) ** (1 / p))


def _scale(grads: list[Tensor], max_norm: float, total: Tensor) -> None:
    """Multiply by c / (total + 1e-6), if that is less than 1."""
    real = total.array.dtype.type
    with np.errstate(all="ignore"):
        # Rounded at each step as PyTorch rounds it, so that the gradients are the same.
        factor = real(1) / (total.array + real(1e-6)) * real(max_norm)
        factor = np.minimum(factor, real(1))  # nan stays nan
        for grad in grads:
            array = grad.array
            check_memory(array)
            if factor != 1:
                array *= array.dtype.type(factor)
            bump_version(grad)
