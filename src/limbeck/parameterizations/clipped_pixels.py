"""Every number of every input is learned, and stays where real data could be."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from limbeck.core import tree
from limbeck.core.contracts import AbstractParameterization, Batch, Parameters, Problem
from limbeck.core.key import Key
from limbeck.parameterizations.pixels import Pixels, held


@dataclass(frozen=True)
class ClippedPixels(AbstractParameterization):
    """Every number of every input is learned, and clipped after each step to what real data could be.

    As `pixels`, but that each step ends at the nearest inputs that, in the units of the data, lie in their range:
    [0, 1] for images, anywhere for data that know no bounds. The start is as it is given until the first step.
    """

    def init(self, problem: Problem, start: Batch, key: Key) -> Parameters:
        """The start itself."""
        return held(start)

    def render(self, params: Parameters, key: Key) -> Batch:
        """The inputs as they are, under the labels of the start."""
        return Pixels().render(params, key)

    def settled(self, params: Parameters, problem: Problem) -> Parameters:
        """The inputs clipped, in native units."""
        codec, inputs = problem.task.codec, tree.merge(params.learned["inputs"], params.fixed.get("inputs", {}))
        clipped = codec.encode(codec.clip(codec.decode(inputs)))
        return params._replace(learned={**params.learned, "inputs": tree.select(clipped, torch.is_floating_point)})
