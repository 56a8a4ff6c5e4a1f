"""What is said of how confident learners grow follows from the numbers, and only where they decide it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from limbeck.core.findings import Fact, Verdict
from limbeck.probes.verdicts.landscape import BEYOND, RISE, Risen, rises, verdict
from limbeck.statistics.estimates import estimate, unlike

FLAT = (0.0, 0.01, -0.01, 0.005, -0.005)
SMALL = (0.28, 0.3, 0.32, 0.29, 0.31)
LARGE = (0.78, 0.8, 0.82, 0.79, 0.81)


def risen(shares: Sequence[float]) -> list[Risen]:
    return [Risen(1.5, 1.5 * (1 + share)) for share in shares]


def said(ours: Sequence[float], controls: Sequence[float]) -> Verdict:
    step, moved = Fact("step", 40.0, 30.0, 50.0, len(ours)), Fact("moved", 0.03, 0.02, 0.04, len(ours))
    return verdict(risen(ours), risen(controls), step, moved, 0.05)


def test_over_confidence_is_said_where_the_loss_rises() -> None:
    found = said(LARGE, FLAT)
    assert found.text.startswith(
        "Learners of the set grow over-confident: test loss rises by 80 % (77 to 83 %), from 1.50 at about step 40 to "
        "2.70, while 3 % of predictions change. With as many random real examples it rises less, by 0 % ("
    )
    assert found.text.endswith("the set does it. Stop early if you need probabilities.")
    assert found.tone == "note"
    assert [(each.fact, each.cut, each.side) for each in found.claims] == [
        (RISE, 0.05, "above"),
        (BEYOND, 0.0, "above"),
    ]


def test_what_learners_of_as_many_real_images_do_too_is_not_the_set_s_doing() -> None:
    found = said(SMALL, SMALL)
    assert "With as many random real examples it does so too, by 30 % (" in found.text
    assert "it comes of training on few images" in found.text and "the set does it" not in found.text
    assert [each.side for each in found.claims] == ["above", "open"]


def test_a_rise_that_real_images_exceed_is_said_to_be_less() -> None:
    found = said(SMALL, LARGE)
    assert "it rises more, by 80 % (77 to 83 %): it comes of training on few images." in found.text
    assert [each.side for each in found.claims] == ["above", "below"]


def test_a_loss_that_stays_near_its_lowest_is_no_over_confidence() -> None:
    found = said(FLAT, LARGE)
    assert found.text.startswith("Test loss stays near its lowest: at the end it is 0 % (") and found.tone == "note"
    assert "with as many random real examples it rises by 80 % (77 to 83 %)" in found.text
    assert [(each.fact, each.side) for each in found.claims] == [(BEYOND, "below")]
    assert said((0.0,) * 5, FLAT).text.startswith(
        "Test loss is lowest at the end, in each of 5 trainings. Training on the set may go on."
    )
    assert said(FLAT, FLAT).claims == () and said(FLAT, FLAT).tone == "note"


def test_what_is_not_decided_is_inconclusive_and_says_what_would_decide_it() -> None:
    found = said((0.0, 0.2, 0.1), (0.1, 0.3, 0.2))
    assert found.tone == "unknown" and found.text.startswith("Inconclusive: whether learners of the set grow")
    assert found.claims[0].side == "open" and found.claims[0].draws > 3
    for count in (1, 2):
        few = said(LARGE[:count], FLAT[:count])
        assert few.tone == "unknown" and few.text.startswith("Inconclusive:")
    assert said((math.nan, 0.1, 0.1), FLAT[:3]).text.startswith("Not known: training diverges")


def test_intervals_hold_all_at_once() -> None:
    found = rises(risen(LARGE), risen(SMALL), 0.05)
    ours, theirs = ([each.share for each in risen(shares)] for shares in (LARGE, SMALL))
    assert found.ours == estimate(RISE, ours, 0.05 / 3) and found.theirs == estimate(RISE, theirs, 0.05 / 3)
    assert found.beyond == unlike(BEYOND, ours, theirs, 0.05 / 3)
