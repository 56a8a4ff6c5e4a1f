"""What a teacher's labels are worth, beside hard ones and beside labels that say nothing.

    python benchmarks/teachers.py [--data digits] [--network convnet-w16] [--ipc 1 10] [--seeds 5] [--out results.json]

For each seed there are random real images and crops of real images that a teacher is surest of, `ipc` of each class.
Each are trained on by the same learner (equal initial parameters) under several labels:

- hard: the class of each item;
- teacher's: softmax of a trained teacher's logits of the item;
- shuffled: the same labels given to items of another order, which say nothing of the item they are of;
- untrained: softmax of the logits of a network as it is initialised, which has learned nothing.

Reported are the test accuracy by protocol yang2024, its 95 % interval over seeds (Student's t), and that of the
difference from hard labels on the same images, seed by seed. The last two kinds are nulls: labels that help without
knowing anything would help by another way than what the teacher knows.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from limbeck.computations import Mixture, Training
from limbeck.computations.contract import BatchSet, ProbeContext
from limbeck.computations.teachers import Teacher
from limbeck.core.contracts import AbstractStart, Batch, Problem
from limbeck.core.key import Key
from limbeck.protocols import Epochs
from limbeck.runs.store import Store
from limbeck.starts import LikelyCrops, Real
from limbeck.statistics.estimates import ANYWHERE, SHARE, interval
from limbeck.tasks import load

KEY = Key(("teachers",))


def labels_of(problem: Problem, teacher: Teacher, batch: Batch, key: Key) -> Iterator[tuple[str, Tensor]]:
    """The kinds of labels of a batch, by name."""
    taught = teacher.reader(problem)(batch.inputs).softmax(1)
    untrained = problem.network.init(key.fold("untrained"))
    with torch.no_grad():
        guessed = problem.network.apply(untrained, batch.inputs).outputs.softmax(1)
    yield "hard", batch.targets
    yield "teacher's", taught
    yield "shuffled", taught[key.fold("shuffled").permutation(len(taught))]
    yield "untrained", guessed


def accuracies(problem: Problem, teacher: Teacher, start: AbstractStart, ipc: int, seed: int) -> dict[str, float]:
    """The test accuracy of the learner of a seed under each kind of labels, on the same items."""
    batch, key = start.pick(problem, ipc, KEY.fold(seed)), KEY.fold("labels", seed)
    schedule = Epochs().schedule(None, len(batch.classes), key)
    found = {}
    for kind, targets in labels_of(problem, teacher, batch, key):
        labelled = batch._replace(targets=targets)
        context = ProbeContext(problem, set=BatchSet(f"{type(start).__name__} {ipc} {seed} {kind}", labelled, schedule))
        outcome = context.outcome(Training(Mixture(), seed, Epochs()))
        found[kind] = float(outcome["accuracy"][-1])
    return found


def rows_of(name: str, ipc: int, draws: list[dict[str, float]]) -> Iterator[dict[str, Any]]:
    """A row for each kind of labels."""
    for kind in draws[0]:
        values = [each[kind] for each in draws]
        gains = [each[kind] - each["hard"] for each in draws]
        mean, low, high = interval(values, within=SHARE)
        gain = None if kind == "hard" else interval(gains, within=ANYWHERE)
        yield {
            "items": name, "per_class": ipc, "labels": kind, "mean": mean, "low": low, "high": high, "n": len(values),
            "gain": gain, "values": values,
        }  # fmt: skip


def main() -> None:
    """Measure, print and write."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--data", default="digits")
    made.add_argument("--network", default="convnet-w16")
    made.add_argument("--ipc", type=int, nargs="+", default=[1, 10])
    made.add_argument("--seeds", type=int, default=5)
    made.add_argument("--epochs", type=int, default=5, help="of the teacher, at least 150 steps")
    made.add_argument("--runs", type=Path, default=Path("runs"))
    made.add_argument("--out", type=Path)
    given = made.parse_args()
    torch.set_num_threads(1)
    task, teacher = load(given.data), Teacher(epochs=given.epochs)
    problem = Problem(task, task.network(given.network), torch.device("cpu"), Store(given.runs))
    knows = task.evaluate(teacher.reader(problem), "test", KEY)["accuracy"]
    print(f"{given.data}, {given.network}: the teacher's test accuracy is {100 * knows:.1f} %")
    rows = []
    for ipc in given.ipc:
        for name, start in (("random", Real()), ("crops", LikelyCrops(teacher))):
            draws = [accuracies(problem, teacher, start, ipc, seed) for seed in range(given.seeds)]
            for row in rows_of(name, ipc, draws):
                rows.append(row)
                spread = "({low:.1f} to {high:.1f})".format(**{end: 100 * row[end] for end in ("low", "high")})
                gain = (
                    ""
                    if row["gain"] is None
                    else "{:+.1f} ({:+.1f} to {:+.1f})".format(*(100 * g for g in row["gain"]))
                )
                print(f"{name:8}{ipc:4}  {row['labels']:10} {100 * row['mean']:5.1f} {spread:18} {gain}", flush=True)
    if given.out:
        facts = {"data": given.data, "network": given.network, "teacher": knows, "machine": platform.machine()}
        given.out.write_text(json.dumps({**facts, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
