"""The autograd graph of a tensor as a picture: boxes and arrows, drawn by Graphviz.

Without Graphviz's program ``dot`` a graph is still text: `Graph.source`, for any other place where
Graphviz runs, and `Graph.outline`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from typing import Any

from ..nn.module import Module
from ..tensor import Tensor
from .boxes import Box, Picture, boxes_of
from .extras import needed

__all__ = ["Graph", "graph"]

NO_DOT = (
    "Graphviz's program `dot` is not installed (apt-get install graphviz, brew install graphviz, "
    "conda install graphviz); .source is the text that it draws"
)
LONGEST = 40  # characters of a line in a box
# Filled boxes with black text, and grey arrows, are to be seen on white and on black paper.
GREY = "#808080"
FILLED = {
    "operation": {"shape": "box", "style": "filled,rounded", "fillcolor": "#FFFFFF"},
    "module": {"shape": "box", "style": "filled,bold", "fillcolor": "#FBE3B5"},
    "leaf": {"shape": "box", "style": "filled", "fillcolor": "#CFE5F5"},
    "more": {"shape": "box", "style": "filled,dashed", "fillcolor": "#E8E8E8"},
}


class Graph:
    """A picture of a graph as it was when `graph` was called; a notebook draws it.

    Attributes
    ----------
    picture : Picture
        Boxes, arrows and loops: see `minigrad.viz.boxes`.
    """

    def __init__(self, picture: Picture) -> None:
        self.picture = picture

    @property
    def digraph(self) -> Any:
        """The picture as a ``graphviz.Digraph``.

        Raises
        ------
        ImportError
            The package graphviz is not installed.
        """
        graphviz = needed("graphviz")
        font = {"fontname": "Helvetica,Arial,sans-serif", "fontsize": "11"}
        digraph = graphviz.Digraph(
            graph_attr={
                **font, "bgcolor": "transparent", "fontcolor": GREY, "label": self.picture.caption,
                "rankdir": "TB", "nodesep": "0.3", "ranksep": "0.35",
            },
            node_attr={**font, "color": GREY, "fontcolor": "#000000", "margin": "0.12,0.06",
                       "height": "0.3"},
            edge_attr={**font, "color": GREY, "fontcolor": GREY, "fontsize": "10"},
        )  # fmt: skip
        for number, box in enumerate(self.picture.boxes):
            if box.loop is None:
                self._add(digraph, number, box)
        for loop in sorted({box.loop for box in self.picture.boxes if box.loop is not None}):
            title = self.picture.loops[loop]
            with digraph.subgraph(name=f"cluster_{loop}") as step:
                step.attr(
                    label=title, labeljust="l", style="rounded,filled", fillcolor="#F2F2F2",
                    color=GREY, fontcolor="#000000",
                )  # fmt: skip
                for number, box in enumerate(self.picture.boxes):
                    if box.loop == loop:
                        self._add(step, number, box)
        for arrow in self.picture.arrows:
            more = {"style": "dashed", "constraint": "false"} if arrow.back else {}
            inside = self.picture.boxes[arrow.target].loop is not None
            label = {
                "label": arrow.label,
                "fontcolor": "#606060" if inside and arrow.back else GREY,
            }
            digraph.edge(f"n{arrow.source}", f"n{arrow.target}", **label, **more)
        return digraph

    @staticmethod
    def _add(digraph: Any, number: int, box: Box) -> None:
        graphviz = needed("graphviz")
        lines = [_cut(line) for line in (box.title, *box.lines)]
        label = graphviz.nohtml("\\n".join([graphviz.escape(line) for line in lines]))
        more = {"peripheries": "2"} if box.is_result else {}
        digraph.node(f"n{number}", label, **FILLED[box.kind], **more)

    @property
    def source(self) -> str:
        """The picture in Graphviz's language DOT.

        Raises
        ------
        ImportError
            The package graphviz is not installed.
        """
        return str(self.digraph.source)

    @property
    def outline(self) -> str:
        """The picture in words: a line for each box, and from where arrows come to it."""
        boxes, lines = self.picture.boxes, []
        numbers = self._numbers()
        for number, box in enumerate(boxes):
            into = [
                f"{numbers[a.source]}" + (f" ({a.label})" if a.label else "")
                for a in self.picture.arrows
                if a.target == number
            ]
            loop = "" if box.loop is None else f"[{self.picture.loops[box.loop].split(',')[0]}] "
            said = "; ".join([numbers[number], *box.lines])
            lines.append(loop + said + (f"  <- {', '.join(into)}" if into else ""))
        return "\n".join([*lines, self.picture.caption])

    def _numbers(self) -> list[str]:
        """Titles, with numbers where several boxes have the same."""
        titles = [box.title for box in self.picture.boxes]
        seen: dict[str, int] = {}
        named = []
        for title in titles:
            seen[title] = seen.get(title, 0) + 1
            named.append(f"{title} #{seen[title]}" if titles.count(title) > 1 else title)
        return named

    def svg(self) -> str:
        """The picture drawn.

        Raises
        ------
        ImportError
            The package graphviz is not installed.
        RuntimeError
            Its program ``dot`` is not.
        """
        return str(self._drawn("svg").decode())

    def _drawn(self, form: str) -> bytes:
        digraph = self.digraph
        if shutil.which("dot") is None:
            raise RuntimeError(NO_DOT)
        return bytes(digraph.pipe(format=form))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture to a file: ``.dot`` and ``.gv`` its source, else what ``dot`` makes.

        Parameters
        ----------
        path : str or path
            Its ending says what it is to be: ``.svg``, ``.png``, ``.pdf``, ``.dot``, ...

        Raises
        ------
        ImportError, RuntimeError
            As `svg`.
        ValueError
            The path has no ending.
        """
        form = os.path.splitext(path)[1][1:]
        if not form:
            raise ValueError(f"save: {str(path)!r} has no ending, such as .svg, .png or .dot")
        content = self.source.encode() if form in ("dot", "gv") else self._drawn(form)
        with open(path, "wb") as file:
            file.write(content)

    def __repr__(self) -> str:
        return f"<Graph of {len(self.picture.boxes)} boxes: {self.picture.caption}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: the picture; without ``dot`` its outline."""
        try:
            return {"text/plain": repr(self), "image/svg+xml": self.svg()}
        except (ImportError, RuntimeError) as error:
            return {"text/plain": f"{self.outline}\n({error})"}


def _cut(line: str) -> str:
    """A line that fits into a box."""
    line = "".join([c if c.isprintable() else " " for c in line])
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def graph(
    tensor: Any, names: Any = None, *, depth: int = 1, fold: bool = True, limit: int = 100
) -> Graph:
    """The operations that a tensor came from, with shapes, values and gradients.

    A graph keeps what its gradient rules need: that is what can be shown of operations in between,
    until ``backward`` frees it. What was computed within `minigrad.viz.recording` shows everything,
    and the call of a module as one box, with its parameters.

    A loop that computes the same at each step, as an unrolled recurrence does, is drawn once, in a
    frame that says how often: its last step, with dashed arrows to the next.

    Parameters
    ----------
    tensor : Tensor
        Such as a loss.
    names : Module, or mapping of names to tensors and modules, optional
        What tensors are called. (Those of modules that ran within `recording` are known.)
    depth : int
        1: the call of a module is one box; 2: so are the calls of modules inside it, whose own
        operations are boxes; and so on. 0: every operation is a box. Default: 1.
    fold : bool
        False: every step of a loop is drawn. Default: True.
    limit : int
        How many operations are drawn at most; those before them are one box. Default: 100.

    Returns
    -------
    Graph

    Raises
    ------
    TypeError
        `tensor` is none, or `names` names something that is no tensor.
    ValueError
        Nothing was recorded: `tensor` is a leaf, or requires no gradient. Or `depth` is negative,
        or `limit` below 1.

    Examples
    --------
    >>> import minigrad as mg
    >>> w = mg.tensor([2.0, 3.0], requires_grad=True)
    >>> h = mg.ones(2)
    >>> for _ in range(4):
    ...     h = (h * w).tanh()
    >>> print(mg.viz.graph(h, {"w": w}).outline)
    w; shape (2,); 2, 3; no grad yet
    [4 times] mul; shape (2,)  <- w, tanh (next step)
    [4 times] tanh; shape (2,); 0.9575, 0.9949  <- mul
    before backward(): gradients are not there yet
    """
    if not isinstance(tensor, Tensor):
        raise TypeError(f"graph: expected a Tensor, got {type(tensor).__name__}")
    if tensor.node is None or tensor.edge is None:
        what = "it is a leaf" if tensor.requires_grad else "it requires no gradient"
        raise ValueError(f"graph: nothing was recorded of how this tensor came about: {what}")
    if depth < 0 or limit < 1:
        raise ValueError(
            f"graph: depth must be 0 or more and limit 1 or more, got {depth}, {limit}"
        )
    if names is not None and not isinstance(names, (Module, Mapping)):
        raise TypeError(f"names: expected a Module or a mapping, got {type(names).__name__}")
    for name, value in names.items() if isinstance(names, Mapping) else ():
        if not isinstance(value, (Tensor, Module)):
            raise TypeError(f"names: {name!r} is no Tensor nor Module, but {type(value).__name__}")
    return Graph(boxes_of(tensor, names, depth, fold, limit))
