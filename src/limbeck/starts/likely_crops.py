"""Crops of real images that a teacher is surest of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from limbeck.computations.teachers import Teacher
from limbeck.core import tree
from limbeck.core.contracts import AbstractStart, AbstractTask, Batch, Problem
from limbeck.core.errors import InputError
from limbeck.core.expect import at_least, expect, positive
from limbeck.core.key import Key
from limbeck.core.task import label_bytes
from limbeck.learn.crops import draw_boxes, resized
from limbeck.starts.batches import check_weights, loaded, rows_by_class

Patches = Float[Tensor, "crop channel down across"]


@dataclass(frozen=True)
class LikelyCrops(AbstractStart):
    """Random resized crops of real images, those that a teacher is surest of (Sun et al., CVPR 2024).

    Of each image the crop of least cross-entropy under the teacher stays, and of a class the crops of least
    cross-entropy among these. With a factor f above 1 a crop has a 1/f of the sides, f x f of them are one item, and
    the teacher sees a crop alone, in the middle of mean pixels. Crops are cut in native units. Labels are the classes.
    """

    teacher: Teacher = field(default_factory=Teacher)
    """The network that is sure of crops."""
    crops: int = 5
    """Crops of an image."""
    images: int = 300
    """How many images of a class are considered."""
    factor: int = 1
    """How many crops lie side by side, and one above another, in an item."""
    least: float = 0.08
    """The least area of a crop, as a share of the image; the largest is all of it."""

    def __post_init__(self) -> None:
        at_least(self, 1, "crops", "images", "factor")
        positive(self, "least")
        expect(self, "least", self.least <= 1, "a share of the image, at most 1")

    def needs(self, problem: Problem) -> tuple[Any, ...]:
        """The training of the teacher."""
        return (self.teacher.training(),)

    def bytes_per_item(self, task: AbstractTask) -> int:
        """A float of 32 bits for each number, as a crop has no levels, and its label."""
        return 4 * tree.numel(task.shape) + label_bytes(len(task.classes))

    def pick(self, problem: Problem, per_class: int, key: Key) -> Batch:
        """`per_class` items of every class, the surest first.

        Raises InputError where a class has fewer images than they are cut from, where inputs are no images of classes,
        and where they are too small for the factor.
        """
        task, kept = problem.task, per_class * self.factor**2
        sides, groups = self._sides(task), rows_by_class(problem, per_class)
        check_weights("likely-crops", task.load("train", groups[0][:1]), len(task.classes))
        fewest = min(map(len, groups))
        if fewest < kept:
            raise InputError(
                f"likely-crops.factor: found {self.factor}, so that {per_class} items of a class are cut from {kept} "
                f"images, and a class has {fewest}; expected no more, so take a smaller factor or fewer items"
            )
        logits = self.teacher.reader(problem)
        rows, items = [], []
        for index, every in enumerate(groups):
            order = key.fold("considered", index).permutation(len(every))
            considered = every[order[: max(self.images, kept)]]
            patches = self._cut(problem, considered, sides, key.fold("crops", index))
            losses = self._losses(problem, patches.flatten(0, 1), logits, index).view(len(considered), self.crops)
            best, chosen = surest(losses, kept)
            rows.append(considered[chosen[:per_class]])
            items.append(tiled(patches[chosen, best[chosen]], task.shape[1:], self.factor))
        batch = loaded(problem, torch.cat(rows))
        return batch._replace(inputs=task.codec.encode(torch.cat(items)).to(batch.inputs))

    def _sides(self, task: AbstractTask) -> tuple[int, int]:
        """Height and width of a crop."""
        shape = task.shape
        if not isinstance(shape, tuple) or len(shape) != 3:
            raise InputError(
                f"start likely-crops: found inputs of the shape {shape}, expected images; take --start real"
            )
        if min(shape[1:]) < self.factor:
            raise InputError(
                f"likely-crops.factor: found {self.factor}, expected at most {min(shape[1:])}, the side of the images"
            )
        return shape[1] // self.factor, shape[2] // self.factor

    def _cut(
        self, problem: Problem, rows: Int[Tensor, " image"], sides: tuple[int, int], key: Key
    ) -> Float[Tensor, "image crop channel down across"]:
        """The crops of the images in some rows, in native units."""
        native = problem.task.native("train", rows).to(problem.device)
        boxes = draw_boxes(key, len(rows) * self.crops, tuple(native.shape[2:]), (self.least, 1.0))
        cut = [resized(native, each, sides) for each in boxes.view(len(rows), self.crops, 4).unbind(1)]
        return torch.stack(cut, 1)

    def _losses(
        self, problem: Problem, patches: Patches, logits: Callable[[Tensor], Tensor], index: int
    ) -> Float[Tensor, " crop"]:
        """The cross-entropy of each crop with the class, in the middle of an image of mean pixels, on the CPU."""
        codec, (_, height, width) = problem.task.codec, problem.task.shape
        mean = codec.decode(torch.zeros(1, *problem.task.shape, device=patches.device))
        canvas = mean.repeat(len(patches), 1, 1, 1)
        top, left = (height - patches.shape[2]) // 2, (width - patches.shape[3]) // 2
        canvas[:, :, top : top + patches.shape[2], left : left + patches.shape[3]] = patches
        return -logits(codec.encode(canvas)).log_softmax(1)[:, index]


def surest(losses: Float[Tensor, "image crop"], count: int) -> tuple[Int[Tensor, " image"], Int[Tensor, " item"]]:
    """The crop of least loss of each image, and the `count` images whose that is least, in order; the first of equals.

    >>> best, chosen = surest(torch.tensor([[3.0, 2.0], [0.5, 4.0], [1.0, 1.0]]), 2)
    >>> best.tolist(), chosen.tolist()
    ([1, 0, 0], [1, 2])
    """
    least, best = losses.min(1)
    return best, least.argsort(stable=True)[:count]


def tiled(patches: Patches, sides: tuple[int, int], factor: int) -> Float[Tensor, "item channel height width"]:
    """Items of `factor` x `factor` patches: cell k, row by row, of n items is patch k n + item.

    Where the factor does not divide a side, the first cells are a pixel longer, stretched to the nearest pixel.
    """
    count = len(patches) // factor**2
    lengths = [[side // factor + (place < side % factor) for place in range(factor)] for side in sides]
    cells = [
        nn.functional.interpolate(patches[cell * count : (cell + 1) * count], (height, width))
        for cell, (height, width) in enumerate((down, across) for down in lengths[0] for across in lengths[1])
    ]
    rows = [torch.cat(cells[first : first + factor], 3) for first in range(0, factor**2, factor)]
    return torch.cat(rows, 2)
