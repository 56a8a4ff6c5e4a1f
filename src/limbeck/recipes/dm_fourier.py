"""Distribution matching in time and in frequency."""

from __future__ import annotations

from limbeck.composition import Recipe
from limbeck.learn.optim import SGD
from limbeck.objectives import SpectralDistribution
from limbeck.recipes.contract import VALIDATION, Method
from limbeck.starts import Real

METHOD = Method(
    name="dm-fourier",
    summary="Distribution matching of series and of their spectra: class-mean features of both under random networks.",
    source="as Zhao & Bilen, WACV 2023 (dm), in the two domains of Liu et al., Dataset Condensation for Time Series "
    "Classification via Dual Domain Matching (CondTSC), KDD 2024",
    cost="two forward passes over 256 real examples per class and two steps of the synthetic set, 1,000 times",
    recipe=Recipe(
        start=Real(),
        objective=SpectralDistribution(),
        optimizer=SGD(learning_rate=0.01, momentum=0.5),
        steps=1_000,
    ),
    deviations=(
        "CondTSC matches trajectories, and the set with itself in both domains; this matches it with real data.",
        "Its learning rate and steps were chosen here.",
        VALIDATION,
    ),
)
