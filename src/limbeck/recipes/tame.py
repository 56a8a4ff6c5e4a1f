"""Distribution matching of rows under random networks for tables."""

from __future__ import annotations

from limbeck.composition import Recipe
from limbeck.learn.optim import SGD
from limbeck.objectives import CovarianceDistribution
from limbeck.recipes.contract import VALIDATION, Method
from limbeck.starts import Real

METHOD = Method(
    name="tame",
    summary="Distribution matching of tables: class means and covariances of features of three kinds of random "
    "networks for rows.",
    source="TAME, as later works repeat it: means and covariances in random DCN-V2, residual and NODE embedders",
    cost="one forward pass over 256 real rows per class and one step of the synthetic set, 1,000 times: seconds",
    recipe=Recipe(
        start=Real(),
        objective=CovarianceDistribution(networks=("dcn", "lnres", "node")),
        optimizer=SGD(learning_rate=0.5, momentum=0.0),
        steps=1_000,
    ),
    deviations=(
        "The source was not at hand: its three kinds of networks, 48 features, 1,000 iterations and a rate of 0.5 are "
        "kept; depths, momentum, real rows a step and the weight of covariances are ours.",
        "Trees of NODE choose by softmax and answer by sigmoid, and their thresholds start normal.",
        VALIDATION,
    ),
)
