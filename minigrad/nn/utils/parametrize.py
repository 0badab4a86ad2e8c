r"""Parametrisations: a parameter that is a function of others, computed whenever it is read.

.. math:: w = f_n(\dots f_1(w_{original}))

`register_parametrization` takes the parameter out of its module and puts a property in its place:
who reads ``module.weight`` gets :math:`w`, with a graph that leads to ``original``, and the
optimizer trains ``original``. A property belongs to a class, so the module gets a class of its own,
derived from the one it had. Each :math:`f` is a module; one with a ``right_inverse`` can be told
what :math:`w` shall be: ``module.weight = w``.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from ...autograd.grad_mode import no_grad
from ...tensor import Tensor
from ..containers import ModuleDict, ModuleList
from ..module import Module
from ..parameter import Parameter

__all__ = [
    "ParametrizationList", "cached", "is_parametrized", "register_parametrization",
    "remove_parametrizations", "transfer_parametrizations_and_params",
    "type_before_parametrizations",
]  # fmt: skip


class _Cache:
    """The values that were computed inside `cached`, by module and name."""

    def __init__(self) -> None:
        self.depth = 0  # how many `cached` are under way
        self.values: dict[tuple[int, str], Any] = {}


_cache = _Cache()


@contextmanager
def cached() -> Iterator[None]:
    """Compute each parametrised tensor once inside the ``with`` block, and forget it at its end.

    Without it a tensor is computed anew whenever it is read: for a cell that is called in a loop
    over time, at every step. Inside, a tensor is what it was when it was first read, even if its
    originals change.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.nn.utils import parametrizations, parametrize
    >>> cell = parametrizations.weight_norm(mg.nn.RNNCell(2, 3), "weight_hh")
    >>> cell.weight_hh is cell.weight_hh
    False
    >>> with parametrize.cached():
    ...     cell.weight_hh is cell.weight_hh
    True
    """
    _cache.depth += 1
    try:
        yield
    finally:
        _cache.depth -= 1
        if not _cache.depth:
            _cache.values.clear()


def _register(module: Module, name: str, tensor: Tensor) -> None:
    if isinstance(tensor, Parameter):
        module.register_parameter(name, tensor)
    else:
        module.register_buffer(name, tensor)


def _differences(what: str, got: Tensor, expected: Tensor) -> str:
    """What is wrong with the dtype or shape of `got`; "" if nothing is."""
    for kind in ("dtype", "shape"):
        if getattr(got, kind) != getattr(expected, kind):
            return (
                f"may not change the {kind} of the tensor, unless the `unsafe` flag is enabled.\n"
                f"unparametrized {kind}: {getattr(expected, kind)}\n"
                f"{what} {kind}: {getattr(got, kind)}"
            )
    return ""


def _check_result(got: Any, expected: Tensor) -> None:
    if not isinstance(got, Tensor):
        raise ValueError(f"A parametrization must return a tensor. Got {type(got).__name__}.")
    wrong = _differences("parametrized", got, expected)
    if wrong:
        raise ValueError(f"Registering a parametrization {wrong}")


class ParametrizationList(ModuleList):
    """The parametrisations of one tensor, in the order in which they are applied; its originals.

    `register_parametrization` makes it; it is found at ``module.parametrizations.weight``. The
    tensor that the first parametrisation takes is its parameter (or buffer) ``original``; if the
    first one takes several, they are ``original0``, ``original1``, ...

    Parameters
    ----------
    modules : sequence of Module
        The parametrisations.
    original : Parameter or Tensor
        The tensor as it was.
    unsafe : bool
        Whether dtype and shape may change. Default: False.

    Raises
    ------
    ValueError
        There are no modules, or one of them returns something that does not fit.
    """

    original: Any

    def __init__(self, modules: Sequence[Module], original: Any, unsafe: bool = False) -> None:
        if not modules:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        before = original.detach()
        with no_grad():
            new = original
            for module in reversed(list(self)):
                if hasattr(module, "right_inverse"):
                    with suppress(NotImplementedError):  # the identity, then, as without one
                        new = module.right_inverse(new)
        self.is_tensor = isinstance(new, Tensor)
        if self.is_tensor:
            if new.dtype != original.dtype:
                raise ValueError(
                    "When `right_inverse` outputs one tensor, it may not change the dtype.\n"
                    f"original.dtype: {original.dtype}\nright_inverse(original).dtype: {new.dtype}"
                )
            with no_grad():  # the same object as before, so that optimizers know it
                original.set_(new)
            _register(self, "original", original)
        else:
            self._register_several(original, new)
        self.ntensors = 1 if self.is_tensor else len(new)
        if not unsafe:
            _check_result(self(), before)

    def _register_several(self, original: Any, parts: Any) -> None:
        kinds = "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "
        if not isinstance(parts, Sequence):
            raise ValueError(f"{kinds}Got {type(parts).__name__}")
        for k, part in enumerate(parts):
            if not isinstance(part, Tensor):
                raise ValueError(
                    f"{kinds}Got element {k} of the sequence with type {type(part).__name__}."
                )
            if isinstance(original, Parameter):
                part = Parameter(part, original.requires_grad)
            _register(self, f"original{k}", part.requires_grad_(original.requires_grad))

    def _originals(self) -> list[Any]:
        names = ["original"] if self.is_tensor else [f"original{k}" for k in range(self.ntensors)]
        return [getattr(self, name) for name in names]

    def right_inverse(self, value: Tensor) -> None:
        """Change the originals such that the parametrised tensor becomes `value`.

        Raises
        ------
        RuntimeError
            A parametrisation has no ``right_inverse``.
        ValueError
            A ``right_inverse`` returns something that does not fit the originals.
        """
        with no_grad():
            for module in reversed(list(self)):
                if not hasattr(module, "right_inverse"):
                    raise RuntimeError(
                        f"parametrization {type(module).__name__} does not implement right_inverse."
                    )
                value = module.right_inverse(value)
            for original, new in zip(self._originals(), self._fitting(value), strict=True):
                original.set_(new)

    def _fitting(self, value: Any) -> Sequence[Any]:
        """What the first ``right_inverse`` returned as a sequence, after a look at it."""
        if self.is_tensor:
            if not isinstance(value, Tensor):
                raise ValueError(
                    f"`right_inverse` should return a tensor. Got {type(value).__name__}"
                )
            values: Sequence[Any] = (value,)
        elif not isinstance(value, Sequence):
            raise ValueError(
                f"'right_inverse' must return a sequence of tensors. Got {type(value).__name__}."
            )
        elif len(value) != self.ntensors:
            raise ValueError(
                "'right_inverse' must return a sequence of tensors of length "
                f"{self.ntensors}. Got a sequence of length {len(value)}."
            )
        else:
            values = value
        for k, (original, new) in enumerate(zip(self._originals(), values)):
            if not isinstance(new, Tensor):
                raise ValueError(
                    "'right_inverse' must return a sequence of tensors. Got element "
                    f"{k} of type {type(new).__name__}."
                )
            if new.dtype != original.dtype:
                which = ("The tensor", "original") if self.is_tensor else (
                    f"Tensor {k}", f"original{k}")  # fmt: skip
                raise ValueError(
                    f"{which[0]} returned by `right_inverse` has dtype {new.dtype} "
                    f"while `{which[1]}` has dtype {original.dtype}"
                )
        return values

    def forward(self) -> Any:
        """The parametrised tensor."""
        first, *others = self
        value = first(*self._originals())
        for module in others:
            value = module(value)
        return value


# ------------------------------------------------------------------------------------------------
# A class for one module
# ------------------------------------------------------------------------------------------------


def _refuse_pickle(module: Module) -> Any:
    raise RuntimeError(
        "Serialization of parametrized modules is only supported through state_dict(): "
        "save module.state_dict(), and load it into a module that is parametrized in the same way"
    )


def _deepcopy(module: Module, memo: dict[int, Any]) -> Any:
    """What `copy.deepcopy` does if nobody refuses."""
    if id(module) not in memo:
        twin = memo[id(module)] = module.__new__(type(module))
        twin.__dict__.update(copy.deepcopy(module.__dict__, memo))
    return memo[id(module)]


def _give_own_class(module: Module) -> None:
    cls = type(module)
    body: dict[str, Any] = {"__getstate__": _refuse_pickle}
    if not hasattr(cls, "__deepcopy__"):
        body["__deepcopy__"] = _deepcopy
    module.__class__ = type(f"Parametrized{cls.__name__}", (cls,), body)


def _computed(name: str) -> property:
    """The property that stands where the parameter `name` was."""

    def read(module: Any) -> Any:
        compute = module.parametrizations[name]
        if not _cache.depth:
            return compute()
        key = id(module), name
        if key not in _cache.values:
            _cache.values[key] = compute()
        return _cache.values[key]

    def write(module: Any, value: Any) -> None:
        module.parametrizations[name].right_inverse(value)

    return property(read, write)


# ------------------------------------------------------------------------------------------------
# For users
# ------------------------------------------------------------------------------------------------


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    r"""Let a parameter (or buffer) of `module` be ``parametrization(original)`` from now on.

    Parameters
    ----------
    module : Module
        Of any kind. A recurrent layer computes its weight once a call, a cell at each step; see
        `cached`.
    tensor_name : str
        Of the parameter, ``"weight_hh_l0"`` for instance. If it is parametrised already, the new
        parametrisation is applied to what the others make.
    parametrization : Module
        Its ``forward`` takes ``original`` and returns the tensor. It may have a method
        ``right_inverse`` such that ``forward(right_inverse(w))`` is w where that is possible:
        then `original` becomes ``right_inverse`` of the present value, and ``module.weight = w``
        works. If ``right_inverse`` returns several tensors, they are ``original0``, ``original1``,
        ..., new parameters that an optimizer has to be told of, and ``forward`` takes them all.
    unsafe : bool
        Let it change shape or dtype; nothing is checked then. Default: False.

    Returns
    -------
    Module
        `module` itself, which has the class ``Parametrized...`` and a child ``parametrizations``.

    Raises
    ------
    ValueError
        There is no such parameter, or the result of `parametrization` does not fit it.

    Notes
    -----
    A parametrised module cannot be pickled; its state dict can, with names like
    ``parametrizations.weight.original``. A function that uses one is not replayed by
    `minigrad.compile`. PyTorch's page: ``torch.nn.utils.parametrize``.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.nn.utils import parametrize
    >>> class Symmetric(mg.nn.Module):
    ...     def forward(self, x):
    ...         return x.triu() + x.triu(1).T
    ...     def right_inverse(self, w):
    ...         return w.triu()
    >>> rnn = mg.nn.RNN(2, 3)
    >>> rnn = parametrize.register_parametrization(rnn, "weight_hh_l0", Symmetric())
    >>> rnn.weight_hh_l0.equal(rnn.weight_hh_l0.T)
    True
    >>> list(rnn.state_dict())[-1]
    'parametrizations.weight_hh_l0.original'
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        several: Any = module.parametrizations[tensor_name]
        if not unsafe:
            _check_further(parametrization, getattr(module, tensor_name))
        several.append(parametrization)
        several.unsafe |= unsafe
    elif tensor_name in module._buffers or tensor_name in module._parameters:
        original = getattr(module, tensor_name)
        several = ParametrizationList([parametrization], original, unsafe)
        delattr(module, tensor_name)
        if not is_parametrized(module):
            _give_own_class(module)
            module.parametrizations = ModuleDict()
        setattr(type(module), tensor_name, _computed(tensor_name))
        module.parametrizations[tensor_name] = several
    else:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element "
            f"with name '{tensor_name}'"
        )
    return module


def _check_further(parametrization: Module, present: Tensor) -> None:
    """Check a parametrisation that is applied to the result of others: `present`."""
    new = parametrization(present)
    _check_result(new, present)
    if not hasattr(parametrization, "right_inverse"):
        return
    try:
        back = parametrization.right_inverse(new)
    except NotImplementedError:
        return
    if not isinstance(back, Tensor):
        raise ValueError(
            f"parametrization.right_inverse must return a tensor. Got: {type(back).__name__}"
        )
    wrong = _differences("returned", back, present)
    if wrong:
        raise ValueError(f"parametrization.right_inverse {wrong}")


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether the tensor `tensor_name` of `module` is parametrised; without a name, whether any is.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.nn.utils import parametrizations, parametrize
    >>> layer = parametrizations.spectral_norm(mg.nn.Linear(2, 3))
    >>> parametrize.is_parametrized(layer), parametrize.is_parametrized(layer, "bias")
    (True, False)
    """
    found = getattr(module, "parametrizations", None)
    if not isinstance(found, ModuleDict):
        return False
    return len(found) > 0 if tensor_name is None else tensor_name in found


def remove_parametrizations(
    module: Module, tensor_name: str, leave_parametrized: bool = True
) -> Module:
    """Make a parametrised tensor a parameter (or buffer) again.

    Parameters
    ----------
    module : Module
    tensor_name : str
    leave_parametrized : bool
        True: its value is what was computed last; False: what ``original`` is. Default: True.

    Returns
    -------
    Module
        `module` itself, with the class that it had if nothing else is parametrised.

    Raises
    ------
    ValueError
        The tensor is not parametrised, or there are several originals and none can be left.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.nn.utils import parametrizations, parametrize
    >>> layer = parametrizations.weight_norm(mg.nn.Linear(2, 3))
    >>> parametrize.remove_parametrizations(layer, "weight")
    Linear(in_features=2, out_features=3, bias=True)
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    several = module.parametrizations[tensor_name]
    if several.is_tensor:
        original = several.original
        if leave_parametrized:
            with no_grad():  # the same object, which optimizers know
                original.set_(getattr(module, tensor_name))
    elif leave_parametrized:
        value = getattr(module, tensor_name)
        original = Parameter(value) if value.requires_grad else value
    else:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor "
            "that is parametrized in terms of a sequence of tensors."
        )
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    _register(module, tensor_name, original)
    if not is_parametrized(module):
        del module.parametrizations
        module.__class__ = type(module).__bases__[0]
    return module


def type_before_parametrizations(module: Module) -> type:
    """The class that `module` has, or had before it was parametrised.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.nn.utils import parametrizations, parametrize
    >>> layer = parametrizations.spectral_norm(mg.nn.Linear(2, 3))
    >>> type(layer).__name__, parametrize.type_before_parametrizations(layer).__name__
    ('ParametrizedLinear', 'Linear')
    """
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


def transfer_parametrizations_and_params(
    from_module: Module, to_module: Module, tensor_name: str | None = None
) -> Module:
    """Parametrise tensors of one module as they are in another, with the same original parameters.

    Parameters
    ----------
    from_module, to_module : Module
        The two share originals and parametrisations afterwards.
    tensor_name : str, optional
        Which tensor. Default: all that are parametrised.

    Returns
    -------
    Module
        `to_module`.
    """
    if not is_parametrized(from_module):
        return to_module
    for name in list(from_module.parametrizations) if tensor_name is None else [tensor_name]:
        if not hasattr(to_module, name):
            setattr(to_module, name, Parameter(getattr(from_module, name)))
        source = from_module.parametrizations[name]
        for parametrization in source:
            register_parametrization(to_module, name, parametrization)
        for kind, original in [*source._parameters.items(), *source._buffers.items()]:
            setattr(to_module.parametrizations[name], kind, original)
    return to_module
