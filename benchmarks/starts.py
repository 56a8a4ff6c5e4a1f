"""Warm and cold starts of the inner learner, where what each can come to is known (Vicol et al., ICML 2022).

    python benchmarks/starts.py [--steps 600] [--seeds 5] [--out starts.json]

The task is linear: real targets are A W*, with A'A = n I, so that the real loss of a learner W is |W - W*|^2 / outputs.
Inner training goes down the squared error on one item of 12 numbers, from W = 0: many W fit it.

- Cold, W is of rank 1 whatever the set. So no set has a real loss below the sum of the squares of all but the largest
  singular value of W*, over the outputs (Eckart and Young), and nothing is left of the sets before.
- Warm, W ends nearest to where it was, among those that fit: W + X^+ (Y - X W). What the item leaves free is kept.

The first table is of given sets, one after the other: item j is the j-th of twelve orthogonal inputs under its true
targets. Each start's loss has a closed form, which stands beside it. The second is of sets that are distilled, by
stochastic gradients (three real examples each), through one inner step: the loss on all real examples at the end, and
that of a learner which is trained anew, from W = 0, on the last set.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from limbeck.codecs import Identity
from limbeck.composition import Recipe
from limbeck.core.contracts import (
    AbstractCodec,
    AbstractNetwork,
    AbstractObjective,
    AbstractTask,
    Batch,
    Metric,
    NoCache,
    Problem,
    Readout,
    Synthetic,
)
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.distillation import Distillation
from limbeck.learn.optim import SGD
from limbeck.learn.rules import Momentum
from limbeck.objectives import Unrolled, WarmUnrolled
from limbeck.parameterizations import SoftTargets
from limbeck.schedules import Fixed
from limbeck.starts import Noise
from limbeck.statistics.estimates import interval

KEY = Key(("benchmarks", "starts"))
NUMBERS, OUTPUTS, EXAMPLES = 12, 3, 24
VALUES = (1.0, 0.8, 0.6)
"""The singular values of W*."""


@dataclass(frozen=True)
class Linear(AbstractNetwork):
    """Outputs = inputs W, from W = 0."""

    name: str = "linear"

    def init(self, key: Key) -> Tree:
        """Zeros, whatever the key."""
        return {"weight": torch.zeros(NUMBERS, OUTPUTS)}

    def statistics(self) -> Tree:
        """None."""
        return {}

    def apply(self, params: Tree, inputs: Tree, statistics: Tree | None = None) -> Readout:
        """The inputs themselves, and the outputs."""
        return Readout(inputs, inputs @ params["weight"])

    def layers(self, params: Tree, inputs: Tree, statistics: Tree | None = None) -> tuple[Tensor, ...]:
        """The inputs."""
        return (inputs,)

    def track(self, params: Tree, inputs: Tree, statistics: Tree) -> tuple[Readout, Tree]:
        """There is nothing to track."""
        return self.apply(params, inputs), {}


@dataclass(frozen=True)
class Regression(AbstractTask):
    """Targets that are linear in inputs of no correlation."""

    seed: int = 0
    name: str = "regression"
    classes: tuple[str, ...] = ("all",)
    shape: tuple[int, ...] = (NUMBERS,)
    fingerprint: str = "regression"
    metrics: tuple[Metric, ...] = (Metric("squared error", "", False),)
    codec: AbstractCodec = Identity()

    @property
    def solution(self) -> Tensor:
        """W* (number, output), of the given singular values."""
        left, right = (basis(KEY.fold(self.seed, side), rows) for side, rows in (("u", NUMBERS), ("v", OUTPUTS)))
        return left[:, :OUTPUTS] @ torch.diag(torch.tensor(VALUES)) @ right.T

    def groups(self, split: str, by: str = "class") -> tuple[Tensor, ...]:
        """One group of all."""
        return (torch.arange(EXAMPLES),)

    def load(self, split: str, rows: Tensor | None = None) -> Batch:
        """The same examples for each split."""
        inputs = EXAMPLES**0.5 * basis(KEY.fold(self.seed, "a"), EXAMPLES)[:, :NUMBERS]
        whole = Batch(inputs, inputs @ self.solution, torch.zeros(EXAMPLES, dtype=torch.int64))
        return whole if rows is None else self.take(whole, rows)

    def network(self, name: str) -> AbstractNetwork:
        """The linear one."""
        return Linear()

    def loss(self, outputs: Tensor, targets: Tree) -> Tensor:
        """The mean squared difference over outputs."""
        return (outputs - targets).square().mean(-1)

    def evaluate(self, predict: Callable[[Tree], Tensor], split: str, key: Key) -> dict[str, float]:
        """The mean loss."""
        whole = self.load(split)
        return {"squared error": float(self.loss(predict(whole.inputs), whole.targets).mean())}


def basis(key: Key, rows: int) -> Tensor:
    """An orthogonal matrix."""
    return torch.linalg.qr(key.normal(rows, rows).to(torch.get_default_dtype())).Q


def problem(seed: int = 0) -> Problem:
    """A task and the linear learner."""
    task = Regression(seed)
    return Problem(task, task.network(""), torch.device("cpu"), NoCache())


def bound(items: int) -> float:
    """The least real loss that a learner of rank `items` can have."""
    return sum(value**2 for value in VALUES[items:]) / OUTPUTS


RATE = 0.1
ONE_STEP = Fixed(steps=1, learning_rate=RATE, optimizer=Momentum(0.0))
FITTING = (OUTPUTS / (2 * RATE)) ** 0.5
"""The norm of an item that one such step fits exactly."""
COLD, WARM = Unrolled(per_class=EXAMPLES, initialisations=1), WarmUnrolled(per_class=EXAMPLES)


def true_item(on: Problem, number: int) -> Synthetic:
    """One of twelve orthogonal inputs, under the targets that W* gives it."""
    inputs = FITTING * basis(KEY.fold("items"), NUMBERS)[:, [number]].T
    batch = Batch(inputs, inputs @ solution_of(on), torch.zeros(1, dtype=torch.int64))
    return Synthetic.of(batch, ONE_STEP.render({}, batch.classes, KEY))


def solution_of(on: Problem) -> Tensor:
    """W*."""
    assert isinstance(on.task, Regression)
    return on.task.solution


class Visited(NamedTuple):
    """The real losses after so many given sets, each with its closed form."""

    sets: int
    cold: float
    cold_expected: float
    warm: float
    warm_expected: float


def visited(on: Problem, count: int) -> list[Visited]:
    """What each start comes to after each of the first `count` given sets."""
    state, rows = WARM.init(on, KEY), []
    shares = (basis(KEY.fold("items"), NUMBERS).T @ solution_of(on)).square().sum(1) / OUTPUTS
    for number in range(count):
        shown = true_item(on, number)
        cold, warm = (float(each.loss(state, on, shown, KEY)) for each in (COLD, WARM))
        rows.append(
            Visited(number + 1, cold, float(shares.sum() - shares[number]), warm, float(shares[number + 1 :].sum()))
        )
        state = WARM.advance(state, on, shown, KEY)
    return rows


class Distilled(NamedTuple):
    """What a distillation came to."""

    start: str
    seed: int
    loss: float
    """On all real examples, at the end."""
    again: float
    """That of a learner which is trained anew on the last set."""


def distilled(start: str, steps: int, seed: int) -> Distilled:
    """One distillation of one item."""
    objective: AbstractObjective = COLD if start == "cold" else WARM
    recipe = Recipe(
        start=Noise(items=1, targets=True),
        parameterization=SoftTargets(),
        objective=replace(objective, per_class=3),  # type: ignore[call-arg]
        schedule=ONE_STEP,
        optimizer=SGD(learning_rate=4.0),
        steps=steps,
    )
    on = problem(seed)
    run = Distillation(on, recipe, 1, KEY.fold("run", seed), checks=0)
    state = run.begin()
    for _ in range(steps):
        state = run.step(state)
    shown = run.show(state.learned, state.fixed, KEY)
    loss, again = (float(each.loss(state.objective, on, shown, KEY)) for each in (objective, COLD))
    return Distilled(start, seed, loss, again)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--steps", type=int, default=600, help="steps of the set")
    parser.add_argument("--seeds", type=int, default=5, help="tasks and starts")
    parser.add_argument("--out", type=Path, help="where the rows are written as JSON")
    asked = parser.parse_args()
    print("| sets of one item seen | cold | closed form | warm | closed form |\n| --- | --- | --- | --- | --- |")
    given = visited(problem(), NUMBERS)
    for row in given:
        print(f"| {row.sets} | " + " | ".join(f"{value:.6f}" for value in row[1:]) + " |")
    print(f"\nBound of a cold start on one item: {bound(1):.4f}.\n")
    print("| start | real loss at the end | trained anew on the last set |\n| --- | --- | --- |", flush=True)
    found: list[Distilled] = []
    for start in ("cold", "warm"):
        rows = [distilled(start, asked.steps, seed) for seed in range(asked.seeds)]
        said = [over([getattr(row, name) for row in rows]) for name in ("loss", "again")]
        print(f"| {start} | {said[0]} | {said[1]} |", flush=True)
        found += rows
    if asked.out:
        made = {
            "steps": asked.steps,
            "visited": [r._asdict() for r in given],
            "distilled": [r._asdict() for r in found],
        }
        asked.out.write_text(json.dumps(made, indent=1) + "\n")


def over(values: list[float]) -> str:
    """A mean with its 95 % interval."""
    mean, low, high = interval(values)
    return f"{mean:.4f} ({low:.4f} to {high:.4f})"


if __name__ == "__main__":
    main()
