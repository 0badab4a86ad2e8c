"""`DistributedDataParallel`: a model on every rank, kept equal by averaged gradients."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from ...autograd.grad_mode import is_grad_enabled
from ...autograd.tensor_base import TensorBase
from ...distributed.buffers import described, row, sendable, write
from ...distributed.group import resolve
from ...distributed.mpi import wait
from ..lazy import UninitializedParameter
from ..module import Module
from .reducer import Reducer

__all__ = ["DistributedDataParallel"]

BUCKET_MB = 25.0  # PyTorch's default


class DistributedDataParallel(Module):
    r"""A model that several ranks train together, each on its own part of a batch.

    At the start all ranks get the parameters and buffers of the first rank. `backward` leaves

    .. math:: \bar g = \frac{1}{R} \sum_{r=0}^{R-1} g_r

    in ``.grad`` of all ranks, where :math:`g_r` is the gradient of rank r's own loss. If that is a
    mean over N/R examples, :math:`\bar g` is the gradient of the mean over all N; so R ranks with
    batches of N/R do what one does with N, up to rounding. All ranks get the same bits, so that
    their parameters stay equal. Sums are begun while `backward` still runs (see `reducer`).

    Parameters
    ----------
    module : Module
        The model, of the same parameters on all ranks. They have to be complete: what is added
        later is not averaged.
    device_ids, output_device, dim : optional
        Accepted, without effect: there is only the CPU.
    broadcast_buffers : bool
        Before each forward pass in training, give all ranks the buffers of the first (averages of
        BatchNorm, for example). Default: True.
    init_sync : bool
        False: neither compare parameters at the start, nor make them equal. Default: True.
    process_group : ProcessGroup, optional
        The ranks that train together. Default: all.
    bucket_cap_mb : float, optional
        How many megabytes of gradients are sent at a time. Default: 25.
    find_unused_parameters : bool
        Look at each forward pass which parameters its outputs depend on; the gradient of others
        counts as zero. (What no rank uses keeps ``grad=None``.) Default: False.
    gradient_as_bucket_view : bool
        Accepted, without effect.
    static_graph : bool
        Say that all passes use the same parameters: those that got no gradient when `backward` ends
        count as zero, and nobody looks for them. Default: False.
    forward_sync_buffers : bool, optional
        A newer name of `broadcast_buffers`.
    check_reduction, mixed_precision, device_mesh : optional
        `check_reduction` has no effect; the others raise NotImplementedError, unless they are None.

    Attributes
    ----------
    module : Module
        The model. In the state dict its names begin with ``module.``.

    Raises
    ------
    ValueError
        There is no process group; several `device_ids`.
    RuntimeError
        Nothing in the module requires a gradient, or something is not initialised yet; the ranks
        have different parameters (the message names rank and parameter). Calling it: the last
        `backward` brought no gradient for some parameter.

    References
    ----------
    https://docs.pytorch.org/docs/stable/generated/torch.nn.parallel.DistributedDataParallel.html

    Examples
    --------
    >>> import minigrad as mg
    >>> model = mg.nn.LSTM(3, 4)
    >>> model = mg.nn.parallel.DistributedDataParallel(model)  # doctest: +SKIP
    >>> output, _ = model(mg.randn(5, 2, 3))  # doctest: +SKIP
    >>> output.sum().backward()  # now all ranks have the same gradients # doctest: +SKIP
    """

    def __init__(
        self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0,
        broadcast_buffers: bool = True, init_sync: bool = True, process_group: Any = None,
        bucket_cap_mb: float | None = None, find_unused_parameters: bool = False,
        check_reduction: bool = False, gradient_as_bucket_view: bool = False,
        static_graph: bool = False, mixed_precision: Any = None, device_mesh: Any = None,
        forward_sync_buffers: bool | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        for name, value in (("mixed_precision", mixed_precision), ("device_mesh", device_mesh)):
            if value is not None:
                raise NotImplementedError(f"DistributedDataParallel: {name} is not in minigrad")
        if device_ids is not None and len(device_ids) > 1:
            raise ValueError(
                "device_ids can only be None or contain a single element, but got "
                f"{device_ids}: ranks are processes, one for each model"
            )
        group = resolve(process_group)
        if group is None:
            raise ValueError("DistributedDataParallel: this rank is not in process_group")
        trained = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
        for name, parameter in module.named_parameters():
            if isinstance(parameter, UninitializedParameter):
                raise RuntimeError(
                    f"Modules with uninitialized parameters can't be used with "
                    f"`DistributedDataParallel`: {name} has no shape yet. Run a dummy forward pass "
                    "to correctly initialize the modules"
                )
        if not trained:
            raise RuntimeError(
                "DistributedDataParallel is not needed when a module doesn't have any parameter "
                "that requires a gradient."
            )
        self.module = module
        self.process_group = group
        self.device_ids = None
        self.find_unused_parameters = find_unused_parameters
        self.static_graph = static_graph
        self.broadcast_buffers = (
            broadcast_buffers if forward_sync_buffers is None else forward_sync_buffers
        )
        self.require_backward_grad_sync = True
        self._syncs_buffers = True
        cap = BUCKET_MB if bucket_cap_mb is None else float(bucket_cap_mb)
        if not cap > 0:
            raise ValueError(f"bucket_cap_mb must be above 0, not {bucket_cap_mb}")
        if init_sync:
            state = [*module.named_parameters(), *module.named_buffers()]
            self._check_same(state, cap)
            self._broadcast([tensor for _, tensor in state])
        looks = find_unused_parameters and not static_graph
        self._reducer = Reducer(trained, group, int(cap * 2**20), looks, static_graph)

    def _check_same(self, state: list[tuple[str, Any]], cap: float) -> None:
        """Whether all ranks have the same parameters, buffers and options."""
        self.process_group.agree(
            "DistributedDataParallel",
            {
                "bucket_cap_mb": str(cap),
                "find_unused_parameters": str(self.find_unused_parameters),
                "static_graph": str(self.static_graph),
                "broadcast_buffers": str(self.broadcast_buffers),
                **{
                    name: described(tensor.array) + (", trained" if tensor.requires_grad else "")
                    for name, tensor in state
                },
            },
        )

    def _broadcast(self, tensors: list[Any]) -> None:
        """Overwrite tensors with those of the first rank."""
        group = self.process_group
        rows = [row(tensor.array) for tensor in tensors]
        requests = [group.data.Ibcast(sendable(one), 0) for one in rows]
        wait(
            lambda: all([request.Test() for request in requests]),
            group.timeout,
            lambda: "DistributedDataParallel",
        )
        if group.rank():
            for tensor, one in zip(tensors, rows):
                write(tensor, one)

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """What the module returns."""
        averages = is_grad_enabled() and self.require_backward_grad_sync
        if averages:
            self._reducer.check_finished()
        if self.broadcast_buffers and self._syncs_buffers:
            buffers = list(self.module.buffers())
            if buffers:
                self.process_group.agree("forward of DistributedDataParallel", {})
                self._broadcast(buffers)
        output = self.module(*inputs, **kwargs)
        self._syncs_buffers = averages
        if averages:
            looks = self.find_unused_parameters and not self.static_graph
            self._reducer.expect(list(_tensors_in(output)) if looks else None)
        return output

    @contextlib.contextmanager
    def no_sync(self) -> Iterator[None]:
        """Do not average the gradients of forward passes in this block.

        They add up on each rank; the first `backward` of a forward pass after it averages the sums.

        Examples
        --------
        >>> with model.no_sync():  # doctest: +SKIP
        ...     loss(model(x1)).backward()
        >>> loss(model(x2)).backward()  # averages both # doctest: +SKIP
        """
        before, self.require_backward_grad_sync = self.require_backward_grad_sync, False
        try:
            yield
        finally:
            self.require_backward_grad_sync = before

    def join(self, *args: Any, **kwargs: Any) -> Any:
        """Raise NotImplementedError: all ranks need as many batches (see DistributedSampler)."""
        raise NotImplementedError(
            "DistributedDataParallel.join is not in minigrad: give all ranks the same number of "
            "batches, as DistributedSampler does"
        )

    def register_comm_hook(self, state: Any, hook: Any) -> Any:
        """Raise NotImplementedError: gradients are averaged as they are."""
        raise NotImplementedError(
            "DistributedDataParallel.register_comm_hook is not in minigrad: gradients are averaged "
            "as they are"
        )


def _tensors_in(value: Any) -> Iterator[Any]:
    """The tensors in what a forward pass has returned."""
    if isinstance(value, TensorBase):
        yield value
    elif isinstance(value, Mapping):
        for entry in value.values():
            yield from _tensors_in(entry)
    elif isinstance(value, (list, tuple)):  # packed sequences too
        for entry in value:
            yield from _tensors_in(entry)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from _tensors_in(getattr(value, field.name))
