"""Prototypes of pairs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.core.contracts import Problem
from limbeck.core.errors import InputError
from limbeck.core.expect import expect
from limbeck.core.key import Key
from limbeck.starts.seen import Seen
from limbeck.starts.selection import AbstractSelection


@dataclass(frozen=True)
class PairedClusters(AbstractSelection):
    """Real pairs nearest to prototypes, means of pairs that two clusterings have in common (PDS, ICLR 2026).

    The embeddings of both sides, of length 1, are clustered apart by mini-batch k-means, and clusters are assigned to
    one another so that they share as many pairs as can be. A prototype is the mean of the shared pairs, on both sides;
    the nearest pair that is not yet taken stands for it. Assigned clusters without a shared pair are left out; in their
    place come the pairs that are best aligned of those that are left.
    """

    images: int = 10_000
    """How many pairs are considered."""
    dropped: float = 0.1
    """The share of pairs that is left out before, those whose two sides are least alike."""

    def __post_init__(self) -> None:
        super().__post_init__()
        expect(self, "dropped", 0 <= self.dropped < 1, "a share from 0, below 1")

    def check(self, problem: Problem) -> None:
        """InputError for a task whose outputs are not two embeddings."""
        example = problem.task.load("train", torch.tensor([0]))
        outputs = problem.network.apply(problem.network.init(Key(("check",))), example.inputs).outputs
        if len(problem.task.sides(outputs)) != 2:
            raise InputError(
                f"start paired-clusters: found {problem.task.name}, whose outputs are no two embeddings, expected a "
                "task of pairs, such as emoji or pairs:FILE.parquet; choose another selection, such as kmeans"
            )

    def select(self, seen: Seen, count: int, key: Key) -> Int[Tensor, " item"]:
        """`count` pairs, those of prototypes of many pairs first."""
        left, right = (
            torch.nn.functional.normalize(side.double(), dim=1)
            for side in seen.problem.task.sides(seen.readout.outputs)
        )
        alike = (left * right).sum(1)
        keep = max(count, round(len(alike) * (1 - self.dropped)))
        kept = alike.argsort(descending=True, stable=True)[:keep].sort().values
        return kept[prototypes(left[kept], right[kept], count, key)]


def prototypes(
    left: Float[Tensor, "pair number"], right: Float[Tensor, "pair other"], count: int, key: Key
) -> Int[Tensor, " item"]:
    """`count` pairs, as `PairedClusters` says of pairs whose sides are of length 1."""
    from scipy.optimize import linear_sum_assignment

    clusters = [_clusters(side, count, key.fold(name)) for name, side in (("left", left), ("right", right))]
    shared = torch.zeros(count, count, dtype=torch.int64)
    shared.index_put_((clusters[0], clusters[1]), torch.tensor(1), accumulate=True)
    rows, columns = linear_sum_assignment(-shared.numpy())
    assigned = sorted(zip(rows.tolist(), columns.tolist(), strict=True), key=lambda pair: -int(shared[pair]))
    free = torch.ones(len(left), dtype=torch.bool)
    chosen: list[int] = []
    for row, column in assigned:
        members = (clusters[0] == row) & (clusters[1] == column)
        if bool(members.any()):
            apart = [(side - side[members].mean(0)).square().sum(1) for side in (left, right)]
            _take((apart[0] + apart[1]).where(free, torch.inf), free, chosen)
    alike = (left * right).sum(1)
    while len(chosen) < count:
        _take((-alike).where(free, torch.inf), free, chosen)
    return torch.tensor(chosen)


def _take(distance: Float[Tensor, " pair"], free: Tensor, chosen: list[int]) -> None:
    """Take the pair of the least distance."""
    chosen.append(int(distance.argmin()))
    free[chosen[-1]] = False


def _clusters(points: Float[Tensor, "pair number"], count: int, key: Key) -> Int[Tensor, " pair"]:
    from sklearn import cluster

    model = cluster.MiniBatchKMeans(count, n_init=3, random_state=key.seed % 2**32)
    return torch.from_numpy(model.fit_predict(points.numpy())).long()
