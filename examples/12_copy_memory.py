"""Repeat ten symbols after a long pause: the copy task, for gates and for an orthogonal matrix.

What is trained
    A network reads ten symbols out of eight, waits, and has to say them again, in order, when a
    sign is given:

        input     a d c b h e a f g c . . . . . ... . ? . . . . . . . . . .
        target    . . . . . . . . . . . . . . . ... . . a d c b h e a f g c
                  |--- 10 symbols --|-- T steps, the last is "?" --|-- 10 --|

    Who remembers nothing can still answer "." until the sign, and then guess each symbol with
    probability 1/8: that makes a loss of 10 log(8) / (T + 20) per step. Below it is memory. Nothing
    in the pause says what will be asked, so all of it must be kept, without a change, for T steps.

Equations
    lstm          nn.LSTM; `chrono` is the same with forget gates that start for 3 T / 2 steps
    gru, janet    nn.GRU; nn.JANET with chrono initialisation
    rnn           h_t = tanh(W h_(t-1) + U x_t + b), W orthogonal at the start
    linear        h_t =      W h_(t-1) + U x_t + b , W orthogonal at the start
    L             = - mean over all T + 20 steps of log softmax(V h_t + c)[target_t]

Shapes (time first)
    x        (T + 20, N, 10)   one-hot: eight symbols, "." and "?"
    h        (T + 20, N, H)
    logits   (T + 20, N, 9)    nobody has to say "?"

What to look at
    - `linear` is the simplest recurrence there is, three products, written as a function and made
      a layer by `nn.Recurrent`. An orthogonal W turns the state, and forgets nothing: ten symbols
      that come one after the other end up in ten different directions. It solves the task within
      some hundred steps of training, and no other one here comes near.
    - The same matrix inside a tanh (`rnn`) does not: what is lost at each step is little, and
      0.95^100 is 0.006. See 09 for these factors.
    - An LSTM stays at the guess for a long time. It first has to learn to shut its gates while
      nothing comes in, from a gradient that is nearly nothing as long as they are half open.
    - That does not make it the worse network: here one must keep everything, in order, and that is
      just what turning does. What must choose what to keep wants gates: see 07 and 13.
    - The data are made as they are needed, so the loss printed is that of unseen sequences. The
      line of each tenth of the training is an average over it.

What it prints
    For each model the loss as it falls, next to the guess; then the share of symbols that it says
    right in new sequences (a guess is right in 12%), and one of them with its answer.

    Measured with the seed 0, 64 units, and 32 sequences for one update:

        --delay 30                  linear 0.03 (98% right); lstm and rnn are above the guess, 0.416
        --delay 100 --steps 1000    linear 0.008 (99% right), half a minute; the guess is 0.173
        --delay 100 --steps 3000    with --batch 64 --lr 5e-3, minutes for each model: lstm at the
                                    guess (12%), chrono 0.15 (29%), gru 0.13 (37%), janet 0.08 (63%)

Sources: S. Hochreiter, J. Schmidhuber, Long short-term memory, 1997; M. Arjovsky, A. Shah,
Y. Bengio, Unitary evolution recurrent neural networks, 2016; M. Henaff, A. Szlam, Y. LeCun,
Recurrent orthogonal networks and long-memory tasks, 2016.
"""

from __future__ import annotations

import argparse
import math
import sys
from typing import Any

import minigrad as torch
from minigrad import nn, optim
from minigrad.utils import progress

SYMBOLS, COUNT = 8, 10
BLANK, SIGN = SYMBOLS, SYMBOLS + 1
LETTERS = "abcdefgh.?"
PARTS = 10  # of the training, each with a line of its own


def make_batch(delay: int, batch: int) -> tuple[Any, Any]:
    """Inputs and targets, both (T + 20, N), as whole numbers."""
    symbols = torch.randint(SYMBOLS, (COUNT, batch))
    x = torch.full((delay + 2 * COUNT, batch), BLANK)
    y = x.clone()
    x[:COUNT] = symbols
    x[-COUNT - 1] = SIGN
    y[-COUNT:] = symbols
    return x, y


def linear_step(x: Any, h: Any, W: Any, U: Any, b: Any) -> Any:
    return h @ W.T + x @ U.T + b


def shapes(inputs: int, hidden: int) -> dict[str, tuple[int, ...]]:
    """The parameters of `linear_step`."""
    return {"W": (hidden, hidden), "U": (hidden, inputs), "b": (hidden,)}


def recurrent_layer(name: str, hidden: int, delay: int) -> Any:
    inputs = SYMBOLS + 2
    if name == "linear":
        layer: Any = nn.Recurrent(linear_step, inputs, hidden, parameters=shapes)
        nn.init.orthogonal_(layer.l0.W)
        return layer
    if name == "rnn":
        layer = nn.RNN(inputs, hidden)
        nn.init.orthogonal_(layer.weight_hh_l0)
        return layer
    if name == "chrono":
        return nn.LSTM(inputs, hidden, chrono_t_max=max(3, delay * 3 // 2))
    if name == "janet":
        return nn.JANET(inputs, hidden, chrono_t_max=max(3, delay * 3 // 2))
    return {"lstm": nn.LSTM, "gru": nn.GRU}[name](inputs, hidden)


MODELS = ["lstm", "chrono", "gru", "janet", "rnn", "linear"]


class Model(nn.Module):
    """A recurrent layer, and logits at every step."""

    def __init__(self, name: str, hidden: int, delay: int) -> None:
        super().__init__()
        self.rnn = recurrent_layer(name, hidden, delay)
        self.fc = nn.Linear(hidden, SYMBOLS + 1)

    def forward(self, x: Any) -> Any:
        output, _ = self.rnn(torch.eye(SYMBOLS + 2)[x])  # (T + 20, N, H)
        return self.fc(output)


def guess(delay: int) -> float:
    """The loss of who remembers nothing."""
    return COUNT * math.log(SYMBOLS) / (delay + 2 * COUNT)


def train(name: str, options: argparse.Namespace) -> tuple[Model, list[float]]:
    """A trained model, and the loss of every step of its training."""
    torch.manual_seed(options.seed)
    net = Model(name, options.hidden_size, options.delay)
    optimizer = optim.Adam(net.parameters(), lr=options.lr)
    losses = []
    bar = progress(range(options.steps), name)
    for _ in bar:
        x, y = make_batch(options.delay, options.batch)
        loss = nn.functional.cross_entropy(net(x).flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
        bar.show(loss=loss)
    return net, losses


def report(name: str, losses: list[float], delay: int) -> None:
    """Print the loss of each tenth of the training."""
    print(f"\n{name}: loss per step; {guess(delay):.3f} is a guess")
    start = 0
    for part in range(1, PARTS + 1):
        end = len(losses) * part // PARTS
        if end > start:
            mean = sum(losses[start:end]) / (end - start)
            bar = "#" * min(40, round(20 * mean / guess(delay)))
            print(f"  steps {start + 1:5} to {end:5}   {mean:.3f}   {bar}")
            start = end


def say(net: Model, delay: int, seed: int) -> float:
    """Print one new sequence and its answer; return the share of right symbols in many."""
    torch.manual_seed(seed + 1)
    x, y = make_batch(delay, 200)
    with torch.no_grad():
        answers = net(x)[-COUNT:].argmax(2)
    right = (answers == y[-COUNT:]).float().mean().item()
    asked, said = ("".join(LETTERS[k] for k in a[:, 0].tolist()) for a in (y[-COUNT:], answers))
    print(f"  symbols right: {right:.0%}, for example {asked} -> {said}")
    return right


def plot(curves: dict[str, list[float]], delay: int, path: str) -> None:
    """The losses of all models; needs matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("no plot: matplotlib is not installed (pip install matplotlib)", file=sys.stderr)
        return
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    for name, losses in curves.items():
        axes.semilogy(range(1, len(losses) + 1), losses, linewidth=0.9, label=name)
    axes.axhline(guess(delay), color="gray", linestyle="--", label="a guess: 10 log 8 / (T + 20)")
    axes.set(xlabel="steps of training", ylabel="cross entropy per step", title=f"T = {delay}")
    axes.legend()
    figure.savefig(path)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--models", nargs="+", choices=MODELS, default=["lstm", "rnn", "linear"],
        help="which are trained, one after the other (default: lstm rnn linear)",
    )  # fmt: skip
    parser.add_argument(
        "--delay", type=int, default=30, help="T, the length of the pause (default: %(default)s)"
    )
    parser.add_argument(
        "--steps", type=int, default=300,
        help="how often the weights are updated (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--hidden-size", type=int, default=64,
        help="H, the number of units (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--batch", type=int, default=32,
        help="N, the number of sequences that make one update (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--lr", type=float, default=2e-3, help="the learning rate of Adam (default: %(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="of weights and data (default: %(default)s)"
    )
    parser.add_argument(
        "--plot", metavar="FILE", default="",
        help="also draw the losses into this file, with matplotlib (default: no plot)",
    )  # fmt: skip
    options = parser.parse_args(argv)
    if min(options.delay, options.steps, options.hidden_size, options.batch) < 1:
        parser.error("--delay, --steps, --hidden-size and --batch must be at least 1")
    if not options.lr > 0:
        parser.error("--lr must be above 0")
    curves = {}
    for name in options.models:
        net, curves[name] = train(name, options)
        report(name, curves[name], options.delay)
        say(net, options.delay, options.seed)
    if options.plot:
        plot(curves, options.delay, options.plot)


if __name__ == "__main__":
    main()
