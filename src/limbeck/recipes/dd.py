"""Dataset distillation."""

from __future__ import annotations

from limbeck.composition import Recipe
from limbeck.learn.optim import Adam
from limbeck.learn.rules import Momentum
from limbeck.objectives import Unrolled
from limbeck.recipes.contract import VALIDATION, Expected, Method, Published
from limbeck.schedules import Fixed, LearnedRates
from limbeck.starts import Noise

PUBLISHED: Published = {("cifar10", 10, False): {"objective.per_class": 102}}
"""A real batch of 1,024 images."""
EXPECTED: tuple[Expected, ...] = ()
DEVIATIONS = (
    "The published run takes 10 steps three times, each on an image of its own for every class, at 30 learned rates; "
    "here 10 steps see all images.",
    "Its learned rates are kept positive by a softplus, here by an exponential.",
    "The published code halves the learning rates as it goes; here they stay.",
    "Real batches hold equally many images of every class.",
    VALIDATION,
)

METHOD = Method(
    name="dd",
    summary="Dataset distillation: real loss after a few steps, whose sizes are learned with the set.",
    source="Wang et al., Dataset Distillation, 2018 (arXiv 1811.10959)",
    cost="10 steps of the set forward and back through each, 10,000 times",
    recipe=Recipe(
        start=Noise(),
        objective=Unrolled(),
        schedule=LearnedRates(Fixed(steps=10, learning_rate=0.02, optimizer=Momentum(0.0))),
        optimizer=Adam(learning_rate=0.01, beta1=0.5),
        schedule_optimizer=Adam(learning_rate=0.01, beta1=0.5),
        steps=10_000,
    ),
    published=PUBLISHED,
    expected=EXPECTED,
    deviations=DEVIATIONS,
)
