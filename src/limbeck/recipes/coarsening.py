"""Coarsening a graph: clusters of nodes, with the edges between them."""

from __future__ import annotations

from limbeck.composition import Recipe
from limbeck.recipes import cgc
from limbeck.recipes.contract import ITS_OWN, Method, expected
from limbeck.starts import Coarsened

TABLE = "tables of later papers (GDEM); GCN of 256"

METHOD = Method(
    name="coarsening",
    summary="A graph of clusters of nodes on which smooth signals change little. Nothing is trained.",
    source="Loukas, Graph Reduction with Spectral and Cut Guarantees, JMLR 2019; to train on, Huang, Zhang, Xi et al., "
    "Scaling Up Graph Neural Networks Via Graph Coarsening, KDD 2021",
    cost="nothing is trained: seconds",
    recipe=Recipe(start=Coarsened(), schedule=cgc.TRAINED),
    expected=expected("citeseer", {5: 52.2, 10: 59.0, 20: 65.3}, ITS_OWN, TABLE, network="gcn"),
    deviations=(
        "The largest component alone is coarsened, to so many clusters; the source coarsens each part of the graph.",
        "A cluster without a training node has the class of those around it; the source trains on the others.",
        "The weight of edges within a cluster is kept, as an edge with itself.",
        "Learners are trained without dropout at one rate, for 600 epochs, and the last is scored.",
    ),
)
