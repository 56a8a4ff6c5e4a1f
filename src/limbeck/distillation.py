"""The loop: render, ask the objective, step. Interrupted anywhere, it goes on as if it never was."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from limbeck.composition import Recipe
from limbeck.computations import Mixture, Training
from limbeck.computations.contract import BatchSet, ProbeContext
from limbeck.core import ranks, tree
from limbeck.core.contracts import Batch, Parameters, Problem, Schedule, Synthetic
from limbeck.core.family import part_name
from limbeck.core.interruptions import in_peace
from limbeck.core.key import Key
from limbeck.core.placing import cpu
from limbeck.core.promises import LossOf, check_renders, state_of
from limbeck.core.threads import computing_by, threads_for
from limbeck.core.tree import Tree
from limbeck.judging import judged_by
from limbeck.learn.compiled import Operations, pays
from limbeck.state import SCHEDULE, Checkpoints, State, differ, of_set, restored, rolled_back, settled

ANCHOR_EVERY = 100
"""Steps between the states that a run can fall back to. By count, not by clock, so that a run that
fell back is as reproducible as one that did not."""

CHECKS, CHEAP = 4, 0.25
"""How often a set is checked where nobody said, and up to which share of the operations of the steps."""
FIRST_CHECK = 3_000_000
"""The seed of the first validation check: no network that a set is evaluated with begins where it began."""

Watcher = Callable[[State], None]
"""What is shown every state of a run, the first and the last among them, once it is checked where that is due."""


class Distilled(NamedTuple):
    """What a run comes to, on the CPU."""

    params: Parameters
    schedule: Schedule
    losses: Tensor
    checks: tuple[tuple[int, float], ...]
    """(step, validation accuracy of one fresh learner) in order, where the set was checked."""
    threads: int
    """By how many threads the steps after the first were done."""
    initialisation: Tree | None = None
    """The parameters of a network that the set is meant to be trained from; None: from any."""


@dataclass(frozen=True)
class Distillation:
    """All that determines a run, and its steps as pure functions of a state."""

    problem: Problem
    recipe: Recipe
    per_class: int
    key: Key
    checks: int | None = None
    """How often the validation accuracy of one fresh learner is measured, evenly spread; it selects nothing. None:
    `CHECKS` times where that is cheap beside the steps, else never."""
    within: int | None = None
    """How many bytes the set may take as it is stored; None: as `per_class` plain ones take (`Recipe.items`)."""
    compile: bool | None = None
    """Whether the steps after the first run as compiled code; None: where the run is long enough for that to pay."""

    @property
    def count(self) -> int:
        """How many items of every class are made."""
        return self.recipe.items(self.problem, self.per_class, self.within, self.key)

    @property
    def due(self) -> tuple[int, ...]:
        """The steps after which the set is checked, the last step among them."""
        checks = CHECKS if self.checks is None else self.checks
        return tuple(sorted({-(-self.recipe.steps * part // checks) for part in range(1, checks + 1)}))

    def begin(self, count: int | None = None) -> State:
        """The state before the first step; of `count` items of every class, by default as many as are asked for."""
        recipe, objective, device = self.recipe, self.recipe.objective, self.problem.device
        count = count or self.count
        start, params = recipe.started(self.problem, count, self.key)
        check_renders(recipe.parameterization, params, self.problem.task)
        assert SCHEDULE not in params.learned, "the schedule is no group of a parameterization"
        schedule = recipe.schedule.begin(self.problem, len(start.classes), self.key.fold("schedule"))
        learned = tree.move({**params.learned, SCHEDULE: schedule}, device)
        return State(
            learned=learned,
            fixed=params.fixed,
            optimizers={group: recipe.optimizer_of(group).init(leaves) for group, leaves in learned.items()},
            objective=state_of(objective, objective.init(self.problem, self.key.fold("objective")), "init")
            if objective
            else {},
            step=torch.tensor(0),
            work=torch.tensor(torch.nan, dtype=torch.float64),
            products=torch.tensor(0),
            rollbacks=torch.tensor(0),
            losses=torch.full((recipe.steps,), torch.nan, dtype=torch.float64),
            scores=torch.full((len(self.due),), torch.nan, dtype=torch.float64),
        )

    def step(self, state: State) -> State:
        """The state after one more step; the first is eager, not shared, and its operations are counted."""
        if int(state.step) == 0:
            with computing_by(self.threads(state)), Operations() as operations:
                after = self._stepped(self.problem, state)
            if not tree.read(differ(state.learned, after.learned)):
                warnings.warn(
                    f"objective {part_name(type(self.recipe.objective))}: the first step changed nothing that is "
                    "learned: the set meets it already, it ignores the set, or the learning rate is too small to be "
                    "seen",
                    stacklevel=2,
                )
            work = torch.tensor(float(operations.count), dtype=torch.float64)
            return ranks.agreed(after._replace(work=work, products=torch.tensor(operations.products)))
        with computing_by(self.threads(state), passes=True), ranks.sharing():
            after = self._stepped(replace(self.problem, compiled=self.compiled(state)), state)
            return ranks.agreed(after, state)

    def compiled(self, state: State) -> bool:
        """Whether the steps after the first, which is done, run as compiled code."""
        if self.compile is not None:
            return self.compile
        return pays(float(state.work) * (self.recipe.steps - 1), self.problem.device)

    def threads(self, state: State) -> int:
        """By how many threads the next step is done; the first by one, so that small work has one outcome."""
        if self.problem.device.type != "cpu":
            return torch.get_num_threads()
        return threads_for(float(state.work), int(state.products)) if int(state.step) else 1

    def _stepped(self, problem: Problem, state: State) -> State:
        objective = self.recipe.objective
        assert objective is not None, "a recipe with steps has an objective"
        step = int(state.step)
        now = self.key.fold("fall", int(state.rollbacks), "step", step)

        def show(learned: dict[str, Tree]) -> Synthetic:
            return replace(self.show(learned, state.fixed, now), done=step / self.recipe.steps)

        loss_of = LossOf(objective, state.objective, problem, show, now)
        loss, gradients = self.recipe.estimator.gradient(loss_of, state.learned, now.fold("estimator"))
        learned, optimizers = {}, {}
        for group, leaves in state.learned.items():
            optimizer = self.recipe.optimizer_of(group).at(step, self.recipe.steps)
            learned[group], optimizers[group] = optimizer.step(leaves, gradients[group], state.optimizers[group])
        with torch.no_grad():
            moved = Parameters(of_set(learned), state.fixed)
            learned = {**learned, **self.recipe.parameterization.settled(moved, problem).learned}
            shown = show(learned)
        losses = state.losses.clone()
        # The guard and the record in one, as every reading waits for the device.
        losses[step] = tree.read(torch.where(tree.all_finite((loss, learned)), loss, torch.nan))
        return state._replace(
            learned=learned,
            optimizers=optimizers,
            objective=tree.detach(
                state_of(objective, objective.advance(state.objective, problem, shown, now), "advance")
            ),
            step=state.step + 1,
            losses=losses,
        )

    def show(self, learned: dict[str, Tree], fixed: Tree, key: Key) -> Synthetic:
        """The synthetic set that what is learned stands for, and how it is meant to be trained on."""
        parameterization = self.recipe.parameterization
        params = Parameters(of_set(learned), fixed)
        batch = parameterization.render(params, key.fold("view"))
        schedule = self.recipe.schedule.render(learned[SCHEDULE], batch.classes, key.fold("order"))
        if not parameterization.views:
            return Synthetic.of(batch, schedule, parameterization.origins(params))

        def view(source: dict[str, Tree], step: int) -> Batch:
            return parameterization.render(Parameters(source, fixed), key.fold("view", step))

        return Synthetic(batch, schedule, params.learned, view, origins=parameterization.origins(params))

    def outcome(self, state: State) -> Distilled:
        """What the run comes to where it ends after so many steps, on the CPU."""
        scores, kept = zip(self.due, state.scores.tolist(), strict=True), settled(state, self.recipe.optimizer_of)
        return Distilled(
            params=self.finished(state),
            schedule=tree.move(tree.detach(self.show(kept.learned, kept.fixed, self.key).schedule), cpu()),
            losses=state.losses,
            checks=tuple((step, score) for step, score in scores if not math.isnan(score)),
            threads=self.threads(state),
            initialisation=self.initialisation,
        )

    def finished(self, state: State) -> Parameters:
        """What is kept of the set where a run ends after so many steps, on the CPU."""
        kept = settled(state, self.recipe.optimizer_of)
        params = self.recipe.parameterization.finished(tree.move(kept.params, cpu()), self.problem)
        return tree.move(params, cpu())

    @property
    def initialisation(self) -> Tree | None:
        """The parameters of a network that the set is meant to be trained from, on the CPU; None: from any."""
        objective = self.recipe.objective
        found = None if objective is None else objective.initialisation(self.problem)
        return None if found is None else tree.move(found, cpu())

    def to_check(self, state: State) -> list[tuple[Training, ProbeContext]]:
        """The checks that are to come after a state, whose first step is done."""
        if not self._worth_checking(state):
            return []
        context = self._checked(state)
        return [(self._judging(index), context) for index, step in enumerate(self.due) if step > int(state.step)]

    def _worth_checking(self, state: State) -> bool:
        """Whether somebody asked for checks, or they are cheap beside the steps, which are counted at the first.

        Counted, not timed, so that a run decides alike wherever it goes on. Of no steps nothing is known.
        """
        if self.checks is not None:
            return True
        if not self.recipe.steps:
            return False
        checks = len(self.due) * self._judging(0).flops(self._checked(state))
        return checks <= CHEAP * float(state.work) * self.recipe.steps

    def check(self, state: State) -> State:
        """The state with the validation accuracy that is due after its step, if one is."""
        if int(state.step) not in self.due:
            return state
        index = self.due.index(int(state.step))
        if not bool(state.scores[index].isnan()):
            return state
        if not self._worth_checking(state):
            return state
        scores = state.scores.clone()
        with computing_by(self.threads(state)):
            outcome = self._judging(index).run(self._checked(state))
        scores[index] = outcome[self.problem.task.metrics[0].name][-1]
        return state._replace(scores=scores)

    def _judging(self, index: int) -> Training:
        return Training(Mixture(), FIRST_CHECK + index, judged_by(self.recipe))

    def _checked(self, state: State) -> ProbeContext:
        """The set as it will lie in the file, before validation examples."""
        stored = self.recipe.parameterization.stored(self.finished(state))
        schedule = tree.move(settled(state, self.recipe.optimizer_of).learned[SCHEDULE], cpu())
        shown = self.show({**stored.learned, SCHEDULE: schedule}, stored.fixed, self.key)
        made = BatchSet("", shown.batch, shown.schedule, initialisation=self.initialisation)
        return ProbeContext(self.problem, set=made, split="validation")


def distill(run: Distillation, checkpoints: Checkpoints, watch: Watcher, checkpoint_seconds: float = 30.0) -> Distilled:
    """Take `run` to its end, going on from the last checkpoint; a state is kept on a clock and when interrupted.

    Raises InputError where a loss or a parameter is not finite, and again after going back once.
    """
    state = anchor = run.begin()
    kept = checkpoints.read()
    if kept is not None:
        state, anchor = restored((state, anchor), kept)
    state, anchor = ranks.agreed((state, anchor))
    written = time.monotonic()

    def looked() -> None:
        nonlocal state
        state = run.check(state)
        watch(state)

    try:
        while True:
            step = int(state.step)
            ranks.first(looked)
            if step in run.due:
                state = state._replace(scores=ranks.agreed(state.scores))
            if step == run.recipe.steps:
                break
            if step % ANCHOR_EVERY == 0:
                anchor = state
            if time.monotonic() - written >= checkpoint_seconds:
                checkpoints.write(tree.flatten((state, anchor)))
                written = time.monotonic()
            after = run.step(state)
            state = after if bool(after.losses[step].isfinite()) else rolled_back(anchor, after)
    except (KeyboardInterrupt, SystemExit):
        with in_peace():
            checkpoints.write(tree.flatten((state, anchor)))
        raise
    return run.outcome(state)
