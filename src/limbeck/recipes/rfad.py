"""Random feature approximation."""

from __future__ import annotations

from limbeck.composition import Recipe
from limbeck.learn.optim import AdaBelief
from limbeck.objectives import RandomFeatureRidge
from limbeck.recipes.contract import NOT_STATED, VALIDATION, Method, Published, expected
from limbeck.starts import Real

PUBLISHED: Published = {("cifar10", ipc, True): {} for ipc in (1, 10, 50)}
EXPECTED = expected(
    "cifar10", {1: 53.6}, NOT_STATED, "asked for in its repository: a finite network, tuned", whitened=True
)
DEVIATIONS = (
    "Labels stay; where they are learned (--parameterization soft-targets), say --schedule.loss squared-error too.",
    "No linear transform of all pixels is learned beside the set.",
    "The scale learns from 320 other images after the step; the published one from those of the step, with the set.",
    "It ends after 100,000 steps, the published limit; the published run ends 1,000 after its best on validation.",
    "Real batches hold 512 images of every class; the published ones are four of 1,280 as they come.",
    "Published with a ConvNet of twice the width, without normalisation (--network convnet-w256-none).",
    VALIDATION,
)

METHOD = Method(
    name="rfad",
    summary="Random feature approximation: real loss of ridge regression under the kernel of fresh random networks.",
    source="Loo, Hasani, Amini & Rus, Efficient Dataset Distillation Using Random Feature Approximation, NeurIPS 2022",
    cost="features of 5,120 real images under eight networks, and eight steps of the set, up to 100,000 times",
    recipe=Recipe(
        start=Real(),
        objective=RandomFeatureRidge(),
        optimizer=AdaBelief(learning_rate=1e-3),
        steps=100_000,
    ),
    published=PUBLISHED,
    expected=EXPECTED,
    deviations=DEVIATIONS,
    settings_from="the defaults of its code",
)
