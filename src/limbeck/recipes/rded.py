"""Crops of real images that a teacher is surest of, under its labels."""

from __future__ import annotations

from limbeck.composition import Recipe
from limbeck.recipes import random_soft
from limbeck.recipes.contract import ITS_OWN, VALIDATION, Method, expected
from limbeck.starts import LikelyCrops, TeacherLabels

TABLE = "its paper; 300 epochs of AdamW under CutMix, labelled anew at each step; the best of the last epochs on test"
EXPECTED = (
    *expected("cifar10", {1: 23.5, 10: 50.2, 50: 68.4}, ITS_OWN, TABLE, network="convnet-batch"),
    *expected("cifar100", {1: 19.6, 10: 48.1, 50: 57.0}, ITS_OWN, TABLE, network="convnet-batch"),
)

METHOD = Method(
    name="rded",
    summary="Crops of real images that a teacher is surest of, tiled, under the teacher's soft labels.",
    source="Sun, Shi, Yu & Lin, On the Diversity and Realism of Distilled Dataset (RDED), CVPR 2024",
    cost=random_soft.METHOD.cost,
    recipe=Recipe(start=TeacherLabels(LikelyCrops())),
    expected=EXPECTED,
    deviations=(
        VALIDATION,
        "Labels are one for each item; the published ones are given anew to every view of an item (--protocol rd3).",
        "The teacher is trained here, for 5 epochs by default; the published ones were trained to the end.",
        "Items are not rounded to 8 bits, nor compressed.",
        "A factor of 1, as on CIFAR and tiny ImageNet; 2 was published for ImageNet (--start.start.factor 2).",
    ),
)
