"""The weights of one target over the classes, as a strip of cells."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from limbeck.core.units import percent
from limbeck.report.charts.svg import shortened, tag

FAINT = 0.005
"""The least weight that is drawn."""
TOLD = 5
"""Classes that are named, those of the largest weights."""


def strip(weights: Sequence[float], names: Sequence[str], whose: str) -> Markup:
    """A cell for each class, in their order, the stronger the larger its weight; named for those who cannot see it."""
    cells = [
        tag("rect", x=place, y=0, width=1, height=1, class_="cell", fill_opacity=min(max(weight, 0.0), 1.0))
        for place, weight in enumerate(weights)
        if weight >= FAINT
    ]
    order = sorted(range(len(weights)), key=lambda place: -weights[place])[:TOLD]
    told = ", ".join(f"{shortened(names[place], 40)} {percent(weights[place], 0)}" for place in order)
    said = f"label of {whose}: {told}"
    return tag(
        "svg",
        tag("title", said),
        *cells,
        viewBox=f"0 0 {len(weights)} 1",
        preserveAspectRatio="none",
        role="img",
        aria_label=said,
        class_="strip",
    )
