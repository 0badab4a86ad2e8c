"""Regenerate ``layout.json``: how PyTorch lays the results of its operations out in memory.

    python tests/golden/make_layout.py

needs torch. Every call of `CALLS` is made with inputs of the same values that lie in memory in
different ways. What is stored are the strides of all results: a list for each call, an entry for
each input, null if PyTorch raises. The step along an axis of one entry means nothing and is left
out. Of the calls of `DRAWS` the values are stored. `tests/test_layout.py` makes the same calls.
"""

from __future__ import annotations

import json
import math
import runpy
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

TARGET = Path(__file__).with_name("layout.json")
operations = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("operations.py"))))

MATRICES = {  # (3, 4)
    "contiguous": lambda base: base(3, 4),
    "transposed": lambda base: base(4, 3).t(),
    "stepped": lambda base: base(6, 9)[::2, 1::2],
    "columns": lambda base: base(3, 1).expand(3, 4),
    "rows": lambda base: base(4).expand(3, 4),
    "part": lambda base: base(8, 3).t()[:, 1:5],
}
CUBES = {  # (2, 3, 4)
    "contiguous": lambda base: base(2, 3, 4),
    "batch first": lambda base: base(3, 2, 4).transpose(0, 1),
    "transposed": lambda base: base(2, 4, 3).transpose(1, 2),
    "reversed": lambda base: base(4, 3, 2).permute(2, 1, 0),
    "cycled": lambda base: base(3, 4, 2).permute(2, 0, 1),
    "cycled back": lambda base: base(4, 2, 3).permute(1, 2, 0),
    "stepped": lambda base: base(4, 3, 8)[::2, :, ::2],
    "middle": lambda base: base(2, 1, 4).expand(2, 3, 4),
    "first": lambda base: base(3, 4).expand(2, 3, 4),
    "last, transposed": lambda base: base(3, 2, 1).transpose(0, 1).expand(2, 3, 4),
}


def words(text: str) -> list[str]:
    """The names in a text."""
    return text.split()


OF_ONE = [n for n in operations.ONE if n != "bitwise_not"] + words("""
    clone flatten ravel argsort sort median argmax argmin nonzero
    zeros_like ones_like empty_like rand_like randn_like bernoulli
    absolute negative sum mean prod var std amax amin max min norm all any count_nonzero tril triu
""")
OF_TWO = [n for n in operations.TWO if not n.startswith("bitwise_")] + words("""
    multiply divide true_divide subtract isclose dist
""")
OF_BITS = [n for n in operations.TWO if n.startswith("bitwise_")]
ALONG = words("""
    cumsum cumprod softmax log_softmax logsumexp sum mean prod var std std_mean var_mean amax amin
    max min argmax argmin argsort sort median all any count_nonzero unbind squeeze unsqueeze norm_
""")
FUNCTIONAL = words("""
    celu celu_ elu elu_ gelu glu hardshrink hardsigmoid hardswish hardtanh hardtanh_ leaky_relu
    leaky_relu_ logsigmoid mish relu relu6 relu_ rrelu rrelu_ selu selu_ sigmoid silu softplus
    softshrink softsign tanh tanhshrink dropout alpha_dropout
""")

FORMS = [
    *[f"torch.{name}(x)" for name in OF_ONE],
    *[f"torch.{name}(x, {other})" for name in OF_TWO for other in ("b", "x", "0.5")],
    *[f"torch.{name}(b, x)" for name in OF_TWO],
    *[f"torch.{name}(x > 0.5, b > 0.5)" for name in OF_BITS],
    "torch.bitwise_not(x > 0.5)", "~(x > 0.5)", "2 / x", "2 - x", "2 ** x", "x ** 1", "x ** 2",
    "x + b[:1]", "b[:1] + x", "x + row", "row + x", "b[0] + x[:, :1]", "b[0] > x[:, :1]",
    "x + x.flip(0)", "x.double() + x", "x + x.double()", "x.long() + x", "x > 0.5",
    "x + torch.zeros(5, 1, 1, 1)", "x / torch.tensor(2.)", "torch.tensor(2.) * x",
    *[f"torch.{name}(x, dim={dim})".replace("norm_(x", "norm(x, 2")
      for name in ALONG for dim in (0, 1, -1)],
    *[f"torch.{name}(x, dim={dim}, keepdim=True)"
      for name in words("sum mean amax max var argmax median all") for dim in (0, -1)],
    *[f"torch.nn.functional.{name}(x)" for name in FUNCTIONAL],
    *[f"torch.nn.functional.{name}(x, 1)" for name in ("softmax", "log_softmax", "softmin")],
    "torch.nn.functional.normalize(x, dim=1)", "torch.nn.functional.gumbel_softmax(x, dim=-1)",
    "torch.nn.functional.layer_norm(x, x.shape[-1:])",
    "torch.nn.functional.rms_norm(x, x.shape[-1:])", "torch.nn.functional.group_norm(x, 1)",
    "torch.nn.functional.instance_norm(x)", "torch.nn.functional.local_response_norm(x, 2)",
    "torch.nn.functional.bilinear(x, b, weight[:, :, None] * weight[:, None])",
    "torch.nn.functional.linear(x, weight)", "torch.nn.functional.linear(x, weight, weight[:, 0])",
    "torch.nn.functional.conv1d(x, weight[:, :3, None])",
    "torch.nn.functional.conv_transpose1d(x, weight[:3, :, None])",
    *[f"torch.nn.functional.{name}(x, 2)" for name in words("""
        max_pool1d max_pool1d_with_indices avg_pool1d adaptive_avg_pool1d adaptive_max_pool1d
        adaptive_max_pool1d_with_indices
    """)],
    "torch.nn.functional.lp_pool1d(x, 2, 2)",
    *[f"torch.nn.functional.{name}(x, b, reduction='none')" for name in words("""
        soft_margin_loss hinge_embedding_loss poisson_nll_loss multilabel_soft_margin_loss
    """)],
    *[f"torch.nn.functional.{name}(x, b, b, reduction='none')" for name in words("""
        gaussian_nll_loss margin_ranking_loss triplet_margin_loss triplet_margin_with_distance_loss
    """)],
    "torch.nn.functional.pairwise_distance(x, b)",
    "torch.nn.functional.cosine_embedding_loss(x, b, x[:, 0], reduction='none')",
    "torch.nn.functional.multi_margin_loss(x, (x[:, 0] * 0).long(), reduction='none')",
    "torch.nn.functional.multilabel_margin_loss(x, places, reduction='none')",
    "torch.nn.functional.prelu(x, row[:1])", "torch.nn.functional.glu(x, -1)",
    "torch.nn.functional.threshold(x, 0.5, 2.)", "torch.nn.functional.threshold_(x.clone(), 0.5, 2.)",
    "torch.nn.functional.pad(x, (1, 1))",
    "torch.nn.functional.pad(x, (1, 0, 2, 0))", "torch.nn.functional.one_hot((x * 3).long())",
    "torch.nn.functional.embedding((x * 3).long(), weight)",
    "torch.nn.functional.batch_norm(x, None, None, training=True)",
    "torch.nn.functional.cosine_similarity(x, b)", "torch.nn.functional.feature_alpha_dropout(x)",
    "torch.nn.functional.feature_alpha_dropout(x, training=True)",
    "torch.nn.functional.alpha_dropout(x, training=True)",
    "torch.nn.functional.dropout1d(x)", "torch.nn.functional.dropout2d(x)",
    *[f"torch.nn.functional.{name}(x, b, reduction='none')"
      for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "kl_div",
                   "binary_cross_entropy_with_logits")],
    "torch.cat([x, x])", "torch.cat([x, b], 1)", "torch.cat([x])", "torch.stack([x, x])",
    "torch.stack([x, b], -1)", "torch.hstack([x, x])", "torch.vstack([x, x])",
    "torch.concat([x, x], 1)", "torch.concatenate([b, x])",
    "torch.split(x, 2)", "torch.split(x, [1, 3], -1)", "torch.chunk(x, 2, -1)",
    "torch.roll(x, 1)", "torch.roll(x, 1, 1)", "torch.roll(x, (1, 2), (0, 1))",
    "torch.flip(x, (0,))", "torch.flip(x, (0, 1))", "x.repeat(2, 1, 1)", "torch.tile(x, (2,))",
    "torch.repeat_interleave(x, 2, 0)", "torch.repeat_interleave(x, 2)",
    "torch.repeat_interleave(x, 2, -1)", "torch.repeat_interleave(x, index.clone() + 1, -1)",
    "torch.masked_fill(x, x > 0.5, 0.)", "torch.masked_fill(x, b > 0.5, 0.)",
    "torch.masked_fill(b, x > 0.5, 0.)", "torch.masked_fill(x, row > 0.5, 0.)",
    "torch.masked_select(x, x > 0.5)",
    *[f"torch.where({a}, {b}, {c})" for a, b, c in (
        ("x > 0.5", "x", "0."), ("b > 0.5", "x", "0."), ("b > 0.5", "x", "b"),
        ("b > 0.5", "b", "x"), ("x > 0.5", "b", "b"), ("row > 0.5", "x", "row"))],
    "torch.clamp(x, 0.2, 0.8)", "torch.clamp(x, min=b)", "torch.clamp(b, min=x)",
    "torch.clamp_min(x, 0.2)", "torch.clamp_max(x, 0.8)", "torch.clip(x, 0.2)",
    "torch.clamp(x, b, row)",
    "torch.lerp(x, b, 0.3)", "torch.lerp(b, x, 0.3)", "torch.lerp(b, b, x)",
    "torch.lerp(x, b, row)",
    "torch.addcmul(x, b, b)", "torch.addcmul(b, x, b)", "torch.addcmul(row, b, x)",
    "torch.addcdiv(x, b, b)", "torch.addcdiv(b, b, x)", "torch.add(x, b, alpha=2)",
    "torch.div(x, b, rounding_mode='floor')", "torch.div(b, x, rounding_mode='trunc')",
    "torch.round(x, decimals=1)",
    "torch.gather(x, 0, places)", "torch.gather(b, 0, (x * 0).long())",
    "torch.take_along_dim(x, places, 0)", "torch.take(x, places)",
    "torch.take(b, (x * 3).long())",
    "torch.index_select(x, 0, few)", "torch.index_select(x, -1, few)", "torch.narrow(x, 1, 0, 2)",
    "torch.select(x, 1, 0)", "torch.diagonal(x)", "torch.diag(x)", "torch.diag(x[0])",
    "x[few]", "x[:, few]", "x[..., few]", "x[few, few]", "x[:, few, few]", "x[few, :, few]",
    "x[few[:, None], few]", "x[:, :2, few]", "x[few, 1:]", "x[:, None, few]", "x[x > 0.5]",
    "x[:, x[0, :, 0] > 0.5]", "x[:, b[0] > 0.5]", "x[few, 0]", "x[0, few]", "x[..., 1:]", "x[::2]",
    "x[few[None]]", "x[:, few[:, None]]", "x[x[:, 0] > 0.1]", "x[[0, 1]]",
    "x.index_put((few,), b[0])", "torch.index_put(x, (few, few), torch.tensor(1.))",
    "torch.index_add(x, 0, few, b[:2])", "torch.index_add(x, -1, few, b[..., :2])",
    "torch.index_copy(x, 0, few, b[:2])", "torch.index_fill(x, 0, few, 1.)",
    "torch.index_fill(x, 1, few, torch.tensor(1.))",
    "torch.scatter(x, 0, places, b)", "torch.scatter(x, 0, places, 1.)",
    "torch.scatter(b, 0, places, x)", "torch.scatter(x, 0, places, b, reduce='add')",
    "torch.scatter_add(x, 0, places, b)",
    "torch.topk(x, 2)", "torch.topk(x, 2, 0)", "torch.sort(x, 0, descending=True)",
    "torch.argsort(x, descending=True)", "torch.argsort(x, 0, descending=True)",
    "torch.sort(x, stable=True)", "torch.unique(x)",
    "torch.matmul(x, weight.t())", "torch.matmul(x, weight[0])", "torch.matmul(weight, x.mT)",
    "torch.matmul(x, x.mT)", "torch.matmul(x.mT, x)", "torch.matmul(b, x.mT)",
    "torch.matmul(x.mT, b)", "torch.matmul(b.mT, x)", "torch.matmul(x.transpose(0, 1), weight.t())",
    "torch.mm(x, weight.t())", "torch.mm(x.t(), b)", "torch.mm(b.t(), x)", "torch.mv(x, weight[0])",
    "torch.bmm(x, x.mT)", "torch.bmm(x.mT, b)", "torch.outer(x[0], x[1])",
    "torch.addmm(x[:, :2], x, weight.t()[:, :2])", "torch.addmm(row, x, weight.t()[:, :4])",
    "torch.baddbmm(x[..., :3], x, x.mT)", "torch.dot(x[0], x[1])",
    "torch.einsum('ij,kj->ki', x, b)", "torch.einsum('ij,jk->ik', x, weight.t())",
    "torch.einsum('ij,kj->ik', b, x)", "torch.einsum('ij->ji', x)", "torch.einsum('ij->j', x)",
    "torch.einsum('bij,bkj->bik', x, b)", "torch.einsum('bij,kj->bki', x, weight)",
    "torch.einsum('bij,kj->bik', x, weight)", "torch.einsum('bij,bij->bi', x, b)",
    "torch.einsum('bij,bij->ij', x, b)", "torch.einsum('ij,ij->ij', x, b)",
    "torch.einsum('...ij,...kj->...ik', x, b)", "torch.einsum('bij->jbi', x)",
    "torch.einsum('i,j->ij', x[0, :3], x[1, :3])", "torch.einsum('bij,b->ij', x, x[:, 0, 0])",
    "torch.full_like(x, 2.)", "torch.zeros_like(x, dtype=torch.int64)", "torch.normal(x, b)",
    "torch.normal(b, x)", "torch.normal(x, 1.)", "torch.normal(1., x)",
    "torch.multinomial(x, 2)", "x.new_zeros(x.shape)", "x.bernoulli(0.5)",
    "x.double()", "x.float()", "x.long()", "x.to(torch.float64)", "x.to(copy=True)", "x.bool()",
    "x.type_as(x.double())", "x.contiguous()", "x.detach()", "x.reshape(4, -1)", "x.t()",
    "x.transpose(0, 1)", "x.swapaxes(0, -1)", "x.movedim(0, -1)", "x.permute(1, 0)",
    "x.permute(1, 2, 0)", "x.expand(5, *x.shape)", "x.unflatten(-1, (2, 2))", "x.view(x.shape)",
    "x.mT", "torch.broadcast_to(x, (2, *x.shape))", "torch.broadcast_tensors(x, row)[1]",
    "torch.meshgrid(x[0], x[1], indexing='ij')[0]", "torch.moveaxis(x, 0, 1)",
    "torch.swapdims(x, 0, 1)", "x.where(b > 0.5, 0.)", "copy.deepcopy(torch.clone(x))",
    "torch.linalg.norm(x, dim=0)", "torch.polygamma(1, x)",
    "torch.nn.Dropout(0.5)(x)", "torch.nn.LayerNorm(4)(x)", "torch.nn.BatchNorm1d(x.shape[1])(x)",
    "torch.nn.LSTM(4, 5, batch_first=True)(x)[0]", "torch.nn.LSTM(4, 5)(x)[0]",
    "torch.nn.GRU(4, 5, batch_first=True, bidirectional=True)(x)[0]",
    "torch.nn.RNN(4, 5, 2, batch_first=True)(x)",
    "torch.nn.functional.dropout(torch.nn.GRU(4, 5, batch_first=True)(x)[0], 0.5)",
    "torch.nn.LSTMCell(4, 5)(x)", "torch.nn.GRUCell(4, 5)(x)", "torch.nn.Embedding(9, 3)(x.long())",
]  # fmt: skip
CALLS = list(dict.fromkeys(FORMS))

# Random numbers are filled in as the memory goes: what these calls draw is stored.
DRAWS = [
    *[f"x.{fill}; x" for fill in (
        "uniform_()", "uniform_(-1, 2)", "normal_()", "normal_(1, 2)", "bernoulli_(0.3)",
        "bernoulli_(b)", "bernoulli_(row)", "random_(100)", "random_(-5, 9)", "exponential_()",
        "cauchy_(0.5, 2)", "log_normal_(0, 0.5)", "geometric_(0.3)")],
    "x.double().normal_()", "x.long().random_(1000)", "x.long().geometric_(0.2)", "x.clone().normal_()",
    *[f"torch.nn.init.{fill}_(x); x" for fill in (
        "uniform", "normal", "xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal",
        "trunc_normal", "orthogonal")],
    "torch.nn.init.sparse_(x, 0.5); x",
    "torch.rand_like(x)", "torch.randn_like(x)", "torch.bernoulli(x)", "torch.normal(x, b)",
    "torch.normal(b, x)", "x.bernoulli(0.4)", "torch.multinomial(x, 2)",
    "torch.randint_like(x, -5, 100)", "torch.rand_like(x, dtype=torch.float64)", "torch.empty_like(x).uniform_()",
    "torch.zeros_like(x).normal_()", "(x * 2).uniform_()", "(x + b).uniform_()",
    "(b + x).uniform_()", "x.double().uniform_()", "x.clone().uniform_()",
    "torch.softmax(x, -1).uniform_()", "torch.cat([x, b]).uniform_()", "x.sum(0).uniform_()",
    "torch.nn.functional.gumbel_softmax(x)",
    *[f"torch.nn.functional.{name}(x, 0.4, True)" for name in (
        "dropout", "dropout1d", "dropout2d", "alpha_dropout", "feature_alpha_dropout")],
    "torch.nn.functional.dropout(x.double(), 0.4)", "torch.nn.Dropout(0.3)(x.transpose(0, 1))",
    "torch.nn.functional.dropout(x, 0.4, True, True)",
    *[f"torch.nn.{kind}(4, 5, 3, dropout=0.5, batch_first={first})(x)[0]"
      for kind in ("LSTM", "GRU", "RNN") for first in (True, False)],
    "torch.nn.LSTM(4, 5, 2, dropout=0.5, bidirectional=True, batch_first=True)(x)[0]",
    "torch.nn.functional.dropout(torch.nn.GRU(4, 5, batch_first=True)(x)[0], 0.5)",
]  # fmt: skip
DRAWS_FOR = ["2-D transposed", "2-D part", *[f"3-D {name}" for name in CUBES]]


def numbers(t: Any, *shape: int) -> Any:
    """Values between 0 and 1, no two of them equal."""
    count = math.prod(shape)
    return ((t.arange(float(count)) * 7 + 3) % (count + 1) / (count + 1)).reshape(shape)


def inputs(t: Any) -> dict[str, dict[str, Any]]:
    """For each layout the tensors that the calls name."""

    def base(*shape: int) -> Any:
        return numbers(t, *shape)

    found = {}
    for layouts in (MATRICES, CUBES):
        for name, make in layouts.items():
            x = make(base)
            shape = tuple(x.shape)
            found[f"{len(shape)}-D {name}"] = {
                "x": x,
                "b": base(*shape),
                "row": base(shape[-1]),
                "weight": base(5, 4),
                "few": t.tensor([1, 0]),
                "index": t.arange(4) % 2,
                "places": (base(*shape) * 2).long(),
            }
    return found


def steps(result: Any) -> list[Any]:
    """The strides of a tensor, or of several; None for an axis of at most one entry."""
    if isinstance(result, (tuple, list)):
        return [steps(part) for part in result]
    if not hasattr(result, "stride"):
        return []
    if not result.numel():
        return [None] * result.dim()
    return [s if n > 1 else None for s, n in zip(result.stride(), result.shape)]


def play(call: str, t: Any, names: dict[str, Any]) -> list[Any] | None:
    """The strides of what `call` returns; None if it raises."""
    import copy

    t.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return steps(eval(call, {"torch": t, "copy": copy, **names}))
        except (RuntimeError, ValueError, IndexError, TypeError, NotImplementedError):
            return None


def draw(call: str, t: Any, known: dict[str, Any]) -> list[float] | None:
    """The values that `call` draws, in the logical order; None if it raises."""
    names = {"torch": t, **known}
    t.manual_seed(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            *statements, last = call.split("; ")
            for statement in statements:
                exec(statement, names)
            result = eval(last, names)
        except (RuntimeError, ValueError, IndexError, TypeError, NotImplementedError):
            return None
    return [round(v, 5) for v in result.detach().reshape(-1).tolist()]


def main() -> None:
    """Make all calls with PyTorch."""
    import torch

    found = {}
    for call in CALLS:
        found[call] = [play(call, torch, known) for known in inputs(torch).values()]
        if all(shown is None for shown in found[call]):
            print("raises everywhere:", call)
    for call in DRAWS:
        found[f"draw {call}"] = [draw(call, torch, inputs(torch)[name]) for name in DRAWS_FOR]
    lines = [f"{json.dumps(call)}: {json.dumps(shown)}" for call, shown in found.items()]
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{len(found)} calls of {torch.__version__}")


if __name__ == "__main__":
    main()
