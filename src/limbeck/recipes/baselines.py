"""The names of what a set is scored beside."""

from __future__ import annotations

from collections.abc import Sequence

from limbeck.core.errors import InputError, unknown
from limbeck.recipes import SELECTIONS

BASELINES = ("random", "herding", "kmeans", "random:bytes", "full")
"""What a set is scored beside by default."""
ALL = "all-coresets"
"""The name that stands for every selection."""
ITEMS, BYTES = "items", "bytes"
"""How a baseline is matched with a set: as many items per class, or as many as fit in its bytes."""


def check_baselines(names: Sequence[str]) -> None:
    """Raise InputError for a name that is of no baseline."""
    known = [*SELECTIONS, ALL, "full"]
    for name in names:
        selection, _, matched = name.partition(":")
        if selection not in known:
            raise unknown("baseline", selection, known)
        if ":" in name and (selection == "full" or matched not in (ITEMS, BYTES)):
            raise InputError(f"baseline {name!r}: expected the name of a selection, alone or with :{ITEMS} or :{BYTES}")


def each_of(baselines: Sequence[str]) -> dict[str, bool]:
    """Every baseline once, and whether it was not asked for by its own name, so that one that adds nothing is none."""
    found: dict[str, bool] = {}
    for name in baselines:
        selection, _, matched = name.partition(":")
        if selection != ALL:
            found[name] = set(baselines) >= set(BASELINES)
            continue
        for how, ending in ((ITEMS, ""), (BYTES, f":{BYTES}")):
            if matched in ("", how):
                for each in SELECTIONS:
                    found.setdefault(f"{each}{ending}", True)
    return found
