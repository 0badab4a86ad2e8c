"""Fast weights: a matrix that remembers the recent states, and draws the new one towards them.

    A'  = decay A + rate h h^T                          for each sequence its own
    h_0 = relu(W h + C x)
    h_k = relu(LayerNorm(W h + C x + A' h_(k-1)))       k = 1 ... inner steps
    h'  = the last h_k

J. Ba and others, "Using fast weights to attend to the recent past", arXiv 1610.06258.
"""

from minigrad import nn


class FastWeights(nn.Module):
    def __init__(self, input_size, hidden_size, inner=1, decay=0.95, rate=0.5):
        super().__init__()
        self.states = {"hidden": hidden_size, "A": (hidden_size, hidden_size)}
        self.inner, self.decay, self.rate = inner, decay, rate
        self.W = nn.Linear(hidden_size, hidden_size, bias=False)
        self.C = nn.Linear(input_size, hidden_size)
        self.norm = nn.LayerNorm(hidden_size)

    def forward(self, x, state):
        h, A = state
        A = self.decay * A + self.rate * h.unsqueeze(2) * h.unsqueeze(1)  # (N, H, H)
        slow = self.W(h) + self.C(x)
        h = slow.relu()
        for _ in range(self.inner):
            h = self.norm(slow + (A @ h.unsqueeze(2)).squeeze(2)).relu()
        return h, (h, A)
