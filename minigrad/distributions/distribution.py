"""`Distribution`: what all distributions have in common.

A distribution class says what its parameters are (`arg_constraints`) and where its samples lie
(`support`), and computes from its parameters, which are tensors: nothing else is kept, so gradients
flow to them by themselves. Shapes have three parts, ``sample_shape + batch_shape + event_shape``:
how many samples were asked for, how many distributions there are side by side, and how large one
sample is.
"""

from __future__ import annotations

import warnings
from typing import Any

from ..arrays.size import Size
from ..autograd.grad_mode import no_grad
from ..tensor import Tensor
from . import constraints
from .utils import lazy_property

__all__ = ["Distribution"]


class Distribution:
    r"""The base of all distributions.

    Parameters
    ----------
    batch_shape : Size, default ()
        The shape of the parameters: so many distributions, side by side.
    event_shape : Size, default ()
        The shape of one sample.
    validate_args : bool, optional
        Whether parameters and values are checked. Default: yes, unless Python runs with ``-O`` or
        `set_default_validate_args` was called.

    Attributes
    ----------
    arg_constraints : dict
        By the names of the parameters, the constraint of each.
    support : Constraint
        The possible samples.
    has_rsample : bool
        Whether `rsample` gives samples with gradients.
    has_enumerate_support : bool
        Whether `enumerate_support` can list all samples.

    Raises
    ------
    ValueError
        A parameter is outside its constraint.

    Notes
    -----
    Source: https://docs.pytorch.org/docs/stable/distributions.html. The same seed gives the same
    samples as there.

    Examples
    --------
    A subclass has parameters, and whatever of the methods it can do:

    >>> import minigrad as mg
    >>> from minigrad.distributions import Distribution, constraints
    >>> class Triangle(Distribution):
    ...     arg_constraints = {"width": constraints.positive}
    ...     support = constraints.real
    ...     def __init__(self, width):
    ...         self.width = width
    ...         super().__init__(width.shape)
    ...     def log_prob(self, value):
    ...         self._validate_sample(value)
    ...         return ((1 - value.abs() / self.width).clamp(min=0) / self.width).log()
    >>> Triangle(mg.tensor([1.0, 2.0])).log_prob(mg.tensor(0.5))
    tensor([-0.6931, -0.9808])
    """

    has_rsample: Any = False
    has_enumerate_support: Any = False
    _validate_args: bool = __debug__

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Let new distributions check what they are given, or not.

        Raises
        ------
        ValueError
            `value` is not a bool.
        """
        if value not in (True, False):
            raise ValueError(f"set_default_validate_args: value must be a bool, but is {value!r}")
        Distribution._validate_args = value

    def __init__(
        self, batch_shape: Any = (), event_shape: Any = (), validate_args: bool | None = None
    ) -> None:
        self._batch_shape, self._event_shape = Size(batch_shape), Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._check_parameters()

    def _check_parameters(self) -> None:
        try:
            arg_constraints = self.arg_constraints
        except NotImplementedError:
            warnings.warn(
                f"{type(self)} does not define `arg_constraints`. Please set `arg_constraints = "
                "{}` or initialize the distribution with `validate_args=False` to turn off "
                "validation.",
                stacklevel=4,
            )
            return
        for name, constraint in arg_constraints.items():
            if constraints.is_dependent(constraint) or self._is_derived(name):
                continue
            value = getattr(self, name)
            if not constraint.check(value).all():
                raise ValueError(
                    f"Expected parameter {name} ({type(value).__name__} of shape "
                    f"{tuple(value.shape)}) of distribution {self!r} to satisfy the constraint "
                    f"{constraint!r}, but found invalid values:\n{value}"
                )

    def _is_derived(self, name: str) -> bool:
        """Whether a parameter was not given, but is computed when it is asked for."""
        is_lazy = isinstance(getattr(type(self), name, None), lazy_property)
        return name not in self.__dict__ and is_lazy

    # --------------------------------------------------------------------------------------------
    # What it is
    # --------------------------------------------------------------------------------------------

    @property
    def batch_shape(self) -> Size:
        """The shape of the parameters."""
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        """The shape of one sample."""
        return self._event_shape

    @property
    def arg_constraints(self) -> Any:
        """By the names of the parameters, the constraint of each."""
        raise NotImplementedError(f"{type(self)} does not define arg_constraints")

    @property
    def support(self) -> Any:
        """The constraint that all samples satisfy."""
        raise NotImplementedError(f"{type(self)} does not define support")

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """The same distribution with its parameters expanded to `batch_shape`, as views.

        Raises
        ------
        NotImplementedError
            The class has an ``__init__`` of its own, but no ``expand``.
        """
        batch_shape = Size(batch_shape)
        new = self._get_checked_instance(self._home(), _instance)
        for name, value in self.__dict__.items():
            if name in new.__dict__:
                continue
            if name in self.arg_constraints:
                rank = self.arg_constraints[name].event_dim
                value = value.expand(batch_shape + value.shape[value.dim() - rank :])
            elif isinstance(value, Distribution):
                value = value.expand(batch_shape)
            new.__dict__[name] = value
        new._batch_shape = batch_shape
        return new

    def _home(self) -> type:
        """The class that `expand` knows: the first one of minigrad's among the bases."""
        room = __name__.rpartition(".")[0]
        return next(cls for cls in type(self).__mro__ if cls.__module__.startswith(room))

    def _get_checked_instance(self, cls: type, _instance: Any = None) -> Any:
        """An empty object for `expand` to fill; `_instance`, if a subclass has begun with it."""
        if _instance is not None:
            return _instance
        if type(self).__init__ is not cls.__init__:  # type: ignore[misc]
            raise NotImplementedError(
                f"Subclass {type(self).__name__} of {cls.__name__} that defines a custom __init__ "
                "method must also define a custom .expand() method."
            )
        return self.__new__(type(self))

    def __repr__(self) -> str:
        given = {n: self.__dict__[n] for n in self.arg_constraints if n in self.__dict__}
        text = ", ".join(f"{n}: {v if v.numel() == 1 else v.size()}" for n, v in given.items())
        return f"{type(self).__name__}({text})"

    # --------------------------------------------------------------------------------------------
    # Moments
    # --------------------------------------------------------------------------------------------

    @property
    def mean(self) -> Tensor:
        """The mean."""
        raise NotImplementedError(f"{type(self)} does not implement mean")

    @property
    def mode(self) -> Tensor:
        """The most probable value."""
        raise NotImplementedError(f"{type(self)} does not implement mode")

    @property
    def variance(self) -> Tensor:
        """The variance."""
        raise NotImplementedError(f"{type(self)} does not implement variance")

    @property
    def stddev(self) -> Tensor:
        """The standard deviation, the root of the variance."""
        return self.variance.sqrt()

    # --------------------------------------------------------------------------------------------
    # Samples
    # --------------------------------------------------------------------------------------------

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Samples of shape ``sample_shape + batch_shape + event_shape``, without a gradient."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Samples that are a function of the parameters and of noise, with gradients to the first.

        Raises
        ------
        NotImplementedError
            Where `has_rsample` is false.
        """
        raise NotImplementedError(
            f"{type(self)} does not implement rsample: its samples have no gradient"
        )

    def sample_n(self, n: int) -> Tensor:
        """``sample((n,))``, as it was once called."""
        warnings.warn(
            "`sample_n(n)` will be deprecated. Use `sample((n,))` instead.",
            FutureWarning,
            stacklevel=2,
        )
        return self.sample((n,))

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All possible samples, along a new first axis; with `expand`, for each of the batch."""
        raise NotImplementedError(f"{type(self)} does not implement enumerate_support")

    def _enumerated(self, values: Tensor, expand: bool) -> Tensor:
        """A row of possible samples, with an axis for each of the batch."""
        values = values.reshape(-1, *[1] * len(self.batch_shape))
        return values.expand(-1, *self.batch_shape) if expand else values

    # --------------------------------------------------------------------------------------------
    # Probabilities
    # --------------------------------------------------------------------------------------------

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density, or of the probability, of each `value`.

        Raises
        ------
        ValueError
            `value` is not from the support, or its shape does not fit.
        """
        raise NotImplementedError(f"{type(self)} does not implement log_prob")

    def cdf(self, value: Tensor) -> Tensor:
        """The probability of a sample up to `value`."""
        raise NotImplementedError(f"{type(self)} does not implement cdf")

    def icdf(self, value: Tensor) -> Tensor:
        """The inverse of `cdf`: the sample below which lies the probability `value`."""
        raise NotImplementedError(f"{type(self)} does not implement icdf")

    def entropy(self) -> Tensor:
        """The mean of ``-log_prob``, for each distribution of the batch."""
        raise NotImplementedError(f"{type(self)} does not implement entropy")

    def perplexity(self) -> Tensor:
        """``exp(entropy())``."""
        return self.entropy().exp()

    # --------------------------------------------------------------------------------------------
    # Shapes
    # --------------------------------------------------------------------------------------------

    def _extended_shape(self, sample_shape: Any = ()) -> Size:
        """The shape of samples."""
        return Size(sample_shape) + self._batch_shape + self._event_shape

    def _validate_sample(self, value: Any) -> None:
        """Raise where `value` cannot be a sample, if arguments are checked."""
        if not self._validate_args:
            return
        if not isinstance(value, Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        rank, shape = len(self._event_shape), value.size()
        if shape[len(shape) - rank :] != self._event_shape:
            raise ValueError(
                "The right-most size of value must match event_shape: "
                f"{shape} vs {self._event_shape}."
            )
        expected = self._batch_shape + self._event_shape
        for a, b in zip(shape[::-1], expected[::-1]):
            if a != b and 1 not in (a, b):
                raise ValueError(
                    "Value is not broadcastable with batch_shape+event_shape: "
                    f"{shape} vs {expected}."
                )
        try:
            support = self.support
        except NotImplementedError:
            warnings.warn(
                f"{type(self)} does not define `support` to enable sample validation. Please "
                "initialize the distribution with `validate_args=False` to turn off validation.",
                stacklevel=3,
            )
            return
        if not support.check(value).all():
            raise ValueError(
                f"Expected value argument ({type(value).__name__} of shape {tuple(shape)}) to be "
                f"within the support ({support!r}) of the distribution {self!r}, but found "
                f"invalid values:\n{value}"
            )
