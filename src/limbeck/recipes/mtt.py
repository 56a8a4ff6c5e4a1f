"""Trajectory matching."""

from __future__ import annotations

from typing import Any

from limbeck.composition import Recipe
from limbeck.learn.optim import SGD
from limbeck.learn.rules import Momentum
from limbeck.objectives import Trajectory
from limbeck.recipes.contract import ACCURACY_LADDER, VALIDATION, Method, Published, expected, plainly
from limbeck.schedules import Fixed, UnconstrainedRates
from limbeck.starts import Real


def settings(
    steps: int, reach: int, latest: int, pixels: float, rate: float, start: float, batch: int = 0
) -> dict[str, Any]:
    """The options of a published command, in its order.

    Steps of the student, epochs of the expert, the end of the starts, the learning rates of pixels and of the learned
    rate, where that starts, and how many images a step sees (0: all).
    """
    return {
        "schedule.around.steps": steps,
        "objective.reach": reach,
        "objective.latest": latest,
        "optimizer.learning_rate": pixels,
        "schedule_optimizer.learning_rate": rate,
        "schedule.around.learning_rate": start,
        **({"schedule.around.batch": batch} if batch else {}),
    }


PUBLISHED: Published = {
    ("cifar10", 1, False): settings(50, 2, 5, 1e3, 1e-7, 1e-2),
    ("cifar10", 10, False): settings(30, 2, 15, 1e3, 1e-5, 1e-2),
    ("cifar10", 50, False): settings(30, 2, 40, 1e3, 1e-5, 1e-3),
    ("cifar10", 1, True): settings(50, 2, 2, 1e2, 1e-7, 1e-2),
    ("cifar10", 10, True): settings(30, 2, 20, 1e2, 1e-5, 1e-3),
    ("cifar10", 50, True): settings(30, 2, 20, 1e2, 1e-5, 1e-3),
    ("cifar100", 1, True): settings(20, 3, 20, 1e3, 1e-5, 1e-2),
    ("cifar100", 10, False): settings(20, 2, 20, 1e3, 1e-5, 1e-2),
    ("cifar100", 50, True): settings(80, 2, 40, 1e3, 1e-5, 1e-2, batch=125),
    ("tiny_imagenet", 1, False): settings(10, 2, 10, 1e4, 1e-4, 1e-2),
    ("tiny_imagenet", 10, False): settings(20, 2, 40, 1e4, 1e-4, 1e-2, batch=200),
    ("tiny_imagenet", 50, False): settings(20, 2, 40, 1e4, 1e-4, 1e-2, batch=300),
}
"""As commands of the benchmark DC-BENCH (Cui et al., NeurIPS 2022) have them, which say that the author gave them; on
CIFAR-10 those without whitening at IPC 1 and 10, and with it at 50, as copies of the author's table have them."""
EXPECTED = (
    *expected("cifar10", {1: 46.3, 10: 65.3}, "mtt", ACCURACY_LADDER, whitened=True),
    *expected("cifar10", {50: 71.6}, "mtt", ACCURACY_LADDER),
    *expected("cifar100", {1: 24.3, 50: 47.7}, "mtt", ACCURACY_LADDER, whitened=True),
    *expected("cifar100", {10: 39.7}, "mtt", ACCURACY_LADDER),
    *expected("tiny_imagenet", {1: 8.8, 10: 23.2, 50: 28.0}, "mtt", ACCURACY_LADDER, network="convnet-d4"),
    *plainly(53.63),
)
DEVIATIONS = (VALIDATION,)

METHOD = Method(
    name="mtt",
    summary="Trajectory matching: a student trained on the set ends where an expert got on the real data.",
    source="Cazenavette et al., Dataset Distillation by Matching Training Trajectories, CVPR 2022",
    cost="once 100 experts of 50 epochs (`limbeck experts`); 5,000 times 30 steps of a student and their way back",
    recipe=Recipe(
        start=Real(),
        objective=Trajectory(),
        schedule=UnconstrainedRates(around=Fixed(steps=30, learning_rate=0.01, optimizer=Momentum(0.0)), shared=True),
        schedule_optimizer=SGD(learning_rate=1e-5, momentum=0.5),
        optimizer=SGD(learning_rate=1000.0, momentum=0.5),
        steps=5000,
    ),
    published=PUBLISHED,
    expected=EXPECTED,
    deviations=DEVIATIONS,
    settings_from="commands of DC-BENCH (Cui et al., NeurIPS 2022), given by the author, and copies of his table",
)
