"""What exists only for old or foreign scripts, and what runs them. The core does not know this.

`install` makes ``import torch`` mean minigrad, here and in child processes; `uninstall` ends that.

What it is made of:

- `rooms`: which of PyTorch's modules is which of minigrad's; `finder`: makes ``import torch`` mean
  minigrad; `run`: runs a script like that. The folder ``children`` holds what child processes find.
- `names`: what ``minigrad.cuda``, ``minigrad.LongTensor`` and the like are: `minigrad` looks a name
  up there only when it has none of its own.
- `legacy`: ways to make tensors that PyTorch has left behind, `Variable` and `FloatTensor`;
  `variable`: the former under its module's name.
- `switches`, `initial`: old or idle functions of ``torch`` and ``torch.nn.init``.
- `accelerator`, `cuda`, `backends`: the answers to questions about devices: there is only the CPU.
- `jit`, `amp`, `compiler`, `profiler`: what makes PyTorch faster or smaller, and has
  nothing to do here; `no_effect`: how they say so, once.
- `distributed`, `futures`, `multiprocessing`, `parallel`, `replicas`: names of what is done
  in other threads, processes and devices; `minigrad.distributed` is what there is of it.
- `assert_allclose`: a comparison of old; `fft`: Fourier transforms, which raise; `foreach`:
  `torch._foreach_add_` and its like; `internals`: names of `torch._C`; `device_states`,
  `flop_counter`: what checkpoints and counts ask for.
- `not_built`: layers for pictures; `attention`, `pytree`, `clip_grad`, `onnx`, `random`, `version`,
  `config`, `types`, `overrides`, `hub`, `fx`, `storage`, `hooks`, `tensor_str`: names that scripts
  and libraries mention, and mostly do not use.
- `absent`: torchvision, torchtext and torchaudio, which can be imported, and say what is missing
  when they are used.
"""

from .finder import install, uninstall

__all__ = ["install", "uninstall"]
