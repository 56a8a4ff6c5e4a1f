"""The loss on real data of learners that were trained on the synthetic set: the bilevel objective itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core import ranks, tree
from limbeck.core.contracts import AbstractAugmentation, AbstractObjective, Batch, Problem, Synthetic
from limbeck.core.expect import at_least
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.compiled import shares, training_loss
from limbeck.learn.microbatches import microbatch_limit, microbatches
from limbeck.learn.sensitivity import Loss, over_parts, surrogate
from limbeck.learn.unroll import InnerState, advance, augmented, initial_state, rows_of_view, unroll

INITIAL = Key(("initialisation",))


@dataclass(frozen=True)
class Unrolled(AbstractObjective):
    """Real loss after training on the set, through every step (Wang et al. 2018; Deng & Russakovsky, NeurIPS 2022).

    loss = mean loss of the network theta_T on `per_class` real images of every class, where theta_0 is an
    initialisation and theta_T what the set's schedule makes of it. Exact in inputs, targets and learning rates. Every
    step of the set begins anew, from a cold start: what a learner comes to says what this very set teaches.
    """

    shared = "the loss on real examples"
    per_class: int = 64
    """Real images of each class that the loss is of."""
    initialisations: int = 0
    """How many there are, of which each step takes one; 1: a fixed one, which the set then carries, as it is meant to
    be trained from there; 0: a fresh one at each step."""

    def __post_init__(self) -> None:
        at_least(self, 1, "per_class")
        at_least(self, 0, "initialisations")

    def initialisation(self, problem: Problem) -> Tree | None:
        """The fixed one, where there is one."""
        return initial(problem, 1, Key()) if self.initialisations == 1 else None

    def init(self, problem: Problem, key: Key) -> Tree:
        """Nothing is remembered from step to step."""
        return {}

    def loss(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Float[Tensor, ""]:
        """The real loss at the end of the schedule."""
        steps = len(synthetic.schedule.learning_rates)
        params = initial(problem, self.initialisations, key)
        return real_loss(problem, synthetic, self.per_class, range(steps), key, params)

    def advance(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Tree:
        """Nothing changes."""
        return state


@dataclass(frozen=True)
class WarmUnrolled(AbstractObjective):
    """Real loss of one learner that goes on learning from the set as that changes (Vicol et al., ICML 2022).

    As unrolled, but theta_0 is where the set of the step before left the learner, a warm start; the loss is
    differentiated through the steps of one schedule. The rule (its velocity, its moments) begins anew each time.

    What a set leaves free the learner keeps from all that it saw before, so that in sequence few items can teach it
    what they cannot teach at once. A low loss is then of the learner and its history: one that is trained on the last
    set alone may come to much less. `unrolled` is the loss of that.
    """

    shared = "the loss on real examples"
    per_class: int = 64
    """Real images of each class that the loss is of."""

    def __post_init__(self) -> None:
        at_least(self, 1, "per_class")

    def init(self, problem: Problem, key: Key) -> Tree:
        """The parameters of a fresh learner."""
        return {"params": initial(problem, 0, key)}

    def loss(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Float[Tensor, ""]:
        """The real loss where the learner comes to."""
        steps = len(synthetic.schedule.learning_rates)
        return real_loss(problem, synthetic, self.per_class, range(steps), key, state["params"])

    def advance(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Tree:
        """The learner after the schedule of the set as it now is."""
        schedule, view = synthetic.schedule, rows_of_view(problem.task, synthetic)
        start = initial_state(state["params"], schedule.rule)
        inner = training_loss(problem.trained_by(schedule))
        return {"params": advance(inner, start, synthetic.source, schedule, view=view).params}


@dataclass(frozen=True)
class TruncatedUnrolled(AbstractObjective):
    """Real loss after a random number of steps, through the last of them alone (Feng et al., RaT-BPTT, ICLR 2024).

    The learner stops after t steps of the set's schedule, t uniform from `window` to the schedule's length,
    and the loss is differentiated through the last `window` of them. A schedule of no more than `window`
    steps is differentiated as a whole.
    """

    shared = "the loss on real examples"
    per_class: int = 64
    """Real images of each class that the loss is of."""
    window: int = 60
    """Steps that the loss is differentiated through."""
    augment: AbstractAugmentation | None = None
    """Of the real images, and of what the learner sees at each step; each image by itself."""

    def __post_init__(self) -> None:
        at_least(self, 1, "per_class", "window")

    def init(self, problem: Problem, key: Key) -> Tree:
        """Nothing is remembered from step to step."""
        return {}

    def loss(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Float[Tensor, ""]:
        """The real loss where the learner stops."""
        length = len(synthetic.schedule.learning_rates)
        window = min(self.window, length)
        stop = window + int(key.fold("stop").integers(length - window + 1, 1))
        params = initial(problem, 0, key)
        return real_loss(problem, synthetic, self.per_class, range(stop - window, stop), key, params, self.augment)

    def advance(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Tree:
        """Nothing changes."""
        return state


def initial(problem: Problem, count: int, key: Key) -> Tree:
    """The parameters that a learner begins with: one of `count` fixed ones that the key draws; 0: fresh ones."""
    if count:
        key = INITIAL.fold(int(key.fold("initialisation").integers(count)))
    return tree.move(problem.network.init(key.fold("network")), problem.device)


def real_loss(
    problem: Problem,
    synthetic: Synthetic,
    per_class: int,
    window: range,
    key: Key,
    params: Tree,
    augment: AbstractAugmentation | None = None,
) -> Float[Tensor, ""]:
    """The mean real loss of a learner from `params` on, after the steps up to the window's stop, through the window."""
    end = trained_through(problem, synthetic, window, key, params, augment)
    task, real = problem.task, problem.real(key.fold("real"), per_class)
    count = len(real.classes)
    if augment is not None:
        real = task.augment(real, key.fold("augment", "real"), torch.arange(count), augment)
    rows, limit, loss = torch.arange(count), microbatch_limit(problem, count), training_loss(problem)
    if task.tied or not shares(problem, count):
        return loss_at(loss, end.params, [task.take(real, part) for part in microbatches(rows, limit)])
    own = ranks.share(rows)
    found = over_parts(loss, end.params, [task.take(real, part) for part in microbatches(own, limit)])
    value, gradients = ranks.summed(tree.map(lambda leaf: len(own) / count * leaf, found))
    return surrogate(value, end.params, gradients)


def trained_through(
    problem: Problem,
    synthetic: Synthetic,
    window: range,
    key: Key,
    params: Tree,
    augment: AbstractAugmentation | None = None,
) -> InnerState:
    """A learner from `params` on after the steps up to the window's stop, differentiable through the window."""
    source, schedule = synthetic.source, synthetic.schedule
    inner = training_loss(problem.trained_by(schedule))
    view = augmented(rows_of_view(problem.task, synthetic), problem.task, augment, key.fold("augment"))
    start = initial_state(params, schedule.rule)
    if window.start:
        start = advance(inner, start, source, schedule, range(window.start), view)
    return unroll(inner, start, source, schedule, window, view)


def loss_at(loss: Loss, params: Tree, parts: Sequence[Batch]) -> Float[Tensor, ""]:
    """The mean loss over all of `parts`, whose gradient in the parameters is taken here and now, part by part."""
    value, gradients = over_parts(loss, params, parts)
    return surrogate(value, params, gradients)
