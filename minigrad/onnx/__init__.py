"""Models as ONNX files, and back: `export`. (The package ``onnx`` is imported when it is needed.)

- `exported`: `export`, and the graph of a model.
- `given`: the arguments of `export`, their names, and which of their axes are free.
- `tracing`: what a model does, as a list; `recurrent`: its recurrent layers in that list.
- `sizes`: which numbers of several recordings depend on sizes, and how.
- `writing`: from the lists of several recordings to the nodes of a graph.
- `table`: how each operation is written: `number_functions`, `reductions`, `places`, `functions`,
  `layers`.
- `proof`: a file is run, and compared with the model.
- `extras`: the packages that are needed.
"""

from .exported import ExportError, export

__all__ = ["ExportError", "export"]
