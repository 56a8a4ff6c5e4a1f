"""K-means."""

from __future__ import annotations

from limbeck.composition import SELECTIONS, Recipe
from limbeck.recipes import herding
from limbeck.recipes.contract import Method

METHOD = Method(
    name="kmeans",
    summary="Real images nearest to the k-means centres of each class in feature space.",
    source="the default baseline",
    cost=herding.METHOD.cost,
    recipe=Recipe(start=SELECTIONS["kmeans"]),
    deviations=herding.DEVIATIONS,
)
