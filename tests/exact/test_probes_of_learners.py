"""What learners beside a set tell of it: agreement, learning time, continuation; on outcomes that are known exactly."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch

from limbeck.computations import AllReal, Mixture, RecognitionTrajectory, Training, real_trajectory
from limbeck.computations.contract import AbstractComputation, BatchSet, ProbeContext
from limbeck.core import tree
from limbeck.core.contracts import Batch, Problem
from limbeck.core.family import from_spec, spec_id, to_spec
from limbeck.core.findings import Finding
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.training import Learner
from limbeck.probes import Agreement, Continuation, LearningTime
from limbeck.probes.contract import AbstractProbe
from limbeck.protocols import Epochs
from limbeck.statistics.agreement import agreement
from limbeck.statistics.curves import moving_mean, settled, standard_error
from limbeck.tasks import load

KEY = Key(("test probes of learners",))
CPU = torch.device("cpu")
NETWORK = "convnet-w4-d1"


@dataclass(frozen=True)
class Planted:
    """A memo that knows the outcomes of some computations, and computes the others once where it may."""

    outcomes: dict[str, Tree] = field(default_factory=dict)
    strict: bool = True

    def plant(self, computation: AbstractComputation, outcome: Tree) -> None:
        self.outcomes[spec_id(to_spec(computation))] = outcome

    def remember(self, address: dict[str, Any], make: Callable[[], Tree], branch: str = "") -> Tree:
        name = spec_id(address["computation"])
        if name not in self.outcomes:
            assert not self.strict, f"{address['computation']} was not planted"
            self.outcomes[name] = make()
        return tree.branch(self.outcomes[name], branch)


def context_of(
    per_class: int = 1, cache: Planted | None = None, rows: slice = slice(None), network: str = NETWORK
) -> ProbeContext:
    task = load("digits")
    problem = Problem(task, task.network(network), CPU, cache or Planted())
    batch = Batch(*(leaf[rows] for leaf in problem.real(KEY, per_class)))
    schedule = Epochs().schedule(None, len(batch.classes), KEY)
    return ProbeContext(problem, "set", BatchSet("0" * 16, batch, schedule), "test")


def reading(context: ProbeContext, *predictions: torch.Tensor) -> Tree:
    stacked = torch.stack(predictions)
    accuracy = (stacked == context.examples.classes).double().mean(1)
    return {"predictions": stacked.to(torch.int16), "losses": torch.zeros(stacked.shape), "accuracy": accuracy}


def mistaken(context: ProbeContext, predictions: torch.Tensor, count: int, key: Key) -> torch.Tensor:
    """Others that are right on as many examples, and disagree with them on `count`, where both are wrong."""
    wrong = torch.nonzero(predictions != context.examples.classes)[:, 0]
    some = wrong[key.permutation(len(wrong))[:count]]
    changed = predictions.clone()
    for example in some.tolist():
        barred = (int(predictions[example]), int(context.examples.classes[example]))
        changed[example] = next(other for other in range(10) if other not in barred)
    return changed


def worse(context: ProbeContext, predictions: torch.Tensor, count: int) -> torch.Tensor:
    """The same but for `count` more errors."""
    right = torch.nonzero(predictions == context.examples.classes)[:count, 0]
    changed = predictions.clone()
    changed[right] = (changed[right] + 1) % 10
    return changed


def half_right(context: ProbeContext) -> torch.Tensor:
    return worse(context, context.examples.classes, len(context.examples.classes) // 2)


def planted_pools(
    probe: Agreement, differing: dict[str, list[int]], unmatched: int = 0
) -> tuple[ProbeContext, torch.Tensor]:
    """A case whose pools disagree with the set's learner on so many examples, the first `unmatched` of each apart."""
    cache = Planted()
    context = context_of(cache=cache)
    ours = half_right(context)
    cache.plant(Training(Mixture(), probe.seed), reading(context, ours))
    for name, trainings in probe._pools(context).items():
        for index, (training, count) in enumerate(zip(trainings, differing[name], strict=True)):
            one = mistaken(context, ours, count, KEY.fold(name, index))
            one = worse(context, one, 30) if index < unmatched else one
            # The initial learner has just the accuracy, but it learned nothing; of the others one is nearest.
            before = [ours, worse(context, one, 60)] if len(training.reads) > 1 else []
            after = [worse(context, one, 90)] * (len(training.reads) - 3) if len(training.reads) > 1 else []
            cache.plant(training, reading(context, *before, one, *after))
    return context, ours


SMALL = Agreement(subsets=4, trajectories=5, decayed=4, epochs=1, window=0.01, every=50)
APART = {"real subsets": [9, 50, 54, 60], "early-stopped": [8, 6, 10, 14, 11], "weight decay": [7, 22, 35, 28]}


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
    assert [row[1:3] for row in early] == [(seed, 100.0) for seed in (2, 3, 4, 5)]
    assert found.fact("median agreement, early-stopped").value == pytest.approx(1 - 10.5 / count)
    assert found.fact("agreement, weight decay").value == pytest.approx(1 - 85 / 3 / count)
    gap = found.fact("early-stopped less real subsets")
    assert gap.value == pytest.approx((164 / 3 - 41 / 4) / count) and gap.low > 0 and gap.n == 3
    assert found.fact("real subsets less weight decay").high < 0
    assert found.tone == "note"
    assert found.verdict == (
        f"A learner of this set predicts like learners stopped early on real data ({100 - 1025 / count:.1f} %), "
        f"significantly more than like learners trained on few real images ({100 - 16400 / 3 / count:.1f} %) or "
        f"learners trained on all real data with weight decay ({100 - 8500 / 3 / count:.1f} %)."
    )


def test_probabilities_are_of_the_normal_fitted_to_the_other_matched_learners() -> None:
    from scipy import stats

    context, ours = planted_pools(SMALL, APART)
    found = SMALL.find(context)
    rows = [row for row in found.table("matched learners").rows if row[0] == "early-stopped"]
    predicted = [context.outcome(training, "predictions")[2] for training in SMALL._trajectories()]
    for index, row in enumerate(rows):
        others = [agreement(predicted[index], other) for j, other in enumerate(predicted) if j != index]
        mean, deviation = sum(others) / 4, float(torch.tensor(others, dtype=torch.float64).std())
        assert row[5:7] == (pytest.approx(mean), pytest.approx(deviation))
        ours_with_it = agreement(predicted[index].long(), ours)
        assert row[7] == pytest.approx(float(stats.norm.cdf(ours_with_it, mean, deviation)), abs=1e-9)
    assert len(found.table("peers of one learner").rows) == 3 + 4 + 3


def test_the_window_is_symmetric_and_closed() -> None:
    cache = Planted()
    context = context_of(cache=cache)
    count = len(context.examples.classes)
    probe = Agreement(subsets=4, trajectories=0, decayed=0, window=3 / count)
    ours = half_right(context)
    cache.plant(Training(Mixture()), reading(context, ours))
    better = half_right(context)
    wrong = torch.nonzero(better != context.examples.classes)[:, 0]
    several = []
    for extra in (-4, -3, 3, 4):
        one = ours.clone()
        if extra > 0:
            one[wrong[:extra]] = context.examples.classes[wrong[:extra]]
        several.append(one if extra > 0 else worse(context, ours, -extra))
    for training, one in zip(probe._pools(context)["real subsets"], several, strict=True):
        cache.plant(training, reading(context, one))
    found = probe.find(context)
    base = float((ours == context.examples.classes).double().mean())
    assert found.table("matched learners").column("test accuracy") == pytest.approx(
        [base - 3 / count, base + 3 / count]
    )


def test_pools_that_are_not_significantly_different_are_said_not_to_be() -> None:
    differing = {"real subsets": [9, 12, 7, 10], "early-stopped": [8, 6, 10, 14, 11], "weight decay": [90, 95, 99, 91]}
    found = SMALL.find(planted_pools(SMALL, differing)[0])
    assert "significantly more than like learners trained on all real data with weight decay" in found.verdict
    assert re.search(
        r"agreement with learners stopped early on real data \(.*\) is not significantly different", found.verdict
    )
    differing["weight decay"] = [8, 12, 11, 9]
    assert "Inconclusive" in SMALL.find(planted_pools(SMALL, differing)[0]).verdict


def test_too_few_matched_learners_are_said_to_be() -> None:
    found = SMALL.find(planted_pools(SMALL, APART, unmatched=2)[0])
    assert found.table("pools").column("matched") == [2, 3, 2]
    assert found.tone == "unknown" and "2 of 4 trained on few real images" in found.verdict
    assert re.search(r"is 9\d\.\d % \(", found.verdict) and "no other pool" in found.verdict
    nothing = SMALL.find(planted_pools(SMALL, APART, unmatched=5)[0])
    assert nothing.tone == "unknown" and "0 of 5 stopped early on real data" in nothing.verdict
    assert nothing.table("pools").column("agreement") == [None] * 3
    assert json.dumps(nothing.document(), allow_nan=False)


def test_pools_are_drawn_evenly_from_their_ranges_and_begin_elsewhere() -> None:
    probe = Agreement(subsets=9, trajectories=3, decayed=8, seed=1)
    context = context_of()
    pools = probe._pools(context)
    smallest = min(len(rows) for rows in context.problem.task.groups("train"))
    for index, training in enumerate(pools["real subsets"]):
        low, high = (0.005 + 0.005 * (index + edge) for edge in (0, 1))
        assert isinstance(training.on, Mixture)
        assert max(1, int(smallest * low)) <= training.on.real <= max(1, int(smallest * high))
        assert training.protocol.steps == 100 * -(-training.on.real * 10 // 256)
    for index, training in enumerate(pools["weight decay"]):
        assert 0.05 + 0.01 * index <= training.protocol.weight_decay <= 0.06 + 0.01 * index and training.on == AllReal()
    assert [training.seed for training in pools["early-stopped"]] == [0, 2, 3]
    starts = [training.seed for trainings in pools.values() for training in trainings]
    assert len(set(starts)) == len(starts) and probe.seed not in starts


def test_a_curve_has_settled_where_nothing_later_is_higher_by_more_than_a_standard_error() -> None:
    rising = torch.linspace(0, 1, 11, dtype=torch.float64)
    # At 1 of 100 items one standard error is 0.0135: 0.99 is near enough, 0.98 is not.
    assert settled(torch.tensor([0.5, 0.98, 0.99, 1.0, 0.97, 1.0]).double(), 100) == 2
    assert settled(rising, 10_000) == 10
    assert settled(rising.flip(0), 100) == 0
    share, count = 0.3, 50
    q = (count * share + 2) / (count + 4)
    assert standard_error(share, count) == pytest.approx((q * (1 - q) / (count + 4)) ** 0.5)
    at = torch.arange(0, 101, 20).double()
    values = KEY.fold("values").normal(6).double()
    assert moving_mean(at, values, 20).tolist() == pytest.approx(
        [float(values[max(0, i - 1) : i + 2].mean()) for i in range(6)]
    )


def planted_course(recognised: list[int], accuracies: list[float], rows: slice = slice(None)) -> Finding:
    """The finding on ten items a class of which so many are recognised at 0, 60, .. 300 steps."""
    cache, probe = Planted(), LearningTime(every=60)
    context = context_of(10, cache, rows)
    examples, items = context.examples.classes, context.distilled.batch.classes
    told = [torch.where(torch.arange(len(items)) < count, items, (items + 1) % 10) for count in recognised]
    said = [worse(context, examples, round((1 - accuracy) * len(examples))) for accuracy in accuracies]
    cache.plant(real_trajectory(0, 60), reading(context, *said))
    cache.plant(RecognitionTrajectory(real_trajectory(0, 60)), {"predictions": torch.stack(told).to(torch.int16)})
    return probe.find(context)


RISING = [0.1, 0.4, 0.5, 0.6, 0.7, 0.8]


def test_what_is_recognised_before_accuracy_stops_is_learned_early() -> None:
    found = planted_course([5, 60, 97, 96, 98, 97], RISING)
    assert found.fact("step at which recognition stops improving").value == 120
    assert found.fact("recognition then").value == found.fact("recognition at the end").value == pytest.approx(0.97)
    assert found.fact("test accuracy then").value == pytest.approx(0.5, abs=0.002)
    gain = found.fact("rise of test accuracy from then to the end")
    assert gain.value == pytest.approx(0.3, abs=0.003) and gain.low > 0.2
    assert found.fact("step from which recognition exceeds test accuracy").value == 60
    # From 180, 240 and 300 steps: 0.96, 0.98, 0.97 and 0.6, 0.7, 0.8.
    assert found.fact("slope of recognition after step 150, per 100 steps").value == pytest.approx(1 / 120)
    assert found.fact("slope of test accuracy after step 150, per 100 steps").value == pytest.approx(1 / 6, abs=0.003)
    assert re.fullmatch(
        r"The set holds what is learned early: real training recognises 97 % of it by step 120 and no more after, "
        r"while test accuracy still rises from 50 to 80 % \(by 25.3 to 34.9 points\)\.",
        found.verdict,
    ), found.verdict
    first = found.table("items").column("step")
    assert first[:5] == [0.0] * 5 and first[5:60] == [60.0] * 55 and first[60:96] == [120.0] * 36
    assert first[96:98] == [240.0, None] and first[98:] == [None, None]


def test_what_is_recognised_more_and_more_is_not() -> None:
    found = planted_course([5, 20, 40, 60, 80, 98], RISING)
    assert found.fact("step at which recognition stops improving").value == 300
    assert "learned late" in found.verdict and "early" not in found.verdict


def test_accuracy_that_rises_no_more_is_said_to_be_so() -> None:
    found = planted_course([5, 60, 97, 96, 98, 97], [0.1, 0.6, 0.7, 0.7, 0.7, 0.7])
    assert "test accuracy rises no more either" in found.verdict


@pytest.mark.parametrize(
    ("rows", "recognised"), [(slice(None), [10, 9, 12, 11, 8, 12]), (slice(0, 3), [0, 1, 1, 3, 3, 3])]
)
def test_a_set_that_is_not_recognised_or_of_a_few_items_is_not_told(rows: slice, recognised: list[int]) -> None:
    found = planted_course(recognised, RISING, rows)
    assert found.tone == "unknown"
    assert json.dumps(found.document(), allow_nan=False)


def test_the_recognition_course_reads_every_item_by_every_kept_learner() -> None:
    cache = Planted()
    context = context_of(2, cache)
    by, network = real_trajectory(0, 100), context.problem.network
    params = {step: network.init(KEY.fold("at", step)) for step in by.keeps}
    cache.plant(by, {"params": {str(step): each for step, each in params.items()}})
    found = RecognitionTrajectory(by).run(context)["predictions"]
    for index, step in enumerate((0, 100, 200, 300)):
        outputs = network.apply(params[step], context.distilled.batch.inputs).outputs
        assert found[index].tolist() == outputs.argmax(1).tolist()


def planted_continuation(after: list[float], images: list[float], repeats: int = 4) -> Finding:
    """The finding on learners of accuracies 0.6, 0.61, .. before, and these after."""
    cache, probe = Planted(), Continuation(repeats=repeats)
    context = context_of(cache=cache)

    def plant(training: Training, *accuracies: float) -> None:
        cache.plant(training, {"accuracy": torch.tensor(accuracies, dtype=torch.float64)})

    trainings = probe._trainings(context)
    for seed in range(repeats):
        plant(real_trajectory(seed, 10), 0.1, 0.6 + seed / 100)
        plant(trainings["the set"][seed], *[0.0] * 5, after[seed])
        plant(trainings["random real images"][seed], *[0.0] * 5, images[seed])
    plant(trainings["all real data"][0], *[0.0] * 5, 0.7)
    return probe.find(context)


def test_the_change_is_paired_with_each_learner_before() -> None:
    found = planted_continuation([0.54, 0.55, 0.57, 0.57], [0.50, 0.51, 0.52, 0.53])
    change = found.fact("change by the set")
    # Changes of -6, -6, -5 and -6 points; t(0.975, 3) = 3.182.
    assert change.value == pytest.approx(-0.0575) and change.n == 4
    assert change.high - change.value == pytest.approx(3.1824 * 0.005 / 2, abs=1e-6)
    assert found.fact("change by random real images")[1:] == pytest.approx((-0.1, -0.1, -0.1, 4))
    assert found.fact("change by all real data")[1:] == pytest.approx((0.1, 0.1, 0.1, 1))
    assert found.fact("test accuracy before").value == pytest.approx(0.615)
    assert found.tone == "avoid"
    # 5.75 points from 61.5 %, rounded either way.
    assert re.search(
        r"costs 5\.[78] points of test accuracy \(5.0 to 6.5; from 61\.5 to 55\.[78] %\)\. Do not use it", found.verdict
    )
    assert found.table("continuation").rows[0][:3] == ("the set", 0, pytest.approx(0.615))
    assert found.table("continuation").column("step")[:7] == [0, 1, 3, 10, 30, 100, 300]


@pytest.mark.parametrize(
    ("changes", "tone", "said"),
    [
        ([0.002, 0.001, 0.0, 0.003], "note", "less than 1 point"),
        ([0.03, 0.04, 0.03, 0.04], "use", "raises its test accuracy by 3.5 points"),
        ([0.05, -0.05, 0.02, -0.04], "note", "Inconclusive"),
    ],
)
def test_the_verdict_follows_the_interval(changes: list[float], tone: str, said: str) -> None:
    found = planted_continuation([0.6 + m / 100 + change for m, change in enumerate(changes)], [0.5] * 4)
    assert (found.tone, said in found.verdict) == (tone, True)


def test_one_learner_leaves_it_open() -> None:
    found = planted_continuation([0.5], [0.5], repeats=1)
    assert found.tone == "unknown" and "-10.0 points" in found.verdict


def test_a_continuation_begins_where_the_course_ends_and_at_rest() -> None:
    cache = Planted(strict=False)
    context = context_of(cache=cache)
    end = real_trajectory(1, 100)
    begun = context.problem.network.init(KEY.fold("end"))
    cache.plant(end, {"params": {"300": begun}})
    training = Continuation(steps=2, every=100)._trainings(context)["the set"][1]
    learners = list(training.learners(context))
    assert all(torch.equal(learners[0].params[name], begun[name]) for name in begun)

    def gradient(params: Tree) -> Tree:
        leaves = {name: leaf.clone().requires_grad_() for name, leaf in params.items()}
        batch = context.distilled.batch
        outputs = context.problem.network.apply(leaves, batch.inputs).outputs
        torch.nn.functional.cross_entropy(outputs, batch.targets).backward()
        return {name: leaf.grad for name, leaf in leaves.items()}

    first = gradient(begun)
    one = {name: begun[name] - 0.01 * first[name] for name in begun}
    second = gradient(one)
    two = {name: one[name] - 0.01 * (second[name] + 0.9 * first[name]) for name in one}
    assert isinstance(learners[2], Learner)
    for name, leaf in two.items():
        torch.testing.assert_close(learners[2].params[name], leaf, rtol=1e-4, atol=1e-6)


PROBES = (
    Agreement(subsets=3, trajectories=1, decayed=3, epochs=1, window=1.0, every=150),
    LearningTime(every=150),
    Continuation(repeats=2, every=150, steps=3),
)


@pytest.fixture(scope="module")
def memos() -> dict[str, Planted]:
    """What does not depend on the set, by network: done once for all sets."""
    return {NETWORK: Planted(strict=False), f"{NETWORK}-batch": Planted(strict=False)}


SUBJECTS = {
    "set": (NETWORK, slice(None)),
    "image": (NETWORK, slice(0, 1)),
    # A learner of it is kept with running statistics.
    "batch-normalised": (f"{NETWORK}-batch", slice(None)),
}


@pytest.mark.parametrize(
    ("probe", "distilled"),
    [(probe, name) for name in SUBJECTS for probe in (PROBES[1:] if name == "batch-normalised" else PROBES)],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_probes_answer_on_real_learners_by_the_computations_that_they_ask_for(
    probe: AbstractProbe, distilled: str, memos: dict[str, Planted]
) -> None:
    network, rows = SUBJECTS[distilled]
    found = Planted(dict(memos[network].outcomes), strict=False)
    context = context_of(1, found, rows, network)
    for computation in probe.computations(context):
        assert from_spec(json.loads(json.dumps(to_spec(computation)))) == computation
        assert computation.flops(context) > 0
        context.outcome(computation)
    asked = len(found.outcomes)
    finding = probe.find(context)
    assert len(found.outcomes) == asked
    assert Finding.of(json.loads(json.dumps(finding.document(), allow_nan=False))).verdict == finding.verdict
    assert finding.tone == "unknown" or len(context.distilled) > 1 or not isinstance(probe, LearningTime)
    for computation in probe.computations(context):
        if not computation.depends_on_set:
            memos[network].outcomes[spec_id(to_spec(computation))] = context.outcome(computation)
