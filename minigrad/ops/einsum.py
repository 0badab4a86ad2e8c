"""Sums of products in Einstein's notation, made of products of matrices.

An equation such as ``bij,bjk->bik`` names the axes of the operands by letters. The operands are
multiplied from left to right, two at a time, as stacks of matrices: the axes that both have and the
result keeps make the stack, those that are summed are the inner axis of the product, the others are
its rows and columns. What is to be done depends on the equation and the shapes alone. So it is
planned (`_planned`), once for all calls that agree in these, and `einsum` carries the plan out.
There is no gradient rule here: everything is made of operations that have one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from ..autograd.tensor_base import array_of
from .elementwise import mul
from .equation import spelled, understood
from .index import diagonal
from .matmul import product_of_matrices, sum_of_products
from .reduce import sum as sum_along
from .shape import fresh_view, permuted, reshaped, unsqueeze

if TYPE_CHECKING:
    from ..tensor import Tensor

Step = tuple[Any, tuple[Any, ...]]  # an operation, and what it is called with behind the tensor


def einsum(equation: Any, *operands: Any) -> Tensor:
    """Sums of products in Einstein's notation: ``einsum("bij,bjk->bik", a, b)``.

    Parameters
    ----------
    equation : str
        A term for each operand with a letter for each of its axes, and behind ``->`` the letters of
        the result. Letters that are missing there are summed over; a letter twice in one term takes
        the diagonal. ``...`` stands for the axes that no letter names, which are broadcast. Without
        an arrow the result has the axes of ``...`` and the letters that occur once, in
        alphabetical order.
    *operands : Tensor
        Instead of an equation, each may be followed by a list of numbers from 0 to 51 for letters.

    Raises
    ------
    RuntimeError
        Equation and operands do not go together.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.einsum("ii->i", mg.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    if not isinstance(equation, str):
        equation, operands = spelled(equation, *operands)
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    shapes = tuple([array_of(x).shape for x in operands])
    products, last_steps = _planned(equation, shapes)
    result = operands[0]
    for operand, product in zip(operands[1:], products):
        left, right = _done(product.left, result), _done(product.right, operand)
        multiply, arguments = product.multiply
        if product.swapped:
            left, right = right, left
        result = multiply(left, right, *arguments)
    return _done(last_steps, result)


def _done(steps: Sequence[Step], x: Any) -> Any:
    for operation, arguments in steps:
        x = operation(x, *arguments)
    return x


# ------------------------------------------------------------------------------------------------
# The plan
# ------------------------------------------------------------------------------------------------


class _Term:
    """An operand or a product as it will be: the sizes of its axes by name, and the steps to it."""

    def __init__(self, sizes: dict[str, int], steps: list[Step]) -> None:
        self.sizes = sizes
        self.steps = steps

    def size(self, name: str) -> int:
        """The size of an axis; 1 where it is missing, which is as good."""
        return self.sizes.get(name, 1)

    def permute(self, names: Sequence[str]) -> None:
        """Put all axes in the order of `names`."""
        before = list(self.sizes)
        self.steps.append((permuted, (tuple([before.index(n) for n in names]),)))
        self.sizes = {n: self.sizes[n] for n in names}

    def arrange(self, names: Sequence[str], shape: Sequence[int] | None = None) -> None:
        """Put axes in the order of `names`, drop others (of size 1), and reshape to `shape`."""
        if [n for n in self.sizes if n in names] != list(names):
            self.permute([*names, *[n for n in self.sizes if n not in names]])
        before = tuple(self.sizes.values())
        self.sizes = {n: self.sizes[n] for n in names}
        after = tuple(self.sizes.values() if shape is None else shape)
        if after != before:
            self.steps.append((reshaped, (after,)))

    def sum(self, lost: Sequence[str], order: Sequence[str]) -> None:
        """Sum along the axes `lost`; those that are left are in the order of `order`."""
        kept = [n for n in order if n in self.sizes and n not in lost]
        if kept != [n for n in self.sizes if n not in lost]:
            self.permute([*kept, *lost])
        axes = tuple([axis for axis, n in enumerate(self.sizes) if n in lost])
        self.steps.append((sum_along, (axes,)))
        self.sizes = {n: self.sizes[n] for n in kept}


class _Product(NamedTuple):
    """How the result so far is multiplied with the next operand: the steps of both come first."""

    left: list[Step]
    right: list[Step]
    swapped: bool
    multiply: Step


@lru_cache(maxsize=256)
def _planned(
    equation: str, shapes: tuple[tuple[int, ...], ...]
) -> tuple[list[_Product], list[Step]]:
    """The products, and the steps behind the last one."""
    names, order, count = understood(equation, tuple(map(len, shapes)))
    terms = [_operand(k, names[k], shape) for k, shape in enumerate(shapes)]
    _check_sizes(terms, order)
    products, result = [], terms[0]
    for k in range(1, len(terms)):
        # an axis that no later operand has can be summed now
        lost = [n for n in order[count:] if all([t.size(n) == 1 for t in terms[k + 1 :]])]
        product, result = _product(result, terms[k], lost, order)
        products.append(product)
    if products:
        result.arrange(order[:count])
        if count < len(order) and products[-1].multiply[0] is mul and not result.steps:
            # PyTorch drops summed axes at the end: its ``grad_fn`` is that of a view
            shape = tuple(result.sizes.values())
            result.steps.append((fresh_view, (shape, tuple(range(count)))))
    elif count < len(order):
        result.sum(order[count:], order)
    else:
        result.permute(order)  # even if that changes nothing: the result is not the operand itself
    return products, result.steps


def _operand(number: int, names: list[str], shape: tuple[int, ...]) -> _Term:
    """An operand, of whose axes with one name the diagonal is taken."""
    left, steps = list(names), []
    for name in dict.fromkeys(names):
        first, *others = [size for n, size in zip(names, shape) if n == name]
        for other in others:
            if other != first:
                raise RuntimeError(
                    f"einsum(): subscript {name} is repeated for operand {number} but the sizes "
                    f"don't match, {other} != {first}"
                )
            a = left.index(name)
            b = left.index(name, a + 1)
            steps.append((diagonal, (0, a, b)))
            left = [*left[:a], *left[a + 1 : b], *left[b + 1 :], name]
    sizes = dict(zip(names, shape))
    return _Term({n: sizes[n] for n in left}, steps)


def _check_sizes(terms: list[_Term], order: tuple[str, ...]) -> None:
    for name in order:
        seen = 1
        for k, term in enumerate(terms):
            size = term.size(name)
            if size != 1 and seen not in (1, size):
                raise RuntimeError(
                    f"einsum(): subscript {name} has size {size} for operand {k} which does not "
                    f"broadcast with previously seen size {seen}: the operands have the shapes "
                    f"{[[t.size(n) for n in order] for t in terms]} in the order {''.join(order)}"
                )
            seen = size if size != 1 else seen


def _product(
    a: _Term, b: _Term, lost: Sequence[str], order: Sequence[str]
) -> tuple[_Product, _Term]:
    """How `a` and `b` are multiplied and summed along the axes `lost`; and what comes out."""
    for x, other in ((a, b), (b, a)):
        alone = [n for n in lost if x.size(n) != 1 and other.size(n) == 1]
        if alone:
            x.sum(alone, order)
    larger = max(a, b, key=lambda x: math.prod(x.sizes.values()))  # it had better not be copied
    inner = [n for n in larger.sizes if n in lost and larger.size(n) != 1]
    names = [n for n in order if n in a.sizes or n in b.sizes]
    if inner:
        return _product_of_matrices(a, b, [n for n in names if n not in lost], inner)
    return _product_of_entries(a, b, names)


def _product_of_entries(a: _Term, b: _Term, names: list[str]) -> tuple[_Product, _Term]:
    """A product without a sum: the axes in one order, the operands are broadcast."""
    for x in (a, b):
        own = [n for n in names if n in x.sizes]
        x.arrange(own)
        # an axis of size 1 for each that is missing, except in front; for a number one at least, so
        # that it counts as a tensor when the types are promoted
        front = names.index(own[0]) if own else len(names) - 1
        missing = [k for k, n in enumerate(names) if k >= front and n not in own]
        x.steps += [(unsqueeze, (k - front,)) for k in missing]
    result = _Term({n: _broadcast(a, b, n) for n in names}, [])
    return _Product(a.steps, b.steps, False, (mul, ())), result


def _product_of_matrices(
    a: _Term, b: _Term, names: list[str], inner: list[str]
) -> tuple[_Product, _Term]:
    """A product with a sum along the axes `inner`; the result has the axes `names`."""
    sizes = {n: _broadcast(a, b, n) for n in (*names, *inner)}
    in_a, in_b = [[n for n in names if n in x.sizes and x.size(n) == sizes[n]] for x in (a, b)]
    stack = [n for n in in_a if n in in_b]
    rows = [n for n in in_a if n not in stack]
    columns = [n for n in in_b if n not in stack]
    # PyTorch's rule for the order of the result in memory, which counts axes of size 1 as columns
    long = [k for k, n in enumerate(names) if n in rows and sizes[n] != 1]
    rest = [k for k, n in enumerate(names) if n in columns or sizes[n] == 1]
    swapped = bool(long and columns and rest[-1] < long[0])
    left, right = (b, a) if swapped else (a, b)
    if swapped:
        rows, columns = columns, rows
    stacked, depth = [sizes[n] for n in stack], math.prod([sizes[n] for n in inner])
    # without a stack, a vector stays one
    height = [math.prod([sizes[n] for n in rows])] if stack or rows else []
    width = [math.prod([sizes[n] for n in columns])] if stack or columns else []
    if rows or columns:
        multiply: Step = (product_of_matrices, ())
        left.arrange([*stack, *rows, *inner], [*stacked, *height, depth])
        right.arrange([*stack, *inner, *columns], [*stacked, depth, *width])
        shape = [*stacked, *height, *width]
    else:
        multiply = (sum_of_products, (tuple(range(len(stack), len(stack) + len(inner))),))
        left.arrange([*stack, *inner])
        right.arrange([*stack, *inner])
        shape = stacked
    found = {n: sizes[n] for n in (*stack, *rows, *columns)}
    steps = []
    if list(found) != names or list(found.values()) != shape:
        order = tuple([list(found).index(n) for n in names])
        steps = [(fresh_view, (tuple(found.values()), order))]
    return _Product(a.steps, b.steps, swapped, multiply), _Term({n: sizes[n] for n in names}, steps)


def _broadcast(a: _Term, b: _Term, name: str) -> int:
    """The size of an axis after broadcasting."""
    return a.size(name) if a.size(name) != 1 else b.size(name)
