"""What the starts have in common: class by class, with one-hot targets."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from limbeck.computations.features import trained_features
from limbeck.core.contracts import Batch, Problem
from limbeck.core.errors import InputError
from limbeck.core.key import Key

Select = Callable[[Float[Tensor, "example feature"], int, Key], Int[Tensor, " item"]]
"""select(features, count, key) -> which `count` of the examples, each at most once."""


def rows_by_class(problem: Problem, per_class: int) -> tuple[Int[Tensor, " row"], ...]:
    """The training rows of each class; InputError where a class has fewer than `per_class`."""
    found = problem.task.groups("train")
    for name, rows in zip(problem.task.classes, found, strict=True):
        if len(rows) < per_class:
            raise InputError(
                f"class {name!r} has {len(rows)} training images, {per_class} per class were asked for; "
                f"lower --ipc to at most {min(map(len, found))}"
            )
    return found


def labelled(problem: Problem, inputs: Float[Tensor, "item ..."], per_class: int) -> Batch:
    """The batch of `inputs`, `per_class` of each class in turn, on the problem's device."""
    count = len(problem.task.classes)
    classes = torch.arange(count).repeat_interleave(per_class)
    return Batch(inputs, functional.one_hot(classes, count).to(inputs.dtype), classes).to(problem.device)


def loaded(problem: Problem, rows: Int[Tensor, " item"], per_class: int) -> Batch:
    """The training images in `rows`, `per_class` of each class in turn."""
    return labelled(problem, problem.task.load("train", rows).inputs, per_class)


def coreset(problem: Problem, per_class: int, key: Key, epochs: int, images: int, select: Select) -> Batch:
    """The real images that `select` takes of each class by their features under a trained network.

    At most `images` of a class, a part drawn by the key, are considered.
    """
    found = rows_by_class(problem, per_class)
    read = trained_features(problem, epochs)
    chosen = []
    for index, rows in enumerate(found):
        considered = rows[key.fold("considered", index).permutation(len(rows))[: max(images, per_class)]]
        chosen.append(considered[select(read(considered), per_class, key.fold("select", index))])
    return loaded(problem, torch.cat(chosen), per_class)
