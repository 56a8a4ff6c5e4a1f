"""A series for forecasting, learned as its spectrum."""

from __future__ import annotations

from limbeck.composition import Recipe
from limbeck.learn.optim import Adam
from limbeck.learn.rules import Momentum
from limbeck.objectives import HarmonicTrajectory
from limbeck.parameterizations import Spectrum, Windows
from limbeck.recipes.contract import Method
from limbeck.schedules import Fixed
from limbeck.starts import Stretch

METHOD = Method(
    name="hdt",
    summary="One series for forecasting, learned as its spectrum: where training on it leads, and its harmonics.",
    source="HDT: harmonic dataset distillation for time series, AAAI 2026, arXiv 2603.03760; it has no code",
    cost="two trainings of 20 steps and the way back through one of them, 100 times",
    recipe=Recipe(
        start=Stretch(),
        parameterization=Windows(Spectrum()),
        objective=HarmonicTrajectory(harmonic=0.02),
        schedule=Fixed(steps=20, learning_rate=0.1, optimizer=Momentum(0.9)),
        optimizer=Adam(learning_rate=0.03),
        steps=100,
    ),
    deviations=(
        "There is no code: the weight of harmonics, how many there are, steps and learning rates were chosen here.",
        "Amplitudes are compared in the norm of root summed squares; the source leaves the norm open.",
    ),
)
