"""What is said of the attributes that items hold."""

from __future__ import annotations

from typing import NamedTuple

from limbeck.core.findings import Claim, Fact, Verdict
from limbeck.statistics.decisions import ABOVE, OPEN
from limbeck.statistics.estimates import LEVEL, share

CARRYING = "share of items that carry an attribute"
"""The fact that is claimed to be above nothing, and above that of random real examples."""


class Count(NamedTuple):
    """How many items of a set, or of a control, carry an attribute."""

    items: int
    carrying: int
    tests: int
    attributes: int

    def share(self, level: float = LEVEL) -> Fact:
        """The share of the items."""
        return share(CARRYING, self.carrying / self.items, self.items, level)


def verdict(ours: Count, control: Count | None, strongest: str = "", wanted: int = 0, level: float = LEVEL) -> Verdict:
    """Whether items carry attributes, more of them than of a control; `wanted` learners would show any where none do.

    Those of the set are clearly more where the intervals of the two shares do not touch, which allows for that items
    are no independent draws.
    """
    if not ours.carrying:
        text = (
            f"Inconclusive: none of {ours.items} items is found to carry any of {ours.attributes} attributes beyond "
            f"its class, under both of two seeds and beyond what seeds alone do ({ours.tests} tests)."
        )
        real = "" if control is None else f" Of {control.items} random real examples {_many(control.carrying)}."
        return Verdict(text + real, "unknown", (Claim(CARRYING, 0.0, OPEN, wanted),))
    claims = [Claim(CARRYING, 0.0, ABOVE, 0)]
    if control is None:
        beside = "; random real examples were not asked about"
    elif ours.share(level).low > (theirs := control.share(level)).high:
        claims.append(Claim(CARRYING, theirs.value, ABOVE, 0))
        beside = f", more than random real examples do ({control.carrying} of {control.items})"
    elif control.carrying:
        beside = f"; so do random real examples, {control.carrying} of {control.items}"
    else:
        beside = f"; none of {control.items} random real examples does, which is not clearly fewer"
    found = f"{ours.carrying} of {ours.items} items carry a nameable attribute beyond their class{beside}."
    return Verdict(f"{found} {strongest}".rstrip(), "note", tuple(claims))


def _many(carrying: int) -> str:
    return "none is" if not carrying else f"{carrying} {'is' if carrying == 1 else 'are'}"
