"""Matching where training leads: a student follows an expert from one of its snapshots to a later one."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.computations.experts import Experts
from limbeck.core import tree
from limbeck.core.contracts import AbstractAugmentation, AbstractObjective, Problem, Synthetic
from limbeck.core.expect import at_least, expect
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.augment import Siamese
from limbeck.learn.compiled import training_loss
from limbeck.learn.unroll import augmented, initial_state, rows_of_view, unroll


@dataclass(frozen=True)
class Trajectory(AbstractObjective):
    """How far training on the set ends from where an expert got from the same parameters (Cazenavette et al., 2022).

    loss = || theta_N - e_{t+M} ||^2 / || e_t - e_{t+M} ||^2

    e_t are the parameters of an expert after t epochs on the real data; the expert and t are drawn anew at
    each step. theta_N is where a student gets from theta_0 = e_t by the N steps of the set's schedule, each image of
    each step under an augmentation of its own; M is `reach`. All norms are over all parameters together.
    The gradient is exact in the set and in its learning rates, in memory that does not grow with N times the
    activations. Raises InputError where an expert has not been trained, with the command that trains them.
    """

    experts: Experts = field(default_factory=Experts)
    """The experts, and how they were trained."""
    reach: int = 2
    """The epochs of the expert that the student is to cover, M."""
    earliest: int = 0
    """The first epoch that a student may start from."""
    latest: int = 15
    """The end of the window of starts: t < latest."""
    latest_at_first: int = 1
    """Where the window grows: its end at the first step."""
    grow_over: int = 0
    """The steps over which the window grows to its full size (Guo et al., ICLR 2024); 0: it is full at once."""
    augment: AbstractAugmentation | None = field(default_factory=lambda: Siamese(together=True))
    """How images of the student are varied; none: they are as they are."""
    alone: bool = False
    """Whether each step of the student is differentiated alone, from parameters that are taken as given (TESLA)."""

    def __post_init__(self) -> None:
        at_least(self, 0, "earliest", "grow_over")
        at_least(self, 1, "reach", "latest_at_first")
        if self.grow_over:
            expect(
                self, "latest_at_first", self.latest_at_first > self.earliest, f"more than earliest, {self.earliest}"
            )
            at_least(self, self.latest_at_first, "latest")
        expect(self, "latest", self.latest > self.earliest, f"more than earliest, {self.earliest}")
        most = self.experts.epochs - self.reach + 1
        why = f"the {self.experts.epochs} epochs of the experts end {self.reach} after the last start"
        expect(self, "latest", self.latest <= most, f"at most {most}, as {why}; lower it, or raise experts.epochs")

    def init(self, problem: Problem, key: Key) -> Tree:
        """The number of steps taken; InputError where an expert has not been trained."""
        for number in range(self.experts.count):
            self.experts.snapshot(problem, number, self.earliest)
        return {"step": torch.tensor(0)}

    def loss(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Float[Tensor, ""]:
        """The squared distance at the end, as a share of the squared distance at the start."""
        start, end, goal = self.followed(state, problem, synthetic, key)
        return squared_distance(end, goal) / squared_distance(start, goal)

    def followed(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> tuple[Tree, Tree, Tree]:
        """The parameters where a student begins, where it ends, and where the expert got, each a tree of one form."""
        number, epoch = self.drawn(int(state["step"]), key)
        start, goal = (self.experts.snapshot(problem, number, at) for at in (epoch, epoch + self.reach))
        learner = initial_state(start, synthetic.schedule.rule)
        plain = rows_of_view(problem.task, synthetic)
        view = augmented(plain, problem.task, self.augment, key.fold("augment"))
        loss, schedule = training_loss(problem.trained_by(synthetic.schedule)), synthetic.schedule
        end = unroll(loss, learner, synthetic.source, schedule, view=view, alone=self.alone)
        return start, end.params, goal

    def advance(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Tree:
        """One more step is taken."""
        return {"step": state["step"] + 1}

    def drawn(self, step: int, key: Key) -> tuple[int, int]:
        """The expert to follow at a step, and the epoch to start from."""
        end = self.latest
        if step < self.grow_over:
            end = self.latest_at_first + (self.latest - self.latest_at_first) * step // self.grow_over
        number = int(key.fold("expert").integers(self.experts.count))
        return number, self.earliest + int(key.fold("epoch").integers(end - self.earliest))


def squared_distance(left: Tree, right: Tree) -> Float[Tensor, ""]:
    """The squared Euclidean distance over all leaves of two trees."""
    difference = tree.map(torch.sub, left, right)
    return tree.dot(difference, difference)
