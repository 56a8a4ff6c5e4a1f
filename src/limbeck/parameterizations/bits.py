"""Numbers that are rounded to a few levels when they are rendered, and stored as these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from limbeck.core import tree
from limbeck.core.budget import FLOAT
from limbeck.core.contracts import (
    AbstractParameterization,
    AbstractTask,
    Batch,
    Budget,
    Counted,
    Parameters,
    Pictured,
    Problem,
)
from limbeck.core.errors import InputError
from limbeck.core.expect import expect
from limbeck.core.family import part_name
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.parameterizations.around import AbstractAround
from limbeck.parameterizations.packing import BYTE, bytes_of, packed, unpacked
from limbeck.parameterizations.palette import Palette
from limbeck.parameterizations.pixels import Pixels

LEVELS, TARGETS = "levels", "targets"
"""The group of what is stored of all groups that are rounded, and the one that is not."""


class Rounded(NamedTuple):
    """A tensor as levels: low + step * level."""

    levels: Tensor
    """Whole numbers, of the shape and type of the tensor."""
    low: Tensor
    step: Tensor

    @property
    def values(self) -> Tensor:
        """The numbers that the levels stand for."""
        return self.low + self.step * self.levels


@dataclass(frozen=True)
class Bits(AbstractAround):
    """What another parameterization learns, in 2^bits levels each (Jacob et al., CVPR 2018; Bengio et al. 2013).

    What is learned is what `inner` learns, in its groups, but for "targets" rounded whenever it is rendered: to the
    nearest of 2^bits evenly spaced levels from the least number to the largest. A tensor (item, channel, ...) of three
    axes or more has such bounds for each channel over all items, any other has one pair. Slopes pass as if nothing was
    rounded (straight through), and the bounds follow what is learned. What is stored are the levels, `bits` of a byte
    each, and the bounds: it renders the very numbers that training saw.
    """

    bits: int = 8
    """Bits of each stored number."""
    inner: AbstractParameterization = field(default_factory=Pixels)
    """The parameterization whose numbers are rounded."""

    def __post_init__(self) -> None:
        expect(self, "bits", 1 <= self.bits <= BYTE, f"a number from 1 to {BYTE}")
        within: AbstractParameterization | None = self.inner
        while within is not None:
            expect(self, "inner", not isinstance(within, Bits | Palette), "a part whose numbers are stored whole")
            within = getattr(within, "inner", None)

    def cost(self, task: AbstractTask, per_class: int) -> int:
        """`bits` for each number of `inner`, whose own are of 32; the bounds are as many for any number of items."""
        return -(-self.inner.cost(task, per_class) * self.bits // (BYTE * FLOAT))

    def init(self, problem: Problem, start: Batch, key: Key) -> Parameters:
        """What `inner` begins with, not yet rounded; InputError where it learns nothing but targets."""
        items = self.inner.init(problem, start, key)
        if not tree.leaves(_of_inputs(items.learned)):
            raise InputError(
                f"bits: found {part_name(type(self.inner))}, which learns no numbers of these inputs, expected a part "
                "that does; choose --parameterization.inner pixels"
            )
        return Parameters(items.learned, {"items": items.fixed})

    def render(self, params: Parameters, key: Key) -> Batch:
        """What `inner` renders of the rounded numbers."""
        if LEVELS in params.learned:
            shown = _values_of(params, self.bits)
        else:
            shown = tree.map(self._through, _of_inputs(params.learned))
        return self.inner.render(Parameters({**shown, **_targets_of(params)}, params.fixed["items"]), key)

    def items(self, params: Parameters) -> Parameters:
        """What is learned is all of `inner`, and so is what it keeps."""
        return Parameters(params.learned, params.fixed["items"])

    def stored(self, params: Parameters) -> Parameters:
        """The levels of all groups in one stream, their bounds and shapes, and what `inner` stores beside them."""
        if LEVELS in params.learned:
            return tree.compact(params)
        items = self.inner.stored(self.items(params))
        numbers = _of_inputs(items.learned)
        flat = {path: rounded(leaf, self.bits) for path, leaf in tree.flatten(numbers).items()}
        stream = packed(torch.cat([each.levels.flatten() for each in flat.values()]).short(), self.bits)
        fixed = {
            "items": items.fixed,
            "low": tree.unflatten(numbers, {path: each.low for path, each in flat.items()}),
            "step": tree.unflatten(numbers, {path: each.step for path, each in flat.items()}),
            # A tensor without numbers says a shape and costs nothing.
            "shapes": tree.map(lambda leaf: leaf.new_empty(0, *leaf.shape), numbers),
        }
        return Parameters({LEVELS: stream, **_targets_of(items)}, fixed)

    def counted(self, params: Parameters) -> Counted:
        """As `inner` counts the numbers that levels stand for, each in `bits`; bounds are of all items."""
        values, bounds = _values_of(params, self.bits), Budget.of((params.fixed["low"], params.fixed["step"]))
        whole = self.inner.counted(Parameters({**_targets_of(params), **values}, params.fixed["items"]))
        every = Budget.of(values)
        common = Budget.of({group: leaves for group, leaves in values.items() if group in self.shared})
        levels = Budget.of(params.learned[LEVELS]).bytes
        of_all = bytes_of(common.scalars, self.bits)
        inputs = whole.inputs.bytes - (every.bytes - common.bytes) + levels - of_all
        shared = whole.shared.bytes - common.bytes + of_all + bounds.bytes
        return Counted(
            whole.inputs._replace(bytes=inputs),
            whole.labels,
            Budget(whole.shared.scalars + bounds.scalars, shared),
        )

    def pictured(self, params: Parameters, classes: Sequence[str]) -> tuple[Pictured, ...]:
        """The levels from the lowest to the highest of what has channels, and what `inner` shows of the numbers."""
        values = _values_of(params, self.bits)
        inner = self.inner.pictured(Parameters({**_targets_of(params), **values}, params.fixed["items"]), classes)
        scales = []
        lows, steps = (tree.flatten(params.fixed[name]) for name in ("low", "step"))
        level = torch.arange(2**self.bits)
        for path, low in lows.items():
            if low.dim() == 4:
                ramp = (low + steps[path] * level)[0]
                line = f"{2**self.bits} levels of {self.bits} bits, from the lowest to the highest of each channel"
                scales.append(Pictured("levels", line, ramp[None], (path,), path == "inputs"))
        return (*scales, *inner)

    def _through(self, leaf: Tensor) -> Tensor:
        """A tensor rounded, with the slope of the one that was not: what is added is 0."""
        return rounded(leaf.detach(), self.bits).values + (leaf - leaf.detach())


def rounded(leaf: Tensor, bits: int) -> Rounded:
    """The nearest of 2^bits levels from the least to the largest number of a tensor, of each channel where it has some.

    >>> rounded(torch.tensor([0.0, 0.4, 3.0]), 2).levels.tolist()
    [0.0, 0.0, 3.0]
    """
    axes = tuple(axis for axis in range(leaf.dim()) if leaf.dim() < 3 or axis != 1)
    low, high = leaf.amin(axes, keepdim=True), leaf.amax(axes, keepdim=True)
    most = 2**bits - 1
    step = (high - low) / most
    # Where all numbers are one, it is the bound itself.
    levels = ((leaf - low) / torch.where(step > 0, step, 1.0)).round().clamp(max=most)
    return Rounded(levels, low, step)


def _values_of(params: Parameters, bits: int) -> dict[str, Tree]:
    """The rounded numbers that are stored, by group."""
    fixed = params.fixed
    shapes = {path: leaf.shape[1:] for path, leaf in tree.flatten(fixed["shapes"]).items()}
    sizes = [shape.numel() for shape in shapes.values()]
    parts = unpacked(params.learned[LEVELS], bits, sum(sizes)).split(sizes)
    levels = {path: part.reshape(shape) for (path, shape), part in zip(shapes.items(), parts, strict=True)}

    def values(level: Tensor, low: Tensor, step: Tensor) -> Tensor:
        return Rounded(level.to(low.dtype), low, step).values

    found: dict[str, Tree] = tree.map(values, tree.unflatten(fixed["shapes"], levels), fixed["low"], fixed["step"])
    return found


def _of_inputs(learned: dict[str, Tree]) -> dict[str, Tree]:
    """The groups that are rounded."""
    return {group: leaves for group, leaves in learned.items() if group != TARGETS}


def _targets_of(params: Parameters) -> dict[str, Tree]:
    """The group that is not rounded."""
    return {group: leaves for group, leaves in params.learned.items() if group == TARGETS}
