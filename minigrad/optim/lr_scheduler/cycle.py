"""Schedules that go up and down, the momentum going the other way: CyclicLR, OneCycleLR."""

from __future__ import annotations

import math
import types
from collections.abc import Callable
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler, Rate, check_optimizer, one_each, set_option


def uses_beta1(optimizer: Optimizer) -> bool:
    """Whether the optimizer's momentum is the first of its ``betas``, not its ``momentum``.

    Raises
    ------
    ValueError
        It has neither.
    """
    if "momentum" not in optimizer.defaults and "betas" not in optimizer.defaults:
        raise ValueError(
            "optimizer must support momentum or beta1 with `cycle_momentum` option enabled"
        )
    return "betas" in optimizer.defaults


def set_momentum(group: dict[str, Any], momentum: float, use_beta1: bool) -> None:
    """Set the momentum of a parameter group, under either of its names."""
    if use_beta1:
        group["betas"] = (momentum, *group["betas"][1:])
    else:
        group["momentum"] = momentum


class CyclicLR(LRScheduler):
    r"""Takes the learning rate up and down between two bounds; to be stepped after every batch.

    .. math::

        c &= \left\lfloor 1 + \frac{t}{u + d} \right\rfloor, \qquad x = 1 + \frac{t}{u + d} - c \\
        h &= \begin{cases} x / r & x \le r \\ (1 - x) / (1 - r) & x > r \end{cases},
            \qquad r = \frac{u}{u + d} \\
        \eta_t &= \eta_{base} + (\eta_{\max} - \eta_{base}) \, h \, f

    with a factor :math:`f` of 1 (``"triangular"``), :math:`2^{1 - c}` (``"triangular2"``) or
    :math:`\gamma^t` (``"exp_range"``). The momentum goes from its maximum to its base and back.

    Parameters
    ----------
    optimizer : Optimizer
    base_lr, max_lr : float or list of float
        :math:`\eta_{base}, \eta_{\max}`, for all groups or one for each.
    step_size_up : int
        :math:`u`, steps from bottom to top. Default: 2000.
    step_size_down : int, optional
        :math:`d`, steps from top to bottom. Default: `step_size_up`.
    mode : {"triangular", "triangular2", "exp_range"}
        Has no meaning with a `scale_fn`. Default: "triangular".
    gamma : float
        :math:`\gamma`. Default: 1.
    scale_fn : callable, optional
        A :math:`f` of one's own.
    scale_mode : {"cycle", "iterations"}
        What `scale_fn` is a function of: c or t. Default: "cycle".
    cycle_momentum : bool
        Change the momentum, or the first of ``betas``, too. Default: True.
    base_momentum, max_momentum : float or list of float
        Default: 0.8, 0.9.
    last_epoch : int
        The number of the step that was the last; see `LRScheduler`. Default: -1.

    Raises
    ------
    ValueError
        An unknown `mode`; a list of another length than that of the groups; `cycle_momentum` with
        an optimizer that has no momentum.

    References
    ----------
    L. N. Smith, "Cyclical Learning Rates for Training Neural Networks", WACV 2017, arXiv
    1506.01186.

    Examples
    --------
    >>> import minigrad as mg
    >>> optimizer = mg.optim.SGD([mg.ones(2, requires_grad=True)], lr=1.0, momentum=0.9)
    >>> scheduler = mg.optim.lr_scheduler.CyclicLR(optimizer, 0.5, 1.5, step_size_up=2)
    >>> rates = []
    >>> for step in range(6):
    ...     rates.append(scheduler.get_last_lr()[0])
    ...     optimizer.step()
    ...     scheduler.step()
    >>> rates
    [0.5, 1.0, 1.5, 1.0, 0.5, 1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        self.optimizer = check_optimizer(optimizer)
        base_lrs = one_each("base_lr", optimizer, base_lr)
        self.max_lrs = one_each("max_lr", optimizer, max_lr)
        if last_epoch == -1:
            for group, lr in zip(optimizer.param_groups, base_lrs):
                set_option(group, "lr", lr)
        up = float(step_size_up)
        self.total_size = up + (up if step_size_down is None else float(step_size_down))
        self.step_ratio = up / self.total_size
        if scale_fn is None and mode not in ("triangular", "triangular2", "exp_range"):
            raise ValueError(f"mode is invalid and scale_fn is None: mode={mode!r}")
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_custom = scale_fn
        self.scale_mode = scale_mode
        if scale_fn is None:
            self.scale_mode = "iterations" if mode == "exp_range" else "cycle"
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.use_beta1 = uses_beta1(optimizer)
            self.base_momentums = one_each("base_momentum", optimizer, base_momentum)
            self.max_momentums = one_each("max_momentum", optimizer, max_momentum)
            if last_epoch == -1:
                for group, low, high in zip(
                    optimizer.param_groups, self.base_momentums, self.max_momentums
                ):
                    set_momentum(group, high, self.use_beta1)
                    group["max_momentum"] = high
                    group["base_momentum"] = low
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def scale_fn(self, x: float) -> float:
        """The factor :math:`f`, for the number of the cycle or that of the step.

        Parameters
        ----------
        x : float
            c or t, as `scale_mode` says.
        """
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "triangular":
            return 1.0
        return 1 / (2.0 ** (x - 1)) if self.mode == "triangular2" else self.gamma**x

    def get_lr(self) -> list[Rate]:
        """Those at step `last_epoch`; sets the momentum as well."""
        self._warn_outside_step()
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        factor = self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            for group, low, high in zip(
                self.optimizer.param_groups, self.base_momentums, self.max_momentums
            ):
                set_momentum(group, high - (high - low) * height * factor, self.use_beta1)
        return [
            low + (high - low) * height * factor for low, high in zip(self.base_lrs, self.max_lrs)
        ]

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on later; of a `scale_fn`, only an object's attributes."""
        state = super().state_dict()
        function = state.pop("_scale_fn_custom")
        saved = function is not None and not isinstance(function, types.FunctionType)
        state["_scale_fn_custom"] = dict(function.__dict__) if saved else None
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` of another scheduler gave; a `scale_fn` stays.

        Parameters
        ----------
        state_dict : dict
        """
        saved = state_dict.get("_scale_fn_custom")
        super().load_state_dict({k: v for k, v in state_dict.items() if k != "_scale_fn_custom"})
        if saved is not None:
            vars(self._scale_fn_custom).update(saved)


class OneCycleLR(LRScheduler):
    r"""Takes the learning rate up once and then down to almost 0; to be stepped after every batch.

    From ``max_lr / div_factor`` to ``max_lr`` in the first `pct_start` of all steps, then to
    ``max_lr / div_factor / final_div_factor``. Each phase goes from a to b, by a part p of it, as

    .. math:: b + \tfrac{1}{2} (a - b)(1 + \cos \pi p) \quad\text{or}\quad a + (b - a) \, p

    while the momentum goes from its maximum to its base and back.

    Parameters
    ----------
    optimizer : Optimizer
    max_lr : float or list of float
        For all groups or one for each.
    total_steps : int, optional
        Default: ``epochs * steps_per_epoch``.
    epochs, steps_per_epoch : int, optional
        Have no meaning if `total_steps` is given.
    pct_start : float
        From 0 to 1. Default: 0.3.
    anneal_strategy : {"cos", "linear"}
        Default: "cos".
    cycle_momentum : bool
        Change the momentum, or the first of ``betas``, too. Default: True.
    base_momentum, max_momentum : float or list of float
        Default: 0.85, 0.95.
    div_factor : float
        Default: 25.
    final_div_factor : float
        Default: 1e4.
    three_phase : bool
        Go down as slowly as up, to ``max_lr / div_factor``, and only then to the end. Default:
        False.
    last_epoch : int
        The number of the step that was the last; see `LRScheduler`. Default: -1.

    Raises
    ------
    ValueError
        The number of steps is not given, or no positive int; `pct_start` is no float from 0 to 1;
        an unknown `anneal_strategy`; a list of another length than that of the groups;
        `cycle_momentum` with an optimizer that has no momentum. In ``step``: all steps are done.

    References
    ----------
    L. N. Smith, N. Topin, "Super-Convergence: Very Fast Training of Neural Networks Using Large
    Learning Rates", 2017, arXiv 1708.07120.

    Examples
    --------
    >>> import minigrad as mg
    >>> optimizer = mg.optim.SGD([mg.ones(2, requires_grad=True)], lr=1.0, momentum=0.9)
    >>> scheduler = mg.optim.lr_scheduler.OneCycleLR(
    ...     optimizer, max_lr=1.0, total_steps=6, pct_start=0.5, anneal_strategy="linear"
    ... )
    >>> rates = []
    >>> for step in range(6):
    ...     rates.append(round(scheduler.get_last_lr()[0], 3))
    ...     optimizer.step()
    ...     scheduler.step()
    >>> rates
    [0.04, 0.52, 1.0, 0.667, 0.333, 0.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        self.optimizer = check_optimizer(optimizer)
        if total_steps is not None:
            self.total_steps = _positive("total_steps", total_steps)
        elif epochs is not None and steps_per_epoch is not None:
            self.total_steps = _positive("epochs", epochs) * _positive(
                "steps_per_epoch", steps_per_epoch
            )
        else:
            raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
        if not isinstance(pct_start, float) or not 0 <= pct_start <= 1:
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        self._schedule_phases = _phases(self.total_steps, pct_start, three_phase)
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        self._anneal_func_type = anneal_strategy
        max_lrs = one_each("max_lr", optimizer, max_lr)
        if last_epoch == -1:
            for group, high in zip(optimizer.param_groups, max_lrs):
                group["initial_lr"] = high / div_factor
                group["max_lr"] = high
                group["min_lr"] = group["initial_lr"] / final_div_factor
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.use_beta1 = uses_beta1(optimizer)
            max_momentums = one_each("max_momentum", optimizer, max_momentum)
            base_momentums = one_each("base_momentum", optimizer, base_momentum)
            if last_epoch == -1:
                for group, low, high in zip(optimizer.param_groups, base_momentums, max_momentums):
                    set_momentum(group, high, self.use_beta1)
                    group["max_momentum"] = high
                    group["base_momentum"] = low
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Rate]:
        """Those at step `last_epoch`; sets the momentum as well."""
        self._warn_outside_step()
        step = self.last_epoch
        if step > self.total_steps:
            raise ValueError(
                f"Tried to step {step} times. The specified number of total steps is "
                f"{self.total_steps}"
            )
        begin: float = 0
        for phase in self._schedule_phases:
            if step <= phase["end_step"]:
                break
            if phase is not self._schedule_phases[-1]:
                begin = phase["end_step"]
        length = phase["end_step"] - begin
        part = (step - begin) / length if length else 1.0
        lrs: list[Rate] = []
        for group in self.optimizer.param_groups:
            lrs.append(self._anneal(group[phase["start_lr"]], group[phase["end_lr"]], part))
            if self.cycle_momentum:
                start, end = group[phase["start_momentum"]], group[phase["end_momentum"]]
                set_momentum(group, self._anneal(start, end, part), self.use_beta1)
        return lrs

    def _anneal(self, start: float, end: float, part: float) -> float:
        """What lies between `start` and `end` when a `part` of the phase is over."""
        if self._anneal_func_type == "linear":
            return (end - start) * part + start
        return end + (start - end) / 2.0 * (1 + math.cos(math.pi * part))


def _positive(name: str, value: Any) -> int:
    """`value`, if it is a positive int."""
    if not isinstance(value, int) or value <= 0:
        raise ValueError(f"Expected positive integer {name}, but got {value}")
    return value


def _phases(total_steps: int, pct_start: float, three_phase: bool) -> list[dict[str, Any]]:
    """When each phase ends, and between which entries of a parameter group it goes."""
    names = ("start_lr", "end_lr", "start_momentum", "end_momentum")
    up = ("initial_lr", "max_lr", "max_momentum", "base_momentum")
    down = ("max_lr", "min_lr", "base_momentum", "max_momentum")
    back = ("max_lr", "initial_lr", "base_momentum", "max_momentum")
    out = ("initial_lr", "min_lr", "max_momentum", "max_momentum")
    top = float(pct_start * total_steps) - 1
    if three_phase:
        ends = [(top, up), (float(2 * pct_start * total_steps) - 2, back), (total_steps - 1, out)]
    else:
        ends = [(top, up), (total_steps - 1, down)]
    return [{"end_step": end, **dict(zip(names, entries))} for end, entries in ends]
