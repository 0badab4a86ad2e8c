"""Normalisation of each channel of each sample: InstanceNorm1d."""

from __future__ import annotations

import warnings
from typing import Any

from ..tensor import Tensor
from . import functional as F
from .batchnorm import _NormBase
from .functional.arguments import check_tensor


class InstanceNorm1d(_NormBase):
    r"""Moves and scales each channel of each sample to mean 0 and variance 1 over time.

    .. math:: y = \frac{x - \mathrm{mean}(x)}{\sqrt{\mathrm{var}(x) + \epsilon}} \, w + b

    Mean and variance (divided by n) are those of one channel of one sample. It does not matter what
    else is in the batch, and what follows does not see how loud a sample is.

    Parameters
    ----------
    num_features : int
        C, the number of channels.
    eps : float
        Added to the variance.
    momentum : float or None
        m: how far running averages move. None: not at all.
    affine : bool
        True: scale by w and add b, which are learnt.
    track_running_stats : bool
        True: keep running averages of means and (unbiased) variances, and after ``eval()``
        normalise with them: :math:`running \leftarrow (1 - m) \, running + m \, new`.
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
        Stays 0.

    Raises
    ------
    ValueError
        In `forward`: neither 2 nor 3 axes; with `affine`, another number of channels; a single
        value per channel.

    References
    ----------
    D. Ulyanov, A. Vedaldi, V. Lempitsky, "Instance normalization: the missing ingredient for fast
    stylization", 2016.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.nn.InstanceNorm1d(2)(mg.tensor([[[1.0, 3.0], [50.0, 10.0]]]))
    tensor([[[-1.0000,  1.0000],
             [ 1.0000, -1.0000]]])
    """

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1,
        affine: bool = False, track_running_stats: bool = False, device: Any = None,
        dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(
            num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias
        )

    def forward(self, input: Any) -> Tensor:
        """(N, C, L) or (C, L) to the same shape."""
        check_tensor("InstanceNorm1d", input)
        shape = tuple(input.shape)
        if len(shape) not in (2, 3):
            raise ValueError(
                f"InstanceNorm1d: expected 2D or 3D input (got {len(shape)}D input): (N, C, L) or "
                f"(C, L), not {list(shape)}"
            )
        axis = len(shape) - 2
        if shape[axis] != self.num_features:
            if self.affine:
                raise ValueError(
                    f"InstanceNorm1d: expected input's size at dim={axis} to match num_features "
                    f"({self.num_features}), but got: {shape[axis]}."
                )
            warnings.warn(
                f"input's size at dim={axis} does not match num_features. You can silence this "
                "warning by not passing in num_features, which is not used because affine=False",
                stacklevel=2,
            )
        kept = self._buffers
        y = F.instance_norm(
            input.unsqueeze(0) if len(shape) == 2 else input,
            kept["running_mean"], kept["running_var"], self._weight("weight"),
            self._weight("bias"), self.training or not self.track_running_stats,
            0.0 if self.momentum is None else self.momentum, self.eps,
        )  # fmt: skip
        return y.squeeze(0) if len(shape) == 2 else y

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, local_metadata: dict[str, Any], strict: bool,
        missing_keys: list[str], unexpected_keys: list[str], error_msgs: list[str],
    ) -> None:  # fmt: skip
        """As every module, but averages from before PyTorch 0.4 that nobody wants are named."""
        if local_metadata.get("version") is None and not self.track_running_stats:
            names = [n for n in ("running_mean", "running_var") if prefix + n in state_dict]
            if names:
                shown = " and ".join([f'"{name}"' for name in names])
                error_msgs.append(
                    f"Unexpected running stats buffer(s) {shown} for InstanceNorm1d with "
                    "track_running_stats=False. If state_dict is from before PyTorch 0.4.0, which "
                    "kept them always, remove these keys from it, or set track_running_stats=True."
                )
                for name in names:
                    state_dict.pop(prefix + name)
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )
