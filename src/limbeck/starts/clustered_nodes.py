"""Nodes that stand for clusters of labelled nodes of a graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from limbeck.core.contracts import AbstractStart, Batch, Problem
from limbeck.core.expect import at_least, expect, positive
from limbeck.core.key import Key
from limbeck.learn.graphs import EDGES, FEATURES, Whole, labelled_nodes, spreading

Rows = Float[Tensor, "row number"]

HOPS = 2
"""How far features are spread before they are clustered."""
OFFSET = 2**-0.5
"""What is added to an inner product before it is squared, in spectral clustering."""
REACH = 3
"""After how many hops in the condensed graph its features are to be the clusters' means."""
LEAST = 1e-20
"""The least chance of a labelled node to be added, before all are brought to add up to 1."""


@dataclass(frozen=True)
class ClusteredNodes(AbstractStart):
    """A node for each cluster of spread features of labelled nodes, and features that spread to these (CGC).

    Of the labelled nodes and of some drawn among them, those of classes that a linear model names worse more often, the
    features after two hops (one, of the drawn) are clustered within each class. The mean of a cluster weighs its rows
    by how sure the model is of their class. Two means whose cosine is above `linked` have an edge, and features X solve

        (P P' + L) X = pull P' H,

    with P the third power of the normalised adjacency of the new graph, L its normalised Laplacian, and H the means
    (Gao et al., WWW 2025). Nothing is trained. InputError where the data are no graph.
    """

    makes = True

    added: float = 0.5
    """How many nodes are drawn beside, as a share of the labelled ones."""
    sharpness: float = 0.5
    """What confidence is divided by before the softmax that weighs the rows of a cluster."""
    linked: float = 0.8
    """The cosine of two means above which they are joined; 1: none are, and features are the means themselves."""
    pull: float = 1.0
    """How strongly spread features are drawn to the means, beside smoothness along edges."""
    considered: int = 1000
    """How many rows of a class are clustered."""

    def __post_init__(self) -> None:
        at_least(self, 0, "added")
        at_least(self, 1, "considered")
        positive(self, "sharpness", "pull")
        expect(self, "linked", -1 <= self.linked <= 1, "a cosine, from -1 to 1")

    def check(self, problem: Problem) -> None:
        """InputError where the data are no graph."""
        labelled_nodes(problem.task)

    def pick(self, problem: Problem, per_class: int, key: Key) -> Batch:
        """`per_class` nodes of every class; InputError where a class has fewer rows, and where there is no graph."""
        whole, nodes, classes = labelled_nodes(problem.task)
        count = len(problem.task.classes)
        rows = self._rows(whole, nodes, classes, count, key.fold("added"))
        means = []
        for label in range(count):
            of = (rows.classes == label).nonzero()[:, 0]
            expect(
                self, "added", len(of) >= per_class, f"more: class {problem.task.classes[label]!r} has {len(of)} rows"
            )
            at = key.fold("clusters", label)
            of = of[at.fold("considered").permutation(len(of))[: max(self.considered, per_class)]].sort().values
            clusters = clustered(rows.features[of], per_class, at)
            weights = _within(rows.confidences[of] / self.sharpness, clusters, per_class)
            means.append(weights @ rows.features[of])
        made, edges = linked(torch.cat(means), self.linked)
        features = spread_to(made, edges, self.pull)
        labels = torch.arange(count).repeat_interleave(per_class)
        targets = nn.functional.one_hot(labels, count).float()
        return Batch({EDGES: edges.float(), FEATURES: features.float()}, targets, labels).to(problem.device)

    def _rows(
        self, whole: Whole, nodes: Int[Tensor, " node"], classes: Int[Tensor, " node"], count: int, key: Key
    ) -> _Rows:
        """What is clustered: the labelled nodes after two hops, and those drawn after one."""
        hops = [whole.rows(nodes, hop).double() for hop in range(HOPS + 1)]
        wanted = nn.functional.one_hot(classes, count).double()
        model = torch.linalg.lstsq(sum(hops) / len(hops), wanted, driver="gelss").solution
        blocks = [_Rows(hops[2], classes, _confidences(hops[2] @ model, classes))]
        drawn = int(len(nodes) * self.added)
        if drawn:
            named = hops[1] @ model
            chances = (1 - f1_scores(named.argmax(1), classes, count))[classes] + LEAST
            ends = (chances / chances.sum()).cumsum(0)
            at = torch.searchsorted(ends, key.uniform(drawn).double()).clamp(max=len(nodes) - 1)
            blocks.append(_Rows(hops[1][at], classes[at], _confidences(named[at], classes[at])))
        return _Rows(*(torch.cat(parts) for parts in zip(*blocks, strict=True)))


class _Rows(NamedTuple):
    """Features that are clustered."""

    features: Rows
    classes: Int[Tensor, " row"]
    confidences: Float[Tensor, " row"]
    """How sure the linear model is of the class."""


def f1_scores(named: Int[Tensor, " row"], classes: Int[Tensor, " row"], count: int) -> Float[Tensor, " class"]:
    """The harmonic mean of precision and recall of each class; 0 where both are none.

    >>> f1_scores(torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1]), 2).tolist()
    [0.6666666666666666, 0.6666666666666666]
    """
    right = classes[named == classes].bincount(minlength=count).double()
    total = named.bincount(minlength=count) + classes.bincount(minlength=count)
    return 2 * right / total.clamp(min=1)


def _confidences(said: Float[Tensor, "row class"], classes: Int[Tensor, " row"]) -> Float[Tensor, " row"]:
    """How sure a model is of each row's class; of what it names otherwise as little as of any."""
    shares = said.softmax(1)
    found = shares.gather(1, classes[:, None])[:, 0]
    return torch.where(shares.argmax(1) == classes, found, found.min())


def _within(scores: Float[Tensor, " row"], clusters: Int[Tensor, " row"], count: int) -> Float[Tensor, "cluster row"]:
    """The softmax of scores over the rows of each cluster, 0 elsewhere."""
    inside = clusters[None] == torch.arange(count)[:, None]
    return torch.where(inside, scores, -torch.inf).softmax(1)


def clustered(rows: Rows, count: int, key: Key) -> Int[Tensor, " row"]:
    """The cluster of each row, of so many: spectral clustering by a kernel (Gao et al., WWW 2025).

    The kernel is (u . v + 2^-1/2)^2 of the rows u, v of the leading left singular vectors of the centred rows, as many
    as clusters. k-means goes by the eigenvectors of D^-1/2 K D^-1/2 from the second on.
    """
    from sklearn import cluster

    if count == len(rows):
        return torch.arange(count)
    leading = torch.linalg.svd(rows - rows.mean(0), full_matrices=False).U[:, :count]
    kernel = (leading @ leading.T + OFFSET) ** 2
    root = kernel.sum(1).rsqrt()
    vectors = torch.linalg.eigh(root[:, None] * kernel * root).eigenvectors.flip(1)[:, 1 : count + 1]
    model = cluster.KMeans(count, n_init=10, random_state=key.seed % 2**32).fit(vectors.numpy())
    return torch.from_numpy(model.labels_).long()


def linked(means: Rows, above: float) -> tuple[Rows, Float[Tensor, "row row"]]:
    """The means, and an edge between each two whose cosine is above a number; none from one to itself."""
    unit = nn.functional.normalize(means, dim=1)
    edges = (unit @ unit.T > above).to(means)
    return means, edges.fill_diagonal_(0)


def spread_to(means: Rows, edges: Float[Tensor, "row row"], pull: float) -> Rows:
    """Features X with (P P' + L) X = pull P' means, as `ClusteredNodes` says."""
    power = torch.linalg.matrix_power(spreading(edges), REACH)
    degrees = edges.sum(1)
    root = torch.where(degrees > 0, degrees, 1).rsqrt()
    laplacian = root[:, None] * (degrees.diag() - edges) * root
    return torch.linalg.solve(power @ power.T + laplacian, pull * power.T @ means)
