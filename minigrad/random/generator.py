"""`Generator`: a stream of random numbers with all its distributions.

The floats, integers and permutations are in `uniform`, gamma, Poisson and binomial numbers in
`rejection`; here are the other distributions that are made of them. The package's first page has
the way from a word to a float.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _kernels
from .rejection import RejectionDraws
from .uniform import FLOAT32, Shape, kernel_name, pieces, require_float

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

__all__ = ["Generator"]

BLOCK = 16
"""Normal values are made in blocks of 16: eight radii and eight angles."""

MAX_CATEGORIES = 2**24

FEW_OF = 16
"""One sample of so many categories, or less, is few: without replacement they are found singly."""


class Generator(RejectionDraws):
    """A stream of random numbers with its own state: PyTorch's CPU generator.

    Parameters
    ----------
    device : default ``"cpu"``

    Notes
    -----
    A new generator has the seed 67280421310721 until `manual_seed` or `seed` is called. Draws take
    a lock, so that threads may share a generator. Generators can be copied and pickled.

    Examples
    --------
    >>> g = Generator().manual_seed(0)
    >>> print(g.normal(3))
    [ 1.5409961 -0.2934289 -2.1787894]
    """

    # ------------------------------------------------------------------ normal

    def normal(
        self,
        shape: Shape,
        mean: float = 0.0,
        std: float = 1.0,
        dtype: DTypeLike = np.float32,
        *,
        blocks: bool = True,
        out: NDArray[Any] | None = None,
    ) -> NDArray[Any]:
        r"""Draw from the normal distribution: ``randn``, ``normal_`` and ``torch.normal``.

        Box and Muller's formula: of two uniform numbers, u gives a radius and v an angle,

        .. math:: r = \sqrt{-2 \log(1 - u)}, \quad \theta = 2 \pi v, \quad
                  z_1 = r \cos\theta, \quad z_2 = r \sin\theta

        and the value is :math:`z \cdot std + mean`. There are two ways to pair the uniforms.

        *Fewer than 16 values*: in pairs, in float64 (four words a pair), the angle's uniform drawn
        first. When only z1 is wanted, z2 is kept for the next such draw, whatever its dtype.

        *16 values or more*: one uniform of `dtype` is drawn for each value; in each block of 16 the
        j-th and the (j+8)-th are a pair. If some are left over at the end, 16 fresh uniforms are
        drawn for the *last* 16 values, which thus overlap the block before. A kept z2 stays kept.

        ``torch.normal`` with a tensor as mean or std draws ``normal(shape)`` first and then
        computes ``z * std + mean`` on the tensors; do the same to follow it.

        Parameters
        ----------
        shape : int or tuple of int
        mean, std : float, default 0.0 and 1.0
        dtype : default float32
            float32 or float64.
        blocks : bool, default True
            False draws in pairs whatever the size, as PyTorch does for a non-contiguous tensor.
        out : ndarray, optional
            Where to: an array of that shape and dtype, without gaps.

        Raises
        ------
        RuntimeError
            `std` is negative or nan.
        NotImplementedError
            Any other dtype.

        References
        ----------
        G. E. P. Box and M. E. Muller, "A note on the generation of random normal deviates", 1958.
        """
        if not std >= 0:
            raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")
        if dtype is not FLOAT32:
            dtype = require_float(dtype, "normal_kernel_cpu")
        kernels = _kernels.kernels_for(dtype)
        if kernels is not None:
            kernel = kernels.random.normal
            return kernel(self._state, shape if out is None else out, mean, std, blocks)
        values = np.empty(shape, dtype) if out is None else out
        with self._lock:
            if values.size < BLOCK or not blocks:
                drawn = self._normal_pairs(values.size)
            else:
                drawn = self._normal_blocks(values)
        if std != 1.0:
            drawn *= float(std)
        if mean != 0.0:
            drawn += float(mean)
        values[...] = drawn.reshape(values.shape)
        return values

    def _normal_pairs(self, size: int) -> NDArray[np.float64]:
        values = np.empty(size)
        start = 0
        if size and self._cached_normal is not None:
            values[0] = self._cached_normal
            self._cached_normal = None
            start = 1
        pairs, odd = divmod(size - start, 2)
        if pairs:
            unit = self.uniform((pairs, 2), dtype=np.float64)
            radius = np.sqrt(-2.0 * np.log1p(-unit[:, 1]))
            angle = (2.0 * math.pi) * unit[:, 0]
            values[start : size - odd : 2] = radius * np.cos(angle)
            values[start + 1 : size - odd : 2] = radius * np.sin(angle)
        if odd:
            # With the C library's functions, as in PyTorch, because the kept value is part of the
            # state: NumPy's own may differ in the last bit, and two equal states would not be.
            v, u = self.uniform(2, dtype=np.float64).tolist()
            length, turn = math.sqrt(-2.0 * math.log1p(-u)), 2.0 * math.pi * v
            values[-1] = length * math.cos(turn)
            self._cached_normal = length * math.sin(turn)
        return values

    def _normal_blocks(self, values: NDArray[Any]) -> NDArray[Any]:
        fill = self._fill_float32 if values.dtype == FLOAT32 else self._fill_float64
        values = values.reshape(-1)
        size = values.size
        for part in pieces(values[: size - size % BLOCK]):
            fill(part)
            _box_muller(part)
        if size % BLOCK:
            fill(values[size - size % BLOCK :])  # PyTorch draws these and then writes over them
            fill(values[-BLOCK:])
            _box_muller(values[-BLOCK:])
        return values

    # ------------------------------------------------------------------ by inversion

    def exponential(
        self,
        shape: Shape,
        lambd: float = 1.0,
        dtype: DTypeLike = np.float32,
        out: NDArray[Any] | None = None,
    ) -> NDArray[Any]:
        r"""Draw :math:`-\log(1 - u) / \lambda`: PyTorch's ``exponential_``.

        One float64 uniform (two words) a value, for every dtype. Where PyTorch was built for MKL
        and runs on Intel's processors it takes the uniforms from another generator. `out` as in
        `normal`.

        Raises
        ------
        RuntimeError
            `lambd` is not positive, or `dtype` is not a float.
        """
        dtype = np.dtype(dtype)
        if dtype.kind != "f":
            raise RuntimeError(
                "Exponential distribution is a continuous probability distribution. "
                f"dtype must be a floating point but you specified {kernel_name(dtype)}"
            )
        if not lambd > 0:
            raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd:g}")
        kernels = _kernels.kernels_for(dtype)
        if kernels is not None:
            kernel = kernels.random.exponential
            return kernel(self._state, shape if out is None else out, -1.0 / lambd)
        drawn: NDArray[Any] = np.log1p(-self.uniform(shape, dtype=np.float64))
        drawn *= -1.0 / lambd
        values = np.empty(shape, dtype) if out is None else out
        values[...] = drawn
        return values

    def cauchy(
        self,
        shape: Shape,
        median: float = 0.0,
        sigma: float = 1.0,
        dtype: DTypeLike = np.float32,
    ) -> NDArray[Any]:
        r"""Draw :math:`median + \sigma \tan(\pi (u - 1/2))`: PyTorch's ``cauchy_``.

        One float64 uniform (two words) a value, for either dtype.

        Raises
        ------
        RuntimeError
            `sigma` is not positive, or `dtype` is not a float.
        """
        dtype = np.dtype(dtype)
        if dtype.kind != "f":
            raise RuntimeError(
                "Cauchy distribution is a continuous probability distribution. "
                f"dtype must be a floating point but you specified {kernel_name(dtype)}"
            )
        dtype = require_float(dtype, "cauchy_cpu")
        if not sigma > 0:
            raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma:g}")
        values = np.tan(math.pi * (self.uniform(shape, dtype=np.float64) - 0.5))
        return (values * sigma + median).astype(dtype, copy=False)

    def geometric(self, shape: Shape, p: float, dtype: DTypeLike = np.float32) -> NDArray[Any]:
        r"""Draw the number of trials up to the first success: PyTorch's ``geometric_``.

        .. math:: k = \lceil \log u / \log(1 - p) \rceil

        One float64 uniform (two words) a value, for every dtype.

        Raises
        ------
        RuntimeError
            `p` is not between 0 and 1.
        """
        if not 0 < p < 1:
            raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p:g}")
        dtype = np.dtype(dtype)
        with np.errstate(divide="ignore"):  # log(0) = -inf is a very long wait, not an error
            trials = np.log(self.uniform(shape, dtype=np.float64)) / math.log1p(-p)
        values: NDArray[Any] = np.ceil(trials)
        if dtype.kind != "f":  # by way of int64, so that what is too large wraps around everywhere
            values = values.astype(np.int64)
        return values.astype(dtype, copy=False)

    def log_normal(
        self, shape: Shape, mean: float = 1.0, std: float = 2.0, dtype: DTypeLike = np.float32
    ) -> NDArray[Any]:
        r"""Draw :math:`\exp(z \cdot std + mean)`, z normal: PyTorch's ``log_normal_``.

        z is drawn in pairs whatever the size (see `normal`), four words a pair.

        Raises
        ------
        RuntimeError
            `std` is not positive.
        NotImplementedError
            `dtype` is neither float32 nor float64.
        """
        if not std > 0:
            raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std:g}")
        dtype = require_float(dtype, "log_normal_cpu")
        values: NDArray[Any] = np.exp(self.normal(shape, mean, std, np.float64, blocks=False))
        return values.astype(dtype, copy=False)

    # ------------------------------------------------------------------ multinomial

    def multinomial(
        self, probs: NDArray[Any], num_samples: int, replacement: bool = False
    ) -> NDArray[np.int64]:
        r"""Draw categories with probabilities in proportion to `probs`.

        *Without replacement, and for a single sample*: every category waits an exponential time q
        (two words each), and those with the largest :math:`p / q` are drawn, largest first. That
        the winner is category i with probability p_i is the race of exponential clocks.

        *With replacement*: per sample one float64 uniform (two words) is looked up in the
        cumulative sums of the row.

        Parameters
        ----------
        probs : ndarray of float32 or float64, shape (C,) or (N, C)
            Non-negative weights; a row need not sum to one, but not to zero.
        num_samples : int
            Samples of each row, S.
        replacement : bool, default False

        Returns
        -------
        ndarray of int64, shape (S,) or (N, S)
            When fewer than S categories of a row have a positive weight and nothing is put back,
            the rest of the row is filled with categories of weight zero (in index order;
            PyTorch's order among equals is not defined).

        Raises
        ------
        RuntimeError
            A weight is negative, infinite or nan; a row sums to zero; ``num_samples <= 0``; more
            samples than categories without replacement; wrong number of axes or dtype.

        Examples
        --------
        >>> Generator().manual_seed(0).multinomial(np.array([0.0, 10.0, 3.0, 0.0]), 2).tolist()
        [1, 2]
        """
        if probs.dtype.kind != "f":
            raise RuntimeError(
                "multinomial only supports floating-point dtypes for input, "
                f"got: {kernel_name(probs.dtype)}"
            )
        if probs.ndim not in (1, 2):
            raise RuntimeError(f"prob_dist must be 1 or 2 dim, but has shape {probs.shape}")
        categories = probs.shape[-1]
        if num_samples <= 0:
            raise RuntimeError(f"cannot sample n_sample <= 0 samples, got {num_samples}")
        if not replacement and num_samples > categories:
            raise RuntimeError(
                "cannot sample n_sample > prob_dist.size(-1) samples without replacement: "
                f"{num_samples} samples of {categories} categories"
            )
        if categories > MAX_CATEGORIES:
            raise RuntimeError(f"number of categories cannot exceed 2^24, got {categories}")
        rows = np.ascontiguousarray(probs).reshape(-1, categories)  # (N, C)
        samples = self._multinomial_in_kernel(probs, rows, num_samples, replacement)
        if samples is None and replacement and num_samples > 1:
            samples = self._multinomial_lookup(rows, num_samples)
        elif samples is None:
            # the times are drawn in the order in which the weights lie in memory
            by_columns = probs.ndim == 2 and 0 < probs.strides[0] < probs.strides[1]
            samples = self._multinomial_race(rows, num_samples, by_columns)
        return samples.reshape(*probs.shape[:-1], num_samples)

    def _multinomial_in_kernel(
        self, probs: NDArray[Any], rows: NDArray[Any], num_samples: int, replacement: bool
    ) -> NDArray[np.int64] | None:
        """What the two below return; None if no kernel does it, or the weights are wrong."""
        kernels = _kernels.kernels_for(probs.dtype)
        samples: NDArray[np.int64] | None = None
        if kernels is not None and probs.flags.carray:
            if num_samples == 1:
                samples = kernels.random.race(self._state, rows)
            elif replacement:
                samples = kernels.random.lookup(self._state, rows, num_samples)
        return samples

    def _multinomial_race(
        self, rows: NDArray[Any], num_samples: int, by_columns: bool
    ) -> NDArray[np.int64]:
        if not _are_weights(rows):
            raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
        _check_sums(rows.sum(axis=1))
        shape = rows.shape[::-1] if by_columns else rows.shape
        waits = self.exponential(shape, dtype=rows.dtype)
        waits = waits.T if by_columns else waits
        with np.errstate(divide="ignore", invalid="ignore"):
            scores: NDArray[Any] = rows / waits
        if num_samples == 1:
            winners: NDArray[np.int64] = scores.argmax(axis=1)
            return winners
        if num_samples * FEW_OF > rows.shape[1]:
            order: NDArray[np.int64] = np.argsort(-scores, axis=1, kind="stable")
            return order[:, :num_samples]
        # The largest again and again, the first of equal ones: a third of the time of sorting all.
        scores[np.isnan(scores)] = -1.0  # 0 / 0 comes last
        samples = np.empty((len(rows), num_samples), np.int64)
        for k in range(num_samples):
            samples[:, k] = scores.argmax(axis=1)
            scores[np.arange(len(rows)), samples[:, k]] = -np.inf
        return samples

    def _multinomial_lookup(self, rows: NDArray[Any], num_samples: int) -> NDArray[np.int64]:
        prefix = "invalid multinomial distribution (encountering probability entry"
        if not _are_weights(rows):
            what = "= infinity or NaN)" if np.all((rows >= 0) | np.isnan(rows)) else "< 0)"
            raise RuntimeError(f"{prefix} {what}")
        cumulative = np.cumsum(rows, axis=1)
        _check_sums(cumulative[:, -1])
        cumulative /= cumulative[:, -1:].copy()
        cumulative[:, -1] = 1
        unit = self.uniform((len(rows), num_samples), dtype=np.float64)
        samples = [np.searchsorted(row, u) for row, u in zip(cumulative, unit, strict=True)]
        return np.array(samples, dtype=np.int64).reshape(len(rows), num_samples)


def _box_muller(values: NDArray[Any]) -> None:
    """Turn uniform values into normal ones in place; the size is a multiple of 16."""
    # The angle must be rounded to the dtype of the values before its cosine is taken: near a
    # right angle a more exact product gives another result than PyTorch's.
    blocks = values.reshape(-1, 2, BLOCK // 2)
    radius = np.sqrt(-2.0 * np.log(1.0 - blocks[:, 0]))
    angle = (2.0 * math.pi) * blocks[:, 1]
    np.multiply(radius, np.cos(angle), out=blocks[:, 0])
    np.multiply(radius, np.sin(angle), out=blocks[:, 1])


def _are_weights(rows: NDArray[Any]) -> bool:
    return bool(((rows >= 0) & (rows < np.inf)).all())


def _check_sums(sums: NDArray[Any]) -> None:
    if not (sums > 0).all():
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
