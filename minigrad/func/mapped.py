"""`vmap`: a function of one example as a function of a batch.

PyTorch's hands the whole batch to every operation. Here the function runs once for each example,
and the results are stacked: that is slower, but right for whatever the function does, control flow
that depends on values included. Inside a layer a batch needs no vmap; where it is asked for, as in
gradients of single examples, ``vmap(grad(f))``, batches are small.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

from ..ops.join import stack
from ..tensor import Tensor
from ..tensor.creation import get_rng_state, set_rng_state
from .trees import Structure, flatten, spread, text, unflatten

__all__ = ["vmap"]

Dims = Any


def vmap(
    func: Callable[..., Any],
    in_dims: Dims = 0,
    out_dims: Dims = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """A function that calls `func` for each entry along an axis, and stacks the results.

    Parameters
    ----------
    func : callable
        Takes and returns tensors, or tuples, lists and dictionaries of them.
    in_dims : int, or nested like the arguments
        Which axis to go along; None for an argument that is the same each time. Default: 0.
    out_dims : int, or nested like the result
        Where that axis is in the results; None for a result that is the same each time. Default: 0.
    randomness : "error", "different" or "same"
        Whether random numbers are refused, drawn anew for each entry, or the same for all.
        Default: "error".
    chunk_size : int, optional
        Without effect: entries are computed one after the other.

    Returns
    -------
    callable
        Arguments with names go to `func` as they are.

    Raises
    ------
    ValueError
        The dims do not fit arguments or results, arguments differ in size along them, or something
        that has to be is no tensor.
    RuntimeError
        There is no such `randomness`, or random numbers were drawn where they are refused.

    Notes
    -----
    With "different" the numbers are those of a loop, one entry after the other; PyTorch draws them
    for the whole batch at once, so that they are in other places as soon as `func` draws twice.

    Examples
    --------
    >>> import minigrad as mg
    >>> mg.vmap(mg.dot)(mg.ones(3, 2), mg.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    tensor([ 3.,  7., 11.])

    Gradients of single examples:

    >>> from minigrad.func import grad, vmap
    >>> loss = lambda w, x: (w * x).sum() ** 2
    >>> vmap(grad(loss), in_dims=(None, 0))(mg.ones(2), mg.eye(2))
    tensor([[2., 0.],
            [0., 2.]])
    """
    check_randomness(randomness)
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")
    name = _name_of(func)

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        for dim in flatten(out_dims)[0]:
            if not (dim is None or isinstance(dim, int)):
                raise ValueError(
                    f"vmap({name}, ..., out_dims={out_dims}): `out_dims` must be an int, None or a "
                    "python collection of ints representing where in the outputs the vmapped "
                    "dimension should appear."
                )
        size, entry = _entries(name, in_dims, args)
        results = []
        start = get_rng_state()
        for k in range(size or 1):
            if randomness == "same":
                set_rng_state(start)
            results.append(func(*entry(k), **kwargs))
            if randomness == "error" and not get_rng_state().equal(start):
                raise RuntimeError(
                    "vmap: called random operation while in randomness error mode. Please either "
                    "use the 'same' or 'different' randomness flags on vmap or perform the "
                    "randomness operation out of vmap"
                )
        return _stacked(name, out_dims, results, size)

    return wrapper


def check_randomness(randomness: str) -> None:
    """Check that there is such an option."""
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(
            "Only allowed values for randomness are 'error', 'different', or 'same'. Got "
            f"{randomness}"
        )


def _name_of(func: Any) -> str:
    if isinstance(func, functools.partial):
        return f"functools.partial({_name_of(func.func)}, ...)"
    return str(getattr(func, "__name__", repr(func)))


def _entries(
    name: str, in_dims: Dims, args: tuple[Any, ...]
) -> tuple[int, Callable[[int], Iterable[Any]]]:
    """How many entries there are, and a function that gives the arguments for one of them."""
    where = f"vmap({name}, in_dims={in_dims}, ...)(<inputs>)"
    if not isinstance(in_dims, (int, tuple)):
        raise ValueError(
            f"{where}: expected `in_dims` to be int or a (potentially nested) tuple matching the "
            f"structure of inputs, got: {type(in_dims)}."
        )
    if not args:
        raise ValueError(
            f"vmap({name})(<inputs>): got no inputs. Maybe you forgot to add inputs, or you are "
            "trying to vmap over a function with no inputs. The latter is unsupported."
        )
    leaves, structure = flatten(args)
    dims = spread(in_dims, structure)
    if dims is None:
        raise ValueError(
            f"{where}: in_dims is not compatible with the structure of `inputs`. in_dims has "
            f"structure {text(flatten(in_dims)[1])} but inputs has structure {text(structure)}."
        )
    for leaf, dim in zip(leaves, dims):
        _check_dim(where, leaf, dim)
    sizes = [leaf.shape[dim] for leaf, dim in zip(leaves, dims) if dim is not None]
    if not sizes:
        raise ValueError("vmap: Expected at least one Tensor to vmap over")
    if len(set(sizes)) > 1:
        raise ValueError(
            "vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
            f"{sizes} for the mapped dimension"
        )

    def entry(k: int) -> Iterable[Any]:
        values = [
            leaf if dim is None
            else leaf.select(dim, k) if sizes[0]
            else leaf.sum(dim)  # to see the shapes of results
            for leaf, dim in zip(leaves, dims)
        ]  # fmt: skip
        arguments: Iterable[Any] = unflatten(values, structure)
        return arguments

    return sizes[0], entry


def _check_dim(where: str, leaf: Any, dim: Any) -> None:
    if dim is None:
        return
    if not isinstance(dim, int):
        raise ValueError(
            f"{where}: Got in_dim={dim} for an input but in_dim must be either an integer "
            "dimension or None."
        )
    if not isinstance(leaf, Tensor):
        raise ValueError(
            f"{where}: Got in_dim={dim} for an input but the input is of type {type(leaf)}. We "
            "cannot vmap over non-Tensor arguments, please use None as the respective in_dim"
        )
    if not -leaf.dim() <= dim < leaf.dim():
        raise ValueError(
            f"{where}: Got in_dim={dim} for some input, but that input is a Tensor of "
            f"dimensionality {leaf.dim()} so expected in_dim to satisfy -{leaf.dim()} <= in_dim < "
            f"{leaf.dim()}."
        )


def _stacked(name: str, out_dims: Dims, results: list[Any], size: int) -> Any:
    """The results of all entries as one."""
    structure = flatten(results[0])[1]
    dims = _dims_of(name, out_dims, structure)
    columns = zip(*[flatten(result)[0] for result in results])
    return unflatten(
        [_column(name, column, dim, size) for column, dim in zip(columns, dims)], structure
    )


def _dims_of(name: str, out_dims: Dims, structure: Structure) -> list[Any]:
    if structure.type is None and isinstance(out_dims, tuple) and len(out_dims) == 1:
        out_dims = out_dims[0]
    dims = spread(out_dims, structure)
    if dims is None:
        raise ValueError(
            f"vmap({name}, ..., out_dims={out_dims})(<inputs>): out_dims is not compatible with "
            f"the structure of `outputs`. out_dims has structure {text(flatten(out_dims)[1])} but "
            f"outputs has structure {text(structure)}."
        )
    return dims


def _column(name: str, values: tuple[Any, ...], dim: int | None, size: int) -> Any:
    """One output of all entries."""
    first = values[0]
    if dim is None:
        if isinstance(first, Tensor) and not all(first.equal(value) for value in values):
            raise ValueError(
                f"vmap({name}, ...): `{name}` can not return a BatchedTensor when out_dim is None"
            )
        return first
    for value in values:
        if not isinstance(value, Tensor):
            raise ValueError(
                f"vmap({name}, ...): `{name}` must only return Tensors, got type {type(value)}. "
                "Did you mean to set out_dims= to None for output?"
            )
    stacked = stack(values, dim)
    return stacked if size else stacked.narrow(dim, 0, 0)
