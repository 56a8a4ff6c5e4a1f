"""Gradient matching with siamese augmentation."""

from __future__ import annotations

from limbeck.composition import Recipe
from limbeck.learn.optim import SGD
from limbeck.objectives import Gradient
from limbeck.recipes import dc
from limbeck.recipes.contract import ACCURACY_LADDER, CODE, VALIDATION, Method, expected
from limbeck.starts import Real

PUBLISHED = dc.PUBLISHED
"""Digits are not to be mirrored, which is said of the data and not of the method."""
EXPECTED = (
    *expected("mnist", {1: 88.7, 10: 97.8, 50: 99.2}, "dsa", CODE),
    *expected("fashion_mnist", {1: 70.6, 10: 84.6, 50: 88.7}, "dsa", CODE),
    *expected("svhn", {1: 27.5, 10: 79.2, 50: 84.4}, "dsa", CODE),
    *expected("cifar10", {1: 28.8, 10: 52.1, 50: 60.6}, "dsa", CODE),
    *expected("cifar100", {1: 13.9, 10: 32.3, 50: 42.8}, "dsa", ACCURACY_LADDER),
)
DEVIATIONS = (VALIDATION,)

METHOD = Method(
    name="dsa",
    summary="Gradient matching with siamese augmentation, from real images.",
    source="Zhao & Bilen, Dataset Condensation with Differentiable Siamese Augmentation, ICML 2021",
    cost=dc.METHOD.cost,
    recipe=Recipe(start=Real(), objective=Gradient(), optimizer=SGD(learning_rate=0.1, momentum=0.5), steps=10_000),
    published=PUBLISHED,
    expected=EXPECTED,
    deviations=DEVIATIONS,
    settings_from=CODE,
)
