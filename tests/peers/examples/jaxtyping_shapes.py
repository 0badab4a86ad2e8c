"""jaxtyping: shapes and dtypes in annotations, checked at run time."""

import torch
from jaxtyping import Float, Float32, Int, Shaped, TypeCheckError, jaxtyped
from torch import Tensor
from typeguard import typechecked

Inputs, Weights = Float[Tensor, "batch features"], Float[Tensor, "features hidden"]
States = Float32[Tensor, "batch hidden"]


@jaxtyped(typechecker=typechecked)
def step(x: Inputs, w: Weights) -> States:
    return torch.tanh(x @ w)


print(step(torch.zeros(2, 3), torch.zeros(3, 4)).shape)
for x, w in ((torch.zeros(2, 3), torch.zeros(2, 4)), (torch.zeros(2, 3).long(), torch.zeros(3, 4)),
             (torch.zeros(2, 3, 1), torch.zeros(3, 4))):  # fmt: skip
    try:
        step(x, w)
    except TypeCheckError as error:
        print("refused", str(error).splitlines()[0][:60])
print(isinstance(torch.ones(2, dtype=torch.int64), Int[Tensor, "2"]))
print(isinstance(torch.ones(2), Int[Tensor, "2"]))
print(isinstance(torch.ones(4, 5), Shaped[Tensor, "..."]))
print(isinstance(torch.ones(3, dtype=torch.float64), Float32[Tensor, " n"]))
