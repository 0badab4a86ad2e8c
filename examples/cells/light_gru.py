"""Light GRU: no reset gate, and ReLU instead of tanh.

    z  = sigmoid(W_z x + U_z h + b_z)
    h' = z * h + (1 - z) * relu(W x + U h + b)

The paper normalises W_z x and W x over the batch, which would let sequences depend on each other;
here they have biases instead.
M. Ravanelli and others, "Light gated recurrent units for speech recognition", arXiv 1803.10225.
"""

from minigrad import nn


class LightGRU(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.W = nn.Linear(input_size, 2 * hidden_size)
        self.U = nn.Linear(hidden_size, 2 * hidden_size, bias=False)

    def forward(self, x, h):
        z, new = (self.W(x) + self.U(h)).chunk(2, 1)
        z = z.sigmoid()
        return z * h + (1 - z) * new.relu()
