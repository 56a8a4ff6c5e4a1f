"""How far the accuracy of a set rests on its labels and on augmentation."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from limbeck.computations import AbstractSource, HardLabelled, Mixture, Training, real_trajectory
from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.computations.training import accuracies
from limbeck.core.expect import at_least
from limbeck.core.findings import Fact, Finding, Table
from limbeck.learn.augment import Siamese
from limbeck.probes.contract import AbstractProbe
from limbeck.probes.tables.reliance import FULL, HARD, OURS, OWN, RANDOM, RelianceRow
from limbeck.probes.verdicts.reliance import Seen, decided, verdict
from limbeck.protocols import Epochs
from limbeck.statistics.chance import Chance
from limbeck.statistics.estimates import SHARE, estimate

UNDER_OWN, UNDER_HARD = "test accuracy under its own labels", "test accuracy under hard labels"
WITH_AUGMENTATION, OF_ALL = "test accuracy with augmentation", "test accuracy of all real data"
ANEW = 4000
"""Orders that no other probe draws real examples by."""


@dataclass(frozen=True)
class Reliance(AbstractProbe):
    """The accuracy of the set under hard labels and with augmentation, and the scores of DD-Ranking.

    Learners are trained on the set under its own labels, under hard ones, and under its own with the augmentation of
    DSA; and on as many random real examples, drawn anew for each seed, with augmentation and without; all of them for
    `epochs` epochs in one batch, and on all real data until accuracy levels off. Decided are three numbers at once:
    how far the set under hard labels lies from one more draw of random real examples, what its own labels add, and what
    augmentation does to its gain over random ones. Random examples in place of the set have nothing to find: their
    labels are hard.

    The label-robust and the augmentation-robust score (Li et al. 2025, arXiv 2505.13300) are of the same accuracies,
    seed by seed. Here every training is the same, where theirs searches a learning rate for each and trains for longer,
    and random examples are under hard labels always: scores compare sets with one another, not with a leaderboard.
    """

    epochs: int = 300
    """Epochs on the set."""
    every: int = 10
    """Steps between two readings of a training, at its beginning."""
    repeats: int = 5

    question = "Does its accuracy rest on its labels, or on augmentation?"
    tables = (RelianceRow,)
    by_accuracy = True

    def __post_init__(self) -> None:
        at_least(self, 1, "epochs", "repeats", "every")

    def _training(self, seed: int, on: AbstractSource, augmented: bool = False) -> Training:
        return Training(on, seed, Epochs(epochs=self.epochs, augment=Siamese() if augmented else None))

    def _random(self, context: ProbeContext, seed: int) -> Mixture:
        return Mixture((), context.distilled.per_class, ANEW + seed)

    def _soft(self, context: ProbeContext) -> bool:
        """Whether its labels are other than hard ones, and those can be had."""
        targets = context.distilled.batch.targets
        weights = isinstance(targets, Tensor) and targets.shape == (len(context.distilled), self._classes(context))
        return weights and bool((targets.amax(1) != 1).any() | ((targets != 0).sum(1) != 1).any())

    def _classes(self, context: ProbeContext) -> int:
        return len(context.problem.task.classes)

    def _trainings(self, context: ProbeContext) -> dict[tuple[str, str, bool], list[Training]]:
        """By what they are trained on, under which labels, with augmentation or without."""
        seeds = range(self.repeats)
        found = {
            (OURS, OWN, False): [self._training(seed, Mixture()) for seed in seeds],
            (OURS, OWN, True): [self._training(seed, Mixture(), True) for seed in seeds],
            (RANDOM, HARD, False): [self._training(seed, self._random(context, seed)) for seed in seeds],
            (RANDOM, HARD, True): [self._training(seed, self._random(context, seed), True) for seed in seeds],
            (FULL, HARD, False): [real_trajectory(seed, self.every) for seed in seeds],
        }
        hard = [self._training(seed, HardLabelled()) for seed in seeds]
        return {**found, (OURS, HARD, False): hard if self._soft(context) else found[OURS, OWN, False]}

    def computations(self, context: ProbeContext) -> tuple[AbstractComputation, ...]:
        """All trainings."""
        return tuple(each for trainings in self._trainings(context).values() for each in trainings)

    def find(self, context: ProbeContext) -> Finding:
        """The accuracies, what decides, and the scores."""
        found = {how: accuracies(context, trainings) for how, trainings in self._trainings(context).items()}
        seen = Seen(
            own=found[OURS, OWN, False],
            hard=found[OURS, HARD, False],
            augmented=found[OURS, OWN, True],
            random=found[RANDOM, HARD, False],
            random_augmented=found[RANDOM, HARD, True],
            full=found[FULL, HARD, False],
            soft=self._soft(context),
        )
        control = seen._replace(own=seen.random, hard=seen.random, augmented=seen.random_augmented, soft=False)
        return self.finding(
            context,
            verdict(seen, Chance.of(context.examples.classes), context.level),
            (*self._accuracies(seen, context.level), *decided(seen, context.level)),
            control=(*self._accuracies(control, context.level), *decided(control, context.level)),
            tables=(self._table(found, context.level),),
            method=(
                f"{self.repeats} seeds, {self.epochs} epochs of SGD 0.01, momentum 0.9, full batch, of which with "
                f"augmentation as {Siamese()}; random real examples drawn anew for each seed; learners of all real "
                "data until they level off; differences paired within seeds, intervals of three numbers at once, that "
                "of the gain under hard labels predictive; scores by the formulas of DD-Ranking, of the same trainings"
            ),
            caveats=(
                "random real examples are under hard labels, also where the set has a teacher's",
                "scores are of one training for everything, not of the best learning rate for each",
            ),
        )

    def _accuracies(self, seen: Seen, level: float) -> list[Fact]:
        named = {UNDER_OWN: seen.own, UNDER_HARD: seen.hard, WITH_AUGMENTATION: seen.augmented, OF_ALL: seen.full}
        return [estimate(name, values, level, SHARE) for name, values in named.items()]

    def _table(self, found: dict[tuple[str, str, bool], list[float]], level: float) -> Table:
        return RelianceRow.table(
            RelianceRow(on, labels, int(augmented), *estimate("", values, level, SHARE)[1:4])
            for (on, labels, augmented), values in found.items()
        )
