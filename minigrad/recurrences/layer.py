"""`RNNBase`: what recurrent layers have in common, written once for all recurrences.

A layer names its recurrence. Parameters, their names and their initial values are here; how a layer
runs over sequences is in `sequences`.

    H_in input size, H hidden size, D directions (1 or 2), G number of gates
"""

from __future__ import annotations

from typing import Any

from ..nn.parameter import Parameter
from ..tensor.creation import empty
from .checks import check_construction, check_no_projection
from .initial import draw_, parameter_shapes
from .operation import recur
from .recurrence import RECURRENCES, Recurrence
from .sequences import SequenceLayer

MODES = RECURRENCES  # as they were called before


class RNNBase(SequenceLayer):
    """What all recurrent layers share.

    Parameters
    ----------
    mode : str
        The recurrence, by its name in `minigrad.recurrences.recurrence.RECURRENCES`: "RNN_TANH",
        "RNN_RELU", "LSTM", "GRU", ...
    input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size
        See `LSTM`.
    device, dtype : optional

    Attributes
    ----------
    weight_ih_l{k} : Parameter, shape (G H, H_in) for layer 0, (G H, D H) for the others
    weight_hh_l{k} : Parameter, shape (G H, H)
    bias_ih_l{k}, bias_hh_l{k} : Parameter, shape (G H,)
        For layer k, with the suffix ``_reverse`` for its second direction. G is the number of
        gates. All are drawn from U(-b, b), b = 1 / sqrt(H), in the order in which they are listed,
        layer by layer.
    """

    def __init__(
        self, mode: str, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False,
        proj_size: int = 0, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        check_construction(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, proj_size
        )
        if mode not in RECURRENCES:
            raise ValueError(
                f"Unrecognized RNN mode: {mode}; choose one of {', '.join(RECURRENCES)}"
            )
        self.mode = mode
        if "weight_hr" not in self.recurrence.parameters:
            check_no_projection(proj_size)
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._all_weights: list[list[str]] = []
        for layer in range(num_layers):
            columns = input_size if layer == 0 else (proj_size or hidden_size) * self._directions
            for suffix in ("", "_reverse")[: self._directions]:
                shapes = parameter_shapes(self.recurrence, columns, hidden_size, proj_size, bias)
                names = {f"{kind}_l{layer}{suffix}": shape for kind, shape in shapes.items()}
                for name, shape in names.items():
                    setattr(self, name, Parameter(empty(shape, device=device, dtype=dtype)))
                self._all_weights.append(list(names))
        self.reset_parameters()

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({"proj_size": 0, **state})  # older pickles know no projection

    @property
    def recurrence(self) -> Recurrence:
        """The recurrence of all layers."""
        return RECURRENCES[self.mode]

    @property
    def _dtype(self) -> Any:
        return self._weight("weight_ih_l0").array.dtype

    @property
    def _named(self) -> str:
        return self.recurrence.name

    @property
    def _state_shapes(self) -> tuple[tuple[int, ...], ...]:
        """The projection makes the hidden state smaller, not the cell."""
        shapes = ((self.proj_size or self.hidden_size,), (self.hidden_size,))
        return shapes[: len(self.recurrence.states)]

    @property
    def _state_axes(self) -> tuple[str, ...]:
        return ("proj_size" if self.proj_size else "hidden_size", "hidden_size")

    @property
    def all_weights(self) -> list[list[Any]]:
        """The parameters, one list for each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    @property
    def _flat_weights(self) -> list[Any]:
        return [getattr(self, name) for name in self._flat_weights_names]

    @property
    def _flat_weights_names(self) -> list[str]:
        return [name for names in self._all_weights for name in names]

    def _weights(self, k: int) -> list[Any]:
        """w_ih, w_hh, b_ih, b_hh, w_hr of the k-th direction of all layers; None if absent."""
        own, found = self._parameters, []
        for name in self._all_weights[k]:
            value = own.get(name)  # `_weight`, without a call
            found.append(getattr(self, name) if value is None else value)
        if not self.bias:
            found[2:2] = (None, None)
        return found + [None] * (5 - len(found))

    def _each_direction(self) -> list[dict[str, Any]]:
        """The parameters of each layer and direction, by the names that a cell has for them."""
        return [
            {name[: name.index("_l")]: getattr(self, name) for name in names}
            for names in self._all_weights
        ]

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        draw_(self.parameters(), self.hidden_size)

    def flatten_parameters(self) -> None:
        """Do nothing: there is no GPU memory to arrange. Scripts for PyTorch call it."""

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        text = f"{self.input_size}, {self.hidden_size}"
        defaults = {
            "proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0,
            "bidirectional": False,
        }  # fmt: skip
        for name, default in defaults.items():
            value = getattr(self, name)
            text += "" if value == default else f", {name}={value}"
        return text

    def _direction(
        self, k: int, x: Any, states: Any, batch_sizes: Any, reverse: bool
    ) -> tuple[Any, ...]:
        pair = states if len(states) == 2 else (*states, None)
        return recur(self.recurrence, x, pair, self._weights(k), batch_sizes, reverse)
