"""Sets whose training ends as that on real data does are seldom said to end elsewhere."""

from __future__ import annotations

from functools import partial

import pytest

from limbeck.core.findings import Verdict
from limbeck.core.key import Key
from limbeck.probes.verdicts.surface import APART, BENT, GROWTH, STEEPER, Seen, verdict
from simulated import claiming, seldom


def simulated(
    key: Key, seeds: int = 3, spread: float = 0.3, growth: float = 0.0, steeper: float = 0.0, apart: float = 0.0
) -> Verdict:
    """Learners that differ by chance from what they are held against, and by so much."""

    def drawn(name: str, mean: float = 0.0) -> list[float]:
        return (mean + spread * key.fold(name).normal(seeds).double()).tolist()

    beside = drawn("beside", 1.0)
    ours = Seen(drawn("growth", growth), drawn("steeper", steeper), drawn("bent"), drawn("ours", 1.0 + apart), beside)
    control = Seen([], drawn("control steeper"), drawn("control bent"), drawn("control", 1.0), beside)
    return verdict(ours, control, (0, 0), 0.05)


@pytest.mark.parametrize("seeds", [3, 10])
@pytest.mark.parametrize("spread", [0.01, 0.3])
def test_what_differs_by_chance_is_seldom_claimed(seeds: int, spread: float) -> None:
    assert seldom(claiming(partial(simulated, seeds=seeds, spread=spread)))


@pytest.mark.parametrize(
    ("fact", "planted"), [(GROWTH, {"growth": 3.0}), (STEEPER, {"steeper": -3.0}), (APART, {"apart": 3.0})]
)
def test_what_is_planted_is_found(fact: str, planted: dict[str, float]) -> None:
    def of(key: Key) -> Verdict:
        said = simulated(key, seeds=5, spread=0.2, **planted)
        return said._replace(claims=tuple(each for each in said.claims if each.fact == fact))

    assert claiming(of) > 190
    assert {each.fact for each in simulated(Key()).claims} == {GROWTH, STEEPER, BENT, APART}
