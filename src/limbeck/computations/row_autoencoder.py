"""An autoencoder of the rows of a table."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from limbeck.codecs.columns import Columns
from limbeck.computations.autoencoder import KEY, AbstractAutoencoder
from limbeck.core import tree
from limbeck.core.contracts import AbstractTask, Batch
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.row_autoencoder import Form, begun, loss


@dataclass(frozen=True)
class RowAutoencoder(AbstractAutoencoder):
    """An autoencoder of rows of numbers and categories, whose codes name the class, too.

    The outcome has its "encoder" and "decoder", and the "head" that names classes.
    """

    depth: int = 1
    """Hidden layers of each half; 0: it is linear."""
    labels: float = 1.0
    """What naming the class counts beside the error; 0: nothing."""

    def form(self, task: AbstractTask) -> Form:
        """How large it is for a task."""
        return Form(tree.numel(task.shape), self.code, self.width, self.depth, len(task.classes))

    def begun(self, task: AbstractTask) -> dict[str, Tree]:
        """The parameters before the first step."""
        return begun(self.form(task), KEY)

    def loss(self, task: AbstractTask, params: dict[str, Tree], examples: Batch, key: Key) -> Float[Tensor, ""]:
        """The error of rows and of classes; nothing is drawn."""
        rows, targets = tree.flat_rows(examples.inputs), examples.targets
        return loss(self.form(task), params, rows, targets.to(rows), choices_of(task), self.labels)


def choices_of(task: AbstractTask) -> tuple[slice, ...]:
    """Where the categories of each column lie among the numbers of an input; none where there are no columns."""
    return task.codec.choices if isinstance(task.codec, Columns) else ()


def as_rows(task: AbstractTask, inputs: Tensor) -> Tensor:
    """The inputs of the real data that could be that are nearest to some inputs."""
    codec = task.codec
    found: Tensor = codec.encode(codec.clip(codec.decode(inputs)))
    return found.to(inputs)
