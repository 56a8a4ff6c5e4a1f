"""A set that is one more draw of random real examples is not said to be learned early or late; one that is, is."""

from __future__ import annotations

import torch

from limbeck.computations.trajectories import stops
from limbeck.core.findings import Verdict
from limbeck.core.key import Key
from limbeck.probes.verdicts.learning_time import Trajectory, measured, verdict
from simulated import claiming, claims, seldom

STEPS = torch.tensor(stops(60, 2000), dtype=torch.float64)
SEEDS, CONTROLS = 3, 8


def trajectories(key: Key, items: int, sooner: float = 0.0) -> list[Trajectory]:
    """How learners of three seeds recognise items that are learned at random steps, and forgotten now and then."""
    # Learners are quicker or slower by their seed, the same for every set that they read.
    pace = 0.2 * Key(("pace",)).normal(SEEDS).double()
    when = 5.5 - sooner + 1.2 * key.fold("items").normal(items).double()
    found = []
    for seed in range(SEEDS):
        learned = when + pace[seed] + 0.5 * key.fold("seed", seed).normal(items).double()
        slips = key.fold("slips", seed).uniform(len(STEPS), items) < 0.05
        known = (torch.log1p(STEPS)[:, None] > learned) & ~slips
        accuracy = 0.7 * (1 - torch.exp(-STEPS / 300))
        found.append(Trajectory(STEPS, known.double().mean(1), accuracy, True))
    return found


def judged(key: Key, items: int = 100, sooner: float = 0.0) -> Verdict:
    ours = trajectories(key.fold("set"), items, sooner)
    controls = [trajectories(key.fold("control", draw), items) for draw in range(CONTROLS)]
    return verdict(measured(ours, controls, items, 10, 0.05))


def test_random_real_images_are_seldom_called_early_or_late() -> None:
    assert seldom(claiming(judged))


def test_ten_random_real_images_are_seldom_called_early_or_late() -> None:
    assert seldom(claiming(lambda key: judged(key, 10)))


def test_a_set_that_is_learned_sooner_is_called_so() -> None:
    found = judged(Key(("planted",)), sooner=2.5)
    assert claims(found) and found.text.startswith("The set holds what is learned early")
    found = judged(Key(("planted",)), sooner=-1.5)
    assert claims(found) and found.text.startswith("The set holds what is learned late")
