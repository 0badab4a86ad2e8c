r"""Parametrisations that exist already: `weight_norm`, `spectral_norm`, `orthogonal`.

Those of `minigrad.nn.utils` under the same names compute the weight in a hook before each forward;
these compute it whenever it is read (see `parametrize`), and are what PyTorch recommends now. Their
numbers are the same but for the first singular vectors of `spectral_norm`. `orthogonal` is on a
page of its own.
"""

from __future__ import annotations

from typing import Any

from ...autograd.grad_mode import no_grad
from ...ops.arguments import checked_axis
from ...ops.matmul import dot, mv
from ...ops.shape import movedim
from ...recurrences.layer import RNNBase
from ...tensor import Tensor
from ..functional import normalize
from ..module import Module
from . import parametrize
from .orthogonal import orthogonal
from .weight_norm import WeightNorm

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]


class _WeightNorm(Module):
    """w from a length g and a direction v."""

    def __init__(self, dim: int | None) -> None:
        super().__init__()
        self.lengths = WeightNorm("", dim).lengths
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Any, weight_v: Any) -> Any:
        """w."""
        return weight_v * (weight_g / self.lengths(weight_v))

    def right_inverse(self, weight: Any) -> tuple[Any, Any]:
        """g and v."""
        return self.lengths(weight), weight


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    r"""Let a weight be a length times a direction: :math:`w = g\, v / \|v\|`.

    Parameters
    ----------
    module : Module
    name : str
        Of the parameter: ``"weight_hh_l0"`` for the recurrent weights of an `LSTM`. Default:
        "weight".
    dim : int or None
        The axis whose entries have a length each; for the weight of a `Linear`, 0 gives one per
        output. None (or -1, as in PyTorch): one length for the whole weight. Default: 0.

    Returns
    -------
    Module
        `module` itself. g and v are ``parametrizations.weight.original0`` and ``original1``; state
        dicts with ``weight_g`` and ``weight_v`` can be loaded, too.

    Raises
    ------
    ValueError
        There is no such parameter.

    References
    ----------
    T. Salimans, D. Kingma, "Weight normalization: a simple reparameterization to accelerate
    training of deep neural networks", NeurIPS 2016.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.nn.utils.parametrizations import weight_norm
    >>> layer = weight_norm(mg.nn.Linear(20, 40))
    >>> [tuple(p.shape) for p in layer.parametrizations.weight.parameters()]
    [(40, 1), (40, 20)]
    """
    parametrize.register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def rename(state_dict: dict[str, Any], prefix: str, *others: Any) -> None:
        """Give the state of the older weight_norm the new names."""
        old = [f"{prefix}{name}_g", f"{prefix}{name}_v"]
        if all(key in state_dict for key in old):
            for k, key in enumerate(old):
                state_dict[f"{prefix}parametrizations.{name}.original{k}"] = state_dict.pop(key)

    module._register_load_state_dict_pre_hook(rename)
    return module


# So often PyTorch's recurrent layers read each weight in a call; those here read it once.
READS_OF_A_LAYER = 4


class _SpectralNorm(Module):
    """w over its largest singular value, which the power iteration follows."""

    def __init__(self, weight: Any, n_power_iterations: int, dim: int, eps: float) -> None:
        super().__init__()
        self.dim = checked_axis(dim, weight.ndim)
        if n_power_iterations <= 0:
            raise ValueError(
                "Expected n_power_iterations to be positive, but got "
                f"n_power_iterations={n_power_iterations}"
            )
        self.eps = eps
        self.n_power_iterations = n_power_iterations
        if weight.ndim > 1:
            matrix = self.as_matrix(weight.detach())
            for name, n in zip(("_u", "_v"), matrix.shape):
                self.register_buffer(name, self.unit(matrix.new_empty(n).normal_(0, 1)))
            self.iterate(matrix, 15)

    def as_matrix(self, weight: Any) -> Any:
        """`weight` with its axis `dim` first and all others as one."""
        return movedim(weight, self.dim, 0).flatten(1)

    def unit(self, x: Any) -> Any:
        """`x` with length 1."""
        return normalize(x, dim=0, eps=self.eps)

    def iterate(self, matrix: Any, times: int) -> None:
        """Go steps of the power iteration on."""
        u, v = self._u, self._v
        with no_grad():
            for _ in range(times):
                u.copy_(self.unit(mv(matrix, v)))
                v.copy_(self.unit(mv(matrix.T, u)))

    def forward(self, weight: Any) -> Any:
        """The normalised weight."""
        if weight.ndim == 1:
            return self.unit(weight)
        matrix = self.as_matrix(weight)
        if self.training:
            self.iterate(matrix, self.n_power_iterations)
        u, v = self._u.clone(), self._v.clone()  # the graph keeps these; the next call writes there
        return weight / dot(u, mv(matrix, v))

    def right_inverse(self, value: Any) -> Any:
        """`value`, which is taken to be normalised."""
        return value


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    r"""Divide a weight by its largest singular value: :math:`w / \sigma(w)`.

    A vector is divided by its length. In training mode each reading of the weight goes
    `n_power_iterations` steps of the power iteration on (in a recurrent layer four times as many,
    as in PyTorch), which begins at random, with 15 steps.

    Parameters
    ----------
    module : Module
    name : str
        Of the parameter. Default: "weight".
    n_power_iterations : int
        Default: 1.
    eps : float
        A vector shorter than this is divided by `eps` instead of by its length. Default: 1e-12.
    dim : int, optional
        The axis of the weight that holds the outputs; all others are taken as one. Default: 0.

    Returns
    -------
    Module
        `module` itself. The singular vectors are the buffers ``_u`` and ``_v`` of
        ``parametrizations.weight[0]``.

    Raises
    ------
    ValueError
        There is no such parameter, or `n_power_iterations` is not positive.
    IndexError
        The weight has no axis `dim`.

    References
    ----------
    T. Miyato, T. Kataoka, M. Koyama, Y. Yoshida, "Spectral normalization for generative adversarial
    networks", ICLR 2018.

    Examples
    --------
    >>> import numpy as np
    >>> import minigrad as mg
    >>> from minigrad.nn.utils.parametrizations import spectral_norm
    >>> layer = spectral_norm(mg.nn.Linear(2, 3), n_power_iterations=100)
    >>> print(f"{np.linalg.norm(layer.weight.detach().numpy(), 2):.3f}")
    1.000
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    norm = _SpectralNorm(weight, n_power_iterations, 0 if dim is None else dim, eps)
    parametrize.register_parametrization(module, name, norm)
    if isinstance(module, RNNBase):
        norm.n_power_iterations *= READS_OF_A_LAYER
    return module
