"""Training on sets, real examples and both, and what substitution and mixing make of planted accuracies."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch

from limbeck.computations import Mixture, Steps, Training
from limbeck.computations.contract import BatchSet, ProbeContext
from limbeck.computations.sources import rounded
from limbeck.core import tree
from limbeck.core.contracts import Batch, NoCache, Problem
from limbeck.core.findings import Finding
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.probes.mixing import Mixing
from limbeck.probes.substitution import Substitution
from limbeck.schedules import Fixed
from limbeck.tasks import load

CPU = torch.device("cpu")
TASK = load("digits")


def context_of(batch: Batch, cache: Any = None, network: str = "convnet-w4-d1") -> ProbeContext:
    problem = Problem(TASK, TASK.network(network), CPU, cache or NoCache())
    schedule = Fixed().render({}, batch.classes, Key())
    return ProbeContext(problem, "set", BatchSet(f"{float(batch.inputs.sum())}", batch, schedule), "test", 100)


PROBLEM = Problem(TASK, TASK.network("convnet-w4-d1"), CPU, NoCache())
WILD = PROBLEM.real(Key(("wild",)), 2)
WILD = WILD._replace(inputs=3 * WILD.inputs)
"""Two images of each class, many values of which lie outside the range of real ones."""


@pytest.mark.parametrize(("few", "many"), [(1, 2), (2, 10), (10, 50)])
def test_real_examples_of_a_larger_mixture_include_those_of_a_smaller_and_are_those_of_every_set(
    few: int, many: int
) -> None:
    context, other = context_of(WILD), context_of(PROBLEM.real(Key(("other",)), 1))
    larger, smaller = (Mixture(items=(), real=count).batch(context) for count in (many, few))
    for label in range(10):
        ours, theirs = (batch.inputs[batch.classes == label] for batch in (smaller, larger))
        assert torch.equal(ours, theirs[:few]) and len(theirs) == many
    assert torch.equal(Mixture(items=(), real=few).batch(other).inputs, smaller.inputs)
    assert not torch.equal(Mixture(items=(), real=few, shuffle=1).batch(context).inputs, smaller.inputs)


def test_the_set_is_ten_of_ten_and_r_of_a_mixture_and_lies_first() -> None:
    context = context_of(PROBLEM.real(Key(("ten",)), 10))
    for added in (0, 2, 50):
        mixed, batch = Mixture(real=added), Mixture(real=added).batch(context)
        assert len(context.distilled) / mixed.count(context) == pytest.approx(10 / (10 + added))
        assert len(batch.classes) == mixed.count(context)
        assert torch.equal(batch.inputs[:100], context.distilled.batch.inputs)


def test_items_are_chosen_by_their_places() -> None:
    context = context_of(WILD)
    some = Mixture(items=(3, 0)).batch(context)
    assert torch.equal(some.inputs, WILD.inputs[[3, 0]]) and torch.equal(some.classes, WILD.classes[[3, 0]])
    assert Mixture(items=(3, 0)).count(context) == len(some.classes) == 2


def test_clipping_is_of_raw_values_of_each_channel_and_of_the_set_alone_and_done_once() -> None:
    context = context_of(WILD)
    clipped = Mixture(real=1, clipped=True).batch(context)
    raw = TASK.codec.decode(clipped.inputs)
    torch.testing.assert_close(raw[:20], TASK.codec.decode(WILD.inputs).clamp(0, 1), atol=1e-6, rtol=0)
    assert torch.equal(clipped.inputs[20:], Mixture(items=(), real=1).batch(context).inputs)
    again = Mixture(clipped=True).batch(context_of(WILD._replace(inputs=clipped.inputs[:20])))
    torch.testing.assert_close(again.inputs, clipped.inputs[:20], atol=1e-6, rtol=0)


def test_8_bits_are_256_levels_of_each_channel_between_its_least_and_largest_value() -> None:
    context = context_of(WILD)
    raw, stored = (TASK.codec.decode(Mixture(levels=levels).batch(context).inputs) for levels in (0, 256))
    low, high = raw.min(), raw.max()
    size = (high - low) / 255
    assert not torch.equal(raw, stored) and low < -0.1 and high > 1.1, "nothing is clipped"
    assert float((raw - stored).abs().max()) <= float(size) / 2 + 1e-5
    places = (stored - low) / size
    torch.testing.assert_close(places, places.round(), atol=2e-3, rtol=0)
    assert len(places.round().unique()) <= 256
    torch.testing.assert_close(torch.stack([stored.min(), stored.max()]), torch.stack([low, high]), atol=1e-5, rtol=0)
    some = TASK.codec.decode(Mixture(items=(3,), levels=256).batch(context).inputs)
    torch.testing.assert_close(some[0], stored[3], atol=1e-6, rtol=0)


def test_levels_are_of_each_channel_by_itself_and_leave_equal_numbers_and_what_is_no_fraction_alone() -> None:
    leaf = torch.tensor([[[[0.0, 0.3]], [[10.0, 16.0]], [[5.0, 5.0]]], [[[1.0, 0.6]], [[20.0, 12.0]], [[5.0, 5.0]]]])
    expected = torch.tensor(
        [[[[0.0, 0.5]], [[10.0, 15.0]], [[5.0, 5.0]]], [[[1.0, 0.5]], [[20.0, 10.0]], [[5.0, 5.0]]]]
    )
    torch.testing.assert_close(rounded(leaf, 3), expected)
    whole = torch.arange(5)
    assert rounded(whole, 2) is whole


@pytest.mark.parametrize("network", ["convnet-w4-d1", "convnet-w4-d1-batch"])
def test_a_training_is_sgd_read_and_kept_on_the_way_and_gone_on_with_from_rest(network: str) -> None:
    context = context_of(PROBLEM.real(Key(("plain",)), 2), network=network)
    begun = Training(seed=3, protocol=Steps(4, 0, 0.1, weight_decay=0.01), reads=(0, 2, 4), keeps=(2, 4))
    outcome = begun.run(context)
    assert outcome["predictions"].shape == outcome["losses"].shape == (3, 100)

    net, batch = context.problem.network, context.distilled.batch
    params = {name: value.clone().requires_grad_() for name, value in net.init(Key(("train", 3)).fold("init")).items()}
    statistics = net.statistics()
    optimiser = torch.optim.SGD(params.values(), lr=0.1, momentum=0.9, weight_decay=0.01)
    for _ in range(2):
        for _ in range(2):
            readout, statistics = net.track(params, batch.inputs, statistics)
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(readout.outputs, batch.classes).backward()
            optimiser.step()
    found = outcome["params"]["4"]
    for name, value in params.items():
        torch.testing.assert_close(found[name], value.detach(), rtol=1e-4, atol=1e-5)
    with torch.no_grad():
        outputs = net.apply(params, context.examples.inputs, statistics).outputs
    losses = torch.nn.functional.cross_entropy(outputs, context.examples.classes, reduction="none")
    torch.testing.assert_close(outcome["losses"][2], losses, rtol=1e-3, atol=1e-3)
    accuracy = (outputs.argmax(1) == context.examples.classes).double().mean()
    assert float(outcome["accuracy"][2]) == pytest.approx(float(accuracy), abs=0.011)

    further = Training(seed=3, protocol=Steps(2, 0, 0.1), start=replace(begun, keeps=(4,)), reads=(0, 2), keeps=(2,))
    beyond = further.run(context)
    assert torch.equal(beyond["predictions"][0], outcome["predictions"][2])
    optimiser = torch.optim.SGD(params.values(), lr=0.1, momentum=0.9)
    for _ in range(2):
        readout, statistics = net.track(params, batch.inputs, statistics)
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(readout.outputs, batch.classes).backward()
        optimiser.step()
    for name, value in params.items():
        torch.testing.assert_close(beyond["params"]["2"][name], value.detach(), rtol=1e-4, atol=1e-5)


@dataclass(frozen=True)
class Planted:
    """A memo whose trainings come to what is planted: accuracies at each reading, of a set by its digest."""

    accuracy: Callable[[dict[str, Any], str], list[float]]
    steps: tuple[int, ...] = ()
    """Those at which a trajectory was read that ends where it levels off."""

    def remember(self, address: dict[str, Any], make: Callable[[], Tree], branch: str = "") -> Tree:
        accuracy = torch.tensor(self.accuracy(address["computation"], address["set"]), dtype=torch.float64)
        return tree.branch({"accuracy": accuracy, "steps": torch.tensor(self.steps)}, branch)


def mixed(differences: dict[int, list[float]], real: dict[int, float], start: float = 0.5) -> ProbeContext:
    """A set whose learners lose and gain so much with real examples, seed by seed, around `start`.

    As many real examples in its place come to so much less, on the whole set's 2 images per class and those added.
    """

    def accuracy(training: dict[str, Any], digest: str) -> list[float]:
        on, seed = training["on"], training["seed"]
        added = on["real"] - (2 if on["items"] == [] else 0)
        mixture = start + 0.01 * seed + differences[added][seed]
        # Real examples differ from draw to draw: by 1, 0 and -1 points, and so on.
        return [mixture - real[added] + 0.01 * (1 - seed % 3) if on["items"] == [] else mixture]

    return context_of(WILD, Planted(accuracy))


SAME = {0: [0.0] * 3, 2: [-0.001, 0.001, 0.0], 10: [0.002, 0.001, 0.003]}
"""Adding real examples changes nothing that shows."""
HALF = 0.01 * 8.8602 * (4 / 3) ** 0.5
"""Half of a predictive interval of three differences of standard deviation 0.01, of four that hold at once.

The quantile of Student's t is that at 1 - 0.05 / 8 with two degrees of freedom.
"""


@pytest.mark.parametrize(
    ("real", "tone", "said"),
    [
        (
            {0: 0.4, 2: 0.3, 10: 0.2},
            "use",
            r"Real examples can be added to the set: with 2 and 10 per class it does better than as many real examples "
            r"in its place, by 30.0 points \(19.8 to 40.2\) and 20.0 points \(9.8 to 30.2\)\. Against",
        ),
        (
            {0: 0.4, 2: 0.3, 10: -0.2},
            "avoid",
            r"Use real examples instead of the set from 10 real examples per class on: as many in its place do better, "
            r"by 20.0 points \(9.8 to 30.2\)\. With 2 it does better than as many real examples in its place, by 30.0",
        ),
        (
            {0: 0.4, 2: -0.2, 10: 0.3},
            "avoid",
            "Use real examples instead of the set with 2 real examples per class: as many .* With 10 it does better",
        ),
        (
            {0: 0.4, 2: 0.3, 10: 0.05},
            "unknown",
            r"Inconclusive: with 10 real examples per class, the set is \+5.0 points \(-5.2 to \+15.2\) from one "
            r"more draw of as many in its place, which is not decided\. With 2 it does better than as many",
        ),
    ],
)
def test_mixing_is_told_by_what_the_set_brings_beside_as_many_real_images(
    real: dict[int, float], tone: str, said: str
) -> None:
    finding = Mixing(added=(0, 2, 10), repeats=3).find(mixed(SAME, real))
    assert finding.tone == tone
    assert re.match(said, finding.verdict), finding.verdict
    over = finding.fact("gain of the set beside 10 real")
    assert over.value == pytest.approx(real[10]) and over.n == 3
    assert over.high - over.value == pytest.approx(HALF, rel=1e-3)
    row = finding.table("mixing").rows[2]
    assert row[7:10] == pytest.approx(over[1:4]) and row[10:] == pytest.approx(finding.fact("gain of 10 real")[1:4])


def test_what_real_images_add_to_the_set_is_told_beside_and_paired_with_the_set_alone() -> None:
    changes = {0: [0.0] * 3, 2: [-0.02, -0.021, -0.019], 10: [0.05, 0.05, 0.051]}
    finding = Mixing(added=(0, 2, 10), repeats=3).find(mixed(changes, {0: 0.3, 2: 0.3, 10: 0.3}))
    assert finding.tone == "use"
    assert finding.verdict.endswith(
        "Against its accuracy alone, adding 2 per class lowers it by 2.0 points (1.5 to 2.5); adding 10 per class "
        "raises it by 5.0 points (4.7 to 5.3)."
    )
    lost = finding.fact("gain of 2 real")
    assert lost.value == pytest.approx(-0.02) and lost.n == 3
    assert lost.high - lost.value == pytest.approx(8.8602 * 0.001 / 3**0.5, rel=1e-3)
    assert finding.table("mixing").column("set and real") == pytest.approx([0.51, 0.49, 0.51 + 0.151 / 3])
    assert {claim.side for claim in finding.claims} == {"above", "below"} and len(finding.claims) == 4


def test_a_verdict_that_claims_names_what_it_leaves_open() -> None:
    """What the set brings is decided, what adding two images changes is not: the mark is of the one, not of both."""
    changes = {0: [0.0] * 3, 2: [-0.06, 0.0, 0.05], 10: [0.05, 0.05, 0.051]}
    finding = Mixing(added=(0, 2, 10), repeats=3).find(mixed(changes, {0: 0.3, 2: 0.3, 10: 0.3}))
    still = [claim.fact for claim in finding.claims if claim.side == "open"]
    assert finding.tone == "use" and still == ["gain of 2 real"]
    assert "decide what is open (gain of 2 real)" in finding.deciding and "decide it" not in finding.brief


@pytest.mark.parametrize("repeats", [1, 2])
def test_one_or_two_seeds_leave_mixing_open_and_say_how_many_more_would_decide_it(repeats: int) -> None:
    found = Mixing(added=(0, 2, 10), repeats=repeats).find(mixed(SAME, {0: 0.4, 2: 0.3, 10: -0.2}))
    assert found.tone == "unknown" and found.verdict.startswith(f"Inconclusive: {repeats} seed")
    assert all(claim.side == "open" for claim in found.claims) and "would decide" in found.deciding


def test_nothing_is_claimed_of_mixing_a_set_that_is_at_chance() -> None:
    finding = Mixing(added=(0, 2), repeats=3).find(mixed(SAME, {0: -0.4, 2: -0.4}, start=0.09))
    assert finding.tone == "unknown" and finding.claims == ()
    assert "not shown to be above chance (10.0 %; chance is 10.0 %)" in finding.verdict


def test_the_control_of_mixing_is_real_images_in_place_of_the_set() -> None:
    finding = Mixing(added=(0, 2), repeats=3).find(mixed(SAME, {0: 0.4, 2: 0.3}))
    control = {fact.name: fact for fact in finding.control}
    assert control["gain of the set beside 2 real"].value == 0
    assert control["test accuracy of the set alone"].value == pytest.approx(0.11)
    assert control["gain of 2 real"].value == pytest.approx(0.1)
    assert set(control) == {fact.name for fact in finding.facts}


def test_a_set_is_equivalent_to_what_gives_the_same_accuracy_by_geometric_means() -> None:
    finding = substituted({0: 0.15, **dict.fromkeys(range(1, 5), 0.25)}, repeats=5)
    # Straight lines: 0.15 is 9 of 59 on the way from 2 to 4, 0.25 half way from 4 to 16; and 150, 250 and 250 steps.
    first = 2 + 2 * 9 / 59
    assert finding.fact("equivalent real examples per class").value == pytest.approx((first * 10**4) ** (1 / 5))
    assert finding.fact("equivalent steps on real data").value == pytest.approx((150 * 250 * 250) ** (1 / 3))
    assert finding.verdict.startswith(
        "Equivalent to 7.5 (3.3 to more than 16) random real examples per class (300 steps of SGD on all of them "
        "at once, as on the set), or to 211 (101 to more than 400) steps of training on all real examples (in batches "
        "of 256); "
    ), finding.verdict
    raw = TASK.codec.decode(WILD.inputs)
    outside = ((raw < -1e-5) | (raw > 1 + 1e-5)).double().mean()
    assert finding.fact("share of values outside").value == pytest.approx(float(outside)) and outside > 0.1
    assert finding.table("raw range").rows[0][1:3] == pytest.approx((float(raw.min()), float(raw.max())))
    density = finding.table("raw density")
    widths = [high - low for low, high in zip(density.column("from"), density.column("to"), strict=True)]  # type: ignore[operator]
    for side in ("set", "real"):
        total = sum(width * height for width, height in zip(widths, density.column(side), strict=True))  # type: ignore[operator]
        assert total == pytest.approx(1.0, abs=1e-4)


def substituted(
    ours: dict[int, float],
    clipped: float = 0.0,
    stored: float = 0.0,
    *,
    own: float = 0.14,
    repeats: int = 3,
) -> Finding:
    """The finding on a set whose learners come to so much, seed by seed, and lose so much clipped and in 8 bits.

    Real examples come to 0.1, 0.2 and 0.3 with 1, 4 and 16 per class, and to `own` with 2, as many as the set has; all
    real data to a thousandth of the step, up to 400 where the first trajectory ends. Controls come to `own` too.
    """
    digest = context_of(WILD).distilled.digest

    def accuracy(training: dict[str, Any], of: str) -> list[float]:
        on, seed = training["on"], training["seed"]
        uneven = 0.001 * (1 - seed % 3)
        if on["part"] == "source/all-real":
            return [step / 1000 for step in STEPS]
        if on["items"] == []:
            return [{1: 0.1, 2: own + uneven, 4: 0.2, 16: 0.3}[on["real"]]]
        if of != digest:
            return [own + uneven]
        lost = (clipped if on["clipped"] else 0.0) + (stored if on["levels"] else 0.0)
        return [ours[seed] - lost - (uneven if lost else 0.0)]

    probe = Substitution(sizes=(1, 4, 16), repeats=repeats, trajectories=3, every=50, controls=3)
    return probe.find(context_of(WILD, Planted(accuracy, STEPS)))


STEPS = (0, 50, 100, 150, 200, 250, 300, 350, 400)


@pytest.mark.parametrize(
    ("level", "images", "steps"), [(0.9, "more than 16", "more than 400"), (0.05, "fewer than 1", "50 (50 to 50)")]
)
def test_an_equivalent_beyond_what_was_measured_is_said_to_lie_there(level: float, images: str, steps: str) -> None:
    finding = substituted(dict.fromkeys(range(3), level), own=0.0)
    said = f"quivalent to {images} random real examples per class .* or to {re.escape(steps)} steps of"
    if level > 0.1:
        assert re.search(said, finding.verdict), finding.verdict
    else:
        assert finding.verdict.startswith("Not known: learners of the set are not shown to be above chance (5.0 %")
    end = {0.9: 16.0, 0.05: 1.0}[level]
    assert finding.fact("equivalent real examples per class")[1:] == (end, end, end, 3)
    assert f"which {images} per class come to" in finding.table("real examples").caption


def test_seeds_beyond_the_curve_count_at_its_end_and_leave_the_interval_open_there() -> None:
    finding = substituted({0: 0.45, **dict.fromkeys(range(1, 5), 0.25)}, repeats=5)
    images = finding.fact("equivalent real examples per class")
    assert images.value == pytest.approx((16 * 10**4) ** (1 / 5)) and images.high == 16.0 and images.n == 5
    assert 8 < images.low < 10 and "to more than 16) random real examples" in finding.verdict
    steps = finding.fact("equivalent steps on real data")
    assert steps.value == pytest.approx((400 * 250 * 250) ** (1 / 3)) and steps.high == 400


@pytest.mark.parametrize(
    ("clipped", "stored", "said"),
    [
        (0.1, 0.0, r"Do not clip it .*: that costs 10.0 points \(9.6 to 10.4\)\.$"),
        (0.0, 0.1, r"Do not store it in 8 bits: 256 levels over its own range cost 10.0 points \(9.6 to 10.4\)\.$"),
        (
            0.1,
            0.001,
            r"costs 10.0 points \(9.6 to 10.4\)\. Stored in 8 bits, .* loses less than 1 point \(-0.3 to 0.5\)\.$",
        ),
        (0.0, 0.0, r"above it\.$|below it\.$"),
    ],
)
def test_clipping_and_8_bits_are_told_apart_by_what_each_costs(clipped: float, stored: float, said: str) -> None:
    finding = substituted({0: 0.25, 1: 0.25, 2: 0.251}, clipped, stored)
    assert re.search(said, finding.verdict), finding.verdict
    assert ("Do not clip" in finding.verdict) == (clipped > 0.05)
    assert ("Do not store" in finding.verdict) == (stored > 0.05)
    assert finding.fact("test accuracy lost by clipping").value == pytest.approx(clipped)
    assert finding.fact("test accuracy lost by storing it in 8 bits").value == pytest.approx(stored)


@pytest.mark.parametrize(
    ("own", "tone", "said"),
    [
        (0.14, "use", r"It is worth more than 2 per class: one more draw of as many real examples is 11\.0 points"),
        (0.35, "avoid", r"It is worth less than 2 per class: one more draw of as many real examples is 10\.0 points"),
        (0.252, "note", r"One more draw of 2 per class might do as well: the set is -0\.2 points"),
    ],
)
def test_a_set_is_worth_more_than_its_own_number_of_images_only_where_that_is_decided(
    own: float, tone: str, said: str
) -> None:
    finding = substituted({0: 0.25, 1: 0.25, 2: 0.251}, own=own)
    assert (finding.tone, bool(re.search(said, finding.verdict))) == (tone, True), finding.verdict


def test_random_real_images_stand_beside_as_worth_about_their_own_number() -> None:
    finding = substituted({0: 0.25, 1: 0.25, 2: 0.25}, own=0.14)
    control = {fact.name: fact for fact in finding.control}
    # Each draw has the accuracy of the draw of its seed: 2 images per class, of 1 and 4 that come to 0.1 and 0.2.
    assert control["equivalent real examples per class"].value == pytest.approx(2.0, rel=1e-3)
    assert control["equivalent steps on real data"].value == pytest.approx(140, rel=1e-3)
    assert control["test accuracy"].value == pytest.approx(0.14) and control["test accuracy"].n == 3
    over = control["gain over as many random real examples"]
    assert over.value == pytest.approx(0.0, abs=1e-9) and over.low < 0 < over.high


def test_one_or_two_seeds_leave_open_what_a_set_is_worth() -> None:
    finding = substituted({0: 0.25, 1: 0.26}, repeats=2)
    assert finding.tone == "unknown" and finding.verdict.startswith("Inconclusive: 2 seeds cannot decide it. By what")
    assert all(claim.side == "open" for claim in finding.claims)


def test_controls_are_each_trained_on_by_the_seed_of_their_number() -> None:
    context, probe = context_of(WILD), Substitution(sizes=(1,), repeats=3, controls=2)
    asked = [probe.computations(each) for each in context.controls(3)]
    assert asked == [(Training(Mixture(), 0),), (Training(Mixture(), 1),), ()]
    assert Training(Mixture((), 2, shuffle=2), 2) in probe.computations(context), "as many as the set has"
