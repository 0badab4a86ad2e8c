"""Read "hello", answer "ohlol", with learnt letters: Embedding -> RNN -> Linear.

What is trained
    The task of examples 01 and 02 with the parts that real language models are made of. A letter
    is no longer a fixed one-hot vector: it is a row of a table, and the table is trained along.

        step t        0  1  2  3  4
        input  x_t    h  e  l  l  o
        target y_t    o  h  l  o  l

Equations
    e_t = E[x_t]                                                 the letter's row of the table
    h_t = tanh(W_ih e_t + b_ih + W_hh h_(t-1) + b_hh)            layer 0; layer 1 reads its states
    o_t = V h_t + c                                              logits from the last layer's state
    L   = - mean over t of log softmax(o_t)[y_t]

Shapes (`batch_first=True`: the batch is the first axis, as most data is stored)
    inputs     (N, L)    = (1, 5)       whole numbers, the letters' places in idx2char
    embedded   (N, L, E) = (1, 5, 10)   table E: (4, 10)
    output     (N, L, H) = (1, 5, 8)
    logits     (N, L, C) = (1, 5, 4), for the loss (N * L, C) = (5, 4)

What to look at
    - Multiplying a one-hot vector by a matrix picks a row of that matrix. So an embedding is a
      linear layer fed with one-hot vectors, without the multiplications by zero.
    - Only rows in use get a gradient. "l" occurs twice: its row gets the sum of two gradients.
    - The linear layer at the end frees the logits from the range of tanh: the loss goes towards 0
      here, while it cannot in example 01.
    - `batch_first` concerns inputs and outputs only. The states are (num_layers, N, H) regardless.

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
x_data = [[1, 0, 2, 2, 3]]  # hello, (N, L)
y_data = [[3, 1, 2, 3, 2]]  # ohlol, (N, L)
num_classes = len(idx2char)


class Model(nn.Module):
    """A table of letters, recurrent layers, and a linear layer for the logits."""

    def __init__(self, embedding_size: int, hidden_size: int, num_layers: int) -> None:
        super().__init__()
        self.emb = nn.Embedding(num_classes, embedding_size)
        self.rnn = nn.RNN(embedding_size, hidden_size, num_layers=num_layers, batch_first=True)
        self.fc = nn.Linear(hidden_size, num_classes)

    def forward(self, x: Any) -> Any:
        x = self.emb(x)  # (N, L) -> (N, L, E)
        x, _ = self.rnn(x)  # (N, L, H)
        return self.fc(x).view(-1, num_classes)  # (N * L, C)


def train(
    epochs: int, seed: int, embedding_size: int, hidden_size: int, num_layers: int, lr: float
) -> None:
    inputs = torch.tensor(x_data)  # (N, L)
    labels = torch.tensor(y_data).view(-1)  # (N * L,)

    torch.manual_seed(seed)
    net = Model(embedding_size, hidden_size, num_layers)
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
        "--embedding-size", type=int, default=10,
        help="E, how many numbers stand for a letter (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--hidden-size", type=int, default=8,
        help="H, the number of hidden units of each layer (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--num-layers", type=int, default=2,
        help="how many recurrent layers are stacked (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--lr", type=float, default=0.05,
        help="the learning rate of Adam: about how far a weight moves in one update "
        "(default: %(default)s)",
    )  # fmt: skip
    options = parser.parse_args(argv)
    sizes = (options.embedding_size, options.hidden_size, options.num_layers)
    if min(options.epochs, *sizes) < 1:
        parser.error("--epochs, --embedding-size, --hidden-size, --num-layers must be at least 1")
    if not options.lr > 0:
        parser.error("--lr must be above 0")
    train(options.epochs, options.seed, *sizes, options.lr)


if __name__ == "__main__":
    main()
