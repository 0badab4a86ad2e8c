"""Initial values: each function fills a tensor in place, outside the graph, and returns it.

The random ones draw from the default generator, or from `generator`, what PyTorch draws. Of a
weight of shape (out, in, ...), *fan in* is how many inputs reach one output, *fan out* how many
outputs one input reaches.
"""

from __future__ import annotations

import functools
import math
import warnings
from typing import Any

import numpy as np

from ..autograd.grad_mode import no_grad
from ..tensor.creation import as_tensor, empty_like, randperm
from .functional.arguments import check_tensor

__all__ = [
    "calculate_gain", "constant", "constant_", "dirac", "dirac_", "eye", "eye_", "kaiming_normal",
    "kaiming_normal_", "kaiming_uniform", "kaiming_uniform_", "normal", "normal_", "ones_",
    "orthogonal", "orthogonal_", "sparse", "sparse_", "trunc_normal_", "uniform", "uniform_",
    "xavier_normal", "xavier_normal_", "xavier_uniform", "xavier_uniform_", "zeros_",
]  # fmt: skip


def uniform_(tensor: Any, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Any:
    """Fill with numbers drawn evenly from [a, b).

    Parameters
    ----------
    tensor : Tensor
        Any shape, float32 or float64.
    a, b : float
        The bounds. Default: 0 and 1.
    generator : Generator, optional
        What to draw from. Default: the default generator.

    Raises
    ------
    RuntimeError
        a > b.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.nn.init.uniform_(mg.empty(3), -1, 1, generator=mg.Generator().manual_seed(0))
    tensor([-0.0075,  0.5364, -0.8230])
    """
    check_tensor("uniform_", tensor, "tensor")
    with no_grad():
        return tensor.uniform_(a, b, generator=generator)


def normal_(tensor: Any, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Any:
    """Fill with normally distributed numbers.

    Parameters
    ----------
    tensor : Tensor
        Any shape, float32 or float64.
    mean, std : float
        Of the distribution. Default: 0 and 1.
    generator : Generator, optional
        What to draw from. Default: the default generator.

    Raises
    ------
    RuntimeError
        `std` is negative.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.nn.init.normal_(mg.empty(3), generator=mg.Generator().manual_seed(0))
    tensor([ 1.5410, -0.2934, -2.1788])
    """
    check_tensor("normal_", tensor, "tensor")
    with no_grad():
        return tensor.normal_(mean, std, generator=generator)


def constant_(tensor: Any, val: float) -> Any:
    """Fill with `val`.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.nn.init.constant_(mg.empty(2), 0.3)
    tensor([0.3000, 0.3000])
    """
    check_tensor("constant_", tensor, "tensor")
    with no_grad():
        return tensor.fill_(val)


def ones_(tensor: Any) -> Any:
    """Fill with ones.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.nn.init.ones_(mg.empty(2))
    tensor([1., 1.])
    """
    check_tensor("ones_", tensor, "tensor")
    return constant_(tensor, 1.0)


def zeros_(tensor: Any) -> Any:
    """Fill with zeros.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.nn.init.zeros_(mg.empty(2))
    tensor([0., 0.])
    """
    check_tensor("zeros_", tensor, "tensor")
    return constant_(tensor, 0.0)


LINEAR = (
    "linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d",
    "conv_transpose3d",
)  # fmt: skip


def eye_(tensor: Any) -> Any:
    """Fill a matrix with ones on its diagonal and zeros elsewhere.

    For recurrent weights with ReLU: the hidden state is kept until training changes that (Le,
    Jaitly & Hinton 2015).

    Raises
    ------
    ValueError
        `tensor` does not have 2 axes.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.nn.init.eye_(mg.empty(2, 3))
    tensor([[1., 0., 0.],
            [0., 1., 0.]])
    """
    check_tensor("eye_", tensor, "tensor")
    _check_matrix(tensor)
    with no_grad():
        return tensor.zero_().fill_diagonal_(1)


def _check_matrix(tensor: Any) -> None:
    if len(tensor.shape) != 2:
        raise ValueError(
            f"Only tensors with 2 dimensions are supported, not one of shape {list(tensor.shape)}"
        )


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    r"""The factor by which a nonlinearity shrinks the standard deviation, to be made up for.

    1 for linear layers and sigmoid, 5/3 for tanh, :math:`\sqrt 2` for ReLU,
    :math:`\sqrt{2/(1 + a^2)}` for leaky ReLU of slope a = `param`, 3/4 for SELU.

    Parameters
    ----------
    nonlinearity : str
        "linear", "conv1d" and other convolutions, "sigmoid", "tanh", "relu", "leaky_relu", "selu".
    param : float, optional
        The negative slope of leaky ReLU. Default: 0.01.

    Raises
    ------
    ValueError
        An unknown name, or a slope that is no number.

    Examples
    --------
    >>> from minigrad.nn.init import calculate_gain
    >>> calculate_gain("leaky_relu", 1.0)
    1.0
    """
    fixed = {"sigmoid": 1, "tanh": 5.0 / 3, "relu": math.sqrt(2.0), "selu": 0.75}
    if nonlinearity in LINEAR or nonlinearity in fixed:
        return fixed.get(nonlinearity, 1)
    if nonlinearity != "leaky_relu":
        raise ValueError(f"Unsupported nonlinearity {nonlinearity}")
    if param is None:
        param = 0.01
    elif isinstance(param, bool) or not isinstance(param, (int, float)):
        raise ValueError(f"negative_slope {param} not a valid number")
    return math.sqrt(2.0 / (1 + param**2))


# These two private names are PyTorch's: layers that people write themselves call them.


def _calculate_fan_in_and_fan_out(tensor: Any) -> tuple[int, int]:
    """Fan in and fan out of a weight of shape (out, in, ...)."""
    shape = tuple(tensor.shape)
    if len(shape) < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions: it "
            f"has shape {list(shape)}"
        )
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


def _calculate_correct_fan(tensor: Any, mode: str) -> int:
    """One of the two, by name: ``"fan_in"`` or ``"fan_out"``."""
    mode = mode.lower()
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {mode} not supported, please use one of ['fan_in', 'fan_out']")
    return _calculate_fan_in_and_fan_out(tensor)[mode == "fan_out"]


def xavier_uniform_(tensor: Any, gain: float = 1.0, generator: Any = None) -> Any:
    r"""U(-a, a) with :math:`a = gain \sqrt{6/(fan_{in} + fan_{out})}` (Glorot & Bengio 2010).

    So the values have the variance :math:`2 gain^2/(fan_{in} + fan_{out})`, a compromise between
    what keeps the size of activations and what keeps that of gradients.

    Parameters
    ----------
    tensor : Tensor
        Of two axes or more.
    gain : float
        See `calculate_gain`. Default: 1.
    generator : Generator, optional
        What to draw from. Default: the default generator.

    Raises
    ------
    ValueError
        `tensor` has fewer than 2 axes.

    Examples
    --------
    >>> import minigrad as mg
    >>> weight = mg.nn.init.xavier_uniform_(mg.empty(100, 200))
    >>> bool(weight.abs().max() <= (6 / 300) ** 0.5)
    True
    """
    check_tensor("xavier_uniform_", tensor, "tensor")
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    bound = math.sqrt(3.0) * (gain * math.sqrt(2.0 / float(fan_in + fan_out)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Any, gain: float = 1.0, generator: Any = None) -> Any:
    r"""N(0, s^2) with :math:`s = gain \sqrt{2/(fan_{in} + fan_{out})}` (Glorot & Bengio 2010).

    Parameters, errors and idea as in `xavier_uniform_`.

    Examples
    --------
    >>> import minigrad as mg
    >>> weight = mg.nn.init.xavier_normal_(mg.empty(100, 200))
    >>> 0.9 < weight.std().item() / (2 / 300) ** 0.5 < 1.1
    True
    """
    check_tensor("xavier_normal_", tensor, "tensor")
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / float(fan_in + fan_out)), generator)


def _kaiming_std(tensor: Any, a: float, mode: str, nonlinearity: str) -> float:
    fan = _calculate_correct_fan(tensor, mode)
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def _is_empty(tensor: Any) -> bool:
    if 0 in tuple(tensor.shape):
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
        return True
    return False


def kaiming_uniform_(
    tensor: Any,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Any:
    r"""U(-b, b) with :math:`b = gain \sqrt{3/fan}` (He et al. 2015).

    So the values have the variance :math:`gain^2/fan`, which keeps the size of activations (fan in)
    or of gradients (fan out) through layers with ReLU.

    Parameters
    ----------
    tensor : Tensor
        Of two axes or more.
    a : float
        The negative slope, if `nonlinearity` is "leaky_relu". Default: 0.
    mode : {"fan_in", "fan_out"}
        Default: "fan_in".
    nonlinearity : str
        See `calculate_gain`. Default: "leaky_relu".
    generator : Generator, optional
        What to draw from. Default: the default generator.

    Raises
    ------
    ValueError
        `tensor` has fewer than 2 axes; an unknown `mode` or `nonlinearity`.

    Warns
    -----
    UserWarning
        `tensor` has no entries.

    Examples
    --------
    >>> import minigrad as mg
    >>> weight = mg.nn.init.kaiming_uniform_(mg.empty(100, 200), nonlinearity="relu")
    >>> bool(weight.abs().max() <= (6 / 200) ** 0.5)
    True
    """
    check_tensor("kaiming_uniform_", tensor, "tensor")
    if _is_empty(tensor):
        return tensor
    bound = math.sqrt(3.0) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Any,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Any:
    r"""N(0, s^2) with :math:`s = gain / \sqrt{fan}` (He et al. 2015).

    Parameters, errors and idea as in `kaiming_uniform_`.

    Examples
    --------
    >>> import minigrad as mg
    >>> weight = mg.nn.init.kaiming_normal_(mg.empty(100, 200), nonlinearity="relu")
    >>> 0.9 < weight.std().item() / (2 / 200) ** 0.5 < 1.1
    True
    """
    check_tensor("kaiming_normal_", tensor, "tensor")
    if _is_empty(tensor):
        return tensor
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


def orthogonal_(tensor: Any, gain: float = 1, generator: Any = None) -> Any:
    """`gain` times a random matrix with orthonormal rows (or columns, if there are more rows).

    All axes but the first are taken as one (Saxe, McClelland & Ganguli 2014). As recurrent weights
    such a matrix lets the hidden state neither grow nor shrink.

    Parameters
    ----------
    tensor : Tensor
        Of two axes or more.
    gain : float
        See `calculate_gain`. Default: 1.
    generator : Generator, optional
        What to draw from. Default: the default generator.

    Raises
    ------
    ValueError
        `tensor` has fewer than 2 axes.

    Examples
    --------
    >>> import minigrad as mg
    >>> weight = mg.nn.init.orthogonal_(mg.empty(3, 5))
    >>> mg.allclose(weight @ weight.T, mg.eye(3), atol=1e-6)
    True
    """
    check_tensor("orthogonal_", tensor, "tensor")
    shape = tuple(tensor.shape)
    if len(shape) < 2:
        raise ValueError(
            f"Only tensors with 2 or more dimensions are supported, not one of shape {list(shape)}"
        )
    if 0 in shape:
        return tensor
    rows = shape[0]
    with no_grad():
        matrix = tensor.new_empty((rows, tensor.numel() // rows))
        drawn = normal_(matrix, generator=generator).array
        wide = drawn.shape[1] > rows
        q, r = np.linalg.qr(drawn.T if wide else drawn)
        # QR leaves the signs open: with these no direction is preferred
        q = q * np.sign(np.diagonal(r))
        return tensor.copy_(as_tensor((q.T if wide else q).reshape(shape) * q.dtype.type(gain)))


def sparse_(tensor: Any, sparsity: float, std: float = 0.01, generator: Any = None) -> Any:
    """Fill a matrix with N(0, std^2), a share `sparsity` of each column with zeros (Martens 2010).

    Parameters
    ----------
    tensor : Tensor
        Of two axes.
    sparsity : float
        From 0 to 1; the number of zeros in a column is rounded up.
    std : float
        Of the other values. Default: 0.01.
    generator : Generator, optional
        What to draw these from. Default: the default generator.

    Raises
    ------
    ValueError
        `tensor` does not have 2 axes.

    Examples
    --------
    >>> import minigrad as mg
    >>> weight = mg.nn.init.sparse_(mg.empty(4, 3), sparsity=0.5)
    >>> (weight == 0).sum(0)
    tensor([2, 2, 2])
    """
    check_tensor("sparse_", tensor, "tensor")
    _check_matrix(tensor)
    rows, columns = tensor.shape
    zeros = math.ceil(sparsity * rows)
    normal_(tensor, 0, std, generator)
    with no_grad():
        for column in range(columns):  # the rows come from the default generator, as in PyTorch
            tensor[randperm(rows)[:zeros], column] = 0
    return tensor


def trunc_normal_(
    tensor: Any,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Any = None,
) -> Any:
    """Fill with normally distributed numbers, those outside [a, b] drawn again.

    Where few normal numbers would fall into [a, b], candidates are drawn evenly from there instead
    and kept with a probability in proportion to their density (rejection sampling).

    Parameters
    ----------
    tensor : Tensor
        Any shape, float32 or float64.
    mean, std : float
        Of the distribution before the cut. Default: 0 and 1.
    a, b : float
        The bounds, not in units of `std`. Default: -2 and 2.
    generator : Generator, optional
        What to draw from. Default: the default generator.

    Warns
    -----
    UserWarning
        `mean` is far outside [a, b].

    Examples
    --------
    >>> import minigrad as mg
    >>> weight = mg.nn.init.trunc_normal_(mg.empty(1000), std=2.0)
    >>> bool(weight.abs().max() <= 2)
    True
    """
    check_tensor("trunc_normal_", tensor, "tensor")
    if not a - 2 * std <= mean <= b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. "
            "The distribution of values may be incorrect.",
            stacklevel=2,
        )
    mass = 0.5 * (
        math.erf((b - mean) / (std * math.sqrt(2))) - math.erf((a - mean) / (std * math.sqrt(2)))
    )
    again = _normal_inside if mass > 0.3 else _uniform_accepted
    with no_grad():
        values, open_ = again(tensor, mean, std, a, b, generator)
        while open_.any():
            fresh, still_open = again(empty_like(tensor), mean, std, a, b, generator)
            values = np.where(open_, fresh, values)
            open_ = open_ & still_open
        return tensor.copy_(as_tensor(values))


def _normal_inside(
    into: Any, mean: float, std: float, a: float, b: float, generator: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Candidates, drawn into the memory of `into`, and which of them have to be drawn again."""
    x = into.normal_(mean, std, generator=generator).array
    return x, (x < x.dtype.type(a)) | (x > x.dtype.type(b))


def _uniform_accepted(
    into: Any, mean: float, std: float, a: float, b: float, generator: Any
) -> tuple[np.ndarray, np.ndarray]:
    """The same: keep a candidate if a random number is below its density over the highest one."""
    peak = ((max(a, min(mean, b)) - mean) / std) ** 2
    x = into.uniform_(a, b, generator=generator).array
    u = empty_like(into).uniform_(generator=generator).array
    with np.errstate(divide="ignore"):  # log(0)
        return x, np.log(u) > -0.5 * ((x - mean) / std) ** 2 + 0.5 * peak


def dirac_(tensor: Any, groups: int = 1) -> Any:
    """Fill the weight of a convolution with zeros, and ones that let each channel through.

    Parameters
    ----------
    tensor : Tensor
        Of 3, 4 or 5 axes: (out, in, ...). Of each part of the outputs, as many as there are inputs
        become copies of them.
    groups : int
        How many parts the outputs have. Default: 1.

    Raises
    ------
    ValueError
        `tensor` has another number of axes; `groups` does not divide the first one.

    Examples
    --------
    >>> import minigrad as mg
    >>> layer = mg.nn.Conv1d(2, 2, 3, padding=1, bias=False)
    >>> weight = mg.nn.init.dirac_(layer.weight)
    >>> layer(mg.tensor([[1.0, 2.0], [3.0, 4.0]])).detach()
    tensor([[1., 2.],
            [3., 4.]])
    """
    check_tensor("dirac_", tensor, "tensor")
    shape = tuple(tensor.shape)
    if len(shape) not in (3, 4, 5):
        raise ValueError(
            f"Only tensors with 3, 4, or 5 dimensions are supported, not one of shape {list(shape)}"
        )
    if shape[0] % groups:
        raise ValueError(f"dim 0 must be divisible by groups: {shape[0]} by {groups}")
    part = shape[0] // groups
    values, centre = np.zeros(shape), tuple([n // 2 for n in shape[2:]])
    for first in range(0, shape[0], max(part, 1)):
        for channel in range(min(part, shape[1])):
            place = first + channel, channel, *centre
            values[place] = 1
    with no_grad():
        return tensor.copy_(as_tensor(values))


# Names without underscore, as they were called first: they warn, and do the same.


def _deprecated(function: Any) -> Any:
    new = function.__name__
    old = new[:-1]

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        warnings.warn(
            f"`nn.init.{old}` is now deprecated in favor of `nn.init.{new}`.",
            FutureWarning,
            stacklevel=2,
        )
        return function(*args, **kwargs)

    call.__name__ = call.__qualname__ = old
    call.__doc__ = f"Deprecated: use `{new}`, which does the same."
    return call


uniform, normal, constant, eye, dirac = [
    _deprecated(function) for function in (uniform_, normal_, constant_, eye_, dirac_)
]
xavier_uniform, xavier_normal, kaiming_uniform, kaiming_normal, orthogonal, sparse = [
    _deprecated(function)
    for function in (
        xavier_uniform_, xavier_normal_, kaiming_uniform_, kaiming_normal_, orthogonal_, sparse_,
    )
]  # fmt: skip
