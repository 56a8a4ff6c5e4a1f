"""What a distilled set is equivalent to: the real examples, and the real training, that it stands in for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

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
from limbeck.probes.contract import AbstractProbe
from limbeck.probes.tables.substitution import (
    ACCURACY,
    IMAGES,
    STEPS,
    DensityRow,
    RangeRow,
    RealImagesRow,
    RealStepsRow,
    range_of_images,
    range_of_steps,
    reached,
)
from limbeck.probes.verdicts.substitution import ON_DATA, OVER, Curve, Worth, equivalent, verdict, worth
from limbeck.statistics.chance import Chance
from limbeck.statistics.estimates import SHARE, difference, estimate

AS_IT_IS, IN_RANGE, IN_8_BITS = Mixture(), Mixture(clipped=True), Mixture(levels=256)
"""The set, and what is left of it where it is stored in other ways."""
BINS = 64


@dataclass(frozen=True)
class Substitution(AbstractProbe):
    """The accuracy that the set gives, the real examples and steps that give the same, and its raw values.

    Seed m of the learners trained on the set is held against seed m of those trained on each of `sizes` random real
    images of every class (and on as many as the set has), and of the trajectories on all real data: where the curve
    first reaches its accuracy, by straight lines between the points, is one measurement of what the set is equivalent
    to. It is bounded by what was measured. Of each of `controls` further draws of as many random real examples the same
    is asked: they should come out as worth their own number.

    Three numbers decide, all at once by Bonferroni: how far the set lies from what one more draw of as many real
    examples would come to (`unlike`), and, by Student's interval of paired differences, what accuracy is lost where its
    raw values are clipped to where real ones are, and where they are rounded to 256 levels over their own range, which
    is what 8 bits hold. There is nothing to find where the set is one more draw, and where neither changes anything;
    nothing is claimed of a set that teaches nothing. Yang et al. (ICML 2024), figure 3 left and the text beside it.
    """

    sizes: tuple[int, ...] = (1, 2, 5, 10, 12, 20, 60, 260)
    """Real examples of each class that the set is held against."""
    repeats: int = 5
    trajectories: int = 3
    """Trainings on all real data that it is held against."""
    every: int = 10
    """Steps between two readings of a training, at its beginning."""
    controls: int = 10

    question = "How many real examples is the set equivalent to?"
    tables = (RealImagesRow, RealStepsRow, RangeRow, DensityRow)
    by_accuracy = True

    def __post_init__(self) -> None:
        at_least(self, 1, "sizes", "repeats", "trajectories", "every")
        at_least(self, 0, "controls")

    def _of_set(self, on: Mixture = AS_IT_IS) -> list[Training]:
        return [Training(on, seed) for seed in range(self.repeats)]

    def _of_real(self, size: int) -> list[Training]:
        return [Training(Mixture((), size, shuffle=seed), seed) for seed in range(self.repeats)]

    def _trajectories(self) -> list[Training]:
        return [real_trajectory(seed, self.every) for seed in range(min(self.trajectories, self.repeats))]

    def with_draws(self, draws: int) -> Substitution:
        """The same with so many seeds, and in proportion as many controls."""
        return replace(self, repeats=draws, controls=math.ceil(self.controls * draws / self.repeats))

    def _of_controls(self) -> list[Training]:
        """The learner of each control: the draw of that number, trained on by the seed of that number."""
        return [Training(AS_IT_IS, seed) for seed in range(self.controls)]

    def _sizes(self, context: ProbeContext) -> list[int]:
        return sorted({*self.sizes, context.distilled.per_class})

    def computations(self, context: ProbeContext) -> tuple[AbstractComputation, ...]:
        """Learners of the set as it is, clipped and in 8 bits, of real subsets, and of all real data."""
        if context.draw is not None:
            return tuple(self._of_controls()[context.draw : context.draw + 1])
        subsets = [each for size in self._sizes(context) for each in self._of_real(size)]
        return (*self._of_set(), *self._of_set(IN_RANGE), *self._of_set(IN_8_BITS), *subsets, *self._trajectories())

    def find(self, context: ProbeContext) -> Finding:
        """The equivalents in images and in steps, the range of raw values and what clipping and rounding cost."""
        ours, clipped, stored = (accuracies(context, self._of_set(on)) for on in (AS_IT_IS, IN_RANGE, IN_8_BITS))
        curve = {size: accuracies(context, self._of_real(size)) for size in self._sizes(context)}
        images, steps = self._of_images(curve), self._of_steps(context)
        as_many, per_class = curve[context.distilled.per_class], context.distilled.per_class
        drawn = [accuracies(context.control(draw), [each])[0] for draw, each in enumerate(self._of_controls())]
        found = worth(ours, clipped, stored, as_many + drawn, images, steps, context.level)
        chance = Chance.of(context.examples.classes)
        outside, ranges, density = _raw_values(context)
        return self.finding(
            context,
            verdict(found, ours, chance, context.level, per_class, images.ends, steps.ends),
            (*found, Fact.once("share of values outside", outside)),
            tables=(*self._curves(context, curve, steps, found), ranges, density),
            control=self._control(context, drawn, as_many, images, steps),
            method=f"{self.repeats} seeds: {DEFAULT_TRAINING}, on the set, on it clipped, on it in 256 levels between "
            "the least and the largest value of each channel, and on random real examples, drawn anew for each seed; "
            f"{len(steps.values)} trajectories on all real examples {ON_DATA} until validation accuracy levels off, "
            f"read to step {steps.at[-1]} every {self.every} steps or more; equivalents by geometric means, within "
            "what was measured; the gain over as many real examples says how far one more draw of them would lie; its "
            f"interval and those of what is lost hold at once (3 numbers); control: {self.controls} further draws of "
            "as many random real examples",
            caveats=("real examples are drawn at random: of chosen ones (see `limbeck evaluate`) fewer do as well",),
        )

    def _of_images(self, curve: dict[int, list[float]]) -> Curve:
        sizes = list(curve)
        return Curve(sizes, list(zip(*curve.values(), strict=True)), range_of_images(sizes))

    def _of_steps(self, context: ProbeContext) -> Curve:
        """The trajectories up to where the first of them ends, so that all are measured as far."""
        steps = min((each.steps(context) for each in self._trajectories()), key=len)
        values = [context.outcome(each, "accuracy").tolist()[: len(steps)] for each in self._trajectories()]
        return Curve(steps, values, range_of_steps(steps))

    def _control(
        self, context: ProbeContext, drawn: list[float], as_many: list[float], images: Curve, steps: Curve
    ) -> tuple[Fact, ...]:
        """What the learners of as many random real examples come to, draw by draw."""
        if not drawn:
            return ()
        return (
            estimate(ACCURACY, drawn, context.level, SHARE),
            equivalent(IMAGES, drawn, images, context.level),
            equivalent(STEPS, drawn, steps, context.level),
            difference(OVER, drawn, as_many, context.level),
        )

    def _curves(
        self, context: ProbeContext, curve: dict[int, list[float]], steps: Curve, found: Worth
    ) -> tuple[Table, Table]:
        def interval(values: Sequence[float]) -> tuple[float, float, float]:
            mean = estimate("", values, context.level, SHARE)
            return mean.value, mean.low, mean.high

        images = [RealImagesRow(size, *interval(values)) for size, values in curve.items()]
        reads = zip(steps.at, zip(*steps.values, strict=True), strict=True)
        of_set = f"the set: {found.accuracy.value:.4f}, which"
        many = reached(found.images.value, range_of_images(list(curve)))
        long = reached(found.steps.value, steps.ends)
        captions = (
            f"mean and 95 % interval over {self.repeats} seeds; {of_set} {many} per class come to",
            f"mean and 95 % interval over {len(steps.values)} trajectories; {of_set} {long} steps come to",
        )
        return (
            RealImagesRow.table(images, captions[0]),
            RealStepsRow.table([RealStepsRow(step, *interval(values)) for step, values in reads], captions[1]),
        )


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
