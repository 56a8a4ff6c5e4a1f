"""Random real images under a teacher's labels."""

from __future__ import annotations

from limbeck.composition import Recipe
from limbeck.learn.augment import Siamese
from limbeck.recipes.contract import CODE, ITS_OWN, VALIDATION, Method, Published, expected
from limbeck.starts import TeacherLabels

AGES = {1: 20, 10: 44, 50: 128, 100: 164}
"""Epochs of the teacher by items per class, on CIFAR-10: chosen by the accuracy of students."""
PUBLISHED: Published = {
    ("cifar10", ipc, True): {
        "start.teacher.epochs": epochs,
        "start.teacher.learning_rate": 0.001,
        "start.teacher.momentum": 0.0,
        "start.teacher.augment": Siamese(together=True),
    }
    for ipc, epochs in AGES.items()
}
TABLE = "tables of the readme of its code; 3,000 epochs of SGD 0.01 under siamese augmentation"
EXPECTED = (
    *expected("cifar10", {1: 21.1, 10: 46.3, 50: 62.1}, ITS_OWN, TABLE, whitened=True),
    *expected("cifar100", {1: 16.0, 10: 34.3, 50: 47.1, 100: 51.3}, ITS_OWN, TABLE),
    *expected("tiny_imagenet", {1: 7.6, 10: 27.2, 50: 35.6, 100: 38.2}, ITS_OWN, TABLE),
)

METHOD = Method(
    name="random-soft",
    summary="Random real images under the soft labels of a teacher, a network trained on the real data.",
    source="Qin, Deng & Alvarez-Melis, A Label is Worth a Thousand Images in Dataset Distillation, NeurIPS 2024",
    cost="the training of a network on the real data, once",
    recipe=Recipe(start=TeacherLabels()),
    published=PUBLISHED,
    expected=EXPECTED,
    deviations=(
        VALIDATION,
        "On other data than CIFAR-10 the teacher learns for 5 epochs, at least 150 steps, by SGD 0.01, momentum 0.9.",
    ),
    settings_from=CODE,
    elsewhere=False,
)
