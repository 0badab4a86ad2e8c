"""torchsummary: the table of a model of linear layers, as its README prints one."""

from torch import nn
from torchsummary import summary

model = nn.Sequential(
    nn.Linear(20, 32), nn.ReLU(), nn.Dropout(0.5), nn.Sequential(nn.Linear(32, 16), nn.Tanh())
)
summary(model, (20,), device="cpu")
summary(nn.Sequential(nn.Linear(5, 4), nn.LayerNorm(4), nn.Sigmoid()), (3, 5), device="cpu")
