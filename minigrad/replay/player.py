"""`Tape`: a recording that is replayed, and the checks before that.

This file is translated (see `minigrad._kernels`), for between the operations of a small
network there is little to do, and it is done all the time.
"""

from __future__ import annotations

from typing import Any

from ..autograd.grad_mode import mode
from ..autograd.saving import hooks
from ..autograd.tensor_base import TensorBase
from ..autograd.views import refresh_view

PLAIN = frozenset({int, float, str, bytes, bool, complex, type(None)})


# What every tensor has, and what others have not hung on it.
FIELDS = frozenset([
    "array", "version", "_requires_grad", "_retains_grad", "edge", "view_of", "_grad", "_hooks",
    "_accumulate_hooks",
])  # fmt: skip


class Tensors:
    """An argument that is a tensor: its class, shape, type, and whether it wants a gradient.

    Also what somebody has hung on it, as ``x.scale = 2``.
    """

    __slots__ = ("dtype", "hung", "kind", "requires_grad", "shape")

    def __init__(self, tensor: Any) -> None:
        self.kind = type(tensor)
        self.shape = tensor.array.shape, tensor.array.strides
        self.dtype = tensor.array.dtype
        self.requires_grad = wants_gradient(tensor)
        self.hung = hung_on(tensor)

    def fits(self, value: Any) -> bool:
        """Whether another tensor is like it."""
        if type(value) is not self.kind:
            return False
        array = value.array
        if array.dtype is not self.dtype and array.dtype != self.dtype:
            return False
        if (array.shape, array.strides) != self.shape:
            return False
        if wants_gradient(value) != self.requires_grad:
            return False
        hung = hung_on(value)
        if len(hung) != len(self.hung):
            return False
        return all([a == b and same(v, w) for (a, v), (b, w) in zip(hung, self.hung)])


def hung_on(tensor: Any) -> Any:
    """The attributes that somebody has given to a tensor, and their values."""
    own = getattr(tensor, "__dict__", None)
    if not own:
        return ()
    return tuple([(name, value) for name, value in own.items() if name not in FIELDS])


def wants_gradient(tensor: TensorBase) -> bool:
    """``tensor.requires_grad``, which of a view has to be found out first."""
    if tensor.view_of is not None:
        refresh_view(tensor)
    return tensor._requires_grad


def fits(form: Any, value: Any, found: list[Any]) -> bool:
    """Whether an argument has a form (see `form_of`); its tensors go to the end of `found`."""
    if type(form) is Tensors:
        if not form.fits(value):
            return False
        found.append(value)
        return True
    kind, content = form
    if type(value) is not kind:
        return False
    if kind is tuple or kind is list:
        if len(value) != len(content):
            return False
        return all([fits(part, own, found) for part, own in zip(content, value)])
    if kind is dict:
        if list(value) != [key for key, _ in content]:  # (their order counts)
            return False
        return all([fits(part, value[key], found) for key, part in content])
    return same(value, content)


def same(value: Any, expected: Any) -> bool:
    """Whether it is the same object, or an equal number or text."""
    if value is expected:
        return True
    kind = type(expected)
    if type(value) is not kind or kind not in PLAIN or value != expected:
        return False
    return bool(value) or str(value) == str(expected)  # (-0.0 equals 0.0, and is another number)


def built(part: Any, values: list[Any]) -> Any:
    """An argument: what is in a slot, or what is built from several."""
    if type(part) is int:
        return values[part]
    kind, parts = part
    things = [built(p, values) for p in parts]
    if kind is list:
        return things
    if kind is tuple:
        return tuple(things)
    return kind(*things)


class Tape:
    """What was recorded, ready to be replayed.

    Attributes
    ----------
    forms : tuple
        What the arguments have to be: those by place, those by name, and the mode.
    values : list
        What is in the slots before: tensors from outside, and constants.
    code : list of tuple
        call, slots of the arguments, arguments to be built, keywords, slot of the result or of
        several, mode, slots that nobody asks for afterwards.
    """

    def __init__(
        self, forms: Any, pairs: Any, pinned: Any, guards: Any, tensors: Any, grads: Any,
        values: list[Any], code: list[Any], result: Any, on_arrays: Any,
    ) -> None:  # fmt: skip
        self.places, self.names = forms
        self.pairs = pairs
        self.pinned = pinned
        self.enabled = mode.enabled
        self.guards = guards
        self.items = [item for item in guards.items if type(item[0]) is dict]
        self.others = [item for item in guards.items if type(item[0]) is not dict]
        self.sizes = guards.sizes
        self.sequences = guards.sequences
        self.cells = guards.cells
        self.classes = guards.classes
        self.sets = guards.sets
        self.tensors = tensors
        self.grads = grads
        self.values = values
        self.code = code
        self.result = result
        self.on_arrays = on_arrays

    def fitting(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any] | None:
        """The tensors among the arguments, if these and the mode are as recorded."""
        places = self.places
        if len(args) != len(places) or len(kwargs) != len(self.names):
            return None
        if mode.enabled != self.enabled or mode.anomaly or hooks:
            return None
        found: list[Any] = []
        for form, value in zip(places, args):
            if not fits(form, value, found):
                return None
        if list(kwargs) != [name for name, _ in self.names]:
            return None
        for name, form in self.names:
            if not fits(form, kwargs[name], found):
                return None
        for k, j, is_same in self.pairs:
            if (found[k] is found[j]) != is_same:
                return None
        for k, tensor in self.pinned:
            if found[k] is not tensor:
                return None
        return found

    def stands(self) -> bool:
        """Whether all else that the function depends on is as recorded."""
        for table, key, value in self.items:
            own = table.get(key, mode)
            if own is not value and not same(own, value):
                return False
        for other, key, value in self.others:
            own = other.get(key, mode)
            if own is not value and not same(own, value):
                return False
        for container, size in self.sizes:
            if (tuple(container) if type(size) is tuple else len(container)) != size:
                return False
        for sequence, content in self.sequences:
            if len(sequence) != len(content):
                return False
            for own, value in zip(sequence, content):
                if own is not value and not same(own, value):
                    return False
        for cell, value in self.cells:
            try:
                own = cell.cell_contents
            except ValueError:  # the name was deleted
                return False
            if own is not value and not same(own, value):
                return False
        for kind, name, value in self.classes:
            own = kind.__dict__.get(name, mode)
            if own is not value and not same(own, value):
                return False
        for container, members in self.sets:
            if container != members:
                return False
        for tensor, shape, dtype, requires_grad in self.tensors:
            array = tensor.array
            if (array.shape, array.strides) != shape or array.dtype != dtype:
                return False
            if wants_gradient(tensor) != requires_grad:
                return False
        return all([(tensor._grad is None) == is_none for tensor, is_none in self.grads])

    def play(self, found: list[Any]) -> Any:
        """Ask for the same operations, with these tensors as arguments."""
        values = self.values[:]
        values[: len(found)] = found
        if self.on_arrays is not None and self.on_arrays.fits(values):
            return built(self.result, self.on_arrays.play(values))
        before = mode.enabled
        try:
            for call, slots, parts, kwargs, out, enabled, done in self.code:
                if mode.enabled != enabled:
                    mode.enabled = enabled
                if parts is None:
                    args = [values[k] for k in slots]
                else:
                    args = [built(p, values) for p in parts]
                if kwargs is None:
                    result = call(*args)
                else:
                    result = call(*args, **{n: built(p, values) for n, p in kwargs})
                if type(out) is int:
                    values[out] = result
                elif out is not None:
                    _spread(out, result, values)
                for k in done:
                    values[k] = None
        finally:
            mode.enabled = before
        return built(self.result, values)


def _spread(out: Any, result: Any, values: list[Any]) -> None:
    for place, thing in zip(out, result):
        if type(place) is int:
            values[place] = thing
        elif place is not None:
            _spread(place, thing, values)


def form_of(value: Any, found: list[Any], objects: list[Any]) -> Any:
    """The form of an argument; its tensors and other objects go to the ends of the lists."""
    if isinstance(value, TensorBase):
        found.append(value)
        form = Tensors(value)
        objects += [own for _, own in form.hung if type(own) not in PLAIN]
        return form
    kind = type(value)
    if kind is tuple or kind is list:
        return kind, tuple([form_of(v, found, objects) for v in value])
    if kind is dict:
        return kind, tuple([(k, form_of(v, found, objects)) for k, v in value.items()])
    if kind not in PLAIN:
        objects.append(value)
    return kind, value


def replayed(tapes: list[Tape], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What the first tape that suits gives, in a list; None if there is none."""
    for tape in tapes:
        found = tape.fitting(args, kwargs)
        if found is not None and tape.stands():
            return [tape.play(found)]
    return None
