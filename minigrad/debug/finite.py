"""`check_finite`: where the first NaN or Inf comes from, forward or backward.

Hooks look at what each layer gives, and at the gradients that come back to it. Only when something
is found is the layer looked into: a recurrent one runs once more with `trace`, so that its gates
and time steps can be told apart.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from weakref import ref

import numpy as np

from ..autograd.backward import backward
from ..autograd.grad_mode import enable_grad, no_grad
from ..nn.module import Module
from ..recurrences.layer import RNNBase
from ..recurrences.sequences import SequenceLayer
from .calls import Hanging, check_model, tensors_in

__all__ = ["CheckFinite", "NotFinite", "check_finite"]


class NotFinite(RuntimeError):
    """The first NaN or Inf.

    Attributes
    ----------
    during : str
        "forward" or "backward".
    layer : str
        The name of the layer in the model; "" for the model itself.
    gate : str
        The gate or state of a recurrent layer, if it is known which.
    step : int or None
        The time step, counted from 0, if there is one.
    """

    during = "forward"
    layer = gate = ""
    step: int | None = None


class CheckFinite(Hanging):
    """What `check_finite` returns: `remove` ends the watching, as the end of a ``with`` block."""

    def __init__(self, model: Module, inf: bool) -> None:
        check_model("check_finite", model)
        super().__init__()
        self._inf = inf
        self._calls: dict[str, int] = {}  # in this forward pass
        self._readers: dict[int, tuple[Any, list[str]]] = {}  # of outputs: a reference, and names
        self._last: dict[str, tuple[Any, Any, dict[int, Any]]] = {}  # of recurrent layers
        self._modules: dict[str, Any] = {}
        inside: set[int] = set()
        for name, module in model.named_modules():
            if id(module) in inside:
                continue
            if isinstance(module, SequenceLayer):  # it runs as a whole
                inside.update(id(m) for m in module.modules())
            self._modules[name] = module
            self._hang(name, module)
        self._handles.append(model.register_forward_pre_hook(self._begin, with_kwargs=True))

    def _hang(self, name: str, module: Module) -> None:
        look = partial(self._after, name)
        self._handles.append(module.register_forward_hook(look, with_kwargs=True))
        own = isinstance(module, SequenceLayer)
        for key, p in module.named_parameters(recurse=own):
            if p.requires_grad:
                self._handles.append(p.register_hook(partial(self._at_parameter, name, key)))

    # -- what hooks see ---------------------------------------------------------------------------

    def _begin(self, model: Module, args: Any, kwargs: Any) -> None:
        self._calls, self._readers, self._last = {}, {}, {}
        for k, t in enumerate(tensors_in((args, kwargs))):
            if self._is_bad(t) and not _is_mask(t.array):
                self._raise(
                    "forward", "", f"input {k} of the model has {self._amount(t)}: look at the data"
                )

    def _after(self, name: str, module: Module, args: Any, kwargs: Any, output: Any) -> None:
        if self._busy:
            return
        call = self._calls.get(name, 0)
        self._calls[name] = call + 1
        outputs = tensors_in(output)
        for t in outputs:
            if self._is_bad(t):
                self._found_forward(name, module, call, args, kwargs, t)
        for t in tensors_in((args, kwargs)):
            known = self._readers.get(id(t))
            if known is not None and known[0]() is t:
                known[1].append(name)
        if isinstance(module, SequenceLayer):
            self._last[name] = (args, kwargs, {})
        for k, t in enumerate(outputs):
            known = self._readers.get(id(t))
            if known is not None and known[0]() is t:
                continue  # a layer inside gave it
            self._readers[id(t)] = (ref(t), [])
            if t.requires_grad:
                t.register_hook(partial(self._at_output, name, k, call, self._readers[id(t)][1]))

    def _at_output(self, name: str, k: int, call: int, readers: list[str], g: Any) -> None:
        if self._busy or not self._handles:
            return
        if name in self._last:
            self._last[name][2][k] = g
        if not self._is_bad(g):
            return
        if not readers:
            self._raise(
                "backward", name,
                f"the gradient that comes to the output of {self._called(name)} has "
                f"{self._amount(g)}: from what is computed of it outside of layers, such as the "
                "loss",
                step=call if self._calls.get(name, 0) > 1 else None,
            )  # fmt: skip
        reader = self._innermost(readers)
        self._found_backward(reader, f"of its input has {self._amount(g)}", call)

    def _at_parameter(self, name: str, key: str, g: Any) -> None:
        if not self._busy and self._is_bad(g):
            self._found_backward(name, f"of its {key} has {self._amount(g)}", None, key, g)

    # -- finding out more -------------------------------------------------------------------------

    def _found_forward(
        self, name: str, module: Module, call: int, args: Any, kwargs: Any, output: Any
    ) -> None:
        gate, step, where = "", None, ""
        if isinstance(module, SequenceLayer):
            gate, step, where = self._traced(
                partial(run_forward_again, module, args, kwargs), "value"
            )
        if not where and self._calls[name] > 1:
            step = call
            where = f"at time step {step} (its call {step + 1}), "
        causes = [
            f"its input {k} already has {self._amount(t)}, made between layers"
            for k, t in enumerate(tensors_in((args, kwargs)))
            if self._is_bad(t)
        ]
        causes += [
            f"its {key} has {self._amount(p)}: the last update made it so"
            for key, p in module.named_parameters()
            if self._is_bad(p)
        ]
        text = f"{self._called(name)} is the first layer that gives {self._amount(output)}"
        self._raise("forward", name, text + self._more(where, causes), gate, step)

    def _found_backward(
        self, name: str, what: str, call: int | None, key: str = "", g: Any = None
    ) -> None:
        module = self._modules[name]
        gate, step, where = "", None, ""
        if name in self._last:
            args, kwargs, grads = self._last[name]
            again = partial(run_back_again, module, args, kwargs, grads)
            gate, step, where = self._traced(again, "gradient")
        elif call is not None and self._calls.get(name, 0) > 1:
            step = call
            where = f"at time step {step}, "
        rows = self._gates_of_rows(module, key, g)
        if rows:
            gate = gate or rows[0]
            where += f"in rows of {', '.join(rows)}, "
        causes = ["the gradient of its output was finite"]
        text = f"backward of {self._called(name)}: the gradient {what}"
        self._raise("backward", name, text + self._more(where, causes), gate, step)

    def _traced(self, run: Callable[[], Any], what: str) -> tuple[str, int | None, str]:
        """The gate, the step, and a text of both, found by running a recurrent layer once more."""
        trace = self._again(run)
        if trace is None:  # then the layer's name has to do
            return "", None, ""
        for layer in range(len(trace))[:: 1 if what == "value" else -1]:
            for direction in ("forward", "reverse"):
                part = getattr(trace[layer], direction, None)
                found = None if part is None else self._first(part, direction, what)
                if found is not None:
                    name, step, row = found
                    place = "" if len(trace) == 1 else f" of layer {layer}"
                    place += "" if direction == "forward" else ", backward in time"
                    said = name if what == "value" else f"the gradient of {name}"
                    return name, step, f"first in {said}{place} at time step {step}{row}, "
        return "", None, ""

    def _first(self, part: Any, direction: str, what: str) -> tuple[str, int, str] | None:
        """The name and the step of the first bad number, in the order in which they are made."""
        late_first = (direction == "reverse") != (what == "gradient")
        best: tuple[int, str, int, str] | None = None
        for name, tensor in part.items():
            tensor = tensor if what == "value" else tensor._grad  # (states have one, gates not)
            if tensor is None:
                continue
            bad = self._bad(tensor.array)
            if not bad.any():
                continue
            time = part.axes.index("time")
            steps = np.flatnonzero(bad.any(axis=tuple(k for k in range(bad.ndim) if k != time)))
            step = int(steps[-1 if late_first else 0])
            order = -step if late_first else step
            if best is None or order < best[0]:
                there = np.argwhere(bad.take(step, axis=time))[0]
                names = [axis for axis in part.axes if axis != "time"]
                row = ", ".join(
                    f"{'sequence' if axis == 'batch' else 'unit'} {k}"
                    for axis, k in zip(names, there)
                )
                best = (order, name, step, f" ({row})" if row else "")
        return None if best is None else best[1:]

    def _gates_of_rows(self, module: Any, key: str, g: Any) -> list[str]:
        """The gates whose rows of a recurrent layer's parameter have bad gradients."""
        if not isinstance(module, RNNBase) or g is None or not key.startswith(("weight_", "bias_")):
            return []
        gates = module.recurrence.gates
        if g.array.shape[0] % len(gates) or len(gates) == 1 or key.startswith("weight_hr"):
            return []
        bad: Any = self._bad(g.array).reshape(len(gates), -1).any(1)
        return [f"{gate}_gate" for gate, is_bad in zip(gates, bad) if is_bad]

    # -- words ------------------------------------------------------------------------------------

    def _bad(self, array: np.ndarray) -> np.ndarray:
        return ~np.isfinite(array) if self._inf else np.isnan(array)

    def _is_bad(self, tensor: Any) -> bool:
        array = tensor.array  # (a step that is being recorded has something else there)
        return (
            type(array) is np.ndarray and array.dtype.kind == "f" and bool(self._bad(array).any())
        )

    def _amount(self, tensor: Any) -> str:
        array = tensor.array
        parts = [(int(np.isnan(array).sum()), "NaN"), (int(np.isinf(array).sum()), "Inf")]
        return " and ".join(f"{count} {kind}" for count, kind in parts if count)

    def _called(self, name: str) -> str:
        kind = type(self._modules[name]).__name__
        return f"{name} ({kind})" if name else f"the model ({kind})"

    def _innermost(self, names: list[str]) -> str:
        return max(names, key=lambda name: name.count(".") + bool(name))

    @staticmethod
    def _more(where: str, causes: list[str]) -> str:
        said = "; ".join(causes)
        return f", {where.rstrip(', ')}" * bool(where) + f" ({said})" * bool(said)

    def _raise(
        self, during: str, layer: str, text: str, gate: str = "", step: int | None = None
    ) -> None:
        error = NotFinite(f"{'NaN' if 'NaN' in text else 'Inf'} in the {during} pass: {text}")
        error.during, error.layer, error.gate, error.step = during, layer, gate, step
        raise error


def _is_mask(array: np.ndarray) -> bool:
    """Whether it is finite but for -inf, as what is added to scores of attention."""
    return not np.isnan(array).any() and not (array == np.inf).any()


def _arguments(args: Any, kwargs: Any) -> tuple[Any, Any, Any]:
    """The input, the states and the lengths that a recurrent layer was called with."""
    x = args[0] if args else kwargs["input"]
    hx = args[1] if len(args) > 1 else kwargs.get("hx")
    return x, hx, kwargs.get("lengths")


def run_forward_again(module: Any, args: Any, kwargs: Any) -> Any:
    x, hx, lengths = _arguments(args, kwargs)
    with no_grad():
        return module.trace(x, hx, lengths=lengths)[2]


def run_back_again(module: Any, args: Any, kwargs: Any, grads: dict[int, Any]) -> Any:
    """The trace of a call, after the gradients that came to its outputs have gone back through."""
    x, hx, lengths = _arguments(args, kwargs)
    parameters = list(module.parameters())
    before = [p.grad for p in parameters]
    try:
        with enable_grad():
            output, states, trace = module.trace(x, hx, lengths=lengths)
            outputs = tensors_in((output, states))
            wanted = [k for k in grads if outputs[k].requires_grad]
            backward([outputs[k] for k in wanted], [grads[k].detach() for k in wanted])
    finally:
        for p, g in zip(parameters, before):
            p.grad = g
    return trace


def check_finite(model: Module, inf: bool = True) -> CheckFinite:
    """Raise an error at the first NaN or Inf, forward or backward, which says where it came from.

    Parameters
    ----------
    model : Module
        Watched from now on, until the ``with`` block ends or `CheckFinite.remove` is called.
    inf : bool
        Whether Inf counts, or NaN alone: outputs with ``-inf`` in them may be meant, as logits
        that are masked. Default: True.

    Returns
    -------
    CheckFinite
        For ``with``, or to `remove` it.

    Raises
    ------
    TypeError
        `model` is no module.
    NotFinite
        (in use) A RuntimeError that names the layer; for a recurrent layer its gate or state, the
        time step, the sequence and the unit; whether its input or its parameters were bad before.

    Notes
    -----
    While nothing is found, it costs a look at each layer's output and its gradient. What is
    computed between layers, and the loss, is not looked at by itself: its NaN is seen where it
    reaches a layer. A recurrent layer is looked into by running it once more (see
    `SequenceLayer.trace`).

    See Also
    --------
    minigrad.autograd.detect_anomaly : finds the operation, not the layer.

    Examples
    --------
    >>> import minigrad as mg
    >>> rnn = mg.nn.RNN(2, 3, nonlinearity="relu")
    >>> with mg.no_grad():
    ...     p = rnn.weight_ih_l0.fill_(1.0)
    ...     p = rnn.weight_hh_l0.copy_(mg.eye(3) * 1e20)
    >>> with mg.debug.check_finite(rnn):
    ...     try:
    ...         output, _ = rnn(mg.ones(5, 1, 2) * 10)
    ...     except mg.debug.NotFinite as error:
    ...         print(error.during, error.gate, error.step)
    forward hidden 2
    """
    return CheckFinite(model, inf)
