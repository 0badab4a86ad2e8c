"""Importing minigrad needs nothing of POSIX: Windows has none of it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import minigrad

pytestmark = pytest.mark.once  # nothing is computed

PACKAGE = Path(minigrad.__file__).parent
MODULES = (
    "fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog", "posix", "readline",
)  # fmt: skip
ATTRIBUTES = {
    "os": (
        "fork", "forkpty", "register_at_fork", "sched_getaffinity", "sched_setaffinity", "getuid",
        "geteuid", "getgid", "getpgid", "getpgrp", "setsid", "killpg", "nice", "uname", "sysconf",
        "getloadavg", "mkfifo", "chown", "fchown", "fchmod", "lchown", "chroot", "statvfs", "pread",
        "pwrite", "wait", "wait3", "WNOHANG", "WIFEXITED", "O_NONBLOCK", "O_CLOEXEC",
        "O_DIRECTORY", "O_NOFOLLOW", "posix_fallocate", "posix_spawn", "memfd_create",
    ),
    "signal": (
        "SIGKILL", "SIGALRM", "SIGHUP", "SIGQUIT", "SIGCHLD", "SIGUSR1", "SIGUSR2", "SIGSTOP",
        "SIGPIPE", "alarm", "setitimer", "pthread_sigmask", "pthread_kill", "sigwait",
    ),
    "select": ("poll", "epoll"),
    "socket": ("AF_UNIX", "socketpair"),
    "time": ("clock_gettime", "CLOCK_MONOTONIC", "tzset"),
    "mmap": ("MAP_SHARED", "MAP_PRIVATE", "PROT_READ", "PROT_WRITE"),
}  # fmt: skip

# What others import may need POSIX here: that is loaded before it is taken away. Prints, for each
# module, how its import failed.
IMPORT = """
import contextlib, importlib, json, sys
names, before, modules, attributes = json.load(sys.stdin)
for name in before:
    with contextlib.suppress(ImportError):  # what is no file, such as cython_runtime
        importlib.import_module(name)
for name in modules:
    sys.modules[name] = None
for name, gone in attributes.items():
    module = importlib.import_module(name)
    for attribute in gone:
        vars(module).pop(attribute, None)
failed = {}
for name in names:
    try:
        importlib.import_module(name)
    except BaseException as error:
        failed[name] = f"{type(error).__name__}: {error}"
loaded = [name for name, module in sys.modules.items() if module is not None]
print(json.dumps([failed, loaded]))
"""


def imported(names, before=(), modules=(), attributes=None, folder=PACKAGE.parent):
    """How which of the modules failed, and all that is loaded then; in a process of its own."""
    result = subprocess.run(
        [sys.executable, "-c", IMPORT],
        input=json.dumps([names, before, modules, attributes or {}]),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def without_posix(names, package, folder=PACKAGE.parent):
    """How which of the modules fail without POSIX that do not fail with it."""
    before, loaded = imported(names, folder=folder)
    others = [name for name in loaded if name.partition(".")[0] not in (package, "__main__")]
    names = [name for name in names if name not in before]
    return imported(names, others, MODULES, ATTRIBUTES, folder)[0]


def modules_of_minigrad():
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        if "children" not in parts and parts[-1] != "__main__":
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_every_module_is_imported_without_posix():
    names = list(modules_of_minigrad())
    assert {"minigrad", "minigrad.serialization.files", "minigrad.runtime.threads"} <= set(names)
    assert without_posix(names, "minigrad") == {}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("import fcntl", "ModuleNotFoundError: import of fcntl halted; None in sys.modules"),
        ("import os; COUNT = len(os.sched_getaffinity(0))", "AttributeError"),
        ("from signal import SIGKILL", "ImportError"),
        ("from os import fork", "ImportError"),
    ],
)
def test_a_module_that_needs_posix_would_be_found(tmp_path, text, error):
    (tmp_path / "needs").mkdir()
    (tmp_path / "needs" / "__init__.py").write_text(text)
    (tmp_path / "fine.py").write_text("try:\n    import fcntl\nexcept ImportError:\n    pass\n")
    failed = without_posix(["needs", "fine"], "needs", tmp_path)
    assert list(failed) == ["needs"]
    assert failed["needs"].startswith(error)
