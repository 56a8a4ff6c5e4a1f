"""Matching the cross-covariance of pictures and texts."""

from __future__ import annotations

from limbeck.composition import Recipe
from limbeck.learn.optim import SGD
from limbeck.objectives import CrossCovariance
from limbeck.recipes.contract import VALIDATION, Method, Published
from limbeck.starts import Real

PUBLISHED: Published = {
    ("flickr30k", 100, False): {"objective.scale": 2.0},
    ("flickr30k", 200, False): {},
    ("flickr30k", 500, False): {"objective.weight": 0.6},
}

METHOD = Method(
    name="covmatch",
    summary="The cross-covariance of pictures and texts is matched, under networks in training on real pairs.",
    source="CovMatch: Cross-Covariance Guided Multimodal Dataset Distillation, NeurIPS 2025",
    cost="one pass over 256 real pairs, one step of networks on 128 and one step of the set, 10,000 times",
    recipe=Recipe(
        start=Real(),
        objective=CrossCovariance(),
        optimizer=SGD(learning_rate=1.0, momentum=0.5),
        steps=10_000,
    ),
    deviations=(
        "Networks are small and begin untrained, where published ones are pre-trained.",
        "Both encoders and projections are stepped at 0.01.",
        VALIDATION,
    ),
    published=PUBLISHED,
    settings_from="its paper",
)
