"""A graph of communities whose features are faint: three classes, 90 nodes, of which 24 train."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy
import torch

from limbeck.core.key import Key

KEY = Key(("small graph",))
CLASSES, NODES, NUMBERS = 3, 90, 8
OF_GRAPHS = ("clustered-nodes", "coarsened", "eigenbasis", "pairwise-edges", "recognised", "without-edges")
"""Parts that ask for a graph and refuse images; tests/exact/test_graphs.py and test_graph_spectrum.py test them."""
NAMES = ("ant", "bat", "cow")


@functools.cache
def arrays() -> dict[str, Any]:
    """The arrays of its archive."""
    labels = torch.arange(NODES) % CLASSES
    means = KEY.fold("means").normal(CLASSES, NUMBERS)
    features = KEY.fold("features").normal(NODES, NUMBERS) + 0.7 * means[labels]
    chance = torch.where(labels[:, None] == labels[None], 0.15, 0.01)
    edges = (KEY.fold("edges").uniform(NODES, NODES) < chance).triu(1).nonzero().T
    order = KEY.fold("split").permutation(NODES).numpy()
    return {
        "features": features.numpy(),
        "edge_index": edges.numpy(),
        "labels": labels.numpy(),
        "train_idx": order[:30],
        "val_idx": order[30:50],
        "test_idx": order[50:],
        "class_names": numpy.array(NAMES),
    }


def write(path: Path, **changed: Any) -> str:
    """The name of its archive at a path, of which some arrays are changed; None: left out."""
    numpy.savez(path, **{name: array for name, array in {**arrays(), **changed}.items() if array is not None})
    return f"graph:{path}"
