r"""How gradients are averaged over ranks while `backward` still runs.

:math:`\bar g = \frac1R \sum_{r=0}^{R-1} g_r`, for every parameter. One message for each would cost
more than it carries, so parameters share buckets: rows of numbers of some megabytes, filled in the
reversed order of the parameters, which is about the order in which backward comes by. As soon as a
bucket is full, and all before it, its sum over all ranks is begun; backward goes on meanwhile.
When it ends, the sums are waited for and written into ``.grad``. All ranks have the same buckets,
and begin their sums in the same order.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...autograd.backward import queue_callback
from ...autograd.engine import Node
from ...autograd.tensor_base import wrap
from ...distributed.buffers import write
from ...distributed.group import ProcessGroup
from ...distributed.mpi import mpi, wait

__all__ = ["Reducer"]

FIRST_BYTES = 2**20  # the first bucket is small, so that something is under way early


class Bucket:
    """Gradients of some parameters in one row, and the sum that is under way."""

    def __init__(self, places: Sequence[int], parameters: Sequence[Any]) -> None:
        dtype = parameters[places[0]].array.dtype
        dtype = np.dtype(np.float32) if dtype == np.float16 else dtype  # which MPI does not have
        arrays = [parameters[place].array for place in places]
        ends = np.cumsum([array.size for array in arrays])
        self.places = list(places)
        self.row = np.zeros(int(ends[-1]), dtype)
        parts = np.split(self.row, ends[:-1])
        self.parts = [part.reshape(array.shape) for part, array in zip(parts, arrays)]
        self.missing = len(self.places)
        self.request: Any = None


def share_out(parameters: Sequence[Any], most: int, first: int) -> list[Bucket]:
    """The parameters in buckets of at most so many bytes, unless one alone has more."""
    buckets: list[list[int]] = []
    size = 0
    for place in reversed(range(len(parameters))):
        array = parameters[place].array
        limit = first if len(buckets) == 1 else most
        fits = buckets and size + array.nbytes <= limit
        if not fits or parameters[buckets[-1][0]].array.dtype != array.dtype:
            buckets.append([])
            size = 0
        buckets[-1].append(place)
        size += array.nbytes
    return [Bucket(places, parameters) for places in buckets]


class Reducer:
    """Averages the gradients of some parameters at every `backward` that was announced.

    Parameters
    ----------
    named : sequence of (str, Parameter)
        The parameters.
    group : ProcessGroup
        Over whose ranks.
    bucket_bytes : int
        How large a bucket may be.
    finds_unused : bool
        Whether parameters may be unused, on some ranks or on all.
    marks_unused : bool
        What has no gradient at the end of `backward` counts as zero.
    """

    def __init__(
        self, named: Sequence[tuple[str, Any]], group: ProcessGroup, bucket_bytes: int,
        finds_unused: bool, marks_unused: bool,
    ) -> None:  # fmt: skip
        self.names = [name for name, _ in named]
        self.parameters = [parameter for _, parameter in named]
        self.group = group
        self.finds_unused, self.marks_unused = finds_unused, marks_unused
        self.communicator = group.data.Dup()
        group.more.append(self.communicator)
        self.buckets = share_out(self.parameters, bucket_bytes, min(FIRST_BYTES, bucket_bytes))
        self.place_of = {
            place: (bucket, k) for bucket in self.buckets for k, place in enumerate(bucket.places)
        }
        self.share = 1 / group.size()
        self.is_expecting = False  # a backward pass whose gradients are to be averaged
        self._forget()
        this = weakref.ref(self)
        handles = [
            parameter.register_post_accumulate_grad_hook(_Hook(this, place))
            for place, parameter in enumerate(self.parameters)
        ]
        weakref.finalize(self, lambda: [handle.remove() for handle in handles])

    def _forget(self) -> None:
        self.marked: set[int] = set()
        self.used: set[int] = set()
        self.unused: list[int] = []
        self.begun = 0  # buckets whose sums are under way
        self.is_queued = False
        for bucket in self.buckets:
            bucket.missing, bucket.request = len(bucket.places), None

    def check_finished(self) -> None:
        """Check that the last backward pass has brought all gradients.

        Raises
        ------
        RuntimeError
            It has not.
        """
        if not self.marked:
            return
        missing = [name for k, name in enumerate(self.names) if k not in self.marked]
        self._forget()
        raise RuntimeError(
            "Expected to have finished reduction in the prior iteration before starting a new one: "
            f"on rank {self.group.ranks[self.group.rank()]} backward has brought no gradient for "
            f"{len(missing)} parameters, {', '.join(missing[:10])}{', ...' * (len(missing) > 10)}, "
            "so that nothing was averaged. Were they, or outputs of forward, not used for the "
            "loss? DistributedDataParallel(..., find_unused_parameters=True) counts gradients of "
            "unused parameters as zero."
        )

    def expect(self, outputs: list[Any] | None) -> None:
        """Average the gradients of the next backward pass.

        With `outputs` of the forward pass, parameters that none of them depends on count as zero.
        """
        self._forget()
        self.is_expecting = True
        if outputs is not None:
            reached = leaves_behind(outputs)
            self.unused = [k for k, p in enumerate(self.parameters) if id(p) not in reached]

    def arrived(self, place: int) -> None:
        """Take the gradient of a parameter, which is complete."""
        if not self.is_expecting:
            return
        if not self.is_queued:
            self.is_queued = True
            queue_callback(self._end)
            for unused in self.unused:
                self._mark(unused)
            self.unused = []
        if place in self.marked:
            raise RuntimeError(
                f"Expected to mark a variable ready only once: {self.names[place]} got a second "
                "gradient after one forward pass. Is it used outside of forward, or twice in "
                "nested backward passes?"
            )
        self.used.add(place)
        self._mark(place)

    def _mark(self, place: int) -> None:
        self.marked.add(place)
        bucket, k = self.place_of[place]
        grad = self.parameters[place].grad
        if grad is None:
            bucket.parts[k][...] = 0
        else:
            np.multiply(grad.array, bucket.row.dtype.type(self.share), out=bucket.parts[k])
        bucket.missing -= 1
        for bucket in self.buckets[: self.begun]:
            bucket.request.Test()  # MPI gets on only when it is asked
        while self.begun < len(self.buckets) and not self.buckets[self.begun].missing:
            bucket = self.buckets[self.begun]
            bucket.request = self.communicator.Iallreduce(mpi().IN_PLACE, bucket.row)
            self.begun += 1

    def _end(self) -> None:
        """At the end of backward: wait for the sums, and write them into ``.grad``."""
        self.is_queued = False
        if self.marks_unused:
            for place in range(len(self.parameters)):
                if place not in self.marked:
                    self._mark(place)
        missing = [name for k, name in enumerate(self.names) if k not in self.marked]
        self.group.agree(
            "backward of DistributedDataParallel",
            {"the list of parameters without gradient": f"[{', '.join(missing)}]"},
        )
        if missing:  # `check_finished` will say so, unless another pass brings them
            return
        requests = [bucket.request for bucket in self.buckets]
        used = np.array([k in self.used for k in range(len(self.parameters))], np.uint8)
        if self.finds_unused or self.marks_unused:  # a gradient may be needed for others' sake
            MPI = mpi()
            requests.append(self.communicator.Iallreduce(MPI.IN_PLACE, used, MPI.MAX))
        wait(
            lambda: all([request.Test() for request in requests]),
            self.group.timeout,
            lambda: "backward of DistributedDataParallel",
        )
        for bucket in self.buckets:
            for place, part in zip(bucket.places, bucket.parts):
                parameter = self.parameters[place]
                if parameter.grad is not None:
                    write(parameter.grad, part)
                elif used[place]:
                    parameter.grad = wrap(part.astype(parameter.array.dtype))
        self.is_expecting = False
        self._forget()


class _Hook:
    """Tells a reducer, while it lives, that the gradient of a parameter is complete."""

    def __init__(self, reducer: weakref.ref[Reducer], place: int) -> None:
        self.reducer, self.place = reducer, place

    def __call__(self, parameter: Any) -> None:
        reducer = self.reducer()
        if reducer is not None:
            reducer.arrived(self.place)


def leaves_behind(outputs: list[Any]) -> set[int]:
    """The leaves, by their id, that gradients of these tensors would reach."""
    stack = [output.edge or (output, 0) for output in outputs]
    nodes: set[Any] = set()
    leaves = set()
    while stack:
        place, _ = stack.pop()
        if type(place) is not Node:
            leaves.add(id(place))
        elif place not in nodes:
            nodes.add(place)
            stack += [edge for edge in place.edges if edge is not None]
    return leaves
