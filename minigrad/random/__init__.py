"""Random numbers: the same seed gives the same numbers as PyTorch on a CPU.

What belongs here works on NumPy arrays and knows no tensors: the streams, and the default one. The
functions that draw tensors are in `minigrad.tensor.creation`.

**From one word to a float.** Everything starts with mt19937, an engine that gives an endless
row of *words*: whole numbers of 32 bits, each from 0 to 4294967295 and each as likely as any
other. After ``manual_seed(0)`` the first word is 2357136044. How does it become a float32
between 0 and 1? A float32 keeps only 24 significant bits, so the low 24 bits of the word are
taken, 2357136044 mod 2**24 = 8325804, and divided by 2**24 = 16777216. That gives 0.49626...,
the 0.4963 that every PyTorch tutorial with seed 0 begins with. There are 2**24 such numbers,
equally spaced, 0 among them and 1 not. A float64 keeps 53 bits, more than a word has; so two
words are put side by side, the low 53 bits taken and divided by 2**53.

**From a uniform number to any other.** Box and Muller's formula turns two uniform numbers into
two normal ones; the inverse of a distribution function turns one uniform number into one number
of that distribution. A draw that gives the same values as another library must also take the
same *number* of words, or else all later draws are off by some words; each method says how many
it takes.

Reading order: `engine` (seed, words, state), `uniform` (floats, integers, permutations),
`rejection` (what is proposed until it is accepted), `generator` (all other distributions). This
file has the default generator.
"""

from __future__ import annotations

from .engine import DEFAULT_SEED
from .generator import Generator

__all__ = ["DEFAULT_SEED", "Generator", "default_generator", "initial_seed", "manual_seed", "seed"]

default_generator = Generator()
"""The generator of every draw that names no other; starts from a seed of the operating system."""

default_generator.seed()


def manual_seed(seed: int) -> Generator:
    """Start the default generator from `seed` (made an int first), and return it.

    Raises
    ------
    ValueError
        `seed` does not fit in 64 bits.

    Examples
    --------
    >>> manual_seed(7).initial_seed()
    7
    """
    return default_generator.manual_seed(int(seed))


def initial_seed() -> int:
    """Return the seed the default generator was last started with."""
    return default_generator.initial_seed()


def seed() -> int:
    """Start the default generator from a seed of the operating system, and return it."""
    return default_generator.seed()
