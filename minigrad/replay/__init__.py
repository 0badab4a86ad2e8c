"""Replay: a function of tensors as a list of the operations that it asks for: `minigrad.compile`.

What a function or a whole training step does with tensors is nearly always the same from call to
call. So its first calls run as they are written, while `recorder` listens (`autograd.listening`)
and writes down which operations it asks for, `backward` and an optimizer's ``step`` among them.
`watcher` looks meanwhile at what else it does, and `guards` collects what it depends on besides its
arguments. If two recordings agree, `player` asks for the same operations from then on, and nothing
else of the function's Python, or that of modules, is run. They are the same operations on real
tensors: what hangs on them, graphs, hooks, shared memory, optimizers' state, is as ever. Where
nothing hangs on them, the recording is `lowered` to one of bare `arrays`. `compiled` is the
function that users call.

Of a training step nobody sees the tensors and the graph on the way. `lowered` makes a list of
operations on arrays of it then, and of the rules that `backward` calls (`arrays`), and `flat` one
of loops, products and calls of kernels, for a machine that needs no Python between them: `writer`
puts the instructions down, `noted` listens to arrays for it, and `laid_out` tells how they lie.

What is not understood is refused: the function then runs as it is written, and says so once.
"""

from .compiled import OptimizedModule, compile

__all__ = ["OptimizedModule", "compile"]
