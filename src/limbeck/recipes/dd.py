"""Dataset distillation."""

from __future__ import annotations

from limbeck.composition import Recipe
from limbeck.learn.optim import Adam
from limbeck.learn.rules import Momentum
from limbeck.objectives import Unrolled
from limbeck.recipes.contract import VALIDATION, Expected, Method, Published
from limbeck.schedules import Fixed, LearnedRates
from limbeck.starts import Noise

EPOCHS = 3
"""How often each image is seen in a training."""
PASS = 49
"""Real batches of 1,024 in a pass over 50,000 images: 400 passes are made, and rates are halved every 40."""

PUBLISHED: Published = {
    ("cifar10", 10, False): {},
    ("mnist", 10, False): {"schedule.around.learning_rate": 0.02},
}
"""One image of every class a step, so that 10 of each are 10 steps, three times over."""
EXPECTED = (Expected("mnist", 10, "lenet", "own", 0.795, 0.081, False, "its project page, fresh networks"),)
DEVIATIONS = (
    "Its 36.8 +- 1.2 % on CIFAR-10 are of fresh networks of a kind that is not here, like AlexNet.",
    "Real batches of 1,020 images hold 102 of every class; the published ones are 1,024 as they come.",
    "On MNIST a pass over the data is 59 batches; here rates are halved, and steps counted, as on CIFAR-10.",
    "Networks start as torch has it; the published ones by Xavier's normal, without biases.",
    "At other sizes than 10 items per class 30 steps are taken, in which items take turns.",
    VALIDATION,
)
_ADAM = Adam(learning_rate=0.01, beta1=0.5, halve_at=tuple(range(40 * PASS, 400 * PASS, 40 * PASS)))

METHOD = Method(
    name="dd",
    summary="Dataset distillation: real loss after a few steps, whose sizes are learned with the set.",
    source="Wang et al., Dataset Distillation, 2018 (arXiv 1811.10959)",
    cost="30 steps of a part of the set forward and back through each, 19,600 times",
    recipe=Recipe(
        start=Noise(),
        objective=Unrolled(per_class=102),
        schedule=LearnedRates(
            Fixed(steps=10 * EPOCHS, learning_rate=0.001, optimizer=Momentum(0.0), per_class=1, in_turn=True),
            through="softplus",
        ),
        optimizer=_ADAM,
        schedule_optimizer=_ADAM,
        steps=400 * PASS,
    ),
    published=PUBLISHED,
    expected=EXPECTED,
    deviations=DEVIATIONS,
)
