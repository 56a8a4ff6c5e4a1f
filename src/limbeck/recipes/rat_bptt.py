"""Back-propagation through randomly placed windows."""

from __future__ import annotations

from limbeck.composition import Recipe
from limbeck.learn.augment import Siamese
from limbeck.learn.optim import Adam
from limbeck.learn.rules import Adam as InnerAdam
from limbeck.objectives import TruncatedUnrolled
from limbeck.recipes.contract import CODE, VALIDATION, Method, Published, expected
from limbeck.schedules import Fixed
from limbeck.starts import Noise

PASS = 10
"""Real batches of 5,000 in a pass over 50,000 images; 60,000 passes are made."""

PUBLISHED: Published = {("cifar10", 10, True): {}}
"""The one command line that was published, in the readme of its code."""
EXPECTED = expected(
    "cifar10", {1: 53.2, 10: 69.4, 50: 75.3}, "rat-bptt", "table of the repository no-distillation", whitened=True
)
DEVIATIONS = (
    "Every step stops its learner anew; the published code does so for each pass of 10 steps.",
    "Real batches hold 500 images of every class; the published ones are 5,000 as they come.",
    "The published code keeps the set, and the number of steps it is scored after, by the best on the test images.",
    "At one item per class labels and settings are as at ten, for which alone a command was published.",
    VALIDATION,
)

METHOD = Method(
    name="rat-bptt",
    summary="Back-propagation through randomly placed windows of training.",
    source="Feng et al., Embarrassingly Simple Dataset Distillation, ICLR 2024",
    cost="60 to 200 steps of the set, back through 60, 600,000 times",
    recipe=Recipe(
        start=Noise(norm=1.0),
        objective=TruncatedUnrolled(per_class=500, window=60, augment=Siamese(("flip", "rotate"), together=True)),
        schedule=Fixed(steps=200, learning_rate=0.001, optimizer=InnerAdam(), per_class=10),
        optimizer=Adam(learning_rate=0.001, clip_mean=2.0),
        steps=60_000 * PASS,
    ),
    published=PUBLISHED,
    expected=EXPECTED,
    deviations=DEVIATIONS,
    settings_from=CODE,
)
