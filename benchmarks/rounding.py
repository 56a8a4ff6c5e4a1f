"""How far single precision is from double in a hypergradient, eagerly and compiled.

    LIMBECK_DATA=... python benchmarks/rounding.py [--width 64] [--steps 10] [--out results.json]

The real loss of a fresh network after some steps of momentum SGD on 100 images of CIFAR-10, differentiated in the
images by `unroll`: in float64, in float32, and in float32 compiled. What is told is the norm of the difference from
float64 as a share of its norm, for each of three networks.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import Batch, Schedule
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.compiled import CompiledLoss
from limbeck.learn.rules import Momentum
from limbeck.learn.sensitivity import Loss, mean_loss
from limbeck.learn.unroll import initial_state, unroll
from limbeck.tasks import load

KEY = Key(("rounding",))


def doubled(value: Tree) -> Tree:
    """The same numbers in float64."""
    return tree.map(lambda leaf: leaf.double() if leaf.is_floating_point() else leaf, value)


def hypergradient(loss: Loss, params: Tree, items: Batch, real: Batch, steps: int) -> Tensor:
    """The derivative in the images of the real loss after `steps` steps on them."""
    images = items.inputs.clone().requires_grad_()
    sizes = torch.full((steps,), 0.01, dtype=images.dtype)
    schedule = Schedule(sizes, torch.arange(len(images))[None], Momentum(0.9, 0.0).rule())
    end = unroll(loss, initial_state(params, schedule.rule), items._replace(inputs=images), schedule).params
    return torch.autograd.grad(loss(end, real), images)[0].double()


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--width", type=int, default=64)
    options.add_argument("--steps", type=int, default=10)
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    torch.set_num_threads(1)
    task = load("cifar10")
    network = task.network(f"convnet-w{given.width}")
    repeats = task.groups("train")
    items = task.load("train", torch.cat([rows[:10] for rows in repeats]))
    real = task.load("train", torch.cat([rows[100:130] for rows in repeats]))
    plain = mean_loss(task, network)
    ways = {"float32": plain, "float32 compiled": CompiledLoss(plain)}
    rows = []
    for number in range(3):
        params = network.init(KEY.fold(number))
        exact = hypergradient(plain, doubled(params), doubled(items), doubled(real), given.steps)
        found = {way: hypergradient(loss, params, items, real, given.steps) for way, loss in ways.items()}
        rows.append({way: float((one - exact).norm() / exact.norm()) for way, one in found.items()})
        print(json.dumps(rows[-1]), flush=True)
    if given.out:
        report = {"width": given.width, "steps": given.steps, "difference from float64": rows}
        given.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
