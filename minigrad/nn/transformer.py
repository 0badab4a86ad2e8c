"""Transformers: stacks of the layers in `transformer_layers`.

In shapes, S is the number of source steps, T of target steps, N of sequences, H of heads, and E how
many numbers a step has.
"""

from __future__ import annotations

import copy
from typing import Any

from ..ops.shape import triu
from ..tensor import Tensor
from ..tensor.creation import full
from . import functional as F
from . import init
from .containers import ModuleList
from .functional.arguments import check_tensor
from .module import Module
from .normalization import LayerNorm
from .transformer_layers import Activation, TransformerDecoderLayer, TransformerEncoderLayer


def _get_clones(module: Module, N: int) -> ModuleList:
    return ModuleList([copy.deepcopy(module) for _ in range(N)])


class _Stack(Module):
    """Copies of a layer, one after the other, and perhaps a norm behind the last."""

    def __init__(self, layer: Module, num_layers: int, norm: Module | None) -> None:
        super().__init__()
        self.layers = _get_clones(layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm

    def _through(self, x: Any, *arguments: Any, **options: Any) -> Any:
        for layer in self.layers:
            x = layer(x, *arguments, **options)
        return x if self.norm is None else self.norm(x)


class TransformerEncoder(_Stack):
    """A stack of encoder layers.

    Parameters
    ----------
    encoder_layer : TransformerEncoderLayer
        Is copied `num_layers` times, so all layers start with the same values.
    num_layers : int
    norm : Module, optional
        What comes behind the last layer; with ``norm_first`` usually a `LayerNorm`.
    enable_nested_tensor, mask_check : bool
        Accepted; there are no nested tensors here.

    Attributes
    ----------
    layers : ModuleList
    norm : Module or None

    Notes
    -----
    PyTorch takes another way after ``eval()`` under ``no_grad()`` if sequences are ``batch_first``
    and padded at their ends, on which padded steps come out as zeros. Here, as in training, they
    are computed like all others.

    Examples
    --------
    >>> import minigrad as mg
    >>> layer = mg.nn.TransformerEncoderLayer(d_model=8, nhead=2, dim_feedforward=16)
    >>> encoder = mg.nn.TransformerEncoder(layer, num_layers=2)
    >>> encoder(mg.randn(5, 3, 8)).shape
    torch.Size([5, 3, 8])
    """

    def __init__(
        self, encoder_layer: Module, num_layers: int, norm: Module | None = None,
        enable_nested_tensor: bool = True, mask_check: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(encoder_layer, num_layers, norm)
        self.enable_nested_tensor = enable_nested_tensor
        self.use_nested_tensor = False
        self.mask_check = mask_check

    def forward(
        self, src: Any, mask: Any = None, src_key_padding_mask: Any = None,
        is_causal: bool | None = None,
    ) -> Tensor:  # fmt: skip
        """(S, N, E), with ``batch_first`` (N, S, E), or (S, E), to the same shape.

        `mask` is the layers' ``src_mask``; without a word on `is_causal` it is taken as it is.
        """
        options = {"src_mask": mask, "src_key_padding_mask": src_key_padding_mask}
        result: Tensor = self._through(src, is_causal=bool(is_causal), **options)
        return result


class TransformerDecoder(_Stack):
    """A stack of decoder layers, all of which look at the same memory.

    Parameters
    ----------
    decoder_layer : TransformerDecoderLayer
        Is copied `num_layers` times, so all layers start with the same values.
    num_layers : int
    norm : Module, optional
        What comes behind the last layer.

    Attributes
    ----------
    layers : ModuleList
    norm : Module or None

    Notes
    -----
    In PyTorch, copies of a layer whose activation is a module use `relu` instead. Here they use
    the module.

    Examples
    --------
    >>> import minigrad as mg
    >>> layer = mg.nn.TransformerDecoderLayer(d_model=8, nhead=2, dim_feedforward=16)
    >>> decoder = mg.nn.TransformerDecoder(layer, num_layers=2)
    >>> decoder(mg.randn(4, 3, 8), memory=mg.randn(5, 3, 8)).shape
    torch.Size([4, 3, 8])
    """

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__(decoder_layer, num_layers, norm)

    def forward(
        self, tgt: Any, memory: Any, tgt_mask: Any = None, memory_mask: Any = None,
        tgt_key_padding_mask: Any = None, memory_key_padding_mask: Any = None,
        tgt_is_causal: bool | None = None, memory_is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        """(T, N, E) and a memory (S, N, E) to (T, N, E): see `TransformerDecoderLayer`."""
        result: Tensor = self._through(
            tgt, memory, tgt_mask=tgt_mask, memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask, tgt_is_causal=bool(tgt_is_causal),
            memory_is_causal=memory_is_causal,
        )  # fmt: skip
        return result


class Transformer(Module):
    """An encoder reads the source, a decoder makes the target of it.

    Parameters
    ----------
    d_model, nhead : int
        See `TransformerEncoderLayer`. Default: 512 and 8.
    num_encoder_layers, num_decoder_layers : int
        Default: 6.
    dim_feedforward, dropout, activation
        See `TransformerEncoderLayer`.
    custom_encoder, custom_decoder : Module, optional
        Instead of a `TransformerEncoder` or a `TransformerDecoder`, called as these are.
    layer_norm_eps, batch_first, norm_first, bias, device, dtype
        See `TransformerEncoderLayer`.

    Attributes
    ----------
    encoder, decoder : Module
        Each with a `LayerNorm` behind its last layer. All matrices are drawn by
        `minigrad.nn.init.xavier_uniform_`.

    Raises
    ------
    RuntimeError
        In `forward`: batches of `src` and `tgt` that differ, or a last axis that is not `d_model`.

    References
    ----------
    A. Vaswani et al., "Attention is all you need", 2017.

    Examples
    --------
    >>> import minigrad as mg
    >>> model = mg.nn.Transformer(8, 2, num_encoder_layers=1, num_decoder_layers=1,
    ...                           dim_feedforward=16)
    >>> src, tgt = mg.randn(5, 3, 8), mg.randn(4, 3, 8)
    >>> mask = model.generate_square_subsequent_mask(4)
    >>> model(src, tgt, tgt_mask=mask).shape
    torch.Size([4, 3, 8])
    """

    def __init__(
        self, d_model: int = 512, nhead: int = 8, num_encoder_layers: int = 6,
        num_decoder_layers: int = 6, dim_feedforward: int = 2048, dropout: float = 0.1,
        activation: Activation = F.relu, custom_encoder: Any = None, custom_decoder: Any = None,
        layer_norm_eps: float = 1e-5, batch_first: bool = False, norm_first: bool = False,
        bias: bool = True, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()

        def stack(kind: Any, layer: Any, count: int) -> Any:
            one = layer(
                d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first,
                norm_first, bias, device, dtype,
            )  # fmt: skip
            norm = LayerNorm(d_model, layer_norm_eps, bias=bias, device=device, dtype=dtype)
            return kind(one, count, norm)

        self.encoder = custom_encoder
        if custom_encoder is None:
            self.encoder = stack(TransformerEncoder, TransformerEncoderLayer, num_encoder_layers)
        self.decoder = custom_decoder
        if custom_decoder is None:
            self.decoder = stack(TransformerDecoder, TransformerDecoderLayer, num_decoder_layers)
        self._reset_parameters()
        self.d_model = d_model
        self.nhead = nhead
        self.batch_first = batch_first

    def _reset_parameters(self) -> None:
        """Draw new initial values for all matrices."""
        for parameter in self.parameters():
            if parameter.dim() > 1:
                init.xavier_uniform_(parameter)

    def forward(
        self, src: Any, tgt: Any, src_mask: Any = None, tgt_mask: Any = None,
        memory_mask: Any = None, src_key_padding_mask: Any = None, tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None, src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None, memory_is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        """A source (S, N, E) and a target (T, N, E) to (T, N, E); one sequence without N.

        Masks: (S, S), (T, T) and (T, S), or one for each sample and head, (N * H, ...); those of
        padding (N, S), (N, T) and (N, S). See `MultiheadAttention.forward`.
        """
        self._check(src, tgt)
        memory = self.encoder(
            src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal
        )
        result: Tensor = self.decoder(
            tgt, memory, tgt_mask=tgt_mask, memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask, tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )  # fmt: skip
        return result

    def _check(self, src: Any, tgt: Any) -> None:
        check_tensor("Transformer", src, "src")
        check_tensor("Transformer", tgt, "tgt")
        shapes = f"src has shape {list(src.shape)}, tgt {list(tgt.shape)}"
        batch = 0 if self.batch_first else 1
        if src.ndim == 3 and src.shape[batch] != tgt.shape[batch]:
            raise RuntimeError(
                "Transformer: the batch number of src and tgt must be equal, but differs on axis "
                f"{batch}: {shapes}"
            )
        if src.shape[-1] != self.d_model or tgt.shape[-1] != self.d_model:
            raise RuntimeError(
                "Transformer: the feature number of src and tgt must be equal to d_model="
                f"{self.d_model}: {shapes}"
            )

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Tensor:
        """(sz, sz): -inf where a step would look at a later one, 0 elsewhere."""
        return triu(full((sz, sz), -float("inf"), dtype=dtype, device=device), 1)
