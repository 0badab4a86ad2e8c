"""Recurrent layers: inference, and training steps, from toy size to hidden size 512.

A training step here is ``layer(x)``, a sum, and ``backward()`` to all parameters. JAX runs the same
recurrence as a compiled scan, with the input projection of all steps taken out of the loop; its
compile time is not counted. ONNX Runtime does inference with its own operators of these names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.timing import Case, Work

Size = tuple[int, int, int, int]  # T steps, N sequences, I inputs, H hidden units

SIZES: tuple[Size, ...] = (
    (5, 1, 4, 4), (20, 1, 16, 20), (200, 1, 32, 64), (100, 1, 128, 256), (20, 5, 10, 20),
    (20, 16, 32, 32), (35, 7, 13, 50), (50, 32, 32, 64), (30, 20, 100, 100), (25, 33, 65, 129),
    (100, 32, 128, 128), (50, 64, 256, 256), (100, 64, 512, 512),
)  # fmt: skip
QUICK: tuple[Size, ...] = ((5, 1, 4, 4), (50, 32, 32, 64), (100, 32, 128, 128))

LONG: tuple[Size, ...] = ((200, 1, 16, 64), (200, 32, 16, 64), (400, 32, 16, 64))

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4, "JANET": 2, "IndRNN": 1}


def label(kind: str, work: str, size: Size) -> str:
    """What a table calls a line."""
    return "{} {}, T={} N={} I={} H={}".format(kind, work, *size)


def flops(kind: str, size: Size, training: bool) -> float:
    """Operations of the matrix products: two a weight, three times as many for training."""
    steps, batch, inputs, hidden = size
    recurrent = 0 if kind == "IndRNN" else hidden
    forward = 2.0 * steps * batch * GATES[kind] * hidden * (inputs + recurrent)
    # training: the gradients of weights, and of the states (not of x, which needs none)
    backward = forward + 2.0 * steps * batch * GATES[kind] * hidden * recurrent
    return forward + (backward if training else 0)


def layer_works(
    torch: Any, kind: str, size: Size, dtype: str = "float32", lengths: bool | str = False,
    last: bool = False, **options: Any,
) -> dict[str, Work]:  # fmt: skip
    """Inference and training step of one layer of one size."""
    steps, batch, inputs, hidden = size
    torch.manual_seed(0)
    layer = getattr(torch.nn, kind)(inputs, hidden, dtype=getattr(torch, dtype), **options)
    x = torch.randn(steps, batch, inputs, dtype=getattr(torch, dtype))
    rnn = torch.nn.utils.rnn
    sizes = np.random.default_rng(0).integers(1, steps + 1, batch)
    sizes[0] = steps

    def call() -> Any:
        if not lengths:
            return layer(x)[0]
        if lengths == "lengths=" and hasattr(torch, "show_config"):  # minigrad
            return layer(x, lengths=sizes)[0]
        packed = rnn.pack_padded_sequence(x, torch.from_numpy(sizes), enforce_sorted=False)
        return rnn.pad_packed_sequence(layer(packed)[0], total_length=steps)[0]

    def inference() -> None:
        with torch.no_grad():
            call()

    def training_step() -> None:
        for parameter in layer.parameters():
            parameter.grad = None
        output = call()
        (output[-1] if last else output).sum().backward()

    return {"inference": inference, "training step": training_step}


# ------------------------------------------------------------------------------------------------
# The same in JAX
# ------------------------------------------------------------------------------------------------


def jax_layer(jax: Any, kind: str, size: Size) -> tuple[Any, Any, Any]:
    """A layer as a function of its parameters and x, parameters, and an x."""
    jnp, sigmoid = jax.numpy, jax.nn.sigmoid
    steps, batch, inputs, hidden = size
    rows = GATES[kind] * hidden
    rng = np.random.default_rng(0)
    bound = hidden**-0.5
    shapes = ((rows, inputs), (rows, hidden), (rows,), (rows,))
    parameters = tuple(jnp.asarray(rng.uniform(-bound, bound, s), jnp.float32) for s in shapes)
    x = jnp.asarray(rng.standard_normal((steps, batch, inputs)), jnp.float32)

    def output(parameters: Any, x: Any) -> Any:
        w_ih, w_hh, b_ih, b_hh = parameters
        projected = x @ w_ih.T + b_ih
        zeros = jnp.zeros((batch, hidden), jnp.float32)

        def rnn(h: Any, p: Any) -> Any:
            h = jnp.tanh(p + h @ w_hh.T + b_hh)
            return h, h

        def gru(h: Any, p: Any) -> Any:
            x_r, x_z, x_n = jnp.split(p, 3, -1)
            h_r, h_z, h_n = jnp.split(h @ w_hh.T + b_hh, 3, -1)
            z = sigmoid(x_z + h_z)
            n = jnp.tanh(x_n + sigmoid(x_r + h_r) * h_n)
            h = n + z * (h - n)
            return h, h

        def lstm(state: Any, p: Any) -> Any:
            h, c = state
            i, f, g, o = jnp.split(p + h @ w_hh.T + b_hh, 4, -1)
            c = sigmoid(f) * c + sigmoid(i) * jnp.tanh(g)
            h = sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        step, start = {"RNN": (rnn, zeros), "GRU": (gru, zeros), "LSTM": (lstm, (zeros, zeros))}[
            kind
        ]
        return jax.lax.scan(step, start, projected)[1]

    return output, parameters, x


def jax_works(jax: Any, kind: str, size: Size, last: bool = False) -> dict[str, Work]:
    """Inference and training step, compiled."""
    output, parameters, x = jax_layer(jax, kind, size)
    forward = jax.jit(output)
    part = -1 if last else slice(None)
    gradient = jax.jit(jax.grad(lambda parameters, x: output(parameters, x)[part].sum()))

    def inference() -> None:
        forward(parameters, x).block_until_ready()

    def training_step() -> None:
        jax.block_until_ready(gradient(parameters, x))

    return {"inference": inference, "training step": training_step}


# ------------------------------------------------------------------------------------------------
# The same in ONNX Runtime, inference only
# ------------------------------------------------------------------------------------------------


def onnx_work(onnxruntime: Any, kind: str, size: Size) -> Work:
    """Inference, with minigrad's weights; its output is compared with minigrad's once."""
    from onnx import TensorProto, helper, numpy_helper

    import minigrad
    from minigrad.onnx.recurrent import ORDERS

    steps, batch, inputs, hidden = size
    minigrad.manual_seed(0)
    layer, x = getattr(minigrad.nn, kind)(inputs, hidden), minigrad.randn(steps, batch, inputs)

    def weights(name: str) -> Any:
        gates = np.split(getattr(layer, f"{name}_l0").detach().numpy(), GATES[kind])
        return np.concatenate([gates[k] for k in ORDERS[kind]])[None]

    arrays = {"W": weights("weight_ih"), "R": weights("weight_hh"),
              "B": np.concatenate([weights("bias_ih"), weights("bias_hh")], 1)}  # fmt: skip
    options: dict[str, Any] = {"linear_before_reset": 1} if kind == "GRU" else {}
    node = helper.make_node(kind, ["x", *arrays], ["y"], hidden_size=hidden, **options)
    graph = helper.make_graph(
        [node], kind,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (steps, 1, batch, hidden))],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )  # fmt: skip
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 14)])
    chosen = onnxruntime.SessionOptions()
    chosen.intra_op_num_threads = minigrad.get_num_threads()
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), chosen, providers=["CPUExecutionProvider"]
    )
    feed = {"x": x.numpy()}
    with minigrad.no_grad():
        np.testing.assert_allclose(
            session.run(None, feed)[0][:, 0], layer(x)[0].numpy(), 1e-3, 1e-5
        )
    return lambda: session.run(None, feed)


# ------------------------------------------------------------------------------------------------
# Cases
# ------------------------------------------------------------------------------------------------


def _case(kind: str, work: str, size: Size, title: str = "", **options: Any) -> Case:
    def torch_work(torch: Any) -> Work:
        return layer_works(torch, kind, size, **options)[work]

    def jax_work(jax: Any) -> Work:
        return jax_works(jax, kind, size, options.get("last", False))[work]

    def runtime_work(onnxruntime: Any) -> Work:
        return onnx_work(onnxruntime, kind, size)

    others: dict[str, Callable[[Any], Work]] = {}
    count = None
    if set(options) <= {"last"} and kind in ("RNN", "GRU", "LSTM"):
        others["JAX"] = jax_work
        if work == "inference":
            others["ONNX Runtime"] = runtime_work
        count = flops(kind, size, work == "training step")
    return Case(label(title or kind, work, size), torch_work, others, count)


def grid(sizes: Sequence[Size]) -> list[Case]:
    """RNN, GRU and LSTM over all sizes."""
    return [
        _case(kind, work, size)
        for kind in ("RNN", "GRU", "LSTM")
        for work in ("inference", "training step")
        for size in sizes
    ]


def float64(sizes: Sequence[Size]) -> list[Case]:
    """The same in double precision."""
    return [
        _case(kind, work, size, f"{kind} float64", dtype="float64")
        for kind in ("RNN", "GRU", "LSTM")
        for work in ("inference", "training step")
        for size in sizes
    ]


def variants(sizes: Sequence[Size]) -> list[Case]:
    """Both directions, packed batches, and ``lengths=`` against PyTorch's packing and padding."""
    kinds: dict[str, dict[str, Any]] = {
        "both directions": {"bidirectional": True},
        "packed": {"lengths": "packed"},
        "lengths=": {"lengths": "lengths="},
        "two layers": {"num_layers": 2},
    }
    return [
        _case(kind, work, size, f"{kind} {name}", **options)
        for name, options in kinds.items()
        for kind in ("RNN", "GRU", "LSTM")
        for work in ("inference", "training step")
        for size in sizes
    ]


def last_step(sizes: Sequence[Size]) -> list[Case]:
    """Training with a loss on the last step only: its gradient dies out on the way back."""
    return [
        _case(kind, "training step", size, f"{kind} last step", last=True)
        for kind in ("RNN", "GRU", "LSTM")
        for size in sizes
    ]


def ours(size: Size = (1000, 32, 128, 128)) -> list[Case]:
    """IndRNN, JANET and options, which PyTorch does not have, against minigrad's own LSTM."""
    import minigrad

    kinds: list[tuple[str, dict[str, Any]]] = [
        ("IndRNN", {}), ("JANET", {}), ("LSTM", {"layer_norm": True}),
        ("LSTM", {"recurrent_dropout": 0.2}), ("LSTM", {"zoneout": 0.1}),
    ]  # fmt: skip
    cases = []
    for kind, options in kinds:
        name = " ".join([kind, *[f"{option}=" for option in options]])
        for work in ("inference", "training step"):

            def make(
                torch: Any, kind: str = kind, work: str = work, options: Any = options
            ) -> Work:
                return layer_works(torch, kind, size, **options)[work]

            lstm: Callable[[], object] = layer_works(minigrad, "LSTM", size)[work]
            extra = {"our LSTM": lstm}
            cases.append(Case(label(name, work, size), make, extra=extra, alone=True))
    return cases
