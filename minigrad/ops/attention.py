r"""Attention: every query compares itself with all keys, and gets an average of their values.

    L queries, S keys, each of E numbers; S values of Ev numbers; leading axes are those of a batch

    scores  s = (scale q) k^T + mask    (..., L, S)
    weights w = softmax(s)              (..., L, S)     how much query i takes of value j
    output  y = w v                     (..., L, Ev)

A mask is added to the scores: -inf where a query must not look. A query that may look nowhere gets
zeros (`safe_softmax`), where 0 / 0 would be NaN. The gradient, for d_y that of y:

    d_v = w^T d_y           d_w = d_y v^T           d_s = w (d_w - sum_j w d_w)
    d_q = scale d_s k       d_k = d_s^T (scale q)   d_mask = d_s
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.recording import records
from ..autograd.engine import edges_if_recording
from ..autograd.listening import heard, is_listening
from ..autograd.primitive import primitive
from ..autograd.quiet import silenced
from ..autograd.tensor_base import array_of, wrap
from .cast import cast
from .fused import Fused
from .index import where
from .kernels import with_kernel
from .layout import order_of_axes, placed_in_order, rows
from .matmul import matmul
from .reduce import softmax
from .reduce import sum as sum_
from .shape import transpose, unbroadcast

ndarray = np.ndarray


# ------------------------------------------------------------------------------------------------
# In parts
# ------------------------------------------------------------------------------------------------


def _softmax_or_zeros(x: ndarray, axis: int) -> ndarray:
    y: Any = softmax(x, axis)
    if records(x):
        return np.where(np.maximum.reduce(x, axis=axis, keepdims=True) == -np.inf, 0, y)
    nan = np.isnan(y[..., :1])  # of a row, all entries are NaN or none is
    if nan.any():
        y[(nan & (np.maximum.reduce(x, axis=axis, keepdims=True) == -np.inf))[..., 0]] = 0
    return y


_slope = with_kernel("softmax_slope", lambda g, y, axis: y * (g - sum_(g * y, axis, True)),
                     of_rows=True)  # fmt: skip
_safe_softmax = primitive("_safe_softmax", _softmax_or_zeros, layout=rows,
                          x=lambda g, y, axis: _slope(g, y, axis))  # fmt: skip


def safe_softmax(input: Any) -> Any:
    """`softmax` along the last axis; zeros, with the gradient 0, for rows of nothing but -inf."""
    return _safe_softmax(input, array_of(input).ndim - 1)


_products = primitive("bmm", lambda q, k: matmul(q, transpose(k, -2, -1)),
                      q=lambda g, k, q_shape: unbroadcast(matmul(g, k), q_shape),
                      k=lambda g, q, k_shape: unbroadcast(matmul(transpose(g, -2, -1), q), k_shape)
)  # fmt: skip


def attention_scores(query: Any, key: Any, mask: Any, scale: float) -> Any:
    """(..., L, E) and (..., S, E) to (..., L, S): products, scaled, and the mask added."""
    scores = _products(query * scale, key)
    return scores if mask is None else scores + mask


def additive(mask: Any, dtype: np.dtype, allowed: bool) -> Any:
    """A mask to be added to scores of the type `dtype`.

    A mask of bools that are `allowed` where a query may look becomes 0 there, -inf elsewhere.
    """
    kind = array_of(mask).dtype
    if kind != np.bool_:
        return mask if kind == dtype else cast(mask, dtype)
    numbers = (0.0, -np.inf) if allowed else (-np.inf, 0.0)
    return cast(where(mask, *numbers), dtype)


def causal_mask(queries: int, keys: int, dtype: np.dtype) -> Any:
    """(L, S): 0 where query i may look at key j, which is up to ``j = i``, and -inf elsewhere."""
    if is_listening():
        return heard(causal_mask, (queries, keys, dtype), {})
    return wrap(np.triu(np.full((queries, keys), -np.inf, dtype), 1))


# ------------------------------------------------------------------------------------------------
# In one operation
# ------------------------------------------------------------------------------------------------


def _reference(query: Any, key: Any, value: Any, mask: Any, scale: float) -> Any:
    return matmul(safe_softmax(attention_scores(query, key, mask, scale)), value)


@silenced
def _parts(
    query: ndarray, key: ndarray, value: ndarray, mask: ndarray | None, scale: float
) -> Any:  # fmt: skip
    """The output, and what its gradient needs: arrays, options and what was kept."""
    scaled: Any = query * query.dtype.type(scale)
    scores: Any = matmul(scaled, transpose(key, -2, -1))
    if mask is not None:
        scores += mask
    weights = _softmax_or_zeros(scores, scores.ndim - 1)
    y: Any = matmul(weights, value)
    if y.ndim == query.ndim:  # as PyTorch's lies, so that heads of views can be viewed as one
        y = placed_in_order(order_of_axes(query.shape, (query.strides,)), y)
    return y, [query, key, value, mask], (scale,), (scaled, weights)


@silenced
def _vjp(
    grads: list[Any], needs: list[bool], arrays: list[Any], options: tuple[Any, ...], kept: Any
) -> tuple[Any, ...]:
    query, key, value, _ = arrays
    (scale,), (scaled, weights), g = options, kept, grads[0]
    found: list[Any] = [None] * 4
    if needs[2]:
        found[2] = matmul(transpose(weights, -2, -1), g)
    if needs[0] or needs[1] or needs[3]:
        d_weights = unbroadcast(matmul(g, transpose(value, -2, -1)), weights.shape)
        slope = _slope(d_weights, weights, weights.ndim - 1)
        if needs[0]:
            found[0] = matmul(slope, key) * query.dtype.type(scale)
        if needs[1]:
            found[1] = matmul(transpose(slope, -2, -1), scaled)
        if needs[3]:
            found[3] = slope
    return tuple([d if d is None else unbroadcast(d, x.shape) for d, x in zip(found, arrays)])


_ATTENTION = Fused("_scaled_dot_product_flash_attention_for_cpu", _vjp, _reference)


def attention(query: Any, key: Any, value: Any, mask: Any, scale: float) -> Any:
    """The output of queries, keys and values that are known to fit; `mask` is to be added."""
    if is_listening():
        return heard(attention, (query, key, value, mask, scale), {})
    inputs = (query, key, value, mask)
    if records(array_of(query)) or records(array_of(key)) or records(array_of(value)):
        return _reference(*inputs, scale)
    q, k, v, m = [array_of(x) for x in inputs]
    y, arrays, options, kept = _parts(q, k, v, m, scale)
    return _ATTENTION.call(edges_if_recording(inputs), inputs, options, kept, y, arrays, inputs[:3])


attention.in_parts = lambda keeps, query, key, value, mask, scale: _parts(  # type: ignore[attr-defined]
    query, key, value, mask, scale
)
