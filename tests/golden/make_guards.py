"""Regenerate ``guards.json``: what PyTorch 2.13 forbids to change between forward and backward.

    python tests/golden/make_guards.py

needs torch. An operation keeps some of its arguments and results for its gradient. Those must not be
changed in place before backward; all others may be. `EXPRESSIONS` are calls of operations on the
tensors of `arguments`; for each one `guards` finds out by trying what is kept, and
`tests/test_guards.py` asks minigrad the same.
"""

from __future__ import annotations

import json
import re
import runpy
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

TARGET = Path(__file__).with_name("guards.json")
operations = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("operations.py"))))

UNARY = [
    *operations.GRADED_ONE,
    *"""
    sum mean prod max min amax amin median
    std var logsumexp(p,1) softmax(p,1) log_softmax(p,1) cumsum(p,1) cumprod(p,1) norm(p) norm(p,1)
    norm(p,3) norm(p,float('inf')) sort(p) topk(p,2) max(p,1) min(p,1) median(p,1) amax(p,1) prod(p,1)
    clamp(p,0.6,1) clamp(p,min=0.6) tril triu flip(p,[0]) roll(p,1,0) clone diagonal t transpose(p,0,1)
    unbind split(p,1) chunk(p,2) flatten unsqueeze(p,0) squeeze reshape(p,(3,2)) diag
    repeat_interleave(p,2) var_mean(p,1) std_mean(p,1) std(p,1) var(p,1) mean(p,1) sum(p,1)
    pow(p,2) pow(p,3.5) pow(p,0) pow(2.0,p) remainder(p,0.4) fmod(p,0.4)
""".split(),  # noqa: SIM905
]
BINARY = [*operations.GRADED_TWO, "dist", "dot(p[0],q[0])", "mm(p,q.t())"]
ACTIVATIONS = """
    relu leaky_relu elu gelu silu softplus softsign tanhshrink logsigmoid hardtanh relu6
    celu selu mish hardsigmoid hardswish hardshrink softshrink rrelu prelu(p,r) prelu(p,r[:1])
    glu(p,0)
    threshold(p,0.6,0.0) cosine_similarity(p,q) softmin(p,1) normalize
    gelu(p,approximate='tanh') layer_norm(p,(3,)) layer_norm(p,(3,),r,s) rms_norm(p,(3,),r)
    batch_norm(p,None,None,r,s,True) batch_norm(p,s.detach()*1,r.detach()+1,r,s) linear(p,q) linear(p,q,t)
""".split()  # noqa: SIM905
LOSSES = """
    mse_loss l1_loss smooth_l1_loss huber_loss binary_cross_entropy binary_cross_entropy_with_logits
    kl_div
""".split()  # noqa: SIM905

EXPRESSIONS = [
    *[f"torch.{name}" if "(" in name else f"torch.{name}(p)" for name in UNARY],
    *[f"torch.{name}" if "(" in name else f"torch.{name}(p,q)" for name in BINARY],
    *[f"F.{name}" if "(" in name else f"F.{name}(p)" for name in ACTIVATIONS],
    *[f"F.{name}(u,v)" for name in LOSSES],
    *["p+1", "p*2", "p/2", "2/p", "2-p", "p**q", "p@q.t()", "-p", "p+q", "p*q", "p/q"],
    *["torch.addcmul(p,q,w)", "torch.addcdiv(p,q,w)", "torch.lerp(p,q,w)", "torch.lerp(p,q,0.3)"],
    *["torch.addmm(w[:,:2],p,q.t())", "torch.bmm(p[None],q.t()[None])", "torch.matmul(p,r)"],
    *["torch.einsum('ij,kj->ik',p,q)", "torch.outer(r,s)", "torch.clamp(p,q,w)"],
    *["torch.cat([p,q])", "torch.stack([p,q])", "torch.where(m,p,q)", "torch.where(m,p,0.0)"],
    *["p[0]", "p[:,1:]", "p[None]", "p[i]", "p[:,i]", "p[i,j[:2]]", "p[m]", "p[0,j]", "p[[0,1]]"],
    *["p.masked_fill(m,2.0)", "p.masked_fill(m,z)", "p.masked_select(m)", "torch.take(p,i)"],
    *["p.gather(1,k)", "p.index_select(1,j)", "torch.take_along_dim(p,k,1)", "p.expand(4,2,3)"],
    *["p.scatter(1,k,q)", "p.scatter(1,k,2.0)", "p.scatter_add(1,k,q)", "p.index_add(0,i,q)"],
    *["p.index_copy(0,i,q)", "p.index_fill(0,i,2.0)", "p.index_fill(0,i,z)"],
    *["p.index_put((i,j[:2]),r[:2])", "p.index_put((m,),z)", "p.index_put((i,),q,True)"],
    *["F.embedding(k,w)", "F.cross_entropy(p,i)", "F.nll_loss(p,i)", "F.nll_loss(p,i,r.detach())"],
    *["F.cross_entropy(p,q.detach())", "F.pad(p,(1,1))"],
    *["p.to(torch.float32)"],
    *["F.conv1d(p,q.t()[:,:,None],r)", "F.conv_transpose1d(p,w[:,:,None],r)", "F.max_pool1d(p,2)"],
    *["F.avg_pool1d(p,2)", "F.adaptive_avg_pool1d(p,2)", "F.adaptive_max_pool1d(p,2)"],
    *["p.double()", "p.clone().copy_(q)", "p.clone().mul_(q)", "p.clone().div_(q)", "p.clone().exp_()"],
    *["p.clone().masked_fill_(m,1.0)", "p.clone().index_fill_(0,i,1.0)", "p.clone().zero_()"],
    *["put(p,i,q)", "put(p,m,z)", "put(p,0,r)", "p.clone().scatter_(1,k,q)", "p.repeat(2,1)"],
    *["torch.baddbmm(w[None,:,:2],p[None],q.t()[None])", "torch.mv(p,r)"],
    *["torch.linalg.vector_norm(p)"],
]  # fmt: skip


def put(x: Any, index: Any, value: Any) -> Any:
    """``x[index] = value`` in a copy."""
    x = x.clone()
    x[index] = value
    return x


def arguments(t: Any) -> dict[str, Any]:
    """Named tensors: p, q, w, r, s, t, z of floats that depend on a leaf, the others constant."""
    t.manual_seed(1)
    shapes = {"p": (2, 3), "q": (2, 3), "w": (2, 3), "r": (3,), "s": (3,), "t": (2,), "z": (),
              "u": (2, 3), "v": (2, 3)}  # fmt: skip
    made: dict[str, Any] = {"leaves": []}
    for name, shape in shapes.items():
        leaf = (t.rand(shape, dtype=t.float64) * 0.8 + 0.1).requires_grad_()
        made["leaves"].append(leaf)
        made[name] = leaf * 1.0
    made["v"] = made["v"].detach()
    made["i"], made["j"] = t.tensor([0, 1]), t.tensor([2, 0, 1])
    made["k"] = t.tensor([[0, 1, 1], [1, 0, 0]])
    made["m"] = t.tensor([[True, False, True], [False, True, True]])
    return made


def named(expression: str) -> list[str]:
    """The arguments that an expression names."""
    bare = re.sub(r"'[^']*'|float\(|\w\w+", "", expression)
    return sorted(set(re.findall(r"(?<![\w.])([p-wzijkm])(?![\w=])", bare)))


def gradients(t: Any, expression: str, change: Any, times: int = 1) -> list[Any]:
    """The gradients of all leaves; `change` gets the arguments and results before backward."""
    values = arguments(t)
    leaves = values.pop("leaves")
    results = eval(expression, {"torch": t, "F": t.nn.functional, "put": put, **values})
    results = results if isinstance(results, (tuple, list)) else (results,)
    wanted = [y for y in results if y.requires_grad]
    looked_at = [y * 1.0 for y in wanted]  # which keeps no y itself
    with t.no_grad():
        change(values, results)
    for _ in range(times):
        t.autograd.backward(looked_at, [t.full_like(y, 0.7) for y in wanted], retain_graph=False)
        looked_at = wanted
    return [None if leaf.grad is None else leaf.grad.tolist() for leaf in leaves]


def disturb(x: Any) -> None:
    """Write other values into a tensor."""
    x.copy_(
        ~x
    ) if x.dtype == x.bool().dtype else x.zero_() if not x.is_floating_point() else x.add_(0.25)


def outcome(t: Any, expression: str, change: Any, times: int = 1) -> str:
    """ "free": gradients are what they are without the change; "kept": backward raises; "wrong"."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = gradients(t, expression, lambda values, results: None)
        try:
            found = gradients(t, expression, change, times)
        except RuntimeError as error:
            if re.search("modified by an inplace|second time", str(error)):
                return "kept"
            raise
    return "free" if times > 1 or str(found) == str(expected) else "wrong"


def change_of(what: str, through: str = "itself") -> Any:
    """A change of an argument, by name, or of a result, by number; also ``through="data"``."""

    def change(values: Any, results: Any) -> None:
        target = results[int(what)] if what.isdigit() else values[what]
        disturb(target.data if through == "data" else target)

    return change


def guards(t: Any, expression: str) -> dict[str, str]:
    """For each argument, each result ("0", "1", ...), and a second backward ("twice")."""
    values = arguments(t)
    results = eval(expression, {"torch": t, "F": t.nn.functional, "put": put, **values})
    count = len(results) if isinstance(results, (tuple, list)) else 1
    found = {}
    for what in [*named(expression), *map(str, range(count))]:
        try:
            found[what] = outcome(t, expression, change_of(what))
        except RuntimeError as error:  # it cannot be written to
            if not re.search("single memory location|overlap", str(error)):
                raise
    found["twice"] = outcome(t, expression, lambda values, results: None, times=2)
    return found


def main() -> None:
    import torch

    answers = {}
    for expression in EXPRESSIONS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                answers[expression] = guards(torch, expression)
            except Exception as error:
                raise SystemExit(f"{expression}: {error}") from error
    lines = [f"{json.dumps(e)}: {json.dumps(a)}" for e, a in answers.items()]
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
