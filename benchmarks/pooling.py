"""What means over 2 x 2 neighbours take as a product, beside torch's own pooling, and a whole gradient with either.

    taskset -c 0 python benchmarks/pooling.py [--out results.json]

Milliseconds on one thread, medians of runs that take turns. The gradient is of ConvNets on 25 random images of 32 x 32.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from unittest import mock

import torch
from torch import Tensor
from torch.nn import functional

from limbeck.core.contracts import Batch
from limbeck.core.key import Key
from limbeck.core.memory import keep_freed_memory
from limbeck.learn.networks import modules
from limbeck.learn.sensitivity import gradient, mean_loss
from limbeck.tasks import load

KEY, TURNS = Key(("pooling",)), 30


def in_turns(works: dict[str, Callable[[], object]]) -> dict[str, float]:
    """The milliseconds of each."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(TURNS + 3):
        for name, work in works.items():
            begun = time.process_time()
            work()
            if turn >= 3:
                taken[name].append(1e3 * (time.process_time() - begun))
    return {name: round(median(each), 3) for name, each in taken.items()}


def alone(side: int) -> dict[str, float]:
    """Pooling of 32 images of 32 channels, forward and back."""
    maps, direction = KEY.normal(32, 32, side, side).requires_grad_(), KEY.normal(32, 32, side // 2, side // 2)
    ways: dict[str, Callable[[Tensor], Tensor]] = {
        "torch": lambda maps: functional.avg_pool2d(maps, 2), "product": modules.MeanPooling()
    }  # fmt: skip
    works: dict[str, Callable[[], object]] = {}
    for name, pooling in ways.items():
        made = pooling(maps)
        works[name] = lambda pooling=pooling: pooling(maps)
        works[f"{name}, back"] = lambda made=made: torch.autograd.grad(made, maps, direction, retain_graph=True)
    return in_turns(works)


def whole(width: int) -> dict[str, float]:
    """The gradient of a ConvNet's loss, and its outputs alone."""
    task = load("cifar10")
    network, classes = task.network(f"convnet-w{width}"), torch.arange(25) % 10
    params, loss = network.init(KEY), mean_loss(task, network)
    batch = Batch(KEY.normal(25, 3, 32, 32), torch.eye(10)[classes], classes)

    def outputs() -> Tensor:
        with torch.no_grad():
            return network.apply(params, batch.inputs).outputs

    works: dict[str, Callable[[], object]] = {
        "product": lambda: gradient(loss, params, batch),
        "product, outputs": outputs,
    }
    works |= {name.replace("product", "torch"): by_torch(work) for name, work in works.items()}
    return in_turns(works)


def by_torch(work: Callable[[], object]) -> Callable[[], object]:
    """The same, by torch's own pooling."""

    def done() -> object:
        with mock.patch.object(modules.MeanPooling, "forward", lambda _, maps: functional.avg_pool2d(maps, 2)):
            return work()

    return done


def main() -> None:
    """Print and keep the figures."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    rows = {f"pooling, {side} x {side}": alone(side) for side in (32, 16, 8)}
    rows |= {f"gradient, w{width}": whole(width) for width in (16, 32, 128)}
    found = {"torch": torch.__version__, "hardware": platform.machine(), "ms": rows}
    print(json.dumps(found, indent=1))
    if given.out:
        given.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
