"""MinimalRNN: the state is a running mean of what the input is mapped to.

    z  = tanh(W x + b_z)
    u  = sigmoid(U_h h + U_z z + b_u)
    h' = u * h + (1 - u) * z

M. Chen, "MinimalRNN: toward more interpretable and trainable recurrent neural networks",
arXiv 1711.06788.
"""

import minigrad as torch
from minigrad import nn


class MinimalRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.map = nn.Linear(input_size, hidden_size)
        self.update = nn.Linear(2 * hidden_size, hidden_size)

    def forward(self, x, h):
        z = self.map(x).tanh()
        u = self.update(torch.cat([h, z], 1)).sigmoid()
        return u * h + (1 - u) * z
