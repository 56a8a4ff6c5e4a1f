"""Inversion of a teacher under crops that go from whole images to small parts of them."""

from __future__ import annotations

from dataclasses import replace

from limbeck.learn.optim import Adam, Cosine
from limbeck.learn.rolled_crops import RolledCrops
from limbeck.objectives import Inversion
from limbeck.recipes import sre2l
from limbeck.recipes.contract import ITS_OWN, Method, expected

STEPS = 4_000
TABLE = sre2l.TABLE
EXPECTED = (
    *expected("cifar10", {50: 54.5}, ITS_OWN, TABLE, network="resnet18"),
    *expected("cifar100", {50: 56.2}, ITS_OWN, TABLE, network="resnet18"),
    *expected("tiny_imagenet", {50: 53.0}, ITS_OWN, TABLE, network="resnet18"),
)

METHOD = Method(
    name="cda",
    summary="As sre2l, under crops that go from whole images to small parts of them as the steps go by.",
    source="Yin & Shen, Dataset Distillation via Curriculum Data Synthesis in Large Data Era (CDA), 2023",
    cost=sre2l.METHOD.cost,
    recipe=replace(
        sre2l.RECIPE,
        objective=Inversion(augment=RolledCrops(least_at_first=1.0)),
        optimizer=Cosine(Adam(learning_rate=0.25, beta1=0.5, beta2=0.9)),
        steps=STEPS,
    ),
    expected=EXPECTED,
    deviations=(*sre2l.DEVIATIONS, "The learning rate is 0.25 throughout; 0.25 to 0.4 was published, by the data."),
)
