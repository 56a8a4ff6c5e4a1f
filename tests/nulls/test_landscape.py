"""Learners whose loss stays level are seldom called over-confident, nor a set that does as random real examples do."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor

from limbeck.core.findings import Fact, Verdict
from limbeck.core.key import Key
from limbeck.probes.verdicts.landscape import BEYOND, RISE, RISES, Risen, verdict
from limbeck.statistics.extremes import lowest_of_others
from simulated import claiming, seldom

READ = 31
LOWEST = 8
"""Which reading is lowest, where the loss rises after it."""


def curves(rises: Tensor, jitter: float, key: Key) -> Tensor:
    """Losses that fall to 2 and rise by those shares to the end, with so much chance in every reading (seed, read)."""
    at = torch.arange(float(READ)).double()
    falling = 0.3 * (LOWEST - at).clamp_min(0) / LOWEST
    rising = (at - LOWEST).clamp_min(0) / (READ - 1 - LOWEST)
    noise = jitter * key.normal(len(rises), READ).double()
    return 2 * (1 + falling + rises[:, None] * rising + noise)


def risen(losses: Tensor) -> list[Risen]:
    return [Risen(float(of[at]), float(of[-1])) for of, at in zip(losses, lowest_of_others(losses), strict=True)]


def simulated(
    key: Key,
    seeds: int = 3,
    rise: float = 0.0,
    of_draw: float = 0.0,
    of_seed: float = 0.0,
    jitter: float = 0.02,
    beyond: float = 0.0,
    of: str = "",
) -> Verdict:
    """The set is one draw at every seed; `of` leaves the claims of one number."""

    def drawn(name: str, count: int, spread: float) -> Tensor:
        return spread * key.fold(name).normal(count).double()

    ours = rise + beyond + drawn("set", 1, of_draw) + drawn("seed", seeds, of_seed)
    theirs = rise + drawn("controls", seeds, of_draw) + drawn("seed of controls", seeds, of_seed)
    said = verdict(
        *(risen(curves(each, jitter, key.fold(name))) for name, each in (("ours", ours), ("theirs", theirs))),
        Fact.once("", 80.0),
        Fact.once("", 0.05),
        0.05,
    )
    return said._replace(claims=tuple(each for each in said.claims if not of or each.fact == of))


@pytest.mark.parametrize("jitter", [0.0, 0.01, 0.04, 0.1])
@pytest.mark.parametrize("seeds", [3, 10])
def test_learners_whose_loss_does_not_rise_are_seldom_called_over_confident(jitter: float, seeds: int) -> None:
    assert seldom(claiming(partial(simulated, seeds=seeds, jitter=jitter)))


NULLS = {
    "draws differ": (3, 0.05, 0.01),
    "seeds differ": (3, 0.01, 0.05),
    "many seeds, draws differ": (10, 0.05, 0.01),
    "nothing differs": (3, 0.0, 0.0),
}


@pytest.mark.parametrize(("seeds", "of_draw", "of_seed"), NULLS.values(), ids=NULLS)
def test_a_rise_as_with_random_real_images_is_seldom_called_the_set_s_doing(
    seeds: int, of_draw: float, of_seed: float
) -> None:
    null = partial(simulated, seeds=seeds, rise=0.3, of_draw=of_draw, of_seed=of_seed)
    assert seldom(claiming(partial(null, of=BEYOND)))
    if seeds == 10:
        assert claiming(partial(null, of=RISE)) == 200, "all of them rise"


@pytest.mark.parametrize("beyond", [0.4, -0.28])
def test_a_rise_beyond_that_with_random_real_images_is_said_to_be_the_set_s(beyond: float) -> None:
    planted = partial(simulated, seeds=5, rise=0.3, of_draw=0.02, of_seed=0.02, jitter=0.01, beyond=beyond)
    assert claiming(partial(planted, of=BEYOND)) > 150


def test_a_loss_that_wavers_rises_from_its_own_lowest_reading_and_not_from_that_of_others() -> None:
    level = [curves(torch.zeros(3).double(), 0.04, Key(("level", group))) for group in range(300)]
    own = torch.stack([(of[:, -1] - of.min(1).values) / of.min(1).values for of in level])
    of_others = torch.tensor([each.share for of in level for each in risen(of)])
    assert float(own.mean()) > RISES and abs(float(of_others.mean())) < 0.005
