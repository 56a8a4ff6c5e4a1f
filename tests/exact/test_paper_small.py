"""The marks of the paper's claims: from an interval alone, by the rule of verdicts."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from limbeck.core.findings import Fact, Finding


@pytest.fixture(scope="module")
def marks(checkout: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("paper_small", checkout / "benchmarks" / "paper_small.py")
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules["paper_small"] = made
    spec.loader.exec_module(made)
    return made


@pytest.mark.parametrize(
    ("fact", "said"),
    [
        (Fact("", 0.33, 0.31, 0.36, 6), "holds"),
        (Fact("", 0.29, 0.26, 0.299, 6), "**does not hold**"),
        (Fact("", 0.33, 0.29, 0.36, 6), "open"),
        (Fact("", 0.33, 0.33, 0.33, 1), "open"),
        (Fact("", 0.33, 0.32, 0.34, 2), "open"),
    ],
)
def test_a_mark_rests_on_an_interval_and_three_draws(marks: ModuleType, fact: Fact, said: str) -> None:
    assert marks.mark(fact, 0.3, "above") == said
    mirrored = Fact("", -fact.value, -fact.high, -fact.low, fact.n)
    assert marks.mark(mirrored, -0.3, "below") == said


def test_two_numbers_whose_intervals_overlap_are_not_told_apart(marks: ModuleType) -> None:
    ours, real = Fact("", 0.33, 0.31, 0.36, 6), Fact("", 0.34, 0.29, 0.39, 6)
    assert marks.mark(marks.less(ours, real), 0, "above") == "open"
    # Welch by hand: u = (half / t(0.975, 5))^2 of each, half-widths 0.03 and 0.05.
    found = marks.less(Fact("", 0.5, 0.47, 0.53, 6), Fact("", 0.3, 0.25, 0.35, 6))
    u = [(half / 2.570582) ** 2 for half in (0.03, 0.05)]
    freedom = sum(u) ** 2 / sum(each**2 / 5 for each in u)
    assert 7 < freedom < 9 and found.high - found.value == pytest.approx(2.2907 * sum(u) ** 0.5, rel=0.02)
    assert marks.mark(found, 0, "above") == "holds"


def test_all_inequalities_of_a_claim_must_hold(marks: ModuleType) -> None:
    assert marks.together(["holds", "holds"]) == "holds"
    assert marks.together(["holds", "open"]) == "open"
    assert marks.together(["open", "**does not hold**", "holds"]) == "**does not hold**"


def found(value: float, low: float, high: float) -> dict[str, dict[str, Finding]]:
    fact = Fact("change by the set", value, low, high, 5)
    finding = Finding("continuation", "mtt", "?", "!", "note", (fact,), control=(fact._replace(value=0.0),))
    return {"mtt": {"continuation": finding}}


def test_a_weak_set_refutes_no_claim_about_strong_ones(marks: ModuleType) -> None:
    (row,) = (row for row in marks.ROWS if row.id == "E1")
    costs = marks.answered(row, found(-0.05, -0.07, -0.03))
    assert "needs sets as strong as the paper's" in costs.verdict and "**" not in costs.verdict
    kept = marks.answered(row, found(0.001, -0.002, 0.003))
    assert "TM: holds" in kept.verdict and "BPTT: open" in kept.verdict, "what was not measured is open"
    assert "control" in kept.beside and "0.1 (-0.2 to 0.3, n 5)" in kept.ours


def test_what_was_not_measured_is_open_and_says_so(marks: ModuleType) -> None:
    for row in marks.ROWS:
        answer = marks.answered(row, {})
        assert answer.verdict in (marks.UNDECIDED, marks.GPU, marks.TESTED), row.id
