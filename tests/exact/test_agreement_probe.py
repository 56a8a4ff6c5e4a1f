"""What a learner of a set predicts like: on predictions that are known exactly."""

from __future__ import annotations

import itertools
import json
import math
import re

import pytest
import torch

from limbeck.computations import AllReal, Mixture, Training
from limbeck.computations.contract import ProbeContext
from limbeck.core.findings import Finding
from limbeck.probes import Agreement
from limbeck.statistics.agreement import agreement
from limbeck.statistics.aiming import aim, wanting
from planted import KEY, Planted, context_of, half_right, mistaken, reading, worse

SMALL = Agreement(matched=3, subsets=4, trajectories=5, decayed=4, epochs=1, window=0.01, every=50, controls=0)
APART = {"real subsets": [9, 50, 54, 60], "early-stopped": [8, 6, 10, 14, 11], "weight decay": [7, 22, 35, 28]}
"""On how many examples each learner of a pool disagrees with the set's."""


def plant_ours(
    context: ProbeContext, cache: Planted, probe: Agreement, differing: tuple[int, ...] = (0, 0, 0)
) -> torch.Tensor:
    """The set's learners are right on half of the examples, and disagree with the first of them on so many."""
    ours = half_right(context)
    for training, count in zip(probe._ours(), differing, strict=True):
        cache.plant(training, reading(context, mistaken(context, ours, count, KEY.fold("ours", training.seed))))
    return ours


def planted_pools(
    probe: Agreement, apart: dict[str, list[int]], unmatched: int = 0, differing: tuple[int, ...] = (0, 0, 0)
) -> tuple[ProbeContext, torch.Tensor]:
    """A case whose pools disagree with the set's learners on so many examples, the first `unmatched` of each apart."""
    cache = Planted()
    context = context_of(cache=cache)
    pools = probe._pools(context)
    # Before the set's learners are known, all that is known to be needed are the pilots.
    ours = plant_ours(context, cache, probe, differing)
    for name, trainings in pools.items():
        for index, (training, count) in enumerate(zip(trainings, apart[name], strict=True)):
            one = mistaken(context, ours, count, KEY.fold(name, index))
            one = worse(context, one, 30) if index < unmatched else one
            # The initial learner has just the accuracy, but it learned nothing; of the others one is nearest.
            before = [ours, worse(context, one, 60)] if len(training.reads) > 1 else []
            after = [worse(context, one, 90)] * (len(training.reads) - 3) if len(training.reads) > 1 else []
            cache.plant(training, reading(context, *before, one, *after))
    return context, ours


def test_agreements_are_those_of_the_matched_learners() -> None:
    context, ours = planted_pools(SMALL, APART, unmatched=1)
    found = SMALL.find(context)
    count = len(context.examples.classes)
    pools = found.table("pools")
    assert pools.column("trained") == [4, 5, 4] and pools.column("matched") == [3, 4, 3]
    learners = found.table("matched learners")
    expected = [1 - each / count for name in APART for each in APART[name][1:]]
    assert learners.column("agreement") == pytest.approx(expected)
    assert set(learners.column("test accuracy")) == {float((ours == context.examples.classes).double().mean())}
    early = [row for row in learners.rows if row[0] == "early-stopped"]
    assert [row[1:3] for row in early] == [(seed, 100.0) for seed in (3001, 3002, 3003, 3004)]
    assert found.fact("median agreement, early-stopped").value == pytest.approx(1 - 10.5 / count)
    assert found.fact("agreement, weight decay").value == pytest.approx(1 - 85 / 3 / count)
    gap = found.fact("early-stopped less real subsets")
    assert gap.value == pytest.approx((164 / 3 - 41 / 4) / count) and gap.low > 0 and gap.n == 3
    assert found.fact("real subsets less weight decay").high < 0
    assert found.tone == "note"
    # Of the three pairs and the three pools themselves, the six claims.
    assert len(found.claims) == 6
    assert found.verdict.startswith(
        f"A learner of this set predicts like learners stopped early on real data: it agrees with them on "
        f"{100 - 1025 / count:.1f} % ("
    )
    assert (
        f"more than with learners trained on few real examples on {100 - 16400 / 3 / count:.1f} %, by " in found.verdict
    )


def test_a_difference_varies_over_the_sets_learners_and_over_both_pools() -> None:
    from scipy import stats

    context, _ = planted_pools(SMALL, APART, unmatched=1, differing=(0, 9, 30))
    found = SMALL.find(context)
    rows = {name: [] for name in APART}
    for training, name in ((t, n) for n, ts in SMALL._pools(context).items() for t in ts):
        outcome = context.outcome(training)
        at = 2 if len(training.reads) > 1 else 0
        rows[name].append(outcome["predictions"][at])
    ours = [context.outcome(each, "predictions")[-1] for each in SMALL._ours()]
    one, other = (
        torch.tensor([[agreement(a, b) for b in rows[name][1:]] for a in ours]).double()
        for name in ("early-stopped", "real subsets")
    )
    samples = [one.mean(1) - other.mean(1), one.mean(0), other.mean(0)]
    parts = [float(each.var()) / len(each) for each in samples]
    freedom = sum(parts) ** 2 / sum(u * u / (len(each) - 1) for u, each in zip(parts, samples, strict=True))
    # Six intervals that hold at once.
    half = float(stats.t.ppf(1 - 0.05 / 12, freedom)) * sum(parts) ** 0.5
    gap = found.fact("early-stopped less real subsets")
    assert gap.value == pytest.approx(float(samples[0].mean())) and gap.high - gap.value == pytest.approx(half)


def test_probabilities_are_of_one_more_peer() -> None:
    from scipy import stats

    context, ours = planted_pools(SMALL, APART)
    found = SMALL.find(context)
    rows = [row for row in found.table("matched learners").rows if row[0] == "early-stopped"]
    trainings = SMALL._pools(context)["early-stopped"]
    predicted = [context.outcome(training, "predictions")[2] for training in trainings]
    for index, row in enumerate(rows):
        others = [agreement(predicted[index], other) for j, other in enumerate(predicted) if j != index]
        mean, deviation = sum(others) / 4, float(torch.tensor(others, dtype=torch.float64).std())
        assert row[5:7] == (pytest.approx(mean), pytest.approx(deviation))
        score = (agreement(predicted[index].long(), ours) - mean) / (deviation * (1 + 1 / 4) ** 0.5)
        assert row[7] == pytest.approx(float(stats.t.cdf(score, 3)), abs=1e-9)
    assert len(found.table("peers of one learner").rows) == 3 + 4 + 3


def test_the_window_is_symmetric_and_closed_around_the_mean_of_the_sets_learners() -> None:
    cache = Planted()
    context = context_of(cache=cache)
    count = len(context.examples.classes)
    probe = Agreement(matched=3, subsets=4, trajectories=0, decayed=0, window=3 / count, controls=0)
    trainings = probe._pools(context)["real subsets"]
    ours = half_right(context)
    wrong = torch.nonzero(ours != context.examples.classes)[:, 0]

    def moved(extra: int) -> torch.Tensor:
        one = ours.clone()
        one[wrong[: max(extra, 0)]] = context.examples.classes[wrong[: max(extra, 0)]]
        return worse(context, one, max(-extra, 0))

    for training, extra in zip(probe._ours(), (-5, 0, 5), strict=True):
        cache.plant(training, reading(context, moved(extra)))
    for training, extra in zip(trainings, (-4, -3, 3, 4), strict=True):
        cache.plant(training, reading(context, moved(extra)))
    found = probe.find(context)
    base = float((ours == context.examples.classes).double().mean())
    assert found.table("matched learners").column("test accuracy") == pytest.approx(
        [base - 3 / count, base + 3 / count]
    )


def test_pools_that_are_not_told_apart_are_said_not_to_be() -> None:
    apart = {"real subsets": [9, 12, 7, 10], "early-stopped": [8, 6, 10, 14, 11], "weight decay": [90, 95, 99, 91]}
    found = SMALL.find(planted_pools(SMALL, apart)[0])
    assert "more than with learners trained on all real data with weight decay" in found.verdict
    assert re.search(r"Its agreement with learners [^.]* \(9\d\.\d %\) is not significantly different", found.verdict)
    apart["weight decay"] = [8, 12, 11, 9]
    # Learners of one pool that go wrong by themselves agree less with each other than with what they go wrong from.
    again = SMALL.find(planted_pools(SMALL, apart)[0]).verdict
    assert "predicts like" not in again


def test_two_learners_of_the_set_decide_nothing() -> None:
    probe = Agreement(matched=3, subsets=4, trajectories=5, decayed=4, epochs=1, every=50, repeats=2, controls=0)
    found = probe.find(planted_pools(probe, APART, differing=(0, 0))[0])
    assert found.tone == "unknown" and found.verdict.startswith("Inconclusive: its learners agree with")
    assert {each.side for each in found.claims} == {"open"} and found.deciding


def test_too_few_matched_learners_are_said_to_be() -> None:
    found = SMALL.find(planted_pools(SMALL, APART, unmatched=2)[0])
    assert found.table("pools").column("matched") == [2, 3, 2]
    assert "2 of 4 trained on few real examples" in found.verdict
    assert not [fact for fact in found.facts if " less " in fact.name]
    nothing = SMALL.find(planted_pools(SMALL, APART, unmatched=5)[0])
    assert nothing.tone == "unknown" and nothing.verdict.startswith("Inconclusive:")
    assert re.search(r"0 of 5 stopped early on real data, who reach \d\d\.\d % at most", nothing.verdict)
    assert nothing.table("pools").column("agreement") == [None] * 3
    assert json.dumps(nothing.document(), allow_nan=False)


def test_learners_at_chance_are_like_nothing() -> None:
    cache = Planted()
    context = context_of(cache=cache)
    probe = Agreement(matched=3, subsets=0, trajectories=0, decayed=0, controls=0)
    for training in probe._ours():
        cache.plant(training, reading(context, torch.zeros(len(context.examples.classes), dtype=torch.int64)))
    found = probe.find(context)
    assert found.tone == "unknown" and "not shown to be right more often than by chance" in found.verdict


class Subsets:
    """A problem in which the accuracy of a subset is a known function of its size, give or take chance."""

    def __init__(self, probe: Agreement, wanted: int) -> None:
        self.probe, self.cache = probe, Planted()
        self.context = context_of(cache=self.cache)
        self.examples = self.context.examples.classes
        for training in probe._ours():
            self.cache.plant(training, reading(self.context, self.right(wanted)))

    def right(self, count: int) -> torch.Tensor:
        return worse(self.context, self.examples, len(self.examples) - count)

    def rounds(self) -> list[list[int]]:
        """The sizes that are asked for in each round."""
        found: list[list[int]] = []
        while True:
            asked = self.probe._pools(self.context)["real subsets"]
            fresh = asked[sum(map(len, found)) :]
            if not fresh:
                return found
            found.append([training.on.real for training in fresh])
            for training in fresh:
                noise = 2 * float(KEY.fold("noise", training.seed).normal(1))
                reached = round(100 + 60 * math.log(training.on.real) + noise)
                self.cache.plant(training, reading(self.context, self.right(reached)))


def test_subsets_are_drawn_where_their_accuracy_is_that_of_the_sets_learners() -> None:
    # Of 359 examples 60 more are right for each factor of e, so that 190 take e^1.5 = 4.5 images of every class.
    probe = Agreement(matched=8, subsets=40, largest=0.2, trajectories=0, decayed=0, window=0.06, controls=0)
    world = Subsets(probe, 190)
    pilots, *later = world.rounds()
    assert pilots == sorted(set(pilots)) and pilots[0] == 1 and pilots[-1] > 20
    assert later and all(3 <= count <= 6 for count in itertools.chain(*later))
    found = probe.find(world.context).table("pools")
    assert found.column("matched")[0] >= 8 and found.column("trained")[0] < 25
    assert found.column("test accuracy")[0] == pytest.approx(190 / len(world.examples), abs=0.04)


def test_no_more_subsets_are_trained_than_allowed_nor_where_none_reaches_the_accuracy() -> None:
    probe = Agreement(matched=30, subsets=20, largest=0.2, trajectories=0, decayed=0, window=0.001, controls=0)
    assert sum(map(len, Subsets(probe, 190).rounds())) == 20
    beyond = Subsets(probe, 350)
    assert len(beyond.rounds()) == 1
    verdict = probe.find(beyond.context).verdict
    assert re.search(r"0 of \d trained on few real examples, who reach \d\d\.\d % at most", verdict), verdict


def test_a_random_real_set_goes_through_the_same_with_pilots_that_are_shared() -> None:
    probe = Agreement(matched=3, subsets=9, trajectories=3, decayed=0)
    context = context_of()
    ours, control = (probe.computations(each) for each in (context, context.control(0)))
    assert probe.controls == 1 and ours == control


def test_an_accuracy_is_aimed_at_between_pilots_and_by_what_was_drawn() -> None:
    pilots = [(1, 0.1), (10, 0.3), (100, 0.25), (1000, 0.5)]
    assert aim(pilots, [], 0.2) == pytest.approx(10**0.5)
    # The best so far counts: from 10 to 100 nothing is gained.
    assert aim(pilots, [], 0.4) == pytest.approx(100 * 10**0.5)
    assert aim(pilots, [], 0.55) is None and aim(pilots, [], 0.55, 0.06) == pytest.approx(1000)
    assert aim(pilots, [], 0.05) is None and aim(pilots, [], 0.05, 0.06) == pytest.approx(1)
    # A factor of ten is 0.2 there: who is 0.1 too good has a factor of the root of ten too many.
    assert aim(pilots, [(10, 0.3)], 0.2) == pytest.approx(10**0.5)
    assert aim(pilots, [(3, 0.3), (3, 0.1)], 0.2) == pytest.approx(3)
    assert wanting(8, 8, 10, 8) == 0 and wanting(8, 0, 0, 0) == 8


def test_pools_begin_elsewhere_than_the_sets_learners() -> None:
    probe = Agreement(matched=3, subsets=9, trajectories=3, decayed=8)
    context = context_of()
    pools = probe._pools(context)
    for index, training in enumerate(pools["weight decay"]):
        assert 0.05 + 0.01 * index <= training.protocol.weight_decay <= 0.06 + 0.01 * index and training.on == AllReal()
    for training in pools["real subsets"]:
        assert isinstance(training.on, Mixture)
        assert training.protocol.steps == 100 * -(-training.on.real * 10 // 256)
    starts = [training.seed for trainings in pools.values() for training in trainings]
    ours = {training.seed for training in probe._ours()}
    assert len(set(starts)) == len(starts) and not ours & set(starts)
    # More learners of the set change nothing in the pools.
    more = Agreement(matched=3, subsets=9, trajectories=3, decayed=8, repeats=7)
    assert more._pools(context) == pools and all(isinstance(each, Training) for each in more._ours())


def test_a_finding_of_pools_is_data() -> None:
    found = SMALL.find(planted_pools(SMALL, APART)[0])
    assert Finding.of(json.loads(json.dumps(found.document(), allow_nan=False))).verdict == found.verdict
