"""What all tests share: the whole suite on all cores, and a test at every level of the kernels."""

import os

# Tests run side by side; NumPy's BLAS would give each of them threads for all cores, which then
# wait for one another. (It reads this when it is imported.)
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import pytest

from minigrad import _kernels

_wanted = os.environ.get("MINIGRAD_KERNELS")
LEVELS = (_wanted,) if _wanted else (*_kernels.available_levels(), "reference")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    """Run the whole suite on all cores, if pytest-xdist is there; named files run in one process.

    ``python -m pytest -n 0`` runs everything in one.
    """
    everything = not config.invocation_params.args and "PYTEST_XDIST_WORKER" not in os.environ
    if everything and getattr(config.option, "numprocesses", 0) is None:
        config.option.numprocesses = "auto"


def pytest_collection_modifyitems(items):
    """Mark the tests that go over all levels by themselves, too: ``-m "not once"``."""
    for item in items:
        if {"level", "kernel_level"} & set(item.fixturenames):
            item.add_marker("once")


def at_level(name):
    """For a fixture: the level while the test runs."""
    before = _kernels.level
    _kernels.set_level(name)
    yield name
    _kernels.set_level(before)


@pytest.fixture(params=LEVELS)
def level(request):
    """Run the test once at each level: all that were built and that this processor runs.

    With MINIGRAD_KERNELS set, at that level alone.
    """
    yield from at_level(request.param)


@pytest.fixture(params=_kernels.available_levels())
def kernel_level(request):
    """Run the test once at each level that has kernels, whatever MINIGRAD_KERNELS says."""
    yield from at_level(request.param)
