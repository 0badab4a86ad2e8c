"""Single operations on a 4 x 4 tensor and on a million numbers, forward and with backward.

Backward begins with a gradient of ones in memory of its own, as the gradient of a later operation
is, and ends at one leaf.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.timing import Case, Work

SIDES = (4, 1000)
# x is the tensor, y another of its shape, row its first row, index the numbers of some rows, mask
# where y is positive; t the library, F its functions.
DIFFERENTIABLE = (
    "x + y", "x - y", "x * y", "x / y", "x + row", "x * 2.0", "x + 1.0", "-x", "x ** 2", "x.abs()",
    "x.exp()", "x.sin()", "x.tanh()", "x.sigmoid()", "x.relu()", "x.clamp(-1, 1)", "x.square()",
    "t.maximum(x, y)", "t.where(mask, x, y)", "x.clone()", "F.silu(x)", "F.gelu(x)",
    "F.gelu(x, approximate='tanh')", "F.elu(x)", "F.softplus(x)", "F.leaky_relu(x)",
    "F.logsigmoid(x)", "F.softmax(x, -1)", "F.log_softmax(x, -1)", "x.logsumexp(-1)",
    "F.layer_norm(x, x.shape[-1:])", "x.sum()", "x.sum(0)", "x.sum(1)", "x.mean()", "x.var()",
    "x.norm()", "x.max()", "x.max(1).values", "x.prod(1)", "x.cumsum(1)", "x @ y", "F.linear(x, y)",
    "F.linear(x, y, row)", "x.t()", "x.view(-1)", "x.reshape(-1)", "x.unsqueeze(0)", "x[1]",
    "x[1:3]", "x[index]", "x.index_select(0, index)", "x.gather(1, places)", "x.chunk(2)[0]",
    "x.split(2)[0]", "t.cat([x, y])", "t.stack([x, y])", "x.expand(2, *x.shape)", "x.tril()",
    "x.flip(0)", "F.mse_loss(x, y)", "F.smooth_l1_loss(x, y)", "F.cross_entropy(x, classes)",
    "F.nll_loss(x, classes)", "F.binary_cross_entropy_with_logits(x, mask_of_floats)",
    "F.embedding(index, x)", "x.sort(-1).values", "x.topk(2).values", "F.dropout(x)",
    "t.einsum('ij,kj->ik', x, y)", "x * row[:, None]", "x ** 3", "x.sign()",
    "t.add(x, y, alpha=0.5)", "t.lerp(x, y, 0.3)", "t.addcmul(x, y, y)", "x.clamp(min=0)",
    "F.hardtanh(x)", "F.mish(x)", "x.softmax(0)", "x.std(0)", "x.diff()", "F.pad(x, (1, 1))",
    "F.cosine_similarity(x, y)", "x[index, index]", "x[None]", "x[None] @ y[None]",
    "t.outer(x[0], y[0])",
)  # fmt: skip
PLAIN = (
    "x > y", "x.argmax(1)", "x.item() if x.numel() == 1 else x[0, 0].item()", "len(x)", "x.shape",
    "t.zeros(*x.shape)", "t.ones(*x.shape)", "t.randn(*x.shape)", "t.rand(*x.shape)",
    "t.arange(x.numel())", "t.randperm(x.numel())", "F.one_hot(classes)", "t.allclose(x, x)",
    "x.add_(0.0)", "x.mul_(1.0)", "x.add_(y, alpha=0.0)", "x.clamp_(-9, 9)",
    "x.masked_fill_(mask, 0.0)", "x.__setitem__(index, y)", "x.__setitem__(mask, 0.0)",
    "x.index_fill_(0, index, 0.0)", "x.uniform_()", "x.normal_()", "index + 1", "mask.sum()",
    "t.linspace(0, 1, x.numel())", "t.triu_indices(*x.shape)",
)  # fmt: skip


def _case(expression: str, side: int, backward: bool) -> Case:
    def make(t: Any) -> Work:
        t.manual_seed(0)
        x = t.randn(side, side, requires_grad=backward)
        names = {
            "t": t, "F": t.nn.functional, "x": x, "y": t.rand(side, side) + 0.5,
            "index": t.arange(side) // 2, "places": t.arange(side * side).view(side, side) % side,
            "classes": t.arange(side) % side,
        }  # fmt: skip
        names["row"], names["mask"] = names["y"][0], names["y"] > 1
        names["mask_of_floats"] = names["mask"].float()
        forward: Callable[[], Any] = eval(f"lambda: {expression}", names)
        if not backward:
            return forward
        ones = t.ones_like(forward())

        def forward_and_backward() -> None:
            x.grad = None
            forward().backward(ones)

        return forward_and_backward

    return Case(f"{expression}, {side} x {side}{', backward' if backward else ''}", make)


def cases(quick: bool) -> list[Case]:
    """All of them forward, those that can be differentiated with backward; at both sizes."""
    chosen = DIFFERENTIABLE[:: 6 if quick else 1]
    return [
        _case(expression, side, backward)
        for side in SIDES
        for backward in (False, True)
        for expression in (*chosen, *(() if backward else PLAIN[:: 6 if quick else 1]))
    ]
