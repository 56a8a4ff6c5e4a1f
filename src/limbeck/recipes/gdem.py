"""Matching the eigenbasis of a graph: features along eigenvectors of few nodes and of the real graph."""

from __future__ import annotations

from limbeck.composition import Recipe
from limbeck.learn.optim import Adam, Alternating
from limbeck.objectives import Eigenspaces
from limbeck.parameterizations import Eigenbasis
from limbeck.recipes import cgc
from limbeck.recipes.contract import ITS_OWN, Method, Published, expected
from limbeck.starts import Recognised

EPSILON = 1e-8
"""Of Adam."""
NAMES = (
    "parameterization.ratio",
    "steps",
    "optimizer.first",
    "optimizer.then",
    "objective.spaces",
    "objective.classes",
    "objective.orthogonality",
)
SCALES = {"citeseer": 22.0, "cora": 15.0}
"""About what features are multiplied by before a network sees them."""
SETTINGS = {
    ("cora", 5): ((1.0, 1000, 15, 5, 1e-4, 1e-7, 0.01), 1e-4, 5e-4),
    ("citeseer", 5): ((1.0, 500, 5, 1, 1.0, 1e-5, 1.0), 1e-4, 1e-2),
    ("citeseer", 10): ((0.8, 1500, 10, 15, 0.05, 1e-5, 0.5), 5e-4, 5e-4),
    ("citeseer", 20): ((0.95, 500, 1, 10, 1e-3, 1e-6, 0.1), 1e-3, 1e-4),
}
"""By data and nodes of a class: what `NAMES` says, and the rates of features, in the units of the data, and of
eigenvectors."""
PUBLISHED: Published = {
    (data, ipc, False): {
        **dict(zip(NAMES, values, strict=True)),
        "optimizer.others.learning_rate": features * SCALES[data],
        # What is added to the divisor of a step is in the units of the data, too.
        "optimizer.others.epsilon": EPSILON / SCALES[data],
        "optimizer.by_itself.learning_rate": basis,
    }
    for (data, ipc), (values, features, basis) in SETTINGS.items()
}
ITS_TABLE = "its paper; GCN of 256, 2,000 epochs of Adam 0.01, dropout 0.5, the best epoch on validation nodes"
EXPECTED = (
    *expected("citeseer", {5: 72.3, 10: 72.6, 20: 72.6}, ITS_OWN, ITS_TABLE, network="gcn"),
    *expected("cora", {5: 80.8, 10: 80.7}, ITS_OWN, cgc.TABLE, network="sgc"),
    *expected("citeseer", {5: 70.6, 10: 70.5}, ITS_OWN, cgc.TABLE, network="sgc"),
)

METHOD = Method(
    name="gdem",
    summary="Features along eigenvectors are matched, and means of classes; eigenvectors are learned, no network is.",
    source="Liu, Bo & Shi, Graph Distillation with Eigenbasis Matching, ICML 2024",
    cost="some eigenvectors of the graph, a teacher of features alone, and 500 to 1,500 steps of no network: seconds",
    recipe=Recipe(
        start=Recognised(),
        parameterization=Eigenbasis(),
        objective=Eigenspaces(),
        schedule=cgc.TRAINED,
        optimizer=Alternating(
            by_itself=Adam(learning_rate=1e-2),
            others=Adam(learning_rate=1e-4 * SCALES["citeseer"], epsilon=EPSILON / SCALES["citeseer"]),
            first=5,
            then=1,
        ),
        steps=500,
    ),
    published=PUBLISHED,
    expected=EXPECTED,
    deviations=(
        "Networks see edges that come to the learned matrix when they are normalised, but for negative ones; published "
        "networks multiply by the matrix itself.",
        "Means of classes are of training nodes in the largest component; the source puts other nodes, with their "
        "labels, in the place of those outside.",
        "Every class has equally many nodes, as the labelled nodes have; the source counts by class.",
        "The network that names the first features is trained by momentum and taken at the end; the source takes Adam, "
        "and the epoch that is best on validation nodes.",
        "Learners are trained without dropout for 600 epochs, and the last is scored; published ones for 2,000 with "
        "dropout, and the epoch that is best on validation nodes is scored.",
    ),
    settings_from="the configuration of its code, by data and ratio; for Cora, which it has not, that of the benchmark "
    "GCondenser, for as many steps as it takes for Pubmed at the same ratio",
)
