"""Gradient matching."""

from __future__ import annotations

from limbeck.composition import Recipe
from limbeck.learn.optim import SGD
from limbeck.objectives import Gradient
from limbeck.recipes.contract import ACCURACY_LADDER, CODE, ITS_OWN, VALIDATION, Method, Published, expected, plainly
from limbeck.starts import Noise

LOOPS = {1: (1, 1), 10: (10, 50), 20: (20, 25), 30: (30, 20), 40: (40, 15), 50: (50, 10)}
"""By items per class: steps of the set for one network, and epochs of training between two of them."""
NETWORKS = 1_000

DATA = ("mnist", "fashion_mnist", "svhn", "cifar10", "cifar100")

PUBLISHED: Published = {
    (data, ipc, False): {"objective.outer": outer, "objective.inner": inner, "steps": NETWORKS * outer}
    for data in DATA
    for ipc, (outer, inner) in LOOPS.items()
}
EXPECTED = (
    # On MNIST alone its evaluation augments, as no protocol here does.
    *expected("mnist", {1: 91.7, 10: 97.4, 50: 98.8}, ITS_OWN, CODE),
    *expected("fashion_mnist", {1: 70.5, 10: 82.3, 50: 83.6}, "dc", CODE),
    *expected("svhn", {1: 31.2, 10: 76.1, 50: 82.3}, "dc", CODE),
    *expected("cifar10", {1: 28.3, 10: 44.9, 50: 53.9}, "dc", CODE),
    *expected("cifar100", {1: 12.8, 10: 25.2}, "dc", ACCURACY_LADDER),
    *plainly(45.96),
)
DEVIATIONS = (VALIDATION,)

METHOD = Method(
    name="dc",
    summary="Gradient matching: class by class, along the training of a network on the set.",
    source="Zhao, Mopuri & Bilen, Dataset Condensation with Gradient Matching, ICLR 2021",
    cost="1,000 networks, each trained for the published outer and inner steps: 1,000 steps at IPC 1, 10,000 at 10",
    recipe=Recipe(
        start=Noise(),
        objective=Gradient(augment=None),
        optimizer=SGD(learning_rate=0.1, momentum=0.5),
        steps=10_000,
    ),
    published=PUBLISHED,
    expected=EXPECTED,
    deviations=DEVIATIONS,
    settings_from=CODE,
)
