"""What a step of each method is taken on, and the step itself, by limbeck and by the published loop."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import literal
import torch
from torch import Tensor

from limbeck.codecs import Identity
from limbeck.computations.experts import Experts
from limbeck.core import tree
from limbeck.core.contracts import (
    AbstractAugmentation,
    AbstractCodec,
    AbstractNetwork,
    AbstractObjective,
    AbstractSchedule,
    AbstractTask,
    Batch,
    Metric,
    Problem,
    Schedule,
    Synthetic,
)
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.epochs import shuffled_epochs
from limbeck.learn.networks import build
from limbeck.learn.rules import Momentum
from limbeck.learn.training import rows_of
from limbeck.recipes import recipe_for
from limbeck.schedules import Fixed, UnconstrainedRates

SHAPE, CLASSES, REAL = (3, 32, 32), 10, 500
"""One image, the classes, and the real images of each."""
KEY = Key(("objective-step",))
CPU = torch.device("cpu")
METHODS = ("mtt", "bptt", "bptt-stored", "dc", "dsa", "dm")
VARIANTS: dict[str, Callable[[Problem], Problem]] = {
    "eager": lambda problem: problem,
    "compiled": lambda problem: replace(problem, compiled=True),
}
"""limbeck's ways, each as what it makes of the problem that its objective is shown."""
LITERAL = "literal"
WAYS = (LITERAL, *VARIANTS)


@dataclass(frozen=True, eq=False)
class Noise(AbstractTask):
    """Random images in memory, class by class."""

    images: Tensor
    name: str = "noise"
    classes: tuple[str, ...] = tuple("0123456789")
    shape: tuple[int, ...] = SHAPE
    fingerprint: str = "noise"
    metrics: tuple[Metric, ...] = (Metric("accuracy", "fraction", True),)
    codec: AbstractCodec = Identity()

    def groups(self, split: str, by: str = "class") -> tuple[Tensor, ...]:
        """The rows of each class."""
        return torch.arange(len(self.images)).split(REAL)

    def load(self, split: str, rows: Tensor | None = None) -> Batch:
        """Rows of the images, with the class that their place says."""
        rows = torch.arange(len(self.images)) if rows is None else rows
        labels = rows.div(REAL, rounding_mode="floor")
        return Batch(self.images[rows.to(self.images.device)], one_hot(labels).to(self.images.device), labels)

    def network(self, name: str) -> AbstractNetwork:
        """A network of the house."""
        return build(name, SHAPE, CLASSES)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy with soft targets."""
        return -(targets * outputs.log_softmax(-1)).sum(-1)

    def augment(self, batch: Batch, key: Key, groups: Tensor, policy: AbstractAugmentation | None) -> Batch:
        """The images under the policy."""
        return batch if policy is None else batch._replace(inputs=policy.apply(batch.inputs, key, groups))

    def evaluate(self, predict: Callable[[Tree], Tensor], split: str, key: Key) -> dict[str, float]:
        """There is nothing to judge in noise."""
        return {}


@dataclass(frozen=True, eq=False)
class Snapshots:
    """A memo of one expert, at its start and a little away from it."""

    network: AbstractNetwork

    def remember(self, address: dict[str, Any], make: Callable[[], Tree], branch: str = "") -> Tree:
        """The start where its parameters are asked for, "params/0", and else what lies a little away."""
        return self.ends[branch != "params/0"]

    @functools.cached_property
    def ends(self) -> tuple[Tree, Tree]:
        """Parameters at the start, and later."""
        start, key = self.network.init(KEY.fold("expert")), KEY.fold("goal")
        moved = {name: leaf + 0.01 * key.fold(name).normal(*leaf.shape) for name, leaf in start.items()}
        return start, moved


@dataclass(frozen=True)
class Cell:
    """What is measured: one row of the table."""

    method: str
    width: int
    ipc: int
    steps: int
    inner: int

    def describe(self) -> dict[str, Any]:
        """The fields that its figures depend on."""
        row: dict[str, Any] = {"method": self.method, "width": self.width, "ipc": self.ipc}
        if self.method in ("mtt", "bptt", "bptt-stored"):
            row["steps"] = self.steps
        if self.method in ("dc", "dsa"):
            row["inner"] = self.inner
        return row

    def weight(self) -> float:
        """About how long it takes, in no unit."""
        real = {"mtt": 0, "bptt": 64, "bptt-stored": 64}.get(self.method, 256)
        microbatches = {"dc": self.inner or 50, "dsa": self.inner or 50, "dm": 1}.get(self.method, 4 * self.steps)
        return 4e5 + CLASSES * (real + self.ipc * microbatches) * self.width**1.5

    def parts(self) -> tuple[AbstractObjective, AbstractSchedule]:
        """The recipe's objective and schedule, at the cell's size."""
        recipe = recipe_for(self.method.removesuffix("-stored"), "cifar10", self.ipc)
        objective: Any = recipe.objective
        schedule: Any = recipe.schedule
        if self.method == "mtt":
            objective = replace(objective, experts=Experts(count=1, epochs=2), latest=1)
            schedule = UnconstrainedRates(replace(schedule.around, steps=self.steps), shared=True)
        elif isinstance(schedule, Fixed) and self.method.startswith("bptt"):
            schedule = replace(schedule, steps=self.steps)
        elif self.method in ("dc", "dsa") and self.inner:
            objective = replace(objective, inner=self.inner, outer=2)
        return objective, schedule


class Bench:
    """A cell set up: the problem, the set and the state, and a step of each way."""

    def __init__(self, cell: Cell, ways: tuple[str, ...] = WAYS, device: torch.device = CPU) -> None:
        self.cell, self.device = cell, device
        self.objective, self.schedule = cell.parts()
        self.problem = problem_of(cell.width, device)
        self.variants = {way: VARIANTS[way](self.problem) for way in ways if way != LITERAL}
        self.classes = torch.arange(CLASSES).repeat_interleave(cell.ipc)
        self.images = KEY.fold("images").normal(len(self.classes), *SHAPE).to(device)
        self.state = self.objective.init(self.problem, KEY.fold("state"))

    def step(self, way: str, number: int) -> tuple[Any, float, float]:
        """What step `number` comes to, and its wall and processor seconds; what it is given is made before."""
        key = KEY.fold("step", number)
        learned = {"images": self.images.clone().requires_grad_()}
        sizes = tree.move(self.schedule.init(len(self.classes), key), self.device)
        for leaf in sizes.values():
            learned["step size"] = leaf.requires_grad_()
        schedule = self.schedule.render(sizes, self.classes, key.fold("order"))
        if way == LITERAL:
            call = self.literal(learned, schedule, key)
        else:
            call = functools.partial(self.ours, self.variants[way], learned, schedule, key)
        self.wait()
        wall, cpu = time.perf_counter(), time.process_time()
        found = call()
        self.wait()
        return found, time.perf_counter() - wall, time.process_time() - cpu

    def wait(self) -> None:
        """Until an accelerator has done all that it was given."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def ours(self, problem: Problem, learned: dict[str, Tensor], schedule: Schedule, key: Key) -> literal.Found:
        """A step by limbeck."""
        synthetic = Synthetic.of(
            Batch(learned["images"], one_hot(self.classes).to(self.device), self.classes), schedule
        )
        loss = self.objective.loss(self.state, problem, synthetic, key)
        gradients = torch.autograd.grad(loss, list(learned.values()))
        still = Synthetic.of(*tree.detach((synthetic.batch, synthetic.schedule)))
        after = self.objective.advance(self.state, problem, still, key)
        network = self.listed(after.learner.params) if self.cell.method in ("dc", "dsa") else []
        return literal.Found(loss.detach(), dict(zip(learned, gradients, strict=True)), network)

    def listed(self, params: dict[str, Tensor]) -> list[Tensor]:
        """Parameters in the order that a module has them."""
        return [params[name] for name in self.problem.network.init(KEY)]

    def literal(self, learned: dict[str, Tensor], schedule: Schedule, key: Key) -> Callable[[], literal.Found]:
        """A step by the published loop."""
        cell, objective, width = self.cell, self.objective, self.cell.width
        size = learned.get("step size", schedule.learning_rates[0])
        order = [schedule.order[step % len(schedule.order)] for step in range(len(schedule.learning_rates))]
        shown = literal.Set(learned["images"], self.classes, size, float(schedule.rule.momentum), order)
        net = literal.fresh(width, KEY.fold("state", "network")).to(self.device)
        if cell.method == "mtt":
            number, epoch = objective.drawn(0, key)
            ends = [objective.experts.snapshot(self.problem, number, at) for at in (epoch, epoch + objective.reach)]
            start, goal = ([leaf.to(self.device) for leaf in self.listed(end)] for end in ends)
            return functools.partial(literal.trajectory, net, start, goal, shown, objective.augment, key)
        if cell.method == "dm":
            arguments = (self.problem, shown, objective.per_class, objective.augment, key)
            return functools.partial(literal.distribution, width, *arguments)
        if cell.method in ("bptt", "bptt-stored"):
            way = literal.through_training if cell.method == "bptt" else literal.by_stored_weights
            return functools.partial(way, width, self.problem, shown, objective.per_class, key)
        outer = objective.outer
        plain, order = Momentum(0.0).rule(), key.fold("train", "order")
        plan = shuffled_epochs(
            len(self.classes), objective.inner, objective.batch, objective.learning_rate, plain, order
        )
        batches = [rows_of(plan, step) for step in range(len(plan.learning_rates))] if outer > 1 else []
        arguments = (self.problem, shown._replace(order=batches), objective.per_class, objective.augment, key)

        def matched() -> literal.Found:
            found = literal.matching(net, *arguments)
            if outer > 1:
                return found
            after = literal.fresh(width, key.fold("respawn", "network")).to(self.device)
            return found._replace(network=[leaf.detach() for leaf in after.parameters()])

        return matched


def problem_of(width: int, device: torch.device = CPU) -> Problem:
    """The problem that every way is shown; its images lie where it is computed."""
    task = Noise(KEY.fold("real").normal(CLASSES * REAL, *SHAPE).to(device))
    network = task.network(f"convnet-w{width}")
    return Problem(task, network, device, Snapshots(network))


def one_hot(classes: Tensor) -> Tensor:
    """Targets as a task has them."""
    return torch.nn.functional.one_hot(classes, CLASSES).to(torch.get_default_dtype())
