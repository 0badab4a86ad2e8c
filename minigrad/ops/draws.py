"""Random numbers in tensors: `bernoulli`, `multinomial`, ..., and what fills a tensor in place.

A fill draws in the order of the tensor's memory, whatever its strides, as PyTorch does. What is
drawn is no function of what it was drawn with: where there is a gradient at all, it is 0. But for
`standard_gamma` and `standard_dirichlet`, whose samples move with the parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import random
from ..arrays.dtypes import of_numpy
from ..autograd.listening import heard, is_listening
from ..autograd.loans import before_write
from ..autograd.primitive import primitive
from ..autograd.tensor_base import TensorBase, bump_version, wrap
from .gamma import dirichlet_slope, standard_gamma_slope
from .inplace import check_memory, check_writable, overwritten
from .layout import in_memory_order, order_of_axes
from .makers import broadcast_error, no_slope
from .values import number

if TYPE_CHECKING:
    from ..tensor import Tensor

ndarray = np.ndarray

_bernoulli = primitive("bernoulli", lambda input, drawn: drawn, input=no_slope)
# What `normal` drew with tensors as mean and deviation: see `minigrad.tensor.creation`.
normal_with = primitive("normal.tensors", lambda mean, std, drawn, m_type, s_type: drawn,
                        mean=lambda g, mean_shape, m_type: _zeros(g, mean_shape, m_type),
                        std=lambda g, std_shape, s_type: _zeros(g, std_shape, s_type))  # fmt: skip


def _zeros(g: Any, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    zeros = np.zeros(shape, dtype)
    return wrap(zeros) if isinstance(g, TensorBase) else zeros


def source(generator: random.Generator | None) -> random.Generator:
    """The generator to draw from: the default one, if none is given."""
    return random.default_generator if generator is None else generator


def bernoulli(
    input: Any, p: float | None = None, *, generator: random.Generator | None = None
) -> Tensor:
    """1 with the probability that stands in `input` (or with `p`), otherwise 0."""
    if is_listening():
        return heard(bernoulli, (input, p), {"generator": generator})
    if p is None:
        drawn = source(generator).bernoulli(input.array)
    else:
        drawn = source(generator).bernoulli(p, input.array.shape)
    return _bernoulli(input, np.asarray(drawn).astype(input.array.dtype, copy=False))


def multinomial(
    input: Any,
    num_samples: int,
    replacement: bool = False,
    *,
    generator: random.Generator | None = None,
) -> Tensor:
    """`num_samples` indices drawn with the weights in `input` (1-D, or one row each in 2-D).

    The weights need not sum to one.
    """
    if is_listening():
        return heard(multinomial, (input, num_samples, replacement), {"generator": generator})
    drawn = source(generator).multinomial(input.array, num_samples, replacement)
    return wrap(np.asarray(drawn, order="C"))


_poisson = primitive("poisson", lambda input, drawn: drawn, input=no_slope)


def poisson(input: Any, generator: random.Generator | None = None) -> Tensor:
    """Numbers of events, Poisson distributed, with the rates in `input`."""
    if is_listening():
        return heard(poisson, (input, generator), {})
    return _poisson(input, source(generator).poisson(np.asarray(input.array, order="C")))


def binomial(count: Any, prob: Any, generator: random.Generator | None = None) -> Tensor:
    """How many of `count` trials succeed, each with the probability in `prob`.

    Both are floating point tensors of one type, which are broadcast.
    """
    if is_listening():
        return heard(binomial, (count, prob, generator), {})
    n, p = count.array, prob.array
    if n.dtype != p.dtype:
        raise RuntimeError(
            f"Found dtype {of_numpy(p.dtype)} but expected {of_numpy(n.dtype)}: count and prob "
            "must have the same type"
        )
    try:
        shape = np.broadcast_shapes(n.shape, p.shape)
    except ValueError as error:
        raise broadcast_error(n, p, error) from None
    n, p = [np.asarray(np.broadcast_to(v, shape), order="C") for v in (n, p)]
    return wrap(source(generator).binomial(n, p))


def _no_second_derivative(g: Any) -> Any:
    raise NotImplementedError(
        "the derivative of the gradient of a gamma or Dirichlet sample is not implemented: such a "
        "sample has first derivatives only"
    )


_gamma_slope = primitive("standard_gamma_grad", lambda z, a: standard_gamma_slope(z, a),
                         z=_no_second_derivative, a=_no_second_derivative)  # fmt: skip
_gamma = primitive("standard_gamma", lambda a, drawn: drawn,
                   a=lambda g, y, a: g * _gamma_slope(y, a))  # fmt: skip
_dirichlet_slope = primitive(
    "dirichlet_grad", lambda x, a: dirichlet_slope(x, a, a.sum(-1, keepdims=True)),
    x=_no_second_derivative, a=_no_second_derivative)  # fmt: skip
_dirichlet = primitive(
    "dirichlet", lambda a, drawn: drawn,
    a=lambda g, y, a: _dirichlet_slope(y, a) * (g - (y * g).sum(-1, keepdims=True)))  # fmt: skip


def standard_gamma(input: Any, generator: random.Generator | None = None) -> Tensor:
    """Gamma distributed numbers with the shapes in `input` and the rate 1.

    Their gradient is that of the point which has the same share of the distribution below it: see
    `gamma`.
    """
    if is_listening():
        return heard(standard_gamma, (input, generator), {})
    return _gamma(input, source(generator).gamma(np.asarray(input.array, order="C")))


def standard_dirichlet(input: Any, generator: random.Generator | None = None) -> Tensor:
    """Dirichlet distributed vectors, along the last axis: gamma distributed numbers, normalised."""
    if is_listening():
        return heard(standard_dirichlet, (input, generator), {})
    concentration = np.asarray(input.array, order="C")
    drawn = source(generator).gamma(concentration.astype(np.float64))
    shares = (drawn / drawn.sum(-1, keepdims=True)).astype(concentration.dtype)
    limits = np.finfo(concentration.dtype)
    return _dirichlet(input, np.clip(shares, limits.tiny, 1 - limits.epsneg))


# ------------------------------------------------------------------------------------------------
# In place
# ------------------------------------------------------------------------------------------------


def _fill(tensor: Any, draw: Callable[..., ndarray], generator: Any) -> Any:
    """Fill the memory, in its own order, with ``draw(generator, view of the memory, out)``.

    `out` is the view itself, to be filled at once, if it has no gaps, or else None.
    """
    check_memory(tensor.array)
    edge = check_writable(tensor)
    before_write(tensor)
    memory = in_memory_order(tensor.array)
    drawn = draw(source(generator), memory, memory if memory.flags.carray else None)
    if drawn is not memory:
        memory[...] = drawn
    bump_version(tensor)
    if edge is not None:
        overwritten(tensor, edge)
    return tensor


def uniform_(tensor: Any, a: float = 0.0, b: float = 1.0, *, generator: Any = None) -> Tensor:
    """Fill with numbers drawn evenly from [a, b)."""
    if is_listening():
        return heard(uniform_, (tensor, a, b), {"generator": generator})
    a, b = number(a, "uniform_", "from", "float"), number(b, "uniform_", "to", "float")
    return _fill(tensor, lambda g, m, out: g.uniform(m.shape, a, b, m.dtype, out), generator)


def normal_(tensor: Any, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Tensor:
    """Fill with normally distributed numbers."""
    if is_listening():
        return heard(normal_, (tensor, mean, std), {"generator": generator})
    mean, std = number(mean, "normal_", "mean", "float"), number(std, "normal_", "std", "float")
    blocks = tensor.array.flags.c_contiguous
    return _fill(
        tensor,
        lambda g, m, out: g.normal(m.shape, mean, std, m.dtype, blocks=blocks, out=out),
        generator,
    )


def random_(
    tensor: Any, low: int | None = None, high: int | None = None, *, generator: Any = None
) -> Tensor:
    """Fill with integers from `low` (0) to below `high` (the most that the type can hold)."""
    if is_listening():
        return heard(random_, (tensor, low, high), {"generator": generator})
    if low is None:
        return _fill(tensor, lambda g, m, out: g.any_integers(m.shape, m.dtype), generator)
    if high is None:
        low, high = 0, low
    return _fill(tensor, lambda g, m, out: g.integers(m.shape, low, high, m.dtype), generator)


def bernoulli_(tensor: Any, p: Any = 0.5, *, generator: Any = None) -> Tensor:
    """Fill with ones (probability `p`, a number or a tensor) and zeros."""
    if is_listening():
        return heard(bernoulli_, (tensor, p), {"generator": generator})
    chance = p.array if isinstance(p, TensorBase) else p
    if isinstance(chance, ndarray):  # each in the place of the entry that it is for
        order = order_of_axes(tensor.array.shape, (tensor.array.strides,))
        chance = np.broadcast_to(chance, tensor.array.shape).transpose(order)
    return _fill(tensor, lambda g, m, out: g.bernoulli(chance, m.shape, m.dtype, out), generator)


def exponential_(tensor: Any, lambd: float = 1.0, *, generator: Any = None) -> Tensor:
    """Fill with exponentially distributed numbers of mean ``1 / lambd``."""
    if is_listening():
        return heard(exponential_, (tensor, lambd), {"generator": generator})
    return _fill(tensor, lambda g, m, out: g.exponential(m.shape, lambd, m.dtype, out), generator)


def cauchy_(
    tensor: Any, median: float = 0.0, sigma: float = 1.0, *, generator: Any = None
) -> Tensor:
    """Fill with numbers of a Cauchy distribution around `median`, of the width `sigma`."""
    if is_listening():
        return heard(cauchy_, (tensor, median, sigma), {"generator": generator})
    return _fill(tensor, lambda g, m, out: g.cauchy(m.shape, median, sigma, m.dtype), generator)


def log_normal_(
    tensor: Any, mean: float = 1.0, std: float = 2.0, *, generator: Any = None
) -> Tensor:
    """Fill with numbers whose logarithms are normally distributed."""
    if is_listening():
        return heard(log_normal_, (tensor, mean, std), {"generator": generator})
    return _fill(tensor, lambda g, m, out: g.log_normal(m.shape, mean, std, m.dtype), generator)


def geometric_(tensor: Any, p: float, *, generator: Any = None) -> Tensor:
    """Fill with numbers of trials up to the first success, of which each has probability `p`."""
    if is_listening():
        return heard(geometric_, (tensor, p), {"generator": generator})
    return _fill(tensor, lambda g, m, out: g.geometric(m.shape, p, m.dtype), generator)
