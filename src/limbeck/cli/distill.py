"""`limbeck distill`: a data set into a few synthetic examples."""

from __future__ import annotations

import shlex
import warnings
from argparse import ArgumentError
from argparse import ArgumentParser as PlainParser
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from limbeck.cli.console import Parser, answer, parser
from limbeck.cli.defaults import add_network, network_of, out_of, shortened
from limbeck.cli.options import add_checks, add_data, add_sizes, check_out, task_of
from limbeck.cli.parts import help_of, listed, spelled, split_words
from limbeck.cli.table import Table
from limbeck.cli.working import (
    PART,
    STOP,
    add_compile,
    add_device,
    add_log,
    add_moved,
    add_quiet,
    add_root,
    add_runs,
    add_time,
    session,
)
from limbeck.core import ranks
from limbeck.core.documents import read_document
from limbeck.core.errors import InputError
from limbeck.core.torchrun import started
from limbeck.core.units import measured, size
from limbeck.options import compose
from limbeck.parameterizations.budgets import per_class_of
from limbeck.recipes import RECIPES, published, recipe_for
from limbeck.recipes.contract import NETWORK, Method
from limbeck.recipes.likeness import changes
from limbeck.runs.beside import check_shares, help_with
from limbeck.runs.choosing import USUAL, choose
from limbeck.runs.plan import Plan, finished, run_plan
from limbeck.runs.session import Session
from limbeck.runs.trial import fitting

AS_MANY = "to make as many steps as fit into an hour"
"""What --minutes is for where no steps are asked for."""


def run(words: list[str]) -> None:
    """Distil, save, and say where; where torchrun started several processes, the first of them does."""
    with started():
        plan, given = _repeat(words) if "--spec" in words else _new(words)
        if ranks.processes() > 1 and given.fits:
            raise InputError("--minutes without --steps, in several processes: a trial tells of one; say --steps too")
        if ranks.leads():
            _lead(plan, given, words)
        else:
            _help(plan, given, words)


def _help(plan: Plan, given: Any, words: list[str]) -> None:
    """Share the steps with the process that leads, which alone tells and is told."""
    given.quiet, given.log, given.yes, given.minutes = True, "", True, None
    warnings.simplefilter("ignore")
    with session("distill", words, given) as used:
        check_shares(plan, used)
        help_with(plan, used)


def _lead(plan: Plan, given: Any, words: list[str]) -> None:
    if given.out is not None:
        check_out(given.out)
    less = AS_MANY if given.free else PART
    with session("distill", words, given, bounded=not given.fits, less=less) as used:
        if given.choosing:
            given.recipe, recipe, why = choose(plan.task, plan.network, plan.ipc, given.minutes, used, given.fresh)
            plan, given.said = replace(plan, recipe=recipe), []
            used.progress.notes([why])
        used.progress.notes([_settings(plan, given), *given.said, *plan.task.notes])
        if given.fits:
            plan, given.fits = fitting(plan, used, given.minutes, given.fresh), False
        check_shares(plan, used)
        out = out_of(given, plan)
        made = _made_before(plan, used, given.fresh)
        distilled, run_kept = run_plan(plan, used, given.checkpoint_seconds, given.whole)
    distilled.save(out)
    settings = _settings(plan, given)
    document = {
        "set": str(out),
        "run": run_kept.id,
        "found": made.isoformat(timespec="seconds") if made else None,
        "items": len(distilled),
        "budget": distilled.budget._asdict(),
        "scores": list(distilled.scores),
        "settings": settings,
    }
    rows = [
        ("set", out),
        ("run", run_kept.folder),
        *([("made", f"found: made on {made:%Y-%m-%d at %H:%M}; --fresh makes it again")] if made else []),
        ("settings", settings),
        ("holds", f"{len(distilled)} items, {distilled.budget.scalars:,} scalars, {size(distilled.budget.bytes)}"),
        *[("validation", _validation(check)) for check in distilled.scores[-1:]],
        ("next", f"limbeck evaluate {shlex.quote(str(out))}"),
    ]
    answer(document, given, Table(f"{plan.task.name} distilled", ("", ""), rows), quiet=given.quiet)


def _made_before(plan: Plan, session: Session, fresh: bool) -> datetime | None:
    """When what is asked for was made, where it is found; with `fresh` it is removed, so that it is made anew."""
    run = session.store.at(plan.spec_on(session.device))
    if fresh and run.folder.exists():
        session.store.remove(run)
    return datetime.fromtimestamp(run.result.stat().st_mtime) if finished(run) is not None else None


def _validation(check: dict[str, Any]) -> str:
    score = measured(check["mean"], check["unit"])
    return f"{score} {check['metric']} ({check['network']}, one learner, protocol {check['protocol']})"


def _settings(plan: Plan, given: Any) -> str:
    """Which published settings a distillation is by, and in what it is not the published run."""
    if "recipe" not in given:
        return "the settings are those of a saved run"
    method, setting = published(given.recipe), (given.data, given.ipc, given.zca)
    said = f"{given.recipe} by settings {method.provenance(*setting)}"
    if not method.recipe.steps:
        return said
    recipe, network = method.recipe_for(*setting), method.network_for(given.data)
    differs = [] if plan.network == network else [f"{plan.network} in place of {network}"]
    if given.fits:
        differs.append(f"as many of {recipe.steps:,} steps as fit")
    elif plan.recipe.steps != recipe.steps:
        differs.append(f"{plan.recipe.steps:,} steps in place of {recipe.steps:,}")
    differs += [str(each) for each in changes(plan.recipe, recipe) if each.path != "steps"]
    if "zca" in plan.task.reference and plan.task.reference.get("validation") != 0:
        differs.append("a tenth of the training examples validates (--validation none: no image does)")
    if not method.matches:
        differs.append(f"what `limbeck list recipes --published` says of {given.recipe}")
    return f"{said}; not as published: {', '.join(differs)}" if differs else f"{said}, as published"


def _new(words: list[str]) -> tuple[Plan, Any]:
    options, rest = split_words(words)
    given = _parser(options, rest).parse_args(rest)
    given.choosing = not (given.recipe or options) and given.minutes is not None and given.steps is None
    given.recipe = given.recipe or USUAL
    if given.steps is not None:
        options["steps"] = given.steps
    task = task_of(given)
    given.ipc = per_class_of(task, given.ipc, given.bytes)
    recipe = compose(recipe_for(given.recipe, given.data, given.ipc, given.zca), options, spelled)
    given.free = "steps" not in options
    given.fits = given.free and given.minutes is not None
    asked = [] if given.free and not given.fits else [given.recipe]
    recipes, given.said = shortened(task, {given.recipe: recipe}, given, asked)
    plan = Plan(
        task, recipes[given.recipe], network_of(task, given.network), given.ipc, given.seed, given.checks, given.bytes
    )
    given.whole = replace(plan, recipe=recipe, network=task.network(NETWORK).name) if given.said else None
    return plan, given


def _asked(words: list[str]) -> tuple[Method, str, int, bool]:
    """The method that is asked for, and of what data, at what size, whitened or not, as far as that can be told.

    It comes first since it decides which options the help lists.
    """
    first = PlainParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for option in ("--recipe", "--ipc"):
        first.add_argument(option)
    try:
        chosen, rest = first.parse_known_args(words)
    except ArgumentError as error:
        raise InputError(f"{error}; see `limbeck distill --help`") from error
    data = rest[0] if rest and not rest[0].startswith("-") else "cifar10"
    ipc = int(chosen.ipc) if chosen.ipc is not None and chosen.ipc.isdecimal() else 1
    return published(chosen.recipe or USUAL), data, ipc, "--zca" in rest


def _parser(options: dict[str, str], words: list[str]) -> Parser:
    method, data, ipc, whitened = _asked(words)
    shown = compose(method.recipe_for(data, ipc, whitened), options, spelled)
    arguments = parser(
        "distill",
        "Distil a data set into a few synthetic examples. Or: limbeck distill --spec FILE --out SET. Or, by several "
        "processes together: torchrun --nproc-per-node 2 -m limbeck distill ... "
        f"{method.summary} Source: {method.source}. Cost: {method.cost}.",
    )
    arguments.more_options = listed(shown)
    arguments.more_help = help_of(method, shown, method.provenance(data, ipc, whitened))
    add_data(arguments)
    arguments.add_argument(
        "--recipe",
        type=str,
        default="",
        help=f"one of {', '.join(RECIPES)}; by default {USUAL}, and with --minutes what was measured to be best",
    )
    add_sizes(arguments)
    add_network(arguments)
    arguments.add_argument(
        "--steps", type=int | None, default=None, help=f"how many steps; by default {shown.steps} here"
    )
    arguments.add_argument("--seed", type=int, default=0, help="another seed, another set")
    add_checks(arguments)
    _add_output(
        arguments,
        Path | None,
        "by default named by the data, the recipe and its size",
        f"make as many steps as fit into so many minutes, which a trial tells; with --steps, {STOP}",
    )
    return arguments


def _add_output(arguments: Parser, kind: Any, default: str, minutes: str = STOP) -> None:
    arguments.add_argument(
        "--out", type=kind, required=kind is Path, help=f"where to write the set (.safetensors); {default}"
    )
    arguments.add_argument(
        "--checkpoint-seconds", type=float, default=30.0, help="how often to keep the state of the run"
    )
    arguments.add_argument("--fresh", action="store_true", help="make it anew, though it was made before")
    add_compile(arguments)
    add_time(arguments, minutes)
    add_log(arguments)
    add_device(arguments)
    add_quiet(arguments)
    add_runs(arguments)


def _repeat(words: list[str]) -> tuple[Plan, Any]:
    """The plan of a saved spec."""
    arguments = parser("distill", "Repeat a run from its saved spec.")
    arguments.add_argument("--spec", type=Path, required=True, help="the spec.json of a run's folder")
    add_moved(arguments)
    add_root(arguments)
    _add_output(arguments, Path, "it has no default")
    given = arguments.parse_args(words)
    given.said, given.whole, given.free, given.fits, given.choosing = [], None, False, False, False
    return Plan.of(read_document(given.spec, bare=True), given.data_root, given.data), given
