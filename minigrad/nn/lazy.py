"""Layers that learn the size of their input from their first input: `LazyLinear`, `LazyConv1d`, ...

Until then its parameters are `UninitializedParameter`: they have a dtype and a place in the module,
but no shape and no values. The first call gives them both, and turns the layer into a plain
`Linear`, `Conv1d` or `ConvTranspose1d`. Layer and parameters stay the same objects, so an optimizer
that was made before knows them still.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import dtypes
from ..tensor import Tensor, from_array
from ..tensor.creation import empty
from .conv import Conv1d, ConvTranspose1d
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


class _Lazy(Module):
    """What lazy layers share. Beside it stands the class to become, whose parameters they lack."""

    cls_to_become: type[Module]
    weight: Any
    bias: Any
    size_name = "in_features"  # the attribute that the input tells; 0 until then

    def _make_lazy(self, bias: bool, device: Any, dtype: Any) -> None:
        """Put parameters without values in the places of weight and bias."""
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)
        else:
            self.register_parameter("bias", None)

    def _size_in(self, input: Any) -> int:
        """What `input` tells."""
        return int(input.shape[-1])

    def _size_of_weight(self) -> int:
        """The same of a weight that was loaded."""
        return int(self.weight.shape[-1])

    def _shapes(self, size: int) -> list[Any]:
        """The shapes of weight and bias."""
        raise NotImplementedError

    def _lazy_params(self) -> list[Any]:
        return [parameter for parameter in self._parameters.values() if is_lazy(parameter)]

    def has_uninitialized_params(self) -> bool:
        """Whether a parameter has no values yet."""
        return bool(self._lazy_params())

    def reset_parameters(self) -> None:
        """Draw new initial values, if there are parameters to hold them."""
        if getattr(self, self.size_name) and not self.has_uninitialized_params():
            super().reset_parameters()  # type: ignore[misc]

    def initialize_parameters(self, input: Any, *others: Any, **options: Any) -> None:
        """Make parameters that fit `input`; those that were loaded are left as they are."""
        size, lazy, name = self._size_in(input), self._lazy_params(), type(self).__name__
        if not lazy:
            if size != self._size_of_weight():
                raise AssertionError(
                    f"{name}: {self.size_name} inferred from input: {size} is not equal to "
                    f"{self.size_name} from self.weight: {self._size_of_weight()}"
                )
            setattr(self, self.size_name, size)
            return
        if len(lazy) < sum(parameter is not None for parameter in self._parameters.values()):
            raise RuntimeError(
                f"{name}: only one of weight and bias was loaded before the first call; load "
                "both, or call the layer before loading"
            )
        shapes = self._shapes(size)
        setattr(self, self.size_name, size)
        for parameter, shape in zip(lazy, shapes):
            parameter.materialize(shape)
        self.reset_parameters()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Make the parameters, become the other class, and run that."""
        self.initialize_parameters(*args, **kwargs)
        self.__class__ = self.cls_to_become  # type: ignore[assignment]
        return self(*args, **kwargs)

    # -- what `Module` does with values, where there are none -------------------------------------

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> _Lazy:
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


class LazyLinear(_Lazy, Linear):
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
        self._make_lazy(bias, device, dtype)

    def _shapes(self, size: int) -> list[Any]:
        return [(self.out_features, size), (self.out_features,)]


class _LazyConv(_Lazy):
    """A lazy convolution: the input tells how many channels there are."""

    size_name = "in_channels"

    def _size_in(self, input: Any) -> int:
        if len(input.shape) not in (2, 3):
            raise RuntimeError(
                f"Expected 2D (unbatched) or 3D (batched) input to {type(self).__name__}, but got "
                f"input of size: {list(input.shape)}"
            )
        return int(input.shape[-2])

    def _size_of_weight(self) -> int:
        rows, columns = self.weight.shape[:2]
        return int(rows) if self.transposed else int(columns) * self.groups

    def _shapes(self, size: int) -> list[Any]:
        if size % self.groups:
            raise ValueError(
                f"in_channels must be divisible by groups: {size} by {self.groups}, and the input "
                f"has {size} channels"
            )
        rows, columns = (size, self.out_channels) if self.transposed else (self.out_channels, size)
        return [(rows, columns // self.groups, *self.kernel_size), (self.out_channels,)]


class LazyConv1d(_LazyConv, Conv1d):
    r"""`Conv1d` with `in_channels` taken from the first input, of shape (N, C_in, L) or (C_in, L).

    The first call makes it a `Conv1d`: same object, same parameters, another class. They are drawn
    then, so the order of first calls is the order in which random numbers are used.

    Parameters
    ----------
    out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device, dtype
        As for `Conv1d`.

    Attributes
    ----------
    weight, bias : UninitializedParameter, then Parameter
        As for `Conv1d`.

    Raises
    ------
    AssertionError
        A weight that was loaded before the first call does not fit the input.
    RuntimeError
        The first input has another number of axes; only one of weight and bias was loaded.
    ValueError
        As `Conv1d`; `groups` does not divide the channels of the first input.

    Examples
    --------
    >>> import minigrad as mg
    >>> layer = mg.nn.LazyConv1d(8, kernel_size=5)
    >>> layer
    LazyConv1d(0, 8, kernel_size=(5,), stride=(1,))
    >>> layer(mg.zeros(2, 3, 20)).shape
    torch.Size([2, 8, 16])
    >>> layer
    Conv1d(3, 8, kernel_size=(5,), stride=(1,))
    """

    cls_to_become = Conv1d

    def __init__(
        self, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
        dilation: Any = 1, groups: int = 1, bias: bool = True, padding_mode: str = "zeros",
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        Conv1d.__init__(
            self, 0, 0, kernel_size, stride, padding, dilation, groups, False, padding_mode
        )
        self.out_channels = out_channels
        self._make_lazy(bias, device, dtype)


class LazyConvTranspose1d(_LazyConv, ConvTranspose1d):
    r"""`ConvTranspose1d` with `in_channels` taken from the first input: see `LazyConv1d`.

    Parameters
    ----------
    out_channels, kernel_size, stride, padding, output_padding, groups, bias, dilation, padding_mode
        As for `ConvTranspose1d`.
    device, dtype : optional
        Only the CPU; the type of the parameters (default: the default dtype).

    Raises
    ------
    AssertionError, RuntimeError, ValueError
        As `LazyConv1d`.

    Examples
    --------
    >>> import minigrad as mg
    >>> layer = mg.nn.LazyConvTranspose1d(3, kernel_size=4, stride=2)
    >>> layer(mg.zeros(2, 8, 9)).shape
    torch.Size([2, 3, 20])
    >>> layer
    ConvTranspose1d(8, 3, kernel_size=(4,), stride=(2,))
    """

    cls_to_become = ConvTranspose1d

    def __init__(
        self, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
        output_padding: Any = 0, groups: int = 1, bias: bool = True, dilation: Any = 1,
        padding_mode: str = "zeros", device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        ConvTranspose1d.__init__(
            self, 0, 0, kernel_size, stride, padding, output_padding, groups, False, dilation,
            padding_mode,
        )  # fmt: skip
        self.out_channels = out_channels
        self._make_lazy(bias, device, dtype)
