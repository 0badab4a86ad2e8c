"""Connectionist temporal classification: the loss of a sequence whose labels have no times.

The network says at each of T steps how likely each of C classes is; class `blank` stands for "no
label". S labels may have come out of that in many ways, which are all summed: see the kernel,
`_kernels/ctc.pyx`, where the equations stand. The reference below says them in tensor operations,
for all sequences of a batch at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _kernels
from ..arrays import dtypes
from ..autograd.engine import OUTPUT, edges_if_recording
from ..autograd.listening import heard, is_listening
from ..autograd.primitive import primitive
from ..autograd.tensor_base import array_of, wrap
from .elementwise import div, exp, logaddexp
from .fused import Fused
from .index import gather, getitem, where
from .join import cat, stack
from .loss import check_reduction
from .reduce import logsumexp, mean
from .reduce import sum as sum_
from .shape import squeeze, unsqueeze

ndarray = np.ndarray
NO_WAY = -1e30  # the logarithm of a probability of 0: with infinities there would be NaN

# Infinite, where no way leads to the labels; then the gradient is NaN, as in PyTorch. (The factors
# are NaN there, else 1.)
_infinite = primitive("ctc_loss.infinite",
                      lambda x, factors: np.where(np.isnan(factors), np.array(np.inf, x.dtype), x),
                      x=lambda g, factors: g * factors)  # fmt: skip


def _labels(targets: ndarray, starts: ndarray, lengths: ndarray, filler: int) -> ndarray:
    """(N, S): the labels of each sequence, and behind them `filler`."""
    labels = np.full((len(lengths), max(lengths, default=0)), filler)
    for row, start, length in zip(labels, starts, lengths):
        row[:length] = targets[start : start + length]
    return labels


def _ctc_reference(
    x: Any, targets: ndarray, starts: ndarray, steps: ndarray, lengths: ndarray, blank: int,
    zero_infinity: bool,
) -> Any:  # fmt: skip
    dtype, (T, N, _) = x.array.dtype, x.array.shape
    labels = _labels(targets, starts, lengths, blank)
    S = labels.shape[1]

    def no_way(width: int) -> Any:
        return wrap(np.full((N, width), NO_WAY, dtype))

    fits = np.arange(S) < lengths[:, None]
    changes = np.pad(labels[:, 1:] != labels[:, :-1], ((0, 0), (1, 0)))[:, :S]
    skip = wrap(np.where(changes, 0, NO_WAY).astype(dtype))
    finite = where(wrap(x.array < NO_WAY), NO_WAY, x)
    emitted = gather(finite, 2, wrap(np.broadcast_to(labels, (T, N, S))))
    emitted = where(wrap(fits), emitted, NO_WAY)
    of_blank = getitem(finite, (slice(None), slice(None), slice(blank, blank + 1)))  # (T, N, 1)

    on_blank = cat([of_blank[0], no_way(S)], 1)  # (N, S + 1)
    on_label = cat([emitted[0][:, :1], no_way(S - 1)], 1) if S else no_way(0)  # (N, S)
    blanks, lasts = [], []
    for t in range(T):
        last = cat([no_way(1), on_label], 1)  # (N, S + 1): on label i - 1
        if t:
            ways = stack([on_label, on_blank[:, :-1], last[:, :-1] + skip])
            on_label = emitted[t] + logsumexp(ways, 0)
            on_blank = of_blank[t] + logaddexp(on_blank, last)
            last = cat([no_way(1), on_label], 1)
        blanks.append(on_blank)
        lasts.append(last)

    ends = (np.maximum(steps - 1, 0), np.arange(N), lengths)
    loss = -logaddexp(stack(blanks)[ends], stack(lasts)[ends])
    lost = loss.array > -NO_WAY / 10
    none = steps == 0
    loss = where(wrap(none), np.where(lengths, np.inf, 0).astype(dtype), loss)
    # 0, with the gradient that a log_softmax before would have anyway: see the kernel
    counts = (np.arange(T)[:, None] < steps)[:, :, None]
    mass = sum_(where(wrap(counts), exp(x), 0), (0, 2))
    loss = loss + (mass - wrap(mass.array))
    lost = lost & ~none
    if zero_infinity:
        return where(wrap(lost), np.array(np.inf, dtype), loss)
    return _infinite(loss, np.where(lost, np.nan, 1).astype(dtype))


def _ctc_vjp(
    grads: list[Any], needs: list[bool], arrays: list[Any], options: tuple[Any, ...], kept: Any
) -> tuple[Any, ...]:
    kernel, states, loss = kept
    *_, blank, zero_infinity = options
    return (kernel.ctc_backward(grads[0], arrays[0], blank, zero_infinity, loss, states),)


_CTC = Fused("ctc_loss", _ctc_vjp, _ctc_reference, reads_output=True)


# ------------------------------------------------------------------------------------------------
# Checks
# ------------------------------------------------------------------------------------------------


def _checked_lengths(name: str, given: Any, batch: int, most: int) -> ndarray:
    """Lengths as int64 (N,): each from 0 to `most`."""
    lengths = np.asarray(array_of(given))
    if lengths.dtype.kind not in "iu" and lengths.size:
        raise RuntimeError(f"{name} must be integral, got {lengths.dtype}")
    lengths = np.atleast_1d(lengths).astype(np.int64)
    if lengths.shape != (batch,):
        raise RuntimeError(
            f"{name} must be of size batch_size: got shape {list(lengths.shape)} for a batch of "
            f"{batch}"
        )
    for bound, wrong in (("least 0", lengths < 0), (f"most {most}", lengths > most)):
        if wrong.any():
            n = int(wrong.argmax())
            raise RuntimeError(
                f"Expected {name} to have value at {bound}, but got value {lengths[n]} "
                f"(sequence {n} of the batch)"
            )
    return lengths


def _checked_targets(targets: Any, given: Any, batch: int) -> tuple[ndarray, ndarray, ndarray]:
    """All labels in a row, where those of each sequence begin, and how many there are."""
    labels = array_of(targets)
    if labels.ndim not in (1, 2):
        raise RuntimeError(
            f"Expected 1 to 2 dimensions, but got {labels.ndim}-dimensional tensor for argument #2 "
            f"'targets': its shape {list(labels.shape)} should be (N, S) or (sum of lengths,)"
        )
    lengths = _checked_lengths("target_lengths", given, batch, np.iinfo(np.int64).max)
    if labels.ndim == 2:
        most = max(lengths, default=0)
        if labels.shape[0] != batch:
            raise RuntimeError(
                f"Expected tensor to have size {batch} at dimension 0, but got size "
                f"{labels.shape[0]} for argument #2 'targets': log_probs has a batch of {batch}"
            )
        if labels.shape[1] < most:
            raise RuntimeError(
                f"Expected tensor to have size at least {most} at dimension 1, but got size "
                f"{labels.shape[1]} for argument #2 'targets': target_lengths says so"
            )
        starts = np.arange(batch) * labels.shape[1]
    else:
        if len(labels) != lengths.sum():
            raise RuntimeError(
                f"Expected tensor to have size {lengths.sum()} at dimension 0, but got size "
                f"{len(labels)} for argument #2 'targets': the sum of target_lengths"
            )
        starts = np.cumsum(lengths) - lengths
    return labels.ravel().astype(np.int64), starts, lengths


def _check_labels(labels: ndarray, starts: ndarray, lengths: ndarray, classes: int) -> None:
    for n, (start, length) in enumerate(zip(starts, lengths)):
        own = labels[start : start + length]
        wrong = (own < 0) | (own >= classes)
        if wrong.any():
            raise IndexError(
                f"Target {own[wrong.argmax()]} is out of bounds: sequence {n} of the batch, label "
                f"{wrong.argmax()}, must be from 0 to {classes - 1}, and not the blank"
            )


# ------------------------------------------------------------------------------------------------
# The operation
# ------------------------------------------------------------------------------------------------


def ctc_loss(
    log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int = 0,
    reduction: str = "mean", zero_infinity: bool = False,
) -> Any:  # fmt: skip
    """The loss of Connectionist Temporal Classification: see `minigrad.nn.CTCLoss`."""
    given = (log_probs, targets, input_lengths, target_lengths, blank, reduction, zero_infinity)
    if is_listening():
        return heard(ctc_loss, given, {})
    check_reduction(reduction)
    x = log_probs.array
    if x.ndim not in (2, 3):
        raise RuntimeError(
            f"Expected 3-dimensional tensor, but got {x.ndim}-dimensional tensor for argument #1 "
            f"'log_probs': its shape {list(x.shape)} should be (T, N, C) or (T, C)"
        )
    if not x.size:
        raise RuntimeError(f"log_probs tensor must not be empty, got shape {list(x.shape)}")
    if x.dtype not in (np.float32, np.float64):
        raise NotImplementedError(
            f"\"ctc_loss\" not implemented for '{dtypes.legacy_name(x.dtype)}'; use "
            "log_probs.float()"
        )
    batched = x.ndim == 3
    scores = log_probs if batched else unsqueeze(log_probs, 1)
    steps, batch, classes = scores.array.shape
    if not 0 <= blank < classes:
        raise RuntimeError(f"blank must be in label range: {blank} is none of {classes} classes")
    in_lengths = _checked_lengths("input_lengths", input_lengths, batch, steps)
    labels, starts, lengths = _checked_targets(targets, target_lengths, batch)

    options = (labels, starts, in_lengths, lengths, blank, bool(zero_infinity))
    kernels = _kernels.kernels_for(x.dtype)
    if kernels is None:
        _check_labels(labels, starts, lengths, classes)
        loss = _CTC.reference(scores, *options)
    else:
        inputs, array = (scores,), np.ascontiguousarray(scores.array)
        edges = edges_if_recording(inputs)
        try:
            value, states = kernels.ctc.ctc_forward(
                array, labels, starts, in_lengths, lengths, blank, edges is not None
            )
        except IndexError:
            _check_labels(labels, starts, lengths, classes)  # says where
            raise
        copied = () if array is scores.array else (0,)
        guarded = [None if copied else scores, OUTPUT]
        loss = _CTC.call(
            edges, inputs, options, (kernels.ctc, states), value, [array], guarded, copied
        )
    if zero_infinity:
        loss = where(wrap(np.isposinf(loss.array)), np.array(0, x.dtype), loss)
    if reduction == "sum":
        return sum_(loss)
    if reduction == "mean":
        return mean(div(loss, wrap(np.maximum(lengths, 1).astype(x.dtype))))
    return loss if batched else squeeze(loss, 0)
