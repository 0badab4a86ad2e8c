"""Regenerate ``conv.npz``: what PyTorch 2.13 computes in convolutions, pooling and padding layers.

    python tests/golden/make_conv.py

needs torch. Besides, it checks the claims below against PyTorch.
"""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

HERE = Path(__file__).parent
TARGET = HERE / "conv.npz"
facts = SimpleNamespace(**runpy.run_path(str(HERE / "facts.py")))


def leaf(t: Any, seed: int, *shape: int, dtype: str = "float64") -> Any:
    """A tensor that requires a gradient."""
    return t.tensor(facts.numbers(seed, *shape, dtype=dtype), requires_grad=True)


def outcome(t: Any, y: Any, **leaves: Any) -> dict[str, np.ndarray]:
    """The values of `y`, and its gradients with respect to the leaves by name."""
    g = t.tensor(facts.numbers(7, *y.shape, dtype=str(y.dtype).split(".")[1]))
    grads = t.autograd.grad(y, list(leaves.values()), g)
    return {"y": facts.array(y)} | {f"d_{n}": facts.array(d) for n, d in zip(leaves, grads)}


# ------------------------------------------------------------------------------------------------
# Convolutions
# ------------------------------------------------------------------------------------------------

# The shape of the input, and the arguments of the layer after the channels in.
CONVS: dict[str, tuple[tuple[int, ...], tuple[Any, ...], dict[str, Any]]] = {
    "plain": ((2, 3, 7), (4, 3), {}),
    "one sample": ((3, 7), (4, 3), {}),
    "a kernel of 1": ((2, 3, 7), (4, 1), {}),
    "as long as the input": ((2, 3, 7), (4, 7), {}),
    "one channel": ((2, 1, 9), (1, 4), {"bias": False}),
    "one sample of one": ((1, 1, 1), (1, 1), {}),
    "stride": ((2, 3, 9), (4, 3), {"stride": 2}),
    "stride beyond the kernel": ((2, 3, 9), (4, 2), {"stride": (4,)}),
    "padding": ((2, 3, 5), (4, 3), {"padding": 2}),
    "padding beyond the kernel": ((2, 3, 5), (2, 2), {"padding": 4}),
    "dilation": ((2, 3, 9), (4, 3), {"dilation": 3}),
    "all": ((3, 4, 11), (6, 3), {"stride": 2, "padding": 3, "dilation": 2, "groups": 2}),
    "groups": ((2, 6, 7), (4, 3), {"groups": 2, "bias": False}),
    "depthwise": ((2, 3, 7), (6, 3), {"groups": 3, "padding": 1}),
    "same": ((2, 3, 7), (4, 3), {"padding": "same"}),
    "same, even": ((2, 3, 7), (4, 4), {"padding": "same"}),
    "same, dilated": ((2, 3, 7), (4, 2), {"padding": "same", "dilation": 3}),
    "valid": ((2, 3, 7), (4, 3), {"padding": "valid"}),
    "no samples": ((0, 3, 7), (4, 3), {}),
    **{
        f"{mode} {padding}": ((2, 3, 7), (4, 4), {"padding": padding, "padding_mode": mode})
        for mode in ("reflect", "replicate", "circular")
        for padding in (2, "same", "valid")
    },
    "reflect one sample": ((3, 7), (4, 4), {"padding": 2, "padding_mode": "reflect"}),
}
TRANSPOSED: dict[str, tuple[tuple[int, ...], tuple[Any, ...], dict[str, Any]]] = {
    "plain": ((2, 3, 5), (4, 3), {}),
    "one sample": ((3, 5), (4, 3), {}),
    "stride": ((2, 3, 5), (4, 3), {"stride": 2}),
    "stride and more": ((2, 3, 5), (4, 3), {"stride": 3, "output_padding": 2}),
    "stride beyond the kernel": ((2, 3, 5), (4, 2), {"stride": 4, "bias": False}),
    "padding": ((2, 3, 5), (4, 3), {"padding": 2}),
    "padding beyond the kernel": ((2, 3, 9), (4, 2), {"padding": 3}),
    "dilation and more": ((2, 3, 5), (4, 3), {"dilation": 3, "output_padding": 2}),
    "all": (
        (3, 4, 6), (6, 3),
        {"stride": 2, "padding": 1, "output_padding": 1, "groups": 2, "dilation": 2},
    ),
    "no samples": ((0, 3, 5), (4, 3), {"stride": 2}),
}  # fmt: skip


def run_conv(t: Any, kind: str, name: str, dtype: str) -> dict[str, np.ndarray]:
    """Parameters from a seed, values, gradients."""
    shape, sizes, options = (CONVS if kind == "Conv1d" else TRANSPOSED)[name]
    t.manual_seed(6)
    layer = getattr(t.nn, kind)(shape[-2], *sizes, **options, dtype=getattr(t, dtype))
    x = leaf(t, 1, *shape, dtype=dtype)
    parameters = dict(layer.named_parameters())
    drawn = {n: facts.array(p) for n, p in parameters.items()} | {"next": facts.array(t.rand(1))}
    return drawn | outcome(t, layer(x), x=x, **parameters)


def run_transposed_to(t: Any, size: Any) -> dict[str, np.ndarray]:
    """With the size that the output shall have."""
    t.manual_seed(6)
    layer = t.nn.ConvTranspose1d(3, 2, 3, stride=3, dtype=t.float64)
    x = leaf(t, 1, 2, 3, 5)
    return outcome(t, layer(x, output_size=size), x=x)


def run_time_first(t: Any, dtype: str) -> dict[str, np.ndarray]:
    """An input that lies in memory with time before channels, as recurrent layers leave it."""
    t.manual_seed(6)
    layer = t.nn.Conv1d(3, 4, 3, dtype=getattr(t, dtype))
    x = leaf(t, 1, 2, 7, 3, dtype=dtype)
    return outcome(t, layer(x.transpose(1, 2)), x=x)


# ------------------------------------------------------------------------------------------------
# Pooling and padding
# ------------------------------------------------------------------------------------------------

POOLS: dict[str, tuple[tuple[int, ...], Any]] = {
    f"{name} {shape}": (shape, make)
    for shape in ((2, 3, 11), (3, 12), (0, 2, 9))
    for name, make in {
        "MaxPool1d(2)": lambda nn: nn.MaxPool1d(2),
        "MaxPool1d(3, 1)": lambda nn: nn.MaxPool1d(3, 1),
        "MaxPool1d(3, 2, 1)": lambda nn: nn.MaxPool1d(3, 2, 1),
        "MaxPool1d(2, 3, 1, ceil)": lambda nn: nn.MaxPool1d((2,), 3, 1, ceil_mode=True),
        "MaxPool1d(4, 2, 2, 2, ceil)": lambda nn: nn.MaxPool1d(4, 2, 2, 2, ceil_mode=True),
        "MaxPool1d(9)": lambda nn: nn.MaxPool1d(9),
        "AvgPool1d(2)": lambda nn: nn.AvgPool1d(2),
        "AvgPool1d(3, 1)": lambda nn: nn.AvgPool1d((3,), 1),
        "AvgPool1d(3, 2, 1)": lambda nn: nn.AvgPool1d(3, 2, 1),
        "AvgPool1d(3, 2, 1, ceil)": lambda nn: nn.AvgPool1d(3, 2, 1, True),
        "AvgPool1d(4, 3, 2, ceil, without)": lambda nn: nn.AvgPool1d(4, 3, 2, True, False),
        "AvgPool1d(9)": lambda nn: nn.AvgPool1d(9),
        "LPPool1d(2, 3)": lambda nn: nn.LPPool1d(2, 3),
        "LPPool1d(4, 2, 1, ceil)": lambda nn: nn.LPPool1d(4, 2, 1, True),
        "AdaptiveAvgPool1d(1)": lambda nn: nn.AdaptiveAvgPool1d(1),
        "AdaptiveAvgPool1d(3)": lambda nn: nn.AdaptiveAvgPool1d(3),
        "AdaptiveAvgPool1d(5)": lambda nn: nn.AdaptiveAvgPool1d((5,)),
        "AdaptiveAvgPool1d(17)": lambda nn: nn.AdaptiveAvgPool1d(17),
        "AdaptiveMaxPool1d(1)": lambda nn: nn.AdaptiveMaxPool1d(1),
        "AdaptiveMaxPool1d(5)": lambda nn: nn.AdaptiveMaxPool1d(5),
        "AdaptiveMaxPool1d(17)": lambda nn: nn.AdaptiveMaxPool1d(17),
        "ConstantPad1d": lambda nn: nn.ConstantPad1d((1, 2), 3.5),
        "ConstantPad1d -1": lambda nn: nn.ConstantPad1d((-1, 2), 3.5),
        "ZeroPad1d": lambda nn: nn.ZeroPad1d(2),
        "ReflectionPad1d": lambda nn: nn.ReflectionPad1d((1, 2)),
        "ReplicationPad1d": lambda nn: nn.ReplicationPad1d(2),
        "CircularPad1d": lambda nn: nn.CircularPad1d((3, 2)),
    }.items()
}


def run_pool(t: Any, name: str, dtype: str) -> dict[str, np.ndarray]:
    """Values, gradients, and the places of largest entries."""
    shape, make = POOLS[name]
    x, layer = leaf(t, 1, *shape, dtype=dtype), make(t.nn)
    y, places = layer(x), {}
    if "Max" in name:
        layer.return_indices = True
        places = {"places": facts.array(layer(x)[1])}
    return outcome(t, y, x=x) | places


TIES = [1.0, 3.0, 3.0, -np.inf, -np.inf, -np.inf, 2.0, np.nan, 5.0, np.nan, 0.0, 0.0, -0.0, np.inf]


def run_ties(t: Any, name: str) -> dict[str, np.ndarray]:
    """Equal entries, infinities, NaN."""
    x = t.tensor([[TIES + TIES[::-1]]], dtype=t.float64, requires_grad=True)
    y, places = getattr(t.nn.functional, name.split()[0])(
        x, *map(int, name.split()[1:]), return_indices=True
    )
    return outcome(t, y, x=x) | {"places": facts.array(places)}


RUNS = (
    {
        f"{kind} {name}-{dtype}": lambda t, a=(kind, name, dtype): run_conv(t, *a)
        for kind, table in (("Conv1d", CONVS), ("ConvTranspose1d", TRANSPOSED))
        for name in table
        for dtype in ("float32", "float64")
    }
    | {f"to {s}": lambda t, s=s: run_transposed_to(t, s) for s in ([15], [16], (2, 2, 17))}
    | {f"time first-{d}": lambda t, d=d: run_time_first(t, d) for d in ("float32", "float64")}
    | {
        f"{name}-{dtype}": lambda t, a=(name, dtype): run_pool(t, *a)
        for name in POOLS
        for dtype in ("float32", "float64")
    }
    | {
        f"ties {name}": lambda t, name=name: run_ties(t, name)
        for name in (
            "max_pool1d 2",
            "max_pool1d 3 1 1",
            "max_pool1d 4 2 2 2",
            "max_pool1d 14",
            "adaptive_max_pool1d 5",
            "adaptive_max_pool1d 2",
        )
    }
)

# ------------------------------------------------------------------------------------------------
# Claims
# ------------------------------------------------------------------------------------------------


def f(t: Any) -> Any:
    """``nn.functional``."""
    return t.nn.functional


def conv(t: Any, *shape: int, **options: Any) -> Any:
    """A convolution of an input of this shape."""
    return t.nn.Conv1d(3, 4, 2, **options)(t.ones(shape))


def turn(t: Any, *shape: int, **options: Any) -> Any:
    """A transposed one."""
    return t.nn.ConvTranspose1d(3, 4, 2, **options)(t.ones(shape))


ERRORS = {
    "groups: none": ("ValueError", "groups must be a positive integer", lambda t: t.nn.Conv1d(3, 4, 2, groups=0)),
    "groups: in": ("ValueError", "in_channels must be divisible by groups", lambda t: t.nn.Conv1d(3, 4, 2, groups=2)),
    "groups: out": ("ValueError", "out_channels must be divisible by groups", lambda t: t.nn.Conv1d(4, 3, 2, groups=2)),
    "padding: name": ("ValueError", "Invalid padding string 'Same', should be one of", lambda t: t.nn.Conv1d(3, 4, 2, padding="Same")),
    "padding: strided": (
        "ValueError", "padding='same' is not supported for strided convolutions",
        lambda t: t.nn.Conv1d(3, 4, 2, 2, padding="same"),
    ),
    "padding_mode": (
        "ValueError", "padding_mode must be one of .*, but got padding_mode='x'",
        lambda t: t.nn.Conv1d(3, 4, 2, padding_mode="x"),
    ),
    "padding_mode: transposed": (
        "ValueError", 'Only "zeros" padding mode is supported for ConvTranspose1d',
        lambda t: t.nn.ConvTranspose1d(3, 4, 2, padding_mode="reflect"),
    ),
    "kernel: negative": ("RuntimeError", "negative dimension -1", lambda t: t.nn.Conv1d(3, 4, -1)),
    "kernel: too long": (
        "RuntimeError", r"Calculated padded input size per channel: \(1\). Kernel size: \(2\). Kernel size can't be greater",
        lambda t: conv(t, 2, 3, 1),
    ),
    "kernel: dilated": ("RuntimeError", r"Kernel size: \(6\)", lambda t: conv(t, 2, 3, 5, dilation=5)),
    "kernel: 2-D": (
        "RuntimeError", r"Expected 4-dimensional input for 4-dimensional weight \[4, 3, 2, 2\], but got 3-dimensional input",
        lambda t: t.nn.Conv1d(3, 4, (2, 2))(t.ones(2, 3, 5)),
    ),
    "input: channels": (
        "RuntimeError",
        r"Given groups=1, weight of size \[4, 3, 2\], expected input\[2, 5, 5\] to have 3 channels, but got 5 channels instead",
        lambda t: conv(t, 2, 5, 5),
    ),
    "input: channels, one sample": ("RuntimeError", r"expected input\[1, 5, 5\] to have 3 channels", lambda t: conv(t, 5, 5)),
    **{
        f"input: {len(shape)}-D": (
            "RuntimeError", r"Expected 2D \(unbatched\) or 3D \(batched\) input to conv1d, but got input of size: ",
            lambda t, shape=shape: conv(t, *shape),
        )
        for shape in ((5,), (2, 3, 4, 5))
    },
    "input: dtype": (
        "RuntimeError", r"Input type \(.*\) and bias type \(.*\) should be the same",
        lambda t: t.nn.Conv1d(3, 4, 2)(t.ones(2, 3, 5).double()),
    ),
    "weight: dtype": (
        "RuntimeError", r"Input type \(.*\) and weight type \(.*\) should be the same",
        lambda t: f(t).conv1d(t.ones(2, 3, 5), t.ones(4, 3, 2).double()),
    ),
    "stride: 0": ("RuntimeError", "non-positive stride is not supported", lambda t: conv(t, 2, 3, 5, stride=0)),
    "dilation: 0": ("RuntimeError", "non-positive dilation is not supported", lambda t: conv(t, 2, 3, 5, dilation=0)),
    "padding: negative": ("RuntimeError", "negative padding is not supported", lambda t: conv(t, 2, 3, 5, padding=-1)),
    "stride: two": (
        "RuntimeError", r"expected stride to be a single integer value or a list of 1 values to match the convolution dimensions, but got stride=\[1, 1\]",
        lambda t: f(t).conv1d(t.ones(2, 3, 5), t.ones(4, 3, 2), stride=(1, 1)),
    ),
    "padding: two": (
        "RuntimeError", r"expected padding to be a single integer value .* but got padding=\[1, 1\]",
        lambda t: f(t).conv1d(t.ones(2, 3, 5), t.ones(4, 3, 2), padding=(1, 1)),
    ),
    "stride: float": ("TypeError", "conv1d\\(\\)", lambda t: f(t).conv1d(t.ones(2, 3, 5), t.ones(4, 3, 2), stride=1.5)),
    "bias: size": (
        "RuntimeError", r"Given weight of size \[4, 3, 2\], expected bias to be 1-dimensional with 4 elements, but got bias of size \[5\] instead",
        lambda t: f(t).conv1d(t.ones(2, 3, 5), t.ones(4, 3, 2), t.ones(5)),
    ),
    "bias: dtype": (
        "RuntimeError", r"Input type \(.*\) and bias type \(.*\) should be the same",
        lambda t: f(t).conv1d(t.ones(2, 3, 5), t.ones(4, 3, 2), t.ones(4).double()),
    ),
    "weight: 2-D": (
        "RuntimeError", "weight should have at least three dimensions",
        lambda t: f(t).conv1d(t.ones(2, 3, 5), t.ones(4, 3)),
    ),
    "weight: groups": (
        "RuntimeError", r"Given groups=2, expected weight to be divisible by 2 at dimension 0, but got weight of size \[\[5, 2, 2\]\] instead",
        lambda t: f(t).conv1d(t.ones(2, 4, 5), t.ones(5, 2, 2), groups=2),
    ),
    "groups: 0": (
        "RuntimeError", "non-positive groups is not supported",
        lambda t: f(t).conv1d(t.ones(2, 4, 5), t.ones(5, 2, 2), groups=0),
    ),
    "function: padding": ("RuntimeError", "Invalid padding string: 'x'", lambda t: f(t).conv1d(t.ones(2, 3, 5), t.ones(4, 3, 2), padding="x")),
    "function: same": (
        "RuntimeError", "padding='same' is not supported for strided convolutions",
        lambda t: f(t).conv1d(t.ones(2, 3, 5), t.ones(4, 3, 2), stride=2, padding="same"),
    ),
    "bools": (
        "NotImplementedError", "not implemented for 'Bool'",
        lambda t: f(t).conv1d(t.ones(2, 3, 5).bool(), t.ones(4, 3, 2).bool()),
    ),
    "transposed: channels": (
        "RuntimeError", r"Given transposed=1, weight of size \[3, 4, 2\], expected input\[2, 4, 5\] to have 3 channels, but got 4",
        lambda t: turn(t, 2, 4, 5),
    ),
    "transposed: bias": (
        "RuntimeError", r"Given transposed=1, weight of size \[3, 4, 2\], expected bias to be 1-dimensional with 4 elements, but got bias of size \[5\]",
        lambda t: f(t).conv_transpose1d(t.ones(2, 3, 5), t.ones(3, 4, 2), t.ones(5)),
    ),
    "transposed: output_padding": (
        "RuntimeError", "output padding must be smaller than either stride or dilation, but got output_padding",
        lambda t: turn(t, 2, 3, 5, stride=2, output_padding=2),
    ),
    "transposed: 4-D": (
        "RuntimeError", r"Expected 2D \(unbatched\) or 3D \(batched\) input to conv_transpose1d",
        lambda t: turn(t, 1, 2, 3, 5),
    ),
    "transposed: nothing left": ("RuntimeError", ".", lambda t: turn(t, 2, 3, 5, padding=4)),
    "transposed: padding": ("TypeError", "padding", lambda t: f(t).conv_transpose1d(t.ones(2, 3, 5), t.ones(3, 4, 2), padding="same")),
    "transposed: size": (
        "ValueError", r"requested an output size of \[13\], but valid sizes range from \[10\] to \[11\] \(for an input of torch.Size\(\[5\]\)\)",
        lambda t: t.nn.ConvTranspose1d(3, 4, 2, 2)(t.ones(2, 3, 5), [13]),
    ),
    "transposed: sizes": (
        "ValueError", r"ConvTranspose1D: for 3D input, output_size must have 1 or 3 elements \(got 2\)",
        lambda t: t.nn.ConvTranspose1d(3, 4, 2, 2)(t.ones(2, 3, 5), [13, 1]),
    ),
    **{
        f"max_pool1d: {options}": (
            "RuntimeError", words, lambda t, o=options: f(t).max_pool1d(t.ones(2, 3, 7), *o),
        )
        for options, words in (
            ((8,), r"max_pool1d\(\) Invalid computed output size: 0"),
            ((2, 1, 2), "padding should be at most half of kernel size, but got padding=2 and kernel_size=2"),
            ((0,), "kernel_size must be greater than zero, but got 0"),
            ((2, 0), "stride must be greater than zero, but got 0"),
            ((2, 1, 0, 0), "dilation must be greater than zero, but got 0"),
            ((2, 1, -1), "padding must be non-negative, but got -1"),
            (((2, 2),), r"kernel_size.*got (size )?2"),
        )
    },
    **{
        f"avg_pool1d: {options}": (
            "RuntimeError", words, lambda t, o=options: f(t).avg_pool1d(t.ones(2, 3, 7), *o),
        )
        for options, words in (
            ((8,), "Output size is too small"),
            ((2, 1, 2), "pad should be at most half of effective kernel size, but got pad=2, kernel_size=2"),
            ((2, 0), "stride should not be zero"),
            ((2, 1, -1), "pad must be non-negative, but got pad: -1"),
            (((2, 2),), r"argument 'kernel_size' should contain one int \(got 2\)"),
        )
    },
    **{
        f"{name}: {len(shape)}-D": (
            "RuntimeError", "Expected 2D or 3D" if name == "max_pool1d" else f"Expected 2 to 3 dimensions, but got {len(shape)}-dimensional",
            lambda t, name=name, shape=shape: getattr(f(t), name)(t.ones(shape), 2),
        )
        for name in ("max_pool1d", "avg_pool1d", "adaptive_avg_pool1d", "adaptive_max_pool1d")
        for shape in ((5,), (2, 3, 4, 5))
    },
    **{
        f"{name}: empty": (
            "RuntimeError", "non-zero size" if "adaptive" in name else "Expected .*3D.*batch mode",
            lambda t, name=name: getattr(f(t), name)(t.ones(2, 3, 0), 2),
        )
        for name in ("max_pool1d", "avg_pool1d", "adaptive_avg_pool1d", "adaptive_max_pool1d")
    },
    **{
        f"{name}: integers": (
            "NotImplementedError", "not implemented for 'Long'",
            lambda t, name=name: getattr(f(t), name)(t.ones(2, 3, 4).long(), 2),
        )
        for name in ("max_pool1d", "adaptive_avg_pool1d", "adaptive_max_pool1d")
    },
    "adaptive: two": (
        "RuntimeError", r"argument 'output_size' should contain one int \(got 2\)",
        lambda t: f(t).adaptive_avg_pool1d(t.ones(2, 3, 4), (3, 3)),
    ),
    "adaptive: negative": (
        "RuntimeError", "elements of output_size must be greater than or equal to 0",
        lambda t: f(t).adaptive_avg_pool1d(t.ones(2, 3, 4), -1),
    ),
    "adaptive: None": ("TypeError", "argument 'output_size'", lambda t: f(t).adaptive_avg_pool1d(t.ones(2, 3, 4), None)),
    "max_pool1d: float": ("TypeError", "argument 'kernel_size'", lambda t: f(t).max_pool1d(t.ones(2, 3, 4), 2.0)),
    "CircularPad1d: 1-D": ("ValueError", r"expected 2D or 3D input \(got 1D input\)", lambda t: t.nn.CircularPad1d(1)(t.ones(3))),
    "ReflectionPad1d: 1-D": ("NotImplementedError", "not supported for 1D input", lambda t: t.nn.ReflectionPad1d(1)(t.ones(3))),
    "ReflectionPad1d: far": (
        "RuntimeError", "Padding size should be less than the corresponding input dimension",
        lambda t: t.nn.ReflectionPad1d(3)(t.ones(2, 3)),
    ),
}  # fmt: skip

TEXTS = [
    *(
        (text, lambda t, text=text: eval(text, {}, vars(t.nn)))
        for text in (
            "Conv1d(3, 4, kernel_size=(2,), stride=(1,))",
            "Conv1d(4, 4, kernel_size=(2,), stride=(2,), padding=(1,), dilation=(2,), groups=2, bias=False)",
            "ConvTranspose1d(3, 4, kernel_size=(2,), stride=(1,))",
            "ConvTranspose1d(4, 4, kernel_size=(2,), stride=(2,), padding=(1,), dilation=(2,), output_padding=(1,), groups=2, bias=False)",
            "MaxPool1d(kernel_size=2, stride=3, padding=1, dilation=2, ceil_mode=True)",
            "AvgPool1d(kernel_size=(3,), stride=(2,), padding=(1,))",
            "LPPool1d(norm_type=1.5, kernel_size=3, stride=2, ceil_mode=True)",
            "LPPool1d(norm_type=2, kernel_size=3, stride=None, ceil_mode=False)",
            "AdaptiveAvgPool1d(output_size=3)", "AdaptiveMaxPool1d(output_size=(3,))",
            "ConstantPad1d(padding=(1, 2), value=3.5)", "ZeroPad1d((2, 2))", "ReflectionPad1d((1, 2))",
            "ReplicationPad1d((1, 2))", "CircularPad1d((1, 2))",
        )
    ),
    ("Conv1d(4, 4, kernel_size=(2,), stride=(1,), padding=same)", lambda t: t.nn.Conv1d(4, 4, 2, padding="same")),
    (
        "Conv1d(4, 4, kernel_size=(2,), stride=(1,), padding=(1,), padding_mode=circular)",
        lambda t: t.nn.Conv1d(4, 4, 2, padding=1, padding_mode="circular"),
    ),
    ("MaxPool1d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)", lambda t: t.nn.MaxPool1d(2)),
    ("ReplicationPad1d((2, 2))", lambda t: t.nn.ReplicationPad1d(2)),
    ("['weight', 'bias']", lambda t: list(t.nn.Conv1d(3, 4, 2).state_dict())),
    ("['weight']", lambda t: list(t.nn.ConvTranspose1d(3, 4, 2, bias=False).state_dict())),
    (
        "['ConvolutionBackward0', 'SqueezeBackward1', 'ConvolutionBackward0', 'SqueezeBackward1', "
        "'SqueezeBackward1', 'SqueezeBackward1', 'SqueezeBackward1', 'PowBackward0']",
        lambda t: [
            layer(t.ones(shape, requires_grad=True)).grad_fn.name()
            for layer, shape in (
                (t.nn.Conv1d(3, 4, 2), (2, 3, 5)), (t.nn.Conv1d(3, 4, 2), (3, 5)),
                (t.nn.ConvTranspose1d(3, 4, 2), (2, 3, 5)), (t.nn.ConvTranspose1d(3, 4, 2), (3, 5)),
                (t.nn.MaxPool1d(2), (3, 5)), (t.nn.AvgPool1d(2), (3, 5)), (t.nn.AdaptiveAvgPool1d(2), (3, 5)),
                (t.nn.LPPool1d(2, 2), (3, 5)),
            )
        ],
    ),
    ("tensor([[[2, 2],\n         [2, 2]]])", lambda t: f(t).conv1d(t.ones(1, 2, 3).long(), t.ones(2, 1, 2).long(), groups=2)),
    ("(tensor([[5., 3.]]), tensor([[1, 3]]))", lambda t: t.max_pool1d_with_indices(t.tensor([[1.0, 5, 2, 3]]), 2)),
    ("(tensor([[5., 3.]]), tensor([[1, 3]]))", lambda t: t.adaptive_max_pool1d(t.tensor([[1.0, 5, 2, 3]]), 2)),
    ("(tensor([[5., 3.]]), tensor([[1, 3]]))", lambda t: f(t).max_pool1d_with_indices(t.tensor([[1.0, 5, 2, 3]]), 2)),
    ("tensor([[5., 3.]])", lambda t: t.max_pool1d(t.tensor([[1.0, 5, 2, 3]]), 2)),
    ("tensor([], size=(2, 3, 0))", lambda t: f(t).adaptive_avg_pool1d(t.ones(2, 3, 4), 0)),
    ("tensor([], size=(2, 0, 3))", lambda t: f(t).adaptive_avg_pool1d(t.ones(2, 0, 4), 3)),
    ("torch.float16", lambda t: f(t).max_pool1d(t.ones(2, 3, 4).half(), 2).dtype),
    (
        "[(12, 4, 1), (12, 4, 1), (9, 3, 1), (9, 1, 3), (6, 1, 3)]",
        lambda t: [
            y.stride()
            for x in [t.ones(2, 6, 3).transpose(1, 2)]
            for y in (
                f(t).conv1d(x, t.ones(3, 3, 3)), f(t).conv_transpose1d(x, t.ones(3, 3, 3), padding=2),
                f(t).max_pool1d(x, 2), f(t).avg_pool1d(x, 2), f(t).adaptive_avg_pool1d(x, 2),
            )
        ],
    ),
]  # fmt: skip


def main() -> None:
    """Check the claims, write the file."""
    import torch

    facts.verify(torch, ERRORS, TEXTS)
    facts.save(TARGET, torch, RUNS)


if __name__ == "__main__":
    main()
