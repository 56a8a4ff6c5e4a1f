"""Offline behaviour distillation: policies trained on a few pairs do what was recorded, or what an expert would."""

from __future__ import annotations

from dataclasses import replace

from limbeck.composition import Recipe
from limbeck.learn.optim import SGD
from limbeck.learn.rules import Momentum
from limbeck.objectives import Cloned, PolicyCloned, ValueCloned
from limbeck.parameterizations import SoftTargets
from limbeck.recipes.contract import Method
from limbeck.schedules import Fixed
from limbeck.starts import Real

SOURCE = "Lei et al., Offline Behavior Distillation, NeurIPS 2024 (arXiv 2410.22728)"
HERE = (
    "Of choices the loss is cross-entropy in place of the squared error.",
    "Published sets have 256 pairs; here as many for each choice, or in all, as --ipc says.",
)
EXPERT = (
    "The expert and its action values are learned by implicit Q-learning (Kostrikov et al., ICLR 2022), or come with "
    "the data; published ones are of Cal-QL.",
)
DATA = Recipe(
    start=Real(),
    parameterization=SoftTargets(),
    objective=Cloned(),
    schedule=Fixed(steps=100, learning_rate=0.1, optimizer=Momentum(0.0), binding=True),
    optimizer=SGD(learning_rate=0.1, momentum=0.9),
    steps=50_000,
)
METHODS = (
    Method(
        name="dbc",
        summary="Data-based cloning: what policies trained on the set do is held against what was recorded.",
        source=SOURCE,
        cost="100 steps of cloning forward and back, 50,000 times",
        recipe=DATA,
        deviations=HERE,
    ),
    Method(
        name="pbc",
        summary="Policy-based cloning: what policies trained on the set do is held against what an expert would do.",
        source=SOURCE,
        cost="an expert of recorded transitions, then 100 steps of cloning forward and back, 50,000 times",
        recipe=replace(DATA, objective=PolicyCloned()),
        deviations=(*HERE, *EXPERT),
    ),
    Method(
        name="av-pbc",
        summary="As pbc, each observation weighted by the value of what the expert does there.",
        source=SOURCE,
        cost="an expert of recorded transitions, then 100 steps of cloning forward and back, 50,000 times",
        recipe=replace(DATA, objective=ValueCloned()),
        deviations=(
            *HERE,
            *EXPERT,
            "Weights have a mean of 1, and where values are negative the least of them is 0.",
        ),
    ),
)
