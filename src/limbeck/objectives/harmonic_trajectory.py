"""A series that trains as stretches of the real one do, and has their strongest frequencies."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractObjective, Batch, Problem, Synthetic
from limbeck.core.expect import at_least
from limbeck.core.key import Key
from limbeck.core.placing import onto
from limbeck.core.tree import Tree
from limbeck.learn.compiled import training_loss
from limbeck.learn.fourier import amplitudes
from limbeck.learn.unroll import advance, initial_state, rows_of_view, unroll
from limbeck.learn.windows import Windows, recording_of
from limbeck.objectives.trajectory import squared_distance

ASKS = "objective harmonic-trajectory"


@dataclass(frozen=True)
class HarmonicTrajectory(AbstractObjective):
    """Where training on the windows of a series leads, beside a real stretch, and how strong its frequencies are.

    loss = || theta_S - theta_X ||^2 / || theta - theta_X ||^2 + harmonic || (|F_X| - |F_S|) on H ||

    X is a stretch of the real series as long as the set's, and theta a fresh network, both drawn anew at each step;
    theta_S and theta_X are where the set's schedule takes theta on the windows of the set and of X. |F| are the
    amplitudes of the orthonormal Fourier transform of each channel, H the `top` frequencies that are strongest in X, in
    each channel (HDT, AAAI 2026). By Wiener and Khinchin, what is near in amplitudes is near in autocorrelation. It
    takes the items for the windows of one series, as `windows` renders them; the gradient is exact. Raises InputError
    for a task that has no recording.
    """

    harmonic: float = 0.1
    """How much amplitudes count."""
    top: int = 32
    """How many frequencies of each channel are compared; more than there are: all."""

    def __post_init__(self) -> None:
        at_least(self, 0, "harmonic")
        at_least(self, 1, "top")

    def init(self, problem: Problem, key: Key) -> Tree:
        """Nothing is kept; InputError for a task without a recording."""
        recording_of(problem.task, ASKS)
        return {}

    def loss(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Float[Tensor, ""]:
        """The share of the distance that is left, and the difference of amplitudes."""
        recording, schedule = recording_of(problem.task, ASKS), synthetic.schedule
        series = recording.joined(Windows(synthetic.batch.inputs, synthetic.batch.targets))
        real = onto(recording.stretch(series.shape[1], key.fold("stretch")), series.device)
        past, future = recording.cut(real)
        batch = Batch(past, future, torch.zeros(len(past), dtype=torch.int64))
        network = tree.move(problem.network.init(key.fold("network")), problem.device)
        start, loss = initial_state(network, schedule.rule), training_loss(problem.trained_by(schedule))
        aim = advance(loss, start, batch, schedule).params
        end = unroll(loss, start, synthetic.source, schedule, view=rows_of_view(problem.task, synthetic)).params
        apart = squared_distance(end, aim) / squared_distance(network, aim)
        return apart + self.harmonic * self.off(real, series)

    def off(self, real: Float[Tensor, "channel time"], series: Float[Tensor, "channel time"]) -> Float[Tensor, ""]:
        """How far the amplitudes of a series are from those of a real one, at the strongest of each of its channels."""
        strong, ours = amplitudes(real), amplitudes(series)
        found = strong.topk(min(self.top, strong.shape[1]), dim=1)
        return torch.linalg.vector_norm(found.values - ours.gather(1, found.indices))

    def advance(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Tree:
        """As it was."""
        return state
