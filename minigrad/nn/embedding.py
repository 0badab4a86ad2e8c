"""Embedding and EmbeddingBag: tables of vectors, looked up by number, one by one or in bags."""

from __future__ import annotations

from typing import Any

from ..autograd.grad_mode import no_grad
from ..tensor import Tensor
from ..tensor.creation import empty
from . import init
from .functional import embedding, embedding_bag
from .module import Module
from .parameter import Parameter


class _Table(Module):
    """What has a table of vectors, of which one may be padding."""

    num_embeddings: int
    embedding_dim: int
    padding_idx: int | None

    def _set_rows(self, rows: Any, requires_grad: bool, device: Any, dtype: Any) -> None:
        """Let these be the vectors; None: new ones."""
        shape = self.num_embeddings, self.embedding_dim
        if rows is not None and tuple(rows.shape) != shape:
            raise AssertionError(
                "Shape of weight does not match num_embeddings and embedding_dim: "
                f"{list(rows.shape)} against {list(shape)}"
            )
        drawn = rows is None
        rows = empty(*shape, device=device, dtype=dtype) if drawn else rows
        self.weight = Parameter(rows, requires_grad=requires_grad)
        if drawn:
            self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx].fill_(0)


class Embedding(_Table):
    """A table of `num_embeddings` vectors of size `embedding_dim`.

    Parameters
    ----------
    num_embeddings : int
        V, the number of rows.
    embedding_dim : int
        E, the size of each.
    padding_idx : int, optional
        A row that starts as zeros and gets no gradient.
    max_norm, norm_type : float, optional
        Rows in use are scaled down, in place, to this norm.
    scale_grad_by_freq : bool
        Divide the gradient of each row by how often it occurs in the batch.
    sparse : bool
        Accepted; gradients are dense here.

    Attributes
    ----------
    weight : Parameter, shape (V, E)
        Drawn from N(0, 1).

    Examples
    --------
    >>> import minigrad as mg
    >>> table = mg.nn.Embedding(10, 3)
    >>> table(mg.tensor([[1, 2], [4, 5]])).shape
    torch.Size([2, 2, 3])
    """

    def __init__(
        self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None,
        max_norm: float | None = None, norm_type: float = 2.0, scale_grad_by_freq: bool = False,
        sparse: bool = False, _weight: Any = None, _freeze: bool = False, device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        if padding_idx is not None:
            if not -num_embeddings <= padding_idx < num_embeddings:
                raise AssertionError("Padding_idx must be within num_embeddings")
            padding_idx %= num_embeddings
        self.padding_idx = padding_idx
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse
        self._set_rows(_weight, not _freeze, device, dtype)

    @classmethod
    def from_pretrained(
        cls, embeddings: Any, freeze: bool = True, padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False,
    ) -> Embedding:  # fmt: skip
        """An embedding with the rows of the 2-D tensor `embeddings`; not trained if `freeze`."""
        if embeddings.dim() != 2:
            raise AssertionError("Embeddings parameter is expected to be 2-dimensional")
        rows, columns = embeddings.shape
        return cls(
            rows, columns, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse,
            _weight=embeddings,
            _freeze=freeze,
        )  # fmt: skip

    def forward(self, input: Any) -> Tensor:
        """Integers of any shape (...) to vectors (..., E)."""
        return embedding(
            input, self._weight("weight"), self.padding_idx, self.max_norm, self.norm_type,
            self.scale_grad_by_freq, self.sparse,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        if self.padding_idx is not None:
            text += f", padding_idx={self.padding_idx}"
        if self.max_norm is not None:
            text += f", max_norm={self.max_norm}"
        if self.norm_type != 2:
            text += f", norm_type={self.norm_type}"
        if self.scale_grad_by_freq:
            text += f", scale_grad_by_freq={self.scale_grad_by_freq}"
        return text + (", sparse=True" if self.sparse else "")


class EmbeddingBag(_Table):
    """An `Embedding` of bags of numbers: the sum, the mean or the maximum of the rows in each bag.

    Parameters
    ----------
    num_embeddings : int
        V, the number of rows.
    embedding_dim : int
        E, the size of each.
    max_norm, norm_type : float, optional
        Rows in use are scaled down, in place, to this norm.
    scale_grad_by_freq : bool
        Divide the gradient of each row by how often it occurs in the batch.
    mode : "sum", "mean" or "max"
        Default: "mean".
    sparse : bool
        Accepted; gradients are dense here.
    include_last_offset : bool
        Offsets say where the last bag ends, too.
    padding_idx : int, optional
        A row that starts as zeros; its number counts as no entry of a bag.
    device, dtype : optional
        Only the CPU; the type of the weight (default: the default dtype).

    Attributes
    ----------
    weight : Parameter, shape (V, E)
        Drawn from N(0, 1).

    Raises
    ------
    AssertionError
        `padding_idx` is no row.

    Examples
    --------
    >>> import minigrad as mg
    >>> bags = mg.nn.EmbeddingBag(10, 3, mode="sum")
    >>> bags(mg.tensor([1, 2, 4, 5, 4]), offsets=mg.tensor([0, 2])).shape
    torch.Size([2, 3])
    """

    def __init__(
        self, num_embeddings: int, embedding_dim: int, max_norm: float | None = None,
        norm_type: float = 2.0, scale_grad_by_freq: bool = False, mode: str = "mean",
        sparse: bool = False, _weight: Any = None, include_last_offset: bool = False,
        padding_idx: int | None = None, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        if padding_idx is not None:
            if not -num_embeddings <= padding_idx < num_embeddings:
                raise AssertionError(
                    f"padding_idx must be within num_embeddings, got {padding_idx} for "
                    f"{num_embeddings} rows"
                )
            padding_idx %= num_embeddings
        self.padding_idx = padding_idx
        self._set_rows(_weight, True, device, dtype)
        self.mode = mode
        self.sparse = sparse
        self.include_last_offset = include_last_offset

    @classmethod
    def from_pretrained(
        cls, embeddings: Any, freeze: bool = True, max_norm: float | None = None,
        norm_type: float = 2.0, scale_grad_by_freq: bool = False, mode: str = "mean",
        sparse: bool = False, include_last_offset: bool = False, padding_idx: int | None = None,
    ) -> EmbeddingBag:  # fmt: skip
        """One with the rows of the 2-D tensor `embeddings`; not trained if `freeze`."""
        if embeddings.dim() != 2:
            raise AssertionError("Embeddings parameter is expected to be 2-dimensional")
        rows, columns = embeddings.shape
        made = cls(
            rows, columns, max_norm, norm_type, scale_grad_by_freq, mode, sparse, embeddings,
            include_last_offset, padding_idx,
        )  # fmt: skip
        made.weight.requires_grad = not freeze
        return made

    def forward(self, input: Any, offsets: Any = None, per_sample_weights: Any = None) -> Tensor:
        """Bags of integers (B, n), or (entries,) with offsets (B,), to (B, E).

        See `minigrad.nn.functional.embedding_bag`.
        """
        return embedding_bag(
            input, self._weight("weight"), offsets, self.max_norm, self.norm_type,
            self.scale_grad_by_freq, self.mode, self.sparse, per_sample_weights,
            self.include_last_offset, self.padding_idx,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """What stands between the parentheses."""
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        if self.max_norm is not None:
            text += f", max_norm={self.max_norm}"
        if self.norm_type != 2:
            text += f", norm_type={self.norm_type}"
        if self.scale_grad_by_freq:
            text += f", scale_grad_by_freq={self.scale_grad_by_freq}"
        text += f", mode={self.mode!r}"
        return text if self.padding_idx is None else f"{text}, padding_idx={self.padding_idx}"
