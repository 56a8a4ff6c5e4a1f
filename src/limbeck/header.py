"""What the header of a set's file holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limbeck import codecs
from limbeck.core.errors import DamagedError, InputError
from limbeck.core.family import to_spec
from limbeck.core.schema import mismatch
from limbeck.learn.losses import loss_name
from limbeck.learn.rules import rule_name

if TYPE_CHECKING:
    from limbeck.distilled_set import DistilledSet

FORMAT = 2
"""The version of the file's layout; a reader refuses any other."""

HEADER = {
    "version": str,
    "classes": [str],
    "data": {"name": str, "fingerprint": str},
    "spec": {"network": str, "compressed?": str},
    "parameterization": {"part": str},
    "codec": {"name": str},
    "rule": str,
    "loss?": str,
    "labels": str,
    "label_kind?": str,
    "budget": {"scalars": int, "bytes": int},
    "per_class?": int,
    "stored?": {"parts": [{"what": str, "numbers": int, "bytes": int}], "items": int, "plain_item": int},
    "scores": [
        {"n": int, "bytes": int, "values?": [float]}
        | dict.fromkeys(("set", "network", "split", "metric", "protocol"), str)
        | dict.fromkeys(("mean", "low", "high"), float)
        | dict.fromkeys(("unit?", "matched?", "beside?", "about?", "labels?"), str)
        | dict.fromkeys(("per_class?", "seeds?", "float32?", "looks?", "classes?"), int)
        | dict.fromkeys(("higher_is_better?", "whole?"), bool)
    ],
}
"""What the header of a file holds beside the format."""
DESCRIBED = frozenset({"per_class", "stored"})
"""What of it tells of the set without a number of it read; a file that was written before them has none."""
RUN = {
    "network": str,
    "data": {"name": str, "fingerprint": str},
    "recipe": {"part": str, "steps": int, "objective": (None, {"part": str})},
    "ipc": int,
    "seed": int,
    "checks": (None, int),
    "sources?": dict,
    "within?": int,
}
"""What the spec of a run holds, which is that of every set that was distilled and not imported."""


def header_of(distilled: DistilledSet) -> dict[str, Any]:
    """The JSON header of the file of a set."""
    return {
        "format": FORMAT,
        "version": distilled.version,
        "classes": list(distilled.classes),
        "data": distilled.data,
        "spec": distilled.spec,
        "parameterization": to_spec(distilled.parameterization),
        "rule": rule_name(distilled.schedule.rule),
        "loss": loss_name(distilled.schedule.loss),
        "codec": codecs.header_of(distilled.codec),
        "labels": distilled.label_mode,
        "label_kind": distilled.label_kind,
        "budget": distilled.budget._asdict(),
        "scores": list(distilled.scores),
        **described(distilled),
    }


def described(distilled: DistilledSet) -> dict[str, Any]:
    """What a header says of what is stored: `DESCRIBED`."""
    from limbeck.inside import account

    return {"per_class": distilled.per_class, "stored": account(distilled).document()}


def check_header(path: str | Path, header: dict[str, Any]) -> None:
    """InputError for a header that is not of a set, not of this format, or not as `HEADER` says."""
    found = header.get("format")
    if not isinstance(found, int) or "parameterization" not in header:
        raise InputError(f"{path}: not a distilled set; expected a file that `limbeck distill` wrote")
    by = header.get("version", "?")
    if found > FORMAT:
        raise InputError(
            f"{path}: format {found}, but this limbeck reads format {FORMAT}; upgrade limbeck "
            f"(the file was written by version {by})"
        )
    if found < FORMAT:
        raise InputError(f"{path}: format {found} of limbeck {by}, but this one reads format {FORMAT}; make it again")
    wrong = mismatch(header, HEADER, "header")
    if wrong is None and "recipe" in header["spec"]:
        wrong = mismatch(header["spec"], RUN, "header.spec")
    if wrong is not None:
        raise DamagedError(f"{path}: damaged ({wrong}); copy or make the file again")


def parts_in(recipe: Mapping[str, Any]) -> dict[str, str]:
    """The names of the parts of a recipe, by what they are of it; of a recipe that nobody checked, too."""
    parts = {name: part.get("part") for name, part in recipe.items() if isinstance(part, dict)}
    return {name: str(part).rpartition("/")[2] for name, part in parts.items()}


def method_of(spec: Mapping[str, Any]) -> str:
    """By which parts a set of such a spec was made, however long; "" where nobody knows."""
    return " ".join(parts_in(spec.get("recipe") or {}).values())


def made_by(spec: dict[str, Any]) -> str:
    """By which parts a set of such a spec was made, in how many steps, in words.

    >>> part = {"part": "family/some-part"}
    >>> made_by({"recipe": {"start": part, "parameterization": part, "objective": part, "steps": 2000}, "seed": 1})
    'some-part from some-part, 2,000 steps of some-part, seed 1'
    """
    recipe = spec.get("recipe")
    if recipe is None:
        return "not made by limbeck"
    names = parts_in(recipe)
    did = f"{recipe['steps']:,} steps of {names['objective']}" if "objective" in names else "no steps"
    return f"{names['parameterization']} from {names['start']}, {did}, seed {spec.get('seed', 0)}"
