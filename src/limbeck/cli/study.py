"""`limbeck study`: distil, evaluate, explain, and a page of it all."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from limbeck.cli import distill
from limbeck.cli.console import Parser, answer, parser
from limbeck.cli.options import (
    add_data,
    add_probes,
    add_scoring,
    add_session,
    baselines_of,
    effort_in,
    names_of,
    probes_of,
    session,
    task_of,
)
from limbeck.cli.tables import scores, verdicts
from limbeck.comparison import against_baselines
from limbeck.composition import Recipe
from limbeck.core.errors import InputError, unknown
from limbeck.learn.protocol import named
from limbeck.studies import Study, study


def run(words: list[str]) -> None:
    """Make a study, or go on with it, and say where its page is."""
    made = _parser(effort_in(words, "study"))
    given = made.parse_args(words)
    protocol = named(given.protocol)
    recipes = _recipes(names_of(given.recipes), given.set, given.steps)
    task = task_of(given)
    with session("study", words, given) as used:
        found = study(
            task,
            recipes,
            ipc=given.ipc,
            out=given.out,
            network=given.network,
            seed=given.seed,
            checks=given.checks,
            effort=given.effort,
            probes=probes_of(made, given),
            repeats=given.repeats,
            protocol=protocol,
            baselines=baselines_of(given.baselines),
            command=f"limbeck study {shlex.join(words)}",
            session=used,
        )
    told = [*against_baselines(found.rows, [str(path) for path in found.sets.values()]), *found.findings]
    tables = [scores(found.rows, str(protocol)), *verdicts(told), str(found.report)]
    answer(document(found), given.json, *tables, quiet=given.quiet)


def document(found: Study) -> dict[str, object]:
    """A study as JSON."""
    return {
        "report": str(found.report),
        "sets": {name: str(path) for name, path in found.sets.items()},
        "rows": list(found.rows),
        "findings": [finding.document() for finding in found.findings],
    }


def _parser(effort: str) -> Parser:
    made = parser("study", "Distil a data set by several recipes, score and explain the sets, and make a page of it.")
    add_data(made)
    made.add_argument("--recipes", type=str, required=True, help="one or more of `limbeck list recipes`, by commas")
    made.add_argument("--ipc", type=int, required=True, help="items per class")
    made.add_argument("--out", type=Path, required=True, help="the folder of the sets and of report.html")
    made.add_argument("--network", type=str, default="convnet", help="a network of `limbeck list networks`")
    made.add_argument("--steps", type=int | None, default=None, help="how many steps; by default the recipes' own")
    made.add_argument(
        "--set",
        type=str,
        action="append",
        default=[],
        help="RECIPE.OPTION=VALUE, any number of times: an option of a part as `limbeck distill` takes it, for example "
        "mtt.objective.experts.count=4, mtt.steps=500, dm.start=noise",
    )
    made.add_argument("--seed", type=int, default=0, help="another seed, other sets")
    made.add_argument("--checks", type=int, default=4, help="how often to measure validation accuracy")
    add_probes(made, effort)
    add_scoring(made)
    add_session(made, compiles=True, data_root=False)
    return made


def _recipes(names: Sequence[str], settings: Sequence[str], steps: int | None) -> dict[str, Recipe]:
    """The recipes of those names, changed by settings RECIPE.OPTION=VALUE; InputError that names a wrong one."""
    options: dict[str, list[str]] = {name: [] for name in names}
    for setting in settings:
        place, mark, value = setting.partition("=")
        name, dot, option = place.partition(".")
        if not mark or not dot:
            raise InputError(f"--set {setting}: expected RECIPE.OPTION=VALUE, such as mtt.objective.experts.count=4")
        if name not in options:
            raise unknown(f"recipe of this study, in --set {setting}:", name, options)
        kind = option.partition(".")[0]
        if kind not in (*distill.PARTS, "steps"):
            raise unknown(f"option of a recipe, in --set {setting}:", kind, (*distill.PARTS, "steps"))
        options[name].append(f"--{option}={value}")
    found = {}
    for name, own in options.items():
        try:
            plain = distill.composition(name, [])
            general = [] if steps is None or plain.objective is None else [f"--steps={steps}"]
            found[name] = distill.composition(name, [*general, *own])
        except InputError as error:
            if not own:
                raise
            # The options of `distill` as they are called here.
            text = re.sub(
                r"--(?=(objective|start|schedule|optimizer|schedule_optimizer|parameterization|steps))",
                f"--set {name}.",
                str(error),
            )
            raise InputError(text.replace("limbeck distill", "limbeck study")) from error
    return found
