"""Files on disk: replacing one as a whole or not at all, and opening one to read.

`save` writes to a temporary file next to the target and renames it when everything is on the disk.
Whatever goes wrong before that, a full disk, an exception or a power cut, the old file is intact.
A process that is killed leaves its temporary file behind; the next `save` to the same target takes
it away. Whose writer lives is known by a lock, which the system opens when a process ends.
"""

from __future__ import annotations

import errno
import io
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

fcntl: Any
try:
    import fcntl
except ImportError:  # Windows, where an open file cannot be taken away in the first place
    fcntl = None

_BINARY = getattr(os, "O_BINARY", 0)
_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY
_LONGEST_STEM = 200  # bytes; with what is added, names of files may have 255

_CANNOT_REPLACE = (
    errno.EACCES, errno.EPERM, errno.EROFS,  # a folder that is not ours, around a file that is
    errno.EBUSY, errno.EXDEV,  # a file that is mounted by itself, as containers do
)  # fmt: skip


def is_path(f: Any) -> bool:
    """Whether `f` names a file (instead of being one)."""
    return isinstance(f, (str, os.PathLike))


def write_all(file: Any) -> Callable[[Any], None]:
    """``file.write``, but whole or an error.

    A raw stream (`io.RawIOBase`) may take a part of what it is given, and says how much; it is
    given the rest again. Any other stream that says so has lost something. What says nothing
    (None), as simple classes with a ``write`` do, is trusted.

    Raises
    ------
    OSError
        The stream did not take everything.
    """
    raw = isinstance(file, io.RawIOBase)

    def write(data: Any) -> None:
        rest = memoryview(data).cast("B")
        while rest.nbytes:
            written = file.write(rest)
            if written is None and raw:
                written = 0
            if not isinstance(written, int) or written >= rest.nbytes:
                return
            if not raw or not written:
                raise OSError(
                    f"the stream took {written} of {rest.nbytes} bytes, so that what was saved is "
                    "not complete"
                )
            rest = rest[written:]

    return write


@contextmanager
def replacing(path: str | os.PathLike[str], *, as_a_whole: bool = False) -> Iterator[BinaryIO]:
    """Open a file that takes the place of `path` when the block ends without an exception.

    A file that existed keeps its owner and permissions, and a symbolic link stays one: what it
    points to is replaced. What cannot be replaced is written to directly: what is no regular file,
    such as ``/dev/null``; a file in a folder where we may not create any; one that is mounted by
    itself, or belongs to somebody else.

    Parameters
    ----------
    path : str or path
    as_a_whole : bool
        Raise an error instead of writing directly. Default: False.

    Raises
    ------
    RuntimeError
        The folder does not exist.
    OSError
        The file cannot be written.
    """
    target = os.path.realpath(path)
    exists = os.path.exists(path)
    if exists and not (as_a_whole or (os.path.isfile(target) and os.access(target, os.W_OK))):
        with open(path, "wb") as special:  # raises, with the right reason, if it is a folder
            yield special
        return
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        raise RuntimeError(f"Parent directory {os.path.dirname(os.fspath(path))} does not exist.")
    remove_abandoned(target)
    temporary = f"{_stem(target)}.{os.urandom(8).hex()}.tmp"
    try:
        file: BinaryIO
        try:
            file, whole = _create(temporary), True
        except OSError as e:
            if as_a_whole or not exists or e.errno not in _CANNOT_REPLACE:
                raise OSError(e.errno, e.strerror, os.fspath(path)) from e
            file, whole = _emptied(target), False
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if whole:
                _put_in_place(file, temporary, target, exists, as_a_whole)
    finally:
        # It is still there after an exception, and where the contents were copied.
        with suppress(OSError):
            os.unlink(temporary)


def _emptied(target: str) -> BinaryIO:
    """A file that exists, without its contents. (Mode "wb" may create, which may be forbidden.)"""
    file = open(target, "r+b")  # noqa: SIM115 - the caller closes it
    file.truncate()
    return file


def _create(temporary: str) -> BinaryIO:
    """A new file under a lock."""
    while True:
        # The mode is cut by the user's umask, as that of any new file.
        descriptor = os.open(temporary, _CREATE, 0o666)
        _lock(descriptor, wait=True)
        if os.fstat(descriptor).st_nlink:
            return os.fdopen(descriptor, "w+b")
        os.close(descriptor)  # before we had the lock, it looked abandoned to somebody


def _put_in_place(
    file: BinaryIO, temporary: str, target: str, exists: bool, as_a_whole: bool
) -> None:
    """Give a temporary file, which is complete, the name of the target, or else its contents."""
    try:
        if exists:
            _imitate(temporary, os.stat(target))
        if fcntl is None:
            file.close()  # Windows renames no open file
        os.replace(temporary, target)
    except OSError as e:
        if as_a_whole or not exists or e.errno not in _CANNOT_REPLACE:
            raise
        import shutil  # seldom needed, and long to import

        # Over the old contents, cut afterwards: so a disk that is full does not lose them.
        with open(temporary, "rb") as source, open(target, "r+b") as copy:
            shutil.copyfileobj(source, copy, 2**20)
            copy.truncate()
            copy.flush()
            os.fsync(copy.fileno())


def sync_folder(folder: str) -> None:
    """Wait until the names in a folder are on the disk, too; where a system cannot, do nothing."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _imitate(temporary: str, old: os.stat_result) -> None:
    """Give a file the owner and the permissions of another one."""
    new = os.stat(temporary)
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        os.chown(temporary, old.st_uid, old.st_gid)
    os.chmod(temporary, stat.S_IMODE(old.st_mode))


# ------------------------------------------------------------------------------------------------
# Temporary files that nobody writes any more
# ------------------------------------------------------------------------------------------------


def _stem(target: str) -> str:
    """What the names of all temporary files of a target begin with; hidden from ``ls``."""
    folder, name = os.path.split(target)
    short = os.fsencode(name)[:_LONGEST_STEM].decode(errors="ignore")
    return os.path.join(folder, f".{short}")


def _lock(descriptor: int, wait: bool) -> bool:
    """Lock an open file as long as it is open here; False if somebody else has locked it."""
    if fcntl is not None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # locked, or on a file system that knows no locks
            return False
    return True


def remove_abandoned(target: str) -> None:
    """Take away the temporary files of `target` whose writers were killed.

    Parameters
    ----------
    target : str
        The path that they were to replace.
    """
    folder, stem = os.path.split(_stem(target))
    pattern = re.compile(re.escape(stem) + r"\.[0-9a-f]{16}\.tmp")
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if pattern.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                with suppress(OSError):
                    _remove_if_abandoned(entry.path)


def _remove_if_abandoned(temporary: str) -> None:
    if fcntl is None:
        os.unlink(temporary)  # fails while it is open
        return
    descriptor = os.open(temporary, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    try:
        if _lock(descriptor, wait=False):
            os.unlink(temporary)
    finally:
        os.close(descriptor)


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
