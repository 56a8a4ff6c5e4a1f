"""`limbeck show`: a picture of a set."""

from __future__ import annotations

from pathlib import Path

from limbeck.cli.console import answer, parser
from limbeck.core.text import shown
from limbeck.core.units import percent, size
from limbeck.distilled_set import DistilledSet
from limbeck.inside import account, pictures_of
from limbeck.show import draw, share_clipped


def run(words: list[str]) -> None:
    """Draw a set by class."""
    made = parser("show", "Draw a distilled set, one row of images for each class.")
    made.add_argument("set", type=Path, help="a file that `limbeck distill` wrote")
    made.add_argument("--out", type=Path, required=True, help="where to write the picture (.png, .jpg, .webp)")
    given = made.parse_args(words)
    distilled = DistilledSet.load(given.set)
    draw(distilled, given.out)
    outside = share_clipped(distilled)
    document = {"grid": str(given.out), "items": len(distilled), "classes": list(distilled.classes), "clipped": outside}
    names = ", ".join(map(shown, distilled.classes))
    text = f"{given.out}: {len(distilled)} images by class, top to bottom: {names}"
    note = f"{percent(outside)} of the values lie outside the range of real data and are drawn clipped"
    inside, stored = pictures_of(distilled), account(distilled)
    document["stored"] = {"bytes": stored.bytes, "pictures": [each.name for each in inside]}
    below = [f"below: {', '.join(each.name for each in inside)}, which are what is stored"] if inside else []
    answer(document, given, text, note, *below, f"stored in {size(stored.bytes)}, {stored.words}")
