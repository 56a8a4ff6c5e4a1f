"""How sharply the losses of the set and of real data curve, where training goes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from limbeck.computations import HessianTrace, Spectrum, Training, path, real_trajectory
from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.core.expect import at_least
from limbeck.core.findings import Fact, Finding, Table
from limbeck.core.units import percent
from limbeck.learn.spectra import Quadrature, smoothed
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
    TraceRow,
)
from limbeck.statistics.curves import falls_below
from limbeck.statistics.estimates import estimate, ratio

SMALL, LARGE = 0.3, 0.5
"""Up to which share of its peak a trace has fallen flat, and from which it has not. In Yang et al. (ICML 2024, figure
6) the shares are 0.10 and 0.15 for sets that hold early training, 0.51 and 0.63 for those that hold little of any."""
NEGLIGIBLE = 0.01
"""The share of the largest eigenvalue up to which a negative one is counted as zero."""
STAGES = (START, PEAK, END)


@dataclass(frozen=True)
class Curvature(AbstractProbe):
    """The Hessian of the mean loss on the set and on real images, along training on all real data and on the set.

    Traces at every `stride` steps, by XTrace to a stated standard error (Yang et al., ICML 2024, figure 6, and
    appendix A, figures 13 and 14; there by Hutchinson's estimate, stopped when its running mean moves by less than
    0.1 %, and smoothed along the steps by weights of 0.9; here nothing is smoothed). Spectra, with the ends of them,
    along training on the set, at its start, at the step where the trace on the set is largest, and at its end. That
    step is found from the traces before the spectrum there is measured. `images` real training images of every class
    stand for all. Networks that normalise by statistics of the batch do so here, as in training.
    """

    every: int = 10
    stride: int = 20
    images: int = 100
    relative: float = 0.05
    floor: float = 10.0
    most: int = 100
    starts: int = 3
    iterations: int = 60
    ends: int = 5

    question = "When in training does the set have something to teach?"
    tables = (RealTraceRow, SetTraceRow, SpectrumRow, ExtremeRow)

    def __post_init__(self) -> None:
        at_least(self, 1, "every", "stride", "images", "most", "starts", "iterations")
        at_least(self, 0, "relative", "floor")

    def _trainings(self) -> tuple[Training, Training]:
        return real_trajectory(0, self.every), path(0, self.every)

    def _steps(self) -> tuple[int, ...]:
        stops = self._trainings()[0].keeps
        # The last step is always among them, and stride is made up of kept steps.
        return tuple(sorted({*(stop for stop in stops if stop % self.stride == 0), stops[-1]}))

    def _trace(self, training: Training, step: int, images: int) -> HessianTrace:
        return HessianTrace(training, step, images, self.relative, self.floor, most=self.most)

    def _traces(self, training: Training, images: int) -> tuple[HessianTrace, ...]:
        return tuple(self._trace(training, step, images) for step in self._steps())

    def _spectra(self, images: int) -> tuple[Spectrum, Spectrum, Spectrum]:
        steps, trace = self._steps(), self._trace(self._trainings()[1], 0, 0)
        rest = (trace, images, self.starts, self.iterations)
        return Spectrum(steps[:1], *rest), Spectrum(steps, *rest), Spectrum(steps[-1:], *rest)

    def computations(self, context: ProbeContext) -> tuple[AbstractComputation, ...]:
        """Four curves of traces, and six spectra."""
        losses = (0, self.images)
        traces = [each for one in self._trainings() for images in losses for each in self._traces(one, images)]
        return (*traces, *(each for images in losses for each in self._spectra(images)))

    def find(self, context: ProbeContext) -> Finding:
        """Where the curvature of the set peaks, what is left of it in the end, and the spectra."""
        steps = self._steps()
        on_real, on_set = self._trainings()
        curves = {
            (where, loss): [each.found(context) for each in self._traces(training, images)]
            for where, training in (("real", on_real), ("set", on_set))
            for loss, images in (("set", 0), ("real", self.images))
        }
        ours, theirs = (_shape(loss, steps, curves["real", loss]) for loss in (SET, REAL))
        below = falls_below(steps, *([each.value for each in curves["real", loss]] for loss in (SET, REAL)))
        spectra = {
            (loss, stage): _Measured.of(context, each)
            for loss, images in (("set", 0), ("real", self.images))
            for stage, each in zip(STAGES, self._spectra(images), strict=True)
        }
        negative = [
            _negative(f"negative share of the curvature of the loss on {loss} at the end of training on the set", found)
            for loss, found in (("set", spectra["set", "end"]), ("real", spectra["real", "end"]))
        ]
        verdict, tone = _verdict(ours, theirs, negative[1], spectra["real", "end"])
        values = [each.value for curve in curves.values() for each in curve]
        if not all(map(math.isfinite, values)):
            verdict, tone = "Not known: training diverges, so that its curvature is not finite.", "unknown"
        crossing = () if below is None else (Fact.once("step of real training where the set's falls below", below),)
        return Finding(
            probe="curvature",
            set=context.name,
            question=self.question,
            verdict=verdict,
            tone=tone,
            facts=(*ours, *theirs, *crossing, *negative),
            tables=(
                RealTraceRow.table(_traces(RealTraceRow, steps, curves["real", SET], curves["real", REAL])),
                SetTraceRow.table(_traces(SetTraceRow, steps, curves["set", SET], curves["set", REAL])),
                *_tables(spectra, self.ends),
            ),
            method=f"Hessian of the mean loss in all parameters, on the set and on {self.images} real training images "
            f"of every class, every {self.stride} steps; XTrace to a standard error of {self.relative:.0%} or"
            f" {self.floor:g} in at most {self.most} products, not smoothed; spectra by {self.starts} starts of "
            f"{self.iterations} Lanczos steps, and their ends from those",
            caveats=(
                "one training of each kind; intervals are of the estimates, not of the choice of real images or start",
                "the peak is that of the steps measured, and the largest of noisy values is a little too large",
            ),
        )


def _shape(loss: str, steps: tuple[int, ...], curve: list[Trace]) -> tuple[Fact, Fact, Fact]:
    """The step of the largest trace, the trace there, and the last one over it."""
    at = max(range(len(curve)), key=lambda index: _ranked(curve[index].value))
    peak, end = curve[at].fact(f"peak of the trace on {loss}"), curve[-1].fact("")
    name = f"end over peak of the trace on {loss}"
    return (
        Fact.once(f"step of the peak on {loss}", float(steps[at])),
        peak,
        Fact.once(name, 1.0) if at == len(curve) - 1 or not peak.value > 0 else ratio(name, end, peak),
    )


def _ranked(value: float) -> float:
    return value if math.isfinite(value) else -math.inf


class _Measured(NamedTuple):
    """A spectrum and the step it is of."""

    found: Quadrature
    step: int

    @classmethod
    def of(cls, context: ProbeContext, spectrum: Spectrum) -> _Measured:
        outcome = context.outcome(spectrum)
        return cls(Quadrature(*(outcome[name] for name in Quadrature._fields)), int(outcome["step"]))


def _negative(name: str, measured: _Measured) -> Fact:
    """Sum of |t| w over nodes t < -1 % of the largest |t|, over the sum of |t| w over all."""
    nodes, weights, _ = measured.found
    sizes = weights * nodes.abs()
    counted = sizes * (nodes < -NEGLIGIBLE * nodes.abs().max())
    shares = counted.sum(1) / sizes.sum(1).clamp_min(1e-300)
    return estimate(name, shares.tolist())


def _verdict(
    ours: tuple[Fact, Fact, Fact], theirs: tuple[Fact, Fact, Fact], negative: Fact, measured: _Measured
) -> tuple[str, str]:
    step, peak, left = ours
    ends = measured.found.ends(1)[:, 0].tolist()
    sharp = (
        f"Where training on the set ends, the Hessian on real images has eigenvalues from {ends[0]:.0f} to "
        f"{ends[-1]:.0f}; {percent(negative.value, 0)} of their sizes are negative."
    )
    if not peak.low > 0:
        why = "its curvature is not significantly different from zero in real training"
        return f"Inconclusive: {why}. {sharp}", "unknown"
    where = (
        f"Its curvature peaks at step {step.value:.0f} of real training (trace {peak.value:.0f}, {peak.low:.0f} to "
        f"{peak.high:.0f})"
    )
    compared = f"{percent(left.value, 0)} of that (real data keep {percent(theirs[2].value, 0)})"
    if left.high < SMALL:
        rest = f"and falls to {compared}. It holds little that is learned later."
    elif left.low > LARGE:
        rest = f"and keeps {compared} to the end. Training on it goes on to move a model."
    else:
        rest = f"and falls to {compared}."
    return f"{where} {rest} {sharp}", "note"


TraceRows = TypeVar("TraceRows", bound=TraceRow)


def _traces(
    kind: type[TraceRows], steps: tuple[int, ...], of_set: list[Trace], of_real: list[Trace]
) -> list[TraceRows]:
    return [
        kind(step, ours.value, ours.error, ours.products, real.value, real.error, real.products)
        for step, ours, real in zip(steps, of_set, of_real, strict=True)
    ]


def _tables(spectra: dict[tuple[str, str], _Measured], count: int) -> tuple[Table, Table]:
    bumps: list[SpectrumRow] = []
    ends: list[ExtremeRow] = []
    for (loss, stage), (found, step) in spectra.items():
        grid, density = smoothed(found, points=256)
        pairs = zip(grid.tolist(), density.tolist(), strict=True)
        bumps += [SpectrumRow(loss, stage, step, *pair) for pair in pairs]
        ends += [ExtremeRow(loss, stage, step, value, bound) for value, bound in found.ends(count).tolist()]
    return SpectrumRow.table(bumps), ExtremeRow.table(ends)
