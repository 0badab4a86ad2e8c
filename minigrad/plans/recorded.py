"""Recording a step and its derivative: twice, to find what a list would get wrong.

Refused is a step that draws random numbers, reads values (branches, `item`), writes to memory of
others, uses tensors from outside of its module, or whose list depends on anything but its inputs:
on the batch size, on a clock, on what slipped past `traced`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import _kernels
from ..autograd.backward import grad
from ..autograd.engine import Node
from ..autograd.grad_mode import enable_grad
from ..autograd.tensor_base import next_number, wrap
from ..tensor.creation import get_rng_state, set_rng_state
from . import asked, traced
from .traced import Instruction, Refused, Value

ndarray = np.ndarray
assert asked.ARRAY_FUNCTIONS  # (importing it is what fills them in)

# Sizes of the batch while recording: primes, so that they are no other size of the step, as a rule.
BATCHES = (101, 103, 107, 109, 113, 127, 131, 137)


class Recording(NamedTuple):
    """A step and its derivative as lists.

    Attributes
    ----------
    forward, backward : list of Instruction
    inputs : dict
        The input values, by name: "x", "state 0", ..., "parameter 0", ..., and those of the
        backward list: "d output", "d state 0", ...
    results, gradients : dict of str to Value or None
        "output", "state 0", ...; and "x", "state 0", ..., "parameter 0", ...: the gradients.
    batch : int
        The size by which the axis of the batch is known.
    examples, found : dict of str to ndarray
        The arrays of the inputs with which it was recorded; those of the results, and those of the
        gradients, "gradient x", ...
    follows : bool
        Whether arrays that the step makes from nothing write down what is done with them, too.
    """

    @property
    def way(self) -> list[Any]:
        """As `way_of` gives it."""
        names: dict[int, Any] = {id(v): name for name, v in self.inputs.items()}
        read = {id(v) for v in self.results.values()}
        for i in reversed(self.forward):
            if id(i.output) in read:
                read |= {id(v) for v in i.inputs}
        way: list[Any] = []
        for i in self.forward:
            if id(i.output) not in read:  # (as a shape that cannot be had without a copy)
                continue
            of = [names.get(id(v), str(v.constant) if not v.shape else None) for v in i.inputs]
            if i.op == "copy":  # whether one is needed for the memory depends on sizes, too
                names[id(i.output)] = of[0]
                continue
            names[id(i.output)] = len(way)
            way.append((i.op, of))
        return [*way, [names.get(id(v)) for v in self.results.values()]]

    forward: list[Instruction]
    backward: list[Instruction]
    inputs: dict[str, Value]
    results: dict[str, Value]
    gradients: dict[str, Value | None]
    batch: int
    examples: dict[str, ndarray]
    found: dict[str, ndarray]
    follows: bool


def recorded(
    step: Callable[..., tuple[Any, ...]],
    tensors: Sequence[Any],
    x_shape: tuple[int, ...],
    state_shapes: Sequence[tuple[int, ...]],
    dtype: Any,
) -> Recording:
    """Record ``step(x, *states)``, which gives (output, *states).

    Parameters
    ----------
    step : callable
    tensors : sequence of Tensor
        The parameters and buffers that it uses.
    x_shape, state_shapes
        The shapes of one sequence.
    dtype : numpy.dtype

    Raises
    ------
    Refused
        The step cannot be a plan.
    """
    sizes = {n for t in tensors for n in t.array.shape} | set(x_shape)
    sizes |= {n for shape in state_shapes for n in shape}
    batches = [n for n in BATCHES if all([size % n or not size for size in sizes])]
    if len(batches) < 4:
        raise Refused("its sizes leave none to tell the batch by")
    why: Refused | None = None
    # a number in it may be that of the batch; and what it makes from nothing need be followed only
    # if it writes to that
    for attempt, follows in ((0, False), (2, False), (0, True)):
        try:
            first, second = [
                _recorded_once(
                    step, tensors, x_shape, state_shapes, dtype, batch, seed, True, follows
                )
                for seed, batch in enumerate(batches[attempt : attempt + 2])
            ]
            _check_equal(first, second)
        except Refused as refusal:
            why = why or refusal
        else:
            return first
    assert why is not None
    raise why


def way_of(
    step: Any, tensors: Any, x_shape: Any, state_shapes: Any, dtype: Any, batch: int, follows: bool
) -> list[Any]:
    """What a step does with a batch of this size: the operations, on what, and numbers among that.

    Raises
    ------
    Refused
        The step cannot be a plan.
    """
    return _recorded_once(step, tensors, x_shape, state_shapes, dtype, batch, 0, False, follows).way


def _recorded_once(
    step: Any, tensors: Any, x_shape: Any, state_shapes: Any, dtype: Any, batch: int, seed: int,
    backwards: bool, follows: bool,
) -> Recording:  # fmt: skip
    numbers = np.random.default_rng(seed)

    def example(name: str, shape: tuple[int, ...]) -> Any:
        array = (0.5 * numbers.standard_normal((batch, *shape))).astype(dtype)
        tensor = wrap(traced.input_value(array, name))
        inputs[name], examples[name] = tensor.array.value, array
        return tensor

    inputs: dict[str, Value] = {}
    examples: dict[str, ndarray] = {}
    arrays = [t.array for t in tensors]
    drawn = get_rng_state()
    tape = traced.begin(follows)
    try:
        with _kernels.without(), enable_grad():
            for k, tensor in enumerate(tensors):
                name = f"parameter {k}"
                tensor.array = traced.input_value(arrays[k], name)
                inputs[name], examples[name] = tensor.array.value, arrays[k]
            x = example("x", x_shape)
            states = [example(f"state {k}", shape) for k, shape in enumerate(state_shapes)]
            leaves = [x, *states]
            for leaf in leaves:
                leaf._requires_grad = True
            began = next_number()
            results = step(x, *states)
            _check_history(results, [*leaves, *tensors], began)
            names = ["output", *[f"state {k}" for k in range(len(states))]]
            values = {name: tape.value_of(y.array) for name, y in zip(names, results)}
            forward, tape.backwards = len(tape.instructions), True
            above = [example(f"d {name}", y.array.shape[1:]) for name, y in zip(names, results)]
            wanted = [*leaves, *[t for t in tensors if t._requires_grad]]
            used = [(y, g) for y, g in zip(results, above) if y._requires_grad]
            found: Sequence[Any] = [None] * len(wanted)
            if used and backwards:
                found = grad(
                    [y for y, _ in used], wanted, [g for _, g in used], create_graph=True,
                    allow_unused=True,
                )  # fmt: skip
            if tape.refusal:
                raise Refused(tape.refusal)
            kinds = ["x", *names[1:], *[f"parameter {k}" for k, t in enumerate(tensors)
                                        if t._requires_grad]]  # fmt: skip
            gradients = {
                kind: None if g is None else tape.value_of(g.array) for kind, g in zip(kinds, found)
            }
            arrays_found = {name: traced.plain(y.array) for name, y in zip(names, results)}
            arrays_found |= {
                f"gradient {kind}": traced.plain(g.array)
                for kind, g in zip(kinds, found) if g is not None
            }  # fmt: skip
    except Refused:
        raise
    except Exception as error:
        raise Refused(tape.refusal or f"{type(error).__name__}: {error}") from error
    finally:
        traced.end()
        has_drawn = bool((get_rng_state().array != drawn.array).any())
        set_rng_state(drawn)
        for tensor, array in zip(tensors, arrays):
            tensor.array = array
    if has_drawn:
        raise Refused("it draws random numbers")
    return Recording(
        tape.instructions[:forward], tape.instructions[forward:], inputs, values, gradients, batch,
        examples, arrays_found, follows,
    )  # fmt: skip


def _check_history(results: Sequence[Any], known: Sequence[Any], began: int) -> None:
    """Refuse a step whose results have gradients for tensors that are none of its inputs."""
    own = {id(t) for t in known}
    stack = [y.edge[0] for y in results if y.edge is not None]
    seen: set[int] = set()
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if type(node) is not Node:
            if id(node) not in own:
                raise Refused("it uses a tensor that requires a gradient and is no parameter of it")
        elif node.number < began:
            raise Refused("it uses a tensor that was computed before the step")
        else:
            stack += [edge[0] for edge in node.edges if edge is not None]


# ------------------------------------------------------------------------------------------------
# Two recordings compared
# ------------------------------------------------------------------------------------------------


def _check_equal(a: Recording, b: Recording) -> None:
    """Refuse a step of which two recordings differ in more than the size of the batch."""
    names: list[dict[int, Any]] = [{}, {}]
    for r, known in zip((a, b), names):
        for name, value in r.inputs.items():
            known[id(value)] = name
    for part in ("forward", "backward"):
        lists = getattr(a, part), getattr(b, part)
        if len(lists[0]) != len(lists[1]):
            raise Refused("another run of it takes another way")
        for n, pair in enumerate(zip(*lists)):
            forms = []
            for instruction, known, r in zip(pair, names, (a, b)):
                inputs = [known.get(id(v), v.constant) for v in instruction.inputs]
                known[id(instruction.output)] = f"{part} {n}"
                forms.append((
                    instruction.op, len(inputs), _with_batch(instruction.options, r.batch),
                    _with_batch(instruction.output.shape, r.batch),
                ))  # fmt: skip
            line = f" ({pair[0].line})" if pair[0].line else ""
            if forms[0] != forms[1]:
                raise Refused(f"another run of it takes another way{line}")
            for v, w in zip(pair[0].inputs, pair[1].inputs):
                _check_constants(v, w, (a.batch, b.batch), line)
                if names[0].get(id(v)) != names[1].get(id(w)):
                    raise Refused(f"another run of it takes another way{line}")
    for which in ("results", "gradients"):
        for name, v in getattr(a, which).items():
            w = getattr(b, which)[name]
            if (v is None) != (w is None):
                raise Refused("another run of it has other gradients")
            if v is not None:
                _check_constants(v, w, (a.batch, b.batch), "")


def _check_constants(v: Value, w: Value, batches: tuple[int, int], line: str) -> None:
    if v.constant is None and w.constant is None:
        return
    if v.constant is None or w.constant is None:
        raise Refused(f"another run of it takes another way{line}")
    one, two = np.asarray(v.constant), np.asarray(w.constant)
    if isinstance(v.constant, ndarray) and v.constant is w.constant:
        raise Refused(f"it uses a tensor from outside; register it as a buffer{line}")
    if _with_batch(one.shape, batches[0]) != _with_batch(two.shape, batches[1]):
        raise Refused(f"a value in it depends on more than its inputs{line}")
    if one.size and one.shape != two.shape and (one == one.flat[0]).all():
        one, two = one.flat[:1], two.flat[:1] if (two == two.flat[0]).all() else two
    elif one.ndim and one.shape[0] == batches[0]:
        if (one != one[:1]).any():
            raise Refused(f"a value in it depends on more than its inputs{line}")
        one, two = one[:1], two[:1]
    if one.dtype != two.dtype or not np.array_equal(one, two, equal_nan=one.dtype.kind == "f"):
        raise Refused(f"a value in it depends on more than its inputs{line}")


def _with_batch(thing: Any, batch: int) -> Any:
    """Shapes and options with "N" for the size of the batch."""
    if isinstance(thing, tuple):
        return tuple([_with_batch(part, batch) for part in thing])
    if type(thing) is int and thing and thing % batch == 0:
        return "N", thing // batch
    return thing
