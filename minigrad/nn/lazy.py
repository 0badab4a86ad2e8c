"""A Linear layer that learns the size of its input from its first input: `LazyLinear`.

Until then its parameters are `UninitializedParameter`: they have a dtype and a place in the module,
but no shape and no values. The first call gives them both, and turns the layer into a plain
`Linear`. Layer and parameters stay the same objects, so an optimizer that was made before knows
them still.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import dtypes
from ..tensor import Tensor, from_array
from ..tensor.creation import empty
from .linear import Linear
from .module import Module
from .parameter import Parameter

if TYPE_CHECKING:
    from typing_extensions import Self

ndarray = np.ndarray


def is_lazy(param: Any) -> bool:
    """Whether `param` is a parameter that has no values yet."""
    return isinstance(param, UninitializedParameter)


class UninitializedParameter(Parameter):
    """A parameter whose shape is not known yet. Whatever needs its values raises ValueError.

    Parameters
    ----------
    requires_grad : bool
        What it will be once there are values. Default: True.
    device, dtype : optional
        Only the CPU; the type the values will have (default: the default dtype).

    Raises
    ------
    RuntimeError
        `requires_grad` with a dtype that is not floating point.

    Examples
    --------
    >>> from minigrad.nn.lazy import UninitializedParameter
    >>> parameter = UninitializedParameter()
    >>> parameter
    <UninitializedParameter>
    >>> parameter.materialize((2, 3))
    >>> type(parameter).__name__, parameter.shape
    ('Parameter', torch.Size([2, 3]))
    """

    def __new__(cls, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> Self:
        """See the class."""
        nothing = empty(0, device=device, dtype=dtype)
        if requires_grad:
            nothing.requires_grad_()  # complains if the dtype cannot
        parameter = from_array(nothing.array, cls=cls)
        parameter._requires_grad = requires_grad
        return parameter

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> None:
        pass  # `__new__` has done it all

    # An empty array holds the dtype. It is kept aside: this property stands before the tensor's own
    # array, and goes away together with the class.
    @property
    def array(self) -> ndarray:
        """Raises ValueError: there is no array yet."""
        raise ValueError(
            "Attempted to use an uninitialized parameter: a lazy layer, such as LazyLinear, gives "
            "its parameters shapes and values when it is called. Call the model with a dummy batch "
            "first."
        )

    @array.setter
    def array(self, value: ndarray) -> None:
        self._nothing = value

    @property
    def shape(self) -> Any:
        """Raises RuntimeError: there is no shape yet."""
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer: a lazy layer, such as "
            "LazyLinear, gives its parameters shapes when it is called. Call the model with a "
            "dummy batch before you load this parameter or ask for its shape."
        )

    @property
    def dtype(self) -> dtypes.dtype:
        """The type that the entries will have."""
        return dtypes.of_numpy(self._nothing.dtype)

    def is_floating_point(self) -> bool:
        """Whether the entries will be floating point numbers."""
        return self.dtype.is_floating_point

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Become an ordinary `Parameter` of this shape, with arbitrary values.

        Parameters
        ----------
        shape : tuple of ints
            The shape.
        device, dtype : optional
            Only the CPU; the type (default: that of this parameter).
        """
        made = empty(tuple(shape), device=device, dtype=self.dtype if dtype is None else dtype)
        nothing = self.__dict__.pop("_nothing")
        self.__class__ = Parameter  # type: ignore[assignment]
        self.array = nothing
        self.data = made

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def _repr_html_(self) -> None:
        """Nothing: notebooks show the text."""
        return None

    def __deepcopy__(self, memo: dict[int, Any]) -> UninitializedParameter:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.requires_grad, dtype=self.dtype)
        copied: UninitializedParameter = memo[id(self)]
        return copied

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), (self.requires_grad, None, self.dtype)


class LazyLinear(Linear):
    r""":math:`y = x W^T + b`, with `in_features` taken from the last axis of the first x.

    The first call makes it a `Linear`: same object, same parameters, another class. They are drawn
    then, so the order of first calls is the order in which random numbers are used.

    Parameters
    ----------
    out_features : int
        The size of the last axis of y.
    bias : bool
        False leaves b out.
    device, dtype : optional
        Only the CPU; the type of the parameters (default: the default dtype).

    Attributes
    ----------
    weight : UninitializedParameter, then Parameter of shape (out_features, in_features)
        Drawn from U(-k, k), k = 1 / sqrt(in_features).
    bias : UninitializedParameter, then Parameter of shape (out_features,); or None
        Drawn from the same distribution.

    Raises
    ------
    AssertionError
        A weight that was loaded before the first call does not fit the input.
    RuntimeError
        Only one of weight and bias was loaded before the first call.

    Examples
    --------
    >>> import minigrad as mg
    >>> layer = mg.nn.LazyLinear(2)
    >>> layer
    LazyLinear(in_features=0, out_features=2, bias=True)
    >>> layer(mg.zeros(5, 3)).shape
    torch.Size([5, 2])
    >>> layer
    Linear(in_features=3, out_features=2, bias=True)
    """

    cls_to_become = Linear

    def __init__(
        self, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        Module.__init__(self)  # that of Linear would make parameters
        self.in_features = 0
        self.out_features = out_features
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)
        else:
            self.register_parameter("bias", None)

    def _lazy_params(self) -> list[Any]:
        return [parameter for parameter in self._parameters.values() if is_lazy(parameter)]

    def has_uninitialized_params(self) -> bool:
        """Whether a parameter has no values yet."""
        return bool(self._lazy_params())

    def reset_parameters(self) -> None:
        """Draw new initial values, if there are parameters to hold them."""
        if self.in_features and not self.has_uninitialized_params():
            super().reset_parameters()

    def initialize_parameters(self, input: Any) -> None:
        """Make parameters that fit `input`; those that were loaded are left as they are."""
        features = input.shape[-1]
        lazy = self._lazy_params()
        if not lazy:
            if features != self.weight.shape[-1]:
                raise AssertionError(
                    f"LazyLinear: in_features inferred from input: {features} is not equal to "
                    f"in_features from self.weight: {self.weight.shape[-1]}"
                )
            self.in_features = features
            return
        if len(lazy) < sum(parameter is not None for parameter in self._parameters.values()):
            raise RuntimeError(
                "LazyLinear: only one of weight and bias was loaded before the first call; load "
                "both, or call the layer before loading"
            )
        self.in_features = features
        shapes = [(self.out_features, features), (self.out_features,)]  # of weight and bias
        for parameter, shape in zip(lazy, shapes):
            parameter.materialize(shape)
        self.reset_parameters()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Make the parameters, become a Linear, and run that."""
        self.initialize_parameters(*args, **kwargs)
        self.__class__ = self.cls_to_become  # type: ignore[assignment]
        return self(*args, **kwargs)

    # -- what `Module` does with values, where there are none -------------------------------------

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> LazyLinear:
        lazy = self._lazy_params()
        if not lazy:
            return super()._apply(fn, recurse)
        for parameter in lazy:
            parameter.array = fn(empty(0, dtype=parameter.dtype)).array  # only its dtype matters
        return self

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        # What is not there cannot be detached; the state dict says so by holding it as it is.
        keep_vars = keep_vars or self.has_uninitialized_params()
        super()._save_to_state_dict(destination, prefix, keep_vars)

    def _load_tensor(
        self, name: str, target: Tensor, key: str, value: Any, assign: bool
    ) -> str | None:
        if is_lazy(target) and isinstance(value, Tensor):
            if is_lazy(value):
                return None
            target.materialize(value.shape)  # type: ignore[attr-defined]
        return super()._load_tensor(name, target, key, value, assign)
