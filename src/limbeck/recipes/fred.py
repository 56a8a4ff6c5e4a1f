"""Images stored by their frequencies, learned by gradient, distribution and trajectory matching."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from limbeck.learn.optim import SGD
from limbeck.objectives import Gradient, Trajectory
from limbeck.parameterizations import Frequency
from limbeck.recipes import dc, dm, mtt
from limbeck.recipes.contract import VALIDATION, Method, Published, expected
from limbeck.starts import Real

LENGTH = 64**2
"""How many times larger published rates are: of 32 x 32 pixels its cosine coefficients are 64 times ours in length."""
LOOPS = {2: (1, 1), 11: (10, 50), 51: (50, 10)}
"""By items per class: steps of the set for one network, and epochs of training between two of them."""
KEPT = {"parameterization.kept": 64}

SOURCE = "Shin et al., Frequency Domain-based Dataset Distillation, NeurIPS 2023"
FROM = "the script and the defaults of its code"
ORTHONORMAL = (
    "Rates are published ones in the length of our coefficients; those of frequency 0 along a side step up to four "
    "times as far here."
)
BY_ALL = "Kept positions are those that vary most over all images of a class; published ones over those of the start."
ONE = "Rates and kept positions were published for one size of CIFAR-10, and are the same at all."
DEVIATIONS = (ORTHONORMAL, BY_ALL, ONE, VALIDATION)


def _stored_so(by: str, like: Method, published: Published, cost: str, **changed: Any) -> Method:
    """A method like another one, of images that are stored so; `changed` are fields of its recipe."""
    return Method(
        name=f"fred-{like.name}",
        summary=f"{by} matching of images that are stored by the frequencies that vary most.",
        source=SOURCE,
        cost=f"as {like.name}, of {cost}",
        recipe=replace(like.recipe, parameterization=Frequency(kept=32), **changed),
        published=published,
        deviations=DEVIATIONS,
        settings_from=FROM,
    )


GRADIENTS = _stored_so(
    "Gradient",
    dc.METHOD,
    {
        ("cifar10", ipc, False): {
            "objective.outer": outer,
            "objective.inner": inner,
            "steps": dc.NETWORKS * outer,
        }
        for ipc, (outer, inner) in LOOPS.items()
    },
    "32 items for one",
    start=Real(),
    objective=Gradient(augment=None, outer=1, inner=1),
    optimizer=SGD(learning_rate=1e3 / LENGTH, momentum=0.5),
    steps=dc.NETWORKS,
)
DISTRIBUTIONS = replace(
    _stored_so(
        "Distribution",
        dm.METHOD,
        {("cifar10", 2, False): KEPT},
        "16 items for one",
        optimizer=SGD(learning_rate=1e6 / LENGTH, momentum=0.5),
    ),
    elsewhere=False,
)
RATE = 1e8 / LENGTH
OF_TRAJECTORIES: Published = {
    ("cifar10", 1, False): mtt.settings(50, 2, 5, RATE, 1e-7, 1e-2),
    ("cifar10", 10, False): mtt.settings(40, 2, 15, RATE, 1e-5, 1e-2),
    ("cifar10", 50, False): mtt.settings(30, 2, 40, RATE, 1e-5, 1e-3),
    ("cifar100", 1, False): mtt.settings(50, 2, 15, RATE, 1e-5, 1e-2),
    ("cifar100", 10, False): mtt.settings(20, 2, 40, RATE, 1e-5, 1e-2),
    ("cifar100", 50, False): mtt.settings(80, 2, 40, RATE, 1e-5, 1e-2),
}
TABLE = "its paper and the readme of its code"
TRAJECTORIES = replace(
    _stored_so(
        "Trajectory",
        mtt.METHOD,
        {setting: {**options, **KEPT} for setting, options in OF_TRAJECTORIES.items()},
        "16 items for one, and for three times as many steps",
        objective=Trajectory(),
        optimizer=SGD(learning_rate=RATE, momentum=0.5),
        steps=15_000,
    ),
    expected=(
        *expected("mnist", {1: 95.8, 10: 97.6}, "mtt", TABLE),
        *expected("fashion_mnist", {1: 84.6, 10: 89.1}, "mtt", TABLE),
        *expected("svhn", {1: 82.2, 10: 89.5, 50: 90.3}, "mtt", TABLE),
        *expected("cifar10", {1: 60.6, 10: 70.3, 50: 75.8}, "mtt", TABLE),
        *expected("cifar100", {1: 34.6, 10: 42.7, 50: 47.8}, "mtt", TABLE),
        *expected("tiny_imagenet", {1: 19.2, 10: 24.2, 50: 26.4}, "mtt", TABLE, network="convnet-d4"),
    ),
    deviations=(*DEVIATIONS[:-1], "Learned rates know no bound; published ones stay above 0.001.", VALIDATION),
    elsewhere=False,
)
METHODS = (GRADIENTS, DISTRIBUTIONS, TRAJECTORIES)
