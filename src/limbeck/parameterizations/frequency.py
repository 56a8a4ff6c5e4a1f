"""Images stored by the frequencies that vary most among real ones of their class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.core import tree
from limbeck.core.budget import FLOAT
from limbeck.core.contracts import AbstractParameterization, AbstractTask, Batch, Parameters, Pictured, Problem
from limbeck.core.expect import at_least, expect
from limbeck.core.key import Key
from limbeck.core.pictured import MOST, first_items, named
from limbeck.core.placing import onto
from limbeck.parameterizations.images import image_shape, images_of
from limbeck.parameterizations.pixels import labelled, labels_of
from limbeck.parameterizations.real_inputs import real_inputs


@dataclass(frozen=True)
class Frequency(AbstractParameterization):
    """Cosine coefficients (item, channel, kept), group "inputs", in the order of their class's mask (Shin et al. 2023).

    What is fixed are the masks (class, kept): positions row by row in the plane of the orthonormal DCT-II, each class's
    being those whose coefficients vary most over all of its real images, by the mean of the variances of its channels.
    All other coefficients are 0, so each image loses the energy of those of its start (Parseval). The source (FreD,
    NeurIPS 2023) takes 32 of 1,024 positions for gradient matching, else 64, and ranks by the channels' mean.
    """

    kept: int = 32
    """How many positions of the plane are stored; all of them: the images themselves."""

    def __post_init__(self) -> None:
        at_least(self, 1, "kept")

    def cost(self, task: AbstractTask, per_class: int) -> int:
        """That of the coefficients; InputError for a task of no images."""
        channels, _, _ = image_shape(task, self)
        return FLOAT * channels * self.kept * per_class * len(task.classes)

    def init(self, problem: Problem, start: Batch, key: Key) -> Parameters:
        """The coefficients of the start that are kept; InputError for what is no image, and for more than it has."""
        images = images_of(start, self)
        height, width = images.shape[2:]
        positions = height * width
        expect(self, "kept", self.kept <= positions, f"at most {positions}, the pixels of an image of one channel")
        order = problem.remember("frequencies", Key(), lambda: {"order": _by_variance(problem.task)})["order"]
        masks = onto(order[:, : self.kept].sort(1).values, images.device)
        coefficients = (_dct(height, images) @ images @ _dct(width, images).T).flatten(2)
        kept = coefficients.gather(2, _spread(masks, start.classes, images.shape[1]))
        # A tensor without numbers costs nothing, and its sides say how large the plane is.
        fixed = {**labels_of(start), "masks": masks, "plane": images.new_empty(height, width, 0)}
        return Parameters({"inputs": kept.detach()}, fixed)

    def render(self, params: Parameters, key: Key) -> Batch:
        """The images whose coefficients are those that are stored, and 0 elsewhere."""
        fixed, kept = tree.widen(params.fixed), params.learned["inputs"]
        height, width = fixed["plane"].shape[:2]
        at = _spread(fixed["masks"], fixed["classes"], kept.shape[1])
        plane = kept.new_zeros(*kept.shape[:2], height * width).scatter(2, at, kept).unflatten(2, (height, width))
        return labelled(_dct(height, kept).T @ plane @ _dct(width, kept), fixed)

    def pictured(self, params: Parameters, classes: Sequence[str]) -> tuple[Pictured, ...]:
        """The positions that are kept of each class, and the spectra of some items."""
        fixed, kept = tree.widen(params.fixed), params.learned["inputs"]
        height, width = fixed["plane"].shape[:2]
        items = first_items(fixed["classes"])
        present = fixed["classes"].unique()[:MOST]
        # What lies beyond the last position that any class keeps is black.
        shown = fixed["masks"][present]
        tall, wide = int(shown.max()) // width + 1, int((shown % width).max()) + 1
        masks = kept.new_zeros(len(present), height * width).scatter(1, fixed["masks"][present], 1.0)
        spectra = kept.new_zeros(len(items), height * width)
        strength = kept[items].abs().mean(1).log1p()
        spectra = spectra.scatter(1, fixed["masks"][fixed["classes"][items]], strength)
        return (
            Pictured(
                "masks",
                f"white are the {self.kept} frequencies that a class keeps, the lowest top left: of {tall} x {wide} "
                f"of {height} x {width}",
                masks.unflatten(1, (1, height, width))[..., :tall, :wide],
                tuple(classes[int(index)] for index in present),
            ),
            Pictured(
                "spectra",
                "how strong each kept frequency is in an item, as log(1 + size), the mean of its channels",
                spectra.unflatten(1, (1, height, width))[..., :tall, :wide],
                named(items, fixed["classes"], classes),
            ),
        )


def _dct(side: int, like: Tensor) -> Float[Tensor, "frequency position"]:
    """The orthonormal DCT-II of `side` numbers, of the type of another tensor and where that lies."""
    at = torch.arange(side, dtype=torch.float64, device=like.device)
    waves = math.sqrt(2 / side) * torch.cos(math.pi / side * at[:, None] * (at + 0.5))
    return torch.where(at[:, None] == 0, math.sqrt(1 / side), waves).to(like.dtype)


def _spread(
    masks: Int[Tensor, "class kept"], classes: Int[Tensor, " item"], channels: int
) -> Int[Tensor, "item channel kept"]:
    """The positions of every channel of every item."""
    return masks[onto(classes, masks.device)][:, None].expand(-1, channels, -1)


def _by_variance(task: AbstractTask) -> Int[Tensor, "class position"]:
    """The positions of the plane by how much they vary among the real images of each class, those of most first.

    Variances are the mean of those of all channels; of equal ones the lower frequency comes first.
    """
    height, width = task.shape[1:]
    at = torch.arange(height * width)
    low_first = (at // width + at % width).argsort(stable=True)
    variances = torch.stack([_variances(task, rows)[low_first] for rows in task.groups("train")])
    return low_first[variances.argsort(dim=1, descending=True, stable=True)]


def _variances(task: AbstractTask, rows: Int[Tensor, " example"]) -> Float[Tensor, " position"]:
    """The variance of each coefficient over some real images, averaged over the channels."""
    total, squares = torch.zeros(task.shape, dtype=torch.float64), torch.zeros(task.shape, dtype=torch.float64)
    rises, runs = _dct(task.shape[1], total), _dct(task.shape[2], total)
    for images in real_inputs(task, rows):
        coefficients = rises @ images @ runs.T
        total += coefficients.sum(0)
        squares += coefficients.square().sum(0)
    count = max(1, len(rows))
    return (squares / count - (total / count).square()).mean(0).flatten()
