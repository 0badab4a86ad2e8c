"""Attributes and methods of tensors that scripts seldom use: another part of the table of `Tensor`.

Questions whose answer is the same for all tensors here, whether a tensor is a view, other memory
for it, and two loops over its entries in Python, `apply_` and `map_`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..arrays import dtypes
from ..arrays.size import Storage
from ..autograd.loans import before_write
from ..autograd.tensor_base import TensorBase, Version, bump_version
from ..autograd.views import is_view, parent_of
from ..ops import (
    arrange,
    matrices,
    ranks,
    rarer,
    running,
    scattering,
    search,
    special,
    statistics,
    windows,
)
from ..ops.arguments import as_shape
from ..ops.checked import checked_methods
from ..ops.inplace import check_writable
from ..ops.layout import check_memory
from ..ops.shape import expand_error
from . import dlpack, memory


def _base(tensor: Any) -> Any:
    """The tensor whose memory the view shows; None if it is no view."""
    base = None
    while is_view(tensor):
        parent = parent_of(tensor)
        if parent is None:
            break
        base = tensor = parent
    return base


def set_(
    tensor: Any, source: Any = None, storage_offset: int = 0, size: Sequence[int] | None = None,
    stride: Sequence[int] | None = None,
) -> Any:  # fmt: skip
    """Let this tensor show the memory of `source` from now on; without one, nothing.

    Parameters
    ----------
    source : Tensor or Storage, optional
    storage_offset : int
        Where in the memory to begin, if `size` is given.
    size, stride : sequences of ints, optional
        How to go through it. Default: as `source` does; a storage has one axis.

    Raises
    ------
    RuntimeError
        `source` has another type of entries, or fewer of them.
    """
    check_writable(tensor)
    if source is None:
        tensor.array, tensor.version = np.empty(0, tensor.array.dtype), Version()
        return tensor
    if isinstance(source, TensorBase):
        before_write(source)
    array = source.array
    if array.dtype != tensor.array.dtype:
        raise RuntimeError(
            f"Could not set tensor of type {dtypes.of_numpy(array.dtype)} to a tensor of type "
            f"{dtypes.of_numpy(tensor.array.dtype)}"
        )
    if size is not None:
        shape = as_shape((size,))
        counts = [int(np.prod(shape[k + 1 :])) for k in range(len(shape))]
        steps = counts if stride is None else as_shape((stride,), "stride")
        entries = Storage.of(array).array[storage_offset:]
        needed = 1 + sum([(n - 1) * s for n, s in zip(shape, steps)])
        if 0 not in shape and needed > entries.size:
            raise RuntimeError(
                f"setStorage: sizes {list(shape)}, strides {list(steps)}, storage offset "
                f"{storage_offset} are out of bounds for a storage of {entries.size} entries"
            )
        array = np.lib.stride_tricks.as_strided(entries, shape, [s * array.itemsize for s in steps])
    tensor.array = array
    tensor.version = source.version if isinstance(source, TensorBase) else Version()
    return tensor


def _refuse_gradient(name: str, tensor: Any) -> None:
    if tensor.requires_grad:
        raise RuntimeError(
            f"Can't call {name}() on Variable that requires grad. Use var.detach().{name}() "
            "instead."
        )


def apply_(tensor: Any, callable: Callable[[Any], Any]) -> Any:
    """Replace each entry x by ``callable(x)``, one by one, in Python: slow, and without a gradient.

    Raises
    ------
    RuntimeError
        The tensor requires a gradient.
    """
    _refuse_gradient("apply_", tensor)
    return _overwritten(tensor, [callable(x) for x in tensor.array.ravel().tolist()])


def map_(tensor: Any, other: Any, callable: Callable[[Any, Any], Any]) -> Any:
    """Replace each entry x by ``callable(x, y)``, where y is that of `other`, which is broadcast.

    Raises
    ------
    RuntimeError
        A tensor requires a gradient, or `other` cannot be broadcast to this one.
    TypeError
        They have different types.
    """
    _refuse_gradient("map_", tensor)
    _refuse_gradient("map_", other)
    x, y = tensor.array, other.array
    if x.dtype != y.dtype:
        raise TypeError(
            f"map_: expected torch.{dtypes.legacy_name(x.dtype)}Tensor for 'other' (got "
            f"torch.{dtypes.legacy_name(y.dtype)}Tensor)"
        )
    try:
        y = np.broadcast_to(y, x.shape)
    except ValueError:
        raise RuntimeError(expand_error(y.shape, x.shape)) from None
    pairs = zip(x.ravel().tolist(), y.ravel().tolist())
    return _overwritten(tensor, [callable(a, b) for a, b in pairs])


def _overwritten(tensor: Any, values: list[Any]) -> Any:
    for value in values:
        if not isinstance(value, (int, float, np.number, np.bool_)):
            raise TypeError(f"must be real number, not {type(value).__name__}")
    check_memory(tensor.array)
    before_write(tensor)
    tensor.array[...] = np.array(values, dtype=object).reshape(tensor.array.shape)
    bump_version(tensor)
    return tensor


def is_same_size(tensor: Any, other: Any) -> bool:
    """Whether `other` has the same shape."""
    return tensor.array.shape == other.array.shape


def is_set_to(tensor: Any, tensor2: Any) -> bool:
    """Whether both show the same memory in the same way."""
    a, b = tensor.array, tensor2.array
    return (a.shape, a.strides, a.ctypes.data) == (b.shape, b.strides, b.ctypes.data)


def resize_as_(tensor: Any, the_template: Any) -> Any:
    """`resize_` to the shape of another tensor."""
    return memory.resize_(tensor, the_template.array.shape)


def _itself(what: str) -> Any:
    def method(tensor: Any, *_: Any) -> Any:
        return tensor

    method.__doc__ = f"The tensor itself: {what}"
    return method


def _never(what: str) -> property:
    return property(lambda self: False, doc=f"False: {what}")


@checked_methods
class Methods(
    matrices.Methods, arrange.Methods, windows.Methods, scattering.Methods, running.Methods,
    ranks.Methods, statistics.Methods, search.Methods, rarer.Methods, special.Methods,
):  # fmt: skip
    """What of this page, and of the pages of operations named here, is part of a tensor."""

    __slots__ = ()

    set_, apply_, map_ = set_, apply_, map_
    is_same_size, is_set_to, resize_as_ = is_same_size, is_set_to, resize_as_
    __dlpack__, __dlpack_device__ = dlpack.exported, dlpack.device_of

    _base = property(_base)

    def _is_view(self) -> bool:
        """Whether it is a view of another tensor."""
        return is_view(self)  # type: ignore[arg-type]

    is_cpu = property(lambda self: True, doc="True: there is nothing else here.")
    is_meta = _never("all tensors have memory.")
    is_quantized = _never("there are no quantized tensors here.")
    is_mps = is_xpu = is_xla = is_mkldnn = is_nested = _never("all tensors are on the CPU.")
    real = property(_itself("all entries are real."))
    pin_memory = _itself("there is no GPU to pin memory for.")
    share_memory_ = _itself("processes do not share memory here.")
    conj = resolve_conj = conj_physical = resolve_neg = _itself("all entries are real.")

    def get_device(self) -> int:
        """-1, which stands for the CPU."""
        return -1

    def is_pinned(self) -> bool:
        """False: there is no GPU to pin memory for."""
        return False

    def is_shared(self) -> bool:
        """False: processes do not share memory here."""
        return False

    def is_inference(self) -> bool:
        """False: what `inference_mode` makes is an ordinary tensor here."""
        return False

    def is_nonzero(self: Any) -> bool:
        """Whether the only entry is not zero."""
        return bool(self)

    def dim_order(self: Any) -> tuple[int, ...]:
        """The axes from the outermost in memory to the innermost."""
        steps = self.array.strides
        return tuple(sorted(range(len(steps)), key=lambda k: -steps[k]))
