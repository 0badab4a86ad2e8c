"""Whole training steps, replayed by `minigrad.compile`, beside JAX's jit of the same step.

A step is a layer or cells in a loop, a cross entropy, `backward` and Adam. PyTorch runs it eagerly,
as does minigrad in the line above each of the compiled ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.recurrent import Size, jax_layer
from benchmarks.timing import Case, Work

TOY: Size = (5, 1, 4, 4)


def layer_step(torch: Any, kind: str, size: Size, compiles: bool) -> Work:
    """A layer, the loss of all its outputs, and a step of Adam."""
    steps, batch, inputs, hidden = size
    torch.manual_seed(0)
    layer = getattr(torch.nn, kind)(inputs, hidden)
    adam = torch.optim.Adam(layer.parameters(), lr=1e-3)
    x = torch.randn(steps, batch, inputs)
    y = torch.randint(0, hidden, (steps * batch,))

    def step(x: Any, y: Any) -> Any:
        loss = torch.nn.functional.cross_entropy(layer(x)[0].view(-1, hidden), y)
        adam.zero_grad()
        loss.backward()
        adam.step()
        return loss

    run = torch.compile(step) if compiles and hasattr(torch, "show_config") else step
    return lambda: run(x, y)


def cell_step(torch: Any, kind: str, size: Size, compiles: bool) -> Work:
    """The same of a cell in a loop."""
    steps, batch, inputs, hidden = size
    torch.manual_seed(0)
    cell = getattr(torch.nn, kind)(inputs, hidden)
    criterion = torch.nn.CrossEntropyLoss()
    adam = torch.optim.Adam(cell.parameters(), lr=1e-3)
    xs = torch.randn(steps, batch, inputs)
    labels = torch.randint(0, hidden, (steps, batch))

    def step(xs: Any, labels: Any) -> Any:
        h = torch.zeros(batch, hidden)
        state, loss = ((h, h) if kind == "LSTMCell" else h), 0
        for x, label in zip(xs, labels):
            state = cell(x, state)
            loss = loss + criterion(state[0] if kind == "LSTMCell" else state, label)
        adam.zero_grad()
        loss.backward()  # type: ignore[attr-defined]
        adam.step()
        return loss

    run = torch.compile(step) if compiles and hasattr(torch, "show_config") else step
    return lambda: run(xs, labels)


def jax_step(jax: Any, kind: str, size: Size) -> Work:
    """The step of `layer_step` as one program, with Adam written out."""
    jnp, (steps, batch, _, hidden) = jax.numpy, size
    layer, weights, x = jax_layer(jax, kind, size)
    y = jnp.asarray(np.random.default_rng(0).integers(0, hidden, steps * batch))

    def loss_of(weights: Any) -> Any:
        logits = layer(weights, x).reshape(-1, hidden)
        return -jax.nn.log_softmax(logits)[jnp.arange(steps * batch), y].mean()

    @jax.jit
    def train(state: Any) -> Any:
        weights, means, squares, count = state
        loss, grads = jax.value_and_grad(loss_of)(weights)
        count = count + 1
        means = tuple(0.9 * m + 0.1 * g for m, g in zip(means, grads))
        squares = tuple(0.999 * v + 0.001 * g * g for v, g in zip(squares, grads))
        size, correction = 1e-3 / (1 - 0.9**count), (1 - 0.999**count) ** 0.5
        weights = tuple(
            w - size * m / (jnp.sqrt(v) / correction + 1e-8)
            for w, m, v in zip(weights, means, squares)
        )
        return (weights, means, squares, count), loss

    zeros = tuple(jnp.zeros_like(w) for w in weights)
    state = [(weights, zeros, zeros, jnp.float32(0))]

    def run() -> None:
        state[0], loss = train(state[0])
        loss.block_until_ready()

    return run


def cases() -> list[Case]:
    """Layers and cells, as they are written and compiled."""
    found = []
    for kind in ("RNN", "LSTM", "GRU"):
        for size in (TOY, (20, 16, 16, 32)):
            for compiles in (False, True):

                def make(
                    torch: Any, kind: str = kind, size: Size = size, compiles: bool = compiles
                ) -> Work:
                    return layer_step(torch, kind, size, compiles)

                def in_jax(jax: Any, kind: str = kind, size: Size = size) -> Work:
                    return jax_step(jax, kind, size)

                how = "compiled" if compiles else "as written"
                name = "{}, T={} N={} I={} H={}, {}".format(kind, *size, how)
                found.append(Case(name, make, {"JAX": in_jax}))
    for kind in ("RNNCell", "LSTMCell", "GRUCell"):
        for compiles in (False, True):

            def loop(torch: Any, kind: str = kind, compiles: bool = compiles) -> Work:
                return cell_step(torch, kind, (20, 1, 8, 8), compiles)

            how = "compiled" if compiles else "as written"
            found.append(Case(f"loop over {kind}, T=20 N=1 H=8, {how}", loop))
    return found
