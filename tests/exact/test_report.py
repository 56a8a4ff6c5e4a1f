"""The page of a study: its numbers are the findings', names are text, and charts put values where they belong."""

from __future__ import annotations

import base64
import io
import json
import math
import re
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from types import ModuleType, SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from markupsafe import Markup

from limbeck.comparison import short_names
from limbeck.core.findings import Fact, Finding, Row, Table, out_of_date
from limbeck.distilled_set import DistilledSet
from limbeck.parameterizations.soft_targets import SoftTargets
from limbeck.probes.tables.influence import ExampleRow
from limbeck.probes.tables.mimicry import FEATURES, INPUTS, ConfusionRow, NearestRow
from limbeck.report import page, rows_needed, training_rows_needed
from limbeck.report.charts import Axis, Dots, Line, Linear, Log, Log1p, Look, Rule, contour, density, heat, plot
from limbeck.report.charts.contour import levels, lines, refined
from limbeck.report.charts.plot import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH
from limbeck.report.data import RANKS
from limbeck.report.figures.figure import SetFinding, once, rows_of
from limbeck.report.gallery import gallery
from limbeck.report.numbers import MOST, PageTable, written
from limbeck.report.pictures import exact, small
from limbeck.report.sections import FIGURES, Section, beside, rows_by_probe, sections
from limbeck.sizes import over_sizes


class Reader(HTMLParser):
    """The text of a page, its elements, its tables by key, and its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.scripts: dict[str, str] = {}
        self._table = self._cell = self._script = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.elements.append((tag, named))
        if tag == "table" and "data-key" in named:
            self._table = self.tables[str(named["data-key"])] = []
        if tag == "tr" and self._table is not None:
            self._table.append([])
        if tag in ("td", "th") and self._table is not None:
            self._table[-1].append("")
        if tag == "script":
            self._script = named.get("id") or "code"

    def handle_endtag(self, tag: str) -> None:
        if tag == "table":
            self._table = None
        if tag == "script":
            self._script = None

    def handle_data(self, data: str) -> None:
        if self._script is not None:
            self.scripts[self._script] = self.scripts.get(self._script, "") + data
        elif self._table is not None and self._table and self._table[-1]:
            self._table[-1][-1] += data.strip("\n")
        else:
            self.text.append(data)


def values_of(document: dict) -> list[tuple]:
    """The rows of a table as the page holds it for a download."""
    columns = [
        [column["of"][place] for place in column["at"]] if isinstance(column, dict) else column
        for column in document["values"]
    ]
    return list(zip(*columns, strict=True))


@pytest.fixture(scope="module")
def read(studied: ModuleType) -> Reader:
    return Reader(page(studied.report_data()))


def test_every_verdict_question_method_and_caveat_is_on_the_page_as_text(read: Reader, studied: ModuleType) -> None:
    text = "".join(read.text)
    for finding in studied.findings():
        for said in (finding.verdict, finding.question, finding.method, *finding.caveats):
            assert said in text
    assert text.count(studied.findings()[0].verdict) == 2, "on the card and in its section"


def test_tables_of_the_page_are_the_findings_numbers_to_their_digits(read: Reader, studied: ModuleType) -> None:
    documents = json.loads(read.scripts["tables"])
    wanted = [table for finding in studied.findings() for table in finding.tables]
    assert len(documents) >= len(wanted)
    for table in wanted:
        rows = [[written(value) for value in row] for row in table.rows]
        there = [key for key, cells in read.tables.items() if cells == [list(table.columns), *rows[:MOST]]]
        assert there, table.name
        found = documents[there[0]]
        assert found["columns"] == list(table.columns)
        for row, values in zip(table.rows, values_of(found), strict=True):
            for value, other in zip(row, values, strict=True):
                assert other == (pytest.approx(value, rel=1e-6) if isinstance(value, float) else value)


def test_facts_stand_with_their_intervals_and_what_is_no_number_is_empty(read: Reader) -> None:
    facts = [cells for cells in read.tables.values() if cells[0] == ["fact", "value", "low", "high", "n"]]
    assert facts
    for cells in facts:
        assert ["seed correlation within class", "0.25", "0.125", "0.375", "10"] in cells
        assert ["not known", "", "", "", "1"] in cells


def test_nothing_from_data_becomes_an_element_or_ends_a_script(read: Reader, studied: ModuleType) -> None:
    scripts = [named for tag, named in read.elements if tag == "script"]
    assert [named.get("id") for named in scripts] == ["data", "tables", None]
    for tag, named in read.elements:
        assert not any(name.startswith("on") for name in named), (tag, named)
        assert tag not in ("b", "i", "u", "em", "iframe", "object")
        for name in ("src", "href"):
            assert (named.get(name) or "#").startswith(("data:image/", "data:,", "#")), (tag, named)
    assert "<" not in read.scripts["data"] and "<" not in read.scripts["tables"]
    text = "".join(read.text)
    assert all(name in text for name in studied.CLASSES)


def test_the_page_allows_its_own_script_and_style_alone(studied: ModuleType) -> None:
    import hashlib

    text = page(studied.report_data())
    policy = next(named["content"] for tag, named in Reader(text).elements if named.get("http-equiv"))
    assert policy is not None and "default-src 'none'" in policy and "unsafe" not in policy
    code = re.findall(r"<(?:style|script)>(.*?)</(?:style|script)>", text, re.DOTALL)
    for part in code:
        assert base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() in policy
    assert len(code) == 2


def test_ids_are_unique_and_links_lead_somewhere(read: Reader) -> None:
    svg = [named["id"] for tag, named in read.elements if "id" in named]
    assert len(set(svg)) == len(svg)
    for tag, named in read.elements:
        if tag == "a":
            assert str(named["href"]).removeprefix("#") in svg


def test_a_set_that_is_alone_or_has_no_images_or_findings_has_a_page(studied: ModuleType) -> None:
    whole = studied.report_data()
    name, distilled = whole.distilled_sets[0]
    two = {"inputs": distilled.params.learned["inputs"][:, :2]}
    flat = replace(distilled, params=distilled.params._replace(learned=two),
                   codec=replace(distilled.codec, mean=(0.5,) * 2, std=(0.25,) * 2))  # fmt: skip
    text = page(replace(whole, distilled_sets=((name, flat),), findings=(), rows=(), examples={}, facts={}))
    assert "are not drawn" in text
    # In place of pictures stands a row for each item.
    listed = Reader(text).tables["items-1"]
    assert [row[:2] for row in listed[1:]] == [[str(item), studied.CLASSES[item // 2]] for item in range(10)]
    unknown = [replace(each, tables=(), facts=(), tone="unknown") for each in whole.findings if each.set == name]
    assert "verdict 3" in page(replace(whole, distilled_sets=whole.distilled_sets[:1], findings=tuple(unknown)))


def test_cards_show_the_score_and_the_baselines_of_their_size(read: Reader, studied: ModuleType) -> None:
    (card,) = (cells for key, cells in read.tables.items() if key == "card-1-scores")
    assert [row[0] for row in card[1:]] == [studied.SETS[0], "random", "full"]
    assert card[1][4:8] == ["0.3", "0.28", "0.32", "5"]
    text = " ".join("".join(read.text).split())
    assert "test accuracy30.0 % 28.0 to 32.0 %, convnet, n 5; this one set, seed 0" in text
    assert "equivalent to> 60 real examples per class (12 to > 60)" in text
    assert "equivalent to47 steps on all real data (< 1 to 110)" in text
    worse = "convnet: This one set, seed 0, is significantly worse to train on than as many real examples by random, by"
    assert worse in text and "95 % interval over learners of this one set" in text
    assert card[1][-2:] == ["1", "this one set, seed 0"] and card[2][-2:] == ["0", ""]


def test_all_real_data_that_were_trained_on_for_too_short_are_called_so_wherever_they_stand(
    studied: ModuleType,
) -> None:
    whole = studied.report_data()
    short = {"about": "after 5 epochs", "whole": False}
    rows = tuple({**row, **short} if row["set"] == "full" else row for row in whole.rows)
    text = " ".join("".join(Reader(page(replace(whole, rows=rows))).text).split())
    assert text.count("full, after 5 epochs") > 2
    assert "How far it is from all real data is not known: after 5 epochs these had not levelled off" in text
    assert "is not known" not in " ".join("".join(Reader(page(whole)).text).split())


def test_scores_of_one_protocol_stand_together_and_a_baseline_beside_its_set(studied: ModuleType) -> None:
    whole = studied.report_data()
    own = [
        {**row, "protocol": "own", "beside": beside, "mean": row["mean"] / 2}
        for row in whole.rows
        for beside in (studied.SETS if row["set"] == "random" else ("",))
    ]
    read = Reader(page(replace(whole, rows=(*whole.rows, *own))))
    scores = {key: cells[1:] for key, cells in read.tables.items() if key.startswith("scores-")}
    assert len(scores) == 6
    for cells in scores.values():
        assert len({cell[8] for cell in cells}) == 1
    # Under each of two networks, and under both; by own there is a baseline for each of two sets.
    assert sorted(len(cells) for cells in scores.values()) == [4, 4, 5, 5, 8, 10]
    text = "".join(read.text)
    for name in short_names(studied.SETS, ".safetensors").values():
        assert f"random beside {name}" in text
    for title in ("Accuracy of learners, mlp", "Accuracy under every network"):
        assert all(f"{title}, protocol {protocol}" in text for protocol in ("yang2024", "own"))
    (card,) = (cells for key, cells in read.tables.items() if key == "card-1-scores")
    assert [row[0] for row in card[1:]] == [studied.SETS[0], "random", "full"]


def test_selections_that_are_the_same_images_stand_once_side_by_side(studied: ModuleType) -> None:
    whole = studied.report_data()
    like = next(row for row in whole.rows if row["set"] == "random")
    same, another = ({**like, "set": name} for name in ("herding", "kmeans"))
    for values, names in ((like["values"], ["herding, kmeans"]), ([0.1, 0.2, 0.3, 0.2, 0.2], ["herding", "kmeans"])):
        rows = (*(row for row in whole.rows if row["set"] != "random"), same, {**another, "values": values})
        read = Reader(page(replace(whole, rows=rows)))
        of_network = [row[0] for row in read.tables["scores-1-scores"][1:]]
        assert of_network == [*studied.SETS, "full", *names]


def test_what_an_image_is_goes_with_its_item(read: Reader, studied: ModuleType) -> None:
    data = json.loads(read.scripts["data"])
    distilled = studied.a_set(studied.SETS[1])
    known = data["sets"][1]["items"]["7"]
    assert known["class"] == studied.CLASSES[3]
    assert known["low"] == pytest.approx(float(distilled.native[7].min()), rel=1e-3)
    assert known["targets"] == [[studied.CLASSES[3], 1]]
    assert [len(known[side]) for side in ("helped", "harmed", "attributes")] == [5, 5, 1]
    row, _, influence = known["helped"][0]
    examples = next(each for each in studied.tables("influence") if each.name == "examples")
    wanted = next(each for each in examples.rows if each[:3] == (7, "helped", 1))
    assert (row, influence) == (wanted[3], pytest.approx(wanted[5], rel=1e-3))
    assert data["sets"][1]["examples"] in json.loads(read.scripts["tables"])
    assert set(map(int, data["examples"])) == set(rows_needed(studied.findings()))


def test_one_image_with_soft_targets_has_a_page_and_tells_three_of_them(studied: ModuleType) -> None:
    whole = studied.report_data()
    name, distilled = whole.distilled_sets[0]
    targets = torch.tensor([[0.1, 0.4, 0.3, 0.15, 0.05]])
    alone = replace(distilled)
    alone.__dict__["batch"] = distilled.batch._replace(
        inputs=distilled.batch.inputs[:1], targets=targets, classes=distilled.batch.classes[:1]
    )
    text = page(replace(whole, distilled_sets=((name, alone),)))
    known = json.loads(Reader(text).scripts["data"])["sets"][0]["items"]
    assert list(known) == ["0"]
    assert [value for _, value in known["0"]["targets"]] == [0.4, 0.3, 0.15]


def test_rows_needed_are_those_of_the_first_ranks() -> None:
    listed = [("helped", 1, 7), ("helped", 6, 8), ("harmed", 5, 3), ("sample", 1, 4)]
    examples = ExampleRow.table(ExampleRow(0, side, rank, row, "a", 1.0, 1.0) for side, rank, row in listed)
    finding = Finding("influence", "s", "?", "!", "note", tables=(examples,))
    assert rows_needed([finding]) == (3, 7)


FIGURES_OF = {
    "substitution": 3,
    "recognition": 4,
    "mimicry": 7,
    "mixing": 2,
    "cross-architecture": 2,
    "agreement": 3,
    "learning-time": 2,
    "curvature": 4,
    "landscape": 4,
    "continuation": 1,
    "influence": 2,
    "semantics": 3,
    "surface": 14,
    "episodes": 4,
    "reliance": 1,
    "budget": 3,
}
"""Of two sets: a figure of one set alone counts twice."""


def all_findings(studied: ModuleType) -> list[Finding]:
    """Those of every probe, and what is found across two sizes."""
    findings = list(studied.findings())
    facts = [each for each in findings if each.probe == "mixing"]
    across = over_sizes(
        facts,
        {name: SimpleNamespace(per_class=size, spec={}) for name, size in zip(studied.SETS, (1, 10), strict=True)},
    )
    assert across is not None
    return [*findings, across]


def sections_of(findings: list[Finding], studied: ModuleType) -> dict[str, Section]:
    order = {name: index for index, name in enumerate(studied.SETS)}
    return {section.probe: section for section in sections(findings, order, {})}


def test_every_figure_of_every_probe_is_drawn_from_its_tables(studied: ModuleType) -> None:
    from limbeck.probes import PROBES

    assert set(FIGURES_OF) == set(FIGURES) and set(PROBES.parts) | {"budget"} == set(FIGURES)
    for probe, section in sections_of(all_findings(studied), studied).items():
        drawn = [each.figure.title for each in section.figures]
        assert len(drawn) == FIGURES_OF.get(probe, 0), (probe, drawn)
        assert section.outdated == () and all(each.tables for each in section.figures)
        if probe != "budget":
            shown = {table.key for each in section.figures for table in each.tables}
            count = sum(len(each.finding.tables) + 1 for each in section.findings)
            assert len(shown | {each.key for each in section.others}) == count, "every table and the facts, each once"


def without(finding: Finding, table: Table, column: str, name: str | None) -> Finding:
    """A finding with one column of a table renamed, or left out where there is no name for it."""
    at = table.columns.index(column)
    columns = (*table.columns[:at], *([] if name is None else [name]), *table.columns[at + 1 :])
    rows = table.rows if name else tuple((*row[:at], *row[at + 1 :]) for row in table.rows)
    other = replace(table, columns=columns, rows=rows)
    return replace(finding, tables=tuple(other if each is table else each for each in finding.tables))


@pytest.mark.parametrize("name", ["renamed", None])
def test_no_column_can_be_renamed_or_lost_without_a_line_on_the_page(studied: ModuleType, name: str | None) -> None:
    owned = rows_by_probe()
    ours = [each for each in all_findings(studied) if each.probe in owned and each.set != studied.SETS[1]]
    for finding in ours:
        for table in finding.tables:
            for column in table.columns:
                why = out_of_date(without(finding, table, column, name), owned[finding.probe])
                assert f"table {table.name!r} has no column {column!r}" in why
            others = tuple(each for each in finding.tables if each is not table)
            moved = replace(finding, tables=(*others, replace(table, name="another")))
            why = out_of_date(moved, owned[finding.probe])
            assert f"table {table.name!r} is missing" in why and "table 'another' is unknown" in why
    changed = [without(each, each.tables[0], each.tables[0].columns[0], name) for each in ours]
    for probe, section in sections_of(changed, studied).items():
        assert [whose for whose, _ in section.outdated] == [section.findings[0].name], probe


def test_the_page_says_that_a_finding_is_out_of_date_and_a_figure_of_other_tables_is_still_drawn(
    studied: ModuleType,
) -> None:
    whole = studied.report_data()
    (old,) = (each for each in whole.findings if each.probe == "agreement" and each.set == studied.SETS[0])
    renamed = without(old, old.table("matched learners"), "agreement", "beside")
    text = page(replace(whole, findings=(renamed,)))
    lines = [line for line in text.splitlines() if "out of date" in line]
    assert len(lines) == 1 and "no column" in lines[0] and "Explain the set again." in lines[0]
    assert "Which learners of real data predict the same" in text and "learner by learner" not in text
    assert "out of date" not in page(replace(whole, findings=(old,)))


def test_an_answer_without_tables_is_not_out_of_date(studied: ModuleType) -> None:
    unknown = Finding("influence", studied.SETS[0], "?", "Not known.", "unknown")
    assert sections_of([unknown], studied)["influence"].outdated == ()


@dataclass(frozen=True)
class Pair(Row, table="t"):
    x: float
    y: float


def test_tables_of_real_data_are_drawn_once_where_they_are_the_same() -> None:
    def of(index: int, value: float) -> SetFinding:
        finding = Finding("p", "s", "?", "!", "note", tables=(Pair.table([Pair(value, 1.0 + index)]),))
        return SetFinding(index, f"s{index}", finding)

    tables = rows_of([of(0, 1.0), of(1, 1.0), of(2, 2.0)], Pair)
    assert [name for name, _ in once(tables, lambda row: row.x)] == [", beside s0", ", beside s2"]
    assert [name for name, _ in once(tables[:2], lambda row: row.x)] == [""]
    assert rows_of([of(0, 1.0)], ExampleRow) == []


def test_facts_stand_side_by_side_only_where_two_sets_have_them() -> None:
    found = [
        Finding("p", name, "?", "!", "note", facts=(Fact.once("both", value), Fact.once(name, 0.0)))
        for name, value in (("a", 1.0), ("b", 2.0))
    ]
    ((probe, name, facts),) = beside(found, ["b", "a"])
    assert (probe, name, [fact and fact.value for fact in facts]) == ("p", "both", [2.0, 1.0])


def test_scales_put_their_ends_at_the_ends_and_equal_ratios_at_equal_lengths() -> None:
    for scale in (Linear(-2.0, 6.0), Log(0.5, 200.0), Log1p(0.0, 300.0)):
        assert (scale.place(scale.low), scale.place(scale.high)) == (0.0, pytest.approx(1.0))
        ticks = scale.ticks()
        assert len(ticks) >= 3 and ticks == sorted(ticks) and all(map(scale.holds, ticks))
    log = Log(1.0, 1000.0)
    assert log.place(100.0) - log.place(10.0) == pytest.approx(1 / 3)
    assert not log.holds(0.0) and not log.holds(math.nan) and not log.holds(None) and not log.holds("a")
    assert Log1p(0.0, 3.0).place(1.0) == pytest.approx(0.5)


@pytest.mark.parametrize("values", [[], [1.0], [0.0, 0.0], [math.nan, math.inf], [-1e-9, 1e9]])
def test_scales_of_any_values_have_some_length(values: list[float]) -> None:
    for scale in (Linear.over(values), Log.over(values), Log1p.over(values)):
        assert scale.low < scale.high
        assert all(map(math.isfinite, scale.ticks()))


def points(markup: Markup, kind: str) -> list[list[tuple[float, float]]]:
    """The points of every path of a class."""
    found = re.findall(rf'<path d="([^"]*)" class="{kind} ', markup)
    return [[(float(x), float(y)) for x, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", data)] for data in found]


AXES = Axis("x", Linear(0.0, 10.0)), Axis("y", Linear(0.0, 1.0))


def test_a_line_runs_through_its_values_and_is_broken_where_one_is_missing() -> None:
    drawn = plot([Line("a", Look(0), [0, 5, 10, 10, 10], [0.0, 1.0, None, 0.5, 2.0])], *AXES, "t")
    middle = (LEFT + WIDTH - RIGHT) / 2
    first, second = points(drawn, "line")
    assert first == [(LEFT, HEIGHT - BOTTOM), (middle, TOP)]
    assert second == [(WIDTH - RIGHT, (TOP + HEIGHT - BOTTOM) / 2), (WIDTH - RIGHT, TOP)], "2 is clipped to the edge"


def test_a_band_goes_up_one_side_and_down_the_other() -> None:
    drawn = plot([Line("a", Look(1), [0, 10], [0.5, 0.5], [0.25, 0.0], [0.75, 1.0])], *AXES, "t")
    (band,) = points(drawn, "band")
    high = HEIGHT - TOP - BOTTOM
    assert band == [
        (LEFT, TOP + 0.75 * high),
        (WIDTH - RIGHT, TOP + high),
        (WIDTH - RIGHT, TOP),
        (LEFT, TOP + 0.25 * high),
    ]


def test_dots_and_rules_outside_the_scale_of_x_are_left_out() -> None:
    drawn = plot(
        [Dots("a", Look(2), [5, 20], [0.5, 0.5]), Rule("r", Look(), x=20.0), Rule("r", Look(), y=0.5)], *AXES, "t"
    )
    (dots,) = points(drawn, "dots")
    assert len(dots) == 1 and drawn.count("rule") == 1


def test_charts_escape_what_they_are_told_and_say_what_they_show() -> None:
    drawn = plot([Line('"><script>', Look(0), [0], [0.5])], *AXES, "<b>t</b>")
    assert "<script" not in drawn and "&lt;b&gt;t&lt;/b&gt;" in drawn and 'role="img"' in drawn
    assert heat(["<b>"], ["<i>"], [[None]], [[("", "")]], "t").count("&lt;") >= 2


def test_contours_of_a_plane_are_straight_and_at_their_height() -> None:
    xs, ys = [0.0, 1.0, 2.0, 3.0], [0.0, 1.0, 2.0]
    grid = [[x + 2 * y for x in xs] for y in ys]
    found = list(lines(xs, ys, grid, 2.5))
    assert found
    for x, y, u, v in found:
        assert x + 2 * y == pytest.approx(2.5) and u + 2 * v == pytest.approx(2.5)
    length = sum(math.hypot(u - x, v - y) for x, y, u, v in found)
    assert length == pytest.approx(math.hypot(2.5, 1.25)), "from (0, 1.25) to (2.5, 0), without gaps"
    fine = refined(xs, ys, grid, 4)
    assert all(
        value == pytest.approx(x + 2 * y)
        for y, row in zip(fine[1], fine[2], strict=True)
        for x, value in zip(fine[0], row, strict=True)
    )


def test_contours_of_a_saddle_do_not_cross_and_holes_have_none() -> None:
    found = list(lines([0.0, 1.0], [0.0, 1.0], [[1.0, 0.0], [0.0, 1.0]], 0.4))
    assert len(found) == 2
    for x, y, u, v in found:
        # The mean of the corners is above: the ridge goes on, and each low corner is cut off.
        assert (x + u) / 2 == pytest.approx(1 - (y + v) / 2)
        assert abs((x + u) / 2 - 0.5) == pytest.approx(0.3)
    assert list(lines([0.0, 1.0], [0.0, 1.0], [[1.0, None], [0.0, 1.0]], 0.4)) == []
    assert levels([[1.0, 1.0], [1.0, None]]) == []
    assert "<path" in contour([0.0, 1.0], [0.0, 1.0], [[1.0, 0.0], [0.0, math.nan]], [], AXES, "t")


def test_a_density_integrates_to_one_and_is_symmetric_about_a_symmetric_sample() -> None:
    sample = [-2.0, -0.5, 0.5, 2.0]
    at = [index / 50 for index in range(-500, 501)]
    found = density(sample, at)
    assert sum(found) / 50 == pytest.approx(1.0, abs=1e-3)
    assert found == pytest.approx(found[::-1])
    assert all(map(math.isfinite, density([1.0, 1.0, 1.0, 1.0], at)))


def seen(uri: str) -> torch.Tensor:
    """The picture (height, width, 3) of a data URI."""
    from PIL import Image

    kind, data = uri.split(";base64,")
    assert kind in ("data:image/png", "data:image/webp")
    return torch.from_numpy(np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")).copy())


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_without_loss_come_back_bit_for_bit(channels: int) -> None:
    image = torch.linspace(0, 255, channels * 6 * 4).to(torch.uint8).view(6, 4, channels).expand(6, 4, 3)
    assert torch.equal(seen(exact(image)), image)


def test_the_gallery_shows_a_set_clipped_and_its_whole_range_from_black_to_white(studied: ModuleType) -> None:
    distilled = studied.a_set("gallery")
    shown = gallery("set", distilled)
    assert shown is not None and shown.outside
    tiles = [tile for _, tiles in shown.groups for tile in tiles]
    assert [tile.item for tile in tiles] == list(range(10))
    span = shown.high - shown.low
    for tile, native in zip(tiles, distilled.native, strict=True):
        clipped, whole = (native.clamp(0, 1) * 255).round(), ((native - shown.low) / span * 255).round()
        assert torch.equal(seen(tile.clipped), clipped.to(torch.uint8).movedim(0, -1))
        assert torch.equal(seen(tile.raw), whole.to(torch.uint8).movedim(0, -1))


def softened(distilled: DistilledSet, targets: torch.Tensor) -> DistilledSet:
    """The same items under soft targets."""
    learned = {**distilled.params.learned, "targets": targets}
    params = distilled.params._replace(learned=learned)
    return replace(distilled, params=params, parameterization=SoftTargets())


def test_labels_are_drawn_below_images_of_soft_targets_and_said_in_words(studied: ModuleType) -> None:
    hard, name = studied.a_set("gallery"), studied.SETS[0]
    targets = torch.tensor([[0.5, 0.25, 0.246, 0.004, 0.0]]).repeat(10, 1)
    shown = gallery("set", softened(hard, targets))
    assert shown is not None and shown.labelled
    tile = shown.groups[0][1][0]
    strip = ElementTree.fromstring(tile.label)
    assert strip.get("viewBox") == "0 0 5 1" and strip.get("role") == "img"
    # A cell at the place of each class with a weight, as strong as that is.
    cells = [(cell.get("x"), float(str(cell.get("fill-opacity")))) for cell in strip.findall("rect")]
    assert cells == [("0", 0.5), ("1", 0.25), ("2", 0.25)]
    said = str(strip.get("aria-label"))
    assert said == strip.findtext("title") and said.startswith(f"label of image 0 of set: {studied.CLASSES[0]} 50 %, ")
    assert f"{'x' * 39}… 25 %" in said and f"{studied.CLASSES[3]} 0 %" in said
    without = gallery("set", hard)
    assert without is not None and not without.labelled and not any(tile.label for _, t in without.groups for tile in t)
    whole = studied.report_data()
    text = page(replace(whole, distilled_sets=((name, softened(hard, targets)),)))
    assert text.count('class="strip"') == 10 and "a cell for each class in their order" in text
    assert 'class="strip"' not in page(whole)


def test_what_learners_of_real_data_confuse_is_drawn_once_beside_sets_that_confuse_other_classes() -> None:
    def of(index: int, extra: tuple[ConfusionRow, ...]) -> SetFinding:
        rows = (ConfusionRow("a", "a", 0.75, 1.0, 0.5), ConfusionRow("a", "b", 0.25, 0.0, 0.5), *extra)
        finding = Finding("mimicry", f"s{index}", "?", "!", "note", tables=(ConfusionRow.table(rows),))
        return SetFinding(index, f"s{index}", finding)

    figures = FIGURES["mimicry"]([of(0, ()), of(1, (ConfusionRow("b", "a", 0.0, 0.004, 0.0),))])
    assert [each.title for each in figures] == [
        "What learners of real data confuse", "What learners of s0 confuse", "What learners of s1 confuse"
    ]  # fmt: skip
    # What is right is written and not shaded; the one kind of error is the strongest.
    shades = re.findall(r'class="cell" fill-opacity="([\d.]+)"', figures[0].picture)
    assert shades == ["0.06", "0.5", "0.06", "0.06"] and ">75<" in figures[0].picture and ">25<" in figures[0].picture
    assert "&lt;1" in figures[2].picture


def test_an_image_has_the_pictures_of_the_training_examples_nearest_to_it(studied: ModuleType) -> None:
    whole = studied.report_data()
    near = [(0, INPUTS, 1, 7), (0, INPUTS, RANKS + 1, 8), (1, FEATURES, 1, 9), (1, INPUTS, 2, 4)]
    table = NearestRow.table(NearestRow(item, space, rank, row, "a", 0.125) for item, space, rank, row in near)
    finding = Finding("mimicry", studied.SETS[0], "?", "!", "note", tables=(table,))
    assert training_rows_needed([finding]) == (4, 7) and rows_needed([finding]) == ()
    data = json.loads(Reader(page(replace(whole, findings=(finding,)))).scripts["data"])
    items = data["sets"][0]["items"]
    assert items["0"]["near"] == [[7, "a", 0.125]] and items["1"]["near"] == [[4, "a", 0.125]]
    assert list(data["training"]) == ["4", "7"]
    assert data["training"]["7"] == small(whole.training[7])


def test_columns_of_numbers_alone_are_named_and_long_tables_are_cut_only_on_the_page() -> None:
    rows = tuple((index, "a", 0.5 if index else None, None) for index in range(MOST + 5))
    shown = PageTable("k", "", Table("t", ("i", "text", "maybe", "nothing"), rows))
    assert shown.numeric == "n1 n3"
    assert (len(shown.rows), shown.left_out, len(values_of(shown.document()))) == (MOST, 5, MOST + 5)
    assert shown.document()["values"][1] == {"of": ["a"], "at": [0] * (MOST + 5)}
