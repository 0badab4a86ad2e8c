"""Training in several processes, which talk over MPI: PyTorch's `torch.distributed`.

Each rank (a process with a number) runs the whole script, on its share of the data; here is what
they have to say to each other. ``python -m minigrad launch -n 4 script.py`` starts them. On top of
this stand `minigrad.nn.parallel.DistributedDataParallel` and
`minigrad.utils.data.distributed.DistributedSampler`.

- `group`: `init_process_group`, groups of ranks, and what can be asked of them.
- `collectives`: `all_reduce`, `broadcast` and all else that ranks do together; `reduce_op`: how
  numbers are put together; `objects`: the same with objects of Python.
- `point_to_point`: from one rank to another.
- `work`: calls that are under way; `checks`: how ranks notice that they do not do the same.
- `endings`: how one rank's end ends the others.
- `mpi`: where MPI is found; `buffers`: tensors as MPI sees them.
- `launch`: how ranks are started; `spawning`: a function on every rank.
- `store`: messages by keys, between threads or over TCP; it needs no MPI, and ranks need none.

It needs mpi4py and an MPI, ``pip install "minigrad[mpich]"``, and imports them in
`init_process_group`. docs/scaling.md says what it costs, and when it pays.
"""

from .collectives import (
    all_gather,
    all_gather_into_tensor,
    all_gather_single,
    all_reduce,
    all_to_all,
    all_to_all_single,
    barrier,
    broadcast,
    gather,
    monitored_barrier,
    reduce,
    reduce_scatter,
    reduce_scatter_single,
    reduce_scatter_tensor,
    scatter,
)
from .group import (
    Backend,
    GroupMember,
    ProcessGroup,
    destroy_process_group,
    get_backend,
    get_default_backend_for_device,
    get_global_rank,
    get_group_rank,
    get_node_local_rank,
    get_process_group_ranks,
    get_rank,
    get_world_size,
    group,
    init_process_group,
    is_backend_available,
    is_gloo_available,
    is_initialized,
    is_nccl_available,
    is_torchelastic_launched,
    new_group,
)
from .mpi import is_available, is_mpi_available
from .objects import (
    all_gather_object,
    broadcast_object_list,
    gather_object,
    scatter_object_list,
)
from .point_to_point import P2POp, batch_isend_irecv, irecv, isend, recv, send
from .reduce_op import ReduceOp
from .store import (
    DistError,
    DistNetworkError,
    DistStoreError,
    HashStore,
    PrefixStore,
    Store,
    TCPStore,
)
from .work import Work

__all__ = [
    "Backend", "DistError", "DistNetworkError", "DistStoreError", "GroupMember", "HashStore",
    "P2POp", "PrefixStore", "ProcessGroup", "ReduceOp", "Store", "TCPStore", "Work", "all_gather",
    "all_gather_into_tensor", "all_gather_object", "all_gather_single", "all_reduce", "all_to_all",
    "all_to_all_single", "barrier", "batch_isend_irecv", "broadcast", "broadcast_object_list",
    "destroy_process_group", "gather", "gather_object", "get_backend",
    "get_default_backend_for_device", "get_global_rank", "get_group_rank", "get_node_local_rank",
    "get_process_group_ranks", "get_rank", "get_world_size", "group", "init_process_group", "irecv",
    "is_available", "is_backend_available", "is_gloo_available", "is_initialized",
    "is_mpi_available", "is_nccl_available", "is_torchelastic_launched", "isend",
    "monitored_barrier", "new_group", "recv", "reduce", "reduce_scatter", "reduce_scatter_single",
    "reduce_scatter_tensor", "scatter", "scatter_object_list", "send",
]  # fmt: skip
