"""A set whose curvature goes as that of random real examples is seldom said to flatten further, or less far."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor

from limbeck.core.findings import Verdict
from limbeck.core.key import Key
from limbeck.probes.verdicts.curvature import Start, verdict
from limbeck.statistics.extremes import Fall, fall
from simulated import claiming, seldom

STEPS = (0, 20, 40, 60, 80, 120, 200, 320, 500, 800, 1260, 1620)
PEAK = 6
"""Which of the steps curves peak at, on average."""


def curve(halvings: float, key: Key) -> Fall:
    """Traces that rise to a peak and are then halved so many times, each read to 5 %."""
    at = torch.arange(float(len(STEPS))).double()
    peak = PEAK + float(key.fold("place").normal(1)) / 2
    after = (at - peak).clamp_min(0) / (len(STEPS) - 1 - peak)
    logs = 10 - (peak - at).clamp_min(0) / 2 - halvings * after
    values: Tensor = 2**logs * (1 + 0.05 * key.fold("read").normal(len(STEPS)).double())
    return fall(STEPS, values.tolist(), (0.05 * values).tolist())


def simulated(key: Key, starts: int, of_draw: float, of_start: float, beyond: float = 0.0) -> Verdict:
    """Starts and draws of random real examples each have a fall of their own; the set is one draw at every start."""

    def drawn(name: str, number: int, spread: float) -> float:
        return spread * float(key.fold(name, number).normal(1))

    ours, found = 1.5 + beyond + drawn("set", 0, of_draw), []
    for start in range(starts):
        shared, key_of = drawn("start", start, of_start), key.fold("curve", start)
        own = [drawn(name, start, of_start / 2) for name in ("ours", "theirs")]
        found.append(
            Start(
                curve(ours + shared + own[0], key_of.fold("ours")),
                curve(1.5 + drawn("control", start, of_draw) + shared + own[1], key_of.fold("control")),
                curve(1.5 + shared, key_of.fold("real")),
                STEPS[-1],
                levelled=True,
            )
        )
    return verdict(found, 0.05)


NULLS = {
    "draws differ": (3, 0.3, 0.05),
    "starts differ": (3, 0.05, 0.3),
    "both differ": (3, 0.3, 0.3),
    "many starts, draws differ": (10, 0.3, 0.05),
    "nothing differs": (3, 0.0, 0.0),
}


@pytest.mark.parametrize(("starts", "of_draw", "of_start"), NULLS.values(), ids=NULLS)
def test_one_more_draw_of_random_real_images_is_seldom_told_from_them(
    starts: int, of_draw: float, of_start: float
) -> None:
    assert seldom(claiming(partial(simulated, starts=starts, of_draw=of_draw, of_start=of_start)))


@pytest.mark.parametrize("beyond", [3.0, -1.2])
def test_a_set_that_falls_otherwise_is_told_from_them(beyond: float) -> None:
    assert claiming(partial(simulated, starts=5, of_draw=0.1, of_start=0.1, beyond=beyond)) > 150
