"""Which part of speech is it? A tagger that reads sentences in both directions.

What is trained
    Every word of a sentence gets a tag: determiner, adjective, noun, verb, pronoun, adverb. In the
    small English used here some words can be two things, and only what *follows* tells which:

        the  old  man  sleeps             the  old   man   the  boat
        DET  ADJ  NOUN VERB               DET  NOUN  VERB  DET  NOUN     (old people run the boat)

        that dog  barks      that barks         they feed her dogs      they feed her
        DET  NOUN VERB       PRON VERB          PRON VERB DET NOUN      PRON VERB PRON

    A network that reads from left to right has to name a tag before it knows, and can only guess.
    One that also reads from right to left knows both sides of each word. Both are trained here.

Equations
    e_t = E[word_t]                                           the word's row of a table
    f_t = LSTM(e_t, f_(t-1))     for t = 1 ... length         forward direction
    b_t = LSTM'(e_t, b_(t+1))    for t = length ... 1         backward, with weights of its own
    o_t = V [f_t, b_t] + c                                    logits of the tags
    L   = - mean over all words of log softmax(o_t)[tag_t]

Shapes (time first; D = 2 directions)
    words    (L, N)          whole numbers; sentences shorter than L are filled up with padding
    tags     (L, N)          the padding's tag is -100, which the loss passes over (ignore_index)
    lengths  (N,)            how many words each sentence has
    output   (L, N, D * H)   the two directions of a step side by side
    h_n      (D, N, H)       the last state of each direction

What to look at
    - `lengths=lengths` lets every sentence end where it ends: the backward direction starts at
      its last word, not in the padding. (In PyTorch: pack_padded_sequence and pad_packed_sequence,
      which minigrad has as well.)
    - `output.unflatten(-1, (2, H))` gives the directions names: [:, :, 0] is forward, [:, :, 1]
      backward. The two "last" states are at opposite ends of the sentence: h_n[0] is the forward
      state after the last word, h_n[1] the backward one after the first word. The script checks it.
    - `output[-1]` is a popular mistake. For a short sentence it is padding, and the backward half
      of a sentence's last step has seen one word only.
    - Accuracy is counted for all words and for the ambiguous ones alone. The forward tagger
      cannot do better on these than know which of two readings is the more frequent.

What it prints
    For either tagger the loss as it falls, and its accuracy on sentences that were not trained on;
    then three sentences with the tags of both; then where the states of each direction lie.
"""

from __future__ import annotations

import argparse
from itertools import product
from typing import Any

import minigrad as torch
from minigrad import nn, optim

Sentence = list[tuple[str, str]]  # words and their tags

TAGS = ["DET", "ADJ", "NOUN", "VERB", "PRON", "ADV"]
IGNORED = -100  # the tag of padding; what nn.CrossEntropyLoss passes over by default

PEOPLE = ["old", "young", "rich", "poor", "brave"]  # adjectives, or nouns: the old
MEN = ["man", "crew", "staff"]  # nouns, or verbs: to man a boat
THINGS = ["boat", "ship", "fort", "bridge"]
INTRANSITIVE = ["sleeps", "sings", "swims"]
ANIMALS = ["dog", "cat", "horse"]
NOISES = ["barks", "runs", "eats"]
HERDS = ["dogs", "cats", "horses"]
CARES = ["feed", "wash", "see", "like"]
ADVERBS = ["", "today", "again", "loudly"]  # or none
AMBIGUOUS = {*PEOPLE, *MEN, "that", "her"}


def corpus() -> list[Sentence]:
    """All sentences of the small English."""
    patterns: list[tuple[str, list[list[str]]]] = [
        ("DET ADJ NOUN VERB ADV", [["the"], PEOPLE, MEN, INTRANSITIVE, ADVERBS]),
        ("DET NOUN VERB DET NOUN ADV", [["the"], PEOPLE, MEN, ["the"], THINGS, ADVERBS]),
        ("DET NOUN VERB ADV", [["that"], ANIMALS, NOISES, ADVERBS]),
        ("PRON VERB ADV", [["that"], NOISES, ADVERBS]),
        ("PRON VERB DET NOUN ADV", [["they", "we"], CARES, ["her"], HERDS, ADVERBS]),
        ("PRON VERB PRON ADV", [["they", "we"], CARES, ["her"], ADVERBS]),
    ]
    sentences = []
    for tags, words in patterns:
        for choice in product(*words):
            pairs = zip(choice, tags.split(), strict=True)
            sentences.append([(word, tag) for word, tag in pairs if word])
    return sentences


VOCABULARY = sorted({word for sentence in corpus() for word, _ in sentence})


def batch_of(sentences: list[Sentence]) -> tuple[Any, Any, list[int]]:
    """Words (L, N) and tags (L, N), padded, and the lengths of the sentences."""
    lengths = [len(sentence) for sentence in sentences]
    words = torch.zeros(max(lengths), len(sentences), dtype=torch.int64)  # any word is good padding
    tags = torch.full_like(words, IGNORED)
    for n, sentence in enumerate(sentences):
        words[: lengths[n], n] = torch.tensor([VOCABULARY.index(word) for word, _ in sentence])
        tags[: lengths[n], n] = torch.tensor([TAGS.index(tag) for _, tag in sentence])
    return words, tags, lengths


class Tagger(nn.Module):
    """Embedding, LSTM in one direction or both, logits of the tags at every word."""

    def __init__(self, embedding_size: int, hidden_size: int, bidirectional: bool) -> None:
        super().__init__()
        self.emb = nn.Embedding(len(VOCABULARY), embedding_size)
        self.lstm = nn.LSTM(embedding_size, hidden_size, bidirectional=bidirectional)
        self.fc = nn.Linear((2 if bidirectional else 1) * hidden_size, len(TAGS))

    def forward(self, words: Any, lengths: list[int]) -> Any:
        output, _ = self.lstm(self.emb(words), lengths=lengths)  # (L, N, D * H)
        return self.fc(output)  # (L, N, C)


def train(tagger: Tagger, sentences: list[Sentence], epochs: int, lr: float) -> None:
    words, tags, lengths = batch_of(sentences)
    criterion = nn.CrossEntropyLoss(ignore_index=IGNORED)
    optimizer = optim.Adam(tagger.parameters(), lr=lr)
    for epoch in range(1, epochs + 1):
        optimizer.zero_grad()
        logits = tagger(words, lengths)
        loss = criterion(logits.view(-1, len(TAGS)), tags.view(-1))  # (L * N, C) and (L * N,)
        loss.backward()
        optimizer.step()
        if epoch == epochs or epoch % max(1, epochs // 4) == 0:
            print(f"  Epoch [{epoch}/{epochs}] loss={loss.item():.4f}")


def tag(tagger: Tagger, sentences: list[Sentence]) -> list[list[str]]:
    """The tags that a tagger gives."""
    words, _, lengths = batch_of(sentences)
    with torch.no_grad():
        best = tagger(words, lengths).argmax(dim=2)  # (L, N)
    return [
        [TAGS[number] for number in best[:length, n].tolist()] for n, length in enumerate(lengths)
    ]


def accuracy(tagger: Tagger, sentences: list[Sentence]) -> tuple[float, float]:
    """The share of right tags, among all words and among the ambiguous ones."""
    right: dict[bool, list[bool]] = {False: [], True: []}
    for sentence, answer in zip(sentences, tag(tagger, sentences), strict=True):
        for (word, expected), got in zip(sentence, answer, strict=True):
            right[word in AMBIGUOUS].append(got == expected)
    both = right[False] + right[True]
    return sum(both) / len(both), sum(right[True]) / len(right[True])


def show_tags(taggers: dict[str, Tagger], sentences: list[Sentence]) -> None:
    answers = {name: tag(tagger, sentences) for name, tagger in taggers.items()}
    for n, sentence in enumerate(sentences):
        print("\n" + " " * 13 + "".join(f"{word:8}" for word, _ in sentence).rstrip())
        for name in taggers:
            marks = [
                got if got == expected else f"{got}?"
                for got, (_, expected) in zip(answers[name][n], sentence, strict=True)
            ]
            print(f"{name:13}" + "".join(f"{mark:8}" for mark in marks).rstrip())


def show_directions(tagger: Tagger, sentences: list[Sentence]) -> None:
    """Where the states of each direction lie in output and h_n."""
    words, _, lengths = batch_of(sentences)
    with torch.no_grad():
        output, (h_n, _) = tagger.lstm(tagger.emb(words), lengths=lengths)
    directions = output.unflatten(-1, (2, tagger.lstm.hidden_size))  # (L, N, 2, H)
    forward, backward = directions.unbind(dim=2)  # each (L, N, H)
    each = torch.arange(len(lengths))
    last = torch.tensor(lengths) - 1  # every sentence's last word
    print(f"\noutput {tuple(output.shape)} -> directions {tuple(directions.shape)}")
    print("h_n[0] is forward[last word]:  ", torch.equal(h_n[0], forward[last, each]))
    print("h_n[1] is backward[first word]:", torch.equal(h_n[1], backward[0]))


def run(options: argparse.Namespace) -> None:
    torch.manual_seed(options.seed)
    sentences = corpus()
    order = torch.randperm(len(sentences)).tolist()
    held_out = len(sentences) // 4
    test = [sentences[k] for k in order[:held_out]]
    training = [sentences[k] for k in order[held_out:]]
    print(f"{len(training)} sentences to train on, {len(test)} to test, {len(VOCABULARY)} words")
    taggers = {}
    for name, bidirectional in (("forward", False), ("bidirectional", True)):
        print(f"\n{name} LSTM")
        taggers[name] = Tagger(options.embedding_size, options.hidden_size, bidirectional)
        train(taggers[name], training, options.epochs, options.lr)
        everywhere, ambiguous = accuracy(taggers[name], test)
        print(f"  right tags {everywhere:.1%}, of ambiguous words {ambiguous:.1%}")
    texts = ("the old man sleeps", "the old man the boat", "that barks today")
    shown = [s for text in texts for s in sentences if " ".join(word for word, _ in s) == text]
    show_tags({name.replace("bidirectional", "both ways"): t for name, t in taggers.items()}, shown)
    show_directions(taggers["bidirectional"], shown)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--epochs", type=int, default=60,
        help="how often all sentences are read and the weights are updated (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, default=0,
        help="of the weights, and of which sentences are held out (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--embedding-size", type=int, default=8,
        help="the length of a word's row in the table (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--hidden-size", type=int, default=16,
        help="H, the number of hidden units of each direction (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--lr", type=float, default=0.02, help="the learning rate of Adam (default: %(default)s)"
    )
    options = parser.parse_args(argv)
    if min(options.epochs, options.embedding_size, options.hidden_size) < 1:
        parser.error("--epochs, --embedding-size and --hidden-size must be at least 1")
    if not options.lr > 0:
        parser.error("--lr must be above 0")
    run(options)


if __name__ == "__main__":
    main()
