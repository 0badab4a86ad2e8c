"""LSTM with coupled gates: what is forgotten makes room for what is written, i = 1 - f.

    f, o = sigmoid(W x + U h + b)
    c'   = f * c + (1 - f) * tanh(W_g x + U_g h + b_g)
    h'   = o * tanh(c')

"CIFG" in K. Greff and others, "LSTM: a search space odyssey", arXiv 1503.04069.
"""

import minigrad as torch
from minigrad import nn


class CoupledLSTM(nn.Module):
    states = ("h", "c")

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.gates = nn.Linear(input_size + hidden_size, 3 * hidden_size)

    def forward(self, x, state):
        h, c = state
        f, o, g = self.gates(torch.cat([x, h], 1)).chunk(3, 1)
        f = f.sigmoid()
        c = f * c + (1 - f) * g.tanh()
        return o.sigmoid() * c.tanh(), c
