"""Sat 12 March 1994 is 1994-03-12: an encoder, a decoder, and attention between them.

What is trained
    A network reads a date, letter by letter, as people write it, and then writes it, letter by
    letter, as ISO 8601 has it:

        Sat 12 March 1994, March 12, 1994, 12.3.1994, 3/12/1994, 12 Mar '94    ->    1994-03-12

    No rule is given: neither that March is 03, nor that '94 is 1994 and '07 is 2007. The dates are
    made as they are needed, from a hundred years; every tenth day is kept for the test.

Equations (Bahdanau, Cho, Bengio)
    h_1 ... h_L = GRU in both directions over the letters that are read              encoder
    s_0 = tanh(W_0 b_1 + c_0)              b_1: the backward direction's last state
    for each letter j that is written:
        z_ij = v . tanh(W_a s_(j-1) + U_a h_i)          how well letter i fits what is needed now
        a_ij = exp(z_ij) / sum over k of exp(z_kj)      attention: weights that add up to 1
        c_j  = sum over i of a_ij h_i                   context
        s_j  = GRUCell([E y_(j-1), c_j], s_(j-1))       decoder; y_0 is a mark for "begin"
        p_j  = softmax(W_o [s_j, c_j] + b_o)            what to write

Shapes (time first)
    source, lengths   (L, N), (N,)       what is read, padded
    states h          (L, N, 2 * H)      both directions
    weights a_j       (L, N)             0 in the padding, by `masked_fill` with -inf
    context, s_j      (N, 2 * H), (N, H)
    target, logits    (10, N), (10, N, C)   all answers have ten letters, so no mark for "end"

What to look at
    - Teacher forcing: in training the decoder is given the right letter y_(j-1), whatever it would
      have written itself. In the test it goes on from its own: "greedy" decoding, the same loop.
    - The attention is not trained for anything: there are no labels for it. Yet it looks at the
      year's digits first, and then goes *back* to the month and the day.
    - `U_a h_i` does not depend on j: it is computed once, before the loop.
    - Without attention (`--no-attention`) the decoder gets the encoder's last states as context,
      the same at every step, and has to find everything there. After 200 steps it has about half
      of the dates right (47%, 52%, 65% with seeds 2, 1, 0), with attention all of them. What it
      gets wrong first is the order of digits: 21 for 12. After 400 steps it has 95%.
    - For "03" the decoder looks at several letters of "March", and beside it. What it looks at are
      states, not letters: h_i knows what stands around letter i, on both sides.

What it prints
    Loss and the share of test dates that are right to the last letter, as they get better; some
    answers; and where the decoder looked while it wrote one of them. `--plot` draws that. PyTorch
    prints the same lines, with `minigrad` replaced by `torch` in the imports, and `lengths=` by
    pack_padded_sequence and pad_packed_sequence.

Sources: D. Bahdanau, K. Cho, Y. Bengio, Neural machine translation by jointly learning to align
and translate, ICLR 2015, appendix A; for a decoder without attention K. Cho and others, Learning
phrase representations using RNN encoder-decoder for statistical machine translation, EMNLP 2014.
"""

from __future__ import annotations

import argparse
import datetime
import sys
from random import Random
from typing import Any

import minigrad as torch
from minigrad import nn, optim

DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September",
          "October", "November", "December"]  # fmt: skip
FORMATS = [
    "{name} {d} {month} {y}",
    "{month} {d}, {y}",
    "{d}.{m}.{y}",
    "{m}/{d}/{y}",
    "{d} {month:.3} '{short:02}",
]
FIRST = datetime.date(1950, 1, 1).toordinal()  # so that '50 is 1950 and '49 is 2049
LAST = datetime.date(2049, 12, 31).toordinal()
SHOWN = datetime.date(1994, 3, 12).toordinal()  # a day of the test
READ = sorted({*"".join(DAYS + MONTHS), *"0123456789 ,./'"})
WRITTEN = [*"0123456789-"]
BEGIN = len(WRITTEN)  # the mark that is given to the decoder first
SHADES = " .:-=+*#%@"


def write(day: int, style: str) -> tuple[str, str]:
    """A day as people write it, and as it is to be written."""
    date = datetime.date.fromordinal(day)
    text = style.format(
        name=DAYS[date.weekday()], d=date.day, month=MONTHS[date.month - 1],
        m=date.month, y=date.year, short=date.year % 100,
    )  # fmt: skip
    return text, date.isoformat()


def draw_pairs(rng: Random, count: int, test: bool) -> list[tuple[str, str]]:
    """Days that are not for the test, or days that are, in any of the formats."""
    pairs: list[tuple[str, str]] = []
    while len(pairs) < count:
        day = rng.randint(FIRST, LAST)
        if (day % 10 == SHOWN % 10) == test:
            pairs.append(write(day, rng.choice(FORMATS)))
    return pairs


def source_of(texts: list[str]) -> tuple[Any, list[int]]:
    """(L, N), padded with zeros, and the lengths."""
    columns = [torch.tensor([READ.index(letter) for letter in text]) for text in texts]
    return nn.utils.rnn.pad_sequence(columns), [len(text) for text in texts]


def target_of(answers: list[str]) -> Any:
    """(10, N)."""
    return torch.tensor([[WRITTEN.index(letter) for letter in answer] for answer in answers]).T


class Attention(nn.Module):
    """Weights for the encoder's states, from how well each fits the decoder's state."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.W_a = nn.Linear(hidden_size, hidden_size, bias=False)
        self.U_a = nn.Linear(2 * hidden_size, hidden_size, bias=False)
        self.v = nn.Linear(hidden_size, 1, bias=False)

    def forward(self, s: Any, keys: Any, mask: Any) -> Any:
        """s (N, H), keys = U_a h (L, N, H) and mask (L, N) to weights (L, N)."""
        scores = self.v((self.W_a(s) + keys).tanh()).squeeze(2)
        return scores.masked_fill(~mask, float("-inf")).softmax(0)


class Translator(nn.Module):
    """Encoder, attention, decoder."""

    def __init__(self, embedding_size: int, hidden_size: int, attention: bool) -> None:
        super().__init__()
        H = hidden_size
        self.read = nn.Embedding(len(READ), embedding_size)
        self.encoder = nn.GRU(embedding_size, H, bidirectional=True)
        self.first = nn.Linear(H, H)
        self.attention = Attention(H) if attention else None
        self.written = nn.Embedding(len(WRITTEN) + 1, embedding_size)
        self.decoder = nn.GRUCell(embedding_size + 2 * H, H)
        self.out = nn.Linear(3 * H, len(WRITTEN))

    def forward(self, source: Any, lengths: list[int], target: Any = None) -> tuple[Any, Any]:
        """Logits (10, N, C), weights (10, L, N); without a target it goes on from its answers."""
        h, last = self.encoder(self.read(source), lengths=lengths)  # (L, N, 2 * H), (2, N, H)
        s = self.first(last[1]).tanh()  # (N, H)
        mask = torch.arange(len(source))[:, None] < torch.tensor(lengths)  # (L, N)
        if self.attention is not None:
            keys = self.attention.U_a(h)  # once for all steps
        else:
            weights, context = torch.zeros(mask.shape), torch.cat([last[0], last[1]], 1)

        y = torch.full((len(lengths),), BEGIN)
        all_logits, all_weights = [], []
        for j in range(10):
            if self.attention is not None:
                weights = self.attention(s, keys, mask)  # (L, N)
                context = (weights[:, :, None] * h).sum(0)  # (N, 2 * H)
            s = self.decoder(torch.cat([self.written(y), context], 1), s)
            logits = self.out(torch.cat([s, context], 1))  # (N, C)
            y = logits.argmax(1) if target is None else target[j]
            all_logits.append(logits)
            all_weights.append(weights)
        return torch.stack(all_logits), torch.stack(all_weights)


def translate(net: Translator, texts: list[str]) -> tuple[list[str], Any]:
    """The answers, each letter from the letters before, and the weights (10, L, N)."""
    with torch.no_grad():
        logits, weights = net(*source_of(texts))
    letters = logits.argmax(2).T.tolist()
    return ["".join(WRITTEN[k] for k in row) for row in letters], weights


def train(net: Translator, options: argparse.Namespace) -> list[tuple[int, float, float]]:
    optimizer = optim.Adam(net.parameters(), lr=options.lr)
    criterion = nn.CrossEntropyLoss()
    rng = Random(options.seed)
    test = draw_pairs(rng, 300, test=True)
    curve, losses = [], []
    for step in range(1, options.steps + 1):
        texts, answers = zip(*draw_pairs(rng, options.batch, test=False), strict=True)
        source, lengths = source_of(list(texts))
        target = target_of(list(answers))
        logits, _ = net(source, lengths, target)  # with teacher forcing
        loss = criterion(logits.flatten(0, 1), target.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
        if step == options.steps or step % max(1, options.steps // 8) == 0:
            own, _ = translate(net, [text for text, _ in test])
            right = [a == b for a, (_, b) in zip(own, test, strict=True)]
            share = sum(right) / len(right)
            mean = sum(losses) / len(losses)
            print(f"Step [{step}/{options.steps}] loss={mean:.3f}, right {share:.0%}")
            curve.append((step, mean, share))
            losses.clear()
    return curve


def show_answers(net: Translator) -> None:
    """One day of the test in all formats."""
    pairs = [write(SHOWN, style) for style in FORMATS]
    answers, _ = translate(net, [text for text, _ in pairs])
    print()
    for (text, expected), answer in zip(pairs, answers, strict=True):
        print(f"{text:18} -> {answer}{'' if answer == expected else '   wrong'}")


def show_attention(text: str, answer: str, weights: Any) -> None:
    """A row for each letter written: the darker, the more the decoder looked there."""
    print(f"\n   {text}")
    for letter, row in zip(answer, weights.tolist(), strict=True):
        shades = [SHADES[min(int(len(SHADES) * weight), len(SHADES) - 1)] for weight in row]
        print(f"{letter}  {''.join(shades)}".rstrip())


def plot(text: str, answer: str, weights: Any, curve: list[Any], path: str) -> None:
    """Draw the attention, and how the answers got better; needs matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("no plot: matplotlib is not installed (pip install matplotlib)", file=sys.stderr)
        return
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[3, 2])
    image = left.imshow(weights.numpy(), cmap="Blues", vmin=0, vmax=1)
    left.set_xticks(range(len(text)), [*text])
    left.set_yticks(range(len(answer)), [*answer])
    left.set(xlabel="read", ylabel="written", title="attention")
    figure.colorbar(image, ax=left, shrink=0.7)
    steps, losses, shares = zip(*curve, strict=True)
    right.plot(steps, shares, "o-", label="test dates right to the last letter")
    right.plot(steps, losses, "s--", label="loss")
    right.set(xlabel="steps of training", ylim=(0, None))
    right.legend()
    figure.savefig(path)


def run(options: argparse.Namespace) -> None:
    torch.manual_seed(options.seed)
    net = Translator(options.embedding_size, options.hidden_size, not options.no_attention)
    curve = train(net, options)
    show_answers(net)
    text, _ = write(SHOWN, FORMATS[0])
    (answer,), weights = translate(net, [text])
    if net.attention is not None:
        show_attention(text, answer, weights[:, :, 0])
    if options.plot:
        plot(text, answer, weights[:, :, 0], curve, options.plot)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--steps", type=int, default=200,
        help="how often the weights are updated (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--batch", type=int, default=64,
        help="N, the number of dates that make one update (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--embedding-size", type=int, default=16,
        help="how many numbers stand for a letter (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--hidden-size", type=int, default=48,
        help="H, the number of hidden units of the decoder, and of each direction of the encoder "
        "(default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--no-attention", action="store_true",
        help="let the decoder see the encoder's last states only (default: attention)",
    )  # fmt: skip
    parser.add_argument(
        "--lr", type=float, default=5e-3, help="the learning rate of Adam (default: %(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="of weights and dates (default: %(default)s)"
    )
    parser.add_argument(
        "--plot", metavar="FILE", default="",
        help="also draw the attention into this file, with matplotlib (default: no plot)",
    )  # fmt: skip
    options = parser.parse_args(argv)
    if min(options.steps, options.batch, options.embedding_size, options.hidden_size) < 1:
        parser.error("--steps, --batch, --embedding-size and --hidden-size must be at least 1")
    if not options.lr > 0:
        parser.error("--lr must be above 0")
    run(options)


if __name__ == "__main__":
    main()
