"""Closed-form linear probes."""

from __future__ import annotations

from limbeck.composition import Recipe
from limbeck.learn.losses import SquaredError
from limbeck.learn.optim import Adam
from limbeck.objectives import LinearProbe
from limbeck.recipes.contract import VALIDATION, Method
from limbeck.schedules import Fixed
from limbeck.starts import Real

METHOD = Method(
    name="clp",
    summary="Closed-form linear probes: real loss of the probe that the set gives on a frozen encoder.",
    source="Peng et al., Closed-Form Linear-Probe Dataset Distillation for Pre-trained Vision Models, 2026",
    cost="one step of the set through the encoder, 1,000 times, and the features of all real images once",
    recipe=Recipe(
        start=Real(),
        objective=LinearProbe(),
        schedule=Fixed(steps=1000, learning_rate=0.1, loss=SquaredError()),
        optimizer=Adam(learning_rate=0.01),
        steps=1000,
    ),
    deviations=(
        "Its settings are ours, chosen on digits; those of its source were not at hand.",
        "Published with large pre-trained encoders; here the network is trained on the real data, or is one of yours.",
        "Its score is that of the probe. Learners are trained whole, which its sets are not made for and serve badly, "
        "unless the body of a network of yours is frozen.",
        VALIDATION,
    ),
)
