"""What several test files share: running a test at every level of the kernels."""

import os

# Tests run side by side; NumPy's BLAS would give each of them threads for all cores, which then
# wait for one another. (It reads this when it is imported.)
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import pytest

from minigrad import _kernels

_wanted = os.environ.get("MINIGRAD_KERNELS")
LEVELS = (_wanted,) if _wanted else (*_kernels.available_levels(), "reference")


@pytest.fixture(params=LEVELS)
def level(request):
    """Run the test once at each level: all that were built and that this processor runs.

    With MINIGRAD_KERNELS set, at that level alone.
    """
    before = _kernels.level
    _kernels.set_level(request.param)
    yield request.param
    _kernels.set_level(before)
