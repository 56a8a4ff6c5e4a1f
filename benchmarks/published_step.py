"""One step of every method at its published settings, beside the published loop, in double precision.

    python benchmarks/published_step.py [--width 8]

Each published loop is written out in `literal.py`. Compared are the loss, its gradient in the images and in what else
is learned, the networks that the step trains, and the images after the step, which torch's own optimiser makes on the
literal side with the settings of the source's command. The published sizes are taken but for the width of the network,
since one graph through 150 steps does not fit at 128 in double precision; images are random, and the same on both sides
as networks, batches and augmentations are. Largest difference allowed: 1e-6 of the norm of the literal result.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import literal
import torch
from steps import CLASSES, KEY, SHAPE, one_hot, problem_of
from torch import Tensor

from limbeck.composition import Recipe
from limbeck.computations.experts import Experts
from limbeck.core import tree
from limbeck.core.contracts import Batch, Schedule, Synthetic
from limbeck.learn.epochs import shuffled_epochs
from limbeck.learn.rules import Momentum
from limbeck.learn.training import rows_of
from limbeck.recipes import RECIPES, recipe_for

FURTHEST = 1e-6
SHARE = 0.3
"""How much of its real images idm's network is taken to name rightly, which at the start it has not seen."""
SETTINGS = {"bptt": ("cifar10", 1, False), "rat-bptt": ("cifar10", 10, True), "dd": ("cifar10", 10, False)}
"""The settings to try; ("cifar10", 1, False) and ("cifar10", 10, False) of the others, where they were published."""
COMMANDS: dict[str, Callable[[list[Tensor]], torch.optim.Optimizer]] = {
    "dm": lambda images: torch.optim.SGD(images, lr=1.0, momentum=0.5),
    "dc": lambda images: torch.optim.SGD(images, lr=0.1, momentum=0.5),
    "dsa": lambda images: torch.optim.SGD(images, lr=0.1, momentum=0.5),
    "cafe": lambda images: torch.optim.SGD(images, lr=0.1, momentum=0.5),
    "idm": lambda images: torch.optim.SGD(images, lr=0.4),
    "mtt": lambda images: torch.optim.SGD(images, lr=1000, momentum=0.5),
    "tesla": lambda images: torch.optim.SGD(images, lr=1000 / 2, momentum=0.5),
    "bptt": lambda images: torch.optim.SGD(images, lr=0.1, momentum=0.5),
    "dd": lambda images: torch.optim.Adam(images, lr=0.01, betas=(0.5, 0.999)),
    "rat-bptt": lambda images: torch.optim.Adam(images, lr=0.001),
}
"""What steps the images, with the numbers of the sources' commands. idm's are stepped class by class there, with 0.2
and momentum 0.5, which in a round move the images as 0.4 does without; tesla's by half the gradient."""


class Side:
    """What a step of a method is taken on."""

    def __init__(self, name: str, setting: tuple[str, int, bool], width: int) -> None:
        self.name, self.width, self.problem = name, width, problem_of(width)
        self.recipe = small(recipe_for(name, *setting))
        objective: Any = self.recipe.objective
        self.objective = objective
        self.classes = torch.arange(CLASSES).repeat_interleave(setting[1])
        self.start = KEY.fold("images").normal(len(self.classes), *SHAPE)
        self.state = objective.init(self.problem, KEY.fold("state"))
        if name == "idm":
            self.state = self.state._replace(accuracies=torch.full_like(self.state.accuracies, SHARE))
        self.key = KEY.fold("step", name)

    def learned(self) -> tuple[dict[str, Tensor], Schedule]:
        """The images and what is learned of the schedule, as leaves, and the schedule."""
        learned = {"images": self.start.clone().requires_grad_()}
        sizes = self.recipe.schedule.init(len(self.classes), self.key)
        for leaf in sizes.values():
            learned["step size"] = leaf.requires_grad_()
        return learned, self.recipe.schedule.render(sizes, self.classes, self.key.fold("order"))

    def ours(self) -> tuple[literal.Found, Tensor]:
        """The step by limbeck, and the images after it."""
        learned, schedule = self.learned()
        batch = Batch(learned["images"], one_hot(self.classes), self.classes)
        synthetic = Synthetic.of(batch, schedule)
        loss = self.objective.loss(self.state, self.problem, synthetic, self.key)
        gradients = dict(zip(learned, torch.autograd.grad(loss, list(learned.values())), strict=True))
        optimizer, images = self.recipe.optimizer.at(0), {"images": self.start}
        stepped, _ = optimizer.step(images, {"images": gradients["images"]}, optimizer.init(images))
        still = Synthetic.of(*tree.detach((synthetic.batch, synthetic.schedule)))
        after = self.objective.advance(self.state, self.problem, still, self.key)
        return literal.Found(loss.detach(), gradients, self.trained(after)), stepped["images"]

    def trained(self, after: Any) -> list[Tensor]:
        """The networks that a step trains, as lists of parameters."""
        names = list(self.problem.network.init(KEY))
        if self.name in ("dc", "dsa"):
            return [after.learner.params[name] for name in names]
        if self.name == "idm":
            return [after.learners.params[name][slot] for slot in self.slots("train")[:2] for name in names]
        return []

    def slots(self, what: str) -> list[int]:
        """The networks of idm's queue in the order that a step takes them."""
        return self.key.fold(what).permutation(4).tolist()

    def published(self) -> tuple[literal.Found, Tensor]:
        """The step of the published loop, and the images after it."""
        learned, schedule = self.learned()
        order = [rows_of(schedule, step) for step in range(len(schedule.learning_rates))]
        size = schedule.learning_rates[0].detach()
        shown = literal.Set(learned["images"], self.classes, size, 0.9, order)
        found = self.loop(shown, learned)
        images = [self.start.clone().requires_grad_()]
        images[0].grad = found.gradients["images"].clone()
        if self.name == "bptt":
            torch.nn.utils.clip_grad_norm_(images, 2.0)
        COMMANDS[self.name](images).step()
        return found, images[0].detach()

    def loop(self, shown: literal.Set, learned: dict[str, Tensor]) -> literal.Found:
        """The published loop."""
        objective, problem, key, width = self.objective, self.problem, self.key, self.width
        if self.name == "dm":
            return literal.distribution(width, problem, shown, 256, objective.augment, key)
        if self.name in ("dc", "dsa"):
            return self.matching(shown)
        if self.name in ("mtt", "tesla"):
            net, ends = literal.fresh(width, KEY), self.ends()
            way = literal.trajectory if self.name == "mtt" else literal.each_step_alone
            return way(net, *ends, shown._replace(step_size=learned["step size"]), objective.augment, key)
        if self.name == "bptt":
            return literal.by_stored_weights(width, problem, shown, 64, key)
        if self.name == "dd":
            return literal.few_steps(width, problem, shown, learned["step size"], 102, key)
        if self.name == "rat-bptt":
            stop = 60 + int(key.fold("stop").integers(200 - 60 + 1, 1))
            return literal.through_window(width, problem, shown, range(stop - 60, stop), 500, objective.augment, key)
        if self.name == "idm":
            return self.queued(shown)
        net = literal.fresh(width, KEY.fold("state", "network"))
        return literal.layer_by_layer(net, problem, shown, 256, (0.1, 0.1, 1.0, 2.0), 0.01, key)

    def matching(self, shown: literal.Set) -> literal.Found:
        """Of dc and dsa: the network is trained on, or at one item a class made anew."""
        net, plain, key = literal.fresh(self.width, KEY.fold("state", "network")), Momentum(0.0).rule(), self.key
        inner = self.objective.inner if self.objective.outer > 1 else 0
        plan = shuffled_epochs(len(self.classes), inner, 256, 0.01, plain, key.fold("train", "order"))
        batches = [rows_of(plan, step) for step in range(len(plan.learning_rates))] if inner else []
        given = shown._replace(order=batches)
        found = literal.matching(net, self.problem, given, 256, self.objective.augment, key)
        if inner:
            return found
        after = literal.fresh(self.width, key.fold("respawn", "network"))
        return found._replace(network=[leaf.detach() for leaf in after.parameters()])

    def ends(self) -> list[list[Tensor]]:
        """The two snapshots of the expert between which a student goes."""
        number, epoch = self.objective.drawn(0, self.key)
        names = list(self.problem.network.init(KEY))
        snapshots = [
            self.objective.experts.snapshot(self.problem, number, at) for at in (epoch, epoch + self.objective.reach)
        ]
        return [[snapshot[name] for name in names] for snapshot in snapshots]

    def queued(self, shown: literal.Set) -> literal.Found:
        """Of idm: the loss under one network of the queue, and the training of two."""
        weight, per_class = self.objective.weight, 5000 if len(shown.images) == CLASSES else 256
        nets = [self.member(slot) for slot in range(4)]
        net = nets[self.slots("member")[0]]
        found = literal.partly_trained(
            net, SHARE, self.problem, shown, per_class, self.objective.augment, weight, self.key
        )
        trained = [
            literal.real_training(self.member(slot), self.problem, 10, 26, self.key.fold("train", slot))
            for slot in self.slots("train")[:2]
        ]
        return found._replace(network=[leaf for net in trained for leaf in net])

    def member(self, slot: int) -> literal.ConvNet:
        """A network of idm's first queue."""
        return literal.fresh(self.width, KEY.fold("state", "network", slot))


def small(recipe: Recipe) -> Recipe:
    """With the one expert that lies here, from its start."""
    objective: Any = recipe.objective
    if not hasattr(objective, "experts"):
        return recipe
    return replace(recipe, objective=replace(objective, experts=Experts(count=1, epochs=objective.reach), latest=1))


def differences(side: Side) -> dict[str, float]:
    """The norm of the difference of each result, as a share of the published one's norm."""

    def apart(one: Tensor, two: Tensor) -> float:
        return float((one - two).norm() / two.norm())

    (mine, after), (theirs, expected) = side.ours(), side.published()
    found = {"loss": apart(mine.loss, theirs.loss), "step": apart(after - side.start, expected - side.start)}
    found |= {f"gradient in {name}": apart(mine.gradients[name], theirs.gradients[name]) for name in theirs.gradients}
    if theirs.network:
        one, two = (torch.cat([leaf.flatten() for leaf in each.network]) for each in (mine, theirs))
        found["networks"] = apart(one, two)
    return found


def settings(name: str) -> list[tuple[str, int, bool]]:
    """The published settings of a method that are tried."""
    known = [SETTINGS[name]] if name in SETTINGS else [("cifar10", 1, False), ("cifar10", 10, False)]
    return [each for each in known if each in RECIPES[name].published]


def main() -> None:
    """Compare every method, and end with an error where one is not what was published."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--width", type=int, default=8, help="of the networks")
    options.add_argument("--methods", nargs="*", choices=sorted(COMMANDS), default=sorted(COMMANDS))
    given = options.parse_args()
    torch.set_default_dtype(torch.float64)
    print(f"{'method':<10} {'data':<8} {'IPC':>3}  largest difference of each, width {given.width}")
    furthest = 0.0
    for name in given.methods:
        for setting in settings(name):
            found = differences(Side(name, setting, given.width))
            furthest = max(furthest, *found.values())
            listed = ", ".join(f"{what} {value:.1e}" for what, value in found.items())
            print(f"{name:<10} {setting[0]:<8} {setting[1]:>3}  {listed}", flush=True)
    if furthest > FURTHEST:
        raise SystemExit(f"{furthest:.1e} apart, expected at most {FURTHEST:g}")


if __name__ == "__main__":
    main()
