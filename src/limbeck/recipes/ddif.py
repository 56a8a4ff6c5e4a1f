"""Images stored as small networks from place to colour, learned by trajectory and distribution matching."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from limbeck.learn.optim import Adam
from limbeck.parameterizations import Field
from limbeck.recipes import dm, mtt
from limbeck.recipes.contract import ACCURACY_LADDER, VALIDATION, Method, Published, expected

WIDTHS = {"cifar10": {1: 6, 10: 6, 50: 20}, "cifar100": {1: 10, 10: 15, 50: 30}}
"""Of the hidden layers, by items per class."""
LATEST = {"cifar10": {1: 10, 10: 10, 50: 40}, "cifar100": {1: 40, 10: 40, 50: 40}}
"""The ends of the starts of a student."""
FOLLOWED, PLAIN = 1e-4, 5e-5
"""Learning rates of trajectory and of distribution matching."""


def _field(width: int) -> dict[str, Any]:
    return {
        "parameterization.width": width,
        "parameterization.first_frequency": 30.0,
        "parameterization.fit_steps": 5000,
        "parameterization.fit_rate": 5e-4,
    }


SOURCE = "Shin et al., Distilling Dataset into Neural Field, ICLR 2025"
FROM = "the scripts and the defaults of its code"
DEVIATIONS = (
    "The rate at which networks are learned was published for ImageNet, and is taken for all data.",
    "Every step of a learner sees all items of CIFAR; how many see the published ones is not known.",
    VALIDATION,
)

TRAJECTORIES = Method(
    name="ddif",
    summary="Trajectory matching of images that are small sinusoidal networks from place to colour.",
    source=SOURCE,
    cost="as mtt, of 37 items for one at IPC 1, thrice as many steps; first each network is fitted to an image",
    recipe=replace(mtt.METHOD.recipe, parameterization=Field(), optimizer=Adam(learning_rate=FOLLOWED), steps=15_000),
    published={
        (data, ipc, False): {**mtt.settings(60, 2, LATEST[data][ipc], FOLLOWED, 1e-5, 1e-2), **_field(width)}
        for data, widths in WIDTHS.items()
        for ipc, width in widths.items()
    },
    expected=(
        *expected("cifar10", {1: 66.5, 10: 74.0, 50: 77.5}, "mtt", ACCURACY_LADDER),
        *expected("cifar100", {1: 42.1, 10: 46.0, 50: 49.9}, "mtt", ACCURACY_LADDER),
    ),
    deviations=(*DEVIATIONS[:-1], "Learned rates know no bound; published ones stay above 0.001.", VALIDATION),
    settings_from=FROM,
    elsewhere=False,
)
OF_DISTRIBUTIONS: Published = {
    (data, ipc, False): _field(width) for data, widths in WIDTHS.items() for ipc, width in widths.items()
}
DISTRIBUTIONS = Method(
    name="ddif-dm",
    summary="Distribution matching of images that are small sinusoidal networks from place to colour.",
    source=SOURCE,
    cost="as dm, of 37 items for one at IPC 1; first each network is fitted to an image",
    recipe=replace(dm.METHOD.recipe, parameterization=Field(), optimizer=Adam(learning_rate=PLAIN)),
    published=OF_DISTRIBUTIONS,
    deviations=(DEVIATIONS[0], VALIDATION),
    settings_from=FROM,
    elsewhere=False,
)
METHODS = (TRAJECTORIES, DISTRIBUTIONS)
