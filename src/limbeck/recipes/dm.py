"""Distribution matching."""

from __future__ import annotations

from limbeck.composition import Recipe
from limbeck.learn.optim import SGD
from limbeck.objectives import Distribution
from limbeck.recipes.contract import ACCURACY_LADDER, VALIDATION, Method, Published, expected, plainly
from limbeck.starts import Real

PUBLISHED: Published = {
    ("cifar10", 1, False): {},
    ("cifar10", 10, False): {},
    ("cifar10", 50, False): {},
    ("cifar10", 100, False): {"optimizer.learning_rate": 10.0},
}
EXPECTED = (
    *expected("cifar10", {1: 26.0, 10: 48.9, 50: 63.0}, "dm", ACCURACY_LADDER),
    *expected("cifar100", {1: 11.4, 10: 29.7, 50: 43.6}, "dm", ACCURACY_LADDER),
    *expected("tiny_imagenet", {1: 3.9, 10: 12.9, 50: 24.1}, "dm", ACCURACY_LADDER, network="convnet-d4"),
    *plainly(42.66),
    *expected("cifar10", {50: 57.0}, "dm", "a report in its repository: another user's run"),
)
DEVIATIONS = (VALIDATION,)

METHOD = Method(
    name="dm",
    summary="Distribution matching: class-mean features under fresh random networks, augmented alike.",
    source="Zhao & Bilen, Dataset Condensation with Distribution Matching, WACV 2023",
    cost="one forward pass over 256 real images per class and one step of the synthetic set, 20,000 times",
    recipe=Recipe(
        start=Real(),
        objective=Distribution(),
        optimizer=SGD(learning_rate=1.0, momentum=0.5),
        steps=20_000,
    ),
    published=PUBLISHED,
    expected=EXPECTED,
    deviations=DEVIATIONS,
)
