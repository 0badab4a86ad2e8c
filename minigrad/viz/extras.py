"""What draws: matplotlib, graphviz and Bokeh, imported when something is to be drawn."""

from __future__ import annotations

from functools import partial

from ..runtime import extras

__all__ = ["needed"]

needed = partial(extras.needed, extra="viz")
