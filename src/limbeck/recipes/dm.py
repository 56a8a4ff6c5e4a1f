"""Distribution matching."""

from __future__ import annotations

from limbeck.composition import Recipe
from limbeck.learn.optim import SGD
from limbeck.objectives import Distribution
from limbeck.recipes.contract import ACCURACY_LADDER, CODE, VALIDATION, Method, Published, expected, plainly
from limbeck.starts import Real

PUBLISHED: Published = {
    **{("cifar10", ipc, False): {} for ipc in (1, 10, 50)},
    **{("cifar10", ipc, False): {"optimizer.learning_rate": 10.0} for ipc in (100, 200, 500, 1000, 1250)},
    **{("cifar100", ipc, False): {} for ipc in (1, 10, 50, 100, 125)},
}
EXPECTED = (
    *expected("cifar10", {1: 26.0, 10: 48.9, 50: 63.0}, "dm", ACCURACY_LADDER),
    *expected("cifar10", {200: 71.2}, "dm", CODE, deviation=0.4),
    *expected("cifar10", {100: 67.0, 500: 76.1, 1000: 79.8, 1250: 80.8}, "dm", CODE, deviation=0.3),
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
    usual={"series": {"optimizer.learning_rate": 0.01}},
    settings_from=CODE,
)
