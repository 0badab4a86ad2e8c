"""`RNNBase`: what all recurrent layers have in common, written once for all recurrences.

A layer names its recurrence. Everything else is here:
parameters, layouts, stacking, both directions, dropout between layers, and batches of sequences of
different lengths, whether they come packed or with ``lengths=``.

    L sequence length, N batch, H_in input size, H hidden size, D directions (1 or 2),
    R rows of a packed batch: the sum of all lengths
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from ..autograd.primitive import primitive
from ..autograd.tensor_base import wrap
from ..nn.functional import dropout
from ..nn.module import Module
from ..nn.parameter import Parameter
from ..ops.join import cat, stack_rows, unbind
from ..ops.rows import gather_rows, reorder, scatter_rows
from ..ops.shape import transpose
from ..tensor.creation import empty
from .checks import check_construction, check_layer_input, check_layer_states, check_no_projection
from .initial import draw_, parameter_shapes
from .operation import recur
from .packed import PackedSequence
from .ragged import ragged
from .recurrence import RECURRENCES, Recurrence

if TYPE_CHECKING:
    from ..tensor import Tensor

MODES = RECURRENCES  # as they were called before


@functools.cache
def _batch_to_front(name: str) -> Any:
    """A transposition, named after the recurrence of that name: what is printed depends on it."""
    return primitive(f"transpose.of_{name}", lambda x: x.swapaxes(0, 1), view="always",
                     x=lambda g: transpose(g, 0, 1))  # fmt: skip


class RNNBase(Module):
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
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def _state_sizes(self) -> tuple[int, ...]:
        """The size of each state: the projection makes the hidden state smaller, not the cell."""
        sizes = (self.proj_size or self.hidden_size, self.hidden_size)
        return sizes[: len(self.recurrence.states)]

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

    # --------------------------------------------------------------------------------------------
    # Running
    # --------------------------------------------------------------------------------------------

    if TYPE_CHECKING:

        @overload
        def __call__(
            self, input: Tensor, hx: Any = None, *, lengths: Any = None
        ) -> tuple[Tensor, Any]: ...

        @overload
        def __call__(self, input: PackedSequence, hx: Any = None) -> tuple[PackedSequence, Any]: ...

        def __call__(self, *args: Any, **kwargs: Any) -> Any: ...

    def forward(self, input: Any, hx: Any = None, *, lengths: Any = None) -> tuple[Any, Any]:
        """Run the layers over a sequence, or over a batch of them.

        Parameters
        ----------
        input : Tensor or PackedSequence
            (L, N, H_in), or (N, L, H_in) if `batch_first`, or (L, H_in) for one sequence.
        hx : Tensor or, with two states, a tuple of two, optional
            The initial states, each (D * num_layers, N, H) or, for one sequence,
            (D * num_layers, H). Default: zeros.
        lengths : list or Tensor of int, shape (N,), optional
            How many steps each sequence has, in any order; 0 to L. What lies beyond does not count:
            each sequence runs to its own end, and back from there. Default: all have L.

        Returns
        -------
        output : Tensor or PackedSequence
            The states of the last layer after each step, laid out as the input, (..., D * H): the
            forward direction first. Zero beyond the end of a sequence.
        h_n : Tensor or, with two states, a tuple of two
            The last states of all layers, shaped as `hx`. With `lengths`, those after each
            sequence's own last step; a sequence without steps keeps its initial state.
        """
        if isinstance(input, PackedSequence):
            return self._forward_packed(input, hx, lengths)
        check_layer_input(self, input, self._dtype)
        x, batched = input, input.array.ndim == 3
        if not batched:
            x = x.unsqueeze(1)
        elif self.batch_first:
            x = x.transpose(0, 1)  # (L, N, H_in)
        steps, batch = x.array.shape[:2]
        states = self._initial_states(hx, input, 3 if batched else 2, batch, lengths is not None)
        if lengths is None:
            output, states = self._stacked(x, states)
        else:
            plan = ragged(
                lengths, steps, batch,
                layout=f"input has shape {list(input.shape)}, batch_first={self.batch_first}",
            )  # fmt: skip
            output, states = self._reordered(
                gather_rows(x, plan.rows, 2), states, plan.batch_sizes, plan.order, plan.inverse
            )
            output = scatter_rows(output, plan.rows, (steps, batch))
        if not batched:
            output, states = output.squeeze(1), [s.squeeze(1) for s in states]
        elif self.batch_first:
            output = _batch_to_front(self.recurrence.name)(output)
        return output, states[0] if len(states) == 1 else tuple(states)

    def _forward_packed(self, input: Any, hx: Any, lengths: Any) -> tuple[Any, Any]:
        if lengths is not None:
            raise ValueError(
                f"{type(self).__name__}: a PackedSequence has its own lengths; lengths= is for "
                "padded batches"
            )
        check_layer_input(self, input.data, self._dtype, packed=True)
        batch_sizes = input.batch_sizes.array
        states = self._initial_states(hx, input.data, 3, int(batch_sizes[0]), True)
        sorting, unsorting = input.sorted_indices, input.unsorted_indices
        if sorting is None:
            output, states = self._stacked(input.data, states, batch_sizes)
        else:
            output, states = self._reordered(
                input.data, states, batch_sizes, sorting.array, unsorting.array
            )
        packed = PackedSequence(output, input.batch_sizes, sorting, unsorting)
        return packed, states[0] if len(states) == 1 else tuple(states)

    @property
    def _dtype(self) -> Any:
        return self._weight("weight_ih_l0").array.dtype

    def _initial_states(
        self, hx: Any, input: Any, rank: int, batch: int, ragged: bool
    ) -> list[Any]:
        """For each layer and direction its states, (h, c): None, or tensors (N, size).

        Where all sequences have one length, None stands for zeros.
        """
        sizes = self._state_sizes
        if hx is None:
            zeros = [wrap(np.zeros((batch, size), input.array.dtype)) for size in sizes if ragged]
            return [(*zeros, None, None)[:2]] * len(self._all_weights)
        states = (hx,) if len(sizes) == 1 else hx
        if len(sizes) == 2 and not (isinstance(hx, (tuple, list)) and len(hx) == 2):
            raise TypeError(
                f"{type(self).__name__}: hx must be a tuple of two tensors, (h_0, c_0), got "
                f"{type(hx).__name__}"
            )
        check_layer_states(self, states, sizes, input, rank, batch)
        each = [unbind(s if rank == 3 else s.unsqueeze(1)) for s in states]
        return list(zip(*each)) if len(each) == 2 else [(h, None) for h in each[0]]

    def _reordered(
        self, rows: Any, states: list[Any], batch_sizes: Any, order: Any, inverse: Any
    ) -> tuple[Any, list[Any]]:
        """`_stacked` for packed rows, with states in the order of the original batch."""
        states = [
            [None if s is None else reorder(s, order, inverse, 0) for s in pair] for pair in states
        ]
        output, ends = self._stacked(rows, states, batch_sizes)
        return output, [reorder(s, inverse, order, 1) for s in ends]

    def _stacked(self, x: Any, states: list[Any], batch_sizes: Any = None) -> tuple[Any, list[Any]]:
        """All layers: x (L, N, H_in) or (R, H_in) to the last layer's output and all last states.

        The states come as pairs (h, c), one for each layer and direction, and go as one tensor
        each, (D * num_layers, N, H).
        """
        recurrence, directions = self.recurrence, self._directions
        ends = []
        for layer in range(self.num_layers):
            if layer and self.dropout:
                x = dropout(x, self.dropout, self.training)
            outputs = []
            for k in range(layer * directions, (layer + 1) * directions):
                output, *end = recur(
                    recurrence, x, states[k], self._weights(k), batch_sizes, k % directions == 1
                )
                outputs.append(output)
                ends.append(end)
            x = outputs[0] if directions == 1 else cat(outputs, -1)  # (..., D * H)
        return x, ends[0] if len(ends) == 1 else [stack_rows(state) for state in zip(*ends)]
