"""The version, written once: the package, its metadata and the documentation all read it here."""

__version__ = "0.1.0"
