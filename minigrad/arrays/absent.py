"""What minigrad will not have, in one place: `ABSENT`, and the errors that say so.

Whatever asks for one of these gets the class of error that a PyTorch without it would raise, and
one that is an `AbsentByDesign` besides: so a program can tell what will never be here from what is
wrong, or not here yet. ``docs/compatibility.md`` has the same list.
"""

from __future__ import annotations

import functools
from typing import Any, NoReturn

__all__ = ["ABSENT", "NAMES", "AbsentByDesign", "Missing", "absent", "missing"]

# What is absent: why.
ABSENT = {
    "GPUs": "minigrad computes on the CPU only",
    "the device meta": "tensors have their entries in memory",
    "bfloat16 and float8": "NumPy has no such types",
    "complex numbers": "entries are real: use NumPy for a part without gradients",
    "sparse tensors": "all entries are in memory",
    "nested tensors": "sequences of several lengths are packed, see nn.utils.rnn",
    "quantization": "entries are numbers, not codes for them",
    "layers for pictures": (
        "it is made for recurrent networks, whose inputs are sequences, not pictures"
    ),
    "TorchScript": "models are Python: keep their state_dict, and the code that builds them",
    "rewriting programs": "the steps that minigrad.compile records cannot be changed",
    "downloads": "nothing is fetched from the network",
    "other libraries of PyTorch's": "torchvision, torchtext and torchaudio are none of its parts",
}

_SPARSE = ("coo", "csr", "csc", "bsr", "bsc")
# The names of PyTorch's that are not here at all for one of these reasons. Others are here, and
# raise when they are used.
NAMES = {
    "torch": {
        "bfloat16 and float8": (
            "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu",
        ),
        "complex numbers": (
            "chalf", "complex", "complex32", "istft", "polar", "stft", "view_as_complex",
            "view_as_real",
        ),
        "sparse tensors": (
            "sparse", "sparse_compressed_tensor", *(f"sparse_{kind}" for kind in _SPARSE),
            *(f"sparse_{kind}_tensor" for kind in _SPARSE),
        ),
        "nested tensors": ("nested",),
        "rewriting programs": ("export",),
        "quantization": (
            "ao", "dequantize", "fake_quantize_per_channel_affine",
            "fake_quantize_per_tensor_affine", "qint32", "qint8", "quantization",
            "quantize_per_channel", "quantize_per_tensor", "quantize_per_tensor_dynamic", "quint8",
        ),
    },
    "Tensor": {
        "bfloat16 and float8": ("bfloat16",),
        "complex numbers": ("cdouble", "cfloat", "chalf", "istft", "stft"),
        "sparse tensors": (
            "ccol_indices", "coalesce", "col_indices", "crow_indices", "is_coalesced",
            "row_indices", "sparse_dim", "sparse_mask", "to_sparse",
            *(f"to_sparse_{kind}" for kind in _SPARSE),
        ),
        "quantization": ("dequantize", "int_repr", "q_scale", "q_zero_point"),
        "GPUs": ("hpu", "ipu", "xpu"),
    },
}  # fmt: skip
_REASONS = {
    (owner, name): what for owner, kinds in NAMES.items() for what in kinds for name in kinds[what]
}


class AbsentByDesign(Exception):
    """Something was asked for that minigrad will not have.

    Every such error is of another class, too: the one that PyTorch raises where it was built
    without the thing, or one that fits.

    Attributes
    ----------
    absence : str
        What is absent, one of the keys of `ABSENT`.

    Examples
    --------
    >>> import minigrad as mg
    >>> try:
    ...     mg.ones(2, device="cuda")
    ... except AssertionError as error:
    ...     print(error.absence)
    GPUs
    """

    absence: str

    def __reduce__(self) -> Any:
        return absent, (self.absence, type(self).__mro__[2], *self.args)


@functools.cache
def _class(kind: Any) -> Any:
    """The class of an error of a kind; it is called what that kind is, so it prints alike."""
    return type(kind.__name__, (AbsentByDesign, kind), {"__module__": kind.__module__})


def absent(what: str, kind: type[Exception] = NotImplementedError, *message: str) -> Exception:
    """The error of class `kind`, with `message`, that says that `what` is absent by design.

    Examples
    --------
    >>> raise absent("GPUs", AssertionError, "Torch not compiled with CUDA enabled")
    Traceback (most recent call last):
    AssertionError: Torch not compiled with CUDA enabled
    """
    error = _class(kind)(*(message or (f"{what}: {ABSENT[what]}",)))  # type: ignore[arg-type]
    error.absence = what
    return error


def missing(owner: str, name: str, kind: type[Exception], said: str, hint: str = "") -> Exception:
    """The error for a name that is not in `owner`: `said`, and why if it is absent by design.

    If it is not, `hint` stands behind.
    """
    what = _REASONS.get((owner, name))
    if what is None:
        return kind(said + hint)
    return absent(
        what, kind,
        f"{said}: minigrad has no {what}, by design: {ABSENT[what]}; README.md lists what is here",
    )  # fmt: skip


class Missing:
    """Stands in a class for a name that is absent: to look it up raises AttributeError."""

    def __init__(self, owner: str, name: str) -> None:
        self.owner, self.name = owner, name

    def __get__(self, instance: Any, owner: type) -> NoReturn:
        said = f"{owner.__name__!r} object has no attribute {self.name!r}"
        raise missing(self.owner, self.name, AttributeError, said)
