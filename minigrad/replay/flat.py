"""`Flat`: an `ArrayTape` as instructions for the machine of `_kernels/tape.pyx`.

The first replay is run here once more as Python does it, and what it asks for is written down piece
by piece: functions of NumPy's as its own loops, functions of `entrywise` and products of matrices
as the kernels that they are, recurrences and losses as calls of theirs, results in memory that is
kept for the next run. What only shows something in another shape costs nothing any more. Whatever
has no such form, as an optimizer's step, stays the call of Python that it was, with the same
arguments. So the numbers are the same, to the last bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.backward import accumulate
from ..autograd.engine import Node
from ..autograd.grad_mode import mode
from ..autograd.primitive import Primitive
from ..autograd.quiet import restore, silence
from ..ops.join import _Cut, _Join, cat, stack
from ..ops.loss import cross_entropy
from ..ops.makers import _Broadcast
from ..ops.shape import sum_to
from ..recurrences.operation import recur, recur_once
from .arrays import (
    ASK,
    BACKWARD,
    BY_TENSORS,
    FORWARD,
    IN_PARTS,
    SPREAD,
    of_graph,
    wrapped,
)
from .laid_out import arrays_in, flattened, listed, root_of, same_array, slots_in
from .noted import Place, Whole
from .player import built
from .writer import Repeated, Writer

ndarray = np.ndarray
REPEATED = (recur.in_parts, recur_once.in_parts, cross_entropy.in_parts)  # type: ignore[attr-defined]
MOST_BYTES = 1 << 24  # of memory that is kept: more than a cache has is not worth it

_MOVING: Any = object()  # what is another thing in each run


class Flat(Writer):
    """The list; `ready` says whether it is complete, and worth it."""

    # -- running -------------------------------------------------------------------------------

    def play(self, tensors: list[Any]) -> list[Any] | None:
        """Run it; None if it runs already, around this call or in another thread."""
        if not self.lock.acquire(blocking=False):
            return None
        machine, objects = self.machine, self.objects
        self.outside, enabled = silence(), mode.enabled
        mode.enabled = False
        try:
            machine.take(tensors, self.captured)
            objects[self.tensors] = tensors
            machine.run()
            arrays = [(slot, op, objects[own].copy("K")) for slot, own, op in self.returned]
        finally:
            mode.enabled = enabled
            restore(self.outside)
            objects[self.tensors] = None
            for own, *_ in self.captured:
                objects[own] = None
            self.lock.release()
        for slot, op, array in arrays:
            tensors[slot] = of_graph(array, op)
        return tensors

    # -- kernels that are called whole -----------------------------------------------------------

    def repeated(self, form: Any, keeps: bool, given: list[Any], parts: Any) -> Any:
        """What `form` gives as a call of a kernel that is made again, and the places of all arrays.

        None if there is no such call.
        """
        if form not in REPEATED:
            return None
        mark = self.machine.mark()
        try:
            wanted, *_, (kernel, *_) = form(keeps, *given)
            repeats = Repeated(kernel)
            bases, moving = [], []
            for slot in {s for p in parts for s in slots_in(p)}:
                value = self.values[slot]
                if slot in self.places:
                    moving.append(self.places[slot])
                elif type(value) is ndarray and value.size and slot not in self.others:
                    bases.append(self.adopted(value))  # a constant
            results, arrays, options, (_, *own) = form(keeps, *given, kernel=repeats)
            bases += moving
            read = self.repeat(repeats.call, bases)
            if not read.issuperset([p.buffer for p in moving]):  # it was asked for its value
                raise Whole("a number from an array")
            new = arrays_in((results, own))
            bases += [self.adopted(a) for a in {id(a): a for a in new}.values()]
            self.machine.run(mark[0])
        except (Whole, ValueError, TypeError):
            self.machine.forget(mark)
            return None
        pairs = zip(listed(results), listed(wanted), strict=True)
        if not all([same_array(a, b) for a, b in pairs]):
            self.machine.forget(mark)
            return None
        return listed(results), (arrays, options, (kernel, *own)), bases

    def repeated_back(self, op: Any, wanted: Any, kept: int, grads: list[Any]) -> Any:
        """The same of the gradients of such a call."""
        arrays, options, (kernel, *own) = self.values[kept]
        given = [None if g is None else self.dense(g) for g in grads]
        mark = self.machine.mark()
        try:
            repeats = Repeated(kernel)
            found = op.kernel_vjp(
                [None if g is None else g.array for g in given], wanted, arrays, options,
                (repeats, *own),
            )  # fmt: skip
            bases = [*self.bases[kept], *[g for g in given if g is not None]]
            self.repeat(repeats.call, bases)
            new = {id(a): self.adopted(a) for a in arrays_in(found)}
            places = [None if g is None else self.shown(g, new[id(root_of(g))]) for g in found]
            self.machine.run(mark[0])
        except (Whole, ValueError, TypeError):
            self.machine.forget(mark)
            return None
        return places

    # -- recording -----------------------------------------------------------------------------

    def record(self, tensors: list[Any]) -> list[Any]:
        """Run the tape as `ArrayTape.play` does, and write down what that asks for."""
        tape = self.tape
        self.values: list[Any] = tensors[:]
        for k in tape.captured:
            array = self.values[k] = tensors[k].array
            place = self.places[k] = self.moving(array)
            self.captured.append((place.slot, k, place.buffer, array))
        self.outside, enabled = silence(), mode.enabled
        mode.enabled = False
        self.objects[self.tensors] = tensors
        try:
            for kind, call, slots, parts, out, extra in tape.code:
                if kind == ASK:
                    self.ask(tensors, call, slots, parts, out, extra)
                elif kind == BACKWARD:
                    self.walk_back(tensors, *call)
                else:
                    self.forward(kind, call, slots, parts, out, extra)
            arrays = []
            for slot, op in tape.returned:
                self.returned.append((slot, self.slot_of(self.places[slot]), op))
                arrays.append((slot, op, self.places[slot].array.copy("K")))
        finally:
            restore(self.outside)
            mode.enabled = enabled
            self.objects[self.tensors] = None
            for own, *_ in self.captured:
                self.objects[own] = None
        for slot, op, array in arrays:
            tensors[slot] = of_graph(array, op)
        length, calls = self.machine.mark()
        # (who only calls does so faster in `ArrayTape`, which is compiled)
        is_worth_it = self.bytes <= MOST_BYTES and length > 2 * calls
        self.ready = is_worth_it and not self.replaces
        del self.values
        return tensors

    def ask(
        self, tensors: list[Any], call: Any, enabled: Any, parts: Any, out: Any, extra: Any
    ) -> None:
        """An optimizer's step and the like, on real tensors."""

        def asked(tensors: list[Any]) -> None:
            restore(self.outside)
            mode.enabled = enabled
            try:
                result = call(
                    *[built(p, tensors) for p in parts], **{n: built(p, tensors) for n, p in extra}
                )
            finally:
                mode.enabled = False
                self.outside = silence()
            if out is not None:
                tensors[out] = result
            if any([tensors[k].array is not self.objects[own] for own, k, *_ in self.captured]):
                self.take_again(tensors)

        asked(tensors)
        self.machine.call(asked, (self.tensors,), False, None)

    def take_again(self, tensors: list[Any]) -> None:
        """Take the arrays of tensors that have got others meanwhile, as by ``p.data = ...``."""
        self.replaces = True  # (who always does so is not worth a list)
        if not self.ready:
            for own, k, buffer, _ in self.captured:
                array = self.objects[own] = self.values[k] = self.places[k].array = tensors[k].array
                self.machine.point(buffer, array)
            return
        self.machine.take(tensors, self.captured)
        moved = {own for own, *_ in self.captured}
        for slot, base, way in self.shows:
            if base in moved:
                self.objects[slot] = self.machine.shown(self.objects[base], *way)

    def forward(self, kind: int, call: Any, slots: Any, parts: Any, out: Any, extra: Any) -> None:
        """An operation on arrays."""
        values = self.values
        parts = slots if parts is None else parts
        given = [built(p, values) for p in parts]
        outs = out if type(out) is tuple else (out,)
        if kind == FORWARD:
            result = call(*given)
            if type(result) is ndarray:
                things = [self.thing(p) for p in parts]
                place = None
                if _MOVING not in things:
                    place = self.apart(call, things, result)
                elif call in (cat, stack) and self.thing(parts[1]) is not _MOVING:
                    own = [self.places.get(k) for k in slots_in(parts[0])]
                    if None not in own:
                        place = self.joined(lambda arrays: call(arrays, given[1]), own, result)
                if place is None:
                    place = self.view_of(result, parts)
                if place is not None:
                    return self.put(out, place)
            results = [result]
        elif kind == SPREAD:
            results = list(call(*given))
            shown = [self.view_of(r, parts) for r in results]
            if None not in shown:
                for k, place in zip(out, shown):
                    self.put(k, place)
                return None
        elif kind == BY_TENSORS:
            names, count, function = [n for n, _ in extra[1]], len(parts), call
            parts = (*parts, *[p for _, p in extra[1]])
            given = [built(p, values) for p in parts]

            def call(*args: Any) -> Any:
                named = dict(zip(names, args[count:]))
                result = function(*[wrapped(a) for a in args[:count]], **named)
                is_one = not isinstance(result, (tuple, list))
                return result.array if is_one else [r.array for r in result]

            found = call(*given)
            results = list(found) if type(out) is tuple else [found]
        else:
            keeps, kept = extra
            known = self.repeated(call, keeps, given, parts)
            if known is not None:
                results, self.values[kept], self.bases[kept] = known
                for k, result in zip(outs, results):
                    self.put(k, self.place_of(result, self.bases[kept]))
                return None
            found, *rest = call(keeps, *given)
            results = [*(found if type(out) is tuple else [found]), tuple(rest)]
            outs = (*outs, kept)
            whole = call

            def call(*args: Any) -> Any:
                found, *rest = whole(keeps, *args)
                return (*(found if type(out) is tuple else [found]), tuple(rest))

        flat, rebuilt = flattened(parts, call)
        spread = kind != FORWARD and (type(out) is tuple or kind == IN_PARTS)
        places = self.call(
            rebuilt, [self.thing_or_slot(p) for p in flat], results if spread else results[0],
            spread,
        )  # fmt: skip
        for k, place, result in zip(outs, places if spread else [places], results):
            if isinstance(place, Place):
                self.put(k, place)
            else:
                self.others[k], values[k] = place, result
        return None

    def put(self, slot: int, place: Any) -> None:
        self.places[slot], self.values[slot] = place, place.array

    def thing(self, part: Any) -> Any:
        """For `apart`: the place of an array, or a constant; else `_MOVING`."""
        if type(part) is not int:
            things = [self.thing(p) for p in part[1]]
            is_fixed = not any([t is _MOVING or isinstance(t, Place) for t in things])
            return built(part, self.values) if is_fixed else _MOVING
        place = self.places.get(part)
        if place is not None:
            return place
        value = self.values[part]
        return _MOVING if part in self.others or isinstance(value, ndarray) else value

    def thing_or_slot(self, slot: int) -> Any:
        """For `call`: the place of an array, or the slot of an object."""
        place = self.places.get(slot)
        if place is not None:
            return place
        if slot not in self.others:
            self.others[slot] = self.object(self.values[slot])
        return self.others[slot]

    def view_of(self, result: Any, parts: Any) -> Place | None:
        """The place of what shows an argument (if which of its numbers is up to no other one)."""
        bases = [self.places[p] for p in parts if type(p) is int and p in self.places]
        moving = {s for p in parts for s in slots_in(p) if s in self.places or s in self.others}
        if len(moving) > 1:
            return None
        try:
            return self.place_of(result, bases) if type(result) is ndarray else None
        except Whole:
            return None

    # -- backward ------------------------------------------------------------------------------

    def walk_back(self, tensors: list[Any], count: int, root: Any, steps: Any, leaves: Any) -> None:
        """What `arrays._walk_back` does, on places."""
        total: list[Any] = [None] * count
        start, loss = root
        total[start] = self.fixed(np.ones_like(self.values[loss]))
        for op, of_outputs, wanted, saved, kept, places in steps:
            grads = [total[k] for k in of_outputs]
            if all([g is None for g in grads]):
                continue
            if kept >= 0:
                found = self.fused(op, wanted, kept, grads)
            elif type(op) in (Primitive, _Broadcast) and len(grads) == 1:
                found = self.rules(op, wanted, saved, grads[0])
            else:
                found = self.whole_rule(op, wanted, saved, grads)
            for k in of_outputs:
                total[k] = None
            for k, g in zip(places, found):
                if k >= 0 and g is not None:
                    total[k] = self.sum(total[k], g)
        known = [(total[k], slot) for k, slot in leaves if total[k] is not None]
        slots = [self.dense(g) for g, _ in known]
        ways = [  # (a sum hands the same gradient to several)
            (slot, place.is_new and sum([other is place for other in slots]) == 1)
            for (_, slot), place in zip(known, slots)
        ]

        def collect(tensors: list[Any], *arrays: Any) -> None:
            accumulate([
                (tensors[slot], g if is_new else g.copy("K"), True)
                for g, (slot, is_new) in zip(arrays, ways)
            ], False)  # fmt: skip

        collect(tensors, *[p.array for p in slots])
        self.machine.call(collect, (self.tensors, *[self.slot_of(p) for p in slots]), False, None)

    def sum(self, a: Any, b: Any) -> Any:
        """The sum of two gradients."""
        if a is None:
            return b
        if _is_number(a) or _is_number(b):
            values = [v.piece if isinstance(v, _Piece) else v.array for v in (a, b)]
            things = [v.slot if isinstance(v, _Piece) else v for v in (a, b)]
            return self.of_rule(lambda p, q: p + q, things, values[0] + values[1])
        if isinstance(b, _Piece):
            base = self.dense(a)
            added = lambda total, piece: piece.add_to(np.array(total))  # noqa: E731
            return self.call(added, [base, b.slot], added(base.array, b.piece))
        a = self.dense(a)
        result = a.array + b.array
        if isinstance(result, np.generic):
            return self.of_rule(lambda p, q: p + q, [a, b], result)
        try:
            out = self.fixed(result)
            self.add_loop(np.add, [a, b, out])
        except Whole:
            return self.call(np.add, [a, b], result)
        return out

    def dense(self, g: Any) -> Place:
        """A gradient as an array: also of what is a piece, see `autograd.indexing.Placed`."""
        if _is_number(g):
            return self.call(np.asarray, [g.slot], np.asarray(g.piece))
        if not isinstance(g, _Piece):
            return g
        return self.call(lambda piece: piece.dense(), [g.slot], g.piece.dense())

    def rules(self, op: Any, wanted: Any, saved: Any, g: Any) -> list[Any]:
        """The gradients by the rules of an operation, each taken apart if that can be."""
        is_number = _is_number(g)  # (to which NumPy's functions, but no kernels, are applied)
        if not is_number:
            g = self.dense(g)
        own = g.piece if is_number else g.array
        shapes = built(saved[-1], self.values) if type(op) is _Broadcast else None
        found: list[Any] = []
        for k, (want, (rule, picks)) in enumerate(zip(wanted, op.calls)):
            if want is None:
                found.append(None)
                continue
            parts = [saved[j] for j in picks]
            result = rule(own, *[built(p, self.values) for p in parts])
            things = [self.thing(p) for p in parts]
            place: Any = None
            if _MOVING not in things and not is_number:
                place = self.apart(rule, [g, *things], result)
            if place is None and result is own:
                place = g
            if place is None:
                flat, rebuilt = flattened((None, *parts), rule)
                given = [g.slot if is_number else g, *[self.thing_or_slot(p) for p in flat]]
                place = self.of_rule(rebuilt, given, result)
            if shapes is not None and type(result) is ndarray and result.shape != shapes[k]:
                shape = shapes[k]
                summed = sum_to(result, shape)
                place = self.of_rule(
                    lambda d, shape=shape: sum_to(d, shape), [self.dense(place)], summed
                )
            found.append(place)
        return found

    def of_rule(self, function: Any, given: list[Any], result: Any) -> Any:
        place = self.call(function, given, result)
        return place if isinstance(place, Place) or result is None else _Piece(place, result)

    def whole_rule(self, op: Any, wanted: Any, saved: Any, grads: list[Any]) -> list[Any]:
        """The gradients of an operation that has no rule for each argument."""
        flat, rebuilt = flattened(saved, lambda *values: list(values))
        there = [k for k, g in enumerate(grads) if g is not None]
        count, outputs = len(flat), len(grads)

        def back(*given: Any) -> Any:
            own: list[Any] = [None] * outputs
            for k, g in zip(there, given[count:]):
                own[k] = np.array(g, order="C") if op.writes_gradient else g
            return op.vjp(Node(op, wanted, rebuilt(*given[:count])), wanted, own, False)

        things = [self.thing_or_slot(p) for p in flat]
        arrays = [t.array if isinstance(t, Place) else self.objects[t] for t in things]
        totals = [self.dense(grads[k]) for k in there]
        results = list(back(*arrays, *[p.array for p in totals]))
        if isinstance(op, _Cut):  # which puts gradients side by side
            place = self.joined(lambda pieces: back(*arrays, *pieces)[0], totals, results[0])
            if place is not None:
                return [place]
        if isinstance(op, _Join):  # and the other way round
            try:
                return [None if r is None else self.place_of(r, totals) for r in results]
            except Whole:
                pass
        return self.gradients(op, back, [*things, *totals], results)

    def fused(self, op: Any, wanted: Any, kept: int, grads: list[Any]) -> list[Any]:
        """The gradients of a kernel."""
        there = [k for k, g in enumerate(grads) if g is not None]
        outputs = len(grads)

        def back(kept: Any, *given: Any) -> Any:
            own: list[Any] = [None] * outputs
            for k, g in zip(there, given):
                own[k] = g
            arrays, options, rest = kept
            return op.kernel_vjp(own, wanted, arrays, options, rest)

        if kept in self.bases:
            places = self.repeated_back(op, wanted, kept, grads)
            if places is not None:
                return places
            arrays, options, own = self.values[kept]
            inputs = [None if a is None else self.place_of(a, self.bases[kept]) for a in arrays]
            given = [p for p in inputs if p is not None]

            def joined(*given: Any) -> Any:
                rest = iter(given)
                return [None if p is None else next(rest) for p in inputs], options, own

            self.others[kept] = self.call(joined, given, (arrays, options, own))
        totals = [self.dense(grads[k]) for k in there]
        results = list(back(self.values[kept], *[p.array for p in totals]))
        return self.gradients(op, back, [self.others[kept], *totals], results)

    def gradients(self, op: Any, function: Any, given: list[Any], results: list[Any]) -> list[Any]:
        places = self.call(function, given, results, True)
        for p, r in zip(places, results):
            if isinstance(p, Place) and op.gives_new:
                p.is_new = sum([other is r for other in results]) == 1 and r.base is None
        return [
            None if r is None else p if isinstance(p, Place) else _Piece(p, r)
            for p, r in zip(places, results)
        ]


class _Piece:
    """A gradient in a slot that is no array, but a `Placed`, or a number of NumPy's."""

    def __init__(self, slot: int, piece: Any) -> None:
        self.slot, self.piece = slot, piece


def _is_number(g: Any) -> bool:
    return isinstance(g, _Piece) and isinstance(g.piece, np.generic)
