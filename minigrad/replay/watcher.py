"""`Watcher`: looks at what a function does besides asking for operations on tensors.

It hangs on Python's profile hook while a call is recorded, so it is told of every function that is
entered. Functions of minigrad's either ask for operations, which the recorder hears, or are known
to be harmless (the shape of a tensor), or refuse the recording (a number taken out of a tensor). Of
everybody else's, the code is looked at once, for what would change something outside.
"""

from __future__ import annotations

import dis
import functools
import sys
from types import CodeType, ModuleType
from typing import Any

import numpy as np

from ..autograd.listening import is_listening
from ..autograd.tensor_base import TensorBase
from .recorder import Recorder

# Functions of `minigrad.tensor` that tell nothing of values, or whose operations are heard.
HARMLESS = frozenset([
    "<lambda>", "shape", "dtype", "ndim", "device", "T", "mT", "size", "dim", "numel",
    "element_size", "is_floating_point", "is_complex", "is_signed", "get_device", "requires_grad",
    "grad", "data", "__len__", "__iter__", "__reversed__", "where", "reshape_as", "backward",
    "detach", "to", "method", "type_as", "cpu", "is_contiguous", "stride", "of_shape", "like",
    "_made", "as_tensor", "from_array", "tensor", "full", "full_like", "eye", "arange", "linspace",
    "logspace", "randint", "randperm", "normal", "new_tensor", "new_zeros", "new_ones", "new_full",
    "is_tensor", "check_gradient", "broadcast_tensors", "broadcast_shapes", "__new__", "__hash__",
    "<listcomp>", "<genexpr>", "result_type", "promote_types", "can_cast", "finfo", "iinfo",
])  # fmt: skip
# Rooms of minigrad that a function may not enter while it is recorded, but by what is heard.
CLOSED = ("random", "utils", "serialization", "testing", "optim", "runtime", "plans")
# ("reference" is a name around the step of an optimizer that has a scheduler.)
ENTRANCES = frozenset(["hooked", "stepped", "zero_grad", "__hash__"])
HEARD_UTILS = frozenset([
    "clip_grad_norm_", "clip_grad_value_", "_as_list", "<listcomp>", "pack_padded_sequence",
    "pad_packed_sequence",
])  # fmt: skip
BUILTINS = frozenset([
    "abs", "all", "any", "callable", "chr", "divmod", "getattr", "hasattr", "isinstance",
    "issubclass", "iter", "len", "max", "min", "next", "ord", "pow", "round", "sorted", "sum",
    "hash",
])  # fmt: skip
OF_TYPES = ("typing", "typing_extensions")  # ``List[Tensor]`` in the midst of a function
PURE_MODULES = frozenset(["math", "_operator", "_functools", "cmath", "itertools", "_abc"])
VALUES: tuple[Any, ...] = (
    list, tuple, dict, set, frozenset, str, bytes, int, float, range, slice, type, object,
    type({}.items()), type({}.keys()), type({}.values()),
)  # fmt: skip


class Watcher:
    """Looks at one call, and tells its recorder if there is something to refuse.

    Attributes
    ----------
    codes : dict
        The code of others than minigrad that was run, with the global names that it sees.
    """

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.codes: dict[CodeType, dict[str, Any]] = {}

    def __enter__(self) -> None:
        self.before = sys.getprofile()
        sys.setprofile(self.look)

    def __exit__(self, *_: object) -> None:
        sys.setprofile(self.before)

    def look(self, frame: Any, event: str, arg: Any) -> None:
        """What Python tells of: a function is entered."""
        if event not in ("call", "c_call") or not is_listening() or self.recorder.refusal:
            return
        room, _, rest = (frame.f_globals.get("__name__") or "").partition(".")
        if self.recorder.imports or room == "importlib":
            self.recorder.imports = True
            return
        if room in OF_TYPES:
            return
        if event == "c_call":
            if room not in ("minigrad", "numpy") and not _is_pure(arg):
                self.recorder.refuse(f"it calls {getattr(arg, '__qualname__', arg)}")
        elif room == "minigrad":
            self.ours(frame, rest)
        elif room == "numpy":
            caller = frame.f_back.f_globals.get("__name__") or ""
            if caller.partition(".")[0] not in ("minigrad", "numpy"):
                self.recorder.refuse(f"it asks NumPy for {frame.f_code.co_name}")
        elif frame.f_code not in self.codes:
            self.codes[frame.f_code] = frame.f_globals
            why = changes(frame.f_code)
            if why:
                self.recorder.refuse(why)

    def ours(self, frame: Any, module: str) -> None:
        """A function of minigrad's is entered, of this module."""
        code = frame.f_code
        room, name = module.partition(".")[0], code.co_name
        if room == "replay":
            return
        if (
            (room == "tensor" and name not in HARMLESS)
            or (room in CLOSED and name not in ENTRANCES and "reference" not in code.co_freevars)
            or (module.startswith("nn.utils") and name not in HEARD_UTILS)
            or name.startswith(("set_", "register_"))
            or module == "autograd.hooks"
            or (module == "autograd.function" and name != "apply")
            or (module == "ops.values" and any(map(_has_values, frame.f_locals.values())))
        ):
            self.recorder.refuse(f"it calls {name}() of minigrad.{module}")


def _has_values(thing: Any) -> bool:
    """Whether a number that is made of it would be one of a tensor."""
    return isinstance(thing, (TensorBase, np.ndarray))


def _is_pure(function: Any) -> bool:
    """Whether a compiled function changes nothing but what it is a method of, and draws nothing."""
    owner = getattr(function, "__self__", None)
    name = function.__name__
    if isinstance(owner, ModuleType):
        return name in BUILTINS if owner.__name__ == "builtins" else owner.__name__ in PURE_MODULES
    if owner is None:
        return issubclass(getattr(function, "__objclass__", type(None)), VALUES)
    if name in ("__init__", "__new__", "__init_subclass__"):
        return True
    if isinstance(owner, type):
        return owner in VALUES
    return type(owner) in VALUES or type(owner).__name__ == "OrderedDict"


@functools.lru_cache(4096)
def changes(code: CodeType) -> str:
    """What a piece of code changes outside of itself; "" if nothing can be seen."""
    if code.co_flags & 0x2A0 and code.co_name != "<genexpr>":
        return f"{code.co_name} is a generator or a coroutine"
    for i in dis.get_instructions(code):
        name, what = i.argval, i.opname
        if what in ("STORE_GLOBAL", "DELETE_GLOBAL"):
            return f"it changes the global name {name}"
        if what == "STORE_DEREF" and name in code.co_freevars:
            return f"it changes the name {name} of the function around it"
        if what == "DELETE_ATTR" or (
            what == "STORE_ATTR" and name not in ("grad", "data") and code.co_name != "__init__"
        ):
            return f"it sets an attribute, .{name}"
        if what in ("LOAD_ATTR", "LOAD_METHOD") and name in (
            "array", "_grad", "_version", "__dict__",
        ):  # fmt: skip
            return f"it looks into a tensor or an object, by .{name}"
    return ""
