"""`limbeck study`: distil, evaluate, explain, and a page of it all."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from pathlib import Path

from limbeck.cli.console import Parser, answer, parser
from limbeck.cli.defaults import add_network, network_of, shortened
from limbeck.cli.options import (
    add_checks,
    add_data,
    add_probes,
    add_scoring,
    add_sizes,
    add_tables,
    baselines_of,
    effort_in,
    names_of,
    probes_of,
    task_of,
)
from limbeck.cli.tables import answers, scores
from limbeck.cli.working import add_log, add_session, session
from limbeck.comparison import against_baselines
from limbeck.composition import Recipe
from limbeck.core.errors import InputError, unknown
from limbeck.judging import protocol_of
from limbeck.opening import opening
from limbeck.options import compose
from limbeck.parameterizations.budgets import per_class_of
from limbeck.recipes import recipe_for
from limbeck.studies import Study, study


def run(words: list[str]) -> None:
    """Make a study, or go on with it, and say where its page is."""
    arguments = _parser(effort_in(words, "study"))
    given = arguments.parse_args(words)
    names, task = names_of(given.recipes), task_of(given)
    ipc = per_class_of(task, given.ipc, given.bytes)
    recipes = _recipes(names, given.set, given.steps, given.data, ipc, given.zca)
    stepped = [setting.partition(".")[0] for setting in given.set if setting.partition("=")[0].endswith(".steps")]
    recipes, said = shortened(task, recipes, given, stepped)
    protocol = protocol_of(recipes.values(), given.protocol)
    with session("study", words, given) as used:
        used.progress.notes([*said, *task.notes])
        result = study(
            task,
            recipes,
            ipc=given.ipc if given.bytes is not None else ipc,
            within=given.bytes,
            out=given.out,
            network=network_of(task, given.network),
            seed=given.seed,
            checks=given.checks,
            effort=given.effort,
            probes=probes_of(arguments, given),
            repeats=given.repeats,
            seeds=given.seeds,
            protocol=protocol,
            baselines=baselines_of(given.baselines),
            command=f"limbeck study {shlex.join(words)}",
            session=used,
        )
    sets = [str(path) for path in result.sets.values()]
    outcomes = [*against_baselines(result.rows, sets), *result.findings]
    opened = opening(result.rows, outcomes, sets)
    tables = [
        scores(list(result.rows), str(protocol), ".safetensors"),
        *answers(outcomes, opened, given.tables),
        str(result.report),
    ]
    answer(document(result), given, *tables, quiet=given.quiet)


def document(result: Study) -> dict[str, object]:
    """A study as JSON."""
    return {
        "report": str(result.report),
        "sets": {name: str(path) for name, path in result.sets.items()},
        "rows": list(result.rows),
        "findings": [finding.document() for finding in result.findings],
    }


def _parser(effort: str) -> Parser:
    arguments = parser(
        "study", "Distil a data set by several recipes, score and explain the sets, and make a page of it."
    )
    add_data(arguments)
    arguments.add_argument(
        "--recipes",
        type=str,
        required=True,
        help="one or more of `limbeck list recipes`, by commas; NAME=RECIPE gives one another name",
    )
    add_sizes(arguments)
    arguments.add_argument("--out", type=Path, required=True, help="the folder of the sets and of report.html")
    add_network(arguments)
    arguments.add_argument("--steps", type=int | None, default=None, help="how many steps; by default the recipes' own")
    arguments.add_argument(
        "--set",
        type=str,
        action="append",
        default=[],
        help="RECIPE.OPTION=VALUE, any number of times: an option of a part as `limbeck distill` takes it, for example "
        "mtt.objective.experts.count=4, mtt.steps=500, dm.start=noise; by its NAME where it was given one",
    )
    arguments.add_argument("--seed", type=int, default=0, help="another seed, other sets")
    add_checks(arguments)
    add_probes(arguments, effort)
    add_scoring(arguments)
    add_tables(arguments)
    add_log(arguments)
    add_session(arguments, compiles=True, data_root=False)
    return arguments


def _recipes(
    listed: Sequence[str], settings: Sequence[str], steps: int | None, data: str, ipc: int, whitened: bool = False
) -> dict[str, Recipe]:
    """The recipes of RECIPE or NAME=RECIPE by their names, changed by settings NAME.OPTION=VALUE.

    Raises InputError that names what is wrong.
    """
    names: dict[str, str] = {}
    for each in listed:
        name, mark, recipe = each.partition("=")
        if name in names or (mark and not (name and recipe)) or "." in name:
            raise InputError(
                f"--recipes {each}: expected names that differ and have no dot; NAME=RECIPE gives a recipe another"
            )
        names[name] = recipe or name
    options = _options(names, settings)
    composed = {}
    for name, recipe in names.items():
        plain = recipe_for(recipe, data, ipc, whitened)
        general = {} if steps is None or plain.objective is None else {"steps": steps}
        composed[name] = compose(plain, {**general, **options[name]}, f"--set {name}.{{}}".format)
    return composed


def _options(names: Collection[str], settings: Sequence[str]) -> dict[str, dict[str, str]]:
    """For each name the options that settings NAME.OPTION=VALUE give it."""
    options: dict[str, dict[str, str]] = {name: {} for name in names}
    for setting in settings:
        path, mark, value = setting.partition("=")
        name, dot, option = path.partition(".")
        if not mark or not dot or not option:
            raise InputError(f"--set {setting}: expected RECIPE.OPTION=VALUE, such as mtt.objective.experts.count=4")
        if name not in options:
            raise unknown(f"recipe of this study, in --set {setting}:", name, options)
        options[name][option] = value
    return options
