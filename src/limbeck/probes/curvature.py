"""How sharply the losses of the set and of real data curve, where training goes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from limbeck.computations import HessianTrace, Spectrum, Training, path, real_trajectory
from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.core.findings import Fact, Finding, Table
from limbeck.learn.spectra import Quadrature, smoothed
from limbeck.learn.traces import Trace
from limbeck.probes.contract import AbstractProbe, expect
from limbeck.statistics.estimates import estimate

SMALL, LARGE = 0.3, 0.5
"""Up to which share of its peak a trace has fallen flat, and from which it has not. In Yang et al. (ICML 2024, figure
6) the shares are 0.10 and 0.15 for sets that hold early training, 0.51 and 0.63 for those that hold little of any."""
NEGLIGIBLE = 0.01
"""The share of the largest eigenvalue up to which a negative one is counted as zero."""
PLACES = ("start", "peak", "end")


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

    def __post_init__(self) -> None:
        expect(self, 1, "every", "stride", "images", "most", "starts", "iterations")
        expect(self, 0, "relative", "floor")

    def _trainings(self) -> tuple[Training, Training]:
        return real_trajectory(0, self.every), path(self.every)

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
        ours, theirs = (_shape(loss, steps, curves["real", loss]) for loss in ("set", "real"))
        below = _falls_below(steps, curves["real", "set"], curves["real", "real"])
        spectra = {
            (loss, place): _Place.of(context, each)
            for loss, images in (("set", 0), ("real", self.images))
            for place, each in zip(PLACES, self._spectra(images), strict=True)
        }
        negative = [
            _negative(f"negative share of the curvature of the loss on {loss} at the end of training on the set", found)
            for loss, found in (("set", spectra["set", "end"]), ("real", spectra["real", "end"]))
        ]
        verdict, tone = _verdict(ours, theirs, negative[1], spectra["real", "end"])
        values = [each.value for curve in curves.values() for each in curve]
        if not all(map(math.isfinite, values)):
            verdict, tone = "its curvature cannot be told: training or its loss runs out of the numbers", "unknown"
        crossing = () if below is None else (Fact.once("step of real training where the set's falls below", below),)
        return Finding(
            probe="curvature",
            set=context.name,
            question=self.question,
            verdict=verdict,
            tone=tone,
            facts=(*ours, *theirs, *crossing, *negative),
            tables=(*(_curve(where, steps, curves) for where in ("real", "set")), *_tables(spectra, self.ends)),
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
        _ratio(name, end, peak, at == len(curve) - 1),
    )


def _ranked(value: float) -> float:
    return value if math.isfinite(value) else -math.inf


def _ratio(name: str, end: Fact, peak: Fact, same: bool) -> Fact:
    """The ratio of two independent estimates, with its interval to first order; 1 where both are one."""
    if same or not peak.value > 0:
        return Fact.once(name, 1.0)
    ratio = end.value / peak.value
    half = ((end.high - end.value) ** 2 + (ratio * (peak.high - peak.value)) ** 2) ** 0.5 / peak.value
    return Fact(name, ratio, ratio - half, ratio + half, min(end.n, peak.n))


def _falls_below(steps: tuple[int, ...], ours: list[Trace], theirs: list[Trace]) -> float | None:
    """Where, after its peak, the first curve falls below the second, by straight lines; None where it does not."""
    peak = max(range(len(ours)), key=lambda index: _ranked(ours[index].value))
    apart = [one.value - other.value for one, other in zip(ours, theirs, strict=True)]
    for index in range(peak + 1, len(steps)):
        before, after = apart[index - 1], apart[index]
        if before > 0 >= after:
            return steps[index - 1] + before / (before - after) * (steps[index] - steps[index - 1])
    return None


class _Place(NamedTuple):
    """A spectrum and the step it is of."""

    found: Quadrature
    step: int

    @classmethod
    def of(cls, context: ProbeContext, spectrum: Spectrum) -> _Place:
        outcome = context.outcome(spectrum)
        return cls(Quadrature(*(outcome[name] for name in Quadrature._fields)), int(outcome["step"]))


def _negative(name: str, place: _Place) -> Fact:
    """Sum of |t| w over nodes t < -1 % of the largest |t|, over the sum of |t| w over all."""
    nodes, weights, _ = place.found
    sizes = weights * nodes.abs()
    counted = sizes * (nodes < -NEGLIGIBLE * nodes.abs().max())
    shares = counted.sum(1) / sizes.sum(1).clamp_min(1e-300)
    return estimate(name, shares.tolist())


def _verdict(
    ours: tuple[Fact, Fact, Fact], theirs: tuple[Fact, Fact, Fact], negative: Fact, place: _Place
) -> tuple[str, str]:
    step, peak, left = ours
    ends = place.found.ends(1)[:, 0].tolist()
    sharp = (
        f"; where training on it ends, the Hessian on real images has eigenvalues from {ends[0]:.0f} to "
        f"{ends[-1]:.0f}, {100 * negative.value:.0f} % of their sizes negative"
    )
    if not peak.low > 0:
        return f"its curvature cannot be told from zero anywhere in real training{sharp}", "unknown"
    where = f"its curvature peaks at step {step.value:.0f} of real training (trace {peak.value:.0f})"
    compared = f"(real data keep {100 * theirs[2].value:.0f} %)"
    if left.high < SMALL:
        told = f"and falls to {100 * left.value:.0f} % of that {compared}: it holds little that is learned later"
    elif left.low > LARGE:
        told = (
            f"and keeps {100 * left.value:.0f} % of that to the end {compared}: training on it goes on to move a model"
        )
    else:
        told = f"and falls to {100 * left.value:.0f} % of that {compared}"
    return f"{where} {told}{sharp}", "note"


def _curve(where: str, steps: tuple[int, ...], curves: dict[tuple[str, str], list[Trace]]) -> Table:
    rows = []
    for index, step in enumerate(steps):
        pair = [curves[where, loss][index] for loss in ("set", "real")]
        rows.append((step, *(value for found in pair for value in (found.value, found.error, found.products))))
    columns = ("step", "set", "error", "products", "real", "real error", "real products")
    name = "all real data" if where == "real" else "the set"
    caption = f"trace of the Hessian, its standard error and the products taken, along training on {name}"
    return Table(f"traces along {where}", columns, tuple(rows), caption)


def _tables(spectra: dict[tuple[str, str], _Place], count: int) -> tuple[Table, Table]:
    bumps: list[tuple[str, str, int, float, float]] = []
    ends: list[tuple[str, str, int, float, float]] = []
    for (loss, place), (found, step) in spectra.items():
        grid, density = smoothed(found, points=256)
        bumps += [(loss, place, step, *pair) for pair in zip(grid.tolist(), density.tolist(), strict=True)]
        ends += [(loss, place, step, value, bound) for value, bound in found.ends(count).tolist()]
    caption = "density of the eigenvalues along training on the set, smoothed by normal bumps of 1 % of their range"
    bounded = f"the {count} smallest and largest found, and within what of an eigenvalue each is"
    return (
        Table("spectra", ("loss", "place", "step", "eigenvalue", "density"), tuple(bumps), caption),
        Table("extremes", ("loss", "place", "step", "eigenvalue", "within"), tuple(ends), bounded),
    )
