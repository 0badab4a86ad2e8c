"""The recurrences as operations: kernel forward, kernel gradient, reference for everything else.

`recur` is what one direction of one layer computes, `recur_once` what a cell does. Arguments are
checked by layers and cells, and once more by the kernels. Where there is no kernel
(`_kernel_for`) the reference runs, recorded operation by operation.

What must not be changed in place before backward is what PyTorch guards: what a product or a gate
would save there (`_guarded`). That is never less than the kernels read again in backward, except
for outputs, which they borrow (`minigrad.autograd.loans`).

Both take the same inputs: x, the two states h and c (None for zeros, and c where a recurrence has
only one state), and the five parameters w_ih, w_hh, b_ih, b_hh, w_hr, None for those that a
recurrence lacks.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _kernels
from ..autograd.engine import LENT, OUTPUT, edges_if_recording
from ..autograd.listening import heard, is_listening
from ..autograd.tensor_base import wrap
from ..ops.fused import Fused
from ..ops.join import stack
from .recurrence import BY_NAME, Recurrence
from .unroll import unroll

ndarray = np.ndarray


def _kernel_for(recurrence: Recurrence, dtype: Any) -> Any:
    """The kernel module that runs a recurrence on arrays of `dtype`; None: its step runs.

    There is none with ``MINIGRAD_KERNELS=reference``, for a dtype that kernels do not know, for a
    recurrence without a kernel page, and for one of a user's that has only the name of another.
    """
    kernels = _kernels.kernels_for(dtype)
    name = recurrence.name
    if kernels is None or BY_NAME.get(name) is not recurrence:
        return None
    return kernels.recurrent if name in kernels.recurrent.NAMES else None


def _states(recurrence: Recurrence, x: Any, h: Any, c: Any, w_hh: Any, w_hr: Any) -> list[Any]:
    """The states that a recurrence has, with zeros for None."""
    batch = x.shape[-2]
    sizes = (w_hh.shape[-1], w_hh.shape[-1] if w_hr is None else w_hr.shape[1])
    return [
        wrap(np.zeros((batch, size), x.array.dtype)) if state is None else state
        for state, size, _ in zip((h, c), sizes, recurrence.states)
    ]


def _guarded(
    recurrence: Recurrence, inputs: Sequence[Any], edges: Sequence[Any], steps: int
) -> list[Any]:
    """Which inputs must not change before backward: a product keeps the factor of a gradient."""
    x, h, c, w_ih, w_hh, _, _, w_hr = inputs
    for_x, for_h, _, for_w_ih, for_w_hh, _, _, _ = edges
    return [
        x if for_w_ih is not None else None,
        h if for_w_hh is not None or "h" in recurrence.saves else None,
        c,
        w_ih if for_x is not None else None,
        w_hh if for_h is not None or steps > 1 else None,
        w_hr,
    ]


def _copied_h(arrays: list[Any], edges: Sequence[Any]) -> tuple[int, ...]:
    """Copy h for a kernel that reads it, although with fixed weights nothing need save it."""
    if arrays[1] is None or edges[4] is not None:
        return ()
    arrays[1] = arrays[1].copy()
    return (1,)


# ------------------------------------------------------------------------------------------------
# A sequence: what one direction of one layer computes
# ------------------------------------------------------------------------------------------------


def _sequence_reference(
    x: Any, h: Any, c: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, w_hr: Any,
    recurrence: Recurrence, batch_sizes: ndarray | None, reverse: bool,
) -> tuple[Any, ...]:  # fmt: skip
    states = _states(recurrence, x, h, c, w_hh, w_hr)
    parameters = (w_ih, w_hh, b_ih, b_hh, w_hr)[: len(recurrence.parameters)]
    output, *ends = unroll(recurrence.step, x, states, parameters, batch_sizes, reverse)
    return output, *[stack([end]) for end in ends]


def _sequence_vjp(
    grads: list[Any], needs: list[bool], arrays: list[Any], options: tuple[Any, ...], kept: Any
) -> tuple[Any, ...]:
    recurrence, batch_sizes, reverse = options
    kernel, gates, output = kept
    d_output, *d_ends = grads
    d_h_n, d_c_n = [None if d is None else d[0] for d in d_ends] + [None] * (2 - len(d_ends))
    x, h, c, w_ih, w_hh, _, b_hh, w_hr = arrays
    return kernel.backward(
        recurrence.name, d_output, d_h_n, d_c_n, x, h, c, output, gates,
        w_ih, w_hh, b_hh, w_hr, batch_sizes, reverse, *needs,
    )  # fmt: skip


_SEQUENCE, _PACKED, _WHOLE = [
    Fused(name, _sequence_vjp, _sequence_reference, reads_output=True)
    for name in ("sequence", "sequence.packed", "sequence.lstm")
]


def recur(
    recurrence: Recurrence,
    x: Any,
    states: Sequence[Any],
    parameters: Sequence[Any],
    batch_sizes: ndarray | None = None,
    reverse: bool = False,
) -> tuple[Any, ...]:
    """Run a recurrence over sequences.

    Parameters
    ----------
    recurrence : Recurrence
    x : Tensor, shape (T, N, I), or (R, I) with `batch_sizes`
    states : (h, c)
        Tensors of shape (N, H), or None; with `batch_sizes` h must be given.
    parameters : (w_ih, w_hh, b_ih, b_hh, w_hr)
        Tensors or None.
    batch_sizes : ndarray of int64, optional
        How many sequences have each step: see `reference.unroll`.
    reverse : bool
        Run from each sequence's end to its beginning.

    Returns
    -------
    output : Tensor, shape (T, N, H) or (R, H)
    h_n : Tensor, shape (1, N, H)
    c_n : Tensor, shape (1, N, H)
        Only if the recurrence has two states.
    """
    if is_listening():
        return heard(recur, (recurrence, x, states, parameters, batch_sizes, reverse), {})
    inputs = (x, *states, *parameters)
    if batch_sizes is not None:
        batch_sizes = batch_sizes.copy()  # backward shall find what this call found
    options = (recurrence, batch_sizes, reverse)
    kernel = _kernel_for(recurrence, x.array.dtype)
    if kernel is None:
        return _SEQUENCE.reference(x.contiguous(), *inputs[1:], *options)
    edges = edges_if_recording(inputs)
    arrays: list[Any] = [None if v is None else v.array for v in inputs]
    copied: tuple[int, ...] = ()
    if x.view_of is not None and not arrays[0].flags.c_contiguous:
        # a batch that comes first is another layout: a copy, which backward needs, too
        arrays[0], copied = np.ascontiguousarray(arrays[0]), (0,)
    output, h_n, c_n, gates = kernel.forward(
        recurrence.name, *arrays, batch_sizes, reverse, edges is not None, True
    )
    results = (output, h_n[None]) if c_n is None else (output, h_n[None], c_n[None])
    if batch_sizes is not None:
        op = _PACKED
    elif "everything" in recurrence.saves and parameters[4] is None and output.dtype == np.float32:
        op = _WHOLE
    else:
        op = _SEQUENCE
    if edges is None:
        return op.call(None, inputs, options, None, results, arrays, ())
    steps = len(arrays[0] if batch_sizes is None else batch_sizes)
    if op is _WHOLE:  # in PyTorch one operation, which saves all that it has
        guarded = [*inputs, OUTPUT]
    else:
        guarded = [*_guarded(recurrence, inputs, edges, steps), LENT]
        if "copy of h" in recurrence.saves:
            copied += _copied_h(arrays, edges)
    if 0 in copied:
        guarded[0] = None
    kept = (kernel, gates)
    return op.call(edges, inputs, options, kept, results, arrays, guarded, copied)


def _sequence_on_arrays(
    keeps: bool, recurrence: Recurrence, x: Any, states: Any, parameters: Any, batch_sizes: Any,
    reverse: bool, kernel: Any = None,
) -> Any:  # fmt: skip
    kernel = kernel or _kernel_for(recurrence, x.dtype)
    arrays = [np.ascontiguousarray(x), *states, *parameters]
    output, h_n, c_n, gates = kernel.forward(
        recurrence.name, *arrays, batch_sizes, reverse, keeps, True
    )
    results = (output, h_n[None]) if c_n is None else (output, h_n[None], c_n[None])
    return results, arrays, (recurrence, batch_sizes, reverse), (kernel, gates, output)


recur.in_parts = _sequence_on_arrays  # type: ignore[attr-defined]


# ------------------------------------------------------------------------------------------------
# One step: what a cell computes
# ------------------------------------------------------------------------------------------------


def _step_reference(
    x: Any, h: Any, c: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, w_hr: Any,
    recurrence: Recurrence,
) -> tuple[Any, ...]:  # fmt: skip
    states = _states(recurrence, x, h, c, w_hh, w_hr)
    parameters = (w_ih, w_hh, b_ih, b_hh, w_hr)[: len(recurrence.parameters)]
    return recurrence.step(x, *states, *parameters)


def _step_vjp(
    grads: list[Any], needs: list[bool], arrays: list[Any], options: tuple[Any, ...], kept: Any
) -> tuple[Any, ...]:
    (recurrence,) = options
    kernel, output, gates = kept
    d_h, *d_c = grads
    x, h, c, w_ih, w_hh, _, b_hh, w_hr = arrays
    d_x, *others = kernel.backward(
        recurrence.name, None, d_h, d_c[0] if d_c else None, x[None], h, c, output, gates,
        w_ih, w_hh, b_hh, w_hr, None, False, *needs,
    )  # fmt: skip
    return None if d_x is None else d_x[0], *others


@functools.cache
def _step_op(name: str) -> Fused:
    """The operation that is one step of the recurrence of that name."""
    return Fused(f"{name}_step", _step_vjp, _step_reference)


def recur_once(
    recurrence: Recurrence, x: Any, states: Sequence[Any], parameters: Sequence[Any]
) -> tuple[Any, ...]:
    """One step of a recurrence: x (N, I) and states (N, H) to the next states, as a tuple."""
    if is_listening():
        return heard(recur_once, (recurrence, x, states, parameters), {})
    inputs = (x, *states, *parameters)
    kernel = _kernel_for(recurrence, x.array.dtype)
    if kernel is None:
        return _step_op(recurrence.name).reference(*inputs, recurrence)
    edges = edges_if_recording(inputs)
    arrays: list[Any] = [None if v is None else v.array for v in inputs]
    output, _, c_n, gates = kernel.forward(
        recurrence.name, arrays[0][None], *arrays[1:], None, False, edges is not None, False
    )
    results = (output[0],) if c_n is None else (output[0], c_n)
    op = _step_op(recurrence.name)
    if edges is None:
        return op.call(None, inputs, (recurrence,), None, results, arrays, ())
    guarded = _guarded(recurrence, inputs, edges, 1)
    copied: tuple[int, ...] = ()
    if "copy of h" in recurrence.saves:
        copied = _copied_h(arrays, edges)
    if "output" in recurrence.saves:
        guarded.append(OUTPUT)
    kept = (kernel, output, gates)
    return op.call(edges, inputs, (recurrence,), kept, results, arrays, guarded, copied)


def _step_on_arrays(
    keeps: bool, recurrence: Recurrence, x: Any, states: Any, parameters: Any, kernel: Any = None
) -> Any:  # fmt: skip
    kernel = kernel or _kernel_for(recurrence, x.dtype)
    arrays = [x, *states, *parameters]
    output, _, c_n, gates = kernel.forward(
        recurrence.name, x[None], *arrays[1:], None, False, keeps, False
    )
    results = (output[0],) if c_n is None else (output[0], c_n)
    return results, arrays, (recurrence,), (kernel, output, gates)


recur_once.in_parts = _step_on_arrays  # type: ignore[attr-defined]
