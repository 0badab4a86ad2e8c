"""`watch`: norms of parameters, gradients and updates while a model trains, and what they mean.

What is wrong is said in words, each from numbers that stand beside it; the bounds are below. They
are wide: a healthy training should give no word.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ..nn.activation import ReLU
from ..nn.conv import Conv1d, ConvTranspose1d
from ..nn.embedding import Embedding, EmbeddingBag
from ..nn.linear import Linear
from ..nn.module import Module
from ..recurrences.sequences import SequenceLayer
from .calls import Hanging, check_model, tensors_in
from .finite import run_back_again, run_forward_again
from .summary import how_read
from .text import table

__all__ = ["Record", "Watch", "watch"]

DEAD_AFTER = 10  # passes without a number other than 0
DEAD_PART = 0.25  # of the units of a layer (some are nothing rare)
SATURATED = 0.02  # nearer than this to an end of a gate's range
SATURATED_PART = 0.8  # of a gate's values (half of them is usual where a text is known by heart)
VANISHED_BELOW = 1e-4  # gradients of one layer, by those of another
EXPLODED_ABOVE = 1e3  # gradients at an early step, by those at the last
JUMPED_ABOVE = 100.0  # a gradient's norm, by the median of those before
REACH = 0.01  # what is left of a gradient where it no longer reaches
RATE_HIGH, RATE_TOO_HIGH, RATE_LOW = 0.05, 1.0, 1e-6  # updates, by the norm of the weights
RECENT = 10  # records that count for what is said


class Record(NamedTuple):
    """What was seen at one step.

    Attributes
    ----------
    loss : float or None
    gradient : float
        The norm of the gradient of all parameters together.
    norms, gradients, updates : dict of str to float
        Of each parameter the norm, that of its gradient (nan: it has none), that of its change
        since the step before (nan at the first).
    """

    loss: float | None
    gradient: float
    norms: dict[str, float]
    gradients: dict[str, float]
    updates: dict[str, float]


def _norm(array: np.ndarray) -> float:
    return float(np.linalg.norm(array.astype(np.float64).ravel()))


class Watch(Hanging):
    """What `watch` returns: call `step` after each step of the optimizer, then `print` it.

    Attributes
    ----------
    records : list of Record
        One for each `step`.
    """

    def __init__(self, model: Module, print_every: int) -> None:
        check_model("watch", model)
        if type(print_every) is not int or print_every < 0:
            raise ValueError(f"watch: print_every must be an int of 0 or more, got {print_every!r}")
        super().__init__()
        self.model, self.print_every = model, print_every
        self.records: list[Record] = []
        self._parameters = dict(model.named_parameters())
        self._before = {name: p.array.copy() for name, p in self._parameters.items()}
        self._idle: dict[str, np.ndarray] = {}  # passes in a row in which a unit gave 0
        self._unmoved: dict[str, np.ndarray] = {}  # steps in a row in which it got no gradient
        self._channels = False  # whether what ran last had its units on the second axis
        self._layers: dict[str, tuple[Any, Any, Any, dict[int, Any]]] = {}
        inside: set[int] = set()
        for name, module in model.named_modules():
            if id(module) not in inside:
                look = partial(self._after, name)
                self._handles.append(module.register_forward_hook(look, with_kwargs=True))
            if isinstance(module, SequenceLayer):
                inside.update(id(m) for m in module.modules())

    # -- recording --------------------------------------------------------------------------------

    def _after(self, name: str, module: Module, args: Any, kwargs: Any, output: Any) -> None:
        if self._busy or not module.training:
            return
        if isinstance(module, (Conv1d, ConvTranspose1d)):
            self._channels = True
        elif isinstance(module, (Linear, SequenceLayer, Embedding)):
            self._channels = False
        if isinstance(module, ReLU) or _is_rectified(module):
            self._look_for_dead(name, tensors_in(output)[0].array)
        if isinstance(module, SequenceLayer):
            grads: dict[int, Any] = {}
            self._layers[name] = (module, args, kwargs, grads)
            for k, t in enumerate(tensors_in(output)):
                if t.requires_grad:
                    t.register_hook(partial(grads.__setitem__, k))

    def _look_for_dead(self, name: str, array: np.ndarray) -> None:
        axis = 1 if self._channels and array.ndim == 3 else array.ndim - 1
        idle = ~(array != 0).any(axis=tuple(k for k in range(array.ndim) if k != axis))
        before = self._idle.get(name)
        before = (
            np.zeros(len(idle), int) if before is None or before.shape != idle.shape else before
        )
        self._idle[name] = np.where(idle, before + 1, 0)

    def step(self, loss: Any = None) -> None:
        """Record this step: after the optimizer's `step`, before gradients are set to zero.

        Parameters
        ----------
        loss : float or Tensor of one element, optional
            With it, what is said of the learning rate is surer.
        """
        norms, gradients, updates = {}, {}, {}
        for name, p in self._parameters.items():
            norms[name] = _norm(p.array)
            gradients[name] = float("nan") if p.grad is None else _norm(p.grad.array)
            updates[name] = _norm(p.array - self._before[name])
            self._before[name] = p.array.copy()
        there = [g for name, g in gradients.items() if self._parameters[name].grad is not None]
        total = float(np.sqrt(np.sum(np.square(there)))) if there else 0.0
        number = None if loss is None else float(loss)
        self.records.append(Record(number, total, norms, gradients, updates))
        self._look_for_unmoved()
        if self.print_every and len(self.records) % self.print_every == 0:
            print(self)

    def _look_for_unmoved(self) -> None:
        for name, module in self.model.named_modules():
            weight = module._parameters.get("weight") if type(module) is Linear else None
            if weight is None or weight.grad is None:
                continue
            still = ~(weight.grad.array != 0).any(axis=1)
            still &= not still.all()  # (then there is no gradient at all, which is another matter)
            before = self._unmoved.get(name, np.zeros(len(still), int))
            self._unmoved[name] = np.where(still, before + 1, 0)

    # -- words ------------------------------------------------------------------------------------

    def problems(self) -> list[str]:
        """What looks wrong, in sentences; empty if nothing does."""
        if not self.records:
            return []
        return [
            *self._not_finite(), *self._without_gradient(), *self._unchanged(), *self._dead(),
            *self._between_layers(), *self._jumps(), *self._rate(), *self._through_time(),
            *self._saturated(),
        ]  # fmt: skip

    def notes(self) -> list[str]:
        """What is worth knowing: which axis recurrent layers took for time, how far they see."""
        notes = []
        for name, (module, args, kwargs, _) in self._layers.items():
            inputs = tensors_in((args, kwargs))
            text = how_read(module, inputs[0]) if inputs else ""
            notes += [f"{name or 'the model'} {text}."] if text else []
            reach = self._reach(name)
            if reach is not None:
                notes.append(
                    f"{name or 'the model'}: the gradient of its last step is above "
                    f"{REACH:.0%} for {reach[0]} of {reach[1]} steps back."
                )
        return notes

    def _recent(self, values: list[float]) -> float:
        """The median of the last records, without those that are missing."""
        kept = [v for v in values[-RECENT:] if np.isfinite(v)]
        return float(np.median(kept)) if kept else float("nan")

    def _not_finite(self) -> list[str]:
        record = self.records[-1]
        bad = [n for n, v in record.norms.items() if not np.isfinite(v)]
        bad_gradients = [
            n for n, v in record.gradients.items()
            if not np.isfinite(v) and self._parameters[n].grad is not None
        ]  # fmt: skip
        words = []
        if record.loss is not None and not np.isfinite(record.loss):
            words.append(f"The loss is {record.loss}.")
        if bad or bad_gradients:
            kind = "parameters" if bad else "gradients"
            words.append(
                f"NaN or Inf in the {kind} of {_some(bad or bad_gradients)}: exploding. "
                "debug.check_finite finds where it begins."
            )
        return words

    def _without_gradient(self) -> list[str]:
        none = [
            name for name, p in self._parameters.items()
            if p.requires_grad and all(np.isnan(r.gradients[name]) for r in self.records)
            and p.grad is None
        ]  # fmt: skip
        if not none:
            return []
        return [
            f"{_some(none)} never got a gradient: not used for the loss, or behind a detach() or "
            "no_grad(); or step() was called after zero_grad()."
        ]

    def _unchanged(self) -> list[str]:
        """Parameters that stay as they are, with gradients like those of others that move."""
        largest = {
            name: max([r.gradients[name] for r in self.records if r.gradients[name] > 0], default=0)
            for name in self._parameters
        }
        moves = [n for n in largest if any(r.updates[n] > 0 for r in self.records)]
        least = 1e-3 * max([largest[n] for n in moves], default=float("inf"))
        still = [n for n in largest if n not in moves and largest[n] > least]
        if not still or len(self.records) < 2:
            return []
        return [f"{_some(still)} never changed, with gradients: was the optimizer given all of it?"]

    def _dead(self) -> list[str]:
        words = []
        for name, ages in self._idle.items():
            dead = int((ages >= DEAD_AFTER).sum())
            if dead >= DEAD_PART * len(ages):
                words.append(
                    f"{name}: dead ReLUs: {dead} of {len(ages)} units gave 0 for all inputs of the "
                    f"last {DEAD_AFTER} passes or more, and learn nothing. A lower learning rate, "
                    "or LeakyReLU."
                )
        for name, ages in self._unmoved.items():
            dead = int((ages >= DEAD_AFTER).sum())
            if dead >= DEAD_PART * len(ages) and not words:
                words.append(
                    f"{name}: {dead} of {len(ages)} units got no gradient at all for "
                    f"{DEAD_AFTER} steps or more: dead, if a ReLU follows."
                )
        return words

    def _sizes(self) -> dict[str, float]:
        """The gradient of one entry of each weight of a layer, on average."""
        tables = {
            id(p) for m in self.model.modules() if isinstance(m, (Embedding, EmbeddingBag))
            for p in m._parameters.values()
        }  # fmt: skip
        found = {}
        for name, p in self._parameters.items():
            if p.array.ndim > 1 and id(p) not in tables and p.grad is not None:
                recent = self._recent([r.gradients[name] for r in self.records])
                found[name] = recent / np.sqrt(p.array.size)
        return {name: g for name, g in found.items() if np.isfinite(g)}

    def _between_layers(self) -> list[str]:
        sizes = self._sizes()
        if not sizes:
            return []
        names = list(sizes)
        low, high = min(names, key=sizes.__getitem__), max(names, key=sizes.__getitem__)
        if sizes[high] == 0:
            return ["All gradients of weights are 0: nothing is learned."]
        if sizes[low] > VANISHED_BELOW * sizes[high] or names.index(low) > names.index(high):
            return []
        return [
            f"Vanishing gradients: an entry of {low} gets {sizes[low]:.1e}, one of {high} "
            f"{sizes[high]:.1e}. ReLU or tanh for sigmoid, normalisation, residual connections, "
            "another initialisation."
        ]

    def _jumps(self) -> list[str]:
        norms = [r.gradient for r in self.records]
        before = [n for n in norms[:-1] if np.isfinite(n)]
        if len(before) < 5 or not np.isfinite(norms[-1]):
            return []
        usual = float(np.median(before))
        recent = max(norms[-RECENT:])
        if usual == 0 or recent < JUMPED_ABOVE * usual:
            return []
        return [
            f"Exploding gradients: their norm was {recent:.1e} in one of the last steps, usually "
            f"{usual:.1e}. nn.utils.clip_grad_norm_, or a lower learning rate."
        ]

    def _rate(self) -> list[str]:
        weights = [name for name, p in self._parameters.items() if p.array.ndim > 1]
        ratios = []
        for r in self.records:
            norm = np.sqrt(sum([r.norms[name] ** 2 for name in weights]))
            change = np.sqrt(sum([r.updates[name] ** 2 for name in weights]))
            ratios.append(change / norm if norm else float("nan"))
        ratio = self._recent(ratios)
        losses = [r.loss for r in self.records if r.loss is not None]
        rises = len(losses) >= RECENT and not (
            np.median(losses[-5:]) <= np.median(losses[:5])  # (nan rises, too)
        )
        most = max([r for r in ratios if np.isfinite(r)], default=0.0)
        if most > RATE_TOO_HIGH or (ratio > RATE_HIGH and rises):
            changed = most if most > RATE_TOO_HIGH else ratio
            text = f"The learning rate is too high: a step changed the weights by {changed:.0%} of "
            text += "their norm (0.1 % is usual)"
            if rises:
                text += f", and the loss went from {losses[0]:.3g} to {losses[-1]:.3g}"
            return [text + "."]
        moving = self.records[-1].gradient > 0 and len(self.records) >= RECENT
        if moving and 0 < ratio < RATE_LOW:
            return [
                f"The learning rate is very low: a step changes the weights by {ratio:.1e} of "
                "their norm (1e-3 is usual)."
            ]
        return []

    # -- recurrent layers -------------------------------------------------------------------------

    def _through_time(self) -> list[str]:
        words = []
        for name in self._layers:
            found = self._reach(name)
            if found is None:
                continue
            reach, steps, only_last, growth = found
            called = name or "the model"
            if growth > EXPLODED_ABOVE:
                words.append(
                    f"{called}: exploding gradients in time: {growth:.1e} times as large at an "
                    "early step as at the last. nn.utils.clip_grad_norm_, or an LSTM or GRU."
                )
            elif only_last and steps >= 20 and reach < steps / 4:
                words.append(
                    f"{called}: vanishing gradients in time: only the last of {steps} steps has a "
                    f"loss, and above {REACH:.0%} of its gradient reaches back {reach} steps. What "
                    "lies further back is hardly learned: an LSTM with forget_bias=1 or "
                    "chrono_t_max, IndRNN, or attention."
                )
        return words

    def _reach(self, name: str) -> tuple[int, int, bool, float] | None:
        """How far back the gradient of the last step goes, in the top layer, forward in time.

        Steps above `REACH`, all steps, whether only the last one has a gradient from outside, and
        how many times as large as at the last step it becomes.
        """
        module, args, kwargs, grads = self._layers[name]
        if not grads:
            return None
        lead = int(bool(module.batch_first)) if 0 in grads and grads[0].array.ndim == 3 else 0
        last, only_last = dict(grads), True
        if 0 in grads:
            g = np.moveaxis(grads[0].array, lead, 0)
            has = np.flatnonzero((g != 0).reshape(len(g), -1).any(1))
            if not len(has) and len(grads) == 1:
                return None
            only_last = len(has) <= 1
            if len(has):
                kept = np.zeros_like(g)
                kept[has[-1]] = g[has[-1]]
                last = {0: type(grads[0])(np.moveaxis(kept, 0, lead))}
        trace = self._again(partial(run_back_again, module, args, kwargs, last))
        if trace is None:
            return None
        part = trace[len(trace) - 1].forward
        axis = part.axes.index("time")
        sizes: Any = 0.0
        for state in part.values():
            if state._grad is not None:  # (gates have none)
                g = np.moveaxis(state._grad.array, axis, 0)
                sizes = sizes + (g.reshape(len(g), -1).astype(np.float64) ** 2).sum(1)
        if np.ndim(sizes) == 0 or not sizes.any():
            return None
        sizes = np.sqrt(sizes[: np.flatnonzero(sizes)[-1] + 1])
        here = np.flatnonzero(sizes >= REACH * sizes[-1])
        return len(sizes) - int(here[0]), len(sizes), only_last, float(sizes.max() / sizes[-1])

    def _saturated(self) -> list[str]:
        words = []
        for name, (module, args, kwargs, _) in self._layers.items():
            trace = self._again(partial(run_forward_again, module, args, kwargs))
            if trace is None:
                continue
            chrono = getattr(module, "chrono_t_max", None) is not None
            for layer, _, part in trace._flat():
                for gate, tensor in part.items():
                    if not gate.endswith("_gate"):
                        continue
                    if gate == "forget_gate" or (chrono and gate == "input_gate"):
                        continue  # one that stays open remembers: that is no fault
                    _, values = part._rows(gate)
                    tanh = bool((tensor.array < 0).any())
                    low = -1.0 if tanh else 0.0
                    ends = (values < low + SATURATED) | (values > 1 - SATURATED)
                    share = float(ends.mean()) if values.size else 0.0
                    if share > SATURATED_PART and float(values.max()) <= 1:
                        place = f" of layer {layer}" if len(trace) > 1 else ""
                        words.append(
                            f"{name or 'the model'}: saturated: {share:.0%} of the values of "
                            f"{gate}{place} are within {SATURATED} of {low:.0f} or 1, where its "
                            "gradient is nearly 0. Smaller inputs or weights, a lower learning "
                            "rate, layer_norm=True."
                        )
        return words

    # -- printing ---------------------------------------------------------------------------------

    def __str__(self) -> str:
        if not self.records:
            return "nothing recorded: call step() after each step of the optimizer"
        record = self.records[-1]
        rows = []
        for name in self._parameters:
            norm, change = record.norms[name], record.updates[name]
            ratio = f"{change / norm:.1e}" if norm else "-"
            g = record.gradients[name]
            rows.append((name, f"{norm:.3g}", "-" if np.isnan(g) else f"{g:.2e}", ratio))
        loss = "" if record.loss is None else f", loss {record.loss:.4g}"
        head = f"step {len(self.records)}{loss}, norm of the gradient {record.gradient:.3g}"
        heads = ("parameter", "norm", "gradient", "update/norm")
        words = self.problems() or ["Nothing looks wrong."]
        return "\n".join([head, table(heads, rows), *words, *self.notes()])

    __repr__ = __str__


def _is_rectified(module: Any) -> bool:
    """Whether it is a recurrent layer whose states come from a ReLU."""
    return "RELU" in str(getattr(module, "mode", ""))


def _some(names: list[str]) -> str:
    """The first few names."""
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def watch(model: Module, print_every: int = 0) -> Watch:
    """Watch a model while it trains: norms, dead units, saturated gates, and words about them.

    Parameters
    ----------
    model : Module
    print_every : int
        Print the report after so many steps. Default: 0, never; ``print(watched)`` does.

    Returns
    -------
    Watch
        ``watched.step(loss)`` belongs behind ``optimizer.step()``. Then ``print(watched)`` shows
        the last step and what looks wrong; ``watched.problems()`` are the sentences,
        ``watched.records`` the numbers.

    Raises
    ------
    TypeError
        `model` is no module.
    ValueError
        `print_every` is no number of steps.

    Notes
    -----
    It speaks of: NaN; parameters without a gradient, or that the optimizer was not given; dead
    ReLUs (a module `ReLU` or a recurrent layer gave 0 for ten passes; for ``F.relu``, a unit of the
    `Linear` before got no gradient); gradients that vanish between layers or in time, or explode;
    a learning rate that is too high or too low by the size of updates; saturated gates. Recurrent
    layers are run once more for their gates, but only when the words are asked for. A step costs
    the norms and a copy of the parameters.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> model = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
    >>> sgd = mg.optim.SGD(model.parameters(), lr=0.01)
    >>> x, y = mg.randn(16, 3), mg.randn(16, 1)
    >>> watched = mg.debug.watch(model)
    >>> for _ in range(20):
    ...     loss = nn.functional.mse_loss(model(x), y)
    ...     sgd.zero_grad()
    ...     loss.backward()
    ...     sgd.step()
    ...     watched.step(loss)
    >>> watched.problems()
    []
    """
    return Watch(model, print_every)
