"""Making tensors: from data, filled, in sequences, and at random.

All random functions draw from `default_generator` unless given a `generator`, in PyTorch's order,
so that the same seed gives the same numbers (see `minigrad.random`).
"""

from __future__ import annotations

import builtins
import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import _kernels, random
from ..arrays import dtypes
from ..arrays.recording import made
from ..arrays.size import check_device
from ..autograd.listening import heard, is_listening
from ..autograd.tensor_base import TensorBase, wrap
from ..ops import draws
from ..ops.arguments import as_int, new_shape
from ..ops.draws import bernoulli, binomial, multinomial, poisson, source
from ..ops.layout import empty_alike, make_alike
from ..ops.values import entry, filling, number
from .data import as_array
from .leaf import from_array
from .tensor import Tensor

__all__ = [
    "Generator", "arange", "as_array", "as_tensor", "bernoulli", "binomial", "default_generator",
    "empty", "empty_like", "eye", "from_numpy", "frombuffer", "full", "full_like", "get_rng_state",
    "initial_seed", "linspace", "logspace", "manual_seed", "multinomial", "normal", "ones",
    "ones_like", "poisson", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like",
    "randperm", "range", "seed", "set_rng_state", "tensor", "zeros", "zeros_like",
]  # fmt: skip

ndarray = np.ndarray
BLOCK = 1 << 14  # numbers
Makers = tuple[Callable[..., Tensor], Callable[..., Tensor]]


def _made(array: ndarray, device: Any, requires_grad: bool) -> Tensor:
    if device is not None:
        check_device(device)  # raises for anything but the CPU
    return from_array(array, requires_grad) if requires_grad else wrap(array)


# ------------------------------------------------------------------------------------------------
# From data
# ------------------------------------------------------------------------------------------------


def tensor(
    data: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """A new tensor with a copy of `data`.

    Parameters
    ----------
    data : number, nested sequence, ndarray or Tensor
    dtype : dtype, optional
        Default: the type of an array; for Python numbers the default float type, int64, or bool.
    device : optional
        Only the CPU.
    requires_grad : bool
        Whether `backward` shall compute its gradient.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.tensor([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]])
    """
    if is_listening():
        return heard(tensor, (data, dtype, device, requires_grad), {})
    kind = None if dtype is None else dtypes.to_numpy(dtype)
    return _made(np.array(as_array(data, kind)), device, requires_grad)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """As `tensor`, but a tensor, or the memory of an ndarray, is used as it is where possible."""
    kind = None if dtype is None else dtypes.to_numpy(dtype)
    if isinstance(data, TensorBase):
        return data.to(dtypes.of_numpy(kind)) if kind is not None else data  # type: ignore
    return _made(as_array(data, kind), device, False)


def asarray(
    obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """As `as_tensor`; with `copy` always a copy, with ``copy=False`` never.

    Raises
    ------
    ValueError
        ``copy=False``, but there is no memory of that type to use.
    """
    if copy:
        is_tensor = isinstance(obj, TensorBase)
        result = tensor(obj, dtype, device) if not is_tensor else as_tensor(obj, dtype, device)
        result = result.clone() if result is obj else result
    elif copy is None or isinstance(obj, (TensorBase, ndarray)):
        result = as_tensor(obj, dtype, device)
    else:
        raise ValueError("can't alias arbitrary sequence into a tensor.")
    if copy is False and result.array.dtype != obj.dtype:
        raise ValueError(f"can't alias tensor with dtype '{obj.dtype}' into dtype '{result.dtype}'")
    return result.requires_grad_() if requires_grad else result


def frombuffer(
    buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Tensor:
    """A tensor on the memory of a buffer, such as ``bytearray``, with one axis.

    Parameters
    ----------
    buffer : object
        With Python's buffer interface.
    dtype : dtype
        What its bytes are.
    count : int
        How many entries. Default: as many as there are.
    offset : int
        At which byte they begin. Default: 0.

    Raises
    ------
    ValueError
        There are not as many, or none.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.frombuffer(bytearray([1, 0, 2, 0]), dtype=mg.int16)
    tensor([1, 2], dtype=torch.int16)
    """
    array = np.frombuffer(buffer, dtypes.to_numpy(dtype), count, offset)
    if not array.flags.writeable:
        warnings.warn(
            "The given buffer is not writable: the tensor has a copy of it",
            UserWarning,
            stacklevel=2,
        )
        array = array.copy()
    return from_array(array, requires_grad)


def from_numpy(array: ndarray) -> Tensor:
    """A tensor on the memory of `array`: what is written to one is seen in the other."""
    if not isinstance(array, ndarray):
        raise TypeError(f"expected np.ndarray (got {type(array).__name__})")
    dtypes.of_numpy(array.dtype)
    return from_array(array)


# ------------------------------------------------------------------------------------------------
# Filled
# ------------------------------------------------------------------------------------------------


def _ones(shape: tuple[int, ...], kind: np.dtype) -> ndarray:
    return _full(shape, 1, kind)


def _full(shape: tuple[int, ...], value: Any, kind: np.dtype) -> ndarray:
    kernels = _kernels.kernels_for(kind)
    if kernels is not None:
        return kernels.entrywise.full(shape, value)
    array = np.empty(shape, kind)  # (np.ones and np.full take as long again to find out the type)
    array.fill(value)
    return array


def _filler(name: str, make: Callable[..., ndarray], what: str) -> Makers:
    """The function of a shape, and the function of a tensor whose shape to take."""

    def of_shape(
        *sizes: Any, size: Any = None, dtype: Any = None, layout: Any = None,
        device: Any = None, requires_grad: bool = False, pin_memory: bool = False,
    ) -> Tensor:  # fmt: skip
        if is_listening():
            return heard(
                of_shape,
                (*sizes,),
                {"size": size, "dtype": dtype, "device": device, "requires_grad": requires_grad},
            )
        kind = dtypes.default() if dtype is None else dtypes.to_numpy(dtype)
        array = made(make(new_shape(sizes, size), kind), make is np.empty)
        if device is None and not requires_grad:
            return wrap(array)
        return _made(array, device, requires_grad)

    def like(
        input: Tensor, *, dtype: Any = None, layout: Any = None, device: Any = None,
        requires_grad: bool = False, memory_format: Any = None,
    ) -> Tensor:  # fmt: skip
        if is_listening():
            return heard(
                like, (input,), {"dtype": dtype, "device": device, "requires_grad": requires_grad}
            )
        kind = input.array.dtype if dtype is None else dtypes.to_numpy(dtype)
        x = input.array
        array = make(x.shape, kind) if x.flags.c_contiguous else make_alike(x, make, kind)
        return _made(made(array, make is np.empty), device, requires_grad)

    of_shape.__name__ = of_shape.__qualname__ = name
    like.__name__ = like.__qualname__ = name + "_like"
    of_shape.__doc__ = f"A tensor of shape `sizes` (numbers, or one tuple), {what}."
    like.__doc__ = f"A tensor of the shape and type of `input`, {what}."
    return of_shape, like


zeros, zeros_like = _filler("zeros", np.zeros, "full of zeros")
ones, ones_like = _filler("ones", _ones, "full of ones")
empty, empty_like = _filler("empty", np.empty, "not initialised")


def full(
    size: Sequence[int],
    fill_value: Any,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A tensor of shape `size`, full of `fill_value`."""
    if is_listening():
        return heard(
            full,
            (size, fill_value),
            {"dtype": dtype, "device": device, "requires_grad": requires_grad},
        )
    value = number(fill_value, "full", "fill_value")
    kind = dtypes.scalar_type(value) if dtype is None else dtypes.to_numpy(dtype)
    array = made(_full(new_shape((), size), entry(value, kind), kind))
    return _made(array, device, requires_grad)


def full_like(
    input: Tensor,
    fill_value: Any,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """A tensor of the shape and type of `input`, full of `fill_value`."""
    if is_listening():
        return heard(
            full_like,
            (input, fill_value),
            {"dtype": dtype, "device": device, "requires_grad": requires_grad},
        )
    kind = input.array.dtype if dtype is None else dtypes.to_numpy(dtype)
    value = filling(fill_value, kind, "full_like", "fill_value")
    array = make_alike(input.array, lambda shape, kind: _full(shape, value, kind), kind)
    return _made(made(array), device, requires_grad)


def eye(
    n: int,
    m: int | None = None,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """The identity matrix, of `n` rows and `m` columns (default `n`)."""
    if is_listening():
        return heard(
            eye, (n, m), {"dtype": dtype, "device": device, "requires_grad": requires_grad}
        )
    for name, size in (("n", n), ("m", m)):
        if size is not None and size < 0:
            raise RuntimeError(f"{name} must be greater or equal to 0, got {size}")
    kind = dtypes.default() if dtype is None else dtypes.to_numpy(dtype)
    array = np.zeros((n, n if m is None else m), kind)
    rows, columns = array.shape
    array.reshape(-1)[: min(rows, columns) * columns : columns + 1] = 1
    return _made(array, device, requires_grad)


# ------------------------------------------------------------------------------------------------
# Sequences
# ------------------------------------------------------------------------------------------------


def _bounds(function: str, start: Any, end: Any, step: Any) -> tuple[Any, Any, Any]:
    """The bounds of a sequence as finite Python numbers."""
    start = number(start, function, "start")
    end = number(end, function, "end")
    step = number(step, function, "step")
    if not (math.isfinite(start) and math.isfinite(end) and math.isfinite(step)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    return start, end, step


def _whole_bounds(start: Any, end: Any, step: Any) -> tuple[int, int, int]:
    """The bounds of a sequence of integers without their fractions."""
    if not int(step):
        raise ValueError(f"step must be nonzero, and {step} is nothing without its fraction")
    return int(start), int(end), int(step)


def arange(
    start: Any = 0, end: Any = None, step: Any = 1, *, dtype: Any = None, layout: Any = None,
    device: Any = None, requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """``start, start + step, ...`` up to, not including, `end`; ``arange(end)`` starts at 0.

    The type is int64 if all three are integers, otherwise the default float type. Integers are
    counted from `start` in steps of `step`, both without their fractions.
    """
    if is_listening():
        return heard(
            arange,
            (start, end, step),
            {"dtype": dtype, "device": device, "requires_grad": requires_grad},
        )
    if end is None:
        start, end = 0, start
    whole = type(start) is type(end) is type(step) is int
    if whole and dtype is None and 0 <= start <= end < 2**62 and 0 < step < 2**62:  # most often
        return _made(np.arange(start, end, step, dtype=np.int64), device, requires_grad)
    start, end, step = _bounds("arange", start, end, step)
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) / step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    whole = isinstance(start, int) and isinstance(end, int) and isinstance(step, int)
    kind = (
        (dtypes.INT64 if whole else dtypes.default()) if dtype is None else dtypes.to_numpy(dtype)
    )
    if kind.kind == "b":
        raise NotImplementedError("\"arange\" not implemented for 'Bool'")
    if kind == np.int64 and not whole:
        start, end, step = _whole_bounds(start, end, step)
    count = math.ceil((end - start) / step)
    if kind.kind in "iu" and not whole:  # the other types of integers count the steps first
        start, step, whole = int(start), int(step), True
    if count >= 2**60:
        raise RuntimeError(f"invalid size, possible overflow? {count} entries")

    def place(values: Any) -> Any:
        if step != 1:
            values *= step
        if start:
            values += start
        return values

    values = _counted(count, np.int64 if whole else np.float64, place, kind)
    return _made(values, device, requires_grad)


def _counted(count: int, counted: Any, place: Any, kind: np.dtype) -> Any:
    """``place(np.arange(count))`` as numbers of type `kind`: so many at a time as a cache holds."""
    if count <= BLOCK:
        return place(np.arange(count, dtype=counted)).astype(kind, copy=False)
    result = np.empty(count, kind)
    for first in builtins.range(0, count, BLOCK):
        last = min(first + BLOCK, count)
        result[first:last] = place(np.arange(first, last, dtype=counted))
    return result


def range(
    start: Any, end: Any = None, step: Any = 1, *, dtype: Any = None, layout: Any = None,
    device: Any = None, requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """``start, start + step, ...`` up to `end`, which is included, in the default float type.

    Old; new code uses `arange`, which ends before `end`.
    """
    warnings.warn(
        "torch.range is deprecated and will be removed in a future release because its behavior is "
        "inconsistent with Python's range builtin. Instead, use torch.arange, which produces "
        "values in [start, end).",
        stacklevel=2,
    )
    if end is None:
        start, end = 0, start
    start, end, step = _bounds("range", start, end, step)
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) / step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    kind = dtypes.default() if dtype is None else dtypes.to_numpy(dtype)
    count = math.floor((end - start) / step) + 1
    return _made((start + step * np.arange(count)).astype(kind), device, requires_grad)


def linspace(
    start: float,
    end: float,
    steps: int,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """`steps` values from `start` to `end`, both included, equally far apart."""
    if is_listening():
        return heard(
            linspace,
            (start, end, steps),
            {"dtype": dtype, "device": device, "requires_grad": requires_grad},
        )
    kind = dtypes.default() if dtype is None else dtypes.to_numpy(dtype)
    start, end = number(start, "linspace", "start"), number(end, "linspace", "end")
    steps = as_int(steps, "linspace", "steps")
    if steps < 0:
        raise RuntimeError(f"number of steps must be non-negative, but got {steps}")
    if kind.kind == "b" and steps > 1:
        raise NotImplementedError("\"linspace\" not implemented for 'Bool'")
    if kind.kind != "f":  # the ends are integers, the steps between them need not be
        start, end = int(start), int(end)
    # as np.linspace, which takes three times as long for a few values
    span, last = float(end) - float(start), max(steps - 1, 1)

    def place(values: Any) -> Any:
        values = values * (span / last) if span / last else values / last * span
        values += start
        return values

    values = _counted(steps, np.float64, place, kind)
    if steps > 1:
        values[-1] = end
    return _made(values, device, requires_grad)


def logspace(
    start: float,
    end: float,
    steps: int,
    base: float = 10.0,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """`steps` powers of `base`, with exponents from `start` to `end`, equally far apart.

    Raises
    ------
    RuntimeError
        `steps` is negative.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.logspace(-2, 1, 4)
    tensor([1.0000e-02, 1.0000e-01, 1.0000e+00, 1.0000e+01])
    """
    if is_listening():
        return heard(
            logspace,
            (start, end, steps, base),
            {"dtype": dtype, "device": device, "requires_grad": requires_grad},
        )
    kind = dtypes.default() if dtype is None else dtypes.to_numpy(dtype)
    start, end = number(start, "logspace", "start"), number(end, "logspace", "end")
    steps, base = as_int(steps, "logspace", "steps"), number(base, "logspace", "base")
    if kind.kind == "b" and steps > 1:
        raise NotImplementedError("\"logspace\" not implemented for 'Bool'")
    if steps < 0:
        raise RuntimeError(f"number of steps must be non-negative, but got {steps}")
    # In PyTorch's order: the ends and their difference have the entries' type, all else is float64,
    # and the second half is counted from the end.
    as_entry = kind.type if kind.kind == "f" else int
    start, end = float(as_entry(start)), float(as_entry(end))
    step = float(as_entry(end - start)) / max(steps - 1, 1)
    places = np.arange(steps)
    first_half = places < max(steps // 2, 1)
    exponents = np.where(first_half, start + step * places, end - step * (steps - 1 - places))
    with np.errstate(all="ignore"):
        powers = np.power(float(base), exponents).astype(kind)
    return _made(powers, device, requires_grad)


# ------------------------------------------------------------------------------------------------
# Random
# ------------------------------------------------------------------------------------------------


class Generator(random.Generator):
    """A random stream of its own: `minigrad.random.Generator` whose state is a ByteTensor.

    Examples
    --------
    >>> import minigrad as mg
    >>> g = mg.Generator().manual_seed(0)
    >>> mg.rand(3, generator=g)
    tensor([0.4963, 0.7682, 0.0885])
    """

    def __init__(self, device: Any = "cpu") -> None:
        super().__init__(check_device(device))

    def get_state(self) -> Tensor:
        """The state: 5056 bytes, in PyTorch's layout."""
        return from_array(self.state_bytes())

    def set_state(self, new_state: Tensor) -> Generator:
        """Continue from a state of `get_state` (minigrad's or PyTorch's)."""
        if not isinstance(new_state, TensorBase):
            raise TypeError(f"expected a torch.ByteTensor, but got {type(new_state).__name__}")
        self.load_state_bytes(new_state.array)
        return self


default_generator = random.default_generator = Generator()  # from here on with tensor states
default_generator.seed()  # as PyTorch: without `manual_seed` every run draws other numbers


def manual_seed(seed: int) -> random.Generator:
    """Start the default generator again from `seed`; the same seed gives the same numbers.

    Examples
    --------
    >>> import minigrad as mg
    >>> _ = mg.manual_seed(0)
    >>> mg.randn(3)
    tensor([ 1.5410, -0.2934, -2.1788])
    """
    return random.manual_seed(seed)


def seed() -> int:
    """Start the default generator from a seed that differs every time, and return the seed."""
    return random.seed()


def initial_seed() -> int:
    """The seed that the default generator was started from."""
    return random.initial_seed()


def get_rng_state() -> Tensor:
    """The state of the default generator."""
    return default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Put the default generator into a state of `get_rng_state`."""
    default_generator.set_state(new_state)


def _drawer(name: str, method: str, fill: str, what: str) -> Makers:
    def of_shape(
        *sizes: Any, size: Any = None, generator: random.Generator | None = None, dtype: Any = None,
        layout: Any = None, device: Any = None, requires_grad: bool = False,
        pin_memory: bool = False,
    ) -> Tensor:  # fmt: skip
        if is_listening():
            return heard(
                of_shape,
                (*sizes,),
                {
                    "size": size,
                    "generator": generator,
                    "dtype": dtype,
                    "device": device,
                    "requires_grad": requires_grad,
                },
            )
        kind = dtypes.default() if dtype is None else dtypes.to_numpy(dtype)
        draw = getattr(random.default_generator if generator is None else generator, method)
        array = draw(new_shape(sizes, size), dtype=kind)
        if device is None and not requires_grad:
            return wrap(array)
        return _made(array, device, requires_grad)

    def like(
        input: Tensor, *, dtype: Any = None, layout: Any = None, device: Any = None,
        requires_grad: bool = False, memory_format: Any = None,
    ) -> Tensor:  # fmt: skip
        if is_listening():
            return heard(
                like, (input,), {"dtype": dtype, "device": device, "requires_grad": requires_grad}
            )
        x = input.array
        kind = x.dtype if dtype is None else dtypes.to_numpy(dtype)
        if x.flags.c_contiguous:
            array = getattr(random.default_generator, method)(x.shape, dtype=kind)
        else:
            array = empty_alike(x, kind)
            getattr(from_array(array), fill)()
        return _made(array, device, requires_grad)

    of_shape.__name__ = of_shape.__qualname__ = name
    like.__name__ = like.__qualname__ = name + "_like"
    of_shape.__doc__ = f"A tensor of shape `sizes` of {what}."
    like.__doc__ = f"A tensor of the shape and type of `input` of {what}."
    return of_shape, like


rand, rand_like = _drawer("rand", "uniform", "uniform_", "numbers drawn evenly from [0, 1)")
randn, randn_like = _drawer(
    "randn", "normal", "normal_", "numbers from the standard normal distribution"
)


def randint(
    low: Any = 0, high: Any = None, size: Any = None, *, generator: random.Generator | None = None,
    dtype: Any = None,
    layout: Any = None, device: Any = None, requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """Integers drawn evenly from `low` up to, not including, `high`.

    Called as ``randint(high, size)`` or ``randint(low, high, size)``.
    """
    if is_listening():
        return heard(
            randint,
            (low, high, size),
            {
                "generator": generator,
                "dtype": dtype,
                "device": device,
                "requires_grad": requires_grad,
            },
        )
    if size is None:
        low, high, size = 0, low, high
    elif high is None:  # randint(high, size=...)
        low, high = 0, low
    if high is None or size is None or isinstance(size, int):
        raise TypeError("randint(): needs high, and a size that is a tuple of ints")
    kind = dtypes.INT64 if dtype is None else dtypes.to_numpy(dtype)
    return _made(
        source(generator).integers(new_shape((), size), low, high, kind), device, requires_grad
    )


def randint_like(
    input: Tensor, low: Any = 0, high: Any = None, *, generator: random.Generator | None = None,
    dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:  # fmt: skip
    """Integers as `randint` draws them, in the shape and type of `input`.

    Called as ``randint_like(input, high)`` or ``randint_like(input, low, high)``.
    """
    if is_listening():
        return heard(
            randint_like,
            (input, low, high),
            {
                "generator": generator,
                "dtype": dtype,
                "device": device,
                "requires_grad": requires_grad,
            },
        )
    if high is None:
        low, high = 0, low
    drawn = empty_like(input, dtype=dtype, device=device).random_(low, high, generator=generator)
    return drawn.requires_grad_(requires_grad)


def randperm(
    n: int, *, generator: random.Generator | None = None, dtype: Any = None, layout: Any = None,
    device: Any = None, requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """The integers from 0 to ``n - 1`` in random order."""
    if is_listening():
        return heard(
            randperm,
            (n,),
            {
                "generator": generator,
                "dtype": dtype,
                "device": device,
                "requires_grad": requires_grad,
            },
        )
    order = source(generator).permutation(n)
    return _made(
        order if dtype is None else order.astype(dtypes.to_numpy(dtype)), device, requires_grad
    )


def normal(
    mean: Any = 0.0, std: Any = 1.0, size: Any = None, *, generator: random.Generator | None = None,
    dtype: Any = None, device: Any = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Normally distributed numbers; `mean` and `std` are numbers (with `size`) or tensors.

    Of two tensors, the first one's dtype is that of the result.
    """
    if is_listening():
        return heard(
            normal,
            (mean, std, size),
            {
                "generator": generator,
                "dtype": dtype,
                "device": device,
                "requires_grad": requires_grad,
            },
        )
    if size is not None:
        kind = dtypes.default() if dtype is None else dtypes.to_numpy(dtype)
        return _made(
            source(generator).normal(new_shape((), size), mean, std, kind), device, requires_grad
        )
    m, s = [v.array if isinstance(v, TensorBase) else np.asarray(v) for v in (mean, std)]
    if np.any(s < 0):
        raise RuntimeError("normal expects all elements of std >= 0.0")
    shape = np.broadcast_shapes(m.shape, s.shape)
    tensors = [v for v in (mean, std) if isinstance(v, TensorBase)]
    kind = tensors[0].array.dtype if tensors else dtypes.default()
    standard = source(generator).normal(shape, dtype=kind)
    drawn = _made((standard * s + m).astype(kind), device, requires_grad)
    if not tensors or requires_grad:
        return drawn
    return draws.normal_with(mean, std, drawn, m.dtype, s.dtype)
