"""Regenerate ``edges.json``: what PyTorch makes of arguments at the edge of what is allowed.

    python tests/golden/make_edges.py

needs torch. The scenes are the lines of ``edges.txt``: tensors without axes, empty lists of axes,
sources of another size, bools, integers beyond a type. What is stored is what the last statement of
a scene returns, with shape and dtype, or the class of what it raises. `tests/test_edges.py`
plays the same scenes.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

SCENES = Path(__file__).with_name("edges.txt").read_text(encoding="utf-8").splitlines()
TARGET = Path(__file__).with_name("edges.json")


def names(t: Any) -> dict[str, Any]:
    """The tensors that scenes name."""
    x = t.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 7.0]])
    return {
        "torch": t,
        "x": x,
        "d": x.double(),
        "z": t.tensor(3.0),
        "i": t.tensor(0),
        "n": t.tensor([1, 2, 3]),
        "u": t.tensor([1, 2, 3], dtype=t.uint8),
        "b": t.tensor([True, False]),
    }


def described(result: Any) -> str:
    """Values, shapes and dtypes."""
    if isinstance(result, (tuple, list)):
        return ", ".join(map(described, result))
    values = [round(v, 4) for v in result.reshape(-1).tolist()]
    return f"{values} {list(result.shape)} {result.dtype}"


def play(scene: str, t: Any) -> str:
    """What a scene returns, or the class of what it raises."""
    known = names(t)
    *statements, last = scene.split("; ")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for statement in statements:
                exec(statement, known)
            return described(eval(last, known))
        except Exception as error:
            return type(error).__name__


def main() -> None:
    """Play all scenes with PyTorch."""
    import torch

    shown = {scene: play(scene, torch) for scene in SCENES}
    TARGET.write_text(json.dumps(shown, indent=0) + "\n", encoding="utf-8")
    print(f"{len(shown)} scenes of torch {torch.__version__}")


if __name__ == "__main__":
    main()
