"""Time flies like an arrow: a tagger that answers with sequences of tags, not with single tags.

What is trained
    Every word of a sentence gets its part of speech, as in example 06. Here whole sentences are
    ambiguous, and nothing around them helps. Of three readings each is drawn with its own chance:

        time  flies  like  an   arrow
        NOUN  VERB   PREP  DET  NOUN     45%    it flies, as arrows do
        ADJ   NOUN   VERB  DET  NOUN     30%    an insect called time fly is fond of it
        VERB  NOUN   PREP  DET  NOUN     25%    measure the speed of flies as you would an arrow's

    Who names the most probable tag of each word on its own says NOUN (45%), NOUN (55%), PREP (70%):
    a sentence without a verb, which never occurs. Two taggers are trained on the same sentences,
    with the same bidirectional LSTM: one with a softmax for each word, one with a linear-chain
    conditional random field (CRF) on top, which knows what may follow what.

Equations (a CRF over C tags)
    e_t = V [f_t, b_t] + c      emissions: the LSTM's scores of all tags at word t
    s(y) = start[y_1] + e_1[y_1] + sum over t > 1 of T[y_(t-1), y_t] + e_t[y_t]
    p(y) = exp(s(y)) / Z,     Z = sum over all C^L sequences y of exp(s(y))
    loss = log Z - s(y)                            y: the tags of the training sentence

  the forward algorithm: log Z in L steps
    alpha_1 = start + e_1
    alpha_t[j] = log sum over i of exp(alpha_(t-1)[i] + T[i, j]) + e_t[j]
    log Z = log sum over j of exp(alpha_L[j])

  Viterbi's algorithm: the best y by the same steps, with the maximum in place of log sum exp, and a
  note of the i that gave it

Shapes (time first)
    words, tags        (L, N)       whole numbers, padded; lengths (N,)
    emissions          (L, N, C)
    start, transitions (C,), (C, C)  T[from, to]
    alpha              (N, C)       a sentence that has ended keeps its alpha: `torch.where`

What to look at
    - `log_partition` and `decode` (Viterbi) differ in one line. No gradient is written for either.
    - The gradient of log Z with respect to e_t[k] is the probability that word t has tag k, over
      all sequences: `marginals`. Backward through the forward algorithm *is* the
      forward-backward algorithm. `check` compares that, log Z and Viterbi's answer with all C^L
      sequences, one by one.
    - Both learn the same probabilities of single words (see the picture); only the answers differ.
      Of single words the softmax gets more right, of sentences the CRF does: each maximises what
      it was asked for. Of the ambiguous sentences no tagger can get more than 45%.
    - A chain knows pairs. ADJ NOUN and NOUN PREP both occur, so ADJ NOUN PREP, which has no verb,
      keeps a probability too (0.30 * 0.25 / 0.55 = 14%); see the last table.
    - The LSTM takes `lengths=`, so its backward direction starts at every sentence's last word.

What it prints
    The loss of both taggers as it falls; how they do on new sentences; whether the CRF agrees with
    counting all sequences; the probabilities of some readings of one sentence. PyTorch prints the
    same lines, with `minigrad` replaced by `torch` in the imports, and `lengths=` by
    pack_padded_sequence and pad_packed_sequence.

Sources: J. Lafferty, A. McCallum, F. Pereira, Conditional random fields, ICML 2001; Z. Huang,
W. Xu, K. Yu, Bidirectional LSTM-CRF models for sequence tagging, arXiv 1508.01991; J. Eisner,
Inside-outside and forward-backward algorithms are just backprop, 2016.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from itertools import product
from random import Random
from typing import Any

import minigrad as torch
from minigrad import nn, optim

TAGS = ["DET", "ADJ", "NOUN", "VERB", "PRON", "PREP", "ADV"]
THINGS = ["an arrow", "a banana", "the wind", "the paper"]
ADVERBS = ["", "today", "again", "now"]  # or none
AMBIGUOUS = [["time", "fruit", "paper"], ["flies", "swarms", "drops"], ["like"], THINGS, ADVERBS]
READINGS = {"NOUN VERB PREP DET NOUN": 0.45, "ADJ NOUN VERB DET NOUN": 0.30,
            "VERB NOUN PREP DET NOUN": 0.25}  # fmt: skip
PLAIN: list[tuple[str, list[list[str]]]] = [
    ("DET NOUN VERB", [["the", "that"], ["dog", "cat", "horse"], ["barks", "runs"], ADVERBS]),
    ("DET ADJ NOUN VERB", [["the"], ["old", "big"], ["dog", "cat"], ["barks", "runs"], ADVERBS]),
    ("PRON VERB DET NOUN", [["they", "we"], ["see", "like"], THINGS, ADVERBS]),
    ("PRON VERB PREP DET NOUN", [["they", "we"], ["look"], ["like", "near"], THINGS, ADVERBS]),
]  # fmt: skip
ARROW = ["time", "flies", "like", "an", "arrow"]


PLACES = [*AMBIGUOUS, *(place for _, places in PLAIN for place in places)]
VOCABULARY = sorted({word for place in PLACES for text in place for word in text.split()})


def draw_sentence(rng: Random) -> tuple[list[str], list[str]]:
    """Words and tags. Every second sentence is ambiguous."""
    if rng.random() < 0.5:
        (tags,), places = rng.choices(list(READINGS), list(READINGS.values())), AMBIGUOUS
    else:
        tags, places = rng.choice(PLAIN)
    words = " ".join(rng.choice(place) for place in places).split()
    answer = tags.split()
    return words, answer + ["ADV"] * (len(words) - len(answer))


def padded(rows: Sequence[list[str]], names: list[str]) -> Any:
    """(L, N): each row's places in `names`, one row a column, filled up with zeros."""
    columns = [torch.tensor([names.index(entry) for entry in row]) for row in rows]
    return nn.utils.rnn.pad_sequence(columns)


def words_of(sentences: Sequence[list[str]]) -> tuple[Any, list[int]]:
    """Words (L, N), and the lengths of the sentences."""
    return padded(sentences, VOCABULARY), [len(words) for words in sentences]


def mask_of(lengths: list[int], steps: int) -> Any:
    """(L, N): True where a sentence has a word."""
    return torch.arange(steps)[:, None] < torch.tensor(lengths)


class Tagger(nn.Module):
    """Embedding, bidirectional LSTM, the tags' scores at every word; a softmax for each of them."""

    def __init__(self, embedding_size: int, hidden_size: int) -> None:
        super().__init__()
        self.emb = nn.Embedding(len(VOCABULARY), embedding_size)
        self.lstm = nn.LSTM(embedding_size, hidden_size, bidirectional=True)
        self.fc = nn.Linear(2 * hidden_size, len(TAGS))

    def forward(self, words: Any, lengths: list[int]) -> Any:
        output, _ = self.lstm(self.emb(words), lengths=lengths)  # (L, N, 2 * H)
        return self.fc(output)  # (L, N, C)

    def log_probability(self, emissions: Any, tags: Any, lengths: list[int]) -> Any:
        """(N,): of each sentence's tags, as if they had nothing to do with each other."""
        each = emissions.log_softmax(2).gather(2, tags[:, :, None]).squeeze(2)  # (L, N)
        return (each * mask_of(lengths, len(tags))).sum(0)

    def decode(self, emissions: Any, lengths: list[int]) -> Any:
        """(L, N): the most probable tag of each word."""
        return emissions.argmax(2)

    def marginals(self, emissions: Any, lengths: list[int]) -> Any:
        """(L, N, C): the probabilities of each word's tags."""
        return emissions.softmax(2)


class CRFTagger(Tagger):
    """The same with a linear-chain CRF: scores for what comes first, and for what follows what."""

    def __init__(self, embedding_size: int, hidden_size: int) -> None:
        super().__init__(embedding_size, hidden_size)
        self.start = nn.Parameter(torch.zeros(len(TAGS)))
        self.transitions = nn.Parameter(torch.zeros(len(TAGS), len(TAGS)))

    def score(self, emissions: Any, tags: Any, lengths: list[int]) -> Any:
        """s(y), (N,)."""
        mask = mask_of(lengths, len(tags))
        at_words = emissions.gather(2, tags[:, :, None]).squeeze(2)  # (L, N)
        between = self.transitions[tags[:-1], tags[1:]]  # (L - 1, N)
        return self.start[tags[0]] + (at_words * mask).sum(0) + (between * mask[1:]).sum(0)

    def log_partition(self, emissions: Any, lengths: list[int]) -> Any:
        """log Z, (N,): the forward algorithm."""
        mask = mask_of(lengths, len(emissions))[:, :, None]
        alpha = self.start + emissions[0]  # (N, C)
        for t in range(1, len(emissions)):
            scores = alpha[:, :, None] + self.transitions  # (N, from, to)
            step = scores.logsumexp(1) + emissions[t]
            alpha = torch.where(mask[t], step, alpha)
        return alpha.logsumexp(1)

    def decode(self, emissions: Any, lengths: list[int]) -> Any:
        """(L, N): the most probable sequence of tags, by Viterbi's algorithm."""
        mask = mask_of(lengths, len(emissions))[:, :, None]
        best, origins = self.start + emissions[0], []  # (N, C)
        for t in range(1, len(emissions)):
            scores = best[:, :, None] + self.transitions  # (N, from, to)
            top, origin = scores.max(1)
            best = torch.where(mask[t], top + emissions[t], best)
            origins.append(torch.where(mask[t], origin, torch.arange(len(TAGS))))
        path = [best.argmax(1)]  # the last tag, (N,); from there back
        for origin in reversed(origins):
            path.append(origin.gather(1, path[-1][:, None]).squeeze(1))
        return torch.stack(path[::-1])

    def log_probability(self, emissions: Any, tags: Any, lengths: list[int]) -> Any:
        return self.score(emissions, tags, lengths) - self.log_partition(emissions, lengths)

    def marginals(self, emissions: Any, lengths: list[int]) -> Any:
        emissions = emissions.detach().requires_grad_()
        log_z = self.log_partition(emissions, lengths).sum()
        return torch.autograd.grad(log_z, emissions)[0]


def train(name: str, tagger: Tagger, options: argparse.Namespace) -> None:
    optimizer = optim.Adam(tagger.parameters(), lr=options.lr)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, options.steps)
    rng = Random(options.seed)  # both taggers read the same sentences
    losses = []
    for step in range(1, options.steps + 1):
        sentences, answers = zip(*(draw_sentence(rng) for _ in range(options.batch)), strict=True)
        words, lengths = words_of(sentences)
        tags = padded(answers, TAGS)
        optimizer.zero_grad()
        loss = -tagger.log_probability(tagger(words, lengths), tags, lengths).mean()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        if step == options.steps or step % max(1, options.steps // 4) == 0:
            print(f"{name:8} Step [{step}/{options.steps}] loss={sum(losses) / len(losses):.2f}")
            losses.clear()


def names_of(tags: Any, lengths: list[int]) -> list[list[str]]:
    """(L, N) numbers to lists of names."""
    return [[TAGS[k] for k in tags[:length, n].tolist()] for n, length in enumerate(lengths)]


def tag(tagger: Tagger, sentences: list[list[str]]) -> list[list[str]]:
    """The tags that a tagger gives."""
    words, lengths = words_of(sentences)
    with torch.no_grad():
        return names_of(tagger.decode(tagger(words, lengths), lengths), lengths)


def judge(taggers: dict[str, Tagger], sentences: int, seed: int) -> None:
    """How they do on sentences that are drawn anew."""
    rng = Random(seed)
    test = [draw_sentence(rng) for _ in range(sentences)]
    print("\nright, of       words   sentences   ambiguous ones     answers without a verb")
    for name, tagger in taggers.items():
        answers = tag(tagger, [words for words, _ in test])
        single, whole, ambiguous, verbless = [], [], [], 0
        for (words, tags), answer in zip(test, answers, strict=True):
            single += [a == b for a, b in zip(tags, answer, strict=True)]
            whole.append(tags == answer)
            if words[0] in AMBIGUOUS[0]:
                ambiguous.append(tags == answer)
            verbless += "VERB" not in answer
        shares = [f"{sum(right) / len(right):.0%}" for right in (single, whole, ambiguous)]
        print("{:12}{:>9}{:>12}{:>17}{:>25}".format(name, *shares, verbless))


def check(tagger: CRFTagger) -> bool:
    """Compare with all sequences of tags, for sentences of 3, 4 and 5 words in one batch."""
    sentences = ["the dog barks", "they see the wind", " ".join(ARROW)]
    words, lengths = words_of([text.split() for text in sentences])
    emissions = tagger(words, lengths).detach()
    log_z = tagger.log_partition(emissions, lengths)
    best, marginals = tagger.decode(emissions, lengths), tagger.marginals(emissions, lengths)
    good = []
    print("\nall sequences of      number     log Z   the same, and the best, and the marginals")
    for n, length in enumerate(lengths):
        every = torch.tensor(list(product(range(len(TAGS)), repeat=length))).T  # (length, C^length)
        e = emissions[:length, n : n + 1].expand(-1, every.shape[1], -1)
        scores = tagger.score(e, every, [length] * every.shape[1])  # (C^length,)
        p = (scores - scores.logsumexp(0)).exp()
        counted = torch.stack(
            [p @ nn.functional.one_hot(row, len(TAGS)).to(p.dtype) for row in every]
        )
        agree = [
            torch.allclose(scores.logsumexp(0), log_z[n], atol=1e-4),
            torch.equal(every[:, p.argmax()], best[:length, n]),
            torch.allclose(counted, marginals[:length, n], atol=1e-4),
        ]
        good += agree
        row = f"{length} words {every.shape[1]:20} {log_z[n].item():9.2f}"
        print("{}   {!s:8}  {!s:12}  {!s}".format(row, *agree))
    return all(good)


def compare_readings(taggers: dict[str, Tagger]) -> None:
    """What the taggers hold of the readings of one sentence."""
    words, lengths = words_of([ARROW])
    answers = [" ".join(tag(tagger, [ARROW])[0]) for tagger in taggers.values()]
    readings = [*READINGS, *answers, "ADJ NOUN PREP DET NOUN"]
    row = "".join(f"{word:6}" for word in ARROW)
    print(f"\n{row}in the data" + "".join(f"{name:>10}" for name in taggers))
    for reading in dict.fromkeys(readings):  # each once
        tags = padded([reading.split()], TAGS)
        shares = [READINGS.get(reading, 0.0)]
        for tagger in taggers.values():
            with torch.no_grad():
                emissions = tagger(words, lengths)
                shares.append(tagger.log_probability(emissions, tags, lengths).exp().item())
        row = "".join(f"{name:6}" for name in reading.split())
        print(f"{row}{shares[0]:11.0%}" + "".join(f"{share:10.0%}" for share in shares[1:]))


def plot(taggers: dict[str, Tagger], path: str) -> None:
    """Draw what both hold of each word, and the transitions; needs matplotlib."""
    try:
        from matplotlib.figure import Figure
        from matplotlib.patches import Rectangle
    except ImportError:
        print("no plot: matplotlib is not installed (pip install matplotlib)", file=sys.stderr)
        return
    figure = Figure(figsize=(12, 4), layout="constrained")
    panels = figure.subplots(1, len(taggers) + 1)
    words, lengths = words_of([ARROW])
    for axes, (name, tagger) in zip(panels, taggers.items(), strict=False):
        with torch.no_grad():
            emissions = tagger(words, lengths)
        answer = tagger.decode(emissions, lengths)[:, 0].tolist()
        shares = tagger.marginals(emissions, lengths)[:, 0].detach().numpy().T  # (C, L)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for k, t in zip(*(shares > 0.01).nonzero(), strict=True):
            color = "white" if shares[k, t] > 0.6 else "black"
            axes.text(t, k, f"{shares[k, t]:.0%}", color=color, ha="center", va="center")
        for t, k in enumerate(answer):
            axes.add_patch(Rectangle((t - 0.5, k - 0.5), 1, 1, fill=False, edgecolor="C3", lw=2))
        axes.set_xticks(range(len(ARROW)), ARROW)
        axes.set_yticks(range(len(TAGS)), TAGS)
        axes.set_title(f"{name}: probabilities, and the answer")
    table = taggers["CRF"].transitions.detach().numpy()
    limit = abs(table).max()
    axes = panels[-1]
    image = axes.imshow(table, cmap="RdBu_r", vmin=-limit, vmax=limit)
    axes.set_xticks(range(len(TAGS)), TAGS)
    axes.set_yticks(range(len(TAGS)), TAGS)
    axes.set(xlabel="to", ylabel="from", title="the CRF's transitions T")
    figure.colorbar(image, ax=axes)
    figure.savefig(path)


def run(options: argparse.Namespace) -> bool:
    torch.manual_seed(options.seed)
    plain = Tagger(options.embedding_size, options.hidden_size)
    crf = CRFTagger(options.embedding_size, options.hidden_size)
    crf.load_state_dict(plain.state_dict(), strict=False)  # both start alike
    taggers = {"softmax": plain, "CRF": crf}
    for name, tagger in taggers.items():
        train(name, tagger, options)
    judge(taggers, 1000, options.seed + 1)
    good = check(crf)
    compare_readings(taggers)
    if options.plot:
        plot(taggers, options.plot)
    return good


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
        help="N, the number of sentences that make one update (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--embedding-size", type=int, default=16,
        help="how many numbers stand for a word (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--hidden-size", type=int, default=16,
        help="H, the number of hidden units of each direction (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--lr", type=float, default=0.02, help="the learning rate of Adam (default: %(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="of weights and sentences (default: %(default)s)"
    )
    parser.add_argument(
        "--plot", metavar="FILE", default="",
        help="also draw the probabilities into this file, with matplotlib (default: no plot)",
    )  # fmt: skip
    options = parser.parse_args(argv)
    if min(options.steps, options.batch, options.embedding_size, options.hidden_size) < 1:
        parser.error("--steps, --batch, --embedding-size and --hidden-size must be at least 1")
    if not options.lr > 0:
        parser.error("--lr must be above 0")
    if not run(options):
        sys.exit(1)


if __name__ == "__main__":
    main()
