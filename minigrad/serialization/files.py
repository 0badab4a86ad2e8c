"""Files on disk: replacing one as a whole or not at all, and opening one to read.

`save` writes to a temporary file next to the target and renames it when everything is on the disk.
Whatever goes wrong before that, a full disk, an exception or a power cut, the old file is intact.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


def is_path(f: Any) -> bool:
    """Whether `f` names a file (instead of being one)."""
    return isinstance(f, (str, os.PathLike))


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file that takes the place of `path` when the block ends without an exception.

    A file that existed keeps its permissions, and a symbolic link stays one: what it points to is
    replaced. What is no regular file, such as ``/dev/null``, is written to directly.

    Raises
    ------
    RuntimeError
        The folder does not exist.
    OSError
        The file cannot be written.
    """
    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        raise RuntimeError(f"Parent directory {os.path.dirname(os.fspath(path))} does not exist.")
    exists = os.path.exists(target)
    if exists and not (os.path.isfile(target) and os.access(target, os.W_OK)):
        with open(target, "wb") as file:  # raises, with the right reason, if it is a folder
            yield file
        return
    temporary = os.path.join(folder, f".{os.urandom(8).hex()}.tmp")
    # The mode is cut by the user's umask, as that of any new file.
    descriptor = os.open(temporary, _CREATE, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if exists:
            os.chmod(temporary, stat.S_IMODE(os.stat(target).st_mode))
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


@contextmanager
def reading(f: Any) -> Iterator[BinaryIO]:
    """Open a path to read; an open file is handed through, and left open.

    Raises
    ------
    AttributeError
        `f` is neither a path nor a file that can be read from and moved about in.
    OSError
        The file cannot be opened.
    """
    if is_path(f):
        with open(f, "rb") as file:
            yield file
        return
    for method in ("read", "seek", "tell"):
        if not hasattr(f, method):
            raise AttributeError(
                f"'{type(f).__name__}' object has no attribute '{method}'. You can only load from "
                "a path, or from a file that is open for reading and seekable; read anything else "
                "into an io.BytesIO first, and load from that."
            )
    yield f
