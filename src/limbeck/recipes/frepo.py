"""Neural feature regression with pooling."""

from __future__ import annotations

import math
from typing import Any

from limbeck.composition import Recipe
from limbeck.learn.losses import SquaredError
from limbeck.learn.optim import Lamb
from limbeck.learn.rules import Adam as InnerAdam
from limbeck.objectives import PooledRidge
from limbeck.parameterizations import SoftTargets
from limbeck.recipes.contract import ACCURACY_LADDER, ITS_OWN, VALIDATION, Method, Published, expected
from limbeck.schedules import Fixed
from limbeck.starts import SmoothedLabels

STEPS = 500_000
BATCH = 1024
"""Real images of a step."""


def settings(classes: int, mirrored: bool = True, steps: int = 1000) -> dict[str, Any]:
    """The options that depend on data and size; `steps` are those that a learner takes when it is scored."""
    return {
        "start.share": round(1 - 1 / math.sqrt(classes / 10), 4),
        "objective.per_class": BATCH // classes,
        "objective.mirrored": mirrored,
        "schedule.steps": steps,
    }


PUBLISHED: Published = {
    **{(data, ipc, False): settings(10, False) for data in ("mnist", "fashion_mnist") for ipc in (1, 10, 50)},
    **{("cifar10", ipc, True): settings(10) for ipc in (1, 10, 50)},
    ("cifar100", 1, True): settings(100),
    ("cifar100", 10, True): settings(100, False, 2000),
    ("cifar100", 50, True): settings(100, False, 5000),
    ("tiny_imagenet", 1, True): settings(200),
    ("tiny_imagenet", 10, True): settings(200, False, 5000),
}
EXPECTED = (
    *expected("cifar10", {1: 46.8, 10: 65.5, 50: 71.7}, ITS_OWN, ACCURACY_LADDER, whitened=True),
    *expected("cifar100", {1: 28.7, 10: 42.5, 50: 44.3}, ITS_OWN, ACCURACY_LADDER, whitened=True),
    *expected("tiny_imagenet", {1: 15.4, 10: 25.4}, ITS_OWN, ACCURACY_LADDER, whitened=True, network="convnet-d4"),
)
DEVIATIONS = (
    "Published with batch normalisation while distilling and none when scored, without biases, by Kaiming's start.",
    "Its score is of augmented images and running means of weights: --protocol frepo has both, the schedule that a set "
    "carries neither.",
    "Labels are learned as they are and centred in the loss, so that the norm that LAMB steps by is another.",
    "Real batches hold 102 images of every class (10 of 100, 5 of 200); the published ones are 1,024 as they come.",
    "The last set is kept; the published one is the best by test accuracy every 10,000 steps.",
    VALIDATION,
)

METHOD = Method(
    name="frepo",
    summary="Neural feature regression: ridge regression on features of a pool of networks that learn from the set.",
    source="Zhou, Nezhadarya & Ba, Dataset Distillation using Neural Feature Regression, NeurIPS 2022",
    cost="features of 1,020 real images and two steps of the set, 500,000 times",
    recipe=Recipe(
        start=SmoothedLabels(share=0.0),
        parameterization=SoftTargets(),
        objective=PooledRidge(),
        schedule=Fixed(steps=1000, learning_rate=3e-4, optimizer=InnerAdam(), batch=500, loss=SquaredError()),
        optimizer=Lamb(learning_rate=3e-4, falls_over=STEPS),
        steps=STEPS,
    ),
    published=PUBLISHED,
    expected=EXPECTED,
    deviations=DEVIATIONS,
    settings_from="the defaults of its code and the command beside it",
)
