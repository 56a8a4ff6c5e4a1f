"""What happens where real examples are added to a distilled set."""

from __future__ import annotations

from dataclasses import dataclass

from limbeck.computations import Mixture, Training
from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.computations.training import DEFAULT_TRAINING, accuracies
from limbeck.core.expect import at_least
from limbeck.core.findings import Fact, Finding
from limbeck.core.units import points
from limbeck.probes.contract import AbstractProbe
from limbeck.probes.tables.mixing import MixingRow
from limbeck.statistics.estimates import estimate


@dataclass(frozen=True)
class Mixing(AbstractProbe):
    """The accuracy of the set with real examples added, beside that of real examples alone.

    For each r of `added`, learners are trained on the whole set and r real examples of every class, all in one batch,
    and on as many real examples alone. Those of a larger r include those of a smaller one, and all sets get the
    same; seed m has its own real examples and initial parameters, so that differences within a seed are
    paired. Yang et al. (ICML 2024), figure 3 right: there one run a point, whose initial parameters were not shared.
    """

    added: tuple[int, ...] = (0, 2, 10, 50, 250)
    repeats: int = 3

    question = "Can real images be added to the set?"
    tables = (MixingRow,)
    by_accuracy = True

    def __post_init__(self) -> None:
        at_least(self, 1, "repeats")
        at_least(self, 0, "added")

    def _mixed(self, added: int, seed: int) -> Training:
        return Training(Mixture(real=added, shuffle=seed), seed)

    def _alone(self, context: ProbeContext, added: int, seed: int) -> Training:
        return Training(Mixture(items=(), real=context.distilled.per_class + added, shuffle=seed), seed)

    def computations(self, context: ProbeContext) -> tuple[AbstractComputation, ...]:
        """Both curves, of every seed."""
        points = [(added, seed) for added in sorted({0, *self.added}) for seed in range(self.repeats)]
        return tuple(each for point in points for each in (self._mixed(*point), self._alone(context, *point)))

    def find(self, context: ProbeContext) -> Finding:
        """The curves, their differences from the set alone, and whether to mix."""
        repeats = range(self.repeats)
        mixed = {r: accuracies(context, [self._mixed(r, m) for m in repeats]) for r in self.added}
        alone = {r: accuracies(context, [self._alone(context, r, m) for m in repeats]) for r in self.added}
        pure = accuracies(context, [self._mixed(0, m) for m in repeats])
        gains = {
            r: estimate(f"gain of {r} real", [a - b for a, b in zip(mixed[r], pure, strict=True)])
            for r in self.added
            if r
        }
        edges = {
            r: estimate(f"gain of the set beside {r} real", [a - b for a, b in zip(mixed[r], alone[r], strict=True)])
            for r in gains
        }
        rows = []
        for r in self.added:
            here, there, gain = estimate("", mixed[r]), estimate("", alone[r]), gains.get(r)
            spread = gain[1:4] if gain else (0.0, 0.0, 0.0)
            rows.append(MixingRow(r, *here[1:4], *there[1:4], *spread))
        verdict, tone = _verdict(gains, edges)
        return Finding(
            probe="mixing",
            set=context.name,
            question=self.question,
            verdict=verdict,
            tone=tone,
            facts=(estimate("test accuracy of the set alone", pure), *gains.values(), *edges.values()),
            tables=(MixingRow.table(rows),),
            method=f"{self.repeats} seeds; {DEFAULT_TRAINING}; nested real examples; real alone has "
            f"{context.distilled.per_class} more of every class, in place of the set",
            caveats=("no re-weighting: with r real examples the set is the smaller part of every batch",),
        )


def _verdict(gains: dict[int, Fact], edges: dict[int, Fact]) -> tuple[str, str]:
    """Verdict and tone from what adding so many real examples changes, and what the set brings among them."""
    worse = {r: gain for r, gain in gains.items() if gain.high < 0 or (gain.n == 1 and gain.value < 0)}
    better = {r: gain for r, gain in gains.items() if gain.low > 0 or (gain.n == 1 and gain.value > 0)}
    if worse:
        r = min(worse, key=lambda r: worse[r].value)
        recovered = [each for each in better if each > r]
        after = f" From {min(recovered)} per class on they raise it." if recovered else ""
        lowers = f"Adding {r} real images per class lowers test accuracy by {_size(worse[r])}."
        return f"{lowers} Do not mix them in.{after}", "avoid"
    edge = ""
    if better:
        most = max(better)
        beside = "better" if edges[most].high < 0 else "as well" if edges[most].low <= 0 else ""
        edge = f" With {most}, real images in place of the set do {beside}." if beside else ""
    if better and len(better) == len(gains):
        r = min(better)
        return f"Adding real images raises test accuracy, by {_size(better[r])} with {r} per class.{edge}", "use"
    unclear = " or ".join(str(r) for r in gains if r not in better)
    verdict = (
        f"Inconclusive: adding {unclear or 'no'} real images per class does not change test accuracy significantly."
    )
    if better:
        r = min(better)
        edge = f" Adding {r} raises it by {_size(better[r])}.{edge}"
    return f"{verdict}{edge}", "note"


def _size(gain: Fact) -> str:
    """The size of a change, with its interval where there is one."""
    low, high = sorted((abs(gain.low), abs(gain.high)))
    return points(abs(gain.value)) + (f" ({100 * low:.1f} to {100 * high:.1f})" if gain.n > 1 else "")
