"""`LRScheduler`: counting epochs, setting the options, saving; all but the schedule itself.

Most schedules are given twice. ``get_lr`` goes on from the present learning rate by a factor, so
that several schedulers may act on one optimizer and each multiplies what it finds.
``_get_closed_form_lr`` says what the learning rate is at an epoch, given where it began;
``step(epoch)`` uses it.
"""

from __future__ import annotations

import functools
import warnings
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from ...autograd.errors import stacklevel
from ...autograd.listening import heard, is_listening
from ...tensor import Tensor
from ..optimizer import Optimizer

Rate: TypeAlias = float | Tensor


def _heard(step: Any) -> Any:
    """A ``step`` method that can be asked for again (see `autograd.listening`)."""

    @functools.wraps(step)
    def stepped(self: LRScheduler, *args: Any, **kwargs: Any) -> Any:
        if is_listening():
            return heard(stepped, (self, *args), kwargs)
        return step(self, *args, **kwargs)

    return stepped


class LRScheduler:
    """Base class of all learning rate schedulers.

    Parameters
    ----------
    optimizer : Optimizer
        Whose learning rates to set. The present ones are kept in its parameter groups, as
        ``"initial_lr"``.
    last_epoch : int
        To go on with a schedule: the number of the epoch that was the last. The groups must have
        their ``"initial_lr"``, for example from ``optimizer.load_state_dict``. Default: -1, start
        anew.

    Attributes
    ----------
    last_epoch : int
        How often `step` was called.
    base_lrs : list
        The learning rates that the schedule starts from, one a group.

    Raises
    ------
    TypeError
        `optimizer` is none.
    KeyError
        `last_epoch` is given, and a group has no ``"initial_lr"``.

    Notes
    -----
    A subclass sets its options, then calls ``super().__init__``, which calls `step` for the first
    time; and defines ``get_lr``.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.optim.lr_scheduler import LRScheduler
    >>> class Halve(LRScheduler):
    ...     def get_lr(self):
    ...         return [base_lr * 0.5**self.last_epoch for base_lr in self.base_lrs]
    >>> optimizer = mg.optim.SGD([mg.ones(2, requires_grad=True)], lr=0.5)
    >>> scheduler = Halve(optimizer)
    >>> for epoch in range(3):
    ...     print(scheduler.get_last_lr())
    ...     optimizer.step()  # in truth, once for each batch
    ...     scheduler.step()
    [0.5]
    [0.25]
    [0.125]
    """

    optimizer: Optimizer
    base_lrs: list[Any]
    last_epoch: int

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = _heard(cls.step)  # type: ignore[method-assign]

    _step_count = 0  # calls of step, and the one in __init__
    _is_initial = False  # during the call of step in __init__
    _get_lr_called_within_step = False
    _last_lr: list[Any]

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = check_optimizer(optimizer)
        for number, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", own_copy(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{number}] when resuming "
                    "scheduler with last_epoch >= 0: load the optimizer's state dict first, or "
                    "leave last_epoch out to start anew"
                )
        self.base_lrs = [own_copy(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        notice_steps(optimizer)
        self._initial_step()

    def _initial_step(self) -> None:
        """Set the learning rates of the first epoch."""
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    # -- the schedule ----------------------------------------------------------------------------

    def get_lr(self) -> list[Rate]:
        """The learning rates of the epoch `last_epoch`, one a group. Every subclass defines it.

        Meant to be called by `step` only: see `get_last_lr`.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define get_lr()")

    def get_last_lr(self) -> list[Rate]:
        """The learning rates as this scheduler has set them last, one a group."""
        return self._last_lr

    def _lrs(self) -> list[Any]:
        """The groups' present learning rates."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def _warn_outside_step(self) -> None:
        """Warn of a call of ``get_lr`` that `step` did not make: it may take one step too many."""
        if not self._get_lr_called_within_step:
            warnings.warn(
                "To get the last learning rate computed by the scheduler, please use "
                "`get_last_lr()`.",
                stacklevel=stacklevel(),
            )

    # -- stepping --------------------------------------------------------------------------------

    @_heard
    def step(self, epoch: int | None = None) -> None:
        """Go on to the next epoch: set the learning rates.

        Parameters
        ----------
        epoch : int, optional
            Go to that epoch instead. Deprecated.
        """
        if self._step_count == 1:
            self._warn_of_order()
        self._step_count += 1
        if epoch is not None:
            warn_of_epoch()
        self._update_lr(epoch)

    def _warn_of_order(self) -> None:
        """Warn if it seems that the optimizer has not taken a step yet."""
        if not hasattr(self.optimizer.step, "_wrapped_by_lr_sched"):
            warnings.warn(
                "Seems like `optimizer.step()` has been overridden after learning rate scheduler "
                "initialization, so that its calls go unnoticed. Please, make sure to call "
                "`optimizer.step()` before `lr_scheduler.step()`.",
                stacklevel=stacklevel(),
            )
        elif not self.optimizer._opt_called:
            warnings.warn(
                "Detected call of `lr_scheduler.step()` before `optimizer.step()`. You should call "
                "them in the opposite order: `optimizer.step()` before `lr_scheduler.step()`. "
                "Otherwise the first value of the learning rate schedule is skipped.",
                stacklevel=stacklevel(),
            )

    def _update_lr(self, epoch: int | None = None) -> None:
        """Set the learning rates of the next epoch, or of `epoch`."""
        with self._within_step():
            if epoch is None:
                self.last_epoch += 1
                values = self.get_lr()
            else:
                self.last_epoch = epoch
                values = getattr(self, "_get_closed_form_lr", self.get_lr)()
        for group, lr in zip(self.optimizer.param_groups, values, strict=True):
            set_option(group, "lr", lr)
        self._last_lr = [own_copy(lr) for lr in self._lrs()]

    @contextmanager
    def _within_step(self) -> Iterator[None]:
        self._get_lr_called_within_step = True
        try:
            yield
        finally:
            self._get_lr_called_within_step = False

    # -- saving and loading ----------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on later, but for the optimizer, which has its own."""
        return {name: value for name, value in self.__dict__.items() if name != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` of another scheduler gave.

        Parameters
        ----------
        state_dict : dict
        """
        self.__dict__.update(state_dict)


def check_optimizer(optimizer: Any) -> Optimizer:
    """`optimizer`, if it is one."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
    return optimizer


def notice_steps(optimizer: Optimizer) -> None:
    """Let the optimizer note that a step was taken, for `LRScheduler.step` to see."""
    method: Any = optimizer.step
    if hasattr(method, "_wrapped_by_lr_sched"):
        return
    function = getattr(method, "__func__", None)
    reference = weakref.ref(optimizer)  # a bound method in its own object would be a cycle

    @functools.wraps(method)
    def step(*args: Any, **kwargs: Any) -> Any:
        if is_listening():
            return heard(step, args, kwargs)
        own: Any = reference()
        own._opt_called = True
        return method(*args, **kwargs) if function is None else function(own, *args, **kwargs)

    if function is not None:
        del method, step.__wrapped__
    step._wrapped_by_lr_sched = True  # type: ignore[attr-defined]
    optimizer.step = step  # type: ignore[method-assign]


def warn_of_epoch() -> None:
    """Warn that ``step`` was given an epoch."""
    warnings.warn(
        "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where "
        "possible. Please use `scheduler.step()` to step the scheduler.",
        stacklevel=stacklevel(),
    )


def own_copy(value: Any) -> Any:
    """A tensor's copy, which later steps do not change; anything else as it is."""
    return value.detach().clone() if isinstance(value, Tensor) else value


def set_option(group: dict[str, Any], name: str, value: Any) -> None:
    """Set an option of a parameter group; one that is a tensor stays the same tensor."""
    if isinstance(group[name], Tensor):
        group[name].fill_(value.item() if isinstance(value, Tensor) else value)
    else:
        group[name] = own_copy(value)


def one_each(name: str, optimizer: Optimizer, value: Any) -> list[Any]:
    """A value for each parameter group: from one for all, or from a list. Tensors are copied.

    Raises
    ------
    ValueError
        A list of another length.
    """
    groups = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        value = [value] * groups
    if len(value) != groups:
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups. {name} has {len(value)} "
            f"values, param_groups has {groups}."
        )
    return [own_copy(one) for one in value]
