"""Read "hello", answer "ohlol": a recurrent cell, stepped by hand.

What is trained
    A simple recurrent network reads one letter per step and names one letter in return:

        step t        0  1  2  3  4
        input  x_t    h  e  l  l  o
        target y_t    o  h  l  o  l

    The second "l" asks for another answer than the first one. No table from letters to letters
    can do that: the network has to remember what it read before, in its hidden state h_t.

Equations, and the shapes of one step
    h_0 = 0                                             (N, H) = (1, H)
    h_t = tanh(W_ih x_t + b_ih + W_hh h_(t-1) + b_hh)   (N, H);  W_ih (H, 4), W_hh (H, H), b (H,)
    p_t = softmax(h_t)                                  (N, 4)   the chance of each letter
    L   = - sum over t of log p_t[y_t]                  ()       cross entropy, summed over time

    x_t is one-hot, (N, 4): 1 at the letter's number, 0 elsewhere. With hidden size H = 4 the hidden
    state itself is taken as the four logits; with any other H a linear layer makes logits from it.

What to look at
    - The loop over time is an ordinary Python loop: `nn.RNNCell` is one step and no more. Example
      02 gives the same work to `nn.RNN`, which takes all steps at once.
    - `loss += ...` adds five losses into one graph. `loss.backward()` then walks it back through
      all five steps (back-propagation through time; example 04 does that by hand).
    - A tanh lies between -1 and 1. The best that logits in this range can say is 1 for the right
      letter and -1 for the others, so the loss stays above 5 log(1 + 3 exp(-2)) = 1.70, however
      long the training. Try `--epochs 500`, then `--epochs 500 --hidden-size 8`: no such floor.

What it prints
    A line for each epoch: the answer given, the number of the epoch, the loss before its update.
    With the same seed PyTorch prints the same lines: replace `minigrad` by `torch` in the two
    imports, as `import torch` and `from torch import nn, optim`.

    One line is a borderline case: the last loss is 2.239950 to seven digits, so float32 rounding
    decides between 2.2399 and 2.2400. minigrad and PyTorch print one or the other, depending on the
    instructions that their kernels use.
"""

from __future__ import annotations

import argparse
from typing import Any

import minigrad as torch
from minigrad import nn, optim

idx2char = ["e", "h", "l", "o"]
x_data = [1, 0, 2, 2, 3]  # hello
y_data = [3, 1, 2, 3, 2]  # ohlol
one_hot = [
    [1, 0, 0, 0],
    [0, 1, 0, 0],
    [0, 0, 1, 0],
    [0, 0, 0, 1],
]


class Model(nn.Module):
    """A recurrent cell, and a linear layer where its state cannot serve as the logits."""

    def __init__(self, input_size: int, hidden_size: int, num_classes: int) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.rnncell = nn.RNNCell(input_size=input_size, hidden_size=hidden_size)
        same_size = hidden_size == num_classes
        self.to_logits = nn.Identity() if same_size else nn.Linear(hidden_size, num_classes)

    def forward(self, x: Any, hidden: Any) -> tuple[Any, Any]:
        hidden = self.rnncell(x, hidden)  # (N, H)
        return self.to_logits(hidden), hidden  # (N, 4), (N, H)

    def init_hidden(self, batch_size: int) -> Any:
        return torch.zeros(batch_size, self.hidden_size)


def train(epochs: int, seed: int, hidden_size: int, lr: float) -> None:
    inputs = torch.Tensor([one_hot[i] for i in x_data]).view(-1, 1, 4)  # (L, N, I) = (5, 1, 4)
    labels = torch.tensor(y_data).view(-1, 1)  # (L, N) = (5, 1)

    torch.manual_seed(seed)  # before the model is made: its weights are drawn then
    net = Model(input_size=4, hidden_size=hidden_size, num_classes=4)
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.Adam(net.parameters(), lr=lr)

    for epoch in range(epochs):
        loss: Any = 0
        optimizer.zero_grad()
        hidden = net.init_hidden(batch_size=1)
        print("Predicted string:", end="")
        for x, label in zip(inputs, labels, strict=True):  # (N, I), (N,)
            logits, hidden = net(x, hidden)
            loss += criterion(logits, label)
            _, idx = logits.max(dim=1)
            print(idx2char[idx.item()], end="")
        loss.backward()
        optimizer.step()
        print(f", Epoch [{epoch + 1}/{epochs}] loss={loss.item():.4f}")


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
        help="H, the number of hidden units; if it is not 4, a linear layer makes the logits "
        "(default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--lr", type=float, default=0.1,
        help="the learning rate of Adam: about how far a weight moves in one update "
        "(default: %(default)s)",
    )  # fmt: skip
    options = parser.parse_args(argv)
    if min(options.epochs, options.hidden_size) < 1:
        parser.error("--epochs and --hidden-size must be at least 1")
    if not options.lr > 0:
        parser.error("--lr must be above 0")
    train(options.epochs, options.seed, options.hidden_size, options.lr)


if __name__ == "__main__":
    main()
