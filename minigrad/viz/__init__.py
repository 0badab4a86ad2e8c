"""Pictures of what a network does: loaded when ``minigrad.viz`` is first asked for.

- `over_time`: gates, states and gradients of a recurrent layer, step by step.
- `matrices`: weights and their singular values; `training`: curves.
- `graphs`: the autograd graph of a tensor; `boxes`: what is drawn of it; `folding`: loops in it;
  `recordings`: what a graph forgets.
- `connectivity`: which inputs an output depends on, as a shaded text.
- `report`: one page for a whole run, text and pictures linked; `traced`: what is on it.
- `read`: what these are given, as arrays; `axes`: where and how they draw; `calling`: calling a
  model to look at it; `text`: labels and shades.
- `extras`: matplotlib, graphviz and Bokeh, when they are needed; what to install where they are
  missing.

Every picture over axes returns its figure and them, and can be drawn into axes that are there,
``ax=``. It follows the style that is set in matplotlib. Drawing needs the extra ``viz``:
``pip install "minigrad[viz]"``; nothing of it is imported before something is drawn. Texts need
nothing. See ``docs/seeing-inside.md``.
"""

from .connectivity import Connectivity, connectivity
from .graphs import Graph, graph
from .matrices import singular_values, weights
from .over_time import gates, gradient_norms, states, trajectory
from .recordings import recording
from .report import report
from .training import curves

__all__ = [
    "Connectivity", "Graph", "connectivity", "curves", "gates", "gradient_norms", "graph",
    "recording", "report", "singular_values", "states", "trajectory", "weights",
]  # fmt: skip
