"""Gradient matching with siamese augmentation."""

from __future__ import annotations

from limbeck.composition import Recipe
from limbeck.learn.optim import SGD
from limbeck.objectives import Gradient
from limbeck.recipes import dc
from limbeck.recipes.contract import ACCURACY_LADDER, VALIDATION, Method, expected
from limbeck.starts import Real

PUBLISHED = dc.PUBLISHED
EXPECTED = (
    *expected("cifar10", {1: 28.8, 10: 52.1, 50: 60.6}, "dsa", "the readme of its code"),
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
)
