"""Published methods as compositions of parts, each with its source, expected score and cost.

Names of papers live here and nowhere else. A coreset is a distillation with zero steps and a clever start.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from limbeck.composition import Recipe
from limbeck.core.errors import unknown
from limbeck.learn.optim import SGD, Adam
from limbeck.objectives import (
    Distribution,
    Gradient,
    LayerwiseDistribution,
    TrainedDistribution,
    Trajectory,
    TruncatedUnrolled,
    Unrolled,
)
from limbeck.parameterizations import FixedTargets, Pixels
from limbeck.schedules import Fixed, LearnedRates
from limbeck.starts import Herding, KCenter, KMeans, Noise, Real, Relabelled


@dataclass(frozen=True)
class Published:
    """A recipe with what is known of it."""

    summary: str
    recipe: Recipe
    source: str
    expected: str
    cost: str


_NOT_YET = "{}; not yet run at full scale here"
_SELECTION = "CIFAR-10 IPC 10, paper protocol, lossless images: {}"
_SECONDS = "the training of one feature network, then seconds"
_FOLLOWING = Recipe(
    start=Real(),
    objective=Trajectory(),
    # Published without a bound (unconstrained-rates), and stepped by 1e-5 from 0.01: to first order that is
    # 1e-5 / 0.01^2 on the logarithm.
    schedule=LearnedRates(around=Fixed(steps=30, learning_rate=0.01, momentum=0.0), shared=True),
    schedule_optimizer=SGD(learning_rate=0.1, momentum=0.5),
    optimizer=SGD(learning_rate=1000.0, momentum=0.5),
    steps=5000,
)

RECIPES: dict[str, Published] = {
    "dm": Published(
        summary="Distribution matching: class-mean features under fresh random networks, augmented alike.",
        recipe=Recipe(
            start=Real(),
            objective=Distribution(),
            optimizer=SGD(learning_rate=1.0, momentum=0.5),
            steps=20_000,
        ),
        source="Zhao & Bilen, Dataset Condensation with Distribution Matching, WACV 2023",
        expected="CIFAR-10, convnet: IPC 1 / 10 26.0 / 48.9 by its own protocol (dm), IPC 10 42.7 by the paper's; "
        "not yet run at full scale here",
        cost="one forward pass over 256 real images per class and one step of the synthetic set, 20,000 times",
    ),
    "idm": Published(
        summary="Improved distribution matching: class-mean features under partly trained networks in a queue.",
        recipe=Recipe(start=Real(), objective=TrainedDistribution(), optimizer=SGD(learning_rate=0.4), steps=20_000),
        source="Zhao et al., Improved Distribution Matching for Dataset Condensation, CVPR 2023, without its tiling",
        expected=_NOT_YET.format("CIFAR-10, convnet, IPC 1 / 10: 45.6 / 58.6 by its own protocol, with tiling"),
        cost="dm's, and some training of the networks in the queue",
    ),
    "cafe": Published(
        summary="Feature alignment: class means in every layer of a network in training, and how they classify.",
        recipe=Recipe(
            start=Noise(),
            objective=LayerwiseDistribution(augment=None),
            optimizer=SGD(learning_rate=0.1, momentum=0.5),
            steps=20_000,
        ),
        source="Wang et al., CAFE: Learning to Condense Dataset by Aligning Features, CVPR 2022; its code halves the "
        "learning rate three times, which is left out, and counts 2,000 networks instead of steps, of at least 10 each",
        expected=_NOT_YET.format("CIFAR-10, convnet: IPC 1 / 10 / 50 30.3 / 46.3 / 55.5 by its own protocol (cafe)"),
        cost="20,000 times one pass over 256 real images per class, and 10 to 20 epochs of a network on the set with "
        "its accuracy on 128 real images per class after each",
    ),
    "dc": Published(
        summary="Gradient matching: class by class, along the training of a network on the set.",
        recipe=Recipe(
            start=Noise(),
            objective=Gradient(augment=None),
            optimizer=SGD(learning_rate=0.1, momentum=0.5),
            steps=10_000,
        ),
        source="Zhao, Mopuri & Bilen, Dataset Condensation with Gradient Matching, ICLR 2021",
        expected=_NOT_YET.format(
            "CIFAR-10, convnet: IPC 1 / 10 28.3 / 44.9 by its own protocol (dc), IPC 10 46.0 by the paper's"
        ),
        cost="1,000 networks, each trained for the published outer and inner steps: 1,000 steps at IPC 1, 10,000 at 10",
    ),
    "dsa": Published(
        summary="Gradient matching with siamese augmentation, from real images.",
        recipe=Recipe(start=Real(), objective=Gradient(), optimizer=SGD(learning_rate=0.1, momentum=0.5), steps=10_000),
        source="Zhao & Bilen, Dataset Condensation with Differentiable Siamese Augmentation, ICML 2021",
        expected=_NOT_YET.format("CIFAR-10, convnet: IPC 1 / 10 28.8 / 52.1 by its own protocol (dsa)"),
        cost="as dc",
    ),
    "dd": Published(
        summary="Dataset distillation: real loss after a few steps, whose sizes are learned with the set.",
        recipe=Recipe(
            start=Noise(),
            objective=Unrolled(),
            schedule=LearnedRates(Fixed(steps=10, learning_rate=0.02, momentum=0.0)),
            optimizer=Adam(learning_rate=0.01, first=0.5),
            schedule_optimizer=Adam(learning_rate=0.01, first=0.5),
            steps=10_000,
        ),
        source="Wang et al., Dataset Distillation, 2018 (arXiv 1811.10959)",
        expected=_NOT_YET.format("no published figure under the paper's protocol"),
        cost="10 steps of the set forward and back through each, 10,000 times",
    ),
    "bptt": Published(
        summary="Back-propagation through training: real loss after many steps of momentum SGD on the set.",
        recipe=Recipe(
            start=Real(),
            objective=Unrolled(per_class=64),
            schedule=Fixed(steps=150, learning_rate=0.01, momentum=0.9, per_class=10),
            optimizer=SGD(learning_rate=0.1, momentum=0.5, clip=2.0),
            steps=500_000,
        ),
        source="Deng & Russakovsky, Remember the Past, NeurIPS 2022, without memories; start as in Yang et al. 2024",
        expected=_NOT_YET.format("CIFAR-10, convnet, IPC 10: 58.9 by the paper's protocol (Yang et al. 2024)"),
        cost="150 steps of the set forward and back through each, up to 500,000 times",
    ),
    "rat-bptt": Published(
        summary="Back-propagation through randomly placed windows of training.",
        recipe=Recipe(
            start=Real(),
            objective=TruncatedUnrolled(per_class=64, window=60),
            schedule=Fixed(steps=200, learning_rate=0.01, momentum=0.9),
            optimizer=Adam(learning_rate=0.001),
            steps=50_000,
        ),
        source="Feng et al., Embarrassingly Simple Dataset Distillation, ICLR 2024; its numbers are ours",
        expected=_NOT_YET.format("no published figure under the paper's protocol"),
        cost="up to 200 steps of the set, back through 60, 50,000 times",
    ),
    "mtt": Published(
        summary="Trajectory matching: a student trained on the set ends where an expert got on the real data.",
        recipe=_FOLLOWING,
        source="Cazenavette et al., Dataset Distillation by Matching Training Trajectories, CVPR 2022; the fields are "
        "those used for CIFAR-10 at IPC 10 without whitening, the learning rate kept positive",
        expected="CIFAR-10, convnet: IPC 1 / 10 46.3 / 65.3 by its own protocol (mtt) with whitening, "
        "IPC 10 53.6 by the paper's without; not yet run at full scale here",
        cost="once 100 experts of 50 epochs (`limbeck experts`); 5,000 times 30 steps of a student and their way back",
    ),
    "tesla": Published(
        summary="Trajectory matching under soft labels that an expert gave the real images of the start.",
        recipe=replace(_FOLLOWING, start=Relabelled(Real()), parameterization=FixedTargets(Pixels())),
        source="Cui et al., Scaling Up Dataset Distillation to ImageNet-1K with Constant Memory, ICML 2023; its labels "
        "are given once here, its memory is that of every unroll here, the other fields are those of mtt",
        expected=_NOT_YET.format(
            "CIFAR-10, convnet: IPC 1 / 10 / 50 48.5 / 66.4 / 72.6 by its own protocol (mtt) with whitening; the "
            "commands published for it learn under hard labels"
        ),
        cost="as mtt",
    ),
    "random": Published(
        summary="Random real images, the honest floor.",
        recipe=Recipe(start=Real()),
        source="the default baseline",
        expected=_SELECTION.format("27.3 (Yang et al. 2024)"),
        cost="none",
    ),
    "herding": Published(
        summary="Real images whose running mean of features follows the class mean.",
        recipe=Recipe(start=Herding()),
        source="Welling, Herding Dynamical Weights to Learn, ICML 2009",
        expected=_SELECTION.format("no published figure under this protocol"),
        cost=_SECONDS,
    ),
    "kmeans": Published(
        summary="Real images nearest to the k-means centres of each class in feature space.",
        recipe=Recipe(start=KMeans()),
        source="the default baseline",
        expected=_SELECTION.format("no published figure under this protocol"),
        cost=_SECONDS,
    ),
    "kcenter": Published(
        summary="Real images chosen farthest-first in feature space.",
        recipe=Recipe(start=KCenter()),
        source="Sener & Savarese, Active Learning for CNNs: a Core-Set Approach, ICLR 2018",
        expected=_SELECTION.format("no published figure under this protocol"),
        cost=_SECONDS,
    ),
}


def published(name: str) -> Published:
    """The published method of that name; InputError with the nearest names for an unknown one."""
    if name not in RECIPES:
        raise unknown("recipe", name, RECIPES)
    return RECIPES[name]


def summaries() -> list[dict[str, str]]:
    """[{name, summary}] of every recipe."""
    return [{"name": name, "summary": method.summary} for name, method in sorted(RECIPES.items())]
