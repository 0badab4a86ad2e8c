"""Pruning: entries of a parameter that are 0 and stay 0.

.. math:: w = m \\odot w_{orig}

The module keeps the parameter as ``weight_orig`` and a mask m of zeros and ones as the buffer
``weight_mask``. A hook, which is the pruning method itself, computes w before every forward and
puts it where the parameter was. Pruned once more, a parameter keeps the zeros that it has: the
hook becomes a `PruningContainer`, and the new method chooses among the entries that are left.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from numbers import Integral, Real
from typing import Any

from ...ops.order import sort, topk
from ...ops.reduce import norm
from ...tensor import Tensor
from ...tensor.creation import ones_like, rand, rand_like, zeros_like
from ..module import Module
from .convert_parameters import parameters_to_vector

__all__ = [
    "BasePruningMethod", "CustomFromMask", "Identity", "L1Unstructured", "LnStructured",
    "PruningContainer", "RandomStructured", "RandomUnstructured", "custom_from_mask",
    "global_unstructured", "identity", "is_pruned", "l1_unstructured", "ln_structured",
    "random_structured", "random_unstructured", "remove",
]  # fmt: skip


class BasePruningMethod(ABC):
    """A way to choose a mask, and the hook that applies it.

    A subclass defines `compute_mask` and the attribute ``PRUNING_TYPE``: what it chooses among, if
    some entries are pruned already. "unstructured": the other entries, as a vector; "structured":
    the slices along its attribute ``dim`` that are not all zero; "global": everything.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.nn.utils import prune
    >>> class EveryOther(prune.BasePruningMethod):
    ...     PRUNING_TYPE = "unstructured"
    ...     def compute_mask(self, t, default_mask):
    ...         mask = default_mask.clone()
    ...         mask.view(-1)[::2] = 0
    ...         return mask
    >>> layer = mg.nn.Linear(2, 2)
    >>> method = EveryOther.apply(layer, "weight")
    >>> layer.weight_mask
    tensor([[0., 1.],
            [0., 1.]])
    """

    PRUNING_TYPE: str
    _tensor_name: Any

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self._tensor_name, self.apply_mask(module))

    @abstractmethod
    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        """The mask for a tensor of importances, which are the entries themselves by default.

        Parameters
        ----------
        t : Tensor
        default_mask : Tensor, shape of `t`
            Zeros where entries are pruned already; must not be changed.
        """

    def apply_mask(self, module: Module) -> Any:
        """The pruned parameter, from its present entries and the mask."""
        original = getattr(module, f"{self._tensor_name}_orig")
        return getattr(module, f"{self._tensor_name}_mask").to(dtype=original.dtype) * original

    @classmethod
    def apply(
        cls, module: Module, name: str, *args: Any, importance_scores: Any = None, **kwargs: Any
    ) -> Any:
        """Make a method of `args` and `kwargs`, and prune a parameter by it.

        Parameters
        ----------
        module : Module
        name : str
            Of the parameter.
        importance_scores : Tensor, optional
            What decides instead of the entries, which it must have the shape of.

        Returns
        -------
        BasePruningMethod
            The hook: the method, or the `PruningContainer` that it was added to.
        """
        method: BasePruningMethod
        new = cls(*args, **kwargs)
        new._tensor_name = name
        before = _hooks_on(module, name)
        if len(before) > 1:
            raise AssertionError(
                "Avoid adding multiple pruning hooks to the same tensor "
                f"{name} of module {module}. Use a PruningContainer."
            )
        present = getattr(module, name)
        scores = present if importance_scores is None else importance_scores
        _check_scores(scores, present, f"parameter {name} of {module}")
        if before:
            ((key, old),) = before.items()
            method = PruningContainer(*(old if isinstance(old, PruningContainer) else [old]), new)
            mask = method.compute_mask(scores, getattr(module, f"{name}_mask").detach())
            del module._forward_pre_hooks[key]
        else:
            method = new
            mask = method.compute_mask(scores, default_mask=ones_like(present))
            del module._parameters[name]
            module.register_parameter(f"{name}_orig", present)
        module.register_buffer(f"{name}_mask", mask)
        setattr(module, name, method.apply_mask(module))
        module.register_forward_pre_hook(method)
        return method

    def prune(self, t: Any, default_mask: Any = None, importance_scores: Any = None) -> Any:
        """The tensor `t`, of no module, pruned.

        Parameters
        ----------
        t : Tensor
        default_mask : Tensor, optional
            Where it is pruned already. Default: nowhere.
        importance_scores : Tensor, optional
            What decides instead of `t`.
        """
        scores = t if importance_scores is None else importance_scores
        _check_scores(scores, t, "tensor t")
        mask = ones_like(t) if default_mask is None else default_mask
        return t * self.compute_mask(scores, default_mask=mask)

    def remove(self, module: Module) -> None:
        """Make the pruned parameter a plain one, with zeros in it. (The hook is left.)"""
        name = self._tensor_name
        weight = self.apply_mask(module)
        if hasattr(module, name):
            delattr(module, name)
        original: Any = module._parameters.pop(f"{name}_orig")
        original.data = weight.data
        del module._buffers[f"{name}_mask"]
        setattr(module, name, original)


def _hooks_on(module: Module, name: str) -> dict[int, Any]:
    """The methods that prune the parameter `name`, by their keys among the hooks."""
    return {
        key: hook
        for key, hook in module._forward_pre_hooks.items()
        if isinstance(hook, BasePruningMethod) and hook._tensor_name == name
    }


def _check_scores(scores: Any, t: Any, what: str) -> None:
    if scores.shape != t.shape:
        raise AssertionError(
            f"importance_scores should have the same shape as {what}, "
            f"got {scores.shape} vs {t.shape}"
        )


class PruningContainer(BasePruningMethod):
    """Several methods for one parameter, each applied to what those before it have left.

    Parameters
    ----------
    *args : BasePruningMethod
        The methods, which name the same parameter.
    """

    def __init__(self, *args: Any) -> None:
        self._pruning_methods: tuple[BasePruningMethod, ...] = ()
        if args:
            self._tensor_name = args[0]._tensor_name
        for method in args:
            self.add_pruning_method(method)

    def add_pruning_method(self, method: Any) -> None:
        """Append a method.

        Raises
        ------
        TypeError
            It is none.
        ValueError
            It prunes another parameter.
        """
        if not isinstance(method, BasePruningMethod):
            raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
        if self._tensor_name != method._tensor_name:
            raise ValueError(
                "Can only add pruning methods acting on the parameter named "
                f"'{self._tensor_name}' to PruningContainer {self}. Found '{method._tensor_name}'"
            )
        self._pruning_methods += (method,)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self) -> Iterator[BasePruningMethod]:
        return iter(self._pruning_methods)

    def __getitem__(self, idx: Any) -> Any:
        return self._pruning_methods[idx]

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        """`default_mask` with more zeros, which the last method chose."""
        method: Any = self._pruning_methods[-1]
        if method.PRUNING_TYPE == "unstructured":
            left: Any = default_mask == 1
        elif method.PRUNING_TYPE == "structured":
            if not hasattr(method, "dim"):
                raise AttributeError(
                    'Pruning methods of PRUNING_TYPE "structured" need to have the attribute '
                    "`dim` defined."
                )
            axis = method.dim + t.dim() if method.dim < 0 else method.dim
            if axis < 0:
                raise IndexError(f"Index is out of bounds for tensor with dimensions {t.dim()}")
            others = [d for d in range(t.dim()) if d != axis]
            left = _slices(t, axis, default_mask.sum(dim=others) != 0)
        elif method.PRUNING_TYPE == "global":
            left = (slice(None),) * t.dim()
        else:
            raise ValueError(f"Unrecognized PRUNING_TYPE {method.PRUNING_TYPE}")
        mask = default_mask.to(dtype=t.dtype, copy=True)
        mask[left] = method.compute_mask(t[left], default_mask=default_mask[left]).to(mask.dtype)
        return mask


def _slices(t: Any, axis: int, which: Any) -> tuple[Any, ...]:
    """The index of some slices of `t` along `axis`."""
    index: list[Any] = [slice(None)] * t.dim()
    index[axis] = which
    return tuple(index)


def _ones_in(t: Any, axis: int, which: Any) -> Any:
    """A mask with ones in some slices along `axis`."""
    mask = zeros_like(t)
    mask[_slices(t, axis, which)] = 1
    return mask


# ------------------------------------------------------------------------------------------------
# How many
# ------------------------------------------------------------------------------------------------


def _check_amount(amount: Any) -> None:
    if not isinstance(amount, Real):
        raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
    if amount < 0 or (not isinstance(amount, Integral) and float(amount) > 1):
        raise ValueError(
            f"amount={amount} should either be a float in the range [0, 1] or a non-negative "
            "integer"
        )


def _number_of(amount: Any, size: int) -> int:
    """How many of `size` things to prune."""
    count = int(amount) if isinstance(amount, Integral) else round(amount * size)
    if count > size:
        raise ValueError(
            f"amount={amount} should be smaller than the number of parameters to prune={size}"
        )
    return count


def _number_of_slices(amount: Any, t: Any, dim: int) -> int:
    """How many slices of `t` along `dim` to prune."""
    if t.dim() <= 1:
        raise ValueError(
            "Structured pruning can only be applied to multidimensional tensors. Found tensor of "
            f"shape {t.shape} with {t.dim()} dims"
        )
    if dim >= t.dim():
        raise IndexError(f"Invalid index {dim} for tensor of size {t.shape}")
    return _number_of(amount, t.shape[dim])


# ------------------------------------------------------------------------------------------------
# Which
# ------------------------------------------------------------------------------------------------


class Identity(BasePruningMethod):
    """Prune nothing, but keep parameter and mask as if something were: see `identity`."""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        """`default_mask`."""
        return default_mask


class RandomUnstructured(BasePruningMethod):
    """Prune random entries: see `random_unstructured`."""

    PRUNING_TYPE = "unstructured"

    def __init__(self, amount: float) -> None:
        _check_amount(amount)
        self.amount = amount

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        """Zeros where random numbers are the largest."""
        count, mask = _number_of(self.amount, t.numel()), default_mask.clone()
        if count:
            mask.view(-1)[topk(rand_like(t).view(-1), count)[1]] = 0
        return mask


class L1Unstructured(BasePruningMethod):
    """Prune the entries with the smallest absolute values: see `l1_unstructured`."""

    PRUNING_TYPE = "unstructured"

    def __init__(self, amount: float) -> None:
        _check_amount(amount)
        self.amount = amount

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        """Zeros where `t` is nearest to zero."""
        count, mask = _number_of(self.amount, t.numel()), default_mask.clone()
        if count:
            mask.view(-1)[topk(t.detach().abs().view(-1), count, largest=False)[1]] = 0
        return mask


class RandomStructured(BasePruningMethod):
    """Prune random slices: see `random_structured`."""

    PRUNING_TYPE = "structured"

    def __init__(self, amount: float, dim: int = -1) -> None:
        _check_amount(amount)
        self.amount = amount
        self.dim = dim

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        """Zeros in the slices for which a random number is among the smallest."""
        count = _number_of_slices(self.amount, t, self.dim)
        if not count:
            return default_mask
        numbers = rand(t.shape[self.dim])
        kept = numbers > sort(numbers)[0][count - 1]
        mask = _ones_in(t, self.dim, kept)
        return mask * default_mask.to(mask.dtype)


class LnStructured(BasePruningMethod):
    """Prune the slices with the smallest norms: see `ln_structured`."""

    PRUNING_TYPE = "structured"

    def __init__(self, amount: float, n: Any, dim: int = -1) -> None:
        _check_amount(amount)
        self.amount = amount
        self.n = n
        self.dim = dim

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        """Zeros in the shortest slices."""
        count = _number_of_slices(self.amount, t, self.dim)
        axes = [d for d in range(t.dim()) if d != self.dim % t.dim()]
        lengths = norm(t.detach(), self.n, axes)
        if not count:
            return default_mask
        mask = _ones_in(t, self.dim, topk(lengths, t.shape[self.dim] - count)[1])
        return mask * default_mask.to(mask.dtype)


class CustomFromMask(BasePruningMethod):
    """Prune by a mask that is there already: see `custom_from_mask`."""

    PRUNING_TYPE = "global"

    def __init__(self, mask: Any) -> None:
        self.mask = mask

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        """The product of both masks."""
        if default_mask.shape != self.mask.shape:
            raise AssertionError(
                f"default_mask shape {default_mask.shape} must match self.mask shape "
                f"{self.mask.shape}"
            )
        return default_mask * self.mask.to(dtype=default_mask.dtype)


# ------------------------------------------------------------------------------------------------
# Functions
# ------------------------------------------------------------------------------------------------


def identity(module: Module, name: str) -> Module:
    """Keep the parameter `name` as if it were pruned, with a mask of ones; return `module`.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.nn.utils import prune
    >>> list(prune.identity(mg.nn.Linear(2, 3), "bias").state_dict())
    ['weight', 'bias_orig', 'bias_mask']
    """
    Identity.apply(module, name)
    return module


def random_unstructured(module: Module, name: str, amount: float) -> Module:
    """Prune random entries of a parameter.

    Parameters
    ----------
    module : Module
    name : str
        Of the parameter: ``"weight_hh_l0"`` for the recurrent weights of an `LSTM`.
    amount : float or int
        Which share of the entries, from 0 to 1; an int: how many.

    Returns
    -------
    Module
        `module` itself.

    Raises
    ------
    TypeError, ValueError
        `amount` is no number, or too small or large.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.nn.utils import prune
    >>> rnn = prune.random_unstructured(mg.nn.RNN(2, 3), "weight_hh_l0", amount=4)
    >>> (rnn.weight_hh_l0 == 0).sum()
    tensor(4)
    """
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(
    module: Module, name: str, amount: float, importance_scores: Any = None
) -> Module:
    """Prune the entries of a parameter with the smallest absolute values.

    Parameters
    ----------
    module : Module
    name : str
        Of the parameter.
    amount : float or int
        Which share of the entries, from 0 to 1; an int: how many.
    importance_scores : Tensor, optional
        What decides instead of the entries; shaped like the parameter.

    Returns
    -------
    Module
        `module` itself.

    Raises
    ------
    TypeError, ValueError
        `amount` is no number, or too small or large.
    AssertionError
        `importance_scores` has another shape.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.nn.utils import prune
    >>> layer = mg.nn.Linear(2, 2, bias=False)
    >>> layer.weight.data = mg.tensor([[1.0, -4.0], [-2.0, 3.0]])
    >>> prune.l1_unstructured(layer, "weight", 0.5).weight
    tensor([[ 0., -4.],
            [-0.,  3.]], grad_fn=<MulBackward0>)
    """
    L1Unstructured.apply(module, name, amount, importance_scores=importance_scores)
    return module


def random_structured(module: Module, name: str, amount: float, dim: int) -> Module:
    """Prune random slices of a parameter.

    Parameters
    ----------
    module : Module
    name : str
        Of the parameter, which has two axes or more.
    amount : float or int
        Which share of the slices, from 0 to 1; an int: how many.
    dim : int
        The axis along which slices are counted: 0 prunes rows.

    Returns
    -------
    Module
        `module` itself.

    Raises
    ------
    TypeError, ValueError
        `amount` is no number, or too small or large; the parameter is a vector.
    IndexError
        There is no such axis.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.nn.utils import prune
    >>> layer = prune.random_structured(mg.nn.Linear(3, 4), "weight", amount=2, dim=1)
    >>> (layer.weight == 0).all(0).sum()
    tensor(2)
    """
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(
    module: Module, name: str, amount: float, n: Any, dim: int, importance_scores: Any = None
) -> Module:
    """Prune the slices of a parameter with the smallest norms.

    Parameters
    ----------
    module : Module
    name : str
        Of the parameter, which has two axes or more.
    amount : float or int
        Which share of the slices, from 0 to 1; an int: how many.
    n : float or "fro"
        Of the norm: see `minigrad.norm`.
    dim : int
        The axis along which slices are counted: 0 prunes rows.
    importance_scores : Tensor, optional
        What decides instead of the entries; shaped like the parameter.

    Returns
    -------
    Module
        `module` itself.

    Raises
    ------
    TypeError, ValueError
        `amount` is no number, or too small or large; the parameter is a vector.
    IndexError
        There is no such axis.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.nn.utils import prune
    >>> layer = mg.nn.Linear(2, 2, bias=False)
    >>> layer.weight.data = mg.tensor([[1.0, -4.0], [-2.0, 3.0]])
    >>> prune.ln_structured(layer, "weight", amount=1, n=2, dim=0).weight_mask
    tensor([[1., 1.],
            [0., 0.]])
    """
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def global_unstructured(
    parameters: Iterable[tuple[Module, str]],
    pruning_method: type[BasePruningMethod],
    importance_scores: dict[tuple[Module, str], Any] | None = None,
    **kwargs: Any,
) -> None:
    """Prune several parameters as if they were one.

    Parameters
    ----------
    parameters : iterable of (Module, str)
        Modules with the name of a parameter.
    pruning_method : class
        One that chooses among entries, such as `L1Unstructured`.
    importance_scores : dict, optional
        For some of `parameters` what decides instead of the entries.
    **kwargs
        For `pruning_method`: ``amount``, of all entries together.

    Raises
    ------
    TypeError
        `parameters` or `importance_scores` is of another kind, or `pruning_method` chooses slices.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.nn.utils import prune
    >>> gru = mg.nn.GRU(4, 8)
    >>> weights = [(gru, "weight_ih_l0"), (gru, "weight_hh_l0")]
    >>> prune.global_unstructured(weights, prune.L1Unstructured, amount=100)
    >>> (gru.weight_ih_l0 == 0).sum() + (gru.weight_hh_l0 == 0).sum()
    tensor(100)
    """
    if not isinstance(parameters, Iterable):
        raise TypeError("global_unstructured(): parameters is not an Iterable")
    given = {} if importance_scores is None else importance_scores
    if not isinstance(given, dict):
        raise TypeError("global_unstructured(): importance_scores must be of type dict")
    pairs = list(parameters)
    tensors = [getattr(module, name) for module, name in pairs]
    scores = [given.get(pair, t) for pair, t in zip(pairs, tensors)]
    masks = [
        getattr(module, f"{name}_mask") if hasattr(module, f"{name}_mask") else ones_like(t)
        for (module, name), t in zip(pairs, tensors)
    ]
    method = pruning_method(**kwargs)
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(
            'Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. Found method '
            f"{pruning_method} of type {method.PRUNING_TYPE}"
        )
    method._tensor_name = "all of them"
    mask = PruningContainer(method).compute_mask(
        parameters_to_vector(scores), parameters_to_vector(masks)
    )
    for (module, name), t, part in zip(pairs, tensors, mask.split([t.numel() for t in tensors])):
        custom_from_mask(module, name, part.view_as(t))


def custom_from_mask(module: Module, name: str, mask: Tensor) -> Module:
    """Prune a parameter where `mask`, which is shaped like it, is 0 or False; return `module`.

    Raises
    ------
    AssertionError
        `mask` has another shape.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.nn.utils import prune
    >>> layer = prune.custom_from_mask(mg.nn.Linear(3, 1), "bias", mg.tensor([0]))
    >>> layer.bias == 0
    tensor([True])
    """
    CustomFromMask.apply(module, name, mask)
    return module


def remove(module: Module, name: str) -> Module:
    """Make a pruned parameter a plain one, with zeros in it; return `module`.

    Raises
    ------
    ValueError
        It is not pruned.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.nn.utils import prune
    >>> layer = prune.l1_unstructured(mg.nn.Linear(2, 3), "weight", 0.5)
    >>> list(prune.remove(layer, "weight").state_dict())
    ['bias', 'weight']
    """
    for key, hook in _hooks_on(module, name).items():
        hook.remove(module)
        del module._forward_pre_hooks[key]
        return module
    raise ValueError(
        f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed"
    )


def is_pruned(module: Module) -> bool:
    """Whether a parameter of `module`, or of a module in it, is pruned.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.nn.utils import prune
    >>> model = mg.nn.Sequential(mg.nn.Linear(2, 3))
    >>> prune.is_pruned(model)
    False
    >>> layer = prune.identity(model[0], "weight")
    >>> prune.is_pruned(model)
    True
    """
    return any(
        isinstance(hook, BasePruningMethod)
        for part in module.modules()
        for hook in part._forward_pre_hooks.values()
    )
