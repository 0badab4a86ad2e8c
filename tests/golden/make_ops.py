"""Regenerate ``ops.json``: what PyTorch 2.13 answers to some hundred expressions.

    python tests/golden/make_ops.py

needs torch. The expressions are here, as text in which the module is called ``torch``;
`tests/test_ops.py` takes them from here and evaluates them with minigrad under that name.
Statements before the last one are separated by semicolons.
"""

from __future__ import annotations

import json
import math
import re
import runpy
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

TARGET = Path(__file__).with_name("ops.json")
operations = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("operations.py"))))

# ------------------------------------------------------------------------------------------------
# The expressions
# ------------------------------------------------------------------------------------------------

V = "torch.tensor([-2.5, -1.5, -0.5, -0.0, 0.0, 0.5, 1.5, 2.5, inf, -inf, nan])"
P = "torch.tensor([0.25, 0.5, 1.0, 2.0, 10.0])"
I = "torch.tensor([-7, -2, 0, 3, 8])"  # noqa: E741
X = "torch.arange(24.).reshape(2, 3, 4)"
T = "torch.tensor([[3., 1., 3.], [2., 2., 0.]])"  # has ties
N = "torch.tensor([[1., nan, 3.], [2., 0., 1.]])"

VALUES: dict[str, list[str]] = {
    "unary": [f"torch.{f}({V})" for f in operations.ONE]
    + [f"torch.{f}({P}.double())" for f in operations.ONE]
    + [f"torch.{f}({I})" for f in operations.ONE]
    + [
        f"torch.logical_not({V})",
        "~torch.tensor([True, False])",
        f"~{I}",
        f"torch.bitwise_not({I})",
        f"-{I}",
        f"+{I}",
        f"abs({I})",
        "torch.exp(torch.tensor([True, False]))",
        "torch.relu(torch.tensor([-1, 2]))",
        "torch.sigmoid(torch.tensor([-100., 100., -20., 20.]))",
        "torch.tanh(torch.tensor([-100., 100., 1e-4]))",
        f"torch.round({P} * 1.237, decimals=2)",
    ],
    "binary": [f"torch.{f}({V}, torch.tensor([[2.], [-1.5], [0.]]))" for f in operations.TWO]
    + [f"torch.{f}({I}, torch.tensor([[3], [2]]))" for f in operations.TWO]
    + [f"torch.{f}({P}, torch.tensor(3))" for f in operations.TWO]
    + [
        "torch.div(torch.tensor([-7, 7]), torch.tensor([2, -2]), rounding_mode='trunc')",
        "torch.div(torch.tensor([-7, 7]), torch.tensor([2, -2]), rounding_mode='floor')",
        "torch.div(torch.tensor([-7., 7.]), 2, rounding_mode='trunc')",
        "torch.div(torch.tensor([-7., 7.]), 2, rounding_mode='floor')",
        "torch.add(torch.tensor([1., 2.]), torch.tensor([1., 1.]), alpha=3)",
        "torch.sub(torch.tensor([1, 2]), 5, alpha=2)",
        "torch.rsub(torch.tensor([1., 2.]), 5)",
        "torch.lerp(torch.tensor([0., 2.]), torch.tensor([10., 4.]), 0.25)",
        "torch.lerp(torch.tensor([0., 2.]), torch.tensor([10., 4.]), torch.tensor([0.5, 2.]))",
        "torch.addcmul(torch.ones(2), torch.tensor([1., 2.]), torch.tensor([[3.], [4.]]), "
        "value=0.5)",
        "torch.addcdiv(torch.ones(2), torch.tensor([1., 2.]), torch.tensor([[3.], [4.]]), "
        "value=0.5)",
        "torch.logical_and(torch.tensor([0., 1., 2.]), torch.tensor([True, True, False]))",
        "torch.logical_or(torch.tensor([0., 1., 2.]), torch.tensor([True, True, False]))",
        "torch.logical_xor(torch.tensor([0., 1., 2.]), torch.tensor([True, True, False]))",
        "torch.bitwise_and(torch.tensor([6, 5]), torch.tensor([3, 1]))",
        "torch.bitwise_or(torch.tensor([6, 5]), torch.tensor([3, 1]))",
        "torch.bitwise_xor(torch.tensor([6, 5]), 3)",
        "torch.isclose(torch.tensor([1., 2., inf, nan]), torch.tensor([1. + 1e-7, 2.1, inf, nan]))",
        "torch.isclose(torch.tensor([nan]), torch.tensor([nan]), equal_nan=True)",
        "torch.allclose(torch.tensor([1., 2.]), torch.tensor([1., 2. + 1e-6]))",
        "torch.equal(torch.tensor([1, 2]), torch.tensor([1, 2]))",
        "torch.equal(torch.tensor([1, 2]), torch.tensor([[1, 2]]))",
        f"torch.clamp({V}, -1, 1.5)",
        f"torch.clamp({V}, min=0)",
        f"torch.clamp({V}, max=torch.tensor(0.25))",
        f"torch.clamp({I}, -1, 4)",
        f"torch.clamp({I}, -1.5, 4)",
        f"torch.clamp({P}, torch.tensor([[1.], [2.]]), torch.tensor(3.))",
        "torch.clamp(torch.tensor([1., 2.]), 5, 3)",
        "torch.where(torch.tensor([True, False]), torch.tensor([1, 2]), torch.tensor([1.5, 2.5]))",
        "torch.where(torch.tensor([True, False]), 1, 2)",
        "torch.where(torch.tensor([True, False]), 1.5, 2)",
        "torch.where(torch.tensor([[True], [False]]), torch.tensor([1, 2]), 0.5)",
        "torch.where(torch.tensor([0, 3, 0, 2]))",
        "torch.tensor([1., 2.]).where(torch.tensor([True, False]), torch.tensor(9.))",
    ],
    "operators": [
        "2 + torch.tensor([1, 2])",
        "2.5 - torch.tensor([1, 2])",
        "2 * torch.tensor([1., 2.])",
        "3 / torch.tensor([1, 2])",
        "7 // torch.tensor([2, -2])",
        "7.5 // torch.tensor([2, -2])",
        "-7 % torch.tensor([2, 3])",
        "torch.tensor([-7.5, 7.5]) % 2",
        "torch.tensor([-7.5, 7.5]) // 2",
        "2 ** torch.tensor([1, 2, 3])",
        "2 ** torch.tensor([0.5, -1.])",
        "torch.tensor([1, 2, 3]) ** 2",
        "torch.tensor([1, 2, 3]) ** 0.5",
        "torch.tensor([1., 4.]) ** torch.tensor([2, 3])",
        "torch.tensor([0., 0., 2.]) ** torch.tensor([0., 1., 0.])",
        "torch.tensor([6, 5]) & 3",
        "torch.tensor([True, False]) | torch.tensor([False, False])",
        "torch.tensor([True, False]) ^ True",
        "3 & torch.tensor([6, 5])",
        "torch.tensor([1, 2]) == 2",
        "2 < torch.tensor([1, 2, 3])",
        "torch.tensor([1, 2]) != torch.tensor([1.0, 2.5])",
        "torch.tensor([1, 2]) == None",
        "torch.tensor([1, 2]) == 'a'",
        "torch.tensor([True, False]) > False",
        "True + torch.tensor([True, False])",
        "torch.tensor([True, False]) * 2.5",
        "np.float64(2.) * torch.tensor([1., 2.])",
        "torch.tensor([1., 2.]) * np.float64(2.)",
        "torch.tensor([1., 2.]) + np.array([1., 2.], dtype=np.float32)",
        "x = torch.tensor([1., 2.]); x += 1; x",
        "x = torch.tensor([1, 2]); x -= 3; x",
        "x = torch.tensor([1., 2.]); x *= torch.tensor([2, 3]); x",
        "x = torch.tensor([1., 2.]); x /= 4; x",
        "x = torch.tensor([1., 2.]); x **= 3; x",
        "x = torch.tensor([7, 8]); x //= 2; x",
        "x = torch.tensor([7, 8]); x %= 3; x",
        "x = torch.tensor([7, 8]); x &= 3; x",
        "x = torch.tensor([True, False]); x |= True; x",
        "x = torch.tensor([7, 8]); x ^= 3; x",
        "x = torch.tensor([1., 2.]); y = x; x //= 2; (x is y, x)",
        "torch.tensor([5, 3]).add_(True)",
        "torch.zeros(2, dtype=torch.float32).add_(torch.ones(2, dtype=torch.float64))",
        "torch.tensor([1, 2]).mul_(torch.tensor(2, dtype=torch.int32))",
        "bool(torch.tensor([0.5])), bool(torch.tensor(0)), int(torch.tensor(3.7)), "
        "float(torch.tensor(2))",
        "[10, 20, 30][torch.tensor(1)], 'ab' * torch.tensor(2), list(range(5))[torch.tensor(1):]",
        "f'{torch.tensor(3.14159):.3f}', f'{torch.tensor(5):d}'",
        "2 in torch.tensor([1, 2]), 5 in torch.tensor([1, 2]), torch.tensor(1) in torch.tensor([1, "
        "2])",
        "[0, 1] * torch.tensor(2), torch.tensor(2) == [2]",
        "len(torch.zeros(3, 0)), [t.item() for t in torch.tensor([1, 2])]",
        "torch.tensor([1, 2]) @ torch.tensor([3, 4])",
    ],
    "indexing": [
        f"{X}[{index}]"
        for index in (
            "0",
            "-1",
            "1, 2",
            "1, 2, 3",
            "0, ..., 1",
            "...",
            "None",
            "..., None",
            "None, 0, None",
            ":, 1",
            ":, 1:",
            ":, ::2, 1:3",
            "0:1",
            "5:7",
            "-1:",
            "True",
            "False",
            "[0, 1]",
            "[1, 1, 0]",
            "[[0, 1], [1, 0]]",
            "[torch.tensor(1), torch.tensor(2)]",
            "[torch.tensor([0, 1]), torch.tensor([1, 2])]",
            "[0, slice(1, 3)]",
            "[(0, 1), (1, 2)]",
            "(0, 1)",
            "[0, 1], [2, 0]",
            "[0, 1], :, [2, 0]",
            ":, [2, 0], [3, 1]",
            "0, :, [3, 1]",
            "0, [2, 0], :",
            "[0, 1], 1",
            "[0, 1], 1, [2, 3]",
            "0, [1, 2], [2, 3]",
            "[0, 1], ..., 2",
            "..., [0, 3]",
            "None, [0, 1]",
            "[0, 1], None",
            "[0, 1], None, [1, 2]",
            ":, None, [0, 1]",
            "torch.tensor([1, -1])",
            "torch.tensor(1)",
            "torch.tensor(1), torch.tensor([0, 2])",
            "torch.tensor([[0], [1]]), torch.tensor([0, 2])",
            "torch.tensor([[0, 1]]), 1:, torch.tensor([[2], [3]])",
            "torch.tensor([True, False])",
            "torch.tensor([False, False])",
            ":, torch.tensor([True, False, True])",
            "torch.tensor([True, False]), torch.tensor([True, False, True])",
            "torch.tensor([[True, False, True], [False, True, False]])",
            "torch.tensor([[True, False, True], [False, True, False]]), 1:",
            "torch.tensor([True, True]), 0, torch.tensor([1, 2])",
            f"{X} > 12",
            "torch.tensor([1, 0], dtype=torch.uint8)",
            "torch.tensor([], dtype=torch.int64)",
            "[]",
            "0, 1, [2, 3]",
            "1:, [0, 1]",
            "np.array([1, 0])",
            "np.array([True, False])",
            "np.int64(1)",
            "torch.tensor([1, 0], dtype=torch.int32)",
            "range(2)",
            "torch.tensor(True)",
            "slice(0, 2), slice(1, None), 2",
        )
    ]
    + [
        "torch.tensor(5.)[...]",
        "torch.tensor(5.)[None]",
        "torch.tensor(5.)[True]",
        "torch.tensor(5.)[torch.tensor(False)]",
        "torch.zeros(0, 3)[torch.tensor([], dtype=torch.int64)]",
        "torch.zeros(3, 0)[1]",
        f"x = {X}; x[0] = 1; x",
        f"x = {X}; x[:, 1] = torch.arange(4.); x",
        f"x = {X}; x[[0, 1], 1] = torch.tensor([[1.], [2.]]); x",
        f"x = {X}; x[0, :, [3, 1]] = torch.arange(6.).reshape(3, 2); x",
        f"x = {X}; x[x > 12] = 0; x",
        f"x = {X}; x[x > 20] = torch.tensor([1., 2., 3.]); x",
        f"x = {X}; x[..., 1] = 7; x",
        f"x = {X}; x[0][1][2] = 100; x",
        f"x = {X}; x[0, 1:, ::2] = torch.tensor(3); x",
        f"x = {X}; x[:, torch.tensor([True, False, True]), 0] = -1; x",
        f"x = {X}; x[True] = 2; x",
        "x = torch.arange(4); x[1] = 7.9; x",
        "x = torch.arange(4.); x[1:3] = torch.tensor([[5., 6.]]); x",
        "x = torch.arange(4.); x[0] += 10; x[[1, 2]] *= 2; x",
        "x = torch.zeros(3, 3); x[0, 0] = True; x[1] = torch.tensor([1, 2, 3]); x",
        f"{X}.select(1, -1), {X}.narrow(2, 1, 2), {X}.narrow(2, -2, 2)",
        "torch.gather(torch.tensor([[1, 2], [3, 4]]), 1, torch.tensor([[0, 0], [1, 0]]))",
        "torch.gather(torch.tensor([[1, 2], [3, 4]]), 0, torch.tensor([[1, 0]]))",
        "torch.tensor([5., 6., 7.]).index_select(0, torch.tensor([2, 0]))",
        "torch.tensor([[1, 2], [3, 4]]).take(torch.tensor([3, 0]))",
        "torch.take_along_dim(torch.tensor([[3, 1], [2, 4]]), torch.tensor([[1], [0]]), dim=1)",
        "torch.masked_select(torch.tensor([[1, 2], [3, 4]]), torch.tensor([True, False]))",
        "torch.masked_fill(torch.tensor([1, 2, 3]), torch.tensor([True, False, True]), 9)",
        "torch.tensor([1., 2.]).masked_fill(torch.tensor([[True, False], [False, False]]), -inf)",
        "torch.nonzero(torch.tensor([[0, 1], [2, 0]])), torch.nonzero(torch.tensor([0., 3.]), "
        "as_tuple=True)",
        "torch.tensor(5).nonzero()",
        "torch.repeat_interleave(torch.tensor([1, 2]), 2), torch.tensor([[1, "
        "2]]).repeat_interleave(2, dim=0)",
        "torch.tensor([1, 2]).repeat_interleave(torch.tensor([3, 1]))",
        "torch.zeros(2, 3).scatter(1, torch.tensor([[0], [2]]), torch.tensor([[5.], [6.]]))",
        "torch.zeros(2, 3).scatter_(1, torch.tensor([[0], [2]]), 1.5)",
        "torch.zeros(2, 3).scatter_(1, torch.tensor([[0], [2]]), 1)",
        "torch.zeros(3, 2).scatter_add_(0, torch.tensor([[0, 1], [0, 1]]), torch.tensor([[1., 2.], "
        "[3., 4.]]))",
        "torch.zeros(3, 2).index_add_(0, torch.tensor([0, 0]), torch.tensor([[1., 2.], [3., 4.]]), "
        "alpha=2)",
        "torch.zeros(3, 2).index_copy_(1, torch.tensor([1]), torch.ones(3, 1))",
        "torch.zeros(3, 2).index_fill_(0, torch.tensor([2, 0]), 4.)",
        "torch.zeros(3).index_put_((torch.tensor([0, 0]),), torch.tensor([1., 2.]), "
        "accumulate=True)",
        "torch.zeros(3, 2).fill_diagonal_(3.)",
        "torch.zeros(7, 3).fill_diagonal_(3., wrap=True)",
        "torch.zeros(3, 7).fill_diagonal_(3., wrap=True)",
        "torch.zeros(3, 3, 3).fill_diagonal_(3., wrap=True)",
        "torch.zeros(2, 0).fill_diagonal_(3., wrap=True)",
        "torch.diag(torch.tensor([1, 2])), torch.diag(torch.tensor([[1, 2], [3, 4]]), 1), "
        "torch.diag(torch.tensor([1]), -1)",
        f"torch.diagonal({X}, 1, 1, 2)",
    ],
    "reductions": [
        f"{x}.{f}({a})"
        for x in (T, N)
        for f in ("sum", "mean", "prod", "var", "std", "norm", "max", "min", "argmax", "argmin", "median")
        for a in ("", "dim=0", "dim=-1, keepdim=True")
    ]
    + [
        f"{x}.{f}({a})"
        for x in (T, N, X)
        for f in ("amax", "amin", "logsumexp")
        for a in ("dim=0", "dim=(0, 1)", "dim=-1, keepdim=True")
    ]
    + [f"{x}.{f}({a})" for x in (T, N) for f in ("sort", "argsort") for a in ("", "dim=0", "descending=True, stable=True")]
    + [f"{x}.topk({a})" for x in (N, "torch.tensor([[3., 1., 2.]])") for a in ("2", "1, dim=0", "2, largest=False")]
    + [
        f"{X}.sum(dim=(0, 2))",
        f"{X}.mean((1, 2), keepdim=True)",
        f"{X}.sum(axis=1)",
        f"{X}.max(axis=0)",
        f"{X}.var(dim=(0, 1))",
        f"{X}.std(dim=2, unbiased=False)",
        f"{X}.var(dim=1, correction=0)",
        f"torch.var_mean({X}, dim=1)",
        f"torch.var_mean({X})",
        f"torch.var_mean({X}, dim=1, correction=0)",
        f"torch.std({X}, 1, False)",
        f"torch.var({X}, False)",
        "torch.tensor([1.]).var()",
        "torch.tensor(5.).std()",
        "torch.tensor([1, 2, 3]).sum(), torch.tensor([True, True]).sum(), torch.tensor([2, 3], "
        "dtype=torch.uint8).prod()",
        "torch.tensor([1, 2]).sum(dtype=torch.float32), torch.tensor([1, "
        "2]).float().mean(dtype=torch.float64)",
        "torch.zeros(0).sum(), torch.zeros(0).mean(), torch.zeros(0).prod(), torch.zeros(0, "
        "3).sum(0), torch.zeros(2, 0).prod(1)",
        "torch.zeros(0, 3).mean(0), torch.zeros(0).median(), torch.tensor([[1., nan], [nan, "
        "2.]]).median(0)",
        "torch.tensor(3.).median(0), torch.tensor([[1, 2], [0, 3]]).median(), "
        "torch.zeros(2).topk(0).values.shape",
        "torch.tensor([[3e38], [-1e-45], [0.]]).norm(dim=1), torch.tensor([[-3e38]]).norm(p=3), "
        "torch.tensor([[3e38], [0.]]).norm(p=0, dim=1, keepdim=True)",
        "torch.zeros(0).long() % 0, torch.zeros(0, 2).int() // torch.zeros(1, 2).int(), "
        "torch.zeros(0).long().fmod(0), torch.zeros(0).long().div(0, rounding_mode='trunc')",
        "torch.zeros(0).long().bincount(torch.ones(0)), torch.zeros(0).long().bincount(minlength=2)",
        "torch.zeros(0, 3).logsumexp(0), torch.zeros(0, 3).norm(), torch.zeros(2, 0).norm(dim=1)",
        "torch.tensor(3.).sum(0), torch.tensor(3.).max(0), torch.tensor(3.).argmax(), "
        "torch.tensor(3.).sort()",
        "torch.tensor(3.).mean(-1), torch.tensor(3.).cumsum(0), torch.tensor(3.).topk(1), "
        "torch.tensor(3.).median()",
        "torch.tensor([3, 1, 3]).max(), torch.tensor([3, 1, 3]).max(0), torch.tensor([True, "
        "False]).max()",
        "torch.max(torch.tensor([1, 5]), torch.tensor([[3], [6]]))",
        "torch.min(torch.tensor([1., nan]), torch.tensor([nan, 2.]))",
        "torch.tensor([3, 1, 2]).cumsum(0), torch.tensor([[1., 2.], [3., 4.]]).cumsum(1), "
        "torch.tensor([True, True]).cumsum(0)",
        "torch.tensor([inf, -inf]).logsumexp(0), torch.tensor([-inf, -inf]).logsumexp(0), "
        "torch.tensor([1000., 1000.]).logsumexp(0)",
        "torch.softmax(torch.tensor([1., 2., 3.]), 0), torch.softmax(torch.tensor([1000., 0., "
        "-inf]), -1)",
        "torch.log_softmax(torch.tensor([[1., 2.], [1000., 0.]]), 1)",
        "torch.softmax(torch.tensor([1, 2]), 0, dtype=torch.float64)",
        "torch.softmax(torch.tensor(3.), 0), torch.softmax(torch.zeros(0, 3), 1)",
        "torch.norm(torch.tensor([3., 4.])), torch.norm(torch.tensor([[3., 4.], [0., 1.]]), dim=1)",
        "torch.norm(torch.tensor([3., -4., 0.]), p=1), torch.norm(torch.tensor([3., -4., 0.]), "
        "p=0)",
        "torch.norm(torch.tensor([3., -4., 0.]), p=inf), torch.norm(torch.tensor([3., -4., 0.]), "
        "p=-inf)",
        "torch.norm(torch.tensor([3., -4., 0.]), p=3), torch.dist(torch.tensor([1., 2.]), "
        "torch.tensor([4., 6.]))",
        f"({T} > 1).all(), ({T} > 1).all(0), ({T} > 1).any(1, keepdim=True), {T}.all(), "
        "torch.tensor([], dtype=torch.bool).all()",
        f"torch.count_nonzero({T}), torch.count_nonzero({T}, dim=0)",
        "torch.unique(torch.tensor([3, 1, 3]), return_inverse=True, return_counts=True)",
        "torch.unique(torch.tensor([[3, 1], [3, 0]]), return_inverse=True)",
        "torch.bincount(torch.tensor([0, 2, 2])), torch.bincount(torch.tensor([0, 1]), "
        "minlength=4)",
        "torch.bincount(torch.tensor([0, 1, 1]), weights=torch.tensor([0.5, 1., 2.]))",
        "torch.tensor([2., 1., 2., 3., 3.]).argsort(descending=True, stable=True)",
        "torch.tensor([nan, 1., inf, nan, -inf]).sort()",
        "torch.tensor([nan, 1., inf, nan, -inf]).sort(descending=True, stable=True)",
        "torch.tensor([2, 1, 2, 1]).sort(stable=True), torch.tensor([True, False]).sort()",
        "torch.tensor([[5., 1., 4., 2.]]).median(1), torch.tensor([5., nan, 4.]).median(), "
        "torch.tensor([7, 1, 4, 2]).median()",
    ],
    "shapes": [
        f"{X}.reshape(6, -1)",
        f"{X}.view(-1)[:3]",
        f"{X}.transpose(0, 2).reshape(-1)",
        f"{X}.permute(2, 0, 1)",
        f"{X}.permute((1, 2, 0)).shape",
        f"{X}.movedim(0, -1).shape, {X}.movedim((0, 1), (2, 0)).shape, {X}.swapaxes(0, 1).shape",
        f"{X}.mT.shape, torch.zeros(2, 3).T.shape, torch.zeros(3).t().shape",
        f"{X}.flatten().shape, {X}.flatten(1).shape, {X}.flatten(0, 1).shape, "
        "torch.tensor(1.).flatten().shape",
        f"{X}.unflatten(2, (2, -1)).shape, {X}.unsqueeze(-1).shape, {X}.unsqueeze(1).shape",
        "torch.zeros(1, 2, 1).squeeze().shape, torch.zeros(1, 2, 1).squeeze(0).shape, "
        "torch.zeros(1, 2, 1).squeeze(1).shape",
        "torch.zeros(1, 2, 1).squeeze((0, 2)).shape, torch.zeros(1, 2, 1).squeeze(-1).shape",
        "torch.tensor([1, 2]).expand(3, 2), torch.tensor([[1], [2]]).expand(-1, 3), "
        "torch.tensor(1).expand(2)",
        "torch.tensor([1, 2]).repeat(2), torch.tensor([1, 2]).repeat(2, 2), torch.tensor([[1, "
        "2]]).tile((2,))",
        "torch.tensor([[1, 2], [3, 4]]).flip(0), torch.tensor([[1, 2], [3, 4]]).flip(0, 1), "
        "torch.flip(torch.tensor([1, 2]), (0,))",
        "torch.arange(6).resize_(2, 2), torch.arange(6).reshape(2, 3).t().resize_((2, 2)), "
        "torch.arange(6).reshape(2, 3).t().resize_(3, 2), torch.tensor(3).resize_(1), "
        "torch.ones(2).resize_(()), torch.ones(0).resize_(2, 3).shape, torch.ones(2).resize_(0, 4)",
        "x = torch.arange(2); y = x.resize_(3); y is x, x[:2], x._version",
        "x = torch.arange(6); y = x.view(6); y.resize_(2, 2)[0, 0] = 9; x, y, y._version",
        "reversed(torch.tensor([[1, 2], [3, 4]])), reversed(torch.zeros(0, 2)), "
        "reversed(torch.tensor(3))",
        "torch.arange(5).roll(2), torch.arange(6).reshape(2, 3).roll(1), "
        "torch.arange(6).reshape(2, 3).roll((1, 1), (0, 1))",
        "torch.ones(3, 3).tril(), torch.ones(2, 3).triu(1), torch.ones(2, 2, 2).tril(-1)",
        "torch.cat([torch.tensor([1]), torch.tensor([2.5])]), torch.cat((torch.zeros(0), "
        "torch.ones(2, 2)))",
        "torch.cat([torch.ones(1, 2), torch.zeros(2, 2)], dim=0), torch.cat([torch.ones(1, 1), "
        "torch.zeros(1, 2)], dim=-1)",
        "torch.stack([torch.tensor(1), torch.tensor(2)]), torch.stack((torch.ones(2), "
        "torch.zeros(2)), dim=1)",
        "torch.stack([torch.ones(2), torch.zeros(2)], dim=-1), torch.stack([torch.tensor([1]), "
        "torch.tensor([2.])])",
        "torch.hstack([torch.tensor([1]), torch.tensor([2])]), torch.vstack([torch.tensor([1]), "
        "torch.tensor([2])])",
        "torch.arange(5).split(2), torch.arange(5).split([1, 4]), torch.arange(6).chunk(4), "
        "torch.arange(3).unbind()",
        "torch.zeros(2, 3).split(1, dim=1)[0].shape, torch.zeros(2, 3).chunk(2, -1)[1].shape",
        "torch.zeros(2, 3).stride(), torch.zeros(2, 3).t().stride(), torch.zeros(2, 3, "
        "4).permute(2, 0, 1).stride()",
        "torch.zeros(2, 6)[:, ::2].stride(), torch.zeros(2, 1).expand(2, 5).stride(), "
        "torch.zeros(4, 5)[1:, 2].stride()",
        "torch.zeros(2, 3).t().is_contiguous(), torch.zeros(2, 3)[:, :2].is_contiguous(), "
        "torch.zeros(3, 1).t().is_contiguous()",
        "x = torch.zeros(2, 3); (x.view(3, 2).data_ptr() == x.data_ptr(), x.contiguous() is x, "
        "x.t().contiguous().stride())",
        "x = torch.zeros(2, 3); (x.reshape(6).data_ptr() == x.data_ptr(), "
        "x.t().reshape(6).data_ptr() == x.data_ptr())",
        "x = torch.zeros(2, 3, 4); (x[:, 1:].view(2, 2, 2, 2).shape, x.transpose(0, 1).view(3, 2, "
        "2, 2).shape)",
        "x = torch.zeros(4, 6)[::2]; x.view(2, 2, 3).stride()",
        "torch.broadcast_to(torch.tensor([1, 2]), (2, 2)), torch.broadcast_tensors(torch.zeros(2, "
        "1), torch.zeros(3))[0].shape",
        "torch.meshgrid(torch.tensor([1, 2]), torch.tensor([3, 4, 5]), indexing='ij')",
        "torch.meshgrid(torch.tensor([1, 2]), torch.tensor([3, 4, 5]), indexing='xy')",
        "torch.zeros(2, 3).size(), torch.zeros(2, 3).size(-1), torch.zeros(2, 3).shape.numel(), "
        "torch.zeros(2, 3).shape[:1]",
        "torch.zeros(2, 3).dim(), torch.zeros(2, 3).numel(), torch.tensor(1).dim(), "
        "torch.tensor(1).shape",
        "torch.zeros(2, 3).new_zeros(2).dtype, torch.zeros(1, dtype=torch.int64).new_full((2,), 3)",
        "torch.zeros(2, 0).reshape(0, 5).shape, torch.zeros(0).view(3, 0).shape, torch.zeros(1, "
        "1).reshape(()).shape",
        "torch.zeros(2, 3).to(torch.int64).dtype, torch.tensor([1.9, -1.9]).long(), "
        "torch.tensor([0., 2.]).bool()",
        "torch.tensor([300]).to(torch.uint8), torch.tensor([1.5]).half().dtype, "
        "torch.tensor([1]).type(), torch.tensor([1.]).double().type()",
    ],
    "products": [
        "torch.arange(6.).reshape(2, 3) @ torch.arange(12.).reshape(3, 4)",
        "torch.arange(6.).reshape(2, 3) @ torch.arange(3.)",
        "torch.arange(2.) @ torch.arange(6.).reshape(2, 3)",
        "torch.arange(3.) @ torch.arange(3.)",
        "(torch.arange(12.).reshape(2, 2, 3) @ torch.arange(12.).reshape(2, 3, 2))",
        "(torch.arange(12.).reshape(2, 2, 3) @ torch.arange(3.))",
        "(torch.arange(3.) @ torch.arange(12.).reshape(2, 3, 2))",
        "(torch.ones(2, 1, 2, 3) @ torch.ones(4, 3, 1)).shape, (torch.ones(2, 0) @ torch.ones(0, "
        "3))",
        "torch.mm(torch.tensor([[1, 2]]), torch.tensor([[3], [4]])), torch.mv(torch.ones(2, 3), "
        "torch.ones(3))",
        "torch.bmm(torch.ones(2, 1, 3), torch.ones(2, 3, 1)), torch.dot(torch.tensor([1, 2]), "
        "torch.tensor([3, 4]))",
        "torch.outer(torch.tensor([1., 2.]), torch.tensor([3., 4.]))",
        "torch.addmm(torch.ones(2), torch.ones(2, 3), torch.ones(3, 2), beta=0.5, alpha=2)",
        "torch.baddbmm(torch.ones(2, 1, 1), torch.ones(2, 1, 3), torch.ones(2, 3, 1), alpha=0.5)",
        "torch.einsum('ij,jk->ik', torch.arange(4.).reshape(2, 2), torch.arange(4.).reshape(2, 2))",
        "torch.einsum('ij->j', torch.arange(4.).reshape(2, 2)), torch.einsum('i,j', "
        "torch.arange(2.), torch.arange(3.))",
        "torch.einsum('bij,bjk->bik', torch.ones(2, 2, 3), torch.ones(2, 3, 2)).sum(), "
        "torch.einsum('ij,ij->', torch.ones(2, 2), torch.ones(2, 2))",
        "torch.einsum('ji', torch.arange(4.).reshape(2, 2)), torch.einsum('bn,anm,bm->ba', "
        "torch.ones(2, 3), torch.ones(4, 3, 5), torch.ones(2, 5))",
    ],
    "creation": [
        "torch.tensor(0.3, dtype=torch.float64), torch.tensor([0.3, 0.1], dtype=torch.float64)",
        "torch.tensor([1, 2.5]), torch.tensor([[1], [2]]), torch.tensor([]), torch.tensor([True, "
        "2]), torch.tensor(True)",
        "torch.tensor([torch.tensor(1), torch.tensor(2)]), torch.tensor(np.array([1., 2.])), "
        "torch.tensor(np.float32(2))",
        "torch.tensor([np.float64(0.5), np.float64(1)]), torch.tensor([1.7, -1.7], "
        "dtype=torch.int64)",
        "torch.tensor([[1, 2], [3, 4]], dtype=torch.float64), torch.tensor(range(3)), "
        "torch.tensor(((1, 2), (3, 4)))",
        "torch.arange(5), torch.arange(1, 4), torch.arange(0, 1, 0.25), torch.arange(5, 0, -2), "
        "torch.arange(2.5)",
        "torch.arange(1, 4, dtype=torch.float64), torch.arange(0, 1, 0.1).shape, torch.arange(3, "
        "3)",
        "torch.linspace(0, 1, 5), torch.linspace(0, 1, 1), torch.linspace(-1, 1, 4, "
        "dtype=torch.float64)",
        "torch.zeros(2, 3), torch.zeros((2,)), torch.zeros([2]), torch.zeros(size=(1, 2)), "
        "torch.ones(2, dtype=torch.int64), torch.zeros(())",
        "torch.full((2,), 3), torch.full((2,), 3.), torch.full((2, 1), True), torch.full((1,), 2, "
        "dtype=torch.float64)",
        "torch.zeros_like(torch.tensor([1, 2])), torch.ones_like(torch.tensor([1.]), "
        "dtype=torch.int64), torch.full_like(torch.tensor([1, 2]), 7)",
        "torch.eye(2), torch.eye(2, 3), torch.eye(2, dtype=torch.int64)",
        "torch.as_tensor([1, 2]), torch.as_tensor(np.array([1, 2], dtype=np.int32)).dtype, "
        "torch.from_numpy(np.ones(2)).dtype",
        "torch.result_type(torch.tensor([1]), 2.5), torch.promote_types(torch.int32, torch.uint8), "
        "torch.can_cast(torch.float32, torch.int64)",
        "torch.tensor(1.5).item(), torch.tensor([[2]]).item(), torch.tensor([[1, 2], [3, "
        "4]]).tolist(), torch.tensor(3).tolist()",
        "torch.finfo(torch.float32).eps, torch.iinfo(torch.int32).max, torch.is_tensor(1), "
        "torch.numel(torch.zeros(2, 3))",
    ],
    # gradients where a function has a kink, ties, or values such as 0 * inf
    "gradients": [
        f"x = torch.tensor({values}, requires_grad=True); ({expression}).sum().backward(); x.grad"
        for expression, values in (
            ("x.abs()", "[-1., 0., 2.]"),
            ("x.relu()", "[-1., 0., 2., nan]"),
            ("x.sign() + x.floor() + x.ceil() + x.round()", "[-1.5, 0., 2.]"),
            ("x.sqrt()", "[0., 4.]"),
            ("x.clamp(0, 1)", "[-1., 0., 0.5, 1., 2.]"),
            ("x.clamp(min=torch.tensor([0., 1.]))", "[0., 0.]"),
            ("x ** 0", "[0., 1., -2.]"),
            ("x ** 1", "[0., 1., -2.]"),
            ("x ** 2", "[0., 1., -2.]"),
            ("x ** 3.5", "[0., 1., 4.]"),
            ("x ** -1", "[1., -2.]"),
            ("x ** torch.tensor([0., 1., 2.])", "[0., 0., 0.]"),
            ("2. ** x", "[0., 1., -2.]"),
            ("0. ** x", "[0., 1., 2.]"),
            ("torch.tensor([0., 0., 2.]) ** x", "[0., 1., 2.]"),
            ("x.max()", "[1., 3., 3.]"),
            ("x.min()", "[1., 1., 3.]"),
            ("x.amax(0)", "[[1., 3.], [1., 2.]]"),
            ("x.max(0).values", "[[1., 3.], [1., 2.]]"),
            ("x.min(1, keepdim=True)[0]", "[[1., 1.], [3., 2.]]"),
            ("x.median()", "[2., 2., 5.]"),
            ("x.median(0).values", "[[2., 1.], [2., 3.]]"),
            ("torch.maximum(x, torch.tensor([1., 2., 3.]))", "[1., 5., 0.]"),
            ("torch.minimum(x, torch.tensor([1., 2., 3.]))", "[1., 5., 0.]"),
            ("torch.max(x, x.detach())", "[1., 5., 0.]"),
            ("x.norm()", "[0., 0.]"),
            ("x.norm(dim=1)", "[[0., 0.], [3., 4.]]"),
            ("x.norm(dim=1)", "[[3e38], [-1e-45], [0.]]"),
            ("x.norm(p=3, dim=(0, 2))", "[[[2.], [-0.5], [nan], [0.]]]"),
            ("torch.nn.functional.normalize(x)", "[[3e38], [-2.], [1e-12], [1e-20]]"),
            ("x.norm(p=1)", "[0., -2.]"),
            ("x.norm(p=3)", "[0., -2.]"),
            ("x.norm(p=inf)", "[2., -2., 1.]"),
            ("x.prod()", "[0., 2., 3.]"),
            ("x.prod()", "[0., 2., 0.]"),
            ("x.prod(1)", "[[0., 2., 5.], [1., 2., 3.]]"),
            ("x.std()", "[1., 1.]"),
            ("x.var()", "[1.]"),
            ("x.logsumexp(0)", "[-inf, 1.]"),
            ("x.logsumexp(0)", "[1000., 1.]"),
            ("x.softmax(0) * torch.tensor([1., 2.])", "[1000., 1.]"),
            ("x.log_softmax(0)[0]", "[-100., 100.]"),
            ("torch.sigmoid(x) + torch.tanh(x)", "[-100., 0., 100.]"),
            ("torch.where(x > 0, x * 2, x * 3)", "[-1., 0., 2.]"),
            ("torch.where(x > 0, x.log(), 0.)", "[-1., 0., 2.]"),
            ("x / torch.tensor([0., 2.])", "[1., 1.]"),
            ("torch.tensor([1., 2.]) / x", "[0., 2.]"),
            ("x % 2", "[-3., 3.5]"),
            ("torch.fmod(torch.tensor([5., -5.]), x)", "[-3., 3.5]"),
            ("torch.atan2(x, torch.tensor([1., 0.]))", "[0., 2.]"),
            ("x.cumsum(0) * torch.tensor([1., 2., 3.])", "[1., 2., 3.]"),
            ("x[[0, 0, 2]] * torch.tensor([1., 2., 3.])", "[1., 2., 3.]"),
            ("x.expand(2, 3)[1] * torch.tensor([1., 2., 3.])", "[1., 2., 3.]"),
            ("x.topk(2).values * torch.tensor([1., 2.])", "[1., 3., 3.]"),
            ("x.sort(stable=True).values * torch.tensor([1., 2., 3.])", "[3., 1., 3.]"),
            ("x.square()", "[1., -1.]"),
        )
    ],
}  # fmt: skip

# (expression, what its error message must contain in both frameworks: a regular expression)
ERRORS: list[tuple[str, str]] = [
    ("torch.zeros(3).fill_diagonal_(1.)", "dimensions must larger than 1"),
    ("torch.zeros(2, 3, 3).fill_diagonal_(1.)", "dimensions of input must be of equal length"),
    ("torch.zeros(2, 3) + torch.zeros(2, 2)", r"The size of tensor a \(3\) must match the size of tensor b \(2\) at non-singleton dimension 1"),
    ("torch.zeros(4, 3) * torch.zeros(2, 3)", r"The size of tensor a \(4\) must match the size of tensor b \(2\) at non-singleton dimension 0"),
    ("torch.zeros(3) < torch.zeros(2)", r"The size of tensor a \(3\) must match the size of tensor b \(2\)"),
    ("torch.zeros(4, 5) @ torch.zeros(2, 3)", r"mat1 and mat2 shapes cannot be multiplied \(4x5 and 2x3\)"),
    ("torch.zeros(2, 4, 5) @ torch.zeros(2, 3)", r"mat1 and mat2 shapes cannot be multiplied \(8x5 and 2x3\)"),
    ("torch.zeros(2, 3) @ torch.zeros(2, 3, 2).double()", r"expected (m1|scalar type)"),
    ("torch.zeros(2, 3) @ torch.zeros(3, 2).double()", r"to have the same dtype"),
    ("torch.tensor(1.) @ torch.zeros(2)", r"both arguments to matmul need to be at least 1D"),
    ("torch.zeros(3) @ torch.zeros(2)", r"inconsistent tensor size"),
    ("torch.mm(torch.zeros(2), torch.zeros(2, 2))", r"self must be a matrix|expected a 2D and a 2D tensor"),
    ("torch.bmm(torch.zeros(2, 2, 3), torch.zeros(2, 2, 3))", r"Expected size for first two dimensions of batch2 tensor to be: \[2, 3\] but got: \[2, 2\]"),
    ("torch.zeros(2)[2]", r"index 2 is out of bounds for dimension 0 with size 2"),
    ("torch.zeros(2, 3)[:, -4]", r"index -4 is out of bounds for dimension 1 with size 3"),
    ("torch.zeros(2)[[0, 5]]", r"index 5 is out of bounds for dimension 0 with size 2"),
    ("torch.zeros(2)[torch.tensor([-3])]", r"index -3 is out of bounds for dimension 0 with size 2"),
    ("torch.tensor(1.)[0]", r"invalid index of a 0-dim tensor"),
    ("torch.zeros(2)[0, 0]", r"too many indices for tensor of dimension 1"),
    ("torch.zeros(2)[::-1]", r"step must be greater than zero"),
    ("torch.zeros(2)[torch.tensor([0.5])]", r"tensors used as indices must be long, int, byte or bool tensors"),
    ("torch.zeros(2)[1.5]", r"only integers, slices \(`:`\), ellipsis \(`...`\), None and long or byte Variables are valid indices \(got float\)"),
    ("torch.zeros(2, 0).amax(1)", r"amax\(\): Expected reduction dim 1 to have non-zero size"),
    ("torch.zeros(2, 0).argmin(1)", r"argmin\(\): Expected reduction dim 1 to have non-zero size"),
    ("torch.zeros(0).amin()", r"amin\(\): Expected reduction dim to be specified for input.numel\(\) == 0"),
    ("torch.stack([])", r"stack expects a non-empty TensorList"),
    ("torch.tensor([None])", r"Could not infer dtype of NoneType"),
    ("torch.fmod(torch.tensor([1]), torch.tensor([0]))", r"ZeroDivisionError"),
    ("torch.zeros(2, 3)[torch.tensor([True, False, True])]", r"The shape of the mask \[3\] at index 0 does not match the shape of the indexed tensor \[2, 3\] at index 0"),
    ("torch.zeros(2, 3)[[0, 1], [0, 1, 2]]", r"shape mismatch: indexing tensors could not be broadcast together"),
    ("x = torch.zeros(2, 3); x[0] = torch.zeros(2)", r"expand|shape mismatch"),
    ("x = torch.zeros(2, 3); x[[0, 1]] = torch.zeros(2, 2)", r"shape mismatch: value tensor of shape \[2, 2\] cannot be broadcast to indexing result of shape \[2, 3\]"),
    ("x = torch.zeros(2); x[5] = 1", r"index 5 is out of bounds for dimension 0 with size 2"),
    ("torch.zeros(2, 3).t().view(6)", r"view size is not compatible with input tensor's size and stride"),
    ("torch.zeros(2, 3).view(4)", r"shape '\[4\]' is invalid for input of size 6"),
    ("torch.zeros(2, 3).reshape(4, -1)", r"shape '\[4, -1\]' is invalid for input of size 6"),
    ("torch.zeros(2, 3).reshape(-1, -1)", r"only one dimension can be inferred"),
    ("torch.zeros(0).reshape(0, -1)", r"cannot reshape tensor of 0 elements into shape \[0, -1\] because the unspecified dimension size -1 can be any value and is ambiguous"),
    ("torch.zeros(2, 3).reshape(-2, 3)", r"invalid shape dimension -2"),
    ("torch.zeros(2).expand(3)", r"must match the existing size"),
    ("torch.zeros(2, 3).expand(3)", r"the number of sizes provided \(1\) must be greater or equal to the number of dimensions in the tensor \(2\)"),
    ("torch.zeros(2).sum(1)", r"Dimension out of range \(expected to be in range of \[-1, 0\], but got 1\)"),
    ("torch.zeros(2).sum((0, 0))", r"appears multiple times in the list of dims"),
    ("torch.zeros(2, 3).transpose(0, 2)", r"Dimension out of range \(expected to be in range of \[-2, 1\], but got 2\)"),
    ("torch.zeros(2, 3).permute(0)", r"number of dimensions in the tensor input does not match the length of the desired ordering of dimensions"),
    ("torch.zeros(2, 3, 4).t()", r"t\(\) expects a tensor with <= 2 dimensions, but self is 3D"),
    ("torch.zeros(2, 3).unsqueeze(4)", r"Dimension out of range \(expected to be in range of \[-3, 2\], but got 4\)"),
    ("torch.zeros(2, 3).repeat(2)", r"Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor"),
    ("torch.zeros(2, 3).unflatten(1, (2, 2))", r"don't multiply up to the size of dim 1 \(3\)"),
    ("torch.cat([torch.zeros(2, 3), torch.zeros(3, 2)])", r"Sizes of tensors must match except in dimension 0. Expected size 3 but got size 2 for tensor number 1 in the list"),
    ("torch.cat([torch.zeros(2), torch.zeros(2, 2)])", r"Tensors must have same number of dimensions: got 1 and 2"),
    ("torch.cat([])", r"expected a non-empty list of Tensors"),
    ("torch.cat([torch.tensor(1.), torch.tensor(2.)])", r"zero-dimensional tensor \(at position 0\) cannot be concatenated"),
    ("torch.cat(torch.zeros(2, 2))", r"argument 'tensors'.*must be tuple of Tensors, not Tensor"),
    ("torch.cat([torch.zeros(2), 3])", r"expected Tensor as element 1 in argument 0, but got int"),
    ("torch.stack([torch.zeros(2), torch.zeros(3)])", r"stack expects each tensor to be equal size, but got \[2\] at entry 0 and \[3\] at entry 1"),
    ("torch.zeros(5).split([2, 2])", r"split_with_sizes expects split_sizes to sum exactly to 5"),
    ("torch.zeros(5).chunk(0)", r"chunk expects `chunks` to be greater than 0, got: 0"),
    ("torch.zeros(2, 3).item()", r"a Tensor with 6 elements cannot be converted to Scalar"),
    ("torch.zeros(0).item()", r"a Tensor with 0 elements cannot be converted to Scalar"),
    ("bool(torch.zeros(2))", r"Boolean value of Tensor with more than one value is ambiguous"),
    ("bool(torch.zeros(0))", r"Boolean value of Tensor with no values is ambiguous"),
    ("int(torch.zeros(2))", r"only one element tensors can be converted to Python scalars"),
    ("torch.zeros(2, requires_grad=True).numpy()", r"Can't call numpy\(\) on Tensor that requires grad. Use tensor.detach\(\).numpy\(\) instead."),
    ("len(torch.tensor(1))", r"len\(\) of a 0-d tensor"),
    ("list(torch.tensor(1))", r"iteration over a 0-d tensor"),
    ("[1, 2][torch.tensor(0.)]", r"only integer tensors of a single element can be converted to an index"),
    ("torch.tensor([1, 2]).mean()", r"could not infer output dtype"),
    ("torch.zeros(0).max()", r"max\(\): Expected reduction dim to be specified for input.numel\(\) == 0. Specify the reduction dim with the 'dim' argument"),
    ("torch.zeros(0).argmax()", r"argmax\(\): Expected reduction dim to be specified for input.numel\(\) == 0"),
    ("torch.zeros(2, 0).max(1)", r"max\(\): Expected reduction dim 1 to have non-zero size"),
    ("torch.zeros(3).topk(4)", r"selected index k out of range"),
    ("torch.zeros(2, 3).gather(1, torch.tensor([0]))", r"Index tensor must have the same number of dimensions as (input|self) tensor"),
    ("torch.zeros(2, 3).gather(1, torch.tensor([[5]]))", r"index 5 is out of bounds for dimension 1 with size 3"),
    ("torch.zeros(2, 3).gather(1, torch.tensor([[0.]]))", r"gather\(\): Expected dtype int32/int64 for index"),
    ("torch.zeros(2).index_select(0, torch.tensor([5]))", r"index out of range in self"),
    ("torch.zeros(2).masked_fill(torch.tensor([1, 0]), 0.)", r"only supports boolean masks"),
    ("torch.zeros(2).narrow(0, 1, 2)", r"start \(1\) \+ length \(2\) exceeds dimension size \(2\)"),
    ("torch.zeros(2).select(0, 5)", r"(index 5|out of range)"),
    ("torch.zeros(2, 3, 4).diag()", r"diag\(\): Supports 1D or 2D tensors. Got 3D"),
    ("torch.where(torch.tensor([True, False]), torch.zeros(3), torch.zeros(3))", r"must match"),
    ("torch.zeros(2).clamp()", r"At least one of 'min' or 'max' must not be None"),
    ("torch.tensor([1]) // torch.tensor([0])", r"ZeroDivisionError"),
    ("torch.ones(2, 2).sub(torch.ones(2, dtype=torch.bool), alpha=2)", r"with a bool tensor is not"),
    ("torch.mv(torch.tensor(1.), torch.ones(2))", r"Dimension specified as 0 but tensor has no dim"),
    ("torch.addmm(torch.ones(1, 1), *[torch.ones(1, 1, dtype=torch.bool)] * 2)", r"must have the same dtype"),
    ("torch.take_along_dim(torch.ones(3, 4), torch.zeros(2, 2).long(), 1)", r"must match the size of tensor b"),
    ("torch.take_along_dim(torch.ones(3), torch.zeros(2, 2).long(), 1)", r"same number of dimensions"),
    ("torch.bincount(torch.tensor([1, 2]), minlength=-1)", r"minlength should be >= 0"),
    ("torch.bincount(torch.tensor([1, 2]), torch.ones(3))", r"weights should be 1-d and have the same length"),
    ("torch.bincount(torch.tensor([1, 2]), torch.ones(1, 2))", r"weights should be 1-d and have the same length"),
    ("torch.nn.functional.batch_norm(torch.ones(3), None, None, training=True)", r"Dimension out of range"),
    ("torch.nn.functional.batch_norm(torch.ones(3), None, None)", r"must be defined in evaluation mode"),
    ("torch.nn.functional.batch_norm(torch.ones(3), torch.ones(3), torch.ones(3))", r"should contain 0 elements not 3"),
    ("torch.nn.functional.batch_norm(torch.tensor(1.), None, None, training=True)", r"tuple index out of range"),
    ("torch.nn.functional.batch_norm(torch.ones(2, 3), torch.ones(3, 1), torch.ones(3, 1))", r"expected 1 dims but tensor has 2"),
    ("torch.tensor([1]) % torch.tensor([0])", r"ZeroDivisionError"),
    ("torch.tensor([2]) ** -1", r"Integers to negative integer powers are not allowed"),
    ("torch.tensor([True]) - torch.tensor([True])", r"Subtraction, the `-` operator, with two bool tensors is not supported"),
    ("-torch.tensor([True])", r"Negation, the `-` operator, on a bool tensor is not supported"),
    ("torch.tensor([1.]) & torch.tensor([1.])", r"not implemented for 'Float'|bitwise_and"),
    ("~torch.tensor([1.])", r"bitwise_not|~"),
    ("torch.tensor([1.]) + 'a'", r"unsupported operand type"),
    ("torch.tensor([1.]) + None", r"unsupported operand type"),
    ("torch.tensor([1, 2]).add_(1.5)", r"result type Float can't be cast to the desired output type Long"),
    ("torch.zeros(3).add_(torch.zeros(2, 3))", r"output with shape \[3\] doesn't match the broadcast shape \[2, 3\]"),
    ("torch.zeros(1, 3).expand(2, 3).add_(1)", r"more than one element of the written-to tensor refers to a single memory location"),
    ("torch.zeros(2).fill_(torch.zeros(2))", r"fill_ only supports 0-dimension value tensor but got tensor with 1 dimensions"),
    ("torch.zeros(2).copy_(torch.zeros(3))", r"The size of tensor a .*must match the size of tensor b"),
    ("torch.tensor([1, 2], requires_grad=True)", r"(only|Only) Tensors of floating point"),
    ("torch.tensor([[1, 2], [3]])", r"expected sequence of length 2 at dim 1 \(got 1\)"),
    ("torch.tensor(['a'])", r"too many dimensions 'str'"),
    ("torch.tensor(None)", r"[cC]ould not infer dtype of NoneType"),
    ("torch.tensor(np.array(['a']))", r"can't convert np.ndarray of type"),
    ("torch.from_numpy([1, 2])", r"expected np.ndarray \(got list\)"),
    ("torch.zeros(-1)", r"[dD]imension"),
    ("torch.zeros(2.5)", r"argument 'size'.*must be tuple of ints"),
    ("torch.arange(0, 3, 0)", r"step must be nonzero"),
    ("torch.arange(3, 0)", r"upper bound and lower bound inconsistent with step sign"),
    ("torch.einsum('ij,jk->ik', torch.zeros(2, 2))", r"fewer operands were provided than specified in the equation"),
    ("torch.einsum('ij->i', torch.zeros(2))", r"number of subscripts in the equation \(2\) does not match the number of dimensions"),
    ("torch.bincount(torch.tensor([-1]))", r"bincount only supports 1-d non-negative integral inputs"),
    ("torch.div(torch.zeros(2), 2, rounding_mode='up')", r"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found 'up'"),
    ("torch.isclose(torch.zeros(2), torch.zeros(2).double())", r"did not match"),
    ("'a' in torch.zeros(2)", r"Tensor.__contains__ only supports Tensor or scalar"),
    ("torch.ones(2, requires_grad=True).resize_(3)", r"cannot resize variables that require grad"),
    ("(torch.ones(2, requires_grad=True) * 2).resize_(3)", r"cannot resize variables that require"),
    ("torch.zeros(2).no_such_method()", r"'Tensor' object has no attribute 'no_such_method'"),
    ("torch.device('nowhere')", r"device"),
    ("import copy; copy.deepcopy(torch.zeros(2, requires_grad=True) * 2)", r"Only Tensors created explicitly by the user .*support the deepcopy protocol at the moment"),
    ("torch.set_default_dtype(torch.int64)", r"only floating-point types are supported as the default type"),
]  # fmt: skip

DTYPES = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64")
NUMBERS = {"True": True, "2": 2, "2.5": 2.5}
PROMOTING = {
    "a + b": lambda torch, a, b: a + b,
    "b * a": lambda torch, a, b: b * a,
    "a / b": lambda torch, a, b: a / b,
    "a // b": lambda torch, a, b: a // b,
    "a % b": lambda torch, a, b: a % b,
    # PyTorch has no power of two bool tensors, but one of a bool tensor and a bool
    "a ** b": lambda torch, a, b: a if _are_bools(torch, a, b) else a**b,
    "a < b": lambda torch, a, b: a < b,
    "where": lambda torch, a, b: torch.where(torch.tensor([True]), a, b),
    "result_type": lambda torch, a, b: torch.result_type(a, b),
    "in place": lambda torch, a, b: a.add_(b),
}


def _are_bools(torch: Any, *values: Any) -> bool:
    return all(getattr(v, "dtype", torch.bool if v is True else None) == torch.bool for v in values)


def operands(torch: Any) -> dict[str, Any]:
    """Tensors of every type, with an axis ("float32") and without ("float32 0-d")."""
    made = {}
    for name in DTYPES:
        kind = getattr(torch, name)
        made[name] = lambda kind=kind: torch.ones(1, dtype=kind)
        made[f"{name} 0-d"] = lambda kind=kind: torch.ones((), dtype=kind)
    return made


def promotion(torch: Any) -> dict[str, dict[str, str]]:
    """For each operation and first operand: the types of the results, or names of the errors."""
    table: dict[str, dict[str, str]] = {}
    first = operands(torch)
    second = {**first, **{n: (lambda v=v: v) for n, v in NUMBERS.items()}}
    for label, operation in PROMOTING.items():
        table[label] = {}
        for name_a, make_a in first.items():
            row = []
            for make_b in second.values():
                try:
                    result = operation(torch, make_a(), make_b())
                    row.append(str(getattr(result, "dtype", result)).removeprefix("torch."))
                except (RuntimeError, TypeError) as error:
                    row.append(type(error).__name__)
            table[label][name_a] = " ".join(row)
    return table


# ------------------------------------------------------------------------------------------------
# Evaluation
# ------------------------------------------------------------------------------------------------


def evaluate(expression: str, torch: Any) -> Any:
    """The value of the last statement."""
    names = {"torch": torch, "np": np, "inf": math.inf, "nan": math.nan}
    *statements, last = expression.split("; ")
    for statement in statements:
        exec(statement, names)
    try:
        code = compile(last, expression, "eval")
    except SyntaxError:  # an assignment
        exec(last, names)
        return None
    return eval(code, names)


def encode(value: Any) -> Any:
    """A value as JSON can hold it."""
    if hasattr(value, "detach"):
        array = value.detach().numpy()
        kind = str(value.dtype).removeprefix("torch.")
        return {"dtype": kind, "shape": list(array.shape), "values": array.reshape(-1).tolist()}
    if isinstance(value, (tuple, list)) and type(value).__name__ != "Size":
        return [encode(v) for v in value]
    if isinstance(value, float):
        return value
    return repr(value)


def answer(expression: str, torch: Any) -> Any:
    """The value of the last statement as JSON can hold it, or what class of error it raises."""
    try:
        return encode(evaluate(expression, torch))
    except RuntimeError as error:  # (NotImplementedError is one)
        return f"raises {type(error).__name__}"


def main() -> None:
    import torch

    warnings.simplefilter("ignore")
    values = {
        group: {e: answer(e, torch) for e in expressions} for group, expressions in VALUES.items()
    }
    errors = {}
    for expression, pattern in ERRORS:
        try:
            evaluate(expression, torch)
        except Exception as error:
            errors[expression] = type(error).__name__
            if not re.search(pattern, str(error)):
                raise SystemExit(f"{expression}: {pattern!r} is not in {error}") from error
        else:
            raise SystemExit(f"{expression}: no error")
    golden = {
        "torch": torch.__version__,
        "promotion": promotion(torch),
        "errors": errors,
        "values": values,
    }
    TARGET.write_text(json.dumps(golden, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
