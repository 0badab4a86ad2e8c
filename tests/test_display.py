"""What notebooks show: small, escaped, the truth about gradients; printed text stays what it is."""

import html
import re
from html.parser import HTMLParser

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn

pytestmark = pytest.mark.once

CLOSED_BY_NOTHING = {"br", "hr", "img"}


class Checker(HTMLParser):
    """Whether each tag is closed where it should be; and all text."""

    def __init__(self):
        super().__init__()
        self.open, self.texts = [], []

    def handle_starttag(self, tag, attributes):
        if tag not in CLOSED_BY_NOTHING:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def seen(thing):
    """The text of what a notebook shows of a thing, piece by piece."""
    checker = Checker()
    checker.feed(thing._repr_html_())
    assert checker.open == []
    return checker.texts


def cells(tensor):
    rows = re.findall(r"<tr>(.*?)</tr>", tensor._repr_html_().partition("<details")[0])
    return [[html.unescape(c) for c in re.findall(r"<td[^>]*>(.*?)</td>", row)] for row in rows]


def test_numbers_stand_in_a_table():
    x = mg.tensor([[1.0, -2.5], [0.125, 1e-9]])
    assert cells(x) == [["1", "-2.5"], ["0.125", "1e-09"]]
    assert seen(x)[0] == "Tensor, shape (2, 2), torch.float32, -2.5 to 1, mean -0.3437"
    assert cells(mg.tensor([1, 2])) == [["1", "2"]]
    assert cells(mg.tensor([True])) == [["True"]]
    assert cells(mg.tensor(3.0)) == [["3"]]
    assert seen(mg.zeros(0, 3)) == ["Tensor, shape (0, 3), torch.float32", "no entries"]


def test_long_tensors_are_cut():
    x = mg.arange(10_000.0).reshape(100, 100)
    shown = cells(x)
    assert [row[0] for row in shown] == ["0", "100", "200", "300", "…", *[
        f"{v:.4g}" for v in (9600, 9700, 9800, 9900)
    ]]  # fmt: skip
    assert shown[0] == ["0", "1", "2", "3", "…", "96", "97", "98", "99"]
    sizes = [len(mg.randn(*[n] * 3)._repr_html_()) for n in (10, 60)]
    assert max(sizes) < 12_000
    assert "first matrix, [0]" in seen(mg.randn(2, 3, 4))


def test_what_is_not_finite_is_counted():
    x = mg.tensor([1.0, float("nan"), float("inf")])
    assert "1 to 1, mean 1, 2 nan or inf" in seen(x)[0]
    assert cells(x) == [["1", "nan", "inf"]]


def test_gradients_are_there_or_not():
    w = mg.ones(2, requires_grad=True)
    assert "requires grad" in seen(w)[0]
    assert seen(w)[-1] == "no grad yet"
    loss = (w * mg.tensor([3.0, 4.0])).sum()
    assert "from SumBackward0" in seen(loss)[0]
    loss.backward()
    assert "grad, norm 5" in seen(w)
    assert "no grad yet" not in seen(w)
    assert "grad" not in seen(w.detach())[0]


def test_subclasses_say_what_they_are():
    assert seen(nn.Parameter(mg.ones(2)))[0].startswith("Parameter, shape (2,)")


def test_modules_unfold():
    model = nn.Sequential(nn.Linear(3, 2), nn.LSTM(2, 4))
    model[0].bias.requires_grad_(False)
    texts = "".join(seen(model))
    assert "Sequential 136 parameters" in texts
    assert "0: Linear(in_features=3, out_features=2, bias=True) 8 parameters" in texts
    assert "weight (2, 3), no grad yet" in texts
    assert "bias (2,), frozen" in texts
    model[0](mg.ones(1, 3)).sum().backward()
    assert "weight (2, 3), has a grad" in "".join(seen(model))
    assert "running_mean (3,), buffer" in "".join(seen(nn.BatchNorm1d(3)))
    assert "ReLU no parameters" in "".join(seen(nn.ReLU()))


def test_lazy_layers():
    lazy = nn.LazyLinear(3)
    assert "weight, no shape yet, no grad yet" in seen(lazy)
    assert lazy.weight._repr_html_() is None


def test_large_modules_are_cut():
    model = nn.Sequential(*[nn.ReLU() for _ in range(1000)])
    assert "801 more modules are not shown" in seen(model)
    assert len(model._repr_html_()) < 30_000


def test_names_cannot_break_the_page():
    class Odd(nn.Module):
        def extra_repr(self):
            return "<script>alert(1)</script>"

    assert "<script>" not in Odd()._repr_html_()
    assert "Odd(<script>alert(1)</script>)" in "".join(seen(Odd()))


def test_nothing_else_changes():
    w = mg.ones(2, 2, requires_grad=True)
    y = (w * 2)[0]
    before, version = repr(y), y._version
    y._repr_html_()
    assert (repr(y), y._version) == (before, version)
    y.sum().backward()
    np.testing.assert_array_equal(w.grad, [[2, 2], [0, 0]])


def test_traces_and_pictures_have_displays():
    _, _, trace = nn.LSTM(2, 3).trace(mg.ones(4, 1, 2))
    assert "forget_gate" in seen(trace)
    assert "<" not in repr(trace)
