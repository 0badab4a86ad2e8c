"""Functions of functions: ``torch.func`` on minigrad's engine.

- `gradients`: `grad`, `vjp`, Jacobians row by row, Hessians; `forward`: `jvp` and Jacobians column
  by column, by going back twice.
- `mapped`: `vmap`, one example after the other.
- `models`: a model as a function of its parameters.
- `levels`: what keeps a derivative inside another one apart from it; `trees`: nested arguments.

``minigrad.vmap`` is the same as ``minigrad.func.vmap``. The room is loaded when it is first asked
for.
"""

from .forward import jacfwd, jvp, linearize
from .gradients import grad, grad_and_value, hessian, jacrev, vjp
from .mapped import vmap
from .models import functional_call, stack_module_state

__all__ = [
    "functional_call", "grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp", "linearize",
    "stack_module_state", "vjp", "vmap",
]  # fmt: skip
