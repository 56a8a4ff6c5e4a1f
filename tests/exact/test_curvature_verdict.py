"""What is said of how curvature goes follows from the numbers, and only where they decide it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from limbeck.probes.verdicts.curvature import FURTHER, Start, facts, further, verdict
from limbeck.statistics.estimates import unlike
from limbeck.statistics.extremes import Fall, fall


def starts(
    ours: Sequence[float], controls: Sequence[float], real: Sequence[float], levelled: bool = True, last: bool = False
) -> list[Start]:
    """Starts with those shares left."""
    falls = zip(*([Fall(100, 50.0, left) for left in lefts] for lefts in (ours, controls, real)), strict=True)
    return [Start(one._replace(last=last), other, all_, 1500, levelled) for one, other, all_ in falls]


REAL_LEFT = (0.5, 0.6, 0.7)
EARLY = starts((0.08, 0.1, 0.12), (0.55, 0.62, 0.68), REAL_LEFT)
LATE = starts((0.6, 0.6, 0.6), (0.08, 0.1, 0.12), REAL_LEFT)


def test_a_set_that_flattens_further_than_random_real_images_is_said_to() -> None:
    said = verdict(EARLY, 0.05)
    assert said.text.startswith(
        "Its curvature peaks at step 100 of real training and falls to 10 % (6 to 16 %) of that where "
        "training levels off, further than that of as many random real examples, which falls to 61 %"
    )
    assert "by a factor of 6.2 (4.7 to 8.3). It" in said.text and "It holds what is learned early" in said.text
    assert said.tone == "note" and [each.side for each in said.claims] == ["above"]
    ours, controls = (
        [-math.log2(getattr(each, name).left / each.real.left) for each in EARLY] for name in ("ours", "control")
    )
    assert further(EARLY, 0.05) == unlike(FURTHER, ours, controls, 0.05)
    assert said.claims[0].fact in {fact.name for fact in facts(EARLY, 0.05)}


def test_a_set_that_flattens_less_is_said_to() -> None:
    said = verdict(LATE, 0.05)
    assert "less far than" in said.text and "by a factor of 6.1 (" in said.text
    assert said.tone == "note" and [each.side for each in said.claims] == ["below"]


def test_a_set_that_falls_as_random_real_images_do_is_said_to_where_that_is_known() -> None:
    said = verdict(starts((0.4, 0.5, 0.6), (0.41, 0.5, 0.6), (0.4, 0.5, 0.6)), 0.05)
    assert "as far as that of as many random real examples" in said.text and said.tone == "note" and not said.claims
    open_ = verdict(starts((0.4, 0.5, 0.6), (0.2, 0.5, 0.9), REAL_LEFT), 0.05)
    assert open_.tone == "unknown" and open_.text.startswith("Inconclusive: it is not known whether its curvature")


def test_nothing_is_said_of_what_comes_after_a_peak_at_the_last_reading() -> None:
    said = verdict(starts((1.0, 1.0, 1.0), (0.1, 0.1, 0.1), REAL_LEFT, last=True), 0.05)
    assert said.tone == "unknown" and not said.claims
    assert said.text.startswith("Not known: the curvature of its loss is still at its peak where real training levels")


def test_nothing_is_said_where_real_training_has_not_levelled_off() -> None:
    each = [start._replace(levelled=index != 1) for index, start in enumerate(EARLY)]
    said = verdict(each, 0.05)
    assert said.tone == "unknown" and not said.claims
    assert said.text.startswith("Not known: real training had not levelled off after 1,500 steps (from 1 of 3 starts)")


def test_nothing_is_decided_by_fewer_than_three_starts() -> None:
    for count in (1, 2):
        said = verdict(EARLY[:count], 0.05)
        assert said.tone == "unknown" and said.text.startswith("Inconclusive:")
        assert [each.side for each in said.claims] == ["open"] and said.claims[0].draws >= 3


def test_a_curvature_that_is_not_told_from_zero_falls_nowhere() -> None:
    values = fall((0, 10, 20), (1.0, 5.0, 0.5), (2.0, 2.0, 2.0))
    assert not values.clear and fall((0, 10, 20), (1.0, 7.0, 0.5), (2.0, 2.0, 2.0)).clear
    said = verdict([each._replace(ours=values) for each in EARLY], 0.05)
    assert said.tone == "unknown" and "nowhere clearly above zero" in said.text
    nowhere = fall((0, 10), (1.0, math.nan))
    assert verdict([each._replace(control=nowhere) for each in EARLY], 0.05).text.startswith("Not known: training")
