"""Dataset distillation."""

from __future__ import annotations

from typing import Any

from limbeck.composition import Recipe
from limbeck.learn.optim import Adam
from limbeck.learn.rules import Momentum
from limbeck.objectives import Unrolled
from limbeck.recipes.contract import VALIDATION, Expected, Method, Published
from limbeck.schedules import Fixed, LearnedRates
from limbeck.starts import Noise

EPOCHS = 3
"""How often each image is seen in a training."""
PASSES = 400
"""Over the real data."""
EVERY = 40
"""Passes after which rates are halved."""


def counted(images: int) -> dict[str, Any]:
    """The options that count passes over so many images, in real batches of 1,024."""
    each = -(-images // 1024)
    halvings = tuple(range(EVERY * each, PASSES * each, EVERY * each))
    return {"optimizer.halve_at": halvings, "schedule_optimizer.halve_at": halvings, "steps": PASSES * each}


PUBLISHED: Published = {
    ("cifar10", 10, False): counted(50_000),
    ("mnist", 10, False): {**counted(60_000), "schedule.around.learning_rate": 0.02},
}
"""One image of every class a step, so that 10 of each are 10 steps, three times over."""
EXPECTED = (Expected("mnist", 10, "lenet", "own", 0.795, 0.081, False, "its project page, fresh networks"),)
DEVIATIONS = (
    "Its 36.8 +- 1.2 % on CIFAR-10 are of fresh networks of a kind that is not here, like AlexNet.",
    "Real batches of 1,020 images hold 102 of every class; the published ones are 1,024 as they come.",
    "Networks start as torch has it; the published ones by Xavier's normal, without biases.",
    "At other sizes than 10 items per class 30 steps are taken, in which items take turns.",
    VALIDATION,
)
METHOD = Method(
    name="dd",
    summary="Dataset distillation: real loss after a few steps, whose sizes are learned with the set.",
    source="Wang et al., Dataset Distillation, 2018 (arXiv 1811.10959)",
    cost="30 steps of a part of the set forward and back through each, about 20,000 times",
    recipe=Recipe(
        start=Noise(),
        objective=Unrolled(per_class=102),
        schedule=LearnedRates(
            Fixed(steps=10 * EPOCHS, learning_rate=0.001, optimizer=Momentum(0.0), per_class=1, in_turn=True),
            through="softplus",
        ),
        optimizer=Adam(learning_rate=0.01, beta1=0.5),
        schedule_optimizer=Adam(learning_rate=0.01, beta1=0.5),
        steps=20_000,
    ),
    published=PUBLISHED,
    expected=EXPECTED,
    deviations=DEVIATIONS,
    settings_from="the options of its code",
)
