"""Images stored as products of two thin matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from limbeck.core import tree
from limbeck.core.budget import FLOAT
from limbeck.core.contracts import AbstractParameterization, AbstractTask, Batch, Parameters, Pictured, Problem
from limbeck.core.expect import at_least, expect
from limbeck.core.key import Key
from limbeck.core.pictured import first_items, named
from limbeck.parameterizations.images import image_shape, images_of
from limbeck.parameterizations.low_rank import factored
from limbeck.parameterizations.pixels import labelled, labels_of


@dataclass(frozen=True)
class Factors(AbstractParameterization):
    """Factors (item, channel, height, rank) and (item, channel, rank, width) of each image's channels.

    They are the groups "columns" and "rows"; a channel is their product, a matrix of that rank. They begin as the
    truncated singular value decomposition of the start, which is as near as that rank comes: what is missing has the
    energy of the singular values left out (Eckart and Young 1936).
    """

    rank: int = 4
    """The rank of each channel."""

    def __post_init__(self) -> None:
        at_least(self, 1, "rank")

    def cost(self, task: AbstractTask, per_class: int) -> int:
        """That of both factors; InputError for a task of no images."""
        channels, height, width = image_shape(task, self)
        return FLOAT * channels * self.rank * (height + width) * per_class * len(task.classes)

    def init(self, problem: Problem, start: Batch, key: Key) -> Parameters:
        """The factors of the start; InputError for what is no image, and for a rank above its shorter side."""
        images = images_of(start, self)
        side = min(images.shape[2:])
        expect(self, "rank", self.rank <= side, f"at most {side}, the shorter side of an image")
        columns, rows = factored(images.detach(), self.rank)
        return Parameters({"columns": columns, "rows": rows}, labels_of(start))

    def pictured(self, params: Parameters, classes: Sequence[str]) -> tuple[Pictured, ...]:
        """The factors of some items."""
        fixed = tree.widen(params.fixed)
        items = first_items(fixed["classes"], 5)
        words = named(items, fixed["classes"], classes)
        columns, rows = (params.learned[group][items] for group in ("columns", "rows"))
        return (
            Pictured("columns", f"{self.rank} columns of each channel", columns, words),
            Pictured("rows", f"the {self.rank} rows that they are multiplied with", rows, words),
        )

    def render(self, params: Parameters, key: Key) -> Batch:
        """The products."""
        return labelled(params.learned["columns"] @ params.learned["rows"], tree.widen(params.fixed))
