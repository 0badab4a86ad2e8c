"""Check claims about ``utils.checkpoint`` against PyTorch 2.13.

    python tests/golden/make_recomputation.py

needs torch. Nothing is stored: `tests/test_recomputation.py` makes the same claims of minigrad.
"""

from __future__ import annotations

import importlib
import runpy
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

HERE = Path(__file__).parent
facts = SimpleNamespace(**runpy.run_path(str(HERE / "facts.py")))
Plain = facts.Plain


def room(t: Any) -> Any:
    """The module with all this."""
    return importlib.import_module(f"{t.__name__}.utils.checkpoint")


def called(t: Any, function: Any, *args: Any, **options: Any) -> Any:
    """A checkpoint of `function`, at a vector of ones by default."""
    args = args or (t.ones(2, requires_grad=True),)
    return room(t).checkpoint(function, *args, **{"use_reentrant": False, **options})


def sequential(t: Any, segments: int, **options: Any) -> Any:
    """Three doublings."""
    steps = [lambda x: 2 * x] * 3
    return room(t).checkpoint_sequential(
        steps, segments, t.ones(2, requires_grad=True), **{"use_reentrant": False, **options}
    )


def backward_twice(t: Any, **options: Any) -> None:
    """Two ways back without keeping the graph."""
    y = called(t, lambda x: x**3, **options)
    y.sum().backward()
    y.sum().backward()


def warnings_of(scene: Any) -> list[str]:
    """The beginnings of the warnings of a scene."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        scene()
    return [
        str(w.message).partition(" the use_")[0].partition(":")[0].partition("=")[0] for w in caught
    ]


def changing(t: Any) -> None:
    """A function that uses a parameter only the first time."""
    a, b = t.ones(2, requires_grad=True), t.ones(2, requires_grad=True)
    factors = iter([a * 1, t.ones(2)])
    called(t, lambda x: x * next(factors).exp(), b).sum().backward()


ERRORS: dict[str, tuple[str, str, Any]] = {
    "keywords": ("ValueError", "Unexpected keyword arguments: k",
                 lambda t: called(t, lambda x, k: x, use_reentrant=True, k=2)),
    "context_fn": ("ValueError", "`context_fn` or `debug` is only supported when use_reentrant=Fa",
                   lambda t: called(t, lambda x: x, use_reentrant=True, context_fn=print)),
    "debug": ("ValueError", "`context_fn` or `debug` is only supported when use_reentrant=False",
              lambda t: called(t, lambda x: x, use_reentrant=True, debug=True)),
    "check": ("ValueError", r"should be one of \['default', 'none'\], but got often",
              lambda t: called(t, lambda x: x, determinism_check="often")),
    **{
        f"twice, {reentrant}": (
            "RuntimeError", "Trying to backward through the graph a second time",
            lambda t, reentrant=reentrant: backward_twice(t, use_reentrant=reentrant))
        for reentrant in (False, True)
    },
    "changes": ("CheckpointError", "torch.utils.checkpoint: .* original forward and recomputation",
                changing),
    "sequential": ("ValueError", "Unexpected keyword arguments: foo",
                   lambda t: sequential(t, 2, foo=1)),
    "segments": ("ValueError", "must not be", lambda t: sequential(t, 4)),
}  # fmt: skip

TEXTS: list[tuple[str, Any]] = [
    ("tensor([2., 2.], grad_fn=<MulBackward0>)", lambda t: called(t, lambda x: 2 * x)),
    ("tensor([2., 2.], grad_fn=<CheckpointFunctionBackward>)",
     lambda t: called(t, lambda x: 2 * x, use_reentrant=True)),
    ("tensor([3., 3.], grad_fn=<MulBackward0>)", lambda t: called(
        t, lambda x, k: k * x, t.ones(2, requires_grad=True), k=3)),
    ("(tensor([2., 2.], grad_fn=<MulBackward0>), 3, {'a': tensor([1., 1.], requires_grad=True)})",
     lambda t: called(t, lambda x: (2 * x, 3, {"a": x}))),
    ("tensor([2., 2.])", lambda t: called(t, lambda x: 2 * x, t.ones(2))),
    ("tensor([8., 8.], grad_fn=<MulBackward0>)", lambda t: sequential(t, 2)),
    ("tensor([8., 8.], grad_fn=<MulBackward0>)", lambda t: sequential(t, 3)),
    ("tensor([8., 8.], grad_fn=<MulBackward0>)", lambda t: sequential(t, 1)),
    ("['torch.utils.checkpoint']", lambda t: warnings_of(
        lambda: called(t, lambda x: x, use_reentrant=None))),
    ("['torch.utils.checkpoint.checkpoint_sequential']", lambda t: warnings_of(
        lambda: sequential(t, 1, use_reentrant=None))),
    ("['None of the inputs have requires_grad']",
     lambda t: warnings_of(lambda: called(t, lambda x: x, t.ones(1), use_reentrant=True))),
    ("(tensor([3., 3.], grad_fn=<MulBackward0>),)", lambda t: t.autograd.grad(
        *(lambda x: (called(t, lambda x: x**3, x).sum(), x))(t.ones(2, requires_grad=True)),
        create_graph=True)),
]  # fmt: skip


def main() -> None:
    """Check the claims."""
    import torch

    facts.verify(torch, ERRORS, TEXTS)


if __name__ == "__main__":
    main()
