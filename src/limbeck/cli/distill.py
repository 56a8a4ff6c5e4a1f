"""`limbeck distill`: a data set into a few synthetic examples."""

from __future__ import annotations

import json
import shlex
from argparse import ArgumentError
from argparse import ArgumentParser as PlainParser
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_type_hints

from limbeck.cli.console import Parser, answer, parser, table
from limbeck.cli.options import (
    add_compile,
    add_data,
    add_device,
    add_quiet,
    add_root,
    add_runs,
    check_out,
    defaults_of,
    session,
)
from limbeck.composition import Recipe
from limbeck.core.contracts import AbstractParameterization, AbstractSchedule, AbstractStart
from limbeck.core.errors import InputError
from limbeck.core.family import Family, part_name
from limbeck.core.units import percent, size
from limbeck.learn.distances import DISTANCES, AbstractDistance
from limbeck.learn.optim import OPTIMIZERS
from limbeck.objectives import OBJECTIVES
from limbeck.parameterizations import PARAMETERIZATIONS
from limbeck.recipes import RECIPES, Published, published
from limbeck.runs.plan import Plan, run_plan
from limbeck.schedules import SCHEDULES
from limbeck.starts import STARTS
from limbeck.tasks import load

PARTS: dict[str, Family] = {
    "start": STARTS,
    "parameterization": PARAMETERIZATIONS,
    "objective": OBJECTIVES,
    "schedule": SCHEDULES,
    "optimizer": OPTIMIZERS,
    "schedule_optimizer": OPTIMIZERS,
}

HELD: dict[type, Family] = {
    AbstractDistance: DISTANCES,
    AbstractParameterization: PARAMETERIZATIONS,
    AbstractSchedule: SCHEDULES,
    AbstractStart: STARTS,
}
"""The families whose parts another part may hold, by their contract."""


def run(words: list[str]) -> None:
    """Distil, save, and say where."""
    plan, given = _repeat(words) if "--spec" in words else _new(words)
    check_out(given.out)
    with session("distill", words, given) as used:
        made, kept = run_plan(plan, used, given.checkpoint_seconds)
    made.save(given.out)
    document = {
        "set": str(given.out),
        "run": kept.id,
        "items": len(made),
        "budget": made.budget._asdict(),
        "scores": list(made.scores),
    }
    check = made.scores[-1]
    measured = f"{percent(check['mean'])} accuracy ({check['network']}, one learner, protocol {check['protocol']})"
    rows = [
        ("set", given.out),
        ("run", kept.folder),
        ("holds", f"{len(made)} items, {made.budget.scalars:,} scalars, {size(made.budget.bytes)}"),
        ("validation", measured),
        ("next", f"limbeck evaluate {shlex.quote(str(given.out))}"),
    ]
    answer(document, given.json, table(f"{plan.task.name} distilled", ("", ""), rows), quiet=given.quiet)


def _new(words: list[str]) -> tuple[Plan, Any]:
    method, recipe, rest = _choose(words)
    made = _parser(method, recipe)
    given = made.parse_args(rest)
    return _plan(_composed(recipe, made, given), given), given


def composition(name: str, options: Sequence[str]) -> Recipe:
    """The published recipe of that name, changed by options such as --objective.per_class 7 or --start noise.

    Raises InputError for an unknown recipe, option or value.
    """
    words = ["any", "--recipe", name, "--ipc", "1", "--out", "any.safetensors", *options]
    method, recipe, rest = _choose(words)
    made = _parser(method, recipe)
    return _composed(recipe, made, made.parse_args(rest))


def _choose(words: list[str]) -> tuple[Published, Recipe, list[str]]:
    """The method that --recipe names, the composition that the names of parts make of it, and the words left over.

    It comes first since it decides which options there are: an option --objective.FIELD for every field
    of the chosen objective, and so on.
    """
    first = PlainParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for option in ("recipe", *PARTS):
        first.add_argument(f"--{option}")
    try:
        chosen, rest = first.parse_known_args(words)
    except ArgumentError as error:
        raise InputError(f"{error}; see `limbeck distill --help`") from error
    method = published(chosen.recipe or "dm")
    recipe = method.recipe
    for kind, family in PARTS.items():
        name = getattr(chosen, kind)
        if name is not None and name != part_name(type(getattr(recipe, kind))):
            recipe = replace(recipe, **{kind: family[name]()})
    return method, recipe, _by_class(recipe, rest)


def _by_class(recipe: Recipe, words: list[str]) -> list[str]:
    """The words with each name of a part within a part (--objective.distance global-cosine) as that of its class."""
    families: dict[str, Family] = {}
    for kind in PARTS:
        part = getattr(recipe, kind)
        asked = get_type_hints(type(part)) if part is not None else {}
        held = {name: HELD[contract] for name, contract in asked.items() if contract in HELD}
        families |= {f"--{kind}.{name}": family for name, family in held.items()}
    told = []
    for before, word in zip(["", *words], words, strict=False):
        option, mark, name = word.partition("=")
        if not mark:
            option, name = before, word
        classes = [part.__name__ for part in families[option].parts.values()] if option in families else []
        # A mapping says more of the part than its name.
        if option in families and name not in classes and not name.startswith("{"):
            name = families[option][name].__name__
        told.append(f"{option}={name}" if mark else name)
    return told


def _parser(method: Published, recipe: Recipe) -> Parser:
    told = f"{method.summary} Source: {method.source}. Expected: {method.expected}. Cost: {method.cost}."
    made = parser(
        "distill",
        f"Distil a data set into a few synthetic examples. Or: limbeck distill --spec FILE --out SET. {told}",
    )
    add_data(made)
    made.add_argument("--recipe", type=str, default="dm", help=f"one of {', '.join(sorted(RECIPES))}")
    made.add_argument("--ipc", type=int, required=True, help="items per class")
    made.add_argument("--network", type=str, default="convnet", help="a network of `limbeck list networks`")
    made.add_argument("--steps", type=int, default=recipe.steps, help="how many steps")
    made.add_argument("--seed", type=int, default=0, help="another seed, another set")
    made.add_argument("--checks", type=int, default=4, help="how often to measure validation accuracy")
    _add_output(made)
    for kind, family in PARTS.items():
        _add_part(made, kind, getattr(recipe, kind), family)
    return made


def _add_output(made: Parser) -> None:
    made.add_argument("--out", type=Path, required=True, help="where to write the set (.safetensors)")
    made.add_argument("--checkpoint-seconds", type=float, default=30.0, help="how often to keep the state of the run")
    add_compile(made)
    add_device(made)
    add_quiet(made)
    add_runs(made)


def _add_part(made: Parser, kind: str, part: Any, family: Family) -> None:
    """Add --KIND NAME, which `_choose` has read, and --KIND.FIELD for every field of the chosen part."""
    if part is not None and fields(part):
        made.add_class_arguments(type(part), kind, default=defaults_of(part))
    else:
        made.add_argument(f"--{kind}", type=str)
    for action in made._actions:
        if action.option_strings == [f"--{kind}"]:
            action.metavar, action.help = "NAME", f"another {kind}: {', '.join(family.parts)}"


def _composed(recipe: Recipe, made: Parser, given: Any) -> Recipe:
    """The recipe with what the options say of its parts and steps."""
    built = made.instantiate(given)
    parts = {kind: getattr(recipe, kind) for kind in PARTS}
    parts = {kind: getattr(built, kind) if part is not None and fields(part) else part for kind, part in parts.items()}
    return replace(recipe, steps=given.steps, **parts)


def _plan(recipe: Recipe, given: Any) -> Plan:
    return Plan(
        task=load(given.data, root=given.data_root, zca=given.zca, size=given.size),
        recipe=recipe,
        network=given.network,
        ipc=given.ipc,
        seed=given.seed,
        checks=given.checks,
    )


def _repeat(words: list[str]) -> tuple[Plan, Any]:
    """The plan of a saved spec."""
    made = parser("distill", "Repeat a run from its saved spec.")
    made.add_argument("--spec", type=Path, required=True, help="the spec.json of a run's folder")
    add_root(made)
    _add_output(made)
    given = made.parse_args(words)
    try:
        spec = json.loads(given.spec.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{given.spec}: {error}; expected the spec.json of a run's folder") from error
    if not isinstance(spec, dict):
        raise InputError(f"{given.spec}: found a {type(spec).__name__}, expected the spec.json of a run's folder")
    return Plan.of(spec, given.data_root), given
