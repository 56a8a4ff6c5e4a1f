"""Random real images."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from limbeck.core.contracts import AbstractStart, Batch, Problem
from limbeck.core.key import Key
from limbeck.starts.batches import loaded, rows_by_class


@dataclass(frozen=True)
class Real(AbstractStart):
    """Random real training images, without replacement."""

    def pick(self, problem: Problem, per_class: int, key: Key) -> Batch:
        """`per_class` images of every class; InputError where a class has fewer."""
        chosen = [
            rows[key.fold(index).permutation(len(rows))[:per_class]]
            for index, rows in enumerate(rows_by_class(problem, per_class))
        ]
        return loaded(problem, torch.cat(chosen))
