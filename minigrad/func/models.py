"""Models as functions of their parameters: `functional_call`, `stack_module_state`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..nn.module import Module
from ..nn.utils import stateless
from ..ops.join import stack

__all__ = ["functional_call", "stack_module_state"]


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: Any,
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Call a module as if some of its parameters and buffers were others.

    Parameters
    ----------
    module : Module
    parameter_and_buffer_dicts : dict, or list or tuple of dict
        From dotted names to tensors: parameters in one, for instance, and buffers in the other.
    args, kwargs, tie_weights, strict
        As in `minigrad.nn.utils.stateless.functional_call`.

    Returns
    -------
    any
        What the module returns.

    Raises
    ------
    ValueError
        There are no dictionaries, or a name is in two of them.
    TypeError, RuntimeError, AttributeError
        As in `minigrad.nn.utils.stateless.functional_call`.

    Examples
    --------
    The gradients of single examples, of all parameters of an RNN:

    >>> import minigrad as mg
    >>> from minigrad.func import functional_call, grad, vmap
    >>> rnn = mg.nn.RNN(2, 3)
    >>> weights = {name: p.detach() for name, p in rnn.named_parameters()}
    >>> def loss(weights, x):
    ...     return functional_call(rnn, weights, x)[0].pow(2).sum()
    >>> x = mg.randn(5, 4, 2)  # 5 examples, each of 4 steps
    >>> vmap(grad(loss), in_dims=(None, 0))(weights, x)["weight_hh_l0"].shape
    torch.Size([5, 3, 3])
    """
    given = parameter_and_buffer_dicts
    if not isinstance(given, dict):
        given = _merged(given)
    return stateless.functional_call(
        module, given, args, kwargs, tie_weights=tie_weights, strict=strict
    )


def _merged(dicts: Any) -> dict[str, Any]:
    if not isinstance(dicts, Sequence):
        raise ValueError(
            "Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got "
            f"{type(dicts)}"
        )
    if not all(isinstance(one, dict) for one in dicts):
        raise ValueError("Expected all elements of parameter_and_buffer_dicts to be dictionaries")
    names = [name for one in dicts for name in one]
    repeated = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if repeated:
        raise ValueError(
            f"{repeated} appeared in multiple dictionaries; behavior of functional call is "
            "ambiguous"
        )
    return {name: value for one in dicts for name, value in one.items()}


def stack_module_state(models: Sequence[Module]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameters of several models of one kind, and their buffers, each as one tensor.

    Parameters
    ----------
    models : sequence of Module
        At least one; all of one class, and all in training mode or none.

    Returns
    -------
    (dict, dict)
        Parameters and buffers by name, with a new first axis for the models. They are leaves,
        which require gradients as the parameters do.

    Raises
    ------
    RuntimeError
        The models are of different kinds.

    Examples
    --------
    An ensemble:

    >>> import minigrad as mg
    >>> from minigrad.func import functional_call, stack_module_state, vmap
    >>> models = [mg.nn.Linear(2, 3) for _ in range(4)]
    >>> params, buffers = stack_module_state(models)
    >>> call = lambda params, buffers, x: functional_call(models[0], (params, buffers), (x,))
    >>> vmap(call, in_dims=(0, 0, None))(params, buffers, mg.ones(5, 2)).shape
    torch.Size([4, 5, 3])
    """
    if len(models) == 0:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if len({model.training for model in models}) > 1:
        raise RuntimeError(
            "stack_module_state: Expected all models to have the same training/eval mode."
        )
    if any(type(model) is not type(models[0]) for model in models):
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")
    parameters = [dict(model.named_parameters()) for model in models]
    buffers = [dict(model.named_buffers()) for model in models]
    return (
        {name: _leaf(name, [one[name] for one in parameters]) for name in parameters[0]},
        {name: _leaf(name, [one[name] for one in buffers]) for name in buffers[0]},
    )


def _leaf(name: str, tensors: list[Any]) -> Any:
    """Tensors as one, which is no result of theirs."""
    wanted = {t.requires_grad for t in tensors}
    if len(wanted) > 1:
        raise RuntimeError(f"Expected {name} from each model to have the same .requires_grad")
    result = stack(tensors).detach()
    return result.requires_grad_() if True in wanted else result
