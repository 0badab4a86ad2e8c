"""`compile`: a function that is recorded in its first calls, and replayed in all others."""

from __future__ import annotations

import functools
import gc
import threading
import warnings
from collections.abc import Callable
from types import CodeType
from typing import Any, TypeVar, cast, overload

from .. import _kernels
from ..arrays import dtypes
from ..autograd.errors import stacklevel
from ..autograd.grad_mode import mode
from ..autograd.listening import is_listening, listen
from ..autograd.saving import hooks
from ..nn.hooks import Hookable
from ..nn.module import Module
from ..tensor import Tensor
from .guards import MISSING, Guards
from .lowered import detail_of, lowered
from .player import Tape, Tensors, form_of, replayed, same
from .recorder import Recorder, Refused, difference, know_gradient, plain, slots_of
from .watcher import Watcher

__all__ = ["OptimizedModule", "compile"]

F = TypeVar("F", bound=Callable[..., Any])

MOST_TAPES = 32  # of one function: with more, something in it changes all the time
MOST_TRIALS = 8  # begun for arguments of one form
MOST_RECORDINGS = 128

_recording = threading.Lock()
know_gradient(Tensor.grad.fget, Tensor.grad.fset)  # type: ignore[attr-defined]


class _Trial:
    """The recordings of a function so far, for arguments of one form."""

    def __init__(self) -> None:
        self.codes: dict[CodeType, dict[str, Any]] = {}
        self.guards: Guards | None = None
        self.first: Recorder | None = None


class Compiled:
    """A function with its tapes.

    Parameters
    ----------
    function : callable
        The function as it is written.
    name : str
        What warnings call it.
    fullgraph : bool
        Raise an error where the function cannot be replayed, instead of warning of it.
    """

    def __init__(self, function: Callable[..., Any], name: str, fullgraph: bool) -> None:
        self.function = function
        self.name = name
        self.fullgraph = fullgraph
        self.tapes: list[Tape] = []
        self.trials: dict[Any, list[_Trial]] = {}  # by form
        self.refused: set[Any] = set()  # forms
        self.recordings = 0
        self.given_up = False

    def run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call the function: replayed, recorded, or as it is written."""
        if is_listening() or self.given_up:
            return self.function(*args, **kwargs)
        result = replayed(self.tapes, args, kwargs)
        if result is not None:
            return result[0]
        if not _recording.acquire(blocking=False):
            return self.function(*args, **kwargs)
        try:
            return self.record(args, kwargs)
        finally:
            _recording.release()

    def record(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call the function as it is written, and listen."""
        tensors: list[Any] = []
        objects: list[Any] = []
        forms = (
            tuple([form_of(a, tensors, objects) for a in args]),
            tuple([(key, form_of(a, tensors, objects)) for key, a in kwargs.items()]),
        )
        pairs = tuple([a is b for k, a in enumerate(tensors) for b in tensors[:k]])
        key = _hashable(forms), pairs, mode.enabled
        if key in self.refused or mode.anomaly or hooks:
            return self.function(*args, **kwargs)
        begun = self.trials.setdefault(key, [])
        trial = next((t for t in begun if t.guards is None or not broken(t.guards)), None)
        if trial is None:
            trial = _Trial()
            begun.append(trial)
            del begun[:-MOST_TRIALS]
        self.recordings += 1
        containers = _containers(args, kwargs)
        recorder = Recorder(tensors, trial.guards)
        if trial.first is not None:  # the last one
            recorder.details, recorder.looks = [], detail_of
        entry_grads = _grads_of(trial.guards, tensors)
        watcher = Watcher(recorder)
        enabled, collects = mode.enabled, gc.isenabled()
        gc.disable()  # what others do while Python collects is none of the function's doing
        before = listen(recorder)
        try:
            with watcher:
                result = self.function(*args, **kwargs)
        finally:
            listen(before)
            if collects:
                gc.enable()
        if recorder.imports and self.recordings <= MOST_TRIALS:
            return result  # (a module is loaded once: the next call will tell)
        if recorder.imports:
            recorder.refuse("it imports modules")
        if mode.enabled != enabled:
            recorder.refuse("it leaves the recording of gradients switched on or off")
        if any([not _is_unchanged(own, parts) for own, parts in containers]):
            recorder.refuse("it changes a list or dictionary that it is given")
        why = recorder.refusal
        if not why:
            try:
                structure = recorder.structure_of(result)
                _check_new(result, [own for own, _ in containers], set())
                if not watcher.codes.keys() <= trial.codes.keys():
                    trial.guards = None  # there is more to know than was known
                why = self._compare(trial, recorder, watcher, objects)
                if trial.first is not None and trial.first is not recorder and not why:
                    self.tapes.append(
                        _tape(forms, tensors, recorder, structure, trial.guards, entry_grads)
                    )
                    begun.remove(trial)
                    if len(self.tapes) > MOST_TAPES:
                        del self.tapes[0]
            except Refused as refusal:
                why = str(refusal)
        if not why and self.recordings > MOST_RECORDINGS:
            why = "something that it depends on changes from call to call"
        if why:
            self._refuse(key, why)
        return result

    def _compare(
        self, trial: _Trial, recorder: Recorder, watcher: Watcher, objects: list[Any]
    ) -> str:
        """Learn from a recording what the next one needs; a reason to refuse, or ""."""
        if trial.guards is None:  # the first one tells what to look at
            trial.codes.update(watcher.codes)
            trial.guards = Guards()
            trial.guards.collect(trial.codes, [self.function, *objects])
            if Hookable._hooked:
                return "there are hooks for all modules"
            trial.guards.items += [
                (vars(_kernels), "level", _kernels.level),
                (vars(dtypes), "_default", vars(dtypes)["_default"]),
            ]
            trial.guards.classes.append((Hookable, "_hooked", False))
            trial.first = None
            return ""
        changed = broken(trial.guards)
        if changed:
            return f"it changes {changed}"
        if trial.first is None:
            trial.first = recorder
            return ""
        return difference(trial.first, recorder)

    def _refuse(self, key: Any, why: str) -> None:
        self.refused.add(key)
        self.trials.pop(key, None)
        self.given_up = not self.tapes or len(self.refused) > MOST_TAPES
        message = f"{self.name} is not replayed but runs as it is written: {why}"
        if self.fullgraph:
            raise RuntimeError(message)
        warnings.warn(message, stacklevel=stacklevel())


def broken(guards: Guards) -> str:
    """What of that which a function depends on is not as it was; "" if all is."""
    for table, key, value in guards.items:
        if not same(table.get(key, MISSING), value):
            return f"{key}, which it refers to"
    for container, size in guards.sizes:
        if (tuple(container) if type(size) is tuple else len(container)) != size:
            return f"a {type(container).__name__} that it refers to"
    for sequence, content in guards.sequences:
        if len(sequence) != len(content) or not all(map(same, sequence, content)):
            return "a list that it refers to"
    for cell, value in guards.cells:
        try:
            content = cell.cell_contents
        except ValueError:  # the name was deleted
            content = MISSING
        if not same(content, value):
            return "a name of the function around it"
    for kind, name, value in guards.classes:
        if not same(kind.__dict__.get(name, MISSING), value):
            return f"{kind.__name__}.{name}"
    for container, content in guards.sets:
        if container != content:
            return "a set that it refers to"
    return ""


def _hashable(form: Any) -> Any:
    if isinstance(form, Tensors):
        hung = tuple([(name, _hashable(value)) for name, value in form.hung])
        return form.kind, form.shape, form.dtype, form.requires_grad, hung
    if isinstance(form, tuple):
        return tuple([_hashable(f) for f in form])
    try:
        hash(form)
    except TypeError:
        return id(form)
    return form


def _containers(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[tuple[Any, Any]]:
    """The lists and dictionaries among arguments, and in these, each with what is in it now."""
    found: list[tuple[Any, Any]] = []
    waiting: list[Any] = [*args, *kwargs.values()]
    while waiting:
        value = waiting.pop()
        if type(value) is dict:
            found.append((value, list(value.items())))
            waiting += value.values()
        elif type(value) in (list, tuple):
            waiting += value
            if type(value) is list:
                found.append((value, list(value)))
    return found


def _is_unchanged(container: Any, parts: list[Any]) -> bool:
    if len(container) != len(parts):
        return False
    if type(container) is list:
        return all([a is b for a, b in zip(container, parts)])
    return all([k == key and v is value for (k, v), (key, value) in zip(container.items(), parts)])


def _check_new(result: Any, given: list[Any], seen: set[int]) -> None:
    """A replay makes lists and dictionaries anew: they must be of the function's own making."""
    if type(result) in (list, dict):
        if id(result) in seen or any([result is own for own in given]):
            raise Refused("it returns a list or dictionary twice, or one that it was given")
        seen.add(id(result))
    if type(result) in (list, tuple, dict):
        for part in result.values() if type(result) is dict else result:
            _check_new(part, given, seen)


def _grads_of(guards: Guards | None, arguments: list[Any]) -> dict[int, bool]:
    """Of tensors, by id, whether they have no gradient now."""
    known = [] if guards is None else guards.known.values()
    return {id(t): t._grad is None for t in (*known, *arguments) if isinstance(t, Tensor)}


def _tape(
    forms: Any, arguments: list[Any], recorder: Recorder, structure: Any, guards: Any,
    entry_grads: dict[int, bool],
) -> Tape:  # fmt: skip
    """A recording in the form that the player wants."""
    pairs = [(k, j, arguments[k] is arguments[j]) for k in range(len(arguments)) for j in range(k)]
    pinned = [(k, t) for k, t in enumerate(arguments) if id(t) in guards.known]
    tensors = [
        (t, (t.array.shape, t.array.strides), t.array.dtype, t.requires_grad)
        for t in guards.known.values()
        if isinstance(t, Tensor)
    ]
    grads = []
    places = {id(t): k for k, t in enumerate(arguments)}
    for tensor, _ in recorder.grads:
        if id(tensor) in places and id(tensor) not in guards.known:
            raise Refused("it reads the gradient of an argument")
        if id(tensor) in entry_grads:
            grads.append((tensor, entry_grads[id(tensor)]))
    on_arrays = lowered(recorder, structure, len(arguments))
    last: dict[int, int] = {}
    for n, instruction in enumerate(recorder.code):
        for part in (*instruction.args, *(instruction.kwargs or {}).values(), instruction.out):
            for slot in slots_of(part):
                last[slot] = n
    kept = {*slots_of(structure), *range(len(arguments)), *recorder.captured}
    kept |= {k for k, v in enumerate(recorder.values) if v is not None}
    code = []
    for n, (call, args, kwargs, out, enabled) in enumerate(recorder.code):
        flat = all([type(a) is int for a in args])
        done = tuple([s for s, k in last.items() if k == n and s not in kept])
        code.append((
            call, args if flat else None, None if flat else tuple([plain(a) for a in args]),
            None if kwargs is None else tuple([(n, plain(a)) for n, a in kwargs.items()]),
            out, enabled, done,
        ))  # fmt: skip
    return Tape(
        forms,
        pairs,
        pinned,
        guards,
        tensors,
        grads,
        recorder.values,
        code,
        plain(structure),
        on_arrays,
    )


# ------------------------------------------------------------------------------------------------
# For users
# ------------------------------------------------------------------------------------------------


class OptimizedModule(Module):
    """A module whose calls are replayed; the module itself is its child ``_orig_mod``."""

    def __init__(self, module: Module, fullgraph: bool = False) -> None:
        super().__init__()
        self._orig_mod = module
        self._fullgraph = fullgraph
        self._start()

    def _start(self) -> None:
        module = self._orig_mod
        self._compiled = Compiled(module.__call__, type(module).__name__, self._fullgraph)

    def __getstate__(self) -> dict[str, Any]:
        """All but the recordings, which a copy makes for itself."""
        return {name: value for name, value in vars(self).items() if name != "_compiled"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._start()

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module gives."""
        return self._compiled.run(args, kwargs)

    def __setattr__(self, name: str, value: Any) -> None:
        module = self.__dict__.get("_modules", {}).get("_orig_mod")
        own = name in self.__dict__ or hasattr(type(self), name)
        if module is None or own or name in ("_compiled", "_orig_mod"):
            super().__setattr__(name, value)
        else:
            setattr(module, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._orig_mod, name)

    def __getattr__(self, name: str) -> Any:
        module = self.__dict__.get("_modules", {}).get("_orig_mod")
        if module is None or name.startswith("__"):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return module if name == "_orig_mod" else getattr(module, name)


@overload
def compile(
    model: F, *, fullgraph: bool = ..., dynamic: bool | None = ..., backend: Any = ...,
    mode: str | None = ..., options: dict[str, Any] | None = ..., disable: bool = ...,
) -> F: ...  # fmt: skip


@overload
def compile(
    model: None = None, *, fullgraph: bool = ..., dynamic: bool | None = ..., backend: Any = ...,
    mode: str | None = ..., options: dict[str, Any] | None = ..., disable: bool = ...,
) -> Callable[[F], F]: ...  # fmt: skip


def compile(
    model: Any = None, *, fullgraph: bool = False, dynamic: bool | None = None,
    backend: Any = "inductor", mode: str | None = None, options: dict[str, Any] | None = None,
    disable: bool = False,
) -> Any:  # fmt: skip
    """A function or module that does the same faster: recorded once, then replayed.

    The first three calls run as they are written, while the operations on tensors are written down
    that they ask for. If the recordings agree, later calls ask for the same operations without any
    of the Python around them: the same numbers, to the last bit, in less time. A function may be a
    whole training step, with ``backward()`` and the ``step()`` and ``zero_grad()`` of an optimizer
    in it: learning rates and all else that an optimizer knows are looked up each time.

    Replayed is what has the same shapes and types of arguments, the same mode, and the same
    surroundings: global names, attributes of modules and other objects that the code refers to.
    Otherwise it is recorded anew. Loops are unrolled; random numbers are drawn anew each time.

    A function that does more than operations on tensors is not replayed: one that takes numbers
    out of tensors (``item()``, ``if loss > 1:``), prints, sets attributes, or changes a list
    outside. It runs as it is written, and a warning says once why, and which line it is.

    Parameters
    ----------
    model : callable or Module, optional
        What to replay; None: `compile` is used as a decorator with options.
    fullgraph : bool
        Raise an error instead of the warning. Default: False.
    dynamic, backend, mode, options
        Accepted, and without a meaning here.
    disable : bool
        Return `model` itself. Default: False.

    Returns
    -------
    callable or Module
        Of a Module a Module, whose child ``_orig_mod`` is `model`.

    Raises
    ------
    RuntimeError
        When called: see `fullgraph`. The call has been made by then.

    Examples
    --------
    >>> import minigrad as mg
    >>> w = mg.tensor([1.0, 2.0], requires_grad=True)
    >>> sgd = mg.optim.SGD([w], lr=0.25)
    >>> @mg.compile
    ... def step(x):
    ...     loss = (w * x).sum()
    ...     sgd.zero_grad()
    ...     loss.backward()
    ...     sgd.step()
    ...     return loss
    >>> [step(mg.ones(2)).item() for _ in range(5)]  # the last two are replayed
    [3.0, 2.5, 2.0, 1.5, 1.0]
    """
    if model is None:
        return lambda model: compile(model, fullgraph=fullgraph, disable=disable)
    if not callable(model):
        raise RuntimeError(f"compile: expected a function or a Module, got {type(model).__name__}")
    if disable:
        return model
    if isinstance(model, Module):
        return OptimizedModule(model, fullgraph)
    recorded = Compiled(model, getattr(model, "__name__", type(model).__name__), fullgraph)

    @functools.wraps(model)
    def compiled(*args: Any, **kwargs: Any) -> Any:
        return recorded.run(args, kwargs)

    compiled._compiled = recorded  # type: ignore[attr-defined]
    return cast(Any, compiled)
