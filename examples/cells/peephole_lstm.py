"""LSTM with peepholes: the gates see the memory cell itself.

    i  = sigmoid(W_i x + U_i h + p_i * c + b_i)     input gate
    f  = sigmoid(W_f x + U_f h + p_f * c + b_f)     forget gate
    c' = f * c + i * tanh(W_g x + U_g h + b_g)
    o  = sigmoid(W_o x + U_o h + p_o * c' + b_o)    output gate: it sees the new cell
    h' = o * tanh(c')

F. A. Gers, J. Schmidhuber, "Recurrent nets that time and count", IJCNN 2000.
"""

import minigrad as torch
from minigrad import nn


class PeepholeLSTM(nn.Module):
    states = ("h", "c")

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.gates = nn.Linear(input_size + hidden_size, 4 * hidden_size)
        self.peepholes = nn.Parameter(torch.empty(3, hidden_size).uniform_(-0.1, 0.1))

    def forward(self, x, state):
        h, c = state
        i, f, g, o = self.gates(torch.cat([x, h], 1)).chunk(4, 1)
        p_i, p_f, p_o = self.peepholes
        c = (f + p_f * c).sigmoid() * c + (i + p_i * c).sigmoid() * g.tanh()
        return (o + p_o * c).sigmoid() * c.tanh(), c
