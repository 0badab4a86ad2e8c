r"""Derivatives of functions: `vjp`, `jvp`, `jacobian`, `hessian`, `vhp` and `hvp`.

Each calls a function of tensors once and asks the engine for what the name says. For

.. math:: y = f(x), \qquad J = \frac{\partial y}{\partial x}

the engine computes :math:`v^T J`. A whole Jacobian is made of such rows, one for each entry of y.
And :math:`J v`, for which other engines go forward, comes of going back twice: :math:`u^T J` is
linear in u, whatever u is, so that differentiating its product with v by u leaves :math:`J v`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .backward import grad
from .function import Function
from .grad_mode import enable_grad, is_grad_enabled, set_grad_enabled
from .tensor_base import TensorBase, wrap

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Tensors = tuple[Any, ...]


# ------------------------------------------------------------------------------------------------
# Arguments and results
# ------------------------------------------------------------------------------------------------


def _as_tuple(value: Any, what: str, function: str) -> tuple[Tensors, bool]:
    """One tensor or a tuple of them as a tuple, and whether it was one."""
    several = isinstance(value, tuple)
    values = value if several else (value,)
    for k, one in enumerate(values):
        if not isinstance(one, TensorBase):
            which = f"value at index {k}" if several else f"given {what}"
            raise TypeError(
                f"The {what} given to {function} must be either a Tensor or a tuple of Tensors but "
                f"the {which} has type {type(one)}."
            )
    return values, several


def _inputs(values: Tensors, create_graph: bool, requires_grad: bool = True) -> Tensors:
    """Tensors to differentiate by: ends of the graph, or, to go on beyond them, copies in it."""
    return tuple([
        x.view_as(x) if create_graph and x.requires_grad
        else x.detach().requires_grad_(requires_grad)
        for x in values
    ])  # fmt: skip


def _direction(v: Any, like: Tensors, several: bool, function: str, create_graph: bool) -> Any:
    """`v` as a tuple, after a look at its shapes."""
    values, _ = _as_tuple(v, "v", function)
    if len(values) != len(like):
        raise RuntimeError(
            f"v is a tuple of invalid length: should be {len(like)} but got {len(values)}."
            if several else "The given v should contain a single Tensor."
        )  # fmt: skip
    for k, (one, other) in enumerate(zip(values, like)):
        if one.shape != other.shape:
            raise RuntimeError(
                f"{f'Entry {k} in ' if several else ''}v has invalid size: should be "
                f"{other.shape} but got {one.shape}."
            )
    return _inputs(values, create_graph, requires_grad=False)


def _result(values: Any, several: bool, create_graph: bool) -> Any:
    """What the user gets: out of any graph unless one is wanted, and a tuple if it was one."""
    if not create_graph:
        values = tuple([value.detach() for value in values])
    return tuple(values) if several else values[0]


# ------------------------------------------------------------------------------------------------
# Gradients
# ------------------------------------------------------------------------------------------------


def _gradients(
    outputs: Tensors, inputs: Tensors, weights: Any, create_graph: bool, retain: bool | None = None
) -> Sequence[Any]:
    """What `grad` gives; None where nothing depends on an input."""
    weights = (None,) * len(outputs) if weights is None else weights
    pairs = [(y, w) for y, w in zip(outputs, weights) if y is not None and y.requires_grad]
    if not pairs:
        return (None,) * len(inputs)
    used, given = zip(*pairs)
    return grad(used, inputs, given, retain, create_graph, allow_unused=True)


INDEPENDENT = "independent of {}. This is not allowed in strict mode"


def _or_zeros(
    gradients: Sequence[Any], like: Tensors, strict: bool, create_graph: bool, what: str, of: str
) -> list[Any]:
    """Zeros for None, which `strict` forbids; as it does a result that nothing depends on."""
    for k, g in enumerate(gradients):
        if strict and g is None:
            raise RuntimeError(f"The {what} is {INDEPENDENT.format(f'{of} {k}')}.")
        if strict and create_graph and not g.requires_grad:
            kind = "hessian" if "jacobian" in what else "jacobian"
            raise RuntimeError(
                f"The {kind} of the user-provided function is "
                f"{INDEPENDENT.format(f'input {k}')} when create_graph=True."
            )
    return [x.new_zeros(x.shape) if g is None else g for g, x in zip(gradients, like)]


def _check_dependent(values: Sequence[Any], strict: bool, kind: str) -> None:
    """Check, if `strict`, that there is a graph behind values of some kind."""
    if not strict:
        return
    for k, value in enumerate(values):
        if value is None:
            raise RuntimeError(
                f"The output of the user-provided function is {INDEPENDENT.format(f'input {k}')}."
            )
        if not value.requires_grad:
            raise RuntimeError({
                "outputs": f"Output {k} of the user-provided function does not require gradients. "
                "The outputs must be computed in a differentiable manner from the input when "
                "running in strict mode.",
                "gradients": f"The gradient with respect to input {k} is "
                f"{INDEPENDENT.format('the inputs of the user-provided function')}.",
                "jacobian": "While computing the hessian, found that the jacobian of the "
                f"user-provided function with respect to input {k} is "
                f"{INDEPENDENT.format('the input')}: is the function linear in it?",
            }[kind])  # fmt: skip


def _needs_no_direction(values: Tensors, whose: str) -> None:
    if len(values) != 1 or values[0].numel() != 1:
        raise RuntimeError(
            f"The vector v can only be None if the {whose} a single Tensor with a single element."
        )


ONE_INPUT = "input to the user-provided function is"


# ------------------------------------------------------------------------------------------------
# Products with the Jacobian
# ------------------------------------------------------------------------------------------------


def vjp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    r"""The output of a function, and :math:`v^T J`: a gradient.

    Parameters
    ----------
    func : callable
        Takes the inputs, returns a tensor or a tuple of tensors.
    inputs : Tensor or tuple of Tensor
        Where to differentiate.
    v : Tensor or tuple of Tensor, optional
        Shaped like the outputs. May be left out if there is one, of one entry.
    create_graph : bool
        Whether the results can be differentiated again. Default: False.
    strict : bool
        Refuse outputs and inputs that do not depend on each other, instead of giving zeros.
        Default: False.

    Returns
    -------
    (Tensor or tuple, Tensor or tuple)
        ``func(*inputs)``, and the product, shaped like the inputs.

    Raises
    ------
    TypeError
        Something that should be is no tensor.
    RuntimeError
        `v` is missing, or of another shape; what `strict` refuses.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.autograd.functional import vjp
    >>> vjp(lambda x: x**2, mg.tensor([1.0, 2.0]), mg.tensor([1.0, 10.0]))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    with enable_grad():
        values, several = _as_tuple(inputs, "inputs", "vjp")
        values = _inputs(values, create_graph)
        outputs, many = _as_tuple(func(*values), "outputs of the user-provided function", "vjp")
        _check_dependent(outputs, strict, "outputs")
        if v is None:
            _needs_no_direction(outputs, "user-provided function returns")
        else:
            v = _direction(v, outputs, many, "vjp", create_graph)
    with set_grad_enabled(create_graph or is_grad_enabled()):
        gradients = _gradients(outputs, values, v, create_graph)
        what = "output of the user-provided function"
        product = _or_zeros(gradients, values, strict, create_graph, what, "input")
    return _result(outputs, many, create_graph), _result(product, several, create_graph)


def jvp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    r"""The output of a function, and :math:`J v`: how it changes in the direction v.

    Parameters
    ----------
    func : callable
        Takes the inputs, returns a tensor or a tuple of tensors.
    inputs : Tensor or tuple of Tensor
        Where to differentiate.
    v : Tensor or tuple of Tensor, optional
        Shaped like the inputs. May be left out if there is one, of one entry.
    create_graph, strict : bool
        As in `vjp`.

    Returns
    -------
    (Tensor or tuple, Tensor or tuple)
        ``func(*inputs)``, and the product, shaped like the outputs.

    Raises
    ------
    TypeError, RuntimeError
        As in `vjp`.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.autograd.functional import jvp
    >>> jvp(lambda x: x.cumsum(0), mg.ones(3), mg.tensor([1.0, 0.0, 5.0]))
    (tensor([1., 2., 3.]), tensor([1., 1., 6.]))
    """
    with enable_grad():
        values, several = _as_tuple(inputs, "inputs", "jvp")
        values = _inputs(values, create_graph)
        if v is None:
            _needs_no_direction(values, ONE_INPUT)
        else:
            v = _direction(v, values, several, "jvp", create_graph)
        outputs, many = _as_tuple(func(*values), "outputs of the user-provided function", "jvp")
        _check_dependent(outputs, strict, "outputs")
        weights = tuple([y.new_zeros(y.shape).requires_grad_() for y in outputs])
        gradients = tuple(_gradients(outputs, values, weights, create_graph=True))
        _check_dependent(gradients, strict, "gradients")
    with set_grad_enabled(create_graph or is_grad_enabled()):
        twice = _gradients(gradients, weights, v, create_graph)
        what = "gradient with respect to the input"
        product = _or_zeros(twice, outputs, strict, create_graph, what, "entry")
    return _result(outputs, many, create_graph), _result(product, many, create_graph)


# ------------------------------------------------------------------------------------------------
# The Jacobian
# ------------------------------------------------------------------------------------------------


class _Stack(Function):
    """Rows as one tensor."""

    @staticmethod
    def forward(ctx: Any, *rows: Any) -> Any:
        """The rows along a new first axis."""
        return wrap(np.stack([row.array for row in rows]))

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        """A row of the gradient for each."""
        return tuple([g[k] for k in range(len(g))])


def _check_strategy(strategy: str, vectorize: bool, strict: bool, create_graph: bool) -> None:
    if strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError(
            f'Expected strategy to be either "forward-mode" or "reverse-mode", but got {strategy!r}'
        )
    if strategy == "forward-mode":
        if create_graph:
            raise NotImplementedError(
                'jacobian: `create_graph=True` and `strategy="forward-mode"` are not supported '
                "together"
            )
        if strict:
            raise RuntimeError(
                'jacobian: `strict=True` and `strategy="forward-mode"` are not supported together'
            )
        if not vectorize:
            raise NotImplementedError(
                'jacobian: `strategy="forward-mode"` is only implemented for `vectorize=True`'
            )


def jacobian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    r"""All derivatives of a function: :math:`J_{ij} = \partial y_i / \partial x_j`.

    Parameters
    ----------
    func : callable
        Takes the inputs, returns a tensor or a tuple of tensors.
    inputs : Tensor or tuple of Tensor
        Where to differentiate.
    create_graph, strict : bool
        As in `vjp`.
    vectorize : bool
        Without effect, as is `strategy`: rows are computed one after the other, going back. Both
        are looked at as PyTorch does. Default: False.
    strategy : "reverse-mode" or "forward-mode"
        Default: "reverse-mode".

    Returns
    -------
    Tensor, or tuple of Tensor, or tuple of tuple of Tensor
        Shaped ``(*output.shape, *input.shape)``; a tuple for several outputs, and inside it one for
        several inputs.

    Raises
    ------
    TypeError, RuntimeError
        As in `vjp`.
    AssertionError, NotImplementedError
        There is no such strategy, or it does not go with the other options in PyTorch.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.autograd.functional import jacobian
    >>> jacobian(lambda x, w: w * x.sum(), (mg.ones(2), mg.tensor([1.0, 3.0])))
    (tensor([[1., 1.],
            [3., 3.]]), tensor([[2., 0.],
            [0., 2.]]))
    """
    _check_strategy(strategy, vectorize, strict, create_graph)
    with enable_grad():
        values, several = _as_tuple(inputs, "inputs", "jacobian")
        values = _inputs(values, create_graph)
        what = "outputs of the user-provided function"
        outputs, many = _as_tuple(func(*values), what, "jacobian")
        _check_dependent(outputs, strict, "outputs")
        if strict and vectorize:
            raise RuntimeError(
                "jacobian: `strict=True` and `vectorized=True` are not supported together"
            )
        blocks = []
        for k, output in enumerate(outputs):
            rows = []
            for entry in output.reshape(-1):
                row = _gradients((entry,), values, None, create_graph, retain=True)
                name = f"Output {k} of the user-provided function"
                rows.append(_row_or_zeros(row, values, strict, create_graph, name))
            blocks.append([
                _Stack.apply(*column).view(output.shape + x.shape)
                if rows else x.new_zeros(output.shape + x.shape)
                for x, column in zip(values, zip(*rows) if rows else values)
            ])  # fmt: skip
    results = [_result(block, several, create_graph) for block in blocks]
    return tuple(results) if many else results[0]


def _row_or_zeros(
    row: Sequence[Any], values: Tensors, strict: bool, create_graph: bool, name: str
) -> list[Any]:
    for k, g in enumerate(row):
        if strict and g is None:
            raise RuntimeError(f"{name} is {INDEPENDENT.format(f'input {k}')}.")
    return _or_zeros(row, values, strict, create_graph, name, "input")


def _single(outputs: Tensors, several: bool, function: str) -> Any:
    """The output, if it is one of one entry."""
    if several:
        raise RuntimeError(f"The function given to {function} should return a single Tensor")
    if outputs[0].numel() != 1:
        raise RuntimeError(
            f"The Tensor returned by the function given to {function} should contain a single "
            "element"
        )
    return outputs[0]


def hessian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    r"""All second derivatives: :math:`H_{ij} = \partial^2 y / \partial x_i \partial x_j`.

    Parameters
    ----------
    func : callable
        Takes the inputs, returns a tensor of one entry.
    inputs : Tensor or tuple of Tensor
        Where to differentiate.
    create_graph, strict : bool
        As in `vjp`.
    vectorize, outer_jacobian_strategy
        As in `jacobian`, of which this is the Jacobian.

    Returns
    -------
    Tensor or tuple of tuple of Tensor
        Shaped ``(*input.shape, *input.shape)``; for several inputs a tuple of tuples, where
        ``hessian[i][j]`` is for the inputs i and j.

    Raises
    ------
    TypeError, RuntimeError, AssertionError, NotImplementedError
        As in `jacobian`.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.autograd.functional import hessian
    >>> hessian(lambda x: x.prod(), mg.tensor([2.0, 3.0, 5.0]))
    tensor([[0., 5., 3.],
            [5., 0., 2.],
            [3., 2., 0.]])
    """
    values, several = _as_tuple(inputs, "inputs", "hessian")

    def single(*values: Any) -> Any:
        what = "outputs of the user-provided function"
        outputs, many = _as_tuple(func(*values), what, "hessian")
        _check_dependent(outputs, strict, "outputs")
        return _single(outputs, many, "hessian").squeeze()

    def first(*values: Any) -> Any:
        gradients = jacobian(single, values, create_graph=True)
        _check_dependent(gradients, strict, "jacobian")
        return gradients

    blocks = jacobian(first, values, create_graph, strict, vectorize, outer_jacobian_strategy)
    return blocks if several else blocks[0][0]


# ------------------------------------------------------------------------------------------------
# Products with the Hessian
# ------------------------------------------------------------------------------------------------


def _first_derivatives(
    func: Callable[..., Any], inputs: Any, v: Any, create_graph: bool, strict: bool, name: str
) -> tuple[Tensors, bool, Any, Any, Tensors]:
    """Of `vhp` and `hvp`: the inputs, whether they are several, v, the output, its gradients."""
    values, several = _as_tuple(inputs, "inputs", name)
    values = _inputs(values, create_graph)
    if v is None:
        _needs_no_direction(values, ONE_INPUT)
    else:
        v = _direction(v, values, several, name, create_graph)
    outputs, many = _as_tuple(func(*values), "outputs of the user-provided function", name)
    _check_dependent(outputs, strict, "outputs")
    output = _single(outputs, many, name)
    gradients = tuple(_gradients((output,), values, None, create_graph=True))
    _check_dependent(gradients, strict, "jacobian")
    return values, several, v, output, gradients


def vhp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    r"""The output of a function, and :math:`v^T H`, without making H.

    Parameters
    ----------
    func : callable
        Takes the inputs, returns a tensor of one entry.
    inputs : Tensor or tuple of Tensor
        Where to differentiate.
    v : Tensor or tuple of Tensor, optional
        Shaped like the inputs. May be left out if there is one, of one entry.
    create_graph, strict : bool
        As in `vjp`.

    Returns
    -------
    (Tensor, Tensor or tuple)
        ``func(*inputs)``, and the product, shaped like the inputs.

    Raises
    ------
    TypeError, RuntimeError
        As in `vjp`; the function returns more than one number.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.autograd.functional import vhp
    >>> vhp(lambda x: x.prod(), mg.tensor([2.0, 3.0, 5.0]), mg.tensor([1.0, 0.0, 0.0]))
    (tensor(30.), tensor([0., 5., 3.]))
    """
    with enable_grad():
        found = _first_derivatives(func, inputs, v, create_graph, strict, "vhp")
    values, several, v, output, gradients = found
    with set_grad_enabled(create_graph or is_grad_enabled()):
        twice = _gradients(gradients, values, v, create_graph)
        what = "jacobian of the user-provided function"
        product = _or_zeros(twice, values, strict, create_graph, what, "input")
    return _result((output,), False, create_graph), _result(product, several, create_graph)


def hvp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    r"""The output of a function, and :math:`H v`, which is `vhp` by a longer way.

    H is symmetric where second derivatives are continuous, so that `vhp`, which goes back twice,
    gives the same; this goes back three times, as in PyTorch. Parameters, results and errors are
    those of `vhp`.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.autograd.functional import hvp
    >>> hvp(lambda x: x.prod(), mg.tensor([2.0, 3.0, 5.0]), mg.tensor([1.0, 0.0, 0.0]))
    (tensor(30.), tensor([0., 5., 3.]))
    """
    with enable_grad():
        found = _first_derivatives(func, inputs, v, create_graph, strict, "hvp")
        values, several, v, output, gradients = found
        weights = tuple([x.new_zeros(x.shape).requires_grad_() for x in values])
        twice = tuple(_gradients(gradients, values, weights, create_graph=True))
    with set_grad_enabled(create_graph or is_grad_enabled()):
        product = _gradients(twice, weights, v, create_graph)
        what = "hessian of the user-provided function"
        product = _or_zeros(product, values, strict, create_graph, what, "entry")
    return _result((output,), False, create_graph), _result(product, several, create_graph)
