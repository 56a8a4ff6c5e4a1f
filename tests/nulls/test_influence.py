"""Images that differ by chance are seldom said to stand for anything, whatever all images of a class share."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from limbeck.core.findings import Verdict
from limbeck.core.key import Key
from limbeck.probes.tables.influence import OTHERS, OWN, RELIABILITY, SEEDS, within_class
from limbeck.probes.verdicts.influence import DECIDING, verdict
from limbeck.statistics.decisions import ABOVE, corrected
from limbeck.statistics.estimates import LEVEL, estimate
from limbeck.statistics.repeatability import Pairs, over_draws, own_part, reliability_of
from simulated import claiming, claims, seldom

CLASSES, PER_CLASS, EXAMPLES = 3, 2, 40


def influences(key: Key, seeds: int, own: float = 0.0, shared: float = 0.5) -> tuple[list[Tensor], Tensor, Tensor]:
    """Influences under each seed: of a pattern of the class, the shared full training, chance, and the item's own."""
    classes = torch.arange(CLASSES).repeat_interleave(PER_CLASS)
    of = torch.arange(CLASSES).repeat_interleave(EXAMPLES)
    pattern = shared * key.fold("class").normal(CLASSES, len(of))[classes]
    mine = own * key.fold("own").normal(len(classes), len(of))
    found = []
    for seed in range(seeds):
        full = key.fold("full", seed).normal(1, len(of))
        found.append((pattern + mine + key.fold("seed", seed).normal(len(classes), len(of)) - full).double())
    return found, classes, of


def said(key: Key, seeds: int = 3, own: float = 0.0, shared: float = 0.5) -> Verdict:
    """The verdict on them, as the probe comes to it."""
    found, classes, of = influences(key, seeds, own, shared)
    pairs = Pairs.of(found, classes, of)

    def numbers(chosen: tuple[int, ...]) -> dict[str, float]:
        same, others = pairs.means(chosen)
        return {within_class(SEEDS): same, OTHERS: others, OWN: own_part(same, others)}

    facts = over_draws(numbers, seeds, {OWN: corrected(DECIDING, LEVEL)})
    if OWN in facts:
        facts[RELIABILITY] = reliability_of(RELIABILITY, facts[OWN])
    return verdict(facts, {}, seeds, len(of))


@pytest.mark.parametrize(("seeds", "shared"), [(3, 2.0), (5, 0.5)])
def test_images_that_differ_by_chance_are_seldom_said_to_stand_for_something(seeds: int, shared: float) -> None:
    assert seldom(claiming(lambda key: said(key, seeds, shared=shared)))


def test_what_images_of_a_class_share_repeats_and_is_no_image_s_own() -> None:
    # The correlation between seeds, by itself, is far above zero: a verdict by that would claim it nearly always.
    found, classes, of = influences(Key(("null", 0)), 3, shared=2.0)
    same, others = Pairs.of(found, classes, of).means((0, 1, 2))
    assert same > 0.5 and abs(same - others) < 0.1
    over_items = estimate("same", Pairs.of(found, classes, of).of_each("own").mean(0).tolist())
    assert over_items.low > 0.5


@pytest.mark.parametrize("seeds", [1, 2])
def test_fewer_than_three_seeds_decide_nothing(seeds: int) -> None:
    found = said(Key(("few",)), seeds, own=5.0)
    assert found.tone == "unknown" and found.text.startswith("Inconclusive") and not claims(found)


def test_images_that_stand_for_something_are_said_to() -> None:
    found = said(Key(("own",)), 3, own=2.0)
    assert found.text.startswith("Items stand for something of their own") and found.tone == "note"
    assert [each.side for each in found.claims] == [ABOVE, ABOVE]


def test_a_little_that_is_an_image_s_own_is_not_enough_until_the_mean_over_seeds_is_known() -> None:
    few, many = (said(Key(("a little",)), seeds, own=0.6) for seeds in (5, 12))
    assert few.text.startswith("Inconclusive: a part of what an item helps is its own") and few.tone == "unknown"
    assert [each.side for each in few.claims] == [ABOVE, "open"]
    assert 5 < few.claims[1].draws <= 20 and [each.side for each in many.claims] == [ABOVE, ABOVE]
