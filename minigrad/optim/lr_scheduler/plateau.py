"""ReduceLROnPlateau: a schedule that follows how training goes, not the number of the epoch."""

from __future__ import annotations

import math
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler, check_optimizer, own_copy, set_option, warn_of_epoch


class ReduceLROnPlateau(LRScheduler):
    r"""Multiplies the learning rate by `factor` when a metric has stopped improving.

    A metric a is better than the best so far b if

    ========  ==================================  ================
    mode      ``threshold_mode="rel"``            ``"abs"``
    ========  ==================================  ================
    ``min``   :math:`a < b (1 - threshold)`       :math:`a < b - threshold`
    ``max``   :math:`a > b (1 + threshold)`       :math:`a > b + threshold`
    ========  ==================================  ================

    Parameters
    ----------
    optimizer : Optimizer
    mode : {"min", "max"}
        Whether the metric should fall or rise. Default: "min".
    factor : float
        Below 1. Default: 0.1.
    patience : int
        Epochs without improvement that are put up with. Default: 10.
    threshold : float
        Default: 1e-4.
    threshold_mode : {"rel", "abs"}
        Default: "rel".
    cooldown : int
        Epochs after a reduction in which nothing is counted. Default: 0.
    min_lr : float or list of float
        The learning rate stays above; for all groups or one for each. Default: 0.
    eps : float
        Changes that are smaller are left out. Default: 1e-8.

    Attributes
    ----------
    best : float
        The best metric so far.
    num_bad_epochs : int
        Epochs since then.
    in_cooldown : bool
        Whether epochs are not being counted.

    Raises
    ------
    ValueError
        `factor` is 1 or more; an unknown `mode` or `threshold_mode`; a list of another length than
        that of the groups.
    TypeError
        `optimizer` is none.

    Examples
    --------
    >>> import minigrad as mg
    >>> optimizer = mg.optim.SGD([mg.ones(2, requires_grad=True)], lr=1.0)
    >>> scheduler = mg.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    >>> rates = []
    >>> for loss in [3.0, 2.0, 2.0, 2.0, 1.0, 1.0]:
    ...     optimizer.step()
    ...     scheduler.step(loss)
    ...     rates.append(scheduler.get_last_lr()[0])
    >>> rates
    [1.0, 1.0, 1.0, 0.5, 0.5, 0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | list[float] = 0,
        eps: float = 1e-8,
    ) -> None:
        if factor >= 1.0:
            raise ValueError(f"Factor should be < 1.0, but got factor={factor}")
        self.factor = factor
        self.optimizer = check_optimizer(optimizer)
        groups = len(optimizer.param_groups)
        self.default_min_lr: float | None
        if isinstance(min_lr, (list, tuple)):
            if len(min_lr) != groups:
                raise ValueError(f"expected {groups} min_lrs, got {len(min_lr)}")
            self.default_min_lr = None
            self.min_lrs = list(min_lr)
        else:
            self.default_min_lr = min_lr
            self.min_lrs = [min_lr] * groups
        self.patience = patience
        self.cooldown = cooldown
        self.eps = eps
        self.last_epoch = 0
        self._last_lr = [own_copy(lr) for lr in self._lrs()]
        self._check_modes(mode, threshold_mode)
        self.mode_worse = math.inf if mode == "min" else -math.inf
        self.mode = mode
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self.best = self.mode_worse
        self.cooldown_counter = 0
        self.num_bad_epochs = 0

    @staticmethod
    def _check_modes(mode: str, threshold_mode: str) -> None:
        if mode not in ("min", "max"):
            raise ValueError(f"mode {mode} is unknown!")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"threshold mode {threshold_mode} is unknown!")

    @property
    def in_cooldown(self) -> bool:
        """Whether the last reduction is so recent that epochs are not counted."""
        return self.cooldown_counter > 0

    def step(self, metrics: Any, epoch: int | None = None) -> None:
        """Tell how training goes; reduce the learning rate if it is time to.

        Parameters
        ----------
        metrics : float or 0-d Tensor
            The metric of this epoch, such as the loss on a validation set.
        epoch : int, optional
            The number of the epoch. Deprecated.

        Raises
        ------
        RuntimeError
            The optimizer has got another parameter group, and `min_lr` was a list.
        """
        current = float(metrics)
        if epoch is not None:
            warn_of_epoch()
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self._is_better(current):
            self.best = current
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce_lr(self.last_epoch)
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = [own_copy(lr) for lr in self._lrs()]

    def _is_better(self, metric: float) -> bool:
        """Whether `metric` improves on the best so far by more than the threshold."""
        sign = -1 if self.mode == "min" else 1
        if self.threshold_mode == "rel":
            bound = self.best * (1.0 + sign * self.threshold)
        else:
            bound = self.best + sign * self.threshold
        return metric < bound if self.mode == "min" else metric > bound

    def _reduce_lr(self, epoch: int) -> None:
        # (which some scripts replace, with a function of the epoch, to hear of it)
        groups = self.optimizer.param_groups
        if len(groups) != len(self.min_lrs):
            if self.default_min_lr is None:
                raise RuntimeError(
                    f"The number of param groups in the `optimizer` ({len(groups)}) differs from "
                    f"when `ReduceLROnPlateau` was initialized ({len(self.min_lrs)}). Please "
                    "modify the `min_lrs` field to have one entry for each."
                )
            self.min_lrs = [self.default_min_lr] * len(groups)
        for group, min_lr in zip(groups, self.min_lrs):
            lr = float(group["lr"])
            smaller = max(lr * self.factor, min_lr)
            if lr - smaller > self.eps:
                set_option(group, "lr", smaller)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` of another scheduler gave.

        Parameters
        ----------
        state_dict : dict

        Raises
        ------
        ValueError
            Its `mode` or `threshold_mode` is unknown.
        """
        super().load_state_dict(state_dict)
        self._check_modes(self.mode, self.threshold_mode)
