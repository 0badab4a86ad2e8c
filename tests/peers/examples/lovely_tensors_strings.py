"""lovely-tensors: what it says of tensors."""

import lovely_tensors as lt
import torch

torch.manual_seed(0)
numbers = (torch.arange(24) * 0.25 - 2).reshape(2, 3, 4)
for tensor in (
    numbers,
    numbers[0],
    numbers[0].t(),
    torch.zeros(4),
    torch.ones(2, 2),
    torch.tensor([1.0, float("nan"), float("inf"), -float("inf")]),
    torch.tensor(3.5),
    torch.arange(12),
    torch.tensor([True, False]),
    torch.empty(0),
    torch.ones(3, requires_grad=True),
    torch.nn.Parameter(torch.ones(2, 2)),
    numbers.double(),
    numbers.half(),
):
    print(lt.lovely(tensor))
print(lt.lovely(numbers, verbose=True))
print(lt.lovely(numbers, depth=1))
lt.monkey_patch()
print(numbers)
print(numbers.v)
print(numbers.deeper)
print(numbers.p)
