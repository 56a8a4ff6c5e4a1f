"""Items as functions of their last axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from limbeck.core import tree
from limbeck.core.budget import FLOAT
from limbeck.core.contracts import AbstractParameterization, AbstractTask, Batch, Parameters, Pictured, Problem
from limbeck.core.key import Key
from limbeck.core.pictured import first_items, named
from limbeck.parameterizations.field import Field
from limbeck.parameterizations.images import placed_of, placed_shape
from limbeck.parameterizations.painted import FINER, ZOOMED

AXES = (1, 2)


@dataclass(frozen=True)
class OverTime(AbstractParameterization):
    """A field over time alone: a small network from a time to all numbers of an item at that time.

    Of a spectrogram (1, mel, time) these are its pitches, each an output of one network, where `field` asks for the
    pitch as a place, too. It is a field of one axis (Shin et al., DDiF, ICLR 2025, in one dimension) of the items
    (channel mel, time). Of a series (channel, time) it is that field. Raises InputError for other items.
    """

    field: Field = Field()
    """The field of one axis."""

    def cost(self, task: AbstractTask, per_class: int) -> int:
        """That of the numbers, in 32 bits; InputError for what is neither images nor series."""
        return FLOAT * self.field.numbers(_folded(placed_shape(task, self, AXES))) * per_class * len(task.classes)

    def init(self, problem: Problem, start: Batch, key: Key) -> Parameters:
        """Numbers that were fitted to the items of the start; InputError for what is neither images nor series."""
        items = placed_of(start, self, AXES)
        lines = start._replace(inputs=items.flatten(1, -2))
        params = self.field.init(problem, lines, key)
        # Of no numbers, its shape is that of an item, and costs nothing to store.
        return params._replace(fixed={**params.fixed, "shape": items.new_empty(*items.shape[1:], 0)})

    def render(self, params: Parameters, key: Key) -> Batch:
        """The items at the times of the data."""
        batch = self.field.render(params, key)
        return batch._replace(inputs=batch.inputs.unflatten(1, params.fixed["shape"].shape[:-2]))

    def pictured(self, params: Parameters, classes: Sequence[str]) -> tuple[Pictured, ...]:
        """Some items in finer steps of time."""
        *sides, times, _ = params.fixed["shape"].shape
        if len(sides) == 1:
            return self.field.pictured(params, classes)
        labels = tree.widen(params.fixed)["classes"]
        items, finer = first_items(labels, ZOOMED), FINER * (times - 1) + 1
        few = Parameters({"inputs": params.learned["inputs"][items]}, params.fixed)
        line = f"the same numbers at {finer} times in place of {times}"
        made = self.field.at(few, finer).detach().unflatten(1, sides)
        return (Pictured("finer", line, made, named(items, labels, classes), as_items=True),)


def _folded(shape: Sequence[int]) -> tuple[int, int]:
    """All numbers of a time, and how many times there are."""
    return math.prod(shape[:-1]), shape[-1]
