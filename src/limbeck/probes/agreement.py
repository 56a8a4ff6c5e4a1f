"""What a learner of a distilled set predicts like: learners of few real images, stopped early, or with weight decay."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import torch

from limbeck.computations import AllReal, Mixture, Steps, Training, real_trajectory
from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.computations.sources import training_count
from limbeck.computations.training import DEFAULT_TRAINING, REAL_BATCH
from limbeck.core.expect import at_least
from limbeck.core.findings import Fact, Finding, Table
from limbeck.core.key import Key
from limbeck.core.units import percent
from limbeck.probes.contract import AbstractProbe
from limbeck.probes.tables.agreement import MatchedRow, PeerRow, PoolRow
from limbeck.statistics.agreement import chance
from limbeck.statistics.estimates import difference, estimate
from limbeck.statistics.pools import Peer, Pool, pooled

SUBSETS, EARLY, DECAYED = "real subsets", "early-stopped", "weight decay"
SAID = {
    SUBSETS: "trained on few real images",
    EARLY: "stopped early on real data",
    DECAYED: "trained on all real data with weight decay",
}
SHARES = (0.005, 0.05)
"""The share of every class that a subset has."""
STRENGTHS = (0.05, 0.13)
EPOCHS = 100
"""Of the training on a subset."""


@dataclass(frozen=True)
class Agreement(AbstractProbe):
    """The share of examples on which a learner of the set predicts as learners of real data of the same accuracy do.

    Three pools: learners of random real subsets (a share of every class between 0.5 and 5 %, 100 epochs in batches of
    256), of all real data stopped early, and of all real data with weight decay between 0.05 and 0.13 (there for 20
    epochs). Only learners within `window` of the accuracy of the set's learner are compared; of a trajectory, the
    reading nearest to it. For each pool: the agreements, their mean with an interval over its learners and their
    median; differences of means by Welch's t; and for each learner the probability of an agreement no larger under the
    normal distribution of its agreements with its peers, whose normality is tested as Lilliefors does.

    Yang et al. (ICML 2024), figures 4 and 20 to 22. There the window was one of rounded hundredths, -1.4 to +0.6 points
    at 58.9 % and another elsewhere, and for subsets alone: the step of stopping was set by hand for each method, in an
    order for two of them that is not that of their accuracies. Here one symmetric window holds for all pools. Shares
    and strengths are drawn from the same ranges, one from each of equal parts, so that a small pool covers them too.
    Whether the decay was coupled is not said there; here it is added to the gradient (coupled).
    """

    subsets: int = 60
    trajectories: int = 10
    decayed: int = 24
    epochs: int = 5
    """Of the training with weight decay c, which forgets its start with (1 - 0.9)/(0.01 c), 80 to 200, steps."""
    window: float = 0.01
    every: int = 10
    seed: int = 0
    """Which learner of the set; the pools have none that begins from its initial parameters."""

    question = "What does a learner of the set predict like?"
    tables = (PoolRow, MatchedRow, PeerRow)
    by_accuracy = True

    def __post_init__(self) -> None:
        at_least(self, 0, "subsets", "trajectories", "decayed", "seed", "window")
        at_least(self, 1, "epochs", "every")

    def computations(self, context: ProbeContext) -> tuple[AbstractComputation, ...]:
        """The set's learner, and all of the pools."""
        return (self._ours(), *(each for trainings in self._pools(context).values() for each in trainings))

    def find(self, context: ProbeContext) -> Finding:
        """The agreements with each pool, and which it predicts like."""
        outcome = context.outcome(self._ours())
        ours, accuracy = outcome["predictions"][-1], float(outcome["accuracy"][-1])
        pools = [
            pooled(name, len(trainings), self._matched(context, trainings, accuracy), ours)
            for name, trainings in self._pools(context).items()
        ]
        by_chance = chance(accuracy, accuracy, len(context.problem.task.classes))
        differences = _differences(pools)
        verdict, tone = _verdict(pools, differences, accuracy, self.window, by_chance)
        return Finding(
            probe="agreement",
            set=context.name,
            question=self.question,
            verdict=verdict,
            tone=tone,
            facts=(
                Fact.once("test accuracy of the set's learner", accuracy),
                Fact.once("agreement by chance", by_chance),
                *(fact for pool in pools if pool.tells for fact in pool.facts()),
                *differences.values(),
            ),
            tables=(_summary(pools), _matched_learners(pools), _example(pools)),
            method=f"one learner of the set ({DEFAULT_TRAINING}); real data in batches of {REAL_BATCH}: {self.subsets} "
            f"learners of random subsets of 0.5 to 5 % of every class for {EPOCHS} epochs, {self.trajectories} "
            f"trajectories on all real data read every {self.every} steps of 300, {self.decayed} with coupled "
            f"weight decay of 0.05 to 0.13 for {self.epochs} epochs; compared "
            f"within {100 * self.window:g} points of the test accuracy of the set's learner, for every pool "
            f"alike, on {len(ours)} evaluation examples",
            caveats=(
                "one learner of the set: intervals are over learners of a pool, which share it",
                "subsets are drawn from the same data, and so have images in common",
                "probabilities and tests of normality of one pool are dependent: a learner's agreements with its "
                "peers share it; those of a pool of few rest on as few agreements",
                "learners are matched on the evaluation examples; within the window the better agree more: see "
                "the mean test accuracy of each pool",
            ),
        )

    def _ours(self) -> Training:
        return Training(Mixture(), self.seed)

    def _trajectories(self) -> list[Training]:
        others = [seed for seed in range(self.trajectories + 1) if seed != self.seed]
        return [real_trajectory(seed, self.every) for seed in others[: self.trajectories]]

    def _of_subsets(self, context: ProbeContext) -> list[Training]:
        repeats = context.problem.task.groups("train")
        smallest = min(len(rows) for rows in repeats)
        found = []
        for index, share in enumerate(_drawn(SUBSETS, self.subsets, SHARES)):
            count = max(1, math.floor(smallest * share))
            steps = EPOCHS * -(-count * len(repeats) // REAL_BATCH)
            on = Mixture((), count, shuffle=1000 + index)
            found.append(Training(on, 1000 + index, Steps(steps, REAL_BATCH), reads=(steps,)))
        return found

    def _of_decay(self, context: ProbeContext) -> list[Training]:
        steps = self.epochs * -(-training_count(context.problem.task) // REAL_BATCH)
        return [
            Training(AllReal(), 2000 + index, Steps(steps, REAL_BATCH, weight_decay=strength), reads=(steps,))
            for index, strength in enumerate(_drawn(DECAYED, self.decayed, STRENGTHS))
        ]

    def _pools(self, context: ProbeContext) -> dict[str, list[Training]]:
        pools = {SUBSETS: self._of_subsets(context), EARLY: self._trajectories(), DECAYED: self._of_decay(context)}
        return {name: trainings for name, trainings in pools.items() if trainings}

    def _matched(self, context: ProbeContext, trainings: list[Training], accuracy: float) -> tuple[Peer, ...]:
        """The reading of each that is nearest to an accuracy, where that is within the window."""
        found = []
        for training in trainings:
            outcome = context.outcome(training)
            # Before the first step nothing was learned that could have been stopped.
            apart = (outcome["accuracy"] - accuracy).abs()
            index = int(apart.where(torch.tensor(training.reads) > 0, torch.inf).argmin())
            # Accuracies are ratios of counts: a difference that is the window but for rounding is within it.
            if float(apart[index]) <= self.window + 1e-9:
                on = training.on
                setting = training.protocol.weight_decay or float(
                    on.real if isinstance(on, Mixture) else training.reads[index]
                )
                reached, predictions = float(outcome["accuracy"][index]), outcome["predictions"][index]
                found.append(Peer(training.seed, setting, reached, predictions))
        return tuple(found)


def _drawn(pool: str, count: int, within: tuple[float, float]) -> list[float]:
    """`count` numbers, each uniform in one of as many equal parts of an interval."""
    low, high = within
    offsets = Key(("agreement", pool)).uniform(count).tolist()
    return [low + (high - low) * (index + offset) / count for index, offset in enumerate(offsets)]


def _differences(pools: list[Pool]) -> dict[tuple[str, str], Fact]:
    """How much more the learner agrees with one pool than with another, of those that tell."""
    telling = {pool.name: pool.beside.tolist() for pool in pools if pool.tells}
    names = [name for name in (EARLY, SUBSETS, DECAYED) if name in telling]
    return {
        (one, other): difference(f"{one} less {other}", telling[one], telling[other])
        for one, other in itertools.combinations(names, 2)
    }


def _summary(pools: list[Pool]) -> Table:
    rows = []
    for pool in pools:
        if pool.matched:
            of = estimate("", pool.beside.tolist())
            accuracy = sum(peer.accuracy for peer in pool.matched) / len(pool.matched)
            spread = (of.value, of.low, of.high, pool.median, pool.probability, pool.rejected)
            rows.append(PoolRow(pool.name, pool.trained, len(pool.matched), accuracy, *spread))
        else:
            rows.append(PoolRow(pool.name, pool.trained, 0, None, None, None, None, None, None, None))
    return PoolRow.table(rows)


def _matched_learners(pools: list[Pool]) -> Table:
    return MatchedRow.table(
        MatchedRow(pool.name, peer.seed, peer.setting, peer.accuracy, float(beside), *standing)
        for pool in pools
        for peer, beside, standing in zip(pool.matched, pool.beside, pool.standings, strict=True)
    )


def _example(pools: list[Pool]) -> Table:
    """The agreements with its peers of the first matched learner of each pool: what a normal is fitted to."""
    return PeerRow.table(
        PeerRow(pool.name, pool.matched[0].seed, pool.matched[1 + index].seed, float(value))
        for pool in pools
        if pool.matched
        for index, value in enumerate(pool.peers[0])
    )


def _verdict(
    pools: list[Pool], differences: dict[tuple[str, str], Fact], accuracy: float, window: float, by_chance: float
) -> tuple[str, str]:
    few = [f"{len(pool.matched)} of {pool.trained} {SAID[pool.name]}" for pool in pools if not pool.tells]
    means = {pool.name: float(pool.beside.mean()) for pool in pools if pool.tells}
    lacking = (
        f"Too few learners reach its test accuracy ({percent(accuracy)} within {100 * window:.0f} points): "
        f"{', '.join(few)}."
    )
    if not means:
        return f"Inconclusive: what a learner of this set predicts like is not known. {lacking}", "unknown"
    if not differences:
        ((name, mean),) = means.items()
        alone = f"its agreement with learners {SAID[name]} is {percent(mean)} ({percent(by_chance)} by chance)"
        return f"Inconclusive: {alone}, and there is no other pool to compare with. {lacking}", "unknown"
    best = max(means, key=lambda name: means[name])
    clear = {
        pair if fact.low > 0 else pair[::-1] for pair, fact in differences.items() if fact.low > 0 or fact.high < 0
    }
    below = [name for name in means if (best, name) in clear]
    alike = [name for name in means if name not in (best, *below)]
    named = {name: f"learners {SAID[name]} ({percent(mean)})" for name, mean in means.items()}
    others = " or ".join(named[name] for name in (below or alike))
    if below:
        verdict = f"A learner of this set predicts like {named[best]}, significantly more than like {others}."
        verdict += "".join(f" Its agreement with {named[name]} is not significantly different." for name in alike)
    else:
        verdict = (
            f"Inconclusive: its agreement with {named[best]} is not significantly different from that with {others}."
        )
    return verdict + (f" {lacking}" if few else ""), "note"
