"""``nn.Transformer`` and its parts, which can be subclassed but not built; see `attention`."""

from .attention import NotBuilt

__all__ = [
    "Transformer",
    "TransformerDecoder",
    "TransformerDecoderLayer",
    "TransformerEncoder",
    "TransformerEncoderLayer",
]


class Transformer(NotBuilt):
    """Raises NotImplementedError when it is built."""


class TransformerEncoder(NotBuilt):
    """Raises NotImplementedError when it is built."""


class TransformerEncoderLayer(NotBuilt):
    """Raises NotImplementedError when it is built."""


class TransformerDecoder(NotBuilt):
    """Raises NotImplementedError when it is built."""


class TransformerDecoderLayer(NotBuilt):
    """Raises NotImplementedError when it is built."""
