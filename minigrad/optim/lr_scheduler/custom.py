"""Schedules that are a function of the user's: LambdaLR, MultiplicativeLR."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any, TypeAlias

from ..optimizer import Optimizer
from .base import LRScheduler, Rate

Schedule: TypeAlias = Callable[[int], float]


class _FunctionLR(LRScheduler):
    """What both share: a function for each group, and how they are saved.

    Functions are not saved, as they might not be picklable; but the attributes of callable objects
    are.
    """

    def __init__(
        self, optimizer: Optimizer, lr_lambda: Schedule | list[Schedule], last_epoch: int = -1
    ) -> None:
        groups = len(optimizer.param_groups)
        self.lr_lambdas: list[Schedule]
        if isinstance(lr_lambda, (list, tuple)):
            if len(lr_lambda) != groups:
                raise ValueError(f"Expected {groups} lr_lambdas, but got {len(lr_lambda)}")
            self.lr_lambdas = list(lr_lambda)
        else:
            self.lr_lambdas = [lr_lambda] * groups
        super().__init__(optimizer, last_epoch)

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on later; of the functions, only objects' attributes."""
        state = super().state_dict()
        del state["lr_lambdas"]
        state["lr_lambdas"] = [
            None if isinstance(f, types.FunctionType) else dict(f.__dict__) for f in self.lr_lambdas
        ]
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` of another scheduler gave; functions stay.

        Parameters
        ----------
        state_dict : dict
        """
        super().load_state_dict({k: v for k, v in state_dict.items() if k != "lr_lambdas"})
        for function, saved in zip(self.lr_lambdas, state_dict["lr_lambdas"]):
            if saved is not None:
                function.__dict__.update(saved)


class LambdaLR(_FunctionLR):
    r"""Multiplies the first learning rate by a function of the epoch.

    .. math:: \eta_t = \eta_0 \, f(t)

    Parameters
    ----------
    optimizer : Optimizer
    lr_lambda : callable or list of callable
        :math:`f`, for all groups or one for each.
    last_epoch : int
        See `LRScheduler`. Default: -1.

    Raises
    ------
    ValueError
        A list with more or fewer functions than groups.

    Examples
    --------
    >>> import minigrad as mg
    >>> optimizer = mg.optim.SGD([mg.ones(2, requires_grad=True)], lr=1.0)
    >>> scheduler = mg.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 1 / (1 + epoch))
    >>> rates = []
    >>> for epoch in range(4):
    ...     rates.append(scheduler.get_last_lr()[0])
    ...     optimizer.step()
    ...     scheduler.step()
    >>> rates
    [1.0, 0.5, 0.3333333333333333, 0.25]
    """

    def get_lr(self) -> list[Rate]:
        """The first ones, times what the functions say."""
        self._warn_outside_step()
        epoch = self.last_epoch
        return [base_lr * f(epoch) for f, base_lr in zip(self.lr_lambdas, self.base_lrs)]


class MultiplicativeLR(_FunctionLR):
    r"""Multiplies the last learning rate by a function of the epoch.

    .. math:: \eta_t = \eta_{t-1} \, f(t)

    Parameters
    ----------
    optimizer : Optimizer
    lr_lambda : callable or list of callable
        :math:`f`, for all groups or one for each.
    last_epoch : int
        See `LRScheduler`. Default: -1.

    Raises
    ------
    ValueError
        A list with more or fewer functions than groups.

    Examples
    --------
    >>> import minigrad as mg
    >>> optimizer = mg.optim.SGD([mg.ones(2, requires_grad=True)], lr=1.0)
    >>> scheduler = mg.optim.lr_scheduler.MultiplicativeLR(optimizer, lambda epoch: 0.5)
    >>> rates = []
    >>> for epoch in range(4):
    ...     rates.append(scheduler.get_last_lr()[0])
    ...     optimizer.step()
    ...     scheduler.step()
    >>> rates
    [1.0, 0.5, 0.25, 0.125]
    """

    def get_lr(self) -> list[Rate]:
        """The present ones, times what the functions say."""
        self._warn_outside_step()
        if self._is_initial:
            return self._lrs()
        return [lr * f(self.last_epoch) for f, lr in zip(self.lr_lambdas, self._lrs())]
