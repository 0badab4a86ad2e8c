"""`Trace`: what could be seen of a recurrent layer while it ran, by layer, direction and name.

`SequenceLayer.trace` makes them (`trace_run`). Here is what people do with one: look, take a part
of it, and take it elsewhere, to NumPy and pandas.

    L sequence length, N batch, H hidden size
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..autograd.tensor_base import wrap

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = ["DirectionTrace", "LayerTrace", "Trace"]

NO_PANDAS = "to_pandas() makes a DataFrame of pandas, which is not installed: pip install pandas"
COLUMNS = ("layer", "direction", "name", "time", "batch", "unit", "value")


class _Part:
    """What a trace and its parts have in common."""

    _place: str

    def _flat(self) -> list[tuple[int, str, DirectionTrace]]:
        """All directions in it, each with its layer and its name."""
        raise NotImplementedError

    def to_pandas(self) -> Any:
        """All numbers as a DataFrame, a row for each: what plotting libraries like.

        Returns
        -------
        pandas.DataFrame
            Columns layer, direction, name, time, batch, unit, value. Steps beyond the end of a
            sequence are left out; units of a state whose rows are matrices are counted through; one
            sequence without a batch is batch 0.

        Raises
        ------
        ImportError
            pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise ImportError(NO_PANDAS) from None
        columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
        for layer, direction, part in self._flat():
            for name in part.names:
                where, values = part._rows(name)
                found: tuple[Any, ...] = (layer, direction, name, *where, values)
                for column, value in zip(COLUMNS, found):
                    columns[column].append(np.broadcast_to(value, values.shape))
        return pandas.DataFrame({name: np.concatenate(parts) for name, parts in columns.items()})

    def __repr__(self) -> str:
        lines = [self._place]
        for layer, direction, part in self._flat():
            lines.append(f"  layer {layer}, {direction}")
            width = max(map(len, part.names))
            lines += [f"    {name:{width}}  {part._described(name)}" for name in part.names]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """As a small table, in notebooks."""
        rows = [
            (f"{layer}", direction, name, part._described(name))
            for layer, direction, part in self._flat()
            for name in part.names
        ]
        cells = [[f"<td>{html.escape(text)}</td>" for text in row] for row in rows]
        body = "".join([f"<tr>{''.join(row)}</tr>" for row in cells])
        head = "".join([f"<th>{name}</th>" for name in ("layer", "direction", "name", "shape")])
        return (
            f"<table><caption>{html.escape(self._place)}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )


class DirectionTrace(_Part):
    """What could be seen of one direction of one layer: tensors by name, gates and then states.

    ``direction.hidden`` is ``direction["hidden"]``. All tensors are laid out as the layer's output:
    (L, N, H), or (N, L, H) with `batch_first`, or (L, H) for one sequence; a row of a user's state
    may have more axes. Gates are values behind their nonlinearity. What lies beyond the end of a
    sequence is 0.

    Attributes
    ----------
    names : tuple of str
    axes : tuple of str
        Those of the tensors: ("time", "batch", "hidden"), or two of them, or in another order.
    lengths : Tensor or None
        How many steps each sequence has, where they have lengths of their own.

    Notes
    -----
    Gradients flow through all tensors. After ``loss.backward()`` the states have a `grad`: the
    gradient of the loss with respect to the state after each step, through all later steps and
    through what the same step computed from it.
    """

    def __init__(
        self, layer: int, direction: str, tensors: dict[str, Any], axes: tuple[str, ...],
        lengths: Any,
    ) -> None:  # fmt: skip
        self._layer, self._direction, self._tensors = layer, direction, tensors
        self._place = f"trace[{layer}].{direction}"
        self.names, self.axes = tuple(tensors), axes
        self.lengths: Tensor | None = None if lengths is None else wrap(lengths.copy())

    def __getitem__(self, name: str) -> Tensor:
        if name not in self._tensors:
            raise KeyError(f"{self._place} has no {name!r}, only {', '.join(self.names)}")
        return self._tensors[name]

    def __getattr__(self, name: str) -> Tensor:
        tensors = self.__dict__.get("_tensors", {})
        if name not in tensors:
            place = self.__dict__.get("_place", "trace")
            raise AttributeError(f"{place} has no {name!r}, only {', '.join(tensors)}")
        return tensors[name]

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._tensors]

    def __contains__(self, name: object) -> bool:
        return name in self._tensors

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)

    def keys(self) -> Any:
        """The names."""
        return self._tensors.keys()

    def values(self) -> Any:
        """The tensors."""
        return self._tensors.values()

    def items(self) -> Any:
        """Each name with its tensor."""
        return self._tensors.items()

    def numpy(self) -> dict[str, np.ndarray]:
        """All of it as arrays by name: copies, which have nothing to do with gradients.

        Examples
        --------
        >>> import minigrad as mg
        >>> _, _, trace = mg.nn.MGU(3, 4).trace(mg.randn(5, 3))
        >>> {name: array.shape for name, array in trace[0].forward.numpy().items()}
        {'forget_gate': (5, 4), 'new_gate': (5, 4), 'hidden': (5, 4)}
        """
        return {name: tensor.array.copy() for name, tensor in self._tensors.items()}

    def _flat(self) -> list[tuple[int, str, DirectionTrace]]:
        return [(self._layer, self._direction, self)]

    def _described(self, name: str) -> str:
        """The shape of a tensor, with the names of its axes."""
        shape = self._tensors[name].shape
        more = [f"hidden{k}" for k in range(len(shape) - len(self.axes) + 1)]
        axes = self.axes if len(more) == 1 else (*self.axes[:-1], *more)
        return ", ".join([f"{axis} {size}" for axis, size in zip(axes, shape)])

    def _rows(self, name: str) -> tuple[list[np.ndarray], np.ndarray]:
        """A tensor's numbers, one after the other; before, for each its time, batch and unit."""
        array = self._tensors[name].array
        if "batch" not in self.axes:
            array = array[:, None]
        elif self.axes[0] == "batch":
            array = array.swapaxes(0, 1)
        array = array.reshape(*array.shape[:2], -1)  # (L, N, H)
        there = np.ones(array.shape, bool)
        if self.lengths is not None:
            there &= (np.arange(len(array))[:, None] < self.lengths.array)[..., None]
        return list(there.nonzero()), array[there]


class LayerTrace(_Part):
    """What could be seen of one layer, in one or two directions.

    A name that is asked of it is asked of its direction, if there is one.

    Attributes
    ----------
    forward, reverse : DirectionTrace
        From the first step to the last; and from the last to the first, if it is bidirectional.
    """

    forward: DirectionTrace
    reverse: DirectionTrace

    def __init__(self, layer: int, directions: Sequence[DirectionTrace]) -> None:
        self._place, self._directions = f"trace[{layer}]", tuple(directions)
        for name, direction in zip(("forward", "reverse"), directions):
            setattr(self, name, direction)

    def __iter__(self) -> Iterator[DirectionTrace]:
        return iter(self._directions)

    def __len__(self) -> int:
        return len(self._directions)

    def __getattr__(self, name: str) -> Any:
        if name == "reverse":
            raise AttributeError(f"{self._place} has no reverse: the layer is not bidirectional")
        return _of_the_only(self, name)

    def __getitem__(self, name: str) -> Tensor:
        return _of_the_only(self, name, asked=DirectionTrace.__getitem__)

    def numpy(self) -> dict[str, dict[str, np.ndarray]]:
        """All of it as arrays, by direction and name."""
        return {direction: part.numpy() for _, direction, part in self._flat()}

    def _flat(self) -> list[tuple[int, str, DirectionTrace]]:
        return [entry for part in self._directions for entry in part._flat()]


class Trace(_Part):
    """What could be seen of a layer while it ran: ``trace[k].forward`` and ``trace[k].reverse``.

    Each is a `DirectionTrace`. Where there is one layer and one direction, all that can be asked of
    it can be asked of the trace: ``trace.hidden``. `names`, `axes` and `lengths` always can.

    Examples
    --------
    >>> import minigrad as mg
    >>> lstm = mg.nn.LSTM(3, 4, num_layers=2)
    >>> output, (h_n, c_n), trace = lstm.trace(mg.randn(5, 2, 3), lengths=[5, 3])
    >>> trace
    trace of LSTM
      layer 0, forward
        input_gate   time 5, batch 2, hidden 4
        forget_gate  time 5, batch 2, hidden 4
        cell_gate    time 5, batch 2, hidden 4
        output_gate  time 5, batch 2, hidden 4
        hidden       time 5, batch 2, hidden 4
        cell         time 5, batch 2, hidden 4
      layer 1, forward
        input_gate   time 5, batch 2, hidden 4
        forget_gate  time 5, batch 2, hidden 4
        cell_gate    time 5, batch 2, hidden 4
        output_gate  time 5, batch 2, hidden 4
        hidden       time 5, batch 2, hidden 4
        cell         time 5, batch 2, hidden 4
    >>> f = trace[1].forget_gate
    >>> f.shape, bool((f[3:, 1] == 0).all())  # the second sequence has ended
    (torch.Size([5, 2, 4]), True)
    """

    def __init__(self, name: str, layers: Sequence[LayerTrace]) -> None:
        self._place, self._layers = f"trace of {name}", tuple(layers)

    def __getitem__(self, layer: Any) -> Any:
        if isinstance(layer, str):
            return _of_the_only(self, layer, asked=DirectionTrace.__getitem__)
        try:
            return self._layers[layer]
        except IndexError:
            raise IndexError(f"{self._place} has {len(self)} layers, no {layer}") from None

    def __len__(self) -> int:
        return len(self._layers)

    def __iter__(self) -> Iterator[LayerTrace]:
        return iter(self._layers)

    def __getattr__(self, name: str) -> Any:
        if name in ("forward", "reverse"):
            if len(self) == 1:
                return getattr(self[0], name)
            choices = ", ".join([f"trace[{k}].{name}" for k in range(len(self))])
            raise AttributeError(f"this trace has {len(self)} layers: {choices}")
        return _of_the_only(self, name)

    def numpy(self) -> dict[int, dict[str, dict[str, np.ndarray]]]:
        """All of it as arrays, by layer, direction and name."""
        return {k: layer.numpy() for k, layer in enumerate(self._layers)}

    def _flat(self) -> list[tuple[int, str, DirectionTrace]]:
        return [entry for layer in self._layers for entry in layer._flat()]


def _of_the_only(part: Any, name: str, asked: Any = getattr) -> Any:
    """What a trace or a layer is asked for, from the only direction in it.

    Raises
    ------
    AttributeError
        There are several: says how to choose.
    """
    if name.startswith("__") or "_place" not in part.__dict__:  # (while it is copied)
        raise AttributeError(name)
    each = part._flat()
    first = each[0][2]
    if len(each) == 1 or name in ("names", "axes", "lengths"):
        return asked(first, name)
    if not hasattr(first, name):
        raise AttributeError(f"{part._place} has no {name!r}, only {', '.join(first.names)}")
    what = [f"{len(part)} layers"] if isinstance(part, Trace) and len(part) > 1 else []
    what += ["2 directions"] if len({direction for _, direction, _ in each}) == 2 else []
    choices = ", ".join([f"{one._place}.{name}" for _, _, one in each])
    raise AttributeError(f"this trace has {' and '.join(what)}: {choices}")
