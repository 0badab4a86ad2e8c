"""The examples on real data, which other packages bring: what they say of themselves holds."""

import re
import sys

import numpy as np
import pytest
from running_examples import check_plot_draws, check_plot_needs_matplotlib, check_refused, load

pytestmark = pytest.mark.once  # what the kernels compute is tested elsewhere, at every level

DIGITS = "13_digits_by_pixel"
FORECAST = "16_forecast"
COMES_WITH = {DIGITS: "sklearn", FORECAST: "statsmodels"}

# A run as short as can be, for what does not depend on how well a network does.
SHORT = {
    DIGITS: ["--epochs", "1", "--hidden-size", "2", "--batch", "500"],
    FORECAST: ["--epochs", "1", "--hidden-size", "2", "--batch", "500", "--window", "9"],
}


def example_of(name):
    pytest.importorskip(COMES_WITH[name])
    return load(name)


@pytest.mark.parametrize("options", ["--epochs 0", "--hidden-size 0", "--batch 0", "--lr nan"])
@pytest.mark.parametrize("name", SHORT)
def test_bad_options_are_refused(name, options, capsys):
    check_refused(name, options, capsys)


@pytest.mark.parametrize("weeks", ["1", "521"])
def test_windows_must_fit(weeks, capsys):
    with pytest.raises(SystemExit):
        load(FORECAST).main(["--window", weeks])
    assert "--window must be from 2 to 520 weeks" in capsys.readouterr().err


@pytest.mark.parametrize("name", SHORT)
def test_says_what_to_install(name, monkeypatch):
    package = COMES_WITH[name]
    monkeypatch.setitem(sys.modules, f"{package}.datasets", None)  # as if it were not installed
    with pytest.raises(SystemExit) as failure:
        load(name).main([])
    wanted = {"sklearn": "scikit-learn"}.get(package, package)
    assert failure.value.code.endswith(f"with {wanted}: pip install {wanted}")


@pytest.mark.parametrize("name", SHORT)
def test_plot_needs_matplotlib(name, capsys, monkeypatch, tmp_path):
    pytest.importorskip(COMES_WITH[name])
    check_plot_needs_matplotlib(name, SHORT[name], capsys, monkeypatch, tmp_path)


@pytest.mark.parametrize("name", SHORT)
def test_plot_draws(name, capsys, tmp_path):
    pytest.importorskip(COMES_WITH[name])
    check_plot_draws(name, SHORT[name], capsys, tmp_path)


# ------------------------------------------------------------------------------------------------
# 13: digits
# ------------------------------------------------------------------------------------------------


def test_digits_are_learnt(capsys):
    example_of(DIGITS).main(["--epochs", "12"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "1348 images to train on, 449 held out"
    shares = [float(share) for share in re.findall(r"held out ([\d.]+)%", "\n".join(lines))]
    assert shares[-1] > 60
    table = [[int(n) for n in line.replace(".", "0").split()[1:]] for line in lines[-10:]]
    assert np.sum(table) == 449
    assert f"{np.trace(table) / 449:.1%}" == f"{shares[-1]}%"


def test_permuting_changes_the_order_and_nothing_else(monkeypatch):
    example, seen = example_of(DIGITS), []
    monkeypatch.setattr(example, "train", lambda net, training, test, options: seen.append(test))
    monkeypatch.setattr(example, "report", lambda *arguments: None)
    for options in ([], ["--permuted"]):
        example.main(options)
    (x, y), (shuffled, same) = seen
    assert x.shape == shuffled.shape == (64, 449, 1)
    assert y.tolist() == same.tolist()
    assert not np.array_equal(x.numpy(), shuffled.numpy())
    rows = [sorted(map(tuple, pixels.squeeze(2).tolist())) for pixels in (x, shuffled)]
    assert rows[0] == rows[1]


@pytest.mark.parametrize("layer", ["rnn", "lstm", "chrono", "janet", "indrnn"])
def test_each_layer_reads_digits(layer, capsys):
    example_of(DIGITS).main([*SHORT[DIGITS], "--layer", layer])
    assert "Epoch [1/1]" in capsys.readouterr().out


# ------------------------------------------------------------------------------------------------
# 16: a forecast
# ------------------------------------------------------------------------------------------------


def errors(lines):
    return {line[:24].strip(): float(line[24:31]) for line in lines if re.match(r"(as |GRU)", line)}


def test_forecast_beats_the_simple_ones(capsys):
    example_of(FORECAST).main([])
    lines = capsys.readouterr().out.splitlines()
    error = errors(lines)
    assert list(error) == ["as today", "as a year ago", "as a year ago, risen", "GRU"]
    assert list(error.values())[:3] == [3.24, 1.72, 0.85]
    assert error["GRU"] < 0.85
    assert lines[-1].endswith("% smaller than the best simple one's")


def test_values_as_they_are_lead_astray(capsys):
    example_of(FORECAST).main(["--absolute", "--epochs", "5"])
    error = errors(capsys.readouterr().out.splitlines())
    assert error["GRU"] > error["as today"]


@pytest.mark.parametrize("absolute", [False, True])
def test_forecast_learns_nothing_from_the_future(absolute, capsys, monkeypatch):
    example = example_of(FORECAST)
    known = example.load_series

    def another_future():
        dates, values, filled = known()
        values = np.where(dates < np.datetime64(example.TEST), values, 3 * values)
        return dates, values, filled

    options = [*SHORT[FORECAST], "--absolute"] if absolute else SHORT[FORECAST]
    example.main(options)
    monkeypatch.setattr(example, "load_series", another_future)
    example.main(options)
    lines = capsys.readouterr().out.splitlines()
    first, second = [line for line in lines if line.startswith("Epoch")]
    assert first == second
    half = len(lines) // 2
    assert lines[half - 3] != lines[-3]


def test_simple_forecasts():
    example = load(FORECAST)
    values = np.arange(200.0) ** 2
    today, season, risen = example.simple_forecasts(values, np.array([100, 120])).values()
    assert today.shape == season.shape == risen.shape == (2, 26)
    assert set(today[1]) == {120.0**2}
    assert season[0, 3] == (104 - 52) ** 2
    assert risen[0, 3] == (104 - 52) ** 2 + 100**2 - (100 - 52) ** 2
    past, future = example.windows(values, np.array([100, 120]), 4)
    assert np.sqrt(past).tolist() == [[97, 98, 99, 100], [117, 118, 119, 120]]
    assert np.sqrt(future[:, [0, -1]]).tolist() == [[101, 126], [121, 146]]
