"""Episodes of the cart-pole as pictures that move, by the animation of SVG itself: no script is needed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from limbeck.report.charts.svg import Look, number, picture, tag

WIDTH, ROW = 360, 112
"""Of a panel, and of a cart in it, in pixels."""
SCALE, TRACK, POLE = 70.0, 2.4, 62.0
"""Pixels a metre, half of the track in metres, and pixels of the pole."""
CART = (40, 22)
HEAD, GROUND = 24, 96
"""Room for a panel's title, and from the top of a row to its track."""
REST = 1.0
"""Seconds for which the end of the longest episode is held before all begin anew."""


class Run(NamedTuple):
    """An episode."""

    name: str
    look: Look
    seconds: list[float]
    """When each of its moments is."""
    carts: list[list[tuple[float, float]]]
    """Along each dimension, the position in metres and the angle in radians at each moment."""
    ended: str
    """In words, how it ends."""


def cartpole(runs: Sequence[Run], title: str) -> Markup:
    """Episodes one above the other, played together again and again; still pictures show where they begin."""
    length = max(run.seconds[-1] for run in runs) + REST
    panels, top = [], 0
    for run in runs:
        panels.append(_panel(run, top, length))
        top += HEAD + ROW * len(run.carts)
    told = "; ".join(f"{run.name}: {run.ended}" for run in runs)
    return picture(WIDTH, top, title, told, tag("g", *panels, class_="plays"))


def _panel(run: Run, top: int, length: float) -> Markup:
    words = tag("text", f"{run.name}: {run.ended}", x=0, y=top + 15)
    drawn = [_cart(run, moments, top + HEAD + row * ROW, length) for row, moments in enumerate(run.carts)]
    return tag("g", words, *drawn)


def _cart(run: Run, moments: Sequence[tuple[float, float]], top: int, length: float) -> Markup:
    """A track, and a cart with its pole on it, which fades once the episode is over."""
    middle, ground = WIDTH / 2, top + GROUND
    ends = [middle + side * TRACK * SCALE for side in (-1, 1)]
    track = tag("line", x1=ends[0], x2=ends[1], y1=ground, y2=ground, class_="axis")
    walls = [tag("line", x1=end, x2=end, y1=ground - 8, y2=ground + 8, class_="axis") for end in ends]
    places = [(middle + place * SCALE, ground - CART[1]) for place, _ in moments]
    turns = [math.degrees(angle) for _, angle in moments]
    pole = tag(
        "g",
        tag("path", d=f"M0 0V{number(-POLE)}", class_="pole"),
        _moving("rotate", [number(turn) for turn in turns], run.seconds, length),
        transform=f"rotate({number(turns[0])})",
    )
    box = tag("rect", x=-CART[0] / 2, y=0, width=CART[0], height=CART[1], rx=3, class_="cart")
    cart = tag(
        "g",
        box,
        pole,
        _moving("translate", [f"{number(x)} {number(y)}" for x, y in places], run.seconds, length),
        _fading(run.seconds[-1], length),
        transform=f"translate({number(places[0][0])} {number(places[0][1])})",
        class_=run.look.classes,
    )
    return tag("g", track, *walls, cart)


def _moving(kind: str, values: Sequence[str], seconds: Sequence[float], length: float) -> Markup:
    """Along values, each at its time, then at the last one until all begin anew."""
    times = [second / length for second in seconds]
    return tag(
        "animateTransform",
        attributeName="transform",
        type=kind,
        values=";".join([*values, values[-1]]),
        keyTimes=";".join([*(f"{time:.4f}" for time in times), "1"]),
        dur=f"{number(length)}s",
        repeatCount="indefinite",
    )


def _fading(over: float, length: float) -> Markup:
    return tag(
        "animate",
        attributeName="opacity",
        values="1;0.35",
        keyTimes=f"0;{min(over / length, 0.9999):.4f}",
        calcMode="discrete",
        dur=f"{number(length)}s",
        repeatCount="indefinite",
    )
