"""`Tensor`: what people hold in their hands. Every operator and nearly every method is a name here.

The class has six parts: attributes, the graph, operators, operations, memory, conversions. It is a
table: the operations live in `minigrad.ops`, the rest in the files beside this one, and who looks
for ``x.softmax`` finds here where it is. Pages of operations that are met less often end with a
table of their own, `Methods`: `seldom` gathers them. A method and the function of the same name are
one operation: ``x.sum(1)`` is ``mg.sum(x, 1)``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from ..arrays import dtypes
from ..arrays.absent import NAMES, Missing
from ..arrays.size import CPU, Size, device, strided
from ..autograd import errors
from ..autograd.graph import grad_fn_at
from ..autograd.listening import heard, is_listening
from ..autograd.loans import before_write
from ..autograd.tensor_base import TensorBase, bump_version, set_tensor_class, wrap
from ..autograd.views import refresh_view
from ..ops import draws, order
from ..ops import elementwise as ew
from ..ops import index as indexing  # plural names: the class has methods with the singular ones
from ..ops import inplace as writes
from ..ops import join as joins
from ..ops import matmul as products
from ..ops import reduce as reductions
from ..ops import scan as scans
from ..ops import shape as views
from ..ops.arguments import checked_axis
from ..ops.checked import checked_methods
from ..ops.inplace import inplace as in_place
from ..ops.inplace import reshaping
from . import alike, conversion, copying, gradient, memory, seldom, text
from .data import of_old_arguments
from .leaf import from_array

if TYPE_CHECKING:
    from typing_extensions import Self

    from ..autograd.typing import Operation

ndarray = np.ndarray
_NUMBERS = (TensorBase, int, float, np.generic, ndarray)
_ARRAYS = (TensorBase, ndarray)


def _reflected(op: Callable[..., Any]) -> Any:
    return lambda self, other: op(other, self) if isinstance(other, _NUMBERS) else NotImplemented


def _guarded(op: Callable[..., Any], kinds: tuple[type, ...] = _NUMBERS) -> Any:
    return lambda self, other: op(self, other) if isinstance(other, kinds) else NotImplemented


@checked_methods  # what they take beside their tensor is what it should be: see `ops.checked`
class Tensor(TensorBase, seldom.Methods):
    """A multi-dimensional array that remembers how it was computed.

    Make tensors with `minigrad.tensor`, `zeros`, `rand` and their like. ``Tensor([1, 2])`` and
    ``Tensor(2, 3)`` are PyTorch's old constructors: float values, and an uninitialised shape.

    Attributes
    ----------
    array : numpy.ndarray
        The data. Writing to it directly is not noticed by the graph.
    grad : Tensor or None
        Where `backward` adds the gradient, if this is a leaf that requires one.

    Examples
    --------
    >>> import minigrad as mg
    >>> x = mg.tensor([1.0, 2.0], requires_grad=True)
    >>> y = (x * x).sum()
    >>> y
    tensor(5., grad_fn=<SumBackward0>)
    >>> y.backward()
    >>> x.grad
    tensor([2., 4.])
    """

    __array_priority__ = 1000  # `ndarray + tensor` comes to our reflected operators

    def __new__(cls, *data: Any, device: Any = None) -> Self:
        """See the class."""
        return from_array(of_old_arguments(data), cls=cls)

    # --------------------------------------------------------------------------------------------
    # Attributes
    # --------------------------------------------------------------------------------------------

    @property
    def dtype(self) -> dtypes.dtype:
        """The type of the entries."""
        return dtypes.of_numpy(self.array.dtype)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.array.ndim

    @property
    def device(self) -> device:
        """Always the CPU."""
        return CPU

    @property
    def T(self) -> Tensor:
        """The tensor with its axes in reverse order."""
        return views.reversed_axes(self)

    itemsize = property(lambda self: self.array.itemsize, doc="Bytes per entry.")
    nbytes = property(lambda self: self.array.nbytes, doc="Bytes of all entries.")
    is_cuda = property(lambda self: False, doc="False: there is no GPU here.")
    is_sparse = property(lambda self: False, doc="False: all tensors are dense.")
    layout = property(lambda self: strided, doc="The dense layout, `minigrad.strided`.")
    _version = property(lambda self: self.version.count, doc="How often it was changed in place.")

    @overload
    def size(self, dim: None = None) -> Size: ...

    @overload
    def size(self, dim: int) -> int: ...

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of axis `dim`."""
        shape = self.array.shape
        return Size(shape) if dim is None else shape[checked_axis(dim, len(shape))]

    def dim(self) -> int:
        """The number of axes."""
        return self.array.ndim

    ndimension = dim

    def numel(self) -> int:
        """The number of entries."""
        return self.array.size

    nelement = numel

    def element_size(self) -> int:
        """Bytes per entry."""
        return self.array.itemsize

    def is_floating_point(self) -> bool:
        """Whether the entries are floating point numbers."""
        return self.array.dtype.kind == "f"

    def is_complex(self) -> bool:
        """False: there are no complex tensors here."""
        return False

    def is_signed(self) -> bool:
        """Whether the type of the entries has negative numbers."""
        return self.array.dtype.kind in "if"

    # --------------------------------------------------------------------------------------------
    # The graph
    # --------------------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow to this tensor. Settable on leaves of floating point type."""
        if self.view_of is not None:
            refresh_view(self)
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if not self.is_leaf and not value:
            raise RuntimeError(
                "you can only change requires_grad flags of leaf variables. If you want to use a "
                "computed variable in a subgraph that doesn't require differentiation use "
                "var_no_grad = var.detach()."
            )
        if value and self.array.dtype.kind != "f":
            raise RuntimeError(f"{errors.ONLY_FLOATS}: this tensor has dtype {self.dtype}")
        self._requires_grad = bool(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set `requires_grad`, and return the tensor."""
        self.requires_grad = requires_grad
        return self

    @property
    def node(self) -> Any:
        """The node of the operation that made this tensor; None for a leaf."""
        if self.view_of is not None:
            refresh_view(self)
        if self.edge is None or isinstance(self.edge[0], TensorBase):  # (what stands for a leaf)
            return None
        return self.edge[0]

    @property
    def grad_fn(self) -> Any:
        """That operation as graph walkers see it: see `minigrad.autograd.graph.GradFn`."""
        return None if self.node is None else grad_fn_at(self.edge)  # type: ignore[arg-type]

    @property
    def output_nr(self) -> int:
        """Which output of its node this tensor is."""
        return 0 if self.edge is None else self.edge[1]

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made this tensor."""
        return self.node is None

    @property
    def grad(self) -> Tensor | None:
        """The gradient collected by `backward` so far."""
        if is_listening():
            return heard(Tensor.grad.fget, (self,), {})  # type: ignore[attr-defined]
        if self._grad is None and self.edge is not None and not self.retains_grad:
            warnings.warn(
                "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its "
                ".grad attribute won't be populated during autograd.backward(). If you indeed want "
                "the .grad field to be populated for a non-leaf Tensor, use .retain_grad() on the "
                "non-leaf Tensor.",
                stacklevel=2,
            )
        return self._grad  # type: ignore[return-value]

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if is_listening():
            heard(Tensor.grad.fset, (self, value), {})  # type: ignore[attr-defined]
            return
        if value is not None:
            gradient.check_gradient(self, value)
        self._grad = value

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    backward, retain_grad, register_hook = (
        gradient.backward, gradient.retain_grad, gradient.register_hook)  # fmt: skip
    register_post_accumulate_grad_hook = gradient.register_post_accumulate_grad_hook
    detach, detach_ = gradient.detach, gradient.detach_

    @property
    def retains_grad(self) -> bool:
        """Whether `retain_grad` was called on this tensor."""
        return self._retains_grad

    @property
    def data(self) -> Tensor:
        """The same memory outside the graph, whose changes the graph does not notice. Settable.

        A gradient that needs the old values comes out wrong without a word: to change a parameter,
        write to the tensor itself, within ``with no_grad():``.
        """
        if is_listening():
            return heard(Tensor.data.fget, (self,), {})  # type: ignore[attr-defined]
        before_write(self)
        return wrap(self.array)

    @data.setter
    def data(self, value: Any) -> None:
        if is_listening():
            heard(Tensor.data.fset, (self, value), {})  # type: ignore[attr-defined]
            return
        if not isinstance(value, TensorBase):
            raise TypeError(f"Variable data has to be a tensor, but got {type(value).__name__}")
        if self._requires_grad and value.array.dtype.kind != "f":
            raise RuntimeError(
                "data set to a tensor that requires gradients must be floating point, but got "
                f"torch.{value.array.dtype}"
            )
        before_write(value)
        if self.array is not value.array:  # what shows the old memory, has its own history now
            self.array, self.version = value.array, self.version.copy()

    def _bump_version(self) -> None:
        """Note that code has written into `array` directly."""
        bump_version(self)

    # --------------------------------------------------------------------------------------------
    # Operators
    # --------------------------------------------------------------------------------------------

    # (these meet in a circle of imports, from which type checkers do not learn what they are)
    __radd__: Operation
    __rsub__: Operation
    __rmul__: Operation
    __rtruediv__: Operation
    __rfloordiv__: Operation
    __rmod__: Operation
    __rpow__: Operation
    __matmul__: Operation
    __rmatmul__: Operation

    __add__, __radd__, __iadd__ = ew.add, _reflected(ew.add), in_place(ew.add)
    __sub__, __rsub__, __isub__ = ew.sub, _reflected(ew.rsub), in_place(ew.sub)
    __mul__, __rmul__, __imul__ = ew.mul, _reflected(ew.mul), in_place(ew.mul)
    __truediv__, __rtruediv__, __itruediv__ = ew.div, _guarded(ew.div_reflected), in_place(ew.div)
    __floordiv__, __rfloordiv__ = ew.floor_divide, _reflected(ew.floor_divide)
    __mod__, __rmod__ = ew.remainder, _reflected(ew.remainder)
    __ifloordiv__, __imod__ = in_place(ew.floor_divide), in_place(ew.remainder)
    __pow__, __rpow__, __ipow__ = ew.pow, _reflected(ew.pow), in_place(ew.pow)
    __matmul__ = _guarded(products.matmul, _ARRAYS)
    __rmatmul__ = _guarded(lambda self, other: products.matmul(other, self), _ARRAYS)
    __neg__, __pos__, __abs__ = ew.neg, ew.positive, ew.abs
    __eq__: Operation  # type: ignore[assignment] # (an object's compares to a bool)
    __ne__: Operation  # type: ignore[assignment]
    __eq__, __ne__ = _guarded(ew.eq), _guarded(ew.ne)
    __lt__, __le__, __gt__, __ge__ = ew.lt, ew.le, ew.gt, ew.ge
    __and__, __or__, __xor__, __invert__ = (
        ew.bitwise_and, ew.bitwise_or, ew.bitwise_xor, ew.bitwise_not)  # fmt: skip
    __rand__, __ror__, __rxor__ = (
        _reflected(ew.bitwise_and), _reflected(ew.bitwise_or),
        _reflected(ew.bitwise_xor))  # fmt: skip
    __iand__, __ior__, __ixor__ = (
        in_place(ew.bitwise_and), in_place(ew.bitwise_or), in_place(ew.bitwise_xor))  # fmt: skip
    __getitem__, __setitem__ = indexing.getitem, writes.setitem

    __hash__ = TensorBase.__hash__  # by identity, although == compares entries

    def __len__(self) -> int:
        if not self.array.ndim:
            raise TypeError("len() of a 0-d tensor")
        return self.array.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if not self.array.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return iter(joins.unbind(self, 0))

    def __reversed__(self) -> Any:  # a tensor, which `reversed` would not make of its own accord
        return views.flip(self, 0) if self.array.ndim else self

    def __contains__(self, value: Any) -> bool:
        if not isinstance(value, _NUMBERS):
            raise RuntimeError(
                "Tensor.__contains__ only supports Tensor or scalar, but you passed in a "
                f"{type(value)}."
            )
        return bool((self.array == getattr(value, "array", value)).any())

    def __bool__(self) -> bool:
        if self.array.size != 1:
            kind = "no values" if not self.array.size else "more than one value"
            raise RuntimeError(f"Boolean value of Tensor with {kind} is ambiguous")
        return bool(self.array)

    # --------------------------------------------------------------------------------------------
    # Operations
    # --------------------------------------------------------------------------------------------

    add, sub, mul, div = ew.add_scaled, ew.sub_scaled, ew.mul, ew.div_rounded
    subtract, multiply, divide, true_divide = sub, mul, div, ew.div
    floor_divide, remainder, fmod, pow = ew.floor_divide, ew.remainder, ew.fmod, ew.pow
    maximum, minimum = ew.maximum, ew.minimum
    atan2, hypot, logaddexp = ew.atan2, ew.hypot, ew.logaddexp
    lerp, addcmul, addcdiv = ew.lerp, ew.addcmul, ew.addcdiv
    neg, abs, sign, square, negative, absolute = ew.neg, ew.abs, ew.sign, ew.square, ew.neg, ew.abs
    exp, exp2, expm1, erf = ew.exp, ew.exp2, ew.expm1, ew.erf
    erfc, erfinv, lgamma, digamma = ew.erfc, ew.erfinv, ew.lgamma, ew.digamma
    logit, xlogy = ew.logit, ew.xlogy
    log, log2, log10, log1p = ew.log, ew.log2, ew.log10, ew.log1p
    sqrt, rsqrt, reciprocal = ew.sqrt, ew.rsqrt, ew.reciprocal
    sin, cos, tan, asin, acos, atan = ew.sin, ew.cos, ew.tan, ew.asin, ew.acos, ew.atan
    sinh, cosh, tanh, sigmoid, relu = ew.sinh, ew.cosh, ew.tanh, ew.sigmoid, ew.relu
    floor, ceil, round, trunc, positive = ew.floor, ew.ceil, ew.round, ew.trunc, ew.positive
    clamp, clip, clamp_min, clamp_max = ew.clamp, ew.clamp, ew.clamp_min, ew.clamp_max
    eq, ne, lt, le, gt, ge = ew.eq, ew.ne, ew.lt, ew.le, ew.gt, ew.ge
    isnan, isinf, isfinite = ew.isnan, ew.isinf, ew.isfinite
    isclose, allclose, equal = ew.isclose, ew.allclose, ew.equal
    logical_and, logical_or, logical_xor = ew.logical_and, ew.logical_or, ew.logical_xor
    bitwise_and, bitwise_or, bitwise_xor = ew.bitwise_and, ew.bitwise_or, ew.bitwise_xor
    logical_not, bitwise_not = ew.logical_not, ew.bitwise_not

    sum, mean, prod = reductions.sum, reductions.mean, scans.prod
    var, std, norm, dist = reductions.var, reductions.std, reductions.norm, reductions.dist
    softmax, log_softmax = reductions.softmax, reductions.log_softmax
    logsumexp, cumsum, cumprod = reductions.logsumexp, scans.cumsum, scans.cumprod
    all, any, count_nonzero = reductions.all, reductions.any, reductions.count_nonzero
    unique, bincount = reductions.unique, reductions.bincount
    max, min, amax, amin = order.max, order.min, order.amax, order.amin
    argmax, argmin, median = order.argmax, order.argmin, order.median
    sort, argsort, topk = order.sort, order.argsort, order.topk

    matmul, mm, mv, bmm = products.matmul, products.mm, products.mv, products.bmm
    dot, outer, addmm, baddbmm = products.dot, products.outer, products.addmm, products.baddbmm

    view, view_as, reshape = views.view, views.view_as, views.reshape
    flatten, unflatten, ravel = views.flatten, views.unflatten, views.ravel
    squeeze, unsqueeze, repeat, tile = views.squeeze, views.unsqueeze, views.repeat, views.tile
    expand, expand_as, broadcast_to = views.expand, views.expand_as, views.expand
    transpose, swapaxes, swapdims, t = views.transpose, views.transpose, views.transpose, views.t
    permute, movedim, moveaxis = views.permute, views.movedim, views.movedim
    flip, roll, tril, triu = views.flip, views.roll, views.tril, views.triu
    clone, contiguous = views.clone, views.contiguous
    split, chunk, unbind = joins.split, joins.chunk, joins.unbind

    narrow, select, take = indexing.narrow, indexing.select, indexing.take
    diagonal, diag, nonzero = indexing.diagonal, indexing.diag, indexing.nonzero
    gather, take_along_dim = indexing.gather, indexing.take_along_dim
    index_select, masked_select = indexing.index_select, indexing.masked_select
    masked_fill, repeat_interleave = indexing.masked_fill, indexing.repeat_interleave
    scatter, scatter_add, index_add = writes.scatter, writes.scatter_add, writes.index_add
    index_copy, index_fill, index_put = writes.index_copy, writes.index_fill, writes.index_put

    def where(self, condition: Any, other: Any) -> Tensor:
        """This tensor where `condition` is true, `other` elsewhere."""
        return indexing.where(condition, self, other)

    def polygamma(self, n: Any) -> Tensor:
        """The derivative of the digamma function of order `n`."""
        return ew.polygamma(n, self)

    def reshape_as(self, other: Any) -> Tensor:
        """``self.reshape(other.size())``."""
        return views.reshape(self, other.array.shape)

    # In place: the name ends in an underscore, the tensor itself is changed and returned.

    add_, sub_ = in_place(add, plain=ew.add), in_place(sub, plain=ew.sub)
    mul_, div_ = in_place(mul, plain=ew.mul), in_place(div, plain=ew.div)
    subtract_, multiply_, divide_, pow_ = sub_, mul_, div_, in_place(pow)
    floor_divide_, remainder_, fmod_ = in_place(floor_divide), in_place(remainder), in_place(fmod)
    neg_, abs_, sign_, square_ = in_place(neg), in_place(abs), in_place(sign), in_place(square)
    negative_, absolute_, reciprocal_ = neg_, abs_, in_place(reciprocal)
    exp_, exp2_, expm1_, erf_ = in_place(exp), in_place(exp2), in_place(expm1), in_place(erf)
    erfc_, erfinv_, lgamma_ = in_place(erfc), in_place(erfinv), in_place(lgamma)
    digamma_, logit_, xlogy_ = in_place(digamma), in_place(logit), in_place(xlogy)
    log_, log2_, log10_, log1p_ = in_place(log), in_place(log2), in_place(log10), in_place(log1p)
    sqrt_, rsqrt_, sin_, cos_ = in_place(sqrt), in_place(rsqrt), in_place(sin), in_place(cos)
    tan_, asin_, acos_, atan_ = in_place(tan), in_place(asin), in_place(acos), in_place(atan)
    sinh_, cosh_, tanh_ = in_place(sinh), in_place(cosh), in_place(tanh)
    sigmoid_, relu_, round_ = in_place(sigmoid), in_place(relu), in_place(round)
    floor_, ceil_, trunc_ = in_place(floor), in_place(ceil), in_place(trunc)
    clamp_, clamp_min_, clamp_max_ = in_place(clamp), in_place(clamp_min), in_place(clamp_max)
    clip_, addcmul_, addcdiv_ = clamp_, in_place(addcmul), in_place(addcdiv)
    lerp_, cumsum_, cumprod_ = in_place(lerp), in_place(cumsum), in_place(cumprod)
    tril_, triu_ = in_place(tril), in_place(triu)
    addmm_, baddbmm_ = in_place(addmm), in_place(baddbmm)
    unsqueeze_, squeeze_ = reshaping(unsqueeze), reshaping(squeeze)
    transpose_, t_ = reshaping(transpose), reshaping(t)
    copy_, fill_, zero_ = writes.copy_, writes.fill_, writes.zero_
    fill_diagonal_, masked_fill_ = writes.fill_diagonal_, writes.masked_fill_
    scatter_, scatter_add_, index_add_ = writes.scatter_, writes.scatter_add_, writes.index_add_
    index_copy_, index_fill_, index_put_ = writes.index_copy_, writes.index_fill_, writes.index_put_

    # At random

    bernoulli, multinomial = draws.bernoulli, draws.multinomial
    uniform_, normal_, exponential_ = draws.uniform_, draws.normal_, draws.exponential_
    bernoulli_, random_ = draws.bernoulli_, draws.random_
    cauchy_, log_normal_, geometric_ = draws.cauchy_, draws.log_normal_, draws.geometric_

    # --------------------------------------------------------------------------------------------
    # Memory, copies, and new tensors
    # --------------------------------------------------------------------------------------------

    stride, is_contiguous, data_ptr = memory.stride, memory.is_contiguous, memory.data_ptr
    storage, untyped_storage = memory.storage, memory.untyped_storage
    storage_offset, resize_ = memory.storage_offset, memory.resize_
    __deepcopy__, __copy__, __reduce_ex__ = copying.deepcopied, copying.shallow, copying.reduced
    new, new_tensor, new_full = alike.new, alike.new_tensor, alike.new_full
    new_zeros, new_ones, new_empty = alike.new_zeros, alike.new_ones, alike.new_empty
    _rebase, _edge_past_hooks = writes.rebase, writes.past_hooks_of_views

    # --------------------------------------------------------------------------------------------
    # Conversions
    # --------------------------------------------------------------------------------------------

    to, type, type_as = conversion.to, conversion.type, conversion.type_as
    float, double = conversion.short_form(dtypes.float32), conversion.short_form(dtypes.float64)
    half, bool = conversion.short_form(dtypes.float16), conversion.short_form(dtypes.bool)
    long, int = conversion.short_form(dtypes.int64), conversion.short_form(dtypes.int32)
    short, char = conversion.short_form(dtypes.int16), conversion.short_form(dtypes.int8)
    byte, cpu, cuda = conversion.short_form(dtypes.uint8), conversion.cpu, conversion.cuda
    numpy, __array__ = conversion.numpy, conversion.as_array
    __array_wrap__ = conversion.of_numpy_function
    __repr__, __format__, _repr_html_ = text.text_of, text.formatted, text.html_of

    item, tolist = conversion.item, conversion.tolist
    __int__, __float__, __index__ = conversion.as_int, conversion.as_float, conversion.as_index

    def __dir__(self) -> list[str]:
        """The names of attributes, less those that only say why they are absent."""
        return [name for name in super().__dir__() if name not in _ABSENT]

    def __delitem__(self, index: Any) -> None:
        raise TypeError(
            "Tensor does not support deleting items: a tensor keeps its shape. Take what is to "
            "stay, as in x[mask]"
        )


_ABSENT = frozenset([name for names in NAMES["Tensor"].values() for name in names])
for _name in _ABSENT:
    setattr(Tensor, _name, Missing("Tensor", _name))
set_tensor_class(Tensor)
