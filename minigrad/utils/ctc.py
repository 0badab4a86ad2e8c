"""Reading labels out of what a network trained with `minigrad.nn.CTCLoss` says."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..autograd.tensor_base import array_of

__all__ = ["Decoded", "beam_decode", "greedy_decode"]

ndarray = np.ndarray


class Decoded(NamedTuple):
    """Labels, and the logarithm of how likely they are."""

    labels: list[int]
    log_probability: float


def _sequences(log_probs: Any, input_lengths: Any, blank: int) -> tuple[list[ndarray], bool]:
    """The (T, C) of each sequence in double, and whether there was a batch of them."""
    x = np.asarray(array_of(log_probs), np.float64)
    if x.ndim not in (2, 3):
        raise ValueError(f"log_probs must be (T, N, C) or (T, C), got shape {list(np.shape(x))}")
    if not 0 <= blank < x.shape[-1]:
        raise ValueError(f"blank must be in label range: {blank} is none of {x.shape[-1]} classes")
    batched = x.ndim == 3
    x = x if batched else x[:, None]
    lengths = np.full(x.shape[1], len(x))
    if input_lengths is not None:
        lengths = np.atleast_1d(np.asarray(array_of(input_lengths)))
        if lengths.shape != (x.shape[1],) or not ((lengths >= 0) & (lengths <= len(x))).all():
            raise ValueError(
                f"input_lengths must be {x.shape[1]} numbers from 0 to {len(x)}, got "
                f"{lengths.tolist()}"
            )
    return [x[:length, n] for n, length in enumerate(lengths)], batched


def greedy_decode(log_probs: Any, input_lengths: Any = None, blank: int = 0) -> Any:
    """Take the likeliest class at each step, drop repetitions, then blanks.

    Parameters
    ----------
    log_probs : Tensor, shape (T, N, C) or (T, C)
    input_lengths : Tensor or sequence of int, shape (N,), optional
        How many steps each sequence has. Default: all have T.
    blank : int
        The class that stands for no label.

    Returns
    -------
    list of Decoded, or one of them for (T, C)
        The labels, and the logarithm of the probability of that one way to them: there are others.

    Raises
    ------
    ValueError
        The shapes, the lengths or the blank do not fit.

    Examples
    --------
    >>> import minigrad as mg
    >>> x = mg.tensor([[0.1, 0.9, 0.0], [0.2, 0.8, 0.0], [0.9, 0.1, 0.0], [0.3, 0.7, 0.0]])
    >>> greedy_decode(x.log()).labels
    [1, 1]
    """
    sequences, batched = _sequences(log_probs, input_lengths, blank)
    found = []
    for x in sequences:
        path = x.argmax(1)
        changes = np.diff(path, prepend=-1) != 0
        labels = [int(c) for c in path[changes] if c != blank]
        found.append(Decoded(labels, float(x.max(1).sum())))
    return found if batched else found[0]


def beam_decode(
    log_probs: Any, input_lengths: Any = None, blank: int = 0, beam_width: int = 16, top: int = 1
) -> Any:
    """Search for the likeliest labels, all ways to them counted.

    At each step the `beam_width` likeliest beginnings are kept. For each stands the probability
    that it was read with a blank last, and that with its own last label last: only after a blank
    may the same label follow again.

    Parameters
    ----------
    log_probs, input_lengths, blank
        See `greedy_decode`.
    beam_width : int
        With more, the result is likelier and takes longer.
    top : int
        How many results to return for each sequence, the likeliest first.

    Returns
    -------
    list of lists of Decoded, or one list for (T, C)
        The logarithm is that of the labels, all ways together that the search has kept.

    Raises
    ------
    ValueError
        As `greedy_decode`; `beam_width` or `top` is below 1.

    References
    ----------
    A. Graves, "Supervised Sequence Labelling with Recurrent Neural Networks", 2012, section 7.5.

    Examples
    --------
    At each step the blank is the likeliest, yet the label 1 is likelier than no label:

    >>> import minigrad as mg
    >>> x = mg.tensor([[0.6, 0.4], [0.6, 0.4]]).log()
    >>> greedy_decode(x).labels, beam_decode(x)[0].labels
    ([], [1])
    """
    if beam_width < 1 or top < 1:
        raise ValueError(f"beam_width and top must be at least 1, got {beam_width} and {top}")
    sequences, batched = _sequences(log_probs, input_lengths, blank)
    found = [_search(x, blank, max(beam_width, top))[:top] for x in sequences]
    return found if batched else found[0]


def _search(x: ndarray, blank: int, width: int) -> list[Decoded]:
    """The likeliest labels of one sequence (T, C)."""
    never = -np.inf
    beam: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, never)}  # blank last; label last
    for row in x:
        likely = [int(c) for c in np.argsort(-row, kind="stable")[: width + 1] if c != blank]
        longer: dict[tuple[int, ...], list[float]] = {}

        def add(labels: tuple[int, ...], place: int, p: float, into: Any = longer) -> None:
            pair = into.setdefault(labels, [never, never])
            pair[place] = np.logaddexp(pair[place], p)

        for labels, (after_blank, after_label) in beam.items():
            either = np.logaddexp(after_blank, after_label)
            add(labels, 0, either + row[blank])
            if labels:
                add(labels, 1, after_label + row[labels[-1]])
            for c in likely:
                before = after_blank if labels and c == labels[-1] else either
                add((*labels, c), 1, before + row[c])
        ranked = sorted(longer.items(), key=lambda item: -np.logaddexp(item[1][0], item[1][1]))
        beam = {labels: (pair[0], pair[1]) for labels, pair in ranked[:width]}
    return [Decoded(list(labels), float(np.logaddexp(*pair))) for labels, pair in beam.items()]
