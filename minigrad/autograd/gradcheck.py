r"""Gradients compared with finite differences: `gradcheck` and `gradgradcheck`.

For a function :math:`y = f(x)` both sides of

.. math:: \frac{\partial y_k}{\partial x_j} \approx
          \frac{f_k(x + \epsilon e_j) - f_k(x - \epsilon e_j)}{2 \epsilon}

are computed for every entry of every input and output: the left one by a walk through the graph for
each k (one row of the Jacobian), the right one by calling f twice for each j (one column). Nothing
here knows any gradient rule; that is why the whole test suite leans on this file.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .backward import grad
from .tensor_base import TensorBase, wrap
from .views import edge_of

ndarray = np.ndarray
Function = Callable[..., Any]


class GradcheckError(RuntimeError):
    """A gradient is wrong; the message says of which output with respect to which input."""


def gradcheck(
    func: Function,
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    r"""Whether the gradients of `func` agree with finite differences.

    An analytical value a and a numerical one n agree if :math:`|a - n| \le atol + rtol |n|`.

    Parameters
    ----------
    func : callable
        Takes `inputs`, returns a tensor or a tuple of tensors.
    inputs : Tensor or tuple
        Those that require a gradient are checked; they should be float64, because a difference
        quotient loses half of the digits.
    eps : float
        The step.
    atol, rtol : float
        The tolerances.
    raise_exception : bool
        Raise when a gradient is wrong; False: return False.
    nondet_tol : float
        By how much two walks through the same graph may differ.
    check_undefined_grad : bool
        If there are several outputs: also check that an output without any gradient has the same
        effect as one whose gradient is zero.
    check_grad_dtypes : bool
        Also check that each gradient has the dtype of its input.
    fast_mode : bool
        Compare :math:`v^T J u` for one random u and v instead of all of J: two calls of `func` an
        input and one walk an output, where the full check takes that many per entry.
    check_backward_ad : bool
        Must be True, there is nothing else to check.
    check_batched_grad, check_batched_forward_grad, check_forward_ad, masked
        Of PyTorch's features that do not exist here; True raises NotImplementedError.

    Returns
    -------
    bool
        True, or False if a gradient is wrong and `raise_exception` is False.

    Raises
    ------
    GradcheckError
        (a RuntimeError) A gradient is wrong.
    ValueError
        No input requires a gradient.
    AssertionError
        There is nothing to check.

    Examples
    --------
    >>> import minigrad as mg
    >>> x = mg.tensor([0.5, -1.0], dtype=mg.float64, requires_grad=True)
    >>> mg.autograd.gradcheck(lambda x: x.tanh() * x, x)
    True
    >>> mg.autograd.gradcheck(lambda x: x * x.detach(), x, raise_exception=False)
    False
    """
    _refuse(
        check_batched_grad=check_batched_grad,
        check_batched_forward_grad=check_batched_forward_grad,
        check_forward_ad=check_forward_ad,
        masked=masked,
    )
    if not check_backward_ad:
        raise AssertionError(
            "Expected at least one of check_forward_ad or check_backward_ad to be True"
        )
    inputs = _as_tuple(inputs)
    try:
        _check_inputs(inputs)
        _check_unconnected(func, inputs, eps, atol)
        if fast_mode:
            _check_directions(func, inputs, eps, atol, rtol, nondet_tol, check_grad_dtypes)
        else:
            _check_jacobians(func, inputs, eps, atol, rtol, nondet_tol, check_grad_dtypes)
        if check_undefined_grad:
            _check_undefined(func, inputs)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Function,
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    r"""Whether the second derivatives of `func` agree with finite differences of the first ones.

    It is `gradcheck` of the function :math:`(x, g) \mapsto g^T\, \partial f / \partial x`, with
    respect to x and to g.

    Parameters
    ----------
    func, inputs
        As in `gradcheck`.
    grad_outputs : Tensor or tuple of Tensor, optional
        The :math:`g`, one for each output that requires a gradient. Default: random numbers. The
        derivative with respect to one is checked, too, if it requires a gradient.
    gen_non_contig_grad_outputs : bool
        Make those random numbers tensors that are not contiguous in memory.
    check_rev_over_rev : bool
        Must be True, there is nothing else to check.
    check_fwd_over_rev : bool
        Not supported: True raises NotImplementedError.
    eps, atol, rtol, raise_exception, nondet_tol, check_undefined_grad, check_grad_dtypes
        As in `gradcheck`.
    check_batched_grad, fast_mode, masked
        As in `gradcheck`.

    Returns
    -------
    bool
        True, or False if a gradient is wrong and `raise_exception` is False.

    Examples
    --------
    >>> import minigrad as mg
    >>> x = mg.tensor([0.5, -1.0], dtype=mg.float64, requires_grad=True)
    >>> mg.autograd.gradgradcheck(lambda x: x.sin() * x, x)
    True
    """
    _refuse(check_fwd_over_rev=check_fwd_over_rev)
    if not check_rev_over_rev:
        raise AssertionError(
            "Expected at least one of check_fwd_over_rev or check_rev_over_rev to be True"
        )
    inputs = _as_tuple(inputs)
    if grad_outputs is None:
        outputs = _differentiable_outputs(func(*inputs))
        grad_outputs = _random_like(outputs, strided=gen_non_contig_grad_outputs)
        for g in grad_outputs:
            g._requires_grad = True
    else:
        grad_outputs = _as_tuple(grad_outputs)
    n_inputs = len(inputs)

    def first_derivatives(*arguments: Any) -> tuple[Any, ...]:
        x, g = arguments[:n_inputs], arguments[n_inputs:]
        outputs = _differentiable_outputs(func(*x))
        wanted = [v for v in x if _wants_gradient(v)]
        results = grad(outputs, wanted, g, create_graph=True, allow_unused=True)
        return tuple([r for r in results if r is not None])

    return gradcheck(
        first_derivatives,
        inputs + grad_outputs,
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad,
        fast_mode=fast_mode,
        masked=masked,
    )


def _refuse(**options: bool | None) -> None:
    for name, value in options.items():
        if value:
            raise NotImplementedError(
                f"gradcheck: {name}=True is not supported; minigrad has no forward-mode or batched "
                "derivatives and no sparse tensors"
            )


# ------------------------------------------------------------------------------------------------
# Inputs and outputs
# ------------------------------------------------------------------------------------------------


def _as_tuple(values: Any) -> tuple[Any, ...]:
    return tuple(values) if isinstance(values, (tuple, list)) else (values,)


def _wants_gradient(value: Any) -> bool:
    return isinstance(value, TensorBase) and edge_of(value) is not None


def _check_inputs(inputs: Sequence[Any]) -> None:
    any_wanted = False
    for k, x in enumerate(inputs):
        if not _wants_gradient(x):
            continue
        any_wanted = True
        if x.array.dtype != np.float64:
            warnings.warn(
                f"Input #{k} requires gradient and is not a double precision floating point: its "
                f"dtype is {x.array.dtype}. This check will likely fail if all the inputs are "
                "not of double precision.",
                stacklevel=3,
            )
        steps = zip(x.array.strides, x.array.shape, strict=True)
        if x.array.size and any(step == 0 and n > 1 for step, n in steps):
            raise RuntimeError(
                f"The {k}th input has a dimension with stride 0: shape {list(x.array.shape)}. "
                "gradcheck only supports inputs that are non-overlapping to be able to compute the "
                "numerical gradients correctly. You should call .contiguous on the input before "
                "passing it to gradcheck."
            )
    if not any_wanted:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of them "
            "have requires_grad=True."
        )


def _differentiable_outputs(outputs: Any) -> tuple[Any, ...]:
    return tuple([y for y in _as_tuple(outputs) if _wants_gradient(y)])


def _float_outputs(func: Function, inputs: Sequence[Any]) -> list[ndarray]:
    """Copies of all floating point outputs, those that require no gradient included."""
    return [
        y.array.astype(np.float64)
        for y in _as_tuple(func(*inputs))
        if isinstance(y, TensorBase) and y.array.dtype.kind == "f"
    ]


def _check_unconnected(func: Function, inputs: Sequence[Any], eps: float, atol: float) -> None:
    """An output that requires no gradient must not depend on the inputs (it may be an integer)."""
    outputs = _as_tuple(func(*inputs))
    loose = [
        k
        for k, y in enumerate(
            [y for y in outputs if isinstance(y, TensorBase) and y.array.dtype.kind == "f"]
        )
        if not _wants_gradient(y)
    ]
    if not loose:
        return
    if not _differentiable_outputs(outputs):
        for j, x in enumerate(inputs):
            if not _wants_gradient(x):
                continue
            for columns in _numerical(func, inputs, x, eps):
                if any(np.any(np.abs(columns[k]) > atol) for k in loose):
                    raise GradcheckError(
                        f"Numerical gradient for function expected to be zero: no output requires "
                        f"a gradient, but one depends on input {j}"
                    )


# ------------------------------------------------------------------------------------------------
# The full check
# ------------------------------------------------------------------------------------------------


def _numerical(func: Function, inputs: Sequence[Any], x: Any, eps: float) -> Any:
    """For each entry of `x`: central differences of all floating point outputs."""
    for place in np.ndindex(x.array.shape):
        before = x.array[place]
        x.array[place] = before + eps
        above = _float_outputs(func, inputs)
        x.array[place] = before - eps
        below = _float_outputs(func, inputs)
        x.array[place] = before
        yield [(a - b) / (2 * eps) for a, b in zip(above, below, strict=True)]


def _numerical_jacobians(
    func: Function, inputs: Sequence[Any], x: Any, eps: float, kept: Sequence[int]
) -> list[ndarray]:
    """d output / d `x` as a matrix (entries of x, of output), for each output in `kept`."""
    columns = list(_numerical(func, inputs, x, eps))
    if not columns:
        sizes = [y.size for y in _float_outputs(func, inputs)]
        return [np.zeros((0, sizes[k])) for k in kept]
    return [np.stack([c[k].reshape(-1) for c in columns]) for k in kept]


def _analytical_jacobians(
    output: Any, wanted: Sequence[Any], dtypes: bool, k: int
) -> list[ndarray]:
    """The same matrices for one output and all inputs, by one walk for each entry of the output."""
    jacobians = [np.zeros((x.array.size, output.array.size)) for x in wanted]
    for column, place in enumerate(np.ndindex(output.array.shape)):
        one_hot = np.zeros(output.array.shape, output.array.dtype)
        one_hot[place] = 1
        results: tuple[Any, ...] = grad(
            output, wanted, wrap(one_hot), retain_graph=True, allow_unused=True
        )
        for j, (x, g) in enumerate(zip(wanted, results, strict=True)):
            if g is None:
                continue
            _check_form(g, x, k, j, dtypes)
            jacobians[j][:, column] = g.array.reshape(-1)
    return jacobians


def _check_form(g: Any, x: Any, k: int, j: int, dtypes: bool) -> None:
    if g.array.shape != x.array.shape:
        raise GradcheckError(
            f"Analytical gradient has incorrect size: output {k} with respect to input {j}: got "
            f"{list(g.array.shape)}, the input has {list(x.array.shape)}"
        )
    if dtypes and g.array.dtype != x.array.dtype:
        raise GradcheckError(
            f"Gradient has dtype mismatch: output {k} with respect to input {j}: got "
            f"{g.array.dtype}, the input has {x.array.dtype}"
        )


def _check_jacobians(
    func: Function,
    inputs: Sequence[Any],
    eps: float,
    atol: float,
    rtol: float,
    nondet_tol: float,
    dtypes: bool,
) -> None:
    places, wanted = _wanted(inputs)
    kept = _kept_outputs(func(*inputs))
    numerical = [_numerical_jacobians(func, inputs, x, eps, kept) for x in wanted]
    for k, output in enumerate(_differentiable_outputs(func(*inputs))):
        first = _analytical_jacobians(output, wanted, dtypes, k)
        again = _analytical_jacobians(output, wanted, dtypes, k)
        for j, place in enumerate(places):
            a, n = first[j], numerical[j][k]
            if not _all_close(a, n, rtol, atol):
                raise GradcheckError(_mismatch(k, place, n, a))
            _check_reentrant(first[j], again[j], nondet_tol)


def _wanted(inputs: Sequence[Any]) -> tuple[list[int], list[Any]]:
    """The inputs that require a gradient, and their positions among all inputs."""
    places = [k for k, x in enumerate(inputs) if _wants_gradient(x)]
    return places, [inputs[k] for k in places]


def _kept_outputs(outputs: Any) -> list[int]:
    """The positions, among the floating point outputs, of those that require a gradient."""
    floats = [
        y for y in _as_tuple(outputs) if isinstance(y, TensorBase) and y.array.dtype.kind == "f"
    ]
    return [k for k, y in enumerate(floats) if _wants_gradient(y)]


def _all_close(a: ndarray, n: ndarray, rtol: float, atol: float) -> bool:
    return bool(np.allclose(a, n, rtol, atol))


def _mismatch(output: int, place: int, numerical: Any, analytical: Any) -> str:
    return (
        f"Jacobian mismatch for output {output} with respect to input {place},\n"
        f"numerical:{numerical}\nanalytical:{analytical}\n"
    )


def _check_reentrant(first: ndarray, again: ndarray, nondet_tol: float) -> None:
    if first.size and not np.max(np.abs(first - again)) <= nondet_tol:
        raise GradcheckError(
            "Backward is not reentrant, i.e., running backward with same input and grad_output "
            "multiple times gives different values, although analytical gradient matches numerical "
            f"gradient. The tolerance for nondeterminism was {nondet_tol}."
        )


# ------------------------------------------------------------------------------------------------
# The fast check
# ------------------------------------------------------------------------------------------------


def _check_directions(
    func: Function,
    inputs: Sequence[Any],
    eps: float,
    atol: float,
    rtol: float,
    nondet_tol: float,
    dtypes: bool,
) -> None:
    """Compare v^T J u, with u a direction among an input's entries and v one among an output's."""
    places, wanted = _wanted(inputs)
    outputs = _differentiable_outputs(func(*inputs))
    kept = _kept_outputs(func(*inputs))
    v = [_unit_vector(y.array.shape, seed=k) for k, y in enumerate(outputs)]
    analytical = []  # v^T J, for each output and input
    for k, y in enumerate(outputs):
        start = wrap(v[k].astype(y.array.dtype))
        rows = []
        for _ in range(2):
            results = grad(y, wanted, start, retain_graph=True, allow_unused=True)
            for j, (x, g) in enumerate(zip(wanted, results, strict=True)):
                if g is not None:
                    _check_form(g, x, k, j, dtypes)
            rows.append([np.zeros(()) if g is None else g.array for g in results])
        for first, again in zip(*rows, strict=True):
            _check_reentrant(first, again, nondet_tol)
        analytical.append(rows[0])
    for j, (place, x) in enumerate(zip(places, wanted, strict=True)):
        u = _unit_vector(x.array.shape, seed=100 + j)
        before = x.array.copy()
        x.array[...] = before + eps * u
        above = _float_outputs(func, inputs)
        x.array[...] = before - eps * u
        below = _float_outputs(func, inputs)
        x.array[...] = before
        for k, index in enumerate(kept):
            n = np.sum(v[k] * (above[index] - below[index]) / (2 * eps))
            a = np.sum(analytical[k][j] * u)
            # the tolerance is meant per entry of J, and v^T J u is a sum over entries
            if not _all_close(a, n, rtol, atol * float(v[k].sum() * u.sum())):
                raise GradcheckError(
                    _mismatch(k, place, n, a) + "(fast_mode: both are v^T J u for random u and v; "
                    "run with fast_mode=False to see the Jacobian)"
                )


def _unit_vector(shape: tuple[int, ...], seed: int) -> ndarray:
    """Random positive numbers whose squares add up to 1."""
    v = np.random.default_rng(seed).random(shape) + 0.1
    return np.asarray(v / np.sqrt(np.sum(v * v)) if v.size else v)


# ------------------------------------------------------------------------------------------------
# Outputs that receive no gradient
# ------------------------------------------------------------------------------------------------


def _check_undefined(func: Function, inputs: Sequence[Any]) -> None:
    """Leaving outputs out of the walk must give what zeros for them give."""
    places, wanted = _wanted(inputs)
    outputs = _differentiable_outputs(func(*inputs))
    if len(outputs) < 2:
        return
    given = _random_like(outputs)
    zeros = [wrap(np.zeros_like(y.array)) for y in outputs]
    everything = range(len(outputs))
    for missing in [{k} for k in everything] + [set(everything) - {k} for k in everything]:
        present = [k for k in everything if k not in missing]
        without = grad(
            [outputs[k] for k in present], wanted, [given[k] for k in present],
            retain_graph=True, allow_unused=True,
        )  # fmt: skip
        with_zeros = grad(
            outputs, wanted, [zeros[k] if k in missing else given[k] for k in everything],
            retain_graph=True, allow_unused=True,
        )  # fmt: skip
        for place, a, b in zip(places, without, with_zeros, strict=True):
            x = 0.0 if a is None else a.array
            y = 0.0 if b is None else b.array
            if not np.allclose(x, y, rtol=1e-10, atol=1e-12):
                raise GradcheckError(
                    "Expected backward function to handle undefined output grads: without a "
                    f"gradient for the outputs {sorted(missing)} the gradient of input {place} is "
                    f"{x}, with zeros for them it is {y}"
                )


def _random_like(tensors: Sequence[Any], strided: bool = False) -> tuple[Any, ...]:
    """Random numbers shaped as `tensors`; `strided` ones skip every second entry of memory."""
    rng = np.random.default_rng(1234)  # its own: the user's random stream goes on undisturbed
    wide = [rng.standard_normal((*t.array.shape, 2)).astype(t.array.dtype) for t in tensors]
    return tuple([wrap(w[..., 0] if strided else np.array(w[..., 0], order="C")) for w in wide])
