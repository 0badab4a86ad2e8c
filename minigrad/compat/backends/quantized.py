"""`torch.backends.quantized`: what computes with integers for real numbers. Nothing does here."""

__all__ = ["engine", "supported_engines"]

engine = "none"
supported_engines = ["none"]
