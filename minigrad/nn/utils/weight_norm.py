r"""Weight normalisation: a weight's length and its direction as two parameters.

.. math:: w = g \frac{v}{\|v\|}

The module keeps g and v as parameters ``weight_g`` and ``weight_v``. Before every ``forward`` a
hook computes w from them and puts it where the parameter was: to the module, ``self.weight`` is
what it always was, only that it has a graph behind it now.
"""

from __future__ import annotations

from typing import Any

from ...ops.arguments import checked_axis
from ...ops.reduce import norm
from ...ops.shape import transpose
from ..module import Module
from ..parameter import Parameter

WHOLE = -1
"""The `dim` that stands for none: one length for the whole weight."""


class WeightNorm:
    """The hook, and what belongs to it.

    Attributes
    ----------
    name : str
        Of the weight.
    dim : int
        The axis whose entries have a length each, or `WHOLE`.
    """

    def __init__(self, name: str, dim: int | None) -> None:
        self.name = name
        self.dim = WHOLE if dim is None else dim

    def lengths(self, v: Any) -> Any:
        """The norm of `v` over all axes but `dim`, which are kept with size 1."""
        if self.dim == WHOLE:
            return norm(v)
        axis = checked_axis(self.dim, v.dim())
        shape = [n if k == axis else 1 for k, n in enumerate(v.shape)]
        return norm(transpose(v, 0, axis).reshape(v.size(axis), -1), dim=1).reshape(shape)

    def compute_weight(self, module: Module) -> Any:
        """w, from the present g and v."""
        g, v = getattr(module, self.name + "_g"), getattr(module, self.name + "_v")
        return v * (g / self.lengths(v))

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module))


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Any:
    """Split the parameter `name` of `module` into a length ``name_g`` and a direction ``name_v``.

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
        `module` itself, which computes what it did before.

    Raises
    ------
    RuntimeError
        It is split already.
    AttributeError
        There is no such parameter.

    Notes
    -----
    A row of zeros has no direction: its weights are nan. Until g and v are changed and the module
    is called, ``module.weight`` shows the weight of the last call.

    References
    ----------
    T. Salimans, D. Kingma, "Weight normalization: a simple reparameterization to accelerate
    training of deep neural networks", NeurIPS 2016.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.nn.utils.weight_norm import weight_norm
    >>> layer = weight_norm(mg.nn.Linear(20, 40))
    >>> [(name, tuple(p.shape)) for name, p in layer.named_parameters()]
    [('bias', (40,)), ('weight_g', (40, 1)), ('weight_v', (40, 20))]
    """
    for hook in module._forward_pre_hooks.values():
        if isinstance(hook, WeightNorm) and hook.name == name:
            raise RuntimeError(
                f"Cannot register two weight_norm hooks on the same parameter {name}"
            )
    hook = WeightNorm(name, dim)
    weight = getattr(module, name)
    g, v = Parameter(hook.lengths(weight).detach()), Parameter(weight.detach())
    del module._parameters[name]
    module.register_parameter(name + "_g", g)
    module.register_parameter(name + "_v", v)
    hook(module, None)
    module.register_forward_pre_hook(hook)
    return module


def remove_weight_norm(module: Module, name: str = "weight") -> Any:
    """Undo `weight_norm`: make the weight, as it is now, a parameter again.

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
        The parameter is not split.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.nn.utils.weight_norm import remove_weight_norm, weight_norm
    >>> layer = weight_norm(mg.nn.Linear(20, 40))
    >>> layer = remove_weight_norm(layer)
    >>> [name for name, _ in layer.named_parameters()]
    ['bias', 'weight']
    """
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, WeightNorm) and hook.name == name:
            weight = hook.compute_weight(module).detach()
            for part in (name, name + "_g", name + "_v"):
                delattr(module, part)
            module.register_parameter(name, Parameter(weight))
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(f"weight_norm of '{name}' not found in {module}")
