"""Freed memory stays with the process: no new pages for each result of a large operation."""

import os
import subprocess
import sys

import pytest

from minigrad import _kernels
from minigrad.runtime import memory

SCRIPT = """
import resource
import minigrad as mg

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def work():
    a = mg.ones(1000, 1000)  # 4 MB, 1000 pages
    b, c, d = a * 2, a * 3, a * 4
    return b + c

for _ in range(3):
    work()
before = faults()
for _ in range(10):
    work()
print(faults() - before)
"""
pytestmark = pytest.mark.skipif(
    not _kernels.keep_memory(memory.REUSED, memory.KEPT), reason="this malloc cannot be told"
)


def new_pages(**environment):
    known = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
    known.pop("GLIBC_TUNABLES", None)
    known = {**known, "OPENBLAS_NUM_THREADS": "1", **environment}
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=known, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    return int(result.stdout)


def test_results_of_operations_need_no_new_pages():
    assert new_pages() < 1000


def test_the_environment_has_the_last_word():
    assert new_pages(MALLOC_TRIM_THRESHOLD_="0", MALLOC_MMAP_THRESHOLD_="65536") > 10_000
