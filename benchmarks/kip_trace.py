"""The trace that the notebook of kernel inducing points prints, run again: test accuracy on CIFAR-10 at IPC 10.

    python benchmarks/kip_trace.py [--data cifar10_exact] [--steps 300] [--draws 3] [--seed 0] [--out kip_trace.json]

The notebook of Nguyen, Chen & Lee (ICLR 2021) starts from ten real images a class and takes 300 steps of Adam at 0.04
down the loss of kernel ridge regression on 5,000 real images, drawn anew for each step, by the neural tangent kernel of
one hidden layer. It prints the accuracy on all test images of the regression on the set, before the first step and
after 20, 100, 200 and 300. Here that is the recipe `kip` as it is. Of `cifar10_exact` the test images are the last
10,000 training images of CIFAR-10 and 40,000 are left to train on; the notebook has 50,000 and the 10,000 of the test
split. Before the first step the accuracy is that of a draw of images: `--draws` says of how many it is shown.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import torch

from limbeck.core.contracts import AbstractTask, Batch, NoCache, Problem
from limbeck.core.key import Key
from limbeck.distillation import Distillation
from limbeck.learn.kernel_machine import centred
from limbeck.learn.kernels import ridge_weights
from limbeck.objectives import KernelRidge
from limbeck.recipes import recipe_for
from limbeck.tasks import load

CPU = torch.device("cpu")
PUBLISHED = {
    0: (24.26, 0.04882),
    20: (41.41, 0.03806),
    40: (42.93, 0.03734),
    100: (45.44, 0.03655),
    200: (46.23, 0.03593),
    300: (46.74, 0.03576),
}
"""Test accuracy in per cent and test loss, by steps."""
AT_ONCE = 1000
"""Test images whose kernel with the set is held."""


def scored(task: AbstractTask, objective: KernelRidge, made: Batch) -> tuple[float, float]:
    """Of the test images: the share whose class the regression on a set names, in per cent, and the loss."""
    items, labels = centred(task, made, "the benchmark")
    weights = ridge_weights(objective.kernel.between(items, items), labels, objective.ridge)
    right, squares, rows = 0, 0.0, torch.cat(task.groups("test"))
    for part in rows.split(AT_ONCE):
        batch = task.load("test", part)
        real, wanted = centred(task, batch, "the benchmark")
        said = objective.kernel.between(real, items) @ weights
        right += int((said.argmax(1) == batch.classes).sum())
        squares += float((said - wanted).square().mean(1).sum())
    return 100 * right / len(rows), squares / len(rows) / 2


def main() -> None:
    """Print the trace."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", default="cifar10_exact", help="the data; those without a test split carve one")
    parser.add_argument("--steps", type=int, default=max(PUBLISHED), help="how many steps")
    parser.add_argument("--draws", type=int, default=3, help="draws of the first images that are scored")
    parser.add_argument("--seed", type=int, default=0, help="which draw is distilled")
    parser.add_argument("--out", type=Path, help="where the rows are written as JSON")
    asked = parser.parse_args()
    task, keys = load(asked.data, validation=0), [Key(("kip-trace", asked.seed + draw)) for draw in range(asked.draws)]
    problem, recipe = Problem(task, task.network("convnet"), CPU, NoCache()), recipe_for("kip", asked.data, 10)
    runs = [Distillation(problem, recipe, 10, key, checks=0) for key in keys]
    sizes = {split: sum(map(len, task.groups(split))) for split in ("train", "test")}
    print(f"{asked.data}, {sizes['train']:,} training and {sizes['test']:,} test images, {recipe.objective}")
    firsts = []
    for run in runs:
        state = run.begin()
        firsts.append(scored(task, recipe.objective, run.show(state.learned, state.fixed, run.key).batch)[0])
    print(f"before the first step, by draw: {', '.join(f'{each:.2f}' for each in firsts)} %\n")
    print("| steps | test accuracy, % | published | test loss | published | loss of the step | seconds in steps |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    run, rows, seconds = runs[0], [], 0.0
    state = run.begin()
    for step in range(asked.steps + 1):
        if step in (*PUBLISHED, asked.steps):
            shown = run.show(state.learned, state.fixed, run.key).batch
            accuracy, test = scored(task, recipe.objective, shown)
            theirs = PUBLISHED.get(step, (math.nan, math.nan))
            loss = float(state.losses[step - 1]) if step else math.nan
            rows.append((step, accuracy, theirs[0], test, theirs[1], loss, seconds))
            print("| {} | {:.2f} | {:.2f} | {:.5f} | {:.5f} | {:.5f} | {:.0f} |".format(*rows[-1]), flush=True)
        if step < asked.steps:
            begun = time.perf_counter()
            state = run.step(state)
            seconds += time.perf_counter() - begun
    if asked.out:
        document = {"data": asked.data, "sizes": sizes, "seed": asked.seed, "firsts": firsts, "rows": rows}
        asked.out.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
