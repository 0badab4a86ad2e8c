"""`TrainingCheckpoint`: a training that is killed goes on, and prints the numbers it would have.

What the next step depends on goes into one file: weights, gradients and the optimizers' averages,
schedules, every random stream, the place in the epoch, and values of the user's own.
`random_streams` reads and puts back the streams, `data.position` follows the place.

*When.* It is saved between two batches, or two epochs: where a loop asks for the next one.

*Going on in the midst of an epoch.* The program runs from its start to that place; so the lines
between ``epochs`` and ``batches`` run once more. They find the random numbers that they found the
first time, and what they change is put back: when the batches go on, all is as it was saved.

*The file.* ``minigrad.load`` opens it: state dicts under the names of the parts, and besides them
``epoch``, ``batch``, ``step``, ``values``, and ``about``, which has the rest. What is written takes
the place of the older file when it is complete: whoever pulls the plug finds the one or the other.
"""

from __future__ import annotations

import copy
import os
import pickle
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Generic, TypeVar

from ..nn import Module
from ..optim import Optimizer
from ..serialization import files, load, save
from .data.position import Position
from .random_streams import RandomStreams, generators_in, named
from .training_parts import (
    RESERVED,
    check_plain,
    described,
    dropped,
    flags_of,
    has_stepped,
    is_loader,
    is_module,
    module_differences,
    optimizer_differences,
    parts_of,
    put_back,
    set_flags,
)

__all__ = ["TrainingCheckpoint"]

FORMAT = 1
Item = TypeVar("Item")


class _Loop(Generic[Item]):
    """What a ``for`` goes over; its length is how many turns there are left."""

    def __init__(self, begin: Callable[[], Iterator[Item]], left: Callable[[], int]) -> None:
        self._begin, self._left = begin, left

    def __iter__(self) -> Iterator[Item]:
        return self._begin()

    def __len__(self) -> int:
        return self._left()


class TrainingCheckpoint:
    """A file from which a training goes on where it was, with the same numbers.

    Make it when everything else is made, and let it lead the two loops. If the file exists, the
    training goes on from it; otherwise it begins, and the file is written as it proceeds.

    Parameters
    ----------
    path : str or path
        The file.
    model, optimizer, scheduler : optional
        What has a state: objects with ``state_dict`` and ``load_state_dict``, or lists of such.
    loader : DataLoader, optional
        What `batches` goes over.
    values : dict, optional
        Numbers, texts, tensors (detached), arrays, and lists, tuples, dicts and sets of them, to
        begin with; then in the attribute `values`.
    generators : generator, or list or dict of them, optional
        Random generators of your own: minigrad's, Python's or NumPy's. Those that are attributes of
        the loader, its samplers and data set, or of a layer, are found without that.
    every : int, optional
        Save after so many steps (batches, counted through all epochs).
    seconds : float, optional
        Save when so much time has passed since the last time. With neither of the two, it is saved
        at the end of every epoch. After the last epoch it is saved in any case.
    keep : int
        How many files to keep: beside `path` those before, ``path.1`` the latest. Default: 1.
    on_signal : bool
        Save at the next step when SIGTERM or SIGINT (Ctrl-C) comes, then let it do what it would
        have done at once. A second one is not kept waiting. Default: False.
    reread : bool, optional
        How the batches before the place in the epoch are passed over. False: of those only the
        indices are drawn. (A stream then has to know its place itself.) True: they are made again,
        and dropped. Default: True for streams, and where there are workers, whose random numbers
        depend on what they made before; if they use none, False gives the same numbers sooner.
    **others : object
        Whatever else has a ``state_dict`` and ``load_state_dict``, such as averaged weights.

    Attributes
    ----------
    values : dict
        Your own, saved with all else. Lists and dicts in it stay the same objects.
    epoch, batch, step : int
        Epochs that are done, batches of the present one, and batches of all of them.
    resumed : bool
        Whether there was a file.

    Raises
    ------
    RuntimeError
        The file is damaged, or of another training (the message says what differs); nothing is
        changed then. Or the folder does not exist.
    IsADirectoryError, PermissionError
        `path` is a folder, or its folder cannot be written to.
    OSError
        While saving, the disk is full, say. The file is what it was before.
    ValueError
        `every`, `seconds` or `keep` is not positive; the optimizer has parameters that belong to no
        module given here, which would be lost.
    TypeError
        Something has no ``state_dict``; a value is nothing that a checkpoint may hold.

    Notes
    -----
    What was printed after the file was written is printed again. See ``docs/resuming.md`` for what
    cannot be promised. With several processes (`minigrad.distributed`) the first one writes, and
    the file has the random streams and places of all.

    Examples
    --------
    >>> import os, tempfile
    >>> import minigrad as mg
    >>> from minigrad.utils import TrainingCheckpoint
    >>> from minigrad.utils.data import DataLoader
    >>> path = os.path.join(tempfile.mkdtemp(), "run.ckpt")
    >>> def train(stop):
    ...     _ = mg.manual_seed(0)
    ...     net = mg.nn.Sequential(mg.nn.Linear(1, 3), mg.nn.Dropout(0.5), mg.nn.Linear(3, 1))
    ...     sgd = mg.optim.SGD(net.parameters(), lr=0.1)
    ...     loader = DataLoader(range(6), batch_size=2, shuffle=True)
    ...     run = TrainingCheckpoint(path, model=net, optimizer=sgd, loader=loader, every=1)
    ...     for epoch in run.epochs(2):
    ...         for x in run.batches():
    ...             if run.step == stop:
    ...                 return
    ...             loss = net(x[:, None] / 6).pow(2).mean()
    ...             sgd.zero_grad()
    ...             loss.backward()
    ...             sgd.step()
    ...             print(epoch, x.tolist(), f"{loss.item():.3f}")
    >>> train(stop=4)  # as if it were killed
    0 [0, 5] 0.046
    0 [4, 1] 0.035
    0 [2, 3] 0.009
    1 [4, 3] 0.019
    >>> train(stop=None)
    1 [5, 1] 0.018
    1 [2, 0] 0.034
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        model: Any = None,
        optimizer: Any = None,
        scheduler: Any = None,
        loader: Any = None,
        values: dict[str, Any] | None = None,
        generators: Any = (),
        every: int | None = None,
        seconds: float | None = None,
        keep: int = 1,
        on_signal: bool = False,
        reread: bool | None = None,
        **others: Any,
    ) -> None:
        self.path = os.path.realpath(path)
        self.values = {} if values is None else values
        self.loader, self.reread = loader, reread
        self.every, self.seconds, self.keep = every, seconds, keep
        self.on_signal = on_signal
        self.epoch = self.batch = self.step = 0
        self._check_options()
        self._parts = parts_of(
            dict(model=model, optimizer=optimizer, scheduler=scheduler, **others)
        )
        self._check_owners()
        self._streams = RandomStreams(dict(self._generators(generators)))

        self._position = Position()
        self._base_seed: tuple[int, int] | None = None  # of persistent workers, after its epoch
        self._at_epoch: Any = None  # the streams where `epochs` gave the present epoch,
        self._at_batches: Any = None  # and where `batches` began
        self._in_epoch = self._in_batches = False
        self._signal: int | None = None  # that came, and waits for the next step
        self._saved_at = time.monotonic()

        _check_place(self.path)
        self._resume: dict[str, Any] | None = None
        self.resumed = os.path.exists(self.path)
        if self.resumed:
            self._open()
        if _rank() == 0:
            files.remove_abandoned(self.path)

    # -- the loops -------------------------------------------------------------------------------

    def epochs(self, total: int) -> _Loop[int]:
        """The epochs that are left of `total`, for the outer loop.

        Parameters
        ----------
        total : int
            How many epochs there are, those before the file was written included.

        Returns
        -------
        iterable of int
            The numbers of the epochs, from `epoch` to ``total - 1``. Its length is how many there
            are.
        """
        if isinstance(total, bool) or not isinstance(total, int):
            raise TypeError(f"epochs: total must be an int, got {type(total).__name__}")
        return _Loop(lambda: self._epochs(total), lambda: max(0, total - self.epoch))

    def batches(self, iterable: Any = None) -> _Loop[Any]:
        """The batches that are left of the present epoch, for the inner loop.

        Parameters
        ----------
        iterable : iterable, optional
            Another one than `loader`, made anew in each epoch, for example
            ``torch.randperm(n).split(32)``. A sequence goes on at its place, of anything else the
            first items are asked for and dropped.

        Returns
        -------
        iterable
            Its length is how many batches are left.

        Raises
        ------
        RuntimeError
            When it begins: there is no epoch, or it is the second time in this epoch. Or the
            sampler or the loader is not what it was.
        """
        items = self.loader if iterable is None else iterable
        if items is None:
            raise TypeError("batches: give TrainingCheckpoint a loader=, or an iterable here")
        return _Loop(lambda: self._batches(items), lambda: max(0, len(items) - self.batch))

    def _epochs(self, total: int) -> Iterator[int]:
        resume = self._resume
        if resume is not None:
            self._streams.load_state_dict(resume["streams"])
        with self._signals_noted():
            while self.epoch < total:
                if resume is not None and self.batch:
                    # As it is now: whatever the user has changed since the file was opened, stays.
                    self._resume = {**resume, "now": copy.deepcopy(self._state())}
                    self._at_epoch, self._at_batches = resume["at_epoch"], resume["at_batches"]
                    self._streams.load_state_dict(self._at_epoch)
                else:
                    self._resume = None
                    self._at_epoch = self._streams.state_dict()
                resume = None
                self._in_epoch, self._in_batches = True, False
                yield self.epoch
                self._in_epoch = False
                if self._resume is not None:
                    raise RuntimeError(
                        f"{self.path} was saved in the midst of epoch {self.epoch}, which has "
                        "ended without going over batches()"
                    )
                self.epoch += 1
                self.batch = 0
                self._position = Position()
                by_epoch = self.every is None and self.seconds is None
                self._save_if(by_epoch or self.epoch == total)

    def _batches(self, items: Any) -> Iterator[Any]:
        if not self._in_epoch:
            raise RuntimeError("batches() belongs into a loop over epochs()")
        if self._in_batches:
            raise RuntimeError(
                "batches() a second time in one epoch: go over other data, as for validation, "
                "without it"
            )
        self._in_batches = True
        if self._resume is None:
            self._at_batches = self._streams.state_dict()
            iterator = self._begin(items, 0)
        else:
            resume, self._resume = self._resume, None
            self._streams.load_state_dict(self._at_batches)
            iterator = self._begin(items, self.batch)
            self._check_position(resume)
            self._restore(resume["now"])
            self._streams.load_state_dict(resume["streams"])
        for item in iterator:
            yield item
            self._position.use()
            self.batch += 1
            self.step += 1
            self._save_if(self.every is not None and self.step % self.every == 0)

    def _begin(self, items: Any, skip: int) -> Iterator[Any]:
        """An iterator over `items` from number `skip` on."""
        self._position = Position()
        if isinstance(items, Sequence):
            return (items[k] for k in range(skip, len(items)))
        if not is_loader(items):
            return dropped(iter(items), skip)
        reread = self.reread
        if reread is None:
            reread = items._is_stream or items.num_workers > 0
        drawn_in, seed = self._base_seed or (self.epoch, None)
        self._position = Position(0 if reread else skip, None if drawn_in == self.epoch else seed)
        iterator = items._epoch(self._position)
        if items.persistent_workers:
            self._base_seed = drawn_in, iterator.base_seed
        return dropped(iterator, skip, self._position) if reread else iterator

    def _check_position(self, resume: dict[str, Any]) -> None:
        """Whether the sampler has given the same indices again."""
        if self._position.check_sum != resume["check_sum"]:
            raise RuntimeError(
                f"{self.path} was saved after batch {self.batch} of epoch {self.epoch}, and the "
                "sampler gives other indices before it than it gave then. Does it draw them one by "
                "one from a generator that something else draws from, too? Then give it one of its "
                "own"
            )

    # -- saving ----------------------------------------------------------------------------------

    def save(self) -> None:
        """Save now. Only between two batches, or epochs, can a training go on from it.

        `epochs` and `batches` call it when it is time.

        Raises
        ------
        OSError
            The file cannot be written. The older one is what it was.
        TypeError
            A value, or a part's state, is nothing that a checkpoint may hold.
        """
        mine = {
            "streams": self._streams.state_dict(),
            "at_epoch": self._at_epoch,
            "at_batches": self._at_batches,
            "check_sum": self._position.check_sum,
            "base_seed": self._base_seed,
            "loader": described(self.loader),
        }
        ranks = _of_all_ranks(mine)
        if _rank() == 0:
            state = self._state()
            state["about"]["ranks"] = ranks
            self._write(state)
        self._saved_at = time.monotonic()

    def _state(self) -> dict[str, Any]:
        """All but the streams and the place in the epoch."""
        state: dict[str, Any] = {name: part.state_dict() for name, part in self._parts.items()}
        state.update(values=self.values, epoch=self.epoch, batch=self.batch, step=self.step)
        state["about"] = {
            "format": FORMAT,
            "kinds": {name: type(part).__name__ for name, part in self._parts.items()},
            "modules": {
                name: flags_of(part) for name, part in self._parts.items() if is_module(part)
            },
            "stepped": [name for name, part in self._parts.items() if has_stepped(part)],
        }
        return state

    def _write(self, state: dict[str, Any]) -> None:
        for name, entry in state.items():
            if name != "about":
                check_plain(name, entry)
        try:
            with files.replacing(self.path, as_a_whole=True) as file:
                save(state, file)
                self._rotate()
            files.sync_folder(os.path.dirname(self.path))
        except OSError as error:
            before = "the file before is what it was" if os.path.exists(self.path) else "no file"
            raise type(error)(
                error.errno,
                f"the checkpoint after step {self.step} could not be saved ({before}): "
                f"{error.strerror or error}",
                self.path,
            ) from error

    def _rotate(self) -> None:
        """Give the file that is about to be replaced its name among those before."""
        if self.keep == 1 or not os.path.exists(self.path):
            return
        latest = self._before(1)
        if os.path.exists(latest) and os.path.samefile(latest, self.path):
            return  # killed between this and the replacing
        for k in range(self.keep - 2, 0, -1):
            if os.path.exists(self._before(k)):
                os.replace(self._before(k), self._before(k + 1))
        with suppress(FileNotFoundError):
            os.unlink(latest)
        try:
            os.link(self.path, latest)
        except OSError:  # a file system without links
            with files.replacing(latest) as target, open(self.path, "rb") as source:
                shutil.copyfileobj(source, target)

    def _before(self, k: int) -> str:
        return f"{self.path}.{k}"

    def _save_if(self, due: bool) -> None:
        """Save, if that is `due`, or a signal came or the time has passed, in any process."""
        if self.seconds is not None and time.monotonic() - self._saved_at >= self.seconds:
            due = True
        came = self._signal
        if self.seconds is not None or self.on_signal:  # which the processes may see differently
            answers = _of_all_ranks((due, came))
            due = any(answer[0] for answer in answers)
            came = next((answer[1] for answer in answers if answer[1] is not None), None)
        if due or came is not None:
            self.save()
        if came is not None:
            self._hear(came)

    # -- signals ---------------------------------------------------------------------------------

    @contextmanager
    def _signals_noted(self) -> Iterator[None]:
        """While the loop runs, SIGTERM and SIGINT wait for the next step."""
        self._handlers: dict[int, Any] = {}
        if self.on_signal and threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._handlers[number] = signal.signal(number, self._note)
        try:
            yield
        finally:
            self._handlers_back()
            if self._signal is not None:  # the loop was left meanwhile
                self._hear(self._signal)

    def _note(self, number: int, frame: Any) -> None:
        if self._signal is not None:
            self._hear(number)
            return
        self._signal = number
        name = signal.Signals(number).name
        print(f"{name}: saving after this step; once more to end at once", file=sys.stderr)

    def _hear(self, number: int) -> None:
        """Let a signal do what it does without us."""
        self._handlers_back()
        self._signal = None
        signal.raise_signal(number)

    def _handlers_back(self) -> None:
        for number, handler in self._handlers.items():
            # (None: set by something that is no Python)
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._handlers = {}

    # -- going on --------------------------------------------------------------------------------

    def _open(self) -> None:
        """Read the file, check that it fits, and put everything into its state."""
        state = self._read()
        about = state["about"]
        differences = self._differences(state)
        if differences:
            raise RuntimeError(
                f"{self.path} is of another training:\n\t"
                + "\n\t".join(differences)
                + "\nNothing was loaded. To begin anew, take another path or delete the file."
            )
        state["values"] = {**self.values, **state["values"]}  # (a value may be new in the program)
        before = copy.deepcopy(self._state())
        mine = about["ranks"][_rank()]
        try:
            self._restore(state)
        except Exception as error:
            self._restore(before)
            raise RuntimeError(f"{self.path} cannot be loaded, and nothing was: {error}") from error
        self.epoch, self.batch, self.step = state["epoch"], state["batch"], state["step"]
        self._base_seed = mine["base_seed"]
        self._resume = mine

    def _read(self) -> dict[str, Any]:
        try:
            state = load(self.path)
        except (RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
            text = f"{self.path} is damaged, or no checkpoint: {error}"
            if os.path.exists(self._before(1)):
                text += f". The file before is {self._before(1)}"
            raise RuntimeError(text) from error
        about = state.get("about") if isinstance(state, dict) else None
        if not isinstance(about, dict) or not {"format", "ranks"} <= about.keys():
            raise RuntimeError(f"{self.path} is no file of TrainingCheckpoint")
        if about["format"] != FORMAT:
            raise RuntimeError(
                f"{self.path} has format {about['format']}; this version of minigrad reads {FORMAT}"
            )
        return state

    def _differences(self, state: dict[str, Any]) -> list[str]:
        """What does not fit, a line each."""
        about, lines = state["about"], []
        saved, here = state.keys() - set(RESERVED), self._parts.keys()
        lines += [f"{name}: only in the file" for name in sorted(saved - here)]
        lines += [f"{name}: not in the file" for name in sorted(here - saved)]
        for name, part in self._parts.items():
            if name not in saved:
                continue
            kind, now = about["kinds"][name], type(part).__name__
            if kind != now:
                lines.append(f"{name}: {kind} in the file, {now} here")
            if is_module(part):
                lines += module_differences(name, part, state[name])
            elif isinstance(part, Optimizer) and kind == now:
                lines += optimizer_differences(name, part, state[name])
        ranks, count = about["ranks"], _world_size()
        if len(ranks) != count:
            lines.append(f"{len(ranks)} processes in the file, {count} here")
            return lines
        mine = ranks[_rank()]
        generators = self._streams.generators.keys()
        lines += [f"{name}: a random generator only in the file"
                  for name in mine["streams"] if name not in generators]  # fmt: skip
        lines += [f"{name}: a random generator that is not in the file"
                  for name in generators if name not in mine["streams"]]  # fmt: skip
        if state["batch"]:  # between two epochs, another loader is as good
            then, present = mine["loader"], described(self.loader)
            lines += [f"loader: {key} is {then.get(key)} in the file, {present.get(key)} here"
                      for key in {**then, **present}
                      if then.get(key) != present.get(key)]  # fmt: skip
        return lines

    def _restore(self, state: dict[str, Any]) -> None:
        """Put parts and values into the state that `_state` gave."""
        about = state["about"]
        for wanted in (Module, Optimizer, object):  # schedules after their optimizers
            for name, part in self._parts.items():
                kind = next(k for k in (Module, Optimizer, object) if isinstance(part, k))
                if kind is wanted:
                    part.load_state_dict(copy.deepcopy(state[name]))
        for name, flags in about["modules"].items():
            set_flags(self._parts[name], flags)
        for name in about["stepped"]:
            self._parts[name]._opt_called = True
        put_back(self.values, state["values"])

    # -- checks ----------------------------------------------------------------------------------

    def _check_options(self) -> None:
        for name, value in (("every", self.every), ("keep", self.keep)):
            if value is None and name == "every":
                continue
            if isinstance(value, bool) or not isinstance(value, int):
                raise TypeError(f"{name} must be an int, got {type(value).__name__}")
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        if self.seconds is not None and not self.seconds >= 0:
            raise ValueError(f"seconds must be at least 0, got {self.seconds}")
        if not isinstance(self.values, dict):
            raise TypeError(f"values must be a dict, got {type(self.values).__name__}")

    def _check_owners(self) -> None:
        """Every parameter that is optimized belongs to a module that is saved."""
        modules = [part for part in self._parts.values() if is_module(part)]
        owned = {id(p) for module in modules for p in module.parameters()}
        for name, part in self._parts.items():
            if not isinstance(part, Optimizer):
                continue
            for group in part.param_groups:
                for p in group["params"]:
                    if id(p) not in owned:
                        raise ValueError(
                            f"{name} has a parameter of shape {tuple(p.shape)} that belongs to no "
                            "module given here, and so would not be saved: give its module as "
                            "model=, or put single tensors into an nn.ParameterList"
                        )

    def _generators(self, own: Any) -> Iterator[tuple[str, Any]]:
        yield from named(own)
        yield from generators_in("loader", self.loader)
        for name, part in self._parts.items():
            if is_module(part):
                for inner, module in part.named_modules():
                    yield from generators_in(f"{name}.{inner}" if inner else name, module)


# ------------------------------------------------------------------------------------------------
# Files and processes
# ------------------------------------------------------------------------------------------------


def _check_place(path: str) -> None:
    """Complain now of what could not be written after an hour."""
    folder = os.path.dirname(path)
    if os.path.isdir(path):
        raise IsADirectoryError(f"{path} is a folder; name a file in it")
    if os.path.exists(path) and not os.path.isfile(path):
        raise OSError(f"{path} is no regular file, which a checkpoint could replace")
    if not os.path.isdir(folder):
        raise RuntimeError(f"Parent directory {folder} does not exist.")
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"{folder} cannot be written to, so that no checkpoint can be saved")


def _group() -> Any:
    """`minigrad.distributed`, if this is one of several processes."""
    distributed = sys.modules.get("minigrad.distributed")
    return distributed if distributed is not None and distributed.is_initialized() else None


def _rank() -> int:
    group = _group()
    return 0 if group is None else int(group.get_rank())


def _world_size() -> int:
    group = _group()
    return 1 if group is None else int(group.get_world_size())


def _of_all_ranks(mine: Any) -> list[Any]:
    """What each of the processes has, in the order of their ranks."""
    everything = [mine]
    group = _group()
    if group is not None:
        everything *= group.get_world_size()
        group.all_gather_object(everything, mine)
    return everything
