"""`einsum` against NumPy's, and its errors. Its gradients are checked in ``test_gradients.py``."""

import numpy as np
import pytest

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
    with pytest.raises(RuntimeError, match="same dtype"):
        mg.einsum("ij,jk->ik", x, y)
