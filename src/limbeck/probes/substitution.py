"""What a distilled set is equivalent to: the real images, and the real training, that it stands in for."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from limbeck.computations import Mixture, Training, real_trajectory
from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.computations.sources import real
from limbeck.computations.training import DEFAULT_TRAINING, accuracies
from limbeck.core import tree
from limbeck.core.expect import at_least
from limbeck.core.findings import Fact, Finding, Table
from limbeck.core.tree import Tree
from limbeck.core.units import per_cent, percent, points
from limbeck.probes.contract import AbstractProbe
from limbeck.probes.tables.substitution import (
    ACCURACY,
    IMAGES,
    STEPS,
    DensityRow,
    RangeRow,
    RealImagesRow,
    RealStepsRow,
)
from limbeck.statistics.estimates import crossing, estimate, geometric_mean

BINS = 64


@dataclass(frozen=True)
class Substitution(AbstractProbe):
    """The accuracy that the set gives, the real images and steps that give the same, and its raw values.

    Seed m of the learners trained on the set is held against seed m of those trained on each of `sizes` random real
    images of every class, and on all real data: where the curve first reaches its accuracy, by straight lines between
    the points, is one measurement of what the set is equivalent to. Clipping its raw values into [0, 1], where real
    ones are, and training again shows how much of it lies outside. Yang et al. (ICML 2024), figure 3 left and the text
    beside it.
    """

    sizes: tuple[int, ...] = (1, 2, 5, 10, 12, 20, 60, 260)
    repeats: int = 5
    trajectories: int = 3
    every: int = 10

    question = "How many real images is the set equivalent to?"
    tables = (RealImagesRow, RealStepsRow, RangeRow, DensityRow)
    by_accuracy = True

    def __post_init__(self) -> None:
        at_least(self, 1, "sizes", "repeats", "trajectories", "every")

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
        """The equivalents in images and in steps, the range of raw values and what clipping costs."""
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
        lost = estimate("test accuracy lost by clipping", [a - b for a, b in zip(ours, clipped, strict=True)])
        outside, ranges, density = _raw_values(context)
        equivalents = (_equivalent(IMAGES, images), _equivalent(STEPS, steps))
        accuracy = estimate(ACCURACY, ours)
        verdict = _verdict(accuracy, equivalents, (self.sizes[-1], self._trajectories()[0].protocol.steps), lost)
        facts = (accuracy, *(each for each in equivalents if each), lost, Fact.once("share of values outside", outside))
        return Finding(
            probe="substitution",
            set=context.name,
            question=self.question,
            verdict=verdict,
            tone="note",
            facts=facts,
            tables=(*self._curves(curve, trajectories, accuracy), ranges, density),
            method=f"{self.repeats} seeds: {DEFAULT_TRAINING}, on the set, on it clipped, and on random real images; "
            f"{self.trajectories} trajectories of 300 steps on all real images in batches of 256, read every "
            f"{self.every} steps; "
            "equivalents by geometric means",
            caveats=("real images are drawn at random: of chosen ones (see `limbeck evaluate`) fewer do as well",),
        )

    def _curves(
        self, curve: dict[int, list[float]], trajectories: list[list[float]], of_set: Fact
    ) -> tuple[Table, Table]:
        seeds = f"mean and 95 % interval over {self.repeats} seeds; the set: {of_set.value:.4f}"
        images = [RealImagesRow(size, *estimate("", found)[1:4]) for size, found in curve.items()]
        reads = zip(self._trajectories()[0].reads, zip(*trajectories, strict=True), strict=True)
        steps = [RealStepsRow(step, *estimate("", found)[1:4]) for step, found in reads]
        of_steps = f"mean and 95 % interval over {len(trajectories)} trajectories"
        return RealImagesRow.table(images, seeds), RealStepsRow.table(steps, of_steps)


def _equivalent(name: str, measured: list[float]) -> Fact | None:
    """What the measured curves give; nothing where one of them never gets there."""
    return None if max(measured) == float("inf") else geometric_mean(name, measured)


def _verdict(accuracy: Fact, equivalents: tuple[Fact | None, Fact | None], most: tuple[int, int], lost: Fact) -> str:
    images, steps = (_number(*pair) for pair in zip(equivalents, most, strict=True))
    spread = f", {per_cent(accuracy.low)} to {per_cent(accuracy.high)}" if accuracy.n > 1 else ""
    verdict = (
        f"Equivalent to {images} random real images per class, or {steps} steps of training on all real images (test "
        f"accuracy {percent(accuracy.value)}{spread})."
    )
    if lost.low > 0:
        verdict += f" Do not clip it or store it as 8-bit images: that costs {points(lost.value)}."
    return verdict


def _number(equivalent: Fact | None, most: int) -> str:
    if equivalent is None:
        return f"more than {most}"
    spread = f" ({equivalent.low:.0f} to {equivalent.high:.0f})" if equivalent.n > 1 else ""
    return f"{equivalent.value:.0f}{spread}"


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
        RangeRow(channel, float(a.min()), float(a.max()), float(b.min()), float(b.max()))
        for channel, (a, b) in enumerate(zip(ours, theirs, strict=True))
    ]
    whole, others = torch.cat(ours), torch.cat(theirs)
    edges = torch.linspace(min(float(whole.min()), 0.0), max(float(whole.max()), 1.0) + 1e-6, BINS + 1)
    densities = [torch.histogram(values, edges, density=True).hist.tolist() for values in (whole, others)]
    density = zip(edges[:-1].tolist(), edges[1:].tolist(), *densities, strict=True)
    return outside, RangeRow.table(ranges), DensityRow.table(DensityRow(*each) for each in density)
