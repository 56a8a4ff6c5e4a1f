"""Centres of clusters of the real examples of a class."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.computations.row_autoencoder import as_rows
from limbeck.core import tree
from limbeck.core.contracts import AbstractStart, AbstractTask, Batch, Problem
from limbeck.core.expect import at_least
from limbeck.core.key import Key
from limbeck.core.task import label_bytes
from limbeck.starts.batches import check_numbers, rows_by_class
from limbeck.starts.spaces import AbstractSpace, AsSeen, Points, Ways

TRIES = 3
"""Beginnings of each clustering, of which the best is taken."""


@dataclass(frozen=True)
class AbstractCentroids(AbstractStart):
    """The k-means centres of each class in a space, brought back out of it."""

    makes = True
    space: AbstractSpace = field(default_factory=AsSeen)
    """Where examples are near one another."""
    examples: int = 10_000
    """How many examples of a class are considered, drawn where there are more."""
    whole: bool = False
    """Whether each item is brought to what a real example could be: of categories the likeliest, whole numbers."""

    def __post_init__(self) -> None:
        at_least(self, 1, "examples")

    def bytes_per_item(self, task: AbstractTask) -> int:
        """Numbers of 32 bits, and a class; what a real one takes where items could be real."""
        return task.bytes_per_example if self.whole else 4 * tree.numel(task.shape) + label_bytes(len(task.classes))

    def numbers_per_item(self, task: AbstractTask) -> int:
        """All that a network sees, and a class; those of a real one where items could be real."""
        return task.numbers_per_example if self.whole else tree.numel(task.shape) + 1

    def check(self, problem: Problem) -> None:
        """InputError for inputs that have no mean."""
        check_numbers("of centres", problem.task)

    def needs(self, problem: Problem) -> tuple[object, ...]:
        """What the space is made by."""
        return self.space.needs(problem)

    def placed(self, problem: Problem, per_class: int, key: Key) -> tuple[list[Points], Ways]:
        """The considered examples of each class in the space, and the ways there and back."""
        self.check(problem)
        parts = []
        for label, rows in enumerate(rows_by_class(problem, per_class)):
            considered = rows[key.fold("considered", label).permutation(len(rows))[: max(self.examples, per_class)]]
            parts.append(tree.flat_rows(problem.task.load("train", considered.sort().values).inputs).double())
        ways = self.space.ways(problem, torch.cat(parts))
        with torch.no_grad():
            return [ways.into(part) for part in parts], ways

    def made(self, problem: Problem, centres: Sequence[Points], ways: Ways) -> Batch:
        """The centres of each class as items, under the targets of real examples of it."""
        task, items = problem.task, []
        for label, (points, rows) in enumerate(zip(centres, task.groups("train"), strict=True)):
            with torch.no_grad():
                back = ways.back(points).float()
            real = task.load("train", rows[torch.zeros(len(points), dtype=torch.int64)])
            inputs = _like(real.inputs, back)
            items.append(Batch(inputs, real.targets, torch.full((len(points),), label)))
        made = task.join(items)
        return (made._replace(inputs=as_rows(task, made.inputs)) if self.whole else made).to(problem.device)


@dataclass(frozen=True)
class Centroids(AbstractCentroids):
    """The k-means centres of each class: means of real examples that are near one another.

    In the space of codes of an autoencoder a centre is what its decoder makes of the mean of codes (as in TDColER).
    """

    def pick(self, problem: Problem, per_class: int, key: Key) -> Batch:
        """`per_class` centres of every class, those of large clusters first; InputError where a class has fewer."""
        parts, ways = self.placed(problem, per_class, key)
        centres = [clustered(part, per_class, key.fold("clusters", label))[0] for label, part in enumerate(parts)]
        return self.made(problem, centres, ways)


def clustered(points: Points, count: int, key: Key) -> tuple[Float[Tensor, "centre place"], float]:
    """The k-means centres of points, those of large clusters first, and the sum of squared distances from them."""
    import numpy as np
    from sklearn import cluster, exceptions

    with warnings.catch_warnings():
        # Of fewer different points than centres some centres are equal.
        warnings.simplefilter("ignore", exceptions.ConvergenceWarning)
        model = cluster.KMeans(count, n_init=TRIES, random_state=key.seed % 2**32).fit(points.numpy())
    sizes = np.bincount(model.labels_, minlength=count)
    order = torch.from_numpy(np.argsort(-sizes, kind="stable"))
    return torch.from_numpy(model.cluster_centers_)[order].to(points), float(model.inertia_)


def _like(inputs: tree.Tree, rows: Float[Tensor, "row number"]) -> tree.Tree:
    """Rows of numbers side by side as a tree of the shapes of some inputs."""
    flat = tree.flatten(inputs)
    parts = rows.split([leaf[0].numel() for leaf in flat.values()], 1)
    shaped = {path: part.reshape(-1, *leaf.shape[1:]) for (path, leaf), part in zip(flat.items(), parts, strict=True)}
    return tree.unflatten(inputs, shaped)
