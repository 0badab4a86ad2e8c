"""Dropout: random zeros while training, of single entries, whole channels or whole sequences."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from . import functional as F
from .functional.arguments import check_tensor, checked_probability
from .functional.dropouts import with_mask
from .module import Module


class _Dropout(Module):
    """What all kinds share: the probability `p`, and whether the input is overwritten."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        checked_probability(p)
        self.p = p
        self.inplace = inplace

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """Zeroes each entry with probability `p`, scales the rest by ``1 / (1 - p)``, while training.

    After ``eval()`` it gives back its input.

    Parameters
    ----------
    p : float
        From 0 to 1.
    inplace : bool
        Overwrite the input.

    Raises
    ------
    ValueError
        `p` is not between 0 and 1.

    Notes
    -----
    PyTorch's own masks depend on the maker of the CPU, so equal masks cannot be promised; the state
    of the generator afterwards is the same.
    """

    def forward(self, input: Any) -> Tensor:
        """Any shape to the same shape."""
        return F.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_Dropout):
    """`Dropout` of whole channels of sequences (N, C, L), or (C, L).

    Neighbouring positions of a channel are alike, so zeros here and there would take little away.

    Parameters
    ----------
    p, inplace
        As for `Dropout`.

    Examples
    --------
    >>> import minigrad as mg
    >>> y = mg.nn.Dropout1d(0.5)(mg.ones(2, 3, 4))
    >>> bool((y == y[:, :, :1]).all())
    True
    """

    def forward(self, input: Any) -> Tensor:
        """(N, C, L) or (C, L) to the same shape."""
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_Dropout):
    """`Dropout` of whole channels of images (N, C, H, W).

    Parameters
    ----------
    p, inplace
        As for `Dropout`.

    Examples
    --------
    >>> import minigrad as mg
    >>> y = mg.nn.Dropout2d(0.5)(mg.ones(2, 3, 4, 4))
    >>> bool((y == y[:, :, :1, :1]).all())
    True
    """

    def forward(self, input: Any) -> Tensor:
        """(N, C, H, W) to the same shape; also (N, C, L), with a warning."""
        return F.dropout2d(input, self.p, self.training, self.inplace)


class AlphaDropout(_Dropout):
    r"""Dropout for SELU networks: it keeps mean 0 and variance 1.

    With probability `p` an entry becomes :math:`\alpha'`, the value that SELU has at minus
    infinity; then all are scaled and shifted: :math:`a x + b` with

    .. math:: a = ((1 - p)(1 + p \alpha'^2))^{-1/2}, \qquad b = -a \, p \, \alpha'

    Parameters
    ----------
    p, inplace
        As for `Dropout`.

    References
    ----------
    G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter, "Self-normalizing neural networks", 2017.

    Examples
    --------
    >>> import minigrad as mg
    >>> y = mg.nn.AlphaDropout(0.2)(mg.randn(100, 100))
    >>> abs(y.mean().item()) < 0.1 and abs(y.std().item() - 1) < 0.1
    True
    """

    def forward(self, input: Any) -> Tensor:
        """Any shape to the same shape."""
        return F.alpha_dropout(input, self.p, self.training, self.inplace)


class FeatureAlphaDropout(_Dropout):
    """`AlphaDropout` of whole channels of (N, C, ...).

    Parameters
    ----------
    p, inplace
        As for `Dropout`.

    Examples
    --------
    >>> import minigrad as mg
    >>> y = mg.nn.FeatureAlphaDropout(0.5)(mg.ones(2, 3, 4))
    >>> bool((y == y[:, :, :1]).all())
    True
    """

    def forward(self, input: Any) -> Tensor:
        """(N, C, ...) to the same shape."""
        return F.feature_alpha_dropout(input, self.p, self.training, self.inplace)


class LockedDropout(Module):
    """`Dropout` with one mask for all time steps of a sequence ("variational" dropout).

    A recurrent network that sees the same units dropped at every step cannot average the noise out
    over time. PyTorch has no such layer; scripts bring their own, under this name.

    Parameters
    ----------
    p : float
        From 0 to 1.
    batch_first : bool
        Whether sequences are (N, T, C) instead of (T, N, C).

    Raises
    ------
    ValueError
        `p` is not between 0 and 1.
    RuntimeError
        In `forward`, if the input has neither 2 nor 3 axes.

    References
    ----------
    Y. Gal, Z. Ghahramani, "A theoretically grounded application of dropout in recurrent neural
    networks", 2016; S. Merity, N. S. Keskar, R. Socher, "Regularizing and optimizing LSTM language
    models", 2017.

    Examples
    --------
    >>> import minigrad as mg
    >>> y = mg.nn.LockedDropout(0.5)(mg.ones(7, 2, 3))
    >>> bool((y == y[:1]).all())
    True
    """

    def __init__(self, p: float = 0.5, batch_first: bool = False) -> None:
        super().__init__()
        checked_probability(p)
        self.p = p
        self.batch_first = batch_first

    def forward(self, input: Any) -> Tensor:
        """(T, N, C), (N, T, C) with `batch_first`, or (T, C), to the same shape."""
        check_tensor("LockedDropout", input)
        shape = tuple(input.shape)
        if len(shape) not in (2, 3):
            raise RuntimeError(
                "LockedDropout: expected sequences of shape (T, N, C), or (N, T, C) with "
                f"batch_first=True, or (T, C), but got {list(shape)}"
            )
        time = 1 if self.batch_first and len(shape) == 3 else 0
        mask = (*shape[:time], 1, *shape[time + 1 :])
        return with_mask("LockedDropout", input, self.p, self.training, False, mask)

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        return f"p={self.p}, batch_first={self.batch_first}"
