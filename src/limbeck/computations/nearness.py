"""Where the items of a set lie among all real training examples, and where unseen real examples do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.computations.leave_one_out import spread
from limbeck.computations.sources import training_count
from limbeck.computations.training import FORWARD, Training
from limbeck.core import tree
from limbeck.core.contracts import AbstractTask, Batch
from limbeck.core.key import Key
from limbeck.core.progress import went
from limbeck.core.tree import Tree
from limbeck.learn.footprint import example_bytes
from limbeck.learn.population import operations, read
from limbeck.statistics.neighbours import AT_ONCE, nearest
from limbeck.statistics.resemblance import explained, relative

DOUBLE, DISTANCE = 2, 8
"""How many of a network's numbers one of double precision takes; bytes of a distance, and of what it is made of."""
CHUNK = 1000
"""Training examples whose distances are taken at once."""
See = Callable[[Batch], Float[Tensor, "example number"]]
SeeTraining = Callable[[Int[Tensor, " example"]], Float[Tensor, "example number"]]


@dataclass(frozen=True)
class Nearness(AbstractComputation):
    """The nearest training examples of items, of controls' items and of unseen real examples, and class means.

    In the units of the data (as a network sees them, where those are no numbers), or in the features of a learner at
    the end of its training. All are held against the training examples in one reading of these.

    The outcome has "items", "controls" (one control after the other) and "real" (`drawn` evaluation examples), each
    with "distance" and "row" (example, near): the Euclidean distances to the nearest training examples, and their rows
    in the train split; "relative" and "explained" (example,), as in `statistics.resemblance`; and "to mean" (example,),
    the distance to the mean of its class. Of copies among the training examples the nearest is the example itself.
    """

    doing = "comparing with training examples"

    learner: Training | None = None
    """In whose features; None: in the units of the data."""
    items: int = 100
    """How many items are held against them, at even distances in the set; 0 for all."""
    controls: int = 5
    sample: int = 1000
    """How many evaluation examples."""
    near: int = 3

    @property
    def depends_on_set(self) -> bool:
        """It is read on the set."""
        return True

    def needs(self) -> tuple[AbstractComputation, ...]:
        """The training."""
        return () if self.learner is None else (self.learner,)

    def bytes(self, context: ProbeContext, together: int = 1) -> float:
        """Those of what is held against training examples, of as many of these as are read at once, and of distances.

        An example has as many features as numbers, at most; they are held in double precision for a while.
        """
        items = len(spread(len(context.distilled), self.items)) * (1 + self.controls)
        queries = items + min(self.sample, len(context.rows))
        task = context.problem.task
        seen = (2 + DOUBLE) * example_bytes(task, queries + CHUNK) + DOUBLE * example_bytes(task, len(task.classes))
        return seen + DISTANCE * min(queries, AT_ONCE) * CHUNK + self.examples_bytes(context)

    def flops(self, context: ProbeContext) -> float:
        """The operations of the distances, and of reading all. An example has as many features as numbers, at most."""
        items = len(spread(len(context.distilled), self.items)) * (1 + self.controls)
        queries, training = items + min(self.sample, len(context.rows)), training_count(context.problem.task)
        read_in = 0.0
        if self.learner is not None:
            read_in = FORWARD * operations(context.under(self.learner.network).problem) * (training + queries)
        return read_in + 2.0 * queries * training * tree.numel(context.problem.task.shape)

    def run(self, context: ProbeContext) -> Tree:
        """Read the training examples once, and hold all against them."""
        task, (see, see_training) = context.problem.task, self._seeing(context)
        real = task.take(context.examples, drawn(len(context.rows), self.sample))
        batches = {
            "items": chosen(task, context.distilled.batch, self.items),
            "controls": task.join(
                [chosen(task, each.distilled.batch, self.items) for each in context.controls(self.controls)]
            ),
            "real": real,
        }
        points = torch.cat([see(batch) for batch in batches.values()])
        classes = torch.cat([batch.classes for batch in batches.values()])
        found = self._held(context, points, classes, see_training)
        parts = [len(batch.classes) for batch in batches.values()]
        split = {name: values.split(parts) for name, values in found.items()}
        return {part: {name: values[place] for name, values in split.items()} for place, part in enumerate(batches)}

    def _held(self, context: ProbeContext, points: Tensor, classes: Tensor, see: SeeTraining) -> dict[str, Tensor]:
        """What is found of each query among the training examples."""
        groups = context.problem.task.groups("train")
        rows, counts = torch.cat(groups), torch.tensor([len(each) for each in groups], dtype=torch.float64)
        labels = torch.arange(len(groups)).repeat_interleave(counts.long())
        sums = torch.zeros(len(groups), points.shape[1], dtype=torch.float64)
        distance, row = points.new_zeros(len(points), 0), torch.zeros(len(points), 0, dtype=torch.int64)
        for start in range(0, len(rows), CHUNK):
            went(start, len(rows))
            part = rows[start : start + CHUNK]
            seen = see(part)
            sums.index_add_(0, labels[start : start + CHUNK], seen.double())
            apart, places = nearest(points, seen, self.near)
            distance, row = _nearest_of(self.near, (distance, apart), (row, part[places]))
        centre, means = sums.sum(0) / counts.sum(), sums / counts.clamp_min(1)[:, None]
        contrasts = [(each.double() - centre).norm(dim=1) for each in (points, see(row[:, 0]))]
        return {
            "distance": distance.double(),
            "row": row,
            "relative": relative(distance[:, 0].double(), *contrasts),
            "explained": explained(points, means[counts > 0], centre),
            "to mean": (points.double() - means[classes]).norm(dim=1),
        }

    def _seeing(self, context: ProbeContext) -> tuple[See, SeeTraining]:
        """How examples are seen, and training examples by their rows."""
        task = context.problem.task
        if self.learner is None:
            return seen_as_data(task)
        problem = context.under(self.learner.network).problem
        learner = self.learner.kept(context, self.learner.last_kept(context))

        def see(batch: Batch) -> Tensor:
            return read(problem, learner, batch.inputs).features

        return see, lambda rows: see(task.load("train", rows))


def drawn(count: int, size: int) -> Int[Tensor, " example"]:
    """Which of so many evaluation examples are held against training examples, up to `size`."""
    return Key(("nearness",)).permutation(count)[:size].sort().values


def chosen(task: AbstractTask, batch: Batch, most: int) -> Batch:
    """The examples of a set that are looked at: `most` of them at even distances."""
    return task.take(batch, torch.tensor(spread(len(batch.classes), most)))


def seen_as_data(task: AbstractTask) -> tuple[See, SeeTraining]:
    """All numbers of each example in the units of the data; as a network sees them, where those are no fractions."""
    if all(map(torch.is_floating_point, tree.leaves(task.native("train", torch.tensor([0]))))):
        return (
            lambda batch: tree.flat_rows(task.codec.decode(batch.inputs)).float(),
            lambda rows: tree.flat_rows(task.native("train", rows)).float(),
        )
    return (
        lambda batch: tree.flat_rows(batch.inputs).float(),
        lambda rows: tree.flat_rows(task.load("train", rows).inputs).float(),
    )


def _nearest_of(count: int, distances: tuple[Tensor, Tensor], rows: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """The `count` nearest of two lists for each query, nearest first; of equals those of the first list."""
    apart, order = torch.cat(distances, 1).sort(dim=1, stable=True)
    return apart[:, :count], torch.cat(rows, 1).gather(1, order[:, :count])
