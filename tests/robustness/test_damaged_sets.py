"""A slice of `benchmarks/fuzz_sets.py`: whatever is damaged of a set is refused, or is read as what it was."""

from __future__ import annotations

import collections
import importlib.util
from pathlib import Path
from typing import Any

FUZZ = Path(__file__).parents[2] / "benchmarks" / "fuzz_sets.py"
WERE_FAULTS = (25, 368, 409, 606, 663, 757, 877, 927, 1801, 7067)
"""Damages that raised something else once: of a run's sources, data, schedule, inputs and classes."""


def fuzzer() -> Any:
    spec = importlib.util.spec_from_file_location("fuzz_sets", FUZZ)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_damaged_set_is_refused_in_one_line_or_equal_and_never_another_where_its_digests_stand(
    tmp_path: Path,
) -> None:
    found = list(fuzzer().fuzz(0, 60, tmp_path))
    assert [one for one in found if one[1] == "exception"] == []
    counts = collections.Counter(what for _, what, _ in found)
    assert counts["refused"] > 40 and counts["changed"] > 0


def test_what_was_a_fault_once_is_none_now(tmp_path: Path) -> None:
    fuzz = fuzzer()
    with fuzz.Session(tmp_path / "runs", device="cpu", workers=1) as session:
        files = fuzz.bases(tmp_path, session)
        found = {number: fuzz.outcome(number, files, tmp_path, session) for number in WERE_FAULTS}
    assert {number for number, (what, _) in found.items() if what == "exception"} == set()
