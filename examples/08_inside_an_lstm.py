"""Look inside an LSTM while it reads, and find the unit that knows whether a quotation is open.

What is trained
    A small LSTM reads a text, character by character, and says what comes next:

        sun sat cat the "dog" ran on the saw "sea sat" to to "red cat sea cat" sun

    A quotation has one to four words. The words say nothing about whether they are quoted; but at
    the end of a word a closing mark is possible inside, never outside, and after a blank an opening
    mark is possible outside, never inside. So it pays to remember that a quotation is open, over
    some twenty characters. Nobody tells the network: it finds that out from the text.

Equations (* is entry by entry)
    i_t, f_t, o_t = sigmoid(W x_t + U h_(t-1) + b)      input, forget and output gate, each its own
    g_t = tanh(W_g x_t + U_g h_(t-1) + b_g)             cell gate: what may be written
    c_t = f_t * c_(t-1) + i_t * g_t                     the cell: kept, and written to
    h_t = o_t * tanh(c_t)                               what is seen of it

Shapes (one sequence, without a batch axis)
    x                                    (L, C)     one-hot characters
    trace.input_gate, ..., trace.cell    (L, H)     of every step, gates after the nonlinearity

What to look at
    - `output, state, trace = lstm.trace(x)` is `output, state = lstm(x)`, and all that was in
      between, as tensors. The equations above can be checked on them: see the first line printed.
    - One unit's cell says whether a quotation is open. Its input gate opens at an opening mark, and
      hardly anywhere else; its forget gate closes at a closing mark, and hardly anywhere else. What
      was written at the one is kept up to the other: a latch, made of two gates.
    - That the two go together does not show that the network *uses* this unit. Surgery does: at
      each opening mark, the unit's h and c are put back to what they were before it, so that this
      unit does not know of it. Then the network hardly closes a quotation any more. The same done
      to the unit that is next by correlation changes next to nothing.
    - Gradients flow through traces: after `loss.backward()`, `trace.cell.grad` says how the loss
      depends on the cell at each step. That of "now a mark must come" is at the opening mark, a
      dozen characters back, as large as at the end: it vanishes nowhere, as the forget gate is near
      1. What the cell was in the quotation before has no part in it: that gate was closed since.
    - Other seeds find other units, of either sign (try 3 and 5). With some, no unit has it alone:
      with seed 6, or with `--hidden-size 16`, it is spread over several.

What it prints
    The loss; which unit it is, and what its gates do; its cell under a text; what the surgery does;
    how far the gradient reaches. `--plot` draws the gates of all units.

Sources: A. Karpathy, J. Johnson, L. Fei-Fei, Visualizing and understanding recurrent networks,
arXiv 1506.02078; S. Hochreiter, J. Schmidhuber, Long short-term memory, 1997.
"""

from __future__ import annotations

import argparse
import sys
from random import Random
from typing import Any

import numpy as np

import minigrad as torch
from minigrad import nn, optim

WORDS = ["a", "the", "cat", "dog", "sun", "sea", "ran", "sat", "saw", "on", "to", "red", "big"]
CHARACTERS = sorted({*"".join(WORDS), " ", '"'})


def story(rng: Random, length: int) -> str:
    """Words, some of them in quotation marks."""
    text = ""
    while len(text) < length:
        for mark in ("", '"'):
            text += mark + " ".join(rng.choices(WORDS, k=rng.randint(1, 4))) + mark + " "
    return text[:length]


def numbers_of(text: str) -> Any:
    return torch.tensor([CHARACTERS.index(character) for character in text])


def one_hot(numbers: Any) -> Any:
    return nn.functional.one_hot(numbers, len(CHARACTERS)).float()


def is_open(text: str) -> np.ndarray:
    """(L,): whether a quotation is open after this character."""
    return np.cumsum([character == '"' for character in text]) % 2 == 1


class CharLM(nn.Module):
    """One-hot characters, LSTM, logits of the next character."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(len(CHARACTERS), hidden_size, forget_bias=1.0)
        self.fc = nn.Linear(hidden_size, len(CHARACTERS))

    def forward(self, x: Any) -> Any:
        output, _ = self.lstm(x)
        return self.fc(output)


def train(model: CharLM, options: argparse.Namespace) -> None:
    optimizer = optim.Adam(model.parameters(), lr=options.lr)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, options.steps)
    rng, losses = Random(options.seed), []
    for step in range(1, options.steps + 1):
        texts = [story(rng, 81) for _ in range(32)]
        text = torch.stack([numbers_of(t) for t in texts], 1)  # (L + 1, N)
        logits = model(one_hot(text[:-1]))
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), text[1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        if step == options.steps or step % max(1, options.steps // 5) == 0:
            print(f"Step [{step}/{options.steps}] loss={sum(losses) / len(losses):.3f}")
            losses.clear()


def equations_hold(trace: Any) -> bool:
    """The equations, on what was seen."""
    c = trace.cell
    before: Any = torch.cat([torch.zeros(1, c.shape[1]), c[:-1]])
    return torch.allclose(
        c, trace.forget_gate * before + trace.input_gate * trace.cell_gate, atol=1e-5
    ) and torch.allclose(trace.hidden, trace.output_gate * c.tanh(), atol=1e-5)


def find_units(trace: Any, text: str) -> tuple[list[int], list[float]]:
    """All units, and their cells' correlation with an open quotation, the largest first."""
    cells = trace.cell.detach().numpy()
    correlations = [float(np.corrcoef(cell, is_open(text))[0, 1]) for cell in cells.T]
    units = sorted(range(len(correlations)), key=lambda k: -abs(correlations[k]))
    return units, [correlations[k] for k in units]


def show_gates(trace: Any, unit: int, text: str) -> None:
    """The mean of a unit's gates and cell, at marks and elsewhere."""
    mark, opened = np.array([*text]) == '"', is_open(text)
    places = {"at opening mark": mark & opened, "inside": ~mark & opened,
              "at closing mark": mark & ~opened, "outside": ~mark & ~opened}  # fmt: skip
    print(f"\nunit {unit:<8}" + "".join(f"{place:>17}" for place in places))
    for name in ("input_gate", "forget_gate", "cell_gate", "output_gate", "cell"):
        values = getattr(trace, name)[:, unit].detach().numpy()
        print(f"{name:13}" + "".join(f"{values[place].mean():17.2f}" for place in places.values()))


def show_cell(trace: Any, unit: int, text: str) -> None:
    """The text, and under each character whether the unit's cell is above or below its middle."""
    cell = trace.cell[:, unit].detach().numpy()
    middle = (cell[is_open(text)].mean() + cell[~is_open(text)].mean()) / 2
    print(f"\n{text[:90]}")
    print("".join("+" if value > middle else "-" for value in cell[:90]))


def chance_of_a_mark(model: CharLM, text: str, unit: int | None) -> float:
    """The mean probability of a mark at the ends of words inside quotations.

    At each opening mark, the state of `unit` is put back to what it was before.
    """
    opened, x = is_open(text), one_hot(numbers_of(text))
    state: Any = None
    chances = []
    with torch.no_grad():
        for t, character in enumerate(text[:-1]):
            before = state
            output, state = model.lstm(x[t : t + 1], state)
            if unit is not None and character == '"' and opened[t] and t:
                for now, earlier in zip(state, before, strict=True):  # h and c, each (1, H)
                    now[:, unit] = earlier[:, unit]
            if opened[t] and character not in ' "' and text[t + 1] in ' "':
                chances.append(model.fc(output)[0].softmax(0)[CHARACTERS.index('"')].item())
    return sum(chances) / len(chances)


def show_gradient(model: CharLM, unit: int) -> None:
    """How the loss at a closing mark depends on the unit's cell at all steps before."""
    text = 'on "the sea" a "big red cat'  # and now a mark must come
    output, _, trace = model.lstm.trace(one_hot(numbers_of(text)))
    logits = model.fc(output[-1])
    nn.functional.cross_entropy(logits, torch.tensor(CHARACTERS.index('"'))).backward()
    gradient = trace.cell.grad[:, unit].abs().numpy()
    print("\nthe gradient of the loss at the end, with respect to the unit's cell")
    places = {"at the last letter": len(text) - 1, "at the opening mark": text.rindex('"'),
              "in the quotation before": text.index("sea")}  # fmt: skip
    for name, t in places.items():
        print(f"  {name:23} {gradient[t]:.4f}")


def plot(model: CharLM, unit: int, text: str, path: str) -> None:
    """Draw all gates, and the cell of the unit; needs matplotlib."""
    try:
        from matplotlib import pyplot as plt
    except ImportError:
        print("no plot: matplotlib is not installed (pip install matplotlib)", file=sys.stderr)
        return
    text = text[:75]
    _, _, trace = model.lstm.trace(one_hot(numbers_of(text)))
    names = ["input_gate", "forget_gate", "cell_gate", "output_gate"]
    figure, axes = plt.subplots(5, 1, figsize=(13, 12), layout="constrained")
    torch.viz.gates(trace, names, labels=text, ax=axes[:4])
    torch.viz.states(trace, "cell", units=[unit], labels=text, ax=axes[4])
    axes[4].fill_between(
        range(len(text)), 0, 1, where=is_open(text), step="mid", alpha=0.15,
        transform=axes[4].get_xaxis_transform(),
    )  # fmt: skip
    axes[4].set_title(f"the cell of unit {unit}; quotations are shaded", fontsize="medium")
    axes[4].margins(x=0)
    figure.savefig(path)
    plt.close(figure)


def run(options: argparse.Namespace) -> None:
    torch.manual_seed(options.seed)
    model = CharLM(options.hidden_size)
    train(model, options)

    text = story(Random(options.seed + 1), 2000)
    _, _, trace = model.lstm.trace(one_hot(numbers_of(text)))
    print("\nthe equations hold on what was seen:", equations_hold(trace))
    (unit, other, *_), correlations = find_units(trace, text)
    print(f"correlation with an open quotation: unit {unit} {correlations[0]:+.2f}, "
          f"next unit {other} {correlations[1]:+.2f}")  # fmt: skip
    show_gates(trace, unit, text)
    show_cell(trace, unit, text)
    print("\nchance of a mark at the end of a quoted word")
    for name, lesion in {"untouched": None, f"unit {unit} put back": unit,
                         f"unit {other} put back": other}.items():  # fmt: skip
        print(f"  {name:23} {chance_of_a_mark(model, text, lesion):.2f}")
    show_gradient(model, unit)
    if options.plot:
        plot(model, unit, text, options.plot)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--steps", type=int, default=800,
        help="how often the weights are updated (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--hidden-size", type=int, default=10,
        help="H, the number of hidden units, 2 or more (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--lr", type=float, default=0.03,
        help="the learning rate of Adam at the beginning (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, default=1, help="of weights and text (default: %(default)s)"
    )
    parser.add_argument(
        "--plot", metavar="FILE", default="",
        help="also draw the gates into this file, with matplotlib (default: no plot)",
    )  # fmt: skip
    options = parser.parse_args(argv)
    if options.steps < 1:
        parser.error("--steps must be at least 1")
    if options.hidden_size < 2:
        parser.error("--hidden-size must be at least 2: one unit is compared with another one")
    if not options.lr > 0:
        parser.error("--lr must be above 0")
    run(options)


if __name__ == "__main__":
    main()
