"""Worker processes make batches while the program works with earlier ones: ``num_workers=2``.

Each worker has a copy of the data set, and one connection with the program::

    the program (`WorkerEpoch`)                  a worker (`run_worker`)

    place 5, indices [3, 1]  ------------------> `_listen`, a thread -> tasks
    the batch of place 5     <------- `_send` <- fetch(indices)      <-

*Order.* Batch k of an epoch has place k. Places are given to the workers in turn, and each worker
works through its own one after the other, so that the program knows whose batch is the next one.
`prefetch_factor` places for each worker are given out in advance, then one for each batch that
comes.

*Transport.* A batch is pickled, its arrays apart. Small ones go through the connection. Larger ones
go through a file in memory, of which only the number is sent (on Linux). Measured on two cores, for
100 kB, 1 MB and 10 MB: the connection takes 0.06, 1.3 and 14 ms, a file 0.13, 0.6 and 6.7 ms. Such
a file has no name, so that none is left behind, whoever is killed.

*The end.* The connection is all that binds a worker. When the program closes it, or is killed, the
worker reads its end and exits, within `GRACE` seconds even if its last sample never comes. When a
worker dies, the program reads the end, and says which one it was.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import multiprocessing
import os
import pickle
import queue
import random
import signal
import sys
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from multiprocessing import reduction
from multiprocessing.connection import Connection, wait
from typing import Any, BinaryIO, NoReturn

import numpy as np

from ...runtime.threads import set_num_threads
from ...tensor import Tensor
from ...tensor.creation import manual_seed
from .position import Position
from .sampler import draw_seed
from .source import Source, _MultiProcessingDataLoaderIter, warn_if_longer
from .worker_info import WorkerInfo, set_worker_info

__all__ = ["WorkerEpoch", "run_worker"]

GRACE = 5.0
"""For how many seconds a worker may go on with a batch that nobody wants any more."""

CHECK = 5.0
"""After how many seconds of waiting the program looks whether a worker is still there."""

LARGE = 200_000
"""From how many bytes on the arrays of a batch go through a file in memory."""


# ------------------------------------------------------------------------------------------------
# In the worker
# ------------------------------------------------------------------------------------------------


def run_worker(
    connection: Connection,
    source: Source,
    worker_init_fn: Callable[[int], None] | None,
    number: int,
    num_workers: int,
    base_seed: int,
) -> None:
    """All that a worker does: batches of `source`, as they are asked for on `connection`."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # not what the program may have made of it
    set_num_threads(1)
    seed = base_seed + number
    random.seed(seed)
    manual_seed(seed)
    words = np.random.SeedSequence([number, base_seed % 2**32, base_seed >> 32, 0])
    np.random.seed(words.generate_state(4))  # noqa: NPY002 - the generator of old programs
    set_worker_info(WorkerInfo(number, num_workers, seed, source.dataset))

    tasks: queue.SimpleQueue[Any] = queue.SimpleQueue()
    over = threading.Event()
    threading.Thread(target=_listen, args=(connection, tasks, over), daemon=True).start()

    init, fetch, ended = worker_init_fn, None, False
    # Ctrl-C reaches all processes of a terminal, and is the program's to report.
    with contextlib.suppress(KeyboardInterrupt, ConnectionError):
        while (task := tasks.get()) is not None and not over.is_set():
            place, indices = task
            if place is None:  # a new epoch
                init, fetch, ended = None, _opened(source, init, number), False
            elif not ended:
                result: Any
                try:
                    assert fetch is not None
                    result = fetch(indices)
                except Exception as error:
                    ended = source.is_stream and isinstance(error, StopIteration)
                    result = _Failure.caught(number)
                if ended:
                    connection.send((place, None, None, []))
                else:
                    _send(connection, place, getattr(fetch, "count", 0), result, number)
                del task, indices, result  # not to be kept until the next one is there


def _listen(connection: Connection, tasks: queue.SimpleQueue[Any], over: threading.Event) -> None:
    """Take tasks in as they come, so that the program need not wait until the worker is free."""
    try:
        with contextlib.suppress(EOFError, OSError):
            while True:
                tasks.put(connection.recv())
    finally:
        over.set()
        tasks.put(None)
        time.sleep(GRACE)
        os._exit(1)


def _opened(source: Source, init: Callable[[int], None] | None, number: int) -> Any:
    """What makes the batches of an epoch; or what reports, for each of them, why it cannot."""
    try:
        if init is not None:
            init(number)
        return source.open()
    except Exception as error:
        cause = error

        def fail(indices: Any) -> NoReturn:
            raise cause

        return fail


@dataclass(frozen=True)
class _Failure:
    """What a worker sends in place of a batch: an exception."""

    kind: type[BaseException]
    text: str

    @classmethod
    def caught(cls, number: int) -> _Failure:
        """The exception that is being handled."""
        kind = sys.exc_info()[0]
        assert kind is not None
        where = f"Caught {kind.__name__} in DataLoader worker process {number}."
        return cls(kind, f"{where}\nOriginal {traceback.format_exc()}")

    def exception(self) -> BaseException:
        """The same in the program: of the same type, if its type takes a text."""
        try:
            return self.kind(_Text(self.text) if self.kind is KeyError else self.text)
        except Exception:
            return RuntimeError(self.text)


class _Text(str):
    """A text that KeyError, which prints the repr of what it is given, does not put in quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


# ------------------------------------------------------------------------------------------------
# Transport
# ------------------------------------------------------------------------------------------------


class _Pickler(pickle.Pickler):
    """Refuses tensors that are part of a graph, which stays behind in the worker."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, Tensor) and not value.is_leaf:
            raise RuntimeError(
                "A non-leaf tensor that requires grad cannot leave its worker process: autograd "
                "does not cross process boundaries. Call detach() on it, in the data set or in "
                "collate_fn"
            )
        return NotImplemented


def _pickled(value: Any) -> tuple[bytes, list[memoryview]]:
    """`value` without the memory of its arrays, and that memory."""
    file = BytesIO()
    arrays: list[pickle.PickleBuffer] = []
    _Pickler(file, protocol=5, buffer_callback=arrays.append).dump(value)
    return file.getvalue(), [array.raw() for array in arrays]


def _send(connection: Connection, place: int, count: int, result: Any, number: int) -> None:
    """Send the batch at `place`; `count` samples of the worker's stream are in batches by now."""
    try:
        body, arrays = _pickled(result)
    except Exception:
        failure = _Failure.caught(number)
        if isinstance(result, _Failure):  # of a type that only the worker knows
            failure = _Failure(RuntimeError, result.text)
        body, arrays = _pickled(failure)
    total = sum(array.nbytes for array in arrays)
    file = _file_of(arrays) if total >= LARGE else None
    if file is None:
        connection.send((place, count, body, [bytearray(array) for array in arrays]))
        return
    with file:
        connection.send((place, count, body, [array.nbytes for array in arrays]))
        reduction.send_handle(connection, file.fileno(), None)


def _file_of(arrays: list[memoryview]) -> BinaryIO | None:
    """A file in memory with `arrays` one after the other; None where there cannot be any."""
    with contextlib.suppress(AttributeError, OSError):
        file = os.fdopen(os.memfd_create("batch"), "wb")
        for array in arrays:
            file.write(array)
        file.flush()
        return file
    return None


def _receive(connection: Connection) -> tuple[int, int, bytes | None, list[Any]]:
    """What `_send` sent: place, count, the pickled batch, and the memory of its arrays."""
    place, count, body, arrays = connection.recv()
    if arrays and isinstance(arrays[0], int):
        with open(reduction.recv_handle(connection), "rb") as file:
            file.seek(0)
            arrays = [np.empty(size, np.uint8) for size in arrays]
            for array in arrays:
                file.readinto(array)
    return place, count, body, arrays


# ------------------------------------------------------------------------------------------------
# In the program
# ------------------------------------------------------------------------------------------------

_connections: weakref.WeakSet[Connection] = weakref.WeakSet()
"""The program's ends. A process that is forked must not hold them: no worker would see the end."""

_lock = threading.RLock()
"""Held where connections are opened or closed, lest another thread fork in the midst of it."""


def _after_fork() -> None:
    global _lock
    _lock = threading.RLock()
    for connection in _connections:
        connection.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class _Worker:
    """A worker, as the program sees it: its process, and what is known of it."""

    def __init__(self, context: Any, number: int, arguments: tuple[Any, ...]) -> None:
        self.number = number
        self.active = True
        """Whether it can be given places: its stream has not ended in this epoch."""
        self.count = 0
        """How many samples of its stream were in the batches of this epoch."""
        with _lock:
            self.connection, theirs = multiprocessing.Pipe()
            _connections.add(self.connection)
            with theirs:
                self.process = context.Process(
                    target=run_worker,
                    args=(theirs, *arguments),
                    name=f"DataLoader worker {number}",
                    daemon=True,
                )
                self.process.start()

    def end(self) -> None:
        """Let the worker exit when it is done with its last batch."""
        with _lock:
            self.connection.close()

    def how_it_ended(self) -> str:
        code = self.process.exitcode
        if code is None or code >= 0:
            return f"worker {self.number} left with exit code {code}"
        return f"worker {self.number} was killed by signal {-code} ({signal.strsignal(-code)})"


@contextlib.contextmanager
def _explained(loader: Any) -> Iterator[None]:
    """Say which argument could not be pickled, where a worker's have to be."""
    try:
        yield
    except (AttributeError, TypeError, pickle.PicklingError) as error:
        for name in ("dataset", "collate_fn", "worker_init_fn"):
            try:
                reduction.ForkingPickler.dumps(getattr(loader, name))
            except Exception:
                raise type(error)(
                    f"DataLoader: {name} cannot be sent to a worker process: {error}. Workers that "
                    "are not forked are sent all they need: use functions and classes that are "
                    "defined at the top of a module, and no lambda; or, where there is it, "
                    "multiprocessing_context='fork'"
                ) from error
        raise


def _stop(workers: list[_Worker], owner: int) -> None:
    """End `workers`, if this is the process that started them."""
    if os.getpid() != owner:
        return
    for worker in workers:
        worker.end()
    patience = time.monotonic() + GRACE
    for worker in workers:
        worker.process.join(max(0, patience - time.monotonic()))
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()


class WorkerEpoch(_MultiProcessingDataLoaderIter):
    """One pass over a loader's data, batch by batch; with persistent workers, one pass at a time.

    Raises
    ------
    RuntimeError
        A worker died, or kept the program waiting for longer than the loader's `timeout`.
    Exception
        What the data set, `collate_fn` or `worker_init_fn` raised in a worker. Its text has the
        worker's traceback. It loses its batch, and no other.
    """

    def __init__(self, loader: Any, position: Position | None = None) -> None:
        if loader.prefetch_factor <= 0:
            raise AssertionError("prefetch_factor must be greater than 0 where there are workers")
        self._places = itertools.count()
        self._broken = ""
        """Why there are no more batches, if it is not that all have come."""
        self._workers: list[_Worker] = []
        self._stop = weakref.finalize(self, _stop, self._workers, os.getpid())
        iter(loader._index_sampler)  # as PyTorch, which wants another one when the epoch begins
        source = loader._source()
        if position is None or position.base_seed is None:
            self.base_seed = draw_seed(loader.generator)
        else:
            self.base_seed = position.base_seed
        context = loader.multiprocessing_context or multiprocessing
        for number in range(loader.num_workers):
            rest = (source, loader.worker_init_fn, number, loader.num_workers, self.base_seed)
            with _explained(loader):
                self._workers.append(_Worker(context, number, rest))
        self.begin(loader, position)

    @property
    def is_over(self) -> bool:
        """Whether the workers have ended."""
        return not self._stop.alive

    def begin(self, loader: Any, position: Position | None = None) -> None:
        """Begin an epoch, whether or not the last one was read to its end."""
        self._loader = copy.copy(loader)  # without itself, which may keep us: a cycle
        self._indices = iter(loader._index_sampler)
        self._turns = itertools.cycle(self._workers)
        if position is not None:
            self._indices = position.begin(self._indices)
            for _ in range(position.skip % len(self._workers)):
                next(self._turns)
        self._given: dict[int, _Worker] = {}
        """The places whose batches have not come yet, in order, and whose they are."""
        for worker in self._workers:
            worker.active, worker.count = True, 0
            self._tell(worker, None, None)
        for _ in range(loader.prefetch_factor * len(self._workers)):
            self._give()

    def __iter__(self) -> WorkerEpoch:
        return self

    def __len__(self) -> int:
        return len(self._loader._index_sampler)

    def __next__(self) -> Any:
        if self._broken:
            raise RuntimeError(self._broken)
        while self._given:
            place, count, body, arrays = self._next_message()
            worker = self._given.pop(place, None)
            if worker is None:  # a batch of an epoch that was not read to its end
                continue
            if body is None:
                self._retire(worker)
                self._give()
                continue
            worker.count = count
            self._give()
            result = pickle.loads(body, buffers=arrays)
            if isinstance(result, _Failure):
                raise result.exception()
            warn_if_longer(self._loader, sum([worker.count for worker in self._workers]))
            return result
        if not self._loader.persistent_workers:
            self._stop()
        raise StopIteration

    def _give(self) -> None:
        """Ask for one more batch, if there are indices for one."""
        try:
            indices = next(self._indices)
        except StopIteration:
            return
        active = sum([worker.active for worker in self._workers])
        for worker in itertools.islice(self._turns, len(self._workers)):
            if worker.active and (self._loader.in_order or self._has_room(worker, active)):
                place = next(self._places)
                self._given[place] = worker
                self._tell(worker, place, indices)
                return

    def _has_room(self, worker: _Worker, active: int) -> bool:
        """Whether a worker has less to do than its share of all that is given out in advance."""
        share = self._loader.prefetch_factor * len(self._workers) // active
        return sum([owner is worker for owner in self._given.values()]) < share

    def _retire(self, worker: _Worker) -> None:
        """The stream of `worker` has ended: nothing comes for its other places."""
        worker.active = False
        self._given = {place: owner for place, owner in self._given.items() if owner is not worker}
        if not self._loader.persistent_workers:
            worker.end()

    # -- messages --------------------------------------------------------------------------------

    def _tell(self, worker: _Worker, place: int | None, indices: Any) -> None:
        with self._speaking_with(worker):
            worker.connection.send((place, indices))

    def _next_message(self) -> tuple[int, int, bytes | None, list[Any]]:
        """The message with the next batch; out of order, the next message of whichever worker."""
        workers = list(dict.fromkeys(self._given.values()))
        if self._loader.in_order:
            workers = workers[:1]
        timeout = self._loader.timeout
        while True:
            ready = wait([worker.connection for worker in workers], timeout or CHECK)
            for worker in workers:
                if worker.connection in ready:
                    with self._speaking_with(worker):
                        return _receive(worker.connection)
            # Another one may be dead. Or this one is, and its end cannot be read, since a process
            # that some other library forked has the connection open, too.
            for worker in self._workers:
                if worker.active and not worker.process.is_alive():
                    with self._speaking_with(worker):
                        raise EOFError
            if timeout:
                raise RuntimeError(f"DataLoader timed out after {timeout} seconds")

    @contextlib.contextmanager
    def _speaking_with(self, worker: _Worker) -> Iterator[None]:
        """End all workers if a message was not sent, or received, as a whole."""
        try:
            yield
        except (EOFError, OSError) as error:
            worker.process.join(1)
            self._broken = (
                f"DataLoader worker (pid(s) {worker.process.pid}) exited unexpectedly: "
                + worker.how_it_ended()
            )
            self._stop()
            raise RuntimeError(self._broken) from error
        except BaseException:
            self._broken = "DataLoader: this epoch ended when a message was interrupted"
            self._stop()
            raise
