r"""The layers of a transformer: attention, and a network for each step, with residuals around them.

    encoder layer           x = x + attention(x, x, x)          every step looks at all steps
                            x = x + W_2 f(W_1 x + b_1) + b_2    every step by itself

    decoder layer           x = x + attention(x, x, x)          a mask hides the steps to come
                            x = x + attention(x, memory, memory)
                            x = x + W_2 f(W_1 x + b_1) + b_2

What is added goes through dropout before. Sums are normalised, ``x = norm(x + ...)``, or, with
``norm_first``, what goes into a line is: ``x = x + line(norm(x))``.

    S source steps, T target steps, N sequences, E numbers a step, F hidden units
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..tensor import Tensor
from . import functional as F
from .attention import MultiheadAttention
from .dropout import Dropout
from .linear import Linear
from .module import Module
from .normalization import LayerNorm

Activation = str | Callable[[Any], Any]


def _get_activation_fn(activation: str) -> Callable[[Any], Any]:
    if activation not in ("relu", "gelu"):
        raise RuntimeError(f"activation should be relu/gelu, not {activation}")
    return F.relu if activation == "relu" else F.gelu


class TransformerEncoderLayer(Module):
    r"""Self-attention, then a network of two layers for each step; residuals around both.

    .. math::
        z &= \mathrm{norm}_1(x + \mathrm{attention}(x, x, x)) \\
        y &= \mathrm{norm}_2(z + W_2 f(W_1 z + b_1) + b_2)

    or, with `norm_first`,

    .. math::
        z &= x + \mathrm{attention}(n, n, n), \quad n = \mathrm{norm}_1(x) \\
        y &= z + W_2 f(W_1 \mathrm{norm}_2(z) + b_1) + b_2

    Parameters
    ----------
    d_model : int
        E, the size of each step.
    nhead : int
        How many heads the attention has.
    dim_feedforward : int
        F, the rows of :math:`W_1`.
    dropout : float
        Of the attention's weights, of f(...), and of what is added to the residuals.
    activation : "relu", "gelu" or callable
        f.
    layer_norm_eps : float
        See `LayerNorm`.
    batch_first : bool
        Whether sequences are (N, S, E) instead of (S, N, E).
    norm_first : bool
        Normalise before, not after.
    bias : bool
        False leaves out the biases of all parts.
    device, dtype : optional
        Only the CPU; the type of the parameters (default: the default dtype).

    Attributes
    ----------
    self_attn : MultiheadAttention
    linear1, linear2 : Linear
    norm1, norm2 : LayerNorm
    dropout, dropout1, dropout2 : Dropout

    Raises
    ------
    RuntimeError
        `activation` is another text.

    References
    ----------
    A. Vaswani et al., "Attention is all you need", 2017; R. Xiong et al., "On layer normalization
    in the transformer architecture", 2020 (`norm_first`).

    Examples
    --------
    >>> import minigrad as mg
    >>> layer = mg.nn.TransformerEncoderLayer(d_model=8, nhead=2, dim_feedforward=16)
    >>> layer(mg.randn(5, 3, 8)).shape
    torch.Size([5, 3, 8])
    """

    def __init__(
        self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1,
        activation: Activation = F.relu, layer_norm_eps: float = 1e-5, batch_first: bool = False,
        norm_first: bool = False, bias: bool = True, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        made: dict[str, Any] = {"bias": bias, "device": device, "dtype": dtype}
        self.self_attn = MultiheadAttention(
            d_model, nhead, dropout, batch_first=batch_first, **made
        )
        self.linear1 = Linear(d_model, dim_feedforward, **made)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, **made)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, layer_norm_eps, **made)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, **made)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)
        if isinstance(activation, str):
            activation = _get_activation_fn(activation)
        self.activation = activation

    def forward(
        self, src: Any, src_mask: Any = None, src_key_padding_mask: Any = None,
        is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        """(S, N, E), with `batch_first` (N, S, E), or (S, E), to the same shape.

        The masks are those of `MultiheadAttention.forward`: `src_mask` is its `attn_mask`.
        """
        x, masks = src, (src_mask, src_key_padding_mask, is_causal)
        if self.norm_first:
            x = x + self._sa_block(self.norm1(x), *masks)
            return x + self._ff_block(self.norm2(x))
        x = self.norm1(x + self._sa_block(x, *masks))
        return self.norm2(x + self._ff_block(x))

    def _sa_block(
        self, x: Any, attn_mask: Any, key_padding_mask: Any, is_causal: bool = False
    ) -> Any:
        """Self-attention."""
        found, _ = self.self_attn(
            x, x, x, attn_mask=attn_mask, key_padding_mask=key_padding_mask, need_weights=False,
            is_causal=is_causal,
        )  # fmt: skip
        return self.dropout1(found)

    def _ff_block(self, x: Any) -> Any:
        """The network for each step."""
        return self.dropout2(self.linear2(self.dropout(self.activation(self.linear1(x)))))


class TransformerDecoderLayer(Module):
    r"""Self-attention, attention to an encoder's output, then a network for each step.

    .. math::
        u &= \mathrm{norm}_1(x + \mathrm{attention}(x, x, x)) \\
        z &= \mathrm{norm}_2(u + \mathrm{attention}(u, m, m)) \\
        y &= \mathrm{norm}_3(z + W_2 f(W_1 z + b_1) + b_2)

    where m is the memory. With `norm_first`, what goes into each line is normalised instead of its
    sum (but not m).

    Parameters
    ----------
    d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first
        As for `TransformerEncoderLayer`.
    bias, device, dtype
        Likewise.

    Attributes
    ----------
    self_attn, multihead_attn : MultiheadAttention
    linear1, linear2 : Linear
    norm1, norm2, norm3 : LayerNorm
    dropout, dropout1, dropout2, dropout3 : Dropout

    References
    ----------
    A. Vaswani et al., "Attention is all you need", 2017.

    Examples
    --------
    >>> import minigrad as mg
    >>> layer = mg.nn.TransformerDecoderLayer(d_model=8, nhead=2, dim_feedforward=16)
    >>> layer(mg.randn(4, 3, 8), memory=mg.randn(5, 3, 8)).shape
    torch.Size([4, 3, 8])
    """

    def __init__(
        self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1,
        activation: Activation = F.relu, layer_norm_eps: float = 1e-5, batch_first: bool = False,
        norm_first: bool = False, bias: bool = True, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        made: dict[str, Any] = {"bias": bias, "device": device, "dtype": dtype}
        self.self_attn = MultiheadAttention(
            d_model, nhead, dropout, batch_first=batch_first, **made
        )
        self.multihead_attn = MultiheadAttention(
            d_model, nhead, dropout, batch_first=batch_first, **made
        )
        self.linear1 = Linear(d_model, dim_feedforward, **made)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, **made)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, layer_norm_eps, **made)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, **made)
        self.norm3 = LayerNorm(d_model, layer_norm_eps, **made)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)
        self.dropout3 = Dropout(dropout)
        if isinstance(activation, str):
            activation = _get_activation_fn(activation)
        self.activation = activation

    def forward(
        self, tgt: Any, memory: Any, tgt_mask: Any = None, memory_mask: Any = None,
        tgt_key_padding_mask: Any = None, memory_key_padding_mask: Any = None,
        tgt_is_causal: bool = False, memory_is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        """(T, N, E) and a memory (S, N, E) to (T, N, E); axes as in `TransformerEncoderLayer`.

        The masks whose names begin with ``tgt`` are for self-attention, those with ``memory`` for
        attention to the memory: see `MultiheadAttention.forward`.
        """
        x = tgt
        own = tgt_mask, tgt_key_padding_mask, tgt_is_causal
        other = memory_mask, memory_key_padding_mask, memory_is_causal
        if self.norm_first:
            x = x + self._sa_block(self.norm1(x), *own)
            x = x + self._mha_block(self.norm2(x), memory, *other)
            return x + self._ff_block(self.norm3(x))
        x = self.norm1(x + self._sa_block(x, *own))
        x = self.norm2(x + self._mha_block(x, memory, *other))
        return self.norm3(x + self._ff_block(x))

    def _sa_block(
        self, x: Any, attn_mask: Any, key_padding_mask: Any, is_causal: bool = False
    ) -> Any:
        """Self-attention."""
        found, _ = self.self_attn(
            x, x, x, attn_mask=attn_mask, key_padding_mask=key_padding_mask, need_weights=False,
            is_causal=is_causal,
        )  # fmt: skip
        return self.dropout1(found)

    def _mha_block(
        self, x: Any, mem: Any, attn_mask: Any, key_padding_mask: Any, is_causal: bool = False
    ) -> Any:
        """Attention to the memory."""
        found, _ = self.multihead_attn(
            x, mem, mem, attn_mask=attn_mask, key_padding_mask=key_padding_mask,
            need_weights=False, is_causal=is_causal,
        )  # fmt: skip
        return self.dropout2(found)

    def _ff_block(self, x: Any) -> Any:
        """The network for each step."""
        return self.dropout3(self.linear2(self.dropout(self.activation(self.linear1(x)))))
