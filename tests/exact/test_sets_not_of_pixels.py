"""Recipes whose sets are not stored as pixels hold no more numbers than the images that they stand for, and step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from limbeck.composition import Recipe
from limbeck.core import tree
from limbeck.core.contracts import Budget, NoCache, Problem
from limbeck.core.key import Key
from limbeck.distillation import Distillation
from limbeck.parameterizations import Frequency, Multiformation
from limbeck.recipes import recipe_for
from limbeck.starts import Real
from limbeck.tasks import load

KEY = Key(("not of pixels",))
TASK = load("digits")
PROBLEM = Problem(TASK, TASK.network("convnet-w4-d1"), torch.device("cpu"), NoCache())
PLAIN = 10 * 64 * 4
"""The bytes of an image of every class, in 32 bits."""
IMAGES = {"haba": 2}
"""Of how many images of a class the storage is needed, where that is not one."""
ITEMS = {
    "idc": 4,
    "idc-i": 1,
    "fred-dc": 2,
    "fred-dm": 2,
    "fred-mtt": 2,
    "rtp": 2,
    "haba": 5,
    "ddif": 1,
    "ddif-dm": 1,
    "autopalette": 2,
    "glad": 2,
}
"""Of a class, at the storage of so many images of the digits."""


def small(name: str) -> Recipe:
    """A recipe as it is for digits, whose start and fit take no time."""
    recipe = recipe_for(name, "digits", 1)
    part: Any = recipe.parameterization
    if hasattr(part, "fit_steps"):
        part = replace(part, fit_steps=2)
    if hasattr(part, "decoder"):
        part = replace(part, steps=1)
    return replace(recipe, start=Real(), parameterization=part)


@pytest.mark.parametrize("name", sorted(ITEMS))
def test_what_is_learned_is_never_larger_than_the_images_that_it_stands_for(name: str) -> None:
    recipe = small(name)
    images = IMAGES.get(name, 1)
    count = recipe.items(PROBLEM, images, None, KEY)
    assert count == ITEMS[name]
    start, params = recipe.started(PROBLEM, count, KEY)
    stored = recipe.parameterization.stored(params).learned
    learned = {group: leaves for group, leaves in stored.items() if group != "targets"}
    assert Budget.of(learned).bytes <= images * PLAIN < recipe.parameterization.cost(TASK, count + 1)
    shown = recipe.parameterization.render(params, KEY)
    assert shown.inputs.shape == (10 * count, 1, 8, 8) and torch.equal(shown.classes, start.classes)


def distance(recipe: Recipe, batch_of: Any, seeds: range) -> float:
    """The loss of what a recipe has, as a mean over fresh networks."""
    objective = recipe.objective
    assert objective is not None
    found = []
    for seed in seeds:
        key = KEY.fold("judged", seed)
        found.append(float(objective.loss(objective.init(PROBLEM, key), PROBLEM, batch_of(key), key)))
    return sum(found) / len(found)


@pytest.mark.parametrize(("name", "rate"), [("idc", 0.5), ("fred-dc", 0.3), ("ddif-dm", 0.01)])
def test_its_steps_bring_what_it_matches_nearer(name: str, rate: float) -> None:
    recipe = small(name)
    objective: Any = replace(recipe.objective, per_class=16)  # type: ignore[type-var]
    if hasattr(objective, "training") and objective.training is not None:
        objective = replace(objective, training=replace(objective.training, steps=1), outer=4)
    optimizer: Any = replace(recipe.optimizer, learning_rate=rate)  # type: ignore[type-var]
    recipe = replace(recipe, objective=objective, optimizer=optimizer, steps=8)
    run = Distillation(PROBLEM, recipe, per_class=1, key=KEY, checks=0, compile=False)
    begun = run.begin()
    state = begun
    for _ in range(recipe.steps):
        state = run.step(state)

    def loss(of: Any) -> float:
        return distance(recipe, lambda key: run.show(tree.detach(of.learned), of.fixed, key), range(4))

    assert loss(state) < loss(begun)


def test_idc_and_fred_begin_at_the_images_of_their_start() -> None:
    images = TASK.load("train", torch.arange(2))
    # A page of one image is that image, and all frequencies are all of it.
    for part in (Multiformation(1), Frequency(64)):
        shown = part.render(part.init(PROBLEM, images, KEY), KEY)
        torch.testing.assert_close(shown.inputs, images.inputs, rtol=1e-4, atol=1e-5)
