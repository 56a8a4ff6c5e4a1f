"""Condensing a graph without training: clusters of spread features, and features that spread to these."""

from __future__ import annotations

from limbeck.composition import Recipe
from limbeck.learn.rules import Adam
from limbeck.recipes.contract import ITS_OWN, Method, Published, expected
from limbeck.schedules import Fixed
from limbeck.starts import ClusteredNodes

SETTINGS = {
    ("cora", 5): (0.5, 0.5, 0.8, 1.0),
    ("cora", 10): (0.5, 1.0, 0.8, 7.0),
    ("cora", 20): (0.3, 0.1, 0.9, 7.0),
    ("citeseer", 5): (0.6, 0.05, 0.8, 2.0),
    ("citeseer", 10): (0.1, 0.05, 0.8, 1.0),
    ("citeseer", 20): (0.5, 0.5, 0.75, 2.0),
}
"""By data and nodes of a class: the share of nodes that are added, the sharpness, the cosine of an edge, the pull."""
NAMES = ("start.added", "start.sharpness", "start.linked", "start.pull")
PUBLISHED: Published = {
    (data, ipc, False): dict(zip(NAMES, values, strict=True)) for (data, ipc), values in SETTINGS.items()
}
WITHOUT_EDGES = {
    ("cora", 5): (0.3, 0.7),
    ("cora", 10): (0.7, 10.0),
    ("cora", 20): (0.3, 0.7),
    ("citeseer", 5): (0.6, 0.1),
    ("citeseer", 10): (0.8, 0.1),
    ("citeseer", 20): (0.7, 10.0),
}
"""By data and nodes of each class: the share of nodes that are added, and the sharpness."""
ALONE: Published = {
    (data, ipc, False): dict(zip(NAMES, values, strict=False)) for (data, ipc), values in WITHOUT_EDGES.items()
}
TABLE = "tables of later papers (PreGC); SGC, 600 epochs or more of Adam 0.01, the best epoch on validation nodes"
EXPECTED = (
    *expected("cora", {5: 79.0, 10: 81.8}, ITS_OWN, TABLE, network="sgc"),
    *expected("citeseer", {5: 70.5, 10: 70.6}, ITS_OWN, TABLE, network="sgc"),
)
SOURCE = (
    "Gao, Ye, Chen, Zhang & Yin, Rethinking and Accelerating Graph Condensation: A Training-Free Approach, WWW 2025"
)
DEVIATIONS = (
    "Features are the words of a node over their number, scaled; the source takes words as 1 and 0.",
    "Learners are trained without dropout at one rate, for 600 epochs, and the last is scored; published ones with "
    "dropout, and the epoch that is best on validation nodes is scored.",
    "k-means begins ten times, from k-means++; the source once, from points.",
)
TRAINED = Fixed(steps=600, learning_rate=0.01, optimizer=Adam(weight_decay=5e-4), binding=True)
"""How its graphs are meant to be trained on."""


def _method(name: str, summary: str, published: Published, start: ClusteredNodes, expects: bool) -> Method:
    return Method(
        name=name,
        summary=summary,
        source=SOURCE,
        cost="nothing is trained: seconds",
        recipe=Recipe(start=start, schedule=TRAINED),
        published=published,
        expected=EXPECTED if expects else (),
        deviations=DEVIATIONS,
        settings_from="the defaults of its code, by data and ratio",
    )


METHODS = (
    _method(
        "cgc",
        "A graph of clusters: means of spread features of labelled nodes, joined where alike. Nothing is trained.",
        PUBLISHED,
        ClusteredNodes(),
        True,
    ),
    _method("cgc-x", "As cgc, without edges.", ALONE, ClusteredNodes(linked=1.0), False),
)
