"""Pages that draw or export are left out where nothing is there to do it with."""

from importlib.util import find_spec

import pytest

DRAWS = ("seeing-inside.md",)
EXPORTS = ("onnx.md",)


def pytest_collection_modifyitems(items):
    for item in items:
        missing = [name for name in ("matplotlib", "bokeh") if find_spec(name) is None]
        if item.path.name in DRAWS and missing:
            item.add_marker(pytest.mark.skip(reason=f"{' and '.join(missing)}: not installed"))
        missing = [name for name in ("onnx", "onnxruntime") if find_spec(name) is None]
        if item.path.name in EXPORTS and missing:
            item.add_marker(pytest.mark.skip(reason=f"{' and '.join(missing)}: not installed"))


@pytest.fixture(autouse=True)
def no_window(request, monkeypatch):
    """Whatever is drawn is drawn into memory, and forgotten after the page."""
    if request.path.name in DRAWS:
        monkeypatch.setenv("MPLBACKEND", "Agg")
        yield
        import matplotlib.pyplot as plt

        plt.close("all")
    else:
        yield
