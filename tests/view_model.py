"""What a view is: a second implementation of views, in-place writes and their gradients, for tests.

`minigrad` shares memory between views and follows writes through a graph. Here nothing is shared
and nothing is overwritten, so that there is nothing to get wrong:

- A `Memory` is a flat vector of numbers. A write makes a new vector.
- A tensor is a memory and a *map*: an array of positions, which says for each entry of the tensor
  where it lies. A view is the same memory with another map, and the map of ``x.t()`` is the map of
  x, transposed. So each view operation is NumPy's, applied to the map.
- Derivatives are carried forward, not sent back. A `Jet` holds numbers and, for each entry of each
  leaf, how they change with it, in first and second order (a Taylor polynomial). A write through a
  view then does the same with values and derivatives: it puts new ones at the places of the map.

A hook looks at a gradient on its way back, and there is no way back here. But the gradient of `t`
says how the loss changes if something is added to `t`; so a hook that looks stands for adding a
variable of its own (a *probe*) at the place where `t` was computed, and one that scales for scaling
the derivatives there. Hooks are registered after that place, so `play` runs the program again from
its beginning, for each backward, with all hooks that were there by then.

Nothing is imported from minigrad.
"""

import contextlib

import numpy as np

# What a rule needs at backward, for each argument that wants a gradient: "a" and "b" are the
# arguments, "y" is the result, as in PyTorch. `Memory.version` tells whether it was written since.
NEEDS = {
    "add": ("", ""),
    "sub": ("", ""),
    "mul": ("b", "a"),
    "div": ("b", "ab"),
    "matmul": ("b", "a"),
    "neg": ("",),
    "exp": ("y",),
    "tanh": ("y",),
    "sigmoid": ("y",),
    "relu": ("y",),
    "reciprocal": ("y",),
    "sin": ("a",),
    "square": ("a",),
    "abs": ("a",),
}

UNARY = [name for name, needs in NEEDS.items() if len(needs) == 1]


# ------------------------------------------------------------------------------------------------
# Numbers with their derivatives
# ------------------------------------------------------------------------------------------------


class Jet:
    """Numbers and their derivatives by variables, which are the entries of leaves and of probes.

    Attributes
    ----------
    value : ndarray
        The numbers, of some shape S.
    first : dict
        For each variable tensor that they depend on, an array (its entries, *S).
    second : dict
        The same for pairs: (entries of one, entries of the other, *S).
    needs : frozenset of (Memory, version)
        What backward would read, and the version that it had when the operation ran.
    """

    def __init__(self, value, first=(), second=(), needs=frozenset()):
        self.value, self.first, self.second = np.asarray(value), dict(first), dict(second)
        self.needs = needs

    def rearrange(self, function):
        """A linear function of the entries; it works on the last axes, whatever stands before."""
        return Jet(
            function(self.value),
            {k: function(d) for k, d in self.first.items()},
            {k: function(d) for k, d in self.second.items()},
            self.needs,
        )

    def needing(self, more):
        """The same, behind an operation that keeps `more` for backward, if there is a backward."""
        if not self.first:
            return self
        return Jet(self.value, self.first, self.second, self.needs | more)

    def broadcast(self, shape):
        """The same numbers in a larger shape."""
        if self.value.shape == shape:
            return self
        n = self.value.ndim
        ones = (1,) * (len(shape) - n)

        def spread(d):
            front = d.shape[: d.ndim - n]
            return np.broadcast_to(d.reshape(front + ones + d.shape[d.ndim - n :]), front + shape)

        return self.rearrange(spread)

    def scaled(self, factor):
        """The same numbers, with `factor` times the derivatives."""
        return Jet(
            self.value,
            {k: factor * d for k, d in self.first.items()},
            {k: factor * d for k, d in self.second.items()},
            self.needs,
        )


def flattened(d, n):
    """`d` with its last n axes as one."""
    return d.reshape(*d.shape[: d.ndim - n], -1)


def chain(order, value, inputs, slopes, curvatures=()):
    """The chain rule, for a function of `inputs` entry by entry.

    ``slopes[i]`` is the derivative by input i, ``curvatures[i, j]`` the second one by i and j.
    """
    first, second = {}, {}
    for x, slope in zip(inputs, slopes):
        for k, d in x.first.items():
            first[k] = first.get(k, 0) + slope * d
        for k, d in x.second.items():
            second[k] = second.get(k, 0) + slope * d
    if order == 2:
        for (i, j), curvature in dict(curvatures).items():
            for a, da in inputs[i].first.items():
                for b, db in inputs[j].first.items():
                    second[a, b] = second.get((a, b), 0) + curvature * da[:, None] * db[None]
    return Jet(value, first, second, frozenset().union(*[x.needs for x in inputs]))


def put(old, where, new):
    """The flat jet `old` with `new` at the positions `where`: a write."""

    def written(before, after, n):
        """Of one of their derivatives, which has n axes in front; None is zero."""
        front = (after if before is None else before).shape[:n]
        flat = np.zeros((*front, old.value.size)) if before is None else before.copy()
        flat[..., where] = 0 if after is None else after
        return flat

    return Jet(
        written(old.value, new.value, 0),
        {k: written(old.first.get(k), new.first.get(k), 1) for k in {**old.first, **new.first}},
        {k: written(old.second.get(k), new.second.get(k), 2) for k in {**old.second, **new.second}},
        old.needs | new.needs,
    )


# ------------------------------------------------------------------------------------------------
# Memory and tensors
# ------------------------------------------------------------------------------------------------


class Memory:
    """The numbers that views share, and how often they were written."""

    def __init__(self, numbers):
        self.numbers, self.version = numbers, 0


class Base:
    """The derivatives of a memory's entries, which a tensor and all its views share.

    It is apart from `Memory` because of `detach`: the same memory, but derivatives of its own.
    `writes` counts what happened to the derivatives, and so tells the places where hooks may sit.
    """

    def __init__(self, jet):
        self.jet, self.writes, self.owner = jet, 0, None
        self.leaf = self.viewed = False


def is_basic(index):
    """Whether ``x[index]`` is a view: there is no tensor in the index."""
    return (
        not any([isinstance(p, Tensor) for p in index])
        if type(index) is tuple
        else (not isinstance(index, Tensor))
    )


def for_numpy(index):
    """The index with arrays for tensors.

    With ``...`` at the end NumPy gives a view of a single entry, too, and not a number.
    """
    parts = index if type(index) is tuple else (index,)
    arrays = tuple([p.values if isinstance(p, Tensor) else p for p in parts])
    return arrays if any([p is ... for p in parts]) else (*arrays, ...)


def kept_of(index):
    """The tensors of an index, which backward reads."""
    parts = index if type(index) is tuple else (index,)
    return {p.needed() for p in parts if isinstance(p, Tensor)}


def pieces(views):
    """Views that came out of one cut: PyTorch refuses to write to them."""
    for view in views:
        view.piece = True
    return views


class Tensor:
    """A picture of a memory: ``map`` has the position of each entry.

    A view also knows the tensor that it was taken from, which entries of it (`within`), and when:
    until the next write its gradient passes by that tensor's hooks.
    """

    def __init__(self, world, memory, base, where, parent=None, within=None):
        self.world, self.memory, self.base, self.map = world, memory, base, where
        self.parent, self.within, self.since = parent, within, base.writes
        self.number = world.number_of(self)
        self.whole = parent is None
        self.piece = parent is not None and parent.piece  # of one cut, or a view of such a piece
        self.retained = None  # the place whose gradient `retain_grad` keeps
        if self.whole:
            base.owner = self
        else:
            base.viewed = True

    shape = property(lambda self: self.map.shape)
    ndim = property(lambda self: self.map.ndim)
    size = property(lambda self: self.map.size)
    requires_grad = property(lambda self: bool(self.base.jet.first))
    values = property(lambda self: self.memory.numbers[self.map])
    place = property(lambda self: (self.number, self.base.writes))

    # Reading and writing ------------------------------------------------------------------------

    def jet(self):
        """The numbers, and their derivatives while operations are recorded."""
        if not self.world.recording:
            return Jet(self.values)
        if not self.whole and self.since == self.base.writes:
            n = self.parent.ndim
            above = self.parent.jet().rearrange(lambda d: flattened(d, n)[..., self.within])
        else:
            above = self.base.jet.rearrange(lambda d: d[..., self.map])
        if not self.whole:
            above = self.world.hooked(above, self, self.shape, np.arange(self.size))
        above.value = self.values
        return above

    def write(self, jet, result=None):
        """New numbers, and while operations are recorded new derivatives, at the places of the map.

        An operation that keeps its result for backward keeps, in place, this tensor's memory.
        """
        numbers = self.memory.numbers.copy()
        numbers[self.map] = jet.value
        self.memory.numbers = numbers
        self.memory.version += 1
        if self.world.recording and (self.requires_grad or jet.first):
            if result is not None and (result, 0) in jet.needs:
                jet.needs = jet.needs - {(result, 0)} | {(self.memory, self.memory.version)}
            self.move(put(self.base.jet, self.map, jet))
            if self.retained:
                self.retained = self.place
        return self

    def move(self, jet):
        """Give the base new derivatives, behind whatever hooks its place has."""
        base = self.base
        base.writes += 1
        if base.owner.retained:
            base.owner.retained = base.owner.place
        base.jet = self.world.hooked(jet, base.owner, jet.value.shape, base.owner.map.ravel())

    def before(self):
        """What the tensor is now, as a tensor of its own: the input of an in-place operation."""
        flat = self.base.jet if self.world.recording else Jet(self.memory.numbers)
        jet = flat.rearrange(lambda d: d[..., self.map])
        jet.value = self.values
        return self.world.new(jet)

    def needed(self):
        """What backward remembers of a tensor that it will read."""
        return (self.memory, self.memory.version)

    # Views: the operation on the map ------------------------------------------------------------

    def view_by(self, function):
        """The view whose map is `function`, a view operation of NumPy's, of this map."""
        where = function(self.map)
        within = function(np.arange(self.size).reshape(self.shape))
        return Tensor(self.world, self.memory, self.base, where, self, within)

    def select(self, axis, k):
        return self.view_by(lambda m: m[(slice(None),) * (axis % m.ndim) + (k, ...)])

    def narrow(self, axis, start, length):
        part = slice(start, start + length)
        return self.view_by(lambda m: m[(slice(None),) * (axis % m.ndim) + (part,)])

    def transpose(self, a, b):
        return self.view_by(lambda m: np.swapaxes(m, a, b))

    def t(self):
        return self.view_by(np.transpose)

    def permute(self, *axes):
        return self.view_by(lambda m: np.transpose(m, axes))

    def movedim(self, source, destination):
        return self.view_by(lambda m: np.moveaxis(m, source, destination))

    def unsqueeze(self, axis):
        return self.view_by(lambda m: np.expand_dims(m, axis))

    def squeeze(self):
        return self.view_by(np.squeeze)

    def expand(self, *shape):
        return self.view_by(lambda m: np.broadcast_to(m, shape))

    def diagonal(self, offset=0, dim1=0, dim2=1):
        return self.view_by(lambda m: np.diagonal(m, offset, dim1, dim2))

    def reshape(self, *shape):
        """A view where the map allows it, else a copy."""
        if np.shares_memory(self.map.reshape(shape), self.map) or not self.size:
            return self.view_by(lambda m: m.reshape(shape))
        return self.clone().reshape(*shape)

    def unbind(self, axis):
        return pieces([self.select(axis, k) for k in range(self.shape[axis])])

    def split(self, length, axis):
        starts = range(0, self.shape[axis], length)
        return pieces([self.narrow(axis, k, min(length, self.shape[axis] - k)) for k in starts])

    def detach(self):
        """The same memory, but a base of its own, without derivatives."""
        base = Base(Jet(self.memory.numbers))
        return Tensor(self.world, self.memory, base, self.map)

    def reshape_self(self, function):
        """Another map for this tensor itself; older views keep theirs."""
        self.check_writable()
        self.map = function(self.map)
        self.memory.version += 1
        if self.requires_grad and self.world.recording:
            self.move(self.base.jet)
        return self

    def t_(self):
        return self.reshape_self(np.transpose)

    def unsqueeze_(self, axis):
        return self.reshape_self(lambda m: np.expand_dims(m, axis))

    # Operations ---------------------------------------------------------------------------------

    def apply(self, name, function, others=(), slopes=(), curvatures=None):
        """An operation entry by entry: `NEEDS` says what it keeps for backward."""
        world = self.world
        jets = [self.jet(), *[world.jet_of(x) for x in others]]
        shape = np.broadcast_shapes(*[x.value.shape for x in jets])
        jets = [x.broadcast(shape) for x in jets]
        v = [x.value for x in jets]
        y = function(*v)
        jet = chain(world.order, y, jets, slopes(y, *v), curvatures(y, *v) if curvatures else ())
        return self.keep(name, jet, others)

    def keep(self, name, jet, others=()):
        """The result of an operation, and what backward will read."""
        result = self.world.new(jet)
        if jet.first:
            named = {"a": self, "y": result, "b": others[0] if others else None}
            for argument, needs in zip((self, *others), NEEDS[name]):
                if isinstance(argument, Tensor) and argument.requires_grad:
                    kept = [named[n].needed() for n in needs if isinstance(named[n], Tensor)]
                    result.base.jet.needs = result.base.jet.needs | set(kept)
        return result

    def __add__(self, b):
        return self.apply("add", np.add, (b,), lambda y, a, b: (1, 1))

    def __sub__(self, b):
        return self.apply("sub", np.subtract, (b,), lambda y, a, b: (1, -1))

    def __mul__(self, b):
        return self.apply(
            "mul", np.multiply, (b,), lambda y, a, b: (b, a), lambda y, a, b: {(0, 1): 1, (1, 0): 1}
        )

    def __truediv__(self, b):
        def curvatures(y, a, b):
            return {(0, 1): -1 / b**2, (1, 0): -1 / b**2, (1, 1): 2 * a / b**3}

        return self.apply("div", np.divide, (b,), lambda y, a, b: (1 / b, -a / b**2), curvatures)

    def neg(self):
        return self.apply("neg", np.negative, (), lambda y, a: (-1,))

    def exp(self):
        return self.apply("exp", np.exp, (), lambda y, a: (y,), lambda y, a: {(0, 0): y})

    def sin(self):
        return self.apply(
            "sin", np.sin, (), lambda y, a: (np.cos(a),), lambda y, a: {(0, 0): -np.sin(a)}
        )

    def tanh(self):
        return self.apply(
            "tanh", np.tanh, (), lambda y, a: (1 - y**2,),
            lambda y, a: {(0, 0): -2 * y * (1 - y**2)},
        )  # fmt: skip

    def sigmoid(self):
        return self.apply(
            "sigmoid", lambda a: 1 / (1 + np.exp(-a)), (), lambda y, a: (y * (1 - y),),
            lambda y, a: {(0, 0): y * (1 - y) * (1 - 2 * y)},
        )  # fmt: skip

    def relu(self):
        return self.apply(
            "relu", lambda a: np.maximum(a, 0), (), lambda y, a: (1.0 * (a > 0),),
            lambda y, a: {(0, 0): 0.0 * a},
        )  # fmt: skip

    def square(self):
        return self.apply(
            "square", np.square, (), lambda y, a: (2 * a,), lambda y, a: {(0, 0): 2 + 0 * a}
        )

    def abs(self):
        return self.apply(
            "abs", np.abs, (), lambda y, a: (np.sign(a),), lambda y, a: {(0, 0): 0.0 * a}
        )

    def reciprocal(self):
        return self.apply(
            "reciprocal", lambda a: 1 / a, (), lambda y, a: (-(y**2),),
            lambda y, a: {(0, 0): 2 * y**3},
        )  # fmt: skip

    def clone(self):
        return self.world.new(self.jet())

    def sum(self, axis=None, keepdim=False):
        axes = tuple(range(-self.ndim, 0)) if axis is None else (axis % self.ndim - self.ndim,)
        return self.world.new(self.jet().rearrange(lambda d: d.sum(axes, keepdims=keepdim)))

    def mean(self, axis):
        axis = axis % self.ndim - self.ndim
        return self.world.new(self.jet().rearrange(lambda d: d.mean(axis)))

    def cumsum(self, axis):
        axis = axis % self.ndim - self.ndim
        return self.world.new(self.jet().rearrange(lambda d: np.cumsum(d, axis)))

    def __matmul__(self, b):
        """Of two matrices: all products of rows and columns, added up."""
        (m, k), (_, n) = self.shape, b.shape
        x = self.jet().rearrange(lambda d: d[..., :, :, None]).broadcast((m, k, n))
        y = b.jet().rearrange(lambda d: d[..., None, :, :]).broadcast((m, k, n))
        products = chain(
            self.world.order, x.value * y.value, (x, y), (y.value, x.value), {(0, 1): 1, (1, 0): 1}
        )
        return self.keep("matmul", products.rearrange(lambda d: d.sum(-2)), (b,))

    # Indices and masks --------------------------------------------------------------------------

    def __getitem__(self, index):
        if is_basic(index):
            return self.view_by(lambda m: m[for_numpy(index)])
        numbering = np.arange(self.size).reshape(self.shape)[for_numpy(index)]
        jet = self.jet().rearrange(lambda d: flattened(d, self.ndim)[..., numbering])
        return self.world.new(jet.needing(kept_of(index)))

    def index_select(self, axis, index):
        return self[(slice(None),) * axis + (index,)]

    def sort(self, axis):
        order = self.world.new(Jet(np.argsort(self.values, axis, kind="stable")))
        grid = [self.world.new(Jet(g)) for g in np.indices(self.shape)]
        grid[axis] = order
        return self[tuple(grid)], order

    def __setitem__(self, index, value):
        if is_basic(index):
            self[index].copy_(value)
            return
        self.check_writable(value)
        where = self.map[for_numpy(index)]
        new = self.world.jet_of(value).broadcast(where.shape)
        old = self.base.jet if self.world.recording else Jet(self.memory.numbers)
        old = Jet(self.memory.numbers, old.first, old.second, old.needs)
        part = put(old, where, new).rearrange(lambda d: d[..., self.map])
        self.write(part.needing(kept_of(index)))

    def masked_fill(self, mask, value):
        keep = ~mask.values
        jet = self.jet().rearrange(lambda d: np.where(keep, d, 0.0))
        jet.value = np.where(keep, jet.value, value)
        return self.world.new(jet.needing({mask.needed()}))

    def index_add(self, axis, index, source):
        start, more = self.jet(), self.world.jet_of(source)
        n = more.value.ndim

        def added(d):
            front = d.shape[: d.ndim - n]
            total = np.zeros(front + self.shape)
            np.add.at(total, (slice(None),) * (len(front) + axis) + (index.values,), d)
            return total

        more = more.rearrange(added).needing({index.needed()})
        total = chain(self.world.order, start.value + more.value, (start, more), (1, 1))
        return self.world.new(total)

    # In place: the operation, and its result written to the places of the map ---------------------

    def check_writable(self, *others):
        """A leaf is where gradients end; after a write it could not be that any more."""
        wants = [self, *[x for x in others if isinstance(x, Tensor)]]
        if self.world.recording and any([x.requires_grad for x in wants]):
            if self.piece:
                raise RuntimeError("one of several pieces of a tensor may not be written to")
            if self.base.leaf and self.requires_grad:
                raise RuntimeError("a leaf that requires grad may not be written to")

    def in_place(self, operation, *others):
        self.check_writable(*others)
        result = operation(self.before(), *others)
        return self.write(result.jet().broadcast(self.shape), result.memory)

    def copy_(self, value):
        return self.in_place(lambda a, b: a.emptied() + b, value)

    def fill_(self, number):
        return self.in_place(lambda a: a.emptied() + number)

    def zero_(self):
        return self.fill_(0)

    def emptied(self):
        """All zero, and of derivative zero: the graph goes on, but nothing comes through."""
        return self.world.new(self.jet().rearrange(lambda d: np.zeros_like(d)))

    def masked_fill_(self, mask, value):
        return self.in_place(lambda a: a.masked_fill(mask, value))

    def index_add_(self, axis, index, source):
        return self.in_place(lambda a, s: a.index_add(axis, index, s), source)

    # Backward -----------------------------------------------------------------------------------

    def register_hook(self, hook):
        self.world.register(self.place, hook)

    def retain_grad(self):
        self.retained = self.place
        self.world.register(self.place, ("retain", self.number))

    def backward(self, retain_graph=False):
        self.world.backward(self)


def _in_place(name):
    method = getattr(Tensor, name)
    return lambda self, *others: self.in_place(method, *others)


for _method, _operation in {
    "add_": "__add__", "sub_": "__sub__", "mul_": "__mul__", "div_": "__truediv__",
    "__iadd__": "__add__", "__imul__": "__mul__",
    **{f"{n}_": n for n in ("neg", "exp", "sin", "tanh", "sigmoid", "relu", "square", "abs")},
}.items():  # fmt: skip
    setattr(Tensor, _method, _in_place(_operation))


# ------------------------------------------------------------------------------------------------
# Programs
# ------------------------------------------------------------------------------------------------


class World:
    """One run of a program: its tensors, the hooks known beforehand, and what backward gave.

    Parameters
    ----------
    order : int
        The highest derivative wanted.
    hooks : dict
        For each place its hooks, as an earlier run of the same program registered them.
    """

    def __init__(self, order=1, hooks=None):
        self.order, self.hooks = order, hooks or {}
        self.registered = {}
        self.recording = True
        self.everything = []  # the tensors, by number
        self.gradients = {}  # what the last backward sent to each leaf or retaining tensor
        self.looks = {}  # and to each hook that looks
        self.spoiled = False  # did it need a value that had been overwritten?

    def number_of(self, tensor):
        self.everything.append(tensor)
        return len(self.everything) - 1

    def names(self):
        """What a program can use, beside methods of tensors."""
        return {
            "tensor": self.tensor, "index": self.tensor, "mask": self.tensor,
            "no_grad": self.no_grad, "grad": self.grad, "where": self.where, "cat": self.cat,
            "look": lambda name: ("look", name), "scale": lambda factor: ("scale", factor),
        }  # fmt: skip

    def tensor(self, data, requires_grad=False):
        made = self.new(Jet(np.array(data)))
        if requires_grad:
            n = made.size
            leaf = Jet(made.memory.numbers, {("leaf", made.number, None): np.eye(n)})
            made.base.jet = self.hooked(leaf, made, (n,), np.arange(n))
            made.base.leaf = True
        return made

    def new(self, jet):
        """A tensor with a memory of its own."""
        shape, n = jet.value.shape, jet.value.size
        if not self.recording:
            jet = Jet(jet.value)
        flat = jet.rearrange(lambda d: d.reshape(*d.shape[: d.ndim - len(shape)], n))
        where = np.arange(n).reshape(shape)
        made = Tensor(self, Memory(flat.value), Base(flat), where)
        made.base.jet = self.hooked(flat, made, (n,), np.arange(n))
        return made

    def jet_of(self, x):
        return x.jet() if isinstance(x, Tensor) else Jet(x)

    def hooked(self, jet, tensor, shape, where):
        """`jet`, of `shape`, behind the hooks of `tensor`, whose entries lie at `where` in it.

        The gradient meets the hook that was registered first before the others; derivatives go the
        other way.
        """
        place = tensor.place
        hooks = [h for h in self.hooks.get(place, ()) if h[0] != "retain"]
        if tensor.retained == place or ("retain", tensor.number) in self.hooks.get(place, ()):
            hooks.append(("retain", tensor.number))
        for kind, what in reversed(hooks):
            if kind == "scale":
                jet = jet.scaled(what)
            else:
                probe = np.zeros((tensor.size, int(np.prod(shape))))
                probe[np.arange(tensor.size), where] = 1
                probe = probe.reshape(tensor.size, *shape)
                jet = Jet(
                    jet.value, {**jet.first, (kind, what, place): probe}, jet.second, jet.needs
                )
        return jet

    def register(self, place, hook):
        self.registered.setdefault(place, []).append(hook)

    @contextlib.contextmanager
    def no_grad(self):
        before, self.recording = self.recording, False
        yield
        self.recording = before

    def where(self, mask, a, b):
        keep = mask.values
        jet = chain(
            self.order, np.where(keep, a.values, b.values),
            [a.jet().broadcast(keep.shape), b.jet().broadcast(keep.shape)], [1 * keep, 1 * ~keep],
        )  # fmt: skip
        return self.new(jet.needing({mask.needed()}))

    def cat(self, tensors):
        """Along the first axis: parts of zeros, each with one tensor written into it."""
        total = sum([t.shape[0] for t in tensors])
        shape = (total, *tensors[0].shape[1:])
        whole, start = Jet(np.zeros(int(np.prod(shape)))), 0
        for t in tensors:
            where = np.arange(whole.value.size).reshape(shape)[start : start + t.shape[0]]
            whole, start = put(whole, where, t.jet()), start + t.shape[0]
        return self.new(whole.rearrange(lambda d: d.reshape(*d.shape[:-1], *shape)))

    def start(self, loss):
        if loss.size != 1 or not loss.requires_grad:
            raise RuntimeError("backward begins at one number that requires grad")
        jet = loss.jet().rearrange(lambda d: d.reshape(d.shape[: d.ndim - loss.ndim]))
        self.spoiled = any([memory.version != version for memory, version in jet.needs])
        return jet

    def backward(self, loss):
        self.gradients, self.looks = {}, {}
        for (kind, what, place), d in self.start(loss).first.items():
            tensor = self.everything[place[0] if kind == "look" else what]
            if kind == "look":
                self.looks[what] = d.reshape(-1)
            elif kind == "leaf" or tensor.retained == place:
                self.gradients[what] = d.reshape(tensor.shape)

    def grad(self, loss, leaf):
        """The gradient of `loss` by `leaf`, which can be differentiated once more."""
        jet, key = self.start(loss), ("leaf", leaf.number, None)
        if key not in jet.first:
            raise RuntimeError("the loss does not depend on it")
        second = {b: d for (a, b), d in jet.second.items() if a == key}
        size = leaf.shape
        first = {b: np.moveaxis(d, 1, 0).reshape(-1, *size) for b, d in second.items()}
        if not any([d.any() for d in first.values()]):
            raise RuntimeError("the gradient is constant: whether it has a graph is open")
        return self.new(Jet(jet.first[key].reshape(size), first, {}, jet.needs))
