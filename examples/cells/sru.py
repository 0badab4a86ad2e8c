"""SRU, the simple recurrent unit: no matrix is multiplied with the state, so that steps are cheap.

    f  = sigmoid(W_f x + v_f * c + b_f)         forget gate
    r  = sigmoid(W_r x + v_r * c + b_r)         reset gate
    c' = f * c + (1 - f) * (W x)
    h  = r * c' + (1 - r) * (W_h x)             a highway past the state

The paper has x instead of W_h x where the sizes are equal.
T. Lei and others, "Simple recurrent units for highly parallelizable recurrence", arXiv 1709.02755.
"""

import minigrad as torch
from minigrad import nn


class SRU(nn.Module):
    states = ("c",)

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.inner = nn.Linear(input_size, 4 * hidden_size)
        self.v = nn.Parameter(torch.empty(2, hidden_size).uniform_(-0.1, 0.1))

    def forward(self, x, c):
        f, r, new, past = self.inner(x).chunk(4, 1)
        v_f, v_r = self.v
        f, r = (f + v_f * c).sigmoid(), (r + v_r * c).sigmoid()
        c = f * c + (1 - f) * new
        return r * c + (1 - r) * past, c
