"""`limbeck sweep`: every combination of recipes, sizes, networks and options, in one table and on one page."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from limbeck.cli.console import Parser, answer, parser
from limbeck.cli.defaults import network_of
from limbeck.cli.options import add_data, add_scoring, baselines_of, names_of, task_of
from limbeck.cli.table import Table
from limbeck.cli.working import add_log, add_session, session
from limbeck.comparison import basis, draws
from limbeck.core.errors import InputError
from limbeck.core.text import counted
from limbeck.core.units import bare, headed, size
from limbeck.sweeps import Cell, document_of, sweep

BASELINES = ("random", "random:bytes")
"""What stands beside a set where it was scored, too: as many real examples, and as many bytes of them."""


def run(words: list[str]) -> None:
    """Make a sweep, or go on with it, and print its table."""
    given = _parser().parse_args(words)
    task = task_of(given)
    with session("sweep", words, given) as used:
        swept = sweep(
            task,
            names_of(given.recipes),
            out=given.out,
            ipc=_sizes(given.ipc),
            networks=[network_of(task, each) for each in names_of(given.networks) or ("",)],
            vary=_varied(given.vary),
            seeds=given.seeds,
            steps=given.steps,
            repeats=given.repeats,
            protocol=given.protocol,
            baselines=baselines_of(given.baselines),
            command=f"limbeck sweep {shlex.join(words)}",
            session=used,
        )
    note = "to choose one, go by the validation scores: the best of many test scores is better than it would be again"
    answer(document_of(swept), given, table_of(swept.cells), note, str(swept.report), quiet=given.quiet)


def table_of(cells: Sequence[Cell]) -> Table:
    """A row for each combination: what is varied, its scores, and random real examples beside it."""
    metric, unit = cells[0].score["metric"], cells[0].score["unit"]
    options = list(dict.fromkeys(option for cell in cells for option in cell.options))
    several = len({cell.network for cell in cells}) > 1
    named = ("recipe", "per class", *(["network"] if several else []), *options)
    baselines = [name for name in BASELINES if any(row["set"] == name for cell in cells for row in cell.rows[1:])]
    scores = (headed("validation", unit), headed(f"test {metric}", unit), *baselines)
    lines, numbers = list[tuple[object, ...]](), list[tuple[object, ...]]()
    for cell in cells:
        at = [cell.recipe, cell.ipc, *([cell.network] if several else [])]
        at += [cell.options.get(option, "") for option in options]
        beside = {row["set"]: row for row in cell.rows[1:]}
        checked = fmean(cell.validation) if cell.validation else None
        texts = (
            "" if checked is None else bare(checked, unit),
            _text(cell.score, unit),
            *(_text(beside[name], unit) if name in beside else "" for name in baselines),
        )
        lines.append((*at, *texts, draws(cell.score), size(cell.score["bytes"])))
        of_test = [cell.score[name] for name in ("mean", "low", "high", "n", "bytes")]
        means = [beside[name]["mean"] if name in beside else "" for name in baselines]
        numbers.append((*at, "" if checked is None else checked, *of_test, *means))
    over = basis([cell.score for cell in cells])
    title = f"{counted(len(cells), 'combination')}, {over}. Protocol {cells[0].score['protocol']}"
    exact = Table(title, (*named, "validation", "mean", "low", "high", "n", "bytes", *baselines), numbers)
    right = ("per class", *options, *scores, "stored")
    return Table(title, (*named, *scores, "of", "stored"), lines, right=right, numbers=exact)


def _text(row: dict, unit: str) -> str:
    mean, low, high = (bare(row[name], unit) for name in ("mean", "low", "high"))
    return f"{mean} ({low} to {high})" if len(row["values"]) > 1 else mean


def _sizes(text: str) -> list[int]:
    sizes = names_of(text)
    if not sizes or not all(each.isdecimal() and int(each) for each in sizes):
        raise InputError(f"--ipc {text}: expected numbers above 0 by commas, such as 1,10")
    return [int(each) for each in sizes]


def _varied(settings: Sequence[str]) -> dict[str, list[str]]:
    """The values by option of settings OPTION=VALUE,VALUE."""
    found: dict[str, list[str]] = {}
    for setting in settings:
        option, mark, values = setting.partition("=")
        if not (mark and option and values) or option in found:
            raise InputError(
                f"--vary {setting}: expected each option once, as OPTION=VALUE,VALUE or RECIPE.OPTION=VALUE"
            )
        found[option] = values.split(",")
    return found


def _parser() -> Parser:
    made = parser(
        "sweep",
        "Distil a data set in every combination of recipes, sizes, networks and options, and score all of them.",
    )
    add_data(made)
    made.add_argument("--recipes", type=str, required=True, help="one or more of `limbeck list recipes`, by commas")
    made.add_argument("--out", type=Path, required=True, help="the folder of the sets, of sweep.json and report.html")
    made.add_argument("--ipc", type=str, default="1", help="items per class, one or more by commas, such as 1,10")
    made.add_argument("--networks", type=str, default="", help="one or more of `limbeck list networks`, by commas")
    made.add_argument(
        "--vary",
        type=str,
        action="append",
        default=[],
        help="OPTION=VALUE,VALUE, any number of times: values of an option as `limbeck distill` takes it, for example "
        "optimizer.learning_rate=0.1,1; of one recipe alone: dm.optimizer.learning_rate=0.1,1",
    )
    made.add_argument("--steps", type=int | None, default=None, help="how many steps; by default the recipes' own")
    add_scoring(made, seeds=3)
    add_log(made)
    add_session(made, compiles=True, data_root=False)
    return made
