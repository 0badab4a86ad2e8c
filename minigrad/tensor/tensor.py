"""`Tensor`: what people hold in their hands. Every operator and method is a line that names an op.

The class has four parts: attributes, operators, methods (a table of operations), and conversions.
The operations live in `minigrad.ops`, the graph in `minigrad.autograd.engine`. A method and the
function of the same name are one operation: ``x.sum(1)`` is ``mg.sum(x, 1)``. What a method takes
beside its tensor is checked at the end of this file (see `minigrad.ops.checked`).
"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import random
from ..arrays import dtypes, printing
from ..arrays.size import CPU, Size, Storage, device, strided
from ..autograd import backward as _backward
from ..autograd import errors
from ..autograd.grad_mode import is_grad_enabled
from ..autograd.graph import grad_fn_at
from ..autograd.hooks import HooksInTurn, RemovableHandle, add_hook, add_tensor_hook, retain
from ..autograd.loans import before_write
from ..autograd.tensor_base import TensorBase, bump_version, set_tensor_class, wrap
from ..autograd.views import is_view, refresh_view
from ..ops import elementwise as ew
from ..ops import index as indexing  # plural names: the class has methods with the singular ones
from ..ops import inplace as writes
from ..ops import join as joins
from ..ops import matmul as products
from ..ops import order
from ..ops import reduce as reductions
from ..ops import scan as scans
from ..ops import shape as views
from ..ops.arguments import as_shape
from ..ops.cast import cast
from ..ops.checked import publish_methods
from ..ops.inplace import inplace as in_place
from ..ops.layout import copied, in_memory_order, order_of_axes
from ..ops.values import filling, number

ndarray = np.ndarray
# the methods `float`, `int`, `bool`, `type` and the property `device` hide these names in the class
bool_ = bool
int_ = int
float_ = float
type_ = type
device_ = device
_NUMBERS = (TensorBase, int, float, np.generic, ndarray)
_ARRAYS = (TensorBase, ndarray)


def _reflected(op: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, other: op(other, self) if isinstance(other, _NUMBERS) else NotImplemented


def _guarded(op: Callable[..., Any], kinds: tuple[type, ...] = _NUMBERS) -> Callable[..., Any]:
    return lambda self, other: op(self, other) if isinstance(other, kinds) else NotImplemented


def _convert(target: dtypes.dtype) -> Callable[..., Any]:
    def method(self: Any, memory_format: Any = None) -> Any:
        return self if self.array.dtype == target.numpy else cast(self, target.numpy)

    method.__doc__ = f"The tensor as {target}; itself if it is that already."
    return method


class Tensor(TensorBase):
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

    def __new__(cls, *data: Any, device: Any = None) -> Any:
        """See the class."""
        if data and not all(isinstance(d, (int, np.integer)) and d is not True for d in data):
            values = data[0]
            if values is None or isinstance(values, (bool_, float, np.generic, complex)):
                raise TypeError(f"new(): data must be a sequence (got {type(values).__name__})")
            if isinstance(values, Size):
                return from_array(np.empty(values, dtypes.default()), cls=cls)
            if isinstance(values, TensorBase):
                return from_array(values.array.astype(dtypes.default(), copy=False), cls=cls)
            from .creation import as_array

            return from_array(as_array(values).astype(dtypes.default()), cls=cls)
        return from_array(np.empty(data if data else (0,), dtypes.default()), cls=cls)

    # --------------------------------------------------------------------------------------------
    # Attributes
    # --------------------------------------------------------------------------------------------

    @property
    def shape(self) -> Size:
        """The sizes of the axes."""
        return Size(self.array.shape)

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
    def T(self) -> Any:
        """The tensor with its axes in reverse order."""
        return views.reversed_axes(self)

    @property
    def mT(self) -> Any:
        """The tensor with its last two axes swapped."""
        return views.transpose(self, -2, -1) if self.array.ndim else views.reversed_axes(self)

    itemsize = property(lambda self: self.array.itemsize, doc="Bytes per entry.")
    nbytes = property(lambda self: self.array.nbytes, doc="Bytes of all entries.")
    is_cuda = property(lambda self: False, doc="False: there is no GPU here.")
    is_sparse = property(lambda self: False, doc="False: all tensors are dense.")
    layout = property(lambda self: strided, doc="The dense layout, `minigrad.strided`.")
    _version = property(lambda self: self.version[0], doc="How often it was changed in place.")

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of axis `dim`."""
        if dim is None:
            return Size(self.array.shape)
        from ..ops.arguments import checked_axis

        return self.array.shape[checked_axis(dim, self.array.ndim)]

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

    def stride(self, dim: int | None = None) -> Any:
        """How many entries to go on in memory for one step along each axis, or along `dim`."""
        x = self.array
        if not x.size and not any(x.strides):  # NumPy's, where there is no entry to step to
            x = np.empty([max(n, 1) for n in x.shape], np.int8)
        steps = tuple([s // x.itemsize for s in x.strides])
        return steps if dim is None else steps[dim]

    def is_contiguous(self, memory_format: Any = None) -> bool:
        """Whether the memory is in row-major order."""
        return self.array.flags.c_contiguous

    def data_ptr(self) -> int:
        """The address of the first entry."""
        return self.array.ctypes.data

    def is_floating_point(self) -> bool:
        """Whether the entries are floating point numbers."""
        return self.array.dtype.kind == "f"

    def is_complex(self) -> bool:
        """False: there are no complex tensors here."""
        return False

    def is_signed(self) -> bool:
        """Whether the type of the entries has negative numbers."""
        return self.array.dtype.kind in "if"

    def get_device(self) -> int:
        """-1, which stands for the CPU."""
        return -1

    def storage(self) -> Storage:
        """The memory that this tensor shares with all views of it."""
        before_write(self)
        return Storage.of(self.array)

    def untyped_storage(self) -> Storage:
        """The same memory as bytes."""
        before_write(self)
        return Storage(Storage.of(self.array).array.view(np.uint8))

    def storage_offset(self) -> int:
        """Where in its memory the tensor begins, in entries."""
        distance = self.data_ptr() - Storage.of(self.array).data_ptr()
        return distance // self.array.itemsize

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
        return None if self.edge is None else self.edge[0]

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
        if value is not None:
            if not isinstance(value, TensorBase):
                raise TypeError(
                    "assigned grad expected to be a Tensor or None but got grad of type "
                    f"{type(value).__name__}"
                )
            if value.array.shape != self.array.shape:
                raise RuntimeError(
                    f"attempting to assign a gradient of size '{list(value.array.shape)}' to a "
                    f"tensor of size '{list(self.array.shape)}'. Please ensure that the gradient "
                    "and the tensor are the same size"
                )
            if value.array.dtype != self.array.dtype:
                raise RuntimeError(
                    f"attempting to assign a gradient with dtype '{value.dtype}' to a tensor with "
                    f"dtype '{self.dtype}'"
                )
        self._grad = value

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    def backward(
        self,
        gradient: Any = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Any = None,
    ) -> None:
        """Add this tensor's gradient to each leaf's ``.grad``: see `minigrad.autograd.backward`."""
        _backward(self, gradient, retain_graph, create_graph, inputs)

    def register_hook(self, hook: Callable[[Any], Any]) -> RemovableHandle:
        """Call ``hook(grad)`` when this tensor's gradient is known; what it returns replaces it.

        The hook must not change `grad` in place: other tensors' gradients may share its memory.
        ``lambda g: g.clamp(-1, 1)`` is right, ``g.clamp_(-1, 1)`` is not.
        """
        if not self.requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        return add_tensor_hook(self, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Any], Any]) -> RemovableHandle:
        """Call ``hook(tensor)`` after `backward` has added to this leaf's ``.grad``."""
        if not self.is_leaf or not self.requires_grad:
            raise RuntimeError(
                "post accumulate grad hooks cannot be registered on non-leaf tensors"
            )
        if self._accumulate_hooks is None:
            self._accumulate_hooks = HooksInTurn()
        return add_hook(self._accumulate_hooks, hook)

    def retain_grad(self) -> None:
        """Let the next `backward` fill ``.grad`` though this is no leaf."""
        if not self.requires_grad:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if self.is_leaf or self.retains_grad:
            return
        retain(self)
        self._retains_grad = True

    @property
    def retains_grad(self) -> bool:
        """Whether `retain_grad` was called on this tensor."""
        return self._retains_grad

    def detach(self) -> Any:
        """The same memory, outside the graph: no gradient goes from the result to this tensor.

        A write to one of them is seen in the other, and the graph notices it.
        """
        tensor = wrap(self.array)
        tensor.version = self.version
        return tensor

    def detach_(self) -> Tensor:
        """Cut this tensor from the graph that made it; it becomes a leaf."""
        if is_view(self):
            raise RuntimeError("Can't detach views in-place. Use detach() instead.")
        self.edge, self.view_of, self._requires_grad = None, None, False
        return self

    @property
    def data(self) -> Any:
        """The same memory outside the graph, whose changes the graph does not notice. Settable.

        A gradient that needs the old values comes out wrong without a word: to change a parameter,
        write to the tensor itself, within ``with no_grad():``.
        """
        before_write(self)
        return wrap(self.array)

    @data.setter
    def data(self, value: Any) -> None:
        if not isinstance(value, TensorBase):
            raise TypeError(f"Variable data has to be a tensor, but got {type(value).__name__}")
        if self._requires_grad and value.array.dtype.kind != "f":
            raise RuntimeError(
                "data set to a tensor that requires gradients must be floating point, but got "
                f"torch.{value.array.dtype}"
            )
        before_write(value)
        self.array = value.array

    def set_(self, source: Any) -> Tensor:
        """Let this tensor show the memory of `source` from now on."""
        writes.check_writable(self)
        self.array, self.version = source.array, source.version
        return self

    def resize_(self, *sizes: Any) -> Tensor:
        """Give this tensor another shape and size: its entries in the order in which they lie in
        memory, cut short or followed by uninitialised ones.

        Raises
        ------
        RuntimeError
            The tensor takes part in a gradient, or a size is negative.
        """
        if self.requires_grad:
            raise RuntimeError("cannot resize variables that require grad")
        shape = as_shape(sizes)
        if min(shape, default=0) < 0:
            raise RuntimeError(f"resize_: the sizes must not be negative, but got {list(shape)}")
        if shape != self.array.shape:
            entries, count = self.array.ravel(order="K"), math.prod(shape)
            if count > entries.size:
                grown = np.empty(count, entries.dtype)
                grown[: entries.size] = entries
                entries = grown
            self.array = entries[:count].reshape(shape)
        bump_version(self)
        return self

    def _bump_version(self) -> None:
        """Note that code has written into `array` directly."""
        bump_version(self)

    # --------------------------------------------------------------------------------------------
    # Operators
    # --------------------------------------------------------------------------------------------

    __add__, __radd__, __iadd__ = ew.add, _reflected(ew.add), in_place(ew.add)
    __sub__, __rsub__, __isub__ = ew.sub, _guarded(ew.rsub), in_place(ew.sub)
    __mul__, __rmul__, __imul__ = ew.mul, _reflected(ew.mul), in_place(ew.mul)
    __truediv__, __rtruediv__, __itruediv__ = ew.div, _guarded(ew.div_reflected), in_place(ew.div)
    __floordiv__, __rfloordiv__ = ew.floor_divide, _reflected(ew.floor_divide)
    __mod__, __rmod__ = ew.remainder, _reflected(ew.remainder)
    __ifloordiv__, __imod__ = in_place(ew.floor_divide), in_place(ew.remainder)
    __pow__, __rpow__, __ipow__ = ew.pow, _reflected(ew.pow), in_place(ew.pow)
    __matmul__ = _guarded(products.matmul, _ARRAYS)
    __rmatmul__ = _guarded(lambda self, other: products.matmul(other, self), _ARRAYS)
    __neg__, __pos__, __abs__ = ew.neg, ew.positive, ew.abs
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

    def __iter__(self) -> Iterator[Any]:
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

    # --------------------------------------------------------------------------------------------
    # Methods: the operations
    # --------------------------------------------------------------------------------------------

    add, sub, mul, div = ew.add_scaled, ew.sub_scaled, ew.mul, ew.div_rounded
    subtract, multiply, divide, true_divide = sub, mul, div, ew.div
    floor_divide, remainder, fmod, pow = ew.floor_divide, ew.remainder, ew.fmod, ew.pow
    maximum, minimum, atan2, lerp, addcmul, addcdiv = (
        ew.maximum, ew.minimum, ew.atan2, ew.lerp, ew.addcmul, ew.addcdiv)  # fmt: skip
    neg, abs, sign, square, negative, absolute = ew.neg, ew.abs, ew.sign, ew.square, ew.neg, ew.abs
    exp, exp2, expm1, log, log2, log10, log1p = (
        ew.exp, ew.exp2, ew.expm1, ew.log, ew.log2, ew.log10, ew.log1p)  # fmt: skip
    sqrt, rsqrt, reciprocal = ew.sqrt, ew.rsqrt, ew.reciprocal
    sin, cos, tan, asin, acos, atan = ew.sin, ew.cos, ew.tan, ew.asin, ew.acos, ew.atan
    sinh, cosh, tanh, sigmoid, relu = ew.sinh, ew.cosh, ew.tanh, ew.sigmoid, ew.relu
    erf = ew.erf
    floor, ceil, round, trunc, positive = ew.floor, ew.ceil, ew.round, ew.trunc, ew.positive
    clamp, clip, clamp_min, clamp_max = ew.clamp, ew.clamp, ew.clamp_min, ew.clamp_max
    eq, ne, lt, le, gt, ge = ew.eq, ew.ne, ew.lt, ew.le, ew.gt, ew.ge
    isnan, isinf, isfinite, isclose, allclose, equal = (
        ew.isnan, ew.isinf, ew.isfinite, ew.isclose, ew.allclose, ew.equal)  # fmt: skip
    logical_and, logical_or, logical_xor, logical_not = (
        ew.logical_and, ew.logical_or, ew.logical_xor, ew.logical_not)  # fmt: skip
    bitwise_and, bitwise_or, bitwise_xor, bitwise_not = (
        ew.bitwise_and, ew.bitwise_or, ew.bitwise_xor, ew.bitwise_not)  # fmt: skip

    sum, mean, prod, var, std, norm, dist = (
        reductions.sum, reductions.mean, scans.prod, reductions.var, reductions.std,
        reductions.norm, reductions.dist)  # fmt: skip
    max, min, amax, amin, argmax, argmin = (
        order.max, order.min, order.amax, order.amin, order.argmax,
        order.argmin)  # fmt: skip
    sort, argsort, topk, median, cumsum, cumprod = (
        order.sort, order.argsort, order.topk, order.median,
        scans.cumsum, scans.cumprod)  # fmt: skip
    softmax, log_softmax, logsumexp = (
        reductions.softmax, reductions.log_softmax, reductions.logsumexp)  # fmt: skip
    all, any, unique, bincount, count_nonzero = (
        reductions.all, reductions.any, reductions.unique, reductions.bincount,
        reductions.count_nonzero)  # fmt: skip

    matmul, mm, mv, bmm, dot, outer = (
        products.matmul, products.mm, products.mv, products.bmm, products.dot,
        products.outer)  # fmt: skip
    addmm, baddbmm = products.addmm, products.baddbmm

    view, reshape, view_as, flatten, unflatten, ravel = (
        views.view, views.reshape, views.view_as, views.flatten, views.unflatten,
        views.ravel)  # fmt: skip
    squeeze, unsqueeze, expand, expand_as, broadcast_to, repeat, tile = (
        views.squeeze, views.unsqueeze, views.expand, views.expand_as, views.expand, views.repeat,
        views.tile)  # fmt: skip
    transpose, t, permute, swapaxes, swapdims, movedim, moveaxis = (
        views.transpose, views.t, views.permute, views.transpose, views.transpose,
        views.movedim, views.movedim)  # fmt: skip
    flip, roll, tril, triu, clone, contiguous = (
        views.flip, views.roll, views.tril, views.triu, views.clone, views.contiguous)  # fmt: skip
    split, chunk, unbind = joins.split, joins.chunk, joins.unbind
    narrow, select, diagonal, diag, gather, take_along_dim = (
        indexing.narrow, indexing.select, indexing.diagonal, indexing.diag, indexing.gather,
        indexing.take_along_dim)  # fmt: skip
    index_select, masked_select, masked_fill, take, nonzero, repeat_interleave = (
        indexing.index_select, indexing.masked_select, indexing.masked_fill, indexing.take,
        indexing.nonzero, indexing.repeat_interleave)  # fmt: skip
    scatter, scatter_add, index_add = writes.scatter, writes.scatter_add, writes.index_add
    index_copy, index_fill, index_put = writes.index_copy, writes.index_fill, writes.index_put

    def where(self, condition: Any, other: Any) -> Any:
        """This tensor where `condition` is true, `other` elsewhere."""
        return indexing.where(condition, self, other)

    def reshape_as(self, other: Any) -> Any:
        """``self.reshape(other.size())``."""
        return views.reshape(self, other.array.shape)

    # In place: the name ends in an underscore, the tensor itself is changed and returned.

    add_, sub_, mul_, div_, pow_ = (
        in_place(add), in_place(sub), in_place(mul), in_place(div), in_place(pow))  # fmt: skip
    subtract_, multiply_, divide_ = sub_, mul_, div_
    floor_divide_, remainder_, fmod_ = in_place(floor_divide), in_place(remainder), in_place(fmod)
    neg_, abs_, sign_, square_, reciprocal_ = (
        in_place(neg), in_place(abs), in_place(sign), in_place(square),
        in_place(reciprocal))  # fmt: skip
    negative_, absolute_ = neg_, abs_
    exp_, exp2_, expm1_, sqrt_, rsqrt_ = (
        in_place(exp), in_place(exp2), in_place(expm1), in_place(sqrt),
        in_place(rsqrt))  # fmt: skip
    log_, log2_, log10_, log1p_, erf_ = (
        in_place(log), in_place(log2), in_place(log10), in_place(log1p),
        in_place(erf))  # fmt: skip
    sin_, cos_, tan_, sinh_, cosh_ = (
        in_place(sin), in_place(cos), in_place(tan), in_place(sinh), in_place(cosh))  # fmt: skip
    asin_, acos_, atan_ = in_place(asin), in_place(acos), in_place(atan)
    tanh_, sigmoid_, relu_ = in_place(tanh), in_place(sigmoid), in_place(relu)
    floor_, ceil_, round_, trunc_ = (
        in_place(floor), in_place(ceil), in_place(round), in_place(trunc))  # fmt: skip
    clamp_, clamp_min_, clamp_max_ = in_place(clamp), in_place(clamp_min), in_place(clamp_max)
    clip_ = clamp_
    cumsum_, cumprod_, tril_, triu_ = (
        in_place(cumsum), in_place(cumprod), in_place(tril), in_place(triu))  # fmt: skip
    addmm_, baddbmm_ = in_place(addmm), in_place(baddbmm)
    unsqueeze_, squeeze_, transpose_, t_ = (
        writes.reshaping(unsqueeze), writes.reshaping(squeeze), writes.reshaping(transpose),
        writes.reshaping(t))  # fmt: skip
    addcmul_, addcdiv_, lerp_ = in_place(addcmul), in_place(addcdiv), in_place(lerp)
    copy_, fill_, zero_, fill_diagonal_ = (
        writes.copy_, writes.fill_, writes.zero_, writes.fill_diagonal_)  # fmt: skip
    masked_fill_, scatter_, scatter_add_, index_add_ = (
        writes.masked_fill_, writes.scatter_, writes.scatter_add_, writes.index_add_)  # fmt: skip
    index_copy_, index_fill_, index_put_ = (
        writes.index_copy_, writes.index_fill_, writes.index_put_)  # fmt: skip

    _rebase = writes.rebase
    _edge_past_hooks = writes.past_hooks_of_views

    def _overwrite(self, draw: Callable[[Any, ndarray], ndarray], generator: Any) -> Tensor:
        """Fill the memory, in its own order, with ``draw(generator, view of the memory)``."""
        writes.check_memory(self.array)
        edge = writes.check_writable(self)
        before_write(self)
        memory = in_memory_order(self.array)
        memory[...] = draw(random.default_generator if generator is None else generator, memory)
        bump_version(self)
        if edge is not None:
            writes.overwritten(self, edge)
        return self

    def uniform_(self, a: float = 0.0, b: float = 1.0, *, generator: Any = None) -> Tensor:
        """Fill with numbers drawn evenly from [a, b)."""
        a, b = number(a, "uniform_", "from", "float"), number(b, "uniform_", "to", "float")
        return self._overwrite(
            lambda g, memory: g.uniform(memory.shape, a, b, memory.dtype), generator
        )

    def normal_(self, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Tensor:
        """Fill with normally distributed numbers."""
        mean, std = number(mean, "normal_", "mean", "float"), number(std, "normal_", "std", "float")
        return self._overwrite(
            lambda g, memory: g.normal(
                memory.shape, mean, std, memory.dtype, blocks=self.array.flags.c_contiguous
            ),
            generator,
        )

    def random_(
        self, low: int | None = None, high: int | None = None, *, generator: Any = None
    ) -> Tensor:
        """Fill with integers from `low` (0) to below `high` (the most that the type can hold)."""
        if low is None:
            return self._overwrite(lambda g, m: g.any_integers(m.shape, m.dtype), generator)
        if high is None:
            low, high = 0, low
        return self._overwrite(lambda g, m: g.integers(m.shape, low, high, m.dtype), generator)

    def bernoulli_(self, p: Any = 0.5, *, generator: Any = None) -> Tensor:
        """Fill with ones (probability `p`, a number or a tensor) and zeros."""
        chance = p.array if isinstance(p, TensorBase) else p
        if isinstance(chance, ndarray):  # each in the place of the entry that it is for
            order = order_of_axes(self.array.shape, (self.array.strides,))
            chance = np.broadcast_to(chance, self.array.shape).transpose(order)
        return self._overwrite(lambda g, memory: g.bernoulli(chance, memory.shape), generator)

    def bernoulli(self, p: float | None = None, *, generator: Any = None) -> Any:
        """Ones, with the probabilities that stand in this tensor (or with `p`), and zeros."""
        from .creation import bernoulli

        return bernoulli(self, p, generator=generator)

    def multinomial(
        self, num_samples: int, replacement: bool = False, *, generator: Any = None
    ) -> Any:
        """Indices drawn with the weights in this tensor: see `minigrad.multinomial`."""
        from .creation import multinomial

        return multinomial(self, num_samples, replacement, generator=generator)

    def exponential_(self, lambd: float = 1.0, *, generator: Any = None) -> Tensor:
        """Fill with exponentially distributed numbers of mean ``1 / lambd``."""
        return self._overwrite(
            lambda g, memory: g.exponential(memory.shape, lambd, memory.dtype), generator
        )

    # --------------------------------------------------------------------------------------------
    # Conversions
    # --------------------------------------------------------------------------------------------

    float, double, half = (
        _convert(dtypes.float32), _convert(dtypes.float64), _convert(dtypes.float16))  # fmt: skip
    long, int, short = _convert(dtypes.int64), _convert(dtypes.int32), _convert(dtypes.int16)
    char, byte, bool = _convert(dtypes.int8), _convert(dtypes.uint8), _convert(dtypes.bool)

    def to(
        self,
        *args: Any,
        dtype: Any = None,
        device: Any = None,
        copy: bool_ = False,
        non_blocking: bool_ = False,
    ) -> Any:
        """The tensor in another dtype, or like another one; itself if nothing changes, or a `copy`.

        Called as ``to(dtype)``, ``to("cpu")``, ``to(device, dtype)`` or ``to(other)``.
        """
        target = None if dtype is None else dtypes.to_numpy(dtype)
        for argument in args:
            if isinstance(argument, TensorBase):
                target = argument.array.dtype
            elif isinstance(argument, (dtypes.dtype, np.dtype)):
                target = dtypes.to_numpy(argument)
            elif isinstance(argument, (str, device_)):
                device = argument
            elif isinstance(argument, bool_) or argument is None:
                pass  # non_blocking, by position
            else:
                raise TypeError(
                    "to() received an invalid combination of arguments - got "
                    f"({type(argument).__name__})"
                )
        if device is not None:
            device_(device)  # raises for anything but the CPU
        if target is not None and target != self.array.dtype:
            return cast(self, target)
        return views.clone(self) if copy else self

    def type(self, dtype: Any = None, non_blocking: bool_ = False) -> Any:
        """The old name of the type, such as ``torch.FloatTensor``; or the tensor in that type."""
        if dtype is None:
            return f"torch.{dtypes.legacy_name(self.array.dtype)}Tensor"
        if isinstance(dtype, str):
            for known in dtypes.ALL:
                if dtype == f"torch.{dtypes.legacy_name(known.numpy)}Tensor":
                    return self.to(known)
            raise ValueError(f"invalid type: {dtype!r}")
        # an old constructor such as LongTensor stands for its type
        return self.to(dtypes.of_numpy(dtypes.to_numpy(getattr(dtype, "dtype", dtype))))

    def type_as(self, other: Any) -> Any:
        """The tensor in the type of `other`."""
        return self.to(other)

    def cpu(self) -> Tensor:
        """The tensor itself: it is on the CPU."""
        return self

    def cuda(self, device: Any = None, non_blocking: bool_ = False) -> Any:
        """Raise: there is no GPU here."""
        raise AssertionError(
            "Torch not compiled with CUDA enabled: minigrad computes on the CPU only"
        )

    def item(self) -> Any:
        """The only entry, as a Python number."""
        if self.array.size != 1:
            raise RuntimeError(
                f"a Tensor with {self.array.size} elements cannot be converted to Scalar"
            )
        return self.array.item()

    def tolist(self) -> Any:
        """The entries as nested lists."""
        return self.array.tolist()

    def numpy(self, *, force: bool_ = False) -> ndarray:
        """The data as an ndarray that shares the memory; with `force` also of a graph tensor."""
        if not force and self.requires_grad and is_grad_enabled():
            raise RuntimeError(
                "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() "
                "instead."
            )
        before_write(self)
        return self.array

    def __array__(self, dtype: Any = None, copy: bool_ | None = None) -> ndarray:
        array = self.numpy()
        array = array if dtype is None else array.astype(dtype, copy=False)
        return array.copy() if copy else array

    def __array_wrap__(
        self, array: Any, context: Any = None, return_scalar: bool_ = False
    ) -> Tensor:
        """The result of a NumPy function of tensors: a tensor outside any graph; bools as bytes."""
        array = np.asarray(array)
        return from_array(array.astype(np.uint8) if array.dtype.kind == "b" else array)

    def __bool__(self) -> bool_:
        if self.array.size != 1:
            kind = "no values" if not self.array.size else "more than one value"
            raise RuntimeError(f"Boolean value of Tensor with {kind} is ambiguous")
        return bool_(self.array)

    def __int__(self) -> int_:
        return int_(self._number())

    def __float__(self) -> float_:
        return float_(self._number())

    def _number(self) -> Any:
        if self.array.size != 1:
            raise ValueError(
                "only one element tensors can be converted to Python scalars; this one has "
                f"{self.array.size}"
            )
        return self.array.item()

    def __index__(self) -> int_:
        if self.array.size != 1 or self.array.dtype.kind not in "bui":
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int_(self.array.item())

    def __format__(self, spec: str) -> str:
        if not self.array.ndim and self.array.size:
            return format(self.array.item(), spec)
        return object.__format__(self, spec)

    def __repr__(self) -> str:
        suffixes = []
        edge = self.edge if self.node is not None else None
        if edge is not None:
            node, output = edge
            suffixes.append(f"grad_fn=<{node.name(output)}>")
        elif self._requires_grad:
            suffixes.append("requires_grad=True")
        return printing.tensor_text(self.array, default_dtype=dtypes.default(), suffixes=suffixes)

    def __deepcopy__(self, memo: dict[int_, Any]) -> Tensor:
        if not self.is_leaf:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
                "protocol at the moment. Detach the tensor first."
            )
        if id(self) not in memo:
            array, version = _copied_memory(self.array, memo)
            twin = from_array(array, self._requires_grad, type_(self))
            twin.version = version
            memo[id(self)] = twin  # before its attributes, which may come back to it
            if self._grad is not None:
                twin._grad = self._grad.__deepcopy__(memo)  # type: ignore[attr-defined]
            twin.__dict__.update(copy.deepcopy(own_attributes(self), memo))
        result: Tensor = memo[id(self)]
        return result

    def __copy__(self) -> Tensor:
        """The same memory and attributes, outside any graph."""
        twin: Tensor = from_array(self.array, self.requires_grad, type_(self))
        twin.version = self.version
        twin.__dict__.update(own_attributes(self))
        return twin

    def __reduce_ex__(self, protocol: Any) -> Any:
        warn_of_hooks(self)
        arguments = (self.array, self.requires_grad, type_(self))
        return _rebuild, arguments, own_attributes(self) or None

    def new_tensor(
        self, data: Any, dtype: Any = None, requires_grad: bool_ = False, device: Any = None
    ) -> Any:
        """`minigrad.tensor` in this tensor's type."""
        from .creation import tensor

        return tensor(data, self.dtype if dtype is None else dtype, requires_grad=requires_grad)

    def _new(
        self, make: Callable[..., ndarray], size: Any, keyword: Any, dtype: Any, grad: bool_
    ) -> Any:
        kind = self.array.dtype if dtype is None else dtypes.to_numpy(dtype)
        return from_array(make(as_shape(size if keyword is None else (keyword,)), kind), grad)

    def new_zeros(
        self, *sizes: Any, size: Any = None, dtype: Any = None, device: Any = None,
        requires_grad: bool_ = False,
    ) -> Any:  # fmt: skip
        """Zeros in this tensor's type."""
        return self._new(np.zeros, sizes, size, dtype, requires_grad)

    def new_ones(
        self, *sizes: Any, size: Any = None, dtype: Any = None, device: Any = None,
        requires_grad: bool_ = False,
    ) -> Any:  # fmt: skip
        """Ones in this tensor's type."""
        return self._new(np.ones, sizes, size, dtype, requires_grad)

    def new_empty(
        self, *sizes: Any, size: Any = None, dtype: Any = None, device: Any = None,
        requires_grad: bool_ = False,
    ) -> Any:  # fmt: skip
        """Uninitialised memory in this tensor's type."""
        return self._new(np.empty, sizes, size, dtype, requires_grad)

    def new_full(
        self,
        size: Any,
        fill_value: Any,
        dtype: Any = None,
        device: Any = None,
        requires_grad: bool_ = False,
    ) -> Any:
        """`fill_value` everywhere, in this tensor's type."""
        return self._new(
            lambda s, kind: np.full(s, filling(fill_value, kind, "new_full", "fill_value"), kind),
            (), size, dtype, requires_grad,
        )  # fmt: skip

    def new(self, *data: Any) -> Any:
        """The old constructor: uninitialised memory of a shape, or data, in this tensor's type."""
        if data and not all(isinstance(d, (int_, Size)) for d in data):
            return self.new_tensor(data[0])
        return self.new_empty(*data or (0,))

    def __delitem__(self, index: Any) -> None:
        raise TypeError(
            "Tensor does not support deleting items: a tensor keeps its shape. Take what is to "
            "stay, as in x[mask]"
        )


def from_array(array: ndarray, requires_grad: bool = False, cls: type[Tensor] = Tensor) -> Any:
    """Wrap an ndarray, without a copy, as a leaf tensor.

    Raises
    ------
    RuntimeError
        `requires_grad` with a type that is not floating point.
    """
    tensor: Any = TensorBase.__new__(cls)
    tensor.array = array if type_(array) is ndarray else np.asarray(array)
    tensor.version = [0, -1]
    if requires_grad:
        tensor.requires_grad = True
    return tensor


def own_attributes(tensor: Tensor) -> dict[str, Any]:
    """The attributes that the user has given to `tensor`, as opposed to those that all have."""
    return {
        name: value
        for name, value in tensor.__dict__.items()
        if name not in ("array", "version") and not hasattr(Tensor, name)
    }


def warn_of_hooks(tensor: Tensor) -> None:
    """Warn that the hooks of `tensor`, if it has any, are not saved."""
    place, output = tensor.edge or (tensor, 0)
    found = place._hooks.of_tensors.get(output, {}) if place._hooks is not None else {}
    for hook in found.values():
        warnings.warn(
            f"backward hook {hook!r} on tensor will not be serialized: register it again on the "
            "tensor that is loaded",
            stacklevel=4,
        )


def _copied_memory(array: ndarray, memo: dict[Any, Any]) -> tuple[ndarray, list[int]]:
    """`array` in a copy of its memory, and the count of that copy's changes in place.

    All views of the memory get the same copy: they share memory again.
    """
    whole = array
    while isinstance(whole.base, ndarray):
        whole = whole.base
    if id(whole) not in memo:
        # The original is kept as well, so that nothing else gets its id.
        memo[id(whole)] = whole.copy(order="K"), [0, -1], whole
    twin, version, _ = memo[id(whole)]
    if whole is array:
        return twin, version
    if twin.strides != whole.strides:  # memory with gaps
        return copied(array), [0, -1]
    offset = array.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
    memory = twin.ravel("K").view(np.uint8)
    return np.ndarray(array.shape, array.dtype, memory, offset, array.strides), version


def _rebuild(array: ndarray, requires_grad: bool_, cls: Any = None) -> Tensor:
    """Unpickle a tensor."""
    return from_array(array, requires_grad, Tensor if cls is None else cls)


publish_methods(Tensor)
set_tensor_class(Tensor)
