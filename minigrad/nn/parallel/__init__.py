"""One model in several processes: `DistributedDataParallel`.

- `distributed`: the module; `reducer`: how its gradients are averaged while `backward` runs.
"""

from .distributed import DistributedDataParallel

__all__ = ["DistributedDataParallel"]
