"""What exists only for old or foreign scripts. The core does not know this package.

`minigrad.LongTensor` and the like are found here: `minigrad` looks a name up in this package only
when it has none of its own.
"""

from .legacy import (
    BoolTensor,
    ByteTensor,
    CharTensor,
    DoubleTensor,
    FloatTensor,
    IntTensor,
    LongTensor,
    ShortTensor,
)

__all__ = [
    "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "IntTensor",
    "LongTensor",
    "ShortTensor",
]  # fmt: skip
