"""The task of naming the class of a vector of numbers that is in memory."""

from __future__ import annotations

from dataclasses import dataclass

from limbeck.core.contracts import AbstractNetwork
from limbeck.tasks.labelled import LabelledTask


@dataclass(frozen=True, eq=False)
class VectorTask(LabelledTask):
    """Classification of vectors (example, number), evaluated by the fraction whose largest output is their class.

    It lives in this process alone: no other can load it again by its name.
    """

    def network(self, name: str) -> AbstractNetwork:
        """The network of that name for so many numbers; InputError for an unknown one."""
        from limbeck.learn import networks

        return networks.vectors(name, self.shape[0], len(self.classes))
