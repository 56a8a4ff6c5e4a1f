"""Trajectory matching of what networks that all classes share make of bases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from limbeck.learn.optim import SGD
from limbeck.learn.rules import Momentum
from limbeck.objectives import AdversarialContrast, Trajectory
from limbeck.parameterizations import Hallucinators
from limbeck.recipes import mtt
from limbeck.recipes.contract import ACCURACY_LADDER, ITS_OWN, VALIDATION, Method, Published, expected
from limbeck.schedules import Fixed, UnconstrainedRates

RATE = 100.0
"""Of bases and of hallucinators."""


def settings(bases: int, steps: int, latest: int, rate: float, start: float) -> dict[str, Any]:
    """The options of a published command: bases of a class, and those of `mtt.settings`."""
    followed = mtt.settings(steps, 2, latest, RATE, rate, start)
    within = {path.replace("objective.", "objective.around."): value for path, value in followed.items()}
    return {**within, "schedule.around.per_class": bases}


PUBLISHED: Published = {
    ("cifar10", 2, True): settings(1, 50, 2, 1e-7, 1e-2),
    ("cifar10", 11, True): settings(10, 30, 20, 1e-5, 1e-3),
    ("cifar10", 51, True): settings(50, 30, 20, 1e-5, 1e-2),
}
"""Its commands have 1, 10 and 50 bases of each class beside five hallucinators. These have 27,840 numbers, nearly those
of one more image of each class of CIFAR-10, so that as much is stored as of 2, 11 and 51 of them."""

METHOD = Method(
    name="haba",
    summary="Trajectory matching of what shared networks make of bases, each of every basis, kept unlike each other.",
    source="Liu, Wang, Yang, Ye & Wang, Dataset Distillation via Factorization, NeurIPS 2022",
    cost="as mtt, for three times as many steps; and two small steps of an adversary each",
    recipe=replace(
        mtt.METHOD.recipe,
        parameterization=Hallucinators(),
        objective=AdversarialContrast(around=Trajectory()),
        schedule=UnconstrainedRates(around=Fixed(steps=30, optimizer=Momentum(0.0), per_class=10), shared=True),
        schedule_optimizer=SGD(learning_rate=1e-5, momentum=0.9),
        optimizer=SGD(learning_rate=RATE, momentum=0.95),
        steps=15_000,
    ),
    published=PUBLISHED,
    expected=(
        *expected("cifar10", {1: 48.3, 10: 69.9, 50: 74.0}, ITS_OWN, ACCURACY_LADDER, whitened=True),
        *expected("cifar100", {1: 33.4, 10: 40.2, 50: 47.0}, ITS_OWN, ACCURACY_LADDER, whitened=True),
    ),
    deviations=(
        "Hallucinators count as stored, as in no published table: at its 1, 10 and 50 images of a class its commands "
        "have as many bases, which are 2, 11 and 51 here.",
        "A basis begins as the mean of real images and hallucinators near the identity; published ones as one image, "
        "and at random.",
        "A student sees as many items of each class a step as that has bases, drawn among all; published ones see each "
        "basis once, all by one hallucinator.",
        "The adversary is a network like the student, and its pairs are drawn for each basis; published ones by one "
        "pair of hallucinators.",
        "Published scores are of batches that are standardised as a whole, also of test images.",
        "Learned rates know no bound; published ones stay above 0.001.",
        VALIDATION,
    ),
    settings_from="the commands beside its code and the defaults of that",
)
