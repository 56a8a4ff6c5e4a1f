"""Matching gradients on a graph: with edges that a network says, without edges, and at the first step alone."""

from __future__ import annotations

from dataclasses import replace

from limbeck.composition import Recipe
from limbeck.learn.distances import SquaredError
from limbeck.learn.optim import Adam, Alternating
from limbeck.objectives import Gradient
from limbeck.parameterizations import PairwiseEdges, WithoutEdges
from limbeck.recipes import cgc
from limbeck.recipes.contract import ITS_OWN, Expected, Method, expected
from limbeck.starts import Real

NETWORKS, OUTER, INNER = 600, 20, 15
"""How many networks there are, the steps of the graph for each, and the steps of training between two of them."""
TURN, PERIOD = 10, 50
"""Of so many networks, the edges are stepped for the first, and features for the others."""
SCALE = 17.0
"""About what features of Cora and Citeseer are multiplied by before a network sees them."""
RATE = 1e-4
"""The published rate of features, in the units of the data, and of edges."""
TABLE = "its paper; GCN of 256, 600 epochs of Adam 0.01, dropout 0.5, the best epoch on validation nodes"
SOURCE = "Jin, Zhao, Zhang, Liu, Tang & Shah, Graph Condensation for Graph Neural Networks, ICLR 2022"
ONE_STEP = "Jin, Tang, Jiang, Li, Zhang, Tang & Yin, Condensing Graphs via One-Step Gradient Matching, KDD 2022"
DEVIATIONS = (
    "Networks are trained on the graph by plain gradient descent at 0.01 on scaled features; published ones by Adam.",
    "Real gradients are of all neighbours of the labelled nodes; the source draws some.",
    "The published network is SGC with a hidden layer of 256; here it is the one that is asked for.",
)


def _expected(cora: tuple[float, ...], citeseer: tuple[float, ...]) -> tuple[Expected, ...]:
    """The rows of 5, 10 and 20 nodes of each class."""
    rows = {"cora": cora, "citeseer": citeseer}
    return tuple(
        row
        for data, means in rows.items()
        for row in expected(data, dict(zip((5, 10, 20), means, strict=False)), ITS_OWN, TABLE, network="gcn")
    )


MATCHING = Recipe(
    start=Real(),
    parameterization=PairwiseEdges(),
    objective=Gradient(augment=None, outer=OUTER, inner=INNER),
    schedule=cgc.TRAINED,
    optimizer=Alternating(
        by_itself=Adam(learning_rate=RATE),
        others=Adam(learning_rate=RATE * SCALE),
        first=TURN * OUTER,
        then=(PERIOD - TURN) * OUTER,
    ),
    steps=NETWORKS * OUTER,
)

METHODS = (
    Method(
        name="gcond",
        summary="Gradient matching on a graph whose edges a network says of each pair of nodes.",
        source=SOURCE,
        cost="600 networks of 20 steps: 12,000 steps",
        recipe=MATCHING,
        expected=_expected((79.8, 80.1, 79.3), (70.5, 70.6, 69.8)),
        deviations=DEVIATIONS,
    ),
    Method(
        name="gcond-x",
        summary="Gradient matching of nodes without edges.",
        source=SOURCE,
        cost="as gcond",
        recipe=replace(MATCHING, parameterization=WithoutEdges(), optimizer=Adam(learning_rate=RATE * SCALE)),
        expected=_expected((75.9, 75.7, 76.0), ()),
        deviations=DEVIATIONS,
    ),
    Method(
        name="doscond",
        summary="Gradient matching on a graph at the first step of each network alone, by squared error.",
        source=ONE_STEP,
        cost="3,000 steps, each of a fresh network",
        recipe=replace(
            MATCHING,
            objective=Gradient(augment=None, outer=1, inner=1, distance=SquaredError()),
            optimizer=Alternating(
                by_itself=Adam(learning_rate=1e-2),
                others=Adam(learning_rate=1e-2 * SCALE),
                first=TURN,
                then=PERIOD - TURN,
            ),
            steps=3_000,
        ),
        deviations=(
            "Edges are weights that a network says; the source draws them, and learns how likely each is.",
            *DEVIATIONS[1:],
        ),
    ),
)
