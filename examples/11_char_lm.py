"""A language model, one character at a time; and a training that is interrupted, and goes on.

What is trained
    A network reads a text and says, at every character, how probable each character is to be the
    next one. The text is the documentation of Python's language that comes with Python
    (`pydoc_data.topics`, what `help("lambda")` shows): some 450,000 characters. Who has such a
    model can let it write: draw a character from its probabilities, let it read that one, go on.

        x_t   T h e _ l a m b d
        y_t   h e _ l a m b d a

Equations
    e_t     = E[x_t]                                   the character's row of a table
    h_t, c_t = LSTM(e_t, (h_(t-1), c_(t-1)))
    p_t     = softmax(V dropout(h_t) + b)              a probability for each of 96 characters
    L       = - mean over t of log p_t[y_t]            the loss; L / log 2 is "bits per character"
    writing: p ~ exp(logits / temperature)             below 1 bolder guesses are rarer

Shapes (time first)
    streams    (N, whole length)    the text, cut into N pieces that are read side by side
    x, y       (L, N)               the next L characters of each stream; y is one further on
    h, c       (1, N, H)            handed on from one piece to the next
    logits     (L, N, 96)

What to look at
    - The state is handed on, its graph is not: `detach`. Gradients reach back L characters, what
      the network knows reaches back further ("truncated back-propagation through time").
    - Bits per character: 6.6 if all 96 are equally probable; 4.7 with how often each occurs; the
      network gets to 1.8 in text that it has never seen. A model that needs b bits could compress
      the text to that many. `lzma`, a good general compressor, needs 1.6, but of all of the text:
      it knows the first nine tenths by heart when it comes to the last one.
    - What goes into a checkpoint is what the next step depends on: weights, the averages that Adam
      keeps for each weight, the place in the schedule of the learning rate, the stream of random
      numbers (dropout), the state h, c, and how many steps are done, which says where in the text
      it is. Leave one out, with `--forget`, and the losses after `--resume` are others.
    - The file is written beside the old one first, then takes its place: who pulls the plug
      meanwhile has one of them. And nothing in such a file is ever run when it is read.
      (`minigrad.utils.TrainingCheckpoint` does all that by itself: docs/resuming.md.)

        python examples/11_char_lm.py                                        in one go; or
        python examples/11_char_lm.py --checkpoint lm.pt --stop 700          as if it were killed,
        python examples/11_char_lm.py --resume lm.pt                         and on: the same lines
        python examples/11_char_lm.py --resume lm.pt --forget optimizer      not the same lines

What it prints
    Bits per character, in training and on the text's last tenth, which it does not learn from; then
    what it writes at three temperatures. That takes a minute; a terminal shows how far it is.
    `--quick` is a small network for some seconds, which gets to 3.0 bits. (The numbers here are
    those of Python 3.11; other versions have other texts.) With the same seed PyTorch prints the
    same lines: replace `minigrad` by `torch` in the imports, and `progress` by a range.

Sources: A. Graves, Generating sequences with recurrent neural networks, arXiv 1308.0850; A.
Karpathy, The unreasonable effectiveness of recurrent neural networks, 2015.
"""

from __future__ import annotations

import argparse
import lzma
import math
import os
import sys
import textwrap
import zlib
from collections import Counter
from pydoc_data import topics
from typing import Any

import minigrad as torch
from minigrad import nn, optim
from minigrad.utils import progress

CHARACTERS = "\n" + "".join(chr(code) for code in range(32, 127))
PLACE = {character: k for k, character in enumerate(CHARACTERS)}
QUICK = {"steps": 150, "hidden_size": 64, "length": 32, "lr": 1e-2}
PARTS = ("model", "optimizer", "schedule", "random", "state")  # of a checkpoint
REPORTS = 10  # lines of a whole training


def documentation() -> str:
    """All topics, without the few characters that are not ASCII."""
    text = "\n".join(topics.topics[name] for name in sorted(topics.topics))
    return "".join(character for character in text if character in PLACE)


def numbers_of(text: str) -> Any:
    return torch.tensor([PLACE[character] for character in text])


class CharLM(nn.Module):
    """Embedding, LSTM, logits of the next character."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.emb = nn.Embedding(len(CHARACTERS), 32)
        self.lstm = nn.LSTM(32, hidden_size)
        self.dropout = nn.Dropout(0.1)
        self.fc = nn.Linear(hidden_size, len(CHARACTERS))

    def forward(self, x: Any, state: Any = None) -> tuple[Any, Any]:
        output, state = self.lstm(self.emb(x), state)
        return self.fc(self.dropout(output)), state


class Training:
    """All that a training consists of, and the way to a file and back."""

    def __init__(self, text: str, options: argparse.Namespace) -> None:
        self.options = options
        self.fingerprint = zlib.crc32(text.encode())
        split = len(text) * 9 // 10
        streams = numbers_of(text[:split])
        self.streams = streams[: split - split % options.batch].view(options.batch, -1)
        self.unseen = numbers_of(text[split:])
        torch.manual_seed(options.seed)
        self.model = CharLM(options.hidden_size)
        self.optimizer = optim.Adam(self.model.parameters(), lr=options.lr)
        self.schedule = optim.lr_scheduler.CosineAnnealingLR(self.optimizer, options.steps)
        self.state: Any = None  # (h, c) after the last piece
        self.steps_done = 0
        self.curve: list[tuple[int, float, float]] = []  # steps, bits in training, bits of unseen

    def step(self) -> float:
        """Learn from the next piece of the text; its bits per character."""
        L = self.options.length
        pieces = (self.streams.shape[1] - 1) // L
        start = self.steps_done % pieces * L
        if start == 0:  # a new round through the text
            self.state = None
        x = self.streams[:, start : start + L].T  # (L, N)
        y = self.streams[:, start + 1 : start + L + 1].T
        logits, state = self.model(x, self.state)
        self.state = tuple(s.detach() for s in state)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten())
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.schedule.step()
        self.steps_done += 1
        return loss.item() / math.log(2)

    def bits_of_unseen(self) -> Any:
        """Bits for each character of the last tenth but the first, read in one go."""
        self.model.eval()
        with torch.no_grad():
            logits, _ = self.model(self.unseen[:-1])
            bits = nn.functional.cross_entropy(logits, self.unseen[1:], reduction="none")
        self.model.train()
        return bits / math.log(2)

    def save(self, path: str) -> None:
        checkpoint = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "random": torch.get_rng_state(),
            "state": self.state,
            "steps_done": self.steps_done,
            "curve": self.curve,
            "fingerprint": self.fingerprint,
            "options": {name: getattr(self.options, name) for name in [*QUICK, "batch", "seed"]},
        }
        torch.save(checkpoint, path + ".new")
        os.replace(path + ".new", path)

    def restore(self, checkpoint: dict[str, Any], forget: str) -> None:
        if checkpoint["fingerprint"] != self.fingerprint:
            sys.exit("the checkpoint is of another text: that of another version of Python?")
        for name in {"model", "optimizer", "schedule"} - {forget}:
            getattr(self, name).load_state_dict(checkpoint[name])
        if forget != "random":
            torch.set_rng_state(checkpoint["random"])
        if forget != "state":
            self.state = checkpoint["state"]
        self.steps_done, self.curve = checkpoint["steps_done"], checkpoint["curve"]


def write(model: CharLM, begin: str, count: int, temperature: float) -> str:
    """Go on from `begin`, with characters drawn from the model's probabilities."""
    model.eval()
    text, state = begin, None
    with torch.no_grad():
        x = numbers_of(begin)[:, None]  # (L, 1)
        for _ in range(count):
            logits, state = model(x, state)
            p = (logits[-1, 0] / temperature).softmax(0)
            x = torch.multinomial(p, 1)[None]  # (1, 1)
            text += CHARACTERS[int(x)]
    return text


def train(training: Training, options: argparse.Namespace) -> bool:
    """Train to the end, or up to `--stop`; whether that is the end."""
    steps, every, bits = training.options.steps, max(1, training.options.steps // REPORTS), []
    bar = progress(range(training.steps_done, steps), "training")
    for step in bar:
        if step == options.stop:
            bar.write(f"stopped after {step} steps")
            return False
        bits.append(training.step())
        bar.show(bits=bits[-1])
        if (step + 1) % every == 0 or step + 1 == steps:
            mean, unseen = sum(bits) / len(bits), training.bits_of_unseen().mean().item()
            report = f"bits per character {mean:.3f}, unseen {unseen:.3f}"
            bar.write(f"Step [{step + 1}/{steps}] {report}")
            training.curve.append((step + 1, mean, unseen))
            bits.clear()
            if options.checkpoint:
                training.save(options.checkpoint)
    return True


def simple_models(text: str) -> dict[str, float]:
    """Bits per character without a network."""
    shares = [count / len(text) for count in Counter(text).values()]
    return {
        "all equally probable": math.log2(len(CHARACTERS)),
        "how often each occurs": -sum(share * math.log2(share) for share in shares),
        "lzma, all of the text": 8 * len(lzma.compress(text.encode())) / len(text),
    }


def plot(training: Training, text: str, path: str) -> None:
    """Draw the curve, and what surprised the network in unseen text; needs matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("no plot: matplotlib is not installed (pip install matplotlib)", file=sys.stderr)
        return
    figure = Figure(figsize=(13, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[2, 3])
    steps, seen, unseen = zip(*training.curve, strict=True)
    left.plot(steps, seen, "o-", label="training (with dropout)")
    left.plot(steps, unseen, "s-", label="unseen")
    for (name, bits), style in zip(simple_models(text).items(), (":", "--", "-."), strict=True):
        left.axhline(bits, color="gray", linestyle=style, label=name)
    left.set(xlabel="steps of training", ylabel="bits per character", ylim=(0, None))
    left.legend(fontsize="small")

    rows, columns = 14, 70
    bits = training.bits_of_unseen()[: rows * columns].view(rows, columns)
    image = right.imshow(bits.numpy(), cmap="Oranges", vmin=0, vmax=10, aspect="auto")
    shown = [CHARACTERS[k] for k in training.unseen[1 : rows * columns + 1].tolist()]
    for k, character in enumerate(shown):
        right.text(k % columns, k // columns, {"\n": "|", "$": r"\$"}.get(character, character),
                   ha="center", va="center", fontsize=6.5, family="monospace")  # fmt: skip
    right.set_axis_off()
    right.set_title("unseen text (| is a new line), and how many bits each character needs")
    figure.colorbar(image, ax=right)
    figure.savefig(path)


def run(options: argparse.Namespace) -> None:
    text = documentation()
    checkpoint = torch.load(options.resume) if options.resume else None
    chosen = argparse.Namespace(**checkpoint["options"]) if checkpoint else options
    training = Training(text, chosen)
    if checkpoint:
        training.restore(checkpoint, options.forget)
        print(f"going on after step {training.steps_done}")
    if not train(training, options):
        return
    print("\nWithout a network:")
    for name, bits in simple_models(text).items():
        print(f"  {name:22} {bits:.2f}")
    for temperature in (0.5, 0.8, 1.1):
        print(f"\nAt temperature {temperature}:")
        print(
            textwrap.indent(write(training.model, "The ", 300, temperature), "  | ", lambda _: True)
        )
    if options.plot:
        plot(training, text, options.plot)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--steps", type=int, default=1500,
        help="how often the weights are updated (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--length", type=int, default=64,
        help="L, how many characters gradients reach back at most (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--batch", type=int, default=32,
        help="N, how many pieces of the text are read side by side (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--hidden-size", type=int, default=192,
        help="H, the number of hidden units (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--lr", type=float, default=5e-3,
        help="the learning rate of Adam at the beginning (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, default=0,
        help="of weights, dropout and what is written (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--quick", action="store_true",
        help="a small network for some seconds: "
        + ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in QUICK.items())
        + " (default: what these options say)",
    )  # fmt: skip
    parser.add_argument(
        "--checkpoint", metavar="FILE", default="",
        help="save all that is needed to go on, with each line that is printed (default: no file)",
    )  # fmt: skip
    parser.add_argument(
        "--stop", type=int, default=-1,
        help="end after so many steps, as if killed (default: never)",
    )  # fmt: skip
    parser.add_argument(
        "--resume", metavar="FILE", default="",
        help="go on from a checkpoint, with its options (default: begin anew)",
    )  # fmt: skip
    parser.add_argument(
        "--forget", choices=PARTS, default="",
        help="do not take this part from the checkpoint, to see what happens (default: all)",
    )  # fmt: skip
    parser.add_argument(
        "--plot", metavar="FILE", default="",
        help="also draw curve and text into this file, with matplotlib (default: no plot)",
    )  # fmt: skip
    options = parser.parse_args(argv)
    if min(options.steps, options.length, options.batch, options.hidden_size) < 1:
        parser.error("--steps, --length, --batch and --hidden-size must be at least 1")
    if not options.lr > 0:
        parser.error("--lr must be above 0")
    if options.quick:
        vars(options).update(QUICK)
    run(options)


if __name__ == "__main__":
    main()
