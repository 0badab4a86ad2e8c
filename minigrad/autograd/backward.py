"""`backward` and `grad`: the two ways to ask the engine for gradients."""

from __future__ import annotations

import contextlib
import contextvars
import functools
import threading
import warnings
from collections.abc import Callable, Sequence
from sys import getrefcount
from typing import TYPE_CHECKING, Any

import numpy as np

from . import errors
from .engine import walk
from .grad_mode import mode
from .hooks import HooksInTurn, adding
from .listening import heard, is_listening
from .loans import before_write
from .quiet import restore, silence
from .tensor_base import TensorBase, bump_version, wrap
from .views import edge_of

if TYPE_CHECKING:
    from ..tensor import Tensor


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    r"""Add to ``.grad`` of every leaf :math:`x` the gradient :math:`\sum_k g_k^T\, dy_k/dx`.

    Parameters
    ----------
    tensors : Tensor or sequence of Tensor
        The :math:`y_k`, usually one loss.
    grad_tensors : Tensor or sequence of (Tensor or None), optional
        The :math:`g_k`, shaped like their :math:`y_k`. May be left out for scalars, where it is 1.
    retain_graph : bool, optional
        Keep the graph, so that another `backward` can follow. Default: the value of `create_graph`.
    create_graph : bool
        Record the computation of the gradients, so that they can be differentiated themselves.
    inputs : Tensor or sequence of Tensor, optional
        Add to the gradients of these only.

    Raises
    ------
    RuntimeError
        No graph leads to a tensor; a non-scalar came without its gradient; shapes differ; the graph
        was freed by an earlier `backward`; a saved value was changed in place.

    Examples
    --------
    >>> import minigrad as mg
    >>> x = mg.tensor([1.0, 2.0], requires_grad=True)
    >>> mg.autograd.backward((x * x).sum())
    >>> x.grad
    tensor([2., 4.])
    """
    if is_listening():
        return heard(backward, (tensors, grad_tensors, retain_graph, create_graph, inputs), {})
    roots = _as_sequence(tensors)
    edges = [_root_edge(k, t) for k, t in enumerate(roots)]
    grads = _initial_grads(roots, grad_tensors, create_graph)
    targets = None
    if inputs is not None:
        wanted = _as_sequence(inputs)
        if not wanted:
            raise RuntimeError("`inputs` argument to `backward` cannot be empty.")
        targets = list(dict.fromkeys([edge_of(t) for t in wanted]))
        if None in targets:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
        for t in wanted:
            t.retain_grad()
    keep = create_graph if retain_graph is None else retain_graph
    _nested(create_graph, _walk_and_accumulate, edges, grads, targets, keep, create_graph)


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor, ...]:
    r"""Return the gradients :math:`\sum_k g_k^T\, dy_k/dx_i` without touching any ``.grad``.

    Parameters
    ----------
    outputs : Tensor or sequence of Tensor
        The :math:`y_k`.
    inputs : Tensor or sequence of Tensor
        The :math:`x_i`: leaves, or any tensor of the graph.
    grad_outputs : Tensor or sequence of (Tensor or None), optional
        The :math:`g_k`; may be left out for scalars.
    retain_graph : bool, optional
        Keep the graph. Default: the value of `create_graph`.
    create_graph : bool
        Record the computation, for second derivatives.
    only_inputs : bool
        Without effect: this never writes to ``.grad``. False warns.
    allow_unused : bool, optional
        Give None for an input that no output depends on, instead of an error. Default: the value of
        `materialize_grads`.
    is_grads_batched : bool
        Not supported (it needs ``vmap``): True raises NotImplementedError.
    materialize_grads : bool
        Give zeros instead of None.

    Returns
    -------
    tuple of Tensor
        One for each of `inputs`.

    Examples
    --------
    >>> import minigrad as mg
    >>> x = mg.tensor(3.0, requires_grad=True)
    >>> (g,) = mg.autograd.grad(x**3, x, create_graph=True)
    >>> mg.autograd.grad(g, x)
    (tensor(18.),)
    """
    if is_listening():
        return heard(
            grad,
            (
                outputs,
                inputs,
                grad_outputs,
                retain_graph,
                create_graph,
                only_inputs,
                allow_unused,
                is_grads_batched,
                materialize_grads,
            ),
            {},
        )
    if not only_inputs:
        warnings.warn(
            "only_inputs argument is deprecated and is ignored now: autograd.backward adds to "
            "the gradients of other parts of the graph",
            FutureWarning,
            stacklevel=errors.stacklevel(),
        )
    if is_grads_batched:
        raise NotImplementedError("autograd.grad: is_grads_batched=True is not supported")
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: "
            "allow_unused=False."
        )
    roots, wanted = _as_sequence(outputs), _as_sequence(inputs)
    edges = [_root_edge(k, t) for k, t in enumerate(roots)]
    grads = _initial_grads(roots, grad_outputs, create_graph)
    targets = [edge_of(t) for t in wanted]
    if None in targets:
        raise RuntimeError("One of the differentiated Tensors does not require grad")
    keep = create_graph if retain_graph is None else retain_graph
    results = _nested(create_graph, walk, edges, grads, targets, keep, create_graph)
    if materialize_grads:
        results = [_zeros(t, create_graph) if g is None else g for t, g in zip(wanted, results)]
    elif not allow_unused and any(g is None for g in results):
        raise RuntimeError(errors.UNUSED)
    return tuple([own_tensor(g) for g in results])


# Backward passes can be nested: a hook or a `Function` may ask for gradients of its own. After so
# many, one inside the other, the stack of the thread may be nearly used up, so the next goes on in
# another thread. There must be an end, or a hook that calls itself would take all memory.
DEPTH_OF_A_THREAD = 20
DEPTH = 4000


def _nested(create_graph: bool, work: Callable[..., Any], *args: Any) -> Any:
    """Do a backward pass, with recording on only if the gradients are to be differentiated.

    NumPy is silent meanwhile: rules are functions of Python, and sums of gradients may overflow.
    """
    previous, mode.enabled = mode.enabled, create_graph
    before, depth = silence(), mode.depth + 1
    mode.depth = depth
    try:
        if depth % DEPTH_OF_A_THREAD:
            result = work(*args)
            if _queued and depth == 1:
                _run_queued()
            return result
        if depth >= DEPTH:
            raise RecursionError(
                f"backward is nested {depth} times, each inside a hook or a "
                "Function.backward of the one before: does a hook call backward on the graph that "
                "it hangs on?"
            )
        return _in_another_thread(work, *args)
    except RuntimeError as error:
        errors.say_how_reached(error, args[0])
        raise
    finally:
        mode.depth = depth - 1
        restore(before)
        mode.enabled = previous
        if _queued and depth == 1:  # it ended with an error
            _queued.pop(threading.get_ident(), None)


_queued: dict[int, list[Callable[[], None]]] = {}  # by the number of the thread


def queue_callback(callback: Callable[[], None]) -> None:
    """Call ``callback()`` when the backward pass that is under way in this thread has ended.

    For hooks that begin something which must be finished before `backward` returns. Of passes that
    are nested, it is the outermost one; if it ends with an error, nothing is called.

    Raises
    ------
    RuntimeError
        No backward pass is under way.
    """
    if not mode.depth:
        raise RuntimeError("Final callbacks can only be installed during backward pass.")
    _queued.setdefault(threading.get_ident(), []).append(callback)


def _run_queued() -> None:
    for callback in _queued.pop(threading.get_ident(), ()):
        callback()


def _in_another_thread(work: Callable[..., Any], *args: Any) -> Any:
    """Call `work` where there is a whole stack to use, and wait for it."""
    state = mode.enabled, mode.anomaly, mode.check_nan, mode.depth
    outcome: list[tuple[Any, BaseException | None]] = []
    context = contextvars.copy_context()

    def run() -> None:
        mode.enabled, mode.anomaly, mode.check_nan, mode.depth = state
        try:
            outcome.append((context.run(work, *args), None))
        except BaseException as error:
            outcome.append((None, error))

    thread = threading.Thread(target=run, name="nested backward")
    thread.start()
    thread.join()
    ((result, error),) = outcome
    outcome.clear()  # an error knows the functions that it went through, which must not know it
    if error is not None:
        try:
            raise error
        finally:
            del error
    return result


def _walk_and_accumulate(
    edges: Sequence[Any], grads: Sequence[Any], targets: Any, keep: bool, create_graph: bool
) -> None:
    deliver = None
    if targets is None and HooksInTurn.count:
        deliver = functools.partial(accumulate, create_graph=create_graph)
    results = walk(edges, grads, targets, keep, create_graph, deliver)
    if targets is not None:  # what is no leaf has kept its gradient by itself
        results = [
            (leaf, g, False)
            for (leaf, _), g in zip(targets, results)
            if g is not None and isinstance(leaf, TensorBase)
        ]
    accumulate(results, create_graph)


def _zeros(tensor: Any, create_graph: bool) -> Any:
    zeros = wrap(np.zeros_like(tensor.array))
    zeros._requires_grad = create_graph
    return zeros


def _as_sequence(value: Any) -> Sequence[Any]:
    return (value,) if isinstance(value, TensorBase) else tuple(value)


def _root_edge(position: int, tensor: TensorBase) -> tuple[Any, int]:
    edge = edge_of(tensor)
    if edge is None:
        raise RuntimeError(errors.NO_GRAPH.format(position))
    return edge


def _initial_grads(roots: Sequence[Any], given: Any, create_graph: bool) -> list[Any]:
    """The gradients to begin with: those given, and 1 for scalars without one."""
    if given is None:
        given = (None,) * len(roots)
    elif isinstance(given, TensorBase):
        given = (given,)
    if len(given) != len(roots):
        raise RuntimeError(f"got {len(roots)} tensors and {len(given)} gradients")
    grads = []
    for k, (root, g) in enumerate(zip(roots, given)):
        array = root.array
        if g is None:
            if array.size != 1:
                raise RuntimeError(
                    f"{errors.NOT_SCALAR}: output {k} has shape {list(array.shape)}; reduce it, "
                    "for example with .sum(), or pass gradient="
                )
            start = np.empty(array.shape, array.dtype)
            start.fill(1)  # np.ones is four times as slow
            grads.append(wrap(start) if create_graph else start)
            continue
        if not isinstance(g, TensorBase):
            raise TypeError("gradients can be either Tensors or None, but got " + type(g).__name__)
        if g.array.shape != array.shape:
            raise RuntimeError(
                f"Mismatch in shape: grad_output[{k}] has a shape of "
                f"torch.Size({list(g.array.shape)}) and output[{k}] has a shape of "
                f"torch.Size({list(array.shape)})."
            )
        if g.array.dtype != array.dtype:
            g = wrap(g.array.astype(array.dtype))
        grads.append(g if create_graph else g.array)
    return grads


ndarray = np.ndarray
Gradients = Sequence[tuple[Any, Any, bool]]  # (leaf, gradient, is_new)


def _references(gradients: Gradients) -> list[int]:
    """How many references there are to each gradient, those of this function included."""
    return [getrefcount(g) for _, g, _ in gradients]


def _references_to_owner(view: Any) -> int:
    """The same of the array whose memory `view` shows."""
    return getrefcount(view.base)


# What these say where nothing else refers to the gradient, and nothing but it to the owner.
# (Translated, it is another number.)
ONE_HOLDER = _references([(None, np.empty(0), False)])[0]
ONE_VIEW = _references_to_owner(np.empty(1)[:])


def _owns_memory(g: Any) -> bool:
    """Whether the memory of an array, to which nothing else refers, is its own too.

    That of a view is if nothing else has it, and if all of it is shown.
    """
    if type(g) is not ndarray:
        return False
    if g.base is None:
        return g.flags.owndata
    return (
        type(g.base) is ndarray
        and g.base.nbytes == g.nbytes
        and g.base.flags.owndata
        and _references_to_owner(g) == ONE_VIEW
    )


def own_tensor(g: Any, is_new: bool = False) -> Any:
    """A gradient as a tensor whose memory is in row-major order and belongs to nothing else."""
    if g is None or isinstance(g, TensorBase):
        return g
    return wrap(g if is_new and g.flags.c_contiguous else g.copy())


def add_to_grad(leaf: TensorBase, g: Any, is_new: bool, create_graph: bool) -> None:
    """Add `g` to the gradient of `leaf`."""
    gradient = leaf._grad
    if gradient is None:
        leaf._grad = own_tensor(g, is_new)
    elif create_graph:
        leaf._grad = gradient + g
    else:
        before_write(gradient)
        total = gradient.array
        total += g
        bump_version(gradient)


def add_unwatched(leaf: TensorBase, g: Any, is_new: bool, create_graph: bool) -> bool:
    """Add `g` to the gradient of `leaf`, if it is a leaf still and nobody watches; whether it is.

    (One that was frozen after the forward pass gets nothing.)
    """
    if not (leaf.edge is None and leaf._hooks is None and leaf._accumulate_hooks is None):
        return False
    if g is not None and leaf._requires_grad:
        add_to_grad(leaf, g, is_new, create_graph)
    return True


def accumulate(gradients: Gradients, create_graph: bool) -> None:
    """Add gradients to ``.grad`` of leaves, as `backward` does at the end of the walk.

    One that nothing else refers to becomes the ``.grad``, without a copy. Since the forward pass a
    leaf may have been frozen, and then it gets nothing.
    """
    others = []
    counts = _references(gradients)
    with adding:
        for (leaf, g, is_new), count in zip(gradients, counts):
            is_new = is_new or (count == ONE_HOLDER and _owns_memory(g))
            if not add_unwatched(leaf, g, is_new, create_graph):
                others.append((leaf, g, is_new))
    for leaf, g, is_new in others:
        if leaf.edge is not None:
            raise RuntimeError(
                "leaf variable has been moved into the graph interior: it was changed in place "
                "after the graph, in which it is a leaf, had been recorded"
            )
        _accumulate_with_hooks(leaf, g, is_new, create_graph)


def _accumulate_with_hooks(leaf: Any, g: Any, is_new: bool, create_graph: bool) -> None:
    hung, hooks = leaf._hooks, leaf._accumulate_hooks
    if hung is not None:
        (g,) = hung.meet_before([g], create_graph)
    with hooks.lock if hooks else contextlib.nullcontext():
        if g is not None and leaf._requires_grad:
            with adding:
                add_to_grad(leaf, g, is_new, create_graph)
        for hook in list((hooks or {}).values()):
            hook(leaf)
    if hung is not None:
        hung.meet_after((), [g], create_graph)
