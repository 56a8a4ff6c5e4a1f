"""How sharply the losses of the set and of real data curve, where training goes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from limbeck.computations import HessianTrace, Spectrum, Training, path, real_trajectory
from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.computations.curvature import spread
from limbeck.core.expect import at_least
from limbeck.core.findings import Fact, Finding, Table
from limbeck.learn.spectra import Quadrature, negative_share, smoothed
from limbeck.learn.traces import Trace
from limbeck.probes.contract import AbstractProbe
from limbeck.probes.tables.curvature import (
    END,
    PEAK,
    REAL,
    SET,
    START,
    ExtremeRow,
    RealTraceRow,
    SetTraceRow,
    SpectrumRow,
)
from limbeck.probes.verdicts.curvature import Start, control, facts, sharpness, verdict
from limbeck.statistics.curves import falls_below
from limbeck.statistics.estimates import SHARE, estimate, geometric_mean
from limbeck.statistics.extremes import fall

STAGES = (START, PEAK, END)
NEGATIVE = "negative share of the curvature of the loss on {} at the end of training on the set"
BELOW = "step of real training where the set's falls below"


@dataclass(frozen=True)
class Curvature(AbstractProbe):
    """The Hessian of the mean loss on the set and on real examples, along training on all real data and on the set.

    Traces along trainings on all real data until they level off, each from a start of its own, at about `places` steps
    in every tenfold of steps, by XTrace to a stated standard error (Yang et al., ICML 2024, figure 6; there along 300
    steps of one training, by Hutchinson's estimate, stopped when its running mean moves by less than 0.1 %, and
    smoothed along the steps by weights of 0.9; here nothing is smoothed). `images` real training examples of every
    class stand for all.

    Decided is whether the curvature on the set falls further from its peak, or less far, than that of as many random
    real examples: the null is that the set is one more draw of those. The number is how many times the trace is halved
    from its peak to the end, less the same of real examples in the same training; the set's, over starts, is held
    against a predictive interval of the controls, one drawn anew for each start (`limbeck.probes.verdicts.curvature`).

    Described is training on the set (appendix A, figures 13 and 14): traces, and spectra with their ends at its start,
    where the trace on the set is largest, and at its end, of one training; and the share of the curvature on real
    images that is negative where it ends, over trainings of the set and of the controls. Networks that normalise by
    statistics of the batch do so here, as in training.
    """

    every: int = 10
    """Steps between two readings of a training, at its beginning."""
    places: int = 5
    """Steps that are measured in every tenfold of steps."""
    images: int = 100
    """Real training examples of each class."""
    relative: float = 0.05
    """The relative standard error of a trace that is enough."""
    floor: float = 10.0
    """The standard error that is enough of any trace."""
    most: int = 100
    """Products with the Hessian for a trace, at most."""
    starts: int = 3
    """Random starts of a spectrum."""
    iterations: int = 60
    """Lanczos steps of each start."""
    ends: int = 5
    """Eigenvalues listed at each end of a spectrum."""
    repeats: int = 3

    question = "When in training does the set have something to teach?"
    tables = (RealTraceRow, SetTraceRow, SpectrumRow, ExtremeRow)

    def __post_init__(self) -> None:
        at_least(self, 1, "every", "places", "images", "most", "starts", "iterations", "ends", "repeats")
        at_least(self, 0, "relative", "floor")

    @property
    def controls(self) -> int:  # type: ignore[override]
        """One for each start: more starts are of use only with more controls."""
        return self.repeats

    def _trajectory(self, seed: int) -> Training:
        return real_trajectory(seed, self.every)

    def _path(self, seed: int) -> Training:
        return path(seed, self.every)

    def _steps(self, context: ProbeContext, training: Training) -> tuple[int, ...]:
        return spread(training.steps(context), self.places)

    def _traces(self, context: ProbeContext, training: Training, images: int) -> tuple[HessianTrace, ...]:
        """The traces along a training that is done, of the loss on the context's set (0) or on real examples."""
        return tuple(self._trace(training, step, images) for step in self._steps(context, training))

    def _trace(self, training: Training, step: int, images: int) -> HessianTrace:
        return HessianTrace(training, step, images, self.relative, self.floor, most=self.most)

    def _end(self, seed: int, images: int) -> Spectrum:
        """The spectrum where training on the context's set ends."""
        training = self._path(seed)
        last = training.keeps[-1]
        return Spectrum((last,), self._trace(training, last, 0), images, self.starts, self.iterations)

    def _spectra(self, context: ProbeContext, images: int) -> tuple[Spectrum, Spectrum, Spectrum]:
        training = self._path(0)
        steps, end = self._steps(context, training), self._end(0, images)
        rest = (self._trace(training, 0, 0), images, self.starts, self.iterations)
        return Spectrum(steps[:1], *rest), Spectrum(steps, *rest), end

    def computations(self, context: ProbeContext) -> tuple[AbstractComputation, ...]:
        """Trajectories, then traces along each; a control has that of its number alone, the set has all of them."""
        seeds = range(self.repeats) if context.draw is None else (context.draw,)
        found: list[AbstractComputation] = [self._end(seed, self.images) for seed in seeds]
        for seed in seeds:
            found.append(self._trajectory(seed))
            if context.known(self._trajectory(seed)):
                for images in (0, self.images) if context.draw is None else (0,):
                    found += self._traces(context, self._trajectory(seed), images)
        if context.draw is None:
            for images in (0, self.images):
                found += [*self._traces(context, self._path(0), images), *self._spectra(context, images)]
        return tuple(found)

    def find(self, context: ProbeContext) -> Finding:
        """Where the curvature of the set peaks, what is left of it in the end, and the spectra."""
        trajectories = [self._curves(context, seed) for seed in range(self.repeats)]
        starts = [each.start for each in trajectories]
        spectra = {
            (loss, stage): Measured.of(context, each)
            for loss, images in ((SET, 0), (REAL, self.images))
            for stage, each in zip(STAGES, self._spectra(context, images), strict=True)
        }
        ours, theirs = (self._negative(context, controls) for controls in (False, True))
        once = float(negative_share(spectra[SET, END].found).mean())
        said = verdict(starts, context.level)
        if math.isfinite(ours.value) and math.isfinite(theirs.value):
            said = said._replace(text=f"{said.text} {sharpness(ours, theirs)}")
        below = [at for each in trajectories if (at := each.below) is not None]
        crossing = geometric_mean(BELOW, below) if len(below) == self.repeats else None
        return self.finding(
            context,
            said,
            (
                *facts(starts, context.level),
                *([] if crossing is None else [crossing]),
                ours,
                Fact.once(NEGATIVE.format(SET), once),
            ),
            control=(*control(starts, context.level), theirs),
            tables=(
                RealTraceRow.table(row for each in trajectories for row in each.rows),
                SetTraceRow.table(self._own(context)),
                *_tables(spectra, self.ends),
            ),
            method=self._method(),
            caveats=(
                "a peak is that of the steps measured, and the largest of noisy values is a little too large",
                "a trace of less than a hundredth of its peak counts as a hundredth",
                "spectra, and traces along training on the set, are of one training",
            ),
            draws="start",
        )

    def _method(self) -> str:
        return (
            f"Hessian of the mean loss in all parameters, on the set, on {self.images} real training examples of every "
            f"class, and on as many random real examples as the set has; along {self.repeats} trainings on all real "
            f"images until they level off, each from its own start, at about {self.places} steps in every tenfold; "
            f"XTrace to a standard error of {self.relative:.0%} or {self.floor:g} in at most {self.most} products, not "
            f"smoothed. Decided by one predictive interval: {self.repeats} starts of the set against {self.repeats} "
            "draws of random real examples, one for each start. Other intervals are over starts, or over trainings on "
            f"the set. Spectra by {self.starts} starts of {self.iterations} Lanczos steps, and their ends from those"
        )

    def _curves(self, context: ProbeContext, seed: int) -> Curves:
        training = self._trajectory(seed)
        ours, real, controls = (
            [each.found(about) for each in self._traces(about, training, images)]
            for about, images in ((context, 0), (context, self.images), (context.control(seed), 0))
        )
        return Curves(seed, self._steps(context, training), ours, real, controls, training.levelled(context))

    def _own(self, context: ProbeContext) -> list[SetTraceRow]:
        """The traces along training on the set."""
        training = self._path(0)
        curves = [[each.found(context) for each in self._traces(context, training, of)] for of in (0, self.images)]
        return [
            SetTraceRow(0, step, *_written(ours), *_written(real))
            for step, ours, real in zip(self._steps(context, training), *curves, strict=True)
        ]

    def _negative(self, context: ProbeContext, controls: bool) -> Fact:
        """Over trainings, each by the mean of what the starts of its spectrum say."""
        shares = [
            float(negative_share(Measured.of(about, self._end(seed, self.images)).found).mean())
            for seed in range(self.repeats)
            for about in [context.control(seed) if controls else context]
        ]
        return estimate(NEGATIVE.format(REAL), shares, context.level, SHARE)


class Curves(NamedTuple):
    """The traces along one training on all real data."""

    seed: int
    steps: tuple[int, ...]
    ours: list[Trace]
    real: list[Trace]
    controls: list[Trace]
    levelled: bool

    @property
    def start(self) -> Start:
        """What becomes of each curve."""
        ours, controls, real = (
            fall(self.steps, [each.value for each in curve], [each.error for each in curve])
            for curve in (self.ours, self.controls, self.real)
        )
        return Start(ours, controls, real, self.steps[-1], self.levelled)

    @property
    def below(self) -> float | None:
        """The step where the set's falls below that of real examples, if it does."""
        return falls_below(self.steps, *([each.value for each in curve] for curve in (self.ours, self.real)))

    @property
    def rows(self) -> list[RealTraceRow]:
        """All of it."""
        return [
            RealTraceRow(self.seed, step, *_written(ours), *_written(real), *_written(control))
            for step, ours, real, control in zip(self.steps, self.ours, self.real, self.controls, strict=True)
        ]


class Measured(NamedTuple):
    """A spectrum and the step it is of."""

    found: Quadrature
    step: int

    @classmethod
    def of(cls, context: ProbeContext, spectrum: Spectrum) -> Measured:
        """What is remembered of it."""
        outcome = context.outcome(spectrum)
        return cls(Quadrature(*(outcome[name] for name in Quadrature._fields)), int(outcome["step"]))


def _written(trace: Trace) -> tuple[float, float, int]:
    return trace.value, trace.error, trace.products


def _tables(spectra: dict[tuple[str, str], Measured], count: int) -> tuple[Table, Table]:
    bumps: list[SpectrumRow] = []
    ends: list[ExtremeRow] = []
    for (loss, stage), (found, step) in spectra.items():
        grid, density = smoothed(found, points=256)
        pairs = zip(grid.tolist(), density.tolist(), strict=True)
        bumps += [SpectrumRow(loss, stage, step, *pair) for pair in pairs]
        ends += [ExtremeRow(loss, stage, step, value, bound) for value, bound in found.ends(count).tolist()]
    return SpectrumRow.table(bumps), ExtremeRow.table(ends)
