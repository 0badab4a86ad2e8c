"""`RNNBase`: what recurrent layers have in common, written once for all recurrences.

A layer names its recurrence. Parameters, their names and their initial values are here; how a layer
runs over sequences is in `sequences`.

    H_in input size, H hidden size, D directions (1 or 2), G number of gates
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..nn import init
from ..nn.parameter import Parameter
from ..tensor.creation import empty
from .checks import check_construction, check_no_projection
from .initial import draw_, parameter_shapes
from .operation import recur
from .options import (
    NAMES,
    check_equal_sizes,
    check_step,
    direction_of,
    norm_shapes,
    option_texts,
    run_direction,
    set_options,
    sizes_by_layer,
)
from .recurrence import RECURRENCES, Recurrence
from .sequences import SequenceLayer
from .trace_kernel import seen_in_kernel

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .options import LayerOptions, Sizes

MODES = RECURRENCES  # as they were called before
OF_OPTIONS = ("gain_", "bias_cell", "initial_")


def _is_of_option(name: str) -> bool:
    return name.startswith(OF_OPTIONS)


class RNNBase(SequenceLayer):
    """What all recurrent layers share.

    Parameters
    ----------
    mode : str
        The recurrence, by its name in `minigrad.recurrences.recurrence.RECURRENCES`: "RNN_TANH",
        "RNN_RELU", "LSTM", "GRU", ...
    input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size
        See `LSTM`.
        `hidden_size` may be a list with a size for each layer; then `num_layers` can be left out,
        and states are given and returned as tuples with a tensor (D, N, H) for each layer: an
        LSTM's ``(h_0, c_0)`` is a pair of such tuples.
    device, dtype : optional
    layer_norm : bool
        Layer normalisation inside the step (Ba, Kiros & Hinton 2016, arXiv:1607.06450), training or
        not: LN(v) = (v - mean(v)) / sqrt(var(v) + 1e-5) over the units. What is normalised, the
        recurrence's layer says. It is multiplied with a gain, 1 at first, and shifted by the biases
        that are there anyway.
    recurrent_dropout : float
        Dropout of what the step's products read of the state (Gal & Ghahramani 2016,
        arXiv:1512.05287), while training: W_hh (m h) for W_hh h, where m is 0 with this
        probability p, else 1 / (1 - p). One mask m (N, H) is drawn for each sequence, layer and
        direction at each call, and is the same at all steps and in all gates. What of h stays
        beside the products, as in a GRU's z h, is not dropped.
    zoneout : float or tuple of float
        With this probability a unit keeps its old state at a step (Krueger et al. 2017,
        arXiv:1606.01305), while training: h_t = d h_{t-1} + (1 - d) h', where h' is what the step
        makes and d, 0 or 1, is drawn for each unit, state and step; otherwise d is the probability
        itself. A tuple has one for each state: (0.05, 0.5) for an LSTM's h and c. The step makes
        h' from the new c', not from what zoneout leaves of it.
    learn_initial_state : bool
        The initial states are parameters, zero at first, the same for all sequences; states that a
        call is given come first.
    residual : bool
        Every layer above the first adds its input, before dropout, to its output (Wu et al. 2016,
        arXiv:1609.08144). Its states are those without.

    Attributes
    ----------
    weight_ih_l{k} : Parameter, shape (G H, H_in) for layer 0, (G H, D H) for the others
    weight_hh_l{k} : Parameter, shape (G H, H)
    bias_ih_l{k}, bias_hh_l{k} : Parameter, shape (G H,)
        For layer k, with the suffix ``_reverse`` for its second direction. G is the number of
        gates. All are drawn from U(-b, b), b = 1 / sqrt(H), in the order in which they are listed,
        layer by layer.
    gain_ih_l{k}, gain_hh_l{k}, gain_sum_l{k}, gain_cell_l{k}, bias_cell_l{k} : Parameter
        With `layer_norm`, those that the recurrence has.
    initial_hidden_l{k}, initial_cell_l{k} : Parameter, shape (H,)
        With `learn_initial_state`.

    Notes
    -----
    Masks come from minigrad's generator, when a direction of a layer begins to run: that of
    recurrent dropout is ``dropout(ones(N, H), p)``, then that of zoneout, for each state
    ``empty(L, N, H).bernoulli_(p)``. With `lengths` they are drawn for the sequences in the order
    in which they run, the longest first, and only for the steps that there are.

    With the options that change the step (the first three) it runs recorded, as a cell of one's own
    does in `Recurrent`: in compiled code, but not in the kernel that was made for the recurrence.
    `set_rates` changes the two rates of a layer that is there.
    """

    _stepped = False
    _more_keywords = NAMES

    def __init__(
        self, mode: str, input_size: int, hidden_size: Sizes, num_layers: int = 1,
        bias: bool = True, batch_first: bool = False, dropout: float = 0.0,
        bidirectional: bool = False, proj_size: int = 0, device: Any = None, dtype: Any = None,
        **options: Unpack[LayerOptions],
    ) -> None:  # fmt: skip
        super().__init__()
        self._sizes, num_layers = sizes_by_layer(hidden_size, num_layers)
        for size in self._sizes or [hidden_size]:
            check_construction(input_size, size, num_layers, bias, batch_first, dropout, proj_size)
        if mode not in RECURRENCES:
            raise ValueError(
                f"Unrecognized RNN mode: {mode}; choose one of {', '.join(RECURRENCES)}"
            )
        self.mode = mode
        if "weight_hr" not in self.recurrence.parameters:
            check_no_projection(proj_size)
        self.input_size = input_size
        self.hidden_size: Any = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        set_options(self, options)
        self._choose_way()
        check_step(self.recurrence, options)
        if self._options.residual:
            check_equal_sizes([self._shapes_of(k)[0][0] for k in range(num_layers)], hidden_size)
        self._all_weights: list[list[str]] = []
        columns = input_size
        for layer in range(num_layers):
            hidden = self._size_of(layer)
            shapes = parameter_shapes(self.recurrence, columns, hidden, proj_size, bias)
            if self._options.layer_norm:
                shapes |= norm_shapes(self.recurrence, hidden, bias)
            states = zip(self.recurrence.states, self._shapes_of(layer))
            learned = {f"initial_{name}": shape for name, shape in states}
            for suffix in ("", "_reverse")[: self._directions]:
                names = {f"{kind}_l{layer}{suffix}": shape for kind, shape in shapes.items()}
                self._all_weights.append(list(names))
                if self._options.learn_initial_state:
                    names |= {f"{kind}_l{layer}{suffix}": s for kind, s in learned.items()}
                for name, shape in names.items():
                    setattr(self, name, Parameter(empty(shape, device=device, dtype=dtype)))
            columns = self._shapes_of(layer)[0][0] * self._directions
        self.reset_parameters()

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({"proj_size": 0, **state})  # older pickles know no projection

    @property
    def recurrence(self) -> Recurrence:
        """The recurrence of all layers."""
        return RECURRENCES[self.mode]

    @property
    def _dtype(self) -> Any:
        weight: Any = self._parameters.get("weight_ih_l0")  # `_weight`, without a call
        if weight is None:  # it is computed, from parameters of its type
            weight = next(self.parameters(), None)
        return (self.weight_ih_l0 if weight is None else weight).array.dtype

    @property
    def _named(self) -> str:
        return self.recurrence.name

    @property
    def _state_shapes(self) -> tuple[tuple[int, ...], ...]:
        return self._shapes_of(0) if self._is_special else self._shapes_with(self.hidden_size)

    def _shapes_of(self, layer: int) -> tuple[tuple[int, ...], ...]:
        return self._shapes_with(self._size_of(layer))

    def _shapes_with(self, size: int) -> tuple[tuple[int, ...], ...]:
        """The projection makes the hidden state smaller, not the cell."""
        shapes = ((self.proj_size or size,), (size,))
        return shapes[: len(RECURRENCES[self.mode].states)]

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

    @_flat_weights.setter
    def _flat_weights(self, weights: list[Any]) -> None:
        """PyTorch's layers compute with this list; here its weights become the layer's own."""
        for name, weight in zip(self._flat_weights_names, weights):
            if getattr(self, name) is not weight:
                setattr(self, name, weight)

    @property
    def _flat_weights_names(self) -> list[str]:
        return [name for names in self._all_weights for name in names]

    def _size_of(self, layer: int) -> int:
        return self.hidden_size if self._sizes is None else self._sizes[layer]

    def _learned(self, k: int) -> list[Any]:
        layer, reverse = divmod(k, self._directions)
        suffix = "_reverse" if reverse else ""
        states = self.recurrence.states
        return [self._weight(f"initial_{name}_l{layer}{suffix}") for name in states]

    @property
    def _names_of_states(self) -> tuple[str, ...]:
        return self.recurrence.states

    def _choose_way(self) -> None:
        """Also whether the step runs, instead of a kernel."""
        super()._choose_way()
        self._stepped = self._wants_zeros = self._options.change_step or not self.recurrence.kernel

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
        if (
            self._sizes is None
            and not self._options.layer_norm
            and not self._options.learn_initial_state
        ):
            draw_(self.parameters(), self.hidden_size)
            return
        for k, names in enumerate(self._all_weights):
            draw_([getattr(self, name) for name in names if not _is_of_option(name)],
                  self._size_of(k // self._directions))  # fmt: skip
        self._reset_options()

    def _reset_options(self) -> None:
        """Gains are 1 at first, and all else 0 that options add."""
        for name, p in self._parameters.items():
            if _is_of_option(name):
                (init.ones_ if name.startswith("gain") else init.zeros_)(p)

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
        return text + option_texts(self)

    def _direction(
        self, k: int, x: Any, states: Any, batch_sizes: Any, reverse: bool, seen: Any = None
    ) -> tuple[Any, ...]:
        if self._stepped or seen is not None:
            names = self._all_weights[k]
            weights = {name[: name.index("_l")]: getattr(self, name) for name in names}
            if not self._stepped:
                cell = direction_of(self, k, weights)
                results = seen_in_kernel(cell, x, states, batch_sizes, reverse, seen)
                if results is not None:
                    return results
            return run_direction(self, k, weights, x, states, batch_sizes, reverse, seen)
        pair = states or (None, None)
        if len(pair) == 1:
            pair = (*states, None)
        return recur(RECURRENCES[self.mode], x, pair, self._weights(k), batch_sizes, reverse)
