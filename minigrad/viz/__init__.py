"""Pictures of what a network does: loaded when ``minigrad.viz`` is first asked for.

- `extras`: matplotlib and graphviz, when they are needed; what to install where they are missing.

Drawing needs the extra ``viz``: ``pip install "minigrad[viz]"``. Nothing is imported of it before
something is drawn.
"""

__all__: list[str] = []
