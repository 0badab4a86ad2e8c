"""Measurements against whatever peers are installed: ``python -m benchmarks.engine``."""
