"""Training on sets, real examples and both, and what substitution and mixing make of planted accuracies."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch

from limbeck.computations import Mixture, Steps, Training, real_trajectory
from limbeck.computations.contract import BatchSet, ProbeContext
from limbeck.core import tree
from limbeck.core.contracts import Batch, NoCache, Problem
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


def test_items_are_chosen_and_real_examples_left_out_by_their_places() -> None:
    context = context_of(WILD)
    some = Mixture(items=(3, 0)).batch(context)
    assert torch.equal(some.inputs, WILD.inputs[[3, 0]]) and torch.equal(some.classes, WILD.classes[[3, 0]])
    whole, less = (Mixture((), 2, without_real=places).batch(context) for places in ((), (0, 19)))
    assert torch.equal(less.inputs, whole.inputs[1:19])
    assert Mixture((), 2, without_real=(0, 19)).count(context) == len(less.classes) == 18


def test_clipping_is_of_raw_values_of_each_channel_and_of_the_set_alone_and_done_once() -> None:
    context = context_of(WILD)
    clipped = Mixture(real=1, clipped=True).batch(context)
    raw = TASK.codec.decode(clipped.inputs)
    torch.testing.assert_close(raw[:20], TASK.codec.decode(WILD.inputs).clamp(0, 1), atol=1e-6, rtol=0)
    assert torch.equal(clipped.inputs[20:], Mixture(items=(), real=1).batch(context).inputs)
    again = Mixture(clipped=True).batch(context_of(WILD._replace(inputs=clipped.inputs[:20])))
    torch.testing.assert_close(again.inputs, clipped.inputs[:20], atol=1e-6, rtol=0)


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
    """A memo whose trainings come to what is planted: accuracies at each reading."""

    accuracy: Callable[[dict[str, Any]], list[float]]

    def remember(self, address: dict[str, Any], make: Callable[[], Tree], branch: str = "") -> Tree:
        made = {"accuracy": torch.tensor(self.accuracy(address["computation"]), dtype=torch.float64)}
        return tree.branch(made, branch)


def mixed(differences: dict[int, list[float]], real: float = 0.3) -> ProbeContext:
    """A set whose learners lose and gain so much with real images, seed by seed, around 0.5; `real` is theirs."""

    def accuracy(training: dict[str, Any]) -> list[float]:
        on, seed = training["on"], training["seed"]
        return [real if on["items"] == [] else 0.5 + 0.01 * seed + differences[on["real"]][seed]]

    return context_of(WILD, Planted(accuracy))


@pytest.mark.parametrize(
    ("differences", "tone", "said"),
    [
        ({0: [0.0] * 3, 2: [-0.02, -0.03, -0.025], 10: [-0.09, -0.09, -0.091]}, "avoid", "Adding 10 .* 9.0 points"),
        (
            {0: [0.0] * 3, 2: [-0.02, -0.03, -0.025], 10: [0.05] * 3},
            "avoid",
            "Adding 2 .* 2.5 .*From 10 per class on they raise it",
        ),
        (
            {0: [0.0] * 3, 2: [0.02, 0.03, 0.025], 10: [0.09] * 3},
            "use",
            "raises test accuracy, by 2.5 points .* with 2",
        ),
        ({0: [0.0] * 3, 2: [0.05, -0.05, 0.0], 10: [0.09] * 3}, "note", "Inconclusive: adding 2 real"),
    ],
)
def test_mixing_is_told_by_paired_differences(differences: dict[int, list[float]], tone: str, said: str) -> None:
    finding = Mixing(added=(0, 2, 10), repeats=3).find(mixed(differences))
    assert finding.tone == tone
    assert re.search(said, finding.verdict), finding.verdict
    gain = finding.fact("gain of 10 real")
    assert gain.value == pytest.approx(sum(differences[10]) / 3) and gain.n == 3
    assert finding.table("mixing").column("set and real") == pytest.approx(
        [0.51 + sum(differences[r]) / 3 for r in (0, 2, 10)]
    )
    edge = finding.fact("gain of the set beside 2 real")
    assert edge.value == pytest.approx(0.21 + sum(differences[2]) / 3) and edge.n == 3


@pytest.mark.parametrize(
    ("real", "said"),
    [
        (0.3, ""),
        (0.6, " With 10, real images in place of the set do as well."),
        (0.9, " With 10, real images in place of the set do better."),
    ],
)  # fmt: skip
def test_mixing_tells_whether_real_images_in_place_of_the_set_do_as_well(real: float, said: str) -> None:
    context = mixed({0: [0.0] * 3, 2: [0.05, -0.05, 0.0], 10: [0.09] * 3}, real)
    assert Mixing(added=(0, 2, 10), repeats=3).find(context).verdict == (
        "Inconclusive: adding 2 real images per class does not change test accuracy significantly. Adding 10 raises "
        f"it by 9.0 points (9.0 to 9.0).{said}"
    )


def test_a_set_is_equivalent_to_what_gives_the_same_accuracy_by_geometric_means() -> None:
    def accuracy(training: dict[str, Any]) -> list[float]:
        on = training["on"]
        if on["part"] == "source/all-real":
            return [step / 1000 for step in training["reads"]]
        if on["items"] == []:
            return [{1: 0.1, 4: 0.2, 16: 0.3}[on["real"]]]
        return [{0: 0.15, 1: 0.25}[training["seed"]] - (0.05 if on["clipped"] else 0.0)]

    probe = Substitution(sizes=(1, 4, 16), repeats=2, trajectories=2, every=50)
    finding = probe.find(context_of(WILD, Planted(accuracy)))
    # Straight lines: 0.15 is half way from 1 to 4, 0.25 half way from 4 to 16; and 150 and 250 steps.
    assert finding.fact("equivalent real images per class").value == pytest.approx((2.5 * 10) ** 0.5)
    assert finding.fact("equivalent steps on real data").value == pytest.approx((150 * 250) ** 0.5)
    assert finding.fact("test accuracy lost by clipping").value == pytest.approx(0.05)
    assert "Do not clip" in finding.verdict and finding.verdict.startswith("Equivalent to 5 ")
    raw = TASK.codec.decode(WILD.inputs)
    outside = ((raw < -1e-5) | (raw > 1 + 1e-5)).double().mean()
    assert finding.fact("share of values outside").value == pytest.approx(float(outside)) and outside > 0.1
    assert finding.table("raw range").rows[0][1:3] == pytest.approx((float(raw.min()), float(raw.max())))
    density = finding.table("raw density")
    widths = [high - low for low, high in zip(density.column("from"), density.column("to"), strict=True)]  # type: ignore[operator]
    for side in ("set", "real"):
        total = sum(width * height for width, height in zip(widths, density.column(side), strict=True))  # type: ignore[operator]
        assert total == pytest.approx(1.0, abs=1e-4)


def test_a_set_above_the_measured_curve_is_equivalent_to_more_than_its_end() -> None:
    accuracy = lambda training: [0.9 if training["on"].get("items", []) != [] else 0.2] * 31  # noqa: E731
    finding = Substitution(sizes=(1, 4), repeats=2, trajectories=1).find(context_of(WILD, Planted(accuracy)))
    assert "Equivalent to more than 4 random real images per class, or more than 300 steps" in finding.verdict
    assert "equivalent real images per class" not in {fact.name for fact in finding.facts}


def test_a_course_is_read_before_the_first_step_and_after_the_last_and_the_first_is_kept() -> None:
    assert real_trajectory(0, 130).reads == real_trajectory(0, 130).keeps == (0, 130, 260, 300)
    assert real_trajectory(1, 130).keeps == (300,)
