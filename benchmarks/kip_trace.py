"""The trace that the notebook of kernel inducing points prints, run again: test accuracy on CIFAR-10 at IPC 10.

    python benchmarks/kip_trace.py [--data cifar10_exact] [--test cifar10] [--steps 300] [--draws 3] [--out F]

The notebook of Nguyen, Chen & Lee (ICLR 2021) starts from ten real images a class and takes 300 steps of Adam down the
loss of kernel ridge regression on 5,000 real images, drawn anew for each step, by the neural tangent kernel of one
hidden layer. On the way it prints accuracy and loss of the regression on the set over all test images. Here that is the
recipe `kip` as it is. Before the first step the accuracy is that of a draw of images, shown for `--draws` of them.

The notebook has 50,000 images to train on and the 10,000 of the test split. Of `cifar10_exact` 40,000 are left to train
on, and the test images are the last 10,000 training images of CIFAR-10, which are the harder ones by about a point.
`--test cifar10` scores on those of the test split instead.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any, NamedTuple

import torch

from limbeck.core.contracts import AbstractTask, Batch, NoCache, Problem
from limbeck.core.key import Key
from limbeck.distillation import Distillation
from limbeck.learn.kernel_machine import centred
from limbeck.learn.ridge import ridge_weights
from limbeck.objectives import KernelRidge
from limbeck.recipes import recipe_for
from limbeck.state import State
from limbeck.tasks import load

CPU = torch.device("cpu")


class Scores(NamedTuple):
    """Of the test images."""

    accuracy: float
    """In per cent."""
    loss: float


PUBLISHED = {
    0: Scores(24.26, 0.04882),
    20: Scores(41.41, 0.03806),
    40: Scores(42.93, 0.03734),
    100: Scores(45.44, 0.03655),
    200: Scores(46.23, 0.03593),
    300: Scores(46.74, 0.03576),
}
"""By steps."""
AT_ONCE = 1000
"""Test images whose kernel with the set is held."""


def scored(task: AbstractTask, objective: KernelRidge, made: Batch) -> Scores:
    """What the regression on a set comes to."""
    items, labels = centred(task, made, "the benchmark")
    weights = ridge_weights(objective.kernel.between(items, items), labels, objective.ridge)
    right, squares, rows = 0, 0.0, torch.cat(task.groups("test"))
    for part in rows.split(AT_ONCE):
        batch = task.load("test", part)
        real, wanted = centred(task, batch, "the benchmark")
        said = objective.kernel.between(real, items) @ weights
        right += int((said.argmax(1) == batch.classes).sum())
        squares += float((said - wanted).square().mean(1).sum())
    return Scores(100 * right / len(rows), squares / len(rows) / 2)


def shown(run: Distillation, state: State) -> Batch:
    """The set of a state."""
    return run.show(state.learned, state.fixed, run.key).batch


def trace(test: AbstractTask, run: Distillation, objective: KernelRidge, steps: int) -> list[dict[str, Any]]:
    """The scores on the test images of a task where published ones are, printed one by one."""
    print("| steps | test accuracy, % | published | test loss | published | seconds in steps |")
    print("| --- | --- | --- | --- | --- | --- |")
    rows, seconds, state = [], 0.0, run.begin()
    for step in range(steps + 1):
        if step in PUBLISHED:
            found, theirs = scored(test, objective, shown(run, state)), PUBLISHED[step]
            pairs = f"{found.accuracy:.2f} | {theirs.accuracy} | {found.loss:.5f} | {theirs.loss}"
            print(f"| {step} | {pairs} | {seconds:.0f} |", flush=True)
            rows.append({"steps": step, **found._asdict(), "published": theirs._asdict(), "seconds": seconds})
        if step < steps:
            begun = time.perf_counter()
            state = run.step(state)
            seconds += time.perf_counter() - begun
    return rows


def main() -> None:
    """Print the trace."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", default="cifar10_exact", help="the data")
    parser.add_argument("--steps", type=int, default=max(PUBLISHED), help="how many steps")
    parser.add_argument("--draws", type=int, default=3, help="draws of the first images that are scored")
    parser.add_argument("--seed", type=int, default=0, help="the first draw, which is distilled")
    parser.add_argument("--test", default="", help="the data whose test images score; by default those of --data")
    parser.add_argument("--out", type=Path, help="where the rows are written as JSON")
    asked = parser.parse_args()
    task, recipe = load(asked.data, validation=0), recipe_for("kip", asked.data, 10)
    test = load(asked.test, validation=0) if asked.test else task
    problem, objective = Problem(task, task.network("convnet"), CPU, NoCache()), recipe.objective
    keys = [Key(("kip-trace", asked.seed + draw)) for draw in range(asked.draws)]
    runs = [Distillation(problem, recipe, 10, key, checks=0) for key in keys]
    sizes = {name: sum(map(len, of.groups(name))) for name, of in (("train", task), ("test", test))}
    print(f"{asked.data}: {sizes['train']:,} training and {sizes['test']:,} test images ({test.name}); {objective}")
    firsts = [scored(test, objective, shown(run, run.begin())).accuracy for run in runs]
    print(f"before the first step, by draw: {', '.join(f'{each:.2f}' for each in firsts)} %\n")
    rows = trace(test, runs[0], objective, asked.steps)
    if asked.out:
        document = {
            "data": asked.data,
            "test": test.name,
            "sizes": sizes,
            "seed": asked.seed,
            "firsts": firsts,
            "rows": rows,
        }
        asked.out.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
