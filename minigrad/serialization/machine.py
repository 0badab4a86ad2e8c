"""Reading a pickle safely: a small machine that builds data, and knows no other instruction.

A pickle is a program for a machine with a stack and a memo. Its instructions push numbers and text,
put together containers, and call functions that they find by name; in Python's own unpickler
any function at all, which is why loading a pickle from a stranger means running the stranger's
program. This machine has a table of the names it knows (`names`, `arrays`, and `PLAIN` below). What
stands there makes data out of data and checks what it is given, and everything else is refused
before anything happens. The instructions are those of pickle's protocol 2.
"""

from __future__ import annotations

import _compat_pickle  # the names of Python 2, which protocol 2 writes
import struct
import sys
from collections import Counter, OrderedDict
from collections.abc import Callable
from pickle import UnpicklingError, decode_long
from typing import Any

import numpy as np

from .. import moved
from . import allowed, arrays, names

# ------------------------------------------------------------------------------------------------
# Plain Python data
# ------------------------------------------------------------------------------------------------

_SIZED = (str, bytes, tuple, list, dict)
_LARGEST_KEY = 1000
_MOST_COLLISIONS = 100


class Keys:
    """Looks at the keys of dictionaries and the entries of sets before they are used.

    Hashing a tuple means hashing what is in it, without a limit: a few bytes of pickle can nest
    tuples so deep that the interpreter crashes, or so cleverly that it never comes back. And
    whoever knows how numbers are hashed can name a hundred thousand with the same hash, each of
    which is compared with all before it. (Texts are safe: their hashes differ from run to run. So
    are integers that are their own hash.) Honest keys collide about never.
    """

    def __init__(self) -> None:
        self.first: dict[int, Any] = {}  # by their hashes
        self.collisions = 0

    def check(self, key: Any) -> Any:
        """Return `key`, if it is safe to look it up in a dictionary.

        Raises
        ------
        UnpicklingError
            It is too large, or one too many with the same hash.
        """
        kind = type(key)
        if kind is str or (kind is int and -_LARGEST_HASH < key < _LARGEST_HASH):
            return key
        if isinstance(key, tuple):
            _check_size(key)
        if isinstance(key, _FORGEABLE):
            first = self.first.setdefault(hash(key), key)
            if first is not key and first != key:
                self.collisions += 1
                if self.collisions > _MOST_COLLISIONS:
                    raise UnpicklingError(
                        f"more than {_MOST_COLLISIONS} keys of dictionaries or sets with the hash "
                        "of another one, which look made to waste time"
                    )
        return key


_LARGEST_HASH = sys.hash_info.modulus
_FORGEABLE = (int, complex, np.complexfloating, tuple, frozenset)


def _check_size(key: tuple[Any, ...]) -> None:
    waiting: list[Any] = [key]
    for _ in range(_LARGEST_KEY):
        if not waiting:
            return
        part = waiting.pop()
        if isinstance(part, tuple):
            waiting.extend(part[:_LARGEST_KEY])
    raise UnpicklingError(f"a key of a dictionary or set with more than {_LARGEST_KEY} parts")


def make_dict(cls: Callable[..., Any], contents: Any) -> Any:
    """A dictionary of class `cls` from a dictionary or pairs."""
    pairs = contents.items() if isinstance(contents, dict) else contents
    result, keys = cls(), Keys()
    for key, value in pairs:
        result[keys.check(key)] = value
    return result


def make_set(cls: Callable[..., Any], contents: Any) -> Any:
    """A set of class `cls` from a list."""
    if type(contents) not in (list, tuple):
        raise UnpicklingError("a set of something that is no list")
    keys = Keys()
    return cls([keys.check(entry) for entry in contents])


def encode(text: Any, encoding: Any = "latin1") -> bytes:
    """Bytes, which protocol 2 writes as text."""
    if not isinstance(text, str) or encoding != "latin1":
        raise UnpicklingError("bytes in an encoding other than latin1")
    return text.encode("latin1")


def make_bytearray(contents: Any = b"", encoding: Any = "latin1") -> bytearray:
    """A bytearray from bytes, or from the text that protocol 2 writes."""
    if not isinstance(contents, bytes):
        contents = encode(contents, encoding)
    return bytearray(contents)


def make_complex(real: Any, imaginary: Any = 0.0) -> complex:
    """A complex number from its parts."""
    if type(real) is not float or type(imaginary) is not float:
        raise UnpicklingError("a complex number of something that is no float")
    return complex(real, imaginary)


PLAIN: dict[str, Callable[..., Any]] = {
    "collections.OrderedDict": lambda contents=(): make_dict(OrderedDict, contents),
    "collections.Counter": lambda contents=(): make_dict(Counter, contents),
    "builtins.set": lambda contents=(): make_set(set, contents),
    "builtins.frozenset": lambda contents=(): make_set(frozenset, contents),
    "builtins.bytearray": make_bytearray,
    "builtins.complex": make_complex,
    "builtins.bytes": lambda: b"",
    "_codecs.encode": encode,
}

FUNCTIONS = {**PLAIN, **names.FUNCTIONS, **arrays.FUNCTIONS}
VALUES = {**names.VALUES, **arrays.VALUES}
_FILLABLE = (dict, OrderedDict, Counter)


# ------------------------------------------------------------------------------------------------
# The machine
# ------------------------------------------------------------------------------------------------


class Machine:
    """Runs one pickle.

    Parameters
    ----------
    program : bytes
        The pickle.
    persistent_load : callable
        Called with a reference (a tuple) to what is stored outside of the pickle.
    """

    def __init__(self, program: bytes, persistent_load: Callable[[Any], Any]) -> None:
        self.program = program
        self.position = 0
        self.persistent_load = persistent_load
        self.copied = 0
        self.keys = Keys()
        self.memo: dict[int, Any] = {}
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []  # the stacks under each mark
        self.users = allowed.named()
        self.users_classes = {cls for cls in self.users.values() if isinstance(cls, type)}
        # By identity: a value that merely claims to be equal to a function is none.
        self.callable = {id(f) for table in (FUNCTIONS, self.users) for f in table.values()}

    def run(self) -> Any:
        """Run the program, and return what it has built.

        Raises
        ------
        UnpicklingError
            The program is damaged, or wants more than to build data.
        """
        try:
            while True:
                code = self.take(1)
                if code == b".":  # STOP
                    return self.stack.pop()
                instruction = INSTRUCTIONS.get(code)
                if instruction is None:
                    raise UnpicklingError(
                        f"Unsupported operand {code[0]}: only the instructions of pickle's "
                        "protocol 2 are read"
                    )
                instruction(self)
        except _DAMAGE as e:
            raise UnpicklingError(f"the pickle is damaged: {type(e).__name__}: {e}"[:500]) from e

    # -- the program -----------------------------------------------------------------------------

    def take(self, count: int) -> bytes:
        """The next bytes of the program."""
        end = self.position + count
        if end > len(self.program):
            raise UnpicklingError("pickle data was truncated")
        taken = self.program[self.position : end]
        self.position = end
        return taken

    def take_line(self) -> str:
        """The program up to the end of the line."""
        end = self.program.index(b"\n", self.position)
        line = self.program[self.position : end]
        self.position = end + 1
        return line.decode()

    def number(self, form: str) -> Any:
        """The next number, in a form of `struct`."""
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    # -- the stack -------------------------------------------------------------------------------

    def push(self, value: Any) -> None:
        """Put `value` on top."""
        self.stack.append(value)

    def push_mark(self) -> None:
        """Begin a new stack on top of this one."""
        self.below.append(self.stack)
        self.stack = []

    def pop_to_mark(self) -> list[Any]:
        """End the stack that began at the last mark, and return what is on it."""
        items = self.stack
        self.stack = self.below.pop()
        return items

    def pop(self) -> None:
        """Drop the topmost value, or the mark if there is none above it."""
        if self.stack:
            self.stack.pop()
        else:
            self.pop_to_mark()

    def drop_to_mark(self) -> None:
        """End the stack that began at the last mark."""
        self.pop_to_mark()

    def push_tuple(self, count: int) -> None:
        """Put the last values into a tuple."""
        if len(self.stack) < count:
            raise UnpicklingError("a tuple of more than there is")
        self.stack[-count:] = [tuple(self.stack[-count:])]

    # -- containers ------------------------------------------------------------------------------

    def append(self, items: list[Any]) -> None:
        """Append to the list on top."""
        target = self.stack[-1]
        if not (type(target) is list or (isinstance(target, list) and self.is_users(target))):
            raise UnpicklingError(f"append to a {type(target).__name__}, which is no list")
        target.extend(items)

    def set_items(self, items: list[Any]) -> None:
        """Put keys and values, in turns, into the dictionary on top."""
        target = self.stack[-1]
        if not (type(target) in _FILLABLE or (isinstance(target, dict) and self.is_users(target))):
            raise UnpicklingError(f"set items of a {type(target).__name__}, which is no dict")
        if len(items) % 2:
            raise UnpicklingError("a dictionary with a key that has no value")
        for key, value in zip(items[::2], items[1::2]):
            target[self.keys.check(key)] = value

    def is_users(self, value: Any) -> bool:
        """Whether the user has allowed the class of `value`."""
        return type(value) in self.users_classes

    # -- names and calls -------------------------------------------------------------------------

    def push_global(self) -> None:
        """Push the function, class or constant of a name, if it is in a table."""
        module, name = self.take_line(), self.take_line()
        if (module, name) in _compat_pickle.NAME_MAPPING:
            module, name = _compat_pickle.NAME_MAPPING[module, name]
        module = _compat_pickle.IMPORT_MAPPING.get(module, module)
        full = f"{module}.{name}"
        if module.partition(".")[0] in allowed.BLOCKED:
            raise UnpicklingError(
                f"Trying to load unsupported GLOBAL {full} whose module {module} is blocked."
            )
        present = moved.current_class(module, name)  # of what has moved since the file was written
        for table in (FUNCTIONS, VALUES, self.users):
            for known_as in (full, present):
                if known_as in table:
                    self.push(table[known_as])
                    return
        if names.is_pytorch(module):
            known = names.counterpart(module, name)
            if known is None:
                raise names.missing(module, name)
            if id(known) in self.callable:
                self.push(known)
                return
        raise UnpicklingError(
            f"Unsupported global: GLOBAL {full} was not an allowed global by default. If you trust "
            "this class or function, please use "
            f"`torch.serialization.add_safe_globals([{full}])` or the "
            f"`torch.serialization.safe_globals([{full}])` context manager to allowlist it. If you "
            "trust the whole file, load it with `weights_only=False`, which can run any code that "
            "is in it."
        )

    def call(self) -> None:
        """Call the function below the topmost value with that as its arguments."""
        arguments, function = self.stack.pop(), self.stack.pop()
        if id(function) not in self.callable or type(arguments) is not tuple:
            raise UnpicklingError(f"cannot call a {type(function).__name__}")
        self.account(arguments)
        self.push(function(*arguments))

    def account(self, arguments: tuple[Any, ...]) -> None:
        """Add up what is copied in calls; it has to stay in proportion to the program's length.

        A few bytes of program can name a long text that is there already, and have it copied.
        """
        self.copied += sum(len(a) for a in arguments if isinstance(a, _SIZED))
        if self.copied > 8 * len(self.program) + 1000:
            raise UnpicklingError("the same data are copied again and again")

    def new_object(self) -> None:
        """Make an object of a class that the user has allowed, without calling its ``__init__``."""
        arguments, cls = self.stack.pop(), self.stack.pop()
        if id(cls) not in self.callable or not isinstance(cls, type):
            raise UnpicklingError("cannot make objects of what is no class")
        self.push(cls.__new__(cls, *arguments))

    def build(self) -> None:
        """Give the object below the topmost value that as its state."""
        state, target = self.stack.pop(), self.stack[-1]
        if type(target) is OrderedDict:  # such as the _metadata of a state_dict
            # Names that all have must keep their meaning: this code calls state.items() too.
            if not all(type(k) is str and not hasattr(OrderedDict, k) for k in state):
                raise UnpicklingError("an OrderedDict with attributes that it must not have")
            target.__dict__.update(state)
        elif type(target) is np.ndarray:
            self.account(state)
            arrays.restore_array(target, state)
        elif isinstance(target, np.dtype):
            arrays.restore_dtype(target, state)
        elif not self.is_users(target):
            raise UnpicklingError(f"cannot set the state of a {type(target).__name__}")
        elif hasattr(target, "__setstate__"):
            target.__setstate__(state)
        else:
            attributes, slots = state if isinstance(state, tuple) else (state, None)
            if attributes:
                target.__dict__.update(attributes)
            for name, value in (slots or {}).items():
                setattr(target, name, value)

    def push_persistent(self) -> None:
        """Fetch what is stored outside of the pickle."""
        self.push(self.persistent_load(self.stack.pop()))


# What can go wrong inside an instruction when a program makes no sense.
_DAMAGE = (
    ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError,
    ValueError, struct.error,
)  # fmt: skip


def _check_protocol(machine: Machine) -> None:
    protocol = machine.number("<B")
    if protocol > 3:
        raise UnpicklingError(
            f"pickle protocol {protocol}, of which weights_only reads no more than 2: save again "
            "with pickle_protocol=2"
        )


INSTRUCTIONS: dict[bytes, Callable[[Machine], None]] = {
    b"\x80": _check_protocol,
    b"(": Machine.push_mark,
    b"0": Machine.pop,
    b"1": Machine.drop_to_mark,
    # constants
    b"N": lambda m: m.push(None),
    b"\x88": lambda m: m.push(True),
    b"\x89": lambda m: m.push(False),
    b"K": lambda m: m.push(m.number("<B")),
    b"M": lambda m: m.push(m.number("<H")),
    b"J": lambda m: m.push(m.number("<i")),
    b"\x8a": lambda m: m.push(decode_long(m.take(m.number("<B")))),
    b"\x8b": lambda m: m.push(decode_long(m.take(m.number("<I")))),
    b"G": lambda m: m.push(m.number(">d")),
    b"X": lambda m: m.push(m.take(m.number("<I")).decode("utf-8", "surrogatepass")),
    b"C": lambda m: m.push(m.take(m.number("<B"))),
    b"B": lambda m: m.push(m.take(m.number("<I"))),
    # containers
    b")": lambda m: m.push(()),
    b"]": lambda m: m.push([]),
    b"}": lambda m: m.push({}),
    b"\x85": lambda m: m.push_tuple(1),
    b"\x86": lambda m: m.push_tuple(2),
    b"\x87": lambda m: m.push_tuple(3),
    b"t": lambda m: m.push(tuple(m.pop_to_mark())),
    b"a": lambda m: m.append([m.stack.pop()]),
    b"e": lambda m: m.append(m.pop_to_mark()),
    b"s": lambda m: m.set_items([m.stack.pop(-2), m.stack.pop()]),
    b"u": lambda m: m.set_items(m.pop_to_mark()),
    # the memo, for what occurs more than once
    b"q": lambda m: m.memo.__setitem__(m.number("<B"), m.stack[-1]),
    b"r": lambda m: m.memo.__setitem__(m.number("<I"), m.stack[-1]),
    b"h": lambda m: m.push(m.memo[m.number("<B")]),
    b"j": lambda m: m.push(m.memo[m.number("<I")]),
    # names and calls
    b"c": Machine.push_global,
    b"R": Machine.call,
    b"\x81": Machine.new_object,
    b"b": Machine.build,
    b"Q": Machine.push_persistent,
}
