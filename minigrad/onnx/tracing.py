"""What a model does, as a list: the arrays of `minigrad.plans.traced` write it down.

A recurrent layer is one entry of the list, or, where ONNX has no operator for it, one `Scan` with
its step as a list of its own. A few operations that ONNX has whole (`WHOLE`) are one entry, too;
all others are what they ask of NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import _kernels
from ..autograd.grad_mode import no_grad
from ..autograd.listening import is_listening, listen
from ..autograd.tensor_base import TensorBase, wrap
from ..debug.calls import kept
from ..nn.module import Module
from ..plans import asked, traced
from ..plans.traced import Instruction, Refused, Value
from ..recurrences.deep_indrnn import Recurrent as DeepRecurrent
from ..recurrences.deep_indrnn import _DeepIndRNN
from ..recurrences.packed import PackedSequence
from ..recurrences.sequences import SequenceLayer
from ..tensor.creation import get_rng_state
from . import recurrent
from .recurrent import needed_by

__all__ = ["WHOLE", "Listing", "flattened", "listed", "rebuilt"]

ndarray = np.ndarray
assert asked.ARRAY_FUNCTIONS  # (importing it is what fills them in)

# Operations that are one entry.
WHOLE = ("softmax", "log_softmax", "sigmoid", "relu", "layer_norm", "softplus", "mean")
MAKERS = ("arange", "linspace", "eye", "causal_mask", "tril_indices", "triu_indices")
ADVICE = {
    "pack_padded_sequence": "its shapes depend on values; give the padded tensor and lengths= to "
    "the layer, which gives the same",
    "pad_sequence": "give a padded tensor to the model",
}


class Listing(NamedTuple):
    """A model's list.

    Attributes
    ----------
    instructions : list of Instruction
        Those that the outputs need.
    inputs, parameters : dict of str to Value
    outputs : list of Value
    """

    instructions: list[Instruction]
    inputs: dict[str, Value]
    parameters: dict[str, Value]
    outputs: list[Value]


def _refusal(refused: Refused) -> Refused:
    """What was refused, with advice if it is known why."""
    trace, names = refused.__traceback__, set()
    while trace is not None:
        names.add(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    for name, advice in ADVICE.items():
        if name in names:
            return Refused(f"{name}: {advice} ({refused})")
    return refused


class _Listener:
    """Hears operations, and writes those of `WHOLE` down as one."""

    def __call__(self, call: Any, args: Any, kwargs: Any, result: Any) -> None:
        name = getattr(call, "__name__", "")
        if not isinstance(result, TensorBase):
            return
        if name in MAKERS and type(result.array) is ndarray:
            result.array = traced.fresh(result.array)
        elif name in WHOLE and kwargs.get("out") is None and type(result.array) is traced.Traced:
            given = [a.array if isinstance(a, TensorBase) else a for a in args]
            arrays = [a for a in given if isinstance(a, ndarray)]
            places = iter(range(len(arrays)))
            form = [
                traced.Numbered(next(places)) if isinstance(a, ndarray) else plain_option(a)
                for a in given
            ]
            result.array = traced.tape_now().note(f"whole.{name}", arrays, result.array, *form)

    def refuse(self, reason: str) -> None:
        """Nothing is replayed here."""


def plain_option(value: Any) -> Any:
    """An option of an operation, such that two can be compared."""
    return tuple(value) if isinstance(value, list) else value


def flattened(value: Any) -> list[Any]:
    """The tensors in arguments or results, in order.

    Raises
    ------
    TypeError
        There is something else.
    """
    if isinstance(value, PackedSequence):
        raise TypeError(
            "onnx.export: a PackedSequence has no form in ONNX; give a padded tensor, and "
            "lengths= to the layer"
        )
    if isinstance(value, TensorBase):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (tuple, list)):
        return [t for v in value for t in flattened(v)]
    return []


def rebuilt(value: Any, tensors: Any) -> Any:
    """The same arguments with other tensors, an iterator of them."""
    if isinstance(value, TensorBase):
        return next(tensors)
    if isinstance(value, dict):
        return {key: rebuilt(v, tensors) for key, v in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_make"):
        return value._make([rebuilt(v, tensors) for v in value])
    if isinstance(value, (tuple, list)):
        return type(value)([rebuilt(v, tensors) for v in value])
    return value


def listed(model: Module, call: Any, names: Sequence[str]) -> Listing:
    """Run a model once, with these arguments, and write down what it does.

    Raises
    ------
    Refused
        It does what no list can have; the message says what, and in which line.
    """
    if is_listening():
        raise RuntimeError("onnx.export: operations are recorded already, there can be one at once")
    with kept(model), no_grad(), _kernels.without(), np.errstate(all="ignore"):
        drawn = get_rng_state()
        tape = traced.begin(True)
        before = listen(_Listener())
        try:
            inputs = {
                name: traced.input_value(t.array, name) for name, t in zip(names, flattened(call))
            }
            parameters = _parameters(model)
            _hang_layers(model)
            given = rebuilt(call, iter([wrap(a) for a in inputs.values()]))
            result = model(*given[0], **given[1])
            outputs = [tape.value_of(t.array) for t in flattened(result)]
            if tape.refusal:
                raise Refused(tape.refusal)
        except Refused as refused:
            raise _refusal(refused) from None
        finally:
            listen(before)
            traced.end()
        if (get_rng_state().array != drawn.array).any():
            raise Refused("it draws random numbers")
    values = {name: array.value for name, array in inputs.items()}
    return Listing(needed_by(tape.instructions, outputs), values, parameters, outputs)


def _parameters(model: Module) -> dict[str, Value]:
    """Let parameters and buffers write down what is done with them; what stands for each."""
    found: dict[str, Value] = {}
    done: set[int] = set()
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if id(tensor) not in done:
            done.add(id(tensor))
            array = traced.input_value(tensor.array, name)
            array.value.constant = traced.plain(array)
            tensor.array, found[name] = array, array.value
    return found


def _hang_layers(model: Module) -> None:
    """Let recurrent layers be one entry each (`kept` takes this away again).

    All modules say who they are in the lines of their instructions, and when they are refused.
    """
    for path, module in model.named_modules():
        if isinstance(module, SequenceLayer):
            recurrent.hang(module, path)
        elif isinstance(module, _DeepIndRNN):
            recurrent.hang_deep(module, path)
        elif isinstance(module, DeepRecurrent):
            recurrent.hang_alone(module, path)
        if path:
            _name_lines(module, f"{path}, {type(module).__name__}")


def _name_lines(module: Any, name: str) -> None:
    forward = module.forward

    def named(*args: Any, **kwargs: Any) -> Any:
        tape = traced.tape_now()
        began = len(tape.instructions)
        try:
            return forward(*args, **kwargs)
        except Refused:
            if not tape.refusal.startswith("in module"):
                tape.refusal = f"in module {name}: {tape.refusal}"
            raise Refused(tape.refusal) from None
        finally:
            for i in tape.instructions[began:]:
                if not i.line.startswith("module"):
                    i.line = f"module {name}, {i.line}"

    module.__dict__["forward"] = named
