"""How modules are shown in notebooks: a tree that unfolds, with parameters and their gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..arrays.display import escaped, note, unfolding

if TYPE_CHECKING:
    from .module import Module

__all__ = ["html_of"]

MOST = 200  # modules that are shown


def html_of(module: Module) -> str:
    """A module as HTML: its settings, its parameters, and the same of the modules in it.

    Examples
    --------
    >>> from minigrad import nn
    >>> "3.weight" in html_of(nn.Linear(2, 3)), "weight (3, 2)" in html_of(nn.Linear(2, 3))
    (False, True)
    """
    total = sum([1 for _ in module.modules()])
    left = [MOST]
    tree = _tree("", module, left, is_open=True)
    more = note(f"{total - MOST} more modules are not shown") if total > MOST else ""
    return f"<div>{tree}{more}</div>"


def _tree(name: str, module: Module, left: list[int], is_open: bool = False) -> str:
    """A module and what is in it, as long as `left` allows."""
    left[0] -= 1
    lines = [_line(kind, key, v) for kind, key, v in _own(module) if v is not None]
    inside = "".join(lines)
    for key, child in module._modules.items():
        if child is not None and left[0] > 0:
            inside += _tree(key, child, left)
    settings = module.extra_repr().replace("\n", " ")
    prefix = f"{escaped(name)}: " if name else ""
    title = f"{prefix}<b>{escaped(module._get_name())}</b>"
    if settings:
        title += f"({escaped(settings)})"
    title += f' <span style="opacity:.75">{_count(module)}</span>'
    return unfolding(title, inside, is_open) if inside else f"<div>{title}</div>"


def _own(module: Module) -> list[tuple[str, str, Any]]:
    parameters = [("parameter", name, p) for name, p in module._parameters.items()]
    return [*parameters, *[("buffer", name, b) for name, b in module._buffers.items()]]


def _line(kind: str, name: str, tensor: Any) -> str:
    """One parameter or buffer."""
    try:
        said = f"{name} {tuple(tensor.array.shape)}"
    except ValueError:  # of a lazy layer
        said = f"{name}, no shape yet"
    if kind == "buffer":
        said += ", buffer"
    elif not tensor._requires_grad:
        said += ", frozen"
    else:
        said += ", no grad yet" if tensor._grad is None else ", has a grad"
    return f'<div style="font-family:monospace">{escaped(said)}</div>'


def _count(module: Module) -> str:
    """How many numbers there are to be learned."""
    try:
        count = sum([p.array.size for p in module.parameters()])
    except ValueError:
        return "some parameters have no shape yet"
    return f"{count:,} parameter{'' if count == 1 else 's'}" if count else "no parameters"
