"""`RNNCellBase`: what all recurrent cells have in common. A cell is one time step.

N batch, I input size, H hidden size, G number of gates
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..autograd.tensor_base import wrap
from ..nn.module import Module
from ..nn.parameter import Parameter
from ..tensor.creation import empty
from .checks import check_cell_input, check_cell_state, check_pair
from .initial import draw_, parameter_shapes
from .operation import recur_once
from .recurrence import Recurrence


class RNNCellBase(Module):
    """What all cells share: the parameters, the checks of input and state, and the step.

    A cell is a class with a `recurrence`.

    Attributes
    ----------
    weight_ih : Parameter, shape (G H, I)
    weight_hh : Parameter, shape (G H, H)
    bias_ih, bias_hh : Parameter or None, shape (G H,)
        All are drawn from U(-k, k), k = 1 / sqrt(H), in this order.
    """

    if TYPE_CHECKING:  # an attribute of the class, or a property where an option chooses

        @property
        def recurrence(self) -> Recurrence: ...

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        for name, shape in parameter_shapes(self.recurrence, input_size, hidden_size).items():
            there = bias or not name.startswith("bias")
            value = Parameter(empty(shape, device=device, dtype=dtype)) if there else None
            self.register_parameter(name, value)
        self.reset_parameters()

    @property
    def states(self) -> dict[str, int]:
        """The names and sizes of the states, as `Recurrent` asks for them."""
        return dict.fromkeys(self.recurrence.states, self.hidden_size)

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        draw_(self.parameters(), self.hidden_size)

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        text = f"{self.input_size}, {self.hidden_size}"
        return text if self.bias else f"{text}, bias={self.bias}"

    def _each_direction(self) -> list[dict[str, Any]]:
        """The parameters that are there, by name: a cell has one direction (see `RNNBase`)."""
        return [{name: value for name, value in self._parameters.items() if value is not None}]

    def forward(self, input: Any, hx: Any = None) -> Any:
        """One step.

        Parameters
        ----------
        input : Tensor
            x, of shape (N, I), or (I,) for one sequence.
        hx : Tensor, or with two states a tuple of two, optional
            The states before, each (N, H) or (H,). Default: zeros.

        Returns
        -------
        Tensor, or with two states a tuple of two
            The states after.
        """
        recurrence = self.recurrence
        states = len(recurrence.states)
        if hx is None:
            hx = (None,) * states
        elif states == 1:
            hx = (hx,)
        else:
            check_pair(self, hx)
        after = self._step(recurrence, input, hx)
        return after[0] if states == 1 else after

    def _step(self, recurrence: Recurrence, x: Any, hx: Any) -> tuple[Any, ...]:
        """Check everything, run one step. `hx`: the states as a tuple, None for zeros."""
        w_ih, w_hh = self._weight("weight_ih"), self._weight("weight_hh")
        check_cell_input(self, x, w_ih)
        h, c = hx if len(hx) == 2 else (*hx, None)
        if c is not None:
            check_cell_state(self, x, h, "hx[0]", "hidden0")
            check_cell_state(self, x, c, "hx[1]", "hidden1")
        elif h is not None:
            check_cell_state(self, x, h, "hidden", "hidden0")
        own = self._parameters
        parameters = (w_ih, w_hh, own["bias_ih"], own.get("bias_hh"), None)
        run = recur_once if recurrence.kernel else self._as_written
        if x.array.ndim == 2:
            return run(recurrence, x, (h, c), parameters)
        states = [None if s is None else s.unsqueeze(0) for s in (h, c)]
        after = run(recurrence, x.unsqueeze(0), states, parameters)
        return tuple([s.squeeze(0) for s in after])

    def _as_written(
        self, recurrence: Recurrence, x: Any, states: Any, parameters: Any
    ) -> tuple[Any, ...]:
        """One step of a recurrence that has no kernel, and may have more parameters."""
        zeros = wrap(np.zeros((x.array.shape[0], self.hidden_size), x.array.dtype))
        states = [zeros if s is None else s for s, _ in zip(states, recurrence.states)]
        more = [getattr(self, name) for name in recurrence.parameters[5:]]
        given = [*parameters, *more][: len(recurrence.parameters)]
        return recurrence.step(x, *states, *given)
