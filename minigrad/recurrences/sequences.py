"""`SequenceLayer`: what layers over sequences share, whatever they run at each step.

Layouts, stacking, both directions, dropout between layers, initial and last states, and batches of
sequences of different lengths, whether they come packed or with ``lengths=``. What one direction of
one layer computes, a subclass says.

    L sequence length, N batch, H_in input size, H output size, D directions (1 or 2),
    R rows of a packed batch: the sum of all lengths
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, ClassVar, overload

import numpy as np

from ..autograd.listening import heard, is_listening
from ..autograd.primitive import primitive
from ..autograd.tensor_base import TensorBase, wrap
from ..nn.functional import dropout
from ..nn.module import Module
from ..ops.join import cat, stack_rows, unbind
from ..ops.rows import gather_rows, reorder, scatter_rows
from ..ops.shape import transpose
from ..tensor.creation import zeros
from .checks import (
    check_layer_input,
    check_layer_states,
    check_not_both,
    check_states_by_layer,
    check_tuple_of_states,
)
from .options import Options, set_options
from .packed import PackedSequence
from .ragged import ragged
from .trace_run import run_traced

if TYPE_CHECKING:
    from ..tensor import Tensor
    from .trace import Trace


_NO_OPTIONS = Options()


@functools.cache
def _batch_to_front(name: str) -> Any:
    """A transposition, named after the recurrence of that name: what is printed depends on it."""
    return primitive(f"transpose.of_{name}", lambda x: x.swapaxes(0, 1), view="always",
                     x=lambda g: transpose(g, 0, 1))  # fmt: skip


def _zeros(shape: tuple[int, ...], dtype: Any) -> Any:
    """`zeros` without what users may ask of it."""
    return zeros(shape, dtype=dtype) if is_listening() else wrap(np.zeros(shape, dtype))


def _mapped(function: Any, states: list[Any]) -> list[Any]:
    """A function of each state; where states are tuples, with a tensor for each layer, of these."""
    return [tuple(map(function, s)) if isinstance(s, tuple) else function(s) for s in states]


class SequenceLayer(Module):
    """A layer over sequences.

    A subclass sets the first five attributes, and says the rest.

    Attributes
    ----------
    input_size, num_layers : int
    batch_first, bidirectional : bool
    dropout : float
        See `LSTM`.
    _dtype : numpy.dtype or None
        The type of the parameters. None: there are none.
    _state_shapes : tuple of tuples of int
        The shape that one sequence has of each state.
    _state_names, _state_axes : tuple of str
        What errors call the states, and their last axes.
    _wants_zeros : bool
        Whether `_direction` must be given zeros for states that the user did not give.
    _sizes : list of int or None
        The sizes of the layers, where each has its own. Then `_shapes_of` says what
        `_state_shapes` says, for each.
    _options : Options
        See `RNNBase`.
    _is_special : bool
        Whether there are sizes, or options other than the default: nobody else need ask for them.
    _named : str
        What the result for `batch_first` is named after.
    _record : Record or None
        What is to be filled, while somebody traces the layer.
    """

    input_size: int
    num_layers: int
    batch_first: bool
    bidirectional: bool
    dropout: float
    _wants_zeros = False
    _sizes: list[int] | None = None
    _given_options: ClassVar[dict[str, Any]] = {}
    _record: Any = None
    _is_special = False

    if TYPE_CHECKING:

        @property
        def _dtype(self) -> Any: ...

        @property
        def _named(self) -> str: ...

        @property
        def _state_shapes(self) -> tuple[tuple[int, ...], ...]: ...

        @property
        def _state_axes(self) -> tuple[str, ...]: ...

    @property
    def _options(self) -> Options:
        given = self._given_options
        return Options(**given) if given else _NO_OPTIONS

    @property
    def _state_names(self) -> tuple[str, ...]:
        return ("hx", "cx")

    def _shapes_of(self, layer: int) -> tuple[tuple[int, ...], ...]:
        """The shape that one sequence has of each state of a layer."""
        return self._state_shapes

    def _learned(self, k: int) -> list[Any]:
        """The parameters that are the initial states of the k-th direction of all layers."""
        raise NotImplementedError

    @property
    def _names_of_states(self) -> tuple[str, ...]:
        return self._state_names

    def set_rates(self, *, recurrent_dropout: Any = None, zoneout: Any = None) -> None:
        """Change the rates of these options from now on (None: not).

        Raises
        ------
        ValueError
            A rate is out of range: see `RNNBase`.
        """
        given = {"recurrent_dropout": recurrent_dropout, "zoneout": zoneout}
        set_options(self, {name: v for name, v in given.items() if v is not None})
        self._choose_way()

    def _choose_way(self) -> None:
        """Find out how to run, with these options."""
        self._is_special = self._sizes is not None or self._options != Options()

    def _direction(
        self, k: int, x: Any, states: Any, batch_sizes: Any, reverse: bool, seen: Any = None
    ) -> tuple[Any, ...]:
        """Run the k-th direction of all layers: the output, and all last states (1, N, ...).

        `x`, `batch_sizes` and `reverse` are as in `unroll`; `states` are tensors (N, ...), one of
        each name, or None for zeros. `seen`, a `Seen`, is to have all that there is to see.
        """
        raise NotImplementedError

    def _last(self, states: list[Any]) -> Any:
        """The last states as users get them."""
        return states[0] if len(states) == 1 else tuple(states)

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

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
        hx : Tensor or, with several states, a tuple of them, optional
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
        h_n : Tensor or, with several states, a tuple of them
            The last states of all layers, shaped as `hx`. With `lengths`, those after each
            sequence's own last step; a sequence without steps keeps its initial state.
        """
        plain = isinstance(input, TensorBase)  # (asked first, since it is compiled)
        is_packed = not plain and isinstance(input, PackedSequence)
        if is_listening() and (is_packed or lengths is not None):  # where rows lie is found anew
            return heard(SequenceLayer.forward, (self, input, hx), {"lengths": lengths})
        if is_packed:
            return self._forward_packed(input, hx, lengths)
        check_layer_input(self, input, self._dtype)
        x, batched = input, input.array.ndim == 3
        if not batched:
            x = x.unsqueeze(1)
        elif self.batch_first:
            x = x.transpose(0, 1)  # (L, N, H_in)
        steps, batch = x.array.shape[:2]
        states = self._initial_states(hx, input, batched, batch, lengths is not None)
        plan = None
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
        record = self._record  # (another thread may take it away)
        if record is not None:
            record.laid_out(batched, self.batch_first, (steps, batch), plan)
        if not batched:
            output, states = output.squeeze(1), _mapped(lambda s: s.squeeze(1), states)
        elif self.batch_first:
            output = _batch_to_front(self._named)(output)
        return output, self._last(states)

    def trace(self, input: Any, hx: Any = None, lengths: Any = None) -> tuple[Any, Any, Trace]:
        """Run as a call does, and let all gates and states be seen.

        Parameters
        ----------
        input, hx, lengths
            As in `forward`.

        Returns
        -------
        output : Tensor or PackedSequence
        h_n : Tensor or, with several states, a tuple of them
            As `forward` gives them.
        trace : Trace
            Every gate and state by its name, layer and direction, at all steps.

        See Also
        --------
        Trace : how to find what is there; its gradients.

        Examples
        --------
        >>> import minigrad as mg
        >>> gru = mg.nn.GRU(3, 4)
        >>> output, h_n, trace = gru.trace(mg.randn(5, 2, 3))
        >>> trace.update_gate.shape
        torch.Size([5, 2, 4])
        >>> output.sum().backward()
        >>> trace.hidden.grad.shape
        torch.Size([5, 2, 4])
        """
        return run_traced(self, input, hx, lengths)

    def _forward_packed(self, input: Any, hx: Any, lengths: Any) -> tuple[Any, Any]:
        check_not_both(self, lengths)
        check_layer_input(self, input.data, self._dtype, packed=True)
        batch_sizes = input.batch_sizes.array
        states = self._initial_states(hx, input.data, True, int(batch_sizes[0]), True)
        sorting, unsorting = input.sorted_indices, input.unsorted_indices
        if sorting is None:
            output, states = self._stacked(input.data, states, batch_sizes)
        else:
            output, states = self._reordered(
                input.data, states, batch_sizes, sorting.array, unsorting.array
            )
        record = self._record
        if record is not None:
            record.laid_out_packed(self.batch_first, input)
        packed = PackedSequence(output, input.batch_sizes, sorting, unsorting)
        return packed, self._last(states)

    def _initial_states(
        self, hx: Any, input: Any, batched: bool, batch: int, ragged: bool
    ) -> list[Any]:
        """For each layer and direction its states: tensors (N, ...), or None for zeros.

        There are tensors where sequences have lengths of their own.
        """
        places = self.num_layers * (2 if self.bidirectional else 1)
        if self._is_special:
            if hx is None and self._options.learn_initial_state:
                learned = [self._learned(k) for k in range(places)]
                return [[p.expand(batch, *p.shape) for p in own] for own in learned]
            if self._sizes is not None:
                return self._states_by_layer(hx, input, batched, batch)
        if hx is None and not ragged and not self._wants_zeros and self._record is None:
            return [None] * places
        shapes = self._state_shapes
        if hx is None:
            dtype = input.array.dtype
            return [[_zeros((batch, *shape), dtype) for shape in shapes]] * places
        if len(shapes) == 1:
            hx = (hx,)
        else:
            check_tuple_of_states(self, hx, len(shapes))
        check_layer_states(self, hx, shapes, input, batched, batch)
        each = [unbind(s if batched else s.unsqueeze(1)) for s in hx]
        return list(zip(*each))

    def _states_by_layer(self, hx: Any, input: Any, batched: bool, batch: int) -> list[Any]:
        """`_initial_states` where layers have sizes of their own: a tensor for each in a tuple."""
        count, directions = len(self._state_shapes), self._directions
        if hx is not None:
            hx = (hx,) if count == 1 else hx
            check_tuple_of_states(self, hx, count)
            check_states_by_layer(self, hx)
        states: list[Any] = []
        for layer in range(self.num_layers):
            shapes = self._shapes_of(layer)
            if hx is None:
                none = [_zeros((batch, *shape), input.array.dtype) for shape in shapes]
                states += [none] * directions
                continue
            own = [state[layer] for state in hx]
            check_layer_states(self, own, shapes, input, batched, batch, layer)
            states += zip(*[unbind(s if batched else s.unsqueeze(1)) for s in own])
        return states

    def _reordered(
        self, rows: Any, states: list[Any], batch_sizes: Any, order: Any, inverse: Any
    ) -> tuple[Any, list[Any]]:
        """`_stacked` for packed rows, with states in the order of the original batch."""
        states = [[reorder(s, order, inverse, 0) for s in own] for own in states]
        output, ends = self._stacked(rows, states, batch_sizes)
        return output, _mapped(lambda s: reorder(s, inverse, order, 1), ends)

    def _stacked(self, x: Any, states: list[Any], batch_sizes: Any = None) -> tuple[Any, list[Any]]:
        """All layers: x (L, N, H_in) or (R, H_in) to the last layer's output and all last states.

        The states come as tuples, one for each layer and direction, and go as one tensor each,
        (D * num_layers, N, ...); or as tuples of them, (D, N, ...) for each layer.
        """
        layers, special, record = self.num_layers, self._is_special, self._record
        sides = (False, True)[: len(states) // layers]
        residual = special and self._options.residual
        ends: list[Any] = []
        for layer in range(layers):
            below = x
            if layer and self.dropout:
                x = dropout(x, self.dropout, self.training)
            outputs = []
            for reverse in sides:
                k = len(ends)
                seen = None if record is None else record.next(self, k)
                results = self._direction(k, x, states[k], batch_sizes, reverse, seen)
                outputs.append(results[0])
                ends.append(results[1:])
            x = outputs[0] if len(outputs) == 1 else cat(outputs, -1)  # (..., D * H)
            if layer and residual:
                x = x + below
        if special and self._sizes is not None:
            each = [ends[k : k + len(sides)] for k in range(0, len(ends), len(sides))]
            by_layer = [[stack_rows(s) for s in zip(*own)] for own in each]
            return x, list(zip(*by_layer))
        return x, ends[0] if len(ends) == 1 else [stack_rows(state) for state in zip(*ends)]
