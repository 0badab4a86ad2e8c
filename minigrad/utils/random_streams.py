"""All random streams of a program, read and put back: what `TrainingCheckpoint` keeps of chance.

There are minigrad's default generator, Python's `random`, and NumPy's old functions, such as
``numpy.random.rand``; and generators that belong to somebody: to a loader, a sampler, a data set,
a layer. Each has a name here, and its state is plain data, which any checkpoint may hold.
"""

from __future__ import annotations

import random as python
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from .. import random
from ..tensor import Tensor
from ..tensor.creation import from_numpy

__all__ = ["RandomStreams", "generators_in"]

INSIDE = ("sampler", "batch_sampler", "dataset", "datasets", "data_source")
"""The attributes of loaders, samplers and data sets in which generators are looked for, too."""


class RandomStreams:
    """Random streams by their names.

    Parameters
    ----------
    generators : dict of str to generator
        `minigrad.Generator`, `random.Random`, `numpy.random.Generator` or
        `numpy.random.RandomState`. One that is there twice is kept once.

    Examples
    --------
    >>> import minigrad as mg
    >>> streams = RandomStreams({"own": np.random.default_rng(0)})
    >>> before = streams.state_dict()
    >>> sorted(before)
    ['minigrad', 'numpy', 'own', 'python']
    >>> first = mg.rand(3)
    >>> streams.load_state_dict(before)
    >>> mg.equal(mg.rand(3), first)
    True
    """

    def __init__(self, generators: Mapping[str, Any] = {}) -> None:
        self.generators: dict[str, Any] = {
            "minigrad": random.default_generator,
            "python": python,
            "numpy": np.random,
        }
        for name, generator in generators.items():
            if not is_generator(generator):
                raise TypeError(
                    f"{name} must be a minigrad.Generator, a random.Random, a "
                    f"numpy.random.Generator or a RandomState, got {type(generator).__name__}"
                )
            if all(generator is not known for known in self.generators.values()):
                self.generators[name] = generator

    def state_dict(self) -> dict[str, Any]:
        """The states of all, as tensors, numbers, texts, lists and dicts."""
        return {name: _state(generator) for name, generator in self.generators.items()}

    def load_state_dict(self, states: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave.

        Raises
        ------
        RuntimeError
            There are others than then; none is changed.
        """
        if states.keys() != self.generators.keys():
            raise RuntimeError(
                f"the random generators differ: saved {', '.join(states)}; "
                f"here are {', '.join(self.generators)}"
            )
        for name, generator in self.generators.items():
            _put_back(generator, states[name])


def is_generator(thing: Any) -> bool:
    """Whether something is a random stream whose state can be read."""
    if isinstance(thing, python.SystemRandom):
        return False  # the operating system's, which has no state
    kinds = (random.Generator, python.Random, np.random.Generator, np.random.RandomState)
    return isinstance(thing, kinds)


def generators_in(name: str, thing: Any) -> Iterator[tuple[str, Any]]:
    """The generators that a loader, a sampler or a data set has as attributes, and their names."""
    waiting, seen = [(name, thing)], set()
    while waiting:
        name, thing = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, (list, tuple)):  # of data sets
            if len(thing) <= 100:  # and not of samples
                waiting += [(f"{name}.{k}", part) for k, part in enumerate(thing)]
            continue
        for attribute, value in sorted(getattr(thing, "__dict__", {}).items()):
            if is_generator(value):
                yield f"{name}.{attribute}", value
            elif attribute in INSIDE:
                waiting.append((f"{name}.{attribute}", value))


def named(generators: Any) -> Iterable[tuple[str, Any]]:
    """What a user gives as ``generators=``, one, several or a dict, with names."""
    if isinstance(generators, Mapping):
        return [(f"generators.{name}", one) for name, one in generators.items()]
    if is_generator(generators):
        generators = [generators]
    return [(f"generators.{k}", one) for k, one in enumerate(generators)]


def _state(generator: Any) -> Any:
    if isinstance(generator, random.Generator):
        return from_numpy(generator.state_bytes())
    if isinstance(generator, np.random.Generator):
        return _plain(generator.bit_generator.state)
    if hasattr(generator, "get_state"):  # numpy.random itself, and RandomState
        return _plain(generator.get_state(legacy=False))
    version, words, kept = generator.getstate()
    return {"version": version, "words": _bytes(np.array(words, np.uint32)), "kept": kept}


def _put_back(generator: Any, state: Any) -> None:
    if isinstance(generator, random.Generator):
        generator.load_state_bytes(state.numpy())
    elif isinstance(generator, np.random.Generator):
        generator.bit_generator.state = _like(generator.bit_generator.state, state)
    elif hasattr(generator, "get_state"):
        generator.set_state(_like(generator.get_state(legacy=False), state))
    else:
        words = tuple(state["words"].numpy().view(np.uint32).tolist())
        generator.setstate((state["version"], words, state["kept"]))


def _bytes(array: np.ndarray) -> Tensor:
    return from_numpy(np.ascontiguousarray(array).view(np.uint8))


def _plain(state: Any) -> Any:
    """NumPy's state, its arrays as tensors of bytes."""
    if isinstance(state, dict):
        return {key: _plain(value) for key, value in state.items()}
    if isinstance(state, np.ndarray):
        return _bytes(state.copy())
    return state.item() if isinstance(state, np.generic) else state


def _like(present: Any, state: Any) -> Any:
    """A state with arrays where the `present` one has arrays."""
    if isinstance(present, dict):
        return {key: _like(value, state[key]) for key, value in present.items()}
    return state.numpy().view(present.dtype) if isinstance(present, np.ndarray) else state
