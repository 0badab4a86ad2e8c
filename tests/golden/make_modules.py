"""Regenerate ``modules.json``: what PyTorch 2.13 prints and raises in small scenes.

    python tests/golden/make_modules.py

needs torch. A scene is a function of a namespace `t` with the names it needs (``t.Module``,
``t.zeros``, ``t.SGD``, ...): PyTorch's here, minigrad's in the tests. What it returns is stored as
its ``repr``; what it raises as ``[class name, message]``. The groups are the scenes of one test
file each.
"""

from __future__ import annotations

import copy
import json
import operator
import warnings
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

TARGET = Path(__file__).with_name("modules.json")
GROUPS: dict[str, dict[str, Callable[[Any], Any]]] = {"module": {}, "containers": {}, "optim": {}}


def scenes(group: str, **functions: Callable[[Any], Any]) -> None:
    """Add scenes to a group."""
    GROUPS[group].update(functions)


def play(scene: Callable[[Any], Any], t: Any) -> Any:
    """The outcome of a scene, in the form that is stored."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return written(scene(t))
        except Exception as error:
            return [type(error).__name__, str(error)]


def written(value: Any) -> str:
    """``repr(value)``, with an OrderedDict as Python 3.11 writes it; 3.12 changed that."""
    if isinstance(value, OrderedDict):
        pairs = ", ".join(f"({key!r}, {written(item)})" for key, item in value.items())
        return f"OrderedDict([{pairs}])" if value else "OrderedDict()"
    if type(value) is tuple:
        return f"({', '.join(map(written, value))}{',' if len(value) == 1 else ''})"
    if type(value) is list:
        return f"[{', '.join(map(written, value))}]"
    if type(value) is dict:
        return "{" + ", ".join(f"{key!r}: {written(item)}" for key, item in value.items()) + "}"
    return repr(value)


def affine(t: Any, n: int = 2) -> Any:
    """A module with two parameters, a buffer, an extra_repr and a ``forward``."""

    class Affine(t.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = t.Parameter(t.ones(n))
            self.bias = t.Parameter(t.zeros(n))
            self.register_buffer("count", t.tensor(0))

        def forward(self, x: Any) -> Any:
            return self.weight * x + self.bias

        def extra_repr(self) -> str:
            return f"n={n}"

    return Affine()


def leaf(t: Any, name: str = "Leaf", extra: str = "") -> Any:
    """A module without anything."""
    return type(name, (t.Module,), {"extra_repr": lambda self: extra})()


def net(t: Any) -> Any:
    """Two levels of modules."""
    return t.Sequential(OrderedDict(a=affine(t), b=t.Sequential(leaf(t), affine(t, 3))))


def before_init(t: Any, body: Callable[[Any], Any]) -> Any:
    """A module whose ``__init__`` forgets ``super().__init__()`` and runs `body`."""
    return type("Early", (t.Module,), {"__init__": body})()


def after(value: Any, *actions: Callable[[Any], Any]) -> Any:
    """`value`, after `actions` on it."""
    for action in actions:
        action(value)
    return value


# ------------------------------------------------------------------------------------------------
# Module
# ------------------------------------------------------------------------------------------------

scenes(
    "module",
    init_parameter=lambda t: before_init(t, lambda s: setattr(s, "x", t.Parameter(t.zeros(1)))),
    init_child=lambda t: before_init(t, lambda s: setattr(s, "x", leaf(t))),
    init_buffer=lambda t: before_init(t, lambda s: setattr(s, "x", t.Buffer(t.zeros(1)))),
    init_register_parameter=lambda t: before_init(t, lambda s: s.register_parameter("x", None)),
    init_register_buffer=lambda t: before_init(t, lambda s: s.register_buffer("x", None)),
    init_lookup=lambda t: before_init(t, lambda s: None).x,
    no_forward=lambda t: leaf(t)(1),
    init_argument=lambda t: t.Module(1),
    unknown_attribute=lambda t: affine(t).foo,
    delete_unknown=lambda t: delattr(affine(t), "foo"),
    delete=lambda t: dict(after(affine(t), lambda m: delattr(m, "bias")).named_parameters()),
    delete_child=lambda t: after(net(t), lambda m: delattr(m, "a")),
    set_parameter_to_int=lambda t: setattr(affine(t), "weight", 3),
    set_parameter_to_tensor=lambda t: setattr(affine(t), "weight", t.zeros(2)),
    set_parameter_to_none=lambda t: after(affine(t), lambda m: setattr(m, "weight", None)).weight,
    set_child_to_int=lambda t: setattr(net(t), "a", 3),
    set_child_to_none=lambda t: after(net(t), lambda m: setattr(m, "a", None)),
    set_child_to_parameter=lambda t: after(
        net(t), lambda m: setattr(m, "a", t.Parameter(t.zeros(2)))
    ),
    set_buffer_to_int=lambda t: setattr(affine(t), "count", 3),
    set_buffer_to_none=lambda t: after(affine(t), lambda m: setattr(m, "count", None)).count,
    set_buffer_to_parameter=lambda t: after(
        affine(t), lambda m: setattr(m, "count", t.Parameter(t.zeros(1)))
    ).state_dict(),
    set_buffer_to_child=lambda t: after(affine(t), lambda m: setattr(m, "count", leaf(t))),
    nonpersistent=lambda t: after(
        affine(t), lambda m: m.register_buffer("hidden", t.zeros(1), persistent=False)
    ).state_dict(),
    buffer_class=lambda t: (
        after(affine(t), lambda m: setattr(m, "x", t.Buffer(t.ones(2), persistent=False))).x
    ),
    train_int=lambda t: affine(t).train(3),
    state_dict=lambda t: net(t).state_dict(),
    metadata=lambda t: net(t).state_dict()._metadata,
    state_dict_prefix=lambda t: list(net(t).state_dict(prefix="x.")),
    state_dict_positional=lambda t: affine(t).state_dict(OrderedDict(), "x.", True),
    keep_vars=lambda t: affine(t).state_dict(keep_vars=True),
    load=lambda t: net(t).load_state_dict(net(t).state_dict()),
    load_list=lambda t: net(t).load_state_dict([1]),
    load_empty=lambda t: net(t).load_state_dict({}),
    load_empty_loosely=lambda t: net(t).load_state_dict({}, strict=False),
    load_below_parameter=lambda t: net(t).load_state_dict(
        {**net(t).state_dict(), "a.weight.x": t.zeros(1)}
    ),
    load_wrong=lambda t: net(t).load_state_dict(
        {"z": t.zeros(1), "a.q": t.zeros(1), "a.weight": t.zeros(3, 2), "a.bias": 5}
    ),
    load_wrong_loosely=lambda t: net(t).load_state_dict({"a.weight": t.zeros(3, 2)}, strict=False),
    load_other_dtype=lambda t: (
        after(
            affine(t),
            lambda m: m.load_state_dict({"weight": t.zeros(2, dtype=t.float64)}, strict=False),
        ).weight
    ),
    load_assign=lambda t: after(
        affine(t),
        lambda m: m.load_state_dict(
            {"weight": t.zeros(2, dtype=t.float64), "count": t.ones(1)[0]}, False, assign=True
        ),
    ).state_dict(keep_vars=True),
    load_scalar_from_vector=lambda t: affine(t).load_state_dict({"count": t.ones(1)}, strict=False),
    names=lambda t: [
        [name for name, _ in net(t).named_parameters("pre")],
        [name for name, _ in net(t).named_parameters(recurse=False)],
        [name for name, _ in net(t).named_buffers()],
        [name for name, _ in net(t).named_modules(prefix="pre")],
        [name for name, _ in net(t).named_children()],
    ],
    to_int=lambda t: affine(t).to(t.int64),
    to_copy=lambda t: affine(t).to(t.float64, copy=True),
    to_double=lambda t: affine(t).to(t.float64).state_dict(),
    to_like=lambda t: affine(t).to(t.zeros(1, dtype=t.float64)).state_dict(),
    to_device_and_dtype=lambda t: affine(t).to("cpu", t.float64).state_dict(),
    to_keyword=lambda t: affine(t).to(dtype=t.float64).state_dict(),
    to_nothing=lambda t: affine(t).to(),
    half=lambda t: affine(t).half().state_dict(),
    type_double=lambda t: affine(t).type(t.float64).state_dict(),
    extra_state_half=lambda t: type(
        "Half", (t.Module,), {"get_extra_state": lambda s: 3}
    )().state_dict(),
    extra_state_missing=lambda t: type(
        "Extra", (t.Module,), {"set_extra_state": lambda s, x: None}
    )().load_state_dict({}),
    extra_state_unexpected=lambda t: leaf(t).load_state_dict({"_extra_state": 4}),
    repr_empty=lambda t: leaf(t),
    repr_extra=lambda t: affine(t),
    repr_two_extra_lines=lambda t: leaf(t, extra="one\ntwo"),
    repr_extra_and_child=lambda t: after(affine(t), lambda m: m.add_module("c", leaf(t))),
    repr_nested=lambda t: net(t),
    parameter=lambda t: t.Parameter(t.zeros(2)),
    parameter_empty=lambda t: t.Parameter(),
    parameter_frozen=lambda t: t.Parameter(t.zeros(2), requires_grad=False),
    parameter_int=lambda t: t.Parameter(t.tensor([1, 2])),
    parameter_int_frozen=lambda t: t.Parameter(t.tensor([1, 2]), requires_grad=False),
    parameter_list=lambda t: t.Parameter([1.0, 2.0]),
    parameter_of_result=lambda t: t.Parameter(t.Parameter(t.ones(2)) * 2),
    parameter_copy=lambda t: copy.deepcopy(t.Parameter(t.ones(2))),
    pre_hook_not_a_pair=lambda t: after(
        affine(t), lambda m: m.register_forward_pre_hook(lambda m, a, k: 3, with_kwargs=True)
    )(t.ones(2)),
    both_backward_hooks=lambda t: after(
        affine(t),
        lambda m: m.register_full_backward_hook(print),
        lambda m: m.register_backward_hook(print),
    ),
    post_hook_returns=lambda t: after(
        affine(t), lambda m: m.register_state_dict_post_hook(lambda *a: 3)
    ).state_dict(),
    load_post_hook_returns=lambda t: after(
        affine(t), lambda m: m.register_load_state_dict_post_hook(lambda *a: 3)
    ).load_state_dict({}, strict=False),
)

for _kind in ("buffer", "parameter", "module"):

    def _register(t: Any, name: Any, bad: Any = None, kind: str = _kind, **attributes: Any) -> Any:
        value = {
            "buffer": lambda: t.zeros(1),
            "parameter": lambda: t.Parameter(t.zeros(1)),
            "module": lambda: leaf(t),
        }[kind]()
        module = affine(t)
        for attribute, other in attributes.items():
            setattr(module, attribute, other)
        register = "add_module" if kind == "module" else f"register_{kind}"
        getattr(module, register)(name, bad or value)
        return module

    scenes(
        "module",
        **{
            f"register_{_kind}_int": lambda t, r=_register: r(t, 1),
            f"register_{_kind}_dot": lambda t, r=_register: r(t, "a.b"),
            f"register_{_kind}_empty": lambda t, r=_register: r(t, ""),
            f"register_{_kind}_method": lambda t, r=_register: r(t, "forward"),
            f"register_{_kind}_weight": lambda t, r=_register: r(t, "weight"),
            f"register_{_kind}_attribute": lambda t, r=_register: r(t, "z", z=3),
            f"register_{_kind}_bad": lambda t, r=_register: r(t, "z", 5),
            f"register_{_kind}_tensor": lambda t, r=_register: r(t, "z", t.zeros(1)),
        },
    )

for _getter in ("get_parameter", "get_buffer", "get_submodule"):
    for _target in (
        "z", "a.z", "a.weight", "a.count", "training", "", "a", "b.1", "x.weight", "a.weight.x",
    ):  # fmt: skip
        scenes(
            "module",
            **{
                f"{_getter}({_target!r})": lambda t, g=_getter, target=_target: getattr(net(t), g)(
                    target
                )
            },
        )


# ------------------------------------------------------------------------------------------------
# Containers
# ------------------------------------------------------------------------------------------------


def three(t: Any, cls: str = "Sequential") -> Any:
    """A container of three different modules."""
    modules = [affine(t), leaf(t, "B"), leaf(t, "C")]
    return t.Sequential(*modules) if cls == "Sequential" else t.ModuleList(modules)


def changed(value: Any, action: Callable[[Any], Any]) -> Any:
    """What `action` returns, and `value` afterwards."""
    return action(value), value


for _cls in ("Sequential", "ModuleList"):
    for _name, _action in {
        "index": lambda m: m[1],
        "index_negative": lambda m: m[-1],
        "index_beyond": lambda m: m[5],
        "index_before": lambda m: m[-4],
        "index_string": lambda m: m["a"],
        "slice": lambda m: m[1:],
        "slice_step": lambda m: m[::2],
        "delete": lambda m: m.__delitem__(0),
        "delete_negative": lambda m: m.__delitem__(-1),
        "delete_slice": lambda m: m.__delitem__(slice(0, 2)),
        "delete_beyond": lambda m: m.__delitem__(7),
        "set": lambda m: m.__setitem__(1, m[0]),
        "set_negative": lambda m: m.__setitem__(-1, m[0]),
        "set_beyond": lambda m: m.__setitem__(3, m[0]),
        "set_int": lambda m: m.__setitem__(1, 3),
        "append": lambda m: m.append(m[1]),
        "append_int": lambda m: m.append(1),
        "extend": lambda m: m.extend([m[0], m[1]]),
        "extend_int": lambda m: m.extend([1]),
        "insert": lambda m: m.insert(1, m[2]),
        "insert_end": lambda m: m.insert(3, m[0]),
        "pop": lambda m: m.pop(0),
        "pop_slice": lambda m: m.pop(slice(0, 2)),
        "len_iter": lambda m: (len(m), list(m)),
        "digits_in_dir": lambda m: [name for name in dir(m) if name[0].isdigit()],
    }.items():
        scenes(
            "containers",
            **{f"{_cls}_{_name}": lambda t, c=_cls, action=_action: changed(three(t, c), action)},
        )

scenes(
    "containers",
    sequential_add=lambda t: three(t) + t.Sequential(leaf(t)),
    sequential_add_list=lambda t: operator.add(three(t), [1]),
    sequential_iadd=lambda t: changed(three(t), lambda m: m.__iadd__(t.Sequential(leaf(t)))),
    sequential_mul=lambda t: (three(t) * 2, 2 * t.Sequential(leaf(t))),
    sequential_imul=lambda t: changed(t.Sequential(leaf(t)), lambda m: m.__imul__(3)),
    sequential_int=lambda t: t.Sequential(1),
    sequential_dict=lambda t: t.Sequential({"a": leaf(t)}),
    sequential_named=lambda t: t.Sequential(OrderedDict(a=leaf(t))).append(leaf(t)),
    sequential_named_slice=lambda t: net(t)[:1],
    sequential_named_delete=lambda t: changed(net(t), lambda m: m.__delitem__(0)),
    sequential_insert_negative=lambda t: three(t).insert(-1, leaf(t)),
    sequential_insert_beyond=lambda t: three(t).insert(9, leaf(t)),
    sequential_call=lambda t: t.Sequential(affine(t), affine(t))(t.ones(2)),
    list_repr=lambda t: t.ModuleList([affine(t), affine(t), leaf(t), affine(t), affine(t)]),
    list_repr_nested=lambda t: t.ModuleList([net(t), net(t), leaf(t)]),
    list_empty=lambda t: t.ModuleList(),
    list_generator=lambda t: t.ModuleList(leaf(t) for _ in range(2)),
    list_none=lambda t: t.ModuleList([None, leaf(t)]),
    list_int=lambda t: t.ModuleList([1]),
    list_extend_int=lambda t: t.ModuleList().extend(3),
    list_extend_string=lambda t: t.ModuleList().extend("ab"),
    list_add=lambda t: operator.add(three(t, "ModuleList"), [leaf(t)]),
    list_iadd=lambda t: three(t, "ModuleList").__iadd__([leaf(t)]),
    list_call=lambda t: t.ModuleList()(1),
    dict_repr=lambda t: t.ModuleDict({"b": net(t), "a": leaf(t)}),
    dict_pairs=lambda t: t.ModuleDict([["a", leaf(t)], ("b", leaf(t))]),
    dict_views=lambda t: [
        (d.keys(), d.values(), d.items(), list(d), len(d), "a" in d, "z" in d)
        for d in [t.ModuleDict({"a": leaf(t)})]
    ],
    dict_unknown=lambda t: t.ModuleDict()["z"],
    dict_pop=lambda t: changed(t.ModuleDict({"a": leaf(t)}), lambda d: d.pop("a")),
    dict_pop_unknown=lambda t: t.ModuleDict().pop("q"),
    dict_clear=lambda t: changed(t.ModuleDict({"a": leaf(t)}), lambda d: d.clear()),
    dict_delete_unknown=lambda t: t.ModuleDict().__delitem__("q"),
    dict_update_int=lambda t: t.ModuleDict().update(3),
    dict_update_triple=lambda t: t.ModuleDict([["a", leaf(t), 3]]),
    dict_update_string=lambda t: t.ModuleDict(["ab"]),
    dict_int_value=lambda t: t.ModuleDict({"a": 3}),
    dict_int_key=lambda t: t.ModuleDict({1: leaf(t)}),
    dict_method_key=lambda t: t.ModuleDict({"keys": leaf(t)}),
)


def parameter_list(t: Any) -> Any:
    """Two parameters and a string."""
    return t.ParameterList([t.Parameter(t.zeros(2)), t.ones(1), "x"])


def parameter_dict(t: Any) -> Any:
    """Two parameters and a number."""
    return t.ParameterDict({"b": t.Parameter(t.zeros(2)), "a": t.ones(2, 3), "c": 3})


for _name, _action in {
    "repr": lambda p: p,
    "index": lambda p: p[1],
    "index_negative": lambda p: p[-1],
    "index_beyond": lambda p: p[3],
    "index_string": lambda p: p["a"],
    "slice": lambda p: p[:2],
    "iterate": lambda p: (len(p), list(p)),
    "state": lambda p: p.state_dict(),
    "names": lambda p: [name for name, _ in p.named_parameters()],
    "append": lambda p: p.append(p[0]),
    "extend": lambda p: p.extend(p),
    "extend_int": lambda p: p.extend(3),
    "extend_tensor": lambda p: p.extend(p[0]),
    "iadd": lambda p: p.__iadd__([p[0]]),
    "set": lambda p: p.__setitem__(-1, p[1]),
    "set_beyond": lambda p: p.__setitem__(5, 1),
    "call": lambda p: p(1),
    "pop": lambda p: p.pop(),
}.items():
    scenes(
        "containers",
        **{f"parameter_list_{_name}": lambda t, a=_action: changed(parameter_list(t), a)},
    )

for _name, _action in {
    "repr": lambda p: p,
    "index": lambda p: p["a"],
    "unknown": lambda p: p["z"],
    "views": lambda p: (p.keys(), list(p.values()), list(p.items()), len(p), list(p), "a" in p),
    "reversed": lambda p: list(reversed(p)),
    "state": lambda p: p.state_dict(),
    "copy": lambda p: p.copy(),
    "setdefault": lambda p: (p.setdefault("q", 1), p.setdefault("r"), p.setdefault("c", 9)),
    "popitem": lambda p: p.popitem(),
    "pop": lambda p: p.pop("a"),
    "pop_unknown": lambda p: p.pop("q"),
    "get": lambda p: (p.get("z"), p.get("z", 4), p.get("c")),
    "fromkeys": lambda p: p.fromkeys(["a", "b"], 3),
    "or": lambda p: p | {"d": 4},
    "ror": lambda p: {"d": 4} | p,
    "ior": lambda p: p.__ior__({"d": 4}),
    "or_int": lambda p: p | 3,
    "clear": lambda p: p.clear(),
    "delete_unknown": lambda p: p.__delitem__("q"),
    "call": lambda p: p(1),
    "method_key": lambda p: p.update({"keys": p["a"]}),
    "update_triple": lambda p: p.update([(1, 2, 3)]),
    "update_int": lambda p: p.update(3),
}.items():
    scenes(
        "containers",
        **{f"parameter_dict_{_name}": lambda t, a=_action: changed(parameter_dict(t), a)},
    )


# ------------------------------------------------------------------------------------------------
# Optimizers
# ------------------------------------------------------------------------------------------------


def parameter(t: Any) -> Any:
    """A parameter with a gradient."""
    p = t.Parameter(t.ones(2))
    p.grad = t.ones(2)
    return p


def stepped(t: Any, cls: str, **options: Any) -> Any:
    """An optimizer of two groups (two parameters and one) after two steps."""
    p, q, r = parameter(t), parameter(t), parameter(t)
    optimizer = getattr(t, cls)([{"params": [p, q]}, {"params": r, "lr": 0.5}], lr=0.25, **options)
    optimizer.step()
    optimizer.step()
    return optimizer


for _cls in ("SGD", "Adam", "AdamW"):
    for _name, _params in {
        "repr": lambda t: [parameter(t)],
        "empty": lambda t: [],
        "tensor": parameter,
        "int": lambda t: 3,
        "ints": lambda t: [3],
        "string": lambda t: "ab",
        "none": lambda t: [{"params": None}],
        "duplicate": lambda t: [parameter(t)] * 2,
        "two_groups_share": lambda t: [{"params": [p]} for p in [parameter(t)] * 2],
        "non_leaf": lambda t: [parameter(t) * 2],
        "set": lambda t: [{"params": {parameter(t)}}],
        "no_params": lambda t: [{"lr": 1.0}],
        "group": lambda t: [{"params": parameter(t), "lr": 5.0, "other": 3}],
        "named": lambda t: [("w", parameter(t)), ("b", parameter(t))],
        "half_named": lambda t: [("w", parameter(t)), parameter(t)],
        "half_named_groups": lambda t: [
            {"params": [("w", parameter(t))]},
            {"params": [parameter(t)]},
        ],
        "dict": lambda t: {"w": parameter(t)},
        "no_gradient_wanted": lambda t: [t.ones(2)],
        "empty_group": lambda t: [{"params": []}],
    }.items():
        scenes(
            "optim",
            **{f"{_cls}_params_{_name}": lambda t, c=_cls, p=_params: getattr(t, c)(p(t))},
        )
    for _name, _options in {
        "lr": lambda t: {"lr": -1},
        "weight_decay": lambda t: {"weight_decay": -1},
        "lr_tensor": lambda t: {"lr": t.tensor(0.5)},
        "lr_vector": lambda t: {"lr": t.tensor([0.5, 1.0])},
        "foreach_and_fused": lambda t: {"foreach": True, "fused": True},
        "differentiable_and_fused": lambda t: {"differentiable": True, "fused": True},
        "lr_tensor_foreach": lambda t: {"lr": t.tensor(0.5), "foreach": True},
        "accepted": lambda t: {"foreach": False, "fused": False, "maximize": True},
        "unknown": lambda t: {"foo": 1},
    }.items():
        scenes(
            "optim",
            **{
                f"{_cls}_option_{_name}": lambda t, c=_cls, o=_options: getattr(t, c)(
                    [parameter(t)], **o(t)
                )
            },
        )
    scenes(
        "optim",
        **{
            f"{_cls}_state_dict_new": lambda t, c=_cls: getattr(t, c)([parameter(t)]).state_dict(),
            f"{_cls}_state_dict_named": lambda t, c=_cls: getattr(t, c)(
                [("w", parameter(t))]
            ).state_dict(),
            f"{_cls}_state_dict": lambda t, c=_cls: stepped(t, c).state_dict(),
            f"{_cls}_add_group": lambda t, c=_cls: after(
                getattr(t, c)([parameter(t)]),
                lambda o: o.add_param_group({"params": parameter(t), "lr": 3.0}),
            ),
            f"{_cls}_add_int": lambda t, c=_cls: getattr(t, c)([parameter(t)]).add_param_group(3),
            f"{_cls}_load": lambda t, c=_cls: after(
                stepped(t, c), lambda o: o.load_state_dict(stepped(t, c).state_dict())
            ).state_dict(),
            f"{_cls}_load_groups": lambda t, c=_cls: stepped(t, c).load_state_dict(
                {"state": {}, "param_groups": []}
            ),
            f"{_cls}_load_sizes": lambda t, c=_cls: stepped(t, c).load_state_dict(
                {"state": {}, "param_groups": [{"params": [0]}, {"params": [1]}]}
            ),
            f"{_cls}_load_nothing": lambda t, c=_cls: stepped(t, c).load_state_dict({"state": {}}),
            f"{_cls}_load_named": lambda t, c=_cls: after(
                getattr(t, c)([("w", parameter(t))]),
                lambda o: o.load_state_dict(getattr(t, c)([parameter(t)]).state_dict()),
            ).state_dict(),
            f"{_cls}_closure": lambda t, c=_cls: getattr(t, c)([parameter(t)]).step(lambda: 3),
        },
    )


scenes(
    "optim",
    sgd_momentum_negative=lambda t: t.SGD([parameter(t)], momentum=-1),
    sgd_nesterov_alone=lambda t: t.SGD([parameter(t)], nesterov=True),
    sgd_nesterov_dampened=lambda t: t.SGD(
        [parameter(t)], nesterov=True, momentum=0.5, dampening=0.5
    ),
    sgd_momentum_state=lambda t: stepped(t, "SGD", momentum=0.5).state_dict(),
    adam_beta_0=lambda t: t.Adam([parameter(t)], betas=(1.0, 0.9)),
    adam_beta_1=lambda t: t.Adam([parameter(t)], betas=(0.5, -0.5)),
    adam_eps=lambda t: t.Adam([parameter(t)], eps=-1),
    adam_betas_one=lambda t: t.Adam([parameter(t)], betas=(0.5,)),
    adam_betas_mixed=lambda t: t.Adam([parameter(t)], betas=(t.tensor(0.5), 0.75)),
    adam_betas_tensors=lambda t: t.Adam([parameter(t)], betas=(t.tensor(0.5), t.tensor(0.75))),
    adam_amsgrad_state=lambda t: stepped(t, "Adam", amsgrad=True).state_dict(),
    base_repr=lambda t: t.Optimizer([parameter(t)], {"lr": 1}),
    base_step=lambda t: t.Optimizer([parameter(t)], {"lr": 1}).step(),
)


NAMES = (
    "tensor",
    "zeros",
    "ones",
    "float64",
    "int64",
    "Module",
    "Parameter",
    "Buffer",
    "Sequential",
    "ModuleList",
    "ModuleDict",
    "ParameterList",
    "ParameterDict",
    "Optimizer",
    "SGD",
    "Adam",
    "AdamW",
)


def namespace(*sources: Any) -> SimpleNamespace:
    """The names that the scenes use, each from the first of `sources` that has it."""
    return SimpleNamespace(
        **{name: next(getattr(s, name) for s in sources if hasattr(s, name)) for name in NAMES}
    )


def main() -> None:
    """Write the file."""
    import torch

    t = namespace(torch.nn, torch.optim, torch)
    outcomes = {
        group: {name: play(scene, t) for name, scene in functions.items()}
        for group, functions in GROUPS.items()
    }
    TARGET.write_text(json.dumps(outcomes, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
