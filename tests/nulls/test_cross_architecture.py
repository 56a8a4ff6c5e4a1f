"""How often a set that is but one more draw of real examples is said to teach some network more, or less."""

from __future__ import annotations

import pytest
import torch

from limbeck.core.findings import Verdict
from limbeck.core.key import Key
from limbeck.probes.verdicts.cross_architecture import measured, verdict
from limbeck.statistics.chance import Chance
from simulated import claiming, seldom

NETWORKS = ("convnet", "lenet", "alexnet", "vit")
DRAW, REST = 0.012, 0.010
"""Standard deviations of accuracy: over draws of real examples, which all networks see, and over all else."""
SETTINGS = (0.0, -0.004, -0.012, -0.05)
"""How much less accurate learners are by each setting that a search tries, once, by one learner of each."""


def simulated(key: Key, seeds: int, gains: tuple[float, ...] = (0.0,) * 4, at: float = 0.3) -> Verdict:
    """The verdict where the set is better by so much for each network, each searched on both by itself."""
    draws = (DRAW * key.fold("draws").normal(seeds + 1)).tolist()
    rest = (REST * key.fold("rest").normal(len(NETWORKS), 2, seeds)).tolist()
    tried = (REST * key.fold("tried").normal(len(NETWORKS), 2, len(SETTINGS)) + torch.tensor(SETTINGS)).argmax(-1)
    networks = []
    for place, (name, gain) in enumerate(zip(NETWORKS, gains, strict=True)):
        best = [SETTINGS[index] for index in tried[place].tolist()]
        ours = [at + gain + draws[-1] + best[0] + each for each in rest[place][0]]
        real = [at + draw + best[1] + each for draw, each in zip(draws, rest[place][1], strict=False)]
        networks.append((name, ours, real))
    own, *others = measured(networks, Chance(0.1, 2000), 0.05)
    return verdict(own, others)


@pytest.mark.parametrize("seeds", [3, 20])
def test_one_more_draw_of_real_images_is_seldom_said_to_teach_more_or_less(seeds: int) -> None:
    assert seldom(claiming(lambda key: simulated(key, seeds)))


@pytest.mark.parametrize(
    ("gains", "tone"),
    [
        ((0.2, 0.2, 0.2, 0.2), "use"),
        ((0.2, -0.15, -0.15, -0.15), "avoid"),
        ((0.2, 0.2, -0.15, 0.2), "note"),
        ((-0.15, 0.2, 0.0, 0.0), "avoid"),
        ((0.2, 0.0, 0.0, 0.0), "unknown"),
        ((0.0, 0.2, 0.2, 0.2), "unknown"),
    ],
)
def test_what_networks_gain_is_said(gains: tuple[float, ...], tone: str) -> None:
    found = [simulated(Key(("planted", run)), 6, gains) for run in range(20)]
    assert sum(each.tone == tone for each in found) >= 17


def test_nothing_is_claimed_of_networks_that_learn_nothing() -> None:
    found = [simulated(Key(("noise", run)), 5, at=0.06) for run in range(50)]
    assert all(each.tone == "unknown" and all(claim.side == "open" for claim in each.claims) for each in found)
