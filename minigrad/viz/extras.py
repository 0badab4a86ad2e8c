"""What draws: matplotlib and graphviz, imported when something is to be drawn."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["needed"]


def needed(module: str) -> Any:
    """Import a module of an optional package.

    Parameters
    ----------
    module : str
        Its full name, such as ``"matplotlib.pyplot"``.

    Raises
    ------
    ImportError
        The package is not installed; the message is one line that says what to install.

    Examples
    --------
    >>> needed("numpy").pi
    3.141592653589793
    >>> needed("a_package_that_is_missing")
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
            f'{package} is not installed: pip install "minigrad[viz]"', name=package
        ) from None
