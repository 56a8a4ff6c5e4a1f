"""Elements of SVG, escaped, and how a series looks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from markupsafe import Markup, escape

Part = Markup | str

COLOURS = 6
"""How many sets get a colour of their own; the next ones repeat them."""
DASHES = 4


@dataclass(frozen=True)
class Look:
    """A colour, which says whose a series is, and a dash or marker, which says what it is of.

    Colours are those of Okabe and Ito (2008), which stay apart for colour-blind readers, darker on white and
    lighter on black; a CSS class names each, so that one picture serves both.
    """

    of: int = -1
    """The place of the set; -1 for real data, in grey."""
    dash: int = 0

    @property
    def classes(self) -> str:
        """The CSS classes of its colour and dash."""
        colour = "real" if self.of < 0 else f"s{self.of % COLOURS}"
        return f"{colour} d{self.dash % DASHES}"


def tag(name: str, *children: Part, **attributes: Part | float | int) -> Markup:
    """An element; text and attributes are escaped, `_` in an attribute's name stands for `-`.

    >>> tag("text", "<b>", class_="a", x=1.0, y=2.25)
    Markup('<text class="a" x="1" y="2.25">&lt;b&gt;</text>')
    """
    named = ((key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items())
    written = (f' {key}="{number(value) if isinstance(value, float | int) else escape(value)}"' for key, value in named)
    inside = Markup("").join(children)
    return Markup(f"<{name}{''.join(written)}>{inside}</{name}>")


def number(value: float | int) -> str:
    """A coordinate to a hundredth, as short as it can be.

    >>> number(-0.001), number(12.5), number(100.0)
    ('0', '12.5', '100')
    """
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def shortened(text: str, most: int) -> str:
    """The text, or its beginning where it is longer than a chart has room for.

    >>> shortened("aeroplane", 6)
    'aerop…'
    """
    return text if len(text) <= most else text[: most - 1] + "…"


def picture(width: float | int, height: float | int, title: str, told: str, *children: Part) -> Markup:
    """A whole SVG with a name and a description for those who cannot see it."""
    body = Markup("").join(children)
    # Named by its content, so that a page of many is valid and two of the same are the same.
    name = "c" + hashlib.sha256(f"{title}|{told}|{body}".encode()).hexdigest()[:12]
    return Markup(
        tag(
            "svg",
            tag("title", title, id=f"{name}t"),
            tag("desc", told, id=f"{name}d"),
            body,
            xmlns="http://www.w3.org/2000/svg",
            viewBox=f"0 0 {number(width)} {number(height)}",
            role="img",
            aria_labelledby=f"{name}t {name}d",
            class_="chart",
        )
    )


def path(points: list[tuple[float | int, float | int]]) -> str:
    """A polyline as the data of a path."""
    return "M" + "L".join(f"{number(x)} {number(y)}" for x, y in points)
