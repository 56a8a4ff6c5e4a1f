"""Every parameterization, also within every other that goes around one, under every objective that takes images.

Both come from the registers, so a new part is in the matrix at once. What is refused, is in one line.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from limbeck.composition import Recipe
from limbeck.computations.contract import ProbeContext
from limbeck.computations.experts import Experts, followed
from limbeck.core import tree
from limbeck.core.contracts import AbstractObjective, AbstractParameterization, Budget, Parameters, Problem
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.distillation import Distillation
from limbeck.learn.augment import RolledCrops
from limbeck.learn.optim import Adam
from limbeck.objectives import (
    OBJECTIVES,
    CovarianceDistribution,
    CrossCovariance,
    HarmonicTrajectory,
    Inversion,
    RelaxedTrajectory,
    RepresentationRidge,
    TangentRidge,
    Unrolled,
)
from limbeck.parameterizations import PARAMETERIZATIONS, Bits, Palette, Pixels
from limbeck.parameterizations.bits import rounded
from limbeck.schedules import Fixed, LearnedRates
from limbeck.state import SCHEDULE, State, of_set, restored
from small_graph import OF_GRAPHS

KEY = Key(("matrix",))
FEW = {
    "outer": 1, "inner": 1, "per_class": 4, "batch": 6, "queue": 5, "interval": 2, "pool": 2, "networks": 2,
    "judged": 4, "longest": 3, "window": 2, "updates": 1, "epochs": 4, "latest": 2, "steps": 4, "fit_steps": 5,
    "kept": 24, "components": 24, "examples": 24,
}  # fmt: skip
"""Fields by which parts do less."""
GIVEN: dict[type, dict[str, Any]] = {
    # Converged and unscaled, as it is else no derivative of its loss.
    TangentRidge: {"most": 0.0, "ridge": 10.0, "steps": 10},
    # Published crops are for large images: of these they leave a few pixels.
    Inversion: {"augment": RolledCrops(0.9, roll=0.0)},
    Experts: {"count": 1, "epochs": 4},
    # Of fourth degree in features, so that differences of this step are further off than those of squares.
    CovarianceDistribution: {"weight": 0.1},
}
THROUGH = LearnedRates(Fixed(steps=2, learning_rate=0.05, per_class=1))
"""Two steps of a training, each at a rate that is learned."""
STEP = 1e-5
"""Of central differences, whose error is about its square."""


def fewer(part: Any) -> Any:
    """A part that does less, and so do the parts within it."""
    changed = {}
    for each in fields(part):
        value = getattr(part, each.name)
        if is_dataclass(value):
            changed[each.name] = fewer(value)
        elif each.name in FEW and isinstance(value, int):
            changed[each.name] = min(value, FEW[each.name])
    return replace(part, **{**changed, **GIVEN.get(type(part), {})})


PLAIN = {name: fewer(part()) for name, part in PARAMETERIZATIONS.parts.items() if name not in (*OF_GRAPHS, "windows")}
"""Windows are of recordings, and those of graphs of edges: they have tests of their own."""
AROUND = {name: part for name, part in PLAIN.items() if hasattr(part, "inner")}
OTHERWISE = (RepresentationRidge, HarmonicTrajectory, RelaxedTrajectory, CrossCovariance)
"""Objectives of targets that are what a network says, of recordings, and of pairs: with tests of their own."""
OBJECTIVE = {name: fewer(part()) for name, part in OBJECTIVES.parts.items() if part not in OTHERWISE}
VARIED = {name for name, part in PLAIN.items() if type(part).origins is not AbstractParameterization.origins}
"""Parts some of whose items are variations of one; an objective of those is around another, which it is elsewhere."""
SEEING = Unrolled(per_class=4)
"""An objective that sees inputs, targets and rates."""


def nested() -> Iterator[tuple[str, str, Any, Any]]:
    """Every part that goes around another, around every other: their names, the whole, which may be refused, and it."""
    for (outer, around), (inner, within) in itertools.product(AROUND.items(), PLAIN.items()):
        yield outer, inner, functools.partial(replace, around, inner=within), within


def cells() -> Iterator[Any]:
    """Every part under every objective, and every part within every other under one that sees all of a set."""
    for name, part in PLAIN.items():
        for asked, objective in OBJECTIVE.items():
            if hasattr(objective, "around") and name not in VARIED - AROUND.keys():
                continue
            yield pytest.param(part, objective, id=f"{name}-{asked}")
    for outer, inner, part, within in nested():
        if AROUND[outer].inner != within:
            yield pytest.param(part, SEEING, id=f"{outer}-around-{inner}")


def bits(value: Any) -> list[bytes]:
    return [leaf.detach().numpy().tobytes() for leaf in tree.leaves(value)]


@pytest.fixture(autouse=True)
def two_items(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of each class, whatever storage they take."""
    monkeypatch.setattr(Recipe, "items", lambda *_: 2)


every = pytest.mark.parametrize(("part", "objective"), list(cells()))


def run_of(problem: Problem, part: Any, objective: AbstractObjective) -> Distillation:
    """A distillation of two steps; the experts that it follows are trained."""
    context = ProbeContext(problem)
    for experts in followed(objective):
        for training in experts.trainings(problem):
            context.outcome(training)
    made = part() if callable(part) else part
    recipe = Recipe(parameterization=made, objective=objective, schedule=THROUGH, optimizer=Adam(0.02), steps=2)
    return Distillation(problem, recipe, per_class=1, key=KEY, checks=0, compile=False)


def refusal(do: Callable[[], object]) -> str:
    """What an InputError says; nothing where there is none."""
    try:
        do()
    except InputError as error:
        return str(error)
    return ""


def refused(error: InputError, problem: Problem, part: Any, objective: AbstractObjective) -> None:
    """Assert that a cell is refused in one line: by the objective or by a part around another, or for no slope."""
    found = str(error)
    assert "\n" not in found and "expected" in found
    if "no derivative in anything that is learned" in found:
        # That the loss does not move with what is learned is asserted with the gradients.
        return
    if found == refusal(lambda: objective.init(problem, KEY)):
        assert f"{problem.task.name} has no " in found
    else:
        assert callable(part) and found == refusal(lambda: part().init(problem, problem.real(KEY, 2), KEY))


def loss_of(run: Distillation, state: State) -> Callable[[dict[str, Tree]], Tensor]:
    """The loss of what is learned, under equal draws each time."""
    objective, at = run.recipe.objective, state.objective
    assert objective is not None
    return lambda learned: objective.loss(at, run.problem, run.show(learned, state.fixed, KEY), KEY)


def whole(part: Any, params: Parameters) -> tuple[Any, Parameters]:
    """What renders the same, and whose slopes those of a part that rounds are: the part within, at rounded numbers."""
    if isinstance(part, Bits):
        items = part.items(params)
        inputs = {group: leaves for group, leaves in items.learned.items() if group != "targets"}
        values = tree.map(lambda leaf: rounded(leaf, part.bits).values, inputs)
        return part.inner, Parameters({**items.learned, **values}, items.fixed)
    if isinstance(part, Palette):
        return Pixels(), Parameters({"inputs": part.render(params, KEY).inputs}, params.fixed)
    if not hasattr(part, "inner"):
        return part, params
    own = part.items(params)
    inner, items = whole(part.inner, own)
    fixed = items.fixed if own is params else {**params.fixed, "items": items.fixed}
    learned = {group: leaves for group, leaves in params.learned.items() if group == "targets"}
    return replace(part, inner=inner), Parameters({**learned, **items.learned}, fixed)


def slope_along(loss: Callable[[dict[str, Tree]], Tensor], at: dict[str, Tree], way: dict[str, Tree]) -> float:
    """The central difference of a loss where some groups of what is learned move."""

    @torch.no_grad()
    def moved(by: float) -> float:
        there = tree.map(lambda leaf, step: leaf + by * step, {group: at[group] for group in way}, way)
        return float(loss({**at, **there}))

    return (moved(STEP) - moved(-STEP)) / (2 * STEP)


@every
def test_the_gradient_of_every_group_is_exact(part: Any, objective: Any, double_toy: Problem) -> None:
    try:
        run = run_of(double_toy, part, objective)
        state = run.begin()
    except InputError as error:
        return refused(error, double_toy, part, objective)
    # Away from the start, where what chooses the nearest may find two alike.
    flat = tree.flatten(state.learned)
    moved = {path: leaf.double() + 0.01 * KEY.fold(path).normal(*leaf.shape) for path, leaf in flat.items()}
    learned = tree.unflatten(state.learned, moved)
    loss, gradient = loss_of(run, state), run.recipe.estimator.gradient
    try:
        value, gradients = gradient(loss, learned, KEY)
    except InputError as error:
        with torch.no_grad():
            assert float(loss(learned)) == float(loss(state.learned))
        return refused(error, double_toy, part, objective)

    smooth, at = whole(run.recipe.parameterization, Parameters(of_set(learned), state.fixed))
    straight = set(at.learned) if smooth != run.recipe.parameterization else set()
    if straight:
        beside = loss_of(
            replace(run, recipe=replace(run.recipe, parameterization=smooth)), state._replace(fixed=at.fixed)
        )
        known, expected = gradient(beside, {**at.learned, SCHEDULE: learned[SCHEDULE]}, KEY)
        torch.testing.assert_close(value, known)
        torch.testing.assert_close(
            {group: gradients[group] for group in straight}, {group: expected[group] for group in straight}
        )
    # The rates move with each group of the set: a loss may take a while.
    for group in learned.keys() - straight - {SCHEDULE}:
        moving = {name: learned[name] for name in (group, SCHEDULE)}
        ways = {path: KEY.fold("way", path).normal(*leaf.shape).double() for path, leaf in tree.flatten(moving).items()}
        way = tree.unflatten(moving, ways)
        exact = float(tree.dot({name: gradients[name] for name in moving}, way))
        assert slope_along(loss, learned, way) == pytest.approx(exact, rel=1e-6, abs=1e-9 * (1 + abs(float(value)))), (
            group
        )


# Shapes are checked by the test above.
@every
@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.filterwarnings("ignore:objective .* the first step changed nothing")
def test_a_run_goes_on_bit_for_bit(part: Any, objective: Any, toy: Problem) -> None:
    try:
        run = run_of(toy, part, objective)
        begun = run.begin()
        once = run.step(begun)
    except InputError as error:
        return refused(error, toy, part, objective)
    # A step sees nothing but the state before it: one after the interruption stands for all.
    kept = {name: leaf.clone() for name, leaf in tree.flatten((once, begun)).items()}
    unbroken = run.step(once)
    resumed = run.step(restored((begun, begun), kept)[0])
    assert bits(resumed) == bits(unbroken) and bits(run.outcome(resumed).params) == bits(run.outcome(unbroken).params)


WITHIN = [pytest.param(*each, id=f"{outer}-{inner}") for outer, inner, *each in nested()]


@pytest.mark.parametrize(("part", "inner"), WITHIN)
def test_a_part_around_another_shows_its_items_and_stores_what_it_says(part: Any, inner: Any, toy: Problem) -> None:
    start = toy.real(KEY, 2)
    if refusal(lambda: part().init(toy, start, KEY)):
        return
    made = part()
    params = made.init(toy, start, KEY)
    shown, alone = made.render(params, KEY), inner.render(inner.init(toy, start, KEY), KEY)
    assert torch.equal(shown.classes, alone.classes)
    if not isinstance(made, Bits):
        assert torch.equal(shown.inputs, alone.inputs)
    stored = made.stored(params)
    assert bits(stored) == bits(made.stored(stored)) and bits(made.render(stored, KEY)) == bits(shown)
    inputs = {group: leaves for group, leaves in stored.learned.items() if group != "targets"}
    assert Budget.of(inputs).bytes == (made.cost(toy.task, 2) if inputs else 0)
    assert made.views == inner.views
