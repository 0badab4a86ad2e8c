"""Draws in which every value is as likely as any other, made straight from the engine's words.

What belongs here: uniform floats, integers of a range or of a whole dtype, permutations, and
coin flips (a uniform compared with a probability). Each draw is a method that checks its
arguments, takes its words under the lock, and says how many words one value costs: two
libraries stay in step only if both take the same number of words. Draws that bend a uniform
into another distribution are in `generator`.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from .. import _kernels
from .engine import Engine

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

FLOAT32_BITS = 24
"""A float32 holds 24 significant bits: that many of a 32-bit word are used."""

FLOAT64_BITS = 53
"""A float64 holds 53 significant bits: that many of a 64-bit word are used."""

WIDE_RANGE = 2**28
"""From this many possible integers on, each is made of a 64-bit word (less bias by the modulo)."""

PIECE = 2**14
"""Values made at a time; a multiple of the 16 values of a block of normal ones."""

Shape = int | tuple[int, ...]

_TORCH_NAMES = {  # dtype -> (its name in PyTorch's messages about kernels, about bounds)
    "bool": ("Bool", "bool"),
    "uint8": ("Byte", "unsigned char"),
    "int8": ("Char", "signed char"),
    "int16": ("Short", "short"),
    "int32": ("Int", "int"),
    "int64": ("Long", "long int"),
    "float16": ("Half", "Half"),
    "float32": ("Float", "float"),
    "float64": ("Double", "double"),
}


FLOAT32, FLOAT64, INT64 = np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.int64)
_LARGEST_FLOAT = {"f": float(np.finfo(np.float32).max), "d": float(np.finfo(np.float64).max)}


def kernel_name(dtype: np.dtype[Any]) -> str:
    """Return the name PyTorch's messages give to `dtype`: ``Long``, ``Float``, ..."""
    return _TORCH_NAMES.get(dtype.name, (dtype.name,))[0]


def require_float(dtype: DTypeLike, draw: str) -> np.dtype[Any]:
    """Return `dtype` as a NumPy dtype, or say that `draw` exists for two float dtypes only."""
    dtype = np.dtype(dtype)
    if dtype.char not in "fd":
        raise NotImplementedError(
            f"\"{draw}\" not implemented for '{kernel_name(dtype)}': use float32 or float64"
        )
    return dtype


def pieces(values: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield consecutive parts of a 1-D array, small enough for the cache."""
    for start in range(0, values.size, PIECE):
        yield values[start : start + PIECE]


class UniformDraws(Engine):
    """An engine that can draw uniform floats, integers, permutations and coin flips.

    Each draw is written here in NumPy. Where kernels are in use, `_kernels/random.pyx` does the
    same, to the last bit.
    """

    # ------------------------------------------------------------------ floats

    def uniform(
        self,
        shape: Shape,
        low: float = 0.0,
        high: float = 1.0,
        dtype: DTypeLike = np.float32,
        out: NDArray[Any] | None = None,
    ) -> NDArray[Any]:
        r"""Draw from :math:`[low, high)`: PyTorch's ``rand`` and ``uniform_``.

        .. math:: x = u \, (high - low) + low, \qquad u = k / 2^{24} \text{ or } k / 2^{53}

        where k is the low 24 bits of one word (float32), or the low 53 bits of a 64-bit word, that
        is of two words (float64). PyTorch multiplies and adds with a single rounding at the end
        (a fused multiply-add). For float32 the same bits come out here, as the float64 used in
        between is wide enough; a float64 may differ in its last bit unless low is 0.

        Parameters
        ----------
        shape : int or tuple of int
        low, high : float, default 0.0 and 1.0
        dtype : default float32
            float32 or float64.
        out : ndarray, optional
            Where to: an array of that shape and dtype, without gaps.

        Returns
        -------
        ndarray of `shape` and `dtype`

        Raises
        ------
        RuntimeError
            ``low > high``, or a bound or ``high - low`` is beyond the dtype's largest number.
        NotImplementedError
            Any other dtype.

        Examples
        --------
        >>> from minigrad.random import Generator
        >>> print(Generator().manual_seed(0).uniform(3))
        [0.4962566  0.7682218  0.08847743]
        """
        if dtype is not FLOAT32:
            dtype = require_float(dtype, "check_uniform_bounds")
        largest = _LARGEST_FLOAT[dtype.char]
        if not (-largest <= low <= high <= largest and high - low <= largest):
            _refuse_uniform_bounds(low, high, dtype)
        kernels = _kernels.kernels_for(dtype)
        if kernels is not None:
            return kernels.random.uniform(self._state, shape if out is None else out, low, high)
        values = np.empty(shape, dtype) if out is None else out
        start, width = float(dtype.type(low)), float(dtype.type(high) - dtype.type(low))
        with self._lock:
            fill = self._fill_float32 if dtype == FLOAT32 else self._fill_float64
            fill(values.reshape(-1), start, width)
        # A sum just below high may be rounded to high itself, which does not belong to the range:
        # PyTorch gives low instead. From 0, or with bounds -k and k, no rounding reaches high.
        if low != 0.0 and low != -high:
            values[values == dtype.type(high)] = low
        return values

    # Large arrays are filled piece by piece: what stands between word and float stays in cache.

    def _fill_float32(self, values: NDArray[Any], start: float = 0.0, width: float = 1.0) -> None:
        step = width * 2.0**-FLOAT32_BITS
        for part in pieces(values):
            words = self.words32(part.size)
            words &= 2**FLOAT32_BITS - 1
            unrounded = words * step  # in float64, exact
            if start != 0.0:
                unrounded += start
            part[:] = unrounded

    def _fill_float64(self, values: NDArray[Any], start: float = 0.0, width: float = 1.0) -> None:
        for part in pieces(values):
            words = self.words64(part.size)
            words &= 2**FLOAT64_BITS - 1
            np.multiply(words, 2.0**-FLOAT64_BITS, out=part)
            if width != 1.0:
                part *= width
            if start != 0.0:
                part += start

    # ------------------------------------------------------------------ integers

    def integers(
        self, shape: Shape, low: int = 0, high: int | None = None, dtype: DTypeLike = np.int64
    ) -> NDArray[Any]:
        """Draw integers of ``low <= x < high``: PyTorch's ``randint`` and ``random_(low, high)``.

        ``x = word % (high - low) + low``; one word a value, or one 64-bit word (two words) when
        there are 2**28 possible values or more.

        Parameters
        ----------
        shape : int or tuple of int
        low : int, default 0
        high : int, optional
            None: up to and with the largest number of `dtype` (of a float: the last integer
            before the gaps begin, 2**24 for float32).
        dtype : default int64
            Any integer or float dtype, or bool.

        Raises
        ------
        RuntimeError
            ``low >= high``, or a bound lies outside an integer dtype.
        ValueError
            A bound does not fit in 64 bits.

        Warns
        -----
        UserWarning
            A bound lies where a float dtype no longer holds every integer.

        Examples
        --------
        >>> from minigrad.random import Generator
        >>> Generator().manual_seed(0).integers((4,), 0, 10).tolist()
        [4, 9, 3, 0]
        """
        dtype = np.dtype(dtype)
        if dtype == INT64 and type(low) is type(high) is int and -(2**63) <= low < high < 2**63:
            return self._integers_of(shape, low, high - low, dtype, wide=high - low >= WIDE_RANGE)
        smallest, largest = _integer_limits(dtype)
        if high is None:
            stop = largest + 1
        else:
            stop = high
            if not (-(2**63) <= low < 2**63 and -(2**63) <= high < 2**63):
                raise ValueError(f"Overflow when unpacking long long: low={low}, high={high}")
        if dtype.kind == "f" and high is not None:
            low, stop = _inside_float(low, stop, dtype)
        if low >= stop:
            raise RuntimeError(
                f"random_ expects 'from' to be less than 'to', but got from={low} >= to={stop}"
            )
        for name, bound in (("from", low), ("to - 1", stop - 1)):
            if not smallest <= bound <= largest:
                if dtype.kind != "f":
                    raise RuntimeError(
                        f"{name} is out of bounds for {_TORCH_NAMES[dtype.name][1]}: "
                        f"{bound} is not in [{smallest}, {largest}]"
                    )
                warnings.warn(
                    f"{name} is out of bounds [{smallest}, {largest}]: beyond, {dtype.name} does "
                    "not hold every integer, and the draw is not uniform",
                    UserWarning,
                    stacklevel=2,
                )
        count = stop - low
        return self._integers_of(shape, low, count, dtype, wide=count >= WIDE_RANGE)

    def any_integers(self, shape: Shape, dtype: DTypeLike = np.int64) -> NDArray[Any]:
        """Draw from zero to the largest number of `dtype`: PyTorch's ``random_()``.

        A float counts as holding the integers up to 2**24 (float32) or 2**53 (float64). int64 and
        float64 take two words a value, every other dtype takes one.

        Examples
        --------
        >>> from minigrad.random import Generator
        >>> Generator().manual_seed(0).any_integers(2, np.uint8).tolist()
        [172, 47]
        """
        dtype = np.dtype(dtype)
        count = _integer_limits(dtype)[1] + 1
        return self._integers_of(shape, 0, count, dtype, wide=dtype.itemsize == 8)

    def _integers_of(
        self, shape: Shape, low: int, count: int, dtype: np.dtype[Any], *, wide: bool
    ) -> NDArray[Any]:
        kernels = _kernels.kernels_for(FLOAT32)
        if kernels is not None:
            values = kernels.random.integers(self._state, shape, low % 2**64, count % 2**64, wide)
            return values if dtype is INT64 else values.astype(dtype)
        size = math.prod(shape) if isinstance(shape, tuple) else shape
        words = self.words64(size) if wide else self.words32(size)
        if count < 2**64:  # all 2**64 possible values: then the word itself is the value
            words %= count
            words += low % 2**64  # two's complement: unsigned addition is signed addition
        return words.view(np.int64).astype(dtype).reshape(shape)

    def permutation(self, n: int) -> NDArray[np.int64]:
        """Return the numbers 0 to n - 1 in random order: PyTorch's ``randperm``.

        Fisher and Yates's shuffle: for i = 0, 1, ..., n - 2 the i-th number changes places with
        the one ``word % (n - i)`` places after it. n - 1 words.

        Raises
        ------
        RuntimeError
            `n` is negative.

        Examples
        --------
        >>> from minigrad.random import Generator
        >>> Generator().manual_seed(0).permutation(8).tolist()
        [4, 0, 7, 3, 2, 5, 1, 6]
        """
        if n < 0:
            raise RuntimeError(
                f"randperm: Trying to create tensor with negative dimension {n}: [{n}]"
            )
        kernels = _kernels.kernels_for(FLOAT32)
        if kernels is not None:
            return kernels.random.permutation(self._state, n)
        order = np.arange(n, dtype=np.int64)
        partners = self.words32(max(n - 1, 0))
        partners %= np.arange(n, 1, -1, dtype=np.uint64)
        partners += np.arange(partners.size, dtype=np.uint64)
        # Each swap depends on those before, so this is a loop. `data` hands out Python ints
        # from the array's own memory: faster than the array, and than a list when n is large.
        places = order.data
        for i, j in enumerate(partners.data):
            kept = places[i]
            places[i] = places[j]
            places[j] = kept
        return order

    # ------------------------------------------------------------------ coin flips

    def bernoulli(
        self,
        p: float | NDArray[Any],
        shape: Shape | None = None,
        dtype: DTypeLike | None = None,
        out: NDArray[Any] | None = None,
    ) -> NDArray[Any]:
        """Draw 1 with probability `p`, else 0: ``bernoulli``, ``bernoulli_`` and dropout.

        A value is 1 where a uniform number is less than p. For a number p and for float64
        probabilities that is a float64 uniform (two words), for float32 probabilities a float32
        one (one word). PyTorch does the same on most processors; on Intel's it asks another
        generator (MKL's), and there the two libraries differ.

        Parameters
        ----------
        p : float, or ndarray of float32 or float64
        shape : int or tuple of int, optional
            Of the result; None: the shape of `p`. An array p is broadcast to it.
        dtype : optional
            None: the dtype of an array p, float32 for a number p.
        out : ndarray, optional
            Where to: an array of that shape and dtype, without gaps.

        Raises
        ------
        RuntimeError
            A probability outside [0, 1], or nan.

        Examples
        --------
        >>> from minigrad.random import Generator
        >>> print(Generator().manual_seed(0).bernoulli(0.5, (2, 3)))
        [[0. 0. 1.]
         [0. 0. 0.]]
        """
        if isinstance(p, np.ndarray):
            require_float(p.dtype, "bernoulli_tensor_cpu_p_")
            if shape is None and dtype is None and out is None:
                kernels = _kernels.kernels_for(p.dtype)
                if kernels is not None:
                    flips = kernels.random.bernoulli_each(self._state, p)
                    if flips is not None:
                        return flips
            if not np.all((p >= 0) & (p <= 1)):
                raise RuntimeError(
                    "Expected p_in >= 0 && p_in <= 1 to be true, but got false: "
                    "every probability must be in [0, 1]"
                )
            shape = p.shape if shape is None else shape
            dtype = p.dtype if dtype is None else np.dtype(dtype)
            unit = self.uniform(shape, dtype=p.dtype)
        else:
            if not 0 <= p <= 1:
                raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p:g}")
            shape = () if shape is None else shape
            dtype = FLOAT32 if dtype is None else np.dtype(dtype)
            kernels = _kernels.kernels_for(dtype)
            if kernels is not None:
                return kernels.random.bernoulli(self._state, shape if out is None else out, p)
            unit = self.uniform(shape, dtype=FLOAT64)
        flips = np.empty(shape, dtype) if out is None else out
        np.copyto(flips, unit < p)
        return flips


def _refuse_uniform_bounds(low: float, high: float, dtype: np.dtype[Any]) -> NoReturn:
    largest = _LARGEST_FLOAT[dtype.char]
    for name, bound in (("from", low), ("to", high)):
        if not -largest <= bound <= largest:  # also false for nan
            raise RuntimeError(f"{name} is out of bounds for {_TORCH_NAMES[dtype.name][1]}")
    if low > high:
        raise RuntimeError(
            f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}"
        )
    raise RuntimeError(
        "uniform_ expects to-from <= std::numeric_limits<"
        f"{kernel_name(dtype)}>::max(), but found to={high:g} and from={low:g} "
        "which result in to-from to exceed the limit"
    )


@functools.cache
def _integer_limits(dtype: np.dtype[Any]) -> tuple[int, int]:
    if dtype.kind == "b":
        return 0, 1
    if dtype.kind == "f":
        largest = 2 ** (int(np.finfo(dtype).nmant) + 1)
        return -largest, largest
    if dtype.kind not in "iu":
        raise NotImplementedError(f"\"random_\" not implemented for '{kernel_name(dtype)}'")
    limits = np.iinfo(dtype)
    return int(limits.min), int(limits.max)


def _inside_float(low: int, high: int, dtype: np.dtype[Any]) -> tuple[int, int]:
    """Move a bound that rounding to `dtype` would carry out of the range to the next float."""
    up, down = dtype.type(np.inf), dtype.type(-np.inf)
    first, last = dtype.type(low + 1), dtype.type(high - 1)
    if int(first) < low:
        low = int(np.nextafter(first, up))
    if int(last) >= high:
        high = int(np.nextafter(last, down))
    return low, high
