"""Herding."""

from __future__ import annotations

from limbeck.composition import Recipe
from limbeck.recipes.contract import ACCURACY_LADDER, NOT_STATED, Method, expected
from limbeck.starts import Herding

EXPECTED = (
    *expected("cifar10", {1: 21.5, 10: 31.6, 50: 40.4}, NOT_STATED, ACCURACY_LADDER),
    *expected("cifar100", {1: 8.4, 10: 17.3, 50: 33.7}, NOT_STATED, ACCURACY_LADDER),
)
DEVIATIONS = (
    "Features are those of a network after at least 150 steps of training, and 1,000 images of a class are considered.",
)

METHOD = Method(
    name="herding",
    summary="Real images whose running mean of features follows the class mean.",
    source="Welling, Herding Dynamical Weights to Learn, ICML 2009",
    cost="the training of one feature network, then seconds",
    recipe=Recipe(start=Herding()),
    expected=EXPECTED,
    deviations=DEVIATIONS,
)
