"""What convolutions in bfloat16 save: gradients and features of a ConvNet, compiled, beside those in float32.

    python benchmarks/precision.py [--widths 32 128] [--rounds 9] [--out FILE]

One thread; 32 images of the size of CIFAR's at once, as training and distillation take them. Medians over alternating
rounds of processor milliseconds, and how far what comes out is apart, as a share of its norm.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch

from limbeck.core import tree
from limbeck.core.contracts import Batch, NoCache, Problem
from limbeck.core.key import Key
from limbeck.core.memory import keep_freed_memory
from limbeck.learn.compiled import features_of, training_loss
from limbeck.tasks import load

KEY, IMAGES, CALLS = Key(("precision",)), 32, 8


def taken(call: Callable[[], Any]) -> float:
    """Processor milliseconds of a call."""
    begun = time.process_time()
    for _ in range(CALLS):
        call()
    return 1000 * (time.process_time() - begun) / CALLS


def apart(found: Any, expected: Any) -> float:
    """The distance of two trees, as a share of the norm of the second."""
    gap = tree.map(torch.sub, found, expected)
    return float((tree.dot(gap, gap) / tree.dot(expected, expected)).sqrt())


def rows_of(width: int, rounds: int) -> list[dict[str, Any]]:
    """A row for gradients and one for features."""
    task = load("cifar10")
    problems = [
        Problem(task, task.network(f"convnet-w{width}{end}"), torch.device("cpu"), NoCache(), True)
        for end in ("", "-bf16")
    ]
    params, labels = problems[0].network.init(KEY), torch.arange(IMAGES) % 10
    batch = Batch(KEY.normal(IMAGES, 3, 32, 32), torch.eye(10)[labels], labels)
    losses = [training_loss(problem) for problem in problems]
    calls = {
        "gradient": [lambda loss=loss: loss.value_and_gradient(params, batch)[1] for loss in losses],
        "features": [lambda problem=each: features_of(problem, params, batch.inputs) for each in problems],
    }
    rows = []
    for name, pair in calls.items():
        exact, short = (call() for call in pair)
        times: list[list[float]] = [[], []]
        for _ in range(rounds):
            for at, call in zip(times, pair, strict=True):
                at.append(taken(call))
        plain, fast = map(median, times)
        rows.append(
            {
                "width": width, "of": name, "float32, ms": round(plain, 2), "bf16, ms": round(fast, 2),
                "ratio": round(plain / fast, 2), "apart": round(apart(short, exact), 4), "machine": platform.machine(),
            }
        )  # fmt: skip
        print(rows[-1], flush=True)
    return rows


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--widths", type=int, nargs="+", default=[32, 128])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(1)
    rows = [row for width in given.widths for row in rows_of(width, given.rounds)]
    if given.out is not None:
        given.out.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
