"""Stores: what processes leave each other messages in, by keys; MPI has no part in it.

A store is a dictionary of bytes whose readers can wait until a key is there. `HashStore` is one
between threads. Of a `TCPStore` one process has the dictionary, and a thread that serves each of
the others: it reads lines, each a call such as ``["add", "epoch", 1]`` in JSON (of bytes, the
letters of Latin-1), makes it on its HashStore, and answers in a line, ``[true, 1]``, or
``[false, "wait timeout ..."]``. Nothing that arrives is run as code. Whoever can reach the port
can read and write.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import socket
import socketserver
import threading
import time
from collections.abc import Sequence
from typing import Any

__all__ = [
    "DistError", "DistNetworkError", "DistStoreError", "HashStore", "PrefixStore", "Store",
    "TCPStore",
]  # fmt: skip

_FIVE_MINUTES = datetime.timedelta(seconds=300)


class DistError(RuntimeError):
    """What went wrong between processes."""


class DistStoreError(DistError):
    """A key did not come in time."""


class DistNetworkError(DistError):
    """The process that has the store could not be reached, or has ended."""


def _as_bytes(name: str, value: Any) -> bytes:
    if not isinstance(value, (str, bytes)):
        raise TypeError(f"{name} must be str or bytes, not {type(value).__name__}")
    return value.encode() if isinstance(value, str) else value


class Store:
    """What all stores can do. Keys are str, values are bytes; a str is stored in UTF-8."""

    def __init__(self, timeout: datetime.timedelta = _FIVE_MINUTES) -> None:
        self._timeout = timeout

    def _call(self, method: str, *arguments: Any) -> Any:
        """Make a call, one of `_Table`'s methods, where the keys are."""
        raise NotImplementedError(f"{type(self).__name__} does not say where its keys are")

    @property
    def timeout(self) -> datetime.timedelta:
        """How long `get` and `wait` wait."""
        return self._timeout

    def set_timeout(self, timeout: datetime.timedelta) -> None:
        """Wait that long from now on."""
        self._timeout = timeout

    def set(self, key: str, value: str | bytes) -> None:
        """Store a value."""
        self._call("set", key, _as_bytes("set(): value", value))

    def get(self, key: str) -> bytes:
        """The value, once it is there.

        Raises
        ------
        DistStoreError
            It did not come within `timeout`.
        """
        return bytes(self._call("get", key, self._timeout.total_seconds()))

    def add(self, key: str, amount: int) -> int:
        """Add to a number, which is 0 at first and stored in decimal digits, and return the sum.

        Raises
        ------
        TypeError
            `amount` is not an int.
        DistStoreError
            What is stored is not a number.
        """
        if not isinstance(amount, int):
            raise TypeError(f"add(): amount must be int, not {type(amount).__name__}")
        return int(self._call("add", key, amount))

    def append(self, key: str, value: str | bytes) -> None:
        """Store a value behind the one that is there."""
        self._call("append", key, _as_bytes("append(): value", value))

    def compare_set(
        self, key: str, expected_value: str | bytes, desired_value: str | bytes
    ) -> bytes:
        """Store a value if the one that is there (an empty one if there is none) is as expected.

        Returns
        -------
        bytes
            The value that is there now, or `expected_value` if there is none.
        """
        expected = _as_bytes("compare_set(): expected_value", expected_value)
        desired = _as_bytes("compare_set(): desired_value", desired_value)
        return bytes(self._call("compare_set", key, expected, desired))

    def check(self, keys: Sequence[str]) -> bool:
        """Whether all keys are there."""
        return bool(self._call("check", list(keys)))

    def wait(self, keys: Sequence[str], timeout: datetime.timedelta | None = None) -> None:
        """Return when all keys are there.

        Raises
        ------
        DistStoreError
            They did not come within `timeout`; None: that of the store.
        """
        seconds = (self._timeout if timeout is None else timeout).total_seconds()
        self._call("wait", list(keys), seconds)

    def delete_key(self, key: str) -> bool:
        """Remove a key; whether it was there."""
        return bool(self._call("delete_key", key))

    def num_keys(self) -> int:
        """The number of keys."""
        return int(self._call("num_keys"))

    def multi_set(self, keys: Sequence[str], values: Sequence[str | bytes]) -> None:
        """Store several values."""
        for key, value in zip(keys, values, strict=True):
            self.set(key, value)

    def multi_get(self, keys: Sequence[str]) -> list[bytes]:
        """The values of several keys, once they are there."""
        return [self.get(key) for key in keys]


class _Table:
    """The dictionary itself, for several threads."""

    def __init__(self) -> None:
        self._values: dict[str, bytes] = {}
        self._changed = threading.Condition()

    def set(self, key: str, value: bytes) -> None:
        with self._changed:
            self._values[key] = value
            self._changed.notify_all()

    def get(self, key: str, seconds: float) -> bytes:
        with self._changed:
            self.wait([key], seconds)
            return self._values[key]

    def add(self, key: str, amount: int) -> int:
        with self._changed:
            value = self._values.get(key, b"0")
            try:
                total = int(value) + amount
            except ValueError:
                raise DistStoreError(f"add(): {key!r} has {value!r}, which is no number") from None
            self.set(key, str(total).encode())
            return total

    def append(self, key: str, value: bytes) -> None:
        with self._changed:
            self.set(key, self._values.get(key, b"") + value)

    def compare_set(self, key: str, expected: bytes, desired: bytes) -> bytes:
        with self._changed:
            if self._values.get(key, b"") == expected and (key in self._values or not expected):
                self.set(key, desired)
            return self._values.get(key, expected)

    def check(self, keys: list[str]) -> bool:
        with self._changed:
            return all(key in self._values for key in keys)

    def wait(self, keys: list[str], seconds: float) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: self.check(keys), seconds):
                late = ", ".join(key for key in keys if key not in self._values)
                raise DistStoreError(f"wait timeout after {seconds * 1000:.0f}ms, keys: {late}")

    def delete_key(self, key: str) -> bool:
        with self._changed:
            return self._values.pop(key, None) is not None

    def num_keys(self) -> int:
        with self._changed:
            return len(self._values)


class HashStore(Store):
    """A store between the threads of one process.

    Examples
    --------
    >>> from minigrad.distributed import HashStore
    >>> store = HashStore()
    >>> store.set("best", "0.25")
    >>> store.get("best"), store.add("epoch", 1), store.add("epoch", 1), store.num_keys()
    (b'0.25', 1, 2, 2)
    """

    def __init__(self) -> None:
        super().__init__()
        self._table = _Table()

    def _call(self, method: str, *arguments: Any) -> Any:
        return getattr(self._table, method)(*arguments)


class PrefixStore(Store):
    """The part of another store whose keys begin with ``prefix/``.

    Parameters
    ----------
    prefix : str
    store : Store
    """

    def __init__(self, prefix: str, store: Store) -> None:
        super().__init__(store.timeout)
        self.prefix, self.underlying_store = prefix, store

    def _call(self, method: str, *arguments: Any) -> Any:
        if arguments:
            keys, *others = arguments
            inside = [f"{self.prefix}/{key}" for key in ([keys] if type(keys) is str else keys)]
            arguments = (inside[0] if type(keys) is str else inside, *others)
        return self.underlying_store._call(method, *arguments)


# ------------------------------------------------------------------------------------------------
# Between processes
# ------------------------------------------------------------------------------------------------

_CALLS = [name for name in vars(_Table) if not name.startswith("_")]


def _as_line(message: list[Any]) -> bytes:
    text = json.dumps(message, default=lambda value: {"bytes": value.decode("latin-1")})
    return text.encode() + b"\n"


def _from_line(line: bytes) -> list[Any]:
    message = json.loads(line, object_hook=lambda value: value["bytes"].encode("latin-1"))
    return list(message)


class _Server(socketserver.ThreadingTCPServer):
    """Makes the calls that arrive, with a thread for each client."""

    daemon_threads = True
    allow_reuse_address = True
    timeout = 0.2  # how often it looks whether it should end

    def __init__(self, port: int) -> None:
        super().__init__(("", port), _Conversation)
        self.table = _Table()
        self._owner = os.getpid()
        self._ends = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while not self._ends.is_set():
            self.handle_request()
        self.server_close()

    def end(self) -> None:
        """Give the port back. A process that was forked off has no part in it."""
        if self._owner == os.getpid():
            self._ends.set()
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)  # wakes the thread


class _Conversation(socketserver.StreamRequestHandler):
    """Answers one client, until it closes its end."""

    server: _Server

    def handle(self) -> None:
        try:
            for line in self.rfile:
                method, *arguments = _from_line(line)
                if method not in _CALLS:
                    return
                try:
                    answer = [True, getattr(self.server.table, method)(*arguments)]
                except DistStoreError as error:
                    answer = [False, str(error)]
                self.wfile.write(_as_line(answer))
        except (OSError, ValueError, TypeError):  # the client has gone, or it is none of ours
            return


class TCPStore(Store):
    """A store that one process has, and others reach over TCP.

    Parameters
    ----------
    host_name : str
        Where that process is.
    port : int
        Its port; with `is_master`, 0 takes one that is free.
    world_size : int, optional
        The number of processes with this store, for `wait_for_workers`.
    is_master : bool, default False
        Whether this is the process that has it. It serves the others in a thread, while it lives.
    timeout : datetime.timedelta, default 300 seconds
        How long a new store tries to reach the master, and how long `get` and `wait` wait.
    wait_for_workers : bool, default True
        Let the master wait until `world_size` processes, itself among them, have joined.
    multi_tenant, master_listen_fd, use_libuv : optional
        Without effect.

    Raises
    ------
    DistNetworkError
        The port is taken, or the master is not there within `timeout`.
    DistStoreError
        Others did not join within `timeout`.

    Examples
    --------
    >>> from minigrad.distributed import TCPStore
    >>> store = TCPStore("127.0.0.1", 0, is_master=True)
    >>> other = TCPStore("127.0.0.1", store.port)  # mostly in another process
    >>> other.set("loss", "0.25")
    >>> store.get("loss")
    b'0.25'
    """

    def __init__(
        self,
        host_name: str,
        port: int,
        world_size: int | None = None,
        is_master: bool = False,
        timeout: datetime.timedelta = _FIVE_MINUTES,
        wait_for_workers: bool = True,
        multi_tenant: bool = False,
        master_listen_fd: int | None = None,
        use_libuv: bool = True,
    ) -> None:
        if not (isinstance(port, int) and 0 <= port < 65536):
            raise TypeError(f"TCPStore(): port must be an int from 0 to 65535, not {port!r}")
        super().__init__(timeout)
        self.host, self.port = host_name, port
        self._server: _Server | None = None
        self._turn = threading.Lock()
        if is_master:
            self._serve()
        self._socket = self._connect()
        self._answers = self._socket.makefile("rb")
        if world_size is not None:
            joined = self.add("init/", 1)
            if is_master and wait_for_workers:
                self._wait_for_workers(joined, world_size)

    def _serve(self) -> None:
        try:
            self._server = _Server(self.port)
        except OSError as error:
            raise DistNetworkError(
                f"TCPStore(): port {self.port} cannot be listened on: {error}"
            ) from error
        self.port = self._server.server_address[1]

    def _connect(self) -> socket.socket:
        end = time.monotonic() + self._timeout.total_seconds()
        while True:
            left = max(end - time.monotonic(), 0.001)
            try:
                found = socket.create_connection((self.host, self.port), timeout=left)
            except OSError as error:
                if time.monotonic() >= end:
                    raise DistNetworkError(
                        f"TCPStore(): no master at {self.host}:{self.port} after "
                        f"{self._timeout}: {error}"
                    ) from error
                time.sleep(0.05)
            else:
                found.settimeout(None)
                found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return found

    def _wait_for_workers(self, joined: int, world_size: int) -> None:
        end = time.monotonic() + self._timeout.total_seconds()
        while joined < world_size:
            if time.monotonic() > end:
                raise DistStoreError(
                    f"Timed out after {self._timeout} waiting for clients. "
                    f"{joined}/{world_size} clients joined."
                )
            time.sleep(0.01)
            joined = self.add("init/", 0)

    def _call(self, method: str, *arguments: Any) -> Any:
        with self._turn:
            try:
                self._socket.sendall(_as_line([method, *arguments]))
                line = self._answers.readline()
            except OSError as error:
                raise DistNetworkError(f"{self.host}:{self.port}: {error}") from error
        if not line:
            raise DistNetworkError(f"{self.host}:{self.port} has closed the connection")
        is_well, answer = _from_line(line)
        if not is_well:
            raise DistStoreError(answer)
        return answer

    def __reduce__(self) -> Any:
        raise TypeError("cannot pickle 'TCPStore' object: make one in each process")

    def __del__(self) -> None:
        for name in ("_answers", "_socket"):
            if name in self.__dict__:
                self.__dict__[name].close()
        server = self.__dict__.get("_server")
        if server is not None:
            server.end()
