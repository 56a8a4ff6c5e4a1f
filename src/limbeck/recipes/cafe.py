"""Feature alignment in every layer."""

from __future__ import annotations

from limbeck.composition import Recipe
from limbeck.learn.optim import SGD
from limbeck.objectives import LayerwiseDistribution
from limbeck.recipes.contract import ACCURACY_LADDER, VALIDATION, Method, Published, expected
from limbeck.starts import Noise

PUBLISHED: Published = {("cifar10", ipc, False): {} for ipc in (1, 10, 50)}
EXPECTED = (
    *expected("cifar10", {1: 30.3, 10: 46.3, 50: 55.5}, "cafe", ACCURACY_LADDER),
    *expected("cifar100", {1: 12.9, 10: 27.8, 50: 37.9}, "cafe", ACCURACY_LADDER),
)
DEVIATIONS = (
    "The published code makes 2,000 networks of at least 10 steps each; here 20,000 steps count as so many networks.",
    "The network's accuracies do not carry a share of the one before, and its training ends after 20 epochs at most.",
    VALIDATION,
)

METHOD = Method(
    name="cafe",
    summary="Feature alignment: class means in every layer of a network in training, and how they classify.",
    source="Wang et al., CAFE: Learning to Condense Dataset by Aligning Features, CVPR 2022",
    cost="20,000 times one pass over 256 real images per class, and 10 to 20 epochs of a network on the set with "
    "its accuracy on 128 real images per class after each",
    recipe=Recipe(
        start=Noise(),
        objective=LayerwiseDistribution(augment=None),
        optimizer=SGD(learning_rate=0.1, momentum=0.5, halve_at=(12_000, 16_000, 18_000)),
        steps=20_000,
    ),
    published=PUBLISHED,
    expected=EXPECTED,
    deviations=DEVIATIONS,
    settings_from="the defaults of its code, in which nothing depends on the size",
)
