"""Functions as users see them: what has to be a tensor is one.

Inside, operations run on arrays as well: a gradient rule is handed plain arrays when nothing is to
be recorded (see `minigrad.autograd.engine`). A user who passes an array or a list has forgotten
something, and would get an array back that no gradient reaches. So the names of `minigrad` itself,
and methods that take further tensors, are `checked`: arguments are told apart by their names, which
are the same everywhere, and what is no tensor is refused by function, argument and position.
(`minigrad.nn.functional` checks by hand, since its functions warn of old arguments, and a warning
counts the functions between it and the user.)

The same place understands the names that NumPy gives to arguments (`NUMPY_NAMES`) and ``out=``, for
all functions, and names the function in errors.

Elementwise operations look at their argument anyway and bring a strict form of themselves along,
``op.public`` (see `minigrad.ops.makers`), so that checking costs them nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from ..arrays import dtypes
from ..autograd.errors import stacklevel
from ..autograd.tensor_base import TensorBase
from .out import written
from .values import is_number, type_name

TENSOR, EITHER, MANY = "Tensor", "Tensor or Number", "tuple of Tensors"
_PLAIN_NUMBERS = (float, int)
COUNTS = "Tensor, int or None"
OPTIONAL = "Tensor or None", "Tensor, Number or None"

Class = TypeVar("Class", bound=type)

KINDS = {  # by the name of the argument
    "input": TENSOR, "tensor": TENSOR, "tensor1": TENSOR, "tensor2": TENSOR, "mat1": TENSOR,
    "mat2": TENSOR, "batch1": TENSOR, "batch2": TENSOR, "vec": TENSOR, "vec2": TENSOR, "A": TENSOR,
    "B": TENSOR, "mat": TENSOR, "vec1": TENSOR, "input2": TENSOR, "LU_data": TENSOR,
    "LU_pivots": TENSOR,
    "x": TENSOR, "x1": TENSOR, "x2": TENSOR, "logits": TENSOR, "log_probs": TENSOR,
    "input1": TENSOR, "anchor": TENSOR, "positive": TENSOR, "negative": TENSOR,
    "target": TENSOR, "targets": TENSOR, "source": TENSOR, "mask": TENSOR, "condition": TENSOR,
    "index": TENSOR, "indices": TENSOR, "other": EITHER, "weight": OPTIONAL[0], "bias": OPTIONAL[0],
    "weights": OPTIONAL[0], "pos_weight": OPTIONAL[0],
    "running_mean": OPTIONAL[0], "running_var": OPTIONAL[0], "tensors": MANY,
    "query": TENSOR, "key": TENSOR, "attn_mask": OPTIONAL[0], "key_padding_mask": OPTIONAL[0],
    "offsets": OPTIONAL[0], "per_sample_weights": OPTIONAL[0],
}  # fmt: skip
OWN_KINDS: dict[str, dict[str, str | None]] = {  # of functions where a name means something else
    **{name: {"other": TENSOR} for name in (
        "matmul", "isclose", "allclose", "equal", "dist", "view_as", "expand_as", "type_as",
        "reshape_as")},
    **{name: {"input": EITHER} for name in (
        "add", "subtract", "sub", "div", "divide", "true_divide", "pow")},
    **{name: {"dim": None, "other": OPTIONAL[0]} for name in ("max", "min")},
    **{name: {"min": OPTIONAL[1], "max": OPTIONAL[1]} for name in ("clamp", "clip")},
    **{name: {"source": None} for name in ("movedim", "moveaxis")},
    **{name: {"value": TENSOR} for name in (
        "scaled_dot_product_attention", "multi_head_attention_forward")},
    "clamp_min": {"min": EITHER},
    "clamp_max": {"max": EITHER},
    "lerp": {"end": TENSOR, "weight": EITHER},
    **{name: {"src": TENSOR} for name in (
        "scatter_reduce", "select_scatter", "slice_scatter", "diagonal_scatter")},
    "diff": {"prepend": OPTIONAL[0], "append": OPTIONAL[0]},
    "select_scatter": {"src": TENSOR, "index": None},
    "heaviside": {"values": TENSOR},
    "ldexp": {"other": TENSOR},
    "float_power": {"input": EITHER, "exponent": EITHER},
    "quantile": {"q": "Tensor or float Number"},
    "nanquantile": {"q": "Tensor or float Number"},
    **{name: {"y": TENSOR, "x": OPTIONAL[0]} for name in (
        "trapezoid", "trapz", "cumulative_trapezoid")},
    "cov": {"fweights": OPTIONAL[0], "aweights": OPTIONAL[0]},
    "searchsorted": {"input": EITHER, "sorted_sequence": TENSOR, "sorter": OPTIONAL[0]},
    "bucketize": {"input": EITHER, "boundaries": TENSOR},
    "isin": {"elements": EITHER, "test_elements": EITHER},
    "tensordot": {"a": TENSOR, "b": TENSOR},
    "vecdot": {"y": TENSOR},
    "where": {"input": EITHER, "other": EITHER},
    "masked_fill": {"value": EITHER},
    "index_fill": {"value": EITHER},
    "index_put": {"indices": None, "values": TENSOR},
    "scatter": {"src": OPTIONAL[1], "value": OPTIONAL[1]},
    "scatter_add": {"src": TENSOR},
    "select": {"index": None},
    "repeat_interleave": {"repeats": COUNTS},
    "result_type": {"tensor1": EITHER, "tensor2": EITHER},
    "normal": {"mean": EITHER, "std": EITHER},
    "binomial": {"count": TENSOR, "prob": TENSOR},
}  # fmt: skip

NUMPY_NAMES = {  # other names that every function takes for its arguments, and what they mean
    "axis": "dim", "keepdims": "keepdim", "x": "input", "a": "input", "x1": "input", "x2": "other",
}  # fmt: skip
OWN_NAMES = {  # what PyTorch calls arguments that have other names here
    "dot": {"tensor": "mat2"}, "mv": {"vec": "mat2"}, "pow": {"exponent": "other"},
    "swapaxes": {"axis0": "dim0", "axis1": "dim1"}, "from_numpy": {"ndarray": "array"},
    "searchsorted": {"values": "input"},
    "cholesky_inverse": {"L": "input"}, "cholesky_solve": {"B": "input", "L": "input2"},
    "lu": {"A": "input"}, "lu_solve": {"b": "input"},
}  # fmt: skip
NO_OUT = {  # functions that do not take ``out=``, as in PyTorch
    "argsort", "as_tensor", "broadcast_tensors", "broadcast_to", "chunk", "clone", "count_nonzero",
    "diagonal", "dist", "einsum", "empty_like", "expand", "flatten", "flip", "from_numpy",
    "full_like", "index_fill", "index_put", "isclose", "isfinite", "isinf", "isnan", "masked_fill",
    "meshgrid", "moveaxis", "movedim", "narrow", "ones_like", "permute", "positive", "rand_like",
    "randint_like", "randn_like", "ravel", "relu", "repeat", "repeat_interleave", "reshape", "roll",
    "rsub", "select", "split", "squeeze", "std_mean", "swapaxes", "swapdims", "t", "tensor", "tile",
    "transpose", "unbind", "unflatten", "unique", "unsqueeze", "var_mean", "zeros_like",
}  # fmt: skip

# Factors that stood before the tensors they multiply, in calls of old: ``x.addmm(beta, a, b)``. Now
# they are given by name, and behind.
FACTORS = {
    "add": ("alpha",), "sub": ("alpha",), "addcmul": ("value",), "addcdiv": ("value",),
    "addmm": ("beta", "alpha"), "addmv": ("beta", "alpha"), "addr": ("beta", "alpha"),
    "addbmm": ("beta", "alpha"), "baddbmm": ("beta", "alpha"),
}  # fmt: skip


def hint_for(value: Any) -> str:
    """How to make a tensor of `value`, as the end of a message."""
    if isinstance(value, tuple) and value and isinstance(value[0], TensorBase):
        return (
            ": a recurrent layer returns a tuple (output, state), of which the next layer wants "
            "the output, its first item"
        )
    if isinstance(value, (list, tuple)):
        return ": make one with torch.tensor(...)"
    if type_name(value) == "numpy.ndarray":
        return ": make one with torch.from_numpy(...)"
    return ""


def refuse(name: str, argument: str, position: int, value: Any, kind: str = TENSOR) -> TypeError:
    """PyTorch's words for an argument that should be a tensor."""
    where = f" (position {position})" if position else ""
    return TypeError(
        f"{name}(): argument '{argument}'{where} must be {kind}, not {type_name(value)}"
        f"{hint_for(value)}"
    )


def _check(name: str, argument: str, position: int, value: Any, kind: str) -> None:
    """Raise if `value`, which is no tensor, is not what `kind` says either."""
    if kind is MANY:
        if isinstance(value, (tuple, list)):
            for k, element in enumerate(value):
                if not isinstance(element, TensorBase):
                    raise TypeError(
                        f"{name}(): expected Tensor as element {k} in argument {position - 1}, "
                        f"but got {type_name(element)}"
                    )
            return
    elif value is None:
        if "None" in kind:
            return
    elif ("Number" in kind and is_number(value)) or ("int" in kind and isinstance(value, int)):
        return
    raise refuse(name, argument, position, value, kind)


def _are_tensors(values: list[Any]) -> bool:
    return all([isinstance(value, TensorBase) for value in values])


def names_of(function: Callable[..., Any]) -> tuple[tuple[str, ...], int]:
    """The names of all arguments of `function`, and how many of them may be given by place."""
    code = getattr(function, "__code__", None)
    if code is None:
        return (), 0
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount], code.co_argcount


def kinds_of(name: str, function: Callable[..., Any]) -> list[tuple[int, str, str]]:
    """The arguments of `function` that are tensors: (place, name, kind); -1 for keywords only."""
    named = getattr(function, "form_of", function)  # of an in-place form, what it is a form of
    names, count = names_of(named)
    own = OWN_KINDS.get(name.removesuffix("_"), {})
    found = [(k if k < count else -1, n, own.get(n, KINDS.get(n))) for k, n in enumerate(names)]
    return [(k, n, kind) for k, n, kind in found if kind is not None]


def warn_of_factors(name: str, factors: Iterable[str]) -> None:
    """Warn of a call of old, with numbers before the tensors that they multiply."""
    warnings.warn(
        f"This overload of {name} is deprecated: give {' and '.join(factors)} by name, behind the "
        "tensors",
        UserWarning,
        stacklevel=stacklevel(),
    )


def checked(name: str, function: Callable[..., Any], self: bool = False) -> Callable[..., Any]:
    """`function`, after a look at those of its arguments that have to be tensors.

    With `self` it is a method: its first argument is there, and does not count.
    """
    public = getattr(function, "public", None)
    if public is not None:
        if name not in OWN_NAMES:
            return public
        function = public
    kinds = [k for k in kinds_of(name, function) if not (self and k[0] == 0)]
    names = names_of(getattr(function, "form_of", function))[0]
    known = {**NUMPY_NAMES, **OWN_NAMES.get(name, {})}
    nameable = names[1:] if self else names
    other_names = {a: n for a, n in known.items() if n in nameable and a not in names}
    makes = "requires_grad" in names  # a function that makes a tensor from nothing
    takes_out = not self and name not in NO_OUT and (makes or bool(kinds))
    if not kinds and not other_names and not takes_out:
        return function
    first = 0 if self else 1  # the number of the first argument for people
    by_place = tuple([k for k in kinds if k[0] >= 0])
    by_name = {n: (k + first if k >= 0 else 0, kind) for k, n, kind in kinds}

    factors = FACTORS.get(name.removesuffix("_"), ())
    most = names_of(getattr(function, "form_of", function))[1]
    places = tuple([(k, "Number" in kind, kind is MANY) for k, _, kind in by_place])

    def look(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        count = len(args)
        for place, argument, kind in by_place:
            if place < count and not isinstance(args[place], TensorBase):
                _check(name, argument, place + first, args[place], kind)
        for argument in kwargs:
            if argument in by_name and not isinstance(kwargs[argument], TensorBase):
                position, kind = by_name[argument]
                _check(name, argument, position, kwargs[argument], kind)

    def with_names(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The call, after the names of its keywords were understood."""
        out = kwargs.pop("out", None) if takes_out and "out" not in names else None
        kwargs = _renamed(name, names, other_names, kwargs)
        if makes and isinstance(out, TensorBase):
            kind = dtypes.of_numpy(out.array.dtype)
            if kwargs.setdefault("dtype", kind) not in (None, kind):
                raise RuntimeError(
                    f"{name}(): dtype {kwargs['dtype']} does not match dtype of out parameter "
                    f"({kind})"
                )
        look(args, kwargs)
        result = function(*args, **kwargs)
        if out is None:
            return result
        return written(name, out, result, exact=kwargs.get("dtype") is not None)

    def is_factor(place: int, value: Any) -> bool:
        """A number; or, where there is one factor, a tensor without axes in its place."""
        if isinstance(value, TensorBase):
            can_be = place == 1 and len(factors) == 1
            return can_be and not value.array.ndim and not value._requires_grad
        return is_number(value)

    def with_factors(args: tuple[Any, ...]) -> Any:
        """A call of old: the numbers among the arguments, but for the last, are factors."""
        numbers = [k for k, value in enumerate(args[:-1]) if is_factor(k, value)]
        if len(numbers) != len(args) - most or len(numbers) > len(factors):
            return function(*args)  # which says that there are too many arguments
        names = dict(zip(factors, [args[k] for k in numbers]))
        warn_of_factors(name, names)
        return with_names(tuple([v for k, v in enumerate(args) if k not in numbers]), names)

    def call(*args: Any, **kwargs: Any) -> Any:
        if kwargs:
            return with_names(args, kwargs)
        count = len(args)
        if factors and count > most:
            return with_factors(args)
        for place, number_fits, many in places:  # nearly always all of them are right
            if place >= count or not (
                isinstance(args[place], TensorBase)
                or (number_fits and type(args[place]) in _PLAIN_NUMBERS)
                or (many and type(args[place]) is list and _are_tensors(args[place]))
            ):
                look(args, kwargs)
                return function(*args)
        return function(*args)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = function.__doc__
    call.__wrapped__ = function  # type: ignore[attr-defined]
    return call


def _renamed(
    name: str, names: tuple[str, ...], other_names: dict[str, str], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """The keywords of a call with NumPy's names for arguments turned into ours."""
    if "dim" in kwargs and "axis" in kwargs:
        raise TypeError(
            f"{name}() got multiple values for argument 'dim': 'axis' is its other name"
        )
    if not any([k in other_names or k not in names for k in kwargs]):
        return kwargs
    found = {}
    for keyword, value in kwargs.items():
        known = other_names.get(keyword, keyword)
        if known not in names:
            raise TypeError(f"{name}() got an unexpected keyword argument '{keyword}'")
        if known in found:
            raise TypeError(f"{name}() got multiple values for argument '{known}'")
        found[known] = value
    return found


def publish(namespace: dict[str, Any], names: Iterable[str] | None = None) -> None:
    """Put the checked forms of our functions (or of `names`) in their places in a module."""
    done: dict[
        tuple[int, bool], Any
    ] = {}  # two names of one function stay two names of one function
    for name in list(namespace) if names is None else names:
        function = namespace[name]
        module = getattr(function, "__module__", None)
        if name.startswith("_") or isinstance(function, type) or not callable(function):
            continue
        if isinstance(module, str) and module.startswith("minigrad."):
            key = id(function), name in OWN_NAMES
            if key not in done:
                form = done[key] = checked(name, function)
                if form is not function:
                    form.__module__ = namespace["__name__"]  # where pickle finds it
            namespace[name] = done[key]


def checked_methods(cls: Class) -> Class:
    """The same for the methods of a class that take tensors beside `self`: decorates the class."""
    for name, function in list(vars(cls).items()):
        if not name.startswith("_") and hasattr(function, "__code__"):
            setattr(cls, name, checked(name, function, self=True))
    return cls
