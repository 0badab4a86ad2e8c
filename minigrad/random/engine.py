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


FAR = 397
"""Each word is renewed with the one after it, and the one so far after it."""

UPPER_BIT, LOWER_BITS, TWIST = 0x80000000, 0x7FFFFFFF, 0x9908B0DF

NEXT = STATE_WORDS
"""Behind the words, the array of the state has the place of the next one (624: all are used)."""

IS_KEPT, KEPT = NEXT + 1, NEXT + 2
"""Then, whether the second of a pair of normal numbers is kept, and that float64, as two words."""

SEED_ONLY = STATE_WORDS + 1
"""What stands there while the words have not been made, and the first of them is the seed."""


def make_words(state: NDArray[np.uint32]) -> None:
    """Make the 624 words from the seed, which is the first of them, as Knuth did."""
    words = [int(state[0])]
    for k in range(1, STATE_WORDS):
        words.append((1812433253 * (words[-1] ^ words[-1] >> 30) + k) & 0xFFFFFFFF)
    state[:NEXT] = words
    state[NEXT] = STATE_WORDS


def twist(words: NDArray[np.uint32]) -> None:
    """Renew the 624 words in place.

    The first bit of each, and all but the first of the one after it, are mixed with the word 397
    places after it. After the last word come the first ones, which are new by then: so it is done
    in parts that have nothing new in them.
    """
    new = STATE_WORDS - FAR
    mixed = words[:-1] & UPPER_BIT | words[1:] & LOWER_BITS
    mixed = mixed >> 1 ^ (mixed & 1) * TWIST
    words[:new] = words[FAR:] ^ mixed[:new]
    words[new : 2 * new] = words[:new] ^ mixed[new : 2 * new]
    words[2 * new : -1] = words[new : FAR - 1] ^ mixed[2 * new :]
    last = words[-1] & UPPER_BIT | words[0] & LOWER_BITS
    words[-1] = words[FAR - 1] ^ last >> 1 ^ (last & 1) * TWIST


def temper(words: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return what is given out of words of the state."""
    tempered: NDArray[np.uint32] = words.copy()
    tempered ^= tempered >> 11
    tempered ^= tempered << 7 & 0x9D2C5680
    tempered ^= tempered << 15 & 0xEFC60000
    tempered ^= tempered >> 18
    return tempered


_engines: weakref.WeakSet[Engine] = weakref.WeakSet()


def _renew_locks() -> None:
    """In the child of a fork: a thread of the parent, which is not here, may have held a lock."""
    for engine in list(_engines):
        engine._lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)


class Engine:
    """mt19937 with PyTorch's seeding, PyTorch's saved state and a lock.

    The lock is for draws of several steps in Python; those of a kernel are one step, which no other
    thread interrupts.

    Parameters
    ----------
    device : default ``"cpu"``
        Kept as the attribute `device`; the array level does not look at it.
    """

    _seed: int
    _cached_float_normal: float | None

    def __init__(self, device: Any = "cpu") -> None:
        self.device = device
        self._lock = threading.RLock()
        _engines.add(self)
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
        state = np.zeros(KEPT + 2, np.uint32)
        state[0], state[NEXT] = seed & 0xFFFFFFFF, SEED_ONLY
        with self._lock:
            self._seed = seed
            self._state = state
            self._cached_float_normal = None

    @property
    def _cached_normal(self) -> float | None:
        """The second of a pair of normal values, kept for the next draw."""
        return float(self._state[KEPT:].view(np.float64)[0]) if self._state[IS_KEPT] else None

    @_cached_normal.setter
    def _cached_normal(self, value: float | None) -> None:
        self._state[IS_KEPT] = value is not None
        self._state[KEPT:].view(np.float64)[0] = 0.0 if value is None else value

    # ------------------------------------------------------------------ words

    def words32(self, count: int) -> NDArray[np.uint64]:
        """Return the next `count` words of 32 bits, each in a uint64.

        Examples
        --------
        >>> Engine().manual_seed(0).words32(2)
        array([2357136044, 2546248239], dtype=uint64)
        """
        words = np.empty(count, np.uint64)
        state = self._state
        with self._lock:
            if state[NEXT] == SEED_ONLY:
                make_words(state)
            done = 0
            while done < count:
                if state[NEXT] == STATE_WORDS:
                    twist(state[:NEXT])
                    state[NEXT] = 0
                part = state[state[NEXT] : NEXT][: count - done]
                words[done : done + part.size] = temper(part)
                state[NEXT] += part.size
                done += part.size
        return words

    def words64(self, count: int) -> NDArray[np.uint64]:
        """Return `count` words of 64 bits: of each two words the first is the high half."""
        halves = self.words32(2 * count)
        words: NDArray[np.uint64] = halves[0::2] << np.uint64(32)
        words |= halves[1::2]
        return words

    # ------------------------------------------------------------------ state

    def state_bytes(self) -> NDArray[np.uint8]:
        """Return the whole state as 5056 bytes, those of PyTorch's ``Generator.get_state()``."""
        with self._lock:
            if self._state[NEXT] == SEED_ONLY:
                make_words(self._state)
            key, position = self._state[:NEXT], int(self._state[NEXT])
            record = np.zeros(1, STATE_LAYOUT)
            record["seed"] = self._seed
            record["seeded"] = 1
            record["left"] = STATE_WORDS + 1 - position
            # Of a fresh engine, whose words are all "used", PyTorch says "at 0". The first word
            # tells: only right after seeding it is the seed itself.
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
        words = np.zeros(KEPT + 2, np.uint32)
        words[:NEXT] = record["words"].astype(np.uint32)
        words[NEXT] = STATE_WORDS + 1 - left
        with self._lock:
            self._seed = int(record["seed"])
            self._state = words
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
        del attributes["_lock"], attributes["_state"]  # locks cannot be pickled
        attributes["_state_bytes"] = self.state_bytes()
        return attributes

    def __setstate__(self, attributes: dict[str, Any]) -> None:
        attributes = dict(attributes)
        state = attributes.pop("_state_bytes")
        self.__dict__.update(attributes)
        self._lock = threading.RLock()
        _engines.add(self)
        self.load_state_bytes(state)
