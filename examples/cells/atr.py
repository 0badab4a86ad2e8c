"""ATR, a network of additions and subtractions: both gates from the same two products.

    p, q = W x, U h
    i    = sigmoid(p + q)
    f    = sigmoid(p - q)
    h'   = i * p + f * h

B. Zhang and others, "Simplifying neural machine translation with addition-subtraction twin-gated
recurrent networks", arXiv 1810.12546.
"""

from minigrad import nn


class ATR(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.W = nn.Linear(input_size, hidden_size)
        self.U = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h):
        p, q = self.W(x), self.U(h)
        return (p + q).sigmoid() * p + (p - q).sigmoid() * h
