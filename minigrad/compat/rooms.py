"""Which of minigrad's modules stand in for which of PyTorch's: the table `ROOMS`, and `Room`.

``ROOMS["torch.nn.modules.sparse"]`` names the modules whose contents are found there. A `Room` is
the module object that a script gets for it: all that those modules define, nothing of what they
import for themselves, and an error with advice for every name that is missing.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

from ..arrays.absent import missing
from . import version

# A name that several modules of a row have is that of the first. "" is minigrad itself.
ROOMS: dict[str, tuple[str, ...]] = {
    "torch": ("", "compat.names", "compat.internals", "compat.foreach", "func.mapped"),
    "torch._C": ("compat.internals",),
    "torch._C._nn": ("compat.internals",),
    "torch.__config__": ("compat.config",),
    "torch._dynamo": ("compat.compiler", "replay"),
    "torch._dynamo.eval_frame": ("replay",),
    "torch._tensor": ("tensor",),
    "torch._tensor_str": ("compat.tensor_str",),
    "torch.accelerator": ("compat.accelerator",),
    "torch.amp": ("compat.amp",),
    "torch.amp.autocast_mode": ("compat.amp",),
    "torch.amp.grad_scaler": ("compat.amp",),
    "torch.autograd": ("autograd", "compat.variable"),
    "torch.autograd.function": ("autograd.function",),
    "torch.autograd.functional": ("autograd.functional",),
    "torch.autograd.grad_mode": ("autograd.grad_mode",),
    "torch.autograd.gradcheck": ("autograd.gradcheck",),
    "torch.autograd.graph": ("autograd.graph",),
    "torch.autograd.profiler": ("compat.profiler",),
    "torch.autograd.variable": ("compat.variable",),
    "torch.backends": ("compat.backends",),
    "torch.backends.cpu": ("compat.backends.cpu",),
    "torch.backends.cuda": ("compat.backends.cuda",),
    "torch.backends.mkl": ("compat.backends.mkl",),
    "torch.backends.mkldnn": ("compat.backends.mkldnn",),
    "torch.backends.openmp": ("compat.backends.openmp",),
    "torch.backends.opt_einsum": ("compat.backends.opt_einsum",),
    "torch.backends.quantized": ("compat.backends.quantized",),
    "torch.backends.cudnn": ("compat.backends.cudnn",),
    "torch.backends.mps": ("compat.backends.mps",),
    "torch.compiler": ("compat.compiler",),
    "torch.cuda": ("compat.cuda",),
    "torch.cuda.amp": ("compat.amp",),
    "torch.cuda.amp.autocast_mode": ("compat.amp",),
    "torch.cuda.amp.grad_scaler": ("compat.amp",),
    "torch.distributed": ("distributed", "compat.distributed"),
    "torch.distributed.distributed_c10d": ("distributed", "compat.distributed"),
    "torch.distributed.elastic": (),
    "torch.distributed.elastic.multiprocessing": (),
    "torch.distributed.elastic.multiprocessing.errors": ("compat.distributed",),
    "torch.distributed.optim": ("compat.distributed",),
    "torch.distributed.tensor": ("compat.distributed",),
    "torch.distributions": ("distributions",),
    "torch.distributions.bernoulli": ("distributions.bernoulli",),
    "torch.distributions.beta": ("distributions.dirichlet",),
    "torch.distributions.binomial": ("distributions.bernoulli",),
    "torch.distributions.categorical": ("distributions.categorical",),
    "torch.distributions.cauchy": ("distributions.exponential",),
    "torch.distributions.chi2": ("distributions.gamma",),
    "torch.distributions.constraints": ("distributions.constraints",),
    "torch.distributions.dirichlet": ("distributions.dirichlet",),
    "torch.distributions.distribution": ("distributions.distribution",),
    "torch.distributions.exponential": ("distributions.exponential",),
    "torch.distributions.gamma": ("distributions.gamma",),
    "torch.distributions.geometric": ("distributions.bernoulli",),
    "torch.distributions.gumbel": ("distributions.exponential",),
    "torch.distributions.half_cauchy": ("distributions.half",),
    "torch.distributions.half_normal": ("distributions.half",),
    "torch.distributions.independent": ("distributions.independent",),
    "torch.distributions.inverse_gamma": ("distributions.gamma",),
    "torch.distributions.kl": ("distributions.kl",),
    "torch.distributions.laplace": ("distributions.exponential",),
    "torch.distributions.log_normal": ("distributions.normal",),
    "torch.distributions.logistic_normal": ("distributions.normal",),
    "torch.distributions.mixture_same_family": ("distributions.mixture_same_family",),
    "torch.distributions.multinomial": ("distributions.multinomial",),
    "torch.distributions.multivariate_normal": ("distributions.multivariate_normal",),
    "torch.distributions.negative_binomial": ("distributions.bernoulli",),
    "torch.distributions.normal": ("distributions.normal",),
    "torch.distributions.one_hot_categorical": ("distributions.categorical",),
    "torch.distributions.pareto": ("distributions.lifetimes",),
    "torch.distributions.poisson": ("distributions.poisson",),
    "torch.distributions.relaxed_bernoulli": ("distributions.relaxed",),
    "torch.distributions.relaxed_categorical": ("distributions.relaxed",),
    "torch.distributions.studentT": ("distributions.gamma",),
    "torch.distributions.transformed_distribution": ("distributions.transformed_distribution",),
    "torch.distributions.transforms": ("distributions.transforms",),
    "torch.distributions.uniform": ("distributions.uniform",),
    "torch.distributions.utils": ("distributions.utils",),
    "torch.distributions.weibull": ("distributions.lifetimes",),
    "torch.futures": ("compat.futures",),
    "torch.fx": ("compat.fx",),
    "torch.hub": ("compat.hub",),
    "torch.jit": ("compat.jit",),
    "torch.fft": ("compat.fft",),
    "torch.func": ("func",),
    "torch.linalg": ("ops.linalg",),
    "torch.multiprocessing": ("compat.multiprocessing", "distributed.spawning"),
    "torch.multiprocessing.spawn": ("distributed.spawning",),
    "torch.nn": ("nn", "compat.parallel", "compat.not_built"),
    "torch.nn.attention": ("compat.attention",),
    "torch.nn.functional": ("nn.functional", "compat.not_built"),
    "torch.nn.init": ("nn.init", "compat.initial"),
    "torch.nn.modules": ("nn", "compat.not_built"),
    "torch.nn.modules.activation": ("nn.activation", "nn.attention"),
    "torch.nn.modules.batchnorm": ("nn.batchnorm", "compat.not_built"),
    "torch.nn.modules.pixelshuffle": ("compat.not_built",),
    "torch.nn.modules.upsampling": ("compat.not_built",),
    "torch.nn.modules.instancenorm": ("nn.instancenorm", "compat.not_built"),
    "torch.nn.modules.fold": ("compat.not_built",),
    "torch.nn.modules.container": ("nn.containers",),
    "torch.nn.modules.conv": ("nn.conv", "nn.lazy", "compat.not_built"),
    "torch.nn.modules.distance": ("nn.distance", "nn.loss"),
    "torch.nn.modules.dropout": ("nn.dropout",),
    "torch.nn.modules.flatten": ("nn.linear",),
    "torch.nn.modules.linear": ("nn.linear", "nn.lazy"),
    "torch.nn.modules.loss": ("nn.loss", "nn.margin_loss", "nn.likelihood"),
    "torch.nn.modules.module": ("nn.module", "nn.state_dict"),
    "torch.nn.modules.normalization": ("nn.normalization",),
    "torch.nn.modules.padding": ("nn.padding", "compat.not_built"),
    "torch.nn.modules.pooling": ("nn.pooling", "compat.not_built"),
    "torch.nn.modules.rnn": ("recurrences",),
    "torch.nn.modules.sparse": ("nn.embedding",),
    "torch.nn.modules.transformer": ("nn.transformer", "nn.transformer_layers"),
    "torch.nn.parallel": ("nn.parallel", "compat.parallel", "compat.replicas"),
    "torch.nn.parallel.data_parallel": ("compat.parallel", "compat.replicas"),
    "torch.nn.parallel.distributed": ("nn.parallel.distributed",),
    "torch.nn.parallel.scatter_gather": ("compat.replicas",),
    "torch.nn.parameter": ("nn.parameter", "nn.lazy"),
    "torch.nn.utils": ("nn.utils", "compat.clip_grad"),
    "torch.nn.utils.clip_grad": ("nn.utils.clip_grad", "compat.clip_grad"),
    "torch.nn.utils.convert_parameters": ("nn.utils.convert_parameters",),
    "torch.nn.utils.parametrizations": ("nn.utils.parametrizations",),
    "torch.nn.utils.parametrize": ("nn.utils.parametrize",),
    "torch.nn.utils.prune": ("nn.utils.prune",),
    "torch.nn.utils.rnn": ("nn.utils.rnn", "recurrences.packed"),
    "torch.nn.utils.spectral_norm": ("nn.utils.spectral_norm",),
    "torch.nn.utils.stateless": ("nn.utils.stateless",),
    "torch.nn.utils.weight_norm": ("nn.utils.weight_norm",),
    "torch.onnx": ("compat.onnx",),
    "torch.optim": ("optim",),
    "torch.optim.adadelta": ("optim.adadelta",),
    "torch.optim.adagrad": ("optim.adagrad",),
    "torch.optim.adam": ("optim.adam",),
    "torch.optim.adamax": ("optim.adamax",),
    "torch.optim.adamw": ("optim.adam",),
    "torch.optim.asgd": ("optim.asgd",),
    "torch.optim.lbfgs": ("optim.lbfgs",),
    "torch.optim.lr_scheduler": ("optim.lr_scheduler",),
    "torch.optim.nadam": ("optim.nadam",),
    "torch.optim.optimizer": ("optim.optimizer",),
    "torch.optim.radam": ("optim.radam",),
    "torch.optim.rmsprop": ("optim.rmsprop",),
    "torch.optim.rprop": ("optim.rprop",),
    "torch.optim.sgd": ("optim.sgd",),
    "torch.optim.swa_utils": ("optim.swa_utils",),
    "torch.overrides": ("compat.overrides",),
    "torch.profiler": ("compat.profiler",),
    "torch.random": ("compat.random",),
    "torch.return_types": ("ops.return_types",),
    "torch.serialization": ("serialization",),
    "torch.special": ("ops.special",),
    "torch.storage": ("compat.storage",),
    "torch.testing": ("testing", "compat.assert_allclose"),
    "torch.types": ("compat.types",),
    "torch.utils": ("utils",),
    "torch.utils._pytree": ("compat.pytree",),
    "torch.utils.checkpoint": ("utils.checkpoint", "compat.device_states"),
    "torch.utils.data": ("utils.data", "utils.data.distributed"),
    "torch.utils.data._utils": (),
    "torch.utils.data._utils.collate": ("utils.data.collate",),
    "torch.utils.data._utils.worker": ("utils.data.worker_info",),
    "torch.utils.data.dataloader": (
        "utils.data.dataloader",
        "utils.data.collate",
        "utils.data.worker_info",
        "utils.data.dataset",
        "utils.data.sampler",
        "utils.data.source",
    ),
    "torch.utils.data.dataset": ("utils.data.dataset",),
    "torch.utils.data.distributed": ("utils.data.distributed",),
    "torch.utils.data.sampler": ("utils.data.sampler",),
    "torch.utils.dlpack": ("utils.dlpack",),
    "torch.utils.flop_counter": ("compat.flop_counter",),
    "torch.utils.hooks": ("compat.hooks",),
    "torch.utils.tensorboard": ("utils.tensorboard",),
    "torch.utils.tensorboard.writer": ("utils.tensorboard",),
    "torch.version": ("compat.version",),
}

# What has to be installed for a module of PyTorch's, there as well as here: one of these packages.
NEEDS = {"torch.utils.tensorboard": ("tensorboard", "tensorboardX")}

WHERE_TO_LOOK = (
    "this script runs on minigrad, which has the parts of PyTorch that recurrent networks need; "
    "README.md lists them"
)


class Room(ModuleType):
    """A module of PyTorch's, furnished from minigrad's."""

    def furnish(self) -> None:
        """Take over what the modules in the table define."""
        for source in reversed(ROOMS[self.__name__]):
            module = import_module(f"minigrad.{source}".rstrip("."))
            for name, value in vars(module).items():
                if not isinstance(value, ModuleType) and _is_of(module, name):
                    self.__dict__[name] = value
        if self.__name__ == "torch":
            self.__dict__["__version__"] = version.__version__

    def __getattr__(self, name: str) -> Any:
        inner = f"{self.__name__}.{name}"
        if inner in ROOMS:
            try:
                return import_module(inner)
            except ImportError as error:  # it needs a package that is not there
                raise AttributeError(str(error), name=name, obj=self) from error
        message = f"module '{self.__name__}' has no attribute '{name}'"
        hint = f": {WHERE_TO_LOOK}, and dir({self.__name__}) what is here"
        if name.startswith("__"):  # those Python asks for by itself
            hint = ""
        found: Any = missing(self.__name__, name, AttributeError, message, hint)
        found.name, found.obj = name, self
        raise found

    def __setattr__(self, name: str, value: Any) -> None:
        # In PyTorch, torch.autograd.gradcheck is a function, and the module that has it. Importing
        # the module must not put it in the function's place.
        if not (isinstance(value, Room) and name in self.__dict__):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        prefix = f"{self.__name__}."
        inner = {n[len(prefix) :].partition(".")[0] for n in ROOMS if n.startswith(prefix)}
        return sorted({*self.__dict__, *inner})


def _is_of(module: ModuleType, name: str) -> bool:
    """Whether a name is one that a module has for others, not one that it imports for itself.

    A private one may be: some scripts use ``torch.optim.lr_scheduler._LRScheduler``.
    """
    # (minigrad's own list is for its ``import *``, which leaves out names of builtins)
    listed = None if module.__name__ == "minigrad" else getattr(module, "__all__", None)
    if listed is not None and (name in listed or not name.startswith("_")):
        return name in listed
    home = getattr(vars(module)[name], "__module__", None)
    if home == "torch":  # `Tensor`, which `install` calls by that name
        return name == "Tensor"
    inside = not isinstance(home, str) or f"{home}.".startswith(f"{module.__name__}.")
    return inside and not name.startswith("__")
