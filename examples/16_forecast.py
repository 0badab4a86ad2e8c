"""The air of the next half year: a real series, and the simple forecasts that must be beaten.

What is trained
    Carbon dioxide in the air above Mauna Loa, week by week from 1958 to 2001, in parts per million.
    From the last two years of it the next 26 weeks are to be predicted, all at once. The series
    rises, and it breathes: lowest in October, highest in May, as forests grow and wither.

    It comes with the package, nothing is loaded from anywhere: pip install statsmodels

Equations
    x_k     = (y_k - y_t) / s        k = t-103 ... t: the last two years, as seen from today
    h       = GRU(x)
    y_(t+j) = y_t + s (V h_t + c)_j  j = 1 ... 26
    loss    = mean over windows and j of the squared error, divided by s^2

Shapes
    series   (weeks,)
    windows  (W, L)        W weeks to start from, L = 104 weeks up to each
    input    (L, N, 1)     time first
    output   (N, 26)       from the last step

What to look at
    - The past is trained on, until the end of 1989; the years after that test. The scale s is a
      number of the training part. A test part that was drawn by chance would lie between weeks
      that were trained on.
    - Windows do not mix either: a training window ends so early that its last target is still
      in 1989. (Some weeks were not measured; they are filled in by lines between neighbours. None
      of these is in the test, or the last weeks before it would know something of the future.)
    - Everything is measured from y_t. The air of the test years was never so thick before: all
      values are above those trained on. `--absolute` shows what becomes of a network that
      is given values as they are: it has not learnt what comes there, and is worse than the most
      naive forecast.
    - Three forecasts without a network. "as today" is hard to beat for the next week and useless
      after that. "as a year ago" knows the season and lacks the rise. "as a year ago, risen" adds
      what the last year added; only who beats that has learnt something.

What it prints
    The loss as it falls; then root mean square errors in the test years, over all 26 weeks and for
    some of them. Measured with the seed 0, over all weeks: 0.69 for the network, 0.85 for the best
    of the others; that is 18% less. For the next week it is 0.43, and 0.53 as today. With
    `--absolute` it is 8.05.

Data: C. D. Keeling et al., Scripps Institution of Oceanography; in statsmodels.datasets.co2.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import numpy as np

import minigrad as torch
from minigrad import nn, optim
from minigrad.utils import progress

YEAR = 52
AHEAD = 26
TEST = "1990-01-01"


def load_series() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Dates, values, and whether each was filled in."""
    try:
        from statsmodels.datasets import co2
    except ImportError:
        sys.exit("the series comes with statsmodels: pip install statsmodels")
    series = co2.load_pandas().data["co2"]
    dates = series.index.to_numpy().astype("datetime64[D]")
    return dates, series.interpolate().to_numpy(float), series.isna().to_numpy()


def windows(values: np.ndarray, todays: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """(W, L) values up to each of the W days, that day included, and (W, 26) values after it."""
    past = values[todays[:, None] + np.arange(1 - length, 1)]
    return past, values[todays[:, None] + np.arange(1, AHEAD + 1)]


class Forecaster(nn.Module):
    """A GRU, and all the weeks ahead from its last output."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.gru = nn.GRU(1, hidden)
        self.fc = nn.Linear(hidden, AHEAD)

    def forward(self, x: Any) -> Any:
        """x (L, N, 1) to (N, 26)."""
        output, _ = self.gru(x)
        return self.fc(output[-1])


def train(x: Any, y: Any, options: argparse.Namespace) -> Forecaster:
    """x (L, W, 1), y (W, 26)."""
    net = Forecaster(options.hidden_size)
    optimizer = optim.Adam(net.parameters(), lr=options.lr)
    batches = -(-len(y) // options.batch)
    schedule = optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=options.lr, total_steps=options.epochs * batches, cycle_momentum=False
    )
    bar = progress(range(1, options.epochs + 1), "training")
    for epoch in bar:
        total = 0.0
        for chosen in torch.randperm(len(y)).split(options.batch):
            loss = nn.functional.mse_loss(net(x[:, chosen]), y[chosen])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += loss.item() * len(chosen)
        bar.show(loss=total / len(y))
        if epoch == options.epochs or epoch % max(1, options.epochs // 5) == 0:
            print(f"Epoch [{epoch}/{options.epochs}] loss={total / len(y):.4f}")
    return net


def simple_forecasts(values: np.ndarray, todays: np.ndarray) -> dict[str, np.ndarray]:
    """Each (W, 26)."""
    today = values[todays][:, None]
    year_ago = values[todays[:, None] + np.arange(1, AHEAD + 1) - YEAR]
    return {
        "as today": np.repeat(today, AHEAD, axis=1),
        "as a year ago": year_ago,
        "as a year ago, risen": year_ago + today - values[todays - YEAR][:, None],
    }


def rms(error: np.ndarray) -> float:
    return float(np.sqrt((error**2).mean()))


def compare(truth: np.ndarray, forecasts: dict[str, np.ndarray]) -> None:
    """Print the errors of all forecasts."""
    shown = (1, 4, 13, 26)
    print(
        f"\n{'root mean square error':24}{'all':>7}" + "".join(f"{f'week {j}':>9}" for j in shown)
    )
    for name, forecast in forecasts.items():
        error = forecast - truth
        weeks = "".join(f"{rms(error[:, j - 1]):9.2f}" for j in shown)
        print(f"{name:24}{rms(error):7.2f}{weeks}")
    *_, best, net = [rms(forecast - truth) for forecast in forecasts.values()]
    better = "smaller" if net < best else "larger"
    print(f"\nthe network's error is {abs(1 - net / best):.0%} {better} than the best simple one's")


def plot(
    dates: np.ndarray, values: np.ndarray, todays: np.ndarray,
    forecasts: dict[str, np.ndarray], path: str,
) -> None:  # fmt: skip
    """The series, and forecasts of four half years; needs matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("no plot: matplotlib is not installed (pip install matplotlib)", file=sys.stderr)
        return
    figure = Figure(figsize=(10, 6), layout="constrained")
    whole, part = figure.subplots(2, 1)
    whole.plot(dates, values, "k", linewidth=0.8)
    whole.axvspan(dates[todays[0]], dates[-1], color="tab:blue", alpha=0.15, label="test")
    whole.legend(loc="upper left")
    begin = len(todays) - 4 * AHEAD - 1
    part.plot(dates[todays[begin] :], values[todays[begin] :], "k", label="truth")
    for (name, forecast), colour in zip(list(forecasts.items())[1:], ("C2", "C1", "C0")):
        for k in range(begin, len(todays), AHEAD):
            days = slice(todays[k], todays[k] + AHEAD + 1)
            line = np.concatenate([values[todays[k], None], forecast[k]])
            label = name if k == begin else None
            part.plot(dates[days], line, color=colour, linewidth=1.2, label=label)
            part.axvline(dates[todays[k]], color="gray", linewidth=0.5, linestyle=":")
    part.margins(y=0.2)
    part.legend(fontsize="small", loc="upper left", ncols=4)
    for axes in (whole, part):
        axes.set_ylabel("CO2 (ppm)")
    figure.savefig(path)


def run(options: argparse.Namespace) -> None:
    dates, values, filled = load_series()
    split = int((dates < np.datetime64(TEST)).sum())  # the first week of the test
    print(
        f"{split} weeks until {dates[split - 1]} ({filled[:split].sum()} filled in), "
        f"{len(dates) - split} to test ({filled[split:].sum()})"
    )
    before = np.arange(options.window - 1, split - AHEAD)
    after = np.arange(split - 1, len(values) - AHEAD)

    past, future = windows(values, before, options.window)
    centre = values[:split].mean()
    scale = values[:split].std() if options.absolute else (past - past[:, -1:]).std()

    def seen_from(past: np.ndarray) -> np.ndarray:
        """What is subtracted from each window, (W, 1)."""
        return np.full((len(past), 1), centre) if options.absolute else past[:, -1:]

    def as_input(past: np.ndarray) -> Any:
        numbers = (past - seen_from(past)) / scale
        return torch.tensor(numbers.T[:, :, None], dtype=torch.float32)  # (L, W, 1)

    torch.manual_seed(options.seed)
    targets = torch.tensor((future - seen_from(past)) / scale, dtype=torch.float32)
    net = train(as_input(past), targets, options)

    past, truth = windows(values, after, options.window)
    with torch.no_grad():
        answer = net(as_input(past)).numpy()
    forecasts = {**simple_forecasts(values, after), "GRU": seen_from(past) + scale * answer}
    compare(truth, forecasts)
    if options.plot:
        plot(dates, values, after, forecasts, options.plot)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--epochs", type=int, default=20,
        help="how often all windows are read (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--window", type=int, default=2 * YEAR,
        help="L, how many weeks the network sees (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--absolute", action="store_true",
        help="give the network values as they are, not seen from today (default: from today)",
    )  # fmt: skip
    parser.add_argument(
        "--hidden-size", type=int, default=32,
        help="H, the number of units (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--batch", type=int, default=64,
        help="N, the number of windows that make one update (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--lr", type=float, default=5e-3,
        help="the highest learning rate of Adam (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, default=0,
        help="of the weights and the order of the windows (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--plot", metavar="FILE", default="",
        help="also draw the series and forecasts into this file, with matplotlib "
        "(default: no plot)",
    )  # fmt: skip
    options = parser.parse_args(argv)
    if min(options.epochs, options.hidden_size, options.batch) < 1:
        parser.error("--epochs, --hidden-size and --batch must be at least 1")
    if not 2 <= options.window <= 10 * YEAR:
        parser.error("--window must be from 2 to 520 weeks")
    if not options.lr > 0:
        parser.error("--lr must be above 0")
    run(options)


if __name__ == "__main__":
    main()
