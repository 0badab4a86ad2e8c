"""All parameters of a model as one vector, and back: for optimizers that think in one vector."""

from __future__ import annotations

from collections.abc import Iterable

from ...ops.join import cat
from ...tensor import Tensor


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """The entries of all parameters, one after the other.

    Parameters
    ----------
    parameters : iterable of Tensor

    Returns
    -------
    Tensor, shape (P,)
        A copy, through which gradients flow back to the parameters.

    Raises
    ------
    ValueError
        There are no parameters.

    Examples
    --------
    >>> import minigrad as mg
    >>> layer = mg.nn.Linear(2, 3)
    >>> mg.nn.utils.parameters_to_vector(layer.parameters()).shape
    torch.Size([9])
    """
    return cat([parameter.reshape(-1) for parameter in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Give parameters the values in a vector: the inverse of `parameters_to_vector`.

    The parameters look into the memory of `vec` afterwards, each at its part.

    Parameters
    ----------
    vec : Tensor, shape (P,)
        What is left over at its end is ignored.
    parameters : iterable of Tensor
        Together of P entries; they stay outside the graph of `vec`.

    Raises
    ------
    TypeError
        `vec` is no Tensor.
    RuntimeError
        `vec` is too short.

    Examples
    --------
    >>> import minigrad as mg
    >>> layer = mg.nn.Linear(2, 1)
    >>> mg.nn.utils.vector_to_parameters(mg.tensor([1.0, 2.0, 3.0]), layer.parameters())
    >>> layer.bias
    Parameter containing:
    tensor([3.], requires_grad=True)
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {type(vec).__name__}")
    values = vec.data
    start = 0
    for parameter in parameters:
        end = start + parameter.numel()
        parameter.data = values[start:end].view_as(parameter)
        start = end
