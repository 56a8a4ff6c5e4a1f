"""Series: sets of FacesUCR and TwoPatterns beside the published table, and of ETTh1 for forecasting.

    python benchmarks/series.py classification --folder DIR [--only facesucr:1:dm ...]
    python benchmarks/series.py forecasting --folder DIR [--only hdt ...]

A row is computed once and kept in DIR/series.jsonl; called again it goes on, and prints the table of what is there.
The published table (ShapeCond 2026, its readme) is of a split of its own, in which FacesUCR has at least ten training
series of every class, and the archive's has three of some. So both sets are put together, shuffled by a fixed seed and
parted into 60 % to train, 20 % to validate and 20 % to test; and its learners are taught by soft labels of a teacher at
every step, of which the best epoch on the test series is told. Learners here are trained on hard labels (of sre2l on
one soft label an item), protocol yang2024, and their last step is told.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet

import limbeck
from limbeck.computations.contract import ProbeContext
from limbeck.computations.experts import followed
from limbeck.options import compose
from limbeck.protocols import Epochs
from limbeck.recipes import recipe_for

SETS = {"facesucr": "FacesUCR", "twopatterns": "TwoPatterns"}
PUBLISHED = {
    ("facesucr", 1): {"random": 31.63, "herding": 39.87, "kcenter": 40.76, "sre2l": 59.30, "full": 97.12},
    ("facesucr", 10): {"random": 77.73, "herding": 77.95, "kcenter": 77.51, "sre2l": 94.09, "full": 97.12},
    ("twopatterns", 1): {"random": 24.91, "herding": 24.00, "kcenter": 24.00, "sre2l": 33.42, "full": 99.95},
    ("twopatterns", 10): {"random": 39.84, "herding": 34.82, "kcenter": 43.25, "sre2l": 77.08, "full": 99.95},
}
"""Test accuracy in per cent; other methods of that table: CondTSC 67.75, 92.65, 43.79, 78.40, ShapeCond 79.26, 95.10,
45.95, 90.94."""
RECIPES: dict[str, dict[str, Any]] = {
    "random": {},
    "herding": {},
    "kcenter": {},
    "dm": {"optimizer.learning_rate": 0.01, "objective.per_class": 32, "steps": 500},
    "dm-fourier": {"objective.per_class": 32, "steps": 500},
    "sre2l": {"steps": 500},
}
"""The options of each; of sre2l a quarter of the published steps."""
ERRORS = {"random": 0.945, "mtt": 0.521, "condtsf": 0.510, "hdt": 0.430, "full": 0.386}
"""Published squared errors of ETTh1 by DLinear at 384 times (HDT, AAAI 2026)."""
FORECASTS: dict[str, tuple[str, dict[str, Any]]] = {
    "random": ("hdt", {"steps": 0}),
    "hdt": ("hdt", {}),
    "condtsf": ("condtsf", {}),
    "mtt": ("condtsf", {"objective.every": 1_000_000, "optimizer.every": 1_000_000}),
}
IPC = 28
"""The storage of 28 pasts of 96 times is one series of 7 channels and 384 times."""


def resplit(folder: Path, name: str) -> str:
    """A folder of the whole set, parted anew; as data."""
    place = folder / name
    if not (place / "test.parquet").exists():
        root = Path(os.environ["LIMBECK_DATA"]) / "time_series"
        parts = [pyarrow.parquet.read_table(root / f"{SETS[name]}_{split}.parquet") for split in ("train", "test")]
        whole = pyarrow.concat_tables(parts)
        rows = np.random.default_rng(0).permutation(len(whole))
        place.mkdir(parents=True, exist_ok=True)
        ends = [round(0.6 * len(rows)), round(0.8 * len(rows))]
        for split, part in zip(("train", "validation", "test"), np.split(rows, ends), strict=True):
            pyarrow.parquet.write_table(whole.take(part), place / f"{split}.parquet")
    return f"series:{place}"


def score(made: limbeck.DistilledSet, session: limbeck.Session, repeats: int, **options: Any) -> dict[str, Any]:
    """The row of a set on the test split."""
    (row, *_) = limbeck.evaluate(made, repeats=repeats, baselines=(), session=session, **options)
    return {"mean": row.mean, "low": row.low, "high": row.high, "n": row.n}


def kept(folder: Path) -> list[dict[str, Any]]:
    """The rows that were computed."""
    file = folder / "series.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def keep(folder: Path, row: dict[str, Any]) -> None:
    """One more row."""
    with (folder / "series.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")
    print(json.dumps(row), flush=True)


def classification(folder: Path, only: list[str], repeats: int, session: limbeck.Session) -> None:
    """Sets of one and of ten series of a class."""
    done = {(row["data"], row["ipc"], row["name"]) for row in kept(folder) if row["kind"] == "classification"}
    for (data, ipc), published in PUBLISHED.items():
        for name in (*RECIPES, "full"):
            if (data, ipc, name) in done or (only and f"{data}:{ipc}:{name}" not in only):
                continue
            began, task = time.monotonic(), limbeck.load(resplit(folder, data))
            if name == "full":
                made = limbeck.distill(task, "random", ipc=1, network="convnet1d", checks=0, session=session)
                rows = limbeck.evaluate(made, repeats=repeats, baselines=("full",), session=session)
                found = {key: getattr(rows[-1], key) for key in ("mean", "low", "high", "n")}
            else:
                recipe = compose(recipe_for(name, data, ipc), RECIPES[name])
                made = limbeck.distill(task, recipe, ipc=ipc, network="convnet1d", checks=0, session=session)
                found = score(made, session, repeats)
            row = {"kind": "classification", "data": data, "ipc": ipc, "name": name, "published": published.get(name)}
            keep(folder, {**row, **found, "seconds": round(time.monotonic() - began, 1)})


def forecasting(folder: Path, only: list[str], repeats: int, session: limbeck.Session) -> None:
    """One series of 384 times of all channels of ETTh1, over three seeds of its stretch."""
    task, protocol = limbeck.load("etth1"), Epochs(learning_rate=0.1)
    done = {(row["name"], row.get("seed")) for row in kept(folder) if row["kind"] == "forecasting"}
    for name, (method, options) in FORECASTS.items():
        recipe = compose(recipe_for(method, "etth1", IPC), options)
        for seed in range(3):
            if (name, seed) in done or (only and name not in only):
                continue
            began, context = time.monotonic(), ProbeContext(session.problem(task, "dlinear"))
            for experts in followed(recipe):
                for training in experts.trainings(context.problem):
                    context.outcome(training)
            made = limbeck.distill(task, recipe, ipc=IPC, network="dlinear", seed=seed, checks=0, session=session)
            row = {"kind": "forecasting", "name": name, "seed": seed, "published": ERRORS[name]}
            found = score(made, session, repeats, protocol=protocol)
            keep(folder, {**row, **found, "bytes": made.budget.bytes, "seconds": round(time.monotonic() - began, 1)})
    if ("full", None) not in done and (not only or "full" in only):
        made = limbeck.distill(task, "random", ipc=1, network="dlinear", checks=0, session=session)
        rows = limbeck.evaluate(made, repeats=repeats, baselines=("full",), protocol=protocol, session=session)
        found = {key: getattr(rows[-1], key) for key in ("mean", "low", "high", "n")}
        keep(folder, {"kind": "forecasting", "name": "full", "published": ERRORS["full"], **found})


def table(folder: Path, kind: str) -> None:
    """What was computed, beside what was published."""
    rows = [row for row in kept(folder) if row["kind"] == kind]
    print("\n| set | here | published |\n| --- | --- | --- |")
    if kind == "classification":
        for row in sorted(rows, key=lambda row: (row["data"], row["ipc"])):
            here = f"{100 * row['mean']:.1f} ({100 * row['low']:.1f} to {100 * row['high']:.1f})"
            print(f"| {row['data']}, {row['ipc']} a class, {row['name']} | {here} | {row['published'] or ''} |")
        return
    for name in dict.fromkeys(row["name"] for row in rows):
        means = [row["mean"] for row in rows if row["name"] == name]
        spread = f" (seeds {min(means):.3f} to {max(means):.3f})" if len(means) > 1 else ""
        print(f"| etth1, {name} | {statistics.mean(means):.3f}{spread} | {ERRORS[name]:.3f} |")


def main() -> None:
    """Compute what is asked for and not there, and print the table."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("kind", choices=("classification", "forecasting"))
    asked.add_argument("--folder", type=Path, required=True)
    asked.add_argument("--only", nargs="*", default=[])
    asked.add_argument("--repeats", type=int, default=5)
    given = asked.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    with limbeck.Session(given.folder / "runs", device="cpu", workers=1) as session:
        {"classification": classification, "forecasting": forecasting}[given.kind](
            given.folder, given.only, given.repeats, session
        )
    table(given.folder, given.kind)


if __name__ == "__main__":
    main()
