"""`torch.fft`: Fourier transforms, which give complex numbers: tensors here have none."""

from __future__ import annotations

from .no_effect import not_here

_NAMES = (
    "fft", "fft2", "fftn", "hfft", "hfft2", "hfftn", "ifft", "ifft2", "ifftn", "ihfft", "ihfft2",
    "ihfftn", "irfft", "irfft2", "irfftn", "rfft", "rfft2", "rfftn",
)  # fmt: skip

__all__ = list(_NAMES)

_WHY = "its tensors are not complex. Use numpy.fft with x.detach().numpy(), without a gradient"
globals().update({name: not_here(f"torch.fft.{name}", _WHY, "complex numbers") for name in _NAMES})
