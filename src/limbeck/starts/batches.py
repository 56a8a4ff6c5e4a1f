"""What the starts have in common: class by class, with the targets of real examples."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from jaxtyping import Int
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractTask, Batch, Problem
from limbeck.core.errors import InputError
from limbeck.core.key import Key


def rows_by_class(problem: Problem, per_class: int) -> tuple[Int[Tensor, " row"], ...]:
    """The training rows of each class; InputError where a class has fewer than `per_class`."""
    groups = problem.task.groups("train")
    for name, rows in zip(problem.task.classes or ("all",), groups, strict=True):
        if len(rows) < per_class:
            raise InputError(
                f"class {name!r} has {len(rows)} training examples, {per_class} per class were asked for; "
                f"distil at most {min(map(len, groups))} (--ipc {min(map(len, groups))})"
            )
    return groups


def drawn(problem: Problem, per_class: int, key: Key, draw: Callable[[tuple[int, ...], Key], Tensor]) -> Batch:
    """Inputs that `draw(shape, key)` gives, `per_class` for each class in turn, under targets of real examples of it.

    Of a class with fewer examples the targets come again. Inputs of several parts draw each from a key of its own.
    """
    task = problem.task
    parts = []
    for index, rows in enumerate(task.groups("train")):
        if len(rows) < per_class:
            warnings.warn(
                f"class {task.classes[index]!r} has {len(rows)} training examples, and is to have {per_class} items: "
                "no selection of as many real ones can stand beside",
                stacklevel=2,
            )
        shuffled = rows[key.fold("targets", index).permutation(len(rows))]
        parts.append(task.load("train", shuffled[torch.arange(per_class) % len(rows)]))
    labels = task.join(parts)
    inputs = tree.build(
        task.shape, len(labels.classes), lambda path, shape: draw(shape, key.fold(path) if path else key)
    )
    return labels._replace(inputs=inputs).to(problem.device)


def check_weights(start: str, batch: Batch, count: int) -> None:
    """InputError, in the name of a start, where the targets of its items are not a weight for each of `count` classes.

    A task of one group has no classes.
    """
    targets = batch.targets
    if count < 2 or not isinstance(targets, Tensor) or targets.shape != (len(batch.classes), count):
        found = tuple(targets.shape) if isinstance(targets, Tensor) else "a tree"
        raise InputError(
            f"start {start}: found targets {found}, expected a weight for each of {count} classes; choose --start real"
        )


def check_numbers(start: str, task: AbstractTask) -> None:
    """InputError, in the name of a start, where inputs are no rows of numbers by themselves."""
    inputs = task.load("train", torch.tensor([0])).inputs
    if tree.joined(task.shape) or not isinstance(inputs, Tensor) or not inputs.is_floating_point():
        raise InputError(
            f"start {start}: found inputs of {task.name} that are no numbers of one tensor; choose --start real"
        )


def weight_bytes(task: AbstractTask) -> int:
    """The bytes of a soft label: a float of 32 bits for each class."""
    return 4 * len(task.classes)


def first_in_turn(task: AbstractTask, batch: Batch, items: int) -> Batch:
    """So many items of each class as fall to it where `items` go round the classes, class by class."""
    count = len(task.classes)
    counts = (torch.arange(items) % count).bincount(minlength=count).tolist()
    rows = [(batch.classes == label).nonzero()[:most, 0] for label, most in enumerate(counts)]
    return task.take(batch, torch.cat(rows))


def loaded(problem: Problem, rows: Int[Tensor, " item"]) -> Batch:
    """The training examples in `rows`, on the problem's device."""
    return problem.task.load_on(problem.device, "train", rows)
