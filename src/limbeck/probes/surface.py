"""Where training on a set comes to rest, on the set's own cost surface and on the real one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from limbeck.computations import Around, Line, Local, Mixture, PrincipalPlane, Steps, Training, real_trajectory
from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.computations.record import END
from limbeck.computations.sources import all_alike
from limbeck.core.contracts import AbstractProtocol
from limbeck.core.expect import at_least, positive
from limbeck.core.findings import Fact, Finding, Table
from limbeck.learn.alignment import is_chain
from limbeck.learn.plane import grid
from limbeck.probes.contract import AbstractProbe
from limbeck.probes.resting import (
    barrier_table,
    grid_table,
    log10,
    plane_table,
    point_table,
    principal_tables,
    rise,
    step_table,
)
from limbeck.probes.tables.surface import (
    CONTROL,
    ON_REAL,
    ON_SET,
    OURS,
    REAL,
    BarrierRow,
    PlaneRow,
    PointRow,
    PrincipalGridRow,
    PrincipalPathRow,
    RealGridRow,
    SetGridRow,
    StepRow,
)
from limbeck.probes.verdicts.surface import Seen, decided, verdict
from limbeck.protocols import Own
from limbeck.statistics.estimates import estimate

REACH = (-0.5, 2.0)
"""How far the line of training is read, in shares of the way."""
KEPT = 12
"""Learners that a training keeps for its principal plane, about."""
OURS_AND_REAL, CONTROL_AND_REAL = f"{OURS} and {REAL}, two starts", f"{CONTROL} and {REAL}, two starts"
TWO_OF_REAL = f"two of {REAL}, two starts"
"""Pairs of networks."""


@dataclass(frozen=True)
class Surface(AbstractProbe):
    """Whether training on the set ends in a minimum of the set's own loss, and of the real one.

    Learners are trained as the set says where it is meant for that alone, else by 300 steps of SGD; those of real data
    until they level off, from the same starts. Pictures alone mislead: a random plane in many dimensions seldom shows
    the few directions that lead downwards. So beside every picture stand the slope of the loss and the ends of the
    spectrum of its Hessian, by Lanczos' method. Losses are read along the way of training, over random planes whose
    directions are normalised filter by filter (Li et al., NeurIPS 2018; biases stay unless `biases`), over the plane in
    which training varies most, and between networks: on the straight line (Frankle et al., ICML 2020), after the units
    of one are put into the order of the other (Ainsworth et al., ICLR 2023), and along a trained curve (Garipov et al.,
    NeurIPS 2018). The real loss of a task whose score is no mean over examples, as of control, is less that score.

    Decided is whether the set's own loss grows or falls in training (null: it stays), whether the real loss is steeper
    at the end than after training on real data (null: as steep), whether it curves downwards there, and whether the
    barrier to networks of real data is another than between two of these (null: one more of those). All intervals are
    simultaneous, over learners (`limbeck.probes.verdicts.surface`). The control is training on as many random real
    examples in the same way, drawn anew for each learner; few real examples and noise are held against the set as
    pictures of the real surface.
    """

    every: int = 10
    """Steps between two readings of a training, at its beginning."""
    planes: int = 2
    """Random planes around each end of training."""
    size: int = 11
    """Points along a side of a plane."""
    radius: float = 1.0
    """How far a plane reaches, in normalised directions."""
    biases: bool = False
    """Whether biases move along random planes, too."""
    points: int = 26
    """Points along a line."""
    images: int = 50
    """Real training examples of each class."""
    iterations: int = 40
    """Lanczos steps."""
    subsets: tuple[int, ...] = (1, 10)
    """Real training examples of each class whose losses are drawn, too."""
    bent: int = 200
    """Steps that bend the way between two networks; 0: straight ways alone."""
    sample: int = 1000
    """At most so many evaluation examples; 0: all."""
    repeats: int = 3

    question = "Does training on the set end in a minimum, of its own loss and of the real one?"
    tables = (
        PointRow, StepRow, BarrierRow, PlaneRow, SetGridRow, RealGridRow, PrincipalGridRow, PrincipalPathRow,
    )  # fmt: skip

    def __post_init__(self) -> None:
        at_least(self, 1, "every", "images", "iterations")
        at_least(self, 2, "repeats")
        at_least(self, 0, "planes", "bent", "sample")
        at_least(self, 3, "size", "points")
        positive(self, "radius")

    def _protocol(self, context: ProbeContext) -> AbstractProtocol:
        return Own() if context.distilled.binding else Steps()

    def _trained(self, context: ProbeContext, seed: int, on: Mixture) -> Training:
        protocol = self._protocol(context)
        steps = len(context.distilled.schedule.learning_rates) if isinstance(protocol, Own) else Steps().steps
        keeps = tuple(sorted({round(steps * index / KEPT) for index in range(KEPT + 1)}))
        return Training(on, seed, protocol, reads=(), keeps=keeps)

    def _ours(self, context: ProbeContext, seed: int) -> Training:
        return self._trained(context, seed, Mixture())

    def _theirs(self, context: ProbeContext, seed: int) -> Training:
        # Drawn anew for each seed, by a number that no other probe draws by.
        return self._trained(context, seed, Mixture((), context.distilled.per_class, 1000 + seed))

    def _real(self, seed: int) -> Training:
        return real_trajectory(seed, self.every)

    def _other(self, seed: int) -> Training:
        """A learner of real data from another start."""
        return self._real((seed + 1) % self.repeats)

    def _seeds(self, context: ProbeContext) -> range:
        """Those of the set's learners: one, where all of them are the same."""
        return range(1 if all_alike(context.distilled, self._protocol(context)) else self.repeats)

    def _begins(self, context: ProbeContext) -> bool:
        """Whether the set says where its learners begin."""
        return context.distilled.binding and context.distilled.initialisation is not None

    def _shares(self, low: float, high: float) -> tuple[float, ...]:
        return tuple(grid(low, high, self.points))

    def _local(self, training: Training, real: bool, step: int = END) -> Local:
        return Local(training, step, self.images if real else 0, self.iterations)

    def _line(self, first: Training, last: Training, align: bool = False, bent: int = 0) -> Line:
        return Line(first, last, self._shares(0.0, 1.0), align=align, bent=bent, most=self.sample)

    def _way(self, training: Training) -> Line:
        return Line(training, training, self._shares(*REACH), step=0, most=self.sample)

    def _around(self, training: Training, plane: int) -> Around:
        return Around(training, plane, self.size, self.radius, self.biases, self.subsets, self.sample)

    def _principal(self, context: ProbeContext) -> PrincipalPlane | None:
        training = self._ours(context, 0)
        return PrincipalPlane(training, self.size, most=self.sample) if len(training.keeps) > 2 else None

    def _pair(self, context: ProbeContext, first: Training, last: Training) -> list[Line]:
        """The ways between two networks: straight, aligned where that can be, and bent where that is asked for."""
        found = [self._line(first, last)]
        if is_chain(context.problem.task, context.problem.network):
            found.append(self._line(first, last, align=True))
        if self.bent:
            found.append(self._line(first, last, bent=self.bent))
        return found

    def _pairs(self, context: ProbeContext) -> list[tuple[str, int, list[Line]]]:
        """The pairs of networks between which losses are read; what is held against one another has two starts."""
        ours = [
            (OURS_AND_REAL, seed, self._pair(context, self._ours(context, seed), self._other(seed)))
            for seed in self._seeds(context)
        ]
        near = [
            (f"{OURS} and {REAL}, one start", seed, self._pair(context, self._ours(context, seed), self._real(seed)))
            for seed in self._seeds(context)
            if not self._begins(context)
        ]
        theirs = [
            (CONTROL_AND_REAL, seed, [self._line(self._theirs(context, seed), self._other(seed))])
            for seed in range(self.repeats)
        ]
        beside = [
            (TWO_OF_REAL, seed, self._pair(context, self._real(seed), self._other(seed)))
            for seed in range(self.repeats)
        ]
        return [*ours, *near, *theirs, *beside]

    def _centres(self, context: ProbeContext) -> list[tuple[str, int, Training]]:
        ours = [(OURS, seed, self._ours(context, seed)) for seed in self._seeds(context)]
        return [*ours, *((REAL, seed, self._real(seed)) for seed in range(self.repeats))]

    def computations(self, context: ProbeContext) -> tuple[AbstractComputation, ...]:
        """The trainings, then what lies around each and between them."""
        found: list[AbstractComputation] = []
        for _, _, training in self._centres(context):
            found += [training, self._local(training, True)]
            found += [self._around(training, plane) for plane in range(self.planes)]
        for seed in self._seeds(context):
            training = self._ours(context, seed)
            found += [self._local(training, False), self._local(training, False, 0), self._way(training)]
        for seed in range(self.repeats):
            training = self._theirs(context, seed)
            found += [training, self._local(training, True)]
        found += [line for _, _, lines in self._pairs(context) for line in lines]
        principal = self._principal(context)
        return (*found, *([principal] if principal else []))

    def find(self, context: ProbeContext) -> Finding:
        """What the losses do along the way, where it ends, and between there and networks of real data."""
        ours, control = self._seen(context, OURS), self._seen(context, CONTROL)
        found, beside = decided(ours, context.level), decided(control, context.level)
        centres, theirs = self._centres(context), [(CONTROL, s, self._theirs(context, s)) for s in range(self.repeats)]
        planes = [(*each, plane, self._around(each[2], plane)) for each in centres for plane in range(self.planes)]
        looked, best = plane_table(context, planes)
        grids = [(SetGridRow, self._ours(context, 0)), (RealGridRow, self._real(0))]
        principal = self._principal(context)
        explained = context.outcome(principal)["explained"].tolist() if principal else []
        return self.finding(
            context,
            verdict(ours, control, best, context.level),
            (
                *(fact for fact in found if fact is not None),
                estimate(
                    "barrier between learners of the set and of real data, two starts", ours.barriers, context.level
                ),
                estimate("barrier between two learners of real data, two starts", ours.beside, context.level),
                *(
                    Fact.once(f"share of training on the set along its principal direction {index + 1}", share)
                    for index, share in enumerate(explained)
                ),
            ),
            control=[fact for fact in beside if fact is not None],
            tables=(
                self._points(context, [*centres, *theirs]),
                step_table(context, [self._way(self._ours(context, seed)) for seed in self._seeds(context)]),
                barrier_table(context, self._pairs(context)),
                looked,
                *(
                    grid_table(context, kind, self._around(training, 0) if self.planes else None)
                    for kind, training in grids
                ),
                *principal_tables(context, principal),
            ),
            method=self._method(context),
            caveats=(
                "a loss that is lowest in the middle of random planes may fall in other directions",
                "eigenvalues are Ritz values: the true ends lie further out, if anything",
                "a network with batch normalisation is normalised by the batch",
            ),
        )

    def _points(self, context: ProbeContext, centres: Sequence[tuple[str, int, Training]]) -> Table:
        asked = [(name, seed, ON_REAL, "end", self._local(training, True)) for name, seed, training in centres]
        for seed in self._seeds(context):
            training = self._ours(context, seed)
            asked += [
                (OURS, seed, ON_SET, at, self._local(training, False, step))
                for at, step in (("start", 0), ("end", END))
            ]
        return point_table(context, asked)

    def _seen(self, context: ProbeContext, whose: str) -> Seen:
        seeds, of = (self._seeds(context), self._ours) if whose == OURS else (range(self.repeats), self._theirs)
        ends, reals = (
            [context.outcome(self._local(training, True)) for training in trainings]
            for trainings in ([of(context, seed) for seed in seeds], [self._real(seed) for seed in seeds])
        )
        growth = [
            log10(*(context.outcome(self._local(of(context, seed), False, at))["loss"] for at in (END, 0)))
            for seed in seeds
            if whose == OURS
        ]
        pairs = self._pairs(context)
        barriers = {
            name: [rise(context, lines[0]) for between, _, lines in pairs if between == name]
            for name in (OURS_AND_REAL if whose == OURS else CONTROL_AND_REAL, TWO_OF_REAL)
        }
        return Seen(
            growth,
            [log10(end["slope"], real["slope"]) for end, real in zip(ends, reals, strict=True)],
            [float(end["lowest"] / end["highest"]) for end in ends],
            *barriers.values(),
        )

    def _method(self, context: ProbeContext) -> str:
        seeds = len(self._seeds(context))
        return (
            f"{seeds} learners of the set by {self._protocol(context).name}, {self.repeats} of as many random real "
            f"examples in the same way, and {self.repeats} of real data until they level off, from the same starts; "
            f"slopes and eigenvalues of the real loss on {self.images} training examples of every class, by "
            f"{self.iterations} steps of Lanczos; real losses elsewhere on {self.sample or 'all'} evaluation examples; "
            f"random planes reach {self.radius:g} along directions normalised by filters, biases "
            f"{'move by their size' if self.biases else 'stay'}; intervals over learners, simultaneous over 4 numbers, "
            "that of barriers predictive"
        )
