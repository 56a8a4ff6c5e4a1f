"""K-means."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.core.contracts import AbstractStart, Batch, Problem
from limbeck.core.expect import at_least
from limbeck.core.key import Key
from limbeck.starts.batches import coreset


@dataclass(frozen=True)
class KMeans(AbstractStart):
    """Real images nearest to the k-means centres of their class's features."""

    epochs: int = 1
    """How long the network of the features is trained on the real data; at least 150 steps."""
    images: int = 1000
    """How many images of a class are considered."""

    def __post_init__(self) -> None:
        at_least(self, 0, "epochs")
        at_least(self, 1, "images")

    def pick(self, problem: Problem, per_class: int, key: Key) -> Batch:
        """`per_class` images of every class, those of large clusters first; InputError where a class has fewer."""
        return coreset(problem, per_class, key, self.epochs, self.images, nearest_to_centres)


def nearest_to_centres(features: Float[Tensor, "example feature"], count: int, key: Key) -> Int[Tensor, " item"]:
    """For each of `count` centres, by falling size of cluster, the nearest item that is not yet taken."""
    import numpy as np
    from sklearn import cluster

    model = cluster.KMeans(count, n_init=1, random_state=key.seed % 2**32).fit(features.numpy())
    sizes = np.bincount(model.labels_, minlength=count)
    centres = torch.from_numpy(model.cluster_centers_)[torch.from_numpy(np.argsort(-sizes, kind="stable"))]
    distances = torch.cdist(centres.to(features.dtype), features)
    chosen: list[int] = []
    for distance in distances:
        distance[chosen] = torch.inf
        chosen.append(int(distance.argmin()))
    return torch.tensor(chosen)
