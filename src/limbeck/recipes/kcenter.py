"""K-centre."""

from __future__ import annotations

from limbeck.composition import Recipe
from limbeck.recipes import herding
from limbeck.recipes.contract import ACCURACY_LADDER, NOT_STATED, Method, expected
from limbeck.starts import KCenter

EXPECTED = (
    *expected("cifar10", {1: 23.3, 10: 36.4, 50: 48.7}, NOT_STATED, ACCURACY_LADDER),
    *expected("cifar100", {1: 8.6, 10: 20.7, 50: 33.6}, NOT_STATED, ACCURACY_LADDER),
)

METHOD = Method(
    name="kcenter",
    summary="Real images chosen farthest-first in feature space.",
    source="Sener & Savarese, Active Learning for CNNs: a Core-Set Approach, ICLR 2018",
    cost=herding.METHOD.cost,
    recipe=Recipe(start=KCenter()),
    expected=EXPECTED,
    deviations=herding.DEVIATIONS,
)
