"""Imports run one way: what stands below never knows what stands on top of it.

    viz     ->  replay
    replay  ->  nn, recurrences, plans, optim, utils, serialization, func  ->  distributed
                                     ->  tensor  ->  ops  ->  autograd  ->  arrays
    tensor, nn                       ->  random,   which knows no tensors, as arrays do not
    arrays, random, ops, optim, runtime  ->  _kernels, which knows nothing of minigrad

The files are parsed, not run, so that an import inside a function counts as well.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.once  # nothing is computed

PACKAGE = Path(__file__).parents[1] / "minigrad"

# From the ground up. A module may import modules of its own layer and of those below.
LAYERS = [
    {"_kernels", "version", "moved"},
    {"arrays", "runtime"},
    {"random"},
    {"autograd"},
    {"ops"},
    {"tensor"},
    {"distributed"},
    {"distributions", "func", "nn", "recurrences", "plans", "optim", "utils", "serialization"},
    {"replay"},
    {"debug", "testing", "viz"},
    {""},  # minigrad/__init__.py, which gathers the names
    {"onnx"},
    {"compat", "__main__"},
]
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}

# Rooms that know less than their floor would let them.
KNOW_ONLY = {
    "_kernels": set(),
    "arrays": {"_kernels"},
    "random": {"_kernels"},
    "autograd": {"arrays", "_kernels"},  # (what belongs to a thread)
}


def module_name(path: Path) -> str:
    """The dotted name of the module in a file, without "minigrad."; "" for the package itself."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def statements(tree: ast.AST, inside: bool = False) -> Iterator[tuple[ast.stmt, bool]]:
    """All import statements, and whether each is inside a function; those for type checkers not."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            yield child, inside
        function = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        yield from statements(child, inside or function)


def base_of(statement: ast.ImportFrom, name: str, path: Path) -> str | None:
    """The full name after ``from``, without "minigrad."; None if it is not in minigrad."""
    named = statement.module or ""
    if not statement.level:
        if named == "minigrad" or named.startswith("minigrad."):
            return named.removeprefix("minigrad").removeprefix(".")
        return None
    parts = ["minigrad", *name.split(".")] if name else ["minigrad"]
    if path.name != "__init__.py":
        parts = parts[:-1]
    parts = parts[: len(parts) - statement.level + 1] + ([named] if named else [])
    return ".".join(parts).removeprefix("minigrad").removeprefix(".")


def imports(name: str) -> list[tuple[str, bool]]:
    """What a module of minigrad imports from minigrad, and whether inside a function."""
    path = MODULES[name]
    found = []
    for statement, inside in statements(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                if alias.name.split(".")[0] == "minigrad":
                    found.append((alias.name.removeprefix("minigrad").removeprefix("."), inside))
            continue
        assert isinstance(statement, ast.ImportFrom)
        base = base_of(statement, name, path)
        if base is not None:
            for alias in statement.names:
                part = f"{base}.{alias.name}".removeprefix(".")
                found.append((part if part in MODULES else base, inside))
    return found


def top(name: str) -> str:
    return name.partition(".")[0]


def test_every_module_has_a_layer():
    homeless = sorted({top(name) for name in MODULES} - set(RANK))
    assert not homeless, f"name their layer in LAYERS: {homeless}"


ROOMS = [name for name, path in MODULES.items() if name and path.name == "__init__.py"]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_what_is_in_it(room):
    """Each of its modules is named in the docstring of its ``__init__.py``, or imported there."""
    tree = ast.parse(MODULES[room].read_text(encoding="utf-8"))
    text = ast.get_docstring(tree) or ""
    imported = {
        part for node in tree.body if isinstance(node, ast.ImportFrom) and node.level == 1
        for part in (node.module, *[alias.name for alias in node.names])
    }  # fmt: skip
    there = {name.rpartition(".")[2] for name in MODULES if name.rpartition(".")[0] == room}
    assert sorted(there - imported - set(re.findall(r"`(\w+)`", text))) == []
    listed = re.findall(r"^- ((?:`\w+`(?:, )?)+):", text, re.MULTILINE)
    assert set(re.findall(r"\w+", " ".join(listed))) <= there


@pytest.mark.parametrize("name", MODULES)
def test_imports_run_one_way(name):
    for imported, _ in imports(name):
        assert RANK[top(imported)] <= RANK[top(name)], (
            f"minigrad.{name} imports minigrad.{imported}, which stands above it"
        )


@pytest.mark.parametrize("name", [name for name in MODULES if top(name) in KNOW_ONLY])
def test_lower_rooms_know_little(name):
    known = {top(imported) for imported, _ in imports(name)}
    assert known <= {top(name), *KNOW_ONLY[top(name)]}


@pytest.mark.parametrize("name", [n for n in MODULES if top(n) not in ("compat", "__main__")])
def test_the_core_does_not_know_compat(name):
    assert "compat" not in {top(imported) for imported, _ in imports(name)}
    text = MODULES[name].read_text(encoding="utf-8")
    lazy = 'import_module("minigrad.compat.names")'
    assert text.count("minigrad.compat") == (text.count(lazy) if name == "" else 0)


@pytest.mark.parametrize("name", [name for name in MODULES if top(name) != "_kernels"])
def test_compiled_modules_are_reached_through_the_package(name):
    """So that the choice of a level is made in one place."""
    for imported, _ in imports(name):
        assert not imported.startswith("_kernels."), f"minigrad.{name} imports minigrad.{imported}"
    assert "minigrad._kernels." not in MODULES[name].read_text(encoding="utf-8")


@pytest.mark.parametrize("name", MODULES)
def test_no_import_hides_in_a_function(name):
    """Where one does, it hides a cycle."""
    assert [imported for imported, inside in imports(name) if inside] == []


def test_there_are_no_cycles():
    """Neither between files: whatever order they are imported in, each finds what it needs."""
    below = {
        name: sorted({imported for imported, inside in imports(name) if not inside} - {name})
        for name in MODULES
    }
    finished: set[str] = set()

    def visit(name: str, path: list[str]) -> None:
        assert name not in path, "cycle: " + " -> ".join([*path[path.index(name) :], name])
        if name not in finished:
            for imported in below[name]:
                visit(imported, [*path, name])
            finished.add(name)

    for name in MODULES:
        visit(name, [])


def test_the_parser_sees_what_it_should():
    """A parser that finds nothing would let everything above pass."""
    assert ("ops.elementwise", False) in imports("tensor.tensor")
    assert ("_kernels", False) in imports("recurrences.operation")
    assert ("autograd.engine", False) in imports("autograd.backward")
    assert ("nn", False) in imports("")
    tree = ast.parse("import a\ndef f():\n    import b\nif TYPE_CHECKING:\n    import c\n")
    assert [(s.names[0].name, inside) for s, inside in statements(tree)] == [
        ("a", False), ("b", True),
    ]  # fmt: skip
