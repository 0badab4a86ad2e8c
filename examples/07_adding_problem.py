"""Remember two numbers for a thousand steps: the adding problem, for IndRNN and LSTM.

What is trained
    A network reads a stream of L numbers from U(0, 1), each with a mark beside it. The mark is 1 at
    two steps, one in each half of the stream, else 0. After the last step the network must say what
    the two marked numbers add up to:

        step t    1     2     3     4     5     6    ...   L
        number    0.62  0.11  0.84  0.35  0.97  0.20 ...   0.51
        mark      0     1     0     0     1     0    ...   0        target 0.11 + 0.97 = 1.08

    Who always answers 1 makes a mean squared error of 2 Var U(0, 1) = 1/6 = 0.167. To do better one
    has to carry the first number over hundreds of steps, and the gradient must find its way back
    over as many. That is what LSTM was invented for; at L = 1000 it stays at 0.167 for a long time.

Equations (IndRNN, layer by layer; * is entry by entry)
    h_t = max(0, W x_t + b + u * h_(t-1))       each unit has one recurrent weight, and sees only
                                                itself: |u| <= 2 ** (1/L), so over L steps a
                                                gradient doubles at most
    answer = v . h_L + c                        from the last state of the last layer

Shapes
    input    (L, N, 2)   numbers and marks, time first
    output   (L, N, H)   of the last layer; its last step is (N, H)
    target   (N,)

What to look at
    - `clip_recurrent_weights_` brings u back into its bounds before each step of training.
    - `last_step_only=True` starts the last layer's u near 1, where a unit adds up what it gets, and
      keeps it to the end.
    - Two layers are enough, and one can write the weights down. Layer 1 with u = 0 makes
      max(0, number + mark - 1): the number where the mark is 1, and 0 elsewhere. Layer 2 with
      u = 1 adds these up.
    - The weights W start tiny, from N(0, 0.001): what 1000 steps add up to is small at first. For
      the same reason the learning rate starts low. Adam moves all weights equally far, and at first
      in the same direction; full steps, times 1000 time steps, would overshoot so much that many
      ReLUs never answer again. `OneCycleLR` raises the rate slowly, and lowers it again at the end.
    - The data are made as they are needed; no example is seen twice, so there is no overfitting
      and no test set: the loss printed is that of unseen examples.
    - `--model lstm` trains the LSTM. `--length 30 --lr 3e-3` is within its reach. At
      `--length 100`, where IndRNN is through after some 500 updates, it needs more than 4000.

What it prints
    The loss, averaged over tenths of the training, also drawn as a bar; the last line says whether
    it is below a tenth of 0.167. That takes a minute or two; a terminal shows how far it is.
    With `--quick`, for streams of 50 numbers, it takes seconds.

Source: S. Li et al., Independently recurrent neural network (IndRNN), CVPR 2018, section 5.1; the
task is from S. Hochreiter, J. Schmidhuber, Long short-term memory, 1997.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import minigrad as torch
from minigrad import nn, optim

ALWAYS_ONE = 1 / 6  # the mean squared error of the answer 1
PARTS = 10  # of the training, each with a line of its own
BAR = 40  # characters for a loss of 1/6


def make_batch(length: int, batch: int) -> tuple[Any, Any]:
    """Streams (L, N, 2) and their answers (N,)."""
    numbers = torch.rand(length, batch)
    first = torch.randint(0, length // 2, (batch,))
    second = torch.randint(length // 2, length, (batch,))
    marks, each = torch.zeros(length, batch), torch.arange(batch)
    marks[first, each] = 1
    marks[second, each] = 1
    return torch.stack([numbers, marks], dim=2), numbers[first, each] + numbers[second, each]


class Model(nn.Module):
    """Recurrent layers, and a linear one for the answer."""

    def __init__(self, name: str, length: int, hidden_size: int) -> None:
        super().__init__()
        if name == "indrnn":
            self.rnn: Any = nn.IndRNN(
                2, hidden_size, num_layers=2, steps=length, last_step_only=True
            )
            for layer in range(2):
                nn.init.normal_(getattr(self.rnn, f"weight_ih_l{layer}"), 0.0, 0.001)
        else:
            self.rnn = nn.LSTM(2, hidden_size)
        self.fc = nn.Linear(hidden_size, 1)

    def forward(self, x: Any) -> Any:
        output, _ = self.rnn(x)  # (L, N, H)
        return self.fc(output[-1]).squeeze(1)  # (N, H) -> (N,)


def show_progress(done: int, steps: int, started: float) -> None:
    """One line on a terminal, written over again and again; nothing where there is none."""
    if not sys.stderr.isatty():
        return
    filled = 30 * done // steps
    left = (time.perf_counter() - started) / done * (steps - done)
    bar = "#" * filled + "." * (30 - filled)
    end = "" if done < steps else "\r\033[K"  # at the end it makes room for the results
    sys.stderr.write(f"\r[{bar}] {done}/{steps}, {left:.0f} s left \033[K{end}")
    sys.stderr.flush()


def train(options: argparse.Namespace) -> list[float]:
    """The loss of every step of training."""
    torch.manual_seed(options.seed)
    net = Model(options.model, options.length, options.hidden_size)
    optimizer = optim.Adam(net.parameters(), lr=options.lr)
    schedule = optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=options.lr, total_steps=options.steps, cycle_momentum=False
    )
    criterion = nn.MSELoss()
    losses = []
    started = time.perf_counter()
    for step in range(options.steps):
        x, y = make_batch(options.length, options.batch)
        nn.utils.clip_recurrent_weights_(net)  # an LSTM has none that it concerns
        optimizer.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        show_progress(step + 1, options.steps, started)
    return losses


def report(losses: list[float]) -> None:
    """Print the curve as text."""
    start = 0
    for part in range(1, PARTS + 1):
        end = len(losses) * part // PARTS
        if end > start:
            mean = sum(losses[start:end]) / (end - start)
            bar = "#" * min(BAR, round(BAR * mean / ALWAYS_ONE))
            print(f"steps {start + 1:5} to {end:5}   loss {mean:.4f}   {bar}")
            start = end
    verdict = "solved" if mean < ALWAYS_ONE / 10 else "better" if mean < ALWAYS_ONE / 2 else "not"
    print(f"loss at the end {mean:.4f}, always answering 1 {ALWAYS_ONE:.4f}: {verdict}")


def plot(losses: list[float], path: str) -> None:
    """The curve as a picture; needs matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("no plot: matplotlib is not installed (pip install matplotlib)", file=sys.stderr)
        return
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    axes.semilogy(range(1, len(losses) + 1), losses, linewidth=0.8)
    axes.axhline(ALWAYS_ONE, color="gray", linestyle="--", label="always answering 1")
    axes.set(xlabel="steps of training", ylabel="mean squared error")
    axes.legend()
    figure.savefig(path)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model", choices=["indrnn", "lstm"], default="indrnn",
        help="two layers of IndRNN, or one of LSTM (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--length", type=int, default=1000, help="L, the length of a stream (default: %(default)s)"
    )
    parser.add_argument(
        "--steps", type=int, default=1500,
        help="how often the weights are updated (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--hidden-size", type=int, default=128,
        help="H, the number of units of a layer (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--batch", type=int, default=50,
        help="N, the number of streams that make one update (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--lr", type=float, default=1e-3,
        help="the highest learning rate of Adam (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, default=0, help="of weights and data (default: %(default)s)"
    )
    parser.add_argument(
        "--plot", metavar="FILE", default="",
        help="also draw the loss into this file, with matplotlib (default: no plot)",
    )  # fmt: skip
    parser.add_argument(
        "--quick", action="store_true",
        help="50 numbers and 300 steps, a matter of seconds (default: what these options say)",
    )  # fmt: skip
    options = parser.parse_args(argv)
    if options.quick:
        options.length, options.steps = 50, 300
    if options.length < 2:
        parser.error("--length must be at least 2: two numbers are marked")
    if min(options.steps, options.hidden_size, options.batch) < 1:
        parser.error("--steps, --hidden-size and --batch must be at least 1")
    if not options.lr > 0:
        parser.error("--lr must be above 0")
    losses = train(options)
    report(losses)
    if options.plot:
        plot(losses, options.plot)


if __name__ == "__main__":
    main()
