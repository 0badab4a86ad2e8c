"""What stands around a recurrent layer: losses, embeddings, optimizers, clipping."""

from __future__ import annotations

from typing import Any

from benchmarks.timing import Case, Work


def cross_entropy(torch: Any, samples: int, classes: int) -> Work:
    """Forward and backward of the loss."""
    torch.manual_seed(0)
    logits = torch.randn(samples, classes, requires_grad=True)
    target = torch.randint(0, classes, (samples,))
    criterion = torch.nn.CrossEntropyLoss()

    def run() -> None:
        logits.grad = None
        criterion(logits, target).backward()

    return run


def ctc(torch: Any, steps: int, batch: int, classes: int, labels: int) -> Work:
    """Forward and backward of Connectionist Temporal Classification."""
    torch.manual_seed(0)
    log_probs = torch.randn(steps, batch, classes).log_softmax(2).requires_grad_()
    targets = torch.randint(1, classes, (batch, labels))
    lengths = torch.full((batch,), steps), torch.full((batch,), labels)
    criterion = torch.nn.CTCLoss()

    def run() -> None:
        log_probs.grad = None
        criterion(log_probs, targets, *lengths).backward()

    return run


def embedding(torch: Any, shape: tuple[int, int], words: int, size: int) -> Work:
    """Forward and backward of a lookup."""
    torch.manual_seed(0)
    layer = torch.nn.Embedding(words, size)
    index = torch.randint(0, words, shape)
    gradient = torch.ones(*shape, size)

    def run() -> None:
        layer.weight.grad = None
        layer(index).backward(gradient)

    return run


def optimizer_step(torch: Any, name: str, numbers: int, tensors: int) -> Work:
    """One step of an optimizer over several tensors."""
    torch.manual_seed(0)
    each = max(1, numbers // tensors)
    parameters = [torch.nn.Parameter(torch.randn(each)) for _ in range(tensors)]
    for parameter in parameters:
        parameter.grad = torch.randn(each)
    options = {"SGD": {"lr": 1e-3, "momentum": 0.9}, "Adam": {"lr": 1e-3}}[name]
    optimizer: Any = getattr(torch.optim, name)(parameters, **options)
    return optimizer.step


def clip(torch: Any, numbers: int, tensors: int) -> Work:
    """Clipping of gradients by their norm (never reached: the work is the norm)."""
    torch.manual_seed(0)
    each = max(1, numbers // tensors)
    parameters = [torch.nn.Parameter(torch.randn(each)) for _ in range(tensors)]
    for parameter in parameters:
        parameter.grad = torch.randn(each)
    return lambda: torch.nn.utils.clip_grad_norm_(parameters, 1e9)


def cases() -> list[Case]:
    """Everything here."""
    found = []
    for n, c in ((1, 4), (5, 4), (32, 10), (64, 100), (1024, 50), (256, 1000), (4096, 100),
                 (64, 10_000)):  # fmt: skip

        def loss(torch: Any, n: int = n, c: int = c) -> Work:
            return cross_entropy(torch, n, c)

        found.append(Case(f"CrossEntropyLoss and backward, N={n} C={c}", loss))
    for steps, batch, classes, labels in ((20, 1, 6, 5), (100, 32, 30, 20), (500, 8, 60, 60)):

        def alignment(torch: Any, sizes: tuple[int, ...] = (steps, batch, classes, labels)) -> Work:
            return ctc(torch, *sizes)

        name = f"CTCLoss and backward, T={steps} N={batch} C={classes}, {labels} labels"
        found.append(Case(name, alignment))
    for shape, words, size in (((5, 1), 10, 8), ((20, 16), 1000, 64), ((64, 32), 10_000, 200)):

        def lookup(
            torch: Any, shape: tuple[int, int] = shape, words: int = words, size: int = size
        ) -> Work:
            return embedding(torch, shape, words, size)

        name = f"Embedding and backward, {shape[0]} x {shape[1]} of {words} x {size}"
        found.append(Case(name, lookup))
    for numbers, tensors in ((10, 1), (100, 4), (10_000, 4), (100_000, 8), (1_000_000, 8)):
        for name in ("SGD", "Adam"):

            def step(
                torch: Any, name: str = name, numbers: int = numbers, tensors: int = tensors
            ) -> Work:
                return optimizer_step(torch, name, numbers, tensors)

            found.append(Case(f"{name} step, {numbers} numbers in {tensors} tensors", step))

        def clipping(torch: Any, numbers: int = numbers, tensors: int = tensors) -> Work:
            return clip(torch, numbers, tensors)

        found.append(Case(f"clip_grad_norm_, {numbers} numbers in {tensors} tensors", clipping))
    return found
