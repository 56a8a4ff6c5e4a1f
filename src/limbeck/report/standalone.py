"""The charts of a page as pictures of their own: SVG that needs no style sheet, and PNG."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from limbeck.core.errors import InputError
from limbeck.core.files import check_writable, write_atomically, write_text
from limbeck.report.numbers import slug
from limbeck.report.page import stylesheet

SVG = "http://www.w3.org/2000/svg"
CHART = re.compile(r'<svg xmlns="http://www\.w3\.org/2000/svg"[^>]* class="chart">.*?</svg>', re.DOTALL)
ZOOM = 3.0
"""How much larger than on the page a PNG is: about 300 dots an inch at a column's width."""

MARGIN = 8.0
"""Room around a chart for what stands over its sides on the page."""


class Rule(NamedTuple):
    """A rule of the style sheet, of elements of some classes or of one name, maybe within others."""

    last: frozenset[str]
    """What the element itself has: classes as ".line", or its name."""
    within: frozenset[str]
    """What elements around it have."""
    declarations: tuple[tuple[str, str], ...]


def write_figures(page: str | Path, folder: str | Path) -> list[Path]:
    """Write every chart of a page that limbeck made into `folder`, as SVG, and as PNG where resvg-py is installed.

    Colours are those of the page in the light. Files are called by their place on the page and their title. Raises
    InputError for a file that is no such page, for one without a chart, and for a folder that cannot be written.
    """
    page, folder = Path(page), Path(folder)
    try:
        text = page.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{page}: cannot be read as a page ({error}); expected a report.html") from error
    charts = CHART.findall(text)
    if not charts:
        raise InputError(f"{page}: found no chart, expected a page that `limbeck report` or `limbeck study` made")
    check_writable(folder / "figure.svg", "--figures")
    written = []
    for number, chart in enumerate(charts, 1):
        title, drawn = alone(chart)
        path = folder / f"{number:02d}-{slug(title)}.svg"
        write_text(path, drawn)
        written.append(path)
        if find_spec("resvg_py") is not None:
            written.append(_raster(drawn, path.with_suffix(".png")))
    return written


def _raster(svg: str, path: Path) -> Path:
    """The PNG of an SVG."""
    import resvg_py

    content = bytes(resvg_py.svg_to_bytes(svg_string=svg, zoom=ZOOM, background="#ffffff"))
    write_atomically(path, lambda temporary: temporary.write_bytes(content))
    return path


def alone(chart: str) -> tuple[str, str]:
    """The title of a chart, and its SVG with every style said at the element that has it, on white."""
    ElementTree.register_namespace("", SVG)
    root = ElementTree.fromstring(chart)
    left, top, width, height = map(float, root.attrib["viewBox"].split())
    place = {"x": left - MARGIN, "y": top - MARGIN, "width": width + 2 * MARGIN, "height": height + 2 * MARGIN}
    said = {name: f"{value:g}" for name, value in place.items()}
    root.attrib |= {"width": said["width"], "height": said["height"], "viewBox": " ".join(said.values())}
    styled(root)
    ground = ElementTree.Element(f"{{{SVG}}}rect", {**said, "fill": "#fff"})
    root.insert(0, ground)
    title = root.findtext(f"{{{SVG}}}title") or "chart"
    return title, f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def styled(root: ElementTree.Element) -> None:
    """Give every element of a chart, in place, the styles that the style sheet of the page gives it."""
    rules, variables = _rules(stylesheet())

    def visit(element: ElementTree.Element, around: frozenset[str], known: dict[str, str]) -> None:
        mine = frozenset([element.tag.rpartition("}")[2], *(f".{name}" for name in element.get("class", "").split())])
        style: dict[str, str] = {}
        # Of rules for one element those that name more of it count more, and among equals the later.
        for rule in sorted(rules, key=lambda rule: len(rule.last) + len(rule.within)):
            if rule.last <= mine and rule.within <= around:
                style |= dict(rule.declarations)
        known = {**known, **{name: value for name, value in style.items() if name.startswith("--")}}
        said = {name: _resolved(value, known) for name, value in style.items() if not name.startswith("--")}
        said = {name: value for name, value in said.items() if "var(" not in value}
        if said:
            element.set("style", "; ".join(f"{name}: {value}" for name, value in _spelled(said)))
        element.attrib.pop("class", None)
        for child in element:
            visit(child, around | mine, known)

    visit(root, frozenset(), variables)


def _spelled(style: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Declarations that every reader of SVG knows, in place of what only browsers do."""
    for name, value in style.items():
        if name == "font":
            size, _, family = value.partition(" ")
            yield "font-size", size
            yield "font-family", f"Helvetica, Arial, {family.rpartition(',')[2].strip() or 'sans-serif'}"
        elif name not in ("display", "width", "height", "overflow", "font-variant-numeric"):
            yield name, value


def _resolved(value: str, known: dict[str, str]) -> str:
    """A value without variables, as far as they are known."""
    for _ in range(3):
        value = re.sub(r"var\((--[\w-]+)\)", lambda found: known.get(found[1], found[0]), value)
    return value


def _rules(sheet: str) -> tuple[list[Rule], dict[str, str]]:
    """The rules of a style sheet that can be of charts, and the variables of its root in the light."""
    rules, variables = list[Rule](), dict[str, str]()
    plain = re.sub(r"@media[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}", "", sheet)
    for selectors, body in re.findall(r"([^{}]+)\{([^{}]*)\}", plain):
        pairs = [each.split(":", 1) for each in body.split(";") if ":" in each]
        declarations = tuple((name.strip(), value.strip()) for name, value in pairs)
        for selector in map(str.strip, selectors.split(",")):
            if selector == ":root":
                variables |= dict(declarations)
            elif re.fullmatch(r"[\w. -]+", selector):
                *within, last = [frozenset(re.findall(r"\.?[\w-]+", part)) for part in selector.split()]
                rules.append(Rule(last, frozenset().union(*within), declarations))
    return rules, variables
