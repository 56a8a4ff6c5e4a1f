"""Label distillation: real images stay as they are, and what each of them says is learned."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from limbeck.composition import Recipe
from limbeck.learn.optim import Adam, OnSimplex
from limbeck.learn.rules import Adam as InnerAdam
from limbeck.objectives import OneStepAhead, RidgeHead
from limbeck.parameterizations import FixedInputs
from limbeck.recipes.contract import Method, Published
from limbeck.schedules import Fixed
from limbeck.starts import UniformLabels

BATCHES = {"mnist": 49, "cifar10": 44, "cifar100": 44}
"""Of 1,024 real images in an epoch: 50,000 of MNIST and 45,000 of CIFAR, without those for validation."""
SIZES = {1: (10, 400), 2: (10, 400), 5: (25, 400), 10: (50, 400), 20: (50, 800), 50: (50, 800)}
"""Items of a step, and epochs, by items per class, of ten classes."""


def settings(data: str, batch: int, epochs: int, **further: Any) -> dict[str, Any]:
    """The options that depend on data and size."""
    return {
        "objective.batch": batch,
        "schedule.batch": batch,
        "steps": epochs * BATCHES[data],
        **{name.replace("__", "."): value for name, value in further.items()},
    }


PUBLISHED: Published = {
    **{
        (data, ipc, False): settings(data, batch, epochs, objective__window=50 if ipc <= 10 else 200)
        for data in ("mnist", "cifar10")
        for ipc, (batch, epochs) in SIZES.items()
    },
    ("cifar100", 1, False): settings("cifar100", 100, 800, objective__window=100, objective__per_class=10),
}
SHARED = (
    "Real batches hold 102 images of every class (10, of 100 classes); the published ones are 1,024 as they come.",
    "The network learns from the labels after their step; the published one from those before it.",
    "A set carries 300 steps to be trained by; the published number is measured, as the mean of the last three resets.",
    "No validation selects the labels: the last are kept; the published ones are the best of every fifth epoch.",
    "A tenth of the training images is kept for validation; the published runs keep 10,000 of MNIST, 5,000 of CIFAR.",
    "Published with LeNet on MNIST and a small AlexNet on CIFAR, each as torch starts it.",
)
METHOD = Method(
    name="label",
    summary="Label distillation: soft labels of fixed real images, by one step of a network that learns beside them.",
    source="Bohdal, Yang & Hospedales, Flexible Dataset Distillation: Learn Labels Instead of Images, 2020",
    cost="a step of part of the set forward and back, and two more, about 18,000 times",
    recipe=Recipe(
        start=UniformLabels(),
        parameterization=FixedInputs(),
        objective=OneStepAhead(per_class=102),
        schedule=Fixed(steps=300, learning_rate=0.001, optimizer=InnerAdam(), batch=50),
        optimizer=OnSimplex(Adam()),
        steps=400 * BATCHES["cifar10"],
    ),
    published=PUBLISHED,
    deviations=SHARED,
    settings_from="the configurations and defaults of its code",
)
RIDGE = Method(
    name="label-ridge",
    summary="As label, in first order: by a ridge regression on the features of a network that learns beside the set.",
    source=METHOD.source,
    cost="features of real images, a small system of equations and one step of training, about 18,000 times",
    recipe=replace(METHOD.recipe, objective=RidgeHead(per_class=102)),
    published=PUBLISHED,
    deviations=(
        *SHARED,
        "A learner that is scored has its own last layer; the published one has the running regression in its place.",
    ),
    settings_from=METHOD.settings_from,
)
METHODS = (METHOD, RIDGE)
