"""What exact kernels of convolutional networks take, and what they distil digits to, beside the dense kernel.

    python benchmarks/convolutional_kernels.py times [--sides 8,32] [--seconds 8]
    python benchmarks/convolutional_kernels.py digits [--ipc 1] [--by dense] [--steps 40] [--per-class 20]

`times` is by one thread, in float64: seconds for 100 x 100 pairs of images, alone and with the derivative in one side,
from as many pairs as go into `--seconds`. `digits` distils by the recipe `kip` under one kernel, and scores the set,
and the real images that it began as, by kernel ridge regression under each of the kernels on all test images.
"""

from __future__ import annotations

import argparse
import time

import torch

from limbeck.core.contracts import NoCache, Problem
from limbeck.core.key import Key
from limbeck.core.memory import keep_freed_memory
from limbeck.distillation import Distillation
from limbeck.learn.kernels import (
    AbstractKernel,
    AveragedTangent,
    ConvolutionalTangent,
    NeuralTangent,
    PooledTangent,
)
from limbeck.options import compose
from limbeck.protocols import KernelRidge
from limbeck.recipes import recipe_for
from limbeck.state import State
from limbeck.tasks import load

CPU = torch.device("cpu")
KERNELS: dict[str, AbstractKernel] = {
    "dense": NeuralTangent(depth=3),
    "flattened": ConvolutionalTangent(depth=3),
    "pooled": PooledTangent(depth=2, stem=0),
}
"""What digits are distilled and scored by."""
HUNDRED = 100 * 100


def times(sides: list[int], seconds: float) -> None:
    """A line for each kernel and side."""
    for side in sides:
        channels = 1 if side < 16 else 3
        for kernel in (NeuralTangent(3), ConvolutionalTangent(), PooledTangent(), AveragedTangent()):
            count, taken = 1, 0.0
            while taken < seconds / 16 and count < 100:
                count *= 2
                x = Key((side, count)).normal(min(count, 100), channels, side, side).double()
                begun = time.perf_counter()
                kernel.between(x, x)
                taken = time.perf_counter() - begun
            moved, begun = x.clone().requires_grad_(), time.perf_counter()
            torch.autograd.grad(kernel.between(moved, x).sum(), [moved])
            derived = time.perf_counter() - begun
            alone, both = (HUNDRED / len(x) ** 2 * each for each in (taken, derived))
            told = f"{side} x {side} pixels, {kernel.name}: {alone:.3g} s, with its derivative {both:.3g} s"
            print(f"{told}, told from {len(x)} x {len(x)} pairs", flush=True)


def digits(ipc: int, by: str, steps: int, per_class: int) -> None:
    """A line for the start and one for the set, in per cent of the test images."""
    task = load("digits")
    problem = Problem(task, task.network("mlp-w4"), CPU, NoCache())
    options = {"objective.kernel": KERNELS[by], "objective.per_class": per_class, "steps": steps}
    run = Distillation(problem, compose(recipe_for("kip", "digits", ipc), options), ipc, Key(("distill", 0)), checks=0)
    test = task.load("test", torch.cat(task.groups("test")))

    def scored(state: State) -> str:
        batch = run.show(state.learned, state.fixed, run.key).batch
        found = {}
        for name, kernel in KERNELS.items():
            machine = KernelRidge(kernel).learner(task, problem.network)
            right = machine.apply(machine.fit(batch), test.inputs).outputs.argmax(1) == test.classes
            found[name] = f"{100 * float(right.double().mean()):.1f} by {name}"
        return ", ".join(found.values())

    state = run.begin()
    print(f"real images, {ipc} a class: {scored(state)}", flush=True)
    begun = time.perf_counter()
    for _ in range(steps):
        state = run.step(state)
    each = (time.perf_counter() - begun) / steps
    print(f"kip by {KERNELS[by].name}, {steps} steps of {each:.2g} s: {scored(state)}", flush=True)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["times", "digits"])
    parser.add_argument("--sides", default="8,32")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--ipc", type=int, default=1)
    parser.add_argument("--by", choices=sorted(KERNELS), default="dense")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--per-class", type=int, default=20)
    given = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    if given.what == "times":
        times([int(side) for side in given.sides.split(",")], given.seconds)
    else:
        digits(given.ipc, given.by, given.steps, given.per_class)


if __name__ == "__main__":
    main()
