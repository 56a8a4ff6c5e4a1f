"""Charts of a page as files of their own."""

from __future__ import annotations

import io
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

import limbeck
from limbeck.core.errors import InputError
from limbeck.report.charts import Axis, Line, Linear, Look, plot
from limbeck.report.standalone import MARGIN, SVG, ZOOM, alone

BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#5f6672"
"""Of the first set, the second and real data, on a page in the light."""


@pytest.fixture(scope="module")
def chart() -> str:
    lines = [
        Line(f"set {of}", Look(of, dash), [0.0, 1.0, 2.0], [0.2 * of, 0.5, 0.9 - 0.1 * of])
        for of, dash in ((0, 0), (1, 1), (-1, 0))
    ]
    axes = Axis("step", Linear.over([0.0, 2.0])), Axis("accuracy", Linear.over([-0.2, 1.0]))
    return str(plot(lines, *axes, "Accuracy & <steps>"))


def styles(root: ElementTree.Element, name: str) -> list[str]:
    return [each.attrib["style"] for each in root.iter(f"{{{SVG}}}{name}") if "style" in each.attrib]


def test_every_style_is_said_where_it_is_and_colours_are_those_of_the_page(chart: str) -> None:
    title, drawn = alone(chart)
    assert title == "Accuracy & <steps>" and "var(" not in drawn and " class=" not in drawn
    root = ElementTree.fromstring(drawn.partition("\n")[2])
    paths = [style for style in styles(root, "path") if "stroke-width: 2" in style]
    colours = [next(colour for colour in (BLUE, ORANGE, GREY) if colour in style) for style in paths]
    assert colours == [BLUE, ORANGE, GREY]
    assert "stroke-dasharray: 7 5" in paths[1] and "dasharray" not in paths[0]
    texts = styles(root, "text")
    assert texts and all("font-size: 13px" in style and "sans-serif" in style for style in texts)
    # What is more exact counts more: ticks are softer than other text.
    assert any("fill: #5a606b" in style for style in texts)


def test_a_picture_has_the_size_of_the_chart_and_its_colours(chart: str, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(f"<!doctype html><html><body>{chart}<p>between</p>{chart}</body></html>")
    written = limbeck.write_figures(page, tmp_path / "figures")
    assert [path.name for path in written] == [
        f"{number:02d}-accuracy-steps.{kind}" for number in (1, 2) for kind in ("svg", "png")
    ]
    root = ElementTree.fromstring(written[0].read_text().partition("\n")[2])
    width, height = (float(root.attrib[side]) for side in ("width", "height"))
    assert width == float(chart.split('viewBox="0 0 ')[1].split(maxsplit=1)[0]) + 2 * MARGIN
    with Image.open(io.BytesIO(written[1].read_bytes())) as picture:
        image = picture.convert("RGB")
    assert image.size == (round(ZOOM * width), round(ZOOM * height))
    seen = {colour for _, colour in image.getcolors(1 << 24) or []}
    for colour in (BLUE, ORANGE, GREY):
        assert tuple(bytes.fromhex(colour[1:])) in seen
    assert image.getpixel((0, 0)) == (255, 255, 255)


def test_without_the_package_there_is_svg_alone(chart: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("limbeck.report.standalone.find_spec", lambda name: None)
    (tmp_path / "page.html").write_text(chart)
    assert [path.suffix for path in limbeck.write_figures(tmp_path / "page.html", tmp_path / "out")] == [".svg"]


def test_what_is_no_page_or_no_folder_is_refused(chart: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    with pytest.raises(InputError, match="cannot be read as a page"):
        limbeck.write_figures(page, tmp_path / "out")
    page.write_text("<html></html>")
    with pytest.raises(InputError, match="found no chart, expected a page that"):
        limbeck.write_figures(page, tmp_path / "out")
    page.write_text(chart)
    with pytest.raises(InputError, match="--figures .* is not a folder that can be written to"):
        limbeck.write_figures(page, "/proc/nowhere")
    assert not (tmp_path / "out").exists()
