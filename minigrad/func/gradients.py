r"""Going back: `grad`, `grad_and_value`, `vjp`, `jacrev` and `hessian`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..autograd.grad_mode import enable_grad, is_grad_enabled
from ..ops.join import stack
from ..tensor import Tensor
from .levels import Level, gradients
from .trees import Structure, flatten, text, unflatten

__all__ = ["grad", "grad_and_value", "hessian", "jacrev", "vjp"]

Argnums = int | tuple[int, ...]


# ------------------------------------------------------------------------------------------------
# Arguments and results
# ------------------------------------------------------------------------------------------------


def chosen(args: tuple[Any, ...], argnums: Any) -> tuple[int, ...]:
    """The positions of the arguments to differentiate by."""
    if not isinstance(argnums, (int, tuple)):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    numbers = argnums if isinstance(argnums, tuple) else (argnums,)
    if not numbers:
        raise RuntimeError("argnums must be non-empty")
    for k in numbers:
        if not isinstance(k, int):
            raise RuntimeError(f"argnum must be int, got: {type(k)}")
        if not -len(args) <= k < len(args):
            raise RuntimeError(f"Got argnum={k}, but only {len(args)} positional inputs")
    places = tuple([k % len(args) for k in numbers])
    if len(set(places)) != len(places):
        raise RuntimeError(f"argnums elements must be unique, got {argnums}")
    return places


def entered(
    level: Level, args: tuple[Any, ...], places: tuple[int, ...]
) -> tuple[list[Any], list[Structure]]:
    """The arguments with copies for those in some places, and the structures of these."""
    copies, structures = list(args), []
    for k in places:
        leaves, structure = flatten(args[k])
        copies[k] = unflatten([level.enter(leaf) for leaf in leaves], structure)
        structures.append(structure)
    return copies, structures


def arranged(leaves: list[Any], structures: list[Structure], several: bool) -> Any:
    """Leaves in the structures of the arguments; in a tuple, if these were several."""
    whole = unflatten(leaves, Structure(tuple, None, tuple(structures)))
    return whole if several else whole[0]


def split_aux(output: Any, has_aux: bool, name: str) -> tuple[Any, Any]:
    """The output of a function, and what it returns besides."""
    if not has_aux:
        return output, None
    if not (isinstance(output, tuple) and len(output) == 2):
        raise RuntimeError(
            f"{name}: output of function f should be a tuple: (output, aux) if has_aux is True"
        )
    return output


def checked_outputs(output: Any, name: str) -> tuple[list[Any], Structure]:
    """The tensors that a function returned, and how they were nested."""
    leaves, structure = flatten(output)
    if not leaves or (len(leaves) == 1 and leaves[0] is None):
        raise RuntimeError(
            f"{name}: Expected f to be a function that has non-empty output (got output = {leaves})"
        )
    for leaf in leaves:
        if not isinstance(leaf, Tensor):
            raise RuntimeError(
                f"{name}: expected f(*primals) to return only tensors, got unsupported type "
                f"{type(leaf)}"
            )
    return leaves, structure


# ------------------------------------------------------------------------------------------------
# Gradients of numbers
# ------------------------------------------------------------------------------------------------


def grad_and_value(
    func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that computes the gradient of `func`, and its value.

    Parameters, errors and nesting are those of `grad`.

    Returns
    -------
    callable
        Takes the arguments of `func`, returns ``(gradient, value)``; with `has_aux`
        ``(gradient, (value, aux))``.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.func.grad_and_value(lambda x: x**3)(mg.tensor(2.0))
    (tensor(12.), tensor(8.))
    """
    name = "grad_and_value(f)(*args)"

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        level = Level()
        places = chosen(args, argnums)
        with enable_grad():
            copies, structures = entered(level, args, places)
            output, aux = split_aux(func(*copies, **kwargs), has_aux, name)
            if not isinstance(output, Tensor):
                raise RuntimeError(
                    f"{name}: Expected f(*args) to return a Tensor, got {type(output)}"
                )
            if output.dim():
                raise RuntimeError(
                    f"{name}: Expected f(*args) to return a scalar Tensor, got tensor with "
                    f"{output.dim()} dims. Maybe you wanted to use the vjp or jacrev APIs instead?"
                )
            create_graph = level.is_open(output)
            found = gradients([output], level.inputs, None, create_graph, create_graph)
        result = arranged(level.leave(found), structures, isinstance(argnums, tuple))
        value = level.leave(output)
        return (result, (value, level.leave(aux))) if has_aux else (result, value)

    return wrapper


def grad(
    func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., Any]:
    r"""A function that computes the gradient of `func`: :math:`x \mapsto \nabla f(x)`.

    Parameters
    ----------
    func : callable
        Returns a tensor without axes. The arguments to differentiate by are tensors, or tuples,
        lists and dictionaries of them.
    argnums : int or tuple of int
        The positions of these arguments. Default: 0.
    has_aux : bool
        Whether `func` returns a pair, of which only the first is differentiated. Default: False.

    Returns
    -------
    callable
        Takes the arguments of `func`, returns the gradient, nested like the argument; a tuple of
        them, if `argnums` is one; with `has_aux` a pair of that and the second thing that `func`
        returned.

    Raises
    ------
    RuntimeError
        The output is no number, `argnums` do not fit, or the second output is missing.
    ValueError
        Something to differentiate by is no tensor.

    Notes
    -----
    It can be nested. Where `func` uses other tensors that require gradients (the parameters of a
    model, for instance), the result can be differentiated by those with ``backward()``.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.func import grad
    >>> cube = lambda x: x**3
    >>> grad(cube)(mg.tensor(2.0)), grad(grad(cube))(mg.tensor(2.0))
    (tensor(12.), tensor(12.))
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        result, value = both(*args, **kwargs)
        return (result, value[1]) if has_aux else result

    return wrapper


# ------------------------------------------------------------------------------------------------
# Products with the Jacobian
# ------------------------------------------------------------------------------------------------


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    r"""The output of a function, and another one that computes :math:`v^T J` from v.

    Parameters
    ----------
    func : callable
        Takes tensors, or tuples, lists and dictionaries of them, and returns such.
    *primals
        Its arguments.
    has_aux : bool
        Whether `func` returns a pair, of which only the first is differentiated. Default: False.

    Returns
    -------
    output, vjp_fn[, aux]
        ``vjp_fn(v)`` takes something nested like the output, and returns a tuple with something
        nested like each argument. It may be called again and again.

    Raises
    ------
    RuntimeError
        An output is no tensor of floats; v is nested in another way, or of another shape.
    ValueError
        An argument is no tensor.

    Examples
    --------
    >>> import minigrad as mg
    >>> y, vjp_fn = mg.func.vjp(lambda x: x**2, mg.tensor([1.0, 2.0]))
    >>> y, vjp_fn(mg.tensor([1.0, 10.0]))
    (tensor([1., 4.]), (tensor([ 2., 40.]),))
    """
    result, back, _, aux = pullback(func, primals, tuple(range(len(primals))), has_aux)
    return (result, back, aux) if has_aux else (result, back)


def pullback(
    func: Callable[..., Any], args: tuple[Any, ...], places: tuple[int, ...], has_aux: bool
) -> tuple[Any, Callable[..., Any], list[Any], Any]:
    """The output, the function from v to gradients, the outputs as a list, and aux."""
    level = Level()
    with enable_grad():
        copies, structures = entered(level, args, places)
        output, aux = split_aux(func(*copies), has_aux, "vjp(f, *primals)")
        leaves, structure = checked_outputs(output, "vjp(f, *primals)")
        for leaf in leaves:
            if not leaf.is_floating_point():
                raise RuntimeError(
                    "vjp(f, ...): All outputs of f must be floating-point or complex Tensors, got "
                    f"Tensor with dtype {leaf.dtype}"
                )
    is_open = level.is_open(*leaves)

    def back(cotangents: Any, retain_graph: bool = True, create_graph: Any = None) -> Any:
        given, found = flatten(cotangents)
        if found != structure:
            raise RuntimeError(
                "Expected pytree structure of cotangents to be the same as pytree structure of "
                f"outputs to the function. cotangents: {text(found)}, primal output: "
                f"{text(structure)}"
            )
        if create_graph is None:
            create_graph = is_grad_enabled() and (is_open or any(v.requires_grad for v in given))
        results = gradients(leaves, level.inputs, given, retain_graph, create_graph)
        return arranged(level.leave(results), structures, several=True)

    return level.leave(output), back, leaves, level.leave(aux)


# ------------------------------------------------------------------------------------------------
# Jacobian and Hessian
# ------------------------------------------------------------------------------------------------


def check_chunk_size(name: str, chunk_size: int | None) -> None:
    """Check an option that is for PyTorch's memory."""
    if not (chunk_size is None or chunk_size > 0):
        raise ValueError(f"{name}: `chunk_size` should be greater than 0.")


def jacrev(
    func: Callable[..., Any],
    argnums: Argnums = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    r"""A function that computes all derivatives of `func`, a row for each entry of its output.

    .. math:: J_{ij} = \partial y_i / \partial x_j

    Parameters
    ----------
    func : callable
        Takes tensors, or tuples, lists and dictionaries of them, and returns such.
    argnums, has_aux
        As in `grad`.
    chunk_size : int, optional
        Without effect: the rows are computed one after the other.

    Returns
    -------
    callable
        Takes the arguments of `func`, returns the Jacobian, nested like the output and, in it, like
        the arguments; each leaf is shaped ``(*output.shape, *input.shape)``.

    Raises
    ------
    RuntimeError, ValueError
        As in `vjp`.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.func.jacrev(lambda x: x.cumsum(0))(mg.ones(3))
    tensor([[1., 0., 0.],
            [1., 1., 0.],
            [1., 1., 1.]])
    """
    check_chunk_size("jacrev", chunk_size)

    @functools.wraps(func)
    def wrapper(*args: Any) -> Any:
        places = chosen(args, argnums)
        output, back, _, aux = pullback(func, args, places, has_aux)
        outputs, structure = flatten(output)
        inputs = [leaf for k in places for leaf in flatten(args[k])[0]]
        structures = [flatten(args[k])[1] for k in places]
        jacobian = []
        for k, y in enumerate(outputs):
            rows = []
            for j in range(y.numel()):
                ones = [one.new_zeros(one.shape) for one in outputs]
                ones[k].view(-1)[j] = 1
                rows.append(flatten(back(unflatten(ones, structure)))[0])
            blocks = [
                stack([row[i] for row in rows]).view((*y.shape, *x.shape)) if rows
                else x.new_zeros((*y.shape, *x.shape))
                for i, x in enumerate(inputs)
            ]  # fmt: skip
            jacobian.append(arranged(blocks, structures, isinstance(argnums, tuple)))
        result = unflatten(jacobian, structure)
        return (result, aux) if has_aux else result

    return wrapper


def hessian(func: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    r"""A function that computes all second derivatives of `func`: :math:`H_{ij} =
    \partial^2 y / \partial x_i \partial x_j`.

    It is ``jacrev(jacrev(func))``: PyTorch goes forward the second time, here that would be going
    back twice.

    Parameters
    ----------
    func : callable
        Returns a tensor, most often of one entry.
    argnums
        As in `grad`.

    Returns
    -------
    callable
        Takes the arguments of `func`, returns the Hessian, nested as for `jacrev` of `jacrev`.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.func.hessian(lambda x: x.prod())(mg.tensor([2.0, 3.0, 5.0]))
    tensor([[0., 5., 3.],
            [5., 0., 2.],
            [3., 2., 0.]])
    """
    return jacrev(jacrev(func, argnums), argnums)
