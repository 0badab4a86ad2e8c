"""`export`: a model as an ONNX file."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..nn.module import Module
from ..plans.traced import Refused, Value
from ..runtime.extras import is_there
from . import functions, layers, number_functions, places, reductions
from .extras import needed
from .given import Given, arguments
from .graphs import names_read
from .proof import check_repeats, prove
from .sizes import Size
from .table import TABLE
from .tracing import Listing, listed
from .writing import Operand, Writer

__all__ = ["ExportError", "export"]

FILLING_THE_TABLE = (functions, layers, number_functions, places, reductions)  # by being there

OPSET = 18
OPSETS = (17, 22)
RECORDINGS = 6  # with other sizes: so many numbers tell how a number depends on them
LEAST = 4  # where the model takes few sizes


class ExportError(RuntimeError):
    """A model does what an ONNX file cannot say; the message says what, and in which line."""


def export(
    model: Any, args: Any, f: Any, export_params: bool = True, verbose: bool | None = None,
    training: Any = None, input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None, *, kwargs: Mapping[str, Any] | None = None,
    opset_version: int | None = None, dynamic_axes: Any = None, dynamic_shapes: Any = None,
    keep_initializers_as_inputs: bool = False, verify: bool | None = None,
) -> None:  # fmt: skip
    r"""Write a model as an ONNX file: its layers and operations, with its parameters.

    The model runs in evaluation mode with other values than those of `args`, and, where axes shall
    stay free, with several sizes along these: what depends on them is computed in the graph from
    the shapes of its inputs. Then the file is run, and compared. Nothing about the model changes.

    Parameters
    ----------
    model : Module
    args : Tensor or tuple
        The arguments of ``model(*args)``, with tensors in them, also in tuples; a dict at the end
        has arguments by name. Their tensors are the graph's inputs, in order.
    f : str, path or file object
        Where to write, such as ``"model.onnx"`` or an `io.BytesIO`.
    export_params : bool
        Whether the values of the parameters are in the file; if not, they are inputs of the graph.
        Default: True.
    verbose : bool, optional
        Whether to print the graph. Default: no.
    training : optional
        Only evaluation mode is there (None, False, ``TrainingMode.EVAL``).
    input_names, output_names : sequence of str, optional
        Names for inputs and outputs. Default: those of the arguments of ``forward``; output,
        output_1, ...
    kwargs : dict, optional
        More arguments, by name.
    opset_version : int, optional
        17 to 22. Default: 18.
    dynamic_axes : dict, optional
        Which axes have no fixed size: ``{"x": {0: "batch", 1: "time"}, "y": [0]}``. Axes of one
        name have one size. Those of outputs need not be given. Default: all are fixed.
    dynamic_shapes : dict or tuple, optional
        The same by the arguments of ``forward``, as PyTorch has it: ``{"x": {0: Dim("batch")}}``.
    keep_initializers_as_inputs : bool
        Whether parameters with values are inputs as well. Default: False.
    verify : bool, optional
        Whether the file is run in ONNX Runtime (where that is missing, in ``onnx.reference``) and
        compared with the model: on `args`, with other sizes of the free axes, and with 1, where a
        difference is a warning. Default: if ONNX Runtime is installed.

    Raises
    ------
    ImportError
        The package ``onnx`` is not installed.
    ExportError
        The model does what a graph cannot: a branch or a number that depends on values, random
        numbers, a loop over a free axis, an operation without a form in ONNX; or the file gives
        other numbers than the model.
    TypeError, ValueError
        An argument is wrong.

    See Also
    --------
    load : the way back.
    https://docs.pytorch.org/docs/stable/onnx.html : PyTorch's function of this name.

    Notes
    -----
    RNN, LSTM and GRU are the operators of these names, one for each layer and direction; all other
    recurrences, and cells of your own in `nn.Recurrent`, are a ``Scan``. ``docs/onnx.md`` says what
    becomes of what.

    Examples
    --------
    >>> import io
    >>> import numpy as np
    >>> import onnxruntime
    >>> import minigrad as mg
    >>> model, file = mg.nn.GRU(3, 4), io.BytesIO()
    >>> mg.onnx.export(model, mg.randn(5, 2, 3), file, dynamic_axes={"input": {0: "time"}})
    >>> session = onnxruntime.InferenceSession(file.getvalue())
    >>> x = mg.randn(9, 2, 3)  # other steps than those of the example
    >>> output, h_n = session.run(None, {"input": x.numpy()})
    >>> np.allclose(output, model(x)[0].detach().numpy(), atol=1e-6)
    True
    """
    onnx = needed("onnx")
    if not isinstance(model, Module):
        raise TypeError(f"onnx.export: model must be a Module, not {type(model).__name__}")
    _check_mode(training)
    opset = _checked_opset(opset_version)
    given = arguments(model, args, kwargs, input_names, dynamic_axes, dynamic_shapes, output_names)
    verify = is_there("onnxruntime") if verify is None else verify
    modes = {m: m.training for m in model.modules()}
    try:
        model.eval()
        check_repeats(model, given)
        lists, settings = _listings(model, given)
        graph = _graph(model, given, lists, settings, output_names, export_params,
                       keep_initializers_as_inputs, opset)  # fmt: skip
        made = onnx.helper.make_model(
            graph, opset_imports=[onnx.helper.make_opsetid("", opset)],
            ir_version=8 if opset < 19 else 10, producer_name="minigrad",
        )  # fmt: skip
        onnx.checker.check_model(made, full_check=True)
        if verify and export_params:
            found = prove(model, given, _to_prove(given, settings), made)
            if found:
                raise Refused(
                    f"{found}: does the model branch on a size, or on values, which a graph cannot?"
                )
    except Refused as refusal:
        raise ExportError(f"onnx.export: {type(model).__name__}: {refusal}") from refusal
    finally:
        for module, mode in modes.items():
            module.training = mode
    if verbose:
        print(onnx.printer.to_text(made))
    _write(made, f)


def _write(made: Any, f: Any) -> None:
    if f is None:
        raise TypeError("onnx.export: f must be a path or a file, where to write to, not None")
    if hasattr(f, "write"):
        f.write(made.SerializeToString())
    else:
        with open(os.fspath(f), "wb") as file:
            file.write(made.SerializeToString())


def _check_mode(training: Any) -> None:
    if training is not None and getattr(training, "name", training) not in ("EVAL", False):
        raise ValueError(
            f"onnx.export: training={training!r}: only a model in evaluation mode can be exported"
        )


def _checked_opset(version: Any) -> int:
    if version is None:
        return OPSET
    if not isinstance(version, int) or not OPSETS[0] <= version <= OPSETS[1]:
        raise ValueError(
            f"onnx.export: opset_version must be {OPSETS[0]} to {OPSETS[1]}, not {version!r}"
        )
    return version


def _listings(model: Any, given: Given) -> tuple[list[Listing], list[dict[str, int]]]:
    """The recordings, and the sizes in each."""
    if not given.free:
        cases = [given.resized({}, seed) for seed in range(2)]
        return [listed(model, case.call, given.names) for case in cases], [{}, {}]
    lists: list[Listing] = []
    used: list[dict[str, int]] = []
    failed: Any = None
    for seed, setting in enumerate(given.settings()):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                lists.append(listed(model, given.resized(setting, seed).call, given.names))
            used.append(setting)
        except (RuntimeError, ValueError, IndexError, TypeError) as error:
            failed = failed or (setting, error)  # (too small for a window, too large for a table)
        if len(lists) == RECORDINGS:
            break
    if len(lists) >= LEAST:
        return lists, used
    sizes = ", ".join([f"{label}={n}" for label, n in failed[0].items()])
    raise Refused(
        f"axes cannot be free: with sizes {sizes} it fails (sizes that must be equal need one name "
        f"in dynamic_axes): {failed[1]}"
    ) from failed[1]


FAR = 521  # a size that none of the recordings comes near: a limit on a size shows there


def _to_prove(given: Given, settings: Sequence[dict[str, int]]) -> list[dict[str, int]]:
    """Sizes that no recording had: larger ones; 1, and far more, for each axis in turn."""
    if not given.free:
        return []
    first = settings[0]
    steps = [{label: n + 2 + k for k, (label, n) in enumerate(first.items())}]
    return [*steps, *[{**first, label: n} for label in first for n in (1, FAR)]]


def _graph(
    model: Any, given: Given, lists: Sequence[Listing], settings: Sequence[dict[str, int]],
    output_names: Sequence[str] | None, export_params: bool, as_inputs: bool, opset: int,
) -> Any:  # fmt: skip
    names, free = given.names, given.free
    output_names = [output_names] if isinstance(output_names, str) else output_names
    places = {label: place for place, label in reversed(list(free.items()))}
    w = Writer(settings, places, opset)
    w.used |= set(names) | set(output_names or ())

    def info(operand: Operand) -> Any:
        return w.info(operand, [_shown(n) for n in operand.shape])

    inputs = []
    for name in names:
        values = [one.inputs[name] for one in lists]
        operand = Operand(name, w.shape_of(values), values[0].dtype)
        w.give(values, operand)
        inputs.append(operand)
    parameters = _write_parameters(w, lists, export_params)
    w.write([one.instructions for one in lists], TABLE)
    outputs = []
    for k, results in enumerate(zip(*[one.outputs for one in lists])):
        operand = w.take(results)
        name = "output" if not k else f"output_{k}"
        name = output_names[k] if output_names and k < len(output_names) else w.fresh_name(name)
        w.nodes.append(w.helper.make_node("Identity", [operand.name], [name]))
        outputs.append(Operand(name, operand.shape, operand.dtype))
    if output_names and len(output_names) > len(outputs):
        raise ValueError(
            f"onnx.export: output_names has {len(output_names)} names, but there are "
            f"{len(outputs)} outputs"
        )
    nodes = [*w.of_sizes, *w.nodes]
    read = names_read(nodes)
    to_array = needed("onnx.numpy_helper").from_array
    initializers = [to_array(a, n) for n, a in w.initializers.items() if n in read]
    if not export_params or as_inputs:
        inputs += [p for p in parameters if p.name in read]
    return w.helper.make_graph(
        nodes, type(model).__name__, [info(i) for i in inputs], [info(o) for o in outputs],
        initializers,
    )  # fmt: skip


def _shown(size: Any) -> Any:
    """A size in the type of an input or output: a number, the name of an axis, or nothing."""
    if not isinstance(size, Size):
        return size
    return size.axes[0] if size == Size(size.axes[:1]) else None


def _write_parameters(w: Writer, lists: Sequence[Listing], export_params: bool) -> list[Operand]:
    found = []
    for name, value in lists[0].parameters.items():
        values: list[Value] = [one.parameters[name] for one in lists]
        label = w.fresh_name(name)
        array = np.asarray(value.constant)
        operand = Operand(label, array.shape, array.dtype, array if export_params else None)
        if export_params:
            w.initializers[label] = array
        w.give(values, operand)
        found.append(operand)
    return found
