"""Of sets that are one more draw of random examples under hard labels, nothing is seldom said; scores are theirs."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch

from limbeck.computations import HardLabelled, Mixture
from limbeck.computations.contract import BatchSet, ProbeContext
from limbeck.core.contracts import NoCache, Problem
from limbeck.core.findings import Verdict
from limbeck.core.key import Key
from limbeck.probes.verdicts.reliance import AUGMENTED, IMAGES, LABELS, Seen, decided, verdict
from limbeck.schedules import Fixed
from limbeck.statistics.chance import Chance
from limbeck.statistics.robust_scores import augmentation_robust, label_robust
from limbeck.tasks import load
from simulated import claiming, seldom


def simulated(
    key: Key, seeds: int = 5, images: float = 0.0, labels: float = 0.0, augmented: float = 0.0, soft: bool = True
) -> Verdict:
    """Accuracies that differ by chance from what they are held against, and by so much."""

    def drawn(name: str, mean: float, spread: float = 0.02) -> list[float]:
        return (mean + spread * key.fold(name).normal(seeds).double()).tolist()

    # The set is one thing, which learners measure; random examples are drawn anew for each.
    random, other = drawn("random", 0.5, 0.03), drawn("random augmented", 0.5, 0.03)
    draw = 0.03 * float(key.fold("draw").normal(1))
    hard = drawn("hard", 0.5 + images + draw)
    own = [value + labels + wobble for value, wobble in zip(hard, drawn("own", 0.0), strict=True)]
    gained = [value - by for value, by in zip(own, random, strict=True)]
    more = [by + gain + augmented for by, gain in zip(other, gained, strict=True)]
    augmented_set = [value + wobble for value, wobble in zip(more, drawn("augmented", 0.0), strict=True)]
    return verdict(Seen(own, hard, augmented_set, random, other, drawn("full", 0.9), soft), Chance(0.1, 1000), 0.05)


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_what_differs_by_chance_is_seldom_claimed(seeds: int) -> None:
    assert seldom(claiming(partial(simulated, seeds=seeds)))


@pytest.mark.parametrize(
    ("fact", "planted"), [(IMAGES, {"images": 0.3}), (LABELS, {"labels": -0.2}), (AUGMENTED, {"augmented": 0.2})]
)
def test_what_is_planted_is_found(fact: str, planted: dict[str, float]) -> None:
    def of(key: Key) -> Verdict:
        said = simulated(key, **planted)
        return said._replace(claims=tuple(each for each in said.claims if each.fact == fact))

    assert claiming(of) > 190


def test_a_set_of_hard_labels_is_asked_nothing_of_them_and_its_scores_are_of_its_accuracies() -> None:
    said = simulated(Key(), soft=False)
    assert LABELS not in {each.fact for each in said.claims} and "Its own labels" not in said.text
    seen = Seen([0.6, 0.7], [0.5, 0.6], [0.65, 0.75], [0.4, 0.5], [0.45, 0.55], [0.9, 0.9], True)
    found = decided(seen, 0.05)
    assert found.lrs.value == pytest.approx((label_robust(0.9, 0.5, 0.6, 0.4) + label_robust(0.9, 0.6, 0.7, 0.5)) / 2)
    each = [augmentation_robust(0.65, 0.45, 0.6, 0.4), augmentation_robust(0.75, 0.55, 0.7, 0.5)]
    assert found.ars.value == pytest.approx(sum(each) / 2)


def test_scores_are_the_published_formulas() -> None:
    alpha = 0.5 * (0.6 - 0.5) - 0.5 * (0.85 - 0.2)
    assert label_robust(0.85, 0.2, 0.6, 0.5) == pytest.approx((math.exp(alpha) - 1 / math.e) / (math.e - 1 / math.e))
    beta = 0.25 * (0.6 - 0.5) + 0.75 * (0.4 - 0.45)
    score = augmentation_robust(0.6, 0.5, 0.4, 0.45, weight=0.25)
    assert score == pytest.approx((math.exp(beta) - math.exp(-1)) / (math.exp(1) - math.exp(-1)))


def test_hard_labels_are_one_hot_of_the_classes_and_nothing_else_is_changed() -> None:
    task = load("digits")
    problem = Problem(task, task.network("convnet-w4-d1"), torch.device("cpu"), NoCache())
    batch = problem.real(Key(), 1)
    soft = batch._replace(targets=torch.full((10, 10), 0.1))
    context = ProbeContext(problem, "", BatchSet("soft", soft, Fixed().render({}, batch.classes, Key())))
    rows = torch.tensor([3, 1])
    (ours, count), (before, _) = (source.examples(context, 0) for source in (HardLabelled(), Mixture()))
    shown, whole = ours(rows, 0), before(rows, 0)
    assert count == HardLabelled().count(context) == 10
    assert torch.equal(shown.targets, batch.targets[rows]) and torch.equal(shown.inputs, whole.inputs)
