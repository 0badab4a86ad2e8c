"""Packages that only a part of minigrad needs: imported when they are, and named if missing."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

__all__ = ["is_there", "needed"]


def needed(module: str, *, extra: str) -> Any:
    """Import a module of an optional package.

    Parameters
    ----------
    module : str
        Its full name, such as ``"matplotlib.pyplot"``.
    extra : str
        The extra of minigrad's that has the package.

    Raises
    ------
    ImportError
        The package is not installed; the message is one line that says what to install.

    Examples
    --------
    >>> needed("numpy", extra="viz").pi
    3.141592653589793
    >>> needed("a_package_that_is_missing", extra="viz")
    Traceback (most recent call last):
    ImportError: a_package_that_is_missing is not installed: pip install "minigrad[viz]"
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        if error.name != package:  # it is there, and lacks something itself
            raise
        raise ImportError(
            f'{package} is not installed: pip install "minigrad[{extra}]"', name=package
        ) from None


def is_there(package: str) -> bool:
    """Whether a package is installed.

    Examples
    --------
    >>> is_there("numpy"), is_there("a_package_that_is_missing")
    (True, False)
    """
    return find_spec(package) is not None
