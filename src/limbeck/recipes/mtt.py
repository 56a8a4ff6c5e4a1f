"""Trajectory matching."""

from __future__ import annotations

from limbeck.composition import Recipe
from limbeck.learn.optim import SGD
from limbeck.learn.rules import Momentum
from limbeck.objectives import Trajectory
from limbeck.recipes.contract import ACCURACY_LADDER, VALIDATION, Method, Published, expected, plainly
from limbeck.schedules import Fixed, LearnedRates
from limbeck.starts import Real

START = 0.01
"""Where the learned rate starts."""


def on_the_logarithm(rate: float) -> float:
    """The learning rate of a logarithm that moves a rate near `START` as one of `rate` moves the rate itself."""
    return rate / START**2


PUBLISHED: Published = {
    ("cifar10", 10, False): {},
    ("cifar10", 1, True): {
        "schedule.around.steps": 50,
        "objective.latest": 2,
        "optimizer.learning_rate": 100.0,
        "schedule_optimizer.learning_rate": on_the_logarithm(1e-7),
    },
    ("cifar10", 10, True): {"objective.latest": 20},
}
EXPECTED = (
    *expected("cifar10", {1: 46.3, 10: 65.3}, "mtt", ACCURACY_LADDER, whitened=True),
    *plainly(53.63),
)
RATE = "The learned rate is kept positive by learning its logarithm, whose rate is the published one to first order."
CORNERS = "Scaled and rotated images are read with corners unaligned; the published code aligns them."
DEVIATIONS = (
    RATE,
    "Whitened at IPC 10, the published rates (1e5 for pixels, 1e-4 for the learned rate) are a misprint by the "
    "author's word; those without whitening stand in their place.",
    "Whitened at IPC 1, the epochs to cover are those of IPC 10.",
    CORNERS,
    VALIDATION,
)

METHOD = Method(
    name="mtt",
    summary="Trajectory matching: a student trained on the set ends where an expert got on the real data.",
    source="Cazenavette et al., Dataset Distillation by Matching Training Trajectories, CVPR 2022",
    cost="once 100 experts of 50 epochs (`limbeck experts`); 5,000 times 30 steps of a student and their way back",
    recipe=Recipe(
        start=Real(),
        objective=Trajectory(),
        schedule=LearnedRates(around=Fixed(steps=30, learning_rate=START, optimizer=Momentum(0.0)), shared=True),
        schedule_optimizer=SGD(learning_rate=0.1, momentum=0.5),
        optimizer=SGD(learning_rate=1000.0, momentum=0.5),
        steps=5000,
    ),
    published=PUBLISHED,
    expected=EXPECTED,
    deviations=DEVIATIONS,
)
