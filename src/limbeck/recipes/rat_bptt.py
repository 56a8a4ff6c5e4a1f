"""Back-propagation through randomly placed windows."""

from __future__ import annotations

from limbeck.composition import Recipe
from limbeck.learn.optim import Adam
from limbeck.learn.rules import Momentum
from limbeck.objectives import TruncatedUnrolled
from limbeck.recipes.contract import ITS_OWN, VALIDATION, Method, Published, expected
from limbeck.schedules import Fixed
from limbeck.starts import Real

PUBLISHED: Published = {("cifar10", 10, True): {"start": "noise", "objective.per_class": 500}}
"""A real batch of 5,000 images."""
EXPECTED = expected(
    "cifar10", {1: 53.2, 10: 69.4, 50: 75.3}, ITS_OWN, "table of the repository no-distillation", whitened=True
)
DEVIATIONS = (
    "The published learner trains by Adam at 0.001; here it trains by SGD at 0.01 with momentum 0.9.",
    "The published run flips and rotates real and synthetic images; here they are as they are.",
    "The published run clips a gradient at twice a running mean of its norm; here none is clipped.",
    "The window of 60 steps out of 200, the rate of 0.001 and the 50,000 steps are ours.",
    VALIDATION,
)

METHOD = Method(
    name="rat-bptt",
    summary="Back-propagation through randomly placed windows of training.",
    source="Feng et al., Embarrassingly Simple Dataset Distillation, ICLR 2024",
    cost="up to 200 steps of the set, back through 60, 50,000 times",
    recipe=Recipe(
        start=Real(),
        objective=TruncatedUnrolled(per_class=64, window=60),
        schedule=Fixed(steps=200, learning_rate=0.01, optimizer=Momentum(0.9)),
        optimizer=Adam(learning_rate=0.001),
        steps=50_000,
    ),
    published=PUBLISHED,
    expected=EXPECTED,
    deviations=DEVIATIONS,
)
