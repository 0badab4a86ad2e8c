"""`explain_shapes`: errors about shapes that name the operation, the line, the operands.

An error knows the frame of the line that led to it. From the line's source follows which expression
failed, and from the frame what its operands are: the text is parsed, and what is safe to compute
once more (names, attributes, operators, functions of tensors, modules that get their state back) is
computed once more.
"""

from __future__ import annotations

import ast
import linecache
import operator
import re
import types
from collections.abc import Callable, Iterator
from contextlib import ContextDecorator
from typing import Any

from ..autograd.grad_mode import no_grad
from ..autograd.tensor_base import TensorBase
from ..nn.module import Module
from ..tensor.creation import get_rng_state, set_rng_state
from .calls import kept
from .text import extend

__all__ = ["explain_shapes"]

ABOUT_SHAPES = re.compile(
    r"shape|size|dimension|broadcast|mat1|\d-?D\b|out of (range|bounds)|must match|inconsistent"
)
OPERATORS: dict[type, tuple[str, Callable[..., Any]]] = {
    ast.Add: ("add", operator.add), ast.Sub: ("sub", operator.sub),
    ast.Mult: ("mul", operator.mul), ast.Div: ("div", operator.truediv),
    ast.MatMult: ("matmul", operator.matmul), ast.Pow: ("pow", operator.pow),
    ast.FloorDiv: ("floor_divide", operator.floordiv), ast.Mod: ("remainder", operator.mod),
    ast.BitAnd: ("bitwise_and", operator.and_), ast.BitOr: ("bitwise_or", operator.or_),
    ast.BitXor: ("bitwise_xor", operator.xor), ast.Lt: ("lt", operator.lt),
    ast.LtE: ("le", operator.le), ast.Gt: ("gt", operator.gt), ast.GtE: ("ge", operator.ge),
    ast.Eq: ("eq", operator.eq), ast.NotEq: ("ne", operator.ne),
}  # fmt: skip
UNARY: dict[type, Callable[..., Any]] = {ast.USub: operator.neg, ast.Invert: operator.invert}
PURE_HOMES = ("minigrad.ops.", "minigrad.tensor.", "minigrad.nn.functional")
IMPURE = ("set_", "seed", "manual_seed", "save", "load", "compile")
PURE = (len, range, int, float, min, max, tuple, list)
ENTRY_BY_ENTRY = frozenset(["add", "sub", "mul", "div", "pow", "lt", "le", "gt", "ge", "eq", "ne"])
KINDS = (ast.BinOp, ast.Call, ast.Subscript, ast.AugAssign, ast.Compare)


class explain_shapes(ContextDecorator):
    """Let errors about shapes name the operation, the source line, and the operands with shapes.

    The error stays the same, with lines added to its message when it leaves the ``with`` block (or
    the function, as a decorator). Nothing is slower while no error is raised.

    Notes
    -----
    Operands are computed once more from the source of the failing line, if that is safe: user's own
    functions are not called. Where the source is not there, the line says only where it was.

    Examples
    --------
    ::

        with mg.explain_shapes():
            train(model)

    An error in it ends in, for example::

        RuntimeError: mat1 and mat2 shapes cannot be multiplied (3x4 and 5x4)
          operation: matmul, in hidden.tanh() @ self.weight
          line: model.py:12, in forward: return hidden.tanh() @ self.weight
          hidden.tanh()  shape (3, 4)
          self.weight    shape (5, 4)
          the last axis of hidden.tanh() is 4, axis -2 of self.weight is 5: a product needs both
          the same; self.weight.transpose(-2, -1) fits
    """

    def __enter__(self) -> explain_shapes:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if (
            isinstance(error, (RuntimeError, ValueError, IndexError, AssertionError))
            and not hasattr(error, "explained")
            and ABOUT_SHAPES.search(str(error))
        ):
            text = explanation(error, trace)
            if text:
                extend(error, text)
                error.explained = True  # type: ignore[union-attr]


def explanation(error: BaseException, trace: Any) -> str:
    """The lines to add; "" for an error that is none of ours."""
    last, by_us = None, False  # the innermost frame of the user's, and whether it called us
    layer: Any = None  # the innermost of our layers below it, and its variables
    while trace is not None:
        frame = trace.tb_frame
        home = str(frame.f_globals.get("__name__") or "numpy").partition(".")[0]
        if home not in ("minigrad", "numpy"):
            last, by_us, layer = trace, False, None
        elif frame.f_code.co_name == "forward" and isinstance(frame.f_locals.get("self"), Module):
            layer = frame.f_locals
        by_us = by_us or home == "minigrad"
        trace = trace.tb_next
    if last is None or not by_us:
        return ""
    frame, number = last.tb_frame, last.tb_lineno
    file = frame.f_code.co_filename
    place = f"  line: {file}:{number}, in {frame.f_code.co_name}"
    source = linecache.getline(file, number, frame.f_globals).strip()
    place += f": {source}" if source else ""
    failing, text = _failing(last, error)
    if failing is None:
        return place
    with _nothing_kept():
        name, operands = _operands(failing, _Frame(frame), text, layer)
    lines = [f"  operation: {name}, in {_segment(text, failing)}", place]
    width = max([len(label) for label, _ in operands], default=0)
    for label, value in operands:
        described = _described(value)
        lines.append(f"  {label}" if described == label else f"  {label:{width}}  {described}")
    return "\n".join(lines + _reasons(name, operands))


# ------------------------------------------------------------------------------------------------
# Which expression failed
# ------------------------------------------------------------------------------------------------


def _failing(trace: Any, error: BaseException) -> tuple[Any, str]:
    """The expression that raised the error, and the source that it is in; (None, "")."""
    code = trace.tb_frame.f_code
    text = "".join(linecache.getlines(code.co_filename, trace.tb_frame.f_globals))
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return None, ""
    nodes: list[Any] = [n for n in ast.walk(tree) if isinstance(n, KINDS)]
    for statement in ast.walk(tree):
        for target in getattr(statement, "targets", ()):
            if isinstance(statement, ast.Assign) and isinstance(target, ast.Subscript):
                target.written = statement.value  # type: ignore[attr-defined]
    place = _position(code, trace.tb_lasti)
    if place is not None:
        found = [n for n in nodes if _place_of(n) == place]
        if found:
            return found[0], text
    with _nothing_kept():  # Python 3.10 knows the line only
        frame = _Frame(trace.tb_frame)
        here = [n for n in nodes if n.lineno <= trace.tb_lineno <= (n.end_lineno or n.lineno)]
        inner_first = sorted(here, key=lambda n: len(_segment(text, n)))
        for node in inner_first:
            try:
                frame.value(node)
            except _Unknown:
                continue
            except Exception as again:
                if type(again) is type(error) and str(again) == str(error):
                    return node, text
    return None, ""


def _position(code: types.CodeType, instruction: int) -> Any:
    """Where the instruction stands: (line, last line, column, last column); None if unknown."""
    if not hasattr(code, "co_positions"):
        return None
    places = list(code.co_positions())
    return places[instruction // 2] if instruction // 2 < len(places) else None


def _place_of(node: Any) -> tuple[int, int, int, int]:
    return node.lineno, node.end_lineno, node.col_offset, node.end_col_offset


def _segment(text: str, node: ast.AST) -> str:
    """The source of an expression, in one line."""
    return " ".join((ast.get_source_segment(text, node) or ast.unparse(node)).split())


# ------------------------------------------------------------------------------------------------
# What its operands are
# ------------------------------------------------------------------------------------------------


class _Unknown(Exception):
    """The value of an expression is not known, and cannot be computed safely."""


class _Frame:
    """Computes expressions as a frame would, if nothing changes by it."""

    def __init__(self, frame: Any) -> None:
        self.names = {**frame.f_builtins, **frame.f_globals, **frame.f_locals}

    def value(self, node: Any) -> Any:
        """The value of an expression, or `_Unknown`."""
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name) and node.id in self.names:
            return self.names[node.id]
        if isinstance(node, (ast.Tuple, ast.List)):
            return [self.value(n) for n in node.elts]
        if isinstance(node, ast.Slice):
            ends = (node.lower, node.upper, node.step)
            return slice(*[None if n is None else self.value(n) for n in ends])
        if isinstance(node, ast.Attribute):
            owner = self.value(node.value)
            if isinstance(owner, (TensorBase, Module, types.ModuleType)) or not hasattr(
                type(owner), node.attr
            ):
                return getattr(owner, node.attr)
        if isinstance(node, ast.Subscript):
            holder: Any = self.value(node.value)
            index = self.value(node.slice)
            if type(holder) in (list, tuple, dict) or isinstance(holder, TensorBase):
                return holder[tuple(index) if isinstance(node.slice, ast.Tuple) else index]
        if isinstance(node, ast.UnaryOp) and type(node.op) in UNARY:
            return UNARY[type(node.op)](self.value(node.operand))
        if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
            return OPERATORS[type(node.op)][1](self.value(node.left), self.value(node.right))
        if isinstance(node, ast.Call):
            return self._called(node)
        raise _Unknown

    def _called(self, node: ast.Call) -> Any:
        function = self.value(node.func)
        args = [self.value(n) for n in node.args]
        named = {k.arg: self.value(k.value) for k in node.keywords if k.arg is not None}
        if len(named) < len(node.keywords):
            raise _Unknown
        if isinstance(function, Module):
            with kept(function):
                return function(*args, **named)
        if function in PURE or _is_pure(function):
            return function(*args, **named)
        raise _Unknown


def _is_pure(function: Any) -> bool:
    """Whether a function of minigrad's, or a method of a tensor, changes none of its arguments."""
    name = getattr(function, "__name__", "_")
    owner = getattr(function, "__self__", None)
    if isinstance(owner, TensorBase):
        return not name.endswith("_") and name not in ("backward", "register_hook", "retain_grad")
    home = str(getattr(function, "__module__", ""))
    ours = home == "minigrad" or home.startswith(PURE_HOMES)
    return ours and not name.endswith("_") and not name.startswith(IMPURE)


class _nothing_kept:
    """Computing once more records nothing, and leaves the random stream where it was."""

    def __enter__(self) -> None:
        self.stream, self.off = get_rng_state(), no_grad()
        self.off.__enter__()

    def __exit__(self, *error: Any) -> None:
        self.off.__exit__(*error)
        set_rng_state(self.stream)


UNKNOWN = object()


def _operands(node: Any, frame: _Frame, text: str, layer: Any) -> tuple[str, list[tuple[str, Any]]]:
    """The name of the operation of an expression, and its operands, each with what it is called.

    `layer` are the variables of the layer's ``forward`` in which the error was raised, or None.
    """

    def known(part: Any) -> Any:
        try:
            return frame.value(part)
        except Exception:
            return UNKNOWN

    def labelled(*parts: Any) -> Iterator[tuple[str, Any]]:
        for part in parts:
            label, value = _segment(text, part), known(part)
            if isinstance(value, (list, tuple)) and any([isinstance(v, TensorBase) for v in value]):
                names = (
                    [_segment(text, p) for p in part.elts] if hasattr(part, "elts")
                    else [f"{label}[{k}]" for k in range(len(value))]
                )  # fmt: skip
                yield from zip(names, value)
            else:
                yield label, value

    if isinstance(node, ast.BinOp):
        return OPERATORS[type(node.op)][0], list(labelled(node.left, node.right))
    if isinstance(node, ast.AugAssign):
        return f"{OPERATORS[type(node.op)][0]}_", list(labelled(node.target, node.value))
    if isinstance(node, ast.Compare):
        return OPERATORS[type(node.ops[0])][0], list(labelled(node.left, node.comparators[0]))
    if isinstance(node, ast.Subscript):
        written = getattr(node, "written", None)
        more = () if written is None else (written,)
        return "indexing", list(labelled(node.value, node.slice, *more))
    given = list(labelled(*node.args))
    given += [(k.arg or "**", known(k.value)) for k in node.keywords]
    function = known(node.func)
    called = _segment(text, node.func)
    if isinstance(function, Module):
        names = {id(m): name for name, m in function.named_modules()}
        inner = None if layer is None else names.get(id(layer["self"]))
        if inner:  # it is a layer in that one
            function, called = layer["self"], f"{called}.{inner}"
            given = [("its input", v) for v in [layer.get("input")] if isinstance(v, TensorBase)]
        weights = [(f"{called}.{name}", p) for name, p in function.named_parameters()]
        return f"{called}, {type(function).__name__}({function.extra_repr()})", given + weights[:8]
    if isinstance(node.func, ast.Attribute):
        owner = known(node.func.value)
        if isinstance(owner, TensorBase):
            return node.func.attr, [(_segment(text, node.func.value), owner), *given]
    return getattr(node.func, "attr", called.partition("(")[0]), given


def _described(value: Any) -> str:
    if isinstance(value, TensorBase):
        return f"shape {tuple(value.array.shape)}"
    return "(not known any more)" if value is UNKNOWN else f"{value!r:.60}"


def _reasons(name: str, operands: list[tuple[str, Any]]) -> list[str]:
    """Which axes do not go together, for the operations that nearly all errors are about."""
    tensors = [(label, v.array.shape) for label, v in operands if isinstance(v, TensorBase)]
    if len(tensors) != 2:
        return []
    (a, x), (b, y) = tensors
    if name in ("matmul", "mm", "bmm") and x and y:
        inner = -2 if len(y) > 1 else -1
        if x[-1] == y[inner]:
            return []
        advice = f"; {b}.transpose(-2, -1) fits" if len(y) > 1 and x[-1] == y[-1] else ""
        return [f"  the last axis of {a} is {x[-1]}, axis {inner} of {b} is {y[inner]}: "
                f"a product needs both the same{advice}"]  # fmt: skip
    if name.rstrip("_") in ENTRY_BY_ENTRY:
        for k in range(1, min(len(x), len(y)) + 1):
            if x[-k] != y[-k] and 1 not in (x[-k], y[-k]):
                return [f"  axis {-k} of {a} is {x[-k]}, of {b} {y[-k]}: counted from the last, "
                        "axes have to be the same, or 1"]  # fmt: skip
    return []
