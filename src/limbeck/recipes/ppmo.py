"""Distillation of control for one step of training, by proximal policy optimisation."""

from __future__ import annotations

from limbeck.composition import Recipe
from limbeck.learn.losses import SquaredError
from limbeck.learn.optim import Adam
from limbeck.learn.rules import Momentum
from limbeck.objectives import PolicyGradient
from limbeck.parameterizations import SoftTargets
from limbeck.recipes.contract import Method
from limbeck.schedules import Fixed, LearnedRates
from limbeck.starts import Noise

STEPPED = Adam(learning_rate=0.01, clip=0.5)

METHOD = Method(
    name="ppmo",
    summary="One step of training for control: states, targets and learning rate by policy gradients.",
    source="Wilhelm & Ventura, Distilling Reinforcement Learning into Single-Batch Datasets, ECAI 2025, by its code",
    cost="one step of the set forward and back, 2,000 times, and 2,000 steps of a policy for every 16 of them",
    recipe=Recipe(
        start=Noise(targets=True),
        parameterization=SoftTargets(),
        objective=PolicyGradient(),
        schedule=LearnedRates(Fixed(steps=1, learning_rate=1.0, optimizer=Momentum(0.0), loss=SquaredError())),
        optimizer=STEPPED,
        schedule_optimizer=STEPPED,
        steps=2000,
    ),
    deviations=(
        "The set is stepped 2,000 times at 0.01 from a learning rate of 1; the published run makes 160,000 steps at "
        "2.5e-4 from 0.02, which is learned itself and not its logarithm.",
        "Its ratio is of logits to log-probabilities and its entropy has no derivative; here both are as PPO has them.",
        "Its critic says rewards to come, learns at 2.5e-4 with the set and is clipped; here it says a share of the "
        "most there can be, and learns at 1e-3.",
        "Episodes go on from one gathering to the next, and advantages have mean 0 and deviation 1; whether they do in "
        "the source was not seen.",
    ),
)
