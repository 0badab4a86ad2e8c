"""`load`: an ONNX file as a module, whose nodes run as minigrad's operations."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd.grad_mode import no_grad
from ..autograd.tensor_base import TensorBase
from ..nn.module import Module
from ..nn.parameter import Parameter
from ..tensor.creation import from_numpy, get_rng_state, set_rng_state
from .extras import needed
from .graphs import bodies, graphs, names_read, with_inner
from .nodes import NODES, attributes
from .recurrent_nodes import LAYERS, WITH_BODY, RecurrentNode

__all__ = ["Loaded", "load"]

OLDEST = 13  # below, Softmax and Squeeze mean something else

# Which inputs of an operator are weights, where they are in the file; None stands for all. (What
# only moves entries reads weights in the body of a loop; elsewhere it has been computed by then.)
WEIGHTS: dict[str, tuple[int, ...] | None] = {
    "MatMul": None, "Gemm": None, "Conv": None, "LayerNormalization": None, "PRelu": (1,),
    "Gather": (0,), "BatchNormalization": (1, 2), "Add": None, "Sub": None, "Mul": None,
    "Div": None, "Transpose": None, "Split": (0,), "Slice": (0,), "Squeeze": (0,),
    "Unsqueeze": (0,), "Reshape": (0,),
}  # fmt: skip


def load(f: Any) -> Loaded:
    """Read an ONNX file as a module that can be run and trained.

    Parameters
    ----------
    f : str, path, file object, or an onnx.ModelProto

    Returns
    -------
    Loaded

    Raises
    ------
    ImportError
        The package ``onnx`` is not installed.
    NotImplementedError
        The file has an operator, or an option of one, that minigrad does not run; the message names
        it and its node.
    ValueError
        The file is no valid model, or one for an opset below 13.

    See Also
    --------
    export : the way there.

    Notes
    -----
    What depends on no input is computed once. RNN, LSTM and GRU become `nn.RNN`, `nn.LSTM` and
    `nn.GRU`, weights become parameters. ``Loop`` and ``Scan``, which is what Keras 3 makes of
    SimpleRNN and GRU, run step by step: right, and slow. ``docs/onnx.md`` lists the operators.

    Examples
    --------
    >>> import io
    >>> import minigrad as mg
    >>> model, file = mg.nn.GRU(3, 4), io.BytesIO()
    >>> mg.onnx.export(model, mg.randn(5, 2, 3), file, dynamic_axes={"input": {0: "time"}})
    >>> again = mg.onnx.load(io.BytesIO(file.getvalue()))
    >>> x = mg.randn(9, 2, 3)
    >>> mg.allclose(again(x)[0], model(x)[0], atol=1e-6)
    True
    >>> again.gru.weight_hh_l0.requires_grad
    True
    """
    onnx = needed("onnx")
    if isinstance(f, onnx.ModelProto):
        model = f
    elif hasattr(f, "read"):
        model = onnx.load_model_from_string(f.read())
    else:
        model = onnx.load(os.fspath(f))
    onnx.checker.check_model(model)
    opset = max([o.version for o in model.opset_import if o.domain in ("", "ai.onnx")], default=0)
    if opset < OLDEST:
        raise ValueError(
            f"onnx.load: the file is for opset {opset}, and {OLDEST} is the oldest that is read: "
            f"onnx.version_converter.convert_version(model, {OLDEST}) makes it newer"
        )
    drawn = get_rng_state()  # (a layer draws its weights when it is made)
    try:
        return Loaded(model.graph)
    finally:
        set_rng_state(drawn)


class Loaded(Module):
    """A graph as a module: see `load`.

    Attributes
    ----------
    input_names, output_names : list of str
        ``forward`` takes the inputs by place or by name, and returns a tensor, or a tuple of them.
    """

    def __init__(self, graph: Any) -> None:
        super().__init__()
        check_operators(graph)
        arrays = {name: array for g in graphs(graph) for name, array in initializers(g)}
        given = [i for i in graph.input if i.name not in arrays]
        self.input_names = [i.name for i in given]
        self.output_names = [o.name for o in graph.output]
        self._types = {i.name: i.type.tensor_type for i in given}
        self._nodes: list[Any] = []
        self._places: dict[str, str] = {}  # attributes that are parameters and buffers
        self._constants: dict[str, Any] = {}
        constants = {n: from_numpy(a) for n, a in arrays.items()}
        self._prepare(graph, constants)
        self._keep(constants)

    def _prepare(self, graph: Any, constants: dict[str, Any]) -> None:
        """Compute what depends on no input, and make the layers."""
        with no_grad():
            for node in graph.node:
                if node.op_type in LAYERS:
                    layer = RecurrentNode(node, constants)
                    name = self._free_name(node.op_type.lower())
                    self.add_module(name, layer.layer)
                    self._nodes.append((layer, name, node))
                elif node.op_type not in WITH_BODY and all(
                    [n in constants or not n for n in node.input]
                ):
                    self._run_node(node, constants)
                else:
                    self._nodes.append((None, "", node))

    def _keep(self, constants: dict[str, Any]) -> None:
        """Make parameters and buffers of the constants that are still read."""
        own = [node for _, _, node in self._nodes]
        nodes = [n for node in own if node.op_type not in LAYERS for n in with_inner(node)]
        read = names_read(own) | set(self.output_names)
        weights = weights_among(nodes, constants)
        for name, t in constants.items():
            if name not in read:
                continue
            if not t.is_floating_point():
                self._constants[name] = t
                continue
            label = self._free_name(re.sub(r"\W+", "_", name).strip("_") or "constant")
            self._places[name] = label
            if name in weights:
                self.register_parameter(label, Parameter(t))
            else:
                self.register_buffer(label, t)

    def _free_name(self, wanted: str) -> str:
        wanted = f"_{wanted}" if wanted[0].isdigit() else wanted
        name, k = wanted, 0
        while hasattr(self, name):
            k += 1
            name = f"{wanted}_{k}"
        return name

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """Run the graph."""
        values = dict(zip(self.input_names, inputs))
        unknown = [n for n in named if n not in self.input_names or n in values]
        values.update(named)
        if len(inputs) > len(self.input_names) or unknown or len(values) < len(self.input_names):
            raise TypeError(
                f"the graph has the inputs {', '.join(self.input_names)}, but got "
                f"{len(inputs)} by place{''.join([f', {n}' for n in named])}"
            )
        for name in self.input_names:
            self._check(name, values[name])
        values.update(self._constants)
        values.update({name: getattr(self, label) for name, label in self._places.items()})
        for layer, name, node in self._nodes:
            if layer is None:
                self._run_node(node, values)
            else:
                results = layer.run(getattr(self, name), [values.get(n) for n in node.input])
                values.update(zip(node.output, results))
        outputs = tuple([values[name] for name in self.output_names])
        return outputs[0] if len(outputs) == 1 else outputs

    def _check(self, name: str, value: Any) -> None:
        wanted = self._types[name]
        if not isinstance(value, TensorBase):
            raise TypeError(f"input {name!r} must be a Tensor, not {type(value).__name__}")
        dtype = needed("onnx.helper").tensor_dtype_to_np_dtype(wanted.elem_type)
        if value.array.dtype != dtype:
            raise TypeError(f"input {name!r} must be of {dtype}, not {value.array.dtype}")
        if not wanted.HasField("shape"):
            return
        sizes = [d.dim_value or None for d in wanted.shape.dim]
        shape = value.array.shape
        if len(shape) != len(sizes) or any([n and n != m for n, m in zip(sizes, shape)]):
            shown = [n or d.dim_param or "?" for n, d in zip(sizes, wanted.shape.dim)]
            raise ValueError(
                f"input {name!r} must have the shape ({', '.join(map(str, shown))}), but got "
                f"{list(shape)}"
            )

    def _run_node(self, node: Any, values: dict[str, Any]) -> None:
        """Compute the outputs of a node."""
        given = [values[n] if n else None for n in node.input]
        try:
            if node.op_type in WITH_BODY:
                results = WITH_BODY[node.op_type](attributes(node), given, self._body(values))
            else:
                options = attributes(node)
                if node.op_type == "Split":  # into equal parts, if nothing else is said
                    options.setdefault("num_outputs", len(node.output))
                results = NODES[node.op_type](options, *given)
        except NotImplementedError as error:
            raise NotImplementedError(f"onnx.load: {_named(node)}: {error}") from None
        except (RuntimeError, ValueError, IndexError) as error:
            raise type(error)(f"{_named(node)}: {error}") from error
        results = results if isinstance(results, (tuple, list)) else (results,)
        if len([name for name in node.output if name]) > len(results):
            raise NotImplementedError(
                f"onnx.load: {_named(node)}: it has {len(node.output)} outputs"
            )
        values.update(zip(node.output, results))

    def _body(self, outside: dict[str, Any]) -> Any:
        """What runs the body of a loop, which sees the values outside of it."""

        def run(graph: Any, arguments: Sequence[Any]) -> list[Any]:
            values = dict(outside)
            values.update(zip([i.name for i in graph.input], arguments))
            for node in graph.node:
                self._run_node(node, values)
            return [values[o.name] for o in graph.output]

        return run

    def extra_repr(self) -> str:
        """The inputs and the outputs."""
        return f"{', '.join(self.input_names)} -> {', '.join(self.output_names)}"


def weights_among(nodes: Sequence[Any], constants: dict[str, Any]) -> set[str]:
    """The names of the constants that the nodes use as weights (see `WEIGHTS`)."""
    same = {}  # what a loop carries along unchanged: its name inside -> outside
    for node in nodes:
        if node.op_type == "Loop":
            (body,) = bodies(node)
            copies = {n.output[0]: n.input[0] for n in body.node if n.op_type == "Identity"}
            for outside, inside, after in zip(node.input[2:], body.input[2:], body.output[1:]):
                if copies.get(after.name, after.name) == inside.name:
                    same[inside.name] = outside
    products = {name for node in nodes if node.op_type == "MatMul" for name in node.output}
    weights = set()
    for node in nodes:
        places = WEIGHTS.get(node.op_type, ())
        is_bias = any([name in products for name in node.input])
        for k, name in enumerate(node.input):
            while name in same:
                name = same[name]
            t = constants.get(name)
            if t is None or not t.is_floating_point() or not t.ndim:
                continue
            if (places is None or k in places) and (t.numel() > 1 or is_bias):
                weights.add(name)
    return weights


def initializers(graph: Any) -> list[tuple[str, Any]]:
    """The arrays in a graph, by name."""
    to_array = needed("onnx.numpy_helper").to_array
    if len(graph.sparse_initializer):
        raise NotImplementedError("onnx.load: sparse initializers are not read")
    return [(t.name, np.array(to_array(t))) for t in graph.initializer]


def check_operators(graph: Any) -> None:
    """Refuse operators that are not there, before anything runs."""
    known = {*NODES, *LAYERS, *WITH_BODY}
    for g in graphs(graph):
        for node in g.node:
            inner = node.op_type in LAYERS and g is not graph
            if node.domain not in ("", "ai.onnx") or node.op_type not in known or inner:
                where = " in the body of a loop" if inner else ""
                domain = f" of the domain {node.domain}" if node.domain else ""
                raise NotImplementedError(
                    f"onnx.load: {_named(node)}: minigrad does not run this operator{domain}{where}"
                )


def _named(node: Any) -> str:
    """The operator and the name of a node."""
    return f"{node.op_type} (node {node.name or node.output[0]!r})"
