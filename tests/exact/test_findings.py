"""Findings as data: what goes through JSON comes back, and sets are held beside one another by their numbers."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limbeck.comparison import of_facts
from limbeck.core.findings import Claim, Fact, Finding, Row, Table, out_of_date
from limbeck.report.figures.equivalence import budget
from limbeck.report.figures.figure import SetFinding
from limbeck.sizes import over_sizes
from limbeck.statistics.estimates import crossing, estimate

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


def finding(name: str, **facts: float) -> Finding:
    told = tuple(Fact.once(fact, value) for fact, value in facts.items())
    return Finding("substitution", name, "What?", "so", "note", facts=told)


def made(size: int, method: str = "") -> SimpleNamespace:
    """As much of a set as is asked of it: how many items of a class it has, and by which part it was made, if told."""
    recipe = {"objective": {"part": f"objectives/{method}"}} if method else None
    return SimpleNamespace(per_class=size, spec={"recipe": recipe})


@given(st.lists(st.tuples(st.integers(0, 9), NUMBERS, st.text(max_size=5) | st.none())), NUMBERS, st.text())
def test_a_finding_comes_back_from_json(rows: list, value: float, text: str) -> None:
    table = Table("t", ("count", "value", "text"), tuple(rows), "all of them")
    found = Finding("mixing", text, "Is it?", text, "use", (Fact(text, value, value, value, 3),), (table,), "m", ("c",))
    assert Finding.of(json.loads(json.dumps(found.document(), allow_nan=False))) == found


def test_a_number_that_is_not_finite_is_told_as_none() -> None:
    found = Finding(
        "p", "s", "q", "v", "note", tables=(Table("t", ("x",), ((float("nan"),), (float("inf"),), (1.0,))),)
    )
    assert Finding.of(found.document()).table("t").column("x") == [None, None, 1.0]


@dataclass(frozen=True)
class Reading(Row, table="readings"):
    step: int
    class_: str
    low_gain: float
    high_gain: float | None


READINGS = st.builds(Reading, st.integers(0, 9), st.text(max_size=5), NUMBERS, NUMBERS | st.none())


def of(*tables: Table) -> Finding:
    return Finding("p", "s", "Is it?", "It is.", "note", tables=tables)


@given(st.lists(READINGS))
def test_rows_come_back_from_json(rows: list[Reading]) -> None:
    table = Reading.table(rows)
    assert table.columns == ("step", "class", "low gain", "high gain")
    assert Reading.of(Finding.of(json.loads(json.dumps(of(table).document(), allow_nan=False)))) == rows


def test_numbers_that_are_not_finite_come_back_as_none_or_as_no_number() -> None:
    found = of(Reading.table([Reading(0, "a", math.inf, math.nan)]))
    ((step, _, low, high),) = Finding.of(found.document()).table("readings").rows
    assert (step, low, high) == (0, None, None)
    (row,) = Reading.of(Finding.of(found.document())) or []
    assert math.isnan(row.low_gain) and row.high_gain is None


def test_the_order_of_columns_is_free_and_a_whole_number_is_a_number() -> None:
    table = Table("readings", ("class", "high gain", "step", "low gain"), (("a", 1, 2, 3),))
    assert Reading.of(of(table)) == [Reading(2, "a", 3.0, 1.0)]
    assert out_of_date(of(table), (Reading,)) == ""


@pytest.mark.parametrize(
    ("columns", "row", "why"),
    [
        (
            ("step", "class", "low gain", "top gain"),
            (0, "a", 1.0, 1.0),
            "no column 'high gain', an unknown column 'top gain'",
        ),
        (("step", "class", "low gain"), (0, "a", 1.0), "no column 'high gain'"),
        (("step", "class", "low gain", "high gain"), (0, "a", "b", 1.0), "'b' in column 'low gain'"),
        (("step", "class", "low gain", "high gain"), (0.5, "a", 1.0, 1.0), "0.5 in column 'step'"),
        (("step", "class", "low gain", "high gain"), (0, None, 1.0, 1.0), "None in column 'class'"),
    ],
)
def test_a_table_of_other_columns_or_values_is_out_of_date(columns: tuple, row: tuple, why: str) -> None:
    table = Table("readings", columns, (row,))
    assert Reading.of(of(table)) is None
    assert out_of_date(of(table), (Reading,)) == f"table 'readings' has {why}"


def test_a_table_that_is_missing_or_unknown_is_out_of_date_and_an_answer_without_tables_is_not() -> None:
    other = replace(Reading.table([]), name="others")
    assert out_of_date(of(other), (Reading,)) == "table 'readings' is missing; table 'others' is unknown"
    assert Reading.of(of(other)) is None and Reading.of(of(Reading.table([]))) == []
    assert out_of_date(of(), (Reading,)) == ""


def test_facts_and_tables_are_found_by_name_and_others_are_not() -> None:
    found = finding("a", accuracy=0.5)
    assert found.fact("accuracy").value == 0.5
    with pytest.raises(KeyError):
        found.fact("accurcy")
    with pytest.raises(KeyError):
        found.table("t")


def test_what_only_one_set_has_is_not_compared() -> None:
    across = over_sizes([finding("a", x=1.0, y=2.0), finding("b", x=3.0)], {"a": made(1), "b": made(10)})
    assert across is not None
    (table,) = across.tables
    assert [row[3:6] for row in table.rows] == [("a", 1, 1.0), ("b", 10, 3.0)]
    assert {row[:3] for row in table.rows} == {("substitution", "x", "")}


def test_sets_of_one_size_have_no_budget_to_compare_and_others_are_told_from_the_smallest_to_the_largest() -> None:
    found = [finding("b", x=3.0), finding("a", x=1.0), finding("c", x=7.0)]
    assert over_sizes(found, {"a": made(10), "b": made(10), "c": made(10)}) is None
    across = over_sizes(found, {"b": made(10), "a": made(1), "c": made(50)})
    assert across is not None and across.verdict == "From 1 to 50 items per class: x 1 to 7."
    assert over_sizes([], {"a": made(1), "b": made(10)}).verdict.endswith("no number was measured for both.")  # type: ignore[union-attr]


def test_sizes_of_two_recipes_are_told_and_drawn_apart() -> None:
    """Two lines, each through the sizes of one recipe, by names or by parts; where neither tells, dots."""
    values = {("dm", 1): 1.0, ("kmeans", 1): 3.0, ("dm", 10): 2.0, ("kmeans", 10): 7.0}
    by_names, others, ends = "{}-ipc{}.safetensors", "{1}{0}.safetensors", "from 1 to 10 items per class: x"
    for form, parts, said in (
        (by_names, False, f"Of dm, {ends} 1 to 2. Of kmeans, {ends} 3 to 7."),
        (others, True, f"Of 1dm, 10dm, {ends} 1 to 2. Of 1kmeans, 10kmeans, {ends} 3 to 7."),
        (others, False, ""),
    ):
        sets = {form.format(*key): made(key[1], key[0] if parts else "") for key in values}
        across = over_sizes([finding(form.format(*key), x=value) for key, value in values.items()], sets)
        assert across is not None
        lines = 2 if said else 0
        if said:
            assert across.verdict == said
        (figure,) = budget([SetFinding(0, "all", across)])
        drawn = re.findall(r'<path d="([^"]*)" class="line ', figure.picture)
        assert [len(re.findall(r"[ML]", path)) for path in drawn] == [2] * lines
        assert [len(set(re.findall(r"[ML]([\d.]+) ", path))) for path in drawn] == [2] * lines
        assert figure.picture.count('class="dots') == (not lines)


def test_sets_of_two_recipes_that_differ_in_size_too_are_not_held_against_each_other() -> None:
    found = [finding("hdt", x=1.0), finding("random", x=7.0)]
    assert over_sizes(found, {"hdt": made(1351, "hdt"), "random": made(28, "random")}) is None


@given(st.lists(st.floats(0.01, 1.0), min_size=1, max_size=6), st.floats(0.0, 6.0))
def test_a_crossing_is_where_the_line_between_two_points_has_the_level(rises: list[float], level: float) -> None:
    values = [float(sum(rises[:index])) for index in range(len(rises) + 1)]
    at = [float(3 * index) for index in range(len(values))]
    where = crossing(level, at, values)
    if level > values[-1]:
        assert where == float("inf")
    else:
        index = min(int(where // 3), len(rises) - 1)
        assert values[index] + (where / 3 - index) * rises[index] == pytest.approx(level, abs=1e-9)


def test_an_estimate_has_the_interval_of_its_values() -> None:
    fact = estimate("x", [1.0, 2.0, 3.0])
    assert (fact.name, fact.value, fact.n) == ("x", 2.0, 3)
    assert (fact.low, fact.high) == pytest.approx((2 - 2.484138, 2 + 2.484138), abs=1e-5)


def test_facts_stand_beside_their_control_and_what_they_are_held_against() -> None:
    facts = (Fact("gain", 0.1, 0.05, 0.15, 5), Fact("accuracy", 0.4, 0.3, 0.5, 5), Fact.once("items", 20.0))
    control = (Fact("gain", 0.0, -0.05, 0.05, 3),)
    claims = (Claim("gain", 0.0, "above", 0),)
    found = Finding("p", "s", "Is it?", "It is.", "use", facts, control=control, claims=claims)
    table = of_facts(found)
    assert table.columns[5:] == ("control", "control low", "control high", "held against", "lies")
    assert table.rows[0] == ("gain", 0.1, 0.05, 0.15, 5, 0.0, -0.05, 0.05, 0.0, "above")
    assert table.rows[1][5:] == (None,) * 5 and table.rows[2][0] == "items"
    alone = of_facts(Finding("p", "s", "Is it?", "It is.", "note", facts))
    assert alone.columns == ("fact", "value", "low", "high", "n"), "columns that nothing stands in are left out"


def test_what_is_claimed_and_what_would_decide_the_rest_is_data() -> None:
    claims = (Claim("gain", 0.0, "open", 9), Claim("loss", 0.5, "above", 0))
    found = Finding("p", "s", "Is it?", "Inconclusive.", "unknown", claims=claims, deciding="about 6 more seeds would")
    assert Finding.of(json.loads(json.dumps(found.document()))) == found
    timed = replace(found, seconds=250.0)
    assert timed.document() == found.document(), "how long it takes here is nothing that was found"
    assert timed.words == "Inconclusive. About 6 more seeds would, 4 min 10 s here."
    assert found.words == "Inconclusive. About 6 more seeds would."
    old = {name: value for name, value in found.document().items() if name not in ("claims", "control", "deciding")}
    assert Finding.of(old).claims == (), "a finding of before is read as one that claims nothing"
