"""CTRNN, leaky integrators: a network in continuous time, as neuroscience has it.

    tau dh/dt = -h + W tanh(h) + C x + b

by a step of Euler's, with leak = dt / tau; a time constant for each unit can be learnt:

    h'     = h + leak (-h + W tanh(h) + C x + b),  0 < leak < 1
    output = tanh(h')

H. F. Song, G. R. Yang, X.-J. Wang, "Training excitatory-inhibitory recurrent neural networks for
cognitive tasks", PLOS Computational Biology 2016.
"""

import math

import minigrad as torch
from minigrad import nn


class CTRNN(nn.Module):
    def __init__(self, input_size, hidden_size, leak=0.2):
        super().__init__()
        self.W = nn.Linear(hidden_size, hidden_size, bias=False)
        self.C = nn.Linear(input_size, hidden_size)
        self.leak = nn.Parameter(torch.full((hidden_size,), math.log(leak / (1 - leak))))

    def forward(self, x, h):
        h = h + self.leak.sigmoid() * (self.W(h.tanh()) + self.C(x) - h)
        return h.tanh(), h
