"""K-means."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.core.key import Key
from limbeck.starts.seen import Seen
from limbeck.starts.selection import AbstractNearnessSelection


@dataclass(frozen=True)
class KMeans(AbstractNearnessSelection):
    """Real images nearest to the k-means centres of their class's features."""

    def select(self, seen: Seen, count: int, key: Key) -> Int[Tensor, " item"]:
        """`count` examples, those of large clusters first."""
        return nearest_to_centres(self.space.of(seen), count, key)


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
