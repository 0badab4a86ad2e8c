"""Stores of messages: between threads, and between processes over TCP."""

from __future__ import annotations

import datetime
import os
import pickle
import socket
import subprocess
import sys
import threading

import pytest

import minigrad.distributed as dist

pytestmark = pytest.mark.once

SOON = datetime.timedelta(seconds=0.05)


def tcp_store():
    return dist.TCPStore("127.0.0.1", 0, is_master=True, timeout=datetime.timedelta(seconds=5))


STORES = {
    "hash": dist.HashStore,
    "tcp": tcp_store,
    "prefix": lambda: dist.PrefixStore("a", dist.PrefixStore("b", dist.HashStore())),
    "prefix-tcp": lambda: dist.PrefixStore("a", tcp_store()),
}


@pytest.fixture(params=STORES)
def store(request):
    return STORES[request.param]()


def test_values_are_bytes(store):
    """All answers here are those of PyTorch 2.13."""
    store.set("a", "1")
    store.set("b", b"x\xffy\n")
    assert (store.get("a"), store.get("b")) == (b"1", b"x\xffy\n")
    store.set("a", "ä")
    assert store.get("a") == "ä".encode()
    assert (store.add("n", 5), store.add("n", 2), store.get("n")) == (5, 7, b"7")
    assert store.num_keys() == 3
    assert (store.delete_key("a"), store.delete_key("a"), store.num_keys()) == (True, False, 2)
    assert (store.check(["b", "n"]), store.check(["b", "z"])) == (True, False)
    store.append("b", "++")
    store.append("c", "--")
    assert (store.get("b"), store.get("c")) == (b"x\xffy\n++", b"--")
    store.multi_set(["m1", "m2"], ["1", b"2"])
    assert store.multi_get(["m1", "m2"]) == [b"1", b"2"]


def test_a_value_is_set_if_it_is_as_expected(store):
    store.set("b", "xy")
    assert store.compare_set("b", "xy", "new") == b"new"
    assert store.compare_set("b", "no", "other") == b"new"
    assert store.compare_set("q", "", "v") == b"v"
    assert store.compare_set("r", "x", "v") == b"x"
    assert not store.check(["r"])


def test_what_does_not_come(store):
    store.set("here", "1")
    store.wait(["here"], SOON)
    with pytest.raises(dist.DistStoreError, match=r"wait timeout after 50ms, keys: .*late$"):
        store.wait(["here", "late"], SOON)
    store.set_timeout(SOON)
    assert store.timeout == SOON
    with pytest.raises(RuntimeError, match="timeout"):
        store.get("late")


def test_wrong_values(store):
    with pytest.raises(TypeError, match="value must be str or bytes, not int"):
        store.set("a", 1)
    with pytest.raises(TypeError, match="amount must be int, not str"):
        store.add("a", "1")
    store.set("word", "abc")
    with pytest.raises(dist.DistStoreError, match=r"word' has b'abc'"):
        store.add("word", 1)
    assert store.get("word") == b"abc"  # it is still there


def test_readers_wait_for_writers():
    store = tcp_store()
    other = dist.TCPStore("127.0.0.1", store.port)
    writer = threading.Timer(0.1, other.set, ("late", "1"))
    writer.start()
    assert store.get("late") == b"1"
    writer.join()


def test_processes_meet():
    """The master waits for the other, which adds its number and reads the master's."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    script = (
        "import sys, minigrad.distributed as dist\n"
        f"store = dist.TCPStore('127.0.0.1', {port}, 2)\n"
        "store.add('sum', 40)\n"
        "print(store.get('from master').decode())\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    store = dist.TCPStore("127.0.0.1", port, 2, is_master=True)
    store.add("sum", 2)
    store.set("from master", "hello")
    assert process.communicate(timeout=60)[0] == "hello\n"
    assert store.get("sum") == b"42"
    assert store.num_keys() == 3  # the number of processes is one


def test_ports():
    store = tcp_store()
    with pytest.raises(dist.DistNetworkError, match=rf"port {store.port} cannot be listened on"):
        dist.TCPStore("127.0.0.1", store.port, is_master=True)
    with pytest.raises(TypeError, match="port must be an int"):
        dist.TCPStore("127.0.0.1", -1)
    with pytest.raises(TypeError, match="cannot pickle"):
        pickle.dumps(store)
    port = store.port
    del store  # gives the port back
    with pytest.raises(dist.DistNetworkError, match=f"no master at 127.0.0.1:{port}"):
        dist.TCPStore("127.0.0.1", port, timeout=SOON)


def test_nobody_joins():
    with pytest.raises(dist.DistStoreError, match="1/2 clients joined"):
        dist.TCPStore("127.0.0.1", 0, 2, is_master=True, timeout=SOON)


@pytest.mark.parametrize("line", [b"not json\n", b'["__class__"]\n', b'["get"]\n', b"{}\n", b"1\n"])
def test_strangers_are_sent_away(line):
    store = tcp_store()
    with socket.create_connection(("127.0.0.1", store.port), timeout=5) as stranger:
        stranger.sendall(line)
        assert stranger.recv(10) == b""
    store.set("a", "1")
    assert store.get("a") == b"1"


def test_a_store_without_a_place():
    with pytest.raises(NotImplementedError, match="where its keys are"):
        dist.Store().num_keys()
