"""Trajectory matching of pictures, texts and how alike they are."""

from __future__ import annotations

from typing import Any

from limbeck.composition import Recipe
from limbeck.computations.experts import Experts
from limbeck.learn.losses import Likeness
from limbeck.learn.optim import SGD
from limbeck.learn.rules import Momentum
from limbeck.objectives import BranchTrajectory, Trajectory
from limbeck.parameterizations import LikenessTargets
from limbeck.recipes.contract import CODE, VALIDATION, Method, Published
from limbeck.schedules import Fixed, UnconstrainedRates
from limbeck.starts import Real

EXPERTS = Experts(count=20, epochs=10, learning_rate=0.1, batch=128, augment=None)
STUDENT = Fixed(steps=8, learning_rate=0.1, optimizer=Momentum(0.0), batch=20, loss=Likeness())


def settings(latest: int, rate: float, batch: int, similar: float, rank: int, scale: float) -> dict[str, Any]:
    """The options of a published command.

    The end of the starts, the learning rate of pictures and texts, how many pairs a step sees, the learning rate of the
    similarity, its rank, and what its product is multiplied by.
    """
    return {
        "objective.around.latest": latest,
        "optimizer.learning_rate": rate,
        "schedule.around.batch": batch,
        "target_optimizer.learning_rate": similar,
        "parameterization.rank": rank,
        "parameterization.scale": scale,
    }


PUBLISHED: Published = {
    ("flickr30k", 100, False): settings(2, 100.0, 20, 10.0, 10, 3.0),
    ("flickr30k", 200, False): settings(2, 1000.0, 20, 10.0, 5, 1.0),
    ("flickr30k", 500, False): settings(3, 1000.0, 40, 100.0, 20, 0.01),
}
"""Of COCO, too, commands are published, whose share is that of both networks together (--objective trajectory). What
they come to, as a mean recall of 31.6 % of 500 pairs of Flickr30K, is of pre-trained networks, which are not here."""

METHOD = Method(
    name="lors",
    summary="Trajectory matching of two encoders by pictures, texts and a learned similarity of all of them.",
    source="Xu et al., Low-Rank Similarity Mining for Multimodal Dataset Distillation, ICML 2024",
    cost="once 20 experts of 10 epochs (`limbeck experts`); 3,000 times 8 steps of a student and their way back",
    recipe=Recipe(
        start=Real(),
        parameterization=LikenessTargets(rank=10, scale=3.0),
        objective=BranchTrajectory(Trajectory(EXPERTS, reach=1, latest=2, augment=None, alone=True)),
        schedule=UnconstrainedRates(around=STUDENT, shared=True),
        optimizer=SGD(learning_rate=100.0, momentum=0.5),
        target_optimizer=SGD(learning_rate=10.0, momentum=0.5),
        schedule_optimizer=SGD(learning_rate=0.01, momentum=0.5),
        steps=3000,
    ),
    published=PUBLISHED,
    deviations=(
        "Networks are small and begin untrained, where published ones are pre-trained.",
        "Both networks step at one learned rate, where published ones have one each.",
        "Experts see pictures as they are, where published ones see them cropped, mirrored and varied.",
        "The batches of a student begin anew once all pairs were seen, the last of them with those that are left.",
        "Logarithms are of what they are, where the published code adds a millionth to it.",
        VALIDATION,
    ),
    settings_from=f"{CODE} and its commands",
)
