"""``python -m minigrad``: its commands.

- ``run``: a script that was written for PyTorch, on minigrad;
- ``launch``: the same in several processes that train together (each of them is ``rank``, or
  ``spawned`` by a script);
- ``config``: what this installation is made of;
- ``hello``: a recurrent network learns its first word.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence

import minigrad as mg
from minigrad.compat import finder, run
from minigrad.distributed import launch, spawning


def _run(options: argparse.Namespace) -> None:
    start = run.run_module if options.module else run.run_script
    try:
        start(options.target, options.arguments)
    except run.CannotRun as error:
        print(f"{options.prog}: {error}", file=sys.stderr)
        sys.exit(1 if options.module else 2)


def _launch(options: argparse.Namespace) -> None:
    if options.ranks < 1:
        print(f"{options.prog}: error: -n must be at least 1", file=sys.stderr)
        sys.exit(2)
    module = ["-m"] if options.module else []
    command = ["rank", *module, options.target, *options.arguments]
    try:
        sys.exit(launch.launch(options.ranks, command, options.mpiexec, become=True))
    except FileNotFoundError as error:
        sys.exit(f"{options.prog}: {error}")


def _rank(options: argparse.Namespace) -> None:
    launch.as_rank(lambda: _run(options))


def _spawned(options: argparse.Namespace) -> None:
    finder.install()
    launch.as_rank(lambda: spawning.run_spawned(options.target))


def _split_off(arguments: list[str]) -> tuple[list[str], list[str]]:
    """What stands between ``--`` and ``--`` before the script: options for ``mpiexec``."""
    if arguments[:1] == ["launch"] and "--" in arguments:
        start = arguments.index("--")
        own = " ".join(arguments[1:start])
        if re.fullmatch(r"((-n|--ranks)[ =]?\d+ ?)*", own) and "--" in arguments[start + 1 :]:
            end = arguments.index("--", start + 1)
            return [*arguments[:start], *arguments[end + 1 :]], arguments[start + 1 : end]
    return arguments, []


def _config(options: argparse.Namespace) -> None:
    mg.show_config()


def _hello(options: argparse.Namespace) -> None:
    letters, word, answer = "ehlo", "hello", "ohlol"
    inputs = mg.eye(4)[[letters.index(letter) for letter in word]]  # (length, 4)
    targets = mg.tensor([letters.index(letter) for letter in answer])
    mg.manual_seed(options.seed)
    rnn = mg.nn.RNN(input_size=4, hidden_size=4)
    adam = mg.optim.Adam(rnn.parameters(), lr=0.1)
    for epoch in range(options.epochs):
        states, _ = rnn(inputs)  # (length, 4): its four units are the scores of the letters
        loss = mg.nn.functional.cross_entropy(states, targets)
        adam.zero_grad()
        loss.backward()
        adam.step()
        said = "".join(letters[i] for i in states.argmax(dim=1))
        print(f"{epoch + 1:3}  {word} -> {said}  loss {loss.item():.4f}")


def _add_script(command: argparse.ArgumentParser) -> None:
    command.add_argument("-m", dest="module", action="store_true", help="run a module, by name")
    command.add_argument("target", metavar="SCRIPT", help="the script's file, or the module's name")
    command.add_argument(
        "arguments", metavar="ARGUMENT", nargs=argparse.REMAINDER, help="handed to the script"
    ).required = False  # older Pythons would ask for one


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m minigrad", description="Recurrent networks with PyTorch's interface."
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    command = commands.add_parser(
        "run",
        help="run a script that was written for PyTorch, on minigrad",
        description="Run a script as `python` does, but let `import torch` mean minigrad. A name "
        "that minigrad lacks raises AttributeError or ImportError.",
        usage="%(prog)s [-h] (SCRIPT | -m MODULE) [ARGUMENT ...]",
    )
    _add_script(command)
    command.set_defaults(do=_run, prog=command.prog)

    command = commands.add_parser(
        "launch",
        help="run a script in several processes that train together",
        description="Let MPI's mpiexec start processes, ranks, each of which runs the script as "
        "`run` does. Its environment has RANK, LOCAL_RANK, WORLD_SIZE, LOCAL_WORLD_SIZE, "
        "MASTER_ADDR and MASTER_PORT, as torchrun sets them. A rank that ends with an error ends "
        "all. Between -- and -- stand options for mpiexec: `launch -n 8 -- -f hosts -- train.py`.",
        usage="%(prog)s [-h] [-n RANKS] [-- MPIEXEC_OPTION ... --] (SCRIPT | -m MODULE) "
        "[ARGUMENT ...]",
    )
    command.add_argument(
        "-n", "--ranks", type=int, default=2, help="how many processes (default: %(default)s)"
    )
    _add_script(command)
    command.set_defaults(do=_launch, prog=command.prog)

    command = commands.add_parser("rank")  # what `launch` starts: in no list of commands
    _add_script(command)
    command.set_defaults(do=_rank, prog="python -m minigrad launch")

    command = commands.add_parser("spawned")  # what `spawn` starts
    command.add_argument("target")
    command.set_defaults(do=_spawned)

    command = commands.add_parser(
        "config",
        help="print what this installation is made of",
        description="Print versions, the kernels in use and the others there are, and the BLAS.",
    )
    command.set_defaults(do=_config)

    command = commands.add_parser(
        "hello",
        help="watch a recurrent network learn to answer hello with ohlol",
        description="A network with four units reads hello and learns to answer ohlol. The long "
        "version, with explanations, is examples/01_hello_ohlol.py.",
    )
    for option, default, text in (
        ("--epochs", 10, "how often the word is read"),
        ("--seed", 3, "of the random initial weights"),
    ):
        text += " (default: %(default)s)"
        command.add_argument(option, type=int, default=default, metavar="N", help=text)
    command.set_defaults(do=_hello)
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that `arguments` name (default: those of this process)."""
    parser = _parser()
    words, mpiexec = _split_off(list(sys.argv[1:] if arguments is None else arguments))
    options = parser.parse_args(words)
    options.mpiexec = mpiexec
    if hasattr(options, "do"):
        options.do(options)
    else:
        parser.print_help()


if __name__ == "__main__":
    main()
