"""The container: an uncompressed zip archive with a pickle, the tensors' memory and a few labels.

    archive/data.pkl             the structure of what was saved
    archive/data/0, data/1, ...  the memory of the tensors, byte by byte
    archive/byteorder, version   how to read the above

Memory begins at multiples of 64 bytes, so that it can be mapped instead of read. Python's `zipfile`
knows the format; this file adds the padding when it writes, and the distrust when it reads. An
archive that compresses anything, or claims to hold more than the file does, is refused, so
that no more memory is ever asked for than the file is long.
"""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Callable, Iterable
from typing import Any, BinaryIO

import numpy as np

FOLDER = "archive"
ALIGNMENT = 64
_LOCAL_HEADER = struct.Struct("<4s22xHH")  # magic, lengths of the name and of the extra field
_MAGIC = b"PK\x03\x04"
_ZIP64_FROM = 2**30  # any limit below the 2 GiB from which zipfile itself insists on the long form
_PIECE = 2**20
_END = struct.Struct("<4s8xLLH")  # magic, size and place of the directory, length of a comment
_END_MAGIC = b"PK\x05\x06"
_LONG_SIZES = struct.Struct("<40xQQ")  # the same of a long archive, in a record in front of the end
_LONG_MAGIC = b"PK\x06\x06"
_LONG_END = 76
_MOST_ENDS = 10_000  # to look at, before the file is taken for one that was made to waste time
_LEGACY_MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."


class _Sink:
    """A file that can only be written to, and that counts from 0 wherever it begins.

    Attributes
    ----------
    given_up : bool
        Something went wrong: nothing more is written. What `zipfile` would add to finish its work
        is of no use, and its complaints would hide what went wrong.
    """

    def __init__(self, write: Callable[[Any], Any]) -> None:
        self._write = write
        self._position = 0
        self.given_up = False

    def write(self, data: Any) -> int:
        if not self.given_up:
            self._write(data)
        size = memoryview(data).nbytes
        self._position += size
        return size

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        """Nothing is held back."""


def write_archive(
    write: Callable[[Any], Any], pickled: bytes, storages: Iterable[np.ndarray]
) -> None:
    """Write an archive through `write`, piece by piece, from front to back.

    The same contents give the same bytes.

    Parameters
    ----------
    write : callable
        Called with each piece, a bytes-like object.
    pickled : bytes
        The structure.
    storages : iterable of numpy.ndarray
        One-dimensional and contiguous; in the order of their keys 0, 1, ...
    """
    import zipfile  # takes longer to import than all of this package

    sink: Any = _Sink(write)
    archive = zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED)
    checksum = 0

    def add(name: str, data: Any) -> None:
        nonlocal checksum
        view = memoryview(data).cast("B") if memoryview(data).nbytes else memoryview(b"")
        info = zipfile.ZipInfo(f"{FOLDER}/{name}")
        info.file_size = view.nbytes
        long = view.nbytes > _ZIP64_FROM
        start = sink.tell() + _LOCAL_HEADER.size + len(info.filename) + 4 + (20 if long else 0)
        padding = -start % ALIGNMENT
        info.extra = struct.pack("<2sH", b"FB", padding) + b"Z" * padding
        with archive.open(info, "w", force_zip64=long) as record:
            # In copies, a piece at a time: another thread may change the tensor meanwhile, and the
            # checksum has to be that of what is written.
            for begin in range(0, view.nbytes, _PIECE):
                record.write(bytes(view[begin : begin + _PIECE]))
        checksum = zlib.crc32(struct.pack("<I", info.CRC), checksum)

    try:
        add("data.pkl", pickled)
        add(".format_version", b"1")
        add(".storage_alignment", str(ALIGNMENT).encode())
        add("byteorder", sys.byteorder.encode())
        for key, storage in enumerate(storages):
            add(f"data/{key}", storage)
        add("version", b"3\n")
        add(".data/serialization_id", f"{checksum:040d}".encode())
        archive.close()
    except BaseException:
        sink.given_up = True
        archive.fp = None  # so that it counts as closed, in whatever state it is
        raise


class _Cut:
    """A file that ends earlier."""

    def __init__(self, file: BinaryIO, end: int) -> None:
        self._file = file
        self._end = end

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(self._end + offset if whence == 2 else offset)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        rest = max(self._end - self._file.tell(), 0)
        return self._file.read(rest if size < 0 else min(size, rest))


class Archive:
    """An archive that is open for reading.

    Parameters
    ----------
    file : file object
        Binary and seekable; the archive begins at its position, and others may follow it.

    Attributes
    ----------
    swapped : bool
        Whether the memory was written by a machine of the other byte order.
    end : int
        Where in the file the archive ends.

    Raises
    ------
    EOFError
        There is nothing to read.
    RuntimeError
        The file is no such archive, or is damaged.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._mapped: Any = None
        start = self._check_magic()
        self.end = file.seek(0, 2)
        entries = self._directory(start)
        self._folder = entries[0].filename.partition("/")[0] if entries else ""
        self._entries = {entry.filename: entry for entry in entries}
        if self._has("constants.pkl"):
            raise RuntimeError(
                "Cannot use ``weights_only=True`` with TorchScript archives passed to "
                "``torch.load``, nor read them in any other way: minigrad has no TorchScript. "
                "In PyTorch, save torch.jit.load(f).state_dict() instead."
            )
        for entry in entries:
            if entry.compress_type != 0 or entry.compress_size != entry.file_size:
                raise damaged(f"{entry.filename!r} is compressed, which no checkpoint is")
            if entry.flag_bits & 1:
                raise damaged(f"{entry.filename!r} is encrypted")
        if sum(entry.file_size for entry in entries) > self.end - start:
            raise damaged(f"it claims to hold more than the {self.end - start} bytes that it has")
        if not self._has("data.pkl"):
            raise damaged("it has no data.pkl: this is a zip archive, but no checkpoint")
        order = self.read("byteorder").tobytes() if self._has("byteorder") else b"little"
        if order not in (b"little", b"big"):
            raise damaged(f"its byte order is {order[:20]!r}, neither 'little' nor 'big'")
        self.swapped = order != sys.byteorder.encode()

    def _check_magic(self) -> int:
        """Where the archive begins, if that is what the file has there."""
        start = self._file.tell()
        head: Any = self._file.read(512)
        if not head:
            raise EOFError(
                "Ran out of input: the file is empty, or was already read to its end "
                "(f.seek(0) goes back to its beginning)"
            )
        if not isinstance(head, bytes):
            raise TypeError("the file must be open in binary mode: open(path, 'rb')")
        self._file.seek(start)
        if head.startswith(_LEGACY_MAGIC) or head[257:262] == b"ustar":
            raise RuntimeError(
                "this is a checkpoint in the legacy format (of PyTorch before 1.6, or of "
                "_use_new_zipfile_serialization=False), which minigrad does not read. "
                "PyTorch converts it: torch.save(torch.load(path), new_path)"
            )
        if not _MAGIC.startswith(head[:4]):
            raise RuntimeError(
                f"this is no checkpoint: the file begins with {head[:8]!r} instead of {_MAGIC!r}, "
                "as all files of torch.save and minigrad.save do"
            )
        return start

    def _directory(self, start: int) -> list[Any]:
        """The table of contents of the archive that begins at `start`, whose end is found."""
        import zipfile

        def entries_of(file: Any) -> tuple[list[Any], int]:
            archive = zipfile.ZipFile(file)
            return archive.infolist(), archive.start_dir

        try:
            # What zipfile finds is the last archive in the file: nearly always the only one.
            error: Exception | None = None
            try:
                entries, search_from = entries_of(self._file)
            except zipfile.BadZipFile as e:
                entries, search_from, error = [], start, e
            ours = min((entry.header_offset for entry in entries), default=-1) == start
            end = self._find_end(start, search_from if ours else start)
            if end is not None:
                self.end = end
                if not ours:
                    entries, _ = entries_of(_Cut(self._file, end))
            elif not ours:
                raise error or zipfile.BadZipFile("the archive does not end, but another follows")
        except (
            zipfile.BadZipFile, NotImplementedError, ValueError, OSError, OverflowError,
            struct.error,
        ) as e:  # fmt: skip
            raise damaged(f"failed finding central directory ({e})") from e
        return entries

    def _find_end(self, start: int, position: int) -> int | None:
        """Where an archive that begins at `start` ends: the first place from `position` that fits.

        The end says how large the directory before it is and where that begins, counted from the
        start of the archive. In that sum, the end of another archive does not come out.
        """
        overlap = len(_END_MAGIC) - 1
        tail = b""
        left = _MOST_ENDS
        self._file.seek(position)
        while chunk := self._file.read(_PIECE):
            window, begin = tail + chunk, position - len(tail)
            place = window.find(_END_MAGIC)
            while place >= 0 and left:
                left -= 1
                end = self._end_at(start, begin + place)
                if end is not None:
                    return end
                place = window.find(_END_MAGIC, place + 1)
            tail = window[-overlap:]
            position += len(chunk)
            self._file.seek(position)
        return None

    def _end_at(self, start: int, place: int) -> int | None:
        """The end of the archive from `start`, if its last record is at `place`."""
        self._file.seek(max(place - _LONG_END, start))
        before = self._file.read(place - max(place - _LONG_END, start))
        record = self._file.read(_END.size)
        if len(record) < _END.size:
            return None
        _, size, offset, comment = _END.unpack(record)
        long = before.startswith(_LONG_MAGIC) and len(before) == _LONG_END
        if long:
            size, offset = _LONG_SIZES.unpack_from(before)
        if start + offset + size + (_LONG_END if long else 0) != place:
            return None
        return place + _END.size + int(comment)

    def _has(self, name: str) -> bool:
        return f"{self._folder}/{name}" in self._entries

    def _locate(self, name: str) -> tuple[Any, int]:
        """The entry of a record, and where its contents begin in the file."""
        entry = self._entries.get(f"{self._folder}/{name}")
        if entry is None:
            raise damaged(f"it has no record {name[:40]!r}")
        offset = entry.header_offset
        if offset < 0:
            raise damaged(f"{name!r} begins before the file does")
        self._file.seek(offset)
        header = self._file.read(_LOCAL_HEADER.size)
        if len(header) < _LOCAL_HEADER.size or not header.startswith(_MAGIC):
            raise damaged(f"there is no record at the place of {name!r}")
        _, name_length, extra_length = _LOCAL_HEADER.unpack(header)
        start = offset + _LOCAL_HEADER.size + name_length + extra_length
        if start + entry.file_size > self.end:
            raise damaged(f"{name!r} goes on after the end of the file")
        return entry, start

    def size(self, name: str) -> int:
        """The number of bytes in a record.

        Raises
        ------
        RuntimeError
            There is no such record.
        """
        return int(self._locate(name)[0].file_size)

    def read(self, name: str) -> np.ndarray:
        """The contents of a record as new memory, of type uint8.

        Raises
        ------
        RuntimeError
            There is no such record, or its checksum is wrong.
        """
        entry, start = self._locate(name)
        contents = np.empty(entry.file_size, np.uint8)
        self._file.seek(start)
        read = 0
        while read < contents.size:
            chunk = self._file.read(min(contents.size - read, 2**24))
            if not chunk:
                raise damaged(f"{name!r} goes on after the end of the file")
            contents[read : read + len(chunk)] = np.frombuffer(chunk, np.uint8)
            read += len(chunk)
        # PyTorch writes a checksum of 0 if it was told not to compute any.
        if entry.CRC != 0 and zlib.crc32(contents.data) != entry.CRC:
            raise damaged(f"the checksum of {name!r} is wrong")
        return contents

    def map(self, name: str) -> np.ndarray:
        """The contents of a record, left in the file until used; changes are not written back."""
        import mmap

        entry, start = self._locate(name)
        if entry.file_size == 0:
            return np.empty(0, np.uint8)
        if self._mapped is None:  # once for all: each mapping keeps the file open
            self._mapped = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_COPY)
        contents = np.frombuffer(self._mapped, np.uint8, entry.file_size, start)
        return contents if start % ALIGNMENT == 0 else contents.copy()


def damaged(reason: str) -> RuntimeError:
    """The error for an archive that cannot be right."""
    return RuntimeError(
        f"failed reading zip archive: {reason}. The checkpoint is corrupted: it was not saved or "
        "copied completely, or was modified afterwards."
    )
