"""Random programs of views, in-place writes, indices and hooks, against an independent model.

A program is a list of Python statements over a few tensors. It runs twice: with minigrad, and in
`view_model.py`, which shares no memory, overwrites nothing, and sends nothing back. Values,
gradients (of first and second order) and what hooks saw must be equal. Where a program overwrites
what backward needs, minigrad may raise instead, but only there; a wrong number is never right.

A failure prints the program. To run more programs, or one again:

    MINIGRAD_PROGRAMS=100000 python -m pytest -q tests/test_programs.py
    MINIGRAD_PROGRAMS_FROM=7013 MINIGRAD_PROGRAMS=1 python -m pytest -q tests/test_programs.py
"""

import os
import random
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import minigrad as mg

model = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "view_model.py")))

PROGRAMS = int(os.environ.get("MINIGRAD_PROGRAMS", 2000))
FIRST = int(os.environ.get("MINIGRAD_PROGRAMS_FROM", 0))
PARTS = min(20, PROGRAMS)  # tests, so that failures do not hide one another


# ------------------------------------------------------------------------------------------------
# Writing programs
# ------------------------------------------------------------------------------------------------


class Writer:
    """Writes a program, one statement at a time, and runs it in the model to know the shapes."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.order = 2 if self.chance() < 0.25 else 1
        # By which hooks a view passes after it, or what it was taken from, was reshaped in place
        # is open: a program has hooks, or it reshapes tensors that have views.
        self.hooks = self.chance() < 0.6
        self.world = model.World(self.order)
        self.names = self.world.names()
        self.lines = []
        self.count = 0

    def write(self):
        for _ in range(self.random.randint(1, 2)):
            self.new_tensor(leaf=True)
        self.new_tensor(leaf=False)
        for _ in range(self.random.randint(2, 9)):
            self.random.choices(
                [self.view, self.in_place, self.operation, self.selection, self.hook, self.other],
                [5, 7, 6, 4, 2, 1],
            )[0]()
        for _ in range(self.random.randint(1, 3)):
            self.backward()
            self.random.choice([self.in_place, self.view, self.operation])()
        self.backward()
        return self.lines

    def add(self, line):
        """Append a statement, unless the model refuses it."""
        try:
            exec(line, self.names)
        except RuntimeError:
            return
        self.lines.append(line)

    def name(self, letter):
        self.count += 1
        return f"{letter}{self.count}"

    # Choices ------------------------------------------------------------------------------------

    def chance(self):
        return self.random.random()

    def number(self):
        return self.random.choice([-2.0, -1.5, -0.5, 0.5, 0.75, 1.25, 2.0])

    def data(self, shape, entry=None):
        entry = entry or (lambda: round(self.random.uniform(-2, 2), 2))
        return [self.data(shape[1:], entry) for _ in range(shape[0])] if shape else entry()

    def pick(self, wanted=lambda t: True, of="f"):
        """The name of a tensor, of floats unless told otherwise; rather a late one."""
        names = [
            n for n, t in self.names.items()
            if isinstance(t, model.Tensor) and t.memory.numbers.dtype.kind == of
            and 0 < t.size <= 18 and wanted(t)
        ]  # fmt: skip
        if not names:
            return None, None
        name = self.random.choice(names[-3:] if self.chance() < 0.5 else names)
        return name, self.names[name]

    def operand(self, t):
        """A number, or something that can be broadcast to the shape of `t`."""
        if self.chance() < 0.3:
            return self.number()

        def fits(other):
            pairs = zip(other.shape[::-1], t.shape[::-1])
            return other.ndim <= t.ndim and all([n in (1, m) for n, m in pairs])

        name, _ = self.pick(fits)
        if name and self.chance() < 0.85:
            return name
        return f"tensor({self.data(t.shape[self.random.randint(0, t.ndim) :])})"

    def basic_index(self, t):
        parts = []
        for n in t.shape[: self.random.randint(1, max(1, t.ndim))]:
            k = self.random.randrange(n)
            parts.append(self.random.choice([f"{k}", f"{k}:", f":{k + 1}", ":", "::2"]))
        if self.chance() < 0.2:
            parts.append("None")
        return ", ".join(parts) or "..."

    def index(self, n, shape):
        """An index tensor with entries below n: one that is there, or a new one."""
        name, _ = self.pick(
            lambda t: t.shape == shape and t.values.min() >= 0 and t.values.max() < n, of="i"
        )
        if name is None or self.chance() < 0.3:
            name = self.name("i")
            self.add(f"{name} = index({self.data(shape, lambda: self.random.randrange(n))})")
        return name

    def mask(self, shape):
        name, _ = self.pick(lambda t: t.shape == shape, of="b")
        if name is None or self.chance() < 0.3:
            name = self.name("m")
            self.add(f"{name} = mask({self.data(shape, lambda: self.chance() < 0.5)})")
        return name

    # Statements ---------------------------------------------------------------------------------

    def new_tensor(self, leaf=False):
        shape = [self.random.randint(1, 3) for _ in range(self.random.choice([0, 1, 2, 2, 2, 3]))]
        self.add(f"{self.name('x')} = tensor({self.data(shape)}, requires_grad={leaf})")

    def view(self):
        x, t = self.pick()
        if x is None:
            return
        n = t.ndim
        axis, other = (self.random.randrange(n), self.random.randrange(n)) if n else (0, 0)
        length = t.shape[axis] if n else 0
        forms = [
            f"{x}[{self.basic_index(t)}]", f"{x}[{self.basic_index(t)}]", f"{x}.unsqueeze(0)",
            f"{x}.unsqueeze({n})", f"{x}.reshape(-1)", f"{x}.squeeze()", f"{x}.detach()",
            f"{x}.expand({', '.join(map(str, (2, *t.shape)))})",
        ]  # fmt: skip
        if n:
            axes = self.random.sample(range(n), n)
            forms += [
                f"{x}.transpose({axis}, {other})", f"{x}.permute({', '.join(map(str, axes))})",
                f"{x}.movedim({axis}, {other})",
            ]  # fmt: skip
        if n == 2:
            forms += [f"{x}.t()", f"{x}.diagonal()", f"{x}.diagonal({self.random.choice([-1, 1])})"]
        if n == 3:
            forms += [f"{x}.diagonal(0, 0, 2)", f"{x}.reshape({t.shape[0]}, -1)"]
        if t.size == 6:
            forms += [f"{x}.reshape(2, 3)", f"{x}.reshape(3, 2)"]
        if length:
            k = self.random.randrange(length)
            forms += [
                f"{x}.select({axis}, {k})", f"{x}.narrow({axis}, {k}, {length - k})",
            ]  # fmt: skip
            if self.chance() < 0.2:
                names = ", ".join([self.name("v") for _ in range(length)])
                cut = self.random.choice([f"unbind({axis})", f"split(1, {axis})"])
                self.add(f"{names}, = {x}.{cut}")
                return
        self.add(f"{self.name('v')} = {self.random.choice(forms)}")

    def in_place(self):
        x, t = self.pick(lambda t: len(set(t.map.flat)) == t.size)  # not expanded
        if x is None:
            return
        y, c, part = self.operand(t), self.number(), self.basic_index(t)
        new = self.operand(eval(f"t.map[{part}]"))
        forms = [
            f"{x}.add_({y})", f"{x}.mul_({y})", f"{x}.mul_({y})", f"{x}.sub_({y})",
            f"{x}.div_({y})", f"{x} += {y}", f"{x} *= {y}", f"{x}.fill_({c})", f"{x}.zero_()",
            f"{x}.copy_({self.operand_tensor(t)})", f"{x}[{part}] = {new}",
            f"{x}[{part}] += {new}", f"{x}[{part}] *= {c}",
        ]  # fmt: skip
        forms += [f"{x}.{name}_()" for name in ("sin", "tanh", "sigmoid", "relu", "neg", "square")]
        if not (t.base.viewed and self.hooks):
            forms += [f"{x}.unsqueeze_({self.random.randint(0, t.ndim)})"]
            forms += [f"{x}.t_()"] * (2 if t.ndim <= 2 else 0)
        line = self.random.choice(forms)
        silent = self.chance() < 0.08 and not ("t_()" in line or "squeeze_" in line or "[" in line)
        self.add(f"with no_grad(): {line}" if silent else line)

    def operand_tensor(self, t):
        y = self.operand(t)
        return y if isinstance(y, str) else f"tensor({y})"

    def operation(self):
        x, t = self.pick()
        if x is None:
            return
        y = self.operand(t)
        axis = self.random.randrange(t.ndim) if t.ndim else 0
        names = [*model.UNARY, "clone", "clone", "sum"]
        forms = [f"{x}.{name}()" for name in names] + [f"{x} {sign} {y}" for sign in "+-***/"]
        if t.ndim:
            forms += [f"{x}.sum({axis})", f"{x}.mean({axis})", f"{x}.cumsum({axis})"]
            forms += [f"cat([{x}, {x}])"]
        other, _ = self.pick(lambda u: t.ndim == u.ndim == 2 and u.shape[0] == t.shape[1])
        if other:
            forms += [f"{x} @ {other}"] * 5
        line = f"{self.name('y')} = {self.random.choice(forms)}"
        self.add(f"with no_grad(): {line}" if self.chance() < 0.04 else line)

    def selection(self):
        """Indices and masks: to read, to write, and changed themselves afterwards."""
        changed = self.random.random()
        if changed < 0.25:
            i, _ = self.pick(of="i")
            if i:
                self.add(self.random.choice([f"{i}.zero_()", f"{i}.sub_(1)", f"{i}[...] = 0"]))
        elif changed < 0.4:
            m, _ = self.pick(of="b")
            if m:
                self.add(self.random.choice([f"{m}.zero_()", f"{m}.fill_(True)"]))
        x, t = self.pick(lambda t: t.ndim and t.size and len(set(t.map.flat)) == t.size)
        if x is None:
            return
        axis = self.random.randrange(t.ndim)
        if self.chance() < 0.5:
            m = self.mask(t.shape)
            y = self.name("y")
            self.add(self.random.choice([
                f"{y} = {x}[{m}]", f"{x}[{m}] = {self.number()}", f"{x}[{m}] *= {self.number()}",
                f"{x}.masked_fill_({m}, {self.number()})", f"{y} = {x}.masked_fill({m}, 0.5)",
                f"{y} = where({m}, {x}, {self.operand_tensor(t)})",
            ]))  # fmt: skip
            return
        i, y = self.index(t.shape[axis], (self.random.randint(1, 3),)), self.name("y")
        k = self.names[i].size
        source = f"tensor({self.data((*t.shape[:axis], k, *t.shape[axis + 1 :]))})"
        first = self.index(t.shape[0], (k,))
        distinct = len(set(self.names[first].values.tolist())) == k
        self.add(self.random.choice([
            f"{y} = {x}.index_select({axis}, {i})", f"{y} = {x}[{first}]",
            f"{x}.index_add_({axis}, {i}, {source})", f"{x}[{first}] = {self.number()}",
            f"{x}[{first}] *= {self.number()}" if distinct else f"{y} = {x}[{first}]",
            f"{y}, {self.name('i')} = {x}.sort({axis})",
        ]))  # fmt: skip

    def hook(self):
        """Only on leaves if there is a second order.

        There the rule of ``y = exp(x)`` may go by y or by x, so what a hook of y sees is open, and
        `grad` adds to what y retains.
        """
        x, _ = self.pick(
            lambda t: t.requires_grad and (self.order == 1 or (t.base.leaf and t.whole))
        )
        if x and self.hooks:
            self.add(self.random.choice([
                f"{x}.register_hook(look('{x} {len(self.lines)}'))",
                f"{x}.register_hook(scale({self.number()}))", f"{x}.retain_grad()",
            ]))  # fmt: skip

    def other(self):
        self.new_tensor(leaf=self.chance() < 0.5)

    def backward(self):
        x, t = self.pick(lambda t: t.requires_grad)
        if x is None:
            return
        loss = f"({x} * tensor({self.data(t.shape)})).sum()"
        if self.chance() < 0.3:
            loss = f"({x} * {x}).sum()"
        leaf, _ = self.pick(lambda t: t.base.leaf and t.whole)
        if self.order == 2 and leaf and self.chance() < 0.7:
            loss = f"grad({loss}, {leaf}).square().sum()"
        self.add(f"{loss}.backward(retain_graph=True)")


# ------------------------------------------------------------------------------------------------
# Running programs
# ------------------------------------------------------------------------------------------------


def run_in_model(lines, order):
    """What must come out: (values, gradients, what hooks saw, lines that may raise)."""
    gradients, looks, may_raise = {}, {}, set()
    hooks = {}
    codes = [compile(line, "<program>", "exec") for line in lines]
    for end, line in enumerate(lines, 1):
        if "backward" not in line and end < len(lines):
            continue
        while True:  # until no new hook turns up
            world = model.World(order, hooks)
            names = world.names()
            for code in codes[:end]:
                exec(code, names)
            if world.registered == hooks:
                break
            hooks = world.registered
        if "backward" in line:
            if world.spoiled:
                may_raise.add(end - 1)
            for number, g in world.gradients.items():
                gradients[number] = gradients.get(number, 0) + g
            for name, g in world.looks.items():
                looks.setdefault(name, []).append(g)
    tensors = {n: t for n, t in names.items() if isinstance(t, model.Tensor)}
    values = {n: t.values for n, t in tensors.items()}
    return values, {n: gradients.get(t.number) for n, t in tensors.items()}, looks, may_raise


def names_in_minigrad(torch, looks):
    """The same names as `World.names`, for minigrad (or another torch)."""

    def tensor(data, requires_grad=False):
        return torch.tensor(data, dtype=torch.float64, requires_grad=requires_grad)

    def look(name):
        def hook(g):
            if g is not None:  # which one of several outputs gets if only others were used
                looks.setdefault(name, []).append(np.array(g.detach().numpy()).reshape(-1))

        return hook

    def scale(factor):
        return lambda g: None if g is None else g * factor

    def grad(loss, leaf):
        before = {name: list(seen) for name, seen in looks.items()}
        result = torch.autograd.grad(loss, leaf, create_graph=True)[0]
        looks.clear()  # what hooks see on the way to one leaf is another matter
        looks.update(before)
        return result

    return {
        "tensor": tensor, "index": torch.tensor, "mask": torch.tensor, "no_grad": torch.no_grad,
        "grad": grad, "where": torch.where, "cat": torch.cat, "look": look,
        "scale": scale,
    }  # fmt: skip


def run(lines, torch):
    """What comes out: (values, gradients, what hooks saw, (line, message) of an error)."""
    looks, error = {}, None
    names = names_in_minigrad(torch, looks)
    for k, line in enumerate(lines):
        try:
            exec(line, names)
        except Exception as e:
            error = (k, str(e))
            break
    tensors = {n: t for n, t in names.items() if isinstance(t, torch.Tensor)}
    values = {n: t.detach().numpy() for n, t in tensors.items()}
    gradients = {n: None if t.grad is None else t.grad.numpy() for n, t in tensors.items()}
    return values, gradients, looks, error


def equal(a, b):
    if a is None or b is None:
        return a is b
    with np.errstate(all="ignore"):
        return np.shape(a) == np.shape(b) and np.allclose(a, b, 1e-7, 1e-7, equal_nan=True)


def difference(lines, order, torch=mg):
    """None, or in words what is wrong."""
    with np.errstate(all="ignore"):
        values, gradients, looks, may_raise = run_in_model(lines, order)
        got_values, got_gradients, got_looks, error = run(lines, torch)
    if error is not None:
        k, message = error
        if k in may_raise and "modified by an inplace operation" in message:
            return None
        return f"line {k} raises: {message}"
    numbers = [*values.values(), *[g for g in gradients.values() if g is not None]]
    if not all([np.all(np.abs(v) < 1e6) for v in numbers]):
        return None  # too large to compare, or a division by zero
    for name, value in values.items():
        if not equal(value, got_values[name]):
            return f"{name} is {got_values[name].tolist()}, should be {value.tolist()}"
    for name, g in gradients.items():
        if not equal(g, got_gradients[name]):
            return f"{name}.grad is {got_gradients[name]}, should be {g}"
    if set(looks) != set(got_looks):
        return f"hooks called: {sorted(got_looks)}, should be: {sorted(looks)}"
    for name, seen in looks.items():
        if len(seen) != len(got_looks[name]) or not all(map(equal, seen, got_looks[name])):
            return f"hook of {name} saw {got_looks[name]}, should see {seen}"
    return None


@pytest.mark.once  # it asks the engine, which is one text for all levels
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
@pytest.mark.parametrize("part", range(PARTS))
def test_programs(part):
    for seed in range(FIRST + part, FIRST + PROGRAMS, PARTS):
        writer = Writer(seed)
        with np.errstate(all="ignore"):
            lines = writer.write()
        wrong = difference(lines, writer.order)
        assert wrong is None, "\n".join([f"program {seed}: {wrong}", *lines])
