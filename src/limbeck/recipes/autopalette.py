"""Trajectory matching of images of few colours."""

from __future__ import annotations

from dataclasses import replace

from limbeck.learn.optim import SGD
from limbeck.parameterizations import Palette, SoftmaxTargets
from limbeck.recipes import datm, mtt
from limbeck.recipes.contract import ACCURACY_LADDER, ITS_OWN, VALIDATION, Method, Published, expected

COLOURS = {"parameterization.inner.colours": 64}

PUBLISHED: Published = {
    ("cifar10", 1, True): {
        **mtt.settings(80, 2, 15, 5e2, 1e-7, 1e-2, batch=400),
        **datm.window(3, 3000),
        **COLOURS,
        "target_optimizer.learning_rate": 3.0,
        "steps": 15_000,
    },
    ("cifar10", 10, True): {
        **mtt.settings(35, 2, 40, 1e3, 1e-5, 1e-2, batch=400),
        **datm.window(5, 2000),
        **COLOURS,
        "steps": 20_000,
    },
}

METHOD = Method(
    name="autopalette",
    summary="Trajectory matching as datm, of images whose pixels have the nearest colour of a learned palette.",
    source="Yuan et al., Color-Oriented Redundancy Reduction in Dataset Distillation, NeurIPS 2024",
    cost="as datm, of 8 items for one, for up to twice as many steps",
    recipe=replace(
        datm.METHOD.recipe,
        parameterization=SoftmaxTargets(Palette()),
        optimizer=SGD(learning_rate=500.0, momentum=0.5),
        steps=15_000,
    ),
    published=PUBLISHED,
    expected=(
        *expected("cifar10", {1: 58.6, 10: 74.3, 50: 79.4}, ITS_OWN, ACCURACY_LADDER, whitened=True),
        *expected("cifar100", {1: 38.0, 10: 52.6, 50: 53.3}, ITS_OWN, ACCURACY_LADDER, whitened=True),
    ),
    deviations=(
        "Palettes are learned themselves, from k-means of the start; in published code a network makes them, with "
        "losses of its own.",
        "The start is of images that a network names rightly; published ones are picked by a graph cut.",
        *(each for each in datm.METHOD.deviations if each != VALIDATION),
        VALIDATION,
    ),
    settings_from="the configurations of its code",
    elsewhere=False,
)
