"""Averages of a model's weights over training: stochastic weight averaging and moving averages.

`AveragedModel` keeps the average, `SWALR` brings the learning rate to the value at which weights
are averaged, and `update_bn` computes the running statistics of batch normalisations anew, which
the average of weights has no use for.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

from ..autograd.grad_mode import no_grad
from ..nn.module import Module
from ..tensor import Tensor
from ..tensor.creation import tensor
from .lr_scheduler.base import LRScheduler, Rate, one_each
from .optimizer import Optimizer

__all__ = [
    "SWALR", "AveragedModel", "get_ema_avg_fn", "get_ema_multi_avg_fn", "get_swa_avg_fn",
    "get_swa_multi_avg_fn", "update_bn",
]  # fmt: skip


def _check_decay(decay: float) -> None:
    if not 0.0 <= decay <= 1.0:
        raise ValueError(
            f"Invalid decay value {decay} provided. Please provide a value in [0,1] range."
        )


def get_ema_avg_fn(decay: float = 0.999) -> Callable[[Any, Any, Any], Any]:
    """The rule of an exponential moving average, for `AveragedModel`: avg_fn=.

    Parameters
    ----------
    decay : float
        What the average keeps of itself, from 0 to 1. Default: 0.999.

    Raises
    ------
    ValueError
        `decay` is out of its range.
    """
    _check_decay(decay)

    @no_grad()
    def ema_update(ema_param: Any, current_param: Any, num_averaged: Any) -> Any:
        return decay * ema_param + (1 - decay) * current_param

    return ema_update


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable[[Any, Any, Any], None]:
    """The same for lists of tensors, which it changes in place: for multi_avg_fn=."""
    _check_decay(decay)

    @no_grad()
    def ema_update(ema_param_list: Any, current_param_list: Any, num_averaged: Any) -> None:
        for average, current in zip(ema_param_list, current_param_list, strict=True):
            if average.is_floating_point():
                average.lerp_(current, 1 - decay)
            else:
                average.copy_(average * decay + current * (1 - decay))

    return ema_update


def get_swa_avg_fn() -> Callable[[Any, Any, Any], Any]:
    """The rule of the mean of all weights, for `AveragedModel`: avg_fn=."""

    @no_grad()
    def swa_update(averaged_param: Any, current_param: Any, num_averaged: Any) -> Any:
        return averaged_param + (current_param - averaged_param) / (num_averaged + 1)

    return swa_update


def get_swa_multi_avg_fn() -> Callable[[Any, Any, Any], None]:
    """The same for lists of tensors, which it changes in place: for multi_avg_fn=."""

    @no_grad()
    def swa_update(averaged_param_list: Any, current_param_list: Any, num_averaged: Any) -> None:
        share = 1.0 / (int(num_averaged) + 1)
        for average, current in zip(averaged_param_list, current_param_list, strict=True):
            if average.is_floating_point():
                average.lerp_(current, share)
            else:
                average.copy_(average + (current - average) * share)

    return swa_update


class AveragedModel(Module):
    r"""A copy of a model whose parameters are the average of what they were.

    Without other wishes it is the mean: :math:`\bar\theta \leftarrow \bar\theta + (\theta -
    \bar\theta) / (n + 1)`.

    Parameters
    ----------
    model : Module
        It is copied, and goes on training.
    device : optional
        There is only the CPU.
    avg_fn : callable, optional
        ``avg_fn(average, current, n)`` returns the new average of a parameter: see
        `get_ema_avg_fn`. n is the number of models that were averaged, a tensor.
    multi_avg_fn : callable, optional
        ``multi_avg_fn(averages, currents, n)`` changes the tensors in the list `averages`, which
        are of one type: see `get_ema_multi_avg_fn`.
    use_buffers : bool
        Average the buffers, too. If not, they are copied. Default: False.

    Attributes
    ----------
    module : Module
        The copy.
    n_averaged : Tensor
        How often `update_parameters` was called.

    Raises
    ------
    AssertionError
        Both `avg_fn` and `multi_avg_fn` are given.

    References
    ----------
    P. Izmailov, D. Podoprikhin, T. Garipov, D. Vetrov, A. G. Wilson, "Averaging Weights Leads to
    Wider Optima and Better Generalization", UAI 2018, arXiv 1803.05407.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.optim.swa_utils import AveragedModel
    >>> model = mg.nn.Linear(1, 1, bias=False)
    >>> averaged = AveragedModel(model)
    >>> for value in (1.0, 2.0, 6.0):
    ...     model.weight.data.fill_(value)  # an epoch of training
    ...     averaged.update_parameters(model)
    tensor([[1.]])
    tensor([[2.]])
    tensor([[6.]])
    >>> averaged(mg.ones(1))
    tensor([3.], grad_fn=<ViewBackward0>)
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Callable[[Any, Any, Any], Any] | None = None,
        multi_avg_fn: Callable[[Any, Any, Any], None] | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = copy.deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", tensor(0, device=device))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the averaged model computes."""
        return self.module(*args, **kwargs)

    @no_grad()
    def update_parameters(self, model: Module) -> None:
        """Take the present parameters of `model` into the average."""
        pairs = list(zip(_averaged(self.module, self.use_buffers),
                         _averaged(model, self.use_buffers)))  # fmt: skip
        if not self.n_averaged:
            for average, current in pairs:
                average.copy_(current)
        elif self.multi_avg_fn is None:
            rule = self.avg_fn or get_swa_avg_fn()
            for average, current in pairs:
                average.copy_(rule(average, current, self.n_averaged))
        else:
            for kind in dict.fromkeys(average.dtype for average, _ in pairs):
                averages, currents = zip(*[pair for pair in pairs if pair[0].dtype == kind])
                self.multi_avg_fn(list(averages), list(currents), self.n_averaged)
        if not self.use_buffers:
            for copied, current in zip(self.module.buffers(), model.buffers(), strict=True):
                copied.copy_(current)
        self.n_averaged += 1


def _averaged(model: Module, with_buffers: bool) -> list[Any]:
    """The tensors of a model that are averaged, outside of any graph."""
    found = chain(model.parameters(), model.buffers() if with_buffers else ())
    return [t.detach() for t in found]


def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Compute the running statistics of batch normalisations anew: the means over all batches.

    Parameters
    ----------
    loader : iterable
        The batches: tensors, or lists and tuples whose first entry is the input.
    model : Module
        It runs on each batch, in training mode. Without batch normalisations nothing is done.
    device : optional
        There is only the CPU.

    Examples
    --------
    >>> import minigrad as mg
    >>> from minigrad.optim.swa_utils import update_bn
    >>> model = mg.nn.BatchNorm1d(2)
    >>> update_bn([mg.zeros(3, 2), mg.ones(3, 2)], model)
    >>> model.running_mean
    tensor([0.5000, 0.5000])
    """
    norms: list[Any] = [m for m in model.modules() if hasattr(m, "reset_running_stats")]
    if not norms:
        return
    momenta, was_training = [norm.momentum for norm in norms], model.training
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # then each batch counts alike
    model.train()
    with no_grad():
        for batch in loader:
            x = batch[0] if isinstance(batch, (list, tuple)) else batch
            model(x if device is None else x.to(device))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    model.train(was_training)


class SWALR(LRScheduler):
    r"""Takes the learning rate from its first value to `swa_lr`, where it stays.

    .. math::

        \eta_t = (1 - \alpha) \eta_0 + \alpha \eta_{swa}, \qquad
        \alpha = \tfrac{1}{2} \left( 1 - \cos \frac{\pi t}{T} \right)
        \quad\text{or}\quad \alpha = \frac{t}{T} \qquad (t \le T)

    Parameters
    ----------
    optimizer : Optimizer
    swa_lr : float or list of float
        :math:`\eta_{swa}`, for all parameter groups or for each.
    anneal_epochs : int
        :math:`T`. Default: 10.
    anneal_strategy : "cos" or "linear"
        Which :math:`\alpha`. Default: "cos".
    last_epoch : int
        See `LRScheduler`. Default: -1.

    Raises
    ------
    ValueError
        `swa_lr` is a list of another length, there is no such strategy, or `anneal_epochs` is no
        int from 0 on.

    Examples
    --------
    >>> import minigrad as mg
    >>> optimizer = mg.optim.SGD([mg.ones(2, requires_grad=True)], lr=1.0)
    >>> scheduler = mg.optim.swa_utils.SWALR(optimizer, 0.2, anneal_epochs=4)
    >>> rates = []
    >>> for epoch in range(6):
    ...     rates.append(round(scheduler.get_last_lr()[0], 3))
    ...     optimizer.step()
    ...     scheduler.step()
    >>> rates
    [1.0, 0.883, 0.6, 0.317, 0.2, 0.2]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | list[float],
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        for group, lr in zip(optimizer.param_groups, one_each("swa_lr", optimizer, swa_lr)):
            group["swa_lr"] = lr
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self._anneal_strategy = anneal_strategy
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _alpha(self, step: int) -> float:
        t = max(0.0, min(1.0, step / max(1, self.anneal_epochs)))
        return t if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * t)) / 2

    def get_lr(self) -> list[Rate]:
        """A weighted mean of `swa_lr` and of the first ones, which follow from the present ones."""
        self._warn_outside_step()
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, alpha = self._alpha(step - 1), self._alpha(step)
        rates = []
        for group in self.optimizer.param_groups:
            last, final = group["lr"], group["swa_lr"]
            first = final if before == 1 else (last - before * final) / (1 - before)
            rates.append(final * alpha + first * (1 - alpha))
        return rates
