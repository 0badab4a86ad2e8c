"""One head of attention: `scaled_dot_product_attention`; what it computes is in `ops.attention`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ...arrays import dtypes
from ...ops.attention import (
    additive,
    attention,
    attention_scores,
    causal_mask,
    safe_softmax,
)
from ...ops.index import repeat_interleave
from ...ops.makers import broadcast_error
from ...ops.matmul import matmul
from .arguments import check_optional, check_tensor
from .dropouts import dropout

if TYPE_CHECKING:
    from ...tensor import Tensor

_SDPA = "scaled_dot_product_attention"


def scaled_dot_product_attention(
    query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0,
    is_causal: bool = False, *, scale: float | None = None, enable_gqa: bool = False,
) -> Tensor:  # fmt: skip
    r"""The average of values, weighted by how well their keys fit each query.

    .. math:: \mathrm{softmax}\left(\frac{Q K^T}{\sqrt{E}} + M\right) V

    Parameters
    ----------
    query : Tensor of floats, shape (..., L, E)
    key : Tensor, shape (..., S, E)
    value : Tensor, shape (..., S, Ev)
        All of one type. Leading axes (batch, heads) are broadcast.
    attn_mask : Tensor, optional
        Can be broadcast to (..., L, S). Of bools: True where a query *may* look at a key (the other
        way round than in `minigrad.nn.MultiheadAttention`). Of floats: M, which is added.
    dropout_p : float
        The probability with which weights are dropped, whether in training or not. Default: 0.
    is_causal : bool
        Query i may look at the keys up to number i only; instead of `attn_mask`. Default: False.
    scale : float, optional
        Instead of :math:`1 / \sqrt{E}`.
    enable_gqa : bool
        Grouped queries: axis -3 is that of heads, of which `query` may have a multiple of those of
        `key` and `value`; neighbouring ones share a key and a value. Default: False.

    Returns
    -------
    Tensor, shape (..., L, Ev)
        Zeros for a query that may not look anywhere.

    Raises
    ------
    TypeError
        An argument is no tensor.
    RuntimeError
        Shapes or types that do not go together; `attn_mask` and `is_causal` at once; a probability
        that is not between 0 and 1.

    References
    ----------
    A. Vaswani et al., "Attention is all you need", 2017. J. Ainslie et al., "GQA: training
    generalized multi-query transformer models from multi-head checkpoints", 2023.

    Examples
    --------
    >>> import minigrad as mg
    >>> values = mg.tensor([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
    >>> same = mg.ones(3, 4)  # fits all keys equally well
    >>> scaled_dot_product_attention(same, same, values, is_causal=True)
    tensor([[ 1.0000, 10.0000],
            [ 1.5000, 15.0000],
            [ 2.0000, 20.0000]])
    """
    for argument, tensor in (("query", query), ("key", key), ("value", value)):
        check_tensor(_SDPA, tensor, argument)
    check_optional(_SDPA, attn_mask=attn_mask)
    _check_kinds(query.array, key.array, value.array)
    if enable_gqa:
        key, value = _for_each_head(query, key, "key"), _for_each_head(query, value, "value")
    q, k = query.array, key.array
    shape = _scores_shape(q.shape, k.shape, value.array.shape)
    mask = None
    if is_causal:
        if attn_mask is not None:
            raise RuntimeError(f"{_SDPA}: Explicit attn_mask should not be set when is_causal=True")
        mask = causal_mask(q.shape[-2], k.shape[-2], q.dtype)
    elif attn_mask is not None:
        _check_mask(attn_mask.array, q.dtype, shape)
        mask = additive(attn_mask, q.dtype, allowed=True)
    if not 0.0 <= dropout_p <= 1.0:
        raise RuntimeError(
            f"{_SDPA}: dropout probability has to be between 0 and 1, but got {dropout_p}"
        )
    if scale is None:
        scale = 1 / math.sqrt(max(q.shape[-1], 1))
    if dropout_p == 0.0:
        result: Tensor = attention(query, key, value, mask, scale)
        return result
    weights = safe_softmax(attention_scores(query, key, mask, scale))
    return matmul(dropout(weights, dropout_p), value)


def _check_kinds(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> None:
    if min(q.ndim, k.ndim, v.ndim) < 2:
        raise RuntimeError(
            f"{_SDPA}: Expected query, key, and value to all be at least 2 dimensional, but got "
            f"query.dim: {q.ndim} key.dim: {k.ndim} and value.dim: {v.ndim} instead."
        )
    if not q.dtype == k.dtype == v.dtype:
        names = [dtypes.legacy_name(x.dtype) for x in (q, k, v)]
        raise RuntimeError(
            f"{_SDPA}: Expected query, key, and value to have the same dtype, but got query.dtype: "
            f"{names[0]} key.dtype: {names[1]} and value.dtype: {names[2]} instead."
        )
    if q.dtype.kind != "f":
        raise RuntimeError(
            f"{_SDPA}: expected scalar type Float but found {dtypes.legacy_name(q.dtype)}: query, "
            "key and value must be floating point"
        )


def _for_each_head(query: Any, tensor: Any, name: str) -> Any:
    """`tensor` with its heads, axis -3, repeated until there are as many as in `query`."""
    shapes = f"query has shape {list(query.shape)}, {name} {list(tensor.shape)}"
    if min(query.array.ndim, tensor.array.ndim) < 3:
        raise IndexError(
            f"{_SDPA}: Dimension out of range: with enable_gqa, axis -3 must be that of heads, but "
            f"{shapes}"
        )
    heads, groups = query.array.shape[-3], tensor.array.shape[-3]
    if not groups or heads % groups:
        raise RuntimeError(
            f"{_SDPA}: Number of heads in key and value must divide the number of heads in query, "
            f"but {groups} does not divide {heads}: {shapes} (axis -3 is that of heads)"
        )
    return tensor if heads == groups else repeat_interleave(tensor, heads // groups, -3)


def _scores_shape(q: Any, k: Any, v: Any) -> tuple[int, ...]:
    """(..., L, S), after a check that the shapes of query, key and value go together."""
    if q[-1] != k[-1]:
        raise RuntimeError(
            f"{_SDPA}: query and key must have the same last axis E, but have shapes {list(q)} and "
            f"{list(k)}. Expected size for first two dimensions of batch2 tensor to be: "
            f"{[*q[:-2], q[-1]]} but got: {[*k[:-2], k[-1]]}."
        )
    if k[-2] != v[-2]:
        raise RuntimeError(
            f"{_SDPA}: key and value must have the same axis -2, S, but have shapes {list(k)} and "
            f"{list(v)}. Expected size for first two dimensions of batch2 tensor to be: "
            f"{[*k[:-2], k[-2]]} but got: {[*v[:-2], v[-2]]}."
        )
    lead = _broadcast("query", q[:-2], "key", k[:-2])
    _broadcast("query and key", lead, "value", v[:-2])
    return (*lead, q[-2], k[-2])


def _broadcast(name: str, shape: Any, other_name: str, other: Any) -> tuple[int, ...]:
    try:
        return np.broadcast_shapes(shape, other)
    except ValueError as error:
        a, b = np.broadcast_to(0, shape), np.broadcast_to(0, other)
        raise RuntimeError(
            f"{_SDPA}: leading axes of {name} and {other_name}: {broadcast_error(a, b, error)}"
        ) from None


def _check_mask(mask: np.ndarray, dtype: np.dtype, shape: tuple[int, ...]) -> None:
    if mask.dtype not in (np.bool_, np.float32, dtype):
        raise RuntimeError(
            f"{_SDPA}: Expected attn_mask dtype to be bool or float or to match query dtype, but "
            f"got attn_mask.dtype: {dtypes.legacy_name(mask.dtype)} and query.dtype: "
            f"{dtypes.legacy_name(dtype)} instead."
        )
    try:
        fits = np.broadcast_shapes(mask.shape, shape) == shape
    except ValueError as error:
        scores = np.broadcast_to(0, shape)
        raise RuntimeError(f"{_SDPA}: attn_mask: {broadcast_error(scores, mask, error)}") from None
    if not fits:
        raise RuntimeError(
            f"{_SDPA}: attn_mask of shape {list(mask.shape)} cannot be broadcast to the scores: "
            f"output with shape {list(shape)} doesn't match the broadcast shape"
        )
