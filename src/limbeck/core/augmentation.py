"""How inputs are changed while a learner is trained."""

from __future__ import annotations

from abc import abstractmethod

from jaxtyping import Int
from torch import Tensor

from limbeck.core.batch import Batch
from limbeck.core.expect import AbstractPart
from limbeck.core.key import Key
from limbeck.core.tree import Tree


class AbstractAugmentation(AbstractPart):
    """How inputs are changed while a learner is trained, without a change of their meaning: a frozen dataclass."""

    @abstractmethod
    def apply(self, inputs: Tree, key: Key, groups: Int[Tensor, " example"]) -> Tree:
        """The inputs after what each one's group draws; differentiable.

        The draw depends on `key` and the group's number alone: two calls with one key treat equal groups alike,
        whatever else they hold.
        """

    def examples(self, batch: Batch, key: Key, groups: Int[Tensor, " example"]) -> Batch:
        """The examples under `apply`; of a part that mixes examples, their targets are mixed as their inputs are."""
        return batch._replace(inputs=self.apply(batch.inputs, key, groups))

    @abstractmethod
    def without(self, operation: str) -> AbstractAugmentation:
        """The same but for the operation of that name ("flip" mirrors images); itself where it has none such."""

    def at(self, _done: float) -> AbstractAugmentation:
        """What it is where a share in [0, 1) of the steps of a distillation is done; by default the same throughout."""
        return self

    def batchwise(self) -> AbstractAugmentation:
        """As training draws it: where it chooses among operations, one for a batch; by default itself."""
        return self
