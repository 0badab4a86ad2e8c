"""The bound of recurrent weights, kept throughout a whole model in one call."""

from __future__ import annotations

from typing import Any


def clip_recurrent_weights_(module: Any, bound: float | None = None) -> None:
    r"""Bring the recurrent weights u of all IndRNNs in a model into :math:`[-bound, bound]`.

    To be called before each step of training. In T steps an IndRNN multiplies a gradient by up to
    :math:`|u|^T`; with :math:`|u| \le \gamma^{1/T}` that is at most :math:`\gamma`. The weights are
    changed in place, and nothing is recorded in the graph.

    Parameters
    ----------
    module : Module
        All of its parts that have a `recurrent_bound` are reached, however deep inside: `IndRNN`,
        `IndRNNCell`, and what `ResidualIndRNN` and `DenseIndRNN` are built from. Another module is
        one of them if it has this attribute and a method ``clip_recurrent_weights_(bound)``.
    bound : float, optional
        Default: each part's own `recurrent_bound`.

    Raises
    ------
    ValueError
        `bound` is negative, or not a number.

    References
    ----------
    arXiv:1803.04831

    Examples
    --------
    >>> import minigrad as mg
    >>> model = mg.nn.ModuleDict({"rnn": mg.nn.IndRNN(3, 4), "cell": mg.nn.IndRNNCell(4, 4)})
    >>> clip_recurrent_weights_(model, 0.25)
    >>> bool((model["cell"].weight_hh <= 0.25).all())
    True
    """
    if bound is not None and not bound >= 0:
        raise ValueError(f"bound must be at least 0, got {bound}")
    for part in module.modules():
        if hasattr(part, "recurrent_bound"):
            part.clip_recurrent_weights_(bound)
