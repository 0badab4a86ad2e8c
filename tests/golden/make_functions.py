"""Regenerate ``functions.json``: what PyTorch makes of the calls below, value by value.

    python tests/golden/make_functions.py

needs torch. A call is an expression of ``t``, the module, and of the inputs of `INPUTS`. Stored are
its results in float64, with their types, shapes and strides, and the gradients of the inputs that
are named in it; the types for inputs of float32 and integers; of the calls of `ERRORS` the class of
the error. `tests/test_functions.py` makes the same calls, and checks the gradients by finite
differences, to second order.
"""

from __future__ import annotations

import json
import math
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np

TARGET = Path(__file__).with_name("functions.json")


def entries(*shape: int, seed: int = 0, low: float = -2.0, high: float = 2.0) -> np.ndarray:
    """Numbers at random, no two of them alike."""
    return np.random.RandomState(seed).uniform(low, high, shape)


def definite(*shape: int, seed: int = 0) -> np.ndarray:
    """Symmetric, positive definite matrices."""
    a = entries(*shape, seed=seed)
    return a @ a.swapaxes(-1, -2) + 2 * np.eye(shape[-1])


INPUTS = {
    "x": entries(3, 4, seed=1), "y": entries(3, 4, seed=2), "cube": entries(2, 3, 4, seed=3),
    "v": entries(4, seed=4), "w": entries(4, seed=5), "three": entries(3, seed=6),
    "number": np.array(1.3), "p": entries(3, 4, seed=7, low=0.2, high=0.8),
    "ties": np.array([[2.0, 1.0, 2.0, 3.0], [1.0, 1.0, 3.0, 3.0], [0.0, 2.0, 2.0, 0.0]]),
    # matrices: square, in stacks, positive definite, tall, wide
    "A": entries(3, 3, seed=8), "As": entries(2, 3, 3, seed=9), "S": definite(3, 3, seed=10),
    "Ss": definite(2, 3, 3, seed=11), "tall": entries(4, 2, seed=12),
    "wide": entries(2, 4, seed=13), "B": entries(3, 2, seed=14), "Bs": entries(2, 3, 2, seed=15),
    "pair": entries(2, 3, seed=16),
}  # fmt: skip
FIXED = {  # which have no gradients
    "i": np.array([[0, 2, 1, 2], [2, 0, 2, 1], [1, 1, 0, 0]]), "k": np.array([3, 1, 4, 1, 5, 1]),
    "mask": np.array([[True, False, True, True], [False, False, True, False], [True] * 4]),
    "nan": np.array([[1.0, math.nan, 3.0, 2.0], [math.nan] * 4, [2.0, 0.5, math.nan, 1.0]]),
    "special": np.array([0.0, -0.0, 1.0, -1.5, math.inf, -math.inf, math.nan, 2.5]),
}  # fmt: skip

# What is smooth where it is called: compared with finite differences as well.
SMOOTH = """
t.linalg.inv(A)
t.linalg.inv(As)
t.inverse(A)
t.linalg.inv_ex(As)
t.linalg.solve(A, three)
t.linalg.solve(A, B)
t.linalg.solve(As, B)
t.linalg.solve(A, Bs)
t.linalg.solve(A, pair, left=False)
t.linalg.solve_triangular(A, B, upper=True)
t.linalg.solve_triangular(As, B, upper=False)
t.linalg.solve_triangular(A, B, upper=False, unitriangular=True)
t.linalg.solve_triangular(A, pair, upper=True, left=False)
t.linalg.det(A)
t.linalg.det(As)
t.det(A[:1, :1])
t.det(A[:2, :2])
t.linalg.slogdet(As)
t.slogdet(A)
t.logdet(Ss)
t.linalg.cholesky(S + S.mT)
t.linalg.cholesky(Ss + Ss.mT)
t.linalg.cholesky(S + S.mT, upper=True)
t.linalg.cholesky_ex(Ss + Ss.mT)
t.cholesky(S + S.mT)
t.cholesky_solve(B, S.tril())
t.cholesky_solve(B, S.triu(), upper=True)
t.cholesky_inverse(S.tril())
t.linalg.eigh(S + S.mT).eigenvalues
t.linalg.eigh(Ss + Ss.mT).eigenvectors.square()
t.linalg.eigh(S + S.mT, 'U')[1].abs()
t.linalg.eigvalsh(Ss + Ss.mT)
t.linalg.svdvals(tall)
t.linalg.svdvals(As)
t.linalg.svd(tall).S
t.linalg.svd(tall, full_matrices=False).U.square()
t.linalg.svd(wide, full_matrices=False).Vh.abs()
t.linalg.svd(As, full_matrices=False).U.square()
(lambda u, s, v: u[:, :2] * s @ v)(*t.linalg.svd(tall))
(lambda u, s, v: u.mT @ (v * s.exp()))(*t.svd(A))
t.svd(As, compute_uv=False)[1]
t.linalg.qr(tall)
t.linalg.qr(As)
t.linalg.qr(wide)
t.linalg.qr(wide, mode='complete')
t.linalg.qr(As)[0]
t.linalg.qr(tall).R
t.qr(A)
t.linalg.lu(A)
t.linalg.lu(As)
t.linalg.lu(tall)
t.linalg.lu(wide).U
t.linalg.lu(cube).L
t.linalg.lu(cube.mT)
t.linalg.lu_factor(A)
t.linalg.lu_factor(As).LU
t.linalg.lu_factor(tall)
t.linalg.lu_factor_ex(wide)
t.linalg.lu_solve(*t.linalg.lu_factor(A), B)
t.linalg.lu_solve(*t.linalg.lu_factor(As), B)
t.linalg.lu_solve(*t.linalg.lu_factor(A), Bs, adjoint=True)
t.linalg.lu_solve(*t.linalg.lu_factor(As), pair, left=False)
t.linalg.lu_solve(*t.linalg.lu_factor(A), pair, left=False, adjoint=True)
t.lu_unpack(*t.linalg.lu_factor(A))
t.lu_unpack(*t.linalg.lu_factor(As))[1:]
t.lu_unpack(*t.linalg.lu_factor(tall))
t.lu_unpack(*t.linalg.lu_factor_ex(wide)[:2], unpack_pivots=False)
t.lu_unpack(*t.linalg.lu_factor(A), unpack_data=False)
t.lu(A)
A.lu(get_infos=True)
t.lu_solve(B, *t.linalg.lu_factor(A))
Bs.lu_solve(*A.lu())
t.linalg.pinv(tall)
t.linalg.pinv(wide)
t.linalg.pinv(As)
t.pinverse(A)
t.linalg.lstsq(tall, v).solution
t.linalg.lstsq(tall, x.mT, driver='gelsd')[:2]
t.linalg.lstsq(wide, tall[:2])[0]
t.linalg.matrix_norm(A)
t.linalg.matrix_norm(As, 'nuc')
t.linalg.matrix_norm(As, 2)
t.linalg.matrix_norm(As, -2, keepdim=True)
t.linalg.matrix_norm(cube, 1)
t.linalg.matrix_norm(cube, -1, dim=(0, 2))
t.linalg.matrix_norm(cube, float('inf'), dim=(2, 0), keepdim=True)
t.linalg.matrix_norm(cube, 'nuc', dim=(0, 2), keepdim=True)
t.linalg.norm(A, 2)
t.linalg.norm(x, 'fro')
t.linalg.norm(cube, 3, dim=1)
t.linalg.norm(cube, 1, dim=(0, 1))
t.linalg.norm(cube)
t.linalg.vector_norm(cube, 3, dim=(0, 2))
t.linalg.cond(A)
t.linalg.cond(As, 1)
t.linalg.cond(A, 'fro')
t.linalg.cond(tall, -2)
t.linalg.matrix_power(A, 3)
t.linalg.matrix_power(As, -2)
t.matrix_power(A, 1)
t.linalg.matrix_exp(A)
t.matrix_exp(As * 3)
t.linalg.multi_dot([pair, A, B])
t.linalg.multi_dot([v, tall, wide, w])
t.chain_matmul(pair, A, B)
t.linalg.cross(A, As[0])
t.linalg.cross(As, A[None], dim=1)
t.cross(A, pair[:1].mT.expand(3, 3), dim=0)
t.linalg.vecdot(x, y)
t.linalg.vecdot(cube, x, dim=1)
t.linalg.diagonal(cube, offset=1)
t.linalg.vander(three)
t.linalg.vander(x, N=3)
t.linalg.tensorinv(cube.reshape(4, 2, 3)[:, :, :2].reshape(2, 2, 4))
t.linalg.tensorsolve(cube.reshape(4, 6)[:, :4].reshape(2, 2, 4), tall[:2])
t.trace(x)
t.kron(pair, B)
t.kron(three, cube)
t.kron(number, pair)
t.tensordot(cube, x)
t.tensordot(cube, v, 1)
t.tensordot(cube, x, dims=([2, 1], [1, 0]))
t.tensordot(three, v, dims=0)
t.tensordot(cube, cube, ([-1], [2]))
t.inner(x, y)
t.inner(cube, v)
t.inner(x, number)
t.vdot(v, w)
t.ger(v, three)
t.addmv(three, x, v, beta=0.5, alpha=2)
t.addr(x, three, v, alpha=-1.5)
t.addbmm(A, cube, cube.mT, beta=0.3)
x.mH
x.H
cube.adjoint()
t.adjoint(x)
three.clone().addmv_(x, v)
x.clone().addr_(three, v, beta=2)
A.clone().addbmm_(cube, cube.mT)
x.unfold(1, 2, 1)
x.unfold(0, 2, 3)
cube.unfold(-1, 3, 1)
x.T.unfold(0, 2, 2)
number.unfold(0, 1, 1)
t.as_strided(x, (2, 3), (1, 2))
t.as_strided(x, (2, 2), (4, 1), 3)
x.as_strided((3, 2, 2), (2, 1, 1))
x[1:, 1:].as_strided((2, 2), (5, 1))
x.T.as_strided((5,), (2,), 1)
x[:, :1].expand(3, 4).as_strided((2, 2), (4, 0))
t.tensor_split(x, 3, 1)
t.tensor_split(v, (1, 3))
t.tensor_split(x, t.tensor([1, 2]), dim=1)
t.tensor_split(cube, t.tensor(2), 2)
t.hsplit(x, 2)
t.hsplit(v, [1, 2])
t.vsplit(x, (1,))
t.vsplit(x, 3)
t.dsplit(cube, 2)
t.split_with_sizes(x, [1, 3], 1)
t.unsafe_split(x, 2)
t.unsafe_chunk(x, 2, 1)
t.narrow_copy(x, 1, 1, 2)
t.dstack([x, y])
t.dstack([v, w])
t.dstack((number, number))
t.column_stack([v, x.T, w])
t.column_stack([number, number])
t.row_stack([v, x])
t.atleast_1d(number)
t.atleast_2d(number, v, x)
t.atleast_3d(v)
t.atleast_3d([x, cube, number])
t.block_diag(x, v, number)
t.cartesian_prod(v, three)
t.cartesian_prod(v)
t.cartesian_prod(three, v, three)
t.combinations(v)
t.combinations(v, 3)
t.combinations(v, r=2, with_replacement=True)
t.combinations(v, 1)
t.flipud(x)
t.fliplr(cube)
t.rot90(x)
t.rot90(cube, 3, (1, 2))
t.rot90(x, 2)
t.rot90(x.T, -4)
t.rot90(cube, k=-1, dims=[2, 0])
t.diff(x)
t.diff(cube, 2, dim=1)
t.diff(v, 7)
t.diff(v, 0)
t.diff(x, prepend=three[:, None], append=x)
t.diag_embed(x)
t.diag_embed(x, 1)
t.diag_embed(cube, -2, 0, 2)
t.diagflat(x[:2, :2], 1)
v.diagflat()
t.select_scatter(x, v, 0, 1)
t.slice_scatter(x, y[:2], 0, 1)
t.slice_scatter(x, y[:, :2], 1, step=2)
t.diagonal_scatter(x, three)
x.diagonal_scatter(v[:2], 2)
t.masked_scatter(x, mask, y)
t.masked_scatter(v, mask, y)
x.clone().masked_scatter_(mask[0], y)
t.scatter_reduce(x, 0, i, y, 'sum')
t.scatter_reduce(x, 1, i, y, 'prod')
t.scatter_reduce(x, 0, i, y, 'mean')
t.scatter_reduce(x, 0, i, y, 'mean', include_self=False)
t.scatter_reduce(x, 0, i, y, 'amax')
t.scatter_reduce(x, 1, i[:, :2], y, 'amin')
t.scatter_reduce(x, 0, i, y, 'amax', include_self=False)
t.scatter_reduce(x, 1, i[:2], y, 'prod', include_self=False)
x.clone().scatter_reduce_(0, i, y, 'prod')
t.index_reduce(x, 0, i[0], x.T.clone()[:, :1].expand(4, 4), 'prod')
t.index_reduce(x, 1, i[0], y, 'amax', include_self=False)
x.clone().index_reduce_(1, i[1], y, 'mean')
x.clone().swapaxes_(0, 1) * 2
x.clone().swapdims_(0, 1) * 2
x.real + x.conj()
t.real(x) + t.conj(x) + t.conj_physical(x) + t.resolve_conj(x)
t.frac(x)
t.sinc(x)
t.deg2rad(x)
t.rad2deg(x)
t.asinh(x)
t.acosh(p + 1)
t.atanh(p)
t.arcsin(p) + t.arccos(p) + t.arctan(p)
t.arcsinh(p) + t.arccosh(p + 1) + t.arctanh(p)
t.arctan2(x, y)
t.angle(x)
t.fix(x) * x
t.nan_to_num(x)
t.copysign(x, y)
t.copysign(x, -1.0)
t.fmax(x, v)
t.fmin(x, y)
t.logaddexp2(x, y)
t.ldexp(x, y)
t.float_power(p, x)
t.float_power(p, 2)
t.float_power(2, x)
x.clone().sinc_() + x.clone().frac_()
x.clone().deg2rad_() + x.clone().rad2deg_()
x.clone().copysign_(y) + x.clone().ldexp_(y)
x.clone().hypot_(y) + x.clone().atan2_(y) + x.clone().arctan2_(y)
p.clone().arcsin_() + p.clone().arccos_() + p.clone().arctan_()
x.clone().double().float_power_(2) + x.clone().fix_() + x.clone().nan_to_num_() + x.clone().sgn_()
x.clone().true_divide_(p)
x.clone().eq_(y) + x.clone().ne_(y) + x.clone().lt_(y) + x.clone().le_(0.5) + x
x.clone().gt_(y) + x.clone().ge_(0) + x.clone().less_(y) + x.clone().greater_(y) + x
x.clone().not_equal_(y) + x.clone().less_equal_(y) + x.clone().greater_equal_(y) + x
t.add(x, 2, y) + x.sub(0.5, y)
x.clone().add_(2, y) + x.clone().sub_(2, y)
t.addcmul(x, 2, y, v) + t.addcdiv(x, -1, y, p)
x.clone().addcmul_(0.5, y, v).addcdiv_(-0.5, y, p)
t.chunk(x, 2, axis=1) + t.unbind(x, axis=0)
t.narrow(x, axis=0, start=0, length=1) + t.select(x, axis=0, index=1)
t.gather(x, axis=0, index=i) + t.index_select(x, axis=1, index=i[0])
t.repeat_interleave(v, 2, axis=0), t.take_along_dim(x, i, axis=0)
t.kthvalue(x, 2)
x.kthvalue(3, 0, True)
t.mode(x, 0)
t.nanmedian(x)
t.nanmedian(x, 1)
t.igamma(i + 1.5, y.exp())
t.igammac(i[0] + 0.5, cube.exp())
t.mvlgamma(p + 1.5, 3)
(i + 0.5).igamma(x.exp())
(i + 0.5).igammac(x[0].exp())
(x + 5).mvlgamma(p=2)
(i + 1.5).double().igamma_(w.exp())
(i + 0.5).double().igammac_(w.exp())
(p + 1).mvlgamma_(2)
x.hardshrink()
x.hardshrink(lambd=1.2)
x.prelu(w)
cube.prelu(number)
t.aminmax(x)
t.aminmax(cube, dim=1, keepdim=True)
t.msort(x)
t.cummax(x, 1)
t.cummin(cube, dim=0)
t.logcumsumexp(x, 0)
(x * 30).logcumsumexp(dim=1)
t.trapezoid(x)
t.trapezoid(x, v)
t.trapezoid(cube, x, dim=1)
t.trapezoid(x, dx=0.5, dim=0)
t.trapz(v, w)
t.cumulative_trapezoid(x, y)
t.cumulative_trapezoid(cube, dx=2, dim=0)
t.nansum(x, 1)
t.nanmean(cube, (0, 2), True)
t.quantile(x, 0.3)
t.quantile(x, t.tensor([0.2, 0.7], dtype=x.dtype), dim=0)
t.quantile(x, p[0], dim=1, keepdim=True)
t.quantile(cube, 0.4, 1, interpolation='midpoint')
t.quantile(x, 0.4, 1, interpolation='nearest')
t.quantile(x, 0.4, interpolation='higher')
t.nanquantile(x, p[0, :2], 1, interpolation='lower')
t.cov(x)
t.cov(v, correction=0)
t.cov(x, fweights=i[0], aweights=p[0])
t.corrcoef(x)
t.cdist(x, y)
t.cdist(cube, x, p=1.0)
t.cdist(x, cube, p=3.0)
t.cdist(x, y, float('inf'))
t.pdist(x)
A.det() * A.inverse() @ A.matrix_power(2)
A.cross(A.T, dim=1)
S.tril().cholesky_inverse() + S.logdet() + S.slogdet()[1]
"""

# What has no gradient, or one that jumps.
STEPS = """
t.frac(special)
t.sinc(special)
t.angle(special)
t.signbit(special)
t.isposinf(special)
t.isneginf(special)
t.isreal(i)
t.sgn(special), t.sgn(i)
t.nan_to_num(special)
t.nan_to_num(special, 1.0, 2.0, -3.0)
t.nan_to_num(i)
t.rad2deg(i), t.deg2rad(mask), t.asinh(i), t.angle(i)
t.copysign(special, special.flip(0)), t.copysign(i, -1)
t.fmax(special, special.flip(0)), t.fmin(special, special.flip(0))
t.nextafter(special, special.flip(0))
t.heaviside(special, special.flip(0))
t.gcd(k, k.flip(0)), t.lcm(k, k.flip(0))
t.ldexp(i, i), t.float_power(i, 2)
t.bitwise_left_shift(k, 2), t.bitwise_right_shift(k, k)
mask << 1, k << 1, 1 << k, k >> 1, 100 >> k
k.clone().bitwise_left_shift_(1), k.clone().bitwise_right_shift_(1)
k.clone().bitwise_and_(3), k.clone().bitwise_or_(3), k.clone().bitwise_xor_(3)
k.clone().bitwise_not_(), k.clone().gcd_(k.flip(0)), k.clone().lcm_(k.flip(0))
mask.clone().logical_and_(mask.flip(0)), mask.clone().logical_or_(mask.flip(0))
i.clone().logical_xor_(mask), i.clone().logical_not_()
special.clone().nextafter_(special.flip(0)), special.clone().heaviside_(special.flip(0))
p.detach().asinh_(), (p.detach() + 1).acosh_(), p.detach().atanh_()
p.detach().arcsinh_(), (p.detach() + 1).arccosh_(), p.detach().arctanh_()
t.greater(x, y), t.greater_equal(x, 0), t.less(x, y), t.less_equal(x, 0), t.not_equal(i, 1)
t.kthvalue(ties, 2)
t.kthvalue(k, 3)
t.kthvalue(number, 1)
t.mode(ties)
t.mode(k, keepdim=True)
t.mode(mask, 0)
t.nanmedian(nan)
t.nanmedian(nan, 0)
t.nanmedian(nan[1])
t.nanmedian(k)
t.aminmax(ties)
t.aminmax(nan, dim=0)
t.cummax(ties, 0)
t.cummax(nan, 1)
t.cummin(k, 0)
t.cummin(number, 0)
t.logcumsumexp(special[:4], 0)
t.nansum(nan)
t.nansum(nan, 0)
t.nansum(i, 0)
t.nanmean(nan, 1)
t.nanquantile(nan, 0.25, 1)
t.quantile(nan, 0.25, 0, keepdim=True)
t.quantile(ties, 0.5, 1, interpolation='lower')
t.cov(i)
t.corrcoef(v)
t.trapezoid(i)
t.histc(x, 5)
t.histc(ties, 4, 0, 2)
t.histc(special[:4], 3, -1, 1)
t.cdist(ties, ties)
t.cdist(ties, ties, 0.0)
t.searchsorted(k.sort()[0], k)
t.searchsorted(ties.sort()[0], x, right=True)
t.searchsorted(v.sort()[0], 0.5, side='right', out_int32=True)
t.searchsorted(k, k, sorter=k.argsort())
t.searchsorted(ties.sort()[0][0], special)
t.bucketize(x, v.sort()[0])
t.bucketize(2, k.sort()[0], right=True)
t.isin(i, k)
t.isin(x, x[0], invert=True)
t.isin(k, 1)
t.isin(3, k)
t.unique_consecutive(k)
t.unique_consecutive(ties.detach(), return_inverse=True, return_counts=True)
t.unique_consecutive(ties.sort()[0].detach(), True, True, dim=0)
k.unique_consecutive(dim=0)
t.unique(ties.detach(), return_inverse=True, return_counts=True, dim=0)
t.scatter_reduce(ties, 0, i, ties, 'amax')
t.scatter_reduce(ties.detach(), 1, i, ties.detach(), 'amin', include_self=False)
t.scatter_reduce(ties, 1, i, ties, 'prod')
t.scatter_reduce(i, 0, i, i, 'mean')
t.scatter_reduce(i, 0, i, i, 'amax', include_self=False)
t.scatter_reduce(mask, 0, i, mask, 'amin', include_self=False)
t.scatter_reduce(mask, 0, i, mask, 'sum')
t.scatter_reduce(number, 0, i[0, 0], number, 'prod')
t.scatter_reduce(x, 0, i[:0], y, 'prod')
t.masked_scatter(x, mask & ~mask, y)
t.combinations(v, 5)
t.combinations(v, 0)
t.block_diag()
t.block_diag(i, v)
t.diff(mask)
t.diff(i, 1, 0)
t.diff(k.to(t.uint8))
t.argwhere(mask)
t.argwhere(number)
t.tril_indices(3, 4)
t.tril_indices(2, 3, -1, dtype=t.int32)
t.triu_indices(3, 2, 1)
t.unravel_index(k, (2, 3))
t.unravel_index(k, 7)
t.tensor_split(i, 2, dim=1)
x.type('torch.FloatTensor')
x.type(t.Tensor)
x.type('torch.LongTensor')
k.clone().apply_(lambda z: z * 2 + 0.5)
k.clone().map_(k + 1, lambda a, b: a * b)
t.zeros(2).set_(t.arange(6.0), 1, (2, 2), (2, 1))
t.zeros(2).set_()
x[1]._is_view(), x._is_view(), x[1]._base is x, x._base is None
x.is_same_size(y), x.is_set_to(x), x.T.is_set_to(x), x.is_cpu, x.is_meta, x.is_nested
v.detach().clone().resize_as_(three)
t.asarray(x), t.asarray([1.0, 2.0], dtype=t.float64), t.asarray(3), t.asarray(True)
t.asarray(x, copy=True).data_ptr() == x.data_ptr(), t.asarray(k).data_ptr() == k.data_ptr()
t.linalg.matrix_rank(As)
t.linalg.matrix_rank(tall @ wide)
t.linalg.matrix_rank(tall, atol=3.0)
t.linalg.pinv(tall, rtol=0.9)
t.linalg.lstsq(tall, v, driver='gelss')[2:]
t.linalg.cond(t.ones(2, 2, dtype=x.dtype), 1)
t.linalg.inv_ex(t.ones(2, 2, dtype=x.dtype)).info
t.linalg.cholesky_ex(S - 3 * t.eye(3, dtype=x.dtype)).info
t.linalg.lu(t.zeros(2, 2, dtype=x.dtype))
t.linalg.lu(t.ones(3, 2, dtype=x.dtype))
t.linalg.lu(t.ones(2, 4, dtype=x.dtype))
t.linalg.lu(A[:0, :0])
t.linalg.lu_factor_ex(t.ones(2, 3, 3, dtype=x.dtype))
t.linalg.matrix_power(A, 0)
t.linalg.matrix_power(i[:, :3], 2)
t.linalg.multi_dot([i, i.T])
t.linalg.vander(k)
t.linalg.det(t.ones(0, 3, 3, dtype=x.dtype))
t.linalg.inv(A[:0, :0])
t.linalg.det(t.zeros(2, 2, dtype=x.dtype))
t.linalg.solve_triangular(t.zeros(2, 2, dtype=x.dtype), tall[:2], upper=True)
t.trace(i)
t.kron(i, k)
t.tensordot(i, i)
t.logdet(-S)
t.logspace(0, 2, 5), t.logspace(2, 0, 3, dtype=t.float64), t.logspace(-0.3, 0.7, 17)
t.logspace(0.1, 2.3, 11, 2.5), t.logspace(-1, 2, 4, base=2), t.logspace(1, 3, 3, base=0.5)
t.logspace(0, 1, 3, base=-2), t.logspace(0, 40, 3), t.logspace(0, 1, 3, 0), t.logspace(0, 1.5, 3, 1)
t.logspace(0, 3, 4, dtype=t.int64), t.logspace(0.5, 2.7, 4, dtype=t.int64)
t.logspace(0, 2, 1), t.logspace(0, 2, 0), t.logspace(0, 1, 1, dtype=t.bool)
t.logspace(0, 3, 7, dtype=t.float16), t.logspace(0, 1, 4, out=t.zeros(2, 2))
t.logspace(t.tensor(0.0), 1, 3)
t.slogdet(t.zeros(2, 2))
"""

# Which are refused.
ERRORS = {
    "t.linalg.inv(t.ones(2, 2))": "diagonal element 2 is zero",
    "t.linalg.inv(t.stack([t.eye(2), t.ones(2, 2)]))": r"\(Batch element 1\).*element 2 is zero",
    "t.linalg.inv(t.ones(2, 3))": "batches of square matrices, but they are 2 by 3 matrices",
    "t.linalg.inv(t.ones(3))": "must have at least 2 dimensions",
    "t.linalg.inv(i[:, :3])": "Expected a floating point.* Got Long",
    "t.linalg.det(t.ones(2, 3))": "batches of square matrices",
    "t.linalg.slogdet(t.ones(3))": "must have at least 2 dimensions",
    "t.linalg.cholesky(-t.eye(2))": "the leading minor of order 1 is not positive-definite",
    "t.linalg.cholesky(t.stack([t.eye(2), t.ones(2, 2)]))": r"\(Batch element 1\).* order 2",
    "t.linalg.cholesky(i[:, :3])": "Expected a floating point",
    "t.linalg.cholesky(t.ones(2, 2).half())": "not implemented for 'Half'",
    "t.linalg.eigh(S, 'X')": "UPLO argument to be 'L' or 'U', but got X",
    "t.linalg.eigh(x)": "batches of square matrices",
    "t.linalg.svd(v)": "must have at least 2 dimensions",
    "t.linalg.svdvals(i)": "Expected a floating point",
    "t.linalg.qr(x, 'other')": "unrecognized mode 'other'",
    "t.linalg.qr(tall, 'complete').Q.sum().backward()": "not differentiable when mode='complete'",
    "t.linalg.qr(tall, 'r').R.sum().backward()": "depends on Q, which is not computed",
    "t.linalg.pinv(v)": "expected a tensor with 2 or more dimensions",
    "t.linalg.solve(t.ones(2, 2), t.ones(2))": "the input matrix is singular",
    "t.linalg.solve(A, v)": r"Incompatible shapes.*\(3x3 and 4x1\)",
    "t.linalg.solve(A, three.float())": "to have the same dtype",
    "t.linalg.solve(A, three, left=False)": "not supported for left=False",
    "t.linalg.solve(x, v)": "batches of square matrices",
    "t.linalg.solve(As, t.ones(4, 3, 1, dtype=x.dtype))": "must match the size|incompatible",
    "t.linalg.solve_triangular(A, three, upper=True)": "B must have at least 2 dimensions",
    "t.linalg.solve_triangular(A, x.T, upper=True)": "Incompatible shapes",
    "t.linalg.lstsq(tall, B)": r"input.size\(-2\) should match other.size\(-2\)",
    "t.linalg.lstsq(tall, v, driver='best')": "should be one of",
    "t.logspace(0, 1, -1)": "number of steps must be non-negative",
    "t.logspace(0, 1, 2.5)": "steps",
    "t.logspace(0, 1, 3, dtype=t.bool)": "not implemented for 'Bool'",
    "t.mvlgamma(x, 0)": "p has to be greater than or equal to 1",
    "t.igamma(x, [1.0])": r"argument 'other' \(position 2\) must be Tensor",
    "x.prelu(v.float())": "Type promoting not supported",
    "x.prelu(three)": "Mismatch of parameter numbers",
    "t.linalg.lu(v)": r"2 or more dimensions. Got size: \[4\]",
    "t.linalg.lu(i)": "not implemented for 'Long'",
    "t.linalg.lu(A, pivot=False)": "LU without pivoting is not implemented on the CPU",
    "t.linalg.lu_factor(t.ones(2, 2))": r"U\[2,2\] is zero",
    "t.linalg.lu_factor(t.zeros(2, 2, 2))": r"\(Batch element 0\): U\[1,1\] is zero",
    "t.linalg.lu_solve(*t.linalg.lu_factor(A), three)": "B must have at least 2 dimensions",
    "t.linalg.lu_solve(*t.linalg.lu_factor(A), x.mT)": r"Incompatible shapes.*\(3x3 and 4x3\)",
    "t.linalg.lu_solve(*t.linalg.lu_factor(A), B.float())": "to have the same dtype",
    "t.linalg.lu_solve(A, k[:3], B)": "scalar type torch.int32",
    "t.linalg.lu_solve(A, k[:3].int() + 3, B)": "Did you properly pass the result of lu_factor",
    "t.linalg.lu_solve(A, k[:2].int(), B)": "same as the dimension of the matrix",
    "t.linalg.lu_solve(x, k[:3].int(), B)": "batches of square matrices",
    "t.lu(v)": r"2 or more dimensions. Got size: \[4\]",
    "t.lu(A, pivot=False)": "LU without pivoting is not implemented on the CPU",
    "t.lu_unpack(t.ones(4), k[:2].int())": r"2 or more dimensions. Got size: \[4\]",
    "t.lu_unpack(A, k[:3])": "torch.int32",
    "t.lu_unpack(A, k[:3].int() * 0)": "Did you properly pass the result of lu_factor",
    "t.lu_unpack(A, k[:2].int() + 9)": "LU",
    "t.linalg.matrix_norm(A, 3)": "Order 3 not supported",
    "t.linalg.matrix_norm(v)": "must have at least 2 dimensions",
    "t.linalg.matrix_norm(A, dim=(0, 0))": "dims must be different",
    "t.linalg.matrix_norm(A, dim=(0,))": "dim must be a 2-tuple",
    "t.linalg.norm(cube, 2)": "the input must be 1D or 2D. Got 3D",
    "t.linalg.norm(cube, 2, dim=(0, 1, 2))": "it must be of length 1 or 2",
    "t.linalg.matrix_rank(v)": "must have at least 2 dimensions",
    "t.linalg.matrix_power(x, 2)": "batches of square matrices",
    "t.linalg.matrix_power(A, 1.5)": "must be int, not float",
    "t.linalg.matrix_power(t.ones(2, 2), -1)": "is singular",
    "t.linalg.multi_dot([A])": "at least 2 tensors but got 1",
    "t.linalg.multi_dot([A, x.T])": "cannot be multiplied",
    "t.linalg.multi_dot([A, As, A])": "must be 2D but got 3D",
    "t.linalg.cross(As, A)": "same number of dimensions",
    "t.linalg.cross(x, y)": "must have length 3. Got 4 and 4",
    "t.cross(v, w)": "no dimension of size 3",
    "t.linalg.tensorinv(cube, 1)": "Expected self to satisfy the requirement",
    "t.linalg.tensorsolve(cube, v)": "Expected self to satisfy the requirement",
    "t.linalg.matrix_exp(x)": "batches of square matrices",
    "x.unfold(1, 5, 1)": "maximum size for tensor at dimension 1 is 4 but size is 5",
    "x.unfold(1, 2, 0)": "step is 0 but must be > 0",
    "x.unfold(1, -1, 1)": "size is -1 but must be >= 0",
    "x.unfold(2, 1, 1)": "Dimension out of range",
    "x.as_strided((2, 2), (1,))": "mismatch in length",
    "x.as_strided((2, 2), (-1, 1))": "Negative strides",
    "x.as_strided((13,), (1,))": "out of bounds for storage",
    "x.as_strided((2,), (1,), 11)": "out of bounds for storage",
    "t.tensor_split(number, 1)": "at least a 1-dimensional tensor",
    "t.tensor_split(x, 0)": "number of sections must be larger than 0",
    "t.tensor_split(x, t.tensor([1.0]))": "dtype of long",
    "t.hsplit(x, 3)": "dimension 1, but the size of the dimension 4 is not divisible by",
    "t.hsplit(number, 1)": "at least 1 dimension",
    "t.vsplit(v, 1)": "at least 2 dimension",
    "t.dsplit(x, 1)": "at least 3 dimension",
    "t.dstack([])": "non-empty TensorList",
    "t.dstack([x, v])": "Sizes of tensors must match",
    "t.column_stack([])": "non-empty TensorList",
    "t.column_stack([x, v])": "Sizes of tensors must match",
    "t.atleast_2d(x, 3)": "Tensor",
    "t.block_diag(cube)": "must have 2 or fewer dimensions",
    "t.cartesian_prod(x)": "Expect a 1D vector",
    "t.combinations(x)": "Expect a 1D vector",
    "t.combinations(v, -1)": "non-negative number",
    "t.flipud(number)": "must be >= 1-d",
    "t.fliplr(v)": "must be >= 2-d",
    "t.rot90(v)": "total dims >= 2",
    "t.rot90(x, 1, (0, 0))": "rotation dims to be different",
    "t.rot90(x, 1, (0,))": "total rotation dims == 2",
    "t.rot90(x, 1, (0, 2))": "Dimension out of range",
    "t.diff(number)": "at least one-dimensional",
    "t.diff(x, -1)": "order must be non-negative",
    "t.diff(x, prepend=v)": "same dimension as input",
    "t.diag_embed(x, 0, 1, 1)": "cannot be identical",
    "t.tril_indices(-1, 2)": "row must be non-negative",
    "t.unravel_index(v, (2, 3))": "to be integer dtype",
    "t.select_scatter(x, three, 0, 1)": r"src size = \[3\], slice size = \[4\]",
    "t.slice_scatter(x, v, 0, 1)": "src size",
    "t.diagonal_scatter(x, v)": "src size",
    "t.masked_scatter(x, i, y)": "only supports boolean masks",
    "t.masked_scatter(x, mask, v)": "source < number of ones in mask",
    "t.masked_scatter(x, mask, y.float())": "same dtypes",
    "v.detach().masked_scatter_(mask, y)": "doesn't match|must be greater|broadcast",
    "t.scatter_reduce(x, 0, i, y, 'most')": "must be either sum, prod, mean, amax or amin",
    "t.scatter_reduce(x, 0, i, y.float(), 'sum')": "to be equal to src.dtype",
    "t.scatter_reduce(x, 0, i + 1, y, 'prod')": "index 3 is out of bounds for dimension 0",
    "t.scatter_reduce(x, 0, i, y[:2], 'prod')": "no larger size than src",
    "t.scatter_reduce(x, 0, i[0], v, 'prod')": "same number of dimensions",
    "t.scatter_reduce(mask, 0, i, mask, 'mean')": "not implemented for 'Bool'",
    "t.index_reduce(x, 0, i[0], y, 'sum')": "Expected reduce to be one of",
    "t.index_reduce(x, 0, i[0], y, 'prod')": r"Number of indices \(4\) should be equal",
    "x.apply_(abs)": r"Can't call apply_\(\) on Variable that requires grad",
    "x.map_(y, max)": r"Can't call map_\(\) on Variable that requires grad",
    "k.map_(k[:2], max)": "must match the existing size",
    "k.map_(k.int(), max)": "map_: expected torch.LongTensor",
    "k.apply_(str)": "str",
    "x.type('torch.float64')": "invalid type",
    "t.asarray([1.0], copy=False)": "can't alias arbitrary sequence",
    "t.kthvalue(v, 0)": "k out of range",
    "t.kthvalue(mask, 1)": "not implemented for 'Bool'",
    "t.kthvalue(v[:0], 1)": "to have non-zero size",
    "t.mode(v[:0])": "to have non-zero size",
    "t.mode(v, 1)": "Dimension out of range",
    "t.nanmedian(mask)": "not implemented for 'Bool'",
    "t.aminmax(v[:0])": "has no identity",
    "t.logcumsumexp(k, 0)": "not implemented for 'Long'",
    "t.cummax(v, 2)": "Dimension out of range",
    "t.trapezoid(number)": "tensor has no dimensions",
    "t.trapezoid(mask)": "bool is not supported",
    "t.trapezoid(x, three)": "one `x` value for each sample point",
    "t.trapezoid(v, 2.0)": "x",
    "t.trapezoid(v, w, dx=1)": "invalid combination",
    "t.nanmean(k)": "floating point or complex dtype but got Long",
    "t.quantile(k, 0.5)": "either float or double",
    "t.quantile(v, 1.5)": r"must be in the range \[0, 1\]",
    "t.quantile(v, w)": r"values must be in the range \[0, 1\]",
    "t.quantile(v, x)": "must be a scalar or 1D tensor",
    "t.quantile(v, p[0].float())": "same dtype as the input",
    "t.quantile(v[:0], 0.5)": "must be non-empty",
    "t.nanquantile(v, 0.5, interpolation='most')": "must be one of linear",
    "t.cov(cube)": "two or fewer dimensions",
    "t.cov(mask)": "bool dtype is not supported",
    "t.cov(v, fweights=v)": "to have integral dtype",
    "t.cov(v, aweights=w)": "cannot be negative",
    "t.cov(v, fweights=k)": "6 != 4",
    "t.cov(v, fweights=k[:4] * 0)": "weights sum to zero",
    "t.corrcoef(cube)": "two or fewer dimensions",
    "t.histc(v, 0)": "bins must be > 0",
    "t.histc(v, 3, 2, 1)": "max must be larger than min",
    "t.histc(k, 3)": "not implemented for 'Long'",
    "t.histc(special, 3)": "is not finite",
    "t.cdist(x, v)": "at least 2D tensors",
    "t.cdist(x, tall)": "same number of columns",
    "t.cdist(x, x, -1)": "non-negative p",
    "t.cdist(i, i)": "only supports floating-point",
    "t.cdist(x, x, compute_mode='best')": "not a valid value for compute_mode",
    "t.pdist(v)": "only supports 2D tensors",
    "t.searchsorted(v, w, side='both')": "can only be 'left' or 'right'",
    "t.searchsorted(v, w, side='left', right=True)": "opposites",
    "t.searchsorted(x, v)": "first N-1 dimensions",
    "t.searchsorted(number, v)": "positive dimension",
    "t.searchsorted(v, w, sorter=k)": "must have the same size",
    "t.bucketize(v, x)": "must be 1 dimension",
    "t.isin(2, 2)": "invalid combination",
    "t.isin(mask, k)": "Bool",
    "t.frac(k)": "not implemented for 'Long'",
    "t.nextafter(k, k)": "not implemented for 'Long'",
    "t.gcd(v, w)": "not implemented for",
    "t.logaddexp2(k, k)": "not implemented for 'Long'",
    "v << 1": "not implemented for",
    "mask << mask": "not implemented for 'Bool'",
    "v.detach().float().float_power_(2)": "requires dtype Double",
    "t.heaviside(v, k[:4])": "different dtypes",
    "t.heaviside(v, three)": "must match the size",
    "t.fmax(v, 1.0)": "'other' .*must be Tensor",
    "t.ldexp(v, 2)": "'other' .*must be Tensor",
    "t.copysign(2, v)": "",
    "t.imag(v)": "non-complex dtypes",
    "v.imag": "non-complex dtypes",
    "t.addcmul(v, 2, w)": "",
    "t.addcmul(v, w, w, 2)": "",
    "t.add(v, w, 2)": "",
    "t.trace(v)": "expected a matrix",
    "t.trace(mask)": "not implemented for 'Bool'",
    "t.tensordot(x, y, 1)": "contracted dimensions need to match",
    "t.tensordot(x, y, 3)": "dims < ndim_a or ndim_b",
    "t.tensordot(x, y, -1)": "dims >= 0",
    "t.tensordot(x, y, ([0, 1], [0]))": "should have same length",
    "t.tensordot(x, y.float())": "same dtype",
    "t.inner(x, pair)": "last dimension must match",
    "t.vdot(x, x)": "1D tensors expected",
    "t.addmv(three, x, three)": "size mismatch",
    "t.addr(t.ones(2, 4, dtype=x.dtype), three, v)": "must match the existing size",
    "cube.H": "only supported on matrices",
}


def names(call: str) -> list[str]:
    """The inputs that a call is a function of, in order."""
    known = [n for n in re.findall(r"(?<![.'\w])[A-Za-z]\w*", call) if n in INPUTS]
    return list(dict.fromkeys(known))


def inputs(t: Any, kind: str = "float64", gradients: bool = True) -> dict[str, Any]:
    """All inputs as tensors of the module `t`."""
    made = {"t": t, "math": math}
    for name, array in {**INPUTS, **FIXED}.items():
        made[name] = t.tensor(array.tolist(), dtype=getattr(t, kind if array.dtype.kind == "f" else
                              "int64" if array.dtype.kind == "i" else "bool"))  # fmt: skip
        if name in INPUTS and gradients:
            made[name].requires_grad_()
    return made


def run(call: str, known: dict[str, Any]) -> tuple[Any, ...]:
    """The tensors that a call returns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = eval(call, dict(known))
    return tuple(result) if isinstance(result, (tuple, list)) else (result,)


def loss(t: Any, results: tuple[Any, ...]) -> Any:
    """A number that depends on every entry of the results in another way; None without floats."""
    total = None
    for result in results:
        if not isinstance(result, t.Tensor) or not result.requires_grad:
            continue
        weights = t.arange(1.0, result.numel() + 1, dtype=result.dtype).sin().reshape(result.shape)
        total = (result * weights).sum() + (0 if total is None else total)
    return total


def shown(x: Any) -> Any:
    """A tensor, or another result, as JSON has it."""
    if not hasattr(x, "dtype"):
        return x
    strides = [s for n, s in zip(x.shape, x.stride()) if n != 1] if x.numel() else []
    flat = [float(f"{v:.10g}") if isinstance(v, float) else v for v in x.flatten().tolist()]
    return {"dtype": str(x.dtype), "shape": [*x.shape], "strides": strides, "values": flat}


def play(call: str, t: Any) -> dict[str, Any]:
    """What is stored of a call."""
    known = inputs(t)
    results = run(call, known)
    total = loss(t, results)
    story: dict[str, Any] = {"results": [shown(x) for x in results]}
    if total is not None:
        wanted = [known[name] for name in names(call)]
        try:
            grads = t.autograd.grad(total, wanted, allow_unused=True)
            story["gradients"] = {
                name: None if g is None else shown(g)["values"]
                for name, g in zip(names(call), grads)
            }
        except RuntimeError:  # PyTorch's own, in linalg.cond: it writes to what it has saved
            pass
    try:
        story["float32"] = [
            str(x.dtype) for x in run(call, inputs(t, "float32")) if hasattr(x, "dtype")
        ]
    except (RuntimeError, TypeError) as error:
        story["float32"] = type(error).__name__
    return story


def error(call: str, t: Any) -> tuple[str, str]:
    """The class of the error of a call, and its message."""
    try:
        run(call, inputs(t))
    except Exception as found:
        return type(found).__name__.lstrip("_"), str(found)
    return "nothing", ""


def calls(text: str) -> list[str]:
    """The calls in one of the tables."""
    return [line for line in text.strip().splitlines() if line and not line.startswith("#")]


if __name__ == "__main__":
    import torch

    stories = {call: play(call, torch) for call in calls(SMOOTH) + calls(STEPS)}
    refused = {call: error(call, torch)[0] for call in ERRORS}
    lines = [f"{json.dumps(call)}: {json.dumps(story)}" for call, story in stories.items()]
    more = [f"{json.dumps(call)}: {json.dumps(kind)}" for call, kind in refused.items()]
    text = "{\n" + ",\n".join(lines) + ',\n"errors": {\n' + ",\n".join(more) + "\n}\n}\n"
    TARGET.write_text(text, encoding="utf-8")
    print(f"{len(stories)} calls, {len(refused)} errors, torch {torch.__version__}")
