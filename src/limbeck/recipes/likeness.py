"""How a recipe compares with a published one, and how much of one a set was distilled by."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from limbeck.composition import Recipe
from limbeck.core.family import to_spec

_NOTHING: Any = object()


class Likeness(NamedTuple):
    """How a recipe compares with a published one."""

    changed: int
    """In how many settings they differ, beside the steps."""
    name: str
    steps: int
    """Those of the published one."""
    number: str
    """Of which kind their number is: "published" or "usual"."""


class Change(NamedTuple):
    """A setting of a recipe that is not the published one."""

    path: str
    ours: Any
    theirs: Any

    def __str__(self) -> str:
        return f"{self.path.removesuffix('.part')} {_word(self.ours)} in place of {_word(self.theirs)}"


def changes(ours: Recipe, theirs: Recipe) -> list[Change]:
    """The settings in which a recipe is not another; of a part that is another one, the part alone."""
    mine, others = (leaves(to_spec(recipe)) for recipe in (ours, theirs))
    found = [
        Change(path, mine.get(path), others.get(path))
        for path in dict.fromkeys([*mine, *others])
        if mine.get(path, _NOTHING) != others.get(path, _NOTHING)
    ]
    parts = [each.path.removesuffix("part") for each in found if each.path.endswith(".part")]
    return [
        each for each in found if not any(each.path.startswith(part) and each.path != f"{part}part" for part in parts)
    ]


def _word(value: Any) -> str:
    """A value of a spec as an option has it."""
    if isinstance(value, float):
        return f"{value:g}"
    return value.rpartition("/")[2] if isinstance(value, str) else "none" if value is None else json.dumps(value)


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
    whose = "the published" if nearest.number == "published" else f"its {nearest.number}"
    return f"{spec['recipe']['steps']:,} of {whose} {nearest.steps:,} steps"


def standing(spec: Mapping[str, Any], seeds: Sequence[int] = ()) -> tuple[str, bool]:
    """Which distillations a score is of and how much of a published recipe they are, and whether that is all of it.

    `spec` is the set's; `seeds` are those of its recipe that the score is over, none where it is of the set alone.

    >>> standing({"network": "mlp"}), standing({"network": "mlp", "seed": 3}), standing({}, [0, 1, 2])[0]
    (('this one set', True), ('this one set, seed 3', True), 'over 3 distillations, seeds 0 to 2')
    """
    cut = shortened(spec)
    if seeds:
        which, by = f"over {len(seeds)} distillations", f"seeds {seeds[0]} to {seeds[-1]}"
    else:
        which, by = "this one set", f"seed {spec['seed']}" if "seed" in spec else ""
    return ", ".join(filter(None, [which, cut, by])), not cut


def _nearest(spec: Mapping[str, Any]) -> Likeness | None:
    """The published recipe that a set's is, or is most like."""
    from limbeck.recipes import RECIPES

    recipe, data = spec.get("recipe"), spec.get("data", {})
    if not recipe or recipe["objective"] is None:
        return None
    ours, found = leaves(recipe), []
    for method in RECIPES.values():
        theirs = method.recipe_for(data["name"], spec["ipc"], bool(data.get("zca")))
        published = leaves(to_spec(replace(theirs, steps=recipe["steps"])))
        if published.get("objective.part") == ours["objective.part"]:
            changed = sum(ours.get(path) != published.get(path) for path in ours.keys() | published.keys())
            found.append(Likeness(changed, method.name, theirs.steps, method.number(data["name"])))
    return min(found, default=None)


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """The plain values of a spec by their paths; a list is one value."""
    if not isinstance(value, dict):
        return {path: value}
    below = (leaves(each, f"{path}.{name}" if path else name) for name, each in value.items())
    return {name: each for found in below for name, each in found.items()}
