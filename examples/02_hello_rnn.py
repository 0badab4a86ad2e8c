"""Read "hello", answer "ohlol", again: `nn.RNN` takes the whole sequence at once.

What is trained
    The network of example 01, on the same word. There the loop over time stood in the script; here
    the layer has it. One call reads all L letters and returns the hidden states of all steps.

        step t        0  1  2  3  4
        input  x_t    h  e  l  l  o
        target y_t    o  h  l  o  l

Equations and shapes
    h_0 = 0
    h_t = tanh(W_ih x_t + b_ih + W_hh h_(t-1) + b_hh)       for t = 1 ... L, inside the layer

    input      (L, N, I) = (5, 1, 4)      time first, then the batch, then the one-hot letter
    output     (L, N, H) = (5, 1, H)      h_1 ... h_L of the last layer
    h_n        (num_layers, N, H)         the last state of every layer; not used here
    logits     (L * N, C) = (5, 4)        every step is one sample for the loss
    labels     (L * N,)   = (5,)

    With several layers, layer k + 1 reads the states of layer k as its inputs. With H = 4 the
    states of the last layer are the logits; with any other H a linear layer makes them.

What to look at
    - `view(-1, 4)` lays time and batch into one axis. The cross entropy treats the letters of a
      sequence like the samples of a batch: it only needs pairs of logits and class.
    - The loss is the *mean* over the five letters, example 01 prints their *sum*. The weights are
      the same, so the first line here shows a fifth of the first line there: 5 * 1.2906 = 6.4530.
      The later lines agree just as well, because Adam does not care how its gradients are scaled.
    - One call instead of five: W_ih x_t does not wait for the step before, so the layer computes
      it for all t in one matrix product. Only the product with W_hh has to go step by step.

What it prints
    A line for each epoch: the answer given, the number of the epoch, the loss before its update.
    With the same seed PyTorch prints the same lines: replace `minigrad` by `torch` in the two
    imports, as `import torch` and `from torch import nn, optim`.
"""

from __future__ import annotations

import argparse
from typing import Any

import minigrad as torch
from minigrad import nn, optim

idx2char = ["e", "h", "l", "o"]
x_data = [1, 0, 2, 2, 3]  # hello
y_data = [3, 1, 2, 3, 2]  # ohlol
num_classes = len(idx2char)


class Model(nn.Module):
    """A recurrent layer, and a linear one where its states cannot serve as the logits."""

    def __init__(self, hidden_size: int, num_layers: int) -> None:
        super().__init__()
        self.rnn = nn.RNN(input_size=4, hidden_size=hidden_size, num_layers=num_layers)
        same_size = hidden_size == num_classes
        self.to_logits = nn.Identity() if same_size else nn.Linear(hidden_size, num_classes)

    def forward(self, x: Any) -> Any:
        output, _ = self.rnn(x)  # (L, N, H); without an initial state it starts from zeros
        return self.to_logits(output).view(-1, num_classes)  # (L * N, C)


def train(epochs: int, seed: int, hidden_size: int, num_layers: int, lr: float) -> None:
    inputs = torch.eye(4)[x_data].view(-1, 1, 4)  # rows of the unit matrix are one-hot: (L, N, I)
    labels = torch.tensor(y_data)  # (L * N,)

    torch.manual_seed(seed)
    net = Model(hidden_size, num_layers)
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.Adam(net.parameters(), lr=lr)

    for epoch in range(epochs):
        optimizer.zero_grad()
        logits = net(inputs)
        loss = criterion(logits, labels)
        loss.backward()
        optimizer.step()
        answer = "".join(idx2char[i] for i in logits.argmax(dim=1))
        print(f"Predicted string:{answer}, Epoch [{epoch + 1}/{epochs}] loss={loss.item():.4f}")


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--epochs", type=int, default=15,
        help="how often the word is read and the weights are updated (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, default=3,
        help="of the random initial weights; the same seed prints the same lines "
        "(default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--hidden-size", type=int, default=4,
        help="H, the number of hidden units of each layer; if it is not 4, a linear layer makes "
        "the logits (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--num-layers", type=int, default=1,
        help="how many recurrent layers are stacked (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--lr", type=float, default=0.1,
        help="the learning rate of Adam: about how far a weight moves in one update "
        "(default: %(default)s)",
    )  # fmt: skip
    options = parser.parse_args(argv)
    if min(options.epochs, options.hidden_size, options.num_layers) < 1:
        parser.error("--epochs, --hidden-size and --num-layers must be at least 1")
    if not options.lr > 0:
        parser.error("--lr must be above 0")
    train(options.epochs, options.seed, options.hidden_size, options.num_layers, options.lr)


if __name__ == "__main__":
    main()
