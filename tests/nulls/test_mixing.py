"""How often mixing claims something of a set that is but one more draw of real examples."""

from __future__ import annotations

import pytest

from limbeck.core.findings import Verdict
from limbeck.core.key import Key
from limbeck.probes.verdicts.mixing import compared, verdict
from limbeck.statistics.chance import Chance
from simulated import claiming, claims, seldom

ADDED = (0, 2, 10, 50)
DRAW, REAL, REST = 0.012, 0.010, 0.008
"""Standard deviations of accuracy: over draws in place of the set, over real examples added, and over all else."""


def simulated(key: Key, seeds: int, gain: float = 0.0, accuracy: float = 0.3) -> Verdict:
    """The verdict where real examples add nothing, and the set, one draw for all seeds, is better by `gain`."""
    noise = lambda name, size: (size * key.fold(name).normal(seeds)).double().tolist()  # noqa: E731
    ours = accuracy + gain + DRAW * float(key.fold("set").normal(1))
    others = noise("draws", DRAW)
    mixed, in_place = {}, {}
    for r in ADDED:
        added = noise(f"added {r}", REAL if r else 0.0)
        mixed[r] = [ours + more + rest for more, rest in zip(added, noise(f"mixed {r}", REST), strict=True)]
        in_place[r] = [
            accuracy + other + more + rest
            for other, more, rest in zip(others, added, noise(f"in place {r}", REST), strict=True)
        ]
    found = compared(mixed[0], mixed, in_place, 0.05)
    return verdict(mixed[0], found, Chance(0.1, 2000), 0.05)


@pytest.mark.parametrize("seeds", [3, 5, 20])
def test_one_more_draw_of_real_images_is_seldom_said_to_be_better_or_worse_than_others(seeds: int) -> None:
    assert seldom(claiming(lambda key: simulated(key, seeds)))


@pytest.mark.parametrize(("gain", "tone"), [(0.25, "use"), (-0.25, "avoid")])
def test_a_set_that_is_better_or_worse_than_any_draw_is_said_to_be(gain: float, tone: str) -> None:
    found = [simulated(Key(("planted", run)), 5, gain, accuracy=0.5) for run in range(20)]
    assert sum(claims(each) and each.tone == tone for each in found) >= 18


def test_nothing_is_claimed_of_a_set_at_chance_whatever_real_images_do() -> None:
    found = [simulated(Key(("noise", run)), 5, gain=-0.2 - 3 * DRAW) for run in range(50)]
    assert all(each.tone == "unknown" and not each.claims for each in found)
    assert all("not shown to be above chance" in each.text for each in found)
