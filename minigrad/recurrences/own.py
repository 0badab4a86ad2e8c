"""`Recurrent`: a layer from a cell that the user wrote, as a module or as a function of tensors.

A cell has one time step; all else comes from `SequenceLayer`. `StepCell` makes a module of a
function and its parameters, so that there is one kind of cell here; `told_apart` tells apart what
cells return.

    N batch, H_in input size, H hidden size, D directions (1 or 2)
"""

from __future__ import annotations

import functools
import inspect
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from ..autograd.listening import heard, is_listening
from ..autograd.tensor_base import TensorBase
from ..nn.module import Module
from ..nn.normalization import LayerNorm
from ..nn.parameter import Parameter
from ..tensor.creation import empty, zeros
from .checks import check_construction
from .initial import draw_
from .options import (
    NAMES,
    Sizes,
    check_equal_sizes,
    option_texts,
    run_step,
    set_options,
    sizes_by_layer,
)
from .sequences import SequenceLayer
from .trace_names import gates_of, watching

Shapes = Mapping[str, Any]


class StepCell(Module):
    """A cell made of a function and of parameters that are named and have shapes.

    Parameters
    ----------
    step : callable
        ``step(x, *states, **parameters)``: see `Recurrent`.
    input_size, hidden_size : int
    parameters : dict or callable
        The shape of each parameter, by its name among the arguments of `step`; or a function of
        (input_size, hidden_size) that returns it.
    states : tuple of str, dict or callable, optional
        The names of the states, or their sizes by name. Default: the arguments of `step` between
        the first one and the parameters.
    output_size : int, optional
        Where `step` returns an output besides the states. Default: the size of the first state.
    device, dtype : optional
    """

    def __init__(
        self, step: Callable[..., Any], input_size: int, hidden_size: int, *, parameters: Any,
        states: Any = None, output_size: int | None = None, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        sizes = (input_size, hidden_size)
        shapes: Shapes = parameters(*sizes) if callable(parameters) else parameters
        arguments = list(inspect.signature(step).parameters)
        for name in shapes:
            if name not in arguments[1:]:
                raise ValueError(
                    f"parameter {name!r} is no argument of {_name_of(step)}"
                    f"({', '.join(arguments)}), after the input"
                )
        first = min([arguments.index(name) for name in shapes], default=len(arguments))
        named = tuple(arguments[1:first])
        for name, argument in list(inspect.signature(step).parameters.items())[first:]:
            by_itself = argument.kind in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD)
            if name not in shapes and argument.default is argument.empty and not by_itself:
                raise ValueError(
                    f"argument {name!r} of {_name_of(step)}({', '.join(arguments)}) stands among "
                    "the parameters, but parameters= has no shape for it (states stand before "
                    "all parameters)"
                )
        states = states(*sizes) if callable(states) else states
        if states is not None and tuple(states) != named:
            raise ValueError(
                f"states= names {', '.join(states)}, but the arguments of {_name_of(step)} between "
                f"the input and the parameters are {', '.join(named) or 'none'}"
            )
        self.step = step
        self.input_size, self.hidden_size = input_size, hidden_size
        self.states = named if states is None else states
        if output_size is not None:
            self.output_size = output_size
        self.names = tuple(shapes)  # (a parametrized one is no parameter any more)
        for name, shape in shapes.items():
            value = Parameter(empty(shape, device=device, dtype=dtype))
            self.register_parameter(name, value)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values: all from U(-k, k), k = 1 / sqrt(H), in their order."""
        draw_(self.parameters(), self.hidden_size)

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        return f"{_name_of(self.step)}, {self.input_size}, {self.hidden_size}"

    def forward(self, x: Any, state: Any) -> Any:
        """One step: x (N, I) and the state, or a tuple of states, to what `step` returns."""
        states = (state,) if len(self.states) == 1 else state
        return self.step(x, *states, **{name: getattr(self, name) for name in self.names})


def _name_of(function: Any) -> str:
    return getattr(function, "__name__", None) or type(function).__name__


def cell_of(cell: Any, input_size: int, hidden_size: int, options: dict[str, Any]) -> Any:
    """A cell, as a module: see `Recurrent` for what it may be made from."""
    if not callable(cell) or isinstance(cell, Module):
        raise TypeError(
            "Recurrent: cell must be a Module class (each layer and direction makes its own), or a "
            f"function with parameters=, not {_called(cell)}"
        )
    if "parameters" in options and not isinstance(cell, type):
        return StepCell(cell, input_size, hidden_size, **options)
    made = cell(input_size, hidden_size, **options)
    if not isinstance(made, Module):
        raise TypeError(
            f"Recurrent: {_name_of(cell)}({input_size}, {hidden_size}) returned {_called(made)}, "
            "no Module; if it is one step, give the shapes of its parameters: "
            "parameters={'weight': (4, 3), ...}"
        )
    return made


def own_options(cell: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Take those of the layer out of the options, but for those that the cell names itself."""
    try:
        named: Any = inspect.signature(cell).parameters
    except (TypeError, ValueError):  # `cell_of` will say what is wrong with it
        named = ()
    return {name: given.pop(name) for name in NAMES if name in given and name not in named}


def add_to(cell: Module, name: str, value: Any) -> None:
    """Register a parameter or module that an option adds to a user's cell."""
    if hasattr(cell, name):
        raise ValueError(
            f"{type(cell).__name__} has a {name} of its own, which is what the option of Recurrent "
            "would be called; give the cell's another name"
        )
    setattr(cell, name, value)


def _called(value: Any) -> str:
    kind = type(value).__name__
    return f"a module, {kind}(...)" if isinstance(value, Module) else f"{kind} {value!r:.60}"


def states_of(cell: Any, hidden_size: int) -> dict[str, tuple[int, ...]]:
    """The shape that one sequence has of each state of a cell, by name."""
    states = getattr(cell, "states", None)
    if states is None:
        states = ("hidden",)
    if isinstance(states, str) or not isinstance(states, (Mapping, Sequence)) or not states:
        raise TypeError(
            f"{type(cell).__name__}.states must be a tuple of names, or a dict with a size for "
            f"each, not {states!r}"
        )
    sizes = states if isinstance(states, Mapping) else dict.fromkeys(states, hidden_size)
    return {name: (size,) if isinstance(size, int) else tuple(size) for name, size in sizes.items()}


def told_apart(result: Any, names: Sequence[str], cell: Any) -> tuple[Any, ...]:
    """What a cell returned, as (output, *states): the new states, or an output and these.

    Raises
    ------
    TypeError
        It is neither.
    """
    count = len(names)
    if count == 1 and isinstance(result, TensorBase):
        return result, result
    if isinstance(result, (tuple, list)):
        states = result
        if len(result) == 2 and (count == 1 or isinstance(result[1], (tuple, list))):
            states = result[1]
            states = (states,) if isinstance(states, TensorBase) else states
        if (
            isinstance(states, (tuple, list))
            and len(states) == count
            and all([isinstance(v, TensorBase) for v in (result[0], *states)])
        ):
            return result[0], *states
    wanted = names[0] if count == 1 else f"({', '.join(names)})"
    raise TypeError(
        f"{_name_of(getattr(cell, 'step', cell))} must return the new state, {wanted}, or (output, "
        f"{wanted}), but returned {_described(result)}. A cell with other states names them: "
        'states = ("h", "c")'
    )


def _advised(error: TypeError | ValueError, cell: Any, names: Sequence[str]) -> Exception:
    """The error of a cell; with advice, if it took its states for what they are not."""
    text, name = str(error), _name_of(type(cell))
    if len(names) == 1 and "to unpack" in text:
        return type(error)(
            f"{text}. {name}.forward gets its state as one tensor, for it names no others; a cell "
            'with several names them, states = ("h", "c"), and gets a tuple'
        )
    if "forward() missing" in text and text.startswith(name):
        return type(error)(
            f"{text}. A cell is called with the input and the state, forward(x, state): several "
            'states are a tuple, and have names, states = ("h", "c")'
        )
    return error


def _described(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return f"({', '.join(map(_described, value))})"
    return "a Tensor" if isinstance(value, TensorBase) else f"{type(value).__name__}"


@functools.cache
def _named_states(names: tuple[str, ...]) -> Any:
    """A class of tuples with these names (where they can be names)."""
    return namedtuple("States", names, rename=True)


def _first_dtype(module: Module) -> Any:
    """The type of the first parameter that has numbers, or None."""
    for p in module._parameters.values():
        if p is not None and p.array.dtype.kind == "f":
            return p.array.dtype
    for child in module._modules.values():
        dtype = None if child is None else _first_dtype(child)
        if dtype is not None:
            return dtype
    return None


class Recurrent(SequenceLayer):
    r"""A recurrent layer from a cell of your own: layers, directions, dropout, lengths, states.

    A cell has one time step. It is either

    - a Module class: ``cell(input_size, hidden_size, **options)`` makes one for each layer and
      direction, and its ``forward(x, state)`` takes the input (N, I) and the state;
    - a function of tensors, ``step(x, *states, *parameters)``, with `parameters`: their shapes by
      name, or a function of (I, H) that returns them. They are drawn from U(-k, k),
      k = 1 / sqrt(H), in their order.

    Either returns the new state, which is the output, too; or (output, state), where these differ.
    A cell with several states has them in tuples, and names them: ``states = ("h", "c")``, where
    each is (N, H), or ``states = {"h": 20, "memory": (5, 8)}``, as an attribute of the module (of
    the class, or set in ``__init__``), or as an option beside a function whose arguments they are.
    If the output has another size than the first state, the module has an ``output_size``, or the
    function gets this option.

    Parameters
    ----------
    cell : Module class or callable
    input_size, hidden_size : int
        H_in and H.
    num_layers : int
        In the second layer and above, the input of a cell is the output of the layer below, D times
        the size of its output.
    bidirectional : bool
        Each layer also runs from the end to the start, with a cell of its own.
    batch_first : bool
        Input and output are (N, L, .) instead of (L, N, .). The states are not concerned.
    dropout : float
        Dropout probability for the output of each layer but the last, while training.
    zoneout, learn_initial_state, residual, and a list for `hidden_size`
        As for `RNNBase`.
    recurrent_dropout : float
        The first state is multiplied with the mask that `RNNBase` describes, as the cell reads it:
        in all places, since which of them are products, only the cell knows.
    layer_norm : bool
        The new first state (and the output, if it is the same) is normalised over its units,
        h' = gain LN(step(x, h)) + bias: around the step, since what is inside only the cell knows.
    **options
        All other keywords go to the cell; so do those above that its own arguments name.

    Attributes
    ----------
    l{k}, l{k}_reverse : Module
        The cells: so the state dict has names such as ``l0.weight_ih``, ``l1_reverse.inner.bias``.
        What options add is called ``l0.layer_norm.weight``, ``l0.initial_h`` for a state h.

    Raises
    ------
    TypeError, ValueError
        The cell is neither; its parameters are no arguments of it; another argument is wrong.
    TypeError, RuntimeError
        (in use) the cell returned something else than states, or states of other shapes.

    See Also
    --------
    SequenceLayer.forward : what goes in and comes out. The last states of a cell with several are a
        tuple with their names: ``h_n.memory``.
    minigrad.testing.check_recurrence : a proof for cells.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> class LeakyCell(nn.Module):
    ...     def __init__(self, input_size, hidden_size, leak=0.1):
    ...         super().__init__()
    ...         self.inner = nn.Linear(input_size + hidden_size, hidden_size)
    ...         self.leak = leak
    ...     def forward(self, x, h):
    ...         return h + self.leak * (self.inner(mg.cat([x, h], 1)).tanh() - h)
    >>> layer = nn.Recurrent(LeakyCell, 3, 4, num_layers=2, bidirectional=True, leak=0.2)
    >>> output, h_n = layer(mg.randn(5, 2, 3), lengths=[5, 3])
    >>> output.shape, h_n.shape
    (torch.Size([5, 2, 8]), torch.Size([4, 2, 4]))
    >>> list(layer.state_dict())[:3]
    ['l0.inner.weight', 'l0.inner.bias', 'l0_reverse.inner.weight']

    The same of a function:

    >>> def leaky(x, h, w, b):
    ...     return h + 0.1 * ((mg.cat([x, h], 1) @ w + b).tanh() - h)
    >>> layer = nn.Recurrent(leaky, 3, 4, parameters={"w": (3 + 4, 4), "b": (4,)})
    >>> layer(mg.randn(5, 2, 3))[0].shape
    torch.Size([5, 2, 4])
    """

    _wants_zeros = True

    def __init__(
        self, cell: Any, input_size: int, hidden_size: Sizes, num_layers: int = 1, *,
        bidirectional: bool = False, batch_first: bool = False, dropout: float = 0.0,
        **options: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        self._sizes, num_layers = sizes_by_layer(hidden_size, num_layers)
        sizes: Any = self._sizes or [hidden_size] * num_layers
        for size in sizes:
            check_construction(input_size, size, num_layers, True, batch_first, dropout)
        ours = own_options(cell, options)
        self.input_size, self.num_layers = input_size, num_layers
        self.hidden_size: Any = hidden_size
        self.bidirectional, self.batch_first = bool(bidirectional), batch_first
        self.dropout = float(dropout)
        columns = input_size
        self._places: list[str] = []  # the names of the cells
        self._output_sizes: list[int] = []
        self._states_by_place: list[dict[str, tuple[int, ...]]] = []
        for layer, size in enumerate(sizes):
            for suffix in ("", "_reverse")[: self._directions]:
                made = cell_of(cell, columns, size, options)
                self._places.append(f"l{layer}{suffix}")
                setattr(self, self._places[-1], made)
                states = states_of(made, size)
                self._states_by_place.append(states)
                first = self._states
                if list(states) != list(first) or (self._sizes is None and states != first):
                    raise ValueError(
                        f"all layers must have the same states, but those of l{layer}{suffix} are "
                        f"{states}, those of l0 {self._states}"
                    )
                self._output_sizes.append(self._output_size(made, size))
            columns = self._output_sizes[-1] * self._directions
        set_options(self, ours)
        self._choose_way()
        if self._options.residual:
            check_equal_sizes(self._output_sizes, hidden_size)
        for made, states in zip(self.cells, self._states_by_place):
            self._add_options(made, states)

    def _add_options(self, cell: Module, states: Mapping[str, tuple[int, ...]]) -> None:
        """Give a cell the parameters of the layer's options."""
        dtype = next((p.dtype for p in cell.parameters()), None)
        if self._options.layer_norm:
            add_to(cell, "layer_norm", LayerNorm(next(iter(states.values())), dtype=dtype))
        if self._options.learn_initial_state:
            for name, shape in states.items():
                add_to(cell, f"initial_{name}", Parameter(zeros(shape, dtype=dtype)))

    @property
    def cells(self) -> list[Any]:
        """The cells, layer by layer, the forward direction first."""
        return [getattr(self, place) for place in self._places]

    def _output_size(self, cell: Any, hidden_size: int) -> int:
        """The size of what a cell puts out."""
        size = getattr(cell, "output_size", None)
        if size is None:
            name, shape = next(iter(states_of(cell, hidden_size).items()))
            if len(shape) != 1:
                raise ValueError(
                    f"{type(cell).__name__}: the first state, {name}, has shape {shape} for one "
                    "sequence; then the cell must return an output besides, and say its output_size"
                )
            size = shape[0]
        return size

    @property
    def _named(self) -> str:
        return "recurrent"

    @property
    def _states(self) -> dict[str, tuple[int, ...]]:
        return self._states_by_place[0]

    @property
    def _state_shapes(self) -> tuple[tuple[int, ...], ...]:
        return tuple(self._states.values())

    def _shapes_of(self, layer: int) -> tuple[tuple[int, ...], ...]:
        return tuple(self._states_by_place[layer * self._directions].values())

    def _learned(self, k: int) -> list[Any]:
        return [getattr(self.cells[k], f"initial_{name}") for name in self._state_names]

    @property
    def _state_names(self) -> tuple[str, ...]:
        return tuple(self._states)

    @property
    def _state_axes(self) -> tuple[str, ...]:
        return tuple([f"*shape of {name}" for name in self._states])

    @property
    def _dtype(self) -> Any:
        return _first_dtype(self._modules["l0"])

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        text = f"{self.input_size}, {self.hidden_size}"
        defaults = {"num_layers": 1, "batch_first": False, "dropout": 0.0, "bidirectional": False}
        for name, default in defaults.items():
            value = getattr(self, name)
            text += "" if value == default else f", {name}={value}"
        return text + option_texts(self)

    def _last(self, states: list[Any]) -> Any:
        if len(states) == 1:
            return states[0]
        return _named_states(self._state_names)(*states)

    def _direction(
        self, k: int, x: Any, states: Any, batch_sizes: Any, reverse: bool, seen: Any = None
    ) -> tuple[Any, ...]:
        if is_listening():  # (as one: what the cell does is followed by its plan)
            return heard(Recurrent._direction, (self, k, x, states, batch_sizes, reverse), {})
        cell, sizes = self._modules[self._places[k]], self._states_by_place[k]
        names, output_size = tuple(sizes), self._output_sizes[k]
        written = cell.step if isinstance(cell, StepCell) else cell.forward

        def step(x: Any, states: Any, mask: Any) -> tuple[Any, ...]:
            if mask is not None:
                states = (states[0] * mask, *states[1:])
            variables: dict[str, Any] = {}
            try:
                with nullcontext() if seen is None else watching(written, variables):
                    result = cell(x, states[0] if len(states) == 1 else states)
            except (TypeError, ValueError) as error:
                advised = _advised(error, cell, names)
                if advised is error:
                    raise
                raise advised from error
            output, *after = told_apart(result, names, cell)
            if seen is not None:
                known = (x, *states, output, *after)
                seen.gates.update(gates_of(cell, variables, known, x, states))
            rows = len(x.array)
            for name, value, shape in [
                ("output", output, (output_size,)), *zip(names, after, sizes.values()),
            ]:  # fmt: skip
                if value.array.shape != (rows, *shape):
                    raise RuntimeError(
                        f"{_name_of(getattr(cell, 'step', cell))}: {name} should have shape "
                        f"{[rows, *shape]}, (N, {'output_size' if name == 'output' else '...'}), "
                        f"but has {list(value.array.shape)}"
                    )
            if self._options.layer_norm:
                first = cell.layer_norm(after[0])
                output, after = first if output is after[0] else output, [first, *after[1:]]
            return output, *after

        return run_step(self, cell, step, x, states, batch_sizes, reverse, seen=seen)
