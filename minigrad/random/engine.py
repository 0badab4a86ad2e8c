"""The source of all randomness: mt19937, its seed, its state and the words it gives.

What belongs here is what concerns *words*: how a seed starts the engine, how 32-bit and 64-bit
words are taken from it, and how the whole state is written to and read from 5056 bytes in the
layout PyTorch uses, so that a state saved by one library goes on in the other. What the words
are turned into is said in `uniform` and `generator`.
"""

from __future__ import annotations

import copy
import operator
import os
import threading
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from typing_extensions import Self  # typing.Self from Python 3.11 on

DEFAULT_SEED = 67280421310721
"""The seed of a generator nobody has seeded, as in PyTorch."""

STATE_WORDS = 624
"""mt19937 keeps 624 words; after 624 draws it computes the next 624 of them at once."""

STATE_LAYOUT = np.dtype(
    {
        "names": [
            "seed",
            "left",  # words not yet used of the current 624, plus one
            "seeded",
            "next",  # place of the next word
            "words",  # each 32-bit word sits in 64 bits
            "cached_normal",
            "cached_normal_is_valid",
            "cached_float_normal",
            "cached_float_normal_is_valid",
        ],
        "formats": ["<u8", "<i4", "<i4", "<u8", ("<u8", STATE_WORDS), "<f8", "<i4", "<f4", "u1"],
        # Between "words" and "cached_normal", and after it, lie two doubles that are always zero.
        "offsets": [0, 8, 12, 16, 24, 5024, 5040, 5048, 5052],
        "itemsize": 5056,
    }
)
"""The bytes of ``torch.Generator().get_state()``, field by field."""


_engines: weakref.WeakSet[Engine] = weakref.WeakSet()


def _renew_locks() -> None:
    """In the child of a fork: a thread of the parent, which is not here, may have held a lock."""
    for engine in list(_engines):
        engine._lock = threading.RLock()
        if engine._made_twister is not None:  # NumPy's has a lock of its own
            twister = np.random.MT19937(0)
            twister.state = engine._made_twister.state
            engine._made_twister = twister


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)


class Engine:
    """mt19937 with PyTorch's seeding, PyTorch's saved state and a lock.

    Parameters
    ----------
    device : default ``"cpu"``
        Kept as the attribute `device`; the array level does not look at it.
    """

    _seed: int
    _cached_normal: float | None  # the second of a pair of normal values, kept for the next draw
    _cached_float_normal: float | None

    def __init__(self, device: Any = "cpu") -> None:
        self.device = device
        self._lock = threading.RLock()
        _engines.add(self)
        self._made_twister: Any = None
        self._start(DEFAULT_SEED)

    # ------------------------------------------------------------------ seeds

    def manual_seed(self, seed: int) -> Self:
        """Start the stream that belongs to `seed`, forget any kept normal value, return self.

        Only the low 32 bits of the seed choose the stream. A negative seed counts from 2**64
        downwards: -1 is 2**64 - 1.

        Parameters
        ----------
        seed : int
            From -2**63 to 2**64 - 1.

        Raises
        ------
        RuntimeError
            `seed` is not an integer.
        ValueError
            `seed` does not fit in 64 bits.

        Examples
        --------
        >>> Engine().manual_seed(-1).initial_seed() == 2**64 - 1
        True
        """
        try:
            if isinstance(seed, (bool, np.bool_)):
                raise TypeError
            number = operator.index(seed)
        except TypeError:
            kind = type(seed).__name__
            raise RuntimeError(f"manual_seed expected a long, but got {kind}") from None
        if not -(2**63) <= number < 2**64:
            raise ValueError(
                f"Overflow when unpacking long long: seed {number} is not in [-2**63, 2**64 - 1]"
            )
        self._start(number % 2**64)
        return self

    def initial_seed(self) -> int:
        """Return the seed this generator was last started with."""
        return self._seed

    def seed(self) -> int:
        """Start from a seed taken from the operating system, and return it."""
        seed = int.from_bytes(os.urandom(8), "little")
        self._start(seed)
        return seed

    def _start(self, seed: int) -> None:
        with self._lock:
            self._seed = seed
            if self._made_twister is not None:
                self._seed_twister()
            self._cached_normal = None
            self._cached_float_normal = None

    @property
    def _twister(self) -> Any:
        """NumPy's mt19937, made at the first draw: importing `numpy.random` takes its time."""
        if self._made_twister is None:
            with self._lock:
                self._made_twister = np.random.MT19937(0)
                self._seed_twister()
        return self._made_twister

    def _seed_twister(self) -> None:
        # A RandomState around the engine is NumPy's public way to Knuth's initialisation.
        np.random.RandomState(self._made_twister).seed(self._seed & 0xFFFFFFFF)

    # ------------------------------------------------------------------ words

    def words32(self, count: int) -> NDArray[np.uint64]:
        """Return the next `count` words of 32 bits, each in a uint64.

        Examples
        --------
        >>> Engine().manual_seed(0).words32(2)
        array([2357136044, 2546248239], dtype=uint64)
        """
        return self._twister.random_raw(count)

    def words64(self, count: int) -> NDArray[np.uint64]:
        """Return `count` words of 64 bits: of each two words the first is the high half."""
        halves = self._twister.random_raw(2 * count)
        words: NDArray[np.uint64] = halves[0::2] << np.uint64(32)
        words |= halves[1::2]
        return words

    # ------------------------------------------------------------------ state

    def state_bytes(self) -> NDArray[np.uint8]:
        """Return the whole state as 5056 bytes, those of PyTorch's ``Generator.get_state()``."""
        with self._lock:
            words = self._twister.state["state"]
            key, position = words["key"], int(words["pos"])
            record = np.zeros(1, STATE_LAYOUT)
            record["seed"] = self._seed
            record["seeded"] = 1
            record["left"] = STATE_WORDS + 1 - position
            # NumPy says "all used" of a fresh engine, PyTorch "at 0". The first word tells the
            # two apart: only right after seeding it is the seed itself.
            fresh = position == STATE_WORDS and int(key[0]) == self._seed & 0xFFFFFFFF
            record["next"] = 0 if fresh else position
            record["words"] = key
            if self._cached_normal is not None:
                record["cached_normal"] = self._cached_normal
                record["cached_normal_is_valid"] = 1
            if self._cached_float_normal is not None:
                record["cached_float_normal"] = self._cached_float_normal
                record["cached_float_normal_is_valid"] = 1
        return record.view(np.uint8)

    def load_state_bytes(self, state: NDArray[np.uint8]) -> None:
        """Go on from a state that `state_bytes` or PyTorch has saved.

        Parameters
        ----------
        state : ndarray of uint8, shape (5056,)

        Raises
        ------
        TypeError
            `state` is not an array of bytes.
        RuntimeError
            Its size is wrong, or it is no state of mt19937.
        """
        if not isinstance(state, np.ndarray) or state.dtype != np.uint8:
            kind = getattr(state, "dtype", type(state).__name__)
            raise TypeError(f"RNG state must be a torch.ByteTensor (uint8), but got {kind}")
        if state.size != STATE_LAYOUT.itemsize:
            raise RuntimeError(
                f"Expected a CPUGeneratorImplState of size {STATE_LAYOUT.itemsize} "
                f"but found the input RNG state size to be {state.size}"
            )
        record = np.frombuffer(state.tobytes(), STATE_LAYOUT)[0]
        left, place = int(record["left"]), int(record["next"])
        fresh = (left, place) == (1, 0)
        in_step = 1 <= left <= STATE_WORDS and place == STATE_WORDS + 1 - left
        if not record["seeded"] or not (fresh or in_step):
            raise RuntimeError(
                f"Invalid mt19937 state: seeded={record['seeded']}, left={left}, next={place}"
            )
        with self._lock:
            self._seed = int(record["seed"])
            self._twister.state = {
                "bit_generator": "MT19937",
                "state": {
                    "key": record["words"].astype(np.uint32),
                    "pos": STATE_WORDS + 1 - left,
                },
            }
            self._cached_normal = (
                float(record["cached_normal"]) if record["cached_normal_is_valid"] else None
            )
            # PyTorch's own CPU draws leave this one alone; it is carried so that nothing is lost.
            self._cached_float_normal = (
                float(record["cached_float_normal"])
                if record["cached_float_normal_is_valid"]
                else None
            )

    def clone_state(self) -> Self:
        """Return a second generator that gives from here on the same stream as this one."""
        return copy.deepcopy(self)

    def __getstate__(self) -> dict[str, Any]:
        attributes = self.__dict__.copy()
        del attributes["_lock"], attributes["_made_twister"]  # locks cannot be pickled
        attributes["_state_bytes"] = self.state_bytes()
        return attributes

    def __setstate__(self, attributes: dict[str, Any]) -> None:
        attributes = dict(attributes)
        state = attributes.pop("_state_bytes")
        self.__dict__.update(attributes)
        self._lock = threading.RLock()
        _engines.add(self)
        self._made_twister = None
        self.load_state_bytes(state)
