"""Random real images."""

from __future__ import annotations

from limbeck.composition import Recipe
from limbeck.recipes.contract import ACCURACY_LADDER, Expected, Method, expected
from limbeck.starts import Real

EXPECTED = (
    *expected("cifar10", {1: 14.4, 10: 26.0, 50: 43.4}, "dc", ACCURACY_LADDER),
    *expected("cifar100", {1: 4.2, 10: 14.6, 50: 30.0}, "dc", ACCURACY_LADDER),
    Expected("cifar10", 10, "convnet", "yang2024", 0.273, None, False, "Yang et al., ICML 2024, read off a figure"),
)

METHOD = Method(
    name="random",
    summary="Random real images, the honest floor.",
    source="the default baseline",
    cost="none",
    recipe=Recipe(start=Real()),
    expected=EXPECTED,
)
