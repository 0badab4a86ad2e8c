"""The libraries that `run` tries, and where their tests are."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["LIBRARIES", "NEEDED", "UNWANTED", "Library"]


class Library(NamedTuple):
    """A library, at one version.

    Without `tests`, its tests are the scripts ``examples/NAME*.py`` beside this file: what they
    print has to be the same.
    """

    name: str
    version: str
    repository: str = ""
    tag: str = ""  # "": the newest commit
    folder: str = "."  # where in the sources pytest is started
    tests: tuple[str, ...] = ()  # what pytest is told
    first: tuple[str, ...] = ()  # what it is told in a run before all others, on PyTorch
    # Variables that the tests ask for; in a value, {on} is where they run.
    environment: tuple[tuple[str, str], ...] = ()

    @property
    def requirement(self) -> str:
        """What pip is told."""
        return f"{self.name}=={self.version}"


GITHUB = "https://github.com/"

LIBRARIES = (
    Library("pytorch-crf", "0.7.2", GITHUB + "kmkurn/pytorch-crf", "v0.7.2", tests=("tests",)),
    Library(
        "torchrecurrent",
        "0.2.5",
        GITHUB + "MartinuzziFrancesco/torchrecurrent",
        "v0.2.5",
        tests=("tests", "--ignore=tests/test_benchmarks.py"),
        environment=(("TORCHDYNAMO_DISABLE", "1"),),  # PyTorch's compiler takes hours for them
    ),
    Library(
        "einops",
        "0.8.2",
        GITHUB + "arogozhnikov/einops",
        "v0.8.2",
        tests=("einops/tests",),
        environment=(("EINOPS_TEST_BACKENDS", "numpy,torch"),),
    ),
    Library("entmax", "1.3", GITHUB + "deep-spin/entmax", "v1.3", tests=("entmax",)),
    Library(
        "torchinfo",
        "1.8.0",
        GITHUB + "TylerYep/torchinfo",
        "v1.8.0",
        tests=("tests", "--ignore=tests/torchinfo_xl_test.py"),  # that needs torchvision
        first=("tests", "--ignore=tests/torchinfo_xl_test.py", "--overwrite"),
    ),
    Library("torchsummary", "1.5.1"),
    Library("torchviz", "0.0.3", GITHUB + "szagoruyko/pytorchviz", tests=("test/test.py",)),
    Library(
        "safetensors",
        "0.8.0",
        GITHUB + "huggingface/safetensors",
        folder="bindings/python",
        tests=tuple(
            f"tests/test_{name}.py"
            for name in (
                "pt_comparison",
                "pt_model",
                "simple",
                "handle",
                "threadable",
                "multithreaded",
            )
        ),
    ),
    Library(
        "skorch",
        "1.4.0",
        GITHUB + "skorch-dev/skorch",
        "v1.4.0",
        tests=("skorch/tests", "--ignore=skorch/tests/llm", "--ignore=skorch/tests/test_hf.py"),
    ),
    Library(
        "torchmetrics",
        "1.9.0",
        GITHUB + "Lightning-AI/torchmetrics",
        "v1.9.0",
        folder="tests",
        tests=(
            "unittests/text",
            *(
                f"unittests/classification/test_{n}.py"
                for n in (
                    "accuracy",
                    "auc",
                    "auroc",
                    "average_precision",
                    "cohen_kappa",
                    "confusion_matrix",
                    "exact_match",
                    "hamming_distance",
                    "hinge",
                    "jaccard",
                    "matthews_corrcoef",
                    "precision_recall_curve",
                    "ranking",
                    "roc",
                    "specificity",
                    "stat_scores",
                )
            ),
            "-k",
            "not ddp and not half and not bfloat",
        ),
        # Pickles of what the references returned: each library reads its own.
        environment=(("PYTEST_REFERENCE_CACHE", "_references-{on}"),),
    ),
    Library(
        "pytorch-ignite",
        "0.5.5",
        GITHUB + "pytorch/ignite",
        "v0.5.5",
        tests=(
            *(f"tests/ignite/{n}" for n in ("engine", "handlers", "metrics")),
            *(f"--ignore=tests/ignite/metrics/{n}" for n in ("gan", "vision")),
            "-k",
            "not distrib and not cuda and not tpu and not mps",
        ),
    ),
    Library(
        "torch-optimizer",
        "0.3.0",
        GITHUB + "jettify/pytorch-optimizer",
        "v0.3.0",
        tests=("tests",),
    ),
    Library("pytorch-warmup", "0.2.0", GITHUB + "Tony-Y/pytorch_warmup", "v0.2.0", tests=("test",)),
    Library(
        "tensorboardX",
        "2.6.5",
        GITHUB + "lanpa/tensorboardX",
        "v2.6.5",
        tests=tuple(
            f"tests/test_{n}.py"
            for n in (
                "figure",
                "hparams",
                "numpy",
                "pr_curve",
                "pytorch_np",
                "summary",
                "summary_writer",
                "utils",
                "writer",
            )
        ),
    ),
    Library("tensorboard", "2.21.0"),
    Library("lovely-tensors", "0.1.22"),
    Library(
        "captum",
        "0.9.0",
        GITHUB + "pytorch/captum",
        tests=tuple(
            f"tests/{n}.py"
            for n in (
                "attr/test_feature_ablation",
                "attr/test_gradient_shap",
                "attr/test_input_x_gradient",
                "attr/test_integrated_gradients_basic",
                "attr/test_saliency",
                "attr/test_shapley",
                "metrics/test_sensitivity",
                "module/test_gaussian_stochastic_gates",
                "utils/test_gradient",
                "utils/test_jacobian",
                "utils/test_linear_model",
            )
        ),
    ),
    Library(
        "x-transformers",
        "2.31.10",
        GITHUB + "lucidrains/x-transformers",
        tests=("tests",),
    ),
    Library(
        "pytorch-forecasting",
        "1.8.0",
        GITHUB + "sktime/pytorch-forecasting",
        "v1.8.0",
        tests=tuple(
            f"tests/{n}"
            for n in (
                "test_metrics.py",
                "test_models/test_baseline.py",
                "test_models/test_deepar.py",
                "test_models/test_nn",
                "test_models/test_rnn_model.py",
            )
        ),
    ),
    Library(
        "darts",
        "0.48.1",
        GITHUB + "unit8co/darts",
        "0.48.1",
        tests=tuple(
            f"darts/tests/models/forecasting/test_{n}.py" for n in ("RNN", "block_RNN", "TCN")
        ),
    ),
    Library("torch-ema", "0.3", GITHUB + "fadel/pytorch_ema", "v0.3.0", tests=("tests",)),
    Library(
        "pytorch-tcn", "1.2.3", GITHUB + "paul-krug/pytorch-tcn", tests=("tests/unit/test_conv.py",)
    ),
    Library("TorchCRF", "1.1.0", GITHUB + "rikeda71/TorchCRF", tests=("tests",)),
    Library(
        "snntorch",
        "0.9.4",
        GITHUB + "jeshraghian/snntorch",
        "v0.9.4",
        tests=("tests", "--ignore=tests/test_nir.py"),  # that needs another package
    ),
    Library("ncps", "1.0.1", GITHUB + "mlech26l/ncps", tests=("ncps/tests/test_torch.py",)),
    Library(
        "torchdiffeq",
        "0.2.5",
        GITHUB + "rtqichen/torchdiffeq",
        folder="tests",
        tests=("api_tests.py", "norm_tests.py"),
    ),
    Library(
        "torchsde",
        "0.2.6",
        GITHUB + "google-research/torchsde",
        "v0.2.6",
        tests=("tests/test_brownian_path.py", "tests/test_brownian_tree.py"),
    ),
    Library("higher", "0.2.1", GITHUB + "facebookresearch/higher", "v0.2.1", tests=("tests",)),
    Library("zuko", "1.6.0", GITHUB + "probabilists/zuko", "1.6.0", tests=("tests",)),
    Library(
        "schedulefree",
        "1.4.1",
        GITHUB + "facebookresearch/schedule_free",
        tests=("schedulefree/test_schedulefree.py",),
    ),
    Library(
        "local-attention",
        "1.11.2",
        GITHUB + "lucidrains/local-attention",
        tests=("tests",),
    ),
    Library(
        "opt-einsum",
        "3.4.0",
        GITHUB + "dgasmith/opt_einsum",
        "v3.4.0",
        tests=("opt_einsum/tests/test_backends.py",),
    ),
    *(
        Library(name, version)
        for name, version in (
            ("pytorch-lightning", "2.6.6"),
            ("accelerate", "1.15.0"),
            ("adabelief-pytorch", "0.2.1"),
            ("lion-pytorch", "0.2.5"),
            ("prodigyopt", "1.1.2"),
            ("madgrad", "1.3"),
            ("pytorch-lamb", "1.0.0"),
            ("rotary-embedding-torch", "0.9.1"),
            ("linear-attention-transformer", "0.19.1"),
            ("ema-pytorch", "0.8.3"),
            ("minGRU-pytorch", "0.2.1"),
            ("jaxtyping", "0.3.11"),
            ("tensorly", "0.9.0"),
            ("torch-lr-finder", "0.2.2"),
        )
    ),
)

# What their tests need besides.
NEEDED = [
    "torch==2.13.0",
    "cachier==4.2.0",
    "cloudpickle",
    "dill",
    "flaky",
    "jiwer",
    "lightning-utilities",
    "matplotlib",
    "nltk",
    "pandas<3.1",
    "parameterized",
    "pytest",
    "pytest-cov",
    "pytest-timeout",
    "rouge-score",
    "sacrebleu",
    "scikit-learn",
    "typeguard==2.13.3",
]

# A library asks for it and does not use it; where it does not fit PyTorch, nobody can import it.
UNWANTED = ["torchvision"]
