"""Trajectory matching under the soft labels of an expert."""

from __future__ import annotations

from dataclasses import replace

from limbeck.parameterizations import FixedTargets, Pixels
from limbeck.recipes import mtt
from limbeck.recipes.contract import ACCURACY_LADDER, Method, expected
from limbeck.starts import Real, Relabelled

PUBLISHED = mtt.PUBLISHED
EXPECTED = (*expected("cifar10", {1: 48.5, 10: 66.4, 50: 72.6}, "mtt", ACCURACY_LADDER, whitened=True),)
DEVIATIONS = (
    "The published gradient takes each step of the student alone, from parameters it does not differentiate; here it "
    "is exact through all steps, which is another estimator.",
    "Labels are given once; the published code gives them anew at each step. Its commands learn under hard labels.",
    "The other settings are those of mtt.",
    *mtt.DEVIATIONS,
)

METHOD = Method(
    name="tesla",
    summary="Trajectory matching under soft labels that an expert gave the real images of the start.",
    source="Cui et al., Scaling Up Dataset Distillation to ImageNet-1K with Constant Memory, ICML 2023",
    cost="as mtt, for twice as many steps",
    recipe=replace(mtt.METHOD.recipe, start=Relabelled(Real()), parameterization=FixedTargets(Pixels()), steps=10_000),
    published=PUBLISHED,
    expected=EXPECTED,
    deviations=DEVIATIONS,
)
