"""Convolution along one axis and its transpose: checks; the arithmetic is in `ops.conv`."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from ...arrays import dtypes
from ...ops import conv as ops
from ...ops.arguments import as_int
from ...ops.shape import squeeze, unsqueeze
from .arguments import check_optional, check_tensor
from .padding import pad

if TYPE_CHECKING:
    from ...tensor import Tensor

__all__ = ["conv1d", "conv_transpose1d"]


def conv1d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:  # fmt: skip
    r"""Slide a small weight along sequences: see `minigrad.nn.Conv1d`.

    .. math:: y_{n,o,t} = b_o + \sum_c \sum_k w_{o,c,k} \, x_{n,c,st + dk - p}

    Parameters
    ----------
    input : Tensor, shape (N, C_in, L) or (C_in, L)
    weight : Tensor, shape (C_out, C_in / groups, K)
    bias : Tensor, shape (C_out,), optional
    stride : int
        s: how far the weight moves from one output to the next.
    padding : int, "same" or "valid"
        p: how many zeros stand before, and after, each sequence. "same": as many as leave the
        length what it is (with stride 1 only); "valid": none.
    dilation : int
        d: how far apart the entries are that meet neighbouring entries of the weight.
    groups : int
        In how many parts channels are divided; outputs of a part see inputs of the same part only.

    Returns
    -------
    Tensor, shape (N, C_out, (L + 2 p - d (K - 1) - 1) // s + 1), or without N

    Raises
    ------
    RuntimeError
        Shapes or types that do not go together; a stride, dilation or number of groups that is not
        positive, a negative padding, a kernel longer than the padded input.

    Examples
    --------
    >>> import minigrad as mg
    >>> conv1d(mg.tensor([[1.0, 2.0, 4.0, 8.0]]), mg.tensor([[[-1.0, 1.0]]]))
    tensor([[1., 2., 4.]])
    """
    check_tensor("conv1d", input)
    check_tensor("conv1d", weight, "weight")
    check_optional("conv1d", bias=bias)
    _check_types("conv1d", input, weight, bias)
    _check_ranks("conv1d", input, weight)
    stride, dilation = _single("stride", stride), _single("dilation", dilation)
    before = padding if isinstance(padding, str) else _single("padding", padding)
    groups = as_int(groups, "conv1d", "groups")
    unbatched = input.array.ndim == 2
    x = unsqueeze(input, 0) if unbatched else input
    if isinstance(before, str):
        x, before = _padded_by_name(x, weight.array.shape[2], before, stride, dilation)
    _check_numbers(stride, before, dilation, groups)
    outputs, inputs, kernel = weight.array.shape
    shape = x.array.shape
    if outputs < groups:
        raise RuntimeError(
            f"conv1d: Given groups={groups}, expected weight to be at least {groups} at dimension "
            f"0, but got weight of size {list(weight.shape)} instead"
        )
    if outputs % groups:
        raise RuntimeError(
            f"conv1d: Given groups={groups}, expected weight to be divisible by {groups} at "
            f"dimension 0, but got weight of size [{list(weight.shape)}] instead"
        )
    if shape[1] != inputs * groups:
        raise RuntimeError(
            f"conv1d: Given groups={groups}, weight of size {list(weight.shape)}, expected "
            f"input{list(shape)} to have {inputs * groups} channels, but got {shape[1]} channels "
            "instead: input is (N, C_in, L), with channels before time"
        )
    _check_bias("", weight, bias, outputs)
    reach, length = dilation * (kernel - 1) + 1, shape[2] + 2 * before
    if reach > length or not kernel:
        raise RuntimeError(
            f"conv1d: Calculated padded input size per channel: ({length}). Kernel size: ({reach})."
            " Kernel size can't be greater than actual input size, nor 0"
        )
    count = (length - reach) // stride + 1
    y = ops.convolve(x, weight, bias, stride, before, dilation, groups, count)
    return squeeze(y, 0) if unbatched else y


def conv_transpose1d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
    output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
) -> Tensor:  # fmt: skip
    r"""Each entry of sequences times a small weight, added up: see `minigrad.nn.ConvTranspose1d`.

    .. math:: y_{n,o,st + dk - p} \leftarrow b_o + \sum_c w_{c,o,k} \, x_{n,c,t}

    This is the gradient of `conv1d` with respect to its input.

    Parameters
    ----------
    input : Tensor, shape (N, C_in, L) or (C_in, L)
    weight : Tensor, shape (C_in, C_out / groups, K)
    bias : Tensor, shape (C_out,), optional
    stride, dilation, groups : int
        Those of the convolution that it is the transpose of.
    padding : int
        How many entries are left out at both ends.
    output_padding : int
        How much longer the output is, at its end. With a stride, inputs of several lengths have
        convolutions of one length; this says which is meant.

    Returns
    -------
    Tensor, shape (N, C_out, (L - 1) s - 2 p + d (K - 1) + output_padding + 1), or without N

    Raises
    ------
    RuntimeError
        As `conv1d`; an `output_padding` that is neither below the stride nor below the dilation.

    Examples
    --------
    >>> import minigrad as mg
    >>> conv_transpose1d(mg.tensor([[1.0, 2.0]]), mg.tensor([[[1.0, 1.0, 1.0]]]), stride=2)
    tensor([[1., 1., 3., 2., 2.]])
    """
    check_tensor("conv_transpose1d", input)
    check_tensor("conv_transpose1d", weight, "weight")
    check_optional("conv_transpose1d", bias=bias)
    _check_types("conv_transpose1d", input, weight, bias)
    _check_ranks("conv_transpose1d", input, weight)
    stride, dilation = _single("stride", stride), _single("dilation", dilation)
    before, more = _single("padding", padding), _single("output_padding", output_padding)
    groups = as_int(groups, "conv_transpose1d", "groups")
    _check_numbers(stride, before, dilation, groups)
    if more < 0:
        raise RuntimeError("negative output_padding is not supported")
    unbatched = input.array.ndim == 2
    x = unsqueeze(input, 0) if unbatched else input
    shape, (inputs, outputs, kernel) = x.array.shape, weight.array.shape
    if shape[1] != inputs:
        raise RuntimeError(
            f"conv_transpose1d: Given transposed=1, weight of size {list(weight.shape)}, expected "
            f"input{list(shape)} to have {inputs} channels, but got {shape[1]} channels instead: "
            "input is (N, C_in, L), with channels before time"
        )
    if inputs % groups:
        raise RuntimeError(
            f"conv_transpose1d: Given groups={groups}, expected weight to be divisible by {groups} "
            f"at dimension 0, but got weight of size [{list(weight.shape)}] instead"
        )
    _check_bias("transposed=1, ", weight, bias, outputs * groups)
    if more >= max(stride, dilation):
        raise RuntimeError(
            "conv_transpose1d: output padding must be smaller than either stride or dilation, but "
            f"got output_padding: {more} stride: {stride} dilation: {dilation}"
        )
    length = (shape[2] - 1) * stride - 2 * before + dilation * (kernel - 1) + more + 1
    if length <= 0:
        raise RuntimeError(
            f"conv_transpose1d: Given input size per channel: ({shape[2]}). Calculated output size "
            f"per channel: ({length}). Output size is too small"
        )
    y = ops.spread_out(x, weight, bias, stride, before, dilation, groups, length)
    return squeeze(y, 0) if unbatched else y


# ------------------------------------------------------------------------------------------------
# Checks
# ------------------------------------------------------------------------------------------------


def _single(name: str, value: Any) -> int:
    """The number for the one axis; it may come as a tuple of length 1."""
    if isinstance(value, (tuple, list)):
        if len(value) != 1:
            raise RuntimeError(
                f"expected {name} to be a single integer value or a list of 1 values to match the "
                f"convolution dimensions, but got {name}={list(value)}"
            )
        (value,) = value
    return as_int(value, "conv1d", name)


def _check_types(function: str, input: Any, weight: Any, bias: Any) -> None:
    kind = input.array.dtype
    for name, value in (("bias", bias), ("weight", weight)):
        if value is not None and value.array.dtype != kind:
            raise RuntimeError(
                f"{function}: Input type ({dtypes.legacy_name(kind)}) and {name} type "
                f"({dtypes.legacy_name(value.array.dtype)}) should be the same"
            )
    if kind.kind == "b":
        raise NotImplementedError(f"{function}: not implemented for 'Bool', use input.float()")


def _check_ranks(function: str, input: Any, weight: Any) -> None:
    if input.array.ndim not in (2, 3):
        raise RuntimeError(
            f"Expected 2D (unbatched) or 3D (batched) input to {function}, but got input of size: "
            f"{list(input.shape)}"
        )
    if weight.array.ndim < 3:
        raise RuntimeError(
            f"{function}: weight should have at least three dimensions, but has shape "
            f"{list(weight.shape)}"
        )
    if weight.array.ndim > 3:
        rank = weight.array.ndim
        raise RuntimeError(
            f"{function}: Expected {rank}-dimensional input for {rank}-dimensional weight "
            f"{list(weight.shape)}, but got {input.array.ndim}-dimensional input of size "
            f"{list(input.shape)} instead"
        )


def _check_numbers(stride: int, padding: int, dilation: int, groups: int) -> None:
    if padding < 0:
        raise RuntimeError(f"negative padding is not supported, but got {padding}")
    for name, value in (("stride", stride), ("dilation", dilation), ("groups", groups)):
        if value <= 0:
            raise RuntimeError(f"non-positive {name} is not supported, but got {value}")


def _check_bias(kind: str, weight: Any, bias: Any, outputs: int) -> None:
    if bias is not None and bias.array.shape != (outputs,):
        raise RuntimeError(
            f"Given {kind}weight of size {list(weight.shape)}, expected bias to be 1-dimensional "
            f"with {outputs} elements, but got bias of size {list(bias.shape)} instead"
        )


def _padded_by_name(x: Any, kernel: int, name: str, stride: int, dilation: int) -> tuple[Any, int]:
    """The input and the padding that "same" or "valid" means."""
    if name == "valid":
        return x, 0
    if name != "same":
        raise RuntimeError(f"Invalid padding string: '{name}', use 'same' or 'valid'")
    if stride != 1:
        raise RuntimeError("padding='same' is not supported for strided convolutions")
    total = dilation * (kernel - 1)
    if total % 2:  # one zero more behind than before
        warnings.warn(
            "Using padding='same' with even kernel lengths and odd dilation may require a "
            "zero-padded copy of the input be created",
            stacklevel=3,
        )
        x = pad(x, (0, 1))
    return x, total // 2
