"""Models as ONNX files, and back: `export`, `load`. (The package ``onnx`` is imported when needed.)

- `exported`: `export`, and the graph of a model.
- `given`: the arguments of `export`, their names, and which of their axes are free.
- `tracing`: what a model does, as a list; `recurrent`: its recurrent layers in that list.
- `sizes`: which numbers of several recordings depend on sizes, and how.
- `writing`: from the lists of several recordings to the nodes of a graph.
- `table`: how each operation is written: `number_functions`, `reductions`, `places`, `functions`,
  `layers`.
- `proof`: a file is run, and compared with the model.
- `graphs`: graphs inside of graphs, the bodies of loops.
- `loaded`: `load`, and the module that it returns; `nodes`: what each node does; `recurrent_nodes`:
  RNN, LSTM and GRU as layers, loops.
- `extras`: the packages that are needed.
"""

from .exported import ExportError, export
from .loaded import Loaded, load

__all__ = ["ExportError", "Loaded", "export", "load"]
