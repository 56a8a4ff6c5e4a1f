"""What each parameterization takes on images of several sizes: time, bytes, and memory told before against measured.

    python benchmarks/large_images.py render --out FILE [--sides 32,64,128,224] [--items 10]
    python benchmarks/large_images.py memory --out FILE [--sides 64,128,224] [--items 20]

`render`: of --items images of smooth noise, the milliseconds to render them and to go back (median of 5, after one),
the bytes that are stored of their inputs and of what all share, and the peak bytes of tensors while they are rendered
and gone back from. `memory`: of a step of distribution matching with two classes, what is told before it
(`runs/room.py`), and by how much the resident memory of a fresh process grows.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

import limbeck
from limbeck.core import tree
from limbeck.core.contracts import AbstractParameterization, Batch, NoCache, Parameters, Problem
from limbeck.core.key import Key
from limbeck.core.memory import held_memory, peak_memory
from limbeck.distillation import Distillation
from limbeck.learn.peak import Peak
from limbeck.objectives import Distribution
from limbeck.parameterizations import PARAMETERIZATIONS, Latent
from limbeck.parameterizations.painted import AbstractPainted
from limbeck.recipes import recipe_for
from limbeck.runs.room import LOADED, step_bytes

KEY = Key(("large images",))
NAMES = ("pixels", "multiformation", "frequency", "pca", "bases", "factors", "bits", "palette", "field", "gaussians",
         "latent")  # fmt: skip
CLASSES = 2


def data(side: int, folder: Path, each: int = 16) -> limbeck.core.contracts.AbstractTask:
    """Smooth noise of two classes."""
    path = folder / f"{side}.npz"
    images = torch.nn.functional.interpolate(KEY.uniform(CLASSES * each * 2, 3, 8, 8), (side, side), mode="bilinear")
    eight = (images * 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()
    labels = np.arange(len(eight)) % CLASSES
    half = len(eight) // 2
    np.savez(path, x_train=eight[:half], y_train=labels[:half], x_test=eight[half:], y_test=labels[half:])
    return limbeck.load(f"npz:{path}")


def short(part: AbstractParameterization) -> AbstractParameterization:
    """With few steps of its own: what they come to is not asked."""
    if isinstance(part, AbstractPainted):
        return replace(part, fit_steps=1)
    return replace(part, steps=1, fit_steps=1) if isinstance(part, Latent) else part


def rendered(name: str, side: int, items: int, folder: Path) -> dict[str, Any]:
    """The row of one parameterization and size."""
    task = data(side, folder)
    problem = Problem(task, task.network("convnet-w8"), torch.device("cpu"), NoCache())
    part = short(PARAMETERIZATIONS.parts[name]())
    start: Batch = problem.real(KEY, items // CLASSES)
    params = part.init(problem, start, KEY)

    def once() -> None:
        free = tree.map(lambda leaf: leaf.detach().requires_grad_(), params.learned)
        made = part.render(Parameters(free, params.fixed), KEY).inputs
        torch.autograd.grad(made.sum(), tree.leaves(free), allow_unused=True)

    once()
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        once()
        times.append(time.perf_counter() - begun)
    with Peak() as peak:
        once()
    stored = part.stored(params)
    counted = part.counted(stored)
    return {
        "ms": round(1000 * statistics.median(times), 2),
        "inputs": counted.inputs.bytes,
        "shared": counted.shared.bytes,
        "peak": peak.most,
    }


def distillation(name: str, side: int, folder: Path) -> Distillation:
    """Distribution matching of the data of a side, with few real images and a network of 32 channels."""
    task = data(side, folder)
    problem = Problem(task, task.network("convnet-w32"), torch.device("cpu"), NoCache())
    part, objective = short(PARAMETERIZATIONS.parts[name]()), Distribution(per_class=8)
    recipe = replace(recipe_for("dm", "cifar10", 1), parameterization=part, objective=objective, steps=3)
    return Distillation(problem, recipe, 1, KEY, checks=0, compile=False)


def told(name: str, side: int, items: int, folder: Path) -> dict[str, Any]:
    """What is told of a step before it is made."""
    return {"told": LOADED + round(step_bytes(distillation(name, side, folder), items // CLASSES))}


def grown(name: str, side: int, items: int, folder: Path) -> dict[str, Any]:
    """By how many bytes this process grows by a step."""
    run = distillation(name, side, folder)
    before = held_memory()
    run.step(run.begin(items // CLASSES))
    return {"grown": peak_memory() - before}


MODES = {"render": (rendered,), "memory": (told, grown)}


def main() -> None:
    """Each row in processes of its own, so that one's memory is not another's."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("mode", choices=[*MODES, *(each.__name__ for modes in MODES.values() for each in modes)])
    made.add_argument("--out", type=Path)
    made.add_argument("--names", default=",".join(NAMES))
    made.add_argument("--sides", default="32,64,128,224")
    made.add_argument("--items", type=int, default=10)
    made.add_argument("--folder", type=Path)
    given = made.parse_args()
    names, sides = given.names.split(","), [int(side) for side in given.sides.split(",")]
    if given.folder:
        torch.set_num_threads(1)
        function = next(each for modes in MODES.values() for each in modes if each.__name__ == given.mode)
        print(json.dumps(function(names[0], sides[0], given.items, given.folder)))
        return
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            for side in sides:
                row: dict[str, Any] = {"parameterization": name, "side": side, "items": given.items}
                for function in MODES[given.mode]:
                    words = [function.__name__, "--names", name, "--sides", str(side), "--items", str(given.items)]
                    command = [sys.executable, __file__, *words, "--folder", folder]
                    row |= json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
                print(json.dumps(row), flush=True)
                if given.out:
                    with given.out.open("a") as file:
                        file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
