"""Kernel ridge regression on a self-supervised target."""

from __future__ import annotations

from limbeck.composition import Recipe
from limbeck.learn.losses import SquaredError
from limbeck.learn.optim import Adam, Cosine
from limbeck.learn.rules import Momentum
from limbeck.objectives import RepresentationRidge
from limbeck.parameterizations import SoftTargets
from limbeck.recipes.contract import VALIDATION, Method
from limbeck.schedules import Fixed
from limbeck.starts import Representations

DEVIATIONS = (
    "Its tables were not at hand, so that there are no accuracies here to come to.",
    "Steps, real images of a step and the rate of the pool were not at hand either: those are ours; nothing decays.",
    "Its rate is that for CIFAR-100; other data have a tenth of it (--optimizer.inner.learning_rate 1e-5).",
    "The rate falls by half a cosine to 0; the published one falls on a straight line to a thousandth.",
    "The teacher is a ConvNet of width 32, published a ResNet-18: resnet18 as start.teacher.network and as "
    "objective.teacher.network.",
    "Networks of the pool begin fresh with staggered ages; the published ones have learned for a random while.",
    "Its start takes as many images of every class, for which it reads labels; nothing else does.",
    "Published by linear evaluation and transfer to other data; transfer is not here.",
    VALIDATION,
)

METHOD = Method(
    name="krr-st",
    summary="Representations in place of labels: ridge regression to a self-supervised teacher, by a pool of networks.",
    source="Lee et al., Self-Supervised Dataset Distillation for Transfer Learning, ICLR 2024",
    cost="a network trained without labels once, then features of 256 real images and two steps of the set, 100,000 "
    "times",
    recipe=Recipe(
        start=Representations(),
        parameterization=SoftTargets(),
        objective=RepresentationRidge(),
        schedule=Fixed(steps=1000, learning_rate=0.1, optimizer=Momentum(0.9), batch=256, loss=SquaredError()),
        optimizer=Cosine(Adam(learning_rate=1e-4)),
        steps=100_000,
    ),
    deviations=DEVIATIONS,
)
