"""Containers: the list and dict interfaces, the names of the children, and the printed forms."""

import copy
import json
import pickle
import runpy
from collections import OrderedDict
from pathlib import Path

import pytest

import minigrad as mg
from minigrad import optim
from minigrad.nn import containers, module, parameter
from minigrad.nn.containers import (
    ModuleDict,
    ModuleList,
    ParameterDict,
    ParameterList,
    Sequential,
)
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter

GOLDEN = Path(__file__).parent / "golden"
make_modules = runpy.run_path(str(GOLDEN / "make_modules.py"))
SCENES = make_modules["GROUPS"]["containers"]
EXPECTED = json.loads((GOLDEN / "modules.json").read_text(encoding="utf-8"))["containers"]
T = make_modules["namespace"](mg, module, parameter, containers, optim)


class Add(Module):
    def __init__(self, amount):
        super().__init__()
        self.amount = Parameter(mg.tensor(amount))

    def forward(self, x):
        return x + self.amount


def test_every_scene_is_stored():
    assert list(SCENES) == list(EXPECTED)


@pytest.mark.parametrize("name", SCENES)
def test_scene_ends_as_in_pytorch(name):
    outcome, expected = make_modules["play"](SCENES[name], T), EXPECTED[name]
    if isinstance(expected, list) and isinstance(outcome, list):
        assert outcome[0] == expected[0]
        assert expected[1].rstrip(".") in outcome[1]
    else:
        assert outcome == expected


def test_sequential_calls_in_order():
    class Double(Module):
        def forward(self, x):
            return 2 * x

    net = Sequential(OrderedDict(add=Add(1.0), twice=Double()))
    assert net(mg.tensor(3.0)).item() == 8.0
    assert Sequential(net.twice, net.add)(mg.tensor(3.0)).item() == 7.0
    assert Sequential()(5) == 5
    assert net.add is net[0] is net[-2]


def test_slices_share_their_modules():
    net = Sequential(Add(1.0), Add(2.0), Add(3.0))
    assert net[1:][0] is net[1]
    modules = ModuleList(net)
    assert modules[:2][1] is net[1]
    assert net[1] in modules
    assert Add(2.0) not in modules


def test_names_follow_the_positions():
    for container in (Sequential(Add(1.0), Add(2.0)), ModuleList([Add(1.0), Add(2.0)])):
        container.insert(0, Add(0.0))
        assert [float(p) for p in container.parameters()] == [0.0, 1.0, 2.0]
        assert list(container.state_dict()) == ["0.amount", "1.amount", "2.amount"]
        assert float(container.pop(1).amount) == 1.0
        assert list(container.state_dict()) == ["0.amount", "1.amount"]
        container[1] = Add(7.0)
        assert [float(m.amount) for m in container] == [0.0, 7.0]


def test_repeated_modules_are_shared():
    net = Sequential(Add(1.0)) * 3
    assert net(mg.tensor(0.0)).item() == 3.0
    assert len(list(net.parameters())) == 1
    net(mg.tensor(0.0)).backward()
    assert net[0].amount.grad.item() == 3.0
    modules = ModuleList([Add(1.0)])
    modules.extend(modules)
    assert len(modules) == 2
    assert modules[0] is modules[1]


def test_errors_that_pytorch_words_with_its_own_paths():
    net = Sequential(Add(1.0))
    with pytest.raises(TypeError, match=r"unsupported operand type\(s\) for \*: .* and .*str"):
        net * "a"
    with pytest.raises(ValueError, match="Non-positive multiplication factor 0 for"):
        net * 0
    with pytest.raises(ValueError, match="Non-positive multiplication factor -1 for"):
        net *= -1
    with pytest.raises(AssertionError, match="module should be of type: "):
        net.insert(0, 1)
    with pytest.raises(TypeError, match=r"is not a Module subclass"):
        Sequential(len)
    with pytest.raises(TypeError, match="element #1 should be Iterable; is int"):
        ModuleDict([("a", net), 1])
    with pytest.raises(TypeError, match="element #0 should be Iterable; is int"):
        ParameterDict([1])
    with pytest.raises(TypeError, match=r"cannot be used as a key as it is not a string .*'int'"):
        ParameterDict({1: mg.zeros(1)})


def test_module_dict_replaces_and_trains():
    modules = ModuleDict({"b": Add(1.0), "a": Add(2.0)})
    modules["b"] = Add(5.0)
    modules.update(ModuleDict({"c": Add(3.0)}))
    assert [float(p) for p in modules.parameters()] == [5.0, 2.0, 3.0]
    del modules["a"]
    assert list(modules) == ["b", "c"]
    assert modules.b is modules["b"]


def test_parameter_list_learns():
    weights = ParameterList([mg.tensor([1.0]), Parameter(mg.tensor([2.0]))])
    weights += [mg.tensor([3.0])]
    sum(weights).sum().backward()
    assert [w.grad.item() for w in weights] == [1.0, 1.0, 1.0]
    weights[0] = mg.tensor([9.0])
    assert isinstance(weights[0], Parameter)
    assert weights[-3].item() == 9.0


def test_parameter_dict_order():
    values = {"b": mg.ones(1), "a": mg.ones(1)}
    assert list(ParameterDict(values)) == ["a", "b"]
    assert list(ParameterDict(OrderedDict(values))) == ["b", "a"]
    assert list(ParameterDict(list(values.items()))) == ["b", "a"]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies(copied):
    weights = ParameterDict({"a": mg.ones(2), "b": 3})
    other = copied(Sequential(Add(1.0)).append(ModuleDict({"w": weights})))
    assert other[1]["w"]["b"] == 3
    assert list(other.state_dict()) == ["0.amount", "1.w.a"]
    assert other[1]["w"].a is other[1]["w"]["a"] is not weights["a"]
    items = copied(ParameterList([mg.ones(2), "x"]))
    assert len(items) == 2
    assert items[1] == "x"
    assert isinstance(items[0], Parameter)
