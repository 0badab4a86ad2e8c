"""The elementwise operations: the one table of them that all tables of tests read.

    python tests/golden/operations.py

needs torch, and regenerates what was asked of PyTorch for each of them: values at special points,
types, strides, what is kept for the gradient. A new operation is a line here, and a run of this
file. `test_every_operation_is_in_the_table` (in `tests/test_ops.py`) says which are missing.
"""

from __future__ import annotations

import runpy
from pathlib import Path

TABLES = ("special_values", "ops", "types", "layout", "guards")  # of ``make_....py`` here
Range = tuple[float, float]

# By name: where the operation is smooth, so that its derivatives can be compared with finite
# differences; None where it has no derivatives.
ONE: dict[str, Range | None] = {
    "neg": (-2, 2), "positive": (-2, 2), "abs": (-2, 2), "sign": (-2, 2), "square": (-2, 2),
    "exp": (-2, 2), "exp2": (-2, 2), "expm1": (-2, 2), "log": (0.3, 3), "log2": (0.3, 3),
    "log10": (0.3, 3), "log1p": (-0.6, 2), "sqrt": (0.3, 3), "rsqrt": (0.3, 3),
    "reciprocal": (0.4, 2), "sin": (-3, 3), "cos": (-3, 3), "tan": (-1.2, 1.2), "asin": (-0.8, 0.8),
    "acos": (-0.8, 0.8), "atan": (-3, 3), "sinh": (-2, 2), "cosh": (-2, 2), "erf": (-2, 2),
    "erfc": (-2, 2), "erfinv": (-0.8, 0.8), "lgamma": (0.3, 3), "digamma": (0.3, 3),
    "logit": (0.2, 0.8),
    "tanh": (-2, 2), "sigmoid": (-4, 4), "relu": (-2, 2), "floor": (-3, 3), "ceil": (-3, 3),
    "trunc": (-3, 3), "round": (-3, 3), "isnan": None, "isinf": None, "isfinite": None,
    "logical_not": None, "bitwise_not": None,
}  # fmt: skip

# Of two arguments, which are broadcast against each other: where it is smooth in both.
TWO: dict[str, tuple[Range, Range] | None] = {
    "add": ((-2, 2), (-2, 2)), "sub": ((-2, 2), (-2, 2)), "rsub": ((-2, 2), (-2, 2)),
    "mul": ((-2, 2), (-2, 2)), "div": ((-2, 2), (0.5, 2)), "pow": ((0.3, 2), (-2, 2)),
    "floor_divide": ((-5, 5), (1.1, 1.9)), "remainder": ((-5, 5), (1.1, 1.9)),
    "fmod": ((-5, 5), (1.1, 1.9)), "maximum": ((-2, 2), (-2, 2)), "minimum": ((-2, 2), (-2, 2)),
    "atan2": ((0.3, 2), (-2, 2)), "hypot": ((0.3, 2), (-2, 2)), "logaddexp": ((-2, 2), (-2, 2)),
    "xlogy": ((-2, 2), (0.3, 3)),
    "eq": None, "ne": None, "lt": None, "le": None, "gt": None, "ge": None, "logical_and": None,
    "logical_or": None, "logical_xor": None, "bitwise_and": None, "bitwise_or": None,
    "bitwise_xor": None,
}  # fmt: skip

# Functions of minigrad itself that take no tensors, or look at what they get in their own words.
WITHOUT_TENSORS = {
    "arange", "as_tensor", "asarray", "atleast_1d", "atleast_2d", "atleast_3d", "block_diag",
    "broadcast_shapes", "broadcast_tensors", "can_cast", "cartesian_prod", "chain_matmul",
    "column_stack", "compile", "dstack", "einsum", "empty", "eye", "from_dlpack", "from_numpy",
    "frombuffer", "full", "get_default_device", "get_default_dtype", "get_num_threads",
    "get_rng_state", "iinfo",
    "import_module", "initial_seed", "is_grad_enabled", "is_tensor", "linspace", "load", "logspace",
    "manual_seed", "meshgrid", "ones", "promote_types", "rand", "randint", "randn", "randperm",
    "range", "row_stack", "save", "seed", "set_default_device", "set_default_dtype",
    "set_flush_denormal", "set_num_threads", "set_printoptions", "set_rng_state", "show_config",
    "tensor", "tril_indices", "triu_indices", "zeros",
}  # fmt: skip

SMOOTH_ONE = {name: where for name, where in ONE.items() if where is not None}
SMOOTH_TWO = {name: where for name, where in TWO.items() if where is not None}
GRADED_ONE = [*SMOOTH_ONE]
GRADED_TWO = [n for n in SMOOTH_TWO if n != "floor_divide"]  # which has no gradient in PyTorch

if __name__ == "__main__":
    for table in TABLES:
        runpy.run_path(str(Path(__file__).with_name(f"make_{table}.py")), run_name="__main__")
