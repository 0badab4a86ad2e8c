"""minigrad: recurrent networks with readable source, PyTorch's surface, and fast CPU kernels.

This file only gathers the public names. To read the source, begin at `minigrad.autograd.engine`.
"""

from importlib import import_module
from math import e, inf, nan, pi
from typing import Any

from . import runtime  # first of all: it has something to say before NumPy is there
from . import _kernels, autograd, moved
from .runtime import memory
from .autograd.grad_mode import (
    enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled,
)  # fmt: skip
from .runtime.config import show_config
from .tensor.creation import (
    Generator, arange, as_tensor, asarray, bernoulli, binomial, default_generator, empty,
    empty_like, eye, from_numpy, frombuffer, full, full_like, get_rng_state, initial_seed, linspace,
    logspace, manual_seed, multinomial, normal, ones, ones_like, poisson, rand, rand_like, randint,
    randint_like, randn, randn_like, randperm, seed, set_rng_state, zeros, zeros_like,
)  # fmt: skip
from .tensor.creation import range as range
from .arrays.absent import missing as _missing
from .arrays.dtypes import (
    bfloat16, cdouble, cfloat, complex64, complex128, double, dtype, float16, float32, float64,
    get_default_dtype, half, int8, int16, int32, int64, long, set_default_dtype, short, uint8,
)  # fmt: skip
from .arrays.dtypes import bool as bool
from .arrays.dtypes import float as float
from .arrays.dtypes import int as int
from .tensor.dlpack import from_dlpack
from .tensor.questions import (
    broadcast_shapes, broadcast_tensors, can_cast, finfo, get_default_device, iinfo, is_complex,
    is_floating_point, is_nonzero, is_tensor, meshgrid, numel, promote_types, result_type,
    set_default_device,
)  # fmt: skip
from .ops.arrange import (
    argwhere, atleast_1d, atleast_2d, atleast_3d, block_diag, cartesian_prod, column_stack,
    combinations, diag_embed, diagflat, diff, dsplit, dstack, fliplr, flipud, hsplit, narrow_copy,
    rot90, row_stack, split_with_sizes, tensor_split, tril_indices, triu_indices, unravel_index,
    unsafe_chunk, unsafe_split, vsplit,
)  # fmt: skip
from .ops.elementwise import (
    acos, addcdiv, addcmul, allclose, asin, atan, atan2, bitwise_and, bitwise_not, bitwise_or,
    bitwise_xor, ceil, clamp, clamp_max, clamp_min, cos, cosh, digamma, eq, equal, erf, erfc,
    erfinv, exp, exp2, expm1, floor, floor_divide, fmod, ge, gt, hypot, isclose, isfinite, isinf,
    isnan, le, lerp, lgamma, log, log1p, log2, log10, logaddexp, logical_and, logical_not,
    logical_or, logical_xor, logit, lt, maximum, minimum, mul, ne, neg, polygamma, positive,
    reciprocal, relu, remainder, rsqrt, sigmoid, sign, sin, sinh, sqrt, square, tan, tanh, trunc,
    xlogy,
)  # fmt: skip
from .ops.elementwise import abs as abs
from .ops.elementwise import pow as pow
from .ops.elementwise import round as round
from .ops.elementwise import add_scaled as add
from .ops.elementwise import div_rounded as div
from .ops.elementwise import rsub_scaled as rsub
from .ops.elementwise import sub_scaled as sub
from .ops import linalg, return_types, special
from .ops.checked import publish as _publish
from .ops.einsum import einsum
from .ops.index import (
    diag, diagonal, gather, index_select, masked_fill, masked_select, narrow, nonzero,
    repeat_interleave, select, take, take_along_dim, where,
)  # fmt: skip
from .ops.inplace import index_add, index_copy, index_fill, index_put, scatter, scatter_add
from .ops.join import cat, chunk, hstack, split, stack, unbind, vstack
from .ops.lu import lu_unpack
from .ops.matmul import addmm, baddbmm, bmm, dot, matmul, mm, mv, outer
from .ops.matrices import (
    addbmm, addmv, addr, adjoint, chain_matmul, cholesky, cholesky_inverse, cholesky_solve,
    cross, det, ger, inner, inverse, kron, logdet, lu, lu_solve, matrix_exp, matrix_power,
    pinverse, qr, slogdet, svd, tensordot, trace, vdot,
)  # fmt: skip
from .ops.order import (
    amax, amin, argmax, argmin, argsort, median, sort, topk,
)  # fmt: skip
from .ops.order import max as max
from .ops.order import min as min
from .ops.ranks import (
    aminmax, kthvalue, mode, msort, nanmedian,
)  # fmt: skip
from .ops.rarer import (
    acosh, angle, arccos, arccosh, arcsin, arcsinh, arctan, arctan2, arctanh, asinh, atanh,
    bitwise_left_shift, bitwise_right_shift, conj, conj_physical, copysign, deg2rad, fix,
    float_power, fmax, fmin, frac, gcd, greater, greater_equal, heaviside, imag, isneginf, isposinf,
    isreal, lcm, ldexp, less, less_equal, logaddexp2, nan_to_num, nextafter, not_equal, rad2deg,
    real, resolve_conj, sgn, signbit, sinc,
)  # fmt: skip
from .ops.reduce import (
    bincount, count_nonzero, dist, log_softmax, logsumexp, mean, norm, softmax, std, std_mean,
    unique, var, var_mean,
)  # fmt: skip
from .ops.reduce import all as all
from .ops.reduce import any as any
from .ops.reduce import sum as sum
from .ops.running import (
    cummax, cummin, cumulative_trapezoid, logcumsumexp, trapezoid, trapz,
)  # fmt: skip
from .ops.scan import cumprod, cumsum, prod
from .ops.scattering import (
    diagonal_scatter, index_reduce, masked_scatter, scatter_reduce, select_scatter, slice_scatter,
)  # fmt: skip
from .ops.search import (
    bucketize, isin, searchsorted, unique_consecutive,
)  # fmt: skip
from .ops.shape import (
    clone, expand, flatten, flip, movedim, permute, ravel, repeat, reshape, roll, squeeze, t, tile,
    transpose, tril, triu, unflatten, unsqueeze,
)  # fmt: skip
from .ops.shape import expand as broadcast_to
from .ops.shape import movedim as moveaxis
from .ops.shape import transpose as swapaxes
from .ops.shape import transpose as swapdims
from .ops.special import gammainc as igamma
from .ops.special import gammaincc as igammac
from .ops.special import multigammaln as mvlgamma
from .ops.statistics import (
    cdist, corrcoef, cov, histc, nanmean, nanquantile, nansum, pdist, quantile,
)  # fmt: skip
from .ops.windows import (
    as_strided,
)  # fmt: skip
from .arrays.printing import set_printoptions
from .arrays.size import (
    Size, channels_last, channels_last_3d, contiguous_format, device, layout, memory_format,
    preserve_format, strided,
)  # fmt: skip
from .tensor import Tensor
from .runtime.denormals import set_flush_denormal
from .runtime.threads import get_num_threads, set_num_threads
from .version import __version__
from .tensor.creation import tensor  # last: the function, not the package, has the name

multiply, divide, true_divide, subtract, negative, absolute, clip, concat, concatenate = (
    mul, div, div, sub, neg, abs, clamp, cat, cat)  # fmt: skip

moved.install()
_publish(globals())  # from here on, what has to be a tensor is one

from . import nn, optim, serialization, testing, utils  # noqa: E402 - they use the names above
from .nn.functional import (  # noqa: E402
    adaptive_avg_pool1d, avg_pool1d, celu, celu_, conv1d, conv_transpose1d, cosine_similarity,
    hardshrink, max_pool1d, max_pool1d_with_indices, pairwise_distance, prelu, relu_, rrelu, rrelu_,
    selu, selu_, threshold, threshold_,
)  # fmt: skip
from .nn.functional import adaptive_max_pool1d_with_indices as adaptive_max_pool1d  # noqa: E402
from .replay import compile as compile  # noqa: E402
from .serialization import load, save  # noqa: E402

for _method in (hardshrink, prelu):  # functions of nn, but methods of tensors, which know no nn
    setattr(Tensor, _method.__name__, _method)

# What ``from minigrad import *`` brings: all but the names of builtins (as ``sum``), which it would
# take away. Those are re-exported above, ``sum as sum``, for type checkers.
__all__ = [
    "Generator", "Size", "Tensor", "absolute", "acos", "acosh", "adaptive_avg_pool1d",
    "adaptive_max_pool1d", "add", "addbmm", "addcdiv", "addcmul", "addmm", "addmv", "addr",
    "adjoint", "allclose", "amax", "amin", "aminmax", "angle", "arange", "arccos", "arccosh",
    "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "argmax", "argmin", "argsort", "argwhere",
    "as_strided", "as_tensor", "asarray", "asin", "asinh", "atan", "atan2", "atanh", "atleast_1d",
    "atleast_2d", "atleast_3d", "avg_pool1d", "baddbmm", "bernoulli", "bfloat16", "bincount",
    "binomial", "bitwise_and", "bitwise_left_shift", "bitwise_not", "bitwise_or",
    "bitwise_right_shift", "bitwise_xor", "block_diag", "bmm", "broadcast_shapes",
    "broadcast_tensors", "broadcast_to", "bucketize", "can_cast", "cartesian_prod", "cat", "cdist",
    "cdouble", "ceil", "celu", "celu_", "cfloat", "chain_matmul", "channels_last",
    "channels_last_3d", "cholesky", "cholesky_inverse", "cholesky_solve", "chunk", "clamp",
    "clamp_max", "clamp_min", "clip", "clone", "column_stack", "combinations", "complex64",
    "complex128", "concat", "concatenate", "conj", "conj_physical", "contiguous_format", "conv1d",
    "conv_transpose1d", "copysign", "corrcoef", "cos", "cosh", "cosine_similarity",
    "count_nonzero", "cov", "cross",
    "cummax", "cummin", "cumprod", "cumsum", "cumulative_trapezoid", "default_generator", "deg2rad",
    "det", "device", "diag", "diag_embed", "diagflat", "diagonal", "diagonal_scatter", "diff",
    "digamma", "dist", "div", "divide", "dot", "double", "dsplit", "dstack", "dtype", "e", "einsum",
    "empty", "empty_like", "enable_grad", "eq", "equal", "erf", "erfc", "erfinv", "exp", "exp2",
    "expand", "expm1", "eye", "finfo", "fix", "flatten", "flip", "fliplr", "flipud", "float16",
    "float32", "float64", "float_power", "floor", "floor_divide", "fmax", "fmin", "fmod", "frac",
    "from_dlpack", "from_numpy", "frombuffer", "full", "full_like", "gather", "gcd", "ge", "ger",
    "get_default_device", "get_default_dtype", "get_num_threads", "get_rng_state", "greater",
    "greater_equal", "gt", "half", "hardshrink", "heaviside", "histc", "hsplit", "hstack", "hypot",
    "igamma", "igammac", "iinfo", "imag", "index_add", "index_copy", "index_fill", "index_put",
    "index_reduce", "index_select", "inf", "inference_mode", "initial_seed", "inner", "int8",
    "int16", "int32", "int64", "inverse", "is_complex", "is_floating_point", "is_grad_enabled",
    "is_nonzero", "is_tensor", "isclose", "isfinite", "isin", "isinf", "isnan", "isneginf",
    "isposinf", "isreal", "kron", "kthvalue", "layout", "lcm", "ldexp", "le", "lerp", "less",
    "less_equal", "lgamma", "linspace", "load", "log", "log1p", "log2", "log10", "log_softmax",
    "logaddexp", "logaddexp2", "logcumsumexp", "logdet", "logical_and", "logical_not", "logical_or",
    "logical_xor", "logit", "logspace", "logsumexp", "long", "lt", "lu", "lu_solve",
    "lu_unpack", "manual_seed", "masked_fill", "masked_scatter", "masked_select", "matmul",
    "matrix_exp", "matrix_power", "max_pool1d",
    "max_pool1d_with_indices", "maximum", "mean", "median", "memory_format", "meshgrid", "minimum",
    "mm", "mode", "moveaxis", "movedim", "msort", "mul", "multinomial", "multiply", "mv",
    "mvlgamma", "nan", "nan_to_num", "nanmean", "nanmedian", "nanquantile", "nansum", "narrow",
    "narrow_copy", "ne", "neg", "negative", "nextafter", "no_grad", "nonzero", "norm", "normal",
    "not_equal", "numel", "ones", "ones_like", "outer", "pairwise_distance", "pdist", "permute",
    "pi", "pinverse",
    "poisson", "polygamma", "positive", "prelu", "preserve_format", "prod", "promote_types", "qr",
    "quantile", "rad2deg", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like",
    "randperm", "ravel", "real", "reciprocal", "relu", "relu_", "remainder", "repeat",
    "repeat_interleave", "reshape", "resolve_conj", "result_type", "roll", "rot90", "row_stack",
    "rrelu", "rrelu_", "rsqrt", "rsub", "save", "scatter", "scatter_add", "scatter_reduce",
    "searchsorted", "seed", "select", "select_scatter", "selu", "selu_", "set_default_device",
    "set_default_dtype", "set_flush_denormal", "set_grad_enabled", "set_num_threads",
    "set_printoptions", "set_rng_state", "sgn", "short", "show_config", "sigmoid", "sign",
    "signbit", "sin", "sinc", "sinh", "slice_scatter", "slogdet", "softmax", "sort", "split",
    "split_with_sizes", "sqrt", "square", "squeeze", "stack", "std", "std_mean", "strided", "sub",
    "subtract", "svd", "swapaxes", "swapdims", "t", "take", "take_along_dim", "tan", "tanh",
    "tensor", "tensor_split", "tensordot", "threshold", "threshold_", "tile", "topk", "trace",
    "transpose", "trapezoid", "trapz", "tril", "tril_indices", "triu", "triu_indices",
    "true_divide", "trunc", "uint8", "unbind", "unflatten", "unique", "unique_consecutive",
    "unravel_index", "unsafe_chunk", "unsafe_split", "unsqueeze", "var", "var_mean", "vdot",
    "vsplit", "vstack", "where", "xlogy", "zeros", "zeros_like",
]  # fmt: skip


_LOADED_LATER = (
    "debug",
    "distributed",
    "distributions",
    "func",
    "onnx",
    "viz",
)  # rooms that few programs use
_FOUND_THERE = {  # single names from these
    "explain_shapes": "debug.shapes", "summary": "debug.summary", "vmap": "func",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Look a name that minigrad itself does not have up among those for old and foreign scripts."""
    if name in moved.MODULES or name in _LOADED_LATER:
        return import_module(f"minigrad.{name}")
    if name in _FOUND_THERE:
        return getattr(import_module(f"minigrad.{_FOUND_THERE[name]}"), name)
    if not name.startswith("_"):
        names = import_module("minigrad.compat.names")
        if name in names.__all__:
            return getattr(names, name)
    words = f"module 'minigrad' has no attribute '{name}'"
    raise _missing("torch", name, AttributeError, words)
