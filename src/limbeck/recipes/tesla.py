"""Trajectory matching with constant memory."""

from __future__ import annotations

from dataclasses import replace

from limbeck.learn.optim import SGD
from limbeck.objectives import Trajectory
from limbeck.recipes import mtt
from limbeck.recipes.contract import ACCURACY_LADDER, CODE, VALIDATION, Method, Published, expected

PIXELS = 500.0
"""Its commands say 1,000, of half the gradient: in its code the factor of two repeats a tuple, of which the first is
taken. The gradient of the learned rate is whole."""

PUBLISHED: Published = {
    ("cifar10", 1, False): mtt.settings(50, 2, 5, PIXELS, 1e-7, 1e-2),
    ("cifar100", 50, True): mtt.settings(80, 2, 40, PIXELS, 1e-5, 1e-2, batch=125),
}
"""All but that for ImageNet-1K, where labels are an expert's: --start relabelled --parameterization fixed-targets."""
EXPECTED = (
    *expected("cifar10", {1: 48.5, 10: 66.4, 50: 72.6}, "mtt", ACCURACY_LADDER, whitened=True),
    *expected("cifar100", {1: 24.8, 10: 41.7, 50: 47.9}, "mtt", ACCURACY_LADDER, whitened=True),
)
DEVIATIONS = (VALIDATION,)

METHOD = Method(
    name="tesla",
    summary="Trajectory matching whose gradient takes each step of the student alone.",
    source="Cui et al., Scaling Up Dataset Distillation to ImageNet-1K with Constant Memory, ICML 2023",
    cost="as mtt, for twice as many steps",
    recipe=replace(
        mtt.METHOD.recipe,
        objective=Trajectory(alone=True),
        optimizer=SGD(learning_rate=PIXELS, momentum=0.5),
        steps=10_000,
    ),
    published=PUBLISHED,
    expected=EXPECTED,
    deviations=DEVIATIONS,
    settings_from=CODE,
)
