r"""Going forward: `jvp`, `jacfwd` and `linearize`, by going back twice.

:math:`u^T J` is linear in u. So its gradient by u, weighted with v, is :math:`J v`, whatever u is;
here it is zero. The first way back is recorded once, and serves for every v.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..autograd.grad_mode import enable_grad, is_grad_enabled
from ..ops.join import stack
from ..tensor import Tensor
from .gradients import Argnums, checked_outputs, chosen, entered, split_aux
from .levels import Level, gradients
from .mapped import check_randomness
from .trees import Structure, flatten, text, unflatten

__all__ = ["jacfwd", "jvp", "linearize"]

JVP = "jvp(f, primals, tangents)"


class Linear:
    """A function near its arguments: :math:`f(x + v) \\approx f(x) + J v`.

    Attributes
    ----------
    output, aux
        What the function returned, without the graph of this level.
    structure
        How the output is nested.
    """

    def __init__(
        self, func: Callable[..., Any], args: tuple[Any, ...], places: tuple[int, ...],
        has_aux: bool = False,
    ) -> None:  # fmt: skip
        self.level = level = Level()
        with enable_grad():
            copies, self.structures = entered(level, args, places)
            inputs = list(level.inputs)
            output, aux = split_aux(func(*copies), has_aux, JVP)
            self.leaves, self.structure = checked_outputs(output, JVP)
            self.ends = [level.enter(y.new_zeros(y.shape)) for y in self.leaves]
            self.rows = gradients(self.leaves, inputs, self.ends, True, True)
        self.is_open = level.is_open(*self.leaves)
        self.output, self.aux = level.leave(output), level.leave(aux)

    def __call__(self, tangents: list[Any]) -> list[Any]:
        """J v, one tensor for each output."""
        wants = is_grad_enabled() and (self.is_open or any(v.requires_grad for v in tangents))
        results: list[Any] = self.level.leave(
            gradients(self.rows, self.ends, tangents, True, wants)
        )
        return results


def _check_tensors(leaves: list[Any], what: str) -> None:
    if not leaves:
        raise RuntimeError(f"{JVP}: Expected {what} to contain at least one Tensor.")
    for leaf in leaves:
        if not isinstance(leaf, Tensor):
            raise RuntimeError(f"{JVP}: Expected {what} to only contain Tensors, got {type(leaf)}")


def jvp(
    func: Callable[..., Any],
    primals: tuple[Any, ...],
    tangents: tuple[Any, ...],
    *,
    strict: bool = False,
    has_aux: bool = False,
) -> Any:
    r"""The output of a function, and :math:`J v`: how it changes in the direction v.

    Parameters
    ----------
    func : callable
        Takes tensors, or tuples, lists and dictionaries of them, and returns such.
    primals : tuple
        Its arguments.
    tangents : tuple
        v, nested and shaped like them.
    strict : bool
        Refuse outputs that do not depend on the arguments, instead of giving zeros. Default: False.
    has_aux : bool
        Whether `func` returns a pair, of which only the first is differentiated. Default: False.

    Returns
    -------
    output, product[, aux]
        The product is nested like the output.

    Raises
    ------
    RuntimeError
        Arguments or outputs are no tensors, `tangents` do not fit, or what `strict` refuses.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.func.jvp(lambda x: x**2, (mg.tensor([1.0, 2.0]),), (mg.tensor([1.0, 10.0]),))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    if not isinstance(primals, tuple):
        raise RuntimeError(
            f"{JVP}: Expected primals to be a tuple. E.g. it should be valid to call f(*primals)."
        )
    points, structure = flatten(primals)
    directions, other = flatten(tangents)
    if structure != other:
        raise RuntimeError(
            f"{JVP}: Expected primals and tangents to have the same python structure. For example, "
            "if primals is a tuple of 3 tensors, tangents also must be. Got primals with structure "
            f"{text(structure)} and tangents with structure {text(other)}"
        )
    _check_tensors(points, "primals")
    _check_tensors(directions, "tangents")
    for x, v in zip(points, directions):
        if x.shape != v.shape:
            raise RuntimeError(
                "Trying to set a forward gradient that has a different size than that of the "
                f"original Tensor, this is not supported. Tensor is of size {list(x.shape)} while "
                f"the given forward gradient is of size {list(v.shape)}."
            )
    linear = Linear(func, primals, tuple(range(len(primals))), has_aux)
    if strict and not all(y.requires_grad for y in linear.leaves):
        raise RuntimeError(
            "jvp(f, primals, tangents, strict=True): The output of f is independent of the inputs. "
            "This is not allowed with strict=True."
        )
    product = unflatten(linear(directions), linear.structure)
    return (linear.output, product, linear.aux) if has_aux else (linear.output, product)


def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    r"""The output of a function, and another one that computes :math:`J v` from v.

    As `jvp`, for several v: the function is called once.

    Parameters
    ----------
    func : callable
        Takes tensors, or tuples, lists and dictionaries of them, and returns such.
    *primals
        Its arguments.

    Returns
    -------
    output, jvp_fn
        ``jvp_fn(*v)`` takes what is nested and shaped like the arguments, and returns something
        nested like the output.

    Raises
    ------
    RuntimeError
        v does not fit.

    Examples
    --------
    >>> import minigrad as mg
    >>> y, jvp_fn = mg.func.linearize(lambda x: x.prod(), mg.tensor([2.0, 3.0, 5.0]))
    >>> y, jvp_fn(mg.tensor([1.0, 0.0, 0.0])), jvp_fn(mg.tensor([0.0, 1.0, 1.0]))
    (tensor(30.), tensor(15.), tensor(16.))
    """
    linear = Linear(func, primals, tuple(range(len(primals))))
    points, structure = flatten(primals)

    def jvp_fn(*tangents: Any) -> Any:
        directions, other = flatten(tangents)
        if other != structure:
            raise RuntimeError(
                f"Expected the tangents {text(other)} to have the same argspec as the primals "
                f"{text(structure)}"
            )
        for k, (x, v) in enumerate(zip(points, directions)):
            for kind in ("shape", "dtype"):
                if getattr(x, kind) != getattr(v, kind):
                    raise RuntimeError(
                        f"tangent:{k} with {kind} {getattr(v, kind)} in flattened pytree doesn't "
                        f"match the {kind} {getattr(x, kind)} of the corresponding primal."
                    )
        return unflatten(linear(directions), linear.structure)

    return linear.output, jvp_fn


def jacfwd(
    func: Callable[..., Any],
    argnums: Argnums = 0,
    has_aux: bool = False,
    *,
    randomness: str = "error",
) -> Callable[..., Any]:
    r"""A function that computes all derivatives of `func`, a column for each entry of its input.

    The result is that of `jacrev`. It takes less time where there are fewer inputs than outputs.

    Parameters
    ----------
    func, argnums, has_aux
        As in `jacrev`.
    randomness : "error", "different" or "same"
        Without effect: `func` is called once.

    Returns
    -------
    callable
        As in `jacrev`.

    Raises
    ------
    RuntimeError
        As in `jvp`.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.func.jacfwd(lambda x: x * mg.ones(2, 2))(mg.tensor(3.0))
    tensor([[1., 1.],
            [1., 1.]])
    """
    check_randomness(randomness)

    @functools.wraps(func)
    def wrapper(*args: Any) -> Any:
        places = chosen(args, argnums)
        linear = Linear(func, args, places, has_aux)
        inputs = [leaf for k in places for leaf in flatten(args[k])[0]]
        blocks = [_columns(linear, inputs, k) for k in range(len(inputs))]
        several = isinstance(argnums, tuple)
        whole = Structure(tuple, None, tuple(linear.structures))
        jacobian = [unflatten(row, whole) for row in zip(*blocks)]
        result = unflatten([j if several else j[0] for j in jacobian], linear.structure)
        return (result, linear.aux) if has_aux else result

    return wrapper


def _columns(linear: Linear, inputs: list[Any], k: int) -> list[Any]:
    """The derivatives of all outputs by input k."""
    columns = []
    for j in range(inputs[k].numel()):
        direction = [x.new_zeros(x.shape) for x in inputs]
        direction[k].view(-1)[j] = 1
        columns.append(linear(direction))
    shape = inputs[k].shape
    return [
        stack([column[i] for column in columns], -1).view((*y.shape, *shape)) if columns
        else y.new_zeros((*y.shape, *shape))
        for i, y in enumerate(linear.leaves)
    ]  # fmt: skip
