"""Makers of elementwise operations: `unary`, `binary`, `comparison` and `predicate`.

They take care of what all elementwise operations share: type promotion, broadcasting and undoing it
in the gradient, falling through to plain NumPy when no argument is a tensor. That is for gradient
rules; users get the strict form of the operation, which is its attribute ``public``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import dtypes
from ..autograd.engine import Node, Output, attach_one
from ..autograd.grad_mode import mode
from ..autograd.listening import heard, is_listening
from ..autograd.primitive import Primitive
from ..autograd.quiet import quiet
from ..autograd.tensor_base import TensorBase, array_of, unwrapped, wrap
from ..autograd.views import edge_of
from .cast import cast
from .checked import EITHER, TENSOR, refuse
from .kernels import written_by
from .layout import copied, entrywise
from .out import written
from .shape import sum_to
from .values import is_number

if TYPE_CHECKING:
    from ..autograd.typing import Operation

Rule = Callable[..., Any]
ndarray = np.ndarray


class NoOperand(TypeError):
    """Raised for what cannot stand beside a tensor in an operation."""


class _Broadcast(Primitive):
    """A primitive whose arguments are broadcast: its gradients are summed back to their shapes.

    The last entry of ``saved`` holds the shapes of the arguments, or None if nothing was broadcast.
    """

    def vjp(self, node: Node, edges: Any, grads: list[Any], create_graph: bool) -> Any:
        input_grads = super().vjp(node, edges, grads, create_graph)
        shapes = node.saved[-1]  # type: ignore[index]
        if shapes is not None:
            return [
                d if d is None or d.shape == shape else sum_to(d, shape)
                for d, shape in zip(input_grads, shapes)
            ]
        return input_grads


def unary(
    name: str,
    meaning: str,
    forward: Callable[..., Any],
    rule: Rule | None,
    *,
    floats: bool = True,
    bools: bool = True,
) -> Operation:
    """An operation of one argument ``x``; `meaning`, what it computes, becomes its docstring.

    With `floats`, integers are first made floats; without `bools`, a tensor of bools raises.
    """
    op = Primitive(name, ("x",), {} if rule is None else {"x": rule})
    loud, forward = forward, quiet(forward, 1)

    def on_arrays(x: Any) -> Any:
        if floats and x.dtype.kind != "f":
            x = copied(x, dtypes.default())
        return unwrapped(loud(x))

    def make(strict: bool) -> Any:
        def call(input: Any, *, out: Any = None) -> Any:
            if is_listening():
                return heard(call, (input,), {"out": out})
            if not isinstance(input, TensorBase):
                if strict:
                    raise refuse(name, "input", 1, input)
                return forward(input)
            x = array_of(input)
            if floats and x.dtype.kind != "f":
                x = copied(x, dtypes.default())
            if not bools and x.dtype.kind == "b":
                raise NotImplementedError(f"\"{name}\" not implemented for 'Bool'")
            try:
                result = wrap(forward(x))
            except TypeError as error:
                raise type_error(name, error, x) from None
            if rule is not None and mode.enabled:
                edge = edge_of(input)
                if edge is not None:
                    saved = [
                        Output(result) if kind == "output" else input for kind, _ in op.sources
                    ]
                    attach_one(result, op, (edge,), saved)
            return result if out is None else written(name, out, result)

        call.on_arrays = on_arrays  # type: ignore[attr-defined]
        return _named(call, name, meaning, op, loud)

    return _in_two_forms(make)


def binary(
    name: str,
    meaning: str,
    forward: Callable[..., Any],
    *,
    floats: bool = False,
    bools: bool = True,
    numbers: tuple[bool, bool] = (True, True),
    check: Callable[[Any, Any], None] | None = None,
    **rules: Rule,
) -> Operation:
    """An operation of two arguments ``a`` and ``b``, either of which may be a Python number.

    With `floats`, integers are first made floats; without `bools`, an operand that is one raises.
    `numbers` says of each argument whether users may give a number in the place of a tensor.
    `check` may raise because of the operands, where they are not of one type.
    """
    op, op_a_number, op_number_b = [
        _Broadcast(name + form, ("a", "b"), rules) for form in ("", ".number", ".of_number")
    ]
    name = name.partition(".")[0]
    only_a, only_b = op.needed((True, None)), op.needed((None, True))
    number_fits = numbers[1]
    loud, forward = forward, quiet(forward, 2)

    def on_arrays(x: Any, y: Any) -> Any:
        result = unwrapped(loud(x, y))
        if (
            isinstance(x, ndarray)
            and isinstance(y, ndarray)
            and x.strides != y.strides
            and (x.shape != result.shape or not x.flags.c_contiguous)
        ):
            result = entrywise(result, (x, y))
        return result

    def make(strict: bool) -> Any:
        def call(input: Any, other: Any, *, out: Any = None) -> Any:
            if is_listening():
                return heard(call, (input, other), {"out": out})
            a, b = input, other
            if (
                isinstance(a, TensorBase)
                and isinstance(b, TensorBase)
                and array_of(a).dtype is array_of(b).dtype
            ):
                if floats and array_of(a).dtype.kind != "f":
                    a, b = promoted(a, b, floats, bools)
            elif isinstance(a, TensorBase) or isinstance(b, TensorBase):
                if strict and not (number_fits and type(b) in _PLAIN_NUMBERS):
                    _check_operands(name, (a, b), numbers)
                if check is not None:
                    check(a, b)
                try:
                    a, b = promoted(a, b, floats, bools)
                except NoOperand:
                    if strict:
                        raise
                    return NotImplemented  # an operator: Python asks the other operand, then raises
            elif strict:
                raise refuse(name, "input", 1, a)
            else:
                return forward(a, b)
            x, y = array_of(a), array_of(b)
            try:
                result = wrap(forward(x, y))
            except ValueError as error:
                raise broadcast_error(x, y, error) from None
            except TypeError as error:
                raise type_error(name, error, x, y) from None
            if a is not x and b is not y and x.strides != y.strides:
                made = result.array
                if x.shape != made.shape or not x.flags.c_contiguous:
                    result.array = entrywise(made, (x, y))
            if rules and mode.enabled:
                edge_a = edge_of(a) if a is not x else None
                edge_b = edge_of(b) if b is not y else None
                if edge_a is not None or edge_b is not None:
                    sources = only_a if edge_b is None else only_b if edge_a is None else op.sources
                    saved = [
                        (b if k else a)
                        if kind == "argument"
                        else Output(result)
                        if kind == "output"
                        else None
                        for kind, k in sources
                    ]
                    shape = array_of(result).shape
                    same = x.shape == shape if a is not x else True
                    if b is not y:
                        same = same and y.shape == shape
                    saved.append(None if same else (np.shape(x), np.shape(y)))
                    form = op_a_number if b is y else op_number_b if a is x else op
                    attach_one(result, form, (edge_a, edge_b), saved)
            return result if out is None else written(name, out, result)

        call.on_arrays = on_arrays  # type: ignore[attr-defined]
        return _named(call, name, meaning, op, loud)

    return _in_two_forms(make)


def comparison(
    name: str,
    meaning: str,
    forward: Callable[..., Any],
    numbers: tuple[bool, bool] = (False, True),
) -> Operation:
    """An operation of two arguments that has no gradient, such as ``a < b``.

    `numbers` is as in `binary`.
    """
    number_fits = numbers[1]

    def make(strict: bool) -> Any:
        def call(input: Any, other: Any, *, out: Any = None) -> Any:
            if is_listening():
                return heard(call, (input, other), {"out": out})
            if not isinstance(input, TensorBase) and not isinstance(other, TensorBase):
                if strict:
                    raise refuse(name, "input", 1, input)
                return forward(input, other)
            if strict and not (number_fits and type(other) in _PLAIN_NUMBERS):
                _check_operands(name, (input, other), numbers)
            try:
                x, y = [
                    v.array if isinstance(v, TensorBase)
                    else v if type(v) in _PLAIN_NUMBERS
                    else array_of(_operand(v))
                    for v in (input, other)
                ]  # fmt: skip
            except NoOperand:
                if strict:
                    raise
                return NotImplemented
            if isinstance(x, ndarray) and isinstance(y, ndarray) and x.dtype is not y.dtype:
                kind = dtypes.result_type(x, y)  # two tensors are compared in their common type
                x, y = x.astype(kind, copy=False), y.astype(kind, copy=False)
            if type(y) is int:
                y = _wrapped(y, x.dtype)
            elif type(x) is int:
                x = _wrapped(x, y.dtype)
            try:
                result = forward(x, y)
            except ValueError as error:
                raise broadcast_error(x, y, error) from None
            except TypeError as error:
                raise type_error(name, error, x, y) from None
            if isinstance(x, ndarray) and (x.shape != result.shape or not x.flags.c_contiguous):
                result = entrywise(result, (x, y))
            return wrap(result) if out is None else written(name, out, wrap(result))

        return _named(call, name, meaning, None)

    return _in_two_forms(make)


def predicate(name: str, meaning: str, forward: Callable[..., Any]) -> Operation:
    """An operation of one argument that has no gradient, such as `isnan`."""

    def make(strict: bool) -> Any:
        def call(input: Any) -> Any:
            if is_listening():
                return heard(call, (input,), {})
            if not isinstance(input, TensorBase):
                if strict:
                    raise refuse(name, "input", 1, input)
                return forward(input)
            x = array_of(input)
            try:
                result = forward(x)
            except TypeError as error:
                raise type_error(name if strict else f"{name}.operator", error, x) from None
            return wrap(result if x.ndim < 2 or x.flags.c_contiguous else entrywise(result, (x,)))

        return _named(call, name, meaning, None)

    return _in_two_forms(make)


def _in_two_forms(make: Callable[[bool], Any]) -> Any:
    """The operation as rules use it, on arrays too, and as ``.public`` the strict one for users."""
    call = make(False)
    call.public = make(True)
    call.public.__wrapped__ = call  # whose text it has
    return call


def _check_operands(name: str, operands: tuple[Any, ...], numbers: tuple[bool, bool]) -> None:
    for k, (value, argument) in enumerate(zip(operands, ("input", "other"))):
        if not isinstance(value, TensorBase) and not (numbers[k] and is_number(value)):
            raise refuse(name, argument, k + 1, value, EITHER if numbers[k] else TENSOR)


def _named(call: Any, name: str, meaning: str, op: Any, forward: Any = None) -> Any:
    call.__name__ = call.__qualname__ = name
    call.__doc__ = meaning
    call.op = op
    ufunc = getattr(forward, "ufunc", forward)
    call.ufunc = ufunc if isinstance(ufunc, np.ufunc) else None
    writes = getattr(forward, "writes", None)
    if writes is None and call.ufunc is not None:
        writes = written_by(call.ufunc)
    call.writes = writes  # over its first argument, if it can: see `inplace`
    return call


def no_slope(g: Any) -> Any:
    """The gradient through what does not depend on its input: 0, also where `g` is inf or nan."""
    zeros = np.zeros_like(g.array if isinstance(g, TensorBase) else g)
    return wrap(zeros) if isinstance(g, TensorBase) else zeros


# ------------------------------------------------------------------------------------------------
# Operands
# ------------------------------------------------------------------------------------------------

_PLAIN_NUMBERS = (float, int)
_INT64 = np.dtype(np.int64)


def promoted(a: Any, b: Any, floats: bool, bools: bool = True) -> tuple[Any, Any]:
    """Both operands in their common type: tensors cast if need be, Python numbers as they are.

    Raises
    ------
    TypeError
        An operand is neither a tensor nor something that can become one.
    RuntimeError
        An operand is a bool or holds bools, and `bools` is false.
    """
    if type(b) in _PLAIN_NUMBERS and a.array.dtype.kind == "f":
        return a, b  # by far the most frequent case: a float tensor and a plain number
    if type(a) in _PLAIN_NUMBERS and b.array.dtype.kind == "f":
        return a, b
    if type(b) is int and a.array.dtype is _INT64 and -(2**63) <= b < 2**63 and not floats:
        return a, b
    a, b = _operand(a), _operand(b)
    if not bools and (_is_bool(a) or _is_bool(b)):
        raise RuntimeError(
            "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying "
            "to invert a mask, use the `~` or `logical_not()` operator instead; to count with it, "
            "write mask.long() or mask.float()."
        )
    target = dtypes.result_type(*[v.array if isinstance(v, TensorBase) else v for v in (a, b)])
    if floats and target.kind != "f":
        target = dtypes.default()
    return _in_type(a, target), _in_type(b, target)


def _is_bool(value: Any) -> bool:
    return value.array.dtype.kind == "b" if isinstance(value, TensorBase) else type(value) is bool


def _operand(value: Any) -> Any:
    """A tensor, or a Python number; NumPy's numbers are numbers, its arrays count as tensors."""
    if isinstance(value, ndarray):
        return wrap(_real(value))
    if isinstance(value, np.generic):
        value = _real(value).item()
    if isinstance(value, TensorBase):
        return value
    if isinstance(value, (float, int)):
        if not -(2**63) <= value < 2**64 and isinstance(value, int):
            raise OverflowError(f"int too big to convert: {value} has more than 64 bits")
        return value
    raise NoOperand(
        f"unsupported operand type(s): 'Tensor' and '{type(value).__name__}'; expected a Tensor, a "
        "NumPy array or a number"
    )


def _real(value: Any) -> Any:
    """An array or scalar of NumPy's, if it holds real numbers."""
    if value.dtype.kind not in "biuf":
        raise TypeError(
            f"unsupported operand type(s): 'Tensor' and an array of {value.dtype}; expected real "
            "numbers"
        )
    return value


def _wrapped(value: int, kind: np.dtype) -> Any:
    """An integer beside a tensor of integers takes their type, by its last bits, as in PyTorch."""
    return np.asarray(value).astype(kind)[()] if kind.kind in "iu" else value


def _in_type(value: Any, target: np.dtype) -> Any:
    if isinstance(value, TensorBase):
        return value if value.array.dtype == target else cast(value, target)
    if target.kind == "f":
        return float(value)
    if target.kind == "b":
        return value
    low, bits = np.iinfo(target).min, 8 * target.itemsize
    return (value - low) % 2**bits + low  # an integer that does not fit keeps its last bits


def type_error(name: str, error: TypeError, *operands: Any) -> Exception:
    """PyTorch's class and words for operands of a type that NumPy refuses."""
    kinds = [v.dtype for v in operands if isinstance(v, ndarray)]
    if not kinds:
        return error
    if name in ("sub", "rsub", "neg") and kinds[0].kind == "b":
        word, which = (
            ("Negation", "a bool tensor") if name == "neg" else ("Subtraction", "two bool tensors")
        )
        return RuntimeError(
            f"{word}, the `-` operator, {'on' if name == 'neg' else 'with'} {which} is not "
            "supported. Use the `^` or `logical_xor()` operator, or `~` to invert a mask, instead."
        )
    if name == "bitwise_not.operator":
        return TypeError(
            "~ (operator.invert) is only implemented on integer and Boolean-type tensors"
        )
    return NotImplementedError(f"\"{name}\" not implemented for '{dtypes.legacy_name(kinds[0])}'")


def broadcast_error(x: Any, y: Any, error: ValueError) -> RuntimeError:
    """PyTorch's words for two shapes that do not go together."""
    shape_x, shape_y = np.shape(x), np.shape(y)
    rank = max(len(shape_x), len(shape_y))
    for axis in range(-1, -rank - 1, -1):
        size_x = shape_x[axis] if -axis <= len(shape_x) else 1
        size_y = shape_y[axis] if -axis <= len(shape_y) else 1
        if size_x != size_y and 1 not in (size_x, size_y):
            return RuntimeError(
                f"The size of tensor a ({size_x}) must match the size of tensor b ({size_y}) at "
                f"non-singleton dimension {rank + axis} (shapes {list(shape_x)} and "
                f"{list(shape_y)})"
            )
    return RuntimeError(str(error))
