"""Silence: what NumPy warns of, PyTorch does not.

1/0 is inf and 0/0 is nan by the rules of floating point; a training loop that has met one would
print a line for every operation after it, or end, if warnings are errors. `numpy.errstate` is the
remedy, but it takes as long as a small operation. So the calls go through `quiet`, which has two
cheaper ways.

This file must stay plain Python: see `_called_by_nobody`.
"""

from __future__ import annotations

import functools
import types
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

# for what does not go through `quiet`; filters that the user sets later come before this one
warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"minigrad\.")

_NO_MODULE = {"__name__": None, "__builtins__": __builtins__}


def quiet(function: Callable[..., Any], count: int = 0) -> Callable[..., Any]:
    """`function`, which calls no Python if it is compiled, without NumPy's warnings of numbers.

    With a `count` of 1 or 2 it takes so many arguments, which need not be packed into a tuple. A
    function that says `is_quiet` of itself is left as it is.
    """
    if getattr(function, "is_quiet", False):
        return function
    inner = getattr(function, "__wrapped__", function)  # a compiled one may call one of Python
    is_python = isinstance(inner, types.FunctionType) and not hasattr(inner, "shows_text")
    return silenced(function) if is_python else _called_by_nobody(function, count)


def _called_by_nobody(function: Callable[..., Any], count: int) -> Callable[..., Any]:
    """A compiled function, of NumPy or of ours, called by one of Python that has no module.

    Python attributes a warning to the module of the function that is running (a compiled one is
    passed over), and drops it if there is none, whatever filters the user has set.
    """
    forms: list[Any] = [lambda *arrays: function(*arrays), lambda a: function(a),
                        lambda a, b: function(a, b)]  # fmt: skip
    call = forms[count]
    return types.FunctionType(call.__code__, _NO_MODULE, function.__name__, None, call.__closure__)


def silenced(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, called between `silence` and `restore`.

    For functions of Python, and for compiled ones that call such.
    """

    def call(*arrays: Any) -> Any:
        before = silence()
        try:
            return function(*arrays)
        finally:
            restore(before)

    return call


def _silence() -> Any:
    """Let NumPy's state of errors be "ignore"; returns what `restore` takes to set it back."""
    return np.seterr(all="ignore")


def _restore(before: Any) -> None:
    np.seterr(**before)


silence: Callable[[], Any] = _silence
restore: Callable[[Any], Any] = _restore
try:  # the same without its wrapping, which takes as long as a small operation
    from numpy._core import umath

    silence = functools.partial(umath._extobj_contextvar.set, umath._make_extobj(all="ignore"))
    restore = umath._extobj_contextvar.reset
except (ImportError, AttributeError):  # a NumPy that keeps it elsewhere
    pass
