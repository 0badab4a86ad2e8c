"""Regenerate ``signatures.json``: the names of the arguments of PyTorch's functions, in order.

    python tests/golden/make_signatures.py

needs torch. They are those before the ``*`` in the first line of each docstring; where Python knows
the signature, it is asked. `tests/test_signatures.py` compares.
"""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

TARGET = Path(__file__).with_name("signatures.json")


def documented(name: str, text: str) -> list[str] | None:
    """The names of the arguments that may be given by place; None if the text does not say."""
    found = re.match(rf"\s*(?:torch\.)?{name}\((.*?)\)\s*(?:->|\n)", text)
    if found is None:
        return None
    before = re.sub(r"\([^)]*\)", "0", found[1]).split("*")[0]
    names = [part.split("=")[0].split(":")[0].strip() for part in before.split(",")]
    return [n for n in names if n.isidentifier() and n != "out"]


def main() -> None:
    """Write the names down."""
    import torch

    lines = []
    for module in (torch, torch.nn.functional):
        for name in sorted(dir(module)):
            function = getattr(module, name)
            if name.startswith("_") or not callable(function) or isinstance(function, type):
                continue
            arguments = documented(name, function.__doc__ or "")
            if arguments is None and inspect.isfunction(function):
                kinds = inspect.signature(function).parameters.values()
                arguments = [p.name for p in kinds if p.kind is p.POSITIONAL_OR_KEYWORD]
            if arguments:
                lines.append(f"{json.dumps(f'{module.__name__}.{name}')}: {json.dumps(arguments)}")
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{len(lines)} functions of torch {torch.__version__}")


if __name__ == "__main__":
    main()
