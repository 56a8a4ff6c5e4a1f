"""Difficulty-aligned trajectory matching."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from limbeck.computations.teachers import Teacher
from limbeck.learn.augment import Siamese
from limbeck.learn.optim import SGD
from limbeck.objectives import Trajectory
from limbeck.parameterizations import SoftmaxTargets
from limbeck.recipes import mtt
from limbeck.recipes.contract import CODE, ITS_OWN, VALIDATION, Method, Published, expected
from limbeck.starts import RightlyNamed


def window(latest_at_first: int, grow_over: int) -> dict[str, Any]:
    """Where the starts end at first, and over how many steps they come to their end."""
    return {"objective.latest_at_first": latest_at_first, "objective.grow_over": grow_over}


PUBLISHED: Published = {
    ("cifar10", 1, True): {
        **mtt.settings(80, 2, 4, 1e2, 1e-7, 1e-2),
        **window(1, 0),
        "target_optimizer.learning_rate": 5.0,
    },
    ("cifar10", 10, True): {**mtt.settings(80, 2, 20, 1e2, 1e-5, 1e-2), **window(10, 1000)},
    ("cifar10", 50, True): {**mtt.settings(80, 2, 40, 1e3, 1e-5, 1e-2), **window(20, 2000)},
}
TABLE = "tables of later papers; as mtt, by batches of 128"
EXPECTED = (
    *expected("cifar10", {1: 46.9, 10: 66.8, 50: 76.1}, ITS_OWN, TABLE, whitened=True),
    *expected("cifar100", {1: 27.9, 10: 47.2, 50: 55.0}, ITS_OWN, TABLE, whitened=True),
    *expected("tiny_imagenet", {1: 17.1, 10: 31.1, 50: 39.7}, ITS_OWN, TABLE, network="convnet-d4"),
)

METHOD = Method(
    name="datm",
    summary="Trajectory matching of ever later starts, under soft labels that begin as a teacher's and are learned.",
    source="Guo et al., Towards Lossless Dataset Distillation via Difficulty-Aligned Trajectory Matching, ICLR 2024",
    cost="as mtt, for twice as many steps, each of 80 of a student; and the training of a network on the real data",
    recipe=replace(
        mtt.METHOD.recipe,
        start=RightlyNamed(Teacher(epochs=50, momentum=0.0, augment=Siamese(together=True))),
        parameterization=SoftmaxTargets(),
        objective=Trajectory(latest=20, latest_at_first=10, grow_over=1000),
        optimizer=SGD(learning_rate=100.0, momentum=0.5),
        target_optimizer=SGD(learning_rate=2.0, momentum=0.9),
        steps=10_000,
    ),
    published=PUBLISHED,
    expected=EXPECTED,
    deviations=(
        VALIDATION,
        "Experts are those of mtt; the published ones were trained towards flat minima (FTD), for trajectories that "
        "deviate less.",
        "Labels begin as those of one network, trained as an expert is; the published ones are means over the experts "
        "that name an item rightly.",
        "Every step is taken; published code leaves out those whose loss is above 1.",
    ),
    settings_from=CODE,
)
