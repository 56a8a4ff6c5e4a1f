"""The page of a study in a browser: it loads nothing, runs nothing of its data's, and works by keyboard."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SECTIONS = ("sets", "comparison", "gallery", "colophon")


@pytest.fixture(scope="module")
def address(studied: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> str:
    from limbeck.report import page

    place = tmp_path_factory.mktemp("report") / "report.html"
    place.write_text(page(studied.report_data()), "utf-8")
    return place.as_uri()


@pytest.fixture
def opened(browser: Any, address: str) -> Iterator[Any]:
    """The page at 1200 pixels; it must ask the network for nothing and complain of nothing."""
    tab = browser.new_page(viewport={"width": 1200, "height": 900}, color_scheme="light", accept_downloads=True)
    asked: list[str] = []
    complaints: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("dialog", lambda dialog: complaints.append(dialog.message))
    tab.goto(address)
    yield tab
    assert [url for url in asked if not url.startswith(("data:", "blob:")) and url != address] == []
    assert complaints == []
    tab.close()


def test_every_section_is_there_and_nothing_of_the_data_has_run(opened: Any, studied: ModuleType) -> None:
    for name in (*SECTIONS, *(f"probe-{probe}" for probe in studied.PROBES)):
        assert opened.locator(f"#{name}").is_visible()
    assert opened.evaluate("window.harmed") is None
    assert opened.locator("h1").inner_text() == "<em>digits</em>, distilled"
    shown = opened.locator("#gallery-0 .class h4").all_inner_texts()
    assert shown == list(studied.CLASSES)


def points(view: Any, own: bool) -> int:
    """How many test examples of the image's class, or of others, the view's scatter has."""
    path = view.locator(f".view-chart svg .dots{'.large' if own else '.real'}").get_attribute("d")
    return path.count("M")


def test_an_image_opens_by_click_enter_and_space_and_gives_the_focus_back(opened: Any, studied: ModuleType) -> None:
    tile = opened.locator('.tile[data-set="0"][data-item="3"]')
    view = opened.locator("#view")
    (listed,) = (table for table in studied.tables("influence") if table.name == "examples")
    expected = listed.column("item").count(3)
    for key in ("click", "Enter", "Space"):
        tile.click() if key == "click" else (tile.focus(), opened.keyboard.press(key))
        assert view.is_visible()
        assert "Image 3 of dm" in opened.locator("#view-title").inner_text()
        shown = {"test": 10, "training": 2}
        for kind, count in shown.items():
            assert view.locator(f'.neighbours img[alt^="{kind} example"]').count() == count
        assert view.locator(".neighbours img").count() == sum(shown.values())
        assert studied.ATTRIBUTE in view.inner_text()
        assert points(view, own=True) + points(view, own=False) == expected
        assert points(view, own=True) and points(view, own=False)
        opened.keyboard.press("Escape")
        assert not view.is_visible()
        assert opened.evaluate("[document.activeElement.dataset.set, document.activeElement.dataset.item]") == [
            "0",
            "3",
        ]
    assert opened.evaluate("window.harmed") is None


def test_hover_and_keyboard_focus_tell_label_targets_and_range(opened: Any) -> None:
    tip = opened.locator("#tip")
    opened.locator('.tile[data-item="2"]').first.hover()
    told = tip.inner_text()
    assert "image 2" in told and "\"quotes\" & 'more'" in told and re.search(r"values -?[\d.]+ to [\d.]+", told)
    opened.mouse.move(5, 5)
    assert not tip.is_visible()
    opened.locator('.tile[data-item="2"]').first.focus()
    opened.keyboard.press("Tab")
    assert "image 3" in tip.inner_text()


def test_raw_and_clipped_images_change_places(opened: Any) -> None:
    tile = opened.locator("#gallery-0 .tile").first
    assert tile.locator(".clipped").is_visible() and not tile.locator(".raw").is_visible()
    opened.locator('#gallery-0 input[value="raw"]').check()
    assert tile.locator(".raw").is_visible() and not tile.locator(".clipped").is_visible()
    assert opened.locator("#gallery-1 .tile .clipped").first.is_visible(), "of that set alone"


def test_a_table_opens_whole_and_downloads_as_the_findings_numbers(
    opened: Any, studied: ModuleType, tmp_path: Path
) -> None:
    (wanted,) = (table for table in studied.tables("influence") if table.name == "examples")
    opened.locator("#probe-influence > details.numbers summary").click()
    table = opened.locator('table[data-key="influence-examples-dm"]')
    # The rest is written when the browser tells that it was opened, which is after the click.
    table.locator("tbody tr").nth(len(wanted.rows) - 1).wait_for()
    assert table.locator("tbody tr").count() == len(wanted.rows) == 210
    last = table.locator("tbody tr").last.locator("td").all_inner_texts()
    assert last[:4] == [str(value) for value in wanted.rows[-1][:4]]
    assert float(last[5]) == pytest.approx(wanted.rows[-1][5], rel=1e-3)
    with opened.expect_download() as download:
        opened.locator('button[data-table="influence-examples-dm"]').click()
    download.value.save_as(tmp_path / "x.csv")
    assert download.value.suggested_filename == "influence-examples-dm.csv"
    found = list(csv.reader((tmp_path / "x.csv").read_text("utf-8").splitlines()))
    assert found[0] == list(wanted.columns) and len(found) == 211
    for line, row in zip(found[1:], wanted.rows, strict=True):
        assert float(line[5]) == pytest.approx(row[5], rel=1e-6) and line[4] == row[4]


def test_no_formula_of_the_data_reaches_a_spreadsheet(opened: Any, tmp_path: Path) -> None:
    with opened.expect_download() as download:
        opened.evaluate("document.querySelector('button[data-table=\"semantics-attributes-dm\"]').click()")
    download.value.save_as(tmp_path / "x.csv")
    rows = list(csv.reader((tmp_path / "x.csv").read_text("utf-8").splitlines()))
    assert rows[1][2].startswith("'=1+1")


@pytest.mark.parametrize("width", [320, 380, 900, 1440])
def test_nothing_runs_over_the_side(opened: Any, width: int) -> None:
    opened.set_viewport_size({"width": width, "height": 900})
    opened.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    opened.locator(".tile").nth(4).click()
    assert opened.evaluate(
        "document.querySelector('dialog').scrollWidth <= document.querySelector('dialog').clientWidth"
    )


def test_dark_follows_the_system_until_it_is_asked_for(opened: Any) -> None:
    def paper() -> str:
        return opened.evaluate("getComputedStyle(document.body).backgroundColor")

    light = paper()
    opened.emulate_media(color_scheme="dark")
    dark = paper()
    assert dark != light
    opened.locator("#theme").click()
    assert paper() == light
    opened.emulate_media(color_scheme="light")
    opened.locator("#theme").click()
    assert paper() == dark


@pytest.mark.parametrize("asked", ["", "dark", "light"])
def test_print_is_black_on_white_whatever_the_screen_shows(opened: Any, asked: str) -> None:
    opened.emulate_media(color_scheme="dark", media="print")
    opened.evaluate("(asked) => { if (asked) document.documentElement.dataset.theme = asked; }", asked)
    for part, wanted in (("color", "rgb(0, 0, 0)"), ("backgroundColor", "rgb(255, 255, 255)")):
        assert opened.evaluate(f"getComputedStyle(document.body).{part}") == wanted
    mark = opened.locator(".tone").first.evaluate("(mark) => getComputedStyle(mark).backgroundColor")
    assert min(map(int, re.findall(r"\d+", mark)[:3])) > 200


def test_without_script_everything_but_the_view_is_there_and_where_it_is_with_one(
    browser: Any, opened: Any, address: str, studied: ModuleType
) -> None:
    context = browser.new_context(viewport={"width": 1200, "height": 900}, java_script_enabled=False)
    tab = context.new_page()
    tab.goto(address)
    text = tab.locator("main").inner_text()
    assert all(finding.verdict in text or finding.verdict.capitalize() in text for finding in studied.findings())
    assert tab.locator("svg.chart").count() > 20
    # A picture that moves is given a button by the script.
    opened.evaluate("document.querySelectorAll('.stop').forEach((each) => each.remove())")
    tops = "(all) => all.map((each) => Math.round(each.getBoundingClientRect().top))"
    places = [each.locator(".fold, .fold > section").evaluate_all(tops) for each in (tab, opened)]
    assert places[0] == places[1] and len(places[0]) > 2 * len(studied.PROBES)
    assert opened.locator(".fold:not([open])").count() == 0
    context.close()


def folded(tab: Any) -> set[str]:
    """The parts whose insides are not seen."""
    names = tab.locator(".fold > section").evaluate_all("(all) => all.map((each) => each.id)")
    parts = {name: tab.locator(f"#{name}") for name in names}
    seen = "(each) => each.checkVisibility({contentVisibilityAuto: true, visibilityProperty: true})"
    return {part for part, inside in parts.items() if not inside.evaluate(seen)}


@pytest.mark.parametrize("scripts", [True, False])
def test_a_small_screen_folds_what_is_not_the_answer_and_a_link_unfolds_it(
    browser: Any, address: str, studied: ModuleType, scripts: bool
) -> None:
    small = {"width": 390, "height": 844}
    context = browser.new_context(viewport=small, java_script_enabled=scripts, reduced_motion="reduce")
    tab = context.new_page()
    tab.goto(address)
    parts = {"comparison", "gallery", "colophon", *(f"probe-{probe}" for probe in studied.PROBES)}
    assert folded(tab) == parts
    assert tab.locator("#answer .answer").is_visible() and tab.locator(".card .heading .tone").first.is_visible()
    short = tab.locator("html").bounding_box()["height"]
    tab.locator('a[href="#probe-mixing"]:visible').last.click()
    assert folded(tab) == parts - {"probe-mixing"}
    assert 0 <= tab.locator("#probe-mixing-title").bounding_box()["y"] < 200, "its title is at the top"
    tab.emulate_media(media="print")
    assert folded(tab) == set()
    assert tab.locator("html").bounding_box()["height"] > 2 * short
    tab.emulate_media(media="screen")
    assert folded(tab) == parts - {"probe-mixing"}, "what the reader opened stays open"
    tab.set_viewport_size({"width": 900, "height": 844})
    assert folded(tab) == set()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_violation(browser: Any, studied: ModuleType, tmp_path: Path, scheme: str) -> None:
    from limbeck.report import page

    # Every kind of element once: what repeats takes axe long and tells nothing new.
    whole = studied.report_data()
    kinds = ("mixing", "cross-architecture", "recognition", "influence", "of-another-package")
    found = [each for each in whole.findings if each.probe in kinds and each.set == studied.SETS[0]]
    place = tmp_path / "report.html"
    place.write_text(page(replace(whole, distilled_sets=whole.distilled_sets[:1], findings=tuple(found))), "utf-8")
    tab = browser.new_page(viewport={"width": 1200, "height": 900}, color_scheme=scheme)
    tab.goto(place.as_uri())
    tab.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    # The page's own policy lets no other script run; the driver evaluates it outside of that.
    tab.evaluate(next(files("axe_playwright_python").rglob("axe.min.js")).read_text("utf-8"))
    for part in ("{exclude: ['tbody tr:nth-child(n+3)']}", "'#view'", "'.fold > summary'"):
        if "summary" in part:
            tab.keyboard.press("Escape")
            tab.set_viewport_size({"width": 390, "height": 844})
        if part == "'#view'":
            tab.locator(".tile").nth(3).click()
        told = tab.evaluate(f"axe.run({part}, {{resultTypes: ['violations']}})")
        serious = [
            (each["id"], [node["html"][:200] for node in each["nodes"][:3]])
            for each in told["violations"]
            if each["impact"] in ("serious", "critical")
        ]
        assert serious == []
        assert len(told["passes"]) > 5
    tab.close()
