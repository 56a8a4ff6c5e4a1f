"""How often substitution claims something of a set that is but one more draw of real examples, however it is stored."""

from __future__ import annotations

import pytest

from limbeck.core.findings import Verdict
from limbeck.core.key import Key
from limbeck.probes.verdicts.substitution import Curve, Worth, verdict, worth
from limbeck.statistics.chance import Chance
from simulated import claiming, claims, seldom

SIZES, STEPS = (1, 10, 100), tuple(range(0, 601, 20))
DRAW, REST = 0.012, 0.008
"""Standard deviations of accuracy: over draws of as many real examples, and over all else."""


def measured(
    key: Key, seeds: int, gain: float = 0.0, lost: tuple[float, float] = (0.0, 0.0), at: float = 0.3
) -> tuple[Worth, list[float]]:
    """What is measured of a set of ten images per class that is better by `gain`, and loses so much where stored."""
    noise = lambda name, size: (size * key.fold(name).normal(seeds)).double().tolist()  # noqa: E731
    level = at + gain + DRAW * float(key.fold("set").normal(1))
    ours = [level + each for each in noise("ours", REST)]
    clipped, stored = (
        [level - less + each for each in noise(name, REST)]
        for name, less in zip(("in range", "8 bits"), lost, strict=True)
    )
    grows = {1: at - 0.12, 10: at, 100: at + 0.2}
    curves = [
        [mean + draw + rest for draw, rest in zip(noise(f"draw {size}", DRAW), noise(f"{size}", REST), strict=True)]
        for size, mean in grows.items()
    ]
    images = Curve(SIZES, list(zip(*curves, strict=True)), (1.0, 100.0))
    steps = Curve(STEPS, [[0.1 + 0.5 * step / 600 for step in STEPS]] * 3, (1.0, 600.0))
    return worth(ours, clipped, stored, curves[1], images, steps, 0.05), ours


def simulated(key: Key, seeds: int, **planted: float | tuple[float, float]) -> Verdict:
    found, ours = measured(key, seeds, **planted)  # type: ignore[arg-type]
    return verdict(found, ours, Chance(0.1, 2000), 0.05, 10, (1.0, 100.0), (1.0, 600.0))


@pytest.mark.parametrize("seeds", [3, 5, 20])
def test_one_more_draw_of_real_images_is_seldom_said_to_be_worth_more_or_less(seeds: int) -> None:
    assert seldom(claiming(lambda key: simulated(key, seeds)))


@pytest.mark.parametrize(("gain", "tone"), [(0.15, "use"), (-0.12, "avoid")])
def test_a_set_that_is_better_or_worse_than_any_draw_is_said_to_be(gain: float, tone: str) -> None:
    found = [simulated(Key(("planted", run)), 5, gain=gain) for run in range(20)]
    assert sum(claims(each) and each.tone == tone for each in found) >= 17


def test_clipping_and_8_bits_are_told_apart() -> None:
    found = [simulated(Key(("stored", run)), 6, lost=lost).text for run in range(20) for lost in ((0.1, 0), (0, 0.1))]
    clips, bits = found[::2], found[1::2]
    assert sum("Do not clip it" in text and "Do not store it in 8 bits" not in text for text in clips) >= 18
    assert sum("Do not store it in 8 bits" in text and "Do not clip it" not in text for text in bits) >= 18


def test_one_more_draw_of_real_images_is_worth_about_its_own_number() -> None:
    found = [measured(Key(("own", run)), 5)[0].images for run in range(100)]
    within = sum(each.low <= 10 <= each.high for each in found)
    assert within >= 70, "what the one draw happens to hold is in all seeds, and the interval is over seeds"
    mean = sum(each.value for each in found) / len(found)
    assert 8 < mean < 13


def test_nothing_is_claimed_of_a_set_at_chance() -> None:
    found = [simulated(Key(("noise", run)), 5, gain=-0.24) for run in range(50)]
    assert all(each.tone == "unknown" and not each.claims for each in found)
    assert all("teaches nothing that shows" in each.text for each in found)
