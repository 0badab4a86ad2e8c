"""nBRC, a neuromodulated bistable cell: a unit can hold one of two values for as long as it likes.

    a  = 1 + tanh(U_a x + W_a h)                where a > 1, a unit has two stable values
    c  = sigmoid(U_c x + W_c h)
    h' = c * h + (1 - c) * tanh(U x + a * h)

N. Vecoven, D. Ernst, G. Drion, "A bio-inspired bistable recurrent cell allows for long-lasting
memory", arXiv 2006.05252.
"""

from minigrad import nn


class NBRC(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.U = nn.Linear(input_size, 3 * hidden_size)
        self.W = nn.Linear(hidden_size, 2 * hidden_size, bias=False)

    def forward(self, x, h):
        a_x, c_x, new = self.U(x).chunk(3, 1)
        a_h, c_h = self.W(h).chunk(2, 1)
        a, c = 1 + (a_x + a_h).tanh(), (c_x + c_h).sigmoid()
        return c * h + (1 - c) * (new + a * h).tanh()
