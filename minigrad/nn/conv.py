"""Convolution along sequences, and its transpose, as layers: Conv1d, ConvTranspose1d."""

from __future__ import annotations

import math
from typing import Any

from ..tensor import Tensor
from ..tensor.creation import empty
from . import functional as F
from . import init
from .functional.arguments import check_tensor
from .module import Module
from .parameter import Parameter

PADDING_MODES = {"zeros", "reflect", "replicate", "circular"}


def _single(value: Any) -> tuple[Any, ...]:
    """A number as a tuple of one; what is a sequence, as a tuple."""
    return tuple(value) if isinstance(value, (tuple, list, str)) else (value,)


class _Conv(Module):
    """What both share: sizes, options, parameters."""

    bias: Parameter | None

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any, padding: Any,
        dilation: Any, transposed: bool, output_padding: Any, groups: int, bias: bool,
        padding_mode: str, device: Any, dtype: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        if groups <= 0:
            raise ValueError(f"groups must be a positive integer, not {groups}")
        for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
            if channels % groups:
                raise ValueError(f"{name} must be divisible by groups: {channels} by {groups}")
        stride, dilation = _single(stride), _single(dilation)
        if isinstance(padding, str) and not transposed:
            if padding not in ("same", "valid"):
                raise ValueError(
                    f"Invalid padding string {padding!r}, should be one of {{'same', 'valid'}}"
                )
            if padding == "same" and any(s != 1 for s in stride):
                raise ValueError("padding='same' is not supported for strided convolutions")
        if padding_mode not in PADDING_MODES:
            raise ValueError(
                f"padding_mode must be one of {sorted(PADDING_MODES)}, but got "
                f"padding_mode='{padding_mode}'"
            )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = _single(kernel_size)
        self.stride = stride
        self.padding = padding if isinstance(padding, str) else _single(padding)
        self.dilation = dilation
        self.transposed = transposed
        self.output_padding = _single(output_padding)
        self.groups = groups
        self.padding_mode = padding_mode
        rows = (in_channels, out_channels) if transposed else (out_channels, in_channels)
        shape = (rows[0], rows[1] // groups, *self.kernel_size)
        self.weight = Parameter(empty(shape, device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(empty(out_channels, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in, _ = init._calculate_fan_in_and_fan_out(self.weight)
            if fan_in:
                bound = 1 / math.sqrt(fan_in)
                init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        """What stands between the parentheses: all that is not as usual."""
        text = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}"
        )
        if self.padding not in ((0,), "valid"):
            text += f", padding={self.padding}"
        if self.dilation != (1,):
            text += f", dilation={self.dilation}"
        if self.output_padding != (0,):
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        return text if self.padding_mode == "zeros" else f"{text}, padding_mode={self.padding_mode}"


class Conv1d(_Conv):
    r"""Slides a small weight along sequences.

    .. math:: y_{n,o,t} = b_o + \sum_c \sum_{k < K} w_{o,c,k} \, x_{n,c,st + dk - p}

    Each output sees K entries of the input, the same way everywhere. Channels stand before time,
    other than in recurrent layers: for those, ``y.permute(2, 0, 1)``, or ``y.transpose(1, 2)`` with
    ``batch_first=True``.

    Parameters
    ----------
    in_channels, out_channels : int
        C_in and C_out.
    kernel_size : int
        K.
    stride : int
        s: how far the weight moves from one output to the next.
    padding : int, "same" or "valid"
        p: how many entries are added before, and after, each sequence. "same" leaves the length
        what it is (with stride 1 only); "valid" adds none.
    dilation : int
        d: how far apart the entries are that meet neighbouring entries of the weight.
    groups : int
        In how many parts channels are divided; outputs of a part see inputs of the same part only.
    bias : bool
        False leaves b out.
    padding_mode : "zeros", "reflect", "replicate" or "circular"
        What the added entries are: see `functional.pad`.
    device, dtype : optional
        Only the CPU; the type of the parameters (default: the default dtype).

    Attributes
    ----------
    weight : Parameter, shape (C_out, C_in / groups, K)
        Drawn from U(-k, k), k = 1 / sqrt(C_in / groups * K).
    bias : Parameter or None, shape (C_out,)
        Drawn from the same distribution.

    Raises
    ------
    ValueError
        Channels that `groups` does not divide; an unknown padding or padding mode; "same" with a
        stride.
    RuntimeError
        In `forward`: another number of axes or channels, another dtype; a kernel that is longer
        than the padded input.

    References
    ----------
    A. Waibel et al., "Phoneme recognition using time-delay neural networks", 1989.

    Examples
    --------
    >>> import minigrad as mg
    >>> layer = mg.nn.Conv1d(3, 8, kernel_size=5, padding="same")
    >>> layer(mg.zeros(2, 3, 20)).shape
    torch.Size([2, 8, 20])
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1,
        padding: Any = 0, dilation: Any = 1, groups: int = 1, bias: bool = True,
        padding_mode: str = "zeros", device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, False, 0, groups,
            bias, padding_mode, device, dtype,
        )  # fmt: skip

    def forward(self, input: Any) -> Tensor:
        """(N, C_in, L) or (C_in, L) to (N, C_out, L_out) or (C_out, L_out)."""
        padding = self.padding
        if self.padding_mode != "zeros":
            check_tensor("conv1d", input)
            input, padding = F.pad(input, self._frame(), mode=self.padding_mode), (0,)
        return F.conv1d(
            input, self._weight("weight"), self._weight("bias"), self.stride, padding,
            self.dilation, self.groups,
        )  # fmt: skip

    def _frame(self) -> tuple[int, int]:
        """How many entries are added before and after."""
        if self.padding == "valid":
            return 0, 0
        if self.padding == "same":
            total = self.dilation[0] * (self.kernel_size[0] - 1)
            return total // 2, total - total // 2
        return self.padding[0], self.padding[0]  # type: ignore[return-value]


class ConvTranspose1d(_Conv):
    r"""Each entry of sequences times a small weight, added up: what `Conv1d` is the transpose of.

    .. math:: y_{n,o,st + dk - p} \leftarrow b_o + \sum_c w_{c,o,k} \, x_{n,c,t}

    With a stride it makes sequences longer, as `Conv1d` with that stride makes them shorter.

    Parameters
    ----------
    in_channels, out_channels, kernel_size, stride, dilation, groups, bias, device, dtype
        As for `Conv1d`.
    padding : int
        How many entries are left out at both ends.
    output_padding : int
        How much longer the output is, at its end; below the stride or below the dilation.
    padding_mode : "zeros"

    Attributes
    ----------
    weight : Parameter, shape (C_in, C_out / groups, K)
        Drawn from U(-k, k), k = 1 / sqrt(C_out / groups * K).
    bias : Parameter or None, shape (C_out,)
        Drawn from the same distribution.

    Raises
    ------
    ValueError
        As for `Conv1d`. In `forward`, if there is no output of `output_size`.
    RuntimeError
        In `forward`: another number of axes or channels, another dtype.

    References
    ----------
    M. D. Zeiler, D. Krishnan, G. W. Taylor, R. Fergus, "Deconvolutional networks", 2010.

    Examples
    --------
    >>> import minigrad as mg
    >>> layer = mg.nn.ConvTranspose1d(8, 3, kernel_size=4, stride=2)
    >>> layer(mg.zeros(2, 8, 9)).shape
    torch.Size([2, 3, 20])
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1,
        padding: Any = 0, output_padding: Any = 0, groups: int = 1, bias: bool = True,
        dilation: Any = 1, padding_mode: str = "zeros", device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        if padding_mode != "zeros":
            raise ValueError(
                f'Only "zeros" padding mode is supported for ConvTranspose1d, not "{padding_mode}"'
            )
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, True, output_padding,
            groups, bias, padding_mode, device, dtype,
        )  # fmt: skip

    def forward(self, input: Any, output_size: Any = None) -> Tensor:
        """(N, C_in, L) or (C_in, L) to (N, C_out, L_out) or (C_out, L_out).

        `output_size` may say what L_out shall be, alone or as the last of a whole shape.
        """
        check_tensor("conv_transpose1d", input)
        more = self.output_padding if output_size is None else self._padding_for(input, output_size)
        return F.conv_transpose1d(
            input, self._weight("weight"), self._weight("bias"), self.stride, self.padding, more,
            self.groups, self.dilation,
        )  # fmt: skip

    def _padding_for(self, input: Any, output_size: Any) -> tuple[int]:
        """The `output_padding` with which the output has the size that is asked for."""
        sizes, rank = tuple(output_size), len(input.shape)
        if len(sizes) not in (1, rank):
            raise ValueError(
                f"ConvTranspose1D: for {rank}D input, output_size must have 1 or {rank} elements "
                f"(got {len(sizes)})"
            )
        stride, padding, dilation = self.stride[0], int(self.padding[0]), self.dilation[0]
        kernel, length = self.kernel_size[0], input.shape[-1]
        least = (length - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1
        if not least <= sizes[-1] <= least + stride - 1:
            raise ValueError(
                f"requested an output size of [{sizes[-1]}], but valid sizes range from [{least}] "
                f"to [{least + stride - 1}] (for an input of {input.shape[-1:]})"
            )
        return (sizes[-1] - least,)
