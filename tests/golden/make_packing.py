"""Regenerate ``packing.npz``: how PyTorch 2.13 packs and pads sequences of different lengths.

    python tests/golden/make_packing.py

needs torch. Besides, it checks the claims below against PyTorch.
"""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

HERE = Path(__file__).parent
TARGET = HERE / "packing.npz"
facts = SimpleNamespace(**runpy.run_path(str(HERE / "facts.py")))

# ------------------------------------------------------------------------------------------------
# Runs
# ------------------------------------------------------------------------------------------------


def run_round_trip(
    t: Any, lengths: list[int], steps: int, row: tuple[int, ...], batch_first: bool,
    enforce_sorted: bool, dtype: str,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Pack, pad again in several ways, unpack; and the gradients of packing and of padding."""
    rnn = t.nn.utils.rnn
    n = len(lengths)
    shape = (n, steps, *row) if batch_first else (steps, n, *row)
    x = t.tensor(facts.numbers(1, *shape, dtype=dtype), requires_grad=True)
    packed = rnn.pack_padded_sequence(x, lengths, batch_first, enforce_sorted)
    found = {
        "data": packed.data,
        "batch_sizes": packed.batch_sizes,
        "sorted_indices": packed.sorted_indices,
        "unsorted_indices": packed.unsorted_indices,
    }
    for first in (False, True):
        padded, found_lengths = rnn.pad_packed_sequence(packed, first, -2.5, steps + 2)
        found |= {f"padded {first}": padded, f"lengths {first}": found_lengths}
    padded, _ = rnn.pad_packed_sequence(packed, batch_first)
    found["padded"] = padded
    found |= {f"sequence {k}": s for k, s in enumerate(rnn.unpack_sequence(packed))}
    weights = t.tensor(facts.numbers(2, *padded.shape, dtype=dtype))
    loss = (padded * padded * weights).sum()
    for_data, for_x = t.autograd.grad(loss, [packed.data, x])
    found |= {"d_data": for_data, "d_x": for_x}
    return {name: facts.array(value) for name, value in found.items()}


LENGTHS = {
    "one": ([3], 3),
    "equal": ([4, 4, 4], 4),
    "sorted": ([5, 3, 3, 1], 5),
    "shorter than the batch": ([3, 2, 2, 1], 6),
    "unsorted": ([2, 5, 1, 5, 3], 5),
    "rising": ([1, 2, 3, 4], 4),
    "one step": ([1, 1, 1], 1),
    "many": (((np.arange(40) * 7) % 11 + 1).tolist(), 11),
}


def round_trips() -> dict[str, dict[str, Any]]:
    """All lengths, both layouts, sorted or not; the shape of a step and dtypes in turn."""
    cases = {}
    rows: tuple[tuple[int, ...], ...] = ((3,), (), (2, 2), (1,))
    for k, (name, (lengths, steps)) in enumerate(LENGTHS.items()):
        for batch_first in (False, True):
            for enforce_sorted in (False, True):
                if enforce_sorted and lengths != sorted(lengths, reverse=True):
                    continue
                dtype = ("float32", "float64")[(k + batch_first) % 2]
                row = rows[(k + enforce_sorted) % 4]
                cases[f"{name}-{batch_first}-{enforce_sorted}-{dtype}"] = {
                    "lengths": lengths, "steps": steps, "row": row, "batch_first": batch_first,
                    "enforce_sorted": enforce_sorted, "dtype": dtype,
                }  # fmt: skip
    return cases


def run_order(t: Any, n: int) -> dict[str, np.ndarray]:
    """The order of n sequences, many of them equally long; random, sorted, and in other patterns."""
    random = np.random.RandomState(n)
    found = {}
    for most in (1, 2, 3, 10, 50):
        lengths = random.randint(1, most + 1, n)
        patterns = {
            "random": lengths,
            "rising": np.sort(lengths),
            "falling": np.sort(lengths)[::-1].copy(),
            "there and back": np.concatenate([np.sort(lengths[::2]), np.sort(lengths[1::2])[::-1]]),
            "saw": np.arange(n) % most + 1,
        }
        for name, pattern in patterns.items():
            x = t.tensor(np.arange(most * n).reshape(most, n))
            packed = t.nn.utils.rnn.pack_padded_sequence(x, t.tensor(pattern), enforce_sorted=False)
            found[f"{name} {most}"] = facts.array(packed.sorted_indices)
    return found


def run_pad_sequence(t: Any, dtype: str) -> dict[str, np.ndarray]:
    """Lists of sequences, in all layouts, with gradients; and packed."""
    rnn = t.nn.utils.rnn
    found = {}
    for row in ((), (2,), (2, 3)):
        lengths = [2, 4, 0, 1, 4]
        sequences = [
            t.tensor(facts.numbers(k, n, *row, dtype=dtype), requires_grad=True)
            for k, n in enumerate(lengths)
        ]
        for batch_first in (False, True):
            for side in ("left", "right"):
                padded = rnn.pad_sequence(sequences, batch_first, 0.25, side)
                weights = t.tensor(facts.numbers(9, *padded.shape, dtype=dtype))
                grads = t.autograd.grad((padded * padded * weights).sum(), sequences)
                name = f"{row} {batch_first} {side}"
                found |= {name: padded} | {f"{name} {k}": g for k, g in enumerate(grads)}
            data = padded.detach().clone()
            pieces = rnn.unpad_sequence(data, t.tensor(lengths), batch_first)
            found |= {f"{row} {batch_first} piece {k}": piece for k, piece in enumerate(pieces)}
        packed = rnn.pack_sequence([s for s in sequences if len(s)], enforce_sorted=False)
        found |= {f"{row} packed {k}": part for k, part in enumerate(packed)}
    return {name: facts.array(value) for name, value in found.items()}


RUNS = (
    {n: (lambda t, case=case: run_round_trip(t, **case)) for n, case in round_trips().items()}
    | {
        f"order of {n}": (lambda t, n=n: run_order(t, n))
        for n in (1, 2, 15, 16, 17, 18, 31, 32, 33, 64, 100, 300)
    }
    | {f"lists-{d}": (lambda t, d=d: run_pad_sequence(t, d)) for d in ("float32", "float64")}
)

# ------------------------------------------------------------------------------------------------
# Claims
# ------------------------------------------------------------------------------------------------


def x432(t: Any) -> Any:
    """A batch of T=4, N=3."""
    return t.arange(24.0).reshape(4, 3, 2)


def pack(lengths: Any, **options: Any) -> Any:
    """A scene: pack `x432` with these lengths (a function makes them of the namespace)."""
    return lambda t: t.nn.utils.rnn.pack_padded_sequence(
        x432(t), lengths(t) if callable(lengths) else lengths, **options
    )


def by_hand(sizes: Any, *indices: Any, rows: int = 4) -> Any:
    """A packed sequence, made from its parts."""

    def scene(t: Any) -> Any:
        parts = [None if i is None else t.tensor(i) for i in (sizes, *indices)]
        return t.nn.utils.rnn.PackedSequence(t.arange(float(rows)).reshape(rows, 1), *parts)

    return scene


def padding(make: Any, *args: Any, **options: Any) -> Any:
    """A scene: pad what `make` makes."""
    return lambda t: t.nn.utils.rnn.pad_packed_sequence(make(t), *args, **options)


def joined(*sequences: Any, **options: Any) -> Any:
    """A scene: pad_sequence of zeros of these shapes."""
    return lambda t: t.nn.utils.rnn.pad_sequence([t.zeros(s) for s in sequences], **options)


def apart(lengths: Any, **options: Any) -> Any:
    """A scene: unpad `x432`."""
    return lambda t: t.nn.utils.rnn.unpad_sequence(x432(t), t.tensor(lengths), **options)


_ONE_DIMENSION = r"'lengths' argument should be a 1D CPU int64 tensor, but got {}D cpu Long tensor"
_COUNT = r"Expected `len\(lengths\)` to be equal to batch_size, but got {} \(batch_size={}\)"
_SORTED = (
    r"`lengths` array must be sorted in decreasing order when `enforce_sorted` is True\. You can pass "
    r"`enforce_sorted=False` to pack_padded_sequence and/or pack_sequence"
)
_POSITIVE = (
    "Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0"
)
_PAIR = "Expected data to be a list or tuple of length 2"

ERRORS: dict[str, Any] = {
    "pack: unsorted": ("RuntimeError", _SORTED, pack([2, 4, 2])),
    "pack: length zero": ("RuntimeError", _POSITIVE, pack([4, 2, 0])),
    "pack: length zero, unsorted": (
        "RuntimeError", _POSITIVE, pack([4, 0, 2], enforce_sorted=False),
    ),
    "pack: negative": ("RuntimeError", _POSITIVE, pack([4, 2, -1])),
    "pack: too few": ("RuntimeError", _COUNT.format(2, 3), pack([4, 2])),
    "pack: too many": ("RuntimeError", _COUNT.format(4, 3), pack([4, 2, 1, 1])),
    "pack: no lengths": ("RuntimeError", _COUNT.format(0, 3), pack([])),
    "pack: the other layout": ("RuntimeError", _COUNT.format(3, 4), pack([4, 2, 2], batch_first=True)),
    "pack: lengths a number": ("RuntimeError", _ONE_DIMENSION.format(0), pack(4)),
    "pack: lengths 0-d": ("RuntimeError", _ONE_DIMENSION.format(0), pack(lambda t: t.tensor(4))),
    "pack: lengths 2-d": (
        "RuntimeError", _ONE_DIMENSION.format(2), pack(lambda t: t.tensor([[4, 2, 2]])),
    ),
    "pack: lengths a text": ("TypeError", "", pack("abc")),
    "pack: lengths None": ("TypeError", "", pack(None)),
    "pack: a list": (
        "TypeError", r"_pack_padded_sequence\(\): argument 'input' \(position 1\) must be Tensor, not list",
        lambda t: t.nn.utils.rnn.pack_padded_sequence([1, 2], [1]),
    ),
    "pack: an array": (
        "TypeError", r"argument 'input' \(position 1\) must be Tensor, not numpy\.ndarray",
        lambda t: t.nn.utils.rnn.pack_padded_sequence(np.ones((2, 3)), [2, 2, 1]),
    ),
    "pack: 1-d": (
        "IndexError", r"Dimension out of range \(expected to be in range of \[-1, 0\], but got 1\)",
        lambda t: t.nn.utils.rnn.pack_padded_sequence(t.zeros(3), [1]),
    ),
    "pack: 0-d": (
        "IndexError", "Dimension specified as 1 but tensor has no dimensions",
        lambda t: t.nn.utils.rnn.pack_padded_sequence(t.tensor(3.0), [1]),
    ),
    "pack: no sequences": (
        "RuntimeError", r"Cannot pack empty tensors\.",
        lambda t: t.nn.utils.rnn.pack_padded_sequence(t.zeros(4, 0, 2), []),
    ),
    "pack: no steps": (
        "RuntimeError", r"Cannot pack empty tensors\.",
        lambda t: t.nn.utils.rnn.pack_padded_sequence(t.zeros(0, 2, 3), [1, 1]),
    ),
    "pack: no features": (
        "RuntimeError", r"Cannot pack empty tensors\.",
        lambda t: t.nn.utils.rnn.pack_padded_sequence(t.zeros(3, 2, 0), [3, 1]),
    ),
    "pad: total length": (
        "ValueError",
        "Expected total_length to be at least the length of the longest sequence in input, but got "
        "total_length=3 and max sequence length being 4",
        padding(pack([4, 2, 2]), total_length=3),
    ),
    "pad: total length 0": (
        "ValueError", "Expected total_length to be at least", padding(pack([4, 2, 2]), total_length=0),
    ),
    "pad: total length a float": (
        "TypeError", r"argument 'total_length' \(position 5\) must be int, not float",
        padding(pack([4, 2, 2]), total_length=6.0),
    ),
    "pad: value None": (
        "TypeError", r"argument 'padding_value' \(position 4\) must be Number, not NoneType",
        padding(pack([4, 2, 2]), padding_value=None),
    ),
    "pad: value a text": (
        "TypeError", r"argument 'padding_value' \(position 4\) must be Number, not str",
        padding(pack([4, 2, 2]), padding_value="a"),
    ),
    "pad: nan among integers": (
        "RuntimeError", "value cannot be converted to type int64_t without overflow",
        padding(lambda t: pack([4, 2, 2])(t).long(), padding_value=float("nan")),
    ),
    "pad: a tensor": (
        "AttributeError", "'Tensor' object has no attribute 'batch_sizes'", padding(x432),
    ),
    "pad: a tuple": (
        "AttributeError", "'tuple' object has no attribute 'batch_sizes'",
        padding(lambda t: tuple(pack([4, 2, 2])(t))),
    ),
    "pad: None": (
        "AttributeError", "'NoneType' object has no attribute 'batch_sizes'", padding(lambda t: None),
    ),
    "pad: too few rows": ("RuntimeError", "shape .* is invalid", padding(by_hand([2, 2, 2]))),
    "pad: batch sizes grow": ("RuntimeError", "", padding(by_hand([1, 2, 1]))),
    "pad: batch size 0": ("RuntimeError", "", padding(by_hand([0, 2, 2]))),
    "pad: no batch sizes": (
        "RuntimeError", "batch_sizes can not be empty",
        padding(lambda t: t.nn.utils.rnn.PackedSequence(t.zeros(0, 1), t.zeros(0).long())),
    ),
    "pad: batch sizes int32": (
        "RuntimeError", "should be a 1D CPU int64 tensor, but got 1D cpu Int tensor",
        padding(lambda t: t.nn.utils.rnn.PackedSequence(t.zeros(4, 1), t.tensor([2, 1, 1]).int())),
    ),
    "pad: indices of more sequences": ("RuntimeError", "", padding(by_hand([2, 1, 1], [1, 0, 2]))),
    "PackedSequence: no batch sizes": (
        "AssertionError", _PAIR, lambda t: t.nn.utils.rnn.PackedSequence(t.zeros(4, 1)),
    ),
    "PackedSequence: a tuple of four": (
        "AssertionError", _PAIR,
        lambda t: t.nn.utils.rnn.PackedSequence(tuple(pack([4, 2, 2])(t))),
    ),
    "PackedSequence: a tuple of one": (
        "AssertionError", _PAIR, lambda t: t.nn.utils.rnn.PackedSequence((t.zeros(4, 1),)),
    ),
    "PackedSequence: nothing": (
        "TypeError", "missing 1 required positional argument: 'data'",
        lambda t: t.nn.utils.rnn.PackedSequence(),
    ),
    "PackedSequence: batch sizes a list": (
        "AttributeError", "'list' object has no attribute 'device'",
        lambda t: t.nn.utils.rnn.PackedSequence(t.zeros(4, 1), [2, 1, 1]),
    ),
    "PackedSequence: indices a list": (
        "TypeError", "must be Tensor, not list",
        lambda t: t.nn.utils.rnn.PackedSequence(t.zeros(4, 1), t.tensor([2, 1, 1]), [1, 0]),
    ),
    "PackedSequence: indices floats": (
        "RuntimeError", "Expected dtype int32/int64 for index", by_hand([2, 1, 1], [1.0, 0.0]),
    ),
    "PackedSequence: cuda": (
        "AssertionError", "Torch not compiled with CUDA enabled", lambda t: by_hand([2, 1, 1])(t).cuda(),
    ),
    "PackedSequence: pinned": (
        "RuntimeError", "Cannot access accelerator device when none is available",
        lambda t: by_hand([2, 1, 1])(t).pin_memory(),
    ),
    "PackedSequence: copied": (
        "RuntimeError", r"\.to\(\) does not accept copy argument",
        lambda t: by_hand([2, 1, 1])(t).to("cpu", copy=True),
    ),
    "PackedSequence: bool": (
        "AttributeError", "'PackedSequence' object has no attribute 'bool'",
        lambda t: by_hand([2, 1, 1])(t).bool(),
    ),
    "invert: floats": (
        "RuntimeError", "Expected dtype int32/int64 for index",
        lambda t: t.nn.utils.rnn.invert_permutation(t.tensor([1.0, 0.0])),
    ),
    "invert: a list": (
        "TypeError", "must be Tensor, not list", lambda t: t.nn.utils.rnn.invert_permutation([1, 0]),
    ),
    "invert: too large": (
        "RuntimeError", "index 5 is out of bounds for dimension 0 with size 3",
        lambda t: t.nn.utils.rnn.invert_permutation(t.tensor([5, 0, 1])),
    ),
    "invert: 2-d": (
        "IndexError", "Dimension out of range",
        lambda t: t.nn.utils.rnn.invert_permutation(t.tensor([[2, 0, 1]])),
    ),
    "pad_sequence: a number": (
        "RuntimeError",
        "pad_sequence: Expected iterable for input sequences, but got arg of type: <class 'int'>",
        lambda t: t.nn.utils.rnn.pad_sequence(3),
    ),
    "pad_sequence: None": (
        "RuntimeError", "Expected iterable for input sequences, but got arg of type: <class 'NoneType'>",
        lambda t: t.nn.utils.rnn.pad_sequence(None),
    ),
    "pad_sequence: empty": ("RuntimeError", "received an empty list of sequences", joined()),
    "pad_sequence: side": (
        "RuntimeError", r"Expected padding_side to be one of left or right, but got middle\.",
        joined(2, padding_side="middle"),
    ),
    "pad_sequence: side None": (
        "TypeError", r"argument 'padding_side' \(position 4\) must be str, not NoneType",
        joined(2, padding_side=None),
    ),
    "pad_sequence: value a text": (
        "TypeError", r"argument 'padding_value' \(position 3\) must be float, not str",
        joined(2, padding_value="x"),
    ),
    "pad_sequence: value None": (
        "TypeError", r"argument 'padding_value' \(position 3\) must be float, not NoneType",
        joined(2, padding_value=None),
    ),
    "pad_sequence: a list inside": (
        "TypeError", "expected Tensor as element 1 in argument 0, but got list",
        lambda t: t.nn.utils.rnn.pad_sequence([t.zeros(2), [1.0]]),
    ),
    "pad_sequence: an array inside": (
        "TypeError", r"expected Tensor as element 0 in argument 0, but got numpy\.ndarray",
        lambda t: t.nn.utils.rnn.pad_sequence([np.zeros(2)]),
    ),
    "pad_sequence: an array": (
        "TypeError", r"expected Tensor as element 0 in argument 0, but got numpy\.ndarray",
        lambda t: t.nn.utils.rnn.pad_sequence(np.zeros((2, 3))),
    ),
    "pad_sequence: a text": (
        "TypeError", "expected Tensor as element 0 in argument 0, but got str",
        lambda t: t.nn.utils.rnn.pad_sequence("ab"),
    ),
    "pad_sequence: 0-d": (
        "TypeError", "iteration over a 0-d tensor",
        lambda t: t.nn.utils.rnn.pad_sequence(t.tensor(1.0)),
    ),
    "pad_sequence: numbers": ("RuntimeError", "", joined((), ())),
    "pad_sequence: shapes": (
        "RuntimeError",
        r"The size of tensor a \(3\) must match the size of tensor b \(4\) at non-singleton dimension 1",
        joined((2, 3), (2, 4)),
    ),
    "pad_sequence: ranks": ("RuntimeError", "The size of tensor", joined((2, 3), (2,))),
    "unpad: too few": ("ValueError", "", apart([2, 4])),
    "unpad: too many": ("ValueError", "", apart([2, 4, 1, 1])),
    "unpad: 2-d": ("RuntimeError", "", apart([[2, 4, 1]])),
    "unpad: 1-d": (
        "IndexError", "Dimension out of range",
        lambda t: t.nn.utils.rnn.unpad_sequence(t.zeros(3), t.tensor([2, 4, 1])),
    ),
    "unpad: a list": (
        "AttributeError", "'list' object has no attribute 'transpose_'",
        lambda t: t.nn.utils.rnn.unpad_sequence([1], t.tensor([1])),
    ),
    "pack_sequence: unsorted": (
        "RuntimeError", _SORTED, lambda t: t.nn.utils.rnn.pack_sequence([t.zeros(1), t.zeros(2)]),
    ),
    "pack_sequence: empty": (
        "RuntimeError", "received an empty list of sequences",
        lambda t: t.nn.utils.rnn.pack_sequence([]),
    ),
    "pack_sequence: None": (
        "TypeError", "'NoneType' object is not iterable", lambda t: t.nn.utils.rnn.pack_sequence(None),
    ),
    "pack_sequence: length zero": (
        "RuntimeError", _POSITIVE, lambda t: t.nn.utils.rnn.pack_sequence([t.zeros(2), t.zeros(0)]),
    ),
    "pack_sequence: a list inside": (
        "AttributeError", "'list' object has no attribute 'size'",
        lambda t: t.nn.utils.rnn.pack_sequence([t.zeros(2), [1.0]]),
    ),
    "pack_sequence: numbers": (
        "IndexError", "Dimension specified as 0 but tensor has no dimensions",
        lambda t: t.nn.utils.rnn.pack_sequence([t.tensor(1.0)]),
    ),
    "unpack_sequence: a tensor": (
        "AttributeError", "'Tensor' object has no attribute 'batch_sizes'",
        lambda t: t.nn.utils.rnn.unpack_sequence(t.zeros(3)),
    ),
}  # fmt: skip


def itself(t: Any) -> list[bool]:
    """Which conversions give back the packed sequence itself."""
    p = by_hand([2, 1, 1], [1, 0])(t)
    return [
        q is p
        for q in (
            p.to(t.float32), p.to("cpu"), p.to(p.data), p.to("cpu", t.float32), p.to(device="cpu"), p.to(),
            p.to("cpu", copy=False), p.to("cpu", non_blocking=True), p.cpu(), p.float(),
            p.double(), p.to(t.float64), p.long(),
        )
    ]  # fmt: skip


def converted(t: Any) -> list[Any]:
    """The types after each conversion."""
    p = by_hand([2, 1, 1], [1, 0])(t)
    made = [p.double(), p.float(), p.half(), p.long(), p.int(), p.short(), p.char(), p.byte()]
    made += [p.to(dtype=t.int64), p.to("cpu", t.float64), p.to(t.zeros(1).double())]
    for q in made:
        assert q.batch_sizes is p.batch_sizes
        assert q.sorted_indices is p.sorted_indices
        assert q.unsorted_indices is p.unsorted_indices
    return [q.data.dtype for q in made]


def with_graph(t: Any, **options: Any) -> Any:
    """A packed sequence behind a tensor that requires a gradient."""
    x = x432(t).requires_grad_()
    return t.nn.utils.rnn.pack_padded_sequence(x, [4, 2, 2], **options)


def node_names(t: Any) -> list[str]:
    """The names that print as ``grad_fn``."""
    rnn = t.nn.utils.rnn
    unsorted = {"enforce_sorted": False}
    results = [
        with_graph(t).data,
        with_graph(t, **unsorted).data,
        rnn.pad_packed_sequence(with_graph(t))[0],
        rnn.pad_packed_sequence(with_graph(t), True)[0],
        rnn.pad_packed_sequence(with_graph(t, **unsorted))[0],
        rnn.pad_packed_sequence(with_graph(t, **unsorted), True)[0],
        rnn.pad_sequence([x432(t).requires_grad_()]),
        rnn.pack_sequence([x432(t).requires_grad_()]).data,
        rnn.unpack_sequence(with_graph(t))[0],
    ]
    return [re.findall(r"grad_fn=<(.*)>", repr(result))[0] for result in results]


TEXTS = [
    (
        "PackedSequence(data=tensor([[ 2.,  3.],\n        [ 0.,  1.],\n        [ 4.,  5.],\n"
        "        [ 8.,  9.],\n        [ 6.,  7.],\n        [14., 15.],\n        [20., 21.]]), "
        "batch_sizes=tensor([3, 2, 1, 1]), sorted_indices=tensor([1, 0, 2]), "
        "unsorted_indices=tensor([1, 0, 2]))",
        pack([2, 4, 1], enforce_sorted=False),
    ),
    (
        "PackedSequence(data=tensor([0, 3, 1, 4, 2, 5]), batch_sizes=tensor([2, 2, 2]), "
        "sorted_indices=None, unsorted_indices=None)",
        lambda t: t.nn.utils.rnn.pack_sequence(t.arange(6).reshape(2, 3)),
    ),
    (
        "PackedSequence(data=tensor([1., 2.], grad_fn=<PackPaddedSequenceBackward0>), "
        "batch_sizes=tensor([1, 1]), sorted_indices=None, unsorted_indices=None)",
        lambda t: t.nn.utils.rnn.pack_sequence([t.tensor([1.0, 2.0], requires_grad=True)]),
    ),
    (
        "PackedSequence(data=tensor([[0.],\n        [1.],\n        [2.],\n        [3.]]), "
        "batch_sizes=tensor([2, 1, 1]), sorted_indices=tensor([1, 0]), "
        "unsorted_indices=tensor([1, 0]))",
        by_hand([2, 1, 1], [1, 0]),
    ),
    (
        "PackedSequence(data=tensor([[0.]]), batch_sizes=tensor([1]), sorted_indices=None, "
        "unsorted_indices=None)",
        lambda t: t.nn.utils.rnn.PackedSequence((t.zeros(1, 1), t.tensor([1]))),
    ),
    (
        "PackedSequence(data=tensor([[0.]]), batch_sizes=tensor([1]), sorted_indices=None, "
        "unsorted_indices=tensor([0]))",
        lambda t: by_hand([1], None, [0], rows=1)(t),
    ),
    ("[True, True, True, True, True, True, True, True, True, True, False, False, False]", itself),
    (
        "[torch.float64, torch.float32, torch.float16, torch.int64, torch.int32, torch.int16, "
        "torch.int8, torch.uint8, torch.int64, torch.float64, torch.float64]",
        converted,
    ),
    ("False False", lambda t: facts.Plain(by_hand([2, 1, 1])(t).is_cuda, by_hand([2, 1, 1])(t).is_pinned())),
    (
        "('data', 'batch_sizes', 'sorted_indices', 'unsorted_indices')",
        lambda t: t.nn.utils.rnn.PackedSequence._fields,
    ),
    (
        "[True, True, True]",
        lambda t: [
            isinstance(by_hand([2, 1, 1])(t), tuple),
            isinstance(by_hand([2, 1, 1])(t)._replace(data=1), t.nn.utils.rnn.PackedSequence),
            len(by_hand([2, 1, 1])(t)) == 4,
        ],
    ),
    (
        "['PackPaddedSequenceBackward0', 'PackPaddedSequenceBackward0', 'CopySlices', "
        "'TransposeBackward0', 'IndexSelectBackward0', 'IndexSelectBackward0', 'CopySlices', "
        "'PackPaddedSequenceBackward0', 'IndexBackward0']",
        node_names,
    ),
    (
        "[torch.int64, torch.int64, torch.int64, torch.int64]",
        lambda t: [
            *(part.dtype for part in pack([2, 4, 1], enforce_sorted=False)(t)[1:]),
            padding(pack([4, 4, 1]))(t)[1].dtype,
        ],
    ),
    # lengths of other types
    ("tensor([3, 2, 1, 1])", lambda t: pack((4, 2, 1))(t).batch_sizes),
    ("tensor([3, 2, 1, 1])", lambda t: pack(np.array([4, 2, 1]))(t).batch_sizes),
    ("tensor([3, 2, 1, 1])", lambda t: pack(np.array([4, 2, 1], np.int32))(t).batch_sizes),
    ("tensor([3, 2, 1, 1])", lambda t: pack(t.tensor([4, 2, 1], dtype=t.int32))(t).batch_sizes),
    ("tensor([3, 2, 1, 1])", lambda t: pack(t.tensor([4, 2, 1], dtype=t.uint8))(t).batch_sizes),
    ("tensor([3, 2, 1, 1])", lambda t: pack([4.0, 2.0, 1.0])(t).batch_sizes),
    ("tensor([3, 2, 1, 1])", lambda t: pack(t.tensor([4.0, 2.0, 1.0]))(t).batch_sizes),
    ("tensor([3, 2, 1, 1])", lambda t: pack([t.tensor(4), t.tensor(2), t.tensor(1)])(t).batch_sizes),
    ("tensor([3, 2, 1])", lambda t: pack([3, 2, 1])(t).batch_sizes),
    # the padding value among integers, and in other forms
    (
        "tensor([[1, 2, 3],\n        [9, 9, 4]])",
        lambda t: t.nn.utils.rnn.pad_sequence(
            [t.tensor([1, 2, 3]), t.tensor([4])], True, 9.5, "left"
        ),
    ),
    (
        "tensor([[1., 2.],\n        [2., 2.]])",
        lambda t: t.nn.utils.rnn.pad_sequence(
            [t.tensor([1.0, 2.0]), t.tensor([2.0])], True, t.tensor(2.0)
        ),
    ),
    (
        "tensor([[ True,  True],\n        [ True, False]])",
        lambda t: t.nn.utils.rnn.pad_sequence([t.tensor([True, True]), t.tensor([True])], True),
    ),
    (
        "tensor([[1, 1],\n        [1, 0]])",
        lambda t: t.nn.utils.rnn.pad_sequence([t.tensor([1, 1]), t.tensor([1.7])]),
    ),
    (
        "tensor([[0, 2],\n        [1, 7]])",
        lambda t: t.nn.utils.rnn.pad_packed_sequence(
            t.nn.utils.rnn.pack_sequence([t.tensor([0, 1]), t.tensor([2])]), padding_value=7.9
        )[0],
    ),
    ("torch.Size([6, 3, 2])", lambda t: padding(pack([4, 2, 1]), total_length=t.tensor(6))(t)[0].shape),
    ("torch.Size([6, 3, 2])", lambda t: padding(pack([4, 2, 1]), total_length=np.int64(6))(t)[0].shape),
    ("torch.Size([0, 2])", lambda t: joined(0, 0)(t).shape),
    ("torch.Size([2, 0, 3])", lambda t: joined((0, 3), (0, 3), batch_first=True)(t).shape),
    ("None", lambda t: t.nn.utils.rnn.invert_permutation(None)),
    (
        "[True, True, True]",
        lambda t: [
            padding(pack([2, 4, 1], enforce_sorted=False), batch_first)(t)[0].is_contiguous()
            for batch_first in (False, True)
        ]
        + [padding(pack([4, 2, 1]))(t)[0].is_contiguous()],
    ),
]  # fmt: skip


def main() -> None:
    """Check the claims, write the file."""
    import torch

    facts.verify(torch, ERRORS, TEXTS)
    facts.save(TARGET, torch, RUNS)


if __name__ == "__main__":
    main()
