"""A package of somebody else: one part of each family that has entry points, each in a few lines.

`install(folder, version)` puts it where Python finds it, as an installer would. Nothing here is imported by limbeck.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from limbeck.composition import Recipe
from limbeck.computations import Mixture, Training
from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.core import tree
from limbeck.core.contracts import (
    AbstractAugmentation,
    AbstractCodec,
    AbstractEstimator,
    AbstractNetwork,
    AbstractObjective,
    AbstractParameterization,
    AbstractProtocol,
    AbstractSchedule,
    AbstractStart,
    AbstractTask,
    Batch,
    Metric,
    Parameters,
    Problem,
    Schedule,
    Synthetic,
)
from limbeck.core.errors import unknown
from limbeck.core.findings import Fact, Finding
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn import networks
from limbeck.learn.distances import AbstractDistance, SquaredError
from limbeck.learn.optim import AbstractOptimizer
from limbeck.learn.rules import HeavyBall
from limbeck.probes.contract import AbstractProbe
from limbeck.recipes import Method

FAMILIES = {
    "task": "dots",
    "codec": "Tenfold",
    "augmentation": "Shifted",
    "start": "Earliest",
    "parameterization": "Doubled",
    "schedule": "Halving",
    "objective": "MeanMatching",
    "distance": "LargestDifference",
    "estimator": "Negated",
    "optimizer": "SignDescent",
    "protocol": "Hasty",
    "probe": "Counting",
    "recipe": "METHOD",
}
"""The entry point of each family."""


def dots(root: Path | None) -> AbstractTask:
    """Bright spots on the left or on the right of four pixels."""
    return Dots()


@dataclass(frozen=True)
class Tenfold(AbstractCodec):
    """A network sees ten times the data."""

    def encode(self, native: Tensor) -> Tensor:
        return 10 * native

    def decode(self, inputs: Tensor) -> Tensor:
        return inputs / 10

    def to_tensors(self) -> dict[str, Tensor]:
        return {}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> Tenfold:
        return cls()

    def header(self) -> dict[str, Any]:
        return {}


@dataclass(frozen=True)
class Dots(AbstractTask):
    """Four pixels, two classes."""

    name: str = "dots"
    classes: tuple[str, ...] = ("left", "right")
    shape: Tree = (1, 2, 2)
    fingerprint: str = "drawn from keys"
    metrics: tuple[Metric, ...] = (Metric("accuracy", "fraction", True),)
    codec: AbstractCodec = Tenfold()

    def groups(self, split: str, by: str = "class") -> tuple[Tensor, ...]:
        if by != "class":
            raise unknown("grouping", by, ("class",))
        return torch.arange(20), torch.arange(20, 40)

    def load(self, split: str, rows: Tensor | None = None) -> Batch:
        classes = torch.arange(40) // 20
        lit = torch.nn.functional.one_hot(classes, 2).float()
        native = Key((self.name, split)).normal(40, 1, 2, 2) / 10 + lit[:, None, None]
        batch = Batch(self.codec.encode(native), lit, classes)
        return batch if rows is None else self.take(batch, rows)

    def augment(self, batch: Batch, key: Key, groups: Tensor, policy: AbstractAugmentation | None) -> Batch:
        return batch if policy is None else batch._replace(inputs=policy.apply(batch.inputs, key, groups))

    def network(self, name: str) -> AbstractNetwork:
        return networks.build(name, self.shape, len(self.classes))

    def loss(self, outputs: Tensor, targets: Tree) -> Tensor:
        return torch.nn.functional.cross_entropy(outputs, targets, reduction="none")

    def evaluate(self, predict: Callable[[Tree], Tensor], split: str, key: Key) -> dict[str, float]:
        examples = self.load(split)
        return self.measure(predict(examples.inputs).cpu(), examples)

    def measure(self, outputs: Tensor, examples: Batch) -> dict[str, float]:
        return {"accuracy": float((outputs.argmax(-1) == examples.classes).double().mean())}


@dataclass(frozen=True)
class Shifted(AbstractAugmentation):
    """Every example is a little brighter or darker, as its group draws."""

    most: float = 0.1

    def apply(self, inputs: Tree, key: Key, groups: Tensor) -> Tree:
        drawn = torch.cat([key.fold(int(group)).uniform(1) for group in groups])
        return inputs + self.most * (2 * drawn.to(inputs) - 1).view(-1, *[1] * (inputs.dim() - 1))

    def without(self, operation: str) -> AbstractAugmentation:
        return self


@dataclass(frozen=True)
class Earliest(AbstractStart):
    """The first real examples of each class."""

    def pick(self, problem: Problem, per_class: int, key: Key) -> Batch:
        rows = torch.cat([rows[:per_class] for rows in problem.task.groups("train")])
        return problem.task.load("train", rows).to(problem.device)


@dataclass(frozen=True)
class Doubled(AbstractParameterization):
    """Half of each input is learned, and rendered twice as large."""

    def init(self, problem: Problem, start: Batch, key: Key) -> Parameters:
        return Parameters({"inputs": start.inputs / 2}, {"targets": start.targets, "classes": start.classes})

    def render(self, params: Parameters, key: Key) -> Batch:
        fixed = tree.widen(params.fixed)
        return Batch(2 * params.learned["inputs"], fixed["targets"], fixed["classes"])


@dataclass(frozen=True)
class Halving(AbstractSchedule):
    """All items at every step, at half the rate of the step before."""

    steps: int = 4

    def init(self, count: int, key: Key) -> Tree:
        return {}

    def render(self, params: Tree, classes: Tensor, key: Key) -> Schedule:
        rates = 0.1 * 0.5 ** torch.arange(float(self.steps))
        return Schedule(rates, torch.arange(len(classes))[None], HeavyBall(torch.tensor(0.0), torch.tensor(0.0)))


@dataclass(frozen=True)
class LargestDifference(AbstractDistance):
    """The largest difference of two numbers."""

    def distance(self, real: Tree, synthetic: Tree) -> Tensor:
        pairs = zip(tree.leaves(real), tree.leaves(synthetic), strict=True)
        return torch.stack([(a - b).abs().max() for a, b in pairs]).max()


@dataclass(frozen=True)
class MeanMatching(AbstractObjective):
    """How far the mean of the set is from that of real data, by a distance and under an augmentation."""

    distance: AbstractDistance = field(default_factory=SquaredError)
    augmentation: AbstractAugmentation | None = None

    def init(self, problem: Problem, key: Key) -> Tree:
        return {"real": problem.task.load("train").inputs.mean(0).to(problem.device)}

    def loss(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Tensor:
        batch = synthetic.batch
        shown = problem.task.augment(batch, key, torch.arange(len(batch.classes)), self.augmentation)
        return self.distance.distance(state, {"real": shown.inputs.mean(0)})

    def advance(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Tree:
        return state


@dataclass(frozen=True)
class Negated(AbstractEstimator):
    """The exact gradient with its sign turned: it climbs."""

    def gradient(self, loss: Callable[[Tree], Tensor], learned: Tree, key: Key) -> tuple[Tensor, Tree]:
        free = tree.map(lambda leaf: leaf.detach().requires_grad_(), learned)
        value = loss(free)
        found = iter(torch.autograd.grad(value, tree.leaves(free)))
        return value.detach(), tree.map(lambda leaf: -next(found), free)


@dataclass(frozen=True)
class SignDescent(AbstractOptimizer):
    """A step of one size against the sign of each number of the gradient."""

    rate: float = 0.01

    def init(self, params: Tree) -> Tree:
        return {}

    def step(self, params: Tree, gradients: Tree, state: Tree) -> tuple[Tree, Tree]:
        return tree.map(lambda value, by: value - self.rate * by.sign(), params, gradients), state


@dataclass(frozen=True)
class Hasty(AbstractProtocol):
    """Two steps on everything at once."""

    rate: float = 0.01
    augment = None

    @property
    def name(self) -> str:
        return "hasty" if self == Hasty() else f"hasty, changed: rate {self.rate}"

    def schedule(self, own: Schedule | None, count: int, key: Key) -> Schedule:
        return Schedule(
            torch.full((2,), self.rate), torch.arange(count)[None], HeavyBall(torch.tensor(0.0), torch.tensor(0.0))
        )

    def full_schedule(self, own: Schedule | None, count: int, steps: int, key: Key) -> Schedule:
        return self.schedule(own, count, key)

    def __str__(self) -> str:
        return f"{self.name}: two steps on everything at once"


@dataclass(frozen=True)
class Counting(AbstractProbe):
    """How many items the set has, and how accurate a learner of it is."""

    question = "How many are there?"

    def computations(self, context: ProbeContext) -> tuple[AbstractComputation, ...]:
        return (Training(Mixture(), protocol=Hasty()),)

    def find(self, context: ProbeContext) -> Finding:
        (accuracy,) = (float(context.outcome(each, "accuracy")[-1]) for each in self.computations(context))
        facts = (Fact.once("items", float(len(context.distilled))), Fact.once("test accuracy", accuracy))
        verdict = f"There are {len(context.distilled)}."
        return Finding("counting", context.name, self.question, verdict, "note", facts)


METHOD = Method(
    name="earliest",
    summary="The first real examples, as they come.",
    source="nobody",
    cost="none",
    recipe=Recipe(start=Earliest()),
)


def install(folder: Path, version: str) -> None:
    """Put the package into a folder that is on Python's path."""
    (folder / "brought_parts.py").write_text(Path(__file__).read_text())
    info = folder / "brought_parts-1.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: brought-parts\nVersion: {version}\n")
    (info / "top_level.txt").write_text("brought_parts\n")
    points = [f"[limbeck.{kind}]\n{name.lower()} = brought_parts:{name}\n" for kind, name in FAMILIES.items()]
    (info / "entry_points.txt").write_text("\n".join(points))
