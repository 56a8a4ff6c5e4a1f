"""Of sets that teach nothing, or no more than random examples, nothing is seldom said to be taught."""

from __future__ import annotations

from functools import partial

import pytest

from limbeck.core.findings import Verdict
from limbeck.core.key import Key
from limbeck.probes.verdicts.episodes import BEYOND, GAIN, Seen, verdict
from simulated import claiming, seldom


def simulated(key: Key, policies: int = 5, spread: float = 5.0, gain: float = 0.0, beyond: float = 0.0) -> Verdict:
    """Returns that differ by chance, and by so much from those before training and those of random examples."""

    def drawn(name: str, mean: float) -> list[float]:
        return (mean + spread * key.fold(name).normal(policies).double()).tolist()

    return verdict(Seen(drawn("ours", 20.0), drawn("before", 20.0 - gain), drawn("control", 20.0 - beyond)), 500, 0.05)


@pytest.mark.parametrize("policies", [3, 5, 20])
def test_what_differs_by_chance_is_seldom_claimed(policies: int) -> None:
    assert seldom(claiming(partial(simulated, policies=policies)))


@pytest.mark.parametrize(("fact", "planted"), [(GAIN, {"gain": 50.0}), (BEYOND, {"beyond": -50.0})])
def test_what_is_planted_is_found(fact: str, planted: dict[str, float]) -> None:
    def of(key: Key) -> Verdict:
        said = simulated(key, **planted)
        return said._replace(claims=tuple(each for each in said.claims if each.fact == fact))

    assert claiming(of) > 190


@pytest.mark.parametrize(
    ("gain", "beyond", "tone"),
    [
        (100.0, 100.0, "use"),
        (-100.0, 0.0, "avoid"),
        (100.0, -100.0, "avoid"),
        (100.0, 0.0, "note"),
        (0.0, 0.0, "unknown"),
    ],
)
def test_the_tone_is_that_of_what_was_decided(gain: float, beyond: float, tone: str) -> None:
    ours = [100.0, 101.0, 99.0, 100.5, 99.5]
    near = [each + wobble for each, wobble in zip(ours, (1.5, -1.5, 0.5, -0.5, 0.0), strict=True)]
    seen = Seen(ours, [each - gain for each in near], [each - beyond for each in near])
    assert verdict(seen, 500, 0.05).tone == tone
