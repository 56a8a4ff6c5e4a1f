"""Real examples that follow one another."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from limbeck.core.contracts import AbstractStart, Batch, Problem
from limbeck.core.key import Key
from limbeck.learn.windows import Recording
from limbeck.starts.batches import loaded, rows_by_class


@dataclass(frozen=True)
class Stretch(AbstractStart):
    """Successive real training examples of each class, from a place drawn at random.

    Of a forecasting task these are the windows of one stretch of the recording, of all its channels: where more are
    asked for than those of so many whole windows, another window of all channels.
    """

    def pick(self, problem: Problem, per_class: int, key: Key) -> Batch:
        """`per_class` examples of every class; InputError where a class has fewer."""
        recording = getattr(problem.task, "recording", None)
        together = recording.channels if isinstance(recording, Recording) else 1
        count = -(-per_class // together) * together
        chosen = []
        for index, rows in enumerate(rows_by_class(problem, count)):
            first = together * int(key.fold(index).integers((len(rows) - count) // together + 1))
            chosen.append(rows[first : first + count])
        return loaded(problem, torch.cat(chosen))
