"""The proof of a file: it is run, and has to give what the model gives."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..autograd.grad_mode import no_grad
from ..autograd.tensor_base import wrap
from ..debug.calls import kept
from ..plans.traced import Refused
from ..runtime.extras import is_there
from .extras import needed
from .given import Given
from .tracing import flattened, rebuilt

__all__ = ["check_repeats", "difference", "is_chaotic", "prove", "results", "runner"]


def results(model: Any, call: Any) -> list[Any]:
    """What a model gives, as arrays."""
    with kept(model), no_grad():
        return [t.array for t in flattened(model(*call[0], **call[1]))]


def check_repeats(model: Any, given: Given) -> None:
    """Refuse a model that gives something else when it is called again."""
    with kept(model), no_grad():
        first, second = [
            [t.array.copy() for t in flattened(model(*given.call[0], **given.call[1]))]
            for _ in range(2)
        ]
    if not first:
        raise Refused("it returns no tensor")
    if len(first) != len(second) or not all(
        [np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in zip(first, second)]
    ):
        raise Refused(
            "it gives something else when it is called again: it draws random numbers, or keeps a "
            "state from one call to the next; let this be an input and an output"
        )


def prove(model: Any, given: Given, settings: list[dict[str, int]], made: Any) -> str:
    """Compare the file with the model: on the example, with other sizes, and with sizes of 1.

    Returns the first difference in words, "" if there is none. One for sizes of 1 is a warning:
    there NumPy's rules are others, and ``squeeze()`` takes away what else would be the batch.
    """
    run = runner(made)
    taken = {i.name for i in made.graph.input}
    for k, setting in enumerate([None, *settings]):
        case = given if setting is None else given.resized(setting, 100 + k)
        arrays = {n: np.ascontiguousarray(a) for n, a in case.arrays.items()}
        ones = setting is not None and min(setting.values()) < 2
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                expected = results(model, case.call)
        except Exception:
            if setting is None:
                raise
            continue  # the model itself cannot have such sizes
        where = ", ".join([f"{n} {list(v.shape)}" for n, v in arrays.items()])
        try:
            got = run({n: a for n, a in arrays.items() if n in taken})
            found = difference(expected, got)
        except Exception as error:  # (of ONNX Runtime, which have no common class)
            found = f"the file fails: {str(error).splitlines()[0]}"
        if found and ones:
            warnings.warn(
                f"onnx.export: {type(model).__name__}: for inputs {where} {found}: where a free "
                "axis has size 1, the model takes another way than the file", stacklevel=4,
            )  # fmt: skip
        elif found and not is_chaotic(model, case, expected):
            return f"for inputs {where} {found}"
    return ""


def is_chaotic(model: Any, given: Given, expected: Any) -> bool:
    """Whether the model gives something else for inputs that differ by rounding errors alone.

    Some recurrences do after hundreds of steps: there no two programs give the same numbers.
    """
    moved = [
        wrap(a * np.asarray(1 + 8 * np.finfo(a.dtype).eps, a.dtype) if a.dtype.kind == "f" else a)
        for a in given.arrays.values()
    ]
    return "differs by" in difference(expected, results(model, rebuilt(given.call, iter(moved))))


def difference(expected: Any, got: Any) -> str:
    """How the outputs of a file differ from those of the model; "" if they do not."""
    for k, (a, b) in enumerate(zip(expected, got)):
        if a.shape != b.shape:
            return f"output {k} of the file has shape {list(b.shape)} instead of {list(a.shape)}"
        if a.dtype != b.dtype:
            return f"output {k} of the file is of {b.dtype} instead of {a.dtype}"
        if a.dtype.kind != "f":
            near = np.array_equal(a, b)
        else:  # (rounding errors add up in sums: what counts is the size of the whole)
            size = 1 + np.abs(a[np.isfinite(a)]).max(initial=0)
            near = np.allclose(a, b, rtol=1e-3, atol=1e-4 * size, equal_nan=True)
        if not near:
            gap = np.abs(a.astype(float) - b).max()
            return f"output {k} of the file differs by {gap:.2g}"
    return ""


def runner(made: Any) -> Any:
    """What runs a file: ONNX Runtime, or, where that is missing or lacks an operation, onnx."""
    if is_there("onnxruntime"):
        runtime = needed("onnxruntime")
        options = runtime.SessionOptions()
        options.log_severity_level = 4
        try:
            session = runtime.InferenceSession(
                made.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # (a class of its own: some operations lack float64 there)
            if "NOT_IMPLEMENTED" not in str(error):
                raise
            warnings.warn(
                f"onnx.export: ONNX Runtime cannot run this file: {str(error).splitlines()[0]}; a "
                "model in float32 could be", stacklevel=5,
            )  # fmt: skip
        else:
            return lambda arrays: session.run(None, arrays)
    reference = needed("onnx.reference").ReferenceEvaluator(made)
    return lambda arrays: reference.run(None, arrays)
