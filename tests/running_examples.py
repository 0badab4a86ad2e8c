"""How tests run examples, and what holds for the options of all of them."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

import minigrad

EXAMPLES = Path(__file__).parents[1] / "examples"


def load(name):
    """The example as a module."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(name, *options, kernels=None, **environment):
    """The example as its reader runs it: a script in a process of its own."""
    environment |= {**os.environ, "PYTHONPATH": str(Path(minigrad.__file__).parents[1])}
    if kernels is not None:
        environment["MINIGRAD_KERNELS"] = kernels
    return subprocess.run(
        [sys.executable, str(EXAMPLES / f"{name}.py"), *options],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def check_refused(name, options, capsys):
    """A bad value is refused, and the message names its option."""
    with pytest.raises(SystemExit) as refusal:
        load(name).main(options.split())
    assert refusal.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert options.split()[0] in captured.err.partition("error: ")[2]


def check_plot_needs_matplotlib(name, options, capsys, monkeypatch, tmp_path):
    """Without matplotlib ``--plot`` says so, and all else is as with it."""
    example = load(name)
    for module in ("matplotlib", "matplotlib.figure"):  # as if it were not installed
        monkeypatch.setitem(sys.modules, module, None)
    picture = tmp_path / "plot.png"
    example.main([*options, "--plot", str(picture)])
    captured = capsys.readouterr()
    assert captured.err == "no plot: matplotlib is not installed (pip install matplotlib)\n"
    assert len(captured.out.splitlines()) > 2
    assert not picture.exists()


def check_plot_draws(name, options, capsys, tmp_path):
    """``--plot`` makes a picture, and says nothing."""
    pytest.importorskip("matplotlib")
    picture = tmp_path / "plot.png"
    load(name).main([*options, "--plot", str(picture)])
    assert capsys.readouterr().err == ""
    assert picture.read_bytes().startswith(b"\x89PNG")
