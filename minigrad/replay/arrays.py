"""`ArrayTape`: a tape that works on bare arrays, without tensors or a graph between operations.

Of a training step, nobody sees the graph: it is made, walked once and forgotten. So where
everything in a tape is known well enough, operations are asked for with arrays, and what `backward`
does is written down as a list, too: which rule is called when, and to which gradient its results
are added.
Rules and sums are the engine's own, in its own order (see `minigrad.autograd.engine.walk`).

This file is translated (see `minigrad._kernels`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.backward import accumulate
from ..autograd.engine import Node
from ..autograd.grad_mode import mode
from ..autograd.indexing import Placed
from ..autograd.quiet import restore, silence
from ..autograd.tensor_base import wrap
from .player import built

ndarray = np.ndarray
FORWARD, IN_PARTS, BACKWARD, ASK, SPREAD, BY_TENSORS = range(6)


class ArrayTape:
    """Instructions for arrays.

    Attributes
    ----------
    code : list of tuple
        Kind, and what that needs.
    captured : list of int
        The slots of tensors from outside: their arrays are taken anew each time.
    leaves : list of int
        The slots of those that `backward` gives a gradient to.
    returned : list of (int, op or None)
        The slots of results that leave the function: as tensors, and whether of a graph that has
        been walked.
    """

    def __init__(self, code: Any, captured: Any, returned: Any, leaves: Any) -> None:
        self.code = code
        self.captured = captured
        self.returned = returned
        self.leaves = leaves
        self.flat: Any = None  # the same for a machine, see `flat`

    def fits(self, tensors: list[Any]) -> bool:
        """Whether the leaves are still leaves, and nobody has hung a hook on one."""
        for k in self.leaves:
            leaf = tensors[k]
            if leaf.edge is not None or leaf.view_of is not None:
                return False
            if leaf._hooks is not None or leaf._accumulate_hooks is not None:
                return False
        return True

    def play(self, tensors: list[Any]) -> list[Any]:
        """Run them; `tensors` has arguments, tensors from outside and constants in their slots.

        What is returned by the function is put into `tensors` as well.
        """
        flat = self.flat
        if flat is not None and not flat.ready:
            self.flat = None  # (so that nobody else begins)
            result = flat.record(tensors)
            if flat.ready:
                self.flat = flat
            return result
        if flat is not None:
            result = flat.play(tensors)
            if result is not None:
                return result
        values = tensors[:]
        for k in self.captured:
            values[k] = tensors[k].array
        before, enabled = silence(), mode.enabled
        try:
            for kind, call, slots, parts, out, extra in self.code:
                if kind == ASK:  # an optimizer's step and the like, which wants real tensors
                    restore(before)
                    args = [built(p, tensors) for p in parts]
                    mode.enabled = slots
                    if extra:
                        result = call(*args, **{n: built(p, tensors) for n, p in extra})
                    else:
                        result = call(*args)
                    if out is not None:
                        tensors[out] = result
                    for k in self.captured:  # (it may have given them others: p.data = ...)
                        values[k] = tensors[k].array
                    before = silence()
                    continue
                if kind == BACKWARD:
                    mode.enabled = False
                    _walk_back(values, tensors, call[0], call[1], call[2], call[3])
                    continue
                if parts is None:
                    args = [values[k] for k in slots]
                else:
                    args = [built(p, values) for p in parts]
                if kind == FORWARD:
                    values[out] = call(*args)
                elif kind == SPREAD:
                    for k, result in zip(out, call(*args)):
                        values[k] = result
                elif kind == BY_TENSORS:
                    mode.enabled = False
                    result = call(
                        *[wrapped(a) for a in args], **{n: built(p, values) for n, p in extra[1]}
                    )
                    if type(out) is int:
                        values[out] = result.array
                    else:
                        for k, one in zip(out, result):
                            values[k] = one.array
                else:
                    keeps, place = extra
                    result, *kept = call(keeps, *args)
                    values[place] = kept
                    if type(out) is int:
                        values[out] = result
                    else:
                        for k, one in zip(out, result):
                            values[k] = one
        finally:
            restore(before)
            mode.enabled = enabled
        for slot, op in self.returned:
            tensors[slot] = of_graph(values[slot], op)
        return tensors


def of_graph(array: Any, op: Any) -> Any:
    """A tensor that is returned; with an operation, of a graph that has been walked."""
    tensor = wrap(array)
    if op is not None:
        tensor._requires_grad = True
        node = Node(op[0], (), [], op[1])
        node.saved = None  # as after `backward`
        tensor.edge = (node, op[2])
    return tensor


def wrapped(thing: Any) -> Any:
    if type(thing) is ndarray:
        return wrap(thing)
    if type(thing) in (tuple, list):
        return type(thing)([wrapped(t) for t in thing])
    return thing


def _walk_back(
    values: list[Any], tensors: list[Any], count: int, root: Any, steps: Any, leaves: Any
) -> None:
    """What `backward` does: the gradients of so many values, from that of the loss.

    A step has the operation, the places of the gradients of its outputs, which inputs want one, and
    for each that does, its place.
    """
    total: list[Any] = [None] * count
    owned = [False] * count
    place, loss = root
    start = np.empty(values[loss].shape, values[loss].dtype)
    start.fill(1)
    total[place] = start
    for op, of_outputs, wanted, saved, kept, places in steps:
        grads = [total[k] for k in of_outputs]
        if all([g is None for g in grads]):
            continue
        if kept >= 0:
            arrays, options, own = values[kept]
            found = op.kernel_vjp(grads, wanted, arrays, options, own)
        else:
            if op.writes_gradient and wanted[0] is not None:
                (g,) = grads
                if not (owned[of_outputs[0]] and type(g) is ndarray and g.flags.c_contiguous):
                    grads = [np.array(g, order="C")]
            node = Node(op, wanted, [built(p, values) for p in saved])
            found = op.vjp(node, wanted, grads, False)
        for k in of_outputs:
            total[k] = None  # nobody asks for it any more
        is_new = op.gives_new
        for k, g in zip(places, found):
            if k < 0 or g is None:
                continue
            own = total[k]
            if type(g) is not ndarray and isinstance(g, Placed):
                if own is None:
                    total[k] = g.dense()
                else:
                    total[k] = g.add_to(np.asarray(own) if owned[k] else np.array(own))
                owned[k] = True
            elif own is None:
                total[k] = g
                owned[k] = is_new
            elif owned[k]:
                own += g
                total[k] = own
            else:
                total[k] = own + g
                owned[k] = True
    accumulate(
        [(tensors[slot], total[k], owned[k]) for k, slot in leaves if total[k] is not None], False
    )
