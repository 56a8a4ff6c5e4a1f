"""K-means."""

from __future__ import annotations

from limbeck.composition import Recipe
from limbeck.recipes import herding
from limbeck.recipes.contract import Method
from limbeck.starts import KMeans

METHOD = Method(
    name="kmeans",
    summary="Real images nearest to the k-means centres of each class in feature space.",
    source="the default baseline",
    cost=herding.METHOD.cost,
    recipe=Recipe(start=KMeans()),
    deviations=herding.DEVIATIONS,
)
