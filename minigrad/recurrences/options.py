"""Options that every recurrent layer takes: what they are, and what they make of a step.

Some concern the layer around the step (`learn_initial_state`, `residual`, a list of sizes): these
are in `sequences`, and change nothing in a kernel's work. The others change the step
(`layer_norm`, `recurrent_dropout`, `zoneout`): then the step itself runs, as that of a cell which a
user wrote does, recorded once (`minigrad.plans`). It stays a pure function all the same: what is
drawn at random is drawn before and given to it (`run_step`), and what becomes of its products, it
is told by the functions `of_x`, `of_h` and `normed` (`Direction`).

    N batch, T steps, I input size, H hidden size, G number of gates
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypedDict
from weakref import WeakKeyDictionary

import numpy as np

from ..autograd.listening import heard, is_listening
from ..autograd.tensor_base import wrap
from ..nn.functional import dropout, layer_norm
from ..nn.module import Module
from ..nn.parameter import Parameter
from ..ops.join import cat, split, stack
from ..plans.planned import run_planned
from ..plans.refusals import tell
from .recurrence import Recurrence, product, times
from .trace_names import named_gates, tells_gates
from .trace_run import wants_gradients
from .unroll import unroll

if TYPE_CHECKING:
    from .sequences import SequenceLayer

EPS = 1e-5  # as in nn.LayerNorm

Sizes = int | Sequence[int]  # one for all layers, or one for each


class LayerOptions(TypedDict, total=False):
    """The keywords; `RNNBase` says what they mean."""

    layer_norm: bool
    recurrent_dropout: float
    zoneout: float | tuple[float, ...]
    learn_initial_state: bool
    residual: bool


@dataclass(frozen=True)
class Options:
    """What the keywords were. (A single attribute of a layer: scripts give theirs such names.)"""

    layer_norm: bool = False
    recurrent_dropout: float = 0.0
    zoneout: float | tuple[float, ...] = 0.0
    learn_initial_state: bool = False
    residual: bool = False

    @property
    def change_step(self) -> bool:
        """Whether the step is another one."""
        zoneout = self.zoneout if isinstance(self.zoneout, tuple) else (self.zoneout,)
        return self.layer_norm or bool(self.recurrent_dropout) or any(zoneout)


NAMES = tuple([field.name for field in fields(Options)])


def set_options(layer: Any, given: Any) -> None:
    """Give a layer its options, or others; to be called when it has its states and layers.

    Raises
    ------
    TypeError
        There is no such option, or one is of another type.
    ValueError
        An option is out of range, or does not go with another argument.
    """
    given = dict(given)
    for name, value in given.items():
        if name not in NAMES:
            raise TypeError(
                f"{type(layer).__name__}() got an unexpected keyword argument {name!r}; the "
                f"options of all recurrent layers are {', '.join(NAMES)}"
            )
        if name == "recurrent_dropout":
            check_rate(name, value, "a unit not being read")
        elif name == "zoneout":
            given[name] = checked_zoneout(value, layer._names_of_states)
        else:
            check_flag(name, value)
    if given:
        layer._given_options = layer._given_options | given
    if layer._options.residual and layer.num_layers == 1:
        raise ValueError(
            "residual=True adds its input to the output of every layer above the first, so it "
            "expects num_layers greater than 1, but got num_layers=1"
        )


def check_flag(name: str, value: Any) -> None:
    """Check an option that is on or off."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} should be of type bool, got: {type(value).__name__}")


def check_rate(name: str, value: Any, what: str) -> None:
    """Check a probability with which something is left out: one would leave out everything."""
    try:
        valid = not isinstance(value, (bool, str)) and 0 <= float(value) < 1
    except (TypeError, ValueError):
        valid = False
    if not valid:
        raise ValueError(
            f"{name} should be a number in range [0, 1) representing the probability of {what}, "
            f"got {value!r}"
        )


def checked_zoneout(value: Any, states: Sequence[str]) -> Any:
    """A rate of zoneout, or a tuple with one for each of the states."""
    many = isinstance(value, (tuple, list))
    if many and len(value) != len(states):
        raise ValueError(
            f"zoneout should be one number, or one for each state ({', '.join(states)}), got "
            f"{value!r}"
        )
    for rate in value if many else (value,):
        check_rate("zoneout", rate, "a unit keeping its old state")
    return tuple(value) if many else value


def check_equal_sizes(sizes: Sequence[int], hidden_size: Any) -> None:
    """Check that the outputs of all layers, of these sizes, can be added."""
    if len(set(sizes)) > 1:
        raise ValueError(
            "residual=True adds the input of a layer to its output, so all layers must have one "
            f"size, but got hidden_size={hidden_size} (outputs of {', '.join(map(str, sizes))})"
        )


def sizes_by_layer(hidden_size: Any, num_layers: Any) -> tuple[Any, Any]:
    """The sizes, where hidden_size is a list of them, and the number of layers.

    Raises
    ------
    TypeError, ValueError
        The list is empty, has something else than positive integers, or another length than
        `num_layers`, if that is not left at 1.
    """
    if not isinstance(hidden_size, (list, tuple)):
        return None, num_layers
    sizes = list(hidden_size)
    if not sizes:
        raise ValueError("hidden_size must have a size for each layer, got an empty list")
    for size in sizes:
        if not isinstance(size, int) or isinstance(size, bool):
            raise TypeError(
                "hidden_size should be of type int, or a list with an int for each layer, got: "
                f"{type(size).__name__} in {hidden_size!r}"
            )
    if num_layers not in (1, len(sizes)):
        raise ValueError(
            f"hidden_size={hidden_size} has sizes for {len(sizes)} layers, but num_layers is "
            f"{num_layers}; leave num_layers out"
        )
    return sizes, len(sizes)


def option_texts(layer: Any) -> str:
    """The options that are not left at their defaults, as they stand between parentheses."""
    given, plain = vars(layer._options), vars(Options())
    return "".join([f", {name}={v}" for name, v in given.items() if v != plain[name]])


# ------------------------------------------------------------------------------------------------
# Running a step with what is drawn for it
# ------------------------------------------------------------------------------------------------


def run_step(
    layer: SequenceLayer, cell: Module, step: Callable[..., tuple[Any, ...]], x: Any,
    states: Sequence[Any], batch_sizes: Any, reverse: bool, *, recorded: bool = True,
    seen: Any = None,
) -> tuple[Any, ...]:  # fmt: skip
    """Run ``step(x, states, mask)`` over sequences: what `SequenceLayer._direction` returns.

    Two things go in beside x and the states, so that the step need not draw: the mask of recurrent
    dropout, (N, H) as the first state, goes along as one state more, which never changes; zoneout
    has other numbers at each time step, which are columns of x behind its own.

    Parameters
    ----------
    layer : SequenceLayer
        Its options count, and whether it is in training.
    cell : Module
        Whose parameters the step uses.
    step : callable
        Returns (output, *states).
    x, states, batch_sizes, reverse
        As in `unroll`.
    recorded : bool
        Whether to record the step; it would be for nothing with parameters that are new each time.
    seen : Seen, optional
        What shall have all that there is to see (`minigrad.recurrences.trace_run`).
    """
    x = x.contiguous()  # a batch that came first; so the caller's tensor may change before backward
    count, given, widths = len(states), list(states), [x.array.shape[-1]]
    if layer._options.recurrent_dropout and layer.training:
        ones = wrap(np.ones(states[0].array.shape, x.array.dtype))
        given.append(dropout(ones, layer._options.recurrent_dropout, True))
    if layer._options.zoneout:
        columns = _kept_columns(layer, x, states)
        widths += [c.array.shape[-1] for c in columns]
        x = cat([x, *columns], -1)

    def whole(x: Any, *given: Any) -> tuple[Any, ...]:
        before, more = given[:count], given[count:]
        x, *keep = [x] if len(widths) == 1 else split(x, widths, -1)
        output, *after = step(x, before, more[0].detach() if more else None)
        if keep:
            first = after[0]
            after = [_zoned_out(d, old, new) for d, old, new in zip(keep, before, after)]
            output = after[0] if output is first else output
        return output, *after, *more

    if seen is None:
        return run_whole(cell, whole, x, given, batch_sizes, reverse, recorded)[: 1 + count]
    if wants_gradients([x, *states, *cell.parameters()]):
        seen.add_nudges(x, states)
    run, x = seen.around(whole, x, states)
    columns, *ends = run_whole(cell, run, x, given, batch_sizes, reverse, recorded, seen.notes)
    return seen.taken(columns), *ends[:count]


def run_whole(
    cell: Module, step: Callable[..., tuple[Any, ...]], x: Any, states: Sequence[Any],
    batch_sizes: Any, reverse: bool, recorded: bool = True, notes: dict[str, Any] | None = None,
) -> tuple[Any, ...]:  # fmt: skip
    """Run ``step(x, *states)``, recorded if it can be: the output, the last states (1, N, ...)."""
    results = run_planned(cell, step, x, states, batch_sizes, reverse, notes) if recorded else None
    if results is None:
        output, *ends = unroll(step, x, states, (), batch_sizes, reverse)
        tell(cell)
        return output, *[stack([end]) for end in ends]
    return results


def _kept_columns(layer: Any, x: Any, states: Sequence[Any]) -> list[Any]:
    """For each state d, 1 where a unit keeps its old value; its mean, in a column, if not training.

    As x in all but the last axis: (T, N, H) or (R, H).
    """
    rates = layer._options.zoneout
    rates = rates if isinstance(rates, tuple) else [rates] * len(states)
    lead, dtype, columns = x.array.shape[:-1], x.array.dtype, []
    for rate, state in zip(rates, states):
        width = math.prod(state.array.shape[1:]) if layer.training else 1
        d = wrap(np.full((*lead, width), rate, dtype))
        columns.append(d.bernoulli_(float(rate)) if layer.training else d)
    return columns


def _zoned_out(d: Any, old: Any, new: Any) -> Any:
    """Zoneout (Krueger et al. 2017): d h + (1 - d) h'."""
    d, shape = d.detach(), old.array.shape[1:]
    if len(shape) != 1:
        d = d.reshape(-1, *(shape if d.array.shape[-1] != 1 else (1,) * len(shape)))
    return new + d * (old - new)


# ------------------------------------------------------------------------------------------------
# The step of a recurrence of ours, with other products
# ------------------------------------------------------------------------------------------------


def check_step(recurrence: Recurrence, options: Any) -> None:
    """Check that a recurrence can have the options that are about its products."""
    name = "layer_norm" if options.get("layer_norm") else "recurrent_dropout"
    known = recurrence.norms if name == "layer_norm" else _takes(recurrence.step, "of_h")
    if options.get(name) and not known:
        needs = "a step with of_x= and of_h=" + (", and norms=" if name == "layer_norm" else "")
        raise ValueError(
            f"{name} is not there for the recurrence {recurrence.name!r}: its record needs {needs}"
        )


@functools.cache
def _takes(step: Any, argument: str) -> bool:
    return argument in inspect.signature(step).parameters


def norm_shapes(recurrence: Recurrence, hidden: int, bias: bool) -> dict[str, tuple[int, ...]]:
    """The parameters of layer normalisation, by name; the biases of the products shift them."""
    shapes: dict[str, tuple[int, ...]] = {}
    for name, gates in recurrence.norms:
        shapes[f"gain_{name}"] = (sum(gates) * hidden,)
        if name == "cell" and bias:
            shapes["bias_cell"] = (hidden,)
    return shapes


class Direction(Module):
    """One direction of one layer as a cell with all of its parameters, for `run_step`."""

    def __init__(self, recurrence: Recurrence, weights: dict[str, Any]) -> None:
        super().__init__()
        self.recurrence = recurrence
        self._parameters.update(weights)

    def forward(
        self, x: Any, states: Sequence[Any], mask: Any, gates: dict[str, Any] | None = None
    ) -> tuple[Any, ...]:
        """One step: the output, and the states after. `gates`: a dictionary to be filled."""
        own, recurrence = self._parameters, self.recurrence
        parameters = [own.get(name) for name in recurrence.parameters]
        functions = self._products(mask)
        if gates is not None and tells_gates(recurrence.step):
            functions["seen"] = lambda *v: gates.update(named_gates(recurrence, v))
        after = recurrence.step(x, *states, *parameters, **functions)
        return after[0], *after

    def _products(self, mask: Any) -> dict[str, Any]:
        """What `of_x`, `of_h` and `normed` are for the step."""
        own, recurrence = self._parameters, self.recurrence
        normalised = dict(recurrence.norms) if any([n.startswith("gain") for n in own]) else {}
        if mask is None and not normalised:
            return {}
        plain = times if recurrence.diagonal else product
        summed = "sum" in normalised  # then the biases come after the sum

        def of_x(x: Any, w: Any, b: Any, rows: Any = None) -> Any:
            return x if w is None else product(x, w, None if summed else b, rows)

        def of_h(h: Any, w: Any, b: Any = None, rows: Any = None) -> Any:
            h = h if mask is None else h * mask
            if "hh" in normalised:
                v = plain(h, w, None, rows)
                return _normalised(v, normalised["hh"], own["gain_hh"], b, rows)
            return plain(h, w, None if summed else b, rows)

        def normed(v: Any) -> Any:
            if "cell" in normalised:
                return _normalised(v, (1,), own["gain_cell"], own.get("bias_cell"), None)
            b, b_hh = own.get("bias_ih"), own.get("bias_hh")
            return _normalised(v, (1,), own["gain_sum"], b if b is None else b + b_hh, None)

        found = {"of_x": of_x, "of_h": of_h}
        return {**found, "normed": normed} if {"cell", "sum"} & normalised.keys() else found


def _normalised(v: Any, gates: Any, gain: Any, b: Any, rows: tuple[int, int] | None) -> Any:
    """Layer normalisation (Ba et al. 2016) of the gates in v, some of them together.

    v has the rows `rows` of them all; gain and b have all.
    """
    size = gain.array.shape[0] // sum(gates)
    first, last = (0, sum(gates) * size) if rows is None else rows
    parts, start = [], 0
    for count in gates:
        stop = start + count * size
        if first <= start < last:
            part = v if (first, last) == (start, stop) else v[..., start - first : stop - first]
            whole = (start, stop) == (0, gain.array.shape[0])
            g, s = (gain, b) if whole else (
                gain[start:stop], None if b is None else b[start:stop]
            )  # fmt: skip
            parts.append(layer_norm(part, (count * size,), g, s, EPS))
        start = stop
    return parts[0] if len(parts) == 1 else cat(parts, -1)


_directions: WeakKeyDictionary[Module, dict[int, Direction]] = WeakKeyDictionary()


def direction_of(layer: Any, k: int, weights: dict[str, Any]) -> Direction:
    """The k-th direction of a layer, with these weights; the same one while they are the same."""
    known = _directions.setdefault(layer, {})
    cell = known.get(k)
    if (
        cell is None
        or cell.recurrence is not layer.recurrence
        or [id(v) for v in cell._parameters.values()] != [id(v) for v in weights.values()]
    ):  # (an older one still belongs to the graphs that it is in)
        cell = known[k] = Direction(layer.recurrence, weights)
    cell.training = layer.training
    return cell


def run_direction(
    layer: Any, k: int, weights: dict[str, Any], x: Any, states: Sequence[Any], batch_sizes: Any,
    reverse: bool, seen: Any = None,
) -> tuple[Any, ...]:  # fmt: skip
    """`run_step` for the k-th direction of a layer whose recurrence is one of ours."""
    names, values = tuple(weights), tuple(weights.values())
    if seen is not None:
        return _run_direction(layer, k, names, values, x, states, batch_sizes, reverse, seen)
    if is_listening():
        given = (layer, k, names, values, x, states, batch_sizes, reverse)
        return heard(_run_direction, given, {})
    return _run_direction(layer, k, names, values, x, states, batch_sizes, reverse)


def _run_direction(
    layer: Any, k: int, names: tuple[str, ...], values: tuple[Any, ...], x: Any,
    states: Sequence[Any], batch_sizes: Any, reverse: bool, seen: Any = None,
) -> tuple[Any, ...]:  # fmt: skip
    weights = dict(zip(names, values))
    norms = dict(layer.recurrence.norms)
    if layer._options.layer_norm and "ih" in norms:  # of all steps at once
        w, gain, b = [weights.pop(f"{name}_ih", None) for name in ("weight", "gain", "bias")]
        x = _normalised(product(x, w), norms["ih"], gain, b, None)
    cell = direction_of(layer, k, weights)
    lasting = all([isinstance(v, Parameter) for v in weights.values()])  # not so with weight_norm
    step = cell if seen is None else functools.partial(cell, gates=seen.gates)
    return run_step(layer, cell, step, x, states, batch_sizes, reverse, recorded=lasting, seen=seen)
