"""Trajectories: training on all real data, and on the set alone, read and kept on the way."""

from __future__ import annotations

from limbeck.computations.level import Level
from limbeck.computations.sources import AllReal, Mixture
from limbeck.computations.steps import Steps
from limbeck.computations.training import REAL_BATCH, Training

FINE = 300
"""Steps of a trajectory up to which it is read at even distances (the length of one in Yang et al. 2024)."""
LONGEST = 12_000
"""Steps after which a trajectory ends that has not levelled off: 60 epochs of CIFAR-10."""


def stops(every: int, most: int, fine: int = FINE) -> tuple[int, ...]:
    """Steps to read a training at: every `every` of the first `fine`, then a twentieth of the way further each time.

    >>> stops(100, 300), stops(100, 600)
    ((0, 100, 200, 300), (0, 100, 200, 300, 400, 500, 600))
    """
    found = list(range(0, min(fine, most) + 1, every))
    while (step := found[-1] + max(every, found[-1] // 20 // every * every)) <= most:
        found.append(step)
    return tuple(sorted({*found, most}))


def real_trajectory(seed: int, every: int, steps: int = 0, network: str = "") -> Training:
    """Training on all real examples until its accuracy levels off, or for `steps` steps, read and kept on the way.

    Whatever probes ask of real training they ask of these, so that it is done once for all of them.
    """
    at = stops(every, steps or LONGEST)
    until = None if steps else Level()
    return Training(AllReal(), seed, Steps(at[-1], REAL_BATCH), network, reads=at, keeps=at, until=until)


def path(seed: int, every: int, steps: int = 300) -> Training:
    """Training on all of the set at once from where the trajectory of the seed begins, read and kept on the way."""
    at = stops(every, steps)
    return Training(Mixture(), seed, Steps(steps), reads=at, keeps=at)
