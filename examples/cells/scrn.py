"""SCRN, a structurally constrained network: beside the hidden state a context that changes slowly.

    s' = (1 - alpha) B x + alpha s              the context
    h' = sigmoid(P s' + A x + R h)
    y  = U h' + V s'                            the output, here before any nonlinearity

T. Mikolov and others, "Learning longer memory in recurrent neural networks", arXiv 1412.7753.
"""

import minigrad as torch
from minigrad import nn


class SCRN(nn.Module):
    def __init__(self, input_size, hidden_size, context_size=None, alpha=0.95):
        super().__init__()
        context_size = hidden_size if context_size is None else context_size
        self.states = {"hidden": hidden_size, "context": context_size}
        self.alpha = alpha
        self.B = nn.Linear(input_size, context_size, bias=False)
        self.inner = nn.Linear(context_size + input_size + hidden_size, hidden_size, bias=False)
        self.output = nn.Linear(hidden_size + context_size, hidden_size, bias=False)

    def forward(self, x, state):
        h, s = state
        s = (1 - self.alpha) * self.B(x) + self.alpha * s
        h = self.inner(torch.cat([s, x, h], 1)).sigmoid()
        return self.output(torch.cat([h, s], 1)), (h, s)
