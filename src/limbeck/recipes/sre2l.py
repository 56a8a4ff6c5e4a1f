"""Images and series inverted from a teacher and from the statistics of its normalisations, under its labels."""

from __future__ import annotations

from typing import Any

from limbeck.composition import Recipe
from limbeck.learn.optim import Adam, Cosine
from limbeck.objectives import Inversion
from limbeck.parameterizations import ClippedPixels, TeacherTargets
from limbeck.recipes.contract import ITS_OWN, VALIDATION, Method, Published, expected
from limbeck.starts import Noise

STEPS = 1_000

RECIPE = Recipe(
    start=Noise(),
    parameterization=TeacherTargets(ClippedPixels()),
    objective=Inversion(),
    optimizer=Cosine(Adam(learning_rate=0.1, beta1=0.5, beta2=0.9)),
    steps=STEPS,
)
CLASSES = {"facesucr": 14, "twopatterns": 4}
"""Of each set of series for which settings were published, how many classes it has."""


def of_series(classes: int) -> dict[str, Any]:
    """What it is published with on series: real ones to begin with, one of each class at a time, longer steps."""
    teachers = ("objective.teacher", "parameterization.teacher")
    return {
        "start": "real",
        "objective.augment": None,
        # 0.01 beside 0.99 of the cross-entropy.
        "objective.statistics": 0.01 / 0.99,
        "objective.variation": 0.0,
        "objective.size": 0.0,
        "objective.batch": classes,
        "optimizer.inner.learning_rate": 0.2,
        **{f"{teacher}.epochs": 100 for teacher in teachers},
        "steps": 2_000,
    }


PUBLISHED: Published = {
    ("cifar100", 50, False): {"optimizer.inner.learning_rate": 0.25, "objective.statistics": 0.01},
    **{(data, ipc, False): of_series(classes) for data, classes in CLASSES.items() for ipc in (1, 5, 10)},
}
TABLE = "RD3: by one locked evaluation of later work, 400 epochs labelled anew at each step, ResNet-18"
SERIES = "the readme of ShapeCond's code (2026), a split of its own and the best of all epochs on the test series"
EXPECTED = (
    *expected("facesucr", {1: 59.30, 10: 94.09}, ITS_OWN, SERIES, network="convnet1d"),
    *expected("twopatterns", {1: 33.42, 10: 77.08}, ITS_OWN, SERIES, network="convnet1d"),
    *expected("cifar10", {50: 53.9}, ITS_OWN, TABLE, network="resnet18"),
    *expected("cifar100", {50: 54.4}, ITS_OWN, TABLE, network="resnet18"),
    *expected("tiny_imagenet", {50: 52.5}, ITS_OWN, TABLE, network="resnet18"),
)
DEVIATIONS = (
    VALIDATION,
    "Labels are one for each item; the published ones are given anew to every view of an item that a student sees.",
    "The teacher is trained here, for 5 epochs by default; the published ones were trained to the end.",
    "Statistics are exact ones over the real training data, for any normalisation; the published ones are the running "
    "statistics of batch norms.",
    "A batch of at most 100 images takes several of a class where there are fewer classes; published ones have one.",
    "Each image is cropped, mirrored and rolled by itself; the published crops are shared by a batch.",
    "Of series the last set is kept; published ones are those of least loss, and their teacher was trained by AdamW.",
)

METHOD = Method(
    name="sre2l",
    summary="Images that a teacher takes for their class, with real statistics in its layers, under its labels.",
    source="Yin, Xing & Shen, Squeeze, Recover and Relabel (SRe2L), NeurIPS 2023; on series as ShapeCond (2026) has it",
    cost="the training of a network on the real data, once; then, at each step, one gradient of it for each image",
    recipe=RECIPE,
    published=PUBLISHED,
    expected=EXPECTED,
    deviations=DEVIATIONS,
    settings_from="the CIFAR-100 script of its code; of series the scripts of ShapeCond's",
    elsewhere=False,
)
