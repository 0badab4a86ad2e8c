r"""Deep networks of IndRNNs: `ResidualIndRNN` and `DenseIndRNN`, with all that they are built from.

An IndRNN's recurrence stays inside each unit, so its gradients can be kept in bounds through time,
and what limits the depth of other recurrent networks is gone; the shortcuts known from image
networks then let them have dozens of layers. Both networks are chains of two things:

    Linear       mixes the units of one time step          y = W x
    Recurrent    batch normalisation, recurrence, dropout   h_t = max(0, BN(x)_t + u h_(t-1))

No Linear here has a bias: each is followed, at once or after sums, by a batch normalisation, which
takes any constant out again and has a bias of its own.

    L sequence length, N batch, H_in input size, C width of a layer, k growth of a dense block,
    R rows of a packed batch: the sum of all lengths
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np

from ..autograd.listening import heard, is_listening
from ..autograd.tensor_base import TensorBase, wrap
from ..nn import init
from ..nn.batchnorm import BatchNorm1d
from ..nn.containers import ModuleList
from ..nn.dropout import LockedDropout
from ..nn.linear import Linear
from ..nn.module import Module
from ..nn.parameter import Parameter
from ..nn.utils.clip_recurrent import clip_recurrent_weights_
from ..ops.join import cat
from ..ops.rows import gather_rows, reorder, scatter_rows
from ..tensor.creation import empty, ones_like
from .checks import check_layer_input, check_not_both, check_same_dtype
from .indrnn import indrnn_bound, indrnn_relu
from .initial import clip_
from .operation import recur
from .options import direction_of
from .packed import PackedSequence
from .ragged import ragged
from .trace_kernel import seen_alone
from .trace_run import run_traced

if TYPE_CHECKING:
    from .trace import Trace

LINEAR_SLOPE = 8.0
"""The authors draw W from kaiming_uniform_(a=8): small, so a residual block is at first near 1."""


# ------------------------------------------------------------------------------------------------
# The parts
# ------------------------------------------------------------------------------------------------


class Pass:
    """One pass over a batch: what each recurrence takes from those around it, and leaves to them.

    Attributes
    ----------
    starts : iterator of Tensor or None
        The initial states, each (N, C), in the order in which they are needed. None: zeros.
    ends : list of Tensor
        The last states so far, each (N, C).
    batch_sizes : ndarray of int64, optional
        How many sequences have each step, where they differ in length: then the values that go
        through the network are not (L, N, C), but (R, C), one row for each step that there is, the
        longest sequence first (see `ragged`).
    sequences : ndarray of int64, shape (R,)
        The sequence of each row.
    record : Record, optional
        What is to be filled, while somebody traces the network.
    """

    def __init__(self, starts: Iterator[Any], batch_sizes: Any = None, record: Any = None) -> None:
        self.starts, self.record = starts, record
        self.ends: list[Any] = []
        self.batch_sizes = batch_sizes
        if batch_sizes is not None:
            firsts = batch_sizes.cumsum() - batch_sizes
            self.sequences = np.arange(batch_sizes.sum()) - firsts.repeat(batch_sizes)


class Recurrent(Module):
    r"""Batch normalisation over batch and time, the recurrence of an IndRNN, and dropout.

    .. math:: h_t = \max(0, \mathrm{BN}(x)_t + u \odot h_{t-1})

    Unlike `IndRNN` it has no input weights: a Linear before or after it mixes the units.

    Parameters
    ----------
    size : int
        C, the number of units.
    low, high : float
        The initial u is drawn from U(low, high); `high` is also what u is clipped to.
    dropout : float
        The probability that a unit is zero, for all steps of a sequence.
    device, dtype : optional

    Attributes
    ----------
    weight_hh : Parameter, shape (C,)
        u.
    recurrent_bound : float
        `high`.
    """

    recurrence = indrnn_relu
    _names_of_states = ("hidden",)

    def __init__(
        self, size: int, low: float, high: float, dropout: float = 0.0, device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.low = low
        self.recurrent_bound = high
        self.norm = BatchNorm1d(size, device=device, dtype=dtype)
        self.weight_hh = Parameter(empty(size, device=device, dtype=dtype))
        self.dropout = LockedDropout(dropout)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        self.norm.reset_parameters()
        init.uniform_(self.weight_hh, self.low, self.recurrent_bound)

    def clip_recurrent_weights_(self, bound: float | None = None) -> None:
        """Bring u into [-bound, bound] (default: `recurrent_bound`), before each training step."""
        clip_(self.weight_hh, self.recurrent_bound if bound is None else bound)

    def forward(self, x: Any, run: Pass) -> Any:
        """(L, N, C), or (R, C), to the same shape, with one state."""
        if run.batch_sizes is None:
            steps, batch, size = x.array.shape
            # Steps and sequences alike are samples: (L, N, C) -> (L * N, C) -> (L, N, C)
            x = self.norm(x.reshape(steps * batch, size)).view(steps, batch, size)
            output, h_n = self._recur(x, run)
            output = self.dropout(output)
        else:
            x = self.norm(x)
            output, h_n = self._recur(x, run)
            if self.training and self.dropout.p:
                mask = self.dropout(ones_like(h_n))  # (1, N, C)
                output = output * mask[0, run.sequences]
        run.ends.append(h_n.squeeze(0))
        return output

    def _recur(self, x: Any, run: Pass) -> tuple[Any, ...]:
        """The recurrence alone: all states, and the last ones (1, N, C)."""
        start = next(run.starts)
        seen = None if run.record is None else run.record.next(self, len(run.ends))
        if seen is None:
            parameters = (None, self.weight_hh, None, None, None)
            return recur(indrnn_relu, x, (start, None), parameters, run.batch_sizes)
        if start is None:
            start = wrap(np.zeros(x.array.shape[1:], x.array.dtype))
        cell = direction_of(self, 0, {"weight_hh": self.weight_hh})
        return seen_alone(cell, x, (start,), run.batch_sizes, False, seen)

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        return f"{self.weight_hh.shape[0]}"


def _linear(inputs: int, outputs: int, device: Any, dtype: Any) -> Linear:
    return Linear(inputs, outputs, bias=False, device=device, dtype=dtype)


class ResidualBlock(Module):
    """``x + f(x)``, where f is twice [Recurrent - Linear], of one width.

    Parameters
    ----------
    size : int
        C.
    low, high, dropout, device, dtype
        See `Recurrent`.
    """

    def __init__(
        self, size: int, low: float, high: float, dropout: float = 0.0, device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.recurrent_1 = Recurrent(size, low, high, dropout, device, dtype)
        self.linear_1 = _linear(size, size, device, dtype)
        self.recurrent_2 = Recurrent(size, low, high, dropout, device, dtype)
        self.linear_2 = _linear(size, size, device, dtype)

    def forward(self, x: Any, run: Pass) -> Any:
        """(..., C) to the same shape, with two states."""
        y = self.linear_1(self.recurrent_1(x, run))
        return x + self.linear_2(self.recurrent_2(y, run))


class Stage(Module):
    """[Linear - Recurrent]: to another width; what dense networks are made of.

    Parameters
    ----------
    inputs, outputs : int
        The widths before and after.
    low, high, dropout, device, dtype
        See `Recurrent`.
    """

    def __init__(
        self, inputs: int, outputs: int, low: float, high: float, dropout: float = 0.0,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.linear = _linear(inputs, outputs, device, dtype)
        self.recurrent = Recurrent(outputs, low, high, dropout, device, dtype)

    def forward(self, x: Any, run: Pass) -> Any:
        """(..., inputs) to (..., outputs), with one state."""
        return self.recurrent(self.linear(x), run)


class DenseLayer(Module):
    """Adds k features to those that are there: x to ``[x, f(x)]``, f two stages C -> 4k -> k.

    Parameters
    ----------
    inputs, growth, bottleneck : int
        C, k, and the 4 of 4k.
    low, high, dropout, device, dtype
        See `Recurrent`.
    """

    def __init__(
        self, inputs: int, growth: int, bottleneck: int, low: float, high: float,
        dropout: float = 0.0, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        rest = (low, high, dropout, device, dtype)
        self.narrow = Stage(inputs, bottleneck * growth, *rest)
        self.grow = Stage(bottleneck * growth, growth, *rest)

    def forward(self, x: Any, run: Pass) -> Any:
        """(..., C) to (..., C + k), with two states."""
        new = self.grow(self.narrow(x, run), run)
        return cat([x, new], -1)


# ------------------------------------------------------------------------------------------------
# The networks
# ------------------------------------------------------------------------------------------------


class _DeepIndRNN(Module):
    """What both networks share: layouts, states, initial values, clipping.

    A network is `_first`, the modules of `_chain`, and has one `Recurrent` for each state.
    """

    bidirectional = False  # as other recurrent layers say of themselves
    _record: Any = None  # to be filled, while somebody traces the network

    def __init__(self, input_size: int, batch_first: bool) -> None:
        super().__init__()
        self.input_size = input_size
        self.output_size = 0
        self.batch_first = batch_first

    def _recurrents(self) -> list[Recurrent]:
        """All recurrences, in the order in which they run: that of their states."""
        return [part for part in self.modules() if isinstance(part, Recurrent)]

    @property
    def state_sizes(self) -> tuple[int, ...]:
        """The width of each state, in the order of `states`."""
        return tuple(part.weight_hh.shape[0] for part in self._recurrents())

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        for part in self.modules():
            if isinstance(part, Linear):
                init.kaiming_uniform_(part.weight, a=LINEAR_SLOPE)
            elif isinstance(part, Recurrent):
                part.reset_parameters()

    def clip_recurrent_weights_(self, bound: float | None = None) -> None:
        """Bring every u into [-bound, bound]; to be called before each step of training.

        Parameters
        ----------
        bound : float, optional
            Default: ``magnitude ** (1 / steps)``.
        """
        clip_recurrent_weights_(self, bound)

    def forward(
        self, input: Any, states: Sequence[Any] | None = None, *, lengths: Any = None
    ) -> tuple[Any, Any]:
        """Run the network over a sequence, or over a batch of them.

        Parameters
        ----------
        input : Tensor or PackedSequence
            (L, N, H_in), or (N, L, H_in) if `batch_first`, or (L, H_in) for one sequence.
        states : sequence of Tensor, optional
            Initial states as they are returned. Default: zeros.
        lengths : list or Tensor of int, shape (N,), optional
            How many steps each sequence has, in any order; 0 to L. What lies beyond does not count,
            in batch normalisation neither. Default: all have L.

        Returns
        -------
        output : Tensor or PackedSequence
            (L, N, output_size), laid out as the input. Zero beyond the end of a sequence.
        states : tuple of Tensor
            The last state of each recurrence in the order in which they run, each (N, C) with C
            from `state_sizes`, or (C,) for one sequence. With `lengths`, those after each
            sequence's own last step. To go on with the next part of a long stream, give them back;
            ``tuple(h.detach() for h in states)`` cuts the graph.
        """
        is_packed = isinstance(input, PackedSequence)
        if is_listening() and (is_packed or lengths is not None):  # where rows lie is found anew
            return heard(_DeepIndRNN.forward, (self, input, states), {"lengths": lengths})
        if is_packed:
            return self._forward_packed(input, states, lengths)
        check_layer_input(self, input, self._dtype)
        x, batched = input, input.array.ndim == 3
        if not batched:
            x = x.unsqueeze(1)
        elif self.batch_first:
            x = x.transpose(0, 1)  # (L, N, H_in)
        steps, batch = x.array.shape[:2]
        starts = self._starts(states, input, batch, batched)
        if lengths is None:
            run = Pass(repeat(None) if starts is None else iter(starts), record=self._record)
            output, ends, plan = self._run(x, run), run.ends, None
        else:
            plan = ragged(
                lengths, steps, batch,
                layout=f"input has shape {list(input.shape)}, batch_first={self.batch_first}",
            )  # fmt: skip
            rows = gather_rows(x, plan.rows, 2)
            output, ends = self._run_rows(rows, starts, plan.batch_sizes, plan.order, plan.inverse)
            output = scatter_rows(output, plan.rows, (steps, batch))
        record = self._record  # (another thread may end its trace meanwhile)
        if record is not None:
            record.laid_out(batched, self.batch_first, (steps, batch), plan)
        if not batched:
            return output.squeeze(1), tuple(h.squeeze(0) for h in ends)
        return output.transpose(0, 1) if self.batch_first else output, tuple(ends)

    def trace(
        self, input: Any, states: Sequence[Any] | None = None, lengths: Any = None
    ) -> tuple[Any, Any, Trace]:
        """Run as a call does, and let the states of all recurrences be seen, before dropout.

        Parameters
        ----------
        input, states, lengths
            As in `forward`.

        Returns
        -------
        output : Tensor or PackedSequence
        states : tuple of Tensor
            As `forward` gives them.
        trace : Trace
            ``trace[k].hidden``: the states of the k-th recurrence, in the order of `states`, at all
            steps.

        Examples
        --------
        >>> import minigrad as mg
        >>> net = mg.nn.ResidualIndRNN(3, 8, num_blocks=2)
        >>> output, states, trace = net.trace(mg.randn(5, 2, 3))
        >>> len(trace), trace[4].hidden.shape
        (5, torch.Size([5, 2, 8]))
        >>> output.sum().backward()
        >>> trace[0].hidden.grad.shape
        torch.Size([5, 2, 8])
        """
        return run_traced(self, input, states, lengths)

    @property
    def num_layers(self) -> int:
        """How many recurrences there are, one after the other."""
        return len(self._recurrents())

    def _forward_packed(self, input: Any, states: Any, lengths: Any) -> tuple[Any, Any]:
        check_not_both(self, lengths)
        check_layer_input(self, input.data, self._dtype, packed=True)
        batch_sizes = input.batch_sizes.array
        starts = self._starts(states, input.data, int(batch_sizes[0]), True)
        order, inverse = [
            np.arange(batch_sizes[0]) if indices is None else indices.array
            for indices in (input.sorted_indices, input.unsorted_indices)
        ]
        output, ends = self._run_rows(input.data, starts, batch_sizes, order, inverse)
        record = self._record
        if record is not None:
            record.laid_out_packed(self.batch_first, input)
        packed = PackedSequence(
            output, input.batch_sizes, input.sorted_indices, input.unsorted_indices
        )
        return packed, tuple(ends)

    def _run_rows(
        self, rows: Any, starts: Any, batch_sizes: Any, order: Any, inverse: Any
    ) -> tuple[Any, list[Any]]:
        """`_run` for the rows (R, H_in) of a packed batch; the states in their original order."""
        if starts is None:
            zeros = [np.zeros((len(order), size), rows.array.dtype) for size in self.state_sizes]
            run = Pass(map(wrap, zeros), batch_sizes, self._record)
        else:
            starts = (reorder(h, order, inverse, 0) for h in starts)
            run = Pass(starts, batch_sizes, self._record)
        output = self._run(rows, run)
        return output, [reorder(h, inverse, order, 0) for h in run.ends]

    def _run(self, x: Any, run: Pass) -> Any:
        """(L, N, H_in) to (L, N, output_size), or (R, H_in) to (R, output_size)."""
        raise NotImplementedError

    @property
    def _dtype(self) -> Any:
        return next(self.parameters()).array.dtype

    def _starts(self, states: Any, input: Any, batch: int, batched: bool) -> list[Any] | None:
        """The initial states, each (N, C), or None for zeros."""
        if states is None:
            return None
        name, sizes = type(self).__name__, self.state_sizes
        if not isinstance(states, (tuple, list)):
            raise TypeError(
                f"{name}: states must be a tuple of {len(sizes)} tensors, one for each recurrence, "
                f"not {type(states).__name__}"
            )
        if len(states) != len(sizes):
            raise RuntimeError(
                f"{name}: Expected {len(sizes)} states, one for each recurrence, got {len(states)}"
            )
        for k, (state, size) in enumerate(zip(states, sizes)):
            if not isinstance(state, TensorBase):
                raise TypeError(f"{name}: states[{k}] must be a Tensor, not {type(state).__name__}")
            expected = (batch, size) if batched else (size,)
            if state.array.shape != expected:
                raise RuntimeError(
                    f"{name}: Expected states[{k}] size {expected}, got "
                    f"{list(state.array.shape)}: the axes are {'(N, C)' if batched else '(C,)'}, "
                    f"and the input has shape {list(input.shape)}"
                )
            check_same_dtype(self, state, f"states[{k}]", input, "input")
        return list(states) if batched else [state.unsqueeze(0) for state in states]


class ResidualIndRNN(_DeepIndRNN):
    r"""A residual network of IndRNNs, with activations before weights (Li et al. 2019).

    .. math::
        y^0 &= W^0 x \\
        y^b &= y^{b-1} + W_2^b R_2^b(W_1^b R_1^b(y^{b-1})), \qquad b = 1 ... B \\
        output &= R^{B+1}(y^B)

    where each R is batch normalisation over batch and time, and a recurrence with ReLU,

    .. math:: R(x)_t = h_t = \max(0, \mathrm{BN}(x)_t + u \odot h_{t-1})

    The sums let gradients through all layers unhindered, as bounded u let them through time. There
    are 2 B + 1 recurrent layers.

    Parameters
    ----------
    input_size, hidden_size : int
        H_in, and the width of all layers.
    num_blocks : int
        B.
    dropout : float
        Dropout probability after each recurrence, while training; one mask for all time steps.
    batch_first : bool
        Input and output are (N, L, .) instead of (L, N, .). The states are not concerned.
    device, dtype : optional
        Only the CPU; the type of the parameters.
    steps : int, optional
        T, the number of steps that a gradient has to travel. It sets the bound of u, which
        `clip_recurrent_weights_` applies: ``magnitude ** (1 / steps)``; without `steps` it is 1.
    magnitude : float
        The bound of what T steps may multiply a gradient by, 2 in the paper.
    last_step_only : bool
        Only the last output feeds the loss. Then u of the last recurrence starts from U(1/b, b)
        with b its bound, so that what the units see early is kept to the end.

    Attributes
    ----------
    output_size : int
        `hidden_size`.
    state_sizes : tuple of int
        The width of each state.

    Raises
    ------
    ValueError, TypeError
        An argument is out of range or of another type.
    RuntimeError, ValueError
        (in use) shapes or dtypes that do not go together; in training, a single step of a single
        sequence, which batch normalisation cannot do.

    See Also
    --------
    IndRNN : layers stacked without shortcuts.

    Notes
    -----
    W starts from U(-a, a), a = 0.3 / sqrt(columns), u from U(0, bound), as the authors have it.
    They use no weight decay on u.

    References
    ----------
    arXiv:1910.06251

    Examples
    --------
    >>> import minigrad as mg
    >>> net = mg.nn.ResidualIndRNN(10, 32, num_blocks=5, steps=100)
    >>> output, states = net(mg.randn(100, 3, 10))
    >>> output.shape, len(states), states[0].shape
    (torch.Size([100, 3, 32]), 11, torch.Size([3, 32]))
    >>> net.clip_recurrent_weights_()  # before each step of training
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_blocks: int, dropout: float = 0.0,
        batch_first: bool = False, device: Any = None, dtype: Any = None, *,
        steps: int | None = None, magnitude: float = 2.0, last_step_only: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(input_size, batch_first)
        _check_sizes(input_size=input_size, hidden_size=hidden_size, num_blocks=num_blocks)
        bound = indrnn_bound(steps, magnitude)
        self.hidden_size = self.output_size = hidden_size
        self.num_blocks = num_blocks
        rest = (bound, dropout, device, dtype)
        self.first = _linear(input_size, hidden_size, device, dtype)
        self.blocks = ModuleList(
            [ResidualBlock(hidden_size, 0.0, *rest) for _ in range(num_blocks)]
        )
        self.last = Recurrent(hidden_size, 1 / bound if last_step_only else 0.0, *rest)
        self.reset_parameters()

    def _run(self, x: Any, run: Pass) -> Any:
        x = self.first(x)
        for block in self.blocks:
            x = block(x, run)
        return self.last(x, run)


class DenseIndRNN(_DeepIndRNN):
    r"""A densely connected network of IndRNNs (Li et al. 2019).

    Every layer sees the outputs of all layers before it in its block: a layer reads C features and
    puts k new ones beside them. All features come from a stage, a Linear followed by a recurrence
    with ReLU on normalised inputs,

    .. math:: S(x)_t = h_t = \max(0, \mathrm{BN}(W x)_t + u \odot h_{t-1})

    ::

        first        S  H_in -> C
        each block   as many layers as it has: x to [x, S(S(x))],  S  C -> 4k,  S  4k -> k,
                     then a transition                             S  C -> C / 2

    Parameters
    ----------
    input_size : int
        H_in.
    growth : int
        k.
    blocks : sequence of int
        How many layers each block has; (8, 6, 4) is the authors'.
    first_size : int, optional
        The width after the first stage. Default: 6 k.
    bottleneck : int
        The 4 of 4k.
    dropout : float
        Dropout probability after each recurrence, while training; one mask for all time steps.
    batch_first : bool
        Input and output are (N, L, .) instead of (L, N, .). The states are not concerned.
    device, dtype : optional
        Only the CPU; the type of the parameters.
    steps, magnitude, last_step_only
        See `ResidualIndRNN`. The last recurrence is that of the last transition.

    Attributes
    ----------
    output_size : int
        The width after the last transition.
    state_sizes : tuple of int
        The width of each state.

    Raises
    ------
    ValueError, TypeError, RuntimeError
        As `ResidualIndRNN`.

    Notes
    -----
    Initial values as in `ResidualIndRNN`.

    References
    ----------
    arXiv:1910.06251

    Examples
    --------
    >>> import minigrad as mg
    >>> net = mg.nn.DenseIndRNN(10, growth=4, blocks=(2, 2), steps=100)
    >>> output, states = net(mg.randn(100, 3, 10))
    >>> output.shape, net.output_size
    (torch.Size([100, 3, 12]), 12)
    >>> net.state_sizes
    (24, 16, 4, 16, 4, 16, 16, 4, 16, 4, 12)
    """

    def __init__(
        self, input_size: int, growth: int = 16, blocks: Sequence[int] = (8, 6, 4),
        first_size: int | None = None, bottleneck: int = 4, dropout: float = 0.0,
        batch_first: bool = False, device: Any = None, dtype: Any = None, *,
        steps: int | None = None, magnitude: float = 2.0, last_step_only: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(input_size, batch_first)
        width = 6 * growth if first_size is None else first_size
        _check_sizes(
            input_size=input_size, growth=growth, first_size=width, bottleneck=bottleneck,
            **{f"blocks[{k}]": layers for k, layers in enumerate(blocks)},
        )  # fmt: skip
        if not blocks:
            raise ValueError("blocks must name at least one block, got none")
        bound = indrnn_bound(steps, magnitude)
        self.growth = growth
        rest = (bound, dropout, device, dtype)
        self.first = Stage(input_size, width, 0.0, *rest)
        self.blocks, self.transitions = ModuleList(), ModuleList()
        for k, layers in enumerate(blocks):
            block = ModuleList()
            for _ in range(layers):
                block.append(DenseLayer(width, growth, bottleneck, 0.0, *rest))
                width += growth
            low = 1 / bound if last_step_only and k == len(blocks) - 1 else 0.0
            self.blocks.append(block)
            self.transitions.append(Stage(width, width // 2, low, *rest))
            width //= 2
        self.output_size = width
        self.reset_parameters()

    def _recurrents(self) -> list[Recurrent]:
        parts: list[Module] = [self.first]
        for block, transition in zip(self.blocks, self.transitions):
            parts += [block, transition]
        return [r for part in parts for r in part.modules() if isinstance(r, Recurrent)]

    def _run(self, x: Any, run: Pass) -> Any:
        x = self.first(x, run)
        for block, transition in zip(self.blocks, self.transitions):
            for layer in block:
                x = layer(x, run)
            x = transition(x, run)
        return x


def _check_sizes(**sizes: Any) -> None:
    for name, size in sizes.items():
        if not isinstance(size, int):
            raise TypeError(f"{name} should be of type int, got: {type(size).__name__}")
        if size <= 0:
            raise ValueError(f"{name} must be greater than zero, got {size}")
