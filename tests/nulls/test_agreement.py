"""Learners of a set that are exchangeable with those of pools are seldom told apart; others are."""

from __future__ import annotations

import pytest
import torch

from limbeck.core.findings import Verdict
from limbeck.core.key import Key
from limbeck.probes.verdicts.agreement import EARLY, SUBSETS, Ours, compared, verdict
from limbeck.statistics.agreement import agreements, standings
from limbeck.statistics.pools import Peer, pooled
from simulated import claiming, claims, seldom

EXAMPLES, CLASSES, SEEDS = 250, 5, 3
LOOSE = 0.3
"""How much learners differ in how far each goes its own way: a factor of about so much more than one."""


def learners(key: Key, count: int, common: torch.Tensor, loose: float = LOOSE) -> torch.Tensor:
    """What learners predict, who have much in common: examples are hard for all, and learners differ in their ways."""
    own = key.fold("own").normal(count, EXAMPLES, CLASSES).double()
    way = (loose * key.fold("way").normal(count).double()).exp()
    return (common + way[:, None, None] * own).argmax(-1)


def judged(key: Key, matched: tuple[int, int], habit: float = 0.0, loose: float = LOOSE) -> Verdict:
    """The verdict on learners of a set beside two pools, of which the second may have a habit of its own."""
    common = 1.5 * key.fold("hard").normal(EXAMPLES, CLASSES).double()
    away = habit * key.fold("habit").normal(EXAMPLES, CLASSES).double()
    ours = learners(key.fold("ours"), SEEDS, common, loose)
    pools = []
    for name, count, its in zip((EARLY, SUBSETS), matched, (common, common + away), strict=True):
        predictions = learners(key.fold(name), count, its, loose)
        peers = tuple(Peer(seed, 1.0, 0.5, each) for seed, each in enumerate(predictions))
        pools.append(pooled(name, [0.5] * count, peers, ours))
    return verdict(Ours(0.5, True, 0.2, 0.01), compared(pools, 0.05), pools, None)


@pytest.mark.parametrize("matched", [(6, 12), (3, 3)], ids=str)
def test_exchangeable_learners_are_seldom_told_apart(matched: tuple[int, int]) -> None:
    assert seldom(claiming(lambda key: judged(key, matched)))


def test_a_pool_with_a_habit_of_its_own_is_told_apart() -> None:
    found = judged(Key(("planted",)), (12, 20), habit=3.0, loose=0.05)
    assert claims(found)
    assert found.text.startswith("A learner of this set predicts like learners stopped early on real data")
    assert "It is not one of learners trained on few real examples" in found.text


def test_of_a_few_peers_an_exchangeable_learner_is_seldom_improbable() -> None:
    improbable = 0
    for run in range(600):
        key = Key(("peers", run))
        whole = learners(key.fold("learners"), 5, 1.5 * key.fold("hard").normal(EXAMPLES, CLASSES).double())
        pool, other = whole[:4], whole[4:]
        found, _ = standings(agreements(pool, pool), agreements(pool, other)[:, 0])
        improbable += found[0].probability < 0.01
    # By the normal distribution that is fitted to three peers it would be one in ten.
    assert improbable <= 0.025 * 600
