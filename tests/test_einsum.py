"""`einsum` against NumPy's, its steps, and its errors.

Its gradients are checked in ``test_gradients.py``, too, by differences.
"""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg

EQUATIONS = {
    "ii->i": [(3, 3)],
    "ii": [(3, 3)],
    "iij->j": [(3, 3, 2)],
    "iji->j": [(3, 2, 3)],
    "iii->i": [(3, 3, 3)],
    "ijij->ij": [(2, 3, 2, 3)],
    "...ii->...i": [(2, 3, 3)],
    "...ij->...ji": [(2, 4, 3)],
    "...": [(2, 3)],
    "i...->...": [(2, 3)],
    "...i,...i->...": [(2, 1, 3), (4, 3)],
    "...i,...i": [(2, 1, 3), (4, 3)],
    "...a,...b->...ab": [(2, 3), (2, 4)],
    "b...,b...->b...": [(2, 3, 4), (2, 3, 4)],
    "ij,jk->ik": [(3, 4), (4, 2)],
    "ij,kj->ki": [(3, 4), (2, 4)],
    " i j , j k -> k i ": [(3, 4), (4, 2)],
    "i,j,k->kji": [(2,), (3,), (4,)],
    "ij,jk,kl->il": [(2, 3), (3, 4), (4, 5)],
    "ab,bc,a->c": [(2, 3), (3, 4), (2,)],
    "ik,jkl,il->ij": [(3, 4), (2, 4, 5), (3, 5)],
    "ijk,ijk->": [(2, 3, 4), (2, 3, 4)],
    "bhid,bhjd->bhij": [(2, 2, 3, 4), (2, 2, 5, 4)],
    ",i->i": [(), (3,)],
    "i->": [(0,)],
    "ij,jk": [(2, 0), (0, 3)],
    "kij,k->ji": [(2, 3, 4), (2,)],
}


@pytest.mark.parametrize("equation", EQUATIONS)
def test_einsum_is_numpys(equation):
    random = np.random.RandomState(0)
    operands = [random.normal(size=shape) for shape in EQUATIONS[equation]]
    expected = np.einsum(equation, *operands)
    result = mg.einsum(equation, *map(mg.tensor, operands))
    np.testing.assert_allclose(result.numpy(), expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(mg.einsum(equation, [mg.tensor(x) for x in operands]), expected)


@st.composite
def calls(draw):
    """An equation, and operands that lie in memory in any order of their axes."""
    letters = "abcd"[: draw(st.integers(1, 4))]
    sizes = {name: draw(st.sampled_from([0, 1, 2, 3, 4])) for name in letters}
    hidden = draw(st.lists(st.integers(1, 3), max_size=2))  # what ``...`` stands for
    terms, operands = [], []
    random = np.random.RandomState(draw(st.integers(0, 2**16)))
    for _ in range(draw(st.integers(1, 3))):
        term = draw(st.lists(st.sampled_from(letters), max_size=4))
        broadcast = draw(st.sets(st.sampled_from(letters), max_size=1))
        shape = [1 if name in broadcast else sizes[name] for name in term]
        if hidden and draw(st.booleans()):
            place = draw(st.integers(0, len(term)))
            shown = hidden[draw(st.integers(0, len(hidden))) :]
            term.insert(place, "...")
            shape[place:place] = [draw(st.sampled_from([1, n])) for n in shown]
        order = random.permutation(len(shape))
        memory = random.normal(size=[shape[k] for k in order])
        operands.append(memory.transpose(np.argsort(order)))
        terms.append("".join(term))
    equation = ",".join(terms)
    if draw(st.booleans()):
        used = sorted(set(equation) - {",", "."})
        result = draw(st.permutations(used))[: draw(st.integers(0, len(used)))] if used else []
        if "." in equation:
            result.insert(draw(st.integers(0, len(result))), "...")
        equation += "->" + "".join(result)
    return equation, operands


@settings(max_examples=300, deadline=None)
@given(calls())
def test_any_einsum_is_numpys(call):
    equation, operands = call
    result = mg.einsum(equation, *map(mg.tensor, operands))
    expected = np.einsum(equation, *operands)
    assert result.shape == expected.shape
    np.testing.assert_allclose(result.numpy(), expected, rtol=1e-12, atol=1e-12)


@settings(max_examples=150, deadline=None)
@given(calls())
def test_gradients_of_any_einsum(call):
    """It is linear in each operand: the slope in a direction is its value with that direction.

    And so is the slope of the slope, in the direction of another operand.
    """
    equation, arrays = call
    operands = [mg.from_numpy(x).requires_grad_() for x in arrays]
    ways = [mg.randn(*x.shape, dtype=mg.float64, requires_grad=True) for x in arrays]
    result = mg.einsum(equation, *operands)
    weights = mg.randn(*result.shape, dtype=mg.float64)

    def slope(*moved):
        mixed = [ways[k] if k in moved else x for k, x in enumerate(operands)]
        return (weights * mg.einsum(equation, *mixed)).sum().item()

    grads = mg.autograd.grad((weights * result).sum(), operands, create_graph=True)
    found = [(g * way).sum() for g, way in zip(grads, ways)]
    for k, first in enumerate(found):
        assert grads[k].shape == operands[k].shape
        assert first.item() == pytest.approx(slope(k), rel=1e-9, abs=1e-9)
    for j, k in itertools.permutations(range(len(operands)), 2):
        (second,) = mg.autograd.grad(found[j], operands[k], retain_graph=True)
        assert (second * ways[k]).sum().item() == pytest.approx(slope(j, k), rel=1e-9, abs=1e-9)


STEPS = {  # how many operations there are, for which shapes
    "ij->ji": (1, [(3, 4)]),
    "ij->j": (1, [(3, 4)]),
    "ij,jk->ik": (1, [(3, 4), (4, 2)]),
    "ij,kj->ik": (2, [(3, 4), (2, 4)]),
    "ij,j->i": (1, [(3, 4), (4,)]),
    "i,ij->j": (1, [(3,), (3, 4)]),
    "i,i->": (1, [(3,), (3,)]),
    "ij,ij->": (1, [(3, 4), (3, 4)]),
    "bi,bi->b": (1, [(3, 4), (3, 4)]),
    "bij,bjk->bik": (1, [(3, 4, 2), (3, 2, 4)]),
    "aij,ajk->aik": (1, [(1, 4, 2), (1, 2, 4)]),
    "bij,jk->bik": (3, [(3, 4, 2), (2, 4)]),
    "bhqd,bhkd->bhqk": (2, [(3, 2, 4, 2), (3, 2, 5, 2)]),
    "bqhd,bkhd->bhqk": (3, [(3, 4, 2, 2), (3, 5, 2, 2)]),
    "tni,tno->io": (4, [(3, 4, 2), (3, 4, 5)]),
    "i,j->ij": (2, [(3,), (4,)]),
    "bij,j->bij": (1, [(3, 4, 2), (2,)]),
    "ij,jk,kl->il": (2, [(3, 4), (4, 2), (2, 5)]),
}


@pytest.mark.parametrize("equation", STEPS)
def test_nothing_is_done_in_vain(equation):
    count, shapes = STEPS[equation]
    operands = [mg.ones(*shape, requires_grad=True) for shape in shapes]
    nodes, waiting = set(), [mg.einsum(equation, *operands).grad_fn]
    while waiting:
        node = waiting.pop()
        if node.next_functions:
            nodes.add(node)
            waiting += [following for following, _ in node.next_functions]
    assert len(nodes) == count


def test_the_sizes_are_looked_at_in_each_call():
    x = mg.ones(2, 3)
    assert mg.einsum("ij,jk->ik", x, mg.ones(3, 4)).shape == (2, 4)
    assert mg.einsum("ij,jk->ik", x, mg.ones(1, 5)).shape == (2, 5)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="does not broadcast"):
            mg.einsum("ij,jk->ik", x, mg.ones(4, 3))
    assert mg.einsum("ij,jk->ik", x, mg.ones(3, 4)).shape == (2, 4)


def test_an_axis_of_size_one_is_broadcast():
    x, y = mg.arange(6.0).reshape(2, 3), mg.tensor([[2.0, 3.0]])
    assert mg.einsum("ij,jk->ik", x, y).tolist() == [[6.0, 9.0], [24.0, 36.0]]


def test_the_axes_may_be_given_as_numbers():
    x, y = mg.arange(6.0).reshape(2, 3), mg.arange(3.0)
    assert mg.einsum(x, [0, 1], [1, 0]).tolist() == x.t().tolist()
    assert mg.einsum(x, [..., 30], y, [30]).tolist() == [5.0, 14.0]


def test_a_diagonal_is_a_view():
    x = mg.zeros(2, 2)
    mg.einsum("ii->i", x).fill_(1)
    assert x.tolist() == [[1.0, 0.0], [0.0, 1.0]]


ERRORS = {
    "ij,jk->ik": (
        [(3, 4), (5, 2)],
        "subscript j has size 5 for operand 1 which does not broadcast",
    ),
    "i->ii": ([(3,)], "output subscript i appears more than once"),
    "i->j": ([(3,)], "output subscript j does not appear in the equation"),
    "ij->k...": ([(3, 4)], "output subscript k does not appear"),
    "ii->i": ([(3, 4)], "subscript i is repeated for operand 0 but the sizes don't match, 4 != 3"),
    "i.j->i": ([(3, 4)], "found '.' for operand 0 that is not part of any ellipsis"),
    "ij->i.": ([(3, 4)], "found '.' for the output that is not part of any ellipsis"),
    "......i->i": ([(3,)], "found '.' for operand 0 for which an ellipsis was already found"),
    "ij": ([(3,)], "number of subscripts in the equation (2) does not match"),
    "i1->i": ([(3, 4)], "subscripts must be in [a-zA-Z]"),
    "i->i->i": ([(3,)], "subscripts must be in [a-zA-Z]"),
    "i,j": ([(3,)], "fewer operands were provided"),
    "i": ([(3,), (3,)], "more operands were provided"),
}


@pytest.mark.parametrize("equation", ERRORS)
def test_errors_say_which_letter(equation):
    shapes, words = ERRORS[equation]
    with pytest.raises(RuntimeError) as error:
        mg.einsum(equation, *[mg.ones(s) for s in shapes])
    assert words in str(error.value)


def test_types_are_promoted_without_a_sum_and_must_be_equal_with_one():
    x, y = mg.ones(2, 3), mg.ones(3, 2).double()
    assert mg.einsum("ij,kl->ijkl", x, y).dtype == mg.float64
    number = mg.tensor(1.0, dtype=mg.float64)
    assert mg.einsum(",ij->ij", number, x).dtype == mg.float64  # as a tensor with an axis
    assert mg.einsum("ij,->ij", x, number).dtype == mg.float64
    with pytest.raises(RuntimeError, match="same dtype"):
        mg.einsum("ij,jk->ik", x, y)
