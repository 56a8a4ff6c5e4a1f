"""What a distilled set is worth: the real images, and the real training, that it stands in for."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from limbeck.computations import Mixture, Training, real_trajectory
from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.computations.sources import real
from limbeck.computations.training import DEFAULT_TRAINING, accuracies
from limbeck.core import tree
from limbeck.core.findings import Fact, Finding, Table
from limbeck.core.tree import Tree
from limbeck.probes.contract import AbstractProbe, expect
from limbeck.statistics.estimates import crossing, estimate

BINS = 64


@dataclass(frozen=True)
class Substitution(AbstractProbe):
    """The accuracy that the set gives, the real images and steps that give the same, and its raw values.

    Member m of the learners trained on the set is held against member m of those trained on each of `sizes` random
    real images of every class, and on all real data: where the curve first reaches its accuracy, by straight
    lines between the points, is one measurement of what the set is worth. Clipping its raw values into [0, 1], where
    real ones are, and training again tells how much of it lies outside. Yang et al. (ICML 2024), figure 3 left and the
    text beside it.
    """

    sizes: tuple[int, ...] = (1, 2, 5, 10, 12, 20, 60, 260)
    repeats: int = 5
    trajectories: int = 3
    every: int = 10

    question = "What is the set worth?"

    def __post_init__(self) -> None:
        expect(self, 1, "sizes", "repeats", "trajectories", "every")

    def _of_set(self, clipped: bool = False) -> list[Training]:
        return [Training(Mixture(clipped=clipped), seed) for seed in range(self.repeats)]

    def _of_real(self, size: int) -> list[Training]:
        return [Training(Mixture((), size, shuffle=seed), seed) for seed in range(self.repeats)]

    def _trajectories(self) -> list[Training]:
        return [real_trajectory(seed, self.every) for seed in range(self.trajectories)]

    def computations(self, context: ProbeContext) -> tuple[AbstractComputation, ...]:
        """Learners of the set as it is and clipped, of real subsets, and of all real data."""
        subsets = [each for size in self.sizes for each in self._of_real(size)]
        return (*self._of_set(), *self._of_set(clipped=True), *subsets, *self._trajectories())

    def find(self, context: ProbeContext) -> Finding:
        """The worth in images and in steps, the range of raw values and what clipping costs."""
        ours, clipped = accuracies(context, self._of_set()), accuracies(context, self._of_set(clipped=True))
        curve = {size: accuracies(context, self._of_real(size)) for size in self.sizes}
        images = [
            crossing(level, self.sizes, [curve[size][seed] for size in self.sizes]) for seed, level in enumerate(ours)
        ]
        trajectories = [context.outcome(each, "accuracy").tolist() for each in self._trajectories()]
        steps = [
            crossing(level, self._trajectories()[0].reads, trajectories[seed])
            for seed, level in enumerate(ours[: len(trajectories)])
        ]
        lost = estimate("accuracy lost by clipping", [a - b for a, b in zip(ours, clipped, strict=True)])
        outside, ranges, density = _raw_values(context)
        worth = [_worth("real images per class", images), _worth("real training steps", steps)]
        accuracy = estimate("accuracy", ours)
        verdict = (
            f"worth {_said(worth[0], self.sizes[-1])} random real images per class, or "
            f"{_said(worth[1], self._trajectories()[0].protocol.steps)} steps of training on all real images "
            f"({100 * accuracy.value:.1f} % accuracy)"
        )
        if lost.low > 0:
            verdict += f"; do not clip or store it as 8-bit images: that costs {100 * lost.value:.1f} points"
        facts = (accuracy, *(each for each in worth if each), lost, Fact.once("share of values outside", outside))
        return Finding(
            probe="substitution",
            set=context.name,
            question=self.question,
            verdict=verdict,
            tone="note",
            facts=facts,
            tables=(*self._curves(curve, trajectories, accuracy), ranges, density),
            method=f"{self.repeats} members: {DEFAULT_TRAINING}, on the set, on it clipped, and on random real images; "
            f"{self.trajectories} courses of 300 steps on all real images in batches of 256, read every "
            f"{self.every} steps; "
            "what it is worth by geometric means",
            caveats=("real images are drawn at random: chosen ones (see `limbeck evaluate`) are worth more",),
        )

    def _curves(
        self, curve: dict[int, list[float]], trajectories: list[list[float]], of_set: Fact
    ) -> tuple[Table, Table]:
        caption = f"accuracy and 95 % interval over {self.repeats} members; the set: {of_set.value:.4f}"
        sizes = [(size, *estimate("", found)[1:4]) for size, found in curve.items()]
        reads = zip(self._trajectories()[0].reads, zip(*trajectories, strict=True), strict=True)
        steps = [(step, *estimate("", found)[1:4]) for step, found in reads]
        return (
            Table("real images", ("per class", "accuracy", "low", "high"), tuple(sizes), caption),
            Table("real steps", ("step", "accuracy", "low", "high"), tuple(steps), f"over {len(trajectories)} courses"),
        )


def _worth(name: str, found: list[float]) -> Fact | None:
    """What the measured curves give; nothing where one of them never gets there."""
    if max(found) == float("inf"):
        return None
    # In logarithms, since a factor is what such a curve tells, and no bound is then negative.
    log = estimate(name, [math.log(max(each, 1.0)) for each in found])
    return Fact(name, math.exp(log.value), math.exp(log.low), math.exp(log.high), log.n)


def _said(worth: Fact | None, most: int) -> str:
    if worth is None:
        return f"more than {most}"
    spread = f" ({worth.low:.0f} to {worth.high:.0f})" if worth.n > 1 else ""
    return f"{worth.value:.0f}{spread}"


def _by_channel(native: Tree) -> list[Tensor]:
    """The numbers of each channel of each leaf: of its second axis where there are more, else of all together."""
    leaves = tree.leaves(native)
    channels = [leaf.movedim(1, 0).flatten(1) if leaf.dim() > 2 else leaf.reshape(1, -1) for leaf in leaves]
    return [channel.float() for each in channels for channel in each]


def _raw_values(context: ProbeContext) -> tuple[float, Table, Table]:
    """The share of the set's values that no real data could have, the range of each channel, and their density."""
    codec = context.problem.task.codec
    native = codec.decode(context.distilled.batch.inputs)
    ours, theirs = (_by_channel(each) for each in (native, codec.decode(real(context.problem, 100, 0).inputs)))
    # Real values touch the bounds, and encoding and back rounds.
    clipped = _by_channel(codec.clip(native))
    outside = float((torch.cat(ours) - torch.cat(clipped)).abs().gt(1e-5).double().mean())
    ranges = [
        (channel, *(float(value) for values in (a, b) for value in (values.min(), values.max())))
        for channel, (a, b) in enumerate(zip(ours, theirs, strict=True))
    ]
    whole, others = torch.cat(ours), torch.cat(theirs)
    edges = torch.linspace(min(float(whole.min()), 0.0), max(float(whole.max()), 1.0) + 1e-6, BINS + 1)
    densities = [torch.histogram(values, edges, density=True).hist.tolist() for values in (whole, others)]
    density = zip(edges[:-1].tolist(), edges[1:].tolist(), *densities, strict=True)
    return (
        outside,
        Table("raw range", ("channel", "set low", "set high", "real low", "real high"), tuple(ranges), "raw values"),
        Table("raw density", ("from", "to", "set", "real"), tuple(density), "probability density of all raw values"),
    )
