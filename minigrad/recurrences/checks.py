"""What recurrent layers and cells refuse, and how they say so.

PyTorch's exception classes and key words, and besides what a person needs to find the mistake:
which layer, which argument, which axes, both shapes.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from ..arrays import dtypes
from ..autograd.errors import stacklevel
from ..autograd.tensor_base import TensorBase
from ..ops.checked import hint_for

# ------------------------------------------------------------------------------------------------
# Construction
# ------------------------------------------------------------------------------------------------


def check_construction(
    input_size: Any, hidden_size: Any, num_layers: Any, bias: Any, batch_first: Any, dropout: Any,
    proj_size: Any = 0,
) -> None:  # fmt: skip
    """Check the arguments that all recurrent layers share."""
    for name, value, kind in (
        ("input_size", input_size, int), ("hidden_size", hidden_size, int),
        ("num_layers", num_layers, int), ("proj_size", proj_size, int), ("bias", bias, bool),
        ("batch_first", batch_first, bool),
    ):  # fmt: skip
        if not isinstance(value, kind):
            raise TypeError(
                f"{name} should be of type {kind.__name__}, got: {type(value).__name__}"
            )
        if kind is int and value <= 0 and name != "proj_size":
            raise ValueError(f"{name} must be greater than zero")
    if proj_size < 0:
        raise ValueError(
            "proj_size should be a positive integer or zero to disable projections, got "
            f"{proj_size}"
        )
    if proj_size >= hidden_size:
        raise ValueError(
            f"proj_size has to be smaller than hidden_size, got proj_size={proj_size} and "
            f"hidden_size={hidden_size}"
        )
    _check_dropout(dropout, num_layers)


def _check_dropout(dropout: Any, num_layers: int) -> None:
    try:
        valid = not isinstance(dropout, (bool, str)) and 0 <= float(dropout) <= 1
    except (TypeError, ValueError):
        valid = False
    if not valid:
        raise ValueError(
            "dropout should be a number in range [0, 1] representing the probability of an element "
            f"being zeroed, got {dropout!r}"
        )
    if dropout > 0 and num_layers == 1:
        warnings.warn(
            "dropout option adds dropout after all but last recurrent layer, so non-zero dropout "
            f"expects num_layers greater than 1, but got dropout={dropout} and "
            f"num_layers={num_layers}",
            stacklevel=stacklevel(),
        )


def check_no_projection(proj_size: int) -> None:
    """Check that a layer that cannot have one was given no projection."""
    if proj_size:
        raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")


def check_nonlinearity(nonlinearity: Any) -> None:
    """Check the option of layers that have a choice."""
    if nonlinearity not in ("tanh", "relu"):
        raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")


def check_forget_bias(bias: bool, forget_bias: Any, chrono_t_max: Any) -> None:
    """Check the options that set the bias of a forget gate."""
    if forget_bias is None and chrono_t_max is None:
        return
    if not bias:
        raise ValueError("forget_bias and chrono_t_max set a bias, which bias=False leaves out")
    if forget_bias is not None and chrono_t_max is not None:
        raise ValueError(
            "forget_bias and chrono_t_max both set the bias of the forget gate: give one, got "
            f"forget_bias={forget_bias} and chrono_t_max={chrono_t_max}"
        )
    if chrono_t_max is not None and not chrono_t_max >= 2:
        raise ValueError(
            "chrono_t_max is the longest dependency in time steps and must be at least 2, got "
            f"{chrono_t_max}"
        )


# ------------------------------------------------------------------------------------------------
# Layers, in use
# ------------------------------------------------------------------------------------------------


def _is_tensor(owner: Any, name: str, value: Any) -> None:
    if not isinstance(value, TensorBase):
        raise TypeError(
            f"{type(owner).__name__}: {name} must be a Tensor, not {type(value).__name__}"
            f"{hint_for(value)}"
        )


def _axes(layer: Any, ndim: int) -> tuple[str, ...]:
    """What the axes of a layer's input are."""
    if ndim == 2:
        return ("L", "H_in")
    return ("N", "L", "H_in") if layer.batch_first else ("L", "N", "H_in")


def check_layer_input(layer: Any, input: Any, dtype: Any, packed: bool = False) -> None:
    """Check the input of a layer whose parameters have the type `dtype`."""
    _is_tensor(layer, "input", input)
    x = input.array
    if packed:
        if x.ndim != 2:
            raise RuntimeError(
                f"input must have 2 dimensions, got {x.ndim}: the data of a PackedSequence for "
                f"{type(layer).__name__} has shape {list(x.shape)}, expected (sum of lengths, H_in)"
            )
    elif x.ndim not in (2, 3):
        raise ValueError(
            f"{type(layer).__name__}: Expected input to be 2D or 3D, got {x.ndim}D tensor instead; "
            f"its shape {list(x.shape)} should be ({', '.join(_axes(layer, 3))}) or (L, H_in)"
        )
    if dtype is not None and x.dtype != dtype:
        have, want = dtypes.of_numpy(x.dtype), dtypes.of_numpy(dtype)
        how = f"input.to({want}), or convert model: model.to({have})"
        if x.dtype.kind != "f":
            how = "x.float(); or look numbers of words up in an Embedding layer first"
        raise ValueError(
            f"RNN input dtype ({have}) does not match weight dtype ({want}). Convert input: {how}"
        )
    if x.shape[-1] != layer.input_size:
        if packed:
            shape, how = f"sum of lengths={x.shape[0]}, H_in={x.shape[1]}", "a PackedSequence"
        else:
            shape = ", ".join(f"{axis}={n}" for axis, n in zip(_axes(layer, x.ndim), x.shape))
            how = f"batch_first={layer.batch_first}"
        raise RuntimeError(
            f"input.size(-1) must be equal to input_size. Expected {layer.input_size}, got "
            f"{x.shape[-1]}: {type(layer).__name__}(input_size={layer.input_size}) was given an "
            f"input of shape ({shape}) with {how}{_hint_for_last_axis(layer, x.shape, packed)}"
        )
    if not packed and 0 in x.shape and not x.shape[_axes(layer, x.ndim).index("L")]:
        raise RuntimeError(
            f"Expected sequence length to be larger than 0 in RNN: input has shape {list(x.shape)}"
        )


def _hint_for_last_axis(layer: Any, shape: tuple[int, ...], packed: bool) -> str:
    """What to do about an input whose last axis does not fit, if another one does."""
    fits = [axis for axis in range(len(shape) - 1) if shape[axis] == layer.input_size]
    if packed or len(fits) != 1:
        return ""
    (axis,) = fits
    return (
        f". Its axis {axis} has the size {layer.input_size}: if that is H_in, give "
        f"x.transpose({axis}, {len(shape) - 1})"
    )


def hint_for_swapped(batch_first: bool, layer: str) -> str:
    """What to do about sizes that would fit if the first two axes of the input were swapped."""
    if batch_first:
        return (
            f". They fit if the input is (L, N, H_in): {layer} was made with batch_first=True, "
            "which reads it as (N, L, H_in)"
        )
    return (
        f". They fit if the input is (N, L, H_in): then {layer} has to be made with "
        "batch_first=True"
    )


def check_not_both(layer: Any, lengths: Any) -> None:
    """Check that a layer that is given a packed batch is given no `lengths` besides."""
    if lengths is not None:
        raise ValueError(
            f"{type(layer).__name__}: a PackedSequence has its own lengths; lengths= is for "
            "padded batches"
        )


def check_tuple_of_states(layer: Any, hx: Any, count: int) -> None:
    """Check that the initial states of a layer with several states are a tuple of as many."""
    if not isinstance(hx, (tuple, list)) or len(hx) != count:
        named = "(h_0, c_0)" if count == 2 else f"({', '.join(layer._state_names)})"
        got = f"{len(hx)} of them" if isinstance(hx, (tuple, list)) else type(hx).__name__
        raise TypeError(
            f"{type(layer).__name__}: hx must be a tuple of {'two' if count == 2 else count} "
            f"tensors, {named}, got {got}"
        )


def check_states_by_layer(layer: Any, hx: Sequence[Any]) -> None:
    """Check that each state, where layers have sizes of their own, has a tensor for each layer."""
    for name, state in zip(layer._state_names, hx):
        if not isinstance(state, (tuple, list)) or len(state) != layer.num_layers:
            got = f"{len(state)}" if isinstance(state, (tuple, list)) else type(state).__name__
            raise TypeError(
                f"{type(layer).__name__}: with hidden_size={layer.hidden_size}, {name} must be a "
                f"tuple of {layer.num_layers} tensors, one for each layer, got {got}"
            )


def check_layer_states(
    layer: Any, states: Sequence[Any], shapes: Sequence[tuple[int, ...]], input: Any,
    batched: bool, batch: int, number: int | None = None,
) -> None:  # fmt: skip
    """Check initial states: each must be (D * num_layers, N, ...), without N if not `batched`.

    `shapes` are what follows there. With a number, they are those of that layer: (D, N, ...).
    """
    places = (layer.num_layers if number is None else 1) * (2 if layer.bidirectional else 1)
    lead = (places, batch) if batched else (places,)
    for k, (state, shape) in enumerate(zip(states, shapes)):
        if not isinstance(state, TensorBase):
            _is_tensor(layer, _name_of_state(layer, k, number), state)
        if state.array.shape != (*lead, *shape):
            _refuse_states(layer, states, shapes, input, lead, number)
        if state.array.dtype is not input.array.dtype:
            check_same_dtype(layer, state, _name_of_state(layer, k, number), input, "input")


def _name_of_state(layer: Any, k: int, number: int | None) -> str:
    name = layer._state_names[k]
    return name if number is None else f"{name}[{number}]"


def _refuse_states(
    layer: Any, states: Sequence[Any], shapes: Sequence[tuple[int, ...]], input: Any,
    lead: tuple[int, ...], number: int | None,
) -> None:  # fmt: skip
    """Say what is wrong with the shapes of initial states: the number of axes, or their sizes."""
    names = [_name_of_state(layer, k, number) for k in range(len(states))]
    for name, state in zip(names, states):
        _is_tensor(layer, name, state)
    dims = [state.array.ndim for state in states]
    ranks = [len(lead) + len(shape) for shape in shapes]
    if dims != ranks:
        kind = "batched 3-D" if len(lead) == 2 else "unbatched 2-D"
        wanted = "-D, ".join(map(str, dict.fromkeys(ranks)))
        got = f"{dims[0]}-D tensor"
        if len(states) > 1:
            got = f"({', '.join(f'{d}-D' for d in dims)}) tensors"
        what = " and ".join(names)
        raise RuntimeError(
            f"For {kind} input, {what} should also be {wanted}-D but got {got} (input "
            f"{list(input.array.shape)}, {what} {' and '.join(str(list(s.shape)) for s in states)})"
        )
    for k, (state, shape) in enumerate(zip(states, shapes)):
        expected = (*lead, *shape)
        if state.array.shape != expected:
            label = f"hidden[{k}]" if len(states) > 1 else "hidden"
            label += "" if number is None else f" of layer {number}"
            axis = "layers * directions" if number is None else "directions"
            raise RuntimeError(
                f"Expected {label} size {expected}, got {list(state.array.shape)}: the axes are "
                f"({axis}, N, {layer._state_axes[k]}), whatever batch_first says"
                + _hint_for_batch(layer, state.array.shape, expected, input.array.shape)
            )


def _hint_for_batch(
    layer: Any, got: tuple[int, ...], expected: tuple[int, ...], given: tuple[int, ...]
) -> str:
    """A hint, if the states are of as many sequences as the input has steps."""
    if len(expected) < 3 or len(given) != 3:  # (one sequence, or a packed batch)
        return ""
    steps = given[1 if layer.batch_first else 0]
    if (expected[0], steps, *expected[2:]) != got:
        return ""
    return hint_for_swapped(layer.batch_first, type(layer).__name__)


def check_same_dtype(owner: Any, a: Any, a_name: str, b: Any, b_name: str) -> None:
    """Check that two tensors have one type."""
    if a.array.dtype is not b.array.dtype and a.array.dtype != b.array.dtype:
        raise RuntimeError(
            "mat1 and mat2 must have the same dtype, but got "
            f"{dtypes.legacy_name(a.array.dtype)} and {dtypes.legacy_name(b.array.dtype)} "
            f"({type(owner).__name__}: {a_name} and {b_name})"
            + (f"; use {a_name}.float()" if a.array.dtype.kind != "f" else "")
        )


# ------------------------------------------------------------------------------------------------
# Cells, in use
# ------------------------------------------------------------------------------------------------


def check_cell_input(cell: Any, input: Any, weight: Any) -> None:
    """Check the input of a cell: (N, I) or (I,), of the type of its weight."""
    name = type(cell).__name__
    _is_tensor(cell, "input", input)
    x = input.array
    if x.ndim not in (1, 2):
        raise ValueError(
            f"{name}: Expected input to be 1D or 2D, got {x.ndim}D instead; its shape "
            f"{list(x.shape)} should be (H_in,) or (N, H_in)"
        )
    if x.shape[-1] != cell.input_size:
        raise RuntimeError(
            f"input has inconsistent input_size: got {x.shape[-1]} expected {cell.input_size} "
            f"({name}: input has shape {list(x.shape)}, its last axis must be input_size)"
        )
    check_same_dtype(cell, input, "input", weight, "weight_ih")


def check_pair(cell: Any, hx: Any) -> None:
    """Check that the states of a cell with two states are two."""
    owner = type(cell).__name__
    if not isinstance(hx, (tuple, list)):
        raise TypeError(
            f"{owner}: argument 'hx' must be tuple of Tensors (h, c), not {type(hx).__name__}"
        )
    if len(hx) != 2:
        raise RuntimeError(f"{owner} expects two hidden states (h, c), got {len(hx)}")


def check_cell_state(cell: Any, input: Any, state: Any, name: str, label: str) -> None:
    """Check a state of a cell: (N, H), or (H,) where the input is (I,)."""
    owner = type(cell).__name__
    _is_tensor(cell, name, state)
    x, h = input.array, state.array
    if h.ndim not in (1, 2):
        raise ValueError(
            f"{owner}: Expected {name} to be 1D or 2D, got {h.ndim}D instead; its shape "
            f"{list(h.shape)} should be (H,) or (N, H)"
        )
    if h.shape[-1] != cell.hidden_size:
        raise RuntimeError(
            f"{label} has inconsistent hidden_size: got {h.shape[-1]}, expected "
            f"{cell.hidden_size} ({owner}: {name} has shape {list(h.shape)})"
        )
    if x.ndim != h.ndim or (x.ndim == 2 and x.shape[0] != h.shape[0]):
        raise RuntimeError(
            f"Input batch size {x.shape[0] if x.ndim == 2 else 'none'} doesn't match {label} "
            f"batch size {h.shape[0] if h.ndim == 2 else 'none'} ({owner}: input has shape "
            f"{list(x.shape)}, {name} {list(h.shape)})"
        )
    check_same_dtype(cell, state, name, input, "input")
