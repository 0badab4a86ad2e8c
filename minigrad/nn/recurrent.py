"""Recurrent layers: a cell's recurrence over whole sequences, in several layers and both
directions.

`RNNBase` has everything that the layers share: parameters, checks, layouts, stacking. A layer adds
its recurrence, one operation of `minigrad.ops.recurrent`.

    L sequence length, N batch, H_in input size, H hidden size, D directions (1 or 2)
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from .. import dtypes
from ..autograd.engine import TensorBase, primitive, wrap
from ..creation import empty
from ..ops import recurrent as ops
from ..ops.join import cat, stack, unbind
from ..ops.shape import flip, transpose
from . import init
from .functional import dropout
from .module import Module
from .parameter import Parameter

GATES = {"RNN_TANH": 1, "RNN_RELU": 1}


# the name that PyTorch prints for outputs with the batch first
_batch_to_front = primitive("transpose", lambda x: x.swapaxes(0, 1), view="always",
                            x=lambda g: transpose(g, 0, 1))  # fmt: skip
_batch_to_front.op.node_name = "TransposeBackward1"  # type: ignore[attr-defined]


class RNNBase(Module):
    """What all recurrent layers share.

    Attributes
    ----------
    weight_ih_l{k} : Parameter, shape (G H, H_in) for layer 0, (G H, D H) for the others
    weight_hh_l{k} : Parameter, shape (G H, H)
    bias_ih_l{k}, bias_hh_l{k} : Parameter, shape (G H,)
        For layer k, with the suffix ``_reverse`` for its second direction. All are drawn from U(-b,
        b), b = 1 / sqrt(H), in the order in which they are listed, layer by layer.
    """

    def __init__(
        self, mode: str, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        _check_construction(input_size, hidden_size, num_layers, bias, batch_first, dropout)
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = 0
        self._all_weights: list[list[str]] = []
        rows = GATES[mode] * hidden_size
        for layer in range(num_layers):
            columns = input_size if layer == 0 else hidden_size * self._directions
            for suffix in ("", "_reverse")[: self._directions]:
                shapes: dict[str, tuple[int, ...]] = {
                    "weight_ih": (rows, columns),
                    "weight_hh": (rows, hidden_size),
                }
                if bias:
                    shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
                names = {f"{kind}_l{layer}{suffix}": shape for kind, shape in shapes.items()}
                for name, shape in names.items():
                    setattr(self, name, Parameter(empty(shape, device=device, dtype=dtype)))
                self._all_weights.append(list(names))
        self.reset_parameters()

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def all_weights(self) -> list[list[Any]]:
        """The parameters, one list for each layer and direction."""
        return [[self._parameters[name] for name in names] for names in self._all_weights]

    @property
    def _flat_weights(self) -> list[Any]:
        return [self._parameters[name] for name in self._flat_weights_names]

    @property
    def _flat_weights_names(self) -> list[str]:
        return [name for names in self._all_weights for name in names]

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def flatten_parameters(self) -> None:
        """Do nothing: there is no GPU memory to arrange. Scripts for PyTorch call it."""

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        text = f"{self.input_size}, {self.hidden_size}"
        defaults = {
            "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0,
            "bidirectional": False,
        }  # fmt: skip
        for name, default in defaults.items():
            value = getattr(self, name)
            text += "" if value == default else f", {name}={value}"
        return text

    # --------------------------------------------------------------------------------------------
    # Checks
    # --------------------------------------------------------------------------------------------

    def _check_input(self, input: Any) -> None:
        name = type(self).__name__
        if not isinstance(input, TensorBase):
            raise TypeError(f"{name}: input must be a Tensor, not {type(input).__name__}")
        x, weight = input.array, self._parameters["weight_ih_l0"].array  # type: ignore[union-attr]
        axes = ("N", "L", "H_in") if self.batch_first else ("L", "N", "H_in")
        if x.ndim not in (2, 3):
            raise ValueError(
                f"{name}: Expected input to be 2D or 3D, got {x.ndim}D tensor instead; its shape "
                f"{list(x.shape)} should be ({', '.join(axes)}) or (L, H_in)"
            )
        if x.dtype != weight.dtype:
            have, want = dtypes.of_numpy(x.dtype), dtypes.of_numpy(weight.dtype)
            raise ValueError(
                f"RNN input dtype ({have}) does not match weight dtype ({want}). Convert input: "
                f"input.to({want}), or convert model: model.to({have})"
            )
        if x.shape[-1] != self.input_size:
            named = axes if x.ndim == 3 else ("L", "H_in")
            shape = ", ".join(f"{axis}={n}" for axis, n in zip(named, x.shape))
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got "
                f"{x.shape[-1]}: {name}(input_size={self.input_size}) was given an input of shape "
                f"({shape}) with batch_first={self.batch_first}"
            )
        if not x.shape[1 if self.batch_first and x.ndim == 3 else 0]:
            raise RuntimeError(
                "Expected sequence length to be larger than 0 in RNN: input has shape "
                f"{list(x.shape)}"
            )

    def _check_state(self, state: Any, input: Any, batch: int, label: str, name: str) -> None:
        """`state` must be (D * num_layers, N, H); without N if the input has no batch axis."""
        if not isinstance(state, TensorBase):
            raise TypeError(
                f"{type(self).__name__}: {name} must be a Tensor, not {type(state).__name__}"
            )
        h, rank = state.array, input.array.ndim
        if h.ndim != rank:
            kind = "batched 3-D" if rank == 3 else "unbatched 2-D"
            raise RuntimeError(
                f"For {kind} input, {name} should also be {rank}-D but got {h.ndim}-D tensor "
                f"(input {list(input.array.shape)}, {name} {list(h.shape)})"
            )
        expected = (
            self.num_layers * self._directions,
            *((batch,) if rank == 3 else ()),
            self.hidden_size,
        )
        if h.shape != expected:
            raise RuntimeError(
                f"Expected {label} size {expected}, got {list(h.shape)}: the axes are (layers * "
                "directions, N, hidden_size), whatever batch_first says"
            )
        if h.dtype != input.array.dtype:
            raise RuntimeError(
                f"mat1 and mat2 must have the same dtype, but got {dtypes.legacy_name(h.dtype)} "
                f"and {dtypes.legacy_name(input.array.dtype)} ({type(self).__name__}: {name} and "
                "input)"
            )

    # --------------------------------------------------------------------------------------------
    # Running
    # --------------------------------------------------------------------------------------------

    def _recur(self, x: Any, h_0: Any, parameters: list[Any]) -> tuple[Any, Any]:
        """One layer, one direction: x (L, N, .) and h_0 (N, H) to output (L, N, H), h_n (N, H)."""
        raise NotImplementedError

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """Run the layers over a sequence.

        Parameters
        ----------
        input : Tensor
            (L, N, H_in), or (N, L, H_in) if `batch_first`, or (L, H_in) for one sequence.
        hx : Tensor, optional
            The initial states, (D * num_layers, N, H) or, for one sequence, (D * num_layers, H).
            Default: zeros.

        Returns
        -------
        output : Tensor
            The states of the last layer after each step, laid out as the input, (..., D * H): the
            forward direction first.
        h_n : Tensor
            The last states of all layers, shaped as `hx`.
        """
        self._check_input(input)
        x, batched = input, input.array.ndim == 3
        if not batched:
            x = x.unsqueeze(1)
        elif self.batch_first:
            x = x.transpose(0, 1)  # (L, N, H_in)
        batch = x.array.shape[1]
        if hx is None:
            zeros = np.zeros((batch, self.hidden_size), x.array.dtype)
            starts = [wrap(zeros)] * (self.num_layers * self._directions)
        else:
            self._check_state(hx, input, batch, "hidden", "hx")
            starts = unbind(hx if batched else hx.unsqueeze(1))  # type: ignore[assignment]
        output, ends = self._stacked(x, starts)
        h_n = stack(ends)  # (D * num_layers, N, H)
        if not batched:
            return output.squeeze(1), h_n.squeeze(1)
        return (_batch_to_front(output) if self.batch_first else output), h_n

    def _stacked(self, x: Any, starts: Any) -> tuple[Any, list[Any]]:
        """All layers: x (L, N, H_in) to the last layer's output and every layer's last state."""
        ends = []
        for layer in range(self.num_layers):
            if layer and self.dropout:
                x = dropout(x, self.dropout, self.training)
            outputs = []
            for direction in range(self._directions):
                k = layer * self._directions + direction
                names = self._all_weights[k]
                parameters = [self._parameters[name] for name in names] + [None] * (4 - len(names))
                sequence = flip(x, 0) if direction else x
                y, end = self._recur(sequence, starts[k], parameters)
                outputs.append(flip(y, 0) if direction else y)
                ends.append(end)
            x = outputs[0] if len(outputs) == 1 else cat(outputs, 2)  # (L, N, D * H)
        return x, ends


def _check_construction(
    input_size: Any, hidden_size: Any, num_layers: Any, bias: Any, batch_first: Any, dropout: Any
) -> None:
    for name, value, kind in (
        ("input_size", input_size, int), ("hidden_size", hidden_size, int),
        ("num_layers", num_layers, int), ("bias", bias, bool), ("batch_first", batch_first, bool),
    ):  # fmt: skip
        if not isinstance(value, kind):
            raise TypeError(
                f"{name} should be of type {kind.__name__}, got: {type(value).__name__}"
            )
        if kind is int and value <= 0:
            raise ValueError(f"{name} must be greater than zero")
    is_number = isinstance(dropout, (int, float)) and not isinstance(dropout, bool)
    if not is_number or not 0 <= dropout <= 1:
        raise ValueError(
            "dropout should be a number in range [0, 1] representing the probability of an element "
            f"being zeroed, got {dropout!r}"
        )
    if dropout > 0 and num_layers == 1:
        warnings.warn(
            "dropout option adds dropout after all but last recurrent layer, so non-zero dropout "
            f"expects num_layers greater than 1, but got dropout={dropout} and "
            f"num_layers={num_layers}",
            stacklevel=4,
        )


class RNN(RNNBase):
    r"""A simple recurrent network (Elman 1990), in one or several layers.

    .. math:: h_t = \tanh(W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh})

    or with ReLU in place of tanh. The input of layer k > 0 is the output of layer k - 1.

    Parameters
    ----------
    input_size, hidden_size : int
        H_in and H.
    num_layers : int
    nonlinearity : "tanh" or "relu"
    bias : bool
        False leaves both b out.
    batch_first : bool
        Input and output are (N, L, .) instead of (L, N, .). The states are not concerned.
    dropout : float
        Dropout probability for the output of each layer but the last, while training.
    bidirectional : bool
        Each layer also runs from the end to the start, with parameters of its own.
    device, dtype : optional
        Only the CPU; the type of the parameters.

    Raises
    ------
    ValueError, TypeError
        An argument is out of range or of another type.
    RuntimeError, ValueError
        (in use) shapes or dtypes that do not go together.

    Examples
    --------
    >>> import minigrad as mg
    >>> rnn = mg.nn.RNN(10, 20, num_layers=2)
    >>> output, h_n = rnn(mg.randn(5, 3, 10))
    >>> output.shape, h_n.shape
    (torch.Size([5, 3, 20]), torch.Size([2, 3, 20]))
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh",
        bias: bool = True, batch_first: bool = False, dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None, dtype: Any = None, proj_size: int = 0,
    ) -> None:  # fmt: skip
        if proj_size:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(
                f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'."
            )
        mode = "RNN_TANH" if nonlinearity == "tanh" else "RNN_RELU"
        super().__init__(
            mode,
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device,
            dtype,
        )
        self.nonlinearity = nonlinearity

    def _recur(self, x: Any, h_0: Any, parameters: list[Any]) -> tuple[Any, Any]:
        w_ih, w_hh, b_ih, b_hh = parameters
        return ops.rnn(x, h_0, w_ih, w_hh, b_ih, b_hh, self.nonlinearity)
