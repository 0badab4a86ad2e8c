"""What of a step runs before the loop over time, what in it, what after it.

    fixed     depends on parameters only: once, before all else
    before    depends on the inputs x only: for the rows of all steps at once
    forward   the loop over time, forward
    backward  the loop over time, backward: what the gradients of the states before need
    after     all else of the derivative, for the rows of all steps at once; there the products and
              sums over the batch are those over time, too: the gradients of the parameters
    last      what is made of those, which must be linear in them

Everything in the first five has rows, the sequences of the batch, and treats each alike: (N, width)
matrices, in products with fixed matrices, or entry by entry with each other, with columns (N, 1),
with fixed rows and with numbers. What is different raises `Refused`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .simplified import Expression, Graph, columns, is_number
from .traced import Refused

ENTRYWISE = {
    "add", "subtract", "multiply", "divide", "negative", "exp", "tanh", "sigmoid", "maximum",
    "minimum", "less_equal", "less", "greater", "greater_equal", "sqrt", "log", "absolute",
    "square", "where", "log1p", "sin", "cos", "logical_and", "logical_not", "equal",
    "sigmoid_gradient", "tanh_gradient",
}  # fmt: skip
LINEAR = {"add", "subtract", "negative", "transpose", "reshape", "slice", "place", "concatenate",
          "add.reduce", "broadcast"}  # fmt: skip


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


def scheduled(graph: Graph, wanted: set[str]) -> Schedule:
    """A schedule that computes the gradients of the inputs `wanted`, and of the states."""
    is_state = {f"state {k}" for k in range(len(graph.results) - 1)}
    gradients = {
        name: e for name, e in graph.gradients.items() if name in is_state or name in wanted
    }
    forward_all = _in_order(graph.results.values())
    all_of_it = _in_order([*graph.results.values(), *[e for e in gradients.values() if e]])
    rows = {id(e): _has_rows(e, graph.batch) for e in all_of_it}
    varies: dict[int, bool] = {}  # depends on states
    over_batch: dict[int, bool] = {}  # has lost its rows: a sum over the batch
    for e in all_of_it:
        name = e.options[0] if e.op == "input" else ""
        varies[id(e)] = name in is_state or any([varies[id(i)] for i in e.inputs])
        over_batch[id(e)] = not rows[id(e)] and any(
            [rows[id(i)] or over_batch[id(i)] for i in e.inputs]
        )
        _check(e, rows, over_batch, graph.batch)

    for name, g in gradients.items():
        of_one_step = name.startswith("parameter") and g is not None and not over_batch[id(g)]
        if g is not None and of_one_step and not is_number(g, 0):
            raise Refused("the gradient of a parameter does not depend on that of the output")

    ids_forward = {id(e) for e in forward_all}
    work = [e for e in all_of_it if e.op not in ("input", "constant")]
    fixed = [e for e in work if not rows[id(e)] and not over_batch[id(e)]]
    before = [e for e in work if id(e) in ids_forward and rows[id(e)] and not varies[id(e)]]
    forward = [e for e in work if id(e) in ids_forward and rows[id(e)] and varies[id(e)]]
    back = [e for e in work if id(e) not in ids_forward and rows[id(e)]]
    needed = {id(e) for e in _in_order([e for n, e in gradients.items() if n in is_state and e])}
    backward = [e for e in back if id(e) in needed]
    # of the others products run at once, after the loop; what is entry by entry would have to be
    # read again from memory, so it runs in the loop unless it needs something from after it
    late: set[int] = set()
    for e in back:
        if id(e) not in needed:
            if e.op == "matmul" or e.op == "transpose" or any([id(i) in late for i in e.inputs]):
                late.add(id(e))
            else:
                backward.append(e)
    order = {id(e): k for k, e in enumerate(all_of_it)}
    backward.sort(key=lambda e: order[id(e)])
    after = [e for e in back if id(e) in late]
    last = [e for e in work if over_batch[id(e)]]
    made_forward = {id(e) for e in (*before, *forward)}
    read_back = [i for e in (*backward, *after, *last) for i in e.inputs]
    read_back += [e for e in gradients.values() if e is not None]
    forward_inputs = {"x", *is_state}
    kept = _once([
        e for e in read_back
        if rows[id(e)]
        and (id(e) in made_forward or (e.op == "input" and e.options[0] in forward_inputs))
    ])  # fmt: skip
    in_loop = {id(e) for e in backward}
    above = {"d output", *[f"d {name}" for name in is_state]}
    saved = _once([
        i for e in (*after, *last) for i in e.inputs
        if id(i) in in_loop or (i.op == "input" and i.options[0] in above)
    ])  # fmt: skip
    saved = _once([*saved, *[
        e for n, e in gradients.items()
        if e is not None and n not in is_state
        and (id(e) in in_loop or (e.op == "input" and e.options[0] in above))
    ]])  # fmt: skip
    return Schedule(
        fixed,
        before,
        forward,
        backward,
        after,
        last,
        kept,
        saved,
        graph.results,
        gradients,
        graph.inputs,
    )


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


def _has_rows(e: Expression, batch: int) -> bool:
    return e.op != "constant" and batch in e.shape


def _check(e: Expression, rows: dict[int, bool], over_batch: dict[int, bool], batch: int) -> None:
    """Refuse what no part can do."""
    if e.op in ("input", "constant"):
        if rows[id(e)] and (len(e.shape) != 2 or e.shape[0] != batch):
            raise Refused(f"there is no instruction for states and inputs of shape {e.shape[1:]}")
        return
    line = f" ({e.line})" if e.line else ""
    if over_batch[id(e)]:
        if not _is_sum_over_batch(e, rows, batch) and not _is_linear(e, over_batch):
            raise Refused(f"one sequence depends on another: {e.op}{line}")
        return
    if not rows[id(e)]:
        return
    if any([over_batch[id(i)] for i in e.inputs]):
        raise Refused(f"one sequence depends on another: {e.op}{line}")
    if e.op == "transpose" and len(e.shape) == 2 and e.shape[1] == batch:
        return  # (w, N), for products over the batch
    fits = len(e.shape) == 2 and e.shape[0] == batch
    if fits and e.op == "cast":
        fits = e.inputs[0].dtype.kind == "b" and e.dtype.kind == "f"
    elif fits and e.op in ENTRYWISE:
        fits = all([_fits_beside(i, e.shape, rows[id(i)], batch) for i in e.inputs])
    elif fits and e.op in ("matmul", "affine"):
        a, b = e.inputs[:2]
        fits = rows[id(a)] and not rows[id(b)] and a.shape[0] == batch and len(b.shape) == 2
    elif fits and e.op == "slice":
        fits = columns(e) is not None
    elif fits and e.op == "place":
        where = e.options[1]
        fits = (
            len(where) == 2
            and where[0] == (None, None, None)
            and isinstance(where[1], tuple)
            and where[1][2] in (None, 1)
        )
    elif fits and e.op == "concatenate":
        fits = e.options[0] == 1 and all([rows[id(i)] or i.op == "constant" for i in e.inputs])
    elif fits and e.op in ("add.reduce", "maximum.reduce"):
        fits = e.options == ((1,), True)
    elif fits and e.op == "broadcast":
        fits = _fits_beside(e.inputs[0], e.shape, rows[id(e.inputs[0])], batch)
    else:
        fits = False
    if not fits:
        shapes = ", ".join([str(i.shape) for i in e.inputs]).replace(str(batch), "N")
        raise Refused(f"there is no instruction for {e.op} {e.options} of {shapes}{line}")


def _fits_beside(i: Expression, shape: tuple[int, ...], has_rows: bool, batch: int) -> bool:
    """Whether an operand can be read row by row beside a result of this shape."""
    if i.op == "constant" and i.value.ndim == 0:
        return True
    if has_rows or (i.shape and i.shape[0] == batch):
        return len(i.shape) == 2 and i.shape[0] == batch and i.shape[1] in (1, shape[1])
    flat = i.shape[1:] if len(i.shape) == 2 and i.shape[0] == 1 else i.shape
    return len(flat) <= 1 and (not flat or flat[0] in (1, shape[1]))


def _is_sum_over_batch(e: Expression, rows: dict[int, bool], batch: int) -> bool:
    if e.op == "add.reduce":
        (x,) = e.inputs
        return rows[id(x)] and e.options[0][0] == 0
    if e.op == "matmul":
        a, b = e.inputs
        return (
            a.op == "transpose" and len(a.shape) == 2 and a.shape[1] == batch
            and rows[id(b)] and len(b.shape) == 2 and b.shape[0] == batch
        )  # fmt: skip
    return False


def _is_linear(e: Expression, over_batch: dict[int, bool]) -> bool:
    sums = [over_batch[id(i)] for i in e.inputs]
    if e.op in ("multiply", "matmul", "divide"):
        return sum(sums) == 1 and (e.op != "divide" or sums[0])
    return e.op in LINEAR and all(
        [s or (i.op == "constant" and i.value.ndim == 0 and i.value == 0)
         for s, i in zip(sums, e.inputs)]
    )  # fmt: skip
