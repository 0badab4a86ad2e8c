"""Attention of several heads, as a layer: MultiheadAttention."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from ..tensor.creation import empty
from . import functional as F
from . import init
from .functional.arguments import check_tensor
from .functional.multihead import each_once
from .linear import NonDynamicallyQuantizableLinear
from .module import Module
from .parameter import Parameter


class MultiheadAttention(Module):
    r"""Each query gets an average of values, weighted by how well their keys fit; in H heads.

    .. math::
        Q &= x_q W_q^T + b_q, \quad K = x_k W_k^T + b_k, \quad V = x_v W_v^T + b_v \\
        A_h &= \mathrm{softmax}\left(Q_h K_h^T / \sqrt{D} + M\right) \\
        y &= [A_1 V_1, \dots, A_H V_H] \, W_o^T + b_o

    Head h has the columns :math:`h D` to :math:`(h + 1) D` of Q, K and V; :math:`D = E / H`.

    Parameters
    ----------
    embed_dim : int
        E, the size of queries and outputs.
    num_heads : int
        H, which divides E.
    dropout : float
        The probability with which entries of :math:`A_h` are dropped in training. Default: 0.
    bias : bool
        False leaves all b out.
    add_bias_kv : bool
        A learnt key and value behind those of the input.
    add_zero_attn : bool
        A key and a value of zeros behind them: somewhere to look if nothing fits.
    kdim, vdim : int, optional
        The sizes of the inputs for keys and values. Default: `embed_dim`.
    batch_first : bool
        Whether sequences are (N, L, E) instead of (L, N, E).
    device, dtype : optional
        Only the CPU; the type of the parameters (default: the default dtype).

    Attributes
    ----------
    in_proj_weight : Parameter, shape (3 E, E)
        :math:`W_q, W_k, W_v` one below the other; None if `kdim` or `vdim` is another size: then
        ``q_proj_weight`` (E, E), ``k_proj_weight`` (E, kdim), ``v_proj_weight`` (E, vdim) are
        there. Drawn by `minigrad.nn.init.xavier_uniform_`.
    in_proj_bias : Parameter or None, shape (3 E,)
        Starts as zeros.
    bias_k, bias_v : Parameter or None, shape (1, 1, E)
        Drawn by `minigrad.nn.init.xavier_normal_`.
    out_proj : Linear
        :math:`W_o` (E, E), and :math:`b_o`, which starts as zeros.

    Raises
    ------
    ValueError
        `embed_dim` or `num_heads` is not positive.
    AssertionError
        `num_heads` does not divide `embed_dim`.

    References
    ----------
    A. Vaswani et al., "Attention is all you need", 2017.

    Examples
    --------
    >>> import minigrad as mg
    >>> attention = mg.nn.MultiheadAttention(embed_dim=8, num_heads=2)
    >>> x = mg.randn(5, 3, 8)  # 5 steps of 3 sequences
    >>> output, weights = attention(x, x, x)
    >>> output.shape, weights.shape
    (torch.Size([5, 3, 8]), torch.Size([3, 5, 5]))
    """

    def __init__(
        self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True,
        add_bias_kv: bool = False, add_zero_attn: bool = False, kdim: int | None = None,
        vdim: int | None = None, batch_first: bool = False, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                "embed_dim and num_heads must be greater than 0, got "
                f"embed_dim={embed_dim} and num_heads={num_heads} instead"
            )
        if embed_dim % num_heads:
            raise AssertionError(
                f"embed_dim must be divisible by num_heads, got embed_dim={embed_dim} and "
                f"num_heads={num_heads}"
            )
        super().__init__()
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads

        def parameter(*shape: int, there: bool = True) -> Parameter | None:
            return Parameter(empty(*shape, device=device, dtype=dtype)) if there else None

        one = self._qkv_same_embed_dim
        for name, made in (
            ("in_proj_weight", parameter(3 * embed_dim, embed_dim, there=one)),
            ("q_proj_weight", parameter(embed_dim, embed_dim, there=not one)),
            ("k_proj_weight", parameter(embed_dim, self.kdim, there=not one)),
            ("v_proj_weight", parameter(embed_dim, self.vdim, there=not one)),
            ("in_proj_bias", parameter(3 * embed_dim, there=bias)),
            ("bias_k", parameter(1, 1, embed_dim, there=add_bias_kv)),
            ("bias_v", parameter(1, 1, embed_dim, there=add_bias_kv)),
        ):
            self.register_parameter(name, made)
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias, device, dtype)
        self.add_zero_attn = add_zero_attn
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        """Draw new initial values, but for the matrix of `out_proj`."""
        for name, parameter in self._parameters.items():
            if parameter is None:
                continue
            if name.endswith("_weight"):
                init.xavier_uniform_(parameter)
            elif name == "in_proj_bias":
                init.zeros_(parameter)
                init.zeros_(self.out_proj.bias)
            else:
                init.xavier_normal_(parameter)

    def forward(
        self, query: Any, key: Any, value: Any, key_padding_mask: Any = None,
        need_weights: bool = True, attn_mask: Any = None, average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:  # fmt: skip
        """Queries, keys and values to outputs, and the weights that made them.

        Parameters
        ----------
        query : Tensor, shape (L, N, E); with `batch_first` (N, L, E); of one sequence (L, E)
        key, value : Tensor, shape (S, N, kdim) and (S, N, vdim), likewise
            For self-attention, three times the same tensor.
        key_padding_mask : Tensor, shape (N, S) or (S,), optional
            Of bools: True for keys that nobody may look at. Of floats: added to their scores.
        need_weights : bool
            Return the weights, too. False is a little faster. Default: True.
        attn_mask : Tensor, shape (L, S) or (N * H, L, S), optional
            M, of floats; or of bools: True where a query must *not* look at a key.
        average_attn_weights : bool
            Return the average of the weights of all heads. Default: True.
        is_causal : bool
            A promise that `attn_mask`, which has to be there, forbids all keys behind the query,
            and nothing else. Default: False.

        Returns
        -------
        output : Tensor, of the shape of `query`
        weights : Tensor or None
            (N, L, S), of one sequence (L, S); if not averaged (N, H, L, S) or (H, L, S). A query
            whose keys are all forbidden has NaN here and in `output`; without `need_weights` it
            gets zeros before the last map.

        Raises
        ------
        TypeError
            An argument is no tensor.
        AssertionError, RuntimeError
            Shapes or types that do not go together; `is_causal` without `attn_mask`.
        """
        for name, x in (("query", query), ("key", key), ("value", value)):
            check_tensor("MultiheadAttention", x, name)
        turn = self.batch_first and query.array.ndim == 3
        if turn:
            query, key, value = each_once(lambda x: x.transpose(0, 1), query, key, value)
        w = self._weight
        output, weights = F.multi_head_attention_forward(
            query, key, value, self.embed_dim, self.num_heads, w("in_proj_weight"),
            w("in_proj_bias"), w("bias_k"), w("bias_v"), self.add_zero_attn, self.dropout,
            self.out_proj.weight, self.out_proj.bias, self.training, key_padding_mask,
            need_weights, attn_mask, not self._qkv_same_embed_dim, w("q_proj_weight"),
            w("k_proj_weight"), w("v_proj_weight"), None, None, average_attn_weights, is_causal,
        )  # fmt: skip
        return output.transpose(0, 1) if turn else output, weights
