"""`minigrad.distributed` and `DistributedDataParallel`, on ranks that are processes.

What they have to do is in ``tests/scripts/ranks``: many checks in one script, since it takes longer
to start ranks than to ask them. (Four of them share what cores there are.)
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

import pytest
from running_examples import check_refused, load

import minigrad as mg
import minigrad.distributed as dist
from minigrad.distributed import launch
from minigrad.distributed.spawning import spawn
from minigrad.nn.parallel import DistributedDataParallel
from minigrad.utils.data import DistributedSampler

pytestmark = pytest.mark.once  # at each level ranks do the same

SCRIPTS = Path(__file__).parent / "scripts" / "ranks"
GOLDEN = Path(__file__).parent / "golden"


def why_not():
    """What is missing for ranks; "" where nothing is."""
    if find_spec("mpi4py") is None:
        return "mpi4py is not installed"
    try:
        launch.find_mpiexec()
    except FileNotFoundError as error:
        return str(error)
    return ""


# Where everything is tested (CI is set there) it must not be missing.
with_ranks = pytest.mark.skipif(bool(why_not()) and "CI" not in os.environ, reason=why_not())


def minigrad(*arguments, seconds=60, **environment):
    """``python -m minigrad``, in a process of its own."""
    root = str(Path(mg.__file__).parents[1])
    kept = {k: v for k, v in os.environ.items() if k not in (*launch.THREADS, "PYTHONPATH")}
    return subprocess.run(
        [sys.executable, "-m", "minigrad", *map(str, arguments)],
        env={**kept, "PYTHONPATH": root, **environment},
        capture_output=True, text=True, check=False, timeout=seconds,
    )  # fmt: skip


def on_ranks(count, *arguments, **options):
    return minigrad("launch", "-n", count, *arguments, **options)


# ------------------------------------------------------------------------------------------------
# Ranks that do what they should
# ------------------------------------------------------------------------------------------------


@with_ranks
@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("script", ["collectives", "training"])
def test_ranks(script, count):
    result = on_ranks(count, SCRIPTS / f"{script}.py")
    assert result.stderr == ""
    assert result.returncode == 0
    assert sorted(result.stdout.splitlines()) == [f"rank {r} is done" for r in range(count)]


@with_ranks
def test_a_script_for_torchrun_trains_alike_on_any_number_of_ranks():
    one, two = [on_ranks(n, SCRIPTS / "elastic_ddp.py") for n in (1, 2)]
    losses = [float(line.split()[-1]) for line in one.stdout.splitlines()]
    assert len(losses) == 4
    assert losses[-1] < 0.7 * losses[0]
    assert (one.stdout, one.returncode) == (two.stdout, two.returncode) == (one.stdout, 0)


SPAWNED = [
    *[f"{verb} basic DDP example on rank {r}" for verb in ("Finished running", "Running")
      for r in range(2)],
    "Loaded the checkpoint.",
]  # fmt: skip


@with_ranks
@pytest.mark.parametrize("how", [["launch", "-n", 3], ["run"]], ids=["launch", "run"])
def test_a_script_that_spawns(how):
    """With ranks that are there already, of which it takes the first; and without any."""
    result = minigrad(*how, SCRIPTS / "spawned_ddp.py")
    assert result.returncode == 0, result.stderr
    said = re.findall("|".join(SPAWNED), result.stdout)
    assert sorted(said) == sorted(SPAWNED)
    once = "minigrad.distributed: backend 'gloo' is MPI here\n"
    assert result.stderr == once * (1 if how[0] == "launch" else 2)  # there are two programs


@with_ranks
def test_what_a_rank_finds_in_its_environment(tmp_path):
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(
        "import os, sys\n"
        "names = 'RANK LOCAL_RANK WORLD_SIZE LOCAL_WORLD_SIZE MASTER_ADDR MASTER_PORT'.split()\n"
        "names += ['OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS']\n"
        "print(*(os.environ[n] for n in names), os.environ.get('MORE'), sys.argv[1:])\n"
        "import torch, minigrad\n"
        "assert torch.ones is minigrad.ones\n"
        "assert torch.ones(2).to(int(os.environ['RANK'])).device == torch.device('cpu')\n",
        encoding="utf-8",
    )
    options = ["--", "-genv", "MORE", "more", "--", "-m", "package", "-n", "x"]
    result = subprocess.run(
        [sys.executable, "-m", "minigrad", "launch", "-n", "2", *options],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "PYTHONPATH": str(Path(mg.__file__).parents[1]), "OMP_NUM_THREADS": "3",
             "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    assert result.stderr == ""
    assert sorted(result.stdout.splitlines()) == [
        f"{r} {r} 2 2 127.0.0.1 29500 3 1 more ['-n', 'x']" for r in range(2)
    ]


@with_ranks
def test_the_example_prints_the_same_with_one_process_and_two_ranks(capsys):
    examples = Path(__file__).parents[1] / "examples" / "17_data_parallel.py"
    load("17_data_parallel").main(["--quick"])
    alone = capsys.readouterr().out.splitlines()
    result = on_ranks(2, examples, "--quick")
    assert result.stderr == ""
    together = result.stdout.splitlines()
    assert alone[0] == "1 rank, 64 examples each in a batch"
    assert together[0] == "2 ranks, 32 examples each in a batch"
    assert len(alone) == 5
    assert alone[1:] == together[1:]
    assert alone[-1] == "all ranks have the same weights: yes"


@pytest.mark.parametrize("options", ["--epochs 0", "--batch 0", "--examples 0", "--lr nan"])
def test_the_example_refuses_bad_options(options, capsys):
    check_refused("17_data_parallel", options, capsys)


# ------------------------------------------------------------------------------------------------
# Ranks that end
# ------------------------------------------------------------------------------------------------

ENDINGS = {
    "raise": (1, [r"\[rank1\]: KeyError: 'oops'", r"\[rank1\]: Traceback"]),
    "early": (1, [r"\[rank1\]: KeyError: 'oops'"]),  # without a process group
    "thread": (1, [r"\[rank1\]: RuntimeError: .*size"]),
    "exit": (3, [r"\[rank1\]: exit code 3"]),
    "kill": (9, []),
    "fewer": (1, [
        r"\[rank0\]: RuntimeError: barrier: .*rank 1 has left after 0 calls.*rank 0 makes call 1",
        r"\[rank1\]: RuntimeError: barrier: .*rank 1 has left after 0 calls.*rank 0 makes call 1",
    ]),
    "waits": (1, [r"\[rank0\]: RuntimeError: recv from rank 1, which has left without sending"]),
}  # fmt: skip


@with_ranks
@pytest.mark.parametrize("how", ENDINGS)
def test_one_rank_s_end_ends_all(how):
    code, words = ENDINGS[how]
    result = on_ranks(2, SCRIPTS / "endings.py", how, seconds=40)
    assert time.time() - float(re.search(r"at ([\d.]+)", result.stdout)[1]) < 10
    assert result.returncode == code
    said = result.stdout + result.stderr
    for word in words:
        assert re.search(word, said), said


@with_ranks
@pytest.mark.skipif(os.name != "posix", reason="elsewhere mpiexec is a process of its own")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_who_ends_launch_ends_the_ranks(name, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import os, sys, time\n"
        "open(sys.argv[1] + '/' + str(os.getpid()), 'w').close()\n"
        "time.sleep(60)\n",
        encoding="utf-8",
    )
    running = tmp_path / "running"
    running.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "minigrad", "launch", "-n", "2", str(script), str(running)],
        env={**os.environ, "PYTHONPATH": str(Path(mg.__file__).parents[1])},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        soon(lambda: len(list(running.iterdir())) == 2)
        ranks = [int(path.name) for path in running.iterdir()]
        process.send_signal(getattr(signal, name))
        assert process.wait(10) != 0
        soon(lambda: not any(is_alive(rank) for rank in ranks))
    finally:
        process.kill()


def soon(condition, seconds=20):
    end = time.time() + seconds
    while not condition():
        assert time.time() < end
        time.sleep(0.05)


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return (
        not Path(f"/proc/{pid}/stat").exists() or " Z " not in Path(f"/proc/{pid}/stat").read_text()
    )


# ------------------------------------------------------------------------------------------------
# One process
# ------------------------------------------------------------------------------------------------


def test_without_a_group():
    assert not dist.is_initialized()
    assert (dist.get_rank(), dist.get_world_size(), dist.group.WORLD) == (0, 1, None)
    x = mg.ones(1)
    for call in (
        lambda: dist.all_reduce(x), lambda: dist.broadcast(x, 0), lambda: dist.barrier(),
        lambda: dist.new_group([0]), lambda: dist.all_gather_object([None], 1),
        lambda: dist.send(x, 1), lambda: dist.recv(x), lambda: dist.destroy_process_group(),
        lambda: dist.get_backend(), lambda: DistributedDataParallel(mg.nn.Linear(1, 1)),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="process group has not been initialized"):
            call()
    with pytest.raises(ValueError, match="Invalid ``op``"):
        dist.P2POp(dist.send, x, 0)


def test_what_init_process_group_refuses(monkeypatch):
    with pytest.raises(ValueError, match=r"Invalid backend: 'gluu'.*gloo"):
        dist.init_process_group("gluu")
    with pytest.raises(TypeError, match=r"datetime.timedelta, got int"):
        dist.init_process_group("cpu:gloo,cuda:nccl", timeout=30)
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(ImportError, match=r'pip install "minigrad\[mpi\]".*"minigrad\[mpich\]"'):
        dist.init_process_group("mpi", timeout=timedelta(seconds=9))


@with_ranks
def test_numbers_that_are_not_mpi_s(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import os, minigrad.distributed as dist\n"
        "for given in ({'world_size': 4, 'rank': 0}, {'rank': 2, 'world_size': 1}, {}):\n"
        "    try:\n"
        "        dist.init_process_group('mpi', **given)\n"
        "    except RuntimeError as error:\n"
        "        print(error)\n"
        "    os.environ.update(WORLD_SIZE='3', RANK='0')\n"
        "assert not dist.is_initialized()\n",
        encoding="utf-8",
    )
    result = minigrad("run", script)
    assert result.stderr == ""
    first, second, third = result.stdout.splitlines()
    advice = "Start ranks with python -m minigrad launch -n "
    assert "world_size=4, but MPI has started 1 rank. " + advice + "4" in first
    assert "rank=2, but MPI calls this rank 0. " + advice in second
    assert "environment has WORLD_SIZE=3, but MPI has started 1 rank. " in third


def test_launch_needs_mpiexec(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r'mpiexec.*pip install "minigrad\[mpich\]"'):
        launch.find_mpiexec()
    with pytest.raises(FileNotFoundError, match="mpiexec"):
        spawn(print, nprocs=2)
    beside = tmp_path / "mpiexec"
    beside.write_text("#!/bin/sh\n", encoding="utf-8")
    beside.chmod(0o755)
    assert launch.find_mpiexec() == str(beside)


def test_launch_s_own_options():
    result = on_ranks(0, "script.py")
    assert result.returncode == 2
    assert "-n must be at least 1" in result.stderr
    said = minigrad("launch", "--help").stdout
    assert "-n RANKS" in said
    assert "MPIEXEC_OPTION" in said
    assert "spawned" not in minigrad("--help").stdout


# ------------------------------------------------------------------------------------------------
# Shares of a data set
# ------------------------------------------------------------------------------------------------

SHARES = json.loads((GOLDEN / "sampler.json").read_text(encoding="utf-8"))


def test_shares_are_pytorch_s():
    for length, ranks, shuffle, drop_last, seed, epoch, shares in SHARES:
        for rank, share in enumerate(shares):
            sampler = DistributedSampler(range(length), ranks, rank, shuffle, seed, drop_last)
            sampler.set_epoch(epoch)
            assert list(sampler) == share, (length, ranks, shuffle, drop_last, seed, epoch, rank)
            assert len(sampler) == len(share)


def test_shares_have_to_be_told():
    with pytest.raises(RuntimeError, match="num_replicas= and rank="):
        DistributedSampler(range(3))
    for rank in (2, -1):
        with pytest.raises(ValueError, match=rf"Invalid rank {rank}.*\[0, 1\]"):
            DistributedSampler(range(3), 2, rank)
