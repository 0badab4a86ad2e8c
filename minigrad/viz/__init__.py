"""Pictures of what a network does: loaded when ``minigrad.viz`` is first asked for.

- `over_time`: gates, states and gradients of a recurrent layer, step by step.
- `matrices`: weights and their singular values; `training`: curves.
- `read`: what these are given, as arrays; `axes`: where and how they draw.
- `extras`: matplotlib and graphviz, when they are needed; what to install where they are missing.

Every picture returns its figure and axes, and can be drawn into axes that are there, ``ax=``. It
follows the style that is set in matplotlib. Drawing needs the extra ``viz``:
``pip install "minigrad[viz]"``; nothing of it is imported before something is drawn. See
``docs/seeing-inside.md``.
"""

from .matrices import singular_values, weights
from .over_time import gates, gradient_norms, states, trajectory
from .training import curves

__all__ = [
    "curves", "gates", "gradient_norms", "singular_values", "states", "trajectory", "weights",
]  # fmt: skip
