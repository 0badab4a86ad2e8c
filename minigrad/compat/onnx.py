"""`torch.onnx`: the exporter of `minigrad.onnx`, with PyTorch's arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any

from ..onnx import ExportError as OnnxExporterError
from ..onnx import export as _export

__all__ = ["OnnxExporterError", "TrainingMode", "export", "is_in_onnx_export"]

# What changes how PyTorch finds or stores a graph, and not what the graph gives.
WITHOUT_EFFECT = {
    "dynamo", "external_data", "report", "optimize", "profile", "dump_exported_program",
    "artifacts_dir", "operator_export_type", "autograd_inlining", "fallback", "strict",
}  # fmt: skip
# What another file would be needed for.
REFUSED = ("custom_translation_table", "custom_opsets", "export_modules_as_functions")


class TrainingMode(IntEnum):
    """In which mode a model is exported: only EVAL is there (PRESERVE of a model in that mode)."""

    EVAL = 0
    PRESERVE = 1
    TRAINING = 2


def is_in_onnx_export() -> bool:
    """Whether a model runs to be exported: always False, so that it does what it always does."""
    return False


def export(
    model: Any, args: tuple[Any, ...] = (), f: Any = None, *,
    kwargs: Mapping[str, Any] | None = None, verbose: bool | None = None,
    input_names: Sequence[str] | None = None, output_names: Sequence[str] | None = None,
    opset_version: int | None = None, dynamic_shapes: Any = None, verify: bool | None = None,
    export_params: bool = True, keep_initializers_as_inputs: bool = False,
    dynamic_axes: Any = None, training: Any = TrainingMode.EVAL, do_constant_folding: bool = True,
    **options: Any,
) -> None:  # fmt: skip
    """Write a model as an ONNX file: `minigrad.onnx.export`. PyTorch returns a program, we None."""
    for name, value in options.items():
        if name in REFUSED and value:
            raise NotImplementedError(f"torch.onnx.export: {name} is not there in minigrad")
        if name not in WITHOUT_EFFECT and name not in REFUSED:
            raise TypeError(f"export() got an unexpected keyword argument '{name}'")
    _export(
        model, args, f, export_params, verbose, training, input_names, output_names, kwargs=kwargs,
        opset_version=opset_version, dynamic_axes=dynamic_axes, dynamic_shapes=dynamic_shapes,
        keep_initializers_as_inputs=keep_initializers_as_inputs, verify=verify or None,
    )  # fmt: skip
