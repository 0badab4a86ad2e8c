"""`torch.version`: the version of PyTorch whose interface this is."""

__all__ = ["__version__", "cuda", "hip"]

__version__ = "2.13.0+minigrad"
cuda = hip = None
