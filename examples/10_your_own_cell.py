"""A recurrence of your own: write one step, and get a layer that trains as the built-in ones do.

What is trained
    A cell that somebody may think of today: an LSTM whose forget gate also says what is written,
    i = 1 - f, and which forgets slowly from the start. It learns to remember: it reads eight
    symbols, then blanks, and repeats the first symbol when it is asked.

Equations
    f, o, g = W [x, h] + b                     three blocks of one product
    c'      = sigmoid(f) c + (1 - sigmoid(f)) tanh(g)
    h'      = sigmoid(o) tanh(c')
    L       = - log softmax(V h_T)[first symbol]

Shapes (time first)
    x        (L, N, S + 1)   one-hot: S symbols, and one for "blank"
    output   (L, N, H)       what the cell puts out at each step
    h, c     (1, N, H)       the last states, by the names that the cell gave them

What to look at
    - `OwnCell` is an ordinary module with one step in `forward(x, state)`. `nn.Recurrent` makes it
      a layer: several layers, both directions, dropout, `lengths=`, a state dict.
    - `own_step` is the same as a plain function of tensors, with the shapes of its parameters.
    - `check_recurrence` compares gradients with finite differences and sequences of different
      lengths with single ones. What it cannot know is your equation: `by_hand` is that in NumPy.
    - The step is recorded once and then run in compiled code, forward and backward. Where that
      cannot be (it draws random numbers, say), a warning says why, and Python runs it each time.

What it prints
    That the proof holds, that the step is its equation, the loss as it falls, and the share
    of right answers for new sequences. More cells: `examples/cells`.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

import minigrad as torch
from minigrad import nn, optim
from minigrad.testing import check_recurrence

SYMBOLS = 4


class OwnCell(nn.Module):
    states = ("h", "c")  # one state needs no name

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.gates = nn.Linear(input_size + hidden_size, 3 * hidden_size)
        with torch.no_grad():
            self.gates.bias[:hidden_size] = 2.0  # remember at first

    def forward(self, x: Any, state: Any) -> Any:
        h, c = state
        f, o, g = self.gates(torch.cat([x, h], 1)).chunk(3, 1)
        f = f.sigmoid()
        c = f * c + (1 - f) * g.tanh()
        return o.sigmoid() * c.tanh(), c


def own_step(x: Any, h: Any, c: Any, W: Any, U: Any, b: Any) -> Any:
    """The same, as on a blackboard."""
    f, o, g = (x @ W + h @ U + b).chunk(3, 1)
    c = f.sigmoid() * c + (1 - f.sigmoid()) * g.tanh()
    return o.sigmoid() * c.tanh(), c


def shapes(inputs: int, hidden: int) -> dict[str, tuple[int, ...]]:
    """The parameters of `own_step`."""
    return {"W": (inputs, 3 * hidden), "U": (hidden, 3 * hidden), "b": (3 * hidden,)}


def by_hand(cell: OwnCell, x: Any, h: Any, c: Any) -> Any:
    """One step of `OwnCell` for one sequence, in NumPy."""
    weight, bias = [p.detach().numpy() for p in cell.gates.parameters()]
    f, o, g = np.split(weight @ np.concatenate([x, h]) + bias, 3)
    f, o = 1 / (1 + np.exp(-f)), 1 / (1 + np.exp(-o))
    c = f * c + (1 - f) * np.tanh(g)
    return o * np.tanh(c), c


def make_batch(length: int, batch: int) -> tuple[Any, Any]:
    """Sequences (L, N, S + 1) of eight symbols and then blanks, and the first symbols (N,)."""
    symbols = torch.randint(SYMBOLS, (length, batch))
    symbols[8:] = SYMBOLS
    return torch.eye(SYMBOLS + 1)[symbols], symbols[0]


def main(arguments: list[str] | None = None) -> None:
    """Prove the cell, then train it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--length", type=int, default=20, help="L, 8 or more (default: %(default)s)"
    )
    parser.add_argument(
        "--steps", type=int, default=300,
        help="how often the weights are updated (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    options = parser.parse_args(arguments)
    torch.manual_seed(options.seed)

    print("the proof:", check_recurrence(OwnCell, 2, 3) and check_recurrence(
        own_step, 2, 3, parameters=shapes, gradients=False))  # fmt: skip
    cell = OwnCell(2, 3).double()
    x, h, c = torch.randn(3, dtype=torch.float64), *torch.randn(2, 3, dtype=torch.float64)
    x = x[:2]
    got = cell(x[None], (h[None], c[None]))
    wanted = by_hand(cell, x.numpy(), h.numpy(), c.numpy())
    print("the equation:", all(np.allclose(a[0].detach().numpy(), b) for a, b in zip(got, wanted)))

    layer, head = nn.Recurrent(OwnCell, SYMBOLS + 1, 32), nn.Linear(32, SYMBOLS)
    adam = optim.Adam([*layer.parameters(), *head.parameters()], lr=1e-2)
    for step in range(options.steps):
        x, first = make_batch(options.length, 32)
        output, _ = layer(x)
        loss = nn.functional.cross_entropy(head(output[-1]), first)
        adam.zero_grad()
        loss.backward()
        adam.step()
        if step % 50 == 0 or step == options.steps - 1:
            print(f"step {step + 1:4}  loss {loss.item():.4f}")
    with torch.no_grad():
        x, first = make_batch(options.length, 500)
        right = (head(layer(x)[1].h[0]).argmax(1) == first).float().mean().item()
    print(f"right answers: {right:.0%}")


if __name__ == "__main__":
    main()
