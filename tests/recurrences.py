"""The recurrent family, for its tests: every recurrence by one name, and small layers, cells,
inputs and states of it, with neither zeros nor ones in them.

Nobody lists the members. They are the layers and cells that stand on the pages of
minigrad/recurrences, so that a new page is tested by being there: shapes, layouts, directions,
layers, dropout, ragged and packed batches, derivatives, both dtypes, every level of kernels,
threads, memory, state dicts, errors. `VARIANTS` has what else to try of some of them. One member
is not on a page: `Coupled`, a recurrence as a user would write it.

    T steps, N batch, I input size, H hidden size, K layers times directions
"""

import importlib
import pkgutil
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np

import minigrad as mg
from minigrad import _kernels, nn, recurrences
from minigrad.ops.elementwise import sigmoid, tanh
from minigrad.ops.join import chunk
from minigrad.ops.matmul import linear
from minigrad.recurrences.recurrence import BY_NAME, RECURRENCES, Recurrence

facts = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "golden" / "facts.py")))

# ------------------------------------------------------------------------------------------------
# The members
# ------------------------------------------------------------------------------------------------

# The options with which a layer or cell is tested, where that is not once, without any.
VARIANTS = {
    "RNN": ({}, {"nonlinearity": "relu"}),
    "RNNCell": ({}, {"nonlinearity": "relu"}),
    "LSTM": ({}, {"proj_size": 2}),
    "IndRNN": ({}, {"nonlinearity": "tanh"}),
    "IndRNNCell": ({}, {"nonlinearity": "tanh"}),
}


# Recurrences without a kernel, which differ from one above in their step alone: their equations,
# derivatives and what layers are to all are in test_recurrent_options.py.
STEPS_ALONE = {
    "lstm_peephole": (nn.LSTM, nn.LSTMCell, {"peephole": True}),
    "gru_reset_before": (nn.GRU, nn.GRUCell, {"reset_after": False}),
    "mgu_reset_before": (nn.MGU, nn.MGUCell, {"reset_after": False}),
}


def coupled_step(x, h, c, w_ih, w_hh, b_ih, b_hh):
    """What the forget gate leaves of the cell state, the new values fill; no output gate."""
    f, n = chunk(linear(x, w_ih, b_ih) + linear(h, w_hh, b_hh), 2, -1)
    f = sigmoid(f)
    c = f * c + (1 - f) * tanh(n)
    return tanh(c), c


PAGES = [
    importlib.import_module(f"{recurrences.__name__}.{page.name}")
    for page in pkgutil.iter_modules(recurrences.__path__)
]
REGISTERED = dict(BY_NAME)  # when all pages have been read, and nobody has added to them
OWN = Recurrence("coupled", ("forget", "new"), coupled_step, ("hidden", "cell"))
RECURRENCES["COUPLED"] = OWN  # where `RNNBase` looks; `define` would say it is a page of minigrad's


class Coupled(nn.RNNBase):
    def __init__(self, *sizes, **options):
        super().__init__("COUPLED", *sizes, **options)


class CoupledCell(nn.RNNCellBase):
    recurrence = OWN


def classes(base):
    """The layers or cells of all pages, by name."""
    return {
        name: cls
        for page in PAGES
        for name, cls in vars(page).items()
        if isinstance(cls, type) and issubclass(cls, base) and cls is not base
    }


def members(base, own):
    """Each class with each of its variants: {kind: (class, options)}, the user's own at the end."""
    found = {}
    for name, cls in [*classes(base).items(), (own.__name__, own)]:
        for options in VARIANTS.get(name, ({},)):
            kind = cls(3, 4, **options).recurrence.name
            kind += "_proj" if "proj_size" in options else ""
            found[kind if kind not in found else f"{kind} of {name}"] = cls, options
    return found


LAYERS = members(nn.RNNBase, Coupled)
CELLS = members(nn.RNNCellBase, CoupledCell)


def recurrence_of(kind):
    """What the layers or cells of a kind are made of."""
    cls, own = LAYERS.get(kind) or CELLS[kind]
    return cls(3, 4, **own).recurrence


# The layers of minigrad's own pages: each has its equations in equations.py.
ON_PAGES = [kind for kind in LAYERS if recurrence_of(kind).name in REGISTERED]


def named_in_kernels():
    """The names of the recurrences that have a kernel page, also where none is in use."""
    before = _kernels.level
    _kernels.set_level(_kernels.available_levels()[0])
    try:
        kernels = _kernels.kernels_for(np.dtype("float32"))
        return sorted(kernels.recurrent.NAMES) if kernels else []  # a set has no order
    finally:
        _kernels.set_level(before)


# The layers that have a kernel page: where it is about the memory and the threads of kernels.
KERNELS = named_in_kernels()
WITH_KERNEL = {
    kind: member for kind, member in LAYERS.items() if recurrence_of(kind).name in KERNELS
}

# ------------------------------------------------------------------------------------------------
# Layers, cells, inputs, states
# ------------------------------------------------------------------------------------------------


def leaf(seed, *shape, dtype="float64"):
    """A tensor that requires a gradient."""
    return mg.tensor(facts.numbers(seed, *shape, dtype=dtype), requires_grad=True)


def _filled(module):
    """The module, with numbers where its own initial values would be zeros or ones."""
    with mg.no_grad():
        for seed, (name, p) in enumerate(module.named_parameters()):
            if name.startswith("bias") or p.ndim == 1:
                p.copy_(mg.tensor(facts.numbers(40 + seed, *p.shape) * 0.7))
    return module


def layer(kind, *sizes, dtype="float64", **options):
    """A layer from a fixed seed: ``layer("gru", I, H, num_layers, bidirectional=True)``."""
    cls, own = LAYERS.get(kind) or STEPS_ALONE[kind][::2]
    mg.manual_seed(3)
    return _filled(cls(*sizes, dtype=getattr(mg, dtype), **own, **options))


def cell(kind, *sizes, dtype="float64", **options):
    """A cell from a fixed seed: ``cell("gru", I, H)``."""
    cls, own = CELLS.get(kind) or STEPS_ALONE[kind][1:]
    mg.manual_seed(3)
    return _filled(cls(*sizes, dtype=getattr(mg, dtype), **own, **options))


def start(module, *rows, seed=2, dtype="float64"):
    """Initial states of a layer (K, N, H) or cell (N, H), each another: a list of one or two."""
    if isinstance(module, nn.RNNBase):
        rows = (module.num_layers * (2 if module.bidirectional else 1), *rows)
    sizes = [getattr(module, "proj_size", 0) or module.hidden_size, module.hidden_size]
    count = len(module.recurrence.states)
    return [leaf(seed + k, *rows, size, dtype=dtype) for k, size in enumerate(sizes[:count])]


def given(states):
    """States as layers and cells take them."""
    return states[0] if len(states) == 1 else tuple(states)


def flat(result):
    """What a layer or cell returned, side by side: output, h_n, c_n, or h, c."""
    if not isinstance(result, tuple):
        return [result]
    return [y for part in result for y in (part if isinstance(part, tuple) else [part])]


def run(module, x, states=(), **options):
    """Call a layer or cell; all that it returns, side by side."""
    return flat(module(x, *([given(states)] if states else []), **options))


def gradients(module):
    """Copies of the gradients of all parameters."""
    return {name: p.grad.numpy().copy() for name, p in module.named_parameters()}


def gradients_of(outputs, leaves, seed=60):
    """The gradients of leaves for given gradients of the outputs, as arrays.

    Zeros for leaves that nothing depends on, as the initial state is of a batch without any steps.
    """
    dtype = outputs[0].detach().numpy().dtype
    above = [
        mg.tensor(facts.numbers(seed + k, *y.shape, dtype=dtype)) for k, y in enumerate(outputs)
    ]
    used = [(y, g) for y, g in zip(outputs, above) if y.requires_grad]
    grads = mg.autograd.grad(
        [y for y, _ in used], leaves, [g for _, g in used], retain_graph=True, allow_unused=True
    )
    return [
        np.zeros(tuple(v.shape), dtype) if g is None else g.numpy().copy()
        for v, g in zip(leaves, grads)
    ]
