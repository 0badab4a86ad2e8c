"""Threads: how many there are, and that layers give the same whoever else is at work."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import recurrences as family

import minigrad as mg
from minigrad import _kernels

PROJECTED = {"proj_size": 40}  # 2 columns are no work for threads


@pytest.fixture(autouse=True)
def restored():
    before = mg.get_num_threads()
    yield
    mg.set_num_threads(before)


def network(kind="lstm", batch=32, steps=160, **options):
    """A layer and an input with enough work for threads (see PRODUCTS_A_PART)."""
    mg.manual_seed(0)
    cls, own = family.WITH_KERNEL[kind]
    layer = cls(64, 96, **{**own, **(PROJECTED if "proj_size" in own else {}), **options})
    return layer, mg.randn(steps, batch, 64)


def results(layer, x):
    """The output, and the gradients of all parameters and of the input."""
    x = x.detach().clone().requires_grad_()
    layer.zero_grad()
    output = layer(x)[0]
    (output * output).sum().backward()
    return [
        v.detach().numpy().copy() for v in (output, x.grad, *(p.grad for p in layer.parameters()))
    ]


def assert_close(actual, expected):
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4 * np.abs(other).max())


def assert_same(actual, expected):
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def in_child(script, **environment):
    """What a new process prints."""
    result = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **environment}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    return result.stdout.strip(), result.stderr


# -- their number ---------------------------------------------------------------------------------


def test_set_and_get():
    for number in (1, 3, 2, 10_000):
        mg.set_num_threads(number)
        assert mg.get_num_threads() == number


@pytest.mark.parametrize("number", [0, -1, -(2**70)])
def test_numbers_below_one_raise(number):
    with pytest.raises(RuntimeError, match="set_num_threads expects a positive integer"):
        mg.set_num_threads(number)


@pytest.mark.parametrize("number", [1.5, "2", None, True, np.float32(2)])
def test_other_types_raise(number):
    kind = type(number).__name__
    with pytest.raises(RuntimeError, match=f"set_num_threads expects an int, but got {kind}"):
        mg.set_num_threads(number)


def test_after_an_error_nothing_has_changed():
    mg.set_num_threads(3)
    for number in (0, 2.0):
        with pytest.raises(RuntimeError):
            mg.set_num_threads(number)
    assert mg.get_num_threads() == 3


def test_default_is_the_processors_of_the_process():
    script = "import minigrad as mg; print(mg.get_num_threads())"
    affinity = getattr(os, "sched_getaffinity", None)
    expected = len(affinity(0)) if affinity else os.cpu_count()
    assert in_child(script, MINIGRAD_NUM_THREADS="")[0] == str(expected)
    if affinity:
        one = f"import os; os.sched_setaffinity(0, {{{min(affinity(0))}}}); {script}"
        assert in_child(one, MINIGRAD_NUM_THREADS="")[0] == "1"


def test_environment_variable():
    script = "import minigrad as mg; print(mg.get_num_threads())"
    assert in_child(script, MINIGRAD_NUM_THREADS="5")[0] == "5"
    for wrong in ("0", "-2", "two", "1.5"):
        printed, error = in_child(script, MINIGRAD_NUM_THREADS=wrong)
        assert not printed
        assert f"ValueError: MINIGRAD_NUM_THREADS: '{wrong}' is not a positive integer" in error


def test_number_reaches_levels_that_are_loaded_later():
    if _kernels.level == "reference":
        pytest.skip("no kernels")
    before = _kernels.level
    layer, x = network()
    mg.set_num_threads(3)
    expected = results(layer, x)
    _kernels.set_level(before)  # forgets all modules
    mg.set_num_threads(1)
    _kernels.set_level(before)
    mg.set_num_threads(3)
    assert_same(results(layer, x), expected)


# -- the same results -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", family.WITH_KERNEL)
def test_results_differ_by_rounding_only(kind):
    layer, x = network(kind)
    mg.set_num_threads(1)
    expected = results(layer, x)
    for number in (2, 3, 5, 100):
        mg.set_num_threads(number)
        actual = results(layer, x)
        assert_close(actual, expected)
        for _ in range(3):
            assert_same(results(layer, x), actual)


@pytest.mark.parametrize("batch", [1, 2, 3, 5, 7, 13])
def test_odd_and_small_batches(batch):
    layer, x = network(batch=batch, steps=400)
    mg.set_num_threads(1)
    expected = results(layer, x)
    for number in (2, 4, 5):
        mg.set_num_threads(number)
        assert_close(results(layer, x), expected)


def test_both_directions_packed_and_projected():
    for options in ({"bidirectional": True}, {"proj_size": 40}, {"num_layers": 2}):
        layer, x = network(**options)
        packed = mg.nn.utils.rnn.pack_padded_sequence(
            x, list(range(60, 28, -1)), enforce_sorted=True
        )
        answers = []
        for number in (1, 2, 3):
            mg.set_num_threads(number)
            with mg.no_grad():
                answers.append([layer(packed)[0].data.numpy(), layer(x)[0].numpy()])
        assert_close(answers[1], answers[0])
        assert_close(answers[2], answers[0])


# -- next to others -------------------------------------------------------------------------------


def test_several_python_threads_at_once():
    mg.set_num_threads(3)
    works = [network(kind) for kind in family.WITH_KERNEL]
    expected = [results(*work) for work in works]

    def repeat(index):
        return [results(*works[index]) for _ in range(5)]

    with ThreadPoolExecutor(len(works)) as pool:
        for answers, wanted in zip(pool.map(repeat, range(len(works))), expected, strict=True):
            for answer in answers:
                assert_same(answer, wanted)


@pytest.mark.parametrize(
    ("first", "given", "expected"),
    [("", None, "18"), ("import numpy\n", None, "None"), ("", "20", "20")],
)
def test_blas_is_asked_to_let_go_of_processors(first, given, expected):
    environment = {k: v for k, v in os.environ.items() if k != "OPENBLAS_THREAD_TIMEOUT"}
    if given:
        environment["OPENBLAS_THREAD_TIMEOUT"] = given
    script = first + "import minigrad, os; print(os.environ.get('OPENBLAS_THREAD_TIMEOUT'))"
    result = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=120
    )
    assert (result.stdout.strip(), result.stderr) == (expected, "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_after_fork():
    script = """
import os, warnings
import minigrad as mg

warnings.simplefilter("ignore")  # Python warns of forks beside threads
mg.set_num_threads(3)
mg.manual_seed(0)
layer, x = mg.nn.LSTM(64, 96), mg.randn(60, 32, 64)
run = lambda: layer(x)[0].detach().numpy().tobytes()
expected = run()
child = os.fork()
if child == 0:
    os._exit(0 if run() == expected and run() == expected else 1)
assert run() == expected
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert in_child(script) == ("0", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_fork_while_another_thread_holds_the_generator():
    script = """
import os, threading, warnings
import minigrad as mg

warnings.simplefilter("ignore")  # Python warns of forks beside threads
mg.manual_seed(0)
mg.rand(1)
held, done = threading.Event(), threading.Event()

def hold():
    with mg.default_generator._lock:
        held.set()
        done.wait()

thread = threading.Thread(target=hold)
thread.start()
held.wait()
child = os.fork()
if child == 0:
    os._exit(0 if 0 <= mg.rand(1).item() < 1 else 1)
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
done.set()
thread.join()
print(code)
"""
    assert in_child(script) == ("0", "")


def test_workers_are_kept_and_sleep_between_calls():
    if not os.path.isdir("/proc/self/task"):
        pytest.skip("needs /proc")
    script = """
import os, time
import minigrad as mg

layer, x = mg.nn.LSTM(64, 96), mg.randn(60, 32, 64)
before = len(os.listdir("/proc/self/task"))
mg.set_num_threads(4)
for _ in range(20):
    layer(x)[0].sum().backward()
more = len(os.listdir("/proc/self/task")) - before
time.sleep(0.2)  # they look around for a moment
start = time.process_time()
time.sleep(1.0)
print(more, time.process_time() - start < 0.5)
"""
    workers = 0 if _kernels.level == "reference" else 3
    assert in_child(script, OPENBLAS_NUM_THREADS="1") == (f"{workers} True", "")
