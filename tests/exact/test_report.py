"""The page of a study: its numbers are the findings', names are text, and charts put values where they belong."""

from __future__ import annotations

import base64
import io
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from types import ModuleType

import numpy as np
import pytest
import torch
from markupsafe import Markup

from limbeck.core.findings import Fact, Finding, Table
from limbeck.report import page, rows_needed
from limbeck.report.charts import Axis, Dots, Line, Linear, Log, Log1p, Look, Rule, contour, density, heat, plot
from limbeck.report.charts.contour import levels, lines, refined
from limbeck.report.charts.plot import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH
from limbeck.report.figures.figure import Shown, having, once
from limbeck.report.gallery import gallery
from limbeck.report.numbers import MOST, Sheet, written
from limbeck.report.pictures import exact
from limbeck.report.sections import FIGURES, beside, sections


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


def rows_of(document: dict) -> list[tuple]:
    """The rows of a table as the page holds it for a download."""
    columns = [
        [column["of"][place] for place in column["at"]] if isinstance(column, dict) else column
        for column in document["values"]
    ]
    return list(zip(*columns, strict=True))


@pytest.fixture(scope="module")
def read(studied: ModuleType) -> Reader:
    return Reader(page(studied.material()))


def test_every_verdict_question_method_and_caveat_is_on_the_page_as_text(read: Reader, studied: ModuleType) -> None:
    text = "".join(read.text)
    for finding in studied.findings():
        for said in (finding.verdict, finding.question, finding.method, *finding.caveats):
            assert said in text
    assert text.count(studied.findings()[0].verdict) == 2, "on the card and in its section"


def test_tables_of_the_page_are_the_findings_numbers_to_their_digits(read: Reader, studied: ModuleType) -> None:
    documents = json.loads(read.scripts["sheets"])
    wanted = [table for finding in studied.findings() for table in finding.tables]
    assert len(documents) >= len(wanted)
    for table in wanted:
        rows = [[written(value) for value in row] for row in table.rows]
        there = [key for key, cells in read.tables.items() if cells == [list(table.columns), *rows[:MOST]]]
        assert there, table.name
        found = documents[there[0]]
        assert found["columns"] == list(table.columns)
        for row, values in zip(table.rows, rows_of(found), strict=True):
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
    assert [named.get("id") for named in scripts] == ["data", "sheets", None]
    for tag, named in read.elements:
        assert not any(name.startswith("on") for name in named), (tag, named)
        assert tag not in ("b", "i", "u", "em", "iframe", "object")
        for name in ("src", "href"):
            assert (named.get(name) or "#").startswith(("data:image/", "data:,", "#")), (tag, named)
    assert "<" not in read.scripts["data"] and "<" not in read.scripts["sheets"]
    text = "".join(read.text)
    assert all(name in text for name in studied.CLASSES)


def test_the_page_allows_its_own_script_and_style_alone(studied: ModuleType) -> None:
    import hashlib

    text = page(studied.material())
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
    whole = studied.material()
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
    assert "accuracy30.0 % 28.0 % to 32.0 %, convnet, n 5" in text
    assert "worth> 60 real images per class" in text
    assert "convnet: worse to train on than as many real images by random, by 20.0 points" in text


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
    assert data["sets"][1]["examples"] in json.loads(read.scripts["sheets"])
    assert set(map(int, data["examples"])) == set(rows_needed(studied.findings()))


def test_one_image_with_soft_targets_has_a_page_and_tells_three_of_them(studied: ModuleType) -> None:
    whole = studied.material()
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
    columns = ("item", "side", "rank", "row", "class", "influence")
    examples = Table(
        "examples",
        columns,
        (
            (0, "helped", 1, 7, "a", 1.0),
            (0, "helped", 6, 8, "a", 1.0),
            (0, "harmed", 5, 3, "a", 1.0),
            (0, "sample", 1, 4, "a", 1.0),
        ),
    )
    finding = Finding("influence", "s", "?", "!", "note", tables=(examples,))
    assert rows_needed([finding]) == (3, 7)


def test_every_probe_of_the_house_has_figures(studied: ModuleType) -> None:
    from limbeck.probes import PROBES

    assert set(PROBES.parts) <= set(FIGURES)
    places = {name: place for place, name in enumerate(studied.SETS)}
    for section in sections(studied.findings(), places, {}):
        assert bool(section.plates) == (section.probe in FIGURES), section.probe
        assert all(plate.sheets for plate in section.plates)
        drawn = {sheet.key for plate in section.plates for sheet in plate.sheets} | {
            each.key for each in section.others
        }
        count = sum(len(shown.finding.tables) + 1 for shown in section.found)
        assert len(drawn) == count, "every table and the facts of every set, each once"


def test_tables_of_real_data_are_drawn_once_where_they_are_the_same() -> None:
    def shown(place: int, value: float) -> Shown:
        return Shown(
            place,
            f"s{place}",
            Finding("p", "s", "?", "!", "note", tables=(Table("t", ("x", "y"), ((value, 1.0 + place),)),)),
        )

    held = having([shown(0, 1.0), shown(1, 1.0), shown(2, 2.0)], "t", "x")
    assert [name for name, _ in once(held, "x")] == [", beside s0", ", beside s2"]
    assert [name for name, _ in once(held[:2], "x")] == [""]
    assert having([shown(0, 1.0)], "t", "x", "z") == []


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


def test_columns_of_numbers_alone_are_named_and_long_tables_are_cut_only_on_the_page() -> None:
    rows = tuple((index, "a", 0.5 if index else None, None) for index in range(MOST + 5))
    sheet = Sheet("k", "", Table("t", ("i", "text", "maybe", "nothing"), rows))
    assert sheet.numeric == "n1 n3"
    assert (len(sheet.rows), sheet.left_out, len(rows_of(sheet.document()))) == (MOST, 5, MOST + 5)
    assert sheet.document()["values"][1] == {"of": ["a"], "at": [0] * (MOST + 5)}
