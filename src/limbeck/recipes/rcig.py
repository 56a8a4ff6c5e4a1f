"""Reparameterized convexified implicit gradients."""

from __future__ import annotations

from typing import Any

from limbeck.composition import Recipe
from limbeck.learn.losses import SquaredError
from limbeck.learn.optim import AdaBelief
from limbeck.learn.rules import Adam as InnerAdam
from limbeck.objectives import TangentRidge
from limbeck.parameterizations import SoftTargets
from limbeck.recipes.contract import ACCURACY_LADDER, ITS_OWN, VALIDATION, Method, Published, expected
from limbeck.schedules import Fixed
from limbeck.starts import Real

BATCH = 1024
"""Real images of a step."""


def settings(classes: int, ipc: int, mirrored: bool = True) -> dict[str, Any]:
    """The options that depend on data and size: a set of ten images is trained on for half as long."""
    return {
        "objective.per_class": BATCH // classes,
        "objective.mirrored": mirrored,
        "schedule.steps": 1000 if classes * ipc == 10 else 2000,
    }


PUBLISHED: Published = {
    **{(data, ipc, False): settings(10, ipc, False) for data in ("mnist", "fashion_mnist") for ipc in (1, 10, 50)},
    **{("cifar10", ipc, True): settings(10, ipc) for ipc in (1, 10, 50)},
    ("cifar100", 1, True): settings(100, 1),
    ("cifar100", 10, True): settings(100, 10),
    ("cifar100", 50, True): settings(100, 50, False),
    ("tiny_imagenet", 1, True): settings(200, 1),
    ("tiny_imagenet", 10, True): settings(200, 10, False),
}
EXPECTED = (
    *expected("cifar10", {1: 53.9, 10: 69.1, 50: 73.5}, ITS_OWN, ACCURACY_LADDER, whitened=True),
    *expected("cifar100", {1: 39.3, 10: 44.1, 50: 46.7}, ITS_OWN, ACCURACY_LADDER, whitened=True),
    *expected("tiny_imagenet", {1: 25.6, 10: 29.4}, ITS_OWN, ACCURACY_LADDER, whitened=True, network="convnet-d4"),
)
DEVIATIONS = (
    "Its linear systems are solved by 20 steps of conjugate gradients, which need no rate; published: of Adam.",
    "Outputs are scaled by what is best for the real images of a step; the published scale is learned at 0.03.",
    "Published with a ConvNet that doubles its width in each block, without normalisation, and with softplus for ReLU "
    "while distilling three blocks (--network convnet-none-softplus).",
    "Its score is of mirrored and augmented images at rates that rise and fall; a schedule here has neither.",
    "Labels are learned as they are and centred in the regression, and networks learn from them uncentred.",
    "Real batches hold 102 images of every class (10 of 100, 5 of 200); the published ones are 1,024 as they come.",
    "The last set is kept; the published one is a running mean of those of some hundred steps.",
    "Of sets of thousands the published code goes back through some items alone; here it is through all.",
    VALIDATION,
)

METHOD = Method(
    name="rcig",
    summary="Implicit gradients of convex training: regression on features and tangents of networks that learn.",
    source="Loo, Hasani, Lechner & Rus, Dataset Distillation with Convexified Implicit Gradients, ICML 2023",
    cost="42 products with a derivative of the set's outputs, and features of 1,020 real images, 10,000 times",
    recipe=Recipe(
        start=Real(),
        parameterization=SoftTargets(),
        objective=TangentRidge(),
        schedule=Fixed(steps=1000, learning_rate=1e-4, optimizer=InnerAdam(), batch=256, loss=SquaredError()),
        optimizer=AdaBelief(learning_rate=3e-3),
        steps=10_000,
    ),
    published=PUBLISHED,
    expected=EXPECTED,
    deviations=DEVIATIONS,
    settings_from="the defaults of its code and the files of settings beside it",
)
