"""Several heads of attention side by side: `multi_head_attention_forward`.

Queries, keys and values are made by linear maps of the inputs, cut into heads, and each head goes
its own way; what all found is put side by side again, and mapped once more.

    L queries, S keys, N samples, H heads, D = E / H numbers a head

    inputs (L, N, E) -> (L, N, H, D) -> (N, H, L, D) -> attention -> (L, N, H, D) -> (L, N, E)
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ...arrays import dtypes
from ...autograd.errors import stacklevel
from ...ops.attention import additive, attention_scores
from ...ops.join import cat, split, unbind
from ...ops.matmul import matmul
from ...ops.reduce import softmax
from .affine import linear
from .arguments import check_optional, check_tensor
from .attention import scaled_dot_product_attention
from .dropouts import dropout
from .padding import pad

if TYPE_CHECKING:
    from ...tensor import Tensor

_MHA = "multi_head_attention_forward"


def multi_head_attention_forward(
    query: Any, key: Any, value: Any, embed_dim_to_check: int, num_heads: int,
    in_proj_weight: Any, in_proj_bias: Any, bias_k: Any, bias_v: Any, add_zero_attn: bool,
    dropout_p: float, out_proj_weight: Any, out_proj_bias: Any, training: bool = True,
    key_padding_mask: Any = None, need_weights: bool = True, attn_mask: Any = None,
    use_separate_proj_weight: bool = False, q_proj_weight: Any = None, k_proj_weight: Any = None,
    v_proj_weight: Any = None, static_k: Any = None, static_v: Any = None,
    average_attn_weights: bool = True, is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:  # fmt: skip
    """What `minigrad.nn.MultiheadAttention` computes, where equations and shapes are explained.

    Parameters
    ----------
    query : Tensor, shape (L, N, E) or, of one sequence, (L, E)
    key, value : Tensor, shape (S, N, Ek) and (S, N, Ev) or (S, Ek) and (S, Ev)
    embed_dim_to_check, num_heads : int
        E, and H, which divides it.
    in_proj_weight : Tensor, shape (3 E, E), optional
        Makes queries, keys and values, unless `use_separate_proj_weight`: then `q_proj_weight`
        (E, E), `k_proj_weight` (E, Ek) and `v_proj_weight` (E, Ev) do.
    in_proj_bias : Tensor, shape (3 E,), optional
    bias_k, bias_v : Tensor, shape (1, 1, E), optional
        One more key and one more value, behind the others.
    add_zero_attn : bool
        Zeros as one more key and value.
    dropout_p : float
        Of the weights, while `training`.
    out_proj_weight, out_proj_bias : Tensor, shape (E, E) and (E,)
    static_k, static_v : Tensor, shape (N * H, S, E / H), optional
        Keys and values of the heads, instead of those that would be made.
    key_padding_mask, need_weights, attn_mask, average_attn_weights, is_causal
        As in `minigrad.nn.MultiheadAttention.forward`.

    Returns
    -------
    output : Tensor, shape (L, N, E) or (L, E)
    weights : Tensor or None
        (N, L, S) or (L, S), the average of all heads; with ``average_attn_weights=False``
        (N, H, L, S) or (H, L, S).

    Raises
    ------
    TypeError
        An argument is no tensor.
    AssertionError, RuntimeError
        Shapes that do not go together; ``is_causal=True`` without `attn_mask`.

    Examples
    --------
    >>> import minigrad as mg
    >>> x, one = mg.randn(5, 2, 4), mg.eye(4)
    >>> output, weights = multi_head_attention_forward(
    ...     x, x, x, 4, 2, mg.cat([one, one, one]), None, None, None, False, 0.0, one, None)
    >>> output.shape, weights.shape
    (torch.Size([5, 2, 4]), torch.Size([2, 5, 5]))
    """
    for argument, tensor in (("query", query), ("key", key), ("value", value)):
        check_tensor(_MHA, tensor, argument)
    check_optional(
        _MHA, key_padding_mask=key_padding_mask, attn_mask=attn_mask,
        in_proj_weight=in_proj_weight, in_proj_bias=in_proj_bias, bias_k=bias_k, bias_v=bias_v,
        out_proj_bias=out_proj_bias, q_proj_weight=q_proj_weight, k_proj_weight=k_proj_weight,
        v_proj_weight=v_proj_weight, static_k=static_k, static_v=static_v,
    )  # fmt: skip
    check_tensor(_MHA, out_proj_weight, "out_proj_weight")
    batched = _is_batched(query, key, value, key_padding_mask, attn_mask, num_heads)
    if not batched:
        query, key, value = each_once(lambda x: x.unsqueeze(1), query, key, value)
        if key_padding_mask is not None:
            key_padding_mask = key_padding_mask.unsqueeze(0)
    (L, N, E), dtype = query.array.shape, query.array.dtype
    if is_causal and attn_mask is None:
        raise RuntimeError(
            f"{_MHA}: Need attn_mask if specifying the is_causal hint. You may use the Transformer "
            "module method `generate_square_subsequent_mask` to create this mask."
        )
    _check_sizes(query, key, value, embed_dim_to_check, num_heads, use_separate_proj_weight)
    _warn_of_two_kinds(key_padding_mask, attn_mask)
    is_causal = is_causal and key_padding_mask is None and not need_weights
    if is_causal:
        attn_mask = None
    attn_mask = _additive(attn_mask, "attn_mask", dtype)
    key_padding_mask = _additive(key_padding_mask, "key_padding_mask", dtype)
    if attn_mask is not None:
        attn_mask = _mask_of_heads(attn_mask, N, num_heads, L, key.array.shape[0])

    if use_separate_proj_weight:
        weights = {"q": q_proj_weight, "k": k_proj_weight, "v": v_proj_weight}
        q, k, v = _projected_each(query, key, value, weights, in_proj_bias, num_heads)
    else:
        q, k, v = _projected(query, key, value, in_proj_weight, in_proj_bias, num_heads)
    # (N, H, L, D), and twice (N, H, S, D)
    k, v = _static(static_k, k, "static_k"), _static(static_v, v, "static_v")
    k, v, more = _with_more_keys(k, v, bias_k, bias_v, static_k, static_v, add_zero_attn)
    mask = _merged(attn_mask, key_padding_mask, more, N, k.array.shape[2])
    p = dropout_p if training else 0.0
    found = None
    if need_weights:
        scores = attention_scores(q, k, mask, math.sqrt(num_heads / E))
        found = dropout(softmax(scores, -1), p)  # (N, H, L, S)
        output = matmul(found, v)
        found = found.mean(1) if average_attn_weights else found
    else:
        output = scaled_dot_product_attention(q, k, v, mask, p, is_causal)
    output = output.permute(2, 0, 1, 3).contiguous().view(L, N, E)  # the heads side by side
    output = linear(output, out_proj_weight, out_proj_bias)
    if not batched:
        return output.squeeze(1), None if found is None else found.squeeze(0)
    return output, found


# -- inputs ---------------------------------------------------------------------------------------


def each_once(change: Callable[[Any], Any], *tensors: Any) -> list[Any]:
    """`change` of each; what was one tensor stays one, so that one product will do for it."""
    changed = {key: change(x) for key, x in {id(x): x for x in tensors}.items()}
    return [changed[id(x)] for x in tensors]


def _is_batched(
    query: Any, key: Any, value: Any, key_padding_mask: Any, attn_mask: Any, num_heads: int
) -> bool:
    """Whether there is an axis of samples, after a check that all arguments agree on it."""
    axes = query.array.ndim
    if axes not in (2, 3):
        raise AssertionError(
            f"query should be unbatched 2D or batched 3D tensor but received {axes}-D query tensor "
            f"of shape {list(query.shape)}"
        )
    start = f"For {'batched' if axes == 3 else 'unbatched'} ({axes}-D) `query`, expected "
    if key.array.ndim != axes or value.array.ndim != axes:
        raise AssertionError(
            f"{start}`key` and `value` to be {axes}-D but found {key.array.ndim}-D and "
            f"{value.array.ndim}-D tensors respectively: shapes {list(query.shape)}, "
            f"{list(key.shape)}, {list(value.shape)}"
        )
    if key_padding_mask is not None and key_padding_mask.array.ndim != axes - 1:
        raise AssertionError(
            f"{start}`key_padding_mask` to be `None` or {axes - 1}-D but found "
            f"{key_padding_mask.array.ndim}-D tensor instead"
        )
    if attn_mask is not None and attn_mask.array.ndim not in (2, 3):
        raise AssertionError(
            f"{start}`attn_mask` to be `None`, 2-D or 3-D but found {attn_mask.array.ndim}-D "
            "tensor instead"
        )
    if axes == 2 and attn_mask is not None and attn_mask.array.ndim == 3:
        expected = (num_heads, query.array.shape[0], key.array.shape[0])
        if attn_mask.array.shape != expected:
            raise AssertionError(
                f"Expected `attn_mask` shape to be {expected} but got {list(attn_mask.shape)}"
            )
    return axes == 3


def _check_sizes(
    query: Any, key: Any, value: Any, embed_dim: int, num_heads: int, separate: bool
) -> None:
    if query.array.shape[2] != embed_dim:
        raise AssertionError(
            f"was expecting embedding dimension of {embed_dim}, but got {query.array.shape[2]}: "
            f"query has shape {list(query.shape)}"
        )
    if embed_dim % num_heads:
        raise AssertionError(f"embed_dim {embed_dim} not divisible by num_heads {num_heads}")
    count = 2 if separate else 3
    if key.array.shape[:count] != value.array.shape[:count]:
        what = "key's sequence and batch dims" if separate else "key shape"
        raise AssertionError(
            f"{what} {list(key.shape)[:count]} do not match value's (key shape {list(key.shape)} "
            f"does not match value shape {list(value.shape)})"
        )
    if key.array.shape[1] != query.array.shape[1]:
        raise RuntimeError(
            f"shape '[{query.array.shape[1]}, {num_heads}, ...]' is invalid for key: query and key "
            f"have batches of {query.array.shape[1]} and {key.array.shape[1]}, shapes "
            f"{list(query.shape)} and {list(key.shape)}"
        )


def _projected(query: Any, key: Any, value: Any, weight: Any, bias: Any, num_heads: int) -> Any:
    """Queries, keys and values of all heads, (N, H, L, D), by one matrix: in as few products."""
    if weight is None:
        raise AssertionError("use_separate_proj_weight is False but in_proj_weight is None")
    E = query.array.shape[-1]
    if query is key is value:
        return _heads(linear(query, weight, bias), 3, num_heads)
    inputs, sizes = ((query, key), (1, 2)) if key is value else ((query, key, value), (1, 1, 1))
    rows = [n * E for n in sizes]
    weights = split(weight, rows)
    biases = [None] * len(sizes) if bias is None else split(bias, rows)
    found: list[Any] = []
    for x, w, b, parts in zip(inputs, weights, biases, sizes):
        found += _heads(linear(x, w, b), parts, num_heads)
    return found


def _projected_each(
    query: Any, key: Any, value: Any, weights: dict[str, Any], bias: Any, num_heads: int
) -> Any:
    """The same by a matrix for each; the inputs may have different sizes."""
    E = query.array.shape[-1]
    biases = [None] * 3 if bias is None else split(bias, E)
    found: list[Any] = []
    for (name, weight), x, b in zip(weights.items(), (query, key, value), biases):
        if weight is None:
            raise AssertionError(f"use_separate_proj_weight is True but {name}_proj_weight is None")
        expected = (E, x.array.shape[-1])
        if weight.array.shape != expected:
            what = {"q": "query", "k": "key", "v": "value"}[name]
            raise AssertionError(
                f"expecting {what} weights shape of {expected}, but got {list(weight.shape)}: "
                f"{what} has shape {list(x.shape)}"
            )
        found += _heads(linear(x, weight, b), 1, num_heads)
    return found


def _heads(x: Any, parts: int, num_heads: int) -> Any:
    """(L, N, parts * E) cut into that many of shape (N, H, L, D)."""
    L, N, size = x.array.shape
    cut = x.reshape(L, N, parts, num_heads, size // (parts * num_heads))
    return unbind(cut.permute(2, 1, 3, 0, 4), 0)


def _static(given: Any, made: Any, name: str) -> Any:
    """(N, H, S, D): what is `given` as (N * H, S, D), or, without, what was `made`."""
    if given is None:
        return made
    N, H, _, D = made.array.shape
    shape = given.array.shape
    if len(shape) != 3 or shape[0] != N * H or shape[2] != D:
        raise AssertionError(
            f"expecting {name}.size(0) of {N * H} and {name}.size(2) of {D}, but got {name} of "
            f"shape {list(shape)}"
        )
    return given.reshape(N, H, shape[1], D)


def _with_more_keys(
    k: Any, v: Any, bias_k: Any, bias_v: Any, static_k: Any, static_v: Any, add_zero_attn: bool
) -> tuple[Any, Any, int]:
    """Keys and values with learnt ones and zeros behind them; and how many came in addition."""
    more = 0
    if (bias_k is None) != (bias_v is None):
        there, missing = ("bias_k", "bias_v") if bias_v is None else ("bias_v", "bias_k")
        raise AssertionError(f"{there} is set but {missing} is None")
    N, H, _, D = k.array.shape
    if bias_k is not None:
        if static_k is not None or static_v is not None:
            raise AssertionError("bias cannot be added to static key or static value.")
        k, v = [
            cat([x, b.reshape(1, H, 1, D).expand(N, H, 1, D)], 2)
            for x, b in ((k, bias_k), (v, bias_v))
        ]
        more += 1
    if add_zero_attn:
        k, v = [pad(x, (0, 0, 0, 1)) for x in (k, v)]
        more += 1
    return k, v, more


# -- masks ----------------------------------------------------------------------------------------


def _additive(mask: Any, name: str, dtype: np.dtype) -> Any:
    """A mask to be added to the scores; None for None."""
    if mask is None:
        return None
    if mask.array.dtype.kind not in "bf":
        raise AssertionError(
            f"only bool and floating types of {name} are supported, not "
            f"{dtypes.legacy_name(mask.array.dtype)}"
        )
    return additive(mask, dtype, allowed=False)


def _warn_of_two_kinds(key_padding_mask: Any, attn_mask: Any) -> None:
    if key_padding_mask is None or attn_mask is None:
        return
    if key_padding_mask.array.dtype != attn_mask.array.dtype:
        warnings.warn(
            "Support for mismatched key_padding_mask and attn_mask is deprecated. Use same type "
            "for both instead.",
            stacklevel=stacklevel(),
        )


def _mask_of_heads(mask: Any, N: int, H: int, L: int, S: int) -> Any:
    """A mask of shape (L, S) or (N * H, L, S) as one that is broadcast to (N, H, L, S)."""
    shape, axes = mask.array.shape, mask.array.ndim
    expected = (L, S) if axes == 2 else (N * H, L, S)
    if shape != expected:
        raise RuntimeError(
            f"The shape of the {axes}D attn_mask is {list(shape)}, but should be {expected}."
        )
    return mask if axes == 2 else mask.reshape(N, H, L, S)


def _merged(attn_mask: Any, key_padding_mask: Any, more: int, N: int, S: int) -> Any:
    """Both masks in one, for S keys, of which the last `more` are open to all."""
    if more:
        attn_mask, key_padding_mask = [
            m if m is None else pad(m, (0, more)) for m in (attn_mask, key_padding_mask)
        ]
    if key_padding_mask is None:
        return attn_mask
    for axis, (size, expected) in enumerate(zip(key_padding_mask.array.shape, (N, S))):
        if size != expected:
            raise AssertionError(
                f"Expected key_padded_mask.shape[{axis}] to be {expected}, but got {size}: "
                f"key_padding_mask must have shape (N, S) = ({N}, {S - more})"
            )
    padding = key_padding_mask.reshape(N, 1, 1, S)
    return padding if attn_mask is None else attn_mask + padding
