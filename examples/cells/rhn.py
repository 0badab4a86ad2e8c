"""RHN, a recurrent highway network: several layers from one step to the next.

    s_0 = h
    h_l = tanh(W_H x + R_Hl s_(l-1) + b_Hl)             W x in the first layer only
    t_l = sigmoid(W_T x + R_Tl s_(l-1) + b_Tl)
    s_l = h_l * t_l + s_(l-1) * (1 - t_l)
    h'  = the last s_l

J. G. Zilly and others, "Recurrent highway networks", arXiv 1607.03474.
"""

from minigrad import nn


class RHN(nn.Module):
    def __init__(self, input_size, hidden_size, depth=3):
        super().__init__()
        self.W = nn.Linear(input_size, 2 * hidden_size, bias=False)
        self.R = nn.ModuleList([nn.Linear(hidden_size, 2 * hidden_size) for _ in range(depth)])

    def forward(self, x, s):
        for layer, R in enumerate(self.R):
            new, t = (R(s) if layer else R(s) + self.W(x)).chunk(2, 1)
            t = t.sigmoid()
            s = new.tanh() * t + s * (1 - t)
        return s
