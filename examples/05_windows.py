"""Tomorrow's value from the last four weeks: windows of a daily series, and an LSTM.

What is trained
    A town's demand for electricity, day by day for six years, is to be predicted one day ahead. The
    network sees a window of the last days and four features of each of them:

        day            t-27   t-26   ...   t-1    t         t+1
        demand         52.1   53.0         48.8   47.0       ?     <- the target
        temperature     3.1    2.2          6.0    7.3
        yearly cosine   0.98   0.99         0.9    0.9
        weekend         0      0            0      1

    The data are made up, with a fixed seed: a slow trend, more demand when it is cold or hot, less
    at weekends, weather that lasts for some days, and noise.

Equations
    x_t       the features of day t, each with mean 0 and variance 1 in the training part
    h, c      LSTM over x_(t-27) ... x_t
    y_(t+1) = x_t[demand] + w . h_t + b       the network predicts the change from today

Shapes
    series    (days, F)       F = 4 features
    window    (L, F)          sample k: days k ... k+L-1; its target is the demand of day k+L
    batch     (N, L, F)       as a DataLoader puts samples together: the batch is the first axis
    output    (N, L, H)       of an LSTM with batch_first=True
              (L, N, H)       of one without: it wants (L, N, F)

What to look at
    - A window is a slice of the series; nothing is copied until a batch is put together. Windows
      overlap, so D days make D - L samples.
    - The split is chronological: the past to train on, the future to test. Drawn at random, test
      days would lie between days that were trained on, and the result would be too good.
    - Mean and standard deviation are those of the training part. The test part is what one does not
      know yet.
    - A forecast is only worth something compared with a simple one. Today's value is the naive
      forecast (here that is what the network starts from), last week's value a better one.
    - `batch_first` decides nothing but the layout: with the same weights both layouts give the same
      predictions, which the script checks. Passing (N, L, F) where (L, N, F) is meant raises no
      error, as both have three axes; it only learns badly.

What it prints
    The mean squared error (of normalised values) of each epoch; then errors on the test part in
    the unit of the data, next to those of the simple forecasts. With the same seed PyTorch prints
    the same lines: replace `minigrad` by `torch` in the imports.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import numpy as np

import minigrad as torch
from minigrad import nn, optim
from minigrad.utils.data import DataLoader, Dataset

FEATURES = ["demand", "temperature", "yearly cosine", "weekend"]
WEEK, YEAR = 7, 365.25


def daily_series(days: int, seed: int) -> np.ndarray:
    """The made up data, (days, F)."""
    rng = np.random.default_rng(seed)
    day = np.arange(days)
    yearly = np.cos(2 * np.pi * (day - 20) / YEAR)  # the middle of winter is in late January
    weekend = (day % WEEK >= 5).astype(float)

    # Today's weather is mostly yesterday's: an autoregressive process.
    weather, unusual = np.zeros(days), np.zeros(days)
    for t in range(1, days):
        weather[t] = 0.8 * weather[t - 1] + 1.8 * rng.standard_normal()
        unusual[t] = 0.6 * unusual[t - 1] + 0.5 * rng.standard_normal()

    temperature = 10 - 9 * yearly + weather
    heating = np.maximum(0, 15 - temperature)
    cooling = np.maximum(0, temperature - 22)
    demand = 40 + 0.002 * day + 0.6 * heating + 0.9 * cooling - 7 * weekend + unusual
    return np.stack([demand, temperature, yearly, weekend], axis=1)


class Windows(Dataset):
    """All windows of a series, each with the value that follows it.

    Sample k is ``series[k : k + length]``, (L, F), and the first feature of day k + length.
    """

    def __init__(self, series: Any, length: int) -> None:
        self.series = series
        self.length = length

    def __len__(self) -> int:
        return len(self.series) - self.length

    def __getitem__(self, k: int) -> tuple[Any, Any]:
        return self.series[k : k + self.length], self.series[k + self.length, 0]


class Forecaster(nn.Module):
    """An LSTM over the window; its last output says how tomorrow differs from today."""

    def __init__(self, hidden_size: int, batch_first: bool = True) -> None:
        super().__init__()
        self.batch_first = batch_first
        self.lstm = nn.LSTM(len(FEATURES), hidden_size, batch_first=batch_first)
        self.fc = nn.Linear(hidden_size, 1)

    def forward(self, x: Any) -> Any:
        output, _ = self.lstm(x)
        last, today = (output[:, -1], x[:, -1]) if self.batch_first else (output[-1], x[-1])
        return today[:, 0] + self.fc(last).squeeze(1)  # (N, H) -> (N,)


def train(net: Forecaster, windows: Windows, epochs: int, lr: float) -> None:
    loader = DataLoader(windows, batch_size=32, shuffle=True)
    criterion = nn.MSELoss()
    optimizer = optim.Adam(net.parameters(), lr=lr)
    for epoch in range(epochs):
        total = 0.0
        for x, y in loader:  # (N, L, F), (N,)
            optimizer.zero_grad()
            loss = criterion(net(x), y)
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            total += loss.item() * len(y)
        print(f"Epoch [{epoch + 1}/{epochs}] loss={total / len(windows):.4f}")


def predict(net: Forecaster, windows: Windows) -> Any:
    """The forecasts for all windows, in order."""
    parts = []
    with torch.no_grad():
        for x, _ in DataLoader(windows, batch_size=256):
            parts.append(net(x if net.batch_first else x.transpose(0, 1)))
    return torch.cat(parts)


def compare(truth: np.ndarray, forecasts: dict[str, np.ndarray]) -> None:
    """Print the errors of all forecasts."""
    print(f"\n{'forecast':16}{'mean abs. error':>18}{'root mean sq. error':>22}")
    for name, forecast in forecasts.items():
        error = forecast - truth
        print(f"{name:16}{np.abs(error).mean():18.2f}{np.sqrt((error**2).mean()):22.2f}")


def plot(truth: np.ndarray, forecasts: dict[str, np.ndarray], path: str) -> None:
    """Draw the last weeks of the test part; needs matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("no plot: matplotlib is not installed (pip install matplotlib)", file=sys.stderr)
        return
    figure = Figure(figsize=(10, 4), layout="constrained")
    axes = figure.subplots()
    shown = slice(-8 * WEEK, None)
    axes.plot(truth[shown], "k.-", label="truth")
    for (name, forecast), style in zip(forecasts.items(), ("-", "--", ":"), strict=True):
        axes.plot(forecast[shown], style, label=name)
    axes.set(xlabel="day", ylabel="demand")
    axes.legend()
    figure.savefig(path)


def run(options: argparse.Namespace) -> None:
    raw = daily_series(6 * 365, options.seed)
    split = 5 * 365
    mean, std = raw[:split].mean(axis=0), raw[:split].std(axis=0)
    series = torch.tensor((raw - mean) / std, dtype=torch.float32)  # (days, F)
    training = Windows(series[:split], options.window)
    before = split - options.window  # so that the first day to be predicted is `split`
    test = Windows(series[before:], options.window)

    torch.manual_seed(options.seed)
    net = Forecaster(options.hidden_size)
    train(net, training, options.epochs, options.lr)
    forecast = predict(net, test)

    time_first = Forecaster(options.hidden_size, batch_first=False)
    time_first.load_state_dict(net.state_dict())
    same = torch.allclose(forecast, predict(time_first, test), atol=1e-5)
    print(f"\n(N, L, F) and (L, N, F) give the same forecasts: {same}")

    demand = raw[:, 0]
    truth = demand[split:]
    forecasts = {
        "LSTM": forecast.numpy() * std[0] + mean[0],
        "as today": demand[split - 1 : -1],
        "as a week ago": demand[split - WEEK : -WEEK],
    }
    compare(truth, forecasts)
    if options.plot:
        plot(truth, forecasts, options.plot)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--epochs", type=int, default=15,
        help="how often all windows are read (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--window", type=int, default=28,
        help="L, how many days the network sees (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--hidden-size", type=int, default=32,
        help="H, the number of hidden units (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--lr", type=float, default=0.005, help="the learning rate of Adam (default: %(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=0,
        help="of the data, the weights and the order of the windows (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--plot", metavar="FILE", default="",
        help="also draw the forecasts into this file, with matplotlib (default: no plot)",
    )  # fmt: skip
    options = parser.parse_args(argv)
    if min(options.epochs, options.window, options.hidden_size) < 1:
        parser.error("--epochs, --window and --hidden-size must be at least 1")
    if options.window > 365:
        parser.error("--window must be at most 365, the days of the shortest part")
    if options.seed < 0:
        parser.error("--seed must be at least 0")
    if not options.lr > 0:
        parser.error("--lr must be above 0")
    run(options)


if __name__ == "__main__":
    main()
