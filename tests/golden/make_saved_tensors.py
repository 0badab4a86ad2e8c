"""Make saved_tensors.json with PyTorch: what is given to saved_tensors_hooks, and in which order.

python tests/golden/make_saved_tensors.py
"""

import json
from pathlib import Path

import torch
from torch.autograd.graph import saved_tensors_hooks

# Expressions of a and b, (2, 2), which require gradients, and of c, which does not.
EXPRESSIONS = [
    "a * b", "a * c", "a + b", "a * a", "a / b", "a / 2", "a.exp()", "a.tanh()", "a.sigmoid()",
    "a.log()", "a.sqrt()", "a ** 3", "a.sin() * b.cos()", "a @ b", "a @ c", "a.sum()", "a.relu()",
    "a.square().mean()", "a.softmax(0)", "a.log_softmax(1)", "(a * b).detach() * a", "a.prod()",
    "torch.where(c > 1, a, b)", "torch.minimum(a, b)", "a.abs()", "torch.atan2(a, b)", "a.t() @ b",
    "a.reciprocal()", "a[0] * b[:, 1]", "a.expand(3, 2, 2) * b", "a.clamp(0.5, 1.5)",
    "torch.cat([a, b]) * 2", "a.cumsum(0)", "torch.logsumexp(a, 1)", "a.lerp(b, 0.3)", "a.sub(b)",
]  # fmt: skip


def shown(expression: str) -> dict[str, object]:
    """The tensors that are packed, and gradients with entries kept in other memory."""
    a = torch.tensor([[0.5, 1.5], [2.0, 0.25]], requires_grad=True)
    b = torch.tensor([[1.0, 0.5], [0.75, 2.0]], requires_grad=True)
    c = torch.tensor([[1.0, 2.0], [3.0, 0.5]])
    seen = []

    def pack(x):
        name = None if x.grad_fn is None else type(x.grad_fn).__name__
        seen.append([x.detach().flatten().tolist(), name, x.requires_grad])
        return x.detach().clone()

    with saved_tensors_hooks(pack, lambda x: x):
        y = eval(expression, {"a": a, "b": b, "c": c, "torch": torch})
    first = torch.autograd.grad(y.sum(), [a, b], create_graph=True, allow_unused=True)
    total = sum(d.sum() for d in first if d is not None)
    second = [None, None]
    if total.requires_grad:
        second = torch.autograd.grad(total, [a, b], allow_unused=True)
    found = [None if d is None else d.detach() + torch.zeros(2, 2) for d in (*first, *second)]
    lists = [None if d is None else d.flatten().tolist() for d in found]
    return {"packed": seen, "gradients": lists}


if __name__ == "__main__":
    values = {expression: shown(expression) for expression in EXPRESSIONS}
    text = json.dumps(values, indent=None)
    (Path(__file__).parent / "saved_tensors.json").write_text(text + "\n")
