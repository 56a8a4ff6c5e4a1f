"""`limbeck show`: a set as a picture, in words or as sound."""

from __future__ import annotations

from pathlib import Path

from limbeck.cli.console import answer, parser
from limbeck.core.text import shown
from limbeck.core.units import percent, size
from limbeck.distilled_set import DistilledSet
from limbeck.inside import account, pictures_of
from limbeck.items import has_pictures, lines_of
from limbeck.show import TOLD, draw, share_clipped


def run(words: list[str]) -> None:
    """Draw a set by class, or say its items in words."""
    made = parser("show", "Draw a distilled set, one row of images for each class, or say its items in words.")
    made.add_argument("set", type=Path, help="a file that `limbeck distill` wrote")
    made.add_argument(
        "--out",
        type=Path | None,
        default=None,
        help="where to write the picture (.png, .jpg, .webp), the items in words (.txt) or as sound (.wav); "
        "without, items that have words are printed",
    )
    given = made.parse_args(words)
    distilled = DistilledSet.load(given.set)
    if given.out is None:
        lines = lines_of(distilled)
        return answer({"items": lines}, given, *lines)
    draw(distilled, given.out)
    outside = share_clipped(distilled)
    document = {"grid": str(given.out), "items": len(distilled), "classes": list(distilled.classes), "clipped": outside}
    names = ", ".join(map(shown, distilled.classes))
    drawn = given.out.suffix.lower() not in TOLD
    kind = "images" if drawn and has_pictures(distilled) else "items"
    text = f"{given.out}: {len(distilled)} {kind} by class, {'top to bottom' if drawn else 'in order'}: {names}"
    how = "drawn clipped" if drawn else "given as the nearest that real data could be"
    note = f"{percent(outside)} of the values lie outside the range of real data and are {how}"
    inside, stored = pictures_of(distilled) if drawn else [], account(distilled)
    document["stored"] = {"bytes": stored.bytes, "pictures": [each.name for each in inside]}
    below = [f"below: {', '.join(each.name for each in inside)}, which are what is stored"] if inside else []
    answer(document, given, text, note, *below, f"stored in {size(stored.bytes)}, {stored.words}")
