"""Forecast a series: a GRU learns the next value, and then feeds on its own forecasts."""

import math

import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(5)
t = torch.arange(0, 400, dtype=torch.float32)
series = torch.sin(2 * math.pi * t / 25) + 0.4 * torch.cos(2 * math.pi * t / 7)
series += 0.05 * torch.randn(len(series))
mean, std = series[:300].mean(), series[:300].std()
series = (series - mean) / std
print(f"mean {mean:.4f} std {std:.4f}")

window = 20
X = torch.stack([series[i : i + window] for i in range(len(series) - window)]).unsqueeze(-1)
y = series[window:].unsqueeze(-1)
X_train, y_train, X_test, y_test = X[:280], y[:280], X[280:], y[280:]
print(X_train.shape, y_train.shape, X_test.shape, y_test.shape)


class Forecaster(nn.Module):
    def __init__(self, hidden_size=24):
        super().__init__()
        self.gru = nn.GRU(input_size=1, hidden_size=hidden_size, batch_first=True)
        self.head = nn.Sequential(nn.Linear(hidden_size, 8), nn.ReLU(), nn.Linear(8, 1))

    def forward(self, x, hidden=None):
        out, hidden = self.gru(x, hidden)
        return self.head(out[:, -1, :]), hidden


def init_weights(module):
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)
    elif isinstance(module, nn.GRU):
        for name, parameter in module.named_parameters():
            if "weight_hh" in name:
                nn.init.orthogonal_(parameter)
            elif "bias" in name:
                nn.init.constant_(parameter, 0.0)


model = Forecaster()
model.apply(init_weights)
loader = DataLoader(TensorDataset(X_train, y_train), batch_size=32, shuffle=True, drop_last=True)
criterion = nn.MSELoss()
optimizer = optim.RMSprop(model.parameters(), lr=0.003)
scheduler = optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
best = float("inf")

for epoch in range(1, 11):
    model.train()
    losses = []
    for xb, yb in loader:
        pred, _ = model(xb)
        loss = criterion(pred, yb)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_value_(model.parameters(), 0.5)
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        test_loss = criterion(model(X_test)[0], y_test).item()
    scheduler.step(test_loss)
    if test_loss < best:
        best, best_state = test_loss, {k: v.clone() for k, v in model.state_dict().items()}
    rate = optimizer.param_groups[0]["lr"]
    print(
        f"epoch {epoch:2d} train {sum(losses) / len(losses):.4f} test {test_loss:.4f} lr {rate:g}"
    )

print(model.load_state_dict(best_state))
forecast = []
with torch.no_grad():
    value, hidden = model(X_test[:1])
    for _ in range(12):
        forecast.append(value.item())
        value, hidden = model(value.unsqueeze(1), hidden)
print("forecast:", " ".join(f"{v:.3f}" for v in forecast))
print("series:  ", " ".join(f"{v:.3f}" for v in y_test[:12, 0]))
error = torch.tensor(forecast) - y_test[:12, 0]
print(f"root mean square error {error.pow(2).mean().sqrt():.3f}")
