"""Normalisation of each channel over a batch: BatchNorm1d."""

from __future__ import annotations

from typing import Any

from ..arrays.dtypes import int64
from ..autograd.grad_mode import no_grad
from ..tensor import Tensor
from ..tensor.creation import empty, ones, tensor, zeros
from . import functional as F
from . import init
from .functional.arguments import check_tensor
from .module import Module
from .parameter import Parameter


class _NormBase(Module):
    """What normalisations of channels share: factors, and running averages if they are wanted."""

    _version = 2  # version 1 had no num_batches_tracked

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1,
        affine: bool = True, track_running_stats: bool = True, device: Any = None,
        dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        for name, wanted in (("weight", affine), ("bias", affine and bias)):
            made = Parameter(empty(num_features, device=device, dtype=dtype)) if wanted else None
            self.register_parameter(name, made)
        tracked: dict[str, Any] = dict.fromkeys(("running_mean", "running_var"))
        tracked["num_batches_tracked"] = None
        if track_running_stats:
            tracked = {
                "running_mean": zeros(num_features, device=device, dtype=dtype),
                "running_var": ones(num_features, device=device, dtype=dtype),
                "num_batches_tracked": tensor(0, dtype=int64),
            }
        for name, buffer in tracked.items():
            self.register_buffer(name, buffer)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Forget the batches seen so far."""
        if self.track_running_stats:
            with no_grad():
                self.running_mean.zero_()
                self.running_var.fill_(1)
                self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Set the weight to 1, the bias to 0, and forget the batches seen so far."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, local_metadata: dict[str, Any], *report: Any
    ) -> None:
        """As every module, but a state dict of version 1 need not say how many batches it saw."""
        version = local_metadata.get("version")
        key = prefix + "num_batches_tracked"
        if (version is None or version < 2) and self.track_running_stats and key not in state_dict:
            counter = self.num_batches_tracked
            state_dict[key] = tensor(0, dtype=int64) if counter is None else counter
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *report)


class _BatchNorm(_NormBase):
    """What `isinstance` asks for, to know layers that normalise over the batch."""


class BatchNorm1d(_BatchNorm):
    r"""Moves and scales each channel to mean 0 and variance 1 over the batch.

    .. math:: y = \frac{x - \mathrm{mean}(x)}{\sqrt{\mathrm{var}(x) + \epsilon}} \, w + b

    While training, mean and variance (divided by n) are those of a channel's entries in the batch,
    and running averages of them are kept; after ``eval()`` the running averages take their place:

    .. math:: running \leftarrow (1 - m) \, running + m \, new

    with the momentum m and, for the variance, with the unbiased one (divided by n - 1) as new.

    Parameters
    ----------
    num_features : int
        C, the number of channels.
    eps : float
        Added to the variance.
    momentum : float or None
        m. None averages all batches equally: m = 1 / (number of batches so far).
    affine : bool
        False leaves w and b out.
    track_running_stats : bool
        False keeps no running averages: batches are normalised by themselves also after ``eval()``.
    device, dtype : optional
        Only the CPU; the type of parameters and averages (default: the default dtype).
    bias : bool
        False leaves b out.

    Attributes
    ----------
    weight, bias : Parameter or None, shape (C,)
        Start as ones and zeros.
    running_mean, running_var : buffer or None, shape (C,)
        Start as zeros and ones.
    num_batches_tracked : buffer or None, shape (), int64

    Raises
    ------
    ValueError
        In `forward`: not 2 or 3 axes; a negative `eps`; in training a single value per channel or
        an `eps` of 0.
    RuntimeError
        In `forward`, if the number of channels or the dtype is another.

    References
    ----------
    S. Ioffe, C. Szegedy, "Batch normalization: accelerating deep network training by reducing
    internal covariate shift", 2015.

    Examples
    --------
    >>> import minigrad as mg
    >>> layer = mg.nn.BatchNorm1d(2)
    >>> layer(mg.tensor([[1.0, 10.0], [3.0, 30.0]])).detach()
    tensor([[-1.0000, -1.0000],
            [ 1.0000,  1.0000]])
    >>> layer.running_mean
    tensor([0.2000, 2.0000])
    """

    def forward(self, input: Any) -> Tensor:
        """(N, C) or (N, C, L) to the same shape."""
        check_tensor("BatchNorm1d", input)
        if input.array.ndim not in (2, 3):
            raise ValueError(
                "BatchNorm1d: expected 2D or 3D input, (N, C) or (N, C, L) "
                f"(got {input.array.ndim}D input of shape {list(input.shape)})"
            )
        kept = self._buffers
        momentum = 0.0 if self.momentum is None else self.momentum
        counter = kept["num_batches_tracked"]
        if self.training and self.track_running_stats and counter is not None:
            with no_grad():
                counter.add_(1)
            if self.momentum is None:
                momentum = 1 / counter.item()
        use_running = not self.training or self.track_running_stats
        running_mean, running_var = kept["running_mean"], kept["running_var"]
        return F.batch_norm(
            input,
            running_mean if use_running else None,
            running_var if use_running else None,
            self._weight("weight"),
            self._weight("bias"),
            self.training or (running_mean is None and running_var is None),
            momentum,
            self.eps,
        )
