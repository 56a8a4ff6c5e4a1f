"""The programs of `benchmarks/` run for hours and seldom: what they take from limbeck must be there before."""

import ast
import importlib
import importlib.util
from pathlib import Path

import pytest

PROGRAMS = sorted((Path(__file__).parents[2] / "benchmarks").glob("*.py"))


def there(module: str, name: str) -> bool:
    """Whether a module has a name, or a module under it."""
    found = importlib.import_module(module)
    if hasattr(found, name):
        return True
    return hasattr(found, "__path__") and importlib.util.find_spec(f"{module}.{name}") is not None


def missing(source: str) -> list[str]:
    """What a program takes from limbeck that is not there."""
    taken = [each for each in ast.walk(ast.parse(source)) if isinstance(each, ast.ImportFrom)]
    ours = [each for each in taken if (each.module or "").partition(".")[0] == "limbeck"]
    return [
        f"{each.module}.{alias.name}"
        for each in ours
        for alias in each.names
        if not there(str(each.module), alias.name)
    ]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_takes_what_is_there(program: Path) -> None:
    assert missing(program.read_text()) == []


def test_what_is_not_there_is_found() -> None:
    assert missing("from limbeck.runs.plan import Plan, nothing_of_this_name") == [
        "limbeck.runs.plan.nothing_of_this_name"
    ]
