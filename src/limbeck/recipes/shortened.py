"""How much of a published recipe a set was distilled by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from limbeck.core.family import to_spec


class Likeness(NamedTuple):
    """How a recipe compares with a published one."""

    changed: int
    """In how many settings they differ, beside the steps."""
    name: str
    steps: int
    """The published ones."""


def shortened(spec: Mapping[str, Any]) -> str:
    """How much of its published recipe the set of a spec was distilled by, in words; "" where that is all of it.

    The published recipe is found by its composition for these data and this size, without steps. A set whose recipe was
    changed otherwise is in the manner of the one that has the same kind of objective and the fewest other settings.
    Nothing is said of a set that was not distilled by steps, or by a recipe like none that was published.
    """
    nearest = _nearest(spec)
    if nearest is None or spec["recipe"]["steps"] >= nearest.steps:
        return ""
    if nearest.changed:
        return f"in the manner of {nearest.name} for {spec['recipe']['steps']:,} of its {nearest.steps:,} steps"
    return f"{spec['recipe']['steps']:,} of the published {nearest.steps:,} steps"


def _nearest(spec: Mapping[str, Any]) -> Likeness | None:
    """The published recipe that a set's is, or is most like."""
    from limbeck.recipes import RECIPES

    recipe, data = spec.get("recipe"), spec.get("data", {})
    if not recipe or recipe["objective"] is None:
        return None
    ours, found = dict(_leaves(recipe)), []
    for method in RECIPES.values():
        theirs = method.recipe_for(data["name"], spec["ipc"], bool(data.get("zca")))
        published = dict(_leaves(to_spec(replace(theirs, steps=recipe["steps"]))))
        if published.get("objective.part") == ours["objective.part"]:
            changed = sum(ours.get(path) != published.get(path) for path in ours.keys() | published.keys())
            found.append(Likeness(changed, method.name, theirs.steps))
    return min(found, default=None)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The plain values of a spec by their paths; a list is one value."""
    if not isinstance(value, dict):
        yield path, value
        return
    for name, each in value.items():
        yield from _leaves(each, f"{path}.{name}" if path else name)
