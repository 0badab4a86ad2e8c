"""`torch.backends`: switches of libraries that minigrad does not use.

- `cpu`, `cuda`, `cudnn`, `mkl`, `mkldnn`, `mps`, `openmp`, `opt_einsum`, `quantized`: the switches
  are there, can be set, and change nothing.
"""

from . import cpu, cuda, cudnn, mkl, mkldnn, mps, openmp, opt_einsum, quantized

__all__ = [
    "cpu", "cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp", "opt_einsum", "quantized",
]  # fmt: skip
