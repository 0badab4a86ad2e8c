r"""Spectral normalisation: dividing a weight by its largest singular value.

.. math:: w_{SN} = \frac{w}{\sigma(w)}, \qquad \sigma(w) = \max_{\|x\| = 1} \|w x\| = u^T w v

So the layer, as a function, stretches nothing by more than 1. The singular vectors u and v are not
computed anew in every step but followed: each forward pass in training mode goes one step of the
power iteration on from where the last one stopped, while the weight changes slowly.
"""

from __future__ import annotations

from typing import Any

from ...autograd.grad_mode import no_grad
from ...ops.matmul import dot, mv
from ...ops.reduce import norm
from ...ops.shape import transpose
from ...tensor.creation import randn
from ..module import Module
from ..parameter import Parameter


class SpectralNorm:
    """The hook, and what belongs to it.

    Attributes
    ----------
    name : str
        Of the weight.
    n_power_iterations : int
        Steps of the power iteration in a forward pass.
    eps : float
        Below it a vector's length counts as `eps` when it is divided by it.
    dim : int
        The axis of the weight that holds the outputs.
    """

    def __init__(self, name: str, n_power_iterations: int, eps: float, dim: int) -> None:
        if n_power_iterations <= 0:
            raise ValueError(
                "Expected n_power_iterations to be positive, but got "
                f"n_power_iterations={n_power_iterations}"
            )
        self.name = name
        self.n_power_iterations = n_power_iterations
        self.eps = eps
        self.dim = dim

    def as_matrix(self, weight: Any) -> Any:
        """`weight` with its axis `dim` first and all others as one."""
        return transpose(weight, 0, self.dim).reshape(weight.size(self.dim), -1)

    def unit(self, x: Any) -> Any:
        """`x` with length 1."""
        return x / norm(x).clamp(min=self.eps)

    def compute_weight(self, module: Module, iterate: bool) -> Any:
        """The weight over its largest singular value, after some iterations if `iterate`."""
        weight = getattr(module, self.name + "_orig")
        u, v = getattr(module, self.name + "_u"), getattr(module, self.name + "_v")
        matrix = self.as_matrix(weight)
        if iterate:
            with no_grad():
                for _ in range(self.n_power_iterations):
                    v.copy_(self.unit(mv(matrix.t(), u)))
                    u.copy_(self.unit(mv(matrix, v)))
                u, v = u.clone(), v.clone()  # the graph keeps these; the next pass writes to those
        return weight / dot(u, mv(matrix, v))

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module, module.training))


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Any:
    """Divide the parameter `name` of `module` by its largest singular value, from now on.

    The parameter is ``name_orig`` afterwards, and the singular vectors are the buffers ``name_u``
    and ``name_v``, which begin at random.

    Parameters
    ----------
    module : Module
    name : str
        Of the parameter. Default: "weight".
    n_power_iterations : int
        Steps of the power iteration in each forward pass (in training mode). Default: 1.
    eps : float
        Guards the division by a vector's length. Default: 1e-12.
    dim : int, optional
        The axis of the weight that holds the outputs; all others are taken as one. Default: 0.

    Returns
    -------
    Module
        `module` itself.

    Raises
    ------
    RuntimeError
        It is normalised already.
    KeyError
        There is no such parameter.
    ValueError
        `n_power_iterations` is not positive.

    References
    ----------
    T. Miyato, T. Kataoka, M. Koyama, Y. Yoshida, "Spectral normalization for generative adversarial
    networks", ICLR 2018.

    Examples
    --------
    >>> import numpy as np
    >>> import minigrad as mg
    >>> from minigrad.nn.utils.spectral_norm import spectral_norm
    >>> layer = spectral_norm(mg.nn.Linear(2, 3), n_power_iterations=100)
    >>> _ = layer(mg.zeros(2))
    >>> print(f"{np.linalg.norm(layer.weight.detach().numpy(), 2):.3f}")
    1.000
    >>> list(layer.state_dict())
    ['bias', 'weight_orig', 'weight_u', 'weight_v']
    """
    for hook in module._forward_pre_hooks.values():
        if isinstance(hook, SpectralNorm) and hook.name == name:
            raise RuntimeError(
                f"Cannot register two spectral_norm hooks on the same parameter {name}"
            )
    hook = SpectralNorm(name, n_power_iterations, eps, 0 if dim is None else dim)
    weight: Any = module._parameters[name]
    with no_grad():
        rows, columns = hook.as_matrix(weight).shape
        u, v = [hook.unit(randn(n, dtype=weight.dtype)) for n in (rows, columns)]
    del module._parameters[name]
    module.register_parameter(name + "_orig", weight)
    setattr(module, name, weight.data)
    module.register_buffer(name + "_u", u)
    module.register_buffer(name + "_v", v)
    module.register_forward_pre_hook(hook)
    return module


def remove_spectral_norm(module: Module, name: str = "weight") -> Any:
    """Undo `spectral_norm`: make the normalised weight, as it is now, a parameter.

    Parameters
    ----------
    module : Module
    name : str
        Of the parameter. Default: "weight".

    Returns
    -------
    Module
        `module` itself.

    Raises
    ------
    ValueError
        The parameter is not normalised.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.nn.utils.spectral_norm import remove_spectral_norm, spectral_norm
    >>> layer = spectral_norm(mg.nn.Linear(2, 3))
    >>> list(remove_spectral_norm(layer).state_dict())
    ['bias', 'weight']
    """
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, SpectralNorm) and hook.name == name:
            with no_grad():
                weight = hook.compute_weight(module, iterate=False)
            for part in (name, name + "_orig", name + "_u", name + "_v"):
                delattr(module, part)
            module.register_parameter(name, Parameter(weight))
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(f"spectral_norm of '{name}' not found in {module}")
