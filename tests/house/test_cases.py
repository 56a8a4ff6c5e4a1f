"""The recorded table of cases names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "benchmarks" / "results" / "cases.md"


def test_every_case_names_a_test_that_exists() -> None:
    known = {
        name
        for file in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def test_(\w+)", file.read_text(), re.M)
    }
    rows = [
        line for line in TABLE.read_text().splitlines() if line.startswith("| ") and not line.startswith("| `python")
    ]
    named = [re.findall(r"`([a-z0-9_]+)`", row.rpartition(" | ")[2]) for row in rows]
    assert sum(map(len, named)) > 50
    assert {name for names in named for name in names} <= known
