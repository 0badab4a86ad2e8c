"""Where do gradients go? How much the last step's loss feels of the state at each earlier step.

What is computed
    A layer reads L random inputs, and a loss looks at its last output only. For each earlier step
    t the script asks how far that loss moves if the state after step t is moved a little: the
    length of the gradient with respect to the state. What is short there cannot be learned: the
    weights at step t get their share of the gradient through this state, and only through it.
    Nothing is trained; these are the layers as they start, in twelve ways.

Equations
    s_t   = step(x_t, s_(t-1))          the state: h, and for an LSTM (h, c), as one long vector
    loss  = v . h_L                     v is a random vector of length 1
    g_t   = d loss / d s_t = J^T_(t+1) ... J^T_L d loss / d s_L,       J_t = d s_t / d s_(t-1)

    L - t factors: if each makes vectors shorter by 0.6, of 50 steps remains 0.6^50 = 8e-12. If each
    makes them longer by 1.1, they grow to 1.1^50 = 117. What the factors are:

    RNN       J^T = W^T diag(1 - h^2)       the matrix (its eigenvalues start below 0.6 or so),
                                            and the slope of tanh, which is at most 1
    IndRNN    J^T = diag(u) diag(0 or 1)    each unit has a factor of its own
    LSTM      J = diag(f) + ...             from c to c; the forget gate is between 0 and 1
    GRU       J = diag(z) + ...             MGU: 1 - f, JANET: f

Shapes (time first)
    x       (L, N, I)
    h, c    (1, N, H)     after every step, of N sequences at once
    g_t     (N, H), and (N, 2 H) for an LSTM; its length is averaged over the N sequences

What to look at
    - `retain_grad()` on each state, and one `backward()`: that is all. What makes it possible is
      that the steps are taken one by one, so that every state is a tensor of its own.
      (`rnn.trace(x)` has such gradients without a loop; that of c counts the way through h, too.)
    - An LSTM is no cure by itself. PyTorch's initial values put the forget gate near 1/2, and
      0.5^50 is as good as nothing: the fresh LSTM, GRU and MGU forget like the RNN. A bias of 1
      (`forget_bias=1`, Jozefowicz et al. 2015) makes f = 0.73; chrono initialisation
      (`chrono_t_max=L`, Tallec & Ollivier 2018) draws f so that memories last up to L steps.
    - JANET starts with f = 0.73, too, but writes with a gate of 1/2, where an LSTM has two of them:
      what it writes takes another part of the gradient back, and makes good for what f loses.
    - An orthogonal W keeps lengths; what the RNN still loses is the slope of tanh. With twice that
      matrix the gradient explodes instead, and one step of training may throw all weights far off.
    - IndRNN keeps |u| <= 2^(1/L), so that over L steps a factor of 2 is the most it can gain; with
      `last_step_only=True` u starts near that bound.
    - The gradients are checked: each state is moved by hand, one number at a time, the rest of the
      sequence is read again, and the loss's change is compared (float64). That is done for
      1, 5 and 20 steps back. Farther back one could not tell a vanished gradient from rounding.

What it prints
    For each layer the length of the gradient so many steps back, and by what factor it changes per
    step on average. The last line says whether differences agree; if not, the script exits with
    status 1. `--plot` draws all steps. Whether layers that start like this learn to remember is
    seen in 07 and 12.

Sources: S. Hochreiter, Untersuchungen zu dynamischen neuronalen Netzen, 1991; Y. Bengio, P. Simard,
P. Frasconi, Learning long-term dependencies with gradient descent is difficult, 1994; R. Pascanu,
T. Mikolov, Y. Bengio, On the difficulty of training recurrent neural networks, 2013.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

import minigrad as torch
from minigrad import nn

INPUTS = 4
BACK = (0, 1, 10, 20, 50)  # so many steps before the last one, in the table
CHECKED = (1, 5, 20)  # and so many where differences are taken
MOVE = 1e-6  # how far a number is moved for that


def orthogonal(hidden: int, gain: float) -> Any:
    rnn = nn.RNN(INPUTS, hidden)
    nn.init.orthogonal_(rnn.weight_hh_l0, gain)
    return rnn


Maker = Callable[[int, int], Any]  # from H and L
PLAIN: dict[str, Maker] = {
    "RNN": lambda H, L: nn.RNN(INPUTS, H),
    "RNN, orthogonal": lambda H, L: orthogonal(H, 1.0),
    "RNN, orthogonal times 2": lambda H, L: orthogonal(H, 2.0),
    "IndRNN": lambda H, L: nn.IndRNN(INPUTS, H, steps=L),
    "IndRNN, last step only": lambda H, L: nn.IndRNN(INPUTS, H, steps=L, last_step_only=True),
}
GATED: dict[str, Maker] = {
    "LSTM": lambda H, L: nn.LSTM(INPUTS, H),
    "LSTM, forget bias 1": lambda H, L: nn.LSTM(INPUTS, H, forget_bias=1.0),
    "LSTM, chrono": lambda H, L: nn.LSTM(INPUTS, H, chrono_t_max=L),
    "GRU": lambda H, L: nn.GRU(INPUTS, H),
    "MGU": lambda H, L: nn.MGU(INPUTS, H),
    "JANET": lambda H, L: nn.JANET(INPUTS, H),
    "JANET, chrono": lambda H, L: nn.JANET(INPUTS, H, chrono_t_max=L),
}


def parts_of(state: Any) -> tuple[Any, ...]:
    """(h, c) of an LSTM, and (h,) of all others."""
    return state if isinstance(state, tuple) else (state,)


def gradients(rnn: Any, x: Any, v: Any) -> tuple[list[Any], list[np.ndarray]]:
    """The states after all steps, and the gradient with respect to each, (N, H) or (N, 2 H)."""
    states, state = [], None
    for t in range(len(x)):
        _, state = rnn(x[t : t + 1], state)
        for part in parts_of(state):
            part.retain_grad()
        states.append(state)
    loss = (parts_of(state)[0][0] @ v).sum()  # each sequence's loss concerns itself alone
    loss.backward()
    grads = []
    for state in states:
        # (the loss does not look at the last c, which so has no gradient)
        parts = [torch.zeros_like(p) if p.grad is None else p.grad for p in parts_of(state)]
        grads.append(torch.cat(parts, dim=2)[0].numpy())
    return states, grads


def differences(rnn: Any, rest: Any, state: Any, v: Any) -> np.ndarray:
    """The gradient of the loss with respect to a state, from reading the rest of the sequence.

    Each number of the state is moved up and down, in all N sequences at once.
    """

    def losses(parts: list[Any]) -> np.ndarray:
        _, last = rnn(rest, parts[0] if len(parts) == 1 else tuple(parts))
        return (parts_of(last)[0][0] @ v).numpy()  # (N,)

    columns = []
    with torch.no_grad():
        parts = [part.detach() for part in parts_of(state)]
        for k, part in enumerate(parts):
            for unit in range(part.shape[2]):
                move = torch.zeros_like(part)
                move[:, :, unit] = MOVE
                up = losses([*parts[:k], part + move, *parts[k + 1 :]])
                down = losses([*parts[:k], part - move, *parts[k + 1 :]])
                columns.append((up - down) / (2 * MOVE))
    return np.stack(columns, axis=1)


def measure(rnn: Any, x: Any, v: Any, tolerance: float) -> tuple[np.ndarray, bool]:
    """The lengths of the gradients at all steps, (L,), and whether differences agree."""
    states, grads = gradients(rnn, x, v)
    agree = True
    for back in CHECKED:
        t = len(x) - 1 - back
        if t >= 0:
            by_hand = differences(rnn, x[t + 1 :], states[t], v)
            agree = agree and np.allclose(grads[t], by_hand, rtol=tolerance, atol=tolerance)
    return np.array([np.sqrt((g**2).sum(axis=1)).mean() for g in grads]), agree


def compare(options: argparse.Namespace) -> tuple[dict[str, np.ndarray], bool]:
    """Print the table; return the lengths for all layers, and whether all checks passed."""
    L, H = options.length, options.hidden_size
    torch.manual_seed(options.seed)
    x = torch.randn(L, options.batch, INPUTS, dtype=torch.float64)
    v = torch.randn(H, dtype=torch.float64)
    v /= v.norm()
    shown = [*(back for back in BACK if back < L - 1), L - 1]
    print(f"{'steps back':24}" + "".join(f"{back:9}" for back in shown) + "   per step")
    lengths, good = {}, True
    for name, make in {**PLAIN, **GATED}.items():
        lengths[name], agree = measure(make(H, L).double(), x, v, options.tolerance)
        factor = (lengths[name][0] / lengths[name][-1]) ** (1 / (L - 1))
        row = "".join(f"{lengths[name][L - 1 - back]:9.0e}" for back in shown)
        print(f"{name:24}{row}{factor:11.2f}" + ("" if agree else "   WRONG"))
        good = good and agree
    verdict = "agree" if good else f"DIFFER by more than {options.tolerance}"
    print(f"\nbackward() and finite differences {verdict}")
    return lengths, good


def plot(lengths: dict[str, np.ndarray], path: str) -> None:
    """The lengths at all steps; needs matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("no plot: matplotlib is not installed (pip install matplotlib)", file=sys.stderr)
        return
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, names, title in zip(panels, (PLAIN, GATED), ("without gates", "with gates")):
        for name in names:
            steps = range(1, len(lengths[name]) + 1)
            line = "--" if "," in name else "-"  # another start of the same layer
            axes.semilogy(steps, lengths[name], line, label=name)
        axes.axhline(1, color="gray", linewidth=0.5)
        axes.set(title=title, xlabel="step t")
        axes.legend()
    panels[0].set_ylabel("length of d loss / d state(t)")
    figure.savefig(path)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--length", type=int, default=100, help="L, the number of steps (default: %(default)s)"
    )
    parser.add_argument(
        "--hidden-size", type=int, default=32,
        help="H, the number of units of a layer (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--batch", type=int, default=16,
        help="N, the number of sequences to average over (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, default=0, help="of inputs and weights (default: %(default)s)"
    )
    parser.add_argument(
        "--tolerance", type=float, default=1e-6,
        help="how far differences may lie from a gradient, relative and absolute "
        "(default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--plot", metavar="FILE", default="",
        help="also draw the lengths into this file, with matplotlib (default: no plot)",
    )  # fmt: skip
    options = parser.parse_args(argv)
    if options.length < 3:
        parser.error("--length must be at least 3: chrono initialisation needs that many steps")
    if min(options.hidden_size, options.batch) < 1:
        parser.error("--hidden-size and --batch must be at least 1")
    lengths, good = compare(options)
    if options.plot:
        plot(lengths, options.plot)
    if not good:
        sys.exit(1)


if __name__ == "__main__":
    main()
