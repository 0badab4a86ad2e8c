"""What of a step runs before the loop over time, what in it, what after it.

    fixed     depends on parameters only: once, before all else
    before    depends on the inputs x only: for the rows of all steps at once
    forward   the loop over time, forward
    backward  the loop over time, backward: what the gradients of the states before need
    after     all else of the derivative, for the rows of all steps at once; there the products and
              sums over the batch are those over time, too: the gradients of the parameters
    last      what is made of those, which must be linear in them

Everything in `before` to `after` has rows, the sequences of the batch, and treats each alike
(`rowwise`). What is different raises `Refused`. Where the rows lie along another axis than the
first, it is a transpose that says so: who needs that makes it anew, so that what is kept for all
steps has its rows first.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .rowwise import (
    has_rows,
    has_rows_first,
    is_linear,
    is_rowwise,
    is_sum_over_batch,
    is_turned,
    suits_kernel,
)
from .simplified import Expression, Graph, columns, is_number
from .traced import Refused

EASY = frozenset({"add", "subtract", "multiply", "negative"})


class Schedule(NamedTuple):
    """The expressions of each part, in an order in which they can run.

    Attributes
    ----------
    kept : list of Expression
        Those with rows, made forward (or inputs), that the backward parts read.
    saved : list of Expression
        Those made in the loop backward that `after` reads.
    results, gradients, inputs : dict
        As in `Graph`, without the gradients that nobody wants.
    suits_kernel : list of bool
        Whether the loops forward and backward are such as the kernel has.
    """

    fixed: list[Expression]
    before: list[Expression]
    forward: list[Expression]
    backward: list[Expression]
    after: list[Expression]
    last: list[Expression]
    kept: list[Expression]
    saved: list[Expression]
    results: dict[str, Expression]
    gradients: dict[str, Expression | None]
    inputs: dict[str, Expression]
    suits_kernel: list[bool]


def scheduled(graph: Graph, wanted: set[str]) -> Schedule:
    """A schedule that computes the gradients of the inputs `wanted`, and of the states."""
    is_state = {f"state {k}" for k in range(len(graph.results) - 1)}
    gradients = {
        name: e for name, e in graph.gradients.items() if name in is_state or name in wanted
    }
    gradients = _with_split_products(graph, gradients, is_state)
    results, gradients = _with_rows_first(graph, graph.results, gradients)
    forward_all = _in_order(results.values())
    all_of_it = _in_order([*results.values(), *[e for e in gradients.values() if e]])
    rows = {id(e): has_rows(e, graph.batch) for e in all_of_it}
    varies: dict[int, bool] = {}  # depends on states
    over_batch: dict[int, bool] = {}  # has lost its rows: a sum over the batch
    for e in all_of_it:
        name = e.options[0] if e.op == "input" else ""
        varies[id(e)] = name in is_state or any([varies[id(i)] for i in e.inputs])
        over_batch[id(e)] = not rows[id(e)] and any(
            [rows[id(i)] or over_batch[id(i)] for i in e.inputs]
        )
        _check(e, rows, over_batch, graph.batch)
    dtype = graph.inputs["x"].dtype
    for e in results.values():
        if e.dtype != dtype:
            raise Refused("its results have another type than its input has")

    for name, g in gradients.items():
        of_one_step = name.startswith("parameter") and g is not None and not over_batch[id(g)]
        if g is not None and of_one_step and not is_number(g, 0):
            raise Refused("the gradient of a parameter does not depend on that of the output")

    ids_forward = {id(e) for e in forward_all}
    turned = {id(e) for e in all_of_it if is_turned(e, graph.batch)}
    work = [e for e in all_of_it if e.op not in ("input", "constant") and id(e) not in turned]
    fixed = [e for e in work if not rows[id(e)] and not over_batch[id(e)]]
    before = [e for e in work if id(e) in ids_forward and rows[id(e)] and not varies[id(e)]]
    forward = [e for e in work if id(e) in ids_forward and rows[id(e)] and varies[id(e)]]
    back = [e for e in work if id(e) not in ids_forward and rows[id(e)]]
    needed = {id(e) for e in _in_order([e for n, e in gradients.items() if n in is_state and e])}

    def read(e: Expression) -> list[Expression]:
        """What an expression reads; through what is only turned."""
        return [i.inputs[0] if id(i) in turned else i for i in e.inputs]

    backward = [e for e in back if id(e) in needed]
    # of the others products run at once, after the loop; what is entry by entry would have to be
    # read again from memory, so it runs in the loop unless it needs something from after it
    late: set[int] = set()
    for e in back:
        if id(e) not in needed:
            at_once = e.op == "matmul" or not suits_kernel(e, rows, graph.batch)
            if at_once or any([id(i) in late for i in read(e)]):
                late.add(id(e))
            else:
                backward.append(e)
    order = {id(e): k for k, e in enumerate(all_of_it)}
    backward.sort(key=lambda e: order[id(e)])
    after = [e for e in back if id(e) in late]
    last = [e for e in work if over_batch[id(e)]]
    made_forward = {id(e) for e in (*before, *forward)}
    read_back = [i for e in (*backward, *after, *last) for i in read(e)]
    read_back += [e for e in gradients.values() if e is not None]
    forward_inputs = {"x", *is_state}
    kept = _once([
        e for e in read_back
        if rows[id(e)]
        and (id(e) in made_forward or (e.op == "input" and e.options[0] in forward_inputs))
    ])  # fmt: skip
    read_later = [i for e in (*after, *last) for i in (*e.inputs, *read(e))]
    again = _made_again(
        sorted(kept, key=lambda e: order[id(e)]),
        [*read_later, *[e for e in gradients.values() if e is not None]],
    )
    kept = [e for e in kept if e not in again]
    backward = [*again, *backward]
    in_loop = {id(e) for e in backward}
    above = {"d output", *[f"d {name}" for name in is_state]}
    saved = _once([
        i for e in (*after, *last) for i in read(e)
        if id(i) in in_loop or (i.op == "input" and i.options[0] in above)
    ])  # fmt: skip
    saved = _once([*saved, *[
        e for n, e in gradients.items()
        if e is not None and n not in is_state
        and (id(e) in in_loop or (e.op == "input" and e.options[0] in above))
    ]])  # fmt: skip
    parts = [before, forward, backward, after, last]
    before, forward, backward, after, last = [_with_turned(part, turned) for part in parts]
    suits = [
        all([suits_kernel(e, rows, graph.batch) for e in body])
        and all([e.dtype.kind != "f" or e.dtype == dtype for e in (*body, *beside)])
        and all([len(e.shape) == 2 and e.shape[0] == graph.batch for e in beside])
        for body, beside in (
            (forward, [i for e in forward for i in e.inputs if rows[id(i)]]),
            (backward, [*[i for e in backward for i in e.inputs if rows[id(i)]], *saved]),
        )
    ]  # fmt: skip
    return Schedule(
        fixed,
        before,
        forward,
        backward,
        after,
        last,
        kept,
        saved,
        results,
        gradients,
        graph.inputs,
        suits,
    )


def _made_again(kept: list[Expression], read_later: list[Expression]) -> list[Expression]:
    """Of what is kept that which costs less to compute again: an easy step from what is kept, too.

    It must be read in the loop backward only. Operands come first in `kept`.
    """
    there, later = {id(e) for e in kept}, {id(e) for e in read_later}
    again: list[Expression] = []
    for e in kept:
        if e.op in EASY and id(e) not in later and all(
            [id(i) in there or i.op == "constant" for i in e.inputs]
        ):  # fmt: skip
            again.append(e)
            there.remove(id(e))
    return again


def _with_split_products(
    graph: Graph, gradients: dict[str, Expression | None], is_state: set[str]
) -> dict[str, Expression | None]:
    """Let the loop compute only those columns of a product that it needs.

    The gradient of ``cat([x, h]) @ W`` is one product, g @ W.T, of which the columns of x are
    needed after the loop only, if at all.
    """
    roots = [e for e in gradients.values() if e is not None]
    in_loop = {id(e) for e in _in_order([e for n, e in gradients.items() if e and n in is_state])}
    readers: dict[int, list[Expression]] = {id(e): [e] for e in roots}  # (a root reads itself)
    order = _in_order(roots)
    for e in order:
        for i in e.inputs:
            readers.setdefault(id(i), []).append(e)
    done: dict[int, Expression] = {}
    for e in order:
        inputs = tuple([done[id(i)] for i in e.inputs])
        place = columns(e)
        m = inputs[0] if place is not None else e
        if place is not None and m.op == "matmul" and graph.batch not in m.inputs[1].shape:
            others = readers[id(e.inputs[0])]
            needed = {columns(r) for r in others if id(r) in in_loop}
            widths = [c[1] - c[0] for c in needed if c is not None]
            if None not in map(columns, others) and 0 < sum(widths) < m.shape[1]:
                a, b = m.inputs
                part = ((None, None, None), (*place, None))
                shape = (b.shape[0], place[1] - place[0])
                weights = graph.make("slice", (b,), part, shape, b.dtype, e.line)
                done[id(e)] = graph.make("matmul", (a, weights), (), e.shape, e.dtype, e.line)
                continue
        changed = any([i is not old for i, old in zip(inputs, e.inputs)])
        done[id(e)] = e if not changed else graph.make(
            e.op, inputs, e.options, e.shape, e.dtype, e.line
        )  # fmt: skip
    return {name: None if e is None else done[id(e)] for name, e in gradients.items()}


def _with_rows_first(
    graph: Graph, results: dict[str, Expression], gradients: dict[str, Expression | None]
) -> tuple[dict[str, Expression], dict[str, Expression | None]]:
    """The same, where whatever has its rows along another axis is the transpose of what has not."""
    done: dict[int, Expression] = {}
    for e in _in_order([*results.values(), *[e for e in gradients.values() if e]]):
        inputs = tuple([done[id(i)] for i in e.inputs])
        new = e
        if any([i is not old for i, old in zip(inputs, e.inputs)]):
            new = Expression(e.op, inputs, e.options, e.shape, e.dtype, e.line)
        if e.op == "transpose" and inputs[0].op == "transpose":
            (inner,), (turns,) = inputs[0].inputs, inputs[0].options
            both = tuple([turns[k] for k in e.options[0]])
            new = Expression("transpose", (inner,), (both,), e.shape, e.dtype, e.line)
        rank = len(e.shape)
        axes = [k for k, n in enumerate(e.shape) if n and n % graph.batch == 0]
        from_first = e.op == "transpose" and has_rows_first(new.inputs[0], graph.batch)
        if axes and axes[0] and e.op not in ("input", "constant") and not from_first:
            order = (axes[0], *[k for k in range(rank) if k != axes[0]])
            back = tuple([order.index(k) for k in range(rank)])
            shape = tuple([e.shape[k] for k in order])
            first = Expression("transpose", (new,), (order,), shape, e.dtype, e.line)
            new = Expression("transpose", (first,), (back,), e.shape, e.dtype, e.line)
        done[id(e)] = new
    return (
        {name: done[id(e)] for name, e in results.items()},
        {name: None if e is None else done[id(e)] for name, e in gradients.items()},
    )


def _with_turned(part: list[Expression], turned: set[int]) -> list[Expression]:
    """A part, with what is turned before who reads it."""
    return _once([e for reader in part for e in (
        *[i for i in reader.inputs if id(i) in turned], reader)])  # fmt: skip


def _in_order(roots: Any) -> list[Expression]:
    """All that the roots are made of, operands first."""
    order: list[Expression] = []
    seen: set[int] = set()
    stack = [(e, False) for e in reversed(list(roots))]
    while stack:
        e, done = stack.pop()
        if done:
            order.append(e)
        elif id(e) not in seen:
            seen.add(id(e))
            stack.append((e, True))
            stack += [(i, False) for i in reversed(e.inputs) if id(i) not in seen]
    return list({id(e): e for e in order}.values())


def _once(expressions: Any) -> list[Expression]:
    return list({id(e): e for e in expressions}.values())


def _check(e: Expression, rows: dict[int, bool], over_batch: dict[int, bool], batch: int) -> None:
    """Refuse what no part can do."""
    line = f" ({e.line})" if e.line else ""
    if e.op in ("input", "constant"):
        return
    if over_batch[id(e)]:
        if not is_sum_over_batch(e, batch) and not is_linear(e, over_batch):
            raise Refused(f"one sequence depends on another: {e.op}{line}")
        return
    if not rows[id(e)]:
        return
    if any([over_batch[id(i)] for i in e.inputs]):
        raise Refused(f"one sequence depends on another: {e.op}{line}")
    if not is_rowwise(e, batch):
        shapes = ", ".join([str(i.shape) for i in e.inputs]).replace(str(batch), "N")
        what = e.options[0].__name__.strip("_") if e.op == "call" else f"{e.op} {e.options}"
        raise Refused(f"there is no instruction for {what} of {shapes}{line}")
