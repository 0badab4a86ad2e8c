"""Schedules made of schedules: in turn (SequentialLR), or at once (ChainedScheduler)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler, own_copy, set_option
from .plateau import ReduceLROnPlateau


class _Composed(LRScheduler):
    """What both share: the parts, which are checked, saved and loaded."""

    _schedulers: list[LRScheduler]

    def _check(self, scheduler: LRScheduler, number: int, optimizer: Optimizer) -> None:
        """Check that a part can be stepped with the others."""
        name = type(self).__name__
        if isinstance(scheduler, ReduceLROnPlateau):
            raise ValueError(
                f"{name} does not support `ReduceLROnPlateau` scheduler, whose `step` wants a "
                f"metric, but got one at index {number} in the given schedulers"
            )
        if scheduler.optimizer is not optimizer:
            raise ValueError(
                f"{name} expects all schedulers to belong to the same optimizer, but got scheduler "
                f"{type(scheduler).__name__} at index {number} has {scheduler.optimizer}, which is "
                f"different from {type(optimizer).__name__}."
            )

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on later, with the state dicts of the parts."""
        state = super().state_dict()
        state["_schedulers"] = [part.state_dict() for part in state.pop("_schedulers")]
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` of another scheduler gave.

        Parameters
        ----------
        state_dict : dict
        """
        super().load_state_dict({k: v for k, v in state_dict.items() if k != "_schedulers"})
        for part, state in zip(self._schedulers, state_dict["_schedulers"]):
            part.load_state_dict(state)


class SequentialLR(_Composed):
    """One schedule after the other, each from its own epoch 0.

    Parameters
    ----------
    optimizer : Optimizer
    schedulers : list of LRScheduler
        All made with `optimizer`.
    milestones : list of int
        The epochs at which to go on to the next scheduler, in rising order; one fewer than
        schedulers.
    last_epoch : int
        Default: -1.

    Raises
    ------
    ValueError
        No scheduler, one with another optimizer, or `ReduceLROnPlateau`; too many or too few
        milestones.
    TypeError
        One has no optimizer.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.optim.lr_scheduler import ExponentialLR, LinearLR, SequentialLR
    >>> optimizer = mg.optim.SGD([mg.ones(2, requires_grad=True)], lr=1.0)
    >>> warm_up = LinearLR(optimizer, start_factor=0.25, total_iters=3)
    >>> decay = ExponentialLR(optimizer, gamma=0.5)
    >>> scheduler = SequentialLR(optimizer, [warm_up, decay], milestones=[3])
    >>> rates = []
    >>> for epoch in range(6):
    ...     rates.append(round(scheduler.get_last_lr()[0], 3))
    ...     optimizer.step()
    ...     scheduler.step()
    >>> rates
    [0.25, 0.5, 0.75, 1.0, 0.5, 0.25]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: list[LRScheduler],
        milestones: list[int],
        last_epoch: int = -1,
    ) -> None:
        if len(schedulers) < 1:
            raise ValueError("SequentialLR expects at least one scheduler, but got no scheduler.")
        for number, scheduler in enumerate(schedulers):
            if not hasattr(scheduler, "optimizer"):
                raise TypeError(
                    f"SequentialLR at index {number} should have `optimizer` as its attribute."
                )
            self._check(scheduler, number, optimizer)
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                "Sequential Schedulers expects number of schedulers provided to be one more than "
                f"the number of milestone points, but got number of schedulers {len(schedulers)} "
                f"and the number of milestones to be equal to {len(milestones)}"
            )
        self._schedulers = schedulers
        self._milestones = milestones
        self.last_epoch = last_epoch + 1
        self.optimizer = optimizer
        # Each took its first step when it was made. Only that of the first counts.
        for group in optimizer.param_groups:
            set_option(group, "lr", group["initial_lr"])
        for scheduler in schedulers:
            self.recursive_undo(scheduler)
        schedulers[0]._initial_step()
        self._last_lr = schedulers[0].get_last_lr()

    def recursive_undo(self, sched: LRScheduler | None = None) -> None:
        """Take back one epoch's count of a scheduler, or of all that it is made of.

        Parameters
        ----------
        sched : LRScheduler, optional
            Default: this one.
        """
        scheduler = self if sched is None else sched
        if isinstance(scheduler, _Composed):
            for part in scheduler._schedulers:
                self.recursive_undo(part)
        else:
            scheduler.last_epoch -= 1

    def step(self) -> None:
        """Go on to the next epoch: set the learning rates."""
        self.last_epoch += 1
        number = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[number]
        if number > 0 and self._milestones[number - 1] == self.last_epoch:
            scheduler._update_lr(0)
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()


class ChainedScheduler(_Composed):
    """Several schedules at once: each goes on from the learning rate that it finds.

    Parameters
    ----------
    schedulers : sequence of LRScheduler
        All made with one optimizer, in the order in which to step them.
    optimizer : Optimizer, optional
        Default: that of the first scheduler.

    Raises
    ------
    ValueError
        No scheduler, one with another optimizer, or `ReduceLROnPlateau`.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.optim.lr_scheduler import ChainedScheduler, ConstantLR, ExponentialLR
    >>> optimizer = mg.optim.SGD([mg.ones(2, requires_grad=True)], lr=1.0)
    >>> first = ConstantLR(optimizer, factor=0.25, total_iters=2)
    >>> scheduler = ChainedScheduler([first, ExponentialLR(optimizer, gamma=0.5)])
    >>> rates = []
    >>> for epoch in range(4):
    ...     rates.append(scheduler.get_last_lr()[0])
    ...     optimizer.step()
    ...     scheduler.step()
    >>> rates
    [0.25, 0.125, 0.25, 0.125]
    """

    def __init__(
        self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None
    ) -> None:
        if len(schedulers) < 1:
            raise ValueError(
                "ChainedScheduler expects at least one scheduler to be chained, but got no "
                "scheduler."
            )
        optimizer = schedulers[0].optimizer if optimizer is None else optimizer
        for number, scheduler in enumerate(schedulers):
            self._check(scheduler, number, optimizer)
        self._schedulers = list(schedulers)
        self.optimizer = optimizer
        self._last_lr = [own_copy(lr) for lr in self._lrs()]

    def step(self) -> None:
        """Step all, in their order."""
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = [own_copy(lr) for lr in self._lrs()]
