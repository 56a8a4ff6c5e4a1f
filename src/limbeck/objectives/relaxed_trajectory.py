"""Trajectory matching of a series whose futures are, now and then, drawn towards what an expert forecasts."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core.contracts import AbstractObjective, Problem, Synthetic
from limbeck.core.expect import at_least
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.windows import Windows, recording_of
from limbeck.objectives.trajectory import Trajectory

ASKS = "objective relaxed-trajectory"


@dataclass(frozen=True)
class RelaxedTrajectory(AbstractObjective):
    """Trajectory matching, and at every third step the distance of futures from an expert's forecasts (CondTSF, 2024).

    At step t, counted from 0, where t + 1 is a multiple of `every`,

        loss = 1/2 sum over times p that a window has in its future of (s_p - mean over those windows of f(past)_p)^2

    f is an expert at the end of its training, drawn anew, and what it says is taken as given; at other steps the loss
    is that of `around`. A plain gradient step of length b down it is the relaxation s <- (1 - b) s + b f of its
    source, in the mean over the windows that a time lies in: the optimizer `taking-turns` makes these steps plain. It
    takes the items for the windows of one series, as `windows` renders them. Raises InputError for a task that has no
    recording, and where an expert has not been trained.
    """

    around: Trajectory = field(default_factory=lambda: Trajectory(augment=None))
    """The trajectory matching of the other steps, and the experts of all."""
    every: int = 3
    """How often futures are drawn: 1 is always."""

    def __post_init__(self) -> None:
        at_least(self, 1, "every")

    def init(self, problem: Problem, key: Key) -> Tree:
        """The number of steps taken; InputError where an expert has not been trained."""
        recording_of(problem.task, ASKS)
        return self.around.init(problem, key)

    def loss(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Float[Tensor, ""]:
        """The distance of futures from forecasts, where their turn is, else that of trajectories."""
        if (int(state["step"]) + 1) % self.every:
            return self.around.loss(state, problem, synthetic, key)
        experts = self.around.experts
        number = int(key.fold("expert").integers(experts.count))
        return self.unlikely(problem, synthetic, experts.snapshot(problem, number, experts.epochs))

    def unlikely(self, problem: Problem, synthetic: Synthetic, expert: Tree) -> Float[Tensor, ""]:
        """Half the squared distance of a series from what an expert forecasts of it, where it forecasts anything."""
        recording, batch = recording_of(problem.task, ASKS), synthetic.batch
        series = recording.joined(Windows(batch.inputs, batch.targets))
        with torch.no_grad():
            said = problem.network.apply(expert, batch.inputs).outputs.unflatten(0, (-1, recording.channels))
            forecast = recording.mean_at(said, recording.lookback, series.shape[1])
        off = series[:, recording.lookback :] - forecast[:, recording.lookback :]
        return off.square().sum() / 2

    def advance(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Tree:
        """One more step is taken."""
        return self.around.advance(state, problem, synthetic, key)
