"""What each parameterization makes of the storage of so many float32 images, in so many minutes of one core.

    python benchmarks/parameterizations.py cifar10 --ipc 1 [--minutes 10] --out FILE

Items are as many as the storage of `--ipc` images of every class buys, labels aside; each row has the measured bytes.
The learning rate of what is stored is one of RATES times that of the objective on pixels, of fields and gaussians times
one of their own under Adam, by what a few learners score on validation examples after a search of half a minute each.
Rows are as those of per_minute.py, with the parameterization, the rate and the search; what FILE holds is not made
again. `--real 1,4` asks for so many random real images of every class beside, and the objective `random` for as many
random real images as a parameterization stores there, which are not distilled.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from per_minute import SHORT, measured

import limbeck
from limbeck.options import compose
from limbeck.parameterizations.budgets import items_within
from limbeck.recipes import recipe_for
from limbeck.statistics.estimates import interval

ADAM = {"optimizer": "adam"}
"""Of what is no picture: numbers of many sizes, which one rate does not suit. By the SGD of dm a field leaves the
images that it was fitted to for noise (11.0 %)."""

PARTS: dict[str, dict[str, Any]] = {
    "pixels": {"parameterization": "pixels"},
    "multiformation": {"parameterization": "multiformation"},
    "frequency": {"parameterization": "frequency", "parameterization.kept": 64},
    "bases": {"parameterization": "bases", "parameterization.count": 32},
    "palette": {"parameterization": "palette", "parameterization.colours": 16},
    "factors": {"parameterization": "factors"},
    "field": {"parameterization": "field", **ADAM, "optimizer.learning_rate": 5e-4},
    "gaussians": {"parameterization": "gaussians", **ADAM, "optimizer.learning_rate": 1e-2},
    "bits": {"parameterization": "bits"},
}
FROM_TEN: dict[str, dict[str, Any]] = {
    "frequency": {"parameterization.kept": 160},
    "bases": {"parameterization.count": 256},
}
"""From ten images of a class on: with the numbers above there are so many items that scoring them takes hours."""
RATES = (0.1, 1.0, 10.0)
SEARCH = 0.5
"""Minutes of the search, for each rate."""
ITEMS = 20
"""Of every class, read by the learners of the search together: more items are scored by fewer learners."""


def options_of(part: str, ipc: int) -> dict[str, Any]:
    """The options of a parameterization in the storage of so many images of every class."""
    return {**PARTS[part], **(FROM_TEN.get(part, {}) if ipc >= 10 else {})}


def scaled(options: dict[str, Any], given: argparse.Namespace, objective: str, rate: float) -> dict[str, Any]:
    """The options with a learning rate that is `rate` times its own, or else that of the objective on pixels."""
    plain = SHORT.get(objective, (objective, {}))
    optimizer = compose(recipe_for(plain[0], given.data, given.ipc), {**plain[1], **options}).optimizer
    return {**plain[1], **options, "optimizer.learning_rate": rate * optimizer.learning_rate}


def best_rate(given: argparse.Namespace, objective: str, options: dict[str, Any]) -> tuple[float, dict[str, float]]:
    """The rate by which learners did best on validation examples after the search, and what each came to."""
    part, task = (
        compose(recipe_for(objective, given.data, given.ipc), options).parameterization,
        limbeck.load(given.data),
    )
    learners = max(1, min(5, ITEMS // items_within(part, task, given.ipc)))
    found = {}
    for rate in RATES:
        try:
            row = measured(given, objective, scaled(options, given, objective, rate), SEARCH, learners)
            found[str(rate)] = sum(row["validation"]) / learners
        except limbeck.InputError as error:
            print(f"  rate {rate}: {error}", file=sys.stderr)
    return float(max(found, key=found.__getitem__)), found


def cell(given: argparse.Namespace, objective: str, part: str) -> dict[str, Any]:
    """The row of an objective and a parameterization."""
    options = options_of(part, given.ipc)
    if objective == "random":
        stored = {name: value for name, value in options.items() if name.startswith("parameterization")}
        return {"parameterization": part, **measured(given, objective, stored, given.minutes)}
    rate, searched = best_rate(given, objective, options)
    row = measured(given, objective, scaled(options, given, objective, rate), given.minutes)
    return {"parameterization": part, "rate": rate, "search": searched, **row}


def real(given: argparse.Namespace, name: str, items: int) -> dict[str, Any]:
    """The row of so many random real images of every class."""
    asked = argparse.Namespace(**{**vars(given), "ipc": items})
    return {"parameterization": name, **measured(asked, "random", {}, given.minutes)}


def main() -> None:
    """Make the rows that are not there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("--network", default="convnet-w32")
    parser.add_argument("--ipc", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--objectives", default="dm,rfad")
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--real", default="", help="numbers of random images of every class, such as 1,4,13")
    parser.add_argument("--protocol", default="")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", default="per-minute-runs")
    parser.add_argument("--data-root", default=None)
    parser.add_argument("--out", type=Path, default=Path("parameterizations.jsonl"))
    given = parser.parse_args()
    there = [json.loads(line) for line in given.out.read_text().splitlines()] if given.out.exists() else []
    done = {(each["data"], each["ipc"], each["method"], each["parameterization"]) for each in there}
    wanted = [("random", f"real {items}", int(items)) for items in filter(None, given.real.split(","))]
    parts, objectives = given.parts.split(","), given.objectives.split(",")
    wanted += [(objective, part, given.ipc) for objective in objectives for part in parts]
    for method, name, ipc in wanted:
        if (given.data, ipc, method, name) in done:
            continue
        row = cell(given, method, name) if name in PARTS else real(given, name, ipc)
        with given.out.open("a") as file:
            file.write(json.dumps(row) + "\n")
        scores = (interval(row[each]) for each in ("validation", "test"))
        print(method, name, row["items"], f"{row['bytes']} bytes", row.get("rate"), row["steps"], *scores, flush=True)


if __name__ == "__main__":
    main()
