"""LMU, the Legendre memory unit: a memory that is the recent past, as a polynomial of its time.

    u  = e_x x + e_h h + e_m m                  one number
    m' = m + (A m + B u) / theta                theta steps are remembered, by d coefficients
    h' = tanh(W_x x + W_h h + W_m m')

    A_ij = (2i + 1) (-1 if i < j else (-1)^(i-j+1)),  B_i = (2i + 1) (-1)^i,  i, j = 0 ... d - 1

A and B are no parameters, and Euler's step is exact enough for d^2 well below theta.
A. R. Voelker, I. Kajic, C. Eliasmith, "Legendre memory units: continuous-time representation in
recurrent neural networks", NeurIPS 2019.
"""

import minigrad as torch
from minigrad import nn


class LMU(nn.Module):
    def __init__(self, input_size, hidden_size, order=4, theta=64.0):
        super().__init__()
        self.states, self.theta = {"hidden": hidden_size, "memory": order}, theta
        i, j = torch.arange(order).float().unsqueeze(1), torch.arange(order).float()
        sign = torch.where(i < j, -1.0, 1 - 2 * ((i - j + 1) % 2))  # (-1)^k is 1 - 2 (k mod 2)
        self.register_buffer("A", (2 * i + 1) * sign)  # (d, d)
        self.register_buffer("B", (2 * j + 1) * (1 - 2 * (j % 2)))  # (d,)
        self.read = nn.Linear(input_size + hidden_size + order, 1, bias=False)
        self.inner = nn.Linear(input_size + hidden_size + order, hidden_size)

    def forward(self, x, state):
        h, m = state
        u = self.read(torch.cat([x, h, m], 1))  # (N, 1)
        m = m + (m @ self.A.T + u * self.B) / self.theta
        h = self.inner(torch.cat([x, h, m], 1)).tanh()
        return h, (h, m)
