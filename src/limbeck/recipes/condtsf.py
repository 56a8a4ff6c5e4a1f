"""A series for forecasting, by trajectories and by what experts forecast."""

from __future__ import annotations

from limbeck.composition import Recipe
from limbeck.computations.experts import Experts
from limbeck.learn.optim import Adam, TakingTurns
from limbeck.learn.rules import Momentum
from limbeck.objectives import RelaxedTrajectory, Trajectory
from limbeck.parameterizations import Windows
from limbeck.recipes.contract import Method
from limbeck.schedules import Fixed
from limbeck.starts import Stretch

EXPERTS = Experts(count=8, epochs=10, learning_rate=0.01, momentum=0.9, augment=None)

METHOD = Method(
    name="condtsf",
    summary="One series for forecasting: trajectory matching, whose futures are drawn to what experts forecast.",
    source="Ding et al., CondTSF: One-line Plugin of Dataset Condensation for Time Series Forecasting, NeurIPS 2024",
    cost="once 8 experts of 10 epochs (`limbeck experts`); 300 times 20 steps of a student and, but for every third "
    "time, their way back",
    recipe=Recipe(
        start=Stretch(),
        parameterization=Windows(),
        objective=RelaxedTrajectory(Trajectory(EXPERTS, reach=2, latest=4, augment=None), every=3),
        schedule=Fixed(steps=20, learning_rate=0.1, optimizer=Momentum(0.9)),
        optimizer=TakingTurns(Adam(learning_rate=0.01), every=3, learning_rate=0.01),
        steps=300,
    ),
    deviations=(
        "Times of a split that is not trained on are neither scaled by nor selected by; the public code does both.",
        "A future is drawn to the mean of what all windows forecast of it; in the code to one after another.",
        "Students learn from the series alone; in the code from targets that are mostly an expert's.",
        "Experts are 8, of 10 epochs at 0.01; in the code 40, of 80 at 0.0005. So other rates differ, too.",
    ),
)
