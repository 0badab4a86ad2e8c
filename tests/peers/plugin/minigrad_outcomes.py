"""A plugin for pytest: notes what becomes of each test, at once, and leaves out what is known.

The file is named by the variable ``MINIGRAD_OUTCOMES``: a line for each test, with its name, one of
`OUTCOMES`, and the seconds that it took. So a run that was ended goes on behind the last test.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

KEPT = Path(os.environ["MINIGRAD_OUTCOMES"])
OUTCOMES = ("passed", "skipped", "failed", "absent")  # of a test's phases, the last of these
_under_way: dict[str, tuple[str, float]] = {}


def _note(name: str, outcome: str, seconds: float) -> None:
    with KEPT.open("a") as file:
        file.write(json.dumps([name, outcome, round(seconds, 2)]) + "\n")


def _by_design(error: BaseException | None) -> bool:
    """Whether minigrad said that something is absent by design, or that led to this error."""
    absent = sys.modules.get("minigrad.arrays.absent")
    while absent and error is not None:
        if isinstance(error, absent.AbsentByDesign):
            return True
        error = error.__cause__ or error.__context__
    return False


def pytest_collection_modifyitems(config: Any, items: list[Any]) -> None:
    """Leave out what is known."""
    lines = KEPT.read_text().splitlines() if KEPT.exists() else []
    known = {json.loads(line)[0] for line in lines}
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid in known])
    items[:] = [item for item in items if item.nodeid not in known]


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: Any) -> Iterator[None]:
    """Note a file that cannot be loaded."""
    report = yield
    if report.failed:
        error = report.call.excinfo and report.call.excinfo.value
        _note(collector.nodeid, "absent" if _by_design(error) else "failed", 0)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: Any, call: Any) -> Iterator[None]:
    """See the error itself: a report has its text alone."""
    report = yield
    report.by_design = report.failed and _by_design(call.excinfo and call.excinfo.value)
    return report


def pytest_runtest_logreport(report: Any) -> None:
    """Note a test when its last phase has ended."""
    outcome = "absent" if getattr(report, "by_design", False) else report.outcome
    before, seconds = _under_way.pop(report.nodeid, ("passed", 0.0))
    outcome = max(before, outcome, key=OUTCOMES.index)
    seconds += report.duration
    if report.when == "teardown":
        _note(report.nodeid, outcome, seconds)
    else:
        _under_way[report.nodeid] = outcome, seconds
