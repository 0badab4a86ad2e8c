"""Schedules along half a cosine: CosineAnnealingLR, and CosineAnnealingWarmRestarts."""

from __future__ import annotations

import math

from ..optimizer import Optimizer
from .base import LRScheduler, Rate, own_copy, set_option


class CosineAnnealingLR(LRScheduler):
    r"""Takes the learning rate from its first value to `eta_min` along half a cosine.

    .. math::

        \eta_t = \eta_{\min} + \tfrac{1}{2} (\eta_0 - \eta_{\min})
            \left( 1 + \cos \frac{\pi t}{T_{\max}} \right)

    After :math:`T_{\max}` epochs it goes up again in the same way.

    Parameters
    ----------
    optimizer : Optimizer
    T_max : int
        :math:`T_{\max}`, in epochs.
    eta_min : float
        :math:`\eta_{\min}`. Default: 0.
    last_epoch : int
        See `LRScheduler`. Default: -1.

    References
    ----------
    I. Loshchilov, F. Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017,
    arXiv 1608.03983.

    Examples
    --------
    >>> import minigrad as mg
    >>> optimizer = mg.optim.SGD([mg.ones(2, requires_grad=True)], lr=1.0)
    >>> scheduler = mg.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=4)
    >>> rates = []
    >>> for epoch in range(5):
    ...     rates.append(round(scheduler.get_last_lr()[0], 3))
    ...     optimizer.step()
    ...     scheduler.step()
    >>> rates
    [1.0, 0.854, 0.5, 0.146, 0.0]
    """

    def __init__(
        self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Rate]:
        """The present ones, with their distance from `eta_min` scaled as the cosine says."""
        self._warn_outside_step()
        if self._is_initial:
            return self._lrs()
        if (self.last_epoch - 1 - self.T_max) % (2 * self.T_max) == 0:
            # The last distance was 0, and no factor leads away from that.
            rise = (1 - math.cos(math.pi / self.T_max)) / 2
            return [
                lr + (base_lr - self.eta_min) * rise
                for base_lr, lr in zip(self.base_lrs, self._lrs())
            ]
        now = 1 + math.cos(math.pi * self.last_epoch / self.T_max)
        before = 1 + math.cos(math.pi * (self.last_epoch - 1) / self.T_max)
        return [now / before * (lr - self.eta_min) + self.eta_min for lr in self._lrs()]

    def _get_closed_form_lr(self) -> list[Rate]:
        half = (1 + math.cos(math.pi * self.last_epoch / self.T_max)) / 2
        return [self.eta_min + (base_lr - self.eta_min) * half for base_lr in self.base_lrs]


class CosineAnnealingWarmRestarts(LRScheduler):
    r"""Takes the learning rate down along half a cosine, again and again from the top.

    .. math::

        \eta_t = \eta_{\min} + \tfrac{1}{2} (\eta_0 - \eta_{\min})
            \left( 1 + \cos \frac{\pi T_{cur}}{T_i} \right)

    where :math:`T_{cur}` counts the epochs since the last restart, and :math:`T_i = T_0
    T_{mult}^i` is the number of them after the i-th.

    Parameters
    ----------
    optimizer : Optimizer
    T_0 : int
        :math:`T_0`: epochs before the first restart.
    T_mult : int
        :math:`T_{mult}`. Default: 1.
    eta_min : float
        :math:`\eta_{\min}`. Default: 0.
    last_epoch : int
        See `LRScheduler`. Default: -1.

    Raises
    ------
    ValueError
        `T_0` is no positive int; `T_mult` is no int from 1 on; `eta_min` is no number.

    References
    ----------
    I. Loshchilov, F. Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017,
    arXiv 1608.03983.

    Examples
    --------
    >>> import minigrad as mg
    >>> optimizer = mg.optim.SGD([mg.ones(2, requires_grad=True)], lr=1.0)
    >>> scheduler = mg.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=2, T_mult=2)
    >>> rates = []
    >>> for epoch in range(7):
    ...     rates.append(round(scheduler.get_last_lr()[0], 3))
    ...     optimizer.step()
    ...     scheduler.step()
    >>> rates
    [1.0, 0.5, 1.0, 0.854, 0.5, 0.146, 1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,
        T_mult: int = 1,
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        if T_0 <= 0 or not isinstance(T_0, int):
            raise ValueError(f"Expected positive integer T_0, but got {T_0}")
        if T_mult < 1 or not isinstance(T_mult, int):
            raise ValueError(f"Expected integer T_mult >= 1, but got {T_mult}")
        if not isinstance(eta_min, (float, int)):
            raise ValueError(
                f"Expected float or int eta_min, but got {eta_min} of type {type(eta_min)}"
            )
        self.T_0 = T_0
        self.T_i = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Rate]:
        """Those at :math:`T_{cur}`."""
        self._warn_outside_step()
        half = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return [self.eta_min + (base_lr - self.eta_min) * half for base_lr in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Go on to the next epoch, or to any point in time.

        Parameters
        ----------
        epoch : float, optional
            Where to go; ``epoch + batch / batches`` lets the learning rate fall within an epoch.

        Raises
        ------
        ValueError
            `epoch` is negative.
        """
        if epoch is None and self.last_epoch < 0:
            epoch = 0
        if epoch is None:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur %= self.T_i
                self.T_i *= self.T_mult
        else:
            if epoch < 0:
                raise ValueError(f"Expected non-negative epoch, but got {epoch}")
            self._find(epoch)
        self.last_epoch = math.floor(epoch)
        with self._within_step():
            values = self.get_lr()
        for group, lr in zip(self.optimizer.param_groups, values, strict=True):
            set_option(group, "lr", lr)
        self._last_lr = [own_copy(lr) for lr in self._lrs()]

    def _find(self, epoch: float) -> None:
        """Set :math:`T_i` and :math:`T_{cur}` to what they are at `epoch`."""
        restarts, begin = 0, 0
        if self.T_mult == 1:
            restarts = int(epoch // self.T_0)
            begin = restarts * self.T_0
        elif epoch >= self.T_0:  # restarts are at T_0 (1 + T_mult + T_mult^2 + ...)
            restarts = int(math.log(epoch / self.T_0 * (self.T_mult - 1) + 1, self.T_mult))
            begin = self.T_0 * (self.T_mult**restarts - 1) / (self.T_mult - 1)
        self.T_i = self.T_0 * self.T_mult**restarts
        self.T_cur = epoch - begin
