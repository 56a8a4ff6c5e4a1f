"""Learners of real data that are trained further on a set, on outcomes that are known exactly and on real ones."""

from __future__ import annotations

import json
import re

import pytest
import torch

from limbeck.computations import Training, real_trajectory
from limbeck.core.family import from_spec, to_spec
from limbeck.core.findings import Finding
from limbeck.core.tree import Tree
from limbeck.learn.training import Learner
from limbeck.probes import Continuation
from limbeck.statistics.estimates import t_quantile
from planted import KEY, NETWORK, Planted, context_of

IMAGE = "1 random real example per class"


def planted(after: list[float], images: list[float], before: float = 0.6) -> Finding:
    """The finding on learners of accuracies `before`, a hundredth more, .. before, and these after.

    The trajectories of the learners end after 700 steps, of up to 12,000.
    """
    repeats = len(after)
    cache, probe = Planted(), Continuation(repeats=repeats)
    context = context_of(cache=cache)

    def plant(training: Training, *accuracies: float, steps: tuple[int, ...] = ()) -> None:
        accuracy = torch.tensor(accuracies, dtype=torch.float64)
        cache.plant(training, {"accuracy": accuracy, "steps": torch.tensor(steps)})

    trainings = probe._trainings(context)
    for seed in range(repeats):
        plant(real_trajectory(seed, 10), 0.1, before + seed / 100, steps=(0, 700))
        plant(trainings["the set"][seed], *[0.0] * 5, after[seed])
        plant(trainings["random real examples"][seed], *[0.0] * 5, images[seed])
    plant(trainings["all real data"][0], *[0.0] * 5, 0.7)
    return probe.find(context)


def changed(*changes: float) -> list[float]:
    """The accuracies after, of learners that change so much."""
    return [0.6 + seed / 100 + change for seed, change in enumerate(changes)]


def test_changes_are_paired_with_each_learner_before_and_hold_at_once() -> None:
    found = planted(changed(-0.06, -0.06, -0.05, -0.06), changed(-0.1, -0.1, -0.1, -0.1))
    change, beyond = found.fact("change by the set"), found.fact("change by the set less that by random real examples")
    # Three numbers are tried: each at 0.05 / 3.
    quantile = t_quantile(3, 0.05 / 3)
    assert change.value == pytest.approx(-0.0575) and change.n == 4
    assert change.high - change.value == pytest.approx(quantile * 0.005 / 2, abs=1e-6)
    assert found.fact("change by random real examples")[1:] == pytest.approx((-0.1, -0.1, -0.1, 4))
    assert beyond.value == pytest.approx(0.0425)
    assert beyond.high - beyond.value == pytest.approx(quantile * 0.005 * (5 / 4) ** 0.5, abs=1e-6)
    assert found.fact("change by all real data")[1:] == pytest.approx((0.1, 0.1, 0.1, 1))
    assert found.fact("test accuracy before").value == pytest.approx(0.615)
    assert found.table("continuation").rows[0][:3] == ("the set", 0, pytest.approx(0.615))
    assert found.table("continuation").column("step")[:7] == [0, 1, 3, 10, 30, 100, 300]
    assert "(700 to 700 steps)" in found.method
    control = {fact.name: fact.value for fact in found.control}
    assert control["change by the set"] == pytest.approx(-0.1)


COSTS, LOWERS = [-0.06, -0.06, -0.05, -0.06], [-0.1, -0.1, -0.1, -0.1]


@pytest.mark.parametrize(
    ("ours", "images", "tone", "said"),
    [
        (
            COSTS,
            LOWERS,
            "avoid",
            rf"costs 5\.[78] points \(4\.5 to 7\.0\) of test accuracy, from 61\.5 to 55\.[78] %\. After {IMAGE} it is "
            r"4\.[23] points \(1\.5 to 7\.0\) lower still: do not train .* but if you must, on the set\.",
        ),
        (
            [-0.2, -0.2, -0.19, -0.2],
            LOWERS,
            "avoid",
            rf"After {IMAGE} it is 9\.[78] points \(.*\) higher\. Do not use the set as replay memory",
        ),
        (
            COSTS,
            [-0.06, -0.05, -0.06, -0.06],
            "avoid",
            rf"So do {IMAGE} \(5\.[78] points \(4\.5 to 7\.0\)\): it is training on few images, not what they are\. Do "
            "not train a finished learner on so few alone, distilled or real; whether .* not decided",
        ),
        (
            COSTS,
            [-0.3, 0.1, -0.05, 0.06],
            "avoid",
            rf"Do not use it as replay memory or for fine-tuning\. {IMAGE} change it by -4\.[78] points",
        ),
        ([0.002, 0.001, 0.0, 0.003], LOWERS, "note", r"less than 1 point: \+0\.[12] points \(-0\.2 to \+0\.5\)"),
        ([0.03, 0.04, 0.03, 0.04], LOWERS, "use", "raises its test accuracy by 3.5 points"),
        ([0.03, 0.04, 0.03, 0.04], [0.04, 0.03, 0.04, 0.03], "use", rf"So do {IMAGE} .* no merit of the set's"),
        ([0.05, -0.05, 0.02, -0.04], LOWERS, "unknown", "^Inconclusive: training a finished learner"),
    ],
)
def test_the_verdict_follows_the_intervals(ours: list[float], images: list[float], tone: str, said: str) -> None:
    found = planted(changed(*ours), changed(*images))
    assert (found.tone, bool(re.search(said, found.verdict))) == (tone, True), found.verdict


def test_learners_at_chance_have_nothing_to_lose() -> None:
    found = planted([0.04, 0.05, 0.03, 0.04], [0.1, 0.1, 0.1, 0.1], before=0.09)
    assert found.tone == "unknown" and found.claims == ()
    assert re.match(r"Not known: learners of all real data are not shown to be above chance \(10\.5 %", found.verdict)


@pytest.mark.parametrize("repeats", [1, 2])
def test_one_or_two_learners_leave_it_open(repeats: int) -> None:
    found = planted(changed(*[-0.1] * repeats), changed(*[-0.1] * repeats))
    assert found.tone == "unknown" and "-10.0 points" in found.verdict and found.verdict.startswith("Inconclusive")
    assert all(claim.side == "open" for claim in found.claims) and "would decide" in found.deciding


def test_a_continuation_begins_where_the_course_ended_and_at_rest() -> None:
    cache = Planted(strict=False)
    context = context_of(cache=cache)
    begun = context.problem.network.init(KEY.fold("end"))
    kept = {"300": context.problem.network.init(KEY), "700": begun}
    cache.plant(real_trajectory(1, 100), {"params": kept, "steps": torch.tensor([0, 300, 700])})
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


@pytest.fixture(scope="module")
def begun() -> Planted:
    """The learners that are trained further, and what has come of it."""
    return Planted(strict=False)


@pytest.mark.parametrize(
    ("network", "rows"), [(NETWORK, slice(None)), (NETWORK, slice(0, 1)), (f"{NETWORK}-batch", slice(None))]
)
def test_it_answers_on_real_learners_by_the_computations_that_it_asks_for(
    network: str, rows: slice, begun: Planted
) -> None:
    probe = Continuation(repeats=2 if network == NETWORK else 1, every=150, steps=3)
    trajectories = {name: outcome for name, outcome in begun.outcomes.items() if network == NETWORK}
    memo = Planted(dict(trajectories), strict=False)
    context = context_of(1, memo, rows, network)
    for computation in probe.computations(context):
        assert from_spec(json.loads(json.dumps(to_spec(computation)))) == computation
        assert computation.flops(context) > 0
        outcome = context.outcome(computation)
        if network == NETWORK and not computation.depends_on_set:
            begun.plant(computation, outcome)
    asked = len(memo.outcomes)
    finding = probe.find(context)
    assert len(memo.outcomes) == asked
    assert Finding.of(json.loads(json.dumps(finding.document(), allow_nan=False))).verdict == finding.verdict
    assert re.search(r"levels off \(\d+ to \d+ steps\)", finding.method)
