"""UGRNN, an update-gate network: as simple as a gated network can be.

    g  = sigmoid(W_g x + U_g h + b_g)
    h' = g * h + (1 - g) * tanh(W x + U h + b)

J. Collins, J. Sohl-Dickstein, D. Sussillo, "Capacity and trainability in recurrent neural
networks", arXiv 1611.09913.
"""

import minigrad as torch
from minigrad import nn


class UGRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.inner = nn.Linear(input_size + hidden_size, 2 * hidden_size)

    def forward(self, x, h):
        g, new = self.inner(torch.cat([x, h], 1)).chunk(2, 1)
        g = g.sigmoid()
        return g * h + (1 - g) * new.tanh()
