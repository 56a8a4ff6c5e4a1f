"""How often continuation claims something of training on that changes nothing, or no more than on real examples."""

from __future__ import annotations

import pytest

from limbeck.core.findings import Verdict
from limbeck.core.key import Key
from limbeck.probes.verdicts.continuation import BEYOND, changed, verdict
from limbeck.statistics.chance import Chance
from simulated import claiming, claims, seldom

DRAW, REST = 0.012, 0.008
"""Standard deviations of accuracy after training on: over draws of real examples, and over all else."""


def simulated(key: Key, seeds: int, change: float, beyond: float = 0.0, draw: float = DRAW, at: float = 0.6) -> Verdict:
    """The verdict where training on real examples changes so much, and on the set, one draw for all, so much more."""
    noise = lambda name, size: (size * key.fold(name).normal(seeds)).double().tolist()  # noqa: E731
    before = [at + each for each in noise("before", 0.02)]
    to = change + beyond + draw * float(key.fold("set").normal(1))
    ours = [begun + to + rest for begun, rest in zip(before, noise("ours", REST), strict=True)]
    images = [
        begun + change + other + rest
        for begun, other, rest in zip(before, noise("draws", draw), noise("images", REST), strict=True)
    ]
    return verdict(before, changed(before, ours, images, 0.05), Chance(0.25, 2000), 0.05, 10)


def of_beyond(found: Verdict) -> Verdict:
    return found._replace(claims=tuple(each for each in found.claims if each.fact == BEYOND))


@pytest.mark.parametrize("seeds", [3, 5, 20])
def test_training_that_changes_nothing_is_seldom_said_to_change_something(seeds: int) -> None:
    assert seldom(claiming(lambda key: simulated(key, seeds, 0.0, draw=0.0)))


@pytest.mark.parametrize("seeds", [3, 5, 20])
def test_one_more_draw_of_real_images_is_seldom_said_to_cost_more_or_less_than_others(seeds: int) -> None:
    assert seldom(claiming(lambda key: of_beyond(simulated(key, seeds, -0.06))))


def test_a_set_that_costs_what_real_images_cost_is_laid_to_their_number_and_one_that_costs_more_is_not() -> None:
    alike, worse = (
        [simulated(Key(("planted", run)), 5, -0.12, beyond) for run in range(20)] for beyond in (0.0, -0.25)
    )
    assert sum("it is training on few images, not what they are" in each.text for each in alike) >= 16
    assert sum(claims(of_beyond(each)) and "replay memory" in each.text for each in worse) >= 18
    assert all(each.tone == "avoid" for each in worse)


def test_nothing_is_claimed_of_learners_at_chance() -> None:
    found = [simulated(Key(("noise", run)), 5, -0.05, at=0.24) for run in range(50)]
    assert all(each.tone == "unknown" and not each.claims for each in found)
    assert all("not shown to be above chance" in each.text for each in found)
