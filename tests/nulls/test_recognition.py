"""Random real sets are not said to lie off real examples; sets that do are."""

from __future__ import annotations

import torch

from limbeck.core.findings import Fact, Verdict
from limbeck.core.key import Key
from limbeck.probes.verdicts.recognition import FAR, Network, Placing, placed, verdict
from limbeck.statistics.neighbours import farther
from simulated import claiming, claims, seldom

LEARNERS, CONTROLS, SAMPLE = 3, 5, 400


def placing(key: Key, count: int, real: torch.Tensor, off: float = 0.0, astray: float = 0.0) -> Placing:
    """Images, each of which is far from its class or among others by nature, as learners see it with some noise."""
    nature = key.fold("nature").normal(count).double()
    far, near = [], []
    for learner in range(LEARNERS):
        seen = nature + 0.5 * key.fold("seen", learner).normal(count).double()
        far.append(farther((seen + off).exp(), real[learner], FAR).double())
        wrong = key.fold("near", learner).uniform(5, count).double() < torch.sigmoid(seen - 2 + astray)
        near.append((~wrong).double().mean(0))
    return Placing(torch.stack(far), torch.stack(near))


def judged(key: Key, items: int = 100, off: float = 0.0, astray: float = 0.0) -> Verdict:
    nature = key.fold("real", "nature").normal(SAMPLE).double()
    seen = [nature + 0.5 * key.fold("real", "seen", each).normal(SAMPLE).double() for each in range(LEARNERS)]
    distances = torch.stack(seen).exp()
    real = placing(key.fold("real"), SAMPLE, distances)
    controls = [placing(key.fold("control", draw), items, distances) for draw in range(CONTROLS)]
    held = placed(placing(key.fold("set"), items, distances, off, astray), controls, real, 0.05)
    return verdict([Network("convnet", Fact("r", 0.9, 0.8, 1.0, 3), 0.7, 0.8)], "convnet", *held, items, 10)


def test_random_real_images_are_seldom_said_to_lie_elsewhere() -> None:
    assert seldom(claiming(judged))


def test_ten_random_real_images_are_seldom_said_to_lie_elsewhere() -> None:
    assert seldom(claiming(lambda key: judged(key, 10)))


def test_images_that_lie_elsewhere_are_said_to() -> None:
    found = judged(Key(("planted",)), off=2.0)
    assert claims(found) and "It lies off real examples" in found.text
    found = judged(Key(("planted",)), astray=2.5)
    assert claims(found) and "less clearly within its classes" in found.text
