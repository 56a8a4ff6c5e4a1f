"""What a learner of a set predicts like: learners of few real examples, stopped early, or with weight decay."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from limbeck.computations import AllReal, Mixture, Steps, Training, real_trajectory
from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.computations.sources import training_count
from limbeck.computations.training import DEFAULT_TRAINING, REAL_BATCH, accuracies
from limbeck.core.expect import at_least, expect
from limbeck.core.findings import Fact, Finding, Table
from limbeck.core.key import Key
from limbeck.core.units import percent, points
from limbeck.probes.contract import AbstractProbe
from limbeck.probes.tables.agreement import MatchedRow, PeerRow, PoolRow
from limbeck.probes.verdicts.agreement import DECAYED, EARLY, SUBSETS, Compared, Ours, compared, verdict
from limbeck.statistics.agreement import chance
from limbeck.statistics.aiming import aim, wanting
from limbeck.statistics.chance import Chance
from limbeck.statistics.crossed import of_controls_within
from limbeck.statistics.decisions import LEAST
from limbeck.statistics.estimates import SHARE, estimate
from limbeck.statistics.pools import FEWEST, Peer, Pool, pooled

PILOTS = 6
"""Subsets, from one image of every class to the largest share, that say how many images an accuracy takes."""
SPREAD = 1.1
"""The factor, to either side of that number, that further subsets are drawn within."""
STRENGTHS = (0.05, 0.13)
EPOCHS = 100
"""Of the training on a subset."""
STEPS = 300
"""Of the trajectories that are stopped early."""
OTHERS = {SUBSETS: 1000, DECAYED: 2000, EARLY: 3000}
"""The seed of the first learner of each pool: none begins from the initial parameters of one of the set's."""


@dataclass(frozen=True)
class Agreement(AbstractProbe):
    """The share of examples on which learners of the set predict as learners of real data of the same accuracy do.

    Three pools: learners of random real subsets (100 epochs in batches of 256), of all real data stopped early, and of
    all real data with weight decay between 0.05 and 0.13. Only learners within `window` of the mean accuracy of the
    set's learners are compared; of a trajectory, the reading nearest to it. Subsets are drawn where they match: a few
    over the whole range say how many images of every class that accuracy takes, and further ones are drawn within a
    tenth of that number, until enough match.

    Two pools are compared by the difference of mean agreements, with the variation over the set's learners and over
    those of both pools; and the set is held against each pool by how far its learners agree among themselves: is it
    like one more of them (Student's predictive interval)? All of these intervals hold at once at 95 %. So of learners
    that are exchangeable with a pool's, at most 5 % are said to differ. A learner of as many random real examples goes
    through the same. Beside these, for each learner of a pool: the probability of an agreement no larger by Student's
    predictive distribution of its agreements with its peers, whose normality is tested as Lilliefors does.

    Yang et al. (ICML 2024), figures 4 and 20 to 22. There the window was one of rounded hundredths, -1.4 to +0.6 points
    at 58.9 % and another elsewhere, and for subsets alone, whose shares were uniform between 0.5 and 5 % of every
    class; the step of stopping was set by hand for each method, in an order for two of them that is not that of their
    accuracies. Whether the decay was coupled is not said there; here it is added to the gradient (coupled).
    """

    matched: int = 20
    """Learners of subsets that are to have the accuracy."""
    subsets: int = 60
    """The most of them that are trained for that; 0 for none."""
    largest: float = 0.05
    """The share of every class that the largest subset has."""
    trajectories: int = 12
    """Trainings on all real data that are stopped early."""
    decayed: int = 24
    """Trainings on all real data with weight decay."""
    epochs: int = 5
    """Of the training with weight decay c, which forgets its start with (1 - 0.9)/(0.01 c), 80 to 200, steps."""
    window: float = 0.01
    """How far accuracies may be apart to be compared, as a share."""
    every: int = 10
    """Steps between two readings of a training, at its beginning."""
    repeats: int = 3
    """Learners of the set."""
    controls: int = 1

    question = "What does a learner of the set predict like?"
    tables = (PoolRow, MatchedRow, PeerRow)
    by_accuracy = True

    def __post_init__(self) -> None:
        at_least(self, 0, "subsets", "trajectories", "decayed", "window", "controls")
        at_least(self, 1, "epochs", "every", "repeats")
        at_least(self, FEWEST, "matched")
        expect(self, "largest", 0 < self.largest <= 1, "a share above 0, up to 1")

    def with_draws(self, draws: int) -> Agreement:
        """The same with so many learners of the set, and in proportion as many in every pool."""
        pools = ("matched", "subsets", "trajectories", "decayed")
        grown = {name: math.ceil(getattr(self, name) * draws / self.repeats) for name in pools}
        return replace(self, repeats=draws, **grown)

    def computations(self, context: ProbeContext) -> tuple[AbstractComputation, ...]:
        """The set's learners, and those of the pools that are known to be needed."""
        return (*self._ours(), *(each for trainings in self._pools(context).values() for each in trainings))

    def find(self, context: ProbeContext) -> Finding:
        """The agreements with each pool, and which it predicts like."""
        pools, accuracy = self._pooled(context), self._accuracy(context)
        found = compared(pools, context.level)
        controls = [(each, self._pooled(each)) for each in context.controls(self.controls)]
        beside = [compared(theirs, context.level) for _, theirs in controls]
        # Of fewer learners nothing is decided in any case.
        by_luck = Chance.of(context.examples.classes)
        above = self.repeats < LEAST or by_luck.exceeded(accuracies(context, self._ours()), context.level)
        ours = Ours(accuracy, above, chance(accuracy, accuracy, len(context.problem.task.classes)), self.window)
        facts = self._facts(context, pools, found)
        known = [self._facts(each, theirs, its) for (each, theirs), its in zip(controls, beside, strict=True)]
        return self.finding(
            context,
            verdict(ours, found, pools, beside[0] if beside else None),
            (*facts, Fact.once("agreement by chance", ours.by_chance)),
            tables=(_summary(pools), _matched_learners(pools), _example(pools)),
            control=of_controls_within(known, [fact.name for fact in facts if " less " not in fact.name]),
            method=self._method(context, pools),
            caveats=(
                "subsets are drawn from the same data, and so have images in common",
                "probabilities and tests of normality of one pool are dependent: a learner's agreements with its "
                "peers share it; those of a pool of few rest on as few agreements",
                "learners are matched on the evaluation examples; within the window the better agree more: see "
                "the mean test accuracy of each pool",
            ),
        )

    def _facts(self, context: ProbeContext, pools: Sequence[Pool], found: Compared) -> list[Fact]:
        ours = accuracies(context, self._ours())
        return [
            estimate("test accuracy of the set's learners", ours, within=SHARE),
            *(fact for pool in pools if pool.tells for fact in pool.facts()),
            *found.facts,
        ]

    def _method(self, context: ProbeContext, pools: Sequence[Pool]) -> str:
        subsets = sum(pool.trained for pool in pools if pool.name == SUBSETS)
        return (
            f"{self.repeats} learners of the set (seeds; {DEFAULT_TRAINING}); real data in batches of {REAL_BATCH}: "
            f"{subsets} learners of random subsets of up to {percent(self.largest)} of every class for {EPOCHS} "
            f"epochs, drawn where their accuracy matches, {self.trajectories} trajectories on all real data read "
            f"every {self.every} steps of {STEPS}, {self.decayed} with coupled weight decay of 0.05 to 0.13 for "
            f"{self.epochs} epochs; compared within {points(self.window)} of the mean test accuracy of the set's "
            f"learners, for every pool alike, on {len(context.rows)} evaluation examples; intervals over the set's "
            "learners and over those of a pool; those of differences, and of what one more learner of a pool would "
            f"come to, hold for all pools at once; control: {self.controls} set of as many random real examples"
        )

    def _ours(self) -> list[Training]:
        return [Training(Mixture(), seed) for seed in range(self.repeats)]

    def _accuracy(self, context: ProbeContext) -> float:
        """The mean accuracy of the set's learners, which those of the pools are to have."""
        found = accuracies(context, self._ours())
        return sum(found) / len(found)

    def _pools(self, context: ProbeContext) -> dict[str, list[Training]]:
        trajectories = [real_trajectory(OTHERS[EARLY] + index, self.every, STEPS) for index in range(self.trajectories)]
        pools = {SUBSETS: self._of_subsets(context), EARLY: trajectories, DECAYED: self._of_decay(context)}
        return {name: trainings for name, trainings in pools.items() if trainings}

    def _of_subsets(self, context: ProbeContext) -> list[Training]:
        """The pilots, and as far as is known by now those that were drawn where the accuracy matches."""
        counts = self._pilots(context)
        found = [_of_subset(context, index, count) for index, count in enumerate(counts)]
        pilots, ours = len(found), self._ours()
        while pilots and len(found) < self.subsets and all(context.known(each) for each in (*ours, *found)):
            wanted, reached = self._accuracy(context), accuracies(context, found)
            near = [abs(each - wanted) <= self.window + 1e-9 for each in reached]
            more = wanting(self.matched, sum(near), len(found) - pilots, sum(near[pilots:]))
            tried = list(zip(counts, reached, strict=True))
            middle = aim(tried[:pilots], tried[pilots:], wanted, self.window)
            if not more or middle is None:
                break
            begun = len(found)
            for place in _drawn(f"{SUBSETS} from {begun}", min(more, self.subsets - begun), (-1.0, 1.0)):
                counts.append(min(max(round(middle * SPREAD**place), 1), counts[pilots - 1]))
                found.append(_of_subset(context, len(found), counts[-1]))
        return found

    def _pilots(self, context: ProbeContext) -> list[int]:
        """How many images of every class the first subsets have: by equal factors, from one to the largest share."""
        smallest = min(len(rows) for rows in context.problem.task.groups("train"))
        most, several = max(1, math.floor(smallest * self.largest)), min(PILOTS, self.subsets)
        return list(dict.fromkeys(round(most ** (each / max(several - 1, 1))) for each in range(several)))

    def _of_decay(self, context: ProbeContext) -> list[Training]:
        steps = self.epochs * -(-training_count(context.problem.task) // REAL_BATCH)
        return [
            Training(
                AllReal(), OTHERS[DECAYED] + index, Steps(steps, REAL_BATCH, weight_decay=strength), reads=(steps,)
            )
            for index, strength in enumerate(_drawn(DECAYED, self.decayed, STRENGTHS))
        ]

    def _pooled(self, context: ProbeContext) -> list[Pool]:
        """The matched learners of every pool, beside the set's."""
        ours = torch.stack([context.outcome(each, "predictions")[-1] for each in self._ours()])
        accuracy, found = self._accuracy(context), []
        for name, trainings in self._pools(context).items():
            peers = [_nearest(context, training, accuracy) for training in trainings]
            # Accuracies are ratios of counts: a difference that is the window but for rounding is within it.
            matched = tuple(each for each in peers if abs(each.accuracy - accuracy) <= self.window + 1e-9)
            found.append(pooled(name, [each.accuracy for each in peers], matched, ours))
        return found


def _of_subset(context: ProbeContext, index: int, count: int) -> Training:
    """A learner of so many random real examples of every class."""
    steps = EPOCHS * -(-count * len(context.problem.task.classes) // REAL_BATCH)
    seed = OTHERS[SUBSETS] + index
    return Training(Mixture((), count, shuffle=seed), seed, Steps(steps, REAL_BATCH), reads=(steps,))


def _nearest(context: ProbeContext, training: Training, accuracy: float) -> Peer:
    """The learner of a training at its reading that is nearest to an accuracy."""
    outcome = context.outcome(training)
    # Before the first step nothing was learned that could have been stopped.
    apart = (outcome["accuracy"] - accuracy).abs().where(torch.tensor(training.reads) > 0, torch.inf)
    index, on = int(apart.argmin()), training.on
    setting = training.protocol.weight_decay or float(on.real if isinstance(on, Mixture) else training.reads[index])
    return Peer(training.seed, setting, float(outcome["accuracy"][index]), outcome["predictions"][index])


def _drawn(pool: str, count: int, within: tuple[float, float]) -> list[float]:
    """`count` numbers, each uniform in one of as many equal parts of an interval."""
    low, high = within
    offsets = Key(("agreement", pool)).uniform(count).tolist()
    return [low + (high - low) * (index + offset) / count for index, offset in enumerate(offsets)]


def _summary(pools: list[Pool]) -> Table:
    rows = []
    for pool in pools:
        count = len(pool.matched)
        if count:
            of, accuracy = pool.agreement, sum(peer.accuracy for peer in pool.matched) / count
            among = float(pool.peers.mean()) if count > 1 else None
            spread = (of.value, of.low, of.high, among, pool.median, pool.probability, pool.rejected)
            rows.append(PoolRow(pool.name, pool.trained, count, accuracy, *spread))
        else:
            rows.append(PoolRow(pool.name, pool.trained, 0, None, None, None, None, None, None, None, None))
    return PoolRow.table(rows)


def _matched_learners(pools: list[Pool]) -> Table:
    return MatchedRow.table(
        MatchedRow(pool.name, peer.seed, peer.setting, peer.accuracy, float(beside), *standing)
        for pool in pools
        for peer, beside, standing in zip(pool.matched, pool.beside, pool.standings, strict=True)
    )


def _example(pools: list[Pool]) -> Table:
    """The agreements with its peers of the first matched learner of each pool: what a distribution is fitted to."""
    return PeerRow.table(
        PeerRow(pool.name, pool.matched[0].seed, pool.matched[1 + index].seed, float(value))
        for pool in pools
        if pool.matched
        for index, value in enumerate(pool.peers[0])
    )
