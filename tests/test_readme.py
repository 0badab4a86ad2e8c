"""The README: its programs print what it shows, its commands and links are right."""

import contextlib
import io
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")

# (language, text) of each fenced block, and what stands between it and the next one
FENCED = re.findall(r"^```(\w+)\n(.*?)^```$(.*?)(?=^```|\Z)", README, re.MULTILINE | re.DOTALL)
PROGRAMS = [
    (program, FENCED[k + 1][1] if not between.strip() and k + 1 < len(FENCED) else "")
    for k, (language, program, between) in enumerate(FENCED)
    if language == "python"
]


def test_every_output_belongs_to_a_program():
    languages = [language for language, _, _ in FENCED]
    assert languages == ["python", "text"] * len(PROGRAMS)
    assert len(PROGRAMS) >= 3
    assert all(output for _, output in PROGRAMS)


@pytest.mark.parametrize(("program", "output"), PROGRAMS)
def test_programs_print_what_is_shown(program, output):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(program, "README.md", "exec"), {"__name__": "__main__"})
    assert printed.getvalue() == output


@pytest.mark.parametrize(
    "command",
    [
        "pip install -e . && python examples/01_hello_ohlol.py",
        'pip install -e ".[test]" && python -m pytest',
    ],
)
def test_commands_stand_on_lines_of_their_own(command):
    assert README.splitlines().count(f"    {command}") == 1


def test_files_that_are_named_exist():
    named = re.findall(r"(?:minigrad|examples|docs)/[\w/.-]*", README)
    linked = re.findall(r"\]\((?!https?:)([^)#]+)", README)
    assert {"minigrad/autograd/engine.py", "LICENSE"} <= {*named, *linked}
    missing = [path for path in (*named, *linked) if not (ROOT / path).exists()]
    assert missing == []


def test_each_example_is_named():
    numbers = [path.name[:2] for path in (ROOT / "examples").glob("[0-9]*.py")]
    assert [number for number in numbers if f"`{number}`" not in README] == []
